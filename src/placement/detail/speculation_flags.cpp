#include "placement/detail/speculation_flags.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace rigcast::placement::detail {
namespace {

using Target = FlagTarget;
using Text = std::string_view;
using nlohmann::json;

// Names of methods, each of which drafter_called() knows but where a comment says what it is; of "none" it knows that nothing drafts.
// vllm/config/speculative.py; beside these every "..._mtp" of one family is the model's own.
constexpr Text kVllmMethods[] = {"mtp", "eagle", "eagle3", "medusa", "mlp_speculator", "draft_model", "dflash", "dspark", "ngram", "ngram_gpu", "suffix"};
// SGLang's --speculative-algorithm; EAGLE without a draft model of its own reads the model's own layers.
constexpr Text kSglangMethods[] = {"EAGLE", "EAGLE3", "NEXTN", "STANDALONE", "DFLASH", "NGRAM"};
// llama-server --help of build 11669, what drafts more before what drafts less: of several named, the first. ik_llama.cpp says "mtp".
constexpr Text kLlamaMethods[] = {"draft-dflash", "draft-dspark", "draft-mtp", "mtp", "draft-eagle3", "draft-simple", "ngram-simple", "ngram-map-k", "ngram-map-k4v", "ngram-mod", "ngram-cache", "none"};
// ik_llama.cpp's own, likewise ordered (its common/common.cpp and pull request 1908).
constexpr Text kIkMethods[] = {"dflash", "dspark", "mtp", "draft", "suffix", "ngram-simple", "ngram-map-k", "ngram-map-k4v", "ngram-mod", "ngram-cache", "none"};
// "la" looks ahead in earlier text.
constexpr Text kMindieMethods[] = {"mtp", "la", "memory_decoding"};

template <std::size_t n>
const Text* find_method(const Text (&methods)[n], Text name) {
  const auto found = std::find_if(std::begin(methods), std::end(methods), [&](Text each) { return equal_ignoring_case(each, name); });
  return found == std::end(methods) ? nullptr : found;
}

template <std::size_t n>
tl::unexpected<Error> unknown_method(const Text (&methods)[n], Text name) {
  const std::vector<std::string> names(std::begin(methods), std::end(methods));
  return fail(ErrorKind::input, "does not know '" + std::string(name) + "': it takes " + join(names, ", "), Where{}, std::string(), nearest_name(name, names));
}

// What a model that drafts is by its own name, whatever folder it lies in, where nothing else says so; vLLM looks at its config.
Drafter drafter_of_model(Text model) { return drafter_called(model.substr(model.find_last_of("/\\") + 1)).value_or(Drafter::model); }

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
  const std::string method = text_at(object, "method"), model = text_at(object, "model");
  if (!model.empty()) target.draft_model = model;
  if (!method.empty()) {
    if (!find_method(kVllmMethods, method) && !method.ends_with("_mtp")) return unknown_method(kVllmMethods, method);
    s.drafter = *drafter_called(method);
  } else if (!model.empty() && s.drafter == Drafter::none) {
    s.drafter = drafter_of_model(model);
  }
  if (const auto parallel = object.find("parallel_drafting"); parallel != object.end() && *parallel == true) target.drafts_in_parallel = true;
  if (target.drafts_in_parallel && s.drafter == Drafter::model) s.drafter = Drafter::block;
  return {};
}

Result<void> plugin_params(Target& target, Text value) {
  RC_ASSIGN(object, object_of(value, R"({"plugin_type":"mtp","num_speculative_tokens":1})"));
  for (const Text type : split(text_at(object, "plugin_type"), ','))
    if (find_method(kMindieMethods, trim(type))) target.settings.speculation.drafter = drafter_called(type).value_or(Drafter::lookup);   // others are of caches and thinking
  return take_tokens(target, object, "num_speculative_tokens");
}

Result<void> speculative_algorithm(Target& target, Text value) {
  const Text* known = find_method(kSglangMethods, value);
  if (!known) return unknown_method(kSglangMethods, value);
  target.settings.speculation.drafter = *known == "EAGLE" ? Drafter::own_layers : *drafter_called(*known);
  return target.draft_model.empty() ? Result<void>{} : speculative_draft_model(target, target.draft_model);
}

Result<void> speculative_draft_model(Target& target, Text value) {
  target.draft_model = value;
  Speculation& s = target.settings.speculation;
  if (s.drafter == Drafter::own_layers && drafter_called(value) != Drafter::own_layers) s.drafter = Drafter::head;
  return {};
}

Result<void> verified_tokens(Target& target, Text value) {
  RC_ASSIGN(tokens, whole_number(value, 2, 4096));
  target.settings.speculation.verified = static_cast<int>(tokens) - 1;
  return {};
}

// ik_llama.cpp writes what it drafts so: "mtp:n_max=4,p_min=0.0" (its pull request 1908).
Result<void> speculation_stage(Target& target, Text value) {
  const std::size_t colon = value.find(':');
  const Text type = trim(value.substr(0, colon));
  const Text* known = find_method(kIkMethods, type);
  if (!known) return find_method(kLlamaMethods, type) ? speculation_type(target, type) : unknown_method(kIkMethods, type);
  target.settings.speculation.drafter = *known == "draft" ? Drafter::model : drafter_called(*known).value_or(Drafter::none);
  if (colon == Text::npos) return {};
  for (const Text setting : split(value.substr(colon + 1), ',')) {
    const std::size_t equals = setting.find('=');
    if (equals == Text::npos || trim(setting).empty())
      return fail(ErrorKind::input, "takes a type and its settings, as mtp:n_max=4,p_min=0.0, not '" + std::string(value) + "'", Where{}, std::string(), std::string(type) + ":n_max=4");
    if (trim(setting.substr(0, equals)) == "n_max") RC_TRY(drafted_tokens(target, trim(setting.substr(equals + 1))));
  }
  return {};
}

Result<void> speculation_type(Target& target, Text value) {
  const Text* best = nullptr;
  for (const Text type : split(value, ',')) {
    const Text* known = find_method(kLlamaMethods, trim(type));
    if (!known) return unknown_method(kLlamaMethods, trim(type));
    if (!best || known < best) best = known;
  }
  if (best) target.settings.speculation.drafter = drafter_called(*best).value_or(Drafter::none);
  return {};
}

Result<void> drafting_model(Target& target, Text value) {
  target.draft_model = value;
  if (target.settings.speculation.drafter == Drafter::none) target.settings.speculation.drafter = drafter_of_model(value);
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
