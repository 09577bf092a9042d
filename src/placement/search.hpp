#pragma once
// The best legal way to lay a model over a rig: search, not greed.
//
// The search walks the kinds of placement an engine can do here (one device, layers over several, rows, tensor parallel, pipeline,
// experts in host memory, layers in host memory, cache in host memory, all on the processor) and finds the best of each kind, so that
// the answer shows not only the winner but what it won against.
//
// Layers over devices: let b(l) be the bytes layer l reads per token and m(l) the bytes it holds. A split into contiguous ranges is chosen
// by dynamic programming over (device, layer): best(d, l) = min over n of best(d-1, l-n) + sum b / bandwidth(d), subject to
// sum m <= capacity(d). Experts move to the host first layer first, as few layers as the memory demands (the host is always the slower
// memory). What the sum cannot know (compute buffers, padding, staging) the exact layout tells: capacities shrink by what it says is
// missing, and the range is chosen again. Every candidate that is reported has been laid out exactly and costed in full.
// Weights on the host: whether a processor or a device reads prompts with them, and in passes of which size, is tried where the prompt is a part
// of the answer worth a flag. Several hosts: engines side by side on groups of them, the others idle.
// Worked example: 24 GiB at 936 GB/s beside 16 GiB at 288 GB/s, 34 GiB of equal layers: the fast card takes all it can hold, the slow one
// the rest, and not 24:16.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement {

// What the user wants most.
enum class Objective {
  decode,      // an answer soon: reading the prompt and writing, in the mean of an empty and a full context
  prefill,     // token/s of reading a prompt; ties by decode
  context,     // the longest context that still fits, where none is named; ties by decode
  throughput,  // token/s of all streams together: as weighs_as_asked() says, else in the same mean
};
const char* to_string(Objective objective);
Result<Objective> parse_objective(std::string_view text);

// Whether it makes no difference which of the devices holds something.
bool are_alike(std::span<const rig::RigDevice> devices);

// Whether a context is so much shorter than the longest that can be had that speed or a format is not worth it: below half of it, where that is not beyond
// what most talks come to.
bool much_shorter(std::int64_t context, std::int64_t longest, std::int64_t parts = 1);   // shared by so many streams

struct Goal {
  Objective objective = Objective::decode;
  std::int64_t context = 4096;       // must fit
  std::int64_t streams = 1;          // that run at a time
  double minimum_speed = 0;          // token/s of decode of each stream; placements below it are rejected
  double floor = 0;                  // token/s over a context that fills; what is below it is not told, and not laid out to the byte
  bool any = false;                  // the first placement that fits will do: ends with it
  bool best_only = false;            // other kinds need not be found where they cannot win, nor told to the byte what they miss
  std::int64_t shortest = 0;         // the context may shrink to what fits, down to this; 0: it must fit
  bool longest = false;              // the context may grow to the longest that fits
  double cache_element = 2;          // bytes of one element of the cache
  bool beyond_memory = false;        // exceeds_all_memories(): no way of sharing weights out fits
  double margin = 0;                 // bytes to leave free on each device where the search may choose
  bool fixed_batch = false;          // how many prompt tokens go in one pass is not to be chosen
  bool fixed_offload = false;        // ... nor whether weights on the host are sent to a device for them
  std::int64_t prompt = 0;           // tokens read before an answer; 0: speeds tell of writing alone
  bool as_asked = false;             // weighs_as_asked()
};

// Whether ways are weighed by how fast they decode at the depth asked about, instead of over a context that fills: streams of a server share its cache, so
// that a context nobody named is what one of them may reach, not what all of them hold.
bool weighs_as_asked(Objective objective, const catalog::Engine& engine, bool named_context);

// One placement laid out in full. `score` is what the objective measures, higher is better.
struct Candidate {
  std::string kind;                  // "one device", "layers", "rows", "tensor", "pipeline", "experts on host", "layers on host", ...
  Placement placement;
  double score = 0;
  double decode = 0, prefill = 0, full = 0;    // token/s, as in Speeds; `full` at the depth that is alike for all candidates
  double unwaiting = 0;              // as in Speeds
  double over_context = 0;           // decode_over_context() of them
  double reading = 0;                // seconds that an answer waits for its prompt to be read
  double answer = 0;                 // token/s of whole answers: what the decode objective measures, by which others break ties
};

// A kind that has no legal or fitting placement here, and why in one sentence.
struct Rejected {
  std::string kind, why;
  Bytes missing{};                   // smallest shortage over the memories, 0 where the reason is another
  std::optional<Settings> settings = {};   // what was laid out that is short of so much
};

struct Found {
  std::vector<Candidate> ranked;     // best of each kind, best first, experimental ones last; empty when nothing fits
  std::vector<Rejected> rejected;
  std::int64_t laid_out = 0;         // exact layouts made
};

// The two views the search has of the rest of the program: the exact memory of one choice of settings (an error means that the engine
// refuses it), counted as far as told, and its speed.
using LayOut = FunctionRef<Result<Placement>(const Settings&, Count)>;
// Token/s. `full`: decode with the cache full, which is what the context was asked for. Caches of different size are full at different
// depths: `alike` is decode at the depth that was wished of all, by as many streams as have room there. The decode objective compares the
// mean step time of an empty cache and alike, whatever the depth that decode is told of. alike 0: as `full`; empty 0: as `decode`.
// `unwaiting`: on a processor, what decode_over_context() would be if cores did not wait for each other, which no number of threads exceeds; 0: unknown.
// `prefill_empty`, `prefill_full`: reading the prompt first of all, and as the last that the context holds; 0: as `prefill`.
// `each`: decode of one of the streams; 0: as `decode`.
struct Speeds { double decode = 0, prefill = 0, full = 0, alike = 0, empty = 0, unwaiting = 0, prefill_empty = 0, prefill_full = 0, each = 0; };
double decode_over_context(const Speeds& speeds);   // of that mean step; 0 where either is unknown
// Seconds to read a prompt in the mean of an empty and a full context; 0 where nobody can say.
double reading_over_context(const Speeds& speeds, std::int64_t prompt);
// Token/s of all streams, each of which waits `reading` seconds and then has its share of `writing` token/s for an answer of usual length:
// what users wait for. A cache on the host may write the first tokens fastest, and be slow to read the prompt and to write on.
double answer_speed(double writing, double reading, std::int64_t streams);
double answer_tokens(std::int64_t streams);   // ... of all of them
using Cost = FunctionRef<Result<Speeds>(const Placement&)>;

// Whether the processor alone runs it, though devices are named and no host is: a guess must not beat what the user has.
bool on_guessed_processor(const rig::Rig& rig, const Placement& placement);

Found search(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Goal& goal,
             const Settings& base, LayOut lay_out, Cost cost);

// The same for what is prepared, whose context is the goal's. One that nobody named is as long as can be where that is what is wanted, and
// shrinks where the slots of several streams would otherwise drive weights off the devices.
Found search(const Prepared& prepared, const model::Architecture& architecture, const rig::Rig& rig, Goal goal, LayOut lay_out, Cost cost);

// The largest context, a multiple of 256 for each of `parts` and at most the model's own, that fits with these settings; 0 when none does.
std::int64_t largest_context(const model::Architecture& architecture, const Settings& settings, LayOut lay_out, std::int64_t parts = 1);

}  // namespace rigcast::placement
