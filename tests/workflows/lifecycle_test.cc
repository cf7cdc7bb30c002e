// The shipped lifecycle, as a table and as Decide lives by it.
#include "workflows/lifecycle.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

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

std::string TableOf(const Lifecycle& lifecycle) {
  std::ostringstream table;
  table << "initial " << lifecycle.initial << '\n';
  for (const StatusDef& status : lifecycle.statuses) {
    table << "status " << status.key << " phase " << Name(status.phase)
          << (status.handling_done ? " handling_done" : "") << '\n';
    for (int i = 0; i < kCaseCommandCount; ++i) {
      const auto command = static_cast<CaseCommand>(i);
      const Transition* transition = lifecycle.Find(status.key, command);
      table << "  " << rebound::Name(command) << ' ';
      if (transition == nullptr) {
        table << "-";
      } else {
        table << transition->to;
        if (!transition->otherwise.empty()) table << " else " << transition->otherwise;
      }
      table << '\n';
    }
  }
  return table.str();
}

// A case of a known customer in `status`, with nothing done on it.
Facts InStatus(const Revision& revision, const std::string& status) {
  Facts facts;
  Customer customer;
  customer.id.bytes[0] = 1;
  customer.version = 1;
  Case c;
  c.id.bytes[0] = 2;
  c.number = 1042;
  c.version = 5;
  c.program_id = fixtures::kNps;
  c.customer_id = customer.id;
  c.opening_response_id.bytes[0] = 3;
  c.category = Category::kDetractor;
  c.status = status;
  c.phase = revision.lifecycle.Find(status)->phase;
  c.holds_dedupe_slot = c.phase != Phase::kClosed;
  c.opened_at = c.created_at = kStart;
  facts.customer = customer;
  facts.subject = c;
  return facts;
}

// A command of each kind, well-formed in itself.
std::map<CaseCommand, Command> PeoplesCommands(const Case& c) {
  MakeCommitment commit;
  commit.commitment.due_at = kStart + std::chrono::hours{48};
  const auto on = [&](CaseVerb verb) { return fixtures::On(c, std::move(verb)); };
  return {
      {CaseCommand::kAssign, on(Assign{"wang.wei", {}})},
      {CaseCommand::kClaim, ClaimNext{}},
      {CaseCommand::kLogAttempt, on(fixtures::OutboundAttempt(AttemptOutcome::kReached))},
      {CaseCommand::kMakeCommitment, on(commit)},
      {CaseCommand::kRemedy, on(fixtures::NewRemedy(RemedyKind::kRefund, RemedyState::kDelivered))},
      {CaseCommand::kResolve, on(fixtures::Resolved())},
      {CaseCommand::kClose, on(Close{})},
      {CaseCommand::kReopen, on(Reopen{})},
  };
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
    EXPECT_TRUE(names.insert(Name(static_cast<CaseCommand>(i))).second);
  }
  std::set<std::pair<std::string, CaseCommand>> rows;
  for (const Transition& transition : lifecycle.transitions) {
    EXPECT_TRUE(rows.emplace(transition.from, transition.command).second) << "two rows for one";
    EXPECT_NE(lifecycle.Find(transition.from), nullptr) << transition.from;
    EXPECT_NE(lifecycle.Find(transition.to), nullptr) << transition.to;
    EXPECT_TRUE(transition.otherwise.empty() || lifecycle.Find(transition.otherwise) != nullptr);
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
  EXPECT_EQ(phases.size(), 5U) << "each phase has a status";
  EXPECT_NE(lifecycle.Find(lifecycle.initial), nullptr);
  EXPECT_EQ(lifecycle.Find("nonsense"), nullptr);
}

// Decide knows statuses beside the rows' own; a revision without them could not be lived by.
TEST(LifecycleTest, TheStatusesThatDecideNamesExist) {
  const Lifecycle lifecycle = DefaultLifecycle();
  EXPECT_NE(lifecycle.Find("closed"), nullptr);
  EXPECT_NE(lifecycle.Find("resurveyed"), nullptr);
}

TEST(LifecycleTest, EachStatusAcceptsACommandOrNamesThoseItDoes) {
  const Revision revision = fixtures::TestRevision();
  const Lifecycle& lifecycle = revision.lifecycle;
  for (const StatusDef& status : lifecycle.statuses) {
    const Facts facts = InStatus(revision, status.key);
    for (const auto& [command, value] : PeoplesCommands(*facts.subject)) {
      SCOPED_TRACE(status.key + " " + std::string(Name(command)));
      if (command == CaseCommand::kClaim && !IsClaimable(*facts.subject)) continue;
      IdSource ids(kStart, 1, 1);
      const Context context{kStart + std::chrono::hours{1}, &ids, &revision, "li.na"};
      const auto decided = Decide(facts, value, context);
      const Transition* row = lifecycle.Find(status.key, command);
      ASSERT_EQ(static_cast<bool>(decided), row != nullptr);
      if (decided) {
        ASSERT_FALSE(decided->empty());
        Case c = *facts.subject;
        for (const Event& event : *decided) c = Apply(std::move(c), event);
        EXPECT_EQ(c.status, row->to);
        EXPECT_EQ(c.phase, lifecycle.Find(row->to)->phase);
        continue;
      }
      const Error& error = decided.error();
      EXPECT_EQ(error.reason, Reason::kTransitionNotAllowed);
      EXPECT_EQ(error.allowed, lifecycle.Allowed(status.key));
      EXPECT_EQ(error.metadata.at("case"), "C-1042");
      EXPECT_EQ(error.metadata.at("status"), status.key);
      EXPECT_EQ(error.metadata.at("command"), Name(command));
    }
  }
}

TEST(LifecycleTest, AllowedListsExactlyWhatPeopleCanDo) {
  const Lifecycle lifecycle = DefaultLifecycle();
  EXPECT_EQ(lifecycle.Allowed("closed"), std::vector<std::string>{"reopen"});
  EXPECT_EQ(lifecycle.Allowed("resurvey_due"),
            (std::vector<std::string>{"assign", "log_attempt", "make_commitment", "remedy", "close",
                                      "reopen"}));
  EXPECT_EQ(
      lifecycle.Allowed("open"),
      (std::vector<std::string>{"assign", "log_attempt", "make_commitment", "remedy", "resolve"}));
  for (const StatusDef& status : lifecycle.statuses) {
    EXPECT_FALSE(lifecycle.Allowed(status.key).empty()) << status.key << " is a dead end";
  }
}

// Answers and timers meet a case in every status. Without a row they pass it by and never fail.
TEST(LifecycleTest, AnswersAndTimersWithoutARowPassTheCaseBy) {
  const Revision revision = fixtures::TestRevision();
  const Lifecycle& lifecycle = revision.lifecycle;
  for (const StatusDef& status : lifecycle.statuses) {
    for (const auto& [kind, command] :
         {std::pair(TimerKind::kResurveyDue, CaseCommand::kAskAgain),
          std::pair(TimerKind::kResurveyExpiry, CaseCommand::kExpireResurvey)}) {
      SCOPED_TRACE(status.key + " " + std::string(Name(command)));
      Facts facts = InStatus(revision, status.key);
      facts.subject->timers.push_back({kind, 1, kStart, TimerState::kPending, std::nullopt});
      IdSource ids(kStart, 1, 1);
      const Context context{kStart, &ids, &revision, "system"};
      const auto decided = Decide(facts, fixtures::On(*facts.subject, FireTimers{}), context);
      ASSERT_TRUE(decided);
      const Transition* row = lifecycle.Find(status.key, command);
      EXPECT_EQ(decided->size() > 1, row != nullptr);
      EXPECT_EQ(decided->back().status, row != nullptr ? row->to : status.key);
    }
    for (const int64_t score : {2, 9}) {
      SCOPED_TRACE(status.key + " answer " + std::to_string(score));
      Facts facts = InStatus(revision, status.key);
      facts.cases = {*facts.subject};
      facts.subject.reset();
      IdSource ids(kStart, 1, 1);
      const Context context{kStart + std::chrono::hours{1}, &ids, &revision, "system"};
      const auto decided = Decide(facts, fixtures::Answer("a", score), context);
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

// Walks every status that commands lead to, from a new case on. Each step must be one the table
// shows, except that a bad re-survey at the limit leaves the case to a person ("resurveyed").
TEST(LifecycleTest, EveryStatusIsReachedAndCanBeClosed) {
  Revision revision = fixtures::TestRevision();
  revision.programs.front().max_reopen_count = 1;
  const Lifecycle& lifecycle = revision.lifecycle;

  struct Position {
    Facts facts{};
    Timestamp now = kStart;
  };
  const auto key_of = [](const Case& c) {
    std::string key = c.status + " " + std::to_string(std::min(c.reopen_count, 1));
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
  start.facts = InStatus(revision, lifecycle.initial);
  waiting.push_back(key_of(*start.facts.subject));
  seen[waiting.back()] = start;
  while (!waiting.empty()) {
    const Position from = seen.at(waiting.back());
    waiting.pop_back();
    const Case& c = *from.facts.subject;
    std::vector<std::pair<CaseCommand, Command>> commands;
    for (auto& [command, value] : PeoplesCommands(c)) {
      if (command != CaseCommand::kMakeCommitment && command != CaseCommand::kClaim) {
        commands.emplace_back(command, std::move(value));
      }
    }
    commands.emplace_back(CaseCommand::kLogAttempt,
                          fixtures::On(c, fixtures::OutboundAttempt(AttemptOutcome::kNoAnswer)));
    commands.emplace_back(CaseCommand::kAnswerResurvey, fixtures::Answer("a", 2));
    commands.emplace_back(CaseCommand::kAnswerResurvey, fixtures::Answer("a", 9));
    if (const auto due = NextDue(c)) {
      const bool asks = c.status == "resolved";
      commands.emplace_back(asks ? CaseCommand::kAskAgain : CaseCommand::kExpireResurvey,
                            fixtures::On(c, FireTimers{}));
    }
    for (const auto& [command, value] : commands) {
      Position to = from;
      to.now = NextDue(c).value_or(from.now + std::chrono::hours{1});
      to.facts.cases = {c};
      const Context context{to.now, &ids, &revision, "li.na"};
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
        EXPECT_TRUE(status == row->to || status == row->otherwise ||
                    (c.status == "resurvey_due" && status == "resurveyed"))
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
    EXPECT_TRUE(reached.contains(status.key)) << status.key;
    std::set<std::string> passed;
    EXPECT_TRUE(closes(status.key, passed)) << status.key;
  }
}

}  // namespace
}  // namespace rebound
