#pragma once
// A model as Loads see it: what its tensors do for a token, told apart by kind once, so that a Load need only sum bytes by kind and device.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/architecture.hpp"

namespace rigcast::cost {

// Whoever needs one Load hands in the Architecture, whoever needs many keeps one of these.
class ModelWork {
 public:
  ModelWork(const model::Architecture& architecture);   // which must live as long, and stay as it is

  // Tensors of one kind do the same work for every byte.
  struct Kind {
    model::Role role = model::Role::other;
    bool matrix = false;             // of more than one row
    bool routed = false;             // to experts of a layer or to adapters, of which each token uses a few
    int experts = 0, experts_used = 0;
    std::size_t format = 0;          // in formats()
    bool operator==(const Kind&) const = default;
  };
  struct Weights { double bytes = 0, elements = 0, matrices = 0; std::uint32_t kind = 0; };   // kind: in kinds()

  const model::Architecture& architecture() const { return architecture_; }
  const std::vector<Weights>& tensors() const { return tensors_; }   // as in the Architecture
  const std::vector<Kind>& kinds() const { return kinds_; }
  const std::vector<std::string>& formats() const { return formats_; }   // format_class() of their Quants
  const std::string& main_format() const { return main_format_; }        // of the most bytes; empty: there are none
  double small_kernels() const { return small_kernels_; }

 private:
  std::uint32_t kind_of(const Kind& kind);

  const model::Architecture& architecture_;
  std::vector<Weights> tensors_;
  std::vector<Kind> kinds_;
  std::vector<std::string> formats_;
  std::string main_format_;
  double small_kernels_ = 0;   // that layers start for their small vectors beyond the two norms of a plain one
};

// Whether tokens are multiplied with tensors of this Role (embeddings are looked up, norms are vectors).
bool multiplied(model::Role role, bool tied);

}  // namespace rigcast::cost
