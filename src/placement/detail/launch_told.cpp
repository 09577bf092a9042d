// Lines of engines that take flags and whose words stand in their data, and of MindIE, which takes a file.

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.hpp"
#include "placement/detail/launch_line.hpp"
#include "placement/rules.hpp"

namespace rigcast::placement::detail {

namespace {

// What stands for the model's files where nobody has said where they are: of a repository what it is called there.
std::string stand_in(const model::Architecture& a) {
  if (!a.file.empty()) return a.file;
  return !a.checkpoint.empty() ? a.checkpoint.substr(a.checkpoint.rfind('/') + 1) : !a.key.empty() ? a.key : a.name;
}

// Engines that import single files, or look for folders under one of theirs, take no repository.
bool takes_repository(const catalog::Engine& engine) { return engine.key != "mindie" && !engine.texts.contains("start.folder") && catalog::text_of(engine, "start", "").find("{folder}") == std::string_view::npos; }

std::string plain_model_name(const catalog::Engine& engine, const model::Architecture& a) {
  if (engine.kv_rule == catalog::KvRule::slots && a.file.empty() && !a.quant.starts_with("MLX")) return gguf_name(a);   // LM Studio reads MLX's folders, too
  return a.has_repository() && takes_repository(engine) ? a.checkpoint : stand_in(a);
}

// Where the processor's experts are read from: a folder, of a GGUF that it lies in.
std::string host_weights(const model::Architecture& a) {
  constexpr std::string_view kEnding = ".gguf";
  const std::string& name = a.file.empty() ? a.checkpoint : a.file;
  if (!name.ends_with(kEnding)) return quoted(stand_in(a));
  if (a.file.empty()) return quoted(name.substr(0, name.size() - kEnding.size()));
  const std::size_t slash = name.rfind('/');
  return quoted(slash == std::string::npos ? "." : name.substr(0, std::max<std::size_t>(slash, 1)));
}

// A name on the line that nothing answers to: what belongs there, and what it is made of.
void explain_checkpoint(const catalog::Engine& engine, const model::Architecture& a, const std::string& backend, const std::string& name, Launch& launch) {
  if (!a.file.empty() || a.origin != model::Origin::catalogue || (a.has_repository() && name == a.checkpoint) || name.ends_with(".gguf")) return;
  const std::string text = name + " stands for a folder with the model's weights in " + a.quant;
  const std::string maker(catalog::text_of(engine, "made_with", backend));
  launch.unsaid.push_back(a.has_repository() ? text + ", published as " + a.checkpoint + "."
                          : maker.empty() || a.is_unquantized() ? text + ": no repository of them is known here."
                                                                : text + ": no repository of them is known here; " + maker + " can make them.");
}

// What runs on the user's machine besides the engine, and why it must.
std::string own_code_text(const std::string& words) { return words + " lets code run that the model's repository brings: vLLM's own tests load it so."; }

// The words that start an engine, with what it wants to know of the model in their holes.
std::string start_words(const catalog::Engine& engine, const model::Architecture& a, const std::string& model) {
  const bool experts_only = model.ends_with(".gguf") && engine.texts.contains("flag.host_weights");   // a GGUF of which the processor reads the experts
  const std::size_t slash = model.rfind('/');
  const bool apart = !model.ends_with(".gguf") && engine.texts.contains("start.folder");   // of engines that import single files
  std::string words = replace_all(std::string(catalog::text_of(engine, "start", apart ? "folder" : "")), "{model}", quoted(experts_only ? a.key : model));
  words = replace_all(std::move(words), "{folder}", slash == std::string::npos ? "models" : quoted(model.substr(0, slash)));
  return replace_all(std::move(words), "{name}", quoted(slash == std::string::npos ? model : model.substr(slash + 1)));
}

// What SGLang wants to be told of the hosts of one engine; the line says it by itself, with the words in this order.
constexpr std::string_view kNodes = "--nnodes", kFirstNode = "--dist-init-addr", kNode = "--node-rank";

std::string node_words(std::size_t hosts, std::size_t node) {
  return std::string(kNodes) + " " + std::to_string(hosts) + " " + std::string(kFirstNode) + " HOST1:5000 " + std::string(kNode) + " " + std::to_string(node);
}

bool is_of_nodes(const FlagNote& flag) { return flag.flag.starts_with(kNodes) || flag.flag.starts_with(kFirstNode) || flag.flag.starts_with(kNode); }

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
  line.plain(node_words(hosts, 0));
  for (std::size_t h = 1; h < hosts; ++h) launch.file_text += (h > 1 ? "\n" : "") + alone + " " + node_words(hosts, h);
}

// The user's flags without those that say which node this is of how many, where the line says so by itself.
std::vector<FlagNote> unless_of_nodes(const catalog::Engine& engine, const rig::Rig& rig, const Placement& p) {
  std::vector<FlagNote> flags = p.flags;
  if (!uses_other_hosts(rig, p) || catalog::text_of(engine, "across_hosts", "") != "nnodes") return flags;
  std::erase_if(flags, is_of_nodes);
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

// Of the devices that hold one copy of the model.
Bytes memory_of_copy(const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  Bytes all{};
  for (const DeviceShare& share : p.devices) all += rig.devices[static_cast<std::size_t>(share.device)].memory;
  return all / std::max(1, whole_copies(a, p.settings) * p.settings.replicas);
}

// A line of what the engine's data has words for: flag.NAME for each thing that can be said. What has no flag there cannot be.
class ToldLine {
 public:
  ToldLine(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p)
      : engine_(engine), a_(a), rig_(rig), p_(p), s_(p.settings), paged_(engine.kv_rule == catalog::KvRule::paged), slots_(engine.kv_rule == catalog::KvRule::slots),
        made_(made_by_engine(engine, a, p.backend, memory_of_copy(a, rig, p))), model_(made_ != Made::no ? a.whole_checkpoint : plain_model_name(engine, a)),
        line_(engine, start_words(engine, a, model_)) {}

  Launch run() {
    const std::string unknown = "No repository of " + a_.quant + " weights is known here: " + engine_.name;
    if (made_ == Made::while_loading) tell(unknown + " makes them of those in 16 bits while it loads them.");
    else if (made_ == Made::after_loading) tell(unknown + " makes them of those in 16 bits once it has loaded all of them.");
    else explain_checkpoint(engine_, a_, p_.backend, mixes_in_host() ? host_weights(a_) : model_, line_.launch());
    say_degrees();
    say_memory();
    say_own_code();
    say_host();
    tell_devices();
    tell_degrees();
    for (const FlagNote& flag : p_.demanded) line_.demand(flag);
    line_.repeat(unless_of_nodes(engine_, rig_, p_));
    if (uses_other_hosts(rig_, p_) && text("across_hosts", "") == "mlx.launch") add_launcher(line_, rig_);
    if (paged_) tell_engines();
    return std::move(line_.launch());
  }

 private:
  std::string_view text(const char* name, const char* what) const { return catalog::text_of(engine_, name, what); }
  bool can_say(const char* what) const { return !text("flag", what).empty(); }
  bool mixes_in_host() const { return s_.gpu_experts >= 0 && a_.has_experts(); }   // the processor runs experts
  void say(const char* what, const std::string& value) {
    const std::string_view flag = text("flag", what);
    const auto words = split_words(flag);
    if (words.empty()) return;
    const bool alone = words.front() == flag && value.empty();
    line_.add(std::string(words.front()), alone ? "" : words.size() > 1 ? replace_all(std::string(words.back()), "{degree}", value) : value);
  }
  void tell(std::string what) { line_.launch().unsaid.push_back(std::move(what)); }
  const std::string& name_of(int device) const { return rig_.devices[static_cast<std::size_t>(device)].device.name; }

  void say_degrees() {
    const bool attention_copies = s_.data_degree > 1 && a_.has_experts() && !s_.whole_copies, in_tensor = attention_copies && can_say("attention_copies");
    // One device of several is said, too: without a degree the same flags leave the choice open.
    const bool one_of_several = paged_ && rig_.devices.size() > 1 && p_.devices.size() == 1;
    if (const int tensor = s_.tensor_degree * (in_tensor ? s_.data_degree : 1); tensor > 1 || one_of_several) say("tensor", std::to_string(tensor));
    if (s_.pipeline_degree > 1) say("pipeline", std::to_string(s_.pipeline_degree));
    if (s_.data_degree > 1) say("data", std::to_string(s_.data_degree));
    if (in_tensor) say("attention_copies", "");
    if (p_.mode != Mode::expert) return;
    if (text("flag", "expert").find('{') == std::string_view::npos) say("expert", "");
    else say("expert", std::to_string(std::max(s_.expert_degree, s_.tensor_degree * s_.data_degree)));
  }

  void say_memory() {
    if (slots_) say("layers", layers_share(a_, p_));
    say("context", std::to_string(s_.context / context_parts(engine_, s_)));
    say("cells", std::to_string(p_.kv_tokens));
    if (paged_) say("share", format_number(s_.gpu_memory_utilization, 2));
    if (slots_ && s_.sequences > 1) say("sequences", std::to_string(s_.sequences));
    if (s_.key_quant != "f16") {
      const std::string_view word = text("cache_word", s_.key_quant.c_str());   // what the engine calls it
      say("cache", word.empty() ? s_.key_quant : std::string(word));
    }
    if (paged_) say("sequences", std::to_string(s_.sequences));
    if (paged_) say("batched", std::to_string(s_.max_batched_tokens));
    if (made_ != Made::no || !s_.weight_quant.empty()) say("quantization", made_ != Made::no ? to_lower(a_.quant) : s_.weight_quant);
    if (s_.host_gib > 0) say("offload", format_shortest(s_.host_gib));
  }

  // Code that the repository brings does not run unless the line says so; files of GGUF have none.
  void say_own_code() {
    if (a_.own_code.empty() || !can_say("own_code") || model_.ends_with(".gguf")) return;
    say("own_code", "");
    tell(own_code_text(std::string(text("flag", "own_code"))));
  }

  void say_host() {
    if (mixes_in_host()) {
      say("host_weights", host_weights(a_));
      say("device_experts", std::to_string(s_.gpu_experts));
      if (s_.offload_batch > 0) say("host_prompts", std::to_string(s_.offload_batch));
      if (!rig_.hosts.empty() && rig_.hosts.front().cores > 0) say("host_threads", std::to_string(rig_.hosts.front().cores));
      if (!rig_.hosts.empty()) say("host_pools", std::to_string(std::max(1, rig_.hosts.front().sockets)));
    }
    if (p_.devices.size() > 1 && !s_.split.empty()) say("split", replace_all(shares(s_.split), ",", " "));   // TabbyAPI: a list of words
  }

  void tell_devices() {
    const std::string device_where(text("where", "device")), split_where(text("where", "split"));   // in the engine's own window
    if (slots_ && p_.mode == Mode::single && usable_devices(engine_, rig_) > 1)
      tell("This line cannot say which device is used: choose device " + std::to_string(s_.main_device) + " (" + name_of(s_.main_device) + ") in " + engine_.name +
                 (device_where.empty() ? "'s settings." : "'s settings (" + device_where + ")."));
    if (!slots_ && p_.devices.size() == 1 && s_.main_device > 0)
      tell("This line runs on the first device that " + engine_.name + " sees: show it none but device " + std::to_string(s_.main_device) + " (" + name_of(s_.main_device) +
                 "; CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES).");
    if (p_.mode == Mode::tensor && !paged_ && !slots_ && p_.devices.size() < rig_.devices.size())
      tell(engine_.name + " shares every tensor out over all devices that it sees: hide all but the first " + std::to_string(p_.devices.size()) + " from it (CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES).");
    if (slots_ && p_.devices.size() > 1 && !s_.split.empty() && !can_say("split"))
      tell("This line cannot say how many layers each device takes (here " + shares(s_.split) + "): " + engine_.name +
                 (split_where.empty() ? " shares them out by its own settings." : " shares them out by its own settings (" + split_where + ")."));
  }

  void tell_degrees() {
    const std::pair<const char*, int> degrees[] = {{"tensor", s_.tensor_degree}, {"pipeline", s_.pipeline_degree}, {"data", s_.data_degree}};
    for (const auto& [name, degree] : degrees)
      if (degree > 1 && !can_say(name))
        tell(std::string("This line cannot say how many devices share a model (") + name + " " + std::to_string(degree) + "): set it in " + engine_.name + "'s settings.");
    if (s_.key_quant != "f16" && !can_say("cache")) tell("This line cannot say the format of the cache (" + s_.key_quant + "): set it in " + engine_.name + "'s settings.");
  }

  // Of engines side by side, and over several hosts.
  void tell_engines() {
    const std::size_t hosts = hosts_of_one(rig_, p_);
    const std::string engines = std::to_string(s_.replicas);
    if (s_.replicas > 1 && hosts == 1)
      tell("This line starts one of " + engines + " engines side by side, each on a host of its own: a router before them shares the requests out.");
    if (s_.replicas > 1 && hosts > 1)
      tell("This line starts one of " + engines + " engines side by side, each on " + std::to_string(hosts) + " hosts of its own: a router before them shares the requests out.");
    if (hosts > 1) add_nodes(line_, engine_, rig_, p_, hosts);
  }

  const catalog::Engine& engine_;
  const model::Architecture& a_;
  const rig::Rig& rig_;
  const Placement& p_;
  const Settings& s_;
  const bool paged_, slots_;
  const Made made_;           // the format
  const std::string model_;   // on the line
  LineBuilder line_;
};

}  // namespace

Launch told_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) { return ToldLine(engine, a, rig, p).run(); }

namespace {

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

constexpr int kPrefillBatch = 50;   // maxPrefillBatchSize of MindIE where nobody says, which no smaller maxBatchSize allows

// What prompts MindIE refuses beside this cache.
void tell_longest_prompt(const Placement& p, std::int64_t longest, std::int64_t whole, Launch& launch) {
  if (longest >= whole) return;
  const bool limited = std::any_of(p.flags.begin(), p.flags.end(), [](const FlagNote& flag) { return flag.flag.starts_with("maxPrefillTokens"); });
  launch.unsaid.push_back(limited ? "Prompts of more than " + std::to_string(longest) + " tokens are refused: they are read whole, and maxPrefillTokens keeps memory for so many (--flags \"maxPrefillTokens=" +
                                        std::to_string(whole) + "\" for longer ones)."
                                  : "Prompts of more than " + std::to_string(longest) + " tokens are refused: they are read whole, and beside the context there is memory for no longer one.");
}

// The devices of the first host, one list for each copy of the model.
std::string device_ids(const rig::Rig& rig, const Placement& p, std::size_t of_copy) {
  std::string ids;
  std::size_t named = 0;
  for (const DeviceShare& share : p.devices)
    if (rig.devices[static_cast<std::size_t>(share.device)].host == 0) ids += (named == 0 ? "" : named % of_copy == 0 ? "], [" : ", ") + std::to_string(share.device), ++named;
  return ids;
}

// What drafts, as a text of JSON within the JSON; empty: nothing does.
std::string plugin_text(const Placement& p) {
  std::string plugin;
  for (const FlagNote& flag : p.flags)
    if (flag.words.size() == 2 && flag.words.front() == "plugin_params") plugin = ",\n        \"plugin_params\": " + json_text(flag.words.back());
  return plugin;
}

}  // namespace

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
  explain_checkpoint(engine, a, p.backend, stand_in(a), launch);
  const std::int64_t whole = std::max<std::int64_t>(1, s.context - 1), longest_prompt = std::min<std::int64_t>(whole, s.max_batched_tokens);
  tell_longest_prompt(p, longest_prompt, whole, launch);
  if (!a.own_code.empty()) launch.unsaid.push_back(own_code_text("trustRemoteCode"));
  const auto local = static_cast<std::size_t>(std::count_if(p.devices.begin(), p.devices.end(), [&](const DeviceShare& share) { return rig.devices[static_cast<std::size_t>(share.device)].host == 0; }));
  const std::size_t copies = nodes ? 1 : static_cast<std::size_t>(whole_copies(a, s)), of_copy = local / copies;   // an instance for each copy of the model
  const bool sees = std::any_of(a.tensors.begin(), a.tensors.end(), [](const model::Tensor& t) { return t.role == model::Role::vision; });
  const auto cache_gib = static_cast<std::int64_t>(p.devices.empty() ? 0 : p.devices.front().memory.kv.value() / kGiB);
  const auto number = [](const char* before, std::int64_t value) { return before + std::to_string(value); };
  launch.file_name = "config.json";
  launch.file_text = "{\n  \"BackendConfig\": {\n" + (copies > 1 ? "    \"modelInstanceNumber\": " + std::to_string(copies) + ",\n" : "") + "    \"npuDeviceIds\": [[" + device_ids(rig, p, of_copy) + "]],\n" +
                     (nodes ? "    \"multiNodesInferEnabled\": true,\n" : "") + number("    \"ModelDeployConfig\": {\n      \"maxSeqLen\": ", s.context) + number(",\n      \"maxInputTokenLen\": ", longest_prompt) +
                     ",\n      \"ModelConfig\": [{\n        \"modelName\": " + json_text(a.key) + ",\n        \"modelWeightPath\": " + json_text(stand_in(a)) +
                     number(",\n        \"worldSize\": ", static_cast<std::int64_t>(of_copy)) + number(",\n        \"npuMemSize\": ", sees ? std::max<std::int64_t>(1, cache_gib) : -1) + plugin_text(p) +
                     (a.own_code.empty() ? "" : ",\n        \"trustRemoteCode\": true") + number("\n      }]\n    },\n    \"ScheduleConfig\": {\n      \"cacheBlockSize\": ", engine.block_tokens) + number(",\n      \"maxBatchSize\": ", s.sequences) +
                     number(",\n      \"maxPrefillBatchSize\": ", std::min(kPrefillBatch, s.sequences)) + number(",\n      \"maxPrefillTokens\": ", s.max_batched_tokens) +
                     number(",\n      \"maxIterTimes\": ", s.context) + "\n    }\n  }\n}\n";
  return std::move(launch);
}

}  // namespace rigcast::placement::detail
