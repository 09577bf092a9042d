// The line to type: only what differs from the engine's defaults, in the engine's own words, each flag explained by the table that
// also reads it.

#include <algorithm>
#include <iterator>

#include "base/text.hpp"
#include "placement/detail/launch_line.hpp"

namespace rigcast::placement {

namespace detail {

LineBuilder::LineBuilder(const catalog::Engine& engine, std::string start) : engine_(engine), tables_(flag_tables(engine)), wraps_(wraps_llama(engine)) { launch_.line = std::move(start); }

void LineBuilder::add(const std::string& flag, const std::string& value) {
  const std::string text = value.empty() ? flag : flag + " " + value;
  launch_.line += " " + text;
  launch_.flags.push_back({text, note(flag)});
}

void LineBuilder::demand(const FlagNote& flag) {
  launch_.line += " " + flag.flag;
  launch_.flags.push_back(flag);
}

void LineBuilder::repeat(const std::vector<FlagNote>& flags) {
  std::vector<FlagNote> unsaid;
  std::copy_if(flags.begin(), flags.end(), std::back_inserter(unsaid), [&](const FlagNote& flag) { return !flag.words.empty() && !says(name_of(flag)); });
  for (const FlagNote& flag : unsaid) {
    if (!is_own(name_of(flag))) {
      launch_.unsaid.push_back("This line cannot say " + flag.flag + ": it is a flag of the engine underneath.");
      continue;
    }
    std::vector<std::string> words;
    const std::string name = name_of(flag);
    for (const std::string& word : flag.words) {
      const std::string_view now = words.empty() ? catalog::text_of(engine_, "now", name) : std::string_view();   // flags are renamed
      words.push_back(quoted(now.empty() ? word : std::string(now) + word.substr(name.size())));
    }
    demand({join(words, " "), flag.text, flag.words});
  }
}

std::string LineBuilder::note(std::string_view flag) const {
  for (const auto& table : tables_)
    if (const FlagRule* rule = find_flag(table, flag)) return std::string(rule->note);
  return {};
}

std::string quoted(const std::string& text) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-_./:,=+@%").find(c) != std::string_view::npos; };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_plain) ? text : "'" + replace_all(text, "'", "'\\''") + "'";
}

std::string shares(const std::vector<double>& split) {
  std::vector<std::string> words;
  for (const double share : split) words.push_back(format_shortest(share));
  return join(words, ",");
}

bool uses_other_hosts(const rig::Rig& rig, const Placement& p) {
  return std::any_of(p.devices.begin(), p.devices.end(), [&](const DeviceShare& share) { return rig.devices[static_cast<std::size_t>(share.device)].host != 0; });
}

}  // namespace detail

namespace {

// Flags that builds of the month asked for do not know yet.
void tell_later_flags(const catalog::Engine& engine, Launch& launch) {
  const std::string_view built = catalog::text_of(engine, "built", "");
  if (built.empty()) return;
  std::vector<std::string_view> told;
  for (const FlagNote& flag : launch.flags) {
    const std::string_view name = std::string_view(flag.flag).substr(0, flag.flag.find_first_of(" =")), since = catalog::text_of(engine, "since", name);
    if (since <= built || std::find(told.begin(), told.end(), name) != told.end()) continue;
    told.push_back(name);
    launch.unsaid.push_back("Builds of " + std::string(built) + " do not know " + std::string(name) + ", which came in " + std::string(since) + ": what it says they cannot do, or not so.");
  }
}

// Flags that builds of the month asked for, or of today, refuse: an error of theirs says what takes their place, and so does this.
void tell_ended_flags(const catalog::Engine& engine, Launch& launch) {
  const std::string_view built = catalog::text_of(engine, "built", "");
  std::vector<std::string_view> told;
  for (const FlagNote& flag : launch.flags) {
    const std::string_view name = std::string_view(flag.flag).substr(0, flag.flag.find_first_of(" =")), until = catalog::text_of(engine, "until", name), instead = catalog::text_of(engine, "instead", name);
    if (until.empty() || (!built.empty() && built < until) || std::find(told.begin(), told.end(), instead) != told.end()) continue;
    told.push_back(instead);
    launch.unsaid.push_back("Builds since " + std::string(until) + " refuse " + std::string(name) + ": they take " + std::string(instead) + " instead.");
  }
}

}  // namespace

Launch launch_line(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Placement& placement) {
  Launch launch = engine.key == "ollama"           ? detail::ollama_line(engine, architecture, rig, placement)
                  : engine.key == "mindie"         ? detail::mindie_line(engine, architecture, rig, placement)
                  : engine.texts.contains("start") ? detail::told_line(engine, architecture, rig, placement)
                                                   : detail::llama_line(engine, architecture, rig, placement);
  tell_later_flags(engine, launch);
  tell_ended_flags(engine, launch);
  return launch;
}

}  // namespace rigcast::placement
