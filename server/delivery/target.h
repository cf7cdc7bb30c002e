// Where the server may send: not to itself, its neighbours or a cloud's metadata, unless an
// operator allows it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/settings.h"
#include "workflows/result.h"

namespace rebound {

struct TargetRules {
  std::vector<std::string> allowed{};  // networks such as "10.1.0.0/16" or "::1/128"
  bool allow_http = false;             // else https only
};

// A url as libcurl reads it, in one spelling: the host in lower case and ASCII, IPv4 in four
// decimal numbers, IPv6 without brackets, no trailing dot. Names of other letters are taken in
// their xn-- form alone.
struct Target {
  std::string url{};  // for libcurl: that host, no user part, no fragment
  std::string host{};
  uint16_t port = 0;
  bool literal = false;  // the host is an address, no name
};

// kTargetForbidden: what an address says by itself, at save: scheme, user part, port, and a host
// that is a forbidden address in any spelling that libcurl or the resolver takes. Names pass, but
// for localhost and what lies below it. Ports: 443, 80, and those from 1024 on at which no
// database, queue, desktop or other well-known service listens.
Result<Target> ReadTarget(const TargetRules& rules, std::string_view field, std::string_view url);
Result<void> CheckTarget(const TargetRules& rules, std::string_view field, std::string_view url);

// After the name was resolved. Every network that is not the public internet's, and the addresses
// of this machine's own interfaces. IPv4 within IPv6 (mapped, NAT64) is judged as IPv4; 6to4 and
// Teredo are forbidden whole.
bool IsForbidden(const TargetRules& rules, const sockaddr& address);
// The same of an address as text; what is none is forbidden.
bool IsForbidden(const TargetRules& rules, const std::string& address);

// Whether `text` can stand in TargetRules::allowed: "10.1.0.0/16", "::1/128", or a bare address.
bool IsNetwork(std::string_view text);

}  // namespace rebound
