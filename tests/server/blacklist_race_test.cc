// Goal: an entry that comes into force while agents give remedies to its customer binds from its
// place in the order of events on, and nobody is told otherwise. Method: many rounds, each with a
// customer of its own and all calls at once, then the events read back. Which of a round's calls
// come first is left to chance; nothing here needs either order to occur.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <latch>
#include <map>
#include <memory>
#include <thread>
#include <variant>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "tests/fixtures/test_server.h"
#include "workflows/blacklist_policy.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;

constexpr int kRounds = 60;
constexpr int kAgents = 4;
constexpr int kGrants = 3;  // of each agent, one after the other

// Goodwill may be ended without a warning.
std::shared_ptr<const Revision> WithVouchers() {
  Revision revision = *PlainRevision();
  revision.remedies = {{"voucher", RemedyKind::kVoucher, "Voucher", "优惠券", false, true}};
  revision.blacklist = DefaultBlacklistPolicy();
  for (BlacklistKindPolicy& policy : revision.blacklist.kinds) {
    policy.warn_first = false;
    policy.warning_wait = Duration{0};
  }
  return std::make_shared<const Revision>(std::move(revision));
}

// What an agent was told. Amounts are used once in a round, so each names its grant.
struct Told {
  int64_t minor = 0;
  bool given = false;
};

class BlacklistRaceTest : public testing::Test {
 protected:
  BlacklistRaceTest() {
    server_.AddIdentity("chen", "manager");
    for (int i = 0; i < kAgents; ++i) server_.AddIdentity(Agent(i), "agent");
    for (auto& channel : channels_) channel = server_.NewChannel();
  }

  static std::string Agent(int i) { return "agent-" + std::to_string(i); }

  // A customer's case, and an entry that waits for its decision.
  void Begin(int round) {
    const std::string key = "customer-" + std::to_string(round);
    const auto answer = server_.Do<api::SubmitResponseResponse>(
        "integration", R"(response { program_id: "touchpoint" score: 2
                          customer_key { source_system: "crm" external_id: ")" +
                           key + R"(" } })");
    case_id_ = answer.response().paired_case_id();
    const int64_t now = ToMillis(kServerStart) / 1000;
    entry_ = server_
                 .Do<api::ProposeEntryResponse>(
                     Agent(0), R"(entry { kind: BLACKLIST_KIND_NO_GOODWILL customer_id: ")" +
                                   answer.response().customer_id() +
                                   R"(" reason_code: "dishonest_claims" internal_reason: "seen"
                                      evidence { summary: "seen" occur_time { seconds: )" +
                                   std::to_string(now) + " } } expire_time { seconds: " +
                                   std::to_string(now + 90 * 86'400) + " } }")
                 .entry();
    activated_ = false;
    answered_ = 0;
  }

  // The grants of one agent, one after the other.
  void Give(int round, int agent, std::array<Told, kGrants>& told) {
    const CallOptions own{.channel = channels_[static_cast<size_t>(agent)]};
    for (int n = 0; n < kGrants; ++n) {
      Told& grant = told[static_cast<size_t>(n)];
      grant.minor = 1 + agent * kGrants + n;
      api::RemedyCaseRequest request;
      request.set_request_id("g-" + std::to_string(round) + "-" + std::to_string(grant.minor));
      request.set_case_id(case_id_);
      request.mutable_remedy()->set_type_id("voucher");
      request.mutable_remedy()->set_state(api::REMEDY_STATE_DELIVERED);
      request.mutable_remedy()->mutable_amount()->set_amount_minor(grant.minor);
      request.mutable_remedy()->mutable_amount()->set_currency_code("CNY");
      const bool activated_before = activated_;
      api::RemedyCaseResponse reply;
      const grpc::Status status = server_.Call(Agent(agent), request, &reply, own);
      grant.given = status.ok();
      if (grant.given) {
        EXPECT_FALSE(activated_before) << "the manager had been told that it holds";
        const auto& remedies = reply.case_().remedies();
        EXPECT_TRUE(std::any_of(remedies.begin(), remedies.end(), [&](const api::Remedy& each) {
          return each.amount().amount_minor() == grant.minor;
        }));
      } else {
        const Refusal refusal = ToRefusal(status);
        EXPECT_EQ(refusal.reason, "BLACKLIST_BLOCKS") << refusal;
        // Refused because of what anybody can see by now.
        api::GetEntryRequest get;
        get.set_entry_id(entry_.id());
        api::GetEntryResponse seen;
        EXPECT_TRUE(server_.Call(Agent(agent), get, &seen, own).ok());
        EXPECT_EQ(seen.entry().state(), api::BLACKLIST_STATE_ACTIVE);
      }
      ++answered_;
      answered_.notify_all();
    }
  }

  // Once so many grants were answered, or a little later.
  void Activate(int round, int after) {
    for (int known = answered_; known < after; known = answered_) answered_.wait(known);
    api::DecideEntryRequest request;
    request.set_request_id("d-" + std::to_string(round));
    request.set_entry_id(entry_.id());
    request.set_etag(entry_.etag());
    request.set_activate(true);
    request.set_note("heard");
    api::DecideEntryResponse reply;
    const grpc::Status status =
        server_.Call("chen", request, &reply, CallOptions{.channel = channels_.back()});
    EXPECT_TRUE(status.ok()) << ToRefusal(status);
    activated_ = true;
  }

  // What was stored since: the place of the decision, and of each grant by its amount.
  void ReadBack(int64_t since) {
    decided_ = 0;
    granted_.clear();
    server_.store().Read([&](Reader& reader) {
      for (const Event& event : reader.EventsAfter(since, 10'000)) {
        if (const auto* decided = std::get_if<EntryDecided>(&event.body)) {
          EXPECT_EQ(decided_, 0) << "once";
          EXPECT_EQ(decided->decision.kind, BlacklistDecisionKind::kActivated);
          decided_ = event.sequence;
        } else if (const auto* recorded = std::get_if<RemedyRecorded>(&event.body)) {
          EXPECT_EQ(ToString(event.case_id), case_id_);
          const int64_t minor = recorded->remedy.amount.amount_minor;
          EXPECT_TRUE(granted_.emplace(minor, event.sequence).second) << "twice: " << minor;
        }
      }
    });
    EXPECT_GT(decided_, 0);
  }

  TestServer server_{TestServerOptions{.revision = WithVouchers()}};
  std::array<std::shared_ptr<grpc::Channel>, kAgents + 1> channels_;
  std::string case_id_;
  api::BlacklistEntry entry_;
  std::atomic<bool> activated_ = false;  // the manager was told so
  std::atomic<int> answered_ = 0;
  int64_t decided_ = 0;                 // sequence
  std::map<int64_t, int64_t> granted_;  // amount -> sequence
};

TEST_F(BlacklistRaceTest, NoGrantOfWhatIsBlockedStandsAfterTheDecision) {
  int given = 0, refused = 0, mixed_rounds = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    Begin(round);
    const int64_t since = server_.LastSequence();
    std::array<std::array<Told, kGrants>, kAgents> told{};
    std::latch start(kAgents + 1);
    std::vector<std::thread> callers;
    for (int agent = 0; agent < kAgents; ++agent) {
      callers.emplace_back([&, agent] {
        start.arrive_and_wait();
        Give(round, agent, told[static_cast<size_t>(agent)]);
      });
    }
    callers.emplace_back([&] {
      start.arrive_and_wait();
      Activate(round, round % (kAgents * kGrants));
    });
    for (std::thread& caller : callers) caller.join();

    ReadBack(since);
    size_t of_round = 0;
    for (const auto& grants : told) {
      bool over = false;
      for (const Told& grant : grants) {
        const auto event = granted_.find(grant.minor);
        EXPECT_EQ(event != granted_.end(), grant.given) << "told otherwise: " << grant.minor;
        EXPECT_FALSE(grant.given && over) << "refused, and then given: " << grant.minor;
        over = !grant.given;
        of_round += grant.given ? 1 : 0;
      }
    }
    for (const auto& [minor, sequence] : granted_) EXPECT_LT(sequence, decided_) << minor;
    EXPECT_EQ(granted_.size(), of_round);
    const auto seen =
        server_.Do<api::GetCaseResponse>("admin", "case_id: \"" + case_id_ + "\"").case_();
    EXPECT_EQ(static_cast<size_t>(seen.remedies_size()), of_round);
    given += static_cast<int>(of_round);
    refused += kAgents * kGrants - static_cast<int>(of_round);
    mixed_rounds += of_round > 0 && of_round < kAgents * kGrants ? 1 : 0;
  }
  EXPECT_EQ(given + refused, kRounds * kAgents * kGrants);
  std::cout << "  grants before the decision: " << given << ", refused after it: " << refused
            << ", rounds with both: " << mixed_rounds << " of " << kRounds << "\n";
}

}  // namespace
}  // namespace rebound::fixtures
