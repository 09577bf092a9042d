#pragma once
// How sources name devices, processors, engines, backends, models and formats, brought to the catalogue's keys by rule.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"
#include "model/architecture.hpp"

namespace rigcast::calibration::detail {

// What a row ran on. Without a device it ran on processors.
struct Stated {
  std::optional<catalog::Device> device;      // the first
  std::vector<catalog::Device> unlike;        // all of them, in order, where they differ
  int count = 1;                              // devices, or sockets: as stated, or as the name says ("8xH100", "双3090")
  double memory_gb = 0, watts = 0;            // behind the name ("3090@200w"); 0 none
};
// Names as printed, by the rules of a rig's spec. Of a name that several versions print and no memory decides, the maker's own version; where
// those differ in speed it stays an Error (input) that lists them.
Result<Stated> stated_of(const catalog::Catalog& catalog, const Observation& o);
// Whether a name may hold a count, as "8xH100" and "Dual RTX 3090" do.
bool names_a_count(std::string_view device);
// The keys a printed name may mean, where they are several; empty: one or none.
std::vector<std::string> versions_of(const catalog::Catalog& catalog, const Observation& o);
// The processor of a row or of its host; nullopt where none is known by that name.
std::optional<catalog::Processor> processor_of(const catalog::Catalog& catalog, std::string_view name);

std::string engine_key(const Observation& o);
// Backend as stated, else what this engine runs on such a device.
std::string backend_key(const Observation& o, const std::string& engine, const catalog::Device* device);

// A format as model::apply_quant knows it: "UD-Q4_K_XL" -> "Q4_K_M", "MLX-4bit-QAT" -> "MLX-4BIT"; empty where none is stated.
std::string recipe_of(std::string_view quant);
// The format an engine loads when nobody says: Q4_K_M for llama.cpp and Ollama, the checkpoint's own for servers.
std::string default_recipe(const catalog::Catalog& catalog, const std::string& engine);

// A shape with the parameters a name or a count states, for models nobody has described: a plain stack of usual proportions.
std::optional<model::Architecture> surrogate(const catalog::Catalog& catalog, const Observation& o, std::string_view recipe);

}  // namespace rigcast::calibration::detail
