#include "bench/cpu/engine_library.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/detail/probes.hpp"
#include "bench/format.hpp"
#include "bench/reference.hpp"

namespace rigcast::bench {
namespace {

using Handle = void*;   // context, tensor, graph, backend, buffer ...: all opaque

struct Symbol {
  const Library& library;
  const char* name;
  template <class Function>
  operator Function*() const { return library.find<Function>(name); }
};

// Declarations are those of ggml.h and ggml-backend.h that have stood since 2024.
struct Ggml {
  struct Memory { std::size_t size; void* at; bool no_alloc; };
  Library library;
  explicit Ggml(Library from) : library(from) {}
  Handle (*init)(Memory) = Symbol{library, "ggml_init"};
  void (*release)(Handle) = Symbol{library, "ggml_free"};
  std::size_t (*tensor_overhead)() = Symbol{library, "ggml_tensor_overhead"};
  std::size_t (*graph_overhead)() = Symbol{library, "ggml_graph_overhead"};
  const char* (*type_name)(int) = Symbol{library, "ggml_type_name"};
  const char* (*version)() = Symbol{library, "ggml_version"};   // absent before 2025
  void (*log_set)(void (*)(int, const char*, void*), void*) = Symbol{library, "ggml_log_set"};
  Handle (*new_tensor)(Handle, int, int, const std::int64_t*) = Symbol{library, "ggml_new_tensor"};
  Handle (*new_graph)(Handle) = Symbol{library, "ggml_new_graph"};
  void (*expand)(Handle, Handle) = Symbol{library, "ggml_build_forward_expand"};
  Handle (*mul_mat)(Handle, Handle, Handle) = Symbol{library, "ggml_mul_mat"};
  Handle (*mul_mat_id)(Handle, Handle, Handle, Handle) = Symbol{library, "ggml_mul_mat_id"};
  Handle (*permute)(Handle, Handle, int, int, int, int) = Symbol{library, "ggml_permute"};
  Handle (*flash_attention)(Handle, Handle, Handle, Handle, Handle, float, float, float) = Symbol{library, "ggml_flash_attn_ext"};
  void (*load_all)() = Symbol{library, "ggml_backend_load_all"};
  Handle (*device_by_type)(int) = Symbol{library, "ggml_backend_dev_by_type"};
  Handle (*registry_of)(Handle) = Symbol{library, "ggml_backend_dev_backend_reg"};
  void* (*procedure)(Handle, const char*) = Symbol{library, "ggml_backend_reg_get_proc_address"};
  Handle (*start)(Handle, const char*) = Symbol{library, "ggml_backend_dev_init"};
  void (*stop)(Handle) = Symbol{library, "ggml_backend_free"};
  Handle (*plain_type)(Handle) = Symbol{library, "ggml_backend_dev_buffer_type"};
  bool (*supports)(Handle, Handle) = Symbol{library, "ggml_backend_dev_supports_op"};
  Handle (*allocate)(Handle, Handle) = Symbol{library, "ggml_backend_alloc_ctx_tensors_from_buft"};
  void (*free_buffer)(Handle) = Symbol{library, "ggml_backend_buffer_free"};
  void (*set)(Handle, const void*, std::size_t, std::size_t) = Symbol{library, "ggml_backend_tensor_set"};
  void (*get)(Handle, void*, std::size_t, std::size_t) = Symbol{library, "ggml_backend_tensor_get"};
  int (*compute)(Handle, Handle) = Symbol{library, "ggml_backend_graph_compute"};

  bool complete() const {
    return init && release && tensor_overhead && graph_overhead && type_name && new_tensor && new_graph && expand && mul_mat && mul_mat_id && permute && flash_attention &&
           load_all && device_by_type && registry_of && procedure && start && stop && plain_type && supports && allocate && free_buffer && set && get && compute;
  }
};

constexpr int kCpuDevice = 0, kF32 = 0, kF16 = 1, kI32 = 26;   // ggml_backend_dev_type, ggml_type
constexpr int kTypes = 64;

// The engine's number of a format; -1: it has none.
int type_of(const Ggml& ggml, std::string_view format) {
  for (int type = 0; type < kTypes; ++type) {
    if (type == 4 || type == 5 || (type >= 31 && type <= 33) || (type >= 36 && type <= 38)) continue;   // taken out long ago
    const char* const name = ggml.type_name(type);
    if (!name) return -1;
    if (equal_ignoring_case(name, format)) return type;
  }
  return -1;
}

struct Engine {
  Ggml ggml;
  Handle device = nullptr, backend = nullptr;
  std::vector<Handle> buffer_types;   // as the engine prefers them, plain memory last
  int threads = 1;
  Bytes cold{}, available{};
  explicit Engine(Library library) : ggml(library) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { if (backend) ggml.stop(backend); }
};

// A context and the buffer its tensors lie in.
class Tensors {
 public:
  explicit Tensors(const Ggml& ggml, std::size_t count) : ggml_(ggml), context_(ggml.init({(count + 8) * ggml.tensor_overhead() + 2 * ggml.graph_overhead(), nullptr, true})) {}
  Tensors(const Tensors&) = delete;
  Tensors& operator=(const Tensors&) = delete;
  ~Tensors() {
    drop();
    if (context_) ggml_.release(context_);
  }
  Handle context() const { return context_; }
  Handle make(int type, std::vector<std::int64_t> shape) { return ggml_.new_tensor(context_, type, static_cast<int>(shape.size()), shape.data()); }
  bool allocate(Handle buffer_type) { return (buffer_ = ggml_.allocate(context_, buffer_type)) != nullptr; }
  void drop() {
    if (buffer_) ggml_.free_buffer(buffer_);
    buffer_ = nullptr;
  }

 private:
  const Ggml& ggml_;
  Handle context_ = nullptr, buffer_ = nullptr;
};

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

tl::unexpected<Error> no_room(double bytes) { return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(bytes)) + " wanted"); }

// One graph holds the same product over many different weights, as a step over many layers does; a run is one of its nodes.
class EngineRun : public Prepared {
 public:
  EngineRun(std::shared_ptr<Engine> engine, const Case& c) : engine_(std::move(engine)), case_(c) {}

  Result<Sample> run(int runs) override {
    const int graphs = (runs + nodes_ - 1) / nodes_;
    const double busy = processor_seconds();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < graphs; ++i)
      if (ggml().compute(engine_->backend, graph_) != 0) return fail(ErrorKind::system, "the engine could not compute this");
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    constexpr double kTaken = 0.05, kShortest = 2e-3;   // its threads wait without sleeping: what they did not get, others took
    const bool disturbed = seconds > kShortest && processor_seconds() - busy < (1 - kTaken) * seconds * engine_->threads;
    return Sample{.seconds = seconds, .runs = graphs * nodes_, .disturbed = disturbed};
  }

 protected:
  const Ggml& ggml() const { return engine_->ggml; }
  Result<void> finish(Tensors& tensors) {
    if (!tensors.allocate(engine_->buffer_types.back())) return no_room(0);
    return {};
  }
  int copies(double bytes) const { return static_cast<int>(std::clamp(std::ceil(std::min(engine_->cold.value(), engine_->available.value() / 2) / bytes), 1.0, 512.0)); }

  std::shared_ptr<Engine> engine_;
  Case case_;
  Handle graph_ = nullptr;
  int nodes_ = 1;
};

// ---- matvec, matmul, experts
class EngineWeights : public EngineRun {
 public:
  using EngineRun::EngineRun;

  Result<void> allocate() {
    const Shape& s = case_.shape;
    const Format& format = *find_format(case_.format);
    const std::int64_t matrices = std::max(1, s.experts), blocks = s.rows * s.columns / format.block;
    const double bytes = static_cast<double>(blocks) * format.bytes * static_cast<double>(matrices);
    nodes_ = case_.kind == KernelKind::matmul ? 8 : copies(bytes);
    weights_ = std::make_unique<Tensors>(ggml(), static_cast<std::size_t>(nodes_));
    work_ = std::make_unique<Tensors>(ggml(), static_cast<std::size_t>(nodes_) * 2);
    const int type = type_of(ggml(), case_.format);
    const Handle x = input(*work_);
    graph_ = ggml().new_graph(work_->context());
    for (int i = 0; i < nodes_; ++i) {
      operands_.push_back(weights_->make(type, {s.columns, s.rows, matrices}));
      if (s.experts > 0) choices_.push_back(work_->make(kI32, {s.used, s.tokens}));
      outputs_.push_back(product(*work_, operands_.back(), x, s.experts > 0 ? choices_.back() : nullptr));
      ggml().expand(graph_, outputs_.back());
    }
    if (!weights_->allocate(preferred(type, matrices))) return no_room(bytes * nodes_);
    RC_TRY(finish(*work_));
    tile_ = make_tile(format);
    std::vector<std::byte> data(static_cast<std::size_t>(bytes));
    fill(tile_, 0, data);
    for (const Handle weights : operands_) ggml().set(weights, data.data(), 0, data.size());
    values_ = activations(7, s.tokens * s.columns);
    ggml().set(x, values_.data(), 0, values_.size() * sizeof(float));
    for (std::size_t i = 0; i < choices_.size(); ++i) choose(i);
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

  // Tokens choose evenly, no two slots of one token the same expert.
  void choose(std::size_t node) {
    const Shape& s = case_.shape;
    chosen_.resize(static_cast<std::size_t>(s.used * s.tokens));
    for (std::int64_t token = 0; token < s.tokens; ++token)
      for (int slot = 0; slot < s.used; ++slot)
        chosen_[static_cast<std::size_t>(token * s.used + slot)] = static_cast<std::int32_t>((token * s.used * 17 + slot * (s.experts / s.used) + static_cast<std::int64_t>(node) * 5) % s.experts);
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

template <class Run>
Result<std::unique_ptr<Prepared>> prepared(const std::shared_ptr<Engine>& engine, const Case& c) {
  auto run = std::make_unique<Run>(engine, c);
  RC_TRY(run->allocate());
  return std::unique_ptr<Prepared>(std::move(run));
}

class EngineDevice : public Device {
 public:
  EngineDevice(std::shared_ptr<Engine> engine, DeviceInfo info) : engine_(std::move(engine)), info_(std::move(info)) {}
  const DeviceInfo& info() const override { return info_; }

  bool can(KernelKind kind, std::string_view format) const override {
    if (kind == KernelKind::attention) return format == "f16";
    return (kind == KernelKind::matvec || kind == KernelKind::matmul || kind == KernelKind::experts) && format != "i8" && type_of(engine_->ggml, format) >= 0;
  }

  Result<std::unique_ptr<Prepared>> prepare(const Case& c) override {
    if (const double needed = work_of(c).bytes.value(); needed > 0.8 * engine_->available.value()) return no_room(needed);
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
