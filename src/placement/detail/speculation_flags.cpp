#include "placement/detail/speculation_flags.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace rigcast::placement::detail {
namespace {

using Target = FlagTarget;
using Text = std::string_view;
using nlohmann::json;

struct Method { Text name; Drafter drafter; };

// vllm/config/speculative.py; beside these every "..._mtp" of one family is the model's own.
constexpr Method kVllm[] = {{"mtp", Drafter::own_layers}, {"eagle", Drafter::head}, {"eagle3", Drafter::head}, {"medusa", Drafter::head}, {"mlp_speculator", Drafter::head},
                            {"draft_model", Drafter::model}, {"dflash", Drafter::block}, {"dspark", Drafter::block}, {"ngram", Drafter::lookup}, {"ngram_gpu", Drafter::lookup},
                            {"suffix", Drafter::lookup}};
// SGLang's --speculative-algorithm; EAGLE without a draft model of its own reads the model's own layers.
constexpr Method kSglang[] = {{"EAGLE", Drafter::own_layers}, {"EAGLE3", Drafter::head}, {"NEXTN", Drafter::own_layers}, {"STANDALONE", Drafter::model},
                              {"DFLASH", Drafter::block}, {"NGRAM", Drafter::lookup}};
// llama-server --help of build 11669, what drafts more before what drafts less: of several named, the first. ik_llama.cpp says "mtp".
constexpr Method kLlama[] = {{"draft-dflash", Drafter::block}, {"draft-dspark", Drafter::block}, {"draft-mtp", Drafter::own_layers}, {"mtp", Drafter::own_layers}, {"draft-eagle3", Drafter::head},
                             {"draft-simple", Drafter::model}, {"ngram-simple", Drafter::lookup}, {"ngram-map-k", Drafter::lookup}, {"ngram-map-k4v", Drafter::lookup},
                             {"ngram-mod", Drafter::lookup}, {"ngram-cache", Drafter::lookup}, {"none", Drafter::none}};
constexpr Method kMindie[] = {{"mtp", Drafter::own_layers}, {"la", Drafter::lookup}, {"memory_decoding", Drafter::lookup}};

template <std::size_t n>
const Method* find_method(const Method (&methods)[n], Text name) {
  const auto found = std::find_if(std::begin(methods), std::end(methods), [&](const Method& each) { return equal_ignoring_case(each.name, name); });
  return found == std::end(methods) ? nullptr : found;
}

template <std::size_t n>
tl::unexpected<Error> unknown_method(const Method (&methods)[n], Text name) {
  std::vector<std::string> names;
  for (const Method& each : methods) names.emplace_back(each.name);
  return fail(ErrorKind::input, "does not know '" + std::string(name) + "': it takes " + join(names, ", "), Where{}, std::string(), nearest_name(name, names));
}

bool names(Text model, std::initializer_list<Text> parts) {
  const std::string lower = to_lower(model);
  return std::any_of(parts.begin(), parts.end(), [&](Text part) { return lower.find(part) != std::string::npos; });
}

// What a model that drafts is by its name, where nothing else says so; vLLM looks at its config.
Drafter drafter_called(Text model) {
  return names(model, {"ngram"}) ? Drafter::lookup : names(model, {"dflash", "dspark"}) ? Drafter::block : names(model, {"eagle", "medusa", "accelerator"}) ? Drafter::head
       : names(model, {"mtp", "nextn"}) ? Drafter::own_layers : Drafter::model;
}

// A JSON object, or nothing where it is none.
Result<json> object_of(Text value, Text example) {
  json read = json::parse(value, nullptr, false);
  if (read.is_object()) return read;
  return fail(ErrorKind::input, "takes a JSON object, not '" + std::string(value) + "'", Where{}, std::string(), std::string(example));
}

Result<void> take_tokens(Target& target, const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (!found->is_number_integer() || found->get<std::int64_t>() < 1 || found->get<std::int64_t>() > 1024)
    return fail(ErrorKind::input, std::string("takes a whole number of 1 to 1024 as ") + key + ", not " + found->dump());
  target.settings.speculation.tokens = found->get<int>();
  return {};
}

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<void> speculative_config(Target& target, Text value) {
  RC_ASSIGN(object, object_of(value, R"({"method":"mtp","num_speculative_tokens":3})"));
  RC_TRY(take_tokens(target, object, "num_speculative_tokens"));
  Speculation& s = target.settings.speculation;
  if (const std::string method = text_at(object, "method"); !method.empty()) {
    const Method* known = find_method(kVllm, method);
    if (!known && !method.ends_with("_mtp")) return unknown_method(kVllm, method);
    s.drafter = known ? known->drafter : Drafter::own_layers;
  } else if (const std::string model = text_at(object, "model"); !model.empty() && s.drafter == Drafter::none) {
    s.drafter = drafter_called(model);
  }
  if (const auto parallel = object.find("parallel_drafting"); parallel != object.end() && *parallel == true) target.drafts_in_parallel = true;
  if (target.drafts_in_parallel && s.drafter == Drafter::model) s.drafter = Drafter::block;
  return {};
}

Result<void> plugin_params(Target& target, Text value) {
  RC_ASSIGN(object, object_of(value, R"({"plugin_type":"mtp","num_speculative_tokens":1})"));
  for (const Text type : split(text_at(object, "plugin_type"), ','))
    if (const Method* known = find_method(kMindie, trim(type))) target.settings.speculation.drafter = known->drafter;   // others are of caches and thinking
  return take_tokens(target, object, "num_speculative_tokens");
}

Result<void> speculative_algorithm(Target& target, Text value) {
  const Method* known = find_method(kSglang, value);
  if (!known) return unknown_method(kSglang, value);
  target.settings.speculation.drafter = known->drafter;
  return target.draft_model.empty() ? Result<void>{} : speculative_draft_model(target, target.draft_model);
}

Result<void> speculative_draft_model(Target& target, Text value) {
  target.draft_model = value;
  Speculation& s = target.settings.speculation;
  if (s.drafter == Drafter::own_layers && !names(value, {"nextn", "mtp"})) s.drafter = Drafter::head;
  return {};
}

Result<void> verified_tokens(Target& target, Text value) {
  RC_ASSIGN(tokens, whole_number(value, 2, 4096));
  target.settings.speculation.verified = static_cast<int>(tokens) - 1;
  return {};
}

Result<void> speculation_type(Target& target, Text value) {
  const Method* best = nullptr;
  for (const Text type : split(value, ',')) {
    const Method* known = find_method(kLlama, trim(type));
    if (!known) return unknown_method(kLlama, trim(type));
    if (!best || known < best) best = known;
  }
  if (best) target.settings.speculation.drafter = best->drafter;
  return {};
}

Result<void> drafting_model(Target& target, Text value) {
  if (target.settings.speculation.drafter == Drafter::none) target.settings.speculation.drafter = drafter_called(value);
  return {};
}

Result<void> own_layers(Target& target, Text) {
  target.settings.speculation.drafter = Drafter::own_layers;
  return {};
}

Result<void> drafted_tokens(Target& target, Text value) {
  RC_ASSIGN(tokens, whole_number(value, 1, 1024));
  target.settings.speculation.tokens = static_cast<int>(tokens);
  return {};
}

}  // namespace rigcast::placement::detail
