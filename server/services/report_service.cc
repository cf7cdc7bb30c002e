#include "rebound/v1/report_service.pb.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "server/access/mask.h"
#include "server/execute/lookup.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "workflows/blacklist_figures.h"
#include "workflows/contribution.h"
#include "workflows/limits.h"
#include "workflows/statistics.h"

namespace rebound {
namespace {

// What a request asks about, checked.
struct Question {
  std::string program_id;
  std::string group_by;
  std::optional<Timestamp> as_of;  // nullopt: everything known
  std::optional<Timestamp> start, end;
  Scope scope;

  bool Holds(Timestamp t) const {
    return (!start || t >= *start) && (!end || t < *end) && (!as_of || t <= *as_of);
  }
};

constexpr std::string_view kGroups =
    "touchpoint, org_unit, channel, language, respondent_role, attributes.KEY";

Result<Question> Ask(const Call& call, const api::ReportScope& in, bool needs_program) {
  Question q;
  Checks checks;
  q.scope = call.identity.scope;
  q.program_id = in.program_id();
  if (q.program_id.empty() ? needs_program : call.revision->FindProgram(q.program_id) == nullptr) {
    checks.Add("scope.program_id",
               q.program_id.empty() ? Reason::kRequiredFieldMissing : Reason::kUnknownProgram,
               {{"value", q.program_id.substr(0, 80)}});
  }
  q.group_by = in.group_by();
  const bool attribute = q.group_by.rfind("attributes.", 0) == 0 && q.group_by.size() > 11;
  if (!q.group_by.empty() && !attribute && q.group_by != "touchpoint" && q.group_by != "org_unit" &&
      q.group_by != "channel" && q.group_by != "language" && q.group_by != "respondent_role") {
    checks.Add("scope.group_by", Reason::kFilterInvalid,
               {{"column", "1"},
                {"problem", "unknown_field"},
                {"found", q.group_by.substr(0, 80)},
                {"expected", std::string(kGroups)}});
  }
  const Timestamp latest = call.backend.executor.Now() + limits::kClockSkew;
  const auto time = [&](const char* field, bool has, const google::protobuf::Timestamp& value,
                        std::optional<Timestamp>* out) {
    if (!has) return;
    *out = checks.Time(field, value);
    if (*out && (**out < limits::kEarliest || **out > latest)) {
      checks.Add(field, Reason::kTimestampOutOfRange,
                 {{"value", FormatTime(**out)}, {"expected", limits::kOccurBounds}});
    }
  };
  time("scope.as_of", in.has_as_of(), in.as_of(), &q.as_of);
  time("scope.start_time", in.has_start_time(), in.start_time(), &q.start);
  time("scope.end_time", in.has_end_time(), in.end_time(), &q.end);
  if (!checks.ok()) return std::move(checks).ToError();
  return q;
}

// As Response.attributes is shown: a key may be a phone number.
std::string Group(const Call& call, const Response& r, const std::string& by) {
  if (by == "touchpoint") return r.touchpoint;
  if (by == "org_unit") return r.org_unit_id;
  if (by == "channel") return r.survey_channel;
  if (by == "language") return r.language;
  if (by == "respondent_role") return r.respondent_role;
  const auto attribute = r.attributes.find(by.substr(std::string_view("attributes.").size()));
  if (attribute == r.attributes.end()) return "";
  return call.sees_contact ? attribute->second : Mask(MaskKind::kKey, attribute->second);
}

std::string Group(const Call& call, Reader& reader, const Case& c, const std::string& by) {
  if (by == "touchpoint") return c.details.touchpoint;
  if (by == "org_unit") return c.details.org_unit_id;
  if (by == "language") return c.details.language;
  if (by == "respondent_role") return c.details.respondent_role;
  const auto opening = reader.GetResponse(c.opening_response_id);
  return opening ? Group(call, *opening, by) : "";
}

void FillInterval(const std::optional<Interval>& interval,
                  const std::function<api::Interval*()>& out) {
  if (!interval) return;
  api::Interval* to = out();
  to->set_low(interval->low);
  to->set_high(interval->high);
}

void FillShare(int64_t k, int64_t n, api::Proportion* out) {
  const Proportion share = Wilson(k, n);
  out->set_count(k);
  out->set_total(n);
  if (share.value) out->set_value(*share.value);
  FillInterval(share.interval, [&] { return out->mutable_interval(); });
}

void FillNps(const std::string& group, const Counts& c, api::NpsFigure* out) {
  const NpsFigure figure = Nps(c.promoters, c.passives, c.detractors);
  out->set_group(group);
  out->set_response_count(c.promoters + c.passives + c.detractors);
  out->set_promoter_count(c.promoters);
  out->set_passive_count(c.passives);
  out->set_detractor_count(c.detractors);
  if (figure.nps) out->set_nps(*figure.nps);
  FillInterval(figure.interval, [&] { return out->mutable_interval(); });
}

void FillNps(const std::string& group, const SplitCounts& c, api::NpsFigure* out) {
  FillNps(group, c.all, out);
  const int64_t listed = c.listed.promoters + c.listed.passives + c.listed.detractors;
  if (listed == 0) return;
  out->set_listed_count(listed);
  FillNps(group, c.WithoutListed(), out->mutable_without_listed());
}

template <typename Figure>
void FillExclusions(const Counts& c, Figure* out) {
  for (int i = 1; i < kExclusionCount; ++i) {
    if (c.excluded[i] == 0) continue;
    api::Exclusion* to = out->add_exclusions();
    to->set_reason(std::string(Name(static_cast<Exclusion>(i))));
    to->set_count(c.excluded[i]);
  }
}

void FillFunnel(const std::string& group, const Counts& c, api::Funnel* out) {
  out->set_group(group);
  out->set_opened_count(c.opened);
  out->set_open_count(c.open);
  FillExclusions(c, out);
  for (const auto& [stage, count] :
       {std::pair("eligible", c.eligible), std::pair("contacted", c.contacted),
        std::pair("remedied", c.remedied), std::pair("asked", c.asked),
        std::pair("answered", c.answered), std::pair("recovered", c.recovered_ever),
        std::pair("converted", c.converted_ever)}) {
    api::FunnelStage* to = out->add_stages();
    to->set_stage(stage);
    to->set_count(count);
    if (c.eligible > 0) {
      to->set_share(static_cast<double>(count) / static_cast<double>(c.eligible));
    }
  }
}

void FillFunnel(const std::string& group, const SplitCounts& c, api::Funnel* out) {
  FillFunnel(group, c.all, out);
  if (c.listed.opened == 0) return;
  out->set_listed_count(c.listed.eligible);
  FillFunnel(group, c.WithoutListed(), out->mutable_without_listed());
}

void FillRates(const Counts& c, api::RecoveryRates* out) {
  out->set_eligible_count(c.eligible);
  out->set_answered_count(c.answered);
  FillShare(c.recovered_first, c.eligible, out->mutable_recovered_first_answer());
  FillShare(c.converted_first, c.eligible, out->mutable_converted_first_answer());
  FillShare(c.recovered_ever, c.eligible, out->mutable_recovered_ever());
  FillShare(c.converted_ever, c.eligible, out->mutable_converted_ever());
  FillShare(c.recovered_first, c.answered, out->mutable_recovered_among_answerers());
  FillShare(c.converted_first, c.answered, out->mutable_converted_among_answerers());
  if (c.eligible == 0) return;
  const auto bounds = [&](int64_t worst, api::Interval* to) {
    const auto n = static_cast<double>(c.eligible);
    to->set_low(static_cast<double>(worst) / n);
    to->set_high(static_cast<double>(worst + c.eligible - c.answered) / n);
  };
  bounds(c.recovered_first, out->mutable_recovered_bounds());
  bounds(c.converted_first, out->mutable_converted_bounds());
}

// The rollups hold the sums of everything known now; any other question is counted row by row.
bool RollupsAnswer(const Question& q) {
  return q.group_by.empty() && !q.as_of && !q.start && !q.end && q.scope.queues.empty();
}

Counts FromRollups(Reader& reader, const Question& q) {
  Counts total;
  reader.ScanRollups([&](const RollupKey& key, const Counts& counts) {
    if (!q.program_id.empty() && key.program_id != q.program_id) return;
    if (q.scope.CoversOrgUnit(key.org_unit_id)) total += counts;
  });
  return total;
}

// Who was listed when, as it was known at as_of. Entries are few beside cases and answers.
Listing ListingOf(Reader& reader, std::optional<Timestamp> as_of) {
  Listing entries;
  reader.ScanEntries([&](const BlacklistEntry& entry) {
    if (const auto time = ListedBy(entry, as_of)) entries[entry.customer_id].push_back(*time);
  });
  Listing listing;
  for (const auto& [named, times] : entries) {
    const auto standing = Standing(reader, reader.GetCustomer(named));
    for (const CustomerId& id : Everyone(reader, standing ? standing->id : named)) {
      std::vector<ListedTime>& all = listing[id];
      all.insert(all.end(), times.begin(), times.end());
    }
  }
  return listing;
}

// Rollups know no customers. Where they answer, what is of listed ones is read by customer and
// taken off: the rows a scan would have visited, and no others.
Counts ListedAnswers(Reader& reader, const Question& q, const Listing& listing) {
  Counts counts;
  for (const auto& [customer, times] : listing) {
    for (const Response& r : reader.ResponsesOf(customer)) {
      if (!q.program_id.empty() && r.program_id != q.program_id) continue;
      if (!q.scope.CoversOrgUnit(r.org_unit_id)) continue;
      if (WasListed(listing, customer, r.occurred_at)) counts += Contribution(r);
    }
  }
  return counts;
}

Counts ListedCases(Reader& reader, const Question& q, const Listing& listing) {
  Counts counts;
  for (const auto& [customer, times] : listing) {
    for (const Case& c : reader.CasesOf(customer)) {
      if (!q.program_id.empty() && c.program_id != q.program_id) continue;
      if (!q.scope.CoversOrgUnit(c.details.org_unit_id)) continue;
      if (WasListed(listing, customer, c.opened_at)) counts += Contribution(c);
    }
  }
  return counts;
}

// A row keeps its last closing only. Whether a case that was reopened since was open at that time,
// its events know.
bool WasOpen(Reader& reader, const Case& c, Timestamp as_of) {
  bool open = true;
  for (const Event& event : reader.CaseEvents(c.id, 0, std::numeric_limits<int32_t>::max())) {
    if (event.occurred_at <= as_of) open = event.phase != Phase::kClosed;
  }
  return open;
}

Counts AnswersOf(Reader& reader, const Question& q) {
  if (!q.as_of && !q.start && !q.end && q.scope.queues.empty()) return FromRollups(reader, q);
  Counts answers;
  reader.ScanResponses(q.program_id, q.scope, [&](const Response& r) {
    if (q.Holds(r.occurred_at)) answers += Contribution(r);
  });
  return answers;
}

Timestamp AsOf(const Call& call, const Question& q) {
  return q.as_of.value_or(call.backend.executor.Now());
}

Result<void> GetNps(const Call& call, Reader& reader, const api::GetNpsReportRequest& request,
                    api::GetNpsReportResponse* out) {
  auto question = Ask(call, request.scope(), false);
  if (!question) return std::move(question).error();
  const Question& q = *question;
  const Listing listing = ListingOf(reader, q.as_of);
  SplitCounts total;
  std::map<std::string, SplitCounts> groups;
  if (RollupsAnswer(q)) {
    total = {FromRollups(reader, q), ListedAnswers(reader, q, listing)};
  } else {
    reader.ScanResponses(q.program_id, q.scope, [&](const Response& r) {
      if (!q.Holds(r.occurred_at)) return;
      const Counts counts = Contribution(r);
      const bool listed = WasListed(listing, r.customer_id, r.occurred_at);
      total.Add(counts, listed);
      if (!q.group_by.empty()) groups[Group(call, r, q.group_by)].Add(counts, listed);
    });
  }
  FillNps("", total, out->mutable_total());
  out->set_anonymous_count(total.all.anonymous);
  for (const auto& [group, counts] : groups) FillNps(group, counts, out->add_groups());
  Fill(AsOf(call, q), out->mutable_as_of());
  return {};
}

Result<void> GetFunnel(const Call& call, Reader& reader, const api::GetFunnelReportRequest& request,
                       api::GetFunnelReportResponse* out) {
  auto question = Ask(call, request.scope(), false);
  if (!question) return std::move(question).error();
  const Question& q = *question;
  const Listing listing = ListingOf(reader, q.as_of);
  SplitCounts total;
  std::map<std::string, SplitCounts> groups;
  if (RollupsAnswer(q)) {
    total = {FromRollups(reader, q), ListedCases(reader, q, listing)};
  } else {
    reader.ScanCases(q.program_id, q.scope, [&](const Case& c) {
      if (!q.Holds(c.opened_at)) return;
      Counts counts = Contribution(c, q.as_of);
      if (q.as_of && c.reopen_count > 0 && !c.history) {
        counts.open = WasOpen(reader, c, *q.as_of) ? 1 : 0;
      }
      const bool listed = WasListed(listing, c.customer_id, c.opened_at);
      total.Add(counts, listed);
      if (!q.group_by.empty()) groups[Group(call, reader, c, q.group_by)].Add(counts, listed);
    });
  }
  FillFunnel("", total, out->mutable_total());
  for (const auto& [group, counts] : groups) FillFunnel(group, counts, out->add_groups());
  Fill(AsOf(call, q), out->mutable_as_of());
  return {};
}

struct Cohort {
  Counts all, matured, not_matured;
  std::vector<Observation> eligible;  // for the curve

  void Add(const Case& c, const Counts& counts, Timestamp as_of) {
    all += counts;
    (IsMatured(c, as_of) ? matured : not_matured) += counts;
    if (counts.eligible > 0) eligible.push_back(ConversionTime(c, as_of));
  }
};

struct SplitCohort {
  Cohort all, without_listed;

  void Add(const Case& c, const Counts& counts, Timestamp as_of, bool listed) {
    all.Add(c, counts, as_of);
    if (!listed) without_listed.Add(c, counts, as_of);
  }
};

void FillRecovery(const std::string& group, const Cohort& cohort, api::RecoveryFigure* out) {
  out->set_group(group);
  out->set_opened_count(cohort.all.opened);
  FillExclusions(cohort.all, out);
  FillRates(cohort.all, out->mutable_all());
  FillRates(cohort.matured, out->mutable_matured());
  FillRates(cohort.not_matured, out->mutable_not_matured());
  for (const KaplanMeierStep& step : KaplanMeier(cohort.eligible).steps) {
    api::SurvivalStep* to = out->add_conversion_curve();
    to->set_days(std::chrono::duration<double, std::ratio<86'400>>(step.time).count());
    to->set_at_risk_count(step.at_risk);
    to->set_event_count(step.events);
    to->set_survival(step.survival);
    FillInterval(step.band, [&] { return to->mutable_interval(); });
  }
}

void FillRecovery(const std::string& group, const SplitCohort& cohort, api::RecoveryFigure* out) {
  FillRecovery(group, cohort.all, out);
  if (cohort.without_listed.all.opened == cohort.all.all.opened) return;
  out->set_listed_count(cohort.all.all.eligible - cohort.without_listed.all.eligible);
  FillRecovery(group, cohort.without_listed, out->mutable_without_listed());
}

void FillCustomers(const CustomerRecovery& figure, api::CustomerRecoveryFigure* out) {
  const int64_t n = figure.began_as_detractor_and_answered_again;
  out->set_customer_count(n);
  FillShare(figure.converted_ever, n, out->mutable_converted_ever());
  FillShare(figure.converted_last, n, out->mutable_converted_last());
  FillShare(figure.recovered_ever, n, out->mutable_recovered_ever());
  FillShare(figure.recovered_last, n, out->mutable_recovered_last());
  out->set_never_again_count(figure.never_again);
}

void GetCustomers(Reader& reader, const Question& q, api::CustomerRecoveryFigure* out) {
  const Listing listing = ListingOf(reader, q.as_of);
  CustomerRecovery figure, without;
  CustomerId current;
  bool listed = false;  // `current`, at their first answer
  std::vector<Category> answers;
  const auto count = [&] {
    figure.Add(answers);
    if (!listed) without.Add(answers);
    answers.clear();
  };
  reader.ScanAnswers(q.program_id, q.scope,
                     [&](const CustomerId& customer, Timestamp at, Category category) {
                       if (!q.Holds(at)) return;
                       if (customer != current) {
                         count();
                         current = customer;
                         listed = WasListed(listing, customer, at);
                       }
                       answers.push_back(category);
                     });
  count();
  FillCustomers(figure, out);
  if (figure == without) return;
  out->set_listed_count(figure.began_as_detractor_and_answered_again -
                        without.began_as_detractor_and_answered_again);
  FillCustomers(without, out->mutable_without_listed());
}

Result<void> GetRecovery(const Call& call, Reader& reader,
                         const api::GetRecoveryReportRequest& request,
                         api::GetRecoveryReportResponse* out) {
  auto question = Ask(call, request.scope(), true);
  if (!question) return std::move(question).error();
  Question& q = *question;
  Checks checks;
  const auto unit = checks.Enum<api::RecoveryUnit>("unit", request.unit(), false);
  if (!checks.ok()) return std::move(checks).ToError();

  if (unit == api::RECOVERY_UNIT_CUSTOMER) {
    GetCustomers(reader, q, out->mutable_customers());
    Fill(AsOf(call, q), out->mutable_as_of());
    return {};
  }

  std::vector<Case> cases;
  bool history = true;
  reader.ScanCases(q.program_id, q.scope, [&](const Case& c) {
    if (!q.Holds(c.opened_at)) return;
    history = history && c.history;
    cases.push_back(c);
  });
  const Counts answers = AnswersOf(reader, q);
  // Nobody was watched after the last answer of data that is history.
  if (!q.as_of && history && !cases.empty()) q.as_of = reader.LastAnswerAt(q.program_id);
  const Timestamp as_of = AsOf(call, q);

  const Listing listing = ListingOf(reader, q.as_of);
  SplitCohort total;
  std::map<std::string, SplitCohort> groups;
  for (const Case& c : cases) {
    const Counts counts = Contribution(c, as_of);
    const bool listed = WasListed(listing, c.customer_id, c.opened_at);
    total.Add(c, counts, as_of, listed);
    if (!q.group_by.empty()) {
      groups[Group(call, reader, c, q.group_by)].Add(c, counts, as_of, listed);
    }
  }
  api::RecoveryFigure* to = out->mutable_total();
  FillRecovery("", total, to);
  to->set_anonymous_detractor_count(answers.anonymous_detractors);
  if (to->has_without_listed()) {  // nobody is both
    to->mutable_without_listed()->set_anonymous_detractor_count(answers.anonymous_detractors);
  }
  for (const auto& [group, cohort] : groups) FillRecovery(group, cohort, out->add_groups());
  Fill(as_of, out->mutable_as_of());
  return {};
}

struct PauseSum {
  std::set<CaseId> cases;
  int64_t pauses = 0, lasting = 0;
  Duration paused{0}, longest{0};
};

void FillPauses(const std::string& owner, const PauseSum& sum, api::PauseFigure* out) {
  out->set_owner(owner);
  out->set_case_count(static_cast<int64_t>(sum.cases.size()));
  out->set_pause_count(sum.pauses);
  out->set_lasting_count(sum.lasting);
  Fill(sum.paused, out->mutable_paused());
  Fill(sum.longest, out->mutable_longest());
}

// The report has groups of its own.
Error NotGrouped(const Question& q, const char* expected) {
  return FieldError("scope.group_by", Reason::kFilterInvalid,
                    {{"column", "1"},
                     {"problem", "field_not_allowed"},
                     {"found", q.group_by.substr(0, 80)},
                     {"expected", expected}});
}

Result<void> GetPauses(const Call& call, Reader& reader, const api::GetPauseReportRequest& request,
                       api::GetPauseReportResponse* out) {
  auto question = Ask(call, request.scope(), false);
  if (!question) return std::move(question).error();
  const Question& q = *question;
  if (!q.group_by.empty()) return NotGrouped(q, "nothing: pauses go by owner");
  const Timestamp as_of = AsOf(call, q);
  PauseSum total;
  std::map<std::string, PauseSum> owners;
  reader.ScanCases(q.program_id, q.scope, [&](const Case& c) {
    for (const Pause& pause : c.pauses) {
      if (!q.Holds(pause.paused_at)) continue;
      // What ended later still lasted then.
      const bool lasts = !pause.resumed_at || *pause.resumed_at > as_of;
      const Duration stood =
          std::max(Duration(0), (lasts ? as_of : *pause.resumed_at) - pause.paused_at);
      for (PauseSum* sum : {&total, &owners[pause.owner]}) {
        sum->cases.insert(c.id);
        sum->pauses += 1;
        sum->lasting += lasts ? 1 : 0;
        sum->paused += stood;
        sum->longest = std::max(sum->longest, stood);
      }
    }
  });
  FillPauses("", total, out->mutable_total());
  for (const auto& [owner, sum] : owners) FillPauses(owner, sum, out->add_owners());
  Fill(as_of, out->mutable_as_of());
  return {};
}

// One group in one currency.
struct RemedySum {
  std::set<CaseId> cases;
  int64_t remedies = 0, granted = 0, given = 0, statutory = 0, declined = 0, reversed = 0;
};

// Ends at the greatest number instead of overflowing.
void AddMinor(int64_t minor, int64_t* sum) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  *sum = *sum > kMost - minor ? kMost : *sum + minor;
}

void AddRemedy(const Case& c, const Remedy& remedy, RemedySum* sum) {
  if (remedy.state == RemedyState::kDeclined) return void(++sum->declined);
  if (remedy.state == RemedyState::kReversed) return void(++sum->reversed);
  sum->cases.insert(c.id);
  ++sum->remedies;
  const int64_t minor = remedy.amount.amount_minor;
  AddMinor(minor, &sum->granted);
  if (remedy.state == RemedyState::kAccepted || remedy.state == RemedyState::kDelivered) {
    AddMinor(minor, &sum->given);
  }
  if (remedy.statutory) AddMinor(minor, &sum->statutory);
}

void FillRemedies(const std::string& key, const std::string& currency, const RemedySum& sum,
                  api::RemedyFigure* out) {
  out->set_key(key);
  out->set_currency_code(currency);
  out->set_case_count(static_cast<int64_t>(sum.cases.size()));
  out->set_remedy_count(sum.remedies);
  out->set_granted_minor(sum.granted);
  out->set_given_minor(sum.given);
  out->set_statutory_minor(sum.statutory);
  out->set_declined_count(sum.declined);
  out->set_reversed_count(sum.reversed);
}

// What the remedy is summed by. Customers go by the one that stands for their aliases.
std::string RemedyGroup(Reader& reader, const Case& c, const Remedy& remedy, api::RemedyGroup by) {
  if (by == api::REMEDY_GROUP_PLAYBOOK) return c.playbook.playbook_id;
  if (by == api::REMEDY_GROUP_ORG_UNIT) return c.details.org_unit_id;
  if (by == api::REMEDY_GROUP_ACTOR) return remedy.actor;
  if (by == api::REMEDY_GROUP_TYPE) {
    if (!remedy.type_id.empty()) return remedy.type_id;
    return api::RemedyKind_Name(static_cast<api::RemedyKind>(remedy.kind));
  }
  if (c.customer_id.empty()) return "";
  const auto standing = Standing(reader, reader.GetCustomer(c.customer_id));
  return ToString(standing ? standing->id : c.customer_id);
}

Result<void> GetRemedies(const Call& call, Reader& reader,
                         const api::GetRemedyReportRequest& request,
                         api::GetRemedyReportResponse* out) {
  constexpr size_t kMostCustomers = 100;
  auto question = Ask(call, request.scope(), false);
  if (!question) return std::move(question).error();
  const Question& q = *question;
  if (!q.group_by.empty()) return NotGrouped(q, "nothing: remedies go by group");
  if (request.group() == api::REMEDY_GROUP_UNSPECIFIED) {
    return FieldError("group", Reason::kRequiredFieldMissing);
  }
  if (!api::RemedyGroup_IsValid(request.group())) {
    return FieldError("group", Reason::kEnumValueUnknown,
                      {{"value", std::to_string(static_cast<int>(request.group()))},
                       {"expected", "a value of RemedyGroup"}});
  }
  std::map<std::string, RemedySum> totals;                          // by currency
  std::map<std::pair<std::string, std::string>, RemedySum> groups;  // and key
  std::vector<Case> cohort;
  reader.ScanCases(q.program_id, q.scope, [&](const Case& c) {
    const bool any = std::any_of(c.remedies.begin(), c.remedies.end(),
                                 [&](const Remedy& r) { return q.Holds(r.occurred_at); });
    if (any) cohort.push_back(c);
  });
  // Once the scan is over: groups read customers.
  for (const Case& c : cohort) {
    for (const Remedy& remedy : c.remedies) {
      if (!q.Holds(remedy.occurred_at)) continue;
      AddRemedy(c, remedy, &totals[remedy.amount.currency]);
      const std::string key = RemedyGroup(reader, c, remedy, request.group());
      AddRemedy(c, remedy, &groups[{key, remedy.amount.currency}]);
    }
  }
  for (const auto& [currency, sum] : totals) FillRemedies("", currency, sum, out->add_totals());
  std::vector<decltype(groups)::const_iterator> order;
  for (auto it = groups.cbegin(); it != groups.cend(); ++it) order.push_back(it);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a->second.granted > b->second.granted;
  });
  out->set_group_count(static_cast<int64_t>(order.size()));
  const bool cut = request.group() == api::REMEDY_GROUP_CUSTOMER && order.size() > kMostCustomers;
  if (cut) order.resize(kMostCustomers);
  for (const auto& it : order) {
    FillRemedies(it->first.first, it->first.second, it->second, out->add_groups());
  }
  Fill(AsOf(call, q), out->mutable_as_of());
  return {};
}

}  // namespace

std::unique_ptr<ApiService> NewReportService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::GetNpsReportRequest::descriptor()->file()->FindServiceByName("ReportService"));
  service->Query<api::GetNpsReportRequest, api::GetNpsReportResponse>("GetNpsReport", Where::kPool,
                                                                      GetNps);
  service->Query<api::GetFunnelReportRequest, api::GetFunnelReportResponse>(
      "GetFunnelReport", Where::kPool, GetFunnel);
  service->Query<api::GetRecoveryReportRequest, api::GetRecoveryReportResponse>(
      "GetRecoveryReport", Where::kPool, GetRecovery);
  service->Query<api::GetPauseReportRequest, api::GetPauseReportResponse>("GetPauseReport",
                                                                          Where::kPool, GetPauses);
  service->Query<api::GetRemedyReportRequest, api::GetRemedyReportResponse>(
      "GetRemedyReport", Where::kPool, GetRemedies);
  service->CheckComplete();
  return service;
}

}  // namespace rebound
