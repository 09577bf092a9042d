#pragma once
// A model file whose beginning a page handed in: how it is named from then on, and what is said of it.

#include <cstdint>
#include <string>
#include <string_view>

#include "model/architecture.hpp"
#include "report/field.hpp"

namespace rigcast::server {

struct Dropped { std::string name; model::Architecture architecture; };

// "dropped:model.gguf~3f2a...": the same bytes, with so many more behind them, get the same name, others another. What the file calls itself is cut to one line.
Dropped dropped_file(const std::string& file, const std::string& bytes, std::uint64_t rest, model::Architecture architecture);

// Whether a model is named so.
bool is_dropped(std::string_view model);

report::Report shape_report(const Dropped& dropped);

}  // namespace rigcast::server
