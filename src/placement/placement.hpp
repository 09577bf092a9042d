#pragma once
// A Placement says which tensor and which KV lives on which memory, and how Ops are split; with it goes the memory every device and
// the host need, by the engine's own rules, to the byte where that can be.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "catalog/engine.hpp"
#include "catalog/rule.hpp"
#include "model/architecture.hpp"
#include "placement/model_view.hpp"
#include "rig/rig.hpp"

namespace rigcast::placement {

enum class Mode {
  single,    // one device holds all
  layer,     // ranges of layers, one device after the other (llama.cpp -sm layer, pipeline of one stream)
  row,       // llama.cpp -sm row: matrices split by rows, the rest on the main device
  tensor,    // heads and matrices split evenly, all-reduce after attention and after feed-forward
  pipeline,  // ranges of layers with several streams in flight (vLLM --pipeline-parallel-size)
  expert,    // experts spread over devices, attention data- or tensor-parallel
  cpu,       // all on the host
};
const char* to_string(Mode mode);

// Speculative decoding: what drafts the tokens that a step verifies beside its next one.
enum class Drafter {
  none,
  own_layers,   // layers of the model itself that predict further tokens (MTP, NextN)
  head,         // a layer trained for this very model (EAGLE, Medusa)
  model,        // a smaller model
  block,        // a model that drafts all its tokens in one pass (DFlash)
  lookup,       // earlier text (n-grams, suffixes)
};
const char* to_string(Drafter drafter);
inline constexpr Drafter kDrafters[] = {Drafter::own_layers, Drafter::head, Drafter::model, Drafter::block, Drafter::lookup};
// What drafts, by the words that names of methods and of models that draft are made of ("draft-mtp", "yuhuili/EAGLE3-LLaMA3.1"); nothing where none is among them.
std::optional<Drafter> drafter_called(std::string_view name);

struct Speculation {
  Drafter drafter = Drafter::none;
  int tokens = 0;                         // drafted one after the other, or in one block; 0: the flags do not say
  int verified = 0;                       // of a tree whose branches are all verified: their tokens; 0: `tokens`
  bool operator==(const Speculation&) const = default;
};
// Whether it is loaded beside the model.
inline bool names_another_model(Drafter drafter) { return drafter == Drafter::head || drafter == Drafter::model || drafter == Drafter::block; }
// Tokens drafted for each step: as the flags say, else as many as are verified, else three, as llama.cpp does and most runs do; 0 where nothing drafts.
int drafted(const Speculation& speculation);
// Recurrent states that llama.cpp keeps of each sequence (rs_seq): one for every token that may be the last that is right. vLLM's MambaSpec keeps as
// many whatever drafts.
int states_of_sequence(const Speculation& speculation);

inline constexpr int kHost = -1;   // "device" number of the host's memory

// Of a context that nobody named, how much is worth having: it shrinks to what fits, but not below this nor below what is to be held.
inline constexpr std::int64_t kContextWorthHaving = 4096;
inline std::int64_t worth_having(std::int64_t context, std::int64_t reach) { return std::max(std::min(context, kContextWorthHaving), reach); }

// What the user or the search decided, in the engine's own terms. Fields an engine does not know stay at their defaults.
struct Settings {
  std::int64_t context = 0;               // per engine: llama.cpp -c (all slots), vLLM --max-model-len (one request)
  int ubatch = 512, batch = 2048;
  int sequences = 1;                      // llama.cpp -np, vLLM --max-num-seqs (0: engine's default)
  bool unified_kv = false;                // -kvu
  std::string key_quant = "f16", value_quant = "f16";
  std::optional<bool> flash_attention;    // empty: auto
  int gpu_layers = -1;                    // -ngl; -1: all
  std::vector<double> split;              // -ts
  Mode mode = Mode::single;
  int tensor_degree = 1, pipeline_degree = 1, expert_degree = 1, data_degree = 1;
  int main_device = 0;
  int cpu_moe_layers = 0;                 // --n-cpu-moe; all layers for --cpu-moe
  struct Override {
    std::string pattern;
    int device;
    bool operator==(const Override&) const = default;
  };
  std::vector<Override> overrides;        // -ot regex=buffer, in order
  bool swa_full = false;
  bool kv_offload = true;                 // false: --no-kv-offload
  bool mmap = true;
  bool op_offload = true;
  int offload_batch = 0;                  // tokens from which on host weights are sent to a device for them; 0: the engine never does
  bool offload_by_expert = false;         // ... counted for each expert in the mean
  bool repack = true;                     // false: --no-repack
  bool dry_run = false;                   // laid out as the engine's dry run prints it, where that differs from what a load takes
  bool prompt_logits = false;             // the program may ask for the logits of every prompt token (llama-completion, llama-bench), not only of each slot's last
  bool whole_copies = false;              // of a mixture, data_degree copies all of it; false: attention alone, around experts that all devices share
  int replicas = 1;                       // whole engines side by side, each on its own hosts: all other degrees are those of one
  double host_gib = 0;                    // weights of each device that lie in its host's memory, from where the device reads them in every pass (vLLM --cpu-offload-gb)
  int gpu_experts = -1;                   // ktransformers: experts of each layer kept on the devices; -1: engine's default
  int threads = 0;                        // 0: engine's default
  int batch_threads = 0;                  // while prompts are read; 0: as threads
  double gpu_memory_utilization = 0;      // paged engines: share of a device they may take; 0: engine's default
  int max_batched_tokens = 0;             // vLLM; 0: engine default
  std::string weight_quant;               // vLLM --quantization
  Speculation speculation;
  bool eager = false;                     // vLLM --enforce-eager, SGLang --disable-cuda-graph: no graphs of kernels

  bool operator==(const Settings&) const = default;
};

// One explained flag: what the user typed and what it does to memory and speed.
struct FlagNote {
  std::string flag;
  std::string text;
  std::vector<std::string> words = {};   // what a launch line repeats of it word by word; empty: it says so in its own way, or the model's name does
  bool lays_out = false;                 // repeated, and memory depends on it
};
// Whether flags say anything of flash attention; else whether it is used was chosen.
bool names_flash_attention(const std::vector<FlagNote>& flags);

// Bytes on one memory, each term named.
struct Memory {
  Bytes weights{}, kv{}, state{}, compute{}, footprint{};
  Bytes total() const { return weights + kv + state + compute + footprint; }
};

struct DeviceShare {
  int device = 0;                         // index in Rig::devices
  int first_layer = 0, layer_count = 0;   // layers whose attention it runs (tensor parallel: all)
  double fraction = 1;                    // share of each split tensor (tensor, row)
  bool holds_output = false;
  Memory memory;
  Bytes capacity{};                       // what the engine may use at most
};

struct Placement {
  std::string engine, backend;
  Mode mode = Mode::single;
  Settings settings;
  std::vector<int> tensor_device;         // per Architecture::tensors: device index or kHost; split tensors: the first device
  std::vector<int> kv_device;             // per layer: device index or kHost
  std::vector<double> lent;               // per tensor: share of what a device holds of it that lies in the host's memory and is read from there; empty: none
  bool unread_cache = false;              // flash attention on, and the devices have no kernel for these cache formats or heads: the processor does it ...
  bool unread_heads = false;              // ... for it is their heads that there is none for
  bool host_attention = false;            // ... and the cache lies on the devices: it is copied to the host for every pass
  bool widened_cache = false;             // no kernel for single tokens is built for these cache formats: every step widens the cache to 16 bits
  std::size_t draft_layers = 0;           // layers of the model that predict further tokens and are counted with it
  std::shared_ptr<const Placement> drafting;   // where another model that drafts lies, where it is known; its memory is counted with this one's
  std::vector<DeviceShare> devices;       // only those used
  Memory host;
  Bytes host_capacity{};
  Bytes host_mapped{};                    // weights of the file that are mapped but also held elsewhere (not counted as needed)
  std::int64_t kv_blocks = 0;             // paged engines: blocks that are left
  std::int64_t kv_tokens = 0;             // tokens the cache of one copy can hold (Settings::data_degree; most have one copy)
  bool fits = false;
  bool counted = true;                    // false: compute buffers are left out, for it is too much without them
  std::vector<Bytes> missing;             // per devices[], 0 where it fits; the host's last
  std::vector<FlagNote> flags;
  std::vector<FlagNote> demanded;         // what rules want on the launch line, and why
  struct Caveat { std::string id, text, source; };
  std::vector<Caveat> caveats;
};

struct Request {
  std::string engine = "llama.cpp";       // key or alias
  std::string backend;                    // empty: the best the engine has for these devices
  std::string flags;                      // engine's own launch flags, verbatim; empty: defaults for the rig
  std::int64_t context = 0;               // wanted context of each stream when flags do not say; 0: engine's or a sensible default
  std::int64_t reach = 0;                 // tokens that a context nobody named must hold: what is read and what lies before it
  bool dry_run = false;                   // as Settings::dry_run
  std::string built;                      // month of the engine's build ("2025-04"): by the rules of then; empty: of today
  std::int64_t streams = 1;               // decoded together: a context is laid out for each where the flags do not say how many run at a time
  bool advise = true;                     // an error names the engine that would run it, which takes longer to find than all else
  bool reads_files = true;                // a file that the flags name may be opened
  std::shared_ptr<const ModelView> drafter = nullptr;   // the model that the flags let draft, where it is known
};

// How many of the rig's devices the engine takes, the first ones: it is built for so many.
int usable_devices(const catalog::Engine& engine, const rig::Rig& rig);

// What an engine does on this rig when nobody says anything.
Settings initial_settings(const catalog::Engine& engine, const rig::Rig& rig);

// Reads an engine's own launch flags. Errors: column within `flags`, nearest flag.
struct ParsedFlags {
  Settings settings;
  std::vector<FlagNote> notes;
  bool places = false;                    // whether any of them says which devices hold what
  bool says_sequences = false;            // ... and how many streams run at a time
  std::string draft_model = {};           // the model that drafts, as it is named
};
Result<ParsedFlags> parse_flags(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig,
                                std::string_view flags, std::string_view backend = {});   // whose devices and buffers they may name; empty: any

// Everything that is settled before bytes are counted: the engine and its backend, the rules that may apply, what the flags say.
// Errors: names nobody knows, flags that cannot be read, what the engine refuses on these devices.
struct Prepared {
  std::shared_ptr<const catalog::Engine> engine;   // as of the request's month, and without splits that nobody would propose here
  std::string backend;
  std::shared_ptr<const std::vector<catalog::Rule>> rules;
  Settings settings;                      // with the context the request asks for
  std::vector<FlagNote> notes;
  bool searched = false;                  // the flags leave open which devices hold what
  std::int64_t shortest = 0;              // nobody named the context: it may shrink to what fits, down to this; 0: it must fit
  std::int64_t streams = 1, at_once = 1;  // asked for, and as many of them as run at a time: the flags may allow fewer
  std::int64_t reach = 0;                 // tokens that each must hold
  bool named_context = false;             // by the flags or the request
  std::int64_t overruled = 0;             // the context of the request where the flags name another; else 0
  double cache_element = 2;               // bytes of one element of the cache, of keys and values on average
  bool named_batch = false;               // the flags say how many prompt tokens go in one pass
  bool named_offload = false;             // ... whether weights on the host are sent to a device for them
  int usable_devices = 0, unused_devices = 0;   // of the rig: as many as the engine takes, and the others
  std::shared_ptr<const ModelView> drafter = nullptr;   // of the request
};
Result<Prepared> prepare(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request);

// Lays the model over the rig: by the flags where given, else the fastest the search finds by bytes over bandwidth (who wants the
// estimator's speeds searches with those). A placement that does not fit is a value with fits = false and the missing bytes; an error means that the engine would refuse (degree that does not divide, format it cannot read).
Result<Placement> place(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request);

// The same where it fits, without caveats; nothing where it does not or is refused. `any`: the first way that fits will do.
std::optional<Placement> find_room(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request, bool any = false);

// Whether layers that predict further tokens are listed for it.
bool lists_draft_layers(const model::Architecture& architecture);

// Whether the weights every engine keeps in memory are more than all memories together: nothing need be laid out.
bool exceeds_all_memories(const Prepared& prepared, const model::Architecture& architecture, const rig::Rig& rig);

// Copies of the whole model side by side, each with its share of the streams. Of mixtures a data degree copies attention alone, and the
// experts are divided among all devices, unless the settings say otherwise: one copy.
int whole_copies(const model::Architecture& architecture, const Settings& settings);

// Tokens that the caches of all copies hold.
std::int64_t cache_tokens(const Placement& placement);

// Streams of so many tokens that run at a time: a cache in blocks lets the others wait, slots are as many as they are.
std::int64_t running_streams(const catalog::Engine& engine, const Placement& placement, std::int64_t streams, std::int64_t tokens);

// Among how many streams -c is divided: engines with slots share it out unless one cache serves all.
std::int64_t context_parts(const catalog::Engine& engine, const Settings& settings);

// Contexts, in all slots, to try where nobody named one and several slots would drive weights off the devices: longest first.
std::vector<std::int64_t> shorter_slots(const Prepared& prepared);

// The same settings with the context that this layout's cache does hold, where it is what is short and `shortest` allows.
std::optional<Settings> shortened(const Placement& placement, std::int64_t shortest);

// Says that the context is shorter than the one everybody would expect, that flags overrule what is asked beside them, that not all
// streams run at a time, and that not all devices are used, where it is so.
void tell_short(const Prepared& prepared, Placement& placement);

// Whether weights that are read in full for every token lie on the host; gathered tables and towers that plain decoding does not run may
// stay there at no cost.
bool reads_weights_on_host(const model::Architecture& architecture, const Placement& placement);

// Whether no such weights, none that a device reads from there, and no layer's cache lie on the host.
bool all_on_devices(const model::Architecture& architecture, const Placement& placement);

// The engine's best backend for these devices, or the one asked for. Errors: the engine or a device has no such backend, devices of
// different makers where the engine cannot mix them.
Result<std::string> choose_backend(const catalog::Engine& engine, const rig::Rig& rig, const std::string& asked);

// Backends of an engine that mixes makers which some devices run and others do not: the others idle under them. Best first.
std::vector<std::string> partial_backends(const catalog::Engine& engine, const rig::Rig& rig);
// The devices that run a backend, where some do and some do not; else all of them.
rig::Rig part_that_runs(const rig::Rig& rig, const std::string& backend);

// How far bytes are counted. Compute buffers take most of the time: who only asks whether a layout fits does not need them where weights
// and cache are too much already, and who only asks how fast it would be none at all.
enum class Count { all, until_short, weights_and_cache };

namespace detail { class SlotLayouts; }

// Exact memory of one model on one rig under one engine, whatever the settings: the one place where bytes are computed. What layouts have in
// common is found once, so that a search asks one of these for all of them. Not for several threads.
class Layouts {
 public:
  Layouts(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend, const ModelView& model,
          const rig::Rig& rig, std::shared_ptr<const ModelView> drafter = nullptr);   // all of which must live as long, of views the models
  ~Layouts();
  Result<Placement> of(const Settings& settings, Count count = Count::all);   // errors: what the engine would refuse

 private:
  const catalog::Catalog& catalog_;
  const catalog::Engine& engine_;
  const std::string& backend_;
  const ModelView model_;
  const rig::Rig& rig_;
  const std::shared_ptr<const ModelView> drafter_;   // laid out beside it where settings let it draft
  std::unique_ptr<detail::SlotLayouts> slots_;   // of engines with slots
};

// One layout alone.
Result<Placement> lay_out(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                          const ModelView& model, const rig::Rig& rig, const Settings& settings, Count count = Count::all, std::shared_ptr<const ModelView> drafter = nullptr);

// What place() says where a search without flags found nothing that fits: all of it on the devices, with the missing bytes. REQUIRES: `layouts`
// of the same engine, model and rig.
Result<Placement> place_whole(const catalog::Catalog& catalog, const Prepared& prepared, const ModelView& model, const rig::Rig& rig, Layouts& layouts);

// The same laid out as `nearest` says, where less is missing in all that way.
Result<Placement> place_nearest(const catalog::Catalog& catalog, const Prepared& prepared, const ModelView& model, const rig::Rig& rig, Layouts& layouts, const Settings& nearest);

// What is missing on all memories together.
Bytes short_by(const Placement& placement);

// The flags with one of them, named by any of its names, set to another value; behind the others where it is not among them. Empty where the
// engine does not take it.
std::string with_flag(const catalog::Engine& engine, std::string_view flags, std::string_view flag, std::string_view value);

// What -ngl says for "all": the 99 that everybody types, or what holds every layer and the head of a deeper model.
int all_layers(const model::Architecture& architecture);

// The line to type for this placement, with each flag explained.
struct Launch {
  std::string line;
  std::vector<FlagNote> flags;
  std::string file_name, file_text;   // Modelfile, config.json where the engine takes one
  std::vector<std::string> unsaid;    // what of the placement the line cannot say, each a sentence
  std::vector<std::string> bench;     // the words that time this very placement with the engine's own tool; empty where it brings none
};
Launch launch_line(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Placement& placement);

}  // namespace rigcast::placement
