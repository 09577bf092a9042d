#include "placement/detail/weight_kinds.hpp"

#include <algorithm>
#include <string>

namespace rigcast::placement::detail {
namespace {

using model::Role;
using model::Tensor;

// "blk.3.ffn_down.weight" -> ".ffn_down.weight"; names outside of blocks stay as they are.
std::string_view name_in_block(std::string_view name) {
  if (!name.starts_with("blk.")) return name;
  std::size_t dot = 4;
  while (dot < name.size() && name[dot] != '.') ++dot;
  return name.substr(dot);
}

bool is_expert_matrix(const Tensor& tensor) { return (tensor.role == Role::expert_ffn || tensor.role == Role::next_token) && tensor.name.find("exps.weight") != std::string::npos; }

// What --cpu-moe and --n-cpu-moe name: "\\.ffn_(up|down|gate|gate_up)_(ch|)exps", whatever follows it, so the experts' biases too.
bool is_named_by_cpu_moe(const Tensor& tensor) {
  constexpr std::string_view kFfn = ".ffn_";
  const std::size_t at = tensor.name.find(kFfn);
  if (at == std::string::npos) return false;
  const std::string_view rest = std::string_view(tensor.name).substr(at + kFfn.size());
  for (const std::string_view which : {"up_exps", "down_exps", "gate_exps", "gate_up_exps", "up_chexps", "down_chexps", "gate_chexps", "gate_up_chexps"})
    if (rest.starts_with(which)) return true;
  return false;
}

bool is_weight_matrix(const Tensor& tensor) {
  switch (tensor.role) {
    case Role::attention: case Role::dense_ffn: case Role::expert_ffn: case Role::shared_expert_ffn: case Role::output_head: case Role::token_embedding:
    case Role::per_layer_embedding: return tensor.shape[1] * tensor.shape[2] > 1;
    default: return false;
  }
}

Signature graph_signature(const Tensor& tensor, std::string_view name) {
  Signature graph;
  graph.add(name);
  graph.add(tensor.shape[0] ^ tensor.shape[1] << 32);   // no length is that long
  graph.add(tensor.shape[2] ^ tensor.shape[3] << 32);
  if (!is_weight_matrix(tensor)) graph.add(static_cast<std::int64_t>(tensor.bytes.value()));
  return graph;
}

Signature layer_signature(const model::Layer& layer) {
  const model::Attention& a = layer.attention;
  const model::FeedForward& f = layer.feed_forward;
  Signature signature;
  for (const int value : {static_cast<int>(a.kind), a.heads, a.kv_heads, a.key_dim, a.value_dim, a.window, a.compress, a.entries_layer, a.latent_dim, a.rope_dim, a.indexer_heads,
                          a.indexer_dim, a.indexer_top_k, a.indexer_pool, a.indexer_row, static_cast<int>(a.value_is_key), a.kv_layer, static_cast<int>(layer.recurrent.kind),
                          static_cast<int>(f.kind), f.width, f.experts, f.experts_used, f.expert_width, f.shared_experts, f.shared_width,
                          static_cast<int>(f.gated), static_cast<int>(f.scaled_shares), static_cast<int>(layer.recurrent.bounded_decay)})
    signature.add(value);
  return signature;
}

AttendedHeads heads_of(const model::Attention& a) {
  const bool latent = a.kind == model::AttentionKind::mla;
  return {latent ? a.latent_dim + a.rope_dim : a.key_dim, latent ? a.latent_dim : a.value_dim, a.heads / std::max(1, a.kv_heads)};
}

}  // namespace

WeightKinds::WeightKinds(const model::Architecture& architecture) : architecture_(architecture) {
  tensors_.reserve(architecture.tensors.size());
  for (std::size_t i = 0; i < architecture.tensors.size(); ++i) {
    const Tensor& tensor = architecture.tensors[i];
    tensors_.push_back({tensor.layer, kind_of(tensor)});
    bytes_ += tensor.bytes;
    if (!is_layer(tensor.layer) && tensor.role != Role::vision && tensor.role != Role::next_token) outside_.push_back(i);
  }
  find_runs();
  for (const WeightKind& kind : kinds_)
    if (scan_width_ == 0 && kind.name.ends_with(".ssm_out.weight")) scan_width_ = kind.first->shape[0];
  layers_are_told_apart_ = !architecture.blocks.empty() || architecture.bank_interval > 0;
  layers_.reserve(architecture.layers.size());
  for (const model::Layer& layer : architecture.layers) {
    layers_.push_back(layer_signature(layer));
    layers_are_told_apart_ = layers_are_told_apart_ || layer.attention.kv_layer >= 0 || layer.attention.entries_layer >= 0;
    experts_used_ = std::max<std::int64_t>(experts_used_, layer.feed_forward.experts_used);
    widest_window_ = std::max<std::int64_t>(widest_window_, layer.attention.window);
    compresses_cache_ = compresses_cache_ || layer.attention.kind == model::AttentionKind::compressed;
    if (layer.attention.kind == model::AttentionKind::none) continue;
    if (const AttendedHeads heads = heads_of(layer.attention); std::find(heads_.begin(), heads_.end(), heads) == heads_.end()) heads_.push_back(heads);
  }
}

void WeightKinds::find_runs() {
  const auto begins = [&](const Run& run) { return tensors_.begin() + static_cast<std::ptrdiff_t>(run.begin); };
  const auto same_kind = [](const Numbered& a, const Numbered& b) { return a.kind == b.kind; };
  for (std::size_t begin = 0, end = 0; begin < tensors_.size(); begin = end) {
    while (end < tensors_.size() && tensors_[end].layer == tensors_[begin].layer) ++end;
    Run run{begin, end, tensors_[begin].layer, runs_.size()};
    const auto alike = std::find_if(runs_.begin(), runs_.end(), [&](const Run& before) {
      return before.end - before.begin == end - begin && std::equal(begins(run), begins(run) + static_cast<std::ptrdiff_t>(end - begin), begins(before), same_kind);
    });
    if (alike != runs_.end()) run.alike = static_cast<std::size_t>(alike - runs_.begin());
    runs_.push_back(run);
  }
}

// Whether Mamba's scan can run decides where its decays lie, and the layer what scan that is.
bool WeightKinds::is_of(const Tensor& tensor, std::string_view name, const WeightKind& kind) const {
  const Tensor& first = *kind.first;
  if (tensor.bytes != first.bytes || tensor.shape != first.shape || tensor.role != first.role || is_layer(tensor.layer) != is_layer(first.layer) ||
      (tensor.layer < 0) != (first.layer < 0) || name != kind.name || tensor.quant != first.quant)
    return false;
  if (!is_layer(tensor.layer) || !name.ends_with(".ssm_a")) return true;
  const auto recurrent = [&](const Tensor& of) -> const model::Recurrent& { return architecture_.layers[static_cast<std::size_t>(of.layer)].recurrent; };
  return recurrent(tensor).kind == recurrent(first).kind && recurrent(tensor).state_elements == recurrent(first).state_elements;
}

// Tensors follow each other in a layer as they did in the one before.
std::uint32_t WeightKinds::kind_of(const Tensor& tensor) {
  const std::string_view name = name_in_block(tensor.name);
  std::uint32_t* const guess = tensors_.empty() ? nullptr : &next_[tensors_.back().kind];
  if (guess && *guess < kinds_.size() && is_of(tensor, name, kinds_[*guess])) return *guess;
  const auto known = std::find_if(kinds_.begin(), kinds_.end(), [&](const WeightKind& kind) { return is_of(tensor, name, kind); });
  const auto number = static_cast<std::uint32_t>(known - kinds_.begin());
  if (guess) *guess = number;
  if (known != kinds_.end()) return number;
  const bool gathered = tensor.layer < 0 && tensor.name.find("token_embd.weight") != std::string::npos;
  const bool tower = tensor.role == Role::vision && !tensor.name.starts_with("blk.");   // CogVLM's vision experts are part of its blocks
  kinds_.push_back({&tensor, name, is_expert_matrix(tensor), is_named_by_cpu_moe(tensor), gathered, tensor.name == "rope_freqs.weight", !tower, tensor.role != Role::vision,
                    graph_signature(tensor, name)});
  next_.push_back(UINT32_MAX);
  return number;
}

}  // namespace rigcast::placement::detail
