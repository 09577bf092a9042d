#pragma once
// Which model of the catalogue a row means, and in which format.

#include <string>
#include <string_view>
#include <vector>

#include "calibration/detail/known_names.hpp"
#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"
#include "model/names.hpp"
#include "model/read.hpp"

namespace rigcast::calibration::detail {

// Ways to read a name, the fullest first: as printed, the file in brackets behind it, without folders, endings of files, what stands in
// parentheses, and, word by word from the end, what only says how the weights were stored. Never a file: names are looked up, not opened.
std::vector<std::string> readings(std::string_view printed);

// A format as apply_quant knows it, from whatever spelling: "Q4_K - Medium", "q4km", "AWQ 4-bit (Marlin)", "torch.bfloat16". Empty where none
// is stated; unchanged where nothing of it is known.
std::string spelled_recipe(const catalog::Catalog& catalog, std::string_view quant);

bool is_known_model(const catalog::Catalog& catalog, std::string_view printed);

// The catalogue's model of a row, in the stated format, else in the one its name says, else in what the engine loads when nobody says.
// not_found: no model of the catalogue is called so.
Result<model::Architecture> named_model(KnownNames& names, model::ModelReader& reader, const Observation& o, const std::string& engine);

}  // namespace rigcast::calibration::detail
