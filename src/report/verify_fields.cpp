#include "report/answers.hpp"

namespace rigcast::report {

Section verify_section(const app::VerifyAnswer& answer) {
  Rows rows;
  for (const app::MemoryTerm& row : answer.rows)
    rows.push_back({{"where", "memory"_say, row.where}, {"term", ""_say, row.term}, {"ours", "ours"_say, Number{row.ours.value(), Unit::bytes}},
                    {"theirs", "the engine's"_say, Number{row.theirs.value(), Unit::bytes}},
                    people(Show::row, row.agrees ? Phrase() : "differs"_say), machine("agrees", row.agrees)});
  const Phrase verdict = answer.agrees ? "Agrees in every term: cache to 1 MiB, weights to 0.5 %, compute to 10 %."_say : "Differs from what was promised in the marked terms."_say;
  return {"What the engine itself says"_say,
          {people(answer.agrees ? Show::good : Show::bad, verdict), people(Show::table, rows),
           machine("verify", Fields{machine("command", answer.command), machine("agrees", answer.agrees), machine("rows", std::move(rows))})}};
}

}  // namespace rigcast::report
