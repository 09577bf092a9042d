#pragma once
// The project's columns of Observations, and the cells of a line.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/observation.hpp"

namespace rigcast::calibration::detail {

// One column: its name, how it is written and how it is read. The only list of columns there is.
struct Column {
  const char* name;
  std::function<std::string(const Observation&)> write;
  std::function<bool(Observation&, std::string_view)> read;
  bool number = false;
};
const std::vector<Column>& columns();

// Cells of one line, at most the first so many of them, into `cells`: parts of the line or, where they have quotes, of `unquoted`. False: a
// quote is not closed.
bool cells_of(std::string_view line, char mark, std::vector<std::string_view>& cells, std::string& unquoted, std::size_t most = SIZE_MAX);

}  // namespace rigcast::calibration::detail
