#include "bench/cpu/engine_library.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "bench/cpu/engine_ggml.hpp"
#include "bench/detail/probes.hpp"
#include "bench/format.hpp"
#include "bench/reference.hpp"

namespace rigcast::bench {
namespace {

// ---- matvec, matmul, experts
class EngineWeights : public EngineRun {
 public:
  using EngineRun::EngineRun;

  Result<void> allocate() {
    const Shape& s = case_.shape;
    const Format& format = *find_format(case_.format);
    const std::int64_t matrices = std::max(1, s.experts), blocks = s.rows * s.columns / format.block;
    const double bytes = static_cast<double>(blocks) * format.bytes * static_cast<double>(matrices);
    const int tensors = case_.kind == KernelKind::matmul ? 8 : copies(bytes);
    nodes_ = tensors * rounds(tensors);
    weights_ = std::make_unique<Tensors>(ggml(), static_cast<std::size_t>(tensors));
    work_ = std::make_unique<Tensors>(ggml(), static_cast<std::size_t>(nodes_) * 2);
    const int type = type_of(ggml(), case_.format);
    const Handle x = input(*work_);
    graph_ = ggml().new_graph(work_->context());
    for (int i = 0; i < nodes_; ++i) {
      operands_.push_back(i < tensors ? weights_->make(type, {s.columns, s.rows, matrices}) : operands_[static_cast<std::size_t>(i - tensors)]);
      if (s.experts > 0) choices_.push_back(work_->make(kI32, {s.used, s.tokens}));
      outputs_.push_back(product(*work_, operands_.back(), x, s.experts > 0 ? choices_.back() : nullptr));
      ggml().expand(graph_, outputs_.back());
    }
    if (!weights_->allocate(preferred(type, matrices))) return no_room(bytes * nodes_);
    RC_TRY(finish(*work_));
    tile_ = make_tile(format);
    std::vector<std::byte> data(static_cast<std::size_t>(bytes));
    fill(tile_, 0, data);
    for (int i = 0; i < tensors; ++i) ggml().set(operands_[static_cast<std::size_t>(i)], data.data(), 0, data.size());
    values_ = activations(7, s.tokens * s.columns);
    ggml().set(x, values_.data(), 0, values_.size() * sizeof(float));
    for (std::size_t i = 0; i < choices_.size(); ++i) choose(i, static_cast<std::int64_t>(i) / tensors);
    return {};
  }

  Result<double> error() override {
    const Shape& s = case_.shape;
    const std::vector<float> x = rounded(values_, tile_.format->activation);
    const auto columns = static_cast<std::size_t>(s.columns), rows = static_cast<std::size_t>(s.rows);
    std::vector<float> out(rows * static_cast<std::size_t>(s.tokens * std::max(1, s.used)));
    ggml().get(outputs_.back(), out.data(), 0, out.size() * sizeof(float));
    const std::int64_t per_matrix = s.rows * s.columns / tile_.format->block;
    double worst = 0;
    for (std::int64_t sample = 0; sample < 48; ++sample) {
      const auto row = static_cast<std::size_t>(sample * 7919 % s.rows), token = static_cast<std::size_t>(sample * 31 % s.tokens);
      const std::size_t slot = static_cast<std::size_t>(sample) % static_cast<std::size_t>(std::max(1, s.used));
      const std::size_t of = token * static_cast<std::size_t>(std::max(1, s.used)) + slot;
      const std::int64_t matrix = s.experts > 0 ? chosen_[of] : 0;
      const Product want = reference_row(tile_, matrix * per_matrix, static_cast<std::int64_t>(row), std::span(x).subspan(token * columns, columns));
      const double difference = std::fabs(static_cast<double>(out[of * rows + row]) - want.value) / want.magnitude;
      worst = std::isnan(difference) ? 1.0 : std::max(worst, difference);
    }
    return worst;
  }

 private:
  // How often a graph goes through its tensors: until every expert was chosen, else the few that are would stay in the caches.
  int rounds(int tensors) const {
    constexpr int kMostNodes = 512;
    const std::int64_t touched = std::max<std::int64_t>(1, case_.shape.used * case_.shape.tokens);
    return static_cast<int>(std::clamp<std::int64_t>(case_.shape.experts / touched, 1, std::max(1, kMostNodes / tensors)));
  }
  Handle input(Tensors& tensors) const {
    const Shape& s = case_.shape;
    return tensors.make(kF32, s.experts > 0 ? std::vector<std::int64_t>{s.columns, 1, s.tokens} : std::vector<std::int64_t>{s.columns, s.tokens});
  }
  Handle product(Tensors& tensors, Handle weights, Handle x, Handle choices) const {
    return choices ? ggml().mul_mat_id(tensors.context(), weights, x, choices) : ggml().mul_mat(tensors.context(), weights, x);
  }

  // The first kind of memory with kernels for this product: engines ask in this way, too.
  Handle preferred(int type, std::int64_t matrices) const {
    const Shape& s = case_.shape;
    for (const Handle memory : engine_->buffer_types) {
      Tensors weights(ggml(), 1), work(ggml(), 3);
      const Handle w = weights.make(type, {s.columns, s.rows, matrices});
      if (!weights.allocate(memory)) continue;
      if (ggml().supports(engine_->device, product(work, w, input(work), s.experts > 0 ? work.make(kI32, {s.used, s.tokens}) : nullptr))) return memory;
    }
    return engine_->buffer_types.back();
  }

  // Tokens choose evenly, no two slots of one token the same expert, no two rounds of one tensor either.
  void choose(std::size_t node, std::int64_t round) {
    const Shape& s = case_.shape;
    chosen_.resize(static_cast<std::size_t>(s.used * s.tokens));
    for (std::int64_t token = 0; token < s.tokens; ++token)
      for (int slot = 0; slot < s.used; ++slot)
        chosen_[static_cast<std::size_t>(token * s.used + slot)] = static_cast<std::int32_t>((token * s.used * 17 + slot * (s.experts / s.used) + round) % s.experts);
    ggml().set(choices_[node], chosen_.data(), 0, chosen_.size() * sizeof(std::int32_t));
  }

  std::unique_ptr<Tensors> weights_, work_;
  std::vector<Handle> operands_, choices_, outputs_;
  Tile tile_;
  std::vector<float> values_;
  std::vector<std::int32_t> chosen_;   // of the last node
};

// ---- attention over a cache laid out as the engine lays it out: token after token, heads side by side
class EngineAttention : public EngineRun {
 public:
  using EngineRun::EngineRun;

  Result<void> allocate() {
    const Shape& s = case_.shape;
    const std::int64_t elements = s.depth * s.kv_heads * s.head_dim;
    nodes_ = std::min(64, copies(4.0 * static_cast<double>(elements)));
    tensors_ = std::make_unique<Tensors>(ggml(), static_cast<std::size_t>(nodes_) * 5 + 2);
    const Handle q = tensors_->make(kF32, {s.head_dim, s.tokens, s.heads}), mask = tensors_->make(kF16, {s.depth, s.tokens});
    const float scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
    graph_ = ggml().new_graph(tensors_->context());
    std::vector<Handle> caches;
    for (int i = 0; i < nodes_; ++i) {
      Handle parts[2];
      for (Handle& part : parts) {
        caches.push_back(tensors_->make(kF16, {s.head_dim, s.kv_heads, s.depth}));
        part = ggml().permute(tensors_->context(), caches.back(), 0, 2, 1, 3);
      }
      output_ = ggml().flash_attention(tensors_->context(), q, parts[0], parts[1], mask, scale, 0, 0);
      ggml().expand(graph_, output_);
    }
    if (!ggml().supports(engine_->device, output_)) return fail(ErrorKind::unsupported, "this engine has no such attention");
    RC_TRY(finish(*tensors_));
    cache_.resize(static_cast<std::size_t>(elements));
    fill(make_tile(format_of(FormatId::f16)), 0, std::as_writable_bytes(std::span(cache_)));
    for (const Handle cache : caches) ggml().set(cache, cache_.data(), 0, cache_.size() * sizeof(std::uint16_t));
    q_ = activations(9, s.heads * s.tokens * s.head_dim);
    ggml().set(q, q_.data(), 0, q_.size() * sizeof(float));
    const std::vector<std::uint16_t> open(static_cast<std::size_t>(s.depth * s.tokens));   // every token sees all
    ggml().set(mask, open.data(), 0, open.size() * sizeof(std::uint16_t));
    return {};
  }

  Result<double> error() override {
    const Shape& s = case_.shape;
    const auto dim = static_cast<std::size_t>(s.head_dim), heads = static_cast<std::size_t>(s.heads), tokens = static_cast<std::size_t>(s.tokens);
    std::vector<float> out(dim * heads * tokens);
    ggml().get(output_, out.data(), 0, out.size() * sizeof(float));
    std::vector<std::uint16_t> keys(dim * static_cast<std::size_t>(s.depth));
    double worst = 0;
    for (const std::size_t head : {std::size_t{0}, heads - 1}) {
      const std::size_t kv = head / (heads / static_cast<std::size_t>(s.kv_heads));
      for (std::size_t t = 0; t < static_cast<std::size_t>(s.depth); ++t)
        std::memcpy(keys.data() + t * dim, cache_.data() + (t * static_cast<std::size_t>(s.kv_heads) + kv) * dim, dim * sizeof(std::uint16_t));
      const std::size_t token = tokens - 1;
      worst = std::max(worst, attention_difference(std::span(q_).subspan((head * tokens + token) * dim, dim), keys, keys, std::span(out).subspan((token * heads + head) * dim, dim)));
    }
    return worst;
  }

 private:
  std::unique_ptr<Tensors> tensors_;
  Handle output_ = nullptr;
  std::vector<std::uint16_t> cache_;   // keys and values alike
  std::vector<float> q_;
};

class EngineDevice : public Device {
 public:
  EngineDevice(std::shared_ptr<Engine> engine, DeviceInfo info) : engine_(std::move(engine)), info_(std::move(info)) {}
  const DeviceInfo& info() const override { return info_; }

  bool can(KernelKind kind, std::string_view format) const override {
    if (kind == KernelKind::attention) return format == "f16";
    if (kind == KernelKind::layer) return format == "f32" && engine_->ggml.has_layers();
    return (kind == KernelKind::matvec || kind == KernelKind::matmul || kind == KernelKind::experts) && format != "i8" && type_of(engine_->ggml, format) >= 0;
  }

  Result<std::unique_ptr<Prepared>> prepare(const Case& c) override {
    if (const double needed = memory_of(c).value(); needed > 0.8 * engine_->available.value()) return no_room(needed);
    if (c.kind == KernelKind::layer) return prepare_engine_layer(engine_, c);
    return c.kind == KernelKind::attention ? prepared<EngineAttention>(engine_, c) : prepared<EngineWeights>(engine_, c);
  }

 private:
  std::shared_ptr<Engine> engine_;
  DeviceInfo info_;
};

// What it would say while it looks for its backends.
void say_nothing(int, const char*, void*) {}

Result<void> start(Engine& engine) {
  const Ggml& ggml = engine.ggml;
  if (!ggml.complete()) return fail(ErrorKind::unsupported, "this libggml lacks functions that are used here");
  if (ggml.log_set) ggml.log_set(say_nothing, nullptr);
  if (!ggml.device_by_type(kCpuDevice)) ggml.load_all();
  engine.device = ggml.device_by_type(kCpuDevice);
  if (!engine.device || !(engine.backend = ggml.start(engine.device, nullptr))) return fail(ErrorKind::system, "libggml finds no processor backend");
  const Handle registry = ggml.registry_of(engine.device);
  if (auto* const set_threads = reinterpret_cast<void (*)(Handle, int)>(ggml.procedure(registry, "ggml_backend_set_n_threads"))) set_threads(engine.backend, engine.threads);
  if (auto* const extra = reinterpret_cast<Handle* (*)(Handle)>(ggml.procedure(registry, "ggml_backend_dev_get_extra_bufts")))
    for (Handle* type = extra(engine.device); type && *type; ++type) engine.buffer_types.push_back(*type);
  engine.buffer_types.push_back(ggml.plain_type(engine.device));
  return {};
}

}  // namespace

Result<std::vector<std::unique_ptr<Device>>> open_engine_library(const World& world, const Options& options) {
  Result<Library> library = fail(ErrorKind::system, "libggml.so is not installed");
  for (const char* name : {"libggml.so.0", "libggml.so", "libggml.dylib", "/opt/homebrew/lib/libggml.dylib"}) {
    auto found = Library::open(world, name);
    if (!found) continue;
    library = std::move(found);
    break;
  }
  if (!library) return tl::unexpected(library.error());
  std::vector<std::string> unread;
  const FoundHost host = read_host(world, unread);
  auto engine = std::make_shared<Engine>(*library);
  engine->threads = options.threads > 0 ? options.threads : std::max(1, host.processor.cores > 0 ? host.processor.cores : static_cast<int>(std::thread::hardware_concurrency()));
  engine->available = host.available;
  const Bytes cache = host.processor.caches.empty() ? Bytes() : host.processor.caches.rbegin()->second;
  engine->cold = options.cold.value() > 0 ? options.cold : Bytes(std::max(4 * cache.value(), 512 * kMiB));
  RC_TRY(start(*engine));
  const std::string version = engine->ggml.version ? engine->ggml.version() : "of unknown version";
  DeviceInfo info{.id = "ggml", .backend = "ggml", .name = host.processor.name, .driver = "ggml " + version, .path = "llama.cpp's", .pci_address = {}, .memory = host.available,
                  .cache = cache, .units = engine->threads, .in_software = false};
  std::vector<std::unique_ptr<Device>> devices;
  devices.push_back(std::make_unique<EngineDevice>(std::move(engine), std::move(info)));
  return devices;
}

}  // namespace rigcast::bench
