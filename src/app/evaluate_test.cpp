#include "app/evaluate.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "app/detail/test_knowledge.hpp"
#include "base/text.hpp"

namespace rigcast::app {
namespace {

namespace fs = std::filesystem;

using test::knowledge;

struct Folder {
  fs::path path;
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "rigcast-evaluate-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  fs::path write(const char* name, const std::string& text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    return path / name;
  }
};

std::string row(const char* id, const char* device, const char* phase, double value) {
  return std::string("{\"id\":\"") + id + "\",\"device\":\"" + device + "\",\"device_count\":1,\"engine\":\"llama.cpp\",\"backend\":\"CUDA\"," +
         "\"model_key\":\"llama-2-7b\",\"model_raw\":\"llama 7B Q4_0\",\"quant\":\"Q4_0\",\"phase\":\"" + phase + "\",\"prompt_tokens\":512,\"depth\":0,\"concurrency\":1," +
         "\"metric\":\"tokens_per_second\",\"value\":" + std::to_string(value) + ",\"source\":{\"url\":\"https://e.org/x\",\"date\":\"2025-06-15\"}}\n";
}

// Tables of an overlay take the place of the program's own: what is wrong with one is told by its own name, line and column, before anything is asked.
TEST(Knowledge, FaultsOfAnOverlaysTablesAreTold) {
  const auto fault = [](const char* table, const std::string& text) {
    const Folder folder;
    fs::create_directories(folder.path / "calibration");
    folder.write(table, text);
    const auto loaded = load_knowledge({folder.path});
    return loaded ? std::string("none") : replace_all(to_text(loaded.error()), folder.path.string() + "/", "");
  };
  EXPECT_EQ(fault("calibration/releases.csv", "engine,version,month\nvllm,0.8.4,2025-04\nvllm,0.8.5\n"), "calibration/releases.csv:3:1: expected an engine, a version and the month in which it came out");
  EXPECT_EQ(fault("calibration/drafts.csv", "drafter,share,date,sources\nmodel,1.7,2026-09,mine\n"), "calibration/drafts.csv:2:1: expected what drafts, a share between 0 and 1, a month, and sources");
  EXPECT_EQ(fault("calibration/releases.csv", "engine,version,month\nvllm,0.8.4,2025-04\n"), "none");
}

TEST(Evaluate, EveryRowOfAFileIsAnsweredOrRefusedWithAReason) {
  const Folder folder;
  const fs::path file = folder.write("rows.jsonl", row("a", "rtx-3090", "decode", 150) + row("b", "rtx-3090", "prefill", 4500) +
                                                       row("c", "GeForce 9", "decode", 5) + "{\"id\": broken\n" + row("d", "rtx-3090", "decode", 9000));
  EvaluateRequest request;
  request.files = {file};
  request.by = {"phase", "device"};
  const auto answer = evaluate(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  ASSERT_EQ(answer->unread.size(), 1u);
  EXPECT_EQ(answer->unread[0].where.line, 4);
  ASSERT_EQ(answer->evaluation.rows.size(), 4u);
  EXPECT_TRUE(answer->evaluation.rows[0].predicted);
  EXPECT_TRUE(answer->evaluation.rows[1].predicted);
  EXPECT_NE(answer->evaluation.rows[2].reason.find("GeForce 9"), std::string::npos);
  EXPECT_NE(answer->evaluation.rows[3].reason.find("roofline"), std::string::npos);   // 9,000 tok/s of 3.6 GB is 34 TB/s
  ASSERT_EQ(answer->tables.size(), 3u);                                               // all, phase, device
  EXPECT_EQ(answer->tables[0].scores[0].rows, 3);                                     // the impossible row is counted nowhere
  EXPECT_EQ(answer->tables[0].scores[0].predicted, 2);
  EXPECT_EQ(answer->tables[1].by, "phase");
}

TEST(Evaluate, ARowBelongsToEveryGroupThereIs) {
  const Folder folder;
  EvaluateRequest request;
  request.files = {folder.write("rows.jsonl", row("a", "rtx-3090", "decode", 150))};
  const auto answer = evaluate(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  std::vector<std::string> held = {"grade"};
  for (const auto& [name, value] : *answer->evaluation.rows.at(0).groups) held.push_back(name);
  std::vector<std::string> known = calibration::group_names();
  std::sort(held.begin(), held.end());
  std::sort(known.begin(), known.end());
  EXPECT_EQ(held, known);
}

TEST(Evaluate, UnknownGroupsFoldsAndFilesAreNamed) {
  EvaluateRequest request;
  request.by = {"colour"};
  const auto group = evaluate(knowledge(), request);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().kind, ErrorKind::not_found);
  request.by.clear();
  request.hold_out = "weather";
  EXPECT_FALSE(evaluate(knowledge(), request));
  request.hold_out.clear();
  request.files = {"/nonexistent/rows.jsonl"};
  const auto file = evaluate(knowledge(), request);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::system);
}

// Counts what it is told and wants no more after so many tellings.
class Patience final : public Watch {
 public:
  explicit Patience(int tellings) : left_(tellings) {}
  void tell(double share_done) override {
    --left_;
    most_ = std::max(most_.load(), share_done);
  }
  bool stopped() const override { return left_ <= 0; }
  double most() const { return most_; }

 private:
  std::atomic<int> left_;
  std::atomic<double> most_ = 0;
};

TEST(Evaluate, EndsHalfWayOnceNobodyWantsIt) {
  Patience some(3);
  const auto predicted = evaluate(knowledge(), {}, &some);
  ASSERT_FALSE(predicted);
  EXPECT_EQ(predicted.error().message, "stopped");
  EXPECT_LT(some.most(), 0.5);
  Patience one(1);   // the first of all the fits without a source's rows
  const auto held_out = evaluate(knowledge(), {.files = {}, .by = {}, .hold_out = "source"}, &one);
  ASSERT_FALSE(held_out);
  EXPECT_LT(one.most(), 0.1);
}

// The fit itself is held against the committed one in calibration/regeneration_test.cpp.
calibration::Observation decoding(const char* id, double value) {
  calibration::Observation o;
  o.id = id, o.device = "rtx-3090", o.engine = "llama.cpp", o.phase = "decode", o.metric_name = "tokens_per_second", o.value = value;
  o.metric = calibration::Metric::tokens_per_second;
  return o;
}

TEST(Observe, RowsAreWrittenInTheOrderOfTheLogsOwnColumns) {
  const Folder folder;
  const fs::path log = folder.write("log.csv", "# mine\r\nvalue,metric,phase,engine,device,id\r\n150,tokens_per_second,decode,llama.cpp,rtx-3090,a");
  const auto answer = observe({decoding("b", 160)}, log);
  ASSERT_TRUE(answer) << to_text(answer.error());
  std::ifstream in(log, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_TRUE(text.ends_with(",a\n160,tokens_per_second,decode,llama.cpp,rtx-3090,b\n")) << text;
  const auto rows = calibration::parse_csv(text, "log.csv");
  ASSERT_TRUE(rows) << to_text(rows.error());
  EXPECT_EQ(rows->at(1).id, "b");
  EXPECT_EQ(rows->at(1).value, 160);
}

// A modded 4090 prints the stock card's name: only who runs it knows.
TEST(Observe, TheUserSaysWhichVersionOfAPrintedNameItIs) {
  const Folder folder;
  const fs::path file = folder.write("run.md", "  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes\n| model | size | params | backend | ngl | test | t/s |\n"
                                               "| --- | ---: | ---: | --- | --: | ---: | ---: |\n| qwen3 8B Q4_K - Medium | 4.68 GiB | 8.19 B | CUDA | 99 | tg128 | 131.40 |\n");
  const auto device_in = [&](const char* log) {
    std::ifstream in(folder.path / log, std::ios::binary);
    return calibration::parse_csv(std::string(std::istreambuf_iterator<char>(in), {}), log)->at(0).device;
  };
  const auto silent = observe_import(knowledge(), file, folder.path / "silent.csv", {});
  ASSERT_TRUE(silent) << to_text(silent.error());
  ASSERT_EQ(silent->doubts.size(), 1u);
  EXPECT_EQ(silent->doubts[0].taken, "rtx-4090");
  EXPECT_EQ(silent->doubts[0].versions, (std::vector<std::string>{"rtx-4090", "rtx-4090-48gb"}));
  calibration::ImportDefaults named;
  named.device = "4090-48g";
  const auto told = observe_import(knowledge(), file, folder.path / "told.csv", named);
  ASSERT_TRUE(told) << to_text(told.error());
  EXPECT_TRUE(told->doubts.empty());
  EXPECT_EQ(device_in("told.csv"), "rtx-4090-48gb");
}

TEST(Observe, CountsBesideADeviceAreCounts) {
  const Folder folder;
  const fs::path file = folder.write("vllm.json", R"({"backend":"vllm","model_id":"Qwen/Qwen3-8B","completed":100,"max_concurrency":8,"total_input_tokens":102400,"total_output_tokens":12800,)"
                                                  R"("request_throughput":1.2,"output_throughput":700,"mean_ttft_ms":80.5,"mean_tpot_ms":11.2})");
  calibration::ImportDefaults defaults;
  defaults.device = "2x3090";
  const auto answer = observe_import(knowledge(), file, folder.path / "log.csv", defaults);
  ASSERT_TRUE(answer) << to_text(answer.error());
  std::ifstream in(folder.path / "log.csv", std::ios::binary);
  const auto rows = calibration::parse_csv(std::string(std::istreambuf_iterator<char>(in), {}), "log.csv");
  ASSERT_TRUE(rows) << to_text(rows.error());
  EXPECT_EQ(rows->at(0).device, "rtx-3090");
  EXPECT_EQ(rows->at(0).devices, 2);
}

TEST(Observe, WordsNobodyKnowsAreRefusedBeforeAnythingIsKept) {
  const Folder folder;
  const fs::path file = folder.write("rows.jsonl", row("a", "rtx-3090", "decode", 150));
  using Defaults = calibration::ImportDefaults;
  for (const auto& [field, option] : {std::pair{&Defaults::device, "--device"}, {&Defaults::engine, "--engine"}, {&Defaults::model, "--model"}, {&Defaults::quant, "--quant"}, {&Defaults::date, "--date"}}) {
    Defaults defaults;
    defaults.*field = "foo";
    const auto answer = observe_import(knowledge(), file, folder.path / "log.csv", defaults);
    ASSERT_FALSE(answer) << option;
    EXPECT_EQ(answer.error().where.file, option);
    EXPECT_FALSE(fs::exists(folder.path / "log.csv"));
  }
}

TEST(Observe, RowsThatNoEstimateCanUseSayWhy) {
  const Folder folder;
  const fs::path file = folder.write("rows.jsonl", row("a", "rtx-3090", "decode", 150) + row("b", "GeForce 9", "decode", 5));
  const auto answer = observe_import(knowledge(), file, folder.path / "log.csv", {});
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->added, 2u);
  ASSERT_EQ(answer->unusable.size(), 1u);
  EXPECT_NE(answer->unusable.begin()->first.find("no device is called 'GeForce 9'"), std::string::npos);
}

TEST(Evaluate, AFileWithoutARowIsRefused) {
  const Folder folder;
  for (const char* text : {"{}", "[]", "[1,2]"}) {
    EvaluateRequest request;
    request.files = {folder.write("rows.json", text)};
    const auto answer = evaluate(knowledge(), request);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().kind, ErrorKind::input);
  }
  EvaluateRequest request;
  request.files = {folder.write("rows.json", R"([{"id":"a"}])")};
  const auto answer = evaluate(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->evaluation.rows.at(0).reason, "no device is stated");
}

TEST(Observe, ALogWithoutAColumnThatIsNeededIsNotTouched) {
  const Folder folder;
  const std::string before = "id,device,engine,phase,metric,value\na,rtx-3090,llama.cpp,decode,tokens_per_second,150\n";
  const fs::path log = folder.write("log.csv", before);
  calibration::Observation row = decoding("b", 160);
  row.quant = "Q4_0";
  const auto answer = observe({row}, log);
  ASSERT_FALSE(answer);
  EXPECT_EQ(to_text(answer.error()), log.string() + ":1:1: there is no column 'quant' for what is to be kept; add it to this line, or keep the rows in another file");
  std::ifstream in(log, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), before);
}

TEST(Calibrate, AnUnreadableFileStopsItBeforeAnythingIsWritten) {
  const Folder folder;
  const auto answer = calibrate(knowledge(), {folder.path / "missing.jsonl"}, folder.path / "out");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::system);
  EXPECT_FALSE(fs::exists(folder.path / "out"));
}

}  // namespace
}  // namespace rigcast::app
