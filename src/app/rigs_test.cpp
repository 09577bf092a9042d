#include "app/rigs.hpp"

#include <gtest/gtest.h>

namespace rigcast::app {
namespace {

TEST(KnownRigs, AreReadOnce) {
  const auto facts = *catalog::Catalog::load();
  KnownRigs rigs;
  const auto first = rigs.find(facts, "2xrtx-3090"), again = rigs.find(facts, "2xrtx-3090"), other = rigs.find(facts, "rtx-3090");
  ASSERT_TRUE(first && again && other);
  EXPECT_EQ(*first, *again);
  EXPECT_EQ((*first)->devices.size(), 2u);
  EXPECT_EQ((*other)->devices.size(), 1u);
}

TEST(KnownRigs, MistakesAreTold) {
  const auto facts = *catalog::Catalog::load();
  KnownRigs rigs;
  for (int again = 0; again < 2; ++again) {
    const auto rig = rigs.find(facts, "2xrtx-3091");
    ASSERT_FALSE(rig);
    EXPECT_EQ(rig.error().kind, ErrorKind::not_found);
  }
}

TEST(Rigs, MayChangeWhereTheyAreFilesOrThisMachine) {
  for (const char* spec : {"my-rig.toml", " dir/my-rig.toml ", "here", " Here"}) EXPECT_TRUE(may_change(spec)) << spec;
  for (const char* spec : {"2xrtx-3090", "rtx-3090; host=epyc-7532:8xddr4-3200:512g"}) EXPECT_FALSE(may_change(spec)) << spec;
}

}  // namespace
}  // namespace rigcast::app
