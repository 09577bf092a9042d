// Flags of llama.cpp's programs (common/arg.cpp) and of the forks that share them.
#include <algorithm>

#include "base/pattern.hpp"
#include "base/text.hpp"
#include "placement/detail/flag_table.hpp"
#include "placement/detail/speculation_flags.hpp"

namespace rigcast::placement::detail {

namespace {

using Target = FlagTarget;
using Text = std::string_view;

Result<void> wrong(const std::string& wanted, Text value, const std::vector<std::string>& names) {
  return fail(ErrorKind::input, "takes " + wanted + ", not '" + std::string(value) + "'", Where{}, std::string(), nearest_name(value, names));
}

// "auto" leaves it to the engine, which fits as many layers as there is room for: so does the search.
Result<void> gpu_layers(Target& t, Text v) {
  t.places |= v != "auto" && v != "-1";
  if (v == "auto" || v == "all") t.settings.gpu_layers = -1;
  else {
    RC_ASSIGN(n, whole_number(v, -1, 100000));
    t.settings.gpu_layers = n >= all_layers(t.architecture) ? -1 : static_cast<int>(n);
  }
  return {};
}

// Told not to fit what nobody placed, the engine puts all of it on the devices.
Result<void> fit(Target& t, Text v) {
  t.places |= v == "off" || v == "0" || v == "false";
  return {};
}

Result<void> tensor_split(Target& t, Text v) {
  t.settings.split.clear();
  std::string text(v);
  std::replace(text.begin(), text.end(), '/', ',');
  for (const Text piece : split(text, ',')) {
    const auto share = parse_double(trim(piece));
    if (!share || *share < 0) return fail(ErrorKind::input, "takes shares separated by commas, as 3,1, not '" + std::string(v) + "'");
    t.settings.split.push_back(*share);
  }
  if (t.settings.split.size() > static_cast<std::size_t>(t.devices))
    return fail(ErrorKind::infeasible, "names " + std::to_string(t.settings.split.size()) + " devices, the rig has " + std::to_string(t.devices));
  if (std::all_of(t.settings.split.begin(), t.settings.split.end(), [](double s) { return s == 0; }))
    return fail(ErrorKind::input, "gives every device nothing");
  return {};
}

// What chooses among devices says nothing where there is one: the engine fits layers to it as without.
Result<void> split_mode(Target& t, Text v) {
  Mode mode = Mode::single;
  if (v == "layer") mode = Mode::layer;
  else if (v == "row") mode = Mode::row;
  else if (v == "tensor" || v == "graph") mode = Mode::tensor;
  else if (v != "none") return wrong("none, layer, row or tensor", v, {"none", "layer", "row", "tensor"});
  if (t.devices <= 1) return {};
  t.settings.mode = mode;
  t.places = true;
  return {};
}

Result<void> main_device(Target& t, Text v) {
  RC_ASSIGN(n, whole_number(v, 0));
  if (n >= t.devices)
    return fail(ErrorKind::infeasible, "names device " + std::to_string(n) + ", the rig has " + std::to_string(t.devices));
  t.settings.main_device = static_cast<int>(n);
  t.places |= t.devices > 1;
  return {};
}

// Buffers of the engine's backends and their devices: "CUDA1", "Vulkan0", "RPC0[10.0.0.2:50052]".
const std::vector<std::string> kMemories = {"CPU", "CUDA", "ROCm", "Vulkan", "SYCL", "Metal", "MTL", "CANN", "MUSA", "RPC", "OpenCL", "GPUOpenCL"};

bool is_host_memory(Text name) {
  constexpr Text kPinned = "_Host";   // CUDA_Host, Vulkan_Host: page-locked
  return equal_ignoring_case(name, "CPU") || starts_with_ignoring_case(name, "CPU_") ||
         (name.size() > kPinned.size() && equal_ignoring_case(name.substr(name.size() - kPinned.size()), kPinned));
}

// Whether a backend's devices are called so; Metal's buffers have a second name, and servers may run anything.
bool names_backend(Text backend, Text kind) {
  return backend.empty() || kind == "RPC" || equal_ignoring_case(kind, device_prefix(backend)) || (backend == "metal" && kind == "Metal") || backend == "opencl";
}

// The device a buffer or device is named after; kHost for memory of the host.
Result<int> device_number(const Target& t, Text name) {
  if (is_host_memory(name)) return kHost;
  const Text bare = name.substr(0, name.find('['));
  const std::size_t digits = bare.find_last_not_of("0123456789") + 1;
  const Text kind = bare.substr(0, digits), count = bare.substr(digits);
  const auto known = std::find_if(kMemories.begin() + 1, kMemories.end(), [&](const std::string& each) { return equal_ignoring_case(each, kind); });
  const auto number = count.empty() ? std::optional<std::int64_t>(0) : parse_int(count);
  if (known == kMemories.end() || !number) {
    const std::string nearest = nearest_name(kind, kMemories);
    return fail(ErrorKind::input, "names no memory: '" + std::string(name) + "' (CPU, CUDA0, Vulkan1 ...)", Where{}, std::string(),
                nearest.empty() || nearest == "CPU" ? nearest : nearest + std::string(count));
  }
  if (!names_backend(t.backend, *known))
    return fail(ErrorKind::infeasible, "names '" + std::string(name) + "', which is no " + std::string(t.backend) + " device", Where{}, std::string(), device_prefix(t.backend) + std::to_string(*number));
  const bool remote = *known == "RPC";   // servers on other hosts offer what comes behind the first host's own
  if (*number >= (remote ? t.devices - t.local : t.local))
    return fail(ErrorKind::infeasible, "names device " + std::to_string(*number) + ", the rig has " + std::to_string(t.devices));
  return static_cast<int>(*number) + (remote ? t.local : 0);
}

Result<void> override_tensor(Target& t, Text v) {
  constexpr std::size_t kLongest = 512, kLongestOfAll = 8192;  // patterns of a launch line, not a program
  for (const Text piece : split(v, ',')) {
    const std::size_t equals = piece.rfind('=');
    if (equals == Text::npos) return fail(ErrorKind::input, "takes PATTERN=MEMORY, as exps=CPU, not '" + std::string(piece) + "'");
    RC_ASSIGN(device, device_number(t, trim(piece.substr(equals + 1))));
    const std::string pattern(piece.substr(0, equals));
    if (pattern.size() > kLongest) return fail(ErrorKind::input, "has a pattern of more than 512 characters");
    if (const auto valid = Pattern::compile(pattern); !valid) return fail(ErrorKind::input, "has a pattern that " + valid.error().message + ": '" + pattern + "'");
    t.settings.overrides.push_back({pattern, device});
  }
  std::size_t all = 0;
  for (const Settings::Override& o : t.settings.overrides) all += o.pattern.size();
  if (all > kLongestOfAll) return fail(ErrorKind::input, "has patterns of more than 8192 characters in all");
  return {};
}

Result<void> cpu_moe(Target& t, Text) {
  t.settings.cpu_moe_layers = static_cast<int>(t.architecture.layers.size());
  return {};
}

Result<void> cpu_ffn(Target& t, Text v) {
  RC_ASSIGN(n, whole_number(v, 0, 100000));
  for (std::int64_t l = 0; l < std::min<std::int64_t>(n, static_cast<std::int64_t>(t.architecture.layers.size())); ++l)
    t.settings.overrides.push_back({"blk\\." + std::to_string(l) + "\\.ffn_(up|down|gate)\\.", kHost});
  return {};
}

Result<void> cache_type(std::string& field, Text v) {
  const std::vector<std::string> known = {"f32", "f16", "bf16", "q8_0", "q6_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl", "q8_KV"};
  const auto found = std::find_if(known.begin(), known.end(), [&](const std::string& k) { return equal_ignoring_case(k, v); });
  if (found == known.end()) return wrong("a cache format", v, known);
  field = to_lower(*found);
  return {};
}
Result<void> key_type(Target& t, Text v) { return cache_type(t.settings.key_quant, v); }
Result<void> value_type(Target& t, Text v) { return cache_type(t.settings.value_quant, v); }

Result<void> flash_attention(Target& t, Text v) {
  if (v == "auto") t.settings.flash_attention.reset();
  else if (v == "on" || v == "1" || v == "true") t.settings.flash_attention = true;
  else if (v == "off" || v == "0" || v == "false") t.settings.flash_attention = false;
  else return wrong("on, off or auto", v, {"on", "off", "auto"});
  return {};
}

Result<void> devices(Target& t, Text v) {
  if (equal_ignoring_case(v, "none")) {
    t.settings.gpu_layers = 0;
    t.settings.mode = Mode::cpu;
    t.places = true;
    return {};
  }
  if (const auto names = split(v, ','); names.size() > 1 && names.size() == static_cast<std::size_t>(t.devices)) {   // all of them, by name
    int last = -1;
    for (const Text name : names) {
      if (starts_with_ignoring_case(trim(name), "RPC")) continue;
      RC_ASSIGN(n, device_number(t, trim(name)));
      if (n <= last)   // -ts and -mg count in this order
        return fail(ErrorKind::unsupported, "names the devices in another order than the rig has them: write the rig in that order, and leave the flag out");
      last = n;
    }
    return {};
  }
  if (v.find(',') != Text::npos)
    return fail(ErrorKind::unsupported, "takes one device here; name the others out of the rig with --on, or give them no share with -ts");
  RC_ASSIGN(n, device_number(t, v));
  if (t.devices <= 1) return {};
  t.settings.mode = Mode::single;
  t.settings.main_device = std::max(0, n);
  t.places = true;
  return {};
}

Result<void> parallel(Target& t, Text v) {
  RC_ASSIGN(n, whole_number(v, -1, 256));
  if (n < 0) {  // auto: four slots over one cache
    t.settings.sequences = 4;
    t.settings.unified_kv = true;
  } else {
    t.settings.sequences = static_cast<int>(std::max<std::int64_t>(1, n));
  }
  return {};
}

// -lm of newer builds, which have no --no-mmap any more.
Result<void> load_mode(Target& t, Text v) {
  const std::vector<std::string> known = {"auto", "none", "mmap", "mlock", "mmap+mlock", "dio"};
  if (std::find(known.begin(), known.end(), v) == known.end()) return wrong("auto, none, mmap, mlock, mmap+mlock or dio", v, known);
  t.settings.mmap = v == "auto" || v.substr(0, 4) == "mmap";
  return {};
}

template <bool Settings::*field, bool value>
Result<void> set(Target& t, Text) {
  t.settings.*field = value;
  return {};
}

constexpr FlagRule kRules[] = {
    {"llama-server", Takes::nothing, "", ignore},
    {"llama-completion llama-cli llama-bench", Takes::nothing, "keeps room for the logits of every prompt token of a pass", set<&Settings::prompt_logits, true>},
    {"-c --ctx-size", Takes::value, "cells of the cache over all slots: memory grows with it in full-attention layers, decode slows as they fill; 0 is the model's own", whole<&Settings::context, 0>},
    {"-ngl --gpu-layers --n-gpu-layers", Takes::value, "layers held by the devices, counted from the end with the output head as one; the rest runs from host memory at its bandwidth", gpu_layers},
    {"-ts --tensor-split", Takes::value, "share of the layers each device takes, in device order", tensor_split, true},
    {"-sm --split-mode", Takes::value, "how several devices share the model: ranges of layers (little traffic), rows or heads (all read at once, traffic every layer), none (one device)", split_mode},
    {"-mg --main-gpu", Takes::value, "the device used with -sm none, and for small tensors with -sm row", main_device},
    {"--rpc", Takes::value, "servers on other hosts (ggml-rpc-server) that offer their devices", nullptr},
    {"-dev --device", Takes::value, "the device to use", devices},
    {"-ot --override-tensor", Takes::value, "tensors whose names match live in that memory; switches off the pipeline of several devices", override_tensor, true},
    {"-ncmoe --n-cpu-moe", Takes::value, "experts of the first N layers stay in host memory: frees most of a MoE's device memory, decode then waits for host bandwidth", whole<&Settings::cpu_moe_layers, 0>, true},
    {"-cmoe --cpu-moe", Takes::nothing, "all experts stay in host memory; devices hold attention, shared experts and cache", cpu_moe, true},
    {"-ncffn --n-cpu-ffn", Takes::value, "dense feed-forward weights of the first N layers stay in host memory", cpu_ffn, true},
    {"-ctk --cache-type-k", Takes::value, "number format of the keys: q8_0 takes 53 %, q4_0 28 % of f16", key_type},
    {"-ctv --cache-type-v", Takes::value, "number format of the values; quantised ones need flash attention", value_type},
    {"-ub --ubatch-size", Takes::value, "prompt tokens in one pass: compute buffers and windowed caches grow with it, prompts read faster", whole<&Settings::ubatch, 1>},
    {"-b --batch-size", Takes::value, "prompt tokens handed over at once; caps -ub", whole<&Settings::batch, 1>},
    {"-fa --flash-attn", Takes::choice, "fused attention: no context x heads buffer, needed for a quantised V cache", flash_attention},
    {"-np --parallel", Takes::value, "slots: each has its share of -c, windowed layers and recurrent states once per slot", parallel},
    {"-kvu --kv-unified", Takes::nothing, "slots share one cache instead of a fixed share each", set<&Settings::unified_kv, true>},
    {"-no-kvu --no-kv-unified", Takes::nothing, "every slot has its own cache", set<&Settings::unified_kv, false>},
    {"--swa-full", Takes::nothing, "windowed layers keep the whole context (for context shifts and cache reuse)", set<&Settings::swa_full, true>},
    {"-nkvo --no-kv-offload", Takes::nothing, "cache in host memory: saves device memory, every token's attention waits for the link or the processor", set<&Settings::kv_offload, false>, true},
    {"-kvo --kv-offload", Takes::nothing, "cache beside its layers (default)", set<&Settings::kv_offload, true>, true},
    {"-lm --load-mode", Takes::value, "none, mlock and dio read host weights into memory of their own instead of mapping them from the file", load_mode},
    {"-dio --direct-io", Takes::nothing, "host weights are read past the page cache into memory of their own", set<&Settings::mmap, false>},
    {"-ndio --no-direct-io", Takes::nothing, "", nullptr},
    {"--pooling", Takes::value, "how an embedding is made of a prompt's tokens", nullptr},
    {"--embedding --embeddings --rerank --reranking", Takes::nothing, "the server answers with embeddings or ranks, not with text: it reads prompts and writes nothing", nullptr},
    {"--no-mmproj-offload", Takes::nothing, "the projector of pictures runs on the processor: what it loads is not counted here", nullptr},
    {"--mmproj-offload", Takes::nothing, "the projector of pictures runs on a device: what it loads is not counted here", nullptr},
    {"--no-mmap", Takes::nothing, "host weights are read into memory of their own instead of being mapped from the file", set<&Settings::mmap, false>},
    {"--mmap", Takes::nothing, "host weights are mapped from the file (default)", set<&Settings::mmap, true>},
    {"-nopo", Takes::choice, "host weights are never sent to a device for large batches: smaller compute buffers, slower prompts (llama-bench)",
     [](Target& t, Text v) -> Result<void> {
       t.settings.op_offload = v == "0" || v == "off" || v == "false";
       return {};
     }},
    {"--no-op-offload", Takes::nothing, "host weights are never sent to a device for large batches: smaller compute buffers, slower prompts", set<&Settings::op_offload, false>},
    {"--op-offload", Takes::nothing, "host weights are sent to a device for batches of 32 tokens or more (default)", set<&Settings::op_offload, true>},
    {"-nr --no-repack", Takes::nothing, "host weights keep the file's order: mapped rather than copied, slower on the processor", set<&Settings::repack, false>},
    {"--repack", Takes::nothing, "host weights are stored in the kernels' order (default)", set<&Settings::repack, true>},
    {"-t --threads", Takes::value, "processor threads while writing; more than the memory channels can feed do not help", whole<&Settings::threads, 0>},
    {"-tb --threads-batch", Takes::value, "processor threads while reading prompts; as many as -t says unless told", whole<&Settings::batch_threads, 0>},
    // Accepted, without effect on what is modelled.
    {"-m --model -hf --hf-repo -hff --hf-file -mu --model-url -dr --docker-repo", Takes::value, kModelNote, ignore},
    {"-a --alias -n --predict --n-predict --host --port --api-key --temp --temperature --top-k "
     "--top-p --min-p -s --seed -p --prompt -f --file --chat-template --reasoning-format --reasoning-budget --prio --poll --numa --keep -fitt --fit-target "
     "-fitc --fit-ctx --slot-save-path --timeout --cache-reuse --rope-scaling --rope-scale --rope-freq-base --rope-freq-scale --yarn-orig-ctx "
     "--presence-penalty --repeat-penalty --models-dir --models-max --models-preset "
     "-C --cpu-mask -Cr --cpu-range --cpu-strict -Cb --cpu-mask-batch -Crb --cpu-range-batch --cpu-strict-batch --prio-batch --poll-batch --yarn-ext-factor "
     "--yarn-attn-factor --yarn-beta-slow --yarn-beta-fast -dt --defrag-thold -lzm --lazy-mode --override-kv -hft --hf-token --log-file "
     "--log-colors -lv --verbosity --log-verbosity --samplers --sampler-seq --sampling-seq --top-nsigma --top-n-sigma --xtc-probability --xtc-threshold --typical "
     "--typical-p --repeat-last-n --frequency-penalty --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n --dry-sequence-breaker --adaptive-target "
     "--adaptive-decay --dynatemp-range --dynatemp-exp --mirostat --mirostat-lr --mirostat-ent -l --logit-bias --grammar --grammar-file -j --json-schema -jf "
     "--json-schema-file -r --reverse-prompt --tags --path --cors-origins --cors-methods --cors-headers --api-prefix --ui-config --webui-config --ui-config-file "
     "--webui-config-file --tools --tools-runtime --mcp-servers-config --mcp-servers-json --api-key-file --ssl-key-file --ssl-cert-file --chat-template-kwargs -to "
     "--sse-ping-interval --threads-http --media-path -rea --reasoning --reasoning-effort --reasoning-budget-message --chat-template-file -sps --slot-prompt-similarity "
     "--sleep-idle-seconds --log-prompts-dir -cms --checkpoint-min-step", Takes::value, "", nullptr},
    {"--mlock --jinja --no-jinja --warmup --no-warmup --metrics --slots --no-slots --context-shift --no-context-shift -cb --cont-batching -nocb "
     "--no-cont-batching -no-cnv --no-conversation -cnv --conversation -v --verbose --log-disable --no-perf --perf --no-host "
     "--check-tensors --log-jsonl --no-log-jsonl --offline --log-prefix --no-log-prefix --log-timestamps --no-log-timestamps -e --escape --no-escape --ignore-eos -bs "
     "--backend-sampling --cache-idle-slots --no-cache-idle-slots -sp --special --spm-infill --reuse-port --cors-credentials --no-cors-credentials --ui --webui --no-ui "
     "--no-webui --cache-prompt --no-cache-prompt --props --reasoning-preserve --no-reasoning-preserve --skip-chat-parsing --no-skip-chat-parsing --prefill-assistant "
     "--no-prefill-assistant --no-mmproj --no-mmproj-auto --log-verbose", Takes::nothing, "", nullptr},
    {"-fit --fit", Takes::choice, "whether the engine itself leaves on the host what the devices do not hold; the line says what lies where", fit},
    {"-cram --cache-ram -ctxcp --ctx-checkpoints --swa-checkpoints", Takes::value, "copies of finished prompts that the server keeps in host memory as it runs: not counted here", nullptr},
    {"--spec-type", Takes::value, kDraftsNote, speculation_type, false, true},
    {"-md --spec-draft-model --model-draft -hfd -hfrd --hf-repo-draft --spec-draft-hf", Takes::value, kDraftsNote, drafting_model, false, true},
    {"--spec-draft-n-max --draft-max --draft-n --draft", Takes::value, "tokens drafted for each step, one after the other", drafted_tokens, false, true},
    {"-mm --mmproj -mmu --mmproj-url -mmdev --mmproj-device --image-min-tokens --image-max-tokens --lora --lora-scaled --control-vector --control-vector-scaled "
     "--control-vector-layer-range", Takes::value, "what it loads is not counted here", nullptr},
    {"-cd --ctx-size-draft -ncmoed --n-cpu-moe-draft -lcs --lookup-cache-static -lcd --lookup-cache-dynamic -ctkd -ctvd -ngld "
     "--gpu-layers-draft --n-gpu-layers-draft --spec-draft-ngl -devd --device-draft --spec-draft-device --draft-min --draft-n-min "
     "--draft-p-min --draft-p-split --spec-draft-n-min --spec-draft-p-min --spec-draft-p-split --spec-draft-n-ubatch --spec-draft-sampling --cache-type-k-draft "
     "--cache-type-v-draft --spec-draft-type-k --spec-draft-type-v", Takes::value, kDrafterNote, nullptr},
};

// ik_llama.cpp's own, beside those it shares (common/common.cpp there).
constexpr FlagRule kIk[] = {
    {"--spec-type", Takes::value, kDraftsNote, speculation_stage, false, true},
    {"-mtp --multi-token-prediction", Takes::nothing, kDraftsNote, own_layers, false, true},
    {"-mla --mla-use", Takes::value, "latent attention: 1 to 3 keep one latent per token, as counted here",
     [](Target&, Text v) -> Result<void> {
       RC_ASSIGN(way, whole_number(v, 0, 3));
       if (way == 0) return fail(ErrorKind::unsupported, "0 keeps keys and values of every head, which is not counted here", Where{}, std::string(), "-mla 3");
       return {};
     }, false, true},
    {"-amb --attention-max-batch", Takes::value, "MiB of one pass of attention: smaller compute buffers, which are counted here without it", nullptr},
    {"-ser --smart-expert-reduction", Takes::value, "fewer experts per token than the model asks for: faster than counted here, and another answer", nullptr},
    {"-rtr --run-time-repack", Takes::nothing, "host weights are repacked for the processor while loading, and mapped no more: not counted here", nullptr},
    {"--max-gpu -grt --graph-reduce-type -gap --graph-attn-precision -cuda --cuda-params -crs --cache-ram-similarity -cram-n-min --cache-ram-n-min "
     "--ctx-checkpoints-interval --ctx-checkpoints-tolerance --banned-string-file --banned-n", Takes::value, "", nullptr},
    {"-fmoe --fused-moe -no-fmoe --no-fused-moe -ger --grouped-expert-routing -no-fug --no-fused-up-gate -no-mmad --no-fused-mul-multiadd -gr --graph-reuse -no-gr "
     "--no-graph-reuse -mqkv --merge-qkv -muge --merge-up-gate-experts -khad --k-cache-hadamard -vhad --v-cache-hadamard -smf16 --split-mode-f16 -smf32 --split-mode-f32 "
     "-smgs --split-mode-graph-scheduling -sas --scheduler_async -vq --validate-quants -thp --transparent-huge-pages -ooae --offload-only-active-experts",
     Takes::nothing, "", nullptr},
    {"-no-fa --no-flash-attn", Takes::nothing, "attention in plain kernels: a context x heads buffer", [](Target& t, Text) { return flash_attention(t, "off"); }},
};

// Ollama: parameters of a Modelfile and variables of its environment, as NAME=VALUE.
constexpr FlagRule kOllama[] = {
    {"num_ctx OLLAMA_CONTEXT_LENGTH", Takes::value, "context of one request: memory grows with it", whole<&Settings::context, 1>},
    {"num_gpu", Takes::value, "layers held by the devices; the rest runs from host memory", whole<&Settings::gpu_layers, -1>},
    {"num_batch", Takes::value, "prompt tokens in one pass", whole<&Settings::ubatch, 1>},
    {"main_gpu", Takes::value, "the device used alone", main_device, true},
    {"num_thread", Takes::value, "processor threads", whole<&Settings::threads, 0>},
    {"OLLAMA_NUM_PARALLEL", Takes::value, "requests at a time: the cache is held once for each", whole<&Settings::sequences, 1>},
    {"OLLAMA_FLASH_ATTENTION", Takes::value, "fused attention: no context x heads buffer", flash_attention},
    {"OLLAMA_KV_CACHE_TYPE", Takes::value, "number format of keys and values: q8_0 takes 53 %, q4_0 28 % of f16",
     [](Target& t, Text v) -> Result<void> {
       RC_TRY(cache_type(t.settings.key_quant, v));
       return cache_type(t.settings.value_quant, v);
     }},
    {"ollama serve", Takes::nothing, "", ignore},
    {"OLLAMA_GPU_OVERHEAD", Takes::value, "bytes of each device that are left free: not counted here", nullptr},
    {"OLLAMA_NEW_ENGINE OLLAMA_LLM_LIBRARY OLLAMA_MODELS OLLAMA_ORIGINS OLLAMA_DEBUG OLLAMA_LOAD_TIMEOUT OLLAMA_MAX_QUEUE OLLAMA_VULKAN", Takes::value, "", nullptr},
    {"use_mmap temperature top_p top_k num_predict seed num_keep OLLAMA_KEEP_ALIVE OLLAMA_HOST OLLAMA_MAX_LOADED_MODELS OLLAMA_SCHED_SPREAD", Takes::value, "", nullptr},
};

}  // namespace

std::span<const FlagRule> llama_flags() { return kRules; }
std::span<const FlagRule> ik_flags() { return kIk; }
std::span<const FlagRule> ollama_flags() { return kOllama; }

}  // namespace rigcast::placement::detail

namespace rigcast::placement {

int all_layers(const model::Architecture& architecture) { return std::max(99, static_cast<int>(architecture.layers.size()) + 1); }

}  // namespace rigcast::placement
