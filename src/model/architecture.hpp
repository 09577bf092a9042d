#pragma once
// An Architecture is a model's shape: its layers, what each attends to and remembers, and every tensor with its exact bytes.
//
// However it was read (GGUF header, safetensors + config.json, config.json alone, catalogue key + recipe) it always carries the full
// tensor list under GGUF names, so that everything behind it (memory, placement, cost) has one input and no special cases.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/quantity.hpp"

namespace rigcast::model {

// How one layer looks back at earlier tokens.
enum class AttentionKind {
  none,       // no attention at all (pure recurrent or pure feed-forward layer)
  full,       // every earlier token
  sliding,    // the last `window` tokens
  chunked,    // tokens of the current chunk of `window` (Llama 4)
  mla,        // every earlier token through one latent vector (DeepSeek); with a window the last `window` tokens (dots 3)
  compressed, // the last `window` tokens, and one entry for every `compress` tokens before them; one vector is key and value (DeepSeek V4)
};

struct Attention {
  AttentionKind kind = AttentionKind::none;
  int heads = 0, kv_heads = 0;
  int key_dim = 0, value_dim = 0;      // per head; for mla: of the expanded heads
  int window = 0;                      // sliding, chunked, compressed; mla where its layers slide
  int compress = 0;                    // compressed: tokens that become one entry; 0: the window is all there is
  int entries_layer = -1;              // compressed: >= 0: reads the entries that earlier layer made; the window is its own (DeepSeek V4.1)
  int latent_dim = 0, rope_dim = 0;    // mla: kv_lora_rank and qk_rope_head_dim; the cache holds latent_dim + rope_dim elements a token
  int indexer_heads = 0, indexer_dim = 0, indexer_top_k = 0;  // sparse attention (DeepSeek V3.2): tokens scored, then top_k attended
  int indexer_pool = 0;                // tokens whose keys are pooled into one before they are scored; 0: each is scored (GLM 5.3 Flash, Qwen 3.8 Flash)
  int indexer_row = 0;                 // elements of the indexer's cache a token where they are more than its key: a gate or the pooled key beside it
  bool value_is_key = false;           // no value projection: the keys serve as values too (Gemma 4); the cache still holds both
  int kv_layer = -1;                   // >= 0: reads the cache of that earlier layer and stores none (Gemma 3n/4)
  int value_experts = 0, value_experts_used = 0;  // values are made by so many of so many experts (K2 Horizon MoVA)
};

// True: the cache holds a window of tokens only.
inline bool is_windowed(const Attention& a) {
  return a.kind == AttentionKind::sliding || a.kind == AttentionKind::chunked || a.kind == AttentionKind::compressed || (a.kind == AttentionKind::mla && a.window > 0);
}
// Whether a compressed layer keeps entries behind its window itself.
inline bool makes_entries(const Attention& a) { return a.compress > 0 && a.entries_layer < 0; }
// Elements of the indexer's cache a token.
inline int indexer_elements(const Attention& a) { return a.indexer_heads == 0 || a.entries_layer >= 0 ? 0 : a.indexer_row > 0 ? a.indexer_row : a.indexer_dim; }
// Elements a sequence of the state a compressor keeps (F32): values and scores of the entry in the making. Entries of 4 tokens overlap, so that
// two of double width are kept, and the indexer has a compressor of its own (DeepSeek V4).
inline std::int64_t compressor_elements(const Attention& a) {
  if (a.compress <= 1 || a.entries_layer >= 0) return 0;   // an entry of one token is made at once
  const bool overlaps = a.compress == 4 && a.indexer_heads > 0;
  const std::int64_t rows = std::int64_t{a.compress} * (overlaps ? 2 : 1), width = std::int64_t{a.key_dim + (overlaps ? a.indexer_dim : 0)} * (overlaps ? 2 : 1);
  return 2 * rows * width;
}

// State of fixed size per sequence (Mamba, gated DeltaNet, lightning attention, RWKV), kept in F32 by llama.cpp.
enum class RecurrentKind { none, mamba1, mamba2, gated_delta, kimi_delta, lightning, short_conv, rwkv };
struct Recurrent {
  RecurrentKind kind = RecurrentKind::none;
  std::int64_t conv_elements = 0;      // per sequence
  std::int64_t state_elements = 0;     // per sequence
  std::int64_t ngram_elements = 0;     // per sequence: of the convolution over n-gram embeddings (Qwen 3.8 Flash)
  bool bounded_decay = false;          // Kimi's kind: a sigmoid above a lower bound decays the state, not a softplus
};

enum class FeedForwardKind { none, dense, moe };
struct FeedForward {
  FeedForwardKind kind = FeedForwardKind::none;
  int width = 0;                       // dense: intermediate size
  int experts = 0, experts_used = 0, expert_width = 0;
  int shared_experts = 0, shared_width = 0;  // shared_width: of all shared experts together
  bool gated = true;
  bool scaled_shares = false;          // the shares of the chosen experts are multiplied by a number of the file
};

struct Layer {
  Attention attention;
  Recurrent recurrent;
  FeedForward feed_forward;
};

// What a tensor does; decides which memory it may live in and which kernel reads it.
enum class Role {
  token_embedding,   // one row per token is gathered
  per_layer_embedding,  // Gemma 3n/4, n-grams of Qwen 3.8 Flash: gathered too, may stay on the host
  output_head,       // also the token embedding where tied
  attention,         // q, k, v, o projections and MLA's a/b matrices
  recurrent,         // ssm / linear attention projections, convolution, A, D
  dense_ffn,
  expert_ffn,        // 3-D: all experts of one layer
  shared_expert_ffn,
  router,            // of experts, and of parallel residual streams (hyper-connections): small, every device holds all of it
  norm,              // norms, biases, scales, sinks: small vectors
  other,             // rope factors, tables
  vision,            // projector and vision tower
  next_token,        // multi-token-prediction layers, not run in plain decoding
};

inline constexpr int kInputLayer = -1;   // token embedding and other tensors before layer 0

struct Tensor {
  std::string name;                    // GGUF name: "blk.3.ffn_down_exps.weight"
  Role role = Role::other;
  int layer = kInputLayer;             // 0..layers-1; layers: output norm and head; next_token: its block, from `layers` on
  std::array<std::int64_t, 4> shape{1, 1, 1, 1};  // GGUF order: shape[0] is the contiguous input dimension, shape[1] rows, shape[2] experts
  std::string quant;                   // catalog Quant key: "q4_k"
  Bytes bytes{};
  std::int64_t elements() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
};

enum class Origin { gguf, safetensors, config, catalogue };

struct Architecture {
  std::string key;                     // catalogue key where known, else the file's name
  std::string name;
  std::string family;                  // llama.cpp architecture name: "llama", "qwen3moe", "deepseek2", "gemma3"
  Origin origin = Origin::catalogue;
  std::string file;                    // path, empty for catalogue
  std::string quant;                   // recipe or dominant type: "Q4_K_M", "FP8", "BF16"
  std::string checkpoint;              // catalogue: what files in this format are called; the key alone as published
  std::string whole_checkpoint;        // catalogue: the repository of its weights in 16 bits; empty: none is known, or this is in it
  std::string own_code;                // its repository brings code of its own, which engines run only if told to: who says so; empty: none
  std::string half;                    // 16-bit format of what recipes leave alone: "bf16", "f16"; empty: bf16
  int hidden = 0, vocab = 0;
  std::int64_t max_context = 0;
  bool tied_embeddings = false;        // no output.weight: the embedding serves as head
  bool copied_head = false;            // output.weight is the embedding once more, in a format of its own (EXL): no parameters are its own
  std::vector<Layer> layers;           // without next-token layers
  std::vector<int> blocks;             // which layer's tensors each layer runs with, where some run with those of another; empty: each with its own
  std::vector<Tensor> tensors;         // in file order, or in GGUF writing order
  bool loop_norm = false;              // layers that run again start from a normalised stream (Nanbeige)
  int stack_layers = 0;                // HRM: layers of its lower stack, the others are the upper one's
  int streams = 0;                     // hyper-connections: copies of the residual stream that every part mixes (DeepSeek V4); 0: one
  int mixing_rounds = 0;               // after each part the streams are mixed by a matrix normalised in so many rounds; 0: they are not
  int bank_interval = 0;               // Kimi K3: before every so many layers the stream is kept for later ones
  double attention_softcap = 0;        // Gemma 2: flash attention needs a kernel that supports it
  bool encoder_only = false;           // embedding models: no KV cache
  std::vector<std::string> notes;      // what was inferred rather than read, one sentence each
  std::string source;                  // catalogue: where the shape comes from, with date

  Bytes weight_bytes() const;          // all tensors, without alignment padding
  double elements() const;             // of all tensors
  double parameters() const;           // elements of all tensors except vision and next_token
  double active_parameters() const;    // per token: of stacks what it uses
  bool has_experts() const;
  bool has_repository() const { return file.empty() && checkpoint.find('/') != std::string::npos; }   // that holds it in this format: "Qwen/Qwen3-32B-FP8"
  bool is_unquantized() const;         // weights as converted, in floats of 16 or 32 bits: any recipe can still be applied
  std::size_t block_of(std::size_t layer) const { return layer < blocks.size() ? static_cast<std::size_t>(blocks[layer]) : layer; }
};

// A tensor that stacks matrices of which a token uses some: the experts of its layer, or adapters of which each token has one (Granite Switch).
// count 0: no stack.
struct Stack { int count = 0, used = 0; };
Stack stack_of(const Architecture& architecture, const Tensor& tensor);

}  // namespace rigcast::model
