// Refusals as gRPC statuses: the one place where a Reason gets a canonical code and words.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "workflows/reason.h"
#include "workflows/result.h"

namespace rebound {

// The language of LocalizedMessage and of Render when the caller names none.
inline constexpr std::string_view kDefaultLanguage = "zh-CN";

// "en" and "en-...", in any case; everything else is answered in Chinese.
bool IsEnglish(std::string_view language);

// The words of one reason. {name} stands for the metadata value of that name, nothing when it is
// absent; a part in square brackets is left out when a value in it is empty or absent.
struct ReasonText {
  Reason reason;
  grpc::StatusCode code;
  std::string_view english;
  std::string_view chinese;
};

// The row of `reason`. There is one for every Reason.
const ReasonText& TextOf(Reason reason);

// `error` in the language: expectation, fact, what to do. "en" and "en-..." give English,
// everything else Chinese. For several fields at fault their texts follow the sentence. Values are
// shown on one line and cut after 200 code points.
std::string Render(const Error& error, std::string_view language = kDefaultLanguage);
// One field at fault, likewise. A kConfigInvalid brings its own words, as the metadata "en" and
// "zh".
std::string Render(const FieldViolation& violation, std::string_view language = kDefaultLanguage);

// The status that a caller gets. The message is English; the details are a google.rpc.Status with
//   ErrorInfo            always: Name(reason), domain "rebound", the metadata
//   BadRequest           every violation, with its own reason's English text
//   PreconditionFailure  FAILED_PRECONDITION: one violation {type: the reason, subject: the
//   record};
//                        kTransitionNotAllowed: one {type: ALLOWED_COMMAND, subject: the command}
//                        for each allowed command; kCaseStatusNotInRevision: ALLOWED_STATUS
//   RetryInfo            kQueueFull, kRequestInProgress, kStoreUnavailable, kSignInThrottled
//   LocalizedMessage     Render in `language`
// Trailing metadata is limited to 8 KiB by most clients: violations beyond 3 KiB are left out and
// counted in the metadata as "violations_omitted".
grpc::Status ToStatus(const Error& error, std::string_view language = kDefaultLanguage);

}  // namespace rebound
