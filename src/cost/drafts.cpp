#include "cost/drafts.hpp"

#include <cmath>

namespace rigcast::cost {

using placement::Drafter;

double kept_of(double tokens, double acceptance) {
  return acceptance < 1 ? (1 - std::pow(acceptance, tokens + 1)) / (1 - acceptance) : tokens + 1;
}

// Solved from how many tokens published runs kept of how many drafted (data/observations, accept_length and acceptance). Own layers: 0.77 to 0.95,
// 0.857 in the middle of 21 sources. Heads: 0.61 (SpecForge issue 339, EAGLE-3 of Llama 3.1 8B). Blocks: 0.72 and 0.86, which reach further
// (noonghunna/club-3090 pull 1056, sudoingX/qwen38-mtp). Smaller models: between heads and own layers; no source prints theirs.
double usual_acceptance(Drafter drafter) {
  switch (drafter) {
    case Drafter::own_layers: return 0.85;
    case Drafter::head: return 0.6;
    case Drafter::model: return 0.7;
    case Drafter::block: return 0.8;
    case Drafter::none: case Drafter::lookup: return 0;
  }
  return 0;
}

Drafts drafts_of(const placement::Speculation& speculation, double acceptance) {
  if (acceptance <= 0) acceptance = usual_acceptance(speculation.drafter);
  if (speculation.drafter == Drafter::none || acceptance <= 0) return {};
  const double steps = drafted(speculation);
  const double passes = speculation.drafter == Drafter::lookup ? 0 : speculation.drafter == Drafter::block ? 1 : steps;
  return {.tokens = speculation.verified > 0 ? speculation.verified : steps, .kept = kept_of(steps, acceptance), .passes = passes, .most = 1 + steps};
}

}  // namespace rigcast::cost
