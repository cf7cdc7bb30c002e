// Judges what the simulated server put on record, command by command, by rules of its own: the
// transitions of the pinned lifecycle, the minutes of timeline.h, ledgers of clocks, tiers, timers,
// pauses, requests and messages. Of the code under test it calls Apply alone, because a row must be
// the fold of its events.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/execute/run.h"
#include "server/storage/memory_store.h"
#include "tests/simulation/configurations.h"
#include "tests/simulation/entry_ledger.h"
#include "tests/simulation/violation.h"

namespace rebound::simulation {

struct Request {
  Work work{};         // of one command
  std::string what{};  // for the trace
  Timestamp sent{};    // when it was answered
};

// What became of one command of a batch that is on disk: events in (first, last] are its.
struct Record {
  const Request* request = nullptr;
  Result<Outcome> result{Outcome{}};
  int64_t first = 0;
  int64_t last = 0;
};

// A clock as the checker counts it.
struct ClockBook {
  ClockKind kind{};
  int32_t generation = 0;
  std::string definition{};
  std::string calendar_id{};
  int32_t calendar_version = 0;
  const Timeline* timeline = nullptr;  // null: wall time
  Limit limit{};
  MetBy met_by = MetBy::kUnset;
  ClockState state = ClockState::kRunning;
  Timestamp started{};
  Timestamp counted_from{};
  int64_t elapsed = 0;  // running: at counted_from
  struct Stretch {      // it ran; `before` had elapsed when it began
    Timestamp from{};
    Timestamp to{};
    int64_t before = 0;
    Count count{};
    const Timeline* timeline = nullptr;
  };
  std::vector<Stretch> stretches{};
  Duration stood{0};  // paused, or met and then counting on
  std::optional<Timestamp> paused_at{};
  std::optional<Timestamp> due{};
  std::optional<Timestamp> ended_at{};
  std::optional<Timestamp> breached_at{};
  std::vector<std::string> crossed{};
  int32_t timer = 0;
  int64_t extended = 0;
};

struct CaseBook {
  Case c{};  // the fold of its events
  std::vector<ClockBook> clocks{};
  std::map<std::pair<TimerKind, int32_t>, Timer> timers{};
  std::vector<Pause> pauses{};
  int64_t migrated_from = 0;
  const Transition* taken = nullptr;  // by the command at hand
  struct Action {                     // of a crossed tier: must follow at once
    std::string what{};
    std::string queue{};
  };
  std::vector<Action> actions{};
  std::vector<std::string> alerts{};  // rules that must raise one at once
  bool begun = false;                 // by the command at hand
  bool skips = false;                 // the step that began must be left out at once
  // Standing time, measured by statuses and by pauses.
  std::optional<Timestamp> stands_since{};
  Duration stood{0};
};

// Not thread-safe. Every method throws Violation.
class Checker {
 public:
  // A batch decided at `now` is on disk. Judges each command in turn, then the rows it touched.
  void Observe(MemoryStore& store, const std::vector<Record>& records, Timestamp now);
  // Every row there is, and nothing else: after a crash, and at the end.
  void CompareAll(MemoryStore& store);
  // Nothing is overdue on any case or entry: once the claimers have done their work.
  void NothingOverdue(Timestamp now);
  // After all is fired: who was held back was asked, every promise and link is in its place.
  void NothingForgotten();

  const std::map<CaseId, CaseBook>& books() const { return books_; }
  const CaseBook* Find(const CaseId& id) const;
  const EntryLedger& ledger() const { return ledger_; }
  const Configuration& InForce() const { return *revisions_.at(in_force_); }
  const Configuration& Of(const Case& c) const { return *revisions_.at(c.revision); }
  int64_t in_force() const { return in_force_; }
  bool held() const { return held_; }
  int64_t events() const { return last_sequence_; }
  // How often each thing was seen: events by name, refusals by reason.
  const std::map<std::string, int64_t, std::less<>>& seen() const { return seen_; }

 private:
  class CaseStep;

  void Judge(const Record& record, const std::vector<Event>& events);
  void JudgeRefusal(const Record& record, const CaseBook* book);
  void JudgeRestricted(const Record& record, const CaseBook* book);
  void CheckNoted(const Record& record, const BlacklistEntry& entry);
  void JudgeEntry(const Record& record, const std::vector<Event>& events);
  void Take(const Record& record, const Event& event);
  void TakeEntry(const Record& record, const Event& event);
  bool OwnsCaseOf(const CustomerId& person, std::string_view who) const;
  void CheckOwner(const CaseBook& book) const;
  void EndOfCommand(const Record& record, CaseBook& book, const std::vector<Event>& events);
  void CompareRow(const CaseBook& book, const std::optional<Case>& row);
  void CheckOverdue(const CaseBook& book, Timestamp now);
  void CheckOutbox(MemoryStore& store);

  Timestamp now_{};
  Timestamp last_recorded_{};
  int64_t last_sequence_ = 0;
  int64_t last_outbox_ = 0;
  std::map<int64_t, const Configuration*> revisions_{};
  int64_t in_force_ = 0;
  int64_t deciding_ = 0;  // in force for the batch at hand
  bool held_ = false;
  bool due_checked_ = false;  // of the command at hand
  std::map<CaseId, CaseBook> books_{};
  std::map<CustomerId, Customer> customers_{};
  std::map<ResponseId, Response> responses_{};
  EntryLedger ledger_{};
  std::map<std::pair<CustomerId, std::string>, CaseId> slots_{};
  std::map<std::pair<std::string, CustomerId>, Arm> arms_{};  // by experiment
  std::map<ExternalKey, ResponseId> response_keys_{};
  struct Stored {
    RawId resource{};
    Timestamp at{};
  };
  std::map<std::string, Stored, std::less<>> requests_{};
  std::vector<std::pair<int64_t, CaseId>> messages_{};  // expected, since the last look
  std::set<CaseId> touched_{};                          // by the batch
  std::set<BlacklistEntryId> touched_entries_{};        // likewise
  std::map<std::string, int64_t, std::less<>> seen_{};
};

}  // namespace rebound::simulation
