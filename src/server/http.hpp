#pragma once
// HTTP/1.1 as far as one page and its API need it: a request read from bytes as they arrive, and a response as bytes. No sockets here,
// so that the reader can be tested and fuzzed.
//
// Why not Debian's cpp-httplib 0.11.4: one thread per connection lets a dozen silent clients block everybody; aborted silent
// streams kill its pool; and its library brings OpenSSL and brotli into every start of the program (3.5 ms against 1.6 ms for an
// empty main).

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rigcast::server {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;                  // "GET"
  std::vector<std::string> path;       // segments, percent-decoded: "/api/show/a%2Fb" -> api, show, a/b
  Pairs query;                         // decoded, in order
  Pairs headers;                       // names in lower case, values trimmed
  std::string body;
  bool keep_alive = true;
  std::shared_ptr<const std::atomic<bool>> gone;   // true once whoever asked has left; nullptr: that is not known

  bool is_unwanted() const { return gone && *gone; }
  // The first value, or empty.
  std::string_view header(std::string_view name) const;
  std::optional<std::string> parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  Pairs headers;                       // beside Content-Type, Content-Length and Connection
};

// The whole answer as bytes. Without a body (HEAD) the length is still told.
std::string to_bytes(const Response& response, bool keep_alive, bool with_body);

struct Caps {
  std::size_t head = 16 * 1024;        // request line and headers
  std::size_t headers = 100;
  std::size_t body = 4 * 1024 * 1024;
};

// Why a request is not read to its end: the status to answer with before closing.
struct Refusal { int status = 400; std::string why; };

// Reads one request after the other from the bytes of one connection.
class RequestReader {
 public:
  explicit RequestReader(const Caps& caps) : caps_(caps) {}

  // Takes what belongs to the current request from the front of `bytes`; returns how many it took. Once the request is complete or
  // refused it takes no more.
  std::size_t take(std::string_view bytes);

  bool begun() const { return !head_.empty() || headed_; }
  bool complete() const { return headed_ && !refusal_ && request_.body.size() == expected_; }
  const std::optional<Refusal>& refusal() const { return refusal_; }
  // True once where the client waits for "100 Continue" before it sends its body.
  bool take_continue() { return std::exchange(continue_, false); }
  // The complete request; the reader is then ready for the next. REQUIRES complete().
  Request release();
  // What of the request is known so far, for the answer to a refused one.
  const Request& partial() const { return request_; }

 private:
  void read_head();
  bool read_request_line(std::string_view line);
  bool read_header(std::string_view line);
  void read_framing();
  bool refuse(int status, std::string why);

  Caps caps_;
  std::string head_;                   // until it ends in an empty line
  bool headed_ = false;
  std::size_t expected_ = 0;           // of the body
  bool continue_ = false;
  int minor_ = 1;                      // HTTP/1.minor
  Request request_;
  std::optional<Refusal> refusal_;
};

// "a%20b" -> "a b"; nothing for a broken escape. In queries a plus is a space.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

}  // namespace rigcast::server
