// Networks of addresses, and whom a proxy in one of them says it speaks for.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rebound {

// IPv4 and IPv6 networks, and "unix" for Unix sockets. Immutable, so thread-safe.
class Networks {
 public:
  Networks() = default;
  // "10.1.0.0/16", "fd00::/8", a single address, "unix". nullopt: one is none of these, or has bits
  // behind its prefix; `*wrong` is that one.
  static std::optional<Networks> Parse(const std::vector<std::string>& texts, std::string* wrong);

  bool empty() const { return networks_.empty() && !unix_; }
  // Of "unix", an IPv4 address, also as ::ffff:a.b.c.d, or an IPv6 address; false for other text.
  bool Contains(std::string_view address) const;

 private:
  struct Network {
    std::array<unsigned char, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
    int prefix = 128;                       // bits
  };

  std::vector<Network> networks_{};
  bool unix_ = false;
};

// The address of whoever called by way of `proxies`: `peer` itself, unless it is a proxy. Else the
// last address in `forwarded` (the values of X-Forwarded-For in their order, with commas between)
// that is none of the proxies': what stands before it was written by strangers. Where something is
// not an address, or nothing is left, the last one known.
std::string ForwardedAddress(const Networks& proxies, std::string peer, std::string_view forwarded);

}  // namespace rebound
