#pragma once
// The machine the program runs on, as `here` in every verb that takes a rig.

#include "app/knowledge.hpp"
#include "base/result.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {

// The facts with the user's overlays, and with `here` answered by a probe of this machine (made once, when asked for).
Result<app::Knowledge> load_knowledge(const World& world);

}  // namespace rigcast::cli
