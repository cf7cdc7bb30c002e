// Random commands against a naive model.
//
// Goal: whatever people, customers and clocks do in whatever order, the domain does what a plain
// reading of the rules says. Method: the model keeps a few words per case and says for each command
// what it must come to; a clock of it is the list of stretches in which it ran, from which its due
// time is computed anew each time, day by day. The world runs Decide and Apply, and checks its own
// invariants after every event (one slot, phase of the status, version, timers once and never
// early, clocks as the status says, do_not_contact). A failure prints its seed; REBOUND_SEED=n runs
// that one alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kStart;
using fixtures::On;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;

constexpr int kStepsPerSeed = 3'000;

// Nine to five, Monday to Friday, UTC: what passes of it between two times, and when so much of it
// has passed.
constexpr Timestamp kSomeMonday = FromMillis(1'767'571'200'000);  // 2026-01-05
int64_t OfficeTime(Timestamp from, Timestamp to) {
  int64_t sum = 0;
  for (int64_t day = (from - kSomeMonday) / days{1}; kSomeMonday + days{day} < to; ++day) {
    if (day % 7 >= 5) continue;
    const Timestamp opens = kSomeMonday + days{day} + hours{9};
    const Timestamp begin = std::max(from, opens);
    const Timestamp end = std::min(to, opens + hours{8});
    if (begin < end) sum += (end - begin).count();
  }
  return sum;
}
Timestamp WhenOfficeTime(Timestamp from, int64_t amount) {
  if (amount <= 0) return from;
  for (int64_t day = (from - kSomeMonday) / days{1};; ++day) {
    if (day % 7 >= 5) continue;
    const Timestamp opens = kSomeMonday + days{day} + hours{9};
    const Timestamp begin = std::max(from, opens);
    const int64_t passes = (opens + hours{8} - begin).count();
    if (passes <= 0) continue;
    if (passes >= amount) return begin + Duration{amount};
    amount -= passes;
  }
}

struct ModelTier {
  std::string id{};
  Duration after{};  // due, in the clock's own count
  bool escalates = false;
  bool raises = false;
  bool crossed = false;
};

struct ModelClock {
  ClockKind kind{};
  bool office = false;  // counts office time
  int64_t limit = 0;
  std::vector<ModelTier> tiers{{"breach", {}}};
  std::vector<std::pair<Timestamp, Timestamp>> ran{};
  std::optional<Timestamp> runs_since{};
  bool live = true;
  bool met = false;
  std::optional<Timestamp> breached_at{};
  int extensions = 0;  // asked for, and not refused

  int64_t Counted(Timestamp from, Timestamp to) const {
    return office ? OfficeTime(from, to) : (to - from).count();
  }
  int64_t ElapsedAt(Timestamp now) const {
    int64_t sum = 0;
    for (const auto& [from, to] : ran) sum += Counted(from, to);
    return runs_since ? sum + Counted(*runs_since, now) : sum;
  }
  // While it runs.
  Timestamp Reaches(int64_t amount) const {
    int64_t left = amount;
    for (const auto& [from, to] : ran) left -= Counted(from, to);
    return office ? WhenOfficeTime(*runs_since, left) : *runs_since + Duration{left};
  }
  Timestamp Due() const { return Reaches(limit); }
  Timestamp TimeOf(const ModelTier& tier) const { return Reaches(limit + tier.after.count()); }
  ModelTier* Next() {
    ModelTier* next = nullptr;
    for (ModelTier& tier : tiers) {
      if (runs_since && !tier.crossed && (next == nullptr || TimeOf(tier) < TimeOf(*next))) {
        next = &tier;
      }
    }
    return next;
  }
  void Stand(Timestamp now) {
    if (!runs_since) return;
    if (kind != ClockKind::kResurvey && now > Due()) Breach(Due());
    ran.emplace_back(*runs_since, now);
    runs_since.reset();
  }
  void Breach(Timestamp at) { breached_at = breached_at ? std::min(*breached_at, at) : at; }
};

struct ModelExtension {
  ExtensionId id{};
  size_t clock = 0;
  int64_t amount = 0;
  std::string by{};
  bool decided = false;
};

struct ModelCase {
  std::string program{};
  std::string customer{};  // key; empty: anonymous
  bool by_hand = false;
  bool asks_for_contact = false;  // opened by a request, not by a low score
  std::string status = "open";
  bool slot = false;
  int reopened = 0;
  int severity = 1;
  Timestamp opened_at{};
  ResponseId opening{};
  size_t arrived = 0;  // answers recorded before it
  std::optional<Timestamp> closed_at{};
  std::optional<Timestamp> first_asked_at{};
  std::optional<Timestamp> resolved_at{};
  std::string owner{};
  std::string resolved_by{};
  std::string first_receiver{};
  bool handled = false;  // a handling result stands
  int returned = 0;
  int level = 0;
  int rank = 0;
  int pauses = 0;
  std::vector<ModelClock> clocks{};
  std::vector<std::pair<CommitmentId, size_t>> promises{};  // open ones, and their clocks
  std::vector<ModelExtension> extensions{};
  std::optional<Timestamp> expiry{};
  // Facts.
  bool contacted = false;
  bool remedied = false;
  std::optional<Timestamp> spoke_at{};
  std::vector<std::pair<Timestamp, int64_t>> resurvey_answers{};
  std::string resurvey_result{};  // of the round at hand

  ModelClock* Live(ClockKind kind) {
    for (ModelClock& clock : clocks) {
      if (clock.kind == kind && clock.live) return &clock;
    }
    return nullptr;
  }
};

struct ModelCustomer {
  bool do_not_contact = false;
  bool recovery_denied = false;
  bool survey_denied = false;
  std::map<std::string, BehaviourKind> behaviours{};  // by key
};

struct ModelAnswer {
  std::string program{};
  std::string customer{};
  int64_t score = 0;
  Timestamp at{};
  ResponseId id{};
};

bool IsEarly(const std::string& status) {
  return status == "open" || status == "dispatched" || status == "rework" || status == "reopened";
}
bool IsTaken(const std::string& status) {
  return status == "accepted" || status == "contacting" || status == "contacted" ||
         status == "remedy_proposed" || status == "remedied";
}
bool IsHandling(const std::string& status) {
  return IsEarly(status) || IsTaken(status) || status == "waiting_for_customer";
}
bool IsDone(const std::string& status) { return !IsHandling(status) && status != "closed"; }

Revision ModelRevision() {
  Revision revision = fixtures::TestRevision();
  revision.priorities = DefaultPriorities();
  revision.lifecycle.max_returns = 2;
  Calendar office;
  office.id = "office";
  for (size_t day = 0; day < 5; ++day) office.week[day] = {{540, 1020}};
  revision.calendars = {office};
  const auto define = [&](ClockKind kind, Limit limit, std::vector<Tier> tiers) {
    ClockDefinition& clock = revision.clocks.emplace_back();
    clock.id = std::string(Name(kind));
    clock.kind = kind;
    clock.limit = limit;
    if (limit.count != Count::kWall) clock.calendar_id = "office";
    clock.tiers = std::move(tiers);
  };
  const auto own = [](Duration after) { return TierAt{TierAt::Kind::kOwnCount, after.count()}; };
  const TierAt due{TierAt::Kind::kWall, 0};
  define(ClockKind::kRemedy, {Count::kBusinessTime, Duration{hours{16}}.count()},
         {{"warn", own(-hours{4}), {}, {}, {}}, {"breach", due, {}, {}, {}}});
  define(ClockKind::kVerification, {Count::kWall, Duration{days{2}}.count()}, {});
  define(ClockKind::kFirstResolution, {Count::kWall, Duration{days{6}}.count()}, {});
  define(ClockKind::kTotalResolution, {Count::kWall, Duration{days{10}}.count()},
         {{"breach", due, {TierAction::kEscalate}, {}, {}},
          {"late", own(days{1}), {TierAction::kRaisePriority}, {}, {}}});
  return revision;
}

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed), world_(ModelRevision(), seed) {}

  void Step() {
    world_.now += Duration{Upto(4) == 0 ? 0 : Upto(hours{24} / Duration{1})};
    const char* people[] = {"li.na", "wang.wei", "zhao.min"};
    world_.actor = people[Upto(3)];
    if (Upto(3) == 0) Bell();
    switch (Upto(24)) {
      case 0:
      case 1:
      case 2:
      case 3: return Submit();
      case 4:
      case 5: return Attempt();
      case 6: return Remedy();
      case 7: return Upto(2) == 0 ? Promise() : SettlePromise();
      case 8:
      case 9: return ResolveCase();
      case 10: return Upto(3) == 0 ? CloseCase() : Fire();
      case 11: return Upto(2) == 0 ? ReopenCase() : Fire();
      case 12: return Upto(2) == 0 ? OpenByHand() : ClaimOrAssign();
      case 13: return Upto(2) == 0 ? Consent() : Upto(2) == 0 ? Behave() : StaleEtag();
      case 14: return PauseOrResume();
      case 15: return Chase();
      case 16: return Send();
      case 17: return TakeOn();
      case 18: return SendBack();
      case 19:
      case 20: return Upto(4) == 0 ? MoveToVerifying() : Verify();
      case 21: return Upto(6) == 0 ? Withdraw() : Escalate();
      case 22: return Extend();
      default: return DecideAnExtension();
    }
  }

  // The world's rows against the model's, and everything recomputed.
  void ExpectAgreement() {
    EXPECT_EQ(world_.problems, std::vector<std::string>{});
    ASSERT_EQ(world_.cases.size(), cases_.size());
    for (const auto& [id, c] : world_.cases) {
      ASSERT_TRUE(cases_.contains(id));
      ExpectSame(c, cases_.at(id));
    }
    EXPECT_EQ(world_.total, Recount());
    const World replayed = world_.Replayed();
    EXPECT_EQ(replayed.customers, world_.customers);
    EXPECT_EQ(replayed.cases, world_.cases);
    EXPECT_EQ(replayed.responses, world_.responses);
    EXPECT_EQ(replayed.problems, std::vector<std::string>{});
    Counts by_hand;
    for (const auto& [id, c] : world_.cases) by_hand += Contribution(c);
    for (const auto& [id, r] : world_.responses) by_hand += Contribution(r);
    EXPECT_EQ(by_hand, world_.total);
  }

  const World& world() const { return world_; }
  std::string Story() const {
    std::string story;
    for (size_t i = story_.size() < 12 ? 0 : story_.size() - 12; i < story_.size(); ++i) {
      story += "\n  " + story_[i];
    }
    return story;
  }
  const std::map<std::string, int>& outcomes() const { return outcomes_; }

 private:
  int64_t Upto(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  std::string AnyKey() { return "c" + std::to_string(Upto(8)); }

  ModelCase* AnyCase() {
    if (cases_.empty()) return nullptr;
    // Mostly the later ones: most of the earlier are closed.
    const int64_t size = static_cast<int64_t>(order_.size());
    const int64_t back = Upto(4) == 0 ? Upto(size) : Upto(std::min<int64_t>(size, 12));
    chosen_ = order_[static_cast<size_t>(size - 1 - back)];
    return &cases_.at(chosen_);
  }

  // Mostly one whose status fits, if there is one.
  template <typename Fits>
  ModelCase* CaseWhere(Fits fits) {
    if (Upto(4) > 0) {
      for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
        if (!fits(cases_.at(*id).status) || Upto(3) == 0) continue;
        chosen_ = *id;
        return &cases_.at(chosen_);
      }
    }
    return AnyCase();
  }
  ModelCase* CaseIn(std::string_view status) {
    return CaseWhere([&](const std::string& each) { return each == status; });
  }

  const Program& ProgramOf(const ModelCase& c) const {
    return *world_.revision.FindProgram(c.program);
  }
  int64_t Best(std::string_view program) const {
    return world_.revision.FindProgram(program)->scale.max;
  }

  // Runs the command and holds what it comes to against `expected`: a refusal's reason, or "" for
  // any success.
  Result<Events> Run(const Command& command, const std::string& expected, const std::string& what) {
    const size_t logged = world_.log.size();
    auto decided = world_.Do(command);
    const std::string outcome = fixtures::Outcome(decided);
    story_.push_back(what + ": " + outcome);
    ++outcomes_[decided ? "ok " + what.substr(0, what.find(' ')) : outcome];
    if (expected.empty()) {
      EXPECT_TRUE(decided) << what << ": " << outcome;
    } else {
      EXPECT_EQ(outcome, expected) << what;
      EXPECT_EQ(world_.log.size(), logged) << "a refusal leaves no trace";
    }
    EXPECT_EQ(world_.problems, std::vector<std::string>{});
    if (const auto* work = std::get_if<WorkCase>(&command);
        decided && work != nullptr && !std::holds_alternative<FireTimers>(work->verb)) {
      CrossDue(cases_.at(chosen_));
    }
    return decided;
  }

  void ExpectSame(const Case& c, ModelCase m) {
    SCOPED_TRACE(CaseNumberText(c.number));
    EXPECT_EQ(c.status, m.status);
    EXPECT_EQ(c.holds_dedupe_slot, m.slot);
    EXPECT_EQ(c.reopen_count, m.reopened);
    EXPECT_EQ(c.severity, m.severity);
    EXPECT_EQ(c.closed_at, m.closed_at);
    EXPECT_EQ(c.owner, m.owner);
    EXPECT_EQ(c.first_receiver, m.first_receiver);
    EXPECT_EQ(c.return_count, m.returned);
    EXPECT_EQ(c.escalation_level, m.level);
    EXPECT_EQ(c.priority_rank, m.rank);
    EXPECT_EQ(c.handling_result != HandlingResult::kUnset, m.handled);
    EXPECT_EQ(OpenPause(c) != nullptr, m.status == "waiting_for_customer");
    EXPECT_EQ(c.pauses.size(), static_cast<size_t>(m.pauses));
    std::optional<Timestamp> due = m.expiry;
    ASSERT_EQ(c.clocks.size(), m.clocks.size());
    for (size_t i = 0; i < m.clocks.size(); ++i) {
      ModelClock& model = m.clocks[i];
      const CaseClock& clock = c.clocks[i];
      SCOPED_TRACE(Name(clock.kind));
      ASSERT_EQ(clock.kind, model.kind);
      const ClockState state = model.runs_since ? ClockState::kRunning
                               : model.live     ? ClockState::kPaused
                               : model.met      ? ClockState::kMet
                                                : ClockState::kCancelled;
      EXPECT_EQ(static_cast<int>(clock.state), static_cast<int>(state));
      if (model.runs_since) {
        EXPECT_EQ(clock.due_at, model.Due());
      }
      EXPECT_EQ(clock.breached_at, model.breached_at);
      EXPECT_EQ(clock.limit.amount, model.limit);
      const Calendar* calendar = model.office ? &world_.revision.calendars[0] : nullptr;
      EXPECT_EQ(Read(clock, calendar, world_.now).elapsed, model.ElapsedAt(world_.now));
      std::set<std::string> crossed;
      for (const ModelTier& tier : model.tiers) {
        if (tier.crossed) crossed.insert(tier.id);
      }
      EXPECT_EQ(std::set<std::string>(clock.crossed.begin(), clock.crossed.end()), crossed);
      const ModelTier* next = model.Next();
      if (next != nullptr && (!due || model.TimeOf(*next) < *due)) due = model.TimeOf(*next);
    }
    EXPECT_EQ(NextDue(c), due);
  }

  void ExpectChosen() { ExpectSame(world_.cases.at(chosen_), cases_.at(chosen_)); }

  void Submit() {
    const std::string_view programs[] = {fixtures::kNps, fixtures::kCsat, fixtures::kSite};
    const std::string program(programs[Upto(3)]);
    const Scale& scale = world_.revision.FindProgram(program)->scale;
    const int64_t score =
        Upto(2) == 0 ? scale.min + Upto(3) : scale.min + Upto(scale.max - scale.min + 1);
    const std::string key = Upto(10) == 0 ? "" : AnyKey();
    const bool contact = Upto(12) == 0;
    const Timestamp at =
        Upto(4) == 0 ? world_.now - Duration{Upto(days{6} / Duration{1})} : world_.now;
    SubmitResponse command = Answer(key, score, {.program = program, .at = at});
    command.response.contact_requested = contact;
    ModelCase* named = nullptr;
    if (Upto(5) == 0 && (named = AnyCase()) != nullptr) command.response.case_id = chosen_;

    const Category category = Categorize(scale, score);
    std::string refused;
    if (key.empty() && program != fixtures::kSite) refused = "CUSTOMER_REQUIRED";
    if (refused.empty() && named != nullptr &&
        (named->program != program || named->customer != key)) {
      refused = "PAIRING_MISMATCH";
    }
    // What the rules say, in their order.
    ResponseEffect effect = ResponseEffect::kNone;
    ModelCase* with = nullptr;
    CaseId with_id;
    const auto own = [&](const ModelCase& c) {
      return !key.empty() && c.customer == key && c.program == program;
    };
    std::vector<std::pair<CaseId, ModelCase*>> mine;
    for (auto& [id, c] : cases_) {
      if (own(c)) mine.emplace_back(id, &c);
    }
    std::sort(mine.begin(), mine.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second->opened_at, a.first) < std::pair(b.second->opened_at, b.first);
    });
    const auto choose = [&](ResponseEffect what, const auto& entry) {
      effect = what;
      std::tie(with_id, with) = entry;
    };
    if (named != nullptr && named->status == "resurvey_due" && at >= named->opened_at) {
      choose(ResponseEffect::kResurveyAnswer, std::pair(chosen_, named));
    }
    for (const auto& entry : mine) {
      const ModelCase& c = *entry.second;
      if (effect == ResponseEffect::kNone && c.status == "resurvey_due" &&
          at >= *c.first_asked_at && at >= *c.resolved_at) {
        choose(ResponseEffect::kResurveyAnswer, entry);
      }
    }
    if (effect == ResponseEffect::kNone && (category == Category::kDetractor || contact)) {
      effect = ResponseEffect::kOpened;
      for (auto entry = mine.rbegin(); entry != mine.rend(); ++entry) {
        const ModelCase& c = *entry->second;
        if (effect == ResponseEffect::kOpened && c.closed_at && !c.by_hand && !c.asks_for_contact &&
            program == fixtures::kCsat && at >= *c.closed_at && at - *c.closed_at <= days{7}) {
          choose(ResponseEffect::kReopened, *entry);
        }
      }
      for (const auto& entry : mine) {
        if (entry.second->slot) choose(ResponseEffect::kAttached, entry);
      }
    }
    const auto decided = Run(command, refused, "submit " + program + " " + key);
    if (!decided) return;
    const Response& response = world_.LastResponse();
    ASSERT_EQ(response.effect, effect);
    if (with != nullptr) CrossDue(*with);
    const int severity = (scale.max - scale.min) > 3 * (score - scale.min) ? 3 : 2;
    switch (effect) {
      case ResponseEffect::kOpened: {
        ModelCase fresh;
        fresh.program = program;
        fresh.customer = key;
        fresh.asks_for_contact = category != Category::kDetractor;
        fresh.slot = !key.empty();
        fresh.severity = severity;
        fresh.opened_at = at;
        fresh.opening = response.id;
        fresh.arrived = answers_.size() + 1;
        Begin(fresh);
        with_id = response.paired_case_id;
        order_.push_back(with_id);
        cases_[with_id] = fresh;
        break;
      }
      case ResponseEffect::kAttached: with->severity = std::max(with->severity, severity); break;
      case ResponseEffect::kReopened:
        with->severity = std::min(5, std::max(with->severity, severity) + 1);
        BeginAgain(*with);
        with->slot = true;
        break;
      case ResponseEffect::kResurveyAnswer:
        with->resurvey_answers.emplace_back(at, score);
        with->expiry.reset();
        if (category != Category::kDetractor) {
          End(*with, at);
        } else if (with->reopened >= 2) {
          Come(*with, "resurveyed");
        } else {
          with->severity = std::min(5, with->severity + 1);
          BeginAgain(*with);
        }
        break;
      case ResponseEffect::kNone:
      case ResponseEffect::kUnset: break;
    }
    if (effect != ResponseEffect::kNone) {
      EXPECT_EQ(response.paired_case_id, with_id);
      chosen_ = with_id;
      ExpectChosen();
    }
    answers_.push_back({program, key, score, at, response.id});
    if (!key.empty()) customers_.try_emplace(key);
  }

  ModelClock& Start(ModelCase& c, ClockKind kind, Duration limit) {
    ModelClock& clock = c.clocks.emplace_back();
    clock.kind = kind;
    clock.limit = limit.count();
    clock.runs_since = world_.now;
    if (kind == ClockKind::kResurvey) clock.tiers = {{"due", {}}};
    return clock;
  }
  void StartRemedy(ModelCase& c) {
    ModelClock& clock = Start(c, ClockKind::kRemedy, hours{16});
    clock.office = true;
    clock.tiers = {{"warn", -hours{4}}, {"breach", {}}};
  }
  void Stop(ModelCase& c, ClockKind kind, bool met) {
    for (ModelClock& clock : c.clocks) {
      if (clock.kind != kind || !clock.live) continue;
      clock.Stand(world_.now);
      clock.live = false;
      clock.met = met;
    }
  }
  void Begin(ModelCase& c) {
    c.rank = c.severity >= 5 ? 1 : c.severity == 4 ? 2 : c.severity == 3 ? 3 : 4;
    if (!c.customer.empty()) Start(c, ClockKind::kFirstContact, hours{24});
    StartRemedy(c);
    Start(c, ClockKind::kFirstResolution, days{6});
    Start(c, ClockKind::kTotalResolution, days{10}).tiers = {{"breach", {}, true, false},
                                                             {"late", days{1}, false, true}};
  }
  void CountTotalOn(ModelCase& c) {
    for (ModelClock& clock : c.clocks) {
      if (clock.kind != ClockKind::kTotalResolution) continue;
      clock.live = true;
      clock.met = false;
      clock.runs_since = world_.now;
    }
  }
  // Into the status, and what it means for the clocks.
  void Come(ModelCase& c, const std::string& status) {
    c.status = status;
    const bool waits = status == "waiting_for_customer";
    for (ModelClock& clock : c.clocks) {
      const bool stands = waits && clock.kind != ClockKind::kCommitment;
      if (clock.live && stands) clock.Stand(world_.now);
      if (clock.live && !stands && !clock.runs_since) clock.runs_since = world_.now;
    }
    const bool may_ask = (status == "resolved" || status == "verified") && !c.customer.empty();
    if (!may_ask) Stop(c, ClockKind::kResurvey, false);
    if (may_ask && c.Live(ClockKind::kResurvey) == nullptr) {
      Start(c, ClockKind::kResurvey, days{3});
    }
  }

  void BeginAgain(ModelCase& c) {
    c.reopened += 1;
    c.closed_at.reset();
    c.expiry.reset();
    c.handled = false;
    for (const ClockKind kind : {ClockKind::kResurvey, ClockKind::kVerification,
                                 ClockKind::kFirstContact, ClockKind::kRemedy}) {
      Stop(c, kind, false);
    }
    if (!c.customer.empty()) Start(c, ClockKind::kFirstContact, hours{24});
    StartRemedy(c);
    CountTotalOn(c);
    Come(c, "reopened");
  }

  void End(ModelCase& c, Timestamp at) {
    c.slot = false;
    c.closed_at = at;
    c.expiry.reset();
    for (int i = 1; i < kClockKindCount; ++i) Stop(c, static_cast<ClockKind>(i), false);
    Come(c, "closed");
  }

  std::string MayReach(const ModelCase& c) {
    if (c.customer.empty()) return "CUSTOMER_UNKNOWN";
    const ModelCustomer& customer = customers_[c.customer];
    if (customer.do_not_contact) return "DO_NOT_CONTACT";
    return customer.recovery_denied ? "CONSENT_DENIED" : "";
  }

  void Attempt() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const bool inbound = Upto(4) == 0;
    const auto outcome = static_cast<AttemptOutcome>(1 + Upto(12));
    LogAttempt verb = fixtures::OutboundAttempt(outcome);
    if (inbound) verb.attempt.direction = Direction::kInbound;
    std::string refused = inbound ? "" : MayReach(*c);
    if (c->status == "closed") refused = "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), verb), refused, "attempt")) return;
    using enum AttemptOutcome;
    const bool reached = inbound || outcome == kReached || outcome == kHungUp ||
                         outcome == kRefused || outcome == kCallBackAgreed ||
                         outcome == kAsksForSuperior;
    if (inbound) c->spoke_at = world_.now;
    if (reached) {
      c->contacted = true;
      Stop(*c, ClockKind::kFirstContact, true);
    }
    if (IsEarly(c->status) || c->status == "accepted" || c->status == "contacting") {
      Come(*c, reached ? "contacted" : "contacting");
    } else if (c->status == "waiting_for_customer" && reached) {
      Come(*c, "contacted");
    }
    ExpectChosen();
  }

  void Remedy() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const bool statutory = Upto(4) == 0;
    const bool words = Upto(2) == 0;
    const auto state = static_cast<RemedyState>(1 + Upto(6));  // new ones: up to delivered
    const RecordRemedy verb = fixtures::NewRemedy(
        words ? RemedyKind::kPersonalApology : RemedyKind::kRefund, state, statutory);
    using enum RemedyState;
    const bool approaches =
        !statutory && state != kProposed && state != kApproved && (words || state == kOffered);
    std::string refused =
        approaches && !(c->spoke_at && world_.now - *c->spoke_at <= hours{24}) ? MayReach(*c) : "";
    if (c->status == "closed") refused = "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), verb), refused, "remedy")) return;
    const bool given = state == kAccepted || state == kDelivered;
    if (given) {
      c->remedied = true;
      Stop(*c, ClockKind::kRemedy, true);
    }
    if (IsHandling(c->status)) {
      const bool stays = c->status == "waiting_for_customer" || c->status == "remedied";
      if (given) {
        Come(*c, "remedied");
      } else if (!stays) {
        Come(*c, "remedy_proposed");
      }
    }
    ExpectChosen();
  }

  void Promise() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    MakeCommitment verb;
    verb.commitment.due_at = world_.now + hours{1 + Upto(200)} + Duration{1 + Upto(999)};
    const std::string refused = c->status != "closed" ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), verb), refused, "commit")) return;
    Start(*c, ClockKind::kCommitment, verb.commitment.due_at - world_.now);
    c->promises.emplace_back(world_.cases.at(chosen_).commitments.back().id, c->clocks.size() - 1);
    ExpectChosen();
  }

  void SettlePromise() {
    ModelCase* c = AnyCase();
    if (c == nullptr || c->promises.empty()) return;
    const size_t which = static_cast<size_t>(Upto(static_cast<int64_t>(c->promises.size())));
    const auto [id, clock] = c->promises[which];
    const bool kept = Upto(2) == 0;
    const SettleCommitment verb{id, kept ? CommitmentState::kKept : CommitmentState::kBroken, {}};
    const std::string refused = c->status != "closed" ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), verb), refused, "settle")) return;
    c->promises.erase(c->promises.begin() + static_cast<std::ptrdiff_t>(which));
    if (c->clocks[clock].live) {
      c->clocks[clock].Stand(world_.now);
      c->clocks[clock].live = false;
      c->clocks[clock].met = kept;
    }
    ExpectChosen();
  }

  void ResolveCase() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string refused = IsHandling(c->status) ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), fixtures::Resolved()), refused, "resolve")) return;
    c->resolved_at = world_.now;
    c->resolved_by = world_.actor;
    c->handled = true;
    Stop(*c, ClockKind::kFirstContact, false);
    Stop(*c, ClockKind::kRemedy, false);
    Stop(*c, ClockKind::kFirstResolution, true);
    Stop(*c, ClockKind::kTotalResolution, true);
    if (!c->customer.empty()) Start(*c, ClockKind::kVerification, days{2});
    Come(*c, "resolved");
    ExpectChosen();
  }

  void PauseOrResume() {
    ModelCase* c = Upto(2) == 0 ? CaseIn("waiting_for_customer") : CaseWhere(IsTaken);
    if (c == nullptr) return;
    const Case& row = world_.cases.at(chosen_);
    if (c->status == "waiting_for_customer" || Upto(3) == 0) {
      const bool waits = c->status == "waiting_for_customer";
      if (!Run(On(row, ResumeCase{}), waits ? "" : "TRANSITION_NOT_ALLOWED", "resume")) return;
      Come(*c, c->contacted ? "contacted" : "accepted");
    } else {
      std::string refused = c->owner.empty() ? "CASE_INCOMPLETE" : "";
      if (!IsTaken(c->status)) refused = "TRANSITION_NOT_ALLOWED";
      if (!Run(On(row, PauseCase{"waits", {}}), refused, "pause")) return;
      c->pauses += 1;
      Come(*c, "waiting_for_customer");
    }
    ExpectChosen();
  }

  void Chase() {
    ModelCase* c = CaseIn(Upto(2) == 0 ? "waiting_for_customer" : "verified");
    if (c == nullptr) return;
    const std::string refused = c->status != "closed" ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), ChaseCase{Channel::kPhone, {}}), refused, "chase")) {
      return;
    }
    if (c->status == "waiting_for_customer") Come(*c, c->contacted ? "contacted" : "accepted");
    ExpectChosen();
  }

  void Send() {
    ModelCase* c = CaseWhere(IsEarly);
    if (c == nullptr) return;
    const std::string owner = Upto(2) == 0 ? "" : "wang.wei";
    const bool may = IsEarly(c->status) || c->status == "accepted";
    if (!Run(On(world_.cases.at(chosen_), Dispatch{owner, "vip", {}, {}}),
             may ? "" : "TRANSITION_NOT_ALLOWED", "dispatch")) {
      return;
    }
    c->owner = owner;
    Come(*c, "dispatched");
    ExpectChosen();
  }

  void Receive(ModelCase& c, const std::string& owner) {
    c.owner = owner;
    if (c.first_receiver.empty()) c.first_receiver = owner;
  }

  void TakeOn() {
    ModelCase* c = CaseWhere(IsEarly);
    if (c == nullptr) return;
    if (!Run(On(world_.cases.at(chosen_), Accept{}),
             IsEarly(c->status) ? "" : "TRANSITION_NOT_ALLOWED", "accept")) {
      return;
    }
    Receive(*c, world_.actor);
    Come(*c, "accepted");
    ExpectChosen();
  }

  void SendBack() {
    ModelCase* c = CaseIn("dispatched");
    if (c == nullptr) return;
    const bool may = c->status == "dispatched" || c->status == "accepted" ||
                     c->status == "contacting" || c->status == "contacted";
    std::string refused = c->returned < 2 ? "" : "RETURN_LIMIT_REACHED";
    if (!may) refused = "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), Return{"wrong_unit", {}, {}}), refused, "return")) return;
    c->returned += 1;
    c->owner.clear();
    Come(*c, "open");
    ExpectChosen();
  }

  void MoveToVerifying() {
    ModelCase* c = CaseIn("resolved");
    if (c == nullptr) return;
    const std::string refused = c->status == "resolved" ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), MoveCase{"verifying", {}, {}}), refused, "move")) return;
    Come(*c, "verifying");
    ExpectChosen();
  }

  void Verify() {
    ModelCase* c = CaseIn(Upto(2) == 0 ? "resolved" : "verifying");
    if (c == nullptr) return;
    const bool solved = Upto(3) > 0;
    std::string refused =
        c->owner == world_.actor || c->resolved_by == world_.actor ? "SECOND_PERSON_REQUIRED" : "";
    if (c->status != "resolved" && c->status != "verifying") refused = "TRANSITION_NOT_ALLOWED";
    const VerifyCase verb{{true, solved, true, {}, {}, {}}};
    if (!Run(On(world_.cases.at(chosen_), verb), refused, "verify")) return;
    Stop(*c, ClockKind::kVerification, true);
    if (!solved) {
      c->handled = false;
      StartRemedy(*c);
      CountTotalOn(*c);
    }
    Come(*c, solved ? "verified" : "rework");
    ExpectChosen();
  }

  void Withdraw() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string refused = c->status != "closed" ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), WithdrawCase{}), refused, "withdraw")) return;
    c->resolved_at = world_.now;
    c->resolved_by = world_.actor;
    c->handled = true;
    End(*c, world_.now);
    ExpectChosen();
  }

  void Escalate() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string refused = c->status != "closed" ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), EscalateCase{}), refused, "escalate")) return;
    c->level += 1;
    ExpectChosen();
  }

  void Extend() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const ClockKind kinds[] = {ClockKind::kRemedy, ClockKind::kTotalResolution,
                               ClockKind::kFirstContact};
    const ClockKind kind = kinds[Upto(3)];
    const int64_t amount = Duration{hours{1 + Upto(30)}}.count() + Upto(1'000);
    ModelClock* clock = c->Live(kind);
    std::string refused;
    if (clock == nullptr) {
      refused = "CLOCK_NOT_RUNNING";
    } else if (clock->extensions >= 2) {
      refused = "EXTENSION_LIMIT_REACHED";
    }
    if (c->status == "closed") refused = "TRANSITION_NOT_ALLOWED";
    const RequestExtension verb{kind, 0, amount, false, "parts", {}};
    if (!Run(On(world_.cases.at(chosen_), verb), refused, "extend")) return;
    clock->extensions += 1;
    c->extensions.push_back({world_.cases.at(chosen_).extensions.back().id,
                             static_cast<size_t>(clock - c->clocks.data()), amount, world_.actor});
    pending_.push_back(chosen_);
    ExpectChosen();
  }

  void DecideAnExtension() {
    if (pending_.empty()) return;
    const size_t which = static_cast<size_t>(Upto(static_cast<int64_t>(pending_.size())));
    chosen_ = pending_[which];
    ModelCase& c = cases_.at(chosen_);
    ModelExtension& extension =
        c.extensions[static_cast<size_t>(Upto(static_cast<int64_t>(c.extensions.size())))];
    ModelClock& clock = c.clocks[extension.clock];
    const bool grant = Upto(3) > 0;
    std::string refused = grant && !clock.live ? "CLOCK_NOT_RUNNING" : "";
    if (extension.by == world_.actor) refused = "SECOND_PERSON_REQUIRED";
    if (extension.decided) refused = "EXTENSION_DECIDED";
    if (c.status == "closed") refused = "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), DecideExtension{extension.id, grant}), refused,
             "decide")) {
      return;
    }
    extension.decided = true;
    if (grant) {
      clock.limit += extension.amount;
    } else {
      clock.extensions -= 1;
    }
    if (Upto(2) == 0) pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(which));
    ExpectChosen();
  }

  void CloseCase() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string refused = IsDone(c->status) ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), Close{}), refused, "close")) return;
    const ResurveyResult expected = c->status == "resurveyed"     ? ResurveyResult::kStillDetractor
                                    : c->status == "resurvey_due" ? ResurveyResult::kNoAnswer
                                                                  : ResurveyResult::kNotAsked;
    EXPECT_EQ(world_.cases.at(chosen_).resurvey_result, expected);
    End(*c, world_.now);
    ExpectChosen();
  }

  void ReopenCase() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    std::string refused;
    const bool wants_slot = !c->by_hand && !c->customer.empty();
    for (const auto& [id, other] : cases_) {
      if (wants_slot && !c->slot && other.slot && other.customer == c->customer &&
          other.program == c->program) {
        refused = "DEDUPE_SLOT_TAKEN";
      }
    }
    if (IsHandling(c->status)) refused = "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), Reopen{}), refused, "reopen")) return;
    BeginAgain(*c);
    c->slot = wants_slot;
    ExpectChosen();
  }

  // Every case that is due, as the bell does.
  void Bell() {
    std::vector<CaseId> due;
    for (const auto& [id, c] : world_.cases) {
      if (const auto next = NextDue(c); next && *next <= world_.now) due.push_back(id);
    }
    for (const CaseId& id : due) {
      chosen_ = id;
      FireChosen();
    }
  }

  void Fire() {
    if (AnyCase() != nullptr) FireChosen();
  }

  void FireChosen() {
    ModelCase& c = cases_.at(chosen_);
    const Timestamp now = world_.now;
    // Each at its turn by due time; whatever ends the case cancels the rest.
    std::string expected;
    const auto add = [&](std::string_view event) {
      (expected += expected.empty() ? "" : " ") += event;
    };
    while (c.status != "closed") {
      ModelClock* clock = nullptr;
      for (ModelClock& each : c.clocks) {
        if (each.Next() != nullptr &&
            (clock == nullptr || each.TimeOf(*each.Next()) < clock->TimeOf(*clock->Next()))) {
          clock = &each;
        }
      }
      const Timestamp never = now + Duration{1};
      const Timestamp tier_at = clock == nullptr ? never : clock->TimeOf(*clock->Next());
      const Timestamp expiry = c.expiry.value_or(never);
      if (std::min(tier_at, expiry) > now) break;
      if (expiry < tier_at) {
        add("TimerEnded");
        Cancelled(c, add);
        add("CaseClosed");
        End(c, now);
      } else if (clock->kind == ClockKind::kResurvey) {
        add("ClockEnded");
        Stop(c, ClockKind::kResurvey, true);
        const ModelCustomer& customer = customers_[c.customer];
        const bool asks =
            !customer.do_not_contact && !customer.survey_denied && now - tier_at <= hours{72};
        if (asks) {
          add("ResurveyAsked TimerSet");
          if (c.Live(ClockKind::kVerification) != nullptr) add("ClockEnded");
          Stop(c, ClockKind::kVerification, false);
          Come(c, "resurvey_due");
          c.expiry = now + days{14};
          if (!c.first_asked_at) c.first_asked_at = now;
        } else {
          Cancelled(c, add);
          add("CaseClosed");
          End(c, now);
        }
      } else {
        CrossTier(c, *clock, now, add);
      }
    }
    const auto decided = Run(On(world_.cases.at(chosen_), FireTimers{}), "", "fire");
    EXPECT_EQ(fixtures::Outcome(decided), expected);
    ExpectChosen();
    EXPECT_EQ(fixtures::Outcome(world_.Do(On(world_.cases.at(chosen_), FireTimers{}))), "")
        << "a second wake-up finds nothing";
  }

  // The next tier of a running clock, which is due by `until`.
  template <typename Add>
  void CrossTier(ModelCase& c, ModelClock& clock, Timestamp until, const Add& add) {
    ModelTier& tier = *clock.Next();
    const Timestamp at = clock.TimeOf(tier);
    tier.crossed = true;
    if (tier.id == "breach") clock.Breach(at);
    bool overtaken = false;
    for (const ModelTier& later : clock.tiers) {
      const bool due = !later.crossed && clock.TimeOf(later) <= until;
      overtaken = overtaken || (due && clock.TimeOf(later) > at);
    }
    add("TierCrossed");
    if (!overtaken && tier.escalates) {
      add("CaseEscalated");
      c.level += 1;
    }
    if (!overtaken && tier.raises && c.rank > 1) {
      add("PriorityChanged");
      c.rank -= 1;
    }
  }

  // What a command finds undone that was due before it.
  void CrossDue(ModelCase& c) {
    const Timestamp last = world_.now - Duration{1};
    for (ModelClock& clock : c.clocks) {
      if (clock.kind == ClockKind::kResurvey) continue;
      while (clock.Next() != nullptr && clock.TimeOf(*clock.Next()) <= last) {
        CrossTier(c, clock, last, [](std::string_view) {});
      }
    }
  }

  // A case that closes cancels what it still has.
  template <typename Add>
  void Cancelled(const ModelCase& c, const Add& add) {
    for (const ModelClock& clock : c.clocks) {
      if (clock.live) add("ClockEnded");
    }
  }

  void OpenByHand() {
    OpenCase command;
    command.program_id = fixtures::kNps;
    const std::string key = AnyKey();
    const Customer* customer = world_.FindCustomer(key);
    if (customer == nullptr) return;
    command.customer_id = customer->id;
    command.severity = static_cast<int32_t>(1 + Upto(5));
    const auto decided = Run(command, "", "open");
    ModelCase fresh;
    fresh.program = command.program_id;
    fresh.customer = key;
    fresh.by_hand = true;
    fresh.severity = command.severity;
    fresh.opened_at = world_.now;
    Begin(fresh);
    chosen_ = decided->front().case_id;
    cases_[chosen_] = fresh;
    order_.push_back(chosen_);
    ExpectChosen();
  }

  void ClaimOrAssign() {
    if (Upto(2) == 0) {
      std::optional<Case> best;
      for (const auto& [id, m] : cases_) {
        const Case& row = world_.cases.at(id);
        if (!m.owner.empty() || m.handled || m.status == "closed") continue;
        if (!best || ClaimOrder(row, world_.now) < ClaimOrder(*best, world_.now)) best = row;
      }
      const auto claimed = Run(ClaimNext{}, best ? "" : "NOTHING_TO_CLAIM", "claim");
      if (!claimed) return;
      chosen_ = claimed->front().case_id;
      EXPECT_EQ(chosen_, best->id);
      ModelCase& c = cases_.at(chosen_);
      CrossDue(c);
      Receive(c, world_.actor);
      if (IsEarly(c.status)) Come(c, "accepted");
      return ExpectChosen();
    }
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string owner = Upto(2) == 0 ? "" : "wang.wei";
    if (!Run(On(world_.cases.at(chosen_), Assign{owner, {}}),
             c->status == "closed" ? "TRANSITION_NOT_ALLOWED" : "", "assign")) {
      return;
    }
    c->owner = owner;
    if (!owner.empty() && c->first_receiver.empty()) c->first_receiver = owner;
    ExpectChosen();
  }

  void Consent() {
    const std::string key = AnyKey();
    const Customer* customer = world_.FindCustomer(key);
    if (customer == nullptr) return;
    ModelCustomer& model = customers_[key];
    SetCustomerConsent command{customer->id, {}, {}, customer->version};
    // People mostly change their minds back, so that cases go on.
    model.do_not_contact = !model.do_not_contact && Upto(4) == 0;
    model.recovery_denied = !model.recovery_denied && Upto(4) == 0;
    model.survey_denied = !model.survey_denied && Upto(4) == 0;
    command.do_not_contact = model.do_not_contact;
    for (const auto& [purpose, denied] :
         {std::pair(ConsentPurpose::kRecovery, model.recovery_denied),
          std::pair(ConsentPurpose::kSurvey, model.survey_denied)}) {
      command.consents.push_back({Channel::kUnset, purpose, !denied, world_.now, "form"});
    }
    const CustomerId id = customer->id;
    (void)Run(command, "", "consent");
    EXPECT_EQ(world_.customers.at(id).consents.size(), 2U);
    (void)Run(command, "ETAG_MISMATCH", "consent with a stale etag");
  }

  void Behave() {
    const std::string key = AnyKey();
    if (world_.FindCustomer(key) == nullptr) return;
    auto& known = customers_[key].behaviours;
    const std::string id = std::to_string(Upto(6));
    const BehaviourKind kind = Upto(4) == 0 ? BehaviourKind::kChurn : BehaviourKind::kRepurchase;
    const auto [found, fresh] = known.try_emplace(id, kind);
    const size_t logged = world_.log.size();
    RecordBehaviour command;
    command.customer_key = {"crm", key};
    command.behaviour.external_key = {"shop", id};
    command.behaviour.kind = kind;
    command.occurred_now = true;
    (void)Run(command, found->second == kind ? "" : "BEHAVIOUR_KEY_REUSED", "behaviour");
    EXPECT_EQ(world_.log.size(), logged + (fresh ? 1 : 0));
    EXPECT_EQ(world_.FindCustomer(key)->behaviours.size(), known.size());
  }

  void StaleEtag() {
    if (AnyCase() == nullptr) return;
    const Case& c = world_.cases.at(chosen_);
    WorkCase command = On(c, Assign{"wang.wei", {}});
    command.expected_version = c.version + (Upto(2) == 0 ? 1 : -1);
    const auto refused = Run(command, "ETAG_MISMATCH", "assign with a stale etag");
    EXPECT_EQ(refused.error().metadata.at("current"), "\"" + std::to_string(c.version) + "\"");
  }

  // Everything from the model's own words.
  Counts Recount() {
    Counts counts;
    for (const ModelAnswer& answer : answers_) {
      const Category category =
          Categorize(world_.revision.FindProgram(answer.program)->scale, answer.score);
      counts.promoters += category == Category::kPromoter;
      counts.passives += category == Category::kPassive;
      counts.detractors += category == Category::kDetractor;
      counts.anonymous += answer.customer.empty();
      counts.anonymous_detractors += answer.customer.empty() && category == Category::kDetractor;
    }
    for (const auto& [id, c] : cases_) {
      counts.opened += 1;
      counts.open += c.status != "closed";
      if (c.by_hand || c.asks_for_contact) {
        counts.excluded[static_cast<int>(Exclusion::kNotFromResponse)] += 1;
        continue;
      }
      if (c.customer.empty()) {
        counts.excluded[static_cast<int>(Exclusion::kNoKnownCustomer)] += 1;
        continue;
      }
      counts.eligible += 1;
      counts.contacted += c.contacted;
      counts.remedied += c.remedied;
      counts.asked += c.first_asked_at.has_value();
      const Scale& scale = ProgramOf(c).scale;
      const auto within = [&](Timestamp at) {
        return c.program != fixtures::kCsat || at <= c.opened_at + days{90};
      };
      if (!c.resurvey_answers.empty()) {
        counts.answered += 1;
        const auto& [at, score] = c.resurvey_answers.front();
        counts.recovered_first += within(at) && IsRecovered(Categorize(scale, score));
        counts.converted_first += within(at) && Categorize(scale, score) == Category::kPromoter;
      }
      bool recovered = false;
      bool converted = false;
      for (size_t i = c.arrived; i < answers_.size(); ++i) {
        const ModelAnswer& answer = answers_[i];
        if (answer.customer != c.customer || answer.program != c.program || !within(answer.at) ||
            std::pair(answer.at, answer.id) <= std::pair(c.opened_at, c.opening)) {
          continue;
        }
        recovered |= IsRecovered(Categorize(scale, answer.score));
        converted |= Categorize(scale, answer.score) == Category::kPromoter;
      }
      counts.recovered_ever += recovered;
      counts.converted_ever += converted;
    }
    return counts;
  }

  std::mt19937_64 random_;
  World world_;
  std::map<CaseId, ModelCase> cases_;
  std::vector<CaseId> order_;
  std::map<std::string, ModelCustomer> customers_;
  std::vector<ModelAnswer> answers_;
  CaseId chosen_;
  std::vector<CaseId> pending_;  // cases with extensions to decide
  std::vector<std::string> story_;
  std::map<std::string, int> outcomes_;
};

void RunSeed(uint64_t seed, std::map<std::string, int>* outcomes) {
  SCOPED_TRACE("REBOUND_SEED=" + std::to_string(seed));
  Model model(seed);
  for (int step = 0; step < kStepsPerSeed; ++step) {
    model.Step();
    if (step % 500 == 499) model.ExpectAgreement();
    if (testing::Test::HasFailure()) {
      FAIL() << "REBOUND_SEED=" << seed << ", step " << step << ':' << model.Story();
    }
  }
  for (const auto& [outcome, count] : model.outcomes()) (*outcomes)[outcome] += count;
}

TEST(ModelTest, RandomCommandsDoWhatThePlainRulesSay) {
  std::map<std::string, int> outcomes;
  if (const char* seed = std::getenv("REBOUND_SEED")) {
    return RunSeed(std::strtoull(seed, nullptr, 10), &outcomes);
  }
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    RunSeed(seed, &outcomes);
    if (HasFailure()) return;
  }
  // The walk is of use only while it comes by everything.
  for (const char* outcome : {"ok submit",
                              "ok attempt",
                              "ok remedy",
                              "ok commit",
                              "ok settle",
                              "ok resolve",
                              "ok close",
                              "ok reopen",
                              "ok fire",
                              "ok open",
                              "ok claim",
                              "ok assign",
                              "ok consent",
                              "ok pause",
                              "ok resume",
                              "ok chase",
                              "ok dispatch",
                              "ok accept",
                              "ok return",
                              "ok move",
                              "ok verify",
                              "ok withdraw",
                              "ok escalate",
                              "ok extend",
                              "ok decide",
                              "CUSTOMER_REQUIRED",
                              "PAIRING_MISMATCH",
                              "DO_NOT_CONTACT",
                              "CONSENT_DENIED",
                              "CUSTOMER_UNKNOWN",
                              "TRANSITION_NOT_ALLOWED",
                              "DEDUPE_SLOT_TAKEN",
                              "ETAG_MISMATCH",
                              "CASE_INCOMPLETE",
                              "RETURN_LIMIT_REACHED",
                              "SECOND_PERSON_REQUIRED",
                              "CLOCK_NOT_RUNNING",
                              "EXTENSION_DECIDED"}) {
    EXPECT_GT(outcomes[outcome], 10) << outcome;
  }
}

}  // namespace
}  // namespace rebound
