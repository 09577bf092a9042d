#include "app/models.hpp"

#include "model/names.hpp"
#include "model/read.hpp"

namespace rigcast::app {
std::shared_ptr<const KnownModel> KnownModels::Shelf::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void KnownModels::Shelf::put(const std::string& name, std::shared_ptr<const KnownModel> model, std::size_t most) {
  if (!by_name_.insert_or_assign(name, std::move(model)).second) return;
  order_.push_back(name);
  if (order_.size() <= most) return;
  by_name_.erase(order_.front());
  order_.pop_front();
}

Result<std::shared_ptr<const KnownModel>> KnownModels::find(const catalog::Catalog& catalog, std::string_view spec) {
  std::shared_ptr<const KnownModel> known;
  {
    const std::lock_guard lock(mutex_);
    known = handed_in_.find(spec);
    if (!known) known = read_.find(spec);
    else return known;
  }
  const bool file = model::may_name_a_file(spec);
  if (known && !file) return known;
  RC_ASSIGN(read, model::read_model(catalog, spec, bases_.get()));
  auto shared = std::make_shared<const KnownModel>(std::move(read));
  if (file || shared->architecture.origin != model::Origin::catalogue) return shared;
  const std::lock_guard lock(mutex_);
  read_.put(std::string(spec), shared, kMostRead);
  return shared;
}

void KnownModels::hand_in(const std::string& name, model::Architecture architecture) {
  auto model = std::make_shared<const KnownModel>(std::move(architecture));
  const std::lock_guard lock(mutex_);
  handed_in_.put(name, std::move(model), kMostHandedIn);
}

bool KnownModels::was_handed_in(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return handed_in_.find(name) != nullptr;
}

}  // namespace rigcast::app
