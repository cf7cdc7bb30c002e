// Blacklist entries as the simulator's checker keeps them: who wanted each, who decided, from when
// to when it holds and what it forbids. Made of the events alone, by rules of its own; of the code
// under test it calls Apply, because a row must be the fold of its events.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/execute/run.h"
#include "workflows/event.h"
#include "workflows/revision.h"

namespace rebound::simulation {

struct EntryBook {
  BlacklistEntry row{};  // the fold of its events
  BlacklistKind kind{};
  BlacklistExtent extent{};
  BlacklistEffects effects{};
  std::set<std::string> wanted_by{};  // whoever proposed it, or had the rules tried
  std::set<std::string> deciders{};
  bool decided = false;  // by a second person: it holds
  bool over = false;
  Timestamp proposed_at{};
  Timestamp starts_at{};
  Timestamp expires_at{};
  Timestamp ended_at{};  // once it is over
  std::optional<Timestamp> immediate_until{};
  std::optional<Timestamp> warned_at{};
  std::optional<Timestamp> review_at{};
  std::optional<Timestamp> appeal_until{};
  std::string appealed_by{};  // empty: nobody has
  bool appeal_waits = false;
  Timestamp appeal_due{};
  std::string extension_by{};  // empty: none waits
  Timestamp extension_until{};
  std::set<BlacklistNotice> told{};  // of those that are told once
};

// Does it hold at that instant? At its end it no longer does.
bool Holds(const EntryBook& entry, Timestamp at);
// Within its extent.
bool Reaches(const EntryBook& entry, const Case& c);
// When time alone does something to it next; nullopt: never again.
std::optional<Timestamp> NextDueOf(const EntryBook& entry);

// What it says while it holds, to something within its extent.
bool ForbidsContact(const EntryBook& entry, Channel channel);
bool ForbidsSurvey(const EntryBook& entry, std::string_view program, Channel channel);
// Of a remedy that is not owed by law.
bool ForbidsRemedy(const EntryBook& entry, std::string_view type);
bool AsksApproval(const EntryBook& entry, std::string_view type);

// Given at our discretion: it costs us something, and no law asks for it.
bool IsDiscretionary(const Remedy& remedy);

// Not thread-safe. Every method that judges throws Violation.
class EntryLedger {
 public:
  // What an event is judged by.
  struct Moment {
    Timestamp now{};
    bool held = false;         // timers are
    const Revision& revision;  // in force
    const Caller& caller;
    const Command& command;
    // Who owns an open case of that person.
    const std::function<bool(const CustomerId& person, std::string_view who)>& owns_case;
  };

  // An event with an entry_id, or one that links a customer.
  void Take(const Event& event, const Moment& moment);
  // A command on the entry is over that came to something: nothing that was due before it is left.
  void EndOfCommand(const BlacklistEntryId& id, Timestamp now) const;
  void NothingOverdue(Timestamp now) const;
  void CompareRow(const BlacklistEntryId& id, const std::optional<BlacklistEntry>& row) const;

  // By number.
  const std::vector<EntryBook>& books() const { return books_; }
  const EntryBook* Find(const BlacklistEntryId& id) const;
  // Who stands for the customer by now.
  CustomerId PersonOf(CustomerId id) const;
  bool IsSamePerson(const CustomerId& a, const CustomerId& b) const {
    return a == b || PersonOf(a) == PersonOf(b);
  }
  // Those of the case's customer that hold where the case is.
  std::vector<const EntryBook*> On(const Case& c, Timestamp now) const;

 private:
  struct Step;

  std::vector<EntryBook> books_{};
  std::map<BlacklistEntryId, size_t> by_id_{};
  std::map<CustomerId, CustomerId> alias_of_{};
};

}  // namespace rebound::simulation
