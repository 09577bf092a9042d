#include "app/verify.hpp"

#include <gtest/gtest.h>

namespace rigcast::app {
namespace {

// As llama.cpp build 11669 prints it, first for what it was given and again for what it made of it.
constexpr const char* kLog =
    "common_memory_breakdown_print: | memory breakdown [MiB]                         | total    free    self   model   context   compute    unaccounted |\n"
    "common_memory_breakdown_print: |   - Vulkan0 (llvmpipe (LLVM 22.1.8, 256 bits)) | 24105 = 23170 + (7633 =  7029 +     336 +     268) +       -6697 |\n"
    "common_memory_breakdown_print: |   - Host                                       |                  2009 =  1576 +       0 +     432                |\n"
    "common_memory_breakdown_print: |   - CPU_REPACK                                 |                   788 =   788 +       0 +       0                |\n"
    "common_params_fit_impl: projected memory use with initial parameters [MiB]:\n";

PlanAnswer of_a_file() {
  PlanAnswer answer;
  answer.engine.key = "llama.cpp";
  model::Architecture architecture;
  architecture.file = "model.gguf";
  answer.architecture = std::make_shared<const model::Architecture>(std::move(architecture));
  return answer;
}

TEST(Verify, ReadsEveryRow) {
  const auto rows = read_llama_breakdown(kLog);
  ASSERT_TRUE(rows) << to_text(rows.error());
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].name, "Vulkan0");
  EXPECT_EQ((*rows)[0].model, 7029);
  EXPECT_EQ((*rows)[0].context, 336);
  EXPECT_EQ((*rows)[0].compute, 268);
  EXPECT_EQ((*rows)[1].name, "Host");
  EXPECT_EQ((*rows)[1].model, 1576);
  EXPECT_EQ((*rows)[2].model, 788);
}

TEST(Verify, TheLastTableCounts) {
  const auto rows = read_llama_breakdown(std::string(kLog) + "| memory breakdown [MiB] |\n|   - Host | 6 = 1 + 2 + 3 |\n");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().compute, 3);
}

TEST(Verify, ALogWithoutATableIsAnError) {
  const auto refused = read_llama_breakdown("llama_model_load: error loading model: device Vulkan0 does not support split buffers\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_text(refused.error()), "--verify: the engine says: llama_model_load: error loading model: device Vulkan0 does not support split buffers");
  for (const char* text : {"", "|   - ", "| memory breakdown [MiB]\n|   - Host | 1 = 2 + 3", "| memory breakdown [MiB]\n|   - Host | = + + |\n", "| memory breakdown [MiB]\n|   - |\n",
                           "| memory breakdown [MiB]\n|   - Host | (1 = 1 + 1 + x) |\n"})
    EXPECT_FALSE(read_llama_breakdown(text)) << text;
}

// Printed figures are rounded down, so 7,029 stands for anything below 7,030; half a percent of weights is 35 MiB, a tenth of 268 is 27.
TEST(Verify, ComparesWithinWhatIsPromised) {
  PlanAnswer answer;
  placement::DeviceShare share;
  share.memory.weights = Bytes(7029.9 * kMiB);
  share.memory.kv = Bytes(336 * kMiB);
  share.memory.compute = Bytes(290 * kMiB);
  answer.placement.devices = {share};
  answer.placement.host.weights = Bytes((1576 + 788) * kMiB);
  answer.placement.host.compute = Bytes(432 * kMiB);
  VerifyAnswer verified = compare_memory(answer, *read_llama_breakdown(kLog), "command");
  EXPECT_TRUE(verified.agrees);
  ASSERT_EQ(verified.rows.size(), 6u);
  EXPECT_EQ(verified.rows[3].where, "host");
  EXPECT_EQ(verified.rows[3].theirs, Bytes(2364 * kMiB)) << "repacked weights are the host's";
  answer.placement.devices[0].memory.kv = Bytes(339 * kMiB);
  verified = compare_memory(answer, *read_llama_breakdown(kLog), "command");
  EXPECT_FALSE(verified.agrees);
  EXPECT_FALSE(verified.rows[1].agrees);
}

// A load of a 316 MB granite with -c 4096 -ub 333 -fa off -ngl 99 --no-kv-offload took 47.16 MiB on the device and 54.32 on the host, as
// planned; the dry run printed 67 and 12. With flash attention both agree.
TEST(Verify, ADryRunThatDiffersFromALoadIsNotAsked) {
  PlanAnswer answer = of_a_file();
  answer.placement.devices.resize(1);
  answer.placement.settings.kv_offload = false;
  answer.placement.settings.flash_attention = false;
  const auto refused = dry_run_words(answer, "llama-server");
  ASSERT_FALSE(refused);
  EXPECT_NE(to_text(refused.error()).find("-fa off with --no-kv-offload"), std::string::npos);
  answer.placement.settings.flash_attention = true;
  EXPECT_TRUE(dry_run_words(answer, "llama-server"));
}

TEST(Verify, ATableThatWasCutOffDoesNotReplaceAWholeOne) {
  const auto rows = read_llama_breakdown(std::string(kLog) + "| memory breakdown [MiB] |\n|   - Vulkan0 | 6 = 1 + 2 + 3 |\n");
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->size(), 3u);
  EXPECT_EQ(rows->front().model, 7029);
}

// A llama.cpp of build 11669 with -md prints its own context first, then the one that drafts: 7039 + 840 MiB of weights, 1152 + 896 of caches.
constexpr const char* kDrafting =
    "common_memory_breakdown_print: | memory breakdown [MiB]                         | total    free    self   model   context   compute    unaccounted |\n"
    "common_memory_breakdown_print: |   - Vulkan0 (llvmpipe (LLVM 22.1.8, 256 bits)) | 24105 = 22768 + (8299 =  7039 +    1152 +     108) +       -6962 |\n"
    "common_memory_breakdown_print: |   - Host                                       |                  1297 =  1261 +       0 +      36                |\n"
    "llama_model_loader: loaded meta data\n"
    "common_memory_breakdown_print: | memory breakdown [MiB]                         | total    free    self   model   context   compute    unaccounted |\n"
    "common_memory_breakdown_print: |   - Vulkan0 (llvmpipe (LLVM 22.1.8, 256 bits)) | 24105 = 22769 + (1762 =   840 +     896 +      26) +        -426 |\n"
    "common_memory_breakdown_print: |   - Host                                       |                   308 =   296 +       0 +      12                |\n";

TEST(Verify, WhatDraftsIsPrintedBesideIt) {
  const auto both = read_llama_breakdown(kDrafting, PrintedDrafts::another_model);
  ASSERT_TRUE(both) << to_text(both.error());
  EXPECT_EQ((*both)[0].model, 7039 + 840);
  EXPECT_EQ((*both)[0].context, 1152 + 896);
  EXPECT_EQ((*both)[0].compute, 108 + 26);
  EXPECT_EQ((*both)[1].model, 1261 + 296);
  const auto own = read_llama_breakdown(kDrafting, PrintedDrafts::own_layers);
  ASSERT_TRUE(own);
  EXPECT_EQ((*own)[0].model, 7039) << "the same weights are printed twice";
  EXPECT_EQ((*own)[0].context, 1152 + 896);
  const auto one = read_llama_breakdown(kLog, PrintedDrafts::own_layers);
  ASSERT_FALSE(one);
  EXPECT_EQ(to_text(one.error()), "--verify: the engine printed no memory breakdown of what drafts");
  EXPECT_FALSE(is_whole(kDrafting, PrintedDrafts::own_layers)) << "a row may follow";
  EXPECT_TRUE(is_whole(std::string(kDrafting) + "another line\n", PrintedDrafts::own_layers));
  EXPECT_TRUE(is_whole(std::string(kLog) + "another line\n", PrintedDrafts::none));
  EXPECT_FALSE(is_whole(std::string(kLog) + "another line\n", PrintedDrafts::another_model));
}

// The flags of drafts lay memory out, and so they are asked with; others of the user's do not.
TEST(Verify, FlagsOfDraftsAreAskedWith) {
  PlanAnswer answer = of_a_file();
  answer.placement.settings.speculation = {.drafter = placement::Drafter::own_layers, .tokens = 3};
  answer.placement.draft_layers = 1;
  answer.launch.flags = {{"-c 4096", ""}, {"--spec-type draft-mtp", "", {"--spec-type", "draft-mtp"}, true}, {"--jinja", "", {"--jinja"}}};
  const auto words = dry_run_words(answer, "llama-server");
  ASSERT_TRUE(words) << to_text(words.error());
  EXPECT_EQ((std::vector<std::string>(words->end() - 4, words->end())), (std::vector<std::string>{"-c", "4096", "--spec-type", "draft-mtp"}));
  answer.placement.settings.speculation.drafter = placement::Drafter::model;
  EXPECT_FALSE(dry_run_words(answer, "llama-server")) << "of which model nothing is known";
}

TEST(Verify, ADeviceTheEngineDidNotTakeIsCompared) {
  PlanAnswer answer;
  answer.placement.devices.resize(2);
  answer.placement.devices[1].device = 1;
  answer.placement.devices[1].memory.weights = Bytes(100 * kMiB);
  const VerifyAnswer verified = compare_memory(answer, {{"Vulkan0", 0, 0, 0}, {"Host", 0, 0, 0}}, "command");
  EXPECT_FALSE(verified.agrees);
}

}  // namespace
}  // namespace rigcast::app
