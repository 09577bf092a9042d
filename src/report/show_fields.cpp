#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/recipe.hpp"
#include "report/answers.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

template <class T>
Sourced sourced(const catalog::Fact<T>& fact, Unit unit) {
  return {{fact.value.value(), unit}, "", fact.basis, fact.source};
}

template <class T>
void add_fact(Fields& fields, const char* id, Phrase label, const std::optional<catalog::Fact<T>>& fact, Unit unit) {
  if (fact) fields.push_back({id, std::move(label), sourced(*fact, unit)});
}

void add_text(Fields& fields, const char* id, Phrase label, const std::string& text) {
  if (!text.empty()) fields.push_back({id, std::move(label), text});
}

// One of the few words that data files use.
void add_word(Fields& fields, const char* id, Phrase label, const std::string& word) {
  if (word.empty()) return;
  Phrase told = word;
  for (const Phrase& known : {"high"_say, "medium"_say, "low"_say, "open"_say, "blower"_say, "passive"_say, "soc"_say})
    if (known.text == word) told = known;
  fields.push_back({id, std::move(label), std::move(told)});
}

void add_number(Fields& fields, const char* id, Phrase label, double value, Unit unit = Unit::none) {
  if (value > 0) fields.push_back({id, std::move(label), Number{value, unit}});
}

Sentences sentences(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

std::string dated(const catalog::Source& source) { return source.date.empty() ? source.text : source.text + " (" + source.date + ")"; }

Rows source_rows(const std::vector<catalog::Source>& sources) {
  Rows rows;
  for (const catalog::Source& source : sources) rows.push_back({machine("source", source.text), machine("date", source.date)});
  return rows;
}

// "fp16_acc16" -> "FP16, FP16 accumulate"; "bf16_vector" -> "BF16, plain ALUs".
Phrase rate_label(const std::string& format) {
  const std::string name = to_upper(format);
  if (format.ends_with("_acc16")) return fill("{0}, FP16 accumulate"_say, {name.substr(0, name.size() - 6)});
  if (format.ends_with("_vector")) return fill("{0}, without matrix units"_say, {name.substr(0, name.size() - 7)});
  return name;
}

Rows disputed_rows(const catalog::Device& device) {
  Rows rows;
  for (const catalog::Disputed& one : device.disputed)
    rows.push_back({{"field", {}, Phrase(one.field)}, {"value", {}, Phrase(one.value)}, {"note", {}, Phrase(one.note)},
                    {"source", {}, Phrase(dated(one.source)), Show::source}});
  return rows;
}

Fields device_memory(const catalog::Device& device) {
  Fields fields;
  fields.push_back({"memory", device.chips > 1 ? "memory per chip"_say : "memory"_say, sourced(device.memory, Unit::bytes)});
  add_fact(fields, "usable_memory", "usable at most"_say, device.usable_memory, Unit::bytes);
  add_text(fields, "memory_type", "memory type"_say, device.memory_type);
  add_fact(fields, "bandwidth", "bandwidth"_say, device.bandwidth, Unit::bandwidth);
  add_fact(fields, "measured_bandwidth", "bandwidth, measured"_say, device.measured_bandwidth, Unit::bandwidth);
  add_number(fields, "bus_bits", "bus width, bits"_say, device.bus_bits);
  if (device.chips > 1) {
    fields.push_back({"chips", "chips, each a device of its own"_say, std::int64_t{device.chips}});
    add_fact(fields, "inter_chip", "between the chips"_say, device.inter_chip, Unit::bandwidth);
  }
  return fields;
}

Fields device_body(const catalog::Device& device) {
  Fields fields;
  if (device.link.pcie_generation > 0)
    add_text(fields, "pcie", "PCIe"_say, std::to_string(device.link.pcie_generation) + ".0 x" + std::to_string(device.link.pcie_lanes));
  add_fact(fields, "link", device.link.name.empty() ? "link to peers, one way"_say : Phrase(device.link.name), device.link.nvlink, Unit::bandwidth);
  add_fact(fields, "power", "power limit"_say, device.power, Unit::watts);
  add_fact(fields, "idle", "idle"_say, device.idle, Unit::watts);
  add_number(fields, "length_mm", "length"_say, device.form.length_mm, Unit::millimetres);
  add_number(fields, "slots", "slots"_say, device.form.slots);
  add_word(fields, "cooler", "cooler"_say, device.form.cooler);
  add_text(fields, "connectors", "connectors"_say, join(device.form.connectors, ", "));
  add_text(fields, "runs", "runs on"_say, join(device.runs, ", "));
  add_text(fields, "last_version", "supported until"_say, device.last_version);
  add_word(fields, "confidence", "confidence in these facts"_say, device.confidence);
  return fields;
}

std::vector<Section> sections(const catalog::Device& device) {
  Fields rates;
  for (const auto& [format, rate] : device.rates) rates.push_back({format, rate_label(format), sourced(rate, Unit::flop_rate)});
  Fields measured;
  for (const auto& [format, rate] : device.measured_rates) measured.push_back({format, rate_label(format), sourced(rate, Unit::flop_rate)});
  Fields rates_note;
  if (!device.rates_note.empty()) rates_note.push_back({"rates_note", {}, Phrase(device.rates_note), Show::sentence});
  const Phrase kind = fill("{0}, {1}, released {2}"_say, {device.vendor, device.architecture, device.release.empty() ? "?" : device.release});
  return {{{}, {people(Show::headline, device.name), people(Show::sentence, kind), machine("kind", "device"),
                machine("key", device.key), machine("name", device.name), machine("vendor", device.vendor),
                machine("architecture", device.architecture), machine("capability", device.capability),
                machine("release", device.release), machine("modified", device.modified), machine("aliases", sentences(device.aliases))}},
          {"Memory"_say, device_memory(device)},
          {"Dense rates"_say, {{"rates", {}, std::move(rates), Show::group}, {{}, {}, std::move(rates_note), Show::group}}},
          {measured.empty() ? Phrase() : "Rates that a program reached"_say, {{"measured_rates", {}, std::move(measured), Show::group}}},
          {"Board"_say, device_body(device)},
          {"Software"_say, {list_field("software_notes", sentences(device.software_notes), Show::bullets)}},
          {"Mind"_say, {list_field("caveats", sentences(device.caveats), Show::warnings)}},
          {"Disputed: other values in circulation"_say, {list_field("disputed", disputed_rows(device), Show::table)}},
          {{}, {machine("sources", source_rows(device.sources)), machine("file", device.file)}}};
}

std::vector<Section> sections(const catalog::Processor& p) {
  Fields fields{people(Show::headline, p.name), machine("kind", "processor"), machine("key", p.key), machine("name", p.name)};
  add_text(fields, "vendor", "vendor"_say, p.vendor);
  add_text(fields, "architecture", "architecture"_say, p.architecture);
  add_number(fields, "cores", "cores"_say, p.cores);
  add_text(fields, "instruction_sets", "instruction sets"_say, join(p.instruction_sets, ", "));
  add_number(fields, "channels", "memory channels per socket"_say, p.channels);
  add_text(fields, "memory_type", "memory type"_say, p.memory_type);
  add_number(fields, "memory_mt_s", "memory rate, MT/s"_say, p.memory_mt_s);
  add_number(fields, "bandwidth", "bandwidth, theoretical"_say, peak_bandwidth(p).value(), Unit::bandwidth);
  add_fact(fields, "measured_bandwidth", "bandwidth, measured"_say, p.measured_bandwidth, Unit::bandwidth);
  add_number(fields, "max_sockets", "sockets"_say, p.max_sockets);
  if (p.pcie_lanes > 0) add_text(fields, "pcie", "PCIe"_say, std::to_string(p.pcie_generation) + ".0, " + std::to_string(p.pcie_lanes) + " lanes");
  add_fact(fields, "power", "power limit"_say, p.power, Unit::watts);
  add_word(fields, "confidence", "confidence in these facts"_say, p.confidence);
  fields.push_back(machine("sources", source_rows(p.sources)));
  return {{{}, std::move(fields)}, {"Mind"_say, {list_field("caveats", sentences(p.caveats), Show::warnings)}}};
}

std::vector<Section> sections(const catalog::LinkType& link) {
  return {{{}, {people(Show::headline, Phrase(link.name)), machine("kind", "link"), machine("key", link.key), machine("name", link.name),
                {"bandwidth", "bandwidth, one way"_say, sourced(link.bandwidth, Unit::bandwidth)},
                {"latency", "latency"_say, sourced(link.latency, Unit::seconds)},
                {"between_hosts", "joins hosts"_say, link.between_hosts}}},
          {"Mind"_say, {list_field("caveats", sentences(link.caveats), Show::warnings)}}};
}

std::vector<Section> sections(const catalog::Quant& quant) {
  return {{{}, {people(Show::headline, Phrase(quant.name)), machine("kind", "quant"), machine("key", quant.key), machine("name", quant.name),
                {"group", "group"_say, quant.group},
                {"block_elements", "elements per block"_say, std::int64_t{quant.block_elements}},
                {"block_bytes", "bytes per block"_say, std::int64_t{quant.block_bytes}},
                {"bits_per_weight", "bits per weight"_say, Sourced{{bits_per_weight(quant), Unit::none}, "", catalog::Basis::derived, quant.source}}}}};
}

std::vector<Section> sections(const catalog::Engine& engine) {
  Rows numbers;
  for (const auto& [name, value] : engine.numbers) numbers.push_back({{"name", {}, name}, {"value", {}, Number{value}}});
  Rows sources = source_rows(engine.sources);
  Sentences told;
  for (const catalog::Source& source : engine.sources) told.push_back(dated(source));
  Fields fields{people(Show::headline, engine.name), machine("kind", "engine"), machine("key", engine.key), machine("name", engine.name)};
  add_text(fields, "base", "rules of"_say, engine.base);
  add_text(fields, "backends", "backends"_say, join(engine.backends, ", "));
  add_text(fields, "splits", "ways to split a model"_say, join(engine.splits, ", "));
  add_text(fields, "quant_groups", "reads weights of"_say, join(engine.quant_groups, ", "));
  fields.push_back({"mixed_vendors", "mixed vendors in one rig"_say, engine.mixed_vendors});
  add_number(fields, "block_tokens", "tokens per cache block"_say, engine.block_tokens);
  add_number(fields, "context_padding", "cache padded to"_say, engine.context_padding);
  return {{{}, std::move(fields)}, {"Constants of its rules"_say, {list_field("numbers", std::move(numbers), Show::table)}},
          {"Sources"_say, {list_field({}, std::move(told), Show::bullets), machine("sources", std::move(sources))}}};
}

Phrase layer_kinds(const model::Architecture& a) {
  int full = 0, windowed = 0, compressed = 0, latent = 0, recurrent = 0;
  for (const model::Layer& layer : a.layers) {
    full += layer.attention.kind == model::AttentionKind::full;
    compressed += layer.attention.compress > 0;
    windowed += model::is_windowed(layer.attention) && layer.attention.compress == 0;
    latent += layer.attention.kind == model::AttentionKind::mla && layer.attention.window == 0;
    recurrent += layer.recurrent.kind != model::RecurrentKind::none;
  }
  Phrase out;
  const auto add = [&](int count, Phrase what) {
    if (count == 0) return;
    Phrase one = fill("{0} {1}"_say, {std::to_string(count), std::move(what)});
    out = out.empty() ? std::move(one) : fill("{0}, {1}"_say, {std::move(out), std::move(one)});
  };
  add(full, "full attention"_say);
  add(windowed, "sliding window"_say);
  add(compressed, "compressed attention"_say);
  add(latent, "latent attention (MLA)"_say);
  add(recurrent, "recurrent"_say);
  return out;
}

std::vector<Section> sections(const app::ModelFacts& facts) {
  const model::Architecture& a = facts.architecture;
  Fields fields{people(Show::headline, a.name), machine("kind", "model"), machine("key", a.key), machine("name", a.name),
                {"params", "parameters"_say, Number{a.parameters(), Unit::count}},
                {"params_active", "of them per token"_say, Number{a.active_parameters(), Unit::count}, a.has_experts() ? Show::row : Show::machine}};
  add_text(fields, "family", "architecture"_say, a.family);
  fields.push_back({"layers", "layers"_say, static_cast<std::int64_t>(a.layers.size())});
  fields.push_back({{}, "kinds of layer"_say, layer_kinds(a)});
  add_number(fields, "hidden", "hidden size"_say, a.hidden);
  if (!a.layers.empty() && a.layers.back().feed_forward.experts > 0) {
    const auto& ff = a.layers.back().feed_forward;
    fields.push_back({"experts", "experts per layer"_say, std::int64_t{ff.experts}});
    fields.push_back({"experts_used", "experts used per token"_say, std::int64_t{ff.experts_used}});
  }
  fields.push_back({"vocab", "vocabulary"_say, std::int64_t{a.vocab}});
  fields.push_back({"max_context", "longest context"_say, a.max_context});
  fields.push_back(machine("quant", a.quant));
  add_text(fields, "", "published as"_say, model::shown_format(a.quant));
  if (a.has_repository()) add_text(fields, "repository", "repository"_say, a.checkpoint);   // known by its owner before it
  add_text(fields, "source", "shape from"_say, a.source);
  Rows sizes;
  for (const app::SizeInQuant& size : facts.sizes)
    sizes.push_back({{"quant", "quant"_say, size.quant}, {"weights_bytes", "weights"_say, Number{size.weights.value(), Unit::bytes}},
                     {"bits_per_weight", "bits per weight"_say, Number{size.bits_per_weight}}});
  Rows published;
  for (const app::PublishedIn& each : facts.published)
    published.push_back({{"quant", "quant"_say, each.quant}, {"repository", "repository"_say, each.repository}, {"source", {}, Phrase(each.source), Show::source}});
  return {{{}, std::move(fields)}, {"Size by quant"_say, {list_field("sizes", std::move(sizes), Show::table)}},
          {"Published weights, which launch lines name"_say, {list_field("published", std::move(published), Show::table)}},
          {"Mind"_say, {list_field("notes", sentences(a.notes), Show::warnings)}}};
}

void for_people_only(Fields& fields) {
  for (Field& field : fields) {
    field.id.clear();
    if (auto* inner = std::get_if<Fields>(&field.value)) for_people_only(*inner);
  }
}

}  // namespace

Report fields(const app::ShowAnswer& answer) {
  Report report;
  Rows entries;
  for (const app::Shown& shown : answer.entries) {
    Fields ids;   // programs get one object per entry, people the sections
    for (Section& section : std::visit([](const auto& one) { return sections(one); }, shown)) {
      for (const Field& field : section.fields)
        if (!field.id.empty()) ids.push_back(field);
      for_people_only(section.fields);
      report.sections.push_back(std::move(section));
    }
    entries.push_back(std::move(ids));
  }
  report.sections.push_back({{}, {machine("entries", std::move(entries))}});
  return report;
}

}  // namespace rigcast::report
