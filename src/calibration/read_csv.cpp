// CSV as people keep it: columns by other names or of other programs, cells that hold JSON, rows that are damaged.

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "calibration/detail/columns.hpp"
#include "calibration/detail/spelling.hpp"
#include "calibration/observation.hpp"

namespace rigcast::calibration {
namespace {

using detail::Column;
using Cells = std::vector<std::string_view>;

// Column names of the shared JSON-lines format and of benchmark tables; ours come first.
constexpr auto kNames = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"device_raw", "device_printed"}, {"gpu", "device"}, {"hardware", "device"}, {"accelerator", "device"}, {"device_count", "devices"}, {"gpu_count", "devices"},
    {"num_gpus", "devices"}, {"n_gpus", "devices"}, {"gpus", "devices"}, {"vram_gb", "memory_gb"}, {"host_cpu", "processor"}, {"cpu", "processor"}, {"host_ram", "host_memory"},
    {"ram", "host_memory"}, {"host_os", "os"}, {"model_key", "model"}, {"model_name", "model"}, {"model_raw", "model_printed"}, {"params", "parameters"},
    {"parallel", "mode"}, {"parallel_mode", "mode"}, {"parallelism", "mode"}, {"parallel_degree", "degree"}, {"prompt_tokens", "prompt"}, {"n_prompt", "prompt"},
    {"input_tokens", "prompt"}, {"isl", "prompt"}, {"generated_tokens", "generated"}, {"n_gen", "generated"}, {"output_tokens", "generated"}, {"osl", "generated"},
    {"context_depth", "depth"}, {"n_depth", "depth"}, {"source_date", "date"}, {"source_url", "source"}, {"url", "source"}, {"source_repo", "repository"}, {"repo", "repository"},
    {"source_title", "title"}});

// Known, and of no use to an estimate.
constexpr auto kUnused = std::to_array<std::string_view>({"", "stddev", "commit", "source_commit"});

std::string folded(std::string_view name) {
  std::string text = to_lower(trim(name));
  std::replace_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '-' || c == '.'; }, '_');
  return text;
}

const Column* column_named(std::string_view printed) {
  std::string name = folded(printed);
  if (const auto other = std::find_if(kNames.begin(), kNames.end(), [&](const auto& each) { return each.first == name; }); other != kNames.end()) name = other->second;
  const auto found = std::find_if(detail::columns().begin(), detail::columns().end(), [&](const Column& column) { return name == column.name; });
  return found == detail::columns().end() ? nullptr : &*found;
}

// Where a cell goes: a column, a part of the shared format that holds several, a flag, or nowhere.
struct Place { const Column* column = nullptr; bool host = false; std::string flag; };

Place place_of(std::string_view printed) {
  if (const Column* column = column_named(printed)) return {column, false, {}};
  const std::string name = folded(printed);
  if (name == "host") return {nullptr, true, {}};
  if (name.starts_with("flags_")) return {nullptr, false, name.substr(6)};
  return {nullptr, false, detail::is_known_flag(name) ? name : std::string()};
}

char mark_of(std::string_view header) {
  for (const char mark : {',', '\t', ';'})
    if (header.find(mark) != std::string_view::npos) return mark;
  return ',';
}

bool is_nothing(std::string_view cell) {
  constexpr auto kNothing = std::to_array<std::string_view>({"null", "none", "nan", "n/a", "na", "-"});
  return cell.empty() || std::find(kNothing.begin(), kNothing.end(), to_lower(cell)) != kNothing.end();
}

// "1,500" -> 1500; "2.0" -> 2. "1,5" may be one and a half and stays as it is.
std::string plain_number(std::string_view cell) {
  std::string text(cell);
  const std::vector<std::string_view> groups = split(std::string_view(cell), ',');
  const auto is_digits = [](std::string_view part) { return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos; };
  bool grouped = groups.size() > 1 && is_digits(groups[0]) && groups[0].size() <= 3 && groups[0][0] != '0';
  for (std::size_t i = 1; grouped && i < groups.size(); ++i) grouped = is_digits(groups[i].substr(0, 3)) && (groups[i].size() == 3 || (i + 1 == groups.size() && groups[i].size() > 4 && groups[i][3] == '.'));
  if (grouped) text = replace_all(std::move(text), ",", "");
  if (text.size() > 2 && text.ends_with(".0") && text.find_first_not_of("0123456789") == text.size() - 2) text.resize(text.size() - 2);
  return text;
}

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::string() : found->is_string() ? found->get<std::string>() : found->dump();
}

// A cell that holds an object of the shared format. False: it is none.
bool read_object(Observation& o, std::string_view cell, std::string_view column) {
  if (!cell.starts_with('{')) return false;
  const json object = json::parse(cell, nullptr, false);
  if (!object.is_object()) return false;
  if (column == "mode") {
    o.mode = text_of(object, "mode");
    o.degree = static_cast<int>(std::clamp(parse_double(text_of(object, "degree")).value_or(0), 0.0, 1e6));
  } else if (column == "source") {
    o.source = text_of(object, "url"), o.title = text_of(object, "title"), o.date = text_of(object, "date"), o.repository = text_of(object, "repo");
  } else if (column == "host") {
    o.processor = text_of(object, "cpu"), o.host_memory = text_of(object, "ram"), o.os = text_of(object, "os");
  } else {
    return false;
  }
  return true;
}

// False: the cell cannot be what its column holds.
bool read_cell(Observation& o, const Place& place, std::string_view cell, bool& count_stated) {
  cell = trim(cell);
  if (is_nothing(cell)) return true;
  if (place.host) {
    if (!read_object(o, cell, "host")) o.processor = cell;
    return true;
  }
  if (!place.flag.empty()) return o.flags.emplace(place.flag, cell), true;
  if (!place.column) return true;
  const std::string_view name = place.column->name;
  if (read_object(o, cell, name)) return true;
  if (!place.column->number) return place.column->read(o, cell) || (name == "flags" && (detail::read_flags(cell, o), true));
  const std::string number = plain_number(cell);
  if (name == "devices") count_stated = true;
  return place.column->read(o, number);
}

// Lines of a text one by one; where a quote stays open, with as many more as close it.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    begin_ = rest_.data();
    line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    number_ += taken_;
    taken_ = 1;
    strip(line);
    return true;
  }
  // The same line with the one behind it; false: there is none, or it would be endless.
  bool longer(std::string_view& line) {
    constexpr int kMost = 50;
    if (rest_.empty() || taken_ >= kMost) return false;
    const std::size_t end = rest_.find('\n');
    const char* stop = end == std::string_view::npos ? rest_.data() + rest_.size() : rest_.data() + end;
    line = std::string_view(begin_, static_cast<std::size_t>(stop - begin_));
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    ++taken_;
    strip(line);
    return true;
  }
  int number() const { return number_; }

 private:
  static void strip(std::string_view& line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  }
  std::string_view rest_;
  const char* begin_ = nullptr;
  int number_ = 1, taken_ = 0;
};

}  // namespace

bool is_csv_header(std::string_view line) {
  Cells names;
  std::string unquoted;
  if (!detail::cells_of(line, mark_of(line), names, unquoted)) return false;
  const auto known = std::count_if(names.begin(), names.end(), [](std::string_view name) { return column_named(name) != nullptr; });
  return names.size() >= 2 && known >= 2 && 2 * known >= static_cast<std::ptrdiff_t>(std::min<std::size_t>(names.size(), 8));
}

Result<ReadRows> read_csv(std::string_view text, std::string_view file) {
  ReadRows out;
  Lines lines(text);
  std::vector<Place> places;
  Cells cells;
  std::string unquoted;
  char mark = ',';
  bool own_counts = false;   // this project leaves out a count of one
  for (std::string_view line; lines.next(line);) {
    if (trim(line).empty() || line.front() == '#') continue;
    const Where where{std::string(file), lines.number(), 1};
    if (places.empty()) mark = mark_of(line);
    const Lines before = lines;   // a quote that nothing closes costs this line alone
    bool whole = detail::cells_of(line, mark, cells, unquoted);
    while (!whole && lines.longer(line)) whole = detail::cells_of(line, mark, cells, unquoted) && (places.empty() || cells.size() == places.size());
    if (!whole) lines = before;
    if (places.empty()) {
      if (!whole) return fail(ErrorKind::input, "a quote is not closed", where);
      for (const std::string_view name : cells) {
        places.push_back(place_of(name));
        own_counts = own_counts || trim(name) == "devices";
        const Place& place = places.back();
        const bool unused = std::find(kUnused.begin(), kUnused.end(), folded(name)) != kUnused.end();
        if (!place.column && !place.host && place.flag.empty() && !unused) out.ignored.emplace_back(trim(name));
      }
      continue;
    }
    const auto unread = [&](std::string why) { out.unread.push_back({ErrorKind::input, std::move(why), where, {}, {}}); };
    if (!whole) { unread("a quote is not closed"); continue; }
    if (cells.size() != places.size()) { unread(std::to_string(cells.size()) + " cells where the header has " + std::to_string(places.size())); continue; }
    Observation o;
    bool count_stated = own_counts;
    std::size_t wrong = 0;
    while (wrong < cells.size() && read_cell(o, places[wrong], cells[wrong], count_stated)) ++wrong;
    if (wrong < cells.size()) { unread("'" + std::string(cells[wrong]) + "' cannot be a " + places[wrong].column->name); continue; }
    if (o.device.empty()) o.device = o.device_printed;
    detail::settle(o, count_stated ? detail::Count::stated : detail::Count::assumed);
    out.rows.push_back(std::move(o));
  }
  return out;
}

}  // namespace rigcast::calibration
