// Everything wrong that a caller can send: the code, the reason, the field and the words of each
// refusal, in English and in Chinese, and that nothing of it is stored.
#include <gmock/gmock.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <future>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "rebound/v1/survey_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using google::protobuf::internal::WireFormatLite;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
constexpr auto kNotFound = grpc::StatusCode::NOT_FOUND;
constexpr auto kExists = grpc::StatusCode::ALREADY_EXISTS;
constexpr auto kAborted = grpc::StatusCode::ABORTED;
constexpr auto kPrecondition = grpc::StatusCode::FAILED_PRECONDITION;

// An id that no record has.
constexpr char kStranger[] = "00000000000000000000000001";

std::string Repeat(std::string_view text, size_t count) {
  std::string repeated;
  for (size_t i = 0; i < count; ++i) repeated += text;
  return repeated;
}

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// One wrong request. In `request`, $CASE, $CUSTOMER, $OTHER and $RESPONSE stand for ids.
struct Wrong {
  std::string name{};
  std::string method{};
  std::string request{};
  std::string reason{};
  std::string field{};                            // empty: none is at fault
  std::map<std::string, std::string> metadata{};  // at least these
  grpc::StatusCode code = kInvalid;
};

// A customer "crm/c1" with the open case C-1, and a customer "crm/c2".
class BadInputTest : public ServerTest {
 protected:
  BadInputTest() {
    const auto submitted = server_.Do<api::SubmitResponseResponse>(
        "integration",
        R"(response { program_id: "touchpoint" score: 3 external_key { source_system: "survey"
                      external_id: "1" } customer_key { source_system: "crm"
                         external_id: "c1" } })");
    case_ = submitted.response().paired_case_id();
    customer_ = submitted.response().customer_id();
    response_ = submitted.response().id();
    other_ = server_
                 .Do<api::UpsertCustomerResponse>(
                     "manager", R"(external_key { source_system: "crm" external_id: "c2" }
                                   customer { segment: "gold" } update_mask { paths: "segment" })")
                 .customer()
                 .id();
  }

  std::string Fill(std::string text) const {
    text = Replaced(std::move(text), "$CASE", case_);
    text = Replaced(std::move(text), "$CUSTOMER", customer_);
    text = Replaced(std::move(text), "$OTHER", other_);
    return Replaced(std::move(text), "$RESPONSE", response_);
  }

  Refusal Refuse(const std::string& method, const std::string& request) {
    return server_.Refuse("admin", method, Fill(request));
  }

  void Check(const std::vector<Wrong>& table) {
    for (const Wrong& wrong : table) {
      SCOPED_TRACE(wrong.name);
      const Refusal refusal = Refuse(wrong.method, wrong.request);
      EXPECT_EQ(refusal.code, wrong.code) << refusal;
      EXPECT_EQ(refusal.reason, wrong.reason) << refusal;
      if (!wrong.field.empty()) {
        EXPECT_TRUE(refusal.HasField(wrong.field)) << refusal;
        EXPECT_EQ(refusal.fields.size(), 1u) << refusal;
        EXPECT_THAT(refusal.metadata, Contains(Pair("field", wrong.field))) << refusal;
        EXPECT_THAT(refusal.message, HasSubstr(wrong.field));
        EXPECT_THAT(refusal.localized, HasSubstr(wrong.field));
      } else {
        EXPECT_TRUE(refusal.fields.empty()) << refusal;
      }
      for (const auto& [key, value] : wrong.metadata) {
        EXPECT_THAT(refusal.metadata, Contains(Pair(key, value))) << refusal;
      }
    }
    StillWorks();
  }

  void StillWorks() {
    EXPECT_EQ(server_.Do<api::GetCaseResponse>("agent", R"(case_id: "C-1")").case_().id(), case_);
  }

  std::string case_, customer_, other_, response_;
};

// A response with `change` in place of what the text has by default.
std::string ResponseText(const std::string& fields) { return "response { " + fields + " }"; }

constexpr char kProgram[] = R"(program_id: "touchpoint" )";
constexpr char kKey[] = R"(customer_key { source_system: "crm" external_id: "c1" } )";
const std::string kGood = std::string(kProgram) + kKey + "score: 9 ";

std::string At(int64_t seconds, int64_t nanos = 0) {
  return kGood + "occur_time { seconds: " + std::to_string(seconds) +
         " nanos: " + std::to_string(nanos) + " }";
}

constexpr int64_t kNowSeconds = 1'772'442'000;  // kServerStart in seconds

TEST_F(BadInputTest, ScoresOutsideTheScaleAreRefusedWithTheBounds) {
  const auto score = [](const std::string& value) {
    return ResponseText(std::string(kProgram) + kKey + "score: " + value);
  };
  const auto out = [&](const std::string& value) {
    return Wrong{value,
                 "ResponseService/SubmitResponse",
                 score(value),
                 "SCORE_OUT_OF_RANGE",
                 "response.score",
                 {{"value", value}, {"expected", "0 to 10"}}};
  };
  Check({
      out("11"),
      out("-1"),
      out("4294967305"),         // 2^32 + 9 would be 9 in 32 bits
      out("18446744073709551"),  //
      out("-9223372036854775808"),
      out("9223372036854775807"),
      {"no score", "ResponseService/SubmitResponse", ResponseText(std::string(kProgram) + kKey),
       "REQUIRED_FIELD_MISSING", "response.score"},
      {"0 on a scale from 1",
       "ResponseService/SubmitResponse",
       ResponseText(std::string(R"(program_id: "service-csat" score: 0 )") + kKey),
       "SCORE_OUT_OF_RANGE",
       "response.score",
       {{"value", "0"}, {"expected", "1 to 5"}}},
      {"an item without a score", "ResponseService/SubmitResponse",
       ResponseText(kGood + R"(items { key: "overall" })"), "REQUIRED_FIELD_MISSING",
       "response.items[0].score"},
      {"an item far out",
       "ResponseService/SubmitResponse",
       ResponseText(kGood + R"(items { key: "a" score: 1 } items { key: "b" score: 1000001 })"),
       "NUMBER_OUT_OF_RANGE",
       "response.items[1].score",
       {{"value", "1000001"}}},
  });
}

TEST_F(BadInputTest, ResponsesWithWrongFieldsAreRefused) {
  const std::string submit = "ResponseService/SubmitResponse";
  Check({
      {"no response", submit, "", "REQUIRED_FIELD_MISSING", "response"},
      {"unknown program",
       submit,
       ResponseText(std::string(R"(program_id: "nps" score: 9 )") + kKey),
       "UNKNOWN_PROGRAM",
       "response.program_id",
       {{"value", "nps"}}},
      {"no program", submit, ResponseText(std::string("score: 9 ") + kKey),
       "REQUIRED_FIELD_MISSING", "response.program_id"},
      {"no customer",
       submit,
       ResponseText(std::string(kProgram) + "score: 9"),
       "CUSTOMER_REQUIRED",
       "response.customer_key",
       {{"program", "touchpoint"}}},
      {"source system with a blank",
       submit,
       ResponseText(std::string(kProgram) +
                    R"(score: 9 customer_key { source_system: "c r m" external_id: "x" })"),
       "ID_INVALID",
       "response.customer_key.source_system",
       {{"value", "c r m"}}},
      {"no external id", submit,
       ResponseText(std::string(kProgram) + R"(score: 9 customer_key { source_system: "crm" })"),
       "REQUIRED_FIELD_MISSING", "response.customer_key.external_id"},
      {"control character in a key", submit,
       ResponseText(std::string(kProgram) +
                    R"(score: 9 customer_key { source_system: "crm" external_id: "a\nb" })"),
       "ID_INVALID", "response.customer_key.external_id"},
      {"blank at the end of a key", submit, ResponseText(kGood + R"(touchpoint: "hotline ")"),
       "ID_INVALID", "response.touchpoint"},
      {"201 characters of key", submit,
       ResponseText(kGood + "order_reference: \"" + Repeat("单", 201) + "\""), "ID_INVALID",
       "response.order_reference"},
      {"malformed customer id", submit,
       ResponseText(std::string(kProgram) + R"(score: 9 customer_id: "../etc/passwd")"),
       "ID_INVALID", "response.customer_id"},
      {"upper-case id", submit, ResponseText(kGood + R"(case_id: "0000000000000000000000000A")"),
       "ID_INVALID", "response.case_id"},
      {"27 characters of id", submit,
       ResponseText(kGood + R"(invitation_id: "000000000000000000000000000")"), "ID_INVALID",
       "response.invitation_id"},
      {"look-alike letters", submit,
       ResponseText(kGood + R"(case_id: "０0000000000000000000000000")"), "ID_INVALID",
       "response.case_id"},
      {"unknown customer id",
       submit,
       ResponseText(std::string(kProgram) + "score: 9 customer_id: \"" + kStranger + "\""),
       "NOT_FOUND",
       "",
       {{"resource", "customer"}},
       kNotFound},
      {"unknown case",
       submit,
       ResponseText(kGood + "case_id: \"" + kStranger + "\""),
       "NOT_FOUND",
       "",
       {{"resource", "case"}},
       kNotFound},
      {"unknown invitation",
       submit,
       ResponseText(kGood + "invitation_id: \"" + kStranger + "\""),
       "NOT_FOUND",
       "",
       {{"resource", "invitation"}},
       kNotFound},
      {"65 items",
       submit,
       ResponseText(kGood + Repeat(R"(items { key: "a" score: 1 } )", 65)),
       "TOO_MANY_ITEMS",
       "response.items",
       {{"value", "65"}, {"expected", "64"}}},
      {"65 follow-ups",
       submit,
       ResponseText(kGood + Repeat("follow_ups { question: \"?\" } ", 65)),
       "TOO_MANY_ITEMS",
       "response.follow_ups",
       {{"value", "65"}}},
      {"attribute key of 65 characters", submit,
       ResponseText(kGood + "attributes { key: \"" + Repeat("k", 65) + "\" value: \"v\" }"),
       "ID_INVALID", "response.attributes[" + Repeat("k", 64) + "]"},
      {"empty attribute key", submit, ResponseText(kGood + "attributes { key: \"\" value: \"v\" }"),
       "REQUIRED_FIELD_MISSING", "response.attributes[]"},
      {"attribute value of 1,025 characters",
       submit,
       ResponseText(kGood + "attributes { key: \"k\" value: \"" + Repeat("值", 1025) + "\" }"),
       "TEXT_TOO_LONG",
       "response.attributes[k]",
       {{"value", "1025"}, {"expected", "1024"}}},
      {"case of another customer",
       submit,
       ResponseText(std::string(kProgram) + R"(score: 9 case_id: "$CASE"
                customer_key { source_system: "crm" external_id: "c2" })"),
       "PAIRING_MISMATCH",
       "",
       {{"case", "C-1"}, {"expected", "customer"}},
       kPrecondition},
      {"case of another program",
       submit,
       ResponseText(R"(program_id: "relationship" score: 9 case_id: "$CASE"
                customer_key { source_system: "crm" external_id: "c1" })"),
       "PAIRING_MISMATCH",
       "",
       {{"case", "C-1"}, {"expected", "program"}},
       kPrecondition},
      {"external id with other content",
       submit,
       ResponseText(kGood + R"(external_key { source_system: "survey" external_id: "1" })"),
       "RESPONSE_EXTERNAL_ID_REUSED",
       "",
       {{"source_system", "survey"}, {"external_id", "1"}},
       kExists},
  });
}

TEST_F(BadInputTest, TimesOutsideTheirBoundsAreRefusedAndThoseInsideAreNot) {
  const auto out = [](const std::string& name, const std::string& fields,
                      const std::string& value) {
    return Wrong{name,
                 "ResponseService/SubmitResponse",
                 ResponseText(fields),
                 "TIMESTAMP_OUT_OF_RANGE",
                 "response.occur_time",
                 {{"value", value}}};
  };
  Check({
      out("before 1970", At(-1), "1969-12-31T23:59:59Z"),
      out("a nanosecond before 1970", At(-1, 999'999'999), "1969-12-31T23:59:59.999Z"),
      out("5 minutes and 1 second ahead", At(kNowSeconds + 301), "2026-03-02T09:05:01Z"),
      out("year 9999", At(253'402'300'799), "9999-12-31T23:59:59Z"),
      out("a billion nanoseconds", At(kNowSeconds, 1'000'000'000), "1772442000 s 1000000000 ns"),
      out("negative nanoseconds", At(kNowSeconds, -1), "1772442000 s -1 ns"),
      out("before the year 1", At(-62'135'596'801), "-62135596801 s 0 ns"),
      out("the end of 64 bits", At(9'223'372'036'854'775'807), "9223372036854775807 s 0 ns"),
  });
  for (const std::string& good : {At(0), At(kNowSeconds + 300), At(kNowSeconds, 999'999'999)}) {
    const auto stored =
        server_.Do<api::SubmitResponseResponse>("integration", ResponseText(good)).response();
    EXPECT_GE(stored.occur_time().seconds(), 0);
    EXPECT_LE(stored.occur_time().seconds(), kNowSeconds) << "within the skew a later time is now";
  }
}

TEST_F(BadInputTest, TextsAreMeasuredInCodePointsAndKeptAsTheyAre) {
  const std::string longest = Repeat("很", 32'768);
  const auto stored = server_.Do<api::SubmitResponseResponse>(
      "integration", ResponseText(kGood + "reason: \"" + longest + "\""));
  EXPECT_EQ(
      server_
          .Do<api::GetResponseResponse>("agent", "response_id: \"" + stored.response().id() + "\"")
          .response()
          .reason(),
      longest);
  const std::string too_long = "\"" + Repeat("很", 32'769) + "\"";
  Check({
      {"reason",
       "ResponseService/SubmitResponse",
       ResponseText(kGood + "reason: " + too_long),
       "TEXT_TOO_LONG",
       "response.reason",
       {{"value", "32769"}, {"expected", "32768"}}},
      {"suggestion",
       "ResponseService/SubmitResponse",
       ResponseText(kGood + "suggestion: " + too_long),
       "TEXT_TOO_LONG",
       "response.suggestion",
       {{"value", "32769"}}},
      {"follow-up", "ResponseService/SubmitResponse",
       ResponseText(kGood + "follow_ups { answer: \"\" } follow_ups { answer: " + too_long + " }"),
       "TEXT_TOO_LONG", "response.follow_ups[1].answer"},
      {"NUL", "ResponseService/SubmitResponse", ResponseText(kGood + R"(reason: "a\000b")"),
       "NUL_NOT_ALLOWED", "response.reason"},
      {"NUL in a key", "ResponseService/SubmitResponse",
       ResponseText(kGood + R"(touchpoint: "a\000b")"), "ID_INVALID", "response.touchpoint"},
      {"NUL in an attribute", "ResponseService/SubmitResponse",
       ResponseText(kGood + R"(attributes { key: "k" value: "\000" })"), "NUL_NOT_ALLOWED",
       "response.attributes[k]"},
      {"note", "CaseService/LogAttempt",
       R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_BUSY note: )" +
           too_long + "}",
       "TEXT_TOO_LONG", "attempt.note"},
      {"promise", "CaseService/MakeCommitment",
       R"(case_id: "C-1" commitment { due_time { seconds: 1772500000 } promise: )" + too_long + "}",
       "TEXT_TOO_LONG", "commitment.promise"},
      {"name of 1,025",
       "CustomerService/UpsertCustomer",
       R"(external_key { source_system: "crm" external_id: "c1" } update_mask {
          paths: "display_name" }
          customer { display_name: ")" +
           Repeat("名", 1025) + "\" }",
       "TEXT_TOO_LONG",
       "customer.display_name",
       {{"value", "1025"}, {"expected", "1024"}}},
  });
}

TEST_F(BadInputTest, StrangeTextsAreKeptAsTheyAre) {
  for (const std::string& text :
       {std::string("<img src=x onerror=alert(1)>"), std::string("=HYPERLINK(\"http://x\")"),
        "e" + Repeat("\u0301", 5000), std::string("\u202Eabc\u2066\u200B"),
        Repeat("\U0001F600", 100), std::string("line\r\nline\ttab \x01 bell\x07"),
        std::string("'; DROP TABLE cases; --")}) {
    api::SubmitResponseRequest request =
        FromText<api::SubmitResponseRequest>(R"(request_id: "r")" + ResponseText(kGood));
    request.set_request_id("strange-" + std::to_string(std::hash<std::string>()(text)));
    request.mutable_response()->set_reason(text);
    api::SubmitResponseResponse response;
    ASSERT_TRUE(server_.Call("integration", request, &response).ok());
    EXPECT_EQ(server_
                  .Do<api::GetResponseResponse>("agent",
                                                "response_id: \"" + response.response().id() + "\"")
                  .response()
                  .reason(),
              text);
  }
}

// Bytes that no client library would send.

void AppendTag(int field, WireFormatLite::WireType type, std::string* bytes) {
  google::protobuf::io::StringOutputStream stream(bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.WriteTag(WireFormatLite::MakeTag(field, type));
}

void AppendString(int field, std::string_view value, std::string* bytes) {
  google::protobuf::io::StringOutputStream stream(bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.WriteTag(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  out.WriteVarint32(static_cast<uint32_t>(value.size()));
  out.WriteRaw(value.data(), static_cast<int>(value.size()));
}

std::string SubmitBytes(std::string_view more_of_response) {
  api::Response response;
  ParseText(std::string(kProgram) + kKey, &response);
  std::string inner = response.SerializeAsString();
  inner += more_of_response;
  std::string bytes;
  AppendString(1, "raw-1", &bytes);
  AppendString(2, inner, &bytes);
  return bytes;
}

constexpr char kSubmitPath[] = "/rebound.v1.ResponseService/SubmitResponse";

TEST_F(BadInputTest, AScoreThatIsNoIntegerOnTheWireIsNoScore) {
  const int64_t before = server_.LastSequence();
  for (const double value : {6.877, 9.0, -0.0, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
    SCOPED_TRACE(value);
    std::string score;
    AppendTag(7, WireFormatLite::WIRETYPE_FIXED64, &score);
    const uint64_t bits = std::bit_cast<uint64_t>(value);
    score.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    const Refusal refusal =
        ToRefusal(server_.CallRaw("integration", kSubmitPath, SubmitBytes(score)));
    EXPECT_EQ(refusal.code, kInvalid);
    EXPECT_EQ(refusal.reason, "REQUIRED_FIELD_MISSING") << refusal;
    EXPECT_TRUE(refusal.HasField("response.score"));
  }
  std::string text;
  AppendString(7, "NaN", &text);
  EXPECT_EQ(ToRefusal(server_.CallRaw("integration", kSubmitPath, SubmitBytes(text))).reason,
            "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(server_.LastSequence(), before);
}

TEST_F(BadInputTest, TextThatIsNoUtf8IsRefusedByItsPath) {
  struct Bad {
    std::string name;
    std::string value;
  };
  const int64_t before = server_.LastSequence();
  for (const Bad& bad :
       {Bad{"lone byte", "\xFF"}, Bad{"cut short", "\xE5\xBE"}, Bad{"overlong", "\xC0\xAF"},
        Bad{"surrogate", "\xED\xA0\x80"}, Bad{"over U+10FFFF", "\xF4\x90\x80\x80"},
        Bad{"GB18030", "\xBA\xDC\xB2\xEE"}}) {
    SCOPED_TRACE(bad.name);
    std::string reason;
    AppendString(10, bad.value, &reason);
    Refusal refusal = ToRefusal(server_.CallRaw("integration", kSubmitPath, SubmitBytes(reason)));
    EXPECT_EQ(refusal.code, kInvalid) << refusal;
    EXPECT_EQ(refusal.reason, "INVALID_UTF8") << refusal;
    EXPECT_TRUE(refusal.HasField("response.reason")) << refusal;

    // Nested, in the second of a list.
    std::string follow_up, second;
    AppendString(2, "good", &follow_up);
    AppendString(2, bad.value, &second);
    std::string list;
    AppendString(12, follow_up, &list);
    AppendString(12, second, &list);
    refusal = ToRefusal(server_.CallRaw("integration", kSubmitPath, SubmitBytes(list)));
    EXPECT_EQ(refusal.reason, "INVALID_UTF8") << refusal;
    EXPECT_TRUE(refusal.HasField("response.follow_ups[1].answer")) << refusal;

    std::string request_id;
    AppendString(1, bad.value, &request_id);
    refusal =
        ToRefusal(server_.CallRaw("agent", "/rebound.v1.CaseService/ClaimNextCase", request_id));
    EXPECT_EQ(refusal.reason, "INVALID_UTF8") << refusal;
    EXPECT_TRUE(refusal.HasField("request_id")) << refusal;
    // In a query's filter.
    refusal = ToRefusal(server_.CallRaw("agent", "/rebound.v1.CaseService/ListCases", request_id));
    EXPECT_TRUE(refusal.HasField("filter")) << refusal;
  }
  EXPECT_EQ(server_.LastSequence(), before);
  StillWorks();
}

TEST_F(BadInputTest, DamagedBytesNeverReachAHandler) {
  const int64_t before = server_.LastSequence();
  std::string deep;
  for (int i = 0; i < 150; ++i) {
    std::string outer;
    AppendString(2, deep, &outer);
    deep = outer;
  }
  for (const std::string& bytes :
       {std::string("\xFF\xFF\xFF"), std::string("\x0A\x7F"),
        std::string("\x0A\x05"
                    "ab"),
        std::string(11, '\xFF'), SubmitBytes(std::string("\x38") + std::string(11, '\xFF'))}) {
    const Refusal refusal = ToRefusal(server_.CallRaw("integration", kSubmitPath, bytes));
    EXPECT_NE(refusal.code, grpc::StatusCode::OK);
    EXPECT_THAT(refusal.reason, testing::AnyOf("INTERNAL", "REQUEST_ID_INVALID")) << refusal;
  }
  EXPECT_NE(server_.CallRaw("integration", kSubmitPath, deep).error_code(), grpc::StatusCode::OK);
  EXPECT_EQ(server_.LastSequence(), before);
  StillWorks();
}

TEST_F(BadInputTest, MessagesOverFourMebibytesAndCompressedOnesAreRefused) {
  const int64_t before = server_.LastSequence();
  EXPECT_EQ(
      server_.CallRaw("integration", kSubmitPath, std::string((4 << 20) + 1, 'x')).error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
  // A megabyte of one letter is next to nothing once compressed: it must not be inflated.
  std::string reason;
  AppendString(10, std::string(1 << 20, 'x'), &reason);
  EXPECT_EQ(server_
                .CallRaw("integration", kSubmitPath, SubmitBytes(reason),
                         {.compression = GRPC_COMPRESS_GZIP})
                .error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(server_.LastSequence(), before);
  StillWorks();
}

// Two bytes on the wire are an object of hundreds in memory: they are counted first.
TEST_F(BadInputTest, MoreEntriesThanAnybodyNeedsAreRefusedBeforeTheyAreMade) {
  const int64_t before = server_.LastSequence();
  const std::string batch = "/rebound.v1.ResponseService/BatchSubmitResponses";
  const auto refused = [&](const std::string& bytes) {
    return ToRefusal(server_.CallRaw("integration", batch, bytes));
  };
  const auto wrapped = [](int number, const std::string& inner) {
    std::string outer;
    AppendString(number, inner, &outer);
    return outer;
  };
  const std::string request_id = wrapped(1, "many");
  const Refusal many = refused(request_id + Repeat({"\x12\0", 2}, 2'000'000));
  EXPECT_EQ(many.reason, "TOO_MANY_ITEMS") << many;
  EXPECT_EQ(many.code, kInvalid);
  EXPECT_TRUE(many.HasField("responses")) << many;
  EXPECT_EQ(many.metadata.at("expected"), "20000");
  // ScoredItem items = 9, in the second response.
  const Refusal nested =
      refused(request_id + wrapped(2, "") + wrapped(2, Repeat({"\x4A\0", 2}, 20'001)));
  EXPECT_EQ(nested.reason, "TOO_MANY_ITEMS") << nested;
  EXPECT_TRUE(nested.HasField("responses[1].items")) << nested;
  std::string spread = request_id;
  for (int i = 0; i < 11; ++i) spread += wrapped(2, Repeat({"\x4A\0", 2}, 20'000));
  const Refusal in_all = refused(spread);
  EXPECT_EQ(in_all.metadata.at("expected"), "200000") << in_all;
  // Fields that nobody knows are kept in memory, too; groups among them.
  EXPECT_EQ(refused(request_id + Repeat({"\xBA\x3E\0", 3}, 20'001)).reason, "TOO_MANY_ITEMS");
  EXPECT_EQ(refused(request_id + Repeat("\xBB\x3E\xBC\x3E", 20'001)).reason, "TOO_MANY_ITEMS");
  // So many are read, and found to be too many by the method's own limit.
  const Refusal few = refused(request_id + Repeat({"\x12\0", 2}, 20'000));
  EXPECT_EQ(few.metadata.at("expected"), "1 to 500") << few;
  EXPECT_EQ(server_.LastSequence(), before);
  StillWorks();
}

TEST_F(BadInputTest, UnknownServicesAndMethodsAreUnimplemented) {
  for (const char* path : {"/rebound.v1.CaseService/DropAllCases",
                           "/rebound.v2.CaseService/GetCase", "/x", "/rebound.v1.CaseService/"}) {
    EXPECT_EQ(server_.CallRaw("admin", path, "").error_code(), grpc::StatusCode::UNIMPLEMENTED)
        << path;
  }
}

TEST_F(BadInputTest, RequestIdsMustBePresentAndPlain) {
  const auto wrong = [](const std::string& name, const std::string& id) {
    return Wrong{name, "CaseService/ClaimNextCase", "request_id: \"" + id + "\"",
                 "REQUEST_ID_INVALID", "request_id"};
  };
  std::vector<Wrong> table = {
      wrong("missing", ""),           wrong("65 characters", Repeat("a", 65)),
      wrong("blank", "a b"),          wrong("slash", "a/b"),
      wrong("Chinese", "请求"),       wrong("NUL", "a\\000"),
      wrong("line break", "a\\r\\n"), wrong("300 characters", Repeat("a", 300))};
  // Every mutation has the same rule, before anything else about the request is looked at.
  for (const auto* method : AllMethods()) {
    if (method->input_type()->FindFieldByName("request_id") == nullptr) continue;
    table.push_back({method->name(), method->service()->name() + "/" + method->name(),
                     "request_id: \"\"", "REQUEST_ID_INVALID", "request_id"});
  }
  EXPECT_GE(table.size(), 21u);
  Check(table);
  server_.Do<api::ClaimNextCaseResponse>("agent", "request_id: \"" + Repeat("a", 64) + "\"");
}

TEST_F(BadInputTest, ARequestIdComesWithOneBody) {
  const std::string first = R"(request_id: "once" )" + ResponseText(kGood);
  server_.Do<api::SubmitResponseResponse>("admin", first);
  Check({{"other body",
          "ResponseService/SubmitResponse",
          R"(request_id: "once" )" + ResponseText(kGood + R"(reason: "another")"),
          "REQUEST_ID_REUSED",
          "",
          {{"request_id", "once"}},
          kExists}});
  // Another principal and another method are other requests.
  server_.Do<api::SubmitResponseResponse>(
      "integration", R"(request_id: "once" )" + ResponseText(kGood + R"(reason: "another")"));
  server_.Do<api::ClaimNextCaseResponse>("admin", R"(request_id: "once")");
}

TEST_F(BadInputTest, ARunningRequestIsNotStartedTwice) {
  server_.store().HoldWrites();
  const std::string request = R"(request_id: "slow" )" + ResponseText(kGood);
  auto first = std::async(std::launch::async, [&] {
    return server_.Do<api::SubmitResponseResponse>("admin", request);
  });
  server_.store().WaitForHeldWrite();
  const Refusal refusal = Refuse("ResponseService/SubmitResponse", request);
  EXPECT_EQ(refusal.code, kAborted);
  EXPECT_EQ(refusal.reason, "REQUEST_IN_PROGRESS");
  EXPECT_THAT(refusal.metadata, Contains(Pair("request_id", "slow")));
  EXPECT_EQ(refusal.retry_seconds, 1);
  server_.store().ReleaseWrites();
  const auto stored = first.get();
  const auto again = server_.Do<api::SubmitResponseResponse>("admin", request);
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.response().id(), stored.response().id());
}

TEST(QueueTest, AFullQueueRefusesAndTellsWhenToComeBack) {
  TestServer server({.queue_capacity = 2});
  server.store().HoldWrites();
  std::vector<std::future<api::UpsertCustomerResponse>> waiting;
  const auto upsert = [&](int i) {
    return R"(external_key { source_system: "crm" external_id: ")" + std::to_string(i) +
           R"(" } customer { segment: "a" } update_mask { paths: "segment" })";
  };
  for (int i = 0; i < 2; ++i) {
    waiting.push_back(std::async(std::launch::async, [&, i] {
      return server.Do<api::UpsertCustomerResponse>("admin", upsert(i));
    }));
  }
  // Both count until they are done; the held batch holds at least one, the queue the rest.
  while (server.Do<api::GetStatusResponse>("viewer", "").queued_command_count() < 2) {
  }
  const Refusal refusal = server.Refuse("admin", "CustomerService/UpsertCustomer", upsert(2));
  EXPECT_EQ(refusal.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refusal.reason, "QUEUE_FULL");
  EXPECT_THAT(refusal.metadata, Contains(Pair("capacity", "2")));
  EXPECT_EQ(refusal.retry_seconds, 1);
  server.store().ReleaseWrites();
  for (auto& each : waiting) EXPECT_TRUE(each.get().created());
  EXPECT_TRUE(server.Do<api::UpsertCustomerResponse>("admin", upsert(2)).created());
}

TEST_F(BadInputTest, WorkWhoseDeadlinePassedInTheQueueIsNotDone) {
  server_.store().HoldWrites();
  auto request =
      FromText<api::SubmitResponseRequest>(R"(request_id: "late" )" + ResponseText(kGood));
  // The second call outlives the first, so that the first's deadline is well past when it is run.
  for (const char* id : {"late", "later"}) {
    request.set_request_id(id);
    api::SubmitResponseResponse response;
    EXPECT_EQ(
        server_.Call("integration", request, &response, {.timeout = std::chrono::milliseconds(100)})
            .error_code(),
        grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  server_.store().ReleaseWrites();
  server_.Do<api::ClaimNextCaseResponse>("agent", "");  // answered after those that came before it
  request.set_request_id("late");
  api::SubmitResponseResponse response;
  ASSERT_TRUE(server_.Call("integration", request, &response).ok());
  EXPECT_FALSE(response.replayed()) << "the call that timed out was done all the same";
}

TEST_F(BadInputTest, DeadlinesOfAMillisecondLeaveTheServerWell) {
  for (int i = 0; i < 50; ++i) {
    api::GetRecoveryReportResponse response;
    server_.Call("admin",
                 FromText<api::GetRecoveryReportRequest>(R"(scope { program_id: "touchpoint" })"),
                 &response, {.timeout = std::chrono::milliseconds(1)});
  }
  StillWorks();
}

TEST_F(BadInputTest, AFailedStoreAcknowledgesNothingMore) {
  server_.store().FailWrites();
  for (int i = 0; i < 2; ++i) {
    const Refusal refusal = Refuse("ResponseService/SubmitResponse", ResponseText(kGood));
    EXPECT_EQ(refusal.code, grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(refusal.reason, "STORE_UNAVAILABLE");
    EXPECT_EQ(refusal.retry_seconds, 5);
  }
  StillWorks();  // reads go on
}

TEST_F(BadInputTest, EtagsMustBeTheCurrentOnes) {
  const std::string attempt =
      R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_BUSY } etag: )";
  const std::string current =
      server_.Do<api::GetCaseResponse>("agent", R"(case_id: "C-1")").case_().etag();
  const std::map<std::string, std::string> metadata = {{"current", current}};
  std::vector<Wrong> table = {
      {"none on close", "CaseService/CloseCase", R"(case_id: "C-1")", "ETAG_REQUIRED", "etag"},
      {"customer",
       "CustomerService/SetCustomerConsent",
       R"(customer_id: "$CUSTOMER" do_not_contact: true etag: "\"77\"")",
       "ETAG_MISMATCH",
       "",
       {{"current", "\"1\""}},
       kAborted},
      {"profile",
       "CustomerService/UpsertCustomer",
       R"(external_key { source_system: "crm" external_id: "c1" } customer { segment: "x" }
          update_mask { paths: "segment" } etag: "\"0\"")",
       "ETAG_MISMATCH",
       "",
       {{"current", "\"1\""}},
       kAborted},
      {"etag of a customer that is not there",
       "CustomerService/UpsertCustomer",
       R"(external_key { source_system: "crm" external_id: "new" } customer { segment: "x" }
          update_mask { paths: "segment" } etag: "\"1\"")",
       "NOT_FOUND",
       "",
       {{"resource", "customer"}},
       kNotFound},
  };
  for (const char* etag :
       {R"("\"0\"")", R"("\"99\"")", R"("1")", R"("x")", R"("W/\"1\"")", R"("\"-1\"")",
        R"("\"99999999999999999999999\"")", R"("\"\"")", R"("\"1 \"")", R"("*")"}) {
    table.push_back(
        {etag, "CaseService/LogAttempt", attempt + etag, "ETAG_MISMATCH", "", metadata, kAborted});
  }
  Check(table);
  server_.Do<api::LogAttemptResponse>(
      "agent", attempt + "\"\\\"" + current.substr(1, current.size() - 2) + "\\\"\"");
}

TEST_F(BadInputTest, ForbiddenTransitionsListWhatIsAllowed) {
  const Refusal refusal = Refuse(
      "CaseService/CloseCase",
      Replaced(
          R"(case_id: "C-1" etag: "$ETAG")", "$ETAG",
          Replaced(server_.Do<api::GetCaseResponse>("agent", R"(case_id: "C-1")").case_().etag(),
                   "\"", "\\\"")));
  EXPECT_EQ(refusal.code, kPrecondition);
  EXPECT_EQ(refusal.reason, "TRANSITION_NOT_ALLOWED");
  EXPECT_THAT(refusal.metadata, Contains(Pair("case", "C-1")));
  EXPECT_THAT(refusal.metadata, Contains(Pair("status", "open")));
  EXPECT_THAT(refusal.metadata, Contains(Pair("command", "close")));
  EXPECT_THAT(refusal.allowed,
              ElementsAre("assign", "dispatch", "accept", "log_attempt", "make_commitment",
                          "settle_commitment", "remedy", "complete_step", "chase", "supervise",
                          "assist", "extend", "decide_extension", "escalate", "resolve", "withdraw",
                          "merge", "propose_verdict", "decide_verdict"));
  for (const std::string& command : refusal.allowed) {
    EXPECT_THAT(refusal.metadata.at("allowed"), HasSubstr(command));
    EXPECT_THAT(refusal.localized, HasSubstr(command));
  }
  Check({{"reopen",
          "CaseService/ReopenCase",
          R"(case_id: "C-1" note: "again")",
          "TRANSITION_NOT_ALLOWED",
          "",
          {{"command", "reopen"}},
          kPrecondition}});
}

TEST_F(BadInputTest, CasesMustBeNamedByIdOrNumber) {
  std::vector<Wrong> table;
  for (const std::string& id :
       {std::string("x"), std::string("C-0"), std::string("C-01"), std::string("c-1"),
        std::string("C-"), std::string("C-1 "), std::string("C--1"), std::string("../1"),
        std::string("a/b"), std::string("a\\000b"), std::string("C-1\\u202E"),
        std::string("С-1"),  // a Cyrillic letter
        std::string("C-99999999999999999999"), Repeat("a", 10'000),
        std::string("0000000000000000000000000i")}) {
    table.push_back(
        {id, "CaseService/GetCase", "case_id: \"" + id + "\"", "ID_INVALID", "case_id"});
    table.push_back(
        {id, "CaseService/AssignCase", "case_id: \"" + id + "\"", "ID_INVALID", "case_id"});
    table.push_back(
        {id, "CaseService/ListCaseEvents", "case_id: \"" + id + "\"", "ID_INVALID", "case_id"});
  }
  table.push_back({"none", "CaseService/GetCase", "", "REQUIRED_FIELD_MISSING", "case_id"});
  for (const char* id : {"C-999", kStranger, "C-999999999999999999"}) {
    table.push_back({id,
                     "CaseService/GetCase",
                     "case_id: \"" + std::string(id) + "\"",
                     "NOT_FOUND",
                     "",
                     {{"resource", "case"}},
                     kNotFound});
  }
  Check(table);
}

TEST_F(BadInputTest, CustomersAndResponsesMustBeNamedById) {
  std::vector<Wrong> table;
  for (const char* id : {"x", "../x", "C-1", "a b", "0000000000000000000000000u"}) {
    const std::string quoted = "\"" + std::string(id) + "\"";
    table.push_back(
        {id, "CustomerService/GetCustomer", "customer_id: " + quoted, "ID_INVALID", "customer_id"});
    table.push_back({id, "CustomerService/GetCustomerHistory", "customer_id: " + quoted,
                     "ID_INVALID", "customer_id"});
    table.push_back({id, "CustomerService/SetCustomerConsent",
                     "do_not_contact: true customer_id: " + quoted, "ID_INVALID", "customer_id"});
    table.push_back(
        {id, "ResponseService/GetResponse", "response_id: " + quoted, "ID_INVALID", "response_id"});
  }
  table.push_back(
      {"none", "CustomerService/GetCustomer", "", "REQUIRED_FIELD_MISSING", "customer_id"});
  table.push_back(
      {"none", "ResponseService/GetResponse", "", "REQUIRED_FIELD_MISSING", "response_id"});
  table.push_back(
      {"none", "CustomerService/GetCustomerHistory", "", "REQUIRED_FIELD_MISSING", "customer_id"});
  table.push_back({"key without a system", "CustomerService/GetCustomer",
                   R"(external_key { external_id: "c1" })", "ID_INVALID",
                   "external_key.source_system"});
  table.push_back({"unknown key",
                   "CustomerService/GetCustomer",
                   R"(external_key { source_system: "crm" external_id: "nobody" })",
                   "NOT_FOUND",
                   "",
                   {{"resource", "customer"}},
                   kNotFound});
  table.push_back({"unknown program",
                   "SurveyService/GetProgram",
                   R"(program_id: "nps")",
                   "NOT_FOUND",
                   "",
                   {{"resource", "program"}},
                   kNotFound});
  Check(table);
}

TEST_F(BadInputTest, PageSizesAndOrdersAreChecked) {
  std::vector<Wrong> table;
  for (const char* method : {"CaseService/ListCases", "ResponseService/ListResponses",
                             "CustomerService/ListCustomers", "SurveyService/ListPrograms"}) {
    table.push_back(
        {method, method, "page_size: -1", "PAGE_SIZE_INVALID", "page_size", {{"value", "-1"}}});
    table.push_back({method, method, "page_token: \"x\"", "PAGE_TOKEN_INVALID", "page_token"});
  }
  table.push_back({"events",
                   "CaseService/ListCaseEvents",
                   R"(case_id: "C-1" page_size: -2147483648)",
                   "PAGE_SIZE_INVALID",
                   "page_size",
                   {{"value", "-2147483648"}}});
  table.push_back({"events", "CaseService/ListCaseEvents", R"(case_id: "C-1" page_token: "AAAA")",
                   "PAGE_TOKEN_INVALID", "page_token"});
  for (const char* order :
       {"owner", "open_time asc", "open_time desc, owner", "1; DROP TABLE cases"}) {
    table.push_back({order,
                     "CaseService/ListCases",
                     "order_by: \"" + std::string(order) + "\"",
                     "ORDER_BY_INVALID",
                     "order_by",
                     {{"value", order}}});
  }
  Check(table);
  server_.Do<api::ListCasesResponse>("agent", "page_size: 2147483647");
}

TEST_F(BadInputTest, APageTokenOpensForItsCallerAndQueryOnly) {
  for (int i = 0; i < 3; ++i) {
    server_.Do<api::OpenCaseResponse>("agent", R"(case { program_id: "touchpoint" })");
  }
  const std::string query = R"(filter: "severity >= 1" order_by: "open_time" page_size: 1 )";
  const auto page = server_.Do<api::ListCasesResponse>("agent", query);
  const std::string token = page.next_page_token();
  ASSERT_FALSE(token.empty());
  const auto with = [](const std::string& text, const std::string& page_token) {
    return text + "page_token: \"" + page_token + "\"";
  };
  const auto next = server_.Do<api::ListCasesResponse>("agent", with(query, token));
  ASSERT_EQ(next.cases_size(), 1);
  EXPECT_NE(next.cases(0).id(), page.cases(0).id());
  // Another page size is the same query.
  EXPECT_EQ(
      server_
          .Do<api::ListCasesResponse>(
              "agent", with(R"(filter: "severity>=1" order_by: "open_time" page_size: 9 )", token))
          .cases_size(),
      3);

  const auto refused = [&](std::string_view who, const std::string& method,
                           const std::string& text) {
    const Refusal refusal = server_.Refuse(who, method, text);
    EXPECT_EQ(refusal.code, kInvalid);
    EXPECT_EQ(refusal.reason, "PAGE_TOKEN_INVALID") << refusal;
    return refusal.bytes;
  };
  const std::string list = "CaseService/ListCases";
  const std::string one_text = refused("admin", list, with(query, token));
  EXPECT_EQ(
      refused("agent", list, with(R"(filter: "severity >= 2" order_by: "open_time" )", token)),
      one_text);
  EXPECT_EQ(refused("agent", list, with(R"(filter: "severity >= 1" )", token)), one_text);
  EXPECT_EQ(refused("agent", "ResponseService/ListResponses", with("", token)), one_text);
  EXPECT_EQ(refused("agent", list, with(query, token.substr(1))), one_text);
  EXPECT_EQ(refused("agent", list, with(query, token + "A")), one_text);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string flipped = token;
    flipped[i] = flipped[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(refused("agent", list, with(query, flipped)), one_text) << "character " << i;
  }
  server_.Restart();  // the key is the process's own
  refused("agent", list, with(query, token));
}

TEST_F(BadInputTest, FiltersAreRefusedWithTheColumnOfTheFault) {
  const auto wrong = [](const std::string& filter, const std::string& column,
                        std::map<std::string, std::string> metadata = {}) {
    metadata["column"] = column;
    return Wrong{
        filter,  "CaseService/ListCases", "filter: \"" + filter + "\"", "FILTER_INVALID", "filter",
        metadata};
  };
  Check({
      wrong("scroe <= 6", "1", {{"found", "scroe"}, {"suggestion", "score"}}),
      wrong("severity >= 3 AND scroe <= 6", "19", {{"suggestion", "score"}}),
      wrong("score >= abc", "10"),
      wrong("score >=", "9"),
      wrong("score ? 3", "7"),
      wrong("score = 3 OR", "13"),
      wrong("'' OR 1=1--", "1"),
      wrong("category = angry", "12"),
      wrong("org_unit >= 华东", "10"),
      wrong("owner = \\\"open", "14"),
      wrong("gender = f", "1"),
      wrong("reason = x", "1"),
      wrong(Repeat("(", 10'000), "2049"),
      wrong(Repeat("(", 80) + "score=1", "65"),
      {"responses",
       "ResponseService/ListResponses",
       R"(filter: "queue = a")",
       "FILTER_INVALID",
       "filter",
       {{"column", "1"}}},
      {"customers",
       "CustomerService/ListCustomers",
       R"(filter: "segment = gold AND display_name = x")",
       "FILTER_INVALID",
       "filter",
       {{"column", "20"}}},
  });
}

TEST_F(BadInputTest, UnknownEnumNumbersAreRefused) {
  Check({
      {"channel 77",
       "CaseService/LogAttempt",
       R"(case_id: "C-1" attempt { channel: 77 outcome: ATTEMPT_OUTCOME_BUSY })",
       "ENUM_VALUE_UNKNOWN",
       "attempt.channel",
       {{"value", "77"}}},
      {"no channel", "CaseService/LogAttempt",
       R"(case_id: "C-1" attempt { outcome: ATTEMPT_OUTCOME_BUSY })", "ENUM_VALUE_UNKNOWN",
       "attempt.channel"},
      {"outcome -1",
       "CaseService/LogAttempt",
       R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: -1 })",
       "ENUM_VALUE_UNKNOWN",
       "attempt.outcome",
       {{"value", "-1"}}},
      {"direction 3", "CaseService/LogAttempt",
       R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_BUSY
          direction: 3 })",
       "ENUM_VALUE_UNKNOWN", "attempt.direction"},
      {"remedy kind", "CaseService/RemedyCase",
       R"(case_id: "C-1" remedy { kind: 12 state: REMEDY_STATE_PROPOSED })", "ENUM_VALUE_UNKNOWN",
       "remedy.kind"},
      {"remedy state", "CaseService/RemedyCase",
       R"(case_id: "C-1" remedy { kind: REMEDY_KIND_REDO })", "ENUM_VALUE_UNKNOWN", "remedy.state"},
      {"no handling result", "CaseService/ResolveCase",
       R"(case_id: "C-1" root_cause: "billing" action_taken: "paid")", "ENUM_VALUE_UNKNOWN",
       "handling_result"},
      {"a verdict for two",
       "CaseService/ResolveCase",
       R"(case_id: "C-1" root_cause: "billing" action_taken: "paid"
          handling_result: HANDLING_RESULT_UNFOUNDED)",
       "ENUM_VALUE_UNKNOWN",
       "handling_result",
       {{"value", "HANDLING_RESULT_UNFOUNDED"}}},
      {"handling result 77",
       "CaseService/ResolveCase",
       R"(case_id: "C-1" root_cause: "billing" action_taken: "paid" handling_result: 77)",
       "ENUM_VALUE_UNKNOWN",
       "handling_result",
       {{"value", "77"}}},
      {"origin of an answer",
       "CaseService/OpenCase",
       R"(case { program_id: "touchpoint" origin: CASE_ORIGIN_RESPONSE })",
       "ENUM_VALUE_UNKNOWN",
       "case.origin",
       {{"value", "CASE_ORIGIN_RESPONSE"}}},
      {"origin 77",
       "CaseService/OpenCase",
       R"(case { program_id: "touchpoint" origin: 77 })",
       "ENUM_VALUE_UNKNOWN",
       "case.origin",
       {{"value", "77"}}},
      {"emotion", "CaseService/OpenCase", R"(case { program_id: "touchpoint" emotion: 9 })",
       "ENUM_VALUE_UNKNOWN", "case.emotion"},
      {"liability", "CaseService/OpenCase", R"(case { program_id: "touchpoint" liability: -5 })",
       "ENUM_VALUE_UNKNOWN", "case.liability"},
      {"preferred channel", "CaseService/OpenCase",
       R"(case { program_id: "touchpoint" preferred_channel: 2147483647 })", "ENUM_VALUE_UNKNOWN",
       "case.preferred_channel"},
      {"purpose", "CustomerService/SetCustomerConsent",
       R"(customer_id: "$CUSTOMER" consents { granted: true })", "ENUM_VALUE_UNKNOWN",
       "consents[0].purpose"},
      {"contact point", "CustomerService/UpsertCustomer",
       R"(external_key { source_system: "crm" external_id: "c1" } update_mask {
          paths: "contact_points" }
          customer { contact_points { channel: 99 address: "x" } })",
       "ENUM_VALUE_UNKNOWN", "customer.contact_points[0].channel"},
      {"unit of a report", "ReportService/GetRecoveryReport",
       R"(scope { program_id: "touchpoint" } unit: 3)", "ENUM_VALUE_UNKNOWN", "unit"},
  });
}

TEST_F(BadInputTest, UpdateMasksNameFieldsThatCanBeSet) {
  const auto wrong = [](const std::string& name, const std::string& paths,
                        const std::string& value) {
    return Wrong{
        name,
        "CustomerService/UpsertCustomer",
        R"(external_key { source_system: "crm" external_id: "c1" } customer { segment: "x" }
                    update_mask { )" +
            paths + " }",
        "UPDATE_MASK_INVALID",
        "update_mask",
        {{"value", value}}};
  };
  Check({
      wrong("empty", "", ""),
      wrong("star", R"(paths: "*")", "*"),
      wrong("unknown", R"(paths: "segmnet")", "segmnet"),
      wrong("twice", R"(paths: "segment" paths: "segment")", "segment"),
      wrong("state", R"(paths: "segment" paths: "do_not_contact")", "do_not_contact"),
      wrong("consents", R"(paths: "consents")", "consents"),
      wrong("id", R"(paths: "id")", "id"),
      wrong("etag", R"(paths: "etag")", "etag"),
      wrong("alias", R"(paths: "alias_of")", "alias_of"),
      wrong("keys", R"(paths: "external_keys")", "external_keys"),
      wrong("below a field", R"(paths: "value.amount_minor")", "value.amount_minor"),
      wrong("case", R"(paths: "Segment")", "Segment"),
      {"none", "CustomerService/UpsertCustomer",
       R"(external_key { source_system: "crm" external_id: "c1" } customer { segment: "x" })",
       "UPDATE_MASK_INVALID", "update_mask"},
  });
  // A hostile mask is answered, not worked through.
  const Refusal refusal =
      Refuse("CustomerService/UpsertCustomer",
             R"(external_key { source_system: "crm" external_id: "c1" } update_mask { )" +
                 Repeat(R"(paths: "x" )", 10'000) + "}");
  EXPECT_EQ(refusal.code, kInvalid);
  EXPECT_LT(refusal.bytes.size(), 12'000u);
}

TEST_F(BadInputTest, MoneyMustBePlainAndInTheProgramsCurrency) {
  const auto remedy = [](const std::string& amount) {
    return R"(case_id: "C-1" remedy { kind: REMEDY_KIND_REFUND state: REMEDY_STATE_PROPOSED
       amount { )" +
           amount + " } }";
  };
  const auto wrong = [&](const std::string& amount, const std::string& value) {
    return Wrong{amount,          "CaseService/RemedyCase", remedy(amount),
                 "MONEY_INVALID", "remedy.amount",          {{"value", value}}};
  };
  Check({
      wrong(R"(amount_minor: -1 currency_code: "CNY")", "-1 CNY"),
      wrong(R"(amount_minor: 1000000000000000000 currency_code: "CNY")", "1000000000000000000 CNY"),
      wrong(R"(amount_minor: 1000000000000001 currency_code: "CNY")", "1000000000000001 CNY"),
      wrong(R"(amount_minor: 1)", "1 "),
      wrong(R"(amount_minor: 1 currency_code: "cny")", "1 cny"),
      wrong(R"(amount_minor: 1 currency_code: "RMB ")", "1 RMB "),
      wrong(R"(amount_minor: 1 currency_code: "元")", "1 元"),
      {"foreign",
       "CaseService/RemedyCase",
       remedy(R"(amount_minor: 1 currency_code: "USD")"),
       "CURRENCY_MISMATCH",
       "",
       {{"value", "USD"}, {"expected", "CNY"}},
       kPrecondition},
      {"value at risk",
       "CaseService/OpenCase",
       R"(case { program_id: "touchpoint" value_at_risk { amount_minor: 5
          currency_code: "JPY" } })",
       "CURRENCY_MISMATCH",
       "",
       {{"value", "JPY"}},
       kPrecondition},
      {"value at risk", "CaseService/OpenCase",
       R"(case { program_id: "touchpoint" value_at_risk { amount_minor: -5
          currency_code: "CNY" } })",
       "MONEY_INVALID", "case.value_at_risk"},
      {"customer's value", "CustomerService/UpsertCustomer",
       R"(external_key { source_system: "crm" external_id: "c1" } update_mask { paths: "value" }
          customer { value { amount_minor: 1 currency_code: "" } })",
       "MONEY_INVALID", "customer.value"},
  });
  server_.Do<api::RemedyCaseResponse>(
      "agent", remedy(R"(amount_minor: 1000000000000000 currency_code: "CNY")"));
}

TEST_F(BadInputTest, CasesOpenedByHandAreCheckedInEveryField) {
  const auto wrong = [](const std::string& fields, const std::string& reason,
                        const std::string& field) {
    return Wrong{fields, "CaseService/OpenCase",
                 R"(case { program_id: "touchpoint" )" + fields + " }", reason, field};
  };
  Check({
      {"no case", "CaseService/OpenCase", "", "REQUIRED_FIELD_MISSING", "case.program_id"},
      {"unknown program",
       "CaseService/OpenCase",
       R"(case { program_id: "nps" })",
       "UNKNOWN_PROGRAM",
       "case.program_id",
       {{"value", "nps"}}},
      {"unknown customer",
       "CaseService/OpenCase",
       R"(case { program_id: "touchpoint" customer_id: ")" + std::string(kStranger) + "\" }",
       "NOT_FOUND",
       "",
       {{"resource", "customer"}},
       kNotFound},
      wrong("severity: 6", "NUMBER_OUT_OF_RANGE", "case.severity"),
      wrong("severity: -1", "NUMBER_OUT_OF_RANGE", "case.severity"),
      wrong(R"(attachments { uri: "javascript:close" })", "ID_INVALID", "case.attachments[0].uri"),
      wrong(R"(attachments { uri: "file:///etc/passwd" })", "ID_INVALID",
            "case.attachments[0].uri"),
      wrong(R"(attachments { title: "x" })", "ID_INVALID", "case.attachments[0].uri"),
      wrong("attachments { uri: \"https://" + Repeat("a", 2048) + "\" }", "ID_INVALID",
            "case.attachments[0].uri"),
      wrong("attachments { uri: \"https://a\" title: \"" + Repeat("题", 201) + "\" }",
            "TEXT_TOO_LONG", "case.attachments[0].title"),
      wrong(Repeat(R"(attachments { uri: "https://a" } )", 33), "TOO_MANY_ITEMS",
            "case.attachments"),
      wrong(Repeat(R"(topics: "a" )", 33), "TOO_MANY_ITEMS", "case.topics"),
      wrong(Repeat("links { case_id: \"" + std::string(kStranger) + "\" } ", 65), "TOO_MANY_ITEMS",
            "case.links"),
      wrong(R"(links { kind: "duplicate" })", "REQUIRED_FIELD_MISSING", "case.links[0].case_id"),
      wrong(R"(links { case_id: "C-1" })", "ID_INVALID", "case.links[0].case_id"),
      wrong(R"(customer_id: "C-1")", "ID_INVALID", "case.customer_id"),
      wrong(R"(external_key { source_system: "" external_id: "a" })", "ID_INVALID",
            "case.external_key.source_system"),
      wrong(R"(external_authority { due_time { nanos: -1 } })", "TIMESTAMP_OUT_OF_RANGE",
            "case.external_authority.due_time"),
      wrong(R"(external_authority { authority: "a\tb" })", "ID_INVALID",
            "case.external_authority.authority"),
      wrong("language: \"" + Repeat("x", 36) + "\"", "ID_INVALID", "case.language"),
      wrong("contact_person: \"" + Repeat("x", 1025) + "\"", "TEXT_TOO_LONG",
            "case.contact_person"),
      wrong(R"(customer_request: "\000")", "NUL_NOT_ALLOWED", "case.customer_request"),
      wrong("queue_id: \"" + Repeat("q", 65) + "\"", "ID_INVALID", "case.queue_id"),
  });
}

TEST_F(BadInputTest, VerbsAreCheckedForTheirTimesAndTexts) {
  const auto attempt = [](const std::string& fields) {
    return R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_BUSY )" +
           fields + " }";
  };
  const auto due = [](int64_t seconds) {
    return R"(case_id: "C-1" commitment { promise: "call back" due_time { seconds: )" +
           std::to_string(seconds) + " } }";
  };
  Check({
      {"no outcome", "CaseService/LogAttempt", R"(case_id: "C-1" attempt { channel: CHANNEL_SMS })",
       "ENUM_VALUE_UNKNOWN", "attempt.outcome"},
      {"before the case", "CaseService/LogAttempt",
       attempt("occur_time { seconds: " + std::to_string(kNowSeconds - 1) + " }"),
       "TIMESTAMP_OUT_OF_RANGE", "attempt.occur_time"},
      {"ahead", "CaseService/LogAttempt",
       attempt("occur_time { seconds: " + std::to_string(kNowSeconds + 301) + " }"),
       "TIMESTAMP_OUT_OF_RANGE", "attempt.occur_time"},
      {"no time at all", "CaseService/LogAttempt", attempt("occur_time { seconds: -62135596801 }"),
       "TIMESTAMP_OUT_OF_RANGE", "attempt.occur_time"},
      {"next allowed", "CaseService/LogAttempt", attempt("next_allowed_time { nanos: 1000000000 }"),
       "TIMESTAMP_OUT_OF_RANGE", "attempt.next_allowed_time"},
      {"no promise", "CaseService/MakeCommitment",
       R"(case_id: "C-1" commitment { due_time { seconds: 1772500000 } })",
       "REQUIRED_FIELD_MISSING", "commitment.promise"},
      {"no due time", "CaseService/MakeCommitment", R"(case_id: "C-1" commitment { promise: "x" })",
       "REQUIRED_FIELD_MISSING", "commitment.due_time"},
      {"due now", "CaseService/MakeCommitment", due(kNowSeconds), "TIMESTAMP_OUT_OF_RANGE",
       "commitment.due_time"},
      {"due in 11 years", "CaseService/MakeCommitment",
       due(kNowSeconds + int64_t{11} * 366 * 86'400), "TIMESTAMP_OUT_OF_RANGE",
       "commitment.due_time"},
      {"unknown remedy",
       "CaseService/RemedyCase",
       R"(case_id: "C-1" remedy { state: REMEDY_STATE_OFFERED id: ")" + std::string(kStranger) +
           "\" }",
       "NOT_FOUND",
       "",
       {{"resource", "remedy"}},
       kNotFound},
      {"a new remedy reversed",
       "CaseService/RemedyCase",
       R"(case_id: "C-1" remedy { kind: REMEDY_KIND_REDO state: REMEDY_STATE_REVERSED })",
       "TRANSITION_NOT_ALLOWED",
       "",
       {{"command", "remedy"}},
       kPrecondition},
      {"no cause", "CaseService/ResolveCase",
       R"(case_id: "C-1" handling_result: HANDLING_RESULT_RESOLVED action_taken: "x")",
       "REQUIRED_FIELD_MISSING", "root_cause"},
      {"no action", "CaseService/ResolveCase",
       R"(case_id: "C-1" handling_result: HANDLING_RESULT_RESOLVED root_cause: "x")",
       "REQUIRED_FIELD_MISSING", "action_taken"},
      {"long cause",
       "CaseService/ResolveCase",
       R"(case_id: "C-1" handling_result: HANDLING_RESULT_RESOLVED action_taken: "x"
          root_cause: ")" +
           Repeat("因", 201) + "\"",
       "TEXT_TOO_LONG",
       "root_cause",
       {{"value", "201"}, {"expected", "200"}}},
      {"no note", "CaseService/ReopenCase", R"(case_id: "C-1")", "REQUIRED_FIELD_MISSING", "note"},
      {"owner", "CaseService/AssignCase", R"(case_id: "C-1" owner: "a\nb")", "ID_INVALID", "owner"},
      {"queue", "CaseService/ClaimNextCase", "queue_id: \"" + Repeat("q", 65) + "\"", "ID_INVALID",
       "queue_id"},
      {"nothing waits there",
       "CaseService/ClaimNextCase",
       R"(queue_id: "nowhere")",
       "NOTHING_TO_CLAIM",
       "",
       {{"queue", "nowhere"}},
       kNotFound},
  });
}

TEST_F(BadInputTest, CustomersAreCheckedInEveryField) {
  const std::string kOrder = R"(external_key { source_system: "shop" external_id: "1" } })";
  const auto wrong = [](const std::string& field, const std::string& customer,
                        const std::string& reason, const std::string& path) {
    return Wrong{customer, "CustomerService/UpsertCustomer",
                 R"(external_key { source_system: "crm" external_id: "c1" } customer { )" +
                     customer + " } update_mask { paths: \"" + field + "\" }",
                 reason, path};
  };
  Check({
      wrong("contact_points", "contact_points { channel: CHANNEL_PHONE }", "REQUIRED_FIELD_MISSING",
            "customer.contact_points[0].address"),
      wrong("contact_points",
            Repeat(R"(contact_points { channel: CHANNEL_PHONE address: "1" } )", 17),
            "TOO_MANY_ITEMS", "customer.contact_points"),
      wrong("contact_points",
            "contact_points { channel: CHANNEL_EMAIL address: \"" + Repeat("a", 321) + "\" }",
            "TEXT_TOO_LONG", "customer.contact_points[0].address"),
      wrong("time_zone", R"(time_zone: "Mars Base")", "ID_INVALID", "customer.time_zone"),
      wrong("time_zone", R"(time_zone: "Asia/Shanghae")", "ID_INVALID", "customer.time_zone"),
      wrong("time_zone", R"(time_zone: "../zoneinfo/UTC")", "ID_INVALID", "customer.time_zone"),
      wrong("time_zone", "time_zone: \"" + Repeat("x", 65) + "\"", "ID_INVALID",
            "customer.time_zone"),
      wrong("language", "language: \"" + Repeat("x", 36) + "\"", "ID_INVALID", "customer.language"),
      wrong("display_name", R"(display_name: "a\000")", "NUL_NOT_ALLOWED", "customer.display_name"),
      {"no consent", "CustomerService/SetCustomerConsent", R"(customer_id: "$CUSTOMER")",
       "REQUIRED_FIELD_MISSING", "consents"},
      {"33 consents", "CustomerService/SetCustomerConsent",
       R"(customer_id: "$CUSTOMER" )" + Repeat("consents { purpose: CONSENT_PURPOSE_SURVEY } ", 33),
       "TOO_MANY_ITEMS", "consents"},
      {"consent of tomorrow", "CustomerService/SetCustomerConsent",
       R"(customer_id: "$CUSTOMER" consents { purpose: CONSENT_PURPOSE_SURVEY occur_time {
          seconds: )" +
           std::to_string(kNowSeconds + 86'400) + " } }",
       "TIMESTAMP_OUT_OF_RANGE", "consents[0].occur_time"},
      {"consent source", "CustomerService/SetCustomerConsent",
       R"(customer_id: "$CUSTOMER" consents { purpose: CONSENT_PURPOSE_SURVEY source: ")" +
           Repeat("x", 201) + "\" }",
       "TEXT_TOO_LONG", "consents[0].source"},
      {"behaviour of no kind", "CustomerService/RecordBehaviour",
       R"(customer_id: "$CUSTOMER" behaviour { )" + kOrder, "ENUM_VALUE_UNKNOWN", "behaviour.kind"},
      {"behaviour of a kind to come", "CustomerService/RecordBehaviour",
       R"(customer_id: "$CUSTOMER" behaviour { kind: 77 )" + kOrder, "ENUM_VALUE_UNKNOWN",
       "behaviour.kind"},
      {"behaviour of tomorrow", "CustomerService/RecordBehaviour",
       R"(customer_id: "$CUSTOMER" behaviour { kind: BEHAVIOUR_KIND_CHURN occur_time { seconds: )" +
           std::to_string(kNowSeconds + 86'400) + " } " + kOrder,
       "TIMESTAMP_OUT_OF_RANGE", "behaviour.occur_time"},
      {"behaviour before there were computers", "CustomerService/RecordBehaviour",
       R"(customer_id: "$CUSTOMER" behaviour { kind: BEHAVIOUR_KIND_CHURN occur_time {
          seconds: -1 } )" +
           kOrder,
       "TIMESTAMP_OUT_OF_RANGE", "behaviour.occur_time"},
      {"behaviour without a key", "CustomerService/RecordBehaviour",
       R"(customer_id: "$CUSTOMER" behaviour { kind: BEHAVIOUR_KIND_CHURN
          external_key { source_system: "shop" } })",
       "REQUIRED_FIELD_MISSING", "behaviour.external_key.external_id"},
      {"behaviour of an amount without a currency", "CustomerService/RecordBehaviour",
       R"(customer_id: "$CUSTOMER" behaviour { kind: BEHAVIOUR_KIND_CHURN
          amount { amount_minor: 5 } )" +
           kOrder,
       "MONEY_INVALID", "behaviour.amount"},
      {"behaviour of nobody", "CustomerService/RecordBehaviour",
       "behaviour { kind: BEHAVIOUR_KIND_CHURN " + kOrder, "REQUIRED_FIELD_MISSING", "customer_id"},
      {"behaviour of an unknown key",
       "CustomerService/RecordBehaviour",
       R"(customer_key { source_system: "crm" external_id: "nobody" }
          behaviour { kind: BEHAVIOUR_KIND_CHURN )" +
           kOrder,
       "NOT_FOUND",
       "",
       {{"resource", "customer"}},
       kNotFound},
      {"unknown customer",
       "CustomerService/SetCustomerConsent",
       R"(do_not_contact: true customer_id: ")" + std::string(kStranger) + "\"",
       "NOT_FOUND",
       "",
       {{"resource", "customer"}},
       kNotFound},
  });
}

TEST_F(BadInputTest, AliasesNeverMakeARing) {
  const auto alias = [](const std::string& id, const std::string& key) {
    return "customer_id: \"" + id + R"(" external_key { source_system: "crm" external_id: ")" +
           key + "\" }";
  };
  const std::string method = "CustomerService/AddCustomerAlias";
  Check({{"its own key",
          method,
          alias("$CUSTOMER", "c1"),
          "ALIAS_TAKEN",
          "",
          {{"source_system", "crm"}, {"external_id", "c1"}},
          kExists},
         {"unknown customer",
          method,
          alias(kStranger, "c1"),
          "NOT_FOUND",
          "",
          {{"resource", "customer"}},
          kNotFound},
         {"no customer", method, R"(external_key { source_system: "crm" external_id: "c9" })",
          "REQUIRED_FIELD_MISSING", "customer_id"}});
  server_.Do<api::AddCustomerAliasResponse>("manager", Fill(alias("$CUSTOMER", "c2")));
  Check({{"back",
          method,
          alias("$OTHER", "c1"),
          "ALIAS_CYCLE",
          "",
          {{"customer", customer_}},
          kPrecondition},
         {"again",
          method,
          alias("$CUSTOMER", "c2"),
          "ALIAS_CYCLE",
          "",
          {{"customer", other_}},
          kPrecondition}});
  // Through a third.
  server_.Do<api::UpsertCustomerResponse>(
      "manager",
      R"(external_key { source_system: "crm" external_id: "c3" } customer { segment: "a" }
                    update_mask { paths: "segment" })");
  const std::string third =
      server_
          .Do<api::GetCustomerResponse>(
              "manager", R"(external_key { source_system: "crm" external_id: "c3" })")
          .customer()
          .id();
  server_.Do<api::AddCustomerAliasResponse>("manager", alias(third, "c1"));
  Check({{"ring of three",
          method,
          alias("$OTHER", "c3"),
          "ALIAS_CYCLE",
          "",
          {{"customer", third}},
          kPrecondition}});
}

TEST_F(BadInputTest, EveryFaultOfARequestIsToldAtOnce) {
  const Refusal refusal = Refuse(
      "ResponseService/SubmitResponse",
      ResponseText(R"(program_id: "touchpoint" score: 11 occur_time { seconds: -1 } touchpoint: " x"
                  reason: "\000" case_id: "x" items { key: "" score: 1 }
                  attributes { key: "k" value: ")" +
                   Repeat("v", 1025) + "\" }"));
  EXPECT_EQ(refusal.code, kInvalid);
  EXPECT_EQ(refusal.reason, "FIELD_VIOLATIONS");
  for (const char* field :
       {"response.score", "response.occur_time", "response.touchpoint", "response.reason",
        "response.case_id", "response.items[0].key", "response.attributes[k]"}) {
    EXPECT_TRUE(refusal.HasField(field)) << field << "\n" << refusal;
  }
  EXPECT_EQ(refusal.fields.size(), 7u) << refusal;
  const Refusal opening = Refuse("CaseService/OpenCase",
                                 R"(case { program_id: "nps" severity: 9 emotion: 9 topics: "\n"
                                    value_at_risk { amount_minor: -1 } })");
  EXPECT_EQ(opening.reason, "FIELD_VIOLATIONS");
  EXPECT_EQ(opening.fields.size(), 5u) << opening;
}

TEST_F(BadInputTest, ABatchHasLimitsAndEachAnswerStandsAlone) {
  const std::string method = "ResponseService/BatchSubmitResponses";
  Check({{"none", method, "", "TOO_MANY_ITEMS", "responses", {{"value", "0"}}},
         {"501",
          method,
          Repeat("responses { " + kGood + "} ", 501),
          "TOO_MANY_ITEMS",
          "responses",
          {{"value", "501"}, {"expected", "1 to 500"}}}});
  const auto batch = server_.Do<api::BatchSubmitResponsesResponse>(
      "integration", "responses { " + kGood + " } responses { " + kProgram + kKey +
                         "score: 11 } responses { " + kGood + "case_id: \"" + kStranger +
                         "\" } responses { " + kGood + "reason: \"last\" }");
  ASSERT_EQ(batch.results_size(), 4);
  EXPECT_TRUE(batch.results(0).has_response());
  EXPECT_EQ(batch.results(1).error().row(), 1);
  EXPECT_EQ(batch.results(1).error().field(), "responses[1].score");
  EXPECT_EQ(batch.results(1).error().reason(), "SCORE_OUT_OF_RANGE");
  EXPECT_THAT(batch.results(1).error().message(), HasSubstr("11"));
  EXPECT_THAT(batch.results(1).error().message_zh(), HasSubstr("11"));
  EXPECT_EQ(batch.results(2).error().reason(), "NOT_FOUND");
  EXPECT_EQ(batch.results(3).response().reason(), "last");
}

TEST_F(BadInputTest, AnImportStreamBeginsWithItsHeaderAndKeepsItsNeighbours) {
  const auto refused = [&](const std::vector<std::string>& messages) {
    const int64_t before = server_.LastSequence();
    std::vector<api::ImportResponsesRequest> parsed;
    for (const std::string& text : messages) {
      parsed.push_back(FromText<api::ImportResponsesRequest>(text));
    }
    const Refusal refusal = ToRefusal(server_.ImportMessages("integration", parsed).status);
    EXPECT_EQ(server_.LastSequence(), before);
    EXPECT_EQ(refusal.code, kInvalid) << refusal;
    return refusal;
  };
  const std::string header = R"(header { request_id: "i" program_id: "touchpoint" })";
  const std::string row = R"(rows { rows { row: 2 response { score: 9 } } })";
  EXPECT_EQ(refused({row}).reason, "STREAM_OUT_OF_ORDER");
  EXPECT_EQ(refused({header, header}).reason, "STREAM_OUT_OF_ORDER");
  EXPECT_EQ(refused({""}).reason, "STREAM_OUT_OF_ORDER");
  EXPECT_EQ(refused({R"(header { program_id: "touchpoint" })"}).reason, "REQUEST_ID_INVALID");
  EXPECT_EQ(refused({header, "rows { }"}).reason, "TOO_MANY_ITEMS");
  EXPECT_EQ(refused({header, "rows { " + Repeat("rows { } ", 1001) + " }"}).reason,
            "TOO_MANY_ITEMS");

  std::vector<api::Response> rows;
  for (const std::string& text :
       {kGood + R"(external_key { source_system: "s" external_id: "1" })",
        kGood + "score: 11 " + R"(external_key { source_system: "s" external_id: "2" })", kGood,
        kGood +
            R"(external_key { source_system: "s" external_id: "4" } occur_time { seconds: -1 })",
        std::string(R"(program_id: "nps" score: 1)"),
        std::string(R"(score: 10 customer_key { source_system: "crm" external_id: "c2" }
           external_key { source_system: "s" external_id: "6" })")}) {
    api::Response response;
    ParseText(Replaced(text, "score: 9 score: 11", "score: 11"), &response);
    rows.push_back(response);
  }
  api::ImportHeader head;
  head.set_request_id("i");
  head.set_program_id("touchpoint");
  head.set_dry_run(true);
  const int64_t before = server_.LastSequence();
  ImportTotals totals = server_.Import("integration", head, rows);
  EXPECT_TRUE(totals.status.ok()) << ToRefusal(totals.status);
  EXPECT_EQ(totals.accepted, 2);
  EXPECT_EQ(server_.LastSequence(), before) << "a dry run stores nothing";
  head.set_dry_run(false);
  totals = server_.Import("integration", head, rows);
  EXPECT_TRUE(totals.status.ok());
  EXPECT_EQ(totals.accepted, 2);
  ASSERT_EQ(totals.rejects.size(), 4u);
  EXPECT_EQ(totals.rejects[0].row(), 2);
  EXPECT_EQ(totals.rejects[0].reason(), "SCORE_OUT_OF_RANGE");
  EXPECT_EQ(totals.rejects[0].field(), "response.score");
  EXPECT_EQ(totals.rejects[1].row(), 3);
  EXPECT_EQ(totals.rejects[1].reason(), "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(totals.rejects[1].field(), "response.external_key");
  EXPECT_EQ(totals.rejects[2].reason(), "TIMESTAMP_OUT_OF_RANGE");
  EXPECT_EQ(totals.rejects[3].reason(), "UNKNOWN_PROGRAM");
  totals = server_.Import("integration", head, rows);
  EXPECT_EQ(totals.accepted, 0);
  EXPECT_EQ(totals.replayed, 2);
}

TEST_F(BadInputTest, ReportsAreCheckedForProgramGroupAndTimes) {
  std::vector<Wrong> table;
  for (const char* report : {"GetNpsReport", "GetFunnelReport", "GetRecoveryReport"}) {
    const std::string method = std::string("ReportService/") + report;
    const auto wrong = [&](const std::string& scope, const std::string& reason,
                           const std::string& field) {
      table.push_back({report + (" " + scope), method,
                       R"(scope { program_id: "touchpoint" )" + scope + " }", reason, field});
    };
    wrong(R"(group_by: "owner")", "FILTER_INVALID", "scope.group_by");
    wrong(R"(group_by: "attributes.")", "FILTER_INVALID", "scope.group_by");
    wrong("as_of { seconds: " + std::to_string(kNowSeconds + 301) + " }", "TIMESTAMP_OUT_OF_RANGE",
          "scope.as_of");
    wrong("start_time { seconds: -1 }", "TIMESTAMP_OUT_OF_RANGE", "scope.start_time");
    wrong("end_time { nanos: 1000000000 }", "TIMESTAMP_OUT_OF_RANGE", "scope.end_time");
    table.push_back({report,
                     method,
                     R"(scope { program_id: "nps" })",
                     "UNKNOWN_PROGRAM",
                     "scope.program_id",
                     {{"value", "nps"}}});
  }
  table.push_back({"no program", "ReportService/GetRecoveryReport", "", "REQUIRED_FIELD_MISSING",
                   "scope.program_id"});
  Check(table);
}

}  // namespace
}  // namespace rebound::fixtures
