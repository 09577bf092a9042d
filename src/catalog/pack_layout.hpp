#pragma once
// Layout of a Pack, in 32-bit words of the building machine: magic, four counts (files, entries, names, ggml types), then the tables,
// then the texts they point into by (offset, length).
//   file  = path, text                                      sorted by path; those made of others (rule.hpp) behind them
//   entry = kind, key, name, file, line, head, begin, end   head: bytes before the file's first entry; begin, end: bytes in the file
//   name  = kind, folded name, entry                        sorted
//   ggml  = entry + 1 of that type, 0 for none

#include <cstddef>
#include <string_view>

namespace rigcast::catalog {

inline constexpr std::string_view kPackMagic = "RCPACK01";
inline constexpr std::size_t kFileRow = 16, kEntryRow = 40, kNameRow = 16;

}  // namespace rigcast::catalog
