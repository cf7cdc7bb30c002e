// What a blacklist entry restricts, where, and when. The decision table is walked over every value
// of the enums; its expectation stands in switches without default, so that a new kind, state or
// action does not compile until it is decided what it means.
#include "workflows/blacklist.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/blacklist_policy.h"

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;

using fixtures::kStart;
constexpr int kChannelCount = static_cast<int>(Channel::kInPerson) + 1;

template <typename T, int kCount>
constexpr std::array<T, kCount> AllOf() {
  std::array<T, kCount> all{};
  for (int i = 0; i < kCount; ++i) all[static_cast<size_t>(i)] = static_cast<T>(i);
  return all;
}
constexpr auto kKinds = AllOf<BlacklistKind, kBlacklistKindCount>();
constexpr auto kEntryStates = AllOf<BlacklistState, kBlacklistStateCount>();
constexpr auto kActions = AllOf<RestrictedActionKind, kRestrictedActionKindCount>();
constexpr auto kChannels = AllOf<Channel, kChannelCount>();

BlacklistEntry Entry(BlacklistKind kind, BlacklistState state = BlacklistState::kActive) {
  BlacklistEntry entry;
  entry.id.bytes[15] = 7;
  entry.number = 7;
  entry.kind = kind;
  entry.state = state;
  entry.reason_code = "why";
  entry.starts_at = kStart - days{1};
  entry.expires_at = kStart + days{30};
  if (kind == BlacklistKind::kChannelLimit) entry.effects.channels = {Channel::kPhone};
  if (kind == BlacklistKind::kStaffSafety) entry.effects.queue_id = "safety";
  return entry;
}

RestrictedAction Action(RestrictedActionKind kind) {
  return {kind, Channel::kPhone, "voucher", false, "nps", "zhejiang/hangzhou/store-1"};
}

// ------------------------------------------------------------------------------ the decision table

enum class Upon {
  kNever,
  kAlways,
  kLimitedChannel,
  kInPerson,
  kListedRemedy,
  kListedSurvey,
  kNamedQueue
};
struct Cell {
  Upon upon;
  PermitOutcome outcome;
};
constexpr Cell kSilent = {Upon::kNever, PermitOutcome::kAllowed};

Cell CellOf(BlacklistKind kind, RestrictedActionKind action) {
  using A = RestrictedActionKind;
  switch (kind) {
    case BlacklistKind::kUnset: return kSilent;
    case BlacklistKind::kDoNotContact:
      switch (action) {
        case A::kContact: return {Upon::kAlways, PermitOutcome::kBlocked};
        case A::kSurvey: return {Upon::kListedSurvey, PermitOutcome::kBlocked};
        case A::kUnset:
        case A::kRemedy:
        case A::kRoute: return kSilent;
      }
      break;
    case BlacklistKind::kChannelLimit:
      switch (action) {
        case A::kContact:
        case A::kSurvey: return {Upon::kLimitedChannel, PermitOutcome::kBlocked};
        case A::kUnset:
        case A::kRemedy:
        case A::kRoute: return kSilent;
      }
      break;
    case BlacklistKind::kNoGoodwill:
      switch (action) {
        case A::kRemedy: return {Upon::kListedRemedy, PermitOutcome::kBlocked};
        case A::kRoute: return {Upon::kNamedQueue, PermitOutcome::kAllowed};
        case A::kUnset:
        case A::kContact:
        case A::kSurvey: return kSilent;
      }
      break;
    case BlacklistKind::kRepeatCompensation:
      switch (action) {
        case A::kRemedy: return {Upon::kListedRemedy, PermitOutcome::kNeedsApproval};
        case A::kRoute: return {Upon::kNamedQueue, PermitOutcome::kAllowed};
        case A::kUnset:
        case A::kContact:
        case A::kSurvey: return kSilent;
      }
      break;
    case BlacklistKind::kStaffSafety:
      switch (action) {
        case A::kContact: return {Upon::kInPerson, PermitOutcome::kNeedsApproval};
        case A::kRoute: return {Upon::kAlways, PermitOutcome::kAllowed};
        case A::kUnset:
        case A::kRemedy:
        case A::kSurvey: return kSilent;
      }
      break;
  }
  ADD_FAILURE() << "no cell";
  return kSilent;
}

// Of an entry within its time, without an immediate effect or an appeal.
bool Holds(BlacklistState state) {
  switch (state) {
    case BlacklistState::kActive: return true;
    case BlacklistState::kUnset:
    case BlacklistState::kProposed:
    case BlacklistState::kWarned:
    case BlacklistState::kLapsed:
    case BlacklistState::kLifted:
    case BlacklistState::kRejected: return false;
  }
  ADD_FAILURE() << "no state";
  return false;
}

struct ExtentRow {
  BlacklistExtent extent;
  bool reaches;  // Action()'s unit and program
};
const ExtentRow kExtents[] = {
    {{BlacklistExtent::Kind::kCompany, ""}, true},
    {{BlacklistExtent::Kind::kOrgUnit, "zhejiang/hangzhou/store-1"}, true},
    {{BlacklistExtent::Kind::kOrgUnit, "zhejiang"}, true},
    {{BlacklistExtent::Kind::kOrgUnit, "zhejiang/hang"}, false},  // by whole segments
    {{BlacklistExtent::Kind::kOrgUnit, "zhejiang/hangzhou/store-1/desk"}, false},
    {{BlacklistExtent::Kind::kOrgUnit, "jiangsu"}, false},
    {{BlacklistExtent::Kind::kProgram, "nps"}, true},
    {{BlacklistExtent::Kind::kProgram, "nps-2"}, false},
};

struct EffectRow {
  BlacklistEffects effects;
  bool lists_remedy;  // "voucher"
  bool lists_survey;  // "nps"
};
const EffectRow kEffects[] = {
    {{{}, {}, {}, ""}, true, true},
    {{{Channel::kPhone}, {"voucher", "points"}, {"nps", "csat"}, "safety"}, true, true},
    {{{Channel::kPhone, Channel::kLetter}, {"points"}, {"csat"}, "safety"}, false, false},
};

TEST(BlacklistTest, EveryKindInEveryStateSaysToEveryActionWhatTheTableSays) {
  int said = 0;
  for (const BlacklistKind kind : kKinds) {
    for (const BlacklistState state : kEntryStates) {
      for (const ExtentRow& extent : kExtents) {
        for (const EffectRow& effects : kEffects) {
          BlacklistEntry entry = Entry(kind, state);
          entry.extent = extent.extent;
          entry.effects = effects.effects;
          for (const RestrictedActionKind what : kActions) {
            for (const Channel channel : kChannels) {
              for (const bool statutory : {false, true}) {
                RestrictedAction action = Action(what);
                action.channel = channel;
                action.statutory = statutory;
                const Cell cell = CellOf(kind, what);
                bool says = false;
                switch (cell.upon) {
                  case Upon::kNever: says = false; break;
                  case Upon::kAlways: says = true; break;
                  case Upon::kInPerson: says = channel == Channel::kInPerson; break;
                  case Upon::kListedRemedy: says = effects.lists_remedy && !statutory; break;
                  case Upon::kListedSurvey: says = effects.lists_survey; break;
                  case Upon::kNamedQueue: says = !entry.effects.queue_id.empty(); break;
                  case Upon::kLimitedChannel:
                    says = std::count(entry.effects.channels.begin(), entry.effects.channels.end(),
                                      channel) > 0;
                    break;
                }
                says = says && Holds(state) && extent.reaches;
                const Permit permit = Restrict({&entry, 1}, action, kStart);
                const BlacklistEntry brief = Brief(entry);
                EXPECT_EQ(Restrict({&brief, 1}, action, kStart), permit);
                EXPECT_EQ(IsOpen(brief, kStart), IsOpen(entry, kStart));
                SCOPED_TRACE(std::string(Name(kind)) + " " + std::string(Name(state)) + " in " +
                             extent.extent.id + ", action " +
                             std::to_string(static_cast<int>(what)) + " by channel " +
                             std::to_string(static_cast<int>(channel)));
                ASSERT_EQ(permit.outcome, says ? cell.outcome : PermitOutcome::kAllowed);
                ASSERT_EQ(permit.explanations.size(), says ? 1U : 0U);
                const bool routes = says && what == RestrictedActionKind::kRoute;
                ASSERT_EQ(permit.queue_id, routes ? entry.effects.queue_id : "");
                said += says ? 1 : 0;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_GT(said, 500) << "the table is not walked";
}

// ------------------------------------------------------------------------------------------- time

struct EntryTimeRow {
  const char* name;
  milliseconds after_now;
  bool in_force;
};

TEST(BlacklistTest, AnEntryHoldsFromItsStartToTheInstantOfItsEnd) {
  const EntryTimeRow rows[] = {
      {"before", -days{1} - milliseconds{1}, false},
      {"at its start", -days{1}, true},
      {"between", milliseconds{0}, true},
      {"right before its end", days{30} - milliseconds{1}, true},
      {"at its end", days{30}, false},
      {"after", days{31}, false},
  };
  for (const BlacklistKind kind : kKinds) {
    for (const EntryTimeRow& row : rows) {
      SCOPED_TRACE(row.name);
      // No timer has fired: the state is still what it was.
      EXPECT_EQ(IsInForce(Entry(kind), kStart + row.after_now), row.in_force);
    }
  }
}

TEST(BlacklistTest, AnImmediateEffectHoldsUntilItsInstantAndThenOnlyOnceDecided) {
  for (const BlacklistState state : kEntryStates) {
    BlacklistEntry entry = Entry(BlacklistKind::kStaffSafety, state);
    entry.immediate_until = kStart;
    const bool waits = state == BlacklistState::kProposed || state == BlacklistState::kWarned;
    SCOPED_TRACE(Name(state));
    EXPECT_EQ(IsInForce(entry, kStart - milliseconds{1}), waits || Holds(state));
    EXPECT_EQ(IsInForce(entry, kStart), Holds(state));
    const RestrictedAction route = Action(RestrictedActionKind::kRoute);
    const Permit permit = Restrict({&entry, 1}, route, kStart - milliseconds{1});
    if (permit.explanations.empty()) continue;
    EXPECT_EQ(permit.explanations[0].until, waits ? kStart : entry.expires_at);
  }
}

TEST(BlacklistTest, AnAppealUndecidedPastItsTimeSuspendsAllButTheSafetyOfStaff) {
  for (const BlacklistKind kind : kKinds) {
    for (const AppealState state :
         {AppealState::kUnset, AppealState::kMade, AppealState::kUpheld, AppealState::kRejected}) {
      BlacklistEntry entry = Entry(kind);
      entry.appeal.state = state;
      entry.appeal.due_at = kStart;
      const bool suspended = state == AppealState::kMade && kind != BlacklistKind::kStaffSafety;
      SCOPED_TRACE(Name(kind));
      EXPECT_TRUE(IsInForce(entry, kStart - milliseconds{1}));
      EXPECT_EQ(IsInForce(entry, kStart), !suspended);
    }
  }
}

// -------------------------------------------------------------------------------- several entries

TEST(BlacklistTest, TheStrictestCountsAndEachExplainsItself) {
  BlacklistEntry asks = Entry(BlacklistKind::kRepeatCompensation);
  BlacklistEntry blocks = Entry(BlacklistKind::kNoGoodwill);
  blocks.number = 3;
  blocks.id.bytes[15] = 3;
  blocks.reason_code = "dishonest_claims";
  const std::vector<BlacklistEntry> entries = {asks, blocks, Entry(BlacklistKind::kDoNotContact)};
  const Permit permit = Restrict(entries, Action(RestrictedActionKind::kRemedy), kStart);
  EXPECT_EQ(permit.outcome, PermitOutcome::kBlocked);
  ASSERT_EQ(permit.explanations.size(), 2U);
  const PermitExplanation& first = permit.explanations[0];
  EXPECT_EQ(first.entry_id, blocks.id);
  EXPECT_EQ(first.number, 3);
  EXPECT_EQ(first.kind, BlacklistKind::kNoGoodwill);
  EXPECT_EQ(first.reason_code, "dishonest_claims");
  EXPECT_EQ(first.until, blocks.expires_at);
  EXPECT_EQ(permit.explanations[1].outcome, PermitOutcome::kNeedsApproval);
}

TEST(BlacklistTest, TheOrderInWhichEntriesAreReadChangesNothing) {
  std::mt19937_64 random(20260302);
  for (int round = 0; round < 200; ++round) {
    std::vector<BlacklistEntry> entries;
    for (int i = 1; i <= 5; ++i) {
      BlacklistEntry entry = Entry(kKinds[random() % kKinds.size()]);
      entry.number = i;
      entry.effects.queue_id = "q" + std::to_string(i);
      entry.extent = kExtents[random() % std::size(kExtents)].extent;
      entries.push_back(std::move(entry));
    }
    RestrictedAction action = Action(kActions[random() % kActions.size()]);
    action.channel = kChannels[random() % kChannels.size()];
    const Permit expected = Restrict(entries, action, kStart);
    std::shuffle(entries.begin(), entries.end(), random);
    EXPECT_EQ(Restrict(entries, action, kStart), expected);
  }
}

// Goal: of several queues there is one answer. Method: every set of three kinds, with queues or
// without, against a naive model that asks for the safety of staff first and then by number.
TEST(BlacklistTest, TheQueueOfStaffSafetyComesFirstThenThatOfTheLowestNumber) {
  int routed = 0, passed_by = 0;
  for (const BlacklistKind first : kKinds) {
    for (const BlacklistKind second : kKinds) {
      for (const BlacklistKind third : kKinds) {
        for (unsigned named = 0; named < 8; ++named) {
          std::vector<BlacklistEntry> entries = {Entry(first), Entry(second), Entry(third)};
          for (size_t i = 0; i < entries.size(); ++i) {
            entries[i].number = static_cast<int64_t>(i) + 1;
            entries[i].effects.queue_id = (named >> i & 1) != 0 ? "q" + std::to_string(i) : "";
          }
          std::string expected, safety;
          for (const BlacklistEntry& entry : entries) {
            const std::string& queue = entry.effects.queue_id;
            const bool goodwill = entry.kind == BlacklistKind::kNoGoodwill ||
                                  entry.kind == BlacklistKind::kRepeatCompensation;
            if (goodwill && expected.empty()) expected = queue;
            if (entry.kind == BlacklistKind::kStaffSafety && safety.empty()) safety = queue;
          }
          passed_by += !safety.empty() && !expected.empty() ? 1 : 0;
          if (!safety.empty()) expected = safety;
          routed += expected.empty() ? 0 : 1;
          const RestrictedAction route = Action(RestrictedActionKind::kRoute);
          EXPECT_EQ(Restrict(entries, route, kStart).queue_id, expected)
              << Name(first) << " " << Name(second) << " " << Name(third) << " " << named;
          std::reverse(entries.begin(), entries.end());
          EXPECT_EQ(Restrict(entries, route, kStart).queue_id, expected) << "read backwards";
          for (BlacklistEntry& entry : entries) entry.expires_at = kStart;
          EXPECT_EQ(Restrict(entries, route, kStart), Permit{}) << "their time is over";
        }
      }
    }
  }
  EXPECT_GT(routed, 500);
  EXPECT_GT(passed_by, 100);
}

TEST(BlacklistTest, AnActionThatNamesNoUnitOrProgramIsInNone) {
  BlacklistEntry entry = Entry(BlacklistKind::kDoNotContact);
  RestrictedAction nowhere;
  nowhere.kind = RestrictedActionKind::kContact;
  entry.extent = {BlacklistExtent::Kind::kOrgUnit, "zhejiang"};
  EXPECT_EQ(Restrict({&entry, 1}, nowhere, kStart), Permit{});
  entry.extent = {BlacklistExtent::Kind::kProgram, "nps"};
  EXPECT_EQ(Restrict({&entry, 1}, nowhere, kStart), Permit{});
  entry.extent = {};
  EXPECT_EQ(Restrict({&entry, 1}, nowhere, kStart).outcome, PermitOutcome::kBlocked);
}

// ------------------------------------------------------------------------------------- what covers

TEST(BlacklistTest, AWiderExtentCoversANarrowerOne) {
  using Kind = BlacklistExtent::Kind;
  struct Row {
    BlacklistExtent wide, narrow;
    bool covers;
  };
  const Row rows[] = {
      {{Kind::kCompany, ""}, {Kind::kOrgUnit, "a/b"}, true},
      {{Kind::kCompany, ""}, {Kind::kProgram, "nps"}, true},
      {{Kind::kOrgUnit, "a"}, {Kind::kOrgUnit, "a/b"}, true},
      {{Kind::kOrgUnit, "a/b"}, {Kind::kOrgUnit, "a"}, false},
      {{Kind::kOrgUnit, "a"}, {Kind::kOrgUnit, "ab"}, false},
      {{Kind::kOrgUnit, "a"}, {Kind::kCompany, ""}, false},
      {{Kind::kProgram, "nps"}, {Kind::kProgram, "nps"}, true},
      {{Kind::kProgram, "nps"}, {Kind::kOrgUnit, "nps"}, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Covers(row.wide, row.narrow), row.covers) << row.wide.id << " " << row.narrow.id;
  }
}

TEST(BlacklistTest, WiderEffectsCoverNarrowerOnes) {
  struct Row {
    BlacklistEffects wide, narrow;
    bool covers;
  };
  const Row rows[] = {
      {{}, {}, true},
      {{{Channel::kPhone, Channel::kSms}, {}, {}, ""}, {{Channel::kSms}, {}, {}, ""}, true},
      {{{Channel::kSms}, {}, {}, ""}, {{Channel::kPhone}, {}, {}, ""}, false},
      {{}, {{}, {"voucher"}, {}, ""}, true},  // none listed: every one
      {{{}, {"voucher"}, {}, ""}, {}, false},
      {{{}, {"voucher", "points"}, {}, ""}, {{}, {"points"}, {}, ""}, true},
      {{{}, {}, {"nps"}, ""}, {{}, {}, {"csat"}, ""}, false},
      {{{}, {}, {}, "safety"}, {{}, {}, {}, "legal"}, false},
      {{{}, {}, {}, "legal"}, {{}, {}, {}, "legal"}, true},
      {{{}, {}, {}, "legal"}, {{}, {"voucher"}, {}, ""}, true},  // asks for no queue
      {{}, {{}, {}, {}, "legal"}, false},
  };
  for (size_t i = 0; i < std::size(rows); ++i) {
    EXPECT_EQ(Covers(rows[i].wide, rows[i].narrow), rows[i].covers) << i;
  }
}

// -------------------------------------------------------------------------------- the shipped
// policy

TEST(BlacklistTest, TheShippedPolicyHasEveryKindWithABoundAndAReason) {
  const BlacklistPolicy policy = DefaultBlacklistPolicy();
  for (const BlacklistKind kind : kKinds) {
    if (kind == BlacklistKind::kUnset) continue;
    SCOPED_TRACE(Name(kind));
    const BlacklistKindPolicy* of_kind = policy.Find(kind);
    ASSERT_NE(of_kind, nullptr);
    EXPECT_GT(of_kind->max_duration, days{0});
    EXPECT_GT(of_kind->review_interval, days{0});
    EXPECT_LT(of_kind->review_interval, of_kind->max_duration);
    EXPECT_FALSE(of_kind->legal_basis.empty());
    EXPECT_FALSE(of_kind->decide_roles.empty());
    EXPECT_TRUE(std::any_of(policy.reasons.begin(), policy.reasons.end(),
                            [&](const BlacklistReason& reason) {
                              return std::count(reason.kinds.begin(), reason.kinds.end(), kind) > 0;
                            }));
  }
  std::set<std::string> ids;
  for (const BlacklistReason& reason : policy.reasons) {
    EXPECT_TRUE(ids.insert(reason.id).second) << reason.id;
    EXPECT_FALSE(reason.name_en.empty() || reason.name_zh.empty()) << reason.id;
  }
  EXPECT_FALSE(policy.Find(BlacklistKind::kStaffSafety)->warn_first);
}

}  // namespace
}  // namespace rebound
