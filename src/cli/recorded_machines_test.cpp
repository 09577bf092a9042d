// `plan --on here` on every recorded machine: its devices are known by their own keys, and the answer is one that its owner can use.
#include <gtest/gtest.h>

#include "app/plan.hpp"
#include "bench/probe.hpp"
#include "recorded.hpp"

namespace rigcast::cli {
namespace {

using testing::read_recorded;
using testing::RecordedTree;

// A machine whose programs print what is recorded: the second word of a pair is the file under tests/recorded/tools.
bench::Findings probe_recorded(const std::string& tree_name, const std::string& program = {}, const std::string& output = {}) {
  const RecordedTree tree("machines/" + tree_name + ".tree");
  return bench::probe({.root = tree.root(),
                       .run = [&](const std::vector<std::string>& words) -> Result<std::string> {
                         if (words.front() == program) return read_recorded("tools/" + output + ".txt");
                         return fail(ErrorKind::system, words.front() + " is not installed");
                       },
                       .library = [](std::string_view) { return std::string(); }},
                      bench::Depth::quick);
}

struct Machine {
  std::string name;
  bench::Findings findings;
  std::vector<std::string> keys;      // of its devices
  double slowest, fastest;            // token/s that nobody would doubt; 0: refused with a sentence, no engine being known to run there
  std::string model = "qwen3-8b:q4_k_m";
};

std::vector<Machine> machines() {
  return {
      {"two MI50", probe_recorded("xeon-2xmi50"), {"mi50-32gb", "mi50-32gb"}, 30, 120},
      {"Strix Halo", probe_recorded("strix-halo"), {"ryzen-ai-max-395"}, 20, 60},
      {"Arc A770", probe_recorded("desktop-a770"), {"arc-a770-16gb"}, 15, 90},
      {"Apple M3 Max", probe_recorded("mac-m3-max", "system_profiler", "system-profiler-m3-max"), {"apple-m3-max-40"}, 40, 100},
      {"Ascend 910B3", probe_recorded("ascend-910b", "npu-smi", "npu-smi-910b"), {"ascend-910b3", "ascend-910b3"}, 5, 250, "qwen3-8b:q8_0"},
      {"Atlas 300I Duo", probe_recorded("atlas-300i-duo", "npu-smi", "npu-smi-310p-duo"), {"atlas-300i-duo-96gb", "atlas-300i-duo-96gb"}, 1, 60, "qwen3-8b:f16"},
      {"MTT S80", probe_recorded("mtt-s80", "mthreads-gmi", "mthreads-gmi"), {"mtt-s80"}, 3, 100},
      {"Hygon K100 AI", probe_recorded("hygon-k100", "hy-smi", "hy-smi"), {"hygon-k100-ai", "hygon-k100-ai"}, 0, 0},
      {"MetaX C500", probe_recorded("metax-c500", "mx-smi", "mx-smi"), {"metax-c500", "metax-c500"}, 0, 0},
      {"no card", probe_recorded("none"), {}, 0, 1000},
  };
}

TEST(RecordedMachines, PlanOnHereIsSensible) {
  for (const Machine& machine : machines()) {
    auto knowledge = *app::load_knowledge({});
    std::vector<std::string> keys;
    knowledge.here = [&](const catalog::Catalog& catalog) {
      const bench::Here here = bench::to_rig(catalog, machine.findings);
      for (const auto& device : here.rig.devices) keys.push_back(device.device.key);
      return here.rig;
    };
    app::PlanRequest request;
    request.model = machine.model, request.rig = "here";
    const auto answer = app::plan(knowledge, request);
    EXPECT_EQ(keys, machine.keys) << machine.name;
    if (!answer) {
      // Refused with a sentence, never a crash: a machine of no memory, or one that no known engine serves.
      EXPECT_FALSE(answer.error().message.empty());
      EXPECT_TRUE(machine.slowest == 0) << machine.name << ": " << to_text(answer.error());
      continue;
    }
    if (machine.name == "no card") continue;
    EXPECT_TRUE(answer->placement.fits) << machine.name;
    if (!answer->speed) { ADD_FAILURE() << machine.name << ": " << to_text(answer->no_speed); continue; }
    const double decode = answer->speed->decode.value.p50;
    EXPECT_GE(decode, machine.slowest) << machine.name;
    EXPECT_LE(decode, machine.fastest) << machine.name;
    EXPECT_FALSE(answer->launch.line.empty()) << machine.name;
  }
}

}  // namespace
}  // namespace rigcast::cli
