// Many clients at once, each on a connection of its own, on one case and one customer.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <random>
#include <set>
#include <thread>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

constexpr int kClients = 64;

std::string InQuotes(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
  return quoted + "\"";
}

int64_t VersionOf(const std::string& etag) { return std::stoll(etag.substr(1, etag.size() - 2)); }

class ConcurrencyTest : public ServerTest {
 protected:
  // Runs `work` in as many threads as there are clients; they begin together.
  void Together(const std::function<void(int client, const CallOptions&)>& work) {
    std::latch start(kClients);
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        const CallOptions own{.channel = server_.NewChannel()};
        start.arrive_and_wait();
        work(i, own);
      });
    }
    for (std::thread& client : clients) client.join();
  }

  template <typename Response, typename Request>
  std::optional<Response> Try(std::string_view who, const Request& request,
                              const CallOptions& options, const std::set<std::string>& refusals) {
    Response response;
    const grpc::Status status = server_.Call(who, request, &response, options);
    if (status.ok()) return response;
    const Refusal refusal = ToRefusal(status);
    EXPECT_TRUE(refusals.contains(refusal.reason)) << refusal;
    return std::nullopt;
  }

  std::vector<api::CaseEvent> Timeline(const std::string& case_id) {
    std::vector<api::CaseEvent> events;
    std::string token;
    do {
      const auto page = server_.Do<api::ListCaseEventsResponse>(
          "admin",
          "page_size: 1000 case_id: " + InQuotes(case_id) + " page_token: " + InQuotes(token));
      events.insert(events.end(), page.events().begin(), page.events().end());
      token = page.next_page_token();
    } while (!token.empty());
    return events;
  }

  // Every step of the timeline is one that the lifecycle has.
  void ExpectLegal(const std::vector<api::CaseEvent>& events) {
    const Lifecycle& lifecycle = server_.revision().lifecycle;
    const std::map<std::string, std::vector<CaseCommand>> causes = {
        {"CaseAssigned", {CaseCommand::kAssign, CaseCommand::kClaim}},
        {"AttemptLogged", {CaseCommand::kLogAttempt}},
        {"CommitmentMade", {CaseCommand::kMakeCommitment}},
        {"RemedyRecorded", {CaseCommand::kRemedy}},
        {"CaseResolved", {CaseCommand::kResolve}},
        {"CaseClosed",
         {CaseCommand::kClose, CaseCommand::kExpireResurvey, CaseCommand::kAnswerResurvey,
          CaseCommand::kAskAgain}},
        {"CaseReopened", {CaseCommand::kReopen, CaseCommand::kAnswerResurvey}},
        {"ResponseAttached", {CaseCommand::kAttachResponse}},
        {"ResurveyAsked", {CaseCommand::kAskAgain}},
        {"ResurveyAnswered", {CaseCommand::kAnswerResurvey}}};
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.front().type(), "CaseOpened");
    EXPECT_EQ(events.front().status(), lifecycle.initial);
    for (size_t i = 1; i < events.size(); ++i) {
      const std::string& before = events[i - 1].status();
      const api::CaseEvent& event = events[i];
      EXPECT_GT(event.sequence(), events[i - 1].sequence());
      const auto cause = causes.find(event.type());
      if (cause == causes.end()) {
        EXPECT_EQ(event.status(), before) << event.ShortDebugString();
        continue;
      }
      const bool legal =
          std::any_of(cause->second.begin(), cause->second.end(), [&](CaseCommand command) {
            const Transition* t = lifecycle.Find(before, command);
            return t != nullptr && (event.status() == t->to || event.status() == t->otherwise ||
                                    event.status() == before || event.status() == t->exhausted);
          });
      EXPECT_TRUE(legal) << before << " -> " << event.ShortDebugString();
    }
  }
};

TEST_F(ConcurrencyTest, ManyDetractorAnswersOfOneCustomerOpenOneCase) {
  constexpr int kAnswers = 4;
  std::atomic<int> opened = 0;
  Together([&](int client, const CallOptions& own) {
    for (int n = 0; n < kAnswers; ++n) {
      auto request = FromText<api::SubmitResponseRequest>(
          R"(response { program_id: "touchpoint" score: 4
             customer_key { source_system: "crm" external_id: "li" } })");
      request.set_request_id("answer-" + std::to_string(client) + "-" + std::to_string(n));
      const auto reply = Try<api::SubmitResponseResponse>("integration", request, own, {});
      ASSERT_TRUE(reply.has_value());
      if (reply->response().effect() == api::RESPONSE_EFFECT_OPENED) ++opened;
      // A read after the OK sees it, on the case too.
      api::GetCaseRequest get;
      get.set_case_id(reply->response().paired_case_id());
      const auto seen = Try<api::GetCaseResponse>("agent", get, own, {});
      ASSERT_TRUE(seen.has_value());
      const auto& attached = seen->case_().attached_response_ids();
      EXPECT_TRUE(seen->case_().opening_response_id() == reply->response().id() ||
                  std::find(attached.begin(), attached.end(), reply->response().id()) !=
                      attached.end());
    }
  });
  EXPECT_EQ(opened, 1);
  const auto cases = server_.Do<api::ListCasesResponse>("agent", "page_size: 1000");
  ASSERT_EQ(cases.cases_size(), 1);
  EXPECT_EQ(cases.cases(0).attached_response_ids_size(), kClients * kAnswers - 1);
  EXPECT_EQ(server_.Do<api::ListCustomersResponse>("agent", "").customers_size(), 1);
  const auto events = Timeline(cases.cases(0).id());
  EXPECT_EQ(VersionOf(cases.cases(0).etag()), static_cast<int64_t>(events.size()));
  ExpectLegal(events);
}

TEST_F(ConcurrencyTest, MixedVerbsOnOneCaseLoseNothingAndStayLegal) {
  const std::string opening = R"(response { program_id: "touchpoint" score: 4
      customer_key { source_system: "crm" external_id: "li" } })";
  server_.Do<api::SubmitResponseResponse>("integration", opening);
  constexpr int kVerbs = 12;
  const std::set<std::string> refusals = {"TRANSITION_NOT_ALLOWED", "ETAG_MISMATCH",
                                          "NOTHING_TO_CLAIM", "DEDUPE_SLOT_TAKEN"};
  std::mutex mutex;
  std::map<std::string, int> acknowledged;  // by event type, of C-1
  std::set<std::string> etags;
  int answers = 1;
  Together([&](int client, const CallOptions& own) {
    std::mt19937 random(static_cast<unsigned>(client));
    int64_t last_version = 0;
    for (int n = 0; n < kVerbs; ++n) {
      const std::string id = "v-" + std::to_string(client) + "-" + std::to_string(n);
      const auto note = [&](const char* type, const auto& reply) {
        if (!reply || reply->case_().number() != "C-1") return;
        // What this client sees only ever moves on.
        const int64_t version = VersionOf(reply->case_().etag());
        EXPECT_GT(version, last_version);
        last_version = version;
        std::lock_guard lock(mutex);
        ++acknowledged[type];
        EXPECT_TRUE(etags.insert(reply->case_().etag()).second) << "two replies with one etag";
      };
      const auto with_id = [&](auto request) {
        request.set_request_id(id);
        return request;
      };
      switch (random() % 9) {
        case 0:
          note("AttemptLogged",
               Try<api::LogAttemptResponse>("agent",
                                            with_id(FromText<api::LogAttemptRequest>(
                                                R"(case_id: "C-1" attempt { channel: CHANNEL_PHONE
                                   outcome: ATTEMPT_OUTCOME_REACHED })")),
                                            own, refusals));
          break;
        case 1:
          note("CommitmentMade",
               Try<api::MakeCommitmentResponse>("agent",
                                                with_id(FromText<api::MakeCommitmentRequest>(
                                                    R"(case_id: "C-1" commitment { promise: "call"
                                   due_time { seconds: 1772500000 } })")),
                                                own, refusals));
          break;
        case 2:
          note("RemedyRecorded",
               Try<api::RemedyCaseResponse>("agent",
                                            with_id(FromText<api::RemedyCaseRequest>(
                                                R"(case_id: "C-1" remedy { kind: REMEDY_KIND_REDO
                                   state: REMEDY_STATE_DELIVERED })")),
                                            own, refusals));
          break;
        case 3:
          note("CaseAssigned",
               Try<api::AssignCaseResponse>(
                   "agent",
                   with_id(FromText<api::AssignCaseRequest>(R"(case_id: "C-1" owner: "someone")")),
                   own, refusals));
          break;
        case 4:
          note("CaseAssigned", Try<api::ClaimNextCaseResponse>(
                                   "manager", with_id(api::ClaimNextCaseRequest()), own, refusals));
          break;
        case 5:
          note("CaseResolved", Try<api::ResolveCaseResponse>(
                                   "agent",
                                   with_id(FromText<api::ResolveCaseRequest>(
                                       R"(case_id: "C-1" handling_result: HANDLING_RESULT_RESOLVED
                                   root_cause: "x" action_taken: "x")")),
                                   own, refusals));
          break;
        case 6:
          note("CaseReopened",
               Try<api::ReopenCaseResponse>(
                   "agent",
                   with_id(FromText<api::ReopenCaseRequest>(R"(case_id: "C-1" note: "again")")),
                   own, refusals));
          break;
        case 7: {
          const auto seen = Try<api::GetCaseResponse>(
              "agent", FromText<api::GetCaseRequest>(R"(case_id: "C-1")"), own, {});
          auto close = with_id(FromText<api::CloseCaseRequest>(R"(case_id: "C-1")"));
          close.set_etag(seen->case_().etag());
          note("CaseClosed", Try<api::CloseCaseResponse>("agent", close, own, refusals));
          break;
        }
        default: {
          auto submit = with_id(api::SubmitResponseRequest());
          ParseText(opening, &submit);
          submit.set_request_id(id);
          if (Try<api::SubmitResponseResponse>("integration", submit, own, {})) {
            std::lock_guard lock(mutex);
            ++answers;
          }
        }
      }
    }
  });
  // No lost event: as many as were acknowledged.
  const auto events = Timeline("C-1");
  ExpectLegal(events);
  std::map<std::string, int> recorded;
  for (const api::CaseEvent& event : events) ++recorded[event.type()];
  for (const auto& [type, count] : acknowledged) {
    SCOPED_TRACE(type);
    // A new answer soon after closing reopens the case too.
    if (type == "CaseReopened") {
      EXPECT_GE(recorded[type], count);
    } else {
      EXPECT_EQ(recorded[type], count);
    }
  }
  EXPECT_GT(acknowledged.size(), 5u);
  const auto c = server_.Do<api::GetCaseResponse>("agent", R"(case_id: "C-1")").case_();
  EXPECT_EQ(VersionOf(c.etag()), static_cast<int64_t>(events.size()));
  EXPECT_EQ(c.attempts_size(), acknowledged["AttemptLogged"]);
  EXPECT_EQ(c.remedies_size(), acknowledged["RemedyRecorded"]);

  // Every answer is there, and at most one case of the customer holds the slot.
  int open = 0;
  server_.store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.Sizes().responses, answers);
    reader.ScanCases("", {}, [&](const Case& each) { open += each.holds_dedupe_slot ? 1 : 0; });
  });
  EXPECT_LE(open, 1);
}

TEST_F(ConcurrencyTest, CopiesOfOneRequestHaveOneEffect) {
  std::mutex mutex;
  std::set<std::string> ids;
  int done = 0, replayed = 0;
  Together([&](int, const CallOptions& own) {
    const auto request = FromText<api::SubmitResponseRequest>(
        R"(request_id: "one" response { program_id: "touchpoint" score: 4
           customer_key { source_system: "crm" external_id: "li" } })");
    for (;;) {
      const auto reply =
          Try<api::SubmitResponseResponse>("integration", request, own, {"REQUEST_IN_PROGRESS"});
      if (!reply) continue;
      std::lock_guard lock(mutex);
      ids.insert(reply->response().id());
      ++(reply->replayed() ? replayed : done);
      return;
    }
  });
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(done, 1);
  EXPECT_EQ(replayed, kClients - 1);
  EXPECT_EQ(server_.Do<api::ListResponsesResponse>("agent", "").responses_size(), 1);
}

TEST_F(ConcurrencyTest, AnEtagIsGoodForOneChange) {
  server_.Do<api::OpenCaseResponse>("agent", R"(case { program_id: "touchpoint" })");
  std::mutex mutex;
  std::set<int64_t> versions;
  Together([&](int client, const CallOptions& own) {
    for (int attempt = 0;; ++attempt) {
      const auto seen = Try<api::GetCaseResponse>(
          "agent", FromText<api::GetCaseRequest>(R"(case_id: "C-1")"), own, {});
      auto request = FromText<api::AssignCaseRequest>(R"(case_id: "C-1" owner: "me")");
      request.set_request_id("a-" + std::to_string(client) + "-" + std::to_string(attempt));
      request.set_etag(seen->case_().etag());
      const auto reply = Try<api::AssignCaseResponse>("agent", request, own, {"ETAG_MISMATCH"});
      if (!reply) continue;
      const int64_t version = VersionOf(reply->case_().etag());
      EXPECT_EQ(version, VersionOf(seen->case_().etag()) + 1);
      std::lock_guard lock(mutex);
      EXPECT_TRUE(versions.insert(version).second);
      return;
    }
  });
  EXPECT_EQ(versions.size(), static_cast<size_t>(kClients));
  EXPECT_EQ(*versions.rbegin() - *versions.begin(), kClients - 1);
}

TEST_F(ConcurrencyTest, AQueueGivesEachCaseToOneAgent) {
  constexpr int kCases = 100;
  std::string batch;
  for (int i = 0; i < kCases; ++i) {
    batch += R"(responses { program_id: "touchpoint" score: )" + std::to_string(i % 7) +
             R"( customer_key { source_system: "crm" external_id: ")" + std::to_string(i) +
             "\" } } ";
  }
  server_.Do<api::BatchSubmitResponsesResponse>("integration", batch);
  std::mutex mutex;
  std::vector<std::string> claimed;
  Together([&](int client, const CallOptions& own) {
    for (int n = 0;; ++n) {
      api::ClaimNextCaseRequest request;
      request.set_request_id("c-" + std::to_string(client) + "-" + std::to_string(n));
      const auto reply =
          Try<api::ClaimNextCaseResponse>("agent", request, own, {"NOTHING_TO_CLAIM"});
      if (!reply) return;
      std::lock_guard lock(mutex);
      claimed.push_back(reply->case_().id());
    }
  });
  EXPECT_EQ(claimed.size(), static_cast<size_t>(kCases));
  EXPECT_EQ(std::set<std::string>(claimed.begin(), claimed.end()).size(), claimed.size());
}

}  // namespace
}  // namespace rebound::fixtures
