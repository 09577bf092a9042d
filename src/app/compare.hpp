#pragma once
// compare: the same question for several models, Quants, Rigs and engines, side by side.

#include <string>
#include <vector>

#include "app/plan.hpp"
#include "base/watch.hpp"

namespace rigcast::app {

struct CompareRequest {
  std::vector<std::string> models;    // at least one
  std::vector<std::string> rigs;      // at least one
  std::vector<std::string> engines;   // empty: the default engine
  placement::Request placement;       // engine is taken from `engines`
  cost::Question question;
  // As in PlanRequest:
  placement::Objective objective = placement::Objective::decode;
  double minimum_speed = 0;
  bool own = true;
};

// One row: a plan, or why there is none.
struct Compared {
  PlanRequest request;
  Result<PlanAnswer> answer;
};

struct CompareAnswer {
  CompareRequest request;
  std::vector<Compared> rows;         // models x rigs x engines, in the order given
  int fastest = -1;                   // row that decodes fastest over a context that fills, of those that fit; -1: none fits
};

// Every combination through plan(). What an engine refuses on one Rig becomes that row's reason; a name that nobody knows or a text that
// cannot be read is an error of the whole. `watch` is asked between rows whether anybody still waits; system: nobody does.
Result<CompareAnswer> compare(const Knowledge& knowledge, const CompareRequest& request, const Watch* watch = nullptr);

}  // namespace rigcast::app
