// What an import's rows and the words beside it mean to the catalogue.

#include "calibration/import.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "calibration/detail/models.hpp"
#include "calibration/detail/names.hpp"
#include "catalog/engine.hpp"
#include "cost/paths.hpp"
#include "model/names.hpp"
#include "model/recipe.hpp"

namespace rigcast::calibration {
namespace {

tl::unexpected<Error> wrong(const char* option, std::string message, std::string nearest = {}) {
  return fail(ErrorKind::input, std::move(message), Where{std::string("--") + option}, option, std::move(nearest));
}

bool is_engine(const catalog::Catalog& catalog, const std::string& name) {
  Observation o;
  o.engine = name;
  const std::string key = detail::engine_key(o);
  return catalog.has(catalog::Kind::engine, name) || catalog.has(catalog::Kind::engine, key) || cost::engine_group(key) != key;
}

// "4xh20" on the command line: so many of one.
void name_device(Observation& o, const detail::Stated& named, const std::string& device) {
  if (o.device_printed.empty()) o.device_printed = o.device;
  o.device = named.device && named.unlike.empty() ? named.device->key : device;
  if (named.count > 1 && o.devices == 1) o.devices = named.count, o.mode = "layer";
  if (named.count > 1 && o.mode == "layer" && cost::engine_group(detail::engine_key(o)) == "serving") o.mode = "tensor", o.degree = o.devices;
}

}  // namespace

Result<void> check(const catalog::Catalog& catalog, const ImportDefaults& d) {
  Observation o;
  o.device = d.device, o.model = d.model, o.quant = d.quant;
  if (!d.device.empty())
    if (const auto stated = detail::stated_of(catalog, o); !stated) return wrong("device", stated.error().message, stated.error().nearest);
  if (!d.engine.empty() && !is_engine(catalog, d.engine)) return wrong("engine", "no engine is called '" + d.engine + "'", catalog.nearest(catalog::Kind::engine, d.engine));
  if (!d.quant.empty() && !model::is_recipe(catalog, detail::spelled_recipe(catalog, d.quant)))
    return wrong("quant", "no number format is called '" + d.quant + "'", nearest_name(d.quant, model::recipe_names(catalog)));
  if (!d.date.empty() && !parse_year(d.date)) return wrong("date", "'" + d.date + "' is no date: say 2026, 2026-05 or 2026-05-17");
  if (!d.model.empty() && !detail::is_known_model(catalog, d.model) && !detail::surrogate(catalog, o, "BF16"))
    return wrong("model", "no model is called '" + d.model + "' and its name tells no size", model::nearest_model(catalog, d.model));
  return {};
}

std::vector<DeviceDoubt> settle_devices(const catalog::Catalog& catalog, const std::string& device, std::vector<Observation>& rows) {
  std::map<std::string, DeviceDoubt> doubts;   // by printed name
  Observation asked;
  asked.device = device;
  const auto named = device.empty() ? Result<detail::Stated>(fail(ErrorKind::not_found, "none")) : detail::stated_of(catalog, asked);
  for (Observation& o : rows) {
    if (o.phase == "kernel" || o.device.empty()) continue;
    const std::vector<std::string> versions = detail::versions_of(catalog, o);
    const bool is_version = named && named->device && std::find(versions.begin(), versions.end(), named->device->key) != versions.end();
    auto stated = detail::stated_of(catalog, o);
    if (named && (is_version || !stated || o.device == device)) {
      name_device(o, *named, device);
      continue;
    }
    if (!stated) continue;   // refused where it is evaluated, with the reason
    if (stated->count > 1 && o.devices == 1) o.devices = stated->count;
    if (versions.size() < 2 || !stated->device) continue;
    DeviceDoubt& doubt = doubts[o.device];
    doubt = {o.device, stated->device->key, versions, doubt.rows + 1};
  }
  std::vector<DeviceDoubt> all;
  for (auto& [name, doubt] : doubts) all.push_back(std::move(doubt));
  return all;
}

}  // namespace rigcast::calibration
