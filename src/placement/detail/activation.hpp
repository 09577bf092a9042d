#pragma once
// Peak of the activations of one step in a PyTorch-like engine, without a graph to walk: the widest moment of a layer, or the sampler.

#include "model/architecture.hpp"

namespace rigcast::placement::detail {

// Bytes at the widest point of any layer for `tokens` tokens in 16 bit, matrices split over `degree` devices: two residual copies and
// the feed-forward's gate, up and product (routed experts: once per chosen expert), or query, key, value and attention output.
double layer_peak_bytes(const model::Architecture& architecture, double tokens, int degree);

// Bytes of cache one token takes in one layer, over all devices; 0 for layers without a cache of their own. Where the layer has a window, these
// are freed behind it.
double cache_bytes_per_token(const model::Layer& layer, double bytes_per_element);

// Bytes that stay of one token behind the window, as its part of a compressed entry; 0 for layers without such.
double entry_bytes_per_token(const model::Layer& layer, double bytes_per_element);

// Fixed state of one sequence in one layer, in bytes of `element` each for convolution and state; a compressor's is in single precision.
double state_bytes_per_sequence(const model::Layer& layer, double element);

}  // namespace rigcast::placement::detail
