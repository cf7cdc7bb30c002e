#include "tests/simulation/entry_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/simulation/history.h"
#include "tests/simulation/violation.h"
#include "workflows/decide.h"

namespace rebound::simulation {
namespace {

using Decided = BlacklistDecisionKind;
using Kind = BlacklistKind;
using Notice = BlacklistNotice;

constexpr Duration kLongestImmediate = std::chrono::hours{72};
constexpr Duration kImmediateRests = std::chrono::days{30};

template <typename T, typename U>
bool Has(const std::vector<T>& all, const U& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

[[noreturn]] void Fail(const BlacklistEntry& entry, const std::string& what) {
  throw Violation(
      fmt::format("{}, {}, of {} to {}: {}", EntryNumberText(entry.number), Name(entry.kind),
                  FormatTime(entry.starts_at), FormatTime(entry.expires_at), what),
      CaseId{});
}

const BlacklistKindPolicy* PolicyOf(const Revision& revision, Kind kind) {
  for (const BlacklistKindPolicy& each : revision.blacklist.kinds) {
    if (each.kind == kind) return &each;
  }
  return nullptr;
}

bool MayBy(const std::vector<std::string>& roles, const std::string& role) {
  return role.empty() || roles.empty() || Has(roles, role);
}

}  // namespace

bool Holds(const EntryBook& entry, Timestamp at) {
  if (entry.over || at < entry.starts_at || at >= entry.expires_at) return false;
  if (!entry.decided) return entry.immediate_until && at < *entry.immediate_until;
  // An appeal that we are late to decide on suspends it, unless somebody may be hurt.
  return entry.kind == Kind::kStaffSafety || !entry.appeal_waits || at < entry.appeal_due;
}

bool Reaches(const EntryBook& entry, const Case& c) {
  const std::string& id = entry.extent.id;
  switch (entry.extent.kind) {
    case BlacklistExtent::Kind::kUnset: return false;
    case BlacklistExtent::Kind::kCompany: return true;
    case BlacklistExtent::Kind::kProgram: return c.program_id == id;
    case BlacklistExtent::Kind::kOrgUnit: break;
  }
  return c.details.org_unit_id == id || c.details.org_unit_id.starts_with(id + "/");
}

std::optional<Timestamp> NextDueOf(const EntryBook& entry) {
  if (entry.over) return std::nullopt;
  Timestamp due = entry.expires_at;
  if (entry.decided) {
    if (entry.review_at) due = std::min(due, *entry.review_at);
    const bool late = entry.appeal_waits && !entry.told.contains(Notice::kAppealOverdue);
    if (late) due = std::min(due, entry.appeal_due);
  } else if (entry.immediate_until && !entry.told.contains(Notice::kImmediateOver)) {
    due = std::min(due, *entry.immediate_until);
  }
  return due;
}

bool ForbidsContact(const EntryBook& entry, Channel channel) {
  if (entry.kind == Kind::kDoNotContact) return true;
  return entry.kind == Kind::kChannelLimit && Has(entry.effects.channels, channel);
}

bool ForbidsSurvey(const EntryBook& entry, std::string_view program, Channel channel) {
  if (entry.kind == Kind::kDoNotContact) {
    return entry.effects.program_ids.empty() || Has(entry.effects.program_ids, program);
  }
  return entry.kind == Kind::kChannelLimit && Has(entry.effects.channels, channel);
}

namespace {

bool Names(const EntryBook& entry, std::string_view type) {
  return entry.effects.remedy_types.empty() || Has(entry.effects.remedy_types, type);
}

}  // namespace

bool ForbidsRemedy(const EntryBook& entry, std::string_view type) {
  return entry.kind == Kind::kNoGoodwill && Names(entry, type);
}

bool AsksApproval(const EntryBook& entry, std::string_view type) {
  return entry.kind == Kind::kRepeatCompensation && Names(entry, type);
}

bool IsDiscretionary(const Remedy& remedy) {
  using enum RemedyKind;
  if (remedy.statutory) return false;
  const RemedyKind kind = remedy.kind;
  return kind == kRefund || kind == kVoucher || kind == kReplacement || kind == kUpgrade ||
         kind == kPoints || kind == kFreeOfCharge;
}

// One event on one entry.
struct EntryLedger::Step {
  const EntryLedger& ledger;
  EntryBook& book;
  const Event& event;
  const Moment& moment;

  void Exactly(bool holds, std::string_view what) const {
    if (!holds) Fail(book.row, fmt::format("{}: {}", TypeName(event.body), what));
  }
  const BlacklistKindPolicy* policy() const { return PolicyOf(moment.revision, book.kind); }
  Timestamp now() const { return moment.now; }
  CustomerId person() const { return ledger.PersonOf(book.row.customer_id); }

  // `second`: whoever wanted it may not.
  void Decide(const BlacklistDecision& decision, bool second) {
    const std::string& who = decision.actor;
    Exactly(!second || !book.wanted_by.contains(who), "decided by who wanted it");
    Exactly(who == moment.caller.principal && who == event.actor && decision.at == now(),
            "on record is another decision than was taken");
    Exactly(who != "system", "no person has decided");
    Exactly(!decision.note.id.empty(), "nobody says why");
    Exactly(policy() == nullptr || MayBy(policy()->decide_roles, moment.caller.role),
            "decided by another role than may");
    Exactly(!moment.owns_case(person(), who), "decided by who works on a case of the customer");
    book.deciders.insert(who);
  }
  void End() {
    book.over = true;
    book.ended_at = now();
  }
  void CheckEnd(Timestamp end) const {
    Exactly(policy() != nullptr, "of a kind that nobody may propose");
    Exactly(end <= now() + policy()->max_duration,
            "for longer than its kind allows: to " + FormatTime(end) + " at " + FormatTime(now()));
  }
  // Time alone has brought this, once, in its order and not before its time.
  void ByTime(std::optional<Timestamp> due) const {
    Exactly(!moment.held, "time goes on although timers are held");
    Exactly(event.actor == "system", "a person makes time go on");
    Exactly(due && *due <= now(), "before its time");
    Exactly(event.occurred_at == *due, "on record for another time");
    Exactly(NextDueOf(book) == due, "something else was due before it");
  }

  void operator()(const EntryProposed& e);
  void operator()(const EntryWarned& e) {
    Exactly(!book.decided && !book.over && !book.warned_at, "warned too late, or twice");
    Decide(e.decision, true);
    Exactly(e.decision.kind == Decided::kWarned, "not a warning");
    book.warned_at = now();
  }
  void operator()(const EntryDecided& e);
  void operator()(const EntryExtensionRequested& e);
  void operator()(const EntryExtensionDecided& e);
  void operator()(const EntryAppealed& e);
  void operator()(const EntryAppealDecided& e);
  void operator()(const EntryLifted& e) {
    Exactly(book.decided && !book.over, "nothing is left to lift");
    Decide(e.decision, false);
    Exactly(e.decision.kind == Decided::kLifted, "not lifted");
    End();
  }
  void operator()(const EntryLapsed&) {
    Exactly(!book.over, "it ends twice");
    ByTime(book.expires_at);
    End();
    book.ended_at = book.expires_at;
  }
  void operator()(const EntryNotified& e);
  template <typename T>
  void operator()(const T&) {
    Exactly(false, "stands on an entry");
  }

  void CheckRests(const BlacklistEntry& entry) const;
};

void EntryLedger::Step::operator()(const EntryProposed& e) {
  const BlacklistEntry& entry = e.entry;
  const bool by_rules = std::holds_alternative<ProposeByRules>(moment.command);
  book.row = entry;
  book.kind = entry.kind;
  book.extent = entry.extent;
  book.effects = entry.effects;
  book.proposed_at = now();
  book.starts_at = entry.starts_at;
  book.expires_at = entry.expires_at;
  book.review_at = entry.review_at;
  book.immediate_until = entry.immediate_until;
  book.wanted_by = {entry.proposer};
  // What a crash took with it has had its number.
  Exactly(ledger.books_.empty() || entry.number > ledger.books_.back().row.number,
          "its number does not follow");
  Exactly(entry.state == BlacklistState::kProposed && entry.decisions.empty() && !entry.warned_at,
          "decided as it is proposed");
  Exactly(entry.customer_id == ledger.PersonOf(entry.customer_id), "of an alias");
  Exactly(entry.starts_at >= now() && entry.expires_at > entry.starts_at, "it ends as it begins");
  CheckEnd(entry.expires_at);
  Exactly(!entry.review_at || (*entry.review_at > now() && *entry.review_at < entry.expires_at),
          "it is looked at again too early, or too late");
  Exactly(!entry.evidence.empty() && !entry.reason_code.empty() && !entry.legal_basis.empty(),
          "without grounds");
  const bool of_remedies =
      entry.kind == Kind::kNoGoodwill || entry.kind == Kind::kRepeatCompensation;
  Exactly(entry.effects.remedy_types.empty() || of_remedies, "another kind's effect");
  Exactly(!Has(entry.effects.remedy_types, "owed"), "what is owed by law is kept back");
  CheckRests(entry);
  if (by_rules) {
    Exactly(entry.proposer == "system" && entry.triggered_by == moment.caller.principal,
            "not the system's proposal");
    Exactly(!entry.rule_id.empty() && !entry.immediate_until, "a rule decides");
    book.wanted_by.insert(entry.triggered_by);
    return;
  }
  Exactly(entry.proposer == moment.caller.principal, "proposed by somebody else");
  Exactly(entry.rule_id.empty(), "no rule has proposed it");
  Exactly(MayBy(policy()->propose_roles, moment.caller.role), "proposed by another role than may");
}

// Neither a rule nor an immediate effect comes again at once.
void EntryLedger::Step::CheckRests(const BlacklistEntry& entry) const {
  if (entry.immediate_until) {
    Exactly(entry.kind == Kind::kStaffSafety, "it holds at once");
    Exactly(*entry.immediate_until > now() && *entry.immediate_until <= now() + kLongestImmediate,
            "it holds for more than three days before anybody decides");
  }
  Duration cool_down{0};
  for (const BlacklistRule& rule : moment.revision.blacklist.rules) {
    if (rule.id == entry.rule_id) cool_down = rule.cool_down;
  }
  for (const EntryBook& other : ledger.books_) {
    if (!ledger.IsSamePerson(other.row.customer_id, entry.customer_id)) continue;
    const bool repeats = entry.immediate_until && other.immediate_until && !other.decided &&
                         now() < other.proposed_at + kImmediateRests;
    Exactly(!repeats, "it holds at once, time and again, without a decision");
    if (entry.rule_id.empty() || other.row.rule_id != entry.rule_id) continue;
    const Timestamp ended = other.over ? other.ended_at : other.expires_at;
    Exactly(now() >= ended + cool_down, "its rule has only just proposed");
  }
}

void EntryLedger::Step::operator()(const EntryDecided& e) {
  Exactly(!book.decided && !book.over, "decided twice");
  Decide(e.decision, true);
  if (e.decision.kind == Decided::kRejected) return End();
  Exactly(e.decision.kind == Decided::kActivated, "neither confirmed nor rejected");
  // While timers are held nobody knows what time it is.
  Exactly(moment.held || now() < book.expires_at, "confirmed after its end");
  const bool warns = book.kind != Kind::kStaffSafety && policy() != nullptr && policy()->warn_first;
  if (warns) {
    Exactly(book.warned_at && now() >= *book.warned_at + policy()->warning_wait,
            "the customer was not warned, or had no time to change");
  }
  Exactly(!e.review_at || *e.review_at > now(), "it was to be looked at again before");
  book.decided = true;
  book.review_at = e.review_at;
}

void EntryLedger::Step::operator()(const EntryExtensionRequested& e) {
  Exactly(book.decided && !book.over, "nothing is left to extend");
  Exactly(book.extension_by.empty() && !book.appeal_waits, "something else waits to be decided");
  Exactly(e.extension.requested_by == moment.caller.principal && event.actor != "system",
          "asked for by nobody");
  Exactly(e.extension.until > book.expires_at, "shorter than before");
  CheckEnd(e.extension.until);
  book.extension_by = e.extension.requested_by;
  book.extension_until = e.extension.until;
}

void EntryLedger::Step::operator()(const EntryExtensionDecided& e) {
  Exactly(book.decided && !book.over && !book.extension_by.empty(), "nobody has asked for it");
  Exactly(e.decision.actor != book.extension_by, "decided by who asked for it");
  Decide(e.decision, true);
  const bool granted = e.decision.kind == Decided::kExtensionGranted;
  Exactly(granted || e.decision.kind == Decided::kExtensionRefused, "neither granted nor refused");
  Exactly(e.expires_at == (granted ? book.extension_until : book.expires_at), "another end");
  if (granted) {
    Exactly(!book.appeal_waits, "extended while the customer waits for an answer");
    Exactly(e.expires_at > book.expires_at, "shorter than before");
    CheckEnd(e.expires_at);
  }
  book.expires_at = e.expires_at;
  book.review_at = e.review_at;
  book.extension_by.clear();
}

void EntryLedger::Step::operator()(const EntryAppealed& e) {
  Exactly(book.decided && !book.over, "nothing is left to appeal against");
  Exactly(book.appealed_by.empty(), "appealed against twice");
  Exactly(book.appeal_until && now() <= *book.appeal_until, "appealed against too late");
  Exactly(e.appeal.state == AppealState::kMade && e.appeal.filed_by == moment.caller.principal,
          "not the appeal that was recorded");
  Exactly(e.appeal.due_at == now() + moment.revision.blacklist.appeal_decision,
          "to be decided at another time");
  book.appealed_by = e.appeal.filed_by;
  book.appeal_waits = true;
  book.appeal_due = e.appeal.due_at;
}

void EntryLedger::Step::operator()(const EntryAppealDecided& e) {
  Exactly(book.decided && !book.over && book.appeal_waits, "no appeal waits");
  const std::string& who = e.decision.actor;
  Exactly(who != book.appealed_by && !book.deciders.contains(who), "no third person has decided");
  Decide(e.decision, true);
  book.appeal_waits = false;
  if (e.decision.kind == Decided::kAppealUpheld) return End();
  Exactly(e.decision.kind == Decided::kAppealDismissed, "neither upheld nor dismissed");
}

void EntryLedger::Step::operator()(const EntryNotified& e) {
  const bool many = e.notice == Notice::kReviewDue || e.notice == Notice::kExtended;
  Exactly(many || !book.told.contains(e.notice), fmt::format("{} twice", Name(e.notice)));
  const bool of_staff = e.notice == Notice::kImmediateOver || e.notice == Notice::kAppealOverdue ||
                        e.notice == Notice::kReviewDue;
  Exactly(of_staff != e.notify.empty(), "nobody is told, or somebody else");
  const bool open = book.decided && !book.over;
  switch (e.notice) {
    case Notice::kUnset: Exactly(false, "of nothing"); break;
    case Notice::kWarning: Exactly(book.warned_at == now(), "without a warning"); break;
    case Notice::kDecision:
    case Notice::kExtended:
      Exactly(open, "it does not hold");
      Exactly(e.appeal_until || e.notice == Notice::kExtended, "without a word of appeals");
      Exactly(!e.appeal_until || *e.appeal_until == now() + moment.revision.blacklist.appeal_window,
              "another time to appeal");
      break;
    case Notice::kAppealDecided:
      Exactly(!book.appealed_by.empty() && !book.appeal_waits, "there is nothing to tell");
      break;
    case Notice::kLifted: Exactly(book.over && book.ended_at == now(), "it is not over"); break;
    case Notice::kLapsed:
      Exactly(book.over && book.ended_at == book.expires_at, "it is not over");
      break;
    case Notice::kImmediateOver:
      Exactly(!book.decided, "it was decided on");
      ByTime(book.immediate_until);
      break;
    case Notice::kAppealOverdue:
      Exactly(open && book.appeal_waits, "no appeal waits");
      ByTime(book.appeal_due);
      break;
    case Notice::kReviewDue:
      Exactly(open, "it does not hold");
      ByTime(book.review_at);
      Exactly(!e.review_at || *e.review_at > now(), "the next look is over already");
      book.review_at = e.review_at;
      break;
  }
  if (e.appeal_until) book.appeal_until = e.appeal_until;
  book.told.insert(e.notice);
}

void EntryLedger::Take(const Event& event, const Moment& moment) {
  if (const auto* linked = std::get_if<CustomerLinked>(&event.body)) {
    alias_of_[event.customer_id] = linked->alias_of;
    return;
  }
  const bool proposed = std::holds_alternative<EntryProposed>(event.body);
  const auto known = by_id_.find(event.entry_id);
  if (proposed != (known == by_id_.end())) {
    throw Violation(proposed ? "an entry is proposed twice" : "there is no such entry", CaseId{});
  }
  EntryBook fresh;
  EntryBook& book = proposed ? fresh : books_[known->second];
  const int64_t version = proposed ? 0 : book.row.version;
  Step step{*this, book, event, moment};
  std::visit(step, event.body);
  book.row = Apply(proposed ? BlacklistEntry{} : std::move(book.row), event);
  if (book.row.version != version + 1 || book.row.id != event.entry_id) {
    Fail(book.row, "the version does not rise by one");
  }
  if (!proposed) return;
  by_id_.emplace(event.entry_id, books_.size());
  books_.push_back(std::move(fresh));
}

void EntryLedger::EndOfCommand(const BlacklistEntryId& id, Timestamp now) const {
  const EntryBook* book = Find(id);
  if (book == nullptr) return;
  const auto due = NextDueOf(*book);
  if (due && *due <= now) {
    Fail(book->row, fmt::format("something was due {} and has not come", FormatTime(*due)));
  }
}

void EntryLedger::NothingOverdue(Timestamp now) const {
  for (const EntryBook& book : books_) EndOfCommand(book.row.id, now);
}

void EntryLedger::CompareRow(const BlacklistEntryId& id,
                             const std::optional<BlacklistEntry>& row) const {
  const EntryBook* book = Find(id);
  if (book == nullptr) throw Violation("an entry that no event proposed", CaseId{});
  if (!row) Fail(book->row, "its row is missing");
  const auto wrong = [&](const std::string& what) { Fail(book->row, "its row: " + what); };
  if (row->expires_at != book->expires_at || row->starts_at != book->starts_at) {
    wrong("it begins or ends at another time");
  }
  if (IsFinal(row->state) != book->over) wrong("over, or not");
  if (!book->over && (row->state == BlacklistState::kActive) != book->decided) {
    wrong("decided, or not");
  }
  if (*row != book->row) wrong("differs from the fold of its events");
}

const EntryBook* EntryLedger::Find(const BlacklistEntryId& id) const {
  const auto known = by_id_.find(id);
  return known == by_id_.end() ? nullptr : &books_[known->second];
}

CustomerId EntryLedger::PersonOf(CustomerId id) const {
  for (auto known = alias_of_.find(id); known != alias_of_.end(); known = alias_of_.find(id)) {
    id = known->second;
  }
  return id;
}

std::vector<const EntryBook*> EntryLedger::On(const Case& c, Timestamp now) const {
  std::vector<const EntryBook*> holding;
  if (c.customer_id.empty()) return holding;
  for (const EntryBook& book : books_) {
    const bool bears =
        Holds(book, now) && Reaches(book, c) && IsSamePerson(book.row.customer_id, c.customer_id);
    if (bears) holding.push_back(&book);
  }
  return holding;
}

}  // namespace rebound::simulation
