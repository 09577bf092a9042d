#include "calibration/detail/releases.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/text.hpp"

namespace rigcast::calibration::detail {

Releases::Releases(const catalog::Catalog& catalog) {
  const auto text = catalog.file("calibration/releases.csv");
  if (!text) return;
  for (const std::string_view line : split(*text, '\n')) {
    const auto cells = split(trim(line), ',');
    if (cells.size() != 3 || cells[0].starts_with('#')) continue;
    if (Version version = read(cells[1]); !version.empty()) engines_[std::string(cells[0])].emplace(std::move(version), cells[2]);
  }
}

Releases::Version Releases::read(std::string_view printed) {
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
  return a_word ? Version{} : version;
}

std::string Releases::latest_until(std::string_view engine, std::string_view version) const {
  static constexpr std::array<std::string_view, 5> between{"dev", "nightly", "branch", "fork", "main"};
  const std::string program = to_lower(engine), printed = to_lower(version);
  for (const std::string_view word : between)
    if (program.find(word) != std::string::npos || printed.find(word) != std::string::npos) return {};
  const auto known = engines_.find(std::string_view(program).substr(0, program.find(" (")));   // "vllm (vllm-ascend)"
  const Version wanted = read(trim(std::string_view(printed)));
  if (known == engines_.end() || wanted.empty()) return {};
  const auto next = known->second.upper_bound(wanted);
  if (next == known->second.begin() || next == known->second.end()) return {};
  const Version& found = std::prev(next)->first;
  const bool dotted = found.size() > 1, as_dotted = wanted.size() > 1;
  if (dotted != as_dotted || (dotted && !std::equal(found.begin(), found.begin() + 2, wanted.begin()))) return {};
  return next->second;
}

}  // namespace rigcast::calibration::detail
