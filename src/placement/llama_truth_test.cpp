// What a real llama.cpp prints for 257 layouts of 26 shapes (tests/truth/llama-memory.csv) and with -sm tensor (llama-tensor.csv), against what we say: weights within 0.5 %,
// cache within 1 MiB, compute within 10 %, on every device and on the host. Each shape is written as a header-only GGUF and read back.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <tuple>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "gguf_writer.hpp"
#include "model/config.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"
#include "model/read.hpp"
#include "placement/detail/test_case.hpp"
#include "placement/placement.hpp"
#include "scratch.hpp"

namespace rigcast::placement {
namespace {

using namespace test_case;

struct Row { std::map<std::string, std::string> fields; int line = 0; };
struct Printed { double weights = 0, context = 0, compute = 0; };  // MiB, rounded down

std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    else if (c == ',' && !quoted) fields.emplace_back();
    else fields.back() += c;
  }
  return fields;
}

std::vector<Row> read_rows(const char* file) {
  std::ifstream in(std::filesystem::path(RIGCAST_SOURCE_DIR) / "tests/truth" / file);
  std::vector<Row> rows;
  std::vector<std::string> names;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    const auto fields = csv_fields(line);
    if (names.empty()) { names = fields; continue; }
    Row row{{}, number};
    for (std::size_t i = 0; i < names.size(); ++i) row.fields[names[i]] = fields.at(i);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::map<std::string, Printed> printed(const Row& row) {
  std::map<std::string, Printed> memory;
  for (const std::string_view piece : split(row.fields.at("memory"), ';')) {
    const auto words = split_words(piece);
    memory[std::string(words.at(0))] = {*parse_double(words.at(1)), *parse_double(words.at(2)), *parse_double(words.at(3))};
  }
  return memory;
}

model::Architecture architecture_of(const Row& row) {
  const auto text = [&](const char* name) { return row.fields.at(name); };
  const auto number = [&](const char* name) { return static_cast<int>(*parse_int(row.fields.at(name))); };
  const auto quant = *facts().quant(text("quant"));
  const test::GgmlType type{quant.ggml_type, quant.block_elements, quant.block_bytes};
  const test::DenseShape shape{.family = text("family"), .layers = number("layers"), .hidden = number("hidden"), .heads = number("heads"),
                               .kv_heads = number("kv_heads"), .head_dim = number("head_dim"), .ffn = number("ffn"), .vocab = number("vocab"),
                               .tied = number("tied") == 1, .context = number("context")};
  test::GgufWriter out = test::begin_model(shape);
  const auto u = [](int value) { return static_cast<std::uint32_t>(value); };
  if (number("window") > 0) out.set("attention.sliding_window", u(number("window")));
  if (number("experts") > 0)
    out.set("expert_count", u(number("experts"))).set("expert_used_count", u(number("experts_used"))).set("expert_feed_forward_length", u(number("expert_ffn")));
  test::add_outside(out, shape, type);
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    test::add_attention(out, shape, layer, type);
    if (shape.family == "qwen2")
      out.tensor(block + "attn_q.bias", {shape.heads * shape.head_dim}, test::ggml::f32)
          .tensor(block + "attn_k.bias", {shape.kv_heads * shape.head_dim}, test::ggml::f32)
          .tensor(block + "attn_v.bias", {shape.kv_heads * shape.head_dim}, test::ggml::f32);
    if (shape.family == "qwen3" || shape.family == "qwen3moe" || shape.family == "gemma3")
      out.tensor(block + "attn_q_norm.weight", {shape.head_dim}, test::ggml::f32).tensor(block + "attn_k_norm.weight", {shape.head_dim}, test::ggml::f32);
    if (shape.family == "gemma3")
      out.tensor(block + "post_attention_norm.weight", {shape.hidden}, test::ggml::f32).tensor(block + "post_ffw_norm.weight", {shape.hidden}, test::ggml::f32);
    if (number("experts") > 0) test::add_experts(out, shape, layer, number("experts"), number("expert_ffn"), type);
    else test::add_feed_forward(out, shape, layer, type);
  }
  return read_back(out, "llama_truth");
}

// The engine's dry run puts all of a model on the devices where the flags do not say how much.
std::string as_loaded(const std::string& flags) { return "-ngl all " + flags; }

// The machine the layouts were printed on: Mesa's CPU driver, shown once or twice, on a processor with AVX-512.
rig::Rig software_rig(int devices) {
  rig::Rig rig;
  rig::Host host;
  host.processor.emplace();
  host.processor->instruction_sets = {"avx2", "avx512"};
  rig.hosts.push_back(host);
  for (int i = 0; i < devices; ++i) {
    rig::RigDevice device;
    device.device.key = "llvmpipe";
    device.device.name = "llvmpipe";
    device.device.runs = {"vulkan"};
    device.index = device.card = i;
    device.memory = Bytes(1024 * kGiB);
    rig.devices.push_back(device);
  }
  return rig;
}

class Comparison {
 public:
  explicit Comparison(const Row& row) : row_(row) {}
  void near(const std::string& what, double shown, double ours, double relative, double absolute) {
    // Printed figures are rounded down: anything in [shown, shown + 1) is exact.
    const double distance = ours < shown ? shown - ours : std::max(0.0, ours - shown - 1);
    if (distance > std::max(absolute, relative * shown)) {
      std::ostringstream text;
      text << what << " " << shown << " MiB printed, " << ours << " predicted; ";
      faults_ += text.str();
    }
    worst = std::max(worst, shown > 0 ? distance / shown : distance > 1 ? 1.0 : 0.0);
    exact = exact && distance <= 0.25;
  }
  void report() const {
    EXPECT_TRUE(faults_.empty()) << "line " << row_.line << ": " << row_.fields.at("family") << " " << row_.fields.at("hidden") << " "
                                 << row_.fields.at("quant") << ", " << row_.fields.at("devices") << " devices, " << row_.fields.at("flags") << "\n  " << faults_;
  }
  double worst = 0, worst_compute = 0;   // worst_compute: of devices' compute buffers
  bool exact = true;

 private:
  const Row& row_;
  std::string faults_;
};

// Weights, cache and compute of every device and of the host against what was printed, reported as a failure where they differ.
Comparison compare(const Row& row, const Placement& placement, int devices, double compute = 0.1) {
  auto shown = printed(row);
  Comparison comparison(row);
  for (int d = 0; d < devices; ++d) {
    const Printed want = shown["Vulkan" + std::to_string(d)];
    Memory memory;
    for (const DeviceShare& share : placement.devices)
      if (share.device == d) memory = share.memory;
    const std::string name = "device " + std::to_string(d);
    comparison.near(name + " weights", want.weights, memory.weights.value() / kMiB, 0.005, 0.5);
    comparison.near(name + " cache", want.context, (memory.kv + memory.state).value() / kMiB, 0, 1);
    comparison.near(name + " compute", want.compute, memory.compute.value() / kMiB, compute, 0.5);
    if (want.compute > 0)
      comparison.worst_compute = std::max(comparison.worst_compute, std::abs(memory.compute.value() / kMiB / (want.compute + 0.5) - 1));
  }
  comparison.near("host weights", shown["Host"].weights + shown["CPU_REPACK"].weights, placement.host.weights.value() / kMiB, 0.005, 1);
  comparison.near("host cache", shown["Host"].context, (placement.host.kv + placement.host.state).value() / kMiB, 0, 1);
  comparison.near("host compute", shown["Host"].compute, placement.host.compute.value() / kMiB, compute, 0.5);
  comparison.report();
  return comparison;
}

TEST(LlamaTruth, EveryTermOfEveryLayout) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  int layouts = 0, exact = 0;
  double worst_compute = 0;
  for (const Row& row : read_rows("llama-memory.csv")) {
    const int devices = static_cast<int>(*parse_int(row.fields.at("devices")));
    const rig::Rig rig = software_rig(devices);
    const model::Architecture architecture = architecture_of(row);
    Request request;
    request.backend = devices ? "vulkan" : "";
    request.dry_run = true;
    request.flags = as_loaded("llama-completion " + row.fields.at("flags"));
    const auto placement = place(facts(), architecture, rig, request);
    ASSERT_TRUE(placement) << row.line << ": " << (placement ? "" : to_text(placement.error()));
    const Comparison comparison = compare(row, *placement, devices);
    worst_compute = std::max(worst_compute, comparison.worst_compute);
    ++layouts;
    exact += comparison.exact ? 1 : 0;
  }
  EXPECT_GE(layouts, 250);
  EXPECT_GE(exact, layouts * 85 / 100) << "layouts reproduced to the rounding of what is printed";
  RecordProperty("layouts", layouts);
  RecordProperty("exact", exact);
  RecordProperty("worst_device_compute_percent", static_cast<int>(worst_compute * 100));
  std::printf("%d layouts, %d exact in every term, worst device compute %.1f %%\n", layouts, exact, worst_compute * 100);
}

// One model of llama-families.txt and what was printed for it.
struct FamilyCase { std::string family; model::Architecture architecture; Row row; std::filesystem::path file; };

class FamilyReader {
 public:
  // `format`: of what the file stores in fewer bits; empty: as it stores it.
  explicit FamilyReader(const char* file, std::string format = {}) : format_(std::move(format)), in_(std::filesystem::path(RIGCAST_SOURCE_DIR) / "tests/truth" / file) {}

  std::vector<FamilyCase> run() {
    std::string line;
    for (int number = 1; std::getline(in_, line); ++number) {
      const auto words = split_words(line);
      if (words.empty() || words[0].front() == '#') continue;
      if (words[0] == "model") begin(std::string(words[1]));
      else if (words[0] == "printed") printed(line, number);
      else if (words[0] == "tensor") tensor(words);
      else value(words);
    }
    return std::move(cases_);
  }

 private:
  void begin(std::string family) {
    family_ = std::move(family);
    writer_.emplace(family_);
    architecture_.reset();
  }

  void value(const std::vector<std::string_view>& words) {
    const std::string key = (words[0] == "global" ? "" : family_ + ".") + std::string(words.at(1));
    std::vector<std::int32_t> numbers;
    for (std::size_t i = 2; i < words.size(); ++i) numbers.push_back(static_cast<std::int32_t>(*parse_double(words[i])));
    if (words[0] == "list") writer_->i32s(key, numbers);
    else if (words[0] == "flag") writer_->boolean(key, numbers.at(0) != 0);
    else if (words[0] == "real" || words[0] == "global") writer_->f32(key, static_cast<float>(*parse_double(words.at(2))));
    else writer_->u32(key, static_cast<std::uint32_t>(numbers.at(0)));
  }

  // "tensor ffn_up.weight q4_k 2048x8192 0-3,7": one in each of those blocks, or outside them.
  void tensor(const std::vector<std::string_view>& words) {
    const bool kept = format_.empty() || words.at(2) == "f32" || words.at(2) == "i32";
    const auto quant = *facts().quant(kept ? words.at(2) : std::string_view(format_));
    const test::GgmlType type{quant.ggml_type, quant.block_elements, quant.block_bytes};
    std::vector<std::int64_t> shape;
    for (const std::string_view length : split(words.at(3), 'x')) shape.push_back(*parse_int(length));
    if (words.size() == 4) writer_->tensor(words[1], shape, type);
    if (words.size() == 4) return;
    for (const std::string_view range : split(words[4], ',')) {
      const auto ends = split(range, '-');
      for (std::int64_t block = *parse_int(ends.front()); block <= *parse_int(ends.back()); ++block)
        writer_->tensor("blk." + std::to_string(block) + "." + std::string(words[1]), shape, type);
    }
  }

  void printed(const std::string& line, int number) {
    if (!architecture_) {
      const auto file = file_ = test::scratch_folder() / ("llama_family" + (format_.empty() ? "" : std::to_string(number)) + ".gguf");
      writer_->write(file);
      const auto gguf = model::read_gguf(file, [](int t) { return facts().quant_of_ggml_type(t); });
      ASSERT_TRUE(gguf) << number << ": " << (gguf ? "" : to_text(gguf.error()));
      const auto architecture = model::architecture_of_gguf(*gguf);
      ASSERT_TRUE(architecture) << number << ": " << (architecture ? "" : to_text(architecture.error()));
      architecture_ = *architecture;
    }
    const std::string rest = line.substr(std::string_view("printed").size());
    const auto parts = split(rest, '|');
    Row row;
    row.line = number;
    row.fields = {{"devices", std::string(trim(parts.at(0)))}, {"flags", std::string(trim(parts.at(1)))}, {"memory", std::string(trim(parts.at(2)))},
                  {"family", family_}, {"hidden", std::to_string(architecture_->hidden)}, {"quant", architecture_->quant}};
    cases_.push_back({family_, *architecture_, std::move(row), file_});
  }

  std::string format_;
  std::filesystem::path file_;
  std::ifstream in_;
  std::string family_;
  std::optional<test::GgufWriter> writer_;
  std::optional<model::Architecture> architecture_;
  std::vector<FamilyCase> cases_;
};

TEST(LlamaTruth, FamiliesOfOtherStructures) {
  std::map<std::string, int> families;
  for (const FamilyCase& each : FamilyReader("llama-families.txt").run()) {
    const int devices = static_cast<int>(*parse_int(each.row.fields.at("devices")));
    Request request;
    request.backend = devices ? "vulkan" : "";
    request.dry_run = true;
    request.flags = as_loaded(each.row.fields.at("flags"));
    const auto placement = place(facts(), each.architecture, software_rig(devices), request);
    ASSERT_TRUE(placement) << each.row.line << ": " << (placement ? "" : to_text(placement.error()));
    compare(each.row, *placement, devices);
    ++families[each.family];
  }
  EXPECT_GE(families.size(), 110u);
}

// Layers that predict further tokens are loaded where flags ask for them; then a second context drafts, and recurrent states are kept for every token that
// may be the last one right. Of the drafting graph only its layer is known here, not what joins it to the trunk: its compute buffer to a quarter.
TEST(LlamaTruth, LayersThatDraft) {
  int rows = 0;
  for (const FamilyCase& each : FamilyReader("llama-drafts.txt").run()) {
    const int devices = static_cast<int>(*parse_int(each.row.fields.at("devices")));
    Request request;
    request.backend = "vulkan";
    request.dry_run = true;
    request.flags = as_loaded(each.row.fields.at("flags"));
    const auto placement = place(facts(), each.architecture, software_rig(devices), request);
    ASSERT_TRUE(placement) << each.row.line << ": " << (placement ? "" : to_text(placement.error()));
    compare(each.row, *placement, devices, 0.25);
    EXPECT_EQ(placement->draft_layers, request.flags.find("draft-mtp") == std::string::npos ? 0u : 1u);
    ++rows;
  }
  EXPECT_EQ(rows, 6);
}

// Another model drafts: it lies whole on the devices, split as the first is, with a cache of 16 bits.
TEST(LlamaTruth, ModelsThatDraft) {
  const auto row_of = [](const char* layers, const char* hidden, const char* heads, const char* ffn, const char* tied) {
    return Row{{{"family", "qwen3"}, {"quant", "q8_0"}, {"layers", layers}, {"hidden", hidden}, {"heads", heads}, {"kv_heads", "8"}, {"head_dim", "128"}, {"ffn", ffn}, {"vocab", "151936"}, {"tied", tied},
                {"experts", "0"}, {"window", "0"}, {"context", "131072"}}, 0};
  };
  const model::Architecture model = architecture_of(row_of("36", "4096", "32", "12288", "0")), drafter = architecture_of(row_of("28", "1024", "16", "3072", "1"));
  int rows = 0;
  for (Row& row : read_rows("llama-drafters.csv")) {
    row.fields.insert({{"family", "qwen3"}, {"hidden", "4096"}, {"quant", "q8_0"}});
    const int devices = static_cast<int>(*parse_int(row.fields.at("devices")));
    Request request;
    request.backend = "vulkan";
    request.dry_run = true;
    request.flags = as_loaded(row.fields.at("flags"));
    request.drafter = std::make_shared<const ModelView>(drafter);
    const auto placement = place(facts(), model, software_rig(devices), request);
    ASSERT_TRUE(placement) << row.line << ": " << (placement ? "" : to_text(placement.error()));
    compare(row, *placement, devices);
    ASSERT_TRUE(placement->drafting);
    ++rows;
  }
  EXPECT_EQ(rows, 10);
}

// "context type MTP requested but model doesn't contain MTP layers", and the server ends.
TEST(LlamaTruth, FilesWithoutSuchLayersAreRefused) {
  Request request;
  request.backend = "vulkan";
  request.flags = "-c 4096 --spec-type draft-mtp";
  const auto placement = place(facts(), FamilyReader("llama-families.txt").run().front().architecture, software_rig(1), request);
  ASSERT_FALSE(placement);
  EXPECT_EQ(placement.error().message, "this file holds no layer that predicts further tokens (MTP): llama.cpp ends while it loads");
}

// The config.json of these very shapes, as their converters read it (llama.cpp its conversion folder, 2026-11), describes the same tensors and layers.
constexpr const char* kHy4 = R"({"model_type":"hy_v4","hidden_size":6144,"intermediate_size":18432,"moe_intermediate_size":2048,"num_hidden_layers":4,
  "num_attention_heads":64,"num_key_value_heads":8,"head_dim":64,"vocab_size":120832,"max_position_embeddings":1048576,"q_lora_rank":2048,"kv_lora_rank":512,
  "qk_nope_head_dim":192,"qk_rope_head_dim":64,"qk_head_dim":256,"v_head_dim":256,"n_routed_experts":32,"n_shared_experts":1,"num_experts_per_tok":8,
  "routed_scaling_factor":2.5,"n_group":1,"topk_group":1,"index_topk":2048,"index_head_dim":128,"index_n_heads":32,"indexer_types":["full","full","shared","shared"],
  "mlp_layer_types":["dense","sparse","sparse","sparse"],"hc_mult":4,"hc_eps":1e-6,"hc_magnitude":2.0,"gating_type":"elementwise","swiglu_limit":10.0,
  "num_nextn_predict_layers":1,"tie_word_embeddings":false,"torch_dtype":"bfloat16"})";
constexpr const char* kGlm53Flash = R"({"architectures":["Glm5NextForConditionalGeneration"],"model_type":"glm5_next","text_config":{"model_type":"glm5_next_text",
  "num_hidden_layers":8,"num_nextn_predict_layers":1,"hidden_size":1024,"intermediate_size":2048,"vocab_size":32000,"max_position_embeddings":131072,
  "hc_mult":4,"hc_eps":1e-6,"hc_sinkhorn_iters":20,"mhc":true,"layer_types":["linear_attention","linear_attention","linear_attention","deepseek_sparse_attention",
  "linear_attention","linear_attention","linear_attention","deepseek_sparse_attention"],"first_k_dense_replace":1,
  "indexer_types":["full","full","full","full","full","full","full","full"],"linear_attn_config":{"num_heads":16,"head_dim":128,"short_conv_kernel_size":4,
  "gate_lower_bound":-5.0},"num_attention_heads":16,"num_key_value_heads":16,"mla_use_nope":true,"q_lora_rank":512,"kv_lora_rank":256,"qk_nope_head_dim":192,
  "qk_rope_head_dim":0,"v_head_dim":128,"index_n_heads":8,"index_head_dim":128,"index_topk":512,"index_kpool":4,"index_kpool_always_select_tail":true,
  "n_routed_experts":16,"num_experts_per_tok":4,"n_shared_experts":1,"moe_intermediate_size":512,"swiglu_limit":10.0,"tie_word_embeddings":false}})";

constexpr const char* kDots3 = R"({"architectures":["Dots3NoteForCausalLM"],"model_type":"dots3_note","hidden_size":1024,"intermediate_size":2048,"num_hidden_layers":6,
  "num_attention_heads":16,"num_key_value_heads":16,"vocab_size":32000,"max_position_embeddings":131072,"q_lora_rank":512,"kv_lora_rank":512,"qk_nope_head_dim":128,
  "qk_rope_head_dim":64,"v_head_dim":128,"layer_types":["full_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention"],
  "swa_num_attention_heads":8,"swa_num_key_value_heads":8,"swa_q_lora_rank":512,"swa_kv_lora_rank":256,"swa_qk_nope_head_dim":128,"swa_qk_rope_head_dim":64,
  "swa_v_head_dim":128,"swa_head_dim":192,"swa_rope_theta":10000,"sliding_window_size":128,"attention_gate_type":"headwise","swa_attention_gate_type":"headwise",
  "use_dsa":true,"k_rope_only_layernorm":true,"index_n_heads":8,"index_head_dim":128,"index_topk":512,"n_routed_experts":16,"num_experts_per_tok":4,
  "n_shared_experts":1,"moe_intermediate_size":512,"first_k_dense_replace":1,"moe_layer_freq":1,"scoring_func":"sigmoid","topk_method":"noaux_tc",
  "tie_word_embeddings":false,"torch_dtype":"bfloat16"})";
constexpr const char* kQwen38Flash = R"({"architectures":["Qwen4ExpForConditionalGeneration"],"model_type":"qwen4_exp","text_config":{"model_type":"qwen4_exp_text",
  "hidden_size":1024,"num_hidden_layers":8,"vocab_size":32000,"max_position_embeddings":131072,"num_attention_heads":8,"num_key_value_heads":2,"head_dim":128,
  "layer_types":["linear_attention","linear_attention","linear_attention","full_attention","linear_attention","linear_attention","linear_attention","full_attention"],
  "linear_num_key_heads":8,"linear_num_value_heads":16,"linear_key_head_dim":64,"linear_value_head_dim":64,"linear_conv_kernel_dim":4,"hc_count":4,"hc_lowrank":128,
  "indexer_n_heads":4,"indexer_kv_heads":1,"indexer_head_dim":128,"indexer_budget":512,"indexer_compress_ratio":4,"ple_layer_ids":[2],"ple_embed_dim":1024,
  "ple_conv_kernel_size":4,"ngram_size":3,"heads_per_ngram":4,"ngram_vocab_size_base":5000,"make_ngram_vocab_size_divisible_by":128,"split_ngram_parts":4,
  "num_experts":32,"num_experts_per_tok":4,"moe_intermediate_size":256,"shared_expert_intermediate_size":256,"output_gate_type":"sigmoid","attention_bias":false,
  "mtp_num_hidden_layers":1,"tie_word_embeddings":false}})";
// The eight primes from 5,000 on are 5003, 5009, 5011, 5021, 5023, 5039, 5051 and 5059: 40,216 rows, padded to 315 x 128.
constexpr std::int64_t kNgramRows = 40320;

TEST(LlamaTruth, ConfigsSayWhatFilesHold) {
  std::map<std::string, std::vector<model::Architecture>> headers;
  for (const FamilyCase& each : FamilyReader("llama-families.txt").run())
    if (auto& of = headers[each.family]; of.empty() || of.back().vocab != each.architecture.vocab) of.push_back(each.architecture);
  const auto shapes = [](const model::Architecture& a) {
    std::map<std::string, std::array<std::int64_t, 4>> found;
    for (const model::Tensor& t : a.tensors) found[t.name] = t.shape;
    return found;
  };
  for (const auto& [family, text, which] : {std::tuple{"hy_v4", kHy4, 1u}, std::tuple{"glm5-next", kGlm53Flash, 0u}, std::tuple{"dots3note", kDots3, 0u}, std::tuple{"qwen4exp", kQwen38Flash, 0u}}) {
    const auto config = model::architecture_from_config(facts(), text, "config.json", "f16");
    ASSERT_TRUE(config) << family << ": " << to_text(config.error());
    const model::Architecture& header = headers.at(family).at(which);
    auto told = shapes(*config), held = shapes(header);
    if (const auto table = told.find("per_layer_token_embd.weight"); table != told.end()) {   // the header's is of 5,000 rows a head
      EXPECT_EQ(table->second[1], kNgramRows);
      table->second[1] = held.at(table->first)[1];
    }
    EXPECT_EQ(told, held) << family;
    ASSERT_EQ(config->layers.size(), header.layers.size()) << family;
    for (std::size_t i = 0; i < header.layers.size(); ++i) {
      const model::Attention &ours = config->layers[i].attention, &theirs = header.layers[i].attention;
      const auto said = [](const model::Attention& a) { return std::tuple{a.kind, a.heads, a.kv_heads, a.latent_dim, a.rope_dim, a.indexer_heads, a.indexer_dim, a.indexer_top_k, a.indexer_pool, a.indexer_row, a.window, a.key_dim, a.value_dim}; };
      EXPECT_EQ(said(ours), said(theirs)) << family << " layer " << i;
      EXPECT_EQ(config->layers[i].recurrent.state_elements, header.layers[i].recurrent.state_elements) << family << " layer " << i;
      EXPECT_EQ(config->layers[i].recurrent.conv_elements, header.layers[i].recurrent.conv_elements) << family << " layer " << i;
      EXPECT_EQ(config->layers[i].recurrent.ngram_elements, header.layers[i].recurrent.ngram_elements) << family << " layer " << i;
    }
    EXPECT_EQ(config->streams, header.streams);
    EXPECT_EQ(config->mixing_rounds, header.mixing_rounds);
  }
  const auto refused = [](std::string text, std::string_view part, std::string_view by) {
    text.replace(text.find(part), part.size(), by);
    const auto read = model::architecture_from_config(facts(), text, "config.json", "f16");
    return read ? std::string("no error") : to_text(read.error());
  };
  EXPECT_NE(refused(kHy4, R"("shared","shared"])", R"("shared","lent"])").find("'lent', which no rule knows"), std::string::npos);
  EXPECT_NE(refused(kHy4, R"("hc_mult":4,)", "").find("hc_mult"), std::string::npos);
  EXPECT_NE(refused(kHy4, "elementwise", "headwise").find("gating_type"), std::string::npos);
  EXPECT_NE(refused(kGlm53Flash, R"("mla_use_nope":true)", R"("mla_use_nope":false)").find("mla_use_nope"), std::string::npos);
  EXPECT_NE(refused(kGlm53Flash, R"("index_kpool":4,)", "").find("index_kpool"), std::string::npos);
  EXPECT_NE(refused(kDots3, R"("swa_kv_lora_rank":256,)", "").find("swa_kv_lora_rank"), std::string::npos);
  EXPECT_NE(refused(kDots3, "headwise", "elementwise").find("attention_gate_type"), std::string::npos);
  EXPECT_NE(refused(kQwen38Flash, R"("hc_lowrank":128,)", "").find("hc_lowrank"), std::string::npos);
  EXPECT_NE(refused(kQwen38Flash, "[2]", "[2,3]").find("ple_layer_ids"), std::string::npos);
  EXPECT_NE(refused(kQwen38Flash, R"("ngram_vocab_size_base":5000,)", "").find("ngram_vocab_size_base"), std::string::npos);
  EXPECT_NE(refused(kQwen38Flash, R"("heads_per_ngram":4,)", R"("heads_per_ngram":3,)").find("ple_embed_dim"), std::string::npos);
}

// What a load of two shapes took on two devices, where every layer is on one: norms run beside their layers there, so that the second device
// keeps one copy of the stream less than the dry run prints, in each of four copies (llama-completion of build 11669, 2026-11-29).
TEST(LlamaTruth, LoadsPinNorms) {
  const test::DenseShape shape{.family = "qwen3", .layers = 28, .hidden = 1024, .heads = 16, .kv_heads = 8, .head_dim = 128, .ffn = 3072, .vocab = 151936, .tied = true, .context = 131072};
  const test::GgmlType q8{8, 32, 34};
  test::GgufWriter out = test::begin_model(shape);
  test::add_outside(out, shape, q8);
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    test::add_attention(out, shape, layer, q8);
    out.tensor(block + "attn_q_norm.weight", {shape.head_dim}, test::ggml::f32).tensor(block + "attn_k_norm.weight", {shape.head_dim}, test::ggml::f32);
    test::add_feed_forward(out, shape, layer, q8);
  }
  const model::Architecture model = read_back(out, "llama_loads");
  const auto second = [&](const std::string& flags, bool dry_run) {
    Request request;
    request.backend = "vulkan";
    request.dry_run = dry_run;
    request.flags = "llama-completion " + flags;
    const auto placement = place(facts(), model, software_rig(2), request);
    return placement ? std::floor(placement->devices.at(1).memory.compute.value() / kMiB) : -1.0;
  };
  EXPECT_EQ(second("-c 4096 -ngl 99", true), 56);
  EXPECT_EQ(second("-c 4096 -ngl 99", false), 48);
  EXPECT_EQ(second("-c 4096 -ngl 99 -ub 1024 -b 2048 -ts 2,3", true), 112);
  EXPECT_EQ(second("-c 4096 -ngl 99 -ub 1024 -b 2048 -ts 2,3", false), 96);
  EXPECT_EQ(second("-c 4096 -ngl 20", true), 26);
  EXPECT_EQ(second("-c 4096 -ngl 20", false), 26);
}

// What llama-quantize makes of the first model of each family, in F16: so many tensors of each format.
TEST(LlamaTruth, RecipesOfFamilies) {
  std::map<std::string, std::filesystem::path> files;
  for (const FamilyCase& each : FamilyReader("llama-families.txt", "f16").run()) files.try_emplace(each.family, each.file);
  std::ifstream in(std::filesystem::path(RIGCAST_SOURCE_DIR) / "tests/truth/llama-recipes.txt");
  int recipes = 0;
  for (std::string line; std::getline(in, line);) {
    const auto words = split_words(line);
    if (words.empty() || words[0].front() == '#') continue;
    const auto made = model::read_model(facts(), files.at(std::string(words.at(0))).string() + ":" + std::string(words.at(1)));
    ASSERT_TRUE(made) << line << ": " << (made ? "" : to_text(made.error()));
    std::map<std::string, int> formats;
    for (const model::Tensor& t : made->tensors) ++formats[t.quant];
    std::string said = std::string(words[0]) + " " + std::string(words[1]);
    for (const auto& [format, count] : formats) said += " " + format + ":" + std::to_string(count);
    EXPECT_EQ(line, said);
    ++recipes;
  }
  EXPECT_GE(recipes, 2900);
}

// With -sm tensor the engine prints one figure for all devices, that of the largest share.
TEST(LlamaTruth, DevicesThatActAsOne) {
  int layouts = 0;
  for (const Row& row : read_rows("llama-tensor.csv")) {
    const int devices = static_cast<int>(*parse_int(row.fields.at("devices")));
    Request request;
    request.backend = "vulkan";
    request.dry_run = true;
    request.flags = as_loaded("llama-completion " + row.fields.at("flags"));
    const auto placement = place(facts(), architecture_of(row), software_rig(devices), request);
    ASSERT_TRUE(placement) << row.line << ": " << (placement ? "" : to_text(placement.error()));
    ASSERT_EQ(placement->devices.size(), static_cast<std::size_t>(devices));
    Memory largest;
    for (const DeviceShare& share : placement->devices)
      if (share.memory.total() > largest.total()) largest = share.memory;
    auto shown = printed(row);
    Comparison comparison(row);
    comparison.near("weights", shown["Meta"].weights, largest.weights.value() / kMiB, 0.005, 0.5);
    comparison.near("cache", shown["Meta"].context, (largest.kv + largest.state).value() / kMiB, 0, 1);
    comparison.near("compute", shown["Meta"].compute, largest.compute.value() / kMiB, 0.1, 0.5);
    comparison.near("host weights", shown["Host"].weights + shown["CPU_REPACK"].weights, placement->host.weights.value() / kMiB, 0.005, 1);
    comparison.near("host cache", shown["Host"].context, placement->host.kv.value() / kMiB, 0, 1);
    comparison.near("host compute", shown["Host"].compute, placement->host.compute.value() / kMiB, 0.1, 0.5);
    comparison.report();
    ++layouts;
  }
  EXPECT_GE(layouts, 14);
}

}  // namespace
}  // namespace rigcast::placement
