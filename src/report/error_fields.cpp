#include "report/answers.hpp"

namespace rigcast::report {
namespace {

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::input: return "input";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::infeasible: return "infeasible";
    case ErrorKind::system: return "system";
  }
  return "";
}

Value text_or_null(const std::string& text) { return text.empty() ? Value(std::monostate{}) : Value(text); }

}  // namespace

Report fields(const Error& error) {
  return {{{{}, {machine("error", Fields{machine("kind", name_of(error.kind)),
                                         machine("message", Phrase(error.message)),
                                         machine("field", text_or_null(error.field)),
                                         machine("nearest", text_or_null(error.nearest)),
                                         machine("file", text_or_null(error.where.file)),
                                         machine("line", std::int64_t{error.where.line}),
                                         machine("column", std::int64_t{error.where.column})})}}}};
}

}  // namespace rigcast::report
