#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/recipe.hpp"
#include "report/answers.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

Value texts(const std::vector<std::string>& all) { return Sentences(all.begin(), all.end()); }

Value rate(FlopRate value) { return value.value() > 0 ? Value(Number{value.value(), Unit::flop_rate}) : Value(std::monostate{}); }

// One cell of the matrix.
Phrase cell(const app::FormatSupport& format) {
  switch (format.support) {
    case app::Support::native: return "yes"_say;
    case app::Support::fallback: return format.runs_as;
    case app::Support::refused: return "no"_say;
    case app::Support::unread: return "-";
  }
  return "";
}

Rows format_rows(const app::BackendSupport& backend) {
  Rows rows;
  for (const app::FormatSupport& format : backend.formats)
    rows.push_back({machine("format", format.format), {"name", "format"_say, format.name},
                    {"bits_per_weight", "bits per weight"_say, Number{format.bits_per_weight, Unit::none}},
                    machine("group", format.group), machine("support", app::to_string(format.support)),
                    people(Show::row, cell(format)), {"runs_as", "computes in"_say, format.runs_as},
                    {"rate", "at"_say, rate(format.rate)}, machine("rules", texts(format.rules))});
  for (Fields& row : rows) row[5].label = "runs"_say;
  return rows;
}

bool runs(const app::EngineSupport& engine) { return !engine.backends.empty(); }

// Engines by formats, each on the backend it likes best. Formats that no engine reads here have no column.
Rows matrix(const std::vector<app::EngineSupport>& engines) {
  Rows rows;
  std::vector<bool> shown;
  for (const app::EngineSupport& engine : engines) {
    if (!runs(engine)) continue;
    const auto& formats = engine.backends.front().formats;
    shown.resize(formats.size(), false);
    for (std::size_t f = 0; f < formats.size(); ++f) shown[f] = shown[f] || formats[f].support != app::Support::unread;
  }
  for (const app::EngineSupport& engine : engines) {
    if (!runs(engine)) continue;
    Fields row{{{}, ""_say, engine.name}};
    const auto& formats = engine.backends.front().formats;
    for (std::size_t f = 0; f < formats.size(); ++f)
      if (shown[f]) row.push_back({{}, formats[f].name, cell(formats[f])});
    rows.push_back(std::move(row));
  }
  return rows;
}

Phrase limits(const app::EngineSupport& engine) {
  Phrase text = engine.version.empty() ? Phrase() : fill("as of {0}"_say, {engine.version});
  const auto add = [&](Phrase part) { text = text.empty() ? std::move(part) : fill("{0}, {1}"_say, {std::move(text), std::move(part)}); };
  if (!engine.since.empty()) add(fill("from {0}"_say, {engine.since}));
  if (!engine.until.empty()) add(fill("up to {0}"_say, {engine.until}));
  return text;
}

std::string backend_names(const app::EngineSupport& engine) {
  std::vector<std::string> names;
  for (const app::BackendSupport& backend : engine.backends) names.push_back(backend.backend);
  return join(names, ", ");
}

Rows engine_rows(const std::vector<app::EngineSupport>& engines) {
  Rows rows;
  for (const app::EngineSupport& engine : engines) {
    Rows backends;
    for (const app::BackendSupport& backend : engine.backends)
      backends.push_back({machine("backend", backend.backend), machine("formats", format_rows(backend))});
    rows.push_back({machine("key", engine.key), machine("name", engine.name), machine("version", engine.version), machine("runs", runs(engine)),
                    machine("why", Phrase(engine.why)), machine("since", engine.since), machine("until", engine.until),
                    machine("backends", std::move(backends)), machine("rules", texts(engine.rules))});
  }
  return rows;
}

Rows backend_rows(const std::vector<app::EngineSupport>& engines) {
  Rows rows;
  for (const app::EngineSupport& engine : engines)
    if (runs(engine)) rows.push_back({{{}, ""_say, engine.name}, {{}, "backends"_say, backend_names(engine)}, {{}, "versions"_say, limits(engine)}});
  return rows;
}

// "MindIE has no backend ..." names it already.
Phrase named(const std::string& name, Phrase why) {
  return why.text.starts_with(name + ' ') ? why : fill("{0}: {1}"_say, {name, std::move(why)});
}

// Engines that have no backend for the card are told in one line.
Phrase without_backend(const std::vector<app::EngineSupport>& engines) {
  std::vector<std::string> elsewhere;
  for (const app::EngineSupport& engine : engines)
    if (!runs(engine) && engine.why.empty()) elsewhere.push_back(engine.name);
  return elsewhere.empty() ? Phrase() : fill("no backend known here: {0}"_say, {join(elsewhere, ", ")});
}

Rows refused_rows(const std::vector<app::EngineSupport>& engines) {
  Rows rows;
  if (Phrase elsewhere = without_backend(engines); !elsewhere.empty()) rows.push_back({{{}, {}, std::move(elsewhere), Show::sentence}});
  for (const app::EngineSupport& engine : engines)
    if (!runs(engine) && !engine.why.empty()) rows.push_back({{{}, {}, named(engine.name, Phrase(engine.why)), Show::sentence}});
  return rows;
}

Phrase verdict_phrase(const std::string& verdict) {
  if (verdict == "depends") return "(It depends.)"_say;
  if (verdict == "false") return "(As people repeat it, false.)"_say;
  return {};
}

Rows rule_rows(const std::vector<catalog::Rule>& rules) {
  Rows rows;
  for (const catalog::Rule& rule : rules) {
    Fields row{machine("id", rule.key), machine("effect", catalog::to_string(rule.effect)), {"text", {}, Phrase(rule.text), Show::sentence}};
    if (const Phrase verdict = verdict_phrase(rule.verdict); !verdict.empty()) row.push_back(people(Show::sentence, verdict));
    row.push_back(machine("verdict", rule.verdict));
    row.push_back(machine("runs_as", rule.runs_as));
    row.push_back(machine("since", rule.since));
    row.push_back(machine("until", rule.until));
    row.push_back({"source", {}, Phrase(rule.source.text + " (" + rule.source.date + ")"), Show::source});
    rows.push_back(std::move(row));
  }
  return rows;
}

Value speed(const cost::Interval& value) { return value.p50 > 0 ? Value(Number{value.p50, Unit::token_rate}) : Value(std::monostate{}); }

Rows model_rows(const app::SupportAnswer& answer) {
  Rows rows;
  for (const app::ModelSupport& model : answer.models)
    if (model.runs)
      rows.push_back({machine("engine", model.key), {"name", ""_say, model.name}, machine("quant", model.quant), {{}, "as"_say, model::shown_format(model.quant)},
                      {"weights_bytes", "weights"_say, Number{model.weights.value(), Unit::bytes}}, {"backend", "on"_say, model.backend},
                      {"decode", "decode"_say, speed(model.decode)}, {"prefill", "prefill"_say, speed(model.prefill)},
                      machine("model", model.model), machine("launch", model.launch)});
  return rows;
}

Phrase why_not(const app::ModelSupport& model) {
  if (model.missing > Bytes{}) return fill("short of {0} even as {1}"_say, {print_gib(model.missing), model::shown_format(model.quant)});
  return model.why.empty() ? "no format of it that this engine reads is known"_say : Phrase(model.why);
}

Rows cannot_rows(const app::SupportAnswer& answer) {
  Rows rows;
  for (const app::ModelSupport& model : answer.models)
    if (!model.runs)
      rows.push_back({machine("engine", model.key), machine("why", why_not(model)), machine("missing_bytes", Number{model.missing.value(), Unit::bytes})});
  return rows;
}

// The same for people.
Sentences cannot(const app::SupportAnswer& answer) {
  Sentences all;
  if (Phrase elsewhere = without_backend(answer.engines); !elsewhere.empty()) all.push_back(std::move(elsewhere));
  for (const app::ModelSupport& model : answer.models) {
    const auto engine = std::find_if(answer.engines.begin(), answer.engines.end(), [&](const app::EngineSupport& each) { return each.key == model.key; });
    const bool told = engine != answer.engines.end() && !runs(*engine) && engine->why.empty();
    if (!model.runs && !told) all.push_back(named(model.name, why_not(model)));
  }
  return all;
}

std::vector<Section> model_sections(const app::SupportAnswer& answer) {
  Rows rows = model_rows(answer);
  Section how{"Which engines run it, and how"_say, {}};
  if (rows.empty()) how.fields.push_back(people(Show::bad, "None."_say));
  const std::string next = rows.empty() ? std::string() : "rigcast plan " + shell_quoted(answer.models.front().model) + " --on " + answer.device.key + " -e " + answer.models.front().key;
  how.fields.push_back(list_field("models", std::move(rows), Show::table));
  if (!next.empty())
    how.fields.push_back(people(Show::sentence, answer.serves_first ? "Formats may differ: on such cards engines that serve many stand first, and of these what is fast for the bits it keeps."_say
                                                                    : "Formats may differ: in front stands what is fast for the bits it keeps."_say));
  if (!next.empty()) how.fields.push_back(people(Show::code, next));
  return {std::move(how), {"Which do not"_say, {machine("models_refused", cannot_rows(answer)), list_field({}, cannot(answer), Show::bullets)}}};
}

// One engine in full: every backend, every format with its arithmetic.
std::vector<Section> engine_sections(const app::EngineSupport& engine) {
  std::vector<Section> sections;
  for (const app::BackendSupport& backend : engine.backends) {
    Rows rows = format_rows(backend);
    std::erase_if(rows, [&](const Fields& row) { return std::get<std::string>(row[4].value) == "unread"; });
    sections.push_back({fill("{0} on {1}"_say, {engine.name, backend.backend}), {people(Show::table, std::move(rows))}});
  }
  return sections;
}

}  // namespace

Report fields(const app::SupportAnswer& answer) {
  const catalog::Device& device = answer.device;
  Report report;
  const std::string runs = device.runs.empty() ? "?" : join(device.runs, ", ");
  const Phrase what = device.capability.empty() ? fill("{0}, {1}; runs on {2}"_say, {device.vendor, device.architecture, runs})
                                                : fill("{0}, {1}, capability {2}; runs on {3}"_say, {device.vendor, device.architecture, device.capability, runs});
  report.sections.push_back({{}, {people(Show::headline, device.name), people(Show::sentence, what),
                                  machine("device", Fields{machine("key", device.key), machine("name", device.name), machine("vendor", device.vendor),
                                                           machine("architecture", device.architecture), machine("capability", device.capability),
                                                           machine("runs", texts(device.runs))}),
                                  machine("engine", answer.engine.value_or("")), machine("engines", engine_rows(answer.engines))}});
  if (!answer.models.empty()) {
    for (Section& section : model_sections(answer)) report.sections.push_back(std::move(section));
  } else {
    report.sections.push_back({{}, {machine("models", Rows{}), machine("models_refused", Rows{})}});
    if (answer.engine) {
      for (Section& section : engine_sections(answer.engines.front())) report.sections.push_back(std::move(section));
    } else {
      Rows rows = matrix(answer.engines);
      if (!rows.empty())
        report.sections.push_back({"What engines do with each format"_say,
                                   {list_field({}, std::move(rows), Show::table), people(Show::sentence, "yes: computes as meant; a format: falls back to it; no: refused; -: not read."_say)}});
    }
    report.sections.push_back({"Backends and versions"_say, {list_field({}, backend_rows(answer.engines), Show::table)}});
    report.sections.push_back({"Not on this card"_say, {list_field({}, refused_rows(answer.engines), Show::bullets)}});
    // What runs there instead, where nothing that was asked about does: forks and images of the maker's.
    const bool none = std::all_of(answer.engines.begin(), answer.engines.end(), [](const app::EngineSupport& engine) { return engine.backends.empty(); });
    report.sections.push_back({"Software"_say, {list_field({}, none ? Sentences(device.software_notes.begin(), device.software_notes.end()) : Sentences{}, Show::bullets)}});
  }
  report.sections.push_back({"Mind"_say, {list_field("rules", rule_rows(answer.rules), answer.models.empty() ? Show::warnings : Show::machine)}});
  report.sections.push_back({"With several of them"_say, {list_field("several", rule_rows(answer.several), answer.models.empty() ? Show::warnings : Show::machine)}});
  return report;
}

}  // namespace rigcast::report
