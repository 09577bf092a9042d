#include "app/models.hpp"

#include <gtest/gtest.h>

namespace rigcast::app {
namespace {

const catalog::Catalog& facts() {
  static const catalog::Catalog all = *catalog::Catalog::load();
  return all;
}

TEST(KnownModels, SayTheSameTheSecondTime) {
  KnownModels models;
  const auto first = models.find(facts(), "qwen3-8b:q4_k_m"), second = models.find(facts(), "qwen3-8b:q4_k_m");
  ASSERT_TRUE(first && second);
  EXPECT_EQ((*first)->architecture.key, (*second)->architecture.key);
  EXPECT_EQ((*first)->architecture.tensors.size(), (*second)->architecture.tensors.size());
  EXPECT_EQ((*first)->architecture.weight_bytes(), (*second)->architecture.weight_bytes());
  EXPECT_FALSE(models.find(facts(), "qwen3-9b"));
  EXPECT_FALSE(models.find(facts(), "qwen3-9b"));   // a fault is told every time
}

TEST(KnownModels, WhatWasHandedInIsFoundByItsNameUntilTooManyCameAfterIt) {
  KnownModels models;
  const model::Architecture model = (*models.find(facts(), "qwen3-8b:q4_k_m"))->architecture;
  for (int i = 0; i < 33; ++i) models.hand_in("dropped:" + std::to_string(i), model);
  EXPECT_FALSE(models.was_handed_in("dropped:0"));
  EXPECT_TRUE(models.was_handed_in("dropped:1"));
  EXPECT_TRUE(models.find(facts(), "dropped:32"));
  models.hand_in("dropped:32", model);              // again: nobody else is forgotten for it
  EXPECT_TRUE(models.was_handed_in("dropped:1"));
}

}  // namespace
}  // namespace rigcast::app
