// Following the log of events: nothing is left out, whatever happens to whoever follows, and nobody
// gets what is not theirs to see.
#include <gmock/gmock.h>

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/event_service.grpc.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Every wait of these tests ends by then.
constexpr seconds kPatience{60};

constexpr int64_t kManyEvents = 50'000;
constexpr int kKills = 100;

std::vector<std::string> Ids(const std::vector<api::Event>& events) {
  std::vector<std::string> ids;
  for (const api::Event& event : events) ids.push_back(event.id());
  return ids;
}

std::vector<std::string> Types(const std::vector<api::Event>& events) {
  std::vector<std::string> types;
  for (const api::Event& event : events) types.push_back(event.type());
  return types;
}

std::unique_ptr<grpc::ClientContext> ContextOf(TestServer& server, std::string_view who) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", "Bearer " + server.TokenOf(who));
  context->AddMetadata("accept-language", "en");
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
  return context;
}

// "rebound-cursor"; empty: there is none.
std::string TrailingCursor(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("rebound-cursor");
  return found == trailers.end() ? "" : std::string(found->second.data(), found->second.size());
}

class WatchCall {
 public:
  WatchCall(TestServer& server, std::string_view who, std::string_view request)
      : context_(ContextOf(server, who)), channel_(server.NewChannel()) {
    call_ = api::EventService::NewStub(channel_)->Watch(context_.get(),
                                                        FromText<api::WatchRequest>(request));
  }
  ~WatchCall() {
    context_->TryCancel();
    if (!finished_) Finish();
  }

  // The next message; nullopt: the stream has ended.
  std::optional<api::EventBatch> Next() {
    api::WatchResponse response;
    if (!call_->Read(&response)) return std::nullopt;
    latest_ = response.batch().latest_cursor();
    for (const api::Event& event : response.batch().events()) events_.push_back(event);
    return response.batch();
  }
  // Reads until there are so many events in all.
  const std::vector<api::Event>& Until(size_t count) {
    while (events_.size() < count && Next()) {
    }
    EXPECT_EQ(events_.size(), count);
    return events_;
  }
  Refusal Finish() {
    while (Next()) {
    }
    finished_ = true;
    return ToRefusal(call_->Finish());
  }
  std::string trailing_cursor() const { return TrailingCursor(*context_); }
  const std::string& latest() const { return latest_; }
  const std::vector<api::Event>& events() const { return events_; }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::ClientReader<api::WatchResponse>> call_;
  std::vector<api::Event> events_;
  std::string latest_;
  bool finished_ = false;
};

class SubscribeCall {
 public:
  SubscribeCall(TestServer& server, std::string_view who, std::string_view start = "")
      : context_(ContextOf(server, who)), channel_(server.NewChannel()) {
    call_ = api::EventService::NewStub(channel_)->Subscribe(context_.get());
    if (!start.empty()) Write("start { " + std::string(start) + " }");
  }
  ~SubscribeCall() {
    context_->TryCancel();
    if (!finished_) Finish();
  }

  bool Write(std::string_view text) { return call_->Write(FromText<api::SubscribeRequest>(text)); }
  bool WritesDone() { return call_->WritesDone(); }
  void Cancel() { context_->TryCancel(); }
  std::optional<api::SubscribeResponse> Next() {
    api::SubscribeResponse response;
    if (!call_->Read(&response)) return std::nullopt;
    return response;
  }
  Refusal Finish() {
    while (Next()) {
    }
    finished_ = true;
    return ToRefusal(call_->Finish());
  }
  std::string trailing_cursor() const { return TrailingCursor(*context_); }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::ClientReaderWriter<api::SubscribeRequest, api::SubscribeResponse>> call_;
  bool finished_ = false;
};

class EventApiTest : public testing::Test {
 protected:
  static TestServerOptions Small() {
    TestServerOptions options;
    options.events.streams_per_principal = 8;
    return options;
  }
  EventApiTest() : server_(Small()) {}

  // A detractor's answer; the case's id.
  std::string Submit(const std::string& customer, const std::string& more = "") {
    return server_
        .Do<api::SubmitResponseResponse>(
            "integration",
            "response { program_id: \"touchpoint\" score: 2 customer_key { "
            "source_system: \"crm\" external_id: \"" +
                customer + "\" } " + more + " }")
        .response()
        .paired_case_id();
  }
  void Note(const std::string& case_id, const std::string& note) {
    server_.Do<api::SuperviseCaseResponse>("admin",
                                           "case_id: \"" + case_id + "\" note: \"" + note + "\"");
  }

  // All pages from there to the end.
  std::vector<api::Event> Pages(std::string_view who, const std::string& start,
                                const std::string& filter = "", int page_size = 1000) {
    std::vector<api::Event> events;
    std::string from = start;
    for (;;) {
      const auto page = server_.Do<api::ListEventsResponse>(
          who, "start { " + from + " } filter { " + filter +
                   " } page_size: " + std::to_string(page_size));
      EXPECT_LE(page.batch().events_size(), page_size);
      events.insert(events.end(), page.batch().events().begin(), page.batch().events().end());
      if (page.end_of_stream()) return events;
      from = "cursor: \"" + page.batch().latest_cursor() + "\"";
    }
  }
  std::vector<api::Event> Log() { return Pages("admin", "preset: EVENT_PRESET_EARLIEST"); }

  Refusal RefuseStart(std::string_view who, const std::string& start) {
    return server_.Refuse(who, "EventService/ListEvents", "start { " + start + " }");
  }

  TestServer server_;
};

const char kEarliest[] = "start { preset: EVENT_PRESET_EARLIEST }";
const char kLatest[] = "start { preset: EVENT_PRESET_LATEST }";

std::string From(const std::string& cursor) { return "start { cursor: \"" + cursor + "\" }"; }

TEST_F(EventApiTest, ThePagesAreTheWholeLogInOrder) {
  const std::string case_id = Submit("li", R"(org_unit_id: "north" reason: "slow")");
  Note(case_id, "看一下");
  const std::vector<api::Event> log = Log();
  EXPECT_THAT(Types(log),
              ElementsAre("CustomerCreated", "ResponseRecorded", "CaseOpened", "CaseSupervised"));
  std::set<std::string> ids;
  for (size_t i = 0; i < log.size(); ++i) {
    ids.insert(log[i].id());
    EXPECT_EQ(log[i].id().size(), 26u);
    EXPECT_FALSE(log[i].cursor().empty());
    if (log[i].case_id().empty()) continue;
    EXPECT_EQ(log[i].case_id(), case_id);
    EXPECT_EQ(log[i].case_number(), "C-1");
    EXPECT_EQ(log[i].program_id(), "touchpoint");
    EXPECT_EQ(log[i].org_unit_id(), "north");
  }
  EXPECT_EQ(ids.size(), log.size());
  const auto supervised = std::find_if(log.begin(), log.end(), [](const api::Event& event) {
    return event.type() == "CaseSupervised";
  });
  ASSERT_NE(supervised, log.end());
  EXPECT_EQ(supervised->note(), "看一下");
  EXPECT_EQ(supervised->actor(), "admin");
  for (int page_size : {1, 2, 3}) {
    EXPECT_EQ(Ids(Pages("admin", "preset: EVENT_PRESET_EARLIEST", "", page_size)), Ids(log));
  }
  for (size_t i = 0; i < log.size(); ++i) {
    EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + log[i].cursor() + "\"")),
              Ids({log.begin() + static_cast<std::ptrdiff_t>(i) + 1, log.end()}));
  }
}

TEST_F(EventApiTest, AStreamBeginsAtEitherEndOrAtACursorAndGoesOn) {
  Submit("li");
  const std::vector<api::Event> log = Log();
  WatchCall earliest(server_, "admin", kEarliest);
  WatchCall latest(server_, "admin", kLatest);
  WatchCall middle(server_, "admin", From(log[1].cursor()));
  for (WatchCall* call : {&earliest, &latest, &middle}) {
    const auto first = call->Next();
    ASSERT_TRUE(first);
    EXPECT_THAT(first->events(), IsEmpty());
    EXPECT_FALSE(first->latest_cursor().empty());
  }
  Submit("wang");
  const std::vector<api::Event> after = Log();
  ASSERT_GT(after.size(), log.size());
  EXPECT_EQ(Ids(earliest.Until(after.size())), Ids(after));
  EXPECT_EQ(Ids(latest.Until(after.size() - log.size())),
            Ids({after.begin() + static_cast<std::ptrdiff_t>(log.size()), after.end()}));
  EXPECT_EQ(Ids(middle.Until(after.size() - 2)), Ids({after.begin() + 2, after.end()}));
  for (const WatchCall* call : {&earliest, &latest, &middle}) {
    EXPECT_THAT(Pages("admin", "cursor: \"" + call->latest() + "\""), IsEmpty());
  }
}

TEST_F(EventApiTest, TheFirstMessageOfAStreamIsItsStart) {
  struct Row {
    const char* first;
    const char* reason;
    const char* field;
  };
  for (const Row& row :
       {Row{"more { }", "REQUIRED_FIELD_MISSING", "start"},
        Row{"start { }", "REQUIRED_FIELD_MISSING", "start"},
        Row{"start { start { preset: 7 } }", "ENUM_VALUE_UNKNOWN", "start.preset"},
        Row{"start { start { preset: EVENT_PRESET_LATEST } num_requested: -1 }",
            "NUMBER_OUT_OF_RANGE", "start.num_requested"},
        Row{"start { start { preset: EVENT_PRESET_LATEST } num_requested: 10001 }",
            "NUMBER_OUT_OF_RANGE", "start.num_requested"},
        Row{"start { start { preset: EVENT_PRESET_LATEST } filter { types: \"X\" } }",
            "ENUM_VALUE_UNKNOWN", "filter.types[0]"},
        Row{"start { start { cursor: \"\" } }", "CURSOR_INVALID", "start.cursor"}}) {
    SubscribeCall call(server_, "admin");
    call.Write(row.first);
    const Refusal refusal = call.Finish();
    EXPECT_EQ(refusal.reason, row.reason) << row.first << refusal;
    EXPECT_TRUE(refusal.HasField(row.field)) << row.first << refusal;
  }
  SubscribeCall twice(server_, "admin", kLatest);
  twice.Write("start { " + std::string(kLatest) + " }");
  EXPECT_EQ(twice.Finish().reason, "STREAM_OUT_OF_ORDER");
  SubscribeCall commits(server_, "admin", kLatest);
  const std::string cursor = commits.Next()->batch().latest_cursor();
  commits.Write("more { commit_cursor: \"" + cursor + "\" }");
  EXPECT_EQ(commits.Finish().reason, "STREAM_OUT_OF_ORDER") << "it is of no subscription";
}

// The clock goes on until the server has taken note of the call.
TEST_F(EventApiTest, AStreamThatDoesNotSayWhereToBeginEnds) {
  SubscribeCall call(server_, "admin");
  auto ended = std::async(std::launch::async, [&] { return call.Finish(); });
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  while (ended.wait_for(std::chrono::milliseconds{1}) != std::future_status::ready &&
         std::chrono::steady_clock::now() < patience) {
    server_.clock().Advance(seconds{30});
    server_.TendStreams();
  }
  EXPECT_EQ(ended.get().reason, "DEADLINE_EXCEEDED") << "the server's, not the test's own";
}

TEST_F(EventApiTest, AnEventTakesACreditAndWithoutCreditsThereIsNone) {
  Submit("li");
  Submit("wang");
  const std::vector<api::Event> log = Log();
  SubscribeCall call(server_, "admin", std::string(kEarliest) + " num_requested: 2");
  std::vector<api::Event> got;
  const auto read = [&](int credits_after) {
    for (;;) {
      const auto next = call.Next();
      if (!next) return;
      got.insert(got.end(), next->batch().events().begin(), next->batch().events().end());
      if (next->pending_credits() == credits_after) return;
    }
  };
  read(0);
  EXPECT_THAT(got, SizeIs(2));
  // A keepalive comes all the same, and stands where the credits ended.
  server_.clock().Advance(seconds{60});
  server_.TendStreams();
  const auto alive = call.Next();
  ASSERT_TRUE(alive);
  EXPECT_THAT(alive->batch().events(), IsEmpty());
  EXPECT_EQ(alive->pending_credits(), 0);
  EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + alive->batch().latest_cursor() + "\"")),
            Ids({log.begin() + 2, log.end()}));
  call.Write("more { num_requested: 1 }");
  read(0);
  EXPECT_THAT(got, SizeIs(3));
  // With everything said, the stream ends with its last credit.
  call.Write("more { num_requested: 2 }");
  call.WritesDone();
  while (const auto next = call.Next()) {
    got.insert(got.end(), next->batch().events().begin(), next->batch().events().end());
  }
  EXPECT_EQ(call.Finish().code, grpc::StatusCode::OK);
  EXPECT_EQ(Ids(got), Ids({log.begin(), log.begin() + 5}));
  EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + call.trailing_cursor() + "\"")),
            Ids({log.begin() + 5, log.end()}));
}

TEST_F(EventApiTest, AKeepaliveMovesTheCursorOverWhatWasNotAskedFor) {
  WatchCall call(server_, "admin", std::string(kLatest) + R"( filter { types: "CustomerErased" })");
  ASSERT_TRUE(call.Next());
  const std::string begin = call.latest();
  Submit("li");
  WatchCall all(server_, "admin", From(begin));
  all.Until(Log().size());  // by then the other stream has been woken, too
  server_.clock().Advance(seconds{59});
  server_.TendStreams();
  server_.clock().Advance(seconds{1});
  server_.TendStreams();
  const auto alive = call.Next();
  ASSERT_TRUE(alive);
  EXPECT_THAT(alive->events(), IsEmpty());
  EXPECT_NE(alive->latest_cursor(), begin);
  EXPECT_THAT(Pages("admin", "cursor: \"" + begin + "\""), Not(IsEmpty()));
  EXPECT_THAT(Pages("admin", "cursor: \"" + alive->latest_cursor() + "\""), IsEmpty());
}

TEST_F(EventApiTest, WordsOfWhoWasErasedAreNotGivenOutFromWhatIsAtHand) {
  WatchCall open(server_, "admin", kLatest);
  ASSERT_TRUE(open.Next());
  Submit("wang");
  open.Until(Log().size());  // from here on what is new is kept at hand
  const size_t before = open.events().size();
  const std::string begin = open.latest();
  const std::string case_id = Submit("li");
  Note(case_id, "canary");
  open.Until(Log().size());
  const auto says = [](const api::Event& event) { return event.note() == "canary"; };
  EXPECT_TRUE(std::any_of(open.events().begin(), open.events().end(), says));

  const std::string customer =
      server_.Do<api::GetCaseResponse>("admin", "case_id: \"" + case_id + "\"")
          .case_()
          .customer_id();
  const std::string etag =
      server_.Do<api::GetCustomerResponse>("admin", "customer_id: \"" + customer + "\"")
          .customer()
          .etag();
  server_.Do<api::EraseCustomerResponse>(
      "admin",
      "customer_id: \"" + customer + "\" ground: ERASURE_GROUND_OBJECTION etag: '" + etag + "'");
  // At once, and when it is known that the erasure has been looked at.
  WatchCall at_once(server_, "admin", From(begin));
  const std::vector<api::Event> log = Log();
  at_once.Until(log.size() - before);
  EXPECT_THAT(Types(open.Until(log.size())), Contains("CustomerErased"));
  WatchCall later(server_, "admin", From(begin));
  later.Until(log.size() - before);
  for (const WatchCall* call : {&at_once, &later}) {
    EXPECT_EQ(Ids(call->events()),
              Ids({log.begin() + static_cast<std::ptrdiff_t>(before), log.end()}));
    EXPECT_FALSE(std::any_of(call->events().begin(), call->events().end(), says));
  }
}

// ------------------------------------------------------------------------------------- cursors

TEST_F(EventApiTest, ACursorIsTheCallersAloneAndNotToBeAltered) {
  Submit("li");
  const std::string cursor = Log().front().cursor();
  EXPECT_EQ(RefuseStart("manager", "cursor: \"" + cursor + "\"").reason, "CURSOR_INVALID");
  for (size_t i = 0; i < cursor.size(); ++i) {
    std::string altered = cursor;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    const Refusal refusal = RefuseStart("admin", "cursor: \"" + altered + "\"");
    EXPECT_EQ(refusal.reason, "CURSOR_INVALID") << i;
    EXPECT_EQ(refusal.code, grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_TRUE(refusal.HasField("start.cursor"));
  }
  for (const std::string& other :
       {cursor + "A", cursor.substr(1), std::string("1"), std::string(5000, 'A')}) {
    EXPECT_EQ(RefuseStart("admin", "cursor: \"" + other + "\"").reason, "CURSOR_INVALID");
  }
}

TEST_F(EventApiTest, ACursorOutlivesTheServer) {
  Submit("li");
  const std::vector<api::Event> log = Log();
  server_.Restart();
  EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + log[0].cursor() + "\"")),
            Ids({log.begin() + 1, log.end()}));
  EXPECT_EQ(Ids(Log()), Ids(log)) << "an event has one id for ever";
}

TEST_F(EventApiTest, WhatIsOlderThanIsGivenOutIsRefusedAndSaysWhereToGoOn) {
  Submit("li");
  const std::vector<api::Event> old = Log();
  // With nothing after it a cursor does not grow old.
  server_.clock().Advance(days{30});
  EXPECT_THAT(Pages("admin", "cursor: \"" + old.back().cursor() + "\""), IsEmpty());
  EXPECT_THAT(Log(), IsEmpty());
  Submit("wang");
  const std::vector<api::Event> fresh = Log();
  EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + old.back().cursor() + "\"")), Ids(fresh));

  const Refusal refusal = RefuseStart("admin", "cursor: \"" + old.front().cursor() + "\"");
  EXPECT_EQ(refusal.code, grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(refusal.reason, "CURSOR_EXPIRED");
  EXPECT_EQ(refusal.metadata.at("days"), "7");
  EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + refusal.metadata.at("oldest") + "\"")), Ids(fresh));
  WatchCall call(server_, "admin", From(old.front().cursor()));
  EXPECT_EQ(call.Finish().reason, "CURSOR_EXPIRED");
}

TEST_F(EventApiTest, AnOlderCopyOfTheDatabaseIsNoticed) {
  Submit("li");
  const auto file = server_.folder() / "rebound.db", copy = server_.folder() / "copy.db";
  server_.Restart([&] { std::filesystem::copy_file(file, copy); });
  Submit("wang");
  const std::vector<api::Event> lost = Log();
  server_.Restart([&] {
    std::filesystem::copy_file(copy, file, std::filesystem::copy_options::overwrite_existing);
  });
  const std::vector<api::Event> kept = Log();
  ASSERT_LT(kept.size(), lost.size());

  const Refusal ahead = RefuseStart("admin", "cursor: \"" + lost.back().cursor() + "\"");
  EXPECT_EQ(ahead.code, grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ahead.reason, "CURSOR_AHEAD");
  EXPECT_THAT(Pages("admin", "cursor: \"" + ahead.metadata.at("latest") + "\""), IsEmpty());
  // The copy goes its own way, and past the place.
  server_.clock().Advance(hours{1});
  Submit("zhao");
  Submit("qian");
  const Refusal apart = RefuseStart("admin", "cursor: \"" + lost.back().cursor() + "\"");
  EXPECT_EQ(apart.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(apart.reason, "CURSOR_FROM_LOST_TIMELINE");
  EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + apart.metadata.at("oldest") + "\"")), Ids(Log()));
  // What both have is good for both, and no two events ever had one id.
  EXPECT_THAT(Pages("admin", "cursor: \"" + lost[kept.size() - 1].cursor() + "\""), Not(IsEmpty()));
  std::set<std::string> ids;
  for (const auto* log : {&lost, &kept}) {
    for (const api::Event& event : *log) ids.insert(event.id());
  }
  for (const api::Event& event : Log()) ids.insert(event.id());
  EXPECT_EQ(ids.size(), lost.size() + Log().size() - kept.size());
}

// ------------------------------------------------------------------------------------ who sees

TEST_F(EventApiTest, EventsOutsideTheScopeNeverCome) {
  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  server_.AddIdentity("desk", "agent", {.org_units = {}, .queues = {"desk"}});
  WatchCall north(server_, "north", kEarliest);
  WatchCall desk(server_, "desk", kEarliest);
  const std::string own = Submit("li", R"(org_unit_id: "north/city")");
  const std::string foreign = Submit("canary", R"(org_unit_id: "south" reason: "canary")");
  server_.Do<api::DispatchCaseResponse>(
      "admin", "case_id: \"" + own + R"(" queue_id: "desk" org_unit_id: "north/city")");
  Note(foreign, "canary");
  // Goes out of the scope: what follows is not theirs any more.
  server_.Do<api::DispatchCaseResponse>("admin", "case_id: \"" + own + R"(" org_unit_id: "south")");
  Note(own, "canary");
  const std::string last = Submit("zhao", R"(org_unit_id: "north")");
  const auto expected = [&](const auto& sees) {
    std::vector<std::string> ids;
    for (const api::Event& event : Log()) {
      if (sees(event)) ids.push_back(event.id());
    }
    return ids;
  };
  const auto in_north = [](const api::Event& event) {
    return event.org_unit_id() == "north" || event.org_unit_id().starts_with("north/");
  };
  const auto ids = expected(in_north);
  EXPECT_GT(ids.size(), 6u);
  EXPECT_EQ(Ids(north.Until(ids.size())), ids);
  EXPECT_EQ(Ids(Pages("north", "preset: EVENT_PRESET_EARLIEST")), ids);
  for (const api::Event& event : north.events()) {
    EXPECT_EQ(event.DebugString().find("canary"), std::string::npos) << event.DebugString();
    EXPECT_NE(event.case_id(), foreign);
  }
  // Customers have no queue.
  const auto at_desk = expected([](const api::Event& event) {
    return event.queue_id() == "desk" || event.type() == "CustomerCreated";
  });
  EXPECT_EQ(Ids(desk.Until(at_desk.size())), at_desk);

  for (const std::string& hidden : {foreign, std::string("C-2"), std::string("C-999")}) {
    const Refusal refusal =
        server_.Refuse("north", "EventService/ListEvents",
                       std::string(kEarliest) + " filter { case_ids: \"" + hidden + "\" }");
    EXPECT_EQ(refusal.reason, "NOT_FOUND");
    EXPECT_EQ(refusal.bytes, server_
                                 .Refuse("north", "EventService/ListEvents",
                                         std::string(kEarliest) + " filter { case_ids: \"C-999\" }")
                                 .bytes);
  }
}

TEST_F(EventApiTest, WhoMayNotReadBlacklistEntriesDoesNotHearOfThem) {
  const std::string case_id = Submit("li");
  const std::string customer =
      server_.Do<api::GetCaseResponse>("admin", "case_id: \"C-1\"").case_().customer_id();
  server_.Do<api::ProposeEntryResponse>(
      "agent", "entry { customer_id: \"" + customer +
                   R"(" kind: BLACKLIST_KIND_DO_NOT_CONTACT reason_code: "customer_wish"
                      internal_reason: "x" expire_time { seconds: 1780000000 }
                      evidence { summary: "x" occur_time { seconds: 1772000000 } } })");
  EXPECT_THAT(Types(Pages("agent", "preset: EVENT_PRESET_EARLIEST")), Contains("EntryProposed"));
  const auto seen = Pages("integration", "preset: EVENT_PRESET_EARLIEST");
  EXPECT_THAT(seen, Not(IsEmpty()));
  for (const api::Event& event : seen) EXPECT_EQ(event.entry_id(), "") << event.DebugString();
  // Nor does a manager whose unit the customer is not of.
  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  EXPECT_THAT(Pages("north", "preset: EVENT_PRESET_EARLIEST"), IsEmpty());
}

TEST_F(EventApiTest, AChangedScopeHoldsFromThenOn) {
  server_.AddIdentity("li", "manager", {.org_units = {"north"}, .queues = {}});
  WatchCall call(server_, "li", kLatest);
  ASSERT_TRUE(call.Next());
  Submit("a", R"(org_unit_id: "north")");
  const size_t before = Pages("li", "preset: EVENT_PRESET_EARLIEST").size();
  call.Until(before);
  server_.ChangeIdentity({"li", "manager", {.org_units = {"south"}, .queues = {}}, false});
  server_.clock().Advance(seconds{5});
  Submit("b", R"(org_unit_id: "north" reason: "canary")");
  const std::string own = Submit("c", R"(org_unit_id: "south")");
  size_t after = 0;
  for (const api::Event& event : Log()) after += event.org_unit_id() == "south" ? 1 : 0;
  call.Until(before + after);
  for (size_t i = before; i < call.events().size(); ++i) {
    EXPECT_EQ(call.events()[i].org_unit_id(), "south") << call.events()[i].DebugString();
  }
}

// A user's org units come and go while the stream is open.
TEST_F(EventApiTest, AStreamShowsWhatIsGrantedAtTheTime) {
  const auto at = [](seconds after) {
    return "{ seconds: " + std::to_string(ToMillis(kServerStart + after) / 1000) + " }";
  };
  const auto made = server_.Do<api::CreateUserResponse>(
      "admin", R"(user { name: "li" role: "manager" org_units { org_unit_id: "north" end_time )" +
                   at(seconds{600}) + R"(} org_units { org_unit_id: "south" start_time )" +
                   at(seconds{300}) + " end_time " + at(seconds{1200}) + "} } with_link: true");
  const std::string password = R"(password: "a long good password" )";
  server_.Do<api::RedeemLinkResponse>("", "token: \"" + made.link_token() + "\" " + password);
  server_.UseToken(
      "li", server_.Do<api::SignInResponse>("", R"(user_name: "li" )" + password).session_token());
  WatchCall watch(server_, "li", kLatest);
  SubscribeCall subscribe(server_, "li", std::string(kLatest) + " num_requested: 100");
  ASSERT_TRUE(watch.Next());
  ASSERT_TRUE(subscribe.Next());

  int customers = 0;
  std::vector<std::string> expected, subscribed;
  const auto submit = [&](const std::string& unit, bool sees) {
    const size_t before = Log().size();
    Submit("c" + std::to_string(++customers), "org_unit_id: \"" + unit + "\"");
    const std::vector<api::Event> log = Log();
    EXPECT_GT(log.size(), before);
    for (size_t i = before; sees && i < log.size(); ++i) expected.push_back(log[i].id());
  };
  // What is not theirs is first, so that it has been looked at once the rest is there.
  const auto both = [&](const std::string& first, bool sees_first, const std::string& second) {
    submit(first, sees_first);
    submit(second, true);
    EXPECT_EQ(Ids(watch.Until(expected.size())), expected);
    while (subscribed.size() < expected.size()) {
      const auto next = subscribe.Next();
      if (!next) break;
      for (const api::Event& event : next->batch().events()) subscribed.push_back(event.id());
    }
    EXPECT_EQ(subscribed, expected);
  };
  both("south", false, "north");
  server_.clock().Advance(seconds{300});
  both("south", true, "north");
  server_.clock().Advance(seconds{300});
  both("north", false, "south");
  server_.clock().Advance(seconds{600});
  submit("south", false);
  server_.TendStreams();
  EXPECT_EQ(watch.Finish().code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(subscribe.Finish().code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Ids(watch.events()), expected);
}

TEST_F(EventApiTest, ADisabledPrincipalsStreamEnds) {
  server_.AddIdentity("li", "manager");
  WatchCall call(server_, "li", kLatest);
  SubscribeCall other(server_, "li", std::string(kLatest) + " num_requested: 5");
  ASSERT_TRUE(call.Next());
  ASSERT_TRUE(other.Next());
  server_.ChangeIdentity({"li", "manager", {}, true});
  server_.clock().Advance(seconds{5});
  server_.TendStreams();
  EXPECT_EQ(call.Finish().code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(other.Finish().code, grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_FALSE(call.trailing_cursor().empty());
  // So does one whose role no longer may.
  server_.AddIdentity("wu", "agent");
  WatchCall moved(server_, "wu", kLatest);
  ASSERT_TRUE(moved.Next());
  server_.ChangeIdentity({"wu", "viewer", {}, false});
  server_.clock().Advance(seconds{5});
  server_.TendStreams();
  EXPECT_EQ(moved.Finish().code, grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(EventApiTest, OnePrincipalMayOpenSoManyStreamsAndOthersAreNotTouched) {
  std::vector<std::unique_ptr<WatchCall>> open;
  for (int i = 0; i < 8; ++i) {
    open.push_back(std::make_unique<WatchCall>(server_, "admin", kLatest));
    ASSERT_TRUE(open.back()->Next());
  }
  WatchCall one_more(server_, "admin", kLatest);
  const Refusal refusal = one_more.Finish();
  EXPECT_EQ(refusal.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refusal.reason, "STREAM_LIMIT_REACHED");
  EXPECT_EQ(refusal.metadata.at("limit"), "8");
  WatchCall another(server_, "manager", kLatest);
  EXPECT_TRUE(another.Next());
  open.pop_back();
  // The place is free once the server has seen it go.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    WatchCall again(server_, "admin", kLatest);
    if (again.Next()) return;
  }
  FAIL() << "the place of a stream that has ended is not given again";
}

TEST_F(EventApiTest, AServerThatStopsSaysWhereToGoOn) {
  Submit("li");
  WatchCall watch(server_, "admin", kEarliest);
  SubscribeCall subscribe(server_, "admin", std::string(kEarliest) + " num_requested: 2");
  const std::vector<api::Event> log = Log();
  watch.Until(log.size());
  for (int events = 0; events < 2;) events += subscribe.Next()->batch().events_size();
  server_.Stop();
  for (const Refusal& refusal : {watch.Finish(), subscribe.Finish()}) {
    EXPECT_EQ(refusal.code, grpc::StatusCode::UNAVAILABLE) << refusal;
    EXPECT_EQ(refusal.reason, "SHUTTING_DOWN");
  }
  server_.Restart();
  EXPECT_THAT(Pages("admin", "cursor: \"" + watch.trailing_cursor() + "\""), IsEmpty());
  EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + subscribe.trailing_cursor() + "\"")),
            Ids({log.begin() + 2, log.end()}));
}

// -------------------------------------------------------------------------------- subscriptions

TEST_F(EventApiTest, ASubscriptionKeepsWhatWasCommitted) {
  Submit("li");
  Submit("wang");
  const std::vector<api::Event> log = Log();
  const std::string create =
      R"(request_id: "c1" subscription_id: "crm-sync" start { preset: EVENT_PRESET_EARLIEST })";
  const auto created = server_.Do<api::CreateSubscriptionResponse>("admin", create);
  EXPECT_FALSE(created.replayed());
  EXPECT_EQ(created.subscription().owner(), "admin");
  EXPECT_FALSE(created.subscription().has_commit_time());
  EXPECT_TRUE(server_.Do<api::CreateSubscriptionResponse>("admin", create).replayed());
  EXPECT_EQ(server_
                .Refuse("admin", "EventService/CreateSubscription",
                        R"(request_id: "c1" subscription_id: "b" )" + std::string(kLatest))
                .reason,
            "REQUEST_ID_REUSED");
  EXPECT_EQ(server_
                .Refuse("admin", "EventService/CreateSubscription",
                        R"(request_id: "c2" subscription_id: "crm-sync" )" + std::string(kLatest))
                .reason,
            "SUBSCRIPTION_EXISTS");
  // It is the owner's alone.
  EXPECT_EQ(
      server_.Refuse("manager", "EventService/GetSubscription", R"(subscription_id: "crm-sync")")
          .reason,
      "NOT_FOUND");
  EXPECT_EQ(RefuseStart("manager", R"(subscription_id: "crm-sync")").reason, "NOT_FOUND");

  {
    SubscribeCall call(server_, "admin",
                       R"(start { subscription_id: "crm-sync" } num_requested: 3)");
    std::vector<api::Event> got;
    while (got.size() < 3) {
      const auto next = call.Next();
      ASSERT_TRUE(next);
      got.insert(got.end(), next->batch().events().begin(), next->batch().events().end());
    }
    call.Write("more { commit_cursor: \"" + got[1].cursor() + "\" }");
    for (;;) {
      const auto next = call.Next();
      ASSERT_TRUE(next);
      if (!next->committed_cursor().empty()) break;
    }
    // Back it does not go.
    call.Write("more { commit_cursor: \"" + got[0].cursor() + "\" }");
    const auto next = call.Next();
    ASSERT_TRUE(next);
    EXPECT_EQ(Ids(Pages("admin", "cursor: \"" + next->committed_cursor() + "\"")),
              Ids({log.begin() + 2, log.end()}));
  }
  server_.Restart();
  EXPECT_EQ(Ids(Pages("admin", R"(subscription_id: "crm-sync")")),
            Ids({log.begin() + 2, log.end()}));

  const auto commit = [&](const std::string& cursor, const std::string& more = "") {
    return server_.Do<api::CommitSubscriptionResponse>(
        "admin", R"(subscription_id: "crm-sync" cursor: ")" + cursor + "\" " + more);
  };
  EXPECT_FALSE(commit(log[3].cursor()).replayed());
  EXPECT_TRUE(commit(log[3].cursor()).replayed());
  EXPECT_TRUE(commit(log[0].cursor()).replayed());
  EXPECT_THAT(Pages("admin", R"(subscription_id: "crm-sync")"), SizeIs(log.size() - 4));
  EXPECT_FALSE(commit(log[0].cursor(), "rewind: true").replayed());
  EXPECT_THAT(Pages("admin", R"(subscription_id: "crm-sync")"), SizeIs(log.size() - 1));
  EXPECT_EQ(server_
                .Refuse("admin", "EventService/CommitSubscription",
                        R"(subscription_id: "crm-sync" cursor: "x")")
                .reason,
            "CURSOR_INVALID");

  const auto listed = server_.Do<api::ListSubscriptionsResponse>("admin", "");
  ASSERT_EQ(listed.subscriptions_size(), 1);
  EXPECT_TRUE(listed.subscriptions(0).has_commit_time());
  const std::string gone = R"(subscription_id: "crm-sync")";
  EXPECT_FALSE(server_.Do<api::DeleteSubscriptionResponse>("admin", gone).replayed());
  EXPECT_TRUE(server_.Do<api::DeleteSubscriptionResponse>("admin", gone).replayed());
  EXPECT_EQ(server_.Refuse("admin", "EventService/GetSubscription", gone).reason, "NOT_FOUND");
}

TEST_F(EventApiTest, OfTwoStreamsOfOneSubscriptionTheNewerGoesOn) {
  server_.Do<api::CreateSubscriptionResponse>(
      "admin", R"(subscription_id: "a" start { preset: EVENT_PRESET_LATEST })");
  server_.Do<api::CreateSubscriptionResponse>(
      "manager", R"(subscription_id: "a" start { preset: EVENT_PRESET_LATEST })");
  const char start[] = R"(start { subscription_id: "a" } num_requested: 100)";
  SubscribeCall older(server_, "admin", start);
  SubscribeCall others(server_, "manager", start);
  ASSERT_TRUE(older.Next());
  ASSERT_TRUE(others.Next());
  SubscribeCall newer(server_, "admin", start);
  ASSERT_TRUE(newer.Next());
  const Refusal refusal = older.Finish();
  EXPECT_EQ(refusal.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(refusal.reason, "SUBSCRIPTION_TAKEN_OVER");
  Submit("li");
  EXPECT_GT(newer.Next()->batch().events_size(), 0);
  EXPECT_GT(others.Next()->batch().events_size(), 0);
}

TEST_F(EventApiTest, OfStreamsOfOneSubscriptionThatBeginAtOnceOneGoesOn) {
  constexpr int kStreams = 8;
  for (int round = 0; round < 10; ++round) {
    const std::string who = "client" + std::to_string(round);
    server_.AddIdentity(who, "integration");
    server_.Do<api::CreateSubscriptionResponse>(
        who, R"(subscription_id: "a" start { preset: EVENT_PRESET_LATEST })");
    std::vector<std::unique_ptr<SubscribeCall>> calls;
    for (int i = 0; i < kStreams; ++i) {
      calls.push_back(std::make_unique<SubscribeCall>(
          server_, who, R"(start { subscription_id: "a" } num_requested: 100)"));
    }
    std::mutex mutex;
    std::condition_variable changed;
    int ended = 0, went_on = 0;
    std::vector<std::thread> readers;
    for (const auto& each : calls) {
      readers.emplace_back([&, call = each.get()] {
        bool got = false;
        while (!got) {
          const auto next = call->Next();
          if (!next) break;
          got = next->batch().events_size() > 0;
        }
        if (!got) {
          EXPECT_EQ(call->Finish().reason, "SUBSCRIPTION_TAKEN_OVER");
        }
        std::lock_guard lock(mutex);
        ++(got ? went_on : ended);
        changed.notify_all();
      });
    }
    {
      std::unique_lock lock(mutex);
      EXPECT_TRUE(changed.wait_for(lock, kPatience, [&] { return ended >= kStreams - 1; }));
    }
    Submit("li");
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(went_on, 1);
    EXPECT_EQ(ended, kStreams - 1);
  }
}

TEST_F(EventApiTest, SubscriptionsAreNamedAndCounted) {
  for (const char* name : {"", "a b", "事件", "a/b"}) {
    EXPECT_TRUE(server_
                    .Refuse("admin", "EventService/CreateSubscription",
                            "subscription_id: \"" + std::string(name) + "\" " + kLatest)
                    .HasField("subscription_id"))
        << name;
  }
  for (int i = 0; i < 100; ++i) {
    server_.Do<api::CreateSubscriptionResponse>(
        "admin", "subscription_id: \"s" + std::to_string(i) + "\" " + kLatest);
  }
  EXPECT_EQ(server_
                .Refuse("admin", "EventService/CreateSubscription",
                        "subscription_id: \"one-more\" " + std::string(kLatest))
                .reason,
            "SUBSCRIPTION_LIMIT_REACHED");
  EXPECT_EQ(server_.Do<api::ListSubscriptionsResponse>("admin", "").subscriptions_size(), 100);
  server_.Do<api::CreateSubscriptionResponse>("manager",
                                              "subscription_id: \"s1\" " + std::string(kLatest));
}

// ------------------------------------------------------------------------------------ at random

// Answers of some customers in some units and programs, and what staff does.
class EventModelTest : public EventApiTest {
 protected:
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[std::uniform_int_distribution<size_t>(0, from.size() - 1)(random_)];
  }
  bool Chance(int in) { return std::uniform_int_distribution<int>(1, in)(random_) == 1; }

  void MakeSomething() {
    const std::string unit = Pick(units_);
    const auto stored = server_.Do<api::SubmitResponseResponse>(
        "integration", "response { program_id: \"" + Pick(programs_) +
                           "\" score: " + (Chance(2) ? "1" : "10") + " org_unit_id: \"" + unit +
                           "\" customer_key { source_system: \"crm\" external_id: \"c" +
                           std::to_string(std::uniform_int_distribution<int>(0, 9)(random_)) +
                           "\" } }");
    customers_.push_back(stored.response().customer_id());
    const std::string case_id = stored.response().paired_case_id();
    if (case_id.empty()) return;
    cases_.push_back(case_id);
    if (Chance(2)) {
      server_.Do<api::DispatchCaseResponse>(
          "admin", "case_id: \"" + case_id + "\" queue_id: \"" + Pick(queues_) + "\"");
    }
    if (Chance(2)) Note(case_id, "n");
  }

  std::mt19937 random_{20261126};
  const std::vector<std::string> programs_ = {"touchpoint", "relationship", "try-out"};
  const std::vector<std::string> units_ = {"north", "north/city", "northern", "south", "south/7"};
  const std::vector<std::string> queues_ = {"desk", "hotline"};
  std::vector<std::string> customers_, cases_;
};

TEST_F(EventModelTest, AFilterGivesWhatAWalkOverTheWholeLogGives) {
  for (int i = 0; i < 60; ++i) MakeSomething();
  const std::vector<api::Event> log = Log();
  std::set<std::string> types;
  for (const api::Event& event : log) types.insert(event.type());
  ASSERT_GT(types.size(), 4u);
  const std::vector<std::string> type_list(types.begin(), types.end());
  server_.AddIdentity("narrow", "manager", {.org_units = {"north"}, .queues = {}});
  int matched = 0;
  for (int round = 0; round < 150; ++round) {
    api::EventFilter filter;
    const auto some = [&](const std::vector<std::string>& from, auto* to) {
      if (!Chance(3)) return;
      for (int n = Chance(2) ? 1 : 3; n > 0; --n) to->Add(std::string(Pick(from)));
    };
    some(type_list, filter.mutable_types());
    some(programs_, filter.mutable_program_ids());
    some(units_, filter.mutable_org_unit_ids());
    some(queues_, filter.mutable_queue_ids());
    some(customers_, filter.mutable_customer_ids());
    some(cases_, filter.mutable_case_ids());
    const auto has = [](const auto& values, const std::string& value) {
      return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
    };
    const auto below = [](const std::string& unit, const std::string& root) {
      return unit == root || unit.starts_with(root + "/");
    };
    std::vector<std::string> expected;
    for (const api::Event& event : log) {
      const auto& roots = filter.org_unit_ids();
      const bool in_unit =
          roots.empty() || std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
            return below(event.org_unit_id(), root);
          });
      if (has(filter.types(), event.type()) && has(filter.program_ids(), event.program_id()) &&
          has(filter.queue_ids(), event.queue_id()) && has(filter.case_ids(), event.case_id()) &&
          has(filter.customer_ids(), event.customer_id()) && in_unit) {
        expected.push_back(event.id());
      }
    }
    matched += expected.empty() ? 0 : 1;
    std::string text;
    google::protobuf::TextFormat::PrintToString(filter, &text);
    SCOPED_TRACE(text);
    EXPECT_EQ(Ids(Pages("admin", "preset: EVENT_PRESET_EARLIEST", text, Chance(2) ? 3 : 1000)),
              expected);
    if (round % 10 != 0 || expected.empty()) continue;
    std::string request(kEarliest);
    request.append(" filter { ").append(text).append(" }");
    WatchCall call(server_, "admin", request);
    EXPECT_EQ(Ids(call.Until(expected.size())), expected);
  }
  EXPECT_GT(matched, 40);
}

// What a subscriber has to do to get each event once: keep the cursor after the work, begin again
// from it, and drop what it has already.
TEST_F(EventModelTest, ASubscriberThatIsKilledAgainAndAgainGetsEachEventOnce) {
  server_.Do<api::CreateSubscriptionResponse>(
      "integration", R"(subscription_id: "crm" start { preset: EVENT_PRESET_EARLIEST })");
  std::atomic<bool> made = false;
  std::thread producer([&] {
    api::ImportHeader header;
    header.set_request_id("rows");
    header.set_program_id("touchpoint");
    for (int64_t row = 0; server_.LastSequence() < kManyEvents;) {
      std::vector<api::Response> rows;
      for (int i = 0; i < 200; ++i, ++row) {
        api::Response& response = rows.emplace_back();
        response.set_score(row % 3 == 0 ? 9 : 2);
        response.set_org_unit_id(row % 2 == 0 ? "north" : "south");
        response.mutable_external_key()->set_source_system("s");
        response.mutable_external_key()->set_external_id(std::to_string(row));
        response.mutable_customer_key()->set_source_system("crm");
        response.mutable_customer_key()->set_external_id(std::to_string(row / 2));
      }
      const ImportTotals totals = server_.Import("integration", header, rows, 100);
      EXPECT_TRUE(totals.status.ok()) << ToRefusal(totals.status);
      EXPECT_THAT(totals.rejects, IsEmpty());
      if (!totals.status.ok()) break;
    }
    made = true;
    // Whoever has everything already hears of it.
    server_.clock().Advance(seconds{60});
    server_.TendStreams();
  });
  std::set<std::string> seen;
  std::vector<std::string> in_order;
  int kills = 0, doubled = 0;
  std::string cursor;  // kept by the subscriber; empty: only the server's
  size_t all = 0;      // events that there are, once no more are made
  // Renewed with each event that is new.
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (bool whole = false; !whole && std::chrono::steady_clock::now() < deadline;) {
    const size_t before = seen.size();
    const bool named = cursor.empty() || Chance(2);
    SubscribeCall call(server_, "integration",
                       (named ? std::string(R"(start { subscription_id: "crm" })") : From(cursor)) +
                           " num_requested: 1000");
    const int lives = kills < kKills
                          ? std::uniform_int_distribution<int>(
                                1, static_cast<int>(kManyEvents / kKills) * 3 / 2)(random_)
                          : std::numeric_limits<int>::max();
    for (int got = 0; got < lives;) {
      const auto next = call.Next();
      if (!next) break;
      for (const api::Event& event : next->batch().events()) {
        ++got;
        if (seen.insert(event.id()).second) {
          in_order.push_back(event.id());
        } else {
          ++doubled;
        }
      }
      const std::string& latest = next->batch().latest_cursor();
      if (Chance(2)) cursor = latest;
      const bool commit = named && Chance(2);
      std::string more = "more { num_requested: " + std::to_string(next->batch().events_size());
      if (commit) more += " commit_cursor: \"" + latest + "\"";
      call.Write(more + " }");
      if (made && all == 0) all = Pages("integration", "preset: EVENT_PRESET_EARLIEST").size();
      if (all > 0 && kills >= kKills && seen.size() >= all) {
        whole = true;
        break;
      }
    }
    if (seen.size() > before) deadline = std::chrono::steady_clock::now() + kPatience;
    if (!whole) {
      call.Cancel();
      ++kills;
    }
  }
  producer.join();
  const std::vector<api::Event> log = Pages("integration", "preset: EVENT_PRESET_EARLIEST");
  EXPECT_GE(std::ssize(log), kManyEvents);
  EXPECT_GE(kills, kKills);
  EXPECT_GT(doubled, 0) << "or nothing was tried";
  // First seen in the order of the log: so those of each case are in theirs.
  EXPECT_EQ(in_order.size(), log.size());
  EXPECT_TRUE(in_order == Ids(log));
}

}  // namespace
}  // namespace rebound::fixtures
