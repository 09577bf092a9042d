#pragma once
// What the lines of all engines are made of, and who makes them.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "placement/detail/flag_table.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement::detail {

// A line as it grows: flags with what the engine's tables say of them, and what the user said besides.
class LineBuilder {
 public:
  LineBuilder(const catalog::Engine& engine, std::string start);

  void add(const std::string& flag, const std::string& value = {});
  // What was chosen for a reason of its own.
  void add_because(const std::string& text, const std::string& reason) { demand({text, reason}); }
  void demand(const FlagNote& flag);
  void plain(const std::string& text) { launch_.line += " " + text; }
  // What the user said that the line has no words of its own for, as it stands; but not what the line says already.
  void repeat(const std::vector<FlagNote>& flags);
  // Ollama and LM Studio are read with llama.cpp's flags, too, but take none of them.
  bool is_own(std::string_view flag) const { return !wraps_ || find_flag(tables_.front(), flag); }
  static std::string name_of(const FlagNote& flag) { return flag.words.front().substr(0, flag.words.front().find('=')); }
  bool says(const std::string& flag) const { return (launch_.line + ' ').find(' ' + flag + ' ') != std::string::npos; }
  Launch& launch() { return launch_; }

 private:
  std::string note(std::string_view flag) const;

  const catalog::Engine& engine_;
  std::vector<std::span<const FlagRule>> tables_;
  bool wraps_;
  Launch launch_;
};

// What stands for the file of a model that nobody has said where it is.
std::string gguf_name(const model::Architecture& a);
// A word as a shell takes it whole.
std::string quoted(const std::string& text);

// Shares of devices, separated by commas.
std::string shares(const std::vector<double>& split);

// Whether the placement uses devices of other hosts than the first.
bool uses_other_hosts(const rig::Rig& rig, const Placement& p);

Launch llama_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p);
Launch ollama_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p);
Launch told_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p);
Launch mindie_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p);

}  // namespace rigcast::placement::detail
