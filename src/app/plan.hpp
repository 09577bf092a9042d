#pragma once
// plan: does this model fit this Rig, where does each byte go, how fast is it, and what does one type to run it?

#include <memory>
#include <optional>
#include <string>

#include "app/knowledge.hpp"
#include "base/result.hpp"
#include "catalog/engine.hpp"
#include "cost/cost.hpp"
#include "cost/own.hpp"
#include "model/architecture.hpp"
#include "placement/placement.hpp"
#include "placement/search.hpp"
#include "rig/rig.hpp"

namespace rigcast::app {

inline constexpr std::int64_t kWholeContext = -1;   // placement::Request::context: the model's own

struct PlanRequest {
  std::string model;             // model spec: "qwen3-8b:q4_k_m", a path
  std::string rig;               // rig spec: "2x3090; host=..."
  placement::Request placement;  // engine, backend, launch flags, context
  cost::Question question;       // prompt, depth, sequences
  // Where the flags leave the placement open:
  placement::Objective objective = placement::Objective::decode;
  double minimum_speed = 0;      // token/s of decode that each stream must reach
  bool own = true;               // the user's own Observations may move the estimate
  // Set by read_asked():
  std::shared_ptr<const KnownModel> drafter = nullptr;   // the model that the flags let draft, where it is known
  std::string drafter_name = {};                         // as they name it
  bool open_streams = false;                             // nobody named how many streams: they are as many as the engine runs at a time
};

// Another way to lay the same model over the same Rig: the best of its kind.
struct Alternative {
  std::string kind;              // "one device", "layers", "experts on host", ...
  double decode = 0, prefill = 0;  // token/s, p50
  double full = 0;               // decode with the cache full
  Bytes host{};                  // host memory it takes
  std::string launch;
  std::string backend;           // whose devices it means
};

// A setting that changes the verdict: what to type instead, and what it gives.
struct Remedy {
  enum class Kind {
    context,   // the longest context that fits
    quant,     // a smaller Quant that fits, or another one that is faster
    cache,     // keys and values in fewer bits
    share,     // more of a memory that is shared with the host for its GPU than the system gives by itself
    offload,   // weights in the host's memory, read by the devices in every pass
    layers,    // fewer layers on the devices than the flags say
    experts,   // the experts of more layers on the host than the flags say
    engine,    // another engine, which runs it here
    backend,   // another backend of the engine
  };
  Kind kind = Kind::context;
  std::string value;             // "16384", "q3_k_m", "q8_0", "vulkan", "480" GiB; engine: its name
  std::string model;             // the spec to ask with
  Bytes weights{};               // quant: bytes of that file
  std::string flags = {};        // cache, offload, layers, experts: the launch flags to ask with; context: those where it stands among them
  double decode = 0;             // token/s, p50, where that is why it is told (it fits without, too, but slower) or what it costs; else 0
  std::int64_t context = 0;      // of one stream, then, where `decode` is told; 0: as asked
  std::string engine = {};       // engine: its key
  std::string quant = {};        // ... and the format with it
  std::int64_t streams = 0;      // that run at a time then, where they are more than now; `decode` is of all of them
  std::string rig = {};          // share: the rig to ask with
};

// Speculative decoding, where the flags ask for it.
struct Drafting {
  placement::Drafter drafter = placement::Drafter::none;
  cost::Drafts drafts;           // none: what it gains, the text decides, and speeds are those without
  double plain = 0;              // token/s, p50: decode without, of all streams
  std::string date, sources;     // of how often drafts are usually right; empty where it is stated, or nobody prints it
  std::string model;             // the model that drafts: its key and format where it is known, else as it is named; empty: none is named
  bool counted = false;          // what drafts lies in the memory that is told, but for its copies of table and head, which engines share; or it takes none
};

// What more hardware of the same kind would bring. The host that is there stays, named or assumed, unless it is what is changed.
struct Upgrade {
  enum class Kind {
    card,      // further cards like the first
    memory,    // more memory in the host
    host,      // another host, which takes more memory
    hosts,     // further hosts like the one there is
  };
  Kind kind = Kind::card;
  int cards = 0;                 // card: how many more
  int hosts = 0;                 // hosts: how many more
  std::string device;            // card: its name; host: the processor's
  Bytes memory{};                // memory, host: in all
  std::string rig;               // the spec to ask with; empty where it cannot be written from the given one
  std::string model;             // ... and the model with it: in the format that is planned now, or in a smaller one that would be assumed then
  std::string quant;             // the format where it is another than now
  double decode = 0, prefill = 0;  // token/s, p50, then; 0 where nobody can say
};

struct PlanAnswer {
  PlanRequest request;
  std::shared_ptr<const model::Architecture> architecture;   // never empty; of whoever keeps the model
  std::vector<std::string> notes;   // of the model and its format
  bool assumed_quant = false;    // its format is the engine's usual one, for nobody named any
  rig::Rig rig;
  catalog::Engine engine;
  placement::Placement placement;
  placement::Launch launch;
  std::int64_t admitted = 1;           // streams: as many as asked, or as the flags allow
  std::int64_t at_once = 1;            // of them run at a time, at `speed`: no more than the cache holds as deep as asked about
  bool too_slow = false;               // it fits, but no placement reaches the speed that was asked for
  std::optional<cost::Speed> speed;    // empty where it does not fit or nobody can say; then `no_speed` says why
  std::int64_t whole_depth = 0;        // tokens of one stream with which the context asked for is full
  std::int64_t whole_streams = 1;      // that run at a time with so many each
  std::optional<cost::Estimate> decode_whole;   // ... and decode there, whatever depth was asked about
  double decode_empty = 0;             // token/s, p50: decode before anything is read, which is what is weighed against the full context
  std::optional<Drafting> drafting;    // with `speed`
  Error no_speed;
  cost::OwnEffects own;                // what the user's own Observations moved `speed` by
  bool searched = false;               // the flags left open which devices hold what
  bool named_context = false;          // the flags or the request said how long the context is
  std::vector<Alternative> alternatives;           // best of every other kind of placement, best first
  std::vector<placement::Rejected> rejected;       // kinds that are not possible here, and why
  std::int64_t longest_context = 0;    // where it fits: the longest this very layout holds, at most the model's own; 0: not asked
  std::vector<Remedy> remedies;        // where it does not, or part of it lies on the host
  std::vector<Upgrade> upgrades;       // where it does not, or part of it lies on the host
};

// Whether decoding is told apart from decoding with the context full: it is another speed.
bool slows_when_full(const PlanAnswer& answer);

// Whether decode is told with drafts; what is looked up in earlier text is left to the text.
bool counts_drafts(const PlanAnswer& answer);

// Decoding over a context that fills, as the search weighs it; 0 where nobody can say.
double decode_over_context(const PlanAnswer& answer);

// read model -> parse rig -> place -> estimate. Errors: bad input, or what the engine would refuse; a model that does not fit is an
// answer, not an error.
Result<PlanAnswer> plan(const Knowledge& knowledge, const PlanRequest& request);

}  // namespace rigcast::app
