#pragma once
// A Shape is what a catalogue row or a config.json says of a model: its numbers, before any tensor has a name or a format.
//
// catalogue TOML --read_shape--> Shape --list_tensors--> Architecture --apply_quant--> Architecture with bytes
// config.json --read_config--> Shape (the same way on)

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "model/architecture.hpp"

namespace rigcast::model {

// What is normalised of queries and keys before attention.
enum class QkNorm {
  none,
  head,          // one weight vector of head_dim, shared by all heads (Qwen3, Gemma 3)
  full,          // one weight for each element of the projection (OLMo 2, MiniMax M2)
  per_head,      // a weight vector for each head (Command R+)
};

// Which norm stands before the feed-forward part, by its GGUF name.
enum class FeedForwardNorm {
  ffn_norm,
  post_attention_norm,  // the same place under another name (Qwen3-Next, Seed-OSS, GLM-4.5)
  attn_output_norm,     // and another (DBRX)
  none,                 // attention and feed-forward share one norm, or only norms after each part
};

// What a family of models has besides plain projections. Families set these (family.cpp); a catalogue row or config may override.
struct Features {
  bool fused_qkv = false;            // one attn_qkv matrix
  bool fused_gate_up = false;        // ffn_up holds gate and up
  bool fused_expert_gate_up = false; // ffn_gate_up_exps
  bool gated = true;                 // feed-forward with a gate (SwiGLU, GeGLU)
  bool qkv_bias = false, attention_output_bias = false, ffn_bias = false, norm_bias = false, head_bias = false;
  bool down_bias = false;            // ffn_down alone has a bias (TeleChat 2)
  bool norm_weights = true;          // false: norms without weights (OLMo 1)
  QkNorm qk_norm = QkNorm::none;
  bool qk_norm_bias = false;         // with biases (Chameleon, Persimmon)
  bool attention_norm = true;        // norm before attention
  FeedForwardNorm ffn_norm = FeedForwardNorm::ffn_norm;
  bool post_attention_norm = false, post_ffn_norm = false;  // norms after each part
  bool query_gate = false;           // queries twice as wide: the second half gates the output (Qwen3-Next)
  bool head_gate = false;            // attn_gate: one gate for each head (Step 3.5) ...
  bool output_gate = false;          // attn_gate: one gate for each element of the heads' output (AFM)
  bool sinks = false;                // one learned logit for each head (gpt-oss)
  bool router_correction = false;    // exp_probs_b.bias (DeepSeek V3)
  bool router_bias = false, expert_bias = false;            // gpt-oss
  bool shared_expert_gate = false;   // Qwen2-MoE
  bool shared_expert_beside_dense = false;  // the dense feed-forward IS the shared expert (Gemma 4, Arctic, LongCat)
  bool expert_norm = false;          // ffn_norm_exps: experts have a norm of their own beside the dense part (Arctic)
  bool sub_norms = false;            // norms before the output projections of both parts (BitNet)
  bool rope_factors = false;         // rope_freqs.weight (Llama 3.1)
  bool embedding_norm = false;       // token_embd_norm
  bool learned_positions = false;    // position_embd
  bool second_attention_norm = false;  // attn_norm_2 (Falcon 40B)
  bool next_token_embeddings = false;  // next-token layers carry their own embedding and head (GLM-4.5)
  bool layer_scale = false;          // layer_output_scale (Gemma 4)
  bool lambdas = false;              // attention less so much of a second one: four vectors a layer and a norm over pairs of heads (Phi 4 mini flash)
  bool queries_alone = false;        // layers that read another's cache have no projections of keys and values (Phi 4 mini flash)
  bool scored_shared = false;        // the router scores the shared experts, too (Inkling)
  bool seeing_twins = false;         // every matrix of a layer has a twin for pictures (CogVLM)
  double attention_softcap = 0;
};

struct Mla {
  int q_rank = 0;                    // 0: queries without a low-rank step (V2-Lite)
  int kv_rank = 0, nope_dim = 0, rope_dim = 0, value_dim = 0;
  bool expanded = false;             // the cache holds every head's keys and values, not the latent (MiniCPM 3)
  bool gated = false;                // queries and a gate of the heads' output come of the narrow queries before and behind their norm (A.X K2)
};

// The one kind of recurrent mixer a model uses.
struct RecurrentShape {
  RecurrentKind kind = RecurrentKind::none;
  int heads = 0;                     // value heads
  int key_heads = 0;                 // gated_delta: heads of queries and keys
  int head_dim = 0;                  // of a value head; mamba: inner width / heads
  int key_dim = 0;                   // gated_delta, kimi_delta: of a key head
  int state = 0;                     // mamba: state size
  int groups = 1;                    // mamba2
  int conv = 4;                      // kernel width
  int dt_rank = 0;                   // mamba1
  int gate_rank = 0;                 // kimi_delta: width between the two gate projections; 0: one of full rank (Kimi K3)
  bool bounded_decay = false;        // kimi_delta: as in Recurrent
  int shifts = 2;                    // rwkv: parts that mix in the token before
  bool norm = true;                  // mamba2: a norm before the output projection (Falcon-H1 has none)
};

// One published file of the model: what the recipe is checked against.
struct PublishedFile {
  std::string quant;
  Bytes bytes{};
  std::string printed, source;
  std::string note;                  // why it is not what the recipe gives, where it is not
};

struct Published {
  double parameters = 0, active = 0; // 0: nobody printed it
  std::string source;                // where the counts come from
  std::vector<PublishedFile> files;
};

struct Indexer {
  int heads = 0, dim = 0, top_k = 0;  // top_k in tokens
  int first_layer = 0;               // layers before it attend to everything
  int pool = 0;                      // tokens whose keys are pooled into one before they are scored (GLM 5.3 Flash); 0: each is scored
  std::vector<int> owners = {};      // by layer: 1 where it has one of its own, 0 where it takes what that of an earlier layer picked; empty: all have one
};

// Attention over a window of tokens and entries that a compressor makes of those behind it (DeepSeek V4).
struct Compressed {
  std::vector<int> ratios;           // by layer: so many tokens an entry, chosen by the indexer (4) or all seen (128); 0: the window alone
  int q_rank = 0;                    // of the queries' low-rank step
  int output_groups = 0, output_rank = 0;  // the output projection narrows each group of heads before it joins them
  std::vector<int> sources = {};     // layers that make entries, and those that choose among them; the others take what the last of these before
  std::vector<int> choosers = {};    // them made or chose (DeepSeek V4.1). Empty: each layer does both for itself
};

// Tables of n-grams of several layers, whose rows are added to the streams through a gate (DeepSeek V4.1).
struct Engrams {
  std::vector<int> layers = {};
  std::vector<std::int64_t> rows = {};  // of each table
  int row = 0, rows_a_token = 0;     // as in NGrams
};

// Rows of one table that stand for the last few tokens, taken in by a convolution in one layer (Qwen 3.8 Flash).
struct NGrams {
  int layer = -1;                    // -1: none
  std::int64_t rows = 0;             // of the table
  int row = 0, rows_a_token = 0;     // elements of a row, and how many a token gathers
  int size = 0, kernel = 0;          // tokens of the longest n-gram; width of the convolution, whose taps lie so many tokens apart
};

struct Experts {
  int count = 0, used = 0, width = 0;
  int shared = 0, shared_width = 0;  // shared_width: of all shared experts together
  int first_dense = 0, last_dense = 0;  // so many leading and trailing layers have a dense feed-forward instead
  int every = 1;                     // of the others every so-manyth has experts: layers i with (i + 1) % every == 0
  int hashed = 0;                    // so many leading layers choose by a table of tokens instead of a correction (DeepSeek V4)
  int idle = 0;                      // further ones to choose that compute nothing (LongCat)
  int latent = 0;                    // width experts work in, between two projections shared by all (Nemotron 3 Super); 0: hidden
  int groups = 0, group_width = 0;   // smaller experts that the chosen of a group share (GroveMoE)
  int seeing = 0, seeing_width = 0;  // experts for pictures alone (ERNIE 4.5 VL)
};

// Gates of what comes of a norm, through a narrow space: of the stream itself (A.X K2), or of a time that is told besides (Voxtral Realtime).
struct NormGates {
  int rank = 0;                      // 0: none
  bool attention = false, dense = false, mixtures = false;  // which norms have one, by what stands behind them
};

// In layers with a mixture, values of attention are made by some of so many experts, too (K2 Horizon MoVA).
struct ValueExperts { int count = 0, used = 0; };

// Inkling: a bias by distance, from a narrow projection of every head and a table of distances; beyond `extent` tokens, in layers with a window
// beyond that, there is none. Convolutions over the last few tokens behind keys, values and both parts of a layer.
struct Distances { int rank = 0, extent = 0, kernel = 0; };

// How attention of one kind differs from the model's usual one; 0: it does not.
struct AttentionVariant {
  int heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
  bool value_is_key = false;
};

// A quantised checkpoint that its maker published, whose format is not the usual one of that name: what people call "NVFP4" of Gemma 4 leaves
// attention in 16 bits, and "FP8" of Qwen3 has a scale for each block of 128 x 128 weights, which no engine cuts through.
struct Checkpoint { std::string name, recipe; };

// Where weights in one format are published: "Qwen/Qwen3-32B-AWQ". By the maker of the model where it has one; quant empty: as first published.
struct Repository { std::string quant, name, source = {}; };   // source: who says so, with its date

// `pattern` says what each layer is, one letter a layer, repeated to the number of layers:
//   F full, S sliding, C chunked attention, R recurrent, H attention and recurrent side by side, L the same behind a window, X attention to
//   pictures alone, G gates of what the last recurrent layer gave, each with a feed-forward part;
//   A attention, M recurrent, D dense feed-forward, E experts: layers of that one thing only (Nemotron-H).
// Empty: all F, or all S where there is a window.
struct Shape {
  std::string key, name, family;     // family: llama.cpp's architecture name
  std::string native;                // recipe of the checkpoint as published: "BF16", "FP8_BLOCK"
  std::string release;               // "2025-04"
  std::string source;                // with date
  bool verified = true;              // against the model's own config
  Origin origin = Origin::catalogue;
  int layers = 0;                    // without next-token layers
  int next_token_layers = 0;         // multi-token-prediction blocks a GGUF carries besides
  int hidden = 0, vocab = 0, ffn = 0;
  std::int64_t max_context = 0;
  bool tied_embeddings = false;
  int heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
  std::string pattern;
  int window = 0;
  AttentionVariant full, sliding;    // of F and of S layers
  std::vector<int> layer_heads, layer_kv_heads, layer_ffn;  // one number a layer where they differ (Nemotron NAS); 0: that part is absent
  Features features;
  Mla mla, sliding_mla;              // sliding_mla: of S layers, where they have latents too (dots 3)
  Indexer indexer;
  Compressed compressed;
  int streams = 0, mixing_rounds = 0;  // parallel residual streams (hyper-connections), as in Architecture
  int bank_interval = 0;             // as in Architecture (Kimi K3)
  int loops = 1;                     // so many times all layers run, each time with a cache of its own (Nanbeige, Ouro)
  bool loop_norm = false;            // ... from a normalised stream
  std::vector<int> blocks;           // as in Architecture (Zamba 2); empty: each layer has tensors of its own
  int stream_rank = 0;               // > 0: streams are gated through so narrow a space instead (Qwen 3.8 Flash)
  NGrams ngrams;
  Engrams engrams;
  Experts experts;
  ValueExperts value_experts;
  NormGates norm_gates;
  Distances distances;
  RecurrentShape recurrent;
  int per_layer_embedding = 0;       // Gemma 3n/4: width of each layer's own embedding
  int shared_cache_layers = 0;       // Gemma 3n/4: so many last layers read the cache of an earlier one
  int double_ffn_layers = 0;         // Gemma 4: so many last layers have a feed-forward twice as wide
  int rope_dim = 0;                  // rotated part of a head; 0: all of it
  bool encoder_only = false;         // as in Architecture
  int token_types = 0;               // BERT: rows of a second embedding
  int relative_positions = 0;        // DeBERTa: rows of an embedding of distances
  int extra_embeddings = 0;          // rows of the embedding beyond the vocabulary of the head (Llama 3.2 Vision)
  double tower = 0;                  // elements of the tower for pictures, and of what joins it to the language model
  Published published;
  std::vector<Checkpoint> checkpoints;
  std::vector<Repository> repositories;
  std::string own_code;              // as in Architecture
  std::vector<std::string> notes;
};

// What every layer attends to, remembers and computes. Error input: a letter nobody knows, lists of the wrong length, parts missing.
Result<std::vector<Layer>> lay_out(const Shape& shape);

// The row `document.key` of a data/models file. Errors carry file, line and column.
Result<Shape> read_shape(const catalog::Catalog& catalog, const catalog::Catalog::Document& document);

// The full Architecture of a shape, every weight in F16 (norms F32) as converted for llama.cpp; apply_quant gives it another format.
// Error unsupported: a family nobody taught us.
Result<Architecture> build_architecture(const catalog::Catalog& catalog, const Shape& shape);

// Gives it a tower for pictures in the model's 16 bits, unless its weights are of a kind whose files leave towers out (GGUF, MLX, EXL): one tensor for all.
Result<void> add_tower(const catalog::Catalog& catalog, Architecture& architecture, double elements);

// Catalogue key or alias -> Architecture in `quant`, or in its native format where that is empty.
Result<Architecture> architecture_from_catalogue(const catalog::Catalog& catalog, std::string_view name, std::string_view quant = {});

// The same in two steps, for whoever wants one model in many formats: its tensors before they have one, and what it is published in.
struct Base { Architecture architecture; std::string native; std::vector<Checkpoint> checkpoints = {}; std::vector<Repository> repositories = {}; double tower = 0; };
Result<Base> base_from_catalogue(const catalog::Catalog& catalog, std::string_view name);
Result<Architecture> in_format(const catalog::Catalog& catalog, Base base, std::string_view quant);   // empty: as published

}  // namespace rigcast::model
