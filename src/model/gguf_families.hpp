#pragma once
// What a GGUF does not say about itself and llama.cpp knows by the family's name: which layers slide, which are recurrent, which
// share a cache. One row per family; everything else (widths, heads, experts, number formats) is read from the file.

#include <string>
#include <string_view>

#include "model/architecture.hpp"

namespace rigcast::model {

// Which layers look back over a window only. The window itself is the key attention.sliding_window.
struct WindowRule {
  AttentionKind kind = AttentionKind::full;  // full: no layer slides, whatever the metadata say
  int period = 0;            // one layer of each `period` sees everything; 0: every layer slides. An array
                             // attention.sliding_window_pattern in the file decides instead, a number there replaces the period
  bool full_first = false;   // the layer that sees everything is the first of its period, else the last
  bool listed = false;       // no period is known: the file must carry the array
  int window = 0;            // where the file does not say; 0: then no layer slides
  bool fixed_window = false; // `window` holds whatever the file says, unless it says 0 (Llama 4)
  int only_with_layers = 0;  // the rule holds for models of this many layers only (EXAONE 4 32B, not 1.2B)
};

// What mixes tokens in a layer.
enum class Mixer {
  attention,        // every layer attends
  recurrent,        // no layer attends
  by_kv_heads,      // a layer without KV heads is recurrent
  by_kv_heads_ffn,  // a layer without KV heads and without feed-forward width is recurrent; without KV heads alone it is feed-forward only
  by_interval,      // every full_attention_interval-th layer attends, the others are recurrent
  both,             // attention and recurrence side by side in every layer
};

// What attention.compress_ratios shortens.
enum class Compression {
  none,
  cache,            // entries of the cache behind a window (DeepSeek V4)
  indexer_keys,     // keys that an indexer scores (Qwen 3.8 Flash)
};

struct GgufFamily {
  std::string_view name;               // general.architecture
  WindowRule window = {};
  Mixer mixer = Mixer::attention;
  RecurrentKind recurrent = RecurrentKind::none;
  int interval = 0;                    // by_interval: where the file does not say
  int ffn_halves = 1;                  // feed_forward_length counts so many matrices of equal width (Qwen 1: gate and up)
  bool repeats = false;                // layers may run several times, each time with a cache of their own
  int cached_layers = 0;               // > 0: only the first that many layers keep a cache, later ones read it (Gemma 3n)
  Compression compression = Compression::none;
  bool encoder_only = false;
  bool switches = false;               // a last layer without weights says which adapter each token runs with (Granite Switch)
  std::string_view refusal = {};       // why nothing can be said; empty where the family is understood
};

// nullptr: nobody has taught us this family.
const GgufFamily* gguf_family(std::string_view name);
std::string nearest_gguf_family(std::string_view name);

}  // namespace rigcast::model
