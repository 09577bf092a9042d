#pragma once
// Questions that tests of plans ask in a line.

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "app/detail/test_knowledge.hpp"
#include "app/plan.hpp"
#include "base/text.hpp"

namespace rigcast::app::test {

inline PlanRequest asking(std::string model, std::string rig) {
  PlanRequest request;
  request.model = std::move(model), request.rig = std::move(rig);
  return request;
}

inline PlanAnswer answer_of(const PlanRequest& request) {
  auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
  return answer ? std::move(*answer) : PlanAnswer{};
}

inline PlanRequest asked(const char* model, const char* rig, const char* engine, std::int64_t streams = 1, std::int64_t context = 0, const char* flags = "") {
  PlanRequest request;
  request.model = model;
  request.rig = rig;
  request.placement.engine = engine;
  request.placement.context = context;
  request.placement.flags = flags;
  request.question.sequences = streams;
  return request;
}

inline std::string caveat(const PlanAnswer& answer, const std::string& id) {
  for (const auto& each : answer.placement.caveats)
    if (each.id == id) return each.text;
  return {};
}

}  // namespace rigcast::app::test
