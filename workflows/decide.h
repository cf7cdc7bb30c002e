// Decide and Apply: the whole domain in two functions. Pure: no I/O, no clock, no threads; anything
// may call them from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/blacklist.h"
#include "workflows/case.h"
#include "workflows/command.h"
#include "workflows/customer.h"
#include "workflows/event.h"
#include "workflows/ids.h"
#include "workflows/response.h"
#include "workflows/result.h"
#include "workflows/revision.h"

namespace rebound {

// What is known about the subjects of a command when it is decided. Loaded by execute, in the same
// transaction.
struct Facts {
  // The customer the command concerns, aliases followed. SubmitResponse and UpsertCustomer: absent
  // when the key is new. WorkCase: the case's customer.
  std::optional<Customer> customer{};
  // SubmitResponse, WorkCase/Reopen: every case of that customer, aliases included, in the
  // program, by opened_at. WorkCase/RecordRemedy: in every program, the subject too. MergeCase,
  // UnmergeCase: what `other` was merged into, and so on to the one that is open. OpenCase: those
  // that it links.
  std::vector<Case> cases{};
  // WorkCase: the case. ClaimNext: the best case that the actor may claim (MayClaim), and that the
  // entries of its customer leave where it waits (RoutedTo).
  // SubmitResponse: the case that the answer names by invitation or id; where that was merged, the
  // one of the same program it went on in.
  std::optional<Case> subject{};
  // MergeCase, LinkCase: the case named second, with its customer. UnmergeCase: the one that the
  // subject was merged into.
  std::optional<Case> other{};
  std::optional<Customer> other_customer{};
  // SubmitResponse in history mode, or of an answer given in the past: every response of that
  // customer and program. DecideVerdict of a mis-scored case, any verb on a held one: the answer
  // that opened it.
  std::vector<Response> responses{};
  // The revisions that the cases above follow, where that is not the one in force. A case whose
  // revision is not here follows the one in force.
  std::vector<std::shared_ptr<const Revision>> pinned{};
  // ApplyRevision: the last one stored; 0 and "" when there is none.
  int64_t last_revision = 0;
  std::string last_revision_hash{};
  // ReportClock, ConfirmClock, ReportZones; `timers_held` also where a timer of a case or something
  // of the entry is overdue.
  bool timers_held = false;
  std::string zone_data{};
  // EraseCustomer: every record of the person, `customer` first. RecordBehaviour: those that cases
  // and limits are counted over, `customer` first.
  std::vector<Customer> records{};
  // UpsertCustomer, AddCustomerAlias, and SubmitResponse where it makes a customer: what was kept
  // over an erasure of whoever is known by one of the customer's phone numbers, addresses or keys.
  // In that case `entries` has the open ones of the customer, too.
  std::vector<Suppression> suppressed{};
  // AddCustomerAlias: who owns the key now.
  std::optional<Customer> key_owner{};
  int64_t next_case_number = 1;
  // Where the customers live; null: unknown, and the zone of the contact rules holds.
  std::shared_ptr<const Zone> customer_zone{};
  std::shared_ptr<const Zone> other_customer_zone{};
  // What the customer said as those of the cases above opened whose plan asks about it (AsksWords
  // in steps.h).
  struct Words {
    CaseId case_id{};
    std::optional<Response> answer{};
    std::string request{};
  };
  std::vector<Words> words{};
  // What somebody has on their hands before the command. Asked only as a case looks for an owner,
  // and by a claim; always the same answer. Null: nobody has anything.
  std::function<StaffLoad(std::string_view principal)> load_of{};
  // Who has, or had last, the newest other case of its customer in its program that anybody had;
  // empty: nobody. Asked only where the case's queue is sticky. Null: nobody.
  std::function<std::string(const Case&)> earlier_owner{};
  // WorkCase, where the case's owner has all that they may have: the best case that waits in a
  // queue which the system gives out and that would be theirs if they had less.
  std::optional<Case> waiting{};
  std::optional<Customer> waiting_customer{};
  std::shared_ptr<const Zone> waiting_customer_zone{};
  // WorkEntry: the blacklist entry; `customer` is who stands for its customer now.
  std::optional<BlacklistEntry> entry{};
  // ProposeEntry, ProposeByRules: every entry of the customer and of every alias, whatever became
  // of it. SubmitResponse, OpenCase, ClaimNext, WorkCase: the open ones of `customer`,
  // `other_customer` and `waiting_customer`, in one list. Each names in customer_id who stands for
  // its customer now, so that whose it is can be told. ProposeByRules also has all their cases and
  // responses above, of every program; ProposeEntry and AppealEntry the cases of theirs that the
  // evidence names. EraseCustomer has all of theirs, each with the record it was stored with, and
  // their open cases above. WorkEntry: where `open_cases` are loaded the open ones of `customer`.
  std::vector<BlacklistEntry> entries{};
  // ProposeEntry that is to hold at once; WorkEntry whose verb can make an entry hold that names a
  // queue: every open case of the customer and of every alias that is not of a history, in every
  // program, seen by the caller or not, by opened_at.
  std::vector<Case> open_cases{};
  // WorkEntry: who owns an open case of the customer, of any alias, in any program.
  std::vector<std::string> case_owners{};
  int64_t next_entry_number = 1;
};

struct Context {
  Timestamp now{};                     // never goes back
  IdSource* ids = nullptr;             // new ids; not null
  const Revision* revision = nullptr;  // in force
  std::string actor{};                 // principal's name, or "system"
  // Key of the actor's role, for the transitions that name roles. Empty: the system, who may all.
  std::string role{};
};

// The revision of that number among what is known, else the one in force.
const Revision& RevisionOf(const Facts& facts, const Context& context, int64_t number);

// Everything about an answer that the configuration forbids: unknown program, score outside the
// scale, time outside its bounds, no customer where one is required. Fields are named
// "response.FIELD". Decide refuses whatever this finds.
std::vector<FieldViolation> CheckSubmit(const SubmitResponse& command, const Revision& revision,
                                        Timestamp now);

// One violation becomes an error of its own reason, several become kFieldViolations.
// REQUIRES: not empty.
Error ToError(std::vector<FieldViolation> violations);

// What the command makes happen, or why it is refused. An empty list means: nothing to do (a timer
// that another wake-up already fired). Texts without an id get one.
Result<Events> Decide(const Facts& facts, const Command& command, const Context& context);

// The case after the event. For CaseOpened, `before` is ignored. REQUIRES: a case event, not
// CaseVoided (after which there is no case).
Case Apply(Case before, const Event& event);
// The same for customers, responses and blacklist entries.
Customer Apply(Customer before, const Event& event);
Response Apply(Response before, const Event& event);
BlacklistEntry Apply(BlacklistEntry before, const Event& event);

}  // namespace rebound
