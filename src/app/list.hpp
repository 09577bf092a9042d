#pragma once
// list: what the Catalog holds of one kind, filtered.

#include <string>
#include <vector>

#include "app/knowledge.hpp"

namespace rigcast::app {

struct ListRequest {
  catalog::Kind kind = catalog::Kind::device;
  std::string text;            // words that must all occur among key, name, aliases, vendor and architecture
  std::string vendor;          // devices, processors
  std::string architecture;    // devices, processors: chip family; models: llama.cpp architecture name
  Bytes memory_at_least{};     // devices
};

// One line of the list; what a kind does not have stays empty.
struct Listed {
  std::string key, name, vendor, architecture, release;
  std::vector<std::string> aliases;
  Bytes memory{};
  Bandwidth bandwidth{};
  FlopRate half_rate{};        // dense FP16 (or BF16), matrix hardware where there is any
  Watts power{};
  int chips = 1;
  double parameters = 0, active_parameters = 0;  // models
  std::int64_t max_context = 0;                  // models
  std::string detail;          // engines: backends; quants: bits per weight; links: rate
};

struct ListAnswer {
  ListRequest request;
  std::vector<Listed> rows;    // in key order
  std::vector<std::string> recipes = {};   // quants: what mixes them, tensor by tensor, as files are called
};

// The least memory to list: "24GiB", "24 GB", and "24g" as in a rig's spec.
Result<Bytes> read_least_memory(std::string_view text);

// Errors: input where a filter does not apply to the kind.
Result<ListAnswer> list(const Knowledge& knowledge, const ListRequest& request);

}  // namespace rigcast::app
