#include "cli/bench_log.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/evaluate.hpp"
#include "calibration/import.hpp"
#include "scratch.hpp"

namespace rigcast::cli {
namespace {

bench::Record example() {
  return {.date = "2026-11-20", .device = "cpu", .backend = "cpu", .name = "Some Processor, 8 cores", .driver = "linux 6.1", .path = "avx2", .what = "read:1GiB",
          .units = 8, .bytes = 1073741824, .flop = 0, .median = 0.025, .p10 = 0.0249, .p90 = 0.0252, .best = 0.0248, .error = 0, .samples = 20, .disturbed = 1, .clock_mhz = 1695, .power = 219.5, .held_by = "power limit, temperature"};
}

TEST(BenchLog, ARecordReadsBackAsWritten) {
  const std::string text = calibration::to_csv({observation_of(example())});
  const auto rows = calibration::parse_csv(text, "log");
  ASSERT_TRUE(rows);
  const auto back = record_of(rows->at(0));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->what, "read:1GiB");
  EXPECT_EQ(back->name, "Some Processor, 8 cores");
  EXPECT_EQ(back->best, 0.0248);
  EXPECT_EQ(back->units, 8);
  EXPECT_EQ(back->clock_mhz, 1695);
  EXPECT_EQ(back->temperature, 0);   // unknown stays unknown
  EXPECT_EQ(back->power, 219.5);
  EXPECT_EQ(back->held_by, "power limit, temperature");
  EXPECT_EQ(calibration::to_csv({observation_of(*back)}), text);
}

TEST(BenchLog, OtherRowsAreNoKernels) {
  calibration::Observation o;
  o.phase = "decode", o.metric_name = "tokens_per_second", o.value = 20;
  EXPECT_FALSE(record_of(o));
}

TEST(BenchLog, ATornLineLosesNothingElse) {
  const auto file = std::filesystem::path(testing::TempDir()) / "bench_log_test.csv";
  const std::string text = calibration::to_csv({observation_of(example())});
  std::ofstream(file) << text << "o-1,Some \"Pro\n" << text.substr(text.find('\n') + 1);
  EXPECT_EQ(kernel_records(file).size(), 2u);
  std::filesystem::remove(file);
}

// A crash while a row was written tears the last line: the rows before it stay, the next are added after it, and only it is lost.
TEST(OwnLog, ATornLineCostsOnlyItself) {
  const auto file = test::scratch_folder() / "torn.csv";
  std::filesystem::remove(file);
  const auto row = [](double value) {
    calibration::Observation o;
    o.device = "rtx-3090", o.engine = "llama.cpp", o.model = "qwen3-8b", o.phase = "decode", o.metric_name = "tokens_per_second", o.metric = calibration::Metric::tokens_per_second, o.value = value;
    o.id = calibration::fingerprint(o);
    return o;
  };
  ASSERT_TRUE(app::observe({row(1), row(2), row(3)}, file));
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 25);
  const auto again = app::observe({row(2), row(3), row(4)}, file);
  ASSERT_TRUE(again) << to_text(again.error());
  EXPECT_EQ(again->added, 2u);        // 3, which was torn, and 4
  EXPECT_EQ(again->duplicates, 1u);
  EXPECT_EQ(again->damaged, 1u);
  const auto twice = app::observe({row(2), row(3), row(4)}, file);
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->added, 0u);
  std::ofstream(file) << "nothing\nof a log\n";
  const auto folder = app::observe_import(*app::load_knowledge({}), test::scratch_folder(), file, {});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message, "is a folder, not a file");
  EXPECT_FALSE(app::observe({row(1)}, file));   // somebody else's file is not written into
}

// 4.7 GiB read 9,500 times a second are 48 TB/s, fifty times what a 3090 has; 95 times are half of it.
TEST(Observe, RowsAboveTheRooflineAreTold) {
  const auto folder = test::scratch_folder() / "impossible";
  std::filesystem::create_directories(folder);
  const auto bench = folder / "bench.md";
  const auto impossible = [&](const char* speed) {
    std::ofstream(bench) << "| model | size | params | backend | ngl | test | t/s |\n|---|---|---|---|---|---|---|\n| qwen3 8B Q4_K - Medium | 4.68 GiB | 8.19 B | CUDA | 99 | tg128 | "
                         << speed << " ± 1.00 |\n";
    calibration::ImportDefaults defaults;
    defaults.device = "rtx-3090";
    defaults.model = "qwen3-8b";
    const auto answer = app::observe_import(*app::load_knowledge({}), bench, folder / "new" / "observations.csv", defaults);
    EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
    return answer ? answer->impossible : 99;
  };
  EXPECT_EQ(impossible("9500.00"), 1u);
  EXPECT_EQ(impossible("95.00"), 0u);
}

// Rows that need a device and name none are not kept, so that they come in once --device names it; also where an earlier log has them without.
TEST(BenchLog, RowsComeInOnceTheirDeviceIsNamed) {
  const auto folder = test::scratch_folder() / "device";
  std::filesystem::create_directories(folder);
  const auto bench = folder / "bench.md", log = folder / "observations.csv";
  std::ofstream(bench) << "| model | size | params | backend | ngl | test | t/s |\n|---|---|---|---|---|---|---|\n| qwen3 8B Q4_K - Medium | 4.68 GiB | 8.19 B | CUDA | 99 | tg128 | 95.00 ± 1.00 |\n";
  calibration::ImportDefaults defaults;
  defaults.model = "qwen3-8b";
  const auto without = app::observe_import(*app::load_knowledge({}), bench, log, defaults);
  ASSERT_TRUE(without) << to_text(without.error());
  EXPECT_EQ(without->without_device, 1u);
  EXPECT_EQ(without->read, 1u);
  EXPECT_EQ(without->added, 0u);
  defaults.device = "rtx-3090";
  const auto with = app::observe_import(*app::load_knowledge({}), bench, log, defaults);
  ASSERT_TRUE(with) << to_text(with.error());
  EXPECT_EQ(with->added, 1u);
  EXPECT_EQ(with->without_device, 0u);
  EXPECT_EQ(app::observe_import(*app::load_knowledge({}), bench, log, defaults)->duplicates, 1u);
}

TEST(BenchLog, FilesWithoutMeasurementsAreRefused) {
  const auto file = test::scratch_folder() / "nothing.json";
  for (const char* text : {"{}", "{\"a\":1}", "[]"}) {
    std::ofstream(file) << text;
    const auto answer = app::observe_import(*app::load_knowledge({}), file, test::scratch_folder() / "none.csv", {});
    ASSERT_FALSE(answer) << text;
    EXPECT_NE(to_text(answer.error()).find("holds no "), std::string::npos) << to_text(answer.error());
    EXPECT_FALSE(std::filesystem::exists(test::scratch_folder() / "none.csv"));
  }
}

}  // namespace
}  // namespace rigcast::cli
