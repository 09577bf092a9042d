#include "server/http.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "base/text.hpp"

namespace rigcast::server {
namespace {

constexpr std::array kMethods{"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"};

const char* reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return status < 500 ? "Error" : "Internal Server Error";
  }
}

bool is_token(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

std::optional<std::vector<std::string>> decoded_path(std::string_view path) {
  std::vector<std::string> segments;
  for (const std::string_view raw : split(path.substr(1), '/')) {
    auto segment = percent_decoded(raw, false);
    if (!segment) return std::nullopt;
    if (!segment->empty()) segments.push_back(std::move(*segment));
  }
  return segments;
}

std::optional<Pairs> decoded_query(std::string_view query) {
  Pairs pairs;
  if (query.empty()) return pairs;
  for (const std::string_view piece : split(query, '&')) {
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    auto name = percent_decoded(piece.substr(0, equals), true);
    auto value = percent_decoded(equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [one, value] : headers)
    if (one == name) return value;
  return {};
}

std::optional<std::string> Request::parameter(std::string_view name) const {
  for (const auto& [one, value] : query)
    if (one == name) return value;
  return std::nullopt;
}

std::string to_bytes(const Response& response, bool keep_alive, bool with_body) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ' + reason_of(response.status) + "\r\n";
  out += "Content-Type: " + response.type + "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n";
  out += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  for (const auto& [name, value] : response.headers) out += name + ": " + value + "\r\n";
  out += "\r\n";
  if (with_body) out += response.body;
  return out;
}

std::size_t RequestReader::take(std::string_view bytes) {
  std::size_t taken = 0;
  while (!headed_ && !refusal_ && taken < bytes.size()) {
    // Up to and with the next line feed: the head is over when a line is empty.
    const std::size_t feed = bytes.find('\n', taken);
    const std::size_t end = feed == std::string_view::npos ? bytes.size() : feed + 1;
    head_.append(bytes.substr(taken, end - taken));
    taken = end;
    if (head_ == "\r\n" || head_ == "\n") head_.clear();  // an empty line before the request is allowed
    if (head_.size() > caps_.head) refuse(431, "the request's head is longer than " + std::to_string(caps_.head) + " bytes");
    else if (head_.ends_with("\r\n\r\n") || head_.ends_with("\n\n")) read_head();
  }
  if (headed_ && !refusal_) {
    const std::size_t more = std::min(expected_ - request_.body.size(), bytes.size() - taken);
    request_.body.append(bytes.substr(taken, more));
    taken += more;
  }
  return taken;
}

Request RequestReader::release() {
  RC_CHECK(complete(), "only a complete request can be released");
  Request request = std::exchange(request_, {});
  *this = RequestReader(caps_);
  return request;
}

bool RequestReader::refuse(int status, std::string why) {
  if (!refusal_) refusal_ = Refusal{status, std::move(why)};
  return false;
}

void RequestReader::read_head() {
  headed_ = true;
  bool first = true;
  for (std::string_view line : split(head_, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if (!(first ? read_request_line(line) : read_header(line))) return;
    first = false;
  }
  read_framing();
  head_.clear();
}

bool RequestReader::read_request_line(std::string_view line) {
  const auto words = split(line, ' ');
  if (words.size() != 3 || has_control(line)) return refuse(400, "the request line is not METHOD TARGET VERSION");
  if (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0") return refuse(words[2].starts_with("HTTP/") ? 505 : 400, "only HTTP/1.1 is spoken here");
  minor_ = words[2].back() - '0';
  if (std::find(kMethods.begin(), kMethods.end(), words[0]) == kMethods.end()) return refuse(405, "no such method");
  request_.method = words[0];
  const std::string_view target = words[1];
  if (!target.starts_with('/')) return refuse(400, "the target must be a path");
  const std::size_t mark = target.find('?');
  auto path = decoded_path(target.substr(0, mark));
  auto query = decoded_query(mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1));
  if (!path || !query) return refuse(400, "a broken % escape in the target");
  request_.path = std::move(*path);
  request_.query = std::move(*query);
  return true;
}

bool RequestReader::read_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || has_control(line)) return refuse(400, "a header is not NAME: VALUE");
  const std::string_view name = line.substr(0, colon);
  if (!std::all_of(name.begin(), name.end(), is_token)) return refuse(400, "a header's name has a character that names do not have");
  if (request_.headers.size() >= caps_.headers) return refuse(431, "more than " + std::to_string(caps_.headers) + " headers");
  request_.headers.emplace_back(to_lower(name), trim(line.substr(colon + 1)));
  return true;
}

// Where the body ends and whether the connection lives on. Two readings of one length are how requests are smuggled, so there is one.
void RequestReader::read_framing() {
  int lengths = 0, hosts = 0;
  for (const auto& [name, value] : request_.headers) {
    hosts += name == "host";
    if (name == "transfer-encoding") { refuse(411, "chunked bodies are not taken: send Content-Length"); return; }
    if (name == "content-encoding" && value != "identity") { refuse(415, "compressed bodies are not taken"); return; }
    if (name != "content-length") continue;
    const auto length = parse_int(value);
    if (++lengths > 1 || !length || *length < 0 || value.front() == '+') { refuse(400, "Content-Length is not one count of bytes"); return; }
    if (static_cast<std::size_t>(*length) > caps_.body) { refuse(413, "the body is longer than " + std::to_string(caps_.body) + " bytes"); return; }
    expected_ = static_cast<std::size_t>(*length);
  }
  if (hosts != 1 && minor_ == 1) { refuse(400, "exactly one Host header is needed"); return; }
  const std::string connection = to_lower(request_.header("connection"));
  request_.keep_alive = minor_ == 1 ? connection.find("close") == std::string::npos : connection.find("keep-alive") != std::string::npos;
  continue_ = expected_ > 0 && to_lower(request_.header("expect")) == "100-continue";
}

}  // namespace rigcast::server
