#include "server/errors.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "report/json.hpp"
#include "report/text.hpp"

namespace rigcast::server {
namespace {

using report::machine;
using report::Phrase;

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::input: return 400;
    case ErrorKind::not_found: return 404;
    case ErrorKind::unsupported:
    case ErrorKind::infeasible: return 422;
    case ErrorKind::system: return 500;
  }
  return 500;
}

// Options of the command line are members here under the same names, but for the rig.
std::string field_of(const Error& error) {
  const std::string& place = error.where.file;
  if (place == "--flags") return "flags";   // whichever of them: the column says that
  if (!error.field.empty()) return error.field;
  if (place == "--on" || place == "rig") return "rig";
  if (place == "MODEL") return "model";
  return place.starts_with("--") ? place.substr(2) : "";
}

// The member of a plan that is at fault: "processor" and "power" are parts of its rig, "quant" is one of its model.
std::string member_of(const Error& error) {
  static const std::vector<std::string> kMembers = {"model", "rig", "engine", "backend", "flags", "context", "prompt", "depth", "sequences", "acceptance", "engine_date", "for", "at_least", "own", "lang"};
  const std::string& place = error.where.file;
  if (place == "--on" || place == "rig") return "rig";
  if (place == "MODEL") return "model";
  const std::string field = field_of(error);
  if (std::find(kMembers.begin(), kMembers.end(), field) != kMembers.end()) return field;
  static const std::map<std::string, std::string, std::less<>> kParts = {
      {"device", "rig"}, {"devices", "rig"}, {"processor", "rig"}, {"host", "rig"},  {"host-reserved", "rig"}, {"power", "rig"}, {"memory", "rig"},
      {"link", "rig"},   {"nvlink", "rig"},  {"os", "rig"},        {"net", "rig"},   {"nodes", "rig"},         {"pcie", "rig"},  {"gpu", "rig"},
      {"cpu", "rig"},    {"reserved", "rig"}, {"objective", "for"}, {"tensor_degree", "flags"}, {"pipeline_degree", "flags"}, {"", ""}};
  if (field.starts_with('-')) return "flags";
  const auto part = kParts.find(field);
  return part == kParts.end() ? "model" : part->second;   // else it is something in the model's file
}

std::string member_of(const Error& error, Question question) {
  if (question == Question::other) return field_of(error);
  const std::string member = member_of(error);
  const bool listed = question == Question::compare && (member == "model" || member == "rig" || member == "engine");
  return listed ? member + 's' : member;
}

// Places that are parts of the request rather than files: "--flags", "MODEL", "rig".
bool is_file(const std::string& place) { return place.find_first_of("./\\") != std::string::npos && !place.starts_with("--"); }

}  // namespace

report::Fields error_fields(const Error& error, Question question, int index) {
  const std::string& place = error.where.file;
  const std::string message = report::printable(error.message);
  const Phrase reason = is_file(place) ? report::fill(Phrase("{0}: {1}"), {report::printable(place), message}) : Phrase(message);
  const std::string member = member_of(error, question), named = field_of(error);
  const std::string part = named == member || named + 's' == member ? "" : named;
  return {machine("field", report::printable(member)), machine("part", report::printable(part)), machine("index", std::int64_t{index}), machine("reason", reason),
          machine("nearest", report::printable(error.nearest)), machine("kind", to_string(error.kind)), machine("column", std::int64_t{error.where.column})};
}

Response told(const report::Report& report, const report::Language& language, int status) {
  return {status, "application/json", report::render_json(report, language), {{"Cache-Control", "no-store"}}};
}

Response refused_as(int status, const Error& error, const report::Language& language) { return told({{{{}, error_fields(error)}}}, language, status); }
Response refused(const Error& error, const report::Language& language, Question question, int index) {
  return told({{{{}, error_fields(error, question, index)}}}, language, status_of(error.kind));
}

}  // namespace rigcast::server
