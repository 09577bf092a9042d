#pragma once
// Collects the tensors of one Shape: outside the layers and in which order layers have theirs in tensors.cpp; attention, recurrent mixers and
// feed-forward parts in files of their own.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/tensors.hpp"

namespace rigcast::model::detail {

class TensorLister {
 public:
  TensorLister(const Shape& shape, const std::vector<Layer>& layers)
      : shape_(shape), layers_(layers), features_(shape.features), hidden_(shape.hidden) {}

  std::vector<Tensor> run();

 private:
  using int64_t = std::int64_t;

  void put(std::string name, int64_t in, int64_t out = 1, int64_t experts = 1) {
    Tensor tensor;
    tensor.name = std::move(name);
    tensor.shape = {in, out, experts, 1};
    tensor.layer = layer_;
    tensors_.push_back(std::move(tensor));
  }
  std::string block(std::string_view part, std::string_view suffix = "") const {
    std::string name;
    name.reserve(prefix_.size() + part.size() + suffix.size());
    return name.append(prefix_).append(part).append(suffix);
  }
  void matrix(std::string_view part, int64_t in, int64_t out) { put(block(part, ".weight"), in, out); }
  void experts(std::string_view part, int64_t in, int64_t out, int64_t count) { put(block(part, ".weight"), in, out, count); }
  void bias(std::string_view part, int64_t size) { put(block(part, ".bias"), size); }
  void vector(std::string_view part, int64_t size) { put(block(part, ".weight"), size); }
  void norm(std::string_view part, int64_t size) {
    if (!features_.norm_weights) return;
    vector(part, size);
    if (features_.norm_bias) bias(part, size);
  }

  // --- tensors.cpp
  void settle(Tensor& tensor) const;
  void list_globals();
  void global_norm(const std::string& name);
  void list_rope_factors();
  void list_per_layer_embedding();
  void list_layer(int index, const Layer& layer);
  void list_norms_behind(const Layer& layer);
  void list_mixing(const std::string& part);
  void list_gating(const std::string& part);
  void list_ngrams();
  void list_engrams();
  void list_shared_block(const Attention& a);
  void list_shared_entry();
  void list_seeing_twins(const Layer& layer);
  void list_norm_gates(const Layer& layer);
  void list_memory_unit();
  void list_layer_embedding();
  void list_next_token(int index);

  // --- tensors_attention.cpp
  void list_attention(const Attention& a);
  void list_narrow_queries(int64_t width);
  void list_keys_and_values(const Attention& a, int64_t keys, int64_t values);
  void projection(std::string_view part, int64_t width);
  void list_qk_norm(const Attention& a);
  void list_mla(const Attention& a);
  void list_compressed(const Attention& a);
  void list_compressor(const std::string& stem, int64_t dim, const Attention& a);
  void list_entries(const Attention& a);
  void list_cross_attention();
  void list_distances(const Attention& a);
  void list_indexer(const Attention& a, int64_t query_input);

  // --- tensors_recurrent.cpp
  void list_recurrent(RecurrentKind kind);
  void list_mamba1();
  void list_mamba2();
  void list_plamo2();
  void list_griffin();
  void list_gated_delta();
  void list_kimi_delta();
  void list_lightning();
  void list_short_conv();
  void list_rwkv();
  void list_rwkv6();
  void list_rwkv7();

  // --- tensors_feed_forward.cpp
  void list_feed_forward_norm(const Layer& layer);
  void list_dense(int64_t width, bool gated);
  void list_moe(const FeedForward& f);
  void list_shared_expert(const FeedForward& f);
  void list_further_experts();
  void list_dense_beside(const FeedForward& f);
  void list_channel_mix(int64_t width);

  const Shape& shape_;
  const std::vector<Layer>& layers_;
  const Features& features_;
  const int64_t hidden_;
  int layer_ = kInputLayer;
  std::string prefix_;           // of the names of that layer's tensors
  std::vector<Tensor> tensors_;
};

}  // namespace rigcast::model::detail
