// Flags of the engines that serve from paged caches, and of those with one growing cache.
#include <cmath>

#include "base/text.hpp"
#include "placement/detail/flag_table.hpp"
#include "placement/detail/speculation_flags.hpp"

namespace rigcast::placement::detail {

namespace {

using Target = FlagTarget;
using Text = std::string_view;

Result<void> memory_share(Target& t, Text v) {
  RC_ASSIGN(share, fraction(v));
  t.settings.gpu_memory_utilization = share;
  return {};
}

// Names of cache formats as these engines spell them.
Result<void> cache_type(Target& t, Text v) {
  const std::string name = to_lower(v);
  std::string quant = name;
  if (name == "auto" || name == "bfloat16" || name == "bf16" || name == "float16" || name == "half") quant = "f16";
  else if (name == "fp8" || name == "fp8_e4m3" || name == "fp8_inc" || name == "fp8_ds_mla") quant = "fp8_e4m3";
  else if (name != "fp8_e5m2" && name != "int8" && name != "nvfp4" && name != "fp4_e2m1")
    return fail(ErrorKind::input, "takes a cache format, not '" + std::string(v) + "'", Where{}, std::string(),
                nearest_name(name, std::vector<std::string>{"auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2", "int8", "nvfp4"}));
  if (quant == "fp4_e2m1") quant = "nvfp4";
  t.settings.key_quant = t.settings.value_quant = quant;
  return {};
}

// vLLM's human_readable_int (engine/arg_utils.py): k, m, g are powers of a thousand, K, M, G of 1024.
template <auto field>
Result<void> human_number(Target& t, Text v) {
  const std::size_t digits = v.find_last_of("0123456789") + 1;
  constexpr Text kUnits = "kmgtKMGT";
  const std::size_t unit = digits > 0 && digits + 1 == v.size() ? kUnits.find(v.back()) : Text::npos;
  if (unit == Text::npos) return whole<field, 1>(t, v);
  const auto number = parse_double(v.substr(0, digits));
  const double value = number ? *number * std::pow(unit < 4 ? 1000.0 : 1024.0, static_cast<double>(unit % 4) + 1) : 0;
  if (!(value >= 1 && value <= 1e12)) return whole<field, 1>(t, v);
  auto& place = t.settings.*field;
  place = static_cast<std::remove_reference_t<decltype(place)>>(value);
  return {};
}

// vLLM: -1 and auto (human_readable_int_or_auto in engine/arg_utils.py) are the longest context that memory holds, which is what a context that
// nobody names comes to here, too.
Result<void> longest_request(Target& t, Text v) {
  if (v == "-1" || to_lower(v) == "auto") {
    t.settings.context = 0;
    return {};
  }
  return human_number<&Settings::context>(t, v);
}

Result<void> quantization(Target& t, Text v) {
  t.settings.weight_quant = to_lower(v);
  return {};
}

template <int Settings::*field, Mode mode>
Result<void> degree(Target& t, Text v) {
  RC_ASSIGN(n, whole_number(v, 1, 4096));
  if (n > t.devices)
    return fail(ErrorKind::infeasible, "of " + std::to_string(n) + " needs as many devices, the rig has " + std::to_string(t.devices));
  t.settings.*field = static_cast<int>(n);
  if (n > 1 && t.settings.mode == Mode::single) t.settings.mode = mode;
  return {};
}

Result<void> set_eager(Target& t, Text) {
  t.settings.eager = true;
  return {};
}

Result<void> expert_parallel(Target& t, Text) {
  t.settings.mode = Mode::expert;
  t.settings.expert_degree = 0;  // follows the tensor and data degrees
  return {};
}

// GiB of each device's weights, a fraction of one among them.
Result<void> host_gib(Target& t, Text v) {
  const auto number = parse_double(v);
  if (!number || *number < 0 || *number > 1e6) return fail(ErrorKind::input, "takes GiB of weights for each device, not '" + std::string(v) + "'");
  t.settings.host_gib = *number;
  return {};
}

constexpr std::string_view kTensorNote = "every matrix and every head group is split over this many devices: weights and cache divide by it, two all-reduces per layer";
constexpr std::string_view kPipelineNote = "ranges of layers on this many groups of devices: little traffic, idle time unless many requests are in flight";
constexpr std::string_view kShareNote = "share of each device's memory the engine may take; what weights and the profiled peak leave of it becomes cache blocks";
constexpr std::string_view kContextNote = "longest request: at least one such request must fit the cache, otherwise the engine does not start";
constexpr std::string_view kCacheNote = "number format of the cache: one byte per element holds twice the tokens of bf16";
constexpr std::string_view kSequencesNote = "requests running at a time; the sampler's peak memory grows with it";
constexpr std::string_view kBatchedNote = "tokens in one step: activations grow with it; larger reads prompts faster, smaller keeps writing smooth";
constexpr std::string_view kHostNote = "GiB of weights of the first layers, for each device, that lie in host memory and are read from there over the link in every step";
constexpr std::string_view kQuantNote = "number format the weights are read in or converted to while loading";

constexpr std::string_view kAdapterNote = "adapters: what they load is not counted here, nor what they cost";
constexpr std::string_view kCacheSizeNote = "sets the size of the cache by hand: not counted here, where the cache is what the share of memory leaves";
constexpr std::string_view kPictureNote = "pictures and sounds: what their encoder loads is not counted here";
constexpr std::string_view kHostCacheNote = "caches of finished requests in host memory: not counted here";
constexpr std::string_view kExchangeNote = "how experts on different devices exchange tokens: not counted here";

constexpr std::string_view kOwnCodeNote = "code that the model's repository brings may run: its tokeniser, its configuration or its layers";

constexpr std::string_view kEagerNote = "no graphs of kernels: every step waits longer for the host; the memory that they would take is still counted";
constexpr std::string_view kStateNote = "number format of recurrent states: not counted here";
constexpr std::string_view kSpreadNote = "experts spread over this many devices whole";

constexpr FlagRule kVllm[] = {
    {"-tp --tensor-parallel-size", Takes::value, kTensorNote, degree<&Settings::tensor_degree, Mode::tensor>, true},
    {"-pp --pipeline-parallel-size", Takes::value, kPipelineNote, degree<&Settings::pipeline_degree, Mode::pipeline>, true},
    {"-dp --data-parallel-size", Takes::value, "whole copies of the attention layers, each with its own cache and requests", degree<&Settings::data_degree, Mode::single>, true},
    {"-ep --enable-expert-parallel", Takes::nothing, "experts are spread over the devices whole instead of being split: all-to-all traffic instead of all-reduce", expert_parallel, true},
    {"--max-model-len", Takes::value, kContextNote, longest_request},
    {"--gpu-memory-utilization", Takes::value, kShareNote, memory_share},
    {"--kv-cache-dtype", Takes::value, kCacheNote, cache_type},
    {"--max-num-seqs", Takes::value, kSequencesNote, whole<&Settings::sequences, 1>},
    {"--max-num-batched-tokens", Takes::value, kBatchedNote, human_number<&Settings::max_batched_tokens>},
    {"-q --quantization", Takes::value, kQuantNote, quantization},
    {"--model", Takes::value, kModelNote, ignore},
    {"--served-model-name --host --port --dtype --tokenizer --seed --api-key --load-format --tool-call-parser --reasoning-parser --chat-template "
     "--block-size --limit-mm-per-prompt --compilation-config --attention-backend", Takes::value, "", nullptr},
    {"--distributed-executor-backend", Takes::value, "what starts the workers: mp on one host, ray over several", nullptr},
    {"--cpu-offload-gb", Takes::value, kHostNote, host_gib},
    {"-dpb --data-parallel-backend", Takes::value, "what starts the copies: mp on each host, ray over several from one command", nullptr},
    {"-dpl --data-parallel-size-local", Takes::value, "copies that run on this host", nullptr},
    {"--data-parallel-address --data-parallel-rpc-port --data-parallel-start-rank", Takes::value, "", nullptr},
    {"--cpu-offload-params --offload-backend --offload-group-size --offload-num-in-group --offload-prefetch-step", Takes::value, "which weights lie in host memory, and fetching them ahead: not counted here", nullptr},
    {"--swap-space", Takes::value, "host memory that older versions kept for the caches of preempted requests: not counted here, and without effect in newer ones", nullptr},
    {"--speculative-config --speculative_config", Takes::value, kDraftsNote, speculative_config, false, true},
    {"--speculative-model", Takes::value, kDraftsNote, drafting_model, false, true},
    {"--num-speculative-tokens", Takes::value, kDraftedNote, drafted_tokens, false, true},
    {"--max-loras --max-lora-rank --max-cpu-loras --lora-modules --lora-dtype", Takes::value, kAdapterNote, nullptr},
    {"--enable-lora --fully-sharded-loras", Takes::nothing, kAdapterNote, nullptr},
    {"--kv-cache-memory-bytes --num-gpu-blocks-override", Takes::value, kCacheSizeNote, nullptr},
    {"--mm-processor-kwargs --mm-encoder-tp-mode --mm-processor-cache-gb --allowed-local-media-path --media-io-kwargs", Takes::value, kPictureNote, nullptr},
    {"--language-model-only --skip-mm-profiling --disable-mm-preprocessor-cache", Takes::nothing, kPictureNote, nullptr},
    {"--kv-offloading-size --kv-offloading-backend --kv-transfer-config", Takes::value, kHostCacheNote, nullptr},
    {"-dcp --decode-context-parallel-size", Takes::value, "the cache is shared out along the context: not counted here", nullptr},
    {"--all2all-backend --moe-backend --eplb-config", Takes::value, kExchangeNote, nullptr},
    {"--enable-eplb --enable-dbo", Takes::nothing, kExchangeNote, nullptr},
    {"--mamba-ssm-cache-dtype --mamba-cache-dtype", Takes::value, kStateNote, nullptr},
    {"-O --optimization-level --tokenizer-mode --tokenizer-revision --config-format --hf-overrides --hf-token --hf-config-path --rope-scaling --rope-theta --max-seq-len-to-capture "
     "--cudagraph-capture-sizes --max-logprobs --uvicorn-log-level --generation-config --override-generation-config --guided-decoding-backend "
     "--structured-outputs-config --device --num-scheduler-steps --scheduling-policy --scheduler-delay-factor --preemption-mode --stream-interval --revision --code-revision "
     "--download-dir --ignore-patterns --model-loader-extra-config --model-impl --task --runner --convert --pooler-config --override-pooler-config --worker-cls "
     "--otlp-traces-endpoint --root-path --allowed-origins --response-role --chat-template-content-format --default-chat-template-kwargs --tool-server --tool-parser-plugin "
     "--logits-processors --prefix-caching-hash-algo --long-prefill-token-threshold --max-num-partial-prefills --max-long-partial-prefills --api-server-count "
     "--nnodes --node-rank --master-addr --master-port --tokenizer-pool-size", Takes::value, "", nullptr},
    {"-O0 -O1 -O2 -O3 --enable-sleep-mode --use-v2-block-manager --calculate-kv-scales --disable-log-stats --enable-log-requests --no-enable-log-requests "
     "--no-async-scheduling --disable-sliding-window --disable-async-output-proc --disable-frontend-multiprocessing --headless --skip-tokenizer-init "
     "--enable-prompt-tokens-details --enable-force-include-usage --enable-server-load-tracking --enable-reasoning --data-parallel-hybrid-lb "
     "--exclude-tools-when-tool-choice-none", Takes::nothing, "", nullptr},
    {"--enforce-eager", Takes::nothing, kEagerNote, set_eager, false, true},
    {"--trust-remote-code", Takes::nothing, kOwnCodeNote, nullptr},
    {"--enable-prefix-caching --no-enable-prefix-caching --enable-chunked-prefill --no-enable-chunked-prefill "
     "--enable-auto-tool-choice --disable-log-requests --disable-custom-all-reduce --async-scheduling", Takes::nothing, "", nullptr},
};

constexpr FlagRule kSglang[] = {
    {"--tp --tp-size --tensor-parallel-size", Takes::value, kTensorNote, degree<&Settings::tensor_degree, Mode::tensor>, true},
    {"--pp-size --pipeline-parallel-size", Takes::value, kPipelineNote, degree<&Settings::pipeline_degree, Mode::pipeline>, true},
    {"--dp --dp-size --data-parallel-size", Takes::value, "copies of the model with caches of their own; with --enable-dp-attention of the attention layers alone",
     [](Target& t, Text v) -> Result<void> {
       t.settings.whole_copies = true;   // unless attention alone is copied
       RC_ASSIGN(copies, whole_number(v, 1, 4096));
       if (copies > t.devices) return fail(ErrorKind::infeasible, "of " + std::to_string(copies) + " needs as many devices, the rig has " + std::to_string(t.devices));
       t.settings.data_degree = static_cast<int>(copies);
       return {};
     }, true},
    {"--cpu-offload-gb", Takes::value, kHostNote, host_gib},
    {"--ep --ep-size --expert-parallel-size", Takes::value, kSpreadNote, degree<&Settings::expert_degree, Mode::expert>, true},
    {"--context-length", Takes::value, kContextNote, whole<&Settings::context, 1>},
    {"--mem-fraction-static", Takes::value, "share of each device's memory for weights and cache; activations and graphs live in the rest", memory_share},
    {"--kv-cache-dtype", Takes::value, kCacheNote, cache_type},
    {"--max-running-requests", Takes::value, kSequencesNote, whole<&Settings::sequences, 1>},
    {"--chunked-prefill-size", Takes::value, kBatchedNote, whole<&Settings::max_batched_tokens, 1>},
    {"--quantization", Takes::value, kQuantNote, quantization},
    {"--model --model-path", Takes::value, kModelNote, ignore},
    {"--disable-cuda-graph", Takes::nothing, kEagerNote, set_eager, false, true},
    {"--host --port --dtype --tokenizer-path --cuda-graph-max-bs --attention-backend --schedule-policy --page-size --served-model-name "
     "--reasoning-parser --tool-call-parser --chat-template --nnodes --node-rank --dist-init-addr", Takes::value, "", nullptr},
    {"--max-total-tokens --swa-full-tokens-ratio --mamba-full-memory-ratio --max-mamba-cache-size", Takes::value, kCacheSizeNote, nullptr},
    {"--speculative-algorithm --speculative-algo", Takes::value, kDraftsNote, speculative_algorithm, false, true},
    {"--speculative-draft-model-path --speculative-draft-model --speculative-draft", Takes::value, kDraftsNote, speculative_draft_model, false, true},
    {"--speculative-num-steps", Takes::value, kDraftedNote, drafted_tokens, false, true},
    {"--speculative-num-draft-tokens", Takes::value, "tokens that each step verifies, of all branches of the drafts", verified_tokens, false, true},
    {"--speculative-eagle-topk --speculative-attention-mode --speculative-token-map --speculative-draft-attention-backend --speculative-moe-runner-backend "
     "--speculative-accept-threshold-single --speculative-accept-threshold-acc --speculative-draft-model-quantization", Takes::value, kDrafterNote, nullptr},
    {"--enable-multi-layer-eagle", Takes::nothing, kDrafterNote, nullptr},
    {"--max-lora-rank --max-loras-per-batch --max-loaded-loras --lora-paths --lora-backend --lora-target-modules", Takes::value, kAdapterNote, nullptr},
    {"--enable-lora", Takes::nothing, kAdapterNote, nullptr},
    {"--mm-attention-backend", Takes::value, kPictureNote, nullptr},
    {"--enable-multimodal", Takes::nothing, kPictureNote, nullptr},
    {"--hicache-ratio --hicache-size --hicache-write-policy --hicache-io-backend --hicache-mem-layout --hicache-storage-backend --disaggregation-mode "
     "--disaggregation-transfer-backend --disaggregation-ib-device --disaggregation-bootstrap-port", Takes::value, kHostCacheNote, nullptr},
    {"--enable-hierarchical-cache --enable-lmcache", Takes::nothing, kHostCacheNote, nullptr},
    {"--moe-a2a-backend --moe-runner-backend --deepep-mode --deepep-config --ep-num-redundant-experts --ep-dispatch-algorithm --init-expert-location --moe-dense-tp-size "
     "--eplb-algorithm --eplb-rebalance-num-iterations", Takes::value, kExchangeNote, nullptr},
    {"--enable-eplb --enable-two-batch-overlap", Takes::nothing, kExchangeNote, nullptr},
    {"--mamba-ssm-dtype --mamba-scheduler-strategy", Takes::value, kStateNote, nullptr},
    {"--max-prefill-tokens --prefill-max-requests --max-queued-requests --torch-compile-max-bs --schedule-conservativeness --prefill-attention-backend "
     "--decode-attention-backend --sampling-backend --grammar-backend --fp8-gemm-backend --fp4-gemm-backend --log-level --log-level-http --log-requests-level "
     "--decode-log-interval --stream-interval --random-seed --watchdog-timeout --dist-timeout --device --download-dir --load-format --model-loader-extra-config --revision "
     "--model-impl --api-key --admin-api-key --json-model-override-args --preferred-sampling-params --load-balance-method --num-continuous-decode-steps --tool-server "
     "--sampling-defaults --base-gpu-id --gpu-id-step --nccl-port --pp-max-micro-batch-size --pp-async-batch-depth --quantization-param-path --tokenizer-mode "
     "--hf-chat-template-name --file-storage-path --radix-eviction-policy", Takes::value, "", nullptr},
    {"--enable-dp-lm-head --enable-metrics --log-requests --disable-custom-all-reduce --disable-overlap-schedule --disable-cuda-graph-padding --disable-flashinfer-autotune "
     "--enable-tokenizer-batch-encode --allow-auto-truncate --enable-cache-report --skip-server-warmup --enable-nccl-nvls --enable-symm-mem --enable-mscclpp "
     "--enable-torch-symm-mem --enable-flashinfer-allreduce-fusion --enable-aiter-allreduce-fusion --enable-priority-scheduling --disable-hybrid-swa-memory "
     "--enable-fp32-lm-head --is-embedding --sleep-on-idle --enable-dynamic-chunking --skip-tokenizer-init", Takes::nothing, "", nullptr},
    {"--enable-dp-attention", Takes::nothing, "--dp divides the devices of --tp: attention is copied on each part, experts are shared by all", [](Target& t, Text) -> Result<void> { t.copies_attention = true; return {}; }, true},
    {"--trust-remote-code", Takes::nothing, kOwnCodeNote, nullptr},
    {"--disable-radix-cache --enable-torch-compile --enable-mixed-chunk "
     "--disable-shared-experts-fusion --enable-p2p-check", Takes::nothing, "", nullptr},
};

constexpr FlagRule kKtransformers[] = {
    {"--kt-gpu-prefill-token-threshold", Takes::value, "prompts of at least as many tokens are multiplied on the devices, to which the experts are sent layer by layer", whole<&Settings::offload_batch, 0>},
    {"--kt-num-gpu-experts", Takes::value, "experts of each layer kept on the devices; the others run on the processor from host memory", whole<&Settings::gpu_experts, 0>},
    {"--kt-weight-path", Takes::value, "what the processor's experts are read from: a folder of GGUF files, or the checkpoint itself in its own format", nullptr},
    {"--kt-cpuinfer", Takes::value, "threads of the processor's experts: one for each physical core", nullptr},
    {"--kt-threadpool-count", Takes::value, "groups of these threads: one for each NUMA node", nullptr},
    {"--kt-method --kt-gpu-prefill-token-threshold --kt-expert-placement-strategy --kt-max-deferred-experts-per-token",
     Takes::value, "", nullptr},
};

constexpr FlagRule kTensorrt[] = {
    {"--tp_size", Takes::value, kTensorNote, degree<&Settings::tensor_degree, Mode::tensor>, true},
    {"--pp_size", Takes::value, kPipelineNote, degree<&Settings::pipeline_degree, Mode::pipeline>, true},
    {"--ep_size", Takes::value, kSpreadNote, degree<&Settings::expert_degree, Mode::expert>, true},
    {"--max_seq_len", Takes::value, kContextNote, whole<&Settings::context, 1>},
    {"--kv_cache_free_gpu_memory_fraction --kv-cache-free-gpu-mem-fraction", Takes::value, "share of what weights and activations leave free that becomes cache", memory_share},
    {"--max_batch_size", Takes::value, kSequencesNote, whole<&Settings::sequences, 1>},
    {"--max_num_tokens", Takes::value, kBatchedNote, whole<&Settings::max_batched_tokens, 1>},
    {"--backend --host --port --tokenizer --extra_llm_api_options --log_level --max_beam_width", Takes::value, "", nullptr},
    {"--trust_remote_code", Takes::nothing, kOwnCodeNote, nullptr},
};

constexpr FlagRule kMindie[] = {
    {"worldSize", Takes::value, kTensorNote, degree<&Settings::tensor_degree, Mode::tensor>, true},
    {"maxSeqLen", Takes::value, kContextNote, whole<&Settings::context, 1>},
    {"maxBatchSize", Takes::value, kSequencesNote, whole<&Settings::sequences, 1>},
    {"maxPrefillTokens", Takes::value, kBatchedNote, whole<&Settings::max_batched_tokens, 1>},
    {"NPU_MEMORY_FRACTION", Takes::value, kShareNote, memory_share},
    {"plugin_params", Takes::value, kDraftsNote, plugin_params, false, true},
    {"npuMemSize cpuMemSize cacheBlockSize maxInputTokenLen maxPrefillBatchSize maxIterTimes npuDeviceIds modelWeightPath modelName trustRemoteCode", Takes::value, "", nullptr},
};

constexpr FlagRule kLmStudio[] = {
    {"--context-length", Takes::value, "tokens the cache can hold", whole<&Settings::context, 1>},
    {"--gpu", Takes::value, "how much of the layers lies on the devices: off, max or a share",
     [](Target& t, Text v) -> Result<void> {
       const int all = static_cast<int>(t.architecture.layers.size()) + 1;
       if (v == "max") t.settings.gpu_layers = -1;
       else if (v == "off") t.settings.gpu_layers = 0;
       else {
         RC_ASSIGN(share, fraction(v));
         t.settings.gpu_layers = static_cast<int>(share * all);
       }
       return {};
     }, true},
    {"--parallel", Takes::value, "requests at a time: the cache is held once for each", whole<&Settings::sequences, 1>},
    {"--ttl --identifier", Takes::value, "", nullptr},
    {"--yes -y", Takes::nothing, "", nullptr},
};

constexpr FlagRule kPlain[] = {
    {"-c --max-kv-size --max-seq-len --cache-size -l --length --max-length", Takes::value, "tokens the cache can hold", whole<&Settings::context, 1>},
    {"--prefill-step-size --chunk-size", Takes::value, "prompt tokens in one pass: activations grow with it", whole<&Settings::ubatch, 1>},
    {"--kv-bits -cq --cache-quant", Takes::value, "bits of a cache element",
     [](Target& t, Text v) -> Result<void> {
       RC_ASSIGN(bits, whole_number(v, 2, 16));
       t.settings.key_quant = t.settings.value_quant = bits <= 4 ? "q4_0" : bits <= 8 ? "q8_0" : "f16";
       return {};
     }},
    {"--pipeline", Takes::nothing, "ranges of layers on each machine of mlx.launch, one after the other",
     [](Target& t, Text) -> Result<void> {
       if (t.devices > 1) t.settings.mode = Mode::layer;
       return {};
     }, true},
    {"-gs --gpu-split", Takes::values, "GB of each device used for layers, in device order",
     [](Target& t, Text v) -> Result<void> {
       for (const Text piece : split(v, ',')) {
         const auto share = parse_double(trim(piece));
         if (!share || *share < 0) return fail(ErrorKind::input, "takes gigabytes separated by commas, not '" + std::string(v) + "'");
         t.settings.split.push_back(*share);
       }
       t.settings.mode = Mode::layer;
       return {};
     }, true},
    {"-m --model --model-dir --model-name", Takes::value, kModelNote, ignore},
    {"--tensor-parallel", Takes::value, kTensorNote,
     [](Target& t, Text v) -> Result<void> {   // TabbyAPI: every flag takes a value
       if (!equal_ignoring_case(v, "true") && v != "1") return {};
       t.settings.mode = t.devices > 1 ? Mode::tensor : Mode::single;
       t.settings.tensor_degree = t.devices;
       return {};
     }, true},
    {"--cache-mode", Takes::value, "number format of the cache: FP16, Q8, Q6 or Q4, or the bits of keys and values",
     [](Target& t, Text v) -> Result<void> {
       constexpr std::pair<Text, Text> kModes[] = {{"FP16", "f16"}, {"Q8", "q8_0"}, {"Q6", "q6_0"}, {"Q4", "q4_0"}};
       const auto bits = split(v, ',');
       const auto number = parse_int(trim(bits.front()));
       for (const auto& [mode, quant] : kModes)
         if (equal_ignoring_case(v, mode) || (number && bits.size() == 2 && *number <= (mode == "Q4" ? 4 : mode == "Q6" ? 6 : 8) && *number > (mode == "Q4" ? 0 : mode == "Q6" ? 4 : 6))) {
           t.settings.key_quant = t.settings.value_quant = std::string(quant);
           return {};
         }
       return fail(ErrorKind::input, "takes FP16, Q8, Q6, Q4 or bits of keys and values, as 8,8, not '" + std::string(v) + "'", Where{}, std::string(), "Q8");
     }},
    {"--gpu-split-auto --tensor-parallel-backend --autosplit-reserve", Takes::value, "", nullptr},
    {"--draft-model", Takes::value, kDraftsNote, drafting_model, false, true},
    {"--num-draft-tokens", Takes::value, kDraftedNote, drafted_tokens, false, true},
    {"--adapter-path", Takes::value, kAdapterNote, nullptr},
    {"--prompt-cache-size --prompt-cache-bytes", Takes::value, "caches of finished prompts that the server keeps as it runs: not counted here", nullptr},
    {"--host --port --max-tokens --temp --top-p --top-k --min-p --seed --log-level --chat-template --chat-template-args --allowed-origins --decode-concurrency "
     "--prompt-concurrency --max-batch-size", Takes::value, "", nullptr},
    {"--trust-remote-code", Takes::nothing, kOwnCodeNote, nullptr},
    {"--use-default-chat-template", Takes::nothing, "", nullptr},
};

}  // namespace

std::span<const FlagRule> vllm_flags() { return kVllm; }
std::span<const FlagRule> sglang_flags() { return kSglang; }
std::span<const FlagRule> tensorrt_flags() { return kTensorrt; }
std::span<const FlagRule> mindie_flags() { return kMindie; }
std::span<const FlagRule> ktransformers_flags() { return kKtransformers; }
std::span<const FlagRule> lm_studio_flags() { return kLmStudio; }
std::span<const FlagRule> plain_flags() { return kPlain; }

}  // namespace rigcast::placement::detail
