// Due process (DESIGN 6): who may do what to a blacklist entry, when, and what time alone does to
// it. Each way to get round it is refused with a reason of its own.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/blacklist_policy.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNps;
using fixtures::Names;
using fixtures::On;
using fixtures::Outcome;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

using Kind = BlacklistKind;
using State = BlacklistState;

Revision WithPolicy() {
  Revision revision = fixtures::TestRevision();
  revision.blacklist = DefaultBlacklistPolicy();
  revision.remedies = {
      {"voucher", RemedyKind::kVoucher, "", "", false, false},
      {"points", RemedyKind::kPoints, "", "", false, false},
      {"owed", RemedyKind::kRefund, "", "", true, true},
  };
  revision.org_units = {{"zhejiang", "", "", "", {}, {}},
                        {"zhejiang/hangzhou", "", "", "", {}, {}}};
  return revision;
}

// The customer "a" has a case of wang.wei's.
World Start(Revision revision = WithPolicy()) {
  World world(std::move(revision));
  EXPECT_TRUE(world.Do(Answer("a", 3)));
  EXPECT_TRUE(world.Do(On(world.OnlyCase(), Assign{"wang.wei", {}})));
  return world;
}

ProposeEntry Proposal(const World& world, Kind kind) {
  ProposeEntry command;
  command.customer_id = world.FindCustomer("a")->id;
  command.kind = kind;
  BlacklistEvidence item;
  item.summary.value = "the third voucher within a month";
  item.occurred_at = world.now - hours{1};
  command.evidence = {item};
  for (const BlacklistReason& reason : world.revision.blacklist.reasons) {
    if (reason.kinds.front() == kind || reason.kinds.back() == kind) {
      command.reason_code = reason.id;
    }
  }
  command.internal_reason.value = "asked thrice";
  command.customer_reason_en.value = "You were compensated three times within a month.";
  command.customer_reason_zh.value = "您一个月内已获三次补偿。";
  command.expires_at = world.now + days{90};
  BlacklistEffects effects;
  if (kind == Kind::kChannelLimit) effects.channels = {Channel::kPhone};
  if (kind == Kind::kStaffSafety) effects.queue_id = "safety";
  command.effects = effects;
  return command;
}

// What happens to the entry; what becomes of cases is told by restriction_test.
std::string CommandAs(World& world, std::string actor, const Command& command) {
  std::swap(world.actor, actor);
  Result<Events> done = world.Do(command);
  std::swap(world.actor, actor);
  if (done) std::erase_if(*done, [](const Event& event) { return !event.case_id.empty(); });
  return Outcome(done);
}
std::string Work(World& world, std::string actor, EntryVerb verb, int64_t number = 1) {
  return CommandAs(world, std::move(actor), WorkEntry{{{}, number}, std::move(verb), {}});
}
const Text kLookedAt = {{}, "looked at it"};
DecideEntry Activate() { return {true, kLookedAt}; }
DecideEntry Reject() { return {false, kLookedAt}; }
RequestEntryExtension Until(Timestamp until) { return {until, {{}, "it goes on"}}; }

constexpr const char* kActivated = "EntryDecided EntryNotified";

// Proposed by zhao.min and, where asked for, warned and activated by chen.hao.
World InState(Kind kind, State state) {
  World world = Start();
  EXPECT_EQ(CommandAs(world, "zhao.min", Proposal(world, kind)), "EntryProposed");
  if (state == State::kProposed) return world;
  if (state == State::kWarned) {
    EXPECT_EQ(Work(world, "chen.hao", WarnEntry{kLookedAt}), "EntryWarned EntryNotified");
    return world;
  }
  if (state == State::kRejected) {
    EXPECT_EQ(Work(world, "chen.hao", Reject()), "EntryDecided");
    return world;
  }
  if (world.revision.blacklist.Find(kind)->warn_first) {
    EXPECT_EQ(Work(world, "chen.hao", WarnEntry{kLookedAt}), "EntryWarned EntryNotified");
    world.now += days{7};
  }
  EXPECT_EQ(Work(world, "chen.hao", Activate()), kActivated);
  if (state == State::kLifted) {
    EXPECT_EQ(Work(world, "chen.hao", LiftEntry{kLookedAt}), "EntryLifted EntryNotified");
  } else if (state == State::kLapsed) {
    world.now = world.EntryOf(1).expires_at;
    (void)Work(world, "system", EntryTimers{});
  }
  EXPECT_EQ(world.EntryOf(1).state, state);
  return world;
}
World ActiveEntry(Kind kind = Kind::kRepeatCompensation) { return InState(kind, State::kActive); }

// -------------------------------------------------------------------------------------- proposing

TEST(DecideBlacklistTest, AProposalKeepsWhatItRestsOnAndRestrictsNothing) {
  World world = Start();
  ProposeEntry command = Proposal(world, Kind::kNoGoodwill);
  command.evidence[0].case_id = world.OnlyCase().id;
  ASSERT_EQ(CommandAs(world, "zhao.min", command), "EntryProposed");
  const BlacklistEntry& entry = world.EntryOf(1);
  EXPECT_EQ(EntryNumberText(entry.number), "B-1");
  EXPECT_EQ(entry.version, 1);
  EXPECT_EQ(entry.state, State::kProposed);
  EXPECT_EQ(entry.proposer, "zhao.min");
  EXPECT_EQ(entry.starts_at, world.now);
  EXPECT_EQ(entry.expires_at, world.now + days{90});
  EXPECT_EQ(entry.legal_basis, "legitimate_interest");
  ASSERT_EQ(entry.evidence.size(), 1U);
  EXPECT_EQ(entry.evidence[0].added_by, "zhao.min");
  EXPECT_EQ(entry.evidence[0].case_id, world.OnlyCase().id);
  EXPECT_FALSE(entry.evidence[0].id.empty());
  for (const Text& text : {entry.evidence[0].summary, entry.internal_reason,
                           entry.customer_reason_en, entry.customer_reason_zh}) {
    EXPECT_FALSE(text.id.empty());
  }
  EXPECT_FALSE(IsInForce(entry, world.now));
}

struct ProposalRow {
  const char* name;
  Kind kind;
  std::function<void(ProposeEntry&)> change;
  const char* expected;
};

TEST(DecideBlacklistTest, AProposalIsCheckedBeforeAnybodyDecidesOnIt) {
  const Timestamp now = fixtures::kStart;
  const ProposalRow rows[] = {
      {"sound", Kind::kNoGoodwill, [](ProposeEntry&) {}, "EntryProposed"},
      {"nobody", Kind::kNoGoodwill, [](ProposeEntry& p) { p.customer_id = {}; }, "NOT_FOUND"},
      {"no kind", Kind::kNoGoodwill, [](ProposeEntry& p) { p.kind = Kind::kUnset; },
       "ENUM_VALUE_UNKNOWN"},
      {"no evidence", Kind::kNoGoodwill, [](ProposeEntry& p) { p.evidence.clear(); },
       "EVIDENCE_REQUIRED"},
      {"evidence of nothing", Kind::kNoGoodwill,
       [](ProposeEntry& p) { p.evidence[0].summary = {}; }, "EVIDENCE_REQUIRED"},
      {"a link is evidence", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.evidence[0].summary = {};
         p.evidence[0].url = "https://crm.example/1";
       },
       "EntryProposed"},
      {"evidence without a date", Kind::kNoGoodwill,
       [](ProposeEntry& p) { p.evidence[0].occurred_at = {}; }, "REQUIRED_FIELD_MISSING"},
      {"evidence of tomorrow", Kind::kNoGoodwill,
       [&](ProposeEntry& p) { p.evidence[0].occurred_at = now + days{1}; },
       "TIMESTAMP_OUT_OF_RANGE"},
      {"evidence on another's case", Kind::kNoGoodwill,
       [](ProposeEntry& p) { p.evidence[0].case_id.bytes[0] = 9; }, "NOT_FOUND"},
      {"too much evidence", Kind::kNoGoodwill,
       [](ProposeEntry& p) { p.evidence.resize(65, p.evidence[0]); }, "TOO_MANY_ITEMS"},
      {"no reason code", Kind::kNoGoodwill, [](ProposeEntry& p) { p.reason_code = ""; },
       "REQUIRED_FIELD_MISSING"},
      {"a made-up reason code", Kind::kNoGoodwill, [](ProposeEntry& p) { p.reason_code = "rude"; },
       "REASON_UNKNOWN"},
      {"the reason of another kind", Kind::kNoGoodwill,
       [](ProposeEntry& p) { p.reason_code = "threat"; }, "REASON_UNKNOWN"},
      {"no internal reason", Kind::kNoGoodwill, [](ProposeEntry& p) { p.internal_reason = {}; },
       "REQUIRED_FIELD_MISSING"},
      {"two faults", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.internal_reason = {};
         p.evidence.clear();
       },
       "FIELD_VIOLATIONS"},
      // Times.
      {"no end", Kind::kNoGoodwill, [](ProposeEntry& p) { p.expires_at.reset(); },
       "BLACKLIST_EXPIRY_REQUIRED"},
      {"ends now", Kind::kNoGoodwill, [&](ProposeEntry& p) { p.expires_at = now; },
       "BLACKLIST_EXPIRY_PAST"},
      {"ends before it starts", Kind::kNoGoodwill,
       [&](ProposeEntry& p) {
         p.starts_at = now + days{10};
         p.expires_at = now + days{10};
       },
       "BLACKLIST_EXPIRY_PAST"},
      {"as long as the kind allows", Kind::kNoGoodwill,
       [&](ProposeEntry& p) { p.expires_at = now + days{365}; }, "EntryProposed"},
      {"longer", Kind::kNoGoodwill,
       [&](ProposeEntry& p) { p.expires_at = now + days{365} + milliseconds{1}; },
       "BLACKLIST_EXPIRY_TOO_FAR"},
      {"longer, by starting late", Kind::kNoGoodwill,
       [&](ProposeEntry& p) {
         p.starts_at = now + days{30};
         p.expires_at = now + days{366};
       },
       "BLACKLIST_EXPIRY_TOO_FAR"},
      {"starts yesterday", Kind::kNoGoodwill, [&](ProposeEntry& p) { p.starts_at = now - days{1}; },
       "TIMESTAMP_OUT_OF_RANGE"},
      {"review after the end", Kind::kNoGoodwill,
       [&](ProposeEntry& p) { p.review_at = now + days{90}; }, "TIMESTAMP_OUT_OF_RANGE"},
      // Extent.
      {"a unit", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.extent = {BlacklistExtent::Kind::kOrgUnit, "zhejiang/hangzhou"};
       },
       "EntryProposed"},
      {"no such unit", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.extent = {BlacklistExtent::Kind::kOrgUnit, "hunan"};
       },
       "REASON_UNKNOWN"},
      {"no unit named", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.extent = {BlacklistExtent::Kind::kOrgUnit, ""};
       },
       "REQUIRED_FIELD_MISSING"},
      {"no such program", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.extent = {BlacklistExtent::Kind::kProgram, "nps-of-old"};
       },
       "UNKNOWN_PROGRAM"},
      // Effects.
      {"discretionary remedies", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.effects->remedy_types = {"voucher", "points"};
       },
       "EntryProposed"},
      {"a statutory remedy", Kind::kNoGoodwill,
       [](ProposeEntry& p) {
         p.effects->remedy_types = {"voucher", "owed"};
       },
       "BLACKLIST_REMEDY_STATUTORY"},
      {"an unknown remedy", Kind::kRepeatCompensation,
       [](ProposeEntry& p) { p.effects->remedy_types = {"gift"}; }, "REMEDY_TYPE_UNKNOWN"},
      {"channels of a goodwill entry", Kind::kNoGoodwill,
       [](ProposeEntry& p) { p.effects->channels = {Channel::kPhone}; },
       "BLACKLIST_EFFECT_NOT_OF_KIND"},
      {"a queue of a goodwill entry", Kind::kNoGoodwill,
       [](ProposeEntry& p) { p.effects->queue_id = "legal"; }, "EntryProposed"},
      {"a queue of repeat compensation", Kind::kRepeatCompensation,
       [](ProposeEntry& p) { p.effects->queue_id = "legal"; }, "EntryProposed"},
      {"a queue of no contact", Kind::kDoNotContact,
       [](ProposeEntry& p) { p.effects->queue_id = "legal"; }, "BLACKLIST_EFFECT_NOT_OF_KIND"},
      {"a queue of a channel entry", Kind::kChannelLimit,
       [](ProposeEntry& p) { p.effects->queue_id = "safety"; }, "BLACKLIST_EFFECT_NOT_OF_KIND"},
      {"no channels", Kind::kChannelLimit, [](ProposeEntry& p) { p.effects->channels.clear(); },
       "REQUIRED_FIELD_MISSING"},
      {"no queue", Kind::kStaffSafety, [](ProposeEntry& p) { p.effects.reset(); },
       "REQUIRED_FIELD_MISSING"},
      {"surveys of a program", Kind::kDoNotContact,
       [](ProposeEntry& p) { p.effects->program_ids = {std::string(kNps)}; }, "EntryProposed"},
      {"surveys of none", Kind::kDoNotContact,
       [](ProposeEntry& p) { p.effects->program_ids = {"none"}; }, "UNKNOWN_PROGRAM"},
      // Immediate effect.
      {"for 72 hours", Kind::kStaffSafety,
       [&](ProposeEntry& p) { p.immediate_until = now + hours{72}; }, "EntryProposed"},
      {"for longer", Kind::kStaffSafety,
       [&](ProposeEntry& p) { p.immediate_until = now + hours{72} + milliseconds{1}; },
       "BLACKLIST_IMMEDIATE_TOO_LONG"},
      {"for nothing", Kind::kStaffSafety, [&](ProposeEntry& p) { p.immediate_until = now; },
       "TIMESTAMP_OUT_OF_RANGE"},
      {"of no contact", Kind::kDoNotContact,
       [&](ProposeEntry& p) { p.immediate_until = now + hours{1}; },
       "BLACKLIST_IMMEDIATE_NOT_ALLOWED"},
      {"of a channel limit", Kind::kChannelLimit,
       [&](ProposeEntry& p) { p.immediate_until = now + hours{1}; },
       "BLACKLIST_IMMEDIATE_NOT_ALLOWED"},
      {"of no goodwill", Kind::kNoGoodwill,
       [&](ProposeEntry& p) { p.immediate_until = now + hours{1}; },
       "BLACKLIST_IMMEDIATE_NOT_ALLOWED"},
      {"of repeat compensation", Kind::kRepeatCompensation,
       [&](ProposeEntry& p) { p.immediate_until = now + hours{1}; },
       "BLACKLIST_IMMEDIATE_NOT_ALLOWED"},
  };
  for (const ProposalRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world = Start();
    ProposeEntry command = Proposal(world, row.kind);
    row.change(command);
    EXPECT_EQ(CommandAs(world, "zhao.min", command), row.expected);
    EXPECT_EQ(world.entries.size(), row.expected == std::string("EntryProposed") ? 1U : 0U);
  }
}

TEST(DecideBlacklistTest, WhatIsCoveredAlreadyIsNotProposedAgain) {
  World world = Start();
  ProposeEntry wide = Proposal(world, Kind::kNoGoodwill);
  ASSERT_EQ(CommandAs(world, "zhao.min", wide), "EntryProposed");
  EXPECT_EQ(CommandAs(world, "li.na", wide), "BLACKLIST_ENTRY_EXISTS");
  ProposeEntry narrow = wide;
  narrow.extent = {BlacklistExtent::Kind::kOrgUnit, "zhejiang"};
  narrow.effects->remedy_types = {"voucher"};
  EXPECT_EQ(CommandAs(world, "li.na", narrow), "BLACKLIST_ENTRY_EXISTS");
  EXPECT_EQ(CommandAs(world, "li.na", Proposal(world, Kind::kRepeatCompensation)), "EntryProposed");
  ASSERT_EQ(Work(world, "chen.hao", Reject()), "EntryDecided");
  EXPECT_EQ(CommandAs(world, "li.na", narrow), "EntryProposed") << "that one is over";
  EXPECT_EQ(CommandAs(world, "li.na", wide), "EntryProposed") << "a narrower one does not cover it";
}

TEST(DecideBlacklistTest, AQueueHasToBeOneOfTheConfiguration) {
  for (const Kind kind : {Kind::kStaffSafety, Kind::kNoGoodwill, Kind::kRepeatCompensation}) {
    SCOPED_TRACE(Name(kind));
    Revision revision = WithPolicy();
    for (const char* id : {"default", "safety", "legal"}) {
      QueueDef queue;
      queue.id = id;
      revision.queues.push_back(queue);
    }
    World world = Start(revision);
    ProposeEntry command = Proposal(world, kind);
    command.effects->queue_id = "lawyers";
    world.actor = "zhao.min";
    const auto refused = world.Do(command);
    ASSERT_FALSE(refused);
    ASSERT_EQ(refused.error().violations.size(), 1U);
    EXPECT_EQ(refused.error().violations[0].field, "entry.effects.queue_id");
    command.effects->queue_id = "legal";
    EXPECT_EQ(CommandAs(world, "zhao.min", command), "EntryProposed");
    EXPECT_EQ(world.EntryOf(1).effects.queue_id, "legal");
  }
}

// Goal: somebody who is on the list already may still be put before legal, but not twice.
TEST(DecideBlacklistTest, AQueueIsProposedBesideAnEntryWithoutOne) {
  World world = Start();
  ProposeEntry plain = Proposal(world, Kind::kNoGoodwill);
  ASSERT_EQ(CommandAs(world, "zhao.min", plain), "EntryProposed");
  ProposeEntry routed = plain;
  routed.effects->queue_id = "legal";
  EXPECT_EQ(CommandAs(world, "zhao.min", routed), "EntryProposed");
  EXPECT_EQ(CommandAs(world, "zhao.min", routed), "BLACKLIST_ENTRY_EXISTS");
  EXPECT_EQ(CommandAs(world, "zhao.min", plain), "BLACKLIST_ENTRY_EXISTS");
}

// ------------------------------------------------------------------------------ states and
// commands

EntryVerb EntryVerbFor(EntryCommand command, Timestamp now) {
  switch (command) {
    case EntryCommand::kWarn: return WarnEntry{kLookedAt};
    case EntryCommand::kDecide: return Reject();
    case EntryCommand::kRequestExtension: return Until(now + days{100});
    case EntryCommand::kDecideExtension: return DecideEntryExtension{true, kLookedAt};
    case EntryCommand::kAppeal: return AppealEntry{{{}, "it was not me"}, {}};
    case EntryCommand::kDecideAppeal: return DecideEntryAppeal{true, kLookedAt};
    case EntryCommand::kLift: return LiftEntry{kLookedAt};
  }
  ADD_FAILURE() << "no verb";
  return EntryTimers{};
}

TEST(DecideBlacklistTest, EveryStateAcceptsItsCommandsAndNamesThemWhereItRefuses) {
  for (int i = 1; i < kBlacklistStateCount; ++i) {
    const auto state = static_cast<State>(i);
    for (int j = 0; j < kEntryCommandCount; ++j) {
      const auto command = static_cast<EntryCommand>(j);
      SCOPED_TRACE(std::string(Name(state)) + " " + std::string(Name(command)));
      World world = InState(Kind::kRepeatCompensation, state);
      world.actor = "sun.li";
      const auto decided = world.Do(WorkEntry{{{}, 1}, EntryVerbFor(command, world.now), {}});
      const bool refused =
          !decided && decided.error().reason == Reason::kBlacklistTransitionNotAllowed;
      EXPECT_EQ(!refused, Accepts(state, command));
      if (!refused) continue;
      EXPECT_EQ(decided.error().allowed, Allowed(state));
      EXPECT_EQ(decided.error().metadata.at("entry"), "B-1");
      EXPECT_EQ(decided.error().allowed.empty(), IsFinal(state));
    }
  }
}

TEST(DecideBlacklistTest, AStaleVersionAndAnUnknownEntryAreRefused) {
  World world = InState(Kind::kRepeatCompensation, State::kProposed);
  world.actor = "chen.hao";
  EXPECT_EQ(Outcome(world.Do(WorkEntry{{{}, 1}, Activate(), 2})), "ETAG_MISMATCH");
  EXPECT_EQ(Outcome(world.Do(WorkEntry{{{}, 9}, Activate(), {}})), "NOT_FOUND");
  EXPECT_EQ(Outcome(world.Do(WorkEntry{{world.EntryOf(1).id, 0}, Activate(), 1})), kActivated);
}

TEST(DecideBlacklistTest, NoDecisionIsWithoutAWordOfWhy) {
  const std::pair<State, EntryVerb> rows[] = {
      {State::kProposed, WarnEntry{}},
      {State::kProposed, DecideEntry{true, {}}},
      {State::kProposed, DecideEntry{false, {}}},
      {State::kActive, LiftEntry{}},
      {State::kActive, RequestEntryExtension{fixtures::kStart + days{100}, {}}},
      {State::kActive, AppealEntry{}},
  };
  for (const auto& [state, verb] : rows) {
    World world = InState(Kind::kRepeatCompensation, state);
    EXPECT_EQ(Work(world, "sun.li", verb), "REQUIRED_FIELD_MISSING");
  }
}

// --------------------------------------------------------------------------------------- who
// decides

struct ActorRow {
  const char* actor;
  const char* expected;
};

TEST(DecideBlacklistTest, AProposalIsDecidedByASecondPerson) {
  const ActorRow rows[] = {
      {"zhao.min", "BLACKLIST_DECIDER_PROPOSED"},  // who proposed it
      {"wang.wei", "BLACKLIST_DECIDER_IS_OWNER"},  // who owns a case of the customer
      {"system", "BLACKLIST_DECIDER_NOT_PERSON"},
      {"chen.hao", ""},
  };
  for (const EntryVerb& verb :
       {EntryVerb(Activate()), EntryVerb(Reject()), EntryVerb(WarnEntry{kLookedAt})}) {
    for (const ActorRow& row : rows) {
      SCOPED_TRACE(row.actor);
      World world = InState(Kind::kRepeatCompensation, State::kProposed);
      const std::string outcome = Work(world, row.actor, verb);
      if (*row.expected == '\0') {
        EXPECT_TRUE(outcome.starts_with("Entry")) << outcome;
      } else {
        EXPECT_EQ(outcome, row.expected);
        EXPECT_EQ(world.EntryOf(1).version, 1);
      }
    }
  }
}

TEST(DecideBlacklistTest, WhoOwnsACaseOfAnAliasIsAnOwnerToo) {
  World world = ActiveEntry();
  ASSERT_TRUE(world.Do(Answer("b", 2)));
  const CustomerId standing = world.FindCustomer("a")->id;
  for (const auto& [id, c] : std::map(world.cases)) {
    if (c.customer_id == world.FindCustomer("b")->id) {
      ASSERT_TRUE(world.Do(On(c, Assign{"sun.li", {}})));
    }
  }
  EXPECT_EQ(Work(world, "sun.li", LiftEntry{}), "REQUIRED_FIELD_MISSING") << "not theirs yet";
  ASSERT_TRUE(world.Do(AddCustomerAlias{standing, {"crm", "b"}}));
  EXPECT_EQ(Work(world, "sun.li", LiftEntry{kLookedAt}), "BLACKLIST_DECIDER_IS_OWNER");
}

TEST(DecideBlacklistTest, TheCustomersOwnAgentDoesNotLift) {
  World world = ActiveEntry();
  EXPECT_EQ(Work(world, "wang.wei", LiftEntry{kLookedAt}), "BLACKLIST_DECIDER_IS_OWNER");
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Assign{"li.na", {}})));
  EXPECT_EQ(Work(world, "wang.wei", LiftEntry{kLookedAt}), "EntryLifted EntryNotified");
  EXPECT_EQ(world.EntryOf(1).state, State::kLifted);
  EXPECT_EQ(world.EntryOf(1).ended_at, world.now);
}

TEST(DecideBlacklistTest, RolesThatTheKindDoesNotNameAreRefused) {
  Revision revision = WithPolicy();
  for (BlacklistKindPolicy& policy : revision.blacklist.kinds) policy.propose_roles = {"agent"};
  World world = Start(std::move(revision));
  const auto as = [&](std::string role, std::string actor, const Command& command) {
    world.role = std::move(role);
    return CommandAs(world, std::move(actor), command);
  };
  const ProposeEntry command = Proposal(world, Kind::kRepeatCompensation);
  const WorkEntry activate{{{}, 1}, Activate(), {}};
  EXPECT_EQ(as("verifier", "zhao.min", command), "BLACKLIST_ROLE_NOT_ALLOWED");
  EXPECT_EQ(as("agent", "zhao.min", command), "EntryProposed");
  EXPECT_EQ(as("agent", "chen.hao", activate), "BLACKLIST_ROLE_NOT_ALLOWED");
  EXPECT_EQ(as("manager", "chen.hao", activate), kActivated);
  const WorkEntry extend{{{}, 1}, Until(world.now + days{100}), {}};
  EXPECT_EQ(as("manager", "sun.li", extend), "BLACKLIST_ROLE_NOT_ALLOWED");
  EXPECT_EQ(as("agent", "sun.li", extend), "EntryExtensionRequested");
  EXPECT_EQ(as("agent", "sun.li", WorkEntry{{{}, 1}, LiftEntry{kLookedAt}, {}}),
            "BLACKLIST_ROLE_NOT_ALLOWED");
}

// ---------------------------------------------------------------------------------- warning first

TEST(DecideBlacklistTest, WhereAWarningComesFirstTheCustomerHasTimeToChange) {
  for (const Kind kind : {Kind::kChannelLimit, Kind::kNoGoodwill}) {
    SCOPED_TRACE(Name(kind));
    World world = InState(kind, State::kProposed);
    EXPECT_EQ(Work(world, "chen.hao", Activate()), "BLACKLIST_WARNING_REQUIRED");
    ASSERT_EQ(Work(world, "chen.hao", WarnEntry{kLookedAt}), "EntryWarned EntryNotified");
    EXPECT_EQ(world.EntryOf(1).warned_at, world.now);
    EXPECT_FALSE(IsInForce(world.EntryOf(1), world.now));
    world.now += days{7} - milliseconds{1};
    EXPECT_EQ(Work(world, "chen.hao", Activate()), "BLACKLIST_WARNING_REQUIRED");
    world.now += milliseconds{1};
    EXPECT_EQ(Work(world, "chen.hao", Activate()), kActivated) << "who warned may decide";
    EXPECT_TRUE(IsInForce(world.EntryOf(1), world.now));
  }
}

TEST(DecideBlacklistTest, TheSafetyOfStaffWaitsForNoWarning) {
  Revision revision = WithPolicy();
  for (BlacklistKindPolicy& policy : revision.blacklist.kinds) policy.warn_first = true;
  World world = Start(std::move(revision));
  ASSERT_EQ(CommandAs(world, "zhao.min", Proposal(world, Kind::kStaffSafety)), "EntryProposed");
  EXPECT_EQ(Work(world, "chen.hao", Activate()), kActivated);
}

TEST(DecideBlacklistTest, WhoeverWasWarnedHearsThatItDoesNotCome) {
  World world = InState(Kind::kNoGoodwill, State::kWarned);
  EXPECT_EQ(Work(world, "chen.hao", Reject()), "EntryDecided EntryNotified");
}

// ----------------------------------------------------------------------------------- immediate
// effect

World Immediate() {
  World world = Start();
  ProposeEntry command = Proposal(world, Kind::kStaffSafety);
  command.immediate_until = world.now + hours{72};
  EXPECT_EQ(CommandAs(world, "zhao.min", command), "EntryProposed");
  return world;
}

TEST(DecideBlacklistTest, AnImmediateEffectEndsWithoutASecondPersonAndIsNotedOnce) {
  World world = Immediate();
  EXPECT_TRUE(IsInForce(world.EntryOf(1), world.now));
  world.now += hours{72} - milliseconds{1};
  EXPECT_EQ(Work(world, "system", EntryTimers{}), "");
  EXPECT_TRUE(IsInForce(world.EntryOf(1), world.now));
  world.now += milliseconds{1};
  EXPECT_FALSE(IsInForce(world.EntryOf(1), world.now)) << "before any timer fires";
  EXPECT_EQ(Work(world, "system", EntryTimers{}), "EntryNotified");
  const Event& told = world.log.back();
  EXPECT_EQ(std::get<EntryNotified>(told.body).notice, BlacklistNotice::kImmediateOver);
  EXPECT_EQ(std::get<EntryNotified>(told.body).notify,
            (std::vector<std::string>{"zhao.min", "role:admin", "role:manager"}));
  EXPECT_EQ(OutboxKind(told.body), "notification");
  EXPECT_EQ(Work(world, "system", EntryTimers{}), "");
  EXPECT_EQ(Work(world, "chen.hao", Activate()), kActivated) << "late, but a decision";
  EXPECT_TRUE(IsInForce(world.EntryOf(1), world.now));
}

TEST(DecideBlacklistTest, ImmediateEffectsInARowAreNoWayRoundTheDecision) {
  World world = Immediate();
  ASSERT_EQ(Work(world, "chen.hao", Reject()), "EntryDecided");
  EXPECT_FALSE(IsInForce(world.EntryOf(1), world.now));
  ProposeEntry again = Proposal(world, Kind::kStaffSafety);
  again.effects->queue_id = "other";
  again.immediate_until = world.now + hours{72};
  EXPECT_EQ(CommandAs(world, "zhao.min", again), "BLACKLIST_IMMEDIATE_USED");
  EXPECT_EQ(CommandAs(world, "li.na", again), "BLACKLIST_IMMEDIATE_USED") << "whoever asks";
  world.now += kImmediateAgain;
  again.immediate_until = world.now + hours{72};
  again.evidence[0].occurred_at = world.now;
  EXPECT_EQ(CommandAs(world, "zhao.min", again), "EntryProposed");
}

TEST(DecideBlacklistTest, AnImmediateEffectThatWasConfirmedMayBeFollowedByAnother) {
  World world = Immediate();
  ASSERT_EQ(Work(world, "chen.hao", Activate()), kActivated);
  ASSERT_EQ(Work(world, "chen.hao", LiftEntry{kLookedAt}), "EntryLifted EntryNotified");
  ProposeEntry again = Proposal(world, Kind::kStaffSafety);
  again.immediate_until = world.now + hours{72};
  EXPECT_EQ(CommandAs(world, "zhao.min", again), "EntryProposed");
}

// ------------------------------------------------------------------------------------- extension

TEST(DecideBlacklistTest, AnExtensionIsANewDecisionByASecondPerson) {
  World world = ActiveEntry();
  const Timestamp until = world.now + days{365};
  ASSERT_EQ(Work(world, "sun.li", Until(until)), "EntryExtensionRequested");
  EXPECT_EQ(world.EntryOf(1).expires_at, fixtures::kStart + days{90}) << "asking is not getting";
  EXPECT_EQ(Work(world, "he.xin", Until(until)), "BLACKLIST_EXTENSION_PENDING");
  const ActorRow rows[] = {
      {"sun.li", "BLACKLIST_DECIDER_PROPOSED"},    // who asked for it
      {"zhao.min", "BLACKLIST_DECIDER_PROPOSED"},  // who wanted the entry
      {"wang.wei", "BLACKLIST_DECIDER_IS_OWNER"},
      {"system", "BLACKLIST_DECIDER_NOT_PERSON"},
  };
  for (const ActorRow& row : rows) {
    EXPECT_EQ(Work(world, row.actor, DecideEntryExtension{true, kLookedAt}), row.expected);
  }
  world.now += days{1};
  ASSERT_EQ(Work(world, "chen.hao", DecideEntryExtension{true, kLookedAt}),
            "EntryExtensionDecided EntryNotified");
  const BlacklistEntry& entry = world.EntryOf(1);
  EXPECT_EQ(entry.expires_at, until);
  EXPECT_EQ(entry.appeal_until, world.now + days{30}) << "another decision, another appeal";
  EXPECT_FALSE(entry.extension);
  EXPECT_EQ(Work(world, "chen.hao", DecideEntryExtension{true, kLookedAt}),
            "BLACKLIST_EXTENSION_NOT_OPEN");
}

TEST(DecideBlacklistTest, AnExtensionStaysWithinTheBoundsOfItsKind) {
  const Timestamp now = fixtures::kStart;
  const std::pair<Timestamp, const char*> rows[] = {
      {now + days{90}, "BLACKLIST_EXPIRY_PAST"},  // as it is
      {now + days{10}, "BLACKLIST_EXPIRY_PAST"},
      {now + days{90} + milliseconds{1}, "EntryExtensionRequested"},
      {now + days{365}, "EntryExtensionRequested"},
      {now + days{365} + milliseconds{1}, "BLACKLIST_EXPIRY_TOO_FAR"},
  };
  for (const auto& [until, expected] : rows) {
    World world = ActiveEntry();
    EXPECT_EQ(Work(world, "sun.li", Until(until)), expected);
  }
  // The bound was narrowed after it was asked for.
  World world = ActiveEntry();
  ASSERT_EQ(Work(world, "sun.li", Until(now + days{365})), "EntryExtensionRequested");
  Revision next = world.revision;
  for (BlacklistKindPolicy& policy : next.blacklist.kinds) policy.max_duration = days{180};
  world.PutInForce(next);
  EXPECT_EQ(Work(world, "chen.hao", DecideEntryExtension{true, kLookedAt}),
            "BLACKLIST_EXPIRY_TOO_FAR");
  EXPECT_EQ(Work(world, "chen.hao", DecideEntryExtension{false, kLookedAt}),
            "EntryExtensionDecided");
  EXPECT_EQ(world.EntryOf(1).expires_at, now + days{90});
}

TEST(DecideBlacklistTest, WhileAnAppealWaitsNothingIsExtended) {
  World world = ActiveEntry();
  ASSERT_EQ(Work(world, "sun.li", Until(world.now + days{200})), "EntryExtensionRequested");
  ASSERT_EQ(Work(world, "li.na", AppealEntry{{{}, "no"}, {}}), "EntryAppealed");
  EXPECT_EQ(Work(world, "chen.hao", DecideEntryExtension{true, kLookedAt}),
            "BLACKLIST_APPEAL_PENDING");
}

// ----------------------------------------------------------------------------------------- appeal

TEST(DecideBlacklistTest, AnAppealIsMadeOnceAndInItsTime) {
  World world = ActiveEntry();
  EXPECT_EQ(world.EntryOf(1).notified_at, world.now);
  EXPECT_EQ(world.EntryOf(1).appeal_until, world.now + days{30});
  world.now += days{30};
  World late = world;
  late.now += milliseconds{1};
  EXPECT_EQ(Work(late, "li.na", AppealEntry{{{}, "no"}, {}}), "BLACKLIST_APPEAL_TOO_LATE");
  AppealEntry appeal{{{}, "two of them were not mine"}, {}};
  appeal.evidence.resize(1);
  EXPECT_EQ(Work(world, "li.na", appeal), "FIELD_VIOLATIONS");
  appeal.evidence[0].url = "https://crm.example/2";
  appeal.evidence[0].occurred_at = world.now - days{40};
  ASSERT_EQ(Work(world, "li.na", appeal), "EntryAppealed");
  const BlacklistAppeal& kept = world.EntryOf(1).appeal;
  EXPECT_EQ(kept.filed_by, "li.na");
  EXPECT_EQ(kept.due_at, world.now + days{14});
  EXPECT_FALSE(kept.words.id.empty());
  EXPECT_EQ(kept.evidence.at(0).added_by, "li.na");
  EXPECT_EQ(Work(world, "li.na", appeal), "BLACKLIST_APPEAL_MADE");
  EXPECT_TRUE(IsInForce(world.EntryOf(1), world.now)) << "an appeal alone suspends nothing";
}

TEST(DecideBlacklistTest, AnAppealIsDecidedByAThirdPerson) {
  const ActorRow rows[] = {
      {"zhao.min", "BLACKLIST_DECIDER_PROPOSED"},  // who proposed the entry
      {"chen.hao", "BLACKLIST_DECIDER_DECIDED"},   // who decided on it
      {"li.na", "BLACKLIST_DECIDER_PROPOSED"},     // who recorded the appeal
      {"wang.wei", "BLACKLIST_DECIDER_IS_OWNER"},  // the customer's own agent
      {"system", "BLACKLIST_DECIDER_NOT_PERSON"}, {"sun.li", "EntryAppealDecided EntryNotified"},
  };
  for (const bool uphold : {true, false}) {
    for (const ActorRow& row : rows) {
      SCOPED_TRACE(row.actor);
      World world = ActiveEntry();
      EXPECT_EQ(Work(world, "sun.li", DecideEntryAppeal{uphold, kLookedAt}),
                "BLACKLIST_APPEAL_NOT_OPEN");
      ASSERT_EQ(Work(world, "li.na", AppealEntry{{{}, "no"}, {}}), "EntryAppealed");
      EXPECT_EQ(Work(world, row.actor, DecideEntryAppeal{uphold, kLookedAt}), row.expected);
      const BlacklistEntry& entry = world.EntryOf(1);
      const bool decided = row.actor == std::string("sun.li");
      EXPECT_EQ(entry.state, decided && uphold ? State::kLifted : State::kActive);
      EXPECT_EQ(entry.appeal.state, !decided ? AppealState::kMade
                                    : uphold ? AppealState::kUpheld
                                             : AppealState::kRejected);
      if (!decided || uphold) continue;
      EXPECT_EQ(Work(world, "li.na", AppealEntry{{{}, "no"}, {}}), "BLACKLIST_APPEAL_MADE");
    }
  }
}

TEST(DecideBlacklistTest, WhoWarnedOrExtendedHasDecidedToo) {
  World world = InState(Kind::kNoGoodwill, State::kWarned);  // by chen.hao
  world.now += days{7};
  ASSERT_EQ(Work(world, "sun.li", Activate()), kActivated);
  ASSERT_EQ(Work(world, "li.na", Until(world.now + days{200})), "EntryExtensionRequested");
  ASSERT_EQ(Work(world, "he.xin", DecideEntryExtension{true, kLookedAt}),
            "EntryExtensionDecided EntryNotified");
  ASSERT_EQ(Work(world, "li.na", AppealEntry{{{}, "no"}, {}}), "EntryAppealed");
  for (const char* actor : {"chen.hao", "sun.li", "he.xin"}) {
    EXPECT_EQ(Work(world, actor, DecideEntryAppeal{false, kLookedAt}), "BLACKLIST_DECIDER_DECIDED");
  }
  EXPECT_EQ(Work(world, "zhou.jie", DecideEntryAppeal{false, kLookedAt}),
            "EntryAppealDecided EntryNotified");
}

TEST(DecideBlacklistTest, AnAppealThatIsForgottenSuspendsTheEntryUntilItIsDecided) {
  World world = ActiveEntry();
  ASSERT_EQ(Work(world, "li.na", AppealEntry{{{}, "no"}, {}}), "EntryAppealed");
  world.now += days{14};
  EXPECT_FALSE(IsInForce(world.EntryOf(1), world.now));
  EXPECT_EQ(Work(world, "system", EntryTimers{}), "EntryNotified");
  EXPECT_EQ(Work(world, "system", EntryTimers{}), "") << "once";
  EXPECT_EQ(Work(world, "sun.li", DecideEntryAppeal{false, kLookedAt}),
            "EntryAppealDecided EntryNotified");
  EXPECT_TRUE(IsInForce(world.EntryOf(1), world.now));
}

// ---------------------------------------------------------------------------------------------
// time

TEST(DecideBlacklistTest, AnEntryLapsesOnceAtItsInstantHoweverLateTheBell) {
  for (const State state : {State::kProposed, State::kWarned, State::kActive}) {
    SCOPED_TRACE(Name(state));
    World world = InState(Kind::kDoNotContact, state);
    const Timestamp end = world.EntryOf(1).expires_at;
    world.now = end - milliseconds{1};
    (void)Work(world, "system", EntryTimers{});
    EXPECT_EQ(world.EntryOf(1).state, state);
    world.now = end + days{3};
    EXPECT_FALSE(IsInForce(world.EntryOf(1), world.now)) << "before any timer fires";
    EXPECT_EQ(Work(world, "system", EntryTimers{}),
              state == State::kProposed ? "EntryLapsed" : "EntryLapsed EntryNotified");
    EXPECT_EQ(world.EntryOf(1).state, State::kLapsed);
    EXPECT_EQ(world.EntryOf(1).ended_at, end);
    EXPECT_FALSE(NextDue(world.EntryOf(1)));
    EXPECT_EQ(Work(world, "system", EntryTimers{}), "");
    const Event& lapsed = *std::find_if(world.log.begin(), world.log.end(), [](const Event& event) {
      return std::holds_alternative<EntryLapsed>(event.body);
    });
    EXPECT_EQ(lapsed.occurred_at, end);
    EXPECT_EQ(lapsed.actor, "system");
  }
}

TEST(DecideBlacklistTest, NobodyDecidesOnWhatHasExpired) {
  World world = InState(Kind::kDoNotContact, State::kProposed);
  world.now = world.EntryOf(1).expires_at;
  EXPECT_EQ(Work(world, "chen.hao", Activate()), "BLACKLIST_TRANSITION_NOT_ALLOWED");
  World active = ActiveEntry();
  active.now = active.EntryOf(1).expires_at;
  EXPECT_EQ(Work(active, "sun.li", Until(active.now + days{9})),
            "BLACKLIST_TRANSITION_NOT_ALLOWED");
}

TEST(DecideBlacklistTest, ReviewsComeRoundUntilTheEntryEnds) {
  World world = Start();
  ProposeEntry command = Proposal(world, Kind::kRepeatCompensation);
  command.expires_at = world.now + days{365};
  ASSERT_EQ(CommandAs(world, "zhao.min", command), "EntryProposed");
  ASSERT_EQ(Work(world, "chen.hao", Activate()), kActivated);
  int reviews = 0;
  while (NextDue(world.EntryOf(1))) {
    ASSERT_LT(world.log.size(), 100U);
    world.now = *NextDue(world.EntryOf(1));
    const std::string fired = Work(world, "system", EntryTimers{});
    if (fired == "EntryNotified") {
      ++reviews;
      const auto& told = std::get<EntryNotified>(world.log.back().body);
      EXPECT_EQ(told.notice, BlacklistNotice::kReviewDue);
      EXPECT_EQ(told.notify.front(), "chen.hao") << "whoever decided looks at it again";
      continue;
    }
    EXPECT_EQ(fired, "EntryLapsed EntryNotified");
  }
  EXPECT_EQ(reviews, 4) << "after 90, 180, 270 and 360 days";
  EXPECT_EQ(world.now, fixtures::kStart + days{365});
}

TEST(DecideBlacklistTest, WhatIsDueHappensBeforeTheCommandThatComesLater) {
  World world = ActiveEntry(Kind::kDoNotContact);
  world.now += days{89};
  const std::string outcome = Work(world, "sun.li", Until(world.now + days{30}));
  EXPECT_EQ(outcome, "EntryExtensionRequested");
  World longer = Start();
  ProposeEntry command = Proposal(longer, Kind::kRepeatCompensation);
  command.review_at = longer.now + days{30};
  ASSERT_EQ(CommandAs(longer, "zhao.min", command), "EntryProposed");
  ASSERT_EQ(Work(longer, "chen.hao", Activate()), kActivated);
  longer.now += days{31};
  EXPECT_EQ(Work(longer, "chen.hao", LiftEntry{kLookedAt}),
            "EntryNotified EntryLifted EntryNotified");
}

TEST(DecideBlacklistTest, CustomersAreToldByARowOfTheOutbox) {
  World world = ActiveEntry();
  ASSERT_EQ(Work(world, "chen.hao", LiftEntry{kLookedAt}), "EntryLifted EntryNotified");
  EXPECT_EQ(OutboxKind(world.log.back().body), "blacklist_notice");
}

TEST(DecideBlacklistTest, AComplaintOfAListedCustomerStillBecomesACase) {
  for (int i = 1; i < kBlacklistKindCount; ++i) {
    World world = ActiveEntry(static_cast<Kind>(i));
    OpenCase open;
    open.program_id = kNps;
    open.customer_id = world.FindCustomer("a")->id;
    open.origin = CaseOrigin::kComplaint;
    EXPECT_TRUE(world.Do(open));
    EXPECT_TRUE(world.Do(Answer("a", 1)));
    EXPECT_EQ(world.cases.size(), 2U);
  }
}

TEST(DecideBlacklistTest, RowsAreTheFoldOfTheirEvents) {
  World world = ActiveEntry(Kind::kNoGoodwill);
  ASSERT_EQ(Work(world, "sun.li", Until(world.now + days{200})), "EntryExtensionRequested");
  ASSERT_EQ(Work(world, "chen.hao", DecideEntryExtension{true, kLookedAt}),
            "EntryExtensionDecided EntryNotified");
  ASSERT_EQ(Work(world, "li.na", AppealEntry{{{}, "no"}, {}}), "EntryAppealed");
  ASSERT_EQ(Work(world, "he.xin", DecideEntryAppeal{true, kLookedAt}),
            "EntryAppealDecided EntryNotified");
  EXPECT_EQ(world.Replayed().entries, world.entries);
  EXPECT_TRUE(world.problems.empty());
}

}  // namespace
}  // namespace rebound
