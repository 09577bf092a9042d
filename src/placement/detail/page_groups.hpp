#pragma once
// The cache of an engine whose layers of different kinds share one pool of pages (vLLM's hybrid cache manager): every page has the same
// bytes, layers of one kind form groups of equally many layers, and a block is one page in every layer of a group.
//
// As in vllm/v1/core/kv_cache_utils.py (get_kv_cache_groups, unify_kv_cache_spec_page_size, _get_kv_cache_groups_uniform_page_size) and
// vllm/v1/kv_cache_interface.py (max_memory_usage_bytes) of 2026-04; how a page of attention grows to hold a state:
// vllm/model_executor/models/config.py, HybridAttentionMambaModelConfig.

#include <cstdint>
#include <functional>
#include <vector>

#include "model/architecture.hpp"

namespace rigcast::placement::detail {

struct PageRules {
  std::int64_t block_tokens = 16;      // of a page of attention, before it grows
  std::int64_t batched_tokens = 2048;  // a windowed layer keeps its window and what one step may add
  bool windows_free = true;            // what a window has left behind is given back
  double state_element = 2, convolution_element = 2;  // bytes
  double share_of_states = 1;          // that a device holds
  std::int64_t states_of_sequence = 1; // one for each drafted token beside its own
};

struct PageGroup {
  std::vector<std::size_t> layers;
  std::int64_t block_tokens = 0;       // 0: a state, one page for each sequence
  std::int64_t window = 0;             // 0: every token stays
};

struct PageGroups {
  std::vector<PageGroup> groups;
  double page_bytes = 0;

  // Pages of the pool that a block takes: one for each layer of the largest group among those `in_stage`.
  std::int64_t pages_of_block(const std::function<bool(std::size_t layer)>& in_stage) const;
  // Blocks that a sequence of so many tokens takes, over all groups.
  std::int64_t blocks_of_sequence(std::int64_t tokens, const PageRules& rules) const;
  // The longest sequence that so many blocks hold, up to `most` tokens.
  std::int64_t longest_sequence(std::int64_t blocks, std::int64_t most, const PageRules& rules) const;
};

// `token_bytes`: what a layer's attention keeps of one token on one device; `entry_bytes`: what of it outlasts the window, compressed. Without
// any cache: no groups.
PageGroups group_pages(const model::Architecture& architecture, const PageRules& rules, const std::function<double(const model::Layer&)>& token_bytes,
                       const std::function<double(const model::Layer&)>& entry_bytes = [](const model::Layer&) { return 0.0; });

}  // namespace rigcast::placement::detail
