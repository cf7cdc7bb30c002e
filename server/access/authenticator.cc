#include "server/access/authenticator.h"

#include <algorithm>
#include <optional>

namespace rebound {
namespace {

constexpr size_t kLongestHeader = 512;

// The token of "Bearer TOKEN"; empty when `header` is anything else.
std::string_view TokenOf(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() > kLongestHeader || header.size() < kScheme.size()) return {};
  const bool is_bearer =
      std::equal(kScheme.begin(), kScheme.end(), header.begin(), [](char expected, char c) {
        return expected == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
      });
  if (!is_bearer) return {};
  header.remove_prefix(std::min(header.find_first_not_of(' ', kScheme.size()), header.size()));
  while (header.ends_with(' ')) header.remove_suffix(1);
  return header.find(' ') == std::string_view::npos ? header : std::string_view{};
}

}  // namespace

Result<Identity> Authenticator::Authenticate(std::string_view header, size_t header_count) {
  const Error refused{.reason = Reason::kUnauthenticated};
  const std::string_view token = header_count == 1 ? TokenOf(header) : std::string_view{};
  if (token.empty()) return refused;
  const TokenHash hash = HashToken(token);
  const Timestamp now = clock_.Now();
  const auto is_fresh = [now](const Remembered& entry) {
    return entry.at <= now && now - entry.at < kRemembered;
  };
  {
    std::lock_guard lock(mutex_);
    const auto found = remembered_.find(hash);
    if (found != remembered_.end() && is_fresh(found->second)) return found->second.identity;
  }

  std::optional<Store::Principal> principal;
  try {
    principal = store_.FindPrincipal(hash);
  } catch (const StoreFailure&) {
    return Error{.reason = Reason::kStoreUnavailable};
  }
  std::lock_guard lock(mutex_);
  if (!principal || principal->disabled) {
    remembered_.erase(hash);
    return refused;
  }
  if (remembered_.size() >= kCapacity) {
    std::erase_if(remembered_, [&](const auto& entry) { return !is_fresh(entry.second); });
    if (remembered_.size() >= kCapacity) remembered_.clear();
  }
  const Identity identity{principal->name, principal->role, principal->scope};
  remembered_.insert_or_assign(hash, Remembered{identity, now});
  return identity;
}

}  // namespace rebound
