#include "server/delivery/robot.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "server/delivery/signing.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr std::string_view kEllipsis = "…";

std::string Shortened(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  return std::string(CutAtCodePoint(text, bytes - kEllipsis.size())) + std::string(kEllipsis);
}

std::string PercentEncoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain) {
      encoded += c;
      continue;
    }
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return encoded;
}

bool IsOneOf(int64_t code, std::initializer_list<int64_t> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

std::string_view RobotHost(RobotKind kind) {
  switch (kind) {
    case RobotKind::kWeCom: return "qyapi.weixin.qq.com";
    case RobotKind::kDingTalk: return "oapi.dingtalk.com";
    case RobotKind::kFeishu: return "open.feishu.cn";
  }
  CHECK(false);
  return {};
}

int RobotMessagesPerMinute(RobotKind kind) { return kind == RobotKind::kFeishu ? 100 : 20; }

HttpPost RobotPost(RobotKind kind, std::string_view url, std::string_view secret,
                   std::string_view text, Timestamp now) {
  const std::string content = Shortened(text, kind == RobotKind::kWeCom ? 2'048 : 15'000);
  HttpPost post{.url = std::string(url)};
  nlohmann::ordered_json body;
  if (kind == RobotKind::kFeishu) {
    if (!secret.empty()) {
      const std::string seconds = std::to_string(ToMillis(now) / 1'000);
      body["timestamp"] = seconds;
      // The text is the key, and the message is empty.
      body["sign"] = PaddedBase64(HmacSha256(seconds + "\n" + std::string(secret), ""));
    }
    body["msg_type"] = "text";
    body["content"]["text"] = content;
  } else {
    body["msgtype"] = "text";
    body["text"]["content"] = content;
  }
  if (kind == RobotKind::kDingTalk && !secret.empty()) {
    const std::string millis = std::to_string(ToMillis(now));
    const std::string sign = PaddedBase64(HmacSha256(secret, millis + "\n" + std::string(secret)));
    post.url += post.url.find('?') == std::string::npos ? '?' : '&';
    post.url += "timestamp=" + millis + "&sign=" + PercentEncoded(sign);
  }
  post.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  post.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return post;
}

DeliveryVerdict JudgeRobot(RobotKind kind, const TransferResult& result) {
  const DeliveryVerdict by_status = Judge(result);
  if (by_status == DeliveryVerdict::kGone) return DeliveryVerdict::kRefused;
  const auto answer = nlohmann::json::parse(result.answer, nullptr, false);
  int64_t code = -1;
  bool found = false;
  if (answer.is_object()) {
    // Feishu's older robots say StatusCode.
    for (const char* name : {"errcode", "code", "StatusCode"}) {
      const auto member = answer.find(name);
      if (member == answer.end() || !member->is_number_integer()) continue;
      code = member->get<int64_t>();
      found = true;
      break;
    }
  }
  if (!found) {
    return by_status == DeliveryVerdict::kDelivered ? DeliveryVerdict::kRetry : by_status;
  }
  if (code == 0) return by_status;
  bool slow = false;
  bool refused = false;
  switch (kind) {
    case RobotKind::kWeCom:
      slow = IsOneOf(code, {45009, 45033});
      refused = IsOneOf(code, {93000, 93004, 93008, 40008, 40035, 40058, 44004, 45002, 60020});
      break;
    case RobotKind::kDingTalk:
      slow = IsOneOf(code, {130101, 410100, 90018});
      refused = IsOneOf(code, {300001, 300005, 310000, 400101, 400102, 400105, 400106, 40035, 43004,
                               430101, 430102, 430103, 430104, 460101});
      break;
    case RobotKind::kFeishu:
      slow = IsOneOf(code, {9499, 11232});
      refused = IsOneOf(code, {19001, 19002, 19021, 19022, 19024, 10003});
      break;
  }
  if (slow) return DeliveryVerdict::kSlowDown;
  return refused ? DeliveryVerdict::kRefused : DeliveryVerdict::kRetry;
}

}  // namespace rebound
