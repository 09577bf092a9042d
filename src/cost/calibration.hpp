#pragma once
// The Calibration: fitted efficiency parameters with their uncertainty, passed into cost as one plain value.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "cost/drafts.hpp"

namespace rigcast::cost {

// One additive effect on the logarithm of an efficiency (of a rate) or of 1 / overhead, shrunk towards 0 in the fit.
struct Effect {
  double mean = 0;          // natural log
  double sd = 0;            // posterior standard deviation
  double observations = 0;  // weight of evidence behind it
};

// Effects by name, "weights|family=ampere": the quantity, then what it depends on. Absent effects are 0. A map in two blocks of memory, in
// the order of the names: every start of the program reads all of it.
class Effects {
 public:
  const Effect* find(std::string_view name) const;   // nullptr: absent
  Effect& operator[](std::string_view name);         // added where absent; cheap in the order of the names
  void index();                                      // makes find() fast, until the next name is added
  std::size_t size() const { return entries_.size(); }

  struct Named { std::string_view name; const Effect& effect; };
  class Iterator {
   public:
    Iterator(const Effects& effects, std::size_t at) : effects_(effects), at_(at) {}
    Named operator*() const { return {effects_.name(effects_.entries_[at_]), effects_.entries_[at_].effect}; }
    Iterator& operator++() { ++at_; return *this; }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const Effects& effects_;
    std::size_t at_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, entries_.size()}; }

 private:
  struct Entry { std::uint32_t begin, length; Effect effect; };   // the name's place in names_
  std::string_view name(const Entry& entry) const { return std::string_view(names_).substr(entry.begin, entry.length); }
  std::size_t place(std::string_view name) const;                 // of the first entry not before the name

  std::string names_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;   // by hash of the name: 1 + its place in entries_, 0 where there is none; empty: not indexed
};

// How far answers of one kind fall from measurements: quantiles of log(measured / predicted) found by cross-validation.
struct Spread { double low = -0.5, high = 0.5; double rows = 0; };

// How many times as wide as their group's the intervals of questions that share a trait are, found by the same cross-validation.
struct Width { double factor = 1; double rows = 0; };

// How the variance of log(measured / predicted) on machines nobody fitted divides: what a machine and whoever measures it always add,
// what a model adds on one machine, and what every row adds. Sums to 1.
struct Shares { double machine = 0.5, model = 0.3, row = 0.2; };

struct Calibration {
  Effects effects;
  std::map<std::string, Spread, std::less<>> spreads;   // "decode|near", "prefill|family", ...: see spread_key
  std::map<std::string, Width, std::less<>> widths;     // "decode|family=volta", ...: see width_keys
  std::map<std::string, Shares, std::less<>> shares;    // by phase
  UsualAcceptances acceptances;                         // of drafts
  std::string date;                                     // of the newest Observation behind it
};

// data/calibration/effects.csv, spreads.csv, widths.csv, shares.csv and drafts.csv. Errors: input with file and line.
Result<Calibration> load_calibration(const catalog::Catalog& catalog);
Result<Calibration> parse_calibration(std::string_view effects_csv, std::string_view spreads_csv, std::string_view shares_csv = {}, std::string_view widths_csv = {});

}  // namespace rigcast::cost
