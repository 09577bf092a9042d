#include "placement/search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace rigcast::placement {
namespace {

// A world small enough to enumerate: a layer holds `base` and, in a MoE, `experts`; a device or the host needs their sum plus a fixed
// compute buffer; time is bytes read over bandwidth.
struct ToyWorld {
  model::Architecture architecture;
  rig::Rig rig;
  double compute = 0.5e9;
  double host_bandwidth = 60e9;
  double host_memory = 512e9;

  static catalog::Engine engine() {
    catalog::Engine llama;
    llama.key = "llama.cpp";
    llama.splits = {"layer", "cpu-experts", "cpu-layers", "cpu"};
    return llama;
  }

  void add_device(double memory, double bandwidth) {
    rig::RigDevice device;
    device.index = static_cast<int>(rig.devices.size());
    device.device.key = "toy-" + std::to_string(device.index);
    device.memory = Bytes(memory);
    device.device.bandwidth = catalog::Fact<Bandwidth>{Bandwidth(bandwidth), catalog::Basis::vendor, {}};
    rig.devices.push_back(device);
  }

  void add_layers(int count, double base, double experts = 0, int used = 1, int all = 1) {
    for (int l = 0; l < count; ++l) {
      model::Layer layer;
      if (experts > 0) layer.feed_forward = {model::FeedForwardKind::moe, 0, all, used, 1, 0, 0, true};
      architecture.layers.push_back(layer);
      const auto tensor = [&](model::Role role, double bytes) {
        model::Tensor t;
        t.role = role;
        t.layer = l;
        t.bytes = Bytes(bytes);
        architecture.tensors.push_back(t);
      };
      tensor(model::Role::attention, base);
      if (experts > 0) tensor(model::Role::expert_ffn, experts);
    }
    architecture.max_context = 4096;
  }

  Placement lay_out(const Settings& settings) const {
    Placement placement;
    placement.settings = settings;
    placement.mode = settings.mode;
    const int total = static_cast<int>(architecture.layers.size()) + 1;
    const int on_host = settings.mode == Mode::cpu ? total : total - std::min(total, settings.gpu_layers < 0 ? total : settings.gpu_layers);
    const auto device_of = [&](int layer) {
      if (layer < on_host) return kHost;
      double sum = 0, share = 0;
      for (const double part : settings.split) sum += part;
      for (std::size_t d = 0; d < settings.split.size(); ++d) {
        share += settings.split[d];
        if (layer - on_host < share / sum * (total - on_host) - 1e-9) return static_cast<int>(d);
      }
      return static_cast<int>(rig.devices.size()) - 1;
    };
    std::vector<double> held(rig.devices.size(), 0);
    double host = 0;
    seconds_ = 0;
    for (const model::Tensor& tensor : architecture.tensors) {
      int device = device_of(tensor.layer);
      double read = tensor.bytes.value();
      if (tensor.role == model::Role::expert_ffn) {
        const auto& ffn = architecture.layers[static_cast<std::size_t>(tensor.layer)].feed_forward;
        read *= static_cast<double>(ffn.experts_used) / ffn.experts;
        if (tensor.layer < settings.cpu_moe_layers) device = kHost;
      }
      placement.tensor_device.push_back(device);
      if (device == kHost) { host += tensor.bytes.value(); seconds_ += read / host_bandwidth; }
      else {
        held[static_cast<std::size_t>(device)] += tensor.bytes.value();
        seconds_ += read / rig.devices[static_cast<std::size_t>(device)].device.bandwidth->value.value();
      }
    }
    placement.fits = host <= host_memory;
    for (std::size_t d = 0; d < held.size(); ++d) {
      if (held[d] <= 0) continue;
      DeviceShare share;
      share.device = static_cast<int>(d);
      share.memory.weights = Bytes(held[d]);
      share.memory.compute = Bytes(compute);
      share.capacity = rig.devices[d].memory;
      const double missing = std::max(0.0, held[d] + compute - share.capacity.value());
      placement.missing.push_back(Bytes(missing));
      placement.devices.push_back(share);
      if (missing > 0) placement.fits = false;
    }
    placement.missing.push_back(Bytes(std::max(0.0, host - host_memory)));
    placement.host.weights = Bytes(host);
    return placement;
  }

  Found find(const Goal& goal = {}) const {
    const auto lay = [this](const Settings& settings, Count) -> Result<Placement> { return lay_out(settings); };
    const auto cost = [this](const Placement& placement) -> Result<Speeds> {
      (void)lay_out(placement.settings);
      return Speeds{1 / seconds_, 1 / seconds_, 1 / seconds_};
    };
    return search(engine(), architecture, rig, goal, Settings{}, lay, cost);
  }

  mutable double seconds_ = 0;
};

double best_by_enumeration(const ToyWorld& world) {
  const int total = static_cast<int>(world.architecture.layers.size()) + 1;
  double best = 0;
  for (int experts_out = 0; experts_out < total; ++experts_out)
    for (int host = 0; host < total; ++host)
      for (int first = 0; first <= total - host; ++first) {
        Settings settings;
        settings.mode = Mode::layer;
        settings.gpu_layers = total - host;
        settings.cpu_moe_layers = experts_out;
        settings.split = {static_cast<double>(first), static_cast<double>(total - host - first)};
        if (world.lay_out(settings).fits) best = std::max(best, 1 / world.seconds_);
      }
  return best;
}

TEST(Search, TwoUnequalCardsWithinTwoPercentOfEnumeration) {
  for (const double layer : {0.3e9, 0.9e9, 1.3e9, 1.9e9}) {
    ToyWorld world;
    world.add_device(24e9, 936e9);
    world.add_device(16e9, 288e9);
    world.add_layers(24, layer);
    const Found found = world.find();
    ASSERT_FALSE(found.ranked.empty()) << layer;
    EXPECT_GE(found.ranked.front().score, 0.98 * best_by_enumeration(world)) << layer;
  }
}

TEST(Search, ExpertsLeaveOnlyAsFarAsMemoryDemands) {
  ToyWorld world;
  world.add_device(24e9, 936e9);
  world.add_device(24e9, 936e9);
  world.add_layers(24, 0.2e9, 4e9, 8, 128);  // 96 GB of experts on 48 GB of cards
  const Found found = world.find();
  ASSERT_FALSE(found.ranked.empty());
  EXPECT_EQ(found.ranked.front().kind, "experts on host");
  EXPECT_GE(found.ranked.front().score, 0.98 * best_by_enumeration(world));
}

// What brute force finds over every number of host layers and experts and every split of two or three cards, each card left out or not.
double best_of_all_splits(const ToyWorld& world, bool moe) {
  const int total = static_cast<int>(world.architecture.layers.size()) + 1, cards = static_cast<int>(world.rig.devices.size());
  double best = 0;
  Settings settings;
  const auto tried = [&] {
    if (world.lay_out(settings).fits) best = std::max(best, 1 / world.seconds_);
  };
  settings.mode = Mode::cpu;
  tried();
  settings.mode = Mode::layer;
  for (settings.cpu_moe_layers = 0; settings.cpu_moe_layers <= (moe ? total - 1 : 0); ++settings.cpu_moe_layers)
    for (settings.gpu_layers = 1; settings.gpu_layers <= total; ++settings.gpu_layers)
      for (int first = 0; first <= settings.gpu_layers; ++first)
        for (int second = cards == 2 ? settings.gpu_layers - first : 0; second <= settings.gpu_layers - first; ++second) {
          settings.split = {double(first), double(second)};
          if (cards == 3) settings.split.push_back(double(settings.gpu_layers - first - second));
          tried();
        }
  return best;
}

// Cards of random memory and bandwidth, models of half to three times what they hold, hosts that hold the rest or hardly.
TEST(Search, RandomRigsWithinTwoPercentOfBruteForce) {
  std::uint64_t state = 20261128;
  const auto random = [&](double low, double high) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return low + (high - low) * static_cast<double>(state >> 40) / static_cast<double>(1 << 24);
  };
  int compared = 0;
  for (int number = 0; number < 60; ++number) {
    ToyWorld world;
    const int cards = number % 2 + 2;
    const bool moe = number % 3 == 0;
    double memory = 0;
    for (int c = 0; c < cards; ++c) {
      const double mine = 1e9 * random(8, 32);
      world.add_device(mine, 1e9 * random(200, 1800));
      memory += mine;
    }
    const int layers = static_cast<int>(random(6, 14));
    const double bytes = memory * random(0.5, moe ? 3 : 1.6), each = bytes / layers;
    world.host_memory = bytes * random(0.3, 1.5);
    world.host_bandwidth = 1e9 * random(20, 120);
    world.add_layers(layers, moe ? 0.15 * each : each, moe ? 0.85 * each : 0, 4, 64);
    const double best = best_of_all_splits(world, moe);
    const Found found = world.find();
    const double ours = found.ranked.empty() ? 0 : found.ranked.front().score;
    compared += best > 0 ? 1 : 0;
    EXPECT_GE(ours, 0.98 * best) << "rig " << number << ": " << cards << " cards, " << layers << (moe ? " layers with experts" : " layers");
    EXPECT_LE(ours, 1.000001 * best) << "rig " << number << " is better than brute force: it does not enumerate what the search proposes";
  }
  EXPECT_GE(compared, 45) << "of 60 rigs that hold their model at all";
}

// Who asks for the best alone gets the winner of the whole search, from fewer layouts: equal cards, hosts from a tenth of their bandwidth to
// more than it.
TEST(Search, TheBestAloneIsTheWinnerOfAll) {
  std::uint64_t state = 20261129;
  const auto random = [&](double low, double high) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return low + (high - low) * static_cast<double>(state >> 40) / static_cast<double>(1 << 24);
  };
  int saved = 0, on_host = 0;
  for (int number = 0; number < 200; ++number) {
    ToyWorld world;
    const int cards = number % 4 + 1;
    const bool moe = number % 3 == 0;
    const double memory = 1e9 * random(8, 32), bandwidth = 1e9 * random(200, 1800);
    for (int c = 0; c < cards; ++c) {
      world.add_device(memory, bandwidth);
      world.rig.devices.back().device.key = "toy";
    }
    world.host_bandwidth = bandwidth * random(0.1, 1.2);
    world.rig.hosts.resize(1);
    world.rig.hosts.front().bandwidth = Bandwidth(world.host_bandwidth);
    const int layers = static_cast<int>(random(6, 60));
    const double each = memory * cards * random(0.3, 1.6) / layers;
    world.add_layers(layers, moe ? 0.15 * each : each, moe ? 0.85 * each : 0, 4, 64);
    Goal goal;
    const Found all = world.find(goal);
    goal.best_only = true;
    const Found best = world.find(goal);
    ASSERT_EQ(best.ranked.empty(), all.ranked.empty()) << "rig " << number;
    if (all.ranked.empty()) continue;
    EXPECT_EQ(best.ranked.front().kind, all.ranked.front().kind) << "rig " << number;
    EXPECT_EQ(best.ranked.front().score, all.ranked.front().score) << "rig " << number;
    EXPECT_LE(best.laid_out, all.laid_out) << "rig " << number;
    saved += best.laid_out < all.laid_out ? 1 : 0;
    on_host += all.ranked.front().placement.host.weights > Bytes{} ? 1 : 0;
  }
  EXPECT_GE(saved, 40);
  EXPECT_GE(on_host, 40);
}

TEST(Search, SaysWhatIsMissing) {
  ToyWorld world;
  world.host_memory = 1e9;
  world.add_device(24e9, 936e9);
  world.add_layers(30, 1e9);  // 30 GB, 6.5 GB too much with the compute buffer
  const Found found = world.find();
  EXPECT_TRUE(found.ranked.empty());
  ASSERT_FALSE(found.rejected.empty());
  EXPECT_EQ(found.rejected.front().kind, "one device");
  EXPECT_NEAR(found.rejected.front().missing.value(), 6.5e9, 1);
}

TEST(Search, EightDevicesAndNinetyFourLayersTakeFewLayouts) {
  ToyWorld world;
  for (int d = 0; d < 8; ++d) world.add_device(24e9, d % 2 == 0 ? 936e9 : 448e9);
  world.add_layers(94, 0.1e9, 2.4e9, 8, 128);  // 235 GB on 192 GB
  const Found found = world.find();
  ASSERT_FALSE(found.ranked.empty());
  EXPECT_LE(found.laid_out, 20);  // an exact layout takes about a millisecond: 50 ms hold all of them
}

// 512 tokens read at 239 and written at 39.2 (the first) to 12.8 (the last) a second: 2 / (1/39.2 + 1/12.8) = 19.3 a second over the context and
// 512 / (512/239 + 512/19.3) = 17.86 of the answer; read at 2608 and written at 17.1 to 16.2 it is 16.53. With a context that slows reading down
// to 60 as well, 512/2 (1/239 + 1/60) = 5.34 s of reading leave the first 16.06: it loses.
TEST(Objective, AnAnswerIsReadAndWritten) {
  const Speeds on_host{39.2, 239, 12.8, 0, 0, 0, 0, 60}, beside{17.1, 2608, 16.2};
  const auto answer = [](const Speeds& speeds) { return answer_speed(decode_over_context(speeds), reading_over_context(speeds, 512), 1); };
  EXPECT_NEAR(reading_over_context(on_host, 512), 5.338, 0.001);
  EXPECT_NEAR(answer(on_host), 16.06, 0.01);
  EXPECT_NEAR(answer(beside), 16.53, 0.02);
  EXPECT_EQ(answer_speed(20, 0, 8), 20);   // nothing to read
  EXPECT_NEAR(answer_speed(80, 1, 4), 4 * 512 / (1 + 4 * 512 / 80.0), 1e-9);   // four streams share the writing, each waits for its own prompt
}

TEST(Objective, NearestNameIsGiven) {
  const auto objective = parse_objective("prefil");
  ASSERT_FALSE(objective);
  EXPECT_EQ(objective.error().nearest, "prefill");
}

}  // namespace
}  // namespace rigcast::placement
