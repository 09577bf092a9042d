#pragma once
// What attention must give: the reference that every device is held to.

#include <cstdint>
#include <span>

namespace rigcast::bench {

// Largest difference between `out` and one head's attention of `q` over all keys and values (halves, depth x dim), relative to the sum of
// magnitudes; 1 for what is no number.
double attention_difference(std::span<const float> q, std::span<const std::uint16_t> keys, std::span<const std::uint16_t> values, std::span<const float> out);

}  // namespace rigcast::bench
