#include "bench/gpu/gpu.hpp"

#include <gtest/gtest.h>

#include "bench/format.hpp"
#include "bench/measure.hpp"
#include "fake_driver.hpp"

namespace rigcast::bench {
namespace {

using testing::FakeDriver;

// Every kernel in every format, with and without remainders, against the reference. Drivers that pretend on the processor will do.
void expect_all_correct(Device& device, int columns = 512) {
  std::atomic<bool> stop{true};   // one sample is enough
  std::vector<std::string> cases = {"read:1MiB", "copy:1MiB", "triad:1MiB", "launch", "attention:f16:8/2x64@300", "attention:f16:4/4x128@33", "attention:f16:2/1x256@64", "attention:f16:12/2x128@130", "attention:f16:5/1x80@70",
                                    "copy-in:1MiB", "copy-out:1MiB", "copy-both:1MiB"};
  for (const Format& format : formats) {
    const std::string name(format.name);
    if (device.can(KernelKind::matmul, name) && format.id == FormatId::i8) cases.push_back("matmul:i8:131x96x130");
    if (format.id == FormatId::i8) continue;
    if (device.can(KernelKind::gemm, name)) cases.push_back("gemm:" + name + ":40x64x9");
    cases.push_back("matvec:" + name + ":67x768");
    cases.push_back("matmul:" + name + ":70x" + std::to_string(columns) + "x67");
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

// ---- the driver of no card: see tests/support/fake_driver.cpp

Measurement once(Device& device, const std::string& text) {
  std::atomic<bool> stop{false};
  return measure(device, *parse_case(text), {.seconds = 0, .least = 2, .most = 2, .sample_seconds = 0}, stop);
}

TEST(FakeCuda, EveryKernelOfEveryKindOfChipIsCorrect) {
  for (const int capability : {60, 86}) {
    FakeDriver driver(RIGCAST_FAKE_CUDA, 1, capability);
    auto devices = open_cuda(driver.world(), {});
    ASSERT_TRUE(devices) << devices.error().message;
    ASSERT_EQ(devices->size(), 1u);
    Device& device = *devices->front();
    EXPECT_EQ(device.can(KernelKind::matmul, "i8"), capability >= 80);
    expect_all_correct(device, 256);
    EXPECT_FALSE(device.can(KernelKind::all_reduce, ""));   // one device alone
  }
}

TEST(FakeCuda, TensorCoresServeWhatTheyCan) {
  FakeDriver driver(RIGCAST_FAKE_CUDA, 1, 75);
  auto devices = open_cuda(driver.world(), {});
  ASSERT_TRUE(devices);
  const auto uses = [&](const std::string& text) { driver.forget(); return once(*devices->front(), text).ok() && driver.calls().find("cuLaunchKernel") != std::string::npos; };
  EXPECT_TRUE(uses("matmul:q4_k:130x256x40"));    // both edges cut through a tile
  EXPECT_TRUE(uses("matmul:bf16:64x64x64"));      // Turing has no bf16: plain arithmetic
  EXPECT_EQ(devices->front()->info().path, "sm_75 tensor cores");
  EXPECT_EQ(devices->front()->info().pci_address, "0000:41:00.0");
}

TEST(FakeCuda, DevicesTogether) {
  for (const int count : {2, 3, 5}) {
    FakeDriver driver(RIGCAST_FAKE_CUDA, count, 86);
    auto devices = open_cuda(driver.world(), {});
    ASSERT_TRUE(devices);
    for (std::size_t d = 0; d < devices->size(); ++d) {
      Device& device = *(*devices)[d];
      EXPECT_EQ(device.can(KernelKind::all_reduce, ""), d == 0);   // one sum, however many take part
      for (const char* text : {"copy-peer:1MiB", "copy-peer-both:1MiB", "all-reduce:1MiB"}) {
        if (!device.can(parse_case(text)->kind, "")) continue;
        std::atomic<bool> stop{true};
        const Measurement m = measure(device, *parse_case(text), {.seconds = 0, .least = 1, .most = 1, .sample_seconds = 0}, stop);
        EXPECT_TRUE(m.ok()) << count << " " << device.info().id << " " << text << ": " << m.failure;
        EXPECT_EQ(m.error, 0);
      }
    }
    devices->clear();
    EXPECT_EQ(driver.held(), 0u);
  }
}

TEST(FakeCuda, MemoryThatIsNotThereIsNamedAndNothingLeaks) {
  FakeDriver driver(RIGCAST_FAKE_CUDA, 2, 86, 8 << 20);
  auto devices = open_cuda(driver.world(), {});
  ASSERT_TRUE(devices);
  Device& device = *devices->front();
  EXPECT_EQ(once(device, "read:16MiB").failure, "out of memory: 16 MiB wanted, the device has 8 MiB");
  EXPECT_EQ(once(device, "triad:2MiB").ok(), true);
  EXPECT_EQ(once(device, "all-reduce:4MiB").failure, "out of memory: 4 MiB wanted");   // found while the second device got its part
  EXPECT_EQ(driver.held(), 0u);
  EXPECT_TRUE(once(device, "copy:1MiB").ok());   // and the rest goes on
}

// Whatever call fails, it is named in the driver's own words, nothing leaks, and what comes next works: the context is still alive.
TEST(FakeCuda, AnyCallMayFail) {
  const std::vector<std::string> cases = {"read:4KiB", "matvec:q8_0:8x64", "copy-both:4KiB", "copy-peer:4KiB", "all-reduce:4KiB", "gemm:f16:8x32x4"};
  for (const std::string& text : cases) {
    std::vector<std::string> functions;
    {
      FakeDriver driver(RIGCAST_FAKE_CUDA, 2, 86);
      auto devices = open_cuda(driver.world(), {});
      driver.forget();
      ASSERT_TRUE(once(*devices->front(), text).ok()) << text;
      functions = driver.functions_called();
    }
    EXPECT_GT(functions.size(), 10u);
    for (const std::string& function : functions)
      for (const int nth : {1, 3}) {
        if (function.find("Free") != std::string::npos || function.find("Destroy") != std::string::npos || function == "cuModuleUnload") continue;   // nobody can do anything about those
        FakeDriver driver(RIGCAST_FAKE_CUDA, 2, 86);
        auto devices = open_cuda(driver.world(), {});
        driver.fail(function, nth, 1);
        const Measurement m = once(*devices->front(), text);
        if (!driver.failed()) continue;   // not called so often
        const std::string said = m.failure + m.broke_off;
        const bool optional = function == "cuDeviceCanAccessPeer" || function.starts_with("cublas");
        const bool unnoticed = said.empty() && (optional || function == "cuCtxSetCurrent");   // asked again, or while giving memory back
        EXPECT_TRUE(unnoticed || optional || said.find("failure (CUDA 1)") != std::string::npos) << text << " " << function << " " << nth << ": " << said;
        EXPECT_FALSE(devices->front()->lost());
        driver.fail("", 0, 0);
        EXPECT_TRUE(once(*devices->front(), text).ok()) << text << " after " << function << " " << nth;
        devices->clear();
        EXPECT_EQ(driver.held(), 0u) << text << " " << function << " " << nth;
      }
  }
}

TEST(FakeCuda, ADeviceThatDisappearsKeepsWhatWasTimed) {
  FakeDriver driver(RIGCAST_FAKE_CUDA, 1, 86);
  auto devices = open_cuda(driver.world(), {});
  ASSERT_TRUE(devices);
  driver.fail("cuCtxSynchronize", 8, 719, true);   // check, calibration and samples synchronize once each
  std::atomic<bool> stop{false};
  const Measurement m = measure(*devices->front(), *parse_case("read:64KiB"), {.seconds = 10, .least = 20, .most = 20, .sample_seconds = 0}, stop);
  EXPECT_TRUE(m.ok());
  EXPECT_GE(m.seconds.size(), 3u);
  EXPECT_EQ(m.broke_off, "the device: unspecified launch failure (CUDA 719)");
  EXPECT_TRUE(devices->front()->lost());
  EXPECT_NE(once(*devices->front(), "copy:64KiB").failure.find("CUDA 719"), std::string::npos);
}

TEST(FakeCuda, ADriverThatCannotIsNamed) {
  FakeDriver driver(RIGCAST_FAKE_CUDA, 0, 86);
  EXPECT_EQ(open_cuda(driver.world(), {}).error().message, "the CUDA driver is installed but has no device");
  driver.fail("cuInit", 1, 100);
  EXPECT_EQ(open_cuda(driver.world(), {}).error().message, "cuInit: no device (CUDA 100)");
  World broken = driver.world();
  broken.library = [](std::string_view) { return std::string(RIGCAST_FAKE_NVML); };   // loads, but is no CUDA
  EXPECT_NE(open_cuda(broken, {}).error().message.find("libcuda.so.1 lacks functions"), std::string::npos);
}

TEST(FakeHip, EveryKernelIsCorrectAndDevicesWorkTogether) {
  FakeDriver driver(RIGCAST_FAKE_HIP, 2, 0);
  auto devices = open_hip(driver.world(), {});
  ASSERT_TRUE(devices) << devices.error().message;
  ASSERT_EQ(devices->size(), 2u);
  EXPECT_EQ(devices->front()->info().name, "Fake Radeon");
  EXPECT_EQ(devices->front()->info().driver, "HIP 6.4");
  EXPECT_EQ(devices->front()->info().pci_address, "0000:03:00.0");
  expect_all_correct(*devices->front(), 256);
  for (const char* text : {"copy-peer:64KiB", "copy-peer-both:64KiB", "all-reduce:64KiB"}) EXPECT_TRUE(once(*devices->front(), text).ok()) << text;
}

TEST(FakeHip, WhatTheCompilerSaysIsPassedOn) {
  FakeDriver driver(RIGCAST_FAKE_HIP, 1, 0);
  auto devices = open_hip(driver.world(), {});
  ASSERT_TRUE(devices);
  driver.fail("hiprtcCompileProgram", 1, 6);
  EXPECT_EQ(once(*devices->front(), "read:64KiB").failure, "hiprtc cannot translate the kernels: error: no such builtin");
}

}  // namespace
}  // namespace rigcast::bench
