#include "model/graph.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

namespace rigcast::model {
namespace {

constexpr double kActivationBytes = 2;
constexpr double kStateBytes = 4;

// Kernels an unfused engine starts around the matrices of one layer.
constexpr int kAttentionLaunches = 7;      // norm, two ropes, two cache writes, residual, and the norm of q and k where there is one
constexpr int kRecurrentLaunches = 8;      // norm, splits, activations, gate, residual
constexpr int kDenseLaunches = 3;          // norm, activation, residual
constexpr int kExpertLaunches = 8;         // norm, scores, selection, weights, activation, weighted sum, residual

// Operations for each state element and token: decay, what the key recalls, the correction written back, what the query reads.
double state_operations(RecurrentKind kind) {
  switch (kind) {
    case RecurrentKind::gated_delta:
    case RecurrentKind::kimi_delta:
    case RecurrentKind::rwkv: return 7;
    case RecurrentKind::mamba1:
    case RecurrentKind::mamba2: return 5;
    case RecurrentKind::lightning: return 5;
    case RecurrentKind::short_conv:
    case RecurrentKind::none: return 0;
  }
  return 0;
}

bool ends(std::string_view text, std::string_view part) {
  return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
}

// Matrices that come after the mixing of tokens: everything else of attention and recurrence comes before it.
bool follows_mixing(std::string_view name) {
  for (const char* part : {"attn_output.weight", "attn_v_b.weight", "ssm_out.weight", "shortconv.out_proj.weight", "time_mix_output.weight"})
    if (ends(name, part)) return true;
  return false;
}

// Tensors of one layer by what they take part in.
struct LayerTensors {
  std::vector<int> mixer, mixer_after, feed_forward, small;
};

bool is_feed_forward(Role role) {
  return role == Role::dense_ffn || role == Role::expert_ffn || role == Role::shared_expert_ffn || role == Role::router;
}

class Planner {
 public:
  explicit Planner(const Architecture& a) : a_(a), layers_(a.layers.size()) { sort_tensors(); }

  std::vector<Work> run() {
    for (const int t : gathers_) gather(t);
    for (const int t : early_) matrix(t, kInputLayer);
    for (std::size_t i = 0; i < layers_.size(); ++i) layer(static_cast<int>(i));
    head();
    return std::move(work_);
  }

 private:
  const Tensor& at(int t) const { return a_.tensors[static_cast<std::size_t>(t)]; }

  void sort_tensors() {
    for (int t = 0; t < static_cast<int>(a_.tensors.size()); ++t) {
      const Tensor& tensor = at(t);
      const bool in_layer = tensor.layer >= 0 && tensor.layer < static_cast<int>(layers_.size());
      LayerTensors* own = in_layer ? &layers_[static_cast<std::size_t>(tensor.layer)] : nullptr;
      switch (tensor.role) {
        case Role::token_embedding:
          gathers_.push_back(t);
          if (tensor.name == "token_embd.weight") embedding_ = t;
          break;
        case Role::per_layer_embedding: gathers_.push_back(t); break;
        case Role::output_head: head_ = t; break;
        case Role::vision:
        case Role::next_token:
        case Role::other: break;
        default:
          if (own && is_unused(tensor)) break;
          if (!own) (tensor.shape[1] > 1 ? early_ : late_small_).push_back(t);
          else if (tensor.shape[1] == 1 || tensor.role == Role::norm) own->small.push_back(t);
          else if (is_feed_forward(tensor.role)) own->feed_forward.push_back(t);
          else (follows_mixing(tensor.name) ? own->mixer_after : own->mixer).push_back(t);
      }
    }
  }

  // Keys and values of a layer that reads another one's cache.
  bool is_unused(const Tensor& tensor) const {
    if (a_.layers[static_cast<std::size_t>(tensor.layer)].attention.kv_layer < 0) return false;
    return ends(tensor.name, "attn_k.weight") || ends(tensor.name, "attn_v.weight");
  }

  void gather(int t) {
    const Tensor& tensor = at(t);
    Work w = of_tensor(t, OpKind::gather, kInputLayer);
    w.bytes = tensor.bytes.value() / static_cast<double>(std::max<std::int64_t>(tensor.shape[1], 1));
    w.elements = 0;
    w.inputs = 0;
    w.outputs = static_cast<double>(tensor.shape[0]);
    work_.push_back(std::move(w));
  }

  Work of_tensor(int t, OpKind kind, int layer) const {
    const Tensor& tensor = at(t);
    Work w;
    w.kind = kind;
    w.role = tensor.role;
    w.layer = layer;
    w.tensor = t;
    w.quant = tensor.quant;
    w.elements = static_cast<double>(tensor.elements());
    w.bytes = tensor.bytes.value();
    w.inputs = static_cast<double>(tensor.shape[0]);
    w.outputs = static_cast<double>(tensor.shape[1]);
    return w;
  }

  void matrix(int t, int layer) {
    const Tensor& tensor = at(t);
    Work w = of_tensor(t, OpKind::matmul, layer);
    if (tensor.role == Role::expert_ffn && layer >= 0) {
      const FeedForward& f = a_.layers[static_cast<std::size_t>(layer)].feed_forward;
      w.kind = OpKind::expert_matmul;
      w.experts = std::max(f.experts, 1);
      w.used = std::max(f.experts_used, 1);
    } else if (tensor.shape[2] > 1) {  // one matrix for each head
      w.inputs *= static_cast<double>(tensor.shape[2]);
      w.outputs *= static_cast<double>(tensor.shape[2]);
    }
    work_.push_back(std::move(w));
  }

  // `bytes` of small vectors are read with it.
  void elementwise(int layer, Role role, double width, int launches, double bytes) {
    Work w;
    w.kind = OpKind::elementwise;
    w.role = role;
    w.layer = layer;
    w.bytes = bytes;
    w.inputs = w.outputs = width;
    w.launches = launches;
    work_.push_back(std::move(w));
  }

  void layer(int i) {
    const Layer& l = a_.layers[static_cast<std::size_t>(i)];
    const LayerTensors& tensors = layers_[a_.block_of(static_cast<std::size_t>(i))];
    double small = 0;
    for (const int t : tensors.small) small += at(t).bytes.value();
    const bool attends = l.attention.kind != AttentionKind::none, recalls = l.recurrent.kind != RecurrentKind::none;
    if (attends || recalls) {
      const double heads = attends ? l.attention.heads * (l.attention.key_dim + l.attention.value_dim) : 2.0 * a_.hidden;
      elementwise(i, Role::norm, 2 * a_.hidden + heads, attends ? kAttentionLaunches : kRecurrentLaunches, small);
      small = 0;
    }
    for (const int t : tensors.mixer) matrix(t, i);
    if (attends) attention(i, l.attention);
    if (recalls) recurrent(i, l.recurrent);
    for (const int t : tensors.mixer_after) matrix(t, i);
    const FeedForward& f = l.feed_forward;
    if (f.kind != FeedForwardKind::none) {
      const bool moe = f.kind == FeedForwardKind::moe;
      const double width = moe ? 1.0 * f.experts_used * f.expert_width + f.shared_width : f.width;
      elementwise(i, Role::norm, 2 * a_.hidden + width, moe ? kExpertLaunches : kDenseLaunches, small);
    }
    for (const int t : tensors.feed_forward) matrix(t, i);
  }

  void attention(int i, const Attention& attention) {
    Work w;
    w.kind = OpKind::attention;
    w.role = Role::attention;
    w.layer = i;
    w.attention = attention;
    const bool latent = attention.kind == AttentionKind::mla;
    w.inputs = 1.0 * attention.heads * (latent ? attention.latent_dim + attention.rope_dim : attention.key_dim);
    w.outputs = 1.0 * attention.heads * (latent ? attention.latent_dim : attention.value_dim);
    work_.push_back(std::move(w));
  }

  void recurrent(int i, const Recurrent& recurrent) {
    Work w;
    w.kind = OpKind::recurrent;
    w.role = Role::recurrent;
    w.layer = i;
    w.recurrent = recurrent;
    w.inputs = w.outputs = a_.hidden;
    w.launches = 3;  // convolution, scan, state kept
    work_.push_back(std::move(w));
  }

  void head() {
    const int last = static_cast<int>(a_.layers.size());
    double small = 0;
    for (const int t : late_small_) small += at(t).bytes.value();
    elementwise(last, Role::norm, 2 * a_.hidden, 1, small);
    work_.back().head = true;
    const int t = head_ >= 0 ? head_ : embedding_;  // tied: the embedding serves as head
    if (t < 0 || a_.encoder_only) return;
    Work w = of_tensor(t, OpKind::matmul, last);
    w.role = Role::output_head;
    w.head = true;
    work_.push_back(std::move(w));
  }

  const Architecture& a_;
  std::vector<LayerTensors> layers_;
  std::vector<int> gathers_, early_, late_small_;
  int embedding_ = -1, head_ = -1;
  std::vector<Work> work_;
};

// Tokens a new token may look at: the window, the best of the indexer, or all.
std::int64_t attention_limit(const Attention& a) {
  if (a.kind == AttentionKind::sliding || a.kind == AttentionKind::chunked) return a.window;
  return a.indexer_top_k;
}

// Keys and values of one token in bytes.
double cache_bytes(const Attention& a, const KvFormat& kv) {
  if (a.kind == AttentionKind::mla) return (a.latent_dim + a.rope_dim) * kv.key_bytes_per_element;
  return a.kv_heads * (a.key_dim * kv.key_bytes_per_element + a.value_dim * kv.value_bytes_per_element);
}

void fill_attention(const Work& w, const Step& step, const KvFormat& kv, Op& op) {
  const Attention& a = w.attention;
  const double n = static_cast<double>(step.new_tokens), s = static_cast<double>(step.sequences);
  const std::int64_t limit = attention_limit(a);
  const double pairs = attended_pairs(step.new_tokens, step.context, limit) * s;
  const bool latent = a.kind == AttentionKind::mla;
  const double dims = latent ? 2.0 * a.latent_dim + a.rope_dim : a.key_dim + a.value_dim;  // absorbed: values are the latent itself
  double work = 2 * a.heads * dims * pairs;
  const double seen = static_cast<double>(step.context + step.new_tokens);
  // Cells read once a pass: all of them, or what the window of the first to the last new token spans. An indexer's choice differs by
  // token, so that many new tokens together read everything.
  const double read = limit > 0 ? std::min(seen, a.indexer_top_k > 0 ? n * static_cast<double>(limit) : static_cast<double>(limit) + n - 1) : seen;
  op.kv_read = Bytes(read * s * cache_bytes(a, kv));
  op.kv_written = a.kv_layer >= 0 ? Bytes(0) : Bytes(n * s * cache_bytes(a, kv));
  if (a.indexer_heads > 0) {
    const double all_pairs = attended_pairs(step.new_tokens, step.context, 0) * s;
    work += 2.0 * a.indexer_heads * a.indexer_dim * all_pairs;
    op.kv_read += Bytes(seen * s * a.indexer_dim * kv.key_bytes_per_element);
    op.kv_written += Bytes(n * s * a.indexer_dim * kv.key_bytes_per_element);
  }
  op.work = Flop(work);
}

void fill_recurrent(const Work& w, const Step& step, Op& op) {
  const Recurrent& r = w.recurrent;
  const double tokens = static_cast<double>(step.new_tokens * step.sequences);
  const double state = static_cast<double>(r.state_elements), conv = static_cast<double>(r.conv_elements);
  op.work = Flop(tokens * (state_operations(r.kind) * state + 2 * conv));
  op.kv_read = op.kv_written = Bytes(static_cast<double>(step.sequences) * kStateBytes * (state + conv));
}

auto identity(const Work& w) {
  const Attention& a = w.attention;
  const Recurrent& r = w.recurrent;
  return std::tuple(w.kind, w.role, w.quant, w.elements, w.bytes, w.experts, w.used, w.inputs, w.outputs, w.launches, w.head, a.kind, a.heads, a.kv_heads,
                    a.key_dim, a.value_dim, a.window, a.latent_dim, a.indexer_heads, a.kv_layer >= 0, r.kind, r.state_elements, r.conv_elements);
}

}  // namespace

double experts_touched(int experts, int used, double tokens) {
  const double share = static_cast<double>(used) / experts;
  return experts * (1 - std::pow(1 - share, tokens));
}

double attended_pairs(std::int64_t new_tokens, std::int64_t context, std::int64_t limit) {
  const double n = static_cast<double>(new_tokens), c = static_cast<double>(context), w = static_cast<double>(limit);
  const auto all = [&](double tokens) { return tokens * c + tokens * (tokens + 1) / 2; };
  if (limit <= 0 || c + n <= w) return all(n);
  // The first `free` new tokens still see everything before them, the others the last `limit` tokens.
  const double free = std::clamp(w - c, 0.0, n);
  return all(free) + (n - free) * w;
}

std::vector<Work> work_of(const Architecture& architecture) { return Planner(architecture).run(); }

std::vector<Work> merged(std::vector<Work> work) {
  std::vector<Work> out;
  std::map<decltype(identity(work.front())), std::size_t> places;
  for (Work& each : work) {
    const auto [place, fresh] = places.emplace(identity(each), out.size());
    if (fresh) out.push_back(std::move(each));
    else out[place->second].count += each.count;
  }
  return out;
}

Op op_at(const Work& w, const Step& step, const KvFormat& kv) {
  Op op;
  op.kind = w.kind;
  op.role = w.role;
  op.layer = w.layer;
  op.tensor = w.tensor;
  op.quant = w.quant;
  const double tokens = static_cast<double>((w.head ? step.outputs : step.new_tokens) * step.sequences);
  op.rows = tokens;
  op.weights_read = Bytes(w.bytes);
  op.activations = Bytes(tokens * (w.inputs + w.outputs) * kActivationBytes);
  switch (w.kind) {
    case OpKind::gather: op.weights_read = Bytes(tokens * w.bytes); break;
    case OpKind::matmul: op.work = Flop(2 * tokens * w.elements); break;
    case OpKind::expert_matmul: {
      const double touched = experts_touched(w.experts, w.used, tokens);
      op.rows = touched > 0 ? tokens * w.used / touched : 0;
      op.work = Flop(2 * tokens * w.used * w.elements / w.experts);
      op.weights_read = Bytes(w.bytes * touched / w.experts);
      op.activations *= w.used;
      break;
    }
    case OpKind::attention: fill_attention(w, step, kv, op); break;
    case OpKind::recurrent: fill_recurrent(w, step, op); break;
    case OpKind::elementwise: op.work = Flop(tokens * w.inputs); break;
  }
  const double count = w.count;
  op.work *= count;
  op.weights_read *= count;
  op.activations *= count;
  op.kv_read *= count;
  op.kv_written *= count;
  op.launches = w.launches * w.count;
  return op;
}

Graph expand(const Architecture& architecture, const Step& step, const KvFormat& kv) {
  Graph graph{step, {}};
  for (const Work& each : work_of(architecture)) graph.ops.push_back(op_at(each, step, kv));
  return graph;
}

}  // namespace rigcast::model
