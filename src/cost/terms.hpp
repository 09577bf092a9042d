#pragma once
// The terms of one Step's time under a Load: amounts by Stage, before and after efficiencies.

#include <array>
#include <cstdint>
#include <vector>

#include "cost/load.hpp"

namespace rigcast::cost {

// What one Stage has to do.
struct StageWork {
  int stage = 0;
  int memory = -1, compute = -1;     // Load::paths
  double bytes = 0, flop = 0;        // amounts for the two Paths
  bool in_turn = false;              // reading, then arithmetic: their sum instead of the norm
  int also = -1;                     // a Path whose efficiency applies to the whole
  bool drafts = false;               // of what drafts tokens, not of the model
};

// Appends the work of decoding one token for each of `sequences` at `depth` earlier tokens, scaled by `times`; where the Load has drafts, a
// step's divided by the tokens that it keeps of each.
void add_decode(const Load& load, double depth, double sequences, double times, std::vector<StageWork>& out);

// Appends the work of reading `prompt` tokens after `depth` earlier ones in ubatches.
void add_prefill(const Load& load, double prompt, double depth, double times, std::vector<StageWork>& out);

// Appends the mean work of a step under load: it decodes one token for each of `sequences` at `depth`, and reads `prompts` prompts of
// `prompt` tokens, a fraction or many. Where the engine mixes them, weights that are read for the decoding tokens serve the prompts too.
void add_loaded_step(const Load& load, double depth, double sequences, double prompt, double prompts, std::vector<StageWork>& out);

// Arithmetic and traffic of weights, cache and state in one Step, done once and without what kernels pad: where it stands under a roofline.
struct Totals { Flop work{}; Bytes traffic{}; };
Totals decode_totals(const Load& load, double depth);                   // one token of one sequence
Totals prefill_totals(const Load& load, double prompt, double depth);   // in ubatches

// Where kernels are started one by one, ahead of the device: what is done ahead, what the device does meanwhile, and what lies between steps.
enum class Side { ahead, device, between };
Side side_of(const Load& load, StageKind kind);
// Seconds on each side, what they come to, and how that grows with each of them.
struct Sides {
  std::array<double, 3> seconds{};
  double& operator[](Side side) { return seconds[static_cast<std::size_t>(side)]; }
  double operator[](Side side) const { return seconds[static_cast<std::size_t>(side)]; }
  double together(bool runs_ahead) const;
  Sides slopes(bool runs_ahead) const;
};
// Whether they are in this work.
bool runs_ahead(const Load& load, const std::vector<StageWork>& work);

// Seconds of one StageWork alone, and of all together.
double seconds(const Load& load, const StageWork& work);
double seconds(const Load& load, const std::vector<StageWork>& work);
// What no kernel is faster than: bytes and arithmetic at the rates of the data sheet, and nothing waited for.
double least_seconds(const Load& load, const std::vector<StageWork>& work);
// What each of them adds to the seconds of all: their sum is seconds(load, work).
std::vector<double> parts(const Load& load, const std::vector<StageWork>& work);

}  // namespace rigcast::cost
