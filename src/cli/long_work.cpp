#include "cli/long_work.hpp"

#include <algorithm>

#include "app/evaluate.hpp"
#include "base/text.hpp"
#include "bench/probe.hpp"
#include "cli/bench_log.hpp"
#include "cli/bench_run.hpp"
#include "cli/here.hpp"
#include "cli/probe_fields.hpp"
#include "report/answers.hpp"
#include "report/json.hpp"
#include "report/messages.hpp"
#include "server/requests.hpp"

namespace rigcast::cli {
namespace {

using report::machine;

// What the data sheet gives for what a kernel is bound by: arithmetic where its rate is one, memory bandwidth otherwise. 0: nothing.
double promise_of(const catalog::Catalog& catalog, const rig::Rig& here, const bench::Record& record, const bench::Kernel& kernel, const std::string& format) {
  using bench::KernelKind;
  if (kernel.kind == KernelKind::launch || kernel.kind >= KernelKind::copy_in) return 0;
  if (record.backend == "cpu") return kernel.by_flop || here.hosts.empty() ? 0 : here.hosts.front().bandwidth.value();
  const auto device = catalog.device(record.name);
  if (!device) return 0;
  if (!kernel.by_flop) return device->bandwidth ? device->bandwidth->value.value() : 0;
  for (const std::string& rate : {std::string(format.starts_with("q") || format.starts_with("iq") ? "int8" : format == "f16" ? "fp16" : format), std::string("fp16")})
    if (const auto found = device->rates.find(rate); found != device->rates.end()) return found->second.value.value();
  return 0;
}

// The newest record of each kernel, as 'bench' and 'measured' answer.
report::Report measured_fields(const World& world) {
  report::Rows rows;
  const auto knowledge = load_knowledge(world);
  if (!knowledge) return {{{{}, {machine("rows", std::move(rows))}}}};
  const rig::Rig here = bench::to_rig(knowledge->catalog, bench::probe(bench::this_machine(), bench::Depth::quick)).rig;   // as sold, not as measured
  std::vector<bench::Record> newest;
  for (bench::Record& record : kernel_records(own_log(world))) {
    const auto same = std::find_if(newest.begin(), newest.end(), [&](const bench::Record& one) { return one.backend == record.backend && one.name == record.name && one.what == record.what; });
    if (same == newest.end()) newest.push_back(std::move(record));
    else *same = std::move(record);
  }
  for (const bench::Record& record : newest) {
    const auto what = bench::parse_case(record.what);
    if (!what || record.median <= 0) continue;
    const bench::Kernel& kernel = bench::kernel_of(what->kind);
    const double amount = kernel.by_flop ? record.flop : record.bytes;
    if (amount <= 0) continue;
    const double value = amount / record.median, promise = promise_of(knowledge->catalog, here, record, kernel, what->format);
    rows.push_back({machine("date", record.date), machine("device", record.name), machine("backend", record.backend), machine("case", record.what), machine("value", report::Number{value}),
                    machine("unit", kernel.by_flop ? "flop/s" : "B/s"), machine("promise", promise > 0 ? report::Value(report::Number{promise}) : report::Value(std::monostate{})),
                    machine("share", promise > 0 ? report::Value(report::Number{value / promise}) : report::Value(std::monostate{}))});
  }
  return {{{{}, {machine("rows", std::move(rows))}}}};
}

// The quick kernels of every device, kept in the user's log one by one: who stops it keeps what was measured. What else is to be said of it
// stays as the job's message.
Result<void> measure(const World& world, server::Progress& progress) {
  BenchRequest request;
  request.quick = true;
  RC_ASSIGN(answer, run_bench(request, world, {keep_in({own_log(world)}), [&](double done, const std::string& what) { progress.tell(done, what); }, progress.stop()}));
  if (!answer.unreachable.empty()) progress.tell(1, join(answer.unreachable, "; "));
  return {};
}

// What a job answers in: the language its request asks for.
report::Language language_for(const catalog::Catalog& catalog, const std::string& request) {
  const std::string name = server::language_of(request);
  return name.starts_with("zh") ? report::load_language(catalog, name) : report::Language();
}

}  // namespace

std::vector<server::LongVerb> long_work(const World& world) {
  return {
      // What is in this machine, as 'rigcast probe --json' says it.
      {"probe", [world](const std::string& request, server::Progress& progress) -> Result<std::string> {
         progress.tell(-1, "looking at this machine");
         RC_ASSIGN(knowledge, load_knowledge(world));
         const bench::Findings findings = bench::probe(bench::this_machine(), bench::Depth::full);
         return report::render_json(fields(findings, bench::to_rig(knowledge.catalog, findings)), language_for(knowledge.catalog, request));
       }},
      {"measured", [world](const std::string&, server::Progress&) -> Result<std::string> { return report::render_json(measured_fields(world), report::Language()); }},
      {"bench", [world](const std::string&, server::Progress& progress) -> Result<std::string> {
         RC_TRY(measure(world, progress));
         return report::render_json(measured_fields(world), report::Language());
       },
       server::Manner::alone},
      // As 'rigcast evaluate --json'.
      {"evaluate", [world](const std::string& request, server::Progress& progress) -> Result<std::string> {
         RC_ASSIGN(asked, server::read_evaluate_request(request));
         progress.tell(-1, asked.hold_out.empty() ? "predicting every measurement" : "fitting without each " + asked.hold_out);
         RC_ASSIGN(knowledge, load_knowledge(world));
         RC_ASSIGN(answer, app::evaluate(knowledge, asked, &progress));
         return report::render_json(report::fields(answer), language_for(knowledge.catalog, request));
       },
       server::Manner::polite},
  };
}

}  // namespace rigcast::cli
