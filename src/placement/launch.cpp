// The line to type: only what differs from the engine's defaults, in the engine's own words, each flag explained by the table that
// also reads it.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/flag_table.hpp"
#include "placement/detail/slots.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement {

namespace {

// A word as a shell takes it whole.
std::string quoted(const std::string& text) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-_./:,=+@%").find(c) != std::string_view::npos; };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_plain) ? text : "'" + replace_all(text, "'", "'\\''") + "'";
}

class LineBuilder {
 public:
  LineBuilder(const catalog::Engine& engine, std::string start) : tables_(detail::flag_tables(engine)), wraps_(detail::wraps_llama(engine)) { launch_.line = std::move(start); }

  void add(const std::string& flag, const std::string& value = {}) {
    const std::string text = value.empty() ? flag : flag + " " + value;
    launch_.line += " " + text;
    launch_.flags.push_back({text, note(flag)});
  }
  // What was chosen for a reason of its own.
  void add_because(const std::string& text, const std::string& reason) { demand({text, reason}); }
  void demand(const FlagNote& flag) {
    launch_.line += " " + flag.flag;
    launch_.flags.push_back(flag);
  }
  void plain(const std::string& text) { launch_.line += " " + text; }
  // What the user said that the line has no words of its own for, as it stands; but not what the line says already.
  void repeat(const std::vector<FlagNote>& flags) {
    std::vector<FlagNote> unsaid;
    std::copy_if(flags.begin(), flags.end(), std::back_inserter(unsaid), [&](const FlagNote& flag) { return !flag.words.empty() && !says(name_of(flag)); });
    for (const FlagNote& flag : unsaid) {
      if (!is_own(name_of(flag))) {
        launch_.unsaid.push_back("This line cannot say " + flag.flag + ": it is a flag of the engine underneath.");
        continue;
      }
      std::vector<std::string> words;
      for (const std::string& word : flag.words) words.push_back(quoted(word));
      demand({join(words, " "), flag.text, flag.words});
    }
  }
  // Ollama and LM Studio are read with llama.cpp's flags, too, but take none of them.
  bool is_own(std::string_view flag) const { return !wraps_ || detail::find_flag(tables_.front(), flag); }
  static std::string name_of(const FlagNote& flag) { return flag.words.front().substr(0, flag.words.front().find('=')); }
  bool says(const std::string& flag) const { return (launch_.line + ' ').find(' ' + flag + ' ') != std::string::npos; }
  Launch& launch() { return launch_; }

 private:
  std::string note(std::string_view flag) const {
    for (const auto& table : tables_)
      if (const detail::FlagRule* rule = detail::find_flag(table, flag)) return std::string(rule->note);
    return {};
  }

  std::vector<std::span<const detail::FlagRule>> tables_;
  bool wraps_;
  Launch launch_;
};

// A text as JSON takes it.
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20) out += "\\u" + format_hex(static_cast<std::uint64_t>(c) << 48, 4);
    else out += c;
  }
  return out + '"';
}

std::string model_word(const model::Architecture& a) {
  if (!a.file.empty()) return quoted(a.file);
  std::string word = a.key.empty() ? a.name : a.key;
  if (!a.quant.empty()) word += "-" + a.quant;
  return quoted(word + ".gguf");
}

std::string shares(const std::vector<double>& split) {
  std::vector<std::string> words;
  for (const double share : split) words.push_back(format_shortest(share));
  return join(words, ",");
}

// As the engine counts them: those of the first host by their backend, those that other hosts offer by RPC.
std::string device_name(const catalog::Engine& engine, const rig::Rig& rig, const std::string& shared, int device) {
  if (device == kHost) return "CPU";
  const bool remote = rig.devices[static_cast<std::size_t>(device)].host != 0;
  const std::string backend(detail::backend_on(engine, shared, rig.devices[static_cast<std::size_t>(device)]));
  const auto number = std::count_if(rig.devices.begin(), rig.devices.begin() + device, [&](const rig::RigDevice& each) {
    return (each.host != 0) == remote && (remote || detail::backend_on(engine, shared, each) == backend);
  });
  if (remote) return "RPC" + std::to_string(number);
  return detail::device_prefix(backend) + std::to_string(number);
}

// Whether the placement uses devices of other hosts than the first.
bool uses_other_hosts(const rig::Rig& rig, const Placement& p) {
  return std::any_of(p.devices.begin(), p.devices.end(), [&](const DeviceShare& share) { return rig.devices[static_cast<std::size_t>(share.device)].host != 0; });
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
  line.repeat(p.flags);
  if (!a.file.empty() && !uses_other_hosts(rig, p)) line.launch().bench = bench_words(engine, a, rig, p);
  return std::move(line.launch());
}

// A variable of the environment before a command, as a shell takes it: PowerShell sets it in a command of its own.
std::string variable(const std::string& name, const std::string& value, bool windows) { return windows ? "$env:" + name + "='" + value + "';" : name + "=" + quoted(value); }

bool on_windows(const rig::Rig& rig) { return !rig.hosts.empty() && rig.hosts.front().os == rig::Os::windows; }

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

const std::string& plain_model_name(const model::Architecture& a) { return !a.file.empty() ? a.file : !a.checkpoint.empty() ? a.checkpoint : !a.key.empty() ? a.key : a.name; }
std::string model_name(const model::Architecture& a) { return quoted(plain_model_name(a)); }

// Where the processor's experts are read from: a checkpoint as it is called, of a GGUF the folder it lies in.
std::string host_weights(const model::Architecture& a) {
  constexpr std::string_view kEnding = ".gguf";
  const std::string& name = a.file.empty() ? a.checkpoint : a.file;
  if (!name.ends_with(kEnding)) return model_name(a);
  if (a.file.empty()) return quoted(name.substr(0, name.size() - kEnding.size()));
  const std::size_t slash = name.rfind('/');
  return quoted(slash == std::string::npos ? "." : name.substr(0, std::max<std::size_t>(slash, 1)));
}

// Where the weights are in another format than the model was published in, the line names files that are; so it says.
void explain_checkpoint(Launch& launch, const model::Architecture& a, const std::string& name) {
  if (a.file.empty() && a.checkpoint != a.key && !a.checkpoint.empty())
    launch.flags.push_back({name, "stands for files of the model in " + a.quant + ": the name without it would load the format it was published in"});
}

// The words that start an engine, with what it wants to know of the model in their holes.
std::string start_words(const catalog::Engine& engine, const model::Architecture& a) {
  const std::string& model = plain_model_name(a);
  const bool experts_only = model.ends_with(".gguf") && engine.texts.contains("flag.host_weights");   // a GGUF of which the processor reads the experts
  const std::size_t slash = model.rfind('/');
  const bool apart = !model.ends_with(".gguf") && engine.texts.contains("start.folder");   // of engines that import single files
  std::string words = replace_all(std::string(catalog::text_of(engine, "start", apart ? "folder" : "")), "{model}", quoted(experts_only ? a.key : model));
  words = replace_all(std::move(words), "{folder}", slash == std::string::npos ? "models" : quoted(model.substr(0, slash)));
  return replace_all(std::move(words), "{name}", quoted(slash == std::string::npos ? model : model.substr(slash + 1)));
}

// Served engines over several hosts: one process on each, or a Ray cluster under the first.
void add_nodes(LineBuilder& line, const catalog::Engine& engine, const rig::Rig& rig, const Placement& p, std::size_t hosts) {
  Launch& launch = line.launch();
  launch.file_name = "a shell on each other host";
  if (catalog::text_of(engine, "across_hosts", "") == "ray") {
    // Copies are started by Ray, too, and told how many of them each host takes (docs.vllm.ai, data parallel deployment); one that spans hosts is
    // a single engine's business.
    const int of_copy = p.settings.tensor_degree * p.settings.pipeline_degree;
    const auto local = std::count_if(p.devices.begin(), p.devices.end(), [&](const DeviceShare& share) { return rig.devices[static_cast<std::size_t>(share.device)].host == 0; });
    const bool whole = p.settings.data_degree > 1 && local >= of_copy && local % of_copy == 0;
    if (whole && !line.says("--data-parallel-backend")) line.add("--data-parallel-backend", "ray");
    if (whole && !line.says("--data-parallel-size-local")) line.add("--data-parallel-size-local", std::to_string(local / of_copy));
    if (!whole && !line.says("--distributed-executor-backend")) line.add("--distributed-executor-backend", "ray");
    launch.line = "ray start --head --port=6379 && " + launch.line;
    launch.file_text = "ray start --address=HOST1:6379";
    return;
  }
  const std::string alone = launch.line;
  const std::string nodes = " --nnodes " + std::to_string(hosts) + " --dist-init-addr HOST1:5000 --node-rank ";
  line.plain((nodes + "0").substr(1));
  for (std::size_t h = 1; h < hosts; ++h) launch.file_text += (h > 1 ? "\n" : "") + alone + nodes + std::to_string(h);
}

// The user's flags without those that say which node this is of how many, where the line says so by itself.
std::vector<FlagNote> unless_of_nodes(const catalog::Engine& engine, const rig::Rig& rig, const Placement& p) {
  std::vector<FlagNote> flags = p.flags;
  if (!uses_other_hosts(rig, p) || catalog::text_of(engine, "across_hosts", "") != "nnodes") return flags;
  std::erase_if(flags, [](const FlagNote& flag) { return flag.flag.starts_with("--nnodes") || flag.flag.starts_with("--node-rank") || flag.flag.starts_with("--dist-init-addr"); });
  return flags;
}

// MLX over several Macs: one command starts the program on all of them, which a file lists (mlx.distributed_config makes it).
void add_launcher(LineBuilder& line, const rig::Rig& rig) {
  line.add("--pipeline");
  Launch& launch = line.launch();
  launch.line = "mlx.launch --hostfile hosts.json " + launch.line;
  std::vector<std::string> hosts;
  for (std::size_t h = 0; h < rig.hosts.size(); ++h) hosts.push_back("HOST" + std::to_string(h + 1));
  launch.file_name = "a shell, once before";
  launch.file_text = "mlx.distributed_config --backend ring --over thunderbolt --hosts " + join(hosts, ",") + " --auto-setup --output hosts.json";
}

// How much of the layers lies on the devices, as a word or a share.
std::string layers_share(const model::Architecture& a, const Placement& p) {
  constexpr double kDigits = 1e4;   // so many that the share is of no other number of layers
  const int all = static_cast<int>(a.layers.size()) + 1;
  if (p.mode == Mode::cpu || p.settings.gpu_layers == 0) return "off";
  return p.settings.gpu_layers < 0 || p.settings.gpu_layers >= all ? "max" : format_number(std::ceil(kDigits * p.settings.gpu_layers / static_cast<double>(all)) / kDigits, 4);
}

// Hosts of one engine, where several stand side by side.
std::size_t hosts_of_one(const rig::Rig& rig, const Placement& p) {
  std::set<int> hosts;
  for (std::size_t i = 0; i < p.devices.size() / static_cast<std::size_t>(std::max(1, p.settings.replicas)); ++i) hosts.insert(rig.devices[static_cast<std::size_t>(p.devices[i].device)].host);
  return hosts.size();
}

// Engines that take flags and whose words stand in their data: start, and flag.NAME for each thing that can be said; what has no flag there
// cannot be.
Launch told_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  const bool paged = engine.kv_rule == catalog::KvRule::paged, slots = engine.kv_rule == catalog::KvRule::slots;
  LineBuilder line(engine, start_words(engine, a));
  explain_checkpoint(line.launch(), a, s.gpu_experts >= 0 && a.has_experts() ? host_weights(a) : model_name(a));
  const auto cannot_say = [&](const std::string& what) { line.launch().unsaid.push_back(what); };
  const auto where_of = [&](const char* what) {   // in the engine's own window
    const std::string_view where = catalog::text_of(engine, "where", what);
    return std::string(where);
  };
  const auto can_say = [&](const char* what) { return !catalog::text_of(engine, "flag", what).empty(); };
  const auto say = [&](const char* what, const std::string& value) {
    const std::string_view flag = catalog::text_of(engine, "flag", what);
    const auto words = split_words(flag);
    if (words.empty()) return;
    const bool alone = words.front() == flag && value.empty();
    line.add(std::string(words.front()), alone ? "" : words.size() > 1 ? replace_all(std::string(words.back()), "{degree}", value) : value);
  };
  const bool attention_copies = s.data_degree > 1 && a.has_experts() && !s.whole_copies, in_tensor = attention_copies && can_say("attention_copies");
  // One device of several is said, too: without a degree the same flags leave the choice open.
  const bool one_of_several = paged && rig.devices.size() > 1 && p.devices.size() == 1;
  if (const int tensor = s.tensor_degree * (in_tensor ? s.data_degree : 1); tensor > 1 || one_of_several) say("tensor", std::to_string(tensor));
  if (s.pipeline_degree > 1) say("pipeline", std::to_string(s.pipeline_degree));
  if (s.data_degree > 1) say("data", std::to_string(s.data_degree));
  if (in_tensor) say("attention_copies", "");
  if (p.mode == Mode::expert) {
    if (catalog::text_of(engine, "flag", "expert").find('{') == std::string::npos) say("expert", "");
    else say("expert", std::to_string(std::max(s.expert_degree, s.tensor_degree * s.data_degree)));
  }
  if (slots) say("layers", layers_share(a, p));
  say("context", std::to_string(s.context / context_parts(engine, s)));
  say("cells", std::to_string(p.kv_tokens));
  if (paged) say("share", format_number(s.gpu_memory_utilization, 2));
  if (slots && s.sequences > 1) say("sequences", std::to_string(s.sequences));
  if (s.key_quant != "f16") {
    const std::string_view word = catalog::text_of(engine, "cache_word", s.key_quant);   // what the engine calls it
    say("cache", word.empty() ? s.key_quant : std::string(word));
  }
  if (paged) say("sequences", std::to_string(s.sequences));
  if (paged) say("batched", std::to_string(s.max_batched_tokens));
  if (!s.weight_quant.empty()) say("quantization", s.weight_quant);
  if (s.host_gib > 0) say("offload", format_shortest(s.host_gib));
  if (s.gpu_experts >= 0 && a.has_experts()) {
    say("host_weights", host_weights(a));
    say("device_experts", std::to_string(s.gpu_experts));
    if (s.offload_batch > 0) say("host_prompts", std::to_string(s.offload_batch));
    if (!rig.hosts.empty() && rig.hosts.front().cores > 0) say("host_threads", std::to_string(rig.hosts.front().cores));
    if (!rig.hosts.empty()) say("host_pools", std::to_string(std::max(1, rig.hosts.front().sockets)));
  }
  if (p.devices.size() > 1 && !s.split.empty()) say("split", replace_all(shares(s.split), ",", " "));   // TabbyAPI: a list of words
  const std::size_t usable = static_cast<std::size_t>(usable_devices(engine, rig));
  if (slots && p.mode == Mode::single && usable > 1)
    cannot_say("This line cannot say which device is used: choose device " + std::to_string(s.main_device) + " (" + rig.devices[static_cast<std::size_t>(s.main_device)].device.name + ") in " + engine.name +
               (where_of("device").empty() ? "'s settings." : "'s settings (" + where_of("device") + ")."));
  if (!slots && p.devices.size() == 1 && s.main_device > 0)
    cannot_say("This line runs on the first device that " + engine.name + " sees: show it none but device " + std::to_string(s.main_device) + " (" +
               rig.devices[static_cast<std::size_t>(s.main_device)].device.name + "; CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES).");
  if (p.mode == Mode::tensor && !paged && !slots && p.devices.size() < rig.devices.size())
    cannot_say(engine.name + " shares every tensor out over all devices that it sees: hide all but the first " + std::to_string(p.devices.size()) + " from it (CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES).");
  if (slots && p.devices.size() > 1 && !s.split.empty() && !can_say("split"))
    cannot_say("This line cannot say how many layers each device takes (here " + shares(s.split) + "): " + engine.name +
               (where_of("split").empty() ? " shares them out by its own settings." : " shares them out by its own settings (" + where_of("split") + ")."));
  for (const char* degree : {"tensor", "pipeline", "data"})
    if (const int n = degree[0] == 't' ? s.tensor_degree : degree[0] == 'p' ? s.pipeline_degree : s.data_degree; n > 1 && !can_say(degree))
      cannot_say(std::string("This line cannot say how many devices share a model (") + degree + " " + std::to_string(n) + "): set it in " + engine.name + "'s settings.");
  if (s.key_quant != "f16" && !can_say("cache")) cannot_say("This line cannot say the format of the cache (" + s.key_quant + "): set it in " + engine.name + "'s settings.");
  for (const FlagNote& flag : p.demanded) line.demand(flag);
  line.repeat(unless_of_nodes(engine, rig, p));
  if (uses_other_hosts(rig, p) && catalog::text_of(engine, "across_hosts", "") == "mlx.launch") add_launcher(line, rig);
  if (!paged) return std::move(line.launch());
  const std::size_t hosts = hosts_of_one(rig, p);
  const std::string engines = std::to_string(s.replicas);
  if (s.replicas > 1 && hosts == 1)
    cannot_say("This line starts one of " + engines + " engines side by side, each on a host of its own: a router before them shares the requests out.");
  if (s.replicas > 1 && hosts > 1)
    cannot_say("This line starts one of " + engines + " engines side by side, each on " + std::to_string(hosts) + " hosts of its own: a router before them shares the requests out.");
  if (hosts > 1) add_nodes(line, engine, rig, p, hosts);
  return std::move(line.launch());
}

constexpr int kPrefillBatch = 50;   // maxPrefillBatchSize of MindIE where nobody says, which no smaller maxBatchSize allows

// Over several hosts each runs the same service with the devices of its own, and a file lists them all. What is not said there is refused or cut:
// prompts beyond maxInputTokenLen (2,048), which must not exceed maxPrefillTokens, answers at maxIterTimes (512). The cache takes what is left
// (npuMemSize -1) except beside a tower of pictures, where it must be said in whole GB.
// https://github.com/verylucky01/MindIE-LLM/blob/2ad5b22e0b8e71725f7cf03536a4820d79381515/docs/zh/user_guide/user_manual/service_parameter_configuration.md
Launch mindie_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  const bool nodes = uses_other_hosts(rig, p);
  LineBuilder line(engine, (nodes ? "RANKTABLEFILE=$PWD/rank_table.json MIES_CONTAINER_IP=HOST1 NPU_MEMORY_FRACTION=" : "NPU_MEMORY_FRACTION=") +
                               format_number(s.gpu_memory_utilization, 2) + " ./bin/mindieservice_daemon");
  Launch& launch = line.launch();
  explain_checkpoint(launch, a, model_name(a));
  const auto local = static_cast<std::size_t>(std::count_if(p.devices.begin(), p.devices.end(), [&](const DeviceShare& share) { return rig.devices[static_cast<std::size_t>(share.device)].host == 0; }));
  launch.file_name = "config.json";
  const std::int64_t whole = std::max<std::int64_t>(1, s.context - 1), longest_prompt = std::min<std::int64_t>(whole, s.max_batched_tokens);
  const bool limited = std::any_of(p.flags.begin(), p.flags.end(), [](const FlagNote& flag) { return flag.flag.starts_with("maxPrefillTokens"); });
  if (longest_prompt < whole)
    launch.unsaid.push_back(limited ? "Prompts of more than " + std::to_string(longest_prompt) + " tokens are refused: they are read whole, and maxPrefillTokens keeps memory for so many (--flags \"maxPrefillTokens=" +
                                          std::to_string(whole) + "\" for longer ones)."
                                    : "Prompts of more than " + std::to_string(longest_prompt) + " tokens are refused: they are read whole, and beside the context there is memory for no longer one.");
  const bool sees = std::any_of(a.tensors.begin(), a.tensors.end(), [](const model::Tensor& t) { return t.role == model::Role::vision; });
  const auto cache_gib = static_cast<std::int64_t>(p.devices.empty() ? 0 : p.devices.front().memory.kv.value() / kGiB);
  const std::size_t copies = nodes ? 1 : static_cast<std::size_t>(whole_copies(a, s)), of_copy = local / copies;   // an instance for each copy of the model
  std::string ids;
  std::size_t named = 0;
  for (const DeviceShare& share : p.devices)
    if (rig.devices[static_cast<std::size_t>(share.device)].host == 0) ids += (named == 0 ? "" : named % of_copy == 0 ? "], [" : ", ") + std::to_string(share.device), ++named;
  launch.file_text = "{\n  \"BackendConfig\": {\n" + (copies > 1 ? "    \"modelInstanceNumber\": " + std::to_string(copies) + ",\n" : "") + "    \"npuDeviceIds\": [[" + ids + "]],\n" + (nodes ? "    \"multiNodesInferEnabled\": true,\n" : "") + "    \"ModelDeployConfig\": {\n      \"maxSeqLen\": " + std::to_string(s.context) +
                     ",\n      \"maxInputTokenLen\": " + std::to_string(longest_prompt) + ",\n      \"ModelConfig\": [{\n        \"modelName\": " + json_text(a.key) + ",\n        \"modelWeightPath\": " + json_text(a.file.empty() ? a.checkpoint.empty() ? a.key : a.checkpoint : a.file) +
                     ",\n        \"worldSize\": " + std::to_string(of_copy) + ",\n        \"npuMemSize\": " + std::to_string(sees ? std::max<std::int64_t>(1, cache_gib) : -1) + "\n      }]\n    },\n    \"ScheduleConfig\": {\n      \"cacheBlockSize\": " +
                     std::to_string(engine.block_tokens) + ",\n      \"maxBatchSize\": " + std::to_string(s.sequences) + ",\n      \"maxPrefillBatchSize\": " +
                     std::to_string(std::min(kPrefillBatch, s.sequences)) + ",\n      \"maxPrefillTokens\": " + std::to_string(s.max_batched_tokens) +
                     ",\n      \"maxIterTimes\": " + std::to_string(s.context) + "\n    }\n  }\n}\n";
  return std::move(launch);
}

// Flags that builds of the month asked for do not know yet.
void tell_later_flags(const catalog::Engine& engine, Launch& launch) {
  const std::string_view built = catalog::text_of(engine, "built", "");
  if (built.empty()) return;
  std::vector<std::string_view> told;
  for (const FlagNote& flag : launch.flags) {
    const std::string_view name = std::string_view(flag.flag).substr(0, flag.flag.find(' ')), since = catalog::text_of(engine, "since", name);
    if (since <= built || std::find(told.begin(), told.end(), name) != told.end()) continue;
    told.push_back(name);
    launch.unsaid.push_back("Builds of " + std::string(built) + " do not know " + std::string(name) + ", which came in " + std::string(since) + ": what it says they cannot do, or not so.");
  }
}

}  // namespace

int all_layers(const model::Architecture& architecture) { return std::max(99, static_cast<int>(architecture.layers.size()) + 1); }

Launch launch_line(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Placement& placement) {
  Launch launch = engine.key == "ollama"             ? ollama_line(engine, architecture, rig, placement)
                  : engine.key == "mindie"           ? mindie_line(engine, architecture, rig, placement)
                  : engine.texts.contains("start")   ? told_line(engine, architecture, rig, placement)
                                                     : llama_line(engine, architecture, rig, placement);
  tell_later_flags(engine, launch);
  return launch;
}

}  // namespace rigcast::placement
