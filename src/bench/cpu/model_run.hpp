#pragma once
// A model's Step on the processor with made-up weights.

#include <memory>

#include "bench/cpu/machine.hpp"
#include "bench/model_case.hpp"

namespace rigcast::bench {

// Holds as many of the layers as fit into 60 % of the free memory and runs them in turn as often as the model has layers.
Result<std::unique_ptr<Prepared>> make_model_run(Machine& machine, const ModelCase& c);

}  // namespace rigcast::bench
