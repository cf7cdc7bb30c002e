// The API's values as people write and read them on the command line: times, money, enums, keys.
// Pure functions but for NewRequestId and relative times; thread-safe.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rebound/v1/common.pb.h"

namespace rebound::cli {

// "2026-01-31T08:00:00Z", with milliseconds if there are any; UTC.
std::string FormatTime(const google::protobuf::Timestamp& time);

// The same without milliseconds, for people.
std::string FormatTimeSeconds(const google::protobuf::Timestamp& time);

// So if it is there, else "".
inline std::string TimeOr(bool present, const google::protobuf::Timestamp& time) {
  return present ? FormatTimeSeconds(time) : "";
}

// "2026-01-31 08:00" for narrow tables; UTC.
std::string FormatTimeShort(const google::protobuf::Timestamp& time);

// RFC 3339, "2026-01-31" or "2026-01-31 08:00" in UTC, or "+30m", "+2h", "+3d" from now on.
// Otherwise nothing, and `*reason` says what was expected.
std::optional<google::protobuf::Timestamp> ReadTime(std::string_view text, std::string* reason);

google::protobuf::Timestamp TimeOfMillis(int64_t ms);

// "30m", "4h" or "2d". Otherwise nothing, and `*reason` says what was expected.
std::optional<google::protobuf::Duration> ReadSpan(std::string_view text, std::string* reason);

// Seconds as people say them, cut to the last unit shown: "2 h 10 min", "3 d 4 h", "45 s"; in
// Chinese "2 小时 10 分", "3 天 4 小时", "45 秒". Without `days` hours are the longest unit: of
// working time, a day is no fixed number of hours. REQUIRES: seconds >= 0.
std::string SpanWords(int64_t seconds, bool days, bool chinese);

// The longest units that are exact, at most two: "30 days", "1 day 12 h", "90 s".
std::string FormatDuration(const google::protobuf::Duration& duration);

// "CNY 12.50", "JPY 1250": code, then the amount with as many decimals as ISO 4217 gives it.
std::string FormatMoney(const v1::Money& money);

// "CNY 12.50" or "12.50 CNY", no more decimals than the currency has. Otherwise nothing and a
// reason. Never rounds.
std::optional<v1::Money> ReadMoney(std::string_view text, std::string* reason);

// "SOURCE:KEY", split at the first colon; nothing if either side is empty.
std::optional<v1::ExternalKey> ReadKey(std::string_view text);
std::string FormatKey(const v1::ExternalKey& key);

// A random UUID, as the API's request ids allow it.
std::string NewRequestId();

// 0.05611 as "5.61 %".
std::string Percent(double share);

// Fixed decimals; never "-0.00".
std::string Decimal(double value, int decimals);

// The names people use for an enum's values: without prefix, in lower case, without the
// unspecified one: "phone", "no_answer".
std::vector<std::string> EnumNames(const google::protobuf::EnumDescriptor* type);

// "" for unspecified, the number for a value this client does not know.
std::string EnumName(const google::protobuf::EnumDescriptor* type, int value);

// Takes any case, and - for _.
std::optional<int> EnumValue(const google::protobuf::EnumDescriptor* type, std::string_view name);

template <class Enum>
std::string EnumName(Enum value) {
  return EnumName(google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

}  // namespace rebound::cli
