// Steps that verify drafted tokens.
#include <cmath>
#include <memory>

#include <gtest/gtest.h>

#include "cost/calibration.hpp"
#include "cost/detail/test_case.hpp"

namespace rigcast::cost {
namespace {

using test::Case;

// Three drafts of each of two sequences: a step multiplies 8 rows and reads each cache once. It keeps 1 + 0.5 + 0.25 + 0.125 tokens where a draft is
// right every second time.
TEST(Cost, DraftsAreVerifiedInOneStep) {
  EXPECT_NEAR(kept_of(3, 0.5), 1.875, 1e-12);
  EXPECT_NEAR(kept_of(3, 1), 4, 1e-12);
  EXPECT_NEAR(kept_of(0, 0.9), 1, 1e-12);
  Case c;
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 8, .kv_heads = 2, .key_dim = 128, .value_dim = 128};
  c.place.engine = "vllm";   // no kernels of its own for few rows
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  struct Amounts { double bytes = 0, flop = 0; };
  const auto amounts = [&](StageKind kind, double sequences, const Drafts& drafts) {
    std::vector<StageWork> work;
    load->drafts = drafts;
    add_decode(*load, 1000, sequences, 1, work);
    Amounts all;
    for (const StageWork& w : work)
      if (load->stages[static_cast<std::size_t>(w.stage)].kind == kind) all = {all.bytes + w.bytes, all.flop + w.flop};
    return all;
  };
  // Kept: two tokens. Drafting three of them costs another 0.15 of a plain step, which reads the weights and caches, too.
  const Drafts drafts{.tokens = 3, .kept = 2, .passes = 3};
  const Amounts weights = amounts(StageKind::weights, 2, {}), drafted = amounts(StageKind::weights, 2, drafts), rows = amounts(StageKind::weights, 8, {});
  EXPECT_NEAR(drafted.bytes, weights.bytes * 1.15 / 2, 1);
  EXPECT_NEAR(drafted.flop, (rows.flop + 0.15 * weights.flop) / 2, 1e6);
  const Amounts cache = amounts(StageKind::kv, 2, {}), verified = amounts(StageKind::kv, 2, drafts);
  EXPECT_GT(cache.bytes, 0);
  EXPECT_NEAR(verified.bytes, cache.bytes * 1.15 / 2, 1e-3);
  EXPECT_NEAR(verified.flop, cache.flop * 4.15 / 2, 1);
}

// Flags say what drafts and how many; the rest is as published runs have it. A tree verifies more than one of its branches can keep.
TEST(Cost, FlagsSayWhatDrafts) {
  using placement::Drafter;
  const auto usual = parse_acceptances("drafter,share,date,sources\nown_layers,0.85,2026-09,a\nhead,0.6,2025-12,b\nblock,0.8,2026-08,c\n");
  ASSERT_TRUE(usual);
  const auto drafts_of = [&](const placement::Speculation& speculation, double acceptance = 0) { return cost::drafts_of(speculation, &*usual, acceptance); };
  const Drafts own = drafts_of({.drafter = Drafter::own_layers, .tokens = 2});
  EXPECT_EQ(own.tokens, 2);
  EXPECT_EQ(own.passes, 2);
  EXPECT_NEAR(own.kept, 1 + 0.85 + 0.85 * 0.85, 1e-12);
  EXPECT_NEAR(drafts_of({.drafter = Drafter::own_layers, .tokens = 2}, 0.5).kept, 1.75, 1e-12);
  EXPECT_EQ(drafts_of({.drafter = Drafter::own_layers}).tokens, 3);
  EXPECT_EQ(drafts_of({.drafter = Drafter::block, .tokens = 7}).passes, 1);
  const Drafts tree = drafts_of({.drafter = Drafter::head, .tokens = 5, .verified = 63});
  EXPECT_EQ(tree.tokens, 63);
  EXPECT_NEAR(tree.kept, kept_of(5, 0.6), 1e-12);
  EXPECT_EQ(tree.most, 6) << "its longest branch and the step's own";
  const Drafts block = drafts_of({.drafter = Drafter::block, .verified = 15});   // SGLang says how many are verified, and no steps
  EXPECT_EQ(block.tokens, 15);
  EXPECT_NEAR(block.kept, kept_of(15, 0.8), 1e-12);
  EXPECT_EQ(drafts_of({.drafter = Drafter::lookup, .tokens = 5}).tokens, 0) << "the text decides";
  EXPECT_GT(drafts_of({.drafter = Drafter::lookup, .tokens = 5}, 0.7).kept, 2) << "unless it is stated";
  EXPECT_EQ(drafts_of({}).kept, 1);
}

// Each kind of drafts once, a share between 0 and 1, a month, and whoever printed it.
TEST(Cost, AcceptancesAreChecked) {
  for (const char* row : {"nobody,0.5,2026-09,a", "head,1,2026-09,a", "head,0,2026-09,a", "head,x,2026-09,a", "head,0.5,soon,a", "head,0.5,2026-09, ", "head,0.5,2026-09", "head,0.5,2026-09,a\nhead,0.6,2026-09,b"})
    EXPECT_FALSE(parse_acceptances(std::string("drafter,share,date,sources\n") + row)) << row;
  const auto calibration = load_calibration(*catalog::Catalog::load());
  ASSERT_TRUE(calibration);
  EXPECT_FALSE(calibration->acceptances.contains(placement::Drafter::lookup)) << "the text decides";
  for (const auto drafter : {placement::Drafter::own_layers, placement::Drafter::head, placement::Drafter::model, placement::Drafter::block})
    EXPECT_FALSE(calibration->acceptances.at(drafter).sources.empty());
}

// An estimate with drafts: a step is told whole in the derivation, drafting apart, and writes as many tokens as it keeps; no more than all.
TEST(Cost, EstimatesTellTheStepThatVerifies) {
  Case c;
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 8, .kv_heads = 2, .key_dim = 128, .value_dim = 128};
  c.place.engine = "vllm";
  const auto plain = estimate(c.model, c.rig, c.place, {}, {});
  c.place.settings.speculation = {.drafter = placement::Drafter::own_layers, .tokens = 3};
  const auto drafted = estimate(c.model, c.rig, c.place, {.acceptance = 0.5}, {});
  ASSERT_TRUE(plain && drafted);
  double step = 0, weights = 0, drafting = 0;
  for (const Term& term : drafted->decode.derivation) {
    step += term.time.value();
    if (term.name == "weights") weights += term.amount;
    if (term.name == "drafting") drafting += term.amount;
  }
  double all = 0;
  for (const Term& term : plain->decode.derivation)
    if (term.name == "weights") all += term.amount;
  EXPECT_NEAR(weights, all, 1) << "read once, whatever is verified";
  EXPECT_EQ(drafting, 3);
  EXPECT_NEAR(drafted->decode.value.p50, 1.875 / step, 1e-6 * drafted->decode.value.p50);
  EXPECT_GT(drafted->decode.value.p50, plain->decode.value.p50);
  EXPECT_NEAR(drafted->prefill.value.p50, plain->prefill.value.p50, 1e-9 * plain->prefill.value.p50);
}

// Another model that drafts, known: three passes of its own 14 GB for every step that keeps two tokens, and its reading of a prompt. Nothing of the
// model is read again.
TEST(Cost, APassOfAnotherModelIsCosted) {
  Case c, small;
  small.model.tensors[0].bytes = Bytes(14e9);
  small.model.tensors[0].shape = {4096, 1708984, 1, 1};
  const ModelWork draft(small.model);
  auto lies = std::make_shared<placement::Placement>(small.place);
  c.place.drafting = lies;
  const auto load_with = [&](const ModelWork* drafter) {
    auto load = load_of(c.model, c.rig, c.place, {.drafter = drafter});
    EXPECT_TRUE(load);
    load->drafts = {.tokens = 3, .kept = 2, .passes = 3};
    return *load;
  };
  const auto bytes = [](const Load& load) {
    std::vector<StageWork> work;
    add_decode(load, 0, 1, 1, work);
    return test::stage_bytes(load, work, StageKind::weights);
  };
  const Load known = load_with(&draft), unknown = load_with(nullptr);
  EXPECT_NEAR(bytes(known), (140e9 + 3 * 14e9) / 2, 1);
  EXPECT_NEAR(bytes(unknown), 140e9 * 1.15 / 2, 1) << "a twentieth of a step where nothing is known of it";
  std::vector<StageWork> with, without;
  add_prefill(known, 512, 0, 1, with);
  add_prefill(unknown, 512, 0, 1, without);
  EXPECT_NEAR(test::stage_bytes(known, with, StageKind::weights), 154e9, 1);
  EXPECT_NEAR(test::stage_bytes(unknown, without, StageKind::weights), 140e9, 1);
}

}  // namespace
}  // namespace rigcast::cost
