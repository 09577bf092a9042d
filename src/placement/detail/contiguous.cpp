#include "placement/detail/contiguous.hpp"

#include <algorithm>
#include <cmath>

#include "catalog/engine.hpp"
#include "placement/detail/activation.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/draft_models.hpp"

namespace rigcast::placement::detail {

namespace {

using model::AttentionKind;

// Tokens a layer keeps: its window where the engine makes use of it, else the whole context.
double kept_tokens(const catalog::Engine& engine, const model::Layer& layer, double context) {
  const bool windowed = model::is_windowed(layer.attention);
  return windowed && engine.window_saves_memory && layer.attention.window > 0 ? std::min<double>(context, layer.attention.window) : context;
}

// Layers in ranges by the devices' capacities, the embedding on the first device and the head on the last.
std::vector<int> assign_layers(const model::Architecture& a, const std::vector<double>& shares) {
  std::vector<int> device(a.layers.size() + 1, kHost);
  double sum = 0;
  for (const double s : shares) sum += s;
  if (sum <= 0) return device;
  for (std::size_t l = 0; l <= a.layers.size(); ++l) {
    const double at = (static_cast<double>(l) + 0.5) / static_cast<double>(a.layers.size() + 1) * sum;
    double reached = 0;
    for (std::size_t d = 0; d < shares.size(); ++d) {
      reached += shares[d];
      if (at <= reached && shares[d] > 0) {
        device[l] = static_cast<int>(d);
        break;
      }
    }
    if (device[l] == kHost) device[l] = static_cast<int>(shares.size()) - 1;
  }
  return device;
}

// Into how many equal parts these engines cut every tensor (ExLlama): over all devices that they see, of which the last may be hidden.
int parts_of(const rig::Rig& rig, const Settings& settings) {
  const int devices = static_cast<int>(rig.devices.size());
  return settings.tensor_degree > 1 ? std::min(settings.tensor_degree, devices) : devices;
}

// Whether they can: whole heads to each.
Result<void> check_parts(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Settings& settings) {
  const int devices = parts_of(rig, settings);
  if (std::find(engine.splits.begin(), engine.splits.end(), "tensor") == engine.splits.end())
    return fail(ErrorKind::unsupported, engine.name + " does not cut tensors", Where{"--flags"}, "tensor_degree");
  const bool some = devices < static_cast<int>(rig.devices.size());   // others are hidden: then as many as share heads evenly
  for (const model::Layer& layer : a.layers)
    if (some && layer.attention.kv_heads % devices != 0)
      return fail(ErrorKind::infeasible, "heads of the cache cannot be shared out evenly over " + std::to_string(devices) + " devices", Where{"--flags"}, "tensor_degree");
  for (const model::Layer& layer : a.layers)
    if (layer.attention.kind != AttentionKind::none && layer.attention.kv_heads < devices)
      return fail(ErrorKind::infeasible, "of " + std::to_string(devices) + " devices not every one gets a head of its own of the cache", Where{"--flags"}, "tensor_degree");
  return {};
}

Result<Placement> lay_out_alone(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend, const model::Architecture& architecture, const rig::Rig& rig,
                                const Settings& settings) {
  const auto rule = [&](std::string_view name, double fallback) { return catalog::number_of(engine, name, backend, fallback); };
  RC_ASSIGN(cache, catalog.quant(settings.key_quant));
  const double element = static_cast<double>(cache.block_bytes) / static_cast<double>(cache.block_elements);
  Placement p;
  p.engine = engine.key;
  p.backend = backend;
  p.settings = settings;
  const double padding = std::max(1, engine.context_padding);
  const double wanted = static_cast<double>(settings.context > 0 ? settings.context : architecture.max_context);
  const double context = std::ceil(wanted / padding) * padding;
  const double streams = std::max(1, settings.sequences);
  p.settings.context = static_cast<std::int64_t>(context);
  p.kv_tokens = static_cast<std::int64_t>(context * streams);

  const bool on_host = settings.mode == Mode::cpu || rig.devices.empty(), together = settings.mode == Mode::tensor && rig.devices.size() > 1;
  if (together) RC_TRY(check_parts(engine, architecture, rig, settings));
  std::vector<double> shares;
  for (const rig::RigDevice& device : rig.devices) {
    const std::size_t d = shares.size();
    double share = device_capacity(engine, backend, device).value();
    if (together) share = d == 0 ? 1 : 0;   // cut into parts below
    else if (settings.mode == Mode::single) share = device.index == settings.main_device ? 1 : 0;
    else if (!settings.split.empty()) share = d < settings.split.size() ? settings.split[d] : 0;
    shares.push_back(on_host ? 0 : share);
  }
  const std::vector<int> place = assign_layers(architecture, shares);
  std::vector<Memory> memory(rig.devices.size());
  const auto at = [&](int device) -> Memory& { return device == kHost ? p.host : memory[static_cast<std::size_t>(device)]; };
  for (const model::Tensor& t : architecture.tensors) {
    if (t.role == model::Role::next_token || (t.role == model::Role::vision && rule("loads_towers", 0) <= 0)) { p.tensor_device.push_back(kHost); continue; }
    if (t.role == model::Role::token_embedding && !architecture.tied_embeddings && rule("embedding_on_host", 0) > 0) {
      p.tensor_device.push_back(kHost);
      p.host.weights += t.bytes;
      continue;
    }
    const std::size_t layer = t.layer < 0 ? 0 : static_cast<std::size_t>(std::min<int>(t.layer, static_cast<int>(architecture.layers.size())));
    p.tensor_device.push_back(place[layer]);
    at(place[layer]).weights += t.bytes;
  }
  for (std::size_t l = 0; l < architecture.layers.size(); ++l) {
    p.kv_device.push_back(place[l]);
    at(place[l]).kv += Bytes(cache_bytes_per_token(architecture.layers[l], element) * kept_tokens(engine, architecture.layers[l], context) * streams +
                         entry_bytes_per_token(architecture.layers[l], element) * context * streams);
    at(place[l]).state += Bytes(state_bytes_per_sequence(architecture.layers[l], 4) * streams);
  }
  const double step = std::min<double>(settings.ubatch, context);
  const double logits = 4.0 * architecture.vocab * (engine.key == "transformers" ? 1 : step * rule("logits_f32", 0) + 1);
  const int parts = together ? parts_of(rig, settings) : 1;
  if (together) {
    Memory& whole = memory.front();
    for (Bytes* bytes : {&whole.weights, &whole.kv, &whole.state}) *bytes = *bytes / parts;
    std::fill(memory.begin() + 1, memory.begin() + parts, whole);
  }
  for (std::size_t d = 0; d < memory.size(); ++d) {
    if (memory[d].weights == Bytes{}) continue;
    memory[d].compute = Bytes(layer_peak_bytes(architecture, step, parts) + (place.back() == static_cast<int>(d) ? logits : 0));
    memory[d].footprint = Bytes(rule("footprint_mib", 0) * kMiB);
    DeviceShare share;
    share.device = static_cast<int>(d);
    share.memory = memory[d];
    share.capacity = device_capacity(engine, backend, rig.devices[d]);
    share.holds_output = place.back() == share.device;
    share.fraction = 1.0 / parts;
    share.first_layer = together ? 0 : static_cast<int>(architecture.layers.size());
    if (together) share.layer_count = static_cast<int>(architecture.layers.size());
    for (int l = 0; l < static_cast<int>(architecture.layers.size()) && !together; ++l)
      if (place[static_cast<std::size_t>(l)] == share.device) {
        share.first_layer = std::min(share.first_layer, l);
        ++share.layer_count;
      }
    p.devices.push_back(share);
  }
  if (on_host) p.host.compute = Bytes(layer_peak_bytes(architecture, step, 1) + logits);
  p.mode = on_host ? Mode::cpu : together ? Mode::tensor : p.devices.size() > 1 ? Mode::layer : Mode::single;
  check_fit(rig, p);
  return p;
}

}  // namespace

Result<Placement> lay_out_contiguous(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                                     const model::Architecture& architecture, const rig::Rig& rig, const Settings& settings, const model::Architecture* drafter) {
  RC_ASSIGN(placement, lay_out_alone(catalog, engine, backend, architecture, rig, settings));
  if (!drafter) return placement;
  Settings alone = settings;
  alone.speculation = {};
  RC_ASSIGN(draft, lay_out_alone(catalog, engine, backend, *drafter, rig, alone).map_error([&](Error error) { return of_drafter(drafter->name, std::move(error)); }));
  add_draft_memory(rig, draft, true, placement);
  placement.drafting = std::make_shared<const Placement>(std::move(draft));
  return std::move(placement);
}

}  // namespace rigcast::placement::detail
