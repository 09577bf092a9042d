#pragma once
// What the ecosystem's own benchmarks print, read as Observations.

#include <string_view>
#include <vector>

#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"

namespace rigcast::calibration {

// What a benchmark's output does not say of itself: the user adds it. Set fields fill those that the file leaves empty.
struct ImportDefaults {
  std::string device, engine, backend, model, quant, date, source;
};

// Recognises by content: rows of the shared format (JSON lines), CSV of the same or the project's columns, llama-bench (markdown, csv, json, jsonl),
// llama-batched-bench (table, jsonl), `vllm bench serve` JSON, aiperf and genai-perf JSON, guidellm JSON, what `ollama run --verbose` prints.
// A line that cannot be read is an Error in `unread` and the others are kept.
struct Imported {
  std::vector<Observation> rows;
  std::vector<Error> unread;
  std::string format;
  std::vector<std::string> ignored;   // columns nobody knows
};
Result<Imported> import_text(std::string_view text, std::string_view file, const ImportDefaults& defaults = {});

// Whether the catalogue knows what the user adds. Errors: input, placed at the option, with the nearest name.
Result<void> check(const catalog::Catalog& catalog, const ImportDefaults& defaults);

// A printed name that several versions carry, and the one it is taken for.
struct DeviceDoubt { std::string printed, taken; std::vector<std::string> versions; std::size_t rows = 0; };
// Devices of imported rows by the catalogue: `device`, as the user names it ("4xh20"), where a row printed none, one nobody knows, or a name
// that is also that of this version; counts of names into counts.
std::vector<DeviceDoubt> settle_devices(const catalog::Catalog& catalog, const std::string& device, std::vector<Observation>& rows);

// Same measurement: equal conditions and value, whoever printed it.
std::string fingerprint(const Observation& observation);

// The rows of `fresh` that are in neither `log` nor earlier in `fresh`: of one fingerprint, or of one build of an engine and one test with the same
// value as far as both print it, where nothing else that both state (device, model, format, flags, date) differs. A run printed as JSON, CSV
// and as a table is one run.
std::vector<Observation> without_duplicates(const std::vector<Observation>& log, const std::vector<Observation>& fresh);

}  // namespace rigcast::calibration
