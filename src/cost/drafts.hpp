#pragma once
// Speculative decoding: what a step verifies beside its next token, and how much of that it keeps.

#include <map>
#include <string>

#include "base/result.hpp"
#include "placement/placement.hpp"

namespace rigcast::cost {

// A step verifies `tokens` drafted tokens of each sequence beside its next one, and keeps `kept` of all these in the mean.
// `passes`: of what drafts them, one after the other (branches of a tree and blocks of tokens take one for many; 0: nothing is computed).
// `most`: tokens that a step can keep; of a tree the longest branch's. `acceptance`: how often a draft was taken to be right if those before it were;
// 0: what is kept was measured.
struct Drafts { double tokens = 0, kept = 1, passes = 0, most = 1, acceptance = 0; };

// Tokens that a step keeps where each of `tokens` drafts is right with probability `acceptance` if those before it were: 1 + a + a^2 ...
double kept_of(double tokens, double acceptance);

// How often a draft is right if those before it were, in published runs, and which.
struct UsualAcceptance { double share = 0; std::string date, sources; };
using UsualAcceptances = std::map<placement::Drafter, UsualAcceptance>;   // absent: the text alone decides
// data/calibration/drafts.csv. Errors: input with file and line.
Result<UsualAcceptances> parse_acceptances(std::string_view csv);

// Of flags. `acceptance`: as stated; 0: as is usual. No drafts where none are asked for, or where the text alone decides what they gain.
Drafts drafts_of(const placement::Speculation& speculation, const UsualAcceptances* usual, double acceptance = 0);

}  // namespace rigcast::cost
