#pragma once
// What every writer for people needs when it walks a list of fields: finding a part of a row, whether a section shows anything, and the
// numbered list of sources at the end.

#include <string>
#include <string_view>
#include <vector>

#include "report/detail/bars.hpp"
#include "report/field.hpp"
#include "report/language.hpp"

namespace rigcast::report {

// The first field shown so, or nullptr.
const Field* find_show(const Fields& fields, Show show);

// What a writer does with charts that need more than letters (Show::ranges, Show::scatter).
enum class Charts { left_out, drawn };

// False where only programs would see anything of it.
bool shows_anything(const Section& section, Charts charts);

// The fields of a row that are cells of a table.
std::vector<const Field*> cells_of(const Fields& row);

// One bar per row, as Show::bars describes them; `ids` gets the ids of the parts ("weights_bytes"), in order.
std::vector<Bar> read_bars(const Rows& rows, const Language& language, std::vector<std::string>& ids);

// Sources in the order in which they are first named.
class Sources {
 public:
  // The number of this source, from 1; 0 for an empty one.
  int number_of(const std::string& text);
  int number_of(const catalog::Source& source);
  const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

}  // namespace rigcast::report
