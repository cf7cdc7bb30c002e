// Random commands against a naive model.
//
// Goal: whatever people, customers and clocks do in whatever order, the domain does what a plain
// reading of the rules says. Method: the model keeps a few words per case and says for each command
// what it must come to; the world runs Decide and Apply, and checks its own invariants after every
// event (one slot, phase of the status, version, timers once and never early, do_not_contact).
// A failure prints its seed; REBOUND_SEED=n runs that one alone.
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
  // Pending clocks.
  std::optional<Timestamp> contact_due{};
  std::optional<Timestamp> ask_due{};
  std::optional<Timestamp> expiry{};
  std::multiset<Timestamp> promises{};
  // Facts.
  bool contacted = false;
  bool remedied = false;
  std::optional<Timestamp> spoke_at{};
  std::vector<std::pair<Timestamp, int64_t>> resurvey_answers{};
  std::string resurvey_result{};  // of the round at hand
};

struct ModelCustomer {
  bool do_not_contact = false;
  bool recovery_denied = false;
  bool survey_denied = false;
};

struct ModelAnswer {
  std::string program{};
  std::string customer{};
  int64_t score = 0;
  Timestamp at{};
  ResponseId id{};
};

bool IsWorkable(const std::string& status) {
  return status == "open" || status == "contacting" || status == "contacted" ||
         status == "remedied" || status == "reopened";
}
bool IsBeyondHandling(const std::string& status) {
  return status == "resolved" || status == "resurvey_due" || status == "resurveyed";
}

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed), world_(fixtures::TestRevision(), seed) {}

  void Step() {
    world_.now += Duration{Upto(4) == 0 ? 0 : Upto(hours{36} / Duration{1})};
    switch (Upto(14)) {
      case 0:
      case 1:
      case 2:
      case 3: return Submit();
      case 4: return Attempt();
      case 5: return Remedy();
      case 6: return Promise();
      case 7:
      case 8: return ResolveCase();
      case 9: return Upto(3) == 0 ? CloseCase() : Fire();
      case 10: return Fire();
      case 11: return Upto(2) == 0 ? ReopenCase() : Fire();
      case 12: return Upto(2) == 0 ? OpenByHand() : ClaimOrAssign();
      default: return Upto(2) == 0 ? Consent() : StaleEtag();
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
    return decided;
  }

  void ExpectSame(const Case& c, const ModelCase& m) {
    EXPECT_EQ(c.status, m.status) << CaseNumberText(c.number);
    EXPECT_EQ(c.holds_dedupe_slot, m.slot);
    EXPECT_EQ(c.reopen_count, m.reopened);
    EXPECT_EQ(c.severity, m.severity);
    EXPECT_EQ(c.closed_at, m.closed_at);
    std::optional<Timestamp> due;
    for (const auto& clock : {m.contact_due, m.ask_due, m.expiry}) {
      if (clock && (!due || *clock < *due)) due = clock;
    }
    if (!m.promises.empty() && (!due || *m.promises.begin() < *due)) due = *m.promises.begin();
    EXPECT_EQ(NextDue(c), due) << CaseNumberText(c.number);
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
        if (!key.empty()) fresh.contact_due = world_.now + hours{24};
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
          with->status = "resurveyed";
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

  void BeginAgain(ModelCase& c) {
    c.status = "reopened";
    c.reopened += 1;
    c.closed_at.reset();
    c.ask_due.reset();
    c.expiry.reset();
    if (!c.customer.empty()) c.contact_due = world_.now + hours{24};
  }

  void End(ModelCase& c, Timestamp at) {
    c.status = "closed";
    c.slot = false;
    c.closed_at = at;
    c.contact_due.reset();
    c.ask_due.reset();
    c.expiry.reset();
    c.promises.clear();
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
      c->contact_due.reset();
    }
    if (IsWorkable(c->status) && c->status != "remedied" && c->status != "contacted") {
      c->status = reached ? "contacted" : "contacting";
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
    if (state == kAccepted || state == kDelivered) {
      c->remedied = true;
      if (IsWorkable(c->status)) c->status = "remedied";
    }
    ExpectChosen();
  }

  void Promise() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    MakeCommitment verb;
    verb.commitment.due_at = world_.now + hours{1 + Upto(200)};
    const std::string refused = c->status != "closed" ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), verb), refused, "commit")) return;
    c->promises.insert(verb.commitment.due_at);
    ExpectChosen();
  }

  void ResolveCase() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string refused = IsWorkable(c->status) ? "" : "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), fixtures::Resolved()), refused, "resolve")) return;
    c->status = "resolved";
    c->resolved_at = world_.now;
    c->contact_due.reset();
    if (!c->customer.empty()) c->ask_due = world_.now + days{3};
    ExpectChosen();
  }

  void CloseCase() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string refused = IsBeyondHandling(c->status) ? "" : "TRANSITION_NOT_ALLOWED";
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
    if (IsWorkable(c->status)) refused = "TRANSITION_NOT_ALLOWED";
    if (!Run(On(world_.cases.at(chosen_), Reopen{}), refused, "reopen")) return;
    BeginAgain(*c);
    c->slot = wants_slot;
    ExpectChosen();
  }

  void Fire() {
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const Timestamp now = world_.now;
    // Each at its turn by due time; whatever ends the case cancels the rest.
    size_t fired = 0;
    for (bool ended = false; !ended;) {
      const Timestamp never = now + Duration{1};
      const Timestamp promise = c->promises.empty() ? never : *c->promises.begin();
      const Timestamp contact = c->contact_due.value_or(never);
      const Timestamp ask = c->ask_due.value_or(never);
      const Timestamp expiry = c->expiry.value_or(never);
      const Timestamp next = std::min({promise, contact, ask, expiry});
      if (next > now) break;
      ++fired;
      if (next == promise) {
        c->promises.erase(c->promises.begin());
      } else if (next == contact) {
        c->contact_due.reset();
      } else if (next == expiry) {
        ended = true;
      } else {
        c->ask_due.reset();
        const ModelCustomer& customer = customers_[c->customer];
        ended = customer.do_not_contact || customer.survey_denied;
        if (!ended) {
          c->status = "resurvey_due";
          c->expiry = now + days{14};
          if (!c->first_asked_at) c->first_asked_at = now;
        }
      }
      if (ended) End(*c, now);
    }
    const auto decided = Run(On(world_.cases.at(chosen_), FireTimers{}), "", "fire");
    const auto count = std::count_if(decided->begin(), decided->end(), [](const Event& event) {
      const auto* ended = std::get_if<TimerEnded>(&event.body);
      return ended != nullptr && ended->state == TimerState::kFired;
    });
    EXPECT_EQ(static_cast<size_t>(count), fired);
    EXPECT_EQ(decided->empty(), fired == 0);
    ExpectChosen();
    EXPECT_EQ(fixtures::Outcome(world_.Do(On(world_.cases.at(chosen_), FireTimers{}))), "")
        << "a second wake-up finds nothing";
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
    fresh.contact_due = world_.now + hours{24};
    chosen_ = decided->front().case_id;
    cases_[chosen_] = fresh;
    order_.push_back(chosen_);
    ExpectChosen();
  }

  void ClaimOrAssign() {
    if (Upto(2) == 0) {
      const bool any = std::any_of(world_.cases.begin(), world_.cases.end(), [](const auto& entry) {
        return entry.second.owner.empty() && IsWorkable(entry.second.status);
      });
      (void)Run(ClaimNext{}, any ? "" : "NOTHING_TO_CLAIM", "claim");
      return;
    }
    ModelCase* c = AnyCase();
    if (c == nullptr) return;
    const std::string owner = Upto(2) == 0 ? "" : "wang.wei";
    (void)Run(On(world_.cases.at(chosen_), Assign{owner, {}}),
              c->status == "closed" ? "TRANSITION_NOT_ALLOWED" : "", "assign");
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
  for (const char* outcome : {"ok submit",         "ok attempt",       "ok remedy",
                              "ok commit",         "ok resolve",       "ok close",
                              "ok reopen",         "ok fire",          "ok open",
                              "ok claim",          "ok assign",        "ok consent",
                              "CUSTOMER_REQUIRED", "PAIRING_MISMATCH", "DO_NOT_CONTACT",
                              "CONSENT_DENIED",    "CUSTOMER_UNKNOWN", "TRANSITION_NOT_ALLOWED",
                              "DEDUPE_SLOT_TAKEN", "ETAG_MISMATCH"}) {
    EXPECT_GT(outcomes[outcome], 10) << outcome;
  }
}

}  // namespace
}  // namespace rebound
