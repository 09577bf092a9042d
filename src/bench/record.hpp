#pragma once
// Records: measurements as lines of a file that only grows, and that holds nothing about its owner. The user's own log and the file
// written by --share are the same format.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bench/measure.hpp"

namespace rigcast::bench {

struct Record {
  std::string date, device, backend, name, driver, path, what;   // what: spell() of the case
  int units = 0;
  double bytes = 0, flop = 0;                 // of one execution
  double median = 0, p10 = 0, p90 = 0;        // seconds
  double error = 0;
  int samples = 0, disturbed = 0;
};

Record to_record(const Measurement& measurement, std::string date);
std::string record_header();                  // the comment and column names that open a file
std::string to_line(const Record& record);
// Lines that cannot be read are skipped and named in `unread`; the others are kept.
std::vector<Record> parse_records(std::string_view text, std::vector<std::string>& unread);

// Appends to `file`, creating it and its folder. Error: system.
Result<void> append(const std::filesystem::path& file, const std::vector<Record>& records);
std::vector<Record> read_records(const std::filesystem::path& file);   // empty where there is none

// The newest read bandwidth that was measured on this processor with all its cores, undisturbed; 0 where there is none.
Bandwidth read_bandwidth(const std::vector<Record>& records, std::string_view processor);

}  // namespace rigcast::bench
