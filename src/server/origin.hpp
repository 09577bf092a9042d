#pragma once
// Who may ask. A page from elsewhere must not read or drive this server through the reader's own browser: neither by asking across
// origins nor by a name of its own that suddenly resolves to this machine (DNS rebinding).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http.hpp"

namespace rigcast::server {

struct OriginRule {
  bool loopback_only = true;          // false after --listen: IP literals and own_names are served too
  std::vector<std::string> own_names; // what this machine is called, in lower case
};

// Whether a name or address, in lower case, means this machine alone whatever the network says.
bool is_loopback(const std::string& name);

// The name of "127.0.0.1:7433", "[::1]:7433", "localhost", without port and brackets, in lower case; nothing for what is no authority.
std::optional<std::string> host_name(std::string_view authority);

// Nothing where the request may be answered, else why not. Host must name this machine; Origin, where the browser sends one, must be
// this very server; requests that browsers mark as cross-site are refused. The port is not compared: tunnels change it, rebinding does not.
std::optional<std::string> why_refused(const OriginRule& rule, const Request& request);

}  // namespace rigcast::server
