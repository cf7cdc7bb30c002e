// History mode against a naive oracle: the loop of the definition, run over all answers at once,
// with every fact computed by looking back over the case's answers.
#include "workflows/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <random>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using fixtures::World;

struct NaiveCase {
  Response opening{};
  std::vector<Response> resurveys{};  // re-survey answers, as given
  std::vector<ResponseId> reopened_by{};
  ResurveyResult result = ResurveyResult::kUnset;
  bool open = true;
  Timestamp closed_at{};
};

struct NaiveHistory {
  std::vector<NaiveCase> cases{};
  std::map<ResponseId, std::pair<ResponseId, ResponseEffect>> pairings{};
};

bool Before(const Response& a, const Response& b) {
  return a.occurred_at < b.occurred_at || (a.occurred_at == b.occurred_at && a.id < b.id);
}

NaiveHistory Naive(const Program& program, std::vector<Response> answers) {
  std::sort(answers.begin(), answers.end(), Before);
  NaiveHistory history;
  for (const Response& answer : answers) {
    NaiveCase* last = history.cases.empty() ? nullptr : &history.cases.back();
    if (last != nullptr && last->open) {
      last->resurveys.push_back(answer);
      last->result = answer.category == Category::kDetractor ? ResurveyResult::kStillDetractor
                     : answer.category == Category::kPassive ? ResurveyResult::kPassive
                                                             : ResurveyResult::kPromoter;
      history.pairings[answer.id] = {last->opening.id, ResponseEffect::kResurveyAnswer};
      if (answer.category != Category::kDetractor) {
        last->open = false;
        last->closed_at = answer.occurred_at;
      }
    } else if (answer.category != Category::kDetractor) {
      history.pairings[answer.id] = {ResponseId{}, ResponseEffect::kNone};
    } else if (last != nullptr && program.reopen_window.count() > 0 &&
               last->closed_at + program.reopen_window >= answer.occurred_at) {
      last->open = true;
      last->reopened_by.push_back(answer.id);
      last->result = ResurveyResult::kUnset;
      history.pairings[answer.id] = {last->opening.id, ResponseEffect::kReopened};
    } else {
      NaiveCase opened;
      opened.opening = answer;
      history.cases.push_back(std::move(opened));
      history.pairings[answer.id] = {answer.id, ResponseEffect::kOpened};
    }
  }
  return history;
}

// The earliest answer after the opening one, within the window, that `counts`.
template <typename Counts>
std::optional<Timestamp> Earliest(const Program& program, const Response& opening,
                                  const std::vector<Response>& answers, Counts counts) {
  std::optional<Timestamp> earliest;
  for (const Response& answer : answers) {
    if (!Before(opening, answer) || !counts(answer.category)) continue;
    if (program.recovery_window &&
        answer.occurred_at > opening.occurred_at + *program.recovery_window) {
      continue;
    }
    if (!earliest || answer.occurred_at < *earliest) earliest = answer.occurred_at;
  }
  return earliest;
}

void ExpectFacts(const NaiveCase& naive, const Program& program,
                 const std::vector<Response>& answers, const CaseHistoryDerived& facts) {
  EXPECT_EQ(facts.holds_dedupe_slot, naive.open);
  EXPECT_EQ(facts.closed_at, naive.open ? std::nullopt : std::optional(naive.closed_at));
  EXPECT_EQ(facts.resurvey_result, naive.result);
  EXPECT_EQ(facts.reopen_count, static_cast<int32_t>(naive.reopened_by.size()));
  EXPECT_EQ(facts.attached_response_ids, naive.reopened_by);
  EXPECT_EQ(facts.resurvey.answer_count, static_cast<int32_t>(naive.resurveys.size()));
  ASSERT_EQ(facts.resurvey.first_answer.has_value(), !naive.resurveys.empty());
  if (!naive.resurveys.empty()) {
    EXPECT_EQ(facts.resurvey.first_answer->response_id, naive.resurveys.front().id);
    EXPECT_EQ(facts.resurvey.first_answer->score, naive.resurveys.front().score);
    EXPECT_EQ(facts.resurvey.last_answer->response_id, naive.resurveys.back().id);
    EXPECT_EQ(facts.asked_at, naive.resurveys.front().occurred_at);
  }
  EXPECT_EQ(facts.recovered_at, Earliest(program, naive.opening, answers, IsRecovered));
  EXPECT_EQ(facts.converted_at, Earliest(program, naive.opening, answers, [](Category category) {
              return category == Category::kPromoter;
            }));
}

// What a world must agree on with another, whatever the order its rows came in.
struct Outcomes {
  std::map<ResponseId, CaseHistoryDerived> cases{};  // by opening answer
  std::map<ResponseId, CaseId> ids{};                // likewise
  std::map<ResponseId, std::pair<CaseId, ResponseEffect>> pairings{};
  Counts total{};
  friend bool operator==(const Outcomes&, const Outcomes&) = default;
};

Outcomes OutcomesOf(const World& world) {
  Outcomes outcomes;
  for (const auto& [id, c] : world.cases) {
    outcomes.cases[c.opening_response_id] = {
        c.resurvey,          c.resurvey_result, c.asked_at,
        c.closed_at,         c.recovered_at,    c.converted_at,
        c.holds_dedupe_slot, c.reopen_count,    c.attached_response_ids};
    outcomes.ids[c.opening_response_id] = id;
  }
  for (const auto& [id, response] : world.responses) {
    outcomes.pairings[id] = {response.paired_case_id, response.effect};
  }
  outcomes.total = world.total;
  return outcomes;
}

std::vector<Response> AnswersOf(const World& world, const CustomerId& customer) {
  std::vector<Response> answers;
  for (const auto& [id, response] : world.responses) {
    if (response.customer_id == customer) answers.push_back(response);
  }
  return answers;
}

// Holds a world's rows against the oracle's.
void ExpectOracle(const World& world, const Program& program) {
  for (const auto& [customer_id, customer] : world.customers) {
    const std::vector<Response> answers = AnswersOf(world, customer_id);
    const NaiveHistory naive = Naive(program, answers);
    std::map<ResponseId, const Case*> by_opening;
    for (const auto& [id, c] : world.cases) {
      if (c.customer_id == customer_id) by_opening[c.opening_response_id] = &c;
    }
    ASSERT_EQ(by_opening.size(), naive.cases.size());
    for (const NaiveCase& expected : naive.cases) {
      ASSERT_TRUE(by_opening.contains(expected.opening.id));
      const Case& c = *by_opening.at(expected.opening.id);
      ExpectFacts(expected, program, answers,
                  {c.resurvey, c.resurvey_result, c.asked_at, c.closed_at, c.recovered_at,
                   c.converted_at, c.holds_dedupe_slot, c.reopen_count, c.attached_response_ids});
      EXPECT_EQ(c.opened_at, expected.opening.occurred_at);
      EXPECT_EQ(c.phase, expected.open ? Phase::kOpen : Phase::kClosed);
      EXPECT_TRUE(c.timers.empty()) << "no clock of the past runs";
      EXPECT_FALSE(c.worked);
    }
    for (const Response& answer : answers) {
      const auto& [opening, effect] = naive.pairings.at(answer.id);
      EXPECT_EQ(answer.effect, effect);
      EXPECT_EQ(answer.paired_case_id,
                effect == ResponseEffect::kNone ? CaseId{} : by_opening.at(opening)->id);
    }
  }
}

Response Derivable(int day, int64_t score, uint8_t id) {
  Response response;
  response.id.bytes[15] = id;
  response.score = score;
  response.category = Categorize(DefaultScale(ScaleKind::kNps), score);
  response.occurred_at = fixtures::kStart + std::chrono::days{day};
  return response;
}

TEST(HistoryTest, TheDerivationAgreesWithTheNaiveLoop) {
  std::mt19937_64 random(20260302);
  const auto upto = [&](uint64_t n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 4000; ++round) {
    SCOPED_TRACE(round);
    Program program;
    if (upto(2) == 0) program.recovery_window = std::chrono::days{upto(6)};
    if (upto(2) == 0) program.reopen_window = std::chrono::days{upto(4)};
    std::vector<Response> answers;
    const int count = upto(9);
    for (int i = 0; i < count; ++i) {
      // Few days, so that ties are common.
      answers.push_back(Derivable(upto(8), upto(11), static_cast<uint8_t>(i + 1)));
    }
    const NaiveHistory naive = Naive(program, answers);
    std::shuffle(answers.begin(), answers.end(), random);
    const HistoryDerivation derived = DeriveHistory(program, answers);
    ASSERT_EQ(derived.cases.size(), naive.cases.size());
    for (size_t i = 0; i < naive.cases.size(); ++i) {
      EXPECT_EQ(derived.cases[i].opening_response_id, naive.cases[i].opening.id);
      EXPECT_GE(derived.cases[i].last_answer_at, naive.cases[i].opening.occurred_at);
      ExpectFacts(naive.cases[i], program, answers, derived.cases[i].facts);
    }
    ASSERT_EQ(derived.pairings.size(), answers.size());
    for (const auto& [id, pairing] : derived.pairings) {
      EXPECT_EQ(pairing.effect, naive.pairings.at(id).second);
      if (pairing.effect != ResponseEffect::kNone) {
        EXPECT_EQ(pairing.opening, naive.pairings.at(id).first);
      }
    }
    if (HasFailure()) return;
  }
}

TEST(HistoryTest, RowsInAnyOrderLeaveTheSameCases) {
  std::mt19937_64 random(97);
  const auto upto = [&](uint64_t n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE(round);
    Revision revision = fixtures::TestRevision();
    Program& program = revision.programs.front();
    if (upto(2) == 0) program.recovery_window = std::chrono::days{upto(6)};
    if (upto(2) == 0) program.reopen_window = std::chrono::days{upto(4)};
    std::vector<SubmitResponse> rows;
    const int count = 1 + upto(12);
    for (int i = 0; i < count; ++i) {
      rows.push_back(fixtures::Answer(upto(2) == 0 ? "a" : "b", upto(11),
                                      {.at = fixtures::kStart - std::chrono::days{upto(8)},
                                       .history = true,
                                       .external_id = std::to_string(i)}));
    }
    std::optional<Outcomes> first;
    for (int order = 0; order < 4; ++order) {
      World world(revision, static_cast<uint64_t>(order) + 1);
      for (const SubmitResponse& row : rows) {
        ASSERT_EQ(fixtures::Outcome(world.Do(row)).find("HISTORY_CASE_WORKED"), std::string::npos);
        world.now += std::chrono::seconds{1};
      }
      ASSERT_EQ(world.problems, std::vector<std::string>{});
      ExpectOracle(world, program);
      if (!first) first = OutcomesOf(world);
      EXPECT_EQ(OutcomesOf(world), *first);
      const World replayed = world.Replayed();
      EXPECT_EQ(replayed.cases, world.cases);
      EXPECT_EQ(replayed.responses, world.responses);
      if (HasFailure()) return;
      std::shuffle(rows.begin(), rows.end(), random);
    }
  }
}

TEST(HistoryTest, AnEarlierDetractorTakesTheCaseOver) {
  World world;
  const auto row = [&](int day, int64_t score) {
    return fixtures::Answer("a", score,
                            {.at = fixtures::kStart - std::chrono::days{100 - day},
                             .history = true,
                             .external_id = std::to_string(day)});
  };
  EXPECT_EQ(fixtures::Outcome(world.Do(row(20, 3))), "CustomerCreated ResponseRecorded CaseOpened");
  const CaseId later = world.OnlyCase().id;
  EXPECT_EQ(fixtures::Outcome(world.Do(row(10, 2))),
            "ResponseRecorded ResponsePairingCorrected CaseVoided CaseOpened CaseHistoryDerived");
  EXPECT_NE(world.OnlyCase().id, later);
  EXPECT_EQ(world.OnlyCase().resurvey_result, ResurveyResult::kStillDetractor);
  // An answer between them ends the first case, so that the later one stands again, under its id.
  EXPECT_EQ(fixtures::Outcome(world.Do(row(15, 9))),
            "ResponseRecorded ResponsePairingCorrected CaseHistoryDerived CaseOpened");
  EXPECT_EQ(world.cases.size(), 2U);
  EXPECT_TRUE(world.cases.contains(later));
  EXPECT_EQ(world.problems, std::vector<std::string>{});
}

TEST(HistoryTest, ACaseThatWasWorkedOnRefusesFurtherRows) {
  World world;
  const auto row = [&](int day) {
    return fixtures::Answer("a", 3,
                            {.at = fixtures::kStart - std::chrono::days{day},
                             .history = true,
                             .external_id = std::to_string(day)});
  };
  ASSERT_TRUE(world.Do(row(20)));
  ASSERT_TRUE(world.Do(fixtures::On(world.OnlyCase(), Assign{"wang.wei", {}})));
  EXPECT_EQ(fixtures::Outcome(world.Do(row(10))), "HISTORY_CASE_WORKED");
  EXPECT_EQ(world.responses.size(), 1U);
}

TEST(HistoryTest, ACaseOpenedLiveRefusesRowsAndOneOpenedByHandDoesNot) {
  World world;
  ASSERT_TRUE(world.Do(fixtures::Answer("a", 9)));
  const auto row = fixtures::Answer(
      "a", 3, {.at = fixtures::kStart - std::chrono::days{9}, .history = true, .external_id = "9"});
  OpenCase by_hand;
  by_hand.program_id = fixtures::kNps;
  by_hand.customer_id = world.FindCustomer("a")->id;
  ASSERT_TRUE(world.Do(by_hand));
  EXPECT_TRUE(world.Do(row)) << "no answer made that case, so answers do not change it";
  EXPECT_EQ(world.cases.size(), 2U);

  World other;
  ASSERT_TRUE(other.Do(fixtures::Answer("a", 3)));
  EXPECT_EQ(fixtures::Outcome(other.Do(row)), "HISTORY_CASE_WORKED");
}

// A live answer may turn out to open a case once an older file is imported: it stood attached to an
// imported case which the file's answers end before it. The pairing must name that case's own id.
TEST(HistoryTest, ALiveAnswerThatOpensADerivedCaseIsPairedWithIt) {
  World world;
  const auto row = [&](int days_ago, int64_t score) {
    return fixtures::Answer("a", score,
                            {.at = fixtures::kStart - std::chrono::days{days_ago},
                             .history = true,
                             .external_id = std::to_string(days_ago)});
  };
  ASSERT_TRUE(world.Do(row(30, 2)));
  ASSERT_TRUE(world.Do(fixtures::Answer("a", 4)));
  const ResponseId live = world.last_response;
  EXPECT_EQ(world.LastResponse().effect, ResponseEffect::kAttached);
  ASSERT_TRUE(world.Do(row(20, 9)));
  ASSERT_EQ(world.cases.size(), 2U);
  const Response& answer = world.responses.at(live);
  EXPECT_EQ(answer.effect, ResponseEffect::kOpened);
  ASSERT_TRUE(world.cases.contains(answer.paired_case_id));
  EXPECT_EQ(world.cases.at(answer.paired_case_id).opening_response_id, live);
  EXPECT_TRUE(world.cases.at(answer.paired_case_id).timers.empty());
  EXPECT_TRUE(world.Do(row(40, 8))) << "and further rows are welcome";
  EXPECT_EQ(world.problems, std::vector<std::string>{});
}

TEST(HistoryTest, AnonymousRowsPairWithNothing) {
  World world;
  const auto row = [](std::string_view program, int64_t score) {
    return fixtures::Answer("", score,
                            {.program = program,
                             .at = fixtures::kStart - std::chrono::days{1},
                             .history = true,
                             .external_id = std::string(program) + std::to_string(score)});
  };
  EXPECT_EQ(fixtures::Outcome(world.Do(row(fixtures::kOpenNps, 1))), "ResponseRecorded");
  EXPECT_EQ(fixtures::Outcome(world.Do(row(fixtures::kSite, 1))), "ResponseRecorded CaseOpened");
  EXPECT_EQ(fixtures::Outcome(world.Do(row(fixtures::kSite, 9))), "ResponseRecorded");
  EXPECT_FALSE(world.OnlyCase().holds_dedupe_slot);
  EXPECT_TRUE(world.OnlyCase().timers.empty());
}

// ------------------------------------------------------------------------------- the real panel

struct PanelRow {
  std::string person{};
  int year = 0;
  int64_t score = 0;
};

struct Panel {
  std::vector<PanelRow> rows{};
  int rejected = 0;
};

Panel ReadPanel() {
  Panel panel;
  std::ifstream file(REBOUND_SOURCE_DIR "/tests/data/satisfaction_panel_0_10/panel.csv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const size_t a = line.find(',');
    const size_t b = line.find(',', a + 1);
    const size_t c = line.find(',', b + 1);
    PanelRow row;
    row.person = line.substr(0, a);
    row.year = std::stoi(line.substr(a + 1, b - a - 1));
    const std::string score = line.substr(b + 1, c - b - 1);
    const auto [end, error] = std::from_chars(score.data(), score.data() + score.size(), row.score);
    if (error != std::errc{} || end != score.data() + score.size()) {
      ++panel.rejected;
      continue;
    }
    panel.rows.push_back(std::move(row));
  }
  return panel;
}

SubmitResponse ToCommand(const PanelRow& row) {
  return fixtures::Answer(
      row.person, row.score,
      {.at = std::chrono::sys_days{std::chrono::year{row.year} / std::chrono::July / 1},
       .history = true,
       .external_id = "panel-" + row.person + "-" + std::to_string(row.year)});
}

World Import(const std::vector<PanelRow>& rows) {
  World world;
  world.keeps_log = false;
  for (const PanelRow& row : rows) {
    const auto decided = world.Do(ToCommand(row));
    EXPECT_TRUE(decided) << fixtures::Outcome(decided);
  }
  EXPECT_EQ(world.problems, std::vector<std::string>{});
  return world;
}

TEST(PanelTest, TheFiguresAreThoseOfTheDefinition) {
  const Panel panel = ReadPanel();
  EXPECT_EQ(panel.rejected, 31);
  ASSERT_EQ(panel.rows.size(), 20'559U);
  const World world = Import(panel.rows);
  EXPECT_EQ(world.responses.size(), 20'559U);
  EXPECT_EQ(world.cases.size(), 4'152U);
  const Counts& total = world.total;
  EXPECT_EQ(total.eligible, 4'152);
  EXPECT_EQ(total.answered, 3'096);
  EXPECT_EQ(total.converted_first, 233);
  EXPECT_EQ(total.converted_ever, 473);
  EXPECT_EQ(total.recovered_first, 1'245);
  EXPECT_EQ(total.recovered_ever, 1'897);
  const auto nps = Nps(total.promoters, total.passives, total.detractors);
  ASSERT_TRUE(nps.nps);
  EXPECT_NEAR(*nps.nps, -16.70, 0.005);

  std::map<CustomerId, std::vector<Response>> answers;
  for (const auto& [id, response] : world.responses) {
    answers[response.customer_id].push_back(response);
  }
  CustomerRecovery customers;
  for (auto& [id, given] : answers) {
    std::sort(given.begin(), given.end(), Before);
    std::vector<Category> categories;
    for (const Response& response : given) categories.push_back(response.category);
    customers.Add(categories);
  }
  EXPECT_EQ(customers.began_as_detractor_and_answered_again, 1'536);
  EXPECT_EQ(customers.converted_ever, 253);
  EXPECT_EQ(customers.converted_last, 97);
  EXPECT_EQ(customers.recovered_ever, 922);
}

TEST(PanelTest, TheOrderOfTheFileDoesNotMatter) {
  std::vector<PanelRow> rows = ReadPanel().rows;
  ASSERT_EQ(rows.size(), 20'559U);
  const Outcomes in_file_order = OutcomesOf(Import(rows));
  EXPECT_EQ(in_file_order.cases.size(), 4'152U);
  std::reverse(rows.begin(), rows.end());
  EXPECT_TRUE(OutcomesOf(Import(rows)) == in_file_order) << "reversed";
  for (uint64_t seed : {1U, 2U, 3U}) {
    std::mt19937_64 random(seed);
    std::shuffle(rows.begin(), rows.end(), random);
    EXPECT_TRUE(OutcomesOf(Import(rows)) == in_file_order) << "shuffled with seed " << seed;
  }
}

}  // namespace
}  // namespace rebound
