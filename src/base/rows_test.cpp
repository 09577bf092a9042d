#include "base/rows.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace rigcast {
namespace {

using Cells = std::array<std::string_view, 4>;

TEST(Rows, StandBelowAHeaderBetweenComments) {
  std::vector<Cells> rows;
  const auto read = each_row("# why\n\nname,value,why\r\na,1,first\n  # not a row\n  b , 2\n\nc,3,x,y,z", "t.csv", 2, "expected two", [&](const Cells& cells) {
    rows.push_back(cells);
    return true;
  });
  ASSERT_TRUE(read);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], (Cells{"a", "1", "first", ""})) << "the ends of lines of Windows are none of the last cell";
  EXPECT_EQ(rows[1], (Cells{"b ", " 2", "", ""})) << "cells are as they stand";
  EXPECT_EQ(rows[2], (Cells{"c", "3", "x", "y"})) << "what is behind the fourth is nobody's";
}

TEST(Rows, NothingAndAHeaderAloneAreNone) {
  for (const char* text : {"", "\n\n", "# nothing", "a,b", "a,b\n# nothing\n"})
    EXPECT_TRUE(each_row(text, "t.csv", 2, "x", [](const Cells&) { return false; })) << text;
}

// The line as an editor counts it, comments and all.
TEST(Rows, FaultsHaveTheirLine) {
  const auto fault = [](const char* text, bool takes) {
    const auto read = each_row(text, "data/t.csv", 2, "expected a name and a number", [&](const Cells&) { return takes; });
    return read ? std::string() : to_text(read.error());
  };
  EXPECT_EQ(fault("# c\na,b\n1,2\n\n3\n", true), "data/t.csv:5:1: expected a name and a number");
  EXPECT_EQ(fault("a,b\n1,2\n", false), "data/t.csv:2:1: expected a name and a number");
  EXPECT_EQ(fault("a,b\n,\n", true), "") << "empty cells are cells";
}

}  // namespace
}  // namespace rigcast
