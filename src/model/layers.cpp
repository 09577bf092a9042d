#include <algorithm>
#include <string>

#include "base/check.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

// What the letters of a pattern mean.
struct Letter {
  char letter;
  AttentionKind attention;
  bool recurrent;
  bool feed_forward;   // of the kind the layer's number decides
};
constexpr Letter kLetters[] = {
    {'F', AttentionKind::full, false, true},     {'S', AttentionKind::sliding, false, true}, {'C', AttentionKind::chunked, false, true},
    {'R', AttentionKind::none, true, true},      {'H', AttentionKind::full, true, true},     {'A', AttentionKind::full, false, false},
    {'M', AttentionKind::none, true, false},     {'D', AttentionKind::none, false, true},    {'E', AttentionKind::none, false, true},
    {'X', AttentionKind::none, false, true},     {'G', AttentionKind::none, false, true},    {'L', AttentionKind::sliding, true, true},
};

const Letter* find_letter(char letter) {
  for (const Letter& each : kLetters)
    if (each.letter == letter) return &each;
  return nullptr;
}

Error wrong(const Shape& shape, std::string message, std::string field) {
  return {ErrorKind::input, shape.key + ": " + std::move(message), {}, std::move(field), {}};
}

int listed(const std::vector<int>& list, int layer, int usual) {
  return list.empty() ? usual : list[static_cast<std::size_t>(layer)];
}

int or_usual(int value, int usual) { return value > 0 ? value : usual; }

// The last of these layers up to this one; -1: there is none.
int last_before(const std::vector<int>& layers, int layer) {
  int last = -1;
  for (const int each : layers)
    if (each <= layer) last = std::max(last, each);
  return last;
}

Attention compressed_attention(const Shape& shape, int layer) {
  Attention a;
  a.kind = AttentionKind::compressed;
  a.heads = shape.heads;
  a.kv_heads = 1;
  a.key_dim = a.value_dim = shape.head_dim;
  a.rope_dim = shape.rope_dim;
  a.window = shape.window;
  a.compress = listed(shape.compressed.ratios, layer, 0);
  const bool shares = !shape.compressed.sources.empty();
  if (shares ? a.compress == 0 : a.compress != 4) return a;
  a.indexer_top_k = shape.indexer.top_k;
  if (const int source = last_before(shape.compressed.sources, layer); shares && source != layer) a.entries_layer = source;
  if (shares && last_before(shape.compressed.choosers, layer) != layer) return a;
  a.indexer_heads = shape.indexer.heads;
  a.indexer_dim = shape.indexer.dim;
  return a;
}

Attention attention_of(const Shape& shape, AttentionKind kind, int layer) {
  Attention a;
  if (kind == AttentionKind::none) return a;
  if (!shape.compressed.ratios.empty()) return compressed_attention(shape, layer);
  const AttentionVariant& variant = kind == AttentionKind::full ? shape.full : shape.sliding;
  a.heads = or_usual(variant.heads, listed(shape.layer_heads, layer, shape.heads));
  a.kv_heads = or_usual(variant.kv_heads, listed(shape.layer_kv_heads, layer, shape.kv_heads));
  if (a.heads == 0 || (a.kv_heads == 0 && shape.mla.kv_rank == 0)) return {};
  a.kind = kind;
  a.key_dim = or_usual(variant.head_dim, shape.head_dim);
  a.value_dim = or_usual(variant.value_dim, variant.head_dim > 0 ? variant.head_dim : or_usual(shape.value_dim, shape.head_dim));
  a.value_is_key = variant.value_is_key;
  if (kind != AttentionKind::full) a.window = shape.window;
  const Mla& latent = kind == AttentionKind::full ? shape.mla : shape.sliding_mla;
  if (latent.expanded) {
    a.kv_heads = a.heads;
    a.key_dim = latent.nope_dim + latent.rope_dim;
    a.value_dim = latent.value_dim;
  } else if (latent.kv_rank > 0) {
    a.kind = AttentionKind::mla;
    a.kv_heads = 1;
    a.key_dim = latent.nope_dim + latent.rope_dim;
    a.value_dim = latent.value_dim;
    a.latent_dim = latent.kv_rank;
    a.rope_dim = latent.rope_dim;
  }
  if (layer < shape.indexer.first_layer || (a.kind == AttentionKind::mla && a.window > 0)) return a;
  a.indexer_top_k = shape.indexer.top_k;
  if (listed(shape.indexer.owners, layer, 1) == 0) return a;
  a.indexer_heads = shape.indexer.heads;
  a.indexer_dim = shape.indexer.dim;
  a.indexer_pool = shape.indexer.pool;
  if (a.indexer_pool > 0) a.indexer_row = (a.kind == AttentionKind::mla ? 3 : 2) * a.indexer_dim;   // the token's key, its gate where it has one, and the pooled key
  return a;
}

// What short convolutions keep: the stream's last inputs; Inkling's those of keys, values and both parts of a layer.
std::int64_t convolved_inputs(const Shape& shape, const Attention& attention) {
  const std::int64_t hidden = shape.hidden, kernel = shape.distances.kernel;
  if (kernel == 0) return (shape.recurrent.conv - 1) * hidden;
  return (kernel - 1) * (std::int64_t{attention.kv_heads} * (attention.key_dim + attention.value_dim) + 2 * hidden);
}

// State each sequence keeps, in elements; conv_elements: the last kernel - 1 inputs of the convolution.
Recurrent recurrent_of(const Shape& shape, const Attention& attention) {
  const RecurrentShape& r = shape.recurrent;
  const std::int64_t inner = std::int64_t{r.heads} * r.head_dim, keys = std::int64_t{r.key_heads} * r.key_dim;
  Recurrent out;
  out.kind = r.kind;
  switch (r.kind) {
    case RecurrentKind::none: break;
    case RecurrentKind::mamba1:
      out.conv_elements = (r.conv - 1) * inner;
      out.state_elements = inner * r.state;
      break;
    case RecurrentKind::mamba2:
      out.conv_elements = (r.conv - 1) * (inner + 2 * std::int64_t{r.groups} * r.state);
      out.state_elements = inner * r.state;
      break;
    case RecurrentKind::gated_delta:
      out.conv_elements = (r.conv - 1) * (2 * keys + inner);
      out.state_elements = std::int64_t{r.heads} * r.key_dim * r.head_dim;
      break;
    case RecurrentKind::kimi_delta:
      out.bounded_decay = r.bounded_decay;
      out.conv_elements = (r.conv - 1) * 3 * inner;
      out.state_elements = std::int64_t{r.heads} * r.key_dim * r.head_dim;
      break;
    case RecurrentKind::lightning: out.state_elements = inner * r.head_dim; break;
    case RecurrentKind::short_conv: out.conv_elements = convolved_inputs(shape, attention); break;
    case RecurrentKind::rwkv:
      out.conv_elements = std::int64_t{r.shifts} * shape.hidden;  // the token before, for time mixing and where it is done for channel mixing
      out.state_elements = std::int64_t{shape.hidden} * r.head_dim;
      break;
  }
  return out;
}

bool has_experts_at(const Shape& shape, int layer) {
  const Experts& e = shape.experts;
  return e.count > 0 && layer >= e.first_dense && layer < shape.layers - e.last_dense && (layer + 1) % std::max(e.every, 1) == 0;
}

FeedForward feed_forward_of(const Shape& shape, char letter, int layer) {
  FeedForward f;
  f.gated = shape.features.gated;
  if (letter == 'E' || (letter != 'D' && has_experts_at(shape, layer))) {
    f.kind = FeedForwardKind::moe;
    f.experts = shape.experts.count;
    f.experts_used = shape.experts.used;
    f.expert_width = shape.experts.width;
    f.shared_experts = shape.experts.shared;
    f.shared_width = shape.experts.shared_width;
    return f;
  }
  f.width = listed(shape.layer_ffn, layer, shape.ffn);
  if (layer >= shape.layers - shape.double_ffn_layers) f.width *= 2;
  f.kind = f.width > 0 ? FeedForwardKind::dense : FeedForwardKind::none;
  return f;
}

// The last layers of Gemma 3n and 4 read the cache of the last layer of their kind that still has its own.
void share_cache(const Shape& shape, std::vector<Layer>& layers) {
  const int own = shape.layers - shape.shared_cache_layers;
  for (int i = own; i < shape.layers; ++i) {
    Attention& a = layers[static_cast<std::size_t>(i)].attention;
    if (a.kind == AttentionKind::none) continue;
    for (int j = own - 1; j >= 0 && a.kv_layer < 0; --j)
      if (layers[static_cast<std::size_t>(j)].attention.kind == a.kind) a.kv_layer = j;
  }
}

// Numbers no model has are refused before anything is multiplied: heads times their size fits an int, elements of a matrix fit 2^53.
constexpr int kMostLayers = 4096, kMostHeadsOfShape = 1 << 15, kMostExperts = 1 << 16, kMostWidthOfShape = 1 << 24;

Result<void> check_ranges(const Shape& shape) {
  const RecurrentShape& r = shape.recurrent;
  struct Range { const char* field; int value, most; };
  for (const Range& range : {
           Range{"layers", shape.layers, kMostLayers}, {"next_token_layers", shape.next_token_layers, kMostLayers}, {"hidden", shape.hidden, 1 << 20},
           {"vocab", shape.vocab, kMostWidthOfShape}, {"ffn", shape.ffn, kMostWidthOfShape}, {"heads", shape.heads, kMostHeadsOfShape}, {"kv_heads", shape.kv_heads, kMostHeadsOfShape},
           {"head_dim", shape.head_dim, kMostHeadsOfShape}, {"value_dim", shape.value_dim, kMostHeadsOfShape}, {"full.heads", shape.full.heads, kMostHeadsOfShape},
           {"full.kv_heads", shape.full.kv_heads, kMostHeadsOfShape}, {"full.head_dim", shape.full.head_dim, kMostHeadsOfShape}, {"sliding.heads", shape.sliding.heads, kMostHeadsOfShape},
           {"sliding.kv_heads", shape.sliding.kv_heads, kMostHeadsOfShape}, {"sliding.head_dim", shape.sliding.head_dim, kMostHeadsOfShape}, {"mla.q_rank", shape.mla.q_rank, kMostHeadsOfShape},
           {"mla.kv_rank", shape.mla.kv_rank, kMostHeadsOfShape}, {"mla.nope_dim", shape.mla.nope_dim, kMostHeadsOfShape / 2}, {"mla.rope_dim", shape.mla.rope_dim, kMostHeadsOfShape / 2},
           {"mla.value_dim", shape.mla.value_dim, kMostHeadsOfShape}, {"sliding_mla.q_rank", shape.sliding_mla.q_rank, kMostHeadsOfShape},
           {"sliding_mla.kv_rank", shape.sliding_mla.kv_rank, kMostHeadsOfShape}, {"sliding_mla.nope_dim", shape.sliding_mla.nope_dim, kMostHeadsOfShape / 2},
           {"sliding_mla.rope_dim", shape.sliding_mla.rope_dim, kMostHeadsOfShape / 2}, {"sliding_mla.value_dim", shape.sliding_mla.value_dim, kMostHeadsOfShape},
           {"stream_rank", shape.stream_rank, kMostHeadsOfShape}, {"ngrams.row", shape.ngrams.row, kMostHeadsOfShape}, {"ngrams.rows_a_token", shape.ngrams.rows_a_token, 1 << 10},
           {"ngrams.size", shape.ngrams.size, 64}, {"ngrams.kernel", shape.ngrams.kernel, 1 << 10},
           {"indexer.heads", shape.indexer.heads, kMostHeadsOfShape}, {"indexer.dim", shape.indexer.dim, kMostHeadsOfShape}, {"indexer.pool", shape.indexer.pool, 1 << 10},
           {"moe.experts", shape.experts.count, kMostExperts}, {"moe.used", shape.experts.used, shape.experts.count}, {"moe.width", shape.experts.width, kMostWidthOfShape},
           {"moe.shared", shape.experts.shared, kMostExperts}, {"moe.shared_width", shape.experts.shared_width, kMostWidthOfShape}, {"moe.latent", shape.experts.latent, kMostWidthOfShape},
           {"moe.idle", shape.experts.idle, kMostExperts}, {"moe.groups", shape.experts.groups, kMostExperts}, {"moe.group_width", shape.experts.group_width, kMostWidthOfShape},
           {"moe.seeing", shape.experts.seeing, kMostExperts}, {"moe.seeing_width", shape.experts.seeing_width, kMostWidthOfShape}, {"engrams.row", shape.engrams.row, kMostHeadsOfShape},
           {"engrams.rows_a_token", shape.engrams.rows_a_token, 1 << 10}, {"recurrent.shifts", r.shifts, 2}, {"bank_interval", shape.bank_interval, kMostLayers}, {"loops", shape.loops, 64}, {"token_types", shape.token_types, kMostWidthOfShape}, {"relative_positions", shape.relative_positions, kMostWidthOfShape},
           {"recurrent.heads", r.heads, kMostHeadsOfShape}, {"recurrent.key_heads", r.key_heads, kMostHeadsOfShape}, {"recurrent.head_dim", r.head_dim, kMostHeadsOfShape},
           {"recurrent.key_dim", r.key_dim, kMostHeadsOfShape}, {"recurrent.state", r.state, kMostHeadsOfShape}, {"recurrent.groups", r.groups, kMostHeadsOfShape},
           {"recurrent.conv", r.conv, 1 << 10}, {"recurrent.dt_rank", r.dt_rank, kMostHeadsOfShape}, {"recurrent.gate_rank", r.gate_rank, kMostHeadsOfShape},
           {"value_experts.count", shape.value_experts.count, kMostExperts}, {"value_experts.used", shape.value_experts.used, shape.value_experts.count}, {"norm_gates.rank", shape.norm_gates.rank, kMostHeadsOfShape},
           {"distances.rank", shape.distances.rank, kMostHeadsOfShape}, {"distances.extent", shape.distances.extent, 1 << 20}, {"distances.kernel", shape.distances.kernel, 1 << 10},
           {"per_layer_embedding", shape.per_layer_embedding, kMostHeadsOfShape}, {"shared_cache_layers", shape.shared_cache_layers, std::max(0, shape.layers - 1)},
           {"rope_dim", shape.rope_dim, kMostHeadsOfShape}, {"streams", shape.streams, 64}, {"mixing_rounds", shape.mixing_rounds, 1 << 10},
           {"compressed.q_rank", shape.compressed.q_rank, kMostHeadsOfShape}, {"compressed.output_groups", shape.compressed.output_groups, 1 << 10},
           {"compressed.output_rank", shape.compressed.output_rank, kMostHeadsOfShape}, {"moe.hashed", shape.experts.hashed, kMostLayers}})
    if (range.value < 0 || range.value > range.most)
      return tl::unexpected<Error>(wrong(shape, std::string(range.field) + " is " + std::to_string(range.value) + "; 0 to " + std::to_string(range.most) + " are possible", range.field));
  struct Listed { const char* field; const std::vector<int>& values; int most; };
  for (const Listed& list : {Listed{"layer_heads", shape.layer_heads, kMostHeadsOfShape}, {"layer_kv_heads", shape.layer_kv_heads, kMostHeadsOfShape}, {"layer_ffn", shape.layer_ffn, kMostWidthOfShape}, {"compressed.ratios", shape.compressed.ratios, 1 << 20}})
    for (const int value : list.values)
      if (value < 0 || value > list.most)
        return tl::unexpected<Error>(wrong(shape, std::string(list.field) + " holds " + std::to_string(value) + "; 0 to " + std::to_string(list.most) + " are possible", list.field));
  return {};
}

// Entries that several layers read: each reads those of the last layer before it that makes any, at the same ratio.
Result<void> check_shared_entries(const Shape& shape) {
  const Compressed& c = shape.compressed;
  if (shape.indexer.heads <= 0 || shape.indexer.dim <= 0 || shape.indexer.top_k <= 0) return tl::unexpected<Error>(wrong(shape, "indexer is missing", "indexer"));
  for (int i = 0; i < shape.layers; ++i) {
    const int ratio = c.ratios[static_cast<std::size_t>(i)], source = last_before(c.sources, i);
    if (ratio == 0) continue;
    if (ratio != 1 && ratio != 2)
      return tl::unexpected<Error>(wrong(shape, "a shared entry of " + std::to_string(ratio) + " tokens is nothing anybody has described (known: 1, 2)", "compressed"));
    if (source < 0 || last_before(c.choosers, i) < 0) return tl::unexpected<Error>(wrong(shape, "layer " + std::to_string(i) + " reads entries before any layer makes or chooses them", "compressed"));
    if (c.ratios[static_cast<std::size_t>(source)] != ratio)
      return tl::unexpected<Error>(wrong(shape, "layer " + std::to_string(i) + " reads entries of " + std::to_string(ratio) + " tokens, and layer " + std::to_string(source) + " makes others", "compressed"));
  }
  return {};
}

Result<void> check_compressed(const Shape& shape) {
  const Compressed& c = shape.compressed;
  if (c.ratios.empty()) return {};
  const auto missing = [&](const char* field) { return tl::unexpected<Error>(wrong(shape, std::string(field) + " is missing", field)); };
  if (shape.window <= 0) return missing("window");
  if (c.q_rank <= 0 || c.output_groups <= 0 || c.output_rank <= 0) return missing("compressed");
  if (std::int64_t{shape.heads} * shape.head_dim % c.output_groups != 0)
    return tl::unexpected<Error>(wrong(shape, "heads are not whole in each of " + std::to_string(c.output_groups) + " output groups", "compressed"));
  if (!c.sources.empty()) return check_shared_entries(shape);
  for (const int ratio : c.ratios) {
    if (ratio != 0 && ratio != 4 && ratio != 128)
      return tl::unexpected<Error>(wrong(shape, "an entry of " + std::to_string(ratio) + " tokens is nothing anybody has described (known: 4, 128)", "compressed"));
    if (ratio == 4 && (shape.indexer.heads <= 0 || shape.indexer.dim <= 0 || shape.indexer.top_k <= 0)) return missing("indexer");
  }
  return {};
}

Result<void> check(const Shape& shape) {
  const auto missing = [&](const char* field) { return tl::unexpected<Error>(wrong(shape, std::string(field) + " is missing", field)); };
  if (shape.layers <= 0) return missing("layers");
  if (shape.hidden <= 0) return missing("hidden");
  if (shape.vocab <= 0) return missing("vocab");
  RC_TRY(check_ranges(shape));
  for (const auto* list : {&shape.layer_heads, &shape.layer_kv_heads, &shape.layer_ffn, &shape.compressed.ratios, &shape.indexer.owners})
    if (!list->empty() && list->size() != static_cast<std::size_t>(shape.layers))
      return tl::unexpected<Error>(wrong(shape, "a list by layer has " + std::to_string(list->size()) + " numbers for " +
                                                    std::to_string(shape.layers) + " layers", "layers"));
  if (!shape.blocks.empty() && shape.blocks.size() != static_cast<std::size_t>(shape.layers)) return tl::unexpected<Error>(wrong(shape, "blocks do not name one for each layer", "blocks"));
  for (std::size_t i = 0; i < shape.blocks.size(); ++i)
    if (shape.blocks[i] < 0 || static_cast<std::size_t>(shape.blocks[i]) > i) return tl::unexpected<Error>(wrong(shape, "a layer runs with the tensors of a later one", "blocks"));
  return check_compressed(shape);
}

Result<void> check_layer(const Shape& shape, char letter, const Layer& layer) {
  const auto missing = [&](const char* field) { return tl::unexpected<Error>(wrong(shape, std::string(field) + " is missing", field)); };
  const Attention& a = layer.attention;
  const bool attends = a.kind != AttentionKind::none, should = find_letter(letter)->attention != AttentionKind::none;
  if (should && shape.heads <= 0 && shape.layer_heads.empty()) return missing("heads");
  if (should && !attends && shape.layer_heads.empty() && shape.layer_kv_heads.empty()) return missing("kv_heads");
  if (attends && a.key_dim <= 0) return missing("head_dim");
  if (a.window == 0 && (a.kind == AttentionKind::sliding || a.kind == AttentionKind::chunked)) return missing("window");
  if (find_letter(letter)->recurrent && layer.recurrent.kind == RecurrentKind::none) return missing("recurrent");
  if (letter == 'E' && shape.experts.count <= 0) return missing("moe");
  const FeedForward& f = layer.feed_forward;
  if (f.kind == FeedForwardKind::none && find_letter(letter)->feed_forward && shape.layer_ffn.empty()) return missing("ffn");
  if (f.kind == FeedForwardKind::moe && (f.experts <= 0 || f.experts_used <= 0 || f.expert_width <= 0)) return missing("moe");
  return {};
}

}  // namespace

Result<std::vector<Layer>> lay_out(const Shape& shape) {
  RC_TRY(check(shape));
  const std::string pattern = !shape.pattern.empty() ? shape.pattern : shape.window > 0 ? "S" : "F";
  std::vector<Layer> layers(static_cast<std::size_t>(shape.layers));
  for (int i = 0; i < shape.layers; ++i) {
    const char letter = pattern[static_cast<std::size_t>(i) % pattern.size()];
    const Letter* meaning = find_letter(letter);
    if (!meaning)
      return tl::unexpected<Error>(wrong(shape, "pattern has the letter '" + std::string(1, letter) + "' (known: FSCRHLAMDEXG)", "pattern"));
    Layer& layer = layers[static_cast<std::size_t>(i)];
    layer.attention = attention_of(shape, meaning->attention, i);
    if (meaning->recurrent) layer.recurrent = recurrent_of(shape, layer.attention);
    if (meaning->feed_forward) layer.feed_forward = feed_forward_of(shape, letter, i);
    if (layer.feed_forward.kind == FeedForwardKind::moe && layer.attention.kind != AttentionKind::none)
      layer.attention.value_experts = shape.value_experts.count, layer.attention.value_experts_used = shape.value_experts.used;
    if (i == shape.ngrams.layer) layer.recurrent.ngram_elements = std::int64_t{std::max(0, shape.ngrams.kernel - 1)} * shape.ngrams.size * std::max(1, shape.streams) * shape.hidden;
    RC_TRY(check_layer(shape, letter, layer));
  }
  share_cache(shape, layers);
  return layers;
}

}  // namespace rigcast::model
