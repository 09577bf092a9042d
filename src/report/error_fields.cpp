#include "report/answers.hpp"

namespace rigcast::report {
namespace {

Value text_or_null(const std::string& text) { return text.empty() ? Value(std::monostate{}) : Value(text); }

}  // namespace

Report fields(const Error& error) {
  return {{{{}, {machine("error", Fields{machine("kind", to_string(error.kind)),
                                         machine("message", Phrase(error.message)),
                                         machine("field", text_or_null(error.field)),
                                         machine("nearest", text_or_null(error.nearest)),
                                         machine("file", text_or_null(error.where.file)),
                                         machine("line", std::int64_t{error.where.line}),
                                         machine("column", std::int64_t{error.where.column})})}}}};
}

}  // namespace rigcast::report
