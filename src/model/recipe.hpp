#pragma once
// A recipe says which format every tensor of a model gets: llama.cpp's ftypes mix formats by tensor and layer, the other engines
// quantise linear layers and leave embeddings, norms, routers and (mostly) the head in 16 bits.
//
// Worked example, Llama 3 8B as Q4_K_M: 32 layers of q4_k, but attn_v and ffn_down of layers 0-3, 28-31 and every third between in
// q6_k, output.weight in q6_k, norms in F32: 4,912,916,480 bytes of weights (a published file has 4,920,733,984 with its header).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "model/architecture.hpp"

namespace rigcast::model {

// Gives every tensor of `architecture` (whose tensors must have names, roles and shapes) its format and bytes.
//
// `text` is, in any case and with '-' for '_':
//   an ftype of llama-quantize       Q4_K_M, IQ3_XXS, MXFP4_MOE, BF16 ...; "i1-" before it: made with an importance matrix
//   an ftype of ik_llama.cpp         IQ4_K, IQ3_KS, IQ4_K_R4 ...
//   an Unsloth dynamic recipe        UD-Q4_K_XL ...: approximate, scaled to published sizes
//   a format of the other engines    AWQ, GPTQ-INT4-G64, FP8, FP8_BLOCK, W8A8, NVFP4, MXFP4, NF4, MLX-4BIT, EXL3-4.0BPW ...
//   a format and the parts it reaches  nvfp4(dense+experts): of attention, recurrent, dense, experts, shared, embedding, head, router
//   a mean or a file size            4.5bpw, 23.4GiB: every quantised tensor scaled to reach it
// Notes are added where the recipe is approximate. Error not_found: with the nearest recipe.
Result<void> apply_quant(const catalog::Catalog& catalog, Architecture& architecture, std::string_view text);

// Every recipe apply_quant knows by name, in the order in which people compare them (large to small within a kind).
std::vector<std::string> recipe_names(const catalog::Catalog& catalog);

// Whether apply_quant would take the text: of a model of any size, so that "70b" is no recipe.
bool is_recipe(const catalog::Catalog& catalog, std::string_view text);

// A format as people call it: of recipes that say which matrices they reach ("FP8_BLOCK", "INT4_EXPERTS_G32", "nvfp4(experts),fp8_e4m3(tables)") the kinds of
// numbers alone.
std::string shown_format(std::string_view quant);

// The recipe that people mean by a name that is not quite its own: whole bits ("q4": Q4_K_M), all but its signs ("q4km"). Empty: none.
std::string meant_recipe(const catalog::Catalog& catalog, std::string_view text);

// Bytes of a tensor of this shape: ggml's formats cut every row of shape[0] elements into whole blocks, the others the whole tensor;
// row_bytes come once a row.
Bytes tensor_bytes(const catalog::Quant& quant, const std::array<std::int64_t, 4>& shape);

// Whether two names are of one format: "GPTQ-Int4" is what GPTQ means where no bits are named.
bool same_format(std::string_view one, std::string_view other);

// The recipe that a checkpoint's format becomes in a GGUF file: MXFP4 experts keep their bits there and everything else becomes Q8_0, where
// the checkpoint has BF16 (convert_hf_to_gguf; the published gpt-oss files). Other names mean the same in both and come back unchanged.
std::string_view gguf_recipe(std::string_view quant);

}  // namespace rigcast::model
