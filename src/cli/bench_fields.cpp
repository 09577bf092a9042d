#include "cli/bench_fields.hpp"

#include <map>
#include <tuple>

#include "base/text.hpp"

namespace rigcast::cli {
namespace {

using namespace report;
using bench::Measurement;

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
  const bench::Conditions& c = m.conditions;
  for (const auto& [name, value, unit] : {std::tuple{"clock_mhz", c.clock_mhz, Unit::none}, {"memory_clock_mhz", c.memory_clock_mhz, Unit::none}, {"temperature_c", c.temperature, Unit::none}, {"power_w", c.power, Unit::watts}})
    row.push_back(machine(name, value ? Value(Number{*value, unit}) : Value(std::monostate{})));
  row.push_back(machine("held_by", Phrase(join(c.held_by, ", "))));
  row.push_back(machine("broke_off", Phrase(m.broke_off)));
  row.push_back(machine("rerun", Phrase(m.rerun)));
  row.push_back(machine("failure", Phrase(m.failure)));
  return row;
}

Fields row_of(const bench::ModelMeasurement& m, bool decode) {
  const Measurement& measured = decode ? m.decode : m.prefill;
  const bench::ModelCase& c = decode ? m.token : m.prompt;
  const std::string what = decode ? "decode" : "prefill of " + std::to_string(c.tokens);
  return {{"model", "model"_say, Phrase(c.model + ":" + to_lower(c.quant))},
          {"phase", "step"_say, Phrase(c.depth > 0 ? what + " at depth " + std::to_string(c.depth) : what)},
          {"tokens_per_second", "speed"_say, known(decode ? m.decode_rate() : m.prefill_rate(), Unit::token_rate)},
          {"bytes_per_second", "bandwidth"_say, known(measured.bytes_per_second(), Unit::bandwidth)},
          {"flop_per_second", "arithmetic"_say, known(measured.flop_per_second(), Unit::flop_rate)},
          {"spread", "spread"_say, measured.ok() ? Value(Number{measured.spread(), Unit::percent}) : Value(std::monostate{})},
          machine("tokens", c.tokens),
          machine("depth", c.depth),
          machine("median_s", Number{measured.median, Unit::seconds}),
          machine("bytes", known(measured.work.bytes.value(), Unit::bytes)),
          machine("flop", Number{measured.work.flop.value(), Unit::none}),
          machine("samples", static_cast<std::int64_t>(measured.seconds.size())),
          machine("disturbed", std::int64_t{measured.disturbed}),
          machine("error", Number{measured.error, Unit::none}),
          machine("rerun", Phrase(measured.rerun)),
          machine("failure", Phrase(measured.failure))};
}

// Devices in the order in which they were measured.
std::vector<bench::DeviceInfo> devices_of(const BenchAnswer& answer) {
  std::vector<bench::DeviceInfo> devices;
  for (const Measurement& m : answer.measurements)
    if (devices.empty() || devices.back().id != m.device.id) devices.push_back(m.device);
  return devices;
}

// Which limits held a device's clock down, and how often.
Sentences held_down(const BenchAnswer& answer, const bench::DeviceInfo& device) {
  std::map<std::string, int> times;
  int kernels = 0;
  for (const Measurement& m : answer.measurements) {
    if (m.device.id != device.id || !m.ok()) continue;
    ++kernels;
    for (const std::string& reason : m.conditions.held_by) ++times[reason];
  }
  Sentences list;
  for (const auto& [reason, count] : times)
    list.push_back(fill("{0}: its clock was held down ({1}) in {2} of {3} kernels"_say, {device.id, reason, std::to_string(count), std::to_string(kernels)}));
  return list;
}

Sentences troubles(const BenchAnswer& answer) {
  Sentences list;
  if (answer.stopped) list.push_back("stopped early; what was measured until then is kept"_say);
  int disturbed = 0, all = 0;
  // What a library that is not installed would have measured is no trouble of this machine.
  const auto worth_saying = [](const Measurement& m) { return m.what.kind != bench::KernelKind::gemm || m.failure.find("is not installed") == std::string::npos; };
  for (const bench::DeviceInfo& device : devices_of(answer))
    for (Phrase& sentence : held_down(answer, device)) list.push_back(std::move(sentence));
  for (const Measurement& m : answer.measurements) {
    if (!m.broke_off.empty()) list.push_back(fill("{0}: broke off after {1} samples: {2}"_say, {bench::spell(m.what), std::to_string(m.seconds.size()), m.broke_off}));
    if (!m.ok() && worth_saying(m)) list.push_back(fill("{0}: {1}"_say, {bench::spell(m.what), m.failure}));
    disturbed += m.disturbed, all += static_cast<int>(m.seconds.size());
  }
  for (const bench::ModelMeasurement& m : answer.models)
    for (const Measurement* part : {&m.decode, &m.prefill}) {
      if (!part->ok()) list.push_back(fill("{0}: {1}"_say, {m.token.model, part->failure}));
      disturbed += part->disturbed, all += static_cast<int>(part->seconds.size());
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
  Rows all, models;
  for (const Measurement& m : answer.measurements) all.push_back(row_of(m));
  for (const bench::ModelMeasurement& m : answer.models)
    for (const bool decode : {true, false})
      if ((decode ? m.decode : m.prefill).work.flop.value() > 0) models.push_back(row_of(m, decode));
  if (!models.empty())
    report.sections.push_back({fill("Models of made-up weights on {0}: {1}"_say, {answer.models.front().decode.device.id, answer.models.front().decode.device.name}),
                               {{"models", {}, models, Show::table}}});
  Fields rest{machine("devices", devices), machine("measurements", all), machine("stopped", answer.stopped), machine("log", Phrase(answer.log)),
              list_field("troubles", troubles(answer), Show::warnings)};
  if (!answer.measurements.empty()) rest.push_back(people(Show::sentence, fill("One case again: {0}"_say, {answer.measurements.front().rerun})));
  if (!answer.models.empty()) rest.push_back(people(Show::sentence, fill("Again: {0}"_say, {answer.models.front().decode.rerun})));
  if (!answer.log.empty()) rest.push_back(people(Show::sentence, fill("Kept in {0}; plans for 'here' use it from now on."_say, {answer.log})));
  if (!answer.shared.empty()) rest.push_back(people(Show::sentence, fill("Written to {0}: card, driver, kernels and times, nothing about you."_say, {answer.shared})));
  report.sections.push_back({{}, std::move(rest)});
  return report;
}

}  // namespace rigcast::cli
