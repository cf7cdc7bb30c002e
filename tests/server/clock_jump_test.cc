// A wall clock that leaps: timers are held until an admin says that the time is right.
#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "clients/cli/cli.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/operations_service.pb.h"
#include "tests/fixtures/test_server.h"

namespace rebound::fixtures {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// The shipped clocks: of a case of severity 2, first contact within 24 hours has the tiers warning,
// breach and escalation.
class ClockJumpTest : public testing::Test {
 protected:
  ClockJumpTest() : server_(TestServerOptions{.revision = ShippedRevision(), .loopback = true}) {
    server_.WatchClock();
    case_ = server_
                .Do<api::SubmitResponseResponse>("integration",
                                                 R"(response { program_id: "touchpoint" score: 5
                                      customer_key { source_system: "crm" external_id: "li" } })")
                .response()
                .paired_case_id();
  }

  // What the bell does each second: how many cases had a timer fire.
  size_t Ring() {
    server_.WatchClock();
    return server_.FireDueTimers();
  }
  void Jump(Duration by) { server_.clock().Set(server_.clock().Now() + by); }
  api::TimerStatus Timers() { return server_.Do<api::GetStatusResponse>("viewer", "").timers(); }
  // How often each tier was crossed, "first_contact breach".
  std::map<std::string, int> Crossed() {
    std::map<std::string, int> crossed;
    const auto events = server_.Do<api::ListCaseEventsResponse>(
        "agent", "case_id: \"" + case_ + "\" page_size: 1000");
    for (const api::CaseEvent& event : events.events()) {
      if (event.type() != "TierCrossed") continue;
      ++crossed[event.details().at("clock") + ' ' + event.details().at("tier")];
    }
    return crossed;
  }
  int Rebound(const std::string& who, std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "rebound");
    cli::Surroundings surroundings;
    surroundings.variables = {{"REBOUND_SERVER", "127.0.0.1:" + std::to_string(server_.port())},
                              {"REBOUND_TOKEN", server_.TokenOf(who)}};
    std::ostringstream out, err;
    const int code =
        cli::RunCli(static_cast<int>(arguments.size()), arguments.data(), out, err, surroundings);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  TestServer server_;
  std::string case_, out_, err_;
};

TEST_F(ClockJumpTest, NothingFiresUntilAnAdminConfirmsThenEachOverdueTierOnce) {
  EXPECT_EQ(Ring(), 0u);
  EXPECT_FALSE(Timers().held());
  Jump(days(40));
  EXPECT_EQ(Ring(), 0u);
  EXPECT_TRUE(Timers().held());
  EXPECT_EQ(Timers().hold_time().seconds(), kServerStart.time_since_epoch().count() / 1000)
      << "by the time that was believed";
  EXPECT_THAT(Crossed(), IsEmpty());

  // Time goes on by the steady clock, and what comes due in it waits, too.
  server_.clock().Advance(hours(23));
  EXPECT_EQ(Ring(), 0u);
  EXPECT_EQ(Timers().due_count(), 1) << "the warning of first contact";
  EXPECT_THAT(Crossed(), IsEmpty());

  for (const char* who : {"manager", "agent", "integration", "viewer"}) {
    EXPECT_EQ(server_.Refuse(who, "OperationsService/ConfirmClock", "").reason, "ROLE_NOT_ALLOWED")
        << who;
  }
  EXPECT_EQ(Ring(), 0u);
  EXPECT_TRUE(Timers().held());

  const auto confirmed =
      server_.Do<api::ConfirmClockResponse>("admin", R"(request_id: "it-is-right")");
  EXPECT_FALSE(confirmed.timers().held());
  EXPECT_FALSE(confirmed.replayed());
  EXPECT_EQ(Ring(), 1u);
  const std::map<std::string, int> crossed = Crossed();
  for (const char* tier : {"warning", "breach", "escalation"}) {
    EXPECT_THAT(crossed, Contains(Pair(std::string("first_contact ") + tier, 1)));
  }
  EXPECT_THAT(crossed, Contains(Pair("total_resolution breach", 1)));
  for (const auto& [tier, times] : crossed) EXPECT_EQ(times, 1) << tier;
  EXPECT_EQ(Ring(), 0u);
  EXPECT_EQ(Timers().due_count(), 0);

  EXPECT_TRUE(
      server_.Do<api::ConfirmClockResponse>("admin", R"(request_id: "it-is-right")").replayed());
  EXPECT_EQ(server_.Refuse("admin", "OperationsService/ConfirmClock", "").reason,
            "TIMERS_NOT_HELD");
  EXPECT_EQ(Ring(), 0u);
  EXPECT_EQ(Crossed(), crossed);
}

TEST_F(ClockJumpTest, ARestartConfirmsNothing) {
  Jump(days(40));
  EXPECT_EQ(Ring(), 0u);
  for (int i = 0; i < 3; ++i) {
    server_.Restart();
    EXPECT_EQ(Ring(), 0u);
    server_.clock().Advance(days(2));
    EXPECT_EQ(Ring(), 0u);
    EXPECT_TRUE(Timers().held());
    EXPECT_EQ(Timers().due_count(), 1) << "after a stop the wall clock is believed";
    EXPECT_THAT(Crossed(), IsEmpty());
  }
  server_.Do<api::ConfirmClockResponse>("admin", "");
  EXPECT_EQ(Ring(), 1u);
  EXPECT_THAT(Crossed(), Contains(Pair("first_contact breach", 1)));
  server_.Restart();
  EXPECT_EQ(Ring(), 0u);
  EXPECT_FALSE(Timers().held());
}

TEST_F(ClockJumpTest, AStopOfMoreThanADayHoldsTimersToo) {
  server_.Stop();
  server_.clock().Advance(hours(25));
  server_.Restart();
  EXPECT_EQ(Ring(), 0u);
  EXPECT_TRUE(Timers().held());
  EXPECT_EQ(Timers().due_count(), 1);
  server_.Do<api::ConfirmClockResponse>("admin", "");
  EXPECT_EQ(Ring(), 1u);
}

TEST_F(ClockJumpTest, AWallClockThatIsRightAgainNeedsNobody) {
  Jump(days(40));
  EXPECT_EQ(Ring(), 0u);
  EXPECT_TRUE(Timers().held());
  server_.clock().Advance(minutes(30));
  Jump(-days(40));
  EXPECT_EQ(Ring(), 0u);
  EXPECT_FALSE(Timers().held());
  EXPECT_THAT(Crossed(), IsEmpty());
  server_.clock().Advance(hours(22));
  EXPECT_EQ(Ring(), 1u) << "as if nothing had been";
  EXPECT_THAT(Crossed(), testing::ElementsAre(Pair("first_contact warning", 1)));
}

TEST_F(ClockJumpTest, AJumpOfLessThanADayIsFollowed) {
  Jump(hours(23));
  EXPECT_EQ(Ring(), 1u);
  EXPECT_FALSE(Timers().held());
  EXPECT_THAT(Crossed(), testing::ElementsAre(Pair("first_contact warning", 1)));
}

TEST_F(ClockJumpTest, TheCommandLineTellsOfItAndConfirms) {
  EXPECT_EQ(Rebound("admin", {"clock", "confirm"}), 5);
  EXPECT_THAT(err_, HasSubstr("TIMERS_NOT_HELD"));
  Jump(days(40));
  EXPECT_EQ(Ring(), 0u);
  EXPECT_EQ(Rebound("viewer", {"status"}), 0);
  EXPECT_THAT(out_, HasSubstr("HELD")) << out_;
  EXPECT_EQ(Rebound("agent", {"clock", "confirm"}), 4);
  EXPECT_THAT(err_, HasSubstr("ROLE_NOT_ALLOWED"));
  EXPECT_TRUE(Timers().held());
  EXPECT_EQ(Rebound("admin", {"clock", "confirm"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Timers fire again"));
  EXPECT_FALSE(Timers().held());
  EXPECT_EQ(Ring(), 1u);
}

}  // namespace
}  // namespace rebound::fixtures
