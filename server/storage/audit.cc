#include "server/storage/audit.h"

#include <algorithm>

#include "server/storage/codec.h"

namespace rebound {

std::string_view Name(AuditKind kind) {
  switch (kind) {
    case AuditKind::kUnset: break;
    case AuditKind::kMutation: return "mutation";
    case AuditKind::kSignIn: return "sign_in";
    case AuditKind::kExport: return "export";
    case AuditKind::kRefused: return "refused";
    case AuditKind::kUnmask: return "unmask";
    case AuditKind::kOperator: return "operator";
  }
  return "unset";
}

RawId NumberedId(int64_t number) {
  RawId id;
  for (size_t i = 0; i < 8; ++i) {
    id.bytes[15 - i] = static_cast<uint8_t>(static_cast<uint64_t>(number) >> (8 * i));
  }
  return id;
}

int64_t NumberOf(const RawId& id) {
  uint64_t number = 0;
  for (size_t i = 8; i < 16; ++i) number = number << 8 | id.bytes[i];
  return static_cast<int64_t>(number);
}

std::string ToHex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<std::array<uint8_t, 32>> HashFromHex(std::string_view text) {
  std::array<uint8_t, 32> hash{};
  if (text.size() != 2 * hash.size()) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    hash[i / 2] = static_cast<uint8_t>(hash[i / 2] << 4 | digit);
  }
  return hash;
}

void Chain(AuditEntry& entry, AuditHead& head) {
  for (std::string* text : {&entry.principal, &entry.role, &entry.method, &entry.outcome,
                            &entry.reason, &entry.subject_type, &entry.address, &entry.detail}) {
    if (text->size() <= kAuditTextBytes) continue;
    size_t end = kAuditTextBytes;
    while (end > 0 && (static_cast<unsigned char>((*text)[end]) & 0xC0U) == 0x80) --end;
    text->resize(end);
  }
  entry.sequence = head.sequence + 1;
  entry.at = std::max(entry.at, head.at);
  entry.prev_hash = head.hash;
  entry.hash = AuditHash(entry);
  head = {entry.sequence, entry.at, entry.hash};
}

}  // namespace rebound
