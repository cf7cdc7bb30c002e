// What the gateway itself refuses, as statuses like those of the services.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string_view>

#include "rebound/v1/gateway_error_reason.pb.h"
#include "server/gateway/strict_json.h"
#include "workflows/result.h"

namespace rebound {

struct GatewayRefusal {
  v1::GatewayErrorReason reason = v1::GATEWAY_ERROR_REASON_UNSPECIFIED;
  Metadata metadata{};
};

// Its row: the canonical code, the HTTP status where it is not the code's own (else 0), and the
// words, see ReasonText.
struct GatewayReasonText {
  v1::GatewayErrorReason reason;
  grpc::StatusCode code;
  int http_status;
  std::string_view english;
  std::string_view chinese;
};
const GatewayReasonText& TextOf(v1::GatewayErrorReason reason);

// The value's name without its prefix, e.g. "JSON_INVALID".
std::string_view Name(v1::GatewayErrorReason reason);

// ErrorInfo, BadRequest when a field is at fault, LocalizedMessage in `language`.
grpc::Status ToStatus(const GatewayRefusal& refusal, std::string_view language);

GatewayRefusal ToRefusal(const JsonFault& fault);

}  // namespace rebound
