#include "app/compare.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace rigcast::app {
namespace {

bool concerns_all(const Error& error) { return error.kind == ErrorKind::input || error.kind == ErrorKind::not_found; }

// Of several streams the column of a full cache is not shown: what is ranked is what is seen.
double decode_speed(const Compared& row) {
  if (!row.answer) return 0;
  return row.answer->at_once > 1 && row.answer->speed ? row.answer->speed->decode.value.p50 : decode_over_context(*row.answer);
}

}  // namespace

Result<CompareAnswer> compare(const Knowledge& knowledge, const CompareRequest& request, const Watch* watch) {
  CompareAnswer answer{request, {}, -1};
  const std::vector<std::string> engines = request.engines.empty() ? std::vector{request.placement.engine} : request.engines;
  for (const std::string& model : request.models)
    for (const std::string& rig : request.rigs)
      for (const std::string& engine : engines) {
        if (stopped(watch)) return fail(ErrorKind::system, "stopped", Where{}, "stopped");
        PlanRequest one{model, rig, request.placement, request.question, request.objective, request.minimum_speed, request.own};
        one.placement.engine = engine;
        const auto same = std::find_if(answer.rows.begin(), answer.rows.end(), [&](const Compared& row) {
          return row.request.model == model && trim(row.request.rig) == trim(rig) && row.request.placement.engine == engine;
        });
        if (same != answer.rows.end()) {   // asked twice, planned once
          auto again = same->answer;
          answer.rows.push_back({std::move(one), std::move(again)});
          continue;
        }
        auto planned = plan(knowledge, one);
        if (!planned && concerns_all(planned.error())) return tl::unexpected<Error>(std::move(planned.error()));
        answer.rows.push_back({std::move(one), std::move(planned)});
      }
  double best = 0;
  for (std::size_t i = 0; i < answer.rows.size(); ++i)
    if (const double speed = decode_speed(answer.rows[i]); speed > best) {
      best = speed;
      answer.fastest = static_cast<int>(i);
    }
  return answer;
}

}  // namespace rigcast::app
