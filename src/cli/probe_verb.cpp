#include "bench/probe.hpp"
#include "cli/here.hpp"
#include "cli/probe_fields.hpp"
#include "cli/stubs.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {
namespace {

Result<Outcome> run_probe(const Arguments& arguments, const World& world) {
  RC_ASSIGN(knowledge, load_knowledge(world));
  const bench::Findings findings = bench::probe(bench::this_machine(), bench::Depth::full);
  const bench::Here here = bench::to_rig(knowledge.catalog, findings);
  if (const auto folder = arguments.one("--stubs")) RC_TRY(write_stubs(*folder, here.stubs));
  return Outcome{fields(findings, here)};
}

}  // namespace

Verb probe_verb() {
  return {"probe",
          "what is in this machine: processor, memory, devices, links, drivers, and what limits them"_say,
          {},
          {{"--stubs", "", "DIR", "write a data file to complete for each device nobody knows"_say, Completes::file}},
          {"rigcast probe", "rigcast probe --json", "rigcast plan qwen3-8b:q4_k_m --on here"},
          run_probe};
}

}  // namespace rigcast::cli
