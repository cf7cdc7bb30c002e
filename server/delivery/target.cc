#include "server/delivery/target.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

namespace rebound {
namespace {

constexpr size_t kLongestUrl = 2'048;

using AddressBytes = std::array<uint8_t, 16>;

// An address as IPv6, IPv4 mapped into it: one kind of prefix for both.
constexpr int kMapped = 96;

AddressBytes Mapped(const uint8_t* ipv4) {
  AddressBytes bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::copy_n(ipv4, 4, bytes.begin() + 12);
  return bytes;
}

std::optional<AddressBytes> BytesOf(const std::string& text) {
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return Mapped(reinterpret_cast<const uint8_t*>(&v4));
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return std::nullopt;
  AddressBytes bytes{};
  std::copy_n(v6.s6_addr, 16, bytes.begin());
  return bytes;
}

struct Network {
  AddressBytes bytes{};
  int length = 0;

  bool Has(const AddressBytes& address) const {
    for (int bit = 0; bit < length; bit += 8) {
      const int left = std::min(8, length - bit);
      const auto mask = static_cast<uint8_t>(0xff << (8 - left));
      const auto at = static_cast<size_t>(bit / 8);
      if (((bytes[at] ^ address[at]) & mask) != 0) return false;
    }
    return true;
  }
};

std::optional<Network> ReadNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const auto bytes = BytesOf(address);
  if (!bytes) return std::nullopt;
  const bool ipv4 = address.find(':') == std::string::npos;
  int length = ipv4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    int read = -1;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), read);
    if (fault != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (read < 0 || read > length) return std::nullopt;
    length = read;
  }
  return Network{*bytes, ipv4 ? kMapped + length : length};
}

// IANA's special-purpose registries (RFC 6890 and later): what is not globally reachable, and what
// carries addresses of others within. Then the one public address at which a cloud's host answers.
constexpr std::array kForbidden = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "2001::/23",     "2001:db8::/32",   "2002::/16",      "3fff::/20",      "168.63.129.16/32",
};

const std::vector<Network>& Forbidden() {
  static const auto networks = [] {
    std::vector<Network> read;
    for (const char* text : kForbidden) read.push_back(*ReadNetwork(text));
    return read;
  }();
  return networks;
}

bool IsOwn(const AddressBytes& address) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> interfaces(first, freeifaddrs);
  for (const ifaddrs* i = first; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr) continue;
    AddressBytes own{};
    if (i->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, i->ifa_addr, sizeof v4);
      own = Mapped(reinterpret_cast<const uint8_t*>(&v4.sin_addr));
    } else if (i->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, i->ifa_addr, sizeof v6);
      std::copy_n(v6.sin6_addr.s6_addr, 16, own.begin());
    } else {
      continue;
    }
    if (own == address) return true;
  }
  return false;
}

bool IsForbiddenAddress(const TargetRules& rules, AddressBytes address) {
  static const Network nat64 = *ReadNetwork("64:ff9b::/96");
  static const Network mapped = *ReadNetwork("::ffff:0:0/96");
  static const Network global = *ReadNetwork("2000::/3");
  if (nat64.Has(address)) address = Mapped(address.data() + 12);
  for (const std::string& text : rules.allowed) {
    if (const auto network = ReadNetwork(text); network && network->Has(address)) return false;
  }
  if (!mapped.Has(address) && !global.Has(address)) return true;
  if (std::any_of(Forbidden().begin(), Forbidden().end(),
                  [&](const Network& network) { return network.Has(address); })) {
    return true;
  }
  return IsOwn(address);
}

// Where from 1024 on something listens that a POST may harm or reveal.
constexpr std::array<uint16_t, 46> kServicePorts = {
    1080, 1433, 1434, 1521, 1723,  2049,  2181,  2375,  2376,  2379,  2380, 3128,
    3260, 3306, 3389, 4369, 4444,  4505,  4506,  5060,  5061,  5432,  5672, 5900,
    5901, 5984, 5985, 5986, 6000,  6379,  6443,  6667,  7000,  7001,  8500, 9042,
    9092, 9160, 9200, 9300, 10250, 11211, 26379, 27017, 50051, 61616,
};

bool IsWebPort(uint16_t port) {
  if (port == 443 || port == 80) return true;
  return port >= 1'024 &&
         std::find(kServicePorts.begin(), kServicePorts.end(), port) == kServicePorts.end();
}

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::optional<std::string> Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return std::string(text);
}

}  // namespace

bool IsNetwork(std::string_view text) { return ReadNetwork(text).has_value(); }

bool IsForbidden(const TargetRules& rules, const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return IsForbiddenAddress(rules, Mapped(reinterpret_cast<const uint8_t*>(&v4.sin_addr)));
  }
  if (address.sa_family != AF_INET6) return true;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  AddressBytes bytes{};
  std::copy_n(v6.sin6_addr.s6_addr, 16, bytes.begin());
  return IsForbiddenAddress(rules, bytes);
}

bool IsForbidden(const TargetRules& rules, const std::string& address) {
  const auto bytes = BytesOf(address);
  return !bytes || IsForbiddenAddress(rules, *bytes);
}

Result<Target> ReadTarget(const TargetRules& rules, std::string_view field, std::string_view url) {
  const auto refused = [&](const char* part) {
    return FieldError(std::string(field), Reason::kTargetForbidden, {{"part", part}});
  };
  // A backslash is a slash to some parsers, and blanks and control characters end it for others.
  if (url.empty() || url.size() > kLongestUrl || std::any_of(url.begin(), url.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\' || c == '#';
      })) {
    return refused("url");
  }
  const UrlHandle parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(),
                   CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return refused("url");
  }
  const std::string scheme = Part(parsed.get(), CURLUPART_SCHEME).value_or("");
  if (scheme != "https" && !(scheme == "http" && rules.allow_http)) return refused("scheme");
  const size_t authority = url.find("//") + 2;
  if (url.substr(authority, url.find_first_of("/?", authority) - authority).find('@') !=
      std::string_view::npos) {
    return refused("user");
  }

  auto host = Part(parsed.get(), CURLUPART_HOST);
  // libcurl turns other letters into ASCII by the process's locale, and full-width dots and digits
  // into addresses.
  if (!host ||
      !std::all_of(host->begin(), host->end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return refused("host");
  }
  if (Part(parsed.get(), CURLUPART_ZONEID)) return refused("host");
  Target target;
  target.host = *std::move(host);
  for (char& c : target.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (target.host.ends_with('.')) target.host.pop_back();
  if (target.host.starts_with('[') && target.host.ends_with(']')) {
    target.host = target.host.substr(1, target.host.size() - 2);
  }
  in_addr v4{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_aton(target.host.c_str(), &v4) == 1) {
    target.literal = true;
    target.host = inet_ntop(AF_INET, &v4, text.data(), text.size());
  } else if (in6_addr v6{}; inet_pton(AF_INET6, target.host.c_str(), &v6) == 1) {
    target.literal = true;
    target.host = inet_ntop(AF_INET6, &v6, text.data(), text.size());
  }
  if (target.host.empty()) return refused("host");
  const bool local = target.host == "localhost" || target.host.ends_with(".localhost");
  if ((target.literal && IsForbidden(rules, target.host)) ||
      (local && IsForbidden(rules, std::string("127.0.0.1")))) {
    return refused("host");
  }

  const std::string port = Part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
  std::from_chars(port.data(), port.data() + port.size(), target.port);
  if (!IsWebPort(target.port)) return refused("port");

  const bool brackets = target.host.find(':') != std::string::npos;
  const std::string written = brackets ? "[" + target.host + "]" : target.host;
  if (curl_url_set(parsed.get(), CURLUPART_HOST, written.c_str(), 0) != CURLUE_OK) {
    return refused("host");
  }
  auto whole = Part(parsed.get(), CURLUPART_URL);
  if (!whole) return refused("url");
  target.url = *std::move(whole);
  return target;
}

Result<void> CheckTarget(const TargetRules& rules, std::string_view field, std::string_view url) {
  auto target = ReadTarget(rules, field, url);
  if (!target) return std::move(target).error();
  return {};
}

}  // namespace rebound
