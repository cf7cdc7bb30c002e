#include "server/services/convert.h"

#include <algorithm>
#include <array>

#include "server/config/zones.h"
#include "server/services/convert_parts.h"
#include "server/services/status.h"
#include "workflows/limits.h"

namespace rebound {

// ------------------------------------------------------------------------------- to the domain

SubmitResponse ToSubmit(const api::Response& in, const std::string& path, const Revision& revision,
                        Timestamp now, bool history, Checks& checks) {
  SubmitResponse command;
  command.history = history;
  Response& out = command.response;
  const auto field = [&](std::string_view name) { return Sub(path, name); };
  if (in.program_id().empty()) checks.Add(field("program_id"), Reason::kRequiredFieldMissing);
  out.program_id = checks.Key(field("program_id"), in.program_id(), 64);
  if (in.has_external_key()) {
    out.external_key = checks.External(field("external_key"), in.external_key());
  } else if (history) {
    checks.Add(field("external_key"), Reason::kRequiredFieldMissing);
  }
  out.customer_id = checks.ParseId<CustomerId>(field("customer_id"), in.customer_id());
  if (in.has_customer_key()) {
    command.customer_key = checks.External(field("customer_key"), in.customer_key());
  }
  if (!in.has_score()) checks.Add(field("score"), Reason::kRequiredFieldMissing);
  out.score = in.score();
  checks.Count(field("items"), in.items_size(), 64);
  for (int i = 0; i < in.items_size(); ++i) {
    const api::ScoredItem& item = in.items(i);
    const std::string at = At(field("items"), i);
    if (item.key().empty()) checks.Add(at + ".key", Reason::kRequiredFieldMissing);
    if (!item.has_score()) checks.Add(at + ".score", Reason::kRequiredFieldMissing);
    out.items.push_back({checks.Key(at + ".key", item.key(), 64),
                         checks.Range(at + ".score", item.score(), -1'000'000, 1'000'000)});
  }
  out.reason = checks.Personal(field("reason"), in.reason(), limits::kTextCodePoints);
  out.suggestion = checks.Personal(field("suggestion"), in.suggestion(), limits::kTextCodePoints);
  checks.Count(field("follow_ups"), in.follow_ups_size(), 64);
  for (int i = 0; i < in.follow_ups_size(); ++i) {
    const std::string at = At(field("follow_ups"), i);
    out.follow_ups.push_back(
        {checks.Words(at + ".question", in.follow_ups(i).question(), limits::kShortCodePoints),
         checks.Personal(at + ".answer", in.follow_ups(i).answer(), limits::kTextCodePoints)});
  }
  out.contact_requested = in.contact_requested();
  out.account_id = checks.Key(field("account_id"), in.account_id());
  checks.Clear(field("account_id"), MaskKind::kKey, in.account_id());
  out.respondent_role = checks.Key(field("respondent_role"), in.respondent_role());
  out.touchpoint = checks.Key(field("touchpoint"), in.touchpoint());
  out.org_unit_id = checks.Key(field("org_unit_id"), in.org_unit_id());
  out.survey_channel = checks.Key(field("survey_channel"), in.survey_channel());
  out.language = checks.Key(field("language"), in.language(), 35);
  out.order_reference = checks.Key(field("order_reference"), in.order_reference());
  out.invitation_id = checks.ParseId<InvitationId>(field("invitation_id"), in.invitation_id());
  out.case_id = checks.ParseId<CaseId>(field("case_id"), in.case_id());
  checks.Count(field("attributes"), static_cast<int>(in.attributes().size()), 64);
  for (const auto& [key, value] : in.attributes()) {
    const std::string at = field("attributes") + "[" + key.substr(0, 64) + "]";
    if (key.empty()) checks.Add(at, Reason::kRequiredFieldMissing);
    out.attributes[checks.Key(at, key, 64)] = checks.Words(at, value, limits::kShortCodePoints);
  }
  command.occurred_now = !in.has_occur_time();
  bool timed = true;
  if (in.has_occur_time()) {
    const auto time = checks.Time(field("occur_time"), in.occur_time());
    timed = time.has_value();
    out.occurred_at = time.value_or(now);
  }
  // What names its case is judged by the revision which that follows.
  const bool names_case = !out.invitation_id.empty() || !out.case_id.empty();
  for (FieldViolation& violation : CheckSubmit(command, revision, now)) {
    const bool of_program =
        violation.reason == Reason::kUnknownProgram || violation.reason == Reason::kScoreOutOfRange;
    if (names_case && of_program) continue;
    // What is missing or unreadable has been said already.
    if (violation.field == "response.program_id" && in.program_id().empty()) continue;
    if (violation.field == "response.score" && !in.has_score()) continue;
    if (violation.field == "response.occur_time" && !timed) continue;
    const bool names_someone = !in.customer_id().empty() || in.has_customer_key() ||
                               !in.invitation_id().empty() || !in.case_id().empty();
    if (violation.field == "response.customer_key" && names_someone) continue;
    violation.field = path + violation.field.substr(std::string_view("response").size());
    checks.Add(std::move(violation.field), violation.reason, std::move(violation.metadata));
  }
  return command;
}

UpsertCustomer ToUpsert(const api::UpsertCustomerRequest& request, Checks& checks) {
  static constexpr std::array<std::string_view, 8> kFields = {
      "display_name", "contact_points", "language",    "time_zone",
      "segment",      "account_id",     "org_unit_id", "value"};
  UpsertCustomer command;
  command.key = checks.External("external_key", request.external_key());
  command.expected_version = ParseEtag(request.etag());
  std::string allowed;
  for (std::string_view name : kFields)
    allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  const auto refuse = [&](const std::string& value) {
    checks.Add("update_mask", Reason::kUpdateMaskInvalid,
               {{"value", value.substr(0, 80)}, {"expected", allowed}});
  };
  if (request.update_mask().paths().empty()) refuse("");
  for (const std::string& path : request.update_mask().paths()) {
    const bool known = std::find(kFields.begin(), kFields.end(), path) != kFields.end();
    const bool twice =
        std::find(command.mask.begin(), command.mask.end(), path) != command.mask.end();
    if (!known || twice) {
      refuse(path);
    } else {
      command.mask.push_back(path);
    }
    if (command.mask.size() > kFields.size()) break;
  }
  const api::Customer& in = request.customer();
  CustomerProfile& out = command.profile;
  out.display_name =
      checks.Personal("customer.display_name", in.display_name(), limits::kShortCodePoints);
  checks.Clear("customer.display_name", MaskKind::kName, in.display_name());
  checks.Count("customer.contact_points", in.contact_points_size(), 16);
  for (int i = 0; i < in.contact_points_size(); ++i) {
    const std::string at = At("customer.contact_points", i);
    Text address;
    address.value = checks.Required(at + ".address", in.contact_points(i).address(), 320);
    checks.Clear(at + ".address", MaskKind::kContact, address.value);
    out.contact_points.push_back(
        {checks.Enum<Channel>(at + ".channel", in.contact_points(i).channel(), true),
         std::move(address)});
  }
  out.language = checks.Key("customer.language", in.language(), 35);
  out.time_zone = checks.Key("customer.time_zone", in.time_zone(), 64);
  // Clocks are counted in it for years: one that nobody can read would never show again.
  if (!out.time_zone.empty() && FindZone(out.time_zone) == nullptr) {
    checks.Add("customer.time_zone", Reason::kIdInvalid,
               {{"value", out.time_zone}, {"expected", "an IANA zone like Asia/Shanghai"}});
  }
  out.segment = checks.Key("customer.segment", in.segment());
  out.account_id = checks.Key("customer.account_id", in.account_id());
  checks.Clear("customer.account_id", MaskKind::kKey, in.account_id());
  out.org_unit_id = checks.Key("customer.org_unit_id", in.org_unit_id());
  if (in.has_value()) out.value = checks.Amount("customer.value", in.value());
  return command;
}

SetCustomerConsent ToConsent(const api::SetCustomerConsentRequest& request, Timestamp now,
                             Checks& checks) {
  SetCustomerConsent command;
  if (request.customer_id().empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
  command.customer_id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  command.expected_version = ParseEtag(request.etag());
  if (request.has_do_not_contact()) command.do_not_contact = request.do_not_contact();
  if (!request.has_do_not_contact() && request.consents_size() == 0) {
    checks.Add("consents", Reason::kRequiredFieldMissing);
  }
  checks.Count("consents", request.consents_size(), 32);
  for (int i = 0; i < request.consents_size(); ++i) {
    const api::Consent& in = request.consents(i);
    const std::string at = At("consents", i);
    Consent out;
    out.channel = checks.Enum<Channel>(at + ".channel", in.channel(), false);
    out.purpose = checks.Enum<ConsentPurpose>(at + ".purpose", in.purpose(), true);
    out.granted = in.granted();
    out.source = checks.Words(at + ".source", in.source(), 200);
    if (in.has_occur_time()) {
      const auto time = checks.Time(at + ".occur_time", in.occur_time());
      out.occurred_at = time.value_or(now);
      if (time && (*time < limits::kEarliest || *time > now + limits::kClockSkew)) {
        checks.Add(at + ".occur_time", Reason::kTimestampOutOfRange,
                   {{"value", FormatTime(*time)}, {"expected", limits::kOccurBounds}});
      }
    }
    command.consents.push_back(std::move(out));
  }
  return command;
}

RecordBehaviour ToBehaviour(const api::RecordBehaviourRequest& request, Timestamp now,
                            Checks& checks) {
  RecordBehaviour command;
  if (request.has_customer_key()) {
    command.customer_key = checks.External("customer_key", request.customer_key());
  } else {
    if (request.customer_id().empty()) checks.Add("customer_id", Reason::kRequiredFieldMissing);
    command.customer_id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  }
  const api::Behaviour& in = request.behaviour();
  Behaviour& out = command.behaviour;
  out.external_key = checks.External("behaviour.external_key", in.external_key());
  out.kind = checks.Enum<BehaviourKind>("behaviour.kind", in.kind(), /*required=*/true);
  if (in.has_amount()) out.amount = checks.Amount("behaviour.amount", in.amount());
  command.occurred_now = !in.has_occur_time();
  if (in.has_occur_time()) {
    const auto time = checks.Time("behaviour.occur_time", in.occur_time());
    out.occurred_at = time.value_or(now);
    if (time && (*time < limits::kEarliest || *time > now + limits::kClockSkew)) {
      checks.Add("behaviour.occur_time", Reason::kTimestampOutOfRange,
                 {{"value", FormatTime(*time)}, {"expected", limits::kOccurBounds}});
    }
  }
  return command;
}

// --------------------------------------------------------------------------------- to the API

void Fill(Timestamp time, google::protobuf::Timestamp* out) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  out->set_seconds(seconds.time_since_epoch().count());
  out->set_nanos(static_cast<int32_t>((time - seconds).count()) * 1'000'000);
}

void Fill(Duration d, google::protobuf::Duration* out) {
  out->set_seconds(d.count() / 1000);
  out->set_nanos(static_cast<int32_t>(d.count() % 1000) * 1'000'000);
}

void Fill(const Response& r, View view, api::Response* out) {
  out->set_id(ToString(r.id));
  out->set_etag(Etag(r.version));
  out->set_program_id(r.program_id);
  FillKey(r.external_key, [&] { return out->mutable_external_key(); });
  out->set_customer_id(IdText(r.customer_id));
  out->set_score(r.score);
  out->set_category(ToApi<api::Category>(r.category));
  for (const ScoredItem& item : r.items) {
    api::ScoredItem* to = out->add_items();
    to->set_key(item.key);
    to->set_score(item.score);
  }
  if (view == View::kFull) {
    out->set_reason(r.reason.value);
    out->set_suggestion(r.suggestion.value);
    for (const FollowUp& follow_up : r.follow_ups) {
      api::FollowUp* to = out->add_follow_ups();
      to->set_question(follow_up.question);
      to->set_answer(follow_up.answer.value);
    }
  }
  out->set_contact_requested(r.contact_requested);
  out->set_account_id(r.account_id);
  out->set_respondent_role(r.respondent_role);
  out->set_touchpoint(r.touchpoint);
  out->set_org_unit_id(r.org_unit_id);
  out->set_queue_id(r.queue_id);
  out->set_survey_channel(r.survey_channel);
  out->set_language(r.language);
  out->set_order_reference(r.order_reference);
  out->set_invitation_id(IdText(r.invitation_id));
  out->set_case_id(IdText(r.case_id));
  out->mutable_attributes()->insert(r.attributes.begin(), r.attributes.end());
  Fill(r.occurred_at, out->mutable_occur_time());
  Fill(r.recorded_at, out->mutable_record_time());
  out->set_paired_case_id(IdText(r.paired_case_id));
  out->set_effect(ToApi<api::ResponseEffect>(r.effect));
  out->set_history(r.history);
  if (r.corrected_score) out->set_corrected_score(*r.corrected_score);
}

void Fill(const Customer& c, View view, api::Customer* out) {
  const bool full = view == View::kFull;
  const CustomerProfile& p = c.profile;
  out->set_id(ToString(c.id));
  out->set_etag(Etag(c.version));
  for (const CustomerKey& key : c.keys) {
    api::ExternalKey* to = out->add_external_keys();
    to->set_source_system(key.source_system);
    to->set_external_id(key.external_id.value);
  }
  if (full) {
    out->set_display_name(p.display_name.value);
    for (const ContactPoint& point : p.contact_points) {
      api::ContactPoint* to = out->add_contact_points();
      to->set_channel(ToApi<api::Channel>(point.channel));
      to->set_address(point.address.value);
    }
  }
  out->set_alias_of(IdText(c.alias_of));
  out->set_language(p.language);
  out->set_time_zone(p.time_zone);
  out->set_segment(p.segment);
  out->set_account_id(p.account_id);
  out->set_org_unit_id(p.org_unit_id);
  FillMoney(p.value, [&] { return out->mutable_value(); });
  out->set_do_not_contact(c.do_not_contact);
  for (const Consent& consent : c.consents) {
    api::Consent* to = out->add_consents();
    to->set_channel(ToApi<api::Channel>(consent.channel));
    to->set_purpose(ToApi<api::ConsentPurpose>(consent.purpose));
    to->set_granted(consent.granted);
    Fill(consent.occurred_at, to->mutable_occur_time());
    to->set_source(consent.source);
  }
  Fill(c.created_at, out->mutable_create_time());
  Fill(c.updated_at, out->mutable_update_time());
  if (c.erased_at) Fill(*c.erased_at, out->mutable_erase_time());
  if (c.scrubbed_at) Fill(*c.scrubbed_at, out->mutable_scrub_time());
}

void Fill(const Behaviour& b, const CustomerId& customer, api::Behaviour* out) {
  // Nothing is left of the key where the person is erased.
  if (!b.external_key.empty()) {
    out->mutable_external_key()->set_source_system(b.external_key.source_system);
    out->mutable_external_key()->set_external_id(b.external_key.external_id);
  }
  out->set_kind(ToApi<api::BehaviourKind>(b.kind));
  FillMoney(b.amount, [&] { return out->mutable_amount(); });
  Fill(b.occurred_at, out->mutable_occur_time());
  Fill(b.recorded_at, out->mutable_record_time());
  out->set_customer_id(ToString(customer));
}

void Fill(const Program& p, int64_t revision, api::Program* out) {
  out->set_id(p.id);
  out->set_display_name(p.display_name);
  out->set_display_name_zh(p.display_name_zh);
  out->set_kind(static_cast<api::ProgramKind>(static_cast<int>(p.kind) + 1));
  api::Scale* scale = out->mutable_scale();
  scale->set_kind(static_cast<api::ScaleKind>(static_cast<int>(p.scale.kind) + 1));
  scale->set_min(p.scale.min);
  scale->set_max(p.scale.max);
  scale->set_detractor_limit(p.scale.detractor_limit);
  scale->set_promoter_limit(p.scale.promoter_limit);
  scale->set_lower_is_better(p.scale.lower_is_better);
  out->set_allow_anonymous(p.allow_anonymous);
  out->set_anonymous_opens_case(p.anonymous_opens_case);
  if (p.recovery_window) Fill(*p.recovery_window, out->mutable_recovery_window());
  Fill(p.reopen_window, out->mutable_reopen_window());
  Fill(p.resurvey_delay, out->mutable_resurvey_delay());
  Fill(p.resurvey_validity, out->mutable_resurvey_validity());
  Fill(p.first_contact_limit, out->mutable_first_contact_limit());
  out->set_max_reopen_count(p.max_reopen_count);
  out->set_currency_code(p.currency);
  out->set_time_zone(p.time_zone);
  out->set_revision(revision);
}

void Fill(const Lifecycle& lifecycle, int64_t revision, api::Lifecycle* out) {
  out->set_revision(revision);
  out->set_initial_status(lifecycle.initial);
  out->set_max_returns(lifecycle.max_returns);
  out->set_max_extensions(lifecycle.max_extensions);
  for (const StatusDef& status : lifecycle.statuses) {
    api::LifecycleStatus* to = out->add_statuses();
    to->set_key(status.key);
    to->set_label(status.label_en);
    to->set_label_zh(status.label_zh);
    to->set_phase(ToApi<api::Phase>(status.phase));
    to->set_handling_done(status.handling_done);
    for (const ClockKind kind : status.stops) to->add_stopped_clocks(ToApi<api::ClockKind>(kind));
  }
  for (const Transition& transition : lifecycle.transitions) {
    api::LifecycleTransition* to = out->add_transitions();
    to->set_from_status(transition.from);
    to->set_command(std::string(Name(transition.command)));
    to->set_to_status(transition.to);
    to->set_otherwise_status(transition.otherwise);
    to->set_exhausted_status(transition.exhausted);
    for (const std::string& role : transition.roles) to->add_roles(role);
    for (const RequiredField field : transition.requires_fields) {
      to->add_required_fields(std::string(Name(field)));
    }
  }
}

void Fill(const StoredRevision& revision, int64_t in_force, api::ConfigRevision* out) {
  out->set_number(revision.number);
  out->set_hash(revision.hash);
  out->set_source(revision.source);
  out->set_actor(revision.applied_by);
  if (revision.applied_at > Timestamp{}) Fill(revision.applied_at, out->mutable_apply_time());
  out->set_current(revision.number == in_force);
}

void Fill(const ConfigError& fault, std::string_view language, api::ConfigFault* out) {
  const Language in = IsEnglish(language) ? Language::kEnglish : Language::kChinese;
  out->set_code(fault.code);
  out->set_file(fault.file);
  out->set_line(fault.line);
  out->set_column(fault.column);
  out->set_message(fault.message.In(in));
  out->set_help(fault.help.In(in));
  out->set_source_line(fault.source_line);
  out->set_rendered(Render(fault, in));
}

void Fill(const RuleTestResult& result, api::RuleTestResult* out) {
  out->set_name(result.name);
  out->set_file(result.file);
  out->set_line(result.line);
  out->set_passed(result.passed());
  for (const RuleTestResult::Mismatch& mismatch : result.mismatches) {
    api::RuleTestMismatch* to = out->add_mismatches();
    to->set_kind(mismatch.key);
    to->set_expected(mismatch.expected);
    to->set_found(mismatch.found);
  }
}

std::string PlaceOf(const ConfigError& fault) {
  if (fault.line == 0) return fault.file;
  return fault.file + ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
}

Result<std::vector<ConfigFile>> ToConfigFiles(
    const google::protobuf::RepeatedPtrField<api::ConfigFile>& in) {
  Checks checks;
  if (in.empty()) checks.Add("files", Reason::kRequiredFieldMissing);
  checks.Count("files", in.size(), static_cast<int>(kMaxConfigFiles));
  std::vector<ConfigFile> files;
  for (int i = 0; i < in.size() && files.size() < kMaxConfigFiles; ++i) {
    const std::string field = "files[" + std::to_string(i) + "].name";
    if (in[i].name().empty()) checks.Add(field, Reason::kRequiredFieldMissing);
    files.push_back({checks.Key(field, in[i].name()), in[i].text()});
  }
  if (!checks.ok()) return std::move(checks).ToError();
  return files;
}

void Fill(const Error& error, int64_t row, api::RowError* out) {
  out->set_row(row);
  if (error.violations.empty()) {
    out->set_reason(std::string(Name(error.reason)));
  } else {
    out->set_field(error.violations.front().field);
    out->set_reason(std::string(Name(error.violations.front().reason)));
  }
  out->set_message(Render(error, "en"));
  out->set_message_zh(Render(error, "zh-CN"));
}

}  // namespace rebound
