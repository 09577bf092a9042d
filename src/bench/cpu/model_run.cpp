#include "bench/cpu/model_run.hpp"

#include <atomic>
#include <cmath>
#include <cstring>

#include "base/units.hpp"
#include "bench/format.hpp"

namespace rigcast::bench {
namespace {

constexpr double kRoom = 0.6;   // of the free memory that weights and cache may take

struct HeldMatrix { const MatrixOp* op; const std::byte* at; };
struct HeldLayer {
  const ModelLayer* shape;
  std::vector<HeldMatrix> matrices;
  const std::uint16_t *keys = nullptr, *values = nullptr;
  std::int64_t cached = 0;      // tokens
};

class ModelRun : public Prepared {
 public:
  ModelRun(Machine& machine, const ModelCase& c) : machine_(machine), case_(c) {}

  Result<void> allocate() {
    const double room = kRoom * machine_.available.value() - bytes_of(case_.head).value();
    double bytes = 0;
    std::size_t held = 0;
    while (held < case_.layers.size() && bytes + layer_bytes(case_.layers[held]) <= room) bytes += layer_bytes(case_.layers[held++]);
    if (held == 0) return fail(ErrorKind::system, "out of memory: not even one layer of " + case_.model + " and its head fit into " + print_gib(machine_.available) + " free");
    RC_ASSIGN(memory, Memory::get(static_cast<std::size_t>(bytes + bytes_of(case_.head).value()) + (held + 1) * kPage * 16));
    memory_ = std::move(memory);
    std::byte* at = memory_.get();
    for (std::size_t i = 0; i < held; ++i) layers_.push_back(hold(case_.layers[i], at));
    head_ = {&case_.head, place(case_.head, at)};
    std::int64_t widest = 0;
    const auto see = [&](const MatrixOp& op) { widest = std::max({widest, op.rows, op.columns}); };
    see(case_.head);
    for (const ModelLayer& layer : case_.layers) {
      for (const MatrixOp& op : layer.matrices) see(op);
      widest = std::max<std::int64_t>(widest, static_cast<std::int64_t>(layer.heads) * layer.head_dim);
    }
    input_ = activations(11, case_.tokens * widest_input());
    out_.resize(static_cast<std::size_t>(case_.tokens * widest));
    return {};
  }

  Result<Sample> run(int runs) override {
    return timed(machine_, runs, true, [&](int) { step(); });
  }

  // The head comes last: what it left behind is compared, since every kernel was checked by itself before.
  Result<double> error() override {
    const MatrixOp& op = case_.head;
    const Tile tile = make_tile(*op.format);
    const std::vector<float> x = rounded(std::span(input_).first(static_cast<std::size_t>(op.columns)), op.format->activation);
    double worst = 0;
    for (const std::int64_t row : {std::int64_t{0}, op.rows / 2, op.rows - 1}) {
      const Product want = reference_row(tile, 0, row, x);
      worst = std::max(worst, std::fabs(static_cast<double>(out_[static_cast<std::size_t>(row)]) - want.value) / want.magnitude);
    }
    return worst;
  }

 private:
  static constexpr std::int64_t kPage = 4096;

  std::int64_t cached(const ModelLayer& layer) const {
    const std::int64_t all = case_.depth + case_.tokens;
    return layer.window > 0 ? std::min(all, layer.window + case_.tokens) : all;
  }
  double layer_bytes(const ModelLayer& layer) const {
    return bytes_of(layer).value() + 4.0 * layer.kv_heads * layer.head_dim * static_cast<double>(cached(layer)) + 16.0 * kPage * 16;
  }
  std::int64_t widest_input() const {
    std::int64_t widest = case_.head.columns;
    for (const ModelLayer& layer : case_.layers)
      for (const MatrixOp& op : layer.matrices) widest = std::max(widest, op.columns);
    return widest;
  }

  // Fills `bytes` at `at` with the tile's blocks, every thread the part it will read, and steps past them.
  const std::byte* place(const MatrixOp& op, std::byte*& at) {
    const Tile tile = make_tile(*op.format);
    std::byte* const start = at;
    const std::int64_t rows = op.rows * std::max(1, op.experts), per_row = op.columns / op.format->block, row_bytes = per_row * op.format->bytes;
    machine_.pool.run([&](int thread) {
      const Range range = share(rows, thread, machine_.pool.threads(), 1);
      fill(tile, range.first * per_row, {start + range.first * row_bytes, static_cast<std::size_t>((range.last - range.first) * row_bytes)});
    });
    at += (rows * row_bytes + kPage - 1) / kPage * kPage;
    return start;
  }

  HeldLayer hold(const ModelLayer& layer, std::byte*& at) {
    HeldLayer held{.shape = &layer, .matrices = {}, .cached = cached(layer)};
    for (const MatrixOp& op : layer.matrices) held.matrices.push_back({&op, place(op, at)});
    if (layer.heads == 0) return held;
    const MatrixOp cache{.format = &format_of(FormatId::f16), .rows = held.cached * layer.kv_heads, .columns = layer.head_dim};
    held.keys = reinterpret_cast<const std::uint16_t*>(place(cache, at));
    held.values = reinterpret_cast<const std::uint16_t*>(place(cache, at));
    return held;
  }

  void product(const MatrixOp& op, const std::byte* at, std::int64_t tokens) {
    machine_.kernels->arrange(*op.format, std::span(input_).first(static_cast<std::size_t>(tokens * op.columns)), op.columns, x_);
    multiply(machine_, {op.format, op.rows, op.columns, at}, x_, out_.data());
  }

  // Tokens are spread evenly over the experts they may choose.
  void experts(const HeldMatrix& matrix) {
    const MatrixOp& op = *matrix.op;
    const std::int64_t chosen = std::min<std::int64_t>(op.experts, case_.tokens * op.used), each = (case_.tokens * op.used + chosen - 1) / chosen;
    const std::int64_t one = static_cast<std::int64_t>(bytes_of(op).value()) / op.experts;
    for (std::int64_t e = 0; e < chosen; ++e) product(op, matrix.at + (next_ * 17 + e * (op.experts / chosen)) % op.experts * one, std::min(each, case_.tokens));
  }

  void attention(const HeldLayer& layer) {
    Shape s{.heads = layer.shape->heads, .kv_heads = layer.shape->kv_heads, .head_dim = layer.shape->head_dim, .depth = layer.cached};
    if (case_.tokens == 1) return attend(machine_, s, input_.data(), layer.keys, layer.values, partial_, out_.data());
    const int group = s.heads / s.kv_heads;
    const auto dim = static_cast<std::size_t>(s.head_dim), g = static_cast<std::size_t>(group);
    partial_.resize(static_cast<std::size_t>(machine_.pool.threads()) * g * (dim + 2));
    std::atomic<std::int64_t> taken{0};
    machine_.pool.run([&](int thread) {
      float* const mine = partial_.data() + static_cast<std::size_t>(thread) * g * (dim + 2);
      for (std::int64_t job; (job = taken.fetch_add(1)) < case_.tokens * s.kv_heads;) {
        const std::int64_t kv = job % s.kv_heads, token = job / s.kv_heads, seen = std::min(s.depth, s.depth - case_.tokens + token + 1);
        machine_.kernels->attention(input_.data() + static_cast<std::size_t>(kv) * g * dim, group, s.head_dim, layer.keys + kv * s.depth * s.head_dim,
                                    layer.values + kv * s.depth * s.head_dim, seen, 0.1f, mine, mine + g * dim, mine + g * (dim + 1));
      }
    });
  }

  void step() {
    for (std::size_t i = 0; i < case_.layers.size(); ++i) {
      const HeldLayer& layer = layers_[i % layers_.size()];
      bool attended = layer.shape->heads == 0;
      for (const HeldMatrix& matrix : layer.matrices) {
        if (matrix.op->after_attention && !attended) attention(layer), attended = true;
        if (matrix.op->experts > 0) experts(matrix);
        else product(*matrix.op, matrix.at, case_.tokens);
      }
      ++next_;
    }
    product(case_.head, head_.at, 1);
  }

  Machine& machine_;
  ModelCase case_;
  Memory memory_;
  std::vector<HeldLayer> layers_;
  HeldMatrix head_{};
  std::int64_t next_ = 0;
  std::vector<float> input_, out_, partial_;
  Activations x_;
};

}  // namespace

Result<std::unique_ptr<Prepared>> make_model_run(Machine& machine, const ModelCase& c) {
  auto run = std::make_unique<ModelRun>(machine, c);
  RC_TRY(run->allocate());
  return std::unique_ptr<Prepared>(std::move(run));
}

}  // namespace rigcast::bench
