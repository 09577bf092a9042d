#include "server/errors.hpp"

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
  if (place == "--on") return "rig";
  if (place == "MODEL") return "model";
  return place.starts_with("--") ? place.substr(2) : "";
}

// Places that are parts of the request rather than files: "--flags", "MODEL", "rig".
bool is_file(const std::string& place) { return place.find_first_of("./\\") != std::string::npos && !place.starts_with("--"); }

}  // namespace

report::Fields error_fields(const Error& error) {
  const std::string& place = error.where.file;
  const std::string message = report::printable(error.message);
  const Phrase reason = is_file(place) ? report::fill(Phrase("{0}: {1}"), {report::printable(place), message}) : Phrase(message);
  return {machine("field", report::printable(field_of(error))), machine("reason", reason), machine("nearest", report::printable(error.nearest)),
          machine("kind", to_string(error.kind)), machine("column", std::int64_t{error.where.column})};
}

Response told(const report::Report& report, const report::Language& language, int status) {
  return {status, "application/json", report::render_json(report, language), {{"Cache-Control", "no-store"}}};
}

Response refused(const Error& error, const report::Language& language, int status) { return told({{{{}, error_fields(error)}}}, language, status); }
Response refused(const Error& error, const report::Language& language) { return refused(error, language, status_of(error.kind)); }

}  // namespace rigcast::server
