// How fast a plan is thought to be, why, and how sure that is.

#include <algorithm>
#include <tuple>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/answers.hpp"
#include "report/detail/parts.hpp"
#include "report/detail/plan_sections.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

constexpr std::size_t kTermsShown = 4;

// "Of 29.2 ms per token: reading the weights 24.1 ms, ..."; without what three digits of the whole do not show.
Phrase where_time_goes(const cost::Estimate& decode, bool of_step) {
  struct Part { std::string name; Seconds time; bool hidden; };   // by name, over all devices
  std::vector<Part> terms;
  Seconds total{};
  for (const cost::Term& term : decode.derivation) {
    const auto same = std::find_if(terms.begin(), terms.end(), [&](const auto& one) { return one.name == term.name; });
    if (same == terms.end()) terms.push_back({term.name, term.time, is_hidden(term)});
    else same->time += term.time, same->hidden = same->hidden && is_hidden(term);
    total += term.time;
  }
  std::stable_sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) { return a.time > b.time; });
  const auto unseen = [&](const Part& one) { return one.time < (one.hidden ? 0.005 : 0.001) * total; };
  terms.erase(std::remove_if(terms.begin(), terms.end(), unseen), terms.end());
  Phrase list;
  for (std::size_t i = 0; i < std::min(terms.size(), kTermsShown); ++i) {
    Phrase part = fill("{0} {1}"_say, {term_name(terms[i].name, false), print_seconds(terms[i].time)});
    list = list.empty() ? std::move(part) : fill("{0}, {1}"_say, {std::move(list), std::move(part)});
  }
  return fill(of_step ? "Of {0} per step: {1}."_say : "Of {0} per token: {1}."_say, {print_seconds(total), std::move(list)});
}

bool same_term(const cost::Term& a, const cost::Term& b) {
  const auto all = [](const cost::Term& t) { return std::tie(t.amount, t.rate, t.efficiency, t.time, t.bound_by_compute, t.name, t.where, t.amount_unit); };
  return all(a) == all(b);
}

// "Your own 3 measurements of decode on this machine say 0.93x ..."
Phrase own_sentence(const cost::OwnEffect& own, bool decode) {
  const std::string says = format_number(own.says, 2), applied = format_number(own.applied, 2);
  if (own.rows == 1)
    return fill(decode ? "Your own measurement of decode on this machine says {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say
                       : "Your own measurement of prefill on this machine says {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say,
                {says, applied});
  return fill(decode ? "Your own {2} measurements of decode on this machine say {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say
                     : "Your own {2} measurements of prefill on this machine say {0}x of what published ones do; the figure above is moved by {1}x (--no-own: not)."_say,
              {says, applied, std::to_string(own.rows)});
}

Value own_value(const cost::OwnEffect& own) {
  if (own.rows == 0) return std::monostate{};
  return Fields{machine("rows", std::int64_t{own.rows}), machine("says", Number{own.says}), machine("applied", Number{own.applied}),
                machine("narrowing", Number{own.narrowing})};
}

Fields own_fields(const app::PlanAnswer& answer) {
  Fields fields{machine("own", Fields{machine("decode", own_value(answer.own.decode)), machine("prefill", own_value(answer.own.prefill)),
                                      machine("unread", std::int64_t{answer.own.unread})})};
  if (answer.own.decode.rows > 0) fields.push_back(people(Show::sentence, own_sentence(answer.own.decode, true)));
  if (answer.own.prefill.rows > 0) fields.push_back(people(Show::sentence, own_sentence(answer.own.prefill, false)));
  if (answer.own.unread > 0)
    fields.push_back(people(Show::sentence, fill("{0} lines of your log of measurements cannot be read; the others count."_say, {std::to_string(answer.own.unread)})));
  return fields;
}

// Told to people where it is another speed, and where other ways stand beside with theirs.
Field decode_whole_field(const app::PlanAnswer& answer) {
  if (!answer.decode_whole) return machine("decode_whole", std::monostate{});
  const Range range{answer.decode_whole->value, Unit::token_rate};
  const bool same = answer.request.question.depth == answer.whole_depth;
  if (same || (!slows_when_full(answer) && answer.alternatives.empty())) return machine("decode_whole", range);
  const std::string depth = format_grouped(answer.whole_depth);
  if (answer.whole_streams == answer.at_once) return {"decode_whole", fill("decode at depth {0}"_say, {depth}), range};
  if (answer.whole_streams == 1) return {"decode_whole", fill("decode at depth {0}, one stream"_say, {depth}), range};
  return {"decode_whole", fill("decode at depth {0}, {1} streams"_say, {depth, std::to_string(answer.whole_streams)}), range};
}

// What each of several streams sees of it: its share of the speed, and the time from one token to the next.
Fields stream_fields(const app::PlanAnswer& answer) {
  const cost::Interval all = answer.speed->decode.value;
  const auto streams = static_cast<double>(std::max<std::int64_t>(1, answer.at_once));
  const Range each{{all.p10 / streams, all.p50 / streams, all.p90 / streams}, Unit::token_rate};
  const auto seconds = [](double rate) { return rate > 0 ? 1 / rate : 0; };
  const Range between{{seconds(each.value.p90), seconds(each.value.p50), seconds(each.value.p10)}, Unit::seconds};
  if (answer.at_once < 2) return {machine("decode_each", each), machine("tpot", between)};
  return {{"decode_each", "each of them"_say, each}, {"tpot", "time per token (TPOT)"_say, between}};
}

Field drafts_field(const app::PlanAnswer& answer) {
  if (!answer.drafting) return machine("drafts", std::monostate{});
  const app::Drafting& d = *answer.drafting;
  return machine("drafts", Fields{machine("drafter", std::string(placement::to_string(d.drafter))), machine("tokens", Number{d.drafts.tokens}), machine("kept", Number{d.drafts.kept}),
                                  machine("acceptance", Number{d.drafts.acceptance}), machine("acceptance_source", d.sources),
                                  machine("acceptance_date", d.date), machine("model", d.model), machine("decode_without", Number{d.plain, Unit::token_rate}), machine("counted", d.counted),
                                  machine("text", drafts_sentence(d, answer.request.question.acceptance > 0))});
}

// What is counted of what drafts.
void add_drafter(const app::Drafting& drafting, Section& section) {
  const auto say = [&](Phrase phrase) { section.fields.push_back(people(Show::sentence, std::move(phrase))); };
  if (!drafting.counted && drafting.model.empty())
    say("What drafts the tokens takes memory that is not counted here; a pass of it is taken to need a twentieth of a step."_say);
  else if (!drafting.counted)
    say(fill("Nothing is known here of {0}, which drafts: its memory is not counted, and a pass of it is taken to need a twentieth of a step."_say, {drafting.model}));
  else if (placement::names_another_model(drafting.drafter))
    say(fill("{0} drafts: its weights and caches are counted with the model's, its passes and its reading of prompts with the speeds."_say, {drafting.model}));
}

// How prompts wait for each other is not counted; what they take together is.
void add_prompts(const app::PlanAnswer& answer, Section& section) {
  const double rate = answer.speed->prefill.value.p50;
  if (answer.at_once < 2 || rate <= 0) return;
  const int copies = placement::whole_copies(*answer.architecture, answer.placement.settings);   // read side by side
  const Seconds all(static_cast<double>(answer.at_once * answer.request.question.prompt) / (rate * copies));
  section.fields.push_back(people(Show::sentence, fill("How requests wait for each other is not counted: {0} prompts of {1} tokens that come at once take {2} to read, during which the others are written slower."_say,
                                                       {format_grouped(answer.at_once), format_grouped(answer.request.question.prompt), print_seconds(all)})));
}

}  // namespace

Section speed_section(const app::PlanAnswer& answer) {
  Section section{"Speed: likely, and the range that holds in 8 of 10 cases"_say, {}};
  if (!answer.speed) {
    section.title = "Speed"_say;
    if (answer.placement.fits) section.fields.push_back({"no_speed", {}, Phrase(answer.no_speed.message), Show::sentence});
    if (answer.placement.fits && equal_ignoring_case(trim(answer.rig.spec), "here")) section.fields.push_back(people(Show::sentence, "'rigcast bench' measures this machine."_say));
    for (const char* id : {"decode", "decode_each", "tpot", "decode_whole", "drafts", "prefill", "ttft", "power", "own"}) section.fields.push_back(machine(id, std::monostate{}));
    return section;
  }
  const cost::Speed& s = *answer.speed;
  const cost::Question& q = answer.request.question;
  const Phrase writing = answer.at_once > 1 ? fill("decode, {0} streams together"_say, {std::to_string(answer.at_once)})
                         : q.depth > 0   ? fill("decode at depth {0}"_say, {format_grouped(q.depth)})
                                         : "decode"_say;
  section.fields = {{"decode", writing, Range{s.decode.value, Unit::token_rate}}};
  for (Field& field : stream_fields(answer)) section.fields.push_back(std::move(field));
  section.fields.push_back(decode_whole_field(answer));
  section.fields.push_back(drafts_field(answer));
  section.fields.push_back({"prefill", fill("prefill of {0} tokens"_say, {format_grouped(q.prompt)}), Range{s.prefill.value, Unit::token_rate}});
  section.fields.push_back({"ttft", answer.at_once > 1 ? "first token (TTFT), its prompt read alone"_say : "first token (TTFT)"_say, Range{s.ttft.value, Unit::seconds}});
  if (s.power && s.energy)
    section.fields.push_back({"power", {}, Fields{{"decode", "power with the host"_say, Range{s.power->value, Unit::watts}},
                                                  {"energy", "energy"_say, Range{s.energy->value, Unit::joules_per_token}}}, Show::group});
  else section.fields.push_back(machine("power", std::monostate{}));
  if (s.power && answer.placement.mode != placement::Mode::cpu && answer.placement.devices.size() < answer.rig.devices.size())
    section.fields.push_back(people(Show::sentence, fill("Power without the idle devices ({0})."_say, {std::to_string(answer.rig.devices.size() - answer.placement.devices.size())})));
  if (!q.engine_date.empty())
    section.fields.push_back(people(Show::sentence, fill("Speeds as of the engine's builds of {0}; memory as its builds of today lay it out."_say, {q.engine_date})));
  if (!s.decode.derivation.empty()) section.fields.push_back(people(Show::sentence, where_time_goes(s.decode, answer.at_once > 1 || app::counts_drafts(answer))));
  if (answer.drafting) section.fields.push_back(people(Show::sentence, drafts_sentence(*answer.drafting, q.acceptance > 0)));
  if (answer.drafting) add_drafter(*answer.drafting, section);
  add_prompts(answer, section);
  for (Field& field : own_fields(answer)) section.fields.push_back(std::move(field));
  return section;
}

Section confidence_section(const app::PlanAnswer& answer) {
  Section section{"How sure"_say, {}};
  Rows derivation, evidence;
  if (answer.speed) {
    const cost::Speed& s = *answer.speed;
    section.fields.push_back(machine("grade", cost::to_string(s.decode.grade)));
    section.fields.push_back(people(Show::sentence, fill("{0}: {1}."_say, {grade_name(s.decode.grade), grade_meaning(s.decode.grade)})));
    evidence = evidence_rows(s.decode);
    const auto add = [&](const char* phase, const std::vector<cost::Term>& terms) {
      for (const cost::Term& term : terms) derivation.push_back(derivation_row(phase, term));
    };
    add("decode", s.decode.derivation);
    const std::size_t prompt = derivation.size();
    add("prefill", s.prefill.derivation);
    const std::size_t end = derivation.size();
    if (!std::equal(s.ttft.derivation.begin(), s.ttft.derivation.end(), s.prefill.derivation.begin(), s.prefill.derivation.end(), same_term)) add("ttft", s.ttft.derivation);
    else for (std::size_t i = prompt; i < end; ++i) {   // the prompt's, which are told already
      Fields same = derivation[i];
      same.front() = machine("phase", "ttft");
      derivation.push_back(std::move(same));
    }
  } else {
    section.fields.push_back(machine("grade", std::monostate{}));
  }
  section.fields.push_back(list_field("evidence", std::move(evidence), Show::bullets));
  section.fields.push_back(machine("derivation", std::move(derivation)));
  return section;
}

}  // namespace rigcast::report
