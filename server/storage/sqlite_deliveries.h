// DeliveryRecords over a SQLite connection. Internal to the SQLite store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/storage/delivery_records.h"
#include "server/storage/sqlite_connection.h"

namespace rebound {

// Borrows a connection that is in a transaction.
class SqliteDeliveries final : public DeliveryRecords {
 public:
  explicit SqliteDeliveries(Connection& connection) : connection_(connection) {}

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

 private:
  // Marks the first pending one of the key, and no other.
  void MarkHead(const RawId& endpoint, const std::string& order_key);
  // What `query` asks for, of this endpoint.
  void ListOne(const RawId& endpoint, const DeliveryQuery& query, std::vector<Delivery>& found);

  Connection& connection_;
};

}  // namespace rebound
