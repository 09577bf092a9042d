#include "bench/gpu/gpu.hpp"

#include <gtest/gtest.h>

#include "bench/format.hpp"
#include "bench/measure.hpp"

namespace rigcast::bench {
namespace {

// Every kernel in every format, with and without remainders, against the reference. Drivers that pretend on the processor will do.
void expect_all_correct(Device& device) {
  std::atomic<bool> stop{true};   // one sample is enough
  std::vector<std::string> cases = {"read:1MiB", "copy:1MiB", "triad:1MiB", "launch", "attention:f16:8/2x64@300", "attention:f16:4/4x128@33", "attention:f16:2/1x256@64",
                                    "copy-in:1MiB", "copy-out:1MiB", "copy-both:1MiB"};
  for (const Format& format : formats) {
    if (format.id == FormatId::i8) continue;
    const std::string name(format.name);
    cases.push_back("matvec:" + name + ":67x768");
    cases.push_back("matmul:" + name + ":70x512x67");
    cases.push_back("experts:" + name + ":33x256:2/8");
  }
  for (const std::string& text : cases) {
    const Measurement m = measure(device, *parse_case(text), {.seconds = 0, .least = 1, .most = 1, .sample_seconds = 0}, stop);
    EXPECT_TRUE(m.ok()) << device.info().name << " " << text << ": " << m.failure;
  }
}

TEST(Gpu, EveryOpenClKernelIsCorrect) {
  auto devices = open_opencl(this_machine(), {});
  if (!devices) GTEST_SKIP() << devices.error().message;
  for (auto& device : *devices) expect_all_correct(*device);
}

TEST(Gpu, EveryVulkanKernelIsCorrect) {
  auto devices = open_vulkan(this_machine(), {});
  if (!devices) GTEST_SKIP() << devices.error().message;
  for (auto& device : *devices) expect_all_correct(*device);
}

// The driver of a card that is there or a sentence that says what is missing.
TEST(Gpu, CudaIsThereOrNamesWhatIsMissing) {
  auto devices = open_cuda(this_machine(), {});
  if (!devices) {
    EXPECT_FALSE(devices.error().message.empty());
    GTEST_SKIP() << devices.error().message;
  }
  for (auto& device : *devices) expect_all_correct(*device);
}

}  // namespace
}  // namespace rigcast::bench
