#pragma once
// The models a process has met: those of the catalogue, each read once, and those that were handed in as bytes.

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "model/read.hpp"

namespace rigcast::app {

// Of one Catalog. May be used by several threads. Holds a bounded number of either kind; those that came first are forgotten first.
class KnownModels {
 public:
  explicit KnownModels(std::shared_ptr<model::KnownBases> bases = std::make_shared<model::KnownBases>()) : bases_(std::move(bases)) {}
  // As model::read_model, and what was handed in by its name. Files are read anew every time: they may have changed.
  Result<std::shared_ptr<const model::Architecture>> find(const catalog::Catalog& catalog, std::string_view spec);
  // A model that nobody but its owner can read, under a name to ask for it by; no file or catalogue entry hides it.
  void hand_in(const std::string& name, model::Architecture architecture);
  bool was_handed_in(std::string_view name) const;

 private:
  class Shelf {
   public:
    std::shared_ptr<const model::Architecture> find(std::string_view name) const;
    void put(const std::string& name, std::shared_ptr<const model::Architecture> model, std::size_t most);

   private:
    std::map<std::string, std::shared_ptr<const model::Architecture>, std::less<>> by_name_;
    std::deque<std::string> order_;   // oldest first
  };
  static constexpr std::size_t kMostRead = 64, kMostHandedIn = 32;

  std::shared_ptr<model::KnownBases> bases_;
  mutable std::mutex mutex_;          // guards what follows
  Shelf read_, handed_in_;
};

}  // namespace rigcast::app
