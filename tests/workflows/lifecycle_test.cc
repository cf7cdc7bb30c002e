// The shipped lifecycle, as a table and as Decide lives by it.
#include "workflows/lifecycle.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <tuple>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::kStart;

std::string_view Name(Phase phase) {
  switch (phase) {
    case Phase::kUnset: return "unset";
    case Phase::kOpen: return "open";
    case Phase::kContacted: return "contacted";
    case Phase::kRemedied: return "remedied";
    case Phase::kResurveyed: return "resurveyed";
    case Phase::kClosed: return "closed";
  }
  return "?";
}

std::string TransitionRow(const Transition& t) {
  std::string row = "  " + std::string(rebound::Name(t.command)) + ' ' + t.to;
  if (!t.otherwise.empty()) row += " else " + t.otherwise;
  if (!t.exhausted.empty()) row += " exhausted " + t.exhausted;
  for (const std::string& role : t.roles) row += " role:" + role;
  for (const RequiredField field : t.requires_fields) {
    row += " requires:" + std::string(rebound::Name(field));
  }
  return row + '\n';
}

std::string TableOf(const Lifecycle& lifecycle) {
  std::ostringstream table;
  table << "initial " << lifecycle.initial << ", at most " << lifecycle.max_returns << " returns, "
        << lifecycle.max_extensions << " extensions\n";
  for (const StatusDef& status : lifecycle.statuses) {
    table << "status " << status.key << " phase " << Name(status.phase)
          << (status.handling_done ? " handling_done" : "");
    for (const ClockKind kind : status.stops) table << " stops:" << rebound::Name(kind);
    table << '\n';
    std::string refused;
    for (int i = 0; i < kCaseCommandCount; ++i) {
      const auto command = static_cast<CaseCommand>(i);
      if (lifecycle.Find(status.key, command) == nullptr) {
        refused += ' ' + std::string(rebound::Name(command));
      }
      for (const Transition& t : lifecycle.transitions) {
        if (t.from == status.key && t.command == command) table << TransitionRow(t);
      }
    }
    table << "  refused:" << refused << '\n';
  }
  return table.str();
}

// What happens to the case that the facts are about; the case afterwards, or the refusal.
Result<Case> Try(const Revision& revision, const Facts& facts, const Command& command,
                 std::string actor = "li.na") {
  IdSource ids(kStart, 1, 1);
  const Context context{kStart + std::chrono::hours{1}, &ids, &revision, std::move(actor), {}};
  auto decided = Decide(facts, command, context);
  if (!decided) return std::move(decided).error();
  EXPECT_FALSE(decided->empty());
  Case c = *facts.subject;
  for (const Event& event : *decided) {
    if (event.case_id == c.id) c = Apply(std::move(c), event);
  }
  return c;
}

TEST(LifecycleTest, TheTableIsTheOneOnRecord) {
  const std::string path = REBOUND_SOURCE_DIR "/tests/golden/lifecycle.txt";
  const std::string table = TableOf(DefaultLifecycle());
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << table;
  }
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(table, golden.str()) << "if this is meant: UPDATE_GOLDEN=1";
}

TEST(LifecycleTest, EveryCommandHasANameAndEveryRowItsStatuses) {
  const Lifecycle lifecycle = DefaultLifecycle();
  std::set<std::string_view> names;
  for (int i = 0; i < kCaseCommandCount; ++i) {
    const auto command = static_cast<CaseCommand>(i);
    EXPECT_TRUE(names.insert(Name(command)).second);
    EXPECT_EQ(ParseCaseCommand(Name(command)), command);
  }
  EXPECT_EQ(ParseCaseCommand("Assign"), std::nullopt);
  EXPECT_EQ(ParseCaseCommand(""), std::nullopt);
  std::set<std::tuple<std::string, CaseCommand, std::string>> rows;
  for (const Transition& transition : lifecycle.transitions) {
    const bool move = transition.command == CaseCommand::kMove;
    EXPECT_TRUE(rows.emplace(transition.from, transition.command, move ? transition.to : "").second)
        << "two rows for one";
    EXPECT_NE(lifecycle.Find(transition.from), nullptr) << transition.from;
    EXPECT_NE(lifecycle.Find(transition.to), nullptr) << transition.to;
    for (const std::string& other : {transition.otherwise, transition.exhausted}) {
      EXPECT_TRUE(other.empty() || lifecycle.Find(other) != nullptr) << other;
    }
  }
  std::set<std::string> keys;
  std::set<Phase> phases;
  for (const StatusDef& status : lifecycle.statuses) {
    EXPECT_TRUE(keys.insert(status.key).second);
    EXPECT_FALSE(status.label_en.empty());
    EXPECT_FALSE(status.label_zh.empty());
    EXPECT_NE(status.phase, Phase::kUnset);
    phases.insert(status.phase);
  }
  EXPECT_EQ(keys.size(), 17U);
  EXPECT_EQ(phases.size(), 5U) << "each phase has a status";
  EXPECT_NE(lifecycle.Find(lifecycle.initial), nullptr);
  EXPECT_EQ(lifecycle.Find("nonsense"), nullptr);
}

// Each verb that people can give, in each status: it comes to the row's status, or the refusal says
// what may be done instead.
TEST(LifecycleTest, EachStatusAcceptsACommandOrNamesThoseItDoes) {
  const Revision revision = fixtures::TestRevision();
  const Lifecycle& lifecycle = revision.lifecycle;
  int accepted = 0;
  for (const StatusDef& status : lifecycle.statuses) {
    for (int i = 0; i <= static_cast<int>(CaseCommand::kReopen); ++i) {
      const auto command = static_cast<CaseCommand>(i);
      if (command == CaseCommand::kClaim) continue;
      // What never was held back says so itself: hold_out_test.cc.
      if (command == CaseCommand::kBegin) continue;
      const Facts facts = fixtures::ReadyFor(command, fixtures::InStatus(revision, status.key));
      SCOPED_TRACE(status.key + " " + std::string(Name(command)));
      const Transition* row = lifecycle.Find(status.key, command);
      if (!MayGive(*facts.subject, command)) row = nullptr;  // a merged case is not reopened
      const auto verb = fixtures::VerbFor(command, *facts.subject, row ? row->to : "verifying");
      const auto after = Try(revision, facts, fixtures::On(*facts.subject, verb));
      ASSERT_EQ(static_cast<bool>(after), row != nullptr)
          << (after ? after->status : Name(after.error().reason));
      if (after) {
        EXPECT_EQ(after->status, row->to);
        EXPECT_EQ(after->phase, lifecycle.Find(row->to)->phase);
        ++accepted;
        continue;
      }
      const Error& error = after.error();
      EXPECT_EQ(error.reason, Reason::kTransitionNotAllowed);
      EXPECT_EQ(error.allowed, lifecycle.Allowed(*facts.subject));
      EXPECT_EQ(error.metadata.at("case"), "C-1042");
      EXPECT_EQ(error.metadata.at("status"), status.key);
      EXPECT_EQ(error.metadata.at("command"), Name(command));
    }
  }
  EXPECT_GT(accepted, 200);
}

TEST(LifecycleTest, AClaimComesToItsRowsStatusFromWhereverACaseIsNobodys) {
  const Revision revision = fixtures::TestRevision();
  int claimable = 0;
  for (const StatusDef& status : revision.lifecycle.statuses) {
    SCOPED_TRACE(status.key);
    Facts facts = fixtures::InStatus(revision, status.key);
    facts.subject->owner.clear();
    const Transition* row = revision.lifecycle.Find(status.key, CaseCommand::kClaim);
    ASSERT_EQ(IsClaimable(*facts.subject), row != nullptr);
    if (row == nullptr) continue;
    const auto after = Try(revision, facts, ClaimNext{});
    ASSERT_TRUE(after);
    EXPECT_EQ(after->status, row->to);
    EXPECT_EQ(after->owner, "li.na");
    ++claimable;
  }
  EXPECT_EQ(claimable, 10);
}

TEST(LifecycleTest, AllowedListsExactlyWhatPeopleCanDo) {
  const Lifecycle lifecycle = DefaultLifecycle();
  using List = std::vector<std::string>;
  EXPECT_EQ(lifecycle.Allowed("closed"),
            (List{"unmerge", "propose_verdict", "decide_verdict", "reopen"}));
  EXPECT_EQ(lifecycle.Allowed("resurvey_due"),
            (List{"assign", "log_attempt", "make_commitment", "settle_commitment", "remedy",
                  "complete_step", "chase", "supervise", "assist", "extend", "decide_extension",
                  "escalate", "withdraw", "merge", "propose_verdict", "decide_verdict", "close",
                  "reopen"}));
  EXPECT_EQ(
      lifecycle.Allowed("open"),
      (List{"assign", "dispatch", "accept", "log_attempt", "make_commitment", "settle_commitment",
            "remedy", "complete_step", "chase", "supervise", "assist", "extend", "decide_extension",
            "escalate", "resolve", "withdraw", "merge", "propose_verdict", "decide_verdict"}));
  EXPECT_EQ(
      lifecycle.Allowed("waiting_for_customer"),
      (List{"assign", "log_attempt", "make_commitment", "settle_commitment", "remedy",
            "complete_step", "resume", "chase", "supervise", "assist", "extend", "decide_extension",
            "escalate", "resolve", "withdraw", "merge", "propose_verdict", "decide_verdict"}));
  EXPECT_EQ(lifecycle.Allowed("resolved"), (List{"assign",
                                                 "log_attempt",
                                                 "make_commitment",
                                                 "settle_commitment",
                                                 "remedy",
                                                 "complete_step",
                                                 "chase",
                                                 "supervise",
                                                 "assist",
                                                 "extend",
                                                 "decide_extension",
                                                 "escalate",
                                                 "verify",
                                                 "move:verifying",
                                                 "withdraw",
                                                 "merge",
                                                 "propose_verdict",
                                                 "decide_verdict",
                                                 "close",
                                                 "reopen"}));
  for (const StatusDef& status : lifecycle.statuses) {
    EXPECT_FALSE(lifecycle.Allowed(status.key).empty()) << status.key << " is a dead end";
  }
}

// Answers and timers meet a case in every status. Without a row they pass it by and never fail.
TEST(LifecycleTest, AnswersAndTimersWithoutARowPassTheCaseBy) {
  const Revision revision = fixtures::TestRevision();
  const Lifecycle& lifecycle = revision.lifecycle;
  const Timestamp later = kStart + std::chrono::days{3};
  for (const StatusDef& status : lifecycle.statuses) {
    const auto fire = [&](const Facts& facts) {
      IdSource ids(kStart, 1, 1);
      const Context context{later, &ids, &revision, "system", {}};
      return Decide(facts, fixtures::On(*facts.subject, FireTimers{}), context);
    };
    SCOPED_TRACE(status.key);
    // The re-survey's clock runs only where the customer may be asked.
    Facts facts = fixtures::InStatus(revision, status.key);
    const Transition* ask = lifecycle.Find(status.key, CaseCommand::kAskAgain);
    EXPECT_EQ(fixtures::Outcome(fire(facts)),
              ask == nullptr ? "" : "ClockEnded ResurveyAsked TimerSet");
    facts.subject->timers = {
        {TimerKind::kResurveyExpiry, 1, later, TimerState::kPending, std::nullopt}};
    std::erase_if(facts.subject->clocks,
                  [](const CaseClock& clock) { return clock.kind == ClockKind::kResurvey; });
    const auto expired = fire(facts);
    ASSERT_TRUE(expired);
    const Transition* expire = lifecycle.Find(status.key, CaseCommand::kExpireResurvey);
    EXPECT_EQ(std::holds_alternative<CaseClosed>(expired->back().body), expire != nullptr);
    EXPECT_EQ(expired->back().status, expire != nullptr ? expire->to : status.key);
    for (const int64_t score : {2, 9}) {
      SCOPED_TRACE(status.key + " answer " + std::to_string(score));
      Facts of_answer = fixtures::InStatus(revision, status.key);
      of_answer.cases = {*of_answer.subject};
      of_answer.subject.reset();
      IdSource ids(kStart, 1, 1);
      const Context context{kStart + std::chrono::hours{1}, &ids, &revision, "system", {}};
      const auto decided = Decide(of_answer, fixtures::Answer("a", score), context);
      ASSERT_TRUE(decided);
      const auto effect = std::get<ResponseRecorded>(decided->front().body).response.effect;
      ResponseEffect expected = ResponseEffect::kNone;
      if (lifecycle.Find(status.key, CaseCommand::kAnswerResurvey) != nullptr) {
        expected = ResponseEffect::kResurveyAnswer;
      } else if (score == 2) {
        expected = lifecycle.Find(status.key, CaseCommand::kAttachResponse) != nullptr
                       ? ResponseEffect::kAttached
                       : ResponseEffect::kOpened;
      }
      EXPECT_EQ(effect, expected);
    }
  }
}

// Walks every status that commands lead to, from a new case on. Each step must be one that the
// table shows.
TEST(LifecycleTest, EveryStatusIsReachedAndCanBeClosed) {
  Revision revision = fixtures::TestRevision();
  revision.programs.front().max_reopen_count = 1;
  const Lifecycle& lifecycle = revision.lifecycle;

  struct Position {
    Facts facts{};
    Timestamp now = kStart;
  };
  const auto key_of = [](const Case& c) {
    std::string key = c.status + " " + std::to_string(std::min(c.reopen_count, 1)) +
                      (c.contacted_at ? " contacted" : "");
    for (const Timer& timer : c.timers) {
      if (timer.state == TimerState::kPending) key += " " + std::to_string(int(timer.kind));
    }
    return key;
  };
  std::map<std::string, Position> seen;
  std::map<std::string, std::set<std::string>> steps;
  std::vector<std::string> waiting;
  IdSource ids(kStart, 1, 1);
  Position start;
  start.facts = fixtures::InStatus(revision, lifecycle.initial);
  start.facts.subject->contacted_at.reset();
  waiting.push_back(key_of(*start.facts.subject));
  seen[waiting.back()] = start;
  while (!waiting.empty()) {
    const Position from = seen.at(waiting.back());
    waiting.pop_back();
    const Case& c = *from.facts.subject;
    std::vector<std::pair<CaseCommand, Command>> commands;
    for (int i = 0; i <= static_cast<int>(CaseCommand::kReopen); ++i) {
      const auto command = static_cast<CaseCommand>(i);
      if (command == CaseCommand::kClaim || command == CaseCommand::kMakeCommitment) continue;
      commands.emplace_back(command, fixtures::On(c, fixtures::VerbFor(command, c, "verifying")));
    }
    commands.emplace_back(CaseCommand::kLogAttempt,
                          fixtures::On(c, fixtures::OutboundAttempt(AttemptOutcome::kNoAnswer)));
    commands.emplace_back(
        CaseCommand::kRemedy,
        fixtures::On(c, fixtures::NewRemedy(RemedyKind::kRefund, RemedyState::kProposed)));
    commands.emplace_back(CaseCommand::kVerify,
                          fixtures::On(c, VerifyCase{{true, false, false, {}, {}, {}}}));
    commands.emplace_back(CaseCommand::kAnswerResurvey, fixtures::Answer("a", 2));
    commands.emplace_back(CaseCommand::kAnswerResurvey, fixtures::Answer("a", 9));
    if (NextDue(c)) {
      const bool asks = lifecycle.Find(c.status, CaseCommand::kAskAgain) != nullptr;
      commands.emplace_back(asks ? CaseCommand::kAskAgain : CaseCommand::kExpireResurvey,
                            fixtures::On(c, FireTimers{}));
    }
    for (const auto& [command, value] : commands) {
      Position to = from;
      const auto* work = std::get_if<WorkCase>(&value);
      const bool fires = work != nullptr && std::holds_alternative<FireTimers>(work->verb);
      to.now = fires ? *NextDue(c) : from.now + std::chrono::hours{1};
      to.facts.cases = {c};
      const std::string actor = command == CaseCommand::kVerify ? "zhou.jie" : "li.na";
      const Context context{to.now, &ids, &revision, actor, {}};
      const auto decided = Decide(to.facts, value, context);
      if (!decided) continue;
      for (const Event& event : *decided) {
        if (event.case_id == c.id) to.facts.subject = Apply(*to.facts.subject, event);
      }
      const std::string& status = to.facts.subject->status;
      if (status != c.status) {
        steps[c.status].insert(status);
        const Transition* row = lifecycle.Find(c.status, command);
        ASSERT_NE(row, nullptr) << c.status << ' ' << Name(command);
        EXPECT_TRUE(status == row->to || status == row->otherwise || status == row->exhausted)
            << c.status << " to " << status;
      }
      if (seen.emplace(key_of(*to.facts.subject), to).second) {
        waiting.push_back(key_of(*to.facts.subject));
      }
    }
  }
  const std::function<bool(const std::string&, std::set<std::string>&)> closes =
      [&](const std::string& status, std::set<std::string>& passed) {
        if (status == "closed") return true;
        if (!passed.insert(status).second) return false;
        for (const std::string& next : steps[status]) {
          if (closes(next, passed)) return true;
        }
        return false;
      };
  std::set<std::string> reached;
  for (const auto& [key, position] : seen) reached.insert(position.facts.subject->status);
  for (const StatusDef& status : lifecycle.statuses) {
    if (status.key == lifecycle.held_out) continue;  // cases open into it: hold_out_test.cc
    EXPECT_TRUE(reached.contains(status.key)) << status.key;
    std::set<std::string> passed;
    EXPECT_TRUE(closes(status.key, passed)) << status.key;
  }
}

}  // namespace
}  // namespace rebound
