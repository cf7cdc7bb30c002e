// Random lives of cases against a plain reading of their plan.
//
// Goal: whatever people, customers and time do in whatever order, the plan comes to the same steps
// with the same results as an interpreter that was written from the description of the kinds of
// steps alone. Method: the interpreter keeps, for one case, the list of steps it went through, the
// calls that may still end a contact step, and what the rule of the unreachable has counted; it
// reads of the case under test its status and handling result, never its steps or timers. Zones are
// fixed hours, conditions are C++. A failure prints its seed; REBOUND_SEED=n runs that one alone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <random>
#include <set>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/filter.h"
#include "workflows/steps.h"

namespace rebound {
namespace {

using fixtures::kStart;
using fixtures::On;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

constexpr int kCommandsPerSeed = 60;
constexpr int kSeeds = 300;

struct Went {
  std::string id{};
  std::string state{};
  std::string result{};
  int round = 1;
  friend bool operator==(const Went&, const Went&) = default;
};

std::ostream& operator<<(std::ostream& out, const Went& went) {
  return out << went.id << ":" << went.state << "=" << went.result << "#" << went.round;
}

class Interpreter;

// A step as the test knows it, beside the one that is configured.
struct Known {
  PlanStep step{};
  std::function<bool(const Interpreter&)> holds{};  // null: always
};

struct Call {
  Timestamp at{};
  std::string outcome{};  // "" for a try in vain, else what it came to
  bool message = false;
};

class Interpreter {
 public:
  explicit Interpreter(std::vector<Known> plan) : plan_(std::move(plan)) {}

  // Facts that the test tells.
  std::string status = "open";
  std::string handling_result{};
  Timestamp now{};
  CaseId id{};
  bool denied = false;  // messages may not go out

  std::vector<Went> went{};
  int round = 1;
  std::optional<Timestamp> round_began{};

  bool Active() const { return !went.empty() && went.back().state == "active"; }

  bool HandlingDone() const {
    static const std::set<std::string> kDone = {"resolved",     "verifying",  "verified",
                                                "resurvey_due", "resurveyed", "closed"};
    return kDone.contains(status);
  }

  // ---- What happens

  void Tried(Timestamp when, std::string outcome) {
    if (round_began && when < *round_began) return;
    if (!outcome.empty()) spoken_.push_back({when, outcome});
    calls_.push_back({when, std::move(outcome), false});
    ++tries_;
  }
  void Inbound() {
    spoken_.push_back({now, "reached"});
    calls_.push_back({now, "reached", false});
  }
  void Remedy(const std::string& type, const std::string& state) { remedies_[type] = state; }
  void Verified(bool passed) { verified_ = passed; }
  void Reopened() {
    if (Active()) EndStep("skipped", "reopened");
    timer_.reset();
    Begin(round + 1, now);
    at_ = next_ = 0;
    rework_ = false;
  }
  void Complete(const std::string& state, const std::string& result) { EndStep(state, result); }
  void Closes() {
    if (Active()) {
      EndStep("skipped", "closed");
    } else if (HandlingDone()) {
      SkipToAfter();
      if (next_ < plan_.size() && Kind(next_) == StepKind::kAftercare) {
        const std::string why = WhySkipped(next_);
        went.push_back({plan_[next_].step.id, "skipped", why.empty() ? "closed" : why, round});
      }
    }
    timer_.reset();
    next_ = plan_.size();
  }

  // Timers that are due before `until` have their effect.
  void Tick(Timestamp until) {
    while (timer_ && *timer_ <= until) {
      timer_.reset();
      Run();
    }
  }
  std::optional<Timestamp> timer() const { return timer_; }

  // ---- The plan goes on

  void Run() {
    if (status == "closed") return;
    while (true) {
      if (Active()) {
        if (!EndsNow()) return;
        continue;
      }
      if (HandlingDone()) SkipToAfter();
      if (next_ >= plan_.size()) return;
      if (!HandlingDone() && IsAfter(next_)) return;
      const PlanStep& step = plan_[next_].step;
      if (step.kind == StepKind::kAftercare && IsSampled(id, step.id, step.sample)) {
        if (timer_) return;
        if (now < resolved_at + step.after) {
          timer_ = resolved_at + step.after;
          return;
        }
      }
      Start(next_);
    }
  }

  Timestamp resolved_at{};

  // ---- What conditions ask

  bool Came(const std::string& id_and_result) const {
    for (const Went& each : went) {
      if (each.round == round && each.state != "active" &&
          each.id + "=" + each.result == id_and_result) {
        return true;
      }
    }
    return false;
  }
  int tries() const { return tries_; }

  // Two tries in vain on one day at least, since somebody was spoken to, outside the night.
  bool Unreachable() const {
    std::optional<Timestamp> last;
    for (const auto& [when, outcome] : CallsNow()) {
      if (!outcome.empty() && (!last || when > *last)) last = when;
    }
    int vain = 0;
    for (const auto& [when, outcome] : CallsNow()) {
      if (outcome.empty() && (!last || when > *last) && !Night(when)) ++vain;
    }
    return vain >= 2;
  }

  // 21:00 to 08:00 in Shanghai.
  static bool Night(Timestamp when) {
    const auto hour = (std::chrono::floor<hours>(when.time_since_epoch()).count() + 8) % 24;
    return hour >= 21 || hour < 8;
  }

 private:
  StepKind Kind(size_t index) const { return plan_[index].step.kind; }

  std::vector<std::pair<Timestamp, std::string>> CallsNow() const {
    std::vector<std::pair<Timestamp, std::string>> now_counting;
    for (const Call& call : calls_) now_counting.emplace_back(call.at, call.outcome);
    return now_counting;
  }

  void Begin(int which, Timestamp when) {
    round = which;
    round_began = when;
    calls_.clear();
    spoken_.clear();
    remedies_.clear();
    tries_ = 0;
  }

  bool IsAfter(size_t index) const {
    for (size_t i = 0; i <= index; ++i) {
      if (Kind(i) == StepKind::kVerify || Kind(i) == StepKind::kAftercare) return true;
    }
    return false;
  }
  void SkipToAfter() {
    while (next_ < plan_.size() && !IsAfter(next_)) ++next_;
  }
  size_t Find(const std::string& step_id) const {
    size_t i = 0;
    while (i < plan_.size() && plan_[i].step.id != step_id) ++i;
    return i;
  }

  std::string WhySkipped(size_t index) const {
    const Known& known = plan_[index];
    if (!IsSampled(id, known.step.id, known.step.sample)) return "not_sampled";
    if (known.step.kind == StepKind::kDecision || !known.holds) return "";
    return known.holds(*this) ? "" : "condition";
  }

  void Start(size_t index) {
    at_ = index;
    next_ = index + 1;
    timer_.reset();
    if (rework_) Begin(round + 1, now);
    rework_ = false;
    const std::string skipped = WhySkipped(index);
    went.push_back({plan_[index].step.id, "active", "", round});
    if (!skipped.empty()) return EndStep("skipped", skipped);
    verified_.reset();
    const PlanStep& step = plan_[index].step;
    if (step.within) timer_ = now + *step.within;
    if (step.kind == StepKind::kWait) timer_ = now + step.wait;
    if (step.kind == StepKind::kMessage && Night(now)) timer_ = Morning(now);
  }

  static Timestamp Morning(Timestamp when) {
    Timestamp hour = std::chrono::floor<hours>(when);
    while (Night(hour)) hour += hours{1};
    return hour;
  }

  void EndStep(const std::string& state, const std::string& result) {
    went.back().state = state;
    went.back().result = result;
    timer_.reset();
    const PlanStep& step = plan_[at_].step;
    next_ = at_ + 1;
    if (step.kind == StepKind::kContact && state == "done") {
      calls_.clear();
      spoken_.clear();
    }
    if (step.kind == StepKind::kDecision && state == "done") {
      const std::string& target = result == "yes" ? step.then : step.otherwise;
      if (target == "end") {
        next_ = plan_.size();
      } else if (!target.empty()) {
        next_ = Find(target);
      }
    }
    if (step.kind == StepKind::kVerify && state == "failed") {
      next_ = step.rework.empty() ? at_ : Find(step.rework);
      rework_ = true;
    }
  }

  bool EndsNow() {
    const Known& known = plan_[at_];
    switch (known.step.kind) {
      case StepKind::kContact:
        if (!spoken_.empty()) {
          EndStep("done", spoken_.back().second);
          return true;
        }
        if (Unreachable()) {
          EndStep("done", "unreachable");
          return true;
        }
        break;
      case StepKind::kRemedy: {
        const auto given = remedies_.find(known.step.remedy_id);
        if (given != remedies_.end()) {
          EndStep(given->second == "declined" ? "failed" : "done", given->second);
          return true;
        }
        break;
      }
      case StepKind::kMessage:
        if (timer_) break;
        if (Night(now)) {  // again: the bell was that late
          timer_ = Morning(now);
          break;
        }
        EndStep(denied ? "skipped" : "done", denied ? "consent_denied" : "sent");
        return true;
      case StepKind::kWait:
        if (timer_) break;
        EndStep("done", "done");
        return true;
      case StepKind::kDecision: EndStep("done", known.holds(*this) ? "yes" : "no"); return true;
      case StepKind::kVerify:
        if (verified_) {
          const bool passed = *verified_;
          EndStep(passed ? "done" : "failed", passed ? "passed" : "failed");
          return true;
        }
        break;
      case StepKind::kUnset:
      case StepKind::kTask:
      case StepKind::kAftercare: break;
    }
    if (!IsAfter(at_) && HandlingDone()) {
      EndStep("skipped", "resolved");
      return true;
    }
    if (known.step.kind == StepKind::kVerify && status == "resurvey_due") {
      EndStep("skipped", "asked_again");
      return true;
    }
    return false;
  }

  std::vector<Known> plan_;
  size_t at_ = 0;
  size_t next_ = 0;
  std::vector<Call> calls_{};
  std::vector<std::pair<Timestamp, std::string>> spoken_{};
  std::map<std::string, std::string> remedies_{};
  int tries_ = 0;
  std::optional<bool> verified_{};
  std::optional<Timestamp> timer_{};
  bool rework_ = false;  // the next step opens a round
};

// ---------------------------------------------------------------------------------- plans

PlanStep ModelStep(std::string id, StepKind kind) { return {.id = std::move(id), .kind = kind}; }

Known If(PlanStep step, std::string_view condition, std::function<bool(const Interpreter&)> holds) {
  auto when = ParseFilter(condition, Use::kStepRule);
  EXPECT_TRUE(when) << condition;
  step.when = *std::move(when);
  return {std::move(step), std::move(holds)};
}

std::vector<Known> FirstPlan() {
  std::vector<Known> plan;
  PlanStep call = ModelStep("call", StepKind::kContact);
  call.within = hours{5} + minutes{7};
  plan.push_back({call});
  PlanStep found = ModelStep("found", StepKind::kDecision);
  found.then = "note";
  plan.push_back(If(found, "step_result:\"call=unreachable\"",
                    [](const Interpreter& i) { return i.Came("call=unreachable"); }));
  PlanStep sorry = ModelStep("sorry", StepKind::kRemedy);
  sorry.remedy_id = "explanation";
  sorry.within = days{1} + minutes{3};
  plan.push_back(If(sorry, "NOT step_result:\"ask=failed\"",
                    [](const Interpreter& i) { return !i.Came("ask=failed"); }));
  PlanStep bill = ModelStep("bill", StepKind::kTask);
  bill.queue_id = "billing";
  bill.within = days{2} + minutes{11};
  plan.push_back(
      If(bill, "attempt_count >= 2", [](const Interpreter& i) { return i.tries() >= 2; }));
  PlanStep rest = ModelStep("rest", StepKind::kWait);
  rest.wait = hours{7} + minutes{13};
  plan.push_back({rest});
  PlanStep note = ModelStep("note", StepKind::kMessage);
  note.template_id = "note";
  note.channel = Channel::kSms;
  plan.push_back({note});
  PlanStep ask = ModelStep("ask", StepKind::kVerify);
  ask.rework = "sorry";
  ask.within = days{1} + minutes{17};
  plan.push_back({ask});
  PlanStep thanks = note;
  thanks.id = "thanks";
  plan.push_back(If(thanks, "handling_result = resolved",
                    [](const Interpreter& i) { return i.handling_result == "resolved"; }));
  PlanStep care = ModelStep("care", StepKind::kAftercare);
  care.after = hours{30} + minutes{19};
  care.within = hours{9} + minutes{23};
  plan.push_back({care});
  return plan;
}

std::vector<Known> SecondPlan() {
  std::vector<Known> plan;
  PlanStep which = ModelStep("which", StepKind::kDecision);
  which.otherwise = "again";
  plan.push_back(If(which, "round = 1", [](const Interpreter& i) { return i.round == 1; }));
  plan.push_back({ModelStep("call", StepKind::kContact)});
  PlanStep again = ModelStep("again", StepKind::kContact);
  again.within = hours{3} + minutes{29};
  plan.push_back({again});
  PlanStep gift = ModelStep("gift", StepKind::kRemedy);
  gift.remedy_id = "voucher";
  plan.push_back(If(gift, "NOT step_result:\"again=refused\"",
                    [](const Interpreter& i) { return !i.Came("again=refused"); }));
  PlanStep lost = ModelStep("lost", StepKind::kDecision);
  lost.then = "end";
  plan.push_back(
      If(lost, "unreachable = true", [](const Interpreter& i) { return i.Unreachable(); }));
  PlanStep rest = ModelStep("rest", StepKind::kWait);
  rest.wait = minutes{31};
  plan.push_back({rest});
  PlanStep ask = ModelStep("ask", StepKind::kVerify);
  ask.sample = 60;
  plan.push_back({ask});
  PlanStep report = ModelStep("report", StepKind::kTask);
  report.owner = "chen.jie";
  report.within = hours{11} + minutes{37};
  plan.push_back({report});
  PlanStep care = ModelStep("care", StepKind::kAftercare);
  care.after = hours{20} + minutes{41};
  care.sample = 50;
  plan.push_back({care});
  return plan;
}

// ---------------------------------------------------------------------------------- one life

class Life {
 public:
  Life(uint64_t seed, std::vector<Known> plan)
      : random_(seed), world_(With(plan), seed), model_(std::move(plan)) {
    EXPECT_TRUE(world_.Do(fixtures::Answer("wang", 2)));
    model_.id = Subject().id;
    model_.now = world_.now;
    model_.Run();
    Compare("opening");
  }

  void Live() {
    for (int i = 0; i < kCommandsPerSeed && !::testing::Test::HasFailure(); ++i) {
      Pass();
      Act();
    }
    EXPECT_EQ(world_.problems, std::vector<std::string>{});
    EXPECT_EQ(world_.Replayed().cases, world_.cases);
  }

 private:
  static Revision With(const std::vector<Known>& plan) {
    Revision revision = fixtures::TestRevision();
    Playbook& playbook = revision.playbooks.emplace_back();
    playbook.id = "plan";
    for (const Known& known : plan) playbook.steps.push_back(known.step);
    revision.contact.zone = {.name = "Asia/Shanghai", .first_offset = hours{8}};
    revision.contact.quiet_hours = DaySpan{21 * 60, 8 * 60};
    revision.contact.unreachable = UnreachableRule{2, 0, 1, 0};
    revision.remedies = {{"explanation", RemedyKind::kExplanation, "E", "E", false, false},
                         {"voucher", RemedyKind::kVoucher, "V", "V", false, false}};
    revision.templates = {{"note", {}, "", "", "Hello", "您好"}};
    return revision;
  }

  const Case& Subject() const { return world_.OnlyCase(); }
  bool OneIn(int n) { return std::uniform_int_distribution<int>(1, n)(random_) == 1; }
  int Pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  void Read() {
    model_.now = world_.now;
    model_.status = Subject().status;
    model_.handling_result = Subject().handling_result == HandlingResult::kResolved ? "resolved"
                             : Subject().handling_result == HandlingResult::kUnset  ? ""
                                                                                    : "other";
  }

  // Time passes. Mostly every timer fires in its time; sometimes the bell is late, and a command
  // comes before it: but not where the re-survey might be asked meanwhile.
  void Pass() {
    const Timestamp until = world_.now + minutes{1 + Pick(60 * 20)};
    if (OneIn(4) && !model_.HandlingDone()) {
      world_.now = until;
      return;
    }
    while (true) {
      const auto due = NextDue(Subject());
      if (!due || *due > until) break;
      world_.now = std::max(world_.now, *due);
      Fire();
    }
    world_.now = until;
  }
  void Fire() {
    // What the clock under test is about to do to the status is read afterwards; the plan's own
    // timers come first in the model, as they do not move it.
    model_.now = world_.now;
    model_.Tick(world_.now);
    EXPECT_TRUE(world_.Do(On(Subject(), FireTimers{})));
    Settle("timers");
  }

  // After a command: a closed case was left first, a reopened one is begun anew.
  void Settle(const std::string& what) {
    const std::string was = model_.status;
    if (Subject().status == "closed" && was != "closed") {
      model_.now = world_.now;
      model_.Closes();
    }
    Read();
    if (Subject().reopen_count != reopened_) {
      reopened_ = Subject().reopen_count;
      model_.Reopened();
    }
    model_.Run();
    Compare(what);
  }

  bool Do(CaseVerb verb, Timestamp happened) {
    auto decided = world_.Do(On(Subject(), std::move(verb)));
    if (!decided) return false;
    // What was due before it.
    model_.now = world_.now;
    model_.Tick(happened - Duration{1});
    return true;
  }

  void Act() {
    const Timestamp now = world_.now;
    switch (Pick(12)) {
      case 0:
      case 1:
      case 2: {
        static constexpr std::pair<AttemptOutcome, const char*> kOutcomes[] = {
            {AttemptOutcome::kReached, "reached"}, {AttemptOutcome::kRefused, "refused"},
            {AttemptOutcome::kNoAnswer, ""},       {AttemptOutcome::kBusy, ""},
            {AttemptOutcome::kEmptyNumber, ""},    {AttemptOutcome::kHungUp, "hung_up"},
            {AttemptOutcome::kSwitchedOff, ""}};
        const auto& [outcome, word] = kOutcomes[Pick(7)];
        LogAttempt verb = fixtures::OutboundAttempt(outcome);
        Timestamp when = now;
        if (OneIn(4)) {
          when = std::max(kStart, now - minutes{Pick(300)});
          verb.occurred_now = false;
          verb.attempt.occurred_at = when;
        }
        if (Do(verb, when)) model_.Tried(when, word);
        break;
      }
      case 3:
        if (Do(fixtures::InboundAttempt(), now)) model_.Inbound();
        break;
      case 4:
      case 5: {
        RecordRemedy verb;
        verb.remedy.type_id = OneIn(2) ? "explanation" : "voucher";
        static constexpr std::pair<RemedyState, const char*> kStates[] = {
            {RemedyState::kAccepted, "accepted"},
            {RemedyState::kDelivered, "delivered"},
            {RemedyState::kDeclined, "declined"}};
        const auto& [state, word] = kStates[Pick(3)];
        verb.remedy.state = state;
        const std::string type = verb.remedy.type_id;
        // One that was accepted before speaks for the type, whatever comes after it.
        if (Do(verb, now)) {
          if (!given_.contains(type)) model_.Remedy(type, word);
          if (state != RemedyState::kDeclined) given_.insert(type);
        }
        break;
      }
      case 6: {
        const CaseStep* active = ActiveStep(Subject());
        if (active == nullptr) break;
        const bool by_hand =
            active->kind == StepKind::kTask || active->kind == StepKind::kAftercare;
        const std::string step = active->step_id;
        const bool skips = OneIn(3);
        const auto decided = world_.Do(
            On(Subject(),
               CompleteStep{
                   step, skips ? StepState::kSkipped : StepState::kDone, {}, Text{{}, "said so"}}));
        // What was due before may have ended the step meanwhile.
        model_.now = now;
        const bool same = [&] {
          Interpreter later = model_;
          later.Tick(now - Duration{1});
          return later.Active() && later.went.back().id == step;
        }();
        const bool expected = same && (by_hand || skips);
        EXPECT_EQ(decided.has_value(), expected) << step;
        if (!decided) break;
        model_.Tick(now - Duration{1});
        model_.Complete(skips ? "skipped" : "done", skips ? "skipped" : "done");
        break;
      }
      case 7:
        if (Do(Resolve{OneIn(3) ? HandlingResult::kPartly : HandlingResult::kResolved, {}, {}, {}},
               now)) {
          model_.resolved_at = now;
        }
        break;
      case 8: {
        const std::string was = std::exchange(world_.actor, "zhao.min");
        const bool passed = OneIn(2);
        if (Do(VerifyCase{{true, passed, true, {}, {}, {}}}, now)) model_.Verified(passed);
        world_.actor = was;
        break;
      }
      case 9:
        if (OneIn(3) && Do(Reopen{}, now)) given_.clear();
        break;
      case 10:
        if (OneIn(6)) Do(Close{}, now);
        break;
      case 11: {
        SetCustomerConsent consent;
        consent.customer_id = world_.FindCustomer("wang")->id;
        model_.denied = OneIn(2);
        // From now on; what waits for the morning asks then.
        consent.consents = {
            {Channel::kSms, ConsentPurpose::kRecovery, !model_.denied, world_.now, "test"}};
        EXPECT_TRUE(world_.Do(consent));
        return;
      }
    }
    Settle("command");
  }

  void Compare(const std::string& what) {
    std::vector<Went> went;
    for (const CaseStep& step : Subject().steps) {
      static constexpr const char* kStates[] = {"?", "active", "done", "failed", "skipped"};
      went.push_back(
          {step.step_id, kStates[static_cast<int>(step.state)], step.result, step.round});
    }
    ASSERT_EQ(went, model_.went) << "after " << what << " at " << FormatTime(world_.now) << " in "
                                 << Subject().status;
    ASSERT_EQ(Subject().round, model_.round);
    if (model_.round != round_) {
      round_ = model_.round;
      given_.clear();
    }
  }

  std::mt19937_64 random_;
  World world_;
  Interpreter model_;
  std::set<std::string> given_{};  // types of remedies accepted in this round
  int reopened_ = 0;
  int round_ = 1;
};

TEST(StepsModelTest, RandomLivesGoAsAPlainReadingOfThePlanSays) {
  uint64_t first = 1;
  uint64_t last = kSeeds;
  if (const char* seed = std::getenv("REBOUND_SEED")) {
    first = last = std::strtoull(seed, nullptr, 10);
  }
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("REBOUND_SEED=" + std::to_string(seed));
    Life(seed, seed % 2 == 0 ? FirstPlan() : SecondPlan()).Live();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace rebound
