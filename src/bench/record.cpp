#include "bench/record.hpp"

#include <array>
#include <fstream>
#include <sstream>

#include "base/text.hpp"

namespace rigcast::bench {
namespace {

constexpr std::string_view kColumns = "date,device,backend,name,driver,path,units,case,bytes,flop,median_s,p10_s,p90_s,error,samples,disturbed";
constexpr std::size_t kCount = 16;

// Commas and line ends inside a driver's name would break the line.
std::string plain(std::string text) {
  for (char& c : text)
    if (c == ',' || c == '\n' || c == '\r') c = ' ';
  return text;
}

}  // namespace

Record to_record(const Measurement& m, std::string date) {
  return {.date = std::move(date), .device = m.device.id, .backend = m.device.backend, .name = m.device.name, .driver = m.device.driver, .path = m.device.path,
          .what = spell(m.what), .units = m.device.units, .bytes = m.work.bytes.value(), .flop = m.work.flop.value(), .median = m.median, .p10 = m.p10,
          .p90 = m.p90, .error = m.error, .samples = static_cast<int>(m.seconds.size()), .disturbed = m.disturbed};
}

std::string record_header() { return "# Kernel times measured by rigcast bench; one execution each, seconds.\n" + std::string(kColumns) + "\n"; }

std::string to_line(const Record& r) {
  std::string line;
  for (const std::string& text : {r.date, r.device, r.backend, r.name, r.driver, r.path, std::to_string(r.units), r.what}) line += plain(text) + ",";
  for (const double number : {r.bytes, r.flop, r.median, r.p10, r.p90, r.error}) line += format_shortest(number) + ",";
  return line + std::to_string(r.samples) + "," + std::to_string(r.disturbed) + "\n";
}

std::vector<Record> parse_records(std::string_view text, std::vector<std::string>& unread) {
  std::vector<Record> records;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty() || line.starts_with('#') || line.starts_with("date,")) continue;
    const auto cells = split(line, ',');
    const auto value = [&](std::size_t column) { return parse_double(trim(cells[column])); };
    bool whole = cells.size() == kCount;
    for (std::size_t column = 8; whole && column < kCount; ++column) whole = value(column).has_value();
    if (!whole || *value(10) <= 0) {
      unread.push_back("line " + std::to_string(number) + " is not a measurement");
      continue;
    }
    const auto word = [&](std::size_t column) { return std::string(trim(cells[column])); };
    records.push_back({.date = word(0), .device = word(1), .backend = word(2), .name = word(3), .driver = word(4), .path = word(5), .what = word(7),
                       .units = static_cast<int>(parse_int(trim(cells[6])).value_or(0)), .bytes = *value(8), .flop = *value(9), .median = *value(10),
                       .p10 = *value(11), .p90 = *value(12), .error = *value(13), .samples = static_cast<int>(*value(14)), .disturbed = static_cast<int>(*value(15))});
  }
  return records;
}

Result<void> append(const std::filesystem::path& file, const std::vector<Record>& records) {
  std::error_code ignored;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), ignored);
  const bool fresh = !std::filesystem::exists(file, ignored);
  std::string text = fresh ? record_header() : "";
  for (const Record& record : records) text += to_line(record);
  std::ofstream out(file, std::ios::binary | std::ios::app);
  out << text;
  if (!out.flush()) return fail(ErrorKind::system, "cannot write " + file.string());
  return {};
}

std::vector<Record> read_records(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  std::vector<std::string> unread;
  return parse_records(text.str(), unread);
}

Bandwidth read_bandwidth(const std::vector<Record>& records, std::string_view processor) {
  Bandwidth newest{};
  for (const Record& record : records)
    if (record.backend == "cpu" && record.name == processor && record.what.starts_with("read:") && record.disturbed * 2 <= record.samples)
      newest = Bandwidth(record.bytes / record.median);
  return newest;
}

}  // namespace rigcast::bench
