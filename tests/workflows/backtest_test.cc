// Cases of the past under another configuration, without a server.
#include "workflows/backtest.h"

#include <gtest/gtest.h>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/filter.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;

Playbook PlaybookOf(std::string id, std::string_view when, int32_t severity, std::string queue) {
  Playbook playbook;
  playbook.id = std::move(id);
  playbook.when = *ParseFilter(when, Use::kOpeningRule);
  playbook.severity = severity;
  playbook.queue_id = std::move(queue);
  return playbook;
}

Revision DraftOf() {
  Revision draft = TestRevision();
  draft.number = 9;
  draft.playbooks = {PlaybookOf("low", "score <= 2", 4, "urgent"),
                     PlaybookOf("complaint", "origin = complaint", 3, "")};
  ClockDefinition clock;
  clock.id = "contact";
  clock.kind = ClockKind::kFirstContact;
  clock.limit = {Count::kWall, Duration(hours(6)).count()};
  draft.clocks = {clock};
  return draft;
}

class BacktestTest : public testing::Test {
 protected:
  // As OpenUnder finds it.
  std::optional<Case> Rerun(const Revision& draft) {
    const Case& c = world_.OnlyCase();
    const Response* response = c.opening_response_id.empty() ? nullptr : &world_.LastResponse();
    const auto rerun = OpenUnder(draft, world_.revision, c, response,
                                 c.customer_id.empty() ? nullptr : &world_.Standing(c.customer_id));
    EXPECT_TRUE(rerun) << Name(rerun.error().reason);
    return rerun ? *rerun : std::nullopt;
  }

  World world_;
};

TEST_F(BacktestTest, TheDraftChoosesPlanQueueSeverityAndDeadline) {
  ASSERT_TRUE(world_.Do(Answer("k1", 1)));
  const auto after = Rerun(DraftOf());
  ASSERT_TRUE(after);
  EXPECT_EQ(after->playbook.playbook_id, "low");
  EXPECT_EQ(after->details.queue_id, "urgent");
  EXPECT_EQ(after->severity, 4);
  EXPECT_EQ(after->opened_at, world_.OnlyCase().opened_at);
  ASSERT_FALSE(after->clocks.empty());
  EXPECT_EQ(after->clocks.front().definition, "contact");
  EXPECT_EQ(after->clocks.front().due_at, kStart + hours(6));
}

TEST_F(BacktestTest, WhatIsNoDetractorThereIsNotOpened) {
  ASSERT_TRUE(world_.Do(Answer("k1", 5)));
  Revision draft = DraftOf();
  for (Program& program : draft.programs) {
    if (program.id == kNps) program.scale.detractor_limit = 3;
  }
  EXPECT_FALSE(Rerun(draft));
  EXPECT_TRUE(Rerun(DraftOf()));
}

TEST_F(BacktestTest, AProgramThatIsGoneRefuses) {
  ASSERT_TRUE(world_.Do(Answer("k1", 5)));
  Revision draft = DraftOf();
  std::erase_if(draft.programs, [](const Program& program) { return program.id == kNps; });
  const Case& c = world_.OnlyCase();
  const auto rerun =
      OpenUnder(draft, world_.revision, c, &world_.LastResponse(), &world_.Standing(c.customer_id));
  ASSERT_FALSE(rerun);
  EXPECT_EQ(rerun.error().reason, Reason::kUnknownProgram);
}

TEST_F(BacktestTest, WhatTheOldPlaybookRaisedIsNotTakenForWhatWasAskedFor) {
  Revision old = TestRevision();
  old.playbooks = {PlaybookOf("old", "origin = complaint", 5, "special")};
  World world(old);
  OpenCase open;
  open.program_id = kNps;
  open.origin = CaseOrigin::kComplaint;
  ASSERT_TRUE(world.Do(open));
  const Case& c = world.OnlyCase();
  ASSERT_EQ(c.severity, 5);
  ASSERT_EQ(c.details.queue_id, "special");
  const auto after = OpenUnder(DraftOf(), old, c, nullptr, nullptr);
  ASSERT_TRUE(after && *after);
  EXPECT_EQ((*after)->severity, 3);
  EXPECT_EQ((*after)->details.queue_id, old.FindProgram(kNps)->default_queue);
  // Severity and queue that no rule gave stay.
  open.severity = 4;
  open.details.queue_id = "by-hand";
  World plain;
  ASSERT_TRUE(plain.Do(open));
  const auto kept = OpenUnder(DraftOf(), plain.revision, plain.OnlyCase(), nullptr, nullptr);
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->severity, 4);
  EXPECT_EQ((*kept)->details.queue_id, "by-hand");
}

TEST(BacktestJudgeTest, EveryPunctuality) {
  struct Row {
    std::optional<Timestamp> due, happened;
    Punctuality expected;
  };
  const Timestamp due = kStart + days(1);
  const Row rows[] = {{due, due, Punctuality::kInTime},
                      {due, due + Duration(1), Punctuality::kLate},
                      {due, kStart, Punctuality::kInTime},
                      {kStart + days(9), std::nullopt, Punctuality::kRunning},
                      {kStart + days(2), std::nullopt, Punctuality::kRunning},
                      {due, std::nullopt, Punctuality::kLate},
                      {std::nullopt, due, Punctuality::kUnknown},
                      {std::nullopt, std::nullopt, Punctuality::kUnknown}};
  for (const Row& row : rows) {
    EXPECT_EQ(Judge(row.due, row.happened, kStart + days(2)), row.expected) << &row - rows;
  }
}

TEST(BacktestJudgeTest, EveryFactHasItsTime) {
  Case c;
  for (int i = 1; i < kCaseFactCount; ++i) {
    EXPECT_FALSE(TimeOf(c, static_cast<CaseFact>(i))) << Name(static_cast<CaseFact>(i));
  }
  c.dispatched_at = kStart + hours(1);
  c.contacted_at = kStart + hours(3);
  c.remedied_at = kStart + hours(4);
  c.resolved_at = kStart + hours(5);
  c.closed_at = kStart + hours(6);
  c.attempts.resize(2);
  c.attempts[0].occurred_at = kStart + hours(9);
  c.attempts[1].occurred_at = kStart + hours(2);
  for (int i = 1; i < kCaseFactCount; ++i) {
    EXPECT_EQ(TimeOf(c, static_cast<CaseFact>(i)), kStart + hours(i))
        << Name(static_cast<CaseFact>(i));
  }
  EXPECT_FALSE(TimeOf(c, CaseFact::kUnset));
}

TEST(BacktestJudgeTest, ClocksAreMetByTheirFacts) {
  const std::pair<ClockKind, CaseFact> rows[] = {
      {ClockKind::kFirstContact, CaseFact::kContacted},
      {ClockKind::kRemedy, CaseFact::kRemedied},
      {ClockKind::kExternalDeadline, CaseFact::kResolved},
      {ClockKind::kFirstResolution, CaseFact::kResolved},
      {ClockKind::kTotalResolution, CaseFact::kResolved},
      {ClockKind::kCommitment, CaseFact::kUnset},
      {ClockKind::kVerification, CaseFact::kUnset},
      {ClockKind::kResurvey, CaseFact::kUnset}};
  for (const auto& [kind, fact] : rows) {
    CaseClock clock;
    clock.kind = kind;
    EXPECT_EQ(FactOf(clock), fact) << Name(kind);
  }
  CaseClock tried;
  tried.kind = ClockKind::kFirstContact;
  tried.met_by = MetBy::kAttempt;
  EXPECT_EQ(FactOf(tried), CaseFact::kAttempted);
}

}  // namespace
}  // namespace rebound::fixtures
