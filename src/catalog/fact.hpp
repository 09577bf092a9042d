#pragma once
// A Fact is a value that says where it comes from.

#include <optional>
#include <string>
#include <vector>

#include "base/quantity.hpp"

namespace rigcast::catalog {

enum class Basis {
  measured,   // someone ran it and printed the number
  vendor,     // data sheet or vendor page
  derived,    // arithmetic from other facts (bus width x data rate)
  estimated,  // a judgement or a rumour: shown as such, never calibrates
};
const char* to_string(Basis basis);

struct Source {
  std::string text;  // URL or citation
  std::string date;  // ISO date, month or year of the statement: "2026-11-20", "2024-05"

  friend bool operator==(const Source&, const Source&) = default;
};

template <class T>
struct Fact {
  T value{};
  Basis basis = Basis::vendor;
  Source source;
};

// Another value in circulation for the same field, kept beside the one taken.
struct Disputed {
  std::string field;  // "memory.bandwidth"
  std::string value;  // as written, with unit
  Source source;
  std::string note;
};

}  // namespace rigcast::catalog
