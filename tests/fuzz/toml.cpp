// Any text as a data file of the catalogue or as a model shape: what a user's overlay may hold.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "catalog/catalog.hpp"
#include "catalog/read.hpp"
#include "model/shape.hpp"

namespace {

using namespace rigcast;

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}

template <class T>
void check(const Result<T>& result) {
  RC_CHECK(result.has_value() || (!result.error().message.empty() && result.error().where.file == "fuzz.toml"), "an Error says something and where");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(catalog::read_devices(text, "fuzz.toml"));
  check(catalog::read_processors(text, "fuzz.toml"));
  check(catalog::read_links(text, "fuzz.toml"));
  check(catalog::read_quants(text, "fuzz.toml"));
  const auto shape = model::read_shape(facts(), {"fuzz.toml", std::string(text), "m"});
  if (!shape) return 0;
  const auto built = model::build_architecture(facts(), *shape);
  RC_CHECK(built.has_value() || !built.error().message.empty(), "an Error says something");
  return 0;
}
