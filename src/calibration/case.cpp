#include "calibration/detail/case.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/text.hpp"
#include "cost/spread.hpp"
#include "cost/terms.hpp"

namespace rigcast::calibration::detail {
namespace {

constexpr double kImpossible = 1.4;   // times the roofline: more is a wrong row, not a fast card

const char* number_group(double value, std::initializer_list<std::pair<double, const char*>> steps, const char* last) {
  for (const auto& [limit, name] : steps)
    if (value <= limit) return name;
  return last;
}

}  // namespace
}  // namespace rigcast::calibration::detail

namespace rigcast::calibration {

const std::vector<std::string>& group_names() {   // as groups_of() below
  static const std::vector<std::string> all = {"phase", "kind",    "engine", "backend", "vendor", "family", "device", "format",
                                               "depth", "size", "devices", "layout", "moe", "grade", "source", "model"};
  return all;
}

}  // namespace rigcast::calibration

namespace rigcast::calibration::detail {

std::string_view spread_phase(const Prepared& p) { return p.speculative ? "speculative" : std::string_view(p.phase); }

const char* depth_group(double depth) {
  return number_group(depth, {{512, "up to 512"}, {4096, "up to 4k"}, {16384, "up to 16k"}, {65536, "up to 64k"}}, "above 64k");
}

Groups groups_of(const Prepared& p) {
  bool experts = false;
  for (const auto& stage : p.load->stages) experts |= stage.kind == cost::StageKind::experts;
  return {{"phase", std::string(spread_phase(p))}, {"engine", p.engine}, {"backend", p.backend}, {"vendor", p.vendor},
          {"family", p.family}, {"device", p.device}, {"format", p.format}, {"layout", p.layout}, {"moe", experts ? "experts" : "dense"},
          {"source", p.source}, {"model", p.model}, {"devices", std::to_string(p.devices)},
          {"kind", std::string(spread_phase(p)) + " " + p.layout},
          {"depth", depth_group(p.depth)},
          {"size", number_group(p.file_bytes / 1e9, {{2, "up to 2 GB"}, {8, "up to 8 GB"}, {24, "up to 24 GB"}, {100, "up to 100 GB"}}, "above 100 GB")}};
}

void prepare_case(Configurator& configurator, const Observation& o, Case& c) {
  Prepared& p = c.prepared;
  c.understood = false;
  c.usable = true;
  c.reason.clear();
  const auto refuse = [&](std::string reason) {
    c.reason = std::move(reason);
    c.usable = false;
  };
  if (const auto prepared = configurator.prepare(o, p); !prepared) {
    refuse(to_text(prepared.error()));
    c.usable = prepared.error().kind == ErrorKind::not_found;   // a gap of ours; the others are other estimators' or broken rows
    return;
  }
  const double roof = p.bandwidth / std::max(1.0, p.active_bytes);
  if (o.phase == "decode" && p.sequences <= 1 && !p.speculative && !p.surrogate && p.is_rate && o.value > kImpossible * roof)
    return refuse("impossible: " + format_significant(o.value, 3) + " tokens/s is above the roofline of " + format_significant(roof, 3));
  if ((p.phase == "serve" || p.phase == "prefill") && !p.speculative && !p.surrogate) {
    std::vector<cost::StageWork> moved;   // weights, experts and cache
    std::copy_if(p.work.begin(), p.work.end(), std::back_inserter(moved), [&](const cost::StageWork& w) {
      const auto kind = p.load->stages[static_cast<std::size_t>(w.stage)].kind;
      return kind == cost::StageKind::weights || kind == cost::StageKind::experts || kind == cost::StageKind::kv;
    });
    const double least = cost::least_seconds(*p.load, moved);
    if (least > kImpossible * p.measured_seconds)
      return refuse("impossible: bytes and arithmetic alone take " + format_significant(least / p.measured_seconds, 3) + " times as long at the rates of the data sheet: other conditions than printed");
  }
  c.understood = true;
}

Prediction describe(const Observation& o, const Case& c, std::shared_ptr<const Groups> groups) {
  Prediction p;
  p.id = o.id;
  p.actual = o.value;
  p.metric = o.metric_name;
  p.reason = c.reason;
  p.usable = c.usable;
  p.excluded = o.excluded;
  if (!c.understood) return p;
  p.groups = std::move(groups);
  p.file_bytes = c.prepared.file_bytes;
  p.active_bytes = c.prepared.active_bytes;
  p.comparable = comparable(c.prepared);
  if (p.comparable)
    for (std::size_t k = 0; k < kPeers; ++k) p.peers[k] = peers()[k].decode(o, c.prepared);
  if (c.prepared.phase == "decode" && c.prepared.is_rate && !c.prepared.speculative)
    p.bandwidth_over_size = c.prepared.bandwidth / std::max(1.0, c.prepared.file_bytes);
  return p;
}

cost::Interval interval_of(const Prepared& p, double seconds, const cost::Spread& spread) {
  const double least = p.speculative ? 0 : cost::least_seconds(*p.load, p.work);   // several tokens a pass: nobody knows how many
  if (p.is_rate) return cost::rate_within(p.units, seconds, spread, least);
  const cost::Interval t = cost::time_within(seconds, spread, least);
  return {p.units * t.p10, p.units * t.p50, p.units * t.p90};
}

}  // namespace rigcast::calibration::detail
