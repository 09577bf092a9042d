#include "placement/placement.hpp"

namespace rigcast::placement {

const char* to_string(Drafter drafter) {
  switch (drafter) {
    case Drafter::none: return "none";
    case Drafter::own_layers: return "own_layers";
    case Drafter::head: return "head";
    case Drafter::model: return "model";
    case Drafter::block: return "block";
    case Drafter::lookup: return "lookup";
  }
  return "";
}

int drafted(const Speculation& speculation) {
  constexpr int kUsual = 3;
  if (speculation.drafter == Drafter::none) return 0;
  return speculation.tokens > 0 ? speculation.tokens : speculation.verified > 0 ? speculation.verified : kUsual;
}

int states_of_sequence(const Speculation& speculation) { return speculation.drafter == Drafter::lookup ? 1 : 1 + drafted(speculation); }

}  // namespace rigcast::placement
