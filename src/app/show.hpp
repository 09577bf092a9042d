#pragma once
// show: everything the Catalog knows under one name, each number with its source.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/knowledge.hpp"
#include "catalog/engine.hpp"
#include "model/architecture.hpp"

namespace rigcast::app {

// How large a model becomes in one Quant recipe.
struct SizeInQuant { std::string quant; Bytes weights{}; double bits_per_weight = 0; };

// Where its weights in one format are published, and who says so; no source: it is where the shape comes from.
struct PublishedIn { std::string quant, repository, source; };

struct ModelFacts {
  model::Architecture architecture;      // in its native format
  std::vector<SizeInQuant> sizes;
  std::vector<PublishedIn> published = {};
};

struct ShowRequest {
  std::string name;                      // key or alias of anything
  std::optional<catalog::Kind> kind;     // only this kind
};

using Shown = std::variant<catalog::Device, catalog::Processor, catalog::LinkType, catalog::Quant, catalog::Engine, ModelFacts>;

struct ShowAnswer {
  ShowRequest request;
  std::vector<Shown> entries;            // at least one; a name may be a Device and a Processor at once
};

// The Quants a shape can be given, in the order in which people compare them.
std::vector<std::string> recipe_names(const Knowledge& knowledge);

// not_found: with the nearest name of any kind.
Result<ShowAnswer> show(const Knowledge& knowledge, const ShowRequest& request);

}  // namespace rigcast::app
