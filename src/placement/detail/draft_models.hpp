#pragma once
// What drafts tokens, as models: layers of the model itself (MTP, NextN), and smaller models beside it.

#include "model/architecture.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement::detail {

// Whether the flags ask for layers of its own and the model lists them.
bool drafts_by_own_layers(const model::Architecture& architecture, const Settings& settings);
// Whether the flags let another model draft.
bool drafts_by_another(const Settings& settings);

// The first of its own as a model of its own, as llama.cpp's draft context runs it: that layer between the model's table and head.
model::Architecture draft_model(const model::Architecture& architecture);

// The same model with each of them as one more layer, like the last one that attends; table and head are the model's own.
model::Architecture with_draft_layers(model::Architecture architecture);
// The same model with all that another one is loaded with behind its last layer.
model::Architecture with_drafter(model::Architecture architecture, const model::Architecture& drafter);

// Why what drafts cannot be laid out, in words that do not blame the model it drafts for.
Error of_drafter(std::string_view drafter, Error error);

// What the model that drafts takes, added to what the model takes itself; `weights`: they are its own.
void add_draft_memory(const rig::Rig& rig, const Placement& draft, bool weights, Placement& placement);

}  // namespace rigcast::placement::detail
