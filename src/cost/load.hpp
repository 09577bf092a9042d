#pragma once
// A Load is what a Placement makes every device and the host do, summed once over tensors and layers, so that one Step of any batch
// and depth is then a dozen products: the seam that lets searches cost a million candidates a second.
//
// Shape of a step's time, in seconds:
//   time = sum over Stages of ((bytes / (BW eta))^4 + (flop / (F eta))^4)^(1/4)  +  launches, host work and links, amounts over rates
// The fourth-power norm is a maximum with a rounded corner: a kernel near the ridge point reaches neither roof. Kernels that unpack a tile
// of weights before they multiply it (Stage::in_turn) take the sum of both instead. Every eta is
// exp(sum of the effects that Path names); launches and messages are amounts with a "rate" of so many a second.
// Where Python starts every kernel it runs ahead of the device: a step takes the same norm of the host's side (launches, host work)
// and of the device's (everything else).

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cost/calibration.hpp"
#include "cost/drafts.hpp"
#include "cost/factors.hpp"
#include "cost/model_work.hpp"
#include "model/architecture.hpp"
#include "placement/placement.hpp"
#include "rig/rig.hpp"

namespace rigcast::cost {

// A peak rate and what decides how much of it is reached.
struct Path {
  double peak = 0;                   // amount a second
  Factors factors;
  double efficiency = 1;             // rate over peak: exp(sum exponent * effect), bent below the roof (cost/roof.hpp); set by resolve
  double roof = 0;                   // amount a second that the data sheet allows; 0: none is known, or `peak` is not of that kind

  double log_roof() const;           // of roof over peak; infinite without one
};

enum class StageKind { weights, experts, kv, state, launch, gap, small, host, sequence, all_reduce, all_reduce_bytes, hop, sync, sent_cache };

// Amounts of one kind on one device that share their Paths. `per_*` fields are those the kind uses; the rest stay 0.
struct Stage {
  StageKind kind = StageKind::weights;
  int device = 0;                    // index into Rig::devices, placement::kHost for the host
  std::string where;
  int memory = -1, compute = -1;     // decode: Load::paths, -1 none
  int prefill_memory = -1, prefill_compute = -1;
  int stream = -1, stream_compute = -1;   // weights or cache of the host sent to a device for many tokens: the link, and their arithmetic there
  double stream_batch = 0;           // ... from so many tokens a pass on
  int vector = -1;                   // plain arithmetic of kernels that serve few rows at once; -1: those of `compute` serve any batch
  int uncaptured = -1;               // launches of a decoding step with more than captured_until earlier tokens; -1: those of `memory` at any depth
  double captured_until = 0;
  bool scores = false;               // of a cache: the keys by which earlier tokens are picked, instead of what is attended to
  bool in_turn = false;              // kernels of many rows unpack a tile of weights, then multiply it: reading and arithmetic add up
  bool last_token = false;           // a prompt needs it once, for its last token
  double token_share = 1;            // of the tokens of a step that one device of this Stage sees (attention by data: 1 / copies)
  double weight_bytes = 0;           // read by every step (experts: of all experts)
  double weight_flop = 0;            // per token (experts: of those used)
  int experts = 0, experts_used = 0;
  double token_bytes = 0;            // cache read per earlier token
  double window = 0;                 // at most so many earlier tokens count; 0 all
  double token_flop = 0;             // attention work per earlier token and new token
  double decode_token_flop = 0;      // the same in decoding, where the kernel computes another way (absorbed latent attention); 0: not the limit
  double step_amount = 0;            // bytes, launches or messages of one step whatever its size
  double sequence_amount = 0;        // of each sequence
  double new_token_amount = 0;       // of each new token (bytes over links, flop of recurrent layers)
};

struct Load {
  std::vector<Path> paths;
  std::vector<Stage> stages;
  std::string engine, backend;
  std::string family;                // chip family of the first device, or the processor's where there is none
  std::string format;                // format_class() of most of the weights' bytes
  int ubatch = 512;
  int copies = 1;                    // whole copies of the model side by side: a step is one copy's, for its share of the sequences
  int pipeline_devices = 1;          // devices that work on different ubatches of one prompt at once
  int passes_in_flight = 1;          // of a prompt, at most, over those devices
  bool shares_tensors = false;       // devices hold parts of every tensor and work together
  bool offloaded = false;            // weights on the host although a device is there
  double active_bytes = 0;           // weights a token reads
  bool measured = false;             // the engine's kernels were timed on this very host
  bool runs_ahead = false;           // kernels are started while the device works on earlier ones (eager PyTorch)
  bool schedules_between = false;    // a scheduler works between steps, when nothing is started ahead (serving engines)
  bool mixes = true;                 // prompts are read in the same steps that decode, else in steps of their own between them
  int mixed = -1;                    // Path: how much dearer a prompt is beside a decoding batch
  Drafts drafts;                     // that each step of decoding verifies
  int speculation = -1;              // Path: what drafting gains or loses beyond the steps that are counted
  std::size_t own_stages = SIZE_MAX; // of the model; those behind them are of another model, which drafts
};

// Extra conditions an Observation states and a plan may leave alone.
struct Conditions {
  double engine_year = 2026.875;     // date of the engine's build; decides what it can do and how fast it was. Unsaid: November 2026, as the newest Observations
  bool slow_host = false;            // a single-board computer in front of the device
  std::string source = {};           // fit only: the source's own bias is a random effect
  bool eager = false;                // serving engines told not to capture their kernels as graphs
  bool repacked = false;             // weights were repacked for the host's kernels (ik_llama.cpp -rtr, _R4)
  bool plain_matrices = false;       // the Vulkan driver offers no cooperative matrices, or they are switched off (GGML_VK_DISABLE_COOPMAT)
  Drafts drafts = {};                // as measured; none: those of the placement's Speculation, if it has one
  double acceptance = 0;             // of those: how often a draft is right if those before it were; 0: as is usual
  const UsualAcceptances* acceptances = nullptr;   // of a Calibration; nullptr: nothing is usual
  const ModelWork* drafter = nullptr;   // the model that Placement::drafting is of
  std::string driver = {};           // a Vulkan driver that is slower than today's for its devices: "amdvlk", "old_anv"; empty: none of them
};

// Errors: unsupported where no rule says how fast this is (a device without known bandwidth).
Result<Load> load_of(const ModelWork& work, const rig::Rig& rig, const placement::Placement& placement, const Conditions& conditions = {});

// Sequences that one copy of `load` decodes in a step of `sequences` in all.
double sequences_of_copy(const Load& load, double sequences);

// Fills in Path::efficiency.
void resolve(Load& load, const Calibration& calibration);

}  // namespace rigcast::cost
