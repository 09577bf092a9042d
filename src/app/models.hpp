#pragma once
// The models a process has met: those of the catalogue, each read once, and those that were handed in as bytes.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/recent.hpp"
#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "cost/model_work.hpp"
#include "model/read.hpp"
#include "placement/model_view.hpp"

namespace rigcast::app {

struct Knowledge;

// A model, and what the rooms below find out of it once.
struct KnownModel {
  explicit KnownModel(model::Architecture of, bool of_file = false) : architecture(std::move(of)), from_file(of_file) {}
  KnownModel(const KnownModel&) = delete;   // what is found refers to this very Architecture
  KnownModel& operator=(const KnownModel&) = delete;

  const model::Architecture architecture;
  const placement::ModelView view{architecture};
  const cost::ModelWork work{architecture};
  const bool from_file;   // the same words may mean another model the next time
};

// Of one Catalog. May be used by several threads. Holds a bounded number of either kind.
class KnownModels {
 public:
  explicit KnownModels(std::shared_ptr<model::KnownBases> bases = std::make_shared<model::KnownBases>()) : bases_(std::move(bases)) {}
  // As model::read_model, and what was handed in by its name. Files are read anew every time: they may have changed. `names_file`: whether
  // the spec may name one, where that was asked before.
  Result<std::shared_ptr<const KnownModel>> find(const catalog::Catalog& catalog, std::string_view spec, std::optional<bool> names_file = {});
  // A model that nobody but its owner can read, under a name to ask for it by; no file or catalogue entry hides it. Behind a name that
  // ends in "~HASH" a format may be asked for, as behind one of the catalogue: "dropped:config.json~3f2a:q4_k_m".
  void hand_in(const std::string& name, model::Architecture architecture);
  bool was_handed_in(std::string_view name) const;

 private:
  using Shelf = Recent<std::shared_ptr<const KnownModel>>;

  std::shared_ptr<model::KnownBases> bases_;
  mutable std::mutex mutex_;          // guards what follows
  mutable Shelf read_{128}, handed_in_{32};
};

// One model in one format after the other. The file system is asked once whether it knows the name, and not with every format.
class ModelFormats {
 public:
  ModelFormats(const Knowledge& knowledge, std::string name);   // of the catalogue
  std::string spec(std::string_view quant) const { return name_ + ':' + std::string(quant); }
  Result<std::shared_ptr<const KnownModel>> in(std::string_view quant) const;

 private:
  const Knowledge& knowledge_;
  const std::string name_;
  const bool names_file_;
};

}  // namespace rigcast::app
