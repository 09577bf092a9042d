#include "calibration/detail/releases.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/rows.hpp"
#include "base/text.hpp"

namespace rigcast::calibration::detail {

Result<Releases> Releases::parse(std::string_view csv) {
  Releases releases;
  RC_TRY(each_row(csv, "data/calibration/releases.csv", 3, "expected an engine, a version and the month in which it came out", [&](const auto& cells) {
    Version version = read_version(cells[1]);
    if (version.empty() || !parse_year(cells[2])) return false;
    auto known = releases.engines_.find(cells[0]);
    if (known == releases.engines_.end()) known = releases.engines_.emplace(cells[0], std::map<Version, std::string>{}).first;
    known->second.emplace(std::move(version), cells[2]);
    return true;
  }));
  return releases;
}

Result<Releases> Releases::read(const catalog::Catalog& catalog) {
  RC_ASSIGN(text, catalog.file("calibration/releases.csv"));
  return parse(text).map_error([&](Error error) { return catalog.in_its_file(std::move(error)); });
}

Releases::Version Releases::read_version(std::string_view printed) {
  if (printed.starts_with('v') || printed.starts_with('b')) printed.remove_prefix(1);
  Version version;
  for (;;) {
    int number = 0;
    const auto [end, error] = std::from_chars(printed.data(), printed.data() + printed.size(), number);
    if (error != std::errc{} || number < 0) break;   // ".post1"
    printed.remove_prefix(static_cast<std::size_t>(end - printed.data()));
    version.push_back(number);
    if (!printed.starts_with('.')) break;
    printed.remove_prefix(1);
  }
  if (version.size() == 2) version.push_back(0);   // "0.17"
  const bool a_word = !printed.empty() && std::isalnum(static_cast<unsigned char>(printed.front())) && version.size() < 2;   // "2016bf2" is a commit
  const bool a_date = version.size() == 1 && version.front() >= 2020 && version.front() < 2100 && printed.size() > 1 && printed.front() == '-' && std::isdigit(static_cast<unsigned char>(printed[1]));   // "2026-09"
  return a_word || a_date ? Version{} : version;
}

std::string Releases::latest_until(std::string_view engine, std::string_view version) const {
  static constexpr std::array<std::string_view, 5> between{"dev", "nightly", "branch", "fork", "main"};
  const std::string program = to_lower(engine), printed = to_lower(version);
  for (const std::string_view word : between)
    if (program.find(word) != std::string::npos || printed.find(word) != std::string::npos) return {};
  const auto known = engines_.find(std::string_view(program).substr(0, program.find(" (")));   // "vllm (vllm-ascend)"
  const Version wanted = read_version(trim(std::string_view(printed)));
  if (known == engines_.end() || wanted.empty()) return {};
  const auto next = known->second.upper_bound(wanted);
  if (next == known->second.begin() || next == known->second.end()) return {};
  const Version& found = std::prev(next)->first;
  const bool dotted = found.size() > 1, as_dotted = wanted.size() > 1;
  if (dotted != as_dotted || (dotted && !std::equal(found.begin(), found.begin() + 2, wanted.begin()))) return {};
  return next->second;
}

}  // namespace rigcast::calibration::detail
