// Configs of published checkpoints (tests/configs: their sizes, with the keys such files carry) describe as many parameters as were published,
// and what their layers remember.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "model/config.hpp"

namespace rigcast::model {
namespace {

std::filesystem::path folder() { return std::filesystem::path(RIGCAST_SOURCE_DIR) / "tests/configs"; }

Result<Architecture> published(const std::string& file) {
  static const catalog::Catalog facts = catalog::Catalog::load().value();
  std::ifstream in(folder() / file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return architecture_from_config(facts, text, "config.json");
}

// One file: its parameters by hand, elements its cache gains a token (behind windows too), layers with a window, elements of the state of a sequence.
struct Counted { const char* file; std::int64_t parameters, cache, sliding, state; };
void PrintTo(const Counted& counted, std::ostream* out) { *out << counted.file; }

std::int64_t cached(const Layer& layer) {
  const Attention& a = layer.attention;
  if (a.kind == AttentionKind::none || a.kv_layer >= 0) return 0;
  return a.kind == AttentionKind::mla ? a.latent_dim + a.rope_dim : std::int64_t{a.kv_heads} * (a.key_dim + a.value_dim);
}

constexpr Counted kCounted[] = {
    // 64 x (3 x 5120^2 + 2 x 5120 x 1024 + 2 x 64 x 5 x 5120 + 2 x 128 x 5120 + 7 x 5120 + 5120 + 2 x 1024 + 3 x 5120 x 27648 + 2 x 5120) + 2 x 152064 x 5120 + 5120; published: 34.7 B.
    {"qrwkv6-32b", 34737492992, 0, 0, 42270720},
    // 48 x (2 x 6144 x 8192 + 2 x 6144 x 1024 + 2 x 128 + 2 x 6144) + 3 x 6144 x 18432 + 47 x (128 x 6144 + 128 + 129 x 3 x 6144 x 2048) + 2 x 153600 x 6144 + 6144; published: 236 B, 23 B active.
    {"k-exaone-236b", 236571156352, 98304, 36, 0},
    // 29 x (4096 x (2 x 8192 + 2 x 128 + 128) + 5 x (8192 + 2 x 128) + 3 x 128 + 8192 + 8192 x 4096) + 3 x (2 x 4096^2 + 2 x 4096 x 1024) + 32 x (3 x 4096 x 14336 + 2 x 4096) + 2 x 128256 x 4096 + 4096; published: 9.78 B.
    {"bamba-9b", 9780235392, 6144, 0, 31143680},
    // 56 x (6144 x 1536 + 1536 + 1536 x 64 x 192 + 6144 x 576 + 512 + 512 x 64 x 256 + 64 x 128 x 6144 + 3 x 6144 x 12288 + 2 x 6144) + 28 x (512 x 3 x 6144 x 2048 + 768 x (6144 + 1)) + 2 x 131072 x 6144 + 6144; published: 560 B, 18.6 to 31.3 B active, 27 B on average.
    {"longcat-flash", 560664980480, 32256, 0, 0},
    // 64 x (2 x 8192^2 + 2 x 8192 x 1024 + 8 x (8192 + 3 x 8192 x 16384) + 3 x 8192 x 32768 + 4 x 8192) + 2 x 131072 x 8192 + 8192; published: 270 B, 115 B active.
    {"grok-2", 269515497472, 131072, 0, 0},
    // 61 x (7168 x 1536 + 1536 + 1536 x 64 x 192 + 7168 x 576 + 512 + 512 x 64 x 256 + 64 x 128 x 7168 + 2 x 7168) + 3 x 7168 x 18432 + 60 x (192 x 7168 + 192 + 193 x 3 x 7168 x 2048 + 7168) + 2 x 163840 x 7168 + 7168; published: 519 B, 33 B active.
    {"a.x-k1", 518983063808, 35136, 0, 0},
    // 35 x (6 x 2560 x 4096 + 3 x 4 x 4096 + 2560 x 32 + 32 + 4096 + 128) + 7 x (2560 x 32 x 192 + 2560 x 576 + 512 + 512 x 32 x 256 + 32 x 128 x 2560 + 2560 x 32) + 84 x 2560 + 2 x 3 x 2560 x 6144 + 40 x (512 x 2560 + 512 + 513 x 3 x 2560 x 768) + 2 x 157184 x 2560 + 2560; published: a file of 76 GB in INT4 with groups of 32.
    {"ling-3.0-flash", 124414211552, 4032, 0, 19640320},
    // 35 x (2 x 7168^2 + 2 x 7168 x 1024 + 3 x 7168^2 + 128 x (3 x 7168 x 4864 + 7168) + 3 x 7168) + 2 x 32000 x 7168 + 7168; published: 480 B, 17 B active.
    {"arctic", 478584608768, 71680, 0, 0},
    // 64 x (2560 x 10240 + 5 x 5120 + 5120 x (160 + 32) + 160 x 5120 + 5120 + 16 x 5120 + 5120 + 5120 x 2560 + 2560) + 50280 x 2560 + 2560; published: 2768345600.
    {"mamba-2.8b", 2768345600, 0, 0, 6225920},
    // 64 x (4096 x 16384 + 5 x 8192 + 8192 x (256 + 32) + 256 x 8192 + 8192 + 16 x 8192 + 8192 + 8192 x 4096 + 4096) + 2 x 65024 x 4096 + 4096; published: 7.27 B.
    {"falcon-mamba-7b", 7272665088, 0, 0, 9961472},
    // 64 x (4096 x (2 x 8192 + 2 x 8 x 128 + 128) + 5 x (8192 + 2 x 8 x 128) + 3 x 128 + 8192 + 8192 x 4096 + 4096) + 2 x 32768 x 4096 + 4096; published: 7285403648.
    {"mamba-codestral-7b", 7285403648, 0, 0, 69074944},
    // 32 x (5 x 4096^2 + 2 x 64 x 5 x 4096 + 2 x 128 x 4096 + 6 x 4096 + 2 x 4096 + 2 x 4096 + 2 x 4096 x 14336 + 4096^2 + 2 x 4096 + 4 x 4096) + 2 x 65536 x 4096 + 4 x 4096; published: 7.6 B.
    {"rwkv-6-world-7b", 7635746816, 0, 0, 8650752},
    // 32 x (4 x 2560^2 + 2 x 2560 x (96 + 96 + 64 + 320) + 6 x 2560 + 3 x 2560 + 3 x 2560 + 2 x 2560 + 2 x 2560 x 10240 + 2560 + 4 x 2560) + 2 x 2560 x 32 + 2 x 65536 x 2560 + 4 x 2560; published: 2.9 B.
    {"rwkv7-2.9b", 2948229120, 0, 0, 5406720},
    // 44 x (4 x 6144^2 + 4 x 6144 + 2 x 6144 x 24576 + 24576 + 6144 + 4 x 6144) + 2 x 50432 x 6144 + 2 x 6144; published: 20554567680.
    {"gpt-neox-20b", 20554567680, 540672, 0, 0},
    // 24 x (4 x 2048^2 + 2048 + 2 x 2048 x 8192 + 8192 + 2048 + 4 x 2048) + 50257 x 2048 + 2048^2 + 2 x 2048; published: 1315575808.
    {"gpt-neo-1.3b", 1315575808, 98304, 12, 0},
    // 36 x (4 x 4096^2 + 4 x 4096 + 4 x 64 + 2 x 4096 x 16384 + 16384 + 4096 + 4 x 4096) + 2 x 262144 x 4096 + 2 x 4096; published: files of 9.93 and 8.86 GB in BF16.
    {"persimmon-8b", 9397175296, 294912, 0, 0},
    // 20 x (4 x 1024^2 + 2 x 1024 x 4096 + 4096 + 1024 + 2 x 1024) + 2 x 51200 x 1024 + 51200 + 2 x 1024; published: 350 M.
    {"codegen-350m", 356712448, 40960, 0, 0},
    // 40 x (6144 x (6144 + 256) + 6144 + 256 + 6144^2 + 6144 + 2 x 6144 x 24576 + 24576 + 6144 + 4 x 6144) + 49152 x 6144 + 8192 x 6144 + 2 x 6144; published: 15517456384.
    {"starcoder", 15517456384, 10240, 0, 0},
    // 32 x (12 x 4096^2 + 2 x 4096) + 50432 x 4096 + 4096; published: 6649286656.
    {"mpt-7b", 6649286656, 262144, 0, 0},
    // 62 x (2560 x 768 + 768 + 768 x 40 x 96 + 2560 x 288 + 256 + 256 x 40 x 128 + 40 x 64 x 2560 + 3 x 2560 x 6400 + 2 x 2560) + 73448 x 2560 + 2560; published: 4.07 B.
    {"minicpm3-4b", 4073875968, 396800, 0, 0},
    // 32 x (2048 x 16 x 192 + 2048 x 576 + 512 + 512 x 16 x 256 + 2048^2 + 2 x 2048 x 8192 + 2 x 2048) + 151936 x 2048 + 2048; published: 1.83 B.
    {"plm-1.8b", 1825458176, 163840, 0, 0},
    // 40 x (4 x 5120^2 + 4 x 5120 + 3 x 5120 x 13653 + 2 x 13653 + 5120 + 4 x 5120) + 84992 x 5120 + 2 x 5120; published: 13 B.
    {"jais-13b", 13020811920, 409600, 0, 0},
    // 32 x (4 x 3328^2 + 4 x 3328 + 2 x 3328 x 26624 + 26624 + 3328 + 4 x 3328) + 2 x 150272 x 3328 + 2 x 3328; published: 8.09 B.
    {"jais-2-8b", 8090401280, 212992, 0, 0},
    // 40 x (4 x 5120^2 + 3 x 5120 x 15360 + 4 x 5120) + 2 x 84608 x 5120 + 2 x 5120; published: 14.5 B.
    {"orion-14b", 14498703360, 409600, 0, 0},
    // 40 x (4 x 5120^2 + 3 x 5120 x 13824 + 2 x 5120) + 2 x 100534 x 5120 + 5120; published: 13.7 B.
    {"xverse-13b", 13717652480, 409600, 0, 0},
    // 34 x (2 x 4096^2 + 2 x 4096 x 1024 + 4096 + 2 x 1024 + 4096 + 3 x 4096 x 12800 + 2 x 4096) + 2 x 153376 x 4096 + 4096; published: 7 B without embeddings.
    {"openpangu-embedded-7b", 8030887936, 69632, 0, 0},
    // 30 x (2 x 2560^2 + 2 x 2560 x 640 + 3 x 2560 x 6912 + 3 x 2560 + 6912) + 128256 x 2560 + 2560; published: 2.41 B.
    {"bitnet-b1.58-2b-4t", 2412820480, 38400, 0, 0},
    // 42 x (2 x 4096^2 + 2 x 4096 x 1024 + 2 x 4096 + 2 x 1024 + 2 x 4096 x 16384 + 16384 + 4096 + 4 x 4096) + 70144 x 4096 + 2 x 4096; published: 7.69 B.
    {"codeshell-7b", 7688048640, 86016, 0, 0},
    // 32 x (2 x 2048^2 + 2 x 2048 x 64 + 3 x 2048 x 5632 + 2 x 2048) + 2 x 49216 x 2048 + 2048; published: 1.6 B.
    {"refact-1.6b", 1585842176, 4096, 0, 0},
    // 52 x (2 x 2560 x 3584 + 2 x 2560 x 512 + 64 x (2560 + 3 x 2560 x 768) + 2 x 2560) + 2 x 151936 x 2560 + 2560; published: 21 B, 3 B active.
    {"smallthinker-21b-a3b", 21506562560, 53248, 39, 0},
    // 61 x (7168 x 2048 + 2048 + 2048 x 16384 + 2 x 7168 x 256 + 16384 x 7168 + 2 x 7168) + 5 x 3 x 7168 x 18432 + 56 x (48 x 7168 + 49 x 3 x 7168 x 5120) + 2 x 128815 x 7168 + 7168; published: 316 B, 38 B active.
    {"step3", 316294538240, 31232, 0, 0},
    // 28 x (2 x 2304 x 4096 + 2 x 2304 x 512 + 2 x 128 + 64 x (2304 + 3 x 2304 x 896) + 2 x 2304) + 2 x 98304 x 2304 + 2304; published: 12 B, 2.5 B active.
    {"mellum2-12b-a2.5b", 12149923072, 28672, 21, 0},
    // 52 x (3 x 6656 x 4096 + 2 x 6656 x 256 + 2 x 128 + 3 x 6656 x 19968 + 4 x 6656) + 2 x 202048 x 6656 + 6656; published: 30 B with its vision tower.
    {"muse-glimmer-30b", 27854794240, 26624, 39, 0},
    // 24 x (2 x 2560^2 + 2 x 2560 x 512 + 20 + 3 x 2560 x 8192 + 2 x 2560) + 100352 x 2560 + 2560; published: 2 B.
    {"granite-swash-2b", 2144463840, 24576, 18, 0},
    // 32 x (2048 x 1536 + 1536 + 1536 x 16 x 192 + 2048 x 576 + 512 + 512 x 16 x 256 + 2048^2 + 3 x 2048 x 6144 + 2 x 2048) + 128256 x 2048 + 2048; published: 1.96 B.
    {"youtu-llm-2b", 1961560064, 18432, 0, 0},
    // 32 x (4 x 4096^2 + 2 x 4096 + 7 x (4096 + 3 x 4096 x 11008) + 2 x 4096) + 2 x 100352 x 4096 + 4096; published: 33 B.
    {"flexolmo-7x7b", 33270665216, 262144, 0, 0},
    // 48 x (4 x 2048^2 + 3 x 2048 x 5632 + 4 x 2048) + 2 x 49152 x 2048 + 2048; published: 2.6 B.
    {"ouro-2.6b", 2667972608, 786432, 0, 0},
    // 64 x (2 x 6144^2 + 2 x 6144 x 1024 + 3 x 6144 x 21504 + 2 x 6144) + 2 x 128256 x 6144 + 6144; published: 32 B.
    {"cwm", 32581097472, 131072, 48, 0},
    // 28 x (2 x 3584^2 + 2 x 3584 x 512 + 3584 + 2 x 512 + 3 x 3584 x 18944 + 2 x 3584) + 2 x 151666 x 3584 + 3584; published: 7.6 B of language.
    {"minicpm-v-2.6", 7612763648, 28672, 0, 0},
    // 32 x (2 x 3072^2 + 2 x 3072 x 1024 + 3 x 3072 x 8192 + 2 x 3072) + 200064 x 3072 + 3072; published: 3.8 B of language.
    {"phi-4-multimodal", 3836021760, 65536, 0, 0},
    // 12 x (4 x 1280^2 + 2 x 1280) + 3 x 1280 x 6848 + 11 x (64 x 1280 + 66 x 3 x 1280 x 896) + 2 x 129280 x 1280 + 1280; published: 3 B, 570 M active, without embeddings.
    {"deepseek-ocr", 2934734080, 30720, 0, 0},
    // 32 x (4 x 4096^2 + 3 x 4096 x 11008 + 2 x 4096) + 2 x 32064 x 4096 + 4096; published: 7 B.
    {"llava-1.5-7b", 6738939904, 262144, 0, 0},
    // 40 x (2 x 5120 x 4096 + 2 x 5120 x 1024 + 3 x 5120 x 14336 + 2 x 5120) + 2 x 131072 x 5120 + 5120; published: 12 B.
    {"pixtral-12b", 12247782400, 81920, 0, 0},
    // 26 x (2 x 2304 x 2048 + 2 x 2304 x 1024 + 3 x 2304 x 9216 + 4 x 2304) + 257216 x 2304 + 2304; published: 2.6 B of language.
    {"paligemma2-3b", 2617143552, 53248, 13, 0},
    // 80 x (2 x 5120^2 + 2 x 5120 x 1024 + 3 x 5120 x 27648 + 2 x 5120) + 2 x 76800 x 5120 + 5120; published: 40 B.
    {"iquest-coder-40b", 39794283520, 163840, 0, 0},
    // 28 x (2 x 1536^2 + 2 x 1536 x 256 + 1536 + 2 x 256 + 3 x 1536 x 8960 + 2 x 1536) + 2 x 151936 x 1536 + 1536; published: 1.7 B of language.
    {"dots-ocr", 1777088000, 14336, 0, 0},
    // 18 x (2 x 1024 x 2048 + 2 x 1024 x 256 + 3 x 1024 x 3072 + 2 x 1024) + 2 x 103424 x 1024 + 1024; published: 0.9 B with its vision tower.
    {"paddleocr-vl-0.9b", 466654208, 9216, 0, 0},
    // 30 x (4 x 4096^2 + 4096 + 3 x 4096 x 12288 + 4096 + 2 x 4096) + 2 x 131072 x 4096 + 4096; published: 7 B.
    {"telechat2-7b", 7617351680, 245760, 0, 0},
    // 38 x (2 x 6144^2 + 2 x 6144 x 1024 + 3 x 6144 x 14336 + 4 x 6144) + 2 x 110592 x 6144 + 6144; published: 14.7 B.
    {"hyperclovax-seed-think-14b", 14748112896, 77824, 0, 0},
    // 24 x (4 x (1024^2 + 1024) + 2 x 1024 + 2 x 1024 x 4096 + 4096 + 1024 + 2 x 1024) + 250002 x 1024 + 8192 x 1024 + 1024 + 2 x 1024; published: 568 M with a pooler of 1.05 M. An encoder keeps no cache; what a token would add to one is counted here.
    {"bge-m3", 566703104, 49152, 0, 0},
    // 24 x (2 x 768 x 768 + 2 x 768 x 256 + 2 x 256 + 3 x 768 x 1152 + 4 x 768) + 262144 x 768 + 768; published: 300 M with two projections behind it.
    {"embeddinggemma-300m", 302863104, 12288, 20, 0},
    // 40 x (5120 x 1280 + 1280 + 1280 x 32768 + 5120 x 512 + 512 + 4096 x 8192 + 8192 x 5120 + 64 + 2 x (20480 x 24 + 24 + 3) + 384 x 5120 + 384 + 385 x 3 x 5120 x 2304 + 2 x 5120) + 4 x (5120 x 512 + 512 + 512 x 128 + 128) + 3 x 5120 x 512 + 8 x (1280 x 32 x 128 + 5120 x 32) + 2 x (24 x 256 x 5 x 5120 + 8 x 5120) + 768022850 x 256 + 2 x 129280 x 5120 + 5120; published: 552 B without the tables of n-grams, 16 B active; of the cache what is behind the window is not counted here.
    {"deepseek-v4.1-flash", 748494669424, 40960, 40, 0},
    // 64 x (2 x 6144^2 + 2 x 6144 x 1024 + 3 x 6144 x 24576 + 2 x 6144) + 2 x 131072 x 6144 + 6144; published: 36 B.
    {"telechat3-36b", 36239579136, 131072, 0, 0},
    // 40 x (2 x 4096^2 + 2 x 4096 x 1024 + 3 x 4096 x 14336 + 2 x 4096) + 8 x (2 x 128 + 2) + 128264 x 4096 + 128256 x 4096 + 4096; published: 10670220835 with a tower of 895028755.
    {"llama-3.2-11b-vision", 9775192080, 65536, 0, 0},
    // 28 x (2 x 2560^2 + 2 x 2560 x 512 + 2 x 2560) + 3 x 2560 x 12288 + 27 x (64 x 2560 + 64 + 66 x 3 x 2560 x 1536 + 64 x 2560 + 64 x 3 x 2560 x 512) + 103424 x 2560 + 2560; published: 29.4 B with the tower, 3 B active.
    {"ernie-4.5-vl-28b-a3b", 28624634048, 28672, 0, 0},
    // 22 x (4 x 768^2 + 3 x 768 x 1152 + 2 x 768) - 768 + 50368 x 768 + 2 x 768; published: 149014272.
    {"modernbert-base", 149014272, 33792, 14, 0},
    // 12 x (4 x 768^2 + 3 x 768 x 3072 + 4 x 768) + 30528 x 768 + 2 x 768 + 2 x 768; published: 137 M.
    {"nomic-embed-v1.5", 136731648, 18432, 0, 0},
    // 12 x (4 x 768^2 + 4 x 768 + 4 x 768) + 6 x (2 x 768 x 3072 + 3072 + 768) + 6 x (8 x 768 + 8 x 2 x 768 x 3072) + 250048 x 768 + 768 + 2 x 768; published: 475 M, 305 M active, with a bias of 768 behind each mixture.
    {"nomic-embed-v2-moe", 475288320, 18432, 0, 0},
    // 12 x (4 x 768^2 + 4 x 768 + 3 x 768 x 3072 + 768 + 4 x 768) + 250048 x 768 + 768 + 2 x 768; published: 305 M.
    {"gte-multilingual-base", 305368320, 18432, 0, 0},
    // 12 x (4 x 768^2 + 3 x 768 x 3072 + 2 x 768) + 128256 x 768 + 768; published: 210 M.
    {"eurobert-210m", 211766016, 18432, 0, 0},
    // 12 x (4 x (768^2 + 768) + 2 x 768 x 3072 + 3072 + 768 + 4 x 768) + 128100 x 768 + 512 x 768 + 2 x 768 + 2 x 768; published: 184 M.
    {"deberta-v3-base", 183831552, 18432, 0, 0},
    // 8 x (2048 x 8192 + 4 x 4096 + 4096 x (128 + 2 x 64) + 128 x 32 + 3 x 32 + 4096 x 2048 + 128 + 2 x 64) + 8 x (2048 x 18 x 128 + 2048^2 + 17 x 128) + 16 x (3 x 2048 x 8192 + 4 x 2048) + 100000 x 2048 + 2048; published: 1.29 B.
    {"plamo-2-1b", 1291441920, 2048, 0, 2195456},
    // 48 x (2 x 2048 x 4096 + 2 x 2048 x 512 + 2 x 128 + 2 x 2048 + 128 x 2048 + 128 x 3 x 2048 x 768 + 64 x 3 x 2048 x 128) + 2 x 151936 x 2048 + 2048; published: 33 B, 3.14 to 3.28 B active without an embedding.
    {"grovemoe-inst", 32948041728, 49152, 0, 0},
    // 26 x (4 x 1152 x 1024 + 3 x 1152 x 6912 + 2 x 1152) + 256000 x 1152 + 1152; published: 1.04 B.
    {"vaultgemma-1b", 1038741120, 53248, 13, 0},
    // 24 x (3840 x (2 x 2880 + 2 x 5760 + 60) + 4 x 11520 + 2 x 30 + 192 + 5760 x 3840) + 8 x (4 x 3840^2 + 2 x 3840) + 32 x (3 x 3840 x 11008 + 2 x 3840) + 2 x 100352 x 3840 + 3840; published: 7.43 B.
    {"olmo-hybrid-7b", 7430870688, 61440, 0, 14100480},
    // 18 x (3 x (2560^2 + 2560) + 4 x 2560 + 2560 + 2560 + 2 x (10 x 256^2 + 2560)) + 8 x (2 x 2560^2 + 2 x 2560 x 256 + 2560) + 26 x (3 x 2560 x 7680 + 2 x 7680 + 2560 + 2 x 2560) + 256000 x 2560 + 2560; published: 2.68 B.
    {"recurrentgemma-2b", 2682862080, 4096, 8, 184320},
    // 28 x (4 x 2560^2 + 2 x 2560 + 64 x 2560 + 66 x 3 x 2560 x 1664) + 2 x 100352 x 2560 + 2560; published: 25.3 B with its eyes, 3.9 B active a picture, 3.5 B a text token without the embeddings.
    {"aria", 24869091840, 143360, 0, 0},
    // 32 x (4 x 4096^2 + 4 x 4096 + 3 x 4096 x 11008 + 2 x 4096) + 2 x 65536 x 4096 + 4096; published: 7 B.
    {"chameleon-7b", 7013666816, 262144, 0, 0},
    // 61 x (7680 x 1536 + 1536 + 1536 x 128 x 192 + 7680 x 576 + 512 + 512 x 128 x 256 + 128 x 128 x 7680 + 4 x 7680) + 3 x 3 x 7680 x 18432 + 58 x (256 x 7680 + 257 x 3 x 7680 x 2048) + 2 x 153600 x 7680 + 7680; published: 718 B, 39 B active.
    {"openpangu-ultra-moe-718b", 719093767680, 35136, 0, 0},
    // 28 x (2 x 2048^2 + 2 x 2048 x 1024 + 3 x 2048 x 8192 + 2 x 2048) + 2 x 64000 x 2048 + 2048; published: 2 B.
    {"helium-1-2b", 2023868416, 57344, 0, 0},
    // 81 x (3584 x (2 x 7168 + 2 x 2 x 64 + 112) + 5 x (7168 + 2 x 2 x 64) + 3 x 112 + 7168 + 7168 x 3584 + 3584) + 2 x (3 x 7168^2 + 7168 x 3584 + 3 x 3584 x 14336 + 7168 + 3584) + 13 x (3584 x 128 + 128 x 28672 + 3584^2) + 32000 x 3584 + 3584; published: 7.36 B.
    {"zamba2-7b", 7356749648, 186368, 0, 38962944},
    // 28 x (3072 x 1536 + 1536 + 1536 x 32 x 192 + 3072 x 576 + 512 + 512 x 32 x 256 + 32 x 128 x 3072 + 3 x 3072 x 6144 + 2 x 3072) + 14 x (256 x 3 x 3072 x 1024 + 384 x (3072 + 1)) + 12 x (78 x 131072 + 12) x 256 + 12 x 256 x 3072 + 2 x 131072 x 3072 + 3072; published: 68.5 B, 31.4 B of them n-grams, 2.9 to 4.5 B active.
    {"longcat-flash-lite", 68562465024, 16128, 0, 0},
    // 48 x (2048 x 384 + 384 + 768 x 32 x 160 + 2048 x 160 + 128 + 128 x 32 x 64 + 128 x 64 x 32 + 32 x 64 x 2048 + 384 x 2048 + 2048 x 128 + 2 x 128 + 2048 x 16 + 2 x 2048 x 16 + 2 x 2048) + 3 x 2048 x 5120 + 47 x (129 x 3 x 2048 x 512 + 128 x 2048 + 128 + 2 x 2048 x 16) + 2 x 163840 x 2048 + 2048; no count is printed: the sizes of configuration_axk2.py, which are those of A.X-K2-Light.
    {"a.x-k2-light", 20314500992, 7680, 0, 0},
    // 32 x (4096 x 64 x 192 + 4096 x 576 + 512 + 512 x 64 x 256 + 64 x 128 x 4096 + 2 x 4096) + 3 x 4096 x 16384 + 31 x (129 x 3 x 4096 x 2048 + 128 x 4096 + 128) + 2 x 262144 x 4096 + 4096; published: 106031767424.
    {"sarvam-105b", 106031767424, 18432, 0, 0},
    // 66 x (2 x 6144 x 8192 + 2 x 128 + 6144 x 1024 + 2 x 6144) + 55 x (2 x 6144 x 2048 + 16 x 512 + 4 x (2 x 2048 + 2 x 6144)) + 11 x (2 x 6144 x 1024 + 16 x 1024 + 4 x (2 x 1024 + 2 x 6144)) + 2 x (3 x 6144 x 24576 + 1) + 64 x (258 x 3 x 6144 x 3072 + 258 x 6144 + 256 + 1) + (201024 + 200058) x 6144 + 2 x 6144; published: 975 B, which is the count with mixtures in the first two layers as well, 41 B active.
    {"inkling", 947019629122, 247808, 55, 3176448},
    // 48 x (2 x 2560 x 4096 + 2560 x 1024 + 2560 x 4096 + 2 x 2560) + 3 x (2560 x 1024 + 3 x 2560 x 6144) + 45 x (64 x 2560 x 1024 + 64 x 2560 + 64 + 100 x 2560 + 100 + 101 x 3 x 2560 x 768) + 2 x 250624 x 2560 + 2560; published: 36 B, 4 B active, without embeddings.
    {"k2-horizon-mova-36b-a4b", 37444792020, 98304, 0, 0},
    // 61 x (2 x 6144^2 + 2 x 6144 x 1024 + 2 x 6144) + 3 x 3 x 6144 x 16384 + 58 x (192 x 6144 + 192 + 193 x 3 x 6144 x 1792) + 2 x 250624 x 6144 + 6144; published: a file of 758 GB in 16 bits, 23 B active without embeddings.
    {"k2-horizon-375b-a23b", 379167159168, 124928, 0, 0},
    // 9 x (2560 x 10240 + 5 x 5120 + 5120 x 192 + 160 x 5120 + 5120 + 17 x 5120 + 5120 x 2560) + 7 x 2 x 2560 x 5120 + 9 x (2560 x 5120 + 5120) + 7 x (2560^2 + 2560) + 16 x (2560^2 + 2560 + 4 x 64 + 128) + 32 x (3 x 2560 x 10240 + 4 x 2560) + 200064 x 2560 + 2 x 2560; published: 3.85 B.
    {"phi-4-mini-flash-reasoning", 3852562944, 23040, 8, 875520},
    // 26 x (2 x 3072 x 4096 + 2 x 3072 x 1024 + 3 x 3072 x 9216 + 2 x 3072 + 2 x 32 x 3072) + 131072 x 3072 + 3072; published: 3.4 B beside ears of 0.97 B.
    {"voxtral-mini-4b-realtime", 3434118144, 53248, 26, 0},
    // 32 x (4 x 4096^2 + 3 x 4096 x 11008 + 2 x 4096) + 2 x 32000 x 4096 + 4096; published: 17.6 B with 6.5 B of twins for pictures and 4.4 B of eyes.
    {"cogvlm-chat", 6738415616, 262144, 0, 0},
    // 40 x (4 x 2304^2 + 3 x 2304 x 5760 + 2 x 2304) + 122753 x 2304 + 2304; published: 2.7 B of language (MiniCPM-2B).
    {"minicpm-v-2", 2724880896, 184320, 0, 0},
};

class PublishedConfig : public testing::TestWithParam<Counted> {};

TEST_P(PublishedConfig, DescribesItsCheckpoint) {
  const Counted& expected = GetParam();
  const auto a = published(std::string(expected.file) + ".json");
  ASSERT_TRUE(a.has_value()) << to_text(a.error());
  EXPECT_EQ(a->parameters(), static_cast<double>(expected.parameters));
  std::int64_t cache = 0, sliding = 0, state = 0;
  for (const Layer& layer : a->layers) {
    cache += cached(layer);
    sliding += is_windowed(layer.attention) ? 1 : 0;
    state += layer.recurrent.conv_elements + layer.recurrent.state_elements;
  }
  EXPECT_EQ(cache, expected.cache);
  EXPECT_EQ(sliding, expected.sliding);
  EXPECT_EQ(state, expected.state);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedConfig, testing::ValuesIn(kCounted));

TEST(PublishedConfigs, EncodersKeepNothing) {
  for (const char* file : {"bge-m3.json", "deberta-v3-base.json", "embeddinggemma-300m.json", "eurobert-210m.json", "gte-multilingual-base.json", "modernbert-base.json", "nomic-embed-v1.5.json", "nomic-embed-v2-moe.json"}) {
    const Architecture a = published(file).value();
    EXPECT_TRUE(a.encoder_only);
    EXPECT_FALSE(a.tied_embeddings);
  }
}

TEST(PublishedConfigs, AllAreCounted) {
  std::set<std::string> counted, found;
  for (const Counted& each : kCounted) counted.insert(std::string(each.file) + ".json");
  for (const auto& each : std::filesystem::directory_iterator(folder())) found.insert(each.path().filename().string());
  EXPECT_EQ(counted, found);
}

// Entries are made in layers 2, 8, 14 and 20 and chosen in eight: of two tokens each in three, of one in the fourth, with keys of 128 beside them.
// Behind the window a token leaves (512 + 128) x (3 / 2 + 1) = 1,600 elements. What is gathered of the tables is not read whole: 16.8e9 are active.
TEST(PublishedConfigs, EntriesAreSharedByLayers) {
  const Architecture a = published("deepseek-v4.1-flash.json").value();
  double lasting = 0;
  int chooses = 0;
  for (const Layer& layer : a.layers) {
    const Attention& at = layer.attention;
    chooses += at.indexer_heads > 0;
    if (makes_entries(at)) lasting += double(at.key_dim + indexer_elements(at)) / at.compress;
  }
  EXPECT_EQ(lasting, 1600);
  EXPECT_EQ(chooses, 8);
  EXPECT_EQ(a.layers.at(13).attention.entries_layer, 8);
  EXPECT_EQ(a.layers.at(39).attention.entries_layer, 20);
  EXPECT_EQ(a.layers.at(39).attention.indexer_top_k, 512);
  EXPECT_NEAR(a.active_parameters() / 1e9, 16.8, 0.05);
  // Tables 264 bytes a row: 202.8e9; experts at 4.25 bits: 40 x 384 x 3 x 5120 x 2304 x 0.53125 = 288.8e9; 5.06e9 of attention, 1.42e9 of shared experts and 0.31e9 in 8 bits; two embeddings in 16: 2.6e9.
  EXPECT_NEAR(a.weight_bytes().value() / 1e9, 501.3, 1);
}

// Layers 3, 8, ... 38 attend to pictures alone: nothing is kept of text there.
TEST(PublishedConfigs, LayersForPicturesKeepNoText) {
  const Architecture a = published("llama-3.2-11b-vision.json").value();
  int attends = 0;
  for (const Layer& layer : a.layers) attends += layer.attention.kind != AttentionKind::none;
  EXPECT_EQ(attends, 32);
  EXPECT_EQ(a.layers.at(3).attention.kind, AttentionKind::none);
  EXPECT_EQ(a.layers.at(3).feed_forward.width, 14336);
  EXPECT_EQ(a.elements(), 10670220834);   // the tower in two rows: one less
}

// Layers 18 to 31 of Phi 4 mini flash keep nothing: odd ones ask layer 17, even ones gate by what layer 16 gave.
TEST(PublishedConfigs, HalfOfTheLayersBorrow) {
  const Architecture a = published("phi-4-mini-flash-reasoning.json").value();
  EXPECT_EQ(a.layers.at(17).attention.kv_layer, -1);
  EXPECT_EQ(a.layers.at(17).attention.kind, AttentionKind::full);
  EXPECT_EQ(a.layers.at(31).attention.kv_layer, 17);
  EXPECT_EQ(a.layers.at(30).attention.kind, AttentionKind::none);
  EXPECT_EQ(a.layers.at(30).recurrent.kind, RecurrentKind::none);
  EXPECT_EQ(a.layers.at(16).recurrent.state_elements, 5120 * 16);
}

// Values of K2 Horizon MoVA are made by four of 64 experts: of 37.44e9 parameters 45 x (60 x 2560 x 1024 + 92 x 3 x 2560 x 768) are not read.
TEST(PublishedConfigs, ExpertsMakeValues) {
  const Architecture a = published("k2-horizon-mova-36b-a4b.json").value();
  EXPECT_EQ(a.layers.at(2).attention.value_experts, 0);
  EXPECT_EQ(a.layers.at(3).attention.value_experts, 64);
  EXPECT_EQ(a.active_parameters(), 37444792020. - 45. * (60. * 2560 * 1024 + 92. * 3 * 2560 * 768));
}

// Inkling: of 64 mixtures 250 of 256 experts are not read.
TEST(PublishedConfigs, InklingReadsItsChosen) {
  const Architecture a = published("inkling.json").value();
  EXPECT_EQ(a.active_parameters(), 947019629122. - 64. * 250 * 3 * 6144 * 3072);
  EXPECT_EQ(a.layers.at(4).attention.window, 512);
  EXPECT_EQ(a.layers.at(4).attention.kv_heads, 16);
  EXPECT_EQ(a.layers.at(5).attention.kv_heads, 8);
  // Three inputs of each convolution: 2 x 1024 of keys and values, 2 x 6144 of both parts.
  EXPECT_EQ(a.layers.at(5).recurrent.conv_elements, 3 * (2 * 1024 + 2 * 6144));
}

// 32 blocks of 30,155,776, convolutions 492,800 and 4,916,480, a norm of 1,280, joined frames 5120 x 3072 and 3072^2.
TEST(PublishedConfigs, EarsAreCounted) {
  const Architecture a = published("voxtral-mini-4b-realtime.json").value();
  EXPECT_EQ(a.elements() - a.parameters(), 32. * (3 * 1280 * 2048 + 2 * 2048 + 2048 * 1280 + 1280 + 3 * 1280 * 5120 + 1280 + 2 * 1280) + 492800 + 4916480 + 1280 + 5120 * 3072 + 3072 * 3072);
}

// Every matrix of CogVLM's layers has a twin for pictures, loaded and not read for text.
TEST(PublishedConfigs, TwinsForPictures) {
  const Architecture a = published("cogvlm-chat.json").value();
  EXPECT_EQ(a.elements() - a.parameters(), 32. * (4 * 4096 * 4096 + 3. * 4096 * 11008));
}

// Thirteen layers of attention run with the tensors of two, each with a cache of its own.
TEST(PublishedConfigs, BlocksAreShared) {
  const Architecture a = published("zamba2-7b.json").value();
  ASSERT_EQ(a.layers.size(), 94u);
  ASSERT_EQ(a.blocks.size(), 94u);
  EXPECT_EQ(a.blocks.at(6), 6);     // layers 6 and 11 of the file, behind none and one such before them
  EXPECT_EQ(a.blocks.at(12), 12);
  EXPECT_EQ(a.blocks.at(19), 6);    // layer 17, behind two
  EXPECT_EQ(a.layers.at(19).attention.heads, 32);
  EXPECT_EQ(a.layers.at(20).attention.kind, AttentionKind::none);
}

// Experts for pictures are loaded and not read for text; those a group shares come with each that is chosen.
TEST(PublishedConfigs, FurtherExperts) {
  const auto read = [](const char* file) { return published(file).value(); };
  // 28624634048 without 27 x 64 x 3 x 2560 x 512 for pictures and 27 x 58 x 3 x 2560 x 1536 not chosen
  EXPECT_EQ(read("ernie-4.5-vl-28b-a3b.json").active_parameters(), 28624634048. - 27. * 64 * 3 * 2560 * 512 - 27. * 58 * 3 * 2560 * 1536);
  // 32948041728 without 48 x 120 x 3 x 2048 x 768 and 48 x 56 x 3 x 2048 x 128
  EXPECT_EQ(read("grovemoe-inst.json").active_parameters(), 32948041728. - 48. * 120 * 3 * 2048 * 768 - 48. * 56 * 3 * 2048 * 128);
}

// 8 of the 12 experts a token chooses on average: 512 of 768 compute. 27.95e9 with two embeddings of 0.81e9.
TEST(PublishedConfigs, ExpertsThatDoNothingAreNotRead) {
  const Architecture a = published("longcat-flash.json").value();
  EXPECT_EQ(a.layers.at(1).feed_forward.experts, 512);
  EXPECT_EQ(a.layers.at(1).feed_forward.experts_used, 8);
  EXPECT_EQ(a.layers.at(0).feed_forward.kind, FeedForwardKind::dense);
  EXPECT_NEAR(a.active_parameters() / 1e9, 27.95, 0.01);
  ASSERT_FALSE(a.notes.empty());
}

}  // namespace
}  // namespace rigcast::model
