// The line to type: the Settings of a Placement said in each engine's own flags. What a flag does is told by the same tables that read it.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/text.hpp"
#include "placement/detail/flag_table.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement {
namespace {

std::string note_of(const catalog::Engine& engine, std::string_view flag) {
  for (const auto& table : detail::flag_tables(engine))
    for (const detail::FlagRule& rule : table)
      for (const std::string_view name : split(rule.names, ' '))
        if (name == flag) return std::string(rule.note);
  return {};
}

// A line that grows flag by flag, each with its note.
class Line {
 public:
  Line(const catalog::Engine& engine, std::string start) : engine_(engine), text_(std::move(start)) {}

  void add(const std::string& flag, const std::string& value = {}) {
    const std::string said = value.empty() ? flag : flag + " " + value;
    text_ += " " + said;
    if (std::string note = note_of(engine_, flag); !note.empty()) notes_.push_back({said, std::move(note)});
  }
  void add(const std::string& flag, std::int64_t value) { add(flag, std::to_string(value)); }
  void add_if(bool wanted, const std::string& flag, const std::string& value = {}) { if (wanted) add(flag, value); }
  void explain(const std::string& said, const std::string& flag) { notes_.push_back({said, note_of(engine_, flag)}); }

  Launch launch() && { return {std::move(text_), std::move(notes_), {}, {}, {}}; }

 private:
  const catalog::Engine& engine_;
  std::string text_;
  std::vector<FlagNote> notes_;
};

// Quotes what a shell would take apart.
std::string shell_word(const std::string& text) {
  const bool plain = text.find_first_of(" \t\"'\\|&;()<>*?$") == std::string::npos;
  return plain ? text : "'" + replace_all(text, "'", "'\\''") + "'";
}

std::string gguf_file(const model::Architecture& a) {
  if (a.origin == model::Origin::gguf) return shell_word(a.file);
  std::string quant = a.quant;
  std::transform(quant.begin(), quant.end(), quant.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return a.key + "-" + (quant.empty() ? "F16" : quant) + ".gguf";
}

std::string model_folder(const model::Architecture& a) {
  if (a.file.empty()) return a.key;
  const std::filesystem::path file(a.file);
  return shell_word(file.has_extension() && file.has_parent_path() ? file.parent_path().string() : a.file);
}

std::string memory_name(const std::string& backend, int device) {
  if (device == kHost) return "CPU";
  const std::string number = std::to_string(device);
  if (backend == "cuda") return "CUDA" + number;
  if (backend == "rocm") return "ROCm" + number;
  if (backend == "vulkan") return "Vulkan" + number;
  if (backend == "metal") return "Metal";
  std::string name = backend;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return name + number;
}

// Layers per device as -ts takes them: the head counts as one, devices that are not used get 0.
std::string layer_counts(const rig::Rig& rig, const Placement& placement, char separator) {
  std::vector<int> counts(rig.devices.size(), 0);
  for (const DeviceShare& share : placement.devices)
    counts[static_cast<std::size_t>(share.device)] = share.layer_count + (share.holds_output ? 1 : 0);
  std::string text;
  for (const int count : counts) text += (text.empty() ? "" : std::string(1, separator)) + std::to_string(count);
  return text;
}

std::string overrides_text(const Placement& placement) {
  std::string text;
  for (const Settings::Override& o : placement.settings.overrides)
    text += (text.empty() ? "" : ",") + o.pattern + "=" + memory_name(placement.backend, o.device);
  return shell_word(text);
}

int device_layers(const model::Architecture& a, const Placement& placement) {
  const int all = static_cast<int>(a.layers.size()) + 1;
  return placement.mode == Mode::cpu ? 0 : placement.settings.gpu_layers < 0 ? all : std::min(all, placement.settings.gpu_layers);
}

// What llama-server and llama-bench share.
void add_placement_flags(Line& line, const model::Architecture& a, const rig::Rig& rig, const Placement& p, bool for_bench) {
  const Settings& s = p.settings;
  const int layers = device_layers(a, p);
  line.add("-ngl", std::min(layers, 999));
  if (rig.devices.size() > 1 && layers > 0) {
    if (p.mode == Mode::single) {
      line.add("-sm", "none");
      line.add("-mg", s.main_device);
    } else {
      line.add_if(p.mode == Mode::row || p.mode == Mode::tensor, "-sm", to_string(p.mode));
      line.add_if(p.mode == Mode::layer, "-ts", layer_counts(rig, p, for_bench ? '/' : ','));
    }
  }
  if (s.cpu_moe_layers >= static_cast<int>(a.layers.size()) && !for_bench) line.add("-cmoe");
  else if (s.cpu_moe_layers > 0) line.add("-ncmoe", s.cpu_moe_layers);
  line.add_if(!s.overrides.empty(), "-ot", overrides_text(p));
  line.add_if(s.key_quant != "f16", "-ctk", s.key_quant);
  line.add_if(s.value_quant != "f16", "-ctv", s.value_quant);
  line.add_if(s.ubatch != 512, "-ub", std::to_string(s.ubatch));
  line.add_if(s.batch != 2048, "-b", std::to_string(s.batch));
  line.add_if(s.threads > 0, "-t", std::to_string(s.threads));
}

Launch llama(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  Line line(engine, "llama-server -m " + gguf_file(a));
  line.add("-c", s.context);
  add_placement_flags(line, a, rig, p, false);
  if (s.flash_attention) line.add("-fa", *s.flash_attention ? "on" : "off");
  line.add("-np", std::max(1, s.sequences));
  line.add_if(s.unified_kv, "-kvu");
  line.add_if(s.swa_full, "--swa-full");
  line.add_if(!s.kv_offload, "-nkvo");
  line.add_if(!s.mmap, "--no-mmap");
  line.add_if(!s.op_offload, "--no-op-offload");
  line.add_if(!s.repack, "-nr");
  Launch launch = std::move(line).launch();

  Line bench(engine, "llama-bench -m " + gguf_file(a));
  add_placement_flags(bench, a, rig, p, true);
  bench.add("-fa", !s.flash_attention || *s.flash_attention ? "1" : "0");
  bench.add_if(!s.kv_offload, "-nkvo", "1");
  bench.add("-p", "512");
  bench.add("-n", "128");
  launch.bench = std::move(bench).launch().line;
  return launch;
}

Launch ollama(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement& p) {
  const Settings& s = p.settings;
  const std::string name = a.key.empty() ? "model" : a.key;
  std::string environment;
  const auto set = [&](const std::string& variable, const std::string& value) { environment += variable + "=" + value + " "; };
  if (!s.flash_attention || *s.flash_attention) set("OLLAMA_FLASH_ATTENTION", "1");
  if (s.key_quant != "f16") set("OLLAMA_KV_CACHE_TYPE", s.key_quant);
  if (s.sequences > 1) set("OLLAMA_NUM_PARALLEL", std::to_string(s.sequences));
  Line line(engine, environment + "ollama serve & ollama create " + name + " -f Modelfile && ollama run " + name);
  line.explain("num_ctx " + std::to_string(s.context), "num_ctx");
  line.explain("num_gpu " + std::to_string(device_layers(a, p)), "num_gpu");
  Launch launch = std::move(line).launch();
  launch.file_name = "Modelfile";
  launch.file_text = "FROM ./" + gguf_file(a) + "\nPARAMETER num_ctx " + std::to_string(s.context) + "\nPARAMETER num_gpu " +
                     std::to_string(device_layers(a, p)) + "\n" + (s.ubatch != 512 ? "PARAMETER num_batch " + std::to_string(s.ubatch) + "\n" : "");
  return launch;
}

Launch lm_studio(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement& p) {
  const double share = static_cast<double>(device_layers(a, p)) / static_cast<double>(a.layers.size() + 1);
  Line line(engine, "lms load " + a.key);
  line.add("--context-length", p.settings.context);
  line.add("--gpu", share >= 1 ? "max" : share <= 0 ? "off" : format_number(share, 2));
  return std::move(line).launch();
}

bool half_precision_only(const Placement& p) {
  return std::any_of(p.caveats.begin(), p.caveats.end(), [](const Placement::Caveat& c) { return c.id == "v100-no-bf16" || c.id == "310p-no-bf16"; });
}

std::string share_text(double share) { return format_shortest(std::round(share * 1000) / 1000); }

Launch vllm(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement& p) {
  const Settings& s = p.settings;
  Line line(engine, "vllm serve " + model_folder(a));
  line.add_if(s.tensor_degree > 1, "-tp", std::to_string(s.tensor_degree));
  line.add_if(s.pipeline_degree > 1, "-pp", std::to_string(s.pipeline_degree));
  line.add_if(s.data_degree > 1, "-dp", std::to_string(s.data_degree));
  line.add_if(p.mode == Mode::expert, "--enable-expert-parallel");
  line.add_if(s.context > 0, "--max-model-len", std::to_string(s.context));
  line.add_if(s.gpu_memory_utilization > 0, "--gpu-memory-utilization", share_text(s.gpu_memory_utilization));
  line.add_if(s.key_quant != "f16", "--kv-cache-dtype", s.key_quant == "fp8_e4m3" ? "fp8" : s.key_quant);
  line.add_if(s.sequences > 0, "--max-num-seqs", std::to_string(s.sequences));
  line.add_if(s.max_batched_tokens > 0, "--max-num-batched-tokens", std::to_string(s.max_batched_tokens));
  line.add_if(!s.weight_quant.empty(), "--quantization", s.weight_quant);
  line.add_if(half_precision_only(p), "--dtype", "half");
  Launch launch = std::move(line).launch();
  launch.bench = "vllm bench serve --model " + model_folder(a) + " --dataset-name random --random-input-len 512 --random-output-len 128 --max-concurrency 1 --num-prompts 16";
  return launch;
}

void add_sglang_flags(Line& line, const Placement& p) {
  const Settings& s = p.settings;
  line.add_if(s.tensor_degree > 1, "--tp", std::to_string(s.tensor_degree));
  line.add_if(s.pipeline_degree > 1, "--pp-size", std::to_string(s.pipeline_degree));
  line.add_if(s.data_degree > 1, "--dp", std::to_string(s.data_degree));
  line.add_if(p.mode == Mode::expert, "--ep", std::to_string(std::max(s.expert_degree, s.tensor_degree)));
  line.add_if(s.context > 0, "--context-length", std::to_string(s.context));
  line.add_if(s.gpu_memory_utilization > 0, "--mem-fraction-static", share_text(s.gpu_memory_utilization));
  line.add_if(s.key_quant != "f16", "--kv-cache-dtype", s.key_quant);
  line.add_if(s.sequences > 0, "--max-running-requests", std::to_string(s.sequences));
  line.add_if(half_precision_only(p), "--dtype", "half");
}

Launch sglang(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement& p) {
  Line line(engine, "python3 -m sglang.launch_server --model-path " + model_folder(a));
  add_sglang_flags(line, p);
  return std::move(line).launch();
}

Launch ktransformers(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  Line line(engine, "python3 -m sglang.launch_server --model-path " + model_folder(a));
  const bool amx = !rig.hosts.empty() && rig.hosts.front().processor &&
                   std::count(rig.hosts.front().processor->instruction_sets.begin(), rig.hosts.front().processor->instruction_sets.end(), "amx") > 0;
  line.add("--kt-method", amx ? "AMXINT4" : "LLAMAFILE");
  line.add("--kt-weight-path", amx ? a.key + "-amx-int4" : gguf_file(a));
  line.add("--kt-num-gpu-experts", std::max(0, p.settings.gpu_experts));
  if (!rig.hosts.empty() && rig.hosts.front().cores > 0) line.add("--kt-cpuinfer", rig.hosts.front().cores);
  add_sglang_flags(line, p);
  return std::move(line).launch();
}

Launch tensorrt_llm(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement& p) {
  const Settings& s = p.settings;
  Line line(engine, "trtllm-serve " + model_folder(a));
  line.add_if(s.tensor_degree > 1, "--tp_size", std::to_string(s.tensor_degree));
  line.add_if(s.pipeline_degree > 1, "--pp_size", std::to_string(s.pipeline_degree));
  line.add_if(p.mode == Mode::expert, "--ep_size", std::to_string(std::max(s.expert_degree, s.tensor_degree)));
  line.add_if(s.context > 0, "--max_seq_len", std::to_string(s.context));
  line.add_if(s.sequences > 0, "--max_batch_size", std::to_string(s.sequences));
  line.add_if(s.gpu_memory_utilization > 0, "--kv_cache_free_gpu_memory_fraction", share_text(s.gpu_memory_utilization));
  return std::move(line).launch();
}

Launch mindie(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement& p) {
  const Settings& s = p.settings;
  Line line(engine, "./bin/mindieservice_daemon");
  const int world = std::max(1, s.tensor_degree);
  line.explain("worldSize " + std::to_string(world), "worldSize");
  line.explain("maxSeqLen " + std::to_string(s.context), "maxSeqLen");
  std::string ids;
  for (int i = 0; i < world; ++i) ids += (i > 0 ? ", " : "") + std::to_string(i);
  Launch launch = std::move(line).launch();
  launch.file_name = "conf/config.json";
  launch.file_text = "{\n  \"ServerConfig\": { \"ipAddress\": \"127.0.0.1\", \"port\": 1025, \"httpsEnabled\": false },\n  \"BackendConfig\": {\n    \"npuDeviceIds\": [[" +
                     ids + "]],\n    \"ModelDeployConfig\": {\n      \"maxSeqLen\": " + std::to_string(s.context) + ",\n      \"maxInputTokenLen\": " +
                     std::to_string(s.context) + ",\n      \"ModelConfig\": [{ \"modelName\": \"" + a.key + "\", \"modelWeightPath\": \"" + a.key +
                     "\", \"worldSize\": " + std::to_string(world) + ", \"npuMemSize\": -1 }]\n    },\n    \"ScheduleConfig\": { \"cacheBlockSize\": 128, \"maxPrefillTokens\": " +
                     std::to_string(std::max<std::int64_t>(s.max_batched_tokens, s.context)) + ", \"maxBatchSize\": " + std::to_string(s.sequences > 0 ? s.sequences : 200) +
                     " }\n  }\n}\n";
  return launch;
}

Launch mlx(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement& p) {
  Line line(engine, "mlx_lm.generate --model " + model_folder(a));
  line.add_if(p.settings.context > 0, "--max-kv-size", std::to_string(p.settings.context));
  line.add_if(p.settings.key_quant != "f16", "--kv-bits", p.settings.key_quant == "q4_0" ? "4" : "8");
  line.add("--prompt", "-");
  return std::move(line).launch();
}

Launch exllama(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  Line line(engine, "python3 main.py --model-name " + model_folder(a));  // TabbyAPI
  line.add_if(p.settings.context > 0, "--max-seq-len", std::to_string(p.settings.context));
  line.add_if(p.settings.context > 0, "--cache-size", std::to_string(p.settings.context));
  line.add_if(rig.devices.size() > 1 && p.mode == Mode::tensor, "--tensor-parallel", "true");
  return std::move(line).launch();
}

Launch transformers(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig&, const Placement&) {
  Line line(engine, "python3 -c \"from transformers import pipeline; print(pipeline('text-generation', '" + a.key +
                        "', device_map='auto', dtype='auto')('Hello', max_new_tokens=128))\"");
  return std::move(line).launch();
}

using MakeLaunch = Launch (*)(const catalog::Engine&, const model::Architecture&, const rig::Rig&, const Placement&);
struct Maker { std::string_view engine; MakeLaunch make; };
constexpr Maker kMakers[] = {{"llama.cpp", llama},         {"ik_llama.cpp", llama}, {"ollama", ollama},
                             {"lm-studio", lm_studio},     {"vllm", vllm},          {"sglang", sglang},
                             {"ktransformers", ktransformers}, {"tensorrt-llm", tensorrt_llm}, {"mindie", mindie},
                             {"mlx", mlx},                 {"exllamav2", exllama},  {"exllamav3", exllama},
                             {"transformers", transformers}};

}  // namespace

Launch launch_line(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Placement& placement) {
  for (const std::string& name : {engine.key, engine.base})
    for (const Maker& maker : kMakers)
      if (name == maker.engine) return maker.make(engine, architecture, rig, placement);
  return {};
}

}  // namespace rigcast::placement
