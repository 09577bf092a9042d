// Any text as a config.json: an Error with the place, or an Architecture that holds together.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "catalog/catalog.hpp"
#include "model/config.hpp"

namespace {

using namespace rigcast;

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto built = model::architecture_from_config(facts(), std::string_view(reinterpret_cast<const char*>(data), size), "fuzz/config.json");
  if (!built) {
    RC_CHECK(!built.error().message.empty(), "an Error says something");
    return 0;
  }
  const int layers = static_cast<int>(built->layers.size());
  for (const model::Tensor& tensor : built->tensors) {
    RC_CHECK(tensor.layer >= model::kInputLayer && (tensor.layer <= layers || tensor.role == model::Role::next_token), "every tensor's layer exists");
    RC_CHECK(tensor.bytes.value() > 0 && std::isfinite(tensor.bytes.value()), "every tensor has bytes");
  }
  RC_CHECK(std::isfinite(built->parameters()) && built->parameters() >= built->active_parameters(), "parameters are a finite number");
  for (const model::Tensor& tensor : built->tensors) RC_CHECK(std::isfinite(tensor.bytes.value()) && tensor.bytes.value() >= 0, "bytes are a finite number");
  return 0;
}
