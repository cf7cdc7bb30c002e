// Blacklist entries, what they rest on and what they say.
#include <algorithm>

#include "server/services/convert_parts.h"
#include "workflows/limits.h"
#include "workflows/remedy_ledger.h"

namespace rebound {
namespace {

constexpr int kMostEffects = 64;  // in each list
constexpr int kEvidence = static_cast<int>(limits::kBlacklistEvidence);

std::vector<std::string> ToKeys(const google::protobuf::RepeatedPtrField<std::string>& keys,
                                const std::string& path, Checks& checks) {
  checks.Count(path, keys.size(), kMostEffects);
  std::vector<std::string> out;
  for (int i = 0; i < keys.size() && i < kMostEffects; ++i) {
    const std::string at = At(path, i);
    if (keys[i].empty()) checks.Add(at, Reason::kRequiredFieldMissing);
    out.push_back(checks.Key(at, keys[i], 64));
  }
  return out;
}

BlacklistEffects ToEffects(const api::BlacklistEffects& in, Checks& checks) {
  const std::string path = "entry.effects";
  BlacklistEffects out;
  checks.Count(path + ".channels", in.channels_size(), kMostEffects);
  for (int i = 0; i < in.channels_size() && i < kMostEffects; ++i) {
    out.channels.push_back(checks.Enum<Channel>(At(path + ".channels", i), in.channels(i), true));
  }
  out.remedy_types = ToKeys(in.remedy_types(), path + ".remedy_types", checks);
  out.program_ids = ToKeys(in.program_ids(), path + ".program_ids", checks);
  out.queue_id = checks.Key(path + ".queue_id", in.queue_id(), 64);
  return out;
}

BlacklistExtent ToExtent(const api::BlacklistExtent& in, Checks& checks) {
  BlacklistExtent out;
  out.id = checks.Key("entry.extent.id", in.id());
  out.kind = checks.Enum<BlacklistExtent::Kind>("entry.extent.kind", in.kind(), false);
  if (out.kind == BlacklistExtent::Kind::kUnset) {
    out.kind = BlacklistExtent::Kind::kCompany;
    // Whoever names a place means it: nobody is to be listed everywhere by forgetting a word.
    if (!in.id().empty()) checks.Add("entry.extent.kind", Reason::kRequiredFieldMissing);
  }
  return out;
}

void FillEffects(const BlacklistEffects& effects, api::BlacklistEffects* out) {
  for (const Channel channel : effects.channels) {
    out->add_channels(ToApi<api::Channel>(channel));
  }
  for (const std::string& type : effects.remedy_types) out->add_remedy_types(type);
  for (const std::string& program : effects.program_ids) out->add_program_ids(program);
  out->set_queue_id(effects.queue_id);
}

void FillAppeal(const BlacklistAppeal& appeal, bool full, api::BlacklistAppeal* out) {
  out->set_state(ToApi<api::AppealState>(appeal.state));
  if (full) {
    out->set_words(appeal.words.value);
    for (const BlacklistEvidence& each : appeal.evidence) Fill(each, out->add_evidence());
  }
  out->set_filer(appeal.filed_by);
  Fill(appeal.filed_at, out->mutable_file_time());
  Fill(appeal.due_at, out->mutable_due_time());
  out->set_decider(appeal.decided_by);
  FillTime(appeal.decided_at, [&] { return out->mutable_decide_time(); });
}

void FillExtension(const BlacklistExtension& extension, bool full, api::BlacklistExtension* out) {
  out->set_requester(extension.requested_by);
  Fill(extension.requested_at, out->mutable_request_time());
  Fill(extension.until, out->mutable_until());
  if (full) out->set_reason(extension.reason.value);
}

// What people wrote, and who decided what.
void FillFull(const BlacklistEntry& entry, api::BlacklistEntry* out) {
  for (const BlacklistEvidence& each : entry.evidence) Fill(each, out->add_evidence());
  out->set_internal_reason(entry.internal_reason.value);
  out->set_customer_reason(entry.customer_reason_en.value);
  out->set_customer_reason_zh(entry.customer_reason_zh.value);
  for (const BlacklistDecision& decision : entry.decisions) {
    api::BlacklistDecision* to = out->add_decisions();
    to->set_kind(ToApi<api::BlacklistDecisionKind>(decision.kind));
    to->set_decider(decision.actor);
    Fill(decision.at, to->mutable_decide_time());
    to->set_note(decision.note.value);
  }
}

void FillTimes(const BlacklistEntry& entry, api::BlacklistEntry* out) {
  Fill(entry.starts_at, out->mutable_start_time());
  Fill(entry.expires_at, out->mutable_expire_time());
  FillTime(entry.review_at, [&] { return out->mutable_review_time(); });
  FillTime(entry.immediate_until, [&] { return out->mutable_immediate_until(); });
  FillTime(entry.warned_at, [&] { return out->mutable_warn_time(); });
  FillTime(entry.notified_at, [&] { return out->mutable_notify_time(); });
  FillTime(entry.appeal_until, [&] { return out->mutable_appeal_until_time(); });
  FillTime(entry.ended_at, [&] { return out->mutable_end_time(); });
  Fill(entry.created_at, out->mutable_create_time());
  Fill(entry.updated_at, out->mutable_update_time());
}

api::PermitOutcome ToApiOutcome(PermitOutcome outcome) {
  return static_cast<api::PermitOutcome>(static_cast<int>(outcome) + 1);
}

}  // namespace

std::vector<BlacklistEvidence> ToEvidence(
    const google::protobuf::RepeatedPtrField<api::BlacklistEvidence>& evidence,
    const std::string& path, Checks& checks) {
  constexpr size_t kUrl = 2'000;
  checks.Count(path, evidence.size(), kEvidence);
  std::vector<BlacklistEvidence> out;
  for (int i = 0; i < evidence.size() && i < kEvidence; ++i) {
    const api::BlacklistEvidence& in = evidence[i];
    const std::string at = At(path, i);
    BlacklistEvidence item;
    item.summary = checks.Personal(Sub(at, "summary"), in.summary(), limits::kTextCodePoints);
    item.url = checks.Key(Sub(at, "url"), in.url(), kUrl);
    item.case_id = checks.ParseId<CaseId>(Sub(at, "case_id"), in.case_id());
    if (in.has_occur_time()) {
      item.occurred_at = checks.Time(Sub(at, "occur_time"), in.occur_time()).value_or(Timestamp{});
    }
    out.push_back(std::move(item));
  }
  return out;
}

ProposeEntry ToPropose(const api::BlacklistEntry& in, Checks& checks) {
  ProposeEntry out;
  if (in.customer_id().empty()) {
    checks.Add("entry.customer_id", Reason::kRequiredFieldMissing);
  }
  out.customer_id = checks.ParseId<CustomerId>("entry.customer_id", in.customer_id());
  out.kind = checks.Enum<BlacklistKind>("entry.kind", in.kind(), true);
  if (in.has_effects()) out.effects = ToEffects(in.effects(), checks);
  out.extent = ToExtent(in.extent(), checks);
  out.evidence = ToEvidence(in.evidence(), "entry.evidence", checks);
  out.reason_code = checks.Key("entry.reason_code", in.reason_code(), 64);
  out.internal_reason =
      checks.Personal("entry.internal_reason", in.internal_reason(), limits::kTextCodePoints);
  out.customer_reason_en =
      checks.Personal("entry.customer_reason", in.customer_reason(), limits::kTextCodePoints);
  out.customer_reason_zh =
      checks.Personal("entry.customer_reason_zh", in.customer_reason_zh(), limits::kTextCodePoints);
  out.legal_basis = checks.Key("entry.legal_basis", in.legal_basis());
  if (in.has_start_time()) out.starts_at = checks.Time("entry.start_time", in.start_time());
  if (in.has_expire_time()) out.expires_at = checks.Time("entry.expire_time", in.expire_time());
  if (in.has_review_time()) out.review_at = checks.Time("entry.review_time", in.review_time());
  if (in.has_immediate_until()) {
    out.immediate_until = checks.Time("entry.immediate_until", in.immediate_until());
  }
  return out;
}

RestrictedAction ToAction(const api::RestrictedAction& in, const std::string& path,
                          const Revision& revision, Checks& checks) {
  RestrictedAction out;
  out.kind = checks.Enum<RestrictedActionKind>(Sub(path, "kind"), in.kind(), true);
  out.channel = checks.Enum<Channel>(Sub(path, "channel"), in.channel(), false);
  out.remedy_type = checks.Key(Sub(path, "remedy_type"), in.remedy_type(), 64);
  out.statutory = in.statutory();
  if (!out.remedy_type.empty()) {
    if (const RemedyType* type = FindRemedyType(revision, out.remedy_type)) {
      out.statutory = type->statutory;
    } else {
      std::string allowed;
      for (const RemedyType& each : revision.remedies) {
        allowed += (allowed.empty() ? "" : ", ") + each.id;
      }
      checks.Add(Sub(path, "remedy_type"), Reason::kRemedyTypeUnknown,
                 {{"value", out.remedy_type}, {"allowed", allowed}});
    }
  }
  out.program_id = checks.Key(Sub(path, "program_id"), in.program_id(), 64);
  if (!out.program_id.empty() && revision.FindProgram(out.program_id) == nullptr) {
    checks.Add(Sub(path, "program_id"), Reason::kUnknownProgram, {{"value", out.program_id}});
  }
  out.org_unit_id = checks.Key(Sub(path, "org_unit_id"), in.org_unit_id());
  return out;
}

void Fill(const BlacklistEvidence& evidence, api::BlacklistEvidence* out) {
  out->set_id(IdText(evidence.id));
  out->set_summary(evidence.summary.value);
  out->set_url(evidence.url);
  out->set_measure(evidence.measure);
  out->set_case_id(IdText(evidence.case_id));
  Fill(evidence.occurred_at, out->mutable_occur_time());
  out->set_actor(evidence.added_by);
}

void Fill(const BlacklistEntry& entry, View view, const Revision& revision, Timestamp now,
          api::BlacklistEntry* out) {
  const bool full = view == View::kFull;
  out->set_id(ToString(entry.id));
  out->set_number(EntryNumberText(entry.number));
  out->set_etag(Etag(entry.version));
  out->set_customer_id(ToString(entry.customer_id));
  out->set_kind(ToApi<api::BlacklistKind>(entry.kind));
  out->set_state(ToApi<api::BlacklistState>(entry.state));
  FillEffects(entry.effects, out->mutable_effects());
  out->mutable_extent()->set_kind(ToApi<api::BlacklistExtentKind>(entry.extent.kind));
  out->mutable_extent()->set_id(entry.extent.id);
  out->set_reason_code(entry.reason_code);
  const auto& reasons = revision.blacklist.reasons;
  const auto reason = std::find_if(reasons.begin(), reasons.end(),
                                   [&](const auto& each) { return each.id == entry.reason_code; });
  if (reason != reasons.end()) {
    out->set_reason_name(reason->name_en);
    out->set_reason_name_zh(reason->name_zh);
  }
  out->set_legal_basis(entry.legal_basis);
  out->set_proposer(entry.proposer);
  out->set_rule_id(entry.rule_id);
  out->set_triggered_by(entry.triggered_by);
  out->set_org_unit_id(entry.org_unit_id);
  FillTimes(entry, out);
  if (full) FillFull(entry, out);
  if (entry.appeal.state != AppealState::kUnset) {
    FillAppeal(entry.appeal, full, out->mutable_appeal());
  }
  if (entry.extension) FillExtension(*entry.extension, full, out->mutable_extension());
  out->set_in_force(IsInForce(entry, now));
  // Once its end has come nothing can be done to it, whether or not the bell has rung.
  if (!IsOpen(entry, now)) return;
  for (std::string& command : Allowed(entry.state)) {
    out->add_allowed_commands(std::move(command));
  }
}

void Fill(const RestrictedAction& action, const Permit& permit, api::Permit* out) {
  api::RestrictedAction* asked = out->mutable_action();
  asked->set_kind(ToApi<api::RestrictedActionKind>(action.kind));
  asked->set_channel(ToApi<api::Channel>(action.channel));
  asked->set_remedy_type(action.remedy_type);
  asked->set_statutory(action.statutory);
  asked->set_program_id(action.program_id);
  asked->set_org_unit_id(action.org_unit_id);
  out->set_outcome(ToApiOutcome(permit.outcome));
  for (const PermitExplanation& each : permit.explanations) {
    api::PermitExplanation* to = out->add_explanations();
    to->set_entry_id(ToString(each.entry_id));
    to->set_entry_number(EntryNumberText(each.number));
    to->set_kind(ToApi<api::BlacklistKind>(each.kind));
    to->set_reason_code(each.reason_code);
    to->set_outcome(ToApiOutcome(each.outcome));
    Fill(each.until, to->mutable_until());
  }
  out->set_queue_id(permit.queue_id);
}

void Fill(std::string_view group, const BlacklistCounts& counts, api::BlacklistFigure* out) {
  out->set_group(std::string(group));
  out->set_proposed_count(counts.proposed);
  out->set_warned_count(counts.warned);
  out->set_activated_count(counts.activated);
  out->set_rejected_count(counts.rejected);
  out->set_appealed_count(counts.appealed);
  out->set_overturned_count(counts.overturned);
  out->set_lifted_count(counts.lifted);
  out->set_lapsed_count(counts.lapsed);
  out->set_undecided_count(counts.undecided);
  out->set_in_force_count(counts.in_force);
}

}  // namespace rebound
