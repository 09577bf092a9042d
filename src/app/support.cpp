#include "app/support.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "app/detail/requests.hpp"
#include "app/plan.hpp"
#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "cost/paths.hpp"
#include "model/names.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

using catalog::Rule;
using catalog::RuleEffect;
using catalog::Situation;

// One Quant for each kind of weights, and how people call the kind.
constexpr std::array<std::pair<const char*, const char*>, 13> kFormats = {{{"f16", "F16"}, {"bf16", "BF16"}, {"fp8_e4m3", "FP8"}, {"nvfp4", "FP4"},
                                                                          {"int8_channel", "INT8"}, {"awq_int4_g128", "AWQ"}, {"gptq_int4_g128", "GPTQ"},
                                                                          {"q8_0", "Q8_0"}, {"q4_k", "Q4_K"}, {"iq4_xs", "IQ4"}, {"exl3_4", "EXL3"},
                                                                          {"mlx_4bit_g64", "MLX"}, {"nf4", "NF4"}}};

constexpr const char* kAnySize = "@64g";   // of devices whose memory nobody has published

// A model that is asked about, by its name without a Quant: one of the catalogue may be had in any.
struct Subject {
  std::string name;
  std::string quant;   // the one that was named, or the one it was published in
  bool any_quant = false, small = false;   // small: it was published in fewer than 16 bits
};

// What only asks for a word on the launch line is for plans to say.
bool for_lines_only(const Rule& rule) { return rule.effect == RuleEffect::note && !rule.launch.empty(); }

// With a format that its users take, or experts that it keeps there anyway.
bool may_use_host(const catalog::Engine& engine) {
  return !engine.usual_quant.empty() || std::find(engine.splits.begin(), engine.splits.end(), "cpu-experts") != engine.splits.end();
}

// Gathers what is said of one Device.
class Inquiry {
 public:
  Inquiry(const Knowledge& knowledge, const rig::Rig& rig, std::vector<Rule> rules, SupportAnswer& answer)
      : knowledge_(knowledge), rig_(rig), device_(rig.devices.front().device), rules_(std::move(rules)), answer_(answer) {}

  void engine(const catalog::Engine& engine) {
    EngineSupport row{engine.key, engine.name, std::string(catalog::text_of(engine, "version", "")), {}, {}, {}, {}, {}};
    std::vector<std::string> since, until;
    for (const std::string& backend : engine.backends) {
      if (std::find(device_.runs.begin(), device_.runs.end(), backend) == device_.runs.end()) continue;
      const Situation situation = placement::situation_of(engine, backend, rig_, rig_.devices.front());
      std::string refusal;
      for (const Rule& rule : rules_) {
        if (names_format(rule) || for_lines_only(rule) || !catalog::applies(rule, situation)) continue;
        add_key(row.rules, rule);
        if (rule.effect == RuleEffect::refuse && refusal.empty()) refusal = rule.text;
        if (!rule.since.empty()) add(since, rule.since);
        if (!rule.until.empty()) add(until, rule.until);
      }
      if (!refusal.empty()) { if (row.why.empty()) row.why = refusal; continue; }
      row.backends.push_back({backend, formats(engine, backend, situation)});
      several(engine, backend);
    }
    if (!row.backends.empty()) row.why.clear();
    row.since = join(since, ", ");
    row.until = join(until, ", ");
    answer_.engines.push_back(std::move(row));
  }

  // The engine's usual Quant, as a plan assumes it, or the best other that it can hold on the Device alone; else the usual one with part of it
  // on the host; and what it does there.
  void model(const catalog::Engine& engine, const Subject& asked) {
    ModelSupport row;
    row.key = engine.key;
    row.name = engine.name;
    row.model = asked.name;
    const auto spec = [&](const std::string& quant) { return quant.empty() ? asked.name : asked.name + ':' + quant; };
    const bool files = engine.kv_rule == catalog::KvRule::slots;
    const bool as_usual = asked.any_quant && !asked.small && !engine.usual_quant.empty() && catalog::number_of(engine, "published_first", "", 0) <= 0;
    const std::vector<std::string> quants = usual_formats(engine, ModelFormats(knowledge_, asked.name), rig_).quants;
    const auto first = quants.begin(), last = quants.end(), usual = as_usual ? std::find(first, last, engine.usual_quant) : last;
    std::vector<std::string> specs;
    std::transform(usual, last, std::back_inserter(specs), spec);
    if (asked.any_quant && !files && asked.quant == "bf16" && !device_.rates.contains("bf16") && device_.rates.contains("fp16")) specs.push_back(spec("f16"));   // converted anyway
    specs.push_back(spec(asked.quant));   // as published
    if (asked.any_quant && !only_as_published(engine, asked)) std::transform(first, usual, std::back_inserter(specs), spec);
    if (!files && asked.any_quant) native_first(engine, asked, specs, spec("fp8"));
    auto found = std::find_if(specs.begin(), specs.end(), [&](const std::string& each) { return fits(engine, each, !asked.any_quant, row, true); });
    if (found == specs.end() && !files) found = std::find_if(specs.begin(), specs.end(), [&](const std::string& each) { return fits(engine, each, !asked.any_quant, row); });
    if (found == specs.end() && asked.any_quant && may_use_host(engine)) {   // part of it must lie there anyway
      auto from = std::find(specs.begin(), specs.end(), spec(engine.usual_quant));
      if (from == specs.end()) from = specs.begin();   // of what was trained in four bits only that is tried
      found = std::find_if(from, specs.end(), [&](const std::string& each) { return fits(engine, each, true, row); });
    }
    if (found != specs.end()) plan(engine, *found, asked, row);
    answer_.models.push_back(std::move(row));
  }

 private:
  // Engines are asked about the same few.
  const Result<model::Architecture>& model_called(const std::string& spec) const {
    auto found = models_.find(spec);
    if (found == models_.end()) found = models_.emplace(spec, find_model(knowledge_, spec)).first;
    return found->second;
  }
  // What was trained in four bits is served in these: nobody publishes it in others for engines that read them.
  bool only_as_published(const catalog::Engine& engine, const Subject& asked) const {
    const auto& published = model_called(asked.name);
    if (!published || !asked.small || !placement::check_formats(knowledge_.catalog, engine, *published)) return false;
    return std::any_of(published->tensors.begin(), published->tensors.end(), [&](const model::Tensor& tensor) {
      const auto quant = knowledge_.catalog.quant(tensor.quant);
      return quant && quant->group == "fp4";
    });
  }
  // Formats that the device computes in before those it widens; where it has units for FP8 and was not asked otherwise, that before 16 bits, as
  // such devices are used.
  void native_first(const catalog::Engine& engine, const Subject& asked, std::vector<std::string>& specs, const std::string& fp8) {
    const auto backend = placement::choose_backend(engine, rig_, "");
    if (!backend) return;
    const auto native = [&](const std::string& spec) {
      const auto model = find_known(knowledge_, spec);
      const auto quant = model ? knowledge_.catalog.quant((*model)->view.dominant_quant()) : Result<catalog::Quant>(fail(ErrorKind::not_found, ""));
      if (!quant) return true;
      FormatSupport row{quant->key, quant->key, quant->group, catalog::bits_per_weight(*quant), Support::unread, {}, {}, {}};
      Situation situation = placement::situation_of(engine, *backend, rig_, rig_.devices.front());
      situation.quant = quant->key;
      situation.quant_group = quant->group;
      judge(engine, *backend, situation, row);
      return row.support == Support::native;
    };
    std::stable_partition(specs.begin(), specs.end(), native);
    const auto usual = std::find(specs.begin(), specs.end(), fp8);
    if (!asked.small && usual != specs.end() && device_.rates.contains("fp8") && native(fp8)) std::rotate(specs.begin(), usual, usual + 1);
  }
  static void add(std::vector<std::string>& all, const std::string& one) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
  static bool contains(const std::vector<Rule>& all, const Rule& rule) {
    return std::any_of(all.begin(), all.end(), [&](const Rule& each) { return each.key == rule.key; });
  }
  void add_key(std::vector<std::string>& keys, const Rule& rule) {
    add(keys, rule.key);
    if (!contains(answer_.rules, rule)) answer_.rules.push_back(rule);
  }

  // Whether the engine lays it out, with or without the host's help; says why not in `row`, the first reason that is no shortage.
  bool fits(const catalog::Engine& engine, const std::string& spec, bool host_may_help, ModelSupport& row, bool whole_context = false) const {
    const auto& architecture = model_called(spec);
    if (!architecture) return false;
    placement::Request request;
    request.engine = engine.key;
    request.advise = false;
    const auto placed = placement::place(knowledge_.catalog, *architecture, rig_, request);
    if (!placed) {
      if (row.why.empty() && row.missing <= Bytes{}) row.why = placed.error().message;
      return false;
    }
    if (!placed->fits) {
      Bytes missing{};
      for (const Bytes one : placed->missing) missing += one;
      if (row.missing <= Bytes{} || missing < row.missing) { row.missing = missing; row.quant = architecture->quant; }
      return false;
    }
    const auto& told = placed->caveats;
    if (whole_context && std::any_of(told.begin(), told.end(), [](const auto& caveat) { return caveat.id == "context-shortened"; })) return false;
    if (host_may_help || placement::all_on_devices(*architecture, *placed)) return true;
    const auto first = placement::find_room(knowledge_.catalog, *architecture, rig_, request, true);   // the device alone comes first, whatever is faster
    if (first && placement::all_on_devices(*architecture, *first)) return true;
    if (row.why.empty() && row.missing <= Bytes{} && placed->mode == placement::Mode::cpu)
      row.why = "the card does not hold it as " + architecture->quant + ": the host's processor would run all of it";
    return false;
  }

  void plan(const catalog::Engine& engine, const std::string& spec, const Subject& subject, ModelSupport& row) const {
    PlanRequest question;
    question.model = spec;
    question.rig = rig_.spec;
    question.placement.engine = engine.key;
    question.placement.advise = false;
    auto asked = read_asked(knowledge_, question);
    if (!asked) return;
    const auto plan = answer_of(knowledge_, std::move(*asked));   // without the advice, which nobody sees
    if (!plan || !plan->placement.fits) return;
    row.model = subject.small && spec == subject.name + ':' + subject.quant ? subject.name : spec;   // what is small already is planned as published
    row.runs = true;
    row.why.clear();
    row.missing = {};
    row.quant = plan->architecture->quant;
    row.weights = plan->architecture->weight_bytes();
    row.backend = plan->placement.backend;
    row.launch = plan->launch.line;
    if (!plan->speed) return;
    row.decode = plan->speed->decode.value;
    row.prefill = plan->speed->prefill.value;
  }

  std::vector<FormatSupport> formats(const catalog::Engine& engine, const std::string& backend, Situation situation) {
    std::vector<FormatSupport> all;
    for (const auto& [key, name] : kFormats) {
      const auto quant = knowledge_.catalog.quant(key);
      if (!quant) continue;
      FormatSupport row{key, name, quant->group, catalog::bits_per_weight(*quant), Support::unread, {}, {}, {}};
      if (catalog::reads(engine, quant->group, backend)) {
        situation.quant = quant->key;
        situation.quant_group = quant->group;
        judge(engine, backend, situation, row);
      }
      all.push_back(std::move(row));
    }
    return all;
  }

  void judge(const catalog::Engine& engine, const std::string& backend, const Situation& situation, FormatSupport& row) {
    const cost::Setting setting = cost::setting_of(engine.key, backend);
    const std::string format = cost::format_class(row.format);
    cost::Arithmetic arithmetic = cost::arithmetic_of(device_, setting, format);
    row.support = arithmetic.meant.empty() || arithmetic.runs_as.empty() || arithmetic.runs_as == arithmetic.meant ? Support::native : Support::fallback;
    row.runs_as = std::move(arithmetic.runs_as);
    for (const Rule& rule : catalog::rules_for(rules_, situation)) {
      if (!names_format(rule) || for_lines_only(rule)) continue;
      add_key(row.rules, rule);
      if (rule.effect == RuleEffect::refuse) row.support = Support::refused;
      if (rule.effect == RuleEffect::fallback && row.support != Support::refused) {
        row.support = Support::fallback;
        row.runs_as = rule.runs_as;
      }
    }
    if (row.support == Support::refused) row.runs_as.clear();
    else row.rate = FlopRate(cost::matrix_rate(device_, setting, format));
  }

  // What changes where several such Devices share a model. A card of several chips is several already.
  void several(const catalog::Engine& engine, const std::string& backend) {
    if (!pair_) pair_ = device_.chips > 1 ? rig_ : rig::parse_rig(knowledge_.catalog, "2x" + device_.key).value_or(rig_);
    Situation situation = placement::situation_of(engine, backend, *pair_, pair_->devices.front());
    situation.several_devices = true;
    for (const std::string& split : engine.splits) {
      situation.split = split;
      for (const Rule& rule : rules_)
        if (!names_format(rule) && !for_lines_only(rule) && catalog::applies(rule, situation) && !contains(answer_.rules, rule) && !contains(answer_.several, rule))
          answer_.several.push_back(rule);
    }
  }

  const Knowledge& knowledge_;
  const rig::Rig& rig_;
  const catalog::Device& device_;
  std::vector<Rule> rules_;
  std::optional<rig::Rig> pair_;   // once it is asked for
  mutable std::map<std::string, Result<model::Architecture>> models_;   // by spec, those asked for
  SupportAnswer& answer_;
};

void order(std::vector<Rule>& rules) {
  std::stable_sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) { return a.effect < b.effect; });
}

// Those that run it first. Speeds of unlike formats are not alike: of those nearly as fast as the fastest the one that plans take (`first`), then the
// engines that serve many where `serves_first`, and of these the ones that read most of the weights' bytes in a second, which is fast for the bits
// they keep; behind them by speed.
void rank(const std::vector<catalog::Engine>& engines, const std::string& first, bool serves_first, std::vector<ModelSupport>& models) {
  constexpr double kNear = 1.5;
  double fastest = 0;
  for (const ModelSupport& each : models) fastest = std::max(fastest, each.decode.p50);
  enum class Usual { serves, runs, compares };   // compares: where models come first, and what nobody serves with who has a choice
  const auto usual = [&](const ModelSupport& each) {
    const auto engine = std::find_if(engines.begin(), engines.end(), [&](const catalog::Engine& one) { return one.key == each.key; });
    if (engine != engines.end() && placement::is_reference(*engine)) return Usual::compares;
    return engine != engines.end() && engine->kv_rule == catalog::KvRule::paged && serves_first ? Usual::serves : Usual::runs;
  };
  const auto place = [&](const ModelSupport& each) {   // least first
    const bool near = each.decode.p50 > 0 && kNear * each.decode.p50 >= fastest;
    return std::tuple(!each.runs, !near, near && each.key != first, near ? usual(each) : Usual::serves, near ? -each.decode.p50 * each.weights.value() : -each.decode.p50);
  };
  std::stable_sort(models.begin(), models.end(), [&](const ModelSupport& a, const ModelSupport& b) { return place(a) < place(b); });
}

Subject asked_about(const Knowledge& knowledge, const std::string& spec, const model::Architecture& architecture) {
  const auto named = model::catalogue_spec(knowledge.catalog, spec);
  if (architecture.origin != model::Origin::catalogue || !named) return {spec, {}, architecture.origin == model::Origin::config};
  if (!named->quant.empty()) return {named->name, named->quant, false};
  return {named->name, to_lower(architecture.quant), true, !architecture.is_unquantized()};
}

}  // namespace

const char* to_string(Support support) {
  switch (support) {
    case Support::native: return "native";
    case Support::fallback: return "fallback";
    case Support::refused: return "refused";
    case Support::unread: return "unread";
  }
  return "";
}

Result<SupportAnswer> support(const Knowledge& knowledge, const SupportRequest& request) {
  SupportAnswer answer;
  answer.request = request;
  auto device = rig::device_named(knowledge.catalog, request.device);
  if (!device) {
    Error error = device.error();
    error.where = Where{"CARD"};
    error.field = "device";
    return tl::unexpected<Error>(std::move(error));
  }
  answer.device = std::move(*device);
  RC_ASSIGN(rules, knowledge.catalog.rules());
  std::vector<catalog::Engine> engines;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    RC_ASSIGN(engine, catalog::read_engine(knowledge.catalog, entry.key));
    engines.push_back(std::move(engine));
  }
  std::optional<Subject> asked;
  if (!request.about.empty()) {
    if (const auto engine = catalog::read_engine(knowledge.catalog, request.about)) {
      answer.engine = engine->key;
      std::erase_if(engines, [&](const catalog::Engine& each) { return each.key != engine->key; });
    } else if (const auto model = find_model(knowledge, request.about); model) {
      asked = asked_about(knowledge, request.about, *model);
    } else {
      Error error = model.error();
      error.where.file = "ENGINE|MODEL";
      const std::array<std::string, 2> near = {knowledge.catalog.nearest(catalog::Kind::engine, request.about), error.nearest};
      if (error.kind == ErrorKind::not_found && error.field == "model") {
        error.message = "no engine or model is called '" + request.about + "'";
        if (!near[0].empty() && nearest_name(request.about, near) == near[0]) error.nearest = near[0];
      }
      error.field = "about";
      return tl::unexpected<Error>(std::move(error));
    }
  }
  const bool sized = answer.device.memory.value > Bytes{};   // formats and engines need no memory, a model does
  RC_ASSIGN(rig, read_rig(knowledge, sized ? answer.device.key : asked ? request.device : answer.device.key + kAnySize));
  Inquiry inquiry(knowledge, rig, *rules, answer);
  for (const catalog::Engine& engine : engines) {
    inquiry.engine(engine);
    if (asked) inquiry.model(engine, *asked);
  }
  order(answer.rules);
  order(answer.several);
  answer.serves_first = is_of_servers(answer.device);
  rank(engines, usual_engine(knowledge, rig), answer.serves_first, answer.models);
  const auto front = std::find_if(engines.begin(), engines.end(), [&](const catalog::Engine& each) { return !answer.models.empty() && each.key == answer.models.front().key; });
  answer.serves_first = answer.serves_first && front != engines.end() && front->kv_rule == catalog::KvRule::paged;   // where none is nearly as fast, speed alone decides
  return answer;
}

}  // namespace rigcast::app
