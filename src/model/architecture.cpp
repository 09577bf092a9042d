#include "model/architecture.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "model/family.hpp"
#include "model/recipe.hpp"
#include "model/shape.hpp"
#include "model/tensors.hpp"

namespace rigcast::model {
namespace {

bool counts(const Architecture& a, const Tensor& tensor) {
  return tensor.role != Role::vision && tensor.role != Role::next_token && !(a.copied_head && tensor.role == Role::output_head);
}

double used_share(const Architecture& a, const Tensor& tensor) {
  if (tensor.role == Role::per_layer_embedding && (a.family == "deepseek41" || a.family == "longcat-flash" || a.family == "qwen4exp")) return 0;   // n-grams: a few rows of hundreds of millions
  const Stack stack = stack_of(a, tensor);
  return stack.count > 0 ? static_cast<double>(stack.used) / stack.count : 1;
}

std::string half_format(std::string_view native) { return native == "F16" ? "f16" : "bf16"; }

}  // namespace

Stack stack_of(const Architecture& a, const Tensor& tensor) {
  if (tensor.name.ends_with(".lora_a") || tensor.name.ends_with(".lora_b")) return {static_cast<int>(tensor.shape[2]), 1};
  const bool of_values = tensor.shape[2] > 1 && tensor.role == Role::attention && tensor.name.find(".attn_v_exps.") != std::string::npos;
  if ((tensor.role != Role::expert_ffn && !of_values) || tensor.layer < 0 || tensor.layer >= static_cast<int>(a.layers.size())) return {};
  const Layer& layer = a.layers[static_cast<std::size_t>(tensor.layer)];
  if (of_values) return {layer.attention.value_experts, layer.attention.value_experts_used};
  const FeedForward& f = layer.feed_forward;
  const int count = static_cast<int>(tensor.shape[2]);
  if (tensor.name.find("_chexps.") != std::string::npos) return {count, std::min(f.experts_used, count)};   // of groups: each chosen expert brings its group's (GroveMoE)
  if (tensor.name.find("_vlexps.") != std::string::npos) return {count, 0};                                // of pictures (ERNIE 4.5 VL)
  return {f.experts, f.experts_used};
}

Bytes Architecture::weight_bytes() const {
  Bytes sum{};
  for (const Tensor& tensor : tensors) sum += tensor.bytes;
  return sum;
}

double Architecture::elements() const {
  double sum = 0;
  for (const Tensor& tensor : tensors) sum += static_cast<double>(tensor.elements());
  return sum;
}

double Architecture::parameters() const {
  double sum = 0;
  for (const Tensor& tensor : tensors)
    if (counts(*this, tensor)) sum += static_cast<double>(tensor.elements());
  return sum;
}

double Architecture::active_parameters() const {
  double sum = 0;
  for (const Tensor& tensor : tensors)
    if (counts(*this, tensor)) sum += static_cast<double>(tensor.elements()) * used_share(*this, tensor);
  return sum;
}

bool Architecture::is_unquantized() const {
  const auto whole = [](const Tensor& t) { return t.quant == "f32" || t.quant == "f16" || t.quant == "bf16" || t.quant == "i32"; };  // i32: tables
  return std::all_of(tensors.begin(), tensors.end(), whole);
}

bool Architecture::has_experts() const {
  return std::any_of(layers.begin(), layers.end(), [](const Layer& layer) { return layer.feed_forward.kind == FeedForwardKind::moe; });
}

namespace {

// What the numbers of a shape make together: a part of width 0 is a contradiction, more elements than 2^53 no model.
Result<void> check_tensors(const Shape& shape, const std::vector<Tensor>& tensors) {
  for (const Tensor& tensor : tensors) {
    double elements = 1;
    for (const std::int64_t length : tensor.shape) {
      if (length < 1) return fail(ErrorKind::input, shape.key + ": describes a tensor '" + tensor.name + "' without elements");
      elements *= static_cast<double>(length);
    }
    if (elements > 9007199254740992.0) return fail(ErrorKind::input, shape.key + ": describes a tensor '" + tensor.name + "' of more than 2^53 elements");
  }
  return {};
}

}  // namespace

namespace {

// Every run of a layer stands for itself; its tensors are those of the first.
void repeat_layers(const Shape& shape, std::vector<Layer>& layers, Architecture& a) {
  const std::size_t once = layers.size();
  a.layers = std::move(layers);
  a.blocks = shape.blocks;
  if (shape.loops <= 1) return;
  for (std::size_t i = 0; i < once * static_cast<std::size_t>(shape.loops); ++i) a.blocks.push_back(static_cast<int>(i % once));
  for (std::size_t i = once; i < a.blocks.size(); ++i) a.layers.push_back(a.layers[i % once]);
  a.loop_norm = shape.loop_norm;
}

// Without formats: whoever asks knows which.
Result<Architecture> assembled(const Shape& shape) {
  if (!find_family(shape.family))
    return fail(ErrorKind::unsupported, shape.key + ": no rule knows the tensors of architecture '" + shape.family + "'");
  RC_ASSIGN(layers, lay_out(shape));
  Architecture a;
  a.key = shape.key;
  a.name = shape.name;
  a.family = shape.family;
  a.origin = shape.origin;
  a.half = half_format(shape.native);
  a.own_code = shape.own_code;
  a.hidden = shape.hidden;
  a.vocab = shape.vocab;
  a.max_context = shape.max_context;
  a.tied_embeddings = shape.tied_embeddings && !shape.encoder_only;
  a.encoder_only = shape.encoder_only;
  a.streams = shape.streams;
  a.mixing_rounds = shape.mixing_rounds;
  a.tensors = list_tensors(shape, layers);
  RC_TRY(check_tensors(shape, a.tensors));
  repeat_layers(shape, layers, a);
  a.bank_interval = shape.bank_interval;
  a.attention_softcap = shape.features.attention_softcap;
  a.notes = shape.notes;
  if (!shape.verified) a.notes.push_back("nobody has held this shape against the model's own config; its parameter count agrees");
  a.source = shape.source;
  return a;
}

}  // namespace

Result<Architecture> build_architecture(const catalog::Catalog& catalog, const Shape& shape) {
  RC_ASSIGN(a, assembled(shape));
  RC_TRY(apply_quant(catalog, a, a.half));
  return a;
}

Result<void> add_tower(const catalog::Catalog& catalog, Architecture& architecture, double elements) {
  if (elements <= 0) return {};
  for (const Tensor& tensor : architecture.tensors)
    if (const auto format = catalog.quant(tensor.quant); format && (format->group.starts_with("ggml") || format->group == "mlx" || format->group == "exl")) return {};
  Tensor tower;
  tower.name = "vision_tower";
  tower.role = Role::vision;
  tower.layer = -1;
  tower.shape = {static_cast<std::int64_t>(elements / 2), 2, 1, 1};   // two rows: norms and biases of one row are kept in 32 bits
  tower.quant = architecture.half;
  RC_ASSIGN(half, catalog.quant(tower.quant));
  tower.bytes = tensor_bytes(half, tower.shape);
  architecture.tensors.push_back(std::move(tower));
  return {};
}

Result<Architecture> architecture_from_catalogue(const catalog::Catalog& catalog, std::string_view name, std::string_view quant) {
  RC_ASSIGN(base, base_from_catalogue(catalog, name));
  return in_format(catalog, std::move(base), quant);
}

Result<Base> base_from_catalogue(const catalog::Catalog& catalog, std::string_view name) {
  RC_ASSIGN(document, catalog.document(catalog::Kind::model, name));
  RC_ASSIGN(shape, read_shape(catalog, document));
  RC_ASSIGN(architecture, assembled(shape));
  return Base{std::move(architecture), shape.native, std::move(shape.checkpoints), std::move(shape.repositories), shape.tower};
}

Result<Architecture> in_format(const catalog::Catalog& catalog, Base base, std::string_view quant) {
  Architecture& a = base.architecture;
  // FP8 of a model published in FP8 blocks is what was published: nobody makes a second one.
  const std::string_view native = base.native, kind = native.substr(0, native.find('_'));
  const bool published = quant.empty() || equal_ignoring_case(kind, quant) || equal_ignoring_case(native, quant);
  const auto checkpoint = std::find_if(base.checkpoints.begin(), base.checkpoints.end(), [&](const Checkpoint& each) { return equal_ignoring_case(each.name, quant); });
  const bool as_made = checkpoint != base.checkpoints.end();
  RC_TRY(apply_quant(catalog, a, published ? native : as_made ? std::string_view(checkpoint->recipe) : quant));
  if (published && !quant.empty()) a.quant.resize(quant.size());   // called as it was asked for
  if (as_made) {
    if (!equal_ignoring_case(checkpoint->recipe, "FP8_BLOCK"))   // which reaches what FP8 usually does, in blocks
      a.notes.push_back("What is published as " + checkpoint->name + " of this model is " + a.quant + ": the other matrices stay in 16 bits.");
    a.quant = checkpoint->name;
  }
  std::set<std::string_view> formats;
  for (const Tensor& tensor : a.tensors) formats.insert(tensor.quant);
  const bool ggml = std::any_of(formats.begin(), formats.end(), [&](std::string_view name) {
    const auto format = catalog.quant(name);
    return format && format->group.starts_with("ggml");
  });
  RC_TRY(add_tower(catalog, a, base.tower));
  a.checkpoint = published ? a.key : a.key + "-" + a.quant + (ggml ? ".gguf" : "");
  const bool whole = native.starts_with("BF16") || native.starts_with("F16");
  for (const Repository& each : base.repositories) {   // known by its owner before it
    if (each.quant.empty() ? published : same_format(each.quant, a.quant)) a.checkpoint = each.name;
    else if (each.quant.empty() && whole) a.whole_checkpoint = each.name;
  }
  return std::move(a);
}

}  // namespace rigcast::model
