// Who may have a case, whom the system gives it to, and when it comes back: tables for the rules,
// the small world for what they make of cases.
#include "workflows/routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNoProblems;
using fixtures::kStart;
using fixtures::Names;
using fixtures::On;
using fixtures::OutboundAttempt;
using fixtures::Outcome;
using fixtures::Resolved;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

// Monday to Friday, 09:00 to 17:00 UTC; kStart is a Monday, 09:00.
Calendar NineToFive() {
  Calendar office;
  office.id = "office";
  for (size_t day = 0; day < 5; ++day) office.week.at(day) = {{540, 1020}};
  return office;
}

StaffMember Person(std::string id) {
  StaffMember member;
  member.id = std::move(id);
  member.queues = {"default", "vip"};
  return member;
}

// The queue that cases come to, with what the test asks of it, and three people who work it.
Revision Staffed(QueueDef queue = {}) {
  Revision revision = fixtures::TestRevision();
  queue.id = "default";
  revision.queues = {queue, {.id = "vip"}};
  revision.staff = {Person("an"), Person("bo"), Person("cy")};
  revision.calendars = {NineToFive()};
  return revision;
}

StaffMember& Staff(Revision& revision, std::string_view id) {
  return *std::find_if(revision.staff.begin(), revision.staff.end(),
                       [&](const StaffMember& member) { return member.id == id; });
}

// Opens a case of the customer; its id.
CaseId OpenedBy(World& world, std::string_view customer) {
  auto opened = world.Do(Answer(customer, 2));
  EXPECT_TRUE(opened) << Outcome(opened);
  return world.LastResponse().paired_case_id;
}

std::string Do(World& world, const CaseId& id, CaseVerb verb, std::string actor = "li.na") {
  world.actor = std::move(actor);
  return Outcome(world.Do(On(world.cases.at(id), std::move(verb))));
}

std::string Claim(World& world, std::string actor, std::string queue = {}) {
  world.actor = std::move(actor);
  return Outcome(world.Do(ClaimNext{std::move(queue)}));
}

// What the bell would do at that time.
std::string Ring(World& world, const CaseId& id, Timestamp at) {
  world.now = at;
  return Do(world, id, FireTimers{}, "system");
}

std::optional<Timestamp> Pending(const Case& c, TimerKind kind) {
  for (const Timer& timer : c.timers) {
    if (timer.kind == kind && timer.state == TimerState::kPending) return timer.due_at;
  }
  return std::nullopt;
}

TimerState LastState(const Case& c, TimerKind kind) {
  TimerState state = TimerState::kUnset;
  for (const Timer& timer : c.timers) {
    if (timer.kind == kind) state = timer.state;
  }
  return state;
}

void Promise(Case& c, Timestamp due) {
  Commitment& commitment = c.commitments.emplace_back();
  commitment.due_at = due;
}

MakeCommitment PromiseOf(Timestamp due) {
  MakeCommitment verb;
  verb.commitment.due_at = due;
  verb.commitment.promise.value = "A call";
  return verb;
}

FindLiability Blames(std::string person) {
  FindLiability verb;
  verb.liability = Liability::kCompany;
  verb.person = std::move(person);
  return verb;
}

// ---- Fitness ------------------------------------------------------------------------------------

struct Setting {
  Revision revision = Staffed();
  Case c{};
  StaffLoad load{};
  std::string person = "an";
  Timestamp now = kStart;
};

struct FitnessRow {
  const char* name;
  std::function<void(Setting&)> change;
  Unfit expected;
  bool may_claim;
};

TEST(RoutingTest, WhoFitsAndWhoMayClaim) {
  const FitnessRow kRows[] = {
      {"somebody of the queue", [](Setting&) {}, Unfit::kFits, true},
      {"responsible", [](Setting& s) { s.c.details.responsible_person = "an"; }, Unfit::kAccused,
       false},
      {"found at fault", [](Setting& s) { s.c.findings.emplace_back().person = "an"; },
       Unfit::kAccused, false},
      {"found at fault before, somebody else since",
       [](Setting& s) {
         s.c.findings.emplace_back().person = "an";
         s.c.findings.emplace_back().person = "bo";
       },
       Unfit::kAccused, false},
      {"somebody else is at fault", [](Setting& s) { s.c.details.responsible_person = "bo"; },
       Unfit::kFits, true},
      {"without a person at fault everybody fits, and nobody is \"\"",
       [](Setting& s) { s.person = ""; }, Unfit::kFits, true},
      {"accused where no staff is listed",
       [](Setting& s) {
         s.revision.staff.clear();
         s.c.details.responsible_person = "an";
       },
       Unfit::kAccused, false},
      {"no staff is listed: skills bind nobody",
       [](Setting& s) {
         s.revision.staff.clear();
         s.revision.queues[0].skills = {"english"};
       },
       Unfit::kFits, true},
      {"another queue", [](Setting& s) { s.c.details.queue_id = "elsewhere"; }, Unfit::kNotOfQueue,
       false},
      {"no queue is everybody's", [](Setting& s) { s.c.details.queue_id = ""; }, Unfit::kFits,
       true},
      {"a skill is missing",
       [](Setting& s) {
         s.revision.queues[0].skills = {"english", "law"};
         s.revision.staff[0].skills = {"english"};
       },
       Unfit::kSkillMissing, false},
      {"all skills are there",
       [](Setting& s) {
         s.revision.queues[0].skills = {"english", "law"};
         s.revision.staff[0].skills = {"law", "chess", "english"};
       },
       Unfit::kFits, true},
      {"not listed, no skill asked for", [](Setting& s) { s.person = "guest"; }, Unfit::kFits,
       true},
      {"not listed, a skill asked for",
       [](Setting& s) {
         s.person = "guest";
         s.revision.queues[0].skills = {"english"};
       },
       Unfit::kSkillMissing, false},
      {"one below capacity",
       [](Setting& s) {
         s.revision.staff[0].capacity = 3;
         s.load.open_count = 2;
       },
       Unfit::kFits, true},
      {"at capacity: refused as a whole, not passed over",
       [](Setting& s) {
         s.revision.staff[0].capacity = 3;
         s.load.open_count = 3;
       },
       Unfit::kAtCapacity, true},
      {"above capacity",
       [](Setting& s) {
         s.revision.staff[0].capacity = 3;
         s.load.open_count = 9;
       },
       Unfit::kAtCapacity, true},
      {"away since now",
       [](Setting& s) {
         s.revision.staff[0].absences = {{s.now, s.now + days{1}, ""}};
       },
       Unfit::kAbsent, true},
      {"back since now",
       [](Setting& s) {
         s.revision.staff[0].absences = {{s.now - days{1}, s.now, ""}};
       },
       Unfit::kFits, true},
      {"away tomorrow, nothing promised",
       [](Setting& s) {
         s.revision.staff[0].absences = {{s.now + hours{20}, s.now + days{9}, ""}};
       },
       Unfit::kFits, true},
      {"away when the promise is due",
       [](Setting& s) {
         s.revision.staff[0].absences = {{s.now + hours{20}, s.now + days{9}, ""}};
         Promise(s.c, s.now + hours{21});
       },
       Unfit::kAbsent, false},
      {"away when a promise that is far is due",
       [](Setting& s) {
         s.revision.staff[0].absences = {{s.now + hours{20}, s.now + days{9}, ""}};
         Promise(s.c, s.now + hours{25});
       },
       Unfit::kFits, true},
      {"away now, back when the promise is due",
       [](Setting& s) {
         s.revision.staff[0].absences = {{s.now - days{1}, s.now + hours{2}, ""}};
         Promise(s.c, s.now + hours{3});
       },
       Unfit::kAbsent, false},
      {"away while a promise is overdue",
       [](Setting& s) {
         s.revision.staff[0].absences = {{s.now, s.now + hours{2}, ""}};
         Promise(s.c, s.now - days{3});
       },
       Unfit::kAbsent, false},
      {"in shift", [](Setting& s) { s.revision.staff[0].shifts = "office"; }, Unfit::kFits, true},
      {"a millisecond before the shift",
       [](Setting& s) {
         s.revision.staff[0].shifts = "office";
         s.now -= Duration{1};
       },
       Unfit::kOffShift, true},
      {"at its last millisecond",
       [](Setting& s) {
         s.revision.staff[0].shifts = "office";
         s.now += hours{8} - Duration{1};
       },
       Unfit::kFits, true},
      {"after it",
       [](Setting& s) {
         s.revision.staff[0].shifts = "office";
         s.now += hours{8};
       },
       Unfit::kOffShift, true},
      {"the weightiest is told",
       [](Setting& s) {
         s.c.details.responsible_person = "an";
         s.c.details.queue_id = "elsewhere";
         s.revision.staff[0].capacity = 1;
         s.load.open_count = 1;
       },
       Unfit::kAccused, false},
  };
  for (const FitnessRow& row : kRows) {
    Setting s;
    s.c.details.queue_id = "default";
    row.change(s);
    EXPECT_EQ(WhyUnfit(s.revision, s.c, s.person, s.load, s.now), row.expected) << row.name;
    EXPECT_EQ(MayClaim(s.revision, s.c, s.person, s.now), row.may_claim) << row.name;
  }
}

// ---- Choosing -----------------------------------------------------------------------------------

struct Hands {
  const char* who;
  int32_t open;
  std::optional<int> hours_ago;  // when they got the newest
};

TEST(RoutingTest, WhomTheSystemChooses) {
  const struct {
    const char* name;
    Routing routing;
    bool sticky;
    std::vector<Hands> loads;
    const char* earlier;
    const char* last_owner;
    const char* unfit;  // at capacity
    std::optional<RoutingChoice> expected;
  } kRows[] = {
      {"a pull queue chooses nobody", Routing::kPull, false, {}, "", "", "", std::nullopt},
      {"all alike: the first listed",
       Routing::kRoundRobin,
       false,
       {},
       "",
       "",
       "",
       RoutingChoice{"an", "routed"}},
      {"who never got one",
       Routing::kRoundRobin,
       false,
       {{"an", 0, 9}, {"bo", 1, 5}},
       "",
       "",
       "",
       RoutingChoice{"cy", "routed"}},
      {"who got one longest ago, however many",
       Routing::kRoundRobin,
       false,
       {{"an", 0, 2}, {"bo", 9, 5}, {"cy", 0, 3}},
       "",
       "",
       "",
       RoutingChoice{"bo", "routed"}},
      {"the same time: in the order of the list",
       Routing::kRoundRobin,
       false,
       {{"an", 0, 2}, {"bo", 0, 5}, {"cy", 0, 5}},
       "",
       "",
       "",
       RoutingChoice{"bo", "routed"}},
      {"the fewest open",
       Routing::kLeastLoaded,
       false,
       {{"an", 3, 9}, {"bo", 2, 1}, {"cy", 4, 9}},
       "",
       "",
       "",
       RoutingChoice{"bo", "routed"}},
      {"as few: who got one longest ago",
       Routing::kLeastLoaded,
       false,
       {{"an", 2, 1}, {"bo", 2, 4}, {"cy", 2, 3}},
       "",
       "",
       "",
       RoutingChoice{"bo", "routed"}},
      {"not who had it last",
       Routing::kLeastLoaded,
       false,
       {{"an", 0, 9}, {"bo", 3, 1}, {"cy", 4, 9}},
       "",
       "an",
       "",
       RoutingChoice{"bo", "routed"}},
      {"not who has enough",
       Routing::kRoundRobin,
       false,
       {},
       "",
       "",
       "an",
       RoutingChoice{"bo", "routed"}},
      {"who had the customer's case before",
       Routing::kRoundRobin,
       true,
       {{"cy", 9, 0}},
       "cy",
       "",
       "",
       RoutingChoice{"cy", "sticky"}},
      {"the same from a pull queue",
       Routing::kPull,
       true,
       {},
       "cy",
       "",
       "",
       RoutingChoice{"cy", "sticky"}},
      {"not if they have enough",
       Routing::kRoundRobin,
       true,
       {},
       "cy",
       "",
       "cy",
       RoutingChoice{"an", "routed"}},
      {"not if it came back from them", Routing::kPull, true, {}, "cy", "cy", "", std::nullopt},
      {"not if they are not listed", Routing::kPull, true, {}, "guest", "", "", std::nullopt},
      {"nobody had one", Routing::kPull, true, {}, "", "", "", std::nullopt},
      {"not where the queue is not sticky", Routing::kPull, false, {}, "cy", "", "", std::nullopt},
  };
  for (const auto& row : kRows) {
    Revision revision = Staffed({.routing = row.routing, .sticky = row.sticky});
    std::vector<StaffLoad> loads;
    for (const Hands& each : row.loads) {
      loads.push_back({each.who, each.open, std::nullopt});
      if (each.hours_ago) loads.back().last_given_at = kStart - hours{*each.hours_ago};
    }
    if (*row.unfit != '\0') {
      Staff(revision, row.unfit).capacity = 1;
      loads.push_back({row.unfit, 1, std::nullopt});
    }
    const LoadLookup load_of = [&](std::string_view person) {
      for (const StaffLoad& load : loads) {
        if (load.principal == person) return load;
      }
      return StaffLoad{std::string(person), 0, std::nullopt};
    };
    Case c;
    c.details.queue_id = "default";
    c.last_owner = row.last_owner;
    EXPECT_EQ(ChooseOwner(revision, c, load_of, row.earlier, kStart), row.expected) << row.name;
  }
  Case elsewhere;
  elsewhere.details.queue_id = "unlisted";
  EXPECT_EQ(ChooseOwner(Staffed({.routing = Routing::kRoundRobin}), elsewhere, {}, "", kStart),
            std::nullopt);
}

// Goal: both rules share out evenly, and round robin in turn. Method: a naive count beside it.
TEST(RoutingTest, CasesAreSharedOutEvenly) {
  for (const Routing routing : {Routing::kRoundRobin, Routing::kLeastLoaded}) {
    World world(Staffed({.routing = routing}));
    std::map<std::string, int> counts;
    std::string turns;
    for (int i = 0; i < 9; ++i) {
      world.now += minutes{1};
      const Case& c = world.cases.at(OpenedBy(world, "customer" + std::to_string(i)));
      ++counts[c.owner];
      turns += c.owner;
      EXPECT_EQ(c.status, "open") << "theirs, and not yet taken on";
    }
    EXPECT_EQ(turns, "anbocyanbocyanbocy");
    EXPECT_EQ(counts, (std::map<std::string, int>{{"an", 3}, {"bo", 3}, {"cy", 3}}));
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

TEST(RoutingTest, HistoryIsNobodysWork) {
  World world(
      Staffed({.routing = Routing::kRoundRobin, .return_after = hours{1}, .fallback = "an"}));
  ASSERT_TRUE(
      world.Do(Answer("a", 2, {.at = kStart - days{9}, .history = true, .external_id = "x"})));
  const Case& c = world.OnlyCase();
  EXPECT_EQ(c.owner, "");
  EXPECT_FALSE(IsClaimable(c));
  EXPECT_EQ(NextDue(c), std::nullopt);
  EXPECT_EQ(Claim(world, "an"), "NOTHING_TO_CLAIM");
}

TEST(RoutingTest, TheCustomersEarlierOwnerGetsTheNextCase) {
  World world(Staffed({.sticky = true}));
  const CaseId first = OpenedBy(world, "a");
  EXPECT_EQ(world.cases.at(first).owner, "");
  Do(world, first, Assign{"cy", {}});
  Do(world, first, Resolved(), "cy");
  Do(world, first, Close{});
  const CaseId second = OpenedBy(world, "a");
  ASSERT_NE(first, second);
  EXPECT_EQ(world.cases.at(second).owner, "cy");
  EXPECT_EQ(world.cases.at(OpenedBy(world, "b")).owner, "") << "nobody knows this one";
  // Who gave it back does not get it again.
  Do(world, second, Assign{}, "cy");
  EXPECT_EQ(world.cases.at(second).owner, "");
  EXPECT_EQ(world.cases.at(second).last_owner, "cy");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ---- Queues by name -----------------------------------------------------------------------------

TEST(RoutingTest, WhereQueuesAreListedCasesGoToThoseAlone) {
  World world(Staffed());
  const CaseId id = OpenedBy(world, "a");
  EXPECT_EQ(Do(world, id, Assign{"", "vpi"}), "QUEUE_UNKNOWN");
  EXPECT_EQ(Do(world, id, Dispatch{{}, "vpi", {}, {}}), "QUEUE_UNKNOWN");
  EXPECT_EQ(Do(world, id, Dispatch{{}, "vip", {}, {}}), "CaseDispatched");
  EXPECT_EQ(Do(world, id, Return{"wrong", {}, "vpi"}), "QUEUE_UNKNOWN");
  EXPECT_EQ(Do(world, id, Return{"wrong", {}, "vip"}), "CaseReturned");
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.details.queue_id = "vpi";
  const auto refused = world.Do(open);
  ASSERT_EQ(Outcome(refused), "QUEUE_UNKNOWN");
  EXPECT_EQ(refused.error().violations.empty()
                ? refused.error().metadata.at("allowed")
                : refused.error().violations[0].metadata.at("allowed"),
            "default, vip");
  open.history = true;
  open.opened_at = world.now - days{1};
  EXPECT_EQ(Outcome(world.Do(open)), "CaseOpened") << "of the past: it was so";
  World free;
  EXPECT_EQ(Do(free, OpenedBy(free, "a"), Assign{"", "anything"}), "CaseAssigned");
}

// ---- The accused --------------------------------------------------------------------------------

TEST(RoutingTest, NobodyGetsTheCaseThatIsAboutThemInAnyWay) {
  World world(Staffed({.routing = Routing::kRoundRobin}));
  for (StaffMember& member : world.revision.staff) {
    if (member.id != "an") member.queues = {"vip"};
  }
  OpenCase open;
  open.program_id = fixtures::kNps;
  open.details.responsible_person = "an";
  ASSERT_TRUE(world.Do(open));
  const CaseId id = world.OnlyCase().id;
  EXPECT_EQ(world.OnlyCase().owner, "") << "not by the system";
  EXPECT_EQ(Do(world, id, Assign{"an", {}}), "OWNER_IS_ACCUSED");
  EXPECT_EQ(Do(world, id, Dispatch{"an", {}, {}, {}}), "OWNER_IS_ACCUSED");
  EXPECT_EQ(Do(world, id, Accept{}, "an"), "OWNER_IS_ACCUSED");
  EXPECT_EQ(Claim(world, "an"), "NOTHING_TO_CLAIM");
  EXPECT_EQ(Do(world, id, Assign{"bo", {}}), "CaseAssigned") << "by hand anybody else may";
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(RoutingTest, WhoIsFoundAtFaultLosesTheCase) {
  World world(Staffed({.routing = Routing::kRoundRobin}));
  const CaseId id = OpenedBy(world, "a");
  ASSERT_EQ(world.cases.at(id).owner, "an");
  EXPECT_EQ(Do(world, id, Blames("an")), "FindingRecorded CaseReturned CaseAssigned");
  EXPECT_EQ(world.cases.at(id).owner, "bo");
  EXPECT_EQ(world.cases.at(id).return_count, 0) << "that counts people's returns";
  EXPECT_EQ(Do(world, id, Assign{"an", {}}), "OWNER_IS_ACCUSED");
  EXPECT_EQ(world.problems, kNoProblems);
}

struct JudgeRow {
  const char* name;
  std::function<void(World&, const CaseId&)> before;
  std::function<CaseVerb(const Case&)> verb;
};

// Whoever the complaint is about once could confirm that it is solved, tick off what the plan asks
// for, and rule that it is unfounded.
TEST(RoutingTest, WhoIsAccusedJudgesNothingOfTheCase) {
  const Evidence seen{"https://crm.example/call/1", {}};
  const JudgeRow kRows[] = {
      {"complete a task", [](World&, const CaseId&) {},
       [](const Case&) {
         return CompleteStep{"check", StepState::kDone, {}, {}};
       }},
      {"skip a task", [](World&, const CaseId&) {},
       [](const Case&) {
         return CompleteStep{"check", StepState::kSkipped, {}, {{}, "not needed"}};
       }},
      {"verify", [](World& world, const CaseId& id) { Do(world, id, Resolved(), "bo"); },
       [](const Case&) {
         return VerifyCase{{true, true, true, {}, {}, {}}};
       }},
      {"decide a ruling",
       [&](World& world, const CaseId& id) {
         Do(world, id, ProposeVerdict{VerdictKind::kUnfounded, {}, {seen}, {}});
       },
       [](const Case& c) {
         return DecideVerdict{c.verdicts.back().id, true, {}};
       }},
      {"decide the unit's appeal",
       [&](World& world, const CaseId& id) {
         FindLiability verb = Blames("an");
         verb.unit_id = "gd";
         Do(world, id, verb);
         Do(world, id, AppealLiability{{seen}, {{}, "not us"}}, "cy");
       },
       [](const Case&) {
         return DecideAppeal{true, {{}, "so it is"}};
       }},
  };
  for (const JudgeRow& row : kRows) {
    SCOPED_TRACE(row.name);
    Revision revision = Staffed();
    Playbook& plan = revision.playbooks.emplace_back();
    plan.id = "plan";
    plan.steps = {{.id = "check", .kind = StepKind::kTask, .owner = "an"}};
    World world(std::move(revision));
    ASSERT_TRUE(world.Do(Answer("a", 9)));  // a known customer, without a case
    OpenCase open;
    open.program_id = fixtures::kNps;
    open.customer_id = world.FindCustomer("a")->id;
    open.details.responsible_person = "an";
    ASSERT_TRUE(world.Do(open));
    const CaseId id = world.OnlyCase().id;
    ASSERT_EQ(world.OnlyCase().steps.size(), 1U);
    EXPECT_EQ(world.OnlyCase().steps[0].owner, "") << "nor is the task theirs";
    ASSERT_EQ(Do(world, id, Assign{"bo", {}}), "CaseAssigned");
    row.before(world, id);
    const Case before = world.OnlyCase();
    EXPECT_EQ(Do(world, id, row.verb(before), "an"), "OWNER_IS_ACCUSED");
    EXPECT_EQ(world.OnlyCase(), before);
    world.actor = "he.xin";
    EXPECT_TRUE(world.Do(On(before, row.verb(before))));
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

// ---- Claiming -----------------------------------------------------------------------------------

TEST(RoutingTest, AClaimPassesOverWhatItsCallerMayNotHave) {
  Revision revision = Staffed();
  revision.queues.push_back({.id = "law", .skills = {"law"}});
  Staff(revision, "bo").queues = {"law"};
  Staff(revision, "cy").queues = {"default", "law"};
  Staff(revision, "cy").skills = {"law"};
  World world(revision);
  const CaseId law = OpenedBy(world, "a");
  Do(world, law, Assign{"", "law"});
  const CaseId plain = OpenedBy(world, "b");
  EXPECT_EQ(Claim(world, "bo"), "NOTHING_TO_CLAIM") << "of the queue, without the skill";
  EXPECT_EQ(Claim(world, "guest", "law"), "NOTHING_TO_CLAIM");
  EXPECT_EQ(Claim(world, "guest"), "CaseAssigned");
  EXPECT_EQ(world.cases.at(plain).owner, "guest");
  EXPECT_EQ(Claim(world, "cy"), "CaseAssigned");
  EXPECT_EQ(world.cases.at(law).owner, "cy");
}

TEST(RoutingTest, AtCapacityNothingIsClaimed) {
  Revision revision = Staffed();
  Staff(revision, "an").capacity = 2;
  World world(revision);
  std::vector<CaseId> ids;
  for (const char* customer : {"a", "b", "c", "d"}) ids.push_back(OpenedBy(world, customer));
  EXPECT_EQ(Claim(world, "an"), "CaseAssigned");
  EXPECT_EQ(Claim(world, "an"), "CaseAssigned");
  world.actor = "an";
  const auto refused = world.Do(ClaimNext{});
  ASSERT_EQ(Outcome(refused), "CAPACITY_REACHED");
  EXPECT_EQ(refused.error().metadata,
            (std::map<std::string, std::string>{{"capacity", "2"}, {"open", "2"}}));
  EXPECT_EQ(Do(world, ids[2], Assign{"an", {}}), "CaseAssigned") << "by hand";
  EXPECT_EQ(Claim(world, "guest"), "CaseAssigned") << "others may";
  Do(world, ids[0], Resolved(), "an");
  EXPECT_EQ(Claim(world, "an"), "CAPACITY_REACHED") << "still two";
  Do(world, ids[1], Resolved(), "an");
  ASSERT_EQ(world.cases.at(OpenedBy(world, "e")).owner, "");
  EXPECT_EQ(Claim(world, "an"), "CaseAssigned");
}

// ---- Claim order --------------------------------------------------------------------------------

// What ClaimOrder promises, written down again without tuples.
bool ComesFirst(const Case& a, const Case& b, Timestamp now) {
  const auto near = [&](const Case& c) {
    Timestamp first = Timestamp::max();
    for (const Commitment& each : c.commitments) {
      if (each.state == CommitmentState::kPending && each.due_at - now <= hours{24}) {
        first = std::min(first, each.due_at);
      }
    }
    return first;
  };
  if (near(a) != near(b)) return near(a) < near(b);
  const auto rank = [](const Case& c) { return c.priority_rank == 0 ? 5'000 : c.priority_rank; };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  if (a.severity != b.severity) return a.severity > b.severity;
  const int64_t risk = a.details.value_at_risk.amount_minor - b.details.value_at_risk.amount_minor;
  if (risk != 0) return risk > 0;
  const auto due = [](const Case& c) {
    Timestamp first = Timestamp::max();
    for (const CaseClock& clock : c.clocks) {
      if (clock.state == ClockState::kRunning && clock.kind != ClockKind::kResurvey) {
        first = std::min(first, *clock.due_at);
      }
    }
    return first;
  };
  if (due(a) != due(b)) return due(a) < due(b);
  return a.number < b.number;
}

TEST(ClaimOrderTest, IsThatOfItsPromiseOnRandomCases) {
  std::mt19937_64 random(11);
  std::vector<Case> cases;
  for (int64_t i = 1; i <= 200; ++i) {
    Case& c = cases.emplace_back();
    c.number = i;
    c.priority_rank = static_cast<int32_t>(random() % 3);
    c.severity = static_cast<int32_t>(random() % 2) + 1;
    if (random() % 2 == 0) c.details.value_at_risk = {static_cast<int64_t>(random() % 2), "CNY"};
    for (auto n = random() % 3; n > 0; --n) {
      Promise(c, kStart + hours{static_cast<int>(random() % 60) - 20});
      if (random() % 3 == 0) c.commitments.back().state = CommitmentState::kKept;
    }
    for (auto n = random() % 3; n > 0; --n) {
      CaseClock& clock = c.clocks.emplace_back();
      clock.kind = random() % 4 == 0 ? ClockKind::kResurvey : ClockKind::kRemedy;
      clock.due_at = kStart + hours{static_cast<int>(random() % 4) - 2};
      if (random() % 4 == 0) clock.state = ClockState::kMet;
    }
  }
  for (const Timestamp now : {kStart - days{1}, kStart, kStart + hours{7}, kStart + days{9}}) {
    for (const Case& a : cases) {
      for (const Case& b : cases) {
        ASSERT_EQ(ClaimOrder(a, now) < ClaimOrder(b, now), ComesFirst(a, b, now))
            << a.number << " and " << b.number;
      }
    }
  }
}

TEST(ClaimOrderTest, TheRankSaysWhatTheOrderGoesBy) {
  Case c;
  c.priority = "high";
  c.priority_rank = 2;
  c.severity = 4;
  c.details.value_at_risk = {120'000, "CNY"};
  CaseClock& clock = c.clocks.emplace_back();
  clock.kind = ClockKind::kFirstContact;
  clock.due_at = kStart + hours{7};
  Promise(c, kStart + hours{24});
  ClaimRank expected{kStart + hours{24},      "high", 2, 4, {120'000, "CNY"}, kStart + hours{7},
                     ClockKind::kFirstContact};
  EXPECT_EQ(RankOf(c, kStart), expected);
  expected.promise_due_at.reset();
  EXPECT_EQ(RankOf(c, kStart - Duration{1}), expected) << "it is not near yet";
  EXPECT_EQ(RankOf(Case{}, kStart).priority_rank, kNoPriorityRank);
}

// ---- Leases -------------------------------------------------------------------------------------

TEST(LeaseTest, WhoWasGivenACaseAndWhoTookIt) {
  const struct {
    const char* name;
    std::function<std::string(World&, const CaseId&)> give;
    bool leased;
  } kRows[] = {
      {"claimed", [](World& w, const CaseId&) { return Claim(w, "an"); }, true},
      {"assigned by somebody else",
       [](World& w, const CaseId& id) {
         return Do(w, id, Assign{"an", {}});
       },
       true},
      {"dispatched",
       [](World& w, const CaseId& id) {
         return Do(w, id, Dispatch{"an", {}, {}, {}});
       },
       true},
      {"assigned to oneself",
       [](World& w, const CaseId& id) {
         return Do(w, id, Assign{"an", {}}, "an");
       },
       false},
      {"accepted", [](World& w, const CaseId& id) { return Do(w, id, Accept{}, "an"); }, false},
      {"dispatched to a queue",
       [](World& w, const CaseId& id) {
         return Do(w, id, Dispatch{{}, "vip", {}, {}});
       },
       false},
  };
  for (const auto& row : kRows) {
    World world(Staffed({.lease = minutes{30}}));
    const CaseId id = OpenedBy(world, "a");
    row.give(world, id);
    const Case& c = world.cases.at(id);
    EXPECT_EQ(Pending(c, TimerKind::kReturn),
              row.leased ? std::optional(world.now + minutes{30}) : std::nullopt)
        << row.name;
    EXPECT_EQ(c.lease_number, c.owner.empty() ? 0 : 1) << row.name;
    EXPECT_EQ(world.problems, kNoProblems) << row.name;
  }
}

TEST(LeaseTest, AnyWorkOfTheOwnerIsTheTouchAndPassingItOnIsNone) {
  const std::pair<const char*, std::pair<CaseVerb, TimerState>> kRows[] = {
      {"accept", {Assign{"an", {}}, TimerState::kPending}},
      {"attempt", {OutboundAttempt(AttemptOutcome::kNoAnswer), TimerState::kMet}},
      {"promise", {PromiseOf(kStart + days{9}), TimerState::kMet}},
      {"pause", {PauseCase{"waits", {}}, TimerState::kMet}},
      {"resolve", {Resolved(), TimerState::kMet}},
      {"escalate", {EscalateCase{}, TimerState::kMet}},
      {"dispatch", {Dispatch{"bo", {}, {}, {}}, TimerState::kPending}},
      {"return", {Return{"wrong", {}, {}}, TimerState::kCancelled}},
  };
  for (const auto& [name, row] : kRows) {
    World world(Staffed({.lease = minutes{30}}));
    const CaseId id = OpenedBy(world, "a");
    Claim(world, "an");
    Do(world, id, row.first, "an");
    EXPECT_EQ(LastState(world.cases.at(id), TimerKind::kReturn), row.second) << name;
    EXPECT_EQ(world.problems, kNoProblems) << name;
  }
  World world(Staffed({.lease = minutes{30}}));
  const CaseId id = OpenedBy(world, "a");
  Claim(world, "an");
  Do(world, id, OutboundAttempt(AttemptOutcome::kNoAnswer), "bo");
  EXPECT_EQ(LastState(world.cases.at(id), TimerKind::kReturn), TimerState::kPending)
      << "others' work is not the owner's";
}

TEST(LeaseTest, WhatIsLeftUntouchedGoesBackAndToSomebodyElse) {
  World world(Staffed({.lease = minutes{30}}));
  const CaseId id = OpenedBy(world, "a");
  Claim(world, "an");
  EXPECT_EQ(Ring(world, id, kStart + minutes{30} - Duration{1}), "");
  EXPECT_EQ(Ring(world, id, kStart + minutes{30}), "TimerEnded CaseReturned");
  const Case& c = world.cases.at(id);
  EXPECT_EQ(c.owner, "");
  EXPECT_EQ(c.last_owner, "an");
  EXPECT_EQ(c.lease_number, 2);
  EXPECT_EQ(c.return_count, 0);
  EXPECT_EQ(c.status, "open");
  EXPECT_EQ(Claim(world, "an"), "CaseAssigned TimerSet") << "by their own wish they may";
  EXPECT_EQ(c.lease_number, 3);

  World pushed(Staffed({.routing = Routing::kRoundRobin, .lease = minutes{30}}));
  const CaseId given = OpenedBy(pushed, "a");
  ASSERT_EQ(pushed.cases.at(given).owner, "an");
  EXPECT_EQ(Ring(pushed, given, kStart + minutes{30}),
            "TimerEnded CaseReturned CaseAssigned TimerSet");
  EXPECT_EQ(pushed.cases.at(given).owner, "bo");
  EXPECT_EQ(Ring(pushed, given, kStart + hours{1}),
            "TimerEnded CaseReturned CaseAssigned TimerSet");
  EXPECT_EQ(pushed.problems, kNoProblems);
}

// Goal: of two who believe to own a case one is refused, and nothing of what they do is kept.
TEST(LeaseTest, AStaleLeaseChangesNothing) {
  World world(Staffed({.lease = minutes{30}}));
  const CaseId id = OpenedBy(world, "a");
  Claim(world, "an");
  WorkCase late = On(world.cases.at(id), OutboundAttempt(AttemptOutcome::kReached));
  late.expected_lease = world.cases.at(id).lease_number;
  Ring(world, id, kStart + minutes{30});
  Claim(world, "bo");
  const Case before = world.cases.at(id);
  world.actor = "an";
  const auto refused = world.Do(late);
  ASSERT_EQ(Outcome(refused), "LEASE_LOST");
  EXPECT_EQ(refused.error().metadata,
            (std::map<std::string, std::string>{{"case", CaseNumberText(before.number)},
                                                {"lease", "1"},
                                                {"current", "3"},
                                                {"owner", "bo"}}));
  EXPECT_EQ(world.cases.at(id), before);
  late.expected_lease = 3;
  EXPECT_NE(Outcome(world.Do(late)), "LEASE_LOST");
}

// A first contact that is not made within twenty minutes goes to the queue "vip".
Revision Impatient(QueueDef queue) {
  Revision revision = Staffed(std::move(queue));
  revision.clocks = {{.id = "first",
                      .kind = ClockKind::kFirstContact,
                      .limit = {Count::kWall, Duration{minutes{20}}.count()},
                      .tiers = {{"breach", {}, {TierAction::kReassign}, {}, "vip"}}}};
  return revision;
}

// Goal: what is due is on record before a verb, whether or not the bell has rung; so a lease that
// ends by it was over before the verb came. Method: each verb a moment before and after the tier.
TEST(LeaseTest, ATierThatIsDueTakesTheCaseBeforeTheVerbOfAStaleLease) {
  const std::pair<const char*, CaseVerb> kVerbs[] = {
      {"attempt", OutboundAttempt(AttemptOutcome::kReached)},
      {"promise", PromiseOf(kStart + days{9})},
      {"pause", PauseCase{"waits", {}}},
      {"resolve", Resolved()},
      {"dispatch", Dispatch{"bo", {}, {}, {}}},
  };
  for (const auto& [name, verb] : kVerbs) {
    for (const bool due : {false, true}) {
      SCOPED_TRACE(std::string(name) + (due ? ", due" : ", not yet due"));
      World world(Impatient({.lease = hours{1}}));
      const CaseId id = OpenedBy(world, "a");
      Claim(world, "an");
      WorkCase work = On(world.cases.at(id), verb);
      work.expected_lease = 1;
      const Case before = world.cases.at(id);
      ASSERT_EQ(before.lease_number, 1);
      // What is due at that very millisecond was still in time.
      world.now = kStart + minutes{20} + (due ? Duration{1} : Duration{0});
      const auto result = world.Do(work);
      ASSERT_EQ(Outcome(result) == "LEASE_LOST", due) << Outcome(result);
      if (due) {
        EXPECT_EQ(result.error().metadata,
                  (std::map<std::string, std::string>{{"case", CaseNumberText(before.number)},
                                                      {"lease", "1"},
                                                      {"current", "2"},
                                                      {"owner", ""}}));
        EXPECT_EQ(world.cases.at(id), before) << "the tier waits for the bell, or for a verb";
        Ring(world, id, world.now);
        work.expected_lease = 2;
        EXPECT_NE(Outcome(world.Do(work)), "LEASE_LOST") << "who has read it again";
      }
      EXPECT_EQ(world.problems, kNoProblems);
    }
  }
}

TEST(LeaseTest, WhatIsAboutToMoveIsNotClaimedFromWhereItWas) {
  World world(Impatient({.lease = hours{1}}));
  const CaseId id = OpenedBy(world, "a");
  world.now = kStart + minutes{20} + Duration{1};
  const Case before = world.cases.at(id);
  EXPECT_EQ(Claim(world, "an", "default"), "NOTHING_TO_CLAIM");
  EXPECT_EQ(world.cases.at(id), before);
  Ring(world, id, world.now);
  EXPECT_EQ(world.cases.at(id).details.queue_id, "vip");
  EXPECT_EQ(Claim(world, "an", "default"), "NOTHING_TO_CLAIM");
  EXPECT_EQ(Claim(world, "an", "vip"), "CaseAssigned");
  EXPECT_EQ(world.problems, kNoProblems);
}

// ---- Waiting ------------------------------------------------------------------------------------

TEST(ReturnTest, WhatNobodyTakesIsTheFallbacks) {
  World world(Staffed({.return_after = hours{4}, .fallback = "chief"}));
  const CaseId id = OpenedBy(world, "a");
  EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kReturn), kStart + hours{4});
  world.now += hours{1};
  Do(world, id, Assign{"an", {}});
  EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kReturn), std::nullopt);
  Do(world, id, Assign{});
  EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kReturn), kStart + hours{5}) << "waits anew";
  EXPECT_EQ(Ring(world, id, kStart + hours{5}), "TimerEnded CaseAssigned");
  EXPECT_EQ(world.cases.at(id).owner, "chief");
  EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kReturn), std::nullopt) << "it is theirs";
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(ReturnTest, WhereTheFallbackIsAccusedTheManagerGetsItOrItWaitsOn) {
  for (const char* manager : {"boss", "chief", ""}) {
    Revision revision = Staffed({.return_after = hours{4}, .fallback = "chief"});
    revision.org_units = {{"gd", "Guangdong", "广东", manager}};
    World world(revision);
    OpenCase open;
    open.program_id = fixtures::kNps;
    open.details.org_unit_id = "gd";
    open.details.responsible_person = "chief";
    ASSERT_TRUE(world.Do(open));
    const CaseId id = world.OnlyCase().id;
    const bool helps = std::string_view(manager) == "boss";
    const std::string expected =
        helps ? "TimerEnded CaseAssigned" : "TimerEnded CaseReturned TimerSet";
    EXPECT_EQ(Ring(world, id, kStart + hours{4}), expected) << manager;
    EXPECT_EQ(world.OnlyCase().owner, helps ? "boss" : "") << manager;
    EXPECT_EQ(world.problems, kNoProblems);
  }
}

// Goal: nobody fits as the case opens, somebody does when it has waited.
TEST(ReturnTest, WhoComesOnShiftGetsItBeforeTheFallback) {
  Revision revision =
      Staffed({.routing = Routing::kRoundRobin, .return_after = hours{4}, .fallback = "chief"});
  for (StaffMember& member : revision.staff) member.shifts = "office";
  World world(revision);
  world.now = kStart - hours{3};
  const CaseId id = OpenedBy(world, "a");
  EXPECT_EQ(world.cases.at(id).owner, "");
  EXPECT_EQ(Ring(world, id, kStart + hours{1}), "TimerEnded CaseAssigned");
  EXPECT_EQ(world.cases.at(id).owner, "an");
}

// Goal: whoever comes to work is given what waits for them, without any other command.
TEST(OfferTest, WhoComesToWorkGetsWhatWaits) {
  const struct {
    const char* name;
    std::function<void(Revision&)> set;
    std::optional<Duration> due;  // after kStart - 3 h, Monday at 06:00
    const char* owner;
  } kRows[] = {
      {"a shift begins",
       [](Revision& r) {
         for (StaffMember& member : r.staff) member.shifts = "office";
       },
       hours{3}, "an"},
      {"an absence ends",
       [](Revision& r) {
         for (StaffMember& member : r.staff) {
           member.absences = {{kStart - days{2}, kStart + hours{40}, {}}};
         }
         Staff(r, "bo").absences[0].until = kStart - hours{1};
       },
       hours{2}, "bo"},
      {"an absence ends within a shift's pause",
       [](Revision& r) {
         for (StaffMember& member : r.staff) {
           member.shifts = "office";
           member.absences = {{kStart - days{2}, kStart + hours{9}, {}}};
         }
       },
       hours{27}, "an"},
      {"two absences, one after the other",
       [](Revision& r) {
         for (StaffMember& member : r.staff) {
           member.absences = {{kStart - days{2}, kStart, {}}, {kStart, kStart + hours{1}, {}}};
         }
       },
       hours{4}, "an"},
      {"whoever comes is not of the queue",
       [](Revision& r) {
         for (StaffMember& member : r.staff) member.queues = {"vip"};
         Staff(r, "cy").shifts = "office";
       },
       std::nullopt, ""},
  };
  for (const auto& row : kRows) {
    Revision revision = Staffed({.routing = Routing::kLeastLoaded});
    row.set(revision);
    World world(revision);
    world.now = kStart - hours{3};
    const CaseId id = OpenedBy(world, "a");
    ASSERT_EQ(world.cases.at(id).owner, "") << row.name;
    const auto due = Pending(world.cases.at(id), TimerKind::kOffer);
    EXPECT_EQ(due, row.due ? std::optional(kStart - hours{3} + *row.due) : std::nullopt)
        << row.name;
    if (!due) continue;
    EXPECT_NE(Ring(world, id, *due).find("CaseAssigned"), std::string::npos) << row.name;
    EXPECT_EQ(world.cases.at(id).owner, row.owner) << row.name;
    EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kOffer), std::nullopt) << row.name;
    EXPECT_EQ(world.problems, kNoProblems) << row.name;
  }
}

// Goal: what waits because all have enough to do goes to the first who has room.
TEST(OfferTest, RoomThatIsMadeIsTaken) {
  const std::pair<const char*, CaseVerb> kRows[] = {
      {"resolved", Resolved()},
      {"returned", Return{"wrong", {}, "vip"}},
      {"given to somebody else", Assign{"guest", {}}},
      {"withdrawn", WithdrawCase{}},
  };
  for (const auto& [name, verb] : kRows) {
    Revision revision = Staffed({.routing = Routing::kRoundRobin});
    for (StaffMember& member : revision.staff) member.capacity = 1;
    World world(revision);
    std::vector<CaseId> ids;
    for (const char* customer : {"a", "b", "c", "d", "e"}) {
      ids.push_back(OpenedBy(world, customer));
      world.now += minutes{1};
    }
    ASSERT_EQ(world.cases.at(ids[1]).owner, "bo") << name;
    ASSERT_EQ(world.cases.at(ids[3]).owner, "") << name;
    Do(world, ids[3], OutboundAttempt(AttemptOutcome::kNoAnswer), "guest");
    ASSERT_EQ(world.cases.at(ids[3]).owner, "") << name << ": nobody has room";
    Do(world, ids[1], OutboundAttempt(AttemptOutcome::kNoAnswer), "bo");
    ASSERT_EQ(world.cases.at(ids[3]).owner, "") << name << ": work alone makes none";
    Do(world, ids[1], verb, "bo");
    EXPECT_EQ(world.cases.at(ids[3]).owner, "bo") << name;
    EXPECT_EQ(world.cases.at(ids[4]).owner, "") << name << ": one for one";
    EXPECT_EQ(world.problems, kNoProblems) << name;
  }
}

// Goal: whoever lets cases slip away is not given every next one for it.
TEST(OfferTest, WhatWentBackCountsAsGiven) {
  World world(Staffed({.routing = Routing::kRoundRobin, .lease = minutes{30}}));
  const CaseId first = OpenedBy(world, "a");
  ASSERT_EQ(world.cases.at(first).owner, "an");
  Ring(world, first, kStart + minutes{30});
  ASSERT_EQ(world.cases.at(first).owner, "bo");
  EXPECT_EQ(world.cases.at(OpenedBy(world, "b")).owner, "cy");
  world.now += minutes{1};
  EXPECT_EQ(world.cases.at(OpenedBy(world, "c")).owner, "an");
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(ReturnTest, WhatNeedsNobodyHasNoTimer) {
  World world(Staffed({.lease = minutes{30}, .return_after = hours{4}, .fallback = "chief"}));
  const CaseId id = OpenedBy(world, "a");
  Do(world, id, Resolved());
  EXPECT_EQ(LastState(world.cases.at(id), TimerKind::kReturn), TimerState::kCancelled);
  Do(world, id, Reopen{});
  EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kReturn), world.now + hours{4});
  Do(world, id, Close{});
  Do(world, id, WithdrawCase{});
  EXPECT_EQ(world.problems, kNoProblems);
  EXPECT_EQ(world.cases.at(id).phase, Phase::kClosed);
}

// Another revision with other rules is in force at once, for cases that follow the older one too.
TEST(ReturnTest, TodaysRulesHoldForEveryCase) {
  World world(Staffed({.return_after = hours{4}, .fallback = "chief"}));
  const CaseId id = OpenedBy(world, "a");
  Revision next = Staffed({.return_after = hours{4}, .fallback = "other"});
  next.number = 8;
  world.PutInForce(next);
  Ring(world, id, kStart + hours{4});
  EXPECT_EQ(world.cases.at(id).owner, "other");
  EXPECT_EQ(world.cases.at(id).revision, 7);
}

// ---- Promises -----------------------------------------------------------------------------------

TEST(HandOverTest, APromiseDoesNotWaitForWhoIsAway) {
  const struct {
    const char* name;
    Absence absence;  // relative to kStart, by hours in from and until
    Duration due;
    std::optional<Duration> looked_at;  // when the timer rings; nullopt: none is set
    const char* owner;                  // after all
  } kRows[] = {
      {"away at the due time: to the deputy, a day before",
       {kStart + days{2}, kStart + days{5}, "bo"},
       days{3},
       days{2},
       "bo"},
      {"away a day before, back at the due time: too",
       {kStart + hours{47}, kStart + hours{50}, "bo"},
       days{3},
       days{2},
       "bo"},
      {"away in between", {kStart + hours{60}, kStart + hours{62}, "bo"}, days{3}, days{2}, "bo"},
      {"back before it is near",
       {kStart + days{1}, kStart + days{2}, "bo"},
       days{3},
       days{2},
       "an"},
      {"away after it is due", {kStart + days{4}, kStart + days{9}, "bo"}, days{3}, days{2}, "an"},
      {"no deputy: back to the queue",
       {kStart + days{2}, kStart + days{5}, ""},
       days{3},
       days{2},
       ""},
      {"due within a day, away then: at once",
       {kStart + hours{5}, kStart + days{5}, "bo"},
       hours{6},
       std::nullopt,
       "bo"},
      {"the deputy is away, too", {kStart + days{2}, kStart + days{5}, "cy"}, days{3}, days{2}, ""},
      {"a deputy who is not listed",
       {kStart + days{2}, kStart + days{5}, "guest"},
       days{3},
       days{2},
       "guest"},
  };
  for (const auto& row : kRows) {
    Revision revision = Staffed();
    Staff(revision, "an").absences = {row.absence};
    Staff(revision, "cy").absences = {{kStart + hours{1}, kStart + days{9}, ""}};
    World world(revision);
    const CaseId id = OpenedBy(world, "a");
    Do(world, id, Assign{"an", {}});
    Do(world, id, PromiseOf(kStart + row.due), "an");
    if (row.looked_at) {
      EXPECT_EQ(world.cases.at(id).owner, "an") << row.name;
      EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kHandOver), kStart + *row.looked_at)
          << row.name;
    }
    // Whatever timers there are ring in time, up to the due time.
    for (auto due = NextDue(world.cases.at(id)); due && *due < kStart + row.due;
         due = NextDue(world.cases.at(id))) {
      Ring(world, id, *due);
    }
    EXPECT_EQ(world.cases.at(id).owner, row.owner) << row.name;
    EXPECT_EQ(world.problems, kNoProblems) << row.name;
  }
}

TEST(HandOverTest, TheQueueBringsItUpFirstAndNotToWhoIsAway) {
  Revision revision = Staffed({.routing = Routing::kLeastLoaded});
  Staff(revision, "an").absences = {{kStart + days{2}, kStart + days{5}, ""}};
  Staff(revision, "bo").absences = {{kStart + hours{71}, kStart + days{5}, ""}};
  World world(revision);
  const CaseId id = OpenedBy(world, "a");
  ASSERT_EQ(world.cases.at(id).owner, "an");
  Do(world, id, PromiseOf(kStart + days{3}), "an");
  Ring(world, id, kStart + days{2});
  EXPECT_EQ(world.cases.at(id).owner, "cy") << "bo is there now, and not when it is due";
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(HandOverTest, WhatIsNotPromisedWaitsForItsOwner) {
  Revision revision = Staffed();
  Staff(revision, "an").absences = {{kStart, kStart + days{5}, "bo"}};
  World world(revision);
  const CaseId id = OpenedBy(world, "a");
  Do(world, id, Assign{"an", {}});
  EXPECT_EQ(world.cases.at(id).owner, "an");
  EXPECT_EQ(Pending(world.cases.at(id), TimerKind::kHandOver), std::nullopt);
}

TEST(HandOverTest, AnAbsenceThatIsEnteredLateIsSeenAtTheNextTier) {
  World world(Staffed());
  const CaseId id = OpenedBy(world, "a");
  Do(world, id, Assign{"an", {}});
  Do(world, id, PromiseOf(kStart + days{3}), "an");
  Ring(world, id, kStart + days{2});
  ASSERT_EQ(world.cases.at(id).owner, "an");
  Revision next = Staffed();
  Staff(next, "an").absences = {{kStart + days{2}, kStart + days{9}, "cy"}};
  next.number = 8;
  world.PutInForce(next);
  const std::string happened = Ring(world, id, kStart + days{3});
  EXPECT_EQ(world.cases.at(id).owner, "cy") << happened;
  EXPECT_EQ(world.problems, kNoProblems);
}

TEST(HandOverTest, WhoActsForTheAbsentIsToldWithThem) {
  Revision revision = Staffed();
  revision.clocks = {{.id = "first",
                      .kind = ClockKind::kFirstContact,
                      .limit = {Count::kWall, Duration{hours{2}}.count()},
                      .tiers = {{"breach", {}, {TierAction::kNotify}, {"owner"}, {}}}}};
  Staff(revision, "an").absences = {{kStart + hours{1}, kStart + days{5}, "bo"}};
  World world(revision);
  const CaseId id = OpenedBy(world, "a");
  Do(world, id, Assign{"an", {}});
  Ring(world, id, kStart + hours{2});
  for (const Event& event : world.log) {
    if (const auto* crossed = std::get_if<TierCrossed>(&event.body)) {
      EXPECT_EQ(crossed->notify, (std::vector<std::string>{"an", "bo"}));
    }
  }
}

// ---- All together -------------------------------------------------------------------------------

// Goal: whatever people, timers and absences do, the world's invariants hold (CheckRouted): one
// owner at a time, never the accused, no promise with whoever is away, nothing waits without end.
// The log folds to the same.
TEST(RoutingModelTest, InvariantsHoldThroughRandomDays) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    std::mt19937_64 random(seed);
    const auto upto = [&](uint64_t n) { return static_cast<size_t>(random() % n); };
    QueueDef queue{.routing = static_cast<Routing>(upto(3)),
                   .sticky = upto(2) == 0,
                   .lease = minutes{30},
                   .return_after = hours{2},
                   .fallback = "chief"};
    Revision revision = Staffed(queue);
    const char* people[] = {"an", "bo", "cy", "guest"};
    for (StaffMember& member : revision.staff) {
      if (upto(2) == 0) member.shifts = "office";
      if (upto(2) == 0) member.capacity = 3;
      for (int i = 0; i < 3; ++i) {
        const Timestamp from = kStart + hours{static_cast<int>(upto(300))};
        member.absences.push_back({from, from + hours{static_cast<int>(upto(60)) + 1},
                                   upto(2) == 0 ? "" : people[upto(4)]});
      }
    }
    World world(revision, seed);
    std::vector<CaseId> ids;
    for (int step = 0; step < 400; ++step) {
      world.now += minutes{static_cast<int>(upto(90))};
      // The bell is in time.
      for (const CaseId& id : ids) {
        const auto due = NextDue(world.cases.at(id));
        if (due && *due <= world.now) {
          ASSERT_NE(Do(world, id, FireTimers{}, "system"), "");
        }
      }
      const std::string who = people[upto(4)];
      if (ids.empty() || upto(5) == 0) {
        ids.push_back(OpenedBy(world, "c" + std::to_string(upto(12))));
        if (ids.back().empty() ||
            std::find(ids.begin(), ids.end() - 1, ids.back()) != ids.end() - 1) {
          ids.pop_back();
        }
        continue;
      }
      const CaseId id = ids[upto(ids.size())];
      switch (upto(10)) {
        case 0:
        case 1: Claim(world, who); break;
        case 2: Do(world, id, Assign{who, {}}); break;
        case 3: Do(world, id, Accept{}, who); break;
        case 4: Do(world, id, OutboundAttempt(AttemptOutcome::kReached), who); break;
        case 5:
          Do(world, id, PromiseOf(world.now + hours{static_cast<int>(upto(70)) + 1}), who);
          break;
        case 6: Do(world, id, Return{"wrong", {}, {}}, who); break;
        case 7: Do(world, id, Resolved(), who); break;
        case 8: Do(world, id, Reopen{}); break;
        default:
          if (upto(4) == 0) Do(world, id, Blames(people[upto(3)]));
      }
      ASSERT_EQ(world.problems, kNoProblems) << "seed " << seed << " step " << step;
    }
    EXPECT_EQ(world.Replayed().cases, world.cases) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rebound
