// Responses, and the small values they share with cases and customers. Plain structs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "workflows/ids.h"
#include "workflows/scale.h"
#include "workflows/time.h"

namespace rebound {

// Personal text. The value lives in a side table under the id; events and rows carry the id only,
// so that erasing a person means deleting texts. An empty id means: no text. A non-empty id with an
// empty value means: not loaded, or erased.
struct Text {
  TextId id{};
  std::string value{};

  bool empty() const { return id.empty() && value.empty(); }
  friend bool operator==(const Text&, const Text&) = default;
};

// A key under which another system knows a record.
struct ExternalKey {
  std::string source_system{};
  std::string external_id{};

  bool empty() const { return source_system.empty() && external_id.empty(); }
  friend auto operator<=>(const ExternalKey&, const ExternalKey&) = default;
};

// Minor units of an ISO 4217 currency. Empty currency: no amount.
struct Money {
  int64_t amount_minor = 0;
  std::string currency{};

  bool empty() const { return currency.empty(); }
  friend bool operator==(const Money&, const Money&) = default;
};

enum class Channel { kUnset, kPhone, kSms, kEmail, kMessenger, kApp, kLetter, kInPerson };

struct ScoredItem {
  std::string key{};
  int64_t score = 0;
  friend bool operator==(const ScoredItem&, const ScoredItem&) = default;
};

struct FollowUp {
  std::string question{};
  Text answer{};
  friend bool operator==(const FollowUp&, const FollowUp&) = default;
};

enum class ResponseEffect { kUnset, kNone, kOpened, kResurveyAnswer, kAttached, kReopened };

// One answering of a survey. Never changed once recorded, but for the pairing that history imports
// derive anew and the correction that stands beside the score.
struct Response {
  ResponseId id{};
  int64_t version = 0;
  std::string program_id{};
  ExternalKey external_key{};
  CustomerId customer_id{};  // empty: anonymous
  int64_t score = 0;
  Category category = Category::kUnset;
  std::vector<ScoredItem> items{};
  Text reason{};
  Text suggestion{};
  std::vector<FollowUp> follow_ups{};
  bool contact_requested = false;
  std::string account_id{};
  std::string respondent_role{};
  std::string touchpoint{};
  std::string org_unit_id{};
  std::string survey_channel{};
  std::string language{};
  std::string order_reference{};
  InvitationId invitation_id{};
  CaseId case_id{};  // the case the answer names, if any
  std::map<std::string, std::string> attributes{};
  Timestamp occurred_at{};
  Timestamp recorded_at{};
  CaseId paired_case_id{};
  ResponseEffect effect = ResponseEffect::kUnset;
  bool history = false;
  std::optional<int64_t> corrected_score{};
  std::string queue_id{};  // of its case when it was recorded, else the program's; for scopes

  friend bool operator==(const Response&, const Response&) = default;
};

}  // namespace rebound
