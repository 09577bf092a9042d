#include "placement/detail/degrees.hpp"

#include <optional>
#include <set>
#include <string_view>
#include <tuple>

#include "catalog/engine.hpp"

namespace rigcast::placement::detail {

using model::AttentionKind;
using model::Role;

namespace {

// Why matrices are not cut into so many parts. Most are asked about only to find the nearest degree that works.
struct Obstacle {
  enum { heads, kv_heads, blocks, groups } what;
  int parts, of, rows = 0;   // rows: of a block, or weights of the smallest group
};
std::string to_text(const Obstacle& obstacle) {
  const std::string degree = "a tensor degree of " + std::to_string(obstacle.parts), of = std::to_string(obstacle.of);
  switch (obstacle.what) {
    case Obstacle::heads: return degree + " does not divide " + of + " attention heads";
    case Obstacle::kv_heads: return degree + " neither divides " + of + " key-value heads nor is a multiple of them";
    case Obstacle::groups: return degree + " cuts experts of width " + of + " into parts that groups of " + std::to_string(obstacle.rows) + " weights do not divide: spread them whole (expert parallel)";
    case Obstacle::blocks: break;
  }
  return degree + " cuts a width of " + of + " inside its blocks of " + std::to_string(obstacle.rows);
}

// What keeps matrices from being cut into so many parts, if anything does. Key-value heads are shared out whole, or copied whole where there are
// fewer of them than devices; latent attention has one vector for all heads, which every device holds. Feed-forward matrices in square
// blocks are cut between blocks only, experts where they are not spread whole. Groups of weights that share a scale are made smaller for experts that
// are cut inside one, down to a least size.
std::optional<Obstacle> why_not_cut(const catalog::Catalog& catalog, const catalog::Engine& engine, const model::Architecture& a, const Degrees& d, int tensor) {
  const int experts = d.whole_copies ? tensor : tensor * d.data;
  const auto refuses = [&](const char* rule) { return catalog::number_of(engine, rule, "", 0) > 0; };
  if (tensor == 1 && experts == 1) return {};
  const bool whole_heads = refuses("whole_kv_heads");
  for (const model::Layer& layer : a.layers) {
    const model::Attention& attention = layer.attention;
    if (attention.kind == AttentionKind::none) continue;
    if (attention.heads % tensor != 0) return Obstacle{Obstacle::heads, tensor, attention.heads};
    if (attention.kind == AttentionKind::mla || attention.kind == AttentionKind::compressed || attention.kv_heads <= 0 || !whole_heads) continue;
    if (attention.kv_heads % tensor != 0 && tensor % attention.kv_heads != 0)
      return Obstacle{Obstacle::kv_heads, tensor, attention.kv_heads};
  }
  const int least_group = static_cast<int>(catalog::number_of(engine, "least_group", "", 0));
  if (experts == 1 || (!refuses("whole_blocks") && least_group == 0)) return {};
  std::set<std::tuple<bool, std::string_view, int>> seen;   // of experts, format and width
  for (const model::Tensor& t : a.tensors) {
    const bool expert = t.role == Role::expert_ffn, feeds = expert || t.role == Role::dense_ffn || t.role == Role::shared_expert_ffn;
    if (!feeds || (expert && d.expert > 1) || t.layer < 0 || t.layer >= static_cast<int>(a.layers.size())) continue;
    const model::FeedForward& f = a.layers[static_cast<std::size_t>(t.layer)].feed_forward;
    const int width = expert ? f.expert_width : t.role == Role::dense_ffn ? f.width : f.shared_width;
    if (!seen.emplace(expert, t.quant, width).second) continue;
    const auto quant = catalog.quant(t.quant);
    if (!quant) continue;
    const int parts = expert ? experts : tensor;
    const bool grouped = expert && least_group > 0 && (quant->group == "int4-group" || quant->group == "int8") && quant->block_elements >= least_group;
    if (grouped && width % least_group == 0 && width % (least_group * parts) != 0) return Obstacle{Obstacle::groups, parts, width, least_group};
    if (quant->block_rows <= 1 || !refuses("whole_blocks")) continue;
    if (width % quant->block_rows != 0 || width % (quant->block_rows * parts) == 0) continue;   // not whole from the start: left in another format
    return Obstacle{Obstacle::blocks, parts, width, quant->block_rows};
  }
  return {};
}

}  // namespace

Result<Degrees> degrees_of(const catalog::Catalog& catalog, const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig,
                           const Settings& settings) {
  Degrees d{std::max(1, settings.tensor_degree), std::max(1, settings.pipeline_degree), std::max(1, settings.data_degree), 1, settings.whole_copies, std::max(1, settings.replicas)};
  const int devices = static_cast<int>(rig.devices.size());
  if (devices == 0) return fail(ErrorKind::infeasible, "this engine needs a device, the rig has none", Where{"--on"}, "backend");
  if (d.devices() > devices)
    return fail(ErrorKind::infeasible, "degrees of " + std::to_string(d.devices()) + " devices in all, the rig has " + std::to_string(devices), Where{"--flags"}, "flags");
  if (settings.mode == Mode::expert) d.expert = settings.expert_degree > 0 ? settings.expert_degree : d.tensor * d.data;
  if (const auto why = why_not_cut(catalog, engine, architecture, d, d.tensor)) {
    int nearest = d.tensor;
    while (nearest > 1 && why_not_cut(catalog, engine, architecture, d, nearest)) --nearest;
    return fail(ErrorKind::infeasible, to_text(*why), Where{"--flags"}, "tensor_degree", std::to_string(nearest));
  }
  if (d.pipeline > static_cast<int>(architecture.layers.size()))
    return fail(ErrorKind::infeasible, "a pipeline degree above the number of layers", Where{"--flags"}, "pipeline_degree", std::to_string(architecture.layers.size()));
  return d;
}

double cache_share(const model::Layer& layer, int degree) {
  const model::Attention& a = layer.attention;
  if (a.kind == AttentionKind::mla || a.kind == AttentionKind::compressed || a.kv_heads == 0) return 1;  // one latent vector for all heads: every device holds it
  return std::max(1.0, double(a.kv_heads) / degree) / a.kv_heads;
}

double weight_share(const model::Tensor& tensor, const Degrees& d) {
  switch (tensor.role) {
    case Role::expert_ffn: return 1.0 / d.experts();
    case Role::norm: case Role::router: case Role::other: case Role::vision: return 1;
    case Role::attention: {
      if (d.tensor == 1) return 1;
      const bool down = tensor.name.find("attn_q_a") != std::string::npos || tensor.name.find("attn_kv_a") != std::string::npos;
      return down ? 1 : 1.0 / d.tensor;
    }
    default: return 1.0 / d.tensor;
  }
}

}  // namespace rigcast::placement::detail
