#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/parallel.hpp"
#include "base/quantity.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

namespace rigcast {
namespace {

TEST(Quantity, BytesOverBandwidthIsSeconds) {
  // 140 GB at 4.8 TB/s: 140e9 / 4.8e12 = 29.1667 ms.
  const Seconds time = Bytes(140e9) / Bandwidth(4.8e12);
  EXPECT_NEAR(time.value(), 0.0291667, 1e-7);
  const double share = Bytes(1) / Bytes(4);
  EXPECT_EQ(share, 0.25);
}

TEST(Quantity, BytesAreExactToTwoToThe53) {
  EXPECT_EQ((Bytes(9007199254740991.0) - Bytes(9007199254740990.0)).value(), 1.0);
}

TEST(Units, DecimalAndBinaryPrefixesDiffer) {
  EXPECT_EQ(parse_bytes("24 GiB")->value(), 25769803776.0);  // 24 * 2^30
  EXPECT_EQ(parse_bytes("24 GB")->value(), 24e9);
  EXPECT_EQ(parse_bandwidth("25 Gbit/s")->value(), 3.125e9);  // 25e9 / 8
  EXPECT_EQ(parse_flop_rate("71 Tflop/s")->value(), 71e12);
}

TEST(Units, BareGIsRefused) {
  const auto result = parse_bytes("24 G");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "'G' is not a unit of size (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)");
}

TEST(Units, Tokens) {
  EXPECT_EQ(*parse_tokens("32k"), 32768);
  EXPECT_EQ(*parse_tokens("8192"), 8192);
  EXPECT_EQ(*parse_tokens("1.5k"), 1536);
  EXPECT_EQ(*parse_tokens("32 k"), 32768);
  EXPECT_EQ(*parse_tokens("\uff13\uff12\uff4b"), 32768);   // in full-width forms
  for (const char* wrong : {"1.0001k", "1.5", "1e3k", "k", ".", "0x10"}) EXPECT_FALSE(parse_tokens(wrong)) << wrong;
  EXPECT_FALSE(parse_tokens("-1"));
  EXPECT_FALSE(parse_tokens("9999999999999999M"));
}

TEST(Units, Printing) {
  EXPECT_EQ(print_gib(Bytes(25769803776.0)), "24.00 GiB");
  EXPECT_EQ(print_gib(Bytes(135986.0625 * 1073741824.0)), "135,986.06 GiB");
  EXPECT_EQ(print_gib(Bytes(851443712.0)), "812 MiB");  // 812 * 2^20
  EXPECT_EQ(print_bandwidth(Bandwidth(936.2e9)), "936 GB/s");
  EXPECT_EQ(print_seconds(Seconds(0.0291667)), "29.2 ms");
  EXPECT_EQ(print_seconds(Seconds(200)), "3 min 20 s");
}

// Bytes of other letters stay as they are.
TEST(Text, UpperCaseIsOfAsciiAlone) { EXPECT_EQ(to_upper("q4_k_m, µs"), "Q4_K_M, µS"); }

TEST(Text, FoldedNamesCompareEqual) {
  EXPECT_EQ(fold_name("NVIDIA GeForce RTX 3090"), "nvidia-geforce-rtx-3090");
  EXPECT_EQ(fold_name("Intel(R) Core(TM) i9"), "intel-r-core-tm-i9");
  EXPECT_EQ(fold_name("Radeon\xE2\x84\xA2 RX"), "radeon-rx");
}

TEST(Text, EditDistanceCountsASwapOnce) {
  EXPECT_EQ(edit_distance("3900", "3090"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
}

TEST(Text, NearestNamePrefersWordsThatOccur) {
  const std::array<std::string, 3> names = {"rtx-3090", "rtx-3080", "radeon-pro-w7900"};
  EXPECT_EQ(nearest_name("rtx-3900", names), "rtx-3090");
  EXPECT_EQ(nearest_name("w7900", names), "radeon-pro-w7900");
  EXPECT_EQ(nearest_name("zzzzzzzz", names), "");
  const std::array<std::string, 3> short_names = {"4090", "h200", "rtx-3090"};
  EXPECT_EQ(nearest_name("4090nvlink", short_names), "4090");   // a name with something behind it
  EXPECT_EQ(nearest_name("h200x", short_names), "h200");
}

// The beginning of a name, cut between two words, is nearer than a name that differs in one letter.
TEST(Text, NearestNamePrefersOneThatBeginsSo) {
  const std::vector<std::string> names = {"qwen3.5", "qwen3.5-27b", "qwen3.6-27b", "devstral-small", "devstral-small-2-24b"};
  EXPECT_EQ(nearest_name("qwen3.6", names), "qwen3.6-27b");
  EXPECT_EQ(nearest_name("devstral-small-2", names), "devstral-small-2-24b");
  EXPECT_EQ(nearest_name("qwen3.5-27", names), "qwen3.5-27b");   // no word ends there
}

TEST(Text, Numbers) {
  EXPECT_EQ(format_significant(936.2, 3), "936");
  EXPECT_EQ(format_significant(0.01234, 2), "0.012");
  EXPECT_EQ(format_grouped(-1234567), "-1,234,567");
  EXPECT_EQ(format_number(-0.001, 2), "0.00");
  EXPECT_EQ(format_number(2.675, 2), "2.67");           // the nearest double lies 1.8e-16 below, and its hundredfold is a half to the bit
  EXPECT_EQ(format_number(1.005, 2), "1.00");           // ... 1.1e-16 below
  EXPECT_EQ(format_number(0.125, 2), "0.12");           // a half goes to the even one
  EXPECT_EQ(format_number(-12.345678, 3), "-12.346");
  EXPECT_EQ(format_significant(0.000300000001, 6), "0.0003");
  EXPECT_FALSE(parse_double("1x"));
  EXPECT_FALSE(parse_double("nan"));
}

// Short decimals are read without the library: to the same bit, whatever their sign, length and point.
TEST(Text, ShortDecimalsAreReadToTheBit) {
  for (const char* text : {"0", "-0", "-0.0", ".5", "5.", "0.1", "-0.7849", "999999999999999", "0.000000000000001", "123456789012345.6", "1e3", "-12.5e-3"})
    EXPECT_EQ(std::bit_cast<std::uint64_t>(parse_double(text).value()), std::bit_cast<std::uint64_t>(std::strtod(text, nullptr))) << text;
  std::uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    std::string text = std::to_string(state >> (state % 48 + 10));
    text.insert((state >> 5) % (text.size() + 1), ".");
    if (state & 1) text.insert(text.begin(), '-');
    ASSERT_EQ(parse_double(text).value(), std::strtod(text.c_str(), nullptr)) << text;
  }
  for (const char* text : {"", ".", "-", "-.", "1.2.3", "--1", "1-", "1,5", "0x1", " 1"}) EXPECT_FALSE(parse_double(text)) << text;
}

TEST(Text, ChineseTakesTwoColumns) { EXPECT_EQ(display_width("\xE6\x98\xBE\xE5\xAD\x98 24"), 7); }

TEST(Text, HashesAreTheSameEverywhere) {
  EXPECT_EQ(hash_of("ab"), hash_of("b", hash_of("a")));
  EXPECT_NE(hash_of("ab"), hash_of("ba"));
  EXPECT_EQ(hash_of("", 0xcbf29ce484222325u), 0xcbf29ce484222325u);
  EXPECT_EQ(format_hex(0x0123456789abcdefu), "0123456789abcdef");
  EXPECT_EQ(format_hex(0x0123456789abcdefu, 4), "0123");
}

TEST(Parallel, EveryPieceIsDoneOnceOnSoManyThreadsAtMost) {
  std::atomic<std::size_t> next{0}, threads{0};
  std::vector<int> done(1000);
  const auto work = [&] {
    ++threads;
    for (std::size_t i = next++; i < done.size(); i = next++) ++done[i];
  };
  on_processors(3, work);
  EXPECT_EQ(done, std::vector<int>(1000, 1));
  EXPECT_GE(threads, 1u);
  EXPECT_LE(threads, 3u);
  threads = 0;
  on_processors(0, work);   // nobody beside this one
  EXPECT_EQ(threads, 1u);
  EXPECT_THROW(on_processors(2, [] { throw std::runtime_error("x"); }), std::runtime_error);
}

TEST(Error, TextHasPlaceAndNearest) {
  const Error error{ErrorKind::input, "unknown key 'memmory'", {"devices.toml", 4, 7}, "", "memory"};
  EXPECT_EQ(to_text(error), "devices.toml:4:7: unknown key 'memmory' (nearest: memory)");
}

TEST(Text, YearsHaveTwelveMonths) {
  EXPECT_NEAR(*parse_year("2025-04"), 2025.292, 1e-3);
  EXPECT_EQ(parse_year("2025-04-17"), parse_year("2025-04"));
  EXPECT_NEAR(*parse_year("2025"), 2025.5, 1e-9);
  for (const char* bad : {"", "April", "2025-13", "2025-0", "2025-abc", "2025-04-32", "2025-04-01-01", "1999", "2025.5"}) EXPECT_FALSE(parse_year(bad)) << bad;
}

}  // namespace
}  // namespace rigcast
