// Where the API and the domain meet: the only place that knows both. Towards the domain every field
// is checked for shape, and every fault found is reported; towards the API nothing can fail.
// Thread-safe: no state.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rebound/v1/case.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config.pb.h"
#include "rebound/v1/customer.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/program.pb.h"
#include "rebound/v1/response.pb.h"
#include "server/config/config.h"
#include "server/storage/store.h"
#include "workflows/command.h"
#include "workflows/decide.h"
#include "workflows/event.h"
#include "workflows/revision.h"

namespace rebound {

namespace api = ::rebound::v1;

// Gathers what is wrong with a request, all of it, with the path of each field.
class Checks {
 public:
  void Add(std::string field, Reason reason, Metadata metadata = {});
  void AddAll(std::vector<FieldViolation> violations);
  bool ok() const { return violations_.empty(); }
  // REQUIRES: !ok().
  Error ToError() && { return rebound::ToError(std::move(violations_)); }

  // Each returns the value, or a harmless one when it is at fault.
  // Free text of at most `limit` code points, without NUL.
  std::string Words(const std::string& field, const std::string& value, size_t limit);
  Text Personal(const std::string& field, const std::string& value, size_t limit);
  // Words that are required.
  std::string Required(const std::string& field, const std::string& value, size_t limit);
  // A key, path or reference: at most `limit` characters, no control characters, no blanks at the
  // ends.
  std::string Key(const std::string& field, const std::string& value, size_t limit = 200);
  // A word of a list of the configuration, or a status: required, at most 64 characters.
  std::string Label(const std::string& field, const std::string& value);
  ExternalKey External(const std::string& field, const api::ExternalKey& value);
  Money Amount(const std::string& field, const api::Money& value);
  int64_t Range(const std::string& field, int64_t value, int64_t low, int64_t high);
  void Count(const std::string& field, int count, int limit);
  // Nanoseconds are cut to milliseconds. nullopt when the value is no time at all.
  std::optional<Timestamp> Time(const std::string& field, const google::protobuf::Timestamp& value);
  CaseRef Ref(const std::string& field, const std::string& value);

  template <typename IdType>
  IdType ParseId(const std::string& field, const std::string& value) {
    if (value.empty()) return {};
    if (auto id = rebound::ParseId<IdType>(value)) return *id;
    Add(field, Reason::kIdInvalid,
        {{"value", value.substr(0, 80)}, {"expected", "26 lower-case base32 characters"}});
    return {};
  }

  // Enums have the same numbers here and in the API; a test walks them. `required`: not the zero.
  template <typename E, typename A>
  E Enum(const std::string& field, A value, bool required) {
    const bool known = google::protobuf::GetEnumDescriptor<A>()->FindValueByNumber(
                           static_cast<int>(value)) != nullptr;
    if (!known || (required && static_cast<int>(value) == 0)) {
      AddEnum(field, static_cast<int>(value), google::protobuf::GetEnumDescriptor<A>());
      return E{};
    }
    return static_cast<E>(static_cast<int>(value));
  }

 private:
  void AddEnum(const std::string& field, int value, const google::protobuf::EnumDescriptor* type);

  std::vector<FieldViolation> violations_;
};

// A stale or malformed etag never matches: -1. Empty: nullopt.
std::optional<int64_t> ParseEtag(const std::string& etag);
std::string Etag(int64_t version);

// `path` is the field's path in the request, e.g. "response" or "responses[3]". The configuration's
// rules (CheckSubmit) are checked along with the shape.
SubmitResponse ToSubmit(const api::Response& response, const std::string& path,
                        const Revision& revision, Timestamp now, bool history, Checks& checks);
OpenCase ToOpenCase(const api::Case& c, Checks& checks);
Attempt ToAttempt(const api::Attempt& attempt, Checks& checks, bool* occurred_now);
Commitment ToCommitment(const api::Commitment& commitment, Checks& checks);
Remedy ToRemedy(const api::Remedy& remedy, Checks& checks);
Verification ToVerification(const api::Verification& verification, Checks& checks);
RequestExtension ToExtension(const api::ExtendCaseRequest& request, Checks& checks);
UpsertCustomer ToUpsert(const api::UpsertCustomerRequest& request, Checks& checks);
SetCustomerConsent ToConsent(const api::SetCustomerConsentRequest& request, Timestamp now,
                             Checks& checks);

// kBasic: for lists; without texts, timers and allowed commands, and of clocks only what a queue
// shows.
enum class View { kBasic, kFull };

void Fill(const Response& response, View view, api::Response* out);
// Clocks are read at `now`. `revision`: the one that the case follows.
void Fill(const Case& c, View view, const Revision& revision, Timestamp now, api::Case* out);
void Fill(const Customer& customer, View view, api::Customer* out);
void Fill(const Program& program, int64_t revision, api::Program* out);
void Fill(const Event& event, api::CaseEvent* out);
void Fill(const Lifecycle& lifecycle, int64_t revision, api::Lifecycle* out);
void Fill(const StoredRevision& revision, int64_t in_force, api::ConfigRevision* out);
void Fill(const ConfigError& fault, std::string_view language, api::ConfigFault* out);
void Fill(const RuleTestResult& result, api::RuleTestResult* out);
// "lifecycle.yaml:12:5", or the file's name alone.
std::string PlaceOf(const ConfigError& fault);
void Fill(Timestamp time, google::protobuf::Timestamp* out);
void Fill(Duration d, google::protobuf::Duration* out);

}  // namespace rebound
