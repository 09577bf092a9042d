#pragma once
// Work that takes longer than a request may, lent to the server as jobs: probe, bench, measured, evaluate.

#include <vector>

#include "cli/verb.hpp"
#include "server/service.hpp"

namespace rigcast::cli {

std::vector<server::LongVerb> long_work(const World& world);

}  // namespace rigcast::cli
