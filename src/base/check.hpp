#pragma once
// RC_CHECK: a programmer's mistake stops the program with a sentence, in every build. Never for what a user can cause.

namespace rigcast {
[[noreturn]] void check_failed(const char* condition, const char* why, const char* file, int line);
}

#define RC_CHECK(condition, why) \
  ((condition) ? void(0) : ::rigcast::check_failed(#condition, why, __FILE__, __LINE__))
