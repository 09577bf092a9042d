#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "calibration/detail/row_json.hpp"

namespace rigcast::calibration::detail {
namespace {

// Read by either library, a row is the same row.
TEST(RowJson, RowsAreWhatTheOtherLibraryReads) {
  const std::string begin = R"({"id": "a", "device": "rtx-3090", "metric": "tokens_per_second", "value": )";
  for (const char* rest : {R"(12.5, "phase": "decode", "model_key": "qwen3-8b"})",
                                  R"(-0, "prompt_tokens": 1e3, "depth": 18446744073709551615, "concurrency": -0.0, "note": null})",
                                  R"("17.25", "devices": "8", "engine": true, "backend": 7, "quant": 4.50})",
                                  R"(3, "source": {"url": "https://a.example/b", "date": "2026-01", "repo": "a/b"}, "host": {"cpu": "x", "ram": {"gib": 64}}, "parallel": {"mode": "tensor", "degree": 4}})",
                                  R"(3, "flags": {"ngl": 99, "fa": true, "ot": null, "list": [1, 2.50, "x", {"b": 1, "a": 1e5}]}})",
                                  R"(3, "flags": ["-ngl", 99, "-fa", 1.0, "-b", [2]], "model_raw": ["a", 1e2]})", R"(3, "flags": "-ngl 99 -fa 1", "source": "https://a.example"})",
                                  R"(3, "note": "tab\t, quote\", slash\/, \u00e9, \u4e2d, \ud83d\ude00, 中文 é 😀", "device_raw": ""})", " 3 \t,\r\"note\" : \"x\" } \r"}) {
    const std::string text = begin + rest;
    const auto quick = plain_row(text);
    ASSERT_TRUE(quick) << text;
    EXPECT_EQ(to_csv({*quick}), to_csv({row_of(parse_json(text))})) << text;
  }
}

// What is broken is left to the other library, which says what it makes of it; so is what only that one reads.
TEST(RowJson, WhatIsNotPlainIsLeftToTheOtherLibrary) {
  const std::string begin = R"({"device": "rtx-3090", "metric": "tokens_per_second", "value": 1)";
  EXPECT_TRUE(plain_row(begin + "}"));
  for (const char* rest : {"", ",}", ", \"a\":NaN}", ", \"a\":01}", ", \"a\":1e999}", ", \"a\":\"\xC0\xAF\"}", ", \"a\":\"\\ud800\"}", "}x", ", \"a\":nul}"}) EXPECT_FALSE(plain_row(begin + rest)) << rest;
  for (const char* text : {"", "[]", "1", "{}"}) EXPECT_FALSE(plain_row(text)) << text;
  EXPECT_FALSE(plain_row("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}")) << "deeper than any row";
  EXPECT_FALSE(plain_row(R"({"device": "rtx-3090"})")) << "no row by its metric";
}

// Of a key said twice the last holds, as in the other library.
TEST(RowJson, TheLastOfEqualKeysHolds) {
  const std::string twice = R"({"device": "rtx-3090", "metric": "tokens_per_second", "value": 1, "value": 2, "flags": {"b": [1, {"z": false, "y": 2.50}], "a": "x"}})";
  const auto row = plain_row(twice);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->value, 2);
  EXPECT_EQ(to_csv({*row}), to_csv({row_of(parse_json(twice))}));
}

}  // namespace
}  // namespace rigcast::calibration::detail
