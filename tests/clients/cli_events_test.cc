// The log of events on the command line: how it looks, what is asked for, and going on after a
// break.
#include "clients/cli/events.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "clients/cli/cli.h"
#include "rebound/v1/event_service.grpc.pb.h"
#include "tests/clients/cli_golden.h"

namespace rebound::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

v1::Event ReadEvent(const std::string& text) {
  v1::Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  return event;
}

std::vector<v1::Event> Some() {
  return {ReadEvent(R"x(id: "06ev0000000000000000000001" cursor: "cursor-1" type: "CaseOpened"
                    occur_time { seconds: 1772442000 } record_time { seconds: 1772442001 }
                    actor: "integration" case_id: "06ca0000000000000000000001"
                    case_number: "C-1042" program_id: "touchpoint" org_unit_id: "north"
                    queue_id: "desk" status: "open" details { key: "score" value: "2" }
                    details { key: "severity" value: "3" } note: "上门两次都没人\x1b[2J")x"),
          ReadEvent(R"x(id: "06ev0000000000000000000002" cursor: "cursor-2" type: "CustomerCreated"
                    occur_time { seconds: 1772442060 } actor: "=cmd()"
                    customer_id: "06cu0000000000000000000001")x")};
}

// Streams are given out one after another, each with its status; then OK without anything.
class FakeEvents : public v1::EventService::Service {
 public:
  struct Stream {
    std::vector<v1::WatchResponse> messages{};
    grpc::Status status{};
  };

  grpc::Status Watch(grpc::ServerContext*, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override {
    Note(*request);
    Stream stream;
    {
      std::lock_guard lock(mutex_);
      if (next_ < streams_.size()) stream = streams_[next_++];
    }
    for (const v1::WatchResponse& message : stream.messages) writer->Write(message);
    return stream.status;
  }
  grpc::Status ListEvents(grpc::ServerContext*, const v1::ListEventsRequest* request,
                          v1::ListEventsResponse* reply) override {
    Note(*request);
    const bool second = request->start().has_cursor();
    *reply->mutable_batch()->add_events() = Some()[second ? 1 : 0];
    reply->mutable_batch()->set_latest_cursor(second ? "cursor-2" : "cursor-1");
    reply->set_end_of_stream(second);
    return grpc::Status::OK;
  }
  grpc::Status CreateSubscription(grpc::ServerContext*,
                                  const v1::CreateSubscriptionRequest* request,
                                  v1::CreateSubscriptionResponse* reply) override {
    Note(*request);
    Fill(reply->mutable_subscription());
    return grpc::Status::OK;
  }
  grpc::Status GetSubscription(grpc::ServerContext*, const v1::GetSubscriptionRequest* request,
                               v1::GetSubscriptionResponse* reply) override {
    Note(*request);
    Fill(reply->mutable_subscription());
    return grpc::Status::OK;
  }
  grpc::Status ListSubscriptions(grpc::ServerContext*, const v1::ListSubscriptionsRequest* request,
                                 v1::ListSubscriptionsResponse* reply) override {
    Note(*request);
    Fill(reply->add_subscriptions());
    return grpc::Status::OK;
  }
  grpc::Status DeleteSubscription(grpc::ServerContext*,
                                  const v1::DeleteSubscriptionRequest* request,
                                  v1::DeleteSubscriptionResponse* reply) override {
    Note(*request);
    reply->set_replayed(request->subscription_id() == "none");
    return grpc::Status::OK;
  }
  grpc::Status CommitSubscription(grpc::ServerContext*,
                                  const v1::CommitSubscriptionRequest* request,
                                  v1::CommitSubscriptionResponse*) override {
    Note(*request);
    return grpc::Status::OK;
  }

  void Give(std::vector<Stream> streams) {
    std::lock_guard lock(mutex_);
    streams_ = std::move(streams);
  }
  std::vector<std::string> Requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Note(const google::protobuf::Message& request) {
    std::lock_guard lock(mutex_);
    std::string text = request.ShortDebugString();
    if (const size_t id = text.find("request_id: \""); id != std::string::npos) {
      text.erase(id, text.find('"', id + 13) + 2 - id);
    }
    requests_.push_back(text);
  }
  static void Fill(v1::Subscription* subscription) {
    subscription->set_id("crm-sync");
    subscription->set_owner("integration");
    subscription->set_cursor("cursor-1");
    subscription->mutable_create_time()->set_seconds(1772442000);
    subscription->mutable_commit_time()->set_seconds(1772442060);
  }

  std::mutex mutex_;
  std::vector<Stream> streams_;
  size_t next_ = 0;
  std::vector<std::string> requests_;
};

v1::WatchResponse Batch(const std::vector<v1::Event>& events, const std::string& cursor) {
  v1::WatchResponse message;
  for (const v1::Event& event : events) *message.mutable_batch()->add_events() = event;
  message.mutable_batch()->set_latest_cursor(cursor);
  return message;
}

class CliEventsTest : public testing::Test {
 protected:
  CliEventsTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&events_);
    server_ = builder.BuildAndStart();
  }

  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    arguments.insert(arguments.begin(),
                     {"rebound", "--server", "127.0.0.1:" + std::to_string(port_)});
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return RunCli(static_cast<int>(argv.size()), argv.data(), out_, err_);
  }

  FakeEvents events_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::ostringstream out_, err_;
};

TEST_F(CliEventsTest, AStreamThatBreaksGoesOnFromWhereItWas) {
  const std::vector<v1::Event> events = Some();
  events_.Give({{{Batch({}, "cursor-0"), Batch({events[0]}, "cursor-1")},
                 {grpc::StatusCode::UNAVAILABLE, "stopping"}},
                {{Batch({}, "cursor-1"), Batch({events[1]}, "cursor-2")}, grpc::Status::OK}});
  EXPECT_EQ(Run({"events", "follow", "--case", "C-1042", "--kind", "CaseOpened", "--type",
                 "CaseClosed", "--queue", "desk", "-o", "json"}),
            0)
      << err_.str();
  const std::string filter =
      R"( filter { types: "CaseOpened" types: "CaseClosed" queue_ids: "desk" )"
      R"(case_ids: "C-1042" })";
  EXPECT_THAT(events_.Requests(), ElementsAre("start { preset: EVENT_PRESET_LATEST }" + filter,
                                              R"(start { cursor: "cursor-1" })" + filter));
  // The order of a map's keys in JSON is nobody's promise: it differs between copies of a message.
  std::istringstream lines(out_.str());
  std::vector<nlohmann::json> shown;
  for (std::string line; std::getline(lines, line);) shown.push_back(nlohmann::json::parse(line));
  EXPECT_THAT(shown, ElementsAre(nlohmann::json::parse(EventJson(events[0])),
                                 nlohmann::json::parse(EventJson(events[1]))));
  EXPECT_THAT(err_.str(), HasSubstr("trying again"));
}

TEST_F(CliEventsTest, ASubscriptionIsCommittedAfterWhatWasShown) {
  events_.Give({{{Batch({}, "cursor-0"), Batch({Some()[0]}, "cursor-1")}, grpc::Status::OK}});
  EXPECT_EQ(Run({"events", "follow", "--subscription", "crm-sync"}), 0) << err_.str();
  EXPECT_THAT(events_.Requests(), ElementsAre(R"(start { subscription_id: "crm-sync" } filter { })",
                                              R"(subscription_id: "crm-sync" cursor: "cursor-1")"));
}

TEST_F(CliEventsTest, ASubscriptionDoesNotStayBehindWhatWasNotAskedFor) {
  events_.Give({{{Batch({}, "cursor-0"), Batch({}, "cursor-1")},
                 {grpc::StatusCode::UNAVAILABLE, "stopping"}},
                {{Batch({}, "cursor-1"), Batch({}, "cursor-2")}, grpc::Status::OK}});
  EXPECT_EQ(Run({"events", "follow", "--subscription", "crm-sync", "--type", "CaseClosed"}), 0)
      << err_.str();
  const std::string filter = R"( filter { types: "CaseClosed" })";
  EXPECT_THAT(events_.Requests(), ElementsAre(R"(start { subscription_id: "crm-sync" })" + filter,
                                              R"(subscription_id: "crm-sync" cursor: "cursor-1")",
                                              R"(start { cursor: "cursor-1" })" + filter,
                                              R"(subscription_id: "crm-sync" cursor: "cursor-2")"))
      << "where a stream begins is not committed";
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CliEventsTest, AnythingElseEndsIt) {
  events_.Give({{{}, {grpc::StatusCode::OUT_OF_RANGE, "too old"}}});
  EXPECT_EQ(Run({"events", "follow", "--from", "cursor-0"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("too old"));
  EXPECT_EQ(Run({"events", "follow", "--from", "latest", "--subscription", "a"}), 2);
}

TEST_F(CliEventsTest, ItLooksAsItShould) {
  std::string shown;
  const auto show = [&](std::vector<std::string> arguments) {
    std::string line = "$ rebound";
    for (const std::string& argument : arguments) line += " " + argument;
    EXPECT_EQ(Run(std::move(arguments)), 0) << err_.str();
    shown += line + "\n" + out_.str() + err_.str() + "\n";
  };
  events_.Give({{{Batch(Some(), "cursor-2")}, grpc::Status::OK},
                {{Batch(Some(), "cursor-2")}, grpc::Status::OK}});
  show({"events", "follow", "--from", "earliest"});
  show({"--lang", "zh", "events", "follow"});
  show({"events", "list", "--all"});
  show({"events", "list", "--limit", "1"});
  EXPECT_THAT(shown, Not(HasSubstr("\x1b[2J"))) << "texts of customers do not steer the terminal";
  show({"events", "list", "--all", "-o", "csv"});  // for machines: as they are
  show({"subscriptions", "create", "crm-sync", "--from", "earliest"});
  show({"--lang", "zh", "subscriptions", "show", "crm-sync"});
  show({"subscriptions", "list"});
  show({"subscriptions", "delete", "crm-sync"});
  show({"subscriptions", "delete", "none"});
  ExpectGolden("events.txt", shown);
}

}  // namespace
}  // namespace rebound::cli
