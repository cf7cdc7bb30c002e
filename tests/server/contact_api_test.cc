// Contact data: what each role sees of it, that every answer is masked by what the API itself says
// of its fields, how it is shown for a reason, and that a masked value overwrites nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "rebound/v1/access_service.pb.h"
#include "rebound/v1/audit_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/options.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "server/execute/run.h"
#include "server/services/masking.h"
#include "tests/fixtures/marked_person.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kPhone[] = "13800001234";
constexpr char kMaskedPhone[] = "138****1234";

void ReachTypes(const Descriptor* type, std::set<const Descriptor*>* reached) {
  if (type->file()->package() != "rebound.v1" || !reached->insert(type).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->message_type() != nullptr) {
      ReachTypes(type->field(i)->message_type(), reached);
    }
  }
}

std::set<const Descriptor*> AnsweredTypes() {
  std::set<const Descriptor*> reached;
  for (const auto* method : AllMethods()) ReachTypes(method->output_type(), &reached);
  return reached;
}

// A new personal field of an answer fails this test until somebody has said how it is masked, or
// that it is not.
TEST(ContactFieldsTest, OfEveryPersonalFieldOfAnAnswerItIsSaidHowItIsMasked) {
  std::map<std::string, std::string> kinds;
  for (const Descriptor* type : AnsweredTypes()) {
    if (type->options().map_entry()) continue;
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor& field = *type->field(i);
      const api::MaskKind kind = field.options().GetExtension(api::mask);
      const bool personal = field.options().GetExtension(api::personal);
      EXPECT_TRUE(personal || kind == api::MASK_KIND_UNSPECIFIED)
          << field.full_name() << " is masked and not personal";
      if (personal) {
        kinds[type->name() + "." + field.name()] =
            kind == api::MASK_KIND_UNSPECIFIED
                ? "shown"
                : api::MaskKind_Name(kind).substr(sizeof "MASK_KIND_" - 1);
      }
    }
  }
  std::string text;
  for (const auto& [name, kind] : kinds) text += name + " " + kind + "\n";
  const std::string path = REBOUND_SOURCE_DIR "/tests/golden/api/contact_fields.txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str()) << "mark contact data with (mask) in its .proto; UPDATE_GOLDEN=1";
}

// Puts the phone number into every field that is marked, at most `depth` messages deep, and counts
// them.
int FillMarked(Message& message, int depth) {
  if (depth == 0) return 0;
  int filled = 0;
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const bool marked = field->options().GetExtension(api::mask) != api::MASK_KIND_UNSPECIFIED;
    if (field->is_map()) {
      if (!marked) continue;
      Message* entry = reflection.AddMessage(&message, field);
      entry->GetReflection()->SetString(entry, field->message_type()->map_key(), "key");
      entry->GetReflection()->SetString(entry, field->message_type()->map_value(), kPhone);
      ++filled;
    } else if (field->message_type() != nullptr) {
      if (field->message_type()->file()->package() != "rebound.v1") continue;
      filled += FillMarked(field->is_repeated() ? *reflection.AddMessage(&message, field)
                                                : *reflection.MutableMessage(&message, field),
                           depth - 1);
    } else if (marked && field->is_repeated()) {
      reflection.AddString(&message, field, kPhone);
      ++filled;
    } else if (marked) {
      reflection.SetString(&message, field, kPhone);
      ++filled;
    }
  }
  return filled;
}

TEST(ContactFieldsTest, InEveryAnswerEveryMarkedFieldIsMasked) {
  int with = 0, without = 0;
  for (const auto* method : AllMethods()) {
    std::unique_ptr<Message> answer(
        MessageFactory::generated_factory()->GetPrototype(method->output_type())->New());
    const int filled = FillMarked(*answer, 6);
    const std::string before = answer->SerializeAsString();
    MaskContact(*answer);
    if (filled == 0) {
      ++without;
      EXPECT_EQ(answer->SerializeAsString(), before) << method->full_name();
    } else {
      ++with;
      EXPECT_EQ(answer->SerializeAsString().find(kPhone), std::string::npos) << method->full_name();
    }
    const std::string masked = answer->SerializeAsString();
    EXPECT_EQ(masked.empty(), before.empty());
  }
  EXPECT_GT(with, 20);
  EXPECT_GT(without, 10);
}

class ContactTest : public testing::Test {
 protected:
  ContactTest() {
    const auto customer = server_.Do<api::UpsertCustomerResponse>("integration", R"(
        external_key { source_system: "hotline" external_id: "13800001234" }
        customer { display_name: "张三" account_id: "13800001234" segment: "gold"
                   contact_points { channel: CHANNEL_PHONE address: "+86 138 0000 1234" }
                   contact_points { channel: CHANNEL_EMAIL address: "zhang@example.com" } }
        update_mask { paths: "display_name" paths: "account_id" paths: "contact_points"
                      paths: "segment" })");
    EXPECT_EQ(customer.customer().display_name(), "张三") << "the system it comes from sees it";
    id_ = customer.customer().id();
    const auto opened = server_.Do<api::OpenCaseResponse>(
        "integration", "case { program_id: \"touchpoint\" customer_id: \"" + id_ +
                           R"(" contact_person: "李四" account_id: "13900005678"
                              external_key { source_system: "crm" external_id: "13900005678" }
                              customer_request: "call me at 13800001234" })");
    number_ = opened.case_().number();
    EXPECT_EQ(opened.case_().contact_person(), "李四");
  }

  std::string ById() const { return "customer_id: \"" + id_ + "\" "; }
  std::string ByCase() const { return "case_id: \"" + number_ + "\" "; }
  api::Customer Get(std::string_view who) {
    return server_.Do<api::GetCustomerResponse>(who, ById()).customer();
  }
  api::Case GetCase(std::string_view who) {
    return server_.Do<api::GetCaseResponse>(who, ByCase()).case_();
  }
  std::vector<api::CaseEvent> Unmasked() {
    std::vector<api::CaseEvent> found;
    const auto events = server_.Do<api::ListCaseEventsResponse>("manager", ByCase());
    for (const api::CaseEvent& event : events.events()) {
      if (event.type() == "ContactUnmasked") found.push_back(event);
    }
    return found;
  }

  TestServer server_;
  std::string id_, number_;
};

TEST_F(ContactTest, EachRoleSeesWhatItNeeds) {
  struct Seen {
    const char* role;
    bool clear;
  };
  for (const Seen& seen : {Seen{"admin", false}, Seen{"manager", false}, Seen{"agent", false},
                           Seen{"integration", true}}) {
    SCOPED_TRACE(seen.role);
    const api::Customer customer = Get(seen.role);
    EXPECT_EQ(customer.display_name(), seen.clear ? "张三" : "张*");
    EXPECT_EQ(customer.account_id(), seen.clear ? kPhone : kMaskedPhone);
    EXPECT_EQ(customer.contact_points(0).address(),
              seen.clear ? "+86 138 0000 1234" : "+86138****1234");
    EXPECT_EQ(customer.contact_points(1).address(),
              seen.clear ? "zhang@example.com" : "z***@example.com");
    EXPECT_EQ(customer.external_keys(0).external_id(), seen.clear ? kPhone : kMaskedPhone);
    EXPECT_EQ(customer.segment(), "gold");
    const auto listed = server_.Do<api::ListCustomersResponse>(seen.role, "");
    EXPECT_EQ(listed.customers(0).external_keys(0).external_id(),
              seen.clear ? kPhone : kMaskedPhone);
    const api::Case c = GetCase(seen.role);
    EXPECT_EQ(c.contact_person(), seen.clear ? "李四" : "李*");
    EXPECT_EQ(c.account_id(), seen.clear ? "13900005678" : "139****5678");
    EXPECT_EQ(c.external_key().external_id(), seen.clear ? "13900005678" : "139****5678");
    EXPECT_EQ(c.customer_request(), "call me at 13800001234") << "what people wrote stays";
    const auto cases = server_.Do<api::ListCasesResponse>(seen.role, "");
    EXPECT_EQ(cases.cases(0).account_id(), seen.clear ? "13900005678" : "139****5678");
  }
}

TEST_F(ContactTest, ChangesBatchesAndAnswersAreMaskedToo) {
  const auto changed = server_.Do<api::UpsertCustomerResponse>(
      "manager", R"(external_key { source_system: "hotline" external_id: "13800001234" }
                    customer { segment: "silver" } update_mask { paths: "segment" })");
  EXPECT_EQ(changed.customer().display_name(), "张*");
  const auto batch = server_.Do<api::BatchSubmitResponsesResponse>(
      "admin", R"(responses { program_id: "touchpoint" score: 9
                    customer_key { source_system: "hotline" external_id: "13800001234" }
                    attributes { key: "callback" value: "回拨 13900005678" }
                    attributes { key: "shop" value: "12" } })");
  const auto& attributes = batch.results(0).response().attributes();
  EXPECT_EQ(attributes.at("callback"), "回拨 139****5678");
  EXPECT_EQ(attributes.at("shop"), "12");
  const auto clear = server_.Do<api::GetResponseResponse>(
      "integration", "response_id: \"" + batch.results(0).response().id() + "\"");
  EXPECT_EQ(clear.response().attributes().at("callback"), "回拨 13900005678");
}

// Whoever knows a number finds whose it is.
TEST_F(ContactTest, AKnownNumberStillFindsTheCustomer) {
  const auto found = server_.Do<api::GetCustomerResponse>(
      "agent", R"(external_key { source_system: "hotline" external_id: "13800001234" })");
  EXPECT_EQ(found.customer().id(), id_);
  EXPECT_EQ(found.customer().external_keys(0).external_id(), kMaskedPhone);
}

// Lists go by no field that is masked, so that no digit can be guessed by them.
TEST_F(ContactTest, NoListIsFilteredByContactData) {
  for (const char* field : {"display_name", "address", "contact_points", "external_id",
                            "external_key", "account_id", "contact_person"}) {
    for (const char* method : {"CustomerService/ListCustomers", "CaseService/ListCases",
                               "ResponseService/ListResponses"}) {
      const Refusal refusal = server_.Refuse(
          "agent", method, "filter: \"" + std::string(field) + " = \\\"13800001234\\\"\"");
      EXPECT_EQ(refusal.reason, "FILTER_INVALID") << field << ' ' << method;
    }
  }
}

// Accounts are masked only where they are a number or an address: by those nobody filters who does
// not see them, in whatever form. Else four hidden digits would be 10,000 calls.
TEST_F(ContactTest, AMaskedAccountIsNotFoundOutByFiltering) {
  const auto ids = [&](std::string_view who, const std::string& filter) {
    std::vector<std::string> found;
    const auto listed = server_.Do<api::ListCustomersResponse>(who, "filter: '" + filter + "'");
    for (const auto& customer : listed.customers()) found.push_back(customer.id());
    return found;
  };
  server_.Do<api::UpsertCustomerResponse>(
      "integration", R"(external_key { source_system: "hotline" external_id: "acme" }
                        customer { account_id: "ACME-12" } update_mask { paths: "account_id" })");
  for (const char* filter : {R"(account = "13800001234")", R"(account = "13800009999")",
                             R"(account != "13800001234")", R"(NOT account = "13800001234")",
                             R"(segment = gold AND (account = "x" OR account = "tel:13800001234"))",
                             R"(account = "zhang@example.com")", R"(account = "138 0000 1234")"}) {
    const Refusal refusal = server_.Refuse("agent", "CustomerService/ListCustomers",
                                           "filter: '" + std::string(filter) + "'");
    EXPECT_EQ(refusal.reason, "FILTER_INVALID") << filter;
    EXPECT_TRUE(refusal.HasField("filter")) << filter;
    EXPECT_THAT(refusal.bytes, Not(HasSubstr("13800001234"))) << filter;
  }
  // Nor in parts: accounts know neither order nor beginnings.
  for (const char* filter : {R"(account:"138")", R"(account > "138")", R"(account = 138*)"}) {
    EXPECT_EQ(server_
                  .Refuse("integration", "CustomerService/ListCustomers",
                          "filter: '" + std::string(filter) + "'")
                  .reason,
              "FILTER_INVALID")
        << filter;
  }
  EXPECT_THAT(ids("integration", R"(account = "13800001234")"), ElementsAre(id_));
  EXPECT_THAT(ids("agent", R"(account = "ACME-12")"), SizeIs(1));
  EXPECT_THAT(ids("agent", "account:*"), SizeIs(2));
}

TEST_F(ContactTest, ForAReasonTheContactOfACaseIsShownAndItsTimelineSaysSo) {
  const api::Case before = GetCase("agent");
  const auto shown = server_.Do<api::UnmaskContactResponse>(
      "agent", ByCase() + R"(reason: UNMASK_REASON_CONTACT note: "calls back")");
  EXPECT_FALSE(shown.replayed());
  EXPECT_EQ(shown.contact().customer_id(), id_);
  EXPECT_EQ(shown.contact().display_name(), "张三");
  EXPECT_EQ(shown.contact().contact_person(), "李四");
  EXPECT_EQ(shown.contact().contact_points(0).address(), "+86 138 0000 1234");
  EXPECT_EQ(shown.contact().account_id(), "13900005678") << "of the case, not the customer's";
  ASSERT_EQ(shown.contact().external_keys_size(), 1);
  EXPECT_EQ(shown.contact().external_keys(0).external_id(), "13900005678");

  const AuditEntry audited = server_.LastAudit();
  EXPECT_EQ(audited.kind, AuditKind::kUnmask);
  EXPECT_EQ(audited.principal, "agent");
  EXPECT_EQ(audited.subject_type, "case");
  EXPECT_EQ(ToString(RawId{audited.subject}), before.id());
  const auto events = Unmasked();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].actor(), "agent");
  EXPECT_EQ(events[0].details().at("reason"), "contact");
  EXPECT_EQ(events[0].note(), "calls back");
  const api::Case after = GetCase("agent");
  EXPECT_EQ(after.etag(), before.etag()) << "nothing was done with the case";
  EXPECT_EQ(after.contact_person(), "李*") << "shown once, not from now on";
}

TEST_F(ContactTest, ForAReasonTheContactOfACustomerIsShownAndTheirExportSaysSo) {
  const api::Customer before = Get("manager");
  const auto shown = server_.Do<api::UnmaskContactResponse>(
      "manager",
      ById() + R"(reason: UNMASK_REASON_OTHER note: "asked by letter" request_id: "letter")");
  EXPECT_EQ(shown.contact().display_name(), "张三");
  EXPECT_EQ(shown.contact().account_id(), kPhone);
  EXPECT_EQ(shown.contact().external_keys(0).external_id(), kPhone);
  EXPECT_EQ(shown.contact().contact_person(), "");
  const auto listed = server_.Do<api::ListAuditEntriesResponse>("admin", "kind: AUDIT_KIND_UNMASK");
  ASSERT_EQ(listed.entries_size(), 1) << "is found by its kind";
  EXPECT_EQ(listed.entries(0).principal(), "manager");
  EXPECT_EQ(listed.entries(0).subject_type(), "customer");
  EXPECT_EQ(listed.entries(0).subject_id(), id_);
  EXPECT_EQ(listed.entries(0).request_key(),
            ToHex(RequestKey("manager", "rebound.v1.CustomerService/UnmaskContact", "letter")));
  EXPECT_EQ(Get("manager").etag(), before.etag());
  EXPECT_THAT(Unmasked(), IsEmpty());
  int found = 0;
  for (const auto& item : ExportOf(server_, "manager", id_).items) {
    if (item.has_customer()) {
      EXPECT_EQ(item.customer().display_name(), "张三") << "clear: a person is owed it";
    }
    if (item.event().type() != "ContactUnmasked") continue;
    ++found;
    EXPECT_EQ(item.event().actor(), "manager");
    EXPECT_EQ(item.event().details().at("reason"), "other");
    EXPECT_EQ(item.event().words(0), "asked by letter");
  }
  EXPECT_EQ(found, 1);
}

TEST_F(ContactTest, ARepeatShowsAgainAndIsNotOnRecordAgain) {
  const std::string request = ByCase() + R"(reason: UNMASK_REASON_CONTACT request_id: "u1")";
  server_.Do<api::UnmaskContactResponse>("agent", request);
  const int64_t last = server_.LastSequence();
  const auto again = server_.Do<api::UnmaskContactResponse>("agent", request);
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.contact().display_name(), "张三");
  EXPECT_EQ(again.contact().contact_person(), "李四");
  EXPECT_EQ(server_.LastSequence(), last);
  EXPECT_EQ(Unmasked().size(), 1u);
  EXPECT_EQ(server_
                .Refuse("agent", "CustomerService/UnmaskContact",
                        ById() + R"(reason: UNMASK_REASON_CONTACT request_id: "u1")")
                .reason,
            "REQUEST_ID_REUSED");
  // Whoever has lost sight of it is not shown it again. Principals are read anew after a while.
  server_.AddIdentity("east", "agent", {.org_units = {"east"}, .queues = {}});
  server_.UseToken("agent", server_.TokenOf("east"));
  EXPECT_EQ(server_.Refuse("agent", "CustomerService/UnmaskContact", request).reason, "NOT_FOUND");
}

TEST_F(ContactTest, WithoutAReasonOrTheRoleNothingIsShown) {
  struct Row {
    const char* who;
    std::string request;
    const char* reason;
    const char* field;
  };
  for (const Row& row : std::vector<Row>{
           {"agent", ById(), "ENUM_VALUE_UNKNOWN", "reason"},
           {"agent", ById() + "reason: UNMASK_REASON_OTHER", "REQUIRED_FIELD_MISSING", "note"},
           {"agent", "reason: UNMASK_REASON_CONTACT", "REQUIRED_FIELD_MISSING", "customer_id"},
           {"agent", "case_id: \"C-99\" reason: UNMASK_REASON_CONTACT", "NOT_FOUND", ""},
           {"viewer", ById() + "reason: UNMASK_REASON_CONTACT", "ROLE_NOT_ALLOWED", ""},
           {"integration", ById() + "reason: UNMASK_REASON_CONTACT", "ROLE_NOT_ALLOWED", ""}}) {
    const Refusal refusal = server_.Refuse(row.who, "CustomerService/UnmaskContact", row.request);
    EXPECT_EQ(refusal.reason, row.reason) << refusal;
    if (*row.field != '\0') {
      EXPECT_TRUE(refusal.HasField(row.field)) << refusal;
    }
  }
}

TEST_F(ContactTest, OfWhoeverWasErasedNothingIsShown) {
  const std::string etag = Get("manager").etag();
  server_.Do<api::EraseCustomerResponse>("manager",
                                         ById() + "ground: ERASURE_GROUND_OBJECTION etag: \"\\\"" +
                                             etag.substr(1, etag.size() - 2) + "\\\"\"");
  for (const std::string& named : {ById(), ByCase()}) {
    EXPECT_EQ(server_
                  .Refuse("agent", "CustomerService/UnmaskContact",
                          named + "reason: UNMASK_REASON_CONTACT")
                  .reason,
              "CUSTOMER_ERASED");
  }
}

// Somebody loads a customer, changes the segment and saves all of it.
TEST_F(ContactTest, AMaskedValueThatComesBackIsRefusedWithEveryFieldNamed) {
  api::UpsertCustomerRequest request;
  request.set_request_id("back");
  request.mutable_external_key()->set_source_system("hotline");
  request.mutable_external_key()->set_external_id(kPhone);
  *request.mutable_customer() = Get("manager");
  for (const char* path : {"display_name", "contact_points", "account_id", "segment"}) {
    request.mutable_update_mask()->add_paths(path);
  }
  const Refusal refusal = server_.Refuse("manager", request);
  EXPECT_EQ(refusal.code, grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"customer.display_name", "customer.contact_points[0].address",
                            "customer.contact_points[1].address", "customer.account_id"}) {
    EXPECT_TRUE(refusal.HasField(field)) << refusal;
  }
  EXPECT_EQ(Get("integration").display_name(), "张三");

  struct Row {
    const char* method;
    std::string request;
    const char* field;
  };
  for (const Row& row : std::vector<Row>{
           {"CustomerService/UpsertCustomer",
            R"(external_key { source_system: "hotline" external_id: "138****1234" }
               customer { segment: "x" } update_mask { paths: "segment" })",
            "external_key.external_id"},
           {"CustomerService/AddCustomerAlias",
            ById() + R"(external_key { source_system: "app" external_id: "z***@example.com" })",
            "external_key.external_id"},
           {"CaseService/OpenCase", R"(case { program_id: "touchpoint" contact_person: "李*" })",
            "case.contact_person"},
           {"ResponseService/SubmitResponse",
            R"(response { program_id: "touchpoint" score: 9
                 customer_key { source_system: "hotline" external_id: "138****1234" } })",
            "response.customer_key.external_id"}}) {
    const Refusal alone = server_.Refuse("admin", row.method, row.request);
    EXPECT_EQ(alone.reason, "VALUE_MASKED") << alone;
    EXPECT_TRUE(alone.HasField(row.field)) << alone;
  }
}

// A key that names a group may be a phone number, and groups are as many as answers may be.
TEST_F(ContactTest, ReportsGroupByAttributesAsTheyAreShown) {
  server_.Do<api::SubmitResponseResponse>("integration", R"(response { program_id: "touchpoint"
      customer_key { source_system: "crm" external_id: "grouped" } score: 2
      attributes { key: "phone" value: "13800001234" } })");
  const std::string scope = R"(scope { program_id: "touchpoint" group_by: "attributes.phone" })";
  const auto groups = [](const auto& report) {
    std::set<std::string> names;
    for (const auto& figure : report.groups()) names.insert(figure.group());
    return names;
  };
  for (const char* who : {"viewer", "supervisor"}) {
    SCOPED_TRACE(who);
    for (const auto& names : {groups(server_.Do<api::GetNpsReportResponse>(who, scope)),
                              groups(server_.Do<api::GetFunnelReportResponse>(who, scope)),
                              groups(server_.Do<api::GetRecoveryReportResponse>(who, scope))}) {
      EXPECT_TRUE(names.contains("138****1234"));
      EXPECT_FALSE(names.contains("13800001234"));
    }
  }
}

// A survey that was masked before it came to us is taken as it is.
TEST_F(ContactTest, AttributesOfAnswersMayHaveBeenMaskedElsewhere) {
  server_.Do<api::SubmitResponseResponse>("integration", R"(response { program_id: "touchpoint"
      customer_key { source_system: "crm" external_id: "masked" } score: 9
      attributes { key: "phone" value: "138****1234" } })");
}

// With a role of the agents' base that sees contact data.
Revision WithCallers() {
  Revision revision = *PlainRevision();
  revision.roles = DefaultRoles();
  revision.roles.push_back(
      {.id = "caller", .name_en = "Caller", .name_zh = "外呼", .base = "agent"});
  revision.roles.back().sees_contact = true;
  return revision;
}

TEST(ContactRolesTest, TheConfigurationSaysWhoSeesContactData) {
  Revision revision = WithCallers();
  for (RoleDef& role : revision.roles) {
    if (role.id == "agent") role.sees_contact = true;
    if (role.id == "integration") role.sees_contact = false;
  }
  TestServer server(
      TestServerOptions{.revision = std::make_shared<const Revision>(std::move(revision))});
  server.AddIdentity("caller", "caller");
  const std::string id = server
                             .Do<api::UpsertCustomerResponse>("admin", R"(
      external_key { source_system: "crm" external_id: "1" } customer { display_name: "张三" }
      update_mask { paths: "display_name" })")
                             .customer()
                             .id();
  for (const auto& [who, name] : std::map<std::string, std::string>{
           {"agent", "张三"}, {"caller", "张三"}, {"integration", "张*"}, {"manager", "张*"}}) {
    EXPECT_EQ(server.Do<api::GetCustomerResponse>(who, "customer_id: \"" + id + "\"")
                  .customer()
                  .display_name(),
              name)
        << who;
  }
}

// Limits and masks go by the role: a key of another one with the same base would undo them.
TEST(ContactRolesTest, NobodyGivesThemselvesAKeyOfAnotherRoleOfTheirBase) {
  Revision revision = WithCallers();
  TestServer server(
      TestServerOptions{.revision = std::make_shared<const Revision>(std::move(revision))});
  const auto made = server.Do<api::CreateUserResponse>(
      "admin", R"(user { name: "li" role: "agent" } with_link: true)");
  server.Do<api::RedeemLinkResponse>(
      "", "token: \"" + made.link_token() + "\" password: \"a long password\"");
  server.UseToken(
      "li", server.Do<api::SignInResponse>("", R"(user_name: "li" password: "a long password")")
                .session_token());
  const std::string key = " description: \"own\" end_time { seconds: " +
                          std::to_string(ToMillis(server.clock().Now()) / 1000 + 3600) + " }";
  EXPECT_EQ(server.Refuse("li", "AccessService/CreateApiKey", "role: \"caller\"" + key).reason,
            "GRANT_EXCEEDS_OWN");
  server.Do<api::CreateApiKeyResponse>("li", "role: \"agent\"" + key);
  // Nor do they come by it through somebody they manage.
  EXPECT_EQ(
      server
          .Refuse("manager", "AccessService/CreateUser", R"(user { name: "wang" role: "caller" })")
          .reason,
      "GRANT_EXCEEDS_OWN");
}

TEST(ContactRolesTest, AKeyOfItsUsersOwnRoleGoesAlongToAnother) {
  Revision revision = WithCallers();
  TestServer server(
      TestServerOptions{.revision = std::make_shared<const Revision>(std::move(revision))});
  server.Do<api::CreateUserResponse>("admin", R"(user { name: "li" role: "caller" })");
  const std::string key = R"(user_name: "li" description: "own" end_time { seconds: )" +
                          std::to_string(ToMillis(server.clock().Now()) / 1000 + 3600) + " } ";
  server.UseToken("own", server.Do<api::CreateApiKeyResponse>("admin", key).secret());
  server.UseToken("given",
                  server.Do<api::CreateApiKeyResponse>("admin", key + R"(role: "agent")").secret());
  const std::string id = server
                             .Do<api::UpsertCustomerResponse>("admin", R"(
      external_key { source_system: "crm" external_id: "1" } customer { display_name: "张三" }
      update_mask { paths: "display_name" })")
                             .customer()
                             .id();
  const auto sees = [&](const char* who) {
    return server.Do<api::GetCustomerResponse>(who, "customer_id: \"" + id + "\"")
        .customer()
        .display_name();
  };
  EXPECT_EQ(sees("own"), "张三");
  EXPECT_EQ(sees("given"), "张*");
  const auto change = [&](const std::string& role) {
    server.Do<api::UpdateUserResponse>(
        "admin", R"(user { name: "li" role: ")" + role + R"(" } update_mask { paths: "role" })");
  };
  change("agent");
  EXPECT_EQ(sees("own"), "张*");
  EXPECT_EQ(sees("given"), "张*");
}

}  // namespace
}  // namespace rebound::fixtures
