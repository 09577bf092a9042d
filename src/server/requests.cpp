#include "server/requests.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "base/units.hpp"

namespace rigcast::server {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostTokens = std::int64_t{1} << 30, kMostSequences = std::int64_t{1} << 20, kMostSpeed = 1'000'000;
constexpr std::size_t kLongestSpec = 2000, kLongestFlags = 4000, kLongestName = 100;
constexpr std::size_t kMostModels = 12, kMostRigs = 24, kMostEngines = 8, kMostGroups = 16, kMostRows = 64;

Error wrong(const std::string& field, std::string message, std::string nearest = {}) {
  return {ErrorKind::input, std::move(message), {}, field, std::move(nearest)};
}
tl::unexpected<Error> refuse(const std::string& field, std::string message, std::string nearest = {}) {
  return tl::unexpected<Error>(wrong(field, std::move(message), std::move(nearest)));
}

// One JSON object whose members are taken one by one; the first fault is kept, and what is left over at the end is a fault too.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  std::string text(const char* name, std::size_t longest, bool required = false) {
    const Json* value = take(name);
    if (value == nullptr) {
      if (required) note(wrong(name, "is missing"));
      return {};
    }
    if (!value->is_string()) {
      note(wrong(name, "must be a text"));
      return {};
    }
    std::string text = value->get<std::string>();
    if (text.size() > longest) note(wrong(name, "is longer than " + std::to_string(longest) + " bytes"));
    else if (required && trim(text).empty()) note(wrong(name, "is empty"));
    else if (text.find('\0') != std::string::npos) note(wrong(name, "holds a zero byte"));
    return text;
  }

  std::vector<std::string> texts(const char* name, std::size_t longest, std::size_t least, std::size_t most) {
    const Json* value = take(name);
    std::vector<std::string> out;
    if (value == nullptr || !value->is_array()) {
      if (value != nullptr || least > 0) note(wrong(name, value == nullptr ? "is missing" : "must be an array of texts"));
      return out;
    }
    if (value->size() < least || value->size() > most) {
      note(wrong(name, "must hold " + std::to_string(least) + " to " + std::to_string(most) + " texts"));
      return out;
    }
    for (const Json& one : *value) {
      if (!one.is_string() || one.get_ref<const std::string&>().size() > longest || trim(one.get_ref<const std::string&>()).empty()) {
        note(wrong(name, "must hold texts of 1 to " + std::to_string(longest) + " bytes"));
        return out;
      }
      out.push_back(one.get<std::string>());
    }
    return out;
  }

  // A whole number, or a text as people write counts: "32k".
  std::int64_t count(const char* name, std::int64_t least, std::int64_t most, std::int64_t otherwise) {
    const Json* value = take(name);
    if (value == nullptr) return otherwise;
    double number = 0;
    if (value->is_number()) {
      number = value->get<double>();
    } else if (value->is_string()) {
      const auto parsed = parse_tokens(value->get_ref<const std::string&>());
      if (!parsed) {
        Error error = parsed.error();
        error.field = name;
        note(std::move(error));
        return otherwise;
      }
      number = static_cast<double>(*parsed);
    } else {
      note(wrong(name, "must be a count, like 8192 or \"32k\""));
      return otherwise;
    }
    if (number != std::floor(number) || number < static_cast<double>(least) || number > static_cast<double>(most)) {
      const auto nearest = static_cast<std::int64_t>(std::clamp(number, static_cast<double>(least), static_cast<double>(most)));
      note(wrong(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most), std::to_string(nearest)));
      return otherwise;
    }
    return static_cast<std::int64_t>(number);
  }

  // Above 0 and below 1, or a text that says so; 0 where it is absent.
  double share(const char* name) {
    const Json* value = take(name);
    if (value == nullptr) return 0;
    const auto number = value->is_number() ? std::optional(value->get<double>()) : value->is_string() ? parse_double(value->get_ref<const std::string&>()) : std::nullopt;
    if (number && *number > 0 && *number < 1) return *number;
    note(wrong(name, "must be a share above 0 and below 1", "0.85"));
    return 0;
  }

  bool has(const char* name) const {
    const auto found = object_.find(name);
    return found != object_.end() && !found->is_null();
  }

  bool flag(const char* name, bool otherwise) {
    const Json* value = take(name);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) note(wrong(name, "must be true or false"));
    return value->is_boolean() ? value->get<bool>() : otherwise;
  }

  // The member as JSON text; an empty object where it is absent.
  std::string object(const char* name) {
    const Json* value = take(name);
    if (value == nullptr) return "{}";
    if (!value->is_object()) note(wrong(name, "must be an object"));
    return value->dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  std::string language() {
    std::string name = text("lang", 20);
    if (name.empty()) return "en";
    if (auto known = check_language(name); !known) note(std::move(known.error()));
    return name;
  }

  Result<void> finish() {
    if (fault_) return tl::unexpected<Error>(*fault_);
    for (const auto& [name, value] : object_.items())
      if (std::find(taken_.begin(), taken_.end(), name) == taken_.end()) return refuse(name.substr(0, kLongestName), "no such member", nearest_name(name.substr(0, kLongestName), taken_));
    return {};
  }

  void note(Error error) {
    if (!fault_) fault_ = std::move(error);
  }

 private:
  const Json* take(const char* name) {
    taken_.emplace_back(name);
    return has(name) ? &*object_.find(name) : nullptr;
  }

  const Json& object_;
  std::vector<std::string> taken_;
  std::optional<Error> fault_;
};

// Deeper than any request is; the parser itself needs no stack.
constexpr int kDeepest = 8;

Result<Json> parse(std::string_view body) {
  bool too_deep = false;
  const auto callback = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  Json json = Json::parse(body, callback, false);
  if (too_deep) return refuse("", "the body is nested more deeply than any request is");
  if (json.is_discarded()) return refuse("", "the body is not JSON");
  if (!json.is_object()) return refuse("", "the body must be a JSON object");
  return json;
}

// What plan and compare ask alike.
template <class Asking>
void read_question(Members& members, Asking& request) {
  placement::Request& placement = request.placement;
  cost::Question& question = request.question;
  placement.backend = members.text("backend", kLongestName);
  placement.flags = members.text("flags", kLongestFlags);
  const std::int64_t context = members.count("context", 0, kMostTokens, 0);
  placement.context = context == 0 && members.has("context") ? app::kWholeContext : context;
  question.prompt = members.count("prompt", 1, kMostTokens, question.prompt);
  question.depth = members.count("depth", 0, kMostTokens, question.depth);
  question.sequences = members.count("sequences", 1, kMostSequences, question.sequences);
  question.acceptance = members.share("acceptance");
  question.engine_date = members.text("engine_date", kLongestName);
  if (const std::string objective = members.text("for", kLongestName); !objective.empty()) {
    if (auto parsed = placement::parse_objective(objective)) request.objective = *parsed;
    else members.note(wrong("for", parsed.error().message, parsed.error().nearest));
  }
  request.minimum_speed = static_cast<double>(members.count("at_least", 0, kMostSpeed, 0));
  request.own = members.flag("own", true);
}

}  // namespace

Result<void> check_language(const std::string& name) {
  if (name == "en" || name == "zh") return {};
  return refuse("lang", "there is no language '" + name.substr(0, kLongestName) + "'", name.starts_with("zh") ? "zh" : "en");
}

std::string language_of(std::string_view body) {
  const auto json = parse(body);
  if (!json) return {};
  const auto said = [](const Json& object) { return object.is_object() && object.contains("lang") && object["lang"].is_string() ? object["lang"].get<std::string>() : std::string(); };
  std::string own = said(*json);
  return own.empty() && json->contains("request") ? said((*json)["request"]) : own;
}

Result<Asked> read_plan_request(std::string_view body) {
  RC_ASSIGN(json, parse(body));
  Members members(json);
  Asked asked;
  asked.request.model = members.text("model", kLongestSpec, true);
  asked.request.rig = members.text("rig", kLongestSpec, true);
  asked.request.placement.engine = members.text("engine", kLongestName);
  read_question(members, asked.request);
  asked.language = members.language();
  RC_TRY(members.finish());
  return asked;
}

Result<AskedCompare> read_compare_request(std::string_view body) {
  RC_ASSIGN(json, parse(body));
  Members members(json);
  AskedCompare asked;
  asked.request.models = members.texts("models", kLongestSpec, 1, kMostModels);
  asked.request.rigs = members.texts("rigs", kLongestSpec, 1, kMostRigs);
  asked.request.engines = members.texts("engines", kLongestName, 0, kMostEngines);
  asked.request.placement.engine.clear();
  read_question(members, asked.request);
  asked.language = members.language();
  if (asked.request.models.size() * asked.request.rigs.size() * std::max<std::size_t>(1, asked.request.engines.size()) > kMostRows)
    members.note(wrong("rigs", "models x rigs x engines makes more than " + std::to_string(kMostRows) + " rows"));
  RC_TRY(members.finish());
  return asked;
}

Result<AskedReport> read_report_request(std::string_view body) {
  RC_ASSIGN(json, parse(body));
  Members members(json);
  AskedReport asked{members.text("verb", kLongestName, true), members.text("format", kLongestName, true), members.object("request")};
  RC_TRY(members.finish());
  RC_TRY(one_of(asked.verb, {"plan", "compare"}, "verb"));
  RC_TRY(one_of(asked.format, {"html", "markdown", "json", "text"}, "format"));
  return asked;
}

Result<AskedJob> read_job_request(std::string_view body) {
  RC_ASSIGN(json, parse(body));
  Members members(json);
  AskedJob asked{members.text("verb", kLongestName, true), members.object("request")};
  RC_TRY(members.finish());
  return asked;
}

Result<app::EvaluateRequest> read_evaluate_request(std::string_view body) {
  RC_ASSIGN(json, parse(body));
  Members members(json);
  app::EvaluateRequest asked;
  asked.hold_out = members.text("hold_out", kLongestName);
  asked.by = members.texts("by", kLongestName, 0, kMostGroups);
  if (asked.by.empty()) asked.by = {"kind"};
  members.language();
  RC_TRY(members.finish());
  return asked;
}

Result<std::string> one_of(std::string_view text, const std::vector<std::string>& choices, const char* field) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return std::string(text);
  const std::string nearest = nearest_name(text.substr(0, kLongestName), choices);
  return refuse(field, "must be one of " + join(choices, ", "), nearest.empty() ? choices.front() : nearest);
}

Result<app::ListRequest> read_list_request(const std::string& kind, const Request& request) {
  using catalog::Kind;
  static const std::vector<std::string> kNames = {"devices", "models", "engines", "processors", "hosts", "links", "quants"};
  constexpr Kind kKinds[] = {Kind::device, Kind::model, Kind::engine, Kind::processor, Kind::processor, Kind::link, Kind::quant};
  RC_ASSIGN(name, one_of(kind, kNames, "kind"));
  app::ListRequest asked;
  asked.kind = kKinds[std::find(kNames.begin(), kNames.end(), name) - kNames.begin()];
  asked.text = request.parameter("text").value_or("");
  asked.vendor = request.parameter("vendor").value_or("");
  asked.architecture = request.parameter("architecture").value_or("");
  for (const auto& [field, text] : {std::pair{"text", &asked.text}, {"vendor", &asked.vendor}, {"architecture", &asked.architecture}})
    if (text->size() > 2 * kLongestName) return refuse(field, "is longer than " + std::to_string(2 * kLongestName) + " bytes");
  if (const auto memory = request.parameter("memory"); memory && !memory->empty()) {
    auto bytes = app::read_least_memory(*memory);
    if (!bytes) {
      bytes.error().field = "memory";
      return tl::unexpected<Error>(bytes.error());
    }
    asked.memory_at_least = *bytes;
  }
  return asked;
}

Result<app::ShowRequest> read_show_request(const std::string& name, const Request& request) {
  using catalog::Kind;
  static const std::vector<std::string> kNames = {"device", "model", "engine", "processor", "link", "quant"};
  constexpr Kind kKinds[] = {Kind::device, Kind::model, Kind::engine, Kind::processor, Kind::link, Kind::quant};
  if (name.size() > 2 * kLongestName) return refuse("name", "is longer than any name");
  app::ShowRequest asked{name, {}};
  if (const auto kind = request.parameter("kind"); kind && !kind->empty()) {
    RC_ASSIGN(one, one_of(*kind, kNames, "kind"));
    asked.kind = kKinds[std::find(kNames.begin(), kNames.end(), one) - kNames.begin()];
  }
  return asked;
}

Result<app::SupportRequest> read_support_request(const std::string& device, const Request& request) {
  app::SupportRequest asked{device, request.parameter("about").value_or("")};
  if (device.size() > 2 * kLongestName) return refuse("device", "is longer than any name");
  if (asked.about.size() > 2 * kLongestName) return refuse("about", "is longer than any name");
  return asked;
}

}  // namespace rigcast::server
