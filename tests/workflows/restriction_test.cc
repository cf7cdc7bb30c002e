// What the blacklist means for cases: contact, remedies, the second ask and the queue, each where
// it is decided, and what is noted of it on the case.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/blacklist.h"
#include "workflows/blacklist_policy.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::InboundAttempt;
using fixtures::kNoProblems;
using fixtures::kStart;
using fixtures::On;
using fixtures::OutboundAttempt;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;

Revision Listed() {
  Revision revision = fixtures::TestRevision();
  revision.remedies = {{"voucher", RemedyKind::kVoucher, "V", "V", false, false},
                       {"sorry", RemedyKind::kPersonalApology, "S", "S", false, false},
                       {"owed", RemedyKind::kRefund, "O", "O", true, false}};
  revision.blacklist = DefaultBlacklistPolicy();
  for (BlacklistKindPolicy& policy : revision.blacklist.kinds) policy.warn_first = false;
  return revision;
}

// A case of wang, and what a test adds to the blacklist, in force from now on for 30 days.
struct Seam {
  World world{Listed()};
  CaseId id{};

  Seam() { Come(); }
  ~Seam() {
    EXPECT_EQ(world.problems, kNoProblems);
    EXPECT_EQ(world.Replayed().cases, world.cases);
  }

  void Come() {
    EXPECT_TRUE(world.Do(Answer("wang", 2)));
    id = world.LastResponse().paired_case_id;
  }
  const Case& Subject() const { return world.cases.at(id); }
  BlacklistEntry& List(BlacklistKind kind) {
    BlacklistEntryId key;
    key.bytes[15] = static_cast<uint8_t>(world.entries.size() + 1);
    BlacklistEntry& entry = world.entries[key];
    entry.id = key;
    entry.number = static_cast<int64_t>(world.entries.size());
    entry.customer_id = world.FindCustomer("wang")->id;
    entry.kind = kind;
    entry.state = BlacklistState::kActive;
    entry.reason_code = "why";
    entry.starts_at = world.now;
    entry.expires_at = world.now + days{30};
    if (kind == BlacklistKind::kChannelLimit) entry.effects.channels = {Channel::kPhone};
    if (kind == BlacklistKind::kStaffSafety) entry.effects.queue_id = "safety";
    return entry;
  }
  std::string Do(CaseVerb verb, std::string actor = "li.na") {
    world.actor = std::move(actor);
    return Outcome(world.Do(On(Subject(), std::move(verb))));
  }
  std::string Call(Channel channel, std::string actor = "li.na") {
    return Do(OutboundAttempt(AttemptOutcome::kNoAnswer, channel), std::move(actor));
  }
  std::string Give(std::string type, RemedyState state, std::string actor = "li.na",
                   RemedyId known = {}) {
    RecordRemedy verb;
    verb.remedy.id = known;
    verb.remedy.type_id = std::move(type);
    verb.remedy.state = state;
    return Do(std::move(verb), std::move(actor));
  }
  RemedyId LastRemedy() const { return Subject().remedies.back().id; }

  // On the blacklist by commands: proposed by zhao.min, decided by chen.hao.
  ProposeEntry Proposal(BlacklistKind kind, std::string queue) const {
    ProposeEntry command;
    command.customer_id = world.FindCustomer("wang")->id;
    command.kind = kind;
    command.effects = BlacklistEffects{};
    command.effects->queue_id = std::move(queue);
    command.evidence.resize(1);
    command.evidence[0].summary.value = "seen";
    command.evidence[0].occurred_at = world.now;
    command.reason_code = kind == BlacklistKind::kStaffSafety ? "threat" : "dishonest_claims";
    command.internal_reason.value = "seen";
    command.expires_at = world.now + days{30};
    return command;
  }
  std::string Propose(const ProposeEntry& command) {
    world.actor = "zhao.min";
    return Outcome(world.Do(command));
  }
  std::string OnEntry(EntryVerb verb, std::string actor = "chen.hao") {
    world.actor = std::move(actor);
    return Outcome(world.Do(WorkEntry{{{}, 1}, std::move(verb), {}}));
  }
  std::string Claim(std::string queue) {
    world.actor = "li.na";
    return Outcome(world.Do(ClaimNext{std::move(queue)}));
  }
};

const Text kRestrictionNote{{}, "looked at it"};

bool Mentions(const std::string& outcome, std::string_view what) {
  return outcome.find(what) != std::string::npos;
}

TEST(RestrictionTest, ContactIsWhatTheEntriesLeaveOfIt) {
  struct Row {
    const char* name;
    BlacklistKind kind;
    std::function<void(BlacklistEntry&)> set;
    Channel channel;
    const char* expected;  // a refusal; empty: logged
  };
  const auto as_is = [](BlacklistEntry&) {};
  const Row rows[] = {
      {"no contact", BlacklistKind::kDoNotContact, as_is, Channel::kSms, "BLACKLIST_BLOCKS"},
      {"a blocked channel", BlacklistKind::kChannelLimit, as_is, Channel::kPhone,
       "BLACKLIST_BLOCKS"},
      {"another channel", BlacklistKind::kChannelLimit, as_is, Channel::kSms, ""},
      {"meeting somebody who threatens", BlacklistKind::kStaffSafety, as_is, Channel::kInPerson,
       "BLACKLIST_NEEDS_APPROVAL"},
      {"calling them", BlacklistKind::kStaffSafety, as_is, Channel::kPhone, ""},
      {"no goodwill", BlacklistKind::kNoGoodwill, as_is, Channel::kPhone, ""},
      {"over", BlacklistKind::kDoNotContact, [](BlacklistEntry& e) { e.expires_at = kStart; },
       Channel::kSms, ""},
      {"not begun", BlacklistKind::kDoNotContact,
       [](BlacklistEntry& e) { e.starts_at = kStart + hours{1}; }, Channel::kSms, ""},
      {"not decided", BlacklistKind::kDoNotContact,
       [](BlacklistEntry& e) { e.state = BlacklistState::kProposed; }, Channel::kSms, ""},
      {"in another program", BlacklistKind::kDoNotContact,
       [](BlacklistEntry& e) {
         e.extent = {BlacklistExtent::Kind::kProgram, "elsewhere"};
       },
       Channel::kSms, ""},
  };
  for (const Row& row : rows) {
    Seam seam;
    row.set(seam.List(row.kind));
    const std::string outcome = seam.Call(row.channel);
    if (*row.expected != '\0') {
      EXPECT_EQ(outcome, row.expected) << row.name;
      EXPECT_TRUE(seam.Subject().attempts.empty()) << row.name;
    } else {
      EXPECT_TRUE(Mentions(outcome, "AttemptLogged")) << row.name << ": " << outcome;
    }
    EXPECT_TRUE(Mentions(seam.Do(InboundAttempt(row.channel)), "AttemptLogged"))
        << row.name << ": whoever speaks to us is heard";
  }
}

TEST(RestrictionTest, ARefusalNamesTheEntry) {
  Seam seam;
  seam.List(BlacklistKind::kDoNotContact);
  const auto refused = seam.world.Do(On(seam.Subject(), OutboundAttempt(AttemptOutcome::kReached)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().metadata.at("case"), CaseNumberText(seam.Subject().number));
  EXPECT_EQ(refused.error().metadata.at("entries"),
            "B-1 do_not_contact (why) until " + FormatTime(kStart + days{30}));
}

TEST(RestrictionTest, AMeetingIsApprovedBySomebodyWhoSupervises) {
  Seam seam;
  seam.Do(SuperviseCase{}, "chief");
  seam.world.now += hours{1};
  seam.List(BlacklistKind::kStaffSafety);
  EXPECT_EQ(seam.Call(Channel::kInPerson), "BLACKLIST_NEEDS_APPROVAL") << "it was not known then";
  seam.Do(SuperviseCase{}, "li.na");
  EXPECT_EQ(seam.Call(Channel::kInPerson), "BLACKLIST_NEEDS_APPROVAL") << "one's own";
  seam.Do(SuperviseCase{}, "chief");
  EXPECT_TRUE(Mentions(seam.Call(Channel::kInPerson), "AttemptLogged"));
}

TEST(RestrictionTest, RemediesAreBlockedOrWaitForASecondPerson) {
  Seam blocked;
  blocked.List(BlacklistKind::kNoGoodwill);
  for (const RemedyState state : {RemedyState::kProposed, RemedyState::kOffered,
                                  RemedyState::kAccepted, RemedyState::kDelivered}) {
    EXPECT_EQ(blocked.Give("voucher", state), "BLACKLIST_BLOCKS");
  }
  EXPECT_TRUE(blocked.Subject().remedies.empty());
  EXPECT_TRUE(Mentions(blocked.Give("owed", RemedyState::kDelivered), "RemedyRecorded"))
      << "what is owed by law";
  EXPECT_TRUE(Mentions(blocked.Give("sorry", RemedyState::kAccepted), "RemedyRecorded"))
      << "words are no goodwill";

  Seam approved;
  approved.List(BlacklistKind::kRepeatCompensation);
  EXPECT_EQ(approved.Give("voucher", RemedyState::kOffered), "BLACKLIST_NEEDS_APPROVAL");
  EXPECT_TRUE(Mentions(approved.Give("voucher", RemedyState::kProposed), "RemedyRecorded"));
  EXPECT_EQ(approved.Subject().remedies.back().approval_limit, "B-1");
  const RemedyId id = approved.LastRemedy();
  EXPECT_EQ(approved.Give("voucher", RemedyState::kOffered, "li.na", id), "REMEDY_NEEDS_APPROVAL");
  EXPECT_EQ(approved.Give("voucher", RemedyState::kApproved, "li.na", id),
            "SECOND_PERSON_REQUIRED");
  EXPECT_TRUE(
      Mentions(approved.Give("voucher", RemedyState::kApproved, "chief", id), "RemedyRecorded"));
  EXPECT_EQ(approved.Subject().remedies.back().approved_by, "chief");
  EXPECT_TRUE(
      Mentions(approved.Give("voucher", RemedyState::kOffered, "li.na", id), "RemedyRecorded"));
}

// Goal: the customer has our word for what was offered; what was only proposed is not given.
TEST(RestrictionTest, AnEntryBindsWhatIsGrantedAfterIt) {
  struct Row {
    const char* name;
    RemedyState before;
    RemedyState after;
    const char* expected;
  };
  const Row rows[] = {
      {"offered and accepted", RemedyState::kOffered, RemedyState::kAccepted, ""},
      {"accepted and delivered", RemedyState::kAccepted, RemedyState::kDelivered, ""},
      {"offered and declined", RemedyState::kOffered, RemedyState::kDeclined, ""},
      {"proposed and offered", RemedyState::kProposed, RemedyState::kOffered, "BLACKLIST_BLOCKS"},
      {"proposed and approved", RemedyState::kProposed, RemedyState::kApproved, "BLACKLIST_BLOCKS"},
      {"proposed and declined", RemedyState::kProposed, RemedyState::kDeclined, ""},
  };
  for (const Row& row : rows) {
    Seam seam;
    ASSERT_TRUE(Mentions(seam.Give("voucher", row.before), "RemedyRecorded")) << row.name;
    const RemedyId id = seam.LastRemedy();
    seam.List(BlacklistKind::kNoGoodwill);
    const std::string outcome = seam.Give("voucher", row.after, "chief", id);
    if (*row.expected != '\0') {
      EXPECT_EQ(outcome, row.expected) << row.name;
    } else {
      EXPECT_TRUE(Mentions(outcome, "RemedyRecorded")) << row.name << ": " << outcome;
    }
  }
}

TEST(RestrictionTest, ANewComplaintIsACaseAndSaysWhatBearsOnIt) {
  Seam seam;
  seam.List(BlacklistKind::kDoNotContact);
  seam.List(BlacklistKind::kStaffSafety);
  BlacklistEntry& elsewhere = seam.List(BlacklistKind::kNoGoodwill);
  elsewhere.extent = {BlacklistExtent::Kind::kProgram, "elsewhere"};
  seam.Do(Resolved());
  seam.Do(Close{}, "chief");
  seam.world.now += days{1};
  seam.Come();
  const Case& c = seam.Subject();
  EXPECT_EQ(c.phase, Phase::kOpen);
  ASSERT_EQ(c.restrictions.size(), 2u);
  EXPECT_EQ(c.restrictions[0].number, 1);
  EXPECT_EQ(c.restrictions[0].kind, BlacklistKind::kDoNotContact);
  EXPECT_EQ(c.restrictions[0].reason_code, "why");
  EXPECT_EQ(c.restrictions[0].until, kStart + days{30});
  EXPECT_EQ(c.restrictions[0].noted_at, seam.world.now);
  EXPECT_EQ(c.restrictions[1].number, 2);
  EXPECT_EQ(c.details.queue_id, "safety");
  seam.Do(EscalateCase{});
  EXPECT_EQ(seam.Subject().restrictions.size(), 2u) << "each once";
}

TEST(RestrictionTest, WhoeverHasTheCaseKeepsIt) {
  for (const bool owned : {false, true}) {
    Seam seam;
    const std::string queue = seam.Subject().details.queue_id;
    if (owned) seam.Do(Assign{"li.na", {}});
    seam.List(BlacklistKind::kStaffSafety);
    seam.Do(EscalateCase{});
    EXPECT_EQ(seam.Subject().restrictions.size(), 1u);
    EXPECT_EQ(seam.Subject().details.queue_id, owned ? queue : "safety");
    EXPECT_EQ(seam.Subject().owner, owned ? "li.na" : "");
  }
}

// Goal: suspected claims come before legal, each still a case; what keeps staff safe comes first.
TEST(RestrictionTest, CasesGoToTheQueueOfTheEntryWhileItHolds) {
  struct Row {
    const char* name;
    BlacklistKind kind;
    const char* queue;  // of the entry
    bool over, threatens;
    const char* expected;  // "": as usual
  };
  const Row rows[] = {
      {"no goodwill", BlacklistKind::kNoGoodwill, "legal", false, false, "legal"},
      {"repeat compensation", BlacklistKind::kRepeatCompensation, "legal", false, false, "legal"},
      {"without a queue", BlacklistKind::kNoGoodwill, "", false, false, ""},
      {"over", BlacklistKind::kNoGoodwill, "legal", true, false, ""},
      {"and threatens", BlacklistKind::kNoGoodwill, "legal", false, true, "safety"},
      {"over, and threatens", BlacklistKind::kNoGoodwill, "legal", true, true, "safety"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto list = [&row](Seam& seam) {
      BlacklistEntry& entry = seam.List(row.kind);
      entry.effects.queue_id = row.queue;
      if (row.over) entry.expires_at = seam.world.now;
      if (row.threatens) seam.List(BlacklistKind::kStaffSafety);
    };
    Seam waiting;
    const std::string usual = waiting.Subject().details.queue_id;
    ASSERT_NE(usual, "legal");
    const std::string expected = *row.expected == '\0' ? usual : row.expected;
    list(waiting);
    waiting.Do(EscalateCase{});
    EXPECT_EQ(waiting.Subject().details.queue_id, expected);
    // A new complaint goes there from the start, and is a case like any other.
    Seam later;
    list(later);
    later.Do(Resolved());
    later.Do(Close{}, "chief");
    later.world.now += days{1};
    later.Come();
    EXPECT_EQ(later.Subject().phase, Phase::kOpen);
    EXPECT_EQ(later.Subject().details.queue_id, expected);
  }
}

TEST(RestrictionTest, TheSecondAskIsLeftOutWithItsReason) {
  for (const BlacklistKind kind : {BlacklistKind::kDoNotContact, BlacklistKind::kNoGoodwill}) {
    Seam seam;
    seam.Do(Resolved());
    seam.List(kind).expires_at = kStart + days{365};
    for (const Timer& timer : std::vector<Timer>(seam.Subject().timers)) {
      if (timer.state == TimerState::kPending) {
        seam.world.now = std::max(seam.world.now, timer.due_at);
      }
    }
    seam.Do(FireTimers{}, "system");
    const bool left_out = kind == BlacklistKind::kDoNotContact;
    EXPECT_EQ(seam.Subject().resurvey_result,
              left_out ? ResurveyResult::kNotAsked : ResurveyResult::kUnset);
    EXPECT_EQ(seam.Subject().not_asked_reason,
              left_out ? NotAskedReason::kRestricted : NotAskedReason::kUnset);
  }
}

// Goal: the same person under another key is the same person.
TEST(RestrictionTest, AnEntryHoldsForEveryAlias) {
  Seam seam;
  seam.List(BlacklistKind::kDoNotContact);
  ASSERT_TRUE(seam.world.Do(Answer("wang2", 3)));
  const CaseId second = seam.world.LastResponse().paired_case_id;
  EXPECT_TRUE(seam.world.cases.at(second).restrictions.empty());
  AddCustomerAlias alias;
  alias.customer_id = seam.world.FindCustomer("wang2")->id;
  alias.key = {"crm", "wang"};
  ASSERT_EQ(Outcome(seam.world.Do(alias)), "CustomerLinked");
  seam.id = second;
  EXPECT_EQ(seam.Call(Channel::kSms), "BLACKLIST_BLOCKS");
}

// A case that waited where the entry does not want it could be claimed there by anybody, until
// somebody happened to decide something on it.
TEST(RestrictionTest, TheDecisionThatMakesAnEntryHoldSendsWhatWaits) {
  const auto decided = [](Seam& seam) {
    EXPECT_TRUE(Mentions(seam.OnEntry(DecideEntry{true, kRestrictionNote}), "EntryDecided"));
  };
  const auto undecided = [](Seam&) {};
  struct Row {
    const char* name;
    BlacklistKind kind;
    const char* queue;
    std::function<void(const Seam&, ProposeEntry&)> set;
    std::function<void(Seam&)> decide;
    bool noted;  // and sent there
  };
  const auto as_is = [](const Seam&, ProposeEntry&) {};
  const Row rows[] = {
      {"threatens", BlacklistKind::kStaffSafety, "safety", as_is, decided, true},
      {"no goodwill", BlacklistKind::kNoGoodwill, "legal", as_is, decided, true},
      {"repeat compensation", BlacklistKind::kRepeatCompensation, "legal", as_is, decided, true},
      {"at once", BlacklistKind::kStaffSafety, "safety",
       [](const Seam& seam, ProposeEntry& p) { p.immediate_until = seam.world.now + hours{72}; },
       undecided, true},
      {"proposed only", BlacklistKind::kStaffSafety, "safety", as_is, undecided, false},
      {"rejected", BlacklistKind::kStaffSafety, "safety", as_is,
       [](Seam& seam) {
         EXPECT_EQ(seam.OnEntry(DecideEntry{false, kRestrictionNote}), "EntryDecided");
       },
       false},
      {"without a queue", BlacklistKind::kNoGoodwill, "", as_is, decided, false},
      {"in another program", BlacklistKind::kStaffSafety, "safety",
       [](const Seam&, ProposeEntry& p) {
         p.extent = {BlacklistExtent::Kind::kProgram, std::string(fixtures::kCsat)};
       },
       decided, false},
      {"later", BlacklistKind::kStaffSafety, "safety",
       [](const Seam& seam, ProposeEntry& p) { p.starts_at = seam.world.now + hours{1}; }, decided,
       false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Seam seam;
    const std::string usual = seam.Subject().details.queue_id;
    ProposeEntry command = seam.Proposal(row.kind, row.queue);
    row.set(seam, command);
    ASSERT_TRUE(Mentions(seam.Propose(command), "EntryProposed"));
    row.decide(seam);
    EXPECT_EQ(seam.Subject().details.queue_id, row.noted ? row.queue : usual);
    EXPECT_EQ(seam.Subject().restrictions.size(), row.noted ? 1U : 0U);
    if (!row.noted) continue;
    EXPECT_EQ(seam.Subject().restrictions[0].number, 1);
    EXPECT_EQ(seam.Subject().restrictions[0].noted_at, seam.world.now);
    for (const Event& event : seam.world.log) {
      if (std::holds_alternative<CaseRestricted>(event.body)) {
        EXPECT_EQ(event.actor, "system");
        EXPECT_EQ(event.queue_id, row.queue) << "whoever looks after that queue sees it come";
      }
    }
    EXPECT_EQ(seam.Claim(usual), "NOTHING_TO_CLAIM");
    EXPECT_TRUE(Mentions(seam.Claim(row.queue), "CaseAssigned"));
  }
}

TEST(RestrictionTest, EveryOpenCaseOfThePersonIsSentAndNoOther) {
  Seam seam;
  const auto answered = [&](std::string_view customer, std::string_view program) {
    fixtures::AnswerOptions options;
    options.program = program;
    EXPECT_TRUE(seam.world.Do(Answer(customer, 2, options)));
    return seam.world.LastResponse().paired_case_id;
  };
  const CaseId closed = seam.id;
  seam.Do(Resolved());
  seam.Do(Close{}, "chief");
  seam.world.now += days{1};
  const CaseId here = answered("wang", fixtures::kNps);
  const CaseId of_alias = answered("wang2", fixtures::kCsat);
  const CaseId of_another = answered("bo", fixtures::kNps);
  AddCustomerAlias alias;
  alias.customer_id = seam.world.FindCustomer("wang")->id;
  alias.key = {"crm", "wang2"};
  ASSERT_EQ(Outcome(seam.world.Do(alias)), "CustomerLinked");
  OpenCase past;
  past.program_id = fixtures::kNps;
  past.customer_id = alias.customer_id;
  past.history = true;
  past.opened_at = kStart - days{9};
  ASSERT_TRUE(seam.world.Do(past));
  CaseId of_history;
  for (const auto& [id, c] : seam.world.cases) {
    if (c.history) of_history = id;
  }
  seam.Propose(seam.Proposal(BlacklistKind::kStaffSafety, "safety"));
  seam.OnEntry(DecideEntry{true, kRestrictionNote});
  const auto is_sent = [&](const CaseId& id) {
    const Case& c = seam.world.cases.at(id);
    EXPECT_EQ(c.restrictions.size(), c.details.queue_id == "safety" ? 1U : 0U);
    return c.details.queue_id == "safety";
  };
  EXPECT_TRUE(is_sent(here));
  EXPECT_TRUE(is_sent(of_alias));
  EXPECT_FALSE(is_sent(of_another));
  EXPECT_FALSE(is_sent(of_history));
  EXPECT_FALSE(is_sent(closed));
}

// What came while the entry was suspended waits as if there were none.
TEST(RestrictionTest, AnAppealThatIsDismissedSendsWhatCameMeanwhile) {
  for (const bool uphold : {false, true}) {
    Seam seam;
    seam.Do(Resolved());
    seam.Do(Close{}, "chief");
    seam.Propose(seam.Proposal(BlacklistKind::kNoGoodwill, "legal"));
    seam.OnEntry(DecideEntry{true, kRestrictionNote});
    ASSERT_EQ(seam.OnEntry(AppealEntry{{{}, "it was not me"}, {}}, "li.na"), "EntryAppealed");
    seam.world.now += seam.world.revision.blacklist.appeal_decision;
    seam.Come();
    EXPECT_TRUE(seam.Subject().restrictions.empty());
    const std::string usual = seam.Subject().details.queue_id;
    ASSERT_TRUE(Mentions(seam.OnEntry(DecideEntryAppeal{uphold, kRestrictionNote}, "he.xin"),
                         "EntryAppealDecided"));
    EXPECT_EQ(seam.Subject().details.queue_id, uphold ? usual : "legal");
    EXPECT_EQ(seam.Subject().restrictions.size(), uphold ? 0U : 1U);
  }
}

// Goal: it is sent once, whenever it first waits under the entry. Where people send it after that
// they have their reasons, as legal has that has looked at it.
TEST(RestrictionTest, ACaseIsSentOnceAsItFirstWaits) {
  const auto list = [](Seam& seam) {
    seam.Propose(seam.Proposal(BlacklistKind::kStaffSafety, "safety"));
    seam.OnEntry(DecideEntry{true, kRestrictionNote});
    ASSERT_EQ(seam.Subject().restrictions.size(), 1U);
  };
  Seam owned;
  const std::string usual = owned.Subject().details.queue_id;
  owned.Do(Dispatch{"li.na", {}, {}, {}});
  list(owned);
  EXPECT_EQ(owned.Subject().owner, "li.na");
  EXPECT_EQ(owned.Subject().details.queue_id, usual) << "whoever has it keeps it";
  owned.Do(Return{"too_hard", {}, {}});
  EXPECT_EQ(owned.Subject().owner, "");
  EXPECT_EQ(owned.Subject().details.queue_id, "safety");
  owned.Do(Dispatch{{}, "vip", {}, {}}, "chief");
  EXPECT_EQ(owned.Subject().details.queue_id, "vip");
  EXPECT_EQ(owned.Subject().restrictions.size(), 1U);
  EXPECT_TRUE(Mentions(owned.Claim("vip"), "CaseAssigned"));

  Seam handled;
  handled.Do(Resolved());
  list(handled);
  EXPECT_EQ(handled.Subject().details.queue_id, usual) << "it does not wait";
  handled.Do(Reopen{}, "chief");
  EXPECT_TRUE(IsClaimable(handled.Subject()));
  EXPECT_EQ(handled.Subject().details.queue_id, "safety");
}

// Goal: an entry that began without any decision. The queue is not stopped by a case that is not
// for whoever claims from it.
TEST(RestrictionTest, AClaimPassesOverWhatAnEntrySendsElsewhere) {
  Seam seam;
  const CaseId threatens = seam.id;
  const std::string usual = seam.Subject().details.queue_id;
  ASSERT_TRUE(seam.world.Do(Answer("bo", 2)));
  const CaseId other = seam.world.LastResponse().paired_case_id;
  const BlacklistEntry entry = seam.List(BlacklistKind::kStaffSafety);
  seam.world.entries.at(entry.id).starts_at = seam.world.now + hours{1};
  const auto routed = [&] {
    const std::vector<BlacklistEntry> entries = {seam.world.entries.at(entry.id)};
    return RoutedTo(entries, seam.Subject(), seam.world.now);
  };
  EXPECT_EQ(routed(), "");
  seam.world.now += hours{1};
  EXPECT_EQ(routed(), "safety");
  EXPECT_TRUE(Mentions(seam.Claim(usual), "CaseAssigned"));
  EXPECT_EQ(seam.world.cases.at(other).owner, "li.na");
  EXPECT_EQ(seam.world.cases.at(threatens).owner, "");
  EXPECT_EQ(seam.Claim(usual), "NOTHING_TO_CLAIM");
  seam.Do(EscalateCase{}, "chief");
  EXPECT_EQ(seam.Subject().details.queue_id, "safety");
  EXPECT_EQ(routed(), "") << "it is there";
  EXPECT_TRUE(Mentions(seam.Claim("safety"), "CaseAssigned"));
  EXPECT_EQ(seam.world.cases.at(threatens).owner, "li.na");
}

}  // namespace
}  // namespace rebound
