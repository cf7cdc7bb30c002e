#include "server/services/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "rebound/v1/error_reason.pb.h"
#include "server/metrics.h"
#include "tests/fixtures/test_server.h"
#include "workflows/blacklist.h"
#include "workflows/clocks.h"
#include "workflows/lifecycle.h"

namespace rebound {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPrefix[] = "ERROR_REASON_";

std::vector<Reason> AllReasons() {
  std::vector<Reason> reasons;
  for (int i = 0; i < kReasonCount; ++i) reasons.push_back(static_cast<Reason>(i));
  return reasons;
}

// What error_reason.proto says of one value.
struct Documented {
  std::string code;
  std::set<std::string> metadata;
  nlohmann::json example;  // null: there is none
};

// "// CODE. Text. Metadata: a, b (note). Example: ..." before "ERROR_REASON_NAME = 1;", by name.
std::map<std::string, Documented> ReadDocumentation() {
  std::ifstream file(REBOUND_SOURCE_DIR "/proto/rebound/v1/error_reason.proto");
  EXPECT_TRUE(file.good());
  std::map<std::string, Documented> documented;
  std::string comment;
  for (std::string line; std::getline(file, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (line.starts_with("// ")) {
      comment += line.substr(3) + " ";
      continue;
    }
    if (line.starts_with(kPrefix)) {
      const std::string name = line.substr(sizeof kPrefix - 1, line.find(' ') - sizeof kPrefix + 1);
      Documented& value = documented[name];
      value.code = comment.substr(0, comment.find('.'));
      if (const size_t begin = comment.find("Example: "); begin != std::string::npos) {
        const std::string example = comment.substr(begin + sizeof "Example: " - 1);
        value.example = nlohmann::json::parse(example, nullptr, false);
        EXPECT_TRUE(value.example.is_object()) << example;
      }
      if (const size_t begin = comment.find("Metadata: "); begin != std::string::npos) {
        const size_t from = begin + sizeof "Metadata: " - 1;
        std::string keys = comment.substr(from, comment.find('.', from) - from);
        while (keys.find('(') != std::string::npos) {
          keys.erase(keys.find('('), keys.find(')') - keys.find('(') + 1);
        }
        std::istringstream words(keys);
        for (std::string key; std::getline(words, key, ',');) {
          key.erase(0, key.find_first_not_of(' '));
          key.erase(key.find_last_not_of(' ') + 1);
          if (key != "none") value.metadata.insert(key);
        }
      }
    }
    comment.clear();
  }
  return documented;
}

std::set<std::string> Placeholders(std::string_view text) {
  std::set<std::string> names;
  for (size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    names.insert(std::string(text.substr(at + 1, text.find('}', at) - at - 1)));
  }
  return names;
}

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

template <typename T>
std::vector<T> Find(const grpc::Status& status) {
  std::vector<T> found;
  const google::rpc::Status details = Details(status);
  for (const auto& any : details.details()) {
    if (T detail; any.UnpackTo(&detail)) found.push_back(detail);
  }
  return found;
}

TEST(StatusTest, EveryReasonHasItsRowAndItsDocumentedProtoValue) {
  const auto* values = v1::ErrorReason_descriptor();
  std::set<std::string> in_proto;
  for (int i = 0; i < values->value_count(); ++i) in_proto.insert(values->value(i)->name());
  std::set<std::string> in_code{"ERROR_REASON_UNSPECIFIED"};
  for (Reason reason : AllReasons()) {
    EXPECT_EQ(TextOf(reason).reason, reason);
    in_code.insert(kPrefix + std::string(Name(reason)));
  }
  EXPECT_EQ(in_code, in_proto);
}

TEST(StatusTest, CodeAndPlaceholdersAgreeWithTheDocumentation) {
  const auto documented = ReadDocumentation();
  for (Reason reason : AllReasons()) {
    const std::string name(Name(reason));
    SCOPED_TRACE(name);
    ASSERT_TRUE(documented.contains(name));
    const ReasonText& text = TextOf(reason);
    EXPECT_EQ(documented.at(name).code, Name(text.code));
    EXPECT_THAT(Placeholders(text.english), testing::IsSubsetOf(documented.at(name).metadata));
    EXPECT_THAT(Placeholders(text.chinese), testing::IsSubsetOf(documented.at(name).metadata));
  }
}

TEST(StatusTest, ExamplesAreOfTheShippedConfiguration) {
  const auto shipped = fixtures::ShippedRevision();
  std::set<std::string> statuses, commands, clocks, reasons;
  for (const StatusDef& status : shipped->lifecycle.statuses) statuses.insert(status.key);
  for (int i = 0; i < kCaseCommandCount; ++i) {
    commands.emplace(Name(static_cast<CaseCommand>(i)));
  }
  for (int i = 0; i < kEntryCommandCount; ++i) {
    commands.emplace(Name(static_cast<EntryCommand>(i)));
  }
  for (int i = 1; i < kClockKindCount; ++i) clocks.emplace(Name(static_cast<ClockKind>(i)));
  for (const Label& label : shipped->labels.pause_reasons) reasons.insert(label.id);
  const std::map<std::string, std::set<std::string>> known = {
      {"status", statuses}, {"command", commands}, {"clock", clocks}};
  const auto words = [](const std::string& list) {
    std::vector<std::string> found;
    std::istringstream in(list);
    for (std::string word; std::getline(in >> std::ws, word, ',');) found.push_back(word);
    return found;
  };
  const auto documented = ReadDocumentation();
  for (const auto& [name, value] : documented) {
    SCOPED_TRACE(name);
    std::set<std::string> keys;
    for (const auto& [key, text] : value.example.items()) {
      keys.insert(key);
      if (known.contains(key)) {
        EXPECT_TRUE(known.at(key).contains(text.get<std::string>())) << key << ' ' << text;
      }
    }
    EXPECT_THAT(keys, testing::IsSubsetOf(value.metadata));
  }
  EXPECT_THAT(words(documented.at("REASON_UNKNOWN").example.at("allowed")),
              testing::IsSubsetOf(reasons));
  EXPECT_THAT(words(documented.at("STATUS_UNKNOWN").example.at("allowed")),
              testing::IsSubsetOf(statuses));
  EXPECT_THAT(words(documented.at("TRANSITION_NOT_ALLOWED").example.at("allowed")),
              testing::IsSubsetOf(commands));
}

TEST(StatusTest, EveryMessageGivesAnExpectationAndAWayOut) {
  for (Reason reason : AllReasons()) {
    SCOPED_TRACE(std::string(Name(reason)));
    EXPECT_THAT(std::string(TextOf(reason).english), HasSubstr("expected"));
    EXPECT_FALSE(TextOf(reason).chinese.empty());
    EXPECT_NE(TextOf(reason).english, TextOf(reason).chinese);
    // A value that is missing is left out, not an accident.
    for (const char* language : {"en", "zh-CN"}) {
      const std::string text = Render(Error{.reason = reason}, language);
      EXPECT_THAT(text, Not(HasSubstr("{")));
      EXPECT_THAT(text, Not(IsEmpty()));
    }
  }
}

TEST(StatusTest, AFieldErrorNamesFieldValueAndRemedyInBothLanguages) {
  const Error error = FieldError("response.score", Reason::kScoreOutOfRange,
                                 {{"value", "11"}, {"expected", "0 to 10"}});
  const grpc::Status status = ToStatus(error);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "response.score: expected a whole number from 0 to 10, but got 11; send a score on the "
            "program's scale");
  EXPECT_EQ(Details(status).code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Details(status).message(), status.error_message());

  const auto infos = Find<google::rpc::ErrorInfo>(status);
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].reason(), "SCORE_OUT_OF_RANGE");
  EXPECT_EQ(infos[0].domain(), "rebound");
  EXPECT_EQ(infos[0].metadata().at("field"), "response.score");
  EXPECT_EQ(infos[0].metadata().at("value"), "11");

  const auto bad = Find<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad.size(), 1u);
  ASSERT_EQ(bad[0].field_violations_size(), 1);
  EXPECT_EQ(bad[0].field_violations(0).field(), "response.score");
  EXPECT_EQ(bad[0].field_violations(0).description(), status.error_message());

  const auto localized = Find<google::rpc::LocalizedMessage>(status);
  ASSERT_EQ(localized.size(), 1u);
  EXPECT_EQ(localized[0].locale(), "zh-CN");
  EXPECT_EQ(localized[0].message(),
            "response.score：应为 0 至 10 之间的整数，但收到 11；请按该调研项目的评分制填写分数");
}

TEST(StatusTest, TheCallersLanguageChoosesTheLocalizedMessage) {
  const Error error{.reason = Reason::kShuttingDown};
  struct Row {
    const char* language;
    const char* locale;
  };
  for (const Row& row : {Row{"en", "en"}, Row{"en-GB", "en"}, Row{"EN_us", "en"},
                         Row{"zh-CN", "zh-CN"}, Row{"", "zh-CN"}, Row{"enm", "zh-CN"}}) {
    const auto localized = Find<google::rpc::LocalizedMessage>(ToStatus(error, row.language));
    ASSERT_EQ(localized.size(), 1u);
    EXPECT_EQ(localized[0].locale(), row.locale) << row.language;
    EXPECT_EQ(localized[0].message(), Render(error, row.locale)) << row.language;
  }
}

TEST(StatusTest, AllViolationsAreReportedAtOnce) {
  const Error error{
      .reason = Reason::kFieldViolations,
      .violations = {
          {"response.score", Reason::kScoreOutOfRange, {{"value", "-1"}, {"expected", "0 to 10"}}},
          {"response.reason", Reason::kTextTooLong, {{"value", "32769"}, {"expected", "32768"}}},
      }};
  const grpc::Status status = ToStatus(error);
  const auto bad = Find<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad.size(), 1u);
  ASSERT_EQ(bad[0].field_violations_size(), 2);
  EXPECT_EQ(bad[0].field_violations(1).description(),
            "response.reason: expected at most 32768 characters, but got 32769; shorten the text");
  EXPECT_THAT(status.error_message(), HasSubstr("response.score: expected a whole number"));
  const auto localized = Find<google::rpc::LocalizedMessage>(status);
  ASSERT_EQ(localized.size(), 1u);
  EXPECT_THAT(localized[0].message(), HasSubstr("response.score：应为 0 至 10 之间的整数"));
  EXPECT_THAT(localized[0].message(), HasSubstr("response.reason：最多 32768 个字符"));
}

TEST(StatusTest, AFaultOfTheConfigurationNamesItsPlaceInItsOwnWords) {
  const Error error{.reason = Reason::kConfigInvalid,
                    .metadata = {{"count", "1"}},
                    .violations = {{"clocks.yaml:12:5",
                                    Reason::kConfigInvalid,
                                    {{"en", "expected a key of a clock, found \"limt\""},
                                     {"zh", "应为时限的键，但遇到“limt”"}}}}};
  const grpc::Status status = ToStatus(error);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "expected a configuration without faults, but found 1; correct what is listed, the one "
            "in force stays: clocks.yaml:12:5: expected a key of a clock, found \"limt\"");
  const auto bad = Find<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad.size(), 1u);
  ASSERT_EQ(bad[0].field_violations_size(), 1);
  EXPECT_EQ(bad[0].field_violations(0).field(), "clocks.yaml:12:5");
  const auto localized = Find<google::rpc::LocalizedMessage>(status);
  ASSERT_EQ(localized.size(), 1u);
  EXPECT_THAT(localized[0].message(), HasSubstr("：clocks.yaml:12:5: 应为时限的键，但遇到“limt”"));
}

// Clients drop trailers above 8 KiB and would then see no reason at all.
TEST(StatusTest, ThousandsOfViolationsStillFitTheTrailers) {
  Error error{.reason = Reason::kFieldViolations};
  for (int i = 0; i < 5000; ++i) {
    error.violations.push_back({"responses[" + std::to_string(i) + "].response.reason",
                                Reason::kIdInvalid,
                                {{"value", std::string(5000, 'x')}, {"expected", "an id"}}});
  }
  const grpc::Status status = ToStatus(error);
  EXPECT_LT(status.error_details().size() + status.error_message().size(), 7000u);
  const auto bad = Find<google::rpc::BadRequest>(status);
  const auto infos = Find<google::rpc::ErrorInfo>(status);
  ASSERT_EQ(bad.size(), 1u);
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].metadata().at("violations_omitted"),
            std::to_string(5000 - bad[0].field_violations_size()));
}

TEST(StatusTest, ARefusedTransitionListsTheAllowedCommands) {
  const Error error{.reason = Reason::kTransitionNotAllowed,
                    .metadata = {{"case", "C-17"}, {"status", "open"}, {"command", "close"}},
                    .allowed = {"assign", "log_attempt"}};
  const grpc::Status status = ToStatus(error);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(),
            "expected a status of case C-17 that accepts close, but it is open; allowed now: "
            "assign, log_attempt");
  const auto failures = Find<google::rpc::PreconditionFailure>(status);
  ASSERT_EQ(failures.size(), 1u);
  std::vector<std::string> subjects;
  for (const auto& violation : failures[0].violations()) {
    EXPECT_EQ(violation.type(), "ALLOWED_COMMAND");
    subjects.push_back(violation.subject());
  }
  EXPECT_THAT(subjects, ElementsAre("assign", "log_attempt"));
}

// Half a command is none. Clients drop trailers above 8 KiB.
TEST(StatusTest, TheAllowedCommandsAreListedInFullHoweverManyThereAre) {
  Error error{.reason = Reason::kTransitionNotAllowed,
              .metadata = {{"case", "C-17"}, {"status", "open"}, {"command", "close"}}};
  std::string list;
  for (int i = 0; i <= static_cast<int>(CaseCommand::kReopen); ++i) {
    error.allowed.emplace_back(Name(static_cast<CaseCommand>(i)));
    list += (i > 0 ? ", " : "") + error.allowed.back();
  }
  for (const char* language : {"en", "zh"}) {
    const grpc::Status status = ToStatus(error, language);
    EXPECT_THAT(status.error_message(), testing::EndsWith(list));
    const auto infos = Find<google::rpc::ErrorInfo>(status);
    ASSERT_EQ(infos.size(), 1u);
    EXPECT_EQ(infos[0].metadata().at("allowed"), list);
    const auto localized = Find<google::rpc::LocalizedMessage>(status);
    ASSERT_EQ(localized.size(), 1u);
    EXPECT_THAT(localized[0].message(), HasSubstr(list));
    EXPECT_LT(status.error_details().size() * 4 / 3 + status.error_message().size(), 8000u);
  }
}

TEST(StatusTest, AnotherPreconditionNamesItsRecord) {
  const auto failures = Find<google::rpc::PreconditionFailure>(
      ToStatus(Error{.reason = Reason::kDedupeSlotTaken, .metadata = {{"case", "C-18"}}}));
  ASSERT_EQ(failures.size(), 1u);
  ASSERT_EQ(failures[0].violations_size(), 1);
  EXPECT_EQ(failures[0].violations(0).type(), "DEDUPE_SLOT_TAKEN");
  EXPECT_EQ(failures[0].violations(0).subject(), "case/C-18");
}

TEST(StatusTest, OnlyWhatPassesByItselfCarriesARetryDelay) {
  const std::set<Reason> retried{Reason::kQueueFull, Reason::kRequestInProgress,
                                 Reason::kStoreUnavailable, Reason::kRateLimited,
                                 Reason::kSignInThrottled};
  for (Reason reason : AllReasons()) {
    const auto retries = Find<google::rpc::RetryInfo>(ToStatus(Error{.reason = reason}));
    EXPECT_EQ(retries.size(), retried.contains(reason) ? 1u : 0u) << Name(reason);
    for (const auto& retry : retries) EXPECT_GT(retry.retry_delay().seconds(), 0);
  }
}

TEST(StatusTest, OptionalPartsAppearOnlyWithTheirValue) {
  Error error = FieldError("filter", Reason::kFilterInvalid,
                           {{"column", "1"}, {"found", "scroe"}, {"expected", "a field name"}});
  EXPECT_EQ(Render(error, "en"),
            "filter, column 1: expected a field name, but found \"scroe\"; correct the filter");
  error.metadata["suggestion"] = "score";
  EXPECT_EQ(Render(error, "en"),
            "filter, column 1: expected a field name, but found \"scroe\"; did you mean "
            "score? correct the filter");
}

TEST(StatusTest, ForeignValuesStayOnOneLineAndValid) {
  const Error error = FieldError("request_id", Reason::kRequestIdInvalid,
                                 {{"value",
                                   "a\n\x1b[31m\xff"
                                   "b{field}"}});
  EXPECT_THAT(Render(error, "en"),
              HasSubstr("[A-Za-z0-9_-], but got \"a\uFFFD\uFFFD[31m\uFFFDb{field}\""));
  const auto infos = Find<google::rpc::ErrorInfo>(ToStatus(error));
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].metadata().at("value"), "a\uFFFD\uFFFD[31m\uFFFDb{field}");
}

}  // namespace
}  // namespace rebound
