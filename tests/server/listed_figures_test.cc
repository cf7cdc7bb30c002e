// Figures with and without listed customers, each worked out by hand: listing people afterwards
// changes no rate, and whoever sees the cases sees which of them were.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "tests/fixtures/test_server.h"
#include "workflows/blacklist_policy.h"

namespace rebound::fixtures {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr int64_t kStartSeconds = 1'772'442'000;  // kServerStart in seconds
constexpr int64_t kHour = 3'600;

std::shared_ptr<const Revision> WithBlacklist() {
  Revision revision = *PlainRevision();
  revision.blacklist = DefaultBlacklistPolicy();
  return std::make_shared<const Revision>(std::move(revision));
}

// Hours after the start:
//   0  mei 2, an 3 in the north; bo 9 in the south
//   1  mei (B-1) and lin (B-2) are proposed
//   2  and listed
//   3  mei 10 in the north; lin 1, lin-app 4, cao 8 in the south
//   4  lin-app turns out to be lin
//   5  lin's entry is lifted
//   6  lin 0 in the south
//
// So cases: mei, an, lin, lin-app, of which the last two are listed customers'. Of the answers
// mei's 10, lin's 1 and lin-app's 4 are. lin is of the north, and served in the south.
class ListedFiguresTest : public testing::Test {
 protected:
  ListedFiguresTest() {
    server_.AddIdentity("li", "agent");
    server_.AddIdentity("chen", "manager");
    server_.AddIdentity("north", "manager", {.org_units = {"north"}, .queues = {}});
    server_.AddIdentity("south", "manager", {.org_units = {"south"}, .queues = {}});
    server_.AddIdentity("desk", "manager", {.org_units = {}, .queues = {"default", "priority"}});
    for (const char* key : {"mei", "an", "lin", "lin-app"}) Upsert(key);
  }

  void Upsert(const std::string& key) {
    ids_[key] =
        server_
            .Do<api::UpsertCustomerResponse>("admin", Key("external_key", key) +
                                                          R"(customer { org_unit_id: "north" }
                                        update_mask { paths: "org_unit_id" })")
            .customer()
            .id();
  }
  static std::string Key(const std::string& field, const std::string& key) {
    return field + " { source_system: \"crm\" external_id: \"" + key + "\" } ";
  }
  void Answer(const std::string& who, int score, const std::string& unit) {
    server_.Do<api::SubmitResponseResponse>(
        "integration", "response { program_id: \"touchpoint\" score: " + std::to_string(score) +
                           " org_unit_id: \"" + unit + "\" " + Key("customer_key", who) + "}");
  }
  void Propose(const std::string& who) {
    server_.Do<api::ProposeEntryResponse>(
        "li", "entry { customer_id: \"" + ids_.at(who) +
                  R"(" kind: BLACKLIST_KIND_REPEAT_COMPENSATION reason_code: "frequent_compensation"
                     internal_reason: "asks each week"
                     evidence { summary: "asked on Monday" occur_time { seconds: 1772430000 } }
                     expire_time { seconds: 1780000000 } })");
  }
  // Names the entry as it is now.
  std::string Seen(const std::string& number) {
    const std::string named = "entry_id: \"" + number + "\" ";
    const std::string etag = server_.Do<api::GetEntryResponse>("admin", named).entry().etag();
    return named + "etag: \"\\\"" + etag.substr(1, etag.size() - 2) + "\\\"\" note: \"heard\" ";
  }
  void Activate(const std::string& number) {
    server_.Do<api::DecideEntryResponse>("chen", Seen(number) + "activate: true");
  }
  void Lift(const std::string& number) { server_.Do<api::LiftEntryResponse>("chen", Seen(number)); }
  void Live(int until) {
    for (int hour = 0; hour <= until; ++hour) {
      if (hour > 0) server_.clock().Advance(hours(1));
      if (hour == 0) {
        Answer("mei", 2, "north");
        Answer("an", 3, "north");
        Answer("bo", 9, "south");
      } else if (hour == 1) {
        Propose("mei");
        Propose("lin");
      } else if (hour == 2) {
        Activate("B-1");
        Activate("B-2");
      } else if (hour == 3) {
        Answer("mei", 10, "north");
        Answer("lin", 1, "south");
        Answer("lin-app", 4, "south");
        Answer("cao", 8, "south");
      } else if (hour == 4) {
        server_.Do<api::AddCustomerAliasResponse>(
            "admin", "customer_id: \"" + ids_.at("lin") + "\" " + Key("external_key", "lin-app"));
      } else if (hour == 5) {
        Lift("B-2");
      } else {
        Answer("lin", 0, "south");
      }
    }
  }

  static std::string Scope(const std::string& more = "") {
    return "scope { program_id: \"touchpoint\" " + more + " } ";
  }
  static std::string AsOf(int64_t seconds) {
    return "as_of { seconds: " + std::to_string(kStartSeconds + seconds) + " }";
  }
  api::NpsFigure Nps(std::string_view who = "manager", const std::string& more = "") {
    return server_.Do<api::GetNpsReportResponse>(who, Scope(more)).total();
  }
  api::Funnel Funnel(std::string_view who = "manager", const std::string& more = "") {
    return server_.Do<api::GetFunnelReportResponse>(who, Scope(more)).total();
  }
  api::RecoveryFigure Recovery(std::string_view who = "manager", const std::string& more = "") {
    return server_.Do<api::GetRecoveryReportResponse>(who, Scope(more)).total();
  }

  TestServer server_{TestServerOptions{.revision = WithBlacklist()}};
  std::map<std::string, std::string> ids_{};
};

void ExpectSame(const Message& expected, const Message& actual) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  EXPECT_TRUE(differencer.Compare(expected, actual)) << report;
}

void ExpectInterval(const api::Interval& interval, double low, double high) {
  EXPECT_NEAR(interval.low(), low, 0.0005);
  EXPECT_NEAR(interval.high(), high, 0.0005);
}

std::vector<int64_t> Stages(const api::Funnel& funnel) {
  std::vector<int64_t> counts;
  for (const api::FunnelStage& stage : funnel.stages()) counts.push_back(stage.count());
  return counts;
}

TEST_F(ListedFiguresTest, NpsIsToldWithoutTheAnswersOfListedCustomers) {
  Live(6);
  const api::NpsFigure nps = Nps();
  EXPECT_EQ(nps.response_count(), 8);
  EXPECT_EQ(nps.listed_count(), 3);
  EXPECT_DOUBLE_EQ(nps.nps(), -37.5);
  const api::NpsFigure& without = nps.without_listed();
  EXPECT_EQ(without.promoter_count(), 1);
  EXPECT_EQ(without.passive_count(), 1);
  EXPECT_EQ(without.detractor_count(), 3);
  EXPECT_DOUBLE_EQ(without.nps(), -40);
  // N' = 8, p' = 1.75 / 8, d' = 3.75 / 8: -25 +- 1.96 sqrt(0.625 / 8) 100.
  ExpectInterval(without.interval(), -79.7827, 29.7827);
  EXPECT_FALSE(without.has_without_listed());
}

TEST_F(ListedFiguresTest, TheFunnelAndTheRatesAreToldWithoutTheirCases) {
  Live(6);
  server_.clock().Advance(minutes(1));  // lin has been watched for longer than mei took
  const api::Funnel funnel = Funnel();
  EXPECT_EQ(funnel.opened_count(), 4);
  EXPECT_EQ(funnel.listed_count(), 2);
  EXPECT_EQ(Stages(funnel), (std::vector<int64_t>{4, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(funnel.without_listed().opened_count(), 2);
  EXPECT_EQ(funnel.without_listed().open_count(), 2);
  EXPECT_EQ(Stages(funnel.without_listed()), (std::vector<int64_t>{2, 0, 0, 0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(funnel.without_listed().stages(6).share(), 0.5);

  const api::RecoveryFigure figure = Recovery();
  EXPECT_EQ(figure.listed_count(), 2);
  const api::RecoveryFigure& without = figure.without_listed();
  EXPECT_EQ(without.opened_count(), 2);
  EXPECT_EQ(figure.all().converted_ever().total(), 4);
  ExpectInterval(figure.all().converted_ever().interval(), 0.0456, 0.6994);
  EXPECT_EQ(without.all().converted_ever().count(), 1);
  EXPECT_EQ(without.all().converted_ever().total(), 2);
  ExpectInterval(without.all().converted_ever().interval(), 0.0945, 0.9055);
  EXPECT_EQ(without.not_matured().eligible_count(), 2);
  EXPECT_EQ(without.matured().eligible_count(), 0);
  // mei, three hours after her case was opened; an is still watched.
  ASSERT_EQ(figure.conversion_curve_size(), 1);
  EXPECT_DOUBLE_EQ(figure.conversion_curve(0).survival(), 0.75);
  ASSERT_EQ(without.conversion_curve_size(), 1);
  EXPECT_EQ(without.conversion_curve(0).at_risk_count(), 2);
  EXPECT_DOUBLE_EQ(without.conversion_curve(0).survival(), 0.5);
}

TEST_F(ListedFiguresTest, CustomersGoByTheirFirstAnswer) {
  Live(6);
  const auto customers =
      server_
          .Do<api::GetRecoveryReportResponse>("manager", Scope() + "unit: RECOVERY_UNIT_CUSTOMER")
          .customers();
  EXPECT_EQ(customers.customer_count(), 2) << "mei and lin";
  EXPECT_EQ(customers.never_again_count(), 2) << "an and lin-app";
  EXPECT_EQ(customers.listed_count(), 1);
  EXPECT_EQ(customers.converted_ever().count(), 1);
  EXPECT_EQ(customers.converted_ever().total(), 2);
  EXPECT_EQ(customers.without_listed().customer_count(), 1) << "mei was listed later";
  EXPECT_EQ(customers.without_listed().never_again_count(), 1);
  EXPECT_DOUBLE_EQ(customers.without_listed().converted_ever().value(), 1);
  EXPECT_TRUE(customers.without_listed().converted_ever().has_interval());
}

TEST_F(ListedFiguresTest, ListingPeopleAfterwardsChangesNothing) {
  Live(6);
  const api::NpsFigure nps = Nps();
  const api::Funnel funnel = Funnel();
  const api::RecoveryFigure recovery = Recovery();
  // Both whose cases are not recovered, a proposal that nobody has decided on included.
  server_.clock().Advance(minutes(1));
  Propose("an");
  Propose("lin");
  server_.clock().Advance(minutes(1));
  Activate("B-3");
  ExpectSame(nps, Nps());
  ExpectSame(funnel, Funnel());
  EXPECT_EQ(Recovery().listed_count(), recovery.listed_count());
  ExpectSame(recovery.without_listed().all(), Recovery().without_listed().all());
  // What an says from now on is a listed customer's.
  Answer("an", 10, "north");
  EXPECT_EQ(Nps().listed_count(), nps.listed_count() + 1);
  EXPECT_EQ(Nps().without_listed().response_count(), nps.without_listed().response_count());
}

TEST_F(ListedFiguresTest, NobodyIsListedBeforeASecondPersonHasDecided) {
  Live(1);
  EXPECT_FALSE(Nps().has_without_listed());
  EXPECT_FALSE(Funnel().has_without_listed());
  EXPECT_FALSE(Recovery().has_without_listed());
}

TEST_F(ListedFiguresTest, AliasesAreThePerson) {
  Live(3);
  EXPECT_EQ(Funnel().listed_count(), 1) << "lin-app is somebody else yet";
  EXPECT_EQ(Nps().listed_count(), 2);
  server_.clock().Advance(hours(1));
  server_.Do<api::AddCustomerAliasResponse>(
      "admin", "customer_id: \"" + ids_.at("lin") + "\" " + Key("external_key", "lin-app"));
  EXPECT_EQ(Funnel().listed_count(), 2);
  EXPECT_EQ(Nps().listed_count(), 3);
}

TEST_F(ListedFiguresTest, WhatWasKnownThenIsToldAgainLater) {
  Live(4);
  const api::NpsFigure nps = Nps();
  const api::Funnel funnel = Funnel();
  EXPECT_EQ(nps.listed_count(), 3);
  Lift("B-2");
  server_.clock().Advance(hours(2));
  Answer("lin", 0, "south");
  ExpectSame(nps, Nps("manager", AsOf(4 * kHour)));
  ExpectSame(funnel, Funnel("manager", AsOf(4 * kHour)));
  EXPECT_FALSE(Nps("manager", AsOf(kHour + kHour / 2)).has_without_listed()) << "not decided yet";
  EXPECT_EQ(Nps("manager", AsOf(3 * kHour)).listed_count(), 3);
}

TEST_F(ListedFiguresTest, SumsKeptAlongAndRowsCountedOneByOneAgree) {
  Live(6);
  const std::string counted = "start_time { seconds: 0 }";
  for (const char* who : {"manager", "north", "south"}) {
    SCOPED_TRACE(who);
    ExpectSame(Nps(who), Nps(who, counted));
    ExpectSame(Funnel(who), Funnel(who, counted));
    const auto every = server_.Do<api::GetFunnelReportResponse>(who, "scope {}").total();
    ExpectSame(every, Funnel(who));  // the only program with cases
  }
  ExpectSame(Nps("desk"), Nps());
}

TEST_F(ListedFiguresTest, AScopeSeesItsOwnCasesAndAnswersAndWhichOfThemAreListed) {
  Live(6);
  const api::NpsFigure north = Nps("north");
  EXPECT_EQ(north.response_count(), 3);
  EXPECT_EQ(north.listed_count(), 1) << "mei's 10";
  EXPECT_EQ(north.without_listed().detractor_count(), 2);
  EXPECT_EQ(Funnel("north").opened_count(), 2);
  EXPECT_FALSE(Funnel("north").has_without_listed());
  // lin's record and entries are of the north; her cases say of themselves that she is restricted.
  const api::NpsFigure south = Nps("south");
  EXPECT_EQ(south.response_count(), 5);
  EXPECT_EQ(south.listed_count(), 2);
  const api::Funnel funnel = Funnel("south");
  EXPECT_EQ(funnel.listed_count(), 2);
  ASSERT_TRUE(funnel.has_without_listed());
  EXPECT_EQ(funnel.without_listed().opened_count(), 0);
  EXPECT_FALSE(funnel.without_listed().stages(6).has_share());
  const api::RecoveryFigure recovery = Recovery("south");
  EXPECT_EQ(recovery.listed_count(), 2);
  EXPECT_FALSE(recovery.without_listed().all().converted_ever().has_value());
}

TEST_F(ListedFiguresTest, GroupsAreSplitLikeTheTotal) {
  Live(6);
  const std::string by = Scope("group_by: \"org_unit\"");
  const auto nps = server_.Do<api::GetNpsReportResponse>("manager", by);
  const auto funnel = server_.Do<api::GetFunnelReportResponse>("manager", by);
  const auto recovery = server_.Do<api::GetRecoveryReportResponse>("manager", by);
  ASSERT_EQ(nps.groups_size(), 2);
  ASSERT_EQ(funnel.groups_size(), 2);
  ASSERT_EQ(recovery.groups_size(), 2);
  const std::pair<const char*, int64_t> answers[] = {{"north", 1}, {"south", 2}};
  const std::pair<const char*, int64_t> cases[] = {{"north", 0}, {"south", 2}};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(nps.groups(i).group(), answers[i].first);
    EXPECT_EQ(nps.groups(i).listed_count(), answers[i].second);
    EXPECT_EQ(nps.groups(i).without_listed().group(), answers[i].first);
    EXPECT_EQ(funnel.groups(i).group(), cases[i].first);
    EXPECT_EQ(funnel.groups(i).listed_count(), cases[i].second);
    EXPECT_EQ(funnel.groups(i).has_without_listed(), cases[i].second > 0);
    EXPECT_EQ(recovery.groups(i).listed_count(), cases[i].second);
    EXPECT_EQ(recovery.groups(i).has_without_listed(), cases[i].second > 0);
  }
}

}  // namespace
}  // namespace rebound::fixtures
