// Customers and their consent. Plain structs and the one rule that reads them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workflows/ids.h"
#include "workflows/response.h"
#include "workflows/result.h"
#include "workflows/time.h"

namespace rebound {

enum class ConsentPurpose { kUnset, kRecovery, kSurvey };

// Consent for one purpose on one channel; kUnset channel: every channel.
struct Consent {
  Channel channel = Channel::kUnset;
  ConsentPurpose purpose = ConsentPurpose::kUnset;
  bool granted = false;
  Timestamp occurred_at{};
  std::string source{};
  friend bool operator==(const Consent&, const Consent&) = default;
};

// What a customer did by themselves, beside what they answer.
enum class BehaviourKind { kUnset, kRepurchase, kChurn, kRenewal, kDowngrade, kReferral };

// One thing they did, as another system knows it. Never changed once recorded.
struct Behaviour {
  ExternalKey external_key{};  // one of a kind for the person
  BehaviourKind kind = BehaviourKind::kUnset;
  Money amount{};
  Timestamp occurred_at{};
  Timestamp recorded_at{};
  friend bool operator==(const Behaviour&, const Behaviour&) = default;
};

struct ContactPoint {
  Channel channel = Channel::kUnset;
  Text address{};
  friend bool operator==(const ContactPoint&, const ContactPoint&) = default;
};

// A key of a customer: the system in the clear, the key itself as personal text.
struct CustomerKey {
  std::string source_system{};
  Text external_id{};
  friend bool operator==(const CustomerKey&, const CustomerKey&) = default;
};

// What staff and integrations may set; changed as a whole by one event.
struct CustomerProfile {
  Text display_name{};
  std::vector<ContactPoint> contact_points{};
  std::string language{};
  std::string time_zone{};
  std::string segment{};
  std::string account_id{};
  std::string org_unit_id{};
  Money value{};
  friend bool operator==(const CustomerProfile&, const CustomerProfile&) = default;
};

struct Customer {
  CustomerId id{};
  int64_t version = 0;  // +1 with each event; the etag
  std::vector<CustomerKey> keys{};
  CustomerId alias_of{};  // set: this record stands for that customer
  CustomerProfile profile{};
  bool do_not_contact = false;
  std::vector<Consent> consents{};
  Timestamp created_at{};
  Timestamp updated_at{};
  // The person is erased: nothing that says who they were is left. `scrubbed_at`: nor are the bytes
  // in any file of the store.
  std::optional<Timestamp> erased_at{};
  std::optional<Timestamp> scrubbed_at{};
  std::vector<Behaviour> behaviours{};  // in the order of recording

  friend bool operator==(const Customer&, const Customer&) = default;
};

// Why a person is erased: Art. 17 (1) (a), (b), (c), (d) and (e) GDPR; PIPL Art. 47 has the same.
enum class ErasureGround {
  kUnset,
  kNoLongerNeeded,
  kConsentWithdrawn,
  kObjection,
  kUnlawfulProcessing,
  kLegalObligation
};

// What contact data was shown in clear for.
enum class UnmaskReason { kUnset, kContact, kIdentify, kDeliver, kCorrect, kAuthority, kOther };

// What the record holds under that key; null: nothing.
const Behaviour* FindBehaviour(const Customer& customer, const ExternalKey& key);

// May the customer be approached for `purpose` on `channel`? kDoNotContact wins over
// kConsentDenied; the entry of the very channel wins over the one for every channel; no entry: not
// denied.
Result<void> MayApproach(const Customer& customer, Channel channel, ConsentPurpose purpose);

}  // namespace rebound
