// Decide, by tables and short stories: what each command does in which state, and why it is
// refused.
#include "workflows/decide.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::InboundAttempt;
using fixtures::kNoProblems;
using fixtures::kStart;
using fixtures::NewRemedy;
using fixtures::On;
using fixtures::OutboundAttempt;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

// One customer "a" with a case from a detractor's answer.
World WithCase(std::string_view program = fixtures::kNps, int64_t score = 3) {
  World world;
  EXPECT_TRUE(world.Do(Answer("a", score, {.program = program})));
  return world;
}

// ... resolved, and asked again when its time had come.
World AskedAgain(std::string_view program = fixtures::kNps, int64_t score = 2) {
  World world = WithCase(program, score);
  EXPECT_EQ(Do(world, Resolved()), "ClockEnded CaseResolved ClockStarted");
  world.now += days{3};
  EXPECT_EQ(Do(world, FireTimers{}), "ClockEnded ResurveyAsked TimerSet");
  EXPECT_EQ(world.OnlyCase().status, "resurvey_due");
  return world;
}

World Closed(std::string_view program = fixtures::kNps) {
  World world = AskedAgain(program);
  const int64_t best = program == fixtures::kCsat ? 5 : 10;
  EXPECT_TRUE(world.Do(Answer("a", best, {.program = program})));
  EXPECT_EQ(world.OnlyCase().status, "closed");
  return world;
}

void SetConsent(World& world, std::optional<bool> do_not_contact, std::vector<Consent> consents) {
  const SetCustomerConsent command{world.FindCustomer("a")->id, do_not_contact, consents, {}};
  ASSERT_TRUE(world.Do(command));
}

Consent Denied(Channel channel, ConsentPurpose purpose, bool granted = false) {
  return {channel, purpose, granted, kStart, "form"};
}

// ------------------------------------------------------------------------------ submitting

struct SubmitRow {
  const char* name;
  std::vector<SubmitResponse> before;
  SubmitResponse command;
  const char* outcome;
  ResponseEffect effect = ResponseEffect::kUnset;  // kUnset: refused
};

TEST(SubmitTest, EachAnswerHasItsEffect) {
  const auto with = [](std::string_view program, bool contact = false) {
    return fixtures::AnswerOptions{.program = program, .contact_requested = contact};
  };
  using enum ResponseEffect;
  const SubmitRow rows[] = {
      {"a detractor's answer opens a case",
       {},
       Answer("a", 6),
       "CustomerCreated ResponseRecorded CaseOpened",
       kOpened},
      {"a known customer is not created again",
       {Answer("a", 9)},
       Answer("a", 6),
       "ResponseRecorded CaseOpened",
       kOpened},
      {"a second detractor's answer attaches",
       {Answer("a", 5)},
       Answer("a", 0),
       "ResponseRecorded ResponseAttached",
       kAttached},
      {"another customer's opens another case",
       {Answer("a", 5)},
       Answer("b", 0),
       "CustomerCreated ResponseRecorded CaseOpened",
       kOpened},
      {"another program's opens another case",
       {Answer("a", 5)},
       Answer("a", 0, with(fixtures::kOpenNps)),
       "ResponseRecorded CaseOpened",
       kOpened},
      {"a passive's answer does nothing",
       {},
       Answer("a", 7),
       "CustomerCreated ResponseRecorded",
       kNone},
      {"a promoter's answer does nothing",
       {},
       Answer("a", 10),
       "CustomerCreated ResponseRecorded",
       kNone},
      {"a passive's later answer counts for the open case",
       {Answer("a", 2)},
       Answer("a", 7),
       "ResponseRecorded LaterAnswerCounted",
       kNone},
      {"only the first such answer changes it",
       {Answer("a", 2), Answer("a", 7)},
       Answer("a", 8),
       "ResponseRecorded",
       kNone},
      {"but a promoter's is news",
       {Answer("a", 2), Answer("a", 7)},
       Answer("a", 9),
       "ResponseRecorded LaterAnswerCounted",
       kNone},
      {"a contact request opens a case",
       {},
       Answer("a", 10, with(fixtures::kNps, true)),
       "CustomerCreated ResponseRecorded CaseOpened",
       kOpened},
      {"a contact request attaches",
       {Answer("a", 2)},
       Answer("a", 10, with(fixtures::kNps, true)),
       "ResponseRecorded ResponseAttached LaterAnswerCounted",
       kAttached},
      {"anonymous where not allowed", {}, Answer("", 3), "CUSTOMER_REQUIRED"},
      {"anonymous is counted",
       {},
       Answer("", 3, with(fixtures::kOpenNps)),
       "ResponseRecorded",
       kNone},
      {"anonymous opens a site case",
       {},
       Answer("", 3, with(fixtures::kSite)),
       "ResponseRecorded CaseOpened",
       kOpened},
      {"an anonymous promoter opens none",
       {},
       Answer("", 9, with(fixtures::kSite)),
       "ResponseRecorded",
       kNone},
      {"site cases are never shared",
       {Answer("", 3, with(fixtures::kSite))},
       Answer("", 3, with(fixtures::kSite)),
       "ResponseRecorded CaseOpened",
       kOpened},
      {"unknown program", {}, Answer("a", 3, with("nps")), "UNKNOWN_PROGRAM"},
  };
  for (const SubmitRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    for (const SubmitResponse& command : row.before) {
      ASSERT_TRUE(world.Do(command));
      world.now += hours{1};
    }
    const size_t known = world.responses.size();
    EXPECT_EQ(Outcome(world.Do(row.command)), row.outcome);
    if (row.effect == ResponseEffect::kUnset) {
      EXPECT_EQ(world.responses.size(), known);
      EXPECT_TRUE(world.customers.empty());
    } else {
      EXPECT_EQ(world.LastResponse().effect, row.effect);
      EXPECT_EQ(world.LastResponse().paired_case_id.empty(), row.effect == ResponseEffect::kNone);
    }
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(SubmitTest, AnAttachedAnswerRaisesSeverityAndNeverLowersIt) {
  World world = WithCase(fixtures::kNps, 6);
  EXPECT_EQ(world.OnlyCase().severity, 2);
  ASSERT_TRUE(world.Do(Answer("a", 0)));
  EXPECT_EQ(world.OnlyCase().severity, 3);
  ASSERT_TRUE(world.Do(Answer("a", 6)));
  EXPECT_EQ(world.OnlyCase().severity, 3);
  EXPECT_EQ(world.OnlyCase().attached_response_ids.size(), 2U);
  EXPECT_EQ(world.OnlyCase().score, 6) << "the opening answer's";
}

TEST(SubmitTest, AnOpenedCaseCarriesTheAnswersFieldsAndItsFirstTimer) {
  World world;
  SubmitResponse command = Answer("a", 1, {.program = fixtures::kCsat});
  command.response.touchpoint = "channel/hotline";
  command.response.org_unit_id = "cn/gd/sz";
  command.response.account_id = "acme";
  ASSERT_TRUE(world.Do(command));
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.status, "open");
  EXPECT_EQ(c.phase, Phase::kOpen);
  EXPECT_EQ(c.version, 1);
  EXPECT_EQ(c.number, 1);
  EXPECT_EQ(c.revision, 7);
  EXPECT_TRUE(c.holds_dedupe_slot);
  EXPECT_EQ(c.details.touchpoint, "channel/hotline");
  EXPECT_EQ(c.details.org_unit_id, "cn/gd/sz");
  EXPECT_EQ(c.details.account_id, "acme");
  EXPECT_EQ(c.details.queue_id, "default");
  EXPECT_EQ(c.window_ends_at, kStart + days{90});
  ASSERT_EQ(c.timers.size(), 1U);
  EXPECT_EQ(c.timers[0].kind, TimerKind::kFirstContact);
  EXPECT_EQ(c.timers[0].due_at, kStart + hours{24});
  EXPECT_EQ(world.log.back().org_unit_id, "cn/gd/sz");
  EXPECT_EQ(world.log.back().queue_id, "default");
}

TEST(SubmitTest, TheFirstMatchingPlaybookSetsQueueAndSeverity) {
  Revision revision = fixtures::TestRevision();
  Playbook never;
  never.id = "never";
  never.when = Compare(FieldId::kScore, Op::kGreater, int64_t{9});
  Playbook urgent;
  urgent.id = "urgent";
  urgent.version = 3;
  urgent.severity = 4;
  urgent.queue_id = "vip";
  Playbook later = urgent;
  later.id = "later";
  revision.playbooks = {never, urgent, later};
  World world(revision);
  ASSERT_TRUE(world.Do(Answer("a", 6)));
  EXPECT_EQ(world.OnlyCase().playbook, (PlaybookChoice{"urgent", 3, ""}));
  EXPECT_EQ(world.OnlyCase().severity, 4);
  EXPECT_EQ(world.OnlyCase().details.queue_id, "vip");
}

struct ScoreRow {
  std::string_view program;
  int64_t score;
  Category category;  // kUnset: refused
};

TEST(SubmitTest, ScoresOutsideTheScaleAreRefused) {
  using enum Category;
  const ScoreRow rows[] = {
      {fixtures::kNps, -1, kUnset},         {fixtures::kNps, 0, kDetractor},
      {fixtures::kNps, 10, kPromoter},      {fixtures::kNps, 11, kUnset},
      {fixtures::kNps, 4294967305, kUnset}, {fixtures::kNps, INT64_MAX, kUnset},
      {fixtures::kNps, INT64_MIN, kUnset},  {fixtures::kCsat, 0, kUnset},
      {fixtures::kCsat, 1, kDetractor},     {fixtures::kCsat, 5, kPromoter},
      {fixtures::kCsat, 6, kUnset},         {fixtures::kCes, 0, kUnset},
      {fixtures::kCes, 1, kDetractor},      {fixtures::kCes, 7, kPromoter},
      {fixtures::kCes, 8, kUnset},          {fixtures::kCesLow, 0, kUnset},
      {fixtures::kCesLow, 1, kPromoter},    {fixtures::kCesLow, 7, kDetractor},
      {fixtures::kCesLow, 8, kUnset},
  };
  for (const ScoreRow& row : rows) {
    SCOPED_TRACE(std::string(row.program) + " " + std::to_string(row.score));
    World world;
    const auto decided = world.Do(Answer("a", row.score, {.program = row.program}));
    ASSERT_EQ(static_cast<bool>(decided), row.category != kUnset);
    if (decided) {
      EXPECT_EQ(world.LastResponse().category, row.category);
      EXPECT_EQ(world.cases.size(), row.category == kDetractor ? 1U : 0U);
    } else {
      EXPECT_EQ(decided.error().reason, Reason::kScoreOutOfRange);
      ASSERT_EQ(decided.error().violations.size(), 1U);
      EXPECT_EQ(decided.error().violations[0].field, "response.score");
      EXPECT_EQ(decided.error().metadata.at("value"), std::to_string(row.score));
    }
  }
}

TEST(SubmitTest, TheLowestThirdOfAScaleOpensMoreSevere) {
  const struct {
    std::string_view program;
    int64_t score;
    int32_t severity;
  } rows[] = {{fixtures::kNps, 0, 3},  {fixtures::kNps, 3, 3},    {fixtures::kNps, 4, 2},
              {fixtures::kCsat, 1, 3}, {fixtures::kCsat, 2, 3},   {fixtures::kCes, 2, 3},
              {fixtures::kCes, 3, 2},  {fixtures::kCesLow, 7, 3}, {fixtures::kCesLow, 5, 2}};
  for (const auto& row : rows) {
    World world = WithCase(row.program, row.score);
    EXPECT_EQ(world.OnlyCase().severity, row.severity) << row.program << ' ' << row.score;
  }
}

struct TimeRow {
  const char* name;
  Timestamp at;
  std::optional<Timestamp> taken_as;  // absent: refused
};

TEST(SubmitTest, TimesOfAnswersAreBounded) {
  const TimeRow rows[] = {
      {"before 1970", FromMillis(-1), std::nullopt},
      {"the first of 1970", FromMillis(0), FromMillis(0)},
      {"a year ago", kStart - days{365}, kStart - days{365}},
      {"now", kStart, kStart},
      {"after now by less than the skew", kStart + minutes{5}, kStart},
      {"after now by more", kStart + minutes{5} + milliseconds{1}, std::nullopt},
  };
  for (const TimeRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    const auto decided = world.Do(Answer("a", 3, {.at = row.at}));
    ASSERT_EQ(static_cast<bool>(decided), row.taken_as.has_value());
    if (decided) {
      EXPECT_EQ(world.LastResponse().occurred_at, *row.taken_as);
      EXPECT_EQ(world.LastResponse().recorded_at, kStart);
      EXPECT_EQ(world.OnlyCase().opened_at, *row.taken_as);
    } else {
      EXPECT_EQ(decided.error().reason, Reason::kTimestampOutOfRange);
      EXPECT_EQ(decided.error().violations[0].field, "response.occur_time");
      EXPECT_EQ(decided.error().metadata.at("expected"), limits::kOccurBounds);
    }
  }
}

TEST(SubmitTest, AnUnknownCustomerIdIsNotTakenForAnonymous) {
  World world;
  SubmitResponse command = Answer("", 3, {.program = fixtures::kSite});
  command.response.customer_id.bytes[0] = 1;
  EXPECT_EQ(Outcome(world.Do(command)), "NOT_FOUND");
}

TEST(SubmitTest, HistoryRowsNeedAnExternalId) {
  World world;
  const auto decided = world.Do(Answer("a", 3, {.at = kStart - days{1}, .history = true}));
  EXPECT_EQ(Outcome(decided), "REQUIRED_FIELD_MISSING");
}

TEST(SubmitTest, TextsGetIds) {
  World world;
  SubmitResponse command = Answer("a", 3);
  command.response.reason.value = "too slow";
  command.response.follow_ups.push_back({"which?", {{}, "billing"}});
  ASSERT_TRUE(world.Do(command));
  EXPECT_FALSE(world.LastResponse().reason.id.empty());
  EXPECT_FALSE(world.LastResponse().follow_ups[0].answer.id.empty());
  EXPECT_TRUE(world.LastResponse().suggestion.id.empty());
  EXPECT_FALSE(world.FindCustomer("a")->keys[0].external_id.id.empty());
}

// ------------------------------------------------------------------------------ pairing

TEST(PairingTest, ANamedCaseOfAnotherCustomerOrProgramIsRefused) {
  World world = AskedAgain();
  const CaseId id = world.OnlyCase().id;
  const auto decided = world.Do(Answer("b", 9, {.names = id}));
  EXPECT_EQ(Outcome(decided), "PAIRING_MISMATCH");
  EXPECT_EQ(decided.error().metadata.at("expected"), "customer");
  const auto other = world.Do(Answer("a", 9, {.program = fixtures::kOpenNps, .names = id}));
  EXPECT_EQ(Outcome(other), "PAIRING_MISMATCH");
  EXPECT_EQ(other.error().metadata.at("expected"), "program");
  EXPECT_EQ(world.responses.size(), 1U);
}

TEST(PairingTest, TheNamedCaseComesBeforeAnotherThatWaits) {
  World world = AskedAgain();
  OpenCase complaint;
  complaint.program_id = fixtures::kNps;
  complaint.customer_id = world.FindCustomer("a")->id;
  complaint.origin = CaseOrigin::kComplaint;
  ASSERT_TRUE(world.Do(complaint));
  const auto second = std::find_if(world.cases.begin(), world.cases.end(), [](const auto& entry) {
    return entry.second.origin == CaseOrigin::kComplaint;
  });
  ASSERT_TRUE(world.Do(On(second->second, Resolved())));
  world.now += days{3};
  ASSERT_TRUE(world.Do(On(second->second, FireTimers{})));
  const CaseId named = second->first;
  ASSERT_TRUE(world.Do(Answer("a", 9, {.names = named})));
  EXPECT_EQ(world.LastResponse().paired_case_id, named);
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kResurveyAnswer);
  ASSERT_TRUE(world.Do(Answer("a", 9)));
  EXPECT_NE(world.LastResponse().paired_case_id, named);
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kResurveyAnswer);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(PairingTest, TheCaseThatWaitsTakesTheAnswerUnnamed) {
  World world = AskedAgain();
  EXPECT_EQ(Outcome(world.Do(Answer("a", 8))),
            "ResponseRecorded LaterAnswerCounted TimerEnded ResurveyAnswered CaseClosed");
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.resurvey_result, ResurveyResult::kPassive);
  EXPECT_EQ(c.status, "closed");
  EXPECT_FALSE(c.holds_dedupe_slot);
  EXPECT_EQ(c.recovered_at, world.now);
  EXPECT_EQ(c.converted_at, std::nullopt);
  EXPECT_EQ(c.timers.back().state, TimerState::kMet);
}

TEST(PairingTest, AnAnswerGivenBeforeTheCustomerWasAskedIsNotTheResurveys) {
  World world = AskedAgain();
  const Timestamp asked_at = *world.OnlyCase().asked_at;
  world.now += hours{1};
  ASSERT_TRUE(world.Do(Answer("a", 10, {.at = kStart - days{30}})));
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kNone);
  EXPECT_EQ(world.OnlyCase().recovered_at, std::nullopt);
  ASSERT_TRUE(world.Do(Answer("a", 9, {.at = asked_at - milliseconds{1}})));
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kNone);
  EXPECT_EQ(world.OnlyCase().converted_at, asked_at - milliseconds{1}) << "but counts in `ever`";
  EXPECT_EQ(world.OnlyCase().status, "resurvey_due");
  ASSERT_TRUE(world.Do(Answer("a", 9, {.at = asked_at})));
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kResurveyAnswer);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(PairingTest, ANamedAnswerToleratesTheCustomersClockButNotATimeBeforeTheCase) {
  World world = AskedAgain();
  const CaseId id = world.OnlyCase().id;
  World slow_clock = world;
  ASSERT_TRUE(slow_clock.Do(Answer("a", 9, {.at = world.now - minutes{10}, .names = id})));
  EXPECT_EQ(slow_clock.LastResponse().effect, ResponseEffect::kResurveyAnswer);
  ASSERT_TRUE(world.Do(Answer("a", 9, {.at = kStart - minutes{1}, .names = id})));
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kNone);
  EXPECT_EQ(world.OnlyCase().status, "resurvey_due");
}

struct ReopenWindowRow {
  const char* name;
  Duration after_closing;
  int64_t score;
  ResponseEffect effect;
};

TEST(PairingTest, ADetractorWithinTheReopenWindowReopens) {
  using enum ResponseEffect;
  const ReopenWindowRow rows[] = {
      {"at once", Duration{0}, 1, kReopened},
      {"at the very end", days{7}, 1, kReopened},
      {"just after it", days{7} + milliseconds{1}, 1, kOpened},
      {"a passive's answer does not", days{1}, 4, kNone},
  };
  for (const ReopenWindowRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world = Closed(fixtures::kCsat);
    const Case before = world.OnlyCase();
    world.now += row.after_closing;
    ASSERT_TRUE(world.Do(Answer("a", row.score, {.program = fixtures::kCsat})));
    EXPECT_EQ(world.LastResponse().effect, row.effect);
    EXPECT_EQ(world.cases.size(), row.effect == kOpened ? 2U : 1U);
    if (row.effect == kReopened) {
      const Case& c = world.OnlyCase();
      EXPECT_EQ(c.status, "reopened");
      EXPECT_EQ(c.severity, before.severity + 1);
      EXPECT_EQ(c.reopen_count, 1);
      EXPECT_TRUE(c.holds_dedupe_slot);
      EXPECT_EQ(c.resurvey_result, ResurveyResult::kUnset);
      EXPECT_EQ(c.attached_response_ids.back(), world.last_response);
      EXPECT_EQ(NextDue(c), world.now + hours{24});
    }
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(PairingTest, WithoutAReopenWindowADetractorOpensANewCase) {
  World world = Closed();
  ASSERT_TRUE(world.Do(Answer("a", 1)));
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kOpened);
  EXPECT_EQ(world.cases.size(), 2U);
}

TEST(PairingTest, ALateAnswerIsStoredAndCountsInEver) {
  World world = AskedAgain();
  world.now += days{14};
  EXPECT_EQ(Do(world, FireTimers{}), "TimerEnded CaseClosed");
  EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kNoAnswer);
  world.now += hours{1};
  EXPECT_EQ(Outcome(world.Do(Answer("a", 9, {.names = world.OnlyCase().id}))),
            "ResponseRecorded LaterAnswerCounted");
  const Case& c = world.OnlyCase();
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kNone);
  EXPECT_EQ(c.status, "closed");
  EXPECT_EQ(c.resurvey_result, ResurveyResult::kNoAnswer);
  EXPECT_EQ(c.converted_at, world.now);
  EXPECT_EQ(c.resurvey.first_answer, std::nullopt);
  const Counts counts = Contribution(c);
  EXPECT_EQ(counts.converted_ever, 1);
  EXPECT_EQ(counts.converted_first, 0);
  EXPECT_EQ(counts.answered, 0);
}

TEST(PairingTest, ABadResurveyReopensOneTierHigherUntilTheLimit) {
  World world = AskedAgain();
  for (int round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    const int32_t severity = world.OnlyCase().severity;
    EXPECT_EQ(Outcome(world.Do(Answer("a", 2))),
              "ResponseRecorded TimerEnded ResurveyAnswered CaseReopened ClockStarted");
    EXPECT_EQ(world.OnlyCase().status, "reopened");
    EXPECT_EQ(world.OnlyCase().severity, severity + 1);
    EXPECT_EQ(world.OnlyCase().reopen_count, round);
    EXPECT_TRUE(world.OnlyCase().holds_dedupe_slot);
    EXPECT_EQ(world.OnlyCase().handling_result, HandlingResult::kUnset);
    ASSERT_EQ(Do(world, Resolved()), "ClockEnded CaseResolved ClockStarted");
    world.now += days{3};
    ASSERT_EQ(Do(world, FireTimers{}), "ClockEnded ResurveyAsked TimerSet");
  }
  EXPECT_EQ(Outcome(world.Do(Answer("a", 2))), "ResponseRecorded TimerEnded ResurveyAnswered");
  EXPECT_EQ(world.OnlyCase().status, "resurveyed");
  EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kStillDetractor);
  EXPECT_EQ(world.OnlyCase().resurvey.answer_count, 3);
  EXPECT_EQ(NextDue(world.OnlyCase()), std::nullopt);
  // A person closes it; the customer's word stands.
  World declined = world;
  EXPECT_EQ(Do(world, Close{}), "CaseClosed");
  EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kStillDetractor);
  EXPECT_EQ(Do(declined, Close{{}, true}), "CaseClosed");
  EXPECT_EQ(declined.OnlyCase().resurvey_result, ResurveyResult::kStillDetractor);
  EXPECT_EQ(world.problems, kNoProblems);
}

// The same question on the same scale: the case's own revision judges the second answer, even where
// the program has changed since, or is gone.
TEST(PairingTest, AReSurveyIsJudgedByTheRevisionThatTheCaseFollows) {
  for (const bool gone : {false, true}) {
    SCOPED_TRACE(gone);
    World world = AskedAgain();
    Revision next = world.revision;
    next.number += 1;
    if (gone) {
      std::erase_if(next.programs, [](const Program& p) { return p.id == fixtures::kNps; });
    } else {
      for (Program& program : next.programs) {
        if (program.id == fixtures::kNps) program.scale.promoter_limit = 10;
      }
    }
    world.PutInForce(next);
    SubmitResponse answer = Answer("a", 9, {.names = world.OnlyCase().id});
    ASSERT_EQ(Outcome(world.Do(answer)),
              "ResponseRecorded LaterAnswerCounted TimerEnded ResurveyAnswered CaseClosed");
    EXPECT_EQ(world.LastResponse().category, Category::kPromoter);
    EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kPromoter);
    EXPECT_EQ(Outcome(world.Do(Answer("b", 9))),
              gone ? "UNKNOWN_PROGRAM" : "CustomerCreated ResponseRecorded");
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(PairingTest, SeverityStopsAtFive) {
  World world = AskedAgain();
  world.revision.programs.front().max_reopen_count = 9;
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(world.Do(Answer("a", 0)));
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
    world.now += days{3};
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  }
  EXPECT_EQ(world.OnlyCase().severity, 5);
}

struct WindowRow {
  const char* name;
  Duration after_opening;
  bool counts;
};

TEST(PairingTest, EverCountsUpToTheEndOfTheWindow) {
  const WindowRow rows[] = {
      {"in the middle", days{45}, true},
      {"at the very end", days{90}, true},
      {"a millisecond later", days{90} + milliseconds{1}, false},
  };
  for (const WindowRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithCase(fixtures::kCsat, 2);
    world.now += row.after_opening;
    ASSERT_TRUE(world.Do(Answer("a", 5, {.program = fixtures::kCsat})));
    EXPECT_EQ(world.OnlyCase().converted_at.has_value(), row.counts);
    EXPECT_EQ(world.OnlyCase().recovered_at.has_value(), row.counts);
  }
}

TEST(PairingTest, OfTwoAnswersOfOneInstantTheOneRecordedLaterComesAfter) {
  World world = WithCase();
  ASSERT_TRUE(world.Do(Answer("a", 9, {.at = kStart})));
  EXPECT_EQ(world.OnlyCase().converted_at, kStart);
  ASSERT_TRUE(world.Do(Answer("b", 3)));
  ASSERT_TRUE(world.Do(Answer("b", 9, {.at = kStart - milliseconds{1}})));
  EXPECT_EQ(Contribution(world.cases.rbegin()->second).converted_ever, 0) << "given before";
}

TEST(PairingTest, TheFirstAnswerMissesWhatALaterOneReaches) {
  World world = AskedAgain();
  ASSERT_TRUE(world.Do(Answer("a", 4)));  // bad: reopened
  world.now += days{1};
  ASSERT_TRUE(world.Do(Answer("a", 10)));
  const Counts counts = Contribution(world.OnlyCase());
  EXPECT_EQ(counts.answered, 1);
  EXPECT_EQ(counts.recovered_first, 0);
  EXPECT_EQ(counts.converted_first, 0);
  EXPECT_EQ(counts.recovered_ever, 1);
  EXPECT_EQ(counts.converted_ever, 1);
}

// Customers are linked, never merged: a case keeps the customer it was opened for, and the answer
// to its re-survey comes in under the one that stands for both.
TEST(PairingTest, AnAliasAnswersItsOwnResurvey) {
  World world = AskedAgain();
  ASSERT_TRUE(world.Do(Answer("b", 9, {.program = fixtures::kOpenNps})));
  ASSERT_TRUE(world.Do(AddCustomerAlias{world.FindCustomer("b")->id, {"crm", "a"}}));
  World unnamed = world;
  ASSERT_EQ(Outcome(world.Do(Answer("a", 9, {.names = world.OnlyCase().id}))),
            "ResponseRecorded LaterAnswerCounted TimerEnded ResurveyAnswered CaseClosed");
  ASSERT_TRUE(unnamed.Do(Answer("b", 9)));
  EXPECT_EQ(unnamed.LastResponse().effect, ResponseEffect::kResurveyAnswer);
}

// ------------------------------------------------------------------------------ attempts

struct AttemptRow {
  AttemptOutcome outcome;
  bool reached;
};

TEST(AttemptTest, EveryOutcomeMovesTheCaseOrNot) {
  using enum AttemptOutcome;
  const AttemptRow rows[] = {
      {kReached, true},    {kNoAnswer, false},      {kBusy, false},           {kSwitchedOff, false},
      {kSuspended, false}, {kEmptyNumber, false},   {kWrongPerson, false},    {kHungUp, true},
      {kRefused, true},    {kCallBackAgreed, true}, {kAsksForSuperior, true}, {kMessageSent, false},
  };
  for (const AttemptRow& row : rows) {
    SCOPED_TRACE(static_cast<int>(row.outcome));
    EXPECT_EQ(IsReached(row.outcome), row.reached);
    World world = WithCase();
    world.now += hours{1};
    EXPECT_EQ(Do(world, OutboundAttempt(row.outcome)),
              row.reached ? "AttemptLogged ClockEnded" : "AttemptLogged");
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.status, row.reached ? "contacted" : "contacting");
    EXPECT_EQ(c.contacted_at.has_value(), row.reached);
    EXPECT_EQ(c.timers[0].state, row.reached ? TimerState::kMet : TimerState::kPending);
    ASSERT_EQ(c.attempts.size(), 1U);
    EXPECT_EQ(c.attempts[0].actor, "li.na");
    EXPECT_EQ(c.attempts[0].occurred_at, world.now);
    // A later failure takes nothing back.
    ASSERT_EQ(Do(world, OutboundAttempt(kNoAnswer)), "AttemptLogged");
    EXPECT_EQ(world.OnlyCase().status, row.reached ? "contacted" : "contacting");
  }
}

TEST(AttemptTest, TimesAreBoundedByTheCaseAndNow) {
  const TimeRow rows[] = {
      {"before the case", kStart - milliseconds{1}, std::nullopt},
      {"as it opened", kStart, kStart},
      {"within the skew", kStart + hours{1} + minutes{5}, kStart + hours{1}},
      {"beyond the skew", kStart + hours{1} + minutes{5} + milliseconds{1}, std::nullopt},
  };
  for (const TimeRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithCase();
    world.now += hours{1};
    LogAttempt verb = OutboundAttempt(AttemptOutcome::kReached);
    verb.occurred_now = false;
    verb.attempt.occurred_at = row.at;
    EXPECT_EQ(Do(world, verb),
              row.taken_as ? "AttemptLogged ClockEnded" : "TIMESTAMP_OUT_OF_RANGE");
    if (row.taken_as) {
      EXPECT_EQ(world.OnlyCase().contacted_at, row.taken_as);
    }
  }
}

// ------------------------------------------------------------------------------ consent

struct ConsentRow {
  const char* name;
  bool do_not_contact;
  std::vector<Consent> consents;
  CaseVerb verb;
  const char* outcome;
};

TEST(ConsentTest, ApproachingTheCustomerNeedsConsentAndRightsDoNot) {
  using enum Channel;
  constexpr auto kRecovery = ConsentPurpose::kRecovery;
  constexpr auto kSurvey = ConsentPurpose::kSurvey;
  const CaseVerb call = OutboundAttempt(AttemptOutcome::kNoAnswer, kPhone);
  const CaseVerb mail = OutboundAttempt(AttemptOutcome::kMessageSent, kEmail);
  const auto remedy = [](RemedyKind kind, RemedyState state, bool statutory = false) {
    return CaseVerb{NewRemedy(kind, state, statutory)};
  };
  const ConsentRow rows[] = {
      {"nothing said", false, {}, call, "AttemptLogged"},
      {"do not contact: a call", true, {}, call, "DO_NOT_CONTACT"},
      {"do not contact wins over a grant",
       true,
       {Denied(kPhone, kRecovery, true)},
       call,
       "DO_NOT_CONTACT"},
      {"do not contact: the customer calls",
       true,
       {},
       InboundAttempt(),
       "AttemptLogged ClockEnded"},
      {"phone denied: a call", false, {Denied(kPhone, kRecovery)}, call, "CONSENT_DENIED"},
      {"phone denied: a mail", false, {Denied(kPhone, kRecovery)}, mail, "AttemptLogged"},
      {"phone denied: the customer calls",
       false,
       {Denied(kPhone, kRecovery)},
       InboundAttempt(),
       "AttemptLogged ClockEnded"},
      {"all denied: a mail", false, {Denied(kUnset, kRecovery)}, mail, "CONSENT_DENIED"},
      {"all denied, phone granted: a call",
       false,
       {Denied(kUnset, kRecovery), Denied(kPhone, kRecovery, true)},
       call,
       "AttemptLogged"},
      {"the same, other order",
       false,
       {Denied(kPhone, kRecovery, true), Denied(kUnset, kRecovery)},
       call,
       "AttemptLogged"},
      {"all denied, phone granted: a mail",
       false,
       {Denied(kUnset, kRecovery), Denied(kPhone, kRecovery, true)},
       mail,
       "CONSENT_DENIED"},
      {"all granted, phone denied: a call",
       false,
       {Denied(kUnset, kRecovery, true), Denied(kPhone, kRecovery)},
       call,
       "CONSENT_DENIED"},
      {"surveys denied: a call", false, {Denied(kUnset, kSurvey)}, call, "AttemptLogged"},
      {"do not contact: an offer",
       true,
       {},
       remedy(RemedyKind::kVoucher, RemedyState::kOffered),
       "DO_NOT_CONTACT"},
      {"do not contact: an apology said",
       true,
       {},
       remedy(RemedyKind::kPersonalApology, RemedyState::kDelivered),
       "DO_NOT_CONTACT"},
      {"do not contact: an apology planned",
       true,
       {},
       remedy(RemedyKind::kPersonalApology, RemedyState::kProposed),
       "RemedyRecorded"},
      {"do not contact: a refund paid",
       true,
       {},
       remedy(RemedyKind::kRefund, RemedyState::kDelivered),
       "RemedyRecorded"},
      {"do not contact: a statutory refund offered",
       true,
       {},
       remedy(RemedyKind::kRefund, RemedyState::kOffered, true),
       "RemedyRecorded"},
      {"all denied: an offer",
       false,
       {Denied(kUnset, kRecovery)},
       remedy(RemedyKind::kVoucher, RemedyState::kOffered),
       "CONSENT_DENIED"},
      {"all denied: a bill corrected",
       false,
       {Denied(kUnset, kRecovery)},
       remedy(RemedyKind::kBillCorrection, RemedyState::kDelivered),
       "RemedyRecorded"},
  };
  for (const ConsentRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithCase();
    SetConsent(world, row.do_not_contact, row.consents);
    EXPECT_EQ(Do(world, row.verb), row.outcome);
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(ConsentTest, WhoeverSpeaksToUsMayBeOfferedARemedy) {
  World world = WithCase();
  SetConsent(world, false, {Denied(Channel::kUnset, ConsentPurpose::kRecovery)});
  ASSERT_EQ(Do(world, InboundAttempt()), "AttemptLogged ClockEnded");
  EXPECT_EQ(Do(world, NewRemedy(RemedyKind::kVoucher, RemedyState::kOffered)), "RemedyRecorded");
}

TEST(ConsentTest, NobodyIsThereToBeCalledOnAnAnonymousCase) {
  World world;
  ASSERT_TRUE(world.Do(Answer("", 2, {.program = fixtures::kSite})));
  EXPECT_EQ(Do(world, OutboundAttempt(AttemptOutcome::kReached)), "CUSTOMER_UNKNOWN");
  EXPECT_TRUE(world.OnlyCase().timers.empty());
  EXPECT_EQ(Do(world, Resolved()), "CaseResolved") << "and nobody to be asked again";
  EXPECT_EQ(Do(world, Reopen{}), "CaseReopened") << "nor to be contacted in time";
  EXPECT_EQ(Do(world, Resolved()), "CaseResolved");
  EXPECT_EQ(Do(world, Close{}), "CaseClosed");
  EXPECT_EQ(world.OnlyCase().not_asked_reason, NotAskedReason::kAnonymous);
  EXPECT_EQ(world.problems, kNoProblems);
}

struct AskRow {
  const char* name;
  bool do_not_contact;
  std::vector<Consent> consents;
  Channel preferred;
  std::vector<Channel> contact_points;
  Channel asked_on;        // when asked
  NotAskedReason why_not;  // kUnset: asked
};

TEST(ConsentTest, TheResurveyGoesToAnAllowedChannelOrToNone) {
  using enum Channel;
  constexpr auto kSurvey = ConsentPurpose::kSurvey;
  const AskRow rows[] = {
      {"nothing known", false, {}, kUnset, {}, kUnset, NotAskedReason::kUnset},
      {"the preferred channel first",
       false,
       {},
       kEmail,
       {kPhone, kEmail},
       kEmail,
       NotAskedReason::kUnset},
      {"else the first contact point",
       false,
       {},
       kUnset,
       {kSms, kEmail},
       kSms,
       NotAskedReason::kUnset},
      {"one channel denied",
       false,
       {Denied(kSms, kSurvey)},
       kUnset,
       {kSms, kEmail},
       kEmail,
       NotAskedReason::kUnset},
      {"the preferred one denied",
       false,
       {Denied(kPhone, kSurvey)},
       kPhone,
       {kEmail},
       kEmail,
       NotAskedReason::kUnset},
      {"each channel denied",
       false,
       {Denied(kSms, kSurvey), Denied(kEmail, kSurvey)},
       kUnset,
       {kSms, kEmail},
       kUnset,
       NotAskedReason::kConsentDenied},
      {"all channels denied",
       false,
       {Denied(kUnset, kSurvey)},
       kUnset,
       {},
       kUnset,
       NotAskedReason::kConsentDenied},
      {"all denied, one granted",
       false,
       {Denied(kUnset, kSurvey), Denied(kEmail, kSurvey, true)},
       kUnset,
       {kSms, kEmail},
       kEmail,
       NotAskedReason::kUnset},
      {"recovery denied only",
       false,
       {Denied(kUnset, ConsentPurpose::kRecovery)},
       kUnset,
       {kSms},
       kSms,
       NotAskedReason::kUnset},
      {"do not contact",
       true,
       {Denied(kSms, kSurvey, true)},
       kUnset,
       {kSms},
       kUnset,
       NotAskedReason::kDoNotContact},
  };
  for (const AskRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    UpsertCustomer upsert{{"crm", "a"}, {}, {"contact_points"}, {}};
    for (Channel channel : row.contact_points) {
      upsert.profile.contact_points.push_back({channel, {{}, "address"}});
    }
    ASSERT_TRUE(world.Do(upsert));
    OpenCase open;
    open.program_id = fixtures::kNps;
    open.customer_id = world.FindCustomer("a")->id;
    open.details.preferred_channel = row.preferred;
    ASSERT_TRUE(world.Do(open));
    SetConsent(world, row.do_not_contact, row.consents);
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
    world.now += days{3};
    const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
    const Case& c = world.OnlyCase();
    if (row.why_not == NotAskedReason::kUnset) {
      ASSERT_EQ(Outcome(fired), "ClockEnded ResurveyAsked TimerSet");
      EXPECT_EQ(std::get<ResurveyAsked>((*fired)[1].body).channel, row.asked_on);
      EXPECT_EQ(c.resurvey.expires_at, world.now + days{14});
      EXPECT_EQ(c.asked_at, world.now);
    } else {
      ASSERT_EQ(Outcome(fired), "ClockEnded CaseClosed");
      EXPECT_EQ(c.resurvey_result, ResurveyResult::kNotAsked);
      EXPECT_EQ(c.not_asked_reason, row.why_not);
      EXPECT_EQ(c.asked_at, std::nullopt);
      EXPECT_EQ(c.status, "closed");
    }
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

// ------------------------------------------------------------------------------ commitments

TEST(CommitmentTest, DueTimesAreBounded) {
  const struct {
    Duration from_now;
    bool accepted;
  } rows[] = {{Duration{-1}, false},
              {Duration{0}, false},
              {Duration{1}, true},
              {limits::kFarthestDue, true},
              {limits::kFarthestDue + Duration{1}, false}};
  for (const auto& row : rows) {
    World world = WithCase();
    MakeCommitment verb;
    verb.commitment.promise.value = "we call back";
    verb.commitment.due_at = world.now + row.from_now;
    EXPECT_EQ(Do(world, verb),
              row.accepted ? "CommitmentMade ClockStarted" : "TIMESTAMP_OUT_OF_RANGE")
        << row.from_now.count();
  }
}

TEST(CommitmentTest, EachHasItsOwnTimerThatFiresOnce) {
  World world = WithCase();
  for (const hours due : {hours{5}, hours{2}}) {
    MakeCommitment verb;
    verb.commitment.due_at = world.now + due;
    ASSERT_EQ(Do(world, verb), "CommitmentMade ClockStarted");
  }
  const Case made = world.OnlyCase();
  EXPECT_EQ(made.commitments.size(), 2U);
  EXPECT_NE(made.commitments[0].id, made.commitments[1].id);
  EXPECT_EQ(made.timers[1].generation, 1);
  EXPECT_EQ(made.timers[2].generation, 2);
  world.now += hours{2} - milliseconds{1};
  EXPECT_EQ(Do(world, FireTimers{}), "") << "too early";
  world.now += milliseconds{1};
  EXPECT_EQ(Do(world, FireTimers{}), "TierCrossed");
  EXPECT_EQ(Do(world, FireTimers{}), "") << "once";
  EXPECT_EQ(world.OnlyCase().timers[2].state, TimerState::kFired);
  EXPECT_EQ(world.OnlyCase().timers[1].state, TimerState::kPending);
  EXPECT_EQ(NextDue(world.OnlyCase()), kStart + hours{5});
}

// ------------------------------------------------------------------------------ remedies

struct RemedyRow {
  RemedyState from;  // kUnset: new
  RemedyState to;
  bool accepted;
};

TEST(RemedyTest, StatesMoveForwardOnly) {
  using enum RemedyState;
  const RemedyState all[] = {kProposed, kApproved,  kOffered, kAccepted,
                             kDeclined, kDelivered, kReversed};
  for (const RemedyState from : all) {
    for (const RemedyState to : all) {
      SCOPED_TRACE(std::to_string(static_cast<int>(from)) + " to " +
                   std::to_string(static_cast<int>(to)));
      const bool forward = to > from && from != kDeclined && from != kReversed &&
                           (from != kDelivered || to == kReversed) &&
                           !(from == kAccepted && to == kDeclined);
      World world = WithCase();
      if (from == kReversed) {
        ASSERT_EQ(Do(world, NewRemedy(RemedyKind::kRefund, kReversed)), "TRANSITION_NOT_ALLOWED")
            << "a new one cannot begin reversed";
        ASSERT_EQ(Do(world, NewRemedy(RemedyKind::kRefund, kDelivered)), "RemedyRecorded");
        RecordRemedy reverse = NewRemedy(RemedyKind::kRefund, kReversed);
        reverse.remedy.id = world.OnlyCase().remedies[0].id;
        ASSERT_EQ(Do(world, reverse), "RemedyRecorded");
      } else {
        ASSERT_EQ(Do(world, NewRemedy(RemedyKind::kRefund, from)), "RemedyRecorded");
      }
      RecordRemedy step = NewRemedy(RemedyKind::kVoucher, to);
      step.remedy.id = world.OnlyCase().remedies[0].id;
      EXPECT_EQ(Do(world, step), forward ? "RemedyRecorded" : "TRANSITION_NOT_ALLOWED");
      const Case& c = world.OnlyCase();
      ASSERT_EQ(c.remedies.size(), 1U);
      EXPECT_EQ(c.remedies[0].state, forward ? to : from);
      EXPECT_EQ(c.remedies[0].kind, RemedyKind::kRefund) << "kept from its beginning";
      const bool given = c.remedied_at.has_value();
      EXPECT_EQ(c.status, given ? "remedied" : "remedy_proposed");
    }
  }
}

TEST(RemedyTest, AnUnknownIdAndAnotherCurrencyAreRefused) {
  World world = WithCase();
  RecordRemedy verb = NewRemedy(RemedyKind::kRefund, RemedyState::kProposed);
  verb.remedy.id.bytes[0] = 9;
  EXPECT_EQ(Do(world, verb), "NOT_FOUND");
  verb.remedy.id = {};
  verb.remedy.amount = {1'000, "EUR"};
  EXPECT_EQ(Do(world, verb), "CURRENCY_MISMATCH");
  verb.remedy.amount = {1'000, "CNY"};
  EXPECT_EQ(Do(world, verb), "RemedyRecorded");
  RecordRemedy step = NewRemedy(RemedyKind::kRefund, RemedyState::kDelivered);
  step.remedy.id = world.OnlyCase().remedies[0].id;
  ASSERT_EQ(Do(world, step), "RemedyRecorded");
  EXPECT_EQ(world.OnlyCase().remedies[0].amount, (Money{1'000, "CNY"})) << "kept";
}

TEST(RemedyTest, AStatutoryRemedyStaysStatutory) {
  World world = WithCase();
  ASSERT_EQ(Do(world, NewRemedy(RemedyKind::kVoucher, RemedyState::kProposed)), "RemedyRecorded");
  SetConsent(world, true, {});
  RecordRemedy step = NewRemedy(RemedyKind::kVoucher, RemedyState::kOffered, true);
  step.remedy.id = world.OnlyCase().remedies[0].id;
  EXPECT_EQ(Do(world, step), "DO_NOT_CONTACT") << "calling it so later does not help";
}

// ------------------------------------------------------------------------------ ending and
// reopening

TEST(ResolveTest, StopsTheFirstContactClockAndStartsTheResurveys) {
  World world = WithCase();
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), OutboundAttempt(AttemptOutcome::kNoAnswer))));
  Resolve verb = Resolved();
  verb.action_taken.value = "bill corrected";
  verb.customer_accepts = true;
  EXPECT_EQ(Do(world, verb), "ClockEnded CaseResolved ClockStarted");
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.status, "resolved");
  EXPECT_EQ(c.phase, Phase::kRemedied);
  EXPECT_EQ(c.handling_result, HandlingResult::kResolved);
  EXPECT_FALSE(c.action_taken.id.empty());
  EXPECT_EQ(c.timers[0].state, TimerState::kCancelled);
  EXPECT_EQ(NextDue(c), world.now + days{3});
  EXPECT_TRUE(c.holds_dedupe_slot) << "until it is closed";
  EXPECT_FALSE(IsClaimable(c));
}

TEST(CloseTest, GivesTheResurveyItsResult) {
  const struct {
    const char* name;
    bool asked;
    bool declined;
    ResurveyResult result;
    NotAskedReason why;
  } rows[] = {
      {"not asked yet", false, false, ResurveyResult::kNotAsked, NotAskedReason::kClosedEarly},
      {"waiting", true, false, ResurveyResult::kNoAnswer, NotAskedReason::kUnset},
      {"declined before", false, true, ResurveyResult::kDeclined, NotAskedReason::kUnset},
      {"declined when asked", true, true, ResurveyResult::kDeclined, NotAskedReason::kUnset},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world = row.asked ? AskedAgain() : WithCase();
    if (!row.asked) {
      ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
    }
    EXPECT_EQ(Do(world, Close{{}, row.declined}),
              row.asked ? "TimerEnded CaseClosed" : "ClockEnded CaseClosed");
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.resurvey_result, row.result);
    EXPECT_EQ(c.not_asked_reason, row.why);
    EXPECT_EQ(c.closed_at, world.now);
    EXPECT_EQ(Do(world, FireTimers{}), "") << "nothing is left to fire";
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

// The invitation of the first round is no reason to say that nobody answered in the second.
TEST(CloseTest, ASecondRoundThatWasNotAskedSaysSo) {
  World world = AskedAgain();
  ASSERT_TRUE(world.Do(Answer("a", 1)));
  ASSERT_EQ(Do(world, Resolved()), "ClockEnded CaseResolved ClockStarted");
  ASSERT_EQ(Do(world, Close{}), "ClockEnded CaseClosed");
  EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kNotAsked);
  EXPECT_EQ(world.OnlyCase().not_asked_reason, NotAskedReason::kClosedEarly);
}

TEST(CloseTest, EndsEveryPendingTimer) {
  World world = WithCase();
  MakeCommitment verb;
  verb.commitment.due_at = world.now + days{30};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), verb)));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  EXPECT_EQ(Do(world, Close{}), "ClockEnded ClockEnded CaseClosed");
  EXPECT_EQ(NextDue(world.OnlyCase()), std::nullopt);
}

TEST(ReopenTest, TakesTheSlotBackUnlessAnotherHoldsIt) {
  World world = Closed();
  const Case closed = world.OnlyCase();
  World taken = world;
  EXPECT_EQ(Do(world, Reopen{}), "CaseReopened ClockStarted");
  EXPECT_TRUE(world.OnlyCase().holds_dedupe_slot);
  EXPECT_EQ(world.OnlyCase().status, "reopened");
  EXPECT_EQ(world.OnlyCase().severity, closed.severity) << "by hand: as it was";
  EXPECT_EQ(world.OnlyCase().closed_at, std::nullopt);
  ASSERT_TRUE(taken.Do(Answer("a", 1)));
  EXPECT_EQ(Outcome(taken.Do(On(closed, Reopen{}))), "DEDUPE_SLOT_TAKEN");
}

TEST(ReopenTest, ACaseOpenedByHandHoldsNoSlot) {
  World world = WithCase();
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.customer_id = world.FindCustomer("a")->id;
  EXPECT_EQ(Outcome(world.Do(open)), "CaseOpened");
  const auto by_hand = std::find_if(world.cases.begin(), world.cases.end(), [](const auto& entry) {
    return entry.second.origin == CaseOrigin::kHand;
  });
  ASSERT_FALSE(by_hand->second.holds_dedupe_slot);
  ASSERT_TRUE(world.Do(On(by_hand->second, Resolved())));
  ASSERT_TRUE(world.Do(On(by_hand->second, Close{})));
  EXPECT_EQ(Outcome(world.Do(On(by_hand->second, Reopen{}))), "CaseReopened ClockStarted");
  EXPECT_FALSE(by_hand->second.holds_dedupe_slot);
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(OpenTest, ChecksProgramCustomerAndCurrency) {
  World world;
  OpenCase open;
  open.program_id = "nps";
  EXPECT_EQ(Outcome(world.Do(open)), "UNKNOWN_PROGRAM");
  open.program_id = fixtures::kNps;
  open.customer_id.bytes[3] = 1;
  EXPECT_EQ(Outcome(world.Do(open)), "NOT_FOUND");
  open.customer_id = {};
  open.details.value_at_risk = {5, "EUR"};
  EXPECT_EQ(Outcome(world.Do(open)), "CURRENCY_MISMATCH");
  open.details.value_at_risk = {5, "CNY"};
  open.severity = 4;
  EXPECT_EQ(Outcome(world.Do(open)), "CaseOpened");
  EXPECT_EQ(world.OnlyCase().severity, 4);
  EXPECT_TRUE(world.OnlyCase().timers.empty()) << "nobody to contact";
}

TEST(ClaimTest, GivesOutWhatIsNobodysOnce) {
  World world;
  EXPECT_EQ(Outcome(world.Do(ClaimNext{})), "NOTHING_TO_CLAIM");
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  EXPECT_EQ(Outcome(world.Do(ClaimNext{"vip"})), "NOTHING_TO_CLAIM");
  EXPECT_EQ(Outcome(world.Do(ClaimNext{})), "CaseAssigned");
  EXPECT_EQ(world.OnlyCase().owner, "li.na");
  EXPECT_EQ(world.OnlyCase().details.queue_id, "default");
  EXPECT_EQ(Outcome(world.Do(ClaimNext{})), "NOTHING_TO_CLAIM");
}

TEST(AssignTest, MovesOwnerAndQueueAndTheEventStandsInTheNewQueue) {
  World world = WithCase();
  ASSERT_EQ(Do(world, Assign{"wang.wei", "vip"}), "CaseAssigned");
  EXPECT_EQ(world.OnlyCase().owner, "wang.wei");
  EXPECT_EQ(world.OnlyCase().details.queue_id, "vip");
  EXPECT_EQ(world.log.back().queue_id, "vip");
  ASSERT_EQ(Do(world, Assign{"", ""}), "CaseAssigned");
  EXPECT_EQ(world.OnlyCase().owner, "");
  EXPECT_EQ(world.OnlyCase().details.queue_id, "vip") << "kept";
}

TEST(WorkTest, AStaleEtagNamesTheCurrentOneAndChangesNothing) {
  World world = WithCase();
  WorkCase command = On(world.OnlyCase(), Assign{"wang.wei", {}});
  command.expected_version = 1;
  ASSERT_TRUE(world.Do(command));
  const Case before = world.OnlyCase();
  const auto again = world.Do(command);
  ASSERT_EQ(Outcome(again), "ETAG_MISMATCH");
  EXPECT_EQ(again.error().metadata.at("current"), "\"2\"");
  EXPECT_EQ(world.OnlyCase(), before);
}

TEST(WorkTest, AnUnknownCaseIsNotFound) {
  World world;
  EXPECT_EQ(Outcome(world.Do(WorkCase{{}, Assign{"x", {}}, {}})), "NOT_FOUND");
}

// ------------------------------------------------------------------------------ timers

TEST(TimerTest, EarlyAndRepeatedWakeUpsDoNothing) {
  World world = WithCase();
  world.now += hours{24} - milliseconds{1};
  EXPECT_EQ(Do(world, FireTimers{}), "");
  world.now += milliseconds{1};
  EXPECT_EQ(Do(world, FireTimers{}), "TierCrossed");
  EXPECT_EQ(world.OnlyCase().timers[0].state, TimerState::kFired);
  EXPECT_EQ(Do(world, FireTimers{}), "");
  world.now += days{365};
  EXPECT_EQ(Do(world, FireTimers{}), "");
}

TEST(TimerTest, SeveralOverdueFireInDueOrder) {
  World world = WithCase();  // first contact after 24 hours
  for (const hours due : {hours{30}, hours{3}, hours{24}}) {
    MakeCommitment verb;
    verb.commitment.due_at = kStart + due;
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), verb)));
  }
  world.now += days{10};
  const auto fired = world.Do(On(world.OnlyCase(), FireTimers{}));
  ASSERT_EQ(Outcome(fired), "TierCrossed TierCrossed TierCrossed TierCrossed");
  const std::vector<std::pair<ClockKind, int32_t>> expected = {{ClockKind::kCommitment, 2},
                                                               {ClockKind::kFirstContact, 1},
                                                               {ClockKind::kCommitment, 3},
                                                               {ClockKind::kCommitment, 1}};
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& crossed = std::get<TierCrossed>((*fired)[i].body);
    EXPECT_EQ(std::pair(crossed.kind, crossed.generation), expected[i]) << i;
    EXPECT_TRUE(crossed.breach);
  }
  for (const Timer& timer : world.OnlyCase().timers) EXPECT_EQ(timer.state, TimerState::kFired);
}

TEST(TimerTest, ALateWakeUpGivesTheCustomerTheWholeTimeToAnswer) {
  World world = WithCase();
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Resolved())));
  world.now += days{3} + hours{72};  // long down, but within the program's catch-up window
  EXPECT_EQ(Do(world, FireTimers{}), "ClockEnded ResurveyAsked TimerSet");
  EXPECT_EQ(NextDue(world.OnlyCase()), world.now + days{14});
}

TEST(TimerTest, TheExpiryClosesWithoutAnAnswer) {
  World world = AskedAgain();
  world.now += days{14};
  EXPECT_EQ(Do(world, FireTimers{}), "TimerEnded CaseClosed");
  EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kNoAnswer);
  EXPECT_EQ(world.OnlyCase().handling_result, HandlingResult::kResolved) << "two results";
}

// ------------------------------------------------------------------------------ customers

TEST(UpsertTest, TheMaskSaysWhatChanges) {
  World world;
  UpsertCustomer command{{"crm", "a"}, {}, {"segment", "language"}, {}};
  command.profile.segment = "gold";
  command.profile.language = "zh";
  command.profile.time_zone = "Asia/Shanghai";
  EXPECT_EQ(Outcome(world.Do(command)), "CustomerCreated");
  EXPECT_EQ(world.FindCustomer("a")->profile.segment, "gold");
  EXPECT_EQ(world.FindCustomer("a")->profile.time_zone, "") << "not in the mask";
  EXPECT_EQ(Outcome(world.Do(command)), "") << "no change, no event";
  EXPECT_EQ(world.FindCustomer("a")->version, 1);
  command.profile = {};
  command.mask = {"segment"};
  EXPECT_EQ(Outcome(world.Do(command)), "CustomerProfileChanged");
  EXPECT_EQ(world.FindCustomer("a")->profile.segment, "") << "in the mask, so cleared";
  EXPECT_EQ(world.FindCustomer("a")->profile.language, "zh");
}

TEST(UpsertTest, EveryProfileFieldHasItsMask) {
  const CustomerProfile full{{{}, "Wang Wei"},
                             {{Channel::kSms, {{}, "13800000000"}}},
                             "zh",
                             "Asia/Shanghai",
                             "gold",
                             "acme",
                             "cn/gd",
                             {5, "CNY"}};
  for (const char* field : {"display_name", "contact_points", "language", "time_zone", "segment",
                            "account_id", "org_unit_id", "value"}) {
    SCOPED_TRACE(field);
    World world;
    ASSERT_TRUE(world.Do(UpsertCustomer{{"crm", "a"}, {}, {}, {}}));
    EXPECT_EQ(Outcome(world.Do(UpsertCustomer{{"crm", "a"}, full, {field}, {}})),
              "CustomerProfileChanged");
    EXPECT_EQ(Outcome(world.Do(UpsertCustomer{{"crm", "a"}, full, {field}, {}})), "")
        << "the same words, so no change";
    EXPECT_NE(world.FindCustomer("a")->profile, CustomerProfile{});
  }
}

TEST(UpsertTest, AStaleEtagIsRefusedAndAnEtagOfNobodyToo) {
  World world;
  UpsertCustomer command{{"crm", "a"}, {}, {"segment"}, 1};
  EXPECT_EQ(Outcome(world.Do(command)), "NOT_FOUND");
  command.expected_version = std::nullopt;
  ASSERT_TRUE(world.Do(command));
  command.profile.segment = "gold";
  command.expected_version = 2;
  const auto stale = world.Do(command);
  EXPECT_EQ(Outcome(stale), "ETAG_MISMATCH");
  EXPECT_EQ(stale.error().metadata.at("current"), "\"1\"");
  command.expected_version = 1;
  EXPECT_EQ(Outcome(world.Do(command)), "CustomerProfileChanged");
}

TEST(AliasTest, KeysAreAddedAndCustomersLinked) {
  World world;
  ASSERT_TRUE(world.Do(Answer("a", 9)));
  ASSERT_TRUE(world.Do(Answer("b", 9)));
  const CustomerId a = world.FindCustomer("a")->id;
  const CustomerId b = world.FindCustomer("b")->id;
  EXPECT_EQ(Outcome(world.Do(AddCustomerAlias{a, {"crm", "a2"}})), "CustomerKeyAdded");
  EXPECT_EQ(world.FindCustomer("a2")->id, a);
  EXPECT_EQ(Outcome(world.Do(AddCustomerAlias{a, {"crm", "a2"}})), "ALIAS_TAKEN") << "its own key";
  EXPECT_EQ(Outcome(world.Do(AddCustomerAlias{a, {"crm", "b"}})), "CustomerLinked");
  EXPECT_EQ(world.customers.at(b).alias_of, a);
  EXPECT_EQ(world.Standing(b).id, a);
  // Linking the standing one under its own alias would turn in a circle.
  EXPECT_EQ(Outcome(world.Do(AddCustomerAlias{b, {"crm", "a"}})), "ALIAS_CYCLE");
  EXPECT_EQ(Outcome(world.Do(AddCustomerAlias{CustomerId{}, {"crm", "z"}})), "NOT_FOUND");
  // Answers under either key are now one customer's.
  ASSERT_TRUE(world.Do(Answer("b", 9)));
  EXPECT_EQ(world.LastResponse().customer_id, a);
}

TEST(AliasTest, AChainEndsAtOneCustomer) {
  World world;
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(world.Do(Answer(key, 9)));
  const auto id = [&](const char* key) { return world.FindCustomer(key)->id; };
  ASSERT_TRUE(world.Do(AddCustomerAlias{id("b"), {"crm", "c"}}));
  ASSERT_TRUE(world.Do(AddCustomerAlias{id("a"), {"crm", "b"}}));
  EXPECT_EQ(world.Standing(id("c")).id, id("a"));
  EXPECT_EQ(Outcome(world.Do(AddCustomerAlias{id("c"), {"crm", "a"}})), "ALIAS_CYCLE");
  EXPECT_FALSE(world.Do(AddCustomerAlias{id("a"), {"crm", "c"}})) << "linked already";
}

TEST(CustomerConsentTest, AnEntryReplacesTheOneOfItsChannelAndPurpose) {
  World world;
  ASSERT_TRUE(world.Do(Answer("a", 9)));
  SetConsent(world, std::nullopt,
             {Denied(Channel::kSms, ConsentPurpose::kSurvey),
              {Channel::kUnset, ConsentPurpose::kSurvey, true, Timestamp{}, "form"}});
  EXPECT_FALSE(world.FindCustomer("a")->do_not_contact);
  EXPECT_EQ(world.FindCustomer("a")->consents[1].occurred_at, world.now) << "unset means now";
  SetConsent(world, true, {Denied(Channel::kSms, ConsentPurpose::kSurvey, true)});
  EXPECT_TRUE(world.FindCustomer("a")->do_not_contact);
  ASSERT_EQ(world.FindCustomer("a")->consents.size(), 2U);
  EXPECT_TRUE(world.FindCustomer("a")->consents[0].granted);
  const SetCustomerConsent stale{world.FindCustomer("a")->id, false, {}, 1};
  EXPECT_EQ(Outcome(world.Do(stale)), "ETAG_MISMATCH");
  EXPECT_EQ(Outcome(world.Do(SetCustomerConsent{})), "NOT_FOUND");
}

RecordBehaviour Did(const char* customer, const char* key, BehaviourKind kind, Timestamp at) {
  RecordBehaviour command;
  command.customer_key = {"crm", customer};
  command.behaviour = {{"shop", key}, kind, {1250, "CNY"}, at, {}};
  return command;
}

TEST(BehaviourTest, IsRecordedOnceForItsKey) {
  World world;
  ASSERT_TRUE(world.Do(Answer("a", 9)));
  const Timestamp at = world.now - days{2};
  const RecordBehaviour bought = Did("a", "o1", BehaviourKind::kRepurchase, at);
  EXPECT_EQ(Outcome(world.Do(bought)), "BehaviourRecorded");
  const Customer& customer = *world.FindCustomer("a");
  ASSERT_EQ(customer.behaviours.size(), 1U);
  EXPECT_EQ(customer.behaviours[0].occurred_at, at);
  EXPECT_EQ(customer.behaviours[0].recorded_at, world.now);
  EXPECT_EQ(world.log.back().occurred_at, at) << "it happened then";

  struct Row {
    const char* name;
    void (*change)(RecordBehaviour&);
    const char* outcome;
  };
  const Row rows[] = {
      {"the same", [](RecordBehaviour&) {}, ""},
      {"without a time, so at whatever time", [](RecordBehaviour& c) { c.occurred_now = true; },
       ""},
      {"another kind", [](RecordBehaviour& c) { c.behaviour.kind = BehaviourKind::kChurn; },
       "BEHAVIOUR_KEY_REUSED"},
      {"another amount", [](RecordBehaviour& c) { c.behaviour.amount = {}; },
       "BEHAVIOUR_KEY_REUSED"},
      {"another time", [](RecordBehaviour& c) { c.behaviour.occurred_at += hours{1}; },
       "BEHAVIOUR_KEY_REUSED"},
      {"of nobody",
       [](RecordBehaviour& c) {
         c.customer_key = {"crm", "z"};
       },
       "NOT_FOUND"},
      {"another key", [](RecordBehaviour& c) { c.behaviour.external_key.external_id = "o2"; },
       "BehaviourRecorded"},
      {"the same key of another system",
       [](RecordBehaviour& c) { c.behaviour.external_key.source_system = "till"; },
       "BehaviourRecorded"}};
  world.now += hours{1};
  for (const Row& row : rows) {
    RecordBehaviour command = bought;
    row.change(command);
    EXPECT_EQ(Outcome(world.Do(command)), row.outcome) << row.name;
  }
}

TEST(BehaviourTest, ATimeAheadOfTheClockIsTheTimeOfRecording) {
  World world;
  ASSERT_TRUE(world.Do(Answer("a", 9)));
  const RecordBehaviour ahead =
      Did("a", "o1", BehaviourKind::kRenewal, world.now + std::chrono::minutes{3});
  EXPECT_EQ(Outcome(world.Do(ahead)), "BehaviourRecorded");
  EXPECT_EQ(world.FindCustomer("a")->behaviours[0].occurred_at, world.now);
  world.now += hours{1};
  EXPECT_EQ(Outcome(world.Do(ahead)), "") << "the same";
}

TEST(BehaviourTest, OfLinkedCustomersItIsOnceForThePersonAndWithWhoStandsForThem) {
  World world;
  for (const char* key : {"a", "b"}) ASSERT_TRUE(world.Do(Answer(key, 9)));
  const CustomerId a = world.FindCustomer("a")->id;
  const CustomerId b = world.FindCustomer("b")->id;
  const Timestamp at = world.now;
  ASSERT_TRUE(world.Do(Did("b", "o1", BehaviourKind::kChurn, at)));
  ASSERT_TRUE(world.Do(AddCustomerAlias{a, {"crm", "b"}}));
  EXPECT_EQ(Outcome(world.Do(Did("a", "o1", BehaviourKind::kChurn, at))), "");
  EXPECT_EQ(Outcome(world.Do(Did("a", "o1", BehaviourKind::kReferral, at))),
            "BEHAVIOUR_KEY_REUSED");
  EXPECT_EQ(Outcome(world.Do(Did("b", "o2", BehaviourKind::kReferral, at))), "BehaviourRecorded");
  EXPECT_EQ(world.customers.at(a).behaviours.size(), 1U);
  EXPECT_EQ(world.customers.at(b).behaviours.size(), 1U);
}

TEST(BehaviourTest, ARecordHoldsAThousandAndNoMore) {
  World world;
  ASSERT_TRUE(world.Do(Answer("a", 9)));
  for (size_t i = 0; i < limits::kBehaviours; ++i) {
    ASSERT_TRUE(
        world.Do(Did("a", std::to_string(i).c_str(), BehaviourKind::kRepurchase, world.now)));
  }
  const auto refused = world.Do(Did("a", "more", BehaviourKind::kRepurchase, world.now));
  EXPECT_EQ(Outcome(refused), "BEHAVIOUR_LIMIT_REACHED");
  EXPECT_EQ(refused.error().metadata.at("limit"), "1000");
  EXPECT_EQ(Outcome(world.Do(Did("a", "1", BehaviourKind::kRepurchase, world.now))), "")
      << "what is there stays known";
}

}  // namespace
}  // namespace rebound
