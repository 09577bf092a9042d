#pragma once
// A PlanAnswer made by hand: 18.4 GiB of weights on two 24 GiB cards, every figure chosen so that the printed one is easy to check.

#include "app/plan.hpp"

namespace rigcast::test {

inline catalog::Device sample_card() {
  catalog::Device card;
  card.key = "rtx-3090";
  card.name = "GeForce RTX 3090";
  card.vendor = "nvidia";
  card.architecture = "ampere";
  card.release = "2020-09";
  card.memory = {Bytes(24 * kGiB), catalog::Basis::vendor, {"vendor data sheet", "2020-09"}};
  card.bandwidth = catalog::Fact<Bandwidth>{Bandwidth(936.2e9), catalog::Basis::vendor, {"vendor data sheet", "2020-09"}};
  card.rates["fp16"] = {FlopRate(71.2e12), catalog::Basis::vendor, {"architecture white paper", "2020-10"}};
  card.rates["fp16_acc16"] = {FlopRate(142.3e12), catalog::Basis::vendor, {"architecture white paper", "2020-10"}};
  card.power = catalog::Fact<Watts>{Watts(350), catalog::Basis::vendor, {"vendor data sheet", "2020-09"}};
  card.caveats = {"No FP8 hardware: FP8 weights are computed as FP16."};
  card.disputed = {{"rates.fp16", "35.6 Tflop/s", {"a forum post", "2023-01"}, "the rate without matrix units"}};
  return card;
}

inline cost::Estimate sample_estimate(double p50, const char* unit) {
  cost::Estimate estimate;
  estimate.value = {p50 * 0.9, p50, p50 * 1.1};
  estimate.unit = unit;
  estimate.grade = cost::Grade::near;
  return estimate;
}

inline app::PlanAnswer sample_answer() {
  app::PlanAnswer answer;
  answer.request.model = "qwen3-32b:q4_k_m";
  answer.request.rig = "2xrtx-3090; host=epyc-7532";
  answer.request.placement.context = 32768;
  answer.architecture.key = "qwen3-32b";
  answer.architecture.name = "Qwen3 32B";
  answer.architecture.family = "qwen3";
  answer.architecture.quant = "Q4_K_M";
  answer.architecture.max_context = 40960;
  answer.architecture.layers.resize(64);
  model::Tensor tensor;
  tensor.name = "blk.0.ffn_down.weight";
  tensor.role = model::Role::dense_ffn;
  tensor.shape = {32'000'000, 1000, 1, 1};
  tensor.bytes = Bytes(18.4 * kGiB);
  answer.architecture.tensors = {tensor};
  answer.rig.spec = answer.request.rig;
  answer.rig.notes = {"no memory size is given for the host"};
  answer.rig.hosts.resize(1);
  answer.rig.hosts[0].name = "epyc-7532";
  for (int i = 0; i < 2; ++i) {
    rig::RigDevice device;
    device.device = sample_card();
    device.index = device.card = i;
    device.memory = Bytes(24 * kGiB);
    answer.rig.devices.push_back(device);
    placement::DeviceShare share;
    share.device = i;
    share.layer_count = 32;
    share.first_layer = 32 * i;
    share.memory = {Bytes(9 * kGiB), Bytes(4 * kGiB), {}, Bytes(0.5 * kGiB), Bytes(0.25 * kGiB)};
    share.capacity = Bytes(24 * kGiB);
    answer.placement.devices.push_back(share);
  }
  answer.engine.key = answer.engine.name = answer.placement.engine = "llama.cpp";
  answer.placement.backend = "cuda";
  answer.placement.mode = placement::Mode::layer;
  answer.placement.settings.context = 32768;
  answer.placement.host.weights = Bytes(0.4 * kGiB);
  answer.placement.host_capacity = Bytes(64 * kGiB);
  answer.placement.fits = true;
  answer.placement.missing.resize(3);
  answer.placement.flags = {{"-ngl 99", "all layers on the devices"}};
  answer.placement.caveats = {{"no-fp8", "No FP8 hardware: FP8 weights are computed as FP16.", "architecture white paper"}};
  answer.launch.line = "llama-server -m qwen3-32b-q4_k_m.gguf -ngl 99 -c 32768 -sm layer -ts 1,1 -fa on -ub 512 -b 2048 --threads 32";
  answer.speed = cost::Speed{sample_estimate(34.12, "token/s"), sample_estimate(1210, "token/s"), sample_estimate(0.4812, "s"),
                             sample_estimate(540, "W"), sample_estimate(15.83, "J/token")};
  answer.speed->decode.derivation = {
      {"weights", "device 0", 9 * kGiB, "B", 936.2e9, 0.8, Seconds(0.0129), false},
      {"weights", "device 1", 9 * kGiB, "B", 936.2e9, 0.8, Seconds(0.0129), false},
      {"kv", "devices", 1 * kGiB, "B", 936.2e9, 0.6, Seconds(0.0019), false},
      {"launch", "devices", 900, "launches", 0, 1, Seconds(0.0009), false},
      {"link", "link 0-1", 20480, "B", 25e9, 0.5, Seconds(0.00002), false},
  };
  answer.speed->decode.evidence = {{"o-17", "rtx-3090", "llama.cpp", "cuda", "qwen3-14b", "Q4_K_M", "https://example.org/bench", "2025-06", 62.1, 60.4, ""}};
  answer.speed->prefill.derivation = {{"weights", "device 0", 32.8e12, "flop", 71.2e12, 0.55, Seconds(0.42), true}};
  return answer;
}

}  // namespace rigcast::test
