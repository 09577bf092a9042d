#pragma once
// Measuring the devices of this machine: `rigcast bench` and the page's job alike.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/backend.hpp"
#include "calibration/observation.hpp"
#include "cli/bench_fields.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {

struct BenchRequest {
  std::vector<bench::Case> cases = {};   // empty: the standard ones
  std::vector<std::string> models = {};  // specs; not empty: their Steps instead of kernels
  std::int64_t prompt = 128, depth = 0;
  std::string device = {};               // backend or id; empty: every device that is no imitation, each card through the best of its interfaces
  bench::Options options = {};
  bool quick = false;
};

// Where results go. Every measurement is kept as soon as it is there: a driver that takes the program down with it loses nothing else.
using Keep = std::function<Result<void>(const std::vector<calibration::Observation>&)>;

// What a run does beside measuring.
struct BenchWatch {
  Keep keep;
  std::function<void(double share_done, const std::string& what)> tell;   // before each case
  const std::atomic<bool>& stop;   // set: the case in hand ends, and what was measured is kept
};

// Appends to all of these files but those without a name: the user's log, where plans for `here` find them, and the file to share.
Keep keep_in(std::vector<std::filesystem::path> files);

// Whether a file to share can be made where it is to be: its folder is there. Errors: input.
Result<void> check_share(const std::filesystem::path& file);

// What the program ends with: who stopped the measuring is told apart from a run that is whole.
ExitCode exit_code(const BenchAnswer& answer);

// A device that gets lost, a backend that is not there and a file that cannot be written are told in the answer, and the rest goes on.
// Errors: not_found where there is no such device or backend, or none that could be measured; those of a model's spec.
Result<BenchAnswer> run_bench(const BenchRequest& request, const World& world, const BenchWatch& watch);

}  // namespace rigcast::cli
