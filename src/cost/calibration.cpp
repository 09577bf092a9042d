#include "cost/calibration.hpp"

#include <algorithm>
#include <functional>

#include "base/rows.hpp"

namespace rigcast::cost {

std::size_t Effects::place(std::string_view wanted) const {
  if (entries_.empty() || name(entries_.back()) < wanted) return entries_.size();
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), wanted, [&](const Entry& entry, std::string_view text) { return name(entry) < text; });
  return static_cast<std::size_t>(at - entries_.begin());
}

void Effects::index() {
  std::size_t size = 64;
  while (size < 3 * entries_.size()) size *= 2;   // a power of two, so that the low bits of a hash are a slot
  slots_.assign(size, 0);
  for (std::size_t at = 0; at < entries_.size(); ++at) {
    std::size_t slot = std::hash<std::string_view>{}(name(entries_[at])) & (size - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (size - 1);
    slots_[slot] = static_cast<std::uint32_t>(at + 1);
  }
}

const Effect* Effects::find(std::string_view wanted) const {
  if (slots_.empty()) {
    const std::size_t at = place(wanted);
    return at < entries_.size() && name(entries_[at]) == wanted ? &entries_[at].effect : nullptr;
  }
  for (std::size_t slot = std::hash<std::string_view>{}(wanted) & (slots_.size() - 1); slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1))
    if (const Entry& entry = entries_[slots_[slot] - 1]; name(entry) == wanted) return &entry.effect;
  return nullptr;
}

Effect& Effects::operator[](std::string_view wanted) {
  const std::size_t at = place(wanted);
  if (at < entries_.size() && name(entries_[at]) == wanted) return entries_[at].effect;
  slots_.clear();
  const Entry added{static_cast<std::uint32_t>(names_.size()), static_cast<std::uint32_t>(wanted.size()), {}};
  names_ += wanted;
  return entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), added)->effect;
}

namespace {

constexpr std::string_view kExpected = "expected a name and numbers separated by commas";

}  // namespace

Result<Calibration> parse_calibration(std::string_view effects_csv, std::string_view spreads_csv, std::string_view shares_csv, std::string_view widths_csv) {
  Calibration calibration;
  RC_TRY(each_row(effects_csv, "data/calibration/effects.csv", 4, kExpected, [&](const auto& cells) {
    const auto mean = parse_double(cells[1]), sd = parse_double(cells[2]), rows = parse_double(cells[3]);
    if (!mean || !sd || !rows) return false;
    calibration.effects[cells[0]] = {*mean, *sd, *rows};
    return true;
  }));
  RC_TRY(each_row(spreads_csv, "data/calibration/spreads.csv", 4, kExpected, [&](const auto& cells) {
    const auto low = parse_double(cells[1]), high = parse_double(cells[2]), rows = parse_double(cells[3]);
    if (!low || !high || !rows) return false;
    calibration.spreads.emplace(std::string(cells[0]), Spread{*low, *high, *rows});
    return true;
  }));
  RC_TRY(each_row(shares_csv, "data/calibration/shares.csv", 4, kExpected, [&](const auto& cells) {
    const auto machine = parse_double(cells[1]), model = parse_double(cells[2]), row = parse_double(cells[3]);
    if (!machine || !model || !row || *machine < 0 || *model < 0 || *row <= 0) return false;
    calibration.shares.emplace(std::string(cells[0]), Shares{*machine, *model, *row});
    return true;
  }));
  RC_TRY(each_row(widths_csv, "data/calibration/widths.csv", 3, kExpected, [&](const auto& cells) {
    const auto factor = parse_double(cells[1]), rows = parse_double(cells[2]);
    if (!factor || !rows || *factor <= 0) return false;
    calibration.widths.emplace(std::string(cells[0]), Width{*factor, *rows});
    return true;
  }));
  calibration.effects.index();
  return calibration;
}

Result<Calibration> load_calibration(const catalog::Catalog& catalog) {
  RC_ASSIGN(effects, catalog.file("calibration/effects.csv"));
  RC_ASSIGN(spreads, catalog.file("calibration/spreads.csv"));
  RC_ASSIGN(shares, catalog.file("calibration/shares.csv"));
  RC_ASSIGN(widths, catalog.file("calibration/widths.csv"));
  RC_ASSIGN(drafts, catalog.file("calibration/drafts.csv"));
  const auto in_its_file = [&](Error error) { return catalog.in_its_file(std::move(error)); };
  RC_ASSIGN(calibration, parse_calibration(effects, spreads, shares, widths).map_error(in_its_file));
  RC_ASSIGN(acceptances, parse_acceptances(drafts).map_error(in_its_file));
  calibration.acceptances = std::move(acceptances);
  return std::move(calibration);
}

}  // namespace rigcast::cost
