#pragma once
// The charts of the page as static SVG, with the page's class names, so that html.css colours both alike. Each carries its numbers in
// words for whoever cannot see it.

#include <string>
#include <vector>

#include "report/detail/bars.hpp"
#include "report/field.hpp"

namespace rigcast::report {

// One stacked bar per memory; `marks` are the class names of the parts ("part-weights").
std::string memory_svg(const std::vector<Bar>& bars, const std::vector<std::string>& marks, const std::string& of_word);

// A value against a growing count on a logarithmic axis: the middle as a line, the interval as a band; nothing where `values` is empty.
struct BandPoint { double x = 0; std::vector<cost::Interval> value; };   // value: none or one
std::string band_svg(const std::vector<BandPoint>& points, Unit unit, const std::string& mark, const std::string& title, const std::string& x_name);

// One row per thing compared: interval as a line, middle as a dot.
struct RangeRow { std::string name; std::vector<cost::Interval> value; bool best = false; };
std::string ranges_svg(const std::vector<RangeRow>& rows, Unit unit, const std::string& title);

// y against x on equal logarithmic axes with the diagonal and the band of a quarter around it.
struct ScatterPoint { double x = 0, y = 0; int group = 0; };
std::string scatter_svg(const std::vector<ScatterPoint>& points, const std::string& title, const std::string& x_name, const std::string& y_name);

}  // namespace rigcast::report
