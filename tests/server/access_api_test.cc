// Users, sessions, API keys and links over the API: who gets in, for how long, and what nobody can
// give themselves or others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/event_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "rebound/v1/survey_service.pb.h"
#include "server/access/setup.h"
#include "server/access/throttle.h"
#include "server/access/token.h"
#include "server/execute/audit_log.h"
#include "server/storage/access_records.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kPassword = "correct horse battery";
constexpr const char* kOther = "staple of the harbour";

// "end_time { seconds: N }" of a time after the server's start.
std::string Seconds(const char* field, Duration after) {
  return std::string(field) +
         " { seconds: " + std::to_string(ToMillis(kServerStart + after) / 1000) + " } ";
}

class AccessTest : public ServerTest {
 protected:
  // A user with a password, made by the admin; `more`: fields of the User.
  void AddUser(const std::string& name, const std::string& role, const std::string& more = "") {
    const auto made =
        server_.Do<api::CreateUserResponse>("admin", "user { name: \"" + name + "\" role: \"" +
                                                         role + "\" " + more + "} with_link: true");
    server_.Do<api::RedeemLinkResponse>(
        "", "token: \"" + made.link_token() + "\" password: \"" + kPassword + "\"");
  }

  // Signs in; from now on `as` shows that session.
  api::SignInResponse SignIn(const std::string& name, const std::string& as,
                             const std::string& password = kPassword) {
    auto reply = server_.Do<api::SignInResponse>(
        "", "user_name: \"" + name + "\" password: \"" + password + "\"");
    EXPECT_TRUE(reply.session_token().starts_with("rbs_"));
    EXPECT_EQ(reply.session_token().size(), 47u);
    server_.UseToken(as, reply.session_token());
    return reply;
  }

  Refusal TrySignIn(const std::string& name, const std::string& password) {
    return ToRefusal(server_.Call("", Request(name, password), &ignored_));
  }

  static api::SignInRequest Request(const std::string& name, const std::string& password) {
    api::SignInRequest request;
    request.set_user_name(name);
    request.set_password(password);
    return request;
  }

  // A key of the caller's; from now on `as` shows it.
  api::CreateApiKeyResponse AddKey(const std::string& who, const std::string& as,
                                   const std::string& more = "") {
    auto reply = server_.Do<api::CreateApiKeyResponse>(
        who, more + R"( description: "tests" )" + Seconds("end_time", days(30)));
    server_.UseToken(as, reply.secret());
    return reply;
  }

  api::CallerIdentity WhoAmI(const std::string& who) {
    return server_.Do<api::WhoAmIResponse>(who, "").identity();
  }
  std::string ReasonOf(const std::string& who) {
    api::WhoAmIResponse response;
    return ToRefusal(server_.Call(who, api::WhoAmIRequest(), &response)).reason;
  }
  bool GetsIn(const std::string& who) {
    const std::string reason = ReasonOf(who);
    EXPECT_THAT(reason, testing::AnyOf("", "UNAUTHENTICATED"));
    return reason.empty();
  }

  template <typename Read>
  void Records(Read read) {
    server_.store().ReadAccess([&](AccessRecords& records) { read(records); });
  }

  // Audit entries after that one, oldest first. Whatever was noted before a change that was
  // acknowledged is on disk with it.
  std::vector<AuditEntry> AuditedAfter(int64_t sequence) {
    server_.Do<api::OpenCaseResponse>("agent", R"(case { program_id: "touchpoint" })");
    std::vector<AuditEntry> entries;
    server_.store().Read([&](Reader& reader) {
      reader.ScanAudit(sequence, [&](const AuditEntry& entry) {
        entries.push_back(entry);
        return true;
      });
    });
    EXPECT_FALSE(entries.empty());
    if (!entries.empty()) entries.pop_back();  // of the case
    return entries;
  }

  // Expects the one entry since then to be of an attempt to sign in that was refused.
  void ExpectRefusedSignIn(int64_t sequence, const std::string& method, const char* outcome,
                           const char* reason, int64_t count = 1) {
    SCOPED_TRACE(method + " " + reason);
    const auto entries = AuditedAfter(sequence);
    ASSERT_THAT(entries, SizeIs(1));
    EXPECT_EQ(entries[0].kind, AuditKind::kSignIn);
    EXPECT_EQ(entries[0].method, "rebound.v1.AccessService/" + method);
    EXPECT_EQ(entries[0].outcome, outcome);
    EXPECT_EQ(entries[0].reason, reason);
    EXPECT_EQ(entries[0].count, count);
    EXPECT_EQ(entries[0].address, "unix");
    // Whoever types a password where the name belongs must not find it here.
    EXPECT_EQ(entries[0].principal + entries[0].role + entries[0].detail, "");
  }

  // The same of one that succeeded.
  void ExpectSignedIn(int64_t sequence, const std::string& method, const char* principal,
                      const char* role) {
    SCOPED_TRACE(method);
    const auto entries = AuditedAfter(sequence);
    ASSERT_THAT(entries, SizeIs(1));
    EXPECT_EQ(entries[0].kind, AuditKind::kSignIn);
    EXPECT_EQ(entries[0].method, "rebound.v1.AccessService/" + method);
    EXPECT_EQ(entries[0].outcome, "OK");
    EXPECT_EQ(entries[0].reason, "");
    EXPECT_EQ(entries[0].principal, principal);
    EXPECT_EQ(entries[0].role, role);
    EXPECT_EQ(entries[0].address, "unix");
  }

  // Once, where Refuse asks in two languages.
  grpc::StatusCode TryToken(const std::string& method, const google::protobuf::Message& request) {
    return server_.CallRaw("", "/rebound.v1.AccessService/" + method, request.SerializeAsString())
        .error_code();
  }

  int64_t LastAudited() { return server_.LastAudit().sequence; }

  api::SignInResponse ignored_;
};

// ---- Signing in --------------------------------------------------------------------------------

TEST_F(AccessTest, ASessionIsItsUser) {
  AddUser("Li Na", "agent", R"(org_units { org_unit_id: "east" } queue_ids: "vip" language: "en")");
  const auto reply = SignIn("ＬＩ na", "li");
  EXPECT_EQ(reply.session().user_name(), "Li Na");
  EXPECT_EQ(reply.session().address(), "unix");
  EXPECT_TRUE(reply.session().current());
  EXPECT_EQ(reply.session().end_time().seconds() - reply.session().create_time().seconds(),
            12 * 3600);
  EXPECT_EQ(reply.session().idle_end_time().seconds() - reply.session().create_time().seconds(),
            3600);
  const api::CallerIdentity identity = WhoAmI("li");
  EXPECT_EQ(identity.SerializeAsString(), reply.identity().SerializeAsString());
  EXPECT_EQ(identity.name(), "Li Na");
  EXPECT_EQ(identity.role(), "agent");
  EXPECT_EQ(identity.base_role(), "agent");
  EXPECT_THAT(identity.org_unit_ids(), ElementsAre("east"));
  EXPECT_THAT(identity.queue_ids(), ElementsAre("vip"));
  EXPECT_EQ(identity.credential_kind(), api::CREDENTIAL_KIND_SESSION);
  EXPECT_EQ(identity.credential_id(), reply.session().id());
  EXPECT_THAT(identity.methods(), Contains("rebound.v1.CaseService/CloseCase"));
  EXPECT_THAT(identity.methods(), Not(Contains("rebound.v1.AccessService/CreateUser")));
  EXPECT_EQ(identity.language(), "en");
  // What it does, the user does.
  server_.Do<api::OpenCaseResponse>(
      "admin", R"(case { program_id: "touchpoint" org_unit_id: "east" queue_id: "vip" })");
  EXPECT_EQ(server_.Do<api::ClaimNextCaseResponse>("li", "").case_().owner(), "Li Na");
  EXPECT_EQ(WhoAmI("admin").credential_kind(), api::CREDENTIAL_KIND_PRINCIPAL_TOKEN);
}

TEST_F(AccessTest, TheUsersLanguageHoldsWhereACallNamesNone) {
  AddUser("li", "agent", R"(language: "en")");
  SignIn("li", "li");
  const Refusal english = ToRefusal(
      server_.CallRaw("li", "/rebound.v1.CaseService/GetCase", "", CallOptions{.language = ""}));
  EXPECT_EQ(english.locale, "en");
}

TEST_F(AccessTest, WhoMayNotSignInLearnsNothing) {
  AddUser("li", "agent");
  AddUser("disabled", "agent");
  server_.Do<api::DisableUserResponse>("admin", R"(user_name: "disabled")");
  server_.Do<api::CreateUserResponse>("admin", R"(user { name: "invited" role: "agent" })");
  AddUser("lapsed", "agent",
          R"(org_units { org_unit_id: "east" )" + Seconds("end_time", hours(1)) + "}");
  server_.clock().Advance(hours(1));
  std::set<std::string> answers;
  for (const auto& [name, password] : std::vector<std::pair<std::string, std::string>>{
           {"li", kOther},
           {"li", "Correct horse battery"},
           {"li", "x"},
           {"li", std::string(2000, 'x')},
           {"nobody", kPassword},
           {"admin", kPassword},  // a principal, no user
           {"disabled", kPassword},
           {"invited", kPassword},
           {"lapsed", kPassword},
           {std::string(10'000, 'n'), kPassword}}) {
    const Refusal refusal = TrySignIn(name, password);
    EXPECT_EQ(refusal.code, grpc::StatusCode::UNAUTHENTICATED) << name << refusal;
    EXPECT_EQ(refusal.reason, "SIGN_IN_REFUSED") << name << refusal;
    answers.insert(refusal.bytes);
  }
  EXPECT_EQ(answers.size(), 1u);
  for (const auto& [name, password] :
       std::vector<std::pair<std::string, std::string>>{{"", kPassword}, {"li", ""}}) {
    EXPECT_EQ(TrySignIn(name, password).code, grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(AccessTest, GuessingIsSlowedDownForNamesThatNobodyHasToo) {
  AddUser("li", "agent");
  for (const char* name : {"li", "nobody"}) {
    SCOPED_TRACE(name);
    for (int i = 0; i < SignInThrottle::kPair.free; ++i) {
      EXPECT_EQ(TrySignIn(name, kOther).reason, "SIGN_IN_REFUSED");
    }
    const Refusal refusal = TrySignIn(name, kPassword);
    EXPECT_EQ(refusal.code, grpc::StatusCode::RESOURCE_EXHAUSTED) << refusal;
    EXPECT_EQ(refusal.reason, "SIGN_IN_THROTTLED");
    EXPECT_EQ(refusal.retry_seconds, 1);
  }
  EXPECT_EQ(TrySignIn("LI", kPassword).reason, "SIGN_IN_THROTTLED") << "in any case";
  server_.clock().Advance(seconds(1));
  EXPECT_EQ(TrySignIn("li", kOther).reason, "SIGN_IN_REFUSED");
  EXPECT_EQ(TrySignIn("li", kPassword).retry_seconds, 2);
  server_.clock().Advance(seconds(2));
  SignIn("li", "li");
  EXPECT_EQ(TrySignIn("li", kOther).reason, "SIGN_IN_REFUSED") << "success forgets";
  server_.clock().Advance(hours(1));
  for (int i = 0; i < SignInThrottle::kAddress.free; ++i) {
    EXPECT_EQ(TrySignIn("name" + std::to_string(i), kOther).reason, "SIGN_IN_REFUSED") << i;
  }
  EXPECT_EQ(TrySignIn("li", kPassword).reason, "SIGN_IN_THROTTLED") << "the address";
}

TEST_F(AccessTest, EverySignInIsAudited) {
  const auto made = server_.Do<api::CreateUserResponse>(
      "admin", R"(user { name: "Li Na" role: "agent" } with_link: true)");
  const auto redeem = [&](const std::string& password) {
    return "token: \"" + made.link_token() + "\" password: \"" + password + "\"";
  };
  int64_t before = LastAudited();
  server_.Do<api::RedeemLinkResponse>("", redeem(kPassword));
  ExpectSignedIn(before, "RedeemLink", "Li Na", "agent");
  before = LastAudited();
  EXPECT_EQ(TryToken("RedeemLink", FromText<api::RedeemLinkRequest>(redeem(kOther))),
            grpc::StatusCode::UNAUTHENTICATED);
  ExpectRefusedSignIn(before, "RedeemLink", "UNAUTHENTICATED", "ONE_TIME_TOKEN_REFUSED");

  before = LastAudited();
  SignIn("li na", "li");
  ExpectSignedIn(before, "SignIn", "Li Na", "agent");
  before = LastAudited();
  EXPECT_EQ(TrySignIn("Li Na", kOther).reason, "SIGN_IN_REFUSED");
  ExpectRefusedSignIn(before, "SignIn", "UNAUTHENTICATED", "SIGN_IN_REFUSED");
  before = LastAudited();
  for (int i = 1; i < SignInThrottle::kPair.free; ++i) TrySignIn("Li Na", kOther);
  EXPECT_THAT(AuditedAfter(before), IsEmpty()) << "counted, for a minute";
  before = LastAudited();
  EXPECT_EQ(TrySignIn("Li Na", kPassword).reason, "SIGN_IN_THROTTLED");
  ExpectRefusedSignIn(before, "SignIn", "RESOURCE_EXHAUSTED", "SIGN_IN_THROTTLED");
  before = LastAudited();
  server_.clock().Advance(AuditLog::kFold);
  EXPECT_EQ(TrySignIn("Li Na", kOther).reason, "SIGN_IN_REFUSED");
  ExpectRefusedSignIn(before, "SignIn", "UNAUTHENTICATED", "SIGN_IN_REFUSED",
                      SignInThrottle::kPair.free - 1);
}

// ---- Sessions ----------------------------------------------------------------------------------

TEST_F(AccessTest, ASessionThatIsNotUsedEnds) {
  AddUser("li", "agent");
  SignIn("li", "li");
  for (int i = 0; i < 5; ++i) {
    server_.clock().Advance(minutes(59));
    EXPECT_TRUE(GetsIn("li")) << i;
  }
  server_.clock().Advance(minutes(60));
  EXPECT_FALSE(GetsIn("li"));
  EXPECT_FALSE(GetsIn("li")) << "asking does not bring it back";
}

TEST_F(AccessTest, NoSessionOutlivesItsEnd) {
  AddUser("li", "agent");
  SignIn("li", "li");
  for (int i = 0; i < 12 * 2 - 1; ++i) {
    server_.clock().Advance(minutes(30));
    EXPECT_TRUE(GetsIn("li")) << i;
  }
  server_.clock().Advance(minutes(30) - seconds(1));
  EXPECT_TRUE(GetsIn("li"));
  server_.clock().Advance(seconds(1));
  EXPECT_FALSE(GetsIn("li")) << "to the second, remembered or not";
}

TEST_F(AccessTest, SessionsSurviveARestartAndKeepTheirEnds) {
  AddUser("li", "agent");
  SignIn("li", "li");
  server_.Restart();
  EXPECT_TRUE(GetsIn("li"));
  server_.clock().Advance(hours(1));
  server_.Restart();
  EXPECT_FALSE(GetsIn("li"));
}

TEST_F(AccessTest, SessionsAreListedAndEndedAtOnce) {
  AddUser("li", "agent");
  AddUser("wang", "agent");
  SignIn("li", "first");
  server_.clock().Advance(seconds(1));
  const auto second = SignIn("li", "second");
  SignIn("wang", "wang");
  const auto list = server_.Do<api::ListSessionsResponse>("first", "");
  ASSERT_EQ(list.sessions_size(), 2);
  EXPECT_TRUE(list.sessions(0).current());
  EXPECT_FALSE(list.sessions(1).current());
  EXPECT_EQ(list.sessions(1).id(), second.session().id());
  EXPECT_EQ(server_.Do<api::ListSessionsResponse>("manager", R"(user_name: "li")").sessions_size(),
            2);
  const std::string id = "session_id: \"" + second.session().id() + "\"";
  for (const char* who : {"wang", "agent", "viewer"}) {
    EXPECT_EQ(server_.Refuse(who, "AccessService/RevokeSession", id).reason, "NOT_FOUND") << who;
    EXPECT_EQ(server_.Refuse(who, "AccessService/ListSessions", R"(user_name: "li")").reason,
              "NOT_FOUND")
        << who;
  }
  ASSERT_TRUE(GetsIn("second"));
  server_.Do<api::RevokeSessionResponse>("first", id);
  EXPECT_FALSE(GetsIn("second"));
  EXPECT_TRUE(GetsIn("first"));
  EXPECT_EQ(server_.Refuse("first", "AccessService/RevokeSession", id).reason, "NOT_FOUND");
  server_.Do<api::SignOutResponse>("first", "");
  EXPECT_FALSE(GetsIn("first"));
  EXPECT_EQ(server_.Refuse("admin", "AccessService/SignOut", "").reason, "SESSION_REQUIRED");
}

TEST_F(AccessTest, OfTooManySessionsTheOldestGo) {
  AddUser("li", "agent");
  for (int i = 0; i < 51; ++i) {
    server_.clock().Advance(std::chrono::milliseconds(1));
    SignIn("li", "li" + std::to_string(i));
  }
  EXPECT_FALSE(GetsIn("li0"));
  EXPECT_TRUE(GetsIn("li1"));
  EXPECT_TRUE(GetsIn("li50"));
}

// ---- Passwords and links -----------------------------------------------------------------------

TEST_F(AccessTest, ANewPasswordEndsEverySession) {
  AddUser("li", "agent");
  SignIn("li", "first");
  SignIn("li", "second");
  AddKey("first", "key");
  const auto change = [](const std::string& from, const std::string& to) {
    return "old_password: \"" + from + "\" new_password: \"" + to + "\"";
  };
  EXPECT_EQ(server_.Refuse("first", "AccessService/SetPassword", change(kOther, kOther)).reason,
            "PASSWORD_WRONG");
  EXPECT_TRUE(server_.Refuse("first", "AccessService/SetPassword", change(kPassword, "short"))
                  .HasField("new_password"));
  EXPECT_EQ(server_.Refuse("admin", "AccessService/SetPassword", change(kPassword, kOther)).reason,
            "SESSION_REQUIRED");
  server_.Do<api::SetPasswordResponse>("first", change(kPassword, kOther));
  EXPECT_FALSE(GetsIn("first"));
  EXPECT_FALSE(GetsIn("second"));
  EXPECT_TRUE(GetsIn("key")) << "keys have no password";
  EXPECT_EQ(TrySignIn("li", kPassword).reason, "SIGN_IN_REFUSED");
  SignIn("li", "third", kOther);
}

TEST_F(AccessTest, TheOldPasswordCannotBeGuessedInASessionEither) {
  AddUser("li", "agent");
  SignIn("li", "li");
  const std::string wrong =
      std::string(R"(request_id: "r" old_password: "nope" new_password: ")") + kOther + "\"";
  std::string reason;
  for (int i = 0; i <= SignInThrottle::kPair.free; ++i) {
    api::SetPasswordResponse response;
    reason =
        ToRefusal(server_.Call("li", FromText<api::SetPasswordRequest>(wrong), &response)).reason;
    EXPECT_EQ(reason, i < SignInThrottle::kPair.free ? "PASSWORD_WRONG" : "SIGN_IN_THROTTLED");
  }
}

TEST_F(AccessTest, AResetTakesThePasswordAwayAndGivesALink) {
  AddUser("li", "agent");
  SignIn("li", "li");
  const std::string request = R"(request_id: "reset" user_name: "li")";
  const auto reset = server_.Do<api::ResetPasswordResponse>("manager", request);
  EXPECT_TRUE(reset.link_token().starts_with("rbo_"));
  EXPECT_FALSE(reset.user().has_password());
  EXPECT_FALSE(GetsIn("li"));
  EXPECT_EQ(TrySignIn("li", kPassword).reason, "SIGN_IN_REFUSED");
  const auto replay = server_.Do<api::ResetPasswordResponse>("manager", request);
  EXPECT_TRUE(replay.replayed());
  EXPECT_THAT(replay.link_token(), IsEmpty()) << "shown once";
  const auto redeem = [](const std::string& token, const char* password) {
    return "token: \"" + token + "\" password: \"" + password + "\"";
  };
  EXPECT_TRUE(server_.Refuse("", "AccessService/RedeemLink", redeem(reset.link_token(), "li"))
                  .HasField("password"))
      << "which does not use it up";
  // A second reset makes the first link worthless.
  const auto second = server_.Do<api::ResetPasswordResponse>("manager", R"(user_name: "li")");
  EXPECT_EQ(
      server_.Refuse("", "AccessService/RedeemLink", redeem(reset.link_token(), kOther)).reason,
      "ONE_TIME_TOKEN_REFUSED");
  server_.Do<api::RedeemLinkResponse>("", redeem(second.link_token(), kOther));
  EXPECT_EQ(
      server_.Refuse("", "AccessService/RedeemLink", redeem(second.link_token(), kPassword)).reason,
      "ONE_TIME_TOKEN_REFUSED");
  SignIn("li", "li", kOther);
  const auto late = server_.Do<api::ResetPasswordResponse>("manager", R"(user_name: "li")");
  server_.clock().Advance(hours(72));
  EXPECT_EQ(
      server_.Refuse("", "AccessService/RedeemLink", redeem(late.link_token(), kOther)).reason,
      "ONE_TIME_TOKEN_REFUSED");
}

TEST_F(AccessTest, ALinkOfSomebodyWhoIsDisabledOpensNothing) {
  AddUser("li", "agent");
  const auto reset = server_.Do<api::ResetPasswordResponse>("admin", R"(user_name: "li")");
  server_.Do<api::DisableUserResponse>("admin", R"(user_name: "li")");
  const std::string redeem = "token: \"" + reset.link_token() + "\" password: \"" + kOther + "\"";
  EXPECT_EQ(server_.Refuse("", "AccessService/RedeemLink", redeem).reason,
            "ONE_TIME_TOKEN_REFUSED");
  server_.Do<api::EnableUserResponse>("admin", R"(user_name: "li")");
  EXPECT_EQ(server_.Refuse("", "AccessService/RedeemLink", redeem).reason, "ONE_TIME_TOKEN_REFUSED")
      << "it went with the user";
}

// Who made the link knows it, and was to have no more than the user had.
TEST_F(AccessTest, ALinkEndsWhereItsUserIsGivenMore) {
  const auto link = [&](const std::string& name) {
    const auto made = server_.Do<api::CreateUserResponse>(
        "manager", "user { name: \"" + name +
                       R"(" role: "agent" org_units { org_unit_id: "east" } } with_link: true)");
    return "token: \"" + made.link_token() + "\" password: \"" + kPassword + "\"";
  };
  const auto change = [&](const std::string& user, const std::string& path) {
    server_.Do<api::UpdateUserResponse>(
        "admin", "user { " + user + " } update_mask { paths: \"" + path + "\" }");
  };
  const std::string raised = link("li"), wider = link("wang"), narrower = link("zhao");
  change(R"(name: "li" role: "manager")", "role");
  change(R"(name: "wang" org_units { org_unit_id: "east" } org_units { org_unit_id: "west" })",
         "org_units");
  change(R"(name: "zhao" org_units { org_unit_id: "east/suzhou" })", "org_units");
  change(R"(name: "zhao" language: "zh")", "language");
  for (const std::string& redeem : {raised, wider}) {
    EXPECT_EQ(server_.Refuse("", "AccessService/RedeemLink", redeem).reason,
              "ONE_TIME_TOKEN_REFUSED");
  }
  server_.Do<api::RedeemLinkResponse>("", narrower);
  SignIn("zhao", "zhao");
}

TEST_F(AccessTest, WhoLosesTheirRightsWhileACallWaitsChangesNothing) {
  AddUser("li", "manager");
  SignIn("li", "li");
  ASSERT_TRUE(GetsIn("li"));  // and is remembered
  std::future<Refusal> made;
  server_.store().WriteAccess([&](AccessRecords& records) {
    made = std::async(std::launch::async, [&] {
      api::CreateUserRequest request;
      request.set_request_id("late");
      request.mutable_user()->set_name("accomplice");
      request.mutable_user()->set_role("agent");
      api::CreateUserResponse response;
      return ToRefusal(server_.Call("li", request, &response));
    });
    User user = *records.FindUser("li");
    user.disabled = true;
    ++user.version;
    records.Put(user);
    return true;
  });
  EXPECT_EQ(made.get().reason, "UNAUTHENTICATED");
  Records([](AccessRecords& records) { EXPECT_EQ(records.FindUser("accomplice"), std::nullopt); });
}

// ---- The first administrator -------------------------------------------------------------------

// A server whose principals have no administrator.
class SetUpTest : public AccessTest {
 protected:
  SetUpTest() {
    server_.store().PutPrincipal({"admin", "admin", {}, true}, std::nullopt);
    token_ = *MakeSetupToken(server_.store(), DefaultRoles(), server_.clock().Now());
  }
  std::string Text(const std::string& name) const {
    return "token: \"" + token_ + "\" user_name: \"" + name + "\" password: \"" + kPassword + "\"";
  }
  std::string token_;
};

TEST_F(SetUpTest, TheTokenMakesOneAdministrator) {
  EXPECT_TRUE(server_
                  .Refuse("", "AccessService/SetUpAdmin",
                          "token: \"" + token_ + "\" user_name: \"root\" password: \"short\"")
                  .HasField("password"));
  const auto made = server_.Do<api::SetUpAdminResponse>("", Text("root"));
  EXPECT_EQ(made.user().role(), "admin");
  EXPECT_EQ(made.user().creator(), "setup");
  EXPECT_TRUE(made.user().has_password());
  EXPECT_EQ(server_.Refuse("", "AccessService/SetUpAdmin", Text("second")).reason,
            "ONE_TIME_TOKEN_REFUSED");
  SignIn("root", "root");
  EXPECT_EQ(server_.Do<api::ListUsersResponse>("root", "").users_size(), 1);
  EXPECT_FALSE(MakeSetupToken(server_.store(), DefaultRoles(), server_.clock().Now()).has_value());
}

TEST_F(SetUpTest, EveryUseOfTheTokenIsAudited) {
  int64_t before = LastAudited();
  EXPECT_EQ(TryToken("SetUpAdmin", FromText<api::SetUpAdminRequest>(
                                       R"(token: "rbo_x" user_name: "root" password: "x")")),
            grpc::StatusCode::UNAUTHENTICATED);
  ExpectRefusedSignIn(before, "SetUpAdmin", "UNAUTHENTICATED", "ONE_TIME_TOKEN_REFUSED");
  before = LastAudited();
  server_.Do<api::SetUpAdminResponse>("", Text("root"));
  ExpectSignedIn(before, "SetUpAdmin", "root", "admin");
}

TEST_F(SetUpTest, ItEndsAfterADayAndWithTheFirstAdministrator) {
  server_.clock().Advance(hours(24));
  EXPECT_EQ(server_.Refuse("", "AccessService/SetUpAdmin", Text("root")).reason,
            "ONE_TIME_TOKEN_REFUSED");
  token_ = *MakeSetupToken(server_.store(), DefaultRoles(), server_.clock().Now());
  server_.store().PutPrincipal({"operator", "admin", {}, false}, HashToken("rbt_x"));
  EXPECT_EQ(server_.Refuse("", "AccessService/SetUpAdmin", Text("root")).reason,
            "ONE_TIME_TOKEN_REFUSED");
}

TEST_F(SetUpTest, OfManyAtOnceExactlyOneWins) {
  constexpr int kThreads = 8;
  std::atomic<int> won = 0, lost = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      api::SetUpAdminResponse response;
      const auto request = FromText<api::SetUpAdminRequest>(Text("root" + std::to_string(i)));
      const Refusal refusal = ToRefusal(server_.Call("", request, &response));
      if (refusal.code == grpc::StatusCode::OK) ++won;
      if (refusal.reason == "ONE_TIME_TOKEN_REFUSED") ++lost;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, kThreads - 1);
  Records([](AccessRecords& records) { EXPECT_THAT(records.ListUsers("", 10), SizeIs(1)); });
}

// ---- Users -------------------------------------------------------------------------------------

TEST_F(AccessTest, UsersAreMadeShownListedAndChanged) {
  const std::string request = R"(request_id: "make" with_link: true
      user { name: "Zhang Wei" role: "dispatcher" queue_ids: "vip" language: "zh-CN"
             org_units { org_unit_id: "east" )" +
                              Seconds("start_time", hours(1)) + Seconds("end_time", days(1)) +
                              "} }";
  const auto made = server_.Do<api::CreateUserResponse>("admin", request);
  EXPECT_EQ(server_.LastAudit().subject_type, "user");
  EXPECT_EQ(server_.LastAudit().detail, "Zhang Wei");
  EXPECT_TRUE(made.link_token().starts_with("rbo_"));
  EXPECT_EQ(made.user().creator(), "admin");
  EXPECT_EQ(made.user().role(), "dispatcher");
  EXPECT_FALSE(made.user().has_password());
  EXPECT_EQ(made.user().org_units(0).start_time().seconds(),
            ToMillis(kServerStart + hours(1)) / 1000);
  const auto replay = server_.Do<api::CreateUserResponse>("admin", request);
  EXPECT_TRUE(replay.replayed());
  EXPECT_THAT(replay.link_token(), IsEmpty());
  EXPECT_EQ(replay.user().SerializeAsString(), made.user().SerializeAsString());
  EXPECT_EQ(server_.Do<api::GetUserResponse>("admin", R"(user_name: "zhang wei")")
                .user()
                .SerializeAsString(),
            made.user().SerializeAsString());
  const auto changed = server_.Do<api::UpdateUserResponse>(
      "admin", R"(user { name: "zhang wei" role: "agent" queue_ids: "desk" }
                  update_mask { paths: "role" paths: "org_units" })");
  EXPECT_EQ(changed.user().role(), "agent");
  EXPECT_EQ(changed.user().org_units_size(), 0);
  EXPECT_THAT(changed.user().queue_ids(), ElementsAre("vip")) << "not in the mask";
  EXPECT_NE(changed.user().etag(), made.user().etag());
  const Refusal stale = server_.Refuse(
      "admin", "AccessService/UpdateUser",
      R"(user { name: "zhang wei" } update_mask { paths: "language" } etag: "\"1\"")");
  EXPECT_EQ(stale.reason, "ETAG_MISMATCH");
  EXPECT_EQ(stale.metadata.at("current"), "\"2\"");
  for (const char* name : {"b", "a", "C"}) {
    server_.Do<api::CreateUserResponse>(
        "admin", std::string("user { role: \"agent\" name: \"") + name + "\" }");
  }
  const auto first = server_.Do<api::ListUsersResponse>("admin", "page_size: 3");
  ASSERT_EQ(first.users_size(), 3);
  EXPECT_EQ(first.users(0).name(), "a");
  EXPECT_EQ(first.users(2).name(), "C");
  const auto rest = server_.Do<api::ListUsersResponse>(
      "admin", "page_size: 3 page_token: \"" + first.next_page_token() + "\"");
  ASSERT_EQ(rest.users_size(), 1);
  EXPECT_EQ(rest.users(0).name(), "Zhang Wei");
  EXPECT_THAT(rest.next_page_token(), IsEmpty());
}

TEST_F(AccessTest, ARequestIdBelongsToOneBody) {
  server_.Do<api::CreateUserResponse>("admin",
                                      R"(request_id: "r" user { name: "li" role: "agent" })");
  EXPECT_EQ(server_
                .Refuse("admin", "AccessService/CreateUser",
                        R"(request_id: "r" user { name: "wang" role: "agent" })")
                .reason,
            "REQUEST_ID_REUSED");
  server_.Do<api::CreateUserResponse>("manager",
                                      R"(request_id: "r" user { name: "wang" role: "agent" })");
}

TEST_F(AccessTest, NamesAreOneEachAndOfPersons) {
  AddUser("Li Na", "agent");
  for (const char* taken :
       {"Li Na", "li na", "ＬＩ ＮＡ", "admin", "Viewer", "system", "SYSTEM", "setup"}) {
    const Refusal refusal =
        server_.Refuse("admin", "AccessService/CreateUser",
                       std::string("user { role: \"agent\" name: \"") + taken + "\" }");
    if (std::string(taken) == "ＬＩ ＮＡ") {
      EXPECT_TRUE(refusal.HasField("user.name")) << "not in the form that is kept";
      continue;
    }
    EXPECT_EQ(refusal.reason, "USER_EXISTS") << taken << refusal;
    EXPECT_EQ(refusal.code, grpc::StatusCode::ALREADY_EXISTS);
  }
  for (const std::string& wrong :
       {std::string(), std::string(" li"), std::string("li "), std::string("a\\nb"),
        std::string("queue:vip"), std::string("role:admin"), std::string(65, 'x')}) {
    EXPECT_TRUE(server_
                    .Refuse("admin", "AccessService/CreateUser",
                            "user { role: \"agent\" name: \"" + wrong + "\" }")
                    .HasField("user.name"))
        << wrong;
  }
  const Refusal all = server_.Refuse("admin", "AccessService/CreateUser",
                                     R"(user { role: "boss" queue_ids: "" language: "x y"
         org_units { org_unit_id: "east" start_time { seconds: 10 } end_time { seconds: 10 } } })");
  for (const char* field : {"user.name", "user.role", "user.queue_ids[0]", "user.language",
                            "user.org_units[0].end_time"}) {
    EXPECT_TRUE(all.HasField(field)) << field << all;
  }
  for (const char* mask : {"", R"(paths: "*")", R"(paths: "name")", R"(paths: "disabled")",
                           R"(paths: "role" paths: "role")"}) {
    EXPECT_TRUE(server_
                    .Refuse("admin", "AccessService/UpdateUser",
                            std::string(R"(user { name: "li na" role: "agent" } update_mask { )") +
                                mask + " }")
                    .HasField("update_mask"))
        << mask;
  }
}

TEST_F(AccessTest, DisablingKeepsSomebodyOutAtOnceUntilEnabled) {
  AddUser("li", "agent");
  SignIn("li", "li");
  AddKey("li", "key");
  ASSERT_TRUE(GetsIn("li"));
  ASSERT_TRUE(GetsIn("key"));
  EXPECT_TRUE(
      server_.Do<api::DisableUserResponse>("manager", R"(user_name: "li")").user().disabled());
  EXPECT_FALSE(GetsIn("li"));
  EXPECT_FALSE(GetsIn("key"));
  server_.Do<api::EnableUserResponse>("manager", R"(user_name: "li")");
  EXPECT_FALSE(GetsIn("li")) << "the session ended";
  EXPECT_TRUE(GetsIn("key"));
  SignIn("li", "li");
}

TEST_F(AccessTest, AChangeOfRoleOrScopeTakesEffectAtOnce) {
  AddUser("li", "agent", R"(org_units { org_unit_id: "east" })");
  SignIn("li", "li");
  EXPECT_THAT(WhoAmI("li").org_unit_ids(), ElementsAre("east"));
  server_.Do<api::UpdateUserResponse>(
      "admin", R"(user { name: "li" role: "viewer" org_units { org_unit_id: "west" } }
                  update_mask { paths: "role" paths: "org_units" })");
  EXPECT_THAT(WhoAmI("li").org_unit_ids(), ElementsAre("west"));
  EXPECT_EQ(server_.Refuse("li", "CaseService/ClaimNextCase", "").reason, "ROLE_NOT_ALLOWED");
}

TEST_F(AccessTest, OrgUnitsHoldInTheirTimeAndDownTheTree) {
  AddUser("li", "supervisor",
          R"(org_units { org_unit_id: "east" )" + Seconds("end_time", hours(2)) +
              R"(} org_units { org_unit_id: "west" )" + Seconds("start_time", hours(1)) +
              Seconds("end_time", hours(3)) + "}");
  const auto open = [&](const char* unit) {
    return server_
        .Do<api::OpenCaseResponse>("admin", std::string("case { program_id: \"touchpoint\" "
                                                        "org_unit_id: \"") +
                                                unit + "\" }")
        .case_()
        .number();
  };
  const std::string east = open("east/suzhou/store-7"), west = open("west");
  SignIn("li", "li");
  // What is there when it is named; and the list, the reports and the log show just that.
  const auto seen = [&] {
    std::set<std::string> named, listed, logged;
    for (const std::string& number : {east, west}) {
      api::GetCaseResponse response;
      api::GetCaseRequest request;
      request.set_case_id(number);
      const std::string reason = ToRefusal(server_.Call("li", request, &response)).reason;
      EXPECT_THAT(reason, testing::AnyOf("", "NOT_FOUND"));
      if (reason.empty()) named.insert(number);
    }
    const auto list = server_.Do<api::ListCasesResponse>("li", "");
    for (const api::Case& c : list.cases()) listed.insert(c.number());
    EXPECT_EQ(listed, named);
    const auto log = server_.Do<api::ListEventsResponse>(
        "li", R"(start { preset: EVENT_PRESET_EARLIEST } filter { types: "CaseOpened" })");
    for (const api::Event& event : log.batch().events()) logged.insert(event.case_number());
    EXPECT_EQ(logged, named);
    const auto summed =
        server_.Do<api::GetFunnelReportResponse>("li", R"(scope { program_id: "touchpoint" })");
    EXPECT_EQ(summed.total().opened_count(), std::ssize(named));
    const auto counted = server_.Do<api::GetFunnelReportResponse>(
        "li", R"(scope { program_id: "touchpoint" group_by: "org_unit" })");
    EXPECT_EQ(counted.total().opened_count(), std::ssize(named));
    EXPECT_EQ(counted.groups_size(), std::ssize(named));
    return named;
  };
  EXPECT_THAT(seen(), ElementsAre(east));
  server_.clock().Advance(hours(1) - seconds(1));
  EXPECT_THAT(seen(), ElementsAre(east));
  server_.clock().Advance(seconds(1));
  EXPECT_THAT(seen(), ElementsAre(east, west)) << "to the second, remembered or not";
  server_.clock().Advance(minutes(59));
  EXPECT_THAT(seen(), ElementsAre(east, west));
  server_.clock().Advance(minutes(1));
  EXPECT_THAT(seen(), ElementsAre(west));
  server_.clock().Advance(minutes(59));
  EXPECT_TRUE(GetsIn("li"));
  server_.clock().Advance(minutes(1));
  EXPECT_FALSE(GetsIn("li")) << "nothing is not everything";
}

// ---- Nobody gives more than they have ----------------------------------------------------------

class GrantTest : public AccessTest {
 protected:
  GrantTest() {
    AddUser("boss", "manager",
            R"(queue_ids: "vip" queue_ids: "desk" org_units { org_unit_id: "east" })");
    SignIn("boss", "boss");
    AddUser("temp", "manager",
            R"(org_units { org_unit_id: "east" )" + Seconds("end_time", days(10)) + "}");
    SignIn("temp", "temp");
    AddUser("root", "admin");
    SignIn("root", "root");
  }

  Refusal RefuseUser(const std::string& who, const std::string& user) {
    return server_.Refuse(who, "AccessService/CreateUser", "user { name: \"new\" " + user + " }");
  }
};

TEST_F(GrantTest, OfUsers) {
  const std::string east = R"( org_units { org_unit_id: "east/suzhou" } )";
  const std::string vip = R"( queue_ids: "vip" )";
  struct Row {
    std::string who, user, what, value;
  };
  for (const Row& row : std::vector<Row>{
           {"manager", R"(role: "admin")", "role", "admin"},
           {"manager", R"(role: "integration")", "role", "integration"},
           {"boss", R"(role: "admin")" + east + vip, "role", "admin"},
           {"boss", R"(role: "agent")" + vip, "org_unit", "*"},
           {"boss", R"(role: "agent" org_units { org_unit_id: "west" })" + vip, "org_unit", "west"},
           {"boss", R"(role: "agent" org_units { org_unit_id: "eastern" })" + vip, "org_unit",
            "eastern"},
           {"boss", R"(role: "agent")" + east, "queue", "*"},
           {"boss", R"(role: "agent" queue_ids: "other")" + east, "queue", "other"},
           {"temp", R"(role: "agent")" + east, "org_unit", "east/suzhou"},
           {"temp",
            R"(role: "agent" org_units { org_unit_id: "east" )" + Seconds("end_time", days(11)) +
                "}",
            "org_unit", "east"}}) {
    SCOPED_TRACE(row.who + ": " + row.user);
    const Refusal refusal = RefuseUser(row.who, row.user);
    EXPECT_EQ(refusal.code, grpc::StatusCode::PERMISSION_DENIED) << refusal;
    EXPECT_EQ(refusal.reason, "GRANT_EXCEEDS_OWN") << refusal;
    EXPECT_EQ(refusal.metadata.at("what"), row.what);
    EXPECT_EQ(refusal.metadata.at("value"), row.value);
  }
  for (const char* who : {"supervisor", "agent", "integration", "viewer"}) {
    EXPECT_EQ(RefuseUser(who, R"(role: "viewer")").reason, "ROLE_NOT_ALLOWED") << who;
  }
  server_.Do<api::CreateUserResponse>("boss",
                                      R"(user { name: "n1" role: "supervisor")" + east + vip + "}");
  server_.Do<api::CreateUserResponse>(
      "temp", R"(user { name: "n2" role: "agent" org_units { org_unit_id: "east" )" +
                  Seconds("end_time", days(10)) + "} }");
}

TEST_F(GrantTest, ToThoseThereAre) {
  AddUser("mine", "agent", R"(queue_ids: "vip" org_units { org_unit_id: "east" })");
  AddUser("west", "agent", R"(queue_ids: "vip" org_units { org_unit_id: "west" })");
  AddUser("crm", "integration", R"(queue_ids: "vip" org_units { org_unit_id: "east" })");
  AddUser("chief", "admin", R"(queue_ids: "vip" org_units { org_unit_id: "east" })");
  // Outside the scope: as if it were not there, in all that names a user.
  for (const char* method :
       {"GetUser", "DisableUser", "EnableUser", "ResetPassword", "ListSessions", "ListApiKeys"}) {
    SCOPED_TRACE(method);
    const std::string name = std::string("AccessService/") + method;
    const Refusal hidden = server_.Refuse("boss", name, R"(user_name: "west")");
    const Refusal absent = server_.Refuse("boss", name, R"(user_name: "none")");
    EXPECT_EQ(hidden.code, grpc::StatusCode::NOT_FOUND) << hidden;
    EXPECT_EQ(hidden.bytes, absent.bytes);
    EXPECT_EQ(server_.Refuse("boss", name, R"(user_name: "root")").bytes, absent.bytes);
    if (std::string(method) == "GetUser") continue;
    // Inside it, but with more than a manager has: to reset their password would be to become them.
    for (const char* above : {"crm", "chief"}) {
      EXPECT_EQ(server_.Refuse("boss", name, std::string("user_name: \"") + above + "\"").reason,
                "GRANT_EXCEEDS_OWN")
          << above;
    }
  }
  const auto list = server_.Do<api::ListUsersResponse>("boss", "");
  std::vector<std::string> names;
  for (const api::User& user : list.users()) names.push_back(user.name());
  EXPECT_THAT(names, ElementsAre("boss", "chief", "crm", "mine"));
  const auto update = [](const std::string& user, const std::string& mask) {
    return "user { " + user + " } update_mask { " + mask + " }";
  };
  EXPECT_EQ(server_
                .Refuse("boss", "AccessService/UpdateUser",
                        update(R"(name: "mine" role: "admin")", R"(paths: "role")"))
                .reason,
            "GRANT_EXCEEDS_OWN");
  EXPECT_EQ(server_
                .Refuse("boss", "AccessService/UpdateUser",
                        update(R"(name: "mine")", R"(paths: "org_units")"))
                .reason,
            "GRANT_EXCEEDS_OWN")
      << "no org unit would be every one";
  EXPECT_EQ(server_
                .Refuse("boss", "AccessService/UpdateUser",
                        update(R"(name: "chief" role: "agent")", R"(paths: "role")"))
                .reason,
            "GRANT_EXCEEDS_OWN");
  EXPECT_EQ(server_
                .Refuse("boss", "AccessService/CreateApiKey",
                        R"(user_name: "chief" description: "x" )" + Seconds("end_time", days(1)))
                .reason,
            "GRANT_EXCEEDS_OWN");
  server_.Do<api::ResetPasswordResponse>("boss", R"(user_name: "mine")");
}

TEST_F(GrantTest, NobodyChangesTheirOwnRights) {
  for (const auto& [user, mask] : std::vector<std::pair<std::string, std::string>>{
           {R"(name: "boss" role: "agent")", "role"},
           {R"(name: "BOSS" org_units { org_unit_id: "east/suzhou" })", "org_units"},
           {R"(name: "boss" queue_ids: "vip")", "queue_ids"}}) {
    EXPECT_EQ(server_
                  .Refuse("boss", "AccessService/UpdateUser",
                          "user { " + user + " } update_mask { paths: \"" + mask + "\" }")
                  .reason,
              "OWN_RIGHTS_KEPT")
        << user;
  }
  EXPECT_EQ(server_.Refuse("boss", "AccessService/ResetPassword", R"(user_name: "boss")").reason,
            "OWN_RIGHTS_KEPT");
  server_.Do<api::UpdateUserResponse>(
      "boss", R"(user { name: "boss" language: "en" } update_mask { paths: "language" })");
}

TEST_F(GrantTest, TheLastAdministratorStays) {
  AddUser("scoped", "admin", R"(org_units { org_unit_id: "east" })");
  server_.Do<api::CreateUserResponse>("admin", R"(user { name: "invited" role: "admin" })");
  for (const auto& [who, method, request] :
       std::vector<std::tuple<const char*, const char*, const char*>>{
           {"root", "DisableUser", R"(user_name: "root")"},
           {"admin", "DisableUser", R"(user_name: "root")"},
           {"admin", "UpdateUser",
            R"(user { name: "root" role: "manager" } update_mask { paths: "role" })"},
           {"admin", "UpdateUser",
            R"(user { name: "root" queue_ids: "vip" } update_mask { paths: "queue_ids" })"}}) {
    const Refusal refusal = server_.Refuse(who, std::string("AccessService/") + method, request);
    EXPECT_EQ(refusal.reason, "LAST_ADMIN") << who << request << refusal;
  }
  AddUser("second", "admin");
  SignIn("second", "second");
  // Each disables the other at the same time: one stays.
  std::vector<std::thread> threads;
  for (const auto& [who, whom] : {std::pair("root", "second"), std::pair("second", "root")}) {
    threads.emplace_back([this, who = who, whom = whom] {
      api::DisableUserRequest request;
      request.set_request_id("r");
      request.set_user_name(whom);
      api::DisableUserResponse response;
      server_.Call(who, request, &response);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Records([](AccessRecords& records) {
    EXPECT_NE(records.FindUser("root")->disabled, records.FindUser("second")->disabled);
  });
}

// ---- API keys ----------------------------------------------------------------------------------

TEST_F(AccessTest, AKeyActsAsItsUserWithinWhatItWasGiven) {
  AddUser("crm", "manager", R"(org_units { org_unit_id: "east" } queue_ids: "vip")");
  SignIn("crm", "crm");
  const auto made = AddKey("crm", "key",
                           R"(role: "agent" org_unit_ids: "east/suzhou"
                methods: "rebound.v1.CaseService/GetCase"
                methods: "rebound.v1.CaseService/OpenCase")");
  EXPECT_TRUE(made.secret().starts_with("rbk_"));
  EXPECT_EQ(made.secret().size(), 47u);
  EXPECT_EQ(made.api_key().prefix(), made.secret().substr(0, 12));
  EXPECT_EQ(made.api_key().user_name(), "crm");
  const api::CallerIdentity identity = WhoAmI("key");
  EXPECT_EQ(identity.name(), "crm");
  EXPECT_EQ(identity.role(), "agent");
  EXPECT_THAT(identity.org_unit_ids(), ElementsAre("east/suzhou"));
  EXPECT_THAT(identity.queue_ids(), ElementsAre("vip"));
  EXPECT_EQ(identity.credential_kind(), api::CREDENTIAL_KIND_API_KEY);
  EXPECT_EQ(identity.credential_id(), made.api_key().id());
  EXPECT_THAT(identity.methods(),
              ElementsAre("rebound.v1.AccessService/WhoAmI", "rebound.v1.CaseService/GetCase",
                          "rebound.v1.CaseService/OpenCase"));
  const std::string in = R"(case { program_id: "touchpoint" queue_id: "vip" org_unit_id: )";
  server_.Do<api::OpenCaseResponse>("key", in + R"("east/suzhou" })");
  EXPECT_EQ(server_.Refuse("key", "CaseService/OpenCase", in + R"("east" })").reason, "NOT_FOUND");
  const Refusal refusal = server_.Refuse("key", "CaseService/ListCases", "");
  EXPECT_EQ(refusal.code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refusal.reason, "METHOD_NOT_GRANTED");
  EXPECT_EQ(refusal.metadata.at("key"), made.api_key().prefix());
}

TEST_F(AccessTest, TwoKeysOfOneUserAreOnePrincipal) {
  AddUser("crm", "agent");
  SignIn("crm", "crm");
  AddKey("crm", "one");
  AddKey("crm", "two");
  const std::string request = R"(request_id: "r" case { program_id: "touchpoint" })";
  const auto first = server_.Do<api::OpenCaseResponse>("one", request);
  const auto second = server_.Do<api::OpenCaseResponse>("two", request);
  EXPECT_TRUE(second.replayed());
  EXPECT_EQ(second.case_().id(), first.case_().id());
  EXPECT_TRUE(server_.Do<api::OpenCaseResponse>("crm", request).replayed());
}

TEST_F(AccessTest, KeysManageNoIdentities) {
  AddUser("boss", "admin");
  SignIn("boss", "boss");
  AddKey("boss", "key");
  for (const auto* method : AllMethods()) {
    if (method->service()->name() != "AccessService" || method->name() == "WhoAmI" ||
        method->name() == "SignIn" || method->name() == "SetUpAdmin" ||
        method->name() == "RedeemLink") {
      continue;
    }
    EXPECT_EQ(ToRefusal(server_.CallRaw("key", PathOf(*method), "")).reason, "METHOD_NOT_GRANTED")
        << PathOf(*method);
  }
  server_.Do<api::ListCasesResponse>("key", "");
}

TEST_F(AccessTest, AKeyHasNoMoreThanItsUserHasNow) {
  AddUser("li", "manager", R"(org_units { org_unit_id: "east" })");
  SignIn("li", "li");
  AddKey("li", "all");
  AddKey("li", "agent", R"(role: "agent")");
  AddKey("li", "suzhou", R"(org_unit_ids: "east/suzhou")");
  const auto change = [&](const std::string& user, const std::string& path) {
    server_.Do<api::UpdateUserResponse>(
        "admin", "user { name: \"li\" " + user + " } update_mask { paths: \"" + path + "\" }");
  };
  change(R"(org_units { org_unit_id: "east/nanjing" })", "org_units");
  EXPECT_THAT(WhoAmI("all").org_unit_ids(), ElementsAre("east/nanjing"));
  EXPECT_FALSE(GetsIn("suzhou")) << "nothing lies in both";
  change(R"(org_units { org_unit_id: "east" })", "org_units");
  EXPECT_TRUE(GetsIn("suzhou"));
  change(R"(role: "supervisor")", "role");
  EXPECT_FALSE(GetsIn("all")) << "its role is the manager's";
  EXPECT_TRUE(GetsIn("agent"));
  change(R"(role: "viewer")", "role");
  EXPECT_FALSE(GetsIn("agent"));
}

TEST_F(AccessTest, NoKeyIsMadeBeyondItsUser) {
  AddUser("li", "supervisor", R"(org_units { org_unit_id: "east" } queue_ids: "vip")");
  SignIn("li", "li");
  const std::string rest = R"( description: "x" )" + Seconds("end_time", days(1));
  struct Row {
    std::string request, what, value;
  };
  for (const Row& row : std::vector<Row>{{R"(role: "manager")", "role", "manager"},
                                         {R"(role: "integration")", "role", "integration"},
                                         {R"(org_unit_ids: "west")", "org_unit", "west"},
                                         {R"(queue_ids: "desk")", "queue", "desk"},
                                         {R"(methods: "rebound.v1.ConfigService/ApplyConfig")",
                                          "method", "rebound.v1.ConfigService/ApplyConfig"},
                                         {R"(methods: "rebound.v1.AccessService/CreateApiKey")",
                                          "method", "rebound.v1.AccessService/CreateApiKey"}}) {
    const Refusal refusal = server_.Refuse("li", "AccessService/CreateApiKey", row.request + rest);
    EXPECT_EQ(refusal.reason, "GRANT_EXCEEDS_OWN") << row.request << refusal;
    EXPECT_EQ(refusal.metadata.at("what"), row.what);
    EXPECT_EQ(refusal.metadata.at("value"), row.value);
  }
  AddUser("wang", "agent");
  EXPECT_EQ(
      server_.Refuse("li", "AccessService/CreateApiKey", R"(user_name: "wang")" + rest).reason,
      "NOT_FOUND");
  EXPECT_EQ(server_.Refuse("agent", "AccessService/CreateApiKey", rest).reason, "NOT_FOUND")
      << "a principal is no user";
  for (const auto& [request, field] : std::vector<std::pair<std::string, std::string>>{
           {R"(description: "x")", "end_time"},
           {R"(description: "x" )" + Seconds("end_time", -seconds(1)), "end_time"},
           {R"(description: "x" )" + Seconds("end_time", days(366) + seconds(1)), "end_time"},
           {Seconds("end_time", days(1)), "description"},
           {R"(role: "boss")" + rest, "role"},
           {R"(methods: "GetCase")" + rest, "methods[0]"},
           {R"(org_unit_ids: "")" + rest, "org_unit_ids[0]"}}) {
    EXPECT_TRUE(server_.Refuse("li", "AccessService/CreateApiKey", request).HasField(field))
        << request;
  }
}

TEST_F(AccessTest, AKeyEndsInItsTimeAndWhenItIsRevoked) {
  AddUser("li", "agent");
  SignIn("li", "li");
  AddKey("li", "month");
  server_.clock().Advance(std::chrono::milliseconds(1));
  const auto short_lived = server_.Do<api::CreateApiKeyResponse>(
      "li", R"(description: "x" )" + Seconds("end_time", hours(1)));
  server_.UseToken("hour", short_lived.secret());
  server_.clock().Advance(hours(1) - seconds(1));
  EXPECT_TRUE(GetsIn("hour"));
  server_.clock().Advance(seconds(1));
  EXPECT_FALSE(GetsIn("hour")) << "to the second, remembered or not";
  SignIn("li", "li");
  const auto list = server_.Do<api::ListApiKeysResponse>("li", "");
  ASSERT_EQ(list.api_keys_size(), 2);
  EXPECT_TRUE(GetsIn("month"));
  const std::string id = "api_key_id: \"" + list.api_keys(0).id() + "\"";
  EXPECT_EQ(server_.Refuse("agent", "AccessService/RevokeApiKey", id).reason, "NOT_FOUND");
  const auto revoked = server_.Do<api::RevokeApiKeyResponse>("li", id);
  EXPECT_TRUE(revoked.api_key().has_revoke_time());
  EXPECT_FALSE(GetsIn("month"));
  EXPECT_EQ(
      server_.Refuse("li", "AccessService/RotateApiKey", id + Seconds("end_time", days(2))).reason,
      "API_KEY_ENDED");
}

TEST_F(AccessTest, RotationLeavesTheOldKeyItsGrace) {
  AddUser("crm", "agent");
  SignIn("crm", "crm");
  const auto old = AddKey("crm", "old", R"(methods: "rebound.v1.CaseService/ListCases")");
  const std::string id = "api_key_id: \"" + old.api_key().id() + "\"";
  EXPECT_TRUE(server_
                  .Refuse("crm", "AccessService/RotateApiKey",
                          id + Seconds("end_time", days(60)) + "grace { seconds: 604801 }")
                  .HasField("grace"));
  const std::string request =
      "request_id: \"rotate\" " + id + Seconds("end_time", days(60)) + "grace { seconds: 3600 }";
  const auto rotated = server_.Do<api::RotateApiKeyResponse>("crm", request);
  server_.UseToken("new", rotated.secret());
  EXPECT_NE(rotated.secret(), old.secret());
  EXPECT_EQ(rotated.replaced().id(), old.api_key().id());
  EXPECT_THAT(rotated.api_key().methods(), ElementsAre("rebound.v1.CaseService/ListCases"));
  EXPECT_EQ(rotated.api_key().description(), old.api_key().description());
  const auto replay = server_.Do<api::RotateApiKeyResponse>("crm", request);
  EXPECT_TRUE(replay.replayed());
  EXPECT_EQ(replay.api_key().id(), rotated.api_key().id());
  EXPECT_THAT(replay.secret(), IsEmpty());
  const auto works = [&](const char* who) {
    api::ListCasesResponse response;
    return server_.Call(who, api::ListCasesRequest(), &response).ok();
  };
  server_.clock().Advance(minutes(59));
  EXPECT_TRUE(works("old"));
  EXPECT_TRUE(works("new"));
  server_.clock().Advance(minutes(1));
  EXPECT_FALSE(works("old"));
  EXPECT_TRUE(works("new"));
}

TEST_F(AccessTest, LastUseIsKnownToTheHour) {
  AddUser("crm", "agent");
  SignIn("crm", "crm");
  AddKey("crm", "key");
  const auto used = [&] {
    return server_.Do<api::ListApiKeysResponse>("manager", R"(user_name: "crm")").api_keys(0);
  };
  EXPECT_FALSE(used().has_use_time());
  ASSERT_TRUE(GetsIn("key"));
  // Written behind the call; the restart waits for it.
  server_.Restart();
  EXPECT_EQ(used().use_time().seconds(), ToMillis(kServerStart) / 1000);
  server_.clock().Advance(minutes(59));
  ASSERT_TRUE(GetsIn("key"));
  server_.Restart();
  EXPECT_EQ(used().use_time().seconds(), ToMillis(kServerStart) / 1000);
  server_.clock().Advance(minutes(1));
  ASSERT_TRUE(GetsIn("key"));
  server_.Restart();
  EXPECT_EQ(used().use_time().seconds(), ToMillis(kServerStart + hours(1)) / 1000);
}

// ---- Secrets -----------------------------------------------------------------------------------

TEST_F(AccessTest, NoSecretLiesInAnyFileOfTheDatabase) {
  AddUser("li", "agent");
  const auto session = SignIn("li", "li");
  const auto key = AddKey("li", "key");
  const auto reset = server_.Do<api::CreateUserResponse>(
      "admin", R"(user { name: "wang" role: "agent" } with_link: true)");
  server_.Do<api::SetPasswordResponse>(
      "li", std::string("old_password: \"") + kPassword + "\" new_password: \"" + kOther + "\"");
  const auto search = [&] {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.folder())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      for (const std::string& secret : {session.session_token(), key.secret(), reset.link_token(),
                                        std::string(kPassword), std::string(kOther)}) {
        EXPECT_EQ(bytes.find(secret), std::string::npos) << entry.path();
        // Nor without its prefix, of which a key's first characters are kept on purpose.
        EXPECT_EQ(bytes.find(secret.substr(12)), std::string::npos) << entry.path();
      }
    }
  };
  search();
  server_.Restart();
  search();
}

}  // namespace
}  // namespace rebound::fixtures
