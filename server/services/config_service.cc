#include "rebound/v1/config_service.pb.h"

#include <nlohmann/json.hpp>

#include "server/access/mask.h"
#include "server/config/canonical.h"
#include "server/config/conditions.h"
#include "server/config/config.h"
#include "server/config/predicate_json.h"
#include "server/execute/lookup.h"
#include "server/services/convert.h"
#include "server/services/services.h"
#include "server/storage/codec.h"
#include "workflows/explain.h"
#include "workflows/filter.h"
#include "workflows/playbook.h"
#include "workflows/predicate_words.h"

namespace rebound {
namespace {

// Faults as a refusal: each a violation whose field is its place.
Error ConfigInvalid(const std::vector<ConfigError> &faults) {
  Error error{.reason = Reason::kConfigInvalid};
  for (const ConfigError &fault : faults) {
    if (fault.is_warning()) continue;
    error.violations.push_back({PlaceOf(fault),
                                Reason::kConfigInvalid,
                                {{"en", fault.message.en}, {"zh", fault.message.zh}}});
  }
  error.metadata["count"] = std::to_string(error.violations.size());
  return error;
}

std::optional<int64_t> Expected(int64_t number) {
  return number == 0 ? std::nullopt : std::optional(number);
}

Command ToApply(LoadedConfig loaded, int64_t expected) {
  return ApplyRevision{std::make_shared<const Revision>(std::move(loaded.revision)),
                       std::move(loaded.canonical_text), "api", Expected(expected)};
}

Error NoSuchRevision(int64_t number) {
  return Error{Reason::kRevisionUnknown, {{"revision", std::to_string(number)}}};
}

Result<std::shared_ptr<const Revision>> FindRevision(const Call &call, int64_t number) {
  if (number == 0) return call.revision;
  auto found = call.backend.book.Get(number);
  if (!found) return NoSuchRevision(number);
  return found;
}

// ---- Queries

Result<void> Validate(const Call &call, Reader &, const api::ValidateConfigRequest &request,
                      api::ValidateConfigResponse *out) {
  auto files = ToConfigFiles(request.files());
  if (!files) return std::move(files).error();
  std::vector<ConfigError> faults;
  const auto loaded = ParseConfig(*files, &faults);
  for (const ConfigError &fault : loaded ? loaded->warnings : faults) {
    Fill(fault, call.language, fault.is_warning() ? out->add_warnings() : out->add_faults());
  }
  if (loaded) {
    out->set_hash(loaded->hash);
    out->set_diff(DiffRevisions(*call.revision, loaded->revision));
  }
  return {};
}

Result<void> ListRevisions(const Call &call, Reader &reader,
                           const api::ListRevisionsRequest &request,
                           api::ListRevisionsResponse *out) {
  auto limit = PageSize(request.page_size());
  if (!limit) return std::move(limit).error();
  const std::string identity = QueryIdentity({call.method, call.identity.name});
  auto cursor = OpenPage(call, request.page_token(), identity);
  if (!cursor) return std::move(cursor).error();
  auto revisions = reader.ListRevisions(*cursor ? (*cursor)->first : 0, *limit + 1);
  const bool more = revisions.size() > static_cast<size_t>(*limit);
  if (more) revisions.pop_back();
  for (const StoredRevision &revision : revisions) {
    Fill(revision, call.revision->number, out->add_revisions());
  }
  if (more) {
    out->set_next_page_token(
        call.backend.page_tokens.Seal({revisions.back().number, 0, {}}, identity, call.started_at));
  }
  return {};
}

Result<void> Get(const Call &call, Reader &reader, const api::GetRevisionRequest &request,
                 api::GetRevisionResponse *out) {
  const int64_t number = request.number() == 0 ? call.revision->number : request.number();
  const auto stored = number > 0 ? reader.FindRevision(number) : std::nullopt;
  if (!stored) return NoSuchRevision(number);
  Fill(*stored, call.revision->number, out->mutable_revision());
  out->set_text(stored->text);
  return {};
}

Result<void> Diff(const Call &call, Reader &, const api::DiffRevisionsRequest &request,
                  api::DiffRevisionsResponse *out) {
  if (request.from_number() == 0) {
    return FieldError("from_number", Reason::kRequiredFieldMissing);
  }
  auto from = FindRevision(call, request.from_number());
  if (!from) return std::move(from).error();
  auto to = FindRevision(call, request.to_number());
  if (!to) return std::move(to).error();
  out->set_diff(DiffRevisions(**from, **to));
  return {};
}

Result<void> GetLifecycle(const Call &call, Reader &, const api::GetLifecycleRequest &request,
                          api::GetLifecycleResponse *out) {
  auto revision = FindRevision(call, request.revision());
  if (!revision) return std::move(revision).error();
  Fill((*revision)->lifecycle, (*revision)->number, out->mutable_lifecycle());
  return {};
}

// The case as it was opened; without its events (never), as it is.
Case AsOpened(Reader &reader, const Case &c) {
  for (Event &event : reader.CaseEvents(c.id, 0, 1)) {
    if (auto *opened = std::get_if<CaseOpened>(&event.body)) return std::move(opened->opened);
  }
  return c;
}

void FillTrace(const Call &call, const RuleTrace &trace, const Predicate &condition,
               api::RuleExplanation *out) {
  static constexpr std::array<const char *, 4> kKinds = {"playbook", "priority", "clock", "alert"};
  out->set_kind(kKinds[static_cast<size_t>(trace.kind)]);
  out->set_rule_id(trace.id);
  out->set_condition(Canonical(condition));
  out->set_matched(trace.matches);
  out->set_applies(trace.applies);
  if (!trace.unmet) return;
  const std::string unmet = Canonical(trace.unmet->condition);
  out->set_failed_condition(trace.unmet->negated ? "NOT (" + unmet + ")" : unmet);
  const bool masks = trace.unmet->field == FieldId::kAccount && !call.sees_contact;
  out->set_found_value(masks ? Mask(MaskKind::kKey, trace.unmet->seen) : trace.unmet->seen);
}

Result<void> ExplainCase(const Call &call, Reader &reader, const api::ExplainCaseRequest &request,
                         api::ExplainCaseResponse *out) {
  Checks checks;
  const CaseRef ref = checks.Ref("case_id", request.case_id());
  if (!checks.ok()) return std::move(checks).ToError();
  const auto c = FindVisible(reader, call.identity.scope, ref);
  if (!c) return Error{Reason::kNotFound, {{"resource", "case"}}};
  Case opened = AsOpened(reader, *c);
  Hydrate(reader, opened);
  auto response = reader.GetResponse(opened.opening_response_id);
  if (response) Hydrate(reader, *response);
  const auto customer = reader.GetCustomer(opened.customer_id);
  const OpeningFacts facts(opened, response ? &*response : nullptr,
                           customer ? &*customer : nullptr);
  const auto revision = call.RevisionOf(c->revision);
  out->set_case_number(CaseNumberText(c->number));
  out->set_revision(revision->number);
  std::vector<const Predicate *> conditions;  // in the order of the traces
  for (const Playbook &playbook : revision->playbooks) conditions.push_back(&playbook.when);
  for (const Priority &priority : revision->priorities) conditions.push_back(&priority.when);
  for (const ClockDefinition &clock : revision->clocks) conditions.push_back(&clock.when);
  for (const AlertRule &rule : revision->alerts) conditions.push_back(&rule.when);
  const std::vector<RuleTrace> traces =
      Explain(*revision, [&](FieldId field) { return facts(field); });
  for (size_t i = 0; i < traces.size() && i < conditions.size(); ++i) {
    FillTrace(call, traces[i], *conditions[i], out->add_rules());
  }
  return {};
}

// A test that fails.
bool IsFailedTest(const ConfigError &fault) { return fault.code == "C016"; }

Result<void> TestRules(const Call &call, Reader &, const api::TestRulesRequest &request,
                       api::TestRulesResponse *out) {
  auto files = ToConfigFiles(request.files());
  if (!files) return std::move(files).error();
  std::vector<ConfigError> faults;
  std::vector<RuleTestResult> results;
  const auto loaded = ParseConfig(*files, &faults, &results);
  if (loaded) out->set_test_count(loaded->tests_run);
  for (const RuleTestResult &result : results) Fill(result, out->add_tests());
  for (const ConfigError &fault : faults) {
    if (fault.is_warning()) continue;
    Fill(fault, call.language, IsFailedTest(fault) ? out->add_failures() : out->add_faults());
  }
  return {};
}

// The condition under `when:`, as it stands in the files; places are those of the text alone.
std::optional<Predicate> ConditionFromYaml(const std::string &text,
                                           std::vector<ConfigError> *faults) {
  const std::string file = text + (text.ends_with('\n') ? "" : "\n") + "version: 1\n";
  ConfigReader reader("condition", file);
  static constexpr std::string_view kKeys[] = {"when"};
  reader.Open(kKeys);
  Predicate predicate;
  if (reader.is_open() && reader.Get(reader.root(), "when", Need::kRequired)) {
    (void)ReadCondition(reader, reader.root(), {}, &predicate);
  }
  const bool failed = reader.failed();
  reader.MoveTo(faults);
  return failed ? std::nullopt : std::optional(std::move(predicate));
}

Result<Predicate> ReadForm(const api::FormatConditionRequest &request,
                           std::vector<ConfigError> *faults) {
  const std::string &text = request.condition();
  if (text.size() > kMaxRuleBytes) {
    return FieldError(
        "condition", Reason::kTextTooLong,
        {{"value", std::to_string(text.size())}, {"expected", std::to_string(kMaxRuleBytes)}});
  }
  if (request.from_form() == api::CONDITION_FORM_YAML) {
    return ConditionFromYaml(text, faults).value_or(Predicate());
  }
  auto predicate = request.from_form() == api::CONDITION_FORM_JSON
                       ? PredicateFromJson(text, Use::kOpeningRule)
                       : ParseFilter(text, Use::kOpeningRule);
  if (predicate) return predicate;
  Error error = std::move(predicate).error();
  error.metadata["field"] = "condition";
  for (FieldViolation &violation : error.violations) violation.field = "condition";
  return error;
}

Result<void> FormatCondition(const Call &call, Reader &, const api::FormatConditionRequest &request,
                             api::FormatConditionResponse *out) {
  Checks checks;
  (void)checks.Enum<api::ConditionForm>("from_form", request.from_form(), false);
  (void)checks.Enum<api::ConditionForm>("to_form", request.to_form(), true);
  if (!checks.ok()) return std::move(checks).ToError();
  std::vector<ConfigError> faults;
  const auto predicate = ReadForm(request, &faults);
  if (!predicate) return predicate.error();
  for (const ConfigError &fault : faults) Fill(fault, call.language, out->add_faults());
  if (!faults.empty()) return {};
  const bool always = *predicate == Predicate();
  if (request.to_form() == api::CONDITION_FORM_JSON) {
    out->set_condition(ToJson(*predicate).dump(2));
  } else if (request.to_form() == api::CONDITION_FORM_YAML && !always) {
    out->set_condition("when:\n  " + YamlTree(*predicate, 2) + "\n");
  } else {
    out->set_condition(Canonical(*predicate));
  }
  return {};
}

// ---- Mutations

// The reply of both: what is in force now.
template <typename Response>
void FillApplied(const Call &call, const Outcome &outcome, Response *out) {
  const auto current = outcome.applied ? outcome.applied : call.backend.book.current();
  if (outcome.revision) Fill(*outcome.revision, current->number, out->mutable_revision());
  out->set_changed(outcome.applied != nullptr);
  out->set_replayed(outcome.replayed);
}

Result<Command> ToRollBack(const Call &call, const api::RollBackConfigRequest &request) {
  if (request.number() == 0) return FieldError("number", Reason::kRequiredFieldMissing);
  std::optional<StoredRevision> stored;
  call.backend.store.Read([&](Reader &reader) {
    if (request.number() > 0) stored = reader.FindRevision(request.number());
  });
  if (!stored) return NoSuchRevision(request.number());
  auto revision = ParseCanonical(stored->text);
  if (!revision) return std::move(revision).error();
  return ToApply({*std::move(revision), stored->text, stored->hash, {}, 0},
                 request.expected_revision());
}

}  // namespace

std::unique_ptr<ApiService> NewConfigService(Backend &backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::GetRevisionRequest::descriptor()->file()->FindServiceByName("ConfigService"));
  service->Query<api::ValidateConfigRequest, api::ValidateConfigResponse>("ValidateConfig",
                                                                          Where::kPool, Validate);
  service->Mutation<api::ApplyConfigRequest, api::ApplyConfigResponse>(
      "ApplyConfig",
      [](const Call &, const api::ApplyConfigRequest &request) -> Result<Command> {
        auto files = ToConfigFiles(request.files());
        if (!files) return std::move(files).error();
        std::vector<ConfigError> faults;
        auto loaded = ParseConfig(*files, &faults);
        if (!loaded) return ConfigInvalid(faults);
        return ToApply(*std::move(loaded), request.expected_revision());
      },
      [](const Call &call, Outcome outcome, api::ApplyConfigResponse *out) {
        FillApplied(call, outcome, out);
        if (outcome.applied) out->set_diff(DiffRevisions(*call.revision, *outcome.applied));
      });
  service->Query<api::ListRevisionsRequest, api::ListRevisionsResponse>(
      "ListRevisions", Where::kPool, ListRevisions);
  service->Query<api::GetRevisionRequest, api::GetRevisionResponse>("GetRevision", Where::kPool,
                                                                    Get);
  service->Query<api::DiffRevisionsRequest, api::DiffRevisionsResponse>("DiffRevisions",
                                                                        Where::kPool, Diff);
  service->Mutation<api::RollBackConfigRequest, api::RollBackConfigResponse>(
      "RollBackConfig", ToRollBack,
      [](const Call &call, Outcome outcome, api::RollBackConfigResponse *out) {
        FillApplied(call, outcome, out);
      });
  service->Query<api::GetLifecycleRequest, api::GetLifecycleResponse>("GetLifecycle", Where::kPool,
                                                                      GetLifecycle);
  service->Query<api::ExplainCaseRequest, api::ExplainCaseResponse>("ExplainCase", Where::kPool,
                                                                    ExplainCase);
  service->Query<api::TestRulesRequest, api::TestRulesResponse>("TestRules", Where::kPool,
                                                                TestRules);
  service->Query<api::FormatConditionRequest, api::FormatConditionResponse>(
      "FormatCondition", Where::kPool, FormatCondition);
  AddBacktest(service.get());
  service->CheckComplete();
  return service;
}

}  // namespace rebound
