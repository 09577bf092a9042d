#pragma once
// Speculative decoding: what a step verifies beside its next token, and how much of that it keeps.

#include "placement/placement.hpp"

namespace rigcast::cost {

// A step verifies `tokens` drafted tokens of each sequence beside its next one, and keeps `kept` of all these in the mean.
// `passes`: of what drafts them, one after the other (branches of a tree and blocks of tokens take one for many; 0: nothing is computed).
// `most`: tokens that a step can keep; of a tree the longest branch's.
struct Drafts { double tokens = 0, kept = 1, passes = 0, most = 1; };

// Tokens that a step keeps where each of `tokens` drafts is right with probability `acceptance` if those before it were: 1 + a + a^2 ...
double kept_of(double tokens, double acceptance);

// How often a draft of this kind is right if those before it were, in published runs; 0: the text alone decides.
double usual_acceptance(placement::Drafter drafter);

// Of flags. `acceptance`: as stated; 0: as is usual. No drafts where none are asked for, or where the text alone decides what they gain.
Drafts drafts_of(const placement::Speculation& speculation, double acceptance = 0);

}  // namespace rigcast::cost
