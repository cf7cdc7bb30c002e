#include "server/gateway/connect.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/gateway/refusal.h"
#include "server/metrics.h"

namespace rebound {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::unique_ptr<google::protobuf::util::TypeResolver> Resolver() {
  return std::unique_ptr<google::protobuf::util::TypeResolver>(
      google::protobuf::util::NewTypeResolverForDescriptorPool(
          "type.googleapis.com", google::protobuf::DescriptorPool::generated_pool()));
}

TEST(ConnectCodeTest, EveryCodeHasItsNameAndItsHttpStatus) {
  // connectrpc.com/docs/protocol, "Error codes".
  const std::map<std::string, std::pair<std::string, int>> expected = {
      {"CANCELLED", {"canceled", 499}},
      {"UNKNOWN", {"unknown", 500}},
      {"INVALID_ARGUMENT", {"invalid_argument", 400}},
      {"DEADLINE_EXCEEDED", {"deadline_exceeded", 504}},
      {"NOT_FOUND", {"not_found", 404}},
      {"ALREADY_EXISTS", {"already_exists", 409}},
      {"PERMISSION_DENIED", {"permission_denied", 403}},
      {"RESOURCE_EXHAUSTED", {"resource_exhausted", 429}},
      {"FAILED_PRECONDITION", {"failed_precondition", 400}},
      {"ABORTED", {"aborted", 409}},
      {"OUT_OF_RANGE", {"out_of_range", 400}},
      {"UNIMPLEMENTED", {"unimplemented", 501}},
      {"INTERNAL", {"internal", 500}},
      {"UNAVAILABLE", {"unavailable", 503}},
      {"DATA_LOSS", {"data_loss", 500}},
      {"UNAUTHENTICATED", {"unauthenticated", 401}}};
  for (int number = 1; number <= 16; ++number) {
    const auto code = static_cast<grpc::StatusCode>(number);
    const auto found = expected.find(std::string(Name(code)));
    ASSERT_NE(found, expected.end()) << number;
    EXPECT_EQ(ConnectCode(code), found->second.first);
    EXPECT_EQ(HttpStatusOf(code), found->second.second);
  }
  EXPECT_EQ(ConnectCode(grpc::StatusCode::DO_NOT_USE), "unknown");
}

TEST(ConnectErrorTest, DetailsCarryTheirTypeTheirBytesAndWhatTheySay) {
  google::rpc::ErrorInfo info;
  info.set_reason("SCORE_OUT_OF_RANGE");
  info.set_domain("rebound");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  google::protobuf::Any* unknown = details.add_details();
  unknown->set_type_url("type.googleapis.com/nobody.Knows");
  unknown->set_value("\x01");
  const grpc::Status status(grpc::StatusCode::INVALID_ARGUMENT, "a \"quoted\"\nline \xFF",
                            details.SerializeAsString());
  const auto json = nlohmann::json::parse(ErrorJson(status, Resolver().get()));
  EXPECT_EQ(json["code"], "invalid_argument");
  EXPECT_EQ(json["message"], "a \"quoted\"\nline \uFFFD");
  ASSERT_EQ(json["details"].size(), 2u);
  EXPECT_EQ(json["details"][0]["type"], "google.rpc.ErrorInfo");
  EXPECT_EQ(FromBase64(json["details"][0]["value"].get<std::string>()), info.SerializeAsString());
  EXPECT_EQ(json["details"][0]["debug"]["reason"], "SCORE_OUT_OF_RANGE");
  EXPECT_EQ(json["details"][1]["type"], "nobody.Knows");
  EXPECT_FALSE(json["details"][1].contains("debug"));
  EXPECT_EQ(ErrorJson(grpc::Status(grpc::StatusCode::ABORTED, ""), nullptr),
            R"({"code":"aborted"})");
}

TEST(ConnectBytesTest, Base64IsReadInBothAlphabetsWithPaddingOrWithout) {
  const std::string bytes("\xFB\xFF\x00g", 4);
  EXPECT_EQ(Base64(bytes), "+/8AZw");
  for (const char* text : {"+/8AZw", "+/8AZw==", "-_8AZw", "-_8AZw=="}) {
    EXPECT_EQ(FromBase64(text), bytes) << text;
  }
  EXPECT_EQ(FromBase64(""), "");
  for (const char* text : {"A", "AAAAA", "AA=A", "AAA==", "A A=", "=", "===="}) {
    EXPECT_EQ(FromBase64(text), std::nullopt) << text;
  }
  for (size_t size = 0; size < 50; ++size) {
    const std::string any(size, static_cast<char>(size * 37));
    EXPECT_EQ(FromBase64(Base64(any)), any);
  }
}

TEST(ConnectBytesTest, InflatingStopsAtTheLimit) {
  const std::string text(100'000, 'a');
  const std::string packed = Gzip(text);
  EXPECT_LT(packed.size(), 1000u);
  EXPECT_EQ(Gunzip(packed, text.size()).bytes, text);
  EXPECT_EQ(Gunzip(packed, text.size() - 1).outcome, Inflated::Outcome::kTooLarge);
  EXPECT_EQ(Gunzip(packed, 0).outcome, Inflated::Outcome::kTooLarge);
  EXPECT_EQ(Gunzip(Gzip(""), 0).outcome, Inflated::Outcome::kOk);
  const auto broken = [](std::string_view bytes) {
    return Gunzip(bytes, 1 << 20).outcome == Inflated::Outcome::kBroken;
  };
  EXPECT_TRUE(broken(""));
  EXPECT_TRUE(broken("not gzip at all"));
  EXPECT_TRUE(broken(packed + "x"));
  EXPECT_TRUE(broken(packed + packed));
  for (size_t size = 0; size < packed.size(); ++size) EXPECT_TRUE(broken(packed.substr(0, size)));
  std::string flipped = packed;
  flipped[flipped.size() - 6] ^= 1;  // of the checksum
  EXPECT_TRUE(broken(flipped));
}

TEST(ConnectBytesTest, WhoTakesGzipIsKnown) {
  for (const char* list : {"gzip", "br, gzip", "br;q=1.0, gzip;q=0.5", "*", "gzip; q=1"}) {
    EXPECT_TRUE(TakesGzip(list)) << list;
  }
  for (const char* list : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "xgzip"}) {
    EXPECT_FALSE(TakesGzip(list)) << list;
  }
}

TEST(ConnectFrameTest, FramesAreTakenApartAsTheyWerePutTogether) {
  const std::string body = ToFrame(0, "abc") + ToFrame(1, "") + ToFrame(2, std::string(300, 'x'));
  EXPECT_EQ(body.substr(0, 8), std::string("\0\0\0\0\3abc", 8));
  const auto frames = ParseFrames(body);
  ASSERT_TRUE(frames.has_value());
  ASSERT_EQ(frames->size(), 3u);
  EXPECT_EQ((*frames)[0].bytes, "abc");
  EXPECT_EQ((*frames)[1].flags, 1);
  EXPECT_EQ((*frames)[2].bytes.size(), 300u);
  EXPECT_TRUE(ParseFrames("")->empty());
  EXPECT_FALSE(ParseFrames(std::string("\0\0\0\0", 4)).has_value());
  EXPECT_FALSE(ParseFrames(std::string("\0\xFF\xFF\xFF\xFFx", 6)).has_value());
}

TEST(ConnectFrameTest, TheLastFrameSaysHowItEnded) {
  EXPECT_EQ(EndStreamJson(grpc::Status::OK, {}, nullptr), "{}");
  const GrpcMetadata trailers = {
      {"x-a", "1"}, {"x-a", "2"}, {"x-b-bin", "\xFF"}, {"grpc-status-details-bin", "secret"}};
  EXPECT_EQ(EndStreamJson(grpc::Status::OK, trailers, nullptr),
            R"({"metadata":{"x-a":["1","2"],"x-b-bin":["/w"]}})");
  EXPECT_EQ(EndStreamJson({grpc::StatusCode::NOT_FOUND, "m"}, {{"x", "y"}}, nullptr),
            R"({"error":{"code":"not_found","message":"m"},"metadata":{"x":["y"]}})");
}

TEST(ConnectHeaderTest, OnlyWhatIsTheCallersReachesTheServices) {
  HttpRequest request;
  request.peer = "203.0.113.7";
  request.headers = {{"host", "a"},
                     {"content-type", "application/json"},
                     {"content-length", "2"},
                     {"connection", "x-dropped"},
                     {"te", "trailers"},
                     {"connect-timeout-ms", "5"},
                     {"grpc-timeout", "1S"},
                     {"grpc-status-details-bin", "AA"},
                     {"user-agent", "curl"},
                     {"rebound-peer-address", "127.0.0.1"},
                     {"rebound-admitted", "reads"},
                     {"rebound-peer-certificate", "9999999999999 rebound:user:admin"},
                     {"authorization", "Bearer t"},
                     {"accept-language", "en"},
                     {"traceparent", "00-1-2-01"},
                     {"x-custom", "one"},
                     {"x-custom", "two"},
                     {"x-bytes-bin", "AP8, AQ=="},
                     {"x-not-ascii", "\xC3\xA9"},
                     {"x(odd)", "1"}};
  const CallMetadata metadata = ToCallMetadata(request);
  EXPECT_THAT(
      metadata.entries,
      ElementsAre(Pair("authorization", "Bearer t"), Pair("accept-language", "en"),
                  Pair("traceparent", "00-1-2-01"), Pair("x-custom", "one"),
                  Pair("x-custom", "two"), Pair("x-bytes-bin", std::string("\0\xFF", 2)),
                  Pair("x-bytes-bin", "\x01"), Pair("rebound-peer-address", "203.0.113.7")));
  EXPECT_EQ(metadata.bad, "");
  // A certificate is told of where nobody sent another credential, good or bad.
  request.certificate = PeerCertificate{"rebound:user:li", FromMillis(5)};
  EXPECT_EQ(ToCallMetadata(request).entries, metadata.entries);
  request.headers = {{"authorization", "Bearer \xC3\xA9"}};
  EXPECT_THAT(ToCallMetadata(request).entries,
              ElementsAre(Pair("rebound-peer-address", "203.0.113.7")));
  request.headers = {};
  EXPECT_THAT(ToCallMetadata(request).entries,
              ElementsAre(Pair("rebound-peer-address", "203.0.113.7"),
                          Pair("rebound-peer-certificate", "5 rebound:user:li")));
  request.headers = {{"x-bin", "no base64!"}};
  EXPECT_EQ(ToCallMetadata(request).bad, "x-bin");
}

// Or an address's limits would be the proxy's for whoever writes a byte in front.
TEST(ConnectHeaderTest, WhatAProxyForwardsLosesOnlyOddBytes) {
  HttpRequest request;
  request.peer = "127.0.0.1";
  request.headers = {{"x-forwarded-for", "\xFF, 203.0.113.9"}, {"x-forwarded-for", "a\t\x80"}};
  const CallMetadata metadata = ToCallMetadata(request);
  EXPECT_THAT(metadata.entries,
              ElementsAre(Pair("x-forwarded-for", "?, 203.0.113.9"), Pair("x-forwarded-for", "a??"),
                          Pair("rebound-peer-address", "127.0.0.1")));
  EXPECT_EQ(metadata.bad, "");
}

TEST(ConnectHeaderTest, AFewCommasAreFewEntries) {
  HttpRequest request;
  request.peer = "127.0.0.1";
  request.headers = {{"x-bin", std::string(16'000, ',')}, {"y-bin", ",AQ==, ,,Ag"}, {"z-bin", ""}};
  const CallMetadata metadata = ToCallMetadata(request);
  EXPECT_THAT(metadata.entries,
              ElementsAre(Pair("y-bin", "\x01"), Pair("y-bin", "\x02"), Pair("z-bin", ""),
                          Pair("rebound-peer-address", "127.0.0.1")));
  EXPECT_EQ(metadata.bad, "");

  // A hundred of them in all, whatever field they stand in.
  const auto values = [](int count) {
    std::string list = "AQ";
    for (int i = 1; i < count; ++i) list += ",AQ";
    return list;
  };
  request.headers = {{"x-bin", values(99)}, {"y-bin", "AQ"}};
  EXPECT_EQ(ToCallMetadata(request).bad, "");
  EXPECT_EQ(ToCallMetadata(request).entries.size(), 101u);
  request.headers = {{"x-bin", values(99)}, {"y-bin", "AQ,AQ"}, {"x", "1"}};
  EXPECT_EQ(ToCallMetadata(request).bad, "y-bin");
  request.headers = {{"x-bin", values(5'000)}, {"y-bin", values(5'000)}};
  EXPECT_EQ(ToCallMetadata(request).bad, "x-bin");
  EXPECT_EQ(ToCallMetadata(request).entries.size(), 101u);
}

TEST(ConnectHeaderTest, MetadataBecomesFields) {
  HttpHeaders headers;
  AddHeaders({{"x-a", "1"}, {"x-a", "2"}, {"y-bin", "\x01"}, {"grpc-status", "0"}}, "trailer-",
             &headers);
  EXPECT_THAT(headers, ElementsAre(Pair("trailer-x-a", "1"), Pair("trailer-x-a", "2"),
                                   Pair("trailer-y-bin", "AQ")));
}

TEST(ConnectHeaderTest, ATimeoutIsOneToTenDigits) {
  EXPECT_EQ(ParseTimeout("0")->count(), 0);
  EXPECT_EQ(ParseTimeout("9999999999")->count(), 9'999'999'999);
  for (const char* text : {"", "12345678901", "-1", "+1", "1.5", "x", " 1", "1s"}) {
    EXPECT_EQ(ParseTimeout(text), std::nullopt) << text;
  }
}

TEST(ConnectQueryTest, ParametersAreDecodedOnce) {
  const auto query = ParseQuery("a=1&b=%7B%22x%22%3A%201%7D&c=a+b&a=2&&d&e=%2525");
  ASSERT_TRUE(query.has_value());
  EXPECT_THAT(*query, ElementsAre(Pair("a", "1"), Pair("b", R"({"x": 1})"), Pair("c", "a b"),
                                  Pair("d", ""), Pair("e", "%25")));
  for (const char* text : {"a=%", "a=%4", "a=%zz", "%=1"}) {
    EXPECT_EQ(ParseQuery(text), std::nullopt) << text;
  }
}

// ---- Reasons of the gateway
// -----------------------------------------------------------------------

// "CODE, STATUS" as gateway_error_reason.proto documents each value, by its name.
std::map<std::string, std::string> DocumentedCodes() {
  std::ifstream file(REBOUND_SOURCE_DIR "/proto/rebound/v1/gateway_error_reason.proto");
  EXPECT_TRUE(file.good());
  std::map<std::string, std::string> documented;
  std::string comment;
  for (std::string line; std::getline(file, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (line.starts_with("// ")) {
      comment += line.substr(3) + " ";
      continue;
    }
    if (line.starts_with("GATEWAY_ERROR_REASON_")) {
      documented[line.substr(21, line.find(' ') - 21)] = comment;
    }
    comment.clear();
  }
  return documented;
}

TEST(GatewayReasonTest, EachIsDocumentedAndHasWordsInBothLanguages) {
  const auto documented = DocumentedCodes();
  const auto* type = v1::GatewayErrorReason_descriptor();
  EXPECT_EQ(documented.size(), static_cast<size_t>(type->value_count()));
  for (int i = 1; i < type->value_count(); ++i) {
    const auto reason = static_cast<v1::GatewayErrorReason>(type->value(i)->number());
    const GatewayReasonText& text = TextOf(reason);
    const std::string name(Name(reason));
    EXPECT_EQ(text.reason, reason) << name;
    ASSERT_EQ(documented.count(name), 1u) << name;
    const std::string& comment = documented.at(name);
    EXPECT_TRUE(comment.starts_with(std::string(Name(text.code)))) << name << ": " << comment;
    if (text.http_status != 0) {
      EXPECT_THAT(comment, HasSubstr(", " + std::to_string(text.http_status) + ".")) << name;
    }
    EXPECT_THAT(std::string(text.english), HasSubstr("expected ")) << name;
    EXPECT_FALSE(text.chinese.empty()) << name;
    // Both name the same values.
    const auto values = [](std::string_view words) {
      std::set<std::string> names;
      for (size_t at = words.find('{'); at != words.npos; at = words.find('{', at + 1)) {
        names.emplace(words.substr(at, words.find('}', at) - at));
      }
      return names;
    };
    EXPECT_EQ(values(text.english), values(text.chinese)) << name;
    for (const std::string& value : values(text.english)) {
      EXPECT_THAT(comment, HasSubstr(value.substr(1))) << name;
    }
  }
}

TEST(GatewayReasonTest, ARefusalIsLikeThoseOfTheServices) {
  const GatewayRefusal refusal{
      v1::GATEWAY_ERROR_REASON_FIELD_UNKNOWN,
      {{"field", "response.scroe"}, {"offset", "13"}, {"suggestion", "score"}}};
  const grpc::Status status = ToStatus(refusal, "zh-CN");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("did you mean score?"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  ASSERT_EQ(details.details_size(), 3);
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  google::rpc::LocalizedMessage localized;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  ASSERT_TRUE(details.details(2).UnpackTo(&localized));
  EXPECT_EQ(info.reason(), "FIELD_UNKNOWN");
  EXPECT_EQ(info.domain(), "rebound");
  EXPECT_EQ(bad_request.field_violations(0).field(), "response.scroe");
  EXPECT_EQ(localized.locale(), "zh-CN");
  EXPECT_THAT(localized.message(), HasSubstr("是否想写 score"));
}

}  // namespace
}  // namespace rebound
