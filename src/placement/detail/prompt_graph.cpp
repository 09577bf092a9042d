#include "placement/detail/prompt_graph.hpp"

#include <algorithm>
#include <array>

namespace rigcast::placement::detail {

namespace {

constexpr std::int64_t kTile = 256;  // tokens: attention without a cache works on whole ones

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

constexpr auto kHabits = std::to_array<FamilyHabits>({
    {.family = ""},
    {.family = "afmoe", .unturned_every = 4},
    {.family = "bloom", .no_rotation = true},
    {.family = "cohere2", .layer_norm = true, .rotates_windows_only = true},
    {.family = "cohere2moe", .rotates_windows_only = true},
    {.family = "command-r", .layer_norm = true},
    {.family = "dbrx", .layer_norm = true},
    {.family = "deepseek", .plain_router = true},
    {.family = "deepseek4", .root_router = true, .tokens_only = true, .expands_give_back = true, .keeps_streams = true, .pins_streams = true},
    {.family = "exaone-moe", .rotates_windows_only = true},
    {.family = "exaone4", .rotates_windows_only = true},
    {.family = "falcon", .adds_attention_first = true},
    {.family = "gemma", .scales_input_by_row = true, .scales_query = true},
    {.family = "gemma-embedding", .scales_input_by_row = true, .scales_query = true},
    {.family = "gemma-embedding2", .scales_input_by_row = true, .bare_value_norm = true},
    {.family = "gemma2", .scales_input_by_row = true, .scales_query = true},
    {.family = "gemma3", .scales_input_by_row = true, .scales_query = true},
    {.family = "gemma3n", .scales_input_by_row = true, .bare_value_norm = true},
    {.family = "gemma4", .scales_input_by_row = true, .bare_value_norm = true},
    {.family = "glm5-next", .expands_part = true},
    {.family = "gpt2", .no_rotation = true},
    {.family = "gpt-oss", .softmax_chosen = true},
    {.family = "granite", .scales_input = true, .scales_residual = true},
    {.family = "granite_swa", .scales_input = true, .scales_residual = true},
    {.family = "granitehybrid", .scales_input = true, .scales_residual = true},
    {.family = "granitemoe", .scales_input = true, .scales_residual = true},
    {.family = "graniteswitch", .switches = true},
    {.family = "grovemoe", .ranks_by_sigmoid = true},
    {.family = "hrm_text", .bare_norms = true},
    {.family = "hunyuan-dense", .norm_after_rope = true},
    {.family = "hunyuan-moe", .norm_after_rope = true},
    {.family = "hunyuan_vl", .axes = 4},
    {.family = "hy_v4", .plain_index = true},
    {.family = "jais", .no_rotation = true},
    {.family = "jamba", .no_rotation = true},
    {.family = "llama4", .bare_norm_after_rope = true, .scales_unturned = true, .unturned_every = 4, .sigmoid_router = true, .plain_router = true, .weights_before_experts = true},
    {.family = "k2-horizon", .grouped_norms = true},
    {.family = "kimi-k3", .no_rotation = true, .situ = true},
    {.family = "kimi-linear", .no_rotation = true},
    {.family = "maion-coder", .rotates_windows_only = true},
    {.family = "maple", .rotates_windows_only = true},
    {.family = "minicpm", .scales_input = true, .scales_residual = true},
    {.family = "minimax-01", .adds_normed = true},
    {.family = "mistral4", .wide_experts = true},
    {.family = "mpt", .layer_norm = true, .no_rotation = true},
    {.family = "muse-glimmer", .rotates_windows_only = true, .norms_input = true},
    {.family = "nemotron_h", .no_rotation = true},
    {.family = "nemotron_h_moe", .no_rotation = true},
    {.family = "olmo", .layer_norm = true},
    {.family = "olmoe", .plain_router = true},
    {.family = "paddleocr", .axes = 4},
    {.family = "phi3", .scales_query = true},
    {.family = "qwen2moe", .plain_router = true},
    {.family = "qwen2vl", .axes = 4},
    {.family = "qwen35", .axes = 4},
    {.family = "qwen35moe", .axes = 4},
    {.family = "qwen3tts", .axes = 4, .pads_logits = true},
    {.family = "qwen3vl", .axes = 4},
    {.family = "qwen3vlmoe", .axes = 4},
    {.family = "qwen4exp", .axes = 4, .copies_kept_inputs = true, .keeps_streams = true, .pins_streams = true},
    {.family = "refact", .no_rotation = true},
    {.family = "smallthinker", .rotates_windows_only = true},
    {.family = "smollm3", .unturned_every = 4},
    {.family = "starcoder", .no_rotation = true},
    {.family = "talkie", .norm_after_rope = true, .bare_norms = true, .bare_key_norm = true, .norms_input = true, .skips_to_input = true},
});

}  // namespace

const FamilyHabits& family_habits(std::string_view family) {
  const auto found = std::find_if(kHabits.begin(), kHabits.end(), [&](const FamilyHabits& h) { return h.family == family; });
  return found == kHabits.end() ? kHabits.front() : *found;
}

PromptGraph::PromptGraph(const GraphRequest& request)
    : r_(request), a_(*request.architecture), habits_(family_habits(a_.family)), g_(request.key_type, request.value_type), tokens_(request.tokens) {
  per_layer_.resize(a_.layers.size());
  built_.assign(a_.layers.size(), false);
  for (const std::size_t i : r_.layers) built_[a_.block_of(i)] = true;
  for (const LayerCache& cache : r_.caches) any_window_ = any_window_ || ((cache.stored || a_.encoder_only) && cache.windowed);
  place_weights();
  place_caches();
}

TensorGraph PromptGraph::build() {
  look_up_ngrams();
  TensorId x = embedding();
  if (habits_.scales_input_by_row) x = g_.elementwise(Op::multiply, x, {g_.input("inp_scale_rows", kF32, {1, tokens_, 1, 1})});
  if (habits_.scales_input) g_.expand(x = g_.elementwise(Op::scale, x));
  if (const TensorId scale = weight("token_embd_norm.weight"); scale != kNoTensor) x = norm(x, scale, weight("token_embd_norm.bias"));
  if (habits_.norms_input) x = norm(x, kNoTensor);
  make_inputs();
  if (const TensorId learned = weight("position_embd.weight"); learned != kNoTensor) g_.expand(x = g_.elementwise(Op::add, x, {g_.gather(learned, positions_)}));
  input_ = x;
  select_layer_embeddings();
  const bool streams = has_streams();
  const bool parallel = has_parallel_streams();
  if (streams) x = stack_streams(x);
  if (parallel) x = fan_out(x);
  if (weight("hrm.z_l_init") != kNoTensor) x = stacks(x);
  else if (habits_.switches) x = switched_layers(x);
  else for (const std::size_t i : r_.layers) {
    if (a_.loop_norm && i > 0 && a_.block_of(i) == 0) x = norm(x, weight("output_norm.weight"));
    layer_ = static_cast<int>(i);
    x = streams ? streams_layer(i, x) : parallel ? parallel_layer(i, x) : layer(i, x);
  }
  layer_ = -1;
  if (habits_.keeps_streams) g_[x].is_output = true;
  head(streams ? merge_streams(x) : parallel ? collapse(x) : x);
  return std::move(g_);
}

void PromptGraph::place_weights() {
  for (std::size_t i = 0; i < a_.tensors.size(); ++i) {
    const model::Tensor& t = a_.tensors[i];
    if (t.role == model::Role::vision || t.role == model::Role::next_token) continue;
    if (t.layer >= 0 && t.layer < static_cast<int>(built_.size()) && !built_[static_cast<std::size_t>(t.layer)]) continue;
    const TensorId id = g_.weight(t.shape, static_cast<std::int64_t>(t.bytes.value()), r_.tensor_place[i], r_.weight_number.empty() ? -1 : r_.weight_number[i]);
    const std::string_view name = t.name;
    if (starts_with(name, "blk.") && t.layer >= 0 && t.layer < static_cast<int>(a_.layers.size()))
      per_layer_[static_cast<std::size_t>(t.layer)].push_back({name.substr(name.find('.', 4) + 1), id});
    else
      global_.push_back({name, id});
  }
  output_ = weight("output.weight");
  if (const TensorId table = weight("token_embd.weight"); output_ == kNoTensor && table != kNoTensor && !a_.encoder_only) {
    output_ = table;
    if (r_.output_place != g_[table].place) output_ = g_.weight(Shape(g_.shape(table)), g_[table].bytes, r_.output_place, g_[table].weight);
  }
}

void PromptGraph::place_caches() {
  for (const LayerCache& c : r_.caches) {
    const bool has_value = c.stored && c.value_elements > 0;
    key_cache_.push_back(c.stored ? g_.cache(kKey, {c.key_elements, c.cells, r_.streams, 1}, c.place) : kNoTensor);
    value_cache_.push_back(has_value ? g_.cache(kValue, {c.value_elements, c.cells, r_.streams, 1}, c.place) : kNoTensor);
    index_cache_.push_back(c.index_key_elements > 0 ? g_.cache(kKey, {c.index_key_elements, c.index_cells(), r_.streams, 1}, c.place) : kNoTensor);
    entry_cache_.push_back(c.entries > 0 ? g_.cache(kKey, {c.key_elements, c.entries, r_.streams, 1}, c.place) : kNoTensor);
    place_compressors(c);
    ngram_cache_.push_back(c.ngram_elements > 0 ? g_.cache(kF32, {c.ngram_elements, r_.sequences, 1, 1}, c.place) : kNoTensor);
    conv_cache_.push_back(c.conv_elements > 0 ? g_.cache(kF32, {c.conv_elements, r_.sequences, 1, 1}, c.place) : kNoTensor);
    state_cache_.push_back(c.state_elements > 0 ? g_.cache(kF32, {c.state_elements, r_.sequences, 1, 1}, c.place) : kNoTensor);
  }
}

// The entry in the making: values and scores of its tokens; entries of 4 tokens overlap, so that rows are twice as wide and twice as many.
void PromptGraph::place_compressors(const LayerCache& c) {
  const model::Attention& a = a_.layers[compressor_.size()].attention;
  const auto of = [&](std::int64_t dim) -> Compressor {
    if (c.compressor_elements == 0 || dim == 0) return {};
    const std::int64_t twice = a.indexer_heads > 0 ? 2 : 1, rows = twice * a.compress;
    const Shape shape{twice * dim, rows, r_.streams, 1};
    return {g_.cache(kF32, shape, c.place), g_.cache(kF32, shape, c.place), rows};
  };
  compressor_.push_back(of(a.key_dim));
  index_compressor_.push_back(of(a.indexer_heads > 0 ? a.indexer_dim : 0));
}

TensorId PromptGraph::weight(std::string_view name) const {
  const auto it = std::find_if(global_.begin(), global_.end(), [&](const auto& n) { return n.first == name; });
  return it == global_.end() ? kNoTensor : it->second;
}

TensorId PromptGraph::weight(std::size_t layer, std::string_view name) const {
  const Names& names = per_layer_[a_.block_of(layer)];
  const auto it = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == name; });
  return it == names.end() ? kNoTensor : it->second;
}

void PromptGraph::make_inputs() {
  const std::int64_t streams = a_.encoder_only ? 1 : r_.streams;
  const auto mask = [&](const char* label, std::int64_t cells) {
    return g_.input(label, r_.flash_attention ? kF16 : kF32, {cells, tokens_ / streams, 1, streams});
  };
  if (a_.encoder_only) {   // tokens of one batch see each other, and nothing is kept of them
    positions_ = g_.input("inp_pos", kI32, {habits_.axes * tokens_, 1, 1, 1});
    const std::int64_t tiles = (tokens_ + kTile - 1) / kTile * kTile;
    full_.mask = mask("kq_mask", tiles);
    if (any_window_) windowed_.mask = mask("kq_mask_swa", tiles);
    output_rows_ = g_.input("out_ids", kI32, {r_.outputs, 1, 1, 1});
    return;
  }
  std::int64_t widest_value = 0;
  for (const LayerCache& c : r_.caches) widest_value = std::max(widest_value, c.value_elements);
  const std::int64_t value_rows = r_.flash_attention ? tokens_ : tokens_ * std::max<std::int64_t>(1, widest_value);  // without it V is stored transposed
  positions_ = g_.input("inp_pos", kI32, {habits_.axes * tokens_, 1, 1, 1});
  full_ = {g_.input("k_idxs", kI64, {tokens_, 1, 1, 1}), g_.input("v_idxs", kI64, {value_rows, 1, 1, 1}), mask("kq_mask", r_.cells)};
  if (any_window_)
    windowed_ = {g_.input("k_idxs_swa", kI64, {tokens_, 1, 1, 1}), g_.input("v_idxs_swa", kI64, {value_rows, 1, 1, 1}),
                 mask("kq_mask_swa", r_.window_cells)};
  if (std::any_of(r_.caches.begin(), r_.caches.end(), [](const LayerCache& c) { return c.index_key_elements > 0; }))
    index_ = {g_.input("k_idxs_lid", kI64, {tokens_, 1, 1, 1}), kNoTensor, g_.input("kq_mask_lid", kF16, {r_.cells, tokens_ / r_.streams, 1, r_.streams})};
  state_rows_ = g_.input("rs_s_copy", kI32, {r_.sequences, 1, 1, 1});
  output_rows_ = g_.input("out_ids", kI32, {r_.outputs, 1, 1, 1});
  for (const std::size_t i : r_.layers) {   // what some kinds of attention take in lies in the graph before its first layer
    if (pools_keys(i)) expand_pool_inputs(i);
    if (a_.layers[i].attention.kind == model::AttentionKind::compressed && has_compressed_weights(i)) expand_compressed_inputs(i);
  }
}

// The engine reserves all three ways in which tokens may come in: as numbers, as embeddings, and mixed.
TensorId PromptGraph::embedding() {
  const std::int64_t hidden = a_.hidden;
  const TensorId table = weight("token_embd.weight");
  if (habits_.switches) return g_.gather(table, g_.input("sub_tokens", kI32, {tokens_, 1, 1, 1}));
  const TensorId embedded = g_.gather(table, tokens_in_ = g_.input("inp_tokens", kI32, {tokens_, 1, 1, 1}));
  const TensorId as_embeddings = g_.input("inp_embd", kF32, {hidden, tokens_, 1, 1});
  if (habits_.tokens_only) {
    g_.expand(embedded);
    g_.expand(as_embeddings);
    return embedded;
  }
  const TensorId mixed = g_.input("inp_mixed_embd", kF32, {hidden, tokens_, 1, 1});
  const TensorId mixed_tokens = g_.input("inp_mixed_tokens", kI32, {tokens_, 1, 1, 1});
  const TensorId slots = g_.input("inp_mixed_slots", kI64, {tokens_, 1, 1, 1});
  g_.expand(embedded);
  const TensorId gathered = g_.gather(table, mixed_tokens);
  g_.expand(gathered);
  g_.expand(as_embeddings);
  g_.expand(g_.scatter(g_.elementwise(Op::duplicate, mixed), gathered, slots));
  return embedded;
}

// The engine pins what it would else compute beside the layer before: in small batches, and in all where every layer is on a device.
void PromptGraph::pin(TensorId x) {
  if (r_.pins_norms && layer_ >= 0) g_[x].pinned = r_.layer_place[static_cast<std::size_t>(layer_)];
}

TensorId PromptGraph::norm(TensorId x, TensorId scale, TensorId bias) {
  TensorId y = g_.elementwise(bias != kNoTensor || habits_.layer_norm ? Op::layer_norm : Op::rms_norm, x);
  if (scale != kNoTensor || bias != kNoTensor) pin(y);
  if (scale != kNoTensor) y = g_.elementwise(Op::multiply, y, {scale});
  if (bias != kNoTensor) y = g_.elementwise(Op::add, y, {bias});
  return y;
}

TensorId PromptGraph::rope_factors(std::size_t i) {
  const TensorId first = weight("rope_freqs.weight"), beside = weight(i, "attn_norm.weight");
  if (first == kNoTensor || beside == kNoTensor || g_[beside].place == g_[first].place) return first;
  const auto [known, is_new] = rope_factors_.try_emplace(g_[beside].place, kNoTensor);
  if (is_new) known->second = g_.weight(Shape(g_.shape(first)), g_[first].bytes, g_[beside].place, g_[first].weight);
  return known->second;
}

// The norm before a part or behind all: K2 Horizon's works on groups of channels.
TensorId PromptGraph::block_norm(TensorId x, TensorId scale, TensorId bias) {
  if (!habits_.grouped_norms) return norm(x, scale, bias);
  const Shape s = g_.shape(x);
  const TensorId y = g_.reshape(g_.elementwise(Op::rms_norm, g_.reshape(x, {s[0], 1, s[1], 1})), s);
  return scale == kNoTensor ? y : g_.elementwise(Op::multiply, y, {scale});
}

TensorId PromptGraph::project(TensorId matrix, TensorId bias, TensorId x) {
  const TensorId y = g_.matmul(matrix, x);
  return bias == kNoTensor ? y : g_.elementwise(Op::add, y, {bias});
}

TensorId PromptGraph::project(std::size_t i, std::string_view stem, TensorId x) {
  const std::string name(stem);
  return project(weight(i, name + ".weight"), weight(i, name + ".bias"), x);
}

TensorId PromptGraph::mixer(std::size_t i, TensorId normed) {
  if (a_.layers[i].recurrent.kind != model::RecurrentKind::none && a_.layers[i].attention.kind == model::AttentionKind::none) return recurrent(i, normed);
  if (a_.layers[i].attention.kind == model::AttentionKind::compressed) return has_compressed_weights(i) ? compressed_attention(i, normed) : kNoTensor;
  if (a_.layers[i].attention.kind == model::AttentionKind::mla) return has_latent_weights(i) ? latent_attention(i, normed) : kNoTensor;
  if (has_all(i, {"attn_kv_a_mqa.weight", "attn_kv_a_norm.weight", "attn_kv_b.weight", "attn_output.weight"})) return expanded_attention(i, normed);
  return r_.caches[i].stored || a_.encoder_only || a_.layers[i].attention.kv_layer >= 0 ? heads_attention(i, normed) : kNoTensor;
}

TensorId PromptGraph::ffn(std::size_t i, TensorId x) {
  const bool experts_in = has(i, "ffn_up_exps.weight") || has(i, "ffn_gate_up_exps.weight");
  if (has(i, "ffn_gate_inp.weight") && experts_in && has(i, "ffn_down_exps.weight")) return expert_ffn(i, x);
  return has(i, "ffn_up.weight") && has(i, "ffn_down.weight") ? dense_ffn(i, x, "") : kNoTensor;
}

TensorId PromptGraph::layer(std::size_t i, TensorId x) {
  if (is_rwkv(i)) return rwkv_layer(i, x);
  if (has_all(i, {"attn_res_score.weight", "ffn_res_score.weight", "attn_norm.weight", "ffn_norm.weight"})) return banked_layer(i, x);
  const bool last = i + 1 == a_.layers.size();
  TensorId residual = x;
  const TensorId normed = has(i, "attn_norm.weight") || habits_.bare_norms ? block_norm(x, weight(i, "attn_norm.weight"), weight(i, "attn_norm.bias")) : x;
  if (habits_.adds_normed) residual = normed;
  const bool own = a_.layers[i].recurrent.kind == model::RecurrentKind::none;
  const TensorId second = own ? weight(i, "attn_norm_2.weight") : kNoTensor;   // Falcon: attention has a norm of its own
  TensorId y = mixer(i, second == kNoTensor ? normed : block_norm(x, second, weight(i, "attn_norm_2.bias")));
  if (y != kNoTensor && a_.layers[i].recurrent.kind != model::RecurrentKind::none && has_all(i, {"ssm_in.weight", "attn_k.weight"})) return joined_layer(i, x, y);
  const auto rows_asked_for = [&](TensorId t) { return last ? g_.gather(t, output_rows_) : t; };
  const auto scaled = [&](TensorId t) { return habits_.scales_residual ? g_.elementwise(Op::scale, t) : t; };
  const auto added_to = [&](TensorId t) { return habits_.adds_normed ? g_.elementwise(Op::scale, t) : t; };

  if (y == kNoTensor) {  // a layer that is feed-forward only: its norm is the first one
    const TensorId only = ffn(i, normed);
    if (only == kNoTensor) return x;
    return g_.elementwise(Op::add, rows_asked_for(only), {rows_asked_for(residual)});
  }
  y = rows_asked_for(y);
  if (last) tokens_ = r_.outputs;
  const auto norm_called = [&](const char* full, const char* bare) { return has(i, full) ? weight(i, full) : weight(i, bare); };   // PLaMo 2 names them so
  const TensorId after = norm_called("post_attention_norm.weight", "post_attention_norm"), before_ffn = weight(i, "ffn_norm.weight"), after_ffn = norm_called("post_ffw_norm.weight", "post_ffw_norm");
  if (after != kNoTensor && (before_ffn != kNoTensor || after_ffn != kNoTensor)) y = norm(y, after);
  y = scaled(y);
  residual = added_to(rows_asked_for(residual));

  if (before_ffn == kNoTensor && after == kNoTensor && !habits_.bare_norms && a_.layers[i].recurrent.kind == model::RecurrentKind::none) {  // attention and feed-forward side by side
    const TensorId beside = ffn(i, last ? g_.gather(normed, output_rows_) : normed);
    if (beside == kNoTensor) return g_.elementwise(Op::add, y, {residual});
    if (habits_.adds_attention_first) return g_.elementwise(Op::add, g_.elementwise(Op::add, beside, {y}), {residual});
    return g_.elementwise(Op::add, g_.elementwise(Op::add, beside, {residual}), {y});
  }
  const TensorId middle = g_.elementwise(Op::add, y, {residual});
  y = middle;
  if (before_ffn != kNoTensor || habits_.bare_norms) y = block_norm(middle, before_ffn, weight(i, "ffn_norm.bias"));
  else if (after != kNoTensor && after_ffn == kNoTensor) y = norm(middle, after);
  const TensorId before = habits_.adds_normed ? y : middle;
  y = ffn(i, y);
  if (y == kNoTensor) return middle;
  if (after_ffn != kNoTensor) y = norm(y, after_ffn);
  y = g_.elementwise(Op::add, scaled(y), {added_to(before)});
  if ((layer_rows_ != kNoTensor || layer_embeddings_ != kNoTensor) && has_all(i, {"inp_gate.weight", "proj.weight", "post_norm.weight"})) y = g_.elementwise(Op::add, y, {embedded(i, y)});
  const TensorId out_scale = weight(i, "layer_output_scale.weight");
  if (habits_.skips_to_input && out_scale != kNoTensor) return g_.elementwise(Op::add, y, {g_.elementwise(Op::multiply, rows_asked_for(input_), {out_scale})});
  return out_scale == kNoTensor ? y : g_.elementwise(Op::multiply, y, {out_scale});
}

// HRM: two stacks of layers run in turns over two states of the stream; each starts from the sum of both.
TensorId PromptGraph::stacks(TensorId upper) {
  const auto stack_of = [&](std::size_t at) { return a_.block_of(r_.layers[at]) / std::max<std::size_t>(1, static_cast<std::size_t>(a_.stack_layers)); };
  TensorId lower = weight("hrm.z_l_init");
  for (std::size_t at = 0; at < r_.layers.size();) {
    const std::size_t stack = stack_of(at);
    TensorId x = g_.elementwise(Op::add, upper, {lower});
    std::size_t block = 0;
    do {
      block = a_.block_of(r_.layers[at]);
      x = layer(r_.layers[at], x);
    } while (++at < r_.layers.size() && stack_of(at) == stack && a_.block_of(r_.layers[at]) > block);
    (stack == 0 ? lower : upper) = norm(x, kNoTensor);
  }
  return upper;
}

// Kimi K3: streams of earlier layers are kept, and every part works on a mixture of them that its layer has learnt.
TensorId PromptGraph::banked_layer(std::size_t i, TensorId x) {
  const TensorId normed = norm(mix_bank(x, weight(i, "attn_res_score.weight")), weight(i, "attn_norm.weight"));
  const bool banks = a_.bank_interval > 0 && static_cast<int>(i) % a_.bank_interval == 0;
  if (banks) {
    const TensorId kept = g_.reshape(x, {a_.hidden, 1, tokens_, 1});
    bank_ = bank_ == kNoTensor ? kept : g_.concatenate(bank_, kept, 1);
  }
  g_.expand(normed);
  TensorId y = mixer(i, normed);
  if (y == kNoTensor) return x;
  if (!banks) y = g_.elementwise(Op::add, x, {y});
  const TensorId inside = ffn(i, norm(mix_bank(y, weight(i, "ffn_res_score.weight")), weight(i, "ffn_norm.weight")));
  return inside == kNoTensor ? y : g_.elementwise(Op::add, y, {inside});
}

TensorId PromptGraph::mix_bank(TensorId x, TensorId score) {
  if (bank_ == kNoTensor) return x;
  const std::int64_t kept = g_.shape(bank_)[1];
  const auto scores = [&](TensorId of, std::int64_t rows) {
    const TensorId weighted = g_.elementwise(Op::multiply, g_.elementwise(Op::rms_norm, of), {score});
    Shape sums = g_.shape(of);
    sums[0] = 1;
    return g_.reshape(g_.operation(Op::sum_rows, kF32, sums, {weighted}), {rows, tokens_, 1, 1});
  };
  const TensorId kept_scores = scores(bank_, kept);
  const TensorId shares = g_.elementwise(Op::softmax, g_.concatenate(kept_scores, scores(x, 1), 0));
  const auto part = [&](std::int64_t rows) { return g_.contiguous(g_.view(shares, {rows, tokens_, 1, 1}, Shape(g_.stride(shares)))); };
  const TensorId mixed = g_.operation(Op::mix_streams, kF32, {a_.hidden, tokens_, 1, 1}, {bank_, part(kept)});
  return g_.elementwise(Op::add, mixed, {g_.elementwise(Op::multiply, x, {part(1)})});
}

// Attention and recurrence side by side (Falcon-H1): each normalises the input for itself.
TensorId PromptGraph::joined_layer(std::size_t i, TensorId x, TensorId attended) {
  const TensorId mixed = recurrent(i, norm(x, weight(i, "attn_norm.weight")));
  TensorId middle = g_.elementwise(Op::add, g_.elementwise(Op::add, attended, {mixed}), {x});
  if (i + 1 == a_.layers.size()) {
    middle = g_.gather(middle, output_rows_);
    tokens_ = r_.outputs;
  }
  const TensorId y = ffn(i, norm(middle, weight(i, "ffn_norm")));
  return y == kNoTensor ? middle : g_.elementwise(Op::add, y, {middle});
}

void PromptGraph::head(TensorId x) {
  if (const TensorId score = weight("output_res_score.weight"); score != kNoTensor) x = g_.gather(mix_bank(x, score), output_rows_);
  const bool stacked = weight("hrm.z_l_init") != kNoTensor;   // the last stack has normalised already
  const bool mixed = weight("output_hc_norm.weight") != kNoTensor;   // mixing has normalised
  const TensorId normed = stacked ? g_.gather(x, output_rows_) : mixed ? x : block_norm(x, weight("output_norm.weight"), weight("output_norm.bias"));
  const bool padded = habits_.pads_logits && output_ != kNoTensor && g_.shape(output_)[1] < a_.vocab;
  TensorId filler = kNoTensor;
  if (padded) {  // tokens that cannot be said are filled up in front of the logits
    filler = g_.elementwise(Op::scale, g_.view(weight("output_norm.weight"), {1, 1, 1, 1}, {4, 4, 4, 4}));
    g_[filler].type = kF32;
    filler = g_.operation(Op::repeat, kF32, {a_.vocab - g_.shape(output_)[1], r_.outputs, 1, 1}, {filler});
    g_.expand(filler);
  }
  g_[normed].is_output = true;
  g_.expand(normed);
  if (output_ == kNoTensor) return;
  TensorId logits = project(output_, weight("output.bias"), normed);
  if (padded) logits = g_.concatenate(filler, logits, 0);
  g_[logits].is_output = true;
  g_.expand(logits);
}

TensorGraph build_prompt_graph(const GraphRequest& request) { return PromptGraph(request).build(); }

}  // namespace rigcast::placement::detail
