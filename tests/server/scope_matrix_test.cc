// Every method times every role, for what lies inside the caller's scope and what lies outside. And
// that what lies outside cannot be told from what is not there: the same bytes, by the same
// statements.
//
// A new method needs a row in kRows; without one the first test fails and says so.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/sync_stream.h>
#include <pthread.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/delivery_service.pb.h"
#include "rebound/v1/event_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "server/access/policy.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

// ---- The rows ----------------------------------------------------------------------------------

// How a request is answered that names what is not the caller's to see.
enum class Outside {
  kHidden,  // as one that names what is not there
  // The request would make what is not there, so the answer cannot be the same. It tells that the
  // key is taken, and nothing of who has it.
  kNotHidden,
};

// A good request of a method. <word> stands for something that the fixture makes, in the caller's
// own unit or in another's: see MatrixWorld. A request without such a word has no object, and is
// made once. Streams: messages with "---" between.
struct MatrixRow {
  const char* method;
  const char* request;
  Outside outside = Outside::kHidden;
};

constexpr MatrixRow kRows[] = {
    {"ResponseService/SubmitResponse",
     R"(response { program_id: "touchpoint" score: 9 org_unit_id: "north/city"
        customer_id: "<customer>" })"},
    {"ResponseService/BatchSubmitResponses",
     R"(responses { program_id: "touchpoint" score: 9 org_unit_id: "north/city"
        customer_id: "<customer>" external_key { source_system: "crm" external_id: "<fresh>" } })"},
    {"ResponseService/ImportResponses",
     R"(header { request_id: "<fresh>" program_id: "touchpoint" }
        ---
        rows { rows { row: 1 response { program_id: "touchpoint" score: 9 org_unit_id: "north/city"
          customer_id: "<customer>"
          external_key { source_system: "crm" external_id: "<fresh>" } } } })"},
    {"ResponseService/GetResponse", R"(response_id: "<response>")"},
    {"ResponseService/ListResponses", ""},

    {"CaseService/OpenCase",
     R"(case { program_id: "touchpoint" org_unit_id: "north/city" queue_id: "<queue>"
        customer_id: "<customer>" })"},
    {"CaseService/BatchOpenCases",
     R"(cases { case { program_id: "touchpoint" org_unit_id: "<unit>" queue_id: "<queue>"
        external_key { source_system: "crm" external_id: "<fresh>" }
        open_time { seconds: 1772355600 } }
        customer_key { source_system: "crm" external_id: "<key>" } })"},
    {"CaseService/GetCase", R"(case_id: "<case>")"},
    {"CaseService/ListCases", ""},
    {"CaseService/ListCaseEvents", R"(case_id: "<case>")"},
    {"CaseService/ClaimNextCase", ""},
    {"CaseService/AssignCase", R"(case_id: "<case>" owner: "somebody")"},
    {"CaseService/LogAttempt",
     R"(case_id: "<case>" attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED })"},
    {"CaseService/MakeCommitment",
     R"(case_id: "<case>" commitment { promise: "x" due_time { seconds: 1772500000 } })"},
    {"CaseService/RemedyCase",
     R"(case_id: "<case>" remedy { kind: REMEDY_KIND_REDO state: REMEDY_STATE_PROPOSED })"},
    {"CaseService/ResolveCase",
     R"(case_id: "<case>" handling_result: HANDLING_RESULT_RESOLVED root_cause: "x"
        action_taken: "x")"},
    {"CaseService/CloseCase", R"(case_id: "<case>" etag: "<case_etag>")"},
    {"CaseService/ReopenCase", R"(case_id: "<case>" note: "x")"},
    {"CaseService/DispatchCase", R"(case_id: "<case>" owner: "somebody")"},
    {"CaseService/AcceptCase", R"(case_id: "<case>")"},
    {"CaseService/ReturnCase", R"(case_id: "<case>" reason: "x")"},
    {"CaseService/SettleCommitment",
     R"(case_id: "<case>" commitment_id: "00000000000000000000000002"
        state: COMMITMENT_STATE_KEPT)"},
    {"CaseService/PauseCase", R"(case_id: "<case>" reason: "x")"},
    {"CaseService/ResumeCase", R"(case_id: "<case>")"},
    {"CaseService/ChaseCase", R"(case_id: "<case>" channel: CHANNEL_PHONE)"},
    {"CaseService/SuperviseCase", R"(case_id: "<case>" note: "x")"},
    {"CaseService/AssistCase", R"(case_id: "<case>" assistant: "somebody" text: "x")"},
    {"CaseService/ExtendCase",
     R"(case_id: "<case>" clock: CLOCK_KIND_REMEDY amount { days: 1 } reason: "x")"},
    {"CaseService/DecideExtension",
     R"(case_id: "<case>" extension_id: "00000000000000000000000002" grant: true
        etag: "<case_etag>")"},
    {"CaseService/EscalateCase", R"(case_id: "<case>" note: "x")"},
    {"CaseService/VerifyCase",
     R"(case_id: "<case>" verification { contacted: true solved: true accepted: true }
        etag: "<case_etag>")"},
    {"CaseService/MoveCase", R"(case_id: "<case>" status: "verifying")"},
    {"CaseService/WithdrawCase", R"(case_id: "<case>" note: "x" etag: "<case_etag>")"},
    {"CaseService/MigrateCase", R"(case_id: "<case>" etag: "<case_etag>")"},
    {"CaseService/MergeCase",
     R"(case_id: "<case>" etag: "<case_etag>" into_case_id: "<other_case>")"},
    {"CaseService/UnmergeCase", R"(case_id: "<case>" note: "x" etag: "<case_etag>")"},
    {"CaseService/LinkCase", R"(case_id: "<case>" kind: "related" other_case_id: "<other_case>")"},
    {"CaseService/BulkCases", R"(case_ids: "<case>" supervise { note: "x" })"},
    {"CaseService/ProposeVerdict",
     R"(case_id: "<case>" kind: VERDICT_KIND_INVALID evidence { text: "x" })"},
    {"CaseService/DecideVerdict",
     R"(case_id: "<case>" verdict_id: "00000000000000000000000002" grant: true
        etag: "<case_etag>")"},
    {"CaseService/FindLiability", R"(case_id: "<case>" liability: LIABILITY_COMPANY)"},
    {"CaseService/AppealLiability", R"(case_id: "<case>" evidence { text: "x" } note: "x")"},
    {"CaseService/DecideAppeal", R"(case_id: "<case>" uphold: true note: "x" etag: "<case_etag>")"},
    {"CaseService/AcknowledgeAlert", R"(case_id: "<case>" note: "x")"},
    {"CaseService/CompleteStep", R"(case_id: "<case>" step_id: "x" state: STEP_STATE_DONE)"},
    {"CaseService/BeginCase", R"(case_id: "<case>" note: "x")"},
    {"CaseService/ListRemedyOptions", R"(case_id: "<case>")"},

    {"CustomerService/UpsertCustomer",
     R"(external_key { source_system: "crm" external_id: "<key>" }
        customer { segment: "x" org_unit_id: "north/city" }
        update_mask { paths: "segment" paths: "org_unit_id" })",
     Outside::kNotHidden},
    {"CustomerService/BatchUpsertCustomers",
     R"(customers { external_key { source_system: "crm" external_id: "<key>" }
        customer { segment: "x" org_unit_id: "north/city" }
        update_mask { paths: "segment" paths: "org_unit_id" } })",
     Outside::kNotHidden},
    {"CustomerService/RecordBehaviour",
     R"(customer_id: "<customer>" behaviour { kind: BEHAVIOUR_KIND_CHURN
        external_key { source_system: "shop" external_id: "<fresh>" } })"},
    {"CustomerService/BatchRecordBehaviours",
     R"(behaviours { customer_key { source_system: "crm" external_id: "<key>" }
        behaviour { kind: BEHAVIOUR_KIND_CHURN
        external_key { source_system: "shop" external_id: "<fresh>" } } })"},
    {"CustomerService/AddCustomerAlias",
     R"(customer_id: "<customer>"
        external_key { source_system: "crm" external_id: "<fresh>" })"},
    {"CustomerService/GetCustomer", R"(customer_id: "<customer>")"},
    {"CustomerService/ListCustomers", ""},
    {"CustomerService/GetCustomerHistory", R"(customer_id: "<customer>")"},
    {"CustomerService/SetCustomerConsent", R"(customer_id: "<customer>" do_not_contact: true)"},
    {"CustomerService/FindCustomerMatches", R"(customer_id: "<customer>")"},
    {"CustomerService/EraseCustomer",
     R"(customer_id: "<customer>" ground: ERASURE_GROUND_OBJECTION etag: "<customer_etag>")"},
    {"CustomerService/ExportCustomer", R"(customer_id: "<customer>" reason: "asked")"},
    {"CustomerService/UnmaskContact", R"(customer_id: "<customer>" reason: UNMASK_REASON_CONTACT)"},

    {"BlacklistService/ProposeEntry",
     R"(entry { customer_id: "<customer>" kind: BLACKLIST_KIND_REPEAT_COMPENSATION
        reason_code: "frequent_compensation" internal_reason: "x"
        evidence { summary: "x" occur_time { seconds: 1772355600 } }
        expire_time { seconds: 1780218000 } })"},
    {"BlacklistService/WarnEntry", R"(entry_id: "<entry>" note: "x" etag: "<entry_etag>")"},
    {"BlacklistService/DecideEntry",
     R"(entry_id: "<entry>" activate: true note: "x" etag: "<entry_etag>")"},
    {"BlacklistService/RequestEntryExtension",
     R"(entry_id: "<entry>" until { seconds: 1782218000 } reason: "x" etag: "<entry_etag>")"},
    {"BlacklistService/DecideEntryExtension",
     R"(entry_id: "<entry>" grant: true note: "x" etag: "<entry_etag>")"},
    {"BlacklistService/AppealEntry", R"(entry_id: "<entry>" words: "x" etag: "<entry_etag>")"},
    {"BlacklistService/DecideEntryAppeal",
     R"(entry_id: "<entry>" uphold: true note: "x" etag: "<entry_etag>")"},
    {"BlacklistService/LiftEntry", R"(entry_id: "<entry>" note: "x" etag: "<entry_etag>")"},
    {"BlacklistService/GetEntry", R"(entry_id: "<entry>")"},
    {"BlacklistService/PreviewEntryNotice",
     R"(entry_id: "<entry>" notice: BLACKLIST_NOTICE_DECISION)"},
    {"BlacklistService/ListEntries", R"(customer_id: "<customer>")"},
    {"BlacklistService/CheckCustomer", R"(customer_id: "<customer>")"},
    {"BlacklistService/DryRunRules", R"(customer_id: "<customer>")"},
    {"BlacklistService/ExportCustomerEntries", R"(customer_id: "<customer>")"},
    {"BlacklistService/GetBlacklistStatistics", ""},

    {"ExportService/ExportRecords", "kind: RECORD_KIND_CASES format: EXPORT_FORMAT_CSV"},

    {"DeliveryService/CreateEndpoint",
     R"(endpoint { kind: ENDPOINT_KIND_WEBHOOK url: "https://hooks.example.com/<fresh>"
        filter { case_ids: "<case>" } })"},
    {"DeliveryService/GetEndpoint", R"(endpoint_id: "<endpoint>")"},
    {"DeliveryService/ListEndpoints", ""},
    {"DeliveryService/UpdateEndpoint",
     R"(endpoint { id: "<endpoint>" language: "en" } update_mask { paths: "language" })"},
    {"DeliveryService/DeleteEndpoint", R"(endpoint_id: "<endpoint>")"},
    {"DeliveryService/EnableEndpoint", R"(endpoint_id: "<endpoint>")"},
    {"DeliveryService/DisableEndpoint", R"(endpoint_id: "<endpoint>")"},
    {"DeliveryService/RotateEndpointSecret", R"(endpoint_id: "<endpoint>")"},
    {"DeliveryService/TestEndpoint", R"(endpoint_id: "<endpoint>")"},
    {"DeliveryService/ListDeliveries", R"(endpoint_id: "<endpoint>")"},
    {"DeliveryService/ReplayDeliveries", R"(endpoint_id: "<endpoint>" all_dead: true)"},

    {"SurveyService/GetProgram", R"(program_id: "touchpoint")"},
    {"SurveyService/ListPrograms", ""},

    {"ReportService/GetNpsReport", R"(scope { program_id: "touchpoint" })"},
    {"ReportService/GetFunnelReport", R"(scope { program_id: "touchpoint" })"},
    {"ReportService/GetRecoveryReport", R"(scope { program_id: "touchpoint" })"},
    {"ReportService/GetPauseReport", R"(scope { program_id: "touchpoint" })"},
    {"ReportService/GetRemedyReport",
     R"(scope { program_id: "touchpoint" } group: REMEDY_GROUP_ACTOR)"},

    {"EventService/Subscribe",
     R"(start { start { preset: EVENT_PRESET_EARLIEST } filter { case_ids: "<case>" }
        num_requested: 5 })"},
    {"EventService/Watch",
     R"(start { preset: EVENT_PRESET_EARLIEST } filter { case_ids: "<case>" })"},
    {"EventService/ListEvents",
     R"(start { preset: EVENT_PRESET_EARLIEST } filter { case_ids: "<case>" })"},
    {"EventService/CreateSubscription",
     R"(subscription_id: "<fresh>" start { preset: EVENT_PRESET_EARLIEST })"},
    {"EventService/GetSubscription", R"(subscription_id: "<subscription>")"},
    {"EventService/ListSubscriptions", ""},
    {"EventService/DeleteSubscription", R"(subscription_id: "<subscription>")"},
    {"EventService/CommitSubscription", R"(subscription_id: "<subscription>" cursor: "<cursor>")"},

    {"ConfigService/ValidateConfig", R"(files { name: "programs.yaml" text: "x" })"},
    {"ConfigService/ApplyConfig",
     R"(files { name: "programs.yaml" text: "x" } expected_revision: 1)"},
    {"ConfigService/ListRevisions", ""},
    {"ConfigService/GetRevision", "number: 1"},
    {"ConfigService/DiffRevisions", "from_number: 1 to_number: 1"},
    {"ConfigService/RollBackConfig", "number: 1 expected_revision: 1"},
    {"ConfigService/GetLifecycle", ""},
    {"ConfigService/ExplainCase", R"(case_id: "<case>")"},
    {"ConfigService/TestRules", R"(files { name: "programs.yaml" text: "x" })"},
    {"ConfigService/FormatCondition",
     R"(condition: "score < 3" from_form: CONDITION_FORM_FILTER to_form: CONDITION_FORM_YAML)"},
    {"ConfigService/BacktestConfig", "revision: 1"},

    {"AccessService/SignIn", R"(user_name: "<fresh>" password: "a long wrong password")"},
    {"AccessService/SetUpAdmin",
     R"(token: "rbo_0000000000000000000000000000000000000000000" user_name: "first"
        password: "a long good password")"},
    {"AccessService/RedeemLink",
     R"(token: "rbo_0000000000000000000000000000000000000000000"
        password: "a long good password")"},
    {"AccessService/SignOut", ""},
    {"AccessService/WhoAmI", ""},
    {"AccessService/ListSessions", R"(user_name: "<user>")"},
    {"AccessService/RevokeSession", R"(session_id: "<session>")"},
    {"AccessService/SetPassword",
     R"(old_password: "a long old password" new_password: "a long new password")"},
    {"AccessService/CreateUser",
     R"(user { name: "<fresh>" role: "viewer" org_units { org_unit_id: "<unit>" }
        queue_ids: "<queue>" })"},
    {"AccessService/GetUser", R"(user_name: "<user>")"},
    {"AccessService/ListUsers", ""},
    {"AccessService/UpdateUser",
     R"(user { name: "<user>" language: "en" } update_mask { paths: "language" })"},
    {"AccessService/DisableUser", R"(user_name: "<user>")"},
    {"AccessService/EnableUser", R"(user_name: "<user>")"},
    {"AccessService/ResetPassword", R"(user_name: "<user>")"},
    {"AccessService/CreateApiKey",
     R"(user_name: "<user>" role: "viewer" description: "x" end_time { seconds: 1773442000 })"},
    {"AccessService/ListApiKeys", R"(user_name: "<user>")"},
    {"AccessService/RevokeApiKey", R"(api_key_id: "<api_key>")"},
    {"AccessService/RotateApiKey", R"(api_key_id: "<api_key>" end_time { seconds: 1773442000 })"},

    {"OperationsService/GetStatus", ""},
    {"OperationsService/ConfirmClock", ""},

    {"AuditService/ListAuditEntries", ""},
    {"AuditService/VerifyAudit", ""},
};

// ---- What requests name ------------------------------------------------------------------------

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) (c == '"' || c == '\\' ? escaped += '\\' : escaped) += c;
  return escaped;
}

// Replaces each <word>.
std::string Filled(std::string_view text, const std::function<std::string(std::string)>& word) {
  std::string filled;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text[at] == '<' ? text.find('>', at) : std::string_view::npos;
    const auto name = end == std::string_view::npos
                          ? std::string()
                          : std::string(text.substr(at + 1, end - at - 1));
    const bool is_word = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_';
    });
    if (is_word) {
      filled += word(name);
      at = end + 1;
    } else {
      filled += text[at++];
    }
  }
  return filled;
}

// Where a detractor's case goes, and one of the very low scores.
constexpr char kOwnQueue[] = "default";
constexpr char kForeignQueue[] = "canary";

// Customers and their entries have no queue: whoever has all org units sees all of them.
bool GoesByQueue(const std::string& word) {
  for (const char* part : {"customer", "key", "entry", "unit", "other_case"}) {
    if (word.starts_with(part)) return false;
  }
  return true;
}

// One of each kind of record, made when a request names it: in one unit and queue, marked by one
// word, and another for what has no queue.
class MatrixWorld {
 public:
  MatrixWorld(TestServer& server, std::string unit, std::string mark)
      : MatrixWorld(server, std::move(unit), kOwnQueue, mark, mark) {}
  MatrixWorld(TestServer& server, std::string unit, std::string queue, std::string mark,
              std::string customer_mark)
      : server_(server),
        unit_(std::move(unit)),
        queue_(std::move(queue)),
        mark_(std::move(mark)),
        customer_mark_(std::move(customer_mark)) {}

  // `who`: whose subscription or endpoint it is.
  std::string Get(const std::string& word, const std::string& who) {
    if (word == "unit") return unit_;
    if (word == "queue") return queue_;
    if (word == "key") return Customer(), customer_mark_;
    if (word == "customer") return Customer().id();
    if (word == "customer_etag") return Escaped(Customer().etag());
    if (word == "response") return Response().id();
    if (word == "case") return Case().id();
    if (word == "number") return Case().number();
    if (word == "case_etag") return Escaped(Case().etag());
    if (word == "entry") return Entry().id();
    if (word == "entry_etag") return Escaped(Entry().etag());
    if (word == "user") return User();
    if (word == "api_key") return ApiKey();
    if (word == "session") return Session();
    if (word == "subscription") {
      if (subscribed_.insert(who).second) {
        server_.Do<api::CreateSubscriptionResponse>(
            who, "subscription_id: \"" + mark_ + "\" start { preset: EVENT_PRESET_EARLIEST }");
      }
      return mark_;
    }
    if (word == "endpoint") return Endpoint(who);
    ADD_FAILURE() << "no fixture makes <" << word << ">";
    return {};
  }

  // The reports of remedies and pauses have something of it to show, or to hide.
  void RemedyAndPause() {
    const std::string owner = mark_ + " owner";
    server_.AddIdentity(owner, "agent");
    const std::string named = "case_id: \"" + Case().id() + "\" ";
    server_.Do<api::AssignCaseResponse>("admin", named + "owner: \"" + owner + "\"");
    server_.Do<api::RemedyCaseResponse>(
        owner, named + R"(remedy { kind: REMEDY_KIND_VOUCHER state: REMEDY_STATE_ACCEPTED
                  amount { amount_minor: 500 currency_code: "CNY" } })");
    case_ = server_.Do<api::PauseCaseResponse>(owner, named + R"(reason: "customer_away")").case_();
  }

 private:
  const api::Customer& Customer() {
    if (customer_.id().empty()) {
      customer_ = server_
                      .Do<api::UpsertCustomerResponse>(
                          "admin", R"(external_key { source_system: "crm" external_id: ")" +
                                       customer_mark_ + R"(" } customer { display_name: ")" +
                                       customer_mark_ + R"(" org_unit_id: ")" + unit_ +
                                       R"(" } update_mask { paths: "display_name"
                                          paths: "org_unit_id" })")
                      .customer();
    }
    return customer_;
  }
  const api::Response& Response() {
    if (response_.id().empty()) {
      response_ = server_
                      .Do<api::SubmitResponseResponse>(
                          "admin", R"(response { program_id: "touchpoint" score: )" +
                                       std::string(queue_ == kOwnQueue ? "3" : "2") +
                                       R"( reason: ")" + mark_ + R"(" org_unit_id: ")" + unit_ +
                                       R"(" customer_id: ")" + Customer().id() + R"(" })")
                      .response();
    }
    return response_;
  }
  const api::Case& Case() {
    if (case_.id().empty()) {
      case_ =
          server_
              .Do<api::GetCaseResponse>("admin", "case_id: \"" + Response().paired_case_id() + "\"")
              .case_();
      EXPECT_EQ(case_.queue_id(), queue_);
    }
    return case_;
  }
  const api::BlacklistEntry& Entry() {
    if (entry_.id().empty()) {
      entry_ = server_
                   .Do<api::ProposeEntryResponse>("agent",
                                                  R"(entry { customer_id: ")" + Customer().id() +
                                                      R"(" kind: BLACKLIST_KIND_REPEAT_COMPENSATION
                                    reason_code: "frequent_compensation" internal_reason: ")" +
                                                      customer_mark_ + R"("
                                    evidence { summary: "x" occur_time { seconds: 1772355600 } }
                                    expire_time { seconds: 1780218000 } })")
                   .entry();
    }
    return entry_;
  }
  const std::string& User() {
    if (!user_.empty()) return user_;
    user_ = mark_ + " user";
    const auto made = server_.Do<api::CreateUserResponse>(
        "admin", "user { name: \"" + user_ + R"(" role: "viewer" org_units { org_unit_id: ")" +
                     unit_ + "\" } queue_ids: \"" + queue_ + "\" } with_link: true");
    link_ = made.link_token();
    return user_;
  }
  const std::string& ApiKey() {
    if (api_key_.empty()) {
      api_key_ =
          server_
              .Do<api::CreateApiKeyResponse>(
                  "admin",
                  "user_name: \"" + User() +
                      R"(" role: "viewer" description: "x" end_time { seconds: 1773442000 })")
              .api_key()
              .id();
    }
    return api_key_;
  }
  const std::string& Session() {
    if (!session_.empty()) return session_;
    const std::string named = "user_name: \"" + User();
    server_.Do<api::RedeemLinkResponse>(
        "", "token: \"" + link_ + R"(" password: "a long good password")");
    session_ = server_.Do<api::SignInResponse>("", named + R"(" password: "a long good password")")
                   .session()
                   .id();
    return session_;
  }

  const std::string& Endpoint(const std::string& who) {
    std::string& id = endpoints_[who];
    if (id.empty()) {
      id = server_
               .Do<api::CreateEndpointResponse>(
                   who,
                   R"(endpoint { kind: ENDPOINT_KIND_WEBHOOK url: "https://hooks.example.com/)" +
                       mark_ + "\" }")
               .endpoint()
               .id();
    }
    return id;
  }

  TestServer& server_;
  const std::string unit_, queue_, mark_, customer_mark_;
  api::Customer customer_;
  api::Response response_;
  api::Case case_;
  api::BlacklistEntry entry_;
  std::string user_, link_, api_key_, session_;
  std::set<std::string> subscribed_;
  std::map<std::string, std::string> endpoints_;  // by who made them
};

constexpr char kNoOne[] = "00000000000000000000000001";

// What is not there: as long as what is outside, whose mark is "canary".
std::string Absent(const std::string& word) {
  if (word.ends_with("_etag")) return R"(\"1\")";
  if (word == "unit") return "south/absent";
  if (word == "queue") return "absent";
  if (word == "key" || word == "subscription") return "absent";
  if (word == "user") return "absent user";
  if (word == "number") return "C-999999";
  return kNoOne;
}

// ---- Calls -------------------------------------------------------------------------------------

grpc::ByteBuffer BytesOfText(const MethodDescriptor& method, std::string_view text) {
  const std::unique_ptr<Message> message(google::protobuf::MessageFactory::generated_factory()
                                             ->GetPrototype(method.input_type())
                                             ->New());
  ParseText(text, message.get());
  static int next = 0;
  const FieldDescriptor* id = method.input_type()->FindFieldByName("request_id");
  if (id != nullptr) {
    message->GetReflection()->SetString(message.get(), id, "m-" + std::to_string(++next));
  }
  const grpc::Slice slice(message->SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

struct Answered {
  grpc::Status status{};
  std::string bytes{};  // of the first message
  bool streams = false;
};

// One call of any kind; of a stream that goes on, up to its first message.
Answered Make(TestServer& server, const std::string& who, const MethodDescriptor& method,
              const std::string& text, const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + server.TokenOf(who));
  context.AddMetadata("accept-language", "en");
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const std::string path = PathOf(method);
  const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING,
                                      channel);
  const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
          channel.get(), rpc, &context));
  constexpr std::string_view kBetween = "---";
  for (size_t at = 0; at != std::string::npos;) {
    const size_t end = text.find(kBetween, at);
    stream->Write(BytesOfText(method, text.substr(at, end - at)));
    at = end == std::string::npos ? end : end + kBetween.size();
  }
  if (method.client_streaming() && method.name() != "Subscribe") stream->WritesDone();
  if (!method.client_streaming()) stream->WritesDone();
  Answered answered{.streams = method.server_streaming()};
  grpc::ByteBuffer message;
  if (stream->Read(&message)) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(message.Dump(&slices).ok());
    for (const grpc::Slice& slice : slices) {
      answered.bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    if (method.server_streaming()) {
      context.TryCancel();
      stream->Finish();
      return answered;
    }
  }
  answered.status = stream->Finish();
  return answered;
}

// "OK", the reason of a refusal, or "OK with REASON" where an item of a batch was refused.
std::string OutcomeOf(const MethodDescriptor& method, const Answered& answered) {
  if (!answered.status.ok()) {
    const Refusal refusal = ToRefusal(answered.status);
    return refusal.reason.empty() ? "code " + std::to_string(refusal.code) : refusal.reason;
  }
  const std::unique_ptr<Message> message(google::protobuf::MessageFactory::generated_factory()
                                             ->GetPrototype(method.output_type())
                                             ->New());
  EXPECT_TRUE(message->ParseFromString(answered.bytes));
  std::set<std::string> reasons;
  const auto walk = [&](const auto& self, const Message& part) -> void {
    std::vector<const FieldDescriptor*> fields;
    part.GetReflection()->ListFields(part, &fields);
    for (const FieldDescriptor* field : fields) {
      const std::string name = field->name();
      if (name == "reason" && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
          (part.GetDescriptor()->name().ends_with("Error"))) {
        reasons.insert(part.GetReflection()->GetString(part, field));
      }
      if (name != "results" && name != "rejects" && name != "error") continue;
      if (field->is_repeated()) {
        for (int i = 0; i < part.GetReflection()->FieldSize(part, field); ++i) {
          self(self, part.GetReflection()->GetRepeatedMessage(part, field, i));
        }
      } else {
        self(self, part.GetReflection()->GetMessage(part, field));
      }
    }
  };
  walk(walk, *message);
  std::string outcome = "OK";
  for (const std::string& reason : reasons) outcome += " with " + reason;
  return outcome;
}

// ---- The statements of every connection --------------------------------------------------------

// What SQLite is asked while it records; values that are bound are not part of it.
class Statements {
 public:
  static void Watch() {
    // Every connection opened from now on.
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&Statements::OnOpen));
  }
  static void Unwatch() {
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&Statements::OnOpen));
  }
  static void Start() {
    std::lock_guard lock(mutex_);
    recorded_.clear();
    recording_ = true;
  }
  static std::vector<std::string> Stop() {
    std::lock_guard lock(mutex_);
    recording_ = false;
    return std::exchange(recorded_, {});
  }

 private:
  static int OnOpen(sqlite3* database, char**, const void*) {
    return sqlite3_trace_v2(database, SQLITE_TRACE_STMT, &Statements::OnStatement, nullptr);
  }
  static int OnStatement(unsigned, void*, void* statement, void*) {
    // What is sent to endpoints comes when it comes.
    std::array<char, 16> thread{};
    pthread_getname_np(pthread_self(), thread.data(), thread.size());
    if (std::string_view(thread.data()) == "deliveries") return 0;
    const char* sql = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
    const std::string text = sql == nullptr ? "" : sql;
    // Of a connection that a thread opens for its first read.
    if (text.starts_with("PRAGMA")) return 0;
    std::lock_guard lock(mutex_);
    if (recording_) recorded_.push_back(text);
    return 0;
  }

  static inline std::mutex mutex_;
  static inline bool recording_ = false;
  static inline std::vector<std::string> recorded_;
};

// ---- The tests ---------------------------------------------------------------------------------

std::shared_ptr<const Revision> MatrixRevision() {
  Revision revision = *PlainRevision();
  revision.blacklist = DefaultBlacklistPolicy();
  revision.blacklist.notices = ShippedRevision()->blacklist.notices;
  for (Playbook& playbook : revision.playbooks) {
    if (playbook.queue_id == "priority") playbook.queue_id = kForeignQueue;
  }
  return std::make_shared<const Revision>(std::move(revision));
}

// What is foreign lies in another org unit, or in the same one and in another queue.
enum class Apart { kByOrgUnit, kByQueue };

class ScopeMatrixTest : public testing::Test {
 protected:
  explicit ScopeMatrixTest(Apart apart = Apart::kByOrgUnit)
      : apart_(apart),
        foreign_(apart == Apart::kByOrgUnit
                     ? MatrixWorld(server_, "south/canary", "canary")
                     : MatrixWorld(server_, "north/city", kForeignQueue, "canary", "shared")) {
    for (std::string_view role : Roles()) {
      server_.AddIdentity(Local(role), role,
                          apart == Apart::kByOrgUnit
                              ? Scope{.org_units = {"north"}, .queues = {}}
                              : Scope{.org_units = {}, .queues = {kOwnQueue}});
    }
  }

  static constexpr std::string_view kLocal = "northern ";
  static std::string Local(std::string_view role) {
    return std::string(kLocal) + std::string(role);
  }

  const MatrixRow* RowOf(const MethodDescriptor& method) {
    const std::string name = method.service()->name() + "/" + method.name();
    const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                  [&](const MatrixRow& r) { return name == r.method; });
    if (row != std::end(kRows)) return row;
    ADD_FAILURE() << PathOf(method) << " has no row in kRows of " << __FILE__
                  << ": add one with a good request, in which <case>, <customer>, <entry> and so "
                     "on stand for the record that it names";
    return nullptr;
  }

  // Whether it names what can be out of sight.
  bool NamesForeign(const MatrixRow& row) const {
    bool names = false;
    Filled(row.request, [&](const std::string& word) {
      names |=
          word != "fresh" && word != "cursor" && (apart_ == Apart::kByOrgUnit || GoesByQueue(word));
      return word;
    });
    return names;
  }

  // The request for what is in `world`; null: for what is not there.
  std::string RequestOf(const MatrixRow& row, MatrixWorld* world, const std::string& who) {
    return Filled(row.request, [&](const std::string& word) -> std::string {
      if (word == "fresh") return "fresh-" + std::to_string(++fresh_);
      if (word == "cursor") {
        if (!Allowed(who.substr(kLocal.size()), "rebound.v1.EventService/ListEvents")) return "x";
        return server_.Do<api::ListEventsResponse>(who, "start { preset: EVENT_PRESET_LATEST }")
            .batch()
            .latest_cursor();
      }
      if (word == "other_case") return Other().Get("case", who);
      if (world == nullptr && apart_ == Apart::kByQueue && !GoesByQueue(word)) {
        return foreign_.Get(word, who);  // is in sight
      }
      if (world == nullptr) return Absent(word);
      // Another's: of somebody who sees more.
      const bool has_owner = word == "subscription" || word == "endpoint";
      return world->Get(word, has_owner && world == &foreign_ ? "admin" : who);
    });
  }

  // A case of the caller's unit beside the one that is called for.
  MatrixWorld& Other() {
    return others_.emplace_back(server_, "north/city", "other" + std::to_string(++fresh_));
  }

  // Makes every call; the outcomes are those of the file in tests/golden/api.
  void ExpectOutcomes(const std::string& golden);

  Answered Call(const MatrixRow& row, const std::string& who, const std::string& request) {
    return Make(server_, who, MethodNamed(row.method), request, channel_);
  }

  // No name leads anywhere.
  TestServer server_{TestServerOptions{
      .revision = MatrixRevision(),
      .delivery = {.transfers = {.resolve = [](const std::string&) { return std::nullopt; }}}}};
  std::shared_ptr<grpc::Channel> channel_ = server_.NewChannel();
  const Apart apart_;
  MatrixWorld foreign_;
  std::list<MatrixWorld> others_;
  int fresh_ = 0;
};

void ScopeMatrixTest::ExpectOutcomes(const std::string& golden) {
  std::vector<const MethodDescriptor*> methods = AllMethods();
  std::sort(methods.begin(), methods.end(),
            [](const auto* a, const auto* b) { return a->full_name() < b->full_name(); });
  for (const char* word :
       {"case", "entry", "user", "api_key", "session", "subscription", "endpoint"}) {
    foreign_.Get(word, "admin");
  }
  foreign_.RemedyAndPause();
  MatrixWorld read(server_, "north/city", "read");
  std::string text;
  for (const MethodDescriptor* method : methods) {
    SCOPED_TRACE(PathOf(*method));
    const MatrixRow* row = RowOf(*method);
    if (row == nullptr) continue;
    // Roles with the same outcomes share a line.
    std::vector<std::pair<std::string, std::string>> lines;
    for (std::string_view role : Roles()) {
      const std::string who = Local(role);
      const bool allowed = Allowed(role, PathOf(*method));
      // What is only read serves for many.
      const bool reads =
          method->options().idempotency_level() == google::protobuf::MethodOptions::NO_SIDE_EFFECTS;
      MatrixWorld changed(server_, "north/city", "own" + std::to_string(++fresh_));
      MatrixWorld& own = reads ? read : changed;
      // Whoever may not call it at all is refused before anything is looked for.
      const Answered inside = Call(*row, who, RequestOf(*row, allowed ? &own : nullptr, who));
      EXPECT_THAT(inside.bytes, Not(HasSubstr("canary"))) << "as " << who;
      std::string outcome = OutcomeOf(*method, inside);
      EXPECT_THAT(outcome, Not(AnyOf(HasSubstr("code "), HasSubstr("FIELD_VIOLATIONS"),
                                     HasSubstr("FIELD_MISSING"))))
          << "the row's request is not a good one: " << inside.status.error_message();
      outcome += " / ";
      outcome += NamesForeign(*row)
                     ? OutcomeOf(*method, Call(*row, who,
                                               RequestOf(*row, allowed ? &foreign_ : nullptr, who)))
                     : "-";
      const auto same = std::find_if(lines.begin(), lines.end(),
                                     [&](const auto& line) { return line.second == outcome; });
      if (same == lines.end()) {
        lines.emplace_back(std::string(role), outcome);
      } else {
        (same->first += ' ') += role;
      }
    }
    text += method->service()->name() + "/" + method->name() + "\n";
    for (const auto& [roles, outcome] : lines) text += "  " + roles + ": " + outcome + "\n";
  }
  for (const MatrixRow& row : kRows) MethodNamed(row.method);

  const std::string path = REBOUND_SOURCE_DIR "/tests/golden/api/" + golden;
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

TEST_F(ScopeMatrixTest, EveryMethodTimesEveryRoleInsideAndOutsideTheScope) {
  ExpectOutcomes("scope_matrix.txt");
}

class QueueMatrixTest : public ScopeMatrixTest {
 protected:
  QueueMatrixTest() : ScopeMatrixTest(Apart::kByQueue) {}
};

TEST_F(QueueMatrixTest, EveryMethodTimesEveryRoleInsideAndOutsideTheQueues) {
  ExpectOutcomes("scope_matrix_queues.txt");
}

// Rows that name a record by other fields than those of kRows.
constexpr MatrixRow kMoreNames[] = {
    {"CaseService/OpenCase",
     R"(case { program_id: "touchpoint" org_unit_id: "north/city" queue_id: "default"
        links { case_id: "<case>" kind: "related" } })"},
    {"CaseService/MergeCase", R"(case_id: "<other_case>" etag: "\"1\"" into_case_id: "<case>")"},
    {"CaseService/LinkCase", R"(case_id: "<other_case>" kind: "related" other_case_id: "<case>")"},
    {"CaseService/LinkCase",
     R"(case_id: "<other_case>" kind: "related" other_case_id: "<case>" remove: true)"},
    {"ResponseService/SubmitResponse",
     R"(response { program_id: "touchpoint" score: 9 org_unit_id: "north/city"
        case_id: "<case>" })"},
    {"CustomerService/UnmaskContact", R"(case_id: "<case>" reason: UNMASK_REASON_CONTACT)"},
    {"CustomerService/GetCustomer",
     R"(external_key { source_system: "crm" external_id: "<key>" })"},
    {"BlacklistService/CheckCustomer",
     R"(external_key { source_system: "crm" external_id: "<key>" })"},
};

class StatementsTest : public ScopeMatrixTest {
 protected:
  explicit StatementsTest(Apart apart = Apart::kByOrgUnit) : ScopeMatrixTest(apart) {}
  ~StatementsTest() override { Statements::Unwatch(); }

  struct Seen {
    std::string bytes{};
    std::vector<std::string> statements{};
  };

  void Begin() {
    server_.Restart([] { Statements::Watch(); });
    channel_ = server_.NewChannel();
  }

  // A stream is left a moment after its end was told, and until then each commit is read for it.
  void AwaitNoStreams() {
    while (server_.Do<api::GetStatusResponse>("admin", "").event_stream_count() > 0) {
    }
  }

  // Of a call after whose like nothing is left to be written.
  Seen Look(const MatrixRow& row, const std::string& who, const std::string& request) {
    // What earlier calls left to the writer is done when a change is answered.
    server_.Do<api::SubmitResponseResponse>("admin",
                                            R"(response { program_id: "service-csat" score: 5 })");
    Statements::Start();
    const Answered answered = Call(row, who, request);
    Seen seen{{}, Statements::Stop()};
    if (answered.streams) AwaitNoStreams();
    seen.bytes = ToRefusal(answered.status).bytes + answered.bytes;
    // An answer may repeat what it was asked.
    const std::vector<std::pair<std::string, std::string>> said{
        {"canary", "absent"}, {foreign_.Get("case", who), kNoOne}};
    for (const auto& [of_foreign, of_absent] : said) {
      for (size_t at = 0; (at = seen.bytes.find(of_foreign, at)) != std::string::npos;) {
        seen.bytes.replace(at, of_foreign.size(), of_absent);
      }
    }
    return seen;
  }

  // What is not about the record is the same in all requests.
  std::string CommonOf(const MatrixRow& row, const std::string& who) {
    return Filled(row.request, [&](const std::string& word) -> std::string {
      if (word.ends_with("_etag")) return Absent(word);
      const std::string text = "<" + word + ">";
      if (word != "fresh" && word != "cursor" && word != "other_case") return text;
      return RequestOf({row.method, text.c_str()}, nullptr, who);
    });
  }

  void ExpectSame(const MatrixRow& row, const std::string& who, const std::string& hidden,
                  const std::string& other) {
    Look(row, who, other);  // the first of its sort is audited at once
    Look(row, who, hidden);
    Seen of_other = Look(row, who, other);
    Seen of_hidden = Look(row, who, hidden);
    // What the server does beside the call is not done each time.
    for (int again = 0; again < 2 && of_hidden.statements != of_other.statements; ++again) {
      of_other = Look(row, who, other);
      of_hidden = Look(row, who, hidden);
    }
    EXPECT_EQ(of_hidden.bytes, of_other.bytes);
    EXPECT_EQ(of_hidden.statements, of_other.statements);
    EXPECT_FALSE(of_hidden.statements.empty()) << "nothing was recorded";
  }

  // Every role that may call it, for all that names something out of sight; how many those were.
  int CompareAll() {
    Begin();
    std::vector<MatrixRow> rows(std::begin(kRows), std::end(kRows));
    rows.insert(rows.end(), std::begin(kMoreNames), std::end(kMoreNames));
    int compared = 0;
    for (const MatrixRow& row : rows) {
      if (!NamesForeign(row) || row.outside == Outside::kNotHidden) continue;
      std::vector<MatrixRow> forms{row};
      // By its number, too, where it may be named so.
      std::string by_number(row.request);
      if (by_number.starts_with("case_id: \"<case>\"")) {
        by_number.replace(10, 6, "<number>");
        forms.push_back({row.method, by_number.c_str()});
      }
      for (std::string_view role : Roles()) {
        if (!Allowed(role, PathOf(MethodNamed(row.method)))) continue;
        const std::string who = Local(role);
        for (const MatrixRow& form : forms) {
          SCOPED_TRACE(std::string(row.method) + " as " + who + "\n" + form.request);
          const std::string common = CommonOf(form, who);
          ExpectSame(form, who, RequestOf({form.method, common.c_str()}, &foreign_, who),
                     RequestOf({form.method, common.c_str()}, nullptr, who));
          ++compared;
        }
      }
    }
    return compared;
  }
};

TEST_F(StatementsTest, WhatLiesOutsideTakesTheSameStatementsAsWhatIsNotThere) {
  EXPECT_GT(CompareAll(), 300);
}

// Whether a key is taken cannot be hidden from who may make its record. Whose it is can.
TEST_F(StatementsTest, OfATakenKeyNothingElseIsTold) {
  // The one has a case and an entry, the other nothing; and they lie in different units.
  for (const char* word : {"case", "entry"}) foreign_.Get(word, "admin");
  MatrixWorld bare(server_, "south/absent", "absent");
  bare.Get("customer", "admin");
  Begin();
  int compared = 0;
  for (const MatrixRow& row : kRows) {
    if (row.outside != Outside::kNotHidden) continue;
    for (std::string_view role : Roles()) {
      if (!Allowed(role, PathOf(MethodNamed(row.method)))) continue;
      const std::string who = Local(role);
      SCOPED_TRACE(std::string(row.method) + " as " + who);
      ExpectSame(row, who, RequestOf(row, &foreign_, who), RequestOf(row, &bare, who));
      const Answered answered = Call(row, who, RequestOf(row, &foreign_, who));
      EXPECT_THAT(OutcomeOf(MethodNamed(row.method), answered),
                  AnyOf("NOT_FOUND", "OK with NOT_FOUND"));
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6);
}

class QueueStatementsTest : public StatementsTest {
 protected:
  QueueStatementsTest() : StatementsTest(Apart::kByQueue) {}
};

TEST_F(QueueStatementsTest, WhatLiesInAnotherQueueTakesTheSameStatementsAsWhatIsNotThere) {
  EXPECT_GT(CompareAll(), 200);
}

}  // namespace
}  // namespace rebound::fixtures
