#pragma once
// A model as placements see it: what of it depends on no engine, rig or setting is found out once, when it is first asked for.

#include <memory>
#include <string>
#include <vector>

#include "model/architecture.hpp"

namespace rigcast::placement {

namespace detail { class WeightKinds; }

// A handle: copies share what was found. May be used by several threads. Whoever asks of a model once hands in its Architecture, whoever asks
// often keeps one of these.
class ModelView {
 public:
  ModelView(const model::Architecture& architecture);   // which must live as long, and stay as it is

  const model::Architecture& architecture() const { return *architecture_; }
  const detail::WeightKinds& weights() const;
  const std::string& dominant_quant() const;                  // the format most of the weight bytes are in
  const std::vector<std::string>& matrix_quants() const;      // formats of what is multiplied or looked up, in file order

 private:
  struct Found;
  const model::Architecture* architecture_;
  std::shared_ptr<Found> found_;
};

}  // namespace rigcast::placement
