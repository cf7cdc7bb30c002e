#include "server/delivery/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <string>

namespace rebound {

std::optional<Duration> NextTry(std::span<const Duration> schedule, int32_t tries, uint64_t random,
                                std::optional<Duration> retry_after) {
  const auto at = static_cast<size_t>(std::max(tries, 0));
  if (at >= schedule.size()) return std::nullopt;
  const Duration wait = schedule[at];
  const auto most = static_cast<uint64_t>(wait.count() / 5);
  const Duration jitter{static_cast<int64_t>(random % (most + 1))};
  const Duration asked =
      std::clamp(retry_after.value_or(Duration{0}), Duration{0}, Duration{kLongestRetryAfter});
  return std::max(wait + jitter, asked);
}

std::optional<Duration> ReadRetryAfter(std::string_view value, Timestamp now) {
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  if (value.empty() || value.size() > 100) return std::nullopt;
  if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    int64_t seconds = 0;
    for (const char c : value) seconds = std::min<int64_t>(seconds * 10 + (c - '0'), 1'000'000);
    return std::min<Duration>(std::chrono::seconds{seconds}, kLongestRetryAfter);
  }
  // The three forms of RFC 9110 5.6.7 begin with the name of a day; curl_getdate takes more.
  if (value.find(',') == std::string_view::npos && value.find(':') == std::string_view::npos) {
    return std::nullopt;
  }
  const time_t at = curl_getdate(std::string(value).c_str(), nullptr);
  if (at < 0) return std::nullopt;
  return std::clamp<Duration>(FromMillis(int64_t{at} * 1'000) - now, Duration{0},
                              kLongestRetryAfter);
}

DeliveryVerdict Judge(const TransferResult& result) {
  using End = TransferResult::End;
  if (result.end != End::kAnswered && result.end != End::kTooLong) return DeliveryVerdict::kRetry;
  if (result.status >= 200 && result.status <= 299) return DeliveryVerdict::kDelivered;
  if (result.status == 410) return DeliveryVerdict::kGone;
  if (result.status == 429 || result.status == 502 || result.status == 504) {
    return DeliveryVerdict::kSlowDown;
  }
  return DeliveryVerdict::kRetry;
}

}  // namespace rebound
