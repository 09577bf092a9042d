// Which engine is meant where nobody names one.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "app/detail/requests.hpp"
#include "base/text.hpp"
#include "model/names.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

// The one that runs on most machines: what placement::Request means by itself.
std::string plain_engine() { return placement::Request{}.engine; }

// Engines that say they are usual on every card of the rig.
std::vector<std::string> usual_on(const Knowledge& knowledge, const rig::Rig& rig) {
  std::vector<std::string> engines;
  if (rig.devices.empty() || !std::all_of(rig.devices.begin(), rig.devices.end(), [](const rig::RigDevice& each) { return is_of_servers(each.device); })) return engines;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    const auto engine = knowledge.catalog.engine(entry.key);
    if (!engine) continue;
    const auto chips = split_words(catalog::text_of(**engine, "usual_on", ""));
    const auto listed = [&](const rig::RigDevice& each) { return std::find(chips.begin(), chips.end(), each.device.architecture) != chips.end(); };
    if (std::all_of(rig.devices.begin(), rig.devices.end(), listed)) engines.push_back(entry.key);
  }
  return engines;
}

// The engine that knows these flags and reads the format: one that is usual on the cards, else the plain one, or of the others the one that runs
// on most kinds of devices, for some take the words of another. Where none reads the format the flags alone decide.
std::string that_takes(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const std::string& flags) {
  const auto knows = [&](const catalog::Engine& engine) { return placement::parse_flags(engine, model.architecture, rig, flags).has_value(); };
  const auto reads = [&](const catalog::Engine& engine) { return placement::check_formats(knowledge.catalog, engine, model.view).has_value(); };
  if (!reads_ggml(knowledge, model))
    for (const std::string& key : usual_on(knowledge, rig))
      if (const auto engine = knowledge.catalog.engine(key); engine && knows(**engine) && reads(**engine)) return key;
  std::string widest = plain_engine();
  std::pair<bool, std::size_t> best;   // reads it, and on how many backends
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    const auto engine = knowledge.catalog.engine(entry.key);
    if (!engine || !knows(**engine)) continue;
    const std::pair of{reads(**engine), entry.key == plain_engine() ? SIZE_MAX : (*engine)->backends.size()};
    if (of > best) widest = entry.key, best = of;
  }
  return widest;
}

// The model in a format that an engine which is usual on the cards is published in and has room for there; empty: none.
std::string usual_spec(const Knowledge& knowledge, const Asked& plain, const std::vector<std::string>& usual) {
  const auto named = model::catalogue_spec(knowledge.catalog, plain.request.model);
  if (!named) return {};
  const ModelFormats formats(knowledge, named->name);
  for (const std::string& key : usual) {
    const auto engine = knowledge.catalog.engine(key);
    placement::Request request = plain.request.placement;
    request.engine = key;
    for (const std::string& quant : engine ? usual_formats(**engine, formats, plain.rig).quants : std::vector<std::string>())
      if (const auto model = formats.in(quant); model && is_taken(knowledge, **model, plain.rig, request) && has_room(knowledge, **model, plain.rig, request)) return formats.spec(quant);
  }
  return {};
}

// Nobody asked for the plain engine: where all refuse the format, the error says so, and not what that one reads.
Result<Asked> unless_format_is_refused(const Knowledge& knowledge, Result<Asked> plain, const std::vector<std::string>& usual) {
  const placement::ModelView& model = plain->model->view;
  const auto quant = knowledge.catalog.quant(model.dominant_quant());
  if (!quant) return plain;
  if (auto nothing = placement::nothing_runs(knowledge.catalog, plain->rig, model.architecture())) return tl::unexpected<Error>(std::move(*nothing));
  auto prepared = placement::prepare(knowledge.catalog, model, plain->rig, plain->request.placement);
  if (prepared) return plain;
  Error error = std::move(prepared.error());
  std::vector<std::string> names;
  for (const rig::RigDevice& device : plain->rig.devices)
    if (std::find(names.begin(), names.end(), device.device.name) == names.end()) names.push_back(device.device.name);
  error.message = "no engine that is known here runs " + quant->name + (names.empty() ? std::string(" weights on a processor") : " weights on " + join(names, " + "));
  error.where = Where{"MODEL"};
  error.field = "model";
  if (std::string spec = usual_spec(knowledge, *plain, usual); !spec.empty()) error.nearest = std::move(spec);
  return tl::unexpected<Error>(std::move(error));
}

bool is_taken(const Knowledge& knowledge, const Asked& asked) { return is_taken(knowledge, *asked.model, asked.rig, asked.request.placement); }
bool has_room(const Knowledge& knowledge, const Asked& asked) { return has_room(knowledge, *asked.model, asked.rig, asked.request.placement); }

}  // namespace

std::string usual_engine(const Knowledge& knowledge, const rig::Rig& rig) {
  const std::vector<std::string> usual = usual_on(knowledge, rig);
  return usual.empty() ? plain_engine() : usual.front();
}

bool is_of_servers(const catalog::Device& device) { return device.form.cooler == "passive" || device.link.built_in; }

bool leaves_engine_open(const Knowledge& knowledge, const rig::Rig& rig) { return usual_on(knowledge, rig).empty(); }

Result<Asked> under_usual_engine(const Knowledge& knowledge, const PlanRequest& request, const std::shared_ptr<const KnownModel>& model, const rig::Rig& rig) {
  const auto under = [&](const std::string& engine) {
    PlanRequest named = request;
    named.placement.engine = engine;
    return read_under_engine(knowledge, std::move(named), model, rig);
  };
  if (!trim(request.placement.flags).empty()) return under(that_takes(knowledge, *model, rig, request.placement.flags));
  const auto taken = [](Result<Asked> asked, const std::string& why) {
    asked->notes.push_back("No engine is named: " + asked->engine.name + why);
    return asked;
  };
  const bool open = !reads_ggml(knowledge, *model);
  const std::vector<std::string> usual = open ? usual_on(knowledge, rig) : std::vector<std::string>();
  for (const std::string& engine : usual)
    if (auto asked = under(engine); asked && has_room(knowledge, *asked)) return taken(std::move(asked), " is taken, as usual on such cards.");
  auto plain = under(plain_engine());
  if (!plain) return plain;
  if (is_taken(knowledge, *plain)) {
    const auto passed = usual.empty() ? Result<std::shared_ptr<const catalog::Engine>>(nullptr) : knowledge.catalog.engine(usual.front());
    if (!passed || !*passed) return plain;
    const auto held = under(usual.front());
    return taken(std::move(plain), " is taken, for " + (*passed)->name + (held && is_taken(knowledge, *held) ? " does not hold the model here." : " does not run this here."));
  }
  // Of those that take it, and do not wrap the one that does not, the one that runs on most kinds of devices: what is known of it holds in most places.
  Result<Asked> widest = plain;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    auto asked = under(entry.key);
    if (!asked || placement::is_reference(asked->engine) || asked->engine.base == plain->engine.key || !is_taken(knowledge, *asked)) continue;
    if (widest->engine.key == plain->engine.key || asked->engine.backends.size() > widest->engine.backends.size()) widest = std::move(asked);
  }
  if (widest->engine.key != plain->engine.key) return taken(std::move(widest), " is taken, for " + plain->engine.name + " does not run this here.");
  if (!placement::check_formats(knowledge.catalog, plain->engine, plain->model->view)) return unless_format_is_refused(knowledge, std::move(plain), usual);
  // Of engines that all refuse, the one that is usual there says why.
  if (auto first = usual.empty() ? Result<Asked>(plain) : under(usual.front()); first) return first;
  return plain;
}

}  // namespace rigcast::app
