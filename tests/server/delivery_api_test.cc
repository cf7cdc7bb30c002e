// Endpoints and the log of deliveries over the API. What is delivered when: dispatcher_test.cc.
#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/delivery_service.pb.h"
#include "server/delivery/ping.h"
#include "server/delivery/webhook.h"
#include "server/storage/delivery_records.h"
#include "tests/fixtures/receiver.h"
#include "tests/fixtures/test_server.h"
#include "workflows/check.h"

namespace rebound::fixtures {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kHook = R"(kind: ENDPOINT_KIND_WEBHOOK url: "https://hooks.example.com/a")";

std::string Quoted(const std::string& name, const std::string& value) {
  return name + ": \"" + value + "\" ";
}

class DeliveryApiTest : public ServerTest {
 protected:
  api::CreateEndpointResponse Create(std::string_view who, const std::string& endpoint = kHook,
                                     const std::string& more = "") {
    return server_.Do<api::CreateEndpointResponse>(who, "endpoint { " + endpoint + " } " + more);
  }
  std::string IdOf(std::string_view who, const std::string& endpoint = kHook) {
    return Create(who, endpoint).endpoint().id();
  }
  api::Endpoint Get(std::string_view who, const std::string& id) {
    return server_.Do<api::GetEndpointResponse>(who, Quoted("endpoint_id", id)).endpoint();
  }
  // As the store has it.
  Endpoint Stored(const std::string& id) {
    std::optional<Endpoint> found;
    server_.store().ReadDeliveries(
        [&](DeliveryRecords& records) { found = records.GetEndpoint(*ParseId<RawId>(id)); });
    CHECK(found);
    return *found;
  }
  Refusal RefuseEndpoint(const std::string& endpoint, const std::string& more = "") {
    return server_.Refuse("admin", "DeliveryService/CreateEndpoint",
                          "endpoint { " + endpoint + " } " + more);
  }
};

// ---- What is saved -----------------------------------------------------------------------------

TEST_F(DeliveryApiTest, AWebhooksSecretIsShownOnce) {
  const auto made = Create("integration", std::string(kHook) + R"( filter { types: "CaseOpened" }
                             headers { key: "Authorization" value: "Bearer hidden" })",
                           R"(request_id: "once")");
  EXPECT_TRUE(IsSigningKey(made.secret()));
  EXPECT_TRUE(made.secret().starts_with("whsec_"));
  EXPECT_THAT(made.public_key(), IsEmpty());
  EXPECT_EQ(made.endpoint().owner(), "integration");
  EXPECT_EQ(made.endpoint().state(), api::ENDPOINT_STATE_ACTIVE);
  EXPECT_EQ(made.endpoint().url(), "https://hooks.example.com/a");
  EXPECT_THAT(made.endpoint().filter().types(), ElementsAre("CaseOpened"));
  EXPECT_EQ(made.endpoint().headers().at("Authorization"), "***");
  EXPECT_THAT(Stored(made.endpoint().id()).headers,
              ElementsAre(testing::Pair("Authorization", "Bearer hidden")));

  const auto again = Create("integration", std::string(kHook) + R"( filter { types: "CaseOpened" }
                              headers { key: "Authorization" value: "Bearer hidden" })",
                            R"(request_id: "once")");
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.endpoint().id(), made.endpoint().id());
  EXPECT_THAT(again.secret(), IsEmpty());
  EXPECT_EQ(server_
                .Refuse("integration", "DeliveryService/CreateEndpoint",
                        R"(request_id: "once" endpoint { kind: ENDPOINT_KIND_WEBHOOK
                              url: "https://hooks.example.com/b" })")
                .reason,
            "REQUEST_ID_REUSED");
  for (const std::string& text :
       {Get("integration", made.endpoint().id()).DebugString(), again.DebugString(),
        server_.Do<api::ListEndpointsResponse>("integration", "").DebugString()}) {
    EXPECT_THAT(text, Not(HasSubstr(made.secret())));
    EXPECT_THAT(text, Not(HasSubstr("Bearer hidden")));
  }
}

TEST_F(DeliveryApiTest, OfEd25519ThePublicKeyIsShown) {
  const auto made = Create("admin", kHook, "signing_scheme: SIGNING_SCHEME_ED25519");
  EXPECT_THAT(made.secret(), IsEmpty());
  const std::string kept = Stored(made.endpoint().id()).secrets.front();
  EXPECT_TRUE(kept.starts_with("whsk_"));
  EXPECT_EQ(made.public_key(), PublicKeyOf(kept));
  const auto shown =
      server_.Do<api::GetEndpointResponse>("admin", Quoted("endpoint_id", made.endpoint().id()));
  EXPECT_EQ(shown.public_key(), made.public_key());
}

TEST_F(DeliveryApiTest, ARobotsKeyIsNeverShown) {
  struct Row {
    const char* kind;
    const char* url;
    const char* shown;
    const char* secret;
  };
  for (const Row& row :
       std::vector<Row>{{"WECOM", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=hidden-key",
                         "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?***", ""},
                        {"DINGTALK", "https://oapi.dingtalk.com/robot/send?access_token=hidden-key",
                         "https://oapi.dingtalk.com/robot/send?***", "SEChidden"},
                        {"FEISHU", "https://open.feishu.cn/open-apis/bot/v2/hook/hidden-key",
                         "https://open.feishu.cn/open-apis/bot/v2/hook/***", "hidden-secret"},
                        {"FEISHU", "https://open.feishu.cn/open-apis/bot/v2/hook/hidden-key/",
                         "https://open.feishu.cn/open-apis/bot/v2/hook/***", "hidden-secret"},
                        {"FEISHU", "https://open.feishu.cn/open-apis/bot/v2/hook/hidden-key?x=1",
                         "https://open.feishu.cn/open-apis/bot/v2/hook/***", "hidden-secret"},
                        {"FEISHU", "https://open.feishu.cn/open-apis/bot/v2/hook/hidden-key//?/x",
                         "https://open.feishu.cn/open-apis/bot/v2/hook/***", "hidden-secret"}}) {
    SCOPED_TRACE(row.kind);
    const auto made = Create(
        "admin", "kind: ENDPOINT_KIND_" + std::string(row.kind) + " " + Quoted("url", row.url),
        Quoted("robot_secret", row.secret));
    EXPECT_EQ(made.endpoint().url(), row.shown);
    EXPECT_THAT(made.DebugString(), Not(HasSubstr("hidden")));
    EXPECT_EQ(Stored(made.endpoint().id()).url, row.url);
    EXPECT_EQ(Stored(made.endpoint().id()).secrets, row.secret == std::string()
                                                        ? std::vector<std::string>()
                                                        : std::vector<std::string>{row.secret});
    // What was read does not overwrite what is there.
    EXPECT_EQ(server_
                  .Refuse("admin", "DeliveryService/UpdateEndpoint",
                          "endpoint { " + Quoted("id", made.endpoint().id()) +
                              Quoted("url", row.shown) + R"(} update_mask { paths: "url" })")
                  .reason,
              "VALUE_MASKED");
  }
}

// Or whoever corrects a secret would be told that it is done.
TEST_F(DeliveryApiTest, TheSameRequestWithAnotherSecretIsAnother) {
  const std::string robot =
      R"(kind: ENDPOINT_KIND_FEISHU url: "https://open.feishu.cn/open-apis/bot/v2/hook/k")";
  const std::string once = R"(request_id: "once")";
  const auto made = Create("admin", robot, once + Quoted("robot_secret", "first"));
  EXPECT_TRUE(Create("admin", robot, once + Quoted("robot_secret", "first")).replayed());
  EXPECT_EQ(server_
                .Refuse("admin", "DeliveryService/CreateEndpoint",
                        once + " endpoint {" + robot + "}" + Quoted("robot_secret", "second"))
                .reason,
            "REQUEST_ID_REUSED");
  EXPECT_THAT(Stored(made.endpoint().id()).secrets, ElementsAre("first"));
}

// RELIABILITY 3, attack 52, at save.
TEST_F(DeliveryApiTest, NoAddressOfOursIsSaved) {
  for (const char* url : {"http://hooks.example.com/",
                          "ftp://hooks.example.com/",
                          "file:///etc/passwd",
                          "gopher://hooks.example.com/",
                          "https://user@hooks.example.com/",
                          "https://user:password@hooks.example.com/",
                          "https://127.0.0.1/",
                          "https://127.1/",
                          "https://2130706433/",
                          "https://0x7f000001/",
                          "https://0177.0.0.1/",
                          "https://10.0.0.1/",
                          "https://192.168.1.1/",
                          "https://172.16.0.1/",
                          "https://169.254.169.254/latest/meta-data/",
                          "https://100.64.0.1/",
                          "https://0.0.0.0/",
                          "https://[::1]/",
                          "https://[::]/",
                          "https://[::ffff:127.0.0.1]/",
                          "https://[fe80::1]/",
                          "https://[fc00::1]/",
                          "https://localhost/",
                          "https://a.localhost/",
                          "https://LOCALHOST./",
                          "https://hooks.example.com:22/",
                          "https://hooks.example.com:6379/",
                          "not a url",
                          "https://",
                          "//hooks.example.com/"}) {
    SCOPED_TRACE(url);
    const Refusal refusal = RefuseEndpoint("kind: ENDPOINT_KIND_WEBHOOK " + Quoted("url", url));
    EXPECT_EQ(refusal.reason, "TARGET_FORBIDDEN");
    EXPECT_TRUE(refusal.HasField("endpoint.url"));
  }
  const std::string id = IdOf("admin");
  EXPECT_EQ(server_
                .Refuse("admin", "DeliveryService/UpdateEndpoint",
                        "endpoint { " + Quoted("id", id) +
                            R"(url: "https://10.0.0.1/" } update_mask { paths: "url" })")
                .reason,
            "TARGET_FORBIDDEN");
}

// RELIABILITY 3, attack 55.
TEST_F(DeliveryApiTest, NoHeaderOfOursIsAdded) {
  const auto header = [](const std::string& name, const std::string& value) {
    return "headers { " + Quoted("key", name) + Quoted("value", value) + "} ";
  };
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"Host", "internal"},
                                                        {"host", "internal"},
                                                        {"webhook-id", "x"},
                                                        {"Webhook-Signature", "x"},
                                                        {"Content-Length", "0"},
                                                        {"content-type", "text/plain"},
                                                        {"Transfer-Encoding", "chunked"},
                                                        {"Connection", "close"},
                                                        {"", "x"},
                                                        {"a b", "x"},
                                                        {"x-a:", "x"},
                                                        {R"(x-a\r\nHost)", "x"},
                                                        {"x-a", R"(x\r\nHost: internal)"},
                                                        {"x-a", R"(x\n)"},
                                                        {"x-a", "é"}}) {
    SCOPED_TRACE(name + ": " + value);
    const Refusal refusal = RefuseEndpoint(std::string(kHook) + " " + header(name, value));
    EXPECT_EQ(refusal.reason, "HEADER_NOT_ALLOWED");
  }
  std::string many;
  for (int i = 0; i <= 20; ++i) many += header("x-" + std::to_string(i), "x");
  EXPECT_EQ(RefuseEndpoint(std::string(kHook) + " " + many).reason, "TOO_MANY_ITEMS");
  EXPECT_EQ(
      RefuseEndpoint(std::string(kHook) + " " + header("x-a", std::string(1'025, 'x'))).reason,
      "TEXT_TOO_LONG");
  EXPECT_EQ(RefuseEndpoint(std::string(kHook) + " " + header("x-a", "***")).reason, "VALUE_MASKED");
  EXPECT_EQ(RefuseEndpoint(R"(kind: ENDPOINT_KIND_WECOM url: "https://qyapi.weixin.qq.com/x" )" +
                           header("x-a", "x"))
                .reason,
            "HEADER_NOT_ALLOWED");
}

TEST_F(DeliveryApiTest, EachKindHasWhatIsItsOwn) {
  struct Row {
    std::string endpoint;
    std::string more;
    const char* reason;
    const char* field;
  };
  const std::string wecom = R"(kind: ENDPOINT_KIND_WECOM url: "https://qyapi.weixin.qq.com/x" )";
  for (const Row& row : std::vector<Row>{
           {"", "", "ENUM_VALUE_UNKNOWN", "endpoint.kind"},
           {"kind: ENDPOINT_KIND_WEBHOOK", "", "REQUIRED_FIELD_MISSING", "endpoint.url"},
           {std::string(kHook) + R"( recipients: "a@example.com")", "", "ID_INVALID",
            "endpoint.recipients"},
           {std::string(kHook) + R"( language: "fr")", "", "ID_INVALID", "endpoint.language"},
           {std::string(kHook) + R"( filter { types: "CaseExploded" })", "", "ENUM_VALUE_UNKNOWN",
            "endpoint.filter.types[0]"},
           {kHook, R"(robot_secret: "x")", "ID_INVALID", "robot_secret"},
           {wecom, R"(robot_secret: "x")", "ID_INVALID", "robot_secret"},
           {wecom, "signing_scheme: SIGNING_SCHEME_HMAC", "ENUM_VALUE_UNKNOWN", "signing_scheme"},
           {R"(kind: ENDPOINT_KIND_FEISHU url: "https://open.feishu.cn/x")",
            R"(robot_secret: "a b")", "ID_INVALID", "robot_secret"},
           {"kind: ENDPOINT_KIND_EMAIL", "", "REQUIRED_FIELD_MISSING", "endpoint.recipients"},
           {R"(kind: ENDPOINT_KIND_EMAIL recipients: "a@example.com" recipients: "a@b@c")", "",
            "ID_INVALID", "endpoint.recipients[1]"},
           {R"(kind: ENDPOINT_KIND_EMAIL recipients: "a@example.com"
               url: "https://hooks.example.com/")",
            "", "ID_INVALID", "endpoint.url"}}) {
    SCOPED_TRACE(row.endpoint + " " + row.more);
    const Refusal refusal = RefuseEndpoint(row.endpoint, row.more);
    EXPECT_EQ(refusal.reason, row.reason) << refusal;
    EXPECT_TRUE(refusal.HasField(row.field)) << refusal;
  }
  EXPECT_EQ(RefuseEndpoint(R"(kind: ENDPOINT_KIND_EMAIL recipients: "a@example.com")").reason,
            "MAIL_NOT_SET_UP");
  EXPECT_EQ(RefuseEndpoint(std::string(kHook) + R"( filter { case_ids: "C-999999" })").reason,
            "NOT_FOUND");
  EXPECT_THAT(server_.Do<api::ListEndpointsResponse>("admin", "").endpoints(), IsEmpty());
}

TEST_F(DeliveryApiTest, NobodyHasMoreThanAHundred) {
  const std::string first = IdOf("integration");
  server_.clock().Advance(seconds(1));
  for (int i = 1; i < 100; ++i) IdOf("integration");
  const std::string text = std::string("endpoint { ") + kHook + " }";
  EXPECT_EQ(server_.Refuse("integration", "DeliveryService/CreateEndpoint", text).reason,
            "ENDPOINT_LIMIT_REACHED");
  IdOf("admin");
  // Pages, oldest first.
  std::vector<std::string> ids;
  std::string token;
  do {
    const auto page = server_.Do<api::ListEndpointsResponse>(
        "integration", "page_size: 33 " + Quoted("page_token", token));
    for (const auto& endpoint : page.endpoints()) ids.push_back(endpoint.id());
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(ids, SizeIs(100));
  EXPECT_EQ(ids.front(), first);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  server_.Do<api::DeleteEndpointResponse>("integration", Quoted("endpoint_id", first));
  IdOf("integration");
}

// ---- Whose it is -------------------------------------------------------------------------------

TEST_F(DeliveryApiTest, OthersEndpointsAreNotThere) {
  server_.AddIdentity("erp", "integration");
  const std::string id = IdOf("integration");
  const std::string none = "00000000000000000000000001";
  const auto& service = *api::CreateEndpointRequest::descriptor()->file()->service(0);
  int named = 0;
  for (int i = 0; i < service.method_count(); ++i) {
    const std::string name = service.method(i)->name();
    std::string text =
        name == "UpdateEndpoint"
            ? R"(endpoint { id: "ID" language: "en" } update_mask { paths: "language" })"
            : R"(endpoint_id: "ID")";
    if (name == "CreateEndpoint" || name == "ListEndpoints") continue;
    if (name == "ReplayDeliveries") text += " all_dead: true";
    SCOPED_TRACE(name);
    const auto with = [&](const std::string& of) {
      std::string filled = text;
      return filled.replace(filled.find("ID"), 2, of);
    };
    const Refusal foreign = server_.Refuse("erp", "DeliveryService/" + name, with(id));
    EXPECT_EQ(foreign.reason, "NOT_FOUND");
    EXPECT_EQ(foreign.bytes, server_.Refuse("erp", "DeliveryService/" + name, with(none)).bytes);
    EXPECT_EQ(server_.Refuse("agent", "DeliveryService/" + name, with(id)).reason,
              "ROLE_NOT_ALLOWED");
    ++named;
  }
  EXPECT_EQ(named, 9);
  EXPECT_THAT(server_.Do<api::ListEndpointsResponse>("erp", "").endpoints(), IsEmpty());
  EXPECT_EQ(Get("admin", id).owner(), "integration") << "an administrator sees all";
  // But one who sees a part sees no endpoint that is sent all.
  server_.AddIdentity("eastern admin", "admin", {.org_units = {"east"}, .queues = {}});
  EXPECT_EQ(
      server_.Refuse("eastern admin", "DeliveryService/GetEndpoint", Quoted("endpoint_id", id))
          .reason,
      "NOT_FOUND");
  server_.AddIdentity("eastern crm", "integration", {.org_units = {"east/a"}, .queues = {}});
  const std::string eastern = IdOf("eastern crm");
  EXPECT_EQ(Get("eastern admin", eastern).owner(), "eastern crm");
  EXPECT_EQ(Stored(eastern).scope.org_units, std::vector<std::string>{"east/a"});
  EXPECT_EQ(Stored(eastern).role, "integration");
}

// An endpoint that is sent all its owner sees would give a key that is for less of it all of it.
TEST_F(DeliveryApiTest, AKeyChangesNoEndpointThatIsSentMoreThanItSees) {
  server_.Do<api::CreateUserResponse>("admin", R"(user { name: "crm" role: "integration" })");
  const auto key = [&](const std::string& who, const std::string& limits) {
    server_.UseToken(
        who, server_
                 .Do<api::CreateApiKeyResponse>("admin", R"(user_name: "crm" description: "x"
                                              end_time { seconds: 1773442000 } )" +
                                                             limits)
                 .secret());
  };
  key("whole", "");
  key("part", R"(org_unit_ids: "east")");
  key("feeder", R"(methods: "rebound.v1.DeliveryService/UpdateEndpoint"
                   methods: "rebound.v1.DeliveryService/CreateEndpoint")");
  const std::string whole = IdOf("whole");
  const std::string part = IdOf("part");
  EXPECT_EQ(Get("whole", part).owner(), "crm");
  EXPECT_EQ(
      server_.Refuse("part", "DeliveryService/GetEndpoint", Quoted("endpoint_id", whole)).reason,
      "NOT_FOUND");
  EXPECT_EQ(server_
                .Refuse("part", "DeliveryService/UpdateEndpoint",
                        "endpoint { " + Quoted("id", whole) +
                            R"(url: "https://b.example.com/" } update_mask { paths: "url" })")
                .reason,
            "NOT_FOUND");
  EXPECT_EQ(server_
                .Refuse("feeder", "DeliveryService/CreateEndpoint",
                        std::string("endpoint { ") + kHook + " }")
                .reason,
            "METHOD_NOT_GRANTED")
      << "it may not list events";
  const auto seen = server_.Do<api::ListEndpointsResponse>("part", "");
  ASSERT_THAT(seen.endpoints(), SizeIs(1));
  EXPECT_EQ(seen.endpoints(0).id(), part);
}

// ---- Changes -----------------------------------------------------------------------------------

TEST_F(DeliveryApiTest, OnlyWhatTheMaskNamesChanges) {
  const auto made =
      Create("admin", std::string(kHook) + R"( headers { key: "x-a" value: "1" } language: "en")");
  const std::string id = Quoted("id", made.endpoint().id());
  const auto update = [&](const std::string& fields, const std::string& paths) {
    return server_
        .Do<api::UpdateEndpointResponse>(
            "admin", "endpoint { " + id + fields + " } update_mask { " + paths + " }")
        .endpoint();
  };
  const auto changed =
      update(R"(url: "https://b.example.com/" language: "zh" filter { queue_ids: "vip" })",
             R"(paths: "url" paths: "filter")");
  EXPECT_EQ(changed.url(), "https://b.example.com/");
  EXPECT_EQ(changed.language(), "en");
  EXPECT_THAT(changed.filter().queue_ids(), ElementsAre("vip"));
  EXPECT_THAT(changed.headers(), SizeIs(1));
  EXPECT_FALSE(update("", R"(paths: "filter")").filter().queue_ids_size());
  EXPECT_THAT(update("", R"(paths: "headers")").headers(), IsEmpty());
  for (const char* mask :
       {"", R"(paths: "kind")", R"(paths: "*")", R"(paths: "url" paths: "url")"}) {
    SCOPED_TRACE(mask);
    EXPECT_EQ(server_
                  .Refuse("admin", "DeliveryService/UpdateEndpoint",
                          "endpoint { " + id + R"(url: "https://b.example.com/" } update_mask { )" +
                              mask + " }")
                  .reason,
              "UPDATE_MASK_INVALID");
  }
  EXPECT_EQ(Stored(made.endpoint().id()).secrets, std::vector<std::string>{made.secret()});
}

TEST_F(DeliveryApiTest, ASecretRotatesOncePerRequestAndTheOldOneSignsAlong) {
  const auto made = Create("admin");
  const std::string id = Quoted("endpoint_id", made.endpoint().id());
  const auto rotate = [&](const std::string& more) {
    return server_.Do<api::RotateEndpointSecretResponse>("admin", id + more);
  };
  const auto first = rotate(R"(request_id: "r1")");
  EXPECT_TRUE(IsSigningKey(first.secret()));
  EXPECT_NE(first.secret(), made.secret());
  EXPECT_EQ(first.endpoint().previous_secret_end_time().seconds(),
            ToMillis(kServerStart + hours(24)) / 1'000);
  Endpoint stored = Stored(made.endpoint().id());
  EXPECT_EQ(stored.secrets, (std::vector{first.secret(), made.secret()}));
  EXPECT_THAT(SigningKeysAt(stored, kServerStart + hours(23)), SizeIs(2));
  EXPECT_THAT(SigningKeysAt(stored, kServerStart + hours(24)), ElementsAre(first.secret()));

  const auto again = rotate(R"(request_id: "r1")");
  EXPECT_TRUE(again.replayed());
  EXPECT_THAT(again.secret(), IsEmpty());
  EXPECT_EQ(Stored(made.endpoint().id()).secrets, stored.secrets) << "not rotated again";

  const auto second = rotate("grace { seconds: 60 }");
  EXPECT_EQ(Stored(made.endpoint().id()).secrets, (std::vector{second.secret(), first.secret()}));
  server_.clock().Advance(seconds(60));
  EXPECT_FALSE(Get("admin", made.endpoint().id()).has_previous_secret_end_time());
  const auto third = rotate("grace { }");
  EXPECT_EQ(Stored(made.endpoint().id()).secrets, std::vector{third.secret()});
  EXPECT_FALSE(third.endpoint().has_previous_secret_end_time());
  EXPECT_EQ(
      server_
          .Refuse("admin", "DeliveryService/RotateEndpointSecret", id + "grace { seconds: 604801 }")
          .reason,
      "NUMBER_OUT_OF_RANGE");

  const std::string robot =
      IdOf("admin", R"(kind: ENDPOINT_KIND_FEISHU url: "https://open.feishu.cn/x")");
  EXPECT_EQ(
      server_.Refuse("admin", "DeliveryService/RotateEndpointSecret", Quoted("endpoint_id", robot))
          .reason,
      "REQUIRED_FIELD_MISSING");
  const auto given = server_.Do<api::RotateEndpointSecretResponse>(
      "admin", Quoted("endpoint_id", robot) + R"(robot_secret: "new")");
  EXPECT_THAT(given.secret(), IsEmpty());
  EXPECT_EQ(Stored(robot).secrets, std::vector<std::string>{"new"});
  const std::string wecom =
      IdOf("admin", R"(kind: ENDPOINT_KIND_WECOM url: "https://qyapi.weixin.qq.com/x?key=y")");
  EXPECT_EQ(
      server_.Refuse("admin", "DeliveryService/RotateEndpointSecret", Quoted("endpoint_id", wecom))
          .reason,
      "ID_INVALID");
}

TEST_F(DeliveryApiTest, EachChangeIsMadeOncePerRequest) {
  const std::string id = IdOf("admin");
  const std::string named = Quoted("endpoint_id", id), other = Quoted("endpoint_id", "x");
  const std::string endpoint = std::string("endpoint { ") + kHook + " } ";
  const std::string update = "endpoint { " + Quoted("id", id) + R"(filter { types: "CaseOpened" } }
      update_mask { paths: "filter" )";
  struct Row {
    std::string name, request, other;
  };
  const Row rows[] = {
      Row{"CreateEndpoint", endpoint, endpoint + "signing_scheme: SIGNING_SCHEME_ED25519"},
      Row{"UpdateEndpoint", update + "}", update + R"(paths: "headers" })"},
      Row{"RotateEndpointSecret", named, named + "grace { seconds: 60 }"},
      Row{"DisableEndpoint", named, other},
      Row{"EnableEndpoint", named, other},
      Row{"ReplayDeliveries", named + "all_dead: true", other + "all_dead: true"},
      Row{"DeleteEndpoint", named, other}};
  for (const Row& row : rows) {
    const std::string& name = row.name;
    SCOPED_TRACE(name);
    const std::string method = "DeliveryService/" + name;
    const std::string once = Quoted("request_id", "once-" + name);
    const auto is_replayed = [&] {
      const auto reply = server_.DoMethod("admin", method, once + row.request);
      return reply->GetReflection()->GetBool(*reply,
                                             reply->GetDescriptor()->FindFieldByName("replayed"));
    };
    EXPECT_FALSE(is_replayed());
    const int64_t audited = server_.LastAudit().sequence;
    EXPECT_TRUE(is_replayed());
    server_.Restart();
    EXPECT_TRUE(is_replayed()) << "after a restart";
    EXPECT_EQ(server_.LastAudit().sequence, audited);
  }
  for (const Row& row : rows) {
    const std::string once = Quoted("request_id", "once-" + row.name);
    EXPECT_EQ(server_.Refuse("admin", "DeliveryService/" + row.name, once + row.other).reason,
              "REQUEST_ID_REUSED");
  }
}

TEST_F(DeliveryApiTest, AnEndpointRestsAndGoesOnWhereItWas) {
  // It asks for nothing of what comes, so that its place is not written meanwhile.
  const std::string id = IdOf("admin", std::string(kHook) + R"( filter { types: "CaseOpened" })");
  const std::string named = Quoted("endpoint_id", id);
  const LogPosition begun = Stored(id).position;
  auto endpoint = server_.Do<api::DisableEndpointResponse>("admin", named).endpoint();
  EXPECT_EQ(endpoint.state(), api::ENDPOINT_STATE_DISABLED);
  EXPECT_EQ(endpoint.disabled_cause(), api::ENDPOINT_DISABLED_CAUSE_BY_HAND);
  server_.Do<api::SubmitResponseResponse>("admin",
                                          R"(response { program_id: "service-csat" score: 5 })");
  endpoint = server_.Do<api::EnableEndpointResponse>("admin", named).endpoint();
  EXPECT_EQ(endpoint.state(), api::ENDPOINT_STATE_ACTIVE);
  EXPECT_EQ(endpoint.disabled_cause(), api::ENDPOINT_DISABLED_CAUSE_UNSPECIFIED);
  EXPECT_EQ(Stored(id).position, begun);
  server_.Do<api::DisableEndpointResponse>("admin", named);
  server_.Do<api::EnableEndpointResponse>("admin", named + "from_now: true");
  EXPECT_EQ(Stored(id).position.sequence, server_.LastSequence());

  const auto gone = server_.Do<api::DeleteEndpointResponse>("admin", named + R"(request_id: "d")");
  EXPECT_FALSE(gone.replayed());
  EXPECT_TRUE(
      server_.Do<api::DeleteEndpointResponse>("admin", named + R"(request_id: "d")").replayed());
  EXPECT_EQ(server_.Refuse("admin", "DeliveryService/GetEndpoint", named).reason, "NOT_FOUND");
}

TEST_F(DeliveryApiTest, EachChangeIsInTheAudit) {
  const std::string id = IdOf("integration");
  const auto entry = [&](const std::string& method) {
    const AuditEntry last = server_.LastAudit();
    EXPECT_EQ(last.method, "rebound.v1.DeliveryService/" + method);
    EXPECT_EQ(last.subject_type, "endpoint");
    EXPECT_EQ(RawId{last.subject}, *ParseId<RawId>(id));
    EXPECT_EQ(last.detail, "integration") << "whose it is";
  };
  entry("CreateEndpoint");
  server_.Do<api::RotateEndpointSecretResponse>("admin", Quoted("endpoint_id", id));
  entry("RotateEndpointSecret");
  EXPECT_EQ(server_.LastAudit().principal, "admin");
  server_.Do<api::ReplayDeliveriesResponse>("admin", Quoted("endpoint_id", id) + "all_dead: true");
  entry("ReplayDeliveries");
  server_.Do<api::DeleteEndpointResponse>("admin", Quoted("endpoint_id", id));
  entry("DeleteEndpoint");
}

// ---- Deliveries --------------------------------------------------------------------------------

class DeliveryLogTest : public DeliveryApiTest {
 protected:
  // Disabled: nobody but the test changes its deliveries.
  std::string IdOf(std::string_view who) {
    const std::string id = DeliveryApiTest::IdOf(who);
    server_.Do<api::DisableEndpointResponse>(who, Quoted("endpoint_id", id));
    return id;
  }
  DeliveryLogTest() {
    while (server_.LastSequence() < 10) {
      server_.Do<api::SubmitResponseResponse>(
          "admin", R"(response { program_id: "service-csat" score: 5 })");
    }
  }
  // Of the event of that sequence, of `endpoint`.
  std::string Put(const std::string& endpoint, int64_t sequence, DeliveryState state,
                  const std::string& org_unit = "") {
    Delivery delivery{.endpoint = *ParseId<RawId>(endpoint),
                      .sequence = sequence,
                      .org_unit_id = org_unit,
                      .state = state,
                      .tries = 3,
                      .last_status = 503,
                      .last_answer = std::string("busy\x00\xff\x1b[31m", 11)};
    server_.store().Read([&](Reader& reader) {
      const LogPage page = reader.ReadLog({.after = sequence - 1,
                                           .wants = [](const LoggedEvent&) { return true; },
                                           .most = 1,
                                           .look_at = 1});
      const Event& event = page.events.at(0).event;
      delivery.event_type = TypeName(event.body);
      if (event.case_id != CaseId{}) delivery.case_id = event.case_id;
      delivery.order_key = OrderKeyOf(event);
    });
    delivery.id = delivery.endpoint;
    delivery.id.bytes[15] = static_cast<uint8_t>(sequence);
    delivery.id.bytes[14] ^= 1;
    const Timestamp at = kServerStart + seconds(sequence);
    delivery.tried_at = at;
    (state == DeliveryState::kPending ? delivery.next_try_at : delivery.ended_at) = at;
    server_.store().WriteDeliveries([&](DeliveryRecords& records) {
      records.Put(delivery);
      return true;
    });
    return ToString(delivery.id);
  }
  std::vector<int64_t> Listed(std::string_view who, const std::string& request) {
    std::vector<int64_t> sequences;
    const auto listed = server_.Do<api::ListDeliveriesResponse>(who, request);
    for (const api::Delivery& delivery : listed.deliveries()) {
      sequences.push_back(delivery.event_sequence());
    }
    return sequences;
  }
  int32_t Replay(const std::string& endpoint, const std::string& what) {
    return server_
        .Do<api::ReplayDeliveriesResponse>("admin", Quoted("endpoint_id", endpoint) + what)
        .num_replayed();
  }
};

TEST_F(DeliveryLogTest, DeliveriesAreListedNewestFirst) {
  server_.AddIdentity("erp", "integration");
  const std::string a = IdOf("integration"), b = IdOf("integration"), other = IdOf("erp");
  Put(a, 1, DeliveryState::kDelivered);
  Put(b, 2, DeliveryState::kDead);
  Put(a, 3, DeliveryState::kPending);
  Put(other, 4, DeliveryState::kDead);
  EXPECT_THAT(Listed("integration", ""), ElementsAre(3, 2, 1));
  EXPECT_THAT(Listed("admin", ""), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(Listed("integration", Quoted("endpoint_id", a)), ElementsAre(3, 1));
  EXPECT_THAT(Listed("integration", "state: DELIVERY_STATE_DEAD"), ElementsAre(2));
  const auto page = server_.Do<api::ListDeliveriesResponse>("integration", "page_size: 2");
  ASSERT_THAT(page.deliveries(), SizeIs(2));
  EXPECT_THAT(Listed("integration", "page_size: 2 " + Quoted("page_token", page.next_page_token())),
              ElementsAre(1));
  EXPECT_EQ(server_
                .Refuse("admin", "DeliveryService/ListDeliveries",
                        "page_size: 2 " + Quoted("page_token", page.next_page_token()))
                .reason,
            "PAGE_TOKEN_INVALID");
  EXPECT_EQ(
      server_.Refuse("admin", "DeliveryService/ListDeliveries", R"(case_id: "C-999999")").reason,
      "NOT_FOUND");
  const api::Delivery& shown = page.deliveries(0);
  EXPECT_EQ(shown.num_tries(), 3);
  EXPECT_EQ(shown.last_status(), 503);
  EXPECT_EQ(shown.last_answer(), "busy\uFFFD\uFFFD\uFFFD[31m") << "no bytes but text";
  EXPECT_TRUE(shown.has_next_try_time());
}

TEST_F(DeliveryLogTest, OnlyDeliveriesOfEventsInTheScopeAreListed) {
  server_.AddIdentity("eastern crm", "integration", {.org_units = {"east"}, .queues = {}});
  const std::string id = IdOf("eastern crm");
  Put(id, 1, DeliveryState::kDead, "east/a");
  Put(id, 2, DeliveryState::kDead, "west");
  EXPECT_THAT(Listed("eastern crm", ""), ElementsAre(1));
  const auto replayed = server_.Do<api::ReplayDeliveriesResponse>(
      "eastern crm", Quoted("endpoint_id", id) + "all_dead: true");
  EXPECT_EQ(replayed.num_replayed(), 1);
}

TEST_F(DeliveryLogTest, WhatEndedIsDeliveredAgainUnderItsId) {
  const std::string id = IdOf("admin"), other = IdOf("admin");
  const std::string delivered = Put(id, 1, DeliveryState::kDelivered);
  const std::string dead = Put(id, 2, DeliveryState::kDead);
  Put(id, 3, DeliveryState::kDropped);
  Put(id, 4, DeliveryState::kPending);
  Put(id, 5, DeliveryState::kDead);
  const std::string foreign = Put(other, 6, DeliveryState::kDead);
  EXPECT_EQ(Replay(id, Quoted("delivery_id", delivered)), 1);
  EXPECT_THAT(Listed("admin", Quoted("endpoint_id", id) + "state: DELIVERY_STATE_PENDING"),
              ElementsAre(4, 1));
  const auto again =
      server_.Do<api::ListDeliveriesResponse>("admin", Quoted("endpoint_id", id) + "page_size: 100")
          .deliveries(4);
  EXPECT_EQ(again.id(), delivered);
  EXPECT_EQ(again.num_tries(), 0);
  EXPECT_EQ(again.next_try_time().seconds(), ToMillis(kServerStart) / 1'000);
  EXPECT_EQ(Replay(id, Quoted("delivery_id", delivered)), 0) << "it is pending";
  EXPECT_EQ(Replay(id, R"(all_dead: true request_id: "again")"), 2);
  EXPECT_EQ(Replay(id, R"(all_dead: true request_id: "again")"), 0) << "done before";
  EXPECT_THAT(Listed("admin", Quoted("endpoint_id", id) + "state: DELIVERY_STATE_DROPPED"),
              ElementsAre(3));
  Put(id, 7, DeliveryState::kDelivered);
  Put(id, 8, DeliveryState::kDead);
  const int64_t start = ToMillis(kServerStart) / 1'000 + 8;
  EXPECT_EQ(Replay(id, "start_time { seconds: " + std::to_string(start) + " }"), 1);
  EXPECT_EQ(Replay(id, "start_time { seconds: " + std::to_string(start - 1) + " }"), 1);

  const auto refused = [&](const std::string& what) {
    return server_
        .Refuse("admin", "DeliveryService/ReplayDeliveries", Quoted("endpoint_id", id) + what)
        .reason;
  };
  EXPECT_EQ(refused(Quoted("delivery_id", foreign)), "NOT_FOUND");
  EXPECT_EQ(refused(""), "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(refused("all_dead: false"), "REQUIRED_FIELD_MISSING");
  EXPECT_EQ(refused(R"(delivery_id: "x")"), "ID_INVALID");
}

// ---- Pings -------------------------------------------------------------------------------------

class PingTest : public testing::Test {
 protected:
  std::string Create(const std::string& endpoint, const std::string& more = "") {
    made_ =
        server_.Do<api::CreateEndpointResponse>("admin", "endpoint { " + endpoint + " } " + more);
    return Quoted("endpoint_id", made_.endpoint().id());
  }
  api::TestEndpointResponse Ping(const std::string& id) {
    return server_.Do<api::TestEndpointResponse>("admin", id);
  }

  TestServer server_{TestServerOptions{
      .delivery = {.transfers = {.targets = {.allowed = {"127.0.0.0/8"}, .allow_http = true},
                                 .timeout = seconds{60}},
                   .source = "https://cases.example.com"}}};
  api::CreateEndpointResponse made_;
};

TEST_F(PingTest, AWebhookIsSentASignedPing) {
  const Receiver receiver(AnswerBytes("200 OK", "thanks"));
  const std::string id = Create("kind: ENDPOINT_KIND_WEBHOOK " + Quoted("url", receiver.Url()) +
                                R"(headers { key: "X-Tenant" value: "seven" })");
  server_.Do<api::DisableEndpointResponse>("admin", id);
  const auto result = Ping(id);
  EXPECT_TRUE(result.delivered());
  EXPECT_EQ(result.status(), 200);
  EXPECT_EQ(result.answer(), "thanks");
  EXPECT_TRUE(receiver.All().back().head.starts_with("POST /hook HTTP/1.1\r\n"));
  EXPECT_EQ(receiver.All().back().Header("X-Tenant"), "seven");
  EXPECT_EQ(receiver.All().back().Header("webhook-signature"),
            SignatureOf({made_.secret()}, receiver.All().back().Header("webhook-id"),
                        server_.clock().Now(), receiver.All().back().body));
  EXPECT_THAT(receiver.All().back().body, HasSubstr(R"("type":"io.rebound.ping.v1")"));
  EXPECT_THAT(receiver.All().back().body, HasSubstr(R"("source":"https://cases.example.com")"));
  const AuditEntry last = server_.LastAudit();
  EXPECT_EQ(last.method, "rebound.v1.DeliveryService/TestEndpoint");
  EXPECT_EQ(last.subject_type, "endpoint");
  EXPECT_THAT(server_.Do<api::ListDeliveriesResponse>("admin", "").deliveries(), IsEmpty());
}

TEST_F(PingTest, ARefusalIsToldAsItCame) {
  const Receiver receiver(
      AnswerBytes("410 Gone", std::string("gone\xff") + std::string(2'000, 'x')));
  const std::string id = Create("kind: ENDPOINT_KIND_WEBHOOK " + Quoted("url", receiver.Url()));
  const auto result = Ping(id);
  EXPECT_FALSE(result.delivered());
  EXPECT_EQ(result.status(), 410);
  EXPECT_TRUE(result.answer().starts_with("gone\uFFFDx"));
  EXPECT_LE(result.answer().size(), 1'000u);
  EXPECT_EQ(server_.Do<api::GetEndpointResponse>("admin", id).endpoint().state(),
            api::ENDPOINT_STATE_ACTIVE)
      << "a ping changes nothing";
}

TEST_F(PingTest, ARobotIsJudgedByItsCode) {
  const Receiver receiver(
      AnswerBytes("200 OK", R"({"errcode":93000,"errmsg":"invalid webhook url"})"));
  const std::string id =
      Create("kind: ENDPOINT_KIND_WECOM " + Quoted("url", receiver.Url() + "?key=k"));
  const auto result = Ping(id);
  EXPECT_FALSE(result.delivered());
  EXPECT_EQ(result.status(), 200);
  EXPECT_THAT(result.answer(), HasSubstr("invalid webhook url"));
  EXPECT_THAT(receiver.All().back().head, HasSubstr("POST /hook?key=k HTTP/1.1"));
  EXPECT_THAT(receiver.All().back().body, HasSubstr("Rebound"));
}

TEST_F(PingTest, WhoDoesNotListenIsToldOf) {
  std::string url;
  {
    const Receiver receiver(std::string{});
    url = receiver.Url();
  }
  const auto result = Ping(Create("kind: ENDPOINT_KIND_WEBHOOK " + Quoted("url", url)));
  EXPECT_FALSE(result.delivered());
  EXPECT_EQ(result.status(), 0);
  EXPECT_THAT(result.answer(), Not(IsEmpty()));
}

// Deliveries have the same places, and a receiver that hangs gives none back.
TEST_F(PingTest, FewAreUnderWayAtOnce) {
  std::promise<void> release;
  const Receiver receiver([released = release.get_future().share()](const Received&) {
    released.wait_for(seconds{30});
    return AnswerBytes("200 OK");
  });
  const std::string id = Create("kind: ENDPOINT_KIND_WEBHOOK " + Quoted("url", receiver.Url()));
  std::mutex mutex;
  std::condition_variable came;
  std::vector<Refusal> refused;
  std::vector<std::future<bool>> calls;  // whether it was delivered
  const auto ping = [&](const std::string& who) {
    calls.push_back(std::async(std::launch::async, [&, who] {
      api::TestEndpointResponse response;
      const grpc::Status status =
          server_.Call(who, FromText<api::TestEndpointRequest>(id), &response);
      if (status.ok()) return response.delivered();
      const std::lock_guard lock(mutex);
      refused.push_back(ToRefusal(status));
      came.notify_all();
      return false;
    }));
  };
  const auto await_refused = [&](size_t count) {
    std::unique_lock lock(mutex);
    came.wait_for(lock, seconds{30}, [&] { return refused.size() >= count; });
    EXPECT_THAT(refused, SizeIs(count));
  };
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  for (const std::string& name : names) server_.AddIdentity(name, "admin");
  for (int i = 0; i < 5; ++i) ping("admin");
  await_refused(1);
  for (const std::string& name : names) {
    for (int i = 0; i < 4; ++i) ping(name);
  }
  await_refused(5);
  release.set_value();
  int delivered = 0;
  for (auto& call : calls) delivered += call.get() ? 1 : 0;
  EXPECT_EQ(delivered, 16);
  ASSERT_THAT(refused, SizeIs(5));
  for (size_t i = 0; i < refused.size(); ++i) {
    EXPECT_EQ(refused[i].reason, "QUEUE_FULL");
    EXPECT_EQ(refused[i].metadata.at("capacity"), i == 0 ? "4" : "16");
  }
  EXPECT_TRUE(Ping(id).delivered()) << "the places are free again";
}

}  // namespace
}  // namespace rebound::fixtures
