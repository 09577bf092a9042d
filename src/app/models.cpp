#include "app/models.hpp"

#include "app/knowledge.hpp"
#include "model/names.hpp"
#include "model/read.hpp"
#include "model/recipe.hpp"

namespace rigcast::app {
namespace {

// "dropped:config.json~3f2a:q4_k_m" -> what was handed in, and the format it is to have. Without one, all of it.
std::pair<std::string_view, std::string_view> split_quant(std::string_view spec) {
  const std::size_t mark = spec.rfind('~'), colon = mark == std::string_view::npos ? mark : spec.find(':', mark);
  return colon == std::string_view::npos ? std::pair{spec, std::string_view{}} : std::pair{spec.substr(0, colon), spec.substr(colon + 1)};
}

Result<std::shared_ptr<const KnownModel>> in_format(const catalog::Catalog& catalog, const KnownModel& model, std::string_view quant) {
  if (model.architecture.origin == model::Origin::gguf)
    return fail(ErrorKind::input, "a GGUF file has the format it has: no other can be named", Where{"MODEL"}, "quant");
  model::Architecture other = model.architecture;
  if (auto applied = model::apply_quant(catalog, other, quant); !applied) {
    Error error = applied.error();
    error.where = Where{"MODEL"};
    error.field = "quant";
    return tl::unexpected<Error>(std::move(error));
  }
  return std::make_shared<const KnownModel>(std::move(other));
}

}  // namespace

Result<std::shared_ptr<const KnownModel>> KnownModels::find(const catalog::Catalog& catalog, std::string_view spec, std::optional<bool> names_file) {
  std::shared_ptr<const KnownModel> known;
  {
    const std::lock_guard lock(mutex_);
    if (const auto* handed = handed_in_.find(spec)) return *handed;
    if (const auto* read = read_.find(spec)) known = *read;
  }
  if (const auto [name, quant] = split_quant(spec); !known && !quant.empty()) {
    std::unique_lock lock(mutex_);
    if (const auto* found = handed_in_.find(name)) {
      const auto handed = *found;
      lock.unlock();
      return in_format(catalog, *handed, quant);
    }
  }
  const bool file = names_file ? *names_file : model::may_name_a_file(spec);
  if (known && !file) return known;
  RC_ASSIGN(read, model::read_model(catalog, spec, bases_.get()));
  auto shared = std::make_shared<const KnownModel>(std::move(read), file);
  if (file || shared->architecture.origin != model::Origin::catalogue) return shared;
  const std::lock_guard lock(mutex_);
  return read_.keep(std::string(spec), std::move(shared));
}

void KnownModels::hand_in(const std::string& name, model::Architecture architecture) {
  auto model = std::make_shared<const KnownModel>(std::move(architecture));
  const std::lock_guard lock(mutex_);
  handed_in_.keep(name, std::move(model));
}

bool KnownModels::was_handed_in(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return handed_in_.find(name) != nullptr || handed_in_.find(split_quant(name).first) != nullptr;
}

ModelFormats::ModelFormats(const Knowledge& knowledge, std::string name) : knowledge_(knowledge), name_(std::move(name)), names_file_(model::may_name_a_file(name_)) {}

Result<std::shared_ptr<const KnownModel>> ModelFormats::in(std::string_view quant) const {
  return knowledge_.models ? knowledge_.models->find(knowledge_.catalog, spec(quant), names_file_) : find_known(knowledge_, spec(quant));
}

}  // namespace rigcast::app
