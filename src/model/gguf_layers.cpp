#include "model/gguf_layers.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "model/gguf_tensors.hpp"

namespace rigcast::model {

TensorIndex::TensorIndex(const std::vector<GgufTensor>& tensors) {
  by_name_.reserve(tensors.size());
  for (const GgufTensor& tensor : tensors) by_name_.emplace(tensor.name, &tensor);
}

const GgufTensor* TensorIndex::find(int block, std::string_view stem) const {
  const auto found = by_name_.find("blk." + std::to_string(block) + "." + std::string(stem) + ".weight");
  return found == by_name_.end() ? nullptr : found->second;
}

namespace {

constexpr int kMostHeads = GgufMetadata::kMostHeads;
constexpr int kMostWidth = 1 << 26;
constexpr int kAnyCount = std::numeric_limits<int>::max();

// What the metadata say of every layer before any is built; vectors have one element per block.
struct Plan {
  std::vector<int> heads, kv_heads, ffn;
  int key_dim = 0, value_dim = 0, key_dim_sliding = 0, value_dim_sliding = 0;
  struct Latent { int key_dim = 0, value_dim = 0, rank = 0; };
  Latent latent, latent_sliding;
  int rope_dim = 0;
  int indexer_heads = 0, indexer_dim = 0, indexer_top_k = 0, indexer_block = 1, indexer_pool = 0;
  std::vector<int> compress;         // tokens
  std::vector<std::int64_t> ngram;   // elements of the state of n-gram embeddings
  int window = 0;
  std::vector<bool> slides;
  std::vector<bool> recurs;
  int cached_layers = std::numeric_limits<int>::max();
  int experts_used = 0, experts_shared = 0;
};

std::string in_block(int block, std::string_view stem) { return "blk." + std::to_string(block) + "." + std::string(stem); }

// heads, kv_heads, ffn: one value or one per block; KV heads default to heads.
Result<void> read_heads(const LayerInput& in, Plan& plan) {
  const auto zeros = std::vector<int>(static_cast<std::size_t>(in.blocks), 0);
  RC_ASSIGN(heads, in.metadata.per_block("attention.head_count", in.blocks, in.layers, kMostHeads));
  RC_ASSIGN(kv_heads, in.metadata.per_block("attention.head_count_kv", in.blocks, in.layers, kMostHeads));
  RC_ASSIGN(ffn, in.metadata.per_block("feed_forward_length", in.blocks, in.layers, kMostWidth));
  if (!heads && in.family.mixer != Mixer::recurrent) return in.metadata.contradiction("lacks the key " + in.metadata.prefix() + ".attention.head_count");
  plan.heads = heads.value_or(zeros);
  plan.kv_heads = kv_heads.value_or(plan.heads);
  plan.ffn = ffn.value_or(zeros);
  return {};
}

// Multi-head latent attention; `suffix` "_swa": of layers that slide.
Result<void> read_latent(const LayerInput& in, const std::string& suffix, int cached, int rope, Plan::Latent& latent) {
  const std::string key_length = "attention.key_length" + suffix;
  RC_ASSIGN(key, in.metadata.count_or("attention.key_length_mla" + suffix, 0, kMostHeads));
  RC_ASSIGN(value, in.metadata.count_or("attention.value_length_mla" + suffix, 0, kMostHeads));
  RC_ASSIGN(rank, in.metadata.count_or("attention.kv_lora_rank" + suffix, 0, kMostHeads));
  latent = {key, value, rank};
  if (key > 0 && value > 0 && cached != rank + rope)
    return in.metadata.contradiction(key_length + " is " + std::to_string(cached) + " where multi-head latent attention caches kv_lora_rank" + suffix + " + rope.dimension_count = " + std::to_string(rank + rope));
  return {};
}

Result<void> read_head_sizes(const LayerInput& in, Plan& plan, std::vector<std::string>& notes) {
  const int most_heads = *std::max_element(plan.heads.begin(), plan.heads.end());
  const int share = most_heads > 0 ? in.hidden / most_heads : 0;
  RC_ASSIGN(key, in.metadata.count("attention.key_length", kMostHeads));
  RC_ASSIGN(value, in.metadata.count("attention.value_length", kMostHeads));
  if (most_heads > 0 && !key) notes.push_back("The file gives no attention.key_length; embedding_length / head_count = " + std::to_string(share) + " is used, as llama.cpp does.");
  plan.key_dim = key.value_or(share);
  plan.value_dim = value.value_or(share);
  RC_ASSIGN(key_sliding, in.metadata.count_or("attention.key_length_swa", plan.key_dim, kMostHeads));
  RC_ASSIGN(value_sliding, in.metadata.count_or("attention.value_length_swa", plan.value_dim, kMostHeads));
  plan.key_dim_sliding = key_sliding;
  plan.value_dim_sliding = value_sliding;
  RC_ASSIGN(rope, in.metadata.count_or("rope.dimension_count", 0, kMostHeads));
  plan.rope_dim = rope;
  RC_TRY(read_latent(in, "", plan.key_dim, rope, plan.latent));
  plan.latent_sliding = plan.latent;
  if (in.metadata.is_array("attention.sliding_window_pattern") && plan.latent.key_dim > 0)
    RC_TRY(read_latent(in, "_swa", plan.key_dim_sliding, rope, plan.latent_sliding));
  return {};
}

bool slides_by_period(const WindowRule& rule, int period, int layer) {
  if (period == 0) return true;
  return rule.full_first ? layer % period != 0 : layer % period < period - 1;
}

// Which layers slide: the file's own pattern where it has one, else the family's period.
Result<void> read_windows(const LayerInput& in, Plan& plan) {
  const WindowRule& rule = in.family.window;
  plan.slides.assign(static_cast<std::size_t>(in.blocks), false);
  if (rule.kind == AttentionKind::full || (rule.only_with_layers > 0 && in.layers != rule.only_with_layers)) return {};
  RC_ASSIGN(window, in.metadata.count_or("attention.sliding_window", rule.window, kAnyCount));
  plan.window = window > 0 && rule.fixed_window ? rule.window : window;
  if (window == 0) return {};
  const std::string_view key = "attention.sliding_window_pattern";
  if (in.metadata.is_array(key)) {
    RC_ASSIGN(pattern, in.metadata.per_block(key, in.blocks, in.layers));
    for (std::size_t i = 0; i < pattern->size(); ++i) plan.slides[i] = (*pattern)[i] != 0;
    return {};
  }
  if (rule.listed) return in.metadata.contradiction("lacks the array " + in.metadata.prefix() + "." + std::string(key) + ", without which its layers cannot be told apart");
  RC_ASSIGN(period, in.metadata.count_or(key, rule.period));
  for (int layer = 0; layer < in.blocks; ++layer) plan.slides[static_cast<std::size_t>(layer)] = slides_by_period(rule, period, layer);
  return {};
}

Result<void> read_mixers(const LayerInput& in, Plan& plan) {
  RC_ASSIGN(listed, in.metadata.per_block("attention.recurrent_layers", in.blocks, in.layers));
  if (listed && in.family.mixer == Mixer::by_interval) {
    for (const int recurs : *listed) plan.recurs.push_back(recurs != 0);
    return {};
  }
  RC_ASSIGN(interval, in.metadata.count_or("full_attention_interval", in.family.interval));
  if (in.family.mixer == Mixer::by_interval && interval < 1) return in.metadata.contradiction("full_attention_interval is 0");
  for (int layer = 0; layer < in.blocks; ++layer) {
    const auto i = static_cast<std::size_t>(layer);
    const bool no_kv = plan.kv_heads[i] == 0;
    switch (in.family.mixer) {
      case Mixer::attention: plan.recurs.push_back(false); break;
      case Mixer::recurrent:
      case Mixer::both: plan.recurs.push_back(true); break;
      case Mixer::by_kv_heads: plan.recurs.push_back(no_kv); break;
      case Mixer::by_kv_heads_ffn: plan.recurs.push_back(no_kv && plan.ffn[i] == 0); break;
      case Mixer::by_interval: plan.recurs.push_back((layer + 1) % interval != 0); break;
    }
  }
  return {};
}

Result<void> read_sharing(const LayerInput& in, Plan& plan) {
  if (in.family.cached_layers > 0) plan.cached_layers = in.family.cached_layers;
  RC_ASSIGN(shared, in.metadata.count("attention.shared_kv_layers"));
  if (shared) plan.cached_layers = in.layers - *shared;
  if (plan.cached_layers < 2) return in.metadata.contradiction("attention.shared_kv_layers is " + std::to_string(*shared) + " of " + std::to_string(in.layers) + " layers");
  return {};
}

// Sparse attention: the indexer that picks the tokens (DeepSeek V3.2, GLM 5).
Result<void> read_indexer(const LayerInput& in, Plan& plan) {
  RC_ASSIGN(heads, in.metadata.count_or("attention.indexer.head_count", 0, kMostHeads));
  RC_ASSIGN(dim, in.metadata.count_or("attention.indexer.key_length", 0, kMostHeads));
  RC_ASSIGN(top_k, in.metadata.count_or("attention.indexer.top_k", 0));
  plan.indexer_heads = heads;
  plan.indexer_dim = dim;
  RC_ASSIGN(block, in.metadata.count_or("attention.indexer.block_size", 1, 1 << 10));  // MiniMax M3 picks blocks of tokens
  plan.indexer_top_k = top_k;
  plan.indexer_block = std::max(block, 1);
  RC_ASSIGN(pool, in.metadata.count_or("attention.indexer.kpool", 0, 1 << 10));  // GLM 5.3 Flash
  plan.indexer_pool = pool;
  return {};
}

// Tokens that become one, in the cache or for the indexer.
Result<void> read_compression(const LayerInput& in, Plan& plan) {
  plan.compress.assign(static_cast<std::size_t>(in.blocks), 0);
  if (in.family.compression == Compression::none) return {};
  RC_ASSIGN(ratios, in.metadata.per_block("attention.compress_ratios", in.blocks, in.layers, 1 << 16, true));
  if (!ratios) return in.metadata.contradiction("lacks the array " + in.metadata.prefix() + ".attention.compress_ratios, without which its layers cannot be told apart");
  plan.compress = *ratios;
  return {};
}

// Embeddings of n-grams, gathered from one table and taken in by a convolution in a layer or two (Qwen 3.8 Flash).
Result<void> read_ngrams(const LayerInput& in, Plan& plan) {
  plan.ngram.assign(static_cast<std::size_t>(in.blocks), 0);
  RC_ASSIGN(kernel, in.metadata.count_or("ple.conv_kernel", 0, 1 << 10));
  RC_ASSIGN(gram, in.metadata.count_or("ple.ngram_size", 0, 1 << 10));
  RC_ASSIGN(streams, in.metadata.count_or("hyper_connection.count", 1, 1 << 6));
  for (int block = 0; block < in.blocks; ++block)
    if (in.tensors.find(block, "ple_key") != nullptr)
      plan.ngram[static_cast<std::size_t>(block)] = std::int64_t{std::max(0, kernel - 1)} * gram * std::max(1, streams) * in.hidden;
  return {};
}

Result<Plan> read_plan(const LayerInput& in, std::vector<std::string>& notes) {
  Plan plan;
  RC_TRY(read_heads(in, plan));
  RC_TRY(read_head_sizes(in, plan, notes));
  RC_TRY(read_windows(in, plan));
  RC_TRY(read_mixers(in, plan));
  RC_TRY(read_sharing(in, plan));
  RC_TRY(read_indexer(in, plan));
  RC_TRY(read_compression(in, plan));
  RC_TRY(read_ngrams(in, plan));
  RC_ASSIGN(used, in.metadata.count_or("expert_used_count", 0));
  RC_ASSIGN(shared, in.metadata.count_or("expert_shared_count", 0));
  plan.experts_used = used;
  plan.experts_shared = shared;
  return plan;
}

// The tensors must have the shape the metadata promise; only K and V are asked, since Q may carry a gate beside it.
Result<void> check_kv_shape(const LayerInput& in, int block, std::string_view stem, std::int64_t rows) {
  const GgufTensor* tensor = in.tensors.find(block, stem);
  if (tensor == nullptr || tensor->shape[1] == rows) return {};
  return in.metadata.contradiction("tensor '" + tensor->name + "' has " + std::to_string(tensor->shape[1]) + " rows where head_count_kv and the head size promise " + std::to_string(rows));
}

int narrow(std::int64_t length) { return static_cast<int>(std::min<std::int64_t>(length, std::numeric_limits<int>::max())); }

// Values made by a few of many experts (K2 Horizon MoVA); what they make goes into the cache like any other's.
Result<void> add_value_experts(const LayerInput& in, int block, Attention& attention) {
  const GgufTensor* made = in.tensors.find(block, "attn_v_exps");
  if (made == nullptr) return {};
  RC_ASSIGN(used, in.metadata.required_count("attention.value_expert_used_count"));
  if (used < 1 || used > made->shape[2]) return in.metadata.contradiction("attention.value_expert_used_count is " + std::to_string(used) + " of " + std::to_string(made->shape[2]) + " experts");
  attention.value_experts = narrow(made->shape[2]);
  attention.value_experts_used = used;
  return {};
}

void add_indexer(const Plan& plan, Attention& attention) {
  attention.indexer_heads = plan.indexer_heads;
  attention.indexer_dim = plan.indexer_dim;
}

// DeepSeek V4: one vector of key_length is key and value; entries of 4 tokens are chosen from by an indexer, those of 128 are all seen.
Result<Attention> compressed_attention(const LayerInput& in, const Plan& plan, int block) {
  const int ratio = plan.compress[static_cast<std::size_t>(block)];
  const auto i = static_cast<std::size_t>(block);
  if (ratio != 0 && ratio != 4 && ratio != 128)
    return in.metadata.cannot_say("attention.compress_ratios holds " + std::to_string(ratio) + ", and only entries of 4 and of 128 tokens are described");
  if (plan.window == 0) return in.metadata.contradiction("attention.sliding_window is 0 or missing");
  if (plan.key_dim != plan.value_dim) return in.metadata.contradiction("attention.value_length is not attention.key_length, where one vector serves as both");
  Attention attention;
  attention.kind = AttentionKind::compressed;
  attention.heads = plan.heads[i];
  attention.kv_heads = 1;
  attention.key_dim = attention.value_dim = plan.key_dim;
  attention.rope_dim = plan.rope_dim;
  attention.window = plan.window;
  attention.compress = ratio;
  if (in.tensors.find(block, "indexer.proj") != nullptr) {
    add_indexer(plan, attention);
    attention.indexer_top_k = plan.indexer_top_k;
  }
  if ((ratio == 4) != (attention.indexer_heads > 0)) return in.metadata.contradiction("layer " + std::to_string(block) + " makes entries of " + std::to_string(ratio) + " tokens and has " + (ratio == 4 ? "no indexer" : "an indexer"));
  RC_TRY(check_kv_shape(in, block, "attn_kv", attention.key_dim));
  return attention;
}

// Which tokens are attended to, where not all of them are: a layer's own indexer, or what that of an earlier layer picked (GLM 5.2).
void add_selection(const LayerInput& in, const Plan& plan, int block, Attention& attention) {
  const bool projects_queries = in.tensors.find(block, "indexer.q_proj") != nullptr, pools_keys = in.family.compression == Compression::indexer_keys;
  const int pool = pools_keys ? plan.compress[static_cast<std::size_t>(block)] : plan.indexer_pool;
  if (pools_keys && pool == 0) return;
  if ((attention.kind == AttentionKind::mla && attention.window == 0) || projects_queries)
    attention.indexer_top_k = plan.indexer_top_k * (projects_queries ? plan.indexer_block : 1);
  if (!projects_queries && in.tensors.find(block, "indexer.proj") == nullptr) return;
  add_indexer(plan, attention);
  attention.indexer_pool = pool;
  if (pool > 0) attention.indexer_row = (pools_keys ? 2 : 3) * plan.indexer_dim;  // the pooled key beside the token's, and its gate where it has one
}

Result<Attention> attention_of(const LayerInput& in, const Plan& plan, int block) {
  const auto i = static_cast<std::size_t>(block);
  Attention attention;
  if (plan.recurs[i] && in.family.mixer != Mixer::both) return attention;
  if (plan.heads[i] == 0 || plan.kv_heads[i] == 0) return attention;
  if (in.family.compression == Compression::cache) return compressed_attention(in, plan, block);
  const bool slides = plan.slides[i];
  const Plan::Latent& latent = slides ? plan.latent_sliding : plan.latent;
  const bool mla = latent.key_dim > 0 && latent.value_dim > 0;
  attention.kind = mla ? AttentionKind::mla : slides ? in.family.window.kind : AttentionKind::full;
  attention.heads = plan.heads[i];
  attention.kv_heads = plan.kv_heads[i];
  attention.window = slides ? plan.window : 0;
  attention.key_dim = mla ? latent.key_dim : slides ? plan.key_dim_sliding : plan.key_dim;
  attention.value_dim = mla ? latent.value_dim : slides ? plan.value_dim_sliding : plan.value_dim;
  add_selection(in, plan, block, attention);
  if (mla) {
    attention.latent_dim = latent.rank;
    attention.rope_dim = plan.rope_dim;
    return attention;
  }
  RC_TRY(add_value_experts(in, block, attention));
  attention.value_is_key = in.tensors.find(block, "attn_k") != nullptr && in.tensors.find(block, "attn_v") == nullptr && attention.value_experts == 0;
  // A layer without a cache of its own reads the last cached layer of its kind: the one before last slides.
  if (block >= plan.cached_layers) attention.kv_layer = plan.cached_layers - (slides ? 2 : 1);
  RC_TRY(check_kv_shape(in, block, "attn_k", std::int64_t{attention.kv_heads} * attention.key_dim));
  RC_TRY(check_kv_shape(in, block, "attn_v", std::int64_t{attention.kv_heads} * attention.value_dim));
  return attention;
}

// Sizes of the fixed state as llama.cpp keeps it (n_embd_r and n_embd_s in llama-hparams.cpp).
Result<Recurrent> recurrent_of(const LayerInput& in, const Plan& plan) {
  const int heads = *std::max_element(plan.heads.begin(), plan.heads.end());
  Recurrent state;
  state.kind = in.family.recurrent;
  const std::int64_t hidden = in.hidden;
  if (state.kind == RecurrentKind::short_conv) {
    RC_ASSIGN(length, in.metadata.required_count("shortconv.l_cache"));
    state.conv_elements = hidden * std::max(0, length - 1);
    return state;
  }
  if (state.kind == RecurrentKind::rwkv) {
    RC_ASSIGN(shifts, in.metadata.count_or("token_shift_count", 2));
    RC_ASSIGN(head, in.metadata.required_count("wkv.head_size"));
    state.conv_elements = hidden * shifts;
    state.state_elements = hidden * head;
    return state;
  }
  if (state.kind == RecurrentKind::lightning) {
    RC_ASSIGN(head, in.metadata.required_count("attention.key_length", kMostHeads));
    state.state_elements = std::int64_t{head} * head * heads;
    return state;
  }
  RC_ASSIGN(kernel, in.metadata.required_count("ssm.conv_kernel"));
  if (state.kind == RecurrentKind::kimi_delta) {
    RC_ASSIGN(head, in.metadata.required_count("kda.head_dim"));
    const std::int64_t inner = std::int64_t{head} * heads;
    state.conv_elements = std::int64_t{3} * std::max(0, kernel - 1) * inner;
    state.state_elements = inner * head;
    RC_ASSIGN(bound, in.metadata.real("kda.gate_lower_bound"));
    state.bounded_decay = bound.value_or(0) < 0;
    return state;
  }
  RC_ASSIGN(inner, in.metadata.required_count("ssm.inner_size"));
  RC_ASSIGN(size, in.metadata.required_count("ssm.state_size"));
  RC_ASSIGN(groups, in.metadata.count_or("ssm.group_count", 0));
  state.conv_elements = std::max(0, kernel - 1) * (std::int64_t{inner} + 2 * std::int64_t{groups} * size);
  state.state_elements = std::int64_t{size} * inner;
  return state;
}

// Attention of one head over all tokens before, without weights: which adapter's token came last.
Layer switch_of(const Plan& plan) {
  Layer layer;
  layer.attention = {.kind = AttentionKind::full, .heads = 1, .kv_heads = 1, .key_dim = plan.key_dim, .value_dim = plan.value_dim};
  return layer;
}

Result<void> read_experts(const LayerInput& in, const Plan& plan, int block, FeedForward& ffn) {
  const GgufTensor* down = in.tensors.find(block, "ffn_down_exps");
  if (down == nullptr) return in.metadata.cannot_say("block " + std::to_string(block) + " has a router but no '" + in_block(block, "ffn_down_exps.weight") + "' (a 2023 conversion keeps each expert apart; convert again)");
  // A dense part beside the experts (Gemma 4, Arctic) serves every token, as a shared expert does.
  if (ffn.kind == FeedForwardKind::dense) ffn = {.shared_experts = 1, .shared_width = ffn.width};
  ffn.kind = FeedForwardKind::moe;
  ffn.expert_width = narrow(down->shape[0]);
  ffn.experts = narrow(down->shape[2]);
  ffn.experts_used = plan.experts_used;
  RC_ASSIGN(scale, in.metadata.real("expert_weights_scale"));
  ffn.scaled_shares = scale.value_or(0) != 0 && *scale != 1;
  if (plan.experts_used < 1 || plan.experts_used > ffn.experts)
    return in.metadata.contradiction("expert_used_count is " + std::to_string(plan.experts_used) + " of " + std::to_string(ffn.experts) + " experts");
  if (const GgufTensor* shared = in.tensors.find(block, "ffn_down_shexp")) {
    ffn.shared_width = narrow(shared->shape[0]);
    ffn.shared_experts = std::max(1, plan.experts_shared);
  }
  ffn.gated = in.tensors.find(block, "ffn_gate_exps") != nullptr || in.tensors.find(block, "ffn_gate_up_exps") != nullptr;
  return {};
}

Result<FeedForward> feed_forward_of(const LayerInput& in, const Plan& plan, int block) {
  FeedForward ffn;
  const GgufTensor* down = in.tensors.find(block, "ffn_down");
  if (down == nullptr) down = in.tensors.find(block, "channel_mix_value");
  if (down != nullptr) {
    const GgufTensor* up = in.tensors.find(block, "ffn_up");
    ffn.kind = FeedForwardKind::dense;
    ffn.width = narrow(down->shape[0]);
    // Gate and up may be one matrix of twice the width (Phi 3, ChatGLM).
    ffn.gated = in.tensors.find(block, "ffn_gate") != nullptr || (up != nullptr && up->shape[1] == 2 * down->shape[0]);
    const int promised = plan.ffn[static_cast<std::size_t>(block)] / in.family.ffn_halves;
    if (promised > 0 && promised != ffn.width && in.tensors.find(block, "ffn_gate_inp") == nullptr)
      return in.metadata.contradiction("tensor '" + down->name + "' is " + std::to_string(ffn.width) + " wide where feed_forward_length promises " + std::to_string(promised));
  }
  if (in.tensors.find(block, "ffn_gate_inp") != nullptr) RC_TRY(read_experts(in, plan, block, ffn));
  return ffn;
}

}  // namespace

// Nanbeige runs all its layers num_loops times. HRM counts in block_count every run of a layer: h_cycles times, its lower stack runs
// l_cycles times and its upper one once.
Result<std::vector<int>> repeated_blocks(const LayerInput& input) {
  constexpr int kMostRuns = 64, kMostLayers = 4096;
  std::vector<int> blocks;
  if (!input.family.repeats) return blocks;
  RC_ASSIGN(loops, input.metadata.count_or("num_loops", 1, kMostRuns));
  RC_ASSIGN(stack, input.metadata.count_or("hrm.layers_per_stack", 0, kMostLayers));
  RC_ASSIGN(upper, input.metadata.count_or("hrm.h_cycles", 1, kMostRuns));
  RC_ASSIGN(lower, input.metadata.count_or("hrm.l_cycles", 1, kMostRuns));
  if (stack == 0 && loops <= 1) return blocks;
  if (stack == 0) {
    if (input.layers > kMostLayers / loops) return input.metadata.contradiction("num_loops is " + std::to_string(loops) + " of " + std::to_string(input.layers) + " layers");
    for (int layer = 0; layer < input.layers * loops; ++layer) blocks.push_back(layer % input.layers);
    return blocks;
  }
  if (input.layers != std::int64_t{stack} * upper * (lower + 1) || upper < 1 || lower < 1)
    return input.metadata.contradiction("block_count is " + std::to_string(input.layers) + " where hrm.layers_per_stack x h_cycles x (l_cycles + 1) are promised");
  for (int slot = 0; slot < input.layers; ++slot) {
    const int run = slot / stack % (lower + 1);
    blocks.push_back(slot % stack + (run == lower ? stack : 0));
  }
  return blocks;
}

Result<std::vector<Layer>> layers_of_gguf(const LayerInput& input, std::vector<std::string>& notes) {
  RC_ASSIGN(plan, read_plan(input, notes));
  Recurrent recurrent;
  if (std::find(plan.recurs.begin(), plan.recurs.end(), true) != plan.recurs.end()) {
    RC_ASSIGN(read, recurrent_of(input, plan));
    recurrent = read;
  }
  std::vector<Layer> layers;
  for (int block = 0; block < input.layers; ++block) {
    Layer layer;
    RC_ASSIGN(attention, attention_of(input, plan, block));
    RC_ASSIGN(feed_forward, feed_forward_of(input, plan, block));
    layer.attention = attention;
    layer.feed_forward = feed_forward;
    if (plan.recurs[static_cast<std::size_t>(block)]) layer.recurrent = recurrent;
    layer.recurrent.ngram_elements = plan.ngram[static_cast<std::size_t>(block)];
    layers.push_back(layer);
  }
  if (input.family.switches) layers.push_back(switch_of(plan));
  return layers;
}

}  // namespace rigcast::model
