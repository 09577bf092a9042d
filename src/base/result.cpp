#include "base/result.hpp"

#include <cstdio>
#include <cstdlib>

#include "base/check.hpp"

namespace rigcast {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::input: return "input";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::infeasible: return "infeasible";
    case ErrorKind::system: return "system";
  }
  return "";
}

std::string to_text(const Error& error) {
  std::string text;
  if (!error.where.file.empty()) {
    text += error.where.file + ":";
    if (error.where.line > 0) text += std::to_string(error.where.line) + ":";
    if (error.where.column > 0) text += std::to_string(error.where.column) + ":";
    text += " ";
  }
  text += error.message;
  if (!error.nearest.empty()) text += " (nearest: " + error.nearest + ")";
  return text;
}

void check_failed(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: internal check failed: %s (%s)\n", file, line, why, condition);
  std::abort();
}

}  // namespace rigcast
