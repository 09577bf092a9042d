// Catalogue rows against the number of weights that the published safetensors hold, to within a few small vectors.
//
// Totals: what Hugging Face prints of each repository's safetensors, as listed in data/hf_models.json of AlexsJones/llmfit (commits 90482185 and
// 4d3ab0e5, 2026-02 and 2026-04; read 2026-11).
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "model/architecture.hpp"
#include "model/read.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

// `beyond`: weights of the checkpoint that no engine reads in plain decoding and the catalogue leaves out, by hand.
struct Total { const char* key; double total, beyond; };
void PrintTo(const Total& total, std::ostream* out) { *out << total.key; }

// A decoder layer of Qwen 3.5 and Next that predicts a second token: projection of two streams, gated attention, norms.
constexpr double qwen_predicts(double hidden, double heads, double kv_heads) {
  return 2 * hidden * hidden + 512 * hidden * heads + 512 * hidden * kv_heads + 256 * heads * hidden + 512 + 5 * hidden;
}
constexpr double qwen_mixture(double hidden, double experts, double width) { return 3 * hidden * width * (experts + 1) + hidden * (experts + 1); }

// DeepSeek V3's next-token layer: attention, mixture, what joins it to the trunk, an embedding and a head of its own.
constexpr double kDeepSeekPredicts = 187107328 + 2 * 7168 + 257. * 3 * 7168 * 2048 + 256 * 7168 + 256 + 2. * 7168 * 7168 + 3 * 7168 + 2. * 129280 * 7168;
// A scale for each block of 128 x 128 weights of its 62 layers of attention (11,448), 3 dense parts (24,192) and 59 x 257 experts (2,688).
constexpr double kDeepSeekScales = 62. * 11448 + 3. * 24192 + 59. * 257 * 2688;

// GLM-5: attention of 78 layers' kind with its indexer, a mixture, and the projection of two streams.
constexpr double kGlmPredicts = 6144. * 2048 + 2048 + 2048. * 16384 + 6144. * 576 + 512 + 512. * 64 * 448 + 64. * 256 * 6144 + 2048. * 4096 + 6144. * 128 + 256 + 6144. * 32 + 2 * 6144 + 257. * 3 * 6144 * 2048 + 256 * 6144 + 256 + 2. * 6144 * 6144 + 3 * 6144;
// GLM-4.7 Flash: the same without an indexer, but with a table and a head of its own.
constexpr double kGlmFlashPredicts = 2048. * 768 + 768 + 768 * 20 * 256 + 2048 * 576 + 512 + 512 * 20 * 448 + 20 * 256 * 2048 + 65. * 3 * 2048 * 1536 + 64 * 2048 + 64 + 2. * 2048 * 2048 + 5 * 2048 + 2. * 154880 * 2048;

constexpr Total kTotals[] = {
    {"qwen3-0.6b", 751632384, 151936. * 1024},   // the embedding once more as head
    {"tinyllama-1.1b", 1100048384, 0},
    {"llama-3.2-1b", 1235814400, 0},
    {"qwen2.5-coder-1.5b", 1543714304, 0},
    {"gemma-2-2b", 2614341888, 0},
    {"llama-3.2-3b", 3212749824, 0},
    {"qwen2.5-vl-3b", 3754622976, 0},
    {"phi-4-mini", 3836021760, 0},
    {"qwen3-4b", 4022468096, 0},
    {"yi-6b", 6061035520, 0},
    {"llama-2-7b", 6738415616, 0},
    {"codellama-7b", 6738546688, 0},
    {"falcon-7b", 7217189760, 65024. * 4544},    // as of Qwen3 0.6B
    {"mistral-7b-v0.1", 7241732096, 0},
    {"mistral-7b-v0.3", 7248023552, 0},
    {"falcon3-7b", 7455550464, 0},
    {"qwen2.5-7b", 7615616512, 0},
    {"llama-3.1-8b", 8030261248, 0},
    {"qwen3-8b", 8190735360, 0},
    {"gemma-2-9b", 9241705984, 0},
    {"glm-4-9b", 9399951392, 0},
    {"llama-2-13b", 13015864320, 0},
    {"codellama-13b", 13016028160, 0},
    {"qwen2.5-coder-14b", 14770033664, 0},
    {"gpt-oss-20b", 21511953984, 24. * 32 * 3 * 2880 * 2880 / 32},   // a scale for each 32 weights of its experts
    {"ernie-4.5-21b-a3b", 21825436160, 0},
    {"mistral-small-24b", 23572403200, 0},
    {"lfm2-24b-a2b", 23843661440, 0},
    {"mistral-small-3.2-24b", 24011361280, 0},
    {"gemma-4-26b-a4b", 26544131376, 262144. * 2816},   // head
    {"gemma-2-27b", 27227128320, 0},
    {"qwen3.5-27b", 27781427952, qwen_predicts(5120, 24, 4) + 3. * 5120 * 17408},
    {"qwen3-30b-a3b", 30532122624, 0},
    {"qwen3-vl-30b-a3b", 31070754032, 0},
    {"nemotron-3-nano-30b-a3b", 31577937344, 0},
    {"exaone-4.0-32b", 32003216384, 0},
    {"olmo-3-32b", 32233522176, 0},
    {"olmo-2-32b", 32234279936, 0},
    {"gemma-4-31b", 32682372656, 262144. * 5376},       // head
    {"qwen3-32b", 32762123264, 0},
    {"qwen2.5-coder-32b", 32763876352, 0},
    {"codellama-34b", 33743970304, 0},
    {"yi-34b", 34388917248, 0},
    {"qwen3.6-35b-a3b", 35951822704, qwen_predicts(2048, 16, 2) + qwen_mixture(2048, 256, 512)},
    {"mixtral-8x7b", 46702792704, 0},
    {"kimi-linear-48b-a3b", 49122681728, 0},
    {"llama-3.1-70b", 70553706496, 0},
    {"qwen2.5-72b", 72706203648, 0},
    {"qwen2.5-vl-72b", 73410777344, 0},
    {"qwen3-coder-next-80b-a3b", 79674391296, 0},
    {"qwen3-next-80b-a3b", 81324862720, qwen_predicts(2048, 16, 2) + qwen_mixture(2048, 512, 512)},
    {"sarvam-105b", 106031767424, 0},
    {"llama-4-scout", 108641793536, 0},
    {"glm-4.5-air", 110468824832, 0},
    {"gpt-oss-120b", 120412337472, 36. * 128 * 3 * 2880 * 2880 / 32},
    {"mistral-large-123b", 122610069504, 0},
    {"qwen3.5-122b-a10b", 125086497008, qwen_predicts(3072, 32, 2) + qwen_mixture(3072, 256, 1024)},
    {"mixtral-8x22b", 140630071296, 2. * 768 * 6144},   // Instruct, whose vocabulary has 768 words more
    {"dots.llm1-142b-a14b", 142774381696, 0},
    {"bloom-176b", 176247271424, 0},
    {"falcon-180b", 179522565120, 65024. * 14848},
    {"minimax-m2.7", 228703644928, 62. * 2688 + 62. * 256 * 864},   // scales of blocks: attention 2,688 a layer, experts 864 each
    {"qwen3-235b-a22b", 235093634560, 0},
    {"qwen3-vl-235b-a22b", 235670022896, 0},
    {"deepseek-v2", 235741434880, 0},
    {"glm-4.6", 356785898816, 0},
    {"glm-4.7", 358337791296, 0},
    {"llama-4-maverick", 401583781376, 0},
    {"qwen3.5-397b-a17b", 403397928944, qwen_predicts(4096, 32, 2) + qwen_mixture(4096, 512, 1024)},
    {"llama-3.1-405b", 405853388800, 0},
    {"qwen3-coder-480b-a35b", 480154875392, 0},
    {"deepseek-r1", 684531386000, kDeepSeekPredicts + kDeepSeekScales},
    {"glm-5", 753864139008, kGlmPredicts},
    {"glm-5.2", 753329940480, kGlmPredicts},           // by its index: 1,506,659,919,872 bytes in BF16, of which 76 x 256 corrections in F32
    {"glm-4.7-flash", 31221488576, kGlmFlashPredicts},  // by its index
    // Scales of blocks: attention 6,200 a layer, one dense part 24,192, 60 x 385 experts of 2,688.
    {"kimi-k2", 1026470731056, 61. * 6200 + 24192 + 60. * 385 * 2688},
};

class PublishedTotals : public testing::TestWithParam<Total> {};

// What may differ: rotary tables, corrections of routers, scales of layers.
constexpr double kSmall = 4000;

TEST_P(PublishedTotals, AreReached) {
  static const catalog::Catalog facts = catalog::Catalog::load().value();
  const auto a = architecture_from_catalogue(facts, GetParam().key);
  ASSERT_TRUE(a.has_value()) << to_text(a.error());
  double tower = 0;
  for (const Tensor& tensor : a->tensors)
    if (tensor.role == Role::vision || tensor.role == Role::next_token) tower += static_cast<double>(tensor.elements());
  EXPECT_NEAR(a->parameters() + tower + GetParam().beyond, GetParam().total, kSmall);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedTotals, testing::ValuesIn(kTotals));

// What checkpoints of four bits weigh: the files of their repositories as the page of each lists them, to 10 MB a file (2024-2025; read 2026-12). Beside
// four bits a weight AWQ keeps, of 128 weights, a scale of 16 bits and a zero of four, GPTQ also the group of each input; tables, heads and norms stay.
struct Checkpoint { const char* spec; std::vector<double> gigabytes; const char* source; };
void PrintTo(const Checkpoint& checkpoint, std::ostream* out) { *out << checkpoint.spec; }

const Checkpoint kCheckpoints[] = {
    {"mistral-7b-v0.1:awq", {4.15}, "TheBloke/Mistral-7B-v0.1-AWQ"},
    {"mistral-7b-v0.2:awq", {4.15}, "TheBloke/Mistral-7B-Instruct-v0.2-AWQ"},
    {"qwen2.5-7b:awq", {4.48, 1.09}, "graelo/Qwen2.5-7B-Instruct-1M-AWQ"},
    {"llama-3.1-8b:awq", {4.68, 1.05}, "thesven/Meta-Llama-3.1-8B-Instruct-AWQ"},
    {"qwen2.5-14b:gptq-int4", {3.99, 3.97, 2.02}, "Qwen/Qwen2.5-14B-Instruct-GPTQ-Int4"},
    {"qwen2.5-32b:awq", {3.94, 3.98, 3.95, 3.98, 3.48}, "Qwen/Qwen2.5-32B-Instruct-AWQ"},
    {"qwen2.5-32b:gptq-int4", {3.95, 3.98, 3.95, 3.98, 3.48}, "Qwen/Qwen2.5-32B-Instruct-GPTQ-Int4"},
    {"qwq-32b:awq", {4.96, 4.99, 4.96, 4.42}, "casperhansen/qwq-32b-preview-awq"},
    {"mixtral-8x7b:awq", {9.97, 9.98, 4.7}, "TheBloke/mixtral-8x7b-v0.1-AWQ"},
    {"llama-3-70b:awq", {4.97, 4.89, 4.89, 4.89, 4.89, 4.89, 4.89, 3.36, 2.1}, "radm/Llama-3-70B-Instruct-AH-AWQ"},
    {"llama-3.3-70b:awq", {4.97, 4.89, 4.89, 4.89, 4.89, 4.89, 4.89, 3.36, 2.1}, "casperhansen/llama-3-70b-instruct-awq, whose files those of 3.3 equal"},
};

class PublishedCheckpoints : public testing::TestWithParam<Checkpoint> {};

TEST_P(PublishedCheckpoints, AreWeighed) {
  static const catalog::Catalog facts = catalog::Catalog::load().value();
  const auto a = read_model(facts, GetParam().spec);
  ASSERT_TRUE(a.has_value()) << to_text(a.error());
  double printed = 0;
  for (const double each : GetParam().gigabytes) printed += 1e9 * each;
  EXPECT_NEAR(a->weight_bytes().value(), printed, 0.005 * printed) << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(All, PublishedCheckpoints, testing::ValuesIn(kCheckpoints));

}  // namespace
}  // namespace rigcast::model
