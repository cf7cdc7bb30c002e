#include "workflows/customer.h"

namespace rebound {
namespace {

std::string_view ChannelWord(Channel channel) {
  switch (channel) {
    case Channel::kUnset: return "any";
    case Channel::kPhone: return "phone";
    case Channel::kSms: return "sms";
    case Channel::kEmail: return "email";
    case Channel::kMessenger: return "messenger";
    case Channel::kApp: return "app";
    case Channel::kLetter: return "letter";
    case Channel::kInPerson: return "in_person";
  }
  return "any";
}

}  // namespace

const Behaviour* FindBehaviour(const Customer& customer, const ExternalKey& key) {
  for (const Behaviour& behaviour : customer.behaviours) {
    if (behaviour.external_key == key) return &behaviour;
  }
  return nullptr;
}

Result<void> MayApproach(const Customer& customer, Channel channel, ConsentPurpose purpose) {
  if (customer.do_not_contact) {
    return Error{Reason::kDoNotContact, {{"customer", ToString(customer.id)}}};
  }
  const Consent* deciding = nullptr;
  for (const Consent& consent : customer.consents) {
    if (consent.purpose != purpose) continue;
    if (consent.channel == channel) {
      deciding = &consent;
      break;
    }
    if (consent.channel == Channel::kUnset) deciding = &consent;
  }
  if (deciding != nullptr && !deciding->granted) {
    return Error{Reason::kConsentDenied,
                 {{"customer", ToString(customer.id)},
                  {"channel", std::string(ChannelWord(channel))},
                  {"purpose", purpose == ConsentPurpose::kSurvey ? "survey" : "recovery"}}};
  }
  return {};
}

}  // namespace rebound
