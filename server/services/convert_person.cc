// The events of a person, with every word of them.
#include "server/services/convert_parts.h"
#include "server/storage/codec.h"

namespace rebound {
namespace {

// What an event says beyond its words, its subjects and what the timeline of a case shows. Whatever
// holds personal values that are no Text is shown as a whole.
struct PersonDetails {
  const Event& event;
  const Revision& revision;
  api::PersonEvent* out;

  void Put(const char* name, std::string value) {
    if (!value.empty()) (*out->mutable_details())[name] = std::move(value);
  }
  void PutTime(const char* name, const std::optional<Timestamp>& time) {
    if (time) Put(name, FormatTime(*time));
  }
  // Of `customer` that alone which an event sets.
  void PutCustomer(Customer customer) {
    customer.id = event.customer_id;
    Fill(customer, View::kFull, out->mutable_customer());
    out->mutable_customer()->clear_etag();
    out->mutable_customer()->clear_create_time();
    out->mutable_customer()->clear_update_time();
  }
  void PutDecision(const BlacklistDecision& decision) {
    Put("decision", Word<api::BlacklistDecisionKind>(decision.kind));
  }
  void PutEvidence(const std::vector<Evidence>& evidence) {
    for (const Evidence& each : evidence) {
      api::Evidence* to = out->add_evidence();
      to->set_uri(each.uri);
      to->set_text(each.text.value);
    }
  }

  void operator()(const CustomerCreated& e) {
    Fill(e.customer, View::kFull, out->mutable_customer());
  }
  void operator()(const CustomerProfileChanged& e) { PutCustomer({.profile = e.profile}); }
  void operator()(const CustomerKeyAdded& e) { PutCustomer({.keys = {e.key}}); }
  void operator()(const CustomerLinked& e) { PutCustomer({.alias_of = e.alias_of}); }
  void operator()(const CustomerConsentChanged& e) {
    PutCustomer({.consents = e.consents});
    if (e.do_not_contact) Put("do_not_contact", *e.do_not_contact ? "yes" : "no");
  }
  void operator()(const BehaviourRecorded& e) {
    Fill(e.behaviour, event.customer_id, out->mutable_behaviour());
  }
  void operator()(const ResponseRecorded& e) {
    Fill(e.response, View::kFull, out->mutable_response());
  }
  void operator()(const ResponsePairingCorrected& e) {
    Put("case", IdText(e.paired_case_id));
    Put("effect", Word<api::ResponseEffect>(e.effect));
  }
  void operator()(const ResponseCorrected& e) {
    if (e.corrected_score) Put("corrected_score", std::to_string(*e.corrected_score));
    Put("case", IdText(e.case_id));
  }
  void operator()(const CaseOpened& e) {
    api::Case* to = out->mutable_case_();
    Fill(e.opened, View::kFull, revision, event.recorded_at, to);
    // What could be done with it, and what was planned, is no fact about the person.
    to->clear_allowed_commands();
    to->clear_plan();
  }
  void operator()(const VerdictRecorded& e) { PutEvidence(e.verdict.evidence); }
  void operator()(const FindingRecorded& e) { PutEvidence(e.finding.evidence); }
  void operator()(const EntryProposed& e) {
    Fill(e.entry, View::kFull, revision, event.recorded_at, out->mutable_blacklist_entry());
    out->mutable_blacklist_entry()->clear_allowed_commands();
  }
  void operator()(const EntryWarned& e) { PutDecision(e.decision); }
  void operator()(const EntryDecided& e) {
    PutDecision(e.decision);
    PutTime("review", e.review_at);
  }
  void operator()(const EntryExtensionRequested& e) { PutTime("until", e.extension.until); }
  void operator()(const EntryExtensionDecided& e) {
    PutDecision(e.decision);
    PutTime("expires", e.expires_at);
  }
  void operator()(const EntryAppealed& e) {
    for (const BlacklistEvidence& each : e.appeal.evidence) {
      api::Evidence* to = out->add_evidence();
      to->set_uri(each.url);
      to->set_text(each.summary.value);
    }
    PutTime("due", e.appeal.due_at);
  }
  void operator()(const EntryAppealDecided& e) { PutDecision(e.decision); }
  void operator()(const EntryLifted& e) { PutDecision(e.decision); }
  void operator()(const EntryNotified& e) { PutTime("appeal_until", e.appeal_until); }
  template <typename Other>
  void operator()(const Other&) {}  // its words and the timeline's details say it
};

}  // namespace

void Fill(Event event, const Revision& revision, api::PersonEvent* out) {
  api::CaseEvent shown;
  Fill(event, &shown);
  out->mutable_details()->swap(*shown.mutable_details());
  out->set_sequence(event.sequence);
  out->set_type(shown.type());
  Fill(event.occurred_at, out->mutable_occur_time());
  Fill(event.recorded_at, out->mutable_record_time());
  out->set_actor(event.actor);
  out->set_customer_id(IdText(event.customer_id));
  out->set_response_id(IdText(event.response_id));
  out->set_case_id(IdText(event.case_id));
  out->set_entry_id(IdText(event.entry_id));
  out->set_org_unit_id(event.org_unit_id);
  out->set_queue_id(event.queue_id);
  out->set_status(event.status);
  ForEachText(event, [out](Text& text) {
    if (!text.value.empty()) out->add_words(text.value);
  });
  std::visit(PersonDetails{event, revision, out}, event.body);
}

}  // namespace rebound
