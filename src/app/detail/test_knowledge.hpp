#pragma once
// What the tests of this room ask: the project's own data, read once.

#include "app/knowledge.hpp"

namespace rigcast::app::test {

inline const Knowledge& knowledge() {
  static const Knowledge loaded = *load_knowledge({});
  return loaded;
}

}  // namespace rigcast::app::test
