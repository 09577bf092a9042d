#include <cmath>
#include <cstring>

#include "bench/cpu/engine_ggml.hpp"
#include "bench/format.hpp"

namespace rigcast::bench {
namespace {

constexpr int kLayers = 8;        // of one graph: what starting it costs is shared out, its vectors still fit the caches as a step's do
constexpr int kCells = 256;       // of the cache, as engines pad it; one of them is seen
constexpr int kNeoX = 2;          // GGML_ROPE_TYPE_NEOX
constexpr float kEpsilon = 1e-5f;

// The operations that a layer starts for vectors of one token, as the engine's own graphs order them, its products left out: what those
// cost is measured for itself. One after the other, every thread waiting for the last at each.
class EngineLayer : public EngineRun {
 public:
  using EngineRun::EngineRun;

  Result<void> allocate() {
    const Shape& s = case_.shape;
    nodes_ = kLayers;
    inputs_ = std::make_unique<Tensors>(ggml(), kLayers * 4 + 16);
    work_ = std::make_unique<Tensors>(ggml(), kLayers * 24 + 16);
    make_inputs();
    graph_ = ggml().new_graph(work_->context());
    for (int i = 0; i < kLayers; ++i) add_layer();
    if (!ggml().supports(engine_->device, stored_) || !ggml().supports(engine_->device, gated_)) return fail(ErrorKind::unsupported, "this engine has no such operations");
    if (!inputs_->allocate(engine_->buffer_types.back())) return no_room(4.0 * kLayers * kCells * s.kv_heads * s.head_dim);
    RC_TRY(finish(*work_));
    fill_inputs();
    return {};
  }

  // The gate, and the stream normalised and scaled, against the same in double precision.
  Result<double> error() override {
    const auto width = static_cast<std::size_t>(case_.shape.columns), wide = static_cast<std::size_t>(case_.shape.rows);
    std::vector<float> normed(width), gated(wide), stream(width);
    ggml().get(normed_, normed.data(), 0, width * sizeof(float));
    ggml().get(gated_, gated.data(), 0, wide * sizeof(float));
    ggml().get(middle_, stream.data(), 0, width * sizeof(float));
    double squares = 0, worst = 0;
    for (const float x : stream) squares += static_cast<double>(x) * x;
    const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + kEpsilon);
    const auto compare = [&](double got, double want) {
      const double difference = std::fabs(got - want);
      worst = std::isnan(difference) ? 1.0 : std::max(worst, difference);
    };
    for (std::size_t i = 0; i < width; ++i) compare(normed[i], stream[i] * scale * values_[i]);
    for (std::size_t i = 0; i < wide; ++i) compare(gated[i], values_[i] / (1 + std::exp(-static_cast<double>(values_[i]))) * values_[i]);
    return worst;
  }

 private:
  void make_inputs() {
    const Shape& s = case_.shape;
    stream_ = inputs_->make(kF32, {s.columns});
    added_ = inputs_->make(kF32, {s.columns});
    queries_ = inputs_->make(kF32, {s.head_dim, s.heads, 1});
    keys_ = inputs_->make(kF32, {s.head_dim, s.kv_heads, 1});
    asked_ = inputs_->make(kF32, {s.head_dim, 1, s.heads});
    row_ = inputs_->make(kF32, {static_cast<std::int64_t>(s.kv_heads) * s.head_dim, 1});
    wide_ = inputs_->make(kF32, {s.rows});
    position_ = inputs_->make(kI32, {1});
    place_ = inputs_->make(kI64, {1});
    mask_ = inputs_->make(kF16, {kCells, 1});
  }

  Handle step(Handle node) {
    ggml().expand(graph_, node);
    return node;
  }
  Handle normed(Handle x) {
    Handle scale = inputs_->make(kF32, {case_.shape.columns});
    scales_.push_back(scale);
    return step(ggml().multiply(work_->context(), ggml().rms_norm(work_->context(), x, kEpsilon), scale));
  }
  Handle rotated(Handle x) { return step(ggml().rope(work_->context(), x, position_, nullptr, case_.shape.head_dim, kNeoX, 4096, 10000, 1, 0, 1, 32, 1)); }

  // The cache of one layer: stored as rows, read as heads. Two tensors over the same numbers would need a view; of so few cells one each serves.
  Handle attention() {
    const Shape& s = case_.shape;
    Handle parts[2];
    for (Handle& part : parts) {
      const Handle rows = inputs_->make(kF16, {static_cast<std::int64_t>(s.kv_heads) * s.head_dim, kCells});
      stored_ = step(ggml().set_rows(work_->context(), rows, row_, place_));
      caches_.push_back(inputs_->make(kF16, {s.head_dim, s.kv_heads, kCells}));
      part = ggml().permute(work_->context(), caches_.back(), 0, 2, 1, 3);
    }
    return step(ggml().flash_attention(work_->context(), asked_, parts[0], parts[1], mask_, 1 / std::sqrt(static_cast<float>(s.head_dim)), 0, 0));
  }

  void add_layer() {
    const Handle context = work_->context();
    normed(last_ ? last_ : stream_);
    rotated(queries_);
    rotated(keys_);
    attention();
    middle_ = step(ggml().add(context, last_ ? last_ : stream_, added_));
    normed_ = normed(middle_);
    gated_ = step(ggml().gated(context, wide_, wide_));
    last_ = step(ggml().add(context, middle_, added_));
  }

  void fill_inputs() {
    const Shape& s = case_.shape;
    values_ = activations(11, std::max({s.columns, s.rows, static_cast<std::int64_t>(s.heads) * s.head_dim}));
    const auto put = [&](Handle tensor, std::int64_t count) { ggml().set(tensor, values_.data(), 0, static_cast<std::size_t>(count) * sizeof(float)); };
    for (const Handle tensor : scales_) put(tensor, s.columns);
    for (const Handle tensor : {stream_, added_}) put(tensor, s.columns);
    for (const Handle tensor : {queries_, asked_}) put(tensor, static_cast<std::int64_t>(s.heads) * s.head_dim);
    for (const Handle tensor : {keys_, row_}) put(tensor, static_cast<std::int64_t>(s.kv_heads) * s.head_dim);
    put(wide_, s.rows);
    const std::int32_t position = 1;
    const std::int64_t place = 0;
    ggml().set(position_, &position, 0, sizeof position);
    ggml().set(place_, &place, 0, sizeof place);
    constexpr std::uint16_t kShut = 0xfc00;   // minus infinity
    std::vector<std::uint16_t> mask(kCells, kShut), halves(static_cast<std::size_t>(kCells) * static_cast<std::size_t>(s.kv_heads * s.head_dim));
    mask[0] = 0;
    ggml().set(mask_, mask.data(), 0, mask.size() * sizeof(std::uint16_t));
    for (const Handle cache : caches_) ggml().set(cache, halves.data(), 0, halves.size() * sizeof(std::uint16_t));
  }

  std::unique_ptr<Tensors> inputs_, work_;
  Handle stream_ = nullptr, added_ = nullptr, queries_ = nullptr, keys_ = nullptr, asked_ = nullptr, row_ = nullptr, wide_ = nullptr;
  Handle position_ = nullptr, place_ = nullptr, mask_ = nullptr;
  Handle last_ = nullptr, middle_ = nullptr, normed_ = nullptr, gated_ = nullptr, stored_ = nullptr;
  std::vector<Handle> scales_, caches_;
  std::vector<float> values_;
};

}  // namespace

Result<std::unique_ptr<Prepared>> prepare_engine_layer(const std::shared_ptr<Engine>& engine, const Case& c) { return prepared<EngineLayer>(engine, c); }

}  // namespace rigcast::bench
