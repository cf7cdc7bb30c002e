#include "workflows/backtest.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "rebound/v1/config_service.pb.h"
#include "server/access/mask.h"
#include "server/clock.h"
#include "server/config/config.h"
#include "server/config/zones.h"
#include "server/services/convert.h"
#include "server/services/masking.h"
#include "server/services/services.h"
#include "server/storage/codec.h"
#include "workflows/explain.h"
#include "workflows/field_catalogue.h"
#include "workflows/filter.h"
#include "workflows/playbook.h"

namespace rebound {
namespace {

constexpr size_t kMostCases = 100'000;
constexpr int kMostPromises = 16;
constexpr int32_t kUsualExamples = 100;
constexpr int32_t kMostExamples = 10'000;

// A promise of the request, read.
struct Promised {
  std::string name{};
  CaseFact fact = CaseFact::kUnset;
  Limit limit{};
  std::string calendar_id{};
};

std::string Many(int64_t count, const char* one) {
  return std::to_string(count) + ' ' + one + (count == 1 ? "" : "s");
}

// In the longest unit that is exact.
std::string LimitText(const Limit& limit) {
  if (limit.count == Count::kCalendarDays) return Many(limit.amount, "calendar day");
  if (limit.count == Count::kWorkingDays) return Many(limit.amount, "working day");
  const int64_t seconds = limit.amount / 1'000;
  const std::string text = seconds % 3'600 == 0 ? Many(seconds / 3'600, "hour")
                           : seconds % 60 == 0  ? Many(seconds / 60, "minute")
                                                : Many(seconds, "second");
  return limit.count == Count::kBusinessTime ? text + " of business time" : text;
}

Promised ToPromise(const api::Promise& in, const std::string& field, const Revision& draft,
                   Checks& checks) {
  Promised out;
  out.fact = checks.Enum<CaseFact>(field + ".fact", in.fact(), true);
  out.limit.count = checks.Enum<Count>(field + ".count", in.count(), false);
  if (out.limit.count == Count::kUnset) out.limit.count = Count::kWall;
  const bool days = InDays(out.limit.count);
  constexpr int64_t kMostDaysPromised = 3650;
  if (days ? !in.limit().has_days() : !in.limit().has_time()) {
    checks.Add(field + ".limit", Reason::kRequiredFieldMissing);
  } else if (days) {
    out.limit.amount = checks.Range(field + ".limit.days", in.limit().days(), 1, kMostDaysPromised);
  } else {
    const int64_t seconds = checks.Range(field + ".limit.time", in.limit().time().seconds(), 1,
                                         kMostDaysPromised * 86'400);
    out.limit.amount = seconds * 1'000;
  }
  out.calendar_id = checks.Key(field + ".calendar_id", in.calendar_id(), 64);
  const bool counts_work =
      out.limit.count == Count::kBusinessTime || out.limit.count == Count::kWorkingDays;
  if (out.calendar_id.empty() && counts_work) {
    checks.Add(field + ".calendar_id", Reason::kRequiredFieldMissing);
  } else if (!out.calendar_id.empty() && draft.FindCalendar(out.calendar_id) == nullptr) {
    std::string known;
    for (const Calendar& calendar : draft.calendars) {
      known += (known.empty() ? "" : ", ") + calendar.id;
    }
    checks.Add(field + ".calendar_id", Reason::kReasonUnknown,
               {{"value", out.calendar_id}, {"allowed", known}});
  }
  out.name = std::string(Name(out.fact)) + " within " + LimitText(out.limit);
  if (!out.calendar_id.empty()) out.name += " by " + out.calendar_id;
  return out;
}

// The values of a field that can be told apart, "" where it is not set.
std::vector<std::string> GroupsOf(const FieldValue& value) {
  if (const auto* texts = std::get_if<std::span<const std::string>>(&value)) {
    if (texts->empty()) return {""};
    return {texts->begin(), texts->end()};
  }
  return {ValueText(value)};
}

struct Tally {
  int64_t cases = 0, in_time = 0, late = 0, open = 0;

  void Add(Punctuality punctuality) {
    ++cases;
    in_time += punctuality == Punctuality::kInTime ? 1 : 0;
    late += punctuality == Punctuality::kLate ? 1 : 0;
    open += punctuality == Punctuality::kRunning || punctuality == Punctuality::kUnknown ? 1 : 0;
  }
};

void FillTally(const std::string& key, const Tally& tally, api::BacktestPunctuality* out) {
  out->set_key(key);
  out->set_case_count(tally.cases);
  out->set_in_time_count(tally.in_time);
  out->set_late_count(tally.late);
  out->set_open_count(tally.open);
}

struct DeadlineTally {
  CaseFact fact = CaseFact::kUnset;
  bool promise = false;
  Tally total{};
  std::map<std::string, Tally> groups{};
};

// One back-test under way: cases go in one by one, the reply comes out.
class Backtest {
 public:
  Backtest(const Call& call, Reader& reader, const Revision& draft, std::vector<Promised> promises,
           std::optional<FieldId> group_by)
      : call_(call),
        reader_(reader),
        draft_(draft),
        promises_(std::move(promises)),
        group_by_(group_by),
        as_of_(call.backend.executor.Now()) {
    for (const ClockDefinition& clock : draft.clocks) order_.push_back(clock.id);
    for (const Promised& promise : promises_) order_.push_back(promise.name);
  }

  void Try(const Case& c, int32_t examples, api::BacktestConfigResponse* out) {
    Case opened = c;
    for (Event& event : reader_.CaseEvents(c.id, 0, 1)) {
      if (auto* first = std::get_if<CaseOpened>(&event.body)) opened = std::move(first->opened);
    }
    Hydrate(reader_, opened);
    std::optional<Response> response;
    if (!opened.opening_response_id.empty()) {
      response = reader_.GetResponse(opened.opening_response_id);
      if (response) Hydrate(reader_, *response);
    }
    std::optional<Customer> customer;
    if (!opened.customer_id.empty()) customer = reader_.GetCustomer(opened.customer_id);
    const Response* answer = response ? &*response : nullptr;
    const Customer* known = customer ? &*customer : nullptr;
    const auto followed = call_.RevisionOf(c.revision);
    auto rerun = OpenUnder(draft_, *followed, opened, answer, known);
    // What a history was opened with is no plan: nothing of the past is chased.
    Case before = opened;
    if (opened.history) {
      auto in_force = OpenUnder(*call_.revision, *followed, opened, answer, known);
      if (in_force && in_force->has_value()) before = **std::move(in_force);
    }
    ++cases_;
    api::BacktestCase row;
    row.set_case_number(CaseNumberText(c.number));
    row.set_playbook_before(before.playbook.playbook_id);
    row.set_queue_before(before.details.queue_id);
    const std::string day = FormatDay(opened.opened_at);
    ++workload_[{day, before.details.queue_id}].first;
    const OpeningFacts facts(opened, answer, known);
    std::vector<std::string> groups;
    if (group_by_) groups = GroupsOf(facts(*group_by_));
    if (group_by_ == FieldId::kAccount && !call_.sees_contact) {
      for (std::string& group : groups) group = Mask(MaskKind::kKey, group);
    }
    const bool opens = rerun && rerun->has_value();
    bool changed = !opens;
    if (opens) {
      const Case& after = **rerun;
      row.set_opens(true);
      row.set_playbook_after(after.playbook.playbook_id);
      row.set_queue_after(after.details.queue_id);
      ++workload_[{day, after.details.queue_id}].second;
      changed |= Changed("playbook", before.playbook.playbook_id, after.playbook.playbook_id);
      changed |= Changed("queue", before.details.queue_id, after.details.queue_id);
      changed |= Changed("priority", before.priority, after.priority);
      changed |=
          Changed("severity", std::to_string(before.severity), std::to_string(after.severity));
      for (const CaseClock& clock : after.clocks) {
        const CaseFact fact = FactOf(clock);
        if (fact == CaseFact::kUnset || clock.definition.empty()) continue;
        Deadline(clock.definition, fact, false, clock.due_at, c, groups, &row);
        CompareDue(before, clock, &row);
      }
    } else {
      ++unopened_;
    }
    for (const Promised& promise : promises_) {
      Deadline(promise.name, promise.fact, true, DueOf(promise, opened), c, groups, &row);
    }
    changed |= row.late_size() > 0 || row.deadline_changes_size() > 0;
    AddRemedies(c, row.playbook_before(), row.playbook_after());
    if (!changed) return;
    ++changed_;
    if (changed_ <= examples) *out->add_cases() = std::move(row);
  }

  void Fill(api::BacktestConfigResponse* out) {
    out->set_case_count(cases_);
    out->set_unopened_count(unopened_);
    out->set_changed_case_count(changed_);
    rebound::Fill(as_of_, out->mutable_as_of());
    std::vector<std::pair<std::tuple<std::string, std::string, std::string>, int64_t>> changes(
        changes_.begin(), changes_.end());
    std::stable_sort(changes.begin(), changes.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [change, count] : changes) {
      api::BacktestChange* to = out->add_changes();
      to->set_what(std::get<0>(change));
      to->set_from(std::get<1>(change));
      to->set_to(std::get<2>(change));
      to->set_case_count(count);
    }
    for (const std::string& name : order_) {
      const auto found = deadlines_.find(name);
      if (found == deadlines_.end()) continue;
      const DeadlineTally& deadline = found->second;
      api::BacktestDeadline* to = out->add_deadlines();
      to->set_name(name);
      to->set_fact(static_cast<api::CaseFact>(static_cast<int>(deadline.fact)));
      to->set_promise(deadline.promise);
      FillTally("", deadline.total, to->mutable_total());
      std::vector<std::pair<std::string, Tally>> groups(deadline.groups.begin(),
                                                        deadline.groups.end());
      std::stable_sort(groups.begin(), groups.end(),
                       [](const auto& a, const auto& b) { return a.second.late > b.second.late; });
      for (const auto& [key, tally] : groups) FillTally(key, tally, to->add_groups());
    }
    for (const auto& [key, counts] : workload_) {
      api::BacktestWorkload* to = out->add_workload();
      to->set_day(key.first);
      to->set_queue_id(key.second);
      to->set_case_count_before(counts.first);
      to->set_case_count_after(counts.second);
    }
    for (const auto& [key, amount] : remedies_) {
      api::BacktestRemedies* to = out->add_remedies();
      std::tie(*to->mutable_from(), *to->mutable_to(), *to->mutable_currency_code()) = key;
      to->set_granted_minor(amount);
    }
  }

 private:
  static std::string FormatDay(Timestamp at) { return FormatTime(at).substr(0, 10); }

  bool Changed(const char* what, const std::string& from, const std::string& to) {
    if (from == to) return false;
    ++changes_[{what, from, to}];
    return true;
  }

  void Deadline(const std::string& name, CaseFact fact, bool promise,
                const std::optional<Timestamp>& due, const Case& c,
                const std::vector<std::string>& groups, api::BacktestCase* row) {
    DeadlineTally& tally = deadlines_[name];
    tally.fact = fact;
    tally.promise = promise;
    const Punctuality punctuality = Judge(due, TimeOf(c, fact), as_of_);
    tally.total.Add(punctuality);
    for (const std::string& group : groups) tally.groups[group].Add(punctuality);
    if (punctuality == Punctuality::kLate) row->add_late(name);
  }

  static void CompareDue(const Case& before, const CaseClock& clock, api::BacktestCase* row) {
    const auto known = std::find_if(before.clocks.begin(), before.clocks.end(),
                                    [&](const CaseClock& each) { return each.kind == clock.kind; });
    const auto due = known == before.clocks.end() ? std::nullopt : known->due_at;
    if (due == clock.due_at) return;
    const auto text = [](const std::optional<Timestamp>& at) {
      return at ? FormatTime(*at) : std::string("none");
    };
    row->add_deadline_changes(std::string(Name(clock.kind)) + ": " + text(due) + " -> " +
                              text(clock.due_at));
  }

  std::optional<Timestamp> DueOf(const Promised& promise, const Case& opened) {
    const Calendar* calendar = draft_.FindCalendar(promise.calendar_id);
    if (calendar == nullptr && InDays(promise.limit.count)) calendar = DaysOf(opened.program_id);
    return Advance({promise.limit.count, calendar, opened.opened_at}, opened.opened_at,
                   promise.limit.amount);
  }

  // Days of the program's time zone, or of UTC.
  const Calendar* DaysOf(const std::string& program_id) {
    const auto [found, added] = days_.try_emplace(program_id);
    if (added) {
      const Program* program = draft_.FindProgram(program_id);
      if (program == nullptr) program = call_.revision->FindProgram(program_id);
      if (auto zone = program == nullptr ? std::nullopt : LoadZone(program->time_zone)) {
        found->second.zone = *std::move(zone);
      }
    }
    return &found->second;
  }

  void AddRemedies(const Case& c, const std::string& from, const std::string& to) {
    for (const Remedy& remedy : c.remedies) {
      const bool void_now =
          remedy.state == RemedyState::kDeclined || remedy.state == RemedyState::kReversed;
      if (void_now || remedy.amount.empty()) continue;
      remedies_[{from, to, remedy.amount.currency}] += remedy.amount.amount_minor;
    }
  }

  const Call& call_;
  Reader& reader_;
  const Revision& draft_;
  const std::vector<Promised> promises_;
  const std::optional<FieldId> group_by_;
  const Timestamp as_of_;
  std::vector<std::string> order_;
  std::map<std::string, Calendar> days_;
  int64_t cases_ = 0, unopened_ = 0, changed_ = 0;
  std::map<std::tuple<std::string, std::string, std::string>, int64_t> changes_;
  std::map<std::string, DeadlineTally> deadlines_;
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, int64_t>> workload_;
  std::map<std::tuple<std::string, std::string, std::string>, int64_t> remedies_;
};

// What is to be tried; null where the draft has faults, which are then in `out`.
Result<std::shared_ptr<const Revision>> DraftOf(const Call& call,
                                                const api::BacktestConfigRequest& request,
                                                api::BacktestConfigResponse* out) {
  if (request.files().empty()) {
    if (request.revision() == 0) return call.revision;
    auto found = call.backend.book.Get(request.revision());
    if (!found) {
      return Error{Reason::kRevisionUnknown, {{"revision", std::to_string(request.revision())}}};
    }
    return found;
  }
  auto files = ToConfigFiles(request.files());
  if (!files) return std::move(files).error();
  std::vector<ConfigError> faults;
  auto loaded = ParseConfig(*files, &faults);
  if (loaded) return std::make_shared<const Revision>(std::move(loaded->revision));
  for (const ConfigError& fault : faults) {
    if (!fault.is_warning()) Fill(fault, call.language, out->add_faults());
  }
  return std::shared_ptr<const Revision>();
}

// What a draft makes of a case would tell who holds a masked account.
Result<void> CheckDraftUnmasked(const Call& call, const Revision& draft) {
  std::vector<const Predicate*> conditions;
  for (const Priority& each : draft.priorities) conditions.push_back(&each.when);
  for (const ClockDefinition& each : draft.clocks) conditions.push_back(&each.when);
  for (const Playbook& each : draft.playbooks) conditions.push_back(&each.when);
  for (const AlertRule& each : draft.alerts) conditions.push_back(&each.when);
  for (const Predicate* when : conditions) {
    if (auto checked = CheckUnmasked(call.sees_contact, "files", *when); !checked) return checked;
  }
  return {};
}

// The cases to try, by number.
Result<std::vector<Case>> Chosen(const Call& call, Reader& reader,
                                 const api::BacktestConfigRequest& request) {
  Checks checks;
  std::optional<Timestamp> since, until;
  if (request.has_since_time()) since = checks.Time("since_time", request.since_time());
  if (request.has_until_time()) until = checks.Time("until_time", request.until_time());
  if (!checks.ok()) return std::move(checks).ToError();
  auto filter = ParseFilter(request.filter(), Use::kCaseFilter);
  if (!filter) return std::move(filter).error();
  std::vector<Case> cases;
  bool more = false;
  reader.ScanCases("", call.identity.scope, [&](const Case& c) {
    if (more || (since && c.opened_at < *since) || (until && c.opened_at >= *until)) return;
    if (!Evaluate(*filter, [&](FieldId field) { return ReadField(c, field); })) return;
    more = cases.size() == kMostCases;
    if (!more) cases.push_back(c);
  });
  if (more) {
    return FieldError("since_time", Reason::kTooManyItems,
                      {{"value", "more than " + std::to_string(kMostCases) + " cases"},
                       {"expected", "at most " + std::to_string(kMostCases)}});
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.number < b.number; });
  return cases;
}

Result<void> RunBacktest(const Call& call, Reader& reader,
                         const api::BacktestConfigRequest& request,
                         api::BacktestConfigResponse* out) {
  auto draft = DraftOf(call, request, out);
  if (!draft) return std::move(draft).error();
  if (*draft == nullptr) return {};
  if (!request.files().empty()) {
    if (auto checked = CheckDraftUnmasked(call, **draft); !checked) return checked;
  }
  Checks checks;
  checks.Count("promises", request.promises_size(), kMostPromises);
  std::vector<Promised> promises;
  for (int i = 0; i < request.promises_size() && i < kMostPromises; ++i) {
    Promised read =
        ToPromise(request.promises(i), "promises[" + std::to_string(i) + "]", **draft, checks);
    // What is promised twice is one promise.
    const bool known = std::any_of(promises.begin(), promises.end(),
                                   [&](const Promised& each) { return each.name == read.name; });
    if (!known) promises.push_back(std::move(read));
  }
  const int64_t examples = checks.Range("example_limit", request.example_limit(), 0, kMostExamples);
  std::optional<FieldId> group_by;
  if (!request.group_by().empty()) {
    const Field* field = FindField(request.group_by());
    if (field == nullptr || !UsableIn(*field, Use::kOpeningRule)) {
      std::string known;
      for (const std::string_view name : FieldNames(Use::kOpeningRule)) {
        known += (known.empty() ? "" : ", ") + std::string(name);
      }
      checks.Add("group_by", Reason::kReasonUnknown,
                 {{"value", request.group_by().substr(0, 80)}, {"allowed", known}});
    } else {
      group_by = field->id;
    }
  }
  if (!checks.ok()) return std::move(checks).ToError();
  auto cases = Chosen(call, reader, request);
  if (!cases) return std::move(cases).error();
  Backtest test(call, reader, **draft, std::move(promises), group_by);
  const auto limit = static_cast<int32_t>(examples == 0 ? kUsualExamples : examples);
  for (const Case& c : *cases) {
    if (SystemClock().Now() > call.deadline) return Error{Reason::kDeadlineExceeded};
    test.Try(c, limit, out);
  }
  test.Fill(out);
  return {};
}

}  // namespace

void AddBacktest(ApiService* service) {
  service->Query<api::BacktestConfigRequest, api::BacktestConfigResponse>(
      "BacktestConfig", Where::kPool, RunBacktest);
}

}  // namespace rebound
