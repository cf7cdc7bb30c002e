// Plans: when each kind of step begins and ends, and what moves a plan on, back and away.
#include "workflows/steps.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/filter.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNoProblems;
using fixtures::kStart;
using fixtures::On;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

Predicate StepCondition(std::string_view condition) {
  auto parsed = ParseFilter(condition, Use::kStepRule);
  EXPECT_TRUE(parsed) << condition;
  return *std::move(parsed);
}

// kStart is 17:00 in Shanghai.
ContactRules QuietRules() {
  ContactRules rules;
  rules.zone = {.name = "Asia/Shanghai", .first_offset = hours{8}};
  rules.quiet_hours = DaySpan{21 * 60, 8 * 60};
  rules.time_bands = {{"morning", {8 * 60, 12 * 60}}, {"afternoon", {12 * 60, 21 * 60}}};
  rules.unreachable = UnreachableRule{2, 1, 1, 0};
  return rules;
}

Revision Planned(std::vector<PlanStep> steps, Predicate when = {}) {
  Revision revision = fixtures::TestRevision();
  Playbook& playbook = revision.playbooks.emplace_back();
  playbook.id = "plan";
  playbook.when = std::move(when);
  playbook.steps = std::move(steps);
  revision.contact = QuietRules();
  revision.remedies = {{"explanation", RemedyKind::kExplanation, "E", "E", false, false},
                       {"voucher", RemedyKind::kVoucher, "V", "V", false, false}};
  revision.templates = {{"note", {}, "", "", "Hello", "您好"}};
  revision.org_units = {{"north", "North", "北", "chen.jie", std::nullopt, std::nullopt}};
  return revision;
}

PlanStep Step(std::string id, StepKind kind) { return {.id = std::move(id), .kind = kind}; }
PlanStep Contact(std::string id, Duration within = Duration{0}) {
  PlanStep step = Step(std::move(id), StepKind::kContact);
  if (within > Duration{0}) step.within = within;
  return step;
}
PlanStep RemedyOf(std::string id, std::string type = "explanation") {
  PlanStep step = Step(std::move(id), StepKind::kRemedy);
  step.remedy_id = std::move(type);
  return step;
}
PlanStep Task(std::string id, std::string queue = "billing", Duration within = days{2}) {
  PlanStep step = Step(std::move(id), StepKind::kTask);
  step.queue_id = std::move(queue);
  step.within = within;
  return step;
}
PlanStep Message(std::string id, Channel channel = Channel::kSms) {
  PlanStep step = Step(std::move(id), StepKind::kMessage);
  step.template_id = "note";
  step.channel = channel;
  return step;
}
PlanStep Wait(std::string id, Duration how_long) {
  PlanStep step = Step(std::move(id), StepKind::kWait);
  step.wait = how_long;
  return step;
}
PlanStep Decision(std::string id, std::string_view when, std::string then,
                  std::string otherwise = "") {
  PlanStep step = Step(std::move(id), StepKind::kDecision);
  step.when = StepCondition(when);
  step.then = std::move(then);
  step.otherwise = std::move(otherwise);
  return step;
}
PlanStep Verify(std::string id, std::string rework = "") {
  PlanStep step = Step(std::move(id), StepKind::kVerify);
  step.rework = std::move(rework);
  return step;
}
PlanStep Aftercare(std::string id, Duration after) {
  PlanStep step = Step(std::move(id), StepKind::kAftercare);
  step.after = after;
  return step;
}
PlanStep If(PlanStep step, std::string_view when) {
  step.when = StepCondition(when);
  return step;
}

// A case of wang with the plan, on its first day.
struct Walk {
  World world;

  explicit Walk(std::vector<PlanStep> steps, int64_t score = 3) : world(Planned(std::move(steps))) {
    EXPECT_TRUE(world.Do(Answer("wang", score)));
  }

  const Case& Subject() const { return world.OnlyCase(); }
  std::string Do(CaseVerb verb) { return Outcome(world.Do(On(Subject(), std::move(verb)))); }
  std::string Try(AttemptOutcome outcome) { return Do(fixtures::OutboundAttempt(outcome)); }
  std::string Reach() { return Try(AttemptOutcome::kReached); }
  std::string Give(std::string type, RemedyState state = RemedyState::kAccepted) {
    RecordRemedy verb;
    verb.remedy.type_id = std::move(type);
    verb.remedy.state = state;
    return Do(std::move(verb));
  }
  std::string Complete(std::string step, StepState state = StepState::kDone, std::string note = "",
                       std::string result = "") {
    return Do(CompleteStep{std::move(step), state, std::move(result), Text{{}, std::move(note)}});
  }
  std::string Check(bool passed) {
    const std::string was = std::exchange(world.actor, "zhao.min");
    const std::string outcome = Do(VerifyCase{{true, passed, true, {}, {}, {}}});
    world.actor = was;
    return outcome;
  }
  std::string Later(Duration duration) {
    world.now += duration;
    return Do(FireTimers{});
  }
  // "call:done=reached remedy:active", of every round.
  std::string Steps() const {
    std::string text;
    for (const CaseStep& step : Subject().steps) {
      static constexpr const char* kStates[] = {"?", "active", "done", "failed", "skipped"};
      if (!text.empty()) text += ' ';
      text += step.step_id + ":" + kStates[static_cast<int>(step.state)];
      if (!step.result.empty()) text += "=" + step.result;
    }
    return text;
  }
  const CaseStep& Last() const { return Subject().steps.back(); }
  size_t Count(std::string_view type) const {
    size_t count = 0;
    for (const Event& event : world.log) count += TypeName(event.body) == type ? 1 : 0;
    return count;
  }
  ~Walk() {
    EXPECT_EQ(world.problems, kNoProblems);
    EXPECT_EQ(world.Replayed().cases, world.cases);
  }
};

// ---------------------------------------------------------------------------------- each kind

TEST(StepTest, EachKindBeginsAndEndsInItsWay) {
  struct Row {
    const char* name;
    std::vector<PlanStep> plan;
    std::function<void(Walk&)> what;
    const char* steps;
  };
  const auto nothing = [](Walk&) {};
  const Row rows[] = {
      {"contact waits", {Contact("call")}, nothing, "call:active"},
      {"contact is done when somebody is reached",
       {Contact("call"), Wait("rest", days{1})},
       [](Walk& w) { w.Reach(); },
       "call:done=reached rest:active"},
      {"a refusal is a contact",
       {Contact("call")},
       [](Walk& w) { w.Try(AttemptOutcome::kRefused); },
       "call:done=refused"},
      {"one try in vain is none",
       {Contact("call")},
       [](Walk& w) { w.Try(AttemptOutcome::kNoAnswer); },
       "call:active"},
      {"contact ends as unreachable",
       {Contact("call")},
       [](Walk& w) {
         w.Try(AttemptOutcome::kNoAnswer);
         w.Try(AttemptOutcome::kEmptyNumber);
       },
       "call:done=unreachable"},
      {"the customer calls",
       {Contact("call")},
       [](Walk& w) { w.Do(fixtures::InboundAttempt()); },
       "call:done=reached"},
      {"a second contact asks for a second call",
       {Contact("call"), Contact("again")},
       [](Walk& w) { w.Reach(); },
       "call:done=reached again:active"},
      {"who was reached before the step began is reached",
       {Wait("rest", days{1}), Contact("call")},
       [](Walk& w) {
         w.Try(AttemptOutcome::kCallBackAgreed);
         w.Later(days{1});
       },
       "rest:done=done call:done=call_back_agreed"},
      {"remedy waits for its type",
       {RemedyOf("sorry")},
       [](Walk& w) { w.Give("voucher"); },
       "sorry:active"},
      {"remedy waits for the answer",
       {RemedyOf("sorry")},
       [](Walk& w) { w.Give("explanation", RemedyState::kOffered); },
       "sorry:active"},
      {"remedy accepted",
       {RemedyOf("sorry")},
       [](Walk& w) { w.Give("explanation"); },
       "sorry:done=accepted"},
      {"remedy delivered",
       {RemedyOf("sorry")},
       [](Walk& w) { w.Give("explanation", RemedyState::kDelivered); },
       "sorry:done=delivered"},
      {"remedy declined",
       {RemedyOf("sorry")},
       [](Walk& w) { w.Give("explanation", RemedyState::kDeclined); },
       "sorry:failed=declined"},
      {"remedy given before the step began",
       {Contact("call"), RemedyOf("sorry")},
       [](Walk& w) {
         w.Give("explanation");
         w.Reach();
       },
       "call:done=reached sorry:done=accepted"},
      {"task is done", {Task("bill")}, [](Walk& w) { w.Complete("bill"); }, "bill:done=done"},
      {"task came to something",
       {Task("bill")},
       [](Walk& w) { w.Complete("bill", StepState::kDone, "", "wrong"); },
       "bill:done=wrong"},
      {"task failed",
       {Task("bill")},
       [](Walk& w) { w.Complete("bill", StepState::kFailed); },
       "bill:failed=failed"},
      {"message goes at once",
       {Message("sms"), Contact("call")},
       nothing,
       "sms:done=sent call:active"},
      {"wait waits", {Wait("rest", hours{2})}, [](Walk& w) { w.Later(hours{1}); }, "rest:active"},
      {"wait ends in its time",
       {Wait("rest", hours{2})},
       [](Walk& w) { w.Later(hours{2}); },
       "rest:done=done"},
      {"decision: yes",
       {Decision("bad", "score <= 3", "call"), Task("bill"), Contact("call")},
       nothing,
       "bad:done=yes call:active"},
      {"decision: no",
       {Decision("bad", "score <= 2", "call"), Task("bill"), Contact("call")},
       nothing,
       "bad:done=no bill:active"},
      {"decision: to the end",
       {Decision("bad", "score <= 3", "end"), Task("bill")},
       nothing,
       "bad:done=yes"},
      {"decision: otherwise",
       {Decision("bad", "score <= 2", "", "call"), Task("bill"), Contact("call")},
       nothing,
       "bad:done=no call:active"},
      {"a condition that does not hold skips",
       {If(Task("bill"), "score <= 2"), Contact("call")},
       nothing,
       "bill:skipped=condition call:active"},
      {"verify waits until handling is done", {Verify("ask")}, nothing, ""},
      {"verify begins then", {Verify("ask")}, [](Walk& w) { w.Do(Resolved()); }, "ask:active"},
      {"verify passes",
       {Verify("ask")},
       [](Walk& w) {
         w.Do(Resolved());
         w.Check(true);
       },
       "ask:done=passed"},
      {"verify fails and waits for the next",
       {Verify("ask")},
       [](Walk& w) {
         w.Do(Resolved());
         w.Check(false);
         w.Do(Resolved());
       },
       "ask:failed=failed ask:active"},
      {"once the customer is asked again nobody verifies",
       {Verify("ask")},
       [](Walk& w) {
         w.Do(Resolved());
         w.Later(days{3});
       },
       "ask:skipped=asked_again"},
      {"aftercare waits for its time",
       {Aftercare("care", days{5})},
       [](Walk& w) {
         w.Do(Resolved());
         w.Later(days{3});
       },
       ""},
      {"aftercare begins in its time",
       {Aftercare("care", days{5})},
       [](Walk& w) {
         w.Do(Resolved());
         w.Later(days{3});
         w.Later(days{2});
       },
       "care:active"},
      {"aftercare is done by hand",
       {Aftercare("care", days{1})},
       [](Walk& w) {
         w.Do(Resolved());
         w.Later(days{1});
         w.Complete("care");
       },
       "care:done=done"},
      {"aftercare at once",
       {Aftercare("care", Duration{0})},
       [](Walk& w) { w.Do(Resolved()); },
       "care:active"},
      {"closing leaves out aftercare that waits",
       {Aftercare("care", days{5})},
       [](Walk& w) {
         w.Do(Resolved());
         w.Do(Close{});
       },
       "care:skipped=closed"},
      {"closing leaves out what is active",
       {Contact("call")},
       [](Walk& w) { w.Do(WithdrawCase{}); },
       "call:skipped=closed"},
      {"resolving ends what belongs to handling",
       {Contact("call"), Task("bill"), Verify("ask"), Message("thanks")},
       [](Walk& w) { w.Do(Resolved()); },
       "call:skipped=resolved ask:active"},
      {"what stands after verify goes on when handling is done",
       {Verify("ask"), Message("thanks"), Task("bill")},
       [](Walk& w) {
         w.Do(Resolved());
         w.Check(true);
       },
       "ask:done=passed thanks:done=sent bill:active"},
      {"no plan, no step", {}, nothing, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Walk walk(row.plan);
    row.what(walk);
    EXPECT_EQ(walk.Steps(), row.steps);
  }
}

TEST(StepTest, ConditionsReadWhatBecameOfTheCase) {
  struct Row {
    const char* condition;
    bool holds;
  };
  // Reached at the second try, the voucher declined, li.na has it, round 1.
  const Row rows[] = {
      {"step_result : \"call=reached\"", true},
      {"step_result : \"call=unreachable\"", false},
      {"step_result : \"gift=declined\"", true},
      {"attempt_count = 2", true},
      {"attempt_count > 2", false},
      {"unreachable = true", false},
      {"round = 1", true},
      {"status = remedy_proposed", true},
      {"handling_result : *", false},
      {"score = 3 AND category = detractor", true},
      {"reason : awful", true},
      {"reason : nice", false},
      {"step_queue : *", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.condition);
    World world(Planned({Contact("call"), RemedyOf("gift", "voucher"),
                         Decision("so", row.condition, "end"), Task("bill")}));
    SubmitResponse answer = Answer("wang", 3);
    answer.response.reason.value = "It was awful";
    ASSERT_TRUE(world.Do(answer));
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), fixtures::OutboundAttempt(AttemptOutcome::kBusy))));
    ASSERT_TRUE(
        world.Do(On(world.OnlyCase(), fixtures::OutboundAttempt(AttemptOutcome::kReached))));
    RecordRemedy gift;
    gift.remedy.type_id = "voucher";
    gift.remedy.state = RemedyState::kDeclined;
    ASSERT_TRUE(world.Do(On(world.OnlyCase(), gift)));
    const std::vector<CaseStep>& steps = world.OnlyCase().steps;
    const auto so = std::find_if(steps.begin(), steps.end(),
                                 [](const CaseStep& step) { return step.step_id == "so"; });
    ASSERT_NE(so, steps.end());
    EXPECT_EQ(so->result, row.holds ? "yes" : "no");
    EXPECT_EQ(so->why, Canonical(StepCondition(row.condition)));
  }
}

TEST(StepTest, AComplaintsWordsAreReadToo) {
  World world(Planned({If(Task("bill"), "reason : bill"), If(Task("rest"), "reason : rest")}));
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.details.customer_request.value = "My BILL is wrong";
  ASSERT_TRUE(world.Do(open));
  ASSERT_EQ(ActiveStep(world.OnlyCase())->step_id, "bill");
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), CompleteStep{"bill", StepState::kDone, {}, {}})));
  EXPECT_EQ(world.OnlyCase().steps.back().step_id, "rest");
  EXPECT_EQ(world.OnlyCase().steps.back().result, "condition");
  EXPECT_EQ(world.OnlyCase().steps.back().why, "reason:\"rest\"");
}

TEST(StepTest, EachSaysWhyItBegan) {
  Walk walk({Contact("call"), Decision("bad", "score = 3", "gift"), Task("bill"), RemedyOf("gift"),
             Verify("ask", "gift")});
  walk.Reach();
  walk.Give("explanation");
  walk.Do(Resolved());
  walk.world.now += hours{1};
  walk.Check(false);
  std::vector<std::string> whys;
  for (const CaseStep& step : walk.Subject().steps) whys.push_back(step.step_id + " " + step.why);
  EXPECT_EQ(whys, (std::vector<std::string>{"call next", "bad score = 3", "gift then:bad",
                                            "ask next", "gift rework"}));
}

TEST(StepTest, WhoEndsAStepIsOnRecord) {
  Walk walk({Contact("call"), Decision("bad", "score = 3", ""), Task("bill"), Wait("rest", days{1}),
             RemedyOf("gift")});
  walk.Reach();
  walk.Complete("bill", StepState::kDone, "it was right");
  walk.Later(days{1});
  const std::vector<CaseStep>& steps = walk.Subject().steps;
  EXPECT_EQ(steps[0].actor, "li.na");
  EXPECT_EQ(steps[1].actor, "system");
  EXPECT_EQ(steps[2].actor, "li.na");
  EXPECT_EQ(steps[2].note.value, "it was right");
  EXPECT_FALSE(steps[2].note.id.empty());
  EXPECT_EQ(steps[3].actor, "system");
}

// ---------------------------------------------------------------------------------- by hand

TEST(StepTest, CompletingIsRefusedWithAReason) {
  struct Row {
    const char* name;
    std::vector<PlanStep> plan;
    CompleteStep verb;
    const char* outcome;
    const char* metadata;  // "key=value"
  };
  const auto of = [](std::string step, StepState state, std::string note = "") {
    return CompleteStep{std::move(step), state, {}, Text{{}, std::move(note)}};
  };
  const Row rows[] = {
      {"unknown",
       {Contact("call"), Task("bill")},
       of("bil", StepState::kDone),
       "STEP_UNKNOWN",
       "allowed=call, bill"},
      {"no plan", {}, of("bill", StepState::kDone), "STEP_UNKNOWN", "allowed=none"},
      {"out of order",
       {Contact("call"), Task("bill")},
       of("bill", StepState::kDone),
       "STEP_NOT_ACTIVE",
       "active=call"},
      {"not begun",
       {Verify("ask")},
       of("ask", StepState::kSkipped, "no"),
       "STEP_NOT_ACTIVE",
       "active=none"},
      {"contact",
       {Contact("call")},
       of("call", StepState::kDone),
       "STEP_ENDS_OTHERWISE",
       "command=log_attempt"},
      {"contact cannot be said to have failed",
       {Contact("call")},
       of("call", StepState::kFailed),
       "STEP_ENDS_OTHERWISE",
       "kind=contact"},
      {"remedy",
       {RemedyOf("gift")},
       of("gift", StepState::kDone),
       "STEP_ENDS_OTHERWISE",
       "command=remedy"},
      {"wait",
       {Wait("rest", days{1})},
       of("rest", StepState::kDone),
       "STEP_ENDS_OTHERWISE",
       "command=none"},
      {"skipping takes a note",
       {Contact("call")},
       of("call", StepState::kSkipped),
       "REQUIRED_FIELD_MISSING",
       "field=note"},
      {"skipped", {Contact("call")}, of("call", StepState::kSkipped, "he wrote"), "StepEnded", ""},
      {"a wait is skipped",
       {Wait("rest", days{1})},
       of("rest", StepState::kSkipped, "urgent"),
       "StepEnded",
       ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Walk walk(row.plan);
    const auto decided = walk.world.Do(On(walk.Subject(), row.verb));
    EXPECT_EQ(Outcome(decided), row.outcome);
    if (decided) continue;
    const std::string expected = row.metadata;
    const size_t equals = expected.find('=');
    EXPECT_EQ(decided.error().metadata.at(expected.substr(0, equals)), expected.substr(equals + 1));
  }
}

TEST(StepTest, VerifyIsCompletedByVerifying) {
  Walk walk({Verify("ask"), Task("bill")});
  walk.Do(Resolved());
  EXPECT_EQ(walk.Complete("ask"), "STEP_ENDS_OTHERWISE");
  EXPECT_EQ(walk.Complete("ask", StepState::kSkipped, "abroad"), "StepEnded StepStarted");
  EXPECT_EQ(walk.Steps(), "ask:skipped=skipped bill:active");
}

TEST(StepTest, NobodyCompletesAStepOfAClosedCase) {
  Walk walk({Task("bill")});
  walk.Do(WithdrawCase{});
  EXPECT_EQ(walk.Complete("bill"), "TRANSITION_NOT_ALLOWED");
}

// ---------------------------------------------------------------------------------- time

TEST(StepTest, AnOverdueStepIsToldOfOnce) {
  World world(Planned({Contact("call", hours{4}), Task("bill")}));
  SubmitResponse answer = Answer("wang", 3);
  answer.response.org_unit_id = "north";
  ASSERT_TRUE(world.Do(answer));
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), Assign{"wu.yan", {}})));
  world.now += hours{4};
  EXPECT_EQ(Outcome(world.Do(On(world.OnlyCase(), FireTimers{}))), "StepOverdue");
  const auto& overdue = std::get<StepOverdue>(world.log.back().body);
  EXPECT_EQ(overdue.notify, (std::vector<std::string>{"wu.yan", "chen.jie"}));
  EXPECT_EQ(OutboxKind(world.log.back().body), "notification");
  EXPECT_TRUE(ActiveStep(world.OnlyCase())->overdue);
  world.now += days{5};
  const std::string later = Outcome(world.Do(On(world.OnlyCase(), FireTimers{})));
  EXPECT_EQ(later.find("StepOverdue"), std::string::npos) << later;
  // A task is told to those whose it is.
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), fixtures::OutboundAttempt(AttemptOutcome::kReached))));
  EXPECT_EQ(OutboxKind(world.log.back().body), "notification");  // the task began
  world.now += days{3};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  EXPECT_EQ(std::get<StepOverdue>(world.log.back().body).notify,
            (std::vector<std::string>{"queue:billing", "chen.jie"}));
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(StepTest, WhatNobodyIsResponsibleForIsToldToManagers) {
  Walk walk({Contact("call", hours{4})});
  EXPECT_EQ(walk.Later(hours{4}), "StepOverdue");
  EXPECT_EQ(std::get<StepOverdue>(walk.world.log.back().body).notify,
            (std::vector<std::string>{"role:manager"}));
}

TEST(StepTest, WhatWasDueBeforeACommandIsOnRecordBeforeIt) {
  Walk walk({Contact("call", hours{4}), Wait("rest", hours{1}), Task("bill")});
  walk.world.now += hours{4} + minutes{1};
  EXPECT_EQ(walk.Reach(), "StepOverdue AttemptLogged ClockEnded StepEnded StepStarted");
  walk.world.now += hours{1} + minutes{1};
  EXPECT_EQ(walk.Complete("bill"), "TimerEnded StepEnded StepStarted StepEnded");
}

TEST(StepTest, ACallInTimeThatIsRecordedLateIsNotOverdue) {
  Walk walk({Contact("call", hours{4})});
  LogAttempt late = fixtures::OutboundAttempt(AttemptOutcome::kReached);
  late.occurred_now = false;
  late.attempt.occurred_at = kStart + hours{3};
  walk.world.now += hours{5};
  EXPECT_EQ(walk.Do(late), "AttemptLogged ClockEnded StepEnded");
  EXPECT_FALSE(walk.Last().overdue);
}

TEST(StepTest, NothingFiresWhileTimersAreHeld) {
  Walk walk({Wait("rest", hours{1}), Task("bill")});
  walk.world.timers_held = true;
  walk.world.now += hours{2};
  walk.Do(Assign{"wu.yan", {}});
  EXPECT_EQ(walk.Steps(), "rest:active");
}

TEST(StepTest, AMessageWaitsForTheEndOfTheQuietHours) {
  Walk walk({Wait("rest", hours{5}), Message("sms"), Task("bill")});  // 22:00 in Shanghai
  walk.Later(hours{5});
  EXPECT_EQ(walk.Steps(), "rest:done=done sms:active");
  EXPECT_EQ(walk.Last().wake_at, kStart + hours{15});  // 08:00
  EXPECT_EQ(walk.Later(hours{10}), "TimerEnded MessageSent StepEnded StepStarted");
  EXPECT_EQ(walk.Steps(), "rest:done=done sms:done=sent bill:active");
}

TEST(StepTest, QuietHoursAreTheCustomersOwn) {
  World world(Planned({Wait("rest", hours{5}), Message("sms")}));
  world.zones["Europe/Lisbon"] = std::make_shared<const Zone>(Zone{.name = "Europe/Lisbon"});
  UpsertCustomer upsert;
  upsert.key = {"crm", "wang"};
  upsert.profile.time_zone = "Europe/Lisbon";
  upsert.mask = {"time_zone"};
  ASSERT_TRUE(world.Do(upsert));
  ASSERT_TRUE(world.Do(Answer("wang", 3)));
  world.now += hours{5};  // 14:00 in Lisbon
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  EXPECT_EQ(world.OnlyCase().steps.back().result, "sent");
}

TEST(StepTest, WhoHasMovedIsStillLeftInPeace) {
  World world(Planned({Wait("rest", hours{5}), Message("sms")}));
  world.zones["Pacific/Auckland"] =
      std::make_shared<const Zone>(Zone{.name = "Pacific/Auckland", .first_offset = hours{13}});
  ASSERT_TRUE(world.Do(Answer("wang", 3)));
  world.now += hours{5};
  ASSERT_TRUE(world.Do(On(world.OnlyCase(), FireTimers{})));
  UpsertCustomer upsert;
  upsert.key = {"crm", "wang"};
  upsert.profile.time_zone = "Pacific/Auckland";
  upsert.mask = {"time_zone"};
  ASSERT_TRUE(world.Do(upsert));
  world.now = kStart + hours{11};                                        // 09:00 in Auckland
  EXPECT_EQ(Outcome(world.Do(On(world.OnlyCase(), FireTimers{}))), "");  // set for 08:00 Shanghai
  world.now = kStart + hours{24};                                        // 22:00 in Auckland
  EXPECT_EQ(Outcome(world.Do(On(world.OnlyCase(), FireTimers{}))),
            "TimerEnded TimerSet TierCrossed");
  world.now = kStart + hours{34};  // 08:00
  EXPECT_EQ(Outcome(world.Do(On(world.OnlyCase(), FireTimers{}))),
            "TimerEnded MessageSent StepEnded");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ---------------------------------------------------------------------------------- messages

TEST(StepTest, AMessageGoesOnlyWhereItMay) {
  struct Row {
    const char* name;
    bool do_not_contact;
    std::vector<Consent> consents;
    const char* result;
  };
  const Row rows[] = {
      {"may", false, {}, "sent"},
      {"do not contact", true, {}, "do_not_contact"},
      {"not by this channel",
       false,
       {{Channel::kSms, ConsentPurpose::kRecovery, false, {}, ""}},
       "consent_denied"},
      {"not by another",
       false,
       {{Channel::kEmail, ConsentPurpose::kRecovery, false, {}, ""}},
       "sent"},
      {"not for surveys", false, {{Channel::kSms, ConsentPurpose::kSurvey, false, {}, ""}}, "sent"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Walk walk({Contact("call"), Message("sms"), Task("bill")});
    SetCustomerConsent consent;
    consent.customer_id = walk.world.FindCustomer("wang")->id;
    consent.do_not_contact = row.do_not_contact;
    consent.consents = row.consents;
    ASSERT_TRUE(walk.world.Do(consent));
    walk.Complete("call", StepState::kSkipped, "writes");
    const std::vector<CaseStep>& steps = walk.Subject().steps;
    EXPECT_EQ(steps[1].result, row.result);
    EXPECT_EQ(steps[2].step_id, "bill");
    EXPECT_EQ(walk.Count("MessageSent"), row.result == std::string("sent") ? 1U : 0U);
  }
}

TEST(StepTest, AMessageIsAnAttemptOfTheSystemsAndMeetsNoClock) {
  Walk walk({Message("sms")});
  ASSERT_EQ(walk.Subject().attempts.size(), 1U);
  const Attempt& attempt = walk.Subject().attempts[0];
  EXPECT_EQ(attempt.actor, "system");
  EXPECT_EQ(attempt.outcome, AttemptOutcome::kMessageSent);
  EXPECT_EQ(attempt.channel, Channel::kSms);
  EXPECT_EQ(walk.Subject().status, "open");
  EXPECT_FALSE(Has(walk.Subject(), RequiredField::kAttempt));
  EXPECT_EQ(walk.Subject().clocks[0].state, ClockState::kRunning);
}

// Whoever takes a case carries its plan on: what is due to the customer once was left out then.
TEST(StepTest, AMessageThatIsDueIsSentAsTheCaseIsClaimed) {
  Walk walk({Wait("pause", hours{1}), Message("note"), Task("check")});
  walk.world.now += hours{1} + Duration{1};  // and nobody has rung
  EXPECT_EQ(Outcome(walk.world.Do(ClaimNext{})),
            "TimerEnded StepEnded StepStarted MessageSent StepEnded StepStarted CaseAssigned");
  EXPECT_EQ(walk.Steps(), "pause:done=done note:done=sent check:active");
}

TEST(StepTest, AMessageSpeaksTheCustomersLanguage) {
  for (const auto& [tag, language] :
       {std::pair("zh-CN", "zh"), std::pair("", "en"), std::pair("de", "en")}) {
    World world(Planned({Message("sms")}));
    SubmitResponse answer = Answer("wang", 3);
    answer.response.language = tag;
    ASSERT_TRUE(world.Do(answer));
    bool sent = false;
    for (const Event& event : world.log) {
      const auto* message = std::get_if<MessageSent>(&event.body);
      if (message == nullptr) continue;
      sent = true;
      EXPECT_EQ(message->language, language);
      EXPECT_EQ(message->template_id, "note");
      EXPECT_EQ(OutboxKind(event.body), "message");
    }
    EXPECT_TRUE(sent);
  }
}

TEST(StepTest, NobodyKnownGetsNoMessage) {
  World world(Planned({Message("sms"), Task("bill")}));
  ASSERT_TRUE(world.Do(Answer("", 3, {.program = fixtures::kSite})));
  EXPECT_EQ(world.OnlyCase().steps[0].result, "customer_unknown");
  EXPECT_EQ(ActiveStep(world.OnlyCase())->step_id, "bill");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ---------------------------------------------------------------------------------- rounds

TEST(StepTest, ReopeningStartsThePlanAgain) {
  Walk walk({Contact("call"), RemedyOf("gift"), Verify("ask")});
  walk.Reach();
  walk.Give("explanation");
  walk.Do(Resolved());
  walk.world.now += hours{1};
  walk.Do(Reopen{});
  EXPECT_EQ(walk.Steps(), "call:done=reached gift:done=accepted ask:skipped=reopened call:active");
  EXPECT_EQ(walk.Subject().round, 2);
  EXPECT_EQ(walk.Last().round, 2);
  EXPECT_EQ(walk.Last().why, "reopened");
  // What was done before does not count again.
  walk.world.now += hours{1};
  walk.Reach();
  EXPECT_EQ(walk.Last().step_id, "gift");
  EXPECT_EQ(walk.Last().state, StepState::kActive);
  // Nor does what happened before and is recorded now.
  walk.world.now += hours{1};
  walk.Give("explanation");
  EXPECT_EQ(walk.Last().state, StepState::kDone);
}

TEST(StepTest, ACallOfBeforeReopeningDoesNotCountAfterIt) {
  Walk walk({Contact("call")});
  walk.world.now += hours{1};
  walk.Do(Resolved());
  walk.world.now += hours{1};
  walk.Do(Reopen{});
  LogAttempt late = fixtures::OutboundAttempt(AttemptOutcome::kReached);
  late.occurred_now = false;
  late.attempt.occurred_at = kStart + minutes{30};
  walk.world.now += hours{1};
  walk.Do(late);
  EXPECT_EQ(walk.Steps(), "call:skipped=resolved call:active");
  walk.Reach();
  EXPECT_EQ(walk.Steps(), "call:skipped=resolved call:done=reached");
}

TEST(StepTest, ReopeningAClosedCaseAndAPlanThatBeginsWithVerifying) {
  Walk walk({Verify("ask"), Aftercare("care", days{1})});
  walk.Do(Resolved());
  walk.Check(true);
  EXPECT_EQ(walk.Steps(), "ask:done=passed");
  walk.Do(Reopen{});
  EXPECT_EQ(walk.Subject().round, 2);
  walk.Do(Resolved());
  EXPECT_EQ(walk.Steps(), "ask:done=passed ask:active");
  EXPECT_EQ(walk.Last().round, 2);
  walk.Do(Close{});
  EXPECT_EQ(walk.Steps(), "ask:done=passed ask:skipped=closed");
  walk.Do(Reopen{});
  walk.Do(Resolved());
  walk.Check(true);
  EXPECT_EQ(walk.Subject().round, 3);
  EXPECT_EQ(walk.Steps(), "ask:done=passed ask:skipped=closed ask:done=passed");
}

TEST(StepTest, AFailedVerificationGoesBackToItsStep) {
  Walk walk({Contact("call"), RemedyOf("gift"), Verify("ask", "gift"), Message("thanks")});
  walk.Reach();
  walk.Give("explanation");
  walk.Do(Resolved());
  walk.world.now += hours{1};
  walk.Check(false);
  EXPECT_EQ(walk.Steps(), "call:done=reached gift:done=accepted ask:failed=failed gift:active");
  EXPECT_EQ(walk.Subject().round, 2);
  walk.world.now += hours{1};
  walk.Give("explanation");
  walk.Do(Resolved());
  walk.Check(true);
  EXPECT_EQ(walk.Steps(),
            "call:done=reached gift:done=accepted ask:failed=failed gift:done=accepted "
            "ask:done=passed thanks:done=sent");
}

TEST(StepTest, TheConditionOfAReworkIsThatOfTheRoundItOpens) {
  Walk walk({If(RemedyOf("gift"), "NOT step_result : \"ask=failed\""),
             If(Task("bill"), "round = 2 AND attempt_count = 0"), Verify("ask", "gift")});
  walk.Reach();
  walk.Give("explanation");
  EXPECT_EQ(walk.Steps(), "gift:done=accepted bill:skipped=condition");
  walk.Do(Resolved());
  walk.world.now += hours{1};
  walk.Check(false);
  EXPECT_EQ(walk.Last().step_id, "gift");
  EXPECT_EQ(walk.Last().state, StepState::kActive);
  walk.world.now += hours{1};
  walk.Give("explanation");
  EXPECT_EQ(walk.Last().step_id, "bill");
  EXPECT_EQ(walk.Last().state, StepState::kActive);
}

TEST(StepTest, SamplingIsFixedAndAboutRight) {
  int sampled = 0;
  std::set<bool> differ;
  for (int i = 0; i < 10'000; ++i) {
    CaseId id;
    id.bytes[0] = static_cast<uint8_t>(i);
    id.bytes[7] = static_cast<uint8_t>(i >> 8);
    const bool drawn = IsSampled(id, "verify", 30);
    sampled += drawn ? 1 : 0;
    EXPECT_EQ(drawn, IsSampled(id, "verify", 30));
    EXPECT_TRUE(IsSampled(id, "verify", 100));
    if (drawn) {
      EXPECT_TRUE(IsSampled(id, "verify", 40));
    }
    differ.insert(drawn == IsSampled(id, "aftercare", 30));
  }
  EXPECT_NEAR(sampled, 3'000, 150);  // three standard deviations: 137
  EXPECT_EQ(differ.size(), 2U);      // another step draws others
}

TEST(StepTest, WhoIsNotSampledIsSkipped) {
  PlanStep ask = Verify("ask");
  PlanStep care = Aftercare("care", days{5});
  ask.sample = care.sample = 1;
  Walk walk({ask, care, Task("bill")});
  ASSERT_FALSE(IsSampled(walk.Subject().id, "ask", 1) || IsSampled(walk.Subject().id, "care", 1));
  walk.Do(Resolved());
  EXPECT_EQ(walk.Steps(), "ask:skipped=not_sampled care:skipped=not_sampled bill:active");
}

TEST(StepTest, ARulingNeedsNoVerification) {
  Walk walk({Contact("call"), Verify("ask"), Task("bill")});
  walk.Do(ProposeVerdict{VerdictKind::kUnfounded, {}, {{"https://crm.example/1", {}}}, {}});
  const VerdictId id = walk.Subject().verdicts.at(0).id;
  walk.world.actor = "zhao.min";
  walk.Do(DecideVerdict{id, true, {}});
  EXPECT_EQ(walk.Steps(), "call:skipped=resolved ask:skipped=ruled bill:active");
}

// ---------------------------------------------------------------------------------- elsewhere

TEST(StepTest, CasesThatAreNotHandledHaveNoSteps) {
  Revision revision = Planned({Contact("call")});
  for (Program& program : revision.programs) {
    program.hold_out = {"spring", 1'000'000, true, days{5}, days{7}};
  }
  World held(std::move(revision));
  ASSERT_TRUE(held.Do(Answer("wang", 3)));
  ASSERT_TRUE(held.OnlyCase().held);
  EXPECT_TRUE(held.OnlyCase().steps.empty());
  held.now += days{5};
  ASSERT_TRUE(held.Do(On(held.OnlyCase(), FireTimers{})));
  ASSERT_EQ(held.OnlyCase().steps.size(), 1U);  // it began
  EXPECT_EQ(held.OnlyCase().round, 1);
  EXPECT_EQ(held.problems, kNoProblems);

  World past(Planned({Contact("call")}));
  ASSERT_TRUE(
      past.Do(Answer("wang", 3, {.at = kStart - days{9}, .history = true, .external_id = "1"})));
  EXPECT_TRUE(past.OnlyCase().steps.empty());
  EXPECT_EQ(past.problems, kNoProblems);
}

TEST(StepTest, AMergedCaseHasDoneAndUnmergingStartsAgain) {
  World world(Planned({Contact("call")}));
  ASSERT_TRUE(world.Do(Answer("wang", 3)));
  const CaseId first = world.OnlyCase().id;
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.customer_id = world.FindCustomer("wang")->id;
  ASSERT_TRUE(world.Do(open));
  CaseId second;
  for (const auto& [id, c] : world.cases) {
    if (id != first) second = id;
  }
  ASSERT_TRUE(world.Do(On(world.cases.at(first), MergeCase{{second, 0}, {}})));
  EXPECT_EQ(world.cases.at(first).steps.back().result, "closed");
  EXPECT_NE(ActiveStep(world.cases.at(second)), nullptr);
  ASSERT_TRUE(world.Do(On(world.cases.at(first), UnmergeCase{})));
  EXPECT_EQ(world.cases.at(first).round, 2);
  EXPECT_NE(ActiveStep(world.cases.at(first)), nullptr);
  EXPECT_EQ(world.problems, kNoProblems);
  EXPECT_EQ(world.Replayed().cases, world.cases);
}

TEST(StepTest, ThePlanIsThatOfTheRevisionTheCaseFollows) {
  Walk walk({Contact("call"), Task("bill")});
  Revision next = Planned({Contact("call"), Task("other"), Task("bill")});
  next.number = 8;
  walk.world.PutInForce(next);
  walk.Reach();
  EXPECT_EQ(walk.Last().step_id, "bill");
  // After migrating, what is there in both goes on; what is gone is left out.
  EXPECT_EQ(walk.Do(MigrateCase{}), "CaseMigrated");
  EXPECT_EQ(walk.Last().step_id, "bill");
  Revision last = Planned({Contact("call"), Task("other")});
  last.number = 9;
  walk.world.PutInForce(last);
  walk.Do(MigrateCase{});
  EXPECT_EQ(walk.Steps(), "call:done=reached bill:skipped=migrated other:active");
  Revision none = Planned({});
  none.number = 10;
  walk.world.PutInForce(none);
  walk.Do(MigrateCase{});
  EXPECT_EQ(walk.Last().result, "migrated");
}

// Goal: what was done in the round counts for a plan that comes to the case later.
TEST(StepTest, APlanThatComesInALaterRoundSeesTheAttemptsOfThatRound) {
  Walk walk({});
  walk.Reach();
  walk.Do(Resolved());
  walk.world.now += hours{1};
  walk.Do(Reopen{});
  Revision next = Planned({Contact("call"), Task("bill")});
  next.number = 8;
  walk.world.PutInForce(next);
  walk.Do(MigrateCase{});
  EXPECT_EQ(walk.Steps(), "call:active") << "the call of the first round is over";

  Walk again({});
  again.Do(Resolved());
  again.world.now += hours{1};
  again.Do(Reopen{});
  again.Reach();
  again.world.PutInForce(next);
  again.Do(MigrateCase{});
  EXPECT_EQ(again.Steps(), "call:done=reached bill:active");
}

// Goal: where nothing says when handling was done, aftercare waits once, not for ever.
TEST(StepTest, AftercareWaitsOnceWhereHandlingEndsWithoutResolving) {
  Walk walk({Contact("call"), Aftercare("care", days{2})});
  Lifecycle& lifecycle = walk.world.revision.lifecycle;
  lifecycle.statuses.push_back({"fixed", "Fixed", "已修好", Phase::kRemedied, true, {}});
  lifecycle.transitions.push_back({"open", CaseCommand::kMove, "fixed"});
  walk.Do(MoveCase{"fixed", {}, {}});
  ASSERT_EQ(walk.Subject().status, "fixed");
  ASSERT_FALSE(walk.Subject().resolved_at);
  EXPECT_EQ(walk.Steps(), "call:skipped=resolved");
  walk.Later(days{1});
  walk.Do(MakeCommitment{});
  EXPECT_EQ(walk.Steps(), "call:skipped=resolved");
  walk.Later(days{1});
  EXPECT_EQ(walk.Steps(), "call:skipped=resolved care:active");
}

TEST(StepTest, ResolvingAsUnreachableHasToBeShown) {
  Walk walk({Contact("call"), Task("bill")});
  const Resolve unreachable{HandlingResult::kUnreachable, {}, {}, std::nullopt};
  walk.Try(AttemptOutcome::kNoAnswer);
  const auto refused = walk.world.Do(On(walk.Subject(), unreachable));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kUnreachableNotShown);
  const Metadata expected = {{"case", "C-1"},       {"attempts", "1"},    {"needed_attempts", "2"},
                             {"days", "1"},         {"needed_days", "1"}, {"bands", "1"},
                             {"needed_bands", "1"}, {"messages", "0"},    {"needed_messages", "0"}};
  EXPECT_EQ(refused.error().metadata, expected);
  walk.Try(AttemptOutcome::kBusy);
  EXPECT_EQ(walk.Steps(), "call:done=unreachable bill:active");
  EXPECT_EQ(walk.Do(unreachable).substr(0, 10), "ClockEnded");
  EXPECT_EQ(walk.Subject().handling_result, HandlingResult::kUnreachable);
}

TEST(StepTest, WithoutARuleWhoeverSaysUnreachableIsBelieved) {
  Revision revision = Planned({});
  revision.contact = {};
  World world(std::move(revision));
  ASSERT_TRUE(world.Do(Answer("wang", 3)));
  EXPECT_TRUE(
      world.Do(On(world.OnlyCase(), Resolve{HandlingResult::kUnreachable, {}, {}, std::nullopt})));
}

TEST(UnreachableStepsTest, OnlyWhatSomeWayLeadsTo) {
  const auto of = [](std::vector<PlanStep> steps) { return UnreachableSteps(steps); };
  EXPECT_TRUE(of({}).empty());
  EXPECT_TRUE(of({Contact("a"), Contact("b")}).empty());
  EXPECT_TRUE(of({Decision("a", "score = 1", "c"), Contact("b"), Contact("c")}).empty());
  EXPECT_EQ(of({Decision("a", "score = 1", "c", "c"), Contact("b"), Contact("c")}),
            (std::vector<size_t>{1}));
  EXPECT_EQ(of({Decision("a", "score = 1", "end", "end"), Contact("b"), Contact("c")}),
            (std::vector<size_t>{1, 2}));
  EXPECT_TRUE(of({Decision("a", "score = 1", "end"), Contact("b")}).empty());
}

}  // namespace
}  // namespace rebound
