#pragma once
// Engines with one growing cache for each stream (MLX, ExLlama, Transformers).

#include "placement/placement.hpp"

namespace rigcast::placement::detail {

Result<Placement> lay_out_contiguous(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                                     const model::Architecture& architecture, const rig::Rig& rig, const Settings& settings,
                                     const model::Architecture* drafter = nullptr);   // another model, where it drafts

}  // namespace rigcast::placement::detail
