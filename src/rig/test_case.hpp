#pragma once
// For tests of rigs: specs against the catalogue.

#include <string>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "rig/rig.hpp"

namespace rigcast::rig::test {

inline const catalog::Catalog& catalog() {
  static const catalog::Catalog loaded = *catalog::Catalog::load();
  return loaded;
}
inline Rig rig(const char* spec) {
  auto result = parse_rig(catalog(), spec);
  EXPECT_TRUE(result) << spec << ": " << (result ? "" : to_text(result.error()));
  return result ? *result : Rig{};
}
inline std::string error(const char* spec) {
  const auto result = parse_rig(catalog(), spec);
  return result ? "no error" : to_text(result.error());
}
inline bool has_note(const Rig& rig, const char* part) {
  for (const std::string& note : rig.notes)
    if (note.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace rigcast::rig::test
