#include "model/tensors.hpp"

#include <algorithm>
#include <string>

#include "model/gguf_tensors.hpp"

namespace rigcast::model {
namespace {

using std::int64_t;

// Collects the tensors of one shape.
class Lister {
 public:
  Lister(const Shape& shape, const std::vector<Layer>& layers)
      : shape_(shape), layers_(layers), features_(shape.features), hidden_(shape.hidden) {}

  std::vector<Tensor> run() {
    list_globals();
    const int layers = static_cast<int>(layers_.size());
    for (int i = 0; i < layers; ++i) list_layer(i, layers_[static_cast<std::size_t>(i)]);
    for (int i = 0; i < shape_.next_token_layers; ++i) list_next_token(layers + i);
    sort_in_writing_order(tensors_);
    for (Tensor& tensor : tensors_) settle(tensor);
    return std::move(tensors_);
  }

 private:
  void put(std::string name, int64_t in, int64_t out = 1, int64_t experts = 1) {
    Tensor tensor;
    tensor.name = std::move(name);
    tensor.shape = {in, out, experts, 1};
    tensor.layer = layer_;
    tensors_.push_back(std::move(tensor));
  }
  void settle(Tensor& tensor) const {
    const TensorName name = parse_tensor_name(tensor.name);
    const auto known = role_of(name);
    if (known) tensor.layer = layer_of(name, known->place, static_cast<int>(layers_.size()));
    tensor.role = role_in(name, known, layers_);
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

  void list_globals() {
    layer_ = kInputLayer;
    put("token_embd.weight", hidden_, shape_.vocab);
    if (features_.learned_positions) put("position_embd.weight", hidden_, shape_.max_context);
    if (features_.embedding_norm) global_norm("token_embd_norm");
    list_rope_factors();
    if (shape_.per_layer_embedding > 0) list_per_layer_embedding();
    const bool lfm2 = shape_.family == "lfm2" || shape_.family == "lfm2moe";  // there the last norm has the embedding's name
    if (shape_.ngrams.layer >= 0) put("per_layer_token_embd.weight", shape_.ngrams.row, shape_.ngrams.rows);
    if (features_.norm_weights && shape_.stream_rank == 0) global_norm(lfm2 ? "token_embd_norm" : "output_norm");
    if (!shape_.tied_embeddings) put("output.weight", hidden_, shape_.vocab);
    if (features_.head_bias) put("output.bias", shape_.vocab);
    if (shape_.stream_rank > 0) {
      put("output_hc_norm.weight", hidden_ * shape_.streams);
      put("output_hc_down.weight", hidden_ * shape_.streams, shape_.stream_rank);
      put("output_hc_up.weight", shape_.stream_rank, hidden_ * shape_.streams);
    } else if (shape_.streams > 0 && shape_.family != "glm5-next") {   // there the streams are averaged
      put("output_hc_fn.weight", hidden_ * shape_.streams, shape_.streams);
      put("output_hc_base.weight", shape_.streams);
      put("output_hc_scale.weight", 1);
    }
  }

  void global_norm(const std::string& name) {
    put(name + ".weight", hidden_);
    if (features_.norm_bias) put(name + ".bias", hidden_);
  }

  // One table for all layers; its length is half the rotated part of the widest head.
  void list_rope_factors() {
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

  void list_per_layer_embedding() {
    const int64_t width = shape_.per_layer_embedding * static_cast<int64_t>(layers_.size());
    put("per_layer_token_embd.weight", width, shape_.vocab);
    put("per_layer_model_proj.weight", hidden_, width);
    put("per_layer_proj_norm.weight", shape_.per_layer_embedding);
    if (shape_.family == "gemma3n") {
      put("altup_proj.weight", hidden_, hidden_, 3);
      put("altup_unembd_proj.weight", hidden_, hidden_, 3);
    }
  }

  void list_layer(int index, const Layer& layer) {
    layer_ = index;
    prefix_ = "blk." + std::to_string(index) + ".";
    if (features_.attention_norm) norm("attn_norm", hidden_);
    if (features_.second_attention_norm) norm("attn_norm_2", hidden_);
    if (shape_.streams > 0)
      for (const char* part : {"attn", "ffn"}) shape_.stream_rank > 0 ? list_gating(part) : list_mixing(part);
    if (index == shape_.ngrams.layer) list_ngrams();
    if (layer.attention.kind == AttentionKind::compressed) list_compressed(layer.attention);
    else if (layer.attention.kind == AttentionKind::mla) list_mla(layer.attention);
    else if (layer.attention.kind != AttentionKind::none) list_attention(layer.attention);
    list_recurrent(layer.recurrent.kind);
    list_feed_forward_norm(layer);
    if (layer.feed_forward.kind == FeedForwardKind::dense) list_dense(layer.feed_forward.width, layer.feed_forward.gated);
    if (layer.feed_forward.kind == FeedForwardKind::moe) list_moe(layer.feed_forward);
    if (features_.post_attention_norm) norm("post_attention_norm", hidden_);
    if (features_.post_ffn_norm) norm("post_ffw_norm", hidden_);
    if (features_.layer_scale) vector("layer_output_scale", 1);
    if (shape_.per_layer_embedding > 0) list_layer_embedding();
  }

  void list_feed_forward_norm(const Layer& layer) {
    if (layer.feed_forward.kind == FeedForwardKind::none) return;
    switch (features_.ffn_norm) {
      case FeedForwardNorm::ffn_norm:
        if (shape_.family == "falcon-h1") put(block("ffn_norm"), hidden_);  // this family's loader asks for the bare name
        else norm("ffn_norm", hidden_);
        break;
      case FeedForwardNorm::post_attention_norm: norm("post_attention_norm", hidden_); break;
      case FeedForwardNorm::attn_output_norm: norm("attn_output_norm", hidden_); break;
      case FeedForwardNorm::none: break;
    }
  }

  void list_attention(const Attention& a) {
    const int64_t q = int64_t{a.heads} * a.key_dim * (features_.query_gate ? 2 : 1);
    const int64_t k = int64_t{a.kv_heads} * a.key_dim, v = int64_t{a.kv_heads} * a.value_dim;
    if (features_.fused_qkv) {
      matrix("attn_qkv", hidden_, q + k + v);
      if (features_.qkv_bias) bias("attn_qkv", q + k + v);
    } else {
      projection("attn_q", q);
      projection("attn_k", k);  // layers that read another's cache carry these too, unused
      if (!a.value_is_key) projection("attn_v", v);
    }
    matrix("attn_output", int64_t{a.heads} * a.value_dim, hidden_);
    if (features_.attention_output_bias) bias("attn_output", hidden_);
    list_qk_norm(a);
    if (features_.sinks) vector("attn_sinks", a.heads);
    if (features_.head_gate) matrix("attn_gate", hidden_, a.heads);
    if (features_.output_gate) matrix("attn_gate", hidden_, int64_t{a.heads} * a.value_dim);
    list_indexer(a, hidden_);
  }

  void projection(std::string_view part, int64_t width) {
    matrix(part, hidden_, width);
    if (features_.qkv_bias) bias(part, width);
  }

  void list_qk_norm(const Attention& a) {
    switch (features_.qk_norm) {
      case QkNorm::none: return;
      case QkNorm::head:
        vector("attn_q_norm", a.key_dim);
        vector("attn_k_norm", a.key_dim);
        return;
      case QkNorm::full:
        vector("attn_q_norm", int64_t{a.heads} * a.key_dim);
        vector("attn_k_norm", int64_t{a.kv_heads} * a.key_dim);
        return;
      case QkNorm::per_head:
        matrix("attn_q_norm", a.key_dim, a.heads);
        matrix("attn_k_norm", a.key_dim, a.kv_heads);
        return;
    }
  }

  void list_mla(const Attention& a) {
    const Mla& m = a.window > 0 ? shape_.sliding_mla : shape_.mla;
    const int64_t queries = int64_t{a.heads} * (m.nope_dim + m.rope_dim);
    if (m.q_rank > 0) {
      matrix("attn_q_a", hidden_, m.q_rank);
      vector("attn_q_a_norm", m.q_rank);
      matrix("attn_q_b", m.q_rank, queries);
    } else {
      matrix("attn_q", hidden_, queries);
    }
    matrix("attn_kv_a_mqa", hidden_, m.kv_rank + m.rope_dim);
    vector("attn_kv_a_norm", m.kv_rank);
    experts("attn_k_b", m.nope_dim, m.kv_rank, a.heads);
    experts("attn_v_b", m.kv_rank, m.value_dim, a.heads);
    matrix("attn_output", int64_t{a.heads} * m.value_dim, hidden_);
    if (features_.sinks) vector("attn_sinks", a.heads);
    if (shape_.family == "dots3note") vector("attn_k_norm", m.rope_dim);
    if (features_.head_gate) matrix("attn_gate", hidden_, a.heads);
    if (features_.output_gate) matrix("attn_gate", hidden_, int64_t{a.heads} * m.value_dim);
    list_indexer(a, m.q_rank);
  }

  // DeepSeek V4. The indexer's keys come of a compressor of its own; entries of 4 tokens overlap, so that their values are twice as wide.
  void list_compressed(const Attention& a) {
    const Compressed& c = shape_.compressed;
    const int64_t all = int64_t{a.heads} * a.key_dim;
    vector("attn_sinks", a.heads);
    matrix("attn_q_a", hidden_, c.q_rank);
    vector("attn_q_a_norm", c.q_rank);
    matrix("attn_q_b", c.q_rank, all);
    matrix("attn_kv", hidden_, a.key_dim);
    vector("attn_kv_a_norm", a.key_dim);
    matrix("attn_output_a", all / c.output_groups, int64_t{c.output_rank} * c.output_groups);
    matrix("attn_output_b", int64_t{c.output_rank} * c.output_groups, hidden_);
    if (a.compress == 0) return;
    list_compressor("attn_compressor_", a.key_dim, a);
    if (a.indexer_heads == 0) return;
    list_compressor("indexer_compressor_", a.indexer_dim, a);
    matrix("indexer.proj", hidden_, a.indexer_heads);
    matrix("indexer.attn_q_b", c.q_rank, int64_t{a.indexer_heads} * a.indexer_dim);
  }

  void list_compressor(const std::string& stem, int64_t dim, const Attention& a) {
    const int64_t width = a.indexer_heads > 0 ? 2 * dim : dim;
    matrix(stem + "kv", hidden_, width);
    matrix(stem + "gate", hidden_, width);
    matrix(stem + "ape", width, a.compress);
    vector(stem + "norm", dim);
  }

  // What of each stream goes into a part, what of its result comes back to each, and, where they are mixed, what of each stream to each other.
  void list_mixing(const std::string& part) {
    const bool mixes = shape_.mixing_rounds > 0;
    const int64_t streams = shape_.streams, mix = (2 + (mixes ? streams : 0)) * streams;
    matrix("hc_" + part + "_fn", hidden_ * streams, mix);
    vector("hc_" + part + "_base", mix);
    vector("hc_" + part + "_scale", mixes ? 3 : 2);
  }

  // The same through a narrow space: one gate for every element of every stream.
  void list_gating(const std::string& part) {
    const int64_t wide = hidden_ * shape_.streams;
    vector("hc_" + part + "_norm", wide);
    matrix("hc_" + part + "_down", wide, shape_.stream_rank);
    matrix("hc_" + part + "_up", shape_.stream_rank, wide);
    matrix("hc_" + part + "_inject", wide, shape_.streams);
  }

  void list_ngrams() {
    const int64_t gathered = int64_t{shape_.ngrams.row} * shape_.ngrams.rows_a_token, wide = hidden_ * shape_.streams;
    matrix("ple_key", gathered, wide);
    matrix("ple_value", gathered, hidden_);
    for (const char* part : {"ple_norm_key", "ple_norm_query", "ple_norm_conv"}) vector(part, wide);
    matrix("ple_conv1d", shape_.ngrams.kernel, wide);
  }

  void list_indexer(const Attention& a, int64_t query_input) {
    if (a.indexer_heads == 0) return;
    vector("indexer.k_norm", a.indexer_dim);
    if (a.kind != AttentionKind::mla) {  // MiniMax M3: plain projections of the hidden state, scores over blocks
      vector("indexer.q_norm", a.indexer_dim);
      matrix("indexer.k_proj", hidden_, a.indexer_dim);
      matrix("indexer.q_proj", hidden_, int64_t{a.indexer_heads} * a.indexer_dim);
      return;
    }
    bias("indexer.k_norm", a.indexer_dim);
    matrix("indexer.proj", hidden_, a.indexer_heads);
    matrix("indexer.attn_k", hidden_, a.indexer_dim);
    matrix("indexer.attn_q_b", query_input, int64_t{a.indexer_heads} * a.indexer_dim);
    if (a.indexer_pool == 0) return;
    matrix("indexer_compressor_gate", hidden_, a.indexer_dim);
    matrix("indexer_compressor_ape", a.indexer_dim, a.indexer_pool);
  }

  void list_recurrent(RecurrentKind kind) {
    switch (kind) {
      case RecurrentKind::none: return;
      case RecurrentKind::mamba1: return list_mamba1();
      case RecurrentKind::mamba2: return list_mamba2();
      case RecurrentKind::gated_delta: return list_gated_delta();
      case RecurrentKind::kimi_delta: return list_kimi_delta();
      case RecurrentKind::lightning: return list_lightning();
      case RecurrentKind::short_conv: return list_short_conv();
      case RecurrentKind::rwkv: return list_rwkv();
    }
  }

  void list_mamba1() {
    const RecurrentShape& r = shape_.recurrent;
    const int64_t inner = int64_t{r.heads} * r.head_dim;
    matrix("ssm_in", hidden_, 2 * inner);
    matrix("ssm_conv1d", r.conv, inner);
    bias("ssm_conv1d", inner);
    matrix("ssm_x", inner, r.dt_rank + 2 * r.state);
    matrix("ssm_dt", r.dt_rank, inner);
    bias("ssm_dt", inner);
    put(block("ssm_a"), r.state, inner);
    put(block("ssm_d"), inner);
    matrix("ssm_out", inner, hidden_);
    if (shape_.family == "jamba") {
      vector("ssm_dt_norm", r.dt_rank);
      vector("ssm_b_norm", r.state);
      vector("ssm_c_norm", r.state);
    }
  }

  void list_mamba2() {
    const RecurrentShape& r = shape_.recurrent;
    const int64_t inner = int64_t{r.heads} * r.head_dim, mixed = inner + 2 * int64_t{r.groups} * r.state;
    matrix("ssm_in", hidden_, inner + mixed + r.heads);
    matrix("ssm_conv1d", r.conv, mixed);
    bias("ssm_conv1d", mixed);
    bias("ssm_dt", r.heads);
    put(block("ssm_a"), 1, r.heads);
    put(block("ssm_d"), 1, r.heads);
    if (r.norm) matrix("ssm_norm", inner / r.groups, r.groups);
    matrix("ssm_out", inner, hidden_);
  }

  void list_gated_delta() {
    const RecurrentShape& r = shape_.recurrent;
    const int64_t keys = int64_t{r.key_heads} * r.key_dim, values = int64_t{r.heads} * r.head_dim;
    matrix("attn_qkv", hidden_, 2 * keys + values);
    matrix("attn_gate", hidden_, values);
    matrix("ssm_conv1d", r.conv, 2 * keys + values);
    bias("ssm_dt", r.heads);
    put(block("ssm_a"), r.heads);
    if (shape_.family == "qwen3next") {
      matrix("ssm_ba", hidden_, 2 * r.heads);
    } else {
      matrix("ssm_alpha", hidden_, r.heads);
      matrix("ssm_beta", hidden_, r.heads);
    }
    vector("ssm_norm", r.head_dim);
    matrix("ssm_out", values, hidden_);
  }

  void list_kimi_delta() {
    const RecurrentShape& r = shape_.recurrent;
    const int64_t keys = int64_t{r.heads} * r.key_dim, values = int64_t{r.heads} * r.head_dim;
    matrix("attn_q", hidden_, keys);
    matrix("attn_k", hidden_, keys);
    matrix("attn_v", hidden_, values);
    for (const char* part : {"ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v"}) experts(part, r.conv, 1, keys);
    matrix("ssm_f_a", hidden_, r.gate_rank);
    matrix("ssm_f_b", r.gate_rank, keys);
    matrix("ssm_g_a", hidden_, r.gate_rank);
    matrix("ssm_g_b", r.gate_rank, values);
    matrix("ssm_beta", hidden_, r.heads);
    if (shape_.family == "glm5-next") put(block("ssm_a"), r.heads);
    else put(block("ssm_a"), 1, r.heads);
    bias("ssm_dt", keys);
    vector("ssm_norm", r.head_dim);
    matrix("attn_output", values, hidden_);
  }

  void list_lightning() {
    const RecurrentShape& r = shape_.recurrent;
    const int64_t inner = int64_t{r.heads} * r.head_dim;
    matrix("attn_qkv", hidden_, 3 * inner);
    matrix("attn_gate", hidden_, inner);
    vector("attn_norm_2", inner);
    matrix("attn_output", inner, hidden_);
  }

  void list_short_conv() {
    matrix("shortconv.in_proj", hidden_, 3 * hidden_);
    matrix("shortconv.conv", shape_.recurrent.conv, hidden_);
    matrix("shortconv.out_proj", hidden_, hidden_);
  }

  // RWKV 7: receptance, key, value, output and the low-rank paths of decay, value residual, in-context rate and gate.
  void list_rwkv() {
    const RecurrentShape& r = shape_.recurrent;
    put(block("time_mix_lerp_fused.weight"), hidden_, 1, 1);
    tensors_.back().shape = {hidden_, 1, 1, 6};
    for (const char* part : {"time_mix_receptance", "time_mix_key", "time_mix_value", "time_mix_output"}) matrix(part, hidden_, hidden_);
    struct Path { const char* letter; int64_t rank; };
    for (const Path& p : {Path{"w", r.dt_rank}, Path{"a", r.state}, Path{"v", layer_ == 0 ? r.state : r.groups}}) {
      vector(std::string("time_mix_") + p.letter + "0", hidden_);
      matrix(std::string("time_mix_") + p.letter + "1", hidden_, p.rank);
      matrix(std::string("time_mix_") + p.letter + "2", p.rank, hidden_);
    }
    matrix("time_mix_g1", hidden_, r.gate_rank);
    matrix("time_mix_g2", r.gate_rank, hidden_);
    for (const char* part : {"time_mix_k_k", "time_mix_k_a", "time_mix_r_k", "time_mix_ln"}) vector(part, hidden_);
    bias("time_mix_ln", hidden_);
    vector("channel_mix_lerp_k", hidden_);
  }

  void list_dense(int64_t width, bool gated) {
    if (shape_.family == "rwkv7") {
      matrix("channel_mix_key", hidden_, width);
      matrix("channel_mix_value", width, hidden_);
      return;
    }
    if (gated && !features_.fused_gate_up) matrix("ffn_gate", hidden_, width);
    const int64_t up = width * (features_.fused_gate_up ? 2 : 1);
    matrix("ffn_up", hidden_, up);
    matrix("ffn_down", width, hidden_);
    if (features_.ffn_bias) {
      bias("ffn_up", up);
      bias("ffn_down", hidden_);
    }
  }

  void list_moe(const FeedForward& f) {
    const int64_t n = f.experts, width = f.expert_width, input = shape_.experts.latent > 0 ? shape_.experts.latent : hidden_;
    matrix("ffn_gate_inp", hidden_, n);
    if (features_.router_bias) bias("ffn_gate_inp", n);
    if (layer_ < shape_.experts.hashed) matrix("ffn_gate_tid2eid", f.experts_used, shape_.vocab);
    else if (features_.router_correction && shape_.family == "hy_v3") put(block("exp_probs_b"), n);   // this family's loader asks for the bare name
    else if (features_.router_correction) bias("exp_probs_b", n);
    if (shape_.experts.latent > 0) {
      matrix("ffn_latent_down", hidden_, input);
      matrix("ffn_latent_up", input, hidden_);
    }
    if (features_.fused_expert_gate_up) {
      experts("ffn_gate_up_exps", input, 2 * width, n);
    } else {
      if (f.gated) experts("ffn_gate_exps", input, width, n);
      experts("ffn_up_exps", input, width, n);
    }
    experts("ffn_down_exps", width, input, n);
    if (features_.expert_bias) {
      put(block("ffn_gate_exps.bias"), width, n);
      put(block("ffn_up_exps.bias"), width, n);
      put(block("ffn_down_exps.bias"), hidden_, n);
    }
    if (features_.shared_expert_beside_dense) return list_gemma4_moe(f);
    list_shared_expert(f);
  }

  void list_shared_expert(const FeedForward& f) {
    if (f.shared_width == 0) return;
    if (f.gated) matrix("ffn_gate_shexp", hidden_, f.shared_width);
    matrix("ffn_up_shexp", hidden_, f.shared_width);
    matrix("ffn_down_shexp", f.shared_width, hidden_);
    if (features_.shared_expert_gate) vector("ffn_gate_inp_shexp", hidden_);
  }

  void list_gemma4_moe(const FeedForward& f) {
    list_dense(f.shared_width, f.gated);
    put(block("ffn_gate_inp.scale"), hidden_);
    put(block("ffn_down_exps.scale"), f.experts);
    for (const char* part : {"pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"}) vector(part, hidden_);
  }

  void list_layer_embedding() {
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
  void list_next_token(int index) {
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

  const Shape& shape_;
  const std::vector<Layer>& layers_;
  const Features& features_;
  const int64_t hidden_;
  int layer_ = kInputLayer;
  std::string prefix_;           // of the names of that layer's tensors
  std::vector<Tensor> tensors_;
};

}  // namespace

std::vector<Tensor> list_tensors(const Shape& shape, const std::vector<Layer>& layers) { return Lister(shape, layers).run(); }

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
