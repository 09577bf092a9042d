#pragma once
// The shortest context that is worth having where nobody named one.

#include "placement/placement.hpp"

namespace rigcast::placement::detail {

// How far a context that nobody named may shrink to what fits of one cache for all; 0: it must fit as it is, or slots are halved (shorter_slots).
std::int64_t shrinks_to(const Prepared& prepared);
// The same settings with no longer a context than that: of it is told what a layout lacks that does not fit. 0: as they are.
Settings at_shortest(Settings settings, std::int64_t shortest);

}  // namespace rigcast::placement::detail
