#pragma once
// The JSON shapes of benchmark programs, and what their rows have in common.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "calibration/import.hpp"

namespace rigcast::calibration::detail {

Observation llama_row();                                         // an Observation of llama.cpp
std::string quant_in_model_type(std::string_view model_type);    // "llama 7B Q4_K - Medium" -> "Q4_K_M"
// The cards of a run by the name each printed: so many of one, or "A + B".
void set_cards(Observation& o, const std::vector<std::string>& names);
// One row of llama-bench by its own field names; nullopt where it has no single phase.
std::optional<Observation> llama_bench_row(const std::map<std::string, std::string>& fields);
// One line of llama-batched-bench: prompt and generated tokens, sequences, both speeds in tokens/s.
void add_batched(std::vector<Observation>& rows, double prompt, double generated, double sequences, double prefill_rate, double decode_rate);
Result<void> import_json(std::string_view body, std::string_view file, Imported& out);

}  // namespace rigcast::calibration::detail
