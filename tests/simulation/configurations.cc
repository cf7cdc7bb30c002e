#include "tests/simulation/configurations.h"

#include <algorithm>
#include <utility>

#include "workflows/blacklist_rules.h"
#include "workflows/check.h"

namespace rebound::simulation {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

constexpr int64_t Ms(Duration d) { return d.count(); }

LocalDay Date(int year, unsigned month, unsigned day) {
  return LocalDay{std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)};
}

// ---- Calendars

Zone Fixed(std::string name, Duration offset) { return {std::move(name), offset, {}}; }

// As central Europe: an hour forward at 01:00 UTC on the last Sunday of March, back in October.
Zone CentralEurope() {
  Zone zone{"Central", hours{1}, {}};
  for (int year = 2026; year < 2030; ++year) {
    for (const auto& [month, offset] : {std::pair(3U, hours{2}), std::pair(10U, hours{1})}) {
      const std::chrono::sys_days sunday{std::chrono::year(year) / std::chrono::month(month) /
                                         std::chrono::Sunday[std::chrono::last]};
      zone.changes.push_back({Timestamp{sunday} + hours{1}, offset});
    }
  }
  return zone;
}

Calendar Office(int32_t version) {
  Calendar calendar;
  calendar.id = "office";
  calendar.version = version;
  calendar.zone = Fixed("East", hours{8});
  const std::vector<WorkInterval> day = {{540, 720}, {810, 1080}};
  for (size_t i = 0; i < 5; ++i) calendar.week[i] = day;
  for (unsigned d = 16; d <= 22; ++d) calendar.days.push_back({Date(2026, 2, d), {}, "Holiday"});
  calendar.days.push_back({Date(2026, 2, 28), day, "Make-up workday"});
  if (version > 1) {
    for (unsigned d = 1; d <= 5; ++d) calendar.days.push_back({Date(2026, 5, d), {}, "Holiday"});
    calendar.days.push_back({Date(2026, 5, 9), day, "Make-up workday"});
  }
  for (unsigned d = 1; d <= 7; ++d) calendar.days.push_back({Date(2026, 10, d), {}, "Holiday"});
  calendar.days.push_back({Date(2026, 10, 10), day, "Make-up workday"});
  return calendar;
}

// The office moved: another zone, longer days.
Calendar OfficeAbroad() {
  Calendar calendar;
  calendar.id = "office";
  calendar.version = 3;
  calendar.zone = CentralEurope();
  for (size_t i = 0; i < 6; ++i) calendar.week[i] = {{480, 1020}};
  calendar.days.push_back({Date(2026, 12, 25), {}, "Christmas"});
  return calendar;
}

Calendar Nights() {
  Calendar calendar;
  calendar.id = "nights";
  calendar.zone = CentralEurope();
  for (auto& day : calendar.week) day = {{600, 780}, {1320, 1800}};
  return calendar;
}

Calendar Always() {
  Calendar calendar;
  calendar.id = "always";
  calendar.zone = Fixed("East", hours{8});
  for (auto& day : calendar.week) day = {{0, 1440}};
  return calendar;
}

// ---- Clocks

const TierAt kDue{TierAt::Kind::kWall, 0};
TierAt Percent(int64_t percent) { return {TierAt::Kind::kPercent, percent}; }
TierAt Wall(Duration after) { return {TierAt::Kind::kWall, Ms(after)}; }
TierAt Own(int64_t amount) { return {TierAt::Kind::kOwnCount, amount}; }

Tier Notify(std::string id, TierAt at, std::vector<std::string> whom) {
  return {std::move(id), at, {TierAction::kNotify}, std::move(whom), {}};
}
Tier Act(std::string id, TierAt at, std::vector<TierAction> actions, std::string queue = {}) {
  std::vector<std::string> whom;
  if (std::find(actions.begin(), actions.end(), TierAction::kNotify) != actions.end()) {
    whom = {"owner", "unit_manager", "queue"};
  }
  return {std::move(id), at, std::move(actions), std::move(whom), std::move(queue)};
}

ClockDefinition Define(std::string id, ClockKind kind, Limit limit, std::string calendar,
                       std::vector<Tier> tiers, Predicate when = {}) {
  ClockDefinition definition;
  definition.id = std::move(id);
  definition.kind = kind;
  definition.when = std::move(when);
  definition.limit = limit;
  definition.calendar_id = std::move(calendar);
  definition.tiers = std::move(tiers);
  return definition;
}

Predicate Severe(int64_t severity) {
  return Compare(FieldId::kSeverity, Op::kGreaterOrEqual, severity);
}
Predicate Of(std::string_view program) {
  return Compare(FieldId::kProgram, Op::kEqual, std::string(program));
}

using A = TierAction;
using K = ClockKind;

std::vector<ClockDefinition> OfficeClocks() {
  std::vector<ClockDefinition> clocks;
  clocks.push_back(Define("severe-contact", K::kFirstContact, {Count::kWall, Ms(hours{2})}, {},
                          {Act("late", Wall(hours{1}), {A::kNotify, A::kEscalate})}, Severe(4)));
  clocks.push_back(Define("contact", K::kFirstContact, {Count::kBusinessTime, Ms(hours{4})},
                          "office",
                          {Notify("half", Percent(50), {"owner", "queue"}),
                           Act("breach", kDue, {A::kNotify, A::kRaisePriority}),
                           Act("late", Own(Ms(hours{4})), {A::kReassign}, "rescue")}));
  clocks.back().met_by = MetBy::kAttempt;
  clocks.push_back(Define("remedy", K::kRemedy, {Count::kWorkingDays, 3}, "office",
                          {Notify("soon", Own(-1), {"owner", "supervisor"}),
                           Act("breach", kDue, {A::kNotify, A::kEscalate}),
                           Act("late", Wall(hours{24}), {A::kReassign, A::kEscalate}, "rescue")}));
  clocks.push_back(Define("promise", K::kCommitment, {}, {},
                          {Notify("soon", Wall(-hours{1}), {"owner", "first_receiver"})}));
  clocks.push_back(Define("verification", K::kVerification, {Count::kCalendarDays, 2}, "office",
                          {Notify("late", Own(1), {"verifier"})}));
  clocks.push_back(Define("authority", K::kExternalDeadline, {}, {},
                          {Act("soon", Wall(-hours{24}), {A::kNotify, A::kRaisePriority})}));
  clocks.push_back(Define("first-resolution", K::kFirstResolution, {Count::kWall, Ms(days{5})}, {},
                          {Notify("most", Percent(80), {"owner"})}));
  clocks.push_back(
      Define("total", K::kTotalResolution, {Count::kBusinessTime, Ms(hours{30})}, "office",
             {Notify("half", Percent(50), {"owner"}), Notify("far", Percent(150), {"manager"})}));
  return clocks;
}

// ---- Programs, lifecycles

// Half of the store's first detractors are left alone, to see what would have become of them.
HoldOut InComparison() {
  HoldOut hold_out;
  hold_out.experiment = "plan";
  hold_out.share_ppm = 500'000;
  hold_out.ask_after = days{5};
  return hold_out;
}
HoldOut StartLater() {
  HoldOut hold_out = InComparison();
  hold_out.experiment = "later";
  hold_out.delayed_start = true;
  hold_out.delay = days{3};
  return hold_out;
}

std::vector<Program> Programs() {
  std::vector<Program> programs(2);
  programs[0].id = kService;
  programs[0].allow_anonymous = programs[0].anonymous_opens_case = true;
  programs[0].reopen_window = days{7};
  programs[0].recovery_window = days{90};
  programs[1].id = kStore;
  programs[1].scale = DefaultScale(ScaleKind::kCsat);
  programs[1].resurvey_delay = hours{30};
  programs[1].resurvey_validity = days{5};
  programs[1].first_contact_limit = hours{8};
  programs[1].max_reopen_count = 1;
  programs[1].hold_out = InComparison();
  return programs;
}

std::vector<RemedyType> Remedies() {
  return {{"refund", RemedyKind::kRefund, "Refund", "", false, true},
          {"voucher", RemedyKind::kVoucher, "Voucher", "", false, false},
          {"owed", RemedyKind::kRefund, "Owed", "", true, true}};
}
RemedyLimit MakeLimit(std::string id, RemedyLimit::Per per, RemedyLimit::Beyond beyond,
                      int64_t amount) {
  RemedyLimit limit;
  limit.id = std::move(id);
  limit.per = per;
  limit.beyond = beyond;
  limit.currency = "CNY";
  limit.amount = amount;
  return limit;
}
std::vector<RemedyLimit> Limits() {
  using Per = RemedyLimit::Per;
  using Beyond = RemedyLimit::Beyond;
  std::vector<RemedyLimit> limits = {MakeLimit("agent", Per::kCase, Beyond::kSecondPerson, 4'000),
                                     MakeLimit("one", Per::kRemedy, Beyond::kSecondPerson, 7'000),
                                     MakeLimit("most", Per::kCustomer, Beyond::kRefused, 30'000)};
  limits[0].roles = {"agent"};
  limits[2].window = days{90};
  return limits;
}

std::vector<AlertRule> Alerts() {
  AlertRule top{"top", "Top severity", "", Severe(5), true, {"unit_manager"}, hours{4}};
  AlertRule store{"store", "The store", "", Of(kStore), false, {"queue", "owner"}, {}};
  return {top, store};
}

std::vector<OrgUnit> Units() {
  return {{"north", "North", "", "director", {}, {}},
          {"north/city", "City", "", "city-manager", {}, {}},
          {"north/city/shop", "Shop", "", "shop-manager", {}, {}}};
}

Transition* FindWay(Lifecycle& lifecycle, std::string_view from, CaseCommand command) {
  for (Transition& transition : lifecycle.transitions) {
    if (transition.from == from && transition.command == command) return &transition;
  }
  return nullptr;
}

void Drop(Lifecycle& lifecycle, std::string_view from, CaseCommand command) {
  std::erase_if(lifecycle.transitions, [&](const Transition& transition) {
    return transition.from == from && transition.command == command;
  });
}

void Add(Lifecycle& lifecycle, Transition transition) {
  lifecycle.transitions.push_back(std::move(transition));
}

// Two statuses more: one that stops the remedy clock alone, and one for escalated cases.
Lifecycle WithSupplier() {
  using C = CaseCommand;
  Lifecycle lifecycle = DefaultLifecycle();
  lifecycle.max_returns = 1;
  lifecycle.max_extensions = 1;
  lifecycle.statuses.push_back(
      {"with_supplier", "With the supplier", "", Phase::kContacted, false, {K::kRemedy}});
  lifecycle.statuses.push_back({"escalated", "Escalated", "", Phase::kContacted, false, {}});
  for (const std::string_view from : {"contacted", "remedy_proposed", "escalated"}) {
    Add(lifecycle, {std::string(from), C::kMove, "with_supplier", {}, {}, {}, {}});
  }
  Add(lifecycle, {"contacted", C::kMove, "waiting_for_customer", {}, {}, {}, {}});
  Add(lifecycle, {"waiting_for_customer", C::kMove, "with_supplier", {}, {}, {}, {}});
  Add(lifecycle, {"with_supplier", C::kMove, "waiting_for_customer", {}, {}, {}, {}});
  for (const char* from : {"with_supplier", "escalated"}) {
    Add(lifecycle, {from, C::kAssign, from, {}, {}, {}, {}});
    Add(lifecycle, {from, C::kClaim, from, {}, {}, {}, {}});
    Add(lifecycle, {from, C::kChase, "contacted", {}, {}, {}, {}});
    Add(lifecycle, {from, C::kLogAttempt, "contacted", from, {}, {}, {}});
    Add(lifecycle, {from, C::kRemedy, "remedied", from, {}, {}, {}});
    Add(lifecycle, {from, C::kResolve, "resolved", {}, {}, {}, {RequiredField::kOwner}});
    Add(lifecycle, {from, C::kMakeCommitment, from, {}, {}, {}, {}});
    Add(lifecycle, {from, C::kSettleCommitment, from, {}, {}, {}, {}});
    Add(lifecycle, {from, C::kAttachResponse, from, {}, {}, {}, {}});
    Add(lifecycle, {from, C::kExtend, from, {}, {}, {}, {}});
    Add(lifecycle, {from, C::kDecideExtension, from, {}, {}, {"supervisor", "admin"}, {}});
    Add(lifecycle, {from, C::kWithdraw, "closed", {}, {}, {}, {}});
  }
  Add(lifecycle, {"with_supplier", C::kResume, "contacted", {}, {}, {}, {}});
  for (const std::string_view from : {"contacting", "contacted"}) {
    FindWay(lifecycle, from, C::kEscalate)->to = "escalated";
  }
  return lifecycle;
}

// Without verification, with demands on what a case must have, and more than one closed status.
Lifecycle Strict() {
  using C = CaseCommand;
  Lifecycle lifecycle = DefaultLifecycle();
  lifecycle.max_returns = 2;
  std::erase_if(lifecycle.statuses,
                [](const StatusDef& status) { return status.key == "verifying"; });
  std::erase_if(lifecycle.transitions, [](const Transition& transition) {
    return transition.from == "verifying" || transition.to == "verifying";
  });
  lifecycle.statuses.push_back({"withdrawn", "Withdrawn", "", Phase::kClosed, true, {}});
  Add(lifecycle, {"withdrawn", C::kReopen, "reopened", {}, {}, {"supervisor", "manager"}, {}});
  for (Transition& transition : lifecycle.transitions) {
    if (transition.command == C::kWithdraw) transition.to = "withdrawn";
    if (transition.command == C::kAttachResponse && transition.from == "contacted") {
      transition.to = "accepted";
    }
    if (transition.command == C::kResolve) {
      transition.requires_fields = {RequiredField::kOwner, RequiredField::kAttempt,
                                    RequiredField::kActionTaken,
                                    RequiredField::kCommitmentsSettled};
    }
    if (transition.command == C::kLogAttempt && transition.from == "accepted") {
      transition.otherwise.clear();  // stays
    }
    if (transition.command == C::kReturn) transition.roles = {"dispatcher", "agent"};
  }
  Drop(lifecycle, "remedied", C::kPause);
  return lifecycle;
}

// ---- Plans

PlanStep Step(std::string id, StepKind kind, std::optional<Duration> within = {}) {
  PlanStep step;
  step.id = std::move(id);
  step.kind = kind;
  step.within = within;
  return step;
}

// Every kind of step.
Playbook StorePlan() {
  Playbook plan;
  plan.id = "store";
  plan.when = Of(kStore);
  PlanStep sorry = Step("sorry", StepKind::kMessage);
  sorry.channel = Channel::kSms;
  sorry.template_id = "sorry";
  PlanStep often = Step("often", StepKind::kDecision);
  often.when = Compare(FieldId::kAttemptCount, Op::kGreaterOrEqual, int64_t{2});
  often.then = "give";
  PlanStep wait = Step("wait", StepKind::kWait);
  wait.wait = hours{6};
  PlanStep give = Step("give", StepKind::kRemedy, days{1});
  give.remedy_id = "refund";
  PlanStep floor = Step("floor", StepKind::kTask, days{1});
  floor.queue_id = "vip";
  floor.when = Compare(FieldId::kSeverity, Op::kGreaterOrEqual, int64_t{2});
  PlanStep ask = Step("ask", StepKind::kVerify, days{2});
  ask.sample = 60;
  ask.rework = "often";
  PlanStep after = Step("after", StepKind::kAftercare, days{3});
  after.sample = 50;
  after.after = days{2};
  plan.steps = {
      Step("call", StepKind::kContact, hours{8}), sorry, often, wait, give, floor, ask, after};
  return plan;
}

// `other`: the same name, other steps.
Playbook ServicePlan(bool other) {
  Playbook plan;
  plan.id = "service";
  plan.version = other ? 2 : 1;
  plan.when = Of(kService);
  PlanStep wait = Step("wait", StepKind::kWait);
  wait.wait = hours{2};
  PlanStep task = Step("task", StepKind::kTask, hours{20});
  task.owner = "agent-2";
  plan.steps = {Step("call", StepKind::kContact)};
  plan.steps.push_back(other ? wait : task);
  plan.steps.push_back(Step("ask", StepKind::kVerify));
  return plan;
}

ContactRules NightsOff() {
  ContactRules rules;
  rules.zone = Fixed("East", hours{8});
  rules.quiet_hours = DaySpan{kQuietFrom, kQuietUntil};
  rules.time_bands = {{"morning", {480, 720}}, {"later", {720, 1260}}};
  rules.unreachable = UnreachableRule{3, 2, 2, 1};
  return rules;
}

// ---- Queues and staff

// The three queues that people send cases to, all worked by the same rules.
void Queues(Revision& revision, Routing routing, bool sticky) {
  for (const char* id : {"default", "rescue", "vip"}) {
    QueueDef& queue = revision.queues.emplace_back();
    queue.id = id;
    queue.routing = routing;
    queue.sticky = sticky;
    queue.lease = hours{8};
    queue.return_after = hours{30};
    queue.fallback = "manager";
  }
  revision.queues.back().skills = {"tact"};
}

// `often`: each is away every so often, for half as long.
void StaffOf(Revision& revision, std::string calendar, Duration often) {
  const char* names[] = {"agent-1", "agent-2", "agent-3", "dispatcher"};
  Timestamp from = std::chrono::sys_days{std::chrono::year(2026) / 1 / 6};
  for (size_t i = 0; i < std::size(names); ++i) {
    StaffMember& member = revision.staff.emplace_back();
    member.id = names[i];
    member.queues = {"default", "rescue"};
    if (i != 0) member.queues.push_back("vip");
    if (i != 1) member.skills = {"tact"};
    if (i < 2) member.capacity = 12;
    if (i == 2) member.shifts = calendar;
    from += often / 3;
    for (Timestamp at = from; at < from + days{500}; at += often) {
      member.absences.push_back({at, at + often / 2, i == 3 ? "" : names[i + 1]});
    }
  }
}

// ---- The blacklist

// Every kind, with times that a year sees many of.
BlacklistPolicy Listing(Duration longest, Duration review) {
  BlacklistPolicy policy = DefaultBlacklistPolicy();
  for (BlacklistKindPolicy& kind : policy.kinds) {
    kind.max_duration = longest;
    kind.review_interval = review;
    if (kind.warn_first) kind.warning_wait = days{2};
  }
  policy.appeal_window = days{8};
  policy.appeal_decision = days{4};
  return policy;
}

// What the system proposes by itself: somebody is compensated often, or refuses to speak to us.
std::vector<BlacklistRule> Suspicions() {
  BlacklistRule compensated;
  compensated.id = "compensated";
  compensated.kind = BlacklistKind::kRepeatCompensation;
  compensated.alternatives = {{{}, {{BlacklistMeasure::kRemediesGranted, days{120}, 2, ""}}}};
  compensated.proposal = {days{25}, "frequent_compensation", {}, {}, ""};
  compensated.cool_down = days{20};
  BlacklistRule refuses;
  refuses.id = "refuses";
  refuses.kind = BlacklistKind::kChannelLimit;
  refuses.alternatives = {{Of(kService), {{BlacklistMeasure::kAttemptsRefused, days{60}, 2, ""}}}};
  BlacklistEffects calls;
  calls.channels = {Channel::kPhone};
  refuses.proposal = {days{15},
                      "abusive_contact",
                      calls,
                      {BlacklistExtent::Kind::kProgram, std::string(kService)},
                      ""};
  return {compensated, refuses};
}

// Three kinds, nobody is warned, and everybody may decide.
BlacklistPolicy Shortly() {
  BlacklistPolicy policy = Listing(days{30}, days{5});
  std::erase_if(policy.kinds, [](const BlacklistKindPolicy& kind) {
    return kind.kind == BlacklistKind::kChannelLimit ||
           kind.kind == BlacklistKind::kRepeatCompensation;
  });
  for (BlacklistKindPolicy& kind : policy.kinds) {
    kind.warn_first = false;
    kind.decide_roles.clear();
  }
  policy.appeal_window = days{3};
  return policy;
}

// ---- The configurations

Revision Base(std::string name) {
  Revision revision;
  revision.hash = std::move(name);
  revision.programs = Programs();
  revision.lifecycle = DefaultLifecycle();
  revision.calendars = {Office(1)};
  revision.clocks = OfficeClocks();
  revision.priorities = DefaultPriorities();
  revision.org_units = Units();
  revision.roles = DefaultRoles();
  revision.remedies = Remedies();
  revision.remedy_limits = Limits();
  revision.alerts = Alerts();
  revision.playbooks = {StorePlan(), ServicePlan(false)};
  Template sorry;
  sorry.id = "sorry";
  sorry.text_en = sorry.text_zh = "Sorry";
  revision.templates = {sorry};
  revision.contact = NightsOff();
  revision.blacklist = Listing(days{60}, days{7});
  return revision;
}

Revision OfficeWork() {
  Revision revision = Base("office");
  revision.blacklist.rules = Suspicions();
  Queues(revision, Routing::kRoundRobin, false);
  StaffOf(revision, "office", days{9});
  return revision;
}

// Queues are names here, and nobody is listed.
Revision Holidays() {
  Revision revision = Base("holidays");
  revision.calendars = {Office(2)};
  return revision;
}

Revision Supplier() {
  Revision revision = Base("supplier");
  revision.lifecycle = WithSupplier();
  revision.blacklist = Shortly();
  revision.calendars = {OfficeAbroad(), Nights()};
  revision.clocks = {
      Define("contact", K::kFirstContact, {Count::kBusinessTime, Ms(hours{3})}, "nights",
             {Notify("half", Percent(50), {"owner"}),
              Act("breach", kDue, {A::kNotify, A::kRaisePriority, A::kEscalate})}),
      Define("remedy", K::kRemedy, {Count::kBusinessTime, Ms(hours{16})}, "office",
             {Notify("most", Percent(75), {"owner"}),
              Act("late", Own(Ms(hours{8})), {A::kReassign}, "rescue")}),
      Define("promise", K::kCommitment, {}, {},
             {Act("late", Wall(hours{2}), {A::kNotify, A::kEscalate})}),
      Define("asking", K::kResurvey, {Count::kWorkingDays, 2}, "office", {}),
      Define("total", K::kTotalResolution, {Count::kWorkingDays, 6}, "office",
             {Notify("soon", Own(-2), {"owner"})}),
      Define("authority", K::kExternalDeadline, {}, {},
             {Notify("day", Wall(-hours{24}), {"queue"})}),
  };
  revision.priorities.resize(2);
  revision.playbooks.pop_back();  // who comes here from another has no plan any more
  revision.contact = {};
  Queues(revision, Routing::kPull, true);
  StaffOf(revision, "nights", days{6});
  return revision;
}

Revision Quick() {
  Revision revision = Base("quick");
  revision.calendars = {Always()};
  revision.programs[0].resurvey_delay = hours{12};
  revision.programs[0].reopen_window = Duration{0};
  revision.programs[0].max_reopen_count = 4;
  revision.programs[1].hold_out = StartLater();
  revision.blacklist.rules = Suspicions();
  revision.remedies.clear();
  revision.remedy_limits.clear();
  revision.alerts.pop_back();
  revision.playbooks[1] = ServicePlan(true);
  revision.clocks = {
      Define("store-contact", K::kFirstContact, {Count::kWall, Ms(minutes{90})}, {},
             {Act("late", Wall(minutes{30}), {A::kNotify, A::kRaisePriority})}, Of(kStore)),
      Define("quick-remedy", K::kRemedy, {Count::kCalendarDays, 1}, "always",
             {Act("late", Own(1), {A::kNotify, A::kReassign}, "rescue")}),
      Define("first-resolution", K::kFirstResolution, {Count::kBusinessTime, Ms(hours{60})},
             "always", {Notify("most", Percent(80), {"owner"})}),
      Define("total", K::kTotalResolution, {Count::kWall, Ms(days{4})}, {},
             {Notify("half", Percent(50), {"owner"})}),
  };
  Queues(revision, Routing::kLeastLoaded, true);
  StaffOf(revision, "always", days{4});
  return revision;
}

Revision StrictWork() {
  Revision revision = Base("strict");
  revision.lifecycle = Strict();
  revision.blacklist = {};  // nobody is listed any more; who is, stays so
  revision.calendars = {Office(2), Nights()};
  // One program is given up: its cases go on under the revisions they were opened with.
  revision.programs.pop_back();
  revision.labels.pause_reasons = {{"customer", "Waits for the customer", ""},
                                   {"supplier", "Waits for the supplier", ""}};
  revision.labels.return_reasons = {{"wrong_unit", "Not ours", ""}};
  revision.labels.extension_reasons = {{"complex", "Complex", ""}};
  revision.labels.root_causes = {{"staffing", "Staffing", ""}};
  std::swap(revision.clocks[0], revision.clocks[1]);  // the first that applies hides the other
  revision.clocks[0].when = Severe(3);
  revision.clocks[3].tiers.clear();
  Queues(revision, Routing::kPull, false);
  return revision;
}

std::vector<Configuration> Make() {
  std::vector<Configuration> made;
  for (Revision& revision :
       std::vector<Revision>{OfficeWork(), Supplier(), Holidays(), Quick(), StrictWork()}) {
    CHECK(CheckLifecycle(revision.lifecycle, revision.roles).empty());
    for (const BlacklistRule& rule : revision.blacklist.rules) {
      CHECK(CheckRule(rule, revision.blacklist).empty());
    }
    for (const StaffMember& member : revision.staff) {
      CHECK(member.shifts.empty() || revision.FindCalendar(member.shifts) != nullptr);
    }
    Configuration& configuration = made.emplace_back();
    for (const Calendar& calendar : revision.calendars) {
      CHECK(CheckCalendar(calendar).empty());
      configuration.timelines.emplace(calendar.id, Timeline(calendar));
    }
    configuration.revision = std::move(revision);
  }
  return made;
}

}  // namespace

const std::vector<Configuration>& Configurations() {
  static const std::vector<Configuration>* const made = new std::vector<Configuration>(Make());
  return *made;
}

}  // namespace rebound::simulation
