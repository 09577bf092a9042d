#include "cli/here.hpp"

#include "bench/probe.hpp"

namespace rigcast::cli {

Result<app::Knowledge> load_knowledge(const World& world) {
  RC_ASSIGN(knowledge, app::load_knowledge(world.overlays));
  knowledge.here = [](const catalog::Catalog& catalog) { return bench::to_rig(catalog, bench::probe(bench::this_machine(), bench::Depth::quick)).rig; };
  return std::move(knowledge);
}

}  // namespace rigcast::cli
