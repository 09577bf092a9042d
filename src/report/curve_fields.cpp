#include <algorithm>

#include "report/answers.hpp"

namespace rigcast::report {
namespace {

Value range_or_nothing(const std::optional<cost::Estimate>& estimate, Unit unit) {
  return estimate ? Value(Range{estimate->value, unit}) : Value(std::monostate{});
}

Fields memory_at_point(const placement::Memory& memory, Bytes capacity) {
  const auto bytes = [](Bytes value) { return Number{value.value(), Unit::bytes}; };
  return {machine("capacity_bytes", bytes(capacity)),        machine("weights_bytes", bytes(memory.weights)), machine("kv_bytes", bytes(memory.kv)),
          machine("state_bytes", bytes(memory.state)),       machine("compute_bytes", bytes(memory.compute)),
          machine("footprint_bytes", bytes(memory.footprint)), machine("total_bytes", bytes(memory.total()))};
}

Fields point_fields(const app::CurvePoint& point) {
  return {{"context", "context"_say, point.context},
          {"fits", "fits"_say, point.fits},
          machine("memory", memory_at_point(point.memory, point.capacity)),
          machine("host", memory_at_point(point.host, point.host_capacity)),
          {"decode", "decode"_say, range_or_nothing(point.decode, Unit::token_rate)},
          {"prefill", "prefill"_say, range_or_nothing(point.prefill, Unit::token_rate)},
          {"ttft", "TTFT"_say, range_or_nothing(point.ttft, Unit::seconds)}};
}

}  // namespace

Report fields(const app::CurveAnswer& answer) {
  Rows rows;
  for (const app::CurvePoint& point : answer.points) rows.push_back(point_fields(point));
  return {{{"Speed against context"_say, {{"points", {}, std::move(rows), Show::bands}}}}};
}

Report fields(const app::RooflineAnswer& answer) {
  Rows roofs, points;
  for (const app::Roof& roof : answer.roofs) roofs.push_back({machine("format", Phrase(roof.format)), machine("rate", Number{roof.rate.value(), Unit::flop_rate})});
  for (const app::RooflinePoint& point : answer.points)
    points.push_back({machine("model", point.model), machine("phase", std::string(point.phase == app::RooflinePoint::Phase::decode ? "decode" : "prefill")),
                      machine("intensity", Number{point.intensity}), machine("rate", Number{point.rate.value(), Unit::flop_rate})});
  return {{{{}, {machine("device", Phrase(answer.device)), machine("bandwidth", Number{answer.bandwidth.value(), Unit::bandwidth}),
                 machine("roofs", std::move(roofs)), machine("points", std::move(points))}}}};
}

// The curve stands behind the speeds that it continues.
Report page_fields(const app::PlanAnswer& answer, const app::CurveAnswer& curve) {
  Report report = fields(answer);
  if (!answer.speed) return report;
  const auto speed = std::find_if(report.sections.begin(), report.sections.end(), [](const Section& section) {
    return std::any_of(section.fields.begin(), section.fields.end(), [](const Field& field) { return field.id == "decode"; });
  });
  report.sections.insert(speed == report.sections.end() ? speed : std::next(speed), std::move(fields(curve).sections.front()));
  return report;
}

namespace {
// What a row is called: a name, or words that a Language may know.
Phrase phrase_of(const Value& name) {
  const auto* words = std::get_if<Phrase>(&name);
  const auto* plain = std::get_if<std::string>(&name);
  return words ? *words : Phrase(plain ? *plain : std::string());
}
}  // namespace

Report page_fields(const app::CompareAnswer& answer) {
  Report report = fields(answer);
  Rows rows;
  std::vector<Section> memories;
  for (const Field& field : report.sections.front().fields) {
    const auto* compared = field.id == "rows" ? std::get_if<Rows>(&field.value) : nullptr;
    for (std::size_t i = 0; compared != nullptr && i < compared->size(); ++i) {
      const auto& row = answer.rows[i];
      const auto range = [&](cost::Estimate cost::Speed::*which, Unit unit) {
        return row.answer && row.answer->speed ? Value(Range{((*row.answer->speed).*which).value, unit}) : Value(std::monostate{});
      };
      const Value name = (*compared)[i].front().value;
      rows.push_back({{{}, ""_say, name}, {{}, "decode"_say, range(&cost::Speed::decode, Unit::token_rate)},
                      {{}, "prefill"_say, range(&cost::Speed::prefill, Unit::token_rate)}, {{}, "TTFT"_say, range(&cost::Speed::ttft, Unit::seconds)}});
      if (!row.answer) continue;
      for (Section& section : fields(*row.answer).sections)
        for (Field& bars : section.fields)
          if (bars.show == Show::bars) memories.push_back({phrase_of(name), {std::move(bars)}});
    }
  }
  report.sections.insert(report.sections.begin() + 1, Section{"Side by side"_say, {people(Show::ranges, std::move(rows))}});
  for (Section& section : memories) report.sections.push_back(std::move(section));
  return report;
}

}  // namespace rigcast::report
