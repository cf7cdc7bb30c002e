#include "server/access/mask.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "workflows/check.h"
#include "workflows/identity.h"

namespace rebound {
namespace {

constexpr std::string_view kMasked = "****";
constexpr std::string_view kRest = "***";

bool IsDigitChar(char c) { return c >= '0' && c <= '9'; }

struct CodePoint {
  uint32_t value = 0;
  std::string_view bytes{};
};

// What is no UTF-8 gives some characters or other, of no more bytes than there are.
std::vector<CodePoint> CodePointsOf(std::string_view text) {
  std::vector<CodePoint> points;
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : 4;
    if (first >= 0x80 && first >> 6 != 3) length = 1;
    length = std::min(length, text.size() - i);
    uint32_t value = length == 1 ? first : first & (0x7FU >> length);
    for (size_t k = 1; k < length; ++k) {
      value = value << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    }
    points.push_back({value, text.substr(i, length)});
    i += length;
  }
  return points;
}

std::string_view TrimSpaces(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// Full-width digits and signs as ASCII, the ideographic space as a space.
std::string Narrow(std::string_view text) {
  std::string narrow;
  for (const CodePoint& point : CodePointsOf(text)) {
    if (point.value >= 0xFF01 && point.value <= 0xFF5E) {
      narrow += static_cast<char>(point.value - 0xFF01 + 0x21);
    } else if (point.value == 0x3000) {
      narrow += ' ';
    } else {
      narrow += point.bytes;
    }
  }
  return narrow;
}

bool IsEastAsian(uint32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) ||
         (c >= 0xAC00 && c <= 0xD7AF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

std::string FirstOf(std::string_view text, size_t count) {
  std::string first;
  for (const CodePoint& point : CodePointsOf(text)) {
    if (count-- == 0) break;
    first += point.bytes;
  }
  return first;
}

std::string MaskName(std::string_view value) {
  const auto points = CodePointsOf(TrimSpaces(value));
  if (points.size() <= 1) return "*";
  return std::string(points[0].bytes) + (IsEastAsian(points[0].value) ? "*" : std::string(kRest));
}

// Something and a domain, with nothing behind it that could be another contact.
bool IsEmail(std::string_view narrow) {
  const size_t at = narrow.rfind('@');
  if (at == std::string_view::npos || TrimSpaces(narrow.substr(0, at)).empty()) return false;
  size_t digits = 0;
  for (const char c : narrow.substr(at + 1)) {
    digits = IsDigitChar(c) ? digits + 1 : 0;
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    if (digits == 7 || (!letter && !IsDigitChar(c) && c != '.' && c != '-')) return false;
  }
  return at + 1 < narrow.size();
}

std::string MaskEmail(std::string_view value) {
  const size_t at = value.rfind('@');
  const std::string_view local = value.substr(0, at);
  // Of a local part of one character nothing may stay, or all of it did.
  const bool whole = CodePointsOf(local).size() <= 1;
  return (whole ? "" : FirstOf(local, 1)) + std::string(kRest) + std::string(value.substr(at));
}

// Where an extension begins; npos: there is none.
size_t ExtensionOf(std::string_view number) {
  size_t begin = std::string_view::npos;
  for (const std::string_view mark : {"转", "轉", "ext", "EXT", "Ext", "x", "X", "#", ";", ","}) {
    begin = std::min(begin, number.find(mark));
  }
  return begin;
}

// `number` is narrow. Empty: not a number.
std::string MaskNumber(std::string_view number) {
  const size_t extension = ExtensionOf(number);
  const std::string_view main = number.substr(0, extension);
  std::string digits;
  for (const char c : main) {
    if (IsDigitChar(c)) digits += c;
  }
  const bool plain = main.find_first_not_of("0123456789 +-./()[]\t") == std::string_view::npos;
  if (!plain || digits.empty()) return {};
  const size_t n = digits.size();
  const size_t last = n >= 8 ? 4 : n >= 5 ? 2 : 0;
  const size_t front = n > 8 ? n - 8 : 0;
  std::string masked = TrimSpaces(main).starts_with('+') && front > 0 ? "+" : "";
  masked += digits.substr(0, std::min<size_t>(front, 5));
  masked += kMasked;
  masked += digits.substr(n - last);
  if (extension != std::string_view::npos) masked += "x***";
  return masked;
}

std::string MaskContactText(std::string_view value) {
  const std::string folded = Narrow(value);
  const std::string_view narrow = TrimSpaces(folded);
  if (IsEmail(narrow)) return MaskEmail(narrow);
  if (std::string number = MaskNumber(narrow); !number.empty()) return number;
  const size_t length = CodePointsOf(value).size();
  return FirstOf(value, length >= 6 ? 3 : length >= 3 ? 1 : 0) + std::string(kRest);
}

// How many digits stand before the mobile number of mainland China that `digits` is: those of its
// country code, or none. npos: it is no such number.
size_t MobileAt(std::string_view digits) {
  for (const std::string_view code : {"", "86", "0086"}) {
    if (digits.size() != code.size() + 11 || !digits.starts_with(code)) continue;
    if (digits[code.size()] == '1' && digits[code.size() + 1] >= '3') return code.size();
  }
  return std::string_view::npos;
}

// Mobile numbers of mainland China that stand in the text by themselves.
std::string MaskMobiles(std::string_view value) {
  std::string masked;
  for (size_t i = 0; i < value.size();) {
    if (!IsDigitChar(value[i])) {
      masked += value[i++];
      continue;
    }
    size_t end = i;
    while (end < value.size() && IsDigitChar(value[end])) ++end;
    const std::string_view run = value.substr(i, end - i);
    if (const size_t at = MobileAt(run); at != std::string_view::npos) {
      masked += run.substr(0, at + 3);
      masked += kMasked;
      masked += run.substr(at + 7);
    } else {
      masked += run;
    }
    i = end;
  }
  return masked;
}

std::string MaskKey(std::string_view value) {
  const std::string narrow = Narrow(value);
  if (NormaliseEmail(narrow) && IsEmail(narrow)) return MaskEmail(narrow);
  if (NormalisePhone(narrow)) {
    std::string number = MaskNumber(narrow);
    return number.empty() ? std::string(kMasked) : number;
  }
  const std::string masked = MaskMobiles(narrow);
  return masked == narrow ? std::string(value) : masked;
}

}  // namespace

std::string Mask(MaskKind kind, std::string_view value) {
  if (kind == MaskKind::kUnset || value.empty()) return std::string(value);
  switch (kind) {
    case MaskKind::kUnset: break;
    case MaskKind::kName: return MaskName(value);
    case MaskKind::kContact: return MaskContactText(value);
    case MaskKind::kKey: return MaskKey(value);
  }
  CHECK(false);
  return {};
}

bool IsMasked(MaskKind kind, std::string_view value) {
  const std::string narrow = Narrow(value);
  switch (kind) {
    case MaskKind::kUnset: return false;
    case MaskKind::kName: {
      const auto points = CodePointsOf(TrimSpaces(narrow));
      return points.size() >= 1 && points.back().value == '*' &&
             std::all_of(points.begin() + 1, points.end(),
                         [](const CodePoint& point) { return point.value == '*'; });
    }
    case MaskKind::kContact: return narrow.find('*') != std::string::npos;
    case MaskKind::kKey:
      return narrow.find(kMasked) != std::string::npos || narrow.find("***@") != std::string::npos;
  }
  CHECK(false);
  return false;
}

}  // namespace rebound
