#include "calibration/configure.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "calibration/detail/layout.hpp"
#include "calibration/detail/names.hpp"
#include "model/read.hpp"

namespace rigcast::calibration {

struct Configurator::Layout {
  std::shared_ptr<const cost::Load> load;
  Prepared prototype;     // every field that all Observations of the layout share
};

namespace {

// Files differ by maker: where the size is printed, all quantised tensors are scaled to it.
void scale_to(model::Architecture& model, double file_bytes) {
  const double ratio = file_bytes / model.weight_bytes().value();
  if (file_bytes <= 0 || ratio < 0.4 || ratio > 2.5) return;
  for (model::Tensor& t : model.tensors)
    if (t.role != model::Role::norm) t.bytes *= ratio;
}

// "IQ3_K mix", "6.0bpw": a mean where the format has no recipe of its own. The first number in the name is its bits.
std::string bits_of(std::string_view quant) {
  for (std::size_t i = 0; i < quant.size(); ++i) {
    if (quant[i] < '0' || quant[i] > '9') continue;
    std::size_t end = i;
    while (end < quant.size() && ((quant[end] >= '0' && quant[end] <= '9') || quant[end] == '.')) ++end;
    const double bits = parse_double(quant.substr(i, end - i)).value_or(4);
    if (bits >= 1 && bits <= 32) return format_significant(bits < 16 ? bits + 0.5 : 16, 3) + "bpw";
  }
  return "4.8bpw";
}

Result<std::shared_ptr<const model::Architecture>> read_architecture(const catalog::Catalog& catalog, const Observation& o, const std::string& engine) {
  std::string recipe = detail::recipe_of(o.quant);
  if (recipe.empty()) recipe = detail::default_recipe(engine);
  Result<model::Architecture> model = fail(ErrorKind::not_found, "no model is stated");
  // The very file that was timed, while it is there: names of own files say little of their shape.
  if (const auto file = o.flags.find("file"); file != o.flags.end()) model = model::read_model(catalog, file->second);
  for (const std::string& name : {o.model, o.model_printed}) {
    if (model) break;
    if (name.empty() || name.find_first_of("/\\:") != std::string::npos) continue;
    model = model::read_model(catalog, recipe.empty() ? name : name + ":" + recipe);
    if (!model && !recipe.empty() && model::read_model(catalog, name)) {  // the name is known, the format is not
      const std::string bits = bits_of(o.quant);
      model = model::read_model(catalog, name + (":" + bits));
    }
    if (model) break;
  }
  if (!model) {
    auto made = detail::surrogate(catalog, o, recipe);
    if (!made) return fail(ErrorKind::not_found, "no model is called '" + (o.model.empty() ? o.model_printed : o.model) + "' and its name tells no size");
    made->notes.push_back("surrogate");
    model = std::move(*made);
  }
  scale_to(*model, o.model_bytes);
  return std::make_shared<const model::Architecture>(std::move(*model));
}

std::string source_of(const Observation& o) {
  if (!o.repository.empty()) return o.repository;
  const std::size_t start = o.source.find("://");
  return start == std::string::npos ? o.source : o.source.substr(start + 3, o.source.find('/', start + 3) - start - 3);
}

// Everything a layout depends on, as one text.
std::string layout_key(const Observation& o) {
  std::string key;
  key.reserve(256);
  for (const std::string* part : {&o.device, &o.device_printed, &o.processor, &o.engine, &o.backend, &o.model, &o.model_printed, &o.quant, &o.mode, &o.repository})
    key.append(*part).append("|");
  key += std::to_string(o.devices) + "|" + std::to_string(o.degree) + "|" + format_shortest(o.memory_gb) + "|" + format_shortest(o.model_bytes) + "|" +
         format_shortest(o.parameters) + "|" + o.date.substr(0, 7);
  for (const auto& [name, value] : o.flags) key += "|" + name + "=" + value;
  for (const char* word : {"CPU", "RAM", "NVLink", "nvlink", "PCIe", "Raspberry", "HiFive", "graph", "part"})  // whatever site_of looks for
    if (o.note.find(word) != std::string::npos) { key += "|" + o.note; break; }
  return key;
}

bool says(const Observation& o, const char* text) { return o.note.find(text) != std::string::npos; }

// What the clock of this row ran over, as work. Errors: metrics that queueing decides.
Result<void> set_work(const Observation& o, Prepared& p) {
  const cost::Load& load = *p.load;
  const double batch = std::max(1.0, o.concurrency > 0 ? o.concurrency : 1), prompt = o.prompt;
  if (o.phase == "serve" && o.concurrency < 0) return fail(ErrorKind::unsupported, "the batch is not stated: queueing under load belongs to the simulator");
  const bool per_token = o.metric == Metric::tpot_ms;
  p.sequences = batch;
  p.depth = std::max(0.0, o.depth);
  if (per_token || (o.phase == "decode" && o.metric != Metric::ttft_ms) ||
      (o.phase == "serve" && batch == 1 && o.metric == Metric::output_tokens_per_second)) {
    p.phase = batch > 1 ? "serve" : "decode";
    const double written = o.generated > 0 ? o.generated : 128;
    const double before = o.depth >= 0 ? o.depth : prompt >= 0 ? prompt : 128;
    cost::add_decode(load, before + written / 2, batch, 1, p.work);
    // Some sources time the whole request: the prompt is inside.
    if (says(o, "total request time")) cost::add_prefill(load, 40, 0, 1 / written, p.work);
    else if (says(o, "one speed per input length") || (o.phase == "serve" && !per_token)) cost::add_prefill(load, std::max(2.0, prompt), 0, 1 / written, p.work);
    else if (batch > 1 && prompt > 0) cost::add_prefill(load, prompt, 0, batch / std::max(1.0, written), p.work, true);
    p.is_rate = !per_token;
    p.units = per_token ? 1e3 : batch / (o.flags.count("per_gpu") ? o.devices : 1);
    return {};
  }
  if (o.phase == "prefill" && (o.metric == Metric::ttft_ms || o.metric == Metric::tokens_per_second || o.metric == Metric::total_tokens_per_second)) {
    p.phase = "prefill";
    const double n = prompt > 0 ? prompt : 512;
    if (o.metric == Metric::ttft_ms) {
      const double tokens = prompt > 0 ? prompt : o.depth > 0 ? o.depth : 512;
      cost::add_prefill(load, tokens, 0, 1, p.work);
      cost::add_decode(load, tokens, 1, 1, p.work);
      p.is_rate = false;
      p.units = 1e3;
    } else {
      cost::add_prefill(load, n, p.depth, 1, p.work);
      p.units = n;
    }
    return {};
  }
  if (o.phase == "serve" && o.metric == Metric::total_tokens_per_second && batch == 1) {
    p.phase = "decode";
    const double written = o.generated > 0 ? o.generated : 128, n = std::max(2.0, prompt);
    cost::add_prefill(load, n, 0, 1, p.work);
    cost::add_decode(load, n + written / 2, 1, written, p.work);
    p.units = n + written;
    p.depth = n;
    return {};
  }
  return fail(ErrorKind::unsupported, "the metric " + (o.metric_name.empty() ? std::string("(none)") : o.metric_name) + " of phase '" + o.phase +
                                          "' at this load belongs to the simulator");
}

}  // namespace

std::string dominant_format(const model::Architecture& model) {
  std::map<std::string_view, double> of_quant;
  for (const model::Tensor& t : model.tensors) of_quant[t.quant] += t.bytes.value();
  std::map<std::string, double> sums;
  for (const auto& [quant, bytes] : of_quant) sums[cost::format_class(quant)] += bytes;
  const auto best = std::max_element(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == sums.end() ? std::string() : best->first;
}

Result<std::shared_ptr<const Configurator::Layout>> Configurator::make_layout(const Observation& o) {
  const std::string engine = detail::engine_key(o);
  const std::string key = o.model + "|" + o.model_printed + "|" + o.quant + "|" + format_shortest(o.model_bytes) + "|" + format_shortest(o.parameters) + "|" +
                          detail::default_recipe(engine) + "|" + (o.flags.contains("file") ? o.flags.at("file") : std::string());
  auto found = models_.find(key);
  if (found == models_.end()) found = models_.emplace(key, read_architecture(catalog_, o, engine)).first;
  if (!found->second) return tl::unexpected<Error>(found->second.error());
  const model::Architecture& model = **found->second;
  RC_ASSIGN(site, detail::site_of(catalog_, o, model));
  const bool same_host = host_ && (o.processor == host_->name || o.device == host_->name + " (CPU)");
  if (same_host && site.layout == "cpu") site.rig.hosts = {*host_};
  if (with_sources_) site.conditions.source = source_of(o);
  RC_ASSIGN(load, cost::load_of(model, site.rig, site.placement, site.conditions));
  auto layout = std::make_shared<Layout>();
  Prepared& p = layout->prototype;
  p.engine = site.placement.engine;
  p.backend = load.backend;
  p.model = model.key;
  p.format = dominant_format(model);
  p.layout = site.layout;
  p.source = source_of(o);
  p.surrogate = std::find(model.notes.begin(), model.notes.end(), "surrogate") != model.notes.end();
  p.active_bytes = load.active_bytes;
  p.architecture = found->second.value();
  p.file_bytes = model.weight_bytes().value();
  if (site.rig.devices.empty() || site.layout == "cpu") {
    const rig::Host& host = site.rig.hosts.front();
    p.device = host.processor ? host.processor->key : host.name;
    p.family = host.processor ? host.processor->architecture : "";
    p.vendor = host.processor ? host.processor->vendor : "";
    p.bandwidth = host.bandwidth.value();
  } else {
    const catalog::Device& d = site.rig.devices.front().device;
    p.device = d.key;
    p.family = d.architecture;
    p.vendor = d.vendor;
    p.memory = site.rig.devices.front().memory.value();
    for (const char* format : {"bf16", "fp16"})
      if (const auto rate = d.rates.find(format); rate != d.rates.end()) p.half_rate = rate->second.value.value();
    p.bandwidth = d.bandwidth->value.value() * (site.placement.mode == placement::Mode::tensor ? static_cast<double>(site.rig.devices.size()) : 1.0);
  }
  layout->load = p.load = std::make_shared<const cost::Load>(std::move(load));
  return std::shared_ptr<const Layout>(std::move(layout));
}

Result<Prepared> Configurator::prepare(const Observation& o) {
  if (o.metric == Metric::other) return fail(ErrorKind::unsupported, "the metric '" + o.metric_name + "' is not a speed of a language model");
  if (!(o.value > 0)) return fail(ErrorKind::input, "the value is not above 0");
  if (o.phase != "decode" && o.phase != "prefill" && o.phase != "serve") return fail(ErrorKind::unsupported, "the phase '" + o.phase + "' is another estimator's");
  std::string key = layout_key(o);
  auto found = layouts_.find(key);
  if (found == layouts_.end()) found = layouts_.emplace(std::move(key), make_layout(o)).first;
  if (!found->second) return tl::unexpected<Error>(found->second.error());
  Prepared p = (*found->second)->prototype;
  RC_TRY(set_work(o, p));
  p.speculative = is_speculative(o);
  if (p.speculative && p.phase != "prefill")
    for (cost::StageWork& work : p.work) work.also = p.load->speculation;
  p.measured_seconds = p.is_rate ? p.units / o.value : o.value / p.units;
  return p;
}

}  // namespace rigcast::calibration
