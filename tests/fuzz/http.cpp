// Any bytes as what a client sends: read at once and in pieces, which must come to the same requests, the same refusal and the same rest.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "server/http.hpp"

namespace {

using namespace rigcast::server;

constexpr Caps kCaps{.head = 2048, .headers = 20, .body = 4096};

// What a connection came to: every request that was complete, then why reading stopped.
struct Told {
  std::vector<Request> requests;
  int status = 0;
  std::string why;
};

bool same(const Request& a, const Request& b) {
  return a.method == b.method && a.path == b.path && a.query == b.query && a.headers == b.headers && a.body == b.body && a.keep_alive == b.keep_alive;
}

void hold(const Request& request) {
  RC_CHECK(request.body.size() <= kCaps.body, "a body is never longer than its cap");
  RC_CHECK(request.headers.size() <= kCaps.headers, "there are never more headers than the cap");
  RC_CHECK(!request.method.empty(), "a complete request has a method");
  for (const auto& [name, value] : request.headers) {
    RC_CHECK(!name.empty() && name.find_first_of(" \t\r\n:") == std::string::npos, "a header's name is a token");
    RC_CHECK(value.find_first_of("\r\n") == std::string::npos, "a header's value is one line");
  }
}

// Feeds the bytes in pieces of at most `piece`.
Told read(std::string_view bytes, std::size_t piece) {
  Told told;
  RequestReader reader(kCaps);
  while (!bytes.empty() && !reader.refusal()) {
    std::string_view part = bytes.substr(0, piece);
    const std::size_t taken = reader.take(part);
    RC_CHECK(taken <= part.size(), "no more is taken than there is");
    bytes.remove_prefix(taken);
    (void)reader.take_continue();
    if (reader.complete()) {
      told.requests.push_back(reader.release());
      hold(told.requests.back());
    } else if (taken == 0) {
      RC_CHECK(reader.refusal().has_value(), "a reader that takes nothing is done");
    }
  }
  if (reader.refusal()) {
    told.status = reader.refusal()->status;
    told.why = reader.refusal()->why;
    RC_CHECK(told.status >= 400 && told.status < 600 && !told.why.empty(), "a refusal has a status and a reason");
    const Response answer{told.status, "application/json", told.why, {}};
    RC_CHECK(to_bytes(answer, false, true).starts_with("HTTP/1.1 "), "a refusal can be answered");
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Told whole = read(bytes, std::max<std::size_t>(1, size));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    const Told parts = read(bytes, piece);
    RC_CHECK(parts.requests.size() == whole.requests.size() && parts.status == whole.status && parts.why == whole.why, "pieces come to the same");
    for (std::size_t i = 0; i < parts.requests.size(); ++i) RC_CHECK(same(parts.requests[i], whole.requests[i]), "pieces come to the same request");
  }
  return 0;
}
