#include "cli/here.hpp"

#include "bench/probe.hpp"
#include "bench/record.hpp"
#include "cli/bench_log.hpp"

namespace rigcast::cli {

Result<app::Knowledge> load_knowledge(const World& world) {
  RC_ASSIGN(knowledge, app::load_knowledge(world.overlays));
  knowledge.here = [log = own_log(world)](const catalog::Catalog& catalog) {
    const bench::Findings findings = bench::probe(bench::this_machine(), bench::Depth::quick);
    bench::Here here = bench::to_rig(catalog, findings);
    bench::use_measured(here, bench::read_bandwidth(kernel_records(log), findings.host.processor.name));
    return here.rig;
  };
  return std::move(knowledge);
}

}  // namespace rigcast::cli
