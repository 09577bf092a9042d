#include "placement/rules.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/check.hpp"
#include "base/function_ref.hpp"
#include "base/rows.hpp"
#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/slots.hpp"

namespace rigcast::placement {
namespace {

const char* os_name(rig::Os os) {
  switch (os) {
    case rig::Os::linux_os: return "linux";
    case rig::Os::windows: return "windows";
    case rig::Os::macos: return "macos";
  }
  return "";
}

bool has_windows(const model::Architecture& architecture) {
  return std::any_of(architecture.layers.begin(), architecture.layers.end(),
                     [](const model::Layer& layer) { return layer.attention.kind == model::AttentionKind::sliding; });
}

bool mixed_vendors(const rig::Rig& rig) {
  return std::any_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return d.device.vendor != rig.devices.front().device.vendor; });
}

// Whether a device is named before one of its host that computes faster: those of other hosts are numbered there.
bool faster_later(const rig::Rig& rig) {
  const auto rate = [](const rig::RigDevice& d) {
    const auto found = d.device.rates.find("fp32");
    return found == d.device.rates.end() ? 0.0 : found->second.value.value();
  };
  const auto& all = rig.devices;
  return std::adjacent_find(all.begin(), all.end(), [&](const rig::RigDevice& a, const rig::RigDevice& b) { return a.host == b.host && rate(b) > rate(a); }) != all.end();
}

bool has_fast_link(const rig::Rig& rig, int device) {
  return std::any_of(rig.meshes.begin(), rig.meshes.end(), [&](const rig::Mesh& mesh) { return mesh.holds(device); }) ||
         std::any_of(rig.links.begin(), rig.links.end(), [&](const rig::Link& link) { return link.peer_to_peer && (link.a == device || link.b == device); });
}

// Of these devices, in order, one of each kind that a Rule can tell apart: of the 384 chips of a supernode the first.
std::vector<int> unlike(const rig::Rig& rig, const std::vector<int>& devices) {
  std::vector<bool> fast(rig.devices.size());
  std::size_t slow = fast.size();
  const auto mark = [&](int device) {
    if (device < 0 || fast[static_cast<std::size_t>(device)]) return;
    fast[static_cast<std::size_t>(device)] = true;
    --slow;
  };
  for (const rig::Mesh& mesh : rig.meshes)
    for (int device = mesh.first; device < mesh.first + mesh.count; ++device) mark(device);
  for (const rig::Link& link : rig.links) {
    if (slow == 0) break;   // of n devices joined to each other the first n - 1 links say it of all
    if (!link.peer_to_peer) continue;
    mark(link.a);
    mark(link.b);
  }
  const auto same = [&](int a, int b) {
    const rig::RigDevice &one = rig.devices[static_cast<std::size_t>(a)], &other = rig.devices[static_cast<std::size_t>(b)];
    return one.device.key == other.device.key && one.device.modified == other.device.modified && one.host == other.host && fast[static_cast<std::size_t>(a)] == fast[static_cast<std::size_t>(b)];
  };
  std::vector<int> found;
  for (const int device : devices)
    if (std::none_of(found.begin(), found.end(), [&](int each) { return same(each, device); })) found.push_back(device);
  return found;
}

Placement::Caveat caveat_of(const catalog::Rule& rule) {
  return {rule.key, rule.text, rule.source.text + " (" + rule.source.date + ")"};
}

}  // namespace

bool reads_weights_on_host(const model::Architecture& architecture, const Placement& placement) {
  using model::Role;
  const auto begin = placement.tensor_device.begin(), end = begin + static_cast<std::ptrdiff_t>(std::min(architecture.tensors.size(), placement.tensor_device.size()));
  for (auto at = std::find(begin, end, kHost); at != end; at = std::find(at + 1, end, kHost)) {   // a handful
    const Role role = architecture.tensors[static_cast<std::size_t>(at - begin)].role;
    if (role != Role::token_embedding && role != Role::per_layer_embedding && role != Role::vision && role != Role::next_token && role != Role::other) return true;
  }
  return false;
}

bool all_on_devices(const model::Architecture& architecture, const Placement& placement) {
  return placement.mode != Mode::cpu && placement.lent.empty() && !reads_weights_on_host(architecture, placement) &&
         std::find(placement.kv_device.begin(), placement.kv_device.end(), kHost) == placement.kv_device.end();
}

namespace {

// What to ask for instead: the largest of the engine's usual recipes from eight bits a weight on, below the one that is meant where nobody
// names one, or the smallest.
std::string usual_like(const catalog::Engine& engine, const catalog::Quant& quant) {
  if (engine.usual_quants.empty()) return "bf16";
  if (catalog::bits_per_weight(quant) >= 8) return engine.usual_quants.front();
  return engine.usual_quant.empty() ? engine.usual_quants.back() : engine.usual_quant;
}

// The one engine whose files are usually of this kind: "mlx_4bit_g64" is MLX's, "exl3_4" ExLlamaV3's; "awq" is nobody's own. Else empty.
std::string owner_of(const catalog::Catalog& catalog, const catalog::Quant& quant) {
  const std::string_view kind = split(quant.key, '_').front();
  std::string owner;
  for (const catalog::Entry& entry : catalog.entries(catalog::Kind::engine)) {
    const auto engine = catalog.engine(entry.key);
    if (!engine || std::none_of((*engine)->usual_quants.begin(), (*engine)->usual_quants.end(), [&](const std::string& usual) { return split(usual, '-').front() == kind; })) continue;
    if (!owner.empty()) return {};
    owner = entry.key;
  }
  return owner;
}

}  // namespace

catalog::Situation situation_of(const catalog::Engine& engine, const std::string& backend, const rig::Rig& rig, const rig::RigDevice& device) {
  catalog::Situation situation;
  situation.engine = engine.key;
  situation.backend = backend;
  situation.device = device.device.key;
  situation.device_kind = to_string(device.device.kind);
  situation.vendor = device.device.vendor;
  situation.architecture = device.device.architecture;
  situation.capability = device.device.capability;
  if (device.host < static_cast<int>(rig.hosts.size())) situation.os = os_name(rig.hosts[static_cast<std::size_t>(device.host)].os);
  situation.several_devices = rig.devices.size() > 1;
  situation.faster_later = faster_later(rig);
  situation.mixed_vendors = mixed_vendors(rig);
  situation.dual_chip = device.device.chips > 1;
  situation.modified = device.device.modified;
  situation.nvlink = has_fast_link(rig, device.index);
  return situation;
}

namespace {

// What a Rule may ask of a model on any device: looked up once for all of them.
struct ModelTraits {
  std::string quant, quant_group, family;
  bool experts = false, windowed = false;

  ModelTraits(const catalog::Catalog& catalog, const ModelView& model)
      : quant(model.dominant_quant()), family(model.architecture().family), experts(model.architecture().has_experts()), windowed(has_windows(model.architecture())) {
    if (const auto known = catalog.quant(quant)) quant_group = known->group;
  }
  catalog::Situation on(catalog::Situation situation) const {
    situation.quant = quant;
    situation.quant_group = quant_group;
    situation.family = family;
    situation.experts = experts;
    situation.windowed = windowed;
    return situation;
  }
};

// Groups of formats as people call them.
Result<std::string> called(const catalog::Catalog& catalog, std::vector<std::string> groups) {
  RC_ASSIGN(names, catalog.file("quants/groups.csv"));
  RC_TRY(each_row(names, "data/quants/groups.csv", 2, "expected a group and what people call it", [&](const auto& cells) {
    std::replace(groups.begin(), groups.end(), std::string(cells[0]), std::string(cells[1]));
    return true;
  }));
  return join(groups, ", ");
}

}  // namespace

Made made_by_engine(const catalog::Engine& engine, const model::Architecture& architecture, std::string_view backend, Bytes devices) {
  constexpr double kWhole = 2;   // bytes a weight
  if (architecture.has_repository() || architecture.whole_checkpoint.empty()) return Made::no;
  const auto is = [&](const char* made) { return equal_ignoring_case(architecture.quant, catalog::text_of(engine, made, backend)); };
  if (is("made_while_loading")) return Made::while_loading;
  return is("made_after_loading") && Bytes(kWhole * architecture.parameters()) <= devices ? Made::after_loading : Made::no;
}

Result<void> check_formats(const catalog::Catalog& catalog, const catalog::Engine& engine, const ModelView& model, std::string_view backend) {
  for (const std::string& format : model.matrix_quants()) {
    const auto quant = catalog.quant(format);
    if (!quant || quant->group == "float" || quant->group == "integer") continue;   // tables and norms beside the weights
    if (catalog::reads(engine, quant->group, backend)) continue;
    if (const std::string owner = owner_of(catalog, *quant); !owner.empty()) {
      const auto most = catalog.quant(model.dominant_quant());   // a head in six bits names nothing
      return fail(ErrorKind::unsupported, engine.name + " does not read " + (most && most->group == quant->group ? *most : *quant).name + " weights: they are made for another engine", Where{"--engine"},
                  "engine", owner);
    }
    const std::string& recipe = model.architecture().quant;
    const std::string& named = quant->ggml_type >= 0 && !recipe.empty() ? recipe : quant->name;   // a recipe mixes formats: say what was asked for
    RC_ASSIGN(reads, called(catalog, engine.quant_groups));
    return fail(ErrorKind::unsupported, engine.name + " does not read " + named + " weights; it reads " + reads, Where{"MODEL"}, "model", usual_like(engine, *quant));
  }
  return {};
}

Result<void> check_refusals(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine,
                            const std::string& backend, const ModelView& model, const rig::Rig& rig) {
  if (backend == "cpu") return {};   // no device takes part
  const ModelTraits traits(catalog, model);
  std::vector<int> all(rig.devices.size());
  std::iota(all.begin(), all.end(), 0);
  for (const int number : unlike(rig, all)) {
    const rig::RigDevice& device = rig.devices[static_cast<std::size_t>(number)];
    const catalog::Situation situation = traits.on(situation_of(engine, backend, rig, device));
    const catalog::Rule* refusing = nullptr;   // what holds for any format tells more than what another would mend
    for (const catalog::Rule& rule : rules)
      if (rule.effect == catalog::RuleEffect::refuse && (!refusing || (catalog::names_format(*refusing) && !catalog::names_format(rule))) && catalog::applies(rule, situation)) refusing = &rule;
    if (refusing) return fail(ErrorKind::unsupported, engine.name + " refuses this on " + device.device.name + ": " + refusing->text, Where{"--on"}, "engine");
  }
  return {};
}

namespace {

// A context longer than the model was made for: llama.cpp warns and runs, vLLM and its kin refuse unless positions are scaled.
void warn_of_long_context(const catalog::Engine& engine, const model::Architecture& architecture, Placement& placement) {
  const Settings& settings = placement.settings;
  const bool slots = engine.kv_rule == catalog::KvRule::slots;
  const std::int64_t each = settings.context / context_parts(engine, settings);
  // Engines round up to their padding: that is nobody's wish.
  if (architecture.max_context <= 0 || each < architecture.max_context + std::max(1, engine.context_padding)) return;
  const std::string most = std::to_string(architecture.max_context);
  placement.caveats.push_back({"context-beyond-model",
                               slots ? "The model was made for contexts of " + most + " tokens: beyond that its answers fall apart unless positions are scaled (--rope-scaling yarn). Without: -c " + most + "."
                                     : "The model was made for contexts of " + most + " tokens: the engine refuses longer ones unless its config scales positions (YaRN). Without: -c " + most + ".",
                               architecture.source});
}

// Flash attention that the user insists on where the backend has no kernel for the two formats of the cache, or for the heads.
void warn_of_host_attention(const catalog::Engine& engine, Placement& placement) {
  if (!placement.unread_cache) return;
  const catalog::Source source = engine.sources.empty() ? catalog::Source{} : engine.sources.front();
  const std::string said = source.text + (source.date.empty() ? "" : " (" + source.date + ")");
  if (placement.unread_heads) {
    placement.caveats.push_back({"attention-on-host", "No flash attention kernel for heads of these widths on this backend: attention runs on the processor, and a cache on the devices crosses the link whole for every token and every batch of a prompt. Use -fa auto.", said});
    return;
  }
  const std::string &keys = placement.settings.key_quant, &values = placement.settings.value_quant;
  const std::string_view build = catalog::text_of(engine, "attention_cache_build", placement.backend), built = catalog::text_of(engine, "attention_cache_built", placement.backend);
  const std::string small(catalog::text_of(engine, "small_cache", placement.backend));
  const bool can_be_built = !build.empty() && detail::lists(built, keys) && detail::lists(built, values);
  const std::string text =
      can_be_built ? "No flash attention kernel for keys in " + keys + " and values in " + values + " on this backend: attention runs on the processor, and a cache on the devices crosses the link whole for every token and every batch of a prompt. Use one format for both (" + small + ") or build with " + std::string(build) + "."
                   : "No flash attention kernel for keys in " + keys + " and values in " + values + " on this backend: attention runs on the processor, and a cache on the devices crosses the link whole for every token and every batch of a prompt. Use one format for both: " + small + ".";
  placement.caveats.push_back({"attention-on-host", text, said});
}

// Cache formats that stock builds have no kernel for, and what builds from before they were taken at all do with them.
void warn_of_widened_cache(const catalog::Engine& engine, Placement& placement) {
  if (!placement.widened_cache) return;
  const auto text = [&](const char* name) { return std::string(catalog::text_of(engine, name, placement.backend)); };
  const std::string &keys = placement.settings.key_quant, &values = placement.settings.value_quant, since = text("attention_cache_since");
  const std::string said = "Stock builds have no flash attention kernel for keys in " + keys + " and values in " + values +
                           ": in every step they widen what is not in 16 bits, which costs more the fuller the context is. Use one format for both (" + text("small_cache") + ") or build with " + text("attention_cache_build");
  placement.caveats.push_back({"cache-widened", since.empty() ? said + "." : said + ". Builds from before " + since + " leave flash attention off, or run attention on the processor (-fa on).",
                               catalog::source_of(engine)});
}

// Devices that do not run the backend of the others run their own, in a build of the engine that has it.
void tell_own_backends(const catalog::Engine& engine, const rig::Rig& rig, Placement& placement) {
  std::vector<std::string> told;
  for (const DeviceShare& share : placement.devices) {
    const rig::RigDevice& device = rig.devices[static_cast<std::size_t>(share.device)];
    const std::string own(detail::backend_on(engine, placement.backend, device));
    if (own == placement.backend || std::find(told.begin(), told.end(), device.device.name) != told.end()) continue;
    told.push_back(device.device.name);
    placement.caveats.push_back({"own-backend", device.device.name + " does not run " + placement.backend + " and takes part on " + own + ": its host needs a build for that.",
                                 catalog::source_of(engine)});
  }
}

// A build from before the engine learnt to read such models, or such weights.
void tell_younger_model(const catalog::Engine& engine, const ModelView& model, Placement& placement) {
  const std::string_view built = catalog::text_of(engine, "built", "");
  if (built.empty()) return;
  const auto tell = [&](const char* id, std::string_view since, const std::string& what) {
    if (since > built)
      placement.caveats.push_back({id, engine.name + " reads " + what + " since " + std::string(since) + ": builds of " + std::string(built) + " refuse this.",
                                   catalog::source_of(engine)});
  };
  const std::string& family = model.architecture().family;
  tell("engine-older-than-model", catalog::text_of(engine, "family_since", family), "models of family '" + family + "'");
  const std::string quant = model.dominant_quant();
  tell("engine-older-than-format", catalog::text_of(engine, "format_since", quant), "weights in " + quant);
}

bool several_sockets(const rig::Rig& rig) { return !rig.hosts.empty() && rig.hosts.front().sockets > 1; }

// Where the processors run the whole model.
catalog::Situation situation_of_host(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Placement& placement) {
  catalog::Situation situation;
  situation.engine = engine.key;
  situation.backend = placement.backend;
  if (!rig.hosts.empty()) situation.os = os_name(rig.hosts.front().os);
  situation.split = to_string(placement.mode);
  situation.weights_on_host = reads_weights_on_host(architecture, placement);
  situation.several_sockets = several_sockets(rig);
  return situation;
}

// The Rules that apply to the finished placement, each once, whichever of the devices it speaks of: of each device refusals first, notes last.
// Asked are those that `asks` names.
std::vector<const catalog::Rule*> applying(const std::vector<catalog::Rule>& rules, FunctionRef<bool(const catalog::Rule&)> asks, const catalog::Catalog& catalog,
                                           const catalog::Engine& engine, const ModelView& model, const rig::Rig& rig, const Placement& placement) {
  std::vector<const catalog::Rule*> asked, found;
  for (const catalog::Rule& rule : rules)
    if (asks(rule)) asked.push_back(&rule);
  std::stable_sort(asked.begin(), asked.end(), [](const catalog::Rule* a, const catalog::Rule* b) { return a->effect < b->effect; });
  const auto add = [&](const catalog::Rule* rule) {
    if (std::find(found.begin(), found.end(), rule) == found.end()) found.push_back(rule);
  };
  const model::Architecture& architecture = model.architecture();
  if (placement.devices.empty()) {   // what is said of no device but of its host's sockets
    const catalog::Situation situation = situation_of_host(engine, architecture, rig, placement);
    for (const catalog::Rule* rule : asked)
      if (rule->flags.contains("several_sockets") && catalog::applies(*rule, situation)) add(rule);
    return found;
  }
  const ModelTraits traits(catalog, model);
  const bool weights_on_host = reads_weights_on_host(architecture, placement);
  std::vector<int> used;
  for (const DeviceShare& share : placement.devices) {
    RC_CHECK(share.device >= 0 && share.device < static_cast<int>(rig.devices.size()), "a share names a device of the rig");
    used.push_back(share.device);
  }
  for (const int number : unlike(rig, used)) {
    catalog::Situation situation = traits.on(situation_of(engine, placement.backend, rig, rig.devices[static_cast<std::size_t>(number)]));
    const bool shared_ranges = placement.mode == Mode::pipeline && placement.settings.tensor_degree > 1;   // each a tensor group of its own
    situation.split = to_string(shared_ranges ? Mode::tensor : placement.mode);
    situation.several_devices = placement.devices.size() > 1;
    situation.weights_on_host = weights_on_host;
    situation.kv_on_host = !placement.settings.kv_offload;
    situation.several_sockets = several_sockets(rig);
    for (const catalog::Rule* rule : asked)
      if (catalog::applies(*rule, situation)) add(rule);
  }
  return found;
}

constexpr auto demands = [](const catalog::Rule& rule) { return !rule.launch.empty(); };

}  // namespace

std::vector<FlagNote> demanded(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine,
                               const ModelView& model, const rig::Rig& rig, const Placement& placement) {
  std::vector<FlagNote> flags;
  for (const catalog::Rule* rule : applying(rules, demands, catalog, engine, model, rig, placement)) flags.push_back({rule->launch, rule->text});
  return flags;
}

void add_caveats(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine,
                 const ModelView& model, const rig::Rig& rig, Placement& placement) {
  warn_of_long_context(engine, model.architecture(), placement);
  warn_of_host_attention(engine, placement);
  warn_of_widened_cache(engine, placement);
  tell_own_backends(engine, rig, placement);
  tell_younger_model(engine, model, placement);
  for (const catalog::Rule* rule : applying(rules, [](const catalog::Rule&) { return true; }, catalog, engine, model, rig, placement)) {
    placement.caveats.push_back(caveat_of(*rule));
    if (demands(*rule)) placement.demanded.push_back({rule->launch, rule->text});
  }
}

bool is_reference(const catalog::Engine& engine) { return catalog::number_of(engine, "reference", "", 0) > 0; }

}  // namespace rigcast::placement
