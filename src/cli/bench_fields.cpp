#include "cli/bench_fields.hpp"

#include "base/text.hpp"

namespace rigcast::cli {
namespace {

using namespace report;
using bench::Measurement;

Value known(double value, Unit unit) { return value > 0 ? Value(Number{value, unit}) : Value(std::monostate{}); }

Fields row_of(const Measurement& m) {
  const bool by_flop = bench::kernel_of(m.what.kind).by_flop;
  Fields row{{"case", "kernel"_say, Phrase(bench::spell(m.what))},
             {"bytes_per_second", "bandwidth"_say, by_flop ? Value(std::monostate{}) : known(m.bytes_per_second(), Unit::bandwidth)},
             {"flop_per_second", "arithmetic"_say, by_flop ? known(m.flop_per_second(), Unit::flop_rate) : Value(std::monostate{})},
             {"median_s", "time"_say, known(m.median, Unit::seconds)},
             {"spread", "spread"_say, m.ok() ? Value(Number{m.spread(), Unit::percent}) : Value(std::monostate{})}};
  row.push_back(machine("device", Phrase(m.device.id)));
  row.push_back(machine("bytes", known(m.work.bytes.value(), Unit::bytes)));
  row.push_back(machine("flop", Number{m.work.flop.value(), Unit::none}));
  row.push_back(machine("p10_s", Number{m.p10, Unit::seconds}));
  row.push_back(machine("p90_s", Number{m.p90, Unit::seconds}));
  row.push_back(machine("samples", static_cast<std::int64_t>(m.seconds.size())));
  row.push_back(machine("disturbed", std::int64_t{m.disturbed}));
  row.push_back(machine("error", Number{m.error, Unit::none}));
  row.push_back(machine("rerun", Phrase(m.rerun)));
  row.push_back(machine("failure", Phrase(m.failure)));
  return row;
}

// Devices in the order in which they were measured.
std::vector<bench::DeviceInfo> devices_of(const BenchAnswer& answer) {
  std::vector<bench::DeviceInfo> devices;
  for (const Measurement& m : answer.measurements)
    if (devices.empty() || devices.back().id != m.device.id) devices.push_back(m.device);
  return devices;
}

Sentences troubles(const BenchAnswer& answer) {
  Sentences list;
  if (answer.stopped) list.push_back("stopped early; what was measured until then is kept"_say);
  int disturbed = 0, all = 0;
  for (const Measurement& m : answer.measurements) {
    if (!m.ok()) list.push_back(fill("{0}: {1}"_say, {bench::spell(m.what), m.failure}));
    disturbed += m.disturbed, all += static_cast<int>(m.seconds.size());
  }
  if (disturbed > all / 3) list.push_back("other programs took the processor while measuring: repeat this on a quiet machine"_say);
  for (const std::string& reason : answer.unreachable) list.push_back(reason);
  return list;
}

}  // namespace

report::Report fields(const BenchAnswer& answer) {
  Report report;
  Rows devices;
  for (const bench::DeviceInfo& device : devices_of(answer)) {
    Rows rows;
    for (const Measurement& m : answer.measurements)
      if (m.device.id == device.id && m.ok()) rows.push_back(row_of(m));
    devices.push_back({machine("id", Phrase(device.id)), machine("name", Phrase(device.name)), machine("driver", Phrase(device.driver)),
                       machine("path", Phrase(device.path)), machine("units", std::int64_t{device.units}), machine("in_software", device.in_software)});
    Section section{fill("{0}: {1}, {2} kernels, {3} at once"_say, {device.id, device.name, device.path, std::to_string(device.units)}), {}};
    if (!rows.empty()) section.fields.push_back(people(Show::table, rows));
    report.sections.push_back(std::move(section));
  }
  Rows all;
  for (const Measurement& m : answer.measurements) all.push_back(row_of(m));
  Fields rest{machine("devices", devices), machine("measurements", all), machine("stopped", answer.stopped), machine("log", Phrase(answer.log)),
              list_field("troubles", troubles(answer), Show::warnings)};
  if (!answer.measurements.empty()) rest.push_back(people(Show::sentence, fill("One case again: {0}"_say, {answer.measurements.front().rerun})));
  if (!answer.log.empty()) rest.push_back(people(Show::sentence, fill("Kept in {0}; plans for 'here' use the measured memory bandwidth from now on."_say, {answer.log})));
  report.sections.push_back({{}, std::move(rest)});
  return report;
}

}  // namespace rigcast::cli
