#include "placement/placement.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "gguf_writer.hpp"
#include "model/shape.hpp"
#include "placement/detail/test_case.hpp"

namespace rigcast::placement {
namespace {

using namespace test_case;

// A line names files in the format that was planned, and what the card's arithmetic makes necessary; flags are read back by their own tables.
TEST(Launch, LinesNameTheFormatAndWhatTheCardNeeds) {
  const auto line = [&](const char* key, const char* quant, const char* card, const char* engine, int count = 1) {
    const auto model = model::architecture_from_catalogue(facts(), key, quant);
    const rig::Rig rig = rig_of(card, count);
    const auto placement = place(facts(), *model, rig, ask("", engine));
    EXPECT_TRUE(placement) << error_of(placement);
    const Launch launch = launch_line(*catalog::read_engine(facts(), engine), *model, rig, *placement);
    for (const FlagNote& flag : launch.flags) EXPECT_FALSE(flag.text.empty()) << flag.flag;
    return launch.line + "\n" + launch.file_text;
  };
  EXPECT_TRUE(line("llama-3.3-70b", "fp8", "h100-sxm-80gb", "vllm", 2).starts_with("vllm serve RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic "));
  EXPECT_TRUE(line("qwen3-8b", "", "rtx-4090", "vllm").starts_with("vllm serve Qwen/Qwen3-8B "));
  EXPECT_TRUE(line("qwen2.5-7b", "gptq-int4", "rtx-4090", "vllm").starts_with("vllm serve Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4 "));   // as its repository calls it
  EXPECT_TRUE(line("qwen3-8b", "fp8", "rtx-4090", "sglang").starts_with("python3 -m sglang.launch_server --model-path Qwen/Qwen3-8B-FP8 "));
  EXPECT_NE(line("deepseek-r1", "w8a8", "ascend-910b3", "mindie", 16).find("\"modelWeightPath\": \"deepseek-r1-W8A8\""), std::string::npos);
  EXPECT_NE(line("qwen3-8b", "", "v100-sxm2-32gb", "vllm").find(" --dtype half"), std::string::npos);
  EXPECT_NE(line("qwen3-8b", "awq", "mi50-32gb", "vllm").find(" --dtype float16"), std::string::npos);
  EXPECT_NE(line("qwen3-8b", "w8a8", "atlas-300i-duo-96gb", "vllm").find(" --dtype float16 --quantization ascend"), std::string::npos);
  EXPECT_TRUE(line("qwen3-8b", "q4_k_m", "rtx-4090", "lm-studio").starts_with("lms import -y qwen3-8b-Q4_K_M.gguf && lms load qwen3-8b-Q4_K_M.gguf --gpu max --context-length 4096\n"));
  EXPECT_TRUE(line("qwen3-8b", "mlx-4bit", "apple-m4-max-40", "lm-studio").starts_with("lms load qwen3-8b-MLX-4BIT --gpu max "));   // a folder, which import does not take
  EXPECT_TRUE(line("qwen3-8b", "exl3_4", "rtx-4090", "exllamav3").starts_with("python3 main.py --model-dir models --model-name qwen3-8b-EXL3_4 "));
}

// Who pastes a line finds the weights by it, or is told what belongs in their place; a GGUF file's name says so itself.
TEST(Launch, SaysWhatStandsForWeightsThatNoRepositoryIsKnownOf) {
  const auto said = [&](const char* key, const char* quant, const char* card, const char* engine) {
    const auto model = model::architecture_from_catalogue(facts(), key, quant);
    const rig::Rig rig = rig_of(card, 1);
    const auto placement = place(facts(), *model, rig, ask("", engine));
    EXPECT_TRUE(placement) << error_of(placement);
    return join(launch_line(*catalog::read_engine(facts(), engine), *model, rig, *placement).unsaid, "|");
  };
  EXPECT_EQ(said("qwen3-8b", "", "rtx-4090", "vllm"), "");
  EXPECT_EQ(said("qwen3-8b", "fp8", "rtx-4090", "vllm"), "");
  EXPECT_EQ(said("qwen3-8b", "gptq", "rtx-4090", "vllm"), "qwen3-8b-GPTQ stands for a folder with the model's weights in GPTQ: no repository of them is known here; llm-compressor can make them.");
  EXPECT_NE(said("qwen3-8b", "w8a8", "ascend-910b3", "mindie").find("Qwen3-8B-W8A8 stands for a folder with the model's weights in W8A8, published as vllm-ascend/Qwen3-8B-W8A8."), std::string::npos);
  EXPECT_EQ(said("qwen3-8b", "q4_k_m", "rtx-4090", "lm-studio").find("stands for"), std::string::npos);
}

// Kimi's tokeniser is code of its repository, which vLLM, SGLang and MindIE run only if told to; Qwen's is the engines' own.
TEST(Launch, CodeOfARepositoryRunsOnlyWhereTheLineSaysSo) {
  const auto launch = [&](const char* key, const char* quant, const char* card, const char* engine, int count) {
    const auto model = model::architecture_from_catalogue(facts(), key, quant);
    const rig::Rig rig = rig_of(card, count);
    const auto placement = place(facts(), *model, rig, ask("", engine));
    EXPECT_TRUE(placement) << error_of(placement);
    return launch_line(*catalog::read_engine(facts(), engine), *model, rig, *placement);
  };
  for (const char* engine : {"vllm", "sglang"}) {
    const Launch kimi = launch("kimi-k2.5", "", "h20-141gb", engine, 8);
    EXPECT_NE(kimi.line.find(" --trust-remote-code"), std::string::npos) << kimi.line;
    EXPECT_NE(join(kimi.unsaid, "|").find("--trust-remote-code lets code run that the model's repository brings"), std::string::npos);
    EXPECT_EQ(launch("qwen3-8b", "", "h20-141gb", engine, 1).line.find("--trust-remote-code"), std::string::npos);
  }
  EXPECT_NE(launch("kimi-k2.5", "", "h20-141gb", "tensorrt-llm", 8).line.find(" --trust_remote_code"), std::string::npos);
  EXPECT_NE(launch("internlm2-7b", "", "apple-m3-ultra", "mlx", 1).line.find(" --trust-remote-code"), std::string::npos) << "for the tokeniser";
  EXPECT_NE(launch("internlm2-7b", "", "ascend-910b3", "mindie", 1).file_text.find("\"trustRemoteCode\": true"), std::string::npos);
  EXPECT_EQ(launch("qwen3-8b", "", "ascend-910b3", "mindie", 1).file_text.find("trustRemoteCode"), std::string::npos);
}

// vLLM turns BF16 into FP8 layer by layer as it loads (pull request 31914 of January 2026), so that no repository of FP8 is needed; before that the
// whole model lay on the card first. SGLang's way is that one still.
TEST(Launch, Fp8ThatNobodyPublishesIsMadeWhileLoading) {
  const auto model = model::architecture_from_catalogue(facts(), "llama-2-13b", "fp8");
  const rig::Rig rig = rig_of("rtx-4090", 1);
  const auto line = [&](const char* engine, const char* month) {
    const auto placement = place(facts(), *model, rig, ask("", engine));
    EXPECT_TRUE(placement) << error_of(placement);
    return launch_line(catalog::as_of(*catalog::read_engine(facts(), engine), month), *model, rig, *placement);
  };
  const Launch today = line("vllm", "");
  EXPECT_TRUE(today.line.starts_with("vllm serve meta-llama/Llama-2-13b-chat-hf ")) << today.line;
  EXPECT_NE(today.line.find(" --quantization fp8"), std::string::npos) << today.line;
  EXPECT_EQ(join(today.unsaid, "|"), "No repository of FP8 weights is known here: vLLM makes them of those in 16 bits while it loads them.");
  EXPECT_TRUE(line("vllm", "2025-12").line.starts_with("vllm serve llama-2-13b-FP8 "));
  EXPECT_NE(line("sglang", "").line.find(" --model-path llama-2-13b-FP8 "), std::string::npos);
}

// llama.cpp's pull request 22397 of April 2026: build 11669 ends with "the argument has been removed" where builds before May know nothing else.
TEST(Launch, FlagsThatWereRenamedAreSaidAsTheBuildKnowsThem) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", "q4_k_m");
  const rig::Rig rig = rig_of("rtx-4090", 1);
  const auto line = [&](const char* engine, const char* month, const char* flags) {
    const auto placement = place(facts(), *model, rig, ask(flags, engine));
    EXPECT_TRUE(placement) << error_of(placement);
    return launch_line(catalog::as_of(*catalog::read_engine(facts(), engine), month), *model, rig, *placement);
  };
  for (const char* flags : {"-c 8192 -ngl 99 -md small.gguf --draft-max 4 --draft-min 1", "-c 8192 -ngl 99 -md small.gguf --spec-draft-n-max 4 --spec-draft-n-min 1"}) {
    const std::string today = line("llama.cpp", "", flags).line, before = line("llama.cpp", "2026-03", flags).line;
    EXPECT_NE(today.find(" --spec-draft-n-max 4 --spec-draft-n-min 1"), std::string::npos) << today;
    EXPECT_NE(before.find(" --draft-max 4 --draft-min 1"), std::string::npos) << before;
  }
  // llama.cpp's pull request 23988: a model that drafts must be named as that, too, since June.
  EXPECT_NE(line("llama.cpp", "", "-c 8192 -ngl 99 -md small.gguf").line.find(" -md small.gguf --spec-type draft-simple"), std::string::npos);
  EXPECT_EQ(line("llama.cpp", "2026-03", "-c 8192 -ngl 99 -md small.gguf").line.find("--spec-type"), std::string::npos);
  // ik_llama.cpp's own words for drafts, disabled there since its pull request 1908 of May 31.
  const Launch ik = line("ik_llama.cpp", "", "-c 8192 -ngl 99 -md small.gguf --draft-max 4 --draft-min=1");
  EXPECT_NE(ik.line.find(" -md small.gguf --spec-type draft:n_max=4,n_min=1"), std::string::npos) << ik.line;
  EXPECT_EQ(ik.line.find("--draft-max"), std::string::npos) << ik.line;
  EXPECT_NE(join(ik.unsaid, "|").find("Current builds take --spec-type draft:n_max=4,n_min=1 for --draft-max 4 --draft-min=1."), std::string::npos) << join(ik.unsaid, "|");
  EXPECT_NE(line("ik_llama.cpp", "", "-c 8192 -ngl 99 -mtp --draft-max 3").line.find(" --spec-type mtp:n_max=3"), std::string::npos);
  EXPECT_NE(line("ik_llama.cpp", "2026-03", "-c 8192 -ngl 99 -md small.gguf --draft-max 4").line.find(" --draft-max 4"), std::string::npos) << "as builds of then knew it";
  EXPECT_NE(line("ik_llama.cpp", "", "-c 8192 -ngl 99 --spec-type ngram-mod:n_max=64,n_min=2").line.find(" --spec-type ngram-mod:n_max=64,n_min=2"), std::string::npos);
}

// ExLlama cuts every tensor over all cards where it is told so, and each reads and holds its part; engines that do not are not asked to.
TEST(Launch, ExLlamaSharesTensorsWhereItsLineSaysSo) {
  const auto model = model::architecture_from_catalogue(facts(), "llama-3.3-70b", "exl3-4.0bpw");
  const auto engine = *catalog::read_engine(facts(), "exllamav3");
  const rig::Rig rig = rig_of("rtx-3090", 2);
  const auto shared = place(facts(), *model, rig, ask("--tensor-parallel true --max-seq-len 8192 --cache-mode Q8", "exllamav3"));
  ASSERT_TRUE(shared) << error_of(shared);
  EXPECT_EQ(shared->mode, Mode::tensor);
  ASSERT_EQ(shared->devices.size(), 2u);
  for (const DeviceShare& share : shared->devices) {
    EXPECT_DOUBLE_EQ(share.fraction, 0.5);
    EXPECT_NEAR(share.memory.weights.value(), (model->weight_bytes() - shared->host.weights).value() / 2, 1e6);   // the embedding is the host's
    EXPECT_DOUBLE_EQ(share.memory.kv.value(), shared->devices.front().memory.kv.value());
  }
  const std::string line = launch_line(engine, *model, rig, *shared).line;
  EXPECT_NE(line.find(" --tensor-parallel true "), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with(" --cache-mode Q8")) << line;
  const auto ranges = place(facts(), *model, rig, ask("--gpu-split 23 22 --max-seq-len 8192", "exllamav3"));
  ASSERT_TRUE(ranges) << error_of(ranges);
  const std::string split = launch_line(engine, *model, rig, *ranges).line;
  EXPECT_EQ(split.find("--tensor-parallel"), std::string::npos);
  EXPECT_NE(split.find(" --gpu-split 23 22"), std::string::npos) << split;
  const auto mac = model::architecture_from_catalogue(facts(), "qwen3-8b", "mlx-4bit");
  EXPECT_FALSE(place(facts(), *mac, rig_of("apple-m4-max-40", 2), ask("--tensor-parallel true", "mlx")));
}

// Qwen's own FP8 checkpoints have blocks of 128 x 128 (weight_block_size): 1536 / 8 and 768 / 4 are 192, of which no whole number of blocks is
// made (vllm-project/vllm#17569), so that experts are spread whole.
TEST(Launch, PublishedBlocksAreNotCut) {
  const auto line = [&](const char* key, const char* card, const char* engine, int count, const char* quant = "fp8") {
    const auto model = model::architecture_from_catalogue(facts(), key, quant);
    const rig::Rig rig = rig_of(card, count);
    const auto placement = place(facts(), *model, rig, ask("", engine));
    EXPECT_TRUE(placement) << error_of(placement);
    return launch_line(*catalog::read_engine(facts(), engine), *model, rig, *placement).line;
  };
  EXPECT_TRUE(line("qwen3-235b-a22b", "h20-96gb", "vllm", 8).starts_with("vllm serve Qwen/Qwen3-235B-A22B-FP8 --tensor-parallel-size 8 --enable-expert-parallel ")) << line("qwen3-235b-a22b", "h20-96gb", "vllm", 8);
  EXPECT_NE(line("qwen3-235b-a22b", "h20-96gb", "sglang", 8).find("--tp 8 --ep-size 8 "), std::string::npos);
  EXPECT_NE(line("qwen3-30b-a3b", "rtx-4090", "vllm", 4).find("--tensor-parallel-size 4 --enable-expert-parallel "), std::string::npos);
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-30b-a3b", "fp8");
  const auto refused = place(facts(), *model, rig_of("rtx-4090", 4), ask("-tp 4", "vllm"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "a tensor degree of 4 cuts a width of 768 inside its blocks of 128");
  const auto dynamic = model::architecture_from_catalogue(facts(), "qwen3-30b-a3b", "fp8-dynamic");   // a scale for each channel is cut anywhere
  EXPECT_TRUE(place(facts(), *dynamic, rig_of("rtx-4090", 4), ask("-tp 4", "vllm")));
}

// `create` needs the server, which stays in its terminal: two lines, not one with an "&" that does not wait.
TEST(Launch, OllamaServesInATerminalOfItsOwn) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", "q4_k_m");
  const rig::Rig rig = rig_of("rtx-4090", 1);
  const auto placement = place(facts(), *model, rig, ask("", "ollama"));
  ASSERT_TRUE(placement) << error_of(placement);
  const Launch launch = launch_line(*catalog::read_engine(facts(), "ollama"), *model, rig, *placement);
  EXPECT_EQ(launch.line, "OLLAMA_CONTEXT_LENGTH=4096 OLLAMA_FLASH_ATTENTION=1 ollama serve\nollama create qwen3-8b -f Modelfile && ollama run qwen3-8b");
}

// Whatever else of Ollama's is said in its Modelfile, the line itself carries the context of one request, also beside two at a time.
TEST(Launch, OllamasLineCarriesTheContext) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", "q4_k_m");
  const rig::Rig rig = rig_of("rtx-4090", 1);
  const auto placement = place(facts(), *model, rig, ask("num_ctx=16384 OLLAMA_NUM_PARALLEL=2", "ollama"));
  ASSERT_TRUE(placement) << error_of(placement);
  const auto engine = *catalog::read_engine(facts(), "ollama");
  const Launch launch = launch_line(engine, *model, rig, *placement);
  EXPECT_TRUE(launch.line.starts_with("OLLAMA_CONTEXT_LENGTH=16384 ")) << launch.line;
  const auto again = place(facts(), *model, rig, ask(launch.line, "ollama"));
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_EQ(again->settings.context, placement->settings.context);
}

// lms load takes a share of the layers: each number of them has one of its own, which is read back as that number.
TEST(Launch, LmStudiosShareMeansItsLayers) {
  const auto lms = *catalog::read_engine(facts(), "lm-studio");
  const model::Architecture model = llama_8b(test::ggml::q8_0);
  const rig::Rig rig = rig_of("rtx-3090", 1);
  for (int layers = 1; layers < 33; ++layers) {
    Placement placement;
    placement.mode = Mode::layer;
    placement.settings = initial_settings(lms, rig);
    placement.settings.context = 4096;
    placement.settings.gpu_layers = layers;
    const std::string line = launch_line(lms, model, rig, placement).line;
    const auto read = parse_flags(lms, model, rig, line);
    ASSERT_TRUE(read) << line << ": " << error_of(read);
    EXPECT_EQ(read->settings.gpu_layers, layers) << line;
  }
}

// "-fa off" that the user wrote is explained as the flag; one that was chosen, as the choice: here layers 0 and 1 and their cache lie on the host.
TEST(Launch, SaysWhyFlashAttentionIsLeft) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", "q4_k_m");
  const rig::Rig rig = rig_of("rtx-4090", 1);
  auto placement = place(facts(), *model, rig, ask("-ngl 35 -fa off", "llama.cpp"));
  ASSERT_TRUE(placement) << error_of(placement);
  const auto why = [&] {
    for (const FlagNote& flag : launch_line(*catalog::read_engine(facts(), "llama.cpp"), *model, rig, *placement).flags)
      if (flag.flag == "-fa off") return flag.text;
    return std::string();
  };
  EXPECT_TRUE(why().starts_with("fused attention")) << why();
  std::erase_if(placement->flags, [](const FlagNote& flag) { return flag.flag == "-fa off"; });
  EXPECT_TRUE(why().starts_with("flash attention is left: where the processor attends")) << why();
}

// Paths with spaces are whole words, and so is the name at their end.
TEST(Launch, NamesOfFilesAreWholeWords) {
  auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", "q4_k_m");
  model->file = "/my models/a b.gguf";
  const rig::Rig rig = rig_of("rtx-4090", 1);
  const auto placement = place(facts(), *model, rig, ask("", "lm-studio"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_TRUE(launch_line(*catalog::read_engine(facts(), "lm-studio"), *model, rig, *placement).line.starts_with("lms import -y '/my models/a b.gguf' && lms load 'a b.gguf' "));
}

// maxInputTokenLen is 2,048 and maxIterTimes 512 where nobody says; the one must not exceed maxPrefillTokens, for which memory is kept, nor
// maxPrefillBatchSize maxBatchSize. Prompts as long as the context are read where there is memory for it; what is refused then is told.
TEST(Launch, MindieServesTheContextThatIsPromised) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-32b", "bf16");
  const rig::Rig rig = rig_of("ascend-910b3", 2);
  const auto launch = [&](const char* flags) {
    const auto placement = place(facts(), *model, rig, ask(flags, "mindie"));
    EXPECT_TRUE(placement) << error_of(placement);
    return launch_line(*catalog::read_engine(facts(), "mindie"), *model, rig, *placement);
  };
  const auto says = [](const Launch& made, std::initializer_list<const char*> all) {
    for (const char* said : all) EXPECT_NE(made.file_text.find(said), std::string::npos) << said << '\n' << made.file_text;
  };
  const Launch usual = launch("maxSeqLen=40960");
  says(usual, {"\"maxSeqLen\": 40960,", "\"maxInputTokenLen\": 40959,", "\"maxPrefillTokens\": 40959,", "\"maxIterTimes\": 40960", "\"maxBatchSize\": 200,", "\"maxPrefillBatchSize\": 50,", "\"npuMemSize\": -1"});
  const std::string folder = "Qwen3-32B stands for a folder with the model's weights in BF16, published as Qwen/Qwen3-32B.";   // which nothing fetches
  EXPECT_EQ(join(usual.unsaid, "|"), folder);
  const Launch limited = launch("maxSeqLen=40960 maxPrefillTokens=8192");
  says(limited, {"\"maxSeqLen\": 40960,", "\"maxInputTokenLen\": 8192,", "\"maxPrefillTokens\": 8192,"});
  ASSERT_EQ(limited.unsaid.size(), 2u);
  EXPECT_NE(limited.unsaid.back().find("more than 8192 tokens are refused"), std::string::npos) << limited.unsaid.back();
  const Launch longer = launch("maxSeqLen=16384 maxPrefillTokens=16383 maxBatchSize=8");
  says(longer, {"\"maxInputTokenLen\": 16383,", "\"maxPrefillTokens\": 16383,", "\"maxIterTimes\": 16384", "\"maxBatchSize\": 8,", "\"maxPrefillBatchSize\": 8,"});
  EXPECT_EQ(join(longer.unsaid, "|"), folder);
  says(launch("maxSeqLen=4096"), {"\"maxInputTokenLen\": 4095,", "\"maxPrefillTokens\": 8192,"});
}

// Where activations of a prompt as long as the context leave the cache too little, prompts are as long as there is memory for.
TEST(Launch, MindieReadsPromptsAsLongAsFitBesideTheContext) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-32b", "bf16");
  rig::Rig rig = rig_of("ascend-910b3", 2);
  for (rig::RigDevice& device : rig.devices) device.reserved = Bytes(12 * kGiB);
  const auto placement = place(facts(), *model, rig, ask("maxSeqLen=40960", "mindie"));
  ASSERT_TRUE(placement) << error_of(placement);
  ASSERT_TRUE(placement->fits);
  const int longest = placement->settings.max_batched_tokens;
  EXPECT_GT(longest, 8192);
  EXPECT_LT(longest, 40959);
  const Launch launch = launch_line(*catalog::read_engine(facts(), "mindie"), *model, rig, *placement);
  EXPECT_NE(launch.file_text.find("\"maxInputTokenLen\": " + std::to_string(longest) + ","), std::string::npos) << launch.file_text;
  ASSERT_EQ(launch.unsaid.size(), 2u);
  EXPECT_NE(launch.unsaid.back().find("memory for no longer one"), std::string::npos) << launch.unsaid.back();
  const auto more = place(facts(), *model, rig, ask("maxSeqLen=40960 maxPrefillTokens=" + std::to_string(longest + 1024), "mindie"));
  ASSERT_TRUE(more);
  EXPECT_FALSE(more->fits);
}

// Models that see are not given their cache by themselves: the service wants its size in whole GB.
TEST(Launch, MindieIsToldTheCacheOfModelsThatSee) {
  auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", "bf16");
  ASSERT_TRUE(model) << error_of(model);
  model::Tensor tower = model->tensors.front();
  tower.role = model::Role::vision;
  model->tensors.push_back(tower);
  const rig::Rig rig = rig_of("ascend-910b3", 1);
  const auto placement = place(facts(), *model, rig, ask("", "mindie"));
  ASSERT_TRUE(placement) << error_of(placement);
  const Launch launch = launch_line(*catalog::read_engine(facts(), "mindie"), *model, rig, *placement);
  EXPECT_NE(launch.file_text.find("\"npuMemSize\": " + std::to_string(static_cast<int>(placement->devices[0].memory.kv.value() / kGiB)) + "\n"), std::string::npos) << launch.file_text;
}

// A service of two instances, each on two chips.
TEST(Launch, MindieServesCopiesAsInstances) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3-32b", "w8a8");
  const rig::Rig rig = rig_of("ascend-910b3", 4);
  auto settings = initial_settings(*catalog::read_engine(facts(), "mindie"), rig);
  settings.mode = Mode::tensor, settings.tensor_degree = settings.data_degree = 2;
  const auto engine = *catalog::read_engine(facts(), "mindie");
  const auto placement = lay_out(facts(), engine, "cann", *model, rig, settings);
  ASSERT_TRUE(placement) << error_of(placement);
  const Launch launch = launch_line(engine, *model, rig, *placement);
  for (const char* said : {"\"modelInstanceNumber\": 2,", "\"npuDeviceIds\": [[0, 1], [2, 3]],", "\"worldSize\": 2,"})
    EXPECT_NE(launch.file_text.find(said), std::string::npos) << launch.file_text;
}

// Two servers of 8 chips with 64 GB each: DeepSeek R1 in W8A8 takes both, a service on each with its own 8 chips and one rank table.
TEST(Launch, MindiesFileIsJsonWhateverTheModelsPathHolds) {
  const rig::Rig rig = rig_of("ascend-910b3", 16);
  auto model = model::architecture_from_catalogue(facts(), "deepseek-r1", "w8a8");
  model->file = "/models/my \"best\"\n\\one";
  const auto placement = place(facts(), *model, rig, ask("", "mindie"));
  ASSERT_TRUE(placement) << error_of(placement);
  const Launch launch = launch_line(*catalog::read_engine(facts(), "mindie"), *model, rig, *placement);
  EXPECT_NE(launch.file_text.find(R"("modelWeightPath": "/models/my \"best\"\u000a\\one",)"), std::string::npos) << launch.file_text;
}

TEST(Launch, MindieOverTwoServers) {
  rig::Rig rig = rig_of("ascend-910b3", 16);
  rig.hosts.push_back(rig.hosts.front());
  for (int d = 8; d < 16; ++d) rig.devices[static_cast<std::size_t>(d)].host = 1;
  const auto model = model::architecture_from_catalogue(facts(), "deepseek-r1", "w8a8");
  const auto placement = place(facts(), *model, rig, ask("", "mindie"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_TRUE(placement->fits);
  const Launch launch = launch_line(*catalog::read_engine(facts(), "mindie"), *model, rig, *placement);
  EXPECT_NE(launch.line.find("RANKTABLEFILE="), std::string::npos) << launch.line;
  EXPECT_NE(launch.file_text.find("\"worldSize\": 8"), std::string::npos) << launch.file_text;
  EXPECT_NE(launch.file_text.find("\"multiNodesInferEnabled\": true"), std::string::npos) << launch.file_text;
  rig::Rig duo = rig_of("atlas-300i-duo-96gb", 2);
  duo.hosts.push_back(duo.hosts.front());
  duo.devices[1].host = 1;
  EXPECT_EQ(error_of(place(facts(), *model, duo, ask("", "mindie"))), "--on: MindIE cannot share a model between hosts (nearest: --engine vllm)");
}

// Two hosts of one 24 GiB card each: 34 GiB need both, one host's memory is all the engine's process has, and the line names the other's server.
TEST(Launch, DevicesOfSeveralHosts) {
  rig::Rig rig = rig_of("rtx-3090", 2);
  rig.hosts.push_back(rig.hosts.front());
  rig.devices[1].host = 1;
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto model = qwen3_moe(test::ggml::q8_0);
  const auto placement = place(facts(), model, rig, ask("-c 4096 -ngl 99 -ts 1,1"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_EQ(placement->host_capacity, rig.hosts.front().memory);
  const Launch launch = launch_line(engine, model, rig, *placement);
  EXPECT_NE(launch.line.find("--rpc HOST2:50052 -dev CUDA0,RPC0"), std::string::npos) << launch.line;
  EXPECT_NE(launch.file_text.find("ggml-rpc-server"), std::string::npos);
  const auto again = place(facts(), model, rig, ask(launch.line.substr(launch.line.find(" -c ") + 1)));
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_EQ(again->devices[1].memory.total(), placement->devices[1].memory.total());
  EXPECT_EQ(error_of(place(facts(), model, rig, ask("", "ollama"))), "--on: Ollama cannot share a model between hosts (nearest: --engine llama.cpp)");
}

// 126 layers and the head are 127: -ngl 99 would leave 28 of them on the host.
TEST(Launch, AllLayersOfADeepModelAreSaid) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  auto model = *model::architecture_from_catalogue(facts(), "llama-3.1-405b", "q4_k_m");
  const rig::Rig rig = rig_of("h200-sxm-141gb", 8);
  const auto placement = place(facts(), model, rig, ask("-c 4096 -ngl all"));
  ASSERT_TRUE(placement) << error_of(placement);
  model.file = "model.gguf";
  const Launch launch = launch_line(engine, model, rig, *placement);
  EXPECT_NE(launch.line.find("-ngl 127 "), std::string::npos) << launch.line;
  EXPECT_NE(join(launch.bench, " ").find("-ngl 127 "), std::string::npos);
  const auto parsed = parse_flags(engine, model, rig, launch.line.substr(launch.line.find(" -c ") + 1));
  ASSERT_TRUE(parsed) << error_of(parsed);
  EXPECT_EQ(parsed->settings.gpu_layers, placement->settings.gpu_layers);
  EXPECT_EQ(parse_flags(engine, model, rig, "-ngl 99")->settings.gpu_layers, 99) << "28 layers stay on the host";
  EXPECT_EQ(parse_flags(engine, llama_8b(test::ggml::q8_0), rig, "-ngl 99")->settings.gpu_layers, -1);
}

// Metal calls its devices MTL0, MTL1 (GGML_METAL_NAME); ik_llama.cpp calls the split of every matrix a graph.
TEST(Launch, DevicesAndSplitsHaveTheEnginesNames) {
  const auto model = llama_8b(test::ggml::q8_0);
  const auto llama = *catalog::read_engine(facts(), "llama.cpp"), ik = *catalog::read_engine(facts(), "ik_llama.cpp");
  const rig::Rig macs = *rig::parse_rig(facts(), "m3-ultra-96g | m4-max-64g; net=10gbe");
  const auto placement = place(facts(), model, macs, ask("-c 4096 -ngl 99 -ot ffn_up=MTL0"));
  ASSERT_TRUE(placement) << error_of(placement);
  const std::string line = launch_line(llama, model, macs, *placement).line;
  EXPECT_NE(line.find("-dev MTL0,RPC0"), std::string::npos) << line;
  EXPECT_NE(line.find("-ot ffn_up=MTL0"), std::string::npos) << line;
  const rig::Rig cards = rig_of("rtx-3090", 2);
  Request request = ask("-c 4096 -sm graph -ngl 99");
  request.engine = "ik_llama.cpp";
  const auto graph = place(facts(), model, cards, request);
  ASSERT_TRUE(graph) << error_of(graph);
  EXPECT_NE(launch_line(ik, model, cards, *graph).line.find("-sm graph"), std::string::npos);
}

// lms load says how much of the layers lies on the devices, and nothing of which device: what it cannot say is told beside the line.
TEST(Launch, WhatALineCannotSayIsTold) {
  const auto lms = *catalog::read_engine(facts(), "lm-studio");
  const auto ollama = *catalog::read_engine(facts(), "ollama");
  for (const catalog::Engine& engine : {lms, ollama}) {
    Settings settings = initial_settings(engine, rig_of("rtx-3090", 1));
    settings.context = 4096;
    settings.kv_offload = false;
    EXPECT_FALSE(lay_out(facts(), engine, "cuda", llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), settings)) << engine.name << " has no switch for it";
  }
  const rig::Rig rig = rig_of("rtx-3090", 2);
  Request request = ask("");
  request.engine = "lm-studio";
  const auto one = place(facts(), llama_8b(test::ggml::q8_0), rig, request);
  ASSERT_TRUE(one) << error_of(one);
  ASSERT_EQ(one->mode, Mode::single);
  const Launch launch = launch_line(lms, llama_8b(test::ggml::q8_0), rig, *one);
  ASSERT_EQ(launch.unsaid.size(), 1u);
  EXPECT_EQ(launch.unsaid[0], "This line cannot say which device is used: choose device 0 (GeForce RTX 3090) in LM Studio's settings (Settings, Hardware: switch the other cards off, which is for all models; under Vulkan see that it took the right one).");
  EXPECT_TRUE(launch_line(lms, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), *place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), request)).unsaid.empty());
  const auto moe = place(facts(), qwen3_moe(test::ggml::q8_0), rig_of("rtx-3090", 1), request);
  ASSERT_TRUE(moe) << error_of(moe);
  EXPECT_EQ(moe->settings.cpu_moe_layers, 0) << "its command line moves no experts";
}

// kt-kernel reads GGUF from a folder of files.
TEST(Launch, ExpertsAreReadFromAFolder) {
  const auto engine = *catalog::read_engine(facts(), "ktransformers");
  Request request = ask("");
  request.engine = "ktransformers";
  model::Architecture model = *model::architecture_from_catalogue(facts(), "qwen3-30b-a3b", "q4_k_m");
  const auto line = [&] {
    const auto placement = place(facts(), model, rig_of("rtx-3090", 1), request);
    return placement ? launch_line(engine, model, rig_of("rtx-3090", 1), *placement).line : to_text(placement.error());
  };
  EXPECT_NE(line().find("--kt-weight-path qwen3-30b-a3b-Q4_K_M "), std::string::npos) << line();
  model.file = "models/moe/file.gguf";
  EXPECT_NE(line().find("--kt-weight-path models/moe "), std::string::npos) << line();
}

// What the line has no words of its own for stands on it as the user wrote it, once; what it says itself does not stand there twice.
TEST(Launch, TheUsersOwnFlagsStandOnTheLine) {
  const auto line = [](const char* engine, const char* flags, const char* quant = "q4_k_m") {
    const auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", quant);
    const rig::Rig rig = rig_of("rtx-3090", 2);
    const auto placement = place(facts(), *model, rig, ask(flags, engine));
    EXPECT_TRUE(placement) << error_of(placement);
    const Launch launch = launch_line(*catalog::read_engine(facts(), engine), *model, rig, *placement);
    for (const FlagNote& flag : launch.flags) EXPECT_FALSE(flag.text.empty()) << flag.flag;
    return launch.line + (launch.file_text.empty() ? "" : "\n" + launch.file_text) + (launch.unsaid.empty() ? "" : "\n" + join(launch.unsaid, "\n"));
  };
  const auto count = [](const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  const std::string vllm = line("vllm", "--enforce-eager --max-model-len 8192 --enable-prefix-caching --port 80 --speculative-config '{\"method\": \"ngram\"}' --model other", "bf16");
  for (const char* part : {" --enforce-eager", " --enable-prefix-caching", " --port 80", " --speculative-config '{\"method\": \"ngram\"}'", " --max-model-len 8192"}) EXPECT_EQ(count(vllm, part), 1u) << part << '\n' << vllm;
  EXPECT_EQ(count(vllm, "other"), 0u) << vllm;
  const std::string llama = line("llama.cpp", "-c 8192 -md draft.gguf --draft-max 16 --mlock --port 8080 --jinja -m other.gguf -fa on --temp=0.7 --lora a --lora b");
  for (const char* part : {" -md draft.gguf", " --spec-draft-n-max 16", " --mlock", " --port 8080", " --jinja", " -c 8192", " -fa on", " --temp=0.7", " --lora a", " --lora b"}) EXPECT_EQ(count(llama, part), 1u) << part << '\n' << llama;
  EXPECT_EQ(count(llama, "other"), 0u) << llama;
  EXPECT_EQ(count(line("sglang", "--disable-cuda-graph --page-size 64", "bf16"), " --disable-cuda-graph --page-size 64"), 1u);
  const std::string ollama = line("ollama", "temperature=0.7 OLLAMA_KEEP_ALIVE=1h");
  EXPECT_NE(ollama.find("OLLAMA_KEEP_ALIVE=1h ollama serve"), std::string::npos) << ollama;
  EXPECT_NE(ollama.find("PARAMETER temperature 0.7"), std::string::npos) << ollama;
  EXPECT_NE(line("lm-studio", "--ttl 60 --mlock").find("This line cannot say --mlock: it is a flag of the engine underneath."), std::string::npos);
}

// llama-bench times the placement that is predicted, in its own spelling of the flags.
TEST(Launch, TheBenchmarkLaysOutTheSamePlacement) {
  auto model = llama_8b(test::ggml::q8_0);
  model.file = "model.gguf";
  const rig::Rig rig = rig_of("rtx-3090", 2);
  const auto placement = place(facts(), model, rig, ask("-c 4096 -ngl 30 -ts 3,1 --n-cpu-moe 2 -ctk q8_0 -ctv q8_0 -ub 1024 --no-kv-offload"));
  ASSERT_TRUE(placement) << error_of(placement);
  const std::string words = join(launch_line(*catalog::read_engine(facts(), "llama.cpp"), model, rig, *placement).bench, " ");
  EXPECT_EQ(words, "llama-bench -m model.gguf -ngl 30 -sm layer -ts 3/1 -ncmoe 2 -nkvo 1 -fa 1 -ctk q8_0 -ctv q8_0 -ub 1024 -b 2048");
  model.file.clear();
  EXPECT_TRUE(launch_line(*catalog::read_engine(facts(), "llama.cpp"), model, rig, *placement).bench.empty()) << "there is no file to time";
}

}  // namespace
}  // namespace rigcast::placement
