// Which engine is meant where nobody names one.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "app/detail/requests.hpp"
#include "base/text.hpp"
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

bool is_taken(const Knowledge& knowledge, const Asked& asked) { return is_taken(knowledge, *asked.model, asked.rig, asked.request.placement); }
bool has_room(const Knowledge& knowledge, const Asked& asked) { return has_room(knowledge, *asked.model, asked.rig, asked.request.placement); }

}  // namespace

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
    if (passed && *passed) return taken(std::move(plain), " is taken, for " + (*passed)->name + " does not hold the model here.");
    return plain;
  }
  // Of those that take it, and do not wrap the one that does not, the one that runs on most kinds of devices: what is known of it holds in most places.
  Result<Asked> widest = plain;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    auto asked = under(entry.key);
    if (!asked || placement::is_reference(asked->engine) || asked->engine.base == plain->engine.key || !is_taken(knowledge, *asked)) continue;
    if (widest->engine.key == plain->engine.key || asked->engine.backends.size() > widest->engine.backends.size()) widest = std::move(asked);
  }
  if (widest->engine.key == plain->engine.key) return plain;
  return taken(std::move(widest), " is taken, for " + plain->engine.name + " does not run this here.");
}

}  // namespace rigcast::app
