#pragma once
// An engine's library (ggml) loaded at run time: its functions, its processor backend, and a graph of it as a Prepared case.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/backend.hpp"

namespace rigcast::bench {

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
  // What layers do between their products; the last two are absent before the middle of 2025.
  Handle (*rms_norm)(Handle, Handle, float) = Symbol{library, "ggml_rms_norm"};
  Handle (*multiply)(Handle, Handle, Handle) = Symbol{library, "ggml_mul"};
  Handle (*add)(Handle, Handle, Handle) = Symbol{library, "ggml_add"};
  Handle (*rope)(Handle, Handle, Handle, Handle, int, int, int, float, float, float, float, float, float) = Symbol{library, "ggml_rope_ext"};
  Handle (*set_rows)(Handle, Handle, Handle, Handle) = Symbol{library, "ggml_set_rows"};
  Handle (*gated)(Handle, Handle, Handle) = Symbol{library, "ggml_swiglu_split"};

  bool has_layers() const { return rms_norm && multiply && add && rope && set_rows && gated; }
  bool complete() const {
    return init && release && tensor_overhead && graph_overhead && type_name && new_tensor && new_graph && expand && mul_mat && mul_mat_id && permute && flash_attention &&
           load_all && device_by_type && registry_of && procedure && start && stop && plain_type && supports && allocate && free_buffer && set && get && compute;
  }
};

inline constexpr int kCpuDevice = 0, kF32 = 0, kF16 = 1, kI32 = 26, kI64 = 27;   // ggml_backend_dev_type, ggml_type
inline constexpr int kTypes = 64;

// The engine's number of a format; -1: it has none.
inline int type_of(const Ggml& ggml, std::string_view format) {
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

inline double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

inline tl::unexpected<Error> no_room(double bytes) { return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(bytes)) + " wanted"); }

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

// A Prepared of `Run`, which allocates what it needs itself.
template <class Run>
Result<std::unique_ptr<Prepared>> prepared(const std::shared_ptr<Engine>& engine, const Case& c) {
  auto run = std::make_unique<Run>(engine, c);
  RC_TRY(run->allocate());
  return std::unique_ptr<Prepared>(std::move(run));
}

// KernelKind::layer. Error (unsupported): a library from before its operations.
Result<std::unique_ptr<Prepared>> prepare_engine_layer(const std::shared_ptr<Engine>& engine, const Case& c);

}  // namespace rigcast::bench
