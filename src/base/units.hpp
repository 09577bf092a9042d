#pragma once
// The two borders where units exist: reading what a person or a data file wrote, and printing for a person.
// Accepts both decimal and binary prefixes where spelt out (GB is 10^9, GiB is 2^30) and refuses a bare "G".

#include <string>
#include <string_view>

#include "base/quantity.hpp"
#include "base/result.hpp"

namespace rigcast {

Result<Bytes> parse_bytes(std::string_view text);          // "24 GiB", "141 GB", "512 B"
Result<Bandwidth> parse_bandwidth(std::string_view text);  // "936.2 GB/s", "4.8 TB/s", "25 Gbit/s"
Result<FlopRate> parse_flop_rate(std::string_view text);   // "71 Tflop/s", "284 Top/s", "1.4 Pflop/s"
Result<Watts> parse_watts(std::string_view text);          // "350 W"
Result<Seconds> parse_seconds(std::string_view text);      // "20 us", "1.5 ms", "2 s"
// A count with optional binary "k" as people write contexts: "32k" -> 32768, "8192" -> 8192, "1M" -> 1048576.
Result<long long> parse_tokens(std::string_view text);

std::string print_gib(Bytes bytes);             // "23.41 GiB"; below 1 GiB "812 MiB"
std::string print_bandwidth(Bandwidth rate);    // "936 GB/s"
std::string print_flop_rate(FlopRate rate);     // "71.2 Tflop/s"
std::string print_seconds(Seconds time);        // "29.2 ms", "1.45 s", "3 min 20 s"
std::string print_watts(Watts power);           // "350 W"

}  // namespace rigcast
