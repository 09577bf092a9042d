#pragma once
// What a user's own measurements add to an Estimate: a shift of their machine against the published ones, and less doubt.

#include "cost/cost.hpp"

namespace rigcast::cost {

// Of one phase on one machine.
struct OwnEffect {
  int rows = 0;            // own Observations it rests on; 0: there are none
  double says = 1;         // their weighted mean speed over what the estimator says for them without them
  double applied = 1;      // what the Estimate's speed is multiplied by: `says`, shrunk towards 1 where it rests on little
  double narrowing = 1;    // what the logarithm of the interval's ends is multiplied by
};

struct OwnEffects {
  OwnEffect decode, prefill;
  int unread = 0;          // lines of the log that are no Observation
  bool any() const { return decode.rows > 0 || prefill.rows > 0; }
};

// The Speed with both effects in value, interval and derivation (whose times still add up to the value).
Speed with_own(Speed speed, const OwnEffects& own);

}  // namespace rigcast::cost
