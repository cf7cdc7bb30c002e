#include <algorithm>
#include <vector>

#include "rebound/v1/case_service.pb.h"
#include "server/execute/lookup.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "workflows/remedy_ledger.h"

namespace rebound {
namespace {

// The cases that limits of the case count: those of the customer and everybody who is the same.
std::vector<Case> CasesOfCustomer(Reader& reader, const Case& c) {
  std::vector<Case> cases;
  if (c.customer_id.empty()) return cases;
  const auto standing = Standing(reader, reader.GetCustomer(c.customer_id));
  for (const CustomerId& id : Everyone(reader, standing ? standing->id : c.customer_id)) {
    for (Case& each : reader.CasesOf(id)) cases.push_back(std::move(each));
  }
  return cases;
}

// Of the limit alone, whatever currency a remedy would be in.
bool Bounds(const RemedyLimit& limit, const RemedyType& type) {
  if (type.statutory) return false;
  return limit.types.empty() ||
         std::find(limit.types.begin(), limit.types.end(), type.id) != limit.types.end();
}

void FillAllowance(const RemedyStanding& standing, api::RemedyAllowance* out) {
  const RemedyLimit& limit = *standing.limit;
  out->set_limit_id(limit.id);
  out->set_display_name(limit.name_en);
  out->set_display_name_zh(limit.name_zh);
  out->set_per(std::string(Name(limit.per)));
  out->set_second_person(limit.beyond == RemedyLimit::Beyond::kSecondPerson);
  if (limit.amount) {
    out->mutable_amount()->set_amount_minor(*limit.amount);
    out->mutable_amount()->set_currency_code(limit.currency);
  }
  if (!limit.currency.empty()) {
    out->mutable_used()->set_amount_minor(standing.used_minor);
    out->mutable_used()->set_currency_code(limit.currency);
  }
  if (limit.count) out->set_count(*limit.count);
  out->set_used_count(static_cast<int32_t>(standing.used_count));
}

Result<void> ListOptions(const Call& call, Reader& reader,
                         const api::ListRemedyOptionsRequest& request,
                         api::ListRemedyOptionsResponse* out) {
  Checks checks;
  const CaseRef ref = checks.Ref("case_id", request.case_id());
  if (!checks.ok()) return std::move(checks).ToError();
  const auto c = FindVisible(reader, call.identity.scope, ref);
  if (!c) return Error{Reason::kNotFound, {{"resource", "case"}}};
  const auto revision = call.RevisionOf(c->revision);
  if (revision->remedies.empty()) return {};
  std::vector<RemedyStanding> standings = RemedyStandings(
      *revision, CasesOfCustomer(reader, *c), *c, call.identity.role, call.backend.executor.Now());
  std::erase_if(standings, [](const RemedyStanding& standing) { return !standing.binds; });
  for (const RemedyType& type : revision->remedies) {
    api::RemedyOption* option = out->add_options();
    option->set_type_id(type.id);
    option->set_kind(static_cast<api::RemedyKind>(type.kind));
    option->set_display_name(type.name_en);
    option->set_display_name_zh(type.name_zh);
    option->set_statutory(type.statutory);
    option->set_needs_amount(type.needs_amount);
    for (const RemedyStanding& standing : standings) {
      if (Bounds(*standing.limit, type)) option->add_limit_ids(standing.limit->id);
    }
  }
  for (const RemedyStanding& standing : standings) FillAllowance(standing, out->add_allowances());
  return {};
}

}  // namespace

void AddRemedyOptions(ApiService* service) {
  service->Query<api::ListRemedyOptionsRequest, api::ListRemedyOptionsResponse>(
      "ListRemedyOptions", Where::kPool, ListOptions);
}

}  // namespace rebound
