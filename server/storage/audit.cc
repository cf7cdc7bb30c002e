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
