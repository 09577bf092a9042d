// Any bytes as a safetensors header or as the index of a folder.

#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "model/safetensors.hpp"
#include "model/safetensors_architecture.hpp"

namespace {

using namespace rigcast::model;

// Something for the tensors to belong to.
const Architecture& structure() {
  static const Architecture tiny = [] {
    Architecture model;
    model.hidden = 4;
    model.layers.resize(2);
    for (Layer& layer : model.layers) layer.attention.kind = AttentionKind::full;
    const auto add = [&](const char* name, Role role, int layer) { model.tensors.push_back({name, role, layer, {4, 4, 1, 1}, "bf16", rigcast::Bytes(32)}); };
    add("token_embd.weight", Role::token_embedding, kInputLayer);
    add("blk.0.attn_q.weight", Role::attention, 0);
    add("blk.0.attn_norm.weight", Role::norm, 0);
    add("blk.1.ffn_up_exps.weight", Role::expert_ffn, 1);
    return model;
  }();
  return tiny;
}

void run(std::string_view bytes, std::uint64_t size) {
  const auto model = read_safetensors_part(ByteWindow::over(bytes, size, "fuzz.safetensors"));
  if (!model) {
    RC_CHECK(!model.error().message.empty(), "an Error says something");
    return;
  }
  std::uint64_t sum = 0;
  for (const SafetensorsTensor& tensor : model->tensors) {
    RC_CHECK(dtype_bits(tensor.dtype) > 0, "every dtype is known");
    sum += tensor.bytes;
  }
  RC_CHECK(sum <= size, "tensors take no more bytes than the file has");
  const auto whole = architecture_of_safetensors(*model, structure());
  RC_CHECK(whole.has_value() || !whole.error().message.empty(), "an Error says something");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  run(bytes, size);
  // With as much data as the shapes may want: 128 bytes for a tensor of 4 x 8 floats.
  run(bytes, size + 128);
  const auto index = read_index(ByteWindow::over(bytes, size, "fuzz.index.json"));
  RC_CHECK(index.has_value() || !index.error().message.empty(), "an Error says something");
  return 0;
}
