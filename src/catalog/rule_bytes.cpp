// Rules as bytes: every field in its order, texts and lists behind their length, in the words of the machine that builds the program.

#include <cstdint>
#include <cstring>

#include "base/check.hpp"
#include "catalog/rule.hpp"

namespace rigcast::catalog {
namespace {

class RuleWriter {
 public:
  std::string bytes;
  void operator()(std::uint32_t number) { bytes.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void operator()(const std::string& text) {
    (*this)(static_cast<std::uint32_t>(text.size()));
    bytes += text;
  }
  void operator()(int number) { (*this)(static_cast<std::uint32_t>(number)); }
  void operator()(bool flag) { (*this)(static_cast<std::uint32_t>(flag)); }
  void operator()(RuleEffect effect) { (*this)(static_cast<std::uint32_t>(effect)); }
  template <class T>
  void operator()(const std::vector<T>& list) {
    (*this)(static_cast<std::uint32_t>(list.size()));
    for (const T& each : list) (*this)(each);
  }
  template <class T>
  void operator()(const std::map<std::string, T>& map) {
    (*this)(static_cast<std::uint32_t>(map.size()));
    for (const auto& [name, value] : map) (*this)(name), (*this)(value);
  }
};

class RuleReader {
 public:
  explicit RuleReader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }
  std::string_view take(std::size_t size) {
    RC_CHECK(size <= rest_.size(), "rules of another version");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint32_t word() {
    std::uint32_t number = 0;
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
    return number;
  }
  void operator()(std::string& text) { text = take(word()); }
  void operator()(int& number) { number = static_cast<int>(word()); }
  void operator()(bool& flag) { flag = word() != 0; }
  void operator()(RuleEffect& effect) { effect = static_cast<RuleEffect>(word()); }
  template <class T>
  void operator()(std::vector<T>& list) {
    for (std::uint32_t left = word(); left > 0; --left) (*this)(list.emplace_back());
  }
  template <class T>
  void operator()(std::map<std::string, T>& map) {
    for (std::uint32_t left = word(); left > 0; --left) {
      std::string name;
      (*this)(name);
      (*this)(map.emplace_hint(map.end(), std::move(name), T())->second);
    }
  }

 private:
  std::string_view rest_;
};

template <class R, class F>
void each_field(R& rule, F& what) {
  what(rule.key), what(rule.kind), what(rule.effect), what(rule.text), what(rule.translations), what(rule.launch), what(rule.runs_as), what(rule.verdict);
  what(rule.since), what(rule.until), what(rule.source.text), what(rule.source.date), what(rule.any_of), what(rule.flags);
  what(rule.file), what(rule.line);
}

}  // namespace

std::string rules_to_bytes(const std::vector<Rule>& rules) {
  RuleWriter out;
  for (const Rule& rule : rules) each_field(rule, out);
  return std::move(out.bytes);
}

std::vector<Rule> rules_from_bytes(std::string_view bytes) {
  std::vector<Rule> rules;
  for (RuleReader in(bytes); !in.done();) each_field(rules.emplace_back(), in);
  return rules;
}

}  // namespace rigcast::catalog
