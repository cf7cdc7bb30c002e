// DeliveryRecords in memory. Internal to the memory store.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/storage/delivery_records.h"

namespace rebound {

struct DeliveryTables {
  std::map<RawId, Endpoint> endpoints{};
  std::map<RawId, Delivery> deliveries{};
  std::map<std::pair<RawId, int64_t>, RawId> by_event{};               // endpoint, sequence
  std::map<std::tuple<RawId, std::string, int64_t>, RawId> pending{};  // endpoint, key, sequence
};

class MemoryDeliveries final : public DeliveryRecords {
 public:
  MemoryDeliveries(DeliveryTables& tables, std::map<Hash128, RequestRecord>& requests,
                   bool writable)
      : tables_(tables), requests_(requests), writable_(writable) {}

  // Takes back all that was done here.
  void Undo();

  std::optional<Endpoint> GetEndpoint(const RawId& id) override;
  std::vector<Endpoint> ListEndpoints() override;
  void Put(const Endpoint& endpoint) override;
  void RemoveEndpoint(const RawId& id) override;
  int32_t RemoveDeliveries(const RawId& endpoint, int32_t limit) override;
  std::optional<Delivery> GetDelivery(const RawId& id) override;
  std::optional<Delivery> FindDelivery(const RawId& endpoint, int64_t sequence) override;
  void Put(const Delivery& delivery) override;
  std::vector<Delivery> Due(const RawId& endpoint, Timestamp now, int32_t limit) override;
  std::optional<Timestamp> NextDue() override;
  int64_t CountPending(const RawId& endpoint, int64_t most) override;
  std::vector<Delivery> List(const DeliveryQuery& query) override;
  DeliveryCounts Counts() override;
  void Scan(const std::function<void(const Delivery&)>& visit) override;
  int32_t Prune(Timestamp done_before, Timestamp dead_before, int32_t limit) override;
  std::optional<RequestRecord> FindRequest(const Hash128& key) override;
  void Put(const RequestRecord& request) override;
  void Audit(AuditEntry entry) override;

  std::vector<AuditEntry> audit{};  // to be chained once the changes are kept

 private:
  void CheckWritable() const;
  // Puts `after` in the place of the row; absent: removes it. Returns what was there. Every change
  // of the tables is made by these two.
  std::optional<Endpoint> SetEndpoint(const RawId& id, std::optional<Endpoint> after);
  std::optional<Delivery> SetDelivery(const RawId& id, std::optional<Delivery> after);
  // The first pending ones of each key of the endpoint.
  std::vector<Delivery> Heads(const RawId& endpoint) const;

  DeliveryTables& tables_;
  std::map<Hash128, RequestRecord>& requests_;
  const bool writable_;
  // What was there before each change, in the order of the changes.
  std::vector<std::pair<RawId, std::optional<Endpoint>>> endpoints_before_{};
  std::vector<std::pair<RawId, std::optional<Delivery>>> deliveries_before_{};
  std::vector<Hash128> requests_added_{};
};

}  // namespace rebound
