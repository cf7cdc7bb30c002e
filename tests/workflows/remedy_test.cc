// What may be given, how much of it by whom, and who has to agree. The model at the end re-sums
// every ledger from the events alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "tests/fixtures/domain_fixtures.h"
#include "workflows/limits.h"
#include "workflows/remedy_ledger.h"

namespace rebound {
namespace {

using fixtures::Answer;
using fixtures::kNps;
using fixtures::kOpenNps;
using fixtures::kSite;
using fixtures::On;
using fixtures::Outcome;
using fixtures::World;
using std::chrono::days;
using std::chrono::milliseconds;

constexpr RemedyState kRemedyStates[] = {
    RemedyState::kProposed, RemedyState::kApproved,  RemedyState::kOffered, RemedyState::kAccepted,
    RemedyState::kDeclined, RemedyState::kDelivered, RemedyState::kReversed};

RemedyLimit LimitOf(std::string id, RemedyLimit::Per per, RemedyLimit::Beyond beyond,
                    std::optional<int64_t> amount) {
  RemedyLimit limit;
  limit.id = std::move(id);
  limit.per = per;
  limit.beyond = beyond;
  limit.currency = "CNY";
  limit.amount = amount;
  return limit;
}
RemedyLimit RefusedLimit(RemedyLimit::Per per, std::optional<int64_t> amount) {
  return LimitOf("most", per, RemedyLimit::Beyond::kRefused, amount);
}
RemedyLimit AgentCase() {  // agents give 200.00 a case by themselves
  RemedyLimit limit =
      LimitOf("agent-case", RemedyLimit::Per::kCase, RemedyLimit::Beyond::kSecondPerson, 20'000);
  limit.roles = {"agent"};
  return limit;
}

Revision WithLimits(std::vector<RemedyLimit> limits) {
  Revision revision = fixtures::TestRevision();
  revision.remedies = {
      {"words", RemedyKind::kExplanation, "", "", false, false},
      {"refund", RemedyKind::kRefund, "", "", false, true},
      {"voucher", RemedyKind::kVoucher, "", "", false, false},
      {"owed", RemedyKind::kRefund, "", "", true, true},
  };
  revision.remedy_limits = std::move(limits);
  return revision;
}

World WithLimitedCase(std::vector<RemedyLimit> limits, std::string role = "agent") {
  World world(WithLimits(std::move(limits)));
  EXPECT_TRUE(world.Do(Answer("a", 3)));
  world.role = std::move(role);
  return world;
}

RecordRemedy Give(std::string type, std::optional<int64_t> minor,
                  RemedyState state = RemedyState::kProposed) {
  RecordRemedy verb;
  verb.remedy.type_id = std::move(type);
  verb.remedy.state = state;
  if (minor) verb.remedy.amount = {*minor, "CNY"};
  return verb;
}
RecordRemedy Move(const Remedy& remedy, RemedyState state, std::optional<int64_t> minor = {}) {
  RecordRemedy verb = Give("", minor, state);
  verb.remedy.id = remedy.id;
  return verb;
}

Result<Events> Try(World& world, const Case& c, CaseVerb verb) {
  return world.Do(On(c, std::move(verb)));
}
std::string DoVerb(World& world, CaseVerb verb) {
  return Outcome(Try(world, world.OnlyCase(), std::move(verb)));
}
std::string DoVerbAs(World& world, std::string actor, std::string role, CaseVerb verb) {
  std::swap(world.actor, actor);
  std::swap(world.role, role);
  std::string outcome = DoVerb(world, std::move(verb));
  std::swap(world.actor, actor);
  std::swap(world.role, role);
  return outcome;
}
const Remedy& Last(const World& world) { return world.OnlyCase().remedies.back(); }

bool IsRecorded(const std::string& outcome) {
  return outcome.find("RemedyRecorded") != std::string::npos;
}

// --------------------------------------------------------------------------------- the catalogue

TEST(RemedyLedgerTest, WhatIsGivenIsOfTheCatalogue) {
  struct Row {
    std::string_view name;
    RecordRemedy verb;
    std::string_view outcome;
    std::string_view field;
  };
  const auto claims = [](std::string type, RemedyKind kind, bool statutory) {
    RecordRemedy verb = Give(std::move(type), 100);
    verb.remedy.kind = kind;
    verb.remedy.statutory = statutory;
    return verb;
  };
  const Row rows[] = {
      {"no type", claims("", RemedyKind::kRefund, false), "REQUIRED_FIELD_MISSING",
       "remedy.type_id"},
      {"unknown", Give("gift", 100), "REMEDY_TYPE_UNKNOWN", "remedy.type_id"},
      {"no amount", Give("refund", {}), "REQUIRED_FIELD_MISSING", "remedy.amount"},
      {"other kind", claims("refund", RemedyKind::kVoucher, false), "ENUM_VALUE_UNKNOWN",
       "remedy.kind"},
      {"statutory at will", claims("refund", RemedyKind::kUnset, true), "ENUM_VALUE_UNKNOWN",
       "remedy.statutory"},
      {"negative", Give("refund", -1), "MONEY_INVALID", "remedy.amount"},
      {"10^18", Give("refund", 1'000'000'000'000'000'000), "MONEY_INVALID", "remedy.amount"},
      {"same kind", claims("refund", RemedyKind::kRefund, false), "RemedyRecorded", ""},
      {"owed by law", claims("owed", RemedyKind::kUnset, true), "RemedyRecorded", ""},
      {"worth nothing", Give("words", {}), "RemedyRecorded", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithLimitedCase({});
    const auto result = Try(world, world.OnlyCase(), row.verb);
    EXPECT_EQ(Outcome(result), row.outcome);
    if (!result) {
      EXPECT_EQ(result.error().violations.at(0).field, row.field);
      EXPECT_TRUE(world.OnlyCase().remedies.empty());
    }
  }
  World world = WithLimitedCase({});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("owed", 100))));
  EXPECT_EQ(Last(world).kind, RemedyKind::kRefund);
  EXPECT_TRUE(Last(world).statutory);
  const auto unknown = Try(world, world.OnlyCase(), Give("gift", 1));
  EXPECT_EQ(unknown.error().metadata.at("allowed"), "words, refund, voucher, owed");
  RecordRemedy dollars = Give("refund", 1);
  dollars.remedy.amount.currency = "USD";
  EXPECT_EQ(DoVerb(world, dollars), "CURRENCY_MISMATCH");
}

TEST(RemedyLedgerTest, TheTypeStaysAndWhatTheCallerSaysOfApprovalIsNotHeard) {
  World world = WithLimitedCase({AgentCase()});
  RecordRemedy forged = Give("refund", 30'000);
  forged.remedy.approved_by = "boss";
  forged.remedy.steps = {{RemedyState::kApproved, "boss", Timestamp{}}};
  ASSERT_TRUE(IsRecorded(DoVerb(world, forged)));
  EXPECT_EQ(Last(world).approved_by, "");
  EXPECT_EQ(Last(world).approval_limit, "agent-case");
  EXPECT_EQ(Last(world).steps.size(), 1U);
  RecordRemedy other = Move(Last(world), RemedyState::kDeclined);
  other.remedy.type_id = "owed";
  EXPECT_EQ(DoVerb(world, other), "REMEDY_TYPE_UNKNOWN");
  forged = Move(Last(world), RemedyState::kOffered);
  forged.remedy.approved_by = "boss";
  forged.remedy.statutory = true;
  EXPECT_EQ(DoVerb(world, forged), "REMEDY_NEEDS_APPROVAL");
}

TEST(RemedyLedgerTest, EveryMoveIsAStep) {
  World world = WithLimitedCase({});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 100))));
  world.now += days{1};
  ASSERT_TRUE(
      IsRecorded(DoVerbAs(world, "boss", "manager", Move(Last(world), RemedyState::kApproved))));
  ASSERT_TRUE(IsRecorded(DoVerb(world, Move(Last(world), RemedyState::kReversed))));
  const Remedy& remedy = Last(world);
  EXPECT_EQ(remedy.actor, "li.na");
  EXPECT_EQ(remedy.approved_by, "boss");
  EXPECT_EQ(remedy.occurred_at, fixtures::kStart);
  const std::vector<RemedyStep> steps = {{RemedyState::kProposed, "li.na", fixtures::kStart},
                                         {RemedyState::kApproved, "boss", world.now},
                                         {RemedyState::kReversed, "li.na", world.now}};
  EXPECT_EQ(remedy.steps, steps);
}

// ----------------------------------------------------------------------------- the second person

// Every move of the proposer, from every state, of a remedy that needs no approval, needs one, and
// has it.
TEST(RemedyLedgerTest, WhatNeedsASecondPersonIsNotGivenWithoutOne) {
  for (const int64_t minor : {20'000, 20'001}) {
    for (const bool approved : {false, true}) {
      for (const RemedyState to : kRemedyStates) {
        SCOPED_TRACE(testing::Message()
                     << minor << (approved ? " approved" : "") << " to " << static_cast<int>(to));
        World world = WithLimitedCase({AgentCase()});
        ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", minor))));
        const bool needs = minor > 20'000;
        EXPECT_EQ(Last(world).approval_limit, needs ? "agent-case" : "");
        if (approved) {
          ASSERT_TRUE(IsRecorded(
              DoVerbAs(world, "boss", "manager", Move(Last(world), RemedyState::kApproved))));
        }
        std::string expected = "RemedyRecorded";
        const bool gives = to == RemedyState::kOffered || to == RemedyState::kAccepted ||
                           to == RemedyState::kDelivered;
        if (to == RemedyState::kProposed || (to == RemedyState::kApproved && approved)) {
          expected = "TRANSITION_NOT_ALLOWED";
        } else if (to == RemedyState::kApproved) {
          expected = "SECOND_PERSON_REQUIRED";
        } else if (needs && !approved && gives) {
          expected = "REMEDY_NEEDS_APPROVAL";
        }
        const std::string got = DoVerb(world, Move(Last(world), to));
        EXPECT_EQ(got.substr(0, expected.size()), expected);
        // Straight to that state, without a proposal.
        World straight = WithLimitedCase({AgentCase()});
        const std::string at_once = DoVerb(straight, Give("refund", minor, to));
        expected = to == RemedyState::kApproved   ? "SECOND_PERSON_REQUIRED"
                   : to == RemedyState::kReversed ? "TRANSITION_NOT_ALLOWED"
                   : needs && gives               ? "REMEDY_NEEDS_APPROVAL"
                                                  : "RemedyRecorded";
        EXPECT_EQ(at_once.substr(0, expected.size()), expected);
      }
    }
  }
}

// Goal: a revision without a catalogue neither gives nor takes away an approval. Method: one remedy
// waits for it and one has it as the case is migrated.
TEST(RemedyLedgerTest, AnApprovalOutlivesTheCatalogueThatAskedForIt) {
  for (const bool approved_before : {false, true}) {
    SCOPED_TRACE(approved_before);
    World world = WithLimitedCase({AgentCase()});
    ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 30'000))));
    ASSERT_EQ(Last(world).approval_limit, "agent-case");
    if (approved_before) {
      ASSERT_TRUE(IsRecorded(
          DoVerbAs(world, "boss", "manager", Move(Last(world), RemedyState::kApproved))));
    }
    Revision next = fixtures::TestRevision();
    next.number = 8;
    ASSERT_TRUE(next.remedies.empty());
    world.PutInForce(next);
    ASSERT_EQ(DoVerb(world, MigrateCase{}), "CaseMigrated");
    EXPECT_EQ(Last(world).approval_limit, "agent-case");
    if (!approved_before) {
      const RecordRemedy offer = Move(Last(world), RemedyState::kOffered);
      const auto refused = Try(world, world.OnlyCase(), offer);
      ASSERT_EQ(Outcome(refused), "REMEDY_NEEDS_APPROVAL");
      EXPECT_EQ(refused.error().metadata.at("limit"), "agent-case");
      EXPECT_EQ(DoVerb(world, Move(Last(world), RemedyState::kApproved)), "SECOND_PERSON_REQUIRED");
      ASSERT_TRUE(IsRecorded(
          DoVerbAs(world, "boss", "manager", Move(Last(world), RemedyState::kApproved))));
    }
    EXPECT_EQ(Last(world).approved_by, "boss");
    EXPECT_TRUE(IsRecorded(DoVerb(world, Move(Last(world), RemedyState::kOffered))));
    EXPECT_EQ(Last(world).approved_by, "boss") << "it is on record to the end";
  }
}

TEST(RemedyLedgerTest, AnApproverIsNotBoundThemselves) {
  World world = WithLimitedCase({AgentCase()});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 20'001))));
  const auto approve = [&](std::string actor, std::string role) {
    return DoVerbAs(world, std::move(actor), std::move(role),
                    Move(Last(world), RemedyState::kApproved));
  };
  EXPECT_EQ(approve("sun.li", "agent"), "REMEDY_NEEDS_APPROVAL") << "another agent is bound, too";
  EXPECT_EQ(approve("li.na", "manager"), "SECOND_PERSON_REQUIRED") << "by person, not by role";
  EXPECT_TRUE(IsRecorded(approve("boss", "manager")));
  EXPECT_TRUE(IsRecorded(DoVerb(world, Move(Last(world), RemedyState::kDelivered))));

  RemedyLimit everybody = AgentCase();
  everybody.roles.clear();
  World open = WithLimitedCase({everybody});
  ASSERT_TRUE(IsRecorded(DoVerb(open, Give("refund", 20'001))));
  EXPECT_TRUE(
      IsRecorded(DoVerbAs(open, "sun.li", "agent", Move(Last(open), RemedyState::kApproved))))
      << "a limit on everybody asks for any other person";
}

TEST(RemedyLedgerTest, WhoeverAsksForMoreNeedsAnotherPerson) {
  World world = WithLimitedCase({AgentCase()});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 30'000))));
  // Less is approved as a matter of course; more is not.
  EXPECT_EQ(DoVerbAs(world, "boss", "manager", Move(Last(world), RemedyState::kApproved, 30'001)),
            "SECOND_PERSON_REQUIRED");
  ASSERT_TRUE(IsRecorded(
      DoVerbAs(world, "boss", "manager", Move(Last(world), RemedyState::kApproved, 25'000))));
  EXPECT_EQ(Last(world).amount.amount_minor, 25'000);
  EXPECT_EQ(DoVerb(world, Move(Last(world), RemedyState::kOffered, 25'001)),
            "REMEDY_NEEDS_APPROVAL");
  EXPECT_EQ(Last(world).approved_by, "boss") << "nothing of a refused command is left";
  // Proposed anew by the manager: neither of the two may approve it.
  world.now += days{2};
  ASSERT_TRUE(IsRecorded(
      DoVerbAs(world, "sun.li", "agent", Move(Last(world), RemedyState::kProposed, 26'000))));
  EXPECT_EQ(Last(world).approved_by, "");
  EXPECT_EQ(Last(world).occurred_at, world.now);
  EXPECT_EQ(DoVerb(world, Move(Last(world), RemedyState::kOffered)), "REMEDY_NEEDS_APPROVAL");
  EXPECT_EQ(DoVerbAs(world, "sun.li", "manager", Move(Last(world), RemedyState::kApproved)),
            "SECOND_PERSON_REQUIRED");
  EXPECT_EQ(DoVerbAs(world, "li.na", "manager", Move(Last(world), RemedyState::kApproved)),
            "SECOND_PERSON_REQUIRED");
  ASSERT_TRUE(
      IsRecorded(DoVerbAs(world, "boss", "manager", Move(Last(world), RemedyState::kApproved))));
  EXPECT_TRUE(IsRecorded(DoVerb(world, Move(Last(world), RemedyState::kOffered, 25'999))))
      << "less than was approved";
  EXPECT_EQ(Last(world).approved_by, "boss");
}

// ------------------------------------------------------------------------------------- the limits

TEST(RemedyLedgerTest, ARefusalSaysWhatIsLeft) {
  World world = WithLimitedCase({RefusedLimit(RemedyLimit::Per::kCase, 500)});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 450))));
  const auto refused = Try(world, world.OnlyCase(), Give("refund", 51));
  ASSERT_EQ(Outcome(refused), "REMEDY_LIMIT_EXCEEDED");
  const Metadata expected = {{"case", "C-1"},    {"limit", "most"}, {"per", "case"},
                             {"allowed", "500"}, {"used", "450"},   {"asked", "51"},
                             {"currency", "CNY"}};
  EXPECT_EQ(refused.error().metadata, expected);
  EXPECT_TRUE(IsRecorded(DoVerb(world, Give("refund", 50)))) << "up to the limit";
  EXPECT_TRUE(IsRecorded(DoVerb(world, Give("words", {})))) << "nothing is worth nothing";
  EXPECT_TRUE(IsRecorded(DoVerb(world, Give("refund", 0))));
  EXPECT_EQ(DoVerb(world, Give("refund", 1)), "REMEDY_LIMIT_EXCEEDED");
  EXPECT_TRUE(IsRecorded(DoVerb(world, Give("owed", 1'000'000))))
      << "owed by law: outside every limit";
  EXPECT_EQ(DoVerb(world, Give("refund", 1)), "REMEDY_LIMIT_EXCEEDED") << "and uses none of it up";
}

TEST(RemedyLedgerTest, ALimitCountsWhatItSpeaksOf) {
  struct Row {
    std::string_view name;
    RemedyLimit limit;
    std::string role;
    std::vector<RecordRemedy> before;
    RecordRemedy last;
    bool goes;
  };
  RemedyLimit vouchers = RefusedLimit(RemedyLimit::Per::kCase, 100);
  vouchers.types = {"voucher"};
  RemedyLimit agents = RefusedLimit(RemedyLimit::Per::kCase, 100);
  agents.roles = {"agent"};
  RemedyLimit two = RefusedLimit(RemedyLimit::Per::kCase, {});
  two.count = 2;
  const RemedyLimit case_limit = RefusedLimit(RemedyLimit::Per::kCase, 100);
  const RemedyLimit remedy_limit = RefusedLimit(RemedyLimit::Per::kRemedy, 100);
  const Row rows[] = {
      {"one remedy at the limit", remedy_limit, "agent", {}, Give("refund", 100), true},
      {"one remedy above it", remedy_limit, "agent", {}, Give("refund", 101), false},
      {"many remedies, each below",
       remedy_limit,
       "agent",
       {Give("refund", 100)},
       Give("refund", 100),
       true},
      {"a grant split",
       case_limit,
       "agent",
       {Give("refund", 50), Give("voucher", 50)},
       Give("refund", 1),
       false},
      {"other types", vouchers, "agent", {Give("refund", 500)}, Give("voucher", 100), true},
      {"its types", vouchers, "agent", {Give("voucher", 1)}, Give("voucher", 100), false},
      {"its role", agents, "agent", {}, Give("refund", 101), false},
      {"another role", agents, "manager", {}, Give("refund", 101), true},
      {"the system, of a role's limit", agents, "", {}, Give("refund", 101), true},
      {"the system, of everybody's", case_limit, "", {}, Give("refund", 101), false},
      {"the second", two, "agent", {Give("words", {})}, Give("words", {}), true},
      {"the third", two, "agent", {Give("words", {}), Give("refund", 0)}, Give("words", {}), false},
      {"the third, of which one is owed",
       two,
       "agent",
       {Give("words", {}), Give("owed", 5)},
       Give("words", {}),
       true},
      {"declined ones",
       case_limit,
       "agent",
       {Give("refund", 100, RemedyState::kDeclined)},
       Give("refund", 100),
       true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World world = WithLimitedCase({row.limit}, row.role);
    for (const RecordRemedy& each : row.before) ASSERT_TRUE(IsRecorded(DoVerb(world, each)));
    EXPECT_EQ(IsRecorded(DoVerb(world, row.last)), row.goes);
  }
}

TEST(RemedyLedgerTest, ReversingGivesBack) {
  World world = WithLimitedCase({RefusedLimit(RemedyLimit::Per::kCase, 100)});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 100))));
  const Remedy first = Last(world);
  EXPECT_EQ(DoVerb(world, Give("refund", 1)), "REMEDY_LIMIT_EXCEEDED") << "a proposal reserves";
  ASSERT_TRUE(IsRecorded(DoVerbAs(world, "boss", "manager", Move(first, RemedyState::kReversed))));
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 100))));
  EXPECT_EQ(DoVerb(world, Move(first, RemedyState::kDelivered)), "TRANSITION_NOT_ALLOWED")
      << "nor does it come back";
}

TEST(RemedyLedgerTest, RaisingIsCheckedAnewAndOnlyForTheDifferenceItMakes) {
  World world = WithLimitedCase({RefusedLimit(RemedyLimit::Per::kCase, 100)});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 60))));
  const Remedy first = Last(world);
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("voucher", 20))));
  EXPECT_EQ(DoVerb(world, Move(first, RemedyState::kOffered, 81)), "REMEDY_LIMIT_EXCEEDED");
  EXPECT_EQ(DoVerb(world, Move(first, RemedyState::kProposed, 81)), "REMEDY_LIMIT_EXCEEDED");
  EXPECT_TRUE(IsRecorded(DoVerb(world, Move(first, RemedyState::kOffered, 80))));
}

TEST(RemedyLedgerTest, TheWindowRollsAndIncludesItsEdge) {
  RemedyLimit limit = RefusedLimit(RemedyLimit::Per::kCustomer, 100);
  limit.window = days{365};
  World world = WithLimitedCase({limit});
  ASSERT_TRUE(IsRecorded(DoVerb(world, Give("refund", 100))));
  const Remedy old = Last(world);
  world.now += days{365};
  EXPECT_EQ(DoVerb(world, Give("refund", 1)), "REMEDY_LIMIT_EXCEEDED") << "exactly a window ago";
  world.now += milliseconds{1};
  EXPECT_TRUE(IsRecorded(DoVerb(world, Give("refund", 60))));
  // An old proposal that is raised counts as of now.
  EXPECT_EQ(DoVerb(world, Move(old, RemedyState::kProposed, 101)), "REMEDY_LIMIT_EXCEEDED");
}

TEST(RemedyLedgerTest, ACustomersLimitHoldsInEveryProgramAndForTheirAliases) {
  World world(WithLimits({RefusedLimit(RemedyLimit::Per::kCustomer, 100)}));
  ASSERT_TRUE(world.Do(Answer("a", 3)));
  ASSERT_TRUE(world.Do(Answer("a", 3, {.program = kOpenNps})));
  ASSERT_TRUE(world.Do(Answer("b", 3)));
  const auto case_of = [&](std::string_view key, std::string_view program) {
    for (const auto& [id, c] : world.cases) {
      if (c.customer_id == world.FindCustomer(key)->id && c.program_id == program) return c;
    }
    return Case{};
  };
  ASSERT_TRUE(Try(world, case_of("a", kNps), Give("refund", 70)));
  EXPECT_EQ(Outcome(Try(world, case_of("a", kOpenNps), Give("refund", 31))),
            "REMEDY_LIMIT_EXCEEDED");
  ASSERT_TRUE(Try(world, case_of("a", kOpenNps), Give("refund", 30)));
  ASSERT_TRUE(Try(world, case_of("b", kNps), Give("refund", 100))) << "somebody else";
  EXPECT_TRUE(IsRecorded(Outcome(Try(world, case_of("a", kNps), Give("words", {})))));
}

TEST(RemedyLedgerTest, AnAnonymousCaseStandsAlone) {
  World world(WithLimits({RefusedLimit(RemedyLimit::Per::kCustomer, 100)}));
  ASSERT_TRUE(world.Do(Answer("", 3, {.program = kSite})));
  ASSERT_TRUE(world.Do(Answer("", 3, {.program = kSite})));
  ASSERT_EQ(world.cases.size(), 2U);
  const Case first = world.cases.begin()->second;
  const Case second = std::next(world.cases.begin())->second;
  ASSERT_TRUE(Try(world, first, Give("refund", 100)));
  EXPECT_EQ(Outcome(Try(world, first, Give("refund", 1))), "REMEDY_LIMIT_EXCEEDED");
  EXPECT_TRUE(Try(world, second, Give("refund", 100)));
}

Case CaseOf(uint8_t number) {
  Case c;
  c.id.bytes[0] = number;
  return c;
}
Remedy Granted(int64_t minor) {
  Remedy remedy;
  remedy.type_id = "refund";
  remedy.amount = {minor, "CNY"};
  remedy.state = RemedyState::kProposed;
  return remedy;
}

TEST(RemedyLedgerTest, CasesMergedTogetherAreOne) {
  const Revision revision = WithLimits({RefusedLimit(RemedyLimit::Per::kCase, 100)});
  Case left = CaseOf(1);
  std::vector<Case> cases = {CaseOf(2), CaseOf(3), CaseOf(4)};
  left.remedies = {Granted(1)};
  for (size_t i = 0; i < 3; ++i) cases[i].remedies = {Granted(i == 0 ? 10 : i == 1 ? 100 : 1000)};
  cases[0].merged_into = left.id;
  cases[1].merged_into = cases[0].id;
  const auto used = [&](const Case& c) {
    return RemedyStandings(revision, cases, c, "", fixtures::kStart)[0].used_minor;
  };
  EXPECT_EQ(used(left), 111) << "with what was merged into it, at any depth";
  EXPECT_EQ(used(cases[1]), 10 + 100) << "what is left is unknown here: by what it was merged into";
  cases.push_back(left);
  EXPECT_EQ(used(cases[1]), 111);
  EXPECT_EQ(used(cases[2]), 1000);
  cases[3].merged_into = cases[1].id;  // a circle, which no command makes
  EXPECT_GE(used(cases[1]), 100);
}

TEST(RemedyLedgerTest, SumsDoNotOverflow) {
  const Revision revision =
      WithLimits({RefusedLimit(RemedyLimit::Per::kCase, limits::kMoneyMinor)});
  Case c = CaseOf(1);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  c.remedies = {Granted(kMost), Granted(kMost), Granted(1)};
  const RemedyStanding standing = RemedyStandings(revision, {}, c, "", fixtures::kStart)[0];
  EXPECT_EQ(standing.used_minor, kMost);
  EXPECT_EQ(standing.used_count, 3);
  EXPECT_TRUE(Exceeds(standing, Granted(kMost)));
  EXPECT_TRUE(Exceeds(standing, Granted(1)));
  EXPECT_FALSE(Exceeds(standing, Granted(0)));
}

// ---------------------------------------------------------------------------------------- a model

// Sums from the events alone, told in the plainest way.
struct NaiveLedger {
  std::map<RemedyId, std::pair<CaseId, Remedy>> remedies;

  explicit NaiveLedger(const World& world) {
    for (const Event& event : world.log) {
      if (const auto* recorded = std::get_if<RemedyRecorded>(&event.body)) {
        remedies[recorded->remedy.id] = {event.case_id, recorded->remedy};
      }
    }
  }
  int64_t Sum(const CaseId* of, Timestamp since) const {
    int64_t sum = 0;
    for (const auto& [id, row] : remedies) {
      const Remedy& r = row.second;
      const bool ended = r.state == RemedyState::kDeclined || r.state == RemedyState::kReversed;
      if (ended || r.statutory || r.occurred_at < since) continue;
      if (of == nullptr || row.first == *of) sum += r.amount.amount_minor;
    }
    return sum;
  }
};

TEST(RemedyLedgerTest, NoLedgerEverStandsAboveALimitThatIsRefused) {
  std::mt19937_64 random(20261125);
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  int granted = 0;
  int refused = 0;
  int approved = 0;
  for (int round = 0; round < 20; ++round) {
    RemedyLimit year = RefusedLimit(RemedyLimit::Per::kCustomer, 1'000);
    year.window = days{30};
    World world(WithLimits({RefusedLimit(RemedyLimit::Per::kCase, 600), year, AgentCase()}));
    world.revision.remedy_limits[2].amount = 250;
    ASSERT_TRUE(world.Do(Answer("a", 3)));
    ASSERT_TRUE(world.Do(Answer("a", 3, {.program = kOpenNps})));
    for (int step = 0; step < 150; ++step) {
      world.now += std::chrono::hours{below(24)};
      world.actor = std::string(1, static_cast<char>('p' + below(3)));
      world.role = below(2) == 0 ? "agent" : "manager";
      const Case c = std::next(world.cases.begin(), below(2))->second;
      const RemedyState state = kRemedyStates[below(std::size(kRemedyStates))];
      RecordRemedy verb = Give(below(8) == 0 ? "owed" : "refund", below(320), state);
      if (below(3) != 0 && !c.remedies.empty()) {
        const auto at = static_cast<size_t>(below(c.remedies.size()));
        verb =
            Move(c.remedies[at], state, below(2) == 0 ? std::optional(below(320)) : std::nullopt);
      }
      const auto result = Try(world, c, verb);
      ++(result ? granted : refused);
      const NaiveLedger naive(world);
      for (const auto& [id, each] : world.cases) {
        ASSERT_LE(naive.Sum(&id, Timestamp::min()), 600) << "round " << round << " step " << step;
        const auto standings = RemedyStandings(world.revision, {}, each, "", world.now);
        ASSERT_EQ(standings[0].used_minor, naive.Sum(&id, Timestamp::min()));
        for (const Remedy& r : each.remedies) {
          ASSERT_NE(r.approved_by, r.actor);
          approved += r.approved_by.empty() ? 0 : 1;
          const bool gives = r.state == RemedyState::kOffered ||
                             r.state == RemedyState::kAccepted ||
                             r.state == RemedyState::kDelivered;
          ASSERT_FALSE(gives && !r.approval_limit.empty() && r.approved_by.empty());
        }
      }
      ASSERT_LE(naive.Sum(nullptr, world.now - days{30}), 1'000)
          << "round " << round << " step " << step;
    }
    EXPECT_EQ(world.problems, std::vector<std::string>{});
    EXPECT_EQ(world.Replayed().cases, world.cases);
  }
  EXPECT_GT(granted, 200);
  EXPECT_GT(refused, 200);
  EXPECT_GT(approved, 50);
}

}  // namespace
}  // namespace rebound
