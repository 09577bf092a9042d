#pragma once
// How a Load is put together: each part of it adds its own Stages (src/cost/*_stages.cpp).

#include <string>
#include <vector>

#include "cost/load.hpp"
#include "cost/paths.hpp"

namespace rigcast::cost::detail {

constexpr double kUnknownLink = 12e9;   // bytes a second

// A Load in the making, and what all its Stages share.
struct Builder {
  const model::Architecture& model;
  const ModelWork& work;    // of it
  const rig::Rig& rig;
  const placement::Placement& place;
  const Conditions& conditions;
  Setting setting;
  Load load;
  bool cpu = false;         // no device takes part
  bool alternates = false;  // a step goes back and forth between the host and devices: weights of layers lie on both
  bool eager = false;       // every kernel is started by itself where the engine would capture graphs
  int split = 1;            // devices that share every tensor
  int lead = 0;             // of those, the one the others wait for
  double part = 1;          // of every tensor that it holds
  int copies = 1;           // of attention among them, each with its own requests (attention by data)
  std::vector<Setting> own = {};   // of each device where makers have no backend in common: each runs its own; else empty

  int path(Path p);         // appends it; its index in Load::paths
  int measured_path(double rate);   // timed on this very host: owes nothing to machines elsewhere
  const rig::Host& host() const { return rig.hosts.front(); }
  int threads(bool decode) const { return decode || place.settings.batch_threads <= 0 ? place.settings.threads : place.settings.batch_threads; }
  const Setting& setting_on(int index) const { return own.empty() ? setting : own[static_cast<std::size_t>(index)]; }
  const rig::RigDevice& device(int index) const { return rig.devices[static_cast<std::size_t>(index)]; }
  std::string name_of(int device) const;
  int device_of_tensor(std::size_t tensor) const {
    if (cpu) return placement::kHost;
    const int of = tensor < place.tensor_device.size() ? place.tensor_device[tensor] : 0;
    return split > 1 && of != placement::kHost ? lead : of;
  }
  int device_of_cache(std::size_t layer) const;
  // Whether what lies on the host is sent to a device for passes of many tokens. The one device that llama.cpp makes of several for -sm tensor has no
  // such hook (offload_op of ggml-backend-meta.cpp is null, October 2026): they are multiplied where they lie.
  bool sends_from_host() const {
    const bool one_of_several = split > 1 && place.mode == placement::Mode::tensor && setting.kernels == "llama.cpp" && setting.engine != "ik_llama.cpp";   // whose graphs of several are its own
    return place.settings.op_offload && place.settings.offload_batch > 0 && !place.devices.empty() && !one_of_several;
  }
};

void add_weights(Builder& b);
void add_attention(Builder& b);
void add_sent_cache(Builder& b);
void add_recurrent(Builder& b);
void add_overheads(Builder& b);
void add_links(Builder& b);

// DeepSeek V4: a window of 128 tokens and 512 chosen entries of a compressed cache, whatever the depth.
bool compressed_attention(const model::Architecture& model);
// Chips whose arithmetic nobody publishes: phones and embedded parts compute about 40 flop for each byte they can read.
double known_rate(double rate, const catalog::Device& device);

}  // namespace rigcast::cost::detail
