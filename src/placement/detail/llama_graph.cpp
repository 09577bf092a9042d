#include "placement/detail/llama_graph.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace rigcast::placement::detail {

namespace {

using model::AttentionKind;
using Op = TensorOp;

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

// Largest power of two that divides n.
std::int64_t power_of_two_in(std::int64_t n) { return n & -n; }

class PromptGraph {
 public:
  explicit PromptGraph(const GraphRequest& request)
      : r_(request), a_(*request.architecture), g_(request.key_type, request.value_type), tokens_(request.tokens) {
    per_layer_.resize(a_.layers.size());
    gemma_ = starts_with(a_.family, "gemma");
    for (const LayerCache& cache : r_.caches) any_window_ = any_window_ || (cache.stored && cache.windowed);
    place_weights();
    place_caches();
  }

  TensorGraph build() {
    TensorId x = embedding();
    if (gemma_) x = g_.elementwise(Op::multiply, x, {g_.input("inp_scale_rows", kF32, {1, tokens_, 1, 1})});
    make_inputs();
    for (std::size_t i = 0; i < a_.layers.size(); ++i) x = layer(i, x);
    head(x);
    return std::move(g_);
  }

 private:
  // ---- leaves
  void place_weights() {
    for (std::size_t i = 0; i < a_.tensors.size(); ++i) {
      const model::Tensor& t = a_.tensors[i];
      const TensorId id = g_.weight(t.shape, static_cast<std::int64_t>(t.bytes.value()), r_.tensor_place[i]);
      std::string_view name = t.name;
      if (starts_with(name, "blk.") && t.layer >= 0 && t.layer < static_cast<int>(a_.layers.size())) {
        per_layer_[static_cast<std::size_t>(t.layer)].push_back({name.substr(name.find('.', 4) + 1), id});
      } else {
        global_.push_back({name, id});
      }
    }
    if (const TensorId table = weight("token_embd.weight"); weight("output.weight") == kNoTensor && table != kNoTensor) {
      output_ = table;
      if (r_.output_place != g_[table].place) output_ = g_.weight(Shape(g_.shape(table)), g_[table].bytes, r_.output_place);
    } else {
      output_ = weight("output.weight");
    }
  }
  void place_caches() {
    for (const LayerCache& c : r_.caches) {
      const bool has_value = c.stored && c.value_elements > 0;
      key_cache_.push_back(c.stored ? g_.cache(kKey, {c.key_elements, c.cells, r_.streams, 1}, c.place) : kNoTensor);
      value_cache_.push_back(has_value ? g_.cache(kValue, {c.value_elements, c.cells, r_.streams, 1}, c.place) : kNoTensor);
    }
  }
  using Names = std::vector<std::pair<std::string_view, TensorId>>;
  static TensorId find(const Names& names, std::string_view name) {
    const auto it = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == name; });
    return it == names.end() ? kNoTensor : it->second;
  }
  TensorId weight(std::string_view name) const { return find(global_, name); }
  TensorId weight(std::size_t layer, std::string_view name) const { return find(per_layer_[layer], name); }

  void make_inputs() {
    const auto mask = [&](const char* label, std::int64_t cells) {
      return g_.input(label, r_.flash_attention ? kF16 : kF32, {cells, tokens_ / r_.streams, 1, r_.streams});
    };
    std::int64_t widest_value = 0;
    for (const LayerCache& c : r_.caches) widest_value = std::max(widest_value, c.value_elements);
    const std::int64_t value_rows = r_.flash_attention ? tokens_ : tokens_ * widest_value;  // without it V is stored transposed
    positions_ = g_.input("inp_pos", kI32, {tokens_, 1, 1, 1});
    full_ = {g_.input("k_idxs", kI64, {tokens_, 1, 1, 1}), g_.input("v_idxs", kI64, {value_rows, 1, 1, 1}), mask("kq_mask", r_.cells)};
    if (any_window_)
      windowed_ = {g_.input("k_idxs_swa", kI64, {tokens_, 1, 1, 1}), g_.input("v_idxs_swa", kI64, {value_rows, 1, 1, 1}),
                   mask("kq_mask_swa", r_.window_cells)};
    output_rows_ = g_.input("out_ids", kI32, {r_.outputs, 1, 1, 1});
  }

  // The engine reserves all three ways in which tokens may come in: as numbers, as embeddings, and mixed.
  TensorId embedding() {
    const std::int64_t hidden = a_.hidden;
    const TensorId table = weight("token_embd.weight");
    const TensorId embedded = g_.gather(table, g_.input("inp_tokens", kI32, {tokens_, 1, 1, 1}));
    const TensorId as_embeddings = g_.input("inp_embd", kF32, {hidden, tokens_, 1, 1});
    const TensorId mixed = g_.input("inp_mixed_embd", kF32, {hidden, tokens_, 1, 1});
    const TensorId mixed_tokens = g_.input("inp_mixed_tokens", kI32, {tokens_, 1, 1, 1});
    const TensorId slots = g_.input("inp_mixed_slots", kI64, {tokens_, 1, 1, 1});
    g_.expand(embedded);
    g_.expand(as_embeddings);
    const TensorId gathered = g_.gather(table, mixed_tokens);
    g_.expand(g_.scatter(g_.elementwise(Op::duplicate, mixed), gathered, slots));
    return embedded;
  }

  // ---- pieces
  TensorId norm(TensorId x, TensorId scale, TensorId bias = kNoTensor) {
    TensorId y = g_.elementwise(bias == kNoTensor ? Op::rms_norm : Op::layer_norm, x);
    if (scale != kNoTensor) y = g_.elementwise(Op::multiply, y, {scale});
    if (bias != kNoTensor) y = g_.elementwise(Op::add, y, {bias});
    return y;
  }
  TensorId project(TensorId matrix, TensorId bias, TensorId x) {
    const TensorId y = g_.matmul(matrix, x);
    return bias == kNoTensor ? y : g_.elementwise(Op::add, y, {bias});
  }
  TensorId heads_of(std::size_t i, std::string_view name, std::string_view bias, TensorId x, std::int64_t dim, std::int64_t heads) {
    return g_.reshape(project(weight(i, name), weight(i, bias), x), {dim, heads, tokens_, 1});
  }
  TensorId rope(TensorId x) { return g_.elementwise(Op::rope, x, {positions_, weight("rope_freqs.weight")}); }

  struct CacheInputs { TensorId key_rows = kNoTensor, value_rows = kNoTensor, mask = kNoTensor; };

  // A quantised cache is rotated (Hadamard) so that outliers spread: one more product before the cache and one after the attention.
  TensorId rotate(TensorId x, TensorId rotation) {
    const Shape shape = g_.shape(x);
    const std::int64_t n = g_.shape(rotation)[0];
    const TensorId rows = g_.reshape(x, {n, shape[0] * shape[1] * shape[2] / n, 1, 1});
    return g_.reshape(g_.matmul(rotation, rows), shape);
  }
  TensorId rotation(bool key, bool windowed, std::int64_t dim) {
    auto& known = rotations_[{key, windowed}];
    const std::int64_t n = key ? power_of_two_in(dim) : 64;
    if (known == kNoTensor) known = g_.input(key ? "k_rot" : "v_rot", kF32, {n, n, 1, 1});
    return known;
  }

  TensorId attend(std::size_t i, TensorId q, TensorId k, TensorId v) {
    const LayerCache& cache = r_.caches[i];
    const model::Attention& shape = a_.layers[i].attention;
    const CacheInputs& in = cache.windowed ? windowed_ : full_;
    const bool rotate_key = r_.key_type.block_elements > 1 && shape.key_dim % 64 == 0;
    const bool rotate_value = r_.value_type.block_elements > 1 && shape.value_dim % 64 == 0;
    if (rotate_key) {
      const TensorId turn = rotation(true, cache.windowed, shape.key_dim);
      q = rotate(q, turn);
      k = rotate(k, turn);
    }
    if (rotate_value) v = rotate(v, rotation(false, cache.windowed, shape.value_dim));
    g_.expand(q);
    g_.expand(any_window_ ? k : v);
    g_.expand(any_window_ ? v : k);
    store_key(i, k, in.key_rows);
    store_value(i, v, in.value_rows);
    TensorId out = attention(i, q, key_view(i, shape.kv_heads, shape.key_dim), value_view(i, shape.kv_heads, shape.value_dim), in.mask);
    if (rotate_value) out = rotate(out, rotation(false, cache.windowed, shape.value_dim));
    return project(weight(i, "attn_output.weight"), weight(i, "attn_output.bias"), out);
  }

  void store_key(std::size_t i, TensorId k, TensorId rows) {
    const LayerCache& c = r_.caches[i];
    const std::int64_t step = g_.stride(k)[2];
    const TensorId flat = g_.view(k, {c.key_elements, tokens_, 1, 1}, {g_.stride(k)[0], step, step * tokens_, step * tokens_});
    const TensorId into = r_.streams > 1 ? g_.reshape(key_cache_[i], {c.key_elements, c.cells * r_.streams, 1, 1}) : key_cache_[i];
    g_.expand(g_.scatter(into, flat, rows));
  }
  void store_value(std::size_t i, TensorId v, TensorId rows) {
    const LayerCache& c = r_.caches[i];
    if (r_.flash_attention) {
      const std::int64_t step = g_.stride(v)[2];
      const TensorId flat = g_.view(v, {c.value_elements, tokens_, 1, 1}, {g_.stride(v)[0], step, step * tokens_, step * tokens_});
      const TensorId into = r_.streams > 1 ? g_.reshape(value_cache_[i], {c.value_elements, c.cells * r_.streams, 1, 1}) : value_cache_[i];
      g_.expand(g_.scatter(into, flat, rows));
    } else {  // transposed: one element per row
      const TensorId flat = g_.reshape(g_.reshape(v, {c.value_elements, tokens_, 1, 1}), {1, c.value_elements * tokens_, 1, 1});
      const TensorId into = g_.reshape(value_cache_[i], {1, c.value_elements * c.cells * r_.streams, 1, 1});
      g_.expand(g_.scatter(into, flat, rows));
    }
  }
  TensorId key_view(std::size_t i, std::int64_t heads, std::int64_t dim) {
    const LayerCache& c = r_.caches[i];
    return g_.view(key_cache_[i], {dim, heads, c.cells, r_.streams},
                   {g_.stride(key_cache_[i])[0], g_.row_bytes(kKey, dim), g_.row_bytes(kKey, c.key_elements), g_.row_bytes(kKey, c.key_elements * c.cells)});
  }
  TensorId value_view(std::size_t i, std::int64_t heads, std::int64_t dim) {
    const LayerCache& c = r_.caches[i];
    const TensorId cache = value_cache_[i];
    const std::int64_t stream = g_.row_bytes(kValue, c.value_elements * c.cells);
    if (r_.flash_attention)
      return g_.view(cache, {dim, heads, c.cells, r_.streams},
                     {g_.stride(cache)[0], g_.row_bytes(kValue, dim), g_.row_bytes(kValue, c.value_elements), stream});
    return g_.view(cache, {c.cells, heads, dim, r_.streams},
                   {g_.stride(cache)[0], g_.row_bytes(kValue, c.cells * dim), g_.row_bytes(kValue, c.cells), stream});
  }

  TensorId attention(std::size_t i, TensorId q, TensorId k, TensorId v, TensorId mask) {
    const std::int64_t streams = r_.streams;
    const Shape qs = g_.shape(q), qt = g_.stride(q);
    const TensorId sinks = weight(i, "attn_sinks.weight");
    q = g_.permute(g_.view(q, {qs[0], qs[1], qs[2] / streams, streams}, {qt[0], qt[1], qt[2], qt[3] / streams}), 0, 2, 1, 3);
    k = g_.permute(k, 0, 2, 1, 3);
    v = g_.permute(v, 0, 2, 1, 3);
    TensorId out = kNoTensor;
    if (r_.flash_attention) {
      out = g_.attention(q, k, v, mask, sinks);
      out = g_.reshape(out, {g_.shape(out)[0] * g_.shape(out)[1], g_.shape(out)[2] * g_.shape(out)[3], 1, 1});
    } else {
      TensorId scores = g_.matmul(k, q);
      if (a_.attention_softcap > 0)
        scores = g_.elementwise(Op::scale, g_.elementwise(Op::unary, g_.elementwise(Op::scale, scores)));
      scores = g_.elementwise(Op::softmax, scores, {mask, sinks});
      const TensorId merged = g_.permute(g_.matmul(v, scores), 0, 2, 1, 3);
      const Shape m = g_.shape(merged);
      out = g_.contiguous(merged, {m[0] * m[1], m[2] * m[3], 1, 1});
      if (!r_.kv_on_device) g_[out].pinned = r_.host;
    }
    g_.expand(out);
    return out;
  }

  TensorId dense_ffn(std::size_t i, TensorId x) {
    const TensorId up = project(weight(i, "ffn_up.weight"), weight(i, "ffn_up.bias"), x);
    TensorId y = up;
    if (const TensorId gate = weight(i, "ffn_gate.weight"); gate != kNoTensor)
      y = g_.gated_unit(project(gate, weight(i, "ffn_gate.bias"), x), up);
    else
      y = a_.layers[i].feed_forward.gated ? g_.gated_unit(up, kNoTensor) : g_.elementwise(Op::unary, up);
    return project(weight(i, "ffn_down.weight"), weight(i, "ffn_down.bias"), y);
  }

  TensorId expert_ffn(std::size_t i, TensorId x) {
    const std::int64_t experts = a_.layers[i].feed_forward.experts, used = a_.layers[i].feed_forward.experts_used;
    const TensorId probabilities = g_.elementwise(Op::softmax, g_.matmul(weight(i, "ffn_gate_inp.weight"), x));
    const TensorId sorted = g_.operation(Op::argsort, kI32, Shape(g_.shape(probabilities)), {probabilities});
    const Shape st = g_.stride(sorted);
    const TensorId chosen = g_.view(sorted, {used, tokens_, 1, 1}, st);
    TensorId weights = g_.operation(Op::gather, kF32, {1, used, tokens_, 1}, {g_.reshape(probabilities, {1, experts, tokens_, 1}), chosen});
    const TensorId flat = g_.reshape(weights, {used, tokens_, 1, 1});
    const TensorId sum = g_.elementwise(Op::clamp, g_.operation(Op::sum_rows, kF32, {1, tokens_, 1, 1}, {flat}));
    weights = g_.reshape(g_.elementwise(Op::divide, flat, {sum}), {1, used, tokens_, 1});
    g_.expand(weights);

    const TensorId rows = g_.reshape(x, {g_.shape(x)[0], 1, tokens_, 1});
    const TensorId up = g_.matmul_experts(weight(i, "ffn_up_exps.weight"), rows, chosen);
    const TensorId gate = g_.matmul_experts(weight(i, "ffn_gate_exps.weight"), rows, chosen);
    TensorId y = g_.matmul_experts(weight(i, "ffn_down_exps.weight"), g_.gated_unit(gate, up), chosen);
    y = g_.elementwise(Op::multiply, y, {weights});
    return sum_experts(y, used);
  }
  TensorId sum_experts(TensorId y, std::int64_t used) {
    const Shape s = g_.shape(y), t = g_.stride(y);
    std::vector<TensorId> parts;
    for (std::int64_t e = 0; e < used; ++e) {
      parts.push_back(g_.view(y, {s[0], tokens_, 1, 1}, {t[0], t[2], t[2] * tokens_, t[2] * tokens_}));
      g_.expand(parts.back());
    }
    TensorId sum = parts[0];
    for (std::size_t e = 1; e < parts.size(); ++e) sum = g_.operation(Op::add, kF32, {s[0], tokens_, 1, 1}, {sum, parts[e]});
    return used == 1 ? g_.contiguous(sum) : sum;
  }

  // ---- layers
  TensorId layer(std::size_t i, TensorId x) {
    const model::Attention& shape = a_.layers[i].attention;
    const bool last = i + 1 == a_.layers.size();
    TensorId residual = x;
    const TensorId normed = norm(x, weight(i, "attn_norm.weight"), weight(i, "attn_norm.bias"));
    TensorId q = heads_of(i, "attn_q.weight", "attn_q.bias", normed, shape.key_dim, shape.heads);
    TensorId k = heads_of(i, "attn_k.weight", "attn_k.bias", normed, shape.key_dim, shape.kv_heads);
    const TensorId v = heads_of(i, "attn_v.weight", "attn_v.bias", normed, shape.value_dim, shape.kv_heads);
    if (const TensorId n = weight(i, "attn_q_norm.weight"); n != kNoTensor) q = norm(q, n);
    if (const TensorId n = weight(i, "attn_k_norm.weight"); n != kNoTensor) k = norm(k, n);
    q = rope(q);
    k = rope(k);
    if (gemma_) q = g_.elementwise(Op::scale, q);
    TensorId y = attend(i, q, k, v);
    if (last) {
      y = g_.gather(y, output_rows_);
      tokens_ = r_.outputs;
    }
    if (const TensorId n = weight(i, "post_attention_norm.weight"); n != kNoTensor) y = norm(y, n);
    if (last) residual = g_.gather(residual, output_rows_);
    const TensorId middle = g_.elementwise(Op::add, y, {residual});
    y = norm(middle, weight(i, "ffn_norm.weight"), weight(i, "ffn_norm.bias"));
    y = weight(i, "ffn_gate_exps.weight") != kNoTensor ? expert_ffn(i, y) : dense_ffn(i, y);
    if (const TensorId n = weight(i, "post_ffw_norm.weight"); n != kNoTensor) y = norm(y, n);
    return g_.elementwise(Op::add, y, {middle});
  }

  void head(TensorId x) {
    const TensorId normed = norm(x, weight("output_norm.weight"), weight("output_norm.bias"));
    g_[normed].is_output = true;
    const TensorId logits = g_.matmul(output_, normed);
    g_[logits].is_output = true;
    g_.expand(logits);
  }

  const GraphRequest& r_;
  const model::Architecture& a_;
  TensorGraph g_;
  std::int64_t tokens_;
  bool gemma_ = false, any_window_ = false;
  Names global_;
  std::vector<Names> per_layer_;
  std::vector<TensorId> key_cache_, value_cache_;
  TensorId output_ = kNoTensor, positions_ = kNoTensor, output_rows_ = kNoTensor;
  CacheInputs full_, windowed_;
  std::map<std::pair<bool, bool>, TensorId> rotations_ = {{{false, false}, kNoTensor}, {{false, true}, kNoTensor}, {{true, false}, kNoTensor}, {{true, true}, kNoTensor}};
};

}  // namespace

TensorGraph build_prompt_graph(const GraphRequest& request) { return PromptGraph(request).build(); }

}  // namespace rigcast::placement::detail
