#include "app/models.hpp"

#include <gtest/gtest.h>

#include "app/detail/test_knowledge.hpp"
#include "facts.hpp"

namespace rigcast::app {
namespace {

using rigcast::test::facts;

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

// The same model, whoever asks for it: remembered once, and of the catalogue, which no later question changes.
TEST(ModelFormats, AreThoseThatSpecsName) {
  const ModelFormats formats(test::knowledge(), "qwen3-8b");
  for (const char* quant : {"q4_k_m", "q8_0"}) {
    const auto found = formats.in(quant), named = find_known(test::knowledge(), "qwen3-8b:" + std::string(quant));
    ASSERT_TRUE(found && named) << quant;
    EXPECT_EQ(*found, *named) << quant;
    EXPECT_FALSE((*found)->from_file) << quant;
    EXPECT_EQ(formats.spec(quant), "qwen3-8b:" + std::string(quant));
  }
  EXPECT_FALSE(formats.in("q9_k"));
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

// A config.json says nothing of the format that its model will be run in.
TEST(KnownModels, WhatWasHandedInTakesAFormat) {
  KnownModels models;
  model::Architecture model = (*models.find(facts(), "qwen3-8b"))->architecture;
  model.origin = model::Origin::config;
  models.hand_in("dropped:config.json~1f", model);
  EXPECT_TRUE(models.was_handed_in("dropped:config.json~1f:q4_k_m"));
  const auto smaller = models.find(facts(), "dropped:config.json~1f:q4_k_m");
  ASSERT_TRUE(smaller) << to_text(smaller.error());
  EXPECT_EQ((*smaller)->architecture.weight_bytes(), (*models.find(facts(), "qwen3-8b:q4_k_m"))->architecture.weight_bytes());
  const auto unknown = models.find(facts(), "dropped:config.json~1f:q9_9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().field, "quant");
  model.origin = model::Origin::gguf;
  models.hand_in("dropped:a.gguf~2e", model);
  EXPECT_FALSE(models.find(facts(), "dropped:a.gguf~2e:q4_k_m"));
  EXPECT_TRUE(models.find(facts(), "dropped:a.gguf~2e"));
}

}  // namespace
}  // namespace rigcast::app
