// Any text as a rig: the one-line spec, and the same text as a rig file.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "catalog/catalog.hpp"
#include "rig/rig.hpp"
#include "rig/spec.hpp"

namespace {

using namespace rigcast;

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = rig::read_rig_file(text, "fuzz.toml");
  RC_CHECK(file.has_value() || !file.error().message.empty(), "an Error says something");
  // A text that names a file would be read from the disk.
  if (text.find(".toml") != std::string_view::npos) return 0;
  const auto parsed = rig::parse_rig(facts(), text);
  if (!parsed) {
    RC_CHECK(!parsed.error().message.empty(), "an Error says something");
    return 0;
  }
  for (const rig::RigDevice& device : parsed->devices) {
    RC_CHECK(std::isfinite(device.memory.value()) && device.memory.value() >= 0, "memory is a number of bytes");
    RC_CHECK(device.host >= 0 && device.host < static_cast<int>(parsed->hosts.size()), "every device sits in a host");
  }
  return 0;
}
