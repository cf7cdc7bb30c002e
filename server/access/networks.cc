#include "server/access/networks.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace rebound {
namespace {

constexpr std::string_view kUnix = "unix";

std::optional<std::array<unsigned char, 16>> ToBytes(std::string_view address) {
  std::array<unsigned char, 16> bytes{};
  const std::string text(address.substr(0, INET6_ADDRSTRLEN));
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes = {};
  bytes[10] = bytes[11] = 0xFF;
  if (inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool BitAt(const std::array<unsigned char, 16>& bytes, int bit) {
  return (bytes[static_cast<size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Networks> Networks::Parse(const std::vector<std::string>& texts, std::string* wrong) {
  Networks networks;
  for (const std::string& text : texts) {
    *wrong = text;
    if (text == kUnix) {
      networks.unix_ = true;
      continue;
    }
    const size_t slash = std::min(text.find('/'), text.size());
    const auto bytes = ToBytes(std::string_view(text).substr(0, slash));
    if (!bytes) return std::nullopt;
    const bool is_v4 = text.find(':') == std::string::npos;
    int prefix = is_v4 ? 32 : 128;
    if (slash < text.size()) {
      int given = -1;
      const char* end = text.data() + text.size();
      const auto [at, error] = std::from_chars(text.data() + slash + 1, end, given);
      if (error != std::errc() || at != end || given < 0 || given > prefix) return std::nullopt;
      prefix = given;
    }
    Network network{*bytes, is_v4 ? 96 + prefix : prefix};
    for (int bit = network.prefix; bit < 128; ++bit) {
      if (BitAt(network.bytes, bit)) return std::nullopt;
    }
    networks.networks_.push_back(network);
  }
  wrong->clear();
  return networks;
}

bool Networks::Contains(std::string_view address) const {
  if (address == kUnix) return unix_;
  const auto bytes = ToBytes(address);
  return bytes && std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
           for (int bit = 0; bit < network.prefix; ++bit) {
             if (BitAt(*bytes, bit) != BitAt(network.bytes, bit)) return false;
           }
           return true;
         });
}

std::string ForwardedAddress(const Networks& proxies, std::string peer,
                             std::string_view forwarded) {
  while (!forwarded.empty() && proxies.Contains(peer)) {
    const size_t comma = forwarded.rfind(',');
    const size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
    const std::string_view before = Trim(forwarded.substr(begin));
    if (!ToBytes(before)) break;
    peer = std::string(before);
    forwarded = forwarded.substr(0, begin == 0 ? 0 : comma);
  }
  return peer;
}

}  // namespace rebound
