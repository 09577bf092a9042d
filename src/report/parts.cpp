#include "report/detail/parts.hpp"

#include <map>
#include <set>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/recipe.hpp"
#include "report/print.hpp"

namespace rigcast::report {

bool has_rate(const cost::Term& term) {
  return term.amount > 0 && term.rate > 0 && (term.amount_unit == "B" || term.amount_unit == "flop");
}

bool is_hidden(const cost::Term& term) {
  constexpr double kMost = 0.5;
  const double rate = term.rate * term.efficiency;
  return term.amount > 0 && rate > 0 && term.time.value() < kMost * term.amount / rate;
}

namespace {

Unit unit_of_amount(const std::string& unit) { return unit == "B" ? Unit::bytes : Unit::none; }

std::string print_amount(const cost::Term& term) {
  if (term.amount_unit == "B") return print_gib(Bytes(term.amount));
  if (term.amount_unit == "flop") return print_flop_rate(FlopRate(term.amount)).substr(0, print_flop_rate(FlopRate(term.amount)).size() - 2);
  return format_grouped(static_cast<std::int64_t>(term.amount));
}

std::string print_rate(const cost::Term& term) {
  return term.amount_unit == "flop" ? print_flop_rate(FlopRate(term.rate)) : print_bandwidth(Bandwidth(term.rate));
}

std::string without_last_break(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

std::string host_name(const rig::Host& host) {
  std::string name = host.sockets > 1 ? std::to_string(host.sockets) + " x " : "";
  name += host.processor ? host.processor->name : host.name;
  if (host.channels > 0) {
    name += ", " + std::to_string(host.channels) + " x " + host.memory_type;
    if (host.memory_mt_s > 0) name += '-' + format_number(host.memory_mt_s, 0);
  }
  return name;
}

std::string rig_name(const rig::Rig& rig) {
  std::string out;
  for (std::size_t i = 0; i < rig.devices.size();) {
    std::size_t same = i;
    while (same < rig.devices.size() && rig.devices[same].device.key == rig.devices[i].device.key) ++same;
    out += out.empty() ? "" : " + ";
    std::size_t cards = 1;   // devices are chips, some cards hold two
    for (std::size_t d = i + 1; d < same; ++d) cards += rig.devices[d].card != rig.devices[d - 1].card;
    if (cards > 1) out += std::to_string(cards) + " x ";
    out += rig.devices[i].device.name;
    if (same - i > cards) out += " (" + std::to_string(same - i) + " chips)";
    i = same;
  }
  if (out.empty() && !rig.hosts.empty()) out = host_name(rig.hosts.front());
  return out;
}

std::string model_name(const model::Architecture& architecture) {
  return architecture.quant.empty() ? architecture.name : architecture.name + ' ' + model::shown_format(architecture.quant);
}

std::string device_name(const rig::Rig& rig, int device) {
  const rig::RigDevice& one = rig.devices[static_cast<std::size_t>(device)];
  return std::to_string(one.index) + "  " + one.device.name;
}

std::string shell_quoted(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:+@=,%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$' || c == '`') out += '\\';
    out += c;
  }
  return out + '"';
}

namespace {

// A model that was dropped on a page has a name that only that page knows; its owner has the file.
std::string file_of(const std::string& model) {
  constexpr std::string_view kDropped = "dropped:";
  const std::size_t mark = model.rfind('~');
  if (!model.starts_with(kDropped) || mark == std::string::npos) return model;
  const std::size_t quant = model.find(':', mark);
  return model.substr(kDropped.size(), mark - kDropped.size()) + (quant == std::string::npos ? "" : model.substr(quant));
}

}  // namespace

std::string command(const std::string& verb, const app::PlanRequest& request) {
  std::string out = "rigcast " + verb + ' ' + shell_quoted(file_of(request.model)) + " --on " + shell_quoted(request.rig);
  if (!request.placement.engine.empty()) out += " --engine " + shell_quoted(request.placement.engine);
  if (!request.placement.backend.empty()) out += " --backend " + shell_quoted(request.placement.backend);
  if (!request.placement.flags.empty()) out += " --flags " + shell_quoted(request.placement.flags);
  if (request.placement.context > 0) out += " -c " + std::to_string(request.placement.context);
  const cost::Question usual;
  if (request.question.prompt != usual.prompt) out += " --prompt " + std::to_string(request.question.prompt);
  if (request.question.depth != usual.depth) out += " --depth " + std::to_string(request.question.depth);
  if (!request.open_streams && request.question.sequences != usual.sequences) out += " --sequences " + std::to_string(request.question.sequences);
  if (request.question.acceptance > 0) out += " --acceptance " + format_shortest(request.question.acceptance);
  if (!request.question.engine_date.empty()) out += " --engine-date " + shell_quoted(request.question.engine_date);
  if (request.objective != placement::Objective::decode) out += std::string(" --for ") + placement::to_string(request.objective);
  if (request.minimum_speed > 0) out += " --at-least " + format_shortest(request.minimum_speed);
  if (!request.own) out += " --no-own";
  return out;
}

Phrase grade_name(cost::Grade grade) { return cost::to_string(grade); }

Phrase grade_meaning(cost::Grade grade) {
  switch (grade) {
    case cost::Grade::measured: return "this model has been timed on this device"_say;
    case cost::Grade::near: return "this device and this engine have been timed, if not together or with this model"_say;
    case cost::Grade::family: return "other devices of this chip family have been timed"_say;
    case cost::Grade::extrapolated: return "nothing close to it has been timed: physics and the data sheet only"_say;
  }
  return "";
}

Phrase shortfall(const app::PlanAnswer& answer) {
  const placement::Placement& placement = answer.placement;
  for (std::size_t i = 0; i < placement.missing.size(); ++i) {
    if (placement.missing[i] <= Bytes{}) continue;
    const std::string short_of = print_gib(placement.missing[i]);
    if (i >= placement.devices.size()) return fill("Does not fit: the host's memory is short of {0}."_say, {short_of});
    const rig::RigDevice& device = answer.rig.devices[static_cast<std::size_t>(placement.devices[i].device)];
    const Bytes all = placement::short_by(placement);
    if (all > placement.missing[i])
      return fill("Does not fit: device {0}, {1}, is short of {2}, all memories together of {3}."_say, {std::to_string(device.index), device.device.name, short_of, print_gib(all)});
    return fill("Does not fit: device {0}, {1}, is short of {2}."_say,
                  {std::to_string(device.index), device.device.name, short_of});
  }
  return "Does not fit."_say;
}

Phrase term_name(const std::string& name, bool bound_by_compute) {
  if (bound_by_compute && name == "weights") return "multiplying matrices"_say;
  if (bound_by_compute && name == "experts") return "multiplying the experts' matrices"_say;
  if (bound_by_compute && name.ends_with("_host")) return "multiplying matrices on the host"_say;
  static const std::map<std::string, Phrase, std::less<>> kNames = {
      {"weights", "reading the weights"_say},
      {"experts", "reading the experts' weights"_say},
      {"experts_host", "experts in host memory"_say},
      {"kv", "reading the KV cache"_say},
      {"attention", "attention over the context"_say},
      {"scores", "scoring earlier tokens, to pick from"_say},
      {"recurrent", "recurrent layers"_say},
      {"launch", "starting kernels"_say},
      {"gaps", "waiting between kernels"_say},
      {"small_operations", "norms, sums and waiting between products"_say},
      {"host", "work of the host per step"_say},
      {"link", "moving data between memories"_say},
      {"weights_host", "weights in host memory"_say},
      {"sent_weights", "sending host weights to the device"_say},
      {"state", "reading and writing the recurrent state"_say},
      {"sequences", "work of the host per stream"_say},
      {"drafting", "drafting tokens"_say},
      {"link_latency", "waiting for messages between devices"_say},
      {"hop", "handing over to the next device"_say},
      {"sync", "waiting between host and device"_say},
      {"sent_cache", "copying the cache to the host"_say},
  };
  const auto found = kNames.find(name);
  return found == kNames.end() ? Phrase(replace_all(name, "_", " ")) : found->second;
}

Phrase term_line(const cost::Term& term) {
  const std::string time = print_seconds(term.time);
  if (has_rate(term) && is_hidden(term))
    return fill("{0}: {1} at {2} x {3}, hidden behind other work: {4} more"_say,
                {term_name(term.name, term.bound_by_compute), print_amount(term), print_rate(term), format_number(term.efficiency, 2), time});
  if (!has_rate(term)) return fill("{0}: {1}"_say, {term_name(term.name, term.bound_by_compute), time});
  return fill("{0}: {1} at {2} x {3} = {4}"_say,
              {term_name(term.name, term.bound_by_compute), print_amount(term), print_rate(term), format_number(term.efficiency, 2), time});
}

Fields derivation_row(const char* phase, const cost::Term& term) {
  return {machine("phase", phase),
          machine("name", term.name),
          machine("label", term_name(term.name, term.bound_by_compute)),
          machine("where", term.where),
          machine("amount", Number{term.amount, unit_of_amount(term.amount_unit)}),
          machine("amount_unit", term.amount_unit),
          machine("rate", Number{term.rate}),
          machine("efficiency", Number{term.efficiency}),
          machine("seconds", Number{term.time.value(), Unit::seconds}),
          machine("bound", term.bound_by_compute ? "compute" : "memory"),
          {"text", {}, term_line(term), Show::sentence}};
}

namespace {

// "project; project; +18": the last says how many more there are.
Phrase sources_said(const std::string& sources) {
  const std::size_t more = sources.rfind("; +");
  if (more == std::string::npos) return sources;
  return fill("{0} and {1} more"_say, {sources.substr(0, more), sources.substr(more + 3)});
}

}  // namespace

Phrase drafts_sentence(const app::Drafting& drafting, bool stated) {
  const Phrase without = print(Number{drafting.plain, Unit::token_rate});
  if (drafting.drafts.tokens <= 0)
    return "Drafts looked up in earlier text are kept where the answer repeats it: what they gain depends on the text, and speeds are told without them."_say;
  constexpr std::string_view kJudgement = "judgement";   // data/calibration/drafts.csv: no run is behind it
  const std::string share = format_shortest(drafting.drafts.acceptance);
  const Phrase at = stated                            ? "the acceptance you state"_say
                    : drafting.sources == kJudgement ? fill("an acceptance of {0}, which is a judgement: no published run is behind it (--acceptance states yours)"_say, {share})
                                                      : fill("an acceptance of {0} as in published runs: {1}, {2} (--acceptance states yours)"_say, {share, sources_said(drafting.sources), drafting.date});
  return fill("Drafts: a step verifies {0} of them beside its own token and keeps {1} tokens in the mean, at {3}. Without them: {2}."_say,
              {format_shortest(drafting.drafts.tokens), format_number(drafting.drafts.kept, 1), without, at});
}

Rows evidence_rows(const cost::Estimate& estimate) {
  Rows rows;
  for (const cost::Evidence& one : estimate.evidence) {
    const Unit unit = estimate.unit == "s" ? Unit::seconds : Unit::token_rate;
    const std::string with = std::string(trim(one.engine + ' ' + one.backend));   // some sources print neither
    const std::string what = one.device + ", " + std::string(trim(one.model + ' ' + one.quant)) + (with.empty() ? "" : ", " + with);
    Phrase text = fill("{0}: {1} measured, {2} by this estimator"_say, {what, print(Number{one.value, unit}), print(Number{one.predicted, unit})});
    rows.push_back({machine("id", one.id), machine("device", one.device), machine("engine", one.engine),
                    machine("backend", one.backend), machine("model", one.model), machine("quant", one.quant),
                    machine("value", Number{one.value}), machine("predicted", Number{one.predicted}), machine("unit", estimate.unit),
                    machine("note", Phrase(one.note)), {"text", {}, std::move(text), Show::sentence},
                    {"source", {}, Phrase(one.date.empty() ? one.source : one.source + " (" + one.date + ")"), Show::source},
                    machine("date", one.date)});
  }
  return rows;
}

Rows flag_rows(const std::vector<placement::FlagNote>& notes) {
  Rows rows;
  for (const placement::FlagNote& note : notes)
    rows.push_back({{"flag", {}, note.flag, Show::row}, {"text", {}, Phrase(note.text), Show::row}});
  return rows;
}

// What to do with the lines of a server, and with the one that the system has started.
Phrase left_running(const rig::Rig& rig) {
  switch (rig.hosts.empty() ? rig::Os::linux_os : rig.hosts.front().os) {
    case rig::Os::windows: return "in PowerShell, each line in a window of its own, the first one left running; an Ollama that runs already has to be quit before (its icon in the taskbar)"_say;
    case rig::Os::macos: return "each line in a terminal of its own, the first one left running; an Ollama that runs already has to be quit before (its icon in the menu bar)"_say;
    case rig::Os::linux_os: break;
  }
  return "each line in a terminal of its own, the first one left running; a service of it that runs already has to be stopped before (systemctl stop ollama)"_say;
}

Section launch_section(const app::PlanAnswer& answer) {
  const bool windows = !answer.rig.hosts.empty() && answer.rig.hosts.front().os == rig::Os::windows;
  const Show shown = !answer.placement.fits ? Show::machine : windows ? Show::powershell : Show::code;
  Section section{"Run it"_say, {{"launch", {}, answer.launch.line, shown}}};
  if (answer.placement.fits && answer.launch.line.find('\n') != std::string::npos)
    section.fields.push_back(people(Show::sentence, left_running(answer.rig)));
  if (!answer.launch.file_name.empty()) {
    section.fields.push_back(machine("launch_file", Fields{machine("name", answer.launch.file_name), machine("text", Phrase(answer.launch.file_text))}));
    if (answer.placement.fits) {
      section.fields.push_back(people(Show::sentence, fill("with this in {0}:"_say, {answer.launch.file_name})));
      section.fields.push_back(people(Show::code, Phrase(without_last_break(answer.launch.file_text))));
    }
  }
  Sentences unsaid(answer.launch.unsaid.begin(), answer.launch.unsaid.end());
  if (answer.placement.fits)
    for (const std::string& one : answer.launch.unsaid) section.fields.push_back(people(Show::bad, Phrase(one)));
  section.fields.push_back(machine("launch_unsaid", std::move(unsaid)));
  section.fields.push_back(machine("launch_flags", flag_rows(answer.launch.flags)));
  if (!answer.placement.fits) section.title = {};
  return section;
}

std::int64_t cards_used(const app::PlanAnswer& answer) {
  std::set<std::pair<int, int>> cards;
  for (const placement::DeviceShare& share : answer.placement.devices) {
    const rig::RigDevice& device = answer.rig.devices[static_cast<std::size_t>(share.device)];
    cards.insert({device.host, device.card});
  }
  return static_cast<std::int64_t>(cards.size());
}

}  // namespace rigcast::report
