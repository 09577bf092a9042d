#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "base/units.hpp"
#include "placement/rules.hpp"
#include "model/recipe.hpp"
#include "report/answers.hpp"
#include "report/detail/advice.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

Fields flattened(const Report& report) {
  Fields all;
  for (const Section& section : report.sections)
    for (const Field& field : section.fields)
      if (!field.id.empty()) all.push_back(field);
  return all;
}

// The engine that was named, or taken where none was.
std::string engine_key(const app::Compared& row) { return row.answer ? row.answer->placement.engine : row.request.placement.engine; }

// What all rows that have an answer agree on; empty: they differ.
template <class Of>
std::string common(const app::CompareAnswer& answer, Of of) {
  std::set<std::string> names;
  for (const app::Compared& row : answer.rows)
    if (row.answer) names.insert(of(*row.answer));
  return names.size() == 1 ? *names.begin() : std::string();
}
std::string common_engine(const app::CompareAnswer& answer) {
  return common(answer, [](const app::PlanAnswer& one) { return one.engine.name; });
}
std::string common_quant(const app::CompareAnswer& answer) {
  return common(answer, [](const app::PlanAnswer& one) { return one.architecture->quant; });
}

// Whether nobody named the format of a row.
bool assumes_quant(const app::CompareAnswer& answer) {
  return std::any_of(answer.rows.begin(), answer.rows.end(), [](const app::Compared& one) { return one.answer && one.answer->assumed_quant; });
}

bool names_no_format(const app::Compared& row) { return row.request.model.find(':') == std::string::npos; }

// What sets this row apart from the others: the parts of the question that were given more than once, and the format where nobody named it.
std::string row_name(const app::CompareAnswer& answer, const app::Compared& row) {
  const app::CompareRequest& request = answer.request;
  std::string name;
  const auto add = [&](bool differs, const std::string& part) {
    if (differs && !part.empty()) name += (name.empty() ? "" : ", ") + part;
  };
  add(request.models.size() > 1, row.request.model);
  add(request.rigs.size() > 1, row.request.rig);
  add(request.engines.size() > 1 || common_engine(answer).empty(), engine_key(row));
  add(row.answer && names_no_format(row) && assumes_quant(answer) && (common_quant(answer).empty() || request.engines.size() > 1), row.answer ? model::shown_format(row.answer->architecture->quant) : std::string());
  return name.empty() ? row.request.rig : name;
}

Value range_or_nothing(const app::Compared& row, cost::Estimate cost::Speed::*which, Unit unit) {
  if (!row.answer || !row.answer->speed) return std::monostate{};
  return Range{((*row.answer->speed).*which).value, unit};
}

Phrase likely(const app::Compared& row, cost::Estimate cost::Speed::*which, Unit unit = Unit::rough) {
  if (!row.answer || !row.answer->speed) return "-";
  return print(Number{((*row.answer->speed).*which).value.p50, unit});
}

Phrase likely_when_full(const app::Compared& row) {
  if (!row.answer || !row.answer->decode_whole) return "-";
  return print(Number{row.answer->decode_whole->value.p50, Unit::rough});
}

Phrase likely_energy(const app::Compared& row) {
  if (!row.answer || !row.answer->speed || !row.answer->speed->energy) return "-";
  return print(Number{row.answer->speed->energy->value.p50, Unit::rough});
}

Phrase interval(const app::Compared& row) {
  if (!row.answer || !row.answer->speed) return "";
  return print_interval({row.answer->speed->decode.value, Unit::rough});
}

std::string memory_used(const app::Compared& row) {
  if (!row.answer) return "-";
  Bytes used{}, capacity{};
  for (const auto& share : row.answer->placement.devices) {
    used += share.memory.total();
    capacity += share.capacity;
  }
  if (row.answer->placement.devices.empty()) {
    used = row.answer->placement.host.total();
    capacity = row.answer->placement.host_capacity;
  }
  return format_number(used / Bytes(kGiB), 1) + "/" + format_number(capacity / Bytes(kGiB), 0);
}

std::int64_t cards(const app::Compared& row) { return row.answer ? rig::cards_of(row.answer->rig) : 0; }
std::int64_t cards_used(const app::Compared& row) { return row.answer ? report::cards_used(*row.answer) : 0; }

// Where every row uses all of its cards there is nothing to say.
bool tells_cards(const app::CompareAnswer& answer) {
  return std::any_of(answer.rows.begin(), answer.rows.end(), [](const app::Compared& row) { return cards(row) > 1 && cards_used(row) < cards(row); });
}

std::string cards_word(const app::Compared& row) { return row.answer ? std::to_string(cards_used(row)) + "/" + std::to_string(cards(row)) : "-"; }

// How many streams the speeds are of, where any row is of several.
bool tells_streams(const app::CompareAnswer& answer) {
  return std::any_of(answer.rows.begin(), answer.rows.end(), [](const app::Compared& row) { return row.answer && row.answer->speed && row.answer->at_once > 1; });
}

// 80 columns do not hold it beside both of these.
bool tells_memory(const app::CompareAnswer& answer) { return !tells_streams(answer) || !tells_cards(answer); }

// Beside streams a full context is one of fewer of them.
bool tells_full(const app::CompareAnswer& answer) { return !tells_streams(answer); }

std::string streams_word(const app::Compared& row) { return row.answer && row.answer->speed ? format_grouped(row.answer->at_once) : "-"; }

// A host that nobody named: its processor's name tells its memory, too.
Phrase assumed_name(const rig::Host& host) {
  const std::string& name = host.processor ? host.processor->name : host.name;
  return host.sockets > 1 ? fill("{0} x {1}"_say, {std::to_string(host.sockets), name}) : Phrase(name);
}

Value host_value(const app::Compared& row) {
  if (!row.answer || row.answer->rig.hosts.empty()) return std::monostate{};
  const rig::Host& host = row.answer->rig.hosts.front();
  return Fields{machine("name", host.unnamed ? assumed_name(host) : Phrase(host_name(host))), machine("memory_bytes", Number{host.memory.value(), Unit::bytes}), machine("assumed", host.unnamed)};
}

// Whether it fits, and where part of it lies on the host or all of it runs there: which.
Phrase fits_word(const app::Compared& row) {
  if (!row.answer || !row.answer->placement.fits) return "no"_say;
  if (row.answer->too_slow) return "too slow"_say;
  if (row.answer->placement.mode == placement::Mode::cpu) return "CPU"_say;
  return placement::all_on_devices(*row.answer->architecture, row.answer->placement) ? "yes"_say : "host"_say;
}

// What the words say that are used, and what the speeds are with.
Sentences fits_legend(const app::CompareAnswer& answer) {
  bool host = false, processor = false;
  for (const app::Compared& row : answer.rows) {
    const std::string word = fits_word(row).text;
    host = host || word == "host";
    processor = processor || word == "CPU";
  }
  Sentences legend;
  if (host) legend.push_back("host: it fits with some of its layers, experts or cache in the host's memory."_say);
  if (processor) legend.push_back("CPU: it fits in the host's memory, and the processor runs all of it."_say);
  const bool drafts = std::any_of(answer.rows.begin(), answer.rows.end(), [](const app::Compared& row) { return row.answer && app::counts_drafts(*row.answer); });
  if (drafts) legend.push_back("With the drafts that the flags ask for; plan tells each speed without them."_say);
  return legend;
}

// What the numbers of the table are.
Phrase table_legend(const app::CompareAnswer& answer) {
  if (!tells_memory(answer)) return "Writing (decode) and reading (prefill) in tok/s."_say;
  if (!tells_full(answer)) return "Memory in GiB, used / usable; writing (decode) and reading (prefill) in tok/s."_say;
  return "Memory in GiB, used / usable; writing (decode; full: once the context is) and reading (prefill) in tok/s."_say;
}

// Where it runs, for programs.
Value where_it_runs(const app::Compared& row) {
  if (!row.answer || !row.answer->placement.fits) return std::monostate{};
  if (row.answer->placement.mode == placement::Mode::cpu) return std::string("processor");
  return std::string(placement::all_on_devices(*row.answer->architecture, row.answer->placement) ? "cards" : "host");
}

// Why a row has no place or no speed; empty: it has both.
Phrase reason(const app::Compared& row) {
  if (!row.answer && row.answer.error().nearest.empty()) return row.answer.error().message;
  if (!row.answer) return fill("{0} (nearest: {1})"_say, {Phrase(row.answer.error().message), row.answer.error().nearest});
  if (!row.answer->placement.fits) return shortfall(*row.answer);
  if (!row.answer->speed) return row.answer->no_speed.message;
  if (row.answer->too_slow) return fill("nothing reaches the {0} asked for"_say, {print(Number{row.request.minimum_speed, Unit::token_rate})});
  return {};
}

Fields table_row(const app::CompareAnswer& answer, const app::Compared& row) {
  const bool fits = row.answer && row.answer->placement.fits;
  return {{"name", ""_say, row_name(answer, row), Show::row},
          machine("model", row.request.model),
          machine("rig", row.request.rig),
          machine("engine", engine_key(row)),
          machine("fits", fits),
          machine("cards", cards(row)),
          machine("cards_used", cards_used(row)),
          machine("host", host_value(row)),
          {{}, "fits"_say, fits_word(row), Show::row},
          {{}, "use"_say, cards_word(row), tells_cards(answer) ? Show::row : Show::machine},
          {{}, "memory"_say, memory_used(row), tells_memory(answer) ? Show::row : Show::machine},
          {{}, "streams"_say, streams_word(row), tells_streams(answer) ? Show::row : Show::machine},
          {{}, "writes"_say, likely(row, &cost::Speed::decode), Show::row},
          {{}, "8 of 10 in"_say, interval(row), Show::row},
          {{}, "full"_say, likely_when_full(row), tells_full(answer) ? Show::row : Show::machine},
          {{}, "reads"_say, likely(row, &cost::Speed::prefill), Show::row},
          {{}, "TTFT"_say, likely(row, &cost::Speed::ttft, Unit::seconds), Show::row},
          {{}, "J/token"_say, likely_energy(row), Show::row},
          machine("decode", range_or_nothing(row, &cost::Speed::decode, Unit::token_rate)),
          machine("prefill", range_or_nothing(row, &cost::Speed::prefill, Unit::token_rate)),
          machine("ttft", range_or_nothing(row, &cost::Speed::ttft, Unit::seconds)),
          machine("error", row.answer ? Value(std::monostate{}) : Value(Phrase(row.answer.error().message))),
          machine("runs_on", where_it_runs(row)),
          machine("why_not", reason(row).empty() ? Value(std::monostate{}) : Value(reason(row))),
          machine("plan", row.answer ? Value(flattened(report::fields(*row.answer))) : Value(std::monostate{}))};
}

Phrase headline(const app::CompareRequest& request) {
  std::vector<Phrase> constant;
  if (request.models.size() == 1) constant.push_back(request.models.front());
  if (request.rigs.size() == 1) constant.push_back(request.rigs.front());
  if (constant.size() == 2) return fill("{0} on {1}, compared"_say, {constant[0], constant[1]});
  return constant.empty() ? "Compared"_say : fill("{0}, compared"_say, {constant[0]});
}

Sentences reasons(const app::CompareAnswer& answer) {
  Sentences all;
  for (const app::Compared& row : answer.rows)
    if (Phrase why = reason(row); !why.empty()) all.push_back(fill("{0}: {1}"_say, {row_name(answer, row), std::move(why)}));
  return all;
}

// A context that a model does not hold: the one caveat that takes the answer's ground away. What else is to mind, plan says.
Sentences warnings(const app::CompareAnswer& answer) {
  std::vector<std::pair<std::string, std::string>> said;   // model, text
  for (const app::Compared& row : answer.rows) {
    if (!row.answer) continue;
    for (const auto& caveat : row.answer->placement.caveats)
      if (const std::pair one{row.request.model, caveat.text}; caveat.id == "context-beyond-model" && std::find(said.begin(), said.end(), one) == said.end()) said.push_back(one);
  }
  Sentences all;
  for (const auto& [model, text] : said) all.push_back(answer.request.models.size() > 1 ? fill("{0}: {1}"_say, {model, Phrase(text)}) : Phrase(text));
  return all;
}

// Ways that are faster and not proposed: what the engine's authors do not vouch for, or what leans on a host that nobody named.
Sentences faster_ways(const app::CompareAnswer& answer) {
  constexpr double kWorthSaying = 1.05;
  Sentences all;
  for (const app::Compared& row : answer.rows) {
    if (!row.answer || !row.answer->speed) continue;
    const auto over_context = [](const app::Alternative& one) { return placement::decode_over_context({one.decode, 0, one.full}); };
    const auto& ways = row.answer->alternatives;
    const auto best = std::max_element(ways.begin(), ways.end(), [&](const auto& a, const auto& b) { return over_context(a) < over_context(b); });
    const double now = row.answer->speed->decode.value.p50, full = row.answer->decode_whole ? row.answer->decode_whole->value.p50 : now;
    if (best == ways.end() || over_context(*best) < kWorthSaying * placement::decode_over_context({now, 0, full})) continue;
    all.push_back(fill("{0}: {1}, {2}"_say, {row_name(answer, row), Phrase(best->kind), print(Number{best->decode, Unit::token_rate})}));
  }
  return all;
}

// What each row's own plan says is faster: another backend, engine or format.
Sentences faster_elsewhere(const app::CompareAnswer& answer) {
  Sentences all;
  for (const app::Compared& row : answer.rows)
    if (row.answer)
      for (Phrase& way : what_is_faster(*row.answer)) all.push_back(fill("{0}: {1}"_say, {row_name(answer, row), std::move(way)}));
  return all;
}

// Hosts that nobody named, where the rows do not have the same.
Sentences assumed_hosts(const app::CompareAnswer& answer) {
  std::set<std::pair<std::string, double>> hosts;
  struct Assumed { std::string key; Phrase name; std::string memory; std::vector<std::string> rigs; };   // rigs: as asked
  std::vector<Assumed> assumed;
  for (const app::Compared& row : answer.rows) {
    if (!row.answer || row.answer->rig.hosts.empty()) continue;
    const rig::Host& host = row.answer->rig.hosts.front();
    hosts.insert({host_name(host), host.memory.value()});
    if (!host.unnamed) continue;
    const Assumed one{host_name(host), assumed_name(host), print_gib(host.memory), {}};
    auto same = std::find_if(assumed.begin(), assumed.end(), [&](const Assumed& each) { return each.key == one.key && each.memory == one.memory; });
    if (same == assumed.end()) same = assumed.insert(assumed.end(), one);
    if (std::find(same->rigs.begin(), same->rigs.end(), row.request.rig) == same->rigs.end()) same->rigs.push_back(row.request.rig);
  }
  Sentences all;
  if (hosts.size() < 2) return all;
  for (const Assumed& one : assumed) all.push_back(fill("{0}: {1}, {2}"_say, {join(one.rigs, ", "), one.name, one.memory}));
  if (!all.empty()) all.push_back("say host= for the same in every row: what the cards do not hold runs there"_say);
  return all;
}

// Rows that the user's own measurements moved.
Sentences own_notes(const app::CompareAnswer& answer) {
  Sentences all;
  for (const app::Compared& row : answer.rows) {
    if (!row.answer || !row.answer->speed || row.answer->own.decode.rows == 0) continue;
    const cost::OwnEffect& own = row.answer->own.decode;
    all.push_back(fill("{0}: {1} own measurements say {2}x; decode is moved by {3}x (--no-own: not)"_say,
                       {row_name(answer, row), std::to_string(own.rows), format_number(own.says, 2), format_number(own.applied, 2)}));
  }
  return all;
}

Phrase verdict(const app::CompareAnswer& answer) {
  if (answer.fastest < 0) return "None of them can be given a speed."_say;
  const app::Compared& best = answer.rows[static_cast<std::size_t>(answer.fastest)];
  const Phrase speed = likely(best, &cost::Speed::decode, Unit::token_rate);
  if (best.answer->too_slow)
    return fill("Nothing here reaches the {0} asked for. Fastest writer: {1}, {2}."_say, {print(Number{best.request.minimum_speed, Unit::token_rate}), row_name(answer, best), speed});
  if (!tells_full(answer) || !slows_when_full(*best.answer)) return fill("Fastest writer: {0}, {1}."_say, {row_name(answer, best), speed});
  return fill("Fastest writer: {0}, {1} ({2} once the context is full)."_say, {row_name(answer, best), speed, likely_when_full(best)});
}

// Whether anything here does what was asked for.
bool reaches(const app::CompareAnswer& answer) { return answer.fastest >= 0 && !answer.rows[static_cast<std::size_t>(answer.fastest)].answer->too_slow; }

Section next_steps(const app::CompareAnswer& answer) {
  Section section{"Next"_say, {}};
  if (answer.fastest >= 0)
    section.fields.push_back(people(Show::code, command("plan", answer.rows[static_cast<std::size_t>(answer.fastest)].request)));
  return section;
}

}  // namespace

Report fields(const app::CompareAnswer& answer) {
  Rows rows;
  for (const app::Compared& row : answer.rows) rows.push_back(table_row(answer, row));
  Sentences ways = faster_ways(answer), elsewhere = faster_elsewhere(answer), all_faster = ways;
  all_faster.insert(all_faster.end(), elsewhere.begin(), elsewhere.end());
  Section table{{}, {people(Show::headline, headline(answer.request)),
                     people(reaches(answer) ? Show::good : Show::bad, verdict(answer)),
                     {"rows", {}, std::move(rows), Show::table},
                     people(Show::sentence, table_legend(answer)),
                     machine("faster", std::move(all_faster)),
                     machine("fastest", answer.fastest < 0 ? Value(std::monostate{}) : Value(std::int64_t{answer.fastest}))}};
  const std::string engine = answer.request.engines.size() > 1 ? std::string() : common_engine(answer), quant = assumes_quant(answer) || names_no_format(answer.rows.front()) ? common_quant(answer) : std::string();
  if (!engine.empty()) table.fields.push_back(people(Show::sentence, quant.empty() ? fill("All of them under {0}."_say, {engine}) : fill("All of them under {0}, as {1}."_say, {engine, model::shown_format(quant)})));
  if (assumes_quant(answer) && common_quant(answer).empty() && answer.request.models.size() == 1)
    table.fields.push_back(people(Show::sentence, fill("The rows are in different formats: name one to compare alike ({0}:q4_k_m)."_say, {answer.request.models.front()})));
  if (tells_streams(answer)) table.fields.push_back(people(Show::sentence, "streams: how many are written at a time; what it writes is of all of them together, TTFT of a prompt that is read alone."_say));
  if (tells_cards(answer)) table.fields.push_back(people(Show::sentence, "use: cards that are used, of those there are."_say));
  for (Phrase& one : fits_legend(answer)) table.fields.push_back(people(Show::sentence, std::move(one)));
  Section not_these{"Why not"_say, {list_field({}, reasons(answer), Show::bullets)}};
  Section mind{"Mind"_say, {list_field({}, warnings(answer), Show::warnings)}};
  Section faster{"Faster, but not proposed: see Other ways in the plan"_say, {list_field({}, std::move(ways), Show::bullets)}};
  Section faster_there{"What would decode faster"_say, {list_field({}, std::move(elsewhere), Show::bullets)}};
  Section hosts{"Hosts that nobody named"_say, {list_field({}, assumed_hosts(answer), Show::bullets)}};
  Section own{"Yours"_say, {list_field({}, own_notes(answer), Show::bullets)}};
  return {{std::move(table), std::move(mind), std::move(faster), std::move(faster_there), std::move(hosts), std::move(own), std::move(not_these), next_steps(answer)}};
}

}  // namespace rigcast::report
