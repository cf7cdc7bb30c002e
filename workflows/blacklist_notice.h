// What customers read of a blacklist entry: the notices of the configuration with their variables
// filled in. Pure.
#pragma once

#include <string_view>

#include "workflows/blacklist_policy.h"
#include "workflows/calendar.h"
#include "workflows/customer.h"
#include "workflows/revision.h"
#include "workflows/template.h"

namespace rebound {

// What a notice is told from. The references are read during the call only.
struct NoticeFacts {
  const BlacklistEntry& entry;  // with its texts
  const Customer& customer;     // whom it goes to, with their name
  const Zone& zone;             // of its dates: the customer's, else that of the contact rules
  std::string_view language{};  // BCP 47: Chinese for the tags of Chinese, else English
  Timestamp now{};              // where the matter is still to come, it is told as if it came now
};

// May the notice be told of the entry? Either its matter has come, or it may come next:
//
//   warning         proposed, or warned of
//   decision        a person decided for it, or may still
//   extended        an extension was granted, or is asked for
//   appeal_decided  the appeal was decided
//   lifted          the customer was told of it (warned, or it holds or held), and it did not lapse
//   lapsed          the same, and it was neither lifted nor rejected
//
// Never those for staff.
bool MayTell(BlacklistNotice notice, const BlacklistEntry& entry, Timestamp now);

// The notice in the words and terms of the revision in force, as the entry stands. Each variable
// has a value:
//
//   customer_name  a customer without a name is addressed as a customer
//   restriction    what the entry restricts and where, in names, without ids of queues
//   reason         the entry's own words for the customer: of the language, else of the other one;
//                  else the name of its reason; else its key
//   change_by      after the warning the kind's warning_wait, else kUsualWarningWait
//   start          from when on it holds without a gap
//   end            the first instant at which it does not hold any more
//   appeal_until   as it is told, or the whole appeal_window from now on
//   outcome        of the appeal
//
// Times are local and to the minute, rounded down. Reasons: kBlacklistNoticesNotConfigured where
// the revision has no such notice, kBlacklistNoticeNotDue where MayTell says no.
Result<Rendered> RenderNotice(BlacklistNotice notice, const NoticeFacts& facts,
                              const Revision& revision);

}  // namespace rebound
