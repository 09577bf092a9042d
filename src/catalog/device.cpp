#include "catalog/device.hpp"

namespace rigcast::catalog {

const char* to_string(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::gpu: return "gpu";
    case DeviceKind::accelerator: return "accelerator";
    case DeviceKind::npu: return "npu";
    case DeviceKind::soc: return "soc";
    case DeviceKind::apu: return "apu";
  }
  return "";
}

Bytes card_memory(const Device& device) { return device.memory.value * device.chips; }

}  // namespace rigcast::catalog
