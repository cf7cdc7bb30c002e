// What is audited: every change, export and refused attempt, by whoever and through whatever
// method. That each change of an API method leaves one entry, and a repeated one none, is asked
// where each of them is made (api_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rebound/v1/audit_service.pb.h"
#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/event_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "server/access/audited.h"
#include "server/access/policy.h"
#include "server/execute/audit_log.h"
#include "server/storage/memory_store.h"
#include "server/storage/verify.h"
#include "tests/fixtures/marked_person.h"
#include "tests/fixtures/marker_scan.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using google::protobuf::MethodDescriptor;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string NameOf(const MethodDescriptor& method) {
  return method.service()->full_name() + "/" + method.name();
}

class AuditTest : public ServerTest {
 protected:
  // Entries after that one, oldest first. Whatever was refused before a change that was
  // acknowledged is among them.
  std::vector<AuditEntry> After(int64_t sequence) {
    server_.Do<api::ClaimNextCaseResponse>("admin", "");
    std::vector<AuditEntry> entries;
    server_.store().Read([&](Reader& reader) {
      reader.ScanAudit(sequence, [&](const AuditEntry& entry) {
        entries.push_back(entry);
        return true;
      });
    });
    EXPECT_FALSE(entries.empty());
    if (!entries.empty()) entries.pop_back();  // of the claim
    return entries;
  }
  int64_t Last() { return server_.LastAudit().sequence; }

  // Something to claim, again and again.
  void SetUp() override {
    for (int i = 0; i < 300; ++i) {
      // In one batch, for speed.
      rows_.push_back(FromText<api::Response>(
          R"(program_id: "touchpoint" score: 1 external_key { source_system: "s" external_id: ")" +
          std::to_string(i) + R"(" } customer_key { source_system: "s" external_id: ")" +
          std::to_string(i) + R"(" })"));
    }
    const ImportTotals totals =
        server_.Import("integration", FromText<api::ImportHeader>(R"(request_id: "setup")"), rows_);
    ASSERT_TRUE(totals.status.ok()) << totals.status.error_message();
    ASSERT_EQ(totals.accepted, 300);
  }

  std::vector<api::Response> rows_;
};

TEST_F(AuditTest, AChangeSaysWhoDidWhatToWhichRecord) {
  const int64_t before = Last();
  const api::Case opened =
      server_
          .Do<api::OpenCaseResponse>("agent",
                                     R"(request_id: "r-1" case { program_id: "touchpoint" })")
          .case_();
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(1));
  const AuditEntry& entry = entries.front();
  EXPECT_EQ(entry.kind, AuditKind::kMutation);
  EXPECT_EQ(entry.principal, "agent");
  EXPECT_EQ(entry.role, "agent");
  EXPECT_EQ(entry.method, "rebound.v1.CaseService/OpenCase");
  EXPECT_EQ(entry.outcome, "OK");
  EXPECT_EQ(entry.reason, "");
  EXPECT_EQ(entry.subject_type, "case");
  EXPECT_EQ(ToString(RawId{entry.subject}), opened.id());
  EXPECT_EQ(entry.request_key, RequestKey("agent", "rebound.v1.CaseService/OpenCase", "r-1"));
  EXPECT_EQ(entry.address, "unix");
  EXPECT_EQ(entry.count, 1);
  EXPECT_EQ(entry.at, kServerStart);
}

TEST_F(AuditTest, WhatIsRepeatedOrOnlyTriedLeavesNothing) {
  const std::string request = R"(request_id: "r-1" case { program_id: "touchpoint" })";
  server_.Do<api::OpenCaseResponse>("agent", request);
  const int64_t before = Last();
  server_.Do<api::OpenCaseResponse>("agent", request);
  const ImportTotals tried = server_.Import(
      "integration", FromText<api::ImportHeader>(R"(request_id: "dry" dry_run: true)"), rows_);
  EXPECT_TRUE(tried.status.ok());
  const ImportTotals again =
      server_.Import("integration", FromText<api::ImportHeader>(R"(request_id: "again")"), rows_);
  EXPECT_EQ(again.replayed, 300);
  EXPECT_THAT(After(before), IsEmpty());
}

TEST_F(AuditTest, ABatchIsOneEntryWithItsCounts) {
  const int64_t before = Last();
  const std::string request = R"(request_id: "b-1"
    responses { program_id: "touchpoint" score: 4
      external_key { source_system: "b" external_id: "1" }
      customer_key { source_system: "b" external_id: "1" } }
    responses { program_id: "touchpoint" score: 9
      external_key { source_system: "b" external_id: "2" }
      customer_key { source_system: "b" external_id: "2" } }
    responses { program_id: "no such" score: 4 })";
  server_.Do<api::BatchSubmitResponsesResponse>("integration", request);
  server_.Do<api::BatchSubmitResponsesResponse>("integration", request);
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].kind, AuditKind::kMutation);
  EXPECT_EQ(entries[0].count, 2);
  EXPECT_EQ(entries[0].detail, "kept 2, replayed 0, refused 1");
  EXPECT_EQ(entries[0].subject_type, "");
  EXPECT_EQ(entries[0].request_key,
            RequestKey("integration", "rebound.v1.ResponseService/BatchSubmitResponses", "b-1"));
}

TEST_F(AuditTest, EachMessageOfAnImportIsOneEntryOfItsStream) {
  const int64_t before = Last();
  std::vector<api::Response> rows;
  for (int i = 0; i < 250; ++i) {
    rows.push_back(FromText<api::Response>(
        R"(program_id: "touchpoint" score: 9 external_key { source_system: "i" external_id: ")" +
        std::to_string(i) + R"(" } customer_key { source_system: "i" external_id: "x" })"));
  }
  rows[7].set_score(77);
  server_.Import("integration", FromText<api::ImportHeader>(R"(request_id: "stream")"), rows, 100);
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(3));
  EXPECT_EQ(entries[0].detail, "kept 99, replayed 0, refused 1");
  EXPECT_EQ(entries[1].count, 100);
  EXPECT_EQ(entries[2].count, 50);
  for (const AuditEntry& entry : entries) {
    EXPECT_EQ(entry.method, "rebound.v1.ResponseService/ImportResponses");
    EXPECT_EQ(entry.request_key, RequestKey("integration", entry.method, "stream"));
  }
}

TEST_F(AuditTest, ABatchOfWhichNothingIsKeptWasRefused) {
  const int64_t before = Last();
  server_.Do<api::BulkCasesResponse>(
      "manager", R"(case_ids: "C-9001" case_ids: "C-9002" supervise { note: "x" })");
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].kind, AuditKind::kRefused);
  EXPECT_EQ(entries[0].outcome, "NOT_FOUND");
  EXPECT_EQ(entries[0].count, 2);
}

// A new method cannot be forgotten: what is refused of it is audited without a line of its own.
TEST_F(AuditTest, EveryMethodTellsOfWhoeverMayNotCallIt) {
  const auto knock = [&](std::string_view who, const MethodDescriptor& method) {
    if (method.name() == "ImportResponses") return server_.ImportMessages(who, {}).status;
    return server_.CallRaw(who, PathOf(method), "");
  };
  int denied = 0;
  for (const MethodDescriptor* method : AllMethods()) {
    SCOPED_TRACE(NameOf(*method));
    for (std::string_view role : Roles()) {
      if (Allowed(role, NameOf(*method))) continue;
      const int64_t before = Last();
      EXPECT_FALSE(knock(role, *method).ok());
      const auto entries = After(before);
      ASSERT_THAT(entries, SizeIs(1));
      EXPECT_EQ(entries[0].kind, AuditKind::kRefused);
      EXPECT_EQ(entries[0].principal, role);
      EXPECT_EQ(entries[0].method, NameOf(*method));
      EXPECT_EQ(entries[0].outcome, "PERMISSION_DENIED");
      EXPECT_EQ(entries[0].reason, "ROLE_NOT_ALLOWED");
      ++denied;
      break;
    }
    if (OpenToStrangers(NameOf(*method))) continue;
    // What strangers were refused before is forgotten.
    server_.clock().Advance(std::chrono::minutes(2));
    const int64_t before = Last();
    EXPECT_FALSE(knock("", *method).ok());
    const auto entries = After(before);
    ASSERT_THAT(entries, SizeIs(1));
    EXPECT_EQ(entries[0].principal, "");
    EXPECT_EQ(entries[0].role, "");
    EXPECT_EQ(entries[0].address, "unix");
    EXPECT_EQ(entries[0].outcome, "UNAUTHENTICATED");
    EXPECT_EQ(entries[0].detail, "");
  }
  EXPECT_GT(denied, 40);
}

TEST_F(AuditTest, EveryMutationThatIsRefusedIsAudited) {
  int mutations = 0;
  for (const MethodDescriptor* method : AllMethods()) {
    SCOPED_TRACE(NameOf(*method));
    // Whoever signs in has no request id, nor has somebody who listens, and a ping changes nothing
    // here.
    if (OpenToStrangers(NameOf(*method)) || method->name() == "Subscribe" ||
        method->name() == "TestEndpoint") {
      continue;
    }
    const bool changes = IsMutation(NameOf(*method));
    EXPECT_EQ(changes, method->options().idempotency_level() !=
                           google::protobuf::MethodOptions::NO_SIDE_EFFECTS)
        << "has a request_id, or says that it has no side effects";
    if (!changes || method->client_streaming()) continue;
    ++mutations;
    const int64_t before = Last();
    EXPECT_FALSE(server_.CallRaw("admin", PathOf(*method), "").ok());
    const auto entries = After(before);
    ASSERT_THAT(entries, SizeIs(1));
    EXPECT_EQ(entries[0].kind, AuditKind::kRefused);
    EXPECT_EQ(entries[0].principal, "admin");
    EXPECT_EQ(entries[0].method, NameOf(*method));
    EXPECT_EQ(entries[0].reason, "REQUEST_ID_INVALID");
  }
  EXPECT_GT(mutations, 50);
}

// Whoever is let in, or not, is asked in access_api_test.cc.
TEST_F(AuditTest, EveryMethodOpenToStrangersIsASignIn) {
  std::set<std::string> methods;
  for (const MethodDescriptor* method : AllMethods()) {
    if (!OpenToStrangers(NameOf(*method))) continue;
    SCOPED_TRACE(NameOf(*method));
    methods.insert(method->name());
    const int64_t before = Last();
    EXPECT_FALSE(server_.CallRaw("", PathOf(*method), "").ok());
    const auto entries = After(before);
    ASSERT_THAT(entries, SizeIs(1));
    EXPECT_EQ(entries[0].kind, AuditKind::kSignIn);
    EXPECT_EQ(entries[0].principal, "");
    EXPECT_EQ(entries[0].method, NameOf(*method));
    EXPECT_NE(entries[0].outcome, "OK");
  }
  EXPECT_THAT(methods, ElementsAre("RedeemLink", "SetUpAdmin", "SignIn"));
}

TEST_F(AuditTest, ARefusalNamesWhatItWasAbout) {
  server_.AddIdentity("north", "agent", {.org_units = {"north"}, .queues = {}});
  const std::string id =
      server_.Do<api::OpenCaseResponse>("admin", R"(case { program_id: "touchpoint" })")
          .case_()
          .id();
  const int64_t before = Last();
  server_.Refuse("north", "CaseService/AcceptCase", "case_id: \"" + id + "\"");
  server_.Refuse("north", "CaseService/ResumeCase", R"(case_id: "C-1")");
  server_.Refuse("north", "CaseService/ChaseCase", R"(case_id: "Li Na 13812341234")");
  // Looking is no attempt to change anything.
  server_.Refuse("north", "CaseService/GetCase", "case_id: \"" + id + "\"");
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(3));
  EXPECT_EQ(entries[0].subject_type, "case");
  EXPECT_EQ(ToString(RawId{entries[0].subject}), id);
  EXPECT_EQ(entries[0].reason, "NOT_FOUND") << "outside the scope";
  EXPECT_EQ(entries[1].subject_type, "case");
  EXPECT_EQ(entries[1].detail, "C-1");
  EXPECT_EQ(entries[2].subject_type, "");
  EXPECT_EQ(entries[2].detail, "") << "no text of the caller's";
}

TEST_F(AuditTest, AFloodOfOneSortIsOneRowAMinute) {
  const int64_t before = Last();
  const auto flood = [&](int times) {
    for (int i = 0; i < times; ++i) {
      EXPECT_FALSE(server_.CallRaw("viewer", "/rebound.v1.CaseService/CloseCase", "").ok());
    }
  };
  flood(200);
  auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(1)) << "the first, at once";
  EXPECT_EQ(entries[0].count, 1);
  server_.clock().Advance(AuditLog::kFold);
  flood(100);
  entries = After(before);
  ASSERT_THAT(entries, SizeIs(3)) << "and the claim that After made";
  EXPECT_EQ(entries[2].count, 199);
  server_.clock().Advance(AuditLog::kFold);
  flood(1);
  entries = After(before);
  ASSERT_THAT(entries, SizeIs(5));
  EXPECT_EQ(entries[4].count, 100);
  server_.clock().Advance(AuditLog::kFold);
  // Another sort is not folded with it, and lets time take its course.
  EXPECT_FALSE(server_.CallRaw("viewer", "/rebound.v1.CaseService/AcceptCase", "").ok());
  entries = After(before);
  ASSERT_THAT(entries, SizeIs(8));
  EXPECT_EQ(entries[6].count, 1);
  EXPECT_EQ(entries[6].method, "rebound.v1.CaseService/CloseCase");
  EXPECT_EQ(entries[7].method, "rebound.v1.CaseService/AcceptCase");
}

TEST_F(AuditTest, WhatIsCountedNamesItsOwnRecord) {
  const int64_t before = Last();
  const auto refused = [&](const std::string& id) {
    EXPECT_EQ(server_.Refuse("agent", "CaseService/AcceptCase", "case_id: \"" + id + "\"").reason,
              "NOT_FOUND");
  };
  const std::string first = "00000000000000000000000001", second = "00000000000000000000000002";
  refused(first);
  server_.clock().Advance(AuditLog::kFold);
  refused(second);
  server_.clock().Advance(AuditLog::kFold);
  EXPECT_FALSE(server_.CallRaw("viewer", "/rebound.v1.CaseService/CloseCase", "").ok());
  std::vector<std::string> subjects;
  for (const AuditEntry& entry : After(before)) {
    if (entry.method.ends_with("/AcceptCase")) subjects.push_back(ToString(RawId{entry.subject}));
  }
  EXPECT_THAT(subjects, testing::ElementsAre(first, first, second));
}

TEST_F(AuditTest, WhatIsCountedIsStoredAsTheServerStops) {
  const int64_t before = Last();
  for (int i = 0; i < 50; ++i) {
    EXPECT_FALSE(server_.CallRaw("", "/rebound.v1.CaseService/GetCase", "").ok());
  }
  server_.Restart();
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[0].count, 1);
  EXPECT_EQ(entries[1].count, 49);
  EXPECT_EQ(entries[1].address, "unix");
}

TEST_F(AuditTest, AnExportIsOnDiskBeforeItsFirstByte) {
  const std::string customer =
      server_
          .Do<api::GetCustomerResponse>("admin",
                                        R"(external_key { source_system: "s" external_id: "1" })")
          .customer()
          .id();
  int64_t before = Last();
  const Exported exported = ExportOf(server_, "manager", customer);
  EXPECT_TRUE(exported.status.ok());
  AuditEntry entry = server_.LastAudit();
  EXPECT_EQ(entry.sequence, before + 1);
  EXPECT_EQ(entry.kind, AuditKind::kExport);
  EXPECT_EQ(entry.method, "rebound.v1.CustomerService/ExportCustomer");
  EXPECT_EQ(entry.principal, "manager");
  EXPECT_EQ(entry.subject_type, "customer");
  EXPECT_EQ(ToString(RawId{entry.subject}), customer);

  before = entry.sequence;
  server_.Do<api::ExportCustomerEntriesResponse>("manager", "customer_id: \"" + customer + "\"");
  entry = server_.LastAudit();
  EXPECT_EQ(entry.sequence, before + 1);
  EXPECT_EQ(entry.method, "rebound.v1.BlacklistService/ExportCustomerEntries");

  // Somebody else's, or nobody: an attempt.
  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  before = entry.sequence;
  EXPECT_FALSE(ExportOf(server_, "north", customer).status.ok());
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].kind, AuditKind::kRefused);
  EXPECT_EQ(ToString(RawId{entries[0].subject}), customer);

  server_.store().FailWrites();
  const Exported without = ExportOf(server_, "manager", customer);
  EXPECT_EQ(without.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(without.items, IsEmpty()) << "no entry, no data";
}

TEST_F(AuditTest, SubscriptionsLeaveEntriesAndCommitsOfAMinuteShareOne) {
  const auto log = server_.Do<api::ListEventsResponse>(
      "integration", "start { preset: EVENT_PRESET_EARLIEST } page_size: 3");
  ASSERT_EQ(log.batch().events_size(), 3);
  const int64_t before = Last();
  const std::string create =
      R"(request_id: "c-1" subscription_id: "crm" start { preset: EVENT_PRESET_EARLIEST })";
  const std::string remove = R"(request_id: "d-1" subscription_id: "crm")";
  server_.Do<api::CreateSubscriptionResponse>("integration", create);
  server_.Do<api::CreateSubscriptionResponse>("integration", create);
  for (const api::Event& event : log.batch().events()) {
    server_.Do<api::CommitSubscriptionResponse>(
        "integration", "subscription_id: \"crm\" cursor: \"" + event.cursor() + "\"");
  }
  server_.Refuse("integration", "EventService/CommitSubscription",
                 R"(subscription_id: "crm" cursor: "x")");
  auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(3)) << "none for a replay, one for all commits";
  EXPECT_EQ(entries[0].kind, AuditKind::kMutation);
  EXPECT_EQ(entries[0].principal, "integration");
  EXPECT_EQ(entries[0].method, "rebound.v1.EventService/CreateSubscription");
  EXPECT_EQ(entries[0].outcome, "OK");
  EXPECT_EQ(entries[0].subject_type, "subscription");
  EXPECT_EQ(entries[0].detail, "crm");
  EXPECT_EQ(entries[0].request_key,
            RequestKey("integration", "rebound.v1.EventService/CreateSubscription", "c-1"));
  EXPECT_EQ(entries[1].kind, AuditKind::kMutation);
  EXPECT_EQ(entries[1].method, "rebound.v1.EventService/CommitSubscription");
  EXPECT_EQ(entries[1].count, 1);
  EXPECT_EQ(entries[2].kind, AuditKind::kRefused);
  EXPECT_EQ(entries[2].reason, "CURSOR_INVALID");

  server_.Do<api::DeleteSubscriptionResponse>("integration", remove);
  EXPECT_EQ(server_.LastAudit().method, "rebound.v1.EventService/DeleteSubscription");
  EXPECT_EQ(server_.LastAudit().detail, "crm");
  const int64_t removed = Last();
  server_.Do<api::DeleteSubscriptionResponse>("integration", remove);
  EXPECT_THAT(After(removed), IsEmpty()) << "nothing had to be done";
  server_.Restart();
  entries = After(removed);
  ASSERT_THAT(entries, SizeIs(3)) << "and the claim that After made";
  EXPECT_EQ(entries[1].kind, AuditKind::kMutation);
  EXPECT_EQ(entries[1].method, "rebound.v1.EventService/CommitSubscription");
  EXPECT_EQ(entries[1].count, 2) << "those after the first";
  EXPECT_EQ(entries[2].kind, AuditKind::kRefused) << "in the other language";
}

TEST_F(AuditTest, ReportsAndTheAuditItselfAreNotedOnceAMinute) {
  const int64_t before = Last();
  for (int i = 0; i < 5; ++i) {
    server_.Do<api::GetNpsReportResponse>("viewer", R"(scope { program_id: "touchpoint" })");
    server_.Do<api::ListAuditEntriesResponse>("admin", "");
  }
  const auto entries = After(before);
  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[0].kind, AuditKind::kExport);
  EXPECT_EQ(entries[0].principal, "viewer");
  EXPECT_EQ(entries[0].method, "rebound.v1.ReportService/GetNpsReport");
  EXPECT_EQ(entries[1].method, "rebound.v1.AuditService/ListAuditEntries");
}

TEST_F(AuditTest, TheTableOfAuditedReadsNamesReadsThatThereAre) {
  int each = 0, folded = 0;
  for (const std::string& method : PolicyMethods()) {
    const AuditedRead how = AuditedReadOf(method);
    each += how == AuditedRead::kEach;
    folded += how == AuditedRead::kFolded;
    EXPECT_FALSE(how != AuditedRead::kNo && IsMutation(method)) << method;
    const std::string name = method.substr(method.find('/') + 1);
    EXPECT_EQ(how == AuditedRead::kEach, name.starts_with("Export")) << method;
    EXPECT_TRUE(!name.ends_with("Report") || how == AuditedRead::kFolded) << method;
  }
  EXPECT_EQ(each, 3) << "tried by AnExportIsOnDiskBeforeItsFirstByte and ExportApiTest";
  EXPECT_EQ(folded, 8);
}

TEST_F(AuditTest, EntriesAreListedByPagesAndFilters) {
  for (int i = 0; i < 5; ++i) {
    server_.Do<api::ClaimNextCaseResponse>("agent", "");
    server_.clock().Advance(std::chrono::minutes{1});
  }
  std::vector<int64_t> sequences;
  std::string token;
  do {
    const auto page = server_.Do<api::ListAuditEntriesResponse>(
        "admin", R"(principal: "agent" kind: AUDIT_KIND_MUTATION page_size: 2 page_token: ")" +
                     token + "\"");
    for (const auto& entry : page.entries()) sequences.push_back(entry.sequence());
    token = page.next_page_token();
  } while (!token.empty());
  ASSERT_THAT(sequences, SizeIs(5));
  EXPECT_TRUE(std::is_sorted(sequences.rbegin(), sequences.rend()));
  const auto from = server_.Do<api::ListAuditEntriesResponse>(
      "admin", R"(method: "rebound.v1.CaseService/ClaimNextCase" start_time { seconds: )" +
                   std::to_string(kServerStart.time_since_epoch().count() / 1000 + 60) +
                   R"( } end_time { seconds: )" +
                   std::to_string(kServerStart.time_since_epoch().count() / 1000 + 180) + " }");
  ASSERT_EQ(from.entries_size(), 2);
  const auto about = server_.Do<api::ListAuditEntriesResponse>(
      "admin", "subject_id: \"" + from.entries(0).subject_id() + "\"");
  ASSERT_EQ(about.entries_size(), 1);
  EXPECT_EQ(about.entries(0).SerializeAsString(), from.entries(0).SerializeAsString());
  EXPECT_EQ(about.entries(0).hash().size(), 64U);

  for (const char* wrong : {R"(subject_id: "x")", "kind: 77", "page_size: -1", R"(page_token: "x")",
                            "start_time { seconds: 999999999999999 }"}) {
    EXPECT_EQ(server_.Refuse("admin", "AuditService/ListAuditEntries", wrong).code,
              grpc::StatusCode::INVALID_ARGUMENT)
        << wrong;
  }
  // Entries have no org unit: nobody sees a part of them.
  server_.AddIdentity("north", "admin", {.org_units = {"north"}, .queues = {}});
  for (const char* method : {"AuditService/ListAuditEntries", "AuditService/VerifyAudit"}) {
    EXPECT_EQ(server_.Refuse("north", method, "").code, grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(server_.Refuse("manager", method, "").code, grpc::StatusCode::PERMISSION_DENIED);
  }
}

TEST_F(AuditTest, AWalkProvesTheChainFromTheStartOrFromWhatWasNoted) {
  const auto walk = server_.Do<api::VerifyAuditResponse>("admin", "");
  EXPECT_TRUE(walk.complete());
  EXPECT_THAT(walk.problems(), IsEmpty());
  EXPECT_EQ(walk.walked_count(), Last());
  EXPECT_EQ(walk.head_sequence(), Last());
  EXPECT_EQ(walk.end_hash(), walk.head_hash());
  server_.Do<api::ClaimNextCaseResponse>("agent", "");
  const std::string noted = "start_sequence: " + std::to_string(walk.head_sequence());
  const auto on = server_.Do<api::VerifyAuditResponse>(
      "admin", noted + " start_hash: \"" + walk.head_hash() + "\"");
  EXPECT_EQ(on.walked_count(), 1);
  EXPECT_THAT(on.problems(), IsEmpty());
  const auto other = server_.Do<api::VerifyAuditResponse>(
      "admin", noted + " start_hash: \"" + std::string(64, '0') + "\"");
  EXPECT_THAT(other.problems(), ElementsAre(HasSubstr("is not the one that was noted")));
  for (const char* wrong : {"start_sequence: -1", R"(start_hash: "xyz")"}) {
    EXPECT_EQ(server_.Refuse("admin", "AuditService/VerifyAudit", wrong).code,
              grpc::StatusCode::INVALID_ARGUMENT)
        << wrong;
  }
}

// Every personal field of the API is filled with a word of its own; none may be in the audit.
TEST(AuditOfAPersonTest, HoldsNothingOfTheirs) {
  TestServer server(TestServerOptions{.revision = MarkedPersonRevision()});
  const MarkedPerson person = MakeMarkedPerson(server, 4711);
  EXPECT_TRUE(ExportOf(server, "manager", person.customer_id).status.ok());
  for (const Marker& marker : person.markers) {
    server.Refuse("admin", "CaseService/AcceptCase", "case_id: \"" + marker.word + "\"");
    server.Refuse("admin", "CustomerService/SetCustomerConsent",
                  "customer_id: \"" + marker.word + "\" do_not_contact: true");
  }
  server.Restart();
  MarkerScan scan;
  for (const Marker& marker : person.markers) scan.Add(marker.word, marker.field);
  int entries = 0;
  server.store().Read([&](Reader& reader) {
    reader.ScanAudit(0, [&](const AuditEntry& entry) {
      ++entries;
      for (const std::string* text : {&entry.principal, &entry.role, &entry.method, &entry.outcome,
                                      &entry.reason, &entry.address, &entry.detail}) {
        EXPECT_THAT(scan.Find(*text), IsEmpty()) << entry.method;
      }
      return true;
    });
  });
  EXPECT_GT(entries, 20);
}

// Wherever the disk fails: a change is never without its entry, nor the entry without its change.
TEST(AuditLogTest, AChangeAndItsEntryAreKeptTogetherOrNotAtAll) {
  for (const std::string_view point : {"begin", "save", "saved", "commit", "committed"}) {
    SCOPED_TRACE(point);
    bool fails = false;
    MemoryStore store([&](std::string_view reached) {
      if (fails && reached == point) throw StoreFailure("as the test wants");
    });
    ManualClock clock(kServerStart);
    RevisionBook book(store, PlainRevision());
    Executor executor(store, clock, book, {}, [] {});
    fails = true;
    for (const bool many : {false, true}) {
      Work work;
      work.caller.principal = "li";
      work.caller.role = "admin";
      work.caller.method = "m";
      work.caller.request_id = many ? "many" : "one";
      work.commands.emplace_back(
          UpsertCustomer{.key = {"crm", work.caller.request_id}, .mask = {"segment"}});
      if (many) work.positions = {0};
      executor.Call(std::move(work));
    }
    executor.Drain();
    store.Read([&](Reader& reader) {
      const int64_t kept = point == "committed" ? 1 : 0;  // then the store takes no more
      EXPECT_EQ(reader.Sizes().customers, kept);
      EXPECT_EQ(reader.GetAuditHead().sequence, kept);
    });
  }
}

std::vector<AuditEntry> StoredIn(Store& store) {
  std::vector<AuditEntry> entries;
  store.Read([&](Reader& reader) {
    reader.ScanAudit(0, [&](const AuditEntry& entry) {
      entries.push_back(entry);
      return true;
    });
  });
  return entries;
}

// A flood of sorts is bounded, too.
TEST(AuditLogTest, BeyondAsManySortsAllOthersAreOne) {
  MemoryStore store;
  ManualClock clock(kServerStart);
  auto revision = PlainRevision();
  RevisionBook book(store, revision);
  Executor executor(store, clock, book, {}, [] {});
  AuditLog log(store, executor, clock);
  const auto attempt = [](int i) {
    AuditEntry entry{.kind = AuditKind::kRefused};
    entry.principal = "li";
    entry.method = std::to_string(i);
    entry.outcome = "PERMISSION_DENIED";
    return entry;
  };
  const int most = static_cast<int>(AuditLog::kMostFolds);
  for (int i = 0; i < most + 100; ++i) log.Note(attempt(i));
  // What was done is not told as refused.
  AuditEntry done{.kind = AuditKind::kMutation};
  done.principal = "li";
  done.method = "EventService/CommitSubscription";
  done.outcome = "OK";
  for (int i = 0; i < 3; ++i) log.Note(done);
  executor.Drain();
  log.Close();
  const std::vector<AuditEntry> entries = StoredIn(store);
  ASSERT_EQ(std::ssize(entries), most + 4);
  std::map<AuditKind, std::vector<int64_t>> others;
  for (size_t i = static_cast<size_t>(most); i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].method, "other");
    EXPECT_EQ(entries[i].outcome, entries[i].kind == AuditKind::kMutation ? "OK" : "");
    others[entries[i].kind].push_back(entries[i].count);
  }
  EXPECT_THAT(others[AuditKind::kRefused], ElementsAre(1, 99));
  EXPECT_THAT(others[AuditKind::kMutation], ElementsAre(1, 2));
  EXPECT_THAT(Verify(store).problems, IsEmpty());
}

// However many addresses strangers call from, those who are known have entries of their own.
TEST(AuditLogTest, StrangersTakeNoPlaceFromIdentities) {
  MemoryStore store;
  ManualClock clock(kServerStart);
  auto revision = PlainRevision();
  RevisionBook book(store, revision);
  Executor executor(store, clock, book, {}, [] {});
  AuditLog log(store, executor, clock);
  const auto note = [&](const std::string& principal, const std::string& address) {
    AuditEntry entry{.kind = AuditKind::kRefused};
    entry.principal = principal;
    entry.address = address;
    entry.method = "m";
    entry.outcome = principal.empty() ? "UNAUTHENTICATED" : "PERMISSION_DENIED";
    log.Note(entry);
  };
  const int exact = static_cast<int>(AuditLog::kMostStrangers);
  const int networks = static_cast<int>(AuditLog::kMostNetworks);
  // 256 addresses of each /24, and of one /64.
  for (int i = 0; i < exact; ++i) note("", "198.51.100." + std::to_string(i));
  for (int i = 0; i < 256; ++i) note("", "203.0.113." + std::to_string(i));
  for (int i = 0; i < 256; ++i) note("", "2001:db8::" + std::to_string(i));
  note("", "::ffff:203.0.113.9");
  note("", "198.51.100.0");  // has its own already
  for (int i = 0; i < networks + 1'000; ++i) {
    note("", "10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".1");
  }
  note("li", "10.0.0.1");
  executor.Drain();
  log.Close();
  std::map<std::string, int64_t> counts;  // by who and method
  for (const AuditEntry& entry : StoredIn(store)) {
    counts[(entry.principal.empty() ? entry.address : entry.principal) + " " + entry.method] +=
        entry.count;
  }
  EXPECT_EQ(std::ssize(counts), exact + networks + 2);
  EXPECT_EQ(counts["198.51.100.0 m"], 2);
  EXPECT_EQ(counts["203.0.113.0/24 other"], 257);
  EXPECT_EQ(counts["2001:db8::/64 other"], 256);
  EXPECT_EQ(counts["10.0.0.0/24 other"], 1);
  EXPECT_EQ(counts[" other"], 1'002);
  EXPECT_EQ(counts["li m"], 1);
  EXPECT_THAT(Verify(store).problems, IsEmpty());
}

// What is noted while the writer drains is stored by Close.
TEST(AuditLogTest, NothingIsLostByAnOrderlyStop) {
  MemoryStore store;
  ManualClock clock(kServerStart);
  auto revision = PlainRevision();
  RevisionBook book(store, revision);
  Executor executor(store, clock, book, {}, [] {});
  AuditLog log(store, executor, clock);
  executor.Drain();
  AuditEntry entry{.kind = AuditKind::kRefused};
  entry.principal = "li";
  log.Note(entry);
  log.Note(entry);
  EXPECT_EQ(log.Record(entry).error().reason, Reason::kShuttingDown);
  log.Close();
  int64_t count = 0;
  store.Read([&](Reader& reader) {
    reader.ScanAudit(0, [&](const AuditEntry& stored) {
      count += stored.count;
      return true;
    });
  });
  EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace rebound::fixtures
