#include "server/gateway/http_head.h"

#include <algorithm>

namespace rebound {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// RFC 9110, 5.6.2.
bool IsTokenChar(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

// Visible or not ASCII, space and tab: what a field's value may hold.
bool IsValueChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

bool EqualsNoCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool HasWord(std::string_view list, std::string_view lower) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (EqualsNoCase(Trimmed(list.substr(0, comma)), lower)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

HeadCheck Refuse(int status, std::string_view why) { return {.status = status, .why = why}; }

HeadCheck CheckRequestLine(std::string_view line, const HttpLimits& limits) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Refuse(400, "request line");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method)) return Refuse(400, "method");
  const bool is_version = version.size() == 8 && version.starts_with("HTTP/") &&
                          IsDigit(version[5]) && version[6] == '.' && IsDigit(version[7]);
  if (!is_version) return Refuse(400, "version");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Refuse(505, "version");
  if (target.size() > limits.target_bytes) return Refuse(414, "target too long");
  const bool visible = std::all_of(target.begin(), target.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '#' && c != '\\' && c != '"' && c != '<' && c != '>';
  });
  const bool asterisk = target == "*" && method == "OPTIONS";
  if (!visible || target.empty() || (target[0] != '/' && !asterisk)) {
    return Refuse(400, "target");
  }
  HeadCheck check;
  check.http_1_0 = version == "HTTP/1.0";
  check.keep_alive = !check.http_1_0;
  return check;
}

}  // namespace

HeadEnd FindHeadEnd(std::string_view bytes, size_t from) {
  for (size_t i = bytes.find('\n', from); i != std::string_view::npos;
       i = bytes.find('\n', i + 1)) {
    if (i == 0 || bytes[i - 1] != '\r') return {.size = 0, .broken = true};
    if (i >= 3 && bytes[i - 2] == '\n' && bytes[i - 3] == '\r') return {.size = i + 1};
  }
  return {};
}

HeadCheck CheckHead(std::string_view head, const HttpLimits& limits) {
  if (head.size() > limits.header_bytes) return Refuse(431, "header too long");
  size_t end = head.find("\r\n");
  HeadCheck check = CheckRequestLine(head.substr(0, end), limits);
  if (check.status != 0) return check;
  size_t fields = 0;
  size_t hosts = 0;
  size_t lengths = 0;
  size_t encodings = 0;
  for (size_t at = end + 2; at + 2 < head.size(); at = end + 2) {
    end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    if (++fields > limits.header_fields) return Refuse(431, "too many fields");
    if (line.front() == ' ' || line.front() == '\t') return Refuse(400, "folded field");
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Refuse(400, "field without a colon");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = Trimmed(line.substr(colon + 1));
    if (!IsToken(name)) return Refuse(400, "field name");
    if (!std::all_of(value.begin(), value.end(), IsValueChar)) return Refuse(400, "field value");
    if (EqualsNoCase(name, "host")) {
      ++hosts;
    } else if (EqualsNoCase(name, "content-length")) {
      ++lengths;
      // 18 digits fit into 64 bits; leading zeros are digits too.
      if (value.empty() || value.size() > 18 || !std::all_of(value.begin(), value.end(), IsDigit)) {
        return Refuse(400, "content-length");
      }
      for (const char c : value) {
        check.content_length = check.content_length * 10 + static_cast<uint64_t>(c - '0');
      }
    } else if (EqualsNoCase(name, "transfer-encoding")) {
      ++encodings;
      if (!EqualsNoCase(value, "chunked")) return Refuse(400, "transfer-encoding");
      check.chunked = true;
    } else if (EqualsNoCase(name, "expect")) {
      if (!EqualsNoCase(value, "100-continue")) return Refuse(417, "expect");
      check.expects_continue = !check.http_1_0;
    } else if (EqualsNoCase(name, "connection")) {
      if (HasWord(value, "close")) check.keep_alive = false;
    }
  }
  if (lengths > 1) return Refuse(400, "content-length twice");
  if (encodings > 1) return Refuse(400, "transfer-encoding twice");
  if (lengths > 0 && encodings > 0) return Refuse(400, "content-length and transfer-encoding");
  if (encodings > 0 && check.http_1_0) return Refuse(400, "transfer-encoding under HTTP/1.0");
  if (hosts > 1 || (hosts == 0 && !check.http_1_0)) return Refuse(400, "host");
  return check;
}

}  // namespace rebound
