// What runs the same model much faster on the same devices: another backend of the engine, or another engine.
#include <algorithm>

#include "app/detail/remedies.hpp"
#include "app/detail/requests.hpp"
#include "base/text.hpp"
#include "cost/spread.hpp"
#include "model/names.hpp"
#include "model/recipe.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

bool runs_all(const rig::Rig& rig, const std::string& backend) {
  return std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& each) { return std::find(each.device.runs.begin(), each.device.runs.end(), backend) != each.device.runs.end(); });
}

// The engine goes by its maker's order of backends; another one that has been timed on such chips may be faster. Where the host has a part in it, or
// the user has timed one of the two, such numbers are not of one kind.
std::optional<Remedy> another_backend(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  constexpr double kWorthAnother = 1.05;   // times as fast
  if (!now.request.placement.backend.empty() || !now.rig.idle.empty() || now.own.any() || !placement::all_on_devices(*now.architecture, now.placement)) return std::nullopt;
  std::optional<Remedy> best;
  double fastest = kWorthAnother * decode_over_context(now);
  for (const std::string& backend : now.engine.backends) {
    if (backend == "cpu" || backend == now.placement.backend || !runs_all(now.rig, backend)) continue;
    PlanRequest request = now.request;
    request.placement.backend = backend;
    const auto then = outcome_of(knowledge, request, now.engine, model, now.rig, fastest);
    if (!then || !then->load || then->over_context < fastest || !cost::timed_under_backend(*then->load, knowledge.calibration)) continue;
    fastest = then->over_context;
    best = Remedy{.kind = Remedy::Kind::backend, .value = backend, .model = request.model, .decode = then->decode};
  }
  return best;
}

// The formats in which the engine's users run the model: those that somebody publishes where there are any, and no other of what was published in about four bits
// that the engine reads.
std::vector<std::string> formats_under(const Knowledge& knowledge, const ModelFormats& formats, const std::string& name, const rig::Rig& rig, const catalog::Engine& engine) {
  constexpr double kSmall = 5.5 / 8;   // bytes a weight, scales and what is left in 16 bits included
  const auto published = find_known(knowledge, name);
  const bool is_small = published && (*published)->architecture.weight_bytes().value() < kSmall * (*published)->architecture.parameters();
  if (is_small && placement::check_formats(knowledge.catalog, engine, (*published)->view)) return {};
  UsualFormats usual = usual_formats(engine, formats, rig);
  if (usual.published > 0) usual.quants.resize(usual.published);
  return std::move(usual.quants);
}

// The specs of the same model in about as many bits, as the other engine's users run it, the largest first: cards take some of them only (no FP8 on Ascend).
std::vector<std::string> alike_in(const Knowledge& knowledge, const PlanAnswer& now, const catalog::Engine& engine) {
  constexpr double kAlike = 1.1, kHalf = 0.5;   // times the bytes: up to as many, and not half of them
  const auto named = model::catalogue_spec(knowledge.catalog, now.request.model);
  std::vector<std::string> specs;
  if (!named || now.architecture->origin != model::Origin::catalogue) return specs;
  const ModelFormats formats(knowledge, named->name);
  const Bytes bytes = now.architecture->weight_bytes();
  for (const std::string& quant : formats_under(knowledge, formats, named->name, now.rig, engine)) {
    const auto model = formats.in(quant);
    if (!model || (*model)->architecture.weight_bytes() > kAlike * bytes) continue;
    if (specs.empty() || (*model)->architecture.weight_bytes() > kHalf * bytes) specs.push_back(formats.spec(quant));
  }
  return specs;
}

// The model as it is planned now, in words that mean the same to another engine, which may assume a format of its own where none is named.
std::string same_under(const Knowledge& knowledge, const PlanAnswer& now, const catalog::Engine& engine) {
  const auto named = model::catalogue_spec(knowledge.catalog, now.request.model);
  if (!named || !named->quant.empty()) return now.request.model;
  PlanRequest request = now.request;
  request.placement.engine = engine.key;
  const auto asked = read_asked(knowledge, request);
  const auto same = [&](const model::Architecture& other) { return other.quant == now.architecture->quant || other.quant == model::gguf_recipe(now.architecture->quant) || model::gguf_recipe(other.quant) == now.architecture->quant ||
                                                                         (now.architecture->quant == model::gguf_recipe("mxfp4") && other.quant.find("MXFP4") != std::string::npos); };
  return asked && same(asked->model->architecture) ? now.request.model : named->name + ':' + to_lower(now.architecture->quant);
}

// Engines of another build share a model between cards, or between streams, by other means: the first of them that is far ahead.
std::optional<Remedy> engine_far_ahead(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  constexpr double kFar = 1.3;       // times as fast: a change of engine and files is more work than that of a flag
  if (names_no_streams(now.request) || !now.request.question.engine_date.empty()) return std::nullopt;
  if ((now.rig.devices.size() < 2 && now.admitted < 2) || !now.request.placement.flags.empty() || !now.request.placement.backend.empty()) return std::nullopt;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    const auto engine = knowledge.catalog.engine(entry.key);
    if (!engine || !(*engine)->base.empty() || (*engine)->kv_rule == now.engine.kv_rule || (*engine)->kv_rule == catalog::KvRule::contiguous) continue;
    std::vector<std::string> specs = alike_in(knowledge, now, **engine);
    if (!reads_ggml(knowledge, model)) specs.insert(specs.begin(), same_under(knowledge, now, **engine));
    for (const std::string& spec : specs) {
      PlanRequest request = now.request;
      request.placement.engine = entry.key;
      request.model = spec;
      const auto found = find_known(knowledge, spec);   // on the rig that is read: "here" is not probed again
      const auto alike = found ? as_engine_reads(knowledge, **engine, *found) : found;
      if (!alike || (*alike)->architecture.is_unquantized() != now.architecture->is_unquantized()) continue;
      const auto then = outcome_of(knowledge, with_room(std::move(request)), **engine, **alike, now.rig);
      if (!then) continue;
      if (then->decode < kFar * now.speed->decode.value.p50) break;   // the first that the cards take tells
      return engine_remedy(**engine, spec, (*alike)->architecture, *then);
    }
  }
  return std::nullopt;
}

// The specs by which the model may be asked of another engine, each once.
std::vector<std::string> specs_under(const Knowledge& knowledge, const PlanAnswer& now, const catalog::Engine& engine) {
  std::vector<std::string> specs;
  const auto add = [&](std::string spec) {
    if (!spec.empty() && std::find(specs.begin(), specs.end(), spec) == specs.end()) specs.push_back(std::move(spec));
  };
  add(same_under(knowledge, now, engine));
  for (std::string& spec : alike_in(knowledge, now, engine)) add(std::move(spec));
  const auto named = model::catalogue_spec(knowledge.catalog, now.request.model);
  if (now.assumed_quant && named)   // nobody chose this one: any that the engine's users run
    for (const std::string& quant : formats_under(knowledge, ModelFormats(knowledge, named->name), named->name, now.rig, engine)) add(named->name + ':' + quant);
  return specs;
}

// What the engine comes to with as many streams as it runs, or as keep the least speed asked for; nothing where that is not more than `floor`.
std::optional<Outcome> of_many_streams(const Knowledge& knowledge, const PlanRequest& request, Asked& asked, double floor) {
  const auto outcome = [&] { return outcome_of(knowledge, asked.request, asked.engine, *asked.model, asked.rig); };
  auto then = outcome();
  if (!then || then->decode <= floor) return std::nullopt;   // fewer streams do not come to more
  if (request.minimum_speed > 0) {
    take_most_streams(knowledge, request, asked);
    then = outcome();
  }
  const bool many = then && then->streams > 1 && then->decode > floor && then->decode >= request.minimum_speed * static_cast<double>(then->streams);
  return many ? std::move(then) : std::nullopt;
}

// For throughput nobody named how many streams there are, and this engine runs one: the first that serves many, with as many as it runs.
std::optional<Remedy> engine_of_many(const Knowledge& knowledge, const PlanAnswer& now) {
  const PlanRequest& asked_now = now.request;
  const bool open = names_no_streams(asked_now) && asked_now.placement.flags.empty() && asked_now.placement.backend.empty();
  if (!open || now.engine.kv_rule == catalog::KvRule::paged || !asked_now.question.engine_date.empty()) return std::nullopt;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    const auto engine = knowledge.catalog.engine(entry.key);
    if (!engine || !(*engine)->base.empty() || (*engine)->kv_rule != catalog::KvRule::paged) continue;
    std::optional<Remedy> best;
    for (const std::string& spec : specs_under(knowledge, now, **engine)) {
      const auto found = find_known(knowledge, spec);
      if (!found || reads_ggml(knowledge, **found)) continue;
      PlanRequest request = asked_now;
      request.placement.engine = entry.key;
      request.model = spec;
      auto asked = read_asked(knowledge, request);
      if (!asked) continue;
      asked->rig = now.rig;   // "here" as it was read
      const auto then = of_many_streams(knowledge, request, *asked, best ? best->decode : now.speed->decode.value.p50);
      if (!then) continue;
      best = engine_remedy(**engine, spec, asked->model->architecture, *then);
      best->streams = then->streams;
    }
    if (best) return best;
  }
  return std::nullopt;
}

}  // namespace

void faster_elsewhere(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model, std::vector<Remedy>& remedies) {
  if (now.request.objective != placement::Objective::decode && now.request.objective != placement::Objective::throughput) return;
  if (auto other = another_backend(knowledge, now, model)) remedies.push_back(std::move(*other));
  if (auto other = engine_far_ahead(knowledge, now, model)) remedies.push_back(std::move(*other));
  if (auto other = engine_of_many(knowledge, now)) remedies.push_back(std::move(*other));
}

}  // namespace rigcast::app
