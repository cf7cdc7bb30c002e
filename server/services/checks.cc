#include "server/services/checks.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "server/services/status.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// "C-1042" of the letter C; 0: no such number.
int64_t NumberAfter(char letter, const std::string& value) {
  const bool number =
      value.size() > 2 && value.size() <= 20 && value[0] == letter && value[1] == '-' &&
      value[2] != '0' &&
      std::all_of(value.begin() + 2, value.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::strtoll(value.c_str() + 2, nullptr, 10) : 0;
}

// By id, or by a number like the example.
template <typename Ref, typename Id>
Ref NamedRecord(Checks& checks, const std::string& field, const std::string& value,
                std::string_view example) {
  if (value.empty()) {
    checks.Add(field, Reason::kRequiredFieldMissing);
    return {};
  }
  if (auto id = ParseId<Id>(value)) return {*id, 0};
  if (const int64_t number = NumberAfter(example.front(), value); number != 0) return {{}, number};
  checks.Add(
      field, Reason::kIdInvalid,
      {{"value", value.substr(0, 80)},
       {"expected", "26 lower-case base32 characters, or a number like " + std::string(example)}});
  return {};
}

}  // namespace

bool IsPlain(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

void Checks::Add(std::string field, Reason reason, Metadata metadata) {
  violations_.push_back({std::move(field), reason, std::move(metadata)});
}

void Checks::AddAll(std::vector<FieldViolation> violations) {
  for (FieldViolation& violation : violations) violations_.push_back(std::move(violation));
}

std::string Checks::Words(const std::string& field, const std::string& value, size_t limit) {
  if (value.find('\0') != std::string::npos) {
    Add(field, Reason::kNulNotAllowed);
    return {};
  }
  if (value.size() > limit) {
    if (const size_t length = CodePoints(value); length > limit) {
      Add(field, Reason::kTextTooLong,
          {{"value", std::to_string(length)}, {"expected", std::to_string(limit)}});
      return {};
    }
  }
  return value;
}

Text Checks::Personal(const std::string& field, const std::string& value, size_t limit) {
  return {{}, Words(field, value, limit)};
}

std::string Checks::Required(const std::string& field, const std::string& value, size_t limit) {
  if (value.empty()) Add(field, Reason::kRequiredFieldMissing);
  return Words(field, value, limit);
}

std::string Checks::Key(const std::string& field, const std::string& value, size_t limit) {
  if (value.empty()) return value;
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (control || value.front() == ' ' || value.back() == ' ' || CodePoints(value) > limit) {
    Add(field, Reason::kIdInvalid,
        {{"value", value.substr(0, 80)},
         {"expected", "at most " + std::to_string(limit) +
                          " characters without control characters or blanks at the ends"}});
    return {};
  }
  return value;
}

std::string Checks::Label(const std::string& field, const std::string& value) {
  if (value.empty()) Add(field, Reason::kRequiredFieldMissing);
  return Key(field, value, 64);
}

void Checks::Clear(const std::string& field, MaskKind kind, const std::string& value) {
  if (IsMasked(kind, value)) Add(field, Reason::kValueMasked);
}

ExternalKey Checks::External(const std::string& field, const api::ExternalKey& value) {
  ExternalKey key{value.source_system(), Key(field + ".external_id", value.external_id())};
  if (key.source_system.empty() || key.source_system.size() > 64 ||
      !IsPlain(key.source_system, "._-")) {
    Add(field + ".source_system", Reason::kIdInvalid,
        {{"value", value.source_system().substr(0, 80)},
         {"expected", "1-64 characters of [A-Za-z0-9._-]"}});
  }
  if (value.external_id().empty()) {
    Add(field + ".external_id", Reason::kRequiredFieldMissing);
  }
  Clear(field + ".external_id", MaskKind::kKey, value.external_id());
  return key;
}

Money Checks::Amount(const std::string& field, const api::Money& value) {
  const std::string& code = value.currency_code();
  const bool letters = code.size() == 3 && std::all_of(code.begin(), code.end(),
                                                       [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!letters || value.amount_minor() < 0 || value.amount_minor() > limits::kMoneyMinor) {
    Add(field, Reason::kMoneyInvalid,
        {{"value", std::to_string(value.amount_minor()) + " " + code.substr(0, 16)},
         {"expected", "0 to 10^15 minor units and an ISO 4217 code"}});
    return {};
  }
  return {value.amount_minor(), code};
}

int64_t Checks::Range(const std::string& field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return value;
  Add(field, Reason::kNumberOutOfRange,
      {{"value", std::to_string(value)},
       {"expected", std::to_string(low) + " to " + std::to_string(high)}});
  return low;
}

void Checks::Count(const std::string& field, int count, int limit) {
  if (count > limit) {
    Add(field, Reason::kTooManyItems,
        {{"value", std::to_string(count)}, {"expected", std::to_string(limit)}});
  }
}

std::optional<Timestamp> Checks::Time(const std::string& field,
                                      const google::protobuf::Timestamp& value) {
  // 0001-01-01 to 9999-12-31, as google.protobuf.Timestamp says.
  if (value.seconds() < -62'135'596'800 || value.seconds() > 253'402'300'799 || value.nanos() < 0 ||
      value.nanos() > 999'999'999) {
    Add(field, Reason::kTimestampOutOfRange,
        {{"value", std::to_string(value.seconds()) + " s " + std::to_string(value.nanos()) + " ns"},
         {"expected", "years 1 to 9999, nanoseconds 0 to 999999999"}});
    return std::nullopt;
  }
  return FromMillis(value.seconds() * 1000 + value.nanos() / 1'000'000);
}

CaseRef Checks::Ref(const std::string& field, const std::string& value) {
  return NamedRecord<CaseRef, CaseId>(*this, field, value, "C-1042");
}

EntryRef Checks::Entry(const std::string& field, const std::string& value) {
  return NamedRecord<EntryRef, BlacklistEntryId>(*this, field, value, "B-17");
}

void Checks::AddEnum(const std::string& field, int value,
                     const google::protobuf::EnumDescriptor* type) {
  const auto* known = type->FindValueByNumber(value);
  std::string names;
  for (int i = 1; i < type->value_count(); ++i) {
    names += (names.empty() ? "" : ", ") + type->value(i)->name();
  }
  Add(field, Reason::kEnumValueUnknown,
      {{"value", known != nullptr ? known->name() : std::to_string(value)},
       {"expected", "one of " + names}});
}

void NeedEtag(const std::string& etag, Checks& checks) {
  if (etag.empty()) checks.Add("etag", Reason::kEtagRequired);
}

bool NeedGrant(const char* field, bool has, bool value, Checks& checks) {
  if (!has) checks.Add(field, Reason::kRequiredFieldMissing);
  return value;
}

std::optional<int64_t> ParseEtag(const std::string& etag) {
  if (etag.empty()) return std::nullopt;
  const bool quoted =
      etag.size() > 2 && etag.size() < 22 && etag.front() == '"' && etag.back() == '"' &&
      std::all_of(etag.begin() + 1, etag.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  return quoted ? std::strtoll(etag.c_str() + 1, nullptr, 10) : -1;
}

std::string Etag(int64_t version) { return "\"" + std::to_string(version) + "\""; }

}  // namespace rebound
