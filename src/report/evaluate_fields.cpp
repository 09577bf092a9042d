#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "report/answers.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

// Groups are named by a room that knows no language: "decode one", "all", "above 64k".
Phrase group_name(const std::string& group) {
  static const std::vector<std::pair<std::string, Phrase>> words = {
      {"decode", "decode"_say}, {"prefill", "prefill"_say}, {"serve", "many requests"_say}, {"one", "one device"_say}, {"several", "several devices"_say},
      {"cpu", "processor"_say}, {"offload", "part on the host"_say}, {"speculative", "with drafts"_say}, {"all", "all rows"_say}, {"none", "no estimate"_say},
      {"dense", "dense models"_say}, {"experts", "models with experts"_say}};
  const auto told = [&](std::string_view word) {
    const auto at = std::find_if(words.begin(), words.end(), [&](const auto& one) { return one.first == word; });
    return at == words.end() ? Phrase(std::string(word)) : at->second;
  };
  const auto pieces = split_words(group);
  if (pieces.size() == 1) return told(pieces[0]);
  if (pieces.size() == 2 && (pieces[0] == "decode" || pieces[0] == "prefill" || pieces[0] == "serve")) return fill("{0}, {1}"_say, {told(pieces[0]), told(pieces[1])});
  return group;
}

Value percent(double share) { return Number{share, Unit::percent}; }

Fields score_fields(const calibration::Score& s) {
  return {machine("group", s.group), {{}, "group"_say, group_name(s.group)},
          {"rows", "cases"_say, std::int64_t{s.rows}},
          {"predicted", "predicted"_say, std::int64_t{s.predicted}},
          {"median_error", "median error"_say, percent(s.median)},
          {"p90_error", "p90"_say, percent(s.p90)},
          {"bias", "bias"_say, percent(s.bias)},
          {"coverage", "in 80 % interval"_say, percent(s.coverage)}};
}

Rows score_rows(const std::vector<calibration::Score>& scores) {
  Rows rows;
  for (const auto& score : scores) rows.push_back(score_fields(score));
  return rows;
}

Fields prediction_fields(const calibration::Prediction& p) {
  Fields fields{machine("id", p.id)};
  if (p.predicted)
    fields.push_back(machine("predicted", Fields{machine("p10", Number{p.predicted->p10, Unit::none}), machine("p50", Number{p.predicted->p50, Unit::none}),
                                                 machine("p90", Number{p.predicted->p90, Unit::none})}));
  else
    fields.push_back(machine("predicted", std::monostate{}));
  fields.push_back(machine("actual", Number{p.actual, Unit::none}));
  fields.push_back(machine("error", p.predicted ? Value(Number{p.error(), Unit::none}) : Value(std::monostate{})));
  fields.push_back(machine("grade", p.predicted ? Value(std::string(cost::to_string(p.grade))) : Value(std::monostate{})));
  Fields groups;
  if (p.groups)
    for (const auto& [name, group] : *p.groups) groups.push_back(machine(name, group));
  if (!groups.empty()) fields.push_back(machine("groups", std::move(groups)));
  fields.push_back(machine("metric", p.metric));
  if (!p.reason.empty()) fields.push_back(machine("reason", Phrase(p.reason)));
  if (!p.excluded.empty()) fields.push_back(machine("excluded", Phrase(p.excluded)));
  return fields;
}

// Ours and the published formulas of others, on the rows that all of them predict.
Field peer_field(const std::vector<calibration::PeerScore>& peers) {
  Rows rows;
  for (const auto& p : peers)
    rows.push_back({{"name", "formula"_say, Phrase(p.name)}, machine("kind", p.kind), {{}, "models"_say, group_name(p.kind)}, {"same_rows", "same rows"_say, p.common},
                    {"rows", "cases"_say, std::int64_t{p.rows}}, {"median_error", "median error"_say, percent(p.median)}, {"p90_error", "p90"_say, percent(p.p90)},
                    {"bias", "bias"_say, percent(p.bias)}, machine("says", p.formula)});
  return list_field("peers", std::move(rows), Show::table);
}

Field own_field(const std::vector<calibration::OwnCheck>& checks) {
  Rows rows;
  for (const auto& c : checks)
    rows.push_back({machine("phase", c.phase), {{}, ""_say, group_name(c.phase)}, {"same_model", "same model"_say, c.same_model}, {"own_rows", "own rows"_say, std::int64_t{c.own_rows}},
                    {"rows", "cases"_say, std::int64_t{c.rows}}, {"median_before", "median before"_say, percent(c.median_before)}, {"median_after", "after"_say, percent(c.median_after)},
                    {"coverage_before", "in interval before"_say, percent(c.coverage_before)}, {"coverage_after", "after"_say, percent(c.coverage_after)}});
  return list_field("own_check", std::move(rows), Show::table);
}

Rows error_rows(const std::vector<Error>& errors) {
  Rows rows;
  for (const Error& error : errors) rows.push_back({machine("message", Phrase(to_text(error)))});
  return rows;
}

// The first of them as sentences.
Sentences unread_lines(const std::vector<Error>& unread) {
  constexpr std::size_t kShown = 5;
  Sentences list;
  for (std::size_t i = 0; i < std::min(kShown, unread.size()); ++i) list.push_back(to_text(unread[i]));
  if (unread.size() > kShown) list.push_back(fill("{0} more rows were not understood"_say, {std::to_string(unread.size() - kShown)}));
  return list;
}

Phrase ignored_columns(const std::vector<std::string>& names) { return fill("columns that nobody here knows are ignored: {0}"_say, {join(names, ", ")}); }

// Impossible rows each have figures of their own: one reason.
std::string reason_class(const std::string& reason) {
  if (!reason.starts_with("impossible: ")) return reason;
  return reason.find(" above the roofline ") != std::string::npos ? "impossible: faster than the roofline of what the row names" : "impossible: other conditions than printed";
}

// What rows are grouped by, in words that are translated.
Phrase grouping_name(const std::string& by) {
  static const std::array kNames = {"phase"_say,   "kind"_say,   "engine"_say, "backend"_say, "vendor"_say, "family"_say, "device"_say, "format"_say,
                                    "depth"_say,   "size"_say,   "devices"_say, "layout"_say, "moe"_say,    "grade"_say,  "source"_say, "model"_say};
  const auto found = std::find_if(kNames.begin(), kNames.end(), [&](const Phrase& each) { return each.text == by; });
  return found == kNames.end() ? Phrase(by) : *found;
}

Rows reason_rows(const std::map<std::string, std::int64_t>& counts, const Phrase& title) {
  Rows rows;
  for (const auto& [reason, count] : counts) rows.push_back({{"rows", "cases"_say, count}, {"reason", title, Phrase(reason)}});
  return rows;
}

// `rows`: of the predictions, where they are wanted.
Report scores_and(std::optional<MadeRows> rows, const app::EvaluateAnswer& answer) {
  Report report;
  for (const app::ScoreTable& table : answer.tables) {
    report.sections.push_back({table.by == "all" ? Phrase() : fill("By {0}"_say, {grouping_name(table.by)}), {list_field("by_" + table.by, score_rows(table.scores), Show::table)}});
  }
  report.sections.push_back({"Beside other formulas: decode of one stream on one device"_say, {peer_field(answer.peers)}});
  report.sections.push_back({"What own measurements would add"_say, {own_field(answer.own)}});
  std::map<std::string, std::int64_t> reasons, exclusions;
  for (const auto& p : answer.evaluation.rows) {
    if (!p.predicted) ++reasons[reason_class(p.reason)];
    else if (!p.excluded.empty()) ++exclusions[p.excluded];
  }
  Fields last;
  if (!reasons.empty()) last.push_back({"not_predicted", {}, reason_rows(reasons, "not predicted because"_say), Show::table});
  if (!exclusions.empty()) last.push_back({"excluded", {}, reason_rows(exclusions, "predicted, but not counted because"_say), Show::table});
  Sentences troubles = unread_lines(answer.unread);
  if (!answer.ignored.empty()) troubles.push_back(ignored_columns(answer.ignored));
  last.push_back(list_field("troubles", std::move(troubles), Show::warnings));
  last.push_back(machine("unread", error_rows(answer.unread)));
  last.push_back(machine("cross_validate", Phrase(answer.request.hold_out)));
  if (rows) last.push_back(machine("rows", std::move(*rows)));
  report.sections.push_back({"Rows"_say, std::move(last)});
  return report;
}

}  // namespace

Report fields(const app::EvaluateAnswer& answer) { return scores_and(std::nullopt, answer); }

Report fields(std::shared_ptr<const app::EvaluateAnswer> answer) {
  const app::EvaluateAnswer& all = *answer;
  return scores_and(MadeRows{all.evaluation.rows.size(), [answer = std::move(answer)](std::size_t i) { return prediction_fields(answer->evaluation.rows[i]); }}, all);
}

// Measured and predicted in one unit, by phase: what a table of thousands of rows cannot show.
Report page_fields(const app::EvaluateAnswer& answer) {
  Report report = fields(answer);
  const std::pair<const char*, Phrase> kPhases[] = {{"decode", "decode, tok/s"_say}, {"prefill", "prefill, tok/s"_say}, {"serve", "batched decode, tok/s"_say}};
  Section charts{{}, {people(Show::headline, "Predicted against measured"_say)}};
  for (const auto& [phase, title] : kPhases) {
    Rows points;
    for (const auto& p : answer.evaluation.rows) {
      if (p.predicted && p.metric == "tokens_per_second" && p.group("phase") == phase)
        points.push_back({{{}, "measured"_say, Number{p.actual, Unit::rough}}, {{}, "predicted"_say, Number{p.predicted->p50, Unit::rough}}});
    }
    if (!points.empty()) charts.fields.push_back({{}, title, std::move(points), Show::scatter});
  }
  report.sections.insert(report.sections.begin(), std::move(charts));
  return report;
}

Report fields(const app::CalibrateAnswer& answer) {
  return {{{{}, {{"observations", "observations"_say, static_cast<std::int64_t>(answer.observations)},
                 {"effects", "effects"_say, static_cast<std::int64_t>(answer.calibration.effects.size())},
                 {"newest", "newest observation"_say, Phrase(answer.calibration.date)},
                 {"folder", "written to"_say, Phrase(answer.folder.string())},
                 {"by_kind", {}, score_rows(answer.scores), Show::table},
                 list_field("troubles", unread_lines(answer.unread), Show::warnings),
                 machine("unread", error_rows(answer.unread))}}}};
}

namespace {
// What a person should know of an import: the first lines nobody understands, and what the log itself lacks.
Sentences import_troubles(const app::ObserveAnswer& answer) {
  Sentences list = unread_lines(answer.unread);
  const auto rows = [&](std::size_t count, const Phrase& one, const Phrase& many) { list.push_back(count == 1 ? one : fill(many, {std::to_string(count)})); };
  if (answer.without_device > 0) rows(answer.without_device, "one row names no device and is left out: say --device DEVICE"_say, "{0} rows name no device and are left out: say --device DEVICE"_say);
  if (answer.without_model > 0) rows(answer.without_model, "one row names no model; no estimate can use it: say --model MODEL"_say, "{0} rows name no model; no estimate can use them: say --model MODEL"_say);
  for (const calibration::DeviceDoubt& doubt : answer.doubts)
    list.push_back(fill("'{0}' may be any of {1}: taken as {2}; say --device with another if it is one"_say, {doubt.printed, join(doubt.versions, ", "), doubt.taken}));
  for (const auto& [reason, count] : answer.unusable)
    list.push_back(count == 1 ? fill("one row cannot be used: {0}"_say, {reason}) : fill("{0} rows cannot be used: {1}"_say, {std::to_string(count), reason}));
  if (!answer.ignored.empty()) list.push_back(ignored_columns(answer.ignored));
  if (answer.impossible > 0)
    rows(answer.impossible, "one of the rows is faster than the memory or the arithmetic of what it names: device, model, format or unit is wrong. It is kept, and no estimate uses it."_say,
         "{0} of the rows are faster than the memory or the arithmetic of what they name: device, model, format or unit is wrong. They are kept, and no estimate uses them."_say);
  if (answer.damaged > 0) rows(answer.damaged, "one line of the log cannot be read; it was left alone"_say, "{0} lines of the log cannot be read; they were left alone"_say);
  return list;
}
}  // namespace

Report fields(const app::ObserveAnswer& answer) {
  return {{{{}, {{"format", "format"_say, Phrase(answer.format)},
                 {"read", "rows read"_say, static_cast<std::int64_t>(answer.read)},
                 {"added", "added"_say, static_cast<std::int64_t>(answer.added)},
                 {"duplicates", "already there"_say, static_cast<std::int64_t>(answer.duplicates)},
                 {"log", "log"_say, Phrase(answer.log.string())},
                 machine("damaged", static_cast<std::int64_t>(answer.damaged)),
                 list_field("troubles", import_troubles(answer), Show::warnings),
                 machine("unread", error_rows(answer.unread))}}}};
}

}  // namespace rigcast::report
