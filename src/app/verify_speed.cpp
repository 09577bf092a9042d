#include "app/verify_speed.hpp"

#include <cmath>
#include <limits>

namespace rigcast::app {

VerifiedSpeed verify_speed(const cost::Speed& speed, const calibration::Observation& o) {
  const bool decode = o.phase == "decode";
  const cost::Estimate& estimate = decode ? speed.decode : speed.prefill;
  VerifiedSpeed out{.phase = o.phase, .tokens = decode ? o.generated : o.prompt, .depth = o.depth, .predicted = estimate.value, .measured = o.value, .suspect = {}};
  out.inside = o.value >= estimate.value.p10 && o.value <= estimate.value.p90;
  double total = 0;
  for (const cost::Term& term : estimate.derivation) total += term.time.value();
  const double missing = total * (estimate.value.p50 / o.value - 1);   // s; below 0: it was faster
  double least = std::numeric_limits<double>::infinity();
  for (const cost::Term& term : estimate.derivation) {
    const double time = term.time.value(), needed = time + missing;
    if (time <= 0 || needed <= 0 || term.amount <= 0) continue;
    const double change = std::abs(std::log(needed / time));
    if (change >= least) continue;
    least = change;
    out.suspect = term;
    out.needed_rate = term.amount / needed;
    out.assumed_rate = term.amount / time;
  }
  return out;
}

}  // namespace rigcast::app
