#include "app/knowledge.hpp"

namespace rigcast::app {

Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path>& overlays) {
  RC_ASSIGN(catalog, catalog::Catalog::load(overlays));
  return Knowledge{std::move(catalog), {}};
}

}  // namespace rigcast::app
