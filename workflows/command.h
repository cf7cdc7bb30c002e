// Commands: what someone wants. Imperative; checked for shape already (services/validate), for
// state by Decide.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "workflows/case.h"
#include "workflows/customer.h"
#include "workflows/ids.h"
#include "workflows/response.h"

namespace rebound {

struct SubmitResponse {
  Response response{};         // ids, category, pairing and recorded_at not yet set
  ExternalKey customer_key{};  // used when response.customer_id is empty
  bool history = false;
  bool occurred_now = false;  // the request named no time: occurred_at is Context::now
};

struct UpsertCustomer {
  ExternalKey key{};
  CustomerProfile profile{};        // the fields that the mask names
  std::vector<std::string> mask{};  // field names of rebound.v1.Customer, checked and unique
  std::optional<int64_t> expected_version{};
};
struct AddCustomerAlias {
  CustomerId customer_id{};
  ExternalKey key{};
};
struct SetCustomerConsent {
  CustomerId customer_id{};
  std::optional<bool> do_not_contact{};
  std::vector<Consent> consents{};  // occurred_at of 0: now
  std::optional<int64_t> expected_version{};
};

// A case as a caller names it: by id, or by number when the id is empty.
struct CaseRef {
  CaseId id{};
  int64_t number = 0;
};

struct OpenCase {
  std::string program_id{};
  CustomerId customer_id{};
  CaseOrigin origin = CaseOrigin::kHand;
  int32_t severity = 2;
  CaseDetails details{};
};
struct ClaimNext {
  std::string queue_id{};
};
struct Assign {
  std::string owner{};
  std::string queue_id{};
};
struct LogAttempt {
  Attempt attempt{};
  bool occurred_now = false;
};
struct MakeCommitment {
  Commitment commitment{};
};
struct RecordRemedy {
  Remedy remedy{};
};
struct Resolve {
  HandlingResult handling_result = HandlingResult::kUnset;
  std::string root_cause{};
  Text action_taken{};
  std::optional<bool> customer_accepts{};
};
struct Close {
  Text note{};
  bool customer_declined = false;
};
struct Reopen {
  Text note{};
};
// One wake-up for one case: every timer of it that is due at Context::now fires, in due order.
struct FireTimers {};

using CaseVerb = std::variant<Assign, LogAttempt, MakeCommitment, RecordRemedy, Resolve, Close,
                              Reopen, FireTimers>;
// A verb on one case. expected_version: the etag the caller saw.
struct WorkCase {
  CaseRef ref{};
  CaseVerb verb{};
  std::optional<int64_t> expected_version{};
};

using Command = std::variant<SubmitResponse, UpsertCustomer, AddCustomerAlias, SetCustomerConsent,
                             OpenCase, ClaimNext, WorkCase>;

}  // namespace rebound
