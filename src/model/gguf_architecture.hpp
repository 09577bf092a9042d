#pragma once
// From a GGUF header to an Architecture: metadata say what llama.cpp would take from them, tensors say widths and formats, the
// family's row (gguf_families.hpp) says the rest, and where two of them contradict each other nothing is believed.

#include "base/result.hpp"
#include "model/architecture.hpp"
#include "model/gguf.hpp"

namespace rigcast::model {

// unsupported ("cannot say, because ..."): a family or a tensor nobody has taught us, encoder-decoders, adapters.
// input: metadata of the wrong type or out of range, or tensors whose shapes contradict them.
// A vision projector (general.architecture "clip") becomes an Architecture without layers, all of whose tensors have Role::vision.
Result<Architecture> architecture_of_gguf(const Gguf& gguf);

}  // namespace rigcast::model
