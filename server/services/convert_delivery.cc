#include "server/services/convert_delivery.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>
#include <utility>

#include "server/delivery/mail.h"
#include "server/delivery/signing.h"
#include "server/delivery/target.h"
#include "server/delivery/webhook.h"
#include "server/services/convert.h"

namespace rebound {
namespace {

constexpr int kMostRecipients = 50;
constexpr size_t kLongestSecret = 200;
constexpr std::string_view kHiddenPart = "***";

bool IsRobotKind(EndpointKind kind) {
  return kind == EndpointKind::kWecom || kind == EndpointKind::kDingtalk ||
         kind == EndpointKind::kFeishu;
}

// The key of a robot is in the query; Feishu's is the last part of the path, which a query or
// slashes may follow.
std::string WithoutKey(EndpointKind kind, const std::string& url) {
  const size_t query = url.find('?');
  if (kind != EndpointKind::kFeishu) {
    return query == std::string::npos ? url : url.substr(0, query + 1) + std::string(kHiddenPart);
  }
  size_t end = std::min(query, url.size());
  while (end > 0 && url[end - 1] == '/') --end;
  const size_t last = url.substr(0, end).rfind('/');
  return (last == std::string::npos ? "" : url.substr(0, last + 1)) + std::string(kHiddenPart);
}

void ReadUrl(const std::string& url, const DeliveryOptions& settings, Checks& checks,
             Endpoint* to) {
  constexpr const char* kField = "endpoint.url";
  if (to->kind == EndpointKind::kEmail) {
    if (!url.empty()) {
      checks.Add(kField, Reason::kIdInvalid,
                 {{"value", ""}, {"expected", "none: e-mail has recipients"}});
    }
    return;
  }
  if (url.empty()) return checks.Add(kField, Reason::kRequiredFieldMissing);
  if (IsRobotKind(to->kind) && url.ends_with(kHiddenPart))
    return checks.Add(kField, Reason::kValueMasked);
  auto target = ReadTarget(settings.transfers.targets, kField, url);
  if (!target) return checks.AddAll(std::move(target).error().violations);
  to->url = std::move(target->url);
}

void ReadRecipients(const api::Endpoint& in, Checks& checks, Endpoint* to) {
  const std::string field = "endpoint.recipients";
  checks.Count(field, in.recipients_size(), kMostRecipients);
  to->recipients.clear();
  if (to->kind != EndpointKind::kEmail) {
    if (in.recipients_size() > 0) {
      checks.Add(field, Reason::kIdInvalid,
                 {{"value", ""}, {"expected", "none: only e-mail has recipients"}});
    }
    return;
  }
  if (in.recipients().empty()) checks.Add(field, Reason::kRequiredFieldMissing);
  for (int i = 0; i < std::min(in.recipients_size(), kMostRecipients); ++i) {
    const std::string& address = in.recipients(i);
    if (!IsMailAddress(address)) {
      checks.Add(field + "[" + std::to_string(i) + "]", Reason::kIdInvalid,
                 {{"value", Mask(MaskKind::kContact, address).substr(0, 80)},
                  {"expected", "an e-mail address like name@example.com"}});
    } else if (std::find(to->recipients.begin(), to->recipients.end(), address) ==
               to->recipients.end()) {
      to->recipients.push_back(address);
    }
  }
}

void ReadHeaders(const api::Endpoint& in, Checks& checks, Endpoint* to) {
  const std::string field = "endpoint.headers";
  // A map has no order of its own.
  const std::map<std::string, std::string> sorted(in.headers().begin(), in.headers().end());
  to->headers.assign(sorted.begin(), sorted.end());
  if (to->kind != EndpointKind::kWebhook && !sorted.empty()) {
    return checks.Add(field, Reason::kHeaderNotAllowed);
  }
  if (auto allowed = CheckHeaders(field, to->headers); !allowed) {
    return checks.AddAll(std::move(allowed).error().violations);
  }
  for (size_t i = 0; i < to->headers.size(); ++i) {
    if (to->headers[i].second != kHiddenPart) continue;
    checks.Add(field + "[" + std::to_string(i) + "].value", Reason::kValueMasked);
  }
}

}  // namespace

void ReadEndpoint(const api::Endpoint& in, const std::vector<std::string>& paths,
                  const DeliveryOptions& settings, Checks& checks, Endpoint* to) {
  for (const std::string& path : paths) {
    if (path == "url") ReadUrl(in.url(), settings, checks, to);
    if (path == "recipients") ReadRecipients(in, checks, to);
    if (path == "headers") ReadHeaders(in, checks, to);
    if (path == "language") {
      to->language = in.language();
      if (!in.language().empty() && in.language() != "en" && in.language() != "zh") {
        checks.Add("endpoint.language", Reason::kIdInvalid,
                   {{"value", in.language().substr(0, 80)}, {"expected", "en or zh"}});
      }
    }
  }
}

std::string ReadRobotSecret(EndpointKind kind, const std::string& secret, bool required,
                            Checks& checks) {
  constexpr const char* kField = "robot_secret";
  const bool has = kind == EndpointKind::kDingtalk || kind == EndpointKind::kFeishu;
  if (secret.empty()) {
    if (required && has) checks.Add(kField, Reason::kRequiredFieldMissing);
    return secret;
  }
  const bool printable =
      std::all_of(secret.begin(), secret.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!has || !printable || secret.size() > kLongestSecret) {
    checks.Add(kField, Reason::kIdInvalid,
               {{"value", ""},
                {"expected", has ? "1 to 200 characters of ASCII, as the vendor shows it"
                                 : "none: the endpoint is no robot that has one"}});
  }
  return secret;
}

void Fill(const Endpoint& endpoint, Timestamp now, api::Endpoint* out) {
  out->set_id(ToString(endpoint.id));
  out->set_owner(endpoint.owner);
  out->set_kind(static_cast<api::EndpointKind>(endpoint.kind));
  out->set_url(IsRobotKind(endpoint.kind) ? WithoutKey(endpoint.kind, endpoint.url) : endpoint.url);
  for (const std::string& address : endpoint.recipients) out->add_recipients(address);
  if (!endpoint.filter.empty()) out->mutable_filter()->ParseFromString(endpoint.filter);
  out->set_language(endpoint.language);
  for (const auto& [name, value] : endpoint.headers) (*out->mutable_headers())[name] = kHiddenPart;
  out->set_state(static_cast<api::EndpointState>(endpoint.state));
  out->set_disabled_cause(static_cast<api::EndpointDisabledCause>(endpoint.cause));
  Fill(endpoint.created_at, out->mutable_create_time());
  if (endpoint.previous_until && now < *endpoint.previous_until) {
    Fill(*endpoint.previous_until, out->mutable_previous_secret_end_time());
  }
}

void Fill(const Delivery& delivery, api::Delivery* out) {
  out->set_id(ToString(delivery.id));
  out->set_endpoint_id(ToString(delivery.endpoint));
  out->set_event_sequence(delivery.sequence);
  out->set_event_type(delivery.event_type);
  if (delivery.case_id) out->set_case_id(ToString(*delivery.case_id));
  out->set_state(static_cast<api::DeliveryState>(delivery.state));
  out->set_num_tries(delivery.tries);
  if (delivery.next_try_at) Fill(*delivery.next_try_at, out->mutable_next_try_time());
  if (delivery.tried_at) Fill(*delivery.tried_at, out->mutable_last_try_time());
  out->set_last_status(delivery.last_status);
  out->set_last_answer(ShownAnswer(delivery.last_answer, kShownAnswer));
}

std::string PublicKeyOf(const Endpoint& endpoint) {
  const bool is_ed25519 = endpoint.kind == EndpointKind::kWebhook && !endpoint.secrets.empty() &&
                          endpoint.secrets.front().starts_with("whsk_");
  return is_ed25519 ? PublicKeyOf(std::string_view(endpoint.secrets.front())) : "";
}

std::string ShownAnswer(std::string_view answer, size_t most) {
  constexpr std::string_view kReplacement = "\uFFFD";
  std::string shown;
  while (!answer.empty() && shown.size() < most) {
    utf8proc_int32_t code = -1;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(answer.data()),
                                       static_cast<utf8proc_ssize_t>(answer.size()), &code);
    const size_t taken = size > 0 ? static_cast<size_t>(size) : 1;
    const bool fit = size > 0 && (utf8proc_category(code) != UTF8PROC_CATEGORY_CC || code == '\n' ||
                                  code == '\t');
    shown += fit ? answer.substr(0, taken) : kReplacement;
    answer.remove_prefix(taken);
  }
  return std::string(CutAtCodePoint(shown, most));
}

}  // namespace rebound
