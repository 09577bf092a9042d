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
  value,
  choice,   // on | off | auto, may be left out (then: on)
};

struct FlagTarget {
  Settings settings;
  const model::Architecture& architecture;
  int devices = 0;                  // that the engine takes
  int local = 0;                    // the first of them, in the host that its process runs on; the others are offered by servers
  bool places = false;              // set by a value that says which devices hold what
  bool copies_attention = false;    // SGLang: its data degree divides the tensor degree, and copies attention alone
};

// Fails with a message that says what the value must be; the parser adds the place.
using ApplyFlag = Result<void> (*)(FlagTarget& target, std::string_view value);

struct FlagRule {
  std::string_view names;           // space-separated, the usual one first: "-c --ctx-size"
  Takes takes = Takes::value;
  std::string_view note;            // empty: no effect on memory or speed that is modelled
  ApplyFlag apply = nullptr;        // nullptr: accepted and passed on
  bool places = false;              // says which devices hold what: nothing is left to search; where only some values say so, `apply` tells
};

std::span<const FlagRule> llama_flags();
std::span<const FlagRule> ollama_flags();
std::span<const FlagRule> lm_studio_flags();
std::span<const FlagRule> vllm_flags();
std::span<const FlagRule> sglang_flags();
std::span<const FlagRule> tensorrt_flags();
std::span<const FlagRule> mindie_flags();
std::span<const FlagRule> ktransformers_flags();
std::span<const FlagRule> plain_flags();      // MLX, ExLlama, Transformers: context and cache

// The tables of an engine, looked through in order.
std::vector<std::span<const FlagRule>> flag_tables(const catalog::Engine& engine);

// Helpers for the tables.
Result<std::int64_t> whole_number(std::string_view value, std::int64_t lowest, std::int64_t highest = INT64_MAX);
Result<double> fraction(std::string_view value);

// Sets one whole-numbered field, not below `lowest`.
template <auto field, std::int64_t lowest>
Result<void> whole(FlagTarget& target, std::string_view value) {
  RC_ASSIGN(number, whole_number(value, lowest));
  auto& place = target.settings.*field;
  place = static_cast<std::remove_reference_t<decltype(place)>>(number);
  return {};
}

}  // namespace rigcast::placement::detail
