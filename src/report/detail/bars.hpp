#pragma once
// Bars: how full each memory is and with what.

#include <string>
#include <vector>

namespace rigcast::report {

struct BarPart { std::string label; double amount = 0; };
struct Bar {
  std::string name;
  std::vector<BarPart> parts;   // the same labels in the same order for every bar of a chart
  double capacity = 0;          // 0: unknown

  double total() const {
    double sum = 0;
    for (const BarPart& part : parts) sum += part.amount;
    return sum;
  }
};

struct BarStyle { int width = 80; bool colour = false, unicode = true; };

// One line per bar ("name  ####==..  17.4 of 24.0 GiB"), then a table of the parts whose head is the legend. Parts that are zero
// everywhere are left out. A bar that is over its capacity shows where the capacity ends.
std::string draw_bars(const std::vector<Bar>& bars, const BarStyle& style, const std::string& of_word, const std::string& free_word);

}  // namespace rigcast::report
