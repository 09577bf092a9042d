// Weights and caches in the host's memory beside a device.
#include <cmath>

#include <gtest/gtest.h>

#include "cost/detail/test_case.hpp"

namespace rigcast::cost {
namespace {

using test::Case;

// Half of 140 GB lie in the host's memory: 70 GB cross a link of 25 GB/s in every step, whatever the batch, or no faster than that memory gives them.
TEST(Cost, WeightsReadFromTheHostsMemoryCrossTheLink) {
  Case c;
  c.place.engine = "vllm";
  c.place.lent = {0.5};
  catalog::LinkType pcie;
  pcie.name = "PCIe 4.0 x16";
  pcie.bandwidth.value = Bandwidth(25e9);
  c.rig.links.push_back({0, -1, pcie, false});
  c.rig.hosts[0].bandwidth = Bandwidth(80e9);
  const auto link_seconds = [&](double sequences) {
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    EXPECT_FALSE(load->offloaded);
    std::vector<StageWork> work;
    add_decode(*load, 0, sequences, 1, work);
    double bytes = 0, seconds_of_link = 0;
    for (const StageWork& w : work) {
      const Stage& s = load->stages[static_cast<std::size_t>(w.stage)];
      if (s.kind != StageKind::weights) continue;
      bytes += w.bytes;
      if (w.memory == s.stream) seconds_of_link += w.bytes / load->paths[static_cast<std::size_t>(w.memory)].peak;
    }
    EXPECT_NEAR(bytes, 140e9, 1);
    return seconds_of_link;
  };
  EXPECT_NEAR(link_seconds(1), 70e9 / 25e9, 1e-9);
  EXPECT_NEAR(link_seconds(64), 70e9 / 25e9, 1e-9);
  c.rig.hosts[0].bandwidth = Bandwidth(20e9);
  EXPECT_NEAR(link_seconds(1), 70e9 / 20e9, 1e-9);
}

// 64 experts of which 2 are chosen, 39.4 GB on the host beside a matrix on the device; PCIe of 25 GB/s, host memory of 80 GB/s.
TEST(Cost, HostWeightsGoToTheDeviceFromTheEnginesBatchOn) {
  Case c;
  model::Tensor experts = c.model.tensors[0];
  experts.name = "blk.0.ffn_up_exps.weight";
  experts.role = model::Role::expert_ffn;
  experts.shape = {4096, 4096, 64, 1};
  experts.quant = "q4_k";
  experts.bytes = Bytes(39.4e9);
  c.model.tensors.push_back(experts);
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 2};
  c.place.tensor_device = {0, placement::kHost};
  catalog::LinkType pcie;
  pcie.name = "PCIe 4.0 x16";
  pcie.bandwidth.value = Bandwidth(25e9);
  c.rig.links.push_back({0, -1, pcie, false});
  c.rig.hosts[0].bandwidth = Bandwidth(80e9);
  c.place.settings.ubatch = 4096;
  const auto sent = [&](double prompt) {
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    std::vector<StageWork> work;
    add_prefill(*load, prompt, 0, 1, work);
    for (const StageWork& w : work)
      if (const Stage& s = load->stages[static_cast<std::size_t>(w.stage)]; s.kind == StageKind::experts)
        return w.memory == s.stream ? load->paths[static_cast<std::size_t>(w.memory)].peak : 0;
    return -1.0;
  };
  EXPECT_EQ(sent(4096), 0);                        // an engine without such a rule multiplies them where they are
  c.place.settings.offload_batch = 32;
  EXPECT_EQ(sent(31), 0);
  EXPECT_EQ(sent(32), 25e9);                       // 40 GB/s of a mapped file would be more than the link carries
  c.rig.hosts[0].bandwidth = Bandwidth(30e9);
  EXPECT_EQ(sent(32), 15e9);                       // two crossings of the host's memory
  c.place.settings.mmap = false;
  EXPECT_EQ(sent(32), 25e9);
  c.place.settings.offload_by_expert = true;       // 32 tokens for each of 64 experts, 2 of which a token takes: 1,024
  EXPECT_EQ(sent(1023), 0);
  EXPECT_EQ(sent(1024), 25e9);
  c.place.settings.op_offload = false;
  EXPECT_EQ(sent(4096), 0);
  c.place.settings.op_offload = true;
  c.on_two_devices();
  EXPECT_GT(sent(4096), 0);
  c.place.mode = placement::Mode::tensor;          // -sm tensor: its device of devices is never sent what lies on the host
  EXPECT_EQ(sent(4096), 0);
}

// A layer that -ngl leaves on the host: 8 cache heads of 128 in F16 are 4,096 bytes a token. Its prompts are attended to on the device, and two
// ubatches of 512 see 512 tokens in the mean: 4,096 * 512 * 2 bytes cross the link. Single tokens stay with the processor; so does all of -nkvo.
TEST(Cost, PromptsOfLayersOnTheHostAreAttendedToOnTheDevice) {
  Case c;
  model::Attention& a = c.model.layers[0].attention;
  a.kind = model::AttentionKind::full;
  a.heads = 32;
  a.kv_heads = 8;
  a.key_dim = a.value_dim = 128;
  c.place.tensor_device = {placement::kHost};
  c.place.kv_device = {placement::kHost};
  c.place.settings.offload_batch = 32;
  c.place.settings.ubatch = 512;
  c.rig.hosts[0].bandwidth = Bandwidth(80e9);
  const auto sent = [&](double prompt, double sequences) {
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    std::vector<StageWork> work;
    if (prompt > 0) add_prefill(*load, prompt, 0, 1, work);
    else add_decode(*load, 1000, sequences, 1, work);
    for (const StageWork& w : work)
      if (const Stage& s = load->stages[static_cast<std::size_t>(w.stage)]; s.kind == StageKind::kv) {
        EXPECT_EQ(w.compute >= 0 && w.compute == s.stream_compute, w.memory >= 0 && w.memory == s.stream);
        return w.memory >= 0 && w.memory == s.stream ? w.bytes : 0;
      }
    return -1.0;
  };
  EXPECT_NEAR(sent(1024, 0), 4096.0 * 512 * 2, 1);
  EXPECT_EQ(sent(31, 0), 0);
  EXPECT_EQ(sent(0, 1), 0);
  EXPECT_NEAR(sent(0, 32), 4096.0 * 1000 * 32, 1);
  c.place.settings.kv_offload = false;
  EXPECT_EQ(sent(1024, 0), 0);
}

// 8 cache heads of 128 in Q8_0 (1.0625 bytes) for keys and values: 2,176 bytes a token, at 10,000 earlier ones 21.76 MB over the link for every token
// decoded, and for 1,024 prompt tokens in two ubatches their mean of 512 tokens twice. What the processor then attends to, no device does.
TEST(Cost, TheCacheIsCopiedWhereTheProcessorAttends) {
  test::Case c;
  model::Attention& a = c.model.layers[0].attention;
  a.kind = model::AttentionKind::full;
  a.heads = 32;
  a.kv_heads = 8;
  a.key_dim = a.value_dim = 128;
  c.place.settings.key_quant = c.place.settings.value_quant = "q8_0";
  c.place.settings.flash_attention = true;
  c.place.settings.ubatch = 512;
  c.rig.hosts.front().cores = 16;
  c.rig.hosts.front().bandwidth = Bandwidth(200e9);
  const auto costed = [&](bool on_host) {
    c.place.host_attention = on_host;
    Load load = *load_of(c.model, c.rig, c.place);
    resolve(load, {});
    return load;
  };
  const Load device = costed(false), host = costed(true);
  std::vector<StageWork> decode, prompt, before;
  add_decode(host, 10000, 1, 1, decode);
  add_prefill(host, 1024, 0, 1, prompt);
  add_decode(device, 10000, 1, 1, before);
  EXPECT_NEAR(test::stage_bytes(host, decode, StageKind::sent_cache), 21.76e6, 1);
  EXPECT_NEAR(test::stage_bytes(host, prompt, StageKind::sent_cache), 2 * 512 * 2176.0, 1);
  EXPECT_EQ(test::stage_bytes(device, before, StageKind::sent_cache), 0);
  EXPECT_GT(seconds(host, decode), seconds(device, before));
  for (const Stage& stage : host.stages)
    if (stage.kind == StageKind::kv) {
      EXPECT_EQ(stage.device, placement::kHost);
    }
  EXPECT_TRUE(std::any_of(host.stages.begin(), host.stages.end(), [](const Stage& s) { return s.kind == StageKind::sync; }));
}

}  // namespace
}  // namespace rigcast::cost
