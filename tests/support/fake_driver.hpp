#pragma once
// Controls the driver of tests/support/fake_driver.cpp for the length of a test.

#include <dlfcn.h>

#include <set>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "bench/world.hpp"

namespace rigcast::testing {

class FakeDriver {
 public:
  FakeDriver(std::string path, int devices, int capability, unsigned long long memory = 1ull << 30) : path_(std::move(path)), handle_(dlopen(path_.c_str(), RTLD_NOW)) {
    reinterpret_cast<void (*)(int, int, unsigned long long)>(dlsym(handle_, "fake_devices"))(devices, capability, memory);
    fail("", 0, 0);
    forget();
  }
  // A machine whose only libraries are this driver's.
  bench::World world() const {
    return {.root = "/nonexistent",
            .run = [](const std::vector<std::string>& words) -> Result<std::string> { return rigcast::fail(ErrorKind::system, words.front() + " is not installed"); },
            .library = [path = path_](std::string_view name) {
              const bool ours = name == "libcuda.so.1" || name == "libcublas.so.12" || name == "libamdhip64.so" || name == "libhiprtc.so";
              return ours ? path : std::string();
            }};
  }
  // The nth call of this function gives this code; with `for_good` all calls after it, too.
  void fail(const std::string& function, int nth, int code, bool for_good = false) {
    reinterpret_cast<void (*)(const char*, int, int, int)>(dlsym(handle_, "fake_fail"))(function.c_str(), nth, code, for_good);
  }
  bool failed() const { return reinterpret_cast<int (*)()>(dlsym(handle_, "fake_failed"))() != 0; }
  void forget() { reinterpret_cast<void (*)()>(dlsym(handle_, "fake_forget"))(); }
  std::string calls() const { return reinterpret_cast<const char* (*)()>(dlsym(handle_, "fake_calls"))(); }
  std::vector<std::string> functions_called() const {
    std::set<std::string> names;
    const std::string text = calls();
    for (const std::string_view line : split(text, '\n')) if (!line.empty()) names.emplace(line);
    return {names.begin(), names.end()};
  }
  unsigned long long held() const { return reinterpret_cast<unsigned long long (*)()>(dlsym(handle_, "fake_held"))(); }   // device memory

 private:
  std::string path_;
  void* handle_;
};

}  // namespace rigcast::testing
