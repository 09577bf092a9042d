#include <gtest/gtest.h>

#include "cost/detail/test_case.hpp"
#include "cost/power.hpp"

namespace rigcast::cost {
namespace {

using test::Case;

TEST(Power, OfDevicesHostsAndPackages) {
  Case c;
  c.rig.devices[0].device.power = catalog::Fact<Watts>{Watts(400), {}, {}};
  c.rig.hosts[0].processor.emplace();
  c.rig.hosts[0].processor->power = catalog::Fact<Watts>{Watts(280), {}, {}};
  c.rig.hosts[0].sockets = 2;
  const auto watts = [&] {
    auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    Calibration instant;   // no launches, no host work: the device is busy all the time
    for (const char* one : {"launch", "host_step"}) instant.effects[one] = {20, 0.1, 1};   // each on its own: the second may move the first
    resolve(*load, instant);
    std::vector<StageWork> work;
    add_decode(*load, 0, 1, 1, work);
    return decode_power(c.rig, c.place, *load, work);
  };
  // 0.75 x 400 of the card; 20 of the board and a quarter of 2 x 280 of the idle processors.
  ASSERT_TRUE(watts());
  EXPECT_NEAR(watts()->value(), 300 + 20 + 140, 0.5);
  // A second host with a device that takes part: its board and idle processor, and the other card, idle while the first works.
  Case alone = c;
  c.rig.hosts.push_back(c.rig.hosts[0]);
  c.rig.devices.push_back(c.rig.devices[0]);
  c.rig.devices[1].index = c.rig.devices[1].card = 1;
  c.rig.devices[1].host = 1;
  EXPECT_NEAR(watts()->value(), 300 + 20 + 140, 0.5) << "not used";
  c.place.devices.push_back(c.place.devices[0]);
  c.place.devices[1].device = 1;
  EXPECT_NEAR(watts()->value(), 300 + 2 * (20 + 140) + 0.08 * 400, 15);
  c = alone;
  c.rig.devices[0].device.unified = true;   // one package: its figure holds the processor
  EXPECT_NEAR(watts()->value(), 300 + 8, 0.5);
  c.place.devices.clear();                  // computed by its processor alone, for the whole step: the same package
  c.place.mode = placement::Mode::cpu;
  c.place.tensor_device = {placement::kHost};
  c.rig.hosts[0].bandwidth = Bandwidth(80e9);
  EXPECT_NEAR(watts()->value(), 300 + 8, 0.5);
  c.place = alone.place;
  c.rig.devices[0].device.vendor = "apple";   // whose figure is what the wall gives at most: half of 400
  EXPECT_NEAR(watts()->value(), 200 + 8, 0.5);
  c.rig.devices[0].device.power.reset();
  EXPECT_FALSE(watts());                    // nobody knows: nothing is said
}

// Half of what decoding draws: of a step of 50 us of reading and 50 us of starting kernels the card waits 1/2, and draws 1/2 + 1/4 of it.
TEST(Power, WaitingCardsDrawHalf) {
  Case c;
  c.rig.devices[0].device.power = catalog::Fact<Watts>{Watts(400), {}, {}};
  c.rig.devices[0].device.idle = catalog::Fact<Watts>{Watts(100), {}, {}};
  c.rig.devices[0].device.unified = true;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  int reading = -1, starting = -1;
  for (std::size_t i = 0; i < load->stages.size(); ++i) {
    if (load->stages[i].kind == StageKind::weights) reading = static_cast<int>(i);
    if (load->stages[i].kind == StageKind::launch) starting = static_cast<int>(i);
  }
  ASSERT_TRUE(reading >= 0 && starting >= 0);
  const auto work = [&](int stage) {
    const int path = load->stages[static_cast<std::size_t>(stage)].memory;
    const Path& p = load->paths[static_cast<std::size_t>(path)];
    return StageWork{.stage = stage, .memory = path, .compute = -1, .bytes = 50e-6 * p.peak * p.efficiency, .flop = 0};
  };
  // 100 idle, 0.75 x (0.75 x 400 - 100) more, and 8 W of board.
  EXPECT_NEAR(decode_power(c.rig, c.place, *load, {work(reading), work(starting)})->value(), 100 + 0.75 * 200 + 8, 0.1);
}

// A card that is held to 100 W draws no more, whatever its data sheet says, nor does its share of the interval; the host comes on top.
TEST(Power, CapsHold) {
  Case c;
  c.rig.devices[0].device.power = catalog::Fact<Watts>{Watts(400), {}, {}};
  c.rig.devices[0].power_limit = Watts(100);
  c.rig.hosts[0].processor.emplace();
  c.rig.hosts[0].processor->power = catalog::Fact<Watts>{Watts(280), {}, {}};
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration instant;
  for (const char* one : {"launch", "host_step"}) instant.effects[one] = {20, 0.1, 1};
  resolve(*load, instant);
  const Speed speed = estimate_load(*load, c.rig, c.place, {}, instant);
  ASSERT_TRUE(speed.power);
  const double host = 20 + 0.25 * 280;
  EXPECT_LE(speed.power->value.p50, 100 + host + 0.5);
  EXPECT_LE(speed.power->value.p90, 100 + 1.2 * host + 0.5);
  EXPECT_LE(speed.power->value.p50, speed.power->value.p90);
}

}  // namespace
}  // namespace rigcast::cost
