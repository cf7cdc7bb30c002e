#include "workflows/blacklist_rules.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "workflows/check.h"
#include "workflows/limits.h"
#include "workflows/playbook.h"

namespace rebound {
namespace {

constexpr std::string_view kCaseMeasure = "case";

// When the customer got it; nullopt: not, or it was taken back.
std::optional<Timestamp> GivenAt(const Remedy& remedy) {
  if (remedy.state != RemedyState::kAccepted && remedy.state != RemedyState::kDelivered) {
    return std::nullopt;
  }
  for (const RemedyStep& step : remedy.steps) {
    if (step.state == RemedyState::kAccepted || step.state == RemedyState::kDelivered) {
      return step.at;
    }
  }
  return remedy.updated_at;
}

void AddCase(const Case& c, std::vector<HistoryItem>& items) {
  if (c.handling_result == HandlingResult::kInvalid) return;
  for (const Remedy& remedy : c.remedies) {
    const auto at = GivenAt(remedy);
    if (!at || !IsCompensation(remedy)) continue;
    items.push_back({BlacklistMeasure::kRemediesGranted, *at, c.id, {}});
    if (!remedy.amount.empty()) {
      items.push_back({BlacklistMeasure::kRemedySum, *at, c.id, remedy.amount});
    }
  }
  if (c.handling_result == HandlingResult::kDishonest && c.closed_at) {
    items.push_back({BlacklistMeasure::kClosedDishonest, *c.closed_at, c.id, {}});
  }
  for (const Attempt& attempt : c.attempts) {
    if (attempt.direction == Direction::kOutbound && attempt.outcome == AttemptOutcome::kRefused) {
      items.push_back({BlacklistMeasure::kAttemptsRefused, attempt.occurred_at, c.id, {}});
    }
  }
  if (c.details.emotion == Emotion::kThreatening) {
    items.push_back({BlacklistMeasure::kThreatsLogged, c.opened_at, c.id, {}});
  }
}

// Of two compensations without an answer between them, the answer follows the later one.
void AddLowAnswers(std::span<const Response> responses, std::vector<HistoryItem>& items) {
  std::vector<HistoryItem> given;
  for (const HistoryItem& item : items) {
    if (item.measure == BlacklistMeasure::kRemediesGranted) given.push_back(item);
  }
  std::vector<const Response*> answers;
  for (const Response& response : responses) answers.push_back(&response);
  std::stable_sort(answers.begin(), answers.end(), [](const Response* a, const Response* b) {
    return std::pair(a->occurred_at, a->id) < std::pair(b->occurred_at, b->id);
  });
  std::optional<Timestamp> before;
  for (const Response* answer : answers) {
    const HistoryItem* last = nullptr;
    for (const HistoryItem& each : given) {
      if (each.at < answer->occurred_at && (!before || *before <= each.at)) last = &each;
    }
    before = answer->occurred_at;
    const bool low = answer->category == Category::kDetractor && !answer->corrected_score;
    if (last != nullptr && low && answer->occurred_at - last->at <= kRightAfter) {
      items.push_back({BlacklistMeasure::kLowAfterRemedy, answer->occurred_at, last->case_id, {}});
    }
  }
}

void SortItems(std::vector<HistoryItem>& items) {
  std::stable_sort(items.begin(), items.end(), [](const HistoryItem& a, const HistoryItem& b) {
    return std::tie(a.at, a.measure, a.case_id) < std::tie(b.at, b.measure, b.case_id);
  });
}

// ---- What may be a rule

bool IsScore(FieldId field) {
  return field == FieldId::kScore || field == FieldId::kCategory || field == FieldId::kSeverity ||
         field == FieldId::kPriority || field == FieldId::kReopenCount ||
         field == FieldId::kOrigin || field == FieldId::kHistory || field == FieldId::kAnonymous;
}

// Whoever meets the predicate (or, negated, does not) meets something else than scores: of what has
// to hold together one condition is enough; of alternatives each one needs it.
bool NeedsMoreThanScores(const Predicate& predicate, bool negated) {
  if (predicate.kind == Predicate::Kind::kComparison) return !IsScore(predicate.comparison.field);
  const bool inner = predicate.kind == Predicate::Kind::kNone ? !negated : negated;
  const auto needs = [&](const Predicate& child) { return NeedsMoreThanScores(child, inner); };
  // NOT (a OR b) is NOT a AND NOT b; NOT (a AND b) is NOT a OR NOT b.
  const bool together = predicate.kind == Predicate::Kind::kAll ? !negated : inner;
  return together ? std::any_of(predicate.children.begin(), predicate.children.end(), needs)
                  : !predicate.children.empty() &&
                        std::all_of(predicate.children.begin(), predicate.children.end(), needs);
}

void FindProtected(const Predicate& predicate, std::set<FieldId>& found) {
  if (predicate.kind == Predicate::Kind::kComparison &&
      Describe(predicate.comparison.field).is_protected) {
    found.insert(predicate.comparison.field);
  }
  for (const Predicate& child : predicate.children) FindProtected(child, found);
}

bool IsEmpty(const Predicate& predicate) {
  return predicate.kind != Predicate::Kind::kComparison && predicate.children.empty();
}

std::string Days(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::days>(duration).count()) + " days";
}

void CheckCount(const BlacklistCount& count, const std::string& field,
                std::vector<FieldViolation>& found) {
  if (count.measure == BlacklistMeasure::kUnset) {
    found.push_back({field + ".measure",
                     Reason::kEnumValueUnknown,
                     {{"value", ""}, {"expected", "something that is counted"}}});
  }
  if (count.within <= Duration{0}) {
    found.push_back({field + ".within",
                     Reason::kNumberOutOfRange,
                     {{"value", std::to_string(count.within.count())},
                      {"expected", "a time back from now, for what is long past is over"}}});
  }
  if (count.at_least < 1) {
    found.push_back({field + ".at_least",
                     Reason::kNumberOutOfRange,
                     {{"value", std::to_string(count.at_least)}, {"expected", "1 or more"}}});
  }
  if (count.measure == BlacklistMeasure::kRemedySum && count.currency.empty()) {
    found.push_back({field + ".currency", Reason::kRequiredFieldMissing, {}});
  }
}

void CheckAlternative(const BlacklistRule& rule, size_t index, std::vector<FieldViolation>& found) {
  const BlacklistAlternative& alternative = rule.alternatives[index];
  const std::string field = "alternatives[" + std::to_string(index) + "]";
  std::set<FieldId> forbidden;
  FindProtected(alternative.when, forbidden);
  for (const FieldId id : forbidden) {
    found.push_back({field + ".when",
                     Reason::kBlacklistRuleProtected,
                     {{"rule", rule.id}, {"value", std::string(Describe(id).name)}}});
  }
  if (forbidden.empty()) {
    if (auto usable = Check(alternative.when, Use::kOpeningRule); !usable) {
      found.push_back({field + ".when", usable.error().reason, usable.error().metadata});
    }
  }
  for (size_t i = 0; i < alternative.counts.size(); ++i) {
    CheckCount(alternative.counts[i], field + ".counts[" + std::to_string(i) + "]", found);
  }
  if (IsEmpty(alternative.when) && alternative.counts.empty()) {
    found.push_back({field, Reason::kBlacklistRuleNoCondition, {{"rule", rule.id}}});
    return;
  }
  const bool counted = std::any_of(
      alternative.counts.begin(), alternative.counts.end(),
      [](const BlacklistCount& c) { return c.measure != BlacklistMeasure::kLowAfterRemedy; });
  if (!counted && !NeedsMoreThanScores(alternative.when, false)) {
    found.push_back({field, Reason::kBlacklistRuleScoresOnly, {{"rule", rule.id}}});
  }
}

// ---- For whom one holds

// Indices would do, but there are few cases of a customer.
std::set<CaseId> CasesFor(const Predicate& when, const CustomerHistory& history) {
  std::set<CaseId> found;
  for (const Case& c : history.cases) {
    const auto opening =
        std::find_if(history.responses.begin(), history.responses.end(),
                     [&](const Response& each) { return each.id == c.opening_response_id; });
    const Response* response = opening == history.responses.end() ? nullptr : &*opening;
    const OpeningFacts facts(c, response, history.customer);
    if (c.handling_result != HandlingResult::kInvalid && Evaluate(when, facts)) {
      found.insert(c.id);
    }
  }
  return found;
}

BlacklistEvidence EvidenceOf(std::string_view measure, CaseId case_id, Timestamp at) {
  BlacklistEvidence evidence;
  evidence.measure = measure;
  evidence.case_id = case_id;
  evidence.occurred_at = at;
  return evidence;
}

// Adds what is counted. False: there is less than it takes.
bool Reaches(const BlacklistCount& count, const CustomerHistory& history,
             const std::set<CaseId>& cases, Timestamp now,
             std::vector<BlacklistEvidence>& evidence) {
  int64_t total = 0;
  for (const HistoryItem& item : history.items) {
    const bool counts = item.measure == count.measure && cases.contains(item.case_id) &&
                        item.at <= now && item.at >= now - count.within;
    const bool sums = count.measure == BlacklistMeasure::kRemedySum;
    if (!counts || (sums && item.amount.currency != count.currency)) continue;
    // Amounts are bounded (limits::kMoneyMinor); the end is enough, the rest is evidence.
    total = std::min(total + (sums ? item.amount.amount_minor : 1), limits::kMoneyMinor);
    evidence.push_back(EvidenceOf(Name(item.measure), item.case_id, item.at));
  }
  return total >= std::min(count.at_least, limits::kMoneyMinor);
}

std::optional<std::vector<BlacklistEvidence>> EvaluateAlternative(
    const BlacklistAlternative& alternative, const CustomerHistory& history, Duration lasts,
    Timestamp now) {
  const std::set<CaseId> cases = CasesFor(alternative.when, history);
  std::vector<BlacklistEvidence> evidence;
  for (const BlacklistCount& count : alternative.counts) {
    if (!Reaches(count, history, cases, now, evidence)) return std::nullopt;
  }
  if (alternative.counts.empty()) {
    for (const Case& c : history.cases) {
      if (cases.contains(c.id) && c.opened_at <= now && c.opened_at >= now - lasts) {
        evidence.push_back(EvidenceOf(kCaseMeasure, c.id, c.opened_at));
      }
    }
  }
  if (evidence.empty()) return std::nullopt;
  std::stable_sort(evidence.begin(), evidence.end(),
                   [](const BlacklistEvidence& a, const BlacklistEvidence& b) {
                     return a.occurred_at < b.occurred_at;
                   });
  if (evidence.size() > limits::kBlacklistEvidence) {
    evidence.erase(evidence.begin(),
                   evidence.end() - static_cast<std::ptrdiff_t>(limits::kBlacklistEvidence));
  }
  return evidence;
}

}  // namespace

bool IsCompensation(const Remedy& remedy) {
  if (remedy.statutory) return false;
  switch (remedy.kind) {
    case RemedyKind::kRefund:
    case RemedyKind::kVoucher:
    case RemedyKind::kReplacement:
    case RemedyKind::kUpgrade:
    case RemedyKind::kPoints:
    case RemedyKind::kFreeOfCharge: return true;
    case RemedyKind::kUnset:
    case RemedyKind::kExplanation:
    case RemedyKind::kRedo:
    case RemedyKind::kBillCorrection:
    case RemedyKind::kPersonalApology:
    case RemedyKind::kPriority: return false;
  }
  CHECK(false);
  return false;
}

std::string_view Name(BlacklistMeasure measure) {
  switch (measure) {
    case BlacklistMeasure::kUnset: return "";
    case BlacklistMeasure::kRemediesGranted: return "remedies_granted";
    case BlacklistMeasure::kRemedySum: return "remedy_sum";
    case BlacklistMeasure::kClosedDishonest: return "closed_dishonest";
    case BlacklistMeasure::kAttemptsRefused: return "attempts_refused";
    case BlacklistMeasure::kThreatsLogged: return "threats_logged";
    case BlacklistMeasure::kLowAfterRemedy: return "low_after_remedy";
  }
  CHECK(false);
  return {};
}

CustomerHistory HistoryOf(const Customer* customer, std::span<const Case> cases,
                          std::span<const Response> responses) {
  CustomerHistory history{customer, cases, responses, {}};
  for (const Case& c : cases) AddCase(c, history.items);
  SortItems(history.items);
  AddLowAnswers(responses, history.items);
  SortItems(history.items);
  return history;
}

bool MayTouchRules(const Event& event) {
  if (event.customer_id.empty()) return false;
  if (const auto* recorded = std::get_if<RemedyRecorded>(&event.body)) {
    return GivenAt(recorded->remedy).has_value() && IsCompensation(recorded->remedy);
  }
  if (const auto* logged = std::get_if<AttemptLogged>(&event.body)) {
    return logged->attempt.outcome == AttemptOutcome::kRefused;
  }
  if (const auto* recorded = std::get_if<ResponseRecorded>(&event.body)) {
    return recorded->response.category == Category::kDetractor;
  }
  // Opening: a threat, or a condition on how it opened. Closing and ruling: as dishonest. Linking:
  // what two records did counts together. Profile and consent: conditions ask for some of it.
  return std::holds_alternative<CaseOpened>(event.body) ||
         std::holds_alternative<CaseClosed>(event.body) ||
         std::holds_alternative<VerdictRecorded>(event.body) ||
         std::holds_alternative<CaseHistoryDerived>(event.body) ||
         std::holds_alternative<CustomerLinked>(event.body) ||
         std::holds_alternative<CustomerProfileChanged>(event.body) ||
         std::holds_alternative<CustomerConsentChanged>(event.body);
}

std::vector<FieldViolation> CheckRule(const BlacklistRule& rule, const BlacklistPolicy& policy) {
  std::vector<FieldViolation> found;
  const BlacklistKindPolicy* of_kind = policy.Find(rule.kind);
  if (of_kind == nullptr) {
    found.push_back({"kind",
                     Reason::kEnumValueUnknown,
                     {{"value", std::string(Name(rule.kind))},
                      {"expected", "a kind that the configuration has"}}});
  }
  if (rule.alternatives.empty()) {
    found.push_back({"alternatives", Reason::kBlacklistRuleNoCondition, {{"rule", rule.id}}});
  }
  for (size_t i = 0; i < rule.alternatives.size(); ++i) CheckAlternative(rule, i, found);
  const Duration lasts = rule.proposal.duration;
  if (lasts <= Duration{0} || (of_kind != nullptr && lasts > of_kind->max_duration)) {
    found.push_back(
        {"proposal.duration",
         Reason::kBlacklistRuleDuration,
         {{"rule", rule.id},
          {"value", Days(lasts)},
          {"expected", of_kind == nullptr ? "an end" : "up to " + Days(of_kind->max_duration)}}});
  }
  const bool known =
      std::any_of(policy.reasons.begin(), policy.reasons.end(), [&](const BlacklistReason& reason) {
        return reason.id == rule.proposal.reason_code &&
               (reason.kinds.empty() || std::find(reason.kinds.begin(), reason.kinds.end(),
                                                  rule.kind) != reason.kinds.end());
      });
  if (rule.proposal.reason_code.empty() || (!known && !policy.reasons.empty())) {
    found.push_back(
        {"proposal.reason_code", Reason::kReasonUnknown, {{"value", rule.proposal.reason_code}}});
  }
  return found;
}

std::optional<std::vector<BlacklistEvidence>> EvaluateRule(const BlacklistRule& rule,
                                                           const CustomerHistory& history,
                                                           Timestamp now) {
  for (const BlacklistAlternative& alternative : rule.alternatives) {
    auto evidence = EvaluateAlternative(alternative, history, rule.proposal.duration, now);
    if (evidence) return evidence;
  }
  return std::nullopt;
}

std::vector<PastProposal> TryOnPast(const BlacklistRule& rule, const BlacklistPolicy& policy,
                                    const CustomerHistory& history, Timestamp until) {
  std::vector<PastProposal> proposals;
  const BlacklistKindPolicy* of_kind = policy.Find(rule.kind);
  if (of_kind == nullptr) return proposals;
  // As time goes by alone less and less counts, so nothing is missed between these.
  std::set<Timestamp> moments;
  for (const HistoryItem& item : history.items) moments.insert(item.at);
  for (const Case& c : history.cases) moments.insert(c.opened_at);
  const Duration lasts = std::min(rule.proposal.duration, of_kind->max_duration);
  std::optional<Timestamp> rests_until;
  for (const Timestamp at : moments) {
    if (at >= until) break;
    if (rests_until && at < *rests_until) continue;
    auto evidence = EvaluateRule(rule, history, at);
    if (!evidence) continue;
    proposals.push_back({at, at + lasts, *std::move(evidence)});
    rests_until = at + lasts + rule.cool_down;
  }
  return proposals;
}

}  // namespace rebound
