// Goal: no sequence of commands gets round due process. Method: random commands by a handful of
// people, among them the customer's own agent and the system, against a model that knows of each
// entry only who wanted it, who decided and when it ends. The model says beforehand whether a
// command is accepted; what must always hold is read from the events alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/blacklist_policy.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::On;
using fixtures::Outcome;
using fixtures::World;
using std::chrono::days;
using std::chrono::hours;

using Kind = BlacklistKind;
using Decided = BlacklistDecisionKind;

constexpr Duration kLongest = days{40};
constexpr Duration kWarningWait = days{2};
constexpr Duration kAppealWindow = days{5};
constexpr Duration kAppealDecision = days{4};
constexpr Duration kCoolDown = days{6};
const std::vector<std::string> kPeople = {"an", "bo", "cai", "dan", "en", "owner", "system"};
const Text kNote = {{}, "why"};

struct KnownEntry {
  Kind kind{};
  std::string queue{};
  bool proposed = true;  // not decided yet
  bool over = false;
  std::set<std::string> wanted_by{};
  std::set<std::string> deciders{};
  Timestamp expires_at{};
  std::optional<Timestamp> warned_at{};
  Timestamp appeal_until{};
  std::string appealed_by{};  // empty: nobody has
  bool appeal_decided = false;
  std::string extension_by{};  // empty: none waits
  Timestamp extension_until{};
  Timestamp ended_at = Timestamp::max();  // by a decision
  bool by_rule = false;
};

class Play {
 public:
  explicit Play(uint64_t seed) : random_(seed), world_(Rules(), seed) {
    EXPECT_TRUE(world_.Do(Answer("a", 3)));
    EXPECT_TRUE(world_.Do(On(world_.OnlyCase(), Assign{"owner", {}})));
    EXPECT_TRUE(world_.Do(
        On(world_.OnlyCase(), fixtures::NewRemedy(RemedyKind::kVoucher, RemedyState::kDelivered))));
  }

  void Step() {
    if (Below(3) == 0) world_.now += hours{static_cast<int>(Below(72))};
    world_.actor = kPeople[Below(kPeople.size())];
    const size_t what = Below(10);
    if (what == 0) {
      Propose();
    } else if (what == 1) {
      ByRules();
    } else {
      WorkOn(Choose(), what);
    }
    CheckInForce();
  }

  void CheckEvents(std::set<std::string>& seen) const;

 private:
  static Revision Rules() {
    Revision revision = fixtures::TestRevision();
    revision.blacklist = DefaultBlacklistPolicy();
    for (BlacklistKindPolicy& policy : revision.blacklist.kinds) {
      policy.max_duration = kLongest;
      policy.review_interval = days{9};
      policy.warning_wait = kWarningWait;
      policy.decide_roles.clear();
    }
    revision.blacklist.appeal_window = kAppealWindow;
    revision.blacklist.appeal_decision = kAppealDecision;
    BlacklistRule rule;
    rule.id = "any-voucher";
    rule.kind = Kind::kRepeatCompensation;
    rule.alternatives = {{{}, {{BlacklistMeasure::kRemediesGranted, days{4000}, 1, ""}}}};
    rule.proposal = {days{15}, "frequent_compensation", {}, {}, ""};
    rule.cool_down = kCoolDown;
    revision.blacklist.rules = {rule};
    return revision;
  }

  size_t Below(size_t bound) { return random_() % bound; }

  // The number of an entry, or the next one. Often one whose appeal waits; else mostly one of the
  // last, for most of the others are over.
  int64_t Choose() {
    for (size_t i = known_.size(); i-- > 0 && i + 10 > known_.size() && Below(4) != 0;) {
      const KnownEntry& entry = known_[i];
      const bool waits = !entry.appealed_by.empty() && !entry.appeal_decided && !IsOver(entry);
      if (waits) return static_cast<int64_t>(i) + 1;
    }
    const size_t from = known_.size() > 6 && Below(8) != 0 ? known_.size() - 6 : 0;
    return static_cast<int64_t>(from + Below(known_.size() - from + 1)) + 1;
  }

  // Of the model alone.
  bool IsOver(const KnownEntry& entry) const {
    return entry.over || world_.now >= entry.expires_at;
  }

  void Propose() {
    ProposeEntry command;
    command.customer_id = world_.FindCustomer("a")->id;
    command.kind = static_cast<Kind>(1 + Below(kBlacklistKindCount - 1));
    BlacklistEffects effects;
    if (command.kind == Kind::kChannelLimit) effects.channels = {Channel::kPhone};
    if (command.kind == Kind::kStaffSafety) effects.queue_id = "safety";
    const bool goodwill =
        command.kind == Kind::kNoGoodwill || command.kind == Kind::kRepeatCompensation;
    if (goodwill && Below(2) == 0) effects.queue_id = Below(2) == 0 ? "legal" : "audit";
    command.effects = effects;
    for (const BlacklistReason& reason : world_.revision.blacklist.reasons) {
      const auto& kinds = reason.kinds;
      if (std::count(kinds.begin(), kinds.end(), command.kind) > 0) command.reason_code = reason.id;
    }
    command.internal_reason = kNote;
    command.evidence.resize(1);
    command.evidence[0].summary.value = "something";
    command.evidence[0].occurred_at = world_.now;
    command.expires_at = world_.now + days{static_cast<int>(Below(45)) - 2};
    const Duration lasts = *command.expires_at - world_.now;
    const bool covered = std::any_of(known_.begin(), known_.end(), [&](const KnownEntry& each) {
      return each.kind == command.kind && !IsOver(each) &&
             (effects.queue_id.empty() || each.queue == effects.queue_id);
    });
    const bool expected = lasts > Duration{0} && lasts <= kLongest && !covered;
    const auto done = world_.Do(command);
    ASSERT_EQ(done.has_value(), expected) << Outcome(done);
    if (expected)
      known_.push_back({.kind = command.kind,
                        .queue = effects.queue_id,
                        .wanted_by = {world_.actor},
                        .expires_at = *command.expires_at});
  }

  void ByRules() {
    const bool rests = std::any_of(known_.begin(), known_.end(), [&](const KnownEntry& each) {
      if (each.kind != Kind::kRepeatCompensation) return false;
      return !IsOver(each) ||
             (each.by_rule && world_.now < std::min(each.ended_at, each.expires_at) + kCoolDown);
    });
    const size_t before = world_.entries.size();
    const auto done = world_.Do(ProposeByRules{world_.FindCustomer("a")->id});
    ASSERT_TRUE(done) << Outcome(done);
    ASSERT_EQ(world_.entries.size(), before + (rests ? 0 : 1));
    if (rests) return;
    known_.push_back({.kind = Kind::kRepeatCompensation,
                      .wanted_by = {"system", world_.actor},
                      .expires_at = world_.now + days{15},
                      .by_rule = true});
  }

  void WorkOn(int64_t number, size_t what) {
    if (number > static_cast<int64_t>(known_.size())) return;
    KnownEntry& entry = known_[static_cast<size_t>(number) - 1];
    const std::string& actor = world_.actor;
    const Timestamp now = world_.now;
    const bool may = actor != "system" && actor != "owner";
    const bool second = may && !entry.wanted_by.contains(actor);
    const bool waits = !IsOver(entry) && entry.proposed;
    const bool holds = !IsOver(entry) && !entry.proposed;
    const bool appealed = !entry.appealed_by.empty() && !entry.appeal_decided;
    const bool yes = Below(2) == 0;
    EntryVerb verb;
    bool expected = false;
    KnownEntry after = entry;
    switch (what) {
      case 2:
        verb = WarnEntry{kNote};
        expected = waits && second && !entry.warned_at;
        after.warned_at = now;
        after.deciders.insert(actor);
        break;
      case 3:
      case 4: {
        verb = DecideEntry{yes, kNote};
        const bool warn_first =
            entry.kind == Kind::kChannelLimit || entry.kind == Kind::kNoGoodwill;
        const bool ready =
            !yes || !warn_first || (entry.warned_at && now >= *entry.warned_at + kWarningWait);
        expected = waits && second && ready;
        after.proposed = false;
        after.over = !yes;
        after.deciders.insert(actor);
        after.appeal_until = now + kAppealWindow;
        break;
      }
      case 5: {
        const Timestamp until = now + days{static_cast<int>(Below(45))};
        verb = RequestEntryExtension{until, kNote};
        expected = holds && actor != "system" && entry.extension_by.empty() && !appealed &&
                   until > entry.expires_at && until <= now + kLongest;
        after.extension_by = actor;
        after.extension_until = until;
        break;
      }
      case 6:
        verb = DecideEntryExtension{yes, kNote};
        expected = holds && second && !entry.extension_by.empty() && entry.extension_by != actor &&
                   (!yes || !appealed);
        after.extension_by.clear();
        after.deciders.insert(actor);
        if (!yes) break;
        after.expires_at = entry.extension_until;
        if (entry.appealed_by.empty()) after.appeal_until = now + kAppealWindow;
        break;
      case 7:
        verb = AppealEntry{kNote, {}};
        expected = holds && entry.appealed_by.empty() && now <= entry.appeal_until;
        after.appealed_by = actor;
        break;
      case 8:
        verb = DecideEntryAppeal{yes, kNote};
        expected = holds && second && appealed && entry.appealed_by != actor &&
                   !entry.deciders.contains(actor);
        after.appeal_decided = true;
        after.over = yes;
        after.deciders.insert(actor);
        break;
      default:
        if (Below(3) != 0) {
          verb = EntryTimers{};
          expected = true;
          break;
        }
        verb = LiftEntry{kNote};
        expected = holds && may;
        after.over = true;
        after.deciders.insert(actor);
        break;
    }
    const auto done = world_.Do(WorkEntry{{{}, number}, verb, {}});
    ASSERT_EQ(done.has_value(), expected)
        << actor << " " << what << " on B-" << number << ": " << Outcome(done);
    if (!expected) return;
    if (after.over && !entry.over) after.ended_at = now;
    entry = after;
  }

  void CheckInForce() {
    std::map<std::string, int> by_rule;
    for (const auto& [id, entry] : world_.entries) {
      const KnownEntry& known = known_.at(static_cast<size_t>(entry.number) - 1);
      const bool in_force = IsInForce(entry, world_.now);
      if (in_force) {
        ASSERT_FALSE(known.proposed || IsOver(known)) << "B-" << entry.number;
        if (!entry.rule_id.empty()) {
          ASSERT_EQ(++by_rule[entry.rule_id], 1);
        }
      }
      ASSERT_FALSE(IsInForce(entry, entry.expires_at));
      ASSERT_EQ(IsOpen(entry, world_.now), !IsOver(known));
    }
  }

  std::mt19937_64 random_;
  World world_;
  std::vector<KnownEntry> known_{};
};

// Nothing of the model is used here.
void Play::CheckEvents(std::set<std::string>& seen) const {
  struct Past {
    std::string proposer{}, trigger{}, extension_by{}, appealed_by{};
    std::set<std::string> deciders{};
    Timestamp expires_at{};
    std::optional<Timestamp> ended_at{};  // recorded
  };
  std::map<BlacklistEntryId, Past> pasts;
  for (const Event& event : world_.log) {
    if (event.entry_id.empty()) continue;
    seen.emplace(TypeName(event.body));
    Past& past = pasts[event.entry_id];
    // Of what has ended only its notice is left, in the same breath.
    if (past.ended_at) {
      ASSERT_TRUE(std::holds_alternative<EntryNotified>(event.body));
      ASSERT_EQ(event.recorded_at, *past.ended_at);
    }
    const auto decide = [&](const BlacklistDecision& decision, bool wants_second) {
      ASSERT_EQ(decision.actor, event.actor);
      ASSERT_NE(event.actor, "system");
      ASSERT_NE(event.actor, "owner");
      ASSERT_LT(event.recorded_at, past.expires_at);
      if (wants_second) {
        ASSERT_NE(event.actor, past.proposer);
        ASSERT_NE(event.actor, past.trigger);
      }
      past.deciders.insert(event.actor);
    };
    if (const auto* proposed = std::get_if<EntryProposed>(&event.body)) {
      past.proposer = proposed->entry.proposer;
      past.trigger = proposed->entry.triggered_by;
      past.expires_at = proposed->entry.expires_at;
      ASSERT_LE(past.expires_at, event.recorded_at + kLongest);
    } else if (const auto* warned = std::get_if<EntryWarned>(&event.body)) {
      decide(warned->decision, true);
    } else if (const auto* decided = std::get_if<EntryDecided>(&event.body)) {
      decide(decided->decision, true);
      if (decided->decision.kind == Decided::kRejected) past.ended_at = event.recorded_at;
    } else if (const auto* asked = std::get_if<EntryExtensionRequested>(&event.body)) {
      past.extension_by = asked->extension.requested_by;
    } else if (const auto* extended = std::get_if<EntryExtensionDecided>(&event.body)) {
      decide(extended->decision, true);
      ASSERT_NE(event.actor, past.extension_by);
      past.expires_at = extended->expires_at;
      ASSERT_LE(past.expires_at, event.recorded_at + kLongest);
    } else if (const auto* appealed = std::get_if<EntryAppealed>(&event.body)) {
      ASSERT_TRUE(past.appealed_by.empty()) << "appealed twice";
      past.appealed_by = appealed->appeal.filed_by;
    } else if (const auto* third = std::get_if<EntryAppealDecided>(&event.body)) {
      ASSERT_FALSE(past.deciders.contains(event.actor));
      ASSERT_NE(event.actor, past.appealed_by);
      decide(third->decision, true);
      if (third->decision.kind == Decided::kAppealUpheld) past.ended_at = event.recorded_at;
    } else if (const auto* lifted = std::get_if<EntryLifted>(&event.body)) {
      decide(lifted->decision, false);
      past.ended_at = event.recorded_at;
    } else if (std::holds_alternative<EntryLapsed>(event.body)) {
      ASSERT_EQ(event.occurred_at, past.expires_at);
      ASSERT_EQ(event.actor, "system");
      past.ended_at = event.recorded_at;
    }
  }
  ASSERT_EQ(world_.Replayed().entries, world_.entries);
  for (const std::string& problem : world_.problems) ADD_FAILURE() << problem;
}

TEST(BlacklistModelTest, NoSequenceOfCommandsGetsRoundDueProcess) {
  const char* only = std::getenv("REBOUND_SEED");
  const uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const uint64_t last = only != nullptr ? first : 24;
  std::set<std::string> seen;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("REBOUND_SEED=" + std::to_string(seed));
    Play play(seed);
    for (int i = 0; i < 1'500; ++i) {
      play.Step();
      if (testing::Test::HasFatalFailure()) return;
    }
    play.CheckEvents(seen);
    if (testing::Test::HasFailure()) return;
  }
  if (only != nullptr) return;
  EXPECT_EQ(seen.size(), 10U) << "the walks miss what may happen";
}

}  // namespace
}  // namespace rebound
