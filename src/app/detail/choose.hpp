#pragma once
// The placement to propose where the user's flags leave it open: the search of room placement, seen with the eyes of room cost.

#include "app/models.hpp"
#include "app/plan.hpp"

namespace rigcast::app {

struct Chosen {
  placement::Placement placement;            // the winner; where nothing fits, what is nearest, with its missing bytes
  bool searched = false;                     // the flags left it open
  bool named_context = false;                // the flags or the request said how long the context is
  std::int64_t admitted = 1;                 // streams: as many as asked, or as the flags allow
  std::int64_t at_once = 1;                  // of them run at a time, as deep as asked about: no more than the cache holds
  // What the winner makes the devices do, resolved, and how fast that is as asked; where nobody can say, why. Empty where nothing fits.
  std::shared_ptr<const cost::Load> load = {};
  std::optional<cost::Speed> speed = {};
  Error no_speed = {};
  // Where a backend that runs a part of the devices is the better one: that part, whose numbers `placement` means. The others idle.
  std::optional<rig::Rig> part = {};
  double score = 0;                          // what the objective measures; 0: not searched, or nothing fits
  std::vector<Alternative> alternatives = {};  // best of every other kind, best first
  std::vector<placement::Rejected> rejected = {};
};

// Tokens of one stream of so many that share the cache evenly with which it is full.
std::int64_t stream_depth(const catalog::Engine& engine, const placement::Placement& placement, std::int64_t streams);

// Flags that say where things go are obeyed and not searched. Errors: as placement::place. `best_only`: of the best way nothing but the
// placement and its load, and of what does not fit nothing but that. `floor`: token/s over a context that fills below which nobody asks how fast the best
// way is; it may then be told as what does not fit. REQUIRES: the model that the request names.
Result<Chosen> choose(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const PlanRequest& request, bool best_only = false, double floor = 0);

}  // namespace rigcast::app
