// Goal: what a command on the blacklist is told of, whom it may see, and what it leaves behind.
// Method: commands run as execute runs them, without its threads, on the memory store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/execute/lookup.h"
#include "server/execute/run.h"
#include "server/storage/codec.h"
#include "server/storage/memory_store.h"
#include "server/storage/verify.h"

namespace rebound {
namespace {

using std::chrono::days;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Timestamp kStart = FromMillis(1'772'442'000'000);

BlacklistRule Rule(std::string id, BlacklistKind kind, int64_t threats, std::string reason) {
  BlacklistRule rule;
  rule.id = std::move(id);
  rule.kind = kind;
  rule.alternatives = {{{}, {{BlacklistMeasure::kThreatsLogged, days(90), threats, {}}}}};
  rule.proposal.duration = days(30);
  rule.proposal.reason_code = std::move(reason);
  if (kind == BlacklistKind::kStaffSafety) rule.proposal.effects.queue_id = "safety";
  return rule;
}

Revision WithBlacklist() {
  Revision revision;
  revision.number = 1;
  revision.programs = {{.id = "nps"}};
  revision.lifecycle = DefaultLifecycle();
  revision.blacklist = DefaultBlacklistPolicy();
  return revision;
}

class BlacklistRunTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_THAT(Verify(store_).problems, IsEmpty()); }

  Result<Outcome> Do(const std::string& who, Command command, Scope scope = {},
                     std::string request_id = "") {
    Work work;
    work.caller.principal = who;
    work.caller.scope = std::move(scope);
    work.caller.method = "test";
    work.caller.request_id = std::move(request_id);
    work.commands.push_back(std::move(command));
    std::optional<Result<Outcome>> result;
    store_.Execute(1, [&](size_t, Transaction& transaction) {
      bool keep = false;
      const Context context{now_, &ids_, &revision_, who, {}};
      result = rebound::Run(
          transaction, work, 0, context, [](int64_t) { return nullptr; }, SuppressionSecret{},
          &keep);
      return keep;
    });
    return *std::move(result);
  }
  // A refused one fails the test.
  Outcome Done(const std::string& who, Command command) {
    auto result = Do(who, std::move(command));
    EXPECT_TRUE(result.has_value()) << (result.has_value() ? "" : Name(result.error().reason));
    return result.has_value() ? *std::move(result) : Outcome{};
  }
  Customer NewCustomer(const std::string& key, const std::string& unit = "") {
    UpsertCustomer command{{"crm", key}, {}, {}, {}};
    command.profile.org_unit_id = unit;
    if (!unit.empty()) command.mask = {"org_unit_id"};
    return Done("crm", std::move(command)).customer.value();
  }
  static ProposeEntry Proposal(const CustomerId& customer) {
    ProposeEntry command;
    command.customer_id = customer;
    command.kind = BlacklistKind::kDoNotContact;
    command.reason_code = "customer_wish";
    command.internal_reason.value = "asked for it by letter";
    BlacklistEvidence letter;
    letter.summary.value = "the letter";
    letter.occurred_at = kStart - days(1);
    command.evidence = {letter};
    command.expires_at = kStart + days(100);
    return command;
  }
  BlacklistEntry Proposed(const CustomerId& customer) {
    return Done("li.na", Proposal(customer)).entry.value();
  }
  static WorkEntry On(const BlacklistEntry& entry, EntryVerb verb) {
    return {{entry.id, 0}, std::move(verb), std::nullopt};
  }
  static DecideEntry Activate() { return {true, {{}, "checked"}}; }
  Case Opened(const CustomerId& customer, Emotion emotion = Emotion::kUnset,
              const std::string& owner = "") {
    OpenCase command;
    command.program_id = "nps";
    command.customer_id = customer;
    command.details.emotion = emotion;
    const Case c = Done("li.na", command).subject.value();
    if (owner.empty()) return c;
    return Done("li.na", WorkCase{{c.id, 0}, Assign{owner, ""}, {}, {}}).subject.value();
  }
  int64_t ReadLast() {
    int64_t last = 0;
    store_.Read([&](Reader& reader) { last = reader.LastSequence(); });
    return last;
  }
  // Everything that a refusal says.
  static std::pair<Reason, Metadata> Said(const Result<Outcome>& result) {
    EXPECT_FALSE(result.has_value());
    return {result.error().reason, result.error().metadata};
  }

  MemoryStore store_;
  Revision revision_ = WithBlacklist();
  Timestamp now_ = kStart;
  IdSource ids_{kStart, 1, 1};
};

TEST_F(BlacklistRunTest, AProposalIsStoredNumberedAndAnsweredWithItsTexts) {
  const Customer customer = NewCustomer("K1", "east");
  const Outcome outcome = Done("li.na", Proposal(customer.id));
  ASSERT_TRUE(outcome.entry);
  EXPECT_EQ(outcome.entry->number, 1);
  EXPECT_EQ(outcome.entry->org_unit_id, "east");
  EXPECT_EQ(outcome.entry->internal_reason.value, "asked for it by letter");
  EXPECT_EQ(Proposed(NewCustomer("K2").id).number, 2);
  store_.Read([&](Reader& reader) {
    auto stored = reader.GetEntryByNumber(1);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->internal_reason.value, "");
    Hydrate(reader, *stored);
    EXPECT_EQ(stored, outcome.entry);
  });
}

TEST_F(BlacklistRunTest, ARepeatedRequestIsAnsweredWithTheEntryAsItIsNow) {
  const Customer customer = NewCustomer("K1");
  const auto first = Do("li.na", Proposal(customer.id), {}, "R-1");
  ASSERT_TRUE(first.has_value());
  Done("wei", On(*first->entry, Activate()));
  const auto again = Do("li.na", Proposal(customer.id), {}, "R-1");
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->entry->id, first->entry->id);
  EXPECT_EQ(again->entry->state, BlacklistState::kActive);
  EXPECT_EQ(again->entry->internal_reason.value, "asked for it by letter");
}

TEST_F(BlacklistRunTest, WhatIsOutOfSightIsAsIfItWereNotThere) {
  const Customer east = NewCustomer("K1", "east");
  const Customer west = NewCustomer("K2", "west");
  ProposeEntry in_the_west = Proposal(NewCustomer("K3", "east").id);
  in_the_west.extent = {BlacklistExtent::Kind::kOrgUnit, "west"};
  ProposeEntry in_the_east = Proposal(west.id);
  in_the_east.extent = {BlacklistExtent::Kind::kOrgUnit, "east"};
  const BlacklistEntry seen = Proposed(east.id);
  const BlacklistEntry of_customer = Done("li.na", in_the_east).entry.value();
  const BlacklistEntry of_unit = Done("li.na", in_the_west).entry.value();
  const Scope scope{{"east"}, {}};
  EXPECT_TRUE(Do("wei", On(seen, WarnEntry{{{}, "be warned"}}), scope).has_value());
  const auto unknown =
      Said(Do("wei", WorkEntry{{ids_.Next<BlacklistEntryId>(), 0}, Activate(), {}}, scope));
  EXPECT_EQ(unknown.first, Reason::kNotFound);
  EXPECT_EQ(unknown, Said(Do("wei", WorkEntry{{{}, 77}, Activate(), {}}, scope)));
  for (const BlacklistEntry& entry : {of_customer, of_unit}) {
    EXPECT_EQ(Said(Do("wei", On(entry, Activate()), scope)), unknown);
    EXPECT_EQ(Said(Do("wei", WorkEntry{{{}, entry.number}, Activate(), {}}, scope)), unknown);
    store_.Read([&](Reader& reader) {
      EXPECT_FALSE(FindVisible(reader, scope, EntryRef{entry.id, 0}));
      EXPECT_TRUE(FindVisible(reader, {}, EntryRef{entry.id, 0}));
    });
  }
  const auto nobody = Said(Do("wei", Proposal(ids_.Next<CustomerId>()), scope));
  EXPECT_EQ(Said(Do("wei", Proposal(west.id), scope)), nobody);
  EXPECT_EQ(Said(Do("wei", ProposeByRules{west.id}, scope)), nobody);
  // Nobody restricts where they cannot see.
  EXPECT_EQ(Said(Do("wei", in_the_west, scope)).second, (Metadata{{"resource", "org_unit"}}));
}

TEST_F(BlacklistRunTest, RecordsOfOnePersonHaveTheirEntriesTogether) {
  const Customer standing = NewCustomer("K1");
  const Customer alias = NewCustomer("K2");
  const BlacklistEntry before = Proposed(alias.id);
  Done("crm", AddCustomerAlias{standing.id, {"crm", "K2"}});
  for (const CustomerId& id : {standing.id, alias.id}) {
    const auto again = Do("li.na", Proposal(id));
    EXPECT_EQ(Said(again).first, Reason::kBlacklistEntryExists);
    EXPECT_EQ(Said(again).second.at("entry"), "B-1");
  }
  ProposeEntry other = Proposal(alias.id);
  other.kind = BlacklistKind::kRepeatCompensation;
  other.reason_code = "frequent_compensation";
  const BlacklistEntry after = Done("li.na", other).entry.value();
  EXPECT_EQ(after.customer_id, standing.id) << "of whoever stands for them";
  Done("wei", On(before, Activate()));
  Done("wei", On(after, DecideEntry{false, {{}, "not now"}}));
  store_.Read([&](Reader& reader) {
    const auto all = EntriesOfAll(reader, standing.id);
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[0].id, before.id);
    EXPECT_EQ(all[0].customer_id, alias.id) << "the event of then says so";
    EXPECT_EQ(all[1].id, after.id);
    const auto open = OpenEntriesOfAll(reader, standing.id);
    ASSERT_THAT(open, SizeIs(1));
    EXPECT_EQ(open[0].id, before.id);
  });
}

TEST_F(BlacklistRunTest, EntriesOfAnAliasOfAnAliasAreThePersonsToo) {
  const Customer standing = NewCustomer("K1");
  const Customer alias = NewCustomer("K2");
  const Customer alias_of_alias = NewCustomer("K3");
  const BlacklistEntry entry = Proposed(alias_of_alias.id);
  Done("crm", AddCustomerAlias{alias.id, {"crm", "K3"}});
  Done("crm", AddCustomerAlias{standing.id, {"crm", "K2"}});
  store_.Read([&](Reader& reader) {
    for (const auto& entries :
         {OpenEntriesOfAll(reader, standing.id), EntriesOfAll(reader, standing.id)}) {
      ASSERT_THAT(entries, SizeIs(1));
      EXPECT_EQ(entries[0].id, entry.id);
    }
  });
}

// An answer that names its case alone was taken for the alias's, for whom nothing is listed: the
// case went on as if there were no entry.
TEST_F(BlacklistRunTest, AnAnswerThatNamesItsCaseIsOfWhoeverStandsForItsCustomer) {
  const Customer standing = NewCustomer("K1");
  const Customer alias = NewCustomer("K2");
  SubmitResponse first;
  first.response.program_id = "nps";
  first.response.customer_id = alias.id;
  first.response.score = 1;
  first.occurred_now = true;
  const CaseId opened = Done("crm", first).response->paired_case_id;
  Done("crm", AddCustomerAlias{standing.id, {"crm", "K2"}});
  const BlacklistEntry entry = Proposed(standing.id);
  Done("wei", On(entry, Activate()));
  SubmitResponse again = first;
  again.response.customer_id = {};
  again.response.case_id = opened;
  const Response answer = Done("crm", again).response.value();
  EXPECT_EQ(answer.customer_id, standing.id);
  EXPECT_EQ(answer.paired_case_id, opened);
  store_.Read([&](Reader& reader) {
    const auto c = reader.GetCase(opened);
    ASSERT_TRUE(c);
    ASSERT_THAT(c->restrictions, SizeIs(1));
    EXPECT_EQ(c->restrictions[0].entry_id, entry.id);
  });
}

TEST_F(BlacklistRunTest, WhoeverOwnsAnOpenCaseOfThePersonDecidesNothing) {
  revision_.programs.push_back({.id = "csat"});
  const Customer standing = NewCustomer("K1");
  const Customer alias = NewCustomer("K2");
  Opened(alias.id, Emotion::kUnset, "wei");
  Done("crm", AddCustomerAlias{standing.id, {"crm", "K2"}});
  const BlacklistEntry entry = Proposed(standing.id);
  EXPECT_EQ(Said(Do("wei", On(entry, Activate()))).first, Reason::kBlacklistDeciderIsOwner);
  EXPECT_TRUE(Do("zhao", On(entry, Activate())).has_value());
}

TEST_F(BlacklistRunTest, EvidenceIsOnCasesOfThePersonThatTheProposerSees) {
  const Customer customer = NewCustomer("K1", "east");
  const Customer other = NewCustomer("K2", "east");
  const Case own = Opened(customer.id);
  const Case of_another = Opened(other.id);
  const auto naming = [&](const CaseId& id) {
    ProposeEntry command = Proposal(customer.id);
    command.evidence[0].case_id = id;
    return command;
  };
  const auto unknown = Do("li.na", naming(ids_.Next<CaseId>()));
  ASSERT_FALSE(unknown.has_value());
  ASSERT_THAT(unknown.error().violations, SizeIs(1));
  EXPECT_EQ(unknown.error().violations[0].field, "entry.evidence[0].case_id");
  const auto others = Do("li.na", naming(of_another.id));
  ASSERT_FALSE(others.has_value());
  EXPECT_EQ(others.error().violations, unknown.error().violations);
  // A case without a unit is seen by those without limits only.
  const auto unseen = Do("wei", naming(own.id), {{"east"}, {}});
  ASSERT_FALSE(unseen.has_value());
  EXPECT_EQ(unseen.error().violations, unknown.error().violations);
  const Outcome done = Done("li.na", naming(own.id));
  EXPECT_EQ(done.entry->evidence[0].case_id, own.id);
  Done("wei", On(*done.entry, Activate()));
  AppealEntry appeal{{{}, "not true"}, done.entry->evidence};
  appeal.evidence[0].case_id = of_another.id;
  EXPECT_FALSE(Do("li.na", On(*done.entry, appeal)).has_value());
  appeal.evidence[0].case_id = own.id;
  EXPECT_TRUE(Do("li.na", On(*done.entry, appeal)).has_value());
}

// Where cases are claimed has nothing to do with who decides on the entry.
TEST_F(BlacklistRunTest, AnEntrySendsCasesThatItsDeciderDoesNotSee) {
  const Customer customer = NewCustomer("K1", "east");
  const Customer alias = NewCustomer("K2");
  const std::vector<Case> cases = {Opened(customer.id), Opened(alias.id)};
  const Case of_another = Opened(NewCustomer("K3").id);
  Done("crm", AddCustomerAlias{customer.id, {"crm", "K2"}});
  ProposeEntry command = Proposal(customer.id);
  command.kind = BlacklistKind::kStaffSafety;
  command.reason_code = "threat";
  command.effects = BlacklistEffects{};
  command.effects->queue_id = "safety";
  const BlacklistEntry entry = Done("li.na", command).entry.value();
  ASSERT_FALSE(Do("wei", WorkCase{{cases[0].id, 0}, EscalateCase{}, {}, {}}, {{"east"}, {}}))
      << "it has no unit";
  ASSERT_TRUE(Do("wei", On(entry, Activate()), {{"east"}, {}}).has_value());
  store_.Read([&](Reader& reader) {
    for (const Case& c : cases) {
      const Case now = reader.GetCase(c.id).value();
      EXPECT_EQ(now.details.queue_id, "safety");
      EXPECT_THAT(now.restrictions, SizeIs(1));
    }
    EXPECT_THAT(reader.GetCase(of_another.id)->restrictions, IsEmpty());
  });
}

// The cases that it sends elsewhere at once are not shown to its proposer by the way.
TEST_F(BlacklistRunTest, AnEntryThatHoldsAtOnceRestsOnNoCaseUnseen) {
  const Customer customer = NewCustomer("K1", "east");
  const Case unseen = Opened(customer.id);
  ProposeEntry command = Proposal(customer.id);
  command.kind = BlacklistKind::kStaffSafety;
  command.reason_code = "threat";
  command.effects = BlacklistEffects{};
  command.effects->queue_id = "safety";
  command.immediate_until = now_ + days(1);
  ProposeEntry naming = command;
  naming.evidence[0].case_id = unseen.id;
  const auto refused = Do("li.na", naming, {{"east"}, {}});
  ASSERT_FALSE(refused.has_value());
  ASSERT_THAT(refused.error().violations, SizeIs(1));
  EXPECT_EQ(refused.error().violations[0].field, "entry.evidence[0].case_id");
  ASSERT_TRUE(Do("li.na", command, {{"east"}, {}}).has_value());
  store_.Read(
      [&](Reader& reader) { EXPECT_EQ(reader.GetCase(unseen.id)->details.queue_id, "safety"); });
}

TEST_F(BlacklistRunTest, EveryRuleThatHoldsProposesOnce) {
  revision_.blacklist.rules = {
      Rule("one-threat", BlacklistKind::kStaffSafety, 1, "threat"),
      Rule("many-threats", BlacklistKind::kDoNotContact, 9, "abusive_contact"),
      Rule("two-threats", BlacklistKind::kDoNotContact, 2, "abusive_contact")};
  const Customer standing = NewCustomer("K1");
  const Customer alias = NewCustomer("K2");
  Opened(standing.id, Emotion::kThreatening);
  Opened(alias.id, Emotion::kThreatening);
  Done("crm", AddCustomerAlias{standing.id, {"crm", "K2"}});
  Proposed(NewCustomer("K3").id);
  const auto tried = Do("system", ProposeByRules{alias.id}, {}, "R-1");
  ASSERT_TRUE(tried.has_value());
  ASSERT_THAT(tried->entries, SizeIs(2));
  EXPECT_EQ(tried->customer->id, standing.id);
  EXPECT_EQ(tried->entries[0].rule_id, "one-threat");
  EXPECT_EQ(tried->entries[0].number, 2);
  EXPECT_THAT(tried->entries[0].evidence, SizeIs(2));
  EXPECT_EQ(tried->entries[1].rule_id, "two-threats");
  EXPECT_EQ(tried->entries[1].number, 3);
  EXPECT_THAT(Done("system", ProposeByRules{standing.id}).entries, IsEmpty());
  const auto again = Do("system", ProposeByRules{alias.id}, {}, "R-1");
  ASSERT_TRUE(again.has_value() && again->replayed);
  EXPECT_EQ(again->customer->id, standing.id);
  EXPECT_THAT(again->entries, IsEmpty());
}

TEST_F(BlacklistRunTest, RulesMayAskWhatWasSaidAsACaseOpened) {
  BlacklistRule rule = Rule("said-so", BlacklistKind::kDoNotContact, 1, "customer_wish");
  rule.alternatives = {{Compare(FieldId::kReason, Op::kHas, std::string("never write")), {}}};
  revision_.blacklist.rules = {rule};
  const Customer first = NewCustomer("K1");
  const Customer second = NewCustomer("K2");
  const auto answer = [&](const CustomerId& id, std::string reason) {
    SubmitResponse command;
    command.response.program_id = "nps";
    command.response.customer_id = id;
    command.response.score = 1;
    command.response.reason.value = std::move(reason);
    command.occurred_now = true;
    Done("crm", std::move(command));
  };
  answer(first.id, "never write to me again");
  answer(second.id, "too slow");
  EXPECT_THAT(Done("system", ProposeByRules{first.id}).entries, SizeIs(1));
  EXPECT_THAT(Done("system", ProposeByRules{second.id}).entries, IsEmpty());
}

TEST_F(BlacklistRunTest, WhatTimeBringsHappensOnce) {
  const Customer customer = NewCustomer("K1");
  const BlacklistEntry entry = Proposed(customer.id);
  Done("wei", On(entry, Activate()));
  now_ = *Proposal(customer.id).expires_at;
  EXPECT_EQ(Done("system", On(entry, EntryTimers{})).entry->state, BlacklistState::kLapsed);
  const int64_t last = ReadLast();
  EXPECT_EQ(Done("system", On(entry, EntryTimers{})).entry->state, BlacklistState::kLapsed);
  EXPECT_EQ(ReadLast(), last);
}

TEST_F(BlacklistRunTest, NothingHappensByATimeThatIsInDoubt) {
  const BlacklistEntry entry = Proposed(NewCustomer("K1").id);
  Done("wei", On(entry, Activate()));
  now_ += days(200);
  Done("system", ReportClock{kStart, now_, true});
  EXPECT_EQ(Done("system", On(entry, EntryTimers{})).entry->state, BlacklistState::kActive);
  EXPECT_EQ(Done("zhao", On(entry, LiftEntry{{{}, "no longer needed"}})).entry->state,
            BlacklistState::kLifted);
}

TEST_F(BlacklistRunTest, WhereRulesWereTriedIsRememberedAndNeverGoesBack) {
  const int64_t last = ReadLast();
  Done("system", ReportRulesTried{17});
  Done("system", ReportRulesTried{5});
  store_.Read([&](Reader& reader) { EXPECT_EQ(reader.GetServerState().rules_tried, 17); });
  EXPECT_EQ(ReadLast(), last);
}

}  // namespace
}  // namespace rebound
