// Any bytes as a GGUF header: an Error or an Architecture that holds together, and a Graph of it.

#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "catalog/catalog.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"

namespace {

using namespace rigcast;
using namespace rigcast::model;

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}

void check_layers(const Architecture& model) {
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Layer& layer = model.layers[i];
    RC_CHECK(layer.attention.kv_layer < static_cast<int>(i), "a layer reads the cache of an earlier one");
    RC_CHECK(layer.feed_forward.experts_used <= layer.feed_forward.experts, "no more experts are used than there are");
    RC_CHECK(layer.recurrent.state_elements >= 0 && layer.recurrent.conv_elements >= 0, "sizes of states are not negative");
  }
}

void check_tensors(const Architecture& model) {
  const int layers = static_cast<int>(model.layers.size());
  for (const Tensor& tensor : model.tensors) {
    RC_CHECK(tensor.layer >= kInputLayer, "every tensor has a layer");
    RC_CHECK(tensor.layer <= layers || tensor.role == Role::next_token, "every tensor's layer exists");
    RC_CHECK(tensor.bytes.value() > 0 && std::isfinite(tensor.bytes.value()), "every tensor has bytes");
    RC_CHECK(facts().quant(tensor.quant).has_value(), "every format is in the catalogue");
  }
}

void run(std::string_view bytes, std::uint64_t size) {
  const auto gguf = read_gguf_part(ByteWindow::over(bytes, size, "fuzz.gguf"), [](int type) { return facts().quant_of_ggml_type(type); });
  if (!gguf) {
    RC_CHECK(!gguf.error().message.empty(), "an Error says something");
    return;
  }
  const auto model = architecture_of_gguf(*gguf);
  if (!model) {
    RC_CHECK(!model.error().message.empty(), "an Error says something");
    return;
  }
  check_layers(*model);
  check_tensors(*model);
  RC_CHECK(std::isfinite(model->parameters()) && model->parameters() >= model->active_parameters(), "parameters are a finite number");
  for (const Tensor& tensor : model->tensors) RC_CHECK(std::isfinite(tensor.bytes.value()) && tensor.bytes.value() >= 0, "bytes are a finite number");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  run(bytes, size);
  // The same header before a great hole, as real files and sparse ones have.
  run(bytes, size + (std::uint64_t{1} << 44));
  return 0;
}
