#include "cli/bench_log.hpp"

#include <fstream>
#include <iterator>

#include "base/text.hpp"
#include "calibration/import.hpp"
#include "calibration/own.hpp"

namespace rigcast::cli {
namespace {

using bench::Record;
using calibration::Observation;

constexpr const char* kPhase = "kernel";

// A processor is a device of its own name; "(CPU)" tells it from graphics of that name.
void set_device(Observation& o, const std::string& backend, const std::string& name) {
  const bool processor = backend == "cpu" || backend == "ggml";
  o.device = processor ? name + " (CPU)" : name;
  o.device_printed = name;
  if (processor) o.processor = name;
  o.engine = o.source = "rigcast bench", o.backend = backend, o.mode = "single";
}

// Numbers of a Record that no column has, by the name of their flag.
struct Number { const char* flag; double Record::*field; };
constexpr Number kNumbers[] = {{"bytes", &Record::bytes}, {"flop", &Record::flop}, {"p10_s", &Record::p10}, {"p90_s", &Record::p90}, {"best_s", &Record::best}, {"error", &Record::error},
                              {"clock_mhz", &Record::clock_mhz}, {"memory_clock_mhz", &Record::memory_clock_mhz}, {"temperature_c", &Record::temperature}, {"power_w", &Record::power}};
bool is_condition(const Number& number) { return number.field == &Record::clock_mhz || number.field == &Record::memory_clock_mhz || number.field == &Record::temperature || number.field == &Record::power; }   // left out where unknown
struct Count { const char* flag; int Record::*field; };
constexpr Count kCounts[] = {{"units", &Record::units}, {"samples", &Record::samples}, {"disturbed", &Record::disturbed}};
struct Text { const char* flag; std::string Record::*field; };
constexpr Text kTexts[] = {{"case", &Record::what}, {"id", &Record::device}, {"driver", &Record::driver}, {"path", &Record::path}, {"held_by", &Record::held_by}};

}  // namespace

std::filesystem::path own_log(const World& world) { return world.user_data.empty() ? std::filesystem::path() : world.user_data / "observations.csv"; }

Observation observation_of(const Record& r) {
  Observation o;
  set_device(o, r.backend, r.name);
  o.phase = kPhase, o.metric_name = "seconds", o.value = r.median, o.date = r.date;
  for (const Text& text : kTexts)
    if (!(r.*text.field).empty()) o.flags[text.flag] = r.*text.field;
  for (const Number& number : kNumbers)
    if (r.*number.field != 0 || !is_condition(number)) o.flags[number.flag] = format_shortest(r.*number.field);
  for (const Count& count : kCounts) o.flags[count.flag] = std::to_string(r.*count.field);
  o.id = calibration::fingerprint(o);
  return o;
}

std::optional<Record> record_of(const Observation& o) {
  if (o.phase != kPhase || o.metric_name != "seconds" || !(o.value > 0)) return std::nullopt;
  Record r{.date = o.date, .device = {}, .backend = o.backend, .name = o.device_printed, .driver = {}, .path = {}, .what = {}, .median = o.value, .held_by = {}};
  const auto flag = [&](const char* name) { const auto found = o.flags.find(name); return found == o.flags.end() ? std::string() : found->second; };
  for (const Text& text : kTexts) r.*text.field = flag(text.flag);
  for (const Number& number : kNumbers) r.*number.field = parse_double(flag(number.flag)).value_or(0);
  for (const Count& count : kCounts) r.*count.field = static_cast<int>(parse_int(flag(count.flag)).value_or(0));
  if (r.best <= 0) r.best = r.median;
  return r;
}

std::vector<Observation> observations_of(const bench::ModelMeasurement& m, const std::string& date) {
  std::vector<Observation> rows;
  for (const bool decode : {true, false}) {
    const bench::Measurement& measured = decode ? m.decode : m.prefill;
    const bench::ModelCase& c = decode ? m.token : m.prompt;
    if (!measured.ok() || measured.median <= 0) continue;
    Observation& o = rows.emplace_back();
    set_device(o, measured.device.backend, measured.device.name);
    o.model = c.model, o.quant = c.quant, o.phase = decode ? "decode" : "prefill", o.date = date;
    (decode ? o.generated : o.prompt) = static_cast<double>(c.tokens);
    o.depth = static_cast<double>(c.depth), o.concurrency = 1;
    o.metric_name = "tokens_per_second", o.metric = calibration::Metric::tokens_per_second, o.value = decode ? m.decode_rate() : m.prefill_rate();
    o.flags = {{"threads", std::to_string(measured.device.units)}, {"path", measured.device.path}, {"samples", std::to_string(measured.seconds.size())},
               {"disturbed", std::to_string(measured.disturbed)}, {"best_s", format_shortest(measured.best)}};
    for (const auto& [name, value] : {std::pair{"clock_mhz", measured.conditions.clock_mhz}, {"temperature_c", measured.conditions.temperature}, {"power_w", measured.conditions.power}})
      if (value) o.flags[name] = format_shortest(*value);
    if (!measured.conditions.held_by.empty()) o.flags["held_by"] = join(measured.conditions.held_by, ", ");
    o.id = calibration::fingerprint(o);
  }
  return rows;
}

std::vector<Record> kernel_records(const std::filesystem::path& log) {
  std::ifstream in(log, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::vector<Record> records;
  for (const Observation& row : calibration::read_own(text, log.string()).rows)
    if (auto record = record_of(row)) records.push_back(std::move(*record));
  return records;
}

}  // namespace rigcast::cli
