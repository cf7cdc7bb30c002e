// Goal: what time brings to blacklist entries happens once, at its time, whatever the bell missed,
// and rules are tried on whoever they may concern. Method: the bell rung by hand over a manual
// clock, on the memory store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/clock.h"
#include "server/execute/execute.h"
#include "server/execute/revisions.h"
#include "server/storage/memory_store.h"
#include "server/storage/verify.h"
#include "server/timers/timers.h"
#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::kNps;
using fixtures::kStart;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class EntryTimersTest : public testing::Test {
 protected:
  EntryTimersTest() { Start(fixtures::TestRevision()); }
  ~EntryTimersTest() override {
    executor_->Drain();
    EXPECT_THAT(Verify(store_).problems, IsEmpty());
  }

  // The server starts, by that revision.
  void Start(Revision revision) {
    timers_.reset();
    executor_.reset();
    revision.number = 1;
    revision.blacklist.kinds = DefaultBlacklistPolicy().kinds;
    book_ = std::make_unique<RevisionBook>(store_, std::make_shared<Revision>(std::move(revision)));
    executor_ = std::make_unique<Executor>(store_, clock_, *book_, Executor::Options{}, [] {});
    erasures_ = std::make_unique<Erasures>(store_, *executor_, nullptr);
    timers_ = std::make_unique<Timers>(store_, *executor_, *erasures_);
    timers_->Watch();
  }
  // A threat makes the rule hold, one in 30 days.
  static Revision WithRule() {
    Revision revision = fixtures::TestRevision();
    BlacklistRule rule;
    rule.id = "threats";
    rule.kind = BlacklistKind::kStaffSafety;
    rule.alternatives = {{{}, {{BlacklistMeasure::kThreatsLogged, days(30), 1, {}}}}};
    rule.proposal.duration = days(20);
    rule.proposal.reason_code = "threat";
    rule.proposal.effects.queue_id = "safety";
    revision.blacklist.rules = {rule};
    return revision;
  }

  Outcome Do(const std::string& who, Command command) {
    Work work;
    work.caller.principal = who;
    work.caller.method = "test";
    work.commands.push_back(std::move(command));
    auto results = executor_->Call(std::move(work));
    EXPECT_TRUE(results[0]) << Name(results[0] ? Reason{} : results[0].error().reason);
    return results[0] ? *std::move(results[0]) : Outcome{};
  }
  Customer NewCustomer(const std::string& key) {
    return *Do("crm", UpsertCustomer{{"crm", key}, {}, {}, {}}).customer;
  }
  // Of a customer of its own, in force.
  BlacklistEntry Listed(const std::string& key, Duration lasts,
                        std::optional<Duration> review = {}) {
    ProposeEntry command;
    command.customer_id = NewCustomer(key).id;
    command.kind = BlacklistKind::kDoNotContact;
    command.reason_code = "customer_wish";
    command.internal_reason.value = "by letter";
    BlacklistEvidence letter;
    letter.summary.value = "the letter";
    letter.occurred_at = clock_.Now();
    command.evidence = {letter};
    command.expires_at = clock_.Now() + lasts;
    if (review) command.review_at = clock_.Now() + *review;
    const BlacklistEntry entry = *Do("li.na", command).entry;
    return *Do("wei", WorkEntry{{entry.id, 0}, DecideEntry{true, {{}, "checked"}}, {}}).entry;
  }
  Case Threatened(const CustomerId& customer) {
    OpenCase command;
    command.program_id = kNps;
    command.customer_id = customer;
    command.details.emotion = Emotion::kThreatening;
    return *Do("li.na", command).subject;
  }

  // Names and times since the start of what happened to the entry after the decision on it.
  std::vector<std::pair<std::string, Duration>> Since(const BlacklistEntry& entry) {
    std::vector<std::pair<std::string, Duration>> events;
    store_.Read([&](Reader& reader) {
      for (const Event& event : reader.EntryEvents(entry.id, 0, 1000)) {
        std::string name(TypeName(event.body));
        if (const auto* told = std::get_if<EntryNotified>(&event.body)) {
          (name += " ") += Name(told->notice);
        }
        events.emplace_back(name, event.occurred_at - kStart);
      }
    });
    events.erase(events.begin(), events.begin() + 3);  // proposed, decided, told
    return events;
  }
  std::vector<BlacklistEntry> EntriesOf(const CustomerId& customer) {
    std::vector<BlacklistEntry> entries;
    store_.Read([&](Reader& reader) { entries = reader.EntriesOf(customer); });
    return entries;
  }
  int64_t RulesTried() {
    int64_t tried = 0;
    store_.Read([&](Reader& reader) { tried = reader.GetServerState().rules_tried; });
    return tried;
  }
  int64_t LastSequence() {
    int64_t last = 0;
    store_.Read([&](Reader& reader) { last = reader.LastSequence(); });
    return last;
  }

  MemoryStore store_;
  ManualClock clock_{kStart};
  std::unique_ptr<RevisionBook> book_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Erasures> erasures_;
  std::unique_ptr<Timers> timers_;
};

TEST_F(EntryTimersTest, AnEntryLapsesAtItsEndOnce) {
  const BlacklistEntry entry = Listed("K1", hours(10));
  clock_.Advance(hours(10) - minutes(1));
  EXPECT_EQ(timers_->FireDue(), 0U);
  EXPECT_THAT(Since(entry), IsEmpty());
  clock_.Advance(minutes(1));
  EXPECT_EQ(timers_->Status().due, 1);
  EXPECT_EQ(timers_->FireDue(), 1U);
  EXPECT_EQ(timers_->FireDue(), 0U);
  EXPECT_THAT(Since(entry),
              ElementsAre(Pair("EntryLapsed", hours(10)), Pair("EntryNotified lapsed", hours(10))));
  EXPECT_EQ(timers_->Status().due, 0);
}

// The server was down for a while.
TEST_F(EntryTimersTest, WhatWasMissedIsMadeUpForInItsOrder) {
  const BlacklistEntry first = Listed("K1", hours(10), hours(2));
  const BlacklistEntry second = Listed("K2", hours(4));
  executor_->Drain();
  clock_.Advance(hours(12));
  Start(fixtures::TestRevision());
  EXPECT_EQ(timers_->FireDue(), 2U);
  EXPECT_EQ(timers_->FireDue(), 0U);
  EXPECT_THAT(Since(first), ElementsAre(Pair("EntryNotified review_due", hours(2)),
                                        Pair("EntryLapsed", hours(10)),
                                        Pair("EntryNotified lapsed", testing::_)));
  EXPECT_THAT(Since(second),
              ElementsAre(Pair("EntryLapsed", hours(4)), Pair("EntryNotified lapsed", testing::_)));
}

TEST_F(EntryTimersTest, NothingFiresWhileTheClockIsInDoubt) {
  const BlacklistEntry entry = Listed("K1", hours(10));
  executor_->Drain();
  clock_.Set(kStart + days(40));
  Start(WithRule());
  Threatened(entry.customer_id);
  EXPECT_EQ(timers_->FireDue(), 0U);
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_TRUE(timers_->Status().held_since);
  EXPECT_THAT(Since(entry), IsEmpty());
  EXPECT_THAT(EntriesOf(entry.customer_id), SizeIs(1));
  Do("wei", ConfirmClock{});
  EXPECT_EQ(timers_->FireDue(), 1U);
  EXPECT_THAT(Since(entry), SizeIs(2));
  timers_->TryRules();
  EXPECT_THAT(EntriesOf(entry.customer_id), SizeIs(2));
}

TEST_F(EntryTimersTest, ManyEntriesAndCasesThatAreDueAllFire) {
  std::vector<BlacklistEntry> entries;
  std::vector<Case> cases;
  for (int i = 0; i < 150; ++i) {
    entries.push_back(Listed("K" + std::to_string(i), hours(10)));
    if (i % 3 == 0) cases.push_back(Threatened(entries.back().customer_id));
  }
  clock_.Advance(days(10));
  EXPECT_EQ(timers_->FireDue(), 200U);
  EXPECT_EQ(timers_->FireDue(), 0U);
  for (const BlacklistEntry& entry : entries) EXPECT_THAT(Since(entry), SizeIs(2));
}

TEST_F(EntryTimersTest, RulesAreTriedOnWhoeverSomethingHappenedTo) {
  Start(WithRule());
  const Customer threatening = NewCustomer("K1");
  const Customer other = NewCustomer("K2");
  Threatened(threatening.id);
  EXPECT_FALSE(timers_->TryRules());
  ASSERT_THAT(EntriesOf(threatening.id), SizeIs(1));
  const BlacklistEntry entry = EntriesOf(threatening.id)[0];
  EXPECT_EQ(entry.rule_id, "threats");
  EXPECT_EQ(entry.state, BlacklistState::kProposed);
  EXPECT_EQ(entry.proposer, "system");
  EXPECT_THAT(EntriesOf(other.id), IsEmpty());
  const int64_t last = LastSequence();
  Threatened(threatening.id);
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_THAT(EntriesOf(threatening.id), SizeIs(1)) << "once";
  EXPECT_GT(RulesTried(), last);
}

// Goal: a crash between the proposals and the note of where they stopped changes nothing.
TEST_F(EntryTimersTest, RulesThatAreTriedAgainAfterACrashProposeNothingNew) {
  Start(WithRule());
  const Customer customer = NewCustomer("K1");
  Threatened(customer.id);
  Do("system", ProposeByRules{customer.id});  // and here it died
  executor_->Drain();
  Start(WithRule());
  EXPECT_EQ(RulesTried(), 0);
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_THAT(EntriesOf(customer.id), SizeIs(1));
  const int64_t tried = RulesTried();
  EXPECT_GT(tried, 0);
  executor_->Drain();
  Start(WithRule());
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_EQ(RulesTried(), tried) << "it goes on where it was";
}

TEST_F(EntryTimersTest, RulesThatComeIntoForceLookBack) {
  const Customer customer = NewCustomer("K1");
  Threatened(customer.id);
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_EQ(RulesTried(), 0) << "without rules there is nothing to remember";
  executor_->Drain();
  Start(WithRule());
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_THAT(EntriesOf(customer.id), SizeIs(1));
}

TEST_F(EntryTimersTest, EachLookIsBoundedAndNobodyIsLeftOut) {
  Start(WithRule());
  std::vector<CustomerId> customers;
  for (int i = 0; i < 70; ++i) {
    customers.push_back(NewCustomer("K" + std::to_string(i)).id);
    Threatened(customers.back());
  }
  const auto listed = [&] {
    int64_t entries = 0;
    store_.Read([&](Reader& reader) { entries = reader.Sizes().entries; });
    return entries;
  };
  EXPECT_TRUE(timers_->TryRules());
  EXPECT_EQ(listed(), 64);
  EXPECT_FALSE(timers_->TryRules());
  EXPECT_EQ(listed(), 70);
}

}  // namespace
}  // namespace rebound
