#include "calibration/detail/layout.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/pattern.hpp"
#include "base/text.hpp"
#include "calibration/detail/names.hpp"
#include "rig/assemble.hpp"

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

bool is_off(const std::string& value) {
  static const std::vector<std::string> words = {"", "0", "off", "false", "no", "none", "disabled"};
  return std::find(words.begin(), words.end(), to_lower(value)) != words.end();
}

// What the memory's size says of a board nobody names.
bool is_server_memory(const std::string& printed) {
  const std::size_t end = printed.find_first_not_of("0123456789.");
  return parse_double(printed.substr(0, end)).value_or(0) > rig::kMostOnADesktop && to_lower(printed.substr(std::min(end, printed.size()))).find("gb") != std::string::npos;
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

rig::Host host_of(const catalog::Catalog& catalog, const Observation& o, bool is_processor) {   // `o.devices`: sockets where it is one
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

// The slot of a card: as the row says ("PCIe 3.0 x16", "PCIe 4.0 x4"), else what the card can do. Mining cards are sold with a bus of the first
// generation, which their owners widen: there what is said holds upwards, too.
Result<catalog::LinkType> slot_of(const catalog::Catalog& catalog, const catalog::Device& device, const Observation& o) {
  int generation = std::clamp(device.link.pcie_generation > 0 ? device.link.pcie_generation : 4, 1, 6);
  int lanes = device.link.pcie_lanes > 0 ? device.link.pcie_lanes : 16;
  const std::string said = o.note + (flag(o, "pcie").empty() ? "" : " PCIe " + flag(o, "pcie"));
  const auto says = [&](const std::string& text) { return said.find(text) != std::string::npos; };
  if (generation == 1)
    for (int stated : {2, 3, 4})
      for (int wide : {1, 4, 8, 16})
        if (const std::string link = "PCIe " + std::to_string(stated) + ".0 x" + std::to_string(wide); says(link) && !says(link + '6')) generation = stated, lanes = wide;
  for (int stated = 1; stated < generation; ++stated)
    if (says("PCIe " + std::to_string(stated)) || says("PCIe Gen" + std::to_string(stated)) || says("PCIe gen " + std::to_string(stated))) generation = stated;
  for (int stated : {8, 4, 1})
    if (stated < lanes && says("PCIe " + std::to_string(generation) + ".0 x" + std::to_string(stated)) && !says(".0 x16")) lanes = stated;
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
  const rig::SharedLinkType type(std::move(fabric));
  for (int i = 0; i < count; ++i)
    for (int j = i + 1; j < count; ++j) rig.links.push_back({i, j, type, true});
  return true;
}

// What joins the devices, and each of them with the host.
Result<void> join(const catalog::Catalog& catalog, rig::Rig& rig, const catalog::Device& device, catalog::LinkType slot, const Observation& o) {
  const int count = static_cast<int>(rig.devices.size());
  if (device.unified) slot.bandwidth.value = device.bandwidth ? device.bandwidth->value : Bandwidth(50e9);
  const rig::SharedLinkType type(std::move(slot));
  if (device.unified && !device.link.built_in && count > 1) {   // each is a host of its own; those built onto one board are its sockets
    const rig::Host alike = rig.hosts.front();
    rig.hosts.assign(static_cast<std::size_t>(count), alike);
    for (int i = 0; i < count; ++i) {
      rig.devices[static_cast<std::size_t>(i)].host = i;
      rig.links.push_back({i, -1 - i, type, false});
    }
    return rig::join_hosts(catalog, nullptr, rig);
  }
  for (int i = 0; i < count; ++i) rig.links.push_back({i, -1, type, false});
  if (count < 2) return {};
  const std::string peers = flag(o, "p2p");
  const bool stated_on = noted(o, "P2P on") || noted(o, "patched P2P") || !is_off(peers), stated_off = noted(o, "no P2P") || (!peers.empty() && is_off(peers));
  if (!join_by_fabric(rig, device, o) && (stated_on || (device.link.reads_peers && !stated_off)))
    for (int i = 0; i < count; ++i)
      for (int j = i + 1; j < count; ++j) rig.links.push_back({i, j, type, true});
  return {};
}

Mode mode_of(const Observation& o, const std::string& group, int devices) {
  if (devices < 2) return Mode::single;
  const std::string split = to_lower(flag(o, "split_mode"));
  if (split == "graph" || split == "tensor" || noted(o, "'graph'")) return Mode::tensor;
  if (split == "row") return Mode::row;
  if (split == "layer") return Mode::layer;
  if (o.mode == "layer" || o.mode == "pipeline") return Mode::layer;
  if (o.mode == "tensor" || o.mode == "expert" || o.mode == "data") return Mode::tensor;
  return group == "ggml" || group == "exllama" || group == "eager" ? Mode::layer : Mode::tensor;
}

// Ranges of layers that the devices of a tensor group share each, one after the other ("pp=2" beside tensor parallel over half of the devices); 1: none.
int ranges_of(const Observation& o, const std::string& group, Mode mode, int devices) {
  const int ranges = static_cast<int>(std::clamp(number_flag(o, "pp", 1), 1.0, 1024.0));
  return group == "serving" && mode == Mode::tensor && ranges < devices && devices % ranges == 0 ? ranges : 1;
}

// The Vulkan driver, where it is known to be one that was slower for its devices than today's: AMD's own for Linux, given up in 2025, and Mesa's
// for Intel before 26.2 of August 2026 (an Arc Pro B70 writes 66, 40 and 12 token/s under 26.0.8, 110, 88 and 23 under 26.2.2).
std::string driver_of(const Observation& o, const catalog::Device& device, double year) {
  constexpr double kFastMesa = 26.2, kFastMesaYear = 2026.63;
  const std::string driver = to_lower(flag(o, "vulkan_driver") + ' ' + flag(o, "env") + ' ' + o.os);
  if (device.vendor == "amd") return driver.find("amdvlk") != std::string::npos ? "amdvlk" : "";
  const bool linux_named = !o.os.empty() && driver.find("windows") == std::string::npos;
  const std::size_t mesa = driver.find("mesa");
  if (device.vendor != "intel" || (!linux_named && mesa == std::string::npos)) return {};
  double version = 0;
  if (mesa != std::string::npos) std::from_chars(std::min(driver.data() + mesa + 5, driver.data() + driver.size()), driver.data() + driver.size(), version);   // "26.0" of "mesa 26.0.8"
  return (version > 0 ? version < kFastMesa : year < kFastMesaYear) ? "old_anv" : "";
}

// Layers on the devices, the head as one of them, as -ngl counts; nothing where the engine is left to fit them.
std::optional<int> gpu_layers(const Observation& o, int layers) {
  const std::string printed = to_lower(flag(o, "ngl"));
  if (printed == "all" || printed == "max") return layers + 1;
  const auto count = parse_double(printed);
  if (!count || *count < 0) return std::nullopt;
  return static_cast<int>(std::min(*count, layers + 1.0));
}

// Where the patterns of -ot put tensors. Sources also write what is none ("down/gate/up_exps=CPU"): then nothing matches.
struct Overrides {
  std::vector<std::pair<Pattern, int>> patterns;   // and the device, or kHost
  std::optional<int> device_of(const std::string& tensor) const {
    for (const auto& [pattern, device] : patterns)
      if (pattern.found_in(tensor)) return device;
    return std::nullopt;
  }
};
Overrides overrides_of(const Observation& o, const model::Architecture& model, int devices) {
  constexpr std::size_t kMost = 100;
  Overrides all;
  const std::string printed = flag(o, "ot");
  for (const char mark : {',', ';'}) {
    all.patterns.clear();
    for (const std::string_view piece : split(printed, mark)) {
      const std::size_t equals = piece.rfind('=');
      if (equals == std::string_view::npos || all.patterns.size() == kMost) continue;
      auto pattern = Pattern::compile(trim(piece.substr(0, equals)));
      const std::string_view memory = trim(piece.substr(equals + 1));
      const auto number = parse_int(memory.substr(std::min(memory.find_last_not_of("0123456789") + 1, memory.size())));
      if (pattern) all.patterns.emplace_back(std::move(*pattern), starts_with_ignoring_case(memory, "CPU") ? placement::kHost : std::clamp(static_cast<int>(number.value_or(0)), 0, devices - 1));
    }
    if (std::any_of(model.tensors.begin(), model.tensors.end(), [&](const model::Tensor& t) { return all.device_of(t.name).has_value(); })) return all;
  }
  return {};
}

// Each device's share of what is split: as -ts says it, else alike for cards alike and by memory for others. Empty: alike.
std::vector<double> shares_of(const Observation& o, const std::vector<rig::RigDevice>& devices) {
  std::vector<double> shares;
  std::string printed = flag(o, "ts");
  std::replace_if(printed.begin(), printed.end(), [](char c) { return c == '/' || c == ':' || c == ' ' || c == ';'; }, ',');
  for (const std::string_view share : split(printed, ',')) shares.push_back(std::max(0.0, parse_double(trim(share)).value_or(0)));
  if (std::all_of(shares.begin(), shares.end(), [](double share) { return share == 0; })) {
    shares.clear();
    if (std::any_of(devices.begin(), devices.end(), [&](const rig::RigDevice& d) { return d.device.key != devices.front().device.key; }))
      for (const rig::RigDevice& d : devices) shares.push_back(d.memory.value());
  }
  if (shares.empty()) return shares;
  shares.resize(devices.size(), 0.0);
  double sum = 0;
  for (const double share : shares) sum += share;
  if (sum <= 0 || std::all_of(shares.begin(), shares.end(), [&](double share) { return share == shares.front(); })) return {};
  for (double& share : shares) share /= sum;
  return shares;
}

// Which weights the notes and flags say stayed in host memory.
enum class Offload { none, experts, rest };
bool counts_experts(const Observation& o) { return !flag(o, "n_cpu_moe").empty() || !is_off(flag(o, "cpu_moe")); }   // beside what -ot says: one list of overrides
Offload offload_of(const Observation& o) {
  if (noted(o, "in system RAM") || flag(o, "ot").find("exps=CPU") != std::string::npos || noted(o, "on the CPU (MoE offload)")) return Offload::experts;
  if (noted(o, "rest on CPU") || noted(o, "layers partly") || noted(o, "ffn on CPU") || noted(o, "partially offloaded")) return Offload::rest;
  if (counts_experts(o)) return Offload::experts;
  return Offload::none;
}

// What decides where tensors are.
struct Split {
  int devices = 1;
  int sharing = 1;                       // of those, how many share a range of layers: the first of each counts
  std::vector<double> shares;            // of the layers; empty: alike
  std::optional<int> gpu_layers;         // with the head; empty: the engine fits them
  Offload offload = Offload::none;
  int expert_layers = 0;                 // of experts that stay on the host, only those of so many layers from the first do
  Overrides overrides;
  double room = 0;                       // bytes of all devices together
  bool cache_on_host = false;
};

// The device of each layer and, last, of the head.
std::vector<int> owners_of(const Split& split, int layers) {
  const int wanted = split.gpu_layers.value_or(layers + 1), first = layers + 1 - wanted;
  std::vector<int> owners(static_cast<std::size_t>(layers) + 1, placement::kHost);
  for (int l = first; l <= layers; ++l) {
    int device = (l - first) * (split.devices / split.sharing) / wanted * split.sharing;
    double bound = 0;
    if (!split.shares.empty())
      for (device = 0; device + 1 < split.devices && static_cast<double>(l - first) / wanted >= (bound += split.shares[static_cast<std::size_t>(device)]); ++device) continue;
    owners[static_cast<std::size_t>(l)] = device;
  }
  return owners;
}

void place_tensors(const model::Architecture& model, placement::Placement& p, const Split& split) {
  const int layers = static_cast<int>(model.layers.size());
  const std::vector<int> owners = owners_of(split, layers);
  const auto owner = [&](int layer) {
    const int own = owners[static_cast<std::size_t>(std::clamp(layer, 0, layers))];
    if (layer < 0) return owners.back() == placement::kHost ? placement::kHost : 0;   // the table is looked up, or serves as the head
    return own == placement::kHost || p.mode == Mode::layer || p.mode == Mode::pipeline ? own : 0;
  };
  p.tensor_device.resize(model.tensors.size());
  p.kv_device.resize(static_cast<std::size_t>(layers));
  for (int l = 0; l < layers; ++l) p.kv_device[static_cast<std::size_t>(l)] = split.cache_on_host ? placement::kHost : owner(l);
  double total = 0;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    p.tensor_device[i] = owner(model.tensors[i].layer);
    if (p.tensor_device[i] != placement::kHost) total += model.tensors[i].bytes.value();
  }
  for (std::size_t i = 0; i < model.tensors.size(); ++i)
    if (const auto device = split.overrides.device_of(model.tensors[i].name)) p.tensor_device[i] = *device == placement::kHost || p.mode == Mode::layer ? *device : 0;
  // What does not fit goes to the host although nobody said so: experts or feed-forward matrices from the last layer backwards.
  const bool fitted = split.offload == Offload::none && (split.gpu_layers || !split.overrides.patterns.empty() || total < 1.04 * split.room);
  if (fitted) return;
  const double room = split.offload == Offload::experts ? 0 : 0.92 * split.room - 1e9;
  const Role first = model.has_experts() ? Role::expert_ffn : Role::dense_ffn;
  for (std::size_t i = model.tensors.size(); i-- > 0;) {
    const model::Tensor& t = model.tensors[i];
    if (t.role != first || p.tensor_device[i] == placement::kHost) continue;
    if (split.offload != Offload::experts && total <= room) break;
    if (split.offload == Offload::experts && (t.layer >= split.expert_layers || split.overrides.device_of(t.name))) continue;
    p.tensor_device[i] = placement::kHost;
    total -= t.bytes.value();
  }
  for (std::size_t i = model.tensors.size(); i-- > 0 && first == Role::dense_ffn && total > room && split.offload != Offload::experts;) {
    const model::Tensor& t = model.tensors[i];
    if (t.role != Role::attention || p.tensor_device[i] == placement::kHost) continue;
    p.tensor_device[i] = placement::kHost;
    total -= t.bytes.value();
  }
}

void set_settings(const Observation& o, const std::string& group, const std::string& recipe, placement::Settings& s) {
  s.ubatch = static_cast<int>(std::clamp(number_flag(o, "ub", s.ubatch), 1.0, 65536.0));
  s.batch = static_cast<int>(std::clamp(number_flag(o, "b", 2048), 1.0, 65536.0));
  if (group == "ggml" && !flag(o, "b").empty()) s.ubatch = std::min(s.ubatch, s.batch);
  if (const std::string fa = flag(o, "fa"); !fa.empty() && to_lower(fa) != "auto") s.flash_attention = !is_off(fa);
  const std::string cache = to_lower(flag(o, "kv_cache_dtype"));
  // Its FP8 and FP4 checkpoints say that the cache is FP8.
  const std::string quant = to_lower(recipe);
  const bool checkpoint_cache = cache.empty() && engine_key(o) == "tensorrt-llm" && (quant.starts_with("fp8") || quant == "nvfp4");   // also "fp8_e4m3"
  s.key_quant = checkpoint_cache ? "fp8" : !flag(o, "ctk").empty() ? to_lower(flag(o, "ctk")) : cache.empty() || cache.rfind("auto", 0) == 0 ? "f16" : cache;
  s.value_quant = !flag(o, "ctv").empty() ? to_lower(flag(o, "ctv")) : s.key_quant;
  s.threads = static_cast<int>(std::clamp(number_flag(o, "threads", 0), 0.0, 4096.0));
}

// Prompt tokens of one step of a server: the engine's own default since 2025, before that 2,048 everywhere.
int batched_tokens(const Observation& o, const catalog::Engine& engine, Bytes device_memory, double year) {
  const double usual = year >= 2025 ? catalog::sized_number(engine, "default_max_batched_tokens", device_memory) : 2048;
  const double said = number_flag(o, "max_num_batched_tokens", usual);   // "1" and "-1": pieces, or none, of whatever length
  const double stated = number_flag(o, "ub", said > 1 ? said : usual);
  const double longest = number_flag(o, "long_prefill_token_threshold", 0);   // vLLM cuts a prompt into pieces of so many, whatever else fits
  return static_cast<int>(std::clamp(longest > 0 ? std::min(longest, stated) : stated, 1.0, 65536.0));
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
  const int wholes = count("dp");   // copies of attention in a mixture, of the whole model else
  int copies = std::max({count("attention_dp"), experts ? wholes : 0, count("attention_dp_field_in_source") > 1 ? m.devices : 0, to_lower(flag(o, "layout")).rfind("dep", 0) == 0 ? m.devices : 0});
  if (slip && copies > 1) copies = m.devices;
  if (copies > 1 && experts && m.devices % copies == 0) m.copies = copies;
  const int replicas = o.mode == "data" && o.degree > 1 ? o.degree : wholes;
  if (replicas > 1 && !experts && m.devices % replicas == 0 && m.devices / replicas >= count("tp")) {   // whole models side by side
    m.replicas = replicas;
    m.devices /= replicas;
  }
  return m;
}

catalog::Engine rules_of(const catalog::Catalog& catalog, const std::string& engine) {
  auto rules = catalog::read_engine(catalog, engine);
  if (!rules) {
    const std::string group = cost::engine_group(engine);
    rules = catalog::read_engine(catalog, group == "serving" ? "vllm" : group == "mlx" ? "mlx" : "transformers");
  }
  return rules ? std::move(*rules) : catalog::Engine{};
}

Result<Site> site_of(KnownNames& names, const Observation& as_printed, const model::Architecture& model) {
  const catalog::Catalog& catalog = names.catalog();
  Site site;
  const auto found = names.stated(as_printed);
  if (!*found) return tl::unexpected<Error>(found->error());
  const Stated& stated = **found;
  Observation o = as_printed;
  o.devices = site.stated_devices = stated.count;
  if (stated.memory_gb > 0) o.memory_gb = stated.memory_gb;
  const std::optional<catalog::Device>& device = stated.device;
  const std::string engine = engine_key(o), group = cost::engine_group(engine);
  const std::string backend = backend_key(o, engine, device ? &*device : nullptr);
  const bool cpu = !device || backend == "cpu";
  site.rig.hosts = {host_of(catalog, o, cpu && !device)};
  placement::Placement& p = site.placement;
  p.engine = engine;
  p.backend = backend;
  const auto known_rules = names.rules(engine);
  const catalog::Engine& rules = *known_rules;
  p.settings = placement::initial_settings(rules, site.rig);
  set_settings(o, group, names.recipe(o.quant), p.settings);
  site.conditions.engine_year = parse_year(names.built(o)).value_or(2025.5);
  site.conditions.slow_host = o.processor.find("Raspberry") != std::string::npos || noted(o, "Raspberry Pi") || o.processor.find("HiFive") != std::string::npos;
  site.conditions.eager = group == "serving" && (!is_off(flag(o, "enforce_eager")) || !is_off(flag(o, "disable_cuda_graph")));
  site.conditions.repacked = flag(o, "rtr") == "1" || to_lower(o.quant).find("_r4") != std::string::npos || to_lower(o.quant).find("_r8") != std::string::npos;
  site.conditions.plain_matrices = !flag(o, "coopmat").empty() && is_off(flag(o, "coopmat"));
  if (device) site.conditions.driver = driver_of(o, *device, parse_year(o.date).value_or(site.conditions.engine_year));
  if (cpu) {
    if (device && device->bandwidth && device->unified && !site.rig.hosts[0].processor) site.rig.hosts[0].bandwidth = device->bandwidth->value;
    p.mode = Mode::cpu;
    p.tensor_device.assign(model.tensors.size(), placement::kHost);
    p.kv_device.assign(model.layers.size(), placement::kHost);
    site.layout = "cpu";
    return site;
  }
  site.machine = machine_of(o, model.has_experts());
  if (group == "ggml" && to_lower(flag(o, "split_mode")) == "none") site.machine.devices = 1;
  const int chips = site.machine.devices;
  p.settings.data_degree = site.machine.copies;
  const bool under_sglang = rules.base == "sglang" && site.conditions.engine_year >= 2025.85;   // ktransformers since it is kernels alone
  if (group == "serving" || under_sglang) p.settings.max_batched_tokens = batched_tokens(o, rules, device->memory.value, site.conditions.engine_year);
  site.rig.devices.reserve(static_cast<std::size_t>(chips));
  for (int i = 0; i < chips; ++i) {
    rig::RigDevice d;
    const bool unlike = static_cast<std::size_t>(i) < stated.unlike.size();
    d.device = unlike ? stated.unlike[static_cast<std::size_t>(i)] : *device;
    d.index = d.card = i;
    d.memory = o.memory_gb > 0 && !unlike ? Bytes(o.memory_gb * kGiB) : d.device.memory.value;
    if (const double watts = number_flag(o, "power_limit_w", stated.watts); watts > 0) d.power_limit = Watts(watts);
    site.rig.devices.push_back(std::move(d));
  }
  RC_ASSIGN(slot, slot_of(catalog, *device, o));
  RC_TRY(join(catalog, site.rig, *device, std::move(slot), o));
  p.mode = mode_of(o, group, chips);
  const int ranges = ranges_of(o, group, p.mode, chips);
  if (ranges > 1) {
    p.mode = Mode::pipeline;
    p.settings.pipeline_degree = ranges;
    p.settings.tensor_degree = chips / ranges;
  }
  const int layers = static_cast<int>(model.layers.size());
  Split split;
  split.devices = chips;
  if (ranges > 1) split.sharing = chips / ranges;
  if (group == "ggml") split.shares = shares_of(o, site.rig.devices);
  for (int i = 0; i < chips; ++i) {
    placement::DeviceShare share;
    share.device = i;
    if (p.mode == Mode::tensor || p.mode == Mode::row) share.fraction = split.shares.empty() ? 1.0 / chips : split.shares[static_cast<std::size_t>(i)];
    if (p.mode == Mode::pipeline) share.fraction = 1.0 / split.sharing;
    p.devices.push_back(share);
  }
  for (const rig::RigDevice& d : site.rig.devices) split.room += d.memory.value();
  if (group == "ggml") {
    split.gpu_layers = gpu_layers(o, layers);
    split.cache_on_host = !is_off(flag(o, "nkvo"));
    p.settings.kv_offload = !split.cache_on_host;
    split.overrides = overrides_of(o, model, chips);
    split.offload = device->unified || (!split.overrides.patterns.empty() && !counts_experts(o)) ? Offload::none : offload_of(o);
    split.expert_layers = static_cast<int>(std::clamp(number_flag(o, "n_cpu_moe", 1e6), 0.0, 1e6));   // --n-cpu-moe N
  }
  if (group != "ggml" || device->unified || device->memory.value.value() <= 0) split.room = 1e30;
  place_tensors(model, p, split);
  if (device->unified && device->bandwidth && !site.rig.hosts[0].processor) site.rig.hosts[0].bandwidth = device->bandwidth->value;   // one memory for both
  const bool hosted = std::find(p.tensor_device.begin(), p.tensor_device.end(), placement::kHost) != p.tensor_device.end();
  site.layout = hosted ? "offload" : chips > 1 ? "several" : "one";
  return site;
}

}  // namespace rigcast::calibration::detail
