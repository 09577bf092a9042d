// The line to type: only what differs from the engine's defaults, in the engine's own words, each flag explained by the table that
// also reads it.

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "placement/detail/flag_table.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement {

namespace {

class LineBuilder {
 public:
  LineBuilder(const catalog::Engine& engine, std::string start) : tables_(detail::flag_tables(engine)) { launch_.line = std::move(start); }

  void add(const std::string& flag, const std::string& value = {}) {
    const std::string text = value.empty() ? flag : flag + " " + value;
    launch_.line += " " + text;
    launch_.flags.push_back({text, note(flag)});
  }
  void plain(const std::string& text) { launch_.line += " " + text; }
  Launch& launch() { return launch_; }

 private:
  std::string note(std::string_view flag) const {
    for (const auto& table : tables_)
      for (const detail::FlagRule& rule : table)
        for (const std::string_view name : split_words(rule.names))
          if (name == flag) return std::string(rule.note);
    return {};
  }

  std::vector<std::span<const detail::FlagRule>> tables_;
  Launch launch_;
};

// A word as a shell takes it whole.
std::string quoted(const std::string& text) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-_./:,=+@%").find(c) != std::string_view::npos; };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_plain) ? text : "'" + replace_all(text, "'", "'\\''") + "'";
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

std::string device_name(const std::string& backend, int device) {
  const std::string prefix = backend == "vulkan" ? "Vulkan" : backend == "rocm" ? "ROCm" : backend == "sycl" ? "SYCL" : backend == "cann" ? "CANN" : backend == "musa" ? "MUSA" : "CUDA";
  return device == kHost ? "CPU" : prefix + std::to_string(device);
}

// Whether the placement uses devices of other hosts than the first.
bool uses_other_hosts(const rig::Rig& rig, const Placement& p) {
  return std::any_of(p.devices.begin(), p.devices.end(), [&](const DeviceShare& share) { return rig.devices[static_cast<std::size_t>(share.device)].host != 0; });
}

// llama.cpp over several hosts: a server on each other host offers its devices, named RPC0, RPC1 ... in the order of --rpc; -dev puts them
// behind the local ones, as the split counts them.
void add_rpc(LineBuilder& line, const rig::Rig& rig, const Placement& p) {
  if (!uses_other_hosts(rig, p)) return;
  std::vector<std::string> servers, names;
  for (std::size_t h = 1; h < rig.hosts.size(); ++h) servers.push_back("HOST" + std::to_string(h + 1) + ":50052");
  int remote = 0;
  for (const rig::RigDevice& device : rig.devices)
    names.push_back(device.host == 0 ? device_name(p.backend, device.index) : "RPC" + std::to_string(remote++));
  line.add("--rpc", join(servers, ","));
  line.add("-dev", join(names, ","));
  line.launch().file_name = "a shell on each other host";
  line.launch().file_text = "# a proof of concept by its authors' word: only on a network you trust\nggml-rpc-server --host 0.0.0.0 --port 50052";
}

// Settings that name the layers of `cpu_moe_layers` in full or in part.
void add_experts(LineBuilder& line, const model::Architecture& a, const Settings& s) {
  if (s.cpu_moe_layers >= static_cast<int>(a.layers.size())) line.add("--cpu-moe");
  else if (s.cpu_moe_layers > 0) line.add("--n-cpu-moe", std::to_string(s.cpu_moe_layers));
}

Launch llama_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  LineBuilder line(engine, (s.prompt_logits ? "llama-completion -m " : "llama-server -m ") + model_word(a));
  line.add("-c", std::to_string(s.context));
  if (p.mode == Mode::cpu) {
    if (!rig.devices.empty()) line.add("-dev", "none");
  } else {
    const int all = static_cast<int>(a.layers.size()) + 1;
    line.add("-ngl", s.gpu_layers < 0 || s.gpu_layers >= all ? "99" : std::to_string(s.gpu_layers));
    add_rpc(line, rig, p);
    if (rig.devices.size() > 1) {
      if (p.mode == Mode::single) {
        line.add("-sm", "none");
        line.add("-mg", std::to_string(s.main_device));
      } else {
        if (p.mode == Mode::row) line.add("-sm", "row");
        if (p.mode == Mode::tensor) line.add("-sm", "tensor");
        if (!s.split.empty()) line.add("-ts", shares(s.split));
      }
    }
    add_experts(line, a, s);
    for (const Settings::Override& o : s.overrides) line.add("-ot", quoted(o.pattern + "=" + device_name(p.backend, o.device)));
    if (!s.kv_offload) line.add("--no-kv-offload");
    if (!s.op_offload) line.add("--no-op-offload");
  }
  line.add("-fa", s.flash_attention.value_or(true) ? "on" : "off");
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
  return std::move(line.launch());
}

Launch ollama_line(const catalog::Engine& engine, const model::Architecture& a, const Placement& p) {
  const Settings& s = p.settings;
  LineBuilder line(engine, "OLLAMA_FLASH_ATTENTION=" + std::string(s.flash_attention.value_or(true) ? "1" : "0"));
  if (s.key_quant != "f16") line.plain("OLLAMA_KV_CACHE_TYPE=" + s.key_quant);
  if (s.sequences > 1) line.plain("OLLAMA_NUM_PARALLEL=" + std::to_string(s.sequences));
  line.plain("ollama serve");
  Launch& launch = line.launch();
  launch.file_name = "Modelfile";
  launch.file_text = "FROM " + model_word(a) + "\nPARAMETER num_ctx " + std::to_string(s.context / std::max(1, s.sequences)) + "\n";
  if (s.gpu_layers >= 0) launch.file_text += "PARAMETER num_gpu " + std::to_string(s.gpu_layers) + "\n";
  if (s.ubatch != 512) launch.file_text += "PARAMETER num_batch " + std::to_string(s.ubatch) + "\n";
  return std::move(launch);
}

std::string model_name(const model::Architecture& a) { return quoted(!a.file.empty() ? a.file : !a.key.empty() ? a.key : a.name); }

struct PagedFlags { const char *start, *tensor, *pipeline, *data, *context, *share, *cache, *sequences, *batched; };

// Flag names as each engine spells them; the values are the same.
PagedFlags paged_flags(const catalog::Engine& engine) {
  if (engine.key == "sglang" || engine.key == "ktransformers")
    return {"python3 -m sglang.launch_server --model-path ", "--tp", "--pp-size", "--dp", "--context-length", "--mem-fraction-static", "--kv-cache-dtype",
            "--max-running-requests", "--chunked-prefill-size"};
  if (engine.key == "tensorrt-llm")
    return {"trtllm-serve ", "--tp_size", "--pp_size", nullptr, "--max_seq_len", "--kv_cache_free_gpu_memory_fraction", nullptr, "--max_batch_size", "--max_num_tokens"};
  return {"vllm serve ", "--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size", "--max-model-len", "--gpu-memory-utilization",
          "--kv-cache-dtype", "--max-num-seqs", "--max-num-batched-tokens"};
}

// Served engines over several hosts: one process on each, or a Ray cluster under the first.
void add_nodes(LineBuilder& line, const catalog::Engine& engine, const rig::Rig& rig) {
  Launch& launch = line.launch();
  launch.file_name = "a shell on each other host";
  if (catalog::text_of(engine, "across_hosts", "") == "ray") {
    line.add("--distributed-executor-backend", "ray");
    launch.line = "ray start --head --port=6379 && " + launch.line;
    launch.file_text = "ray start --address=HOST1:6379";
    return;
  }
  const std::string alone = launch.line;
  const std::string nodes = " --nnodes " + std::to_string(rig.hosts.size()) + " --dist-init-addr HOST1:5000 --node-rank ";
  line.plain((nodes + "0").substr(1));
  for (std::size_t h = 1; h < rig.hosts.size(); ++h) launch.file_text += (h > 1 ? "\n" : "") + alone + nodes + std::to_string(h);
}

Launch paged_line(const catalog::Engine& engine, const model::Architecture& a, const rig::Rig& rig, const Placement& p) {
  const Settings& s = p.settings;
  const PagedFlags f = paged_flags(engine);
  LineBuilder line(engine, f.start + model_name(a));
  if (s.tensor_degree > 1) line.add(f.tensor, std::to_string(s.tensor_degree));
  if (s.pipeline_degree > 1) line.add(f.pipeline, std::to_string(s.pipeline_degree));
  if (s.data_degree > 1 && f.data) line.add(f.data, std::to_string(s.data_degree));
  if (p.mode == Mode::expert && engine.key == "vllm") line.add("--enable-expert-parallel");
  line.add(f.context, std::to_string(s.context));
  line.add(f.share, format_number(s.gpu_memory_utilization, 2));
  if (s.key_quant != "f16" && f.cache) line.add(f.cache, s.key_quant);
  line.add(f.sequences, std::to_string(s.sequences));
  line.add(f.batched, std::to_string(s.max_batched_tokens));
  if (!s.weight_quant.empty()) line.add("--quantization", s.weight_quant);
  if (s.gpu_experts >= 0 && engine.key == "ktransformers") line.add("--kt-num-gpu-experts", std::to_string(s.gpu_experts));
  if (uses_other_hosts(rig, p)) add_nodes(line, engine, rig);
  return std::move(line.launch());
}

Launch mindie_line(const catalog::Engine& engine, const model::Architecture& a, const Placement& p) {
  const Settings& s = p.settings;
  LineBuilder line(engine, "NPU_MEMORY_FRACTION=" + format_number(s.gpu_memory_utilization, 2) + " ./bin/mindieservice_daemon");
  Launch& launch = line.launch();
  launch.file_name = "config.json";
  std::string ids;
  for (const DeviceShare& share : p.devices) ids += (ids.empty() ? "" : ", ") + std::to_string(share.device);
  launch.file_text = "{\n  \"BackendConfig\": {\n    \"npuDeviceIds\": [[" + ids + "]],\n    \"ModelDeployConfig\": {\n      \"maxSeqLen\": " + std::to_string(s.context) +
                     ",\n      \"ModelConfig\": [{\n        \"modelName\": \"" + a.key + "\",\n        \"modelWeightPath\": \"" + (a.file.empty() ? a.key : a.file) +
                     "\",\n        \"worldSize\": " + std::to_string(p.devices.size()) + ",\n        \"npuMemSize\": -1\n      }]\n    },\n    \"ScheduleConfig\": {\n      \"cacheBlockSize\": " +
                     std::to_string(engine.block_tokens) + ",\n      \"maxBatchSize\": " + std::to_string(s.sequences) + ",\n      \"maxPrefillTokens\": " +
                     std::to_string(s.max_batched_tokens) + "\n    }\n  }\n}\n";
  return std::move(launch);
}

Launch plain_line(const catalog::Engine& engine, const model::Architecture& a, const Placement& p) {
  const Settings& s = p.settings;
  if (engine.key == "mlx") {
    LineBuilder line(engine, "mlx_lm.server --model " + model_name(a));
    line.add("--max-kv-size", std::to_string(s.context));
    return std::move(line.launch());
  }
  if (engine.key == "transformers") {
    LineBuilder line(engine, "transformers serve " + model_name(a));
    return std::move(line.launch());
  }
  LineBuilder line(engine, "python3 main.py --model-dir " + model_name(a));  // TabbyAPI, which serves both
  line.add("--max-seq-len", std::to_string(s.context));
  line.add("--cache-size", std::to_string(s.context));
  if (p.devices.size() > 1 && !s.split.empty()) line.add("--gpu-split", shares(s.split));
  return std::move(line.launch());
}

}  // namespace

Launch launch_line(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Placement& placement) {
  if (engine.key == "ollama") return ollama_line(engine, architecture, placement);
  if (engine.key == "mindie") return mindie_line(engine, architecture, placement);
  switch (engine.kv_rule) {
    case catalog::KvRule::slots: return llama_line(engine, architecture, rig, placement);
    case catalog::KvRule::paged: return paged_line(engine, architecture, rig, placement);
    case catalog::KvRule::contiguous: break;
  }
  return plain_line(engine, architecture, placement);
}

}  // namespace rigcast::placement
