#include "server/services/audit.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/access/audited.h"
#include "server/access/policy.h"
#include "server/services/status.h"

namespace rebound {
namespace {

constexpr size_t kMostAddress = 64;

AuditEntry EntryOf(const Call& call, AuditKind kind) {
  AuditEntry entry{.kind = kind};
  entry.principal = call.identity.name;
  entry.role = call.identity.role;
  entry.method = call.method;
  entry.outcome = "OK";
  entry.address = call.address;
  return entry;
}

void FillSubject(const AuditSubject& subject, AuditEntry* entry) {
  entry->subject_type = subject.type;
  entry->subject = subject.id.bytes;
  if (!subject.number.empty()) entry->detail = subject.number;
}

void FillOutcome(const Error& error, AuditEntry* entry) {
  entry->outcome = Name(TextOf(error.reason).code);
  entry->reason = Name(error.reason);
}

// The server could not; nobody was refused.
bool IsRefusal(const Error& error) {
  constexpr grpc::StatusCode kNone[] = {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::INTERNAL,
                                        grpc::StatusCode::DEADLINE_EXCEEDED,
                                        grpc::StatusCode::CANCELLED, grpc::StatusCode::UNKNOWN};
  return error.reason != Reason::kQueueFull &&
         std::find(std::begin(kNone), std::end(kNone), TextOf(error.reason).code) ==
             std::end(kNone);
}

bool IsAddress(std::string_view text) {
  return !text.empty() && text.size() <= kMostAddress &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == ':' || c == '%' || c == '-';
         });
}

// "C-1042", "B-7".
bool IsNumber(std::string_view text) {
  return text.size() >= 3 && text.size() <= 20 && text[0] >= 'A' && text[0] <= 'Z' &&
         text[1] == '-' &&
         std::all_of(text.begin() + 2, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

AuditEntry AuditEntryOf(const Call& call, const RawId& resource) {
  AuditEntry entry = EntryOf(call, AuditKind::kMutation);
  entry.at = call.backend.clock.Now();
  entry.subject = resource.bytes;
  return entry;
}

AuditEntry SignInEntryOf(const Call& call, std::string principal, std::string role) {
  AuditEntry entry = EntryOf(call, AuditKind::kSignIn);
  entry.at = call.backend.clock.Now();
  entry.principal = std::move(principal);
  entry.role = std::move(role);
  return entry;
}

AuditSubject SubjectOf(const google::protobuf::Message& request) {
  constexpr std::pair<const char*, const char*> kFields[] = {{"case_id", "case"},
                                                             {"entry_id", "blacklist_entry"},
                                                             {"response_id", "response"},
                                                             {"customer_id", "customer"}};
  for (const auto& [name, type] : kFields) {
    const auto* field = request.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr || field->is_repeated() ||
        field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      continue;
    }
    const std::string value = request.GetReflection()->GetString(request, field);
    if (const auto id = ParseId<RawId>(value)) return {type, *id, {}};
    if (IsNumber(value)) return {type, {}, value};
  }
  return {};
}

std::string AddressOrNone(std::string address) {
  return IsAddress(address) ? std::move(address) : std::string();
}

bool IsWithinProcess(const grpc::CallbackServerContext& context) {
  const std::string peer = context.peer();
  return !peer.starts_with("unix:") && !peer.starts_with("ipv4:") && !peer.starts_with("ipv6:");
}

std::string PeerAddress(const grpc::CallbackServerContext& context) {
  std::string peer = context.peer();
  if (peer.starts_with("unix:")) return "unix";
  if (IsWithinProcess(context)) {
    const auto said = context.client_metadata().find("rebound-peer-address");
    if (said == context.client_metadata().end()) return {};
    return AddressOrNone({said->second.data(), said->second.size()});
  }
  peer.erase(0, 5);
  peer.erase(std::min(peer.rfind(':'), peer.size()));
  // "ipv6:%5B::1%5D:50061".
  for (const std::string_view bracket : {"%5B", "%5D", "[", "]"}) {
    if (const size_t at = peer.find(bracket); at != std::string::npos) {
      peer.erase(at, bracket.size());
    }
  }
  return AddressOrNone(std::move(peer));
}

void AuditEnd(const Call& call, const Result<void>& result) {
  const AuditedRead read = AuditedReadOf(call.method);
  if (result) {
    if (read == AuditedRead::kFolded) {
      call.backend.audit.Note(EntryOf(call, AuditKind::kExport));
    }
    return;
  }
  const grpc::StatusCode code = TextOf(result.error().reason).code;
  if (code == grpc::StatusCode::UNAUTHENTICATED || code == grpc::StatusCode::PERMISSION_DENIED ||
      read == AuditedRead::kEach || IsMutation(call.method) || OpenToStrangers(call.method)) {
    AuditRefused(call, result.error(), 1);
  }
}

AuditEntry CommitEntryOf(const Call& call) { return EntryOf(call, AuditKind::kMutation); }

void AuditCommit(const Call& call) { call.backend.audit.Note(CommitEntryOf(call)); }

void AuditRefused(const Call& call, const Error& error, int64_t count) {
  if (!IsRefusal(error)) return;
  const bool signs_in = OpenToStrangers(call.method);
  AuditEntry entry = EntryOf(call, signs_in ? AuditKind::kSignIn : AuditKind::kRefused);
  FillOutcome(error, &entry);
  FillSubject(call.about, &entry);
  entry.count = count;
  call.backend.audit.Note(std::move(entry));
}

Result<void> AuditRead(const Call& call, const AuditSubject& subject, std::string detail) {
  AuditEntry entry = EntryOf(call, AuditKind::kExport);
  entry.detail = std::move(detail);
  FillSubject(subject, &entry);
  return call.backend.audit.Record(std::move(entry));
}

}  // namespace rebound
