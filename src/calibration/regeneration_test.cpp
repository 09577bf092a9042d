// The committed Calibration must be what its Observations, priors and physics give: whoever changes one of them refits
// (`rigcast calibrate --write data/calibration`) and commits all of it together.

#include <algorithm>
#include <cmath>
#include <iterator>

#include <gtest/gtest.h>

#include "calibration/evaluate.hpp"

namespace rigcast::calibration {
namespace {

struct Refit { cost::Calibration committed, again; std::vector<Observation> rows; };

// A full `calibrate` takes most of a minute; a maximum can be recognised without climbing to it: from the committed effects the same
// solver, given the same rows, has nowhere to go.
const Refit& refit() {
  static const Refit result = [] {
    const auto catalog = catalog::Catalog::load();
    Refit r;
    for (const std::string& file : catalog->files("observations")) {
      auto rows = parse_csv(*catalog->file(file), file);
      r.rows.insert(r.rows.end(), std::make_move_iterator(rows->begin()), std::make_move_iterator(rows->end()));
    }
    r.committed = *cost::load_calibration(*catalog);
    FitOptions options;
    options.iterations = 60;
    options.tolerance = 1e-6;
    options.uncertainty = false;
    r.again = *fit_effects(*catalog, *Priors::read(*catalog->file("calibration/priors.csv")), r.rows, options, &r.committed);
    return r;
  }();
  return result;
}

TEST(Regeneration, TheSameEffectsRestOnTheSameEvidence) {
  const Refit& r = refit();
  EXPECT_EQ(r.committed.effects.size(), r.again.effects.size());
  for (const auto& [name, effect] : r.again.effects) {
    const cost::Effect* found = r.committed.effects.find(name);
    ASSERT_NE(found, nullptr) << name << " is not in data/calibration/effects.csv: calibrate again";
    EXPECT_NEAR(found->observations, effect.observations, 0.0051) << name;   // written with two decimals
  }
}

// The solver stops where a step gains less than 1e-4 of the sum, so that effects few rows know of lie anywhere within a part of their own
// doubt; those that much rests on may not move. Sums differ in their last digits with the number of threads.
TEST(Regeneration, TheCommittedEffectsAreTheMaximum) {
  const Refit& r = refit();
  double worst = 0, square = 0;
  std::string where;
  for (const auto& [name, effect] : r.committed.effects) {
    const cost::Effect* again = r.again.effects.find(name);
    ASSERT_NE(again, nullptr) << name << " is no effect any more: calibrate again";
    const double moved = std::abs(effect.mean - again->mean) / std::max(effect.sd, 0.01);
    square += moved * moved;
    if (moved > worst) { worst = moved; where = name; }
  }
  EXPECT_LT(worst, 0.8) << where << " moved: calibrate again";
  EXPECT_LT(std::sqrt(square / static_cast<double>(r.committed.effects.size())), 0.06);
}

}  // namespace
}  // namespace rigcast::calibration
