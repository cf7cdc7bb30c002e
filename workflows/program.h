// Programs: what is asked of whom, and how answers become cases. Values of a configuration
// revision.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "workflows/scale.h"
#include "workflows/time.h"

namespace rebound {

enum class ProgramKind { kTransactional, kRelational, kCompetitive, kInternal };

// A random share of eligible cases without a plan: the baseline for what plans do (对照组).
struct HoldOut {
  std::string experiment{};    // stable key, salts the draw; empty: none
  int32_t share_ppm = 0;       // parts per million of eligible cases; 0: nobody
  bool delayed_start = false;  // they begin after `delay`, and are then handled like the others
  Duration delay{std::chrono::days{7}};
  Duration ask_after{std::chrono::days{7}};  // from opening until the customer is asked again

  friend bool operator==(const HoldOut&, const HoldOut&) = default;
};

struct Program {
  std::string id{};  // stable key: [a-z0-9-]{1,64}
  std::string display_name{};
  std::string display_name_zh{};
  ProgramKind kind = ProgramKind::kTransactional;
  Scale scale{};
  bool allow_anonymous = false;
  bool anonymous_opens_case = false;  // a detractor's answer without a customer opens a site case
  std::optional<Duration> recovery_window{};  // nullopt: without limit
  Duration reopen_window{0};
  Duration resurvey_delay{std::chrono::days{3}};
  Duration resurvey_validity{std::chrono::days{14}};
  // A re-survey that is overdue by more when the server comes back is skipped, with its reason.
  Duration resurvey_catch_up{std::chrono::hours{72}};
  Duration first_contact_limit{
      std::chrono::hours{24}};  // wall time; 0: no clock; where no definition of clocks applies
  int32_t max_reopen_count = 2;
  std::string currency = "CNY";
  std::string time_zone = "UTC";
  std::string default_queue = "default";
  HoldOut hold_out{};

  friend bool operator==(const Program&, const Program&) = default;
};

}  // namespace rebound
