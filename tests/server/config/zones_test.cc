// Offsets of real zones, against facts and against rules written down here once more.
#include "server/config/zones.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace rebound {
namespace {

using std::chrono::hours;
using std::chrono::last;
using std::chrono::minutes;
using std::chrono::Sunday;
using std::chrono::sys_days;
using std::chrono::year;
using ::testing::MatchesRegex;

Timestamp Midnight(int y, unsigned month, unsigned day) {
  return sys_days{year{y} / std::chrono::month{month} / std::chrono::day{day}};
}

TEST(ZonesTest, OffsetsAreThoseOfTheWorld) {
  struct Case {
    std::string zone;
    Timestamp at;
    minutes offset;
  };
  const std::vector<Case> cases{
      {"Asia/Shanghai", Midnight(1970, 1, 1), hours{8}},
      {"Asia/Shanghai", Midnight(1988, 7, 1), hours{9}},  // 1986 to 1991 it had summer time
      {"Asia/Shanghai", Midnight(2059, 7, 1), hours{8}},
      {"PRC", Midnight(2026, 7, 1), hours{8}},
      {"Asia/Kolkata", Midnight(2026, 7, 1), minutes{330}},
      {"Asia/Kathmandu", Midnight(1985, 7, 1), minutes{330}},
      {"Asia/Kathmandu", Midnight(2026, 7, 1), minutes{345}},
      {"Australia/Lord_Howe", Midnight(2026, 7, 1), minutes{630}},
      {"Australia/Lord_Howe", Midnight(2050, 1, 1), hours{11}},
      {"Europe/Dublin", Midnight(2050, 1, 1), hours{0}},  // its rule has negative summer time
      {"Europe/Dublin", Midnight(2050, 7, 1), hours{1}},
      {"Pacific/Apia", Midnight(2011, 12, 30), hours{-10}},
      {"Pacific/Apia", Midnight(2011, 12, 31), hours{14}},     // 30 December was left out
      {"America/Sao_Paulo", Midnight(2050, 1, 1), hours{-3}},  // summer time was given up in 2019
      {"US/Eastern", Midnight(2050, 7, 1), hours{-4}},
      {"UTC", Midnight(2026, 7, 1), hours{0}},
      {"Etc/UTC", Midnight(2026, 7, 1), hours{0}}};
  for (const Case& c : cases) {
    const std::optional<Zone> zone = LoadZone(c.zone);
    ASSERT_TRUE(zone.has_value()) << c.zone;
    EXPECT_EQ(zone->name, c.zone);
    EXPECT_EQ(OffsetAt(*zone, c.at), c.offset) << c.zone << ' ' << ToMillis(c.at);
  }
}

// The files list changes until 2037; calendars go on.
TEST(ZonesTest, RulesHoldUntilTwentySixty) {
  const std::optional<Zone> new_york = LoadZone("America/New_York");
  const std::optional<Zone> berlin = LoadZone("Europe/Berlin");
  ASSERT_TRUE(new_york.has_value() && berlin.has_value());
  for (int y = 2010; y <= 2060; ++y) {
    SCOPED_TRACE(y);
    struct Change {
      const Zone& zone;
      Timestamp at;
      hours before;
      hours after;
    };
    const std::vector<Change> changes{
        {*new_york, sys_days{year{y} / 3 / Sunday[2]} + hours{7}, hours{-5}, hours{-4}},
        {*new_york, sys_days{year{y} / 11 / Sunday[1]} + hours{6}, hours{-4}, hours{-5}},
        {*berlin, sys_days{year{y} / 3 / Sunday[last]} + hours{1}, hours{1}, hours{2}},
        {*berlin, sys_days{year{y} / 10 / Sunday[last]} + hours{1}, hours{2}, hours{1}}};
    for (const Change& change : changes) {
      EXPECT_EQ(OffsetAt(change.zone, change.at - Duration{1}), change.before);
      EXPECT_EQ(OffsetAt(change.zone, change.at), change.after);
    }
  }
  const auto in_2045 = [](const Zone& zone) {
    return std::count_if(zone.changes.begin(), zone.changes.end(), [](const Zone::Change& c) {
      return c.at >= Midnight(2045, 1, 1) && c.at < Midnight(2046, 1, 1);
    });
  };
  EXPECT_EQ(in_2045(*new_york), 2);
  EXPECT_EQ(in_2045(*berlin), 2);
}

TEST(ZonesTest, WhatCalendarsDemandOfZonesHolds) {
  for (const std::string name : {"America/New_York", "Pacific/Kwajalein", "Pacific/Apia",
                                 "Africa/Casablanca", "Antarctica/Troll", "Africa/Monrovia"}) {
    std::optional<Zone> zone = LoadZone(name);
    ASSERT_TRUE(zone.has_value()) << name;
    Calendar calendar{.id = "zone", .zone = *std::move(zone)};
    calendar.week[0] = {{540, 1080}};
    EXPECT_THAT(CheckCalendar(calendar), ::testing::IsEmpty());
    for (size_t i = 1; i < calendar.zone.changes.size(); ++i) {
      EXPECT_NE(calendar.zone.changes[i - 1].offset, calendar.zone.changes[i].offset) << name;
    }
  }
}

TEST(ZonesTest, UnknownNamesAreNoZones) {
  for (const std::string_view name :
       {"", "Asia/Nowhere", "asia/shanghai", "Asia", "../zoneinfo/Asia/Shanghai",
        "/usr/share/zoneinfo/Asia/Shanghai", "EST5EDT,M3.2.0,M11.1.0", "tzdata.zi"}) {
    EXPECT_FALSE(LoadZone(name).has_value()) << name;
  }
}

TEST(ZonesTest, TheVersionNamesTheDataOrIsAHashOfThem) {
  const std::string file = ::testing::TempDir() + "zones_test_tzdata." + std::to_string(getpid());
  std::ofstream(file) << "# version 2031c\nR A 1916 o\n";
  EXPECT_EQ(ZoneDataVersion(file), "2031c");
  std::ofstream(file) << "R A 1916 o\n";
  EXPECT_THAT(ZoneDataVersion(file), MatchesRegex("sha256:[0-9a-f]{16}"));
  EXPECT_EQ(ZoneDataVersion(file), ZoneDataVersion("there/is/no/such/file"));
  std::filesystem::remove(file);
  EXPECT_THAT(ZoneDataVersion(), MatchesRegex("20[0-9][0-9][a-z]+|sha256:[0-9a-f]{16}"));
}

}  // namespace
}  // namespace rebound
