#include "bench/model_case.hpp"

#include <algorithm>
#include <cmath>

namespace rigcast::bench {
namespace {

using model::AttentionKind;
using model::Role;

bool is_matrix(const model::Tensor& t) {
  switch (t.role) {
    case Role::attention: case Role::dense_ffn: case Role::expert_ffn: case Role::shared_expert_ffn: case Role::router: return t.shape[1] > 1;
    default: return false;
  }
}

Result<MatrixOp> matrix_of(const model::Tensor& t, const model::FeedForward& ff) {
  const Format* format = find_format(t.quant);
  if (!format) return fail(ErrorKind::unsupported, t.name + " is " + t.quant + ", for which there is no kernel here");
  if (t.shape[0] % format->block != 0) return fail(ErrorKind::unsupported, t.name + " has rows that do not divide into " + t.quant + " blocks");
  MatrixOp op{.format = format, .rows = t.shape[1], .columns = t.shape[0], .after_attention = t.role != Role::attention || t.name.find("attn_output") != std::string::npos};
  if (t.role == Role::expert_ffn) op.experts = static_cast<int>(t.shape[2]), op.used = std::max(1, ff.experts_used);
  return op;
}

Result<ModelLayer> layer_of(const model::Architecture& architecture, int index) {
  const model::Layer& layer = architecture.layers[static_cast<std::size_t>(index)];
  const std::string name = "layer " + std::to_string(index) + " of " + architecture.name;
  if (layer.recurrent.kind != model::RecurrentKind::none) return fail(ErrorKind::unsupported, name + " is recurrent, for which there is no kernel here");
  if (layer.attention.kind == AttentionKind::mla || layer.attention.kind == AttentionKind::compressed) return fail(ErrorKind::unsupported, name + " attends through a latent vector, for which there is no kernel here");
  ModelLayer out;
  if (layer.attention.kind != AttentionKind::none) {
    out.heads = layer.attention.heads, out.kv_heads = std::max(1, layer.attention.kv_heads), out.head_dim = layer.attention.key_dim;
    if (layer.attention.kind != AttentionKind::full) out.window = layer.attention.window;
    if (out.heads % out.kv_heads != 0) return fail(ErrorKind::unsupported, name + " has heads that do not divide into key-value heads");
  }
  for (const model::Tensor& t : architecture.tensors) {
    if (t.layer != index || !is_matrix(t)) continue;
    RC_ASSIGN(op, matrix_of(t, layer.feed_forward));
    out.matrices.push_back(op);
  }
  std::stable_partition(out.matrices.begin(), out.matrices.end(), [](const MatrixOp& op) { return !op.after_attention; });
  return out;
}

double touched(const MatrixOp& op, std::int64_t tokens) { return op.experts > 0 ? std::min<double>(op.experts, static_cast<double>(op.used * tokens)) : 1; }

void add(Work& work, const MatrixOp& op, std::int64_t tokens) {
  const double one = bytes_of(op).value() / std::max(1, op.experts);
  work.bytes += Bytes(one * touched(op, tokens));
  work.flop += Flop(2.0 * static_cast<double>(op.rows * op.columns * tokens) * std::max(1, op.used));
}

}  // namespace

Bytes bytes_of(const MatrixOp& op) {
  return Bytes(static_cast<double>(op.rows * (op.columns / op.format->block) * op.format->bytes) * std::max(1, op.experts));
}

Bytes bytes_of(const ModelLayer& layer) {
  Bytes sum{};
  for (const MatrixOp& op : layer.matrices) sum += bytes_of(op);
  return sum;
}

Result<ModelCase> model_case(const model::Architecture& architecture, std::int64_t tokens, std::int64_t depth) {
  ModelCase c{.model = architecture.key, .quant = architecture.quant, .layers = {}, .head = {}, .tokens = tokens, .depth = depth};
  for (int i = 0; i < static_cast<int>(architecture.layers.size()); ++i) {
    RC_ASSIGN(layer, layer_of(architecture, i));
    c.layers.push_back(std::move(layer));
  }
  for (const model::Tensor& t : architecture.tensors)
    if (t.role == Role::output_head || (t.role == Role::token_embedding && architecture.tied_embeddings)) {
      RC_ASSIGN(head, matrix_of(t, {}));
      c.head = head;
    }
  if (!c.head.format || c.layers.empty()) return fail(ErrorKind::unsupported, architecture.name + " has no layers or no output head");
  return c;
}

Work work_of(const ModelCase& c) {
  Work work;
  add(work, c.head, 1);   // engines compute it for the last token of a prompt only
  for (const ModelLayer& layer : c.layers) {
    for (const MatrixOp& op : layer.matrices) add(work, op, c.tokens);
    const double all = static_cast<double>(c.depth) + static_cast<double>(c.tokens), seen = layer.window > 0 ? std::min(all, static_cast<double>(layer.window)) : all;
    work.bytes += Bytes(4.0 * layer.kv_heads * layer.head_dim * seen);
    work.flop += Flop(4.0 * layer.heads * layer.head_dim * static_cast<double>(c.tokens) * std::max(0.0, seen - static_cast<double>(c.tokens) / 2));
  }
  return work;
}

}  // namespace rigcast::bench
