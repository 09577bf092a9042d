#pragma once
// Engines with one padded cache region per stream (llama.cpp and its relatives): from Settings to a Placement.

#include "placement/detail/llama_layout.hpp"

namespace rigcast::placement::detail {

LlamaRules llama_rules(const catalog::Engine& engine, const std::string& backend, const rig::Rig& rig, const Settings& settings);

Result<Placement> lay_out_slots(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                                const model::Architecture& architecture, const rig::Rig& rig, const Settings& settings, Count count);

}  // namespace rigcast::placement::detail
