#include "server/metrics.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "google/rpc/code.pb.h"
#include "server/log.h"

namespace rebound {
namespace {

using std::chrono::microseconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(MetricsTest, CallsAreCountedByMethodAndCode) {
  CallMetrics metrics({"p.S/B", "p.S/A"});
  EXPECT_THAT(metrics.Snapshot(), IsEmpty());
  metrics.Count("p.S/A", grpc::StatusCode::OK, microseconds(5));
  metrics.Count("/p.S/A", grpc::StatusCode::OK, microseconds(7));
  metrics.Count("p.S/A", grpc::StatusCode::UNAUTHENTICATED, microseconds(1));
  metrics.Count("p.S/B", grpc::StatusCode::NOT_FOUND, microseconds(2));
  metrics.Count("p.S/Unknown", grpc::StatusCode::UNIMPLEMENTED, microseconds(3));
  metrics.Count("p.S/B", grpc::StatusCode::DO_NOT_USE, microseconds(4));
  using Row = CallMetrics::Row;
  EXPECT_THAT(metrics.Snapshot(),
              ElementsAre(Row{"other", grpc::StatusCode::UNIMPLEMENTED, 1, microseconds(3)},
                          Row{"p.S/A", grpc::StatusCode::OK, 2, microseconds(12)},
                          Row{"p.S/A", grpc::StatusCode::UNAUTHENTICATED, 1, microseconds(1)},
                          Row{"p.S/B", grpc::StatusCode::UNKNOWN, 1, microseconds(4)},
                          Row{"p.S/B", grpc::StatusCode::NOT_FOUND, 1, microseconds(2)}));
}

TEST(MetricsTest, NoCountIsLostBetweenThreads) {
  CallMetrics metrics({"m"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics] {
      for (int i = 0; i < 10'000; ++i) metrics.Count("m", grpc::StatusCode::OK, microseconds(2));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics.Snapshot(), ElementsAre(CallMetrics::Row{"m", grpc::StatusCode::OK, 40'000,
                                                               microseconds(80'000)}));
}

TEST(MetricsTest, CodesHaveTheirCanonicalNames) {
  for (int code = 0; code <= 16; ++code) {
    EXPECT_EQ(Name(static_cast<grpc::StatusCode>(code)),
              google::rpc::Code_Name(static_cast<google::rpc::Code>(code)));
  }
  EXPECT_EQ(Name(grpc::StatusCode::DO_NOT_USE), "UNKNOWN");
}

TEST(LogTest, ALineIsOneJsonObject) {
  EXPECT_EQ(LogLine(FromMillis(1'769'847'330'007), Level::kWarning, "call",
                    {{"rpc", "CaseService/GetCase"},
                     {"micros", 1234},
                     {"rows", size_t{7}},
                     {"replayed", true},
                     {"share", 0.5}}),
            "{\"time\":\"2026-01-31T08:15:30.007Z\",\"level\":\"warning\",\"msg\":\"call\","
            "\"rpc\":\"CaseService/GetCase\",\"micros\":1234,\"rows\":7,\"replayed\":true,"
            "\"share\":0.5}\n");
}

TEST(LogTest, TimesBeforeTheEpochAreWrittenToo) {
  EXPECT_TRUE(LogLine(FromMillis(-1), Level::kInfo, "", {})
                  .starts_with("{\"time\":\"1969-12-31T23:59:59.999Z\""));
}

// Every byte, alone and inside a text: the line stays one line of valid JSON without controls.
TEST(LogTest, NoByteCanBreakALine) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value = std::string("a") + static_cast<char>(byte) + "b\"\\";
    const std::string line = LogLine(FromMillis(0), Level::kInfo, value, {{"key", value}});
    EXPECT_EQ(line.find('\n'), line.size() - 1) << byte;
    for (char c : line.substr(0, line.size() - 1)) {
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) << byte;
    }
    google::protobuf::Struct parsed;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &parsed).ok()) << line;
    const std::string& back = parsed.fields().at("key").string_value();
    EXPECT_EQ(back, byte < 0x80 ? value : "a\uFFFDb\"\\");
  }
}

TEST(LogTest, NumbersThatJsonLacksAreNull) {
  const std::string line =
      LogLine(FromMillis(0), Level::kError, "修复率 ok",
              {{"nan", std::nan("")}, {"inf", std::numeric_limits<double>::infinity()}});
  EXPECT_NE(line.find("\"msg\":\"修复率 ok\",\"nan\":null,\"inf\":null}"), std::string::npos)
      << line;
}

TEST(LogTest, LinesGoToStandardErrorFromTheLowestLevelOn) {
  ManualClock clock(FromMillis(0));
  testing::internal::CaptureStderr();
  SetUpLog(&clock, Level::kWarning);
  Log(Level::kInfo, "quiet");
  Log(Level::kError, "loud", {{"code", "INTERNAL"}});
  SetUpLog(nullptr, Level::kInfo);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"error\",\"msg\":\"loud\","
            "\"code\":\"INTERNAL\"}\n");
}

}  // namespace
}  // namespace rebound
