// Any text as the launch flags of an engine; the patterns among them are looked for in names of tensors, which must end whatever they are.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "base/pattern.hpp"
#include "catalog/catalog.hpp"
#include "catalog/engine.hpp"
#include "model/shape.hpp"
#include "placement/placement.hpp"
#include "rig/rig.hpp"

namespace {

using namespace rigcast;

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}
const model::Architecture& mixture() {
  static const model::Architecture read = model::architecture_from_catalogue(facts(), "qwen3-30b-a3b").value();
  return read;
}
const rig::Rig& pair() {
  static const rig::Rig read = rig::parse_rig(facts(), "2x3090; host=epyc-7532:256g").value();
  return read;
}
const catalog::Engine& engine(std::size_t which) {
  static const catalog::Engine engines[] = {catalog::read_engine(facts(), "llama.cpp").value(), catalog::read_engine(facts(), "ollama").value(),
                                            catalog::read_engine(facts(), "vllm").value()};
  return engines[which];
}

void hold(const placement::Settings& settings) {
  constexpr std::size_t kNames = 40;   // of the first layers: the others' differ by a number
  for (const placement::Settings::Override& one : settings.overrides) {
    RC_CHECK(one.device >= placement::kHost && one.device < static_cast<int>(pair().devices.size()), "an override names a memory of the rig");
    const auto pattern = Pattern::compile(one.pattern);
    RC_CHECK(pattern.has_value(), "patterns that are taken can be compiled");
    for (std::size_t i = 0; i < kNames && i < mixture().tensors.size(); ++i) (void)pattern->found_in(mixture().tensors[i].name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (std::size_t which = 0; which < 3; ++which) {
    const auto parsed = placement::parse_flags(engine(which), mixture(), pair(), text);
    if (parsed) hold(parsed->settings);
    else RC_CHECK(!parsed.error().message.empty(), "an Error says something");
  }
  return 0;
}
