#pragma once
// What printed names were found to mean, remembered: rows repeat the same few spellings, and names that nobody knows are compared with all.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "calibration/detail/names.hpp"
#include "calibration/detail/releases.hpp"
#include "catalog/catalog.hpp"
#include "catalog/engine.hpp"
#include "cost/drafts.hpp"

namespace rigcast::calibration::detail {

// Of one Catalog, which must live as long. May be used by several threads.
class KnownNames {
 public:
  explicit KnownNames(const catalog::Catalog& catalog) : catalog_(catalog) {}
  const catalog::Catalog& catalog() const { return catalog_; }
  std::shared_ptr<const Result<Stated>> stated(const Observation& o);                     // stated_of()
  std::string recipe(std::string_view quant);                                             // spelled_recipe()
  std::shared_ptr<const catalog::Engine> rules(const std::string& engine);               // rules_of()
  // How new the engine of a row is: of the row's month, or of the last in which its version was the latest, where that is earlier.
  std::string built(const Observation& o);
  const cost::UsualAcceptances& acceptances();                                           // of drafts that a row says nothing of

 private:
  template <class T>
  using Known = std::map<std::string, std::shared_ptr<const T>, std::less<>>;
  template <class T, class Find>
  std::shared_ptr<const T> known(Known<T>& known, std::string_view key, Find find);

  static constexpr std::size_t kMost = 4096;   // of each kind; all are forgotten when there are more
  const catalog::Catalog& catalog_;
  std::once_flag read_releases_, read_acceptances_;   // most who ask of a row or two need neither
  Releases releases_;
  cost::UsualAcceptances acceptances_;
  std::mutex mutex_;                           // guards what follows
  Known<Result<Stated>> stated_;
  Known<std::string> recipes_;
  Known<catalog::Engine> rules_;
};

}  // namespace rigcast::calibration::detail
