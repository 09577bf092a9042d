#include "app/show.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.hpp"
#include "model/names.hpp"
#include "model/read.hpp"
#include "model/recipe.hpp"
#include "model/shape.hpp"
#include "rig/rig.hpp"

namespace rigcast::app {
namespace {

using catalog::Kind;

constexpr std::array<std::string_view, 10> kRecipes = {"bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs", "q3_k_m", "q2_k", "fp8", "awq"};

Result<ModelFacts> model_facts(const Knowledge& knowledge, const std::string& name) {
  RC_ASSIGN(architecture, model::read_model(knowledge.catalog, name));
  ModelFacts facts{std::move(architecture), {}};
  for (const std::string_view recipe : kRecipes)
    if (const auto sized = model::read_model(knowledge.catalog, name + ':' + std::string(recipe)))
      facts.sizes.push_back({std::string(recipe), sized->weight_bytes(), sized->weight_bytes().value() * 8 / sized->parameters()});
  const auto named = facts.architecture.origin == model::Origin::catalogue ? model::catalogue_spec(knowledge.catalog, name) : std::nullopt;
  if (!named) return facts;
  RC_ASSIGN(base, model::base_from_catalogue(knowledge.catalog, named->name));
  for (model::Repository& each : base.repositories)
    facts.published.push_back({each.quant.empty() ? base.native : std::move(each.quant), std::move(each.name), std::move(each.source)});
  std::stable_partition(facts.published.begin(), facts.published.end(), [&](const PublishedIn& each) { return each.quant == base.native; });
  return facts;
}

template <class T>
Result<Shown> as_shown(Result<T> result) {
  if (!result) return tl::unexpected<Error>(std::move(result.error()));
  return Shown(std::move(*result));
}

Result<Shown> look_up(const Knowledge& knowledge, Kind kind, const std::string& name) {
  const catalog::Catalog& catalog = knowledge.catalog;
  switch (kind) {
    case Kind::device: return as_shown(rig::device_named(catalog, name));
    case Kind::processor: return as_shown(catalog.processor(name));
    case Kind::link: return as_shown(catalog.link(name));
    case Kind::quant: return as_shown(catalog.quant(name));
    case Kind::engine: return as_shown(catalog::read_engine(catalog, name));
    case Kind::model: return as_shown(model_facts(knowledge, name));
    case Kind::rule: break;
  }
  return fail(ErrorKind::not_found, "no such thing to show");
}

// "q4_k_m" is mostly q4_k; empty where the name does not say it.
std::string main_format(const catalog::Catalog& catalog, const std::string& recipe) {
  const std::string name = to_lower(trim(recipe)), format = name.substr(0, name.rfind('_'));
  return catalog.quant(format) ? format : std::string();
}

}  // namespace

std::vector<std::string> recipe_names(const Knowledge& knowledge) { return model::recipe_names(knowledge.catalog); }

Result<ShowAnswer> show(const Knowledge& knowledge, const ShowRequest& request) {
  constexpr std::array kKinds = {Kind::device, Kind::processor, Kind::model, Kind::engine, Kind::quant, Kind::link};
  ShowAnswer answer{request, {}};
  if (trim(request.name).empty()) return fail(ErrorKind::input, "nothing is named", Where{"NAME"}, "name");
  std::vector<std::string> near;
  for (const Kind kind : kKinds) {
    if (request.kind && *request.kind != kind) continue;
    auto found = look_up(knowledge, kind, request.name);
    if (found) answer.entries.push_back(std::move(*found));
    else if (found.error().kind != ErrorKind::not_found) return tl::unexpected<Error>(std::move(found.error()));
    else if (std::string nearest = knowledge.catalog.nearest(kind, request.name); !nearest.empty()) near.push_back(std::move(nearest));
  }
  if (!answer.entries.empty()) return answer;
  if ((!request.kind || *request.kind == Kind::quant) && model::is_recipe(knowledge.catalog, request.name))
    return fail(ErrorKind::not_found, "'" + request.name + "' is a recipe: it gives the tensors of a model several formats, and 'rigcast show MODEL' tells what a model takes then", Where{"NAME"}, "name",
                main_format(knowledge.catalog, request.name));
  std::string nearest = nearest_name(request.name, near);
  if (nearest.empty() && !near.empty()) nearest = near.front();   // near by an alias, far by its key
  return fail(ErrorKind::not_found, "nothing is called '" + request.name + (nearest.empty() ? "', nor anything like it: 'rigcast list devices', models, engines, quants, hosts or links shows all names" : "'"),
              Where{"NAME"}, "name", nearest);
}

}  // namespace rigcast::app
