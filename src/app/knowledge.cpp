#include "app/knowledge.hpp"

#include "app/evidence.hpp"
#include "app/layouts.hpp"
#include "app/loads.hpp"
#include "app/models.hpp"
#include "app/own.hpp"
#include "app/rigs.hpp"
#include "base/text.hpp"
#include "calibration/configure.hpp"
#include "model/config.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"
#include "model/names.hpp"
#include "model/read.hpp"

namespace rigcast::app {

Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path>& overlays) {
  RC_ASSIGN(catalog, catalog::Catalog::load(overlays));
  RC_ASSIGN(calibration, cost::load_calibration(catalog));
  Knowledge knowledge{std::move(catalog), std::move(calibration)};
  const auto bases = std::make_shared<model::KnownBases>();
  knowledge.nearest = std::make_shared<NearestEvidence>(bases);
  knowledge.models = std::make_shared<KnownModels>(bases);
  knowledge.longest = std::make_shared<LongestContexts>();
  knowledge.loads = std::make_shared<KnownLoads>();
  knowledge.rigs = std::make_shared<KnownRigs>();
  if (!overlays.empty()) RC_TRY(calibration::check_tables(knowledge.catalog));
  if (!overlays.empty()) knowledge.own = std::make_shared<OwnLogs>(own_log_files(overlays));
  return knowledge;
}

Result<rig::Rig> read_rig(const Knowledge& knowledge, std::string_view spec) {
  if (knowledge.here && equal_ignoring_case(trim(spec), "here")) return knowledge.here(knowledge.catalog);
  RC_ASSIGN(rig, find_rig(knowledge, spec));
  return *rig;
}

Result<std::shared_ptr<const rig::Rig>> find_rig(const Knowledge& knowledge, std::string_view spec) {
  if (knowledge.rigs) return knowledge.rigs->find(knowledge.catalog, spec);
  RC_ASSIGN(rig, rig::parse_rig(knowledge.catalog, spec));
  return std::make_shared<const rig::Rig>(std::move(rig));
}

Result<model::Architecture> find_model(const Knowledge& knowledge, std::string_view spec) {
  if (!knowledge.models) return model::read_model(knowledge.catalog, spec);
  RC_ASSIGN(known, knowledge.models->find(knowledge.catalog, spec));
  return known->architecture;
}

Result<std::shared_ptr<const KnownModel>> find_known(const Knowledge& knowledge, std::string_view spec) {
  if (knowledge.models) return knowledge.models->find(knowledge.catalog, spec);
  RC_ASSIGN(read, model::read_model(knowledge.catalog, spec));
  return std::make_shared<const KnownModel>(std::move(read), model::may_name_a_file(spec));
}

Result<model::Architecture> read_given(const Knowledge& knowledge, std::string_view file, std::string_view bytes, std::uint64_t rest) {
  if (const std::string_view text = trim(bytes); text.starts_with('{')) return model::architecture_from_config(knowledge.catalog, text, std::string(file), {});
  if (!bytes.starts_with("GGUF"))
    return fail(ErrorKind::input, "is neither the header of a GGUF file nor a config.json", Where{std::string(file)}, "file");
  // Nobody owns more than 2^50 bytes of weights; the sum must not wrap.
  constexpr std::uint64_t kMostWeights = std::uint64_t{1} << 50;
  if (rest > kMostWeights) return fail(ErrorKind::input, "cannot be this large", Where{std::string(file)}, "rest");
  const auto quant_of = [&](int type) { return knowledge.catalog.quant_of_ggml_type(type); };
  RC_ASSIGN(gguf, model::read_gguf_part(model::ByteWindow::over(bytes, bytes.size() + rest, std::string(file)), quant_of));
  return model::architecture_of_gguf(gguf);
}

}  // namespace rigcast::app
