#include "app/list.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "catalog/engine.hpp"
#include "model/names.hpp"
#include "model/recipe.hpp"
#include "model/read.hpp"
#include "rig/spec.hpp"

namespace rigcast::app {
namespace {

using catalog::Kind;

Listed listed(const catalog::Device& device) {
  Listed row;
  row.aliases = device.aliases;
  row.vendor = device.vendor;
  row.architecture = device.architecture;
  row.release = device.release;
  row.memory = device.memory.value;
  if (device.bandwidth) row.bandwidth = device.bandwidth->value;
  for (const char* format : {"fp16", "bf16"})
    if (const auto rate = device.rates.find(format); rate != device.rates.end()) row.half_rate = std::max(row.half_rate, rate->second.value);
  if (device.power) row.power = device.power->value;
  row.chips = device.chips;
  return row;
}

Listed listed(const catalog::Processor& processor) {
  Listed row;
  row.aliases = processor.aliases;
  row.vendor = processor.vendor;
  row.architecture = processor.architecture;
  row.bandwidth = peak_bandwidth(processor);
  row.detail = std::to_string(processor.cores) + " cores, " + std::to_string(processor.channels) + " x " + processor.memory_type + "-" +
               format_number(processor.memory_mt_s, 0);
  if (processor.power) row.power = processor.power->value;
  return row;
}

Listed listed(const model::Architecture& architecture) {
  Listed row;
  row.architecture = architecture.family;
  row.parameters = architecture.parameters();
  row.active_parameters = architecture.active_parameters();
  row.max_context = architecture.max_context;
  return row;
}

Listed listed(const catalog::Quant& quant) {
  Listed row;
  row.architecture = quant.group;
  row.detail = format_significant(bits_per_weight(quant), 4);
  return row;
}

Listed listed(const catalog::LinkType& link) {
  Listed row;
  row.bandwidth = link.bandwidth.value;
  row.detail = print_seconds(link.latency.value);
  return row;
}

Listed listed(const catalog::Engine& engine) {
  Listed row;
  row.detail = join(engine.backends, ", ");
  return row;
}

template <class T>
Result<Listed> as_row(const Result<T>& found) {
  if (!found) return tl::unexpected<Error>(found.error());
  return listed(*found);
}

Result<Listed> row_of(const Knowledge& knowledge, const catalog::Entry& entry) {
  switch (entry.kind) {
    case Kind::device: return as_row(knowledge.catalog.device(entry.key));
    case Kind::processor: return as_row(knowledge.catalog.processor(entry.key));
    case Kind::link: return as_row(knowledge.catalog.link(entry.key));
    case Kind::quant: return as_row(knowledge.catalog.quant(entry.key));
    case Kind::engine: return as_row(catalog::read_engine(knowledge.catalog, entry.key));
    case Kind::model: {
      RC_ASSIGN(row, as_row(model::read_model(knowledge.catalog, entry.key)));
      row.aliases = model::other_names(knowledge.catalog, entry.key);
      return std::move(row);
    }
    case Kind::rule: break;
  }
  return fail(ErrorKind::input, "rules cannot be listed");
}

bool holds_all_words(const std::string& names, std::string_view text) {
  const std::string haystack = fold_name(names);
  const std::string latin = model::in_latin(std::string(text));
  const auto words = split_words(latin);
  return std::all_of(words.begin(), words.end(), [&](std::string_view word) { return haystack.find(fold_name(word)) != std::string::npos; });
}

bool wanted(const Listed& row, const ListRequest& request) {
  const std::string names = row.key + ' ' + row.name + ' ' + row.vendor + ' ' + row.architecture + ' ' + join(row.aliases, " ");
  return holds_all_words(names, request.text) && (request.vendor.empty() || equal_ignoring_case(row.vendor, request.vendor)) &&
         (request.architecture.empty() || equal_ignoring_case(row.architecture, request.architecture)) && row.memory >= request.memory_at_least;
}

// A vendor or architecture that nothing has is a slip, and worth a suggestion.
Result<void> check_filter(const std::vector<Listed>& rows, const std::string& wanted, std::string Listed::*member, const char* option) {
  if (wanted.empty()) return {};
  std::vector<std::string> known;
  for (const Listed& row : rows) {
    if (equal_ignoring_case(row.*member, wanted)) return {};
    if (!(row.*member).empty()) known.push_back(row.*member);
  }
  if (known.empty()) return fail(ErrorKind::input, "nothing listed here has this property", Where{option}, option + 2);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  return fail(ErrorKind::not_found, "'" + wanted + "' is not in the list", Where{option}, option + 2, nearest_name(wanted, known));
}

}  // namespace

Result<Bytes> read_least_memory(std::string_view text) {
  auto bytes = parse_bytes(text);
  if (bytes) return bytes;
  const auto as_in_rigs = rig::read_memory({"memory", std::string(text), {}});
  return as_in_rigs ? as_in_rigs : bytes;
}

Result<ListAnswer> list(const Knowledge& knowledge, const ListRequest& request) {
  if (request.memory_at_least > Bytes{} && request.kind != Kind::device)
    return fail(ErrorKind::input, "only devices can be filtered by memory", Where{"--memory"}, "memory");
  std::vector<Listed> all;
  for (const catalog::Entry& entry : knowledge.catalog.entries(request.kind)) {
    RC_ASSIGN(row, row_of(knowledge, entry));
    row.key = entry.key;
    row.name = entry.name;
    all.push_back(std::move(row));
  }
  RC_TRY(check_filter(all, request.vendor, &Listed::vendor, "--vendor"));
  RC_TRY(check_filter(all, request.architecture, &Listed::architecture, "--architecture"));
  ListAnswer answer{request, {}};
  for (Listed& row : all)
    if (wanted(row, request)) answer.rows.push_back(std::move(row));
  if (request.kind == Kind::quant && request.architecture.empty())
    for (std::string& recipe : model::recipe_names(knowledge.catalog))
      if (holds_all_words(recipe, request.text)) answer.recipes.push_back(std::move(recipe));
  return answer;
}

}  // namespace rigcast::app
