#pragma once
// Engines with one padded cache region per stream (llama.cpp and its relatives): from Settings to a Placement.

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "placement/detail/llama_layout.hpp"

namespace rigcast::placement::detail {

// Whether `word` is one of `words`, which spaces part.
bool lists(std::string_view words, std::string_view word);

LlamaRules llama_rules(const catalog::Engine& engine, const std::string& backend, const rig::Rig& rig, const Settings& settings);

// Layouts of one model on one rig. Not for several threads.
class SlotLayouts {
 public:
  SlotLayouts(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend, const ModelView& model,
              const rig::Rig& rig, const ModelView* drafter = nullptr);   // all of which must live as long, of views the models
  Result<Placement> of(const Settings& settings, Count count);

 private:
  // What of the settings the rules depend on, the rules, and what else follows from either.
  struct Ruled {
    bool on_devices, together, repack;
    std::string key_quant, value_quant;
    LlamaRules rules;
    ElementType key_type, value_type;
  };

  std::vector<int> visible_devices(const Settings& settings) const;
  Result<const Ruled*> rules_for(const Settings& settings, bool on_devices, bool together);
  Result<void> add_drafts(Count count, Placement& placement);
  Settings settings_of_own_layers(const Placement& placement) const;
  Placement placement_of(const std::vector<int>& visible, const LlamaInput& input, const LlamaLayout& layout, const Settings& settings) const;
  void fill_memory(const std::vector<int>& visible, const LlamaLayout& layout, const Settings& settings, Placement& placement) const;
  void fill_devices(const std::vector<int>& visible, const LlamaLayout& layout, Placement& placement) const;
  void fill_together(const std::vector<int>& visible, const LlamaLayout& layout, const Settings& settings, Placement& placement) const;

  const catalog::Catalog& catalog_;
  const catalog::Engine& engine_;
  const std::string& backend_;
  const ModelView model_;
  const model::Architecture& architecture_;
  const WeightKinds& weights_;
  const rig::Rig& rig_;
  std::vector<Bytes> capacity_;          // per device of the rig
  std::vector<Bytes> footprint_;         // ... and what the runtime of its backend takes
  Bytes host_footprint_{};
  std::deque<Ruled> ruled_;              // those met so far; a deque: references stay
  struct Draft;
  const ModelView* const drafter_;       // nullptr: no other model drafts, or it is not known
  std::shared_ptr<Draft> draft_;         // of the model's own layers or of the other model, once flags ask for it
};

}  // namespace rigcast::placement::detail
