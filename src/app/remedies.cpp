#include "app/detail/remedies.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "app/detail/requests.hpp"
#include "app/layouts.hpp"
#include "app/models.hpp"
#include "base/text.hpp"
#include "model/names.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

constexpr int kMostTries = 4;

// What is left on the fullest memory; negative where something is missing.
Bytes slack_of(const placement::Placement& placement) {
  Bytes slack(1e18);
  for (const auto& share : placement.devices)
    if (share.capacity > Bytes{}) slack = std::min(slack, share.capacity - share.memory.total());
  if (placement.host_capacity > Bytes{}) slack = std::min(slack, placement.host_capacity - placement.host.total());
  for (const Bytes missing : placement.missing) slack = std::min(slack, missing > Bytes{} ? -missing : slack);
  return slack;
}

std::int64_t whole_steps(double context) { return static_cast<std::int64_t>(context / kContextStep) * kContextStep; }

bool fits_at(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, placement::Request request, std::int64_t context) {
  request.context = context;
  return placement::find_room(knowledge.catalog, model.view, rig, request, true).has_value();
}

}  // namespace

namespace {

// The longest context between two for which there is room, given that there is at the shorter and not at the longer. Memory grows all but
// linearly with the context, so straight lines through two layouts find the end in a few steps; an end that stays where it is twice counts
// half, or the other would creep.
template <class Slack>
std::int64_t longest_between(std::int64_t good, Bytes slack_good, std::int64_t bad, Bytes slack_bad, Slack slack_at) {
  slack_good = std::max(slack_good, Bytes(1));
  int side = 0;   // which end moved last: 1 good, -1 bad
  for (int tries = 0; tries < kMostTries && bad - good > kContextStep; ++tries) {
    const double share = slack_good / (slack_good - slack_bad);
    const std::int64_t line = whole_steps(static_cast<double>(good) + share * static_cast<double>(bad - good));
    const std::int64_t middle = std::clamp(line, whole_steps(static_cast<double>(good)) + kContextStep, bad - 1);
    const Bytes slack = slack_at(middle);
    const int moved = slack >= Bytes{} ? 1 : -1;
    if (moved > 0) {
      good = middle;
      slack_good = slack;
      if (side > 0) slack_bad = slack_bad / 2;
    } else {
      bad = middle;
      slack_bad = slack;
      if (side < 0) slack_good = slack_good / 2;
    }
    side = moved;
  }
  return good;
}

}  // namespace

// Searched between the shortest context worth having and the model's own, whatever was asked for: one layout has one answer.
std::int64_t longest_context(const Knowledge& knowledge, const PlanRequest& request, const catalog::Engine& engine, const KnownModel& model,
                             const rig::Rig& rig, const placement::Placement& placement) {
  const std::int64_t streams = placement::context_parts(engine, placement.settings);   // each has its share of -c
  const std::int64_t asked = placement.settings.context / streams, whole = model.architecture.max_context;
  if (whole <= asked) return asked;
  std::string where = knowledge.longest ? words_of(request, engine.key, model, rig) : std::string();
  if (!where.empty()) where += '\n' + placement.backend;
  if (!where.empty())
    if (const auto known = knowledge.longest->find(where, placement.settings)) return std::max(asked, *known);
  placement::Layouts layouts(knowledge.catalog, engine, placement.backend, model.view, rig, request.placement.drafter);
  const auto slack_at = [&](std::int64_t context) {
    placement::Settings settings = placement.settings;
    settings.context = context * streams;
    const auto laid = layouts.of(settings);
    if (laid && laid->kv_tokens > 0 && engine.kv_rule == catalog::KvRule::paged) {   // a cache that takes what is left: how much longer than asked it is
      const auto longer = static_cast<double>(laid->kv_tokens - settings.context);
      return Bytes(laid->fits ? std::max(longer, 0.0) : std::min(longer, -1.0));
    }
    return laid ? (laid->fits ? std::max(slack_of(*laid), Bytes{}) : std::min(slack_of(*laid), Bytes(-1))) : Bytes(-1e18);
  };
  const auto longest_from = [&](std::int64_t shortest, Bytes slack_whole) -> std::int64_t {
    if (shortest >= whole) return 0;
    const Bytes slack = slack_at(shortest);
    return slack < Bytes{} ? 0 : longest_between(shortest, slack, whole, slack_whole, slack_at);
  };
  const Bytes slack_whole = slack_at(whole);
  std::int64_t longest = slack_whole >= Bytes{} ? whole : longest_from(placement::kContextWorthHaving, slack_whole);
  if (longest == 0) longest = longest_from(kContextStep, slack_whole);
  if (!where.empty()) knowledge.longest->keep(where, placement.settings, longest);
  return std::max(asked, longest);
}

namespace {

// A context below the one that failed for which room is found; 0 where there is none worth having. What is missing over what a token
// takes says where to look.
std::int64_t shorter_context(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig,
                             const placement::Request& request, const placement::Placement& failed, std::int64_t parts) {
  Bytes missing{}, of_context = failed.host.kv + failed.host.compute;
  for (const Bytes one : failed.missing) missing = std::max(missing, one);
  for (const auto& share : failed.devices) of_context += share.memory.kv + share.memory.compute;
  const double asked = static_cast<double>(failed.settings.context) / static_cast<double>(parts);
  if (failed.kv_tokens >= placement::kContextWorthHaving && failed.kv_tokens < failed.settings.context) {
    const std::int64_t held = whole_steps(static_cast<double>(failed.kv_tokens));
    for (const std::int64_t context : {held, held - held / 16 / kContextStep * kContextStep})
      if (fits_at(knowledge, model, rig, request, context)) return context;
  }
  if (missing >= of_context) return 0;
  for (const double share : {1 - missing / of_context, 0.75 * (1 - missing / of_context), 0.4 * (1 - missing / of_context)}) {
    const std::int64_t context = whole_steps(share * asked);
    if (context >= placement::kContextWorthHaving && fits_at(knowledge, model, rig, request, context)) return context;
  }
  return 0;
}

Bytes all_memory(const rig::Rig& rig) {
  Bytes all{};
  for (const rig::RigDevice& device : rig.devices) all += device.memory;
  for (const rig::Host& host : rig.hosts) all += host.memory > Bytes{} ? host.available() : Bytes(1e18);
  return all;
}

// The engine's flags that keep keys and values in fewer bits behind those that were asked for; empty where it has none, or these settle it.
std::string with_small_cache(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const placement::Request& request,
                             const placement::Placement& placement) {
  const auto list_of = [&](const char* name, std::string_view key) { return split_words(catalog::text_of(engine, name, key)); };
  const auto lists = [](const auto& words, std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); };
  const std::string_view chip = rig.devices.empty() ? std::string_view() : std::string_view(rig.devices.front().device.architecture);
  const std::string_view flags = catalog::text_of(engine, "small_cache", chip);
  const placement::Settings& settings = placement.settings;
  if (const auto backends = list_of("small_cache_on", ""); !backends.empty() && !lists(backends, placement.backend)) return {};
  const auto refuses = list_of("small_cache_refuses", chip);
  const bool latent = std::any_of(architecture.layers.begin(), architecture.layers.end(), [](const model::Layer& layer) { return layer.attention.kind == model::AttentionKind::mla; });
  if ((latent && lists(refuses, "mla")) || (lists(refuses, "fp8") && to_lower(architecture.quant).starts_with("fp8"))) return {};
  const bool told = settings.flash_attention == false && placement::names_flash_attention(placement.flags);   // the search may take it up again
  if (flags.empty() || settings.key_quant != "f16" || settings.value_quant != "f16" || told) return {};
  const std::string_view before = trim(request.flags);
  return before.empty() ? std::string(flags) : std::string(before) + ' ' + std::string(flags);
}

Remedy cache_remedy(const catalog::Engine& engine, const PlanRequest& request, const model::Architecture& architecture, std::string flags) {
  return {Remedy::Kind::cache, std::string(catalog::text_of(engine, "small_cache_format", "")), request.model, architecture.weight_bytes(), std::move(flags)};
}

// Formats to try where nothing larger fits: from large to small, those that somebody publishes before all others where that counts.
UsualFormats smaller_formats(const PlanAnswer& now, const ModelFormats& known) {
  const auto words = split_words(catalog::text_of(now.engine, "smaller_quants", ""));
  return words.empty() ? usual_formats(now.engine, known, now.rig) : UsualFormats{std::vector<std::string>(words.begin(), words.end())};
}

// The first of the engine's usual formats, smaller than what is planned, for which there is room: those published before others, else the largest.
std::optional<Remedy> smaller_that_fits(const Knowledge& knowledge, const PlanAnswer& now) {
  const PlanRequest& request = now.request;
  const auto named = model::catalogue_spec(knowledge.catalog, request.model);
  const std::string name = named ? named->name : model::split_spec(request.model).name;
  const Bytes asked = now.architecture->weight_bytes(), room = all_memory(now.rig);
  const std::int64_t parts = placement::context_parts(now.engine, now.placement.settings);
  const ModelFormats known(knowledge, name);
  const UsualFormats usual = smaller_formats(now, known);
  const std::vector<std::string>& formats = usual.quants;
  const auto too_large = [&](const std::string& quant) {
    const auto model = known.in(quant);
    return model && ((*model)->architecture.weight_bytes() >= asked || (*model)->architecture.weight_bytes() > room);
  };
  const auto planned = std::find_if(formats.begin(), formats.end(), [&](const std::string& quant) { return equal_ignoring_case(quant, now.architecture->quant); });
  const bool sorted = usual.published == 0 || usual.published == formats.size();
  const auto first = !sorted || planned == formats.end() ? formats.begin() : planned + 1;
  for (auto quant = sorted ? std::partition_point(first, formats.end(), too_large) : first; quant != formats.end(); ++quant) {   // few need be read
    const auto smaller = known.in(*quant);
    if (!smaller || too_large(*quant)) continue;
    if (!fits_at(knowledge, **smaller, now.rig, request.placement, now.named_context ? now.placement.settings.context / parts : 0)) continue;   // what nobody named may shrink
    return Remedy{Remedy::Kind::quant, *quant, known.spec(*quant), (*smaller)->architecture.weight_bytes()};
  }
  return std::nullopt;
}

// What a device is short of, the host aside.
Bytes short_device(const placement::Placement& placement) {
  Bytes most{};
  for (std::size_t i = 0; i < placement.devices.size() && i < placement.missing.size(); ++i) most = std::max(most, placement.missing[i]);
  return most;
}

// Weights that the devices have no room for may lie in the host's memory where the engine lets a device read them there. Slow: as few as a
// context that is worth having leaves no room for.
std::optional<Remedy> lent_weights(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  const std::string flag(catalog::text_of(now.engine, "flag", "offload"));
  const auto backends = split_words(catalog::text_of(now.engine, "offload_on", ""));
  if (flag.empty() || now.placement.settings.host_gib > 0 || std::find(backends.begin(), backends.end(), now.placement.backend) == backends.end()) return std::nullopt;
  PlanRequest request = now.request;
  if (!now.named_context) request.placement.context = placement::worth_having(now.placement.settings.context, request.placement.reach);
  double gib = 0;
  for (int tries = 0; tries <= kMostTries; ++tries) {
    const auto placed = placement::place(knowledge.catalog, model.view, now.rig, request.placement);
    if (!placed) return std::nullopt;
    if (placed->fits) break;
    const double lacking = std::ceil(short_device(*placed).value() / kGiB);
    if (lacking <= 0) return std::nullopt;   // the host is what is short
    gib += lacking;
    const std::string_view before = trim(now.request.placement.flags);
    request.placement.flags = (before.empty() ? std::string() : std::string(before) + ' ') + flag + ' ' + format_shortest(gib);
  }
  const auto then = gib > 0 ? outcome_of(knowledge, request, now.engine, model, now.rig) : std::nullopt;
  if (!then || then->decode <= 0) return std::nullopt;
  return Remedy{Remedy::Kind::offload, format_shortest(gib), now.request.model, Bytes(gib * kGiB), request.placement.flags, then->decode, request.placement.context};
}

}  // namespace

namespace {

// A GPU that shares the host's memory may be let take more of it than it does by itself: all but what the system and its programs need. Windows fixes it with the BIOS.
std::optional<Remedy> larger_share(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  const rig::Rig& rig = now.rig;
  if (rig.devices.size() != 1 || rig.hosts.size() != 1 || !rig.devices.front().device.unified || rig.hosts.front().os == rig::Os::windows) return std::nullopt;
  const std::string& spec = now.request.rig;
  if (spec.empty() || spec.find_first_of(";=") != std::string::npos) return std::nullopt;   // named in other words
  const Bytes memory = rig.hosts.front().memory, most = memory - std::max(Bytes(8 * kGiB), memory / 16);
  if (most <= rig.devices.front().memory) return std::nullopt;
  const std::string gib = format_shortest(std::floor(most.value() / kGiB));
  Remedy remedy{Remedy::Kind::share, gib, now.request.model, now.architecture->weight_bytes()};
  remedy.rig = spec + "@gpu=" + gib + 'g';
  const auto larger = read_rig(knowledge, remedy.rig);
  const std::int64_t parts = placement::context_parts(now.engine, now.placement.settings);
  if (!larger || !fits_at(knowledge, model, *larger, now.request.placement, now.named_context ? now.placement.settings.context / parts : 0)) return std::nullopt;
  return remedy;
}

// An engine that keeps on the host what the devices have no room for, where this one cannot: the first that builds on no other.
std::optional<Remedy> engine_that_uses_the_host(const Knowledge& knowledge, const PlanAnswer& now) {
  const auto uses_host = [](const catalog::Engine& engine) { return std::find(engine.splits.begin(), engine.splits.end(), "cpu-layers") != engine.splits.end(); };
  if ((now.engine.kv_rule == catalog::KvRule::slots && uses_host(now.engine)) || !trim(now.request.placement.flags).empty() || !now.request.placement.backend.empty()) return std::nullopt;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    const auto engine = knowledge.catalog.engine(entry.key);
    if (!engine || !(*engine)->base.empty() || (*engine)->kv_rule != catalog::KvRule::slots || !uses_host(**engine)) continue;
    PlanRequest request = now.request;
    request.placement.engine = entry.key;
    const auto asked = read_asked(knowledge, request);
    const auto then = asked ? outcome_of(knowledge, asked->request, asked->engine, *asked->model, asked->rig) : std::nullopt;
    if (!then || then->decode <= 0) continue;
    return engine_remedy(asked->engine, request.model, asked->model->architecture, *then);
  }
  return std::nullopt;
}

}  // namespace

Remedy engine_remedy(const catalog::Engine& engine, const std::string& spec, const model::Architecture& architecture, const Outcome& then) {
  const placement::Settings& settings = then.placement.settings;
  return {Remedy::Kind::engine, engine.name, spec, architecture.weight_bytes(), {}, then.decode, settings.context / placement::context_parts(engine, settings), engine.key, architecture.quant};
}

std::vector<Remedy> find_remedies(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  std::vector<Remedy> remedies;
  const PlanRequest& request = now.request;
  const catalog::Engine& engine = now.engine;
  const model::Architecture& architecture = *now.architecture;
  const rig::Rig& rig = now.rig;
  const placement::Placement& failed = now.placement;
  const std::int64_t parts = placement::context_parts(engine, failed.settings);   // a request names the context of one stream
  if (now.searched)
    if (const std::int64_t context = shorter_context(knowledge, model, rig, request.placement, failed, parts); context > 0 && context >= request.placement.reach)
      remedies.push_back({Remedy::Kind::context, std::to_string(context), request.model, architecture.weight_bytes()});
  if (std::string flags = with_small_cache(engine, architecture, rig, request.placement, failed); !flags.empty()) {
    placement::Request smaller = request.placement;
    smaller.flags = flags;
    if (placement::find_room(knowledge.catalog, model.view, rig, smaller, true)) remedies.push_back(cache_remedy(engine, request, architecture, std::move(flags)));
  }
  if (!now.searched) pinned_remedies(knowledge, now, model, remedies);
  if (auto share = larger_share(knowledge, now, model)) remedies.push_back(std::move(*share));
  if (architecture.origin != model::Origin::gguf)
    if (auto smaller = smaller_that_fits(knowledge, now)) remedies.push_back(std::move(*smaller));
  auto lent = lent_weights(knowledge, now, model), other = engine_that_uses_the_host(knowledge, now);
  if (other && lent && other->decode > lent->decode) std::swap(other, lent);
  for (auto* each : {&lent, &other})
    if (*each) remedies.push_back(std::move(**each));
  return remedies;
}

namespace {

constexpr double kWorthIt = 1.1;   // times as fast

// Layers that lie on the host for want of room beside the cache: with a cache of half the size they may all go to the devices.
std::optional<Remedy> smaller_cache(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  if (now.placement.mode == placement::Mode::cpu || placement::all_on_devices(*now.architecture, now.placement)) return std::nullopt;
  std::string flags = with_small_cache(now.engine, *now.architecture, now.rig, now.request.placement, now.placement);
  if (flags.empty()) return std::nullopt;
  PlanRequest request = now.request;
  request.placement.flags = flags;
  const auto then = outcome_of(knowledge, request, now.engine, model, now.rig);
  if (!then || then->decode <= 0 || then->over_context < kWorthIt * decode_over_context(now)) return std::nullopt;
  Remedy remedy = cache_remedy(now.engine, now.request, *now.architecture, std::move(flags));
  remedy.decode = then->decode;
  return remedy;
}

Remedy format_remedy(const catalog::Engine& engine, const std::string& quant, const std::string& spec, const KnownModel& model, const Outcome& then) {
  const placement::Settings& settings = then.placement.settings;
  return {Remedy::Kind::quant, quant, spec, model.architecture.weight_bytes(), {}, then.decode, settings.context / placement::context_parts(engine, settings)};
}

// A model in 16 bits because it was published so and nobody said otherwise: the largest of the formats in which the engine's users run it,
// where the devices are faster with it.
std::optional<Remedy> smaller_format(const Knowledge& knowledge, const PlanAnswer& now) {
  if (now.engine.kv_rule != catalog::KvRule::paged || now.architecture->origin != model::Origin::catalogue || !now.architecture->is_unquantized()) return std::nullopt;
  const auto named = model::catalogue_spec(knowledge.catalog, now.request.model);
  if (!named || !named->quant.empty()) return std::nullopt;
  const ModelFormats formats(knowledge, named->name);
  for (const std::string& quant : usual_formats(now.engine, formats, now.rig).quants) {
    const auto smaller = formats.in(quant);
    if (!smaller || (*smaller)->architecture.weight_bytes() >= now.architecture->weight_bytes()) continue;
    PlanRequest request = now.request;
    request.model = formats.spec(quant);
    const auto then = outcome_of(knowledge, request, now.engine, **smaller, now.rig);
    if (!then || then->decode <= 0 || then->over_context < kWorthIt * decode_over_context(now)) continue;
    return format_remedy(now.engine, quant, request.model, **smaller, *then);
  }
  return std::nullopt;
}

// Kernels of some formats take apart more than they save in bytes: a larger file of the same model that the devices hold as well may be the faster
// one. The fastest of the engine's usual ones.
std::optional<Remedy> larger_format(const Knowledge& knowledge, const PlanAnswer& now) {
  constexpr double kWorthNaming = 1.03;   // times as fast: what has more bits needs no other reason
  constexpr double kNextSizes = 1.4;      // times the bytes: from Q3_K_M to Q4_K_M, from Q6_K to Q8_0
  if (now.engine.kv_rule != catalog::KvRule::slots || now.architecture->origin != model::Origin::catalogue || now.architecture->is_unquantized()) return std::nullopt;
  if (now.placement.mode == placement::Mode::cpu || now.own.any() || !placement::all_on_devices(*now.architecture, now.placement)) return std::nullopt;
  const auto named = model::catalogue_spec(knowledge.catalog, now.request.model);
  if (!named) return std::nullopt;
  constexpr double kLarger = 1.1;   // times the bytes
  const Bytes planned = now.architecture->weight_bytes();
  if (const auto published = find_known(knowledge, named->name); published && (*published)->architecture.weight_bytes() < kLarger * planned) return std::nullopt;   // more bits hold no more of it
  std::optional<Remedy> best;
  double fastest = kWorthNaming * decode_over_context(now);
  const ModelFormats formats(knowledge, named->name);
  for (const std::string& quant : now.engine.usual_quants) {
    const auto larger = formats.in(quant);
    if (!larger || (*larger)->architecture.weight_bytes() <= planned || (*larger)->architecture.weight_bytes() > kNextSizes * planned) continue;
    PlanRequest request = now.request;
    request.model = formats.spec(quant);
    const auto then = outcome_of(knowledge, request, now.engine, **larger, now.rig, fastest);
    if (!then || then->over_context < fastest || !placement::all_on_devices((*larger)->architecture, then->placement)) continue;
    fastest = then->over_context;
    best = format_remedy(now.engine, quant, request.model, **larger, *then);
  }
  return best;
}

}  // namespace

std::vector<Remedy> find_faster(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  std::vector<Remedy> remedies;
  if (!now.searched || !now.speed) return remedies;
  if (auto smaller = smaller_cache(knowledge, now, model)) remedies.push_back(std::move(*smaller));
  if (auto smaller = smaller_format(knowledge, now)) remedies.push_back(std::move(*smaller));
  if (auto larger = larger_format(knowledge, now)) remedies.push_back(std::move(*larger));
  faster_elsewhere(knowledge, now, model, remedies);
  return remedies;
}

}  // namespace rigcast::app
