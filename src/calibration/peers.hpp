#pragma once
// What the published formulas of other tools say of an Observation, for docs/accuracy.md: decode of one stream on one device. Written
// from their descriptions at the versions named; given the same exact bytes, bandwidths and parameter counts as our own estimate, so that
// only the formulas are compared and not the tables behind them.

#include <array>
#include <optional>
#include <string_view>

#include "calibration/configure.hpp"
#include "calibration/observation.hpp"

namespace rigcast::calibration {

struct Peer {
  const char* name;
  const char* formula;   // one line, for the page
  // Tokens a second; nullopt where the tool publishes nothing for such a row.
  std::optional<double> (*decode)(const Observation&, const Prepared&);
};

inline constexpr std::size_t kPeers = 4;
const std::array<Peer, kPeers>& peers();

// Whether the formulas are about such a row: plain decoding of one stream on one device, of a model whose shape is known.
bool comparable(const Prepared& prepared);

}  // namespace rigcast::calibration
