#include "cost/drafts.hpp"

#include <algorithm>
#include <cmath>

#include "base/rows.hpp"

namespace rigcast::cost {

using placement::Drafter;

double kept_of(double tokens, double acceptance) {
  return acceptance < 1 ? (1 - std::pow(acceptance, tokens + 1)) / (1 - acceptance) : tokens + 1;
}

Result<UsualAcceptances> parse_acceptances(std::string_view csv) {
  UsualAcceptances usual;
  RC_TRY(each_row(csv, "data/calibration/drafts.csv", 4, "expected what drafts, a share between 0 and 1, a month, and sources", [&](const auto& cells) {
    const auto drafter = std::find_if(std::begin(placement::kDrafters), std::end(placement::kDrafters), [&](Drafter each) { return cells[0] == to_string(each); });
    const auto share = parse_double(cells[1]);
    if (drafter == std::end(placement::kDrafters) || !share || *share <= 0 || *share >= 1 || !parse_year(cells[2]) || trim(cells[3]).empty()) return false;
    return usual.emplace(*drafter, UsualAcceptance{*share, std::string(cells[2]), std::string(trim(cells[3]))}).second;
  }));
  return usual;
}

Drafts drafts_of(const placement::Speculation& speculation, const UsualAcceptances* usual, double acceptance) {
  if (acceptance <= 0 && usual)
    if (const auto known = usual->find(speculation.drafter); known != usual->end()) acceptance = known->second.share;
  if (speculation.drafter == Drafter::none || acceptance <= 0) return {};
  const double steps = drafted(speculation);
  const double passes = speculation.drafter == Drafter::lookup ? 0 : speculation.drafter == Drafter::block ? 1 : steps;
  return {.tokens = speculation.verified > 0 ? speculation.verified : steps, .kept = kept_of(steps, acceptance), .passes = passes, .most = 1 + steps, .acceptance = acceptance};
}

}  // namespace rigcast::cost
