#include "server/storage/sqlite_columns.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "workflows/check.h"
#include "workflows/playbook.h"

namespace rebound {
namespace {

SqlValue ToSql(const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return int64_t{*truth};
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* time = std::get_if<Timestamp>(&value)) return ToMillis(*time);
  return {};
}

// REQUIRES: the field holds one value at most; lists have no column.
SqlValue ToSql(const FieldValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return int64_t{*truth};
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
  if (const auto* text = std::get_if<ShortText>(&value)) return std::string(text->view());
  if (const auto* time = std::get_if<Timestamp>(&value)) return ToMillis(*time);
  CHECK(std::holds_alternative<std::monostate>(value));
  return {};
}

SqlValue TextOrNull(const std::string& text) {
  if (text.empty()) return {};
  return text;
}

SqlValue MillisOrNull(const std::optional<Timestamp>& at) {
  if (!at) return {};
  return ToMillis(*at);
}

template <FieldId field, typename Row>
SqlValue Of(const Row& row) {
  return ToSql(ReadField(row, field));
}

using C = const Case&;
constexpr Column<Case> kCaseColumns[] = {
    {"number", [](C c) -> SqlValue { return c.number; }},
    {"id", [](C c) { return rebound::ToSql(c.id); }},
    {"version", [](C c) -> SqlValue { return c.version; }},
    {"program_id", Of<FieldId::kProgram, Case>},
    {"customer_id", [](C c) { return rebound::ToSql(c.customer_id); }},
    {"dedupe_slot", DedupeSlot},
    {"invitation_id", [](C c) { return rebound::ToSql(c.resurvey.invitation_id); }},
    {"source_system", [](C c) { return TextOrNull(c.details.external_key.source_system); }},
    {"external_id", [](C c) { return TextOrNull(c.details.external_key.external_id); }},
    {"due_sort",
     [](C c) -> SqlValue {
       const auto due = NextDue(c);
       return due ? ToMillis(*due) : std::numeric_limits<int64_t>::max();
     }},
    {"claimable", [](C c) -> SqlValue { return int64_t{IsClaimable(c)}; }},
    {"severity", Of<FieldId::kSeverity, Case>},
    {"priority", Of<FieldId::kPriority, Case>},
    {"priority_rank", [](C c) -> SqlValue { return int64_t{RankOf(c, {}).priority_rank}; }},
    {"escalation_level", Of<FieldId::kEscalationLevel, Case>},
    {"paused", Of<FieldId::kPaused, Case>},
    {"opened_ms", Of<FieldId::kOpenTime, Case>},
    {"closed_ms", Of<FieldId::kCloseTime, Case>},
    {"status", Of<FieldId::kStatus, Case>},
    {"phase", Of<FieldId::kPhase, Case>},
    {"org_unit_id", Of<FieldId::kOrgUnit, Case>},
    {"queue_id", Of<FieldId::kQueue, Case>},
    {"owner", Of<FieldId::kOwner, Case>},
    {"category", Of<FieldId::kCategory, Case>},
    {"score", Of<FieldId::kScore, Case>},
    {"touchpoint", Of<FieldId::kTouchpoint, Case>},
    {"playbook_id", Of<FieldId::kPlaybook, Case>},
    {"origin", Of<FieldId::kOrigin, Case>},
    {"channel", Of<FieldId::kChannel, Case>},
    {"language", Of<FieldId::kLanguage, Case>},
    {"handling_result", Of<FieldId::kHandlingResult, Case>},
    {"resurvey_result", Of<FieldId::kResurveyResult, Case>},
    {"value_at_risk", Of<FieldId::kValueAtRisk, Case>},
    {"arm", Of<FieldId::kArm, Case>},
    {"history", Of<FieldId::kHistory, Case>},
    {"reopen_count", Of<FieldId::kReopenCount, Case>},
    {"step_id", Of<FieldId::kStep, Case>},
    {"step_queue", Of<FieldId::kStepQueue, Case>},
    {"step_owner", Of<FieldId::kStepOwner, Case>},
    {"needs_work", [](C c) -> SqlValue { return int64_t{NeedsWork(c)}; }},
    {"owned_ms", [](C c) { return MillisOrNull(c.owned_at); }},
    {"commitment_ms", [](C c) { return MillisOrNull(NextPromise(c)); }},
    {"breach_sort",
     [](C c) -> SqlValue {
       const CaseClock* next = NextBreach(c);
       return next == nullptr ? std::numeric_limits<int64_t>::max() : ToMillis(*next->due_at);
     }},
};

using R = const Response&;
constexpr Column<Response> kResponseColumns[] = {
    {"id", [](R r) { return rebound::ToSql(r.id); }},
    {"version", [](R r) -> SqlValue { return r.version; }},
    {"source_system",
     [](R r) { return r.external_key.empty() ? SqlValue{} : r.external_key.source_system; }},
    {"external_id",
     [](R r) { return r.external_key.empty() ? SqlValue{} : r.external_key.external_id; }},
    {"program_id", Of<FieldId::kProgram, Response>},
    {"customer_id", [](R r) { return rebound::ToSql(r.customer_id); }},
    {"occurred_ms", Of<FieldId::kOccurTime, Response>},
    {"recorded_ms", Of<FieldId::kRecordTime, Response>},
    {"score", Of<FieldId::kScore, Response>},
    {"category", Of<FieldId::kCategory, Response>},
    {"touchpoint", Of<FieldId::kTouchpoint, Response>},
    {"org_unit_id", Of<FieldId::kOrgUnit, Response>},
    {"queue_id", [](R r) { return TextOrNull(r.queue_id); }},
    {"channel", Of<FieldId::kChannel, Response>},
    {"language", Of<FieldId::kLanguage, Response>},
    {"respondent_role", Of<FieldId::kRespondentRole, Response>},
};

using K = const Customer&;
constexpr Column<Customer> kCustomerColumns[] = {
    {"id", [](K c) { return rebound::ToSql(c.id); }},
    {"version", [](K c) -> SqlValue { return c.version; }},
    {"alias_of", [](K c) { return rebound::ToSql(c.alias_of); }},
    {"org_unit_id", [](K c) { return TextOrNull(c.profile.org_unit_id); }},
    {"do_not_contact", Of<FieldId::kDoNotContact, Customer>},
    {"segment", Of<FieldId::kSegment, Customer>},
    {"account_id", Of<FieldId::kAccount, Customer>},
    {"erased_ms", [](K c) { return MillisOrNull(c.erased_at); }},
    {"scrubbed_ms", [](K c) { return MillisOrNull(c.scrubbed_at); }},
};

using B = const BlacklistEntry&;
constexpr Column<BlacklistEntry> kEntryColumns[] = {
    {"number", [](B b) -> SqlValue { return b.number; }},
    {"id", [](B b) { return rebound::ToSql(b.id); }},
    {"version", [](B b) -> SqlValue { return b.version; }},
    {"customer_id", [](B b) { return rebound::ToSql(b.customer_id); }},
    {"kind", [](B b) -> SqlValue { return std::string(Name(b.kind)); }},
    {"state", [](B b) -> SqlValue { return std::string(Name(b.state)); }},
    {"org_unit_id", [](B b) { return TextOrNull(b.org_unit_id); }},
    {"due_ms", [](B b) { return MillisOrNull(NextDue(b)); }},
    {"expires_ms", [](B b) -> SqlValue { return ToMillis(b.expires_at); }},
    {"rule_id", [](B b) { return TextOrNull(b.rule_id); }},
};

static_assert(std::size(kCaseColumns) <= kMostColumns);
static_assert(std::size(kResponseColumns) <= kMostColumns);
static_assert(std::size(kCustomerColumns) <= kMostColumns);
static_assert(std::size(kEntryColumns) <= kMostColumns);

// The SQL that gives a field's value.
struct FieldSql {
  FieldId field;
  std::string_view sql;
};

constexpr FieldSql kCaseFields[] = {
    {FieldId::kNumber, "('C-' || number)"},
    {FieldId::kStatus, "status"},
    {FieldId::kPhase, "phase"},
    {FieldId::kSeverity, "severity"},
    {FieldId::kProgram, "program_id"},
    {FieldId::kTouchpoint, "touchpoint"},
    {FieldId::kOrgUnit, "org_unit_id"},
    {FieldId::kQueue, "queue_id"},
    {FieldId::kOwner, "owner"},
    {FieldId::kCategory, "category"},
    {FieldId::kScore, "score"},
    {FieldId::kPlaybook, "playbook_id"},
    {FieldId::kOrigin, "origin"},
    {FieldId::kChannel, "channel"},
    {FieldId::kLanguage, "language"},
    {FieldId::kCustomer, "customer_id"},
    {FieldId::kHandlingResult, "handling_result"},
    {FieldId::kResurveyResult, "resurvey_result"},
    {FieldId::kOpenTime, "opened_ms"},
    {FieldId::kCloseTime, "closed_ms"},
    {FieldId::kNextDueTime, "NULLIF(due_sort, 9223372036854775807)"},
    {FieldId::kValueAtRisk, "value_at_risk"},
    {FieldId::kArm, "arm"},
    {FieldId::kHistory, "history"},
    {FieldId::kReopenCount, "reopen_count"},
    {FieldId::kPriority, "priority"},
    {FieldId::kEscalationLevel, "escalation_level"},
    {FieldId::kPaused, "paused"},
    {FieldId::kStep, "step_id"},
    {FieldId::kStepQueue, "step_queue"},
    {FieldId::kStepOwner, "step_owner"},
};
constexpr FieldSql kResponseFields[] = {
    {FieldId::kProgram, "program_id"},
    {FieldId::kTouchpoint, "touchpoint"},
    {FieldId::kOrgUnit, "org_unit_id"},
    {FieldId::kCategory, "category"},
    {FieldId::kScore, "score"},
    {FieldId::kChannel, "channel"},
    {FieldId::kLanguage, "language"},
    {FieldId::kCustomer, "customer_id"},
    {FieldId::kAnonymous, "(customer_id IS NULL)"},
    {FieldId::kRespondentRole, "respondent_role"},
    {FieldId::kOccurTime, "occurred_ms"},
    {FieldId::kRecordTime, "recorded_ms"},
};
constexpr FieldSql kCustomerFields[] = {
    {FieldId::kOrgUnit, "org_unit_id"},
    {FieldId::kDoNotContact, "do_not_contact"},
    {FieldId::kSegment, "segment"},
    {FieldId::kAccount, "account_id"},
};

std::span<const FieldSql> FieldsOf(Use use) {
  switch (use) {
    case Use::kCaseFilter: return kCaseFields;
    case Use::kResponseFilter: return kResponseFields;
    case Use::kCustomerFilter: return kCustomerFields;
    case Use::kOpeningRule:
    case Use::kStepRule: break;
  }
  CHECK(false);
  return {};
}

// The path or anything below it. '0' is the character after '/'.
void OrAtOrBelow(std::string_view sql, const std::string& path, Condition& condition) {
  ((condition.sql += '(') += sql) += " = ? OR (";
  ((condition.sql += sql) += " >= ? AND ").append(sql) += " < ?))";
  condition.values.insert(condition.values.end(), {path, path + '/', path + '0'});
}

// A case number can be looked up; as a text it could not.
std::optional<int64_t> CaseNumber(const Comparison& comparison) {
  const auto& text = std::get<std::string>(comparison.value);
  if (!text.starts_with("C-")) return std::nullopt;
  const int64_t number = std::strtoll(text.c_str() + 2, nullptr, 10);
  return CaseNumberText(number) == text ? std::optional(number) : std::nullopt;
}

void AppendComparison(const Comparison& comparison, Use use, Condition& condition) {
  for (const auto& [field, sql] : FieldsOf(use)) {
    if (field != comparison.field) continue;
    if (comparison.op == Op::kIsSet) {
      (condition.sql += sql) += " IS NOT NULL";
      return;
    }
    if (comparison.op == Op::kHas) {
      CHECK(Describe(field).type == FieldType::kPath);  // others have no column
      OrAtOrBelow(sql, std::get<std::string>(comparison.value), condition);
      return;
    }
    if (field == FieldId::kNumber && comparison.op == Op::kEqual) {
      if (const auto number = CaseNumber(comparison)) {
        condition.sql += "number = ?";
        condition.values.emplace_back(*number);
        return;
      }
    }
    (((condition.sql += sql) += ' ') += Symbol(comparison.op)) += " ?";
    if (Describe(field).type == FieldType::kId) {
      const auto id = DecodeId(std::get<std::string>(comparison.value));
      condition.values.emplace_back(Blob{std::string(id ? BytesOf(*id) : std::string_view{})});
    } else {
      condition.values.push_back(ToSql(comparison.value));
    }
    return;
  }
  CHECK(false);
}

// A filter with NOT only around comparisons, and AND and OR by turns.
//
// SQLite's parser takes a hundred pending symbols. Each level here that is not flat has a
// comparison of its own, of which there are 64 at most, only an OR within an AND takes parentheses,
// and the deepest branch comes first, before anything is pending: half a level costs one symbol.
struct Expression {
  const Comparison* comparison = nullptr;
  bool is_negated = false;  // of a comparison
  bool is_or = false;       // of `children`
  std::vector<Expression> children{};
  int depth = 0;
};

Expression Flat(const Predicate& filter, bool is_negated) {
  using Kind = Predicate::Kind;
  if (filter.kind == Kind::kComparison) return {&filter.comparison, is_negated};
  const bool negates = filter.kind == Kind::kNone ? !is_negated : is_negated;
  Expression flat{.is_or = (filter.kind == Kind::kAll) == negates};
  for (const Predicate& child : filter.children) {
    Expression part = Flat(child, negates);
    if (part.comparison == nullptr && part.is_or == flat.is_or) {
      std::move(part.children.begin(), part.children.end(), std::back_inserter(flat.children));
    } else {
      flat.children.push_back(std::move(part));
    }
  }
  if (flat.children.size() == 1) return Expression(std::move(flat.children.front()));
  std::stable_sort(flat.children.begin(), flat.children.end(),
                   [](const Expression& a, const Expression& b) { return a.depth > b.depth; });
  if (!flat.children.empty()) flat.depth = flat.children.front().depth + 1;
  return flat;
}

void AppendExpression(const Expression& expression, Use use, Condition& condition) {
  if (expression.comparison != nullptr) {
    // A comparison with NULL is NULL in SQL, and so is its NOT; IS NOT TRUE is what Evaluate does.
    if (expression.is_negated) condition.sql += '(';
    AppendComparison(*expression.comparison, use, condition);
    if (expression.is_negated) condition.sql += ") IS NOT TRUE";
    return;
  }
  std::string_view before;
  for (const Expression& child : expression.children) {
    condition.sql += before;
    const bool needs_brackets = child.is_or && !expression.is_or;
    if (needs_brackets) condition.sql += '(';
    AppendExpression(child, use, condition);
    if (needs_brackets) condition.sql += ')';
    before = expression.is_or ? " OR " : " AND ";
  }
}

}  // namespace

std::span<const Column<Case>> CaseColumns() { return kCaseColumns; }
std::span<const Column<Response>> ResponseColumns() { return kResponseColumns; }
std::span<const Column<Customer>> CustomerColumns() { return kCustomerColumns; }
std::span<const Column<BlacklistEntry>> EntryColumns() { return kEntryColumns; }

void AndFilter(const Predicate& filter, Use use, Condition& condition) {
  const Expression flat = Flat(filter, false);
  if (flat.comparison == nullptr && flat.children.empty()) return;
  condition.And(flat.is_or ? "(" : "");
  AppendExpression(flat, use, condition);
  if (flat.is_or) condition.sql += ')';
}

void AndOrgUnits(const Scope& scope, Condition& condition) {
  if (scope.org_units.empty()) return;
  condition.And("(org_unit_id = ''");  // never: an empty org unit is NULL
  for (const std::string& unit : scope.org_units) {
    if (unit.empty()) continue;
    condition.sql += " OR ";
    OrAtOrBelow("org_unit_id", unit, condition);
  }
  condition.sql += ')';
}

void AndScope(const Scope& scope, Condition& condition) {
  AndOrgUnits(scope, condition);
  if (scope.queues.empty()) return;
  // A single queue may use its index. Several must not: SQLite would collect and sort all of their
  // rows for one page, where walking the order and skipping ends after a few.
  condition.And(scope.queues.size() == 1 ? "queue_id IN (" : "+queue_id IN (");
  for (size_t i = 0; i < scope.queues.size(); ++i) {
    condition.sql += i == 0 ? "?" : ", ?";
    condition.values.emplace_back(scope.queues[i]);
  }
  condition.sql += ')';
}

SqlValue DedupeSlot(const Case& c) {
  if (!c.holds_dedupe_slot || c.customer_id.empty()) return {};
  return Blob{std::string(BytesOf(c.customer_id)) + c.program_id};
}

}  // namespace rebound
