#include "base/text.hpp"
#include "report/answers.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

using catalog::Kind;

Fields row_fields(Kind kind, const app::Listed& row) {
  Fields fields{{"key", "key"_say, row.key}, {"name", "name"_say, Phrase(row.name)}};
  const auto add = [&](const char* id, Phrase label, Value value) { fields.push_back({id, std::move(label), std::move(value)}); };
  switch (kind) {
    case Kind::device:
      add("memory", "memory"_say, known(row.memory.value(), Unit::bytes));
      add("bandwidth", "bandwidth"_say, known(row.bandwidth.value(), Unit::bandwidth));
      add("half_rate", "FP16 dense"_say, known(row.half_rate.value(), Unit::flop_rate));
      add("power", "power"_say, known(row.power.value(), Unit::watts));
      for (auto [id, text] : {std::pair{"vendor", &row.vendor}, {"architecture", &row.architecture}, {"release", &row.release}})
        fields.push_back(machine(id, *text));
      fields.push_back(machine("chips", std::int64_t{row.chips}));
      fields.push_back(machine("aliases", Sentences(row.aliases.begin(), row.aliases.end())));
      break;
    case Kind::processor:
      add("detail", "cores and memory channels"_say, Phrase(row.detail));
      add("bandwidth", "bandwidth"_say, known(row.bandwidth.value(), Unit::bandwidth));
      fields.push_back(machine("vendor", row.vendor));
      fields.push_back(machine("architecture", row.architecture));
      fields.push_back(machine("aliases", Sentences(row.aliases.begin(), row.aliases.end())));
      break;
    case Kind::model:
      add("params", "parameters"_say, known(row.parameters, Unit::count));
      add("params_active", "per token"_say, known(row.active_parameters, Unit::count));
      add("max_context", "context"_say, row.max_context);
      add("family", "architecture"_say, row.architecture);
      fields.push_back(machine("aliases", Sentences(row.aliases.begin(), row.aliases.end())));
      break;
    case Kind::quant:
      add("group", "group"_say, row.architecture);
      add("bits_per_weight", "bits per weight"_say, known(parse_double(row.detail).value_or(0), Unit::none));
      break;
    case Kind::engine: add("backends", "backends"_say, Phrase(row.detail)); break;
    case Kind::link:
      add("bandwidth", "bandwidth, one way"_say, known(row.bandwidth.value(), Unit::bandwidth));
      add("latency", "latency"_say, row.detail);
      break;
    case Kind::rule: break;
  }
  return fields;
}

}  // namespace

Report fields(const app::ListAnswer& answer) {
  Rows rows;
  for (const app::Listed& row : answer.rows) rows.push_back(row_fields(answer.request.kind, row));
  const std::string count = format_grouped(static_cast<std::int64_t>(rows.size()));
  Section section{{}, {{"rows", {}, std::move(rows), Show::table},
                       people(Show::sentence, fill("{0} shown; 'rigcast show KEY' tells all about one of them"_say, {count}))}};
  std::vector<std::string> several;
  for (const app::Listed& row : answer.rows)
    if (row.chips > 1) several.push_back(row.key);
  if (!several.empty()) section.fields.push_back(people(Show::sentence, fill("Cards of several chips, which pool nothing: {0}. Memory, bandwidth and rate are those of one chip, power is the card's."_say, {join(several, ", ")})));
  // What people ask for by name is often none of these formats but a mixture of them.
  if (!answer.recipes.empty()) section.fields.push_back(people(Show::sentence, fill("A model may also be asked for as one of these, which give its tensors several of the formats: {0}"_say, {join(answer.recipes, ", ")})));
  return {{std::move(section)}};
}

}  // namespace rigcast::report
