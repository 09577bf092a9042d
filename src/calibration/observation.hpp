#pragma once
// An Observation is one published or local measurement with its full conditions, in the project's own columns.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rigcast::calibration {

// What was counted. Rates are tokens a second; times are milliseconds.
enum class Metric {
  tokens_per_second,         // of the phase: tokens written (decode) or read (prefill), of all streams together
  output_tokens_per_second,  // tokens written over the whole time, prompts included
  total_tokens_per_second,   // tokens read and written over the whole time
  ttft_ms,
  tpot_ms,                   // time between two tokens of one stream
  other,                     // kept, not used
};
const char* to_string(Metric metric);
Metric metric_of(std::string_view name);           // "itl_ms" counts as tpot_ms; other where unknown

struct Observation {
  std::string id;
  std::string source, title, date, repository;     // URL; what it is; ISO date or part of one; owner/name
  std::string device, device_printed;              // as asked for; as the program printed it
  int devices = 1;
  double memory_gb = 0;                            // of one device; 0 unknown
  std::string processor, host_memory, os;
  std::string engine, engine_version, backend;
  std::string model, model_printed, quant;
  double model_bytes = 0, parameters = 0;          // 0 unknown
  std::string mode;                                // single, layer, tensor, pipeline, expert, data; empty unknown
  int degree = 0;                                  // 0 unknown
  std::map<std::string, std::string, std::less<>> flags;        // those that estimates read by one name each ("ngl", "ub", "ctk"), others as the source names them
  std::string phase;                               // prefill, decode, serve, image, video, train
  double prompt = -1, generated = -1, depth = -1, concurrency = -1;  // -1 not stated
  Metric metric = Metric::other;
  std::string metric_name;                         // as written
  double value = 0;
  std::string note;
  double weight = 1;                               // in fits: below 1 where the conditions are in doubt
  std::string excluded;                            // why it does not calibrate; empty: it does
};

// Speculative decoding: several tokens a step, not comparable with plain decoding.
bool is_speculative(const Observation& observation);

// Weight of a row in fits: its own, less where its note doubts what ran; 0 where it is excluded.
double trust(const Observation& observation);

// A row of the shared JSON-lines format. Error input: what is missing or of the wrong kind.
Result<Observation> parse_row(std::string_view json);

// The project's CSV: a header line of column names, then rows; quotes as in RFC 4180. Lines that start with '#' are comments.
Result<std::vector<Observation>> parse_csv(std::string_view text, std::string_view file);
std::string to_csv(const std::vector<Observation>& rows);

// CSV as people keep it: also by the column names of the shared JSON-lines format, with columns nobody knows (ignored, each named once) or
// named like flags, with tabs or semicolons, texts over several lines and 1,500 for 1500. A row that cannot be read is an Error and costs
// only itself. Error input: there is no line of column names.
struct ReadRows { std::vector<Observation> rows; std::vector<Error> unread; std::vector<std::string> ignored; };
Result<ReadRows> read_csv(std::string_view text, std::string_view file);
bool is_csv_header(std::string_view line);
// What to append to such a CSV so that it holds these rows, too: in the order of its own columns; with a header where it has none yet.
// input: it has a column nobody knows, or lacks one that a row needs.
Result<std::string> to_append(const std::vector<Observation>& rows, std::string_view csv, std::string_view file);

}  // namespace rigcast::calibration
