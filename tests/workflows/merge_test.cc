// Merging, taking apart and linking: what moves with a case, what comes back, and that nothing is
// left without a case that somebody handles.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kCsat;
using fixtures::kNoProblems;
using fixtures::kNps;
using fixtures::On;
using fixtures::Outcome;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;

MergeCase Into(const Case& c) { return {{c.id, 0}, {}}; }
LinkCase LinkTo(const Case& c, std::string kind, bool remove = false) {
  return {{c.id, 0}, std::move(kind), remove};
}
MakeCommitment PromiseBy(Timestamp due) {
  MakeCommitment verb;
  verb.commitment.due_at = due;
  verb.commitment.promise.value = "a call";
  return verb;
}

// A case of that customer that an answer opened; it holds the slot.
CaseId OpenByAnswer(World& world, std::string_view customer, std::string_view program = kNps) {
  EXPECT_TRUE(world.Do(Answer(customer, 1, {.program = program})));
  return world.LastResponse().paired_case_id;
}
// One that somebody opened; it holds none.
CaseId OpenByHand(World& world, std::string_view customer, std::string_view program = kNps) {
  OpenCase open;
  open.program_id = program;
  if (!customer.empty()) open.customer_id = world.FindCustomer(customer)->id;
  const auto opened = world.Do(open);
  EXPECT_TRUE(opened);
  return opened->front().case_id;
}

struct Worlds {
  World world{};
  CaseId by_answer = OpenByAnswer(world, "a");
  CaseId by_hand = OpenByHand(world, "a");

  const Case& operator[](const CaseId& id) const { return world.cases.at(id); }
  Result<Events> Do(const CaseId& id, CaseVerb verb) {
    return world.Do(On(world.cases.at(id), std::move(verb)));
  }
  Result<Events> Merge(const CaseId& one, const CaseId& into) {
    return Do(one, Into(world.cases.at(into)));
  }
};

int Pending(const Case& c) {
  return static_cast<int>(std::count_if(
      c.commitments.begin(), c.commitments.end(),
      [](const Commitment& each) { return each.state == CommitmentState::kPending; }));
}
int LiveClocks(const Case& c, ClockKind kind) {
  return static_cast<int>(
      std::count_if(c.clocks.begin(), c.clocks.end(),
                    [&](const CaseClock& clock) { return clock.kind == kind && IsLive(clock); }));
}

// ------------------------------------------------------------------------------ merging

TEST(MergeTest, WhatWasAnsweredAndPromisedGoesOnInTheOther) {
  Worlds w;
  ASSERT_TRUE(w.Do(w.by_answer, Assign{"li.na", {}}));
  const Timestamp due = w.world.now + days{2};
  ASSERT_TRUE(w.Do(w.by_answer, PromiseBy(due)));
  ASSERT_TRUE(w.world.Do(Answer("a", 0)));  // attaches: more severe
  const ResponseId second = w.world.last_response;
  const Case before = w[w.by_answer];
  ASSERT_TRUE(w.Merge(w.by_answer, w.by_hand));

  const Case& gone = w[w.by_answer];
  EXPECT_EQ(gone.status, "closed");
  EXPECT_EQ(gone.merged_into, w.by_hand);
  EXPECT_EQ(gone.handling_result, HandlingResult::kMerged);
  EXPECT_EQ(gone.resurvey_result, ResurveyResult::kNotAsked);
  EXPECT_EQ(gone.not_asked_reason, NotAskedReason::kClosedEarly);
  EXPECT_EQ(gone.commitments.at(0).state, CommitmentState::kMoved);
  EXPECT_FALSE(gone.holds_dedupe_slot);
  EXPECT_EQ(NextDue(gone), std::nullopt);

  const Case& into = w[w.by_hand];
  EXPECT_EQ(into.status, "open") << "its handling goes on";
  EXPECT_TRUE(into.holds_dedupe_slot);
  EXPECT_EQ(into.severity, before.severity);
  EXPECT_EQ(into.merged_case_ids, std::vector{w.by_answer});
  EXPECT_EQ(into.merge_depth, 1);
  EXPECT_EQ(into.attached_response_ids, (std::vector{before.opening_response_id, second}));
  ASSERT_EQ(into.commitments.size(), 1U);
  EXPECT_EQ(into.commitments[0].id, before.commitments[0].id);
  EXPECT_EQ(into.commitments[0].carried_from, w.by_answer);
  EXPECT_EQ(into.commitments[0].due_at, due);
  EXPECT_EQ(LiveClocks(into, ClockKind::kCommitment), 1);
  EXPECT_EQ(w.world.problems, kNoProblems);

  // It is kept there.
  ASSERT_TRUE(
      w.Do(w.by_hand, SettleCommitment{into.commitments[0].id, CommitmentState::kKept, {}}));
  EXPECT_EQ(w[w.by_hand].commitments[0].state, CommitmentState::kKept);
  EXPECT_EQ(LiveClocks(w[w.by_hand], ClockKind::kCommitment), 0);
  EXPECT_EQ(w.world.Replayed().cases, w.world.cases);
}

TEST(MergeTest, TheSlotIsTakenOnlyOfTheSameCustomerAndProgram) {
  Worlds w;
  const CaseId other_program = OpenByHand(w.world, "a", kCsat);
  ASSERT_TRUE(w.Merge(w.by_answer, other_program));
  EXPECT_FALSE(w[other_program].holds_dedupe_slot);
  ASSERT_TRUE(w.world.Do(Answer("a", 2)));
  EXPECT_EQ(w.world.LastResponse().effect, ResponseEffect::kOpened) << "nobody held the slot";
  EXPECT_EQ(w.world.problems, kNoProblems);
}

struct Refused {
  std::string name;
  std::function<Result<Events>(Worlds&)> attempt;
  std::string reason;
  Metadata metadata{};
};

TEST(MergeTest, RefusesWhatCannotBeOneCase) {
  const Refused rows[] = {
      {"a case into itself",
       [](Worlds& w) { return w.Merge(w.by_hand, w.by_hand); },
       "MERGE_INTO_ITSELF",
       {{"case", "C-2"}}},
      {"another customer's",
       [](Worlds& w) { return w.Merge(OpenByAnswer(w.world, "b"), w.by_hand); },
       "MERGE_MISMATCH",
       {{"case", "C-3"}, {"into", "C-2"}}},
      {"a known customer's into nobody's",
       [](Worlds& w) { return w.Merge(w.by_hand, OpenByHand(w.world, "")); },
       "MERGE_MISMATCH",
       {{"case", "C-2"}, {"into", "C-3"}}},
      {"into a closed one",
       [](Worlds& w) {
         EXPECT_TRUE(w.Do(w.by_hand, WithdrawCase{}));
         return w.Merge(w.by_answer, w.by_hand);
       },
       "MERGE_TARGET_CLOSED",
       {{"case", "C-2"}, {"status", "closed"}}},
      {"into one that was merged itself",
       [](Worlds& w) {
         const CaseId third = OpenByHand(w.world, "a");
         EXPECT_TRUE(w.Merge(w.by_hand, third));
         return w.Merge(w.by_answer, w.by_hand);
       },
       "MERGE_TARGET_CLOSED",
       {{"case", "C-2"}, {"status", "closed"}, {"into", "C-3"}}},
      {"in a ring",
       [](Worlds& w) {
         EXPECT_TRUE(w.Merge(w.by_hand, w.by_answer));
         return w.Merge(w.by_answer, w.by_hand);
       },
       "MERGE_TARGET_CLOSED",
       {{"case", "C-2"}, {"into", "C-1"}}},
      {"a closed one",
       [](Worlds& w) {
         EXPECT_TRUE(w.Do(w.by_answer, WithdrawCase{}));
         return w.Merge(w.by_answer, w.by_hand);
       },
       "TRANSITION_NOT_ALLOWED",
       {{"case", "C-1"}, {"command", "merge"}}},
      {"into nothing", [](Worlds& w) { return w.Do(w.by_hand, MergeCase{}); }, "NOT_FOUND", {}},
      {"of a case that was not merged",
       [](Worlds& w) {
         EXPECT_TRUE(w.Do(w.by_hand, WithdrawCase{}));
         return w.Do(w.by_hand, UnmergeCase{});
       },
       "NOT_MERGED",
       {{"case", "C-2"}}},
      {"reopening what has to be taken out",
       [](Worlds& w) {
         EXPECT_TRUE(w.Merge(w.by_hand, w.by_answer));
         return w.Do(w.by_hand, Reopen{});
       },
       "TRANSITION_NOT_ALLOWED",
       {{"command", "reopen"}, {"allowed", "unmerge"}}},
      {"proposing a ruling on what goes on in another one",
       [](Worlds& w) {
         EXPECT_TRUE(w.Merge(w.by_hand, w.by_answer));
         return w.Do(w.by_hand, ProposeVerdict{VerdictKind::kInvalid, {}, {{"", {{}, "x"}}}, {}});
       },
       "TRANSITION_NOT_ALLOWED",
       {{"command", "propose_verdict"}, {"allowed", "unmerge"}}},
      {"deciding one that was proposed before",
       [](Worlds& w) {
         EXPECT_TRUE(
             w.Do(w.by_hand, ProposeVerdict{VerdictKind::kInvalid, {}, {{"", {{}, "x"}}}, {}}));
         EXPECT_TRUE(w.Merge(w.by_hand, w.by_answer));
         return w.Do(w.by_hand, DecideVerdict{w[w.by_hand].verdicts.back().id, true, {}});
       },
       "TRANSITION_NOT_ALLOWED",
       {{"command", "decide_verdict"}, {"allowed", "unmerge"}}},
  };
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.name);
    Worlds w;
    const size_t known = w.world.log.size();
    const auto refused = row.attempt(w);
    ASSERT_FALSE(refused);
    EXPECT_EQ(Outcome(refused), row.reason);
    for (const auto& [key, value] : row.metadata) {
      const auto found = refused.error().metadata.find(key);
      ASSERT_NE(found, refused.error().metadata.end()) << key;
      EXPECT_EQ(found->second, value) << key;
    }
    EXPECT_GE(w.world.log.size(), known);
    EXPECT_EQ(w.world.problems, kNoProblems);
  }
}

TEST(MergeTest, AClosedCaseSaysWhichOfReopeningAndTakingOutApplies) {
  Worlds w;
  const Lifecycle& lifecycle = w.world.revision.lifecycle;
  ASSERT_TRUE(w.Merge(w.by_hand, w.by_answer));
  EXPECT_EQ(lifecycle.Allowed(w[w.by_hand]), (std::vector<std::string>{"unmerge"}));
  ASSERT_TRUE(w.Do(w.by_answer, WithdrawCase{}));
  EXPECT_EQ(lifecycle.Allowed(w[w.by_answer]),
            (std::vector<std::string>{"propose_verdict", "decide_verdict", "reopen"}));
}

TEST(MergeTest, ACustomersAliasIsTheSameCustomerAndNobodysCaseIsWhoevers) {
  World world;
  const CaseId of_a = OpenByAnswer(world, "a");
  const CaseId of_b = OpenByAnswer(world, "b");
  const CaseId nobodys = OpenByHand(world, "");
  ASSERT_TRUE(world.Do(AddCustomerAlias{world.cases.at(of_a).customer_id, {"crm", "b"}}));
  ASSERT_TRUE(world.Do(On(world.cases.at(of_b), Into(world.cases.at(of_a)))));
  EXPECT_EQ(world.cases.at(of_b).merged_into, of_a);
  ASSERT_TRUE(world.Do(On(world.cases.at(nobodys), Into(world.cases.at(of_a)))));
  EXPECT_EQ(world.cases.at(nobodys).not_asked_reason, NotAskedReason::kAnonymous);
  EXPECT_EQ(world.cases.at(of_a).merged_case_ids, (std::vector{of_b, nobodys}));
  EXPECT_EQ(world.problems, kNoProblems);
}

// A chain of cases each merged into the next one: as deep as it may be, and one more.
TEST(MergeTest, StacksSixteenDeepWhateverLengthIsTried) {
  World world;
  CaseId top = OpenByAnswer(world, "a");
  world.keeps_log = false;
  int merged = 0;
  std::string reason;
  for (int i = 0; i < 10'000; ++i) {
    const CaseId next = OpenByHand(world, "a");
    const auto done = world.Do(On(world.cases.at(top), Into(world.cases.at(next))));
    if (!done) {
      reason = Outcome(done);
      EXPECT_EQ(done.error().metadata.at("limit"), "16");
      EXPECT_EQ(done.error().metadata.at("case"), CaseNumberText(world.cases.at(top).number));
      break;
    }
    top = next;
    ++merged;
  }
  EXPECT_EQ(merged, 16);
  EXPECT_EQ(reason, "MERGE_TOO_DEEP");
  // Side by side there is room.
  const CaseId beside = OpenByHand(world, "a");
  EXPECT_TRUE(world.Do(On(world.cases.at(beside), Into(world.cases.at(top)))));
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(MergeTest, AThousandCasesFitIntoOneSideBySide) {
  Facts facts = fixtures::InStatus(fixtures::TestRevision(), "open");
  facts.other->merged_case_ids.resize(limits::kMergedCases);
  facts.other->merge_depth = 1;
  const Revision revision = fixtures::TestRevision();
  IdSource ids(fixtures::kStart, 1, 1);
  const Context context{fixtures::kStart + hours{1}, &ids, &revision, "li.na", {}};
  const auto refused = Decide(facts, On(*facts.subject, MergeCase{}), context);
  EXPECT_EQ(Outcome(refused), "TOO_MANY_ITEMS");
  facts.other->merged_case_ids.pop_back();
  EXPECT_TRUE(Decide(facts, On(*facts.subject, MergeCase{}), context));
}

TEST(MergeTest, AnOverduePromiseIsOverdueThere) {
  Worlds w;
  ASSERT_TRUE(w.Do(w.by_answer, PromiseBy(w.world.now + hours{1})));
  w.world.now += hours{2};
  const auto merged = w.Merge(w.by_answer, w.by_hand);
  ASSERT_TRUE(merged);
  EXPECT_NE(Outcome(merged).find("TierCrossed"), std::string::npos) << "what was due comes first";
  ASSERT_TRUE(w.Do(w.by_hand, FireTimers{}));
  EXPECT_EQ(w[w.by_hand].clocks.back().kind, ClockKind::kCommitment);
  EXPECT_TRUE(w[w.by_hand].clocks.back().breached_at.has_value());
  EXPECT_EQ(w.world.problems, kNoProblems);
}

TEST(MergeTest, APauseEndsAndACaseThatWaitsForItsAnswerHasNone) {
  Worlds paused;
  ASSERT_TRUE(paused.Do(paused.by_answer, Assign{"li.na", {}}));
  ASSERT_TRUE(paused.Do(paused.by_answer, fixtures::InboundAttempt()));
  ASSERT_TRUE(paused.Do(paused.by_answer, PauseCase{"waits", {}}));
  ASSERT_TRUE(paused.Merge(paused.by_answer, paused.by_hand));
  EXPECT_TRUE(paused[paused.by_answer].pauses.at(0).resumed_at.has_value());
  EXPECT_EQ(paused.world.problems, kNoProblems);

  Worlds asked;
  ASSERT_TRUE(asked.Do(asked.by_answer, fixtures::Resolved()));
  asked.world.now = *NextDue(asked[asked.by_answer]);
  ASSERT_TRUE(asked.Do(asked.by_answer, FireTimers{}));
  ASSERT_EQ(asked[asked.by_answer].status, "resurvey_due");
  ASSERT_TRUE(asked.Merge(asked.by_answer, asked.by_hand));
  EXPECT_EQ(asked[asked.by_answer].resurvey_result, ResurveyResult::kNoAnswer);
  // The answer to it comes after all: it is kept, and counts where the case went on.
  ASSERT_TRUE(asked.world.Do(Answer("a", 9, {.names = asked.by_answer})));
  EXPECT_EQ(asked.world.LastResponse().effect, ResponseEffect::kNone);
  EXPECT_EQ(asked[asked.by_answer].status, "closed");
  EXPECT_TRUE(asked[asked.by_answer].converted_at.has_value());
  EXPECT_EQ(asked.world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ answers

TEST(MergeTest, AnswersThatNameAMergedCaseGoToTheOneThatGoesOn) {
  Worlds w;
  ASSERT_TRUE(w.Merge(w.by_answer, w.by_hand));
  ASSERT_TRUE(w.world.Do(Answer("a", 2, {.names = w.by_answer})));
  EXPECT_EQ(w.world.LastResponse().effect, ResponseEffect::kAttached);
  EXPECT_EQ(w.world.LastResponse().paired_case_id, w.by_hand);
  // Asked again there, the old name is as good as the new one.
  ASSERT_TRUE(w.Do(w.by_hand, fixtures::Resolved()));
  w.world.now = *NextDue(w[w.by_hand]);
  ASSERT_TRUE(w.Do(w.by_hand, FireTimers{}));
  ASSERT_EQ(w[w.by_hand].status, "resurvey_due");
  ASSERT_TRUE(w.world.Do(Answer("a", 10, {.names = w.by_answer})));
  EXPECT_EQ(w.world.LastResponse().effect, ResponseEffect::kResurveyAnswer);
  EXPECT_EQ(w[w.by_hand].resurvey_result, ResurveyResult::kPromoter);
  EXPECT_EQ(w.world.problems, kNoProblems);
}

TEST(MergeTest, AnAnswerDoesNotReopenAMergedCase) {
  World world;
  const CaseId merged = OpenByAnswer(world, "a", kCsat);  // reopens within seven days
  const CaseId into = OpenByHand(world, "a", kNps);
  ASSERT_TRUE(world.Do(On(world.cases.at(merged), Into(world.cases.at(into)))));
  world.now += hours{1};
  ASSERT_TRUE(world.Do(Answer("a", 1, {.program = kCsat})));
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kOpened);
  EXPECT_EQ(world.cases.at(merged).status, "closed");
  // Named, too: the other program's case is not this program's answer.
  ASSERT_TRUE(world.Do(Answer("a", 5, {.program = kCsat, .names = merged})));
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kNone);
  EXPECT_EQ(world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ taking apart

TEST(UnmergeTest, WhatStillWaitsComesBackAndTheSlotStays) {
  Worlds w;
  ASSERT_TRUE(w.Do(w.by_answer, PromiseBy(w.world.now + days{2})));
  ASSERT_TRUE(w.Do(w.by_answer, PromiseBy(w.world.now + days{3})));
  ASSERT_TRUE(w.Do(w.by_hand, PromiseBy(w.world.now + days{4})));
  ASSERT_TRUE(w.Merge(w.by_answer, w.by_hand));
  ASSERT_EQ(w[w.by_hand].commitments.size(), 3U);
  const CommitmentId kept = w[w.by_hand].commitments[1].id;
  ASSERT_TRUE(w.Do(w.by_hand, SettleCommitment{kept, CommitmentState::kKept, {}}));
  ASSERT_TRUE(w.Do(w.by_answer, UnmergeCase{{{}, "two shops"}}));

  const Case& out = w[w.by_answer];
  EXPECT_EQ(out.status, "reopened");
  EXPECT_TRUE(out.merged_into.empty());
  EXPECT_FALSE(out.holds_dedupe_slot);
  EXPECT_EQ(out.handling_result, HandlingResult::kUnset);
  EXPECT_EQ(out.resurvey_result, ResurveyResult::kUnset);
  EXPECT_EQ(out.closed_at, std::nullopt);
  EXPECT_EQ(Pending(out), 1) << "the kept one was kept there";
  EXPECT_TRUE(out.commitments.back().carried_from.empty()) << "it was made here";
  EXPECT_EQ(LiveClocks(out, ClockKind::kCommitment), 1);
  const Case& left = w[w.by_hand];
  EXPECT_EQ(Pending(left), 1) << "its own";
  EXPECT_EQ(LiveClocks(left, ClockKind::kCommitment), 1);
  EXPECT_TRUE(left.attached_response_ids.empty());
  EXPECT_TRUE(left.merged_case_ids.empty());
  EXPECT_EQ(left.merge_depth, 0);
  EXPECT_TRUE(left.holds_dedupe_slot);
  // The promise that came back is settled here, the one of the same id that went stays moved.
  const CommitmentId back = out.commitments.back().id;
  ASSERT_TRUE(w.Do(w.by_answer, SettleCommitment{back, CommitmentState::kBroken, {}}));
  EXPECT_EQ(w[w.by_answer].commitments.front().state, CommitmentState::kMoved);
  EXPECT_EQ(w[w.by_answer].commitments.back().state, CommitmentState::kBroken);
  EXPECT_EQ(Outcome(w.Do(w.by_answer, UnmergeCase{})), "TRANSITION_NOT_ALLOWED");
  EXPECT_EQ(w.world.problems, kNoProblems);
  EXPECT_EQ(w.world.Replayed().cases, w.world.cases);
}

TEST(UnmergeTest, OfAClosedCaseToo) {
  Worlds w;
  ASSERT_TRUE(w.Do(w.by_answer, PromiseBy(w.world.now + days{2})));
  ASSERT_TRUE(w.Merge(w.by_answer, w.by_hand));
  ASSERT_TRUE(w.Do(w.by_hand, WithdrawCase{}));
  ASSERT_TRUE(w.Do(w.by_answer, UnmergeCase{}));
  EXPECT_EQ(w[w.by_answer].status, "reopened");
  EXPECT_EQ(Pending(w[w.by_answer]), 1);
  EXPECT_EQ(Pending(w[w.by_hand]), 0);
  EXPECT_EQ(w[w.by_hand].status, "closed");
  EXPECT_EQ(w.world.problems, kNoProblems);
}

// One that was merged into a case which was merged itself: what is its own lies at the top.
TEST(UnmergeTest, OutOfTheMiddleOfAStackLeavesNothingBehind) {
  Worlds w;
  const CaseId top = OpenByHand(w.world, "a");
  ASSERT_TRUE(w.Do(w.by_answer, PromiseBy(w.world.now + days{2})));
  ASSERT_TRUE(w.Do(w.by_hand, PromiseBy(w.world.now + days{3})));
  const ResponseId response = w[w.by_answer].opening_response_id;
  ASSERT_TRUE(w.Merge(w.by_answer, w.by_hand));
  ASSERT_TRUE(w.Merge(w.by_hand, top));
  EXPECT_EQ(Pending(w[top]), 2);
  EXPECT_EQ(w[top].attached_response_ids, std::vector{response});
  EXPECT_EQ(w[top].merge_depth, 2);
  ASSERT_TRUE(w.Do(w.by_answer, UnmergeCase{}));
  EXPECT_EQ(Pending(w[w.by_answer]), 1);
  EXPECT_EQ(Pending(w[top]), 1);
  EXPECT_TRUE(w[top].attached_response_ids.empty());
  EXPECT_TRUE(w[w.by_hand].attached_response_ids.empty());
  EXPECT_EQ(w[top].merged_case_ids, std::vector{w.by_hand});
  ASSERT_TRUE(w.Do(w.by_hand, UnmergeCase{}));
  EXPECT_EQ(Pending(w[w.by_hand]), 1);
  EXPECT_EQ(Pending(w[top]), 0);
  EXPECT_EQ(w.world.problems, kNoProblems);
  EXPECT_EQ(w.world.Replayed().cases, w.world.cases);
}

// ------------------------------------------------------------------------------ links

TEST(LinkTest, BothCasesNameEachOtherOnceOfEachKind) {
  Worlds w;
  const CaseLink one{w.by_hand, "related"};
  const CaseLink other{w.by_answer, "related"};
  EXPECT_EQ(Outcome(w.Do(w.by_answer, LinkTo(w[w.by_hand], "related"))),
            "CaseLinkChanged CaseLinkChanged");
  EXPECT_EQ(w[w.by_answer].details.links, std::vector{one});
  EXPECT_EQ(w[w.by_hand].details.links, std::vector{other});
  EXPECT_EQ(Outcome(w.Do(w.by_hand, LinkTo(w[w.by_answer], "related"))), "") << "there already";
  EXPECT_TRUE(w.Do(w.by_hand, LinkTo(w[w.by_answer], "follow_up")));
  EXPECT_EQ(w[w.by_answer].details.links.size(), 2U);
  EXPECT_TRUE(w.Do(w.by_hand, LinkTo(w[w.by_answer], "follow_up", true)));
  EXPECT_EQ(w[w.by_answer].details.links, std::vector{one});
  EXPECT_EQ(Outcome(w.Do(w.by_hand, LinkTo(w[w.by_answer], "duplicate", true))), "") << "not there";
  EXPECT_EQ(Outcome(w.Do(w.by_hand, LinkTo(w[w.by_hand], "related"))), "MERGE_INTO_ITSELF");
  const auto unknown = w.Do(w.by_hand, LinkTo(w[w.by_answer], "twin"));
  ASSERT_EQ(Outcome(unknown), "LINK_KIND_UNKNOWN");
  EXPECT_EQ(unknown.error().metadata.at("allowed"), "related, duplicate, follow_up");
  EXPECT_EQ(Outcome(w.Do(w.by_hand, LinkCase{})), "NOT_FOUND");
  EXPECT_EQ(w.world.problems, kNoProblems);
}

TEST(LinkTest, ACaseHasAtMostSixtyFourOnEitherSide) {
  Worlds w;
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE(w.Do(OpenByHand(w.world, "a"), LinkTo(w[w.by_hand], "related")));
  }
  EXPECT_EQ(Outcome(w.Do(w.by_hand, LinkTo(w[w.by_answer], "related"))), "TOO_MANY_ITEMS");
  EXPECT_EQ(Outcome(w.Do(w.by_answer, LinkTo(w[w.by_hand], "related"))), "TOO_MANY_ITEMS");
  EXPECT_TRUE(w[w.by_answer].details.links.empty());
  OpenCase open;
  open.program_id = kNps;
  open.details.links = {{w.by_hand, "related"}};
  EXPECT_EQ(Outcome(w.world.Do(open)), "TOO_MANY_ITEMS");
}

TEST(LinkTest, OpeningWithLinksLinksBothSides) {
  Worlds w;
  OpenCase open;
  open.program_id = kNps;
  open.details.links = {{w.by_hand, "follow_up"}, {w.by_hand, "follow_up"}};
  const auto opened = w.world.Do(open);
  ASSERT_TRUE(opened);
  const CaseId id = opened->front().case_id;
  EXPECT_EQ(w[id].details.links, (std::vector<CaseLink>{{w.by_hand, "follow_up"}}));
  EXPECT_EQ(w[w.by_hand].details.links, (std::vector<CaseLink>{{id, "follow_up"}}));
  open.details.links = {{w.by_hand, "twin"}};
  EXPECT_EQ(Outcome(w.world.Do(open)), "LINK_KIND_UNKNOWN");
  EXPECT_EQ(w.world.problems, kNoProblems);
}

// ------------------------------------------------------------------------------ no orphans

// What has to hold of all cases together, whatever was merged and taken apart before.
void ExpectNoOrphans(const World& world, const std::set<CommitmentId>& open) {
  std::multiset<CommitmentId> pending;
  std::map<ResponseId, int> attached;
  std::map<std::pair<CustomerId, std::string>, int> slots;
  for (const auto& [id, c] : world.cases) {
    for (const Commitment& each : c.commitments) {
      if (each.state == CommitmentState::kPending) pending.insert(each.id);
    }
    if (c.holds_dedupe_slot) slots[{c.customer_id, c.program_id}] += 1;
    std::set<ResponseId> own(c.attached_response_ids.begin(), c.attached_response_ids.end());
    ASSERT_EQ(own.size(), c.attached_response_ids.size()) << "attached twice";
    if (!c.merged_into.empty()) {
      ASSERT_EQ(c.phase, Phase::kClosed);
      ASSERT_EQ(NextDue(c), std::nullopt);
      ASSERT_EQ(Pending(c), 0);
      ASSERT_TRUE(std::none_of(c.clocks.begin(), c.clocks.end(), IsLive));
      const Case& into = world.cases.at(c.merged_into);
      const auto& ids = into.merged_case_ids;
      ASSERT_EQ(std::count(ids.begin(), ids.end(), id), 1);
      ASSERT_GT(into.merge_depth, c.merge_depth);
      continue;
    }
    own.insert(c.opening_response_id);
    for (const ResponseId& response : own) {
      if (!response.empty()) attached[response] += 1;
    }
    for (const CaseId& merged : c.merged_case_ids) {
      ASSERT_EQ(world.cases.at(merged).merged_into, id);
    }
  }
  ASSERT_EQ(pending, std::multiset<CommitmentId>(open.begin(), open.end()));
  for (const auto& [response, count] : attached) ASSERT_EQ(count, 1) << "on two cases at once";
  for (const auto& [id, response] : world.responses) {
    if (response.paired_case_id.empty()) continue;
    ASSERT_EQ(attached[id], 1) << "an answer that nobody handles";
  }
  for (const auto& [key, count] : slots) ASSERT_LE(count, 1);
}

TEST(MergeTest, WhateverIsMergedAndTakenApartNothingIsLostOrThereTwice) {
  int merges = 0;
  int unmerges = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(fixtures::TestRevision(), seed);
    std::mt19937_64 random(seed);
    const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
    OpenByAnswer(world, "a");
    std::set<CommitmentId> open;
    for (int step = 0; step < 120; ++step) {
      world.now += std::chrono::minutes{below(600)};
      std::vector<CaseId> ids;
      for (const auto& [id, c] : world.cases) ids.push_back(id);
      const Case& c = world.cases.at(ids[below(ids.size())]);
      const Case& other = world.cases.at(ids[below(ids.size())]);
      switch (below(9)) {
        case 0:  // a detractor's attaches or opens; nobody was asked
          ASSERT_TRUE(world.Do(Answer("a", static_cast<int64_t>(below(7)))));
          break;
        case 1:
          if (ids.size() < 8) OpenByHand(world, "a");
          break;
        case 2:
        case 3: merges += world.Do(On(c, Into(other))) ? 1 : 0; break;
        case 4: unmerges += world.Do(On(c, UnmergeCase{})) ? 1 : 0; break;
        case 5:
        case 6: {
          const auto made = world.Do(On(c, PromiseBy(world.now + hours{1 + below(90)})));
          if (made) open.insert(world.cases.at(c.id).commitments.back().id);
          break;
        }
        case 7:
          if (c.commitments.empty()) break;
          if (world.Do(On(c, SettleCommitment{c.commitments[below(c.commitments.size())].id,
                                              CommitmentState::kKept,
                                              {}}))) {
            std::set<CommitmentId> left;
            for (const auto& [id, each] : world.cases) {
              for (const Commitment& known : each.commitments) {
                if (known.state == CommitmentState::kPending) left.insert(known.id);
              }
            }
            ASSERT_EQ(left.size() + 1, open.size());
            open = left;
          }
          break;
        default:
          if (NextDue(c) && *NextDue(c) <= world.now) {
            ASSERT_TRUE(world.Do(On(c, FireTimers{})));
          }
      }
      ASSERT_NO_FATAL_FAILURE(ExpectNoOrphans(world, open)) << "step " << step;
    }
    ASSERT_EQ(world.problems, kNoProblems);
    ASSERT_EQ(world.Replayed().cases, world.cases);
  }
  EXPECT_GT(merges, 300);
  EXPECT_GT(unmerges, 100);
}

}  // namespace
}  // namespace rebound
