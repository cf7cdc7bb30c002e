// What erasing a person decides, and what is kept of their objections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/contribution.h"
#include "workflows/decide.h"

namespace rebound {
namespace {
using fixtures::Answer;
using fixtures::Names;
using fixtures::On;
using fixtures::Outcome;
using fixtures::World;
using std::chrono::days;
using testing::IsEmpty;

class ErasureDecisionTest : public testing::Test {
 protected:
  // Everything of the customer `key`, as execute loads it.
  Facts Load(std::string_view key) {
    Facts facts;
    facts.customer = *world_.FindCustomer(key);
    facts.records = {*facts.customer};
    for (const auto& [id, c] : world_.cases) {
      if (c.customer_id == facts.customer->id && c.phase != Phase::kClosed)
        facts.cases.push_back(c);
    }
    for (const auto& [id, entry] : world_.entries) {
      if (entry.customer_id == facts.customer->id) facts.entries.push_back(entry);
    }
    return facts;
  }
  Result<Events> Erase(const Facts& facts, std::optional<int64_t> version = {}) {
    return Decide(facts, EraseCustomer{facts.customer->id, ErasureGround::kObjection, version},
                  context());
  }
  Context context() { return {world_.now, &ids_, &world_.revision, "chen", ""}; }
  static const CustomerErased& ErasedOf(const Events& events) {
    for (const Event& event : events) {
      if (const auto* erased = std::get_if<CustomerErased>(&event.body)) return *erased;
    }
    static const CustomerErased kNone;
    ADD_FAILURE() << "nobody was erased";
    return kNone;
  }
  static Case After(Case c, const Events& events) {
    for (const Event& event : events) {
      if (event.case_id == c.id) c = Apply(std::move(c), event);
    }
    return c;
  }
  static BlacklistEntry Entry(BlacklistKind kind, Timestamp now) {
    BlacklistEntry entry;
    entry.id.bytes[15] = static_cast<uint8_t>(kind);
    entry.number = static_cast<int64_t>(kind);
    entry.kind = kind;
    entry.state = BlacklistState::kActive;
    entry.reason_code = "why";
    entry.legal_basis = "basis";
    entry.starts_at = now - days{1};
    entry.expires_at = now + days{10};
    return entry;
  }

  World world_;
  IdSource ids_{fixtures::kStart, 7, 7};
};

TEST_F(ErasureDecisionTest, AnOpenCaseEndsAsItStandsAndStaysInEveryDenominator) {
  ASSERT_TRUE(world_.Do(Answer("wang", 2)));
  const Case before = world_.OnlyCase();
  const auto events = Erase(Load("wang"));
  ASSERT_TRUE(events);
  const Case after = After(before, *events);
  EXPECT_EQ(after.phase, Phase::kClosed);
  EXPECT_EQ(after.handling_result, HandlingResult::kErased);
  EXPECT_EQ(after.resurvey_result, ResurveyResult::kNotAsked);
  EXPECT_EQ(after.not_asked_reason, NotAskedReason::kErased);
  EXPECT_FALSE(after.holds_dedupe_slot);
  EXPECT_EQ(NextDue(after), std::nullopt) << "no timer is left";
  for (const CaseClock& clock : after.clocks) EXPECT_NE(clock.state, ClockState::kRunning);
  // By a time before the erasure, and by one after it but for what is still open.
  EXPECT_EQ(Contribution(after, world_.now - Duration{1}),
            Contribution(before, world_.now - Duration{1}));
  Counts expected = Contribution(before);
  expected.open = 0;
  EXPECT_EQ(Contribution(after), expected);
}

TEST_F(ErasureDecisionTest, WhatHasAResultKeepsIt) {
  ASSERT_TRUE(world_.Do(Answer("wang", 2)));
  for (CaseVerb verb : {CaseVerb{fixtures::OutboundAttempt(AttemptOutcome::kReached)},
                        CaseVerb{fixtures::Resolved()}}) {
    ASSERT_TRUE(world_.Do(On(world_.OnlyCase(), verb)));
  }
  const Case before = world_.OnlyCase();
  ASSERT_EQ(before.handling_result, HandlingResult::kResolved);
  const auto events = Erase(Load("wang"));
  ASSERT_TRUE(events);
  const Case after = After(before, *events);
  EXPECT_EQ(after.handling_result, HandlingResult::kResolved);
  EXPECT_EQ(after.phase, Phase::kClosed);
}

TEST_F(ErasureDecisionTest, OnlyObjectionsToContactGoOn) {
  ASSERT_TRUE(world_.Do(Answer("wang", 9)));
  Facts facts = Load("wang");
  const Timestamp now = world_.now;
  for (int kind = 1; kind < kBlacklistKindCount; ++kind) {
    facts.entries.push_back(Entry(static_cast<BlacklistKind>(kind), now));
  }
  facts.entries[1].effects.channels = {Channel::kSms};
  BlacklistEntry ended = Entry(BlacklistKind::kDoNotContact, now);
  ended.state = BlacklistState::kLifted;
  BlacklistEntry proposed = Entry(BlacklistKind::kDoNotContact, now);
  proposed.state = BlacklistState::kProposed;
  BlacklistEntry later = Entry(BlacklistKind::kDoNotContact, now);
  later.starts_at = now + days{1};
  facts.entries.insert(facts.entries.end(), {ended, proposed, later});
  const auto events = Erase(facts);
  ASSERT_TRUE(events);
  const std::vector<Suppression>& kept = ErasedOf(*events).suppressions;
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].kind, BlacklistKind::kDoNotContact);
  EXPECT_EQ(kept[0].expires_at, now + days{10});
  EXPECT_EQ(kept[0].legal_basis, "basis");
  EXPECT_EQ(kept[1].kind, BlacklistKind::kChannelLimit);
  EXPECT_EQ(kept[1].effects.channels, std::vector{Channel::kSms});
  int lapsed = 0;
  for (const Event& event : *events) lapsed += std::holds_alternative<EntryLapsed>(event.body);
  EXPECT_EQ(lapsed, 7) << "every one that had not ended";

  facts.entries.clear();
  facts.records[0].do_not_contact = true;
  const auto objected = Erase(facts);
  ASSERT_TRUE(objected);
  ASSERT_EQ(ErasedOf(*objected).suppressions.size(), 1u);
  EXPECT_EQ(ErasedOf(*objected).suppressions[0].expires_at, now + kObjectionKept);
}

TEST_F(ErasureDecisionTest, AnEntryThatLapsesWithItsCustomerEndsThen) {
  BlacklistEntry entry = Entry(BlacklistKind::kNoGoodwill, world_.now);
  Event event;
  event.occurred_at = world_.now;
  event.body = EntryLapsed{};
  EXPECT_EQ(Apply(entry, event).ended_at, world_.now);
  event.occurred_at = entry.expires_at + days{3};  // the bell was late
  EXPECT_EQ(Apply(entry, event).ended_at, entry.expires_at);
}

TEST_F(ErasureDecisionTest, ItIsDoneOnceAndFinishedOnce) {
  ASSERT_TRUE(world_.Do(Answer("wang", 9)));
  Facts facts = Load("wang");
  EXPECT_EQ(Outcome(Erase(facts, facts.customer->version + 1)), "ETAG_MISMATCH");
  EXPECT_EQ(Outcome(Decide(facts, FinishErasure{facts.customer->id}, context())), "NOT_FOUND");
  const auto events = Erase(facts, facts.customer->version);
  ASSERT_TRUE(events);
  EXPECT_EQ(Names(*events), "CustomerErased");
  facts.customer = Apply(*facts.customer, events->front());
  EXPECT_TRUE(facts.customer->do_not_contact);
  EXPECT_THAT(facts.customer->keys, IsEmpty());
  EXPECT_EQ(Names(*Erase(facts)), "");
  const auto finished = Decide(facts, FinishErasure{facts.customer->id}, context());
  ASSERT_TRUE(finished);
  EXPECT_EQ(Names(*finished), "ErasureFinished");
  facts.customer = Apply(*facts.customer, finished->front());
  EXPECT_EQ(Names(*Decide(facts, FinishErasure{facts.customer->id}, context())), "");
}

TEST_F(ErasureDecisionTest, WhatIsKeptIsRecognisedUnlessItHoldsAlready) {
  UpsertCustomer upsert;
  upsert.key = {"crm", "mei"};
  Facts facts;
  facts.next_entry_number = 5;
  facts.suppressed = {{.kind = BlacklistKind::kDoNotContact,
                       .reason_code = "why",
                       .legal_basis = "basis",
                       .expires_at = world_.now + days{9}},
                      {.kind = BlacklistKind::kDoNotContact,
                       .reason_code = "other",
                       .expires_at = world_.now + days{8}},
                      {.kind = BlacklistKind::kChannelLimit,
                       .effects = {.channels = {Channel::kSms}},
                       .expires_at = world_.now}};
  const auto events = Decide(facts, upsert, context());
  ASSERT_TRUE(events);
  // The second says no more than the first, and the third is over.
  ASSERT_EQ(Names(*events), "CustomerCreated EntryProposed");
  const Event& event = events->back();
  EXPECT_EQ(event.actor, "system");
  const BlacklistEntry entry = Apply(BlacklistEntry{}, event);
  EXPECT_EQ(entry.number, 5);
  EXPECT_EQ(entry.state, BlacklistState::kActive);
  EXPECT_TRUE(entry.is_suppression);
  EXPECT_TRUE(IsInForce(entry, world_.now));
  EXPECT_FALSE(IsInForce(entry, world_.now + days{9}));
  EXPECT_EQ(NextDue(entry), world_.now + days{9}) << "it lapses by itself";

  facts.entries = {entry};
  facts.customer = Customer{};
  facts.customer->id = entry.customer_id;
  EXPECT_EQ(Names(*Decide(facts, upsert, context())), "");
  facts.entries[0].expires_at -= days{5};
  EXPECT_EQ(Names(*Decide(facts, upsert, context())), "EntryProposed") << "it would end too early";
}

}  // namespace
}  // namespace rebound
