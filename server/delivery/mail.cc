#include "server/delivery/mail.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "server/delivery/signing.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr size_t kLongestAddress = 254;  // RFC 5321 4.5.3.1.3, without < and >
constexpr size_t kEncodedLine = 76;      // RFC 2045 6.8
constexpr size_t kWordBytes = 39;  // 64 characters as a word: short lines, names and all (RFC 2047)

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Without what could end the line or is no text.
std::string OneLine(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, ' ');
  return line;
}

// RFC 2047: each word is whole code points, on a line of its own.
std::string EncodedWords(std::string_view text) {
  std::string words;
  while (!text.empty()) {
    std::string_view part = CutAtCodePoint(text, kWordBytes);
    if (part.empty()) part = text.substr(0, kWordBytes);  // no UTF-8
    if (!words.empty()) words += "\r\n ";
    words += "=?UTF-8?B?" + PaddedBase64(part) + "?=";
    text.remove_prefix(part.size());
  }
  return words;
}

std::string Unstructured(std::string_view name, std::string_view raw) {
  const std::string value = OneLine(raw);
  const bool plain = IsPrintable(value) && value.find("=?") == std::string::npos &&
                     name.size() + 2 + value.size() <= kEncodedLine;
  return std::string(name) + ": " + (plain ? value : EncodedWords(value)) + "\r\n";
}

std::string Date(Timestamp at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}

// An id is ours; what is no character of one goes, < and > among it.
std::string IdText(std::string_view id) {
  std::string text;
  for (const char c : id) {
    if (c > ' ' && c <= '~' && c != '<' && c != '>') text += c;
  }
  return "<" + text + ">";
}

}  // namespace

bool IsMailAddress(std::string_view address) {
  const size_t at = address.find('@');
  if (address.size() > kLongestAddress || at == 0 || at == std::string_view::npos) return false;
  const std::string_view local = address.substr(0, at);
  const std::string_view domain = address.substr(at + 1);
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto dots = [](std::string_view text) {
    return text.empty() || text.front() == '.' || text.back() == '.' ||
           text.find("..") != std::string_view::npos;
  };
  return local.size() <= 64 && !dots(local) && !dots(domain) && domain.front() != '-' &&
         std::all_of(local.begin(), local.end(),
                     [&](char c) {
                       return letter(c) ||
                              (c != '\0' && std::strchr("!#$%&'*+-/=?^_`{|}~.", c) != nullptr);
                     }) &&
         std::all_of(domain.begin(), domain.end(),
                     [&](char c) { return letter(c) || c == '-' || c == '.'; });
}

std::string MailMessage(const MailText& mail) {
  CHECK(IsMailAddress(mail.from));
  std::string message = "Date: " + Date(mail.date) + "\r\nFrom: ";
  if (!mail.from_name.empty()) message += EncodedWords(OneLine(mail.from_name)) + "\r\n ";
  message += "<" + mail.from + ">\r\nTo: ";
  for (size_t i = 0; i < mail.to.size(); ++i) {
    CHECK(IsMailAddress(mail.to[i]));
    message += (i > 0 ? ",\r\n <" : "<") + mail.to[i] + ">";
  }
  message += "\r\nMessage-ID: " + IdText(mail.message_id) + "\r\n";
  if (!mail.thread_id.empty() && mail.thread_id != mail.message_id) {
    message += "In-Reply-To: " + IdText(mail.thread_id) + "\r\n";
    message += "References: " + IdText(mail.thread_id) + "\r\n";
  }
  message += Unstructured("Subject", mail.subject);
  message +=
      "Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: base64\r\n"
      "\r\n";
  // RFC 2046 4.1.1: a text's lines end with CR LF, within base64 as well.
  std::string text;
  for (const char c : mail.text) {
    if (c == '\r') continue;
    if (c == '\n') text += '\r';
    text += c;
  }
  const std::string encoded = PaddedBase64(text);
  for (size_t at = 0; at < encoded.size(); at += kEncodedLine) {
    message += encoded.substr(at, kEncodedLine) + "\r\n";
  }
  return message;
}

DeliveryVerdict JudgeMail(const TransferResult& result) {
  if (result.end != TransferResult::End::kAnswered) return DeliveryVerdict::kRetry;
  if (result.status >= 200 && result.status <= 299) return DeliveryVerdict::kDelivered;
  switch (result.status) {
    case 530:
    case 534:
    case 535:
    case 538: return DeliveryVerdict::kRetry;
    default: break;
  }
  return result.status >= 500 ? DeliveryVerdict::kRefused : DeliveryVerdict::kRetry;
}

}  // namespace rebound
