#pragma once
// Models with layers that predict further tokens (MTP, NextN), laid out to use them.

#include "model/architecture.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement::detail {

// Whether the flags ask for them and the model lists them.
bool drafts_by_own_layers(const model::Architecture& architecture, const Settings& settings);

// The first of them as a model of its own, as llama.cpp's draft context runs it: that layer between the model's table and head.
model::Architecture draft_model(const model::Architecture& architecture);

// The same model with each of them as one more layer, like the last one that attends; table and head are the model's own.
model::Architecture with_draft_layers(model::Architecture architecture);

}  // namespace rigcast::placement::detail
