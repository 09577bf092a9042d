#pragma once
// Engines with paged caches (vLLM, SGLang, TensorRT-LLM, MindIE, ktransformers): weights split by degrees, a profiled peak, and blocks of
// cache out of what is left of the share of memory they were given.

#include "placement/placement.hpp"

namespace rigcast::placement::detail {

Result<Placement> lay_out_paged(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                                const model::Architecture& architecture, const rig::Rig& rig, const Settings& settings,
                                const model::Architecture* drafter = nullptr);   // another model, where it drafts

}  // namespace rigcast::placement::detail
