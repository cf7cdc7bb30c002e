// Robots of group chats: 企业微信 (WeCom), 钉钉 (DingTalk), 飞书 (Feishu). Each takes a POST of
// JSON at a url that holds its key, and answers 200 with a code of its own.
#pragma once

#include <string>
#include <string_view>

#include "server/delivery/retry.h"
#include "server/delivery/transfer.h"
#include "workflows/time.h"

namespace rebound {

enum class RobotKind { kWeCom, kDingTalk, kFeishu };

// The vendor's own host: "qyapi.weixin.qq.com". Private deployments have others.
std::string_view RobotHost(RobotKind kind);

// How many messages a minute one robot takes: 20, 20, 100.
int RobotMessagesPerMinute(RobotKind kind);

// A plain text message, cut at a code point to what the vendor takes (2,048 bytes of WeCom, 15,000
// of the others), with "…" at its end.
// `secret` is what the vendor shows for signing; empty: the robot does not ask for it. WeCom has
// none. DingTalk's signature goes into the query, Feishu's into the body; both hold for an hour, so
// that each try is made anew.
HttpPost RobotPost(RobotKind kind, std::string_view url, std::string_view secret,
                   std::string_view text, Timestamp now);

// By the code in the answer: delivered; too many messages: slow down; the vendor is busy or no
// answer came: retry; unknown robot, wrong signature, a word or address that its settings refuse:
// refused for good, until a person mends the endpoint.
DeliveryVerdict JudgeRobot(RobotKind kind, const TransferResult& result);

}  // namespace rebound
