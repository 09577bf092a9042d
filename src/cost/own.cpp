#include "cost/own.hpp"

#include <cmath>

namespace rigcast::cost {
namespace {

// The interval moves with the value and closes in around it.
Interval moved(const Interval& value, double by, double narrowing) {
  const double middle = value.p50 * by;
  return {middle * std::pow(value.p10 / value.p50, narrowing), middle, middle * std::pow(value.p90 / value.p50, narrowing)};
}

void apply(Estimate& rate, const OwnEffect& own) {
  if (own.rows == 0 || rate.value.p50 <= 0) return;
  rate.value = moved(rate.value, own.applied, own.narrowing);
  for (Term& term : rate.derivation) {
    term.efficiency *= own.applied;
    term.time = term.time / own.applied;
  }
}

}  // namespace

Speed with_own(Speed speed, const OwnEffects& own) {
  if (!own.any()) return speed;
  apply(speed.decode, own.decode);
  apply(speed.prefill, own.prefill);
  speed.ttft.derivation = speed.prefill.derivation;
  if (own.prefill.rows > 0) speed.ttft.value = moved(speed.ttft.value, 1 / own.prefill.applied, own.prefill.narrowing);
  if (own.decode.rows > 0 && speed.energy) speed.energy->value = moved(speed.energy->value, 1 / own.decode.applied, 1);
  return speed;
}

}  // namespace rigcast::cost
