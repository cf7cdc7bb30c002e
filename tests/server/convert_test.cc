// Every field that a caller may set comes back as it was sent: a filler walks the messages and sets
// each field that proto/ does not call output only, so a field forgotten on the way is found. And
// the enums of the domain are those of the API, number by number.
#include "server/services/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include <fstream>
#include <functional>
#include <set>

#include "rebound/v1/access.pb.h"
#include "rebound/v1/audit.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/delivery.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "rebound/v1/options.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "rebound/v1/survey_service.pb.h"
#include "server/access/authenticator.h"
#include "server/access/mask.h"
#include "server/storage/delivery_records.h"
#include "tests/fixtures/test_server.h"
#include "workflows/backtest.h"
#include "workflows/command.h"

namespace rebound::fixtures {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

// "Case.number", ...: fields whose comment says "Output only" or that only another verb changes.
std::set<std::string> ReadOutputOnly() {
  std::set<std::string> fields;
  for (const char* file : {"case", "customer", "response"}) {
    std::ifstream in(REBOUND_SOURCE_DIR "/proto/rebound/v1/" + std::string(file) + ".proto");
    EXPECT_TRUE(in.good());
    std::string message, comment;
    for (std::string line; std::getline(in, line);) {
      line.erase(0, line.find_first_not_of(' '));
      if (line.starts_with("//")) {
        comment += line + " ";
        continue;
      }
      if (line.starts_with("message ")) message = line.substr(8, line.find(' ', 8) - 8);
      const size_t equals = line.find(" = ");
      if (equals != std::string::npos && (comment.find("Output only") != std::string::npos ||
                                          comment.find("Changed by ") != std::string::npos)) {
        fields.insert(
            message + "." +
            line.substr(line.rfind(' ', equals - 1) + 1, equals - line.rfind(' ', equals - 1) - 1));
      }
      comment.clear();
    }
  }
  return fields;
}

// Sets every field that is not output only, each to a value of its own.
class Filler {
 public:
  // Values that a field must have, by "Message.field".
  std::map<std::string, std::function<std::string()>> texts{};
  std::map<std::string, int64_t> numbers{};
  std::set<std::string> left_out = ReadOutputOnly();
  int filled = 0;

  void Fill(Message* message) {
    const Descriptor* type = message->GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      if (left_out.contains(type->name() + "." + field->name())) continue;
      ++filled;
      const int copies = field->is_repeated() ? 2 : 1;
      for (int n = 0; n < copies; ++n) Set(message, field);
    }
  }

  // Takes away what the server sets.
  void Strip(Message* message) const {
    const Descriptor* type = message->GetDescriptor();
    const Reflection* reflection = message->GetReflection();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      if (left_out.contains(type->name() + "." + field->name())) {
        reflection->ClearField(message, field);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_map()) {
        if (!field->is_repeated()) {
          if (reflection->HasField(*message, field))
            Strip(reflection->MutableMessage(message, field));
          continue;
        }
        for (int n = 0; n < reflection->FieldSize(*message, field); ++n) {
          Strip(reflection->MutableRepeatedMessage(message, field, n));
        }
      }
    }
  }

 private:
  void Set(Message* message, const FieldDescriptor* field) {
    const Reflection* r = message->GetReflection();
    const std::string name = message->GetDescriptor()->name() + "." + field->name();
    ++serial_;
    const auto number = [&](int64_t otherwise) {
      const auto known = numbers.find(name);
      return known == numbers.end() ? otherwise : known->second;
    };
    const bool many = field->is_repeated();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        const auto known = texts.find(name);
        const std::string value =
            known == texts.end() ? "值 " + std::to_string(serial_) : known->second();
        many ? r->AddString(message, field, value) : r->SetString(message, field, value);
        return;
      }
      case FieldDescriptor::CPPTYPE_INT64: r->SetInt64(message, field, number(serial_)); return;
      case FieldDescriptor::CPPTYPE_INT32:
        r->SetInt32(message, field, static_cast<int32_t>(number(serial_)));
        return;
      case FieldDescriptor::CPPTYPE_BOOL: r->SetBool(message, field, true); return;
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumDescriptor* type = field->enum_type();
        r->SetEnumValue(message, field,
                        static_cast<int>(number(1 + serial_ % (type->value_count() - 1))));
        return;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        Message* inner = many ? r->AddMessage(message, field) : r->MutableMessage(message, field);
        if (auto* time = dynamic_cast<google::protobuf::Timestamp*>(inner)) {
          time->set_seconds(number(ToMillis(kServerStart) / 1000 - 1000 + serial_));
          time->set_nanos(serial_ % 1000 * 1'000'000);
          return;
        }
        Fill(inner);
        return;
      }
      case FieldDescriptor::CPPTYPE_UINT32:
      case FieldDescriptor::CPPTYPE_UINT64:
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT: break;
    }
    FAIL() << "the API has no field of this kind: " << name;
  }

  int serial_ = 0;
};

// With a remedy to choose, so that Remedy.type_id can be given; and contact data is not masked.
std::shared_ptr<const Revision> WithCatalogue() {
  Revision revision = *PlainRevision();
  for (RoleDef& role : revision.roles) role.sees_contact = true;
  revision.remedies = {{"refund", RemedyKind::kRefund, "Refund", "退费", true, true}};
  return std::make_shared<const Revision>(std::move(revision));
}

class FieldsTest : public testing::Test {
 protected:
  FieldsTest() : server_(TestServerOptions{.revision = WithCatalogue()}) {
    // A case of the customer that waits for a re-survey, to be named by an answer.
    const auto first = server_.Do<api::SubmitResponseResponse>(
        "admin", R"(response { program_id: "try-out" score: 2
                    customer_key { source_system: "crm" external_id: "li" } })");
    customer_ = first.response().customer_id();
    case_ = first.response().paired_case_id();
    server_.Do<api::ResolveCaseResponse>(
        "admin", R"(case_id: "C-1" handling_result: HANDLING_RESULT_RESOLVED root_cause: "x"
                    action_taken: "x")");
    server_.FireDueTimers();
    invitation_ = server_.Do<api::GetCaseResponse>("admin", R"(case_id: "C-1")")
                      .case_()
                      .resurvey()
                      .invitation_id();

    server_.clock().Advance(std::chrono::minutes(1));

    const auto text = [](std::string value) { return [value] { return value; }; };
    filler_.texts = {{"Response.program_id", text("try-out")},
                     {"Response.customer_id", text(customer_)},
                     {"Response.case_id", text(case_)},
                     {"Response.invitation_id", text(invitation_)},
                     {"ExternalKey.source_system", [this] { return "system-" + Next(); }},
                     {"AttributesEntry.key", [this] { return "key-" + Next(); }},
                     {"Case.program_id", text("try-out")},
                     {"Case.customer_id", text(customer_)},
                     {"CaseLink.case_id", text(case_)},
                     {"CaseLink.kind",
                      [this] { return std::string(kLinkKinds[++links_ % std::size(kLinkKinds)]); }},
                     {"Remedy.type_id", text("refund")},
                     {"Attachment.uri", [this] { return "https://host/" + Next(); }},
                     {"Money.currency_code", text("CNY")},
                     {"Customer.time_zone", text("Asia/Shanghai")}};
    filler_.numbers = {{"Response.score", 7},
                       {"Response.occur_time", ToMillis(kServerStart) / 1000 + 30},
                       {"Case.origin", api::CASE_ORIGIN_COMPLAINT},
                       {"Case.severity", 5},
                       {"Attempt.direction", api::DIRECTION_INBOUND},
                       {"Attempt.occur_time", ToMillis(kServerStart) / 1000 + 61},
                       {"Attempt.next_allowed_time", ToMillis(kServerStart) / 1000 + 60},
                       {"Commitment.due_time", ToMillis(kServerStart) / 1000 + 3600},
                       {"Remedy.kind", api::REMEDY_KIND_REFUND},
                       {"Remedy.state", api::REMEDY_STATE_PROPOSED}};
    // Another way to give customer_id; not returned.
    filler_.left_out.insert("Response.customer_key");
  }

  std::string Next() { return std::to_string(++next_); }

  // What came back is what was sent, once what the server adds is taken away.
  void ExpectEqual(const Message& sent, const Message& stored) {
    std::unique_ptr<Message> stripped(stored.New());
    stripped->CopyFrom(stored);
    filler_.Strip(stripped.get());
    google::protobuf::util::MessageDifferencer differencer;
    std::string report;
    differencer.ReportDifferencesToString(&report);
    EXPECT_TRUE(differencer.Compare(sent, *stripped)) << report;
  }

  TestServer server_;
  std::string customer_, case_, invitation_;
  Filler filler_;
  int next_ = 0;
  size_t links_ = 0;
};

TEST_F(FieldsTest, EveryFieldOfAnAnswerComesBack) {
  api::SubmitResponseRequest request;
  request.set_request_id("r");
  filler_.Fill(request.mutable_response());
  EXPECT_GE(filler_.filled, 24);
  api::SubmitResponseResponse reply;
  const grpc::Status status = server_.Call("integration", request, &reply);
  ASSERT_TRUE(status.ok()) << ToRefusal(status);
  ExpectEqual(request.response(), reply.response());
  EXPECT_EQ(reply.response().effect(), api::RESPONSE_EFFECT_RESURVEY_ANSWER);
  for (int restart = 0; restart < 2; ++restart) {
    const auto got = server_.Do<api::GetResponseResponse>(
        "agent", "response_id: \"" + reply.response().id() + "\"");
    EXPECT_TRUE(
        google::protobuf::util::MessageDifferencer::Equals(got.response(), reply.response()));
    server_.Restart();
  }
  // A list leaves out the texts and nothing else.
  api::Response listed = server_.Do<api::ListResponsesResponse>("agent", "").responses(0);
  EXPECT_TRUE(listed.reason().empty() && listed.suggestion().empty() &&
              listed.follow_ups().empty());
  listed.set_reason(reply.response().reason());
  listed.set_suggestion(reply.response().suggestion());
  *listed.mutable_follow_ups() = reply.response().follow_ups();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(listed, reply.response()));
}

TEST_F(FieldsTest, EveryFieldOfACaseComesBack) {
  api::OpenCaseRequest request;
  request.set_request_id("r");
  filler_.Fill(request.mutable_case_());
  EXPECT_GE(filler_.filled, 30);
  api::OpenCaseResponse reply;
  const grpc::Status status = server_.Call("agent", request, &reply);
  ASSERT_TRUE(status.ok()) << ToRefusal(status);
  ExpectEqual(request.case_(), reply.case_());
  EXPECT_EQ(reply.case_().number(), "C-2");
  EXPECT_EQ(reply.case_().status(), "open");
  EXPECT_EQ(reply.case_().arm(), api::ARM_TREATED);
  for (int restart = 0; restart < 2; ++restart) {
    auto got = server_.Do<api::GetCaseResponse>("agent", R"(case_id: "C-2")");
    EXPECT_TRUE(got.case_().has_reachability());  // by GetCase alone
    got.mutable_case_()->clear_reachability();
    EXPECT_EQ(got.case_().SerializeAsString(), reply.case_().SerializeAsString());
    server_.Restart();
  }
  api::Case listed =
      server_.Do<api::ListCasesResponse>("agent", R"(filter: "number = C-2")").cases(0);
  EXPECT_TRUE(listed.contact_person().empty() && listed.customer_request().empty());
  listed.set_contact_person(reply.case_().contact_person());
  listed.set_preferred_time(reply.case_().preferred_time());
  listed.set_customer_request(reply.case_().customer_request());
  *listed.mutable_allowed_commands() = reply.case_().allowed_commands();
  EXPECT_EQ(listed.timers_size(), 0);
  ASSERT_EQ(listed.clocks_size(), reply.case_().clocks_size());
  EXPECT_EQ(listed.clocks(0).due_time().seconds(), reply.case_().clocks(0).due_time().seconds());
  EXPECT_FALSE(listed.clocks(0).has_start_time());
  *listed.mutable_timers() = reply.case_().timers();
  *listed.mutable_clocks() = reply.case_().clocks();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(listed, reply.case_()));
}

TEST_F(FieldsTest, EveryFieldOfAttemptsCommitmentsAndRemediesComesBack) {
  server_.Do<api::OpenCaseResponse>("agent", R"(case { program_id: "try-out" })");
  server_.clock().Advance(std::chrono::minutes(1));
  api::LogAttemptRequest attempt;
  api::MakeCommitmentRequest commitment;
  api::RemedyCaseRequest remedy;
  filler_.Fill(attempt.mutable_attempt());
  filler_.Fill(commitment.mutable_commitment());
  filler_.Fill(remedy.mutable_remedy());
  api::LogAttemptResponse first;
  api::MakeCommitmentResponse second;
  api::RemedyCaseResponse third;
  for (const auto& [request, reply] : std::vector<std::pair<Message*, Message*>>{
           {&attempt, &first}, {&commitment, &second}, {&remedy, &third}}) {
    const auto* type = request->GetDescriptor();
    request->GetReflection()->SetString(request, type->FindFieldByName("request_id"), "r");
    request->GetReflection()->SetString(request, type->FindFieldByName("case_id"), "C-2");
    const grpc::Status status = server_.Call("agent", *request, reply);
    ASSERT_TRUE(status.ok()) << ToRefusal(status);
  }
  server_.Do<api::ResolveCaseResponse>(
      "agent", R"(case_id: "C-2" handling_result: HANDLING_RESULT_PARTLY root_cause: "账单"
                  action_taken: "已更正" customer_accepts: false)");
  server_.Restart();
  const api::Case c = server_.Do<api::GetCaseResponse>("agent", R"(case_id: "C-2")").case_();
  ASSERT_EQ(c.attempts_size(), 1);
  ExpectEqual(attempt.attempt(), c.attempts(0));
  EXPECT_EQ(c.attempts(0).actor(), "agent");
  EXPECT_EQ(c.attempts(0).id().size(), 26u);
  ASSERT_EQ(c.commitments_size(), 1);
  ExpectEqual(commitment.commitment(), c.commitments(0));
  EXPECT_EQ(c.commitments(0).state(), api::COMMITMENT_STATE_PENDING);
  ASSERT_EQ(c.remedies_size(), 1);
  ExpectEqual(remedy.remedy(), c.remedies(0));
  EXPECT_EQ(c.handling_result(), api::HANDLING_RESULT_PARTLY);
  EXPECT_EQ(c.root_cause(), "账单");
  EXPECT_EQ(c.action_taken(), "已更正");
  EXPECT_TRUE(c.has_customer_accepts());
  EXPECT_FALSE(c.customer_accepts());
}

TEST_F(FieldsTest, EveryFieldOfACustomerComesBack) {
  api::UpsertCustomerRequest request;
  request.set_request_id("r");
  request.mutable_external_key()->set_source_system("crm");
  request.mutable_external_key()->set_external_id("王");
  filler_.Fill(request.mutable_customer());
  for (int i = 0; i < api::Customer::descriptor()->field_count(); ++i) {
    const std::string& name = api::Customer::descriptor()->field(i)->name();
    if (!filler_.left_out.contains("Customer." + name))
      request.mutable_update_mask()->add_paths(name);
  }
  EXPECT_EQ(request.update_mask().paths_size(), 8);
  api::UpsertCustomerResponse reply;
  const grpc::Status status = server_.Call("manager", request, &reply);
  ASSERT_TRUE(status.ok()) << ToRefusal(status);
  ExpectEqual(request.customer(), reply.customer());
  ASSERT_EQ(reply.customer().external_keys_size(), 1);
  EXPECT_EQ(reply.customer().external_keys(0).external_id(), "王");

  api::SetCustomerConsentRequest consent;
  consent.set_request_id("r");
  consent.set_customer_id(reply.customer().id());
  consent.set_do_not_contact(true);
  for (int i = 0; i < 2; ++i) {
    filler_.Fill(consent.add_consents());
    consent.mutable_consents(i)->set_channel(i == 0 ? api::CHANNEL_SMS : api::CHANNEL_UNSPECIFIED);
  }
  api::SetCustomerConsentResponse changed;
  ASSERT_TRUE(server_.Call("manager", consent, &changed).ok());
  server_.Restart();
  const api::Customer customer =
      server_
          .Do<api::GetCustomerResponse>("agent", "customer_id: \"" + reply.customer().id() + "\"")
          .customer();
  EXPECT_TRUE(customer.do_not_contact());
  ASSERT_EQ(customer.consents_size(), 2);
  std::set<std::string> sent, kept;
  for (int i = 0; i < 2; ++i) {
    sent.insert(consent.consents(i).SerializeAsString());
    kept.insert(customer.consents(i).SerializeAsString());
  }
  EXPECT_EQ(sent, kept);
  ExpectEqual(request.customer(), customer);

  // Only what the mask names is set; the rest stays.
  server_.Do<api::UpsertCustomerResponse>(
      "manager",
      R"(external_key { source_system: "crm" external_id: "王" } update_mask { paths: "segment" }
                    customer { segment: "new" display_name: "not named by the mask" })");
  request.mutable_customer()->set_segment("new");
  ExpectEqual(request.customer(), server_
                                      .Do<api::GetCustomerResponse>(
                                          "agent", "customer_id: \"" + reply.customer().id() + "\"")
                                      .customer());
}

// ---- enums ----

// Enums of the API that were compared.
std::set<std::string>& Compared() {
  static auto& compared = *new std::set<std::string>;
  return compared;
}

template <typename D, typename A>
void ExpectSameEnum(std::initializer_list<std::pair<D, A>> pairs) {
  const EnumDescriptor* type = google::protobuf::GetEnumDescriptor<A>();
  Compared().insert(type->name());
  std::set<int> seen = {0};
  for (const auto& [domain, wire] : pairs) {
    EXPECT_EQ(static_cast<int>(domain), static_cast<int>(wire))
        << type->FindValueByNumber(wire)->name();
    seen.insert(static_cast<int>(wire));
  }
  for (int i = 0; i < type->value_count(); ++i) {
    EXPECT_TRUE(seen.contains(type->value(i)->number()))
        << type->value(i)->name() << " has no counterpart in workflows/, or none is listed here";
  }
}

TEST(EnumTest, TheDomainAndTheApiCountAlike) {
  ExpectSameEnum<CredentialKind, api::CredentialKind>(
      {{CredentialKind::kPrincipalToken, api::CREDENTIAL_KIND_PRINCIPAL_TOKEN},
       {CredentialKind::kApiKey, api::CREDENTIAL_KIND_API_KEY},
       {CredentialKind::kSession, api::CREDENTIAL_KIND_SESSION},
       {CredentialKind::kCertificate, api::CREDENTIAL_KIND_CERTIFICATE}});
  ExpectSameEnum<EndpointKind, api::EndpointKind>(
      {{EndpointKind::kWebhook, api::ENDPOINT_KIND_WEBHOOK},
       {EndpointKind::kEmail, api::ENDPOINT_KIND_EMAIL},
       {EndpointKind::kWecom, api::ENDPOINT_KIND_WECOM},
       {EndpointKind::kDingtalk, api::ENDPOINT_KIND_DINGTALK},
       {EndpointKind::kFeishu, api::ENDPOINT_KIND_FEISHU}});
  ExpectSameEnum<EndpointState, api::EndpointState>(
      {{EndpointState::kActive, api::ENDPOINT_STATE_ACTIVE},
       {EndpointState::kDisabled, api::ENDPOINT_STATE_DISABLED}});
  ExpectSameEnum<EndpointDisabledCause, api::EndpointDisabledCause>(
      {{EndpointDisabledCause::kByHand, api::ENDPOINT_DISABLED_CAUSE_BY_HAND},
       {EndpointDisabledCause::kGone, api::ENDPOINT_DISABLED_CAUSE_GONE},
       {EndpointDisabledCause::kFailing, api::ENDPOINT_DISABLED_CAUSE_FAILING}});
  ExpectSameEnum<DeliveryState, api::DeliveryState>(
      {{DeliveryState::kPending, api::DELIVERY_STATE_PENDING},
       {DeliveryState::kDelivered, api::DELIVERY_STATE_DELIVERED},
       {DeliveryState::kDead, api::DELIVERY_STATE_DEAD},
       {DeliveryState::kDropped, api::DELIVERY_STATE_DROPPED}});
  ExpectSameEnum<Category, api::Category>({{Category::kDetractor, api::CATEGORY_DETRACTOR},
                                           {Category::kPassive, api::CATEGORY_PASSIVE},
                                           {Category::kPromoter, api::CATEGORY_PROMOTER}});
  ExpectSameEnum<Channel, api::Channel>({{Channel::kPhone, api::CHANNEL_PHONE},
                                         {Channel::kSms, api::CHANNEL_SMS},
                                         {Channel::kEmail, api::CHANNEL_EMAIL},
                                         {Channel::kMessenger, api::CHANNEL_MESSENGER},
                                         {Channel::kApp, api::CHANNEL_APP},
                                         {Channel::kLetter, api::CHANNEL_LETTER},
                                         {Channel::kInPerson, api::CHANNEL_IN_PERSON}});
  ExpectSameEnum<CaseOrigin, api::CaseOrigin>(
      {{CaseOrigin::kResponse, api::CASE_ORIGIN_RESPONSE},
       {CaseOrigin::kComplaint, api::CASE_ORIGIN_COMPLAINT},
       {CaseOrigin::kContactRequest, api::CASE_ORIGIN_CONTACT_REQUEST},
       {CaseOrigin::kHand, api::CASE_ORIGIN_HAND}});
  ExpectSameEnum<Phase, api::Phase>({{Phase::kOpen, api::PHASE_OPEN},
                                     {Phase::kContacted, api::PHASE_CONTACTED},
                                     {Phase::kRemedied, api::PHASE_REMEDIED},
                                     {Phase::kResurveyed, api::PHASE_RESURVEYED},
                                     {Phase::kClosed, api::PHASE_CLOSED}});
  ExpectSameEnum<Arm, api::Arm>({{Arm::kTreated, api::ARM_TREATED},
                                 {Arm::kHeldOut, api::ARM_HELD_OUT},
                                 {Arm::kDelayedStart, api::ARM_DELAYED_START}});
  ExpectSameEnum<Emotion, api::Emotion>({{Emotion::kCalm, api::EMOTION_CALM},
                                         {Emotion::kDisappointed, api::EMOTION_DISAPPOINTED},
                                         {Emotion::kAngry, api::EMOTION_ANGRY},
                                         {Emotion::kThreatening, api::EMOTION_THREATENING}});
  ExpectSameEnum<Liability, api::Liability>({{Liability::kCompany, api::LIABILITY_COMPANY},
                                             {Liability::kCustomer, api::LIABILITY_CUSTOMER},
                                             {Liability::kThirdParty, api::LIABILITY_THIRD_PARTY},
                                             {Liability::kShared, api::LIABILITY_SHARED},
                                             {Liability::kNone, api::LIABILITY_NONE}});
  ExpectSameEnum<Direction, api::Direction>({{Direction::kOutbound, api::DIRECTION_OUTBOUND},
                                             {Direction::kInbound, api::DIRECTION_INBOUND}});
  ExpectSameEnum<AttemptOutcome, api::AttemptOutcome>(
      {{AttemptOutcome::kReached, api::ATTEMPT_OUTCOME_REACHED},
       {AttemptOutcome::kNoAnswer, api::ATTEMPT_OUTCOME_NO_ANSWER},
       {AttemptOutcome::kBusy, api::ATTEMPT_OUTCOME_BUSY},
       {AttemptOutcome::kSwitchedOff, api::ATTEMPT_OUTCOME_SWITCHED_OFF},
       {AttemptOutcome::kSuspended, api::ATTEMPT_OUTCOME_SUSPENDED},
       {AttemptOutcome::kEmptyNumber, api::ATTEMPT_OUTCOME_EMPTY_NUMBER},
       {AttemptOutcome::kWrongPerson, api::ATTEMPT_OUTCOME_WRONG_PERSON},
       {AttemptOutcome::kHungUp, api::ATTEMPT_OUTCOME_HUNG_UP},
       {AttemptOutcome::kRefused, api::ATTEMPT_OUTCOME_REFUSED},
       {AttemptOutcome::kCallBackAgreed, api::ATTEMPT_OUTCOME_CALL_BACK_AGREED},
       {AttemptOutcome::kAsksForSuperior, api::ATTEMPT_OUTCOME_ASKS_FOR_SUPERIOR},
       {AttemptOutcome::kMessageSent, api::ATTEMPT_OUTCOME_MESSAGE_SENT}});
  ExpectSameEnum<CommitmentState, api::CommitmentState>(
      {{CommitmentState::kPending, api::COMMITMENT_STATE_PENDING},
       {CommitmentState::kKept, api::COMMITMENT_STATE_KEPT},
       {CommitmentState::kBroken, api::COMMITMENT_STATE_BROKEN},
       {CommitmentState::kMoved, api::COMMITMENT_STATE_MOVED}});
  ExpectSameEnum<RemedyKind, api::RemedyKind>(
      {{RemedyKind::kExplanation, api::REMEDY_KIND_EXPLANATION},
       {RemedyKind::kRedo, api::REMEDY_KIND_REDO},
       {RemedyKind::kBillCorrection, api::REMEDY_KIND_BILL_CORRECTION},
       {RemedyKind::kRefund, api::REMEDY_KIND_REFUND},
       {RemedyKind::kVoucher, api::REMEDY_KIND_VOUCHER},
       {RemedyKind::kReplacement, api::REMEDY_KIND_REPLACEMENT},
       {RemedyKind::kUpgrade, api::REMEDY_KIND_UPGRADE},
       {RemedyKind::kPersonalApology, api::REMEDY_KIND_PERSONAL_APOLOGY},
       {RemedyKind::kPriority, api::REMEDY_KIND_PRIORITY},
       {RemedyKind::kPoints, api::REMEDY_KIND_POINTS},
       {RemedyKind::kFreeOfCharge, api::REMEDY_KIND_FREE_OF_CHARGE}});
  ExpectSameEnum<RemedyState, api::RemedyState>(
      {{RemedyState::kProposed, api::REMEDY_STATE_PROPOSED},
       {RemedyState::kApproved, api::REMEDY_STATE_APPROVED},
       {RemedyState::kOffered, api::REMEDY_STATE_OFFERED},
       {RemedyState::kAccepted, api::REMEDY_STATE_ACCEPTED},
       {RemedyState::kDeclined, api::REMEDY_STATE_DECLINED},
       {RemedyState::kDelivered, api::REMEDY_STATE_DELIVERED},
       {RemedyState::kReversed, api::REMEDY_STATE_REVERSED}});
  ExpectSameEnum<TimerKind, api::TimerKind>(
      {{TimerKind::kFirstContact, api::TIMER_KIND_FIRST_CONTACT},
       {TimerKind::kResurveyDue, api::TIMER_KIND_RESURVEY_DUE},
       {TimerKind::kResurveyExpiry, api::TIMER_KIND_RESURVEY_EXPIRY},
       {TimerKind::kCommitment, api::TIMER_KIND_COMMITMENT},
       {TimerKind::kRemedy, api::TIMER_KIND_REMEDY},
       {TimerKind::kVerification, api::TIMER_KIND_VERIFICATION},
       {TimerKind::kExternalDeadline, api::TIMER_KIND_EXTERNAL_DEADLINE},
       {TimerKind::kFirstResolution, api::TIMER_KIND_FIRST_RESOLUTION},
       {TimerKind::kTotalResolution, api::TIMER_KIND_TOTAL_RESOLUTION},
       {TimerKind::kReturn, api::TIMER_KIND_RETURN},
       {TimerKind::kHandOver, api::TIMER_KIND_HAND_OVER},
       {TimerKind::kStep, api::TIMER_KIND_STEP},
       {TimerKind::kOffer, api::TIMER_KIND_OFFER},
       {TimerKind::kAlert, api::TIMER_KIND_ALERT},
       {TimerKind::kDelayedStart, api::TIMER_KIND_DELAYED_START}});
  ExpectSameEnum<StepKind, api::StepKind>({{StepKind::kContact, api::STEP_KIND_CONTACT},
                                           {StepKind::kRemedy, api::STEP_KIND_REMEDY},
                                           {StepKind::kTask, api::STEP_KIND_TASK},
                                           {StepKind::kMessage, api::STEP_KIND_MESSAGE},
                                           {StepKind::kWait, api::STEP_KIND_WAIT},
                                           {StepKind::kDecision, api::STEP_KIND_DECISION},
                                           {StepKind::kVerify, api::STEP_KIND_VERIFY},
                                           {StepKind::kAftercare, api::STEP_KIND_AFTERCARE}});
  ExpectSameEnum<StepState, api::StepState>({{StepState::kActive, api::STEP_STATE_ACTIVE},
                                             {StepState::kDone, api::STEP_STATE_DONE},
                                             {StepState::kFailed, api::STEP_STATE_FAILED},
                                             {StepState::kSkipped, api::STEP_STATE_SKIPPED}});
  ExpectSameEnum<ClockKind, api::ClockKind>(
      {{ClockKind::kFirstContact, api::CLOCK_KIND_FIRST_CONTACT},
       {ClockKind::kRemedy, api::CLOCK_KIND_REMEDY},
       {ClockKind::kCommitment, api::CLOCK_KIND_COMMITMENT},
       {ClockKind::kVerification, api::CLOCK_KIND_VERIFICATION},
       {ClockKind::kResurvey, api::CLOCK_KIND_RESURVEY},
       {ClockKind::kExternalDeadline, api::CLOCK_KIND_EXTERNAL_DEADLINE},
       {ClockKind::kFirstResolution, api::CLOCK_KIND_FIRST_RESOLUTION},
       {ClockKind::kTotalResolution, api::CLOCK_KIND_TOTAL_RESOLUTION}});
  ExpectSameEnum<Count, api::ClockCount>({{Count::kWall, api::CLOCK_COUNT_WALL},
                                          {Count::kBusinessTime, api::CLOCK_COUNT_BUSINESS_TIME},
                                          {Count::kCalendarDays, api::CLOCK_COUNT_CALENDAR_DAYS},
                                          {Count::kWorkingDays, api::CLOCK_COUNT_WORKING_DAYS}});
  ExpectSameEnum<ClockState, api::ClockState>(
      {{ClockState::kRunning, api::CLOCK_STATE_RUNNING},
       {ClockState::kPaused, api::CLOCK_STATE_PAUSED},
       {ClockState::kMet, api::CLOCK_STATE_MET},
       {ClockState::kCancelled, api::CLOCK_STATE_CANCELLED}});
  ExpectSameEnum<MetBy, api::MetBy>(
      {{MetBy::kAttempt, api::MET_BY_ATTEMPT}, {MetBy::kReached, api::MET_BY_REACHED}});
  ExpectSameEnum<ExtensionState, api::ExtensionState>(
      {{ExtensionState::kRequested, api::EXTENSION_STATE_REQUESTED},
       {ExtensionState::kGranted, api::EXTENSION_STATE_GRANTED},
       {ExtensionState::kRefused, api::EXTENSION_STATE_REFUSED}});
  ExpectSameEnum<TimerState, api::TimerState>(
      {{TimerState::kPending, api::TIMER_STATE_PENDING},
       {TimerState::kFired, api::TIMER_STATE_FIRED},
       {TimerState::kMet, api::TIMER_STATE_MET},
       {TimerState::kCancelled, api::TIMER_STATE_CANCELLED}});
  ExpectSameEnum<HandlingResult, api::HandlingResult>(
      {{HandlingResult::kResolved, api::HANDLING_RESULT_RESOLVED},
       {HandlingResult::kPartly, api::HANDLING_RESULT_PARTLY},
       {HandlingResult::kNotResolved, api::HANDLING_RESULT_NOT_RESOLVED},
       {HandlingResult::kUnreachable, api::HANDLING_RESULT_UNREACHABLE},
       {HandlingResult::kWithdrawn, api::HANDLING_RESULT_WITHDRAWN},
       {HandlingResult::kUnfounded, api::HANDLING_RESULT_UNFOUNDED},
       {HandlingResult::kDishonest, api::HANDLING_RESULT_DISHONEST},
       {HandlingResult::kInvalid, api::HANDLING_RESULT_INVALID},
       {HandlingResult::kMerged, api::HANDLING_RESULT_MERGED},
       {HandlingResult::kErased, api::HANDLING_RESULT_ERASED}});
  ExpectSameEnum<ResurveyResult, api::ResurveyResult>(
      {{ResurveyResult::kPromoter, api::RESURVEY_RESULT_PROMOTER},
       {ResurveyResult::kPassive, api::RESURVEY_RESULT_PASSIVE},
       {ResurveyResult::kStillDetractor, api::RESURVEY_RESULT_STILL_DETRACTOR},
       {ResurveyResult::kNoAnswer, api::RESURVEY_RESULT_NO_ANSWER},
       {ResurveyResult::kDeclined, api::RESURVEY_RESULT_DECLINED},
       {ResurveyResult::kNotAsked, api::RESURVEY_RESULT_NOT_ASKED}});
  ExpectSameEnum<NotAskedReason, api::NotAskedReason>(
      {{NotAskedReason::kDoNotContact, api::NOT_ASKED_REASON_DO_NOT_CONTACT},
       {NotAskedReason::kConsentDenied, api::NOT_ASKED_REASON_CONSENT_DENIED},
       {NotAskedReason::kAnonymous, api::NOT_ASKED_REASON_ANONYMOUS},
       {NotAskedReason::kClosedEarly, api::NOT_ASKED_REASON_CLOSED_EARLY},
       {NotAskedReason::kErased, api::NOT_ASKED_REASON_ERASED},
       {NotAskedReason::kWithdrawn, api::NOT_ASKED_REASON_WITHDRAWN},
       {NotAskedReason::kMissedWindow, api::NOT_ASKED_REASON_MISSED_WINDOW},
       {NotAskedReason::kRuledInvalid, api::NOT_ASKED_REASON_RULED_INVALID},
       {NotAskedReason::kRestricted, api::NOT_ASKED_REASON_RESTRICTED}});
  ExpectSameEnum<VerdictKind, api::VerdictKind>(
      {{VerdictKind::kInvalid, api::VERDICT_KIND_INVALID},
       {VerdictKind::kMisScored, api::VERDICT_KIND_MIS_SCORED},
       {VerdictKind::kUnfounded, api::VERDICT_KIND_UNFOUNDED},
       {VerdictKind::kDishonest, api::VERDICT_KIND_DISHONEST}});
  ExpectSameEnum<VerdictState, api::VerdictState>(
      {{VerdictState::kProposed, api::VERDICT_STATE_PROPOSED},
       {VerdictState::kGranted, api::VERDICT_STATE_GRANTED},
       {VerdictState::kRefused, api::VERDICT_STATE_REFUSED}});
  ExpectSameEnum<AppealState, api::AppealState>(
      {{AppealState::kMade, api::APPEAL_STATE_MADE},
       {AppealState::kUpheld, api::APPEAL_STATE_UPHELD},
       {AppealState::kRejected, api::APPEAL_STATE_REJECTED}});
  ExpectSameEnum<CaseFact, api::CaseFact>({{CaseFact::kDispatched, api::CASE_FACT_DISPATCHED},
                                           {CaseFact::kAttempted, api::CASE_FACT_ATTEMPTED},
                                           {CaseFact::kContacted, api::CASE_FACT_CONTACTED},
                                           {CaseFact::kRemedied, api::CASE_FACT_REMEDIED},
                                           {CaseFact::kResolved, api::CASE_FACT_RESOLVED},
                                           {CaseFact::kClosed, api::CASE_FACT_CLOSED}});
  ExpectSameEnum<ResponseEffect, api::ResponseEffect>(
      {{ResponseEffect::kNone, api::RESPONSE_EFFECT_NONE},
       {ResponseEffect::kOpened, api::RESPONSE_EFFECT_OPENED},
       {ResponseEffect::kResurveyAnswer, api::RESPONSE_EFFECT_RESURVEY_ANSWER},
       {ResponseEffect::kAttached, api::RESPONSE_EFFECT_ATTACHED},
       {ResponseEffect::kReopened, api::RESPONSE_EFFECT_REOPENED}});
  ExpectSameEnum<ConsentPurpose, api::ConsentPurpose>(
      {{ConsentPurpose::kRecovery, api::CONSENT_PURPOSE_RECOVERY},
       {ConsentPurpose::kSurvey, api::CONSENT_PURPOSE_SURVEY}});
  ExpectSameEnum<BehaviourKind, api::BehaviourKind>(
      {{BehaviourKind::kRepurchase, api::BEHAVIOUR_KIND_REPURCHASE},
       {BehaviourKind::kChurn, api::BEHAVIOUR_KIND_CHURN},
       {BehaviourKind::kRenewal, api::BEHAVIOUR_KIND_RENEWAL},
       {BehaviourKind::kDowngrade, api::BEHAVIOUR_KIND_DOWNGRADE},
       {BehaviourKind::kReferral, api::BEHAVIOUR_KIND_REFERRAL}});
  ExpectSameEnum<BlacklistKind, api::BlacklistKind>(
      {{BlacklistKind::kDoNotContact, api::BLACKLIST_KIND_DO_NOT_CONTACT},
       {BlacklistKind::kChannelLimit, api::BLACKLIST_KIND_CHANNEL_LIMIT},
       {BlacklistKind::kNoGoodwill, api::BLACKLIST_KIND_NO_GOODWILL},
       {BlacklistKind::kRepeatCompensation, api::BLACKLIST_KIND_REPEAT_COMPENSATION},
       {BlacklistKind::kStaffSafety, api::BLACKLIST_KIND_STAFF_SAFETY}});
  ExpectSameEnum<BlacklistState, api::BlacklistState>(
      {{BlacklistState::kProposed, api::BLACKLIST_STATE_PROPOSED},
       {BlacklistState::kWarned, api::BLACKLIST_STATE_WARNED},
       {BlacklistState::kActive, api::BLACKLIST_STATE_ACTIVE},
       {BlacklistState::kLapsed, api::BLACKLIST_STATE_LAPSED},
       {BlacklistState::kLifted, api::BLACKLIST_STATE_LIFTED},
       {BlacklistState::kRejected, api::BLACKLIST_STATE_REJECTED}});
  ExpectSameEnum<BlacklistExtent::Kind, api::BlacklistExtentKind>(
      {{BlacklistExtent::Kind::kCompany, api::BLACKLIST_EXTENT_KIND_COMPANY},
       {BlacklistExtent::Kind::kOrgUnit, api::BLACKLIST_EXTENT_KIND_ORG_UNIT},
       {BlacklistExtent::Kind::kProgram, api::BLACKLIST_EXTENT_KIND_PROGRAM}});
  ExpectSameEnum<BlacklistDecisionKind, api::BlacklistDecisionKind>(
      {{BlacklistDecisionKind::kWarned, api::BLACKLIST_DECISION_KIND_WARNED},
       {BlacklistDecisionKind::kActivated, api::BLACKLIST_DECISION_KIND_ACTIVATED},
       {BlacklistDecisionKind::kRejected, api::BLACKLIST_DECISION_KIND_REJECTED},
       {BlacklistDecisionKind::kExtensionGranted, api::BLACKLIST_DECISION_KIND_EXTENSION_GRANTED},
       {BlacklistDecisionKind::kExtensionRefused, api::BLACKLIST_DECISION_KIND_EXTENSION_REFUSED},
       {BlacklistDecisionKind::kAppealUpheld, api::BLACKLIST_DECISION_KIND_APPEAL_UPHELD},
       {BlacklistDecisionKind::kAppealDismissed, api::BLACKLIST_DECISION_KIND_APPEAL_DISMISSED},
       {BlacklistDecisionKind::kLifted, api::BLACKLIST_DECISION_KIND_LIFTED}});
  ExpectSameEnum<BlacklistNotice, api::BlacklistNotice>(
      {{BlacklistNotice::kWarning, api::BLACKLIST_NOTICE_WARNING},
       {BlacklistNotice::kDecision, api::BLACKLIST_NOTICE_DECISION},
       {BlacklistNotice::kExtended, api::BLACKLIST_NOTICE_EXTENDED},
       {BlacklistNotice::kAppealDecided, api::BLACKLIST_NOTICE_APPEAL_DECIDED},
       {BlacklistNotice::kLifted, api::BLACKLIST_NOTICE_LIFTED},
       {BlacklistNotice::kLapsed, api::BLACKLIST_NOTICE_LAPSED}});
  // The API has those for customers, all of them, and no others.
  for (int i = 0; i <= static_cast<int>(BlacklistNotice::kReviewDue); ++i) {
    EXPECT_EQ(IsForCustomer(static_cast<BlacklistNotice>(i)),
              i != 0 && api::BlacklistNotice_IsValid(i))
        << Name(static_cast<BlacklistNotice>(i));
  }
  ExpectSameEnum<RestrictedActionKind, api::RestrictedActionKind>(
      {{RestrictedActionKind::kContact, api::RESTRICTED_ACTION_KIND_CONTACT},
       {RestrictedActionKind::kRemedy, api::RESTRICTED_ACTION_KIND_REMEDY},
       {RestrictedActionKind::kSurvey, api::RESTRICTED_ACTION_KIND_SURVEY},
       {RestrictedActionKind::kRoute, api::RESTRICTED_ACTION_KIND_ROUTE}});
  ExpectSameEnum<AuditKind, api::AuditKind>({{AuditKind::kMutation, api::AUDIT_KIND_MUTATION},
                                             {AuditKind::kSignIn, api::AUDIT_KIND_SIGN_IN},
                                             {AuditKind::kExport, api::AUDIT_KIND_EXPORT},
                                             {AuditKind::kRefused, api::AUDIT_KIND_REFUSED},
                                             {AuditKind::kUnmask, api::AUDIT_KIND_UNMASK},
                                             {AuditKind::kOperator, api::AUDIT_KIND_OPERATOR}});
  ExpectSameEnum<MaskKind, api::MaskKind>({{MaskKind::kName, api::MASK_KIND_NAME},
                                           {MaskKind::kContact, api::MASK_KIND_CONTACT},
                                           {MaskKind::kKey, api::MASK_KIND_KEY}});
  ExpectSameEnum<UnmaskReason, api::UnmaskReason>(
      {{UnmaskReason::kContact, api::UNMASK_REASON_CONTACT},
       {UnmaskReason::kIdentify, api::UNMASK_REASON_IDENTIFY},
       {UnmaskReason::kDeliver, api::UNMASK_REASON_DELIVER},
       {UnmaskReason::kCorrect, api::UNMASK_REASON_CORRECT},
       {UnmaskReason::kAuthority, api::UNMASK_REASON_AUTHORITY},
       {UnmaskReason::kOther, api::UNMASK_REASON_OTHER}});
  ExpectSameEnum<ErasureGround, api::ErasureGround>(
      {{ErasureGround::kNoLongerNeeded, api::ERASURE_GROUND_NO_LONGER_NEEDED},
       {ErasureGround::kConsentWithdrawn, api::ERASURE_GROUND_CONSENT_WITHDRAWN},
       {ErasureGround::kObjection, api::ERASURE_GROUND_OBJECTION},
       {ErasureGround::kUnlawfulProcessing, api::ERASURE_GROUND_UNLAWFUL_PROCESSING},
       {ErasureGround::kLegalObligation, api::ERASURE_GROUND_LEGAL_OBLIGATION}});
  // Those the domain does not know, the reasons, which status_test.cc walks, the schemes of
  // signatures, which the store knows by their keys, and what the next test compares, since the
  // domain counts it from 0.
  const std::set<std::string> elsewhere = {
      "ConditionForm", "RecoveryUnit", "RemedyGroup", "ErrorReason",  "ProgramKind",  "ScaleKind",
      "PermitOutcome", "EventPreset",  "RecordKind",  "ExportFormat", "SigningScheme"};
  std::set<const google::protobuf::FileDescriptor*> files;
  for (const auto* method : AllMethods()) {
    files.insert(method->file());
    for (int i = 0; i < method->file()->dependency_count(); ++i) {
      files.insert(method->file()->dependency(i));
    }
  }
  int known = 0;
  for (const auto* file : files) {
    if (file->package() != "rebound.v1") continue;
    for (int i = 0; i < file->enum_type_count(); ++i, ++known) {
      const std::string& name = file->enum_type(i)->name();
      EXPECT_TRUE(Compared().contains(name) != elsewhere.contains(name)) << name;
    }
  }
  EXPECT_GT(known, 30);
}

TEST(EnumTest, ProgramsShowTheirKindAndScale) {
  TestServer server;
  const auto programs = server.Do<api::ListProgramsResponse>("viewer", "page_size: 1000");
  ASSERT_EQ(programs.programs_size(), static_cast<int>(server.revision().programs.size()));
  const auto program = [&](const std::string& id) {
    return server.Do<api::GetProgramResponse>("viewer", "program_id: \"" + id + "\"").program();
  };
  EXPECT_EQ(program("touchpoint").kind(), api::PROGRAM_KIND_TRANSACTIONAL);
  EXPECT_EQ(program("relationship").kind(), api::PROGRAM_KIND_RELATIONAL);
  EXPECT_EQ(program("touchpoint").scale().kind(), api::SCALE_KIND_NPS);
  EXPECT_EQ(program("service-csat").scale().kind(), api::SCALE_KIND_CSAT);
  EXPECT_EQ(program("effort-ces").scale().kind(), api::SCALE_KIND_CES);
  const api::Program touchpoint = program("touchpoint");
  EXPECT_EQ(touchpoint.scale().min(), 0);
  EXPECT_EQ(touchpoint.scale().max(), 10);
  EXPECT_EQ(touchpoint.scale().detractor_limit(), 6);
  EXPECT_EQ(touchpoint.scale().promoter_limit(), 9);
  EXPECT_EQ(touchpoint.recovery_window().seconds(), 90 * 86'400);
  EXPECT_EQ(touchpoint.reopen_window().seconds(), 7 * 86'400);
  EXPECT_EQ(touchpoint.resurvey_delay().seconds(), 3 * 86'400);
  EXPECT_EQ(touchpoint.resurvey_validity().seconds(), 14 * 86'400);
  EXPECT_EQ(touchpoint.first_contact_limit().seconds(), 86'400);
  EXPECT_EQ(touchpoint.max_reopen_count(), 2);
  EXPECT_EQ(touchpoint.currency_code(), "CNY");
  EXPECT_EQ(touchpoint.time_zone(), "Asia/Shanghai");
  EXPECT_EQ(touchpoint.display_name_zh(), "触点调研");
  EXPECT_FALSE(program("sfo-2017").has_recovery_window());
  EXPECT_TRUE(program("service-csat").allow_anonymous());
  EXPECT_TRUE(program("service-csat").anonymous_opens_case());
}

}  // namespace
}  // namespace rebound::fixtures
