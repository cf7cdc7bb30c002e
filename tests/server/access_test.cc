// Tokens, the table of permissions, and who is calling.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/audit_service.pb.h"
#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/delivery_service.pb.h"
#include "rebound/v1/event_service.pb.h"
#include "rebound/v1/export_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "rebound/v1/survey_service.pb.h"
#include "server/access/authenticator.h"
#include "server/access/policy.h"
#include "server/access/token.h"
#include "server/storage/memory_store.h"

namespace rebound {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Timestamp kAccessNow = FromMillis(1'700'000'000'000);

TEST(TokenTest, TokensAreLongPrintableAndDifferent) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string token = NewToken();
    EXPECT_EQ(token.size(), 47u);
    EXPECT_TRUE(token.starts_with("rbt_"));
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_"),
              std::string::npos);
    EXPECT_TRUE(seen.insert(token).second);
  }
}

TEST(TokenTest, TheHashIsSha256) {
  // FIPS 180-2, "abc".
  const TokenHash expected{0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                           0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                           0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
  EXPECT_EQ(HashToken("abc"), expected);
}

// Every method of every service file of the API, from the generated descriptors.
std::vector<const google::protobuf::ServiceDescriptor*> ApiServices() {
  // Naming a message of each file links its descriptor in.
  const std::vector<const google::protobuf::FileDescriptor*> files{
      v1::GetCaseRequest::descriptor()->file(),     v1::GetCustomerRequest::descriptor()->file(),
      v1::GetStatusRequest::descriptor()->file(),   v1::GetNpsReportRequest::descriptor()->file(),
      v1::GetResponseRequest::descriptor()->file(), v1::GetProgramRequest::descriptor()->file(),
      v1::GetRevisionRequest::descriptor()->file(), v1::GetEntryRequest::descriptor()->file(),
      v1::SignInRequest::descriptor()->file(),      v1::ListEventsRequest::descriptor()->file(),
      v1::VerifyAuditRequest::descriptor()->file(), v1::ExportRecordsRequest::descriptor()->file(),
      v1::GetEndpointRequest::descriptor()->file(),
  };
  std::vector<const google::protobuf::ServiceDescriptor*> services;
  for (const auto* file : files) {
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  size_t in_tree = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(REBOUND_SOURCE_DIR "/proto/rebound/v1")) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with("_service.proto")) ++in_tree;
  }
  EXPECT_EQ(files.size(), in_tree) << "name a message of the new service file above";
  return services;
}

std::vector<std::string> ApiServiceNames() {
  std::vector<std::string> names;
  for (const auto* service : ApiServices()) names.push_back(service->full_name());
  return names;
}

TEST(PolicyTest, EveryMethodHasARowAndEveryRowAMethod) {
  EXPECT_THAT(MissingMethods(ApiServiceNames()), IsEmpty());
  std::vector<std::string> methods;
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      methods.push_back(service->full_name() + "/" + service->method(i)->name());
    }
  }
  EXPECT_THAT(PolicyMethods(), testing::UnorderedElementsAreArray(methods));
}

TEST(PolicyTest, AServiceWithoutDescriptorIsReportedAndForeignOnesAreNot) {
  const std::vector<std::string> services{"rebound.v1.NoService", "grpc.health.v1.Health"};
  EXPECT_THAT(MissingMethods(services), ElementsAre("rebound.v1.NoService"));
}

TEST(PolicyTest, WhatIsUnknownIsDenied) {
  EXPECT_FALSE(Allowed("admin", "rebound.v1.CaseService/NoMethod"));
  EXPECT_FALSE(Allowed("admin", "CaseService/GetCase"));
  EXPECT_FALSE(Allowed("admin", ""));
  EXPECT_FALSE(Allowed("root", "rebound.v1.CaseService/GetCase"));
  EXPECT_FALSE(Allowed("", "rebound.v1.CaseService/GetCase"));
  EXPECT_FALSE(Allowed("Admin", "rebound.v1.CaseService/GetCase"));
}

TEST(PolicyTest, RolesMayWhatTheyAreFor) {
  struct Row {
    const char* method;
    std::set<std::string> roles;
  };
  const std::vector<Row> rows{
      {"ResponseService/ImportResponses", {"admin", "integration"}},
      {"ResponseService/GetResponse", {"admin", "manager", "supervisor", "agent", "integration"}},
      {"CaseService/OpenCase", {"admin", "manager", "supervisor", "agent", "integration"}},
      {"CaseService/CloseCase", {"admin", "manager", "supervisor", "agent"}},
      {"CustomerService/UpsertCustomer", {"admin", "manager", "integration"}},
      {"CustomerService/BatchUpsertCustomers", {"admin", "manager", "integration"}},
      {"CustomerService/RecordBehaviour",
       {"admin", "manager", "supervisor", "agent", "integration"}},
      {"CustomerService/BatchRecordBehaviours", {"admin", "manager", "integration"}},
      {"CustomerService/GetCustomerHistory", {"admin", "manager", "supervisor", "agent"}},
      {"CustomerService/ExportCustomer", {"admin", "manager"}},
      {"CustomerService/UnmaskContact", {"admin", "manager", "supervisor", "agent"}},
      {"ExportService/ExportRecords", {"admin", "manager", "integration"}},
      {"ReportService/GetNpsReport", {"admin", "manager", "supervisor", "viewer"}},
      {"SurveyService/ListPrograms",
       {"admin", "manager", "supervisor", "agent", "integration", "viewer"}},
      {"CaseService/DispatchCase", {"admin", "manager", "supervisor", "agent"}},
      {"CaseService/ChaseCase", {"admin", "manager", "supervisor", "agent", "integration"}},
      {"CaseService/WithdrawCase", {"admin", "manager", "supervisor", "agent", "integration"}},
      {"CaseService/SuperviseCase", {"admin", "manager", "supervisor"}},
      {"CaseService/DecideExtension", {"admin", "manager", "supervisor"}},
      {"CaseService/MigrateCase", {"admin", "manager"}},
      {"BlacklistService/ProposeEntry", {"admin", "manager", "supervisor", "agent"}},
      {"BlacklistService/AppealEntry", {"admin", "manager", "supervisor", "agent"}},
      {"BlacklistService/CheckCustomer", {"admin", "manager", "supervisor", "agent"}},
      {"BlacklistService/GetEntry", {"admin", "manager", "supervisor", "agent"}},
      {"BlacklistService/PreviewEntryNotice", {"admin", "manager", "supervisor", "agent"}},
      {"BlacklistService/DecideEntry", {"admin", "manager"}},
      {"BlacklistService/LiftEntry", {"admin", "manager"}},
      {"BlacklistService/ExportCustomerEntries", {"admin", "manager"}},
      {"ReportService/GetPauseReport", {"admin", "manager", "supervisor", "viewer"}},
      {"EventService/Watch", {"admin", "manager", "supervisor", "agent", "integration"}},
      {"EventService/CommitSubscription",
       {"admin", "manager", "supervisor", "agent", "integration"}},
      {"ConfigService/ApplyConfig", {"admin"}},
      {"ConfigService/RollBackConfig", {"admin"}},
      {"ConfigService/ValidateConfig", {"admin", "manager"}},
      {"ConfigService/ExplainCase", {"admin", "manager", "supervisor", "agent"}},
      {"OperationsService/GetStatus",
       {"admin", "manager", "supervisor", "agent", "integration", "viewer"}},
      {"OperationsService/ConfirmClock", {"admin"}},
      {"CaseService/BulkCases", {"admin", "manager", "supervisor"}},
      {"AccessService/CreateUser", {"admin", "manager"}},
      {"AccessService/CreateApiKey",
       {"admin", "manager", "supervisor", "agent", "integration", "viewer"}},
  };
  for (const Row& row : rows) {
    for (std::string_view role : Roles()) {
      const std::string method = std::string("rebound.v1.") + row.method;
      EXPECT_EQ(Allowed(role, method), row.roles.contains(std::string(role))) << role << method;
      EXPECT_EQ(Allowed(role, "/" + method), Allowed(role, method));
    }
  }
}

TEST(PolicyTest, AConfiguredRoleMayWhatItsBaseMay) {
  const std::vector<RoleDef> roles{{.id = "shift-lead", .base = "manager"},
                                   {.id = "admin", .base = "viewer"}};
  EXPECT_EQ(BaseOf("shift-lead", roles), "manager");
  EXPECT_EQ(BaseOf("agent", roles), "agent") << "built in, listed or not";
  EXPECT_EQ(BaseOf("admin", roles), "admin") << "a configuration cannot lock the operator out";
  EXPECT_EQ(BaseOf("supervisor", roles), "supervisor");
  // Revisions from before it was built in give it the permissions of a manager.
  const std::vector<RoleDef> older{{.id = "supervisor", .base = "manager"}};
  EXPECT_EQ(BaseOf("supervisor", older), "manager");
  for (const char* unknown : {"", "Shift-lead", "shift", "root"}) {
    EXPECT_EQ(BaseOf(unknown, roles), "") << unknown;
    EXPECT_FALSE(Allowed(BaseOf(unknown, roles), "rebound.v1.OperationsService/GetStatus"));
  }
}

TEST(PolicyTest, ContactDataIsInClearForOtherSystemsAndWhereTheConfigurationSaysSo) {
  const std::string get = "rebound.v1.CustomerService/GetCustomer";
  const std::string unmask = "rebound.v1.CustomerService/UnmaskContact";
  const std::string exported = "/rebound.v1.CustomerService/ExportCustomer";
  for (std::string_view role : Roles()) {
    for (const auto& roles : {DefaultRoles(), std::vector<RoleDef>{}}) {
      EXPECT_EQ(SeesContact(role, roles, get), role == "integration") << role;
      EXPECT_TRUE(SeesContact(role, roles, unmask));
      EXPECT_TRUE(SeesContact(role, roles, exported));
    }
  }
  const std::vector<RoleDef> roles{
      {.id = "agent", .base = "agent", .sees_contact = true},
      {.id = "integration", .base = "integration", .sees_contact = false},
      {.id = "caller", .base = "viewer", .sees_contact = true},
      {.id = "crm", .base = "integration"},
      {.id = "lead", .base = "manager"}};
  EXPECT_TRUE(SeesContact("agent", roles, get));
  EXPECT_FALSE(SeesContact("integration", roles, get));
  EXPECT_TRUE(SeesContact("caller", roles, get));
  EXPECT_TRUE(SeesContact("crm", roles, get));
  EXPECT_FALSE(SeesContact("lead", roles, get));
  EXPECT_FALSE(SeesContact("nobody", roles, get));
  EXPECT_FALSE(SeesContact("", roles, get));
}

TEST(PolicyTest, WhatACallCostsFollowsFromWhatItDoes) {
  const std::vector<std::pair<const char*, int64_t>> rows{
      {"CaseService/GetCase", 1},
      {"CustomerService/ListCustomers", 1},
      {"/rebound.v1.CaseService/GetCase", 1},
      {"CaseService/CloseCase", 2},
      {"CustomerService/UnmaskContact", 2},
      {"CustomerService/ExportCustomer", 10},
      {"BlacklistService/DryRunRules", 10},
      {"ExportService/ExportRecords", 10},
      {"ResponseService/ImportResponses", 10},
      {"ResponseService/BatchSubmitResponses", 10},
      {"CustomerService/BatchUpsertCustomers", 10},
      {"CustomerService/RecordBehaviour", 2},
      {"CaseService/BulkCases", 10},
      {"ReportService/GetNpsReport", 10},
      {"ConfigService/BacktestConfig", 10},
      {"CaseService/NoMethod", 2}};
  for (const auto& [method, cost] : rows) {
    const std::string name = method[0] == '/' ? method : std::string("rebound.v1.") + method;
    EXPECT_EQ(CostOf(name), cost) << name;
  }
  for (const std::string& method : PolicyMethods()) EXPECT_GE(CostOf(method), 1) << method;
}

// The whole table, one line a method: whoever adds a method, or opens one to a role, changes this
// file, and somebody reads the difference.
TEST(PolicyTest, EveryMethodTimesEveryRoleIsAsItWasReviewed) {
  std::vector<std::string> methods;
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      methods.push_back(service->full_name() + "/" + service->method(i)->name());
    }
  }
  std::sort(methods.begin(), methods.end());
  std::string text;
  for (const std::string& method : methods) {
    text += method.substr(method.find_last_of('.') + 1) + ":";
    for (std::string_view role : Roles()) {
      if (Allowed(role, method)) (text += ' ') += role;
    }
    if (OpenToStrangers(method)) text += " nobody";
    text += '\n';
  }
  const std::string path = REBOUND_SOURCE_DIR "/tests/golden/api/role_methods.txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in.is_open()) << path << " is missing; UPDATE_GOLDEN=1 writes it";
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

TEST(PolicyTest, StrangersMayCallExactlyThese) {
  std::vector<std::string> open;
  for (const std::string& method : PolicyMethods()) {
    if (OpenToStrangers(method)) open.push_back(method);
  }
  EXPECT_THAT(open,
              ElementsAre("rebound.v1.AccessService/SignIn", "rebound.v1.AccessService/SetUpAdmin",
                          "rebound.v1.AccessService/RedeemLink"));
  EXPECT_FALSE(OpenToStrangers("rebound.v1.AccessService/NoMethod"));
  EXPECT_FALSE(OpenToStrangers(""));
}

TEST(PolicyTest, ApiKeysManageNoIdentities) {
  for (const std::string& method : PolicyMethods()) {
    const bool access = method.find("AccessService/") != std::string::npos;
    EXPECT_EQ(OpenToKeys(method), !access || method.ends_with("/WhoAmI")) << method;
  }
  EXPECT_FALSE(OpenToKeys("rebound.v1.CaseService/NoMethod"));
}

TEST(PolicyTest, OneRoleIncludesAnotherWhenItMayAllTheOtherMay) {
  const std::vector<std::pair<const char*, std::set<std::string>>> rows{
      {"admin", {"admin", "manager", "supervisor", "agent", "integration", "viewer"}},
      {"manager", {"manager", "supervisor", "agent", "viewer"}},
      {"supervisor", {"supervisor", "agent", "viewer"}},
      {"agent", {"agent"}},
      {"integration", {"integration"}},
      {"viewer", {"viewer"}}};
  for (const auto& [role, includes] : rows) {
    for (std::string_view other : Roles()) {
      EXPECT_EQ(Includes(role, other), includes.contains(std::string(other))) << role << other;
    }
    EXPECT_FALSE(Includes(role, ""));
    EXPECT_FALSE(Includes("", role));
  }
}

TEST(PolicyTest, AViewerReadsFiguresAndNoPerson) {
  for (const std::string& method : PolicyMethods()) {
    if (!Allowed("viewer", method)) continue;
    EXPECT_EQ(method.find("CaseService"), std::string::npos) << method;
    EXPECT_EQ(method.find("CustomerService"), std::string::npos) << method;
    EXPECT_EQ(method.find("ResponseService"), std::string::npos) << method;
    EXPECT_EQ(method.find("BlacklistService"), std::string::npos) << method;
    EXPECT_EQ(method.find("EventService"), std::string::npos) << method;
  }
}

class AuthenticatorTest : public testing::Test {
 protected:
  // Adds a principal, and returns its token.
  std::string Add(const std::string& name, bool disabled = false) {
    const std::string token = NewToken();
    store_.PutPrincipal(PrincipalOf(name, disabled), HashToken(token));
    return token;
  }

  static Store::Principal PrincipalOf(const std::string& name, bool disabled) {
    return {.name = name,
            .role = "agent",
            .scope = {.org_units = {"east"}, .queues = {"vip"}},
            .disabled = disabled};
  }

  void ExpectRefused(std::string_view header, size_t header_count = 1) {
    const Result<Identity> identity = authenticator_.Authenticate(header, header_count);
    ASSERT_FALSE(identity.has_value()) << header;
    EXPECT_EQ(identity.error(), Error{.reason = Reason::kUnauthenticated}) << header;
  }

  MemoryStore store_;
  ManualClock clock_{kAccessNow};
  Authenticator authenticator_{store_, clock_};
};

TEST_F(AuthenticatorTest, ATokenGivesItsIdentity) {
  const std::string token = Add("li");
  for (const std::string& header : {"Bearer " + token, "bearer " + token, "BEARER  " + token}) {
    const Result<Identity> identity = authenticator_.Authenticate(header);
    ASSERT_TRUE(identity.has_value()) << header;
    EXPECT_EQ(identity->name, "li");
    EXPECT_EQ(identity->role, "agent");
    EXPECT_EQ(identity->scope, PrincipalOf("li", false).scope);
  }
}

TEST_F(AuthenticatorTest, EverythingElseIsRefusedInTheSameWords) {
  const std::string token = Add("li");
  const std::string disabled = Add("wang", true);
  for (const std::string& header :
       {std::string(), token, std::string("Bearer"), std::string("Bearer "), "Basic " + token,
        "Bearer" + token, "Bearer " + token + "x", "Bearer " + token.substr(1),
        "Bearer " + token + " " + token, "Bearer " + token + "," + token, "Bearer " + NewToken(),
        "Bearer " + disabled, "Bearer " + std::string(100'000, 'x')}) {
    ExpectRefused(header);
  }
  ExpectRefused("Bearer " + token, 0);
  ExpectRefused("Bearer " + token, 2);
}

TEST_F(AuthenticatorTest, DisablingTakesEffectWithinFiveSeconds) {
  const std::string header = "Bearer " + Add("li");
  ASSERT_TRUE(authenticator_.Authenticate(header).has_value());
  store_.PutPrincipal(PrincipalOf("li", true), std::nullopt);
  clock_.Advance(seconds(5) - milliseconds(1));
  EXPECT_TRUE(authenticator_.Authenticate(header).has_value()) << "still remembered";
  clock_.Advance(milliseconds(1));
  ExpectRefused(header);
}

TEST_F(AuthenticatorTest, AClockThatGoesBackForgets) {
  const std::string header = "Bearer " + Add("li");
  ASSERT_TRUE(authenticator_.Authenticate(header).has_value());
  store_.PutPrincipal(PrincipalOf("li", true), std::nullopt);
  clock_.Advance(seconds(-3600));
  ExpectRefused(header);
}

TEST_F(AuthenticatorTest, ATokenWorksAsSoonAsItIsAdded) {
  const std::string token = NewToken();
  ExpectRefused("Bearer " + token);
  store_.PutPrincipal(PrincipalOf("li", false), HashToken(token));
  EXPECT_TRUE(authenticator_.Authenticate("Bearer " + token).has_value());
}

TEST_F(AuthenticatorTest, MoreTokensThanTheMemoryHoldsStillWork) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < Authenticator::kCapacity + 10; ++i) {
    const std::string token = "token-" + std::to_string(i);
    store_.PutPrincipal(PrincipalOf("li", false), HashToken(token));
    ASSERT_TRUE(authenticator_.Authenticate("Bearer " + token).has_value()) << i;
  }
  EXPECT_TRUE(authenticator_.Authenticate("Bearer token-0").has_value());
}

}  // namespace
}  // namespace rebound
