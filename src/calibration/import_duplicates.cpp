// Which rows tell of one run, whatever format each was printed in.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.hpp"
#include "calibration/import.hpp"

namespace rigcast::calibration {
namespace {

// What one of two formats does not print does not tell them apart.
bool agree(std::string_view a, std::string_view b) { return a.empty() || b.empty() || fold_name(a) == fold_name(b); }
bool agree(double a, double b, double within) { return a <= 0 || b <= 0 || std::fabs(a - b) <= within * std::max(a, b); }

// "qwen3 8B Q4_K - Medium [Qwen3-8B-Q4_K_M.gguf]" without the file, which tables leave out.
std::string_view kind_of_model(const Observation& o) {
  const std::string_view printed = o.model_printed;
  return printed.substr(0, printed.find(" ["));
}

// What `--device` made of a printed name stands beside it.
bool same_device(const Observation& a, const Observation& b) {
  if (a.device.empty() || b.device.empty()) return true;
  const auto is = [](const std::string& name, const Observation& o) { return !name.empty() && (fold_name(name) == fold_name(o.device) || fold_name(name) == fold_name(o.device_printed)); };
  return a.devices == b.devices && (is(a.device, b) || is(a.device_printed, b));
}

bool same_flags(const Observation& a, const Observation& b) {
  return std::all_of(a.flags.begin(), a.flags.end(), [&](const auto& flag) {
    const auto other = b.flags.find(flag.first);
    return other == b.flags.end() || other->second == flag.second;
  });
}

// Equal as far as the coarser of both is printed: half a step of its last digit, two behind the point at least, as llama-bench's tables have.
bool same_value(double a, double b) {
  constexpr std::size_t kLeast = 2;
  const auto digits = [&](double value) {
    const std::string text = format_shortest(value);
    const std::size_t point = text.find('.');
    return point == std::string::npos ? kLeast : std::max(kLeast, text.size() - point - 1);
  };
  constexpr double kRounding = 1e-9;
  return std::fabs(a - b) <= 0.5 * std::pow(10.0, -static_cast<double>(std::min(digits(a), digits(b)))) + kRounding * std::fabs(a);
}

// Rows of which one says less, of one build and one test: nothing that both state differs. Sizes of tables ("4.68 GiB") have three digits.
bool same_run(const Observation& a, const Observation& b) {
  constexpr double kPrinted = 0.006;
  return !a.engine_version.empty() && fold_name(a.engine_version) == fold_name(b.engine_version) && same_value(a.value, b.value) && agree(a.engine, b.engine) &&
         agree(a.backend, b.backend) && agree(a.model, b.model) && agree(kind_of_model(a), kind_of_model(b)) && agree(a.quant, b.quant) && agree(a.date, b.date) &&
         agree(a.model_bytes, b.model_bytes, kPrinted) && agree(a.parameters, b.parameters, kPrinted) && same_device(a, b) && same_flags(a, b);
}

// What the two have to have in common in any case.
std::string test_of(const Observation& o) {
  std::string text = o.phase + "|" + o.metric_name;
  for (const double part : {o.prompt, o.generated, o.depth, o.concurrency}) text += "|" + format_shortest(part);
  return text;
}

}  // namespace

std::string fingerprint(const Observation& o) {
  std::string text;
  for (const std::string* part : {&o.device, &o.engine, &o.engine_version, &o.backend, &o.model, &o.model_printed, &o.quant, &o.mode, &o.phase, &o.metric_name, &o.date})
    text += fold_name(*part) + "|";
  for (const double part : {o.prompt, o.generated, o.depth, o.concurrency, o.value, static_cast<double>(o.devices), o.model_bytes})
    text += format_shortest(part) + "|";
  for (const auto& [name, value] : o.flags) text += name + "=" + value + "|";
  return "o-" + format_hex(hash_of(text), 12);
}

std::vector<Observation> without_duplicates(const std::vector<Observation>& log, const std::vector<Observation>& fresh) {
  std::set<std::string> known;
  std::multimap<std::string, const Observation*> tests;
  const auto add = [&](const Observation& o) {
    if (!known.insert(fingerprint(o)).second) return false;
    if (o.metric != Metric::tokens_per_second) return true;
    const std::string test = test_of(o);
    const auto [from, to] = tests.equal_range(test);
    if (std::any_of(from, to, [&](const auto& one) { return same_run(*one.second, o); })) return false;
    tests.emplace(test, &o);
    return true;
  };
  for (const Observation& o : log) add(o);
  std::vector<Observation> out;
  for (const Observation& o : fresh)
    if (add(o)) out.push_back(o);
  return out;
}

}  // namespace rigcast::calibration
