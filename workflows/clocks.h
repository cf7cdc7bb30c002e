// A case's clocks (时限): what has to happen by when, counted how, and what follows when it does
// not. Definitions are values of the revision; a CaseClock is one running on a case. Pure.
//
// A clock counts from `counted_from` while it runs; what was counted before (until a pause, or by
// an earlier revision) is in `elapsed`. Its due time is Advance(counted_from, amount - elapsed):
// pauses are credited exactly, and a new calendar or limit keeps what has elapsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/calendar.h"
#include "workflows/predicate.h"
#include "workflows/time.h"

namespace rebound {

enum class ClockKind {
  kUnset,
  kFirstContact,      // from opening or reopening until the customer is tried or reached
  kRemedy,            // from opening or reopening until a remedy is accepted or delivered
  kCommitment,        // from a promise until it is kept
  kVerification,      // from handling done until somebody else has asked the customer
  kResurvey,          // from handling done (or verified) until the customer is asked again
  kExternalDeadline,  // a regulator's or platform's; nobody can pause or extend it
  kFirstResolution,   // from opening until handling is first done; reopening does not restart it
  kTotalResolution    // from opening until handling is done for good; reopening counts on
};
inline constexpr int kClockKindCount = static_cast<int>(ClockKind::kTotalResolution) + 1;
// snake_case, e.g. "first_contact".
std::string_view Name(ClockKind kind);

enum class ClockState { kUnset, kRunning, kPaused, kMet, kCancelled };

// What ends a first-contact clock: any outbound attempt, or speaking to the customer.
enum class MetBy { kUnset, kAttempt, kReached };

struct Limit {
  Count count = Count::kWall;
  int64_t amount = 0;  // milliseconds, or days for day counts
  friend bool operator==(const Limit&, const Limit&) = default;
};

enum class TierAction { kUnset, kNotify, kRaisePriority, kReassign, kEscalate };

// When a tier is crossed, seen from the due time.
struct TierAt {
  enum class Kind {
    kPercent,  // `amount` percent of the limit, in its own count; milliseconds counts only
    kWall,     // `amount` milliseconds of wall time after due; negative: before
    kOwnCount  // `amount` of the clock's own count after due; negative: before
  };
  Kind kind = Kind::kWall;
  int64_t amount = 0;
  friend bool operator==(const TierAt&, const TierAt&) = default;
};

struct Tier {
  std::string id{};  // stable within the clock
  TierAt at{};       // {kWall, 0}: the breach itself
  std::vector<TierAction> actions{};
  // kNotify: owner, first_receiver, unit_manager, queue, or the id of a role.
  std::vector<std::string> notify{};
  std::string queue_id{};  // kReassign: where the case goes, without an owner
  friend bool operator==(const Tier&, const Tier&) = default;
};

struct ClockDefinition {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  ClockKind kind = ClockKind::kUnset;
  Predicate when{};  // over the fields usable as a case opens; of a kind the first match applies
  Limit limit{};     // kCommitment, kExternalDeadline: unused, their due time is given
  std::string calendar_id{};  // empty: UTC, wall time only
  MetBy met_by = MetBy::kReached;
  std::vector<Tier> tiers{};  // in order of time
  friend bool operator==(const ClockDefinition&, const ClockDefinition&) = default;
};

// It did not count from `from` to `to`.
struct Standstill {
  Timestamp from{};
  Timestamp to{};
  friend bool operator==(const Standstill&, const Standstill&) = default;
};

struct CaseClock {
  ClockKind kind = ClockKind::kUnset;
  int32_t generation = 0;     // from 1, rising within a kind
  std::string definition{};   // id of its definition; empty: the due time was given by hand
  std::string calendar_id{};  // with calendar_version: what it counts by
  int32_t calendar_version = 0;
  Limit limit{};  // what was granted in all, extensions included
  MetBy met_by = MetBy::kUnset;
  ClockState state = ClockState::kRunning;
  Timestamp started_at{};
  Timestamp counted_from{};  // running: since when it counts
  int64_t elapsed = 0;       // counted before that; met or cancelled: in all
  Duration paused{0};        // wall time spent paused, ended pauses only
  std::optional<Timestamp> paused_at{};
  std::optional<Timestamp> due_at{};       // absent while paused
  std::optional<Timestamp> ended_at{};     // met or cancelled
  std::optional<Timestamp> breached_at{};  // the due time that passed while it ran
  std::vector<std::string> crossed{};      // ids of tiers, in order
  int32_t timer = 0;                       // generation of its pending timer; 0: none
  // Pauses that are over, and what lay between an end and counting on; they sum up to `paused`.
  std::vector<Standstill> stood{};
  friend bool operator==(const CaseClock&, const CaseClock&) = default;
};

// Runs or is paused: not over yet.
inline bool IsLive(const CaseClock& clock) {
  return clock.state == ClockState::kRunning || clock.state == ClockState::kPaused;
}

// May the clock be paused and extended at all? Not an external deadline.
inline bool IsPausable(ClockKind kind) { return kind != ClockKind::kExternalDeadline; }

// What a person sees of a clock at `now`.
struct ClockReading {
  int64_t elapsed = 0;       // in its own count
  Duration elapsed_wall{0};  // from start to end, pauses left out
  int64_t slack = 0;         // limit - elapsed, in its own count; negative: overrun
  Duration paused{0};        // with a pause that still lasts
};
// REQUIRES, here and below: `calendar` is the clock's, or null when it has none.
ClockReading Read(const CaseClock& clock, const Calendar* calendar, Timestamp now);

// What passes in [from, to] by `counting`, without what the clock stood of it.
int64_t Ran(const CaseClock& clock, const Counting& counting, Timestamp from, Timestamp to);

// What the clock has counted at `at`, in its own count. `at` may lie before it last stood.
int64_t ElapsedAt(const CaseClock& clock, const Calendar* calendar, Timestamp at);

// The due time of a clock that counts `limit` from `from` on, `elapsed` of it done. nullopt: never.
std::optional<Timestamp> DueTime(const CaseClock& clock, const Calendar* calendar);

// When the tier is crossed by a running clock; nullopt when its calendar never gets there.
std::optional<Timestamp> TierTime(const Tier& tier, const CaseClock& clock,
                                  const Calendar* calendar);

}  // namespace rebound
