// Tokens, the table of permissions, and who is calling.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/event_service.pb.h"
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

constexpr Timestamp kNow = FromMillis(1'700'000'000'000);

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
      v1::ListEventsRequest::descriptor()->file(),
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
      {"ResponseService/GetResponse", {"admin", "manager", "agent", "integration"}},
      {"CaseService/OpenCase", {"admin", "manager", "agent", "integration"}},
      {"CaseService/CloseCase", {"admin", "manager", "agent"}},
      {"CustomerService/UpsertCustomer", {"admin", "manager", "integration"}},
      {"CustomerService/GetCustomerHistory", {"admin", "manager", "agent"}},
      {"CustomerService/ExportCustomer", {"admin", "manager"}},
      {"ReportService/GetNpsReport", {"admin", "manager", "viewer"}},
      {"SurveyService/ListPrograms", {"admin", "manager", "agent", "integration", "viewer"}},
      {"CaseService/DispatchCase", {"admin", "manager", "agent"}},
      {"CaseService/ChaseCase", {"admin", "manager", "agent", "integration"}},
      {"CaseService/WithdrawCase", {"admin", "manager", "agent", "integration"}},
      {"CaseService/SuperviseCase", {"admin", "manager"}},
      {"CaseService/DecideExtension", {"admin", "manager"}},
      {"CaseService/MigrateCase", {"admin", "manager"}},
      {"BlacklistService/ProposeEntry", {"admin", "manager", "agent"}},
      {"BlacklistService/AppealEntry", {"admin", "manager", "agent"}},
      {"BlacklistService/CheckCustomer", {"admin", "manager", "agent"}},
      {"BlacklistService/GetEntry", {"admin", "manager", "agent"}},
      {"BlacklistService/PreviewEntryNotice", {"admin", "manager", "agent"}},
      {"BlacklistService/DecideEntry", {"admin", "manager"}},
      {"BlacklistService/LiftEntry", {"admin", "manager"}},
      {"BlacklistService/ExportCustomerEntries", {"admin", "manager"}},
      {"ReportService/GetPauseReport", {"admin", "manager", "viewer"}},
      {"EventService/Watch", {"admin", "manager", "agent", "integration"}},
      {"EventService/CommitSubscription", {"admin", "manager", "agent", "integration"}},
      {"ConfigService/ApplyConfig", {"admin"}},
      {"ConfigService/RollBackConfig", {"admin"}},
      {"ConfigService/ValidateConfig", {"admin", "manager"}},
      {"ConfigService/ExplainCase", {"admin", "manager", "agent"}},
      {"OperationsService/GetStatus", {"admin", "manager", "agent", "integration", "viewer"}},
      {"OperationsService/ConfirmClock", {"admin"}},
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
  for (const char* unknown : {"", "Shift-lead", "shift", "root"}) {
    EXPECT_EQ(BaseOf(unknown, roles), "") << unknown;
    EXPECT_FALSE(Allowed(BaseOf(unknown, roles), "rebound.v1.OperationsService/GetStatus"));
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
  ManualClock clock_{kNow};
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
