#include "calibration/configure.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.hpp"
#include "calibration/detail/known_names.hpp"
#include "calibration/detail/layout.hpp"
#include "calibration/detail/models.hpp"
#include "calibration/detail/names.hpp"
#include "cost/model_work.hpp"
#include "model/recipe.hpp"

namespace rigcast::calibration {

struct Configurator::Model {
  explicit Model(model::Architecture read) : architecture(std::move(read)), work(architecture) {}
  const model::Architecture architecture;
  const cost::ModelWork work;
};

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

Result<model::Architecture> read_architecture(detail::KnownNames& names, model::ModelReader& reader, const Observation& o, const std::string& engine) {
  Result<model::Architecture> model = fail(ErrorKind::not_found, "no model is stated");
  // The very file that was timed, while it is there: names of own files say little of their shape.
  if (const auto file = o.flags.find("file"); file != o.flags.end()) model = reader.read(file->second);
  if (!model) model = detail::named_model(names, reader, o, engine);
  if (!model) {
    std::string recipe = names.recipe(o.quant);
    if (recipe.empty()) recipe = detail::default_recipe(names.catalog(), engine);
    if (cost::engine_group(engine) == "ggml") recipe = model::gguf_recipe(recipe);
    if (o.model.empty() && o.model_printed.empty() && o.parameters <= 0 && o.model_bytes <= 0) return fail(ErrorKind::input, "no model is stated");
    auto made = detail::surrogate(names.catalog(), o, recipe);
    if (!made) return fail(ErrorKind::not_found, "no model is called '" + (o.model.empty() ? o.model_printed : o.model) + "' and its name tells no size");
    made->notes.push_back("surrogate");
    model = std::move(*made);
  }
  scale_to(*model, o.model_bytes);
  return model;
}

std::string source_of(const Observation& o) {
  if (!o.repository.empty()) return o.repository;
  const std::size_t start = o.source.find("://");
  return start == std::string::npos ? o.source : o.source.substr(start + 3, o.source.find('/', start + 3) - start - 3);
}

// Everything a layout depends on, as one text. `built`: when its engine was.
std::string layout_key(const Observation& o, const std::string& built) {
  std::string key;
  key.reserve(512);
  for (const std::string* part : {&o.device, &o.device_printed, &o.processor, &o.host_memory, &o.os, &o.engine, &o.backend, &o.model, &o.model_printed, &o.quant, &o.mode})
    key.append(*part).append("|");
  key.append(source_of(o)).append("|");
  for (const double number : {static_cast<double>(o.devices), static_cast<double>(o.degree), o.memory_gb, o.model_bytes, o.parameters})
    key.append(reinterpret_cast<const char*>(&number), sizeof number);
  key.append(o.date, 0, 7).append(built);
  for (const auto& [name, value] : o.flags) key.append("|").append(name).append("=").append(value);
  for (const char* word : {"CPU", "RAM", "NVLink", "nvlink", "P2P", "PCIe", "Raspberry", "HiFive", "InferenceX", "graph", "part", "SPECULATIVE"})  // whatever site_of and is_speculative look for
    if (o.note.find(word) != std::string::npos) { key += "|" + o.note; break; }
  return key;
}

bool says(const Observation& o, const char* text) { return o.note.find(text) != std::string::npos; }

// Bytes of cache that one sequence of `tokens` holds on each device.
double sequence_bytes(const cost::Load& load, double tokens) {
  double bytes = 0;
  for (const cost::Stage& s : load.stages)
    if (s.kind == cost::StageKind::kv) bytes += s.token_bytes * (s.window > 0 ? std::min(s.window, tokens) : tokens) * s.token_share;
  return bytes;
}

// Requests that decode at once: no more than the engine admits and the cache holds; the others wait.
double running(const Prepared& p, double wanted, double tokens) {
  if (p.most_sequences > 0) wanted = std::min(wanted, p.most_sequences);
  const double each = sequence_bytes(*p.load, tokens);
  if (p.cache_bytes > 0 && each > 0) wanted = std::min(wanted, p.cache_bytes / each);
  return std::max(1.0, wanted);
}

double number_flag(const Observation& o, std::string_view key) {
  const auto found = o.flags.find(key);
  return found == o.flags.end() ? 0.0 : parse_double(found->second).value_or(0);
}

// Mean lengths of a run: stated for each request, or as totals of the run.
double mean_length(const Observation& o, double stated, const char* total) {
  if (number_flag(o, total) > 0 && number_flag(o, "num_prompts") > 0) return number_flag(o, total) / number_flag(o, "num_prompts");
  return stated > 0 && says(o, "range ratio 0.8") ? 0.9 * stated : stated;   // drawn evenly from 0.8 to 1 times the nominal length
}

// A run at a fixed request rate that prints the most requests it ever saw: arrivals set its pace, and how many ran in the mean is not stated.
bool paced_by_arrivals(const Observation& o) {
  const double peak = number_flag(o, "peak_concurrent");
  return peak > 0 && peak == o.concurrency && number_flag(o, "num_prompts") > 2 * peak;
}

// Share of the stated concurrency that runs in the mean over a whole run of few requests. Equal requests go in waves, the last of which is
// short of some. Texts of real chats differ: when no request waits any more, the longest (about three mean lengths) run on among fewer and
// fewer, in steps that take 0.6 of the full ones.
double occupancy(const Observation& o, double batch) {
  constexpr double kLongest = 3, kLateStep = 0.6;
  const double requests = number_flag(o, "num_prompts");
  if (requests < batch || batch <= 1) return 1;
  const double written = number_flag(o, "total_output_tokens") / requests;
  if (written <= 0 || written == std::floor(written)) return requests / (batch * std::ceil(requests / batch));
  return requests / (requests + (kLongest * kLateStep - 1) * batch);
}

// The number behind "n=" or "k=" in the name of a method: "mtp n=3".
double number_in(std::string_view method) {
  for (const std::string_view sign : {" n=", " k="})
    if (const std::size_t at = method.find(sign); at != std::string_view::npos) {
      double number = 0;
      std::from_chars(method.data() + at + sign.size(), method.data() + method.size(), number);
      return number;
    }
  return 0;
}

// What drafts, by the name of the method: "draft-mtp", "eagle3", "dflash k=7", "ngram"; MTP where there is no name.
placement::Drafter drafter_of(std::string_view method) { return placement::drafter_called(method).value_or(placement::Drafter::own_layers); }

// What a row says of its drafts, and else what is usual. What is looked up in earlier text and not said to be kept counts as nothing.
cost::Drafts drafts_of(const Observation& o, const cost::UsualAcceptances* usual) {
  if (!is_speculative(o)) return {};
  std::string method;
  for (const char* key : {"spec", "spec_decode", "speculative"})
    if (const auto named = o.flags.find(key); named != o.flags.end()) method = to_lower(named->second);
  placement::Speculation said{.drafter = drafter_of(method)};
  double steps = 0;
  for (const char* key : {"draft_n_max", "n", "spec_steps"})
    if (steps <= 0) steps = number_flag(o, key);
  if (steps <= 0) steps = number_in(method);
  const double tree = number_flag(o, "draft_tokens");   // its root among them
  const double printed = number_flag(o, "accept_length"), share = number_flag(o, "acceptance");   // of all that were drafted
  said.verified = std::max(0, static_cast<int>(tree) - 1);
  if (steps <= 0) steps = std::max<double>(placement::drafted(said), std::ceil(printed - 1));
  said.tokens = static_cast<int>(steps);
  const bool told = printed >= 1 || (share > 0 && share <= 1);
  cost::Drafts drafts = cost::drafts_of(said, usual, told ? 1 : 0);
  if (told) drafts.acceptance = 0, drafts.kept = printed >= 1 ? printed : 1 + placement::drafted(said) * share;
  return drafts;
}

// Tokens that come between the two moments which a time per token lies between: what a step keeps of its drafts comes at once, and the latency
// between tokens (ITL) is taken from one such batch to the next.
double tokens_timed(const Observation& o, const cost::Load& load) { return o.metric_name == "itl_ms" ? load.drafts.kept : 1; }

// Many requests at once. At a steady state a step decodes one token of every running request and reads, in chunks, the prompts of those
// that take the places of finished ones: I / O prompt tokens for each token written.
Result<void> set_load(const Observation& o, Prepared& p) {
  const double prompt = mean_length(o, o.prompt, "total_input_tokens"), written = mean_length(o, o.generated, "total_output_tokens");
  const bool time = o.metric == Metric::tpot_ms;
  double wanted = o.concurrency / p.replicas;
  if (o.concurrency < 0) {
    // A queue that never empties keeps as many running as fit; a short run is half ramp and tail.
    if (time || !says(o, "requests queued") || o.flags.count("num_prompts") || written <= 0 || prompt <= 0)
      return fail(ErrorKind::unsupported, "the batch is not stated: how requests wait for each other under load is not predicted");
    wanted = 1e6;
  }
  if (paced_by_arrivals(o)) return fail(ErrorKind::unsupported, "arrivals set the pace of this run: how requests wait for each other under load is not predicted");
  if (!time && written <= 0) return fail(ErrorKind::unsupported, "how many tokens each request writes is not stated");
  const double before = o.depth >= 0 ? o.depth : prompt >= 0 ? prompt : 128, out = written > 0 ? written : 128;
  const double batch = running(p, std::max(1.0, wanted), before + out / 2);
  // Together from start to end: no prompt is read while others decode.
  const bool together = says(o, "fixed batch") || says(o, "static batch") || says(o, "whole-batch") || p.engine == "transformers";
  // Between two tokens of one stream (ITL) a prompt is read or not: the median sees the usual step, the mean (TPOT) all of them.
  const bool median = o.metric_name == "itl_ms" && (says(o, "p50") || says(o, "median"));
  p.phase = "serve";
  p.sequences = batch;
  p.depth = before;
  // Layers in stages: each works on its share of the requests while the others work on theirs.
  double prompts = 0;   // read in each step
  if (prompt > 0 && !p.prompts_elsewhere) prompts = !time ? batch / out : together ? 0 : (batch - 1) / out;   // a request's own prompt is its TTFT
  if (median && prompts * p.load->drafts.kept < 0.5) prompts = 0;   // most steps read none
  // An engine that reads waiting prompts before it decodes on makes requests start in waves: of a wave's prompts half, in the mean, are
  // read before a request's first token and do not delay its others.
  if (time && !p.load->mixes) prompts /= 2;
  cost::add_loaded_step(*p.load, before + out / 2, std::max(1.0, batch / p.stages), prompt, prompts / p.stages, p.work);
  p.is_rate = !time;
  const double counted = o.metric == Metric::total_tokens_per_second ? 1 + std::max(0.0, prompt) / out : 1;
  p.units = time ? 1e3 * tokens_timed(o, *p.load) : batch * occupancy(o, batch * p.replicas) * p.replicas * counted / (o.flags.count("per_gpu") ? std::max(1, p.devices) : 1);
  return {};
}

// What the clock of this row ran over, as work. Errors: metrics that queueing decides.
Result<void> set_work(const Observation& o, Prepared& p) {
  const cost::Load& load = *p.load;
  const double prompt = mean_length(o, o.prompt, "total_input_tokens"), generated = mean_length(o, o.generated, "total_output_tokens");
  const bool per_token = o.metric == Metric::tpot_ms;
  const bool tokens = o.metric == Metric::output_tokens_per_second || o.metric == Metric::total_tokens_per_second || o.metric == Metric::tokens_per_second;
  if ((per_token || tokens) && o.phase != "prefill" && (o.concurrency > 1 || (o.phase == "serve" && o.concurrency < 0))) return set_load(o, p);
  p.sequences = 1;
  p.depth = std::max(0.0, o.depth);
  if (per_token || (o.phase == "decode" && o.metric != Metric::ttft_ms) || (o.phase == "serve" && o.metric == Metric::output_tokens_per_second)) {
    p.phase = "decode";
    const double written = generated > 0 ? generated : 128;
    const double before = o.depth >= 0 ? o.depth : prompt >= 0 ? prompt : 128;
    cost::add_decode(load, before + written / 2, 1, 1, p.work);
    // Some sources time the whole request: the prompt is inside.
    if (says(o, "total request time")) cost::add_prefill(load, 40, 0, 1 / written, p.work);
    else if (says(o, "one speed per input length") || (o.phase == "serve" && !per_token && !says(o, "single_stream_wall"))) cost::add_prefill(load, std::max(2.0, prompt), 0, 1 / written, p.work);
    p.is_rate = !per_token;
    p.units = per_token ? 1e3 * tokens_timed(o, load) : 1.0 / (o.flags.count("per_gpu") ? p.devices : 1);
    return {};
  }
  const bool alone = o.phase == "prefill" || (o.phase == "serve" && o.concurrency == 1 && prompt > 0);
  if ((alone && o.metric == Metric::ttft_ms) ||
      (o.phase == "prefill" && (o.metric == Metric::tokens_per_second || o.metric == Metric::total_tokens_per_second))) {
    p.phase = "prefill";
    const double n = prompt > 0 ? prompt : 512;
    if (o.metric == Metric::ttft_ms) {
      const double read = prompt > 0 ? prompt : o.depth > 0 ? o.depth : 512;
      cost::add_prefill(load, read, 0, 1, p.work);
      p.is_rate = false;
      p.units = 1e3;
    } else {
      cost::add_prefill(load, n, p.depth, 1, p.work);
      p.units = n;
    }
    return {};
  }
  if (o.phase == "serve" && o.metric == Metric::total_tokens_per_second) {
    p.phase = "decode";
    const double written = generated > 0 ? generated : 128, n = std::max(2.0, prompt);
    cost::add_prefill(load, n, 0, 1, p.work);
    cost::add_decode(load, n + written / 2, 1, written, p.work);
    p.units = n + written;
    p.depth = n;
    return {};
  }
  return fail(ErrorKind::unsupported, "the metric " + (o.metric_name.empty() ? std::string("(none)") : o.metric_name) + " of phase '" + o.phase +
                                          "' depends on how requests wait for each other under load, which is not predicted");
}

// What a paged engine leaves for cache on one device: its share of the memory less weights, activations and buffers.
void set_limits(const catalog::Engine& engine, const detail::Site& site, Prepared& p) {
  const double memory = site.rig.devices.front().memory.value();
  p.most_sequences = catalog::sized_number(engine, "default_max_num_seqs", site.rig.devices.front().memory) * site.placement.settings.data_degree;
  if (site.placement.mode == placement::Mode::layer) return;
  double weights = 0;
  for (const cost::Stage& s : p.load->stages)
    if (s.kind == cost::StageKind::weights || s.kind == cost::StageKind::experts) weights += s.weight_bytes;
  constexpr double kBuffers = 2.5e9;   // activations of a full prompt chunk, captured graphs, communication
  const double left = catalog::number_of(engine, "default_memory_utilization", p.backend, 0.9) * memory - weights - kBuffers;
  p.cache_bytes = std::max(left, 0.05 * memory);   // it ran, so something was left
}

}  // namespace

Result<std::shared_ptr<const Configurator::Layout>> Configurator::make_layout(const Observation& o) {
  const std::string engine = detail::engine_key(o);
  const std::string key = o.model + "|" + o.model_printed + "|" + o.quant + "|" + format_shortest(o.model_bytes) + "|" + format_shortest(o.parameters) + "|" +
                          detail::default_recipe(catalog_, engine) + "|" + (o.flags.contains("file") ? o.flags.at("file") : std::string());
  auto found = models_.find(key);
  if (found == models_.end()) {
    auto read = read_architecture(*names_, reader_, o, engine);
    using Known = Result<std::shared_ptr<const Model>>;
    found = models_.emplace(key, read ? Known(std::make_shared<const Model>(std::move(*read))) : Known(tl::unexpected<Error>(std::move(read.error())))).first;
  }
  if (!found->second) return tl::unexpected<Error>(found->second.error());
  const model::Architecture& model = (*found->second)->architecture;
  RC_ASSIGN(site, detail::site_of(*names_, o, model));
  const bool same_host = host_ && (o.processor == host_->name || o.device == host_->name + " (CPU)");
  if (same_host && site.layout == "cpu") site.rig.hosts = {*host_};
  if (with_sources_) site.conditions.source = source_of(o);
  site.conditions.drafts = drafts_of(o, &names_->acceptances());
  RC_ASSIGN(load, cost::load_of((*found->second)->work, site.rig, site.placement, site.conditions));
  auto layout = std::make_shared<Layout>();
  Prepared& p = layout->prototype;
  p.devices = site.stated_devices;
  p.engine = site.placement.engine;
  p.backend = load.backend;
  p.family = load.family;
  p.model = model.key;
  p.format = load.format;
  p.layout = site.layout;
  p.source = source_of(o);
  p.speculative = is_speculative(o);
  p.surrogate = std::find(model.notes.begin(), model.notes.end(), "surrogate") != model.notes.end();
  p.active_bytes = load.active_bytes;
  p.experts = model.has_experts();
  p.parameters = model.parameters();
  p.active_parameters = model.active_parameters();
  for (const model::Tensor& t : model.tensors)
    if (t.role != model::Role::vision && t.role != model::Role::next_token && t.role != model::Role::expert_ffn) p.fixed_parameters += static_cast<double>(t.elements());
  p.file_bytes = model.weight_bytes().value();
  if (site.rig.devices.empty() || site.layout == "cpu") {
    const rig::Host& host = site.rig.hosts.front();
    p.device = host.processor ? host.processor->key : host.name;
    p.vendor = host.processor ? host.processor->vendor : "";
    p.bandwidth = host.bandwidth.value();
  } else {
    const catalog::Device& d = site.rig.devices.front().device;
    p.device = d.key;
    p.vendor = d.vendor;
    p.memory = site.rig.devices.front().memory.value();
    for (const char* format : {"bf16", "fp16"})
      if (const auto rate = d.rates.find(format); rate != d.rates.end()) p.half_rate = rate->second.value.value();
    const bool shared = site.placement.mode == placement::Mode::tensor || site.placement.mode == placement::Mode::row || site.placement.mode == placement::Mode::pipeline;
    p.bandwidth = d.bandwidth->value.value() * (shared ? static_cast<double>(site.rig.devices.size()) / site.placement.settings.pipeline_degree : 1.0);
  }
  p.replicas = site.machine.replicas;
  p.prompts_elsewhere = site.machine.disaggregated;
  if (site.placement.mode == placement::Mode::layer && cost::engine_group(p.engine) == "serving") p.stages = static_cast<double>(site.rig.devices.size());
  if (site.placement.mode == placement::Mode::pipeline) p.stages = site.placement.settings.pipeline_degree;
  layout->load = p.load = std::make_shared<const cost::Load>(std::move(load));
  if (cost::engine_group(p.engine) == "serving" && !site.rig.devices.empty() && site.layout != "cpu") {
    auto engine_found = engines_.find(p.engine);
    if (engine_found == engines_.end()) engine_found = engines_.emplace(p.engine, catalog::read_engine(catalog_, p.engine)).first;
    if (engine_found->second) set_limits(*engine_found->second, site, p);
  }
  return std::shared_ptr<const Layout>(std::move(layout));
}

Configurator::Configurator(const catalog::Catalog& catalog, bool with_sources, std::shared_ptr<model::KnownBases> bases, std::shared_ptr<detail::KnownNames> names)
    : catalog_(catalog), reader_(catalog, std::move(bases)), names_(names ? std::move(names) : std::make_shared<detail::KnownNames>(catalog)), with_sources_(with_sources) {}

Result<Prepared> Configurator::prepare(const Observation& o) {
  Prepared p;
  RC_TRY(prepare(o, p));
  return p;
}

void Configurator::forget() {
  layouts_.clear();
  models_.clear();
  reader_.forget();
}

Result<void> Configurator::prepare(const Observation& o, Prepared& p) {
  if (o.device.empty()) return fail(ErrorKind::input, "no device is stated");
  if (o.metric_name.empty()) return fail(ErrorKind::input, "no metric is stated");
  if (o.metric == Metric::other) return fail(ErrorKind::unsupported, "the metric '" + o.metric_name + "' is not a speed of a language model");
  if (!(o.value > 0)) return fail(ErrorKind::input, "the value is not above 0");
  if (o.phase.empty()) return fail(ErrorKind::input, "no phase is stated, and the metric tells none: decode, prefill or serve");
  if (o.phase != "decode" && o.phase != "prefill" && o.phase != "serve") return fail(ErrorKind::unsupported, "the phase '" + o.phase + "' is another estimator's");
  std::string key = layout_key(o, names_->built(o));
  auto found = layouts_.find(key);
  if (found == layouts_.end()) found = layouts_.emplace(std::move(key), make_layout(o)).first;
  if (!found->second) return tl::unexpected<Error>(found->second.error());
  p = (*found->second)->prototype;
  RC_TRY(set_work(o, p));
  p.measured_seconds = p.is_rate ? p.units / o.value : o.value / p.units;
  return {};
}

}  // namespace rigcast::calibration
