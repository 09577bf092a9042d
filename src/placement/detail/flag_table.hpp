#pragma once
// Launch flags of an engine as a table: names, what they take, what they do to memory and speed, and how they change the Settings.

#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement::detail {

enum class Takes {
  nothing,
  choice,   // on | off | auto, may be left out (then: on)
  value,
  values,   // one or more words up to the next flag, given as joined by commas
};

struct FlagTarget {
  Settings settings;
  const model::Architecture& architecture;
  int devices = 0;                  // that the engine takes
  int local = 0;                    // the first of them, in the host that its process runs on; the others are offered by servers
  std::string_view backend = {};    // whose devices and buffers may be named; empty: any
  bool places = false;              // set by a value that says which devices hold what
  bool drafts_in_parallel = false;  // vLLM: a smaller model drafts all its tokens in one pass
  std::string draft_model = {};     // what drafts, where it is named
  bool copies_attention = false;    // SGLang: its data degree divides the tensor degree, and copies attention alone
};

// Fails with a message that says what the value must be; the parser adds the place.
using ApplyFlag = Result<void> (*)(FlagTarget& target, std::string_view value);

struct FlagRule {
  std::string_view names;           // space-separated, the usual one first: "-c --ctx-size"
  Takes takes = Takes::value;
  std::string_view note;            // empty: no effect on memory or speed that is modelled
  ApplyFlag apply = nullptr;        // nullptr: accepted and repeated on the launch line
  bool places = false;              // says which devices hold what: nothing is left to search; where only some values say so, `apply` tells
  bool repeats = false;             // on the launch line as it stands although `apply` reads it: the line has no words of its own for that
};

std::span<const FlagRule> llama_flags();
std::span<const FlagRule> ik_flags();
std::span<const FlagRule> ollama_flags();
std::span<const FlagRule> lm_studio_flags();
std::span<const FlagRule> vllm_flags();
std::span<const FlagRule> sglang_flags();
std::span<const FlagRule> tensorrt_flags();
std::span<const FlagRule> mindie_flags();
std::span<const FlagRule> ktransformers_flags();
std::span<const FlagRule> plain_flags();      // MLX, ExLlama, Transformers: context and cache

// What llama.cpp calls the devices of a backend, before their number: GGML_CUDA_NAME and its like; Metal's are MTL (ggml-metal.cpp).
std::string device_prefix(std::string_view backend);

// The tables of an engine, looked through in order.
std::vector<std::span<const FlagRule>> flag_tables(const catalog::Engine& engine);

// The row that has a flag among its names, or nullptr.
const FlagRule* find_flag(std::span<const FlagRule> table, std::string_view name);

// Whether llama.cpp's flags, the last of its tables, are read for it although its own programs take none of them.
bool wraps_llama(const catalog::Engine& engine);

// Helpers for the tables.
Result<std::int64_t> whole_number(std::string_view value, std::int64_t lowest, std::int64_t highest = INT64_MAX);
Result<double> fraction(std::string_view value);

inline Result<void> ignore(FlagTarget&, std::string_view) { return {}; }   // said by the line in its own words, whatever the flag says

constexpr std::string_view kUncounted = "changes neither memory nor speed as counted here";
constexpr std::string_view kDraftsNote = "speculative decoding: each step verifies drafted tokens and keeps those that are right";
constexpr std::string_view kDraftedNote = "tokens drafted for each step, one after the other";
constexpr std::string_view kDrafterNote = "of what drafts tokens: not counted here";
constexpr std::string_view kModelNote = "which model it is, the question says: the line names that one";

// Sets one whole-numbered field, not below `lowest`.
template <auto field, std::int64_t lowest>
Result<void> whole(FlagTarget& target, std::string_view value) {
  RC_ASSIGN(number, whole_number(value, lowest));
  auto& place = target.settings.*field;
  place = static_cast<std::remove_reference_t<decltype(place)>>(number);
  return {};
}

}  // namespace rigcast::placement::detail
