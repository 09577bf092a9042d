#pragma once
// The facts that come with the program, read once for all tests of a room.

#include "catalog/catalog.hpp"

namespace rigcast::test {

inline const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}

}  // namespace rigcast::test
