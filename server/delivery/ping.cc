#include "server/delivery/ping.h"

#include <utility>

#include "server/delivery/mail.h"
#include "server/delivery/retry.h"
#include "server/delivery/robot.h"
#include "server/delivery/webhook.h"
#include "workflows/check.h"

namespace rebound {
namespace {

struct PingWords {
  const char* subject;
  const char* text;
};

PingWords WordsIn(const std::string& language) {
  if (language.starts_with("en")) {
    return {"Rebound: test", "This is a test of Rebound. What you asked for will be sent here.\n"};
  }
  return {"Rebound：测试", "这是 Rebound 的测试消息。您订阅的事件将发送到这里。\n"};
}

PingResult ToPing(TransferResult result, DeliveryVerdict verdict) {
  return {.delivered = verdict == DeliveryVerdict::kDelivered,
          .status = result.status,
          .answer = result.answer.empty() && result.end != TransferResult::End::kAnswered
                        ? std::move(result.detail)
                        : std::move(result.answer),
          .took = result.took};
}

HttpPost WebhookPing(const DeliveryOptions& options, const Endpoint& endpoint,
                     const std::string& id, Timestamp now) {
  api::Event event;
  event.set_id(id);
  event.set_type("Ping");
  for (auto* time : {event.mutable_occur_time(), event.mutable_record_time()}) {
    const int64_t millis = ToMillis(now);
    time->set_seconds(millis / 1'000);
    time->set_nanos(static_cast<int32_t>(millis % 1'000 * 1'000'000));
  }
  return WebhookPost({endpoint.url, endpoint.headers, SigningKeysAt(endpoint, now)}, id, now, event,
                     options.source);
}

Mail MailPing(const SmtpOptions& smtp, const Endpoint& endpoint, const std::string& id,
              Timestamp now) {
  const PingWords words = WordsIn(endpoint.language);
  const std::string message = MailMessage({.from_name = smtp.from_name,
                                           .from = smtp.from,
                                           .to = endpoint.recipients,
                                           .subject = words.subject,
                                           .text = words.text,
                                           .message_id = id + smtp.from.substr(smtp.from.find('@')),
                                           .date = now});
  return {.server = smtp.server,
          .user = smtp.user,
          .password = smtp.password,
          .require_tls = smtp.require_tls,
          .sender = smtp.from,
          .recipients = endpoint.recipients,
          .message = message};
}

}  // namespace

std::vector<std::string> SigningKeysAt(const Endpoint& endpoint, Timestamp now) {
  std::vector<std::string> keys = endpoint.secrets;
  const bool previous_signs = endpoint.previous_until && now < *endpoint.previous_until;
  if (!previous_signs && keys.size() > 1) keys.resize(1);
  return keys;
}

void SendPing(Transfers& transfers, const DeliveryOptions& options, const Endpoint& endpoint,
              const RawId& id, Timestamp now, std::function<void(PingResult)> done) {
  const std::string name = ToString(id);
  const auto to_robot = [&](RobotKind kind) {
    const std::string secret = endpoint.secrets.empty() ? "" : endpoint.secrets.front();
    transfers.Post(RobotPost(kind, endpoint.url, secret, WordsIn(endpoint.language).text, now),
                   [kind, done = std::move(done)](TransferResult result) {
                     const DeliveryVerdict verdict = JudgeRobot(kind, result);
                     done(ToPing(std::move(result), verdict));
                   });
  };
  switch (endpoint.kind) {
    case EndpointKind::kWebhook:
      return transfers.Post(WebhookPing(options, endpoint, name, now),
                            [done = std::move(done)](TransferResult result) {
                              const DeliveryVerdict verdict = Judge(result);
                              done(ToPing(std::move(result), verdict));
                            });
    case EndpointKind::kEmail:
      CHECK(options.smtp);
      return transfers.Send(MailPing(*options.smtp, endpoint, name, now),
                            [done = std::move(done)](TransferResult result) {
                              const DeliveryVerdict verdict = JudgeMail(result);
                              done(ToPing(std::move(result), verdict));
                            });
    case EndpointKind::kWecom: return to_robot(RobotKind::kWeCom);
    case EndpointKind::kDingtalk: return to_robot(RobotKind::kDingTalk);
    case EndpointKind::kFeishu: return to_robot(RobotKind::kFeishu);
  }
  CHECK(false);
}

}  // namespace rebound
