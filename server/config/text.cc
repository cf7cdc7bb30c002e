#include "server/config/text.h"

#include <utf8proc.h>

#include <algorithm>

namespace rebound {
namespace {

constexpr size_t kMaxCodePointsInMessage = 60;
constexpr std::string_view kReplacement = "\uFFFD";

bool IsControl(int32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

}  // namespace

std::pair<int32_t, size_t> FrontCodePoint(std::string_view text) {
  utf8proc_int32_t code = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  return {code, length > 0 ? static_cast<size_t>(length) : 1};
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string_view Slice(std::string_view text, size_t from, size_t count) {
  const auto offset = [&](size_t start, size_t points) {
    for (; points > 0 && start < text.size(); --points) {
      start = std::min(start + FrontCodePoint(text.substr(start)).second, text.size());
    }
    return start;
  };
  const size_t begin = offset(0, from);
  return text.substr(begin, offset(begin, count) - begin);
}

bool HasControl(std::string_view text) {
  while (!text.empty()) {
    const auto [code, length] = FrontCodePoint(text);
    if (IsControl(code)) return true;
    text.remove_prefix(length);
  }
  return false;
}

std::string Printable(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const auto [code, length] = FrontCodePoint(text);
    if (code == '\t') {
      printable += ' ';
    } else if (IsControl(code)) {
      printable += kReplacement;
    } else {
      printable += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return printable;
}

std::string Quoted(std::string_view text) {
  const bool whole = CodePoints(text) <= kMaxCodePointsInMessage;
  return '"' + Printable(Slice(text, 0, kMaxCodePointsInMessage)) + (whole ? "\"" : "...\"");
}

size_t TerminalColumns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const auto [code, length] = FrontCodePoint(text);
    columns += static_cast<size_t>(std::max(code < 0 ? 1 : utf8proc_charwidth(code), 0));
    text.remove_prefix(length);
  }
  return columns;
}

bool IsHan(int32_t code) {
  return (code >= 0x3400 && code <= 0x9FFF) || (code >= 0x20000 && code <= 0x3FFFF);
}

}  // namespace rebound
