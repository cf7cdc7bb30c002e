// CheckLifecycle: what can be read but not lived by.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "workflows/lifecycle.h"
#include "workflows/organization.h"

namespace rebound {
namespace {

using FaultKind = LifecycleFault::Kind;

std::string_view Name(FaultKind kind) {
  switch (kind) {
    case FaultKind::kUnreachable: return "unreachable";
    case FaultKind::kDeadEnd: return "dead_end";
    case FaultKind::kNobodyMay: return "nobody_may";
    case FaultKind::kNoWayToClose: return "no_way_to_close";
    case FaultKind::kPhaseMissing: return "phase_missing";
    case FaultKind::kStopsWithoutPause: return "stops_without_pause";
    case FaultKind::kCannotStop: return "cannot_stop";
    case FaultKind::kPauseNeverEnds: return "pause_never_ends";
    case FaultKind::kTwice: return "twice";
    case FaultKind::kMoveIntoClosed: return "move_into_closed";
    case FaultKind::kMustClose: return "must_close";
    case FaultKind::kMustNotClose: return "must_not_close";
    case FaultKind::kInCircles: return "in_circles";
    case FaultKind::kCannotRequire: return "cannot_require";
    case FaultKind::kInitialNotOpen: return "initial_not_open";
    case FaultKind::kHeldOutPhase: return "held_out_phase";
    case FaultKind::kHeldOutLacks: return "held_out_lacks";
  }
  return "?";
}

// "unreachable lonely, nobody_may open #3 viewer".
std::string LifecycleFaults(const Lifecycle& lifecycle) {
  std::string list;
  for (const LifecycleFault& fault : CheckLifecycle(lifecycle, DefaultRoles())) {
    if (!list.empty()) list += ", ";
    list += Name(fault.kind);
    if (!fault.status.empty()) list += " " + fault.status;
    if (fault.transition) list += " #" + std::to_string(*fault.transition);
    if (!fault.detail.empty()) list += " " + fault.detail;
  }
  return list;
}

void AddStatus(Lifecycle& l, std::string key, Phase phase, std::vector<ClockKind> stops = {}) {
  l.statuses.push_back({key, key, key, phase, false, std::move(stops)});
}
Transition& Add(Lifecycle& l, std::string from, CaseCommand command, std::string to,
                std::string otherwise = {}) {
  return l.transitions.emplace_back(
      Transition{std::move(from), command, std::move(to), std::move(otherwise), {}, {}, {}});
}

// The smallest one with a pause. Its transitions: 0 pause, 1 chase, 2 log_attempt, 3 close,
// 4 close, 5 reopen.
Lifecycle Small() {
  using enum CaseCommand;
  Lifecycle l;
  l.initial = "open";
  AddStatus(l, "open", Phase::kOpen);
  AddStatus(l, "waiting", Phase::kContacted, {ClockKind::kRemedy});
  AddStatus(l, "closed", Phase::kClosed);
  Add(l, "open", kPause, "waiting");
  Add(l, "waiting", kChase, "open");
  Add(l, "waiting", kLogAttempt, "open", "waiting");
  Add(l, "open", kClose, "closed");
  Add(l, "waiting", kClose, "closed");
  Add(l, "closed", kReopen, "open");
  return l;
}

struct FaultRow {
  const char* name;
  std::function<void(Lifecycle&)> edit;
  const char* faults;
};

TEST(LifecycleCheckTest, EachFaultIsFoundAndNamed) {
  using enum CaseCommand;
  const FaultRow rows[] = {
      {"none", [](Lifecycle&) {}, ""},
      {"opening into it is a way in",
       [](Lifecycle& l) {
         AddStatus(l, "apart", Phase::kOpen);
         l.statuses.back().handling_done = true;
         AddStatus(l, "asked", Phase::kRemedied);
         Add(l, "apart", kBegin, "open");
         Add(l, "apart", kAskAgain, "asked", "closed");
         Add(l, "asked", kClose, "closed");
         l.held_out = "apart";
       },
       ""},
      {"held out where work is to be done, for ever", [](Lifecycle& l) { l.held_out = "waiting"; },
       "held_out_phase waiting, held_out_lacks waiting begin, held_out_lacks waiting ask_again"},
      {"nothing leads into it",
       [](Lifecycle& l) {
         AddStatus(l, "lonely", Phase::kContacted);
         Add(l, "lonely", kClose, "closed");
       },
       "unreachable lonely"},
      {"only what nothing leads into leads into it",
       [](Lifecycle& l) {
         AddStatus(l, "a", Phase::kContacted);
         AddStatus(l, "b", Phase::kContacted);
         Add(l, "a", kMove, "b");
         Add(l, "b", kMove, "a");
         Add(l, "b", kClose, "closed");
       },
       "unreachable a, unreachable b"},
      {"reached as the lesser effect",
       [](Lifecycle& l) {
         AddStatus(l, "offered", Phase::kContacted);
         Add(l, "open", kRemedy, "open", "offered");
         Add(l, "offered", kClose, "closed");
       },
       ""},
      {"nothing leads out of it",
       [](Lifecycle& l) {
         AddStatus(l, "trap", Phase::kContacted);
         Add(l, "open", kMove, "trap");
         Add(l, "trap", kAssist, "trap");
       },
       "dead_end trap"},
      {"round and round",
       [](Lifecycle& l) {
         AddStatus(l, "a", Phase::kContacted);
         AddStatus(l, "b", Phase::kContacted);
         Add(l, "open", kMove, "a");
         Add(l, "a", kMove, "b");
         Add(l, "b", kMove, "a");
       },
       "no_way_to_close a, no_way_to_close b"},
      {"no status to close into",
       [](Lifecycle& l) {
         l.statuses.pop_back();
         l.transitions.resize(3);
       },
       "phase_missing closed"},
      {"none to open into", [](Lifecycle& l) { l.statuses[0].phase = Phase::kContacted; },
       "phase_missing open, initial_not_open open"},
      {"begins elsewhere", [](Lifecycle& l) { l.initial = "waiting"; }, "initial_not_open waiting"},
      {"begins nowhere", [](Lifecycle& l) { l.initial = "limbo"; },
       "initial_not_open limbo, unreachable open, unreachable waiting, unreachable closed"},
      {"a role that only reads", [](Lifecycle& l) { l.transitions[3].roles = {"viewer"}; },
       "nobody_may open #3 viewer"},
      {"a role that there is not", [](Lifecycle& l) { l.transitions[3].roles = {"boss"}; },
       "nobody_may open #3 boss"},
      {"integrations do not close", [](Lifecycle& l) { l.transitions[3].roles = {"integration"}; },
       "nobody_may open #3 integration"},
      {"but they chase", [](Lifecycle& l) { l.transitions[1].roles = {"integration"}; }, ""},
      {"one of several may",
       [](Lifecycle& l) {
         l.transitions[3].roles = {"viewer", "boss", "agent"};
       },
       ""},
      {"nobody answers for the customer",
       [](Lifecycle& l) { Add(l, "open", kAttachResponse, "open").roles = {"admin"}; },
       "nobody_may open #6 admin"},
      {"clocks stop without a reason", [](Lifecycle& l) { Add(l, "open", kAssign, "waiting"); },
       "stops_without_pause open #6 waiting"},
      {"or as the lesser effect", [](Lifecycle& l) { Add(l, "open", kRemedy, "open", "waiting"); },
       "stops_without_pause open #6 waiting"},
      {"a move may stop them", [](Lifecycle& l) { Add(l, "open", kMove, "waiting"); }, ""},
      {"a clock that nobody can stop",
       [](Lifecycle& l) {
         l.statuses[1].stops = {ClockKind::kRemedy, ClockKind::kExternalDeadline};
       },
       "cannot_stop waiting external_deadline"},
      {"chasing does not end the pause", [](Lifecycle& l) { l.transitions[1].to = "waiting"; },
       "pause_never_ends waiting chase"},
      {"chasing does not end it for whoever was not reached",
       [](Lifecycle& l) { l.transitions[1].otherwise = "waiting"; },
       "pause_never_ends waiting chase"},
      {"the customer's call does not end it",
       [](Lifecycle& l) { l.transitions.erase(l.transitions.begin() + 2); },
       "pause_never_ends waiting log_attempt"},
      {"a second row for one command", [](Lifecycle& l) { Add(l, "open", kClose, "closed"); },
       "twice open #6"},
      {"moves to several statuses are several",
       [](Lifecycle& l) {
         AddStatus(l, "a", Phase::kContacted);
         Add(l, "a", kClose, "closed");
         Add(l, "open", kMove, "a");
         Add(l, "open", kMove, "waiting");
         Add(l, "open", kMove, "a");
       },
       "twice open #9"},
      {"resolving does not close", [](Lifecycle& l) { Add(l, "open", kResolve, "closed"); },
       "move_into_closed open #6 closed"},
      {"nor does moving", [](Lifecycle& l) { Add(l, "waiting", kMove, "closed"); },
       "move_into_closed waiting #6 closed"},
      {"withdrawing does, and the customer's answer",
       [](Lifecycle& l) {
         Add(l, "open", kWithdraw, "closed");
         AddStatus(l, "asked", Phase::kResurveyed);
         Add(l, "open", kAskAgain, "asked", "closed");
         Add(l, "asked", kAnswerResurvey, "closed", "open").exhausted = "open";
       },
       ""},
      {"asking ends in time",
       [](Lifecycle& l) {
         AddStatus(l, "asked", Phase::kResurveyed);
         Add(l, "open", kAskAgain, "open", "closed");
         Add(l, "asked", kAnswerResurvey, "closed");
         Add(l, "open", kMove, "asked");
       },
       "in_circles open #6 to, in_circles asked #7 otherwise, in_circles asked #7 exhausted"},
      {"closing leaves nothing open",
       [](Lifecycle& l) {
         l.transitions[3].to = "open";
         Add(l, "waiting", kWithdraw, "open");
         Add(l, "open", kExpireResurvey, "open");
       },
       "must_close open #3 to, must_close waiting #6 to, must_close open #7 to"},
      {"whom we do not ask, we close",
       [](Lifecycle& l) {
         AddStatus(l, "asked", Phase::kResurveyed);
         Add(l, "open", kAskAgain, "asked");
         Add(l, "waiting", kAskAgain, "closed", "asked");
         Add(l, "asked", kClose, "closed");
       },
       "must_close open #6 otherwise, must_not_close waiting #7 to, must_close waiting #7 "
       "otherwise"},
      {"an answer closes only when it is good",
       [](Lifecycle& l) { Add(l, "open", kAnswerResurvey, "open", "closed").exhausted = "closed"; },
       "must_close open #6 to, must_not_close open #6 otherwise, must_not_close open #6 exhausted"},
      {"what is opened is not closed",
       [](Lifecycle& l) {
         l.transitions[5].to = "closed";
         Add(l, "open", kAttachResponse, "closed");
       },
       "must_not_close closed #5 to, must_not_close open #6 to"},
      {"nobody completes a case before it is claimed",
       [](Lifecycle& l) {
         Add(l, "open", kClaim, "open").requires_fields = {RequiredField::kLiability};
         Add(l, "open", kAttachResponse, "open").requires_fields = {RequiredField::kOwner};
         Add(l, "open", kAccept, "open").requires_fields = {RequiredField::kOwner};
       },
       "cannot_require open #6, cannot_require open #7"},
  };
  std::set<FaultKind> found;
  for (const FaultRow& row : rows) {
    Lifecycle lifecycle = Small();
    row.edit(lifecycle);
    EXPECT_EQ(LifecycleFaults(lifecycle), row.faults) << row.name;
    for (const LifecycleFault& fault : CheckLifecycle(lifecycle, DefaultRoles())) {
      found.insert(fault.kind);
    }
  }
  EXPECT_EQ(found.size(), 17U) << "every kind of fault has a row";
}

TEST(LifecycleCheckTest, TheShippedOneHasNone) {
  EXPECT_EQ(LifecycleFaults(DefaultLifecycle()), "");
}

TEST(LifecycleCheckTest, OneWithoutStatusesHasFaultsAndNoMore) {
  EXPECT_EQ(LifecycleFaults({}), "phase_missing open, phase_missing closed, initial_not_open");
}

// Can `from` come to `to`? By walking as many steps as there are statuses.
bool Leads(const Lifecycle& l, const std::string& from,
           const std::function<bool(const StatusDef&)>& to) {
  std::set<std::string> here = {from};
  for (size_t step = 0; step < l.statuses.size(); ++step) {
    for (const Transition& t : l.transitions) {
      if (!here.contains(t.from)) continue;
      for (const std::string& next : {t.to.empty() ? t.from : t.to, t.otherwise, t.exhausted}) {
        if (!next.empty()) here.insert(next);
      }
    }
  }
  return std::any_of(l.statuses.begin(), l.statuses.end(), [&](const StatusDef& status) {
    return here.contains(status.key) && to(status);
  });
}

// Random edits of the shipped one: the check never fails, says the same twice, points at what is
// there, and finds exactly the statuses that a plain walk does not come to or does not close from.
TEST(LifecycleCheckTest, RandomEditsAreJudgedAsAPlainWalkJudgesThem) {
  std::mt19937_64 random(20260302);
  const auto upto = [&](size_t n) { return static_cast<size_t>(random() % n); };
  std::set<FaultKind> found;
  for (int run = 0; run < 300; ++run) {
    SCOPED_TRACE(run);
    Lifecycle l = DefaultLifecycle();
    const auto any_status = [&] { return l.statuses[upto(l.statuses.size())].key; };
    const size_t edits = 1 + upto(25);
    for (size_t i = 0; i < edits; ++i) {
      Transition& t = l.transitions[upto(l.transitions.size())];
      switch (upto(10)) {
        case 0: t.to = any_status(); break;
        case 1: t.otherwise = any_status(); break;
        case 2: t.from = any_status(); break;
        case 3:
          l.transitions.erase(l.transitions.begin() +
                              static_cast<std::ptrdiff_t>(upto(l.transitions.size())));
          break;
        case 4: t.command = static_cast<CaseCommand>(upto(kCaseCommandCount)); break;
        case 5: l.statuses[upto(l.statuses.size())].phase = static_cast<Phase>(1 + upto(5)); break;
        case 6:
          l.statuses[upto(l.statuses.size())].stops = {
              static_cast<ClockKind>(1 + upto(kClockKindCount - 1))};
          break;
        case 7: t.roles = {upto(2) == 0 ? "viewer" : "agent"}; break;
        case 8: t.requires_fields = {RequiredField::kOwner}; break;
        case 9: {  // a status goes with every row that leads into it or out of it
          const std::string key = any_status();
          if (l.statuses.size() < 3) break;
          std::erase_if(l.statuses, [&](const StatusDef& status) { return status.key == key; });
          std::erase_if(l.transitions, [&](const Transition& each) {
            return each.from == key || each.to == key || each.otherwise == key ||
                   each.exhausted == key;
          });
          break;
        }
      }
      if (l.transitions.empty()) break;
    }
    const auto faults = CheckLifecycle(l, DefaultRoles());
    std::set<std::string> unreachable;
    std::set<std::string> endless;
    for (const LifecycleFault& fault : faults) {
      found.insert(fault.kind);
      if (fault.transition) {
        ASSERT_LT(*fault.transition, l.transitions.size());
        EXPECT_EQ(l.transitions[*fault.transition].from, fault.status);
      }
      if (fault.kind != FaultKind::kPhaseMissing && fault.kind != FaultKind::kInitialNotOpen) {
        // The status of held cases may be one that is not there.
        EXPECT_TRUE(l.Find(fault.status) != nullptr || fault.status == l.held_out) << fault.status;
      }
      if (fault.kind == FaultKind::kUnreachable) unreachable.insert(fault.status);
      if (fault.kind == FaultKind::kNoWayToClose || fault.kind == FaultKind::kDeadEnd) {
        endless.insert(fault.status);
      }
    }
    const auto closed = [](const StatusDef& status) { return status.phase == Phase::kClosed; };
    const bool closes = std::any_of(l.statuses.begin(), l.statuses.end(), closed);
    for (const StatusDef& status : l.statuses) {
      const auto here = [&](const StatusDef& to) { return to.key == status.key; };
      const auto leads = [&](const std::string& from) {
        return l.Find(from) != nullptr && Leads(l, from, here);
      };
      EXPECT_EQ(unreachable.contains(status.key), !leads(l.initial) && !leads(l.held_out))
          << status.key;
      if (closes) {
        EXPECT_EQ(endless.contains(status.key), !Leads(l, status.key, closed)) << status.key;
      }
    }
  }
  EXPECT_EQ(found.size(), 17U) << "the edits come by every kind of fault";
}

}  // namespace
}  // namespace rebound
