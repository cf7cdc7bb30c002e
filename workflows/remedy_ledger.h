// How the limits on remedies stand. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "workflows/case.h"
#include "workflows/remedy.h"
#include "workflows/revision.h"

namespace rebound {

// One limit as it stands for a case and its customer.
struct RemedyStanding {
  const RemedyLimit* limit = nullptr;  // of the revision; not null
  bool binds = false;                  // those of the role asked for
  int64_t used_minor = 0;              // ends at the greatest number instead of overflowing
  int64_t used_count = 0;
};

// The amount in the currency of the limit is what it adds up; 0: only its number counts.
int64_t CountedMinor(const RemedyLimit& limit, const Remedy& remedy);
// The limit speaks of remedies like this one, whatever became of it: of its type, in its currency
// or without an amount, and not statutory.
bool SpeaksOf(const RemedyLimit& limit, const Revision& revision, const Remedy& remedy);
// The limit binds callers of the role. Empty, the system: only limits on everybody do.
bool Binds(const RemedyLimit& limit, std::string_view role);

// Every limit of the revision, in its order. `cases`: those of the customer, among which `subject`
// may be in an earlier state, or missing. `except`: a remedy that does not count, since it is about
// to be another one. `now` ends the windows; what was proposed exactly a window ago counts.
std::vector<RemedyStanding> RemedyStandings(const Revision& revision,
                                            const std::vector<Case>& cases, const Case& subject,
                                            std::string_view role, Timestamp now,
                                            const RemedyId& except = {});

// With the remedy more would be given than the limit allows. REQUIRES: the limit speaks of it.
bool Exceeds(const RemedyStanding& standing, const Remedy& remedy);

// "remedy", "case", "customer".
std::string_view Name(RemedyLimit::Per per);

const RemedyType* FindRemedyType(const Revision& revision, std::string_view id);  // or nullptr

// Not declined, not reversed: it is given, or may come to be.
bool IsGranted(const Remedy& remedy);

}  // namespace rebound
