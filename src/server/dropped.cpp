#include "server/dropped.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "report/text.hpp"

namespace rigcast::server {
namespace {

// What a file calls itself, as a page can show it: in one line, of a bounded length, in its own direction.
std::string one_line(const std::string& words) {
  constexpr std::size_t kLongest = 120;
  std::string line = report::printable(words);
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line.size() <= kLongest) return line;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;   // not within a character
  return line.substr(0, end) + "...";
}

}  // namespace

Dropped dropped_file(const std::string& file, const std::string& bytes, std::uint64_t rest, model::Architecture architecture) {
  for (std::string* words : {&architecture.name, &architecture.key}) *words = one_line(*words);
  std::string clean;
  for (const char c : one_line(file)) clean += static_cast<unsigned char>(c) < 0x20 || c == '~' || c == '"' || c == '\\' ? '_' : c;
  return {"dropped:" + clean + '~' + format_hex(hash_of(std::to_string(rest), hash_of(bytes))), std::move(architecture)};
}

bool is_dropped(std::string_view model) { return model.starts_with("dropped:"); }

report::Report shape_report(const Dropped& dropped) {
  using report::machine, report::Number, report::Phrase;
  const model::Architecture& a = dropped.architecture;
  return {{{{}, {machine("model", Phrase(dropped.name)), machine("key", Phrase(a.key)), machine("name", Phrase(a.name)), machine("family", Phrase(a.family)),
                 machine("params", Number{a.parameters()}), machine("params_active", Number{a.active_parameters()}), machine("quant", Phrase(a.quant)),
                 machine("weights_bytes", Number{a.weight_bytes().value()}), machine("layers", static_cast<std::int64_t>(a.layers.size())),
                 machine("max_context", a.max_context)}}}};
}

}  // namespace rigcast::server
