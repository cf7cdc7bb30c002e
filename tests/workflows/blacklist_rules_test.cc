// Rules that propose: what may be one, what they count, and that they never decide.
#include "workflows/blacklist_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kCsat;
using fixtures::kNps;
using fixtures::kStart;
using fixtures::On;
using fixtures::Outcome;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;

using Kind = BlacklistKind;
using Measure = BlacklistMeasure;

BlacklistCount CountOf(Measure measure, int64_t at_least, Duration within = days{365},
                       std::string currency = {}) {
  if (measure == Measure::kRemedySum && currency.empty()) currency = "CNY";
  return {measure, within, at_least, std::move(currency)};
}

BlacklistRule Rule(std::vector<BlacklistAlternative> alternatives,
                   Kind kind = Kind::kRepeatCompensation) {
  BlacklistRule rule;
  rule.id = "many";
  rule.kind = kind;
  rule.alternatives = std::move(alternatives);
  rule.proposal.duration = days{180};
  rule.proposal.reason_code = "frequent_compensation";
  return rule;
}

Predicate LowScore() { return Compare(FieldId::kScore, Op::kLessOrEqual, int64_t{3}); }
Predicate Detractor() { return Compare(FieldId::kCategory, Op::kEqual, std::string("detractor")); }
Predicate Severe() { return Compare(FieldId::kSeverity, Op::kGreaterOrEqual, int64_t{1}); }
Predicate Vip() { return Compare(FieldId::kSegment, Op::kEqual, std::string("vip")); }
Predicate Threatens() { return Compare(FieldId::kEmotion, Op::kEqual, std::string("threatening")); }
Predicate Ethnic() { return Compare(FieldId::kEthnicity, Op::kEqual, std::string("han")); }

// "alternatives[0] BLACKLIST_RULE_SCORES_ONLY, ...".
std::string Faults(const BlacklistRule& rule) {
  std::string found;
  for (const FieldViolation& each : CheckRule(rule, DefaultBlacklistPolicy())) {
    found += (found.empty() ? "" : ", ") + each.field + " " + std::string(Name(each.reason));
  }
  return found;
}

// ---------------------------------------------------------------------------- what may be one

struct AlternativeRow {
  const char* name;
  BlacklistAlternative alternative;
  const char* expected;
};

TEST(BlacklistRulesTest, NoAlternativeRestsOnScoresAlone) {
  constexpr const char* kScores = "alternatives[0] BLACKLIST_RULE_SCORES_ONLY";
  const BlacklistCount low = CountOf(Measure::kLowAfterRemedy, 2);
  const BlacklistCount given = CountOf(Measure::kRemediesGranted, 3);
  const AlternativeRow rows[] = {
      {"a count", {{}, {given}}, ""},
      {"a condition", {Threatens(), {}}, ""},
      {"a score", {LowScore(), {}}, kScores},
      {"a category", {Detractor(), {}}, kScores},
      {"severity is made of the score", {Severe(), {}}, kScores},
      {"so is the priority",
       {Compare(FieldId::kPriority, Op::kEqual, std::string("urgent")), {}},
       kScores},
      {"low answers", {{}, {low}}, kScores},
      {"a score and low answers", {LowScore(), {low}}, kScores},
      {"two scores", {All({LowScore(), Detractor()}), {low}}, kScores},
      {"a score and a condition", {All({LowScore(), Vip()}), {}}, ""},
      {"a score and a count", {LowScore(), {low, given}}, ""},
      {"low answers of some customers", {Vip(), {low}}, ""},
      // Alternatives that hide inside the condition.
      {"a score, or a condition", {Any({LowScore(), Vip()}), {}}, kScores},
      {"either with a condition", {Any({All({LowScore(), Vip()}), Threatens()}), {}}, ""},
      {"a branch deep down",
       {Any({Threatens(), All({Detractor(), Any({Vip(), Severe()})})}), {}},
       kScores},
      {"not a score", {None({Compare(FieldId::kScore, Op::kGreater, int64_t{3})}), {}}, kScores},
      {"neither a high score nor another segment",
       {None({Compare(FieldId::kScore, Op::kGreater, int64_t{3}), Vip()}), {}},
       ""},
      {"not both: either may be missing", {None({All({Detractor(), Vip()})}), {}}, kScores},
      {"not either of two conditions", {None({Any({Detractor(), Vip()})}), {}}, ""},
      {"not not a score", {None({None({LowScore()})}), {}}, kScores},
      // What only says how a case came about.
      {"any answer",
       {Compare(FieldId::kOrigin, Op::kEqual, std::string("response")), {low}},
       kScores},
      {"any known customer", {Compare(FieldId::kAnonymous, Op::kEqual, false), {low}}, kScores},
      {"nothing at all", {{}, {}}, "alternatives[0] BLACKLIST_RULE_NO_CONDITION"},
  };
  for (const AlternativeRow& row : rows) {
    EXPECT_EQ(Faults(Rule({row.alternative})), row.expected) << row.name;
  }
  EXPECT_EQ(Faults(Rule({{{}, {given}}, {LowScore(), {}}})),
            "alternatives[1] BLACKLIST_RULE_SCORES_ONLY")
      << "every one of them";
  EXPECT_EQ(Faults(Rule({})), "alternatives BLACKLIST_RULE_NO_CONDITION");
}

TEST(BlacklistRulesTest, NoRuleAsksForAProtectedAttributeHoweverDeepItHides) {
  const BlacklistCount given = CountOf(Measure::kRemediesGranted, 3);
  for (const Predicate& when :
       {Ethnic(), All({Vip(), Ethnic()}), None({Any({Vip(), None({Ethnic()})})})}) {
    const std::string faults = Faults(Rule({{when, {given}}}));
    EXPECT_EQ(faults, "alternatives[0].when BLACKLIST_RULE_PROTECTED");
  }
  int checked = 0;
  for (const Field& field : FieldCatalogue()) {
    if (!field.is_protected) continue;
    const Predicate set = Compare(field.id, Op::kIsSet, {});
    EXPECT_EQ(Faults(Rule({{set, {given}}})), "alternatives[0].when BLACKLIST_RULE_PROTECTED");
    ++checked;
  }
  EXPECT_GT(checked, 0);
  // What a case only gets later cannot be asked of its opening.
  const Predicate later = Compare(FieldId::kOwner, Op::kEqual, std::string("li.na"));
  EXPECT_EQ(Faults(Rule({{later, {given}}})), "alternatives[0].when FILTER_INVALID");
}

TEST(BlacklistRulesTest, WhatARuleProposesEndsWithinTheBoundsOfItsKind) {
  const std::pair<Duration, const char*> rows[] = {
      {Duration{0}, "proposal.duration BLACKLIST_RULE_DURATION"},
      {-days{1}, "proposal.duration BLACKLIST_RULE_DURATION"},
      {days{1}, ""},
      {days{365}, ""},
      {days{365} + milliseconds{1}, "proposal.duration BLACKLIST_RULE_DURATION"},
  };
  for (const auto& [duration, expected] : rows) {
    BlacklistRule rule = Rule({{{}, {CountOf(Measure::kRemediesGranted, 3)}}});
    rule.proposal.duration = duration;
    EXPECT_EQ(Faults(rule), expected);
  }
}

TEST(BlacklistRulesTest, CountsHaveAWindowAndAMeasure) {
  const std::pair<BlacklistCount, const char*> rows[] = {
      {{Measure::kRemediesGranted, days{1}, 1, ""}, ""},
      {{Measure::kRemediesGranted, Duration{0}, 1, ""}, ".within NUMBER_OUT_OF_RANGE"},
      {{Measure::kRemediesGranted, days{1}, 0, ""}, ".at_least NUMBER_OUT_OF_RANGE"},
      {{Measure::kRemedySum, days{1}, 1, ""}, ".currency REQUIRED_FIELD_MISSING"},
      {{Measure::kUnset, days{1}, 1, ""}, ".measure ENUM_VALUE_UNKNOWN"},
  };
  for (const auto& [count, fault] : rows) {
    const std::string expected =
        *fault == '\0' ? "" : "alternatives[0].counts[0]" + std::string(fault);
    EXPECT_EQ(Faults(Rule({{{}, {count}}})), expected);
  }
  BlacklistRule rule = Rule({{{}, {CountOf(Measure::kRemediesGranted, 3)}}});
  rule.proposal.reason_code = "threat";
  EXPECT_EQ(Faults(rule), "proposal.reason_code REASON_UNKNOWN");
  rule.kind = Kind::kUnset;
  EXPECT_NE(Faults(rule).find("kind ENUM_VALUE_UNKNOWN"), std::string::npos);
}

// ------------------------------------------------------------------------------------ what is
// counted

CaseId IdOf(uint8_t number) {
  CaseId id;
  id.bytes[15] = number;
  return id;
}

Case NewCase(uint8_t number, Timestamp opened_at) {
  Case c;
  c.id = IdOf(number);
  c.opened_at = opened_at;
  return c;
}

Remedy Given(RemedyKind kind, Timestamp at, int64_t minor = 0, bool statutory = false) {
  Remedy remedy;
  remedy.kind = kind;
  remedy.state = RemedyState::kDelivered;
  remedy.statutory = statutory;
  if (minor > 0) remedy.amount = {minor, "CNY"};
  remedy.steps = {{RemedyState::kProposed, "li.na", at - hours{2}},
                  {RemedyState::kAccepted, "li.na", at},
                  {RemedyState::kDelivered, "li.na", at + hours{2}}};
  return remedy;
}

Response Said(uint8_t number, Category category, Timestamp at) {
  Response response;
  response.id.bytes[15] = number;
  response.category = category;
  response.occurred_at = at;
  return response;
}

// "remedies_granted 1@-2d ...": measure, case, days from kStart.
std::string Shown(const std::vector<HistoryItem>& items) {
  std::string shown;
  for (const HistoryItem& item : items) {
    shown += (shown.empty() ? "" : ", ") + std::string(Name(item.measure)) + " " +
             std::to_string(item.case_id.bytes[15]) + "@" +
             std::to_string(std::chrono::duration_cast<days>(item.at - kStart).count());
  }
  return shown;
}

TEST(BlacklistRulesTest, HistoryCountsWhatTheCustomerGotAndDidAndNothingThatIsOwed) {
  Case c = NewCase(1, kStart - days{20});
  c.remedies = {Given(RemedyKind::kVoucher, kStart - days{10}, 5'000),
                Given(RemedyKind::kPoints, kStart - days{9}),
                Given(RemedyKind::kRefund, kStart - days{8}, 9'000, true),  // owed by law
                Given(RemedyKind::kPersonalApology, kStart - days{7}),
                Given(RemedyKind::kBillCorrection, kStart - days{6}, 1'000)};
  for (const RemedyState state :
       {RemedyState::kProposed, RemedyState::kApproved, RemedyState::kOffered,
        RemedyState::kDeclined, RemedyState::kReversed}) {
    c.remedies.push_back(Given(RemedyKind::kVoucher, kStart - days{5}, 1'000));
    c.remedies.back().state = state;
  }
  Attempt refused;
  refused.outcome = AttemptOutcome::kRefused;
  refused.occurred_at = kStart - days{4};
  Attempt hung_up = refused;
  hung_up.outcome = AttemptOutcome::kHungUp;
  c.attempts = {refused, hung_up};
  c.details.emotion = Emotion::kThreatening;
  Case lied = NewCase(2, kStart - days{15});
  lied.handling_result = HandlingResult::kDishonest;
  lied.closed_at = kStart - days{3};
  Case honest = NewCase(3, kStart - days{15});
  honest.handling_result = HandlingResult::kUnfounded;  // wrong is not dishonest
  honest.closed_at = kStart - days{3};
  Case invalid = c;
  invalid.id = IdOf(4);
  invalid.handling_result = HandlingResult::kInvalid;
  const std::vector<Case> cases = {lied, honest, invalid, c};
  EXPECT_EQ(Shown(HistoryOf(nullptr, cases, {}).items),
            "threats_logged 1@-20, remedies_granted 1@-10, remedy_sum 1@-10, "
            "remedies_granted 1@-9, attempts_refused 1@-4, closed_dishonest 2@-3");
}

TEST(BlacklistRulesTest, ALowAnswerFollowsTheCompensationRightBeforeIt) {
  using enum Category;
  Case c = NewCase(1, kStart - days{200});
  c.remedies = {Given(RemedyKind::kVoucher, kStart - days{150}),
                Given(RemedyKind::kVoucher, kStart - days{100})};
  Case other = NewCase(2, kStart - days{100});
  other.remedies = {Given(RemedyKind::kPoints, kStart - days{95}),
                    Given(RemedyKind::kVoucher, kStart - days{40})};
  const std::vector<Case> cases = {c, other};
  Response corrected = Said(6, kDetractor, kStart - days{39});
  corrected.corrected_score = 9;
  const std::vector<Response> responses = {
      Said(1, kDetractor, kStart - days{180}),  // before any
      Said(2, kPromoter, kStart - days{149}),   // pleased; the next one follows nothing
      Said(3, kDetractor, kStart - days{148}),
      Said(4, kDetractor, kStart - days{90}),  // after two of them: the later one's
      Said(5, kDetractor, kStart - days{89}),  // once
      corrected,
  };
  std::vector<HistoryItem> low;
  for (const HistoryItem& item : HistoryOf(nullptr, cases, responses).items) {
    if (item.measure == Measure::kLowAfterRemedy) low.push_back(item);
  }
  EXPECT_EQ(Shown(low), "low_after_remedy 2@-90");
  for (const auto& [after, counts] :
       {std::pair<Duration, size_t>{kRightAfter, 1}, {kRightAfter + milliseconds{1}, 0}}) {
    const std::vector<Response> one = {Said(1, kDetractor, kStart - days{150} + after)};
    const std::vector<Case> first = {c};
    Case only = c;
    only.remedies.resize(1);
    const std::vector<Case> single = {only};
    const auto items = HistoryOf(nullptr, single, one).items;
    EXPECT_EQ(items.size(), 1 + counts);
  }
}

// --------------------------------------------------------------------------------- for whom one
// holds

std::vector<Case> ThreeVouchers() {
  std::vector<Case> cases;
  for (const int ago : {300, 100, 10}) {
    Case c = NewCase(static_cast<uint8_t>(cases.size() + 1), kStart - days{ago + 1});
    c.remedies = {Given(RemedyKind::kVoucher, kStart - days{ago}, 10'000)};
    c.details.touchpoint = ago == 10 ? "channel/hotline" : "billing/overage-alert";
    cases.push_back(std::move(c));
  }
  return cases;
}

struct CountRow {
  const char* name;
  BlacklistCount count;
  size_t evidence;  // 0: it does not hold
};

TEST(BlacklistRulesTest, ACountReachesBackExactlyItsWindow) {
  const CountRow rows[] = {
      {"three in a year", CountOf(Measure::kRemediesGranted, 3), 3},
      {"four in a year", CountOf(Measure::kRemediesGranted, 4), 0},
      {"three, the first at the edge", CountOf(Measure::kRemediesGranted, 3, days{300}), 3},
      {"a moment less", CountOf(Measure::kRemediesGranted, 3, days{300} - milliseconds{1}), 0},
      {"two lately", CountOf(Measure::kRemediesGranted, 2, days{120}), 2},
      {"300.00 in a year", CountOf(Measure::kRemedySum, 30'000), 3},
      {"more", CountOf(Measure::kRemedySum, 30'001), 0},
      {"in another currency", CountOf(Measure::kRemedySum, 1, days{365}, "USD"), 0},
      {"the sum lately", CountOf(Measure::kRemedySum, 20'000, days{120}), 2},
      {"threats", CountOf(Measure::kThreatsLogged, 1), 0},
  };
  const std::vector<Case> cases = ThreeVouchers();
  const CustomerHistory history = HistoryOf(nullptr, cases, {});
  for (const CountRow& row : rows) {
    SCOPED_TRACE(row.name);
    const auto evidence = EvaluateRule(Rule({{{}, {row.count}}}), history, kStart);
    EXPECT_EQ(evidence ? evidence->size() : 0, row.evidence);
    if (!evidence) continue;
    for (size_t i = 0; i < evidence->size(); ++i) {
      const BlacklistEvidence& item = (*evidence)[i];
      EXPECT_EQ(item.measure, Name(row.count.measure));
      EXPECT_FALSE(item.case_id.empty());
      EXPECT_TRUE(i == 0 || (*evidence)[i - 1].occurred_at <= item.occurred_at);
      EXPECT_TRUE(item.summary.empty()) << "a rule has no words";
    }
  }
}

TEST(BlacklistRulesTest, TheConditionChoosesTheCasesThatCount) {
  const Predicate billing = Compare(FieldId::kTouchpoint, Op::kHas, std::string("billing"));
  const std::vector<Case> cases = ThreeVouchers();
  const CustomerHistory history = HistoryOf(nullptr, cases, {});
  const BlacklistCount two = CountOf(Measure::kRemediesGranted, 2);
  const BlacklistCount three = CountOf(Measure::kRemediesGranted, 3);
  EXPECT_EQ(EvaluateRule(Rule({{billing, {two}}}), history, kStart)->size(), 2U);
  EXPECT_FALSE(EvaluateRule(Rule({{billing, {three}}}), history, kStart));
  // The alternatives are tried in order; every count of one has to be reached.
  EXPECT_EQ(EvaluateRule(Rule({{billing, {three}}, {{}, {two}}}), history, kStart)->size(), 3U);
  EXPECT_FALSE(
      EvaluateRule(Rule({{{}, {two, CountOf(Measure::kThreatsLogged, 1)}}}), history, kStart));
}

TEST(BlacklistRulesTest, ACaseAloneCountsForAsLongAsTheRestrictionWouldLast) {
  Case c = NewCase(1, kStart - days{180});
  c.details.emotion = Emotion::kThreatening;
  const std::vector<Case> cases = {c};
  const CustomerHistory history = HistoryOf(nullptr, cases, {});
  const BlacklistRule rule = Rule({{Threatens(), {}}});  // 180 days
  const auto evidence = EvaluateRule(rule, history, kStart);
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->at(0).measure, "case");
  EXPECT_EQ(evidence->at(0).case_id, c.id);
  EXPECT_EQ(evidence->at(0).occurred_at, c.opened_at);
  EXPECT_FALSE(EvaluateRule(rule, history, kStart + milliseconds{1}));
  EXPECT_FALSE(EvaluateRule(rule, history, c.opened_at - milliseconds{1})) << "not yet";
}

TEST(BlacklistRulesTest, OfMuchEvidenceTheNewestIsKept) {
  Case c = NewCase(1, kStart - days{300});
  for (int i = 0; i < 100; ++i) {
    c.remedies.push_back(Given(RemedyKind::kPoints, kStart - days{i + 1}));
  }
  const std::vector<Case> cases = {c};
  const auto evidence = EvaluateRule(Rule({{{}, {CountOf(Measure::kRemediesGranted, 3)}}}),
                                     HistoryOf(nullptr, cases, {}), kStart);
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->size(), limits::kBlacklistEvidence);
  EXPECT_EQ(evidence->back().occurred_at, kStart - days{1});
}

TEST(BlacklistRulesTest, OnThePastARuleRestsForAsLongAsItsRestrictionAndItsCoolDown) {
  Case c = NewCase(1, kStart - days{400});
  for (const int ago : {390, 380, 370, 121, 120, 2, 1}) {
    c.remedies.push_back(Given(RemedyKind::kPoints, kStart - days{ago}));
  }
  const std::vector<Case> cases = {c};
  const CustomerHistory history = HistoryOf(nullptr, cases, {});
  const BlacklistPolicy policy = DefaultBlacklistPolicy();
  BlacklistRule rule = Rule({{{}, {CountOf(Measure::kRemediesGranted, 2, days{30})}}});
  rule.cool_down = days{80};
  const auto at = [&](Timestamp until) {
    std::vector<int64_t> ago;
    for (const PastProposal& each : TryOnPast(rule, policy, history, until)) {
      EXPECT_EQ(each.expires_at, each.at + std::min<Duration>(rule.proposal.duration, days{365}));
      EXPECT_EQ(each.evidence.back().occurred_at, each.at);
      ago.push_back((kStart - each.at) / days{1});
    }
    return ago;
  };
  EXPECT_EQ(at(kStart), (std::vector<int64_t>{380, 120})) << "180 days and 80 later to the day";
  EXPECT_EQ(at(kStart - days{120}), (std::vector<int64_t>{380})) << "until is excluded";
  rule.cool_down = days{80} + milliseconds{1};
  EXPECT_EQ(at(kStart), (std::vector<int64_t>{380, 1}));
  rule.proposal.duration = days{400};  // the kind allows 365
  EXPECT_EQ(at(kStart), (std::vector<int64_t>{380}));
  BlacklistPolicy none = policy;
  none.kinds.clear();
  EXPECT_TRUE(TryOnPast(rule, none, history, kStart).empty());
}

// -------------------------------------------------------------------------------------- what it
// does

World WithRule(BlacklistRule rule) {
  Revision revision = fixtures::TestRevision();
  revision.blacklist = DefaultBlacklistPolicy();
  revision.blacklist.rules = {std::move(rule)};
  World world(std::move(revision));
  EXPECT_TRUE(world.Do(Answer("a", 3)));
  return world;
}
BlacklistRule TwoVouchers() { return Rule({{{}, {CountOf(Measure::kRemediesGranted, 2)}}}); }

void Give(World& world) {
  const Case c = world.cases.begin()->second;
  const std::string outcome =
      Outcome(world.Do(On(c, fixtures::NewRemedy(RemedyKind::kVoucher, RemedyState::kDelivered))));
  EXPECT_NE(outcome.find("RemedyRecorded"), std::string::npos) << outcome;
}

std::string Try(World& world, std::string actor = "system") {
  std::swap(world.actor, actor);
  std::string outcome = Outcome(world.Do(ProposeByRules{world.FindCustomer("a")->id}));
  std::swap(world.actor, actor);
  return outcome;
}
std::string RuleOnEntry(World& world, std::string actor, bool activate, int64_t number = 1) {
  std::swap(world.actor, actor);
  std::string outcome =
      Outcome(world.Do(WorkEntry{{{}, number}, DecideEntry{activate, {{}, "looked"}}, {}}));
  std::swap(world.actor, actor);
  return outcome;
}

TEST(BlacklistRulesTest, ARuleProposesWithItsEvidenceAndAPersonDecides) {
  World world = WithRule(TwoVouchers());
  Give(world);
  EXPECT_EQ(Try(world), "");
  Give(world);
  ASSERT_EQ(Try(world, "li.na"), "EntryProposed");
  const BlacklistEntry& entry = world.EntryOf(1);
  EXPECT_EQ(entry.state, BlacklistState::kProposed);
  EXPECT_FALSE(IsInForce(entry, world.now));
  EXPECT_EQ(entry.rule_id, "many");
  EXPECT_EQ(entry.proposer, "system");
  EXPECT_EQ(entry.triggered_by, "li.na");
  EXPECT_EQ(entry.reason_code, "frequent_compensation");
  EXPECT_EQ(entry.expires_at, world.now + days{180});
  ASSERT_EQ(entry.evidence.size(), 2U);
  EXPECT_EQ(entry.evidence[0].added_by, "system");
  EXPECT_EQ(entry.evidence[0].case_id, world.cases.begin()->first);
  EXPECT_FALSE(entry.evidence[0].id.empty());
  EXPECT_EQ(world.log.back().actor, "system");
  EXPECT_EQ(RuleOnEntry(world, "system", true), "BLACKLIST_DECIDER_NOT_PERSON");
  EXPECT_EQ(RuleOnEntry(world, "li.na", true), "BLACKLIST_DECIDER_PROPOSED") << "had it tried";
  EXPECT_EQ(RuleOnEntry(world, "chen.hao", true), "EntryDecided EntryNotified");
}

TEST(BlacklistRulesTest, ARuleRestsWhileItsEntryIsOpenAndForSomeTimeAfter) {
  World world = WithRule(TwoVouchers());
  Give(world);
  Give(world);
  ASSERT_EQ(Try(world), "EntryProposed");
  EXPECT_EQ(Try(world), "") << "it waits to be decided on";
  ASSERT_EQ(RuleOnEntry(world, "chen.hao", false), "EntryDecided");
  world.now += days{90} - milliseconds{1};
  EXPECT_EQ(Try(world), "") << "it was rejected not long ago";
  world.now += milliseconds{1};
  ASSERT_EQ(Try(world), "EntryProposed");
  ASSERT_EQ(RuleOnEntry(world, "chen.hao", true, 2), "EntryDecided EntryNotified");
  // Its end counts, whether or not a timer has fired.
  world.now = world.EntryOf(2).expires_at + days{90} - milliseconds{1};
  EXPECT_EQ(Try(world), "");
}

TEST(BlacklistRulesTest, WhatAPersonHasProposedIsNotProposedByARule) {
  World world = WithRule(TwoVouchers());
  Give(world);
  Give(world);
  ProposeEntry by_hand;
  by_hand.customer_id = world.FindCustomer("a")->id;
  by_hand.kind = Kind::kRepeatCompensation;
  by_hand.reason_code = "frequent_compensation";
  by_hand.internal_reason.value = "twice";
  by_hand.expires_at = world.now + days{10};
  by_hand.evidence.resize(1);
  by_hand.evidence[0].summary.value = "two vouchers";
  by_hand.evidence[0].occurred_at = world.now;
  ASSERT_EQ(Outcome(world.Do(by_hand)), "EntryProposed");
  EXPECT_EQ(Try(world), "");
}

TEST(BlacklistRulesTest, CasesOfEveryProgramAndAliasCountTogether) {
  World world = WithRule(Rule({{{}, {CountOf(Measure::kRemediesGranted, 2)}}}));
  Give(world);
  fixtures::AnswerOptions csat;
  csat.program = kCsat;
  ASSERT_TRUE(world.Do(Answer("b", 1, csat)));
  for (const auto& [id, c] : std::map(world.cases)) {
    if (c.program_id != kCsat) continue;
    ASSERT_TRUE(
        world.Do(On(c, fixtures::NewRemedy(RemedyKind::kVoucher, RemedyState::kDelivered))));
  }
  EXPECT_EQ(Try(world), "");
  ASSERT_TRUE(world.Do(AddCustomerAlias{world.FindCustomer("a")->id, {"crm", "b"}}));
  EXPECT_EQ(Try(world), "EntryProposed");
}

TEST(BlacklistRulesTest, RulesNeedBeTriedOnlyAfterWhatMayMakeOneHold) {
  const auto remedy = [](RemedyKind kind, RemedyState state) {
    RemedyRecorded recorded;
    recorded.remedy.kind = kind;
    recorded.remedy.state = state;
    return recorded;
  };
  const auto attempt = [](AttemptOutcome outcome) {
    AttemptLogged logged;
    logged.attempt.outcome = outcome;
    return logged;
  };
  const auto answer = [](Category category) {
    ResponseRecorded recorded;
    recorded.response.category = category;
    return recorded;
  };
  const struct {
    EventBody body;
    bool expected;
  } rows[] = {
      {remedy(RemedyKind::kVoucher, RemedyState::kDelivered), true},
      {remedy(RemedyKind::kVoucher, RemedyState::kAccepted), true},
      {remedy(RemedyKind::kVoucher, RemedyState::kOffered), false},
      {remedy(RemedyKind::kPersonalApology, RemedyState::kDelivered), false},
      {attempt(AttemptOutcome::kRefused), true},
      {attempt(AttemptOutcome::kReached), false},
      {answer(Category::kDetractor), true},
      {answer(Category::kPromoter), false},
      {CaseOpened{}, true},
      {CaseClosed{}, true},
      {VerdictRecorded{}, true},
      {CaseHistoryDerived{}, true},
      {CustomerLinked{}, true},
      {CustomerProfileChanged{}, true},
      {CustomerConsentChanged{}, true},
      {CustomerCreated{}, false},
      {BehaviourRecorded{}, false},
      {CaseAssigned{}, false},
      {TimerSet{}, false},
      {EntryProposed{}, false},
      {EntryNotified{}, false},
      {RevisionApplied{}, false},
  };
  for (const auto& row : rows) {
    Event event{.body = row.body};
    EXPECT_FALSE(MayTouchRules(event)) << "of nobody: " << TypeName(row.body);
    event.customer_id.bytes[0] = 1;
    EXPECT_EQ(MayTouchRules(event), row.expected) << TypeName(row.body);
  }
}

TEST(BlacklistRulesTest, ABoundThatWasNarrowedBindsTheRuleToo) {
  World world = WithRule(TwoVouchers());
  for (BlacklistKindPolicy& policy : world.revision.blacklist.kinds) policy.max_duration = days{30};
  Give(world);
  Give(world);
  ASSERT_EQ(Try(world), "EntryProposed");
  EXPECT_EQ(world.EntryOf(1).expires_at, world.now + days{30});
}

}  // namespace
}  // namespace rebound
