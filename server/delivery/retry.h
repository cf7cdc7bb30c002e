// When a delivery is tried again, and what an answer means. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "server/delivery/transfer.h"
#include "workflows/time.h"

namespace rebound {

// The waits before the first try, the second and so on. Standard Webhooks 1.0, "Deliverability and
// reliability".
inline constexpr std::array<Duration, 10> kRetrySchedule = {
    std::chrono::seconds{0},  std::chrono::seconds{5}, std::chrono::minutes{5},
    std::chrono::minutes{30}, std::chrono::hours{2},   std::chrono::hours{5},
    std::chrono::hours{10},   std::chrono::hours{14},  std::chrono::hours{20},
    std::chrono::hours{24}};

// No receiver makes us wait longer than this.
inline constexpr Duration kLongestRetryAfter = std::chrono::hours{1};

// How long to wait after `tries` tries have failed (0: none was made); nullopt: no more are made.
// The schedule's wait and up to a fifth of it by `random`, which is uniform over all values; never
// less than `retry_after`, which is capped at kLongestRetryAfter.
std::optional<Duration> NextTry(std::span<const Duration> schedule, int32_t tries, uint64_t random,
                                std::optional<Duration> retry_after);

// A Retry-After header: seconds, or an HTTP date against `now`. At most kLongestRetryAfter, never
// negative; nullopt: neither.
std::optional<Duration> ReadRetryAfter(std::string_view value, Timestamp now);

enum class DeliveryVerdict {
  kDelivered,
  kRetry,
  kSlowDown,  // retry, and send this receiver less for a while
  kGone,      // the receiver wants no more of any (410)
  kRefused,   // this one will never be taken
};

// Of a webhook: 2xx is delivered, 410 gone, 429, 502 and 504 slow down; all else, 3xx included, and
// every end without an answer is tried again. An answer that is too long counts by its status.
DeliveryVerdict Judge(const TransferResult& result);

}  // namespace rebound
