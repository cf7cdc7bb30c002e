#include "rebound/v1/audit_service.pb.h"

#include <algorithm>
#include <limits>
#include <string>

#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/storage/verify.h"

namespace rebound {
namespace {

// Of the deadline, for the answer.
constexpr Duration kReserve = std::chrono::milliseconds{200};
constexpr Duration kLongestWalk = std::chrono::seconds{10};

// Entries are of every unit and queue.
Result<void> NeedNoLimits(const Call& call) {
  if (call.identity.scope.unrestricted()) return {};
  return Error{Reason::kRoleNotAllowed,
               {{"role", call.identity.role + " with an access scope"}, {"method", call.method}}};
}

void FillEntry(const AuditEntry& entry, api::AuditEntry* out) {
  out->set_sequence(entry.sequence);
  Fill(entry.at, out->mutable_record_time());
  out->set_kind(static_cast<api::AuditKind>(entry.kind));
  out->set_principal(entry.principal);
  out->set_role(entry.role);
  out->set_method(entry.method);
  out->set_outcome(entry.outcome);
  out->set_reason(entry.reason);
  out->set_subject_type(entry.subject_type);
  if (const RawId id{entry.subject}; entry.subject_type == "revision") {
    out->set_subject_id(std::to_string(NumberOf(id)));
  } else if (!id.empty()) {
    out->set_subject_id(ToString(id));
  }
  if (entry.request_key != Hash128{}) out->set_request_key(ToHex(entry.request_key));
  out->set_address(entry.address);
  out->set_count(entry.count);
  out->set_detail(entry.detail);
  out->set_previous_hash(ToHex(entry.prev_hash));
  out->set_hash(ToHex(entry.hash));
}

Result<void> List(const Call& call, Reader& reader, const api::ListAuditEntriesRequest& request,
                  api::ListAuditEntriesResponse* out) {
  if (auto limits = NeedNoLimits(call); !limits) return limits;
  Checks checks;
  AuditQuery query;
  query.principal = request.principal();
  query.method = request.method();
  if (request.kind() != api::AUDIT_KIND_UNSPECIFIED) {
    query.kind = checks.Enum<AuditKind>("kind", request.kind(), /*required=*/true);
  }
  if (!request.subject_id().empty()) {
    query.subject = checks.ParseId<RawId>("subject_id", request.subject_id());
  }
  if (request.has_start_time()) query.from = checks.Time("start_time", request.start_time());
  if (request.has_end_time()) query.until = checks.Time("end_time", request.end_time());
  if (!checks.ok()) return std::move(checks).ToError();
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  api::ListAuditEntriesRequest asked = request;
  asked.clear_page_size();
  asked.clear_page_token();
  const std::string identity =
      QueryIdentity({call.method, call.identity.name, DeterministicBytes(asked)});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  if (*cursor) query.before = (*cursor)->first;
  query.limit = *limit + 1;
  std::vector<AuditEntry> entries = reader.ListAudit(query);
  const bool more = entries.size() > static_cast<size_t>(*limit);
  if (more) entries.pop_back();
  for (const AuditEntry& entry : entries) FillEntry(entry, out->add_entries());
  if (more) {
    out->set_next_page_token(
        call.backend.page_tokens.Seal({entries.back().sequence, 0, {}}, identity, call.started_at));
  }
  return {};
}

Result<void> Walk(const Call& call, Reader& reader, const api::VerifyAuditRequest& request,
                  api::VerifyAuditResponse* out) {
  if (auto limits = NeedNoLimits(call); !limits) return limits;
  Checks checks;
  const int64_t start = checks.Range("start_sequence", request.start_sequence(), 0,
                                     std::numeric_limits<int64_t>::max());
  std::optional<Hash256> hash;
  if (!request.start_hash().empty()) {
    hash = HashFromHex(request.start_hash());
    if (!hash) {
      checks.Add(
          "start_hash", Reason::kIdInvalid,
          {{"value", request.start_hash().substr(0, 80)}, {"expected", "64 hexadecimal digits"}});
    }
  }
  if (!checks.ok()) return std::move(checks).ToError();
  const Timestamp until = std::min(call.deadline - kReserve, call.started_at + kLongestWalk);
  int64_t seen = 0;
  // At least so many, so that whoever walks on gets on.
  const AuditWalk walk = VerifyAudit(reader, start, hash, [&] {
    constexpr int64_t kBetweenLooks = 1024;
    return ++seen % kBetweenLooks != 0 || SystemClock().Now() < until;
  });
  out->set_walked_count(walk.walked);
  out->set_end_sequence(walk.sequence);
  out->set_end_hash(ToHex(walk.hash));
  out->set_complete(walk.complete);
  out->set_head_sequence(walk.head.sequence);
  out->set_head_hash(ToHex(walk.head.hash));
  for (const std::string& problem : walk.problems) out->add_problems(problem);
  return {};
}

}  // namespace

std::unique_ptr<ApiService> NewAuditService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::VerifyAuditRequest::descriptor()->file()->FindServiceByName("AuditService"));
  service->Query<api::ListAuditEntriesRequest, api::ListAuditEntriesResponse>("ListAuditEntries",
                                                                              Where::kPool, List);
  service->Query<api::VerifyAuditRequest, api::VerifyAuditResponse>("VerifyAudit", Where::kPool,
                                                                    Walk);
  service->CheckComplete();
  return service;
}

}  // namespace rebound
