#pragma once
// A model's tensors told apart by what a layout depends on: layers repeat, so that a thousand tensors are some thirty kinds. What does not
// depend on settings is found out once a kind here, however many layouts are made of the model.

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/architecture.hpp"
#include "placement/detail/signature.hpp"

namespace rigcast::placement::detail {

// Tensors of one kind differ in nothing but their layer's number.
struct WeightKind {
  const model::Tensor* first = nullptr;  // in file order
  std::string_view name;                 // ".ffn_down.weight"; outside of blocks all of it
  bool expert_matrix = false;
  bool moved_by_cpu_moe = false;         // --cpu-moe and --n-cpu-moe name it
  bool gathered = false;                 // rows are looked up rather than multiplied, also where the same table serves as the head
  bool rope_factors = false;
  bool loaded = true;                    // false: part of a vision tower, which the engine keeps in a file of its own
  bool in_graph = true;                  // false: no operation of a prompt's graph reads it
  Signature graph;                       // what a graph knows of it but where it lies: of matrices not their bytes

  // What a graph knows of one that lies at `place`: of a matrix only whether its bytes exceed `max_tensor_bytes`.
  std::int64_t at(int place, std::int64_t max_tensor_bytes) const {
    const bool exceeds = first->bytes.value() > static_cast<double>(max_tensor_bytes);
    return static_cast<std::int64_t>(graph.value() + static_cast<std::uint64_t>(2 * place + exceeds));
  }
};

// Widths of keys and values in a layer's heads, and how many queries share them.
struct AttendedHeads {
  std::int64_t key = 0, value = 0, queries_per_key = 0;
  bool operator==(const AttendedHeads&) const = default;
};

class WeightKinds {
 public:
  explicit WeightKinds(const model::Architecture& architecture);   // which must live as long
  const model::Architecture& architecture() const { return architecture_; }

  struct Numbered { int layer; std::uint32_t kind; };   // kind: in kinds()
  const std::vector<Numbered>& tensors() const { return tensors_; }   // as in the Architecture
  // Tensors of one layer behind each other. `alike`: the first such run, in runs(), of the same kinds in the same order; it may be this one.
  struct Run { std::size_t begin, end; int layer; std::size_t alike; };
  const std::vector<Run>& runs() const { return runs_; }
  const std::vector<WeightKind>& kinds() const { return kinds_; }
  const WeightKind& of(std::size_t tensor) const { return kinds_[tensors_[tensor].kind]; }
  const std::vector<std::size_t>& outside() const { return outside_; }   // tensors of the graph that are in no layer
  Signature layer(std::size_t i) const { return layers_[i]; }            // all of its fields; its state is part of its cache
  bool layers_are_told_apart() const { return layers_are_told_apart_; }   // by their numbers: some read what others made, or run again
  bool is_layer(int number) const { return number >= 0 && number < static_cast<int>(architecture_.layers.size()); }

  Bytes bytes() const { return bytes_; }                     // of all tensors
  std::int64_t experts_used() const { return experts_used_; }  // of the layer that uses most; at least 1
  std::int64_t scan_width() const { return scan_width_; }      // Mamba's inner channels; 0: none
  const std::vector<AttendedHeads>& heads() const { return heads_; }   // of all layers with attention, each kind once
  std::int64_t widest_window() const { return widest_window_; }
  bool compresses_cache() const { return compresses_cache_; }  // in some layer

 private:
  std::uint32_t kind_of(const model::Tensor& tensor);
  void find_runs();
  bool is_of(const model::Tensor& tensor, std::string_view name, const WeightKind& kind) const;

  const model::Architecture& architecture_;
  std::vector<WeightKind> kinds_;
  std::vector<Numbered> tensors_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> next_;      // per kind: the kind that came behind it last
  std::vector<std::size_t> outside_;
  std::vector<Signature> layers_;
  bool layers_are_told_apart_ = false;
  Bytes bytes_{};
  std::int64_t experts_used_ = 1, scan_width_ = 0, widest_window_ = 0;
  std::vector<AttendedHeads> heads_;
  bool compresses_cache_ = false;
};

}  // namespace rigcast::placement::detail
