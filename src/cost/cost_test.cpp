#include "cost/cost.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "cost/terms.hpp"

namespace rigcast::cost {
namespace {

// One matrix of 140 GB in F16, one layer, one device of 4.8 TB/s.
struct Case {
  model::Architecture model;
  rig::Rig rig;
  placement::Placement place;
  Case() {
    model.hidden = 4096;
    model.layers.resize(1);
    model.layers[0].feed_forward.kind = model::FeedForwardKind::dense;
    model::Tensor t;
    t.name = "blk.0.ffn_up.weight";
    t.role = model::Role::dense_ffn;
    t.layer = 0;
    t.shape = {4096, 17089844, 1, 1};  // 70e9 elements
    t.quant = "f16";
    t.bytes = Bytes(140e9);
    model.tensors = {t};
    rig::RigDevice d;
    d.device.key = "test";
    d.device.architecture = "hopper";
    d.device.bandwidth = catalog::Fact<Bandwidth>{Bandwidth(4.8e12), {}, {}};
    d.device.rates["fp16"] = {FlopRate(989e12), {}, {}};
    rig.devices = {d};
    rig.hosts.resize(1);
    place.engine = "llama.cpp";
    place.backend = "cuda";
    place.tensor_device = {0};
    place.kv_device = {0};
    place.devices.resize(1);
  }
};

double stage_seconds(const Load& load, const std::vector<StageWork>& work, StageKind kind) {
  double sum = 0;
  for (const StageWork& w : work)
    if (load.stages[static_cast<std::size_t>(w.stage)].kind == kind) sum += seconds(load, w);
  return sum;
}

TEST(Cost, WeightsAtFullBandwidth) {
  Case c;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  // 140 GB / 4.8 TB/s = 29.167 ms; 16 padded rows of 140 Gflop at 989 Tflop/s are 2.3 ms: (29.167^4 + 2.26^4)^(1/4) = 29.167.
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3, 1e-5);
}

TEST(Cost, EffectsMultiplyEfficiency) {
  Case c;
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration calibration;
  calibration.effects["weights"] = {std::log(0.8), 0.1, 1};
  calibration.effects["weights|device=test"] = {std::log(0.5), 0.1, 1};
  resolve(*load, calibration);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3 / 0.4, 1e-4);  // 0.8 x 0.5
}

TEST(Cost, TensorParallelHalvesWeights) {
  Case c;
  c.rig.devices.push_back(c.rig.devices[0]);
  c.place.mode = placement::Mode::tensor;
  c.place.devices.resize(2);
  c.place.devices[1].device = 1;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3 / 2, 1e-5);
  EXPECT_GT(stage_seconds(*load, work, StageKind::all_reduce), 0);
}

TEST(Cost, UnknownBandwidthIsRefused) {
  Case c;
  c.rig.devices[0].device.bandwidth.reset();
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_FALSE(load);
  EXPECT_EQ(load.error().kind, ErrorKind::unsupported);
}

TEST(Cost, SpreadTakesTheMostParticularGroup) {
  Case c;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration calibration;
  calibration.spreads["decode"] = {-1, 1, 100};
  calibration.spreads["decode|extrapolated"] = {-0.5, 0.25, 40};
  const auto speed = estimate_load(*load, c.rig, c.place, {}, calibration);
  EXPECT_EQ(speed.decode.grade, Grade::extrapolated);
  EXPECT_NEAR(speed.decode.value.p10 / speed.decode.value.p50, std::exp(-0.5), 1e-12);
  EXPECT_NEAR(speed.decode.value.p90 / speed.decode.value.p50, std::exp(0.25), 1e-12);
}

TEST(Cost, CalibrationErrorsNameTheLine) {
  const auto bad = parse_calibration("effect,mean,sd,observations\nweights,x,0,0\n", "");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().where.line, 2);
}

}  // namespace
}  // namespace rigcast::cost
