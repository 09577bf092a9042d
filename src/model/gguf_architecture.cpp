#include "model/gguf_architecture.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "model/gguf_families.hpp"
#include "model/gguf_layers.hpp"
#include "model/gguf_metadata.hpp"
#include "model/gguf_tensors.hpp"
#include "model/tensors.hpp"

namespace rigcast::model {
namespace {

constexpr int kMostBlocks = 4096;

// general.file_type, as llama.cpp numbers its recipes (llama_ftype in include/llama.h).
struct FileType { int number; std::string_view recipe; };
constexpr auto file_types = std::to_array<FileType>({
    {0, "F32"},      {1, "F16"},      {2, "Q4_0"},     {3, "Q4_1"},    {7, "Q8_0"},    {8, "Q5_0"},    {9, "Q5_1"},    {10, "Q2_K"},
    {11, "Q3_K_S"},  {12, "Q3_K_M"},  {13, "Q3_K_L"},  {14, "Q4_K_S"}, {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"}, {18, "Q6_K"},
    {19, "IQ2_XXS"}, {20, "IQ2_XS"},  {21, "Q2_K_S"},  {22, "IQ3_XS"}, {23, "IQ3_XXS"}, {24, "IQ1_S"}, {25, "IQ4_NL"}, {26, "IQ3_S"},
    {27, "IQ3_M"},   {28, "IQ2_S"},   {29, "IQ2_M"},   {30, "IQ4_XS"}, {31, "IQ1_M"},  {32, "BF16"},   {36, "TQ1_0"},  {37, "TQ2_0"},
    {38, "MXFP4_MOE"}, {39, "NVFP4"}, {40, "Q1_0"},
});

// The recipe the file names, else the format that most of its bytes are in.
std::string quant_of_file(const Gguf& gguf) {
  const GgufValue* value = gguf.find("general.file_type");
  if (value != nullptr && !value->is_array && !value->integers.empty())
    for (const FileType& type : file_types)
      if (type.number == value->integers.front()) return std::string(type.recipe);
  std::map<std::string, std::uint64_t> bytes;
  for (const GgufTensor& tensor : gguf.tensors) bytes[tensor.quant->name] += tensor.bytes;
  const auto most = std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? std::string{} : most->first;
}

// "dir/Qwen3-8B-Q4_K_M-00001-of-00003.gguf" -> "Qwen3-8B-Q4_K_M".
std::string key_of_file(const Gguf& gguf) {
  std::string stem = std::filesystem::path(gguf.file()).stem().string();
  constexpr std::size_t tail = std::string_view("-00001-of-00003").size();
  if (gguf.parts.size() > 1 && stem.size() > tail) stem.resize(stem.size() - tail);
  return stem;
}

Tensor tensor_of(const GgufTensor& from, Role role, int layer) {
  Tensor tensor;
  tensor.name = from.name;
  tensor.role = role;
  tensor.layer = layer;
  tensor.shape = from.shape;
  tensor.quant = from.quant->key;
  tensor.bytes = Bytes(static_cast<double>(from.bytes));
  return tensor;
}

Architecture begin(const Gguf& gguf, const std::string& family) {
  Architecture architecture;
  architecture.key = key_of_file(gguf);
  const GgufValue* name = gguf.find("general.name");
  architecture.name = name != nullptr && !name->text.empty() ? name->text : architecture.key;
  architecture.family = family;
  architecture.origin = Origin::gguf;
  architecture.file = gguf.file();
  architecture.quant = quant_of_file(gguf);
  return architecture;
}

Result<Architecture> vision_projector(const Gguf& gguf, const GgufMetadata& metadata) {
  Architecture architecture = begin(gguf, "clip");
  RC_ASSIGN(hidden, metadata.count_or("vision.embedding_length", 0));
  architecture.hidden = hidden;
  for (const GgufTensor& tensor : gguf.tensors) architecture.tensors.push_back(tensor_of(tensor, Role::vision, kInputLayer));
  const std::string projector = metadata.text("clip.projector_type");
  architecture.notes.push_back("A vision or audio projector" + (projector.empty() ? std::string{} : " (" + projector + ")") + ": it runs beside a language model and has no layers of its own to place.");
  return architecture;
}

// How many blocks the file has, and how many of them decoding runs.
struct Blocks { int all = 0, layers = 0; };

// Conversions of DeepSeek V4 name a next-token block also where they left it out.
Result<Blocks> read_blocks(const Gguf& gguf, const GgufMetadata& metadata) {
  RC_ASSIGN(all, metadata.required_count("block_count"));
  RC_ASSIGN(named, metadata.count_or("nextn_predict_layers", 0));
  const std::string joins = "blk." + std::to_string(all - named) + ".nextn.eh_proj.weight";
  const bool left_out = metadata.prefix() == "deepseek4" && std::none_of(gguf.tensors.begin(), gguf.tensors.end(), [&](const GgufTensor& t) { return t.name == joins; });
  const int next_token = left_out ? 0 : named;
  if (all < 1 || all > kMostBlocks) return metadata.contradiction("block_count is " + std::to_string(all) + "; 1 to " + std::to_string(kMostBlocks) + " are possible");
  if (next_token >= all) return metadata.contradiction("nextn_predict_layers is " + std::to_string(next_token) + " of " + std::to_string(all) + " blocks");
  return Blocks{all, all - next_token};
}

// The layer of a tensor, by its name.
Result<int> read_layer(const GgufMetadata& metadata, const std::string& tensor, const Blocks& blocks, int layers) {
  const TensorName name = parse_tensor_name(tensor);
  const auto known = role_of(name);
  if (!known) return metadata.cannot_say("tensor '" + tensor + "' is structure nobody has described");
  if (name.block >= blocks.all) return metadata.contradiction("tensor '" + tensor + "' belongs to none of " + std::to_string(blocks.all) + " blocks");
  return layer_of(name, known->place, layers);
}

// The structure a catalogue key would give: everything but the tensors.
Result<void> read_structure(const Gguf& gguf, const GgufMetadata& metadata, const GgufFamily& family, const Blocks& blocks, Architecture& architecture) {
  RC_ASSIGN(hidden, metadata.required_count("embedding_length"));
  RC_ASSIGN(context, metadata.count_or("context_length", 0, std::numeric_limits<int>::max()));
  RC_ASSIGN(softcap, metadata.real("attn_logit_softcapping"));
  architecture.hidden = hidden;
  architecture.max_context = context;
  architecture.attention_softcap = softcap.value_or(0);
  architecture.encoder_only = family.encoder_only;
  if (hidden < 1) return metadata.contradiction("embedding_length is 0");
  const TensorIndex index(gguf.tensors);
  const LayerInput input{metadata, index, family, blocks.all, blocks.layers, hidden};
  RC_ASSIGN(layers, layers_of_gguf(input, architecture.notes));
  RC_ASSIGN(repeated, repeated_blocks(input));
  RC_ASSIGN(stack, metadata.count_or("hrm.layers_per_stack", 0));
  RC_ASSIGN(bank, metadata.count_or("attn_res.block_size", 0));
  RC_ASSIGN(streams, metadata.count_or("hyper_connection.count", 0, 64));
  RC_ASSIGN(rounds, metadata.count_or("hyper_connection.sinkhorn_iterations", 0, 1 << 10));
  RC_ASSIGN(skips_norm, metadata.count_or("skip_loop_final_norm", 0));
  if (repeated.empty()) architecture.layers = std::move(layers);
  for (const int block : repeated) architecture.layers.push_back(layers[static_cast<std::size_t>(block)]);
  architecture.blocks = std::move(repeated);
  architecture.stack_layers = stack;
  architecture.loop_norm = stack == 0 && !architecture.blocks.empty() && skips_norm == 0;
  architecture.bank_interval = bank;
  architecture.streams = streams;
  architecture.mixing_rounds = rounds;
  return {};
}

Result<void> read_tensors(const Gguf& gguf, const GgufMetadata& metadata, const Blocks& blocks, Architecture& architecture) {
  bool has_head = false, has_embedding = false;
  architecture.tensors.reserve(gguf.tensors.size());
  for (const GgufTensor& from : gguf.tensors) {
    RC_ASSIGN(layer, read_layer(metadata, from.name, blocks, static_cast<int>(architecture.layers.size())));
    has_head = has_head || from.name == "output.weight";
    if (from.name == "token_embd.weight") {
      has_embedding = true;
      if (from.shape[0] != architecture.hidden)
        return metadata.contradiction("token_embd.weight has rows of " + std::to_string(from.shape[0]) + " where embedding_length is " + std::to_string(architecture.hidden));
      architecture.vocab = static_cast<int>(std::min<std::int64_t>(from.shape[1], std::int64_t{1} << 30));
    }
    architecture.tensors.push_back(tensor_of(from, Role::other, layer));
  }
  assign_roles(architecture.tensors, architecture.layers);
  if (!has_embedding) return metadata.contradiction("has no tensor 'token_embd.weight'");
  architecture.tied_embeddings = !has_head && !architecture.encoder_only;
  return {};
}

Result<const GgufFamily*> family_of(const GgufMetadata& metadata) {
  if (metadata.prefix().empty()) return metadata.contradiction("lacks the key general.architecture");
  const std::string type = metadata.text("general.type");
  if (!type.empty() && type != "model") return metadata.cannot_say("general.type is '" + type + "', not a model");
  const GgufFamily* family = gguf_family(metadata.prefix());
  if (family == nullptr) {
    Error error = metadata.cannot_say("the architecture '" + metadata.prefix() + "' is one nobody has described").value();
    error.nearest = nearest_gguf_family(metadata.prefix());
    return tl::unexpected<Error>(std::move(error));
  }
  if (!family->refusal.empty()) return metadata.cannot_say(family->refusal);
  return family;
}

}  // namespace

Result<Architecture> architecture_of_gguf(const Gguf& gguf) {
  const GgufValue* named = gguf.find("general.architecture");
  const GgufMetadata metadata(gguf, named == nullptr ? std::string{} : named->text);
  if (metadata.prefix() == "clip" || metadata.text("general.type") == "mmproj") return vision_projector(gguf, metadata);
  RC_ASSIGN(family, family_of(metadata));
  RC_ASSIGN(blocks, read_blocks(gguf, metadata));
  Architecture architecture = begin(gguf, std::string(family->name));
  RC_TRY(read_structure(gguf, metadata, *family, blocks, architecture));
  RC_TRY(read_tensors(gguf, metadata, blocks, architecture));
  return architecture;
}

}  // namespace rigcast::model
