#pragma once
// When the version came out that an Observation names: engines are as old as their builds, not as what is published of them.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"

namespace rigcast::calibration::detail {

class Releases {
 public:
  Releases() = default;
  static Result<Releases> read(const catalog::Catalog& catalog);   // data/calibration/releases.csv
  static Result<Releases> parse(std::string_view csv);   // errors: input with file and line

  // The month in which the next version came out, until when this one was the latest: "2025-05" of an engine as printed and its version ("vllm",
  // "0.8.5"; "llama.cpp", "b7423 (2aa45ef)"). Empty: it still is, nobody listed it, or the name tells of a build between versions or of a program
  // with versions of its own.
  std::string latest_until(std::string_view engine, std::string_view version) const;

 private:
  using Version = std::vector<int>;
  static Version read_version(std::string_view printed);   // empty: none
  std::map<std::string, std::map<Version, std::string>, std::less<>> engines_;
};

}  // namespace rigcast::calibration::detail
