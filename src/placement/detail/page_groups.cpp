#include "placement/detail/page_groups.hpp"

#include <algorithm>
#include <cmath>

namespace rigcast::placement::detail {

namespace {

// Layers with the same cache.
struct Kind {
  double token_bytes = 0, state_bytes = 0;
  std::int64_t window = 0, block_tokens = 0;
  std::vector<std::size_t> layers = {};
  double page() const { return state_bytes > 0 ? state_bytes : token_bytes * static_cast<double>(block_tokens); }
};

std::int64_t up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

void add(std::vector<Kind>& kinds, std::size_t layer, Kind kind) {
  const auto same = [&](const Kind& k) { return k.token_bytes == kind.token_bytes && k.state_bytes == kind.state_bytes && k.window == kind.window; };
  auto found = std::find_if(kinds.begin(), kinds.end(), same);
  if (found == kinds.end()) found = kinds.insert(kinds.end(), std::move(kind));
  found->layers.push_back(layer);
}

std::vector<Kind> kinds_of(const model::Architecture& architecture, const PageRules& rules, const std::function<double(const model::Layer&)>& token_bytes,
                           const std::function<double(const model::Layer&)>& entry_bytes) {
  std::vector<Kind> kinds;
  for (std::size_t l = 0; l < architecture.layers.size(); ++l) {
    const model::Layer& layer = architecture.layers[l];
    const bool windowed = model::is_windowed(layer.attention);
    if (const double bytes = token_bytes(layer); bytes > 0)
      add(kinds, l, {.token_bytes = bytes, .window = windowed && rules.windows_free ? layer.attention.window : 0, .block_tokens = rules.block_tokens});
    if (const double bytes = entry_bytes(layer); bytes > 0) add(kinds, l, {.token_bytes = bytes, .block_tokens = rules.block_tokens});
    const double state = rules.share_of_states * (rules.convolution_element * static_cast<double>(layer.recurrent.conv_elements + layer.recurrent.ngram_elements) +
                                                  rules.state_element * static_cast<double>(layer.recurrent.state_elements));
    if (state > 0) add(kinds, l, {.state_bytes = state});
  }
  return kinds;
}

// Attention takes so many more tokens into its pages that one of them holds a state.
void grow_for_states(std::vector<Kind>& kinds, const PageRules& rules) {
  double state = 0, token = 0;
  for (const Kind& kind : kinds) {
    state = std::max(state, kind.state_bytes);
    token = std::max(token, kind.token_bytes);
  }
  if (state <= 0 || token <= 0) return;
  const auto blocks = static_cast<std::int64_t>(std::ceil(state / (token * static_cast<double>(rules.block_tokens))));
  for (Kind& kind : kinds)
    if (kind.token_bytes > 0) kind.block_tokens = std::max<std::int64_t>(1, blocks) * rules.block_tokens;
}

// As many layers as the rarest kind has; where the kinds are nearly as frequent, as many as the most frequent, so that little is padded.
std::size_t layers_of_group(const std::vector<Kind>& kinds) {
  std::size_t least = kinds.front().layers.size(), most = 0;
  for (const Kind& kind : kinds) {
    least = std::min(least, kind.layers.size());
    most = std::max(most, kind.layers.size());
  }
  return 2 * most < 3 * least ? most : least;
}

}  // namespace

std::int64_t PageGroups::pages_of_block(const std::function<bool(std::size_t)>& in_stage) const {
  std::int64_t most = 0;
  for (const PageGroup& group : groups) most = std::max<std::int64_t>(most, std::count_if(group.layers.begin(), group.layers.end(), in_stage));
  return most;
}

std::int64_t PageGroups::blocks_of_sequence(std::int64_t tokens, const PageRules& rules) const {
  std::int64_t blocks = 0;
  for (const PageGroup& group : groups) {
    if (group.block_tokens == 0) blocks += rules.states_of_sequence;
    else if (group.window == 0) blocks += up(tokens, group.block_tokens);
    else blocks += std::min(up(tokens, group.block_tokens), up(std::min(group.window - 1 + rules.batched_tokens, tokens), group.block_tokens) + 1);
  }
  return blocks;
}

std::int64_t PageGroups::longest_sequence(std::int64_t blocks, std::int64_t most, const PageRules& rules) const {
  std::int64_t low = 0, high = most;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (blocks_of_sequence(middle, rules) <= blocks) low = middle;
    else high = middle - 1;
  }
  return low;
}

PageGroups group_pages(const model::Architecture& architecture, const PageRules& rules, const std::function<double(const model::Layer&)>& token_bytes,
                       const std::function<double(const model::Layer&)>& entry_bytes) {
  PageGroups pages;
  std::vector<Kind> kinds = kinds_of(architecture, rules, token_bytes, entry_bytes);
  if (kinds.empty()) return pages;
  grow_for_states(kinds, rules);
  for (const Kind& kind : kinds) pages.page_bytes = std::max(pages.page_bytes, kind.page());
  const std::size_t size = layers_of_group(kinds);
  for (const Kind& kind : kinds) {
    const std::size_t count = (kind.layers.size() + size - 1) / size;
    const auto times = static_cast<std::int64_t>(pages.page_bytes / kind.page());   // smaller pages take more tokens, a rest is left empty
    for (std::size_t g = 0; g < count; ++g) {
      PageGroup group{{}, kind.state_bytes > 0 ? 0 : kind.block_tokens * times, kind.window};
      for (std::size_t l = g; l < kind.layers.size(); l += count) group.layers.push_back(kind.layers[l]);
      pages.groups.push_back(std::move(group));
    }
  }
  return pages;
}

}  // namespace rigcast::placement::detail
