#pragma once
// Builds the prompt graph layer by layer. What a layer is made of is read off its tensors (a fused projection, a norm after the
// attention, shared experts, ...); the few things tensors do not show are looked up by family (family_habits).

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "placement/detail/llama_graph.hpp"

namespace rigcast::placement::detail {

// What the tensors of a family do not show.
struct FamilyHabits {
  std::string_view family;
  bool layer_norm = false;         // LayerNorm without a bias
  bool scales_input = false;       // embeddings times a constant
  bool scales_input_by_row = false;  // ... given as an input (Gemma)
  bool scales_query = false;
  bool scales_residual = false;
  bool norm_after_rope = false;    // query and key norms come after the rotation
  bool bare_norm_after_rope = false;  // ... and have no weights
  bool scales_unturned = false;    // queries without positions are scaled by an input (Llama 4)
  int axes = 1;                    // positions of a token: of text in pictures and films four
  bool no_rotation = false;        // positions are learned or a bias of the scores
  bool rotates_windows_only = false;  // layers that see everything have no positions
  int unturned_every = 0;          // of so many layers the last has no positions
  bool bare_norms = false;         // norms before each part have no weights
  bool bare_key_norm = false;      // keys are normalised without weights
  bool norms_input = false;        // embeddings are normalised without weights
  bool grouped_norms = false;      // norms before each part work on groups of channels
  bool pads_logits = false;        // the head says part of the vocabulary
  bool situ = false;               // bounded gate and value instead of a gated unit
  bool adds_attention_first = false;  // where attention and feed-forward work side by side: to each other, then to the stream
  bool skips_to_input = false;     // every layer adds a share of the input
  bool bare_value_norm = false;    // values are normalised without weights
  bool sigmoid_router = false;
  bool plain_router = false;       // chosen experts' weights are not normalised
  bool softmax_chosen = false;     // softmax over the chosen experts only
  bool ranks_by_sigmoid = false;   // ... ranked by a unit of the logits, shared out by their softmax and no number of the file
  bool weights_before_experts = false;
  bool wide_experts = false;       // what goes into the experts' last matrices may leave the range of F16
  bool root_router = false;        // experts are ranked by the root of what the router's unit gives
  bool tokens_only = false;        // takes no embeddings in place of tokens: routing goes by them
  bool plain_index = false;        // an indexer's queries and keys are not rotated
  bool copies_kept_inputs = false;  // a convolution's last inputs are copied before they are kept
  bool expands_part = false;       // what a part of parallel streams works on, and what its result is given back with, enter the running order at once
  bool expands_give_back = false;
  bool keeps_streams = false;      // the last layer's streams are read afterwards: a draft head starts from them
  bool pins_streams = false;       // what a layer hands on is pinned as norms are
  bool adds_normed = false;        // what every part adds to is the norm before it times a constant, not the stream
  bool switches = false;           // every product adds that of an adapter, which a last layer chooses before the others run

  bool turns(std::size_t layer) const { return unturned_every == 0 || (layer + 1) % static_cast<std::size_t>(unturned_every) != 0; }
};
const FamilyHabits& family_habits(std::string_view family);

class PromptGraph {
 public:
  explicit PromptGraph(const GraphRequest& request);
  TensorGraph build();

 private:
  using Op = TensorOp;
  struct CacheInputs { TensorId key_rows = kNoTensor, value_rows = kNoTensor, mask = kNoTensor; };
  using Names = std::vector<std::pair<std::string_view, TensorId>>;

  // prompt_graph.cpp: leaves, layers, head
  void place_weights();
  void place_caches();
  void place_compressors(const LayerCache& cache);
  TensorId weight(std::string_view name) const;
  TensorId weight(std::size_t layer, std::string_view name) const;
  bool has(std::size_t layer, std::string_view name) const { return weight(layer, name) != kNoTensor; }
  bool has_all(std::size_t layer, std::initializer_list<std::string_view> names) const;
  void make_inputs();
  TensorId embedding();
  TensorId layer(std::size_t i, TensorId x);
  TensorId joined_layer(std::size_t i, TensorId x, TensorId attended);
  TensorId mixer(std::size_t i, TensorId normed);
  TensorId ffn(std::size_t i, TensorId x);
  void head(TensorId x);
  TensorId stacks(TensorId upper);
  TensorId banked_layer(std::size_t i, TensorId x);
  TensorId mix_bank(TensorId x, TensorId score);

  // pieces
  void pin(TensorId x);
  TensorId norm(TensorId x, TensorId scale, TensorId bias = kNoTensor);
  TensorId block_norm(TensorId x, TensorId scale, TensorId bias = kNoTensor);
  TensorId project(TensorId matrix, TensorId bias, TensorId x);
  TensorId project(std::size_t i, std::string_view stem, TensorId x);  // stem.weight and, where present, stem.bias
  TensorId output_gate(std::size_t i, TensorId x, TensorId attended);
  TensorId rope(std::size_t i, TensorId x) { return habits_.no_rotation ? x : g_.elementwise(Op::rope, x, {positions_, rope_factors(i)}); }
  TensorId rope_factors(std::size_t i);

  // prompt_attention.cpp
  struct Heads { TensorId q = kNoTensor, k = kNoTensor, v = kNoTensor, gate = kNoTensor; };
  TensorId heads_attention(std::size_t i, TensorId x);
  TensorId borrowed_attention(std::size_t i, TensorId x);
  Heads separate_heads(std::size_t i, TensorId x);
  Heads fused_heads(std::size_t i, TensorId x);
  TensorId head_norm(std::size_t i, std::string_view name, TensorId x, std::int64_t dim, std::int64_t heads);
  bool has_latent_weights(std::size_t i) const;
  TensorId latent_attention(std::size_t i, TensorId x);
  TensorId unturned_latent_attention(std::size_t i, TensorId x);
  TensorId expanded_attention(std::size_t i, TensorId x);
  bool has_indexer(std::size_t i) const;
  void store_index(std::size_t i, TensorId x);
  TensorId picked_mask(std::size_t i, TensorId x, TensorId query);
  TensorId attend(std::size_t i, TensorId q, TensorId k, TensorId v, TensorId mask = kNoTensor);
  TensorId core_attention(std::size_t i, TensorId q, TensorId k, TensorId v, TensorId mask, TensorId value_up, bool transposed);
  TensorId rotate(TensorId x, TensorId rotation);
  TensorId rotation(bool key, bool windowed, std::int64_t dim);
  void store_key(std::size_t i, TensorId k, TensorId rows);
  void store_value(std::size_t i, TensorId v, TensorId rows);
  TensorId key_view(std::size_t i, std::int64_t heads, std::int64_t dim);
  TensorId value_view(std::size_t i, std::int64_t heads, std::int64_t dim);

  // prompt_ffn.cpp
  TensorId dense_ffn(std::size_t i, TensorId x, std::string_view suffix);
  TensorId bent(TensorId gate, TensorId up);
  TensorId expert_ffn(std::size_t i, TensorId x);
  TensorId expert_products(std::size_t i, std::string_view kind, TensorId rows, TensorId chosen);
  TensorId group_experts(std::size_t i, TensorId logits, TensorId y);
  TensorId route(std::size_t i, TensorId logits, std::int64_t used, TensorId& chosen);
  TensorId normalised_shares(std::size_t i, TensorId weights, std::int64_t used);
  TensorId experts(std::size_t i, std::string_view stem, TensorId x, TensorId chosen);
  TensorId sum_experts(TensorId y, std::int64_t used);

  // prompt_switch.cpp
  TensorId choose_adapters(std::size_t i);
  TensorId adapted(std::size_t i, const std::string& stem, TensorId product, TensorId x);
  TensorId switched_layer(std::size_t i, TensorId x);
  TensorId switched_layers(TensorId x);

  // prompt_gemma.cpp
  void select_layer_embeddings();
  TensorId layer_embedding(std::size_t i);
  TensorId embedded(std::size_t i, TensorId x);
  bool has_streams() const;
  TensorId stream(TensorId x);
  TensorId other_streams(TensorId x);
  TensorId row_lengths(TensorId x);
  TensorId projected_streams(std::string_view matrix, TensorId from, TensorId first);
  TensorId modalities(std::size_t i, TensorId x);
  TensorId predict_streams(std::size_t i, TensorId x);
  TensorId correct_streams(std::size_t i, TensorId predicted, TensorId worked_on);
  TensorId sparse_ffn(std::size_t i, TensorId x);
  TensorId streams_layer(std::size_t i, TensorId x);
  TensorId stack_streams(TensorId x);
  TensorId merge_streams(TensorId x);

  // prompt_recurrent.cpp
  TensorId recurrent(std::size_t i, TensorId x);
  void clear_state(TensorId rows, std::int64_t elements);
  void carry_others(TensorId cache, TensorId others, std::int64_t elements);
  TensorId load_state(TensorId cache, std::int64_t elements);
  TensorId last_inputs(TensorId padded, std::int64_t kept);
  TensorId convolve(std::size_t i, TensorId mixed, std::int64_t channels);
  void store_state(TensorId cache, TensorId from, std::int64_t elements);
  TensorId scan(std::size_t i, TensorId values, TensorId step, TensorId decay, TensorId b, TensorId c, const Shape& state);
  TensorId mamba1(std::size_t i, TensorId x);
  TensorId mamba_by_heads(std::size_t i, TensorId x);
  TensorId mamba2(std::size_t i, TensorId x);
  TensorId gated_delta(std::size_t i, TensorId x);
  TensorId kimi_delta(std::size_t i, TensorId x);
  struct Decays { TensorId queries = kNoTensor, pairs = kNoTensor, slopes = kNoTensor, keys = kNoTensor; };
  const Decays& decays(std::int64_t heads, std::int64_t per_sequence);
  TensorId lightning(std::size_t i, TensorId x);
  TensorId unknown_recurrent(std::size_t i, TensorId x);

  // prompt_streams.cpp
  struct StreamPart { TensorId streams = kNoTensor, input = kNoTensor, give_back = kNoTensor, matrix = kNoTensor; };
  struct Gated { TensorId normed = kNoTensor, gate = kNoTensor; };
  bool has_parallel_streams() const;
  TensorId fan_out(TensorId x);
  TensorId flat(TensorId streams);
  TensorId one_stream(TensorId streams);
  TensorId mixing_weights(TensorId mixes, std::int64_t count, TensorId scale, TensorId base);
  TensorId balanced(TensorId matrix);
  TensorId weighted_sum(TensorId streams, TensorId weights);
  Gated gate_streams(TensorId x, TensorId scale, TensorId down, TensorId up);
  StreamPart enter_part(std::size_t i, const std::string& part, TensorId x);
  TensorId fused(std::size_t i, Op op, const Shape& shape, std::initializer_list<TensorId> sources);
  TensorId leave_part(std::size_t i, const StreamPart& part, TensorId y);
  TensorId mixed_streams(const StreamPart& part, TensorId y);
  TensorId give_back_alone(const StreamPart& part, TensorId y);
  TensorId parallel_layer(std::size_t i, TensorId x);
  TensorId collapse(TensorId x);
  TensorId mean_of(TensorId streams, bool copies_first);
  void look_up_ngrams();
  TensorId take_in_ngrams(std::size_t i, TensorId x);
  TensorId remember(TensorId cache, TensorId columns, std::int64_t kept, std::int64_t channels);

  // prompt_compressed.cpp
  struct CompressorInputs {
    TensorId positions = kNoTensor, read = kNoTensor, write = kNoTensor, write_positions = kNoTensor, keep_from = kNoTensor, keep_to = kNoTensor, mask = kNoTensor;
    std::int64_t blocks = 0;         // entries that the largest batch may complete
  };
  struct Compressor { TensorId values = kNoTensor, scores = kNoTensor; std::int64_t rows = 0; };
  bool has_compressed_weights(std::size_t i) const;
  CompressorInputs& compressor_inputs(const std::string& name, std::int64_t ratio, bool overlaps, std::int64_t rows);
  void compress(std::size_t i, const std::string& stem, const std::string& name, TensorId x, TensorId entries, const Compressor& state, std::int64_t dim, bool turned);
  TensorId named_rotation(const std::string& name, std::int64_t dim);
  void expand_compressed_inputs(std::size_t i);
  TensorId compressed_attention(std::size_t i, TensorId x);
  TensorId chosen_mask(std::size_t i, TensorId x, TensorId narrow, TensorId mask);

  // prompt_pooled.cpp
  struct PoolInputs {
    TensorId key_rows = kNoTensor, cells = kNoTensor, members = kNoTensor, mask = kNoTensor, tail = kNoTensor, live = kNoTensor, fresh_members = kNoTensor,
             fresh_rows = kNoTensor, fresh_positions = kNoTensor;
    std::int64_t fresh = 0, pools = 0, best = 0, chosen = 0;
  };
  struct Selection { TensorId scores = kNoTensor, best = kNoTensor, rows = kNoTensor; };
  bool pools_keys(std::size_t i) const;
  PoolInputs& pool_inputs(std::size_t i);
  void expand_pool_inputs(std::size_t i);
  TensorId index_part(std::size_t i, std::int64_t parts);
  Selection choose_pools(std::size_t i, TensorId x, TensorId narrow);
  TensorId pooled_by_gate(std::size_t i, TensorId members);
  TensorId pooled_mean(std::size_t i, TensorId members);
  TensorId by_score(TensorId scores, TensorId best);
  TensorId live_by_score(const Selection& s);
  TensorId mask_of(const Selection& s);

  // prompt_rwkv.cpp
  bool is_rwkv(std::size_t i) const;
  TensorId rwkv_layer(std::size_t i, TensorId x);
  TensorId channel_mix(std::size_t i, TensorId x, TensorId before);
  TensorId rwkv_scan(std::size_t i, std::initializer_list<TensorId> sources);
  TensorId time_mix6(std::size_t i, TensorId x, TensorId before);
  TensorId time_mix7(std::size_t i, TensorId x, TensorId before);

  const GraphRequest& r_;
  const model::Architecture& a_;
  const FamilyHabits& habits_;
  TensorGraph g_;
  std::int64_t tokens_;
  int layer_ = -1;                   // that is being built
  bool any_window_ = false;
  Names global_;
  std::vector<Names> per_layer_;
  std::vector<bool> built_;          // per layer
  std::vector<TensorId> key_cache_, value_cache_, index_cache_, conv_cache_, state_cache_, ngram_cache_, entry_cache_;
  std::vector<Compressor> compressor_, index_compressor_;
  TensorId output_ = kNoTensor, positions_ = kNoTensor, output_rows_ = kNoTensor, state_rows_ = kNoTensor;
  TensorId scanned_rows_ = kNoTensor, other_rows_ = kNoTensor;  // parts of state_rows_ (Mamba)
  TensorId input_ = kNoTensor, layer_rows_ = kNoTensor, layer_embeddings_ = kNoTensor;
  CacheInputs full_, windowed_, index_;
  TensorId chosen_tokens_ = kNoTensor;  // what the last indexer picked: layers without one of their own use it too
  TensorId pooled_mask_ = kNoTensor;    // what the last indexer over pools left open
  TensorId tokens_in_ = kNoTensor, ngrams_ = kNoTensor;
  TensorId adapters_ = kNoTensor;       // Granite Switch: of each token
  PoolInputs pools_;
  std::map<std::string, CompressorInputs> compressors_;
  std::map<std::string, TensorId> named_rotations_;
  TensorId bank_ = kNoTensor;           // Kimi K3: streams kept so far
  TensorId query_scales_ = kNoTensor;   // Llama 4: of queries without positions
  TensorId first_value_ = kNoTensor;    // RWKV 7: the first layer's values
  Decays decays_;                       // lightning attention's
  std::map<int, TensorId> rope_factors_;  // by place: every device with layers has a copy
  std::map<std::pair<bool, bool>, TensorId> rotations_;
};

}  // namespace rigcast::placement::detail
