#include "placement/detail/repeated_layers.hpp"

#include <algorithm>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {
namespace {

constexpr std::size_t kLongestPattern = 8;
constexpr std::size_t kFirstKept = 4, kLastKept = 3;  // patterns at most ...
constexpr std::size_t kKeptLayers = 8;                // ... and as many as have so many layers, but two

// Of a run of patterns of so many layers: how many are kept at its begin and its end, and after how many between them an allocator has come
// round, for buffers of one layer swap places in the next.
struct Kept { std::size_t first, last, cycle; };
Kept kept_of(std::size_t pattern) {
  const std::size_t enough = std::max<std::size_t>(2, (kKeptLayers + pattern - 1) / pattern);
  return {std::min(kFirstKept, enough), std::min(kLastKept, enough), pattern % 2 == 0 ? 2u : 4u};
}

// Its cells are those of the window or of all, which is one number for the whole graph.
Signature cache_signature(const LayerCache& c) {
  Signature signature;
  for (const std::int64_t value : {std::int64_t{c.stored}, std::int64_t{c.windowed}, c.key_elements, c.value_elements, c.index_key_elements,
                                   c.index_value_elements, c.state_elements, c.conv_elements, c.entries, c.ngram_elements, c.compressor_elements, std::int64_t{c.place}})
    signature.add(value);
  return signature;
}

// How many layers from `begin` on repeat the `pattern` before them, in whole patterns, the first one included.
std::size_t patterns_from(const std::vector<LayerSignature>& layers, std::size_t begin, std::size_t pattern) {
  std::size_t end = begin + pattern;
  while (end < layers.size() && layers[end] == layers[end - pattern]) ++end;
  return end <= layers.size() ? (end - begin) / pattern : 0;
}

// Signatures met before: layers repeat, and what is added to the same signature by tensors of the same kinds in the same places is the same.
class KnownRuns {
 public:
  explicit KnownRuns(const std::vector<int>& places) : places_(places) {}

  const LayerSignature* find(const WeightKinds::Run& run, const LayerSignature& before) const {
    const auto first = places_.begin() + static_cast<std::ptrdiff_t>(run.begin), last = places_.begin() + static_cast<std::ptrdiff_t>(run.end);
    const auto same = [&](const Known& known) {
      return known.run.alike == run.alike && known.before == before && std::equal(first, last, places_.begin() + static_cast<std::ptrdiff_t>(known.run.begin));
    };
    const auto found = std::find_if(known_.rbegin(), known_.rend(), same);
    return found == known_.rend() ? nullptr : &found->after;
  }
  void keep(const WeightKinds::Run& run, const LayerSignature& before, const LayerSignature& after) { known_.push_back({run, before, after}); }

 private:
  struct Known { WeightKinds::Run run; LayerSignature before, after; };
  const std::vector<int>& places_;
  std::vector<Known> known_;
};

}  // namespace

std::vector<LayerSignature> layer_signatures(const WeightKinds& weights, const GraphRequest& request, std::int64_t max_tensor_bytes) {
  const model::Architecture& a = weights.architecture();
  std::vector<LayerSignature> layers(a.layers.size());
  const FamilyHabits& habits = family_habits(a.family);
  Signature cache;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (i == 0 || request.caches[i] != request.caches[i - 1]) cache = cache_signature(request.caches[i]);
    layers[i].graph = weights.layer(i);
    layers[i].graph.add(habits.turns(i));
    layers[i].graph.add(static_cast<std::int64_t>(cache.value()));
  }
  const auto& tensors = weights.tensors();
  const auto add_to = [&](LayerSignature& signature, std::size_t t) {
    const WeightKind& weight = weights.kinds()[tensors[t].kind];
    const int place = request.tensor_place[t];
    if (!weight.in_graph) return;
    signature.graph.add(weight.at(place, max_tensor_bytes));
    if (request.host > 0 && place >= request.host) signature.host_bytes.add(static_cast<std::int64_t>(weight.first->bytes.value()));
  };
  KnownRuns known(request.tensor_place);
  for (const WeightKinds::Run& run : weights.runs()) {
    if (!weights.is_layer(run.layer)) continue;
    const auto block = static_cast<std::size_t>(run.layer);
    for (std::size_t i = block; i < (a.blocks.empty() ? block + 1 : layers.size()); ++i) {
      if (a.block_of(i) != block) continue;
      const LayerSignature before = layers[i];
      if (const LayerSignature* same = known.find(run, before)) {
        layers[i] = *same;
        continue;
      }
      for (std::size_t t = run.begin; t < run.end; ++t) add_to(layers[i], t);
      known.keep(run, before, layers[i]);
    }
  }
  if (!layers.empty()) layers.back().graph.add("last");  // only the tokens asked for leave the last layer
  return layers;
}

std::vector<std::size_t> representative_layers(const std::vector<LayerSignature>& layers) {
  std::vector<std::size_t> kept;
  for (std::size_t begin = 0; begin < layers.size();) {
    std::size_t pattern = 1, count = 0;
    Kept of_run{};
    for (; pattern <= kLongestPattern; ++pattern) {
      of_run = kept_of(pattern);
      if ((count = patterns_from(layers, begin, pattern)) >= of_run.first + of_run.last + of_run.cycle) break;
    }
    if (pattern > kLongestPattern) {
      kept.push_back(begin++);
      continue;
    }
    const std::size_t left_out = (count - of_run.first - of_run.last) / of_run.cycle * of_run.cycle;
    const std::size_t gap = begin + of_run.first * pattern, end = begin + count * pattern;
    for (; begin < gap; ++begin) kept.push_back(begin);
    for (begin = gap + left_out * pattern; begin < end; ++begin) kept.push_back(begin);
  }
  return kept;
}

}  // namespace rigcast::placement::detail
