#pragma once
// What the tests of this room cost: one matrix on one device.

#include "cost/cost.hpp"
#include "cost/terms.hpp"

namespace rigcast::cost::test {

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
    catalog::name_chip(d.device);
    rig.devices = {d};
    rig.hosts.resize(1);
    place.engine = "llama.cpp";
    place.backend = "cuda";
    place.tensor_device = {0};
    place.kv_device = {0};
    place.devices.resize(1);
  }
  // A second device like the first, that has its part in the placement.
  void on_two_devices() {
    rig.devices.push_back(rig.devices[0]);
    place.devices.resize(2);
    place.devices[1].device = 1;
  }
  // The same on two cores that read 80 GB/s, and no device.
  rig::Host& on_processor() {
    rig.devices.clear();
    place.devices.clear();
    place.mode = placement::Mode::cpu;
    rig.hosts.front().cores = 2;
    rig.hosts.front().bandwidth = Bandwidth(80e9);
    return rig.hosts.front();
  }
};

inline double stage_bytes(const Load& load, const std::vector<StageWork>& work, StageKind kind) {
  double sum = 0;
  for (const StageWork& w : work)
    if (load.stages[static_cast<std::size_t>(w.stage)].kind == kind) sum += w.bytes;
  return sum;
}

inline double stage_seconds(const Load& load, const std::vector<StageWork>& work, StageKind kind) {
  double sum = 0;
  for (const StageWork& w : work)
    if (load.stages[static_cast<std::size_t>(w.stage)].kind == kind) sum += seconds(load, w);
  return sum;
}

}  // namespace rigcast::cost::test
