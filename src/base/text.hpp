#pragma once
// Text: splitting, folding for comparison, numbers in and out, and the nearest of several names. ASCII rules; other bytes of
// UTF-8 pass through unchanged.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rigcast {

std::string_view trim(std::string_view text);                               // spaces, tabs, CR, LF at both ends
std::vector<std::string_view> split(std::string_view text, char separator);  // "a,,b" -> a, "", b; "" -> one empty piece
std::vector<std::string_view> split_words(std::string_view text);           // by runs of white space; no empty pieces
std::string join(std::span<const std::string> pieces, std::string_view separator);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

// The whole text must be a number; locale-independent. Rejects "", "1x", "nan", "inf".
std::optional<double> parse_double(std::string_view text);
// The year of "2025", "2025-04" or "2025-04-17" with its fraction, to the month: the middle of what is stated. Nothing for
// years outside 2000 to 2100 and for months and days that no year has.
std::optional<double> parse_year(std::string_view date);
std::optional<std::int64_t> parse_int(std::string_view text);

// Fixed decimals, no exponent: format_number(3.14159, 2) == "3.14". Groups: 1234567 -> "1,234,567".
std::string format_number(double value, int decimals);
std::string format_grouped(std::int64_t value);
// Shortest text that reads back to the same double.
std::string format_shortest(double value);
// `digits` significant digits without exponent and without trailing zeros after the point: 936.2 (3) -> "936", 0.01234 (2) -> "0.012".
std::string format_significant(double value, int digits);

// Fewest single-character insertions, deletions, replacements and swaps of neighbours that turn a into b.
int edit_distance(std::string_view a, std::string_view b);

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Whether `word` stands in `text` with no letter, digit or point beside it: "70b" in "llama-3.1-70b", not "3b" in "a3b".
bool holds_word(std::string_view text, std::string_view word);

// The candidate nearest to `text` by edit distance on folded names (a candidate that contains the text, or whose words hold all
// of the text's words, ranks before others); empty when nothing is near enough to be worth saying.
std::string nearest_name(std::string_view text, std::span<const std::string> candidates);

// The form in which names are compared: lower case, every run of space, '-', '_', '(', ')' becomes one '-', trademark signs dropped.
// "NVIDIA GeForce RTX 3090" -> "nvidia-geforce-rtx-3090".
std::string fold_name(std::string_view name);

// 64 bits that change with the text, the same on every machine (FNV-1a): a name for it, no secret. `seed`: of what stands before it.
std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 1469598103934665603u);
// The first `digits` hexadecimal digits of it.
std::string format_hex(std::uint64_t value, int digits = 16);

// Columns a terminal uses for this UTF-8 text: CJK and full-width forms take two, combining marks none.
int display_width(std::string_view utf8);

}  // namespace rigcast
