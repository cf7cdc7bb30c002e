#include "server/delivery/robot.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace rebound {
namespace {

constexpr char kRobotSecret[] = "SEC0123456789abcdef";
const Timestamp kSentAt = FromMillis(1'614'265'330'123);

// Signatures: Python's hmac over the vendors' recipes.
TEST(RobotTest, EachVendorGetsItsOwnBodyAndSignature) {
  struct Row {
    RobotKind kind;
    std::string url;
    std::string secret;
    std::string sent_to;
    std::string body;
  };
  const std::vector<Row> rows = {
      {RobotKind::kWeCom, "https://q/send?key=k", "", "https://q/send?key=k",
       R"({"msgtype":"text","text":{"content":"工单\n\"1\""}})"},
      {RobotKind::kDingTalk, "https://d/send?access_token=t", kRobotSecret,
       "https://d/send?access_token=t&timestamp=1614265330123&sign="
       "SPVrkikPbXAWv4ng1kYIuMr8EMLsoA5ulFC1E7ORbXM%3D",
       R"({"msgtype":"text","text":{"content":"工单\n\"1\""}})"},
      {RobotKind::kDingTalk, "https://d/send?access_token=t", "", "https://d/send?access_token=t",
       R"({"msgtype":"text","text":{"content":"工单\n\"1\""}})"},
      {RobotKind::kFeishu, "https://f/hook/t", kRobotSecret, "https://f/hook/t",
       R"({"timestamp":"1614265330","sign":"/uCEToN05A9r5T54IO0u38/2nlo9u9UiSWeYI4YUdPw=",)"
       R"("msg_type":"text","content":{"text":"工单\n\"1\""}})"},
      {RobotKind::kFeishu, "https://f/hook/t", "", "https://f/hook/t",
       R"({"msg_type":"text","content":{"text":"工单\n\"1\""}})"},
  };
  for (const Row& row : rows) {
    const HttpPost post = RobotPost(row.kind, row.url, row.secret, "工单\n\"1\"", kSentAt);
    EXPECT_EQ(post.url, row.sent_to);
    EXPECT_EQ(post.body, row.body);
  }
}

TEST(RobotTest, LongTextsAreCutBetweenCodePoints) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "断";
  for (const RobotKind kind : {RobotKind::kWeCom, RobotKind::kDingTalk, RobotKind::kFeishu}) {
    const auto body = nlohmann::json::parse(RobotPost(kind, "https://q/", "", text, kSentAt).body);
    const std::string sent =
        kind == RobotKind::kFeishu ? body["content"]["text"] : body["text"]["content"];
    EXPECT_LE(sent.size(), kind == RobotKind::kWeCom ? 2'048U : 15'000U);
    EXPECT_GE(sent.size(), kind == RobotKind::kWeCom ? 2'040U : 14'990U);
    ASSERT_TRUE(sent.ends_with("…"));
    EXPECT_TRUE(text.starts_with(sent.substr(0, sent.size() - 3)));
    EXPECT_EQ((sent.size() - 3) % 3, 0U);
  }
}

TEST(RobotTest, TheCodeInTheAnswerDecides) {
  struct Row {
    RobotKind kind;
    int status;
    std::string answer;
    DeliveryVerdict expected;
  };
  using V = DeliveryVerdict;
  const std::vector<Row> rows = {
      {RobotKind::kWeCom, 200, R"({"errcode":0,"errmsg":"ok"})", V::kDelivered},
      {RobotKind::kWeCom, 200, R"({"errcode":45009,"errmsg":"api freq out of limit"})",
       V::kSlowDown},
      {RobotKind::kWeCom, 200, R"({"errcode":93000,"errmsg":"invalid webhook url"})", V::kRefused},
      {RobotKind::kWeCom, 200, R"({"errcode":-1,"errmsg":"system busy"})", V::kRetry},
      {RobotKind::kDingTalk, 200, R"({"errcode":0,"errmsg":"ok"})", V::kDelivered},
      {RobotKind::kDingTalk, 200, R"({"errcode":130101,"errmsg":"send too fast"})", V::kSlowDown},
      {RobotKind::kDingTalk, 200, R"({"errcode":310000,"errmsg":"sign not match"})", V::kRefused},
      {RobotKind::kDingTalk, 200, R"({"errcode":300001,"errmsg":"token is not exist"})",
       V::kRefused},
      {RobotKind::kFeishu, 200, R"({"code":0,"msg":"success","data":{}})", V::kDelivered},
      {RobotKind::kFeishu, 200, R"({"StatusCode":0,"StatusMessage":"success"})", V::kDelivered},
      {RobotKind::kFeishu, 200, R"({"code":9499,"msg":"too many request"})", V::kSlowDown},
      {RobotKind::kFeishu, 200, R"({"code":11232,"msg":"frequency limited"})", V::kSlowDown},
      {RobotKind::kFeishu, 200, R"({"code":19021,"msg":"sign match fail"})", V::kRefused},
      {RobotKind::kFeishu, 400, R"({"code":19001,"msg":"incoming webhook access token invalid"})",
       V::kRefused},
      {RobotKind::kFeishu, 200, R"({"code":77777})", V::kRetry},
      {RobotKind::kFeishu, 200, "<html>", V::kRetry},
      {RobotKind::kFeishu, 200, "", V::kRetry},
      {RobotKind::kFeishu, 502, "", V::kSlowDown},
      {RobotKind::kFeishu, 500, R"({"code":0})", V::kRetry},
      {RobotKind::kFeishu, 410, "", V::kRefused},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(JudgeRobot(row.kind, {.end = TransferResult::End::kAnswered,
                                    .status = row.status,
                                    .answer = row.answer}),
              row.expected)
        << row.answer;
  }
  EXPECT_EQ(JudgeRobot(RobotKind::kWeCom, {.end = TransferResult::End::kTimedOut}), V::kRetry);
}

}  // namespace
}  // namespace rebound
