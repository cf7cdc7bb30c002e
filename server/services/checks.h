// What a request may be wrong in by its shape alone: lengths, characters, ids, enums, times.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rebound/v1/case.pb.h"
#include "server/access/mask.h"
#include "workflows/command.h"
#include "workflows/decide.h"
#include "workflows/ids.h"
#include "workflows/limits.h"

namespace rebound {

namespace api = ::rebound::v1;

// Only letters, digits and the characters of `also`.
bool IsPlain(std::string_view text, std::string_view also);

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
  // kValueMasked where the value is what a role sees that does not see contact data.
  void Clear(const std::string& field, MaskKind kind, const std::string& value);
  ExternalKey External(const std::string& field, const api::ExternalKey& value);
  Money Amount(const std::string& field, const api::Money& value);
  int64_t Range(const std::string& field, int64_t value, int64_t low, int64_t high);
  void Count(const std::string& field, int count, int limit);
  // Nanoseconds are cut to milliseconds. nullopt when the value is no time at all.
  std::optional<Timestamp> Time(const std::string& field, const google::protobuf::Timestamp& value);
  CaseRef Ref(const std::string& field, const std::string& value);
  EntryRef Entry(const std::string& field, const std::string& value);

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

// For verbs that decide: about what the caller saw, and nothing else.
void NeedEtag(const std::string& etag, Checks& checks);
// A yes or no that has to be said.
bool NeedGrant(const char* field, bool has, bool value, Checks& checks);

// A stale or malformed etag never matches: -1. Empty: nullopt.
std::optional<int64_t> ParseEtag(const std::string& etag);
std::string Etag(int64_t version);

}  // namespace rebound
