#include "server/gateway/strict_json.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/struct.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "rebound/v1/event_service.pb.h"
#include "rebound/v1/response_service.pb.h"

namespace rebound {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::UninterpretedOption;
using Kind = JsonFault::Kind;

const Descriptor* Submit() { return v1::SubmitResponseRequest::descriptor(); }

struct JsonCase {
  const char* name;
  const Descriptor* type;
  std::string text;
};

TEST(StrictJsonTest, WhatIsWellFormedPasses) {
  const Descriptor* field = FieldDescriptorProto::descriptor();
  const Descriptor* option = UninterpretedOption::descriptor();
  const Descriptor* any = google::protobuf::Struct::descriptor();
  const JsonCase cases[] = {
      {"nothing set", Submit(), "{}"},
      {"space around", Submit(), " \t\r\n{ \"requestId\" : \"r\" }\n"},
      {"JSON names", Submit(), R"({"requestId": "r", "response": {"programId": "p", "score": 3}})"},
      {"own names", Submit(), R"({"request_id": "r", "response": {"program_id": "p"}})"},
      {"an integer as a string", Submit(), R"({"response": {"score": "3"}})"},
      {"an integer as 3.0", Submit(), R"({"response": {"score": 3.0}})"},
      {"an integer as 1e1", Submit(), R"({"response": {"score": 1e1}})"},
      {"the largest", Submit(), R"({"response": {"score": 9223372036854775807}})"},
      {"null is absent", Submit(), R"({"response": null, "requestId": null})"},
      {"escapes", Submit(), R"({"requestId": "\u00e9\ud83d\ude00\n\/\""})"},
      {"Chinese", Submit(), "{\"requestId\": \"差评\"}"},
      {"a time", Submit(), R"({"response": {"occurTime": "2026-01-31T08:15:30Z"}})"},
      {"an enum by name", field, R"({"label": "LABEL_REPEATED"})"},
      {"a bool", field, R"({"proto3Optional": true})"},
      {"a float", option, R"({"doubleValue": -1.5e-3})"},
      {"too small for a double is zero", option, R"({"doubleValue": 1e-999})"},
      {"an unsigned integer", option, R"({"positiveIntValue": "18446744073709551615"})"},
      {"a map", google::rpc::ErrorInfo::descriptor(), R"({"metadata": {"a": "b", "c": "d"}})"},
      {"anything", any, R"({"a": [1, true, null, {"b": "c"}], "d": -0.5})"},
  };
  for (const JsonCase& c : cases) {
    const auto fault = CheckJson(c.text, c.type);
    EXPECT_FALSE(fault.has_value())
        << c.name << ": " << fault->expected << " at " << fault->offset << " of " << c.text;
  }
}

struct FaultCase {
  const char* name;
  const Descriptor* type;
  std::string text;
  Kind kind;
  size_t offset;
  const char* path;
};

TEST(StrictJsonTest, EachFaultIsFoundAtItsPlace) {
  const Descriptor* field = FieldDescriptorProto::descriptor();
  const Descriptor* option = UninterpretedOption::descriptor();
  const Descriptor* any = google::protobuf::Struct::descriptor();
  const FaultCase cases[] = {
      {"nothing", Submit(), "", Kind::kValue, 0, ""},
      {"no object", Submit(), "[]", Kind::kValue, 0, ""},
      {"cut off", Submit(), "{", Kind::kSyntax, 1, ""},
      {"something behind", Submit(), "{} {}", Kind::kSyntax, 3, ""},
      {"a byte order mark", Submit(), "\xEF\xBB\xBF{}", Kind::kSyntax, 0, ""},
      {"no UTF-8", Submit(), "{\"requestId\":\"\xFF\"}", Kind::kSyntax, 14, ""},
      {"overlong UTF-8", Submit(), "{\"requestId\":\"\xC0\xAF\"}", Kind::kSyntax, 14, ""},
      {"a surrogate in UTF-8", Submit(), "{\"requestId\":\"\xED\xA0\x80\"}", Kind::kSyntax, 14, ""},
      {"half a character", Submit(), R"({"requestId":"\ud83d"})", Kind::kSyntax, 14, "request_id"},
      {"the other half", Submit(), R"({"requestId":"\ude00"})", Kind::kSyntax, 14, "request_id"},
      {"two first halves", Submit(), R"({"requestId":"\ud83d\ud83d"})", Kind::kSyntax, 14,
       "request_id"},
      {"an unknown escape", Submit(), R"({"requestId":"\x41"})", Kind::kSyntax, 15, "request_id"},
      {"a raw control character", Submit(), "{\"requestId\":\"\n\"}", Kind::kSyntax, 14,
       "request_id"},
      {"single quotes", Submit(), "{'requestId':'r'}", Kind::kSyntax, 1, ""},
      {"a bare name", Submit(), "{requestId:\"r\"}", Kind::kSyntax, 1, ""},
      {"a trailing comma", Submit(), R"({"requestId":"r",})", Kind::kSyntax, 17, ""},
      {"a trailing comma in an array", any, R"({"a":[1,]})", Kind::kSyntax, 8, "a[1]"},
      {"a comment", Submit(), "{/**/}", Kind::kSyntax, 1, ""},
      {"no colon", Submit(), R"({"requestId" "r"})", Kind::kSyntax, 13, ""},
      {"a name twice", Submit(), R"({"requestId":"r","requestId":"s"})", Kind::kSyntax, 17,
       "request_id"},
      {"both names of a field", Submit(), R"({"requestId":"r","request_id":"s"})", Kind::kSyntax,
       17, "request_id"},
      {"a name twice, escaped", any, R"({"a":1,"\u0061":2})", Kind::kSyntax, 7, "a"},
      {"a key of a map twice", google::rpc::ErrorInfo::descriptor(),
       R"({"metadata":{"a":"b","a":"c"}})", Kind::kSyntax, 21, "metadata[a]"},
      {"an unknown field", Submit(), R"({"response":{"scroe":3}})", Kind::kUnknownField, 13,
       "response.scroe"},
      {"a leading zero", Submit(), R"({"response":{"score":03}})", Kind::kSyntax, 22, "response"},
      {"a plus", Submit(), R"({"response":{"score":+3}})", Kind::kValue, 21, "response.score"},
      {"a number cut off", option, R"({"doubleValue":1.})", Kind::kSyntax, 17, "double_value"},
      {"NaN", option, R"({"doubleValue":NaN})", Kind::kValue, 15, "double_value"},
      {"NaN as a string", option, R"({"doubleValue":"NaN"})", Kind::kValue, 15, "double_value"},
      {"Infinity", option, R"({"doubleValue":-Infinity})", Kind::kSyntax, 16, "double_value"},
      {"beyond a double", option, R"({"doubleValue":1e999})", Kind::kSyntax, 15, "double_value"},
      {"beyond a double, anywhere", any, R"({"a":1e999})", Kind::kSyntax, 5, "a"},
      {"no whole number", Submit(), R"({"response":{"score":9.5}})", Kind::kValue, 21,
       "response.score"},
      {"no whole number as a string", Submit(), R"({"response":{"score":"9.0"}})", Kind::kValue, 21,
       "response.score"},
      {"an integer beyond 64 bits", Submit(), R"({"response":{"score":9223372036854775808}})",
       Kind::kValue, 21, "response.score"},
      {"an integer beyond 32 bits", field, R"({"number":4294967305})", Kind::kValue, 10, "number"},
      {"a negative unsigned integer", option, R"({"positiveIntValue":-1})", Kind::kValue, 20,
       "positive_int_value"},
      {"true for an integer", Submit(), R"({"response":{"score":true}})", Kind::kValue, 21,
       "response.score"},
      {"an enum by number", field, R"({"label":1})", Kind::kValue, 9, "label"},
      {"an enum that is not there", field, R"({"label":"LABEL_SOME"})", Kind::kValue, 9, "label"},
      {"a string for a bool", field, R"({"proto3Optional":"true"})", Kind::kValue, 18,
       "proto3_optional"},
      {"a number for a string", Submit(), R"({"requestId":7})", Kind::kValue, 13, "request_id"},
      {"an array for a message", Submit(), R"({"response":[]})", Kind::kValue, 12, "response"},
      {"a message for an array", google::protobuf::DescriptorProto::descriptor(), R"({"field":{}})",
       Kind::kValue, 9, "field"},
      {"two of a oneof", v1::ListEventsRequest::descriptor(),
       R"({"start":{"preset":"EVENT_PRESET_EARLIEST","cursor":"c"}})", Kind::kValue, 43,
       "start.cursor"},
      {"two of a oneof, the other way round", v1::ListEventsRequest::descriptor(),
       R"({"start":{"cursor":"c","preset":"EVENT_PRESET_EARLIEST"}})", Kind::kValue, 23,
       "start.preset"},
      {"inside an array", google::protobuf::DescriptorProto::descriptor(),
       R"({"field":[{},{"number":"x"}]})", Kind::kValue, 23, "field[1].number"},
      {"a number for a time", Submit(), R"({"response":{"occurTime":5}})", Kind::kValue, 25,
       "response.occur_time"},
  };
  for (const FaultCase& c : cases) {
    const auto fault = CheckJson(c.text, c.type);
    ASSERT_TRUE(fault.has_value()) << c.name << ": " << c.text;
    EXPECT_EQ(fault->kind, c.kind) << c.name << ": " << fault->expected;
    EXPECT_EQ(fault->offset, c.offset) << c.name << ": " << fault->expected;
    EXPECT_EQ(fault->path, c.path) << c.name;
    EXPECT_FALSE(fault->expected.empty()) << c.name;
  }
}

TEST(StrictJsonTest, TheNameThatWasMeantIsSuggested) {
  const auto fault = CheckJson(R"({"response":{"scroe":3}})", Submit());
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->suggestion, "score");
  EXPECT_EQ(CheckJson(R"({"entirelyDifferent":3})", Submit())->suggestion, "");
}

TEST(StrictJsonTest, TheDepthIsBounded) {
  const Descriptor* any = google::protobuf::Struct::descriptor();
  const auto nested = [](int levels) {
    std::string text = "{\"a\":";
    for (int i = 1; i < levels; ++i) text += '[';
    for (int i = 1; i < levels; ++i) text += ']';
    return text + "}";
  };
  EXPECT_FALSE(CheckJson(nested(32), any).has_value());
  EXPECT_TRUE(CheckJson(nested(33), any).has_value());
  EXPECT_TRUE(CheckJson(nested(1'000'000), any).has_value());
}

TEST(StrictJsonTest, TheElementsAreBounded) {
  const Descriptor* batch = v1::BatchSubmitResponsesRequest::descriptor();
  const Descriptor* any = google::protobuf::Struct::descriptor();
  const auto array = [](size_t size, const std::string& element) {
    std::string text = "[";
    for (size_t i = 0; i < size; ++i) text += (i == 0 ? "" : ",") + element;
    return text + "]";
  };
  const auto responses = [&](size_t size, const std::string& element) {
    return CheckJson("{\"responses\":" + array(size, element) + "}", batch);
  };
  EXPECT_FALSE(responses(20'000, "{}").has_value());
  const auto fault = responses(20'001, "{}");
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->kind, Kind::kValue);
  EXPECT_EQ(fault->path, "responses");
  EXPECT_TRUE(responses(1, "{\"items\":" + array(20'001, "{}") + "}").has_value());
  EXPECT_FALSE(responses(9, "{\"items\":" + array(10'000, "{}") + "}").has_value());
  EXPECT_TRUE(responses(10, "{\"items\":" + array(10'000, "{}") + "}").has_value());
  std::string names = "{";
  for (int i = 0; i <= 20'000; ++i) names += "\"" + std::to_string(i) + "\":0,";
  names.back() = '}';
  EXPECT_TRUE(CheckJson(names, any).has_value());
}

TEST(StrictJsonTest, EveryPrefixIsRefused) {
  const std::string text =
      R"({"requestId": "é\u00e9", "response": {"score": -1.0e0, "occurTime": "x"}})";
  ASSERT_FALSE(CheckJson(text, Submit()).has_value());
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_TRUE(CheckJson(text.substr(0, size), Submit()).has_value()) << text.substr(0, size);
  }
}

}  // namespace
}  // namespace rebound
