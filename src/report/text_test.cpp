#include "report/text.hpp"

#include <gtest/gtest.h>

#include "report/json.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

Report sample() {
  return {{{"Speed", {{"decode", "decode", Range{{30, 34.12, 38}, Unit::token_rate}},
                      {"fits", "fits", true},
                      machine("secret", std::int64_t{42}),
                      {"memory", "memory", Sourced{{24 * kGiB, Unit::bytes}, "", catalog::Basis::vendor, {"data sheet", "2020"}}},
                      people(Show::code, Phrase("run -m model.gguf -c 4096"))}},
           {"Mind", {list_field("caveats", Sentences{}, Show::warnings)}}}};
}

// The form follows from what a number rounds to: 999.7 stands beside "1,066" as "1,000", not as "1000".
TEST(Text, NumbersAreRoundedBeforeTheirFormIsChosen) {
  EXPECT_EQ(print(Number{999.7, Unit::token_rate}), "1,000 tok/s");
  EXPECT_EQ(print(Number{999.4, Unit::token_rate}), "999 tok/s");
  EXPECT_EQ(print(Number{99.96, Unit::token_rate}), "100 tok/s");
  EXPECT_EQ(print(Number{9.996, Unit::token_rate}), "10.0 tok/s");
  EXPECT_EQ(print_interval(Range{{480.2, 812, 999.7}, Unit::token_rate}), "480 - 1,000");
}

TEST(Text, RowsAlignAndEmptySectionsVanish) {
  EXPECT_EQ(render_text(sample(), {}, {80, false, true}),
            "Speed\n"
            "  decode  34.1 tok/s  30.0 - 38.0\n"
            "  fits    yes\n"
            "  memory  24.00 GiB   vendor [1]\n"
            "  run -m model.gguf -c 4096\n"
            "\n"
            "  [1] data sheet (2020)\n");
}

TEST(Text, CodeBreaksBetweenFlagsAndNeverInsideThem) {
  const Report report{{{{}, {people(Show::code, Phrase("server -m a.gguf --on \"2x card; host=y\" -c 4096"))}}}};
  EXPECT_EQ(render_text(report, {}, {36, false, true}), "  server -m a.gguf \\\n    --on \"2x card; host=y\" -c 4096\n");
}

// A shell joins what stands before and behind a backslash at the end of a line.
TEST(Text, ListsTooLongForALineBreakAtTheirCommas) {
  const Report report{{{{}, {people(Show::code, Phrase("server -m a.gguf --rpc HOST2:50052,HOST3:50052,HOST4:50052 -c 4096"))}}}};
  EXPECT_EQ(render_text(report, {}, {36, false, true}), "  server -m a.gguf \\\n    --rpc HOST2:50052,HOST3:50052,\\\nHOST4:50052 \\\n    -c 4096\n");
}

TEST(Text, NamesFromFilesCannotSteerTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a?[2Jb");
  EXPECT_EQ(printable("broken \xff\xc3"), "broken ??");
  EXPECT_EQ(printable("\u80fd \xc2\x9b"), "\u80fd ?");   // U+009B opens an escape sequence too
  EXPECT_EQ(printable("a\u202egpj.gguf \u2066b\u200f"), "a?gpj.gguf ?b?");   // turns what follows around
  EXPECT_EQ(printable("\u201cquoted\u201d \u2026 \u2013"), "\u201cquoted\u201d \u2026 \u2013");
}

// A command that is suggested asks what was asked.
TEST(Text, CommandsSayTheWholeQuestion) {
  app::PlanRequest request;
  request.model = "llama-3.1-8b:q4_k_m";
  request.rig = "2x3090";
  EXPECT_EQ(command("plan", request), "rigcast plan llama-3.1-8b:q4_k_m --on 2x3090 --engine llama.cpp");
  request.placement.engine.clear();   // nobody named one, and none is usual there
  EXPECT_EQ(command("plan", request), "rigcast plan llama-3.1-8b:q4_k_m --on 2x3090");
  request.objective = placement::Objective::context;
  request.minimum_speed = 12.5;
  EXPECT_EQ(command("plan", request), "rigcast plan llama-3.1-8b:q4_k_m --on 2x3090 --for context --at-least 12.5");
}

TEST(Text, ErrorsAreOneLine) {
  const Error error{ErrorKind::not_found, "no device is\ncalled 'x'", Where{"--on", 0, 3}, "rig", "rtx-3090"};
  EXPECT_EQ(render_error(error, {}, {}), "error: --on:3: no device is called 'x' (nearest: rtx-3090)");
}

TEST(Json, HasEveryIdOnceAndBaseUnits) {
  EXPECT_EQ(render_json(sample(), {}),
            "{\n"
            "  \"decode\": {\n    \"p10\": 30,\n    \"p50\": 34.12,\n    \"p90\": 38,\n    \"unit\": \"token/s\"\n  },\n"
            "  \"fits\": true,\n"
            "  \"secret\": 42,\n"
            "  \"memory\": {\n    \"value\": 25769803776,\n    \"unit\": \"B\",\n    \"basis\": \"vendor\",\n    \"source\": \"data sheet\",\n"
            "    \"date\": \"2020\"\n  },\n"
            "  \"caveats\": []\n"
            "}\n");
}

TEST(Json, EscapesAndRounds) {
  const Report report{{{{}, {machine("text", Phrase("a \"b\" \\ \n\x01")), machine("third", Number{1.0 / 3}), machine("none", std::monostate{}),
                             machine("exact", Number{9007199254740991.0, Unit::bytes}), machine("object", Fields{})}}}};
  EXPECT_EQ(render_json(report, {}),
            "{\n  \"text\": \"a \\\"b\\\" \\\\ \\n?\",\n  \"third\": 0.333333,\n  \"none\": null,\n  \"exact\": 9007199254740991,\n  \"object\": {}\n}\n");
}

}  // namespace
}  // namespace rigcast::report
