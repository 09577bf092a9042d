#pragma once
// Text on a grid of terminal columns, where a Chinese character takes two: padding, wrapping, columns.

#include <string>
#include <string_view>
#include <vector>

namespace rigcast::report {

std::string pad_right(std::string text, int width);
std::string pad_left(std::string text, int width);
// The text cut to `width` columns, its last one being '~' where something was lost.
std::string shorten(std::string_view text, int width);

// Lines of at most `width` columns, broken at spaces or beside Chinese characters (never before closing punctuation). A word that is
// longer than a line stands alone and sticks out: links must stay whole. Always at least one line.
std::vector<std::string> wrap(std::string_view text, int width);

// Text wrapped with `first` before its first line and as much space before the others.
std::string wrap_with(std::string_view first, std::string_view text, int width);

enum class Align { left, right };
struct Column { Align align = Align::left; bool may_wrap = false; };

// Rows of equal length set in columns two apart, `indent` from the left. When they are wider than `width`, in this order: the first row is
// broken where it is `headed`, the widest column that may wrap gives way, columns stand one apart, long cells of the first column have a
// line of their own. Trailing space is not printed. Colours are left to the caller: the result has one entry per row, each of one or more
// lines.
std::vector<std::string> columns(const std::vector<std::vector<std::string>>& rows, const std::vector<Column>& shape, int indent, int width, bool headed = false);

}  // namespace rigcast::report
