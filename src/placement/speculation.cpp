#include <cctype>
#include <utility>

#include "base/text.hpp"
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

std::optional<Drafter> drafter_called(std::string_view name) {
  static constexpr std::pair<std::string_view, Drafter> kWords[] = {
      {"ngram", Drafter::lookup}, {"suffix", Drafter::lookup}, {"memory_decoding", Drafter::lookup}, {"dflash", Drafter::block}, {"dspark", Drafter::block}, {"pard", Drafter::block},
      {"eagle", Drafter::head}, {"medusa", Drafter::head}, {"speculator", Drafter::head}, {"accelerator", Drafter::head}, {"mtp", Drafter::own_layers},
      {"nextn", Drafter::own_layers}, {"draft_model", Drafter::model}, {"draft-simple", Drafter::model}, {"standalone", Drafter::model}};
  const std::string lower = to_lower(name);
  for (const auto& [word, drafter] : kWords)
    if (const std::size_t at = lower.find(word); at != std::string::npos && (at == 0 || std::isalpha(static_cast<unsigned char>(lower[at - 1])) == 0)) return drafter;   // no "leopard"
  return std::nullopt;
}

int drafted(const Speculation& speculation) {
  constexpr int kUsual = 3;
  if (speculation.drafter == Drafter::none) return 0;
  return speculation.tokens > 0 ? speculation.tokens : speculation.verified > 0 ? speculation.verified : kUsual;
}

int states_of_sequence(const Speculation& speculation) { return speculation.drafter == Drafter::lookup ? 1 : 1 + drafted(speculation); }

}  // namespace rigcast::placement
