#include <string>

#include "base/rows.hpp"
#include "base/text.hpp"
#include "calibration/fit.hpp"

namespace rigcast::calibration {

Result<Priors> Priors::read(std::string_view csv) {
  Priors priors;
  RC_TRY(each_row(csv, "data/calibration/priors.csv", 3, "expected an effect, a mean and a standard deviation above 0", [&](const auto& cells) {
    const auto mean = parse_double(cells[1]), sd = parse_double(cells[2]);
    if (!mean || !sd || *sd <= 0) return false;
    if (cells[0].substr(0, 6) == "times|") priors.times_[std::string(cells[0].substr(6))] = *sd;
    else priors.exact_[std::string(cells[0])] = {*mean, *sd, 0};
    return true;
  }));
  return priors;
}

cost::Effect Priors::of(std::string_view effect) const {
  if (const auto found = exact_.find(effect); found != exact_.end()) return found->second;
  const std::size_t bar = effect.find('|');
  const std::string_view quantity = effect.substr(0, bar);
  if (quantity == "source") return exact_.count("source") ? exact_.find("source")->second : cost::Effect{0, 0.15, 0};
  cost::Effect prior{0, 0.25, 0};
  if (bar != std::string_view::npos) {
    const std::string_view rest = effect.substr(bar + 1);
    const std::size_t colon = rest.find(':'), equal = rest.find('=');
    const std::string kind = colon < equal ? std::string(rest.substr(0, colon + 1)) + "*" : std::string(rest.substr(0, equal)) + "=*";
    for (const std::string& pattern : {std::string(quantity) + "|" + kind, "*|" + kind, std::string("*|*")})
      if (const auto found = exact_.find(pattern); found != exact_.end()) { prior = found->second; break; }
  }
  if (const auto found = times_.find(quantity); found != times_.end()) prior.sd *= found->second;
  return prior;
}

}  // namespace rigcast::calibration
