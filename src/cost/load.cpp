#include "cost/load.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cost/detail/stages.hpp"
#include "cost/roof.hpp"

namespace rigcast::cost {

using placement::kHost;

namespace detail {

int Builder::path(Path p) {
  if (!setting.source.empty()) p.factors.add({"source|", setting.source});
  load.paths.push_back(std::move(p));
  return static_cast<int>(load.paths.size()) - 1;
}

int Builder::measured_path(double rate) {
  Path p{.peak = rate, .factors = {}, .efficiency = 1};
  if (load.offloaded) add_factor(p, "host_weights", "offload", "");   // beside a device the host reads in short bursts
  load.measured = true;
  return path(std::move(p));
}

std::string Builder::name_of(int device_index) const {
  if (device_index == kHost) return "host";
  return "device " + std::to_string(device_index) + ": " + device(device_index).device.name;
}

int Builder::device_of_cache(std::size_t layer) const {
  if (cpu) return kHost;
  const int device = layer < place.kv_device.size() ? place.kv_device[layer] : 0;
  return split > 1 && device != kHost ? lead : device;
}

bool compressed_attention(const model::Architecture& model) { return model.family == "deepseek4" || model.family == "deepseek41" || model.key.rfind("deepseek-v4", 0) == 0; }

double known_rate(double rate, const catalog::Device& device) { return rate > 0 ? rate : 40 * device.bandwidth->value.value(); }

}  // namespace detail

namespace {

using detail::Builder;
using placement::Mode;

// Devices that share every tensor wait for each other: the time is that of the one with the most to read for its bandwidth.
void choose_lead(Builder& b) {
  double slowest = 0;
  for (const placement::DeviceShare& share : b.place.devices) {
    const double part = share.fraction < 1 ? share.fraction : 1.0 / b.split;
    const double seconds = part / b.device(share.device).device.bandwidth->value.value();
    if (seconds <= slowest) continue;
    slowest = seconds;
    b.lead = share.device;
    b.part = part;
  }
}

Result<void> check_known(const rig::Rig& rig, const placement::Placement& placement, bool cpu) {
  if (rig.hosts.empty()) return fail(ErrorKind::unsupported, "the rig has no host");
  if (!cpu && placement.devices.empty()) return fail(ErrorKind::unsupported, "the placement uses no device");
  for (const auto& share : placement.devices) {
    const auto& device = rig.devices[static_cast<std::size_t>(share.device)].device;
    if (!device.bandwidth || device.bandwidth->value.value() <= 0)
      return fail(ErrorKind::unsupported, "the memory bandwidth of " + device.name + " is unknown: no speed can be derived");
  }
  return {};
}

// Weights of layers, that tokens are multiplied with, on the host or on devices.
bool holds_layers(const Builder& b, bool host) {
  const auto& tensors = b.work.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if ((b.device_of_tensor(i) == kHost) == host && multiplied(b.work.kinds()[tensors[i].kind].role, false) && (b.model.tensors[i].layer >= 0 || host)) return true;
  return false;
}

// Prompt tokens of one pass: engines with a cache in blocks count the tokens of all requests.
int prompt_chunk(const placement::Settings& settings) { return settings.max_batched_tokens > 0 ? settings.max_batched_tokens : settings.ubatch; }

// Devices of several makers may have no backend in common; then the engine runs each on its own.
std::vector<Setting> own_settings(const rig::Rig& rig, const Setting& common) {
  const auto runs = [&](const rig::RigDevice& d) {
    const auto& known = d.device.runs;
    return known.empty() || std::find(known.begin(), known.end(), common.backend) != known.end();
  };
  const auto foreign = [&](const rig::RigDevice& d) { return d.device.vendor != rig.devices.front().device.vendor; };
  if (std::none_of(rig.devices.begin(), rig.devices.end(), foreign) || std::all_of(rig.devices.begin(), rig.devices.end(), runs)) return {};
  std::vector<Setting> own(rig.devices.size(), common);
  for (std::size_t i = 0; i < own.size(); ++i)
    if (!runs(rig.devices[i])) own[i].backend = rig.devices[i].device.runs.front();
  return own;
}

// What a pass of another model takes, which drafts: as a step of its own would, but that a serving engine schedules both together.
Result<void> add_drafter(Builder& b, const placement::Placement& drafting, const Conditions& stated) {
  Conditions conditions = stated;
  conditions.drafter = nullptr;
  conditions.drafts = {};
  RC_ASSIGN(draft, load_of(*stated.drafter, b.rig, drafting, conditions));
  const int paths = static_cast<int>(b.load.paths.size());
  b.load.paths.insert(b.load.paths.end(), std::make_move_iterator(draft.paths.begin()), std::make_move_iterator(draft.paths.end()));
  for (Stage& stage : draft.stages) {
    if (b.load.schedules_between && (stage.kind == StageKind::host || stage.kind == StageKind::sequence)) continue;
    for (int* path : {&stage.memory, &stage.compute, &stage.prefill_memory, &stage.prefill_compute, &stage.stream, &stage.stream_compute, &stage.vector, &stage.uncaptured})
      if (*path >= 0) *path += paths;
    if (b.copies > 1) stage.token_share = 1.0 / b.copies;
    b.load.stages.push_back(std::move(stage));
  }
  return {};
}

}  // namespace

Result<Load> load_of(const ModelWork& work, const rig::Rig& rig, const placement::Placement& placement, const Conditions& stated) {
  const model::Architecture& architecture = work.architecture();
  Conditions conditions = stated;
  conditions.eager = stated.eager || placement.settings.eager;   // by the row of a measurement, or the flags of a plan
  const bool cpu = rig.devices.empty() || placement.mode == Mode::cpu;
  RC_TRY(check_known(rig, placement, cpu));
  Builder b{architecture, work, rig, placement, conditions, {}, {}, cpu};
  b.setting = setting_of(placement.engine, cpu ? "cpu" : placement.backend, conditions);
  if (!cpu) b.own = own_settings(rig, b.setting);
  b.eager = captures_graphs(b.setting) && (conditions.eager || captures_nothing_yet(b.setting));
  b.load.copies = placement::whole_copies(architecture, placement.settings);
  const int ranges = placement.mode == Mode::pipeline ? std::max(1, placement.settings.pipeline_degree) : 1;   // that devices share
  if (!cpu && (placement.mode == Mode::tensor || placement.mode == Mode::row || placement.mode == Mode::expert || ranges > 1))
    b.split = std::max(1, static_cast<int>(placement.devices.size()) / (b.load.copies * ranges));
  if (b.split > 1) choose_lead(b);
  if (const int copies = placement.settings.data_degree * std::max(1, placement.settings.replicas) / b.load.copies; copies > 1 && b.split % copies == 0) b.copies = copies;
  b.load.engine = placement.engine;
  b.load.backend = b.setting.backend;
  if (!cpu) b.load.family = rig.devices.front().device.architecture;
  else if (const auto& processor = b.host().processor) b.load.family = processor->architecture;
  b.load.format = work.main_format();
  b.load.ubatch = std::max(1, prompt_chunk(placement.settings));
  b.load.offloaded = !b.cpu && holds_layers(b, true);
  b.alternates = b.load.offloaded && holds_layers(b, false);
  if ((cpu || b.load.offloaded || placement.host_attention) && rig.hosts.front().bandwidth.value() <= 0)
    return fail(ErrorKind::unsupported, "the memory bandwidth of the host is unknown: no speed can be derived");
  if (!b.load.offloaded && (b.split <= 1 || ranges > 1) && pipelines_prompts(b.setting, placement.mode))
    b.load.pipeline_devices = ranges > 1 ? ranges : static_cast<int>(placement.devices.size());
  b.load.passes_in_flight = passes_in_flight(b.setting, b.load.pipeline_devices);
  add_weights(b);
  add_attention(b);
  add_sent_cache(b);
  add_recurrent(b);
  add_overheads(b);
  add_links(b);
  b.load.mixed = b.path(engine_path("mixed", 1, b.setting));
  b.load.shares_tensors = b.split > 1;
  b.load.runs_ahead = !cpu && (starts_from_python(b.setting) || b.eager || captures_pieces(b.setting));
  b.load.schedules_between = b.setting.group == "serving";
  b.load.mixes = mixes_prompts(b.setting.engine);
  b.load.drafts = stated.drafts.tokens > 0 ? stated.drafts : drafts_of(placement.settings.speculation, stated.acceptances, stated.acceptance);
  b.load.speculation = b.path(engine_path("speculation", 1, b.setting));
  b.load.own_stages = b.load.stages.size();
  if (placement.drafting && stated.drafter) RC_TRY(add_drafter(b, *placement.drafting, stated));
  return std::move(b.load);
}

double sequences_of_copy(const Load& load, double sequences) { return load.copies > 1 ? std::max(1.0, std::ceil(sequences / load.copies)) : sequences; }

void resolve(Load& load, const Calibration& calibration) {
  for (Path& path : load.paths) {
    double sum = 0;
    for (const Factor& factor : path.factors)
      if (const Effect* effect = calibration.effects.find(factor.effect)) sum += factor.exponent * effect->mean;
    path.efficiency = std::exp(under_roof(sum, path.log_roof()).log);
  }
}

double Path::log_roof() const { return roof > 0 ? std::log(roof / peak) : std::numeric_limits<double>::infinity(); }

}  // namespace rigcast::cost
