#pragma once
// A Pack is a data folder in one block of memory: the texts of its files and an index from folded names to entries, so that a cold
// process finds an entry by binary search and parses only that entry's lines. The one in the program is made at build time by
// tools/pack_data.cpp; overlays are packed when they are loaded. Building checks everything.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"

namespace rigcast::catalog {

struct DataFile {
  std::string path;  // under the data folder, '/' between parts: "devices/nvidia-ampere.toml"
  std::string text;
};

// Reads and checks all files and lays them out. `prefix` stands before the paths in messages ("data/"). An overlay may leave out what
// only the whole can say: `whole` asks for the checks across entries (base devices exist and share their rates).
Result<std::string> build_pack(const std::vector<DataFile>& files, const std::string& prefix, bool whole);

// A view of packed bytes; they must outlive it. REQUIRES: made by build_pack of the same version.
class Pack {
 public:
  Pack(std::string_view bytes, std::string prefix);

  struct Row {
    Kind kind;
    std::string_view key, name;
    int file = 0, line = 0;
  };
  int entry_count() const { return entry_count_; }
  Row entry(int index) const;
  // The lines of one entry with the file's [defaults] before it, on their own line numbers.
  std::string entry_text(int index) const;

  std::vector<int> find(Kind kind, std::string_view folded) const;  // entries of this name, in index order
  struct Name { std::string_view folded; int entry = 0; };
  std::vector<Name> names(Kind kind) const;                         // as written, folded; cores left out
  int entry_of_ggml_type(int type) const;                           // -1: none

  std::string file_name(int file) const;                            // with prefix
  std::string file_name(std::string_view path) const { return prefix_ + std::string(path); }
  std::optional<std::string_view> file_text(std::string_view path) const;
  std::vector<std::string> files(std::string_view folder) const;

 private:
  std::uint32_t word(std::size_t at) const;
  std::string_view text_at(std::size_t row) const;  // of the (offset, length) pair that stands there

  std::string_view bytes_;
  std::string prefix_;
  int file_count_ = 0, entry_count_ = 0, name_count_ = 0, ggml_count_ = 0;
  std::size_t files_at_ = 0, entries_at_ = 0, names_at_ = 0, ggml_at_ = 0;
};

}  // namespace rigcast::catalog
