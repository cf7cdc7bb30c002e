// The blacklist through the API: who may do what to an entry, what customers are kept from by it
// and until when, and that nobody gets round the second person.
#include <gmock/gmock.h>

#include <set>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "tests/fixtures/test_server.h"
#include "workflows/blacklist_policy.h"

namespace rebound::fixtures {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kDay = 86'400;
constexpr int64_t kServerStartSeconds = 1'772'442'000;  // kServerStart in seconds

// Vouchers at our discretion, refunds by law, a rule that two vouchers in a year meet, and the
// shipped notices.
std::shared_ptr<const Revision> SmallRevision() {
  Revision revision = *PlainRevision();
  revision.remedies = {
      {"voucher", RemedyKind::kVoucher, "Voucher", "优惠券", false, true},
      {"apology", RemedyKind::kPersonalApology, "Apology", "道歉", false, false},
      {"refund", RemedyKind::kRefund, "Refund owed by law", "法定退款", true, true}};
  revision.blacklist = DefaultBlacklistPolicy();
  revision.blacklist.notices = ShippedRevision()->blacklist.notices;
  BlacklistRule rule;
  rule.id = "two-vouchers";
  rule.kind = BlacklistKind::kRepeatCompensation;
  rule.alternatives = {{{}, {{BlacklistMeasure::kRemediesGranted, std::chrono::days{365}, 2, {}}}}};
  rule.proposal.duration = std::chrono::days{180};
  rule.proposal.reason_code = "frequent_compensation";
  revision.blacklist.rules = {rule};
  return std::make_shared<const Revision>(std::move(revision));
}

std::string Seconds(const std::string& field, int64_t seconds) {
  return field + " { seconds: " + std::to_string(seconds) + " } ";
}

class BlacklistApiTest : public testing::Test {
 protected:
  BlacklistApiTest() {
    server_.AddIdentity("li", "agent");
    server_.AddIdentity("chen", "manager");
    server_.AddIdentity("zhao", "manager");
    mei_ = Customer("mei", "north/city");
  }

  std::string Customer(const std::string& key, const std::string& unit) {
    return server_
        .Do<api::UpsertCustomerResponse>(
            "admin", R"(external_key { source_system: "crm" external_id: ")" + key +
                         R"(" } customer { org_unit_id: ")" + unit +
                         R"(" } update_mask { paths: "org_unit_id" })")
        .customer()
        .id();
  }
  // A case of the customer in their unit.
  std::string Open(const std::string& customer, const std::string& unit = "north/city") {
    return server_
        .Do<api::OpenCaseResponse>("admin", R"(case { program_id: "touchpoint" org_unit_id: ")" +
                                                unit + R"(" customer_id: ")" + customer + R"(" })")
        .case_()
        .number();
  }

  // What a proposal says unless `more` says it again: the last word counts.
  static std::string Proposal(const std::string& customer, const std::string& more = "") {
    return R"(entry { customer_id: ")" + customer +
           R"(" kind: BLACKLIST_KIND_REPEAT_COMPENSATION reason_code: "frequent_compensation"
              internal_reason: "asks each week" evidence { summary: "asked on Monday" )" +
           Seconds("occur_time", kServerStartSeconds - kDay) + "} " +
           Seconds("expire_time", kServerStartSeconds + 90 * kDay) + "} " + more;
  }
  static std::string Staff(const std::string& customer, const std::string& more = "") {
    return R"(entry { customer_id: ")" + customer +
           R"(" kind: BLACKLIST_KIND_STAFF_SAFETY reason_code: "threat"
              internal_reason: "at the till"
              evidence { summary: "raised a chair" )" +
           Seconds("occur_time", kServerStartSeconds - kDay) +
           R"(} effects { queue_id: "safe" } )" +
           Seconds("expire_time", kServerStartSeconds + 90 * kDay) + more + "} ";
  }
  api::BlacklistEntry Propose(std::string_view who, const std::string& text) {
    return server_.Do<api::ProposeEntryResponse>(who, text).entry();
  }
  api::BlacklistEntry Get(const std::string& number = "B-1") {
    return server_.Do<api::GetEntryResponse>("admin", Named(number)).entry();
  }
  static std::string Named(const std::string& number) { return "entry_id: \"" + number + "\" "; }
  std::string Seen(const std::string& number = "B-1") {
    const std::string etag = Get(number).etag();
    std::string text = Named(number) + "etag: \"";
    for (const char c : etag) text += c == '"' ? std::string("\\\"") : std::string(1, c);
    return text + "\" ";
  }
  api::BlacklistEntry Activate(std::string_view who, const std::string& number = "B-1") {
    return server_
        .Do<api::DecideEntryResponse>(who, Seen(number) + R"(activate: true note: "heard")")
        .entry();
  }
  Refusal Refuse(std::string_view who, const std::string& verb, const std::string& text) {
    return server_.Refuse(who, "BlacklistService/" + verb, text);
  }
  // What is restricted: "REMEDY voucher NEEDS_APPROVAL B-1", ...
  std::vector<std::string> Restricted(const std::string& customer, std::string_view who = "li",
                                      const std::string& more = "") {
    const auto reply =
        server_.Do<api::CheckCustomerResponse>(who, "customer_id: \"" + customer + "\" " + more);
    std::vector<std::string> found;
    const auto word = [](const std::string& name, std::string_view prefix) {
      return name.substr(prefix.size());
    };
    for (const api::Permit& permit : reply.permits()) {
      if (permit.explanations().empty()) {
        EXPECT_EQ(permit.outcome(), api::PERMIT_OUTCOME_ALLOWED);
        continue;
      }
      const api::RestrictedAction& action = permit.action();
      std::string text =
          word(api::RestrictedActionKind_Name(action.kind()), "RESTRICTED_ACTION_KIND_");
      if (action.channel() != 0)
        text += " " + word(api::Channel_Name(action.channel()), "CHANNEL_");
      if (!action.remedy_type().empty()) text += " " + action.remedy_type();
      text += " " + word(api::PermitOutcome_Name(permit.outcome()), "PERMIT_OUTCOME_");
      for (const auto& each : permit.explanations()) text += " " + each.entry_number();
      if (!permit.queue_id().empty()) text += " to " + permit.queue_id();
      found.push_back(text);
    }
    return found;
  }
  void MoveTo(int64_t seconds, Duration beyond = Duration{0}) {
    server_.clock().Advance(FromMillis(seconds * 1000) + beyond - server_.clock().Now());
  }

  TestServer server_{TestServerOptions{.revision = SmallRevision()}};
  std::string mei_;
};

constexpr const char* kVoucher = "REMEDY voucher NEEDS_APPROVAL B-1";

TEST_F(BlacklistApiTest, ASecondPersonDecidesAndItEndsAtItsInstant) {
  const api::BlacklistEntry proposed = Propose("li", Proposal(mei_));
  EXPECT_EQ(proposed.number(), "B-1");
  EXPECT_EQ(proposed.state(), api::BLACKLIST_STATE_PROPOSED);
  EXPECT_EQ(proposed.proposer(), "li");
  EXPECT_EQ(proposed.internal_reason(), "asks each week");
  EXPECT_EQ(proposed.evidence(0).summary(), "asked on Monday");
  EXPECT_EQ(proposed.evidence(0).actor(), "li");
  EXPECT_EQ(proposed.reason_name_zh(), "补偿频次明显高于常态");
  EXPECT_EQ(proposed.legal_basis(), "legitimate_interest");
  EXPECT_EQ(proposed.extent().kind(), api::BLACKLIST_EXTENT_KIND_COMPANY);
  EXPECT_EQ(proposed.org_unit_id(), "north/city");
  EXPECT_THAT(proposed.allowed_commands(), ElementsAre("warn", "decide"));
  EXPECT_FALSE(proposed.in_force());
  EXPECT_THAT(Restricted(mei_), IsEmpty()) << "a proposal restricts nothing";

  const std::string verdict = R"(activate: true note: "heard the calls" )";
  EXPECT_EQ(Refuse("li", "DecideEntry", Seen() + verdict).reason, "ROLE_NOT_ALLOWED");
  const Refusal blind = Refuse("chen", "DecideEntry", Named("B-1") + R"(note: "x")");
  EXPECT_TRUE(blind.HasField("etag")) << blind;
  EXPECT_TRUE(blind.HasField("activate")) << "neither yes nor no: " << blind;
  EXPECT_EQ(Refuse("chen", "DecideEntry", Named("B-1") + verdict + R"(etag: "\"9\"")").reason,
            "ETAG_MISMATCH");
  const api::BlacklistEntry active =
      server_.Do<api::DecideEntryResponse>("chen", Seen() + verdict).entry();
  EXPECT_EQ(active.state(), api::BLACKLIST_STATE_ACTIVE);
  EXPECT_EQ(active.decisions(0).decider(), "chen");
  EXPECT_EQ(active.decisions(0).note(), "heard the calls");
  EXPECT_EQ(active.appeal_until_time().seconds(), kServerStartSeconds + 30 * kDay);
  EXPECT_TRUE(active.in_force());
  EXPECT_EQ(Get().SerializeAsString(), active.SerializeAsString());

  // Neither what is owed by law nor what puts our own mistakes right.
  EXPECT_THAT(Restricted(mei_), ElementsAre(kVoucher));
  const auto one = server_.Do<api::CheckCustomerResponse>(
      "li", R"(external_key { source_system: "crm" external_id: "mei" }
               actions { kind: RESTRICTED_ACTION_KIND_REMEDY remedy_type: "voucher" })");
  EXPECT_EQ(one.customer_id(), mei_);
  ASSERT_EQ(one.permits_size(), 1);
  EXPECT_EQ(one.permits(0).explanations(0).entry_id(), active.id());
  EXPECT_EQ(one.permits(0).explanations(0).reason_code(), "frequent_compensation");
  EXPECT_EQ(one.permits(0).explanations(0).until().seconds(), kServerStartSeconds + 90 * kDay);

  MoveTo(kServerStartSeconds + 90 * kDay, std::chrono::milliseconds{-1});
  EXPECT_THAT(Restricted(mei_), ElementsAre(kVoucher));
  MoveTo(kServerStartSeconds + 90 * kDay);
  EXPECT_THAT(Restricted(mei_), IsEmpty()) << "before any timer has fired";
  EXPECT_FALSE(Get().in_force());
  EXPECT_THAT(Get().allowed_commands(), IsEmpty());
  server_.FireDueTimers();
  EXPECT_EQ(Get().state(), api::BLACKLIST_STATE_LAPSED);
  EXPECT_EQ(Get().end_time().seconds(), kServerStartSeconds + 90 * kDay);
  EXPECT_EQ(Refuse("zhao", "LiftEntry", Seen() + R"(note: "x")").reason,
            "BLACKLIST_TRANSITION_NOT_ALLOWED");
}

// The person counts, not the token.
TEST_F(BlacklistApiTest, ASecondTokenOfTheProposerIsNoSecondPerson) {
  Propose("chen", Proposal(mei_));
  const std::string first = server_.TokenOf("chen");
  const std::string second = server_.AddIdentity("chen", "manager");
  ASSERT_NE(first, second);
  for (const std::string& token : {first, second}) {
    server_.UseToken("chen", token);
    for (const char* verdict : {"true", "false"}) {
      EXPECT_EQ(
          Refuse("chen", "DecideEntry", Seen() + "note: \"x\" activate: " + std::string(verdict))
              .reason,
          "BLACKLIST_DECIDER_PROPOSED");
    }
    EXPECT_EQ(Refuse("chen", "WarnEntry", Named("B-1") + R"(note: "x")").reason,
              "BLACKLIST_DECIDER_PROPOSED");
  }
  EXPECT_EQ(Get().state(), api::BLACKLIST_STATE_PROPOSED);
}

TEST_F(BlacklistApiTest, WhoeverWorksOnACaseOfTheCustomerDecidesNothing) {
  Propose("li", Proposal(mei_));
  Activate("zhao");
  const std::string number = Open(mei_);
  server_.Do<api::AssignCaseResponse>("chen", "case_id: \"" + number + R"(" owner: "chen")");
  const Refusal refusal = Refuse("chen", "LiftEntry", Seen() + R"(note: "they are nice")");
  EXPECT_EQ(refusal.reason, "BLACKLIST_DECIDER_IS_OWNER") << refusal;
  server_.Do<api::AssignCaseResponse>("chen", "case_id: \"" + number + R"(" owner: "li")");
  const auto lifted =
      server_.Do<api::LiftEntryResponse>("chen", Seen() + R"(note: "settled")").entry();
  EXPECT_EQ(lifted.state(), api::BLACKLIST_STATE_LIFTED);
  EXPECT_THAT(Restricted(mei_), IsEmpty());
}

TEST_F(BlacklistApiTest, EveryFaultOfAProposalIsToldAtOnce) {
  const auto with = [&](const std::string& fields) {
    return Refuse("chen", "ProposeEntry", "entry { customer_id: \"" + mei_ + "\" " + fields + "}");
  };
  const Refusal against = with(
      "kind: BLACKLIST_KIND_REPEAT_COMPENSATION reason_code: \"ugly\" "
      "effects { remedy_types: \"refund\" remedy_types: \"gold\" program_ids: \"nps\" } " +
      Seconds("expire_time", kServerStartSeconds + 366 * kDay) +
      Seconds("immediate_until", kServerStartSeconds + 60) + "evidence { summary: \"x\" }");
  for (const char* field :
       {"entry.reason_code", "entry.internal_reason", "entry.effects.program_ids",
        "entry.effects.remedy_types[0]", "entry.effects.remedy_types[1]", "entry.expire_time",
        "entry.immediate_until", "entry.evidence[0].occur_time"}) {
    EXPECT_TRUE(against.HasField(field)) << field << "\n" << against;
  }
  const Refusal shape = with(
      "kind: 77 extent { id: \"north\" } internal_reason: \"a\\000b\" legal_basis: \" x\" "
      "expire_time { nanos: -1 } effects { channels: 99 } evidence { case_id: \"C-1\" url: "
      "\"a\\nb\" }");
  for (const char* field : {"entry.kind", "entry.extent.kind", "entry.internal_reason",
                            "entry.legal_basis", "entry.expire_time", "entry.effects.channels[0]",
                            "entry.evidence[0].case_id", "entry.evidence[0].url"}) {
    EXPECT_TRUE(shape.HasField(field)) << field << "\n" << shape;
  }
  const Refusal far =
      Refuse("chen", "ProposeEntry",
             "entry { customer_id: \"" + mei_ +
                 "\" kind: BLACKLIST_KIND_REPEAT_COMPENSATION reason_code: "
                 "\"frequent_compensation\" internal_reason: \"x\" evidence { "
                 "summary: \"x\" " +
                 Seconds("occur_time", kServerStartSeconds) + "} " +
                 Seconds("expire_time", kServerStartSeconds + 365 * kDay + 1) + "}");
  EXPECT_EQ(far.reason, "BLACKLIST_EXPIRY_TOO_FAR") << far;
  EXPECT_EQ(Refuse("chen", "ProposeEntry", "").reason, "FIELD_VIOLATIONS");
  EXPECT_EQ(Refuse("chen", "ProposeEntry", Proposal("00000000000000000000000001")).code,
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(BlacklistApiTest, ARequestIdProposesOnce) {
  const std::string request = R"(request_id: "once" )" + Proposal(mei_);
  const auto first = server_.Do<api::ProposeEntryResponse>("li", request);
  EXPECT_FALSE(first.replayed());
  const auto again = server_.Do<api::ProposeEntryResponse>("li", request);
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(again.entry().SerializeAsString(), first.entry().SerializeAsString());
  EXPECT_EQ(Refuse("li", "ProposeEntry", R"(request_id: "once" )" + Staff(mei_)).reason,
            "REQUEST_ID_REUSED");
  EXPECT_EQ(Refuse("li", "ProposeEntry", Proposal(mei_)).reason, "BLACKLIST_ENTRY_EXISTS");
  const std::string decide = R"(request_id: "decide" )" + Seen() + R"(activate: true note: "x")";
  server_.Do<api::DecideEntryResponse>("chen", decide);
  const auto decided = server_.Do<api::DecideEntryResponse>("chen", decide);
  EXPECT_TRUE(decided.replayed());
  EXPECT_EQ(decided.entry().decisions_size(), 1);
}

TEST_F(BlacklistApiTest, ListsComeInPagesNewestFirstAndATokenIsItsCallersAndQuerys) {
  for (int i = 1; i <= 5; ++i) {
    Propose("li", Proposal(Customer("c" + std::to_string(i), "north/city")));
  }
  Activate("chen", "B-2");
  const auto numbers = [](const api::ListEntriesResponse& reply) {
    std::vector<std::string> found;
    for (const api::BlacklistEntry& entry : reply.entries()) found.push_back(entry.number());
    return found;
  };
  const auto first = server_.Do<api::ListEntriesResponse>("li", "page_size: 2");
  EXPECT_THAT(numbers(first), ElementsAre("B-5", "B-4"));
  EXPECT_EQ(first.entries(0).internal_reason(), "") << "texts are not for lists";
  EXPECT_EQ(first.entries(0).evidence_size(), 0);
  const std::string token = "page_token: \"" + first.next_page_token() + "\" page_size: 2 ";
  const auto second = server_.Do<api::ListEntriesResponse>("li", token);
  EXPECT_THAT(numbers(second), ElementsAre("B-3", "B-2"));
  const auto last = server_.Do<api::ListEntriesResponse>(
      "li", "page_size: 2 page_token: \"" + second.next_page_token() + "\"");
  EXPECT_THAT(numbers(last), ElementsAre("B-1"));
  EXPECT_EQ(last.next_page_token(), "");
  EXPECT_EQ(Refuse("chen", "ListEntries", token).reason, "PAGE_TOKEN_INVALID");
  for (const char* other :
       {"states: BLACKLIST_STATE_PROPOSED", "kinds: BLACKLIST_KIND_REPEAT_COMPENSATION"}) {
    EXPECT_EQ(Refuse("li", "ListEntries", token + other).reason, "PAGE_TOKEN_INVALID");
  }
  EXPECT_EQ(Refuse("li", "ListEntries", token + "customer_id: \"" + mei_ + "\"").reason,
            "PAGE_TOKEN_INVALID");
  EXPECT_THAT(numbers(server_.Do<api::ListEntriesResponse>("li", "states: BLACKLIST_STATE_ACTIVE")),
              ElementsAre("B-2"));
  EXPECT_THAT(
      numbers(server_.Do<api::ListEntriesResponse>("li", "kinds: BLACKLIST_KIND_STAFF_SAFETY")),
      IsEmpty());
  EXPECT_TRUE(Refuse("li", "ListEntries", "states: 99").HasField("states[0]"));
}

TEST_F(BlacklistApiTest, OutsideTheScopeThereIsNothing) {
  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  server_.AddIdentity("south", "manager", {.org_units = {"south"}, .queues = {}});
  const std::string id = Propose("li", Proposal(mei_)).id();
  std::set<std::string> walked;
  for (const auto* method : AllMethods()) {
    if (method->input_type()->FindFieldByName("entry_id") == nullptr) continue;
    SCOPED_TRACE(method->name());
    const auto knock = [&](const std::string& entry) {
      const std::string name = method->service()->name() + "/" + method->name();
      std::string text = Named(entry);
      if (method->input_type()->FindFieldByName("etag") != nullptr) {
        text += "etag: \"\\\"1\\\"\" ";
      }
      if (method->name() == "PreviewEntryNotice") text += "notice: BLACKLIST_NOTICE_DECISION ";
      for (const char* field : {"note", "reason", "words"}) {
        if (method->input_type()->FindFieldByName(field) != nullptr) {
          text += std::string(field) + ": \"x\" ";
        }
      }
      for (const char* field : {"activate", "grant", "uphold"}) {
        if (method->input_type()->FindFieldByName(field) != nullptr) {
          text += std::string(field) + ": true ";
        }
      }
      if (method->input_type()->FindFieldByName("until") != nullptr) {
        text += Seconds("until", kServerStartSeconds + 100 * kDay);
      }
      return server_.Refuse("south", name, text);
    };
    const Refusal hidden = knock("B-1");
    EXPECT_EQ(hidden.code, grpc::StatusCode::NOT_FOUND) << hidden;
    EXPECT_EQ(hidden.bytes, knock("B-999").bytes);
    EXPECT_EQ(hidden.bytes, knock(id).bytes);
    EXPECT_EQ(hidden.bytes, knock("00000000000000000000000001").bytes);
    walked.insert(method->name());
  }
  EXPECT_EQ(walked.size(), 9u);
  EXPECT_EQ(server_.Do<api::ListEntriesResponse>("south", "").entries_size(), 0);
  EXPECT_EQ(server_.Do<api::GetBlacklistStatisticsResponse>("south", "").total().proposed_count(),
            0);
  EXPECT_EQ(server_.Do<api::ListEntriesResponse>("north", "").entries_size(), 1);
  EXPECT_EQ(server_.Do<api::GetBlacklistStatisticsResponse>("north", "").total().proposed_count(),
            1);
  Activate("north");
  // An action in a unit that the caller does not see.
  EXPECT_THAT(Restricted(mei_, "north", R"(org_unit_id: "north/city")"), ElementsAre(kVoucher));
  EXPECT_EQ(
      Refuse("north", "CheckCustomer", "customer_id: \"" + mei_ + R"(" org_unit_id: "south/city")")
          .code,
      grpc::StatusCode::NOT_FOUND);
}

TEST_F(BlacklistApiTest, AnAppealIsDecidedByAThirdPersonAndCounted) {
  Propose("li", Proposal(mei_));
  Activate("chen");
  const std::string appeal = R"(words: "not me" evidence { summary: "was abroad" )" +
                             Seconds("occur_time", kServerStartSeconds - kDay) + "} ";
  const auto appealed =
      server_.Do<api::AppealEntryResponse>("admin", Named("B-1") + appeal).entry();
  EXPECT_EQ(appealed.appeal().filer(), "admin");
  EXPECT_EQ(appealed.appeal().words(), "not me");
  EXPECT_EQ(appealed.appeal().evidence(0).summary(), "was abroad");
  EXPECT_EQ(appealed.appeal().due_time().seconds(), kServerStartSeconds + 14 * kDay);
  EXPECT_EQ(Refuse("li", "AppealEntry", Named("B-1") + appeal).reason, "BLACKLIST_APPEAL_MADE");
  const std::string verdict = R"(uphold: true note: "another caller")";
  EXPECT_EQ(Refuse("chen", "DecideEntryAppeal", Seen() + verdict).reason,
            "BLACKLIST_DECIDER_DECIDED");
  EXPECT_EQ(Refuse("admin", "DecideEntryAppeal", Seen() + verdict).reason,
            "BLACKLIST_DECIDER_PROPOSED");
  EXPECT_TRUE(Refuse("zhao", "DecideEntryAppeal", Named("B-1") + R"(note: "x" uphold: true)")
                  .HasField("etag"));
  const auto upheld = server_.Do<api::DecideEntryAppealResponse>("zhao", Seen() + verdict).entry();
  EXPECT_EQ(upheld.state(), api::BLACKLIST_STATE_LIFTED);
  EXPECT_EQ(upheld.appeal().state(), api::APPEAL_STATE_UPHELD);
  EXPECT_THAT(Restricted(mei_), IsEmpty());

  Propose("li", Staff(mei_));
  const auto all = server_.Do<api::GetBlacklistStatisticsResponse>("chen", "");
  EXPECT_EQ(all.total().proposed_count(), 2);
  EXPECT_EQ(all.total().activated_count(), 1);
  EXPECT_EQ(all.total().overturned_count(), 1);
  EXPECT_EQ(all.total().lifted_count(), 0);
  ASSERT_EQ(all.kinds_size(), 2);
  EXPECT_EQ(all.kinds(0).group(), "repeat_compensation");
  ASSERT_EQ(all.deciders_size(), 2);
  EXPECT_EQ(all.deciders(0).group(), "") << "undecided";
  EXPECT_EQ(all.deciders(1).group(), "chen");
  EXPECT_EQ(all.deciders(1).overturned_count(), 1);
  ASSERT_EQ(all.rules_size(), 1);
  EXPECT_EQ(all.rules(0).group(), "");
  for (const std::string& none : {Seconds("until_time", kServerStartSeconds),
                                  Seconds("since_time", kServerStartSeconds + kDay)}) {
    EXPECT_EQ(server_.Do<api::GetBlacklistStatisticsResponse>("chen", none).kinds_size(), 0);
  }
}

TEST_F(BlacklistApiTest, ALaterEndIsAnotherDecisionOfAnotherPerson) {
  Propose("li", Proposal(mei_));
  Activate("chen");
  EXPECT_TRUE(Refuse("li", "RequestEntryExtension", Named("B-1")).HasField("until"));
  EXPECT_EQ(
      Refuse("li", "RequestEntryExtension",
             Named("B-1") + R"(reason: "x" )" + Seconds("until", kServerStartSeconds + 366 * kDay))
          .reason,
      "BLACKLIST_EXPIRY_TOO_FAR");
  const auto asked = server_
                         .Do<api::RequestEntryExtensionResponse>(
                             "zhao", Named("B-1") + R"(reason: "again" )" +
                                         Seconds("until", kServerStartSeconds + 180 * kDay))
                         .entry();
  EXPECT_EQ(asked.extension().reason(), "again");
  EXPECT_EQ(asked.expire_time().seconds(), kServerStartSeconds + 90 * kDay)
      << "not before it is decided";
  EXPECT_EQ(Refuse("zhao", "DecideEntryExtension", Seen() + R"(grant: true note: "x")").reason,
            "BLACKLIST_DECIDER_PROPOSED");
  const auto granted =
      server_
          .Do<api::DecideEntryExtensionResponse>("chen", Seen() + R"(grant: true note: "two more")")
          .entry();
  EXPECT_EQ(granted.expire_time().seconds(), kServerStartSeconds + 180 * kDay);
  EXPECT_FALSE(granted.has_extension());
  MoveTo(kServerStartSeconds + 100 * kDay);
  server_.FireDueTimers();
  EXPECT_THAT(Restricted(mei_), ElementsAre(kVoucher));
}

TEST_F(BlacklistApiTest, ForTheSafetyOfStaffItHoldsAtOnceForThreeDays) {
  EXPECT_EQ(Refuse("li", "ProposeEntry",
                   Staff(mei_, Seconds("immediate_until", kServerStartSeconds + 3 * kDay + 1)))
                .reason,
            "BLACKLIST_IMMEDIATE_TOO_LONG");
  Propose("li", Staff(mei_, Seconds("immediate_until", kServerStartSeconds + 3 * kDay)));
  EXPECT_THAT(Restricted(mei_),
              ElementsAre("CONTACT IN_PERSON NEEDS_APPROVAL B-1", "ROUTE ALLOWED B-1 to safe"));
  MoveTo(kServerStartSeconds + 3 * kDay);
  EXPECT_THAT(Restricted(mei_), IsEmpty()) << "nobody has decided";
  Activate("chen");
  EXPECT_THAT(Restricted(mei_),
              ElementsAre("CONTACT IN_PERSON NEEDS_APPROVAL B-1", "ROUTE ALLOWED B-1 to safe"));
  // Wherever a complaint goes, it is opened.
  EXPECT_FALSE(Open(mei_).empty());
}

TEST_F(BlacklistApiTest, AChannelIsLimitedAfterAWarningOnly) {
  Propose("li", R"(entry { customer_id: ")" + mei_ +
                    R"(" kind: BLACKLIST_KIND_CHANNEL_LIMIT reason_code: "abusive_contact"
                       effects { channels: CHANNEL_PHONE } internal_reason: "shouts"
                       customer_reason_zh: "多次辱骂客服" evidence { url: "https://calls/1" )" +
                    Seconds("occur_time", kServerStartSeconds - kDay) + "} " +
                    Seconds("expire_time", kServerStartSeconds + 90 * kDay) + "}");
  const std::string verdict = R"(activate: true note: "heard" )";
  EXPECT_EQ(Refuse("chen", "DecideEntry", Seen() + verdict).reason, "BLACKLIST_WARNING_REQUIRED");
  EXPECT_TRUE(Refuse("chen", "WarnEntry", Named("B-1")).HasField("note"));
  const auto warned =
      server_.Do<api::WarnEntryResponse>("chen", Named("B-1") + R"(note: "first")").entry();
  EXPECT_EQ(warned.state(), api::BLACKLIST_STATE_WARNED);
  EXPECT_EQ(warned.warn_time().seconds(), kServerStartSeconds);
  EXPECT_EQ(Refuse("zhao", "DecideEntry", Seen() + verdict).reason, "BLACKLIST_WARNING_REQUIRED");
  MoveTo(kServerStartSeconds + 7 * kDay);
  Activate("zhao");
  EXPECT_THAT(Restricted(mei_),
              ElementsAre("CONTACT PHONE BLOCKED B-1", "SURVEY PHONE BLOCKED B-1"));
}

TEST_F(BlacklistApiTest, RulesAreTriedOnThePastAndNothingIsStored) {
  server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
  const std::string south = Customer("s", "south");
  for (const auto& [customer, unit] : {std::pair(mei_, "north/city"), std::pair(south, "south")}) {
    const std::string number = Open(customer, unit);
    for (int i = 0; i < 2; ++i) {
      server_.clock().Advance(std::chrono::hours{1});
      server_.Do<api::RemedyCaseResponse>(
          "admin", "case_id: \"" + number +
                       R"(" remedy { type_id: "voucher" state: REMEDY_STATE_DELIVERED
                          amount { amount_minor: 5000 currency_code: "CNY" } })");
    }
  }
  const int64_t before = server_.LastSequence();
  const auto all = server_.Do<api::DryRunRulesResponse>("chen", "");
  EXPECT_EQ(server_.LastSequence(), before);
  EXPECT_EQ(all.customer_count(), 2);
  ASSERT_EQ(all.rules_size(), 1);
  EXPECT_EQ(all.rules(0).rule_id(), "two-vouchers");
  EXPECT_EQ(all.rules(0).customer_count(), 2);
  ASSERT_EQ(all.proposals_size(), 2);
  const api::DryRunProposal& first = all.proposals(0);
  EXPECT_EQ(first.customer_id(), mei_);
  EXPECT_EQ(first.kind(), api::BLACKLIST_KIND_REPEAT_COMPENSATION);
  EXPECT_EQ(first.propose_time().seconds(), kServerStartSeconds + 2 * 3600);
  EXPECT_EQ(first.expire_time().seconds(), kServerStartSeconds + 2 * 3600 + 180 * kDay);
  ASSERT_EQ(first.evidence_size(), 2);
  EXPECT_EQ(first.evidence(0).measure(), "remedies_granted");
  EXPECT_EQ(first.entry_number(), "");

  const auto named = server_.Do<api::DryRunRulesResponse>("chen", "example_limit: 1");
  EXPECT_EQ(named.proposals_size(), 1);
  EXPECT_EQ(named.proposal_count(), 2);
  const auto mine = server_.Do<api::DryRunRulesResponse>("north", "");
  EXPECT_EQ(mine.customer_count(), 1);
  EXPECT_EQ(mine.proposal_count(), 1);
  const auto one = server_.Do<api::DryRunRulesResponse>(
      "chen", "rule_ids: \"two-vouchers\" customer_id: \"" + south + "\"");
  EXPECT_EQ(one.proposal_count(), 1);
  EXPECT_EQ(server_
                .Do<api::DryRunRulesResponse>("chen",
                                              Seconds("until_time", kServerStartSeconds + 2 * 3600))
                .proposal_count(),
            0);
  EXPECT_EQ(server_
                .Do<api::DryRunRulesResponse>(
                    "chen", Seconds("since_time", kServerStartSeconds + 2 * 3600 + 1))
                .proposal_count(),
            1);
  EXPECT_EQ(Refuse("chen", "DryRunRules", R"(rule_ids: "no")").code, grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Refuse("chen", "DryRunRules", "example_limit: 10001").HasField("example_limit"));

  const auto draft_text = [&](const std::string& counts, const std::string& when) {
    return R"(draft { text: "version: 1\nblacklist:\n)"
           R"(  kinds: [{kind: no_goodwill, max_duration: 90 days, legal_basis: law}]\n)"
           R"(  reasons: [{id: often, name: {en: Often, zh: 频繁}}]\n)"
           R"(  rules: [{id: once, name: {en: Once, zh: 一次}, kind: no_goodwill,\n)"
           R"(    alternatives: [{)" +
           when + "counts: [{measure: " + counts +
           R"(}]}],\n)"
           R"(    proposal: {duration: 90 days, reason: often}}]\n" })";
  };
  const auto draft = [&](const std::string& counts, const std::string& when = "") {
    return server_.Do<api::DryRunRulesResponse>("chen", draft_text(counts, when));
  };
  // As in the lists: whether it proposes anything would tell whose number it is.
  const std::string remedies = "remedies_granted, within: 30 days, at_least: 1";
  const Refusal guess =
      Refuse("chen", "DryRunRules", draft_text(remedies, "when: {account: {is: '13800001234'}}, "));
  EXPECT_EQ(guess.reason, "FILTER_INVALID");
  EXPECT_TRUE(guess.HasField("draft"));
  const auto plain = draft(remedies, "when: {account: {is: ACME-12}}, ");
  EXPECT_EQ(plain.faults_size(), 0) << plain.ShortDebugString();
  EXPECT_EQ(plain.proposal_count(), 0);
  const auto better = draft(remedies);
  EXPECT_EQ(better.faults_size(), 0) << better.ShortDebugString();
  EXPECT_EQ(better.proposal_count(), 2);
  ASSERT_GT(better.rules_size(), 0);
  EXPECT_EQ(better.rules(0).rule_id(), "once");
  const auto unfair = draft("low_after_remedy, within: 30 days, at_least: 1");
  ASSERT_GT(unfair.faults_size(), 0) << "it rests on scores alone";
  EXPECT_EQ(unfair.faults(0).file(), "blacklist.yaml");
  EXPECT_EQ(unfair.customer_count(), 0);
  EXPECT_EQ(server_.LastSequence(), before);

  // Who is listed already is told from whom is not.
  Propose("li", Proposal(mei_));
  EXPECT_EQ(server_.Do<api::DryRunRulesResponse>("chen", "").proposals(0).entry_number(), "B-1");
}

TEST_F(BlacklistApiTest, OnePersonsEntriesAreExportedWithThoseOfTheirAliases) {
  const std::string other = Customer("mei-2", "north/city");
  Propose("li", Proposal(mei_));
  Propose("li", Staff(other));
  Activate("chen", "B-2");
  server_.Do<api::AddCustomerAliasResponse>(
      "admin",
      "customer_id: \"" + mei_ + R"(" external_key { source_system: "crm" external_id: "mei-2" })");
  for (const std::string& named : {mei_, other}) {
    const auto all =
        server_.Do<api::ExportCustomerEntriesResponse>("chen", "customer_id: \"" + named + "\"");
    EXPECT_THAT(all.customer_ids(), ElementsAre(mei_, other));
    ASSERT_EQ(all.entries_size(), 2);
    EXPECT_EQ(all.entries(0).number(), "B-1");
    EXPECT_EQ(all.entries(0).internal_reason(), "asks each week");
    EXPECT_EQ(all.entries(1).evidence(0).summary(), "raised a chair");
    EXPECT_EQ(all.entries(1).decisions(0).note(), "heard");
    EXPECT_EQ(all.export_time().seconds(), kServerStartSeconds);
    EXPECT_THAT(Restricted(named),
                ElementsAre("CONTACT IN_PERSON NEEDS_APPROVAL B-2", "ROUTE ALLOWED B-2 to safe"));
  }
  EXPECT_EQ(
      server_.Do<api::ListEntriesResponse>("li", "customer_id: \"" + other + "\"").entries_size(),
      2);
  EXPECT_EQ(Refuse("li", "ExportCustomerEntries", "customer_id: \"" + mei_ + "\"").reason,
            "ROLE_NOT_ALLOWED");
}

// ---- Notices

class NoticeApiTest : public BlacklistApiTest {
 protected:
  static std::string Asked(const std::string& notice, const std::string& more = "") {
    return Named("B-1") + "notice: BLACKLIST_NOTICE_" + notice + " " + more;
  }
  api::PreviewEntryNoticeResponse Preview(const std::string& notice, const std::string& more = "",
                                          std::string_view who = "li") {
    return server_.Do<api::PreviewEntryNoticeResponse>(who, Asked(notice, more));
  }
  Refusal RefusePreview(const std::string& text, std::string_view who = "li") {
    return Refuse(who, "PreviewEntryNotice", text);
  }
  // What is known of the person behind the key.
  void Describe(const std::string& key, const std::string& name, const std::string& language,
                const std::string& zone) {
    server_.Do<api::UpsertCustomerResponse>(
        "admin", R"(external_key { source_system: "crm" external_id: ")" + key +
                     R"(" } customer { display_name: ")" + name + R"(" language: ")" + language +
                     R"(" time_zone: ")" + zone +
                     R"(" } update_mask { paths: "display_name" paths: "language"
                        paths: "time_zone" })");
  }
};

TEST_F(NoticeApiTest, WhatTheCustomerReadsIsShownBeforeItIsDecidedAndAfter) {
  Describe("mei", "王梅", "zh-CN", "Asia/Shanghai");
  Propose("li", Proposal(mei_));
  const int64_t before = server_.LastSequence();
  const auto foreseen = Preview("DECISION");
  EXPECT_EQ(foreseen.language(), "zh");
  EXPECT_EQ(foreseen.time_zone(), "Asia/Shanghai");
  EXPECT_EQ(foreseen.subject(), "限制措施及申诉方式（B-1）");
  for (const char* said :
       {"王*，您好！", "自 2026年3月2日 17:00 至 2026年5月31日 17:00", "补偿频次明显高于常态",
        "法定赔付之外的补偿；每次须经另一名人员批准", "您可在 2026年4月1日 17:00 前申诉"}) {
    EXPECT_THAT(foreseen.text(), HasSubstr(said));
  }
  const auto english = Preview("DECISION", R"(language: "en-GB")");
  EXPECT_EQ(english.language(), "en");
  EXPECT_EQ(english.time_zone(), "Asia/Shanghai") << "the zone is the customer's all the same";
  EXPECT_THAT(english.text(), HasSubstr("Dear 王*, from 2 March 2026, 17:00 to 31 May 2026"));
  EXPECT_THAT(Preview("WARNING").text(), HasSubstr("如在 2026年3月9日 17:00 前"));
  EXPECT_EQ(server_.LastSequence(), before) << "nothing is stored, and nothing sent";

  MoveTo(kServerStartSeconds + kDay);
  Activate("chen");
  const auto told = Preview("DECISION");
  EXPECT_THAT(told.text(), HasSubstr("自 2026年3月3日 17:00 至 2026年5月31日 17:00"));
  EXPECT_THAT(told.text(), HasSubstr("您可在 2026年4月2日 17:00 前申诉"));
  MoveTo(kServerStartSeconds + 5 * kDay);
  EXPECT_EQ(Preview("DECISION", "", "chen").SerializeAsString(), told.SerializeAsString());

  server_.Do<api::AppealEntryResponse>("li", Named("B-1") + R"(words: "not me")");
  server_.Do<api::DecideEntryAppealResponse>("zhao", Seen() + R"(uphold: true note: "true")");
  EXPECT_THAT(Preview("APPEAL_DECIDED").text(), HasSubstr("结果：申诉成立，限制措施已经解除。"));
  EXPECT_THAT(Preview("LIFTED").text(), HasSubstr("B-1"));
}

TEST_F(NoticeApiTest, WhoeverIsNotKnownIsAddressedAllTheSame) {
  Propose("li", Proposal(mei_));
  const auto notice = Preview("DECISION");
  EXPECT_EQ(notice.language(), "en");
  EXPECT_EQ(notice.time_zone(), "UTC") << "that of the rules of contact";
  EXPECT_THAT(notice.text(), HasSubstr("Dear customer, from 2 March 2026, 09:00"));
}

TEST_F(NoticeApiTest, TheEntrysOwnWordsAreTold) {
  std::string text = Proposal(mei_);
  text.insert(text.find('{') + 1,
              R"( customer_reason: "Six vouchers." customer_reason_zh: "六张券。" )");
  Propose("li", text);
  EXPECT_THAT(Preview("DECISION", R"(language: "en")").text(),
              HasSubstr("Reason: Six vouchers. A"));
  EXPECT_THAT(Preview("DECISION", R"(language: "zh")").text(), HasSubstr("原因：六张券。该决定"));
}

TEST_F(NoticeApiTest, ItGoesToWhoStandsForTheCustomerIfTheCallerSeesThem) {
  server_.AddIdentity("north", "agent", {.org_units = {"north"}, .queues = {}});
  Describe("mei", "Mei", "en", "Asia/Shanghai");
  Propose("li", Proposal(mei_));
  const std::string other = Customer("mei-2", "south");
  Describe("mei-2", "Wang Mei", "zh", "Europe/Paris");
  server_.Do<api::AddCustomerAliasResponse>(
      "admin",
      "customer_id: \"" + other + R"(" external_key { source_system: "crm" external_id: "mei" })");
  const auto whole = Preview("DECISION");
  EXPECT_THAT(whole.text(), HasSubstr("W***，您好！自 2026年3月2日 10:00"));
  EXPECT_EQ(whole.time_zone(), "Europe/Paris");
  const auto limited = Preview("DECISION", "", "north");
  EXPECT_THAT(limited.text(), HasSubstr("Dear M***, "));
  EXPECT_EQ(limited.time_zone(), "Asia/Shanghai");
}

TEST_F(NoticeApiTest, WhatCannotBeToldSaysWhy) {
  Propose("li", Proposal(mei_));
  Activate("chen");
  const Refusal early = RefusePreview(Asked("APPEAL_DECIDED"));
  EXPECT_EQ(early.reason, "BLACKLIST_NOTICE_NOT_DUE") << early;
  EXPECT_EQ(early.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(early.metadata.at("state"), "active");
  EXPECT_EQ(early.metadata.at("notice"), "appeal_decided");
  EXPECT_TRUE(RefusePreview(Named("B-1")).HasField("notice"));
  EXPECT_TRUE(RefusePreview(Named("B-1") + "notice: 77").HasField("notice"));
  const Refusal shape =
      RefusePreview("entry_id: \"C-1\" language: \"" + std::string(36, 'x') + "\"");
  for (const char* field : {"entry_id", "notice", "language"}) {
    EXPECT_TRUE(shape.HasField(field)) << field << "\n" << shape;
  }
  EXPECT_EQ(RefusePreview(Asked("DECISION"), "integration").reason, "ROLE_NOT_ALLOWED");
}

TEST(NoticeApiWithoutNoticesTest, AConfigurationWithoutNoticesSaysSo) {
  Revision revision = *SmallRevision();
  revision.blacklist.notices.clear();
  TestServer server(
      TestServerOptions{.revision = std::make_shared<const Revision>(std::move(revision))});
  const std::string mei = server
                              .Do<api::UpsertCustomerResponse>(
                                  "admin",
                                  R"(external_key { source_system: "crm" external_id: "mei" }
                                     customer { segment: "x" } update_mask { paths: "segment" })")
                              .customer()
                              .id();
  server.Do<api::ProposeEntryResponse>(
      "agent", R"(entry { customer_id: ")" + mei +
                   R"(" kind: BLACKLIST_KIND_DO_NOT_CONTACT reason_code: "customer_wish"
                      internal_reason: "x" evidence { summary: "x" )" +
                   Seconds("occur_time", kServerStartSeconds - kDay) + "} " +
                   Seconds("expire_time", kServerStartSeconds + 90 * kDay) + "}");
  const Refusal refusal = server.Refuse("agent", "BlacklistService/PreviewEntryNotice",
                                        "entry_id: \"B-1\" notice: BLACKLIST_NOTICE_WARNING");
  EXPECT_EQ(refusal.reason, "BLACKLIST_NOTICES_NOT_CONFIGURED") << refusal;
  EXPECT_EQ(refusal.metadata.at("entry"), "B-1");
  EXPECT_EQ(refusal.metadata.at("notice"), "warning");
}

}  // namespace
}  // namespace rebound::fixtures
