#include "app/curve.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "app/own.hpp"
#include "scratch.hpp"

namespace rigcast::app {
namespace {

// Half of what was predicted, measured with the whole model on the card: it says nothing of long contexts, which drive layers to the host.
TEST(Curve, OwnMeasurementsMoveOnlyTheLayoutTheyWereMadeOf) {
  const std::filesystem::path log = rigcast::test::scratch_folder() / "curve-own.csv";
  std::ofstream(log) << "id,device,engine,backend,model,quant,phase,depth,concurrency,metric,value\n"
                     << "a,rtx-3060-12gb,llama.cpp,CUDA,llama-3.1-8b,Q8_0,decode,0,1,tokens_per_second,19\n"
                     << "b,rtx-3060-12gb,llama.cpp,CUDA,llama-3.1-8b,Q8_0,decode,1024,1,tokens_per_second,18.5\n";
  Knowledge knowledge = *load_knowledge({});
  knowledge.own = std::make_shared<OwnLogs>(std::vector{log});
  PlanRequest request;
  request.model = "llama-3.1-8b:q8_0";
  request.rig = "rtx-3060-12gb";
  const auto mine = curve(knowledge, request);
  request.own = false;
  const auto others = curve(knowledge, request);
  ASSERT_TRUE(mine && others);
  const auto moved = [&](const CurvePoint& own, const CurvePoint& published) { return own.decode->value.p50 / published.decode->value.p50; };
  ASSERT_TRUE(mine->points.front().decode && mine->points.back().decode);
  EXPECT_LT(moved(mine->points.front(), others->points.front()), 0.8);
  EXPECT_GT(mine->points.back().host.weights, Bytes(1e9));
  EXPECT_DOUBLE_EQ(moved(mine->points.back(), others->points.back()), 1);
  std::filesystem::remove(log);
}

// Whoever wants throughput and names no streams means many, in the curve as in the plan.
TEST(Curve, ThroughputIsOfAsManyStreamsAsThePlan) {
  const Knowledge knowledge = *load_knowledge({});
  PlanRequest request;
  request.model = "qwen3-8b";
  request.rig = "h100-sxm-80gb";
  request.placement.engine = "vllm";
  const auto one = curve(knowledge, request);
  request.objective = placement::Objective::throughput;
  const auto many = curve(knowledge, request);
  ASSERT_TRUE(one && many);
  ASSERT_TRUE(one->points.front().decode && many->points.front().decode);
  EXPECT_GT(many->points.front().decode->value.p50, 10 * one->points.front().decode->value.p50);
}

}  // namespace
}  // namespace rigcast::app
