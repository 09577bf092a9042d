// Gemma 3n, and what Gemma 4 has of it: an embedding for every layer, values normalised without weights. Gemma 3n carries four streams of
// which one is worked on while the others are predicted and corrected (AltUp), and a low-rank detour beside its attention (LAuReL).
#include <algorithm>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

namespace {

constexpr std::int64_t kStreams = 4;
constexpr std::size_t kSparseLayers = 10;  // their gate keeps the largest activations only

}  // namespace

// Rows of the table of all layers' embeddings; projected and mixed with the input where the first layer needs them.
void PromptGraph::select_layer_embeddings() {
  const TensorId table = weight("per_layer_token_embd.weight"), matrix = weight("per_layer_model_proj.weight"), scale = weight("per_layer_proj_norm.weight");
  if (matrix == kNoTensor || scale == kNoTensor) return;
  if (table == kNoTensor) {   // EmbeddingGemma 2: nothing but the projection
    const std::int64_t layers = static_cast<std::int64_t>(a_.layers.size()), width = g_.shape(matrix)[1] / layers;
    const TensorId projected = g_.reshape(g_.elementwise(Op::scale, g_.matmul(matrix, input_)), {width, layers, tokens_, 1});
    layer_embeddings_ = g_.contiguous(g_.permute(norm(projected, scale), 0, 2, 1, 3));
    return;
  }
  const std::int64_t layers = static_cast<std::int64_t>(a_.layers.size()), width = g_.shape(table)[0] / layers;
  const TensorId rows = g_.gather(table, g_.input("inp_per_layer", kI32, {tokens_, 1, 1, 1}));
  layer_rows_ = g_.elementwise(Op::scale, g_.reshape(rows, {width, layers, tokens_, 1}));
  g_.expand(layer_rows_);
}

TensorId PromptGraph::layer_embedding(std::size_t i) {
  if (layer_embeddings_ == kNoTensor) {
    const Shape s = g_.shape(layer_rows_);
    const TensorId projected = g_.reshape(g_.elementwise(Op::scale, g_.matmul(weight("per_layer_model_proj.weight"), input_)), s);
    const TensorId sum = g_.elementwise(Op::add, norm(projected, weight("per_layer_proj_norm.weight")), {layer_rows_});
    layer_embeddings_ = g_.contiguous(g_.permute(g_.elementwise(Op::scale, sum), 0, 2, 1, 3));
  }
  const Shape s = g_.shape(layer_embeddings_), t = g_.stride(layer_embeddings_);
  const TensorId mine = g_.view(layer_embeddings_, {s[0], s[1], 1, 1}, {t[0], t[1], t[2], t[2]});
  return i + 1 == a_.layers.size() && tokens_ != s[1] ? g_.gather(mine, output_rows_) : mine;
}

// What the layer's own embedding adds to x.
TensorId PromptGraph::embedded(std::size_t i, TensorId x) {
  const TensorId gate = g_.elementwise(Op::unary, project(i, "inp_gate", x));
  return norm(project(i, "proj", g_.elementwise(Op::multiply, gate, {layer_embedding(i)})), weight(i, "post_norm.weight"));
}

// Whether every layer has all that carrying four streams takes.
bool PromptGraph::has_streams() const {
  if (weight("altup_proj.weight") == kNoTensor || weight("altup_unembd_proj.weight") == kNoTensor || layer_rows_ == kNoTensor) return false;
  return std::all_of(r_.layers.begin(), r_.layers.end(), [&](std::size_t i) {
    const int owner = r_.caches[i].stored ? static_cast<int>(i) : a_.layers[i].attention.kv_layer;
    const bool attends = owner >= 0 && key_cache_[static_cast<std::size_t>(owner)] != kNoTensor && value_cache_[static_cast<std::size_t>(owner)] != kNoTensor;
    const bool projects = !r_.caches[i].stored || has_all(i, {"attn_k.weight", "attn_v.weight"});
    return attends && projects && has_all(i, {"attn_norm.weight", "attn_q.weight", "attn_output.weight", "post_attention_norm.weight", "laurel_l.weight", "laurel_r.weight",
                                  "laurel_post_norm.weight", "ffn_norm.weight", "ffn_up.weight", "ffn_gate.weight", "ffn_down.weight", "post_ffw_norm.weight",
                                  "altup_router.weight", "altup_router_norm.weight", "altup_predict_coef.weight", "altup_correct_coef.weight",
                                  "altup_correct_scale.weight", "inp_gate.weight", "proj.weight", "post_norm.weight"});
  });
}

TensorId PromptGraph::stream(TensorId x) {
  const Shape s = g_.shape(x), t = g_.stride(x);
  return g_.view(x, {s[0], s[1], 1, 1}, {t[0], t[1], t[2], t[2]});
}

TensorId PromptGraph::other_streams(TensorId x) {
  const Shape s = g_.shape(x);
  return g_.view(x, {s[0], s[1], kStreams - 1, 1}, Shape(g_.stride(x)));
}

TensorId PromptGraph::row_lengths(TensorId x) {
  Shape s = g_.shape(x);
  s[0] = 1;
  return g_.elementwise(Op::square_root, g_.operation(Op::sum_rows, kF32, s, {g_.elementwise(Op::unary, x)}));
}

// Streams projected by `matrix`, each as long as the first.
TensorId PromptGraph::projected_streams(std::string_view matrix, TensorId from, TensorId first) {
  const TensorId streams = g_.matmul(weight(matrix), from);
  return g_.elementwise(Op::divide, g_.elementwise(Op::multiply, streams, {row_lengths(first)}), {row_lengths(streams)});
}

TensorId PromptGraph::modalities(std::size_t i, TensorId x) {
  return g_.elementwise(Op::unary, g_.matmul(weight(i, "altup_router.weight"), g_.elementwise(Op::scale, norm(x, weight(i, "altup_router_norm.weight")))));
}

TensorId PromptGraph::predict_streams(std::size_t i, TensorId x) {
  const TensorId mixed = g_.matmul(weight(i, "altup_predict_coef.weight"), modalities(i, stream(x)));
  const TensorId turned = g_.contiguous(g_.permute(x, 1, 2, 0, 3));
  const TensorId predicted = g_.matmul(turned, g_.reshape(mixed, {kStreams, kStreams, tokens_, 1}));
  return g_.elementwise(Op::add, g_.contiguous(g_.permute(predicted, 0, 2, 1, 3)), {x});
}

TensorId PromptGraph::correct_streams(std::size_t i, TensorId predicted, TensorId worked_on) {
  const TensorId news = g_.elementwise(Op::subtract, worked_on, {stream(predicted)});
  const TensorId everywhere = g_.operation(Op::repeat, kF32, {a_.hidden, tokens_, kStreams, 1}, {news});
  const TensorId shares = g_.elementwise(Op::scale, g_.matmul(weight(i, "altup_correct_coef.weight"), modalities(i, worked_on)));
  const TensorId turned = g_.reshape(g_.contiguous(g_.transpose(shares)), {1, tokens_, kStreams, 1});
  return g_.elementwise(Op::add, g_.elementwise(Op::multiply, everywhere, {turned}), {predicted});
}

TensorId PromptGraph::sparse_ffn(std::size_t i, TensorId x) {
  const TensorId up = project(i, "ffn_up", x);
  TensorId gate = project(i, "ffn_gate", x);
  if (i < kSparseLayers) {
    const auto sums = [&](TensorId of) { return g_.operation(Op::sum_rows, kF32, {1, tokens_, 1, 1}, {of}); };
    const TensorId mean = sums(gate);
    const TensorId squares = g_.elementwise(Op::unary, g_.elementwise(Op::subtract, gate, {mean}));
    const TensorId spread = g_.elementwise(Op::scale, g_.elementwise(Op::square_root, g_.elementwise(Op::scale, sums(squares))));
    gate = g_.elementwise(Op::unary, g_.elementwise(Op::subtract, gate, {g_.elementwise(Op::add, mean, {spread})}));
  }
  return project(i, "ffn_down", g_.elementwise(Op::multiply, up, {g_.elementwise(Op::unary, gate)}));
}

TensorId PromptGraph::streams_layer(std::size_t i, TensorId x) {
  const TensorId predicted = predict_streams(i, x), active = stream(predicted);
  const TensorId normed = norm(active, weight(i, "attn_norm.weight"));
  const TensorId attended = norm(heads_attention(i, normed), weight(i, "post_attention_norm.weight"));
  const TensorId detour = norm(project(i, "laurel_r", project(i, "laurel_l", normed)), weight(i, "laurel_post_norm.weight"));
  const TensorId gated = g_.elementwise(Op::add, attended, {active});
  const TensorId middle = g_.elementwise(Op::scale, g_.elementwise(Op::add, gated, {g_.elementwise(Op::add, detour, {normed})}));
  const TensorId y = norm(sparse_ffn(i, norm(middle, weight(i, "ffn_norm.weight"))), weight(i, "post_ffw_norm.weight"));
  const TensorId corrected = correct_streams(i, predicted, g_.elementwise(Op::add, y, {middle}));
  const TensorId added = embedded(i, g_.elementwise(Op::multiply, stream(corrected), {weight(i, "altup_correct_scale.weight")}));
  return g_.concatenate(stream(corrected), g_.elementwise(Op::add, other_streams(corrected), {added}), 2);
}

TensorId PromptGraph::stack_streams(TensorId x) {
  const TensorId copies = g_.operation(Op::repeat, kF32, {a_.hidden, tokens_, kStreams - 1, 1}, {x});
  return g_.concatenate(x, projected_streams("altup_proj.weight", copies, x), 2);
}

TensorId PromptGraph::merge_streams(TensorId x) {
  const TensorId others = projected_streams("altup_unembd_proj.weight", other_streams(x), stream(x));
  TensorId sum = stream(x);
  for (std::int64_t s = 1; s < kStreams; ++s) sum = g_.elementwise(Op::add, sum, {stream(others)});
  const TensorId merged = g_.gather(g_.elementwise(Op::scale, sum), output_rows_);
  tokens_ = r_.outputs;
  return merged;
}

}  // namespace rigcast::placement::detail
