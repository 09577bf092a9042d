#pragma once
// Work that several processors share.

#include <cstddef>

#include "base/function_ref.hpp"

namespace rigcast {

// Runs `work` on this thread and, where there are more processors, on others beside it: on `most` threads at most. Returns once all are done.
// Each asks for its next piece itself and writes results of its own, so that no order depends on threads. What one throws is thrown here,
// after all are done.
void on_processors(std::size_t most, FunctionRef<void()> work);

// `piece(i)` once for every i below `count`, shared out one by one among threads as above.
void share_out(std::size_t count, std::size_t most, FunctionRef<void(std::size_t)> piece);
inline void share_out(std::size_t count, FunctionRef<void(std::size_t)> piece) { share_out(count, count, piece); }

}  // namespace rigcast
