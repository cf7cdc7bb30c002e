// Every case of the Connect conformance suite that applies, in every permutation, over a socket
// against the gateway with the suite's service behind it. What does not apply is listed with its
// reason in not_applicable.txt. The last tests show that the runner notices.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/gateway/gateway.h"
#include "server/gateway/http_server.h"
#include "server/log.h"
#include "tests/conformance/conformance_service.h"
#include "tests/conformance/connect.h"
#include "tests/conformance/http_client.h"
#include "tests/conformance/suite.h"

namespace rebound::conformance {
namespace {

const std::filesystem::path kData = REBOUND_SOURCE_DIR "/tests/data/connect_conformance";
const std::filesystem::path kList = REBOUND_SOURCE_DIR "/tests/conformance/not_applicable.txt";

std::vector<std::string> Files() {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(kData)) {
    if (entry.path().extension() == ".yaml") files.insert(entry.path().filename().string());
  }
  return {files.begin(), files.end()};
}

// The gateway on a port of its own, with the service behind it.
class Served {
 public:
  Served() {
    SetUpLog(nullptr, Level::kError);  // not each refusal that a case is about
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    grpc_ = builder.BuildAndStart();
    Gateway::Options options;
    options.services = {"connectrpc.conformance.v1.ConformanceService"};
    options.max_message = kReceiveLimit;
    gateway_ = std::make_unique<Gateway>(grpc_->InProcessChannel(grpc::ChannelArguments()),
                                         std::move(options));
    http_ = std::make_unique<HttpServer>(
        HttpServer::Options{},
        [this](std::shared_ptr<HttpExchange> exchange) { gateway_->Handle(std::move(exchange)); });
  }
  ~Served() {
    http_->Stop(std::chrono::seconds(5));
    http_.reset();
    gateway_.reset();
    grpc_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  int port() const { return http_->port(); }

 private:
  ConformanceService service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<HttpServer> http_;
};

struct Outcome {
  Reading reading;
  std::chrono::milliseconds elapsed{};  // at least what it took
};

// Throws std::runtime_error when no answer comes.
Outcome Make(const Call& call, HttpClient* client) {
  const auto start = std::chrono::steady_clock::now();
  const HttpAnswer answer = client->Exchange(ToRequest(call));
  // Two for what the service and this line round off.
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::steady_clock::now() - start) +
                       std::chrono::milliseconds(2);
  return {ReadAnswer(call, answer), elapsed};
}

Faults Judge(const wire::CallResult& expected, const Outcome& outcome) {
  Faults faults = outcome.reading.faults;
  const Faults more = Compare(expected, outcome.reading.result, outcome.elapsed);
  faults.insert(faults.end(), more.begin(), more.end());
  return faults;
}

Faults Attempt(const Call& call, HttpClient* client) {
  try {
    return Judge(call.expected, Make(call, client));
  } catch (const std::runtime_error& error) {
    return {error.what()};
  }
}

std::string Joined(const Faults& faults) {
  std::string text;
  for (const std::string& fault : faults) text += "\n  " + fault;
  return text;
}

class ConnectConformanceTest : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { served = new Served; }
  static void TearDownTestSuite() {
    delete served;
    served = nullptr;
  }
  static Served* served;
};
Served* ConnectConformanceTest::served = nullptr;

TEST_P(ConnectConformanceTest, EachCaseThatAppliesPassesInEachPermutation) {
  const wire::TestSuite suite = ReadSuite(kData / GetParam());
  auto listed = ReadNotApplicable(kList)[GetParam()];
  HttpClient client(served->port());
  int cases = 0, permutations = 0, passed = 0;
  for (const wire::TestCase& test : suite.test_cases()) {
    const std::string& name = test.request().test_name();
    const bool left_out = listed.erase(name) > 0;
    if (!Applies(suite, test)) {
      EXPECT_TRUE(left_out) << name << " is neither run nor listed in not_applicable.txt";
      continue;
    }
    EXPECT_FALSE(left_out) << name << " is run, though not_applicable.txt lists it";
    ++cases;
    for (const Call& call : Permutations(suite, test)) {
      ++permutations;
      const Faults faults = Attempt(call, &client);
      if (faults.empty()) ++passed;
      EXPECT_TRUE(faults.empty()) << call.Title() << Joined(faults);
    }
  }
  for (const auto& [name, reason] : listed) {
    ADD_FAILURE() << "not_applicable.txt lists " << name << ", which the file does not have";
  }
  std::cout << GetParam() << ": " << cases << " of " << suite.test_cases_size()
            << " cases apply; passed " << passed << " of their " << permutations
            << " permutations\n";
}

INSTANTIATE_TEST_SUITE_P(Suite, ConnectConformanceTest, testing::ValuesIn(Files()),
                         [](const testing::TestParamInfo<std::string>& file) {
                           return std::filesystem::path(file.param).stem().string();
                         });

TEST(NotApplicableTest, TheListNamesFilesOfTheSuiteAndEachValueLeftOut) {
  const NotApplicable listed = ReadNotApplicable(kList);
  const std::vector<std::string> files = Files();
  for (const auto& [file, cases] : listed) {
    if (file == "*") continue;
    EXPECT_EQ(std::count(files.begin(), files.end(), file), 1) << file;
  }
  std::set<std::string> values;
  for (const auto& [value, reason] : listed.at("*")) values.insert(value);
  const std::vector<std::string> left_out = LeftOutValues();
  EXPECT_EQ(values, std::set<std::string>(left_out.begin(), left_out.end()));
}

// ---- The runner itself --------------------------------------------------------------------------

Call CallNamed(const std::string& file, const std::string& name) {
  const wire::TestSuite suite = ReadSuite(kData / file);
  for (const wire::TestCase& test : suite.test_cases()) {
    if (test.request().test_name() == name) return Permutations(suite, test).back();
  }
  throw std::runtime_error("no case " + name);
}

TEST(ConformanceRunnerTest, AnswersAreCompressedForWhoTakesThat) {
  Served served;
  HttpClient client(served.port());
  for (const char* name :
       {"unary/request-equal-to-server-limit", "server-stream/request-equal-to-server-limit"}) {
    const Call call = CallNamed("server_message_size.yaml", name);
    ASSERT_EQ(call.compression, wire::COMPRESSION_GZIP);
    EXPECT_TRUE(Make(call, &client).reading.compressed) << name;
  }
}

// A case that passes, and what is changed in its expectation so that it must not.
struct WrongExpectation {
  const char* file;
  const char* name;
  std::function<void(wire::CallResult*)> change;
};

TEST(ConformanceRunnerTest, AWrongExpectationIsNoticed) {
  using Echo = wire::ConformancePayload::RequestInfo;
  const auto change_echo_of_error = [](const std::function<void(Echo*)>& change) {
    return [=](wire::CallResult* expected) {
      Echo echo;
      ASSERT_TRUE(expected->error().details(0).UnpackTo(&echo));
      change(&echo);
      expected->mutable_error()->mutable_details(0)->PackFrom(echo);
    };
  };
  const char* const kUnary = "unary/success";
  const char* const kStream = "server-stream/success";
  const char* const kError = "server-stream/error-with-no-responses";
  const std::vector<WrongExpectation> wrong = {
      {"basic.yaml", kUnary, [](auto* e) { e->set_http_status_code(201); }},
      {"basic.yaml", kUnary, [](auto* e) { e->mutable_payloads(0)->set_data("other"); }},
      {"basic.yaml", kUnary, [](auto* e) { e->clear_payloads(); }},
      {"basic.yaml", kUnary,
       [](auto* e) { e->mutable_response_headers(0)->set_value(0, "other"); }},
      {"basic.yaml", kUnary,
       [](auto* e) { e->mutable_response_trailers(0)->add_value("another"); }},
      {"basic.yaml", kUnary,
       [](auto* e) { e->mutable_response_trailers()->Swap(e->mutable_response_headers()); }},
      {"basic.yaml", kUnary,
       [](auto* e) {
         e->mutable_payloads(0)->mutable_request_info()->mutable_request_headers(0)->set_value(
             1, "Value3");
       }},
      {"basic.yaml", kUnary,
       [](auto* e) { e->mutable_payloads(0)->mutable_request_info()->clear_requests(); }},
      {"basic.yaml", kUnary,
       [](auto* e) {
         wire::UnaryRequest request;
         request.set_request_data("other");
         e->mutable_payloads(0)->mutable_request_info()->mutable_requests(0)->PackFrom(request);
       }},
      {"basic.yaml", kUnary,
       [](auto* e) { e->mutable_payloads(0)->mutable_request_info()->set_timeout_ms(2000); }},
      {"basic.yaml", kUnary, [](auto* e) { e->mutable_error()->set_code(wire::CODE_ABORTED); }},
      {"basic.yaml", kStream, [](auto* e) { e->add_payloads(); }},
      {"basic.yaml", kStream, [](auto* e) { e->mutable_payloads(1)->set_data("other"); }},
      {"basic.yaml", kStream,
       [](auto* e) { e->mutable_response_trailers(0)->set_name("x-other"); }},
      {"deadline_propagation.yaml", kUnary,
       [](auto* e) { e->mutable_payloads(0)->mutable_request_info()->set_timeout_ms(1); }},
      {"deadline_propagation.yaml", kUnary,
       [](auto* e) { e->mutable_payloads(0)->mutable_request_info()->set_timeout_ms(90'000); }},
      {"errors.yaml", kError, [](auto* e) { e->clear_error(); }},
      {"errors.yaml", kError, [](auto* e) { e->mutable_error()->set_code(wire::CODE_ABORTED); }},
      {"errors.yaml", kError, [](auto* e) { e->mutable_error()->set_message("other"); }},
      {"errors.yaml", kError, [](auto* e) { e->mutable_error()->clear_details(); }},
      {"errors.yaml", kError,
       [](auto* e) { e->mutable_error()->mutable_details(0)->PackFrom(wire::Header()); }},
      {"errors.yaml", kError, change_echo_of_error([](Echo* echo) { echo->clear_requests(); })},
      {"errors.yaml", kError,
       change_echo_of_error([](Echo* echo) { echo->mutable_request_headers(0)->add_value("x"); })},
  };
  Served served;
  HttpClient client(served.port());
  for (size_t i = 0; i < wrong.size(); ++i) {
    const Call call = CallNamed(wrong[i].file, wrong[i].name);
    const Outcome outcome = Make(call, &client);
    const Faults none = Judge(call.expected, outcome);
    EXPECT_TRUE(none.empty()) << call.Title() << Joined(none);
    wire::CallResult expected = call.expected;
    wrong[i].change(&expected);
    EXPECT_FALSE(Judge(expected, outcome).empty()) << "the change " << i;
  }
}

// An answer of no gateway of ours, and part of the only fault in it; "": none.
struct Forged {
  const char* test;  // of basic.yaml
  wire::Codec codec;
  std::string head;  // but for the framing
  std::string body;
  const char* fault;
};

std::string Frame(char flags, const std::string& payload) {
  return std::string{flags, 0, 0, 0, static_cast<char>(payload.size())} + payload;
}

TEST(ConformanceRunnerTest, ABreachOfTheProtocolsFormIsNoticed) {
  const std::string json = "200 OK\r\ncontent-type: application/json";
  const std::string bad = "409 Conflict\r\nContent-Type: application/json";
  const std::string stream = "200 OK\r\ncontent-type: application/connect+json";
  const char* const kUnary = "unary/success";
  const char* const kStream = "server-stream/success";
  const std::vector<Forged> forged = {
      {kUnary, wire::CODEC_JSON, json, "{\"payload\":{}}", ""},
      {kUnary, wire::CODEC_JSON, json, "{'payload':{}}", "not JSON"},
      {kUnary, wire::CODEC_JSON, json, "{\"payload\":{\"date\":1}}", "a message in JSON"},
      {kUnary, wire::CODEC_PROTO, json, "", "content-type"},
      {kUnary, wire::CODEC_JSON, json + "\r\ncontent-encoding: gzip", "{}", "bytes that should"},
      {kUnary, wire::CODEC_JSON, json + "\r\ncontent-encoding: br", "{}", "does not accept"},
      {kUnary, wire::CODEC_JSON, bad, "{\"code\":\"aborted\"}", ""},
      {kUnary, wire::CODEC_JSON, bad,
       "{\"code\":\"aborted\",\"details\":[{\"type\":"
       "\"connectrpc.conformance.v1.Header\",\"value\":\"CgFh\",\"debug\":{\"name\":\"a\"}}]}",
       ""},
      {kUnary, wire::CODEC_JSON, bad,
       "{\"code\":\"aborted\",\"details\":[{\"type\":"
       "\"connectrpc.conformance.v1.Header\",\"value\":\"CgFh\",\"debug\":{\"name\":\"b\"}}]}",
       "debug"},
      {kUnary, wire::CODEC_JSON, bad,
       "{\"code\":\"aborted\",\"details\":[{\"type\":"
       "\"connectrpc.conformance.v1.Header\",\"value\":\"CgJhYg==\"}]}",
       "padding"},
      {kUnary, wire::CODEC_JSON, bad, "{\"code\":\"aborted\",\"details\":[{\"type\":\"a.B\"}]}",
       "without type or value"},
      {kUnary, wire::CODEC_JSON, bad, "{\"code\":\"internal\"}", "HTTP status 409"},
      {kUnary, wire::CODEC_JSON, bad, "{\"code\":\"ABORTED\"}", "no code"},
      {kUnary, wire::CODEC_JSON, bad, "{\"code\":\"aborted\",\"reason\":1}", "reason"},
      {kUnary, wire::CODEC_JSON, bad, "{\"message\":\"no\"}", "no code"},
      {kStream, wire::CODEC_JSON, stream, Frame(0, "{\"payload\":{}}") + Frame(2, "{}"), ""},
      {kStream, wire::CODEC_JSON, stream, Frame(2, "{\"metadata\":{\"a\":[\"b\",\"c\"]}}"), ""},
      {kStream, wire::CODEC_JSON, stream, Frame(2, "{\"metadata\":{\"a\":\"b\"}}"), "no list"},
      {kStream, wire::CODEC_JSON, stream, Frame(2, "{\"error\":null}"), "no object"},
      {kStream, wire::CODEC_JSON, stream, Frame(2, "{\"trailers\":{}}"), "trailers"},
      {kStream, wire::CODEC_JSON, stream, Frame(2, ""), "no object"},
      {kStream, wire::CODEC_JSON, stream, Frame(0, "{\"payload\":{}}"), "no end"},
      {kStream, wire::CODEC_JSON, stream, Frame(2, "{}") + Frame(2, "{}"), "behind the end"},
      {kStream, wire::CODEC_JSON, stream, Frame(2, "{}").substr(0, 6), "cut"},
      {kStream, wire::CODEC_JSON, stream, Frame(6, "{}"), "unknown flags"},
      {kStream, wire::CODEC_PROTO, stream, Frame(2, "{}"), "content-type"},
      {kStream, wire::CODEC_JSON, stream + "\r\ncontent-encoding: identity", Frame(2, "{}"),
       "the stream itself"},
  };
  for (const Forged& f : forged) {
    SCOPED_TRACE(f.head + "\n" + f.body);
    Call call = CallNamed("basic.yaml", f.test);
    call.codec = f.codec;
    std::string bytes = "HTTP/1.1 " + f.head +
                        "\r\ncontent-length: " + std::to_string(f.body.size()) + "\r\n\r\n" +
                        f.body;
    const auto answer = TakeAnswer(&bytes);
    ASSERT_TRUE(answer);
    const Faults faults = ReadAnswer(call, *answer).faults;
    if (*f.fault == '\0') {
      EXPECT_TRUE(faults.empty()) << Joined(faults);
    } else {
      ASSERT_FALSE(faults.empty());
      EXPECT_NE(faults[0].find(f.fault), std::string::npos) << Joined(faults);
    }
  }
}

TEST(ConformanceRunnerTest, ABreachOfHttpIsNoticed) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string whole = chunked + "2\r\nab\r\n1\r\nc\r\n0\r\n\r\nrest";
  const auto answer = TakeAnswer(&whole);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "abc");
  EXPECT_EQ(whole, "rest");
  for (std::string part : {chunked + "2\r\nab", chunked + "0\r\n", std::string("HTTP/1.1 200 O")}) {
    EXPECT_FALSE(TakeAnswer(&part)) << part;
  }
  for (std::string bad :
       {std::string("HTTP/1.0 200 OK\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nname : value\r\n\r\n"), chunked + "2\r\nabc\r\n"}) {
    EXPECT_THROW(TakeAnswer(&bad), std::runtime_error) << bad;
  }
  std::string trailers = chunked + "0\r\ngrpc-status: 0\r\n\r\n";
  EXPECT_EQ(TakeAnswer(&trailers)->trailers.size(), 1u);
}

}  // namespace
}  // namespace rebound::conformance
