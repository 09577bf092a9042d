#include "catalog/pack.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "catalog/pack_layout.hpp"

namespace rigcast::catalog {

Pack::Pack(std::string_view bytes, std::string prefix) : bytes_(bytes), prefix_(std::move(prefix)) {
  RC_CHECK(bytes.substr(0, kPackMagic.size()) == kPackMagic, "a pack of another version");
  std::size_t at = kPackMagic.size();
  file_count_ = static_cast<int>(word(at));
  entry_count_ = static_cast<int>(word(at + 4));
  name_count_ = static_cast<int>(word(at + 8));
  ggml_count_ = static_cast<int>(word(at + 12));
  files_at_ = at + 16;
  entries_at_ = files_at_ + static_cast<std::size_t>(file_count_) * kFileRow;
  names_at_ = entries_at_ + static_cast<std::size_t>(entry_count_) * kEntryRow;
  ggml_at_ = names_at_ + static_cast<std::size_t>(name_count_) * kNameRow;
}

std::uint32_t Pack::word(std::size_t at) const {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes_.data() + at, sizeof value);
  return value;
}

std::string_view Pack::text_at(std::size_t row) const { return bytes_.substr(word(row), word(row + 4)); }

Pack::Row Pack::entry(int index) const {
  const std::size_t at = entries_at_ + static_cast<std::size_t>(index) * kEntryRow;
  return {static_cast<Kind>(word(at)), text_at(at + 4), text_at(at + 12), static_cast<int>(word(at + 20)), static_cast<int>(word(at + 24))};
}

std::string Pack::entry_text(int index) const {
  const std::size_t at = entries_at_ + static_cast<std::size_t>(index) * kEntryRow;
  const std::string_view file = text_at(files_at_ + word(at + 20) * kFileRow + 8);
  const std::size_t line = word(at + 24), head = word(at + 28), begin = word(at + 32), end = word(at + 36);
  std::string text(file.substr(0, head));
  const auto head_lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (begin > head) text.append(line - 1 - head_lines, '\n');
  return text.append(file.substr(begin, end - begin));
}

std::vector<int> Pack::find(Kind kind, std::string_view folded) const {
  int low = 0, high = name_count_;
  const auto before = [&](int row) {
    const std::size_t at = names_at_ + static_cast<std::size_t>(row) * kNameRow;
    const auto row_kind = static_cast<Kind>(word(at));
    return row_kind != kind ? row_kind < kind : text_at(at + 4) < folded;
  };
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (before(middle)) low = middle + 1;
    else high = middle;
  }
  std::vector<int> out;
  for (; low < name_count_; ++low) {
    const std::size_t at = names_at_ + static_cast<std::size_t>(low) * kNameRow;
    if (static_cast<Kind>(word(at)) != kind || text_at(at + 4) != folded) break;
    out.push_back(static_cast<int>(word(at + 12)));
  }
  return out;
}

std::vector<Pack::Name> Pack::names(Kind kind) const {
  std::vector<Name> out;
  for (int row = 0; row < name_count_; ++row) {
    const std::size_t at = names_at_ + static_cast<std::size_t>(row) * kNameRow;
    const Name name{text_at(at + 4), static_cast<int>(word(at + 12))};
    if (static_cast<Kind>(word(at)) == kind && !name.folded.starts_with('~')) out.push_back(name);
  }
  return out;
}

int Pack::entry_of_ggml_type(int type) const {
  if (type < 0 || type >= ggml_count_) return -1;
  return static_cast<int>(word(ggml_at_ + static_cast<std::size_t>(type) * 4)) - 1;
}

std::string Pack::file_name(int file) const {
  return prefix_ + std::string(text_at(files_at_ + static_cast<std::size_t>(file) * kFileRow));
}

std::optional<std::string_view> Pack::file_text(std::string_view path) const {
  for (int file = 0; file < file_count_; ++file) {
    const std::size_t at = files_at_ + static_cast<std::size_t>(file) * kFileRow;
    if (text_at(at) == path) return text_at(at + 8);
  }
  return std::nullopt;
}

std::vector<std::string> Pack::files(std::string_view folder) const {
  std::string start(folder);
  if (!start.empty() && start.back() != '/') start += '/';
  std::vector<std::string> out;
  for (int file = 0; file < file_count_; ++file) {
    const std::string_view path = text_at(files_at_ + static_cast<std::size_t>(file) * kFileRow);
    if (path.substr(0, start.size()) == start) out.emplace_back(path);
  }
  return out;
}

}  // namespace rigcast::catalog
