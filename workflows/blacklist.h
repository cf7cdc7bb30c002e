// The blacklist (黑名单): restrictions on what a customer is given at our discretion, each with its
// grounds, its decisions and its end. Plain structs and the pure functions that read them; who may
// do what to an entry is decided in decide_blacklist.cc.
//
//   proposed ──▶ warned ──▶ active ──▶ lapsed     its time is over
//      │            │       ▲  └─────▶ lifted     by a decision, or on appeal
//      ├────────────┼───────┘
//      └────────────┴──────▶ rejected             lapsed, too, if nobody decides in time
//
// lapsed, lifted and rejected are final: whoever is to be restricted again is proposed again.
//
//   warn, decide       a second person: not the proposer, nor whoever had the rules tried
//   decide_extension   as these, nor whoever asked for it
//   decide_appeal      a third person: as these, nor whoever recorded the appeal, nor anybody who
//                      has decided on the entry before, a warning included
//   lift               anybody, the proposer too
//
// each of them by a person, never the system, of a role that the policy names, who owns no open
// case of the customer. Persons are compared by principal, whatever token or role they show.
//
// An entry never keeps a customer from complaining. Opening a case is no RestrictedAction, and what
// is owed by law (a statutory remedy) is always allowed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/case.h"
#include "workflows/ids.h"
#include "workflows/response.h"
#include "workflows/time.h"

namespace rebound {

enum class BlacklistState { kUnset, kProposed, kWarned, kActive, kLapsed, kLifted, kRejected };
inline constexpr int kBlacklistStateCount = static_cast<int>(BlacklistState::kRejected) + 1;

// snake_case, e.g. "staff_safety", "proposed".
std::string_view Name(BlacklistKind kind);
std::string_view Name(BlacklistState state);
inline bool IsFinal(BlacklistState state) { return state >= BlacklistState::kLapsed; }

// What people do to an entry. Which state accepts it: Accepts.
enum class EntryCommand {
  kWarn,              // proposed
  kDecide,            // proposed, warned
  kRequestExtension,  // active
  kDecideExtension,   // active
  kAppeal,            // active
  kDecideAppeal,      // active
  kLift               // active
};
inline constexpr int kEntryCommandCount = static_cast<int>(EntryCommand::kLift) + 1;
// snake_case, e.g. "request_extension".
std::string_view Name(EntryCommand command);
bool Accepts(BlacklistState state, EntryCommand command);
// The names of those that the state accepts, in enum order.
std::vector<std::string> Allowed(BlacklistState state);

// What an entry restricts. Each kind reads its own parts only, and an entry has no others.
struct BlacklistEffects {
  std::vector<Channel> channels{};          // channel_limit: the blocked ones, at least one
  std::vector<std::string> remedy_types{};  // no_goodwill, repeat_compensation; empty: every one
                                            // that is not statutory
  std::vector<std::string> program_ids{};   // do_not_contact: of its surveys; empty: of all
  std::string queue_id{};  // where cases go: staff_safety, which always names one; no_goodwill and
                           // repeat_compensation may; empty: as usual
  friend bool operator==(const BlacklistEffects&, const BlacklistEffects&) = default;
};

// Where it holds. An action that names no unit, or no program, is in none.
struct BlacklistExtent {
  enum class Kind {
    kUnset,    // nowhere: what a newer program means by it is not known
    kCompany,  // everywhere
    kOrgUnit,  // in the unit `id` and below it, by whole segments of the path
    kProgram   // where the program is `id`
  };
  Kind kind = Kind::kCompany;
  std::string id{};
  friend bool operator==(const BlacklistExtent&, const BlacklistExtent&) = default;
};

// Something that happened, when it did. Of a rule: what it counted, without words.
// At most limits::kBlacklistEvidence of an entry, and of an appeal.
struct BlacklistEvidence {
  BlacklistEvidenceId id{};
  Text summary{};
  std::string url{};      // where it is kept; empty: the summary says it
  std::string measure{};  // of a rule (EvaluateRule); empty: given by a person
  CaseId case_id{};       // empty: it is not on a case
  Timestamp occurred_at{};
  std::string added_by{};  // principal, or "system"
  friend bool operator==(const BlacklistEvidence&, const BlacklistEvidence&) = default;
};

enum class BlacklistDecisionKind {
  kUnset,
  kWarned,
  kActivated,
  kRejected,
  kExtensionGranted,
  kExtensionRefused,
  kAppealUpheld,
  kAppealDismissed,
  kLifted
};

struct BlacklistDecision {
  BlacklistDecisionKind kind = BlacklistDecisionKind::kUnset;
  std::string actor{};  // principal; never "system"
  Timestamp at{};
  Text note{};
  friend bool operator==(const BlacklistDecision&, const BlacklistDecision&) = default;
};

// The customer objects; recorded by whoever hears of it. Once for an entry.
struct BlacklistAppeal {
  AppealState state = AppealState::kUnset;
  Text words{};
  std::vector<BlacklistEvidence> evidence{};
  std::string filed_by{};
  Timestamp filed_at{};
  Timestamp due_at{};  // to be decided before
  std::string decided_by{};
  std::optional<Timestamp> decided_at{};
  friend bool operator==(const BlacklistAppeal&, const BlacklistAppeal&) = default;
};

// Asked for, not decided yet.
struct BlacklistExtension {
  std::string requested_by{};
  Timestamp requested_at{};
  Timestamp until{};
  Text reason{};
  friend bool operator==(const BlacklistExtension&, const BlacklistExtension&) = default;
};

// Something was said about the entry: to the customer (their notices), or to those who decide.
enum class BlacklistNotice {
  kUnset,
  kWarning,        // customer
  kDecision,       // customer: it holds, why, until when, how to appeal
  kExtended,       // customer
  kAppealDecided,  // customer
  kLifted,         // customer; also that what they were warned of does not come
  kLapsed,         // customer
  kImmediateOver,  // staff: the immediate effect has ended, and nobody has decided
  kAppealOverdue,  // staff: nobody has decided on the appeal in time
  kReviewDue       // staff
};
// snake_case, e.g. "review_due".
std::string_view Name(BlacklistNotice notice);
bool IsForCustomer(BlacklistNotice notice);

struct BlacklistEntry {
  BlacklistEntryId id{};
  int64_t number = 0;        // shown as B-17
  int64_t version = 0;       // +1 with each event; the etag
  CustomerId customer_id{};  // who stood for the customer as it was proposed
  BlacklistKind kind = BlacklistKind::kUnset;
  BlacklistState state = BlacklistState::kUnset;
  BlacklistEffects effects{};
  BlacklistExtent extent{};
  std::vector<BlacklistEvidence> evidence{};
  std::string reason_code{};
  Text internal_reason{};
  Text customer_reason_en{};  // what the customer is told; both empty: the name of the reason code
  Text customer_reason_zh{};
  std::string legal_basis{};
  std::string proposer{};                // principal; "system": a rule's
  std::string rule_id{};                 // empty: by hand
  std::string triggered_by{};            // of a rule: who had the rules tried; "system": nobody
  std::string org_unit_id{};             // for scopes: of its extent, else of the customer
  Timestamp starts_at{};                 // first instant it may hold
  Timestamp expires_at{};                // first instant it no longer holds
  std::optional<Timestamp> review_at{};  // absent: it ends before
  // staff_safety only: it holds before it is decided on, up to this instant.
  std::optional<Timestamp> immediate_until{};
  std::vector<BlacklistDecision> decisions{};  // oldest first
  std::optional<Timestamp> warned_at{};
  std::optional<Timestamp> notified_at{};  // the customer was told that it holds
  std::optional<Timestamp> appeal_until{};
  BlacklistAppeal appeal{};
  std::optional<BlacklistExtension> extension{};
  bool immediate_over_noticed = false;
  bool appeal_overdue_noticed = false;
  // Decided on before its customer was erased, and recognised when they came again (Suppression):
  // active from the beginning, and nobody's decision is on it any more.
  bool is_suppression = false;
  std::optional<Timestamp> ended_at{};  // lapsed, lifted or rejected
  Timestamp created_at{};
  Timestamp updated_at{};

  friend bool operator==(const BlacklistEntry&, const BlacklistEntry&) = default;
};

// What of an entry outlives the erasure of its customer: that whoever has one of the same phone
// numbers, addresses or keys is still not to be contacted. Kept under keyed hashes of these, until
// it expires; whose it was is gone.
struct Suppression {
  BlacklistKind kind = BlacklistKind::kUnset;  // do_not_contact or channel_limit
  BlacklistEffects effects{};
  BlacklistExtent extent{};
  std::string reason_code{};
  std::string legal_basis{};
  std::string org_unit_id{};
  Timestamp expires_at{};
  friend bool operator==(const Suppression&, const Suppression&) = default;
};

inline std::string EntryNumberText(int64_t number) { return "B-" + std::to_string(number); }

// Does it restrict anything at that instant? Answered from the times themselves, never from whether
// a timer has fired: at expires_at and at immediate_until it no longer does.
//
// While an appeal is undecided past its due time an active entry does not hold: the delay is ours,
// and must not cost the customer. It holds again once the appeal is dismissed. staff_safety holds
// all the same: nobody shall be hurt because an appeal was forgotten.
bool IsInForce(const BlacklistEntry& entry, Timestamp now);

// Not over at that instant: it holds, or may come to hold.
bool IsOpen(const BlacklistEntry& entry, Timestamp now);

// When time alone changes something about it next (EntryTimers); nullopt: never again.
std::optional<Timestamp> NextDue(const BlacklistEntry& entry);

// Where and what `wide` restricts, `narrow` restricts as well.
bool Covers(const BlacklistExtent& wide, const BlacklistExtent& narrow);
bool Covers(const BlacklistEffects& wide, const BlacklistEffects& narrow);

// ---- At the seam

// What is about to be done with or for a customer. Opening a case is not among them.
enum class RestrictedActionKind { kUnset, kContact, kRemedy, kSurvey, kRoute };
inline constexpr int kRestrictedActionKindCount =
    static_cast<int>(RestrictedActionKind::kRoute) + 1;

struct RestrictedAction {
  RestrictedActionKind kind = RestrictedActionKind::kUnset;
  Channel channel = Channel::kUnset;  // contact, survey; kUnset: not known, which is no channel
  std::string remedy_type{};          // remedy
  bool statutory = false;             // remedy: owed by law
  std::string program_id{};
  std::string org_unit_id{};
};

// In rising order: of several entries the strictest counts.
enum class PermitOutcome { kAllowed, kNeedsApproval, kBlocked };
// snake_case, e.g. "needs_approval".
std::string_view Name(PermitOutcome outcome);

// One entry that has a say; to be kept on the case.
struct PermitExplanation {
  BlacklistEntryId entry_id{};
  int64_t number = 0;
  BlacklistKind kind = BlacklistKind::kUnset;
  std::string reason_code{};
  PermitOutcome outcome = PermitOutcome::kAllowed;  // by this entry alone
  Timestamp until{};  // as things stand: its end, or that of its immediate effect
  friend bool operator==(const PermitExplanation&, const PermitExplanation&) = default;
};

struct Permit {
  PermitOutcome outcome = PermitOutcome::kAllowed;
  std::vector<PermitExplanation> explanations{};  // by number of the entry
  std::string queue_id{};                         // route: see Restrict; empty: as usual
  friend bool operator==(const Permit&, const Permit&) = default;
};

// What of an entry restricts: all that IsInForce, IsOpen, Covers and the functions below read, and
// whose it is. Its grounds, decisions, words and persons are left out.
BlacklistEntry Brief(const BlacklistEntry& entry);

// What of the entries goes on when their customer is erased: of those of do_not_contact and
// channel_limit that are in force, as they are. `objects`: the customer themselves said that they
// are not to be contacted, which goes on for `kObjectionKept`.
inline constexpr Duration kObjectionKept{std::chrono::days{3 * 365}};
std::vector<Suppression> SuppressionsOf(std::span<const BlacklistEntry> entries, bool objects,
                                        std::string_view org_unit_id, Timestamp now);

// What the entries of a customer say to the action:
//
//   kind                 contact            remedy             survey    route
//   do_not_contact       blocked            -                  blocked   -
//   channel_limit        blocked            -                  blocked   -
//   no_goodwill          -                  blocked            -         to its queue, if any
//   repeat_compensation  -                  needs approval     -         to its queue, if any
//   staff_safety         needs approval,    -                  -         to its queue
//                        in person
//
// each within its effects and its extent, and while it is in force. A channel that is limited is so
// for surveys, too, where the action names it. A statutory remedy is always allowed.
//
// Of several queues that of the lowest number counts, and one of staff_safety before all others:
// whoever keeps people safe is not passed by for whoever reads claims. The order of `entries` does
// not matter.
Permit Restrict(std::span<const BlacklistEntry> entries, const RestrictedAction& action,
                Timestamp now);

// The queue that a case which waits still has to go to for the sake of its customer's entries: what
// Restrict says of its route, while one of those that say it has not sent the case yet. Empty: it
// stays where it is, or it does not wait (IsClaimable).
std::string RoutedTo(std::span<const BlacklistEntry> entries, const Case& c, Timestamp now);

// What is noted of the entry on the case; nullptr: nothing.
const CaseRestriction* FindRestriction(const Case& c, const BlacklistEntryId& entry);

// Every entry that is in force there, whatever it restricts, by number; the outcome says nothing.
std::vector<PermitExplanation> Bearing(std::span<const BlacklistEntry> entries,
                                       std::string_view program_id, std::string_view org_unit_id,
                                       Timestamp now);

}  // namespace rebound
