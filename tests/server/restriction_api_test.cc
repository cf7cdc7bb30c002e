// What the blacklist means for cases, through the API: what is refused or left out because of an
// entry and how that is told, what stands on the case of it, and that nobody gets round it.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "server/config/config.h"
#include "tests/fixtures/test_server.h"
#include "workflows/blacklist_policy.h"
#include "workflows/filter.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Duration kLasts = days{90};

// One message, at once or after a day.
Playbook Writing(const std::string& program, bool later) {
  Playbook plan;
  plan.id = "write-" + program;
  plan.display_name = plan.display_name_zh = "Write";
  plan.when = *ParseFilter("program = \"" + program + "\"", Use::kOpeningRule);
  if (later) {
    plan.steps.push_back({.id = "wait", .name_en = "Wait", .kind = StepKind::kWait});
    plan.steps.back().wait = days{1};
  }
  plan.steps.push_back({.id = "note",
                        .name_en = "Note",
                        .kind = StepKind::kMessage,
                        .channel = Channel::kSms,
                        .template_id = "note"});
  return plan;
}

// Vouchers at our discretion, up to 100.00 for a customer in a year, and refunds by law. Nobody has
// to be warned first. Cases of "relationship" have a message as their plan, those of "effort-ces"
// one after a day.
std::shared_ptr<const Revision> SeamRevision() {
  Revision revision = *PlainRevision();
  revision.org_units.clear();
  revision.remedies = {{"voucher", RemedyKind::kVoucher, "Voucher", "优惠券", false, true},
                       {"refund", RemedyKind::kRefund, "Refund by law", "法定退款", true, true}};
  RemedyLimit limit;
  limit.id = "customer-year";
  limit.per = RemedyLimit::Per::kCustomer;
  limit.beyond = RemedyLimit::Beyond::kRefused;
  limit.currency = "CNY";
  limit.amount = 10'000;
  limit.window = days{365};
  revision.remedy_limits = {limit};
  revision.templates = {{"note", {}, "", "", "Hello", "您好"}};
  revision.playbooks.insert(revision.playbooks.begin(),
                            {Writing("relationship", false), Writing("effort-ces", true)});
  revision.blacklist = DefaultBlacklistPolicy();
  for (BlacklistKindPolicy& policy : revision.blacklist.kinds) {
    policy.warn_first = false;
    policy.warning_wait = Duration{0};
  }
  return std::make_shared<const Revision>(std::move(revision));
}

// A kind of entry, as this test proposes it.
struct EntryKind {
  api::BlacklistKind kind;
  std::string word;
  std::string reason_code;
  std::string effects;
};
const EntryKind kNoContact{api::BLACKLIST_KIND_DO_NOT_CONTACT, "do_not_contact", "customer_wish",
                           ""};
const EntryKind kNoPhone{api::BLACKLIST_KIND_CHANNEL_LIMIT, "channel_limit", "abusive_contact",
                         "effects { channels: CHANNEL_PHONE } "};
const EntryKind kNoSms{api::BLACKLIST_KIND_CHANNEL_LIMIT, "channel_limit", "abusive_contact",
                       "effects { channels: CHANNEL_SMS } "};
const EntryKind kNoGoodwill{api::BLACKLIST_KIND_NO_GOODWILL, "no_goodwill", "dishonest_claims", ""};
const EntryKind kRepeat{api::BLACKLIST_KIND_REPEAT_COMPENSATION, "repeat_compensation",
                        "frequent_compensation", ""};
const EntryKind kSafety{api::BLACKLIST_KIND_STAFF_SAFETY, "staff_safety", "threat",
                        R"(effects { queue_id: "safe" } )"};

std::string JsonQuoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
  return quoted + "\"";
}

std::string Time(const std::string& field, Timestamp at) {
  const int64_t ms = ToMillis(at);
  return field + " { seconds: " + std::to_string(ms / 1000) +
         " nanos: " + std::to_string(ms % 1000 * 1'000'000) + " } ";
}

Timestamp At(const google::protobuf::Timestamp& time) {
  return FromMillis(time.seconds() * 1000 + time.nanos() / 1'000'000);
}

class RestrictionApiTest : public testing::Test {
 protected:
  RestrictionApiTest() {
    for (const char* agent : {"li", "wang"}) server_.AddIdentity(agent, "agent");
    for (const char* manager : {"chen", "zhao"}) server_.AddIdentity(manager, "manager");
  }

  // ---- Customers and their cases

  std::string Customer(const std::string& key) {
    return server_
        .Do<api::UpsertCustomerResponse>(
            "admin", R"(external_key { source_system: "crm" external_id: ")" + key +
                         R"(" } customer { segment: "x" } update_mask { paths: "segment" })")
        .customer()
        .id();
  }
  // The record of the key is one of the customer's from now on.
  void Link(const std::string& customer, const std::string& key) {
    server_.Do<api::AddCustomerAliasResponse>(
        "admin", "customer_id: \"" + customer +
                     R"(" external_key { source_system: "crm" external_id: ")" + key + R"(" })");
  }
  api::Case Get(const std::string& id) {
    return server_.Do<api::GetCaseResponse>("admin", Named(id)).case_();
  }
  api::Case Answered(const std::string& response) {
    const auto reply =
        server_.Do<api::SubmitResponseResponse>("integration", "response { " + response + " }");
    return Get(reply.response().paired_case_id());
  }
  // The case that a detractor's answer opens.
  api::Case Submit(const std::string& key, const std::string& program = "touchpoint",
                   const std::string& unit = "") {
    return Answered("score: 2 program_id: \"" + program + "\" org_unit_id: \"" + unit +
                    R"(" customer_key { source_system: "crm" external_id: ")" + key + "\" }");
  }
  static std::string Named(const std::string& case_id) { return "case_id: \"" + case_id + "\" "; }

  static std::string Call(const api::Case& c, const std::string& channel,
                          const std::string& direction = "OUTBOUND") {
    return Named(c.id()) + "attempt { outcome: ATTEMPT_OUTCOME_NO_ANSWER channel: CHANNEL_" +
           channel + " direction: DIRECTION_" + direction + " }";
  }
  static std::string Give(const api::Case& c, const std::string& type, int64_t minor = 1'000,
                          const std::string& state = "DELIVERED", const std::string& more = "") {
    return Named(c.id()) + "remedy { type_id: \"" + type + "\" state: REMEDY_STATE_" + state +
           " amount { amount_minor: " + std::to_string(minor) + R"( currency_code: "CNY" } )" +
           more + "}";
  }
  static std::string Move(const api::Case& c, const api::Remedy& remedy, const std::string& state) {
    return Named(c.id()) + "remedy { id: \"" + remedy.id() + "\" state: REMEDY_STATE_" + state +
           " }";
  }
  api::Case Log(std::string_view who, const std::string& text) {
    return server_.Do<api::LogAttemptResponse>(who, text).case_();
  }
  // The remedy that was recorded last.
  api::Remedy Record(std::string_view who, const std::string& text) {
    const auto reply = server_.Do<api::RemedyCaseResponse>(who, text);
    const auto& remedies = reply.case_().remedies();
    return remedies.empty() ? api::Remedy() : *remedies.rbegin();
  }
  void Resolve(const api::Case& c) {
    server_.Do<api::ResolveCaseResponse>(
        "li", Named(c.id()) + R"(handling_result: HANDLING_RESULT_RESOLVED root_cause: "x"
                                 action_taken: "x")");
  }

  // ---- Entries

  static std::string Proposal(const EntryKind& kind, const std::string& customer, Timestamp end,
                              const std::string& more = "") {
    return "entry { customer_id: \"" + customer + "\" kind: " + api::BlacklistKind_Name(kind.kind) +
           " reason_code: \"" + kind.reason_code +
           R"(" internal_reason: "seen" evidence { summary: "seen" )" +
           Time("occur_time", kServerStart - days{1}) + "} " + kind.effects +
           Time("expire_time", end) + more + "}";
  }
  std::string Seen(const std::string& number) {
    const std::string named = "entry_id: \"" + number + "\" ";
    return named +
           "etag: " + JsonQuoted(server_.Do<api::GetEntryResponse>("admin", named).entry().etag()) +
           " ";
  }
  api::BlacklistEntry Propose(std::string_view who, const std::string& text) {
    return server_.Do<api::ProposeEntryResponse>(who, text).entry();
  }
  api::BlacklistEntry Decide(std::string_view who, const api::BlacklistEntry& entry,
                             const std::string& activate = "true") {
    return server_
        .Do<api::DecideEntryResponse>(
            who, Seen(entry.number()) + "note: \"heard\" activate: " + activate)
        .entry();
  }
  // Proposed by an agent and decided by a manager: in force from now on.
  api::BlacklistEntry List(const EntryKind& kind, const std::string& customer,
                           const std::string& more = "") {
    return Decide("chen", Propose("li", Proposal(kind, customer, Now() + kLasts, more)));
  }
  void Appeal(std::string_view who, const api::BlacklistEntry& entry) {
    server_.Do<api::AppealEntryResponse>(who,
                                         "entry_id: \"" + entry.number() + R"(" words: "not me")");
  }

  // ---- Time

  Timestamp Now() { return server_.clock().Now(); }
  void MoveTo(Timestamp at) { server_.clock().Advance(at - Now()); }
  void Ring() {
    while (server_.FireDueTimers() > 0) {
    }
  }

  // ---- What is told

  static std::string Explained(const EntryKind& kind, const api::BlacklistEntry& entry) {
    return entry.number() + " " + kind.word + " (" + kind.reason_code + ") until " +
           FormatTime(At(entry.expire_time()));
  }
  // Refused because of the entry alone, and told so in both languages.
  template <typename Request>
  void ExpectRestricted(std::string_view who, const std::string& text, std::string_view reason,
                        const EntryKind& kind, const api::BlacklistEntry& entry) {
    SCOPED_TRACE(text);
    auto request = FromText<Request>(text);
    request.set_request_id("refused-" + std::to_string(++refused_));
    Refusal english = server_.Refuse(who, request);
    EXPECT_EQ(english.code, grpc::StatusCode::FAILED_PRECONDITION) << english;
    EXPECT_EQ(english.reason, reason) << english;
    EXPECT_EQ(english.metadata["entries"], Explained(kind, entry));
    EXPECT_EQ(english.metadata["case"], Get(request.case_id()).number());
    EXPECT_THAT(english.message, HasSubstr(Explained(kind, entry)));
    api::GetCaseResponse none;  // of whatever type: nothing comes
    const Refusal chinese =
        ToRefusal(server_.Call(who, request, &none, CallOptions{.language = "zh-CN"}));
    EXPECT_EQ(chinese.reason, reason) << chinese;
    EXPECT_EQ(chinese.metadata, english.metadata);
    EXPECT_THAT(chinese.localized, HasSubstr(Explained(kind, entry)));
    EXPECT_THAT(chinese.localized, HasSubstr("操作"));
  }
  // What stands on the case: this entry, since `noted`.
  void ExpectNoted(const api::Case& c, const EntryKind& kind, const api::BlacklistEntry& entry,
                   Timestamp noted) {
    ASSERT_THAT(c.restrictions(), SizeIs(1)) << c.ShortDebugString();
    const api::CaseRestriction& known = c.restrictions(0);
    EXPECT_EQ(known.entry_id(), entry.id());
    EXPECT_EQ(known.entry_number(), entry.number());
    EXPECT_EQ(known.kind(), kind.kind);
    EXPECT_EQ(known.reason_code(), kind.reason_code);
    EXPECT_EQ(At(known.until_time()), At(entry.expire_time()));
    EXPECT_EQ(At(known.note_time()), noted);
  }

  TestServer server_{TestServerOptions{.revision = SeamRevision()}};
  int refused_ = 0;
};

TEST_F(RestrictionApiTest, AComplaintOfAListedCustomerIsACaseThatSaysWhatBearsOnIt) {
  for (const EntryKind* kind : {&kNoContact, &kNoPhone, &kNoGoodwill, &kRepeat, &kSafety}) {
    SCOPED_TRACE(kind->word);
    const std::string customer = Customer(kind->word);
    const api::BlacklistEntry entry = List(*kind, customer);
    const api::Case complaint = Submit(kind->word);
    EXPECT_EQ(complaint.customer_id(), customer);
    const api::Case by_hand =
        server_
            .Do<api::OpenCaseResponse>(
                "li", R"(case { program_id: "service-csat" customer_id: ")" + customer + R"(" })")
            .case_();
    for (const api::Case& c : {complaint, by_hand}) {
      EXPECT_EQ(c.phase(), api::PHASE_OPEN);
      ExpectNoted(c, *kind, entry, kServerStart);
      EXPECT_EQ(c.queue_id() == "safe", kind == &kSafety) << c.queue_id();
      const auto told = server_.Do<api::ListCaseEventsResponse>("li", Named(c.id()));
      int noted = 0;
      for (const api::CaseEvent& event : told.events()) {
        if (event.type() != "CaseRestricted") continue;
        ++noted;
        EXPECT_EQ(event.actor(), "system");
        EXPECT_EQ(event.details().at("entry"), entry.number());
      }
      EXPECT_EQ(noted, 1);
    }
  }
}

TEST_F(RestrictionApiTest, WhoeverIsNotToBeContactedIsNotAskedAgain) {
  struct Row {
    const EntryKind* kind;
    api::ResurveyResult result;
    api::NotAskedReason reason;
  };
  const Row rows[] = {
      {&kNoContact, api::RESURVEY_RESULT_NOT_ASKED, api::NOT_ASKED_REASON_RESTRICTED},
      {&kNoGoodwill, api::RESURVEY_RESULT_UNSPECIFIED, api::NOT_ASKED_REASON_UNSPECIFIED}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.kind->word);
    const api::Case opened = Submit(row.kind->word);
    EXPECT_THAT(opened.restrictions(), IsEmpty());
    const api::BlacklistEntry entry = List(*row.kind, opened.customer_id());
    const Timestamp resolved = Now();
    Resolve(opened);
    MoveTo(resolved + days{3});
    Ring();
    const api::Case c = Get(opened.id());
    EXPECT_EQ(c.resurvey_result(), row.result);
    EXPECT_EQ(c.not_asked_reason(), row.reason);
    EXPECT_EQ(c.has_ask_time(), row.result == api::RESURVEY_RESULT_UNSPECIFIED);
    ExpectNoted(c, *row.kind, entry, resolved);
  }
}

TEST_F(RestrictionApiTest, ALimitedChannelIsBlockedAndTheOthersAreNot) {
  const api::BlacklistEntry entry = List(kNoPhone, Customer("mei"));
  const api::Case c = Submit("mei");
  ExpectNoted(c, kNoPhone, entry, kServerStart);
  ExpectRestricted<api::LogAttemptRequest>("li", Call(c, "PHONE"), "BLACKLIST_BLOCKS", kNoPhone,
                                           entry);
  Log("li", Call(c, "SMS"));
  Log("li", Call(c, "IN_PERSON"));
  EXPECT_THAT(Log("li", Call(c, "PHONE", "INBOUND")).attempts(), SizeIs(3))
      << "whoever calls us is heard";
}

TEST_F(RestrictionApiTest, AMeetingWithWhoeverThreatensIsApprovedFirst) {
  const api::BlacklistEntry entry = List(kSafety, Customer("mei"));
  const api::Case c = Submit("mei");
  const std::string meet = Call(c, "IN_PERSON");
  Log("li", Call(c, "PHONE"));
  ExpectRestricted<api::LogAttemptRequest>("li", meet, "BLACKLIST_NEEDS_APPROVAL", kSafety, entry);
  server_.Do<api::SuperviseCaseResponse>("zhao", Named(c.id()) + R"(note: "go together")");
  ExpectRestricted<api::LogAttemptRequest>("zhao", meet, "BLACKLIST_NEEDS_APPROVAL", kSafety,
                                           entry);
  Log("li", meet);
}

TEST_F(RestrictionApiTest, DiscretionaryRemediesAreBlockedOrApprovedAndThoseByLawAreGiven) {
  const api::BlacklistEntry blocks = List(kNoGoodwill, Customer("none"));
  const api::Case none = Submit("none");
  for (const char* state : {"PROPOSED", "OFFERED", "ACCEPTED", "DELIVERED"}) {
    ExpectRestricted<api::RemedyCaseRequest>("zhao", Give(none, "voucher", 1'000, state),
                                             "BLACKLIST_BLOCKS", kNoGoodwill, blocks);
  }
  const Refusal claimed =
      server_.Refuse("li", "CaseService/RemedyCase",
                     Give(none, "voucher", 1'000, "DELIVERED", "statutory: true "));
  EXPECT_TRUE(claimed.HasField("remedy.statutory")) << claimed;

  const api::BlacklistEntry asks = List(kRepeat, Customer("some"));
  const api::Case some = Submit("some");
  for (const char* state : {"OFFERED", "ACCEPTED", "DELIVERED"}) {
    ExpectRestricted<api::RemedyCaseRequest>("li", Give(some, "voucher", 1'000, state),
                                             "BLACKLIST_NEEDS_APPROVAL", kRepeat, asks);
  }
  const api::Remedy proposed = Record("li", Give(some, "voucher", 1'000, "PROPOSED"));
  EXPECT_EQ(proposed.approval_limit(), asks.number());
  const auto refused = [&](std::string_view who, const std::string& state) {
    return server_.Refuse(who, "CaseService/RemedyCase", Move(some, proposed, state)).reason;
  };
  EXPECT_EQ(refused("li", "DELIVERED"), "REMEDY_NEEDS_APPROVAL");
  EXPECT_EQ(refused("li", "APPROVED"), "SECOND_PERSON_REQUIRED");
  const std::string first = server_.TokenOf("li");
  ASSERT_NE(server_.AddIdentity("li", "manager"), first);
  EXPECT_EQ(refused("li", "APPROVED"), "SECOND_PERSON_REQUIRED") << "another token of theirs";
  EXPECT_EQ(Record("zhao", Move(some, proposed, "APPROVED")).approver(), "zhao");
  EXPECT_EQ(Record("wang", Move(some, proposed, "DELIVERED")).state(), api::REMEDY_STATE_DELIVERED);

  for (const EntryKind* kind : {&kNoContact, &kNoPhone, &kNoGoodwill, &kRepeat, &kSafety}) {
    SCOPED_TRACE(kind->word);
    List(*kind, Customer("owed-" + kind->word));
    const api::Case owed = Submit("owed-" + kind->word);
    for (const char* state : {"OFFERED", "DELIVERED"}) {
      const api::Remedy given = Record("wang", Give(owed, "refund", 50'000, state));
      EXPECT_TRUE(given.statutory());
      EXPECT_EQ(given.approval_limit(), "");
    }
  }
}

TEST_F(RestrictionApiTest, AMessageOfThePlanThatIsBlockedIsSkippedWithItsWord) {
  struct Row {
    std::string name;
    const EntryKind* kind;
    bool sent;
  };
  const Row rows[] = {{"nothing", &kNoContact, false},
                      {"no-message", &kNoSms, false},
                      {"no-call", &kNoPhone, true},
                      {"no-goodwill", &kNoGoodwill, true},
                      {"nobody-alone", &kSafety, true}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const api::BlacklistEntry entry = List(*row.kind, Customer(row.name));
    const api::Case c = Submit(row.name, "relationship");
    ExpectNoted(c, *row.kind, entry, kServerStart);
    ASSERT_THAT(c.steps(), SizeIs(1)) << c.ShortDebugString();
    const api::CaseStep& step = c.steps(0);
    EXPECT_EQ(step.state(), row.sent ? api::STEP_STATE_DONE : api::STEP_STATE_SKIPPED);
    EXPECT_EQ(step.result(), row.sent ? "sent" : "restricted");
    EXPECT_EQ(step.why(), row.sent ? "next" : Explained(*row.kind, entry));
    EXPECT_THAT(c.attempts(), SizeIs(row.sent ? 1 : 0));
  }
}

// The same person by another key is the same person, whichever record stands for them.
TEST_F(RestrictionApiTest, AnEntryOfAnAliasCountsAsWell) {
  for (const bool listed_stands : {false, true}) {
    SCOPED_TRACE(listed_stands);
    const std::string prefix = listed_stands ? "a-" : "b-";
    const std::string listed = Customer(prefix + "listed");
    const std::string other = Customer(prefix + "other");
    const api::BlacklistEntry entry = List(kNoPhone, listed);
    const api::Case before = Submit(prefix + "other");
    EXPECT_THAT(before.restrictions(), IsEmpty());
    if (listed_stands) {
      Link(listed, prefix + "other");
    } else {
      Link(other, prefix + "listed");
    }
    ExpectRestricted<api::LogAttemptRequest>("li", Call(before, "PHONE"), "BLACKLIST_BLOCKS",
                                             kNoPhone, entry);
    ExpectNoted(Log("li", Call(before, "EMAIL")), kNoPhone, entry, kServerStart);
    for (const char* key : {"listed", "other"}) {
      const std::string program = key == std::string("listed") ? "relationship" : "service-csat";
      ExpectNoted(Submit(prefix + key, program), kNoPhone, entry, kServerStart);
    }
  }
}

// An answer may name nothing but its invitation or its case, of a record that became an alias
// meanwhile: the entries of whoever stands for them were not looked up then.
TEST_F(RestrictionApiTest, AnAnswerThatNamesItsCaseAloneIsOfWhoeverStandsForThem) {
  const std::string mei = Customer("mei");
  for (const bool by_invitation : {true, false}) {
    SCOPED_TRACE(by_invitation);
    const std::string key = by_invitation ? "invited" : "named";
    const api::Case opened = Submit(key);
    Resolve(opened);
    MoveTo(Now() + days{3});
    Ring();
    const std::string invitation = Get(opened.id()).resurvey().invitation_id();
    ASSERT_NE(invitation, "");
    Link(mei, key);
    const EntryKind& kind = by_invitation ? kSafety : kNoContact;
    const api::BlacklistEntry entry = List(kind, mei);
    const api::Case c =
        Answered("score: 1 program_id: \"touchpoint\" " +
                 (by_invitation ? "invitation_id: \"" + invitation + "\"" : Named(opened.id())));
    EXPECT_EQ(c.id(), opened.id());
    EXPECT_EQ(c.reopen_count(), 1);
    EXPECT_EQ(c.queue_id(), "safe");
    ASSERT_THAT(c.restrictions(), SizeIs(by_invitation ? 1 : 2));
    EXPECT_EQ(c.restrictions().rbegin()->entry_number(), entry.number());
  }
}

TEST_F(RestrictionApiTest, AnEntryHoldsWithinItsExtent) {
  struct Row {
    const char* name;
    const char* extent;
    const char* unit;
    const char* program;
    bool holds;
  };
  constexpr const char* kNorth = R"(extent { kind: BLACKLIST_EXTENT_KIND_ORG_UNIT id: "north" } )";
  constexpr const char* kCity =
      R"(extent { kind: BLACKLIST_EXTENT_KIND_ORG_UNIT id: "north/city" } )";
  constexpr const char* kTouchpoint =
      R"(extent { kind: BLACKLIST_EXTENT_KIND_PROGRAM id: "touchpoint" } )";
  constexpr const char* kCompany = "extent { kind: BLACKLIST_EXTENT_KIND_COMPANY } ";
  const Row rows[] = {
      {"company-1", kCompany, "north/city", "touchpoint", true},
      {"company-2", kCompany, "", "service-csat", true},
      {"left-out", "", "south", "touchpoint", true},
      {"the-unit", kNorth, "north", "touchpoint", true},
      {"below-it", kNorth, "north/city/3", "touchpoint", true},
      {"another-unit", kNorth, "south", "touchpoint", false},
      {"like-its-name", kNorth, "northern", "touchpoint", false},
      {"no-unit", kNorth, "", "touchpoint", false},
      {"above-it", kCity, "north", "touchpoint", false},
      {"its-sibling", kCity, "north/town", "touchpoint", false},
      {"the-program", kTouchpoint, "south", "touchpoint", true},
      {"another-program", kTouchpoint, "south", "service-csat", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const api::BlacklistEntry entry = List(kNoContact, Customer(row.name), row.extent);
    const api::Case c = Submit(row.name, row.program, row.unit);
    EXPECT_THAT(c.restrictions(), SizeIs(row.holds ? 1 : 0));
    if (row.holds) {
      ExpectRestricted<api::LogAttemptRequest>("li", Call(c, "EMAIL"), "BLACKLIST_BLOCKS",
                                               kNoContact, entry);
    } else {
      Log("li", Call(c, "EMAIL"));
    }
  }
}

TEST_F(RestrictionApiTest, AnEntryEndsAtItsInstantWhetherOrNotTheBellHasRung) {
  const Timestamp end = kServerStart + kLasts;
  std::map<std::string, std::pair<api::BlacklistEntry, api::BlacklistEntry>> entries;
  for (const char* key : {"silent", "rung"}) {
    const std::string customer = Customer(key);
    entries[key] = {List(kNoPhone, customer), List(kNoGoodwill, customer)};
  }
  MoveTo(end - milliseconds{1});
  std::map<std::string, api::Case> cases;
  for (const auto& [key, of] : entries) {
    cases[key] = Submit(key);
    EXPECT_THAT(cases[key].restrictions(), SizeIs(2));
    ExpectRestricted<api::LogAttemptRequest>("li", Call(cases[key], "PHONE"), "BLACKLIST_BLOCKS",
                                             kNoPhone, of.first);
    ExpectRestricted<api::RemedyCaseRequest>("li", Give(cases[key], "voucher"), "BLACKLIST_BLOCKS",
                                             kNoGoodwill, of.second);
  }
  MoveTo(end);
  const auto state = [&](const std::string& number) {
    return server_.Do<api::GetEntryResponse>("li", "entry_id: \"" + number + "\"").entry().state();
  };
  for (const char* key : {"silent", "rung"}) {
    const bool rung = key == std::string("rung");
    if (rung) Ring();
    EXPECT_EQ(state(entries[key].first.number()),
              rung ? api::BLACKLIST_STATE_LAPSED : api::BLACKLIST_STATE_ACTIVE);
    Log("li", Call(cases[key], "PHONE"));
    Record("li", Give(cases[key], "voucher"));
  }
}

// The entry ends at the very instant at which the later one is to be asked.
TEST_F(RestrictionApiTest, WhoIsAskedAgainIsDecidedByTheInstantOfAsking) {
  const Timestamp end = kServerStart + kLasts;
  for (const char* key : {"early", "late"}) List(kNoContact, Customer(key));
  MoveTo(end - days{3} - milliseconds{1});
  const api::Case early = Submit("early");
  const api::Case late = Submit("late");
  Resolve(early);
  MoveTo(end - days{3});
  Resolve(late);
  MoveTo(end - milliseconds{1});
  Ring();
  EXPECT_EQ(Get(early.id()).not_asked_reason(), api::NOT_ASKED_REASON_RESTRICTED);
  EXPECT_EQ(Get(late.id()).resurvey_result(), api::RESURVEY_RESULT_UNSPECIFIED);
  MoveTo(end);
  Ring();
  const api::Case asked = Get(late.id());
  EXPECT_EQ(asked.resurvey_result(), api::RESURVEY_RESULT_UNSPECIFIED);
  EXPECT_EQ(At(asked.ask_time()), end);
}

TEST_F(RestrictionApiTest, AnOverdueAppealSuspendsTheEntryButNotTheSafetyOfStaff) {
  const api::BlacklistEntry goodwill = List(kNoGoodwill, Customer("mei"));
  const api::BlacklistEntry safety = List(kSafety, Customer("bo"));
  for (const api::BlacklistEntry& entry : {goodwill, safety}) Appeal("wang", entry);
  const Timestamp due = kServerStart + days{14};
  MoveTo(due - milliseconds{1});
  const api::Case mei = Submit("mei");
  const api::Case bo = Submit("bo");
  const auto meet = [&](const api::Case& c) {
    ExpectRestricted<api::LogAttemptRequest>("li", Call(c, "IN_PERSON"), "BLACKLIST_NEEDS_APPROVAL",
                                             kSafety, safety);
  };
  const auto give = [&] {
    ExpectRestricted<api::RemedyCaseRequest>("li", Give(mei, "voucher"), "BLACKLIST_BLOCKS",
                                             kNoGoodwill, goodwill);
  };
  give();
  meet(bo);
  MoveTo(due);
  for (const bool rung : {false, true}) {
    SCOPED_TRACE(rung);
    if (rung) Ring();
    Record("li", Give(mei, "voucher"));
    meet(bo);
    const std::string program = rung ? "service-csat" : "relationship";
    EXPECT_THAT(Submit("mei", program).restrictions(), IsEmpty());
    const api::Case again = Submit("bo", program);
    ExpectNoted(again, kSafety, safety, due);
    EXPECT_EQ(again.queue_id(), "safe");
  }
  server_.Do<api::DecideEntryAppealResponse>(
      "zhao", Seen(goodwill.number()) + R"(uphold: false note: "it was them")");
  give();
}

TEST_F(RestrictionApiTest, AClaimIsToldWhatCameMeanwhileAndWritesToNobody) {
  const api::Case waits = Submit("mei");
  EXPECT_THAT(waits.restrictions(), IsEmpty());
  const api::BlacklistEntry of_mei = List(kNoGoodwill, waits.customer_id());
  const api::Case claimed = server_.Do<api::ClaimNextCaseResponse>("wang", "").case_();
  EXPECT_EQ(claimed.id(), waits.id());
  EXPECT_EQ(claimed.owner(), "wang");
  ExpectNoted(claimed, kNoGoodwill, of_mei, kServerStart);

  // Its message is due, and goes before it is claimed.
  const api::Case writes = Submit("bo", "effort-ces");
  ASSERT_THAT(writes.steps(), SizeIs(1));
  const api::BlacklistEntry of_bo = List(kNoContact, writes.customer_id());
  server_.clock().Advance(days{1} + milliseconds{1});
  const api::Case next = server_.Do<api::ClaimNextCaseResponse>("wang", "").case_();
  EXPECT_EQ(next.id(), writes.id());
  ASSERT_THAT(next.steps(), SizeIs(2)) << next.ShortDebugString();
  EXPECT_EQ(next.steps(1).result(), "restricted");
  EXPECT_EQ(next.steps(1).why(), Explained(kNoContact, of_bo));
  EXPECT_THAT(next.attempts(), IsEmpty());
  ExpectNoted(next, kNoContact, of_bo, Now());
}

// Until somebody happened to decide something on it, a threatening customer's case could be claimed
// from the ordinary queue.
TEST_F(RestrictionApiTest, AnEntryThatComesToHoldTakesWhatWaitsOutOfItsQueue) {
  struct Row {
    std::string name;
    bool at_once;  // it holds before it is decided on
  };
  for (const Row& row : {Row{"decided", false}, Row{"at-once", true}}) {
    SCOPED_TRACE(row.name);
    const api::Case waits = Submit(row.name);
    const std::string usual = waits.queue_id();
    ASSERT_NE(usual, "");
    const api::Case elsewhere = Submit(row.name + "-2", "service-csat");
    Link(waits.customer_id(), row.name + "-2");
    const api::Case owned = Submit(row.name, "effort-ces");
    server_.Do<api::AssignCaseResponse>("zhao", Named(owned.id()) + R"(owner: "li")");
    const api::Case other = Submit(row.name + "-other");
    const api::BlacklistEntry entry =
        row.at_once ? Propose("wang", Proposal(kSafety, waits.customer_id(), Now() + kLasts,
                                               Time("immediate_until", Now() + hours{72})))
                    : List(kSafety, waits.customer_id());
    for (const api::Case& before : {waits, elsewhere}) {
      const api::Case c = Get(before.id());
      EXPECT_EQ(c.queue_id(), "safe");
      ASSERT_THAT(c.restrictions(), SizeIs(1));
      EXPECT_EQ(c.restrictions(0).entry_number(), entry.number());
      const auto told = server_.Do<api::ListCaseEventsResponse>("li", Named(c.id()));
      int noted = 0;
      for (const api::CaseEvent& event : told.events()) {
        if (event.type() != "CaseRestricted") continue;
        ++noted;
        EXPECT_EQ(event.actor(), "system");
        EXPECT_EQ(event.details().at("queue"), "safe");
      }
      EXPECT_EQ(noted, 1);
    }
    EXPECT_THAT(Get(owned.id()).restrictions(), SizeIs(1));
    EXPECT_EQ(Get(owned.id()).queue_id(), owned.queue_id()) << "whoever has it keeps it";
    EXPECT_EQ(Get(owned.id()).owner(), "li");
    EXPECT_THAT(Get(other.id()).restrictions(), IsEmpty());
    const auto claim = [&](const std::string& queue) {
      return server_.Do<api::ClaimNextCaseResponse>("wang", "queue_id: \"" + queue + "\"").case_();
    };
    EXPECT_EQ(claim(usual).id(), other.id());
    EXPECT_EQ(
        server_.Refuse("wang", "CaseService/ClaimNextCase", "queue_id: \"" + usual + "\"").reason,
        "NOTHING_TO_CLAIM");
    std::set<std::string> claimed;
    for (int i = 0; i < 2; ++i) claimed.insert(claim("safe").id());
    EXPECT_EQ(claimed, (std::set<std::string>{waits.id(), elsewhere.id()}));
  }
}

// The start of an entry is no timer: nobody has decided anything since.
TEST_F(RestrictionApiTest, AClaimPassesOverACaseThatAnEntrySendsElsewhereByNow) {
  const api::Case threatens = Submit("mei");
  const api::Case other = Submit("bo");
  const std::string from = "queue_id: \"" + threatens.queue_id() + "\"";
  ASSERT_EQ(other.queue_id(), threatens.queue_id());
  const api::BlacklistEntry entry =
      List(kSafety, threatens.customer_id(), Time("start_time", Now() + hours{1}));
  MoveTo(Now() + hours{1});
  EXPECT_EQ(Get(threatens.id()).queue_id(), threatens.queue_id());
  EXPECT_EQ(server_.Do<api::ClaimNextCaseResponse>("wang", from).case_().id(), other.id());
  EXPECT_EQ(server_.Refuse("wang", "CaseService/ClaimNextCase", from).reason, "NOTHING_TO_CLAIM");
  const api::Case sent =
      server_
          .Do<api::EscalateCaseResponse>("zhao", Named(threatens.id()) + R"(note: "nobody has it")")
          .case_();
  EXPECT_EQ(sent.queue_id(), "safe");
  ExpectNoted(sent, kSafety, entry, Now());
  EXPECT_EQ(server_.Do<api::ClaimNextCaseResponse>("wang", R"(queue_id: "safe")").case_().id(),
            threatens.id());
}

// Tried by people with two tokens, two records of one customer, or two remedies for one.
TEST_F(RestrictionApiTest, NobodyGetsRoundDueProcess) {
  // An entry of whom zhao proposed, chen decided and sun, an agent then, recorded the appeal;
  // and wu owns a case of the same person under another key.
  server_.AddIdentity("wu", "manager");
  server_.AddIdentity("sun", "agent");
  const std::string mei = Customer("mei");
  const std::string alias = Customer("mei-2");
  const api::Case second = Submit("mei-2");
  server_.Do<api::AssignCaseResponse>("zhao", Named(second.id()) + R"(owner: "wu")");
  Link(mei, "mei-2");
  const api::BlacklistEntry entry =
      Decide("chen", Propose("zhao", Proposal(kNoGoodwill, mei, Now() + kLasts)));
  Appeal("sun", entry);
  // Not confirmed, and not to be had again for a while.
  const std::string at_once = Time("immediate_until", Now() + hours{72});
  Decide("chen", Propose("li", Proposal(kSafety, alias, Now() + kLasts, at_once)), "false");
  // Within what a customer may get in a year, each alone.
  const api::Case ann = Submit("ann");
  const api::Case ann_again = Submit("ann-2");
  Link(ann.customer_id(), "ann-2");
  Record("li", Give(ann, "voucher", 6'000));
  for (const char* who : {"zhao", "chen", "sun", "wu"}) {
    const std::string token = server_.TokenOf(who);
    ASSERT_NE(server_.AddIdentity(who, "manager"), token);
  }

  struct Row {
    const char* name;
    const char* who;
    const char* method;
    std::string text;
    const char* reason;
    const char* field;
  };
  const Timestamp now = Now();
  const Timestamp longer = now + 2 * kLasts;
  const std::string appeal = R"(note: "x" uphold: false)";
  const std::string north = R"(extent { kind: BLACKLIST_EXTENT_KIND_ORG_UNIT id: "north" } )";
  const Row rows[] = {
      {"the proposer decides the appeal", "zhao", "DecideEntryAppeal", appeal,
       "BLACKLIST_DECIDER_PROPOSED", ""},
      {"the first decider does", "chen", "DecideEntryAppeal", appeal, "BLACKLIST_DECIDER_DECIDED",
       ""},
      {"the recorder does, a manager now", "sun", "DecideEntryAppeal", appeal,
       "BLACKLIST_DECIDER_PROPOSED", ""},
      {"the owner of another record's case does", "wu", "DecideEntryAppeal", appeal,
       "BLACKLIST_DECIDER_IS_OWNER", ""},
      {"the owner lifts", "wu", "LiftEntry", R"(note: "x")", "BLACKLIST_DECIDER_IS_OWNER", ""},
      {"a later end while the appeal waits", "li", "RequestEntryExtension",
       R"(reason: "x" )" + Time("until", longer), "BLACKLIST_APPEAL_PENDING", ""},
      {"a longer one beside it", "li", "ProposeEntry", Proposal(kNoGoodwill, mei, longer),
       "BLACKLIST_ENTRY_EXISTS", ""},
      {"for another record", "li", "ProposeEntry", Proposal(kNoGoodwill, alias, longer),
       "BLACKLIST_ENTRY_EXISTS", ""},
      {"in a part of the company", "li", "ProposeEntry", Proposal(kNoGoodwill, mei, longer, north),
       "BLACKLIST_ENTRY_EXISTS", ""},
      {"of one remedy", "li", "ProposeEntry",
       Proposal(kNoGoodwill, mei, longer, R"(effects { remedy_types: "voucher" } )"),
       "BLACKLIST_ENTRY_EXISTS", ""},
      {"from its end on", "li", "ProposeEntry",
       Proposal(kNoGoodwill, mei, longer, Time("start_time", now + kLasts)),
       "BLACKLIST_ENTRY_EXISTS", ""},
      {"a maximum counted from a later start", "li", "ProposeEntry",
       Proposal(kRepeat, mei, now + days{366}, Time("start_time", now + days{30})),
       "BLACKLIST_EXPIRY_TOO_FAR", "entry.expire_time"},
      {"backdated", "li", "ProposeEntry",
       Proposal(kRepeat, mei, longer, Time("start_time", now - seconds{1})),
       "TIMESTAMP_OUT_OF_RANGE", "entry.start_time"},
      {"at once, for another kind", "li", "ProposeEntry", Proposal(kRepeat, mei, longer, at_once),
       "BLACKLIST_IMMEDIATE_NOT_ALLOWED", "entry.immediate_until"},
      {"at once again", "li", "ProposeEntry", Proposal(kSafety, mei, longer, at_once),
       "BLACKLIST_IMMEDIATE_USED", ""},
      {"a remedy in two halves, for two records", "li", "RemedyCase",
       Give(ann_again, "voucher", 6'000), "REMEDY_LIMIT_EXCEEDED", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string method = row.method;
    const bool on_entry = !row.text.starts_with("entry {") && method != "RemedyCase";
    const Refusal refusal = server_.Refuse(
        row.who, (method == "RemedyCase" ? "CaseService/" : "BlacklistService/") + method,
        (on_entry ? Seen(entry.number()) : "") + row.text);
    EXPECT_EQ(refusal.reason, row.reason) << refusal;
    EXPECT_TRUE(*row.field == '\0' || refusal.HasField(row.field)) << refusal;
  }
  EXPECT_TRUE(server_.Do<api::GetEntryResponse>("li", "entry_id: \"" + entry.number() + "\"")
                  .entry()
                  .in_force());
}

TEST_F(RestrictionApiTest, ARuleOnNationalityIsNotTakenWhereverItHides) {
  struct Row {
    const char* name;
    const char* condition;
    const char* code;  // of the only fault; empty: none
  };
  const Row rows[] = {
      {"said", "{reason: {contains: law}}", ""},
      {"plain", "{nationality: {is: x}}", "C013"},
      {"hidden", "{any: [{reason: {contains: law}}, {nationality: {is: x}}]}", "C013"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    api::DryRunRulesRequest dry_run;
    dry_run.mutable_draft()->set_name("blacklist.yaml");
    dry_run.mutable_draft()->set_text(
        "version: 1\nblacklist:\n"
        "  kinds: [{kind: no_goodwill, max_duration: 90 days, legal_basis: law}]\n"
        "  reasons: [{id: often, name: {en: Often, zh: 频繁}}]\n"
        "  rules:\n"
        "    - {id: often, name: {en: Often, zh: 频繁}, kind: no_goodwill,\n"
        "       proposal: {duration: 90 days, reason: often},\n"
        "       alternatives: [{counts: [{measure: closed_dishonest, within: 90 days,\n"
        "                                 at_least: 2}],\n"
        "                       when: " +
        std::string(row.condition) + "}]}\n");
    api::ValidateConfigRequest validate;
    api::ApplyConfigRequest apply;
    apply.set_request_id(row.name);
    std::vector<ConfigError> errors;
    for (const ConfigFile& file : ReadConfigFolder(REBOUND_SOURCE_DIR "/config", &errors)) {
      const std::string name =
          std::filesystem::path(file.name).lexically_relative(REBOUND_SOURCE_DIR "/config");
      api::ConfigFile* to = validate.add_files();
      to->set_name(name);
      to->set_text(name == "blacklist.yaml" ? dry_run.draft().text() : file.text);
      *apply.add_files() = *to;
    }
    ASSERT_THAT(errors, IsEmpty());

    const bool sound = *row.code == '\0';
    api::DryRunRulesResponse tried;
    api::ValidateConfigResponse validated;
    ASSERT_TRUE(server_.Call("chen", dry_run, &tried).ok());
    ASSERT_TRUE(server_.Call("chen", validate, &validated).ok());
    for (const auto* faults : {&tried.faults(), &validated.faults()}) {
      ASSERT_THAT(*faults, SizeIs(sound ? 0 : 1)) << validated.ShortDebugString();
      if (sound) continue;
      EXPECT_EQ((*faults)[0].code(), row.code);
      EXPECT_EQ((*faults)[0].file(), "blacklist.yaml");
      EXPECT_THAT((*faults)[0].message(), HasSubstr("nationality"));
      EXPECT_THAT((*faults)[0].help(), HasSubstr("protected"));
    }
    if (sound) {
      api::ApplyConfigResponse applied;
      EXPECT_TRUE(server_.Call("admin", apply, &applied).ok());
    } else {
      EXPECT_EQ(server_.Refuse("admin", apply).reason, "CONFIG_INVALID");
    }
  }
}

}  // namespace
}  // namespace rebound::fixtures
