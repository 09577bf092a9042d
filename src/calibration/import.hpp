#pragma once
// What the ecosystem's own benchmarks print, read as Observations.

#include <string_view>
#include <vector>

#include "calibration/observation.hpp"

namespace rigcast::calibration {

// What a benchmark's output does not say of itself: the user adds it. Set fields fill those that the file leaves empty.
struct ImportDefaults {
  std::string device, engine, backend, model, quant, date, source;
};

// Recognises by content: rows of the shared format (JSON lines), the project's CSV, llama-bench (markdown, csv, json, jsonl),
// llama-batched-bench (table, jsonl), `vllm bench serve` JSON, aiperf and genai-perf JSON, guidellm JSON.
// A line that cannot be read is an Error in `unread` and the others are kept.
struct Imported { std::vector<Observation> rows; std::vector<Error> unread; std::string format; };
Result<Imported> import_text(std::string_view text, std::string_view file, const ImportDefaults& defaults = {});

// Same measurement: equal conditions and value, whoever printed it. Used to find duplicates.
std::string fingerprint(const Observation& observation);

// The rows of `fresh` that are in neither `log` nor earlier in `fresh`.
std::vector<Observation> without_duplicates(const std::vector<Observation>& log, const std::vector<Observation>& fresh);

}  // namespace rigcast::calibration
