#pragma once
// A rig's own spec with one thing changed, for advice that ends in a command: what comes back is words, read by parse_rig() like any other.
// Nothing where the change cannot be written into the given words: files, `here`, several unlike hosts.

#include <optional>
#include <string>
#include <string_view>

#include "rig/rig.hpp"

namespace rigcast::rig {

// "2x3090; host=..." with another number of cards in all: more or fewer of the first kind. The host that was assumed for fewer may not be the
// one that is assumed for more: with_host() keeps it.
std::optional<std::string> with_cards(const Rig& rig, int cards);

// `spec` with `host` behind "host=", in place of the one it has.
std::optional<std::string> with_host(std::string_view spec, std::string_view host);

// The rig's host as it would be named with so much memory: "ryzen-9-7950x:2xddr5-5600:128g". Its processor where it is known, for one on usual
// memory the memory alone: "2xddr5-5600:64g".
std::string host_words(const Host& host, Bytes memory);

// The same with more memory, its other words kept.
std::optional<std::string> with_memory(const Rig& rig, Bytes memory);

// So many hosts like the one there is.
std::optional<std::string> with_nodes(const Rig& rig, int nodes);

}  // namespace rigcast::rig
