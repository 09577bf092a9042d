#include "cli/bench_run.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include "app/evaluate.hpp"
#include "base/text.hpp"
#include "bench/probe.hpp"
#include "bench/record.hpp"
#include "cli/bench_log.hpp"
#include "cli/here.hpp"

namespace rigcast::cli {
namespace {

constexpr double kQuickSeconds = 18;   // of the 20 that are promised; the rest is filling memory
constexpr double kLongestCase = 3;     // s, with filling its memory, where others take most of the processor

// A file that cannot be written is named once; measuring goes on.
void keep_or_tell(const Keep& keep, const std::vector<calibration::Observation>& rows, BenchAnswer& answer) {
  if (rows.empty()) return;
  if (const auto kept = keep(rows); !kept && !answer.unkept) answer.unkept = true, answer.unreachable.push_back(to_text(kept.error()));
}

// One of the devices to measure, and its part of the whole run.
struct Turn { std::size_t number = 0, of = 1; };

// One token and one prompt of each model's very shape.
void measure_models(bench::Device& device, const BenchRequest& request, const std::vector<model::Architecture>& models, Turn turn, const BenchWatch& watch, BenchAnswer& answer) {
  const bench::Effort effort{.seconds = request.quick ? 2.0 : 6.0, .least = 3, .most = 30, .sample_seconds = 0.01};
  for (std::size_t i = 0; i < models.size(); ++i) {
    const model::Architecture& architecture = models[i];
    bench::ModelMeasurement m;
    for (const bool decode : {true, false}) {
      if (watch.stop.load()) break;
      bench::Measurement& out = decode ? m.decode : m.prefill;
      auto c = bench::model_case(architecture, decode ? 1 : request.prompt, request.depth);
      if (!c) { m.token.model = architecture.key, out.failure = c.error().message; continue; }
      (decode ? m.token : m.prompt) = *c;
      watch.tell((static_cast<double>(turn.number) + (static_cast<double>(i) + (decode ? 0 : 0.5)) / static_cast<double>(models.size())) / static_cast<double>(turn.of),
                 (decode ? "one token of " : "one prompt of ") + architecture.key);
      out = bench::measure(device, *c, effort, watch.stop);
      out.rerun = "rigcast bench --model " + architecture.key + ":" + to_lower(architecture.quant) + " --prompt " + std::to_string(request.prompt) +
                  (request.depth > 0 ? " --depth " + std::to_string(request.depth) : "");
    }
    keep_or_tell(watch.keep, observations_of(m, bench::probe_date()), answer);
    answer.models.push_back(std::move(m));
  }
}

void measure_device(bench::Device& device, const BenchRequest& request, Turn turn, const BenchWatch& watch, BenchAnswer& answer) {
  const double seconds = kQuickSeconds / static_cast<double>(turn.of);   // what a quick look may take in all
  const auto cases = request.cases.empty() ? bench::standard_cases(device, request.quick) : request.cases;
  bench::Effort effort = request.quick ? bench::kQuick : bench::Effort{};
  if (request.quick) effort.seconds = std::min(effort.seconds, seconds / 3 / static_cast<double>(std::max<std::size_t>(1, cases.size())));
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < cases.size() && !watch.stop.load(); ++i) {
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto left_out = [&](const char* why) { answer.unreachable.push_back(device.info().id + why + std::to_string(cases.size() - i)); };
    if (device.lost()) {
      left_out(": the device is lost; kernels left out: ");
      break;
    }
    if (request.quick && request.cases.empty() && spent > seconds - std::min(kLongestCase, seconds / 6)) {
      left_out(": there was no time for all kernels; left out: ");
      break;
    }
    watch.tell((static_cast<double>(turn.number) + static_cast<double>(i) / static_cast<double>(cases.size())) / static_cast<double>(turn.of),
               device.info().id + ", " + std::to_string(i + 1) + " of " + std::to_string(cases.size()) + ": " + bench::spell(cases[i]));
    answer.measurements.push_back(bench::measure(device, cases[i], effort, watch.stop));
    const bench::Measurement& m = answer.measurements.back();
    if (m.ok() && !m.device.in_software) keep_or_tell(watch.keep, {observation_of(bench::to_record(m, bench::probe_date()))}, answer);
  }
}

Result<std::vector<model::Architecture>> read_models(const BenchRequest& request, const World& world) {
  std::vector<model::Architecture> models;
  if (request.models.empty()) return models;
  RC_ASSIGN(knowledge, load_knowledge(world));
  for (const std::string& spec : request.models) {
    RC_ASSIGN(architecture, app::find_model(knowledge, spec));
    models.push_back(std::move(architecture));
  }
  return models;
}

Result<void> check_backend(const std::string& device) {
  const std::string asked(split(device, ':').front());
  if (asked.empty()) return {};
  std::vector<std::string> names;
  for (const bench::Backend& backend : bench::backends()) names.emplace_back(backend.name);
  if (std::find(names.begin(), names.end(), asked) != names.end()) return {};
  return fail(ErrorKind::not_found, "no backend '" + asked + "'; there are " + join(names, ", "), Where{"--device"}, "device", nearest_name(asked, names));
}

// The devices of this machine and those of them to measure. All stay open: some kernels use several.
struct Opened {
  std::vector<std::vector<std::unique_ptr<bench::Device>>> all;
  std::vector<std::string> ids;
  std::vector<bench::Device*> chosen;
};

Opened open_devices(const BenchRequest& request, bool for_models, BenchAnswer& answer) {
  Opened opened;
  std::set<std::string> cards;   // by PCI address: one that several interfaces reach is measured through the best of them
  for (const bench::Backend& backend : bench::backends()) {
    if (!request.device.empty() && split(request.device, ':').front() != backend.name) continue;
    auto devices = backend.open(bench::this_machine(), request.options);
    if (!devices) {
      // Most machines lack most drivers: only who asks for one needs to know why it is not there.
      if (!request.device.empty()) answer.unreachable.push_back(std::string(backend.name) + ": " + devices.error().message);
      continue;
    }
    for (auto& device : *devices) {
      opened.ids.push_back(device->info().id);
      const bool asked = request.device == device->info().id || request.device == backend.name;
      if (!asked && (!request.device.empty() || device->info().in_software)) continue;
      if (const std::string& card = device->info().pci_address; !asked && !card.empty() && !cards.insert(card).second) continue;
      if (!for_models || device->info().backend == "cpu" || asked) opened.chosen.push_back(device.get());
    }
    opened.all.push_back(std::move(*devices));
  }
  return opened;
}

}  // namespace

Keep keep_in(std::vector<std::filesystem::path> files) {
  std::erase(files, std::filesystem::path());
  return [files = std::move(files)](const std::vector<calibration::Observation>& rows) -> Result<void> {
    for (const std::filesystem::path& file : files) RC_TRY(app::observe(rows, file));
    return {};
  };
}

Result<void> check_share(const std::filesystem::path& file) {
  std::error_code ignored;
  if (file.empty() || !file.has_parent_path() || std::filesystem::is_directory(file.parent_path(), ignored)) return {};
  return fail(ErrorKind::input, "there is no folder " + file.parent_path().string(), Where{"--share"}, "share");
}

ExitCode exit_code(const BenchAnswer& answer) { return answer.stopped ? ExitCode::interrupted : ExitCode::fits; }

Result<BenchAnswer> run_bench(const BenchRequest& request, const World& world, const BenchWatch& watch) {
  RC_ASSIGN(models, read_models(request, world));
  RC_TRY(check_backend(request.device));
  BenchAnswer answer;
  const Opened opened = open_devices(request, !models.empty(), answer);
  for (std::size_t i = 0; i < opened.chosen.size() && !watch.stop.load(); ++i) {
    const Turn turn{i, opened.chosen.size()};
    if (models.empty()) measure_device(*opened.chosen[i], request, turn, watch, answer);
    else measure_models(*opened.chosen[i], request, models, turn, watch, answer);
  }
  answer.stopped = watch.stop.load();
  if (opened.ids.empty() && !answer.unreachable.empty()) return fail(ErrorKind::not_found, answer.unreachable.front(), Where{"--device"}, "device");
  if (answer.measurements.empty() && answer.models.empty() && !answer.stopped)
    return fail(ErrorKind::not_found, "no device '" + request.device + "' here; there are " + join(opened.ids, ", "), Where{"--device"}, "device",
                nearest_name(request.device, opened.ids));
  return answer;
}

}  // namespace rigcast::cli
