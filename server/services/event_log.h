// The log of events as callers see it: cursors, what they ask for, and what they may see. Pure but
// for what reads; thread-safe.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rebound/v1/event.pb.h"
#include "server/access/authenticator.h"
#include "server/services/call.h"
#include "server/services/checks.h"
#include "server/services/page.h"
#include "server/storage/store.h"

namespace rebound {

// A place in the log as a caller carries it: sealed with a key that lies in the database, so that
// it outlives the process and comes along with every copy, and bound to the principal.
class EventCursors {
 public:
  explicit EventCursors(const SealKey& key) : key_(key) {}

  std::string Seal(const LogPosition& position, std::string_view principal) const;
  // kCursorInvalid for the field unless Seal made it for the principal. Whether the log still has
  // the place is CheckPosition's to say.
  Result<LogPosition> Open(const std::string& field, std::string_view cursor,
                           std::string_view principal) const;

 private:
  const SealKey key_;
};

// kCursorAhead, kCursorFromLostTimeline: the log has no such place, for it is an older copy, or one
// that went its own way. `given_out_since` set: and kCursorExpired where an event after the place
// was recorded before then. `days`: of that, for the message.
struct Retention {
  std::optional<Timestamp> given_out_since{};
  int64_t days = 0;
};
Result<void> CheckPosition(Reader& reader, const EventCursors& cursors, const std::string& field,
                           const LogPosition& position, std::string_view principal,
                           const Retention& retention);

// What a caller asks for: an empty list does not restrict.
struct EventFilter {
  std::set<std::string, std::less<>> types{};
  std::set<std::string, std::less<>> program_ids{};
  std::vector<std::string> org_unit_ids{};
  std::set<std::string, std::less<>> queue_ids{};
  std::set<CaseId> case_ids{};
  std::set<CustomerId> customer_ids{};

  bool Matches(const LoggedEvent& logged) const;
};

// Cases are named by id or number and have to be in the scope: else kNotFound. `path`: of the
// filter in the request.
Result<EventFilter> ToEventFilter(const api::EventFilter& filter, const Scope& scope,
                                  Reader& reader, const std::string& path = "filter");

// Whether the event is the identity's to see, as of the event. `sees_entries`: the role may read
// blacklist entries.
bool SeesEvent(const Scope& scope, bool sees_entries, const LoggedEvent& logged);

// Of a hydrated event; all but its cursor.
void Fill(const LoggedEvent& logged, api::Event* out);
// The same of one that is not: with its words, which are read into it.
api::Event ToShown(Reader& reader, LoggedEvent& logged);

// Whether the role may read blacklist entries, and so what happens to them.
bool SeesEntries(std::string_view role, std::span<const RoleDef> roles);

}  // namespace rebound
