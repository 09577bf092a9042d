#include "model/tensors.hpp"

#include <algorithm>
#include <string>

#include "model/detail/tensor_lister.hpp"
#include "model/gguf_tensors.hpp"

namespace rigcast::model {
namespace detail {

using std::int64_t;

namespace {

// Encoders whose norms stand behind each part, as BERT's do.
bool is_bert(std::string_view family) { return family == "bert" || family == "nomic-bert" || family == "nomic-bert-moe"; }

// What the pattern calls a layer; ' ' where there is no pattern.
char letter_of(const Shape& shape, int index) { return shape.pattern.empty() ? ' ' : shape.pattern[static_cast<std::size_t>(index) % shape.pattern.size()]; }

}  // namespace

std::vector<Tensor> TensorLister::run() {
  list_globals();
  const int layers = static_cast<int>(layers_.size());
  for (int i = 0; i < layers; ++i) list_layer(i, layers_[static_cast<std::size_t>(i)]);
  for (int i = 0; i < shape_.next_token_layers; ++i) list_next_token(layers + i);
  sort_in_writing_order(tensors_);
  for (Tensor& tensor : tensors_) settle(tensor);
  return std::move(tensors_);
}

void TensorLister::settle(Tensor& tensor) const {
  const TensorName name = parse_tensor_name(tensor.name);
  const auto known = role_of(name);
  if (known) tensor.layer = layer_of(name, known->place, static_cast<int>(layers_.size()));
  tensor.role = role_in(name, known, layers_);
}

void TensorLister::list_globals() {
  layer_ = kInputLayer;
  put("token_embd.weight", hidden_, shape_.vocab + shape_.extra_embeddings);
  if (features_.learned_positions) put("position_embd.weight", hidden_, shape_.max_context);
  if (shape_.token_types > 0) put("token_types.weight", hidden_, shape_.token_types);
  if (shape_.relative_positions > 0) put("relative_embd.weight", hidden_, shape_.relative_positions), put("relative_embd_norm.weight", hidden_), put("relative_embd_norm.bias", hidden_);
  if (features_.embedding_norm) global_norm("token_embd_norm");
  list_rope_factors();
  if (shape_.per_layer_embedding > 0) list_per_layer_embedding();
  const bool lfm2 = shape_.family == "lfm2" || shape_.family == "lfm2moe";  // there the last norm has the embedding's name
  if (const Engrams& e = shape_.engrams; !e.layers.empty() && e.layers.front() == kInputLayer)
    put("per_layer_token_embd.weight", e.row, e.rows.front()), put("per_layer_model_proj.weight", e.row, hidden_, e.rows_a_token);
  if (shape_.ngrams.layer >= 0) put("per_layer_token_embd.weight", shape_.ngrams.row, shape_.ngrams.rows);
  if (features_.norm_weights && shape_.stream_rank == 0 && !is_bert(shape_.family)) global_norm(lfm2 ? "token_embd_norm" : "output_norm");
  if (!shape_.tied_embeddings && !shape_.encoder_only) put("output.weight", hidden_, shape_.vocab);
  if (features_.head_bias) put("output.bias", shape_.vocab);
  if (shape_.bank_interval > 0) put("output_res_score.weight", hidden_);
  if (shape_.stream_rank > 0) {
    put("output_hc_norm.weight", hidden_ * shape_.streams);
    put("output_hc_down.weight", hidden_ * shape_.streams, shape_.stream_rank);
    put("output_hc_up.weight", shape_.stream_rank, hidden_ * shape_.streams);
  } else if (shape_.streams > 0 && shape_.family != "glm5-next" && shape_.family != "deepseek41") {   // there the streams are averaged, here the last mix joins them
    put("output_hc_fn.weight", hidden_ * shape_.streams, shape_.streams);
    put("output_hc_base.weight", shape_.streams);
    put("output_hc_scale.weight", 1);
  }
}

void TensorLister::global_norm(const std::string& name) {
  put(name + ".weight", hidden_);
  if (features_.norm_bias) put(name + ".bias", hidden_);
}

// One table for all layers; its length is half the rotated part of the widest head.
void TensorLister::list_rope_factors() {
  if (!features_.rope_factors) return;
  int widest = 0;
  for (const Layer& layer : layers_) widest = std::max(widest, layer.attention.key_dim);
  if (shape_.family == "phi3") {
    put("rope_factors_long.weight", widest / 2);
    put("rope_factors_short.weight", widest / 2);
  } else {
    put("rope_freqs.weight", widest / 2);
  }
}

void TensorLister::list_per_layer_embedding() {
  const int64_t width = shape_.per_layer_embedding * static_cast<int64_t>(layers_.size());
  put("per_layer_token_embd.weight", width, shape_.vocab);
  put("per_layer_model_proj.weight", hidden_, width);
  put("per_layer_proj_norm.weight", shape_.per_layer_embedding);
  if (shape_.family == "gemma3n") {
    put("altup_proj.weight", hidden_, hidden_, 3);
    put("altup_unembd_proj.weight", hidden_, hidden_, 3);
  }
}

void TensorLister::list_layer(int index, const Layer& layer) {
  layer_ = index;
  prefix_ = "blk." + std::to_string(index) + ".";
  if (static_cast<std::size_t>(index) < shape_.blocks.size() && shape_.blocks[static_cast<std::size_t>(index)] != index) return;   // another layer's
  const bool zamba = shape_.family == "zamba2";
  if (zamba && index > 0 && layers_[static_cast<std::size_t>(index) - 1].attention.kind != AttentionKind::none) list_shared_entry();
  if (zamba && layer.attention.kind != AttentionKind::none) {
    list_shared_block(layer.attention);
    list_feed_forward_norm(layer);
    return list_dense(layer.feed_forward.width, layer.feed_forward.gated);
  }
  if (features_.attention_norm && (index > 0 || shape_.family != "modern-bert")) norm("attn_norm", hidden_);   // there the embedding's norm stands for the first
  if (features_.second_attention_norm) norm("attn_norm_2", hidden_);
  if (shape_.streams > 0)
    for (const char* part : {"attn", "ffn"}) shape_.stream_rank > 0 ? list_gating(part) : list_mixing(part);
  if (shape_.bank_interval > 0) vector("attn_res_score", hidden_), vector("ffn_res_score", hidden_);
  if (index == shape_.ngrams.layer) list_ngrams();
  list_engrams();
  if (layer.attention.kind == AttentionKind::compressed) list_compressed(layer.attention);
  else if (layer.attention.kind == AttentionKind::mla || (shape_.mla.expanded && layer.attention.kind != AttentionKind::none)) list_mla(layer.attention);
  else if (layer.attention.kind != AttentionKind::none) list_attention(layer.attention);
  else if (letter_of(shape_, index) == 'X') list_cross_attention();
  list_recurrent(layer.recurrent.kind);
  if (shape_.distances.rank > 0) list_distances(layer.attention);
  if (letter_of(shape_, index) == 'G') list_memory_unit();
  list_feed_forward_norm(layer);
  list_norm_gates(layer);
  if (layer.feed_forward.kind == FeedForwardKind::dense) list_dense(layer.feed_forward.width, layer.feed_forward.gated);
  if (layer.feed_forward.kind == FeedForwardKind::moe) list_moe(layer.feed_forward);
  if (features_.seeing_twins) list_seeing_twins(layer);
  list_norms_behind(layer);
  if (features_.layer_scale) vector("layer_output_scale", 1);
  if (shape_.per_layer_embedding > 0) list_layer_embedding();
}

// Norms behind attention and the feed-forward part; BERT has other names for them, PLaMo 3 bare ones; A.X K1 has them behind mixtures alone.
void TensorLister::list_norms_behind(const Layer& layer) {
  const bool bert = is_bert(shape_.family), bare = shape_.family == "plamo2" || shape_.family == "plamo3";
  struct Behind { bool there; const char* name; };
  for (const Behind& each : {Behind{features_.post_attention_norm, bert ? "attn_output_norm" : "post_attention_norm"}, Behind{features_.post_ffn_norm && (shape_.family != "deepseek2" || layer.feed_forward.kind == FeedForwardKind::moe), bert ? "layer_output_norm" : "post_ffw_norm"}}) {
    if (each.there && bare) put(block(each.name), hidden_);
    else if (each.there) norm(each.name, hidden_);
  }
}

// A block that several layers run with sees the stream and the first embedding side by side (Zamba 2).
void TensorLister::list_shared_block(const Attention& a) {
  const int64_t q = int64_t{a.heads} * a.key_dim, kv = int64_t{a.kv_heads} * a.key_dim;
  vector("attn_norm", 2 * hidden_);
  matrix("attn_q", 2 * hidden_, q);
  matrix("attn_k", 2 * hidden_, kv);
  matrix("attn_v", 2 * hidden_, kv);
  matrix("attn_output", q, hidden_);
}

// What the layer behind it has of its own: a low-rank part of its feed-forward matrices, and what takes its result into the stream.
void TensorLister::list_shared_entry() {
  matrix("adapter_a", hidden_, shape_.recurrent.gate_rank);
  matrix("adapter_b", shape_.recurrent.gate_rank, 2 * int64_t{shape_.ffn});
  matrix("proj", hidden_, hidden_);
}

void TensorLister::list_seeing_twins(const Layer& layer) {
  const Attention& a = layer.attention;
  const int64_t q = int64_t{a.heads} * a.key_dim;
  matrix("vis_attn_qkv", hidden_, q + int64_t{a.kv_heads} * (a.key_dim + a.value_dim));
  matrix("vis_attn_output", q, hidden_);
  matrix("vis_gate", hidden_, layer.feed_forward.width);
  matrix("vis_up", hidden_, layer.feed_forward.width);
  matrix("vis_down", layer.feed_forward.width, hidden_);
}

// Every norm has a gate of its own.
void TensorLister::list_norm_gates(const Layer& layer) {
  const NormGates& g = shape_.norm_gates;
  const bool attends = layer.attention.kind != AttentionKind::none, dense = layer.feed_forward.kind == FeedForwardKind::dense, mixes = layer.feed_forward.kind == FeedForwardKind::moe;
  struct Gated { const char* part; bool there; };
  for (const Gated& each : {Gated{"attn_norm_gate", g.attention && attends}, Gated{"ffn_norm_gate", (g.dense && dense) || (g.mixtures && mixes)}}) {
    if (g.rank == 0 || !each.there) continue;
    matrix(std::string(each.part) + "_a", hidden_, g.rank);
    matrix(std::string(each.part) + "_b", g.rank, hidden_);
  }
}

// A gate of the stream by what the last recurrent layer gave (Phi 4 mini flash).
void TensorLister::list_memory_unit() {
  const int64_t inner = int64_t{shape_.recurrent.heads} * shape_.recurrent.head_dim;
  matrix("memory_in", hidden_, inner);
  matrix("memory_out", inner, hidden_);
}

// What of each stream goes into a part, what of its result comes back to each, and, where they are mixed, what of each stream to each other.
void TensorLister::list_mixing(const std::string& part) {
  const bool mixes = shape_.mixing_rounds > 0;
  const int64_t streams = shape_.streams, mix = (2 + (mixes ? streams : 0)) * streams;
  matrix("hc_" + part + "_fn", hidden_ * streams, mix);
  vector("hc_" + part + "_base", mix);
  vector("hc_" + part + "_scale", mixes ? 3 : 2);
}

// The same through a narrow space: one gate for every element of every stream.
void TensorLister::list_gating(const std::string& part) {
  const int64_t wide = hidden_ * shape_.streams;
  vector("hc_" + part + "_norm", wide);
  matrix("hc_" + part + "_down", wide, shape_.stream_rank);
  matrix("hc_" + part + "_up", shape_.stream_rank, wide);
  matrix("hc_" + part + "_inject", wide, shape_.streams);
}

void TensorLister::list_ngrams() {
  const int64_t gathered = int64_t{shape_.ngrams.row} * shape_.ngrams.rows_a_token, wide = hidden_ * shape_.streams;
  matrix("ple_key", gathered, wide);
  matrix("ple_value", gathered, hidden_);
  for (const char* part : {"ple_norm_key", "ple_norm_query", "ple_norm_conv"}) vector(part, wide);
  matrix("ple_conv1d", shape_.ngrams.kernel, wide);
}

// A table of n-grams of this layer's own, and what takes its rows into the streams.
void TensorLister::list_engrams() {
  const Engrams& e = shape_.engrams;
  const auto at = std::find(e.layers.begin(), e.layers.end(), layer_);
  if (at == e.layers.end()) return;
  put(block("engram_embd.weight"), e.row, e.rows[static_cast<std::size_t>(at - e.layers.begin())]);
  matrix("engram_wkv", int64_t{e.row} * e.rows_a_token, hidden_ * (shape_.streams + 1));
  matrix("engram_q", hidden_, shape_.streams);
  matrix("engram_k", hidden_, shape_.streams);
}

void TensorLister::list_layer_embedding() {
  const int64_t width = shape_.per_layer_embedding;
  matrix("inp_gate", hidden_, width);
  matrix("proj", width, hidden_);
  vector("post_norm", hidden_);
  if (shape_.family != "gemma3n") return;
  // Four parallel residual streams (AltUp) and a rank-64 side path (LAuReL).
  matrix("altup_correct_coef", 4, 4);
  vector("altup_correct_scale", hidden_);
  matrix("altup_predict_coef", 4, 16);
  matrix("altup_router", hidden_, 4);
  vector("altup_router_norm", hidden_);
  matrix("laurel_l", hidden_, 64);
  matrix("laurel_r", 64, hidden_);
  vector("laurel_post_norm", hidden_);
}

// A whole decoder layer like the last one that attends, and what joins it to the trunk.
void TensorLister::list_next_token(int index) {
  const auto attends = [](const Layer& layer) { return layer.attention.kind != AttentionKind::none; };
  const auto last = std::find_if(layers_.rbegin(), layers_.rend(), attends);
  if (last == layers_.rend()) return;
  list_layer(index, *last);
  matrix("nextn.eh_proj", 2 * hidden_, hidden_);
  vector("nextn.enorm", hidden_);
  vector("nextn.hnorm", hidden_);
  vector("nextn.shared_head_norm", hidden_);
  if (features_.next_token_embeddings) {
    matrix("nextn.embed_tokens", hidden_, shape_.vocab);
    matrix("nextn.shared_head_head", hidden_, shape_.vocab);
  }
}

}  // namespace detail

std::vector<Tensor> list_tensors(const Shape& shape, const std::vector<Layer>& layers) { return detail::TensorLister(shape, layers).run(); }

void sort_in_writing_order(std::vector<Tensor>& tensors) {
  struct Position { int block; std::string_view name; std::size_t from; };
  std::vector<Position> places;
  places.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    places.push_back({tensors[i].name.starts_with("blk.") ? tensors[i].layer : -1, tensors[i].name, i});
  std::sort(places.begin(), places.end(), [](const Position& a, const Position& b) { return a.block != b.block ? a.block < b.block : a.name < b.name; });
  std::vector<Tensor> sorted;
  sorted.reserve(tensors.size());
  for (const Position& place : places) sorted.push_back(std::move(tensors[place.from]));
  tensors = std::move(sorted);
}

}  // namespace rigcast::model
