#include "placement/detail/flag_table.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"

namespace rigcast::placement::detail {

Result<std::int64_t> whole_number(std::string_view value, std::int64_t lowest, std::int64_t highest) {
  // Engines take digits: of "8k" std::stoi reads 8 (common/arg.cpp), argparse and Go nothing.
  const std::optional<std::int64_t> number = parse_int(value);
  if (!number)
    if (const auto tokens = parse_tokens(value); tokens && *tokens >= lowest && *tokens <= highest)
      return fail(ErrorKind::input, "takes a whole number: the engine does not read '" + std::string(value) + "' as " + std::to_string(*tokens), Where{}, std::string(), std::to_string(*tokens));
  if (number && *number > highest)
    return fail(ErrorKind::input, "takes a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest) + ", not '" + std::string(value) + "'", Where{}, std::string(), std::to_string(highest));
  if (!number || *number < lowest)
    return fail(ErrorKind::input, "takes a whole number" + (lowest > INT64_MIN ? " of at least " + std::to_string(lowest) : std::string()) + ", not '" +
                                      std::string(value) + "'");
  return *number;
}

Result<double> fraction(std::string_view value) {
  const auto number = parse_double(value);
  if (!number || *number <= 0 || *number > 1) return fail(ErrorKind::input, "takes a share above 0 and up to 1, not '" + std::string(value) + "'");
  return *number;
}

const FlagRule* find_flag(std::span<const FlagRule> table, std::string_view name) {
  const auto is_named = [&](const FlagRule& rule) {   // every word of every launch line is asked about: no words are copied
    for (std::string_view names = rule.names; !names.empty();) {
      const std::size_t end = std::min(names.find(' '), names.size());
      if (names.substr(0, end) == name) return true;
      names.remove_prefix(std::min(end + 1, names.size()));
    }
    return false;
  };
  const auto found = std::find_if(table.begin(), table.end(), is_named);
  return found == table.end() ? nullptr : &*found;
}

bool wraps_llama(const catalog::Engine& engine) { return engine.key == "ollama" || engine.key == "lm-studio"; }

std::string device_prefix(std::string_view backend) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"vulkan", "Vulkan"}, {"rocm", "ROCm"}, {"sycl", "SYCL"}, {"cann", "CANN"}, {"musa", "MUSA"}, {"metal", "MTL"}};
  for (const auto& [key, name] : kNames)
    if (key == backend) return std::string(name);
  return "CUDA";
}

std::vector<std::span<const FlagRule>> flag_tables(const catalog::Engine& engine) {
  if (engine.key == "ik_llama.cpp") return {ik_flags(), llama_flags()};
  if (engine.key == "ollama") return {ollama_flags(), llama_flags()};
  if (engine.key == "lm-studio") return {lm_studio_flags(), llama_flags()};
  if (engine.key == "sglang") return {sglang_flags()};
  if (engine.key == "ktransformers") return {ktransformers_flags(), sglang_flags()};
  if (engine.key == "tensorrt-llm") return {tensorrt_flags()};
  if (engine.key == "mindie") return {mindie_flags()};
  if (engine.kv_rule == catalog::KvRule::slots) return {llama_flags()};
  if (engine.kv_rule == catalog::KvRule::paged) return {vllm_flags()};
  return {plain_flags()};
}

}  // namespace rigcast::placement::detail
