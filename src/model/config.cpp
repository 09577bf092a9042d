#include "model/config.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.hpp"
#include "model/detail/config_families.hpp"
#include "model/detail/config_quant.hpp"
#include "model/detail/config_vision.hpp"
#include "model/family.hpp"
#include "model/recipe.hpp"

namespace rigcast::model {
namespace {

using detail::ConfigReader;
using nlohmann::json;

Where place_of(std::string_view text, const std::string& file, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {file, static_cast<int>(lines) + 1, static_cast<int>(before.size() - start) + 1};
}

Result<json> parse_object(std::string_view text, const std::string& file) {
  try {
    json parsed = json::parse(text.begin(), text.end());
    if (parsed.is_object()) return parsed;
    return fail(ErrorKind::input, "is no JSON object", Where{file, 1, 1});
  } catch (const json::parse_error& error) {
    return fail(ErrorKind::input, "is no JSON", place_of(text, file, error.byte));
  } catch (const json::exception&) {
    return fail(ErrorKind::input, "is no JSON", Where{file, 1, 1});
  }
}

// The object that describes the language model: the file itself, or the text part of a multimodal one; `name`: what that part is called.
struct Part { const json* object; std::string_view name; };
Part text_part(const json& root) {
  Part part{&root, {}};
  for (bool deeper = true; deeper;) {
    deeper = false;
    for (const char* name : {"text_config", "llm_config", "language_config", "thinker_config"}) {
      const auto at = part.object->find(name);
      if (at == part.object->end() || !at->is_object()) continue;
      part = {&*at, name};
      deeper = true;
      break;
    }
  }
  return part;
}

// Line and column of `"key":`, behind the name of the part it stands in; nothing where it is not there.
std::optional<Where> place_of_key(std::string_view text, const std::string& file, std::string_view part, std::string_view key) {
  const auto find = [&](std::string_view name, std::size_t from) {
    const std::string quoted = '"' + std::string(name) + '"';
    for (std::size_t at = text.find(quoted, from); at != std::string_view::npos; at = text.find(quoted, at + 1)) {
      const std::size_t next = text.find_first_not_of(" \t\r\n", at + quoted.size());
      if (next != std::string_view::npos && text[next] == ':') return at;
    }
    return std::string_view::npos;
  };
  const std::size_t begin = part.empty() ? 0 : find(part, 0);
  if (begin == std::string_view::npos || key.empty()) return std::nullopt;
  const std::size_t at = find(key, begin);
  if (at == std::string_view::npos) return std::nullopt;
  return place_of(text, file, at + 1);
}

// What a Shape's numbers are called in most files.
struct CommonName { std::string_view field, key; };
constexpr std::array kCommonNames = {
    CommonName{"layers", "num_hidden_layers"}, CommonName{"hidden", "hidden_size"},  CommonName{"vocab", "vocab_size"}, CommonName{"heads", "num_attention_heads"},
    CommonName{"ffn", "intermediate_size"},    CommonName{"window", "sliding_window"}, CommonName{"kv_heads", "num_key_value_heads"},
};

// An error of the layout in the words of the file, with its place where the key is there.
Error in_words_of_file(Error error, const Shape& shape, std::string_view text, const std::string& file, std::string_view part) {
  if (const std::string twice = shape.key + ": "; error.message.starts_with(twice)) error.message.erase(0, twice.size());   // the place says it
  const auto* common = std::find_if(kCommonNames.begin(), kCommonNames.end(), [&](const CommonName& each) { return each.field == error.field; });
  if (common != kCommonNames.end() && error.message.starts_with(error.field + " ")) {
    error.message = "'" + std::string(common->key) + "'" + error.message.substr(error.field.size());
    error.field = std::string(common->key);
  }
  error.where = place_of_key(text, file, part, error.field).value_or(Where{file, 0, 0});
  return error;
}

struct LayerWord { std::string_view word; char letter; };
constexpr std::array kLayerWords = {
    LayerWord{"full_attention", 'F'}, LayerWord{"attention", 'F'}, LayerWord{"global", 'F'}, LayerWord{"global_attention", 'F'},
    LayerWord{"sliding_attention", 'S'}, LayerWord{"local", 'S'}, LayerWord{"chunked_attention", 'C'}, LayerWord{"linear_attention", 'R'},
    LayerWord{"mamba", 'R'}, LayerWord{"mamba2", 'R'}, LayerWord{"conv", 'R'}, LayerWord{"recurrent", 'R'},
    LayerWord{"deepseek_sparse_attention", 'F'}, LayerWord{"sparse_attention", 'F'}, LayerWord{"qwen_sparse_attention", 'F'}, LayerWord{"hybrid", 'H'},
    LayerWord{"hybrid_sliding", 'L'},
};

void read_sizes(ConfigReader& c, Shape& s, const detail::ClassDefaults& usual) {
  s.layers = c.integer({"num_hidden_layers", "n_layer", "num_layers", "n_layers", "num_transformer_layers"}, usual.layers);
  s.hidden = c.integer({"hidden_size", "n_embd", "d_model", "hidden_dim", "model_dim"}, usual.hidden);
  s.vocab = c.integer({"vocab_size", "padded_vocab_size"}, usual.vocab);
  s.max_context = c.integer({"max_position_embeddings", "seq_length", "n_positions", "max_seq_len", "max_sequence_length", "model_max_length", "max_position_embedding", "max_context_length"}, usual.context);
  s.ffn = c.is_list("intermediate_size") ? 0 : c.integer({"intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "feed_forward_dim", "block_ff_dim"}, usual.ffn);
  s.heads = c.integer({"num_attention_heads", "n_head", "n_heads"}, usual.heads);
  for (const std::string_view name : {"num_hidden_layers", "n_layer", "num_layers", "n_layers", "hidden_size", "num_attention_heads", "n_head", "n_heads", "vocab_size"})
    if (c.has(name) && c.number({name}, 1) < 1) c.fault(ErrorKind::input, name, "is " + format_shortest(c.number({name}, 1)) + "; it must be 1 or more");
  const int shared = usual.kv_heads > 0 ? usual.kv_heads : s.heads;
  s.kv_heads = c.is_list("num_kv_heads") ? s.heads : c.integer({"num_key_value_heads", "multi_query_group_num", "num_kv_heads", "n_head_kv", "num_attention_groups"}, shared);
  const int share = usual.head_dim > 0 ? usual.head_dim : s.heads > 0 ? s.hidden / s.heads : 0;
  s.head_dim = c.integer({"head_dim", "attention_head_dim", "kv_channels"}, share);
  s.value_dim = c.integer({"v_head_dim"}, s.head_dim);
  s.window = c.integer({"sliding_window", "sliding_window_size", "window_size"}, c.names("sliding_window") ? 0 : usual.window);
}

void read_experts(ConfigReader& c, Shape& s) {
  Experts& e = s.experts;
  e.count = c.is_list("moe_num_experts") ? 0 : c.integer({"num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"});
  if (e.count == 0) return;
  e.used = c.integer({"num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts", "moe_k", "moe_top_k"});
  e.width = c.is_list("moe_intermediate_size") ? 0 : c.integer({"moe_intermediate_size", "moe_ffn_hidden_size"});
  if (e.width == 0) e.width = s.ffn;
  e.shared = c.integer({"n_shared_experts", "num_shared_experts", "moe_num_shared_experts"});
  const double shared_width = 1.0 * e.shared * c.integer({"moe_shared_expert_intermediate_size", "shared_expert_intermediate_size"}, e.width);
  if (shared_width > std::numeric_limits<int>::max()) c.fault(ErrorKind::input, "n_shared_experts", "is out of range");
  else e.shared_width = static_cast<int>(shared_width);
  e.first_dense = c.integer({"first_k_dense_replace", "first_dense_layers"});
  if (!c.is_list("moe_layer_freq")) e.every = std::max(1, c.integer({"moe_layer_freq"}, 1));
}

void read_latent(ConfigReader& c, Shape& s) {
  Mla& m = s.mla;
  m.kv_rank = c.integer({"kv_lora_rank"});
  if (m.kv_rank == 0) return;
  m.q_rank = c.integer({"q_lora_rank"});
  m.nope_dim = c.integer({"qk_nope_head_dim"});
  m.rope_dim = c.integer({"qk_rope_head_dim"});
  m.value_dim = s.value_dim > 0 ? s.value_dim : m.nope_dim;
  c.ignore({"qk_head_dim", "qk_layernorm"});
}

void read_biases(ConfigReader& c, Shape& s) {
  Features& f = s.features;
  if (c.has("attention_bias") || c.has("qkv_bias") || c.has("add_qkv_bias") || c.has("use_qkv_bias"))
    f.qkv_bias = c.flag({"attention_bias", "qkv_bias", "add_qkv_bias", "use_qkv_bias"});
  if (s.family == "llama" || s.family == "apertus") f.attention_output_bias = c.flag({"attention_bias", "bias"}) || c.flag({"attention_out_bias"});
  if (s.family == "llama" && c.flag({"bias"})) f.qkv_bias = true;
  f.ffn_bias = c.flag({"mlp_bias"}, f.ffn_bias);
  const bool only_scaled = s.family == "deci" || s.family == "exaone" || s.family == "exaone4";   // the family has a table where rotations are scaled
  if (only_scaled) f.rope_factors = false;
  for (const char* name : {"rope_scaling", "rope_parameters"})
    if (const json* scaling = c.object(name))
      if (scaling->value("rope_type", scaling->value("type", json(""))) == json("llama3")) f.rope_factors = true;
}

// What the family never has, whatever its config says, is left to family.cpp; the sources of the numbers are the model's own.
Shape common_shape(ConfigReader& c, const detail::ModelType& type, bool part) {
  Shape s;
  s.origin = Origin::config;
  s.family = type.family;
  s.features = find_family(type.family)->features;
  read_sizes(c, s, detail::class_defaults(part ? type.name : std::string_view()));
  s.next_token_layers = c.integer({"num_nextn_predict_layers"});
  read_experts(c, s);
  read_latent(c, s);
  read_biases(c, s);
  detail::read_pattern(c, s);
  return s;
}

std::string name_of(const std::string& file) {
  const std::size_t slash = file.find_last_of("/\\");
  const std::string folder = slash == std::string::npos ? file : file.substr(0, slash);
  const std::size_t last = folder.find_last_of("/\\");
  return last == std::string::npos ? folder : folder.substr(last + 1);
}

// What a class says where model_type is another's ("git" of Grok) or missing.
std::string_view type_of_class(ConfigReader& outer) {
  struct Named { std::string_view begins, type; };
  constexpr std::array kNamed = {Named{"Grok", "grok"}, Named{"CogVLM", "cogvlm"}};
  const auto classes = outer.texts({"architectures"});
  for (const Named& each : kNamed)
    if (!classes.empty() && classes.front().starts_with(each.begins)) return each.type;
  return {};
}

// Towers for pictures or sound beside the language model; that no rule knows one is told.
Result<void> read_towers(const json& root, const std::string& file, Shape& shape) {
  ConfigReader thinker(root.contains("thinker_config") && root["thinker_config"].is_object() ? root["thinker_config"] : root, file);
  if (const json* seen = thinker.object("vision_config")) {
    ConfigReader vision(*seen, file);
    shape.tower = detail::tower_elements(vision, thinker, shape.hidden);
    if (const auto read = vision.result(); !read) return read;
    if (shape.tower <= 0) shape.notes.push_back("It sees pictures, and no rule knows the tower for them: engines that load it keep its weights beside these, which is not counted here.");
  } else if (const json* heard = thinker.object("audio_config")) {
    ConfigReader audio(*heard, file);
    shape.tower = detail::ears_elements(audio, thinker, shape.hidden);
    if (const auto read = audio.result(); !read) return read;
  }
  if (shape.tower <= 0 && thinker.object("audio_config") != nullptr)
    shape.notes.push_back("It hears, and no rule knows the encoder for sound: engines that load it keep its weights beside these, which is not counted here.");
  return {};
}

Error unknown_type(const std::string& type, const std::string& file) {
  return {ErrorKind::unsupported, type.empty() ? "has no model_type: nothing says what structure this is" : "no rule knows the model_type '" + type + "'",
          Where{file}, "model_type", nearest_name(type, detail::model_type_names())};
}

}  // namespace

namespace detail {

void read_pattern(ConfigReader& config, Shape& shape) {
  const std::vector<std::string> kinds = config.texts({"layer_types", "layers_block_type", "layer_type"});
  for (const std::string& kind : kinds) {
    const auto* at = std::find_if(kLayerWords.begin(), kLayerWords.end(), [&](const LayerWord& each) { return each.word == kind; });
    if (at == kLayerWords.end()) {
      if (shape.family != "nemotron_h") config.fault(ErrorKind::unsupported, "layer_types", "has '" + kind + "', which no rule knows");
      return;
    }
    shape.pattern += at->letter;
  }
  if (!shape.pattern.empty() && static_cast<int>(shape.pattern.size()) < shape.layers)
    config.fault(ErrorKind::input, "layer_types", "has " + std::to_string(shape.pattern.size()) + " entries for " + std::to_string(shape.layers) + " layers");
  if (static_cast<int>(shape.pattern.size()) > shape.layers) shape.pattern.resize(static_cast<std::size_t>(std::max(shape.layers, 0)));
}

}  // namespace detail

Result<Shape> read_config(std::string_view text, const std::string& file) {
  RC_ASSIGN(root, parse_object(text, file));
  const Part part = text_part(root);
  const auto placed = [&](Error error) {
    if (error.where.line == 0) error.where = place_of_key(text, file, part.name, error.field).value_or(error.where);
    return tl::unexpected<Error>(std::move(error));
  };
  ConfigReader outer(root, file), c(*part.object, file);
  std::string type_name = c.text({"model_type"}, outer.text({"model_type"}));
  if (const std::string_view told = type_of_class(outer); !told.empty()) type_name = told;
  const detail::ModelType* type = detail::find_model_type(type_name);
  if (!type) type = detail::find_model_type(outer.text({"model_type"}));
  if (!type) return placed(unknown_type(type_name, file));
  Shape shape = common_shape(c, *type, part.object != &root);
  if (shape.layers > 100'000) c.fault(ErrorKind::input, "num_hidden_layers", "is out of range");
  shape.tied_embeddings = c.flag({"tie_word_embeddings", "tie_embedding", "use_tied_embeddings", "share_input_output_layers"}, outer.flag({"tie_word_embeddings", "tie_embedding"}, type->tied));
  if (const auto sizes = c.result(); !sizes) return placed(sizes.error());
  if (type->quirk) type->quirk(c, shape);
  auto recipe = detail::checkpoint_recipe(outer, c, shape.layers);
  if (!recipe) return placed(recipe.error());
  for (const ConfigReader* reader : {&c, &outer})
    if (const auto read = reader->result(); !read) return placed(read.error());
  if (const auto key = c.unknown_structure())
    return placed({ErrorKind::unsupported, "no rule says what '" + *key + "' does to a " + type_name + " model", Where{file}, *key, {}});
  shape.native = *recipe;
  if (const auto towers = read_towers(root, file, shape); !towers) return placed(towers.error());
  shape.key = shape.name = name_of(file);
  if (auto layers = lay_out(shape); !layers) return tl::unexpected<Error>(in_words_of_file(layers.error(), shape, text, file, part.name));
  return shape;
}

Result<Architecture> architecture_from_config(const catalog::Catalog& catalog, std::string_view text, const std::string& file,
                                              std::string_view quant) {
  RC_ASSIGN(shape, read_config(text, file));
  RC_ASSIGN(architecture, build_architecture(catalog, shape));
  architecture.file = file;
  RC_TRY(apply_quant(catalog, architecture, quant.empty() ? std::string_view(shape.native) : quant));
  RC_TRY(add_tower(catalog, architecture, shape.tower));
  return architecture;
}

}  // namespace rigcast::model
