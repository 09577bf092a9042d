#include "calibration/detail/layout.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "calibration/detail/names.hpp"

namespace rigcast::calibration::detail {
namespace {

using model::Role;
using placement::Mode;

std::string flag(const Observation& o, const char* key) {
  const auto found = o.flags.find(key);
  return found == o.flags.end() ? std::string() : found->second;
}

double number_flag(const Observation& o, const char* key, double missing) {
  return parse_double(flag(o, key)).value_or(missing);
}

bool noted(const Observation& o, std::string_view text) { return o.note.find(text) != std::string::npos; }

// What the memory's size says of a board nobody names: four slots hold at most 256 GB, so more is a server's eight channels.
bool is_server_memory(const std::string& printed) {
  constexpr double kMostOnADesktop = 256;
  const std::size_t end = printed.find_first_not_of("0123456789.");
  return parse_double(printed.substr(0, end)).value_or(0) > kMostOnADesktop && to_lower(printed.substr(std::min(end, printed.size()))).find("gb") != std::string::npos;
}

// The whole number before or after `mark` in a text: "12 channels", "8ch", "DDR4-3200". 0: none.
int number_beside(const std::string& text, std::string_view mark, bool before) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) return 0;
  std::size_t begin = at + mark.size(), end = begin;
  if (before) {
    end = text.find_last_not_of(' ', at == 0 ? 0 : at - 1) + 1;
    begin = end;
    while (begin > 0 && digit(begin - 1)) --begin;
  } else {
    while (end < text.size() && digit(end)) ++end;
  }
  return end > begin && end - begin < 6 ? std::stoi(text.substr(begin, end - begin)) : 0;
}

// "64 GB DDR4-3000, 2 channels": what a source says of its memory goes before what its processor could take.
void read_memory(const std::string& printed, rig::Host& host) {
  const std::string text = to_lower(printed);
  for (const char* type : {"ddr3-", "ddr4-", "ddr5-", "ddr5x-", "mrdimm-"})
    if (const int rate = number_beside(text, type, false); rate >= 800 && rate <= 20000) host.memory_mt_s = rate;
  for (const char* mark : {"channel", "ch "})
    if (const int channels = number_beside(text, mark, true); channels >= 1 && channels <= 24) host.channels = channels;
}

rig::Host host_of(const catalog::Catalog& catalog, const Observation& o, bool is_processor) {
  rig::Host host;
  auto processor = processor_of(catalog, is_processor ? o.device : o.processor);
  if (!processor && is_processor) processor = processor_of(catalog, o.processor);
  host.name = processor ? processor->key : "unknown";
  host.assumed = !processor;
  host.sockets = is_processor ? std::max(1, o.devices) : (!o.processor.empty() && o.processor.rfind("2x", 0) == 0 ? 2 : 1);
  if (processor) {
    host.processor = processor;
    host.cores = processor->cores * host.sockets;
    host.channels = processor->channels * host.sockets;
    host.memory_mt_s = processor->memory_mt_s;
    host.memory_type = processor->memory_type;
  } else {
    const bool server = is_server_memory(o.host_memory), ddr4 = to_lower(o.host_memory).find("ddr4") != std::string::npos;
    host.cores = server ? 32 : 16;
    host.channels = server ? 8 : 2;
    host.memory_mt_s = server ? (ddr4 ? 3200 : 4800) : 5200;
    host.memory_type = ddr4 ? "ddr4" : "ddr5";
  }
  read_memory(o.host_memory, host);
  host.channels = std::max(host.channels, host.sockets);
  const double channel_bytes = (processor ? processor->channel_bits : 64) / 8.0;
  host.bandwidth = Bandwidth(channel_bytes * host.channels * host.memory_mt_s * 1e6);
  if (processor && processor->core_bandwidth) host.bandwidth = std::min(host.bandwidth, processor->core_bandwidth->value * host.sockets);
  return host;
}

// The slot of a card: as the note says ("PCIe 3.0 x16", "PCIe 4.0 x4"), else what the card can do.
Result<catalog::LinkType> slot_of(const catalog::Catalog& catalog, const catalog::Device& device, const Observation& o) {
  int generation = std::clamp(device.link.pcie_generation > 0 ? device.link.pcie_generation : 4, 1, 6);
  int lanes = device.link.pcie_lanes > 0 ? device.link.pcie_lanes : 16;
  for (int stated = 1; stated < generation; ++stated)
    if (noted(o, "PCIe " + std::to_string(stated)) || noted(o, "PCIe Gen" + std::to_string(stated)) || noted(o, "PCIe gen " + std::to_string(stated))) generation = stated;
  for (int stated : {8, 4, 1})
    if (stated < lanes && noted(o, "PCIe " + std::to_string(generation) + ".0 x" + std::to_string(stated)) && !noted(o, ".0 x16")) lanes = stated;
  return catalog.link("pcie" + std::to_string(generation) + "x" + std::to_string(lanes));
}

// Whether the devices of a row are joined by a fabric of their own, which is added then. Modules are built onto theirs; bridges between
// cards are optional and rarely stated. A fabric ends at the server's wall.
bool join_by_fabric(rig::Rig& rig, const catalog::Device& device, const Observation& o) {
  const int count = static_cast<int>(rig.devices.size());
  if (!device.link.nvlink || count > std::max(2, device.link.nvlink_peers)) return false;
  if (!device.link.built_in && !noted(o, "NVLink") && !noted(o, "nvlink") && (device.link.name.empty() || !noted(o, device.link.name))) return false;
  if (noted(o, "no NVLink")) return false;
  catalog::LinkType fabric;
  fabric.name = device.link.name.empty() ? "NVLink" : device.link.name;
  fabric.bandwidth = *device.link.nvlink;
  fabric.latency.value = Seconds(5e-6);
  for (int i = 0; i < count; ++i)
    for (int j = i + 1; j < count; ++j) rig.links.push_back({i, j, fabric, true});
  return true;
}

// What joins the devices, and each of them with the host.
void join(rig::Rig& rig, const catalog::Device& device, catalog::LinkType slot, const Observation& o) {
  const int count = static_cast<int>(rig.devices.size());
  if (device.unified) slot.bandwidth.value = device.bandwidth ? device.bandwidth->value : Bandwidth(50e9);
  for (int i = 0; i < count; ++i) rig.links.push_back({i, -1, slot, false});
  if (count < 2) return;
  if (!join_by_fabric(rig, device, o) && (noted(o, "P2P on") || noted(o, "patched P2P") || (device.link.reads_peers && !noted(o, "no P2P"))))
    for (int i = 0; i < count; ++i)
      for (int j = i + 1; j < count; ++j) rig.links.push_back({i, j, slot, true});
}

Mode mode_of(const Observation& o, const std::string& group, int devices) {
  if (devices < 2) return Mode::single;
  if (flag(o, "split_mode") == "graph" || flag(o, "sm") == "graph" || noted(o, "'graph'")) return Mode::tensor;
  if (flag(o, "split_mode") == "row" || flag(o, "sm") == "row") return Mode::row;
  if (o.mode == "layer" || o.mode == "pipeline") return Mode::layer;
  if (o.mode == "tensor" || o.mode == "expert" || o.mode == "data") return Mode::tensor;
  return group == "ggml" || group == "exllama" || group == "eager" ? Mode::layer : Mode::tensor;
}

// Which weights the notes and flags say stayed in host memory.
enum class Offload { none, experts, rest };
Offload offload_of(const Observation& o) {
  if (noted(o, "in system RAM") || flag(o, "ot").find("exps=CPU") != std::string::npos || noted(o, "on the CPU (MoE offload)")) return Offload::experts;
  if (noted(o, "rest on CPU") || noted(o, "layers partly") || noted(o, "ffn on CPU") || noted(o, "partially offloaded")) return Offload::rest;
  if (!flag(o, "n_cpu_moe").empty() || !flag(o, "cpu_moe").empty()) return Offload::experts;
  return Offload::none;
}

// `first_layers`: of experts that stay on the host, only those of so many layers from the first do.
void place_tensors(const model::Architecture& model, placement::Placement& p, Offload offload, double device_memory, int devices, int first_layers) {
  const int layers = static_cast<int>(model.layers.size());
  const auto owner = [&](int layer) { return std::clamp(layer, 0, layers) * devices / (layers + 1); };
  p.tensor_device.assign(model.tensors.size(), 0);
  p.kv_device.resize(static_cast<std::size_t>(layers));
  for (int l = 0; l < layers; ++l) p.kv_device[static_cast<std::size_t>(l)] = p.mode == Mode::layer ? owner(l) : 0;
  for (std::size_t i = 0; i < model.tensors.size(); ++i)
    if (p.mode == Mode::layer) p.tensor_device[i] = owner(model.tensors[i].layer);
  double total = model.weight_bytes().value();
  // What does not fit goes to the host although nobody said so: experts or feed-forward matrices from the last layer backwards.
  if (offload == Offload::none && total < 1.04 * device_memory) return;
  const double room = offload == Offload::experts ? 0 : 0.92 * device_memory - 1e9;
  const Role first = model.has_experts() ? Role::expert_ffn : Role::dense_ffn;
  for (std::size_t i = model.tensors.size(); i-- > 0;) {
    const model::Tensor& t = model.tensors[i];
    if (t.role != first) continue;
    if (offload != Offload::experts && total <= room) break;
    if (offload == Offload::experts && t.layer >= first_layers) continue;
    p.tensor_device[i] = placement::kHost;
    total -= t.bytes.value();
  }
  for (std::size_t i = model.tensors.size(); i-- > 0 && first == Role::dense_ffn && total > room && offload != Offload::experts;) {
    const model::Tensor& t = model.tensors[i];
    if (t.role != Role::attention) continue;
    p.tensor_device[i] = placement::kHost;
    total -= t.bytes.value();
  }
}

void set_settings(const Observation& o, placement::Settings& s) {
  s.ubatch = static_cast<int>(std::clamp(number_flag(o, "ub", s.ubatch), 1.0, 65536.0));
  s.batch = static_cast<int>(std::clamp(number_flag(o, "b", 2048), 1.0, 65536.0));
  const std::string fa = to_lower(flag(o, "fa").empty() ? flag(o, "flash_attn") : flag(o, "fa"));
  if (!fa.empty()) s.flash_attention = fa != "0" && fa != "off" && fa != "false";
  const std::string cache = to_lower(flag(o, "kv_cache_dtype"));
  // Its FP8 and FP4 checkpoints say that the cache is FP8.
  const std::string quant = to_lower(o.quant);
  const bool checkpoint_cache = cache.empty() && to_lower(o.engine).rfind("tensorrt", 0) == 0 && (quant == "fp8" || quant == "nvfp4" || quant == "fp4");
  s.key_quant = checkpoint_cache ? "fp8" : !flag(o, "ctk").empty() ? to_lower(flag(o, "ctk")) : cache.empty() || cache.rfind("auto", 0) == 0 ? "f16" : cache;
  s.value_quant = !flag(o, "ctv").empty() ? to_lower(flag(o, "ctv")) : s.key_quant;
  s.threads = static_cast<int>(std::clamp(number_flag(o, "threads", 0), 0.0, 4096.0));
}

// Engines that people measured and nobody can plan for here have the rules of their kind.
catalog::Engine rules_of(const catalog::Catalog& catalog, const std::string& engine, const std::string& group) {
  auto rules = catalog::read_engine(catalog, engine);
  if (!rules) rules = catalog::read_engine(catalog, group == "serving" ? "vllm" : group == "mlx" ? "mlx" : "transformers");
  return rules ? std::move(*rules) : catalog::Engine{};
}

// Prompt tokens of one step of a server: the engine's own default since 2025, before that 2,048 everywhere.
int batched_tokens(const Observation& o, const catalog::Engine& engine, Bytes device_memory, double year) {
  const double usual = year >= 2025 ? catalog::sized_number(engine, "default_max_batched_tokens", device_memory) : 2048;
  return static_cast<int>(std::clamp(number_flag(o, "ub", usual), 1.0, 65536.0));
}

}  // namespace

Machine machine_of(const Observation& o, bool experts) {
  Machine m;
  m.devices = std::clamp(o.devices, 1, 1024);
  const auto count = [&](const char* key) { return static_cast<int>(std::clamp(number_flag(o, key, 0), 0.0, 1024.0)); };
  if (flag(o, "disaggregated") == "true" || flag(o, "disaggregated") == "1") {
    m.disaggregated = true;
    m.copies = std::max(1, count("decode_dp"));
    m.devices = std::max(1, count("decode_tp")) * m.copies;
    m.replicas = std::max(1, count("decode_workers"));
    return m;
  }
  // A published table multiplies the tensor degree by the expert degree: 8 devices of tp 8 ep 8 are printed as 64.
  const int tensor = count("moe_tp"), spread = count("moe_ep");
  const bool slip = noted(o, "InferenceX") && spread > 1 && tensor == spread && m.devices == tensor * spread;
  if (slip) m.devices = spread;
  // Where no card count is printed, `tp` cards run attention by data: the products of its fields are the same slip.
  const bool unprinted = m.devices == 1 && count("tp") > 1 && count("tp") == count("attention_dp");
  if (unprinted) m.devices = count("tp");
  int copies = std::max({count("attention_dp"), count("attention_dp_field_in_source") > 1 ? m.devices : 0, to_lower(flag(o, "layout")).rfind("dep", 0) == 0 ? m.devices : 0});
  if (slip && copies > 1) copies = m.devices;
  if (copies > 1 && experts && m.devices % copies == 0) m.copies = copies;
  if (o.mode == "data" && o.degree > 1 && !experts && m.devices % o.degree == 0) {   // whole models side by side
    m.replicas = o.degree;
    m.devices /= o.degree;
  }
  return m;
}

Result<Site> site_of(const catalog::Catalog& catalog, const Observation& o, const model::Architecture& model) {
  Site site;
  RC_ASSIGN(device, device_of(catalog, o));
  const std::string engine = engine_key(o), group = cost::engine_group(engine);
  const std::string backend = backend_key(o, engine, device ? &*device : nullptr);
  const bool cpu = !device || backend == "cpu";
  site.rig.hosts = {host_of(catalog, o, cpu && !device)};
  placement::Placement& p = site.placement;
  p.engine = engine;
  p.backend = backend;
  const catalog::Engine rules = rules_of(catalog, engine, group);
  p.settings = placement::initial_settings(rules, site.rig);
  set_settings(o, p.settings);
  site.conditions.engine_year = parse_year(o.date).value_or(2025.5);
  site.conditions.slow_host = o.processor.find("Raspberry") != std::string::npos || noted(o, "Raspberry Pi") || o.processor.find("HiFive") != std::string::npos;
  site.conditions.eager = group == "serving" && (flag(o, "enforce_eager") == "1" || flag(o, "enforce_eager") == "true");
  site.conditions.repacked = flag(o, "rtr") == "1" || o.quant.find("_R4") != std::string::npos || o.quant.find("_R8") != std::string::npos;
  if (cpu) {
    if (device && device->bandwidth && device->unified && !site.rig.hosts[0].processor) site.rig.hosts[0].bandwidth = device->bandwidth->value;
    p.mode = Mode::cpu;
    p.tensor_device.assign(model.tensors.size(), placement::kHost);
    p.kv_device.assign(model.layers.size(), placement::kHost);
    site.layout = "cpu";
    return site;
  }
  site.machine = machine_of(o, model.has_experts());
  const int chips = site.machine.devices;
  p.settings.data_degree = site.machine.copies;
  if (group == "serving") p.settings.max_batched_tokens = batched_tokens(o, rules, device->memory.value, site.conditions.engine_year);
  for (int i = 0; i < chips; ++i) {
    rig::RigDevice d;
    d.device = *device;
    d.index = d.card = i;
    d.memory = o.memory_gb > 0 ? Bytes(o.memory_gb * kGiB) : device->memory.value;
    if (const double watts = number_flag(o, "power_limit_w", 0); watts > 0) d.power_limit = Watts(watts);
    site.rig.devices.push_back(std::move(d));
  }
  RC_ASSIGN(slot, slot_of(catalog, *device, o));
  join(site.rig, *device, std::move(slot), o);
  p.mode = mode_of(o, group, chips);
  for (int i = 0; i < chips; ++i) {
    placement::DeviceShare share;
    share.device = i;
    share.fraction = p.mode == Mode::tensor || p.mode == Mode::row ? 1.0 / chips : 1;
    p.devices.push_back(share);
  }
  const bool offloads = group == "ggml" && !device->unified && device->memory.value.value() > 0;
  const double memory = site.rig.devices[0].memory.value() * chips;
  const int first_layers = static_cast<int>(std::clamp(number_flag(o, "n_cpu_moe", 1e6), 0.0, 1e6));   // --n-cpu-moe N
  const Offload offload = offloads ? offload_of(o) : Offload::none;
  const bool whole = !offloads || (offload == Offload::none && number_flag(o, "ngl", 0) >= static_cast<double>(model.layers.size()));
  place_tensors(model, p, offload, whole ? 1e30 : memory, chips, first_layers);
  const bool hosted = std::find(p.tensor_device.begin(), p.tensor_device.end(), placement::kHost) != p.tensor_device.end();
  site.layout = hosted ? "offload" : chips > 1 ? "several" : "one";
  return site;
}

}  // namespace rigcast::calibration::detail
