#include "clients/cli/values.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include "clients/cli/mapping.h"
#include "workflows/currency.h"

namespace rebound::cli {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::Timestamp;

bool IsCurrencyCode(std::string_view text) {
  return text.size() == 3 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return lower;
}

// The common prefix of a type's values, which the API writes in front of UNSPECIFIED.
std::string_view Prefix(const EnumDescriptor* type) {
  constexpr std::string_view kUnspecified = "UNSPECIFIED";
  std::string_view name = type->value(0)->name();
  if (name.ends_with(kUnspecified)) name.remove_suffix(kUnspecified.size());
  return name;
}

// "+2h" in milliseconds; nothing if it is no such thing or too far.
std::optional<int64_t> ReadRelative(std::string_view text) {
  constexpr int64_t kMinute = 60'000;
  constexpr int64_t kMost = 36'525;  // a hundred years in days, and fewer hours or minutes
  if (text.size() < 3 || text.front() != '+') return std::nullopt;
  int64_t count = 0;
  const char* end = text.data() + text.size() - 1;
  const auto [stop, fault] = std::from_chars(text.data() + 1, end, count);
  if (fault != std::errc() || stop != end || count < 0 || count > kMost) return std::nullopt;
  if (*end == 'm') return count * kMinute;
  if (*end == 'h') return count * 60 * kMinute;
  if (*end == 'd') return count * 24 * 60 * kMinute;
  return std::nullopt;
}

int64_t MillisOf(const Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1'000'000; }

}  // namespace

Timestamp TimeOfMillis(int64_t ms) {
  Timestamp time;
  const int64_t seconds = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>(ms - seconds * 1000) * 1'000'000);
  return time;
}

std::string FormatTime(const Timestamp& time) { return FormatTimeUtc(MillisOf(time)); }

std::string FormatTimeSeconds(const Timestamp& time) {
  Timestamp whole;
  whole.set_seconds(time.seconds());
  return FormatTime(whole);
}

std::string FormatTimeShort(const Timestamp& time) {
  std::string text = FormatTimeUtc(MillisOf(time));
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text.substr(0, 16);
}

std::optional<Timestamp> ReadTime(std::string_view text, std::string* reason) {
  if (text.starts_with('+')) {
    const std::optional<int64_t> later = ReadRelative(text);
    if (!later) {
      *reason = fmt::format("expected +30m, +2h or +3d, got \"{}\"", text);
      return std::nullopt;
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return TimeOfMillis(std::chrono::duration_cast<std::chrono::milliseconds>(now).count() +
                        *later);
  }
  const std::optional<int64_t> ms = ParseTime(text, "UTC", reason);
  if (!ms) return std::nullopt;
  return TimeOfMillis(*ms);
}

std::string FormatDuration(const google::protobuf::Duration& duration) {
  struct Unit {
    int64_t seconds;
    const char* one;
    const char* many;
  };
  constexpr std::array<Unit, 4> kUnits = {
      {{86'400, "day", "days"}, {3'600, "h", "h"}, {60, "min", "min"}, {1, "s", "s"}}};
  int64_t left = duration.seconds();
  if (left <= 0) return left == 0 ? "0" : std::to_string(left) + " s";
  std::string text;
  int used = 0;
  for (const Unit& unit : kUnits) {
    const int64_t count = left / unit.seconds;
    if (count == 0 || used == 2) continue;
    left -= count * unit.seconds;
    ++used;
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : " ", count, count == 1 ? unit.one : unit.many);
  }
  return left == 0 ? text : std::to_string(duration.seconds()) + " s";
}

std::optional<google::protobuf::Duration> ReadSpan(std::string_view text, std::string* reason) {
  const std::optional<int64_t> ms = ReadRelative("+" + std::string(text));
  if (!ms) {
    *reason = fmt::format("expected 30m, 4h or 2d, got \"{}\"", text);
    return std::nullopt;
  }
  google::protobuf::Duration span;
  span.set_seconds(*ms / 1000);
  return span;
}

std::string SpanWords(int64_t seconds, bool days, bool chinese) {
  struct Unit {
    int64_t seconds;
    const char* en;
    const char* zh;
  };
  constexpr std::array<Unit, 4> kUnits = {
      {{86'400, "d", "天"}, {3'600, "h", "小时"}, {60, "min", "分"}, {1, "s", "秒"}}};
  for (size_t i = days ? 0 : 1; i < kUnits.size(); ++i) {
    const Unit& unit = kUnits[i];
    const int64_t count = seconds / unit.seconds;
    if (count == 0 && i + 1 < kUnits.size()) continue;
    std::string text = fmt::format("{} {}", count, chinese ? unit.zh : unit.en);
    // Below a minute nothing is added: minutes are fine enough for a deadline.
    if (i + 2 < kUnits.size()) {
      const Unit& next = kUnits[i + 1];
      const int64_t rest = seconds % unit.seconds / next.seconds;
      if (rest > 0) text += fmt::format(" {} {}", rest, chinese ? next.zh : next.en);
    }
    return text;
  }
  return "";
}

std::string FormatMoney(const v1::Money& money) {
  const auto decimals = static_cast<size_t>(CurrencyDecimals(money.currency_code()));
  const bool negative = money.amount_minor() < 0;
  std::string digits = std::to_string(money.amount_minor());
  if (negative) digits.erase(0, 1);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - decimals, 1, '.');
  return fmt::format("{} {}{}", money.currency_code(), negative ? "-" : "", digits);
}

std::optional<v1::Money> ReadMoney(std::string_view text, std::string* reason) {
  const size_t space = text.find(' ');
  std::string_view code = text.substr(0, std::min(space, text.size()));
  std::string_view amount = space == std::string_view::npos ? "" : text.substr(space + 1);
  if (!IsCurrencyCode(code)) std::swap(code, amount);
  const auto refuse = [&](std::string_view expected) {
    *reason = fmt::format("expected {}, got \"{}\"", expected, text);
    return std::nullopt;
  };
  if (!IsCurrencyCode(code)) return refuse("an ISO 4217 code and an amount like \"CNY 20.00\"");
  const bool negative = amount.starts_with('-');
  if (negative) amount.remove_prefix(1);
  const size_t point = amount.find('.');
  const std::string_view whole = amount.substr(0, std::min(point, amount.size()));
  const std::string_view part = point == std::string_view::npos ? "" : amount.substr(point + 1);
  if (whole.empty() || !AllDigits(whole) || !AllDigits(part) ||
      (point != std::string_view::npos && part.empty())) {
    return refuse("an ISO 4217 code and an amount like \"CNY 20.00\"");
  }
  const auto decimals = static_cast<size_t>(CurrencyDecimals(code));
  if (part.size() > decimals) {
    return refuse(decimals == 0 ? fmt::format("no decimals, which {} does not have", code)
                                : fmt::format("at most {} decimals for {}", decimals, code));
  }
  std::string digits = std::string(whole) + std::string(part);
  digits.append(decimals - part.size(), '0');
  int64_t minor = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), minor);
  if (fault != std::errc() || end != digits.data() + digits.size()) {
    return refuse("a smaller amount");
  }
  v1::Money money;
  money.set_amount_minor(negative ? -minor : minor);
  money.set_currency_code(std::string(code));
  return money;
}

std::optional<v1::ExternalKey> ReadKey(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
    return std::nullopt;
  }
  v1::ExternalKey key;
  key.set_source_system(std::string(text.substr(0, colon)));
  key.set_external_id(std::string(text.substr(colon + 1)));
  return key;
}

std::string FormatKey(const v1::ExternalKey& key) {
  return key.source_system() + ":" + key.external_id();
}

std::string NewRequestId() {
  // Version 7 begins with the time, which lets the server keep requests made together together.
  const auto ms = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                            std::chrono::system_clock::now().time_since_epoch())
                                            .count());
  std::random_device random;
  std::array<uint32_t, 4> bits = {static_cast<uint32_t>(ms >> 16),
                                  static_cast<uint32_t>(ms << 16) | (random() & 0xFFFu), random(),
                                  random()};
  bits[1] |= 0x7000u;
  bits[2] = (bits[2] & 0x3FFFFFFFu) | 0x80000000u;  // variant 1
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", bits[0], bits[1] >> 16,
                     bits[1] & 0xFFFFu, bits[2] >> 16, bits[2] & 0xFFFFu, bits[3]);
}

std::string Decimal(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.starts_with('-') && text.find_first_of("123456789") == std::string::npos) {
    text.erase(0, 1);
  }
  return text;
}

std::string Percent(double share) { return Decimal(share * 100, 2) + " %"; }

std::vector<std::string> EnumNames(const EnumDescriptor* type) {
  std::vector<std::string> names;
  for (int i = 1; i < type->value_count(); ++i) {
    names.push_back(EnumName(type, type->value(i)->number()));
  }
  return names;
}

std::string EnumName(const EnumDescriptor* type, int value) {
  if (value == 0) return "";
  const google::protobuf::EnumValueDescriptor* known = type->FindValueByNumber(value);
  if (known == nullptr) return std::to_string(value);
  std::string_view name = known->name();
  name.remove_prefix(Prefix(type).size());
  return Lower(name);
}

std::optional<int> EnumValue(const EnumDescriptor* type, std::string_view name) {
  const std::string wanted = Lower(name);
  for (int i = 1; i < type->value_count(); ++i) {
    const int number = type->value(i)->number();
    if (EnumName(type, number) == wanted) return number;
  }
  return std::nullopt;
}

}  // namespace rebound::cli
