// The fields of a verification.

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/answers.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

Phrase step_name(const app::VerifiedSpeed& v) {
  Phrase what = v.phase == "decode" ? "decode"_say : fill("prefill of {0} tokens"_say, {format_grouped(static_cast<std::int64_t>(v.tokens))});
  return v.depth > 0 ? fill("{0} at depth {1}"_say, {std::move(what), format_grouped(static_cast<std::int64_t>(v.depth))}) : what;
}

// "reading the weights: 15.3 GB/s would explain it, 21 GB/s was assumed"
Phrase suspicion(const app::VerifiedSpeed& v) {
  const cost::Term& term = v.suspect;
  if (term.name.empty()) return "no single term explains the difference"_say;
  const auto rate = [&](double value) {
    if (!has_rate(term)) return print_seconds(Seconds(term.amount / value));
    return print(Number{value, term.bound_by_compute ? Unit::flop_rate : Unit::bandwidth});
  };
  return fill("{0}: {1} would explain it, {2} was assumed"_say, {term_name(term.name, term.bound_by_compute), rate(v.needed_rate), rate(v.assumed_rate)});
}

Fields row_of(const app::VerifiedSpeed& v) {
  return {machine("phase", v.phase),
          {{}, "step"_say, step_name(v)},
          {"predicted", "predicted"_say, Range{v.predicted, Unit::token_rate}},
          {"measured", "measured"_say, Number{v.measured, Unit::token_rate}},
          {"inside", "in the interval"_say, v.inside},
          machine("tokens", Number{v.tokens, Unit::none}),
          machine("depth", Number{v.depth, Unit::none}),
          machine("suspect", v.suspect.name),
          machine("needed_rate", Number{v.needed_rate, Unit::none}),
          machine("assumed_rate", Number{v.assumed_rate, Unit::none})};
}

}  // namespace

Report fields(const app::VerifySpeedAnswer& answer) {
  Rows rows;
  Sentences suspects;
  for (const app::VerifiedSpeed& v : answer.rows) {
    rows.push_back(row_of(v));
    suspects.push_back(fill("{0}: {1}"_say, {step_name(v), suspicion(v)}));
  }
  Fields all{people(Show::headline, fill("{0} on {1}, {2}"_say, {answer.model, answer.rig, answer.engine})),
             machine("model", answer.model),
             machine("rig", answer.rig),
             machine("engine", answer.engine),
             {"verified", {}, std::move(rows), Show::table},
             list_field("suspects", std::move(suspects), Show::bullets),
             machine("log", answer.log)};
  if (!answer.log.empty()) all.push_back(people(Show::sentence, fill("Kept in {0}; plans for 'here' use it from now on."_say, {answer.log})));
  return {{{{}, std::move(all)}}};
}

}  // namespace rigcast::report
