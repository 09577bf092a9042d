#include "calibration/detail/flat_json.hpp"

#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "calibration/detail/row_json.hpp"

namespace rigcast::calibration::detail {
namespace {

// Read flat or by the library, a row is the same row.
TEST(FlatJson, RowsAreWhatTheLibraryReads) {
  const std::string begin = R"({"id": "a", "device": "rtx-3090", "metric": "tokens_per_second", "value": )";
  for (const char* rest : {R"(12.5, "phase": "decode", "model_key": "qwen3-8b"})",
                                  R"(-0, "prompt_tokens": 1e3, "depth": 18446744073709551615, "concurrency": -0.0, "note": null})",
                                  R"("17.25", "devices": "8", "engine": true, "backend": 7, "quant": 4.50})",
                                  R"(3, "source": {"url": "https://a.example/b", "date": "2026-01", "repo": "a/b"}, "host": {"cpu": "x", "ram": {"gib": 64}}, "parallel": {"mode": "tensor", "degree": 4}})",
                                  R"(3, "flags": {"ngl": 99, "fa": true, "ot": null, "list": [1, 2.50, "x", {"b": 1, "a": 1e5}]}})",
                                  R"(3, "flags": ["-ngl", 99, "-fa", 1.0, "-b", [2]], "model_raw": ["a", 1e2]})", R"(3, "flags": "-ngl 99 -fa 1", "source": "https://a.example"})",
                                  R"(3, "note": "tab\t, quote\", slash\/, \u00e9, \u4e2d, \ud83d\ude00, 中文 é 😀", "device_raw": ""})", " 3 \t,\r\"note\" : \"x\" } \r"}) {
    const std::string text = begin + rest;
    const auto flat = plain_row(text);
    ASSERT_TRUE(flat) << text;
    EXPECT_EQ(to_csv({*flat}), to_csv({row_of(parse_json(text))})) << text;
  }
}

// What is broken, or means something only by the library's rules, is left to it.
TEST(FlatJson, WhatIsNotPlainIsLeftToTheLibrary) {
  for (const char* text : {"", "[]", "1", "{", "{}x", "{\"a\" 1}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{'a':1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":+1}", "{\"a\":1e}",
                           "{\"a\":1e999}", "{\"a\":1e-999}", "{\"a\":NaN}", "{\"a\":nul}", "{\"a\":\"\t\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\\ud800\"}",
                           "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\xC0\xAF\"}", "{\"a\":\"\xED\xA0\x80\"}", "{\"a\":\"\xF4\x90\x80\x80\"}", "{\"a\":\"\xE4\xB8\"}", "{\"a\":\"x", "{\"a\":1,\"a\":2}",
                           "\xEF\xBB\xBF{\"a\":1}"})
    EXPECT_FALSE(FlatJson::read(text)) << text;
  EXPECT_TRUE(FlatJson::read("{\"a\":" + std::string(16, '[') + std::string(16, ']') + "}"));
  EXPECT_FALSE(FlatJson::read("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}")) << "deeper than any row";
  EXPECT_FALSE(plain_row(R"({"device": "rtx-3090"})")) << "no row by its metric";
}

TEST(FlatJson, MembersAreFoundByName) {
  const auto read = FlatJson::read(R"({"b": {"y": 1, "x": "two"}, "a": [3, {"z": false}], "\u0063": null})");
  ASSERT_TRUE(read);
  const FlatJson::Value &root = read->root(), &b = *read->find(root, "b"), &a = *read->find(root, "a");
  EXPECT_EQ(root.count, 3u);
  EXPECT_EQ(read->find(b, "x")->text, "two");
  EXPECT_EQ(read->find(b, "y")->number, 1);
  EXPECT_EQ(read->find(b, "z"), nullptr);
  EXPECT_EQ(read->items(a)[0].number, 3);
  EXPECT_EQ(read->find(read->items(a)[1], "z")->kind, FlatJson::Kind::boolean);
  EXPECT_EQ(a.written, R"([3, {"z": false}])");
  EXPECT_EQ(read->find(root, "c")->kind, FlatJson::Kind::null);
}

}  // namespace
}  // namespace rigcast::calibration::detail
