#pragma once
// The Vulkan kernels, made of kernels.comp while building.

#include <string_view>

namespace rigcast::bench {

// The SPIR-V of a kernel, by the name kernels.cl gives it; empty where there is none.
std::string_view spirv(std::string_view kernel);

}  // namespace rigcast::bench
