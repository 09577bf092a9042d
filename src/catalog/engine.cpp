#include "catalog/engine.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "catalog/toml_reader.hpp"

namespace rigcast::catalog {
namespace {

const std::vector<std::string> kKvRules = {"slots", "paged", "contiguous"};

// Fields an engine leaves out keep the value of the engine it is based on.
Engine read_over(Engine engine, TableReader& table) {
  engine.key = table.required_text("key");
  engine.name = table.required_text("name");
  engine.aliases = table.texts("aliases");
  engine.base = table.text("base");
  engine.kv_rule = static_cast<KvRule>(table.choice("kv_rule", kKvRules, static_cast<std::size_t>(engine.kv_rule)));
  engine.context_padding = table.integer("context_padding", engine.context_padding, 1);
  engine.block_tokens = table.integer("block_tokens", engine.block_tokens, 0);
  engine.window_saves_memory = table.flag("window_saves_memory", engine.window_saves_memory);
  if (table.has("backends")) engine.backends = table.texts("backends");
  if (table.has("splits")) engine.splits = table.texts("splits");
  engine.mixed_vendors = table.flag("mixed_vendors", engine.mixed_vendors);
  if (table.has("quant_groups")) engine.quant_groups = table.texts("quant_groups");
  if (table.has("families")) engine.families = table.texts("families");
  if (table.has("usual_quants")) engine.usual_quants = table.texts("usual_quants");
  engine.usual_quant = table.text("usual_quant", engine.usual_quant);
  for (auto& [key, value] : table.numbers("numbers")) engine.numbers[key] = value;
  for (auto& [key, value] : table.text_map("texts")) engine.texts[key] = value;
  engine.sources = table.sources("sources");
  engine.line = table.line();
  table.refuse_unknown();
  return engine;
}

}  // namespace

Result<Engine> read_engine(const Catalog& catalog, std::string_view name) {
  RC_ASSIGN(engine, catalog.engine(name));
  return *engine;
}

Result<Engine> parse_engine(const Catalog::Document& document, FunctionRef<Result<std::shared_ptr<const Engine>>(std::string_view)> base_of) {
  RC_ASSIGN(parsed, parse_toml(document.text, document.file));
  const std::string base = parsed["base"].value_or(std::string());
  Engine inherited;
  if (!base.empty()) {
    RC_ASSIGN(below, base_of(base));
    inherited = *below;
  }
  Faults faults(document.file);
  TableReader table(parsed, faults);
  Engine engine = read_over(std::move(inherited), table);
  RC_TRY(faults.result());
  engine.file = document.file;
  return engine;
}

namespace {

// Months read as texts are in order, and so are the names of a map: of those after `month` the first holds.
template <class Rules>
void take_back(Rules& rules, std::string_view month) {
  Rules then;
  for (const auto& [name, value] : rules)
    if (const std::size_t at = name.rfind('@'); at != std::string::npos && std::string_view(name).substr(at + 1) > month) then.emplace(name.substr(0, at), value);
  for (auto& [name, value] : then) rules.insert_or_assign(name, std::move(value));
}

}  // namespace

Engine as_of(Engine engine, std::string_view month) {
  if (month.empty()) return engine;
  take_back(engine.numbers, month);
  take_back(engine.texts, month);
  engine.texts["built"] = month;
  return engine;
}

namespace {

// rules["name.backend"], else rules["name"], else nothing. Those of backends stand behind the common one.
template <class Rules>
const typename Rules::mapped_type* rule_of(const Rules& rules, std::string_view name, std::string_view backend) {
  auto at = rules.lower_bound(name);
  const typename Rules::mapped_type* common = nullptr;
  if (at != rules.end() && at->first == name) common = &(at++)->second;
  for (; at != rules.end() && at->first.starts_with(name); ++at) {
    const std::string_view rest = std::string_view(at->first).substr(name.size());
    if (rest.front() > '.') break;
    if (rest.front() == '.' && rest.substr(1) == backend) return &at->second;
  }
  return common;
}

}  // namespace

double number_of(const Engine& engine, std::string_view name, std::string_view backend, double fallback) {
  const double* found = rule_of(engine.numbers, name, backend);
  return found ? *found : fallback;
}

bool reads(const Engine& engine, std::string_view group, std::string_view backend) {
  if (std::find(engine.quant_groups.begin(), engine.quant_groups.end(), group) == engine.quant_groups.end()) return false;
  const auto only = engine.texts.find("reads_on." + std::string(group));
  if (backend.empty() || only == engine.texts.end()) return true;
  const auto backends = split_words(only->second);
  return std::find(backends.begin(), backends.end(), backend) != backends.end();
}

double sized_number(const Engine& engine, std::string_view name, Bytes device_memory) {
  const bool large = device_memory.value() >= number_of(engine, "large_device_gib", "", 1e9) * kGiB;
  return number_of(engine, name, large ? "large" : "", 0);
}

std::string source_of(const Engine& engine) { return engine.sources.empty() ? engine.name : engine.sources.front().text; }

std::string_view text_of(const Engine& engine, std::string_view name, std::string_view backend) {
  const std::string* found = rule_of(engine.texts, name, backend);
  return found ? std::string_view(*found) : std::string_view();
}

}  // namespace rigcast::catalog
