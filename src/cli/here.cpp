#include "cli/here.hpp"

#include <algorithm>
#include <memory>

#include "app/own.hpp"
#include "bench/probe.hpp"
#include "bench/record.hpp"
#include "cli/bench_log.hpp"

namespace rigcast::cli {
namespace {

constexpr std::chrono::seconds kProbeLasts{5};   // a comparison of many models asks again and again; memory in use and clocks change

}  // namespace

Result<app::Knowledge> load_knowledge(const World& world) {
  RC_ASSIGN(knowledge, app::load_knowledge(world.overlays));
  // The user's folder may come into being while a server runs: its log is looked for although it was no overlay yet.
  std::vector<std::filesystem::path> folders = world.overlays;
  if (!world.user_data.empty() && std::find(folders.begin(), folders.end(), world.user_data) == folders.end()) folders.push_back(world.user_data);
  if (!folders.empty()) knowledge.own = std::make_shared<app::OwnLogs>(app::own_log_files(folders));
  const auto probe = std::make_shared<KeptAWhile<bench::Findings>>([] { return bench::probe(bench::this_machine(), bench::Depth::quick); }, kProbeLasts);
  knowledge.here = [probe, log = own_log(world)](const catalog::Catalog& catalog) {
    const bench::Findings findings = probe->get();
    bench::Here here = bench::to_rig(catalog, findings);
    const std::vector<bench::Record> records = kernel_records(log);
    bench::use_measured(here, bench::read_bandwidth(records, findings.host.processor.name));
    bench::use_measured(here, bench::engine_rates(records, findings.host.processor.name));
    return here.rig;
  };
  return std::move(knowledge);
}

}  // namespace rigcast::cli
