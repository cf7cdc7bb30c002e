#include "workflows/remedy_ledger.h"

#include <algorithm>
#include <limits>
#include <map>

namespace rebound {
namespace {

using CasesById = std::map<CaseId, const Case*>;

// Of cases merged into each other, the one that is left. Ends where a case is not known.
CaseId RootOf(const CasesById& known, CaseId id) {
  for (size_t steps = 0; steps <= known.size(); ++steps) {
    const auto found = known.find(id);
    if (found == known.end() || found->second->merged_into.empty()) return id;
    id = found->second->merged_into;
  }
  return id;
}

void Add(RemedyStanding& standing, const Remedy& remedy) {
  const int64_t minor = CountedMinor(*standing.limit, remedy);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  standing.used_minor = standing.used_minor > kMost - minor ? kMost : standing.used_minor + minor;
  ++standing.used_count;
}

}  // namespace

const RemedyType* FindRemedyType(const Revision& revision, std::string_view id) {
  for (const RemedyType& type : revision.remedies) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

bool IsGranted(const Remedy& remedy) {
  return remedy.state != RemedyState::kDeclined && remedy.state != RemedyState::kReversed;
}

std::string_view Name(RemedyLimit::Per per) {
  switch (per) {
    case RemedyLimit::Per::kUnset: break;
    case RemedyLimit::Per::kRemedy: return "remedy";
    case RemedyLimit::Per::kCase: return "case";
    case RemedyLimit::Per::kCustomer: return "customer";
  }
  return "";
}

int64_t CountedMinor(const RemedyLimit& limit, const Remedy& remedy) {
  const bool counts = limit.currency.empty() || remedy.amount.currency == limit.currency;
  return counts ? std::max<int64_t>(remedy.amount.amount_minor, 0) : 0;
}

bool SpeaksOf(const RemedyLimit& limit, const Revision& revision, const Remedy& remedy) {
  if (remedy.statutory) return false;
  const bool other_currency =
      !limit.currency.empty() && !remedy.amount.empty() && remedy.amount.currency != limit.currency;
  if (other_currency) return false;
  return limit.types.empty() ||
         std::any_of(limit.types.begin(), limit.types.end(), [&](const std::string& id) {
           if (!remedy.type_id.empty()) return remedy.type_id == id;
           // Given before there was a catalogue.
           const RemedyType* type = FindRemedyType(revision, id);
           return type != nullptr && type->kind == remedy.kind;
         });
}

bool Binds(const RemedyLimit& limit, std::string_view role) {
  return limit.roles.empty() ||
         std::find(limit.roles.begin(), limit.roles.end(), role) != limit.roles.end();
}

std::vector<RemedyStanding> RemedyStandings(const Revision& revision,
                                            const std::vector<Case>& cases, const Case& subject,
                                            std::string_view role, Timestamp now,
                                            const RemedyId& except) {
  CasesById known;
  for (const Case& c : cases) known.emplace(c.id, &c);
  known[subject.id] = &subject;
  const CaseId root = RootOf(known, subject.id);

  std::vector<RemedyStanding> out;
  for (const RemedyLimit& limit : revision.remedy_limits) {
    out.push_back({&limit, Binds(limit, role), 0, 0});
    RemedyStanding& standing = out.back();
    if (limit.per == RemedyLimit::Per::kRemedy) continue;
    const bool of_customer = limit.per == RemedyLimit::Per::kCustomer;
    for (const auto& [id, c] : known) {
      if (!of_customer && RootOf(known, id) != root) continue;
      for (const Remedy& remedy : c->remedies) {
        const bool excepted = !except.empty() && remedy.id == except;
        if (excepted || !IsGranted(remedy)) continue;
        if (!SpeaksOf(limit, revision, remedy)) continue;
        const bool over =
            of_customer && limit.window > Duration{0} && remedy.occurred_at < now - limit.window;
        if (!over) Add(standing, remedy);
      }
    }
  }
  return out;
}

bool Exceeds(const RemedyStanding& standing, const Remedy& remedy) {
  const RemedyLimit& limit = *standing.limit;
  if (limit.count && standing.used_count >= *limit.count) return true;
  const int64_t asked = CountedMinor(limit, remedy);
  return limit.amount && asked > 0 &&
         (standing.used_minor > *limit.amount || asked > *limit.amount - standing.used_minor);
}

}  // namespace rebound
