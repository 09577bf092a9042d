#include "app/knowledge.hpp"

#include "base/text.hpp"

namespace rigcast::app {

Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path>& overlays) {
  RC_ASSIGN(catalog, catalog::Catalog::load(overlays));
  return Knowledge{std::move(catalog), {}, {}};
}

Result<rig::Rig> read_rig(const Knowledge& knowledge, std::string_view spec) {
  if (knowledge.here && equal_ignoring_case(trim(spec), "here")) return knowledge.here(knowledge.catalog);
  return rig::parse_rig(knowledge.catalog, spec);
}

}  // namespace rigcast::app
