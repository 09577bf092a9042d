// Lines of llama.cpp, ik_llama.cpp and Ollama, which wraps it.

#include <algorithm>

#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/launch_line.hpp"
#include "placement/detail/slots.hpp"

namespace rigcast::placement::detail {

std::string gguf_name(const model::Architecture& a) {
  std::string name = a.key.empty() ? a.name : a.key;
  if (!a.quant.empty()) name += "-" + a.quant;
  return name + ".gguf";
}

namespace {

std::string model_word(const model::Architecture& a) { return quoted(a.file.empty() ? gguf_name(a) : a.file); }

// As the engine counts them: those of the first host by their backend, those that other hosts offer by RPC.
std::string device_name(const catalog::Engine& engine, const rig::Rig& rig, const std::string& shared, int device) {
  if (device == kHost) return "CPU";
  const bool remote = rig.devices[static_cast<std::size_t>(device)].host != 0;
  const std::string backend(backend_on(engine, shared, rig.devices[static_cast<std::size_t>(device)]));
  const auto number = std::count_if(rig.devices.begin(), rig.devices.begin() + device, [&](const rig::RigDevice& each) {
    return (each.host != 0) == remote && (remote || backend_on(engine, shared, each) == backend);
  });
  if (remote) return "RPC" + std::to_string(number);
  return device_prefix(backend) + std::to_string(number);
}

// All devices of the rig, where it is a part of a machine: a build for several backends sees the others as well.
std::string all_devices(const catalog::Engine& engine, const rig::Rig& rig, const Placement& p) {
  std::vector<std::string> names;
  for (const rig::RigDevice& device : rig.devices) names.push_back(device_name(engine, rig, p.backend, device.index));
  return join(names, ",");
}

// llama.cpp over several hosts: a server on each other host offers its devices, named RPC0, RPC1 ... in the order of --rpc; -dev puts them
// behind the local ones, as the split counts them.
void add_rpc(LineBuilder& line, const catalog::Engine& engine, const rig::Rig& rig, const Placement& p) {
  if (!uses_other_hosts(rig, p)) return;
  std::vector<std::string> servers;
  for (std::size_t h = 1; h < rig.hosts.size(); ++h) servers.push_back("HOST" + std::to_string(h + 1) + ":50052");
  line.add("--rpc", join(servers, ","));
  line.add("-dev", all_devices(engine, rig, p));
  line.launch().file_name = "a shell on each other host";
  line.launch().file_text = "# a proof of concept by its authors' word: only on a network you trust\nggml-rpc-server --host 0.0.0.0 --port 50052";
}

// Settings that name the layers of `cpu_moe_layers` in full or in part.
void add_experts(LineBuilder& line, const model::Architecture& a, const Settings& s) {
  if (s.cpu_moe_layers >= static_cast<int>(a.layers.size())) line.add("--cpu-moe");
  else if (s.cpu_moe_layers > 0) line.add("--n-cpu-moe", std::to_string(s.cpu_moe_layers));
}

// How the engine calls the split of every matrix over the devices.
std::string tensor_word(const catalog::Engine& engine) {
  const std::string_view word = catalog::text_of(engine, "tensor_word", "");
  return std::string(word.empty() ? "tensor" : word);
}

// llama-bench lays a model out by the same flags in a spelling of its own; the context follows from what it times.
std::vector<std::string> bench_words(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  std::vector<std::string> words = {"llama-bench", "-m", a.file};
  const auto add = [&](const char* flag, std::string value) { words.insert(words.end(), {flag, std::move(value)}); };
  if (p.mode == Mode::cpu) {
    if (!rig.devices.empty()) add("-dev", "none");
    add("-ngl", "0");
  } else {
    if (!rig.idle.empty()) add("-dev", replace_all(all_devices(engine, rig, p), ",", "/"));
    add("-ngl", std::to_string(s.gpu_layers < 0 ? all_layers(a) : s.gpu_layers));
    if (rig.devices.size() > 1) {
      add("-sm", p.mode == Mode::single ? std::string("none") : p.mode == Mode::row ? std::string("row") : p.mode == Mode::tensor ? tensor_word(engine) : std::string("layer"));
      if (p.mode == Mode::single) add("-mg", std::to_string(s.main_device));
      else if (!s.split.empty()) add("-ts", replace_all(shares(s.split), ",", "/"));
    }
    if (s.cpu_moe_layers > 0) add("-ncmoe", std::to_string(s.cpu_moe_layers));
    std::vector<std::string> overrides;
    for (const Settings::Override& o : s.overrides) overrides.push_back(o.pattern + "=" + device_name(engine, rig, p.backend, o.device));
    if (!overrides.empty()) add("-ot", join(overrides, ";"));
    if (!s.kv_offload) add("-nkvo", "1");
    if (!s.op_offload) add("-nopo", "1");
  }
  add("-fa", s.flash_attention.value_or(true) ? "1" : "0");
  if (s.key_quant != "f16") add("-ctk", s.key_quant);
  if (s.value_quant != "f16") add("-ctv", s.value_quant);
  add("-ub", std::to_string(s.ubatch));
  add("-b", std::to_string(s.batch));
  if (!s.mmap) add("-mmp", "0");
  if (s.threads > 0) add("-t", std::to_string(s.threads));
  return words;
}

// Why nobody's wish for flash attention is on the line.
std::string left_flash_attention(const Placement& p) {
  if (std::find(p.kv_device.begin(), p.kv_device.end(), kHost) != p.kv_device.end())
    return "flash attention is left: where the processor attends to part of the context, its plain kernels are faster, and cost a context x heads buffer";
  return "flash attention is left: there is no kernel for this model's attention on this backend";
}

void add_flash_attention(LineBuilder& line, const catalog::Engine& engine, const Placement& p) {
  const bool on = p.settings.flash_attention.value_or(true);
  if (catalog::number_of(engine, "flash_takes_value", p.backend, 1) <= 0) {   // a switch, off unless it is there
    if (on) line.add("-fa");
    return;
  }
  if (on || names_flash_attention(p.flags)) line.add("-fa", on ? "on" : "off");
  else line.add_because("-fa off", left_flash_attention(p));
}

// What the user says of drafts, as today's builds take it where they take it otherwise: what drafts by its name ("stage"), with settings that had flags of their own
// where those ended ("until", "instead": "--spec-type TYPE:n_max=N").
std::vector<FlagNote> with_stage(const catalog::Engine& engine, const Placement& p, Launch& launch) {
  constexpr std::string_view kFlag = "--spec-type";
  const auto named = [](const FlagNote& flag) { return !flag.words.empty(); };
  std::vector<FlagNote> flags;
  std::copy_if(p.flags.begin(), p.flags.end(), std::back_inserter(flags), named);
  const std::string stage(catalog::text_of(engine, "stage", to_string(p.settings.speculation.drafter)));
  const std::string_view built = catalog::text_of(engine, "built", "");
  const bool says = std::any_of(flags.begin(), flags.end(), [&](const FlagNote& flag) { return LineBuilder::name_of(flag) == kFlag; });
  if (stage.empty() || says) return p.flags;
  std::vector<std::string> settings, replaced;
  std::vector<FlagNote> kept;
  for (FlagNote& flag : flags) {
    const std::string name = LineBuilder::name_of(flag);
    const std::string_view until = catalog::text_of(engine, "until", name), instead = catalog::text_of(engine, "instead", name);
    if (until.empty() || (!built.empty() && built < until) || !instead.starts_with(kFlag)) {
      kept.push_back(std::move(flag));
      continue;
    }
    const std::size_t equals = flag.words.front().find('='), colon = instead.find(':');
    const std::string value = equals != std::string::npos ? flag.words.front().substr(equals + 1) : flag.words.size() > 1 ? flag.words.back() : std::string();
    if (!value.empty() && colon != std::string_view::npos) settings.push_back(std::string(instead.substr(colon + 1, instead.find('=', colon) - colon)) + value);
    replaced.push_back(flag.flag);
  }
  const bool asks = catalog::number_of(engine, "asks_stage", "", 0) > 0;
  if (replaced.empty() && !asks) return p.flags;
  const std::string word = stage + (settings.empty() ? "" : ":" + join(settings, ","));
  const std::string text = std::string(kFlag) + ' ' + word;
  kept.push_back({text, "how tokens are drafted, which current builds have to be told", {std::string(kFlag), word}});
  if (!replaced.empty()) launch.unsaid.push_back("Current builds take " + text + " for " + join(replaced, " ") + ".");
  return kept;
}

}  // namespace

Launch llama_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  LineBuilder line(engine, (s.prompt_logits ? "llama-completion -m " : "llama-server -m ") + model_word(a));
  line.add("-c", std::to_string(s.context));
  if (p.mode == Mode::cpu) {
    if (!rig.devices.empty()) line.add("-dev", "none");
  } else {
    const int all = static_cast<int>(a.layers.size()) + 1;
    line.add("-ngl", std::to_string(s.gpu_layers < 0 || s.gpu_layers >= all ? all_layers(a) : s.gpu_layers));
    add_rpc(line, engine, rig, p);
    if (!rig.idle.empty() && !uses_other_hosts(rig, p)) line.add("-dev", all_devices(engine, rig, p));
    if (rig.devices.size() > 1) {
      if (p.mode == Mode::single) {
        line.add("-sm", "none");
        line.add("-mg", std::to_string(s.main_device));
      } else {
        if (p.mode == Mode::row) line.add("-sm", "row");
        if (p.mode == Mode::tensor) line.add("-sm", tensor_word(engine));
        if (!s.split.empty()) line.add("-ts", shares(s.split));
      }
    }
    add_experts(line, a, s);
    for (const Settings::Override& o : s.overrides) line.add("-ot", quoted(o.pattern + "=" + device_name(engine, rig, p.backend, o.device)));
    if (!s.kv_offload) line.add("--no-kv-offload");
    if (!s.op_offload) line.add("--no-op-offload");
  }
  add_flash_attention(line, engine, p);
  if (s.key_quant != "f16") line.add("-ctk", s.key_quant);
  if (s.value_quant != "f16") line.add("-ctv", s.value_quant);
  if (s.ubatch != 512) line.add("-ub", std::to_string(s.ubatch));
  if (s.batch != 2048) line.add("-b", std::to_string(s.batch));
  line.add("-np", std::to_string(std::max(1, s.sequences)));  // the server's own choice is four
  if (s.unified_kv && s.sequences > 1) line.add("-kvu");
  if (s.swa_full) line.add("--swa-full");
  if (!s.mmap) {
    const std::string_view flag = catalog::text_of(engine, "no_mmap", p.backend);
    const auto words = split_words(flag);
    line.add(std::string(words.empty() ? "--no-mmap" : words.front()), std::string(words.size() > 1 ? words.back() : ""));
  }
  if (!s.repack) line.add("--no-repack");
  if (s.threads > 0) line.add("-t", std::to_string(s.threads));
  if (s.batch_threads > 0) line.add("-tb", std::to_string(s.batch_threads));
  for (const FlagNote& flag : p.demanded) line.demand(flag);
  line.repeat(with_stage(engine, p, line.launch()));
  if (!a.file.empty() && !uses_other_hosts(rig, p)) line.launch().bench = bench_words(engine, a, rig, p);
  return std::move(line.launch());
}

namespace {

// A variable of the environment before a command, as a shell takes it: PowerShell sets it in a command of its own.
std::string variable(const std::string& name, const std::string& value, bool windows) { return windows ? "$env:" + name + "='" + value + "';" : name + "=" + quoted(value); }

bool on_windows(const rig::Rig& rig) { return !rig.hosts.empty() && rig.hosts.front().os == rig::Os::windows; }

}  // namespace

Launch ollama_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  const bool windows = on_windows(rig);
  const std::string context = std::to_string(s.context / context_parts(engine, s));
  LineBuilder line(engine, variable("OLLAMA_CONTEXT_LENGTH", context, windows));   // of models without a Modelfile, too, and where the line stands alone
  line.plain(variable("OLLAMA_FLASH_ATTENTION", s.flash_attention.value_or(true) ? "1" : "0", windows));
  if (s.key_quant != "f16") line.plain(variable("OLLAMA_KV_CACHE_TYPE", s.key_quant, windows));
  if (s.sequences > 1) line.plain(variable("OLLAMA_NUM_PARALLEL", std::to_string(s.sequences), windows));
  std::string parameters;
  for (const FlagNote& flag : p.flags) {
    if (flag.words.empty()) continue;
    const std::string name = line.name_of(flag), value = flag.words.size() > 1 ? flag.words.back() : flag.words.front().substr(std::min(flag.words.front().size(), name.size() + 1));
    if (name.starts_with("OLLAMA_")) line.plain(variable(name, value, windows));
    else if (line.is_own(name)) parameters += "PARAMETER " + name + " " + value + "\n";
  }
  line.plain("ollama serve");
  Launch& launch = line.launch();
  const std::string name = quoted(to_lower(a.key.empty() ? a.name : a.key));
  launch.line += "\nollama create " + name + " -f Modelfile" + (windows ? "; " : " && ") + "ollama run " + name;   // each line in a terminal of its own: the first one stays
  launch.file_name = "Modelfile";
  launch.file_text = "FROM " + model_word(a) + "\nPARAMETER num_ctx " + context + "\n";
  if (s.gpu_layers >= 0) launch.file_text += "PARAMETER num_gpu " + std::to_string(s.gpu_layers) + "\n";
  if (s.ubatch != 512) launch.file_text += "PARAMETER num_batch " + std::to_string(s.ubatch) + "\n";
  launch.file_text += parameters;
  return std::move(launch);
}

}  // namespace rigcast::placement::detail
