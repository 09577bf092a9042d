#include "report/detail/walk.hpp"

#include <algorithm>

#include "report/print.hpp"
#include "report/text.hpp"

namespace rigcast::report {

const Field* find_show(const Fields& fields, Show show) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.show == show; });
  return found == fields.end() ? nullptr : &*found;
}

namespace {

bool shows_anything(const Fields& fields, Charts charts) {
  return std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
    const auto* inner = field.show == Show::group ? std::get_if<Fields>(&field.value) : nullptr;
    if (inner != nullptr) return shows_anything(*inner, charts);
    const bool chart = field.show == Show::ranges || field.show == Show::scatter;
    return field.show != Show::machine && (charts == Charts::drawn || !chart);
  });
}

}  // namespace

bool shows_anything(const Section& section, Charts charts) { return shows_anything(section.fields, charts); }

std::vector<const Field*> cells_of(const Fields& row) {
  std::vector<const Field*> cells;
  for (const Field& field : row)
    if (field.show != Show::machine) cells.push_back(&field);
  return cells;
}

std::vector<Bar> read_bars(const Rows& rows, const Language& language, std::vector<std::string>& ids) {
  std::vector<Bar> bars;
  for (const Fields& row : rows) {
    const Field* memory = find_show(row, Show::group);
    if (memory == nullptr) continue;
    Bar bar;
    ids.clear();
    if (const Field* name = find_show(row, Show::row)) bar.name = printable(print(name->value, language));
    for (const Field& part : std::get<Fields>(memory->value)) {
      if (part.show == Show::capacity) bar.capacity = std::get<Number>(part.value).value;
      if (part.show != Show::segment) continue;
      bar.parts.push_back({printable(language.say(part.label)), std::get<Number>(part.value).value});
      ids.push_back(part.id);
    }
    bars.push_back(std::move(bar));
  }
  return bars;
}

int Sources::number_of(const std::string& text) {
  if (text.empty()) return 0;
  auto found = std::find(all_.begin(), all_.end(), text);
  if (found == all_.end()) found = all_.insert(all_.end(), text);
  return static_cast<int>(found - all_.begin()) + 1;
}

int Sources::number_of(const catalog::Source& source) {
  if (source.text.empty()) return 0;
  return number_of(printable(source.date.empty() ? source.text : source.text + " (" + source.date + ")"));
}

}  // namespace rigcast::report
