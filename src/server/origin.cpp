#include "server/origin.hpp"

#include <algorithm>

#include <arpa/inet.h>

#include "base/text.hpp"

namespace rigcast::server {
namespace {

bool is_address(const std::string& name) {
  in_addr four{};
  in6_addr six{};
  return inet_pton(AF_INET, name.c_str(), &four) == 1 || inet_pton(AF_INET6, name.c_str(), &six) == 1;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool may_be_called(const OriginRule& rule, const std::string& name) {
  if (is_loopback(name)) return true;
  return !rule.loopback_only && (is_address(name) || std::find(rule.own_names.begin(), rule.own_names.end(), name) != rule.own_names.end());
}

}  // namespace

bool is_loopback(const std::string& name) {
  if (name == "localhost" || name.ends_with(".localhost") || name == "::1") return true;
  in_addr four{};
  return inet_pton(AF_INET, name.c_str(), &four) == 1 && (ntohl(four.s_addr) >> 24) == 127;
}

std::optional<std::string> host_name(std::string_view authority) {
  std::string_view name = authority;
  if (name.starts_with('[')) {
    const std::size_t close = name.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view rest = name.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    name = name.substr(1, close - 1);
  } else if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
    if (!is_port(name.substr(colon + 1))) return std::nullopt;
    name = name.substr(0, colon);
  }
  if (name.empty() || name.find_first_of("/@?# \\") != std::string_view::npos) return std::nullopt;
  return to_lower(name);
}

std::optional<std::string> why_refused(const OriginRule& rule, const Request& request) {
  const std::string_view host = request.header("host");
  const auto name = host_name(host);
  if (!name || !may_be_called(rule, *name)) return "this server is not called '" + std::string(host.substr(0, 100)) + "'";
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && to_lower(origin) != "http://" + to_lower(host)) return "asked from the page of another site";
  const std::string_view site = request.header("sec-fetch-site");
  const bool opens_page = request.method == "GET" && request.header("sec-fetch-mode") == "navigate";
  if ((site == "cross-site" || site == "same-site") && !opens_page) return "asked from the page of another site";
  return std::nullopt;
}

}  // namespace rigcast::server
