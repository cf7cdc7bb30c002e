// Rules that propose blacklist entries: what may be a rule, and for whom one holds. Pure. A rule
// proposes with its evidence and never decides; trying it on history changes nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/blacklist_policy.h"
#include "workflows/case.h"
#include "workflows/customer.h"
#include "workflows/event.h"
#include "workflows/response.h"
#include "workflows/result.h"

namespace rebound {

// An answer that comes later after a compensation does not follow from it.
inline constexpr Duration kRightAfter = std::chrono::days{30};

// snake_case, e.g. "remedies_granted".
std::string_view Name(BlacklistMeasure measure);

// One thing that rules count.
struct HistoryItem {
  BlacklistMeasure measure = BlacklistMeasure::kUnset;
  Timestamp at{};
  CaseId case_id{};
  Money amount{};  // kRemedySum

  friend bool operator==(const HistoryItem&, const HistoryItem&) = default;
};

// Something of worth that is given at our discretion: refunds, vouchers, replacements, upgrades,
// points and what is free of charge, unless owed by law. Explanations, apologies, corrections and
// repairs put our own mistakes right.
bool IsCompensation(const Remedy& remedy);

// What a customer, aliases included, has done in every program. Refers to the records; does not own
// them.
struct CustomerHistory {
  const Customer* customer = nullptr;  // may be null
  std::span<const Case> cases{};
  std::span<const Response> responses{};
  std::vector<HistoryItem> items{};  // by time, then measure and case
};

// Counted are, with the time of each:
//   remedies_granted   refunds, vouchers, replacements, upgrades, points and what is free of
//   charge, and remedy_sum     as they were accepted or else delivered; not what is owed by law,
//   not
//                      explanations, apologies and corrections, which put our own mistakes right
//   closed_dishonest   cases closed with that result
//   attempts_refused   outbound tries with that outcome; hanging up is not refusing
//   threats_logged     cases with the emotion "threatening", as they opened
//   low_after_remedy   a detractor's answer, not corrected since, that is the first one after a
//                      compensation and within kRightAfter of it; on the case of the compensation
// Nothing of a case that was ruled invalid counts.
CustomerHistory HistoryOf(const Customer* customer, std::span<const Case> cases,
                          std::span<const Response> responses);

// May a rule hold of the event's customer that did not before, by what it counts or by what is
// known of the customer? Whoever tries the rules after each of these misses no count: time alone
// only takes things out of windows. What else a condition asks of a case, such as its severity, may
// change in other ways, and is looked at with the next of these.
bool MayTouchRules(const Event& event);

// What is wrong with a rule, in reading order; empty: it may be put in force. Fields are relative
// to the rule. Reasons:
//   kBlacklistRuleNoCondition  no alternative, or one without a condition or count
//   kBlacklistRuleScoresOnly   some way to meet an alternative rests on scores alone. Inside the
//                              condition each branch of an `any` is a way. What is made of the
//                              score (category, severity, priority, reopenings) and what says only
//                              how a case came about (origin, history, anonymous) count as scores,
//                              and so does low_after_remedy
//   kBlacklistRuleProtected    an attribute that the catalogue marks protected
//   kBlacklistRuleDuration     no end, or one beyond what the kind allows
//   kFilterInvalid             `when` cannot stand in a rule (Check in predicate.h)
//   kNumberOutOfRange          a count without a window, or of less than 1
//   kRequiredFieldMissing      remedy_sum without its currency
//   kEnumValueUnknown          a kind that the policy does not have, or no measure
//   kReasonUnknown             a reason code that is not of the kind
std::vector<FieldViolation> CheckRule(const BlacklistRule& rule, const BlacklistPolicy& policy);

// The evidence of the first alternative that holds at `now`, oldest first, without ids; nullopt:
// none holds. Each item has its date, its case and its measure: a Name, or "case" where an
// alternative without counts holds for a case. Such a case counts for as long after it opened as
// the restriction would last. Of more than limits::kBlacklistEvidence items the newest are kept.
// REQUIRES: CheckRule has found nothing.
std::optional<std::vector<BlacklistEvidence>> EvaluateRule(const BlacklistRule& rule,
                                                           const CustomerHistory& history,
                                                           Timestamp now);

// What a rule would have asked for, and when.
struct PastProposal {
  Timestamp at{};
  Timestamp expires_at{};
  std::vector<BlacklistEvidence> evidence{};

  friend bool operator==(const PastProposal&, const PastProposal&) = default;
};

// The proposals before `until`, oldest first, had the rule been tried after each thing that
// happened. Each is taken to have lasted to its end; until its cool-down is over, too, the rule
// rests. What else the customer was listed for is not looked at. Empty if the policy does not have
// the kind. REQUIRES: CheckRule has found nothing.
std::vector<PastProposal> TryOnPast(const BlacklistRule& rule, const BlacklistPolicy& policy,
                                    const CustomerHistory& history, Timestamp until);

}  // namespace rebound
