// What the store keeps of endpoints and of what is to be delivered to them. They are no events of
// the domain: rows that change in place, made from the log of events as it is walked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/storage/store.h"
#include "workflows/ids.h"
#include "workflows/time.h"

namespace rebound {

enum class EndpointKind { kWebhook = 1, kEmail, kWecom, kDingtalk, kFeishu };
// kRemoved: it is there for nobody, until its deliveries are cleared away.
enum class EndpointState { kActive = 1, kDisabled, kRemoved };
enum class EndpointDisabledCause { kNone = 0, kByHand, kGone, kFailing };

struct Endpoint {
  RawId id{};
  std::string owner{};  // principal
  // Of the credential that made it. It is sent what lies in both these and what the owner has now.
  std::string role{};
  Scope scope{};
  EndpointKind kind = EndpointKind::kWebhook;
  std::string url{};
  std::vector<std::string> recipients{};  // addresses
  std::string filter{};                   // api::EventFilter, serialised
  std::string language{};
  std::vector<std::pair<std::string, std::string>> headers{};
  // Newest first: signing keys of a webhook, the secret of a robot. Kept as they are, for they
  // must be used; no call shows them twice.
  std::vector<std::string> secrets{};
  std::optional<Timestamp> previous_until{};  // those but the first sign until then
  EndpointState state = EndpointState::kActive;
  EndpointDisabledCause cause = EndpointDisabledCause::kNone;
  LogPosition position{};  // the log up to here has been looked at
  Timestamp created_at{};
  std::optional<Timestamp> failing_since{};  // the first failure after the last delivery
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

enum class DeliveryState { kPending = 1, kDelivered, kDead, kDropped };

// One event for one endpoint.
struct Delivery {
  RawId id{};  // the same for every try and replay
  RawId endpoint{};
  int64_t sequence = 0;  // of the event
  std::string event_type{};
  std::optional<CaseId> case_id{};
  // Those of one key go out in the order of their events: OrderKeyOf the event; never empty.
  std::string order_key{};
  std::string org_unit_id{}, queue_id{};  // of the event: whose scope it is in
  DeliveryState state = DeliveryState::kPending;
  int32_t tries = 0;
  std::optional<Timestamp> next_try_at{};  // exactly while pending
  std::optional<Timestamp> tried_at{};     // the last time
  int32_t last_status = 0;                 // 0: there was no answer
  std::string last_answer{};               // gone once the person of the event is erased
  std::optional<Timestamp> ended_at{};     // exactly while not pending
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// The id of the event's case, else of its entry, else of its customer, else "-".
std::string OrderKeyOf(const Event& event);

struct DeliveryQuery {
  std::optional<RawId> endpoint{};
  std::vector<RawId> endpoints{};  // where `endpoint` is absent: of these
  std::optional<DeliveryState> state{};
  std::optional<CaseId> case_id{};
  // Those before it, newest first by (sequence, endpoint); absent: from the newest.
  std::optional<std::pair<int64_t, RawId>> before{};
  int32_t limit = 100;
};

struct DeliveryCounts {
  int64_t pending = 0, delivered = 0, dead = 0, dropped = 0;
  std::optional<Timestamp> oldest_pending{};  // the earliest next_try_at
};

// All of it, within one Store::ReadDeliveries or WriteDeliveries, and valid until that ends. Not
// thread-safe. Every method may throw StoreFailure; those that change anything do in a
// ReadDeliveries.
class DeliveryRecords {
 public:
  virtual ~DeliveryRecords() = default;

  virtual std::optional<Endpoint> GetEndpoint(const RawId& id) = 0;
  // By id.
  virtual std::vector<Endpoint> ListEndpoints() = 0;
  // Creates it or puts this in place of what there was.
  virtual void Put(const Endpoint& endpoint) = 0;
  // With the deliveries it has: of many, RemoveDeliveries first, over several writes.
  virtual void RemoveEndpoint(const RawId& id) = 0;
  // At most `limit` of the endpoint, of any state. How many it was.
  virtual int32_t RemoveDeliveries(const RawId& endpoint, int32_t limit) = 0;

  virtual std::optional<Delivery> GetDelivery(const RawId& id) = 0;
  virtual std::optional<Delivery> FindDelivery(const RawId& endpoint, int64_t sequence) = 0;
  // Creates it or puts this in place of what there was. One of an endpoint that is not there (any
  // more) is not kept. One of another id for the same endpoint and sequence throws StoreFailure,
  // and so does one whose next_try_at or ended_at does not fit its state.
  virtual void Put(const Delivery& delivery) = 0;
  // Pending ones of the endpoint whose next_try_at is at or before `now` and which are the first
  // pending of their order key, by sequence; earliest first. One that ends frees the next of its
  // key, whose own next_try_at holds. One that is pending again goes before all later ones of its
  // key that still are, and after those that have gone out meanwhile.
  virtual std::vector<Delivery> Due(const RawId& endpoint, Timestamp now, int32_t limit) = 0;
  // The earliest next_try_at of a pending delivery that is the first of its key, of active
  // endpoints.
  virtual std::optional<Timestamp> NextDue() = 0;
  // How many of the endpoint are pending; beyond `most` they are not counted.
  virtual int64_t CountPending(const RawId& endpoint, int64_t most) = 0;
  // Of no endpoint: none.
  virtual std::vector<Delivery> List(const DeliveryQuery& query) = 0;
  virtual DeliveryCounts Counts() = 0;
  // Every row, also one whose endpoint is not there. For verify.
  virtual void Scan(const std::function<void(const Delivery&)>& visit) = 0;
  // Delivered and dropped ones that ended before the first, dead ones that did before the second;
  // at most `limit`. How many it was.
  virtual int32_t Prune(Timestamp done_before, Timestamp dead_before, int32_t limit) = 0;

  // Requests of the changes made here, kept for kRequestDays together with those of AccessRecords.
  virtual std::optional<RequestRecord> FindRequest(const Hash128& key) = 0;
  // One that is there already throws StoreFailure.
  virtual void Put(const RequestRecord& request) = 0;

  // Adds the entry to the audit, in the same transaction.
  virtual void Audit(AuditEntry entry) = 0;
};

}  // namespace rebound
