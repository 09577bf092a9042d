#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "model/detail/llama_recipe.hpp"
#include "model/family.hpp"

namespace rigcast::model::detail {
namespace {

using Key = std::string_view;

// The broad kinds of tensors the quantiser tells apart.
enum class Category { embedding, q, k, v, qkv, kv_b, attention_output, ffn_up, ffn_gate, ffn_down, output, other };

struct CategoryRule { std::string_view part; Category category; };
constexpr std::array kCategories = {
    CategoryRule{"attn_qkv.weight", Category::qkv},
    CategoryRule{"attn_kv_b.weight", Category::kv_b},
    CategoryRule{"attn_v.weight", Category::v},
    CategoryRule{"attn_k.weight", Category::k},
    CategoryRule{"attn_q.weight", Category::q},
    CategoryRule{"attn_output.weight", Category::attention_output},
    CategoryRule{"ffn_up", Category::ffn_up},
    CategoryRule{"ffn_gate", Category::ffn_gate},
    CategoryRule{"ffn_down", Category::ffn_down},
};

Category category_of(std::string_view name) {
  if (name == "output.weight") return Category::output;
  if (name == "token_embd.weight" || name == "per_layer_token_embd.weight") return Category::embedding;
  for (const CategoryRule& rule : kCategories)
    if (contains(name, rule.part)) return rule.category;
  return Category::other;
}

// "blk.7.ffn_down.weight" -> "ffn_down.weight": what a layer's tensor is called in every layer.
std::string_view stem_of(std::string_view name) {
  if (name.substr(0, 4) != "blk.") return name;
  return name.substr(std::min(name.size(), name.find('.', 4) + 1));
}

// Answers about names, asked once of every stem: a model of a thousand tensors has twenty.
template <class Answer, Answer (*ask)(std::string_view)>
class OfStem {
 public:
  Answer operator()(std::string_view name) {
    const std::string_view stem = stem_of(name);
    for (const auto& [known, answer] : known_)
      if (known == stem) return answer;
    return known_.emplace_back(stem, ask(name)).second;
  }

 private:
  std::vector<std::pair<std::string_view, Answer>> known_;  // views of the tensors' names
};

bool is_feed_forward(Category c) { return c == Category::ffn_up || c == Category::ffn_gate || c == Category::ffn_down; }
bool is_value(Category c) { return c == Category::v || c == Category::qkv || c == Category::kv_b; }

// What the rules ask of the model.
struct Traits {
  int experts = 0;
  int queries_per_key = 0;  // heads / kv_heads of the first layer, 0 where it does not attend
  int layers = 0;           // next-token layers included
  int values = 0;           // tensors of the attn_v kind
  bool tied = true, falcon = false, bailing3 = false, size_70b = false;
};

// The quantiser looks at the first layer. Files of gated-DeltaNet models name one number of KV heads for all layers, those of other
// hybrids name 0 for layers that do not attend.
int queries_per_key(const Architecture& a) {
  for (const Layer& layer : a.layers) {
    if (layer.attention.kv_heads > 0) return layer.attention.heads / layer.attention.kv_heads;
    if (layer.recurrent.kind != RecurrentKind::gated_delta) return 0;
  }
  return 0;
}

Traits traits_of(const Architecture& a) {
  Traits t;
  OfStem<Category, category_of> category;
  for (const Layer& layer : a.layers) t.experts = std::max(t.experts, layer.feed_forward.experts);
  t.queries_per_key = queries_per_key(a);
  t.layers = static_cast<int>(a.layers.size());
  for (const Tensor& tensor : a.tensors) {
    if (tensor.role == Role::next_token) t.layers = std::max(t.layers, tensor.layer + 1);
    if (is_value(category(tensor.name))) ++t.values;
    if (tensor.name == "output.weight") t.tied = false;
  }
  t.falcon = a.family == "falcon";
  t.bailing3 = a.family == "bailingmoe3";
  const Family* family = find_family(a.family);
  // A Llama of 80 layers without grouped heads is llama.cpp's 65B, not its 70B.
  t.size_70b = family && family->layers_of_70b == static_cast<int>(a.layers.size()) && !(a.family == "llama" && t.queries_per_key == 1);
  return t;
}

// The first and last eighth of the layers and every third between.
bool deserves_more_bits(int i, int n) { return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2; }

bool one_of(Key name, std::initializer_list<Key> names) { return std::find(names.begin(), names.end(), name) != names.end(); }

// Walks the tensors in writing order; the counters are the quantiser's.
class Chooser {
 public:
  Chooser(const Traits& traits, const Ftype& ftype, bool imatrix) : t_(traits), mix_(ftype.name), base_(ftype.base), imatrix_(imatrix) {}

  Key choose(const Tensor& tensor) {
    return fit_rows(by_category(tensor, category_(tensor.name)), tensor.shape[0]);
  }

 private:
  bool mix(std::initializer_list<Key> names) const { return one_of(mix_, names); }
  bool grouped() const { return t_.queries_per_key >= 4; }
  bool eight_experts() const { return t_.experts == 8; }
  // The feed-forward tensors of a mixture may lie in any order in the file: their layer is in their name.
  int place(const Tensor& tensor, int counted) const { return t_.experts > 1 ? tensor.layer : counted; }

  Key by_category(const Tensor& tensor, Category c) {
    if (c == Category::output || (c == Category::embedding && t_.tied)) return output(tensor);
    if (mix({"MXFP4_MOE"})) return tensor.shape[2] > 1 && !(t_.bailing3 && !is_feed_forward(c)) ? "mxfp4" : "q8_0";
    if (c == Category::embedding) return embedding();
    if (mix({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M"})) return smallest(c);
    if (is_value(c)) return value();
    switch (c) {
      case Category::q: return mix({"IQ3_XS"}) ? "iq3_xxs" : mix({"IQ3_XXS"}) ? "iq2_s" : base_;
      case Category::k: return eight_experts() ? "q8_0" : mix({"IQ3_XS"}) ? "iq3_xxs" : mix({"IQ3_XXS"}) ? "iq2_s" : base_;
      case Category::ffn_down: return down(place(tensor, downs_++));
      case Category::attention_output: return attention_output();
      case Category::ffn_gate: return middle(place(tensor, gates_++));
      case Category::ffn_up: return middle(place(tensor, ups_++));
      default: return base_;
    }
  }

  // Files in Q1_0 and Q2_0 are of models trained for them (Bonsai): every matrix is in the format, whatever llama-quantize would do.
  bool whole() const { return mix({"Q1_0", "Q2_0"}); }

  Key output(const Tensor& tensor) const {
    if (mix({"MXFP4_MOE"})) return "q8_0";
    if (whole()) return base_;
    if (t_.falcon || tensor.shape[0] % block_elements(base_) != 0) return "q8_0";
    if (mix({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS"})) return "q5_k";
    return base_ == "q8_0" ? base_ : "q6_k";
  }

  Key embedding() const {
    if (mix({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS"})) return "q2_k";
    if (mix({"IQ2_S", "IQ2_M", "IQ3_XXS"})) return "iq3_s";
    if (mix({"TQ1_0", "TQ2_0"})) return "q4_k";
    return base_;
  }

  // IQ1 and IQ2.
  Key smallest(Category c) {
    const bool upper = mix({"IQ2_S", "IQ2_M"});
    if (is_value(c)) {
      ++values_;
      return grouped() || t_.experts >= 4 ? "q4_k" : upper ? "iq3_s" : "q2_k";
    }
    if (c == Category::k && eight_experts()) return "q4_k";
    if (c == Category::ffn_down) return downs_++ < t_.layers / 8 ? (upper ? "iq3_s" : "q2_k") : base_;
    if (c == Category::attention_output) {
      if (eight_experts()) return "q5_k";
      return mix({"IQ1_S", "IQ1_M"}) ? "iq2_xxs" : upper ? "iq3_s" : base_;
    }
    return base_;
  }

  Key value() {
    const int i = values_++;
    if (eight_experts()) return "q8_0";
    const Key type = value_type(i);
    return t_.size_70b && one_of(type, {"q3_k", "q4_k"}) ? "q5_k" : type;
  }

  Key value_type(int i) const {
    if (mix({"Q2_K"})) return grouped() ? "q4_k" : "q3_k";
    if (mix({"Q2_K_S", "IQ3_XS", "IQ3_S"})) return grouped() ? "q4_k" : base_;
    if (mix({"IQ3_XXS"})) return grouped() ? "q4_k" : imatrix_ ? "iq3_xxs" : "iq3_s";
    if (mix({"IQ3_M"})) return "q4_k";
    if (mix({"Q3_K_M"})) return i < 2 ? "q5_k" : "q4_k";
    if (mix({"Q3_K_L"})) return "q5_k";
    if (mix({"IQ4_NL", "IQ4_XS"})) return grouped() ? "q5_k" : base_;
    if (mix({"Q4_K_M", "Q5_K_M"})) return deserves_more_bits(i, t_.values) ? "q6_k" : base_;
    if (mix({"Q4_K_S"})) return i < 4 ? "q5_k" : base_;
    return base_;
  }

  Key down(int i) const {
    const int n = t_.layers;
    const bool first_eighth = i < n / 8, more = deserves_more_bits(i, n);
    if (mix({"Q2_K"})) return "q3_k";
    if (mix({"Q2_K_S"})) return first_eighth ? "q4_k" : base_;
    if (mix({"IQ3_XXS"})) return imatrix_ ? base_ : first_eighth ? "q4_k" : "q3_k";
    if (mix({"Q3_K_M"})) return i < n / 16 ? "q5_k" : !t_.falcon || more ? "q4_k" : "q3_k";
    if (mix({"Q3_K_L"})) return t_.falcon ? "q4_k" : "q5_k";
    if (mix({"IQ3_M"})) return first_eighth || (eight_experts() && more) ? "q4_k" : base_;
    if (mix({"Q4_K_M"})) return t_.falcon ? (i < n / 16 ? "q6_k" : more ? "q5_k" : "q4_k") : more ? "q6_k" : base_;
    if (mix({"Q5_K_M"})) return more ? "q6_k" : base_;
    if (mix({"Q4_K_S"})) return first_eighth && !t_.falcon ? "q5_k" : base_;
    if (mix({"IQ4_NL", "IQ4_XS"})) return first_eighth && !imatrix_ ? "q5_k" : base_;
    if (mix({"Q4_0"})) return first_eighth && imatrix_ ? "q4_1" : base_;
    if (mix({"Q5_0"})) return first_eighth && imatrix_ ? "q5_1" : base_;
    return base_;
  }

  Key attention_output() const {
    if (t_.falcon) return mix({"Q3_K_L"}) ? "q4_k" : base_;
    if (eight_experts()) {
      return mix({"Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS"}) ? "q5_k" : base_;
    }
    if (mix({"Q2_K"})) return "q3_k";
    if (mix({"IQ3_XXS"})) return "iq3_s";
    if (mix({"Q3_K_M", "IQ3_M"})) return "q4_k";
    return mix({"Q3_K_L"}) ? "q5_k" : base_;
  }

  // Gate and up of IQ3_XS shrink in the middle three quarters.
  Key middle(int i) const { return mix({"IQ3_XS"}) && i >= t_.layers / 8 && i < 7 * t_.layers / 8 ? "iq3_xxs" : base_; }

  static std::int64_t block_elements(Key type) {
    if (one_of(type, {"q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "iq4_nl", "mxfp4"})) return 32;
    if (one_of(type, {"nvfp4", "q2_0"})) return 64;
    return type == "q1_0" ? 128 : 256;
  }

  // A row that the block does not divide takes a relative with blocks of 32, or stays F16.
  static Key fit_rows(Key type, std::int64_t row) {
    if (row % block_elements(type) == 0) return type;
    Key smaller = "f16";
    if (one_of(type, {"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs"})) smaller = "iq4_nl";
    else if (one_of(type, {"q2_0", "q2_k", "q3_k", "tq1_0", "tq2_0"})) smaller = "q4_0";
    else if (type == "q4_k") smaller = "q5_0";
    else if (type == "q5_k") smaller = "q5_1";
    else if (type == "q6_k") smaller = "q8_0";
    return smaller != "f16" && row % block_elements(smaller) == 0 ? smaller : "f16";
  }

  const Traits t_;
  const Key mix_, base_;
  const bool imatrix_;
  OfStem<Category, category_of> category_;
  int values_ = 0, downs_ = 0, gates_ = 0, ups_ = 0;
};

constexpr std::array kNeverQuantized = {
    "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj", "position_embd", "token_types",
    "ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "time_mix_first.weight", "time_mix_w0.weight",
    "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight",
    "time_mix_a1.weight", "time_mix_a2.weight", "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight", "attn_rel_b.weight", ".patch_embd", ".patch_merger", ".rel_pos",
};

// Two-dimensional weights that the converter keeps in F32.
constexpr std::array kAlwaysF32 = {
    "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight", "position_embd", "token_types", "ssm_conv1d", "shortconv.conv.weight",
    "time_mix_first.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight", "altup_correct_coef", "altup_predict_coef",
};

int dimensions(const Tensor& tensor) {
  int n = 4;
  while (n > 1 && tensor.shape[static_cast<std::size_t>(n) - 1] == 1) --n;
  return n;
}

// Adapters that stand in stacks beside their matrices (Granite Switch).
bool is_adapter(std::string_view name) { return name.ends_with(".lora_a") || name.ends_with(".lora_b"); }
bool is_weight(std::string_view name) { return name.size() >= 6 && name.substr(name.size() - 6) == "weight"; }

template <std::size_t N>
bool contains_one_of(std::string_view name, const std::array<const char*, N>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const char* part) { return contains(name, part); });
}

// Of GLM 5.3 Flash the small projections of latent and delta attention stay as they are.
constexpr std::array kNeverQuantizedOfGlm5Next = {
    "hc_", "attn_k_b.weight", "attn_v_b.weight", "attn_kv_a_mqa.weight", "indexer.", "indexer_compressor_", "ssm_beta.weight", "ssm_f_a.weight", "ssm_f_b.weight",
    "ssm_g_a.weight", "ssm_g_b.weight",
};

constexpr std::array kQueriesOfGlm5Next = {".attn_q_a.weight", ".attn_q_b.weight"};   // eight bits in every recipe

bool may_quantize(std::string_view name) { return is_weight(name) && !contains_one_of(name, kNeverQuantized); }
bool stays_f32(std::string_view name) { return (!is_weight(name) && !is_adapter(name)) || contains_one_of(name, kAlwaysF32); }

}  // namespace

const std::vector<Ftype>& ftypes() {
  static const std::vector<Ftype> all = {
      {"F32", "f32"},      {"BF16", "bf16"},    {"F16", "f16"},        {"Q8_0", "q8_0"},         {"Q6_K", "q6_k"},         {"Q5_K_M", "q5_k"},
      {"Q5_K_S", "q5_k"},  {"Q5_1", "q5_1"},    {"Q5_0", "q5_0"},      {"Q4_1", "q4_1"},         {"Q4_K_M", "q4_k"},       {"Q4_K_S", "q4_k"},
      {"IQ4_NL", "iq4_nl"}, {"Q4_0", "q4_0"},   {"IQ4_XS", "iq4_xs"},  {"MXFP4_MOE", "mxfp4"},   {"NVFP4_GGUF", "nvfp4"},  {"Q3_K_L", "q3_k"},
      {"Q3_K_M", "q3_k"},  {"IQ3_M", "iq3_s"},  {"Q3_K_S", "q3_k"},    {"IQ3_S", "iq3_s"},       {"IQ3_XS", "iq3_s"},      {"IQ3_XXS", "iq3_xxs", true},
      {"Q2_K", "q2_k"},    {"Q2_K_S", "q2_k", true}, {"IQ2_M", "iq2_s", true}, {"IQ2_S", "iq2_xs", true}, {"IQ2_XS", "iq2_xs", true},
      {"IQ2_XXS", "iq2_xxs", true}, {"TQ2_0", "tq2_0"}, {"Q2_0", "q2_0"}, {"TQ1_0", "tq1_0"},    {"IQ1_M", "iq1_m", true}, {"IQ1_S", "iq1_s", true},
      {"Q1_0", "q1_0"},
  };
  return all;
}

const Ftype* find_ftype(std::string_view name) {
  for (const Ftype& each : ftypes())
    if (each.name == name) return &each;
  return nullptr;
}

// The quantiser goes by block, then by name, in whatever order the file has them.
std::vector<std::size_t> writing_order(const std::vector<Tensor>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto block = [&](std::size_t i) { return tensors[i].name.starts_with("blk.") ? tensors[i].layer : -1; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return block(x) != block(y) ? block(x) < block(y) : tensors[x].name < tensors[y].name;
  });
  return order;
}

bool llama_quantizes(const Tensor& tensor, std::string_view family) {
  return dimensions(tensor) >= 2 && may_quantize(tensor.name) && !(family == "glm5-next" && contains_one_of(std::string_view(tensor.name), kNeverQuantizedOfGlm5Next));
}

std::string_view llama_source_format(const Tensor& tensor, std::string_view half) {
  if (contains(tensor.name, "ffn_gate_tid2eid.weight")) return "i32";
  return dimensions(tensor) < 2 || stays_f32(tensor.name) ? "f32" : half;
}

std::vector<std::string_view> llama_formats(const Architecture& architecture, const Ftype& ftype, bool imatrix, std::string_view half) {
  Chooser chooser(traits_of(architecture), ftype, imatrix || ftype.needs_imatrix);
  const bool mixes = !one_of(ftype.base, {"f32", "f16", "bf16"});
  std::vector<std::string_view> formats(architecture.tensors.size());
  // The experts of gpt-oss were trained in MXFP4: every published file keeps them, whatever its name says of the rest.
  const bool keeps_experts = architecture.family == "gpt-oss" && ftype.base != "f32";
  OfStem<bool, may_quantize> quantizes;
  OfStem<bool, stays_f32> single;
  const auto source_format = [&](const Tensor& tensor, std::string_view half_format) -> std::string_view {
    if (contains(tensor.name, "ffn_gate_tid2eid.weight")) return "i32";
    return dimensions(tensor) < 2 || single(tensor.name) ? "f32" : half_format;
  };
  const bool glm5_next = architecture.family == "glm5-next";
  const auto left_alone = [&](const Tensor& tensor) {
    return dimensions(tensor) < 2 || !quantizes(tensor.name) || (glm5_next && contains_one_of(std::string_view(tensor.name), kNeverQuantizedOfGlm5Next));
  };
  for (const std::size_t i : writing_order(architecture.tensors)) {
    const Tensor& tensor = architecture.tensors[i];
    std::string_view& format = formats[i];
    if (keeps_experts && tensor.role == Role::expert_ffn && tensor.shape[2] > 1) format = "mxfp4";
    else if (left_alone(tensor)) format = source_format(tensor, mixes ? half : ftype.base);
    else if (!mixes) format = source_format(tensor, ftype.base);
    else if (glm5_next && contains_one_of(std::string_view(tensor.name), kQueriesOfGlm5Next)) format = "q8_0";
    else format = chooser.choose(tensor);
  }
  return formats;
}

}  // namespace rigcast::model::detail
