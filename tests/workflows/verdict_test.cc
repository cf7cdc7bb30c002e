// Rulings and liability (DESIGN 5): what takes a case out of the denominator, or speaks against the
// customer, takes evidence and a second person; the unit at fault may appeal. Which status accepts
// a ruling is in lifecycle_test.cc.
#include <gtest/gtest.h>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNoProblems;
using fixtures::On;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;

const std::vector<Evidence> kEvidence = {{"https://crm.example/call/1", {{}, "said so"}}};

World WithContactedCase(Revision revision = fixtures::TestRevision()) {
  World world(std::move(revision));
  EXPECT_TRUE(world.Do(Answer("a", 3)));
  EXPECT_TRUE(world.Do(On(world.OnlyCase(), Assign{"wang.wei", {}})));
  return world;
}

std::string RuleAs(World& world, std::string actor, CaseVerb verb) {
  std::swap(world.actor, actor);
  std::string outcome = Outcome(world.Do(On(world.OnlyCase(), std::move(verb))));
  std::swap(world.actor, actor);
  return outcome;
}

ProposeVerdict Ruling(VerdictKind kind, std::optional<int64_t> corrected = {}) {
  return {kind, corrected, kEvidence, {{}, "because"}};
}
std::string RuleOnVerdict(World& world, std::string actor, bool grant) {
  return RuleAs(world, std::move(actor),
                DecideVerdict{world.OnlyCase().verdicts.back().id, grant, {{}, "looked at it"}});
}

// ------------------------------------------------------------------------------------- proposing

TEST(VerdictTest, AProposalKeepsWhatItRestsOnAndChangesNothingElse) {
  World world = WithContactedCase();
  const Case before = world.OnlyCase();
  ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
  const Case after = world.OnlyCase();
  ASSERT_EQ(after.verdicts.size(), 1U);
  const Verdict& verdict = after.verdicts[0];
  EXPECT_EQ(verdict.proposed_by, "zhao.min");
  EXPECT_EQ(verdict.proposed_at, world.now);
  EXPECT_EQ(verdict.state, VerdictState::kProposed);
  ASSERT_EQ(verdict.evidence.size(), 1U);
  EXPECT_EQ(verdict.evidence[0].uri, "https://crm.example/call/1");
  EXPECT_FALSE(verdict.evidence[0].text.id.empty());
  EXPECT_FALSE(verdict.note.id.empty());
  EXPECT_EQ(after.status, before.status);
  EXPECT_EQ(after.handling_result, HandlingResult::kUnset);
  EXPECT_EQ(world.total.eligible, 1) << "a proposal takes nothing out";
}

struct VerdictRow {
  const char* name;
  ProposeVerdict verb;
  const char* expected;
};

TEST(VerdictTest, AProposalNeedsEvidenceAndACorrectionOnTheScale) {
  const VerdictRow rows[] = {
      {"no evidence", {VerdictKind::kInvalid, {}, {}, {}}, "EVIDENCE_REQUIRED"},
      {"invalid", Ruling(VerdictKind::kInvalid), "VerdictRecorded"},
      {"unfounded", Ruling(VerdictKind::kUnfounded), "VerdictRecorded"},
      {"dishonest", Ruling(VerdictKind::kDishonest), "VerdictRecorded"},
      {"unfounded, with a score", Ruling(VerdictKind::kUnfounded, 9), "NUMBER_OUT_OF_RANGE"},
      {"mis-scored", Ruling(VerdictKind::kMisScored, 9), "VerdictRecorded"},
      {"lowest", Ruling(VerdictKind::kMisScored, 0), "VerdictRecorded"},
      {"highest", Ruling(VerdictKind::kMisScored, 10), "VerdictRecorded"},
      {"no score", Ruling(VerdictKind::kMisScored), "REQUIRED_FIELD_MISSING"},
      {"below", Ruling(VerdictKind::kMisScored, -1), "SCORE_OUT_OF_RANGE"},
      {"above", Ruling(VerdictKind::kMisScored, 11), "SCORE_OUT_OF_RANGE"},
      {"the same", Ruling(VerdictKind::kMisScored, 3), "SCORE_OUT_OF_RANGE"},
  };
  for (const VerdictRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithContactedCase();
    EXPECT_EQ(RuleAs(world, "zhao.min", row.verb), row.expected);
  }
}

TEST(VerdictTest, ACaseThatNoAnswerOpenedCannotBeMisScored) {
  World world;
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.origin = CaseOrigin::kComplaint;
  ASSERT_TRUE(world.Do(open));
  EXPECT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kMisScored, 9)), "ENUM_VALUE_UNKNOWN");
  EXPECT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
}

TEST(VerdictTest, OnlyOneWaitsAtATime) {
  World world = WithContactedCase();
  ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
  EXPECT_EQ(RuleAs(world, "li.na", Ruling(VerdictKind::kUnfounded)), "VERDICT_PENDING");
  ASSERT_EQ(RuleOnVerdict(world, "chen.hao", false), "VerdictRecorded");
  EXPECT_EQ(RuleAs(world, "li.na", Ruling(VerdictKind::kUnfounded)), "VerdictRecorded");
}

// -------------------------------------------------------------------------------------- deciding

struct DeciderRow {
  const char* actor;
  bool may;
};

TEST(VerdictTest, NeitherTheProposerNorTheOwnerDecides) {
  for (const bool grant : {true, false}) {
    for (const DeciderRow& row :
         {DeciderRow{"zhao.min", false}, {"wang.wei", false}, {"chen.hao", true}}) {
      SCOPED_TRACE(row.actor);
      World world = WithContactedCase();
      ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
      const std::string outcome = RuleOnVerdict(world, row.actor, grant);
      EXPECT_EQ(outcome != "SECOND_PERSON_REQUIRED", row.may) << outcome;
      const Verdict& verdict = world.OnlyCase().verdicts[0];
      EXPECT_EQ(verdict.state, !row.may ? VerdictState::kProposed
                               : grant  ? VerdictState::kGranted
                                        : VerdictState::kRefused);
      EXPECT_EQ(verdict.decided_by, row.may ? row.actor : "");
    }
  }
}

TEST(VerdictTest, OneIsDecidedOnceAndAnUnknownOneNever) {
  World world = WithContactedCase();
  ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
  VerdictId other;
  other.bytes[0] = 9;
  EXPECT_EQ(RuleAs(world, "chen.hao", DecideVerdict{other, true, {}}), "NOT_FOUND");
  ASSERT_EQ(RuleOnVerdict(world, "chen.hao", false), "VerdictRecorded");
  EXPECT_EQ(RuleOnVerdict(world, "chen.hao", true), "VERDICT_DECIDED");
  EXPECT_EQ(world.OnlyCase().handling_result, HandlingResult::kUnset);
}

struct GrantRow {
  VerdictKind kind;
  HandlingResult result;
  int64_t eligible;
  Exclusion exclusion;
};

TEST(VerdictTest, AGrantedRulingEndsHandling) {
  for (const GrantRow& row :
       {GrantRow{VerdictKind::kInvalid, HandlingResult::kInvalid, 0, Exclusion::kInvalid},
        {VerdictKind::kUnfounded, HandlingResult::kUnfounded, 1, Exclusion::kNone},
        {VerdictKind::kDishonest, HandlingResult::kDishonest, 1, Exclusion::kNone}}) {
    World world = WithContactedCase();
    EXPECT_EQ(world.total.eligible, 1);
    ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(row.kind)), "VerdictRecorded");
    world.now += hours{2};
    ASSERT_EQ(RuleOnVerdict(world, "chen.hao", true),
              "ClockEnded VerdictRecorded CaseResolved ClockStarted");
    const Case& c = world.OnlyCase();
    EXPECT_EQ(c.status, "resolved");
    EXPECT_EQ(c.handling_result, row.result);
    EXPECT_EQ(c.resolved_by, "chen.hao");
    EXPECT_EQ(c.resolved_at, world.now);
    for (const CaseClock& clock : c.clocks) {
      EXPECT_NE(clock.kind, ClockKind::kVerification) << "a second person has looked";
      if (clock.kind == ClockKind::kFirstContact) {
        EXPECT_EQ(clock.state, ClockState::kCancelled);
      }
    }
    EXPECT_EQ(world.total.eligible, row.eligible);
    for (int i = 1; i < kExclusionCount; ++i) {
      EXPECT_EQ(world.total.excluded[i], i == static_cast<int>(row.exclusion) ? 1 : 0);
    }
    EXPECT_EQ(world.problems, kNoProblems);
    EXPECT_EQ(world.Replayed().OnlyCase(), c);
  }
}

TEST(VerdictTest, ARefusedOneLetsTheCaseGoOn) {
  World world = WithContactedCase();
  ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
  ASSERT_EQ(RuleOnVerdict(world, "chen.hao", false), "VerdictRecorded");
  EXPECT_EQ(world.OnlyCase().status, "open");
  EXPECT_EQ(world.OnlyCase().handling_result, HandlingResult::kUnset);
  EXPECT_EQ(world.total.eligible, 1);
}

TEST(VerdictTest, AHandledCaseOnlyChangesItsResult) {
  World world = WithContactedCase();
  ASSERT_EQ(RuleAs(world, "wang.wei", Resolved()), "ClockEnded CaseResolved ClockStarted");
  const auto resolved_at = world.OnlyCase().resolved_at;
  ASSERT_EQ(RuleAs(world, "wang.wei", Close{}), "ClockEnded CaseClosed");
  world.now += hours{5};
  ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
  ASSERT_EQ(RuleOnVerdict(world, "chen.hao", true), "VerdictRecorded");
  EXPECT_EQ(world.OnlyCase().status, "closed");
  EXPECT_EQ(world.OnlyCase().handling_result, HandlingResult::kInvalid);
  EXPECT_EQ(world.OnlyCase().resolved_at, resolved_at);
  EXPECT_EQ(world.OnlyCase().resolved_by, "wang.wei");
  EXPECT_EQ(world.total.eligible, 0);
  EXPECT_EQ(world.total.excluded[static_cast<int>(Exclusion::kInvalid)], 1);
}

TEST(VerdictTest, AnInvalidCaseIsNotAskedAgainAndTheOthersAre) {
  for (const auto& [kind, reason] :
       {std::pair(VerdictKind::kInvalid, NotAskedReason::kRuledInvalid),
        std::pair(VerdictKind::kUnfounded, NotAskedReason::kUnset),
        std::pair(VerdictKind::kDishonest, NotAskedReason::kUnset)}) {
    World world = WithContactedCase();
    ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(kind)), "VerdictRecorded");
    ASSERT_NE(RuleOnVerdict(world, "chen.hao", true), "SECOND_PERSON_REQUIRED");
    world.now = *NextDue(world.OnlyCase());
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
    const bool invalid = kind == VerdictKind::kInvalid;
    EXPECT_EQ(world.OnlyCase().status, invalid ? "closed" : "resurvey_due");
    EXPECT_EQ(world.OnlyCase().not_asked_reason, reason);
    EXPECT_EQ(world.OnlyCase().asked_at.has_value(), !invalid);
  }
}

// However late the server comes to it: the reason is the ruling, not the missed window.
TEST(VerdictTest, AnInvalidCaseThatIsClosedLateOrByHandSaysWhyItWasNotAsked) {
  for (const bool by_hand : {true, false}) {
    World world = WithContactedCase();
    ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
    ASSERT_NE(RuleOnVerdict(world, "chen.hao", true), "SECOND_PERSON_REQUIRED");
    world.now += days{60};
    if (by_hand) {
      ASSERT_EQ(RuleAs(world, "wang.wei", Close{}), "ClockEnded CaseClosed");
    } else {
      ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
    }
    EXPECT_EQ(world.OnlyCase().status, "closed");
    EXPECT_EQ(world.OnlyCase().not_asked_reason, NotAskedReason::kRuledInvalid);
  }
}

TEST(VerdictTest, AMisScoredCaseGoesOnOutsideTheDenominatorAndItsAnswerStays) {
  World world = WithContactedCase();
  ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kMisScored, 9)), "VerdictRecorded");
  world.now += hours{1};
  ASSERT_EQ(RuleOnVerdict(world, "chen.hao", true), "ResponseCorrected VerdictRecorded");
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.status, "open");
  EXPECT_TRUE(c.mis_scored);
  EXPECT_EQ(c.handling_result, HandlingResult::kUnset);
  EXPECT_EQ(c.score, 3);
  const Response& answer = world.responses.at(c.opening_response_id);
  EXPECT_EQ(answer.score, 3) << "the original stays";
  EXPECT_EQ(answer.corrected_score, 9);
  EXPECT_EQ(answer.category, Category::kDetractor);
  EXPECT_EQ(world.total.detractors, 1) << "NPS counts what was answered";
  EXPECT_EQ(world.total.eligible, 0);
  EXPECT_EQ(world.total.excluded[static_cast<int>(Exclusion::kMisScored)], 1);
  // Invalid as well: still one case.
  ASSERT_EQ(RuleAs(world, "zhao.min", Ruling(VerdictKind::kInvalid)), "VerdictRecorded");
  ASSERT_NE(RuleOnVerdict(world, "chen.hao", true), "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(world.total.excluded[static_cast<int>(Exclusion::kMisScored)], 0);
  EXPECT_EQ(world.total.excluded[static_cast<int>(Exclusion::kInvalid)], 1);
  EXPECT_EQ(world.total.opened, 1);
  EXPECT_EQ(world.problems, kNoProblems);
  const World replayed = world.Replayed();
  EXPECT_EQ(replayed.cases, world.cases);
  EXPECT_EQ(replayed.responses, world.responses);
}

TEST(VerdictTest, AMergedCaseIsNotRuledOn) {
  const Revision revision = fixtures::TestRevision();
  const Facts facts = fixtures::InStatus(revision, "closed");
  ASSERT_FALSE(facts.subject->merged_into.empty());
  IdSource ids(fixtures::kStart, 1, 1);
  const Context context{fixtures::kStart + hours{1}, &ids, &revision, "li.na", {}};
  for (const CaseVerb& verb : {CaseVerb{Ruling(VerdictKind::kInvalid)},
                               CaseVerb{DecideVerdict{facts.subject->verdicts[0].id, true, {}}}}) {
    const auto decided = rebound::Decide(facts, On(*facts.subject, verb), context);
    ASSERT_FALSE(decided);
    EXPECT_EQ(decided.error().reason, Reason::kTransitionNotAllowed);
    for (const std::string& allowed : decided.error().allowed) {
      EXPECT_EQ(allowed.find("verdict"), std::string::npos) << allowed;
    }
  }
}

// ------------------------------------------------------------------------------------- liability

FindLiability Fault(Liability liability, std::string unit = "gd/sz") {
  return {liability, std::move(unit), "he.xin", {{}, "they were late"}};
}
AppealLiability Appeal() { return {kEvidence, {{}, "we were not"}}; }

struct FindingRow {
  const char* name;
  FindLiability verb;
  bool may_appeal;
};

TEST(LiabilityTest, AFindingIsAgainstAUnitOnlyWhereTheCompanyIsAtFault) {
  for (const FindingRow& row : {FindingRow{"company", Fault(Liability::kCompany), true},
                                {"shared", Fault(Liability::kShared), true},
                                {"nobody named", Fault(Liability::kCompany, ""), false},
                                {"customer", Fault(Liability::kCustomer), false},
                                {"third party", Fault(Liability::kThirdParty), false},
                                {"none", Fault(Liability::kNone), false}}) {
    SCOPED_TRACE(row.name);
    World world = WithContactedCase();
    ASSERT_EQ(RuleAs(world, "li.na", row.verb), "FindingRecorded");
    const Case& c = world.OnlyCase();
    ASSERT_EQ(c.findings.size(), 1U);
    EXPECT_EQ(c.findings[0].found_by, "li.na");
    EXPECT_EQ(c.findings[0].appeal_until,
              row.may_appeal ? std::optional(world.now + days{7}) : std::nullopt);
    EXPECT_EQ(c.details.liability, row.verb.liability);
    EXPECT_EQ(c.details.responsible_unit_id, row.verb.unit_id);
    EXPECT_EQ(c.details.responsible_person, "he.xin");
    EXPECT_EQ(RuleAs(world, "he.xin", Appeal()),
              row.may_appeal ? "FindingRecorded" : "APPEAL_NOT_OPEN");
  }
}

TEST(LiabilityTest, TheUnitIsOneOfTheTreeIfThereIsOne) {
  Revision revision = fixtures::TestRevision();
  revision.org_units = {{"gd/sz", "", "", "liu.yang", {}, {}}};
  World world = WithContactedCase(revision);
  EXPECT_EQ(RuleAs(world, "li.na", Fault(Liability::kCompany, "gd/gz")), "REASON_UNKNOWN");
  EXPECT_EQ(RuleAs(world, "li.na", Fault(Liability::kCompany, "gd/sz")), "FindingRecorded");
  EXPECT_EQ(RuleAs(world, "li.na", Fault(Liability::kThirdParty, "")), "FindingRecorded");
}

TEST(LiabilityTest, ItIsNoMatterOfStatus) {
  const Revision revision = fixtures::TestRevision();
  for (const StatusDef& status : revision.lifecycle.statuses) {
    SCOPED_TRACE(status.key);
    const Facts facts = fixtures::InStatus(revision, status.key);
    IdSource ids(fixtures::kStart, 1, 1);
    const Context context{fixtures::kStart + hours{1}, &ids, &revision, "li.na", "manager"};
    const auto decided =
        rebound::Decide(facts, On(*facts.subject, Fault(Liability::kCompany)), context);
    ASSERT_TRUE(decided);
    EXPECT_EQ(decided->at(0).status, status.key);
  }
}

// who x when
struct AppealRow {
  const char* name;
  const char* actor;
  std::chrono::milliseconds after;
  AppealLiability verb;
  const char* expected;
};

TEST(LiabilityTest, SomebodyElseAppealsInTimeWithEvidence) {
  for (const AppealRow& row :
       {AppealRow{"the unit", "he.xin", hours{1}, Appeal(), "FindingRecorded"},
        {"the owner for it", "wang.wei", hours{1}, Appeal(), "FindingRecorded"},
        {"the finder", "li.na", hours{1}, Appeal(), "SECOND_PERSON_REQUIRED"},
        {"nothing shown", "he.xin", hours{1}, {{}, {{}, "no"}}, "EVIDENCE_REQUIRED"},
        {"at the last moment", "he.xin", days{7}, Appeal(), "FindingRecorded"},
        {"a moment later", "he.xin", days{7} + std::chrono::milliseconds{1}, Appeal(),
         "APPEAL_TOO_LATE"}}) {
    SCOPED_TRACE(row.name);
    World world = WithContactedCase();
    ASSERT_EQ(RuleAs(world, "li.na", Fault(Liability::kCompany)), "FindingRecorded");
    world.timers_held = true;  // what else is due is no matter here
    world.now += row.after;
    EXPECT_EQ(RuleAs(world, row.actor, row.verb), row.expected);
  }
}

TEST(LiabilityTest, ThereIsNothingToAppealAgainstOrToDecide) {
  World world = WithContactedCase();
  EXPECT_EQ(RuleAs(world, "he.xin", Appeal()), "APPEAL_NOT_OPEN");
  EXPECT_EQ(RuleAs(world, "chen.hao", DecideAppeal{true, {}}), "APPEAL_NOT_OPEN");
  ASSERT_EQ(RuleAs(world, "li.na", Fault(Liability::kCompany)), "FindingRecorded");
  EXPECT_EQ(RuleAs(world, "chen.hao", DecideAppeal{true, {}}), "APPEAL_NOT_OPEN");
}

struct DecisionRow {
  const char* actor;
  const char* answer;
};

TEST(LiabilityTest, AThirdPersonDecidesTheAppealOnce) {
  for (const bool uphold : {true, false}) {
    for (const DecisionRow& row : {DecisionRow{"li.na", "SECOND_PERSON_REQUIRED"},
                                   {"he.xin", "OWNER_IS_ACCUSED"},  // who was found at fault
                                   {"chen.hao", "FindingRecorded"}}) {
      SCOPED_TRACE(row.actor);
      World world = WithContactedCase();
      ASSERT_EQ(RuleAs(world, "li.na", Fault(Liability::kCompany)), "FindingRecorded");
      ASSERT_EQ(RuleAs(world, "he.xin", Appeal()), "FindingRecorded");
      EXPECT_EQ(RuleAs(world, "gu.yu", Appeal()), "APPEAL_NOT_OPEN") << "one is made";
      EXPECT_EQ(RuleAs(world, "li.na", Fault(Liability::kNone)), "APPEAL_PENDING");
      ASSERT_EQ(RuleAs(world, row.actor, DecideAppeal{uphold, {{}, "so it is"}}), row.answer);
      const Case& c = world.OnlyCase();
      if (std::string_view(row.answer) != "FindingRecorded") {
        EXPECT_EQ(c.findings[0].appeal, AppealState::kMade);
        continue;
      }
      EXPECT_EQ(c.findings[0].appeal, uphold ? AppealState::kUpheld : AppealState::kRejected);
      EXPECT_EQ(c.findings[0].unit_id, "gd/sz") << "on record either way";
      EXPECT_EQ(c.details.responsible_unit_id, uphold ? "" : "gd/sz");
      EXPECT_EQ(c.details.responsible_person, uphold ? "" : "he.xin");
      EXPECT_EQ(c.details.liability, uphold ? Liability::kUnset : Liability::kCompany);
      EXPECT_EQ(RuleAs(world, "he.xin", Appeal()), "APPEAL_NOT_OPEN") << "no second appeal";
      EXPECT_EQ(RuleAs(world, "gu.yu", DecideAppeal{!uphold, {}}), "APPEAL_NOT_OPEN");
      ASSERT_EQ(RuleAs(world, "li.na", Fault(Liability::kShared, "gd/gz")), "FindingRecorded");
      EXPECT_EQ(world.OnlyCase().findings.size(), 2U);
      EXPECT_EQ(world.Replayed().OnlyCase(), world.OnlyCase());
    }
  }
}

}  // namespace
}  // namespace rebound
