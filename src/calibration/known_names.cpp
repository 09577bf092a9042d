#include "calibration/detail/known_names.hpp"

#include <utility>

#include "base/text.hpp"
#include "calibration/configure.hpp"
#include "calibration/detail/layout.hpp"
#include "calibration/detail/models.hpp"

namespace rigcast::calibration::detail {

template <class T, class Find>
std::shared_ptr<const T> KnownNames::known(Known<T>& known, std::string_view key, Find find) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  auto fresh = std::make_shared<const T>(find());   // two threads may find the same: nobody waits for the other
  const std::lock_guard lock(mutex_);
  if (known.size() >= kMost) known.clear();
  return known.emplace(key, std::move(fresh)).first->second;
}

// By all that stated_of() reads of a row.
std::shared_ptr<const Result<Stated>> KnownNames::stated(const Observation& o) {
  std::string key;
  key.reserve(64);
  key.append(o.device).append("\n").append(o.device_printed).append("\n").append(o.mode == "single" ? "1" : "0");
  key.append(reinterpret_cast<const char*>(&o.devices), sizeof o.devices).append(reinterpret_cast<const char*>(&o.memory_gb), sizeof o.memory_gb);
  return known(stated_, key, [&] { return stated_of(catalog_, o); });
}

std::string KnownNames::recipe(std::string_view quant) {
  return *known(recipes_, quant, [&] { return spelled_recipe(catalog_, quant); });
}

std::shared_ptr<const catalog::Engine> KnownNames::rules(const std::string& engine) {
  return known(rules_, engine, [&] { return rules_of(catalog_, engine); });
}

const cost::UsualAcceptances& KnownNames::acceptances() {   // a table that cannot be read ends load_calibration()
  std::call_once(read_acceptances_, [&] {
    if (const auto text = catalog_.file("calibration/drafts.csv"))
      if (auto read = cost::parse_acceptances(*text)) acceptances_ = std::move(*read);
  });
  return acceptances_;
}

std::string KnownNames::built(const Observation& o) {
  std::string measured = o.date.substr(0, 7);
  if (o.engine_version.empty()) return measured;
  std::call_once(read_releases_, [&] { releases_ = Releases::read(catalog_).value_or(Releases()); });   // check_tables() has told what is wrong with it
  std::string latest = releases_.latest_until(o.engine, o.engine_version);
  const auto until = parse_year(latest), on = parse_year(measured);
  return until && (!on || *until < *on) ? latest : measured;
}

}  // namespace rigcast::calibration::detail

namespace rigcast::calibration {

Result<void> check_tables(const catalog::Catalog& catalog) {
  RC_TRY(detail::Releases::read(catalog));
  return {};
}

}  // namespace rigcast::calibration
