#include "server/storage/sqlite_deliveries.h"

#include <algorithm>
#include <tuple>

#include "server/storage/sqlite_access.h"
#include "server/storage/sqlite_reader.h"
#include "server/storage/sqlite_writer.h"
#include "server/storage/wire.h"

namespace rebound {
namespace {

constexpr std::string_view kEndpointColumns =
    "SELECT id, owner, kind, url, recipients, filter, language, headers, secrets, "
    "previous_until_ms, state, cause, sequence, mark, created_ms, failing_since_ms, role, "
    "org_units, queues FROM endpoints ";
constexpr std::string_view kDeliveryColumns =
    "SELECT id, endpoint_id, sequence, event_type, case_id, order_key, org_unit_id, queue_id, "
    "state, tries, next_try_ms, tried_ms, last_status, last_answer, ended_ms FROM deliveries ";

std::string SelectFrom(std::string_view columns, std::string_view rest) {
  return std::string(columns).append(rest);
}

std::optional<Timestamp> OptionalTime(const Query& query, int column) {
  if (query.IsNull(column)) return std::nullopt;
  return FromMillis(query.Int(column));
}

std::string PackStrings(const std::vector<std::string>& values) {
  std::string packed;
  for (const std::string& value : values) wire::PutBytes(packed, 1, value);
  return packed;
}

std::string PackPairs(const std::vector<std::pair<std::string, std::string>>& values) {
  std::string packed;
  for (const auto& [name, value] : values) {
    wire::PutBytes(packed, 1, name);
    wire::PutBytes(packed, 2, value);
  }
  return packed;
}

std::vector<std::string> UnpackStrings(std::string_view packed) {
  std::vector<std::string> values;
  wire::Reader reader(packed);
  while (!reader.done()) {
    uint32_t number = 0;
    wire::Type type{};
    std::string_view bytes;
    if (!reader.Tag(number, type) || type != wire::kBytes || !reader.Bytes(bytes)) {
      throw StoreFailure("a list of an endpoint is damaged");
    }
    values.emplace_back(bytes);
  }
  return values;
}

std::vector<std::pair<std::string, std::string>> UnpackPairs(std::string_view packed) {
  std::vector<std::string> flat = UnpackStrings(packed);
  if (flat.size() % 2 != 0) throw StoreFailure("the headers of an endpoint are damaged");
  std::vector<std::pair<std::string, std::string>> values;
  for (size_t i = 0; i < flat.size(); i += 2) {
    values.emplace_back(std::move(flat[i]), std::move(flat[i + 1]));
  }
  return values;
}

Endpoint EndpointAt(const Query& query) {
  return {.id = query.GetId<RawId>(0),
          .owner = query.Text(1),
          .role = query.Text(16),
          .scope = {UnpackStrings(query.Bytes(17)), UnpackStrings(query.Bytes(18))},
          .kind = static_cast<EndpointKind>(query.Int(2)),
          .url = query.Text(3),
          .recipients = UnpackStrings(query.Bytes(4)),
          .filter = query.Text(5),
          .language = query.Text(6),
          .headers = UnpackPairs(query.Bytes(7)),
          .secrets = UnpackStrings(query.Bytes(8)),
          .previous_until = OptionalTime(query, 9),
          .state = static_cast<EndpointState>(query.Int(10)),
          .cause = static_cast<EndpointDisabledCause>(query.Int(11)),
          .position = {query.Int(12), query.GetHash<16>(13)},
          .created_at = FromMillis(query.Int(14)),
          .failing_since = OptionalTime(query, 15)};
}

Delivery DeliveryAt(const Query& query) {
  Delivery delivery{.id = query.GetId<RawId>(0),
                    .endpoint = query.GetId<RawId>(1),
                    .sequence = query.Int(2),
                    .event_type = query.Text(3),
                    .case_id = std::nullopt,
                    .order_key = query.Text(5),
                    .org_unit_id = query.Text(6),
                    .queue_id = query.Text(7),
                    .state = static_cast<DeliveryState>(query.Int(8)),
                    .tries = static_cast<int32_t>(query.Int(9)),
                    .next_try_at = OptionalTime(query, 10),
                    .tried_at = OptionalTime(query, 11),
                    .last_status = static_cast<int32_t>(query.Int(12)),
                    .last_answer = query.Text(13),
                    .ended_at = OptionalTime(query, 14)};
  if (!query.IsNull(4)) delivery.case_id = query.GetId<CaseId>(4);
  return delivery;
}

}  // namespace

std::optional<Endpoint> SqliteDeliveries::GetEndpoint(const RawId& id) {
  Query query(connection_, SelectFrom(kEndpointColumns, "WHERE id = ?"));
  query.Bind(id);
  if (!query.Step()) return std::nullopt;
  return EndpointAt(query);
}

std::vector<Endpoint> SqliteDeliveries::ListEndpoints() {
  std::vector<Endpoint> endpoints;
  Query query(connection_, SelectFrom(kEndpointColumns, "ORDER BY id"));
  while (query.Step()) endpoints.push_back(EndpointAt(query));
  return endpoints;
}

void SqliteDeliveries::Put(const Endpoint& endpoint) {
  const std::string recipients = PackStrings(endpoint.recipients);
  const std::string headers = PackPairs(endpoint.headers);
  const std::string secrets = PackStrings(endpoint.secrets);
  const std::string org_units = PackStrings(endpoint.scope.org_units);
  const std::string queues = PackStrings(endpoint.scope.queues);
  Query(connection_,
        "INSERT OR REPLACE INTO endpoints (id, owner, kind, url, recipients, filter, language, "
        "headers, secrets, previous_until_ms, state, cause, sequence, mark, created_ms, "
        "failing_since_ms, role, org_units, queues) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(endpoint.id)
      .Bind(endpoint.owner)
      .Bind(static_cast<int64_t>(endpoint.kind))
      .Bind(endpoint.url)
      .BindBytes(recipients)
      .BindBytes(endpoint.filter)
      .Bind(endpoint.language)
      .BindBytes(headers)
      .BindBytes(secrets)
      .Bind(endpoint.previous_until)
      .Bind(static_cast<int64_t>(endpoint.state))
      .Bind(static_cast<int64_t>(endpoint.cause))
      .Bind(endpoint.position.sequence)
      .BindBytes(BytesOf(endpoint.position.mark))
      .Bind(endpoint.created_at)
      .Bind(endpoint.failing_since)
      .Bind(endpoint.role)
      .BindBytes(org_units)
      .BindBytes(queues)
      .Run();
}

void SqliteDeliveries::RemoveEndpoint(const RawId& id) {
  Query(connection_, "DELETE FROM deliveries WHERE endpoint_id = ?").Bind(id).Run();
  Query(connection_, "DELETE FROM endpoints WHERE id = ?").Bind(id).Run();
}

int32_t SqliteDeliveries::RemoveDeliveries(const RawId& endpoint, int32_t limit) {
  return static_cast<int32_t>(
      Query(connection_,
            "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE endpoint_id = ? "
            "ORDER BY sequence LIMIT ?)")
          .Bind(endpoint)
          .Bind(static_cast<int64_t>(limit))
          .Run());
}

std::optional<Delivery> SqliteDeliveries::GetDelivery(const RawId& id) {
  Query query(connection_, SelectFrom(kDeliveryColumns, "WHERE id = ?"));
  query.Bind(id);
  if (!query.Step()) return std::nullopt;
  return DeliveryAt(query);
}

std::optional<Delivery> SqliteDeliveries::FindDelivery(const RawId& endpoint, int64_t sequence) {
  Query query(connection_, SelectFrom(kDeliveryColumns, "WHERE endpoint_id = ? AND sequence = ?"));
  query.Bind(endpoint).Bind(sequence);
  if (!query.Step()) return std::nullopt;
  return DeliveryAt(query);
}

void SqliteDeliveries::Put(const Delivery& delivery) {
  {
    Query endpoint(connection_, "SELECT 1 FROM endpoints WHERE id = ?");
    if (!endpoint.Bind(delivery.endpoint).Step()) {
      // A write, so that it fails within ReadDeliveries here as well.
      Query(connection_, "DELETE FROM deliveries WHERE id = ?").Bind(delivery.id).Run();
      return;
    }
  }
  const std::optional<Delivery> before = GetDelivery(delivery.id);
  Query(connection_,
        "INSERT INTO deliveries (id, endpoint_id, sequence, event_type, case_id, order_key, "
        "org_unit_id, queue_id, state, tries, next_try_ms, tried_ms, last_status, last_answer, "
        "ended_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET endpoint_id = excluded.endpoint_id, "
        "sequence = excluded.sequence, event_type = excluded.event_type, "
        "case_id = excluded.case_id, order_key = excluded.order_key, "
        "org_unit_id = excluded.org_unit_id, queue_id = excluded.queue_id, "
        "state = excluded.state, tries = excluded.tries, next_try_ms = excluded.next_try_ms, "
        "due_ms = NULL, tried_ms = excluded.tried_ms, last_status = excluded.last_status, "
        "last_answer = excluded.last_answer, ended_ms = excluded.ended_ms")
      .Bind(delivery.id)
      .Bind(delivery.endpoint)
      .Bind(delivery.sequence)
      .Bind(delivery.event_type)
      .Bind(delivery.case_id.value_or(CaseId{}))
      .Bind(delivery.order_key)
      .Bind(delivery.org_unit_id)
      .Bind(delivery.queue_id)
      .Bind(static_cast<int64_t>(delivery.state))
      .Bind(int64_t{delivery.tries})
      .Bind(delivery.next_try_at)
      .Bind(delivery.tried_at)
      .Bind(int64_t{delivery.last_status})
      .Bind(delivery.last_answer)
      .Bind(delivery.ended_at)
      .Run();
  if (before &&
      (before->endpoint != delivery.endpoint || before->order_key != delivery.order_key)) {
    MarkHead(before->endpoint, before->order_key);
  }
  MarkHead(delivery.endpoint, delivery.order_key);
}

void SqliteDeliveries::MarkHead(const RawId& endpoint, const std::string& order_key) {
  RawId marked;
  RawId first;
  std::optional<Timestamp> marked_due;
  std::optional<Timestamp> first_due;
  {
    Query query(connection_,
                "SELECT id, due_ms FROM deliveries WHERE endpoint_id = ? AND order_key = ? AND "
                "due_ms IS NOT NULL");
    if (query.Bind(endpoint).Bind(order_key).Step()) {
      marked = query.GetId<RawId>(0);
      marked_due = OptionalTime(query, 1);
    }
  }
  {
    Query query(connection_,
                "SELECT id, next_try_ms FROM deliveries WHERE endpoint_id = ? AND order_key = ? "
                "AND state = 1 ORDER BY sequence LIMIT 1");
    if (query.Bind(endpoint).Bind(order_key).Step()) {
      first = query.GetId<RawId>(0);
      first_due = OptionalTime(query, 1);
    }
  }
  if (marked == first && marked_due == first_due) return;
  Query(connection_, "UPDATE deliveries SET due_ms = NULL WHERE id = ?").Bind(marked).Run();
  Query(connection_, "UPDATE deliveries SET due_ms = next_try_ms WHERE id = ?").Bind(first).Run();
}

std::vector<Delivery> SqliteDeliveries::Due(const RawId& endpoint, Timestamp now, int32_t limit) {
  std::vector<Delivery> due;
  Query query(connection_, SelectFrom(kDeliveryColumns,
                                      "WHERE endpoint_id = ? AND due_ms <= ? "
                                      "ORDER BY due_ms, sequence LIMIT ?"));
  query.Bind(endpoint).Bind(now).Bind(int64_t{limit});
  while (query.Step()) due.push_back(DeliveryAt(query));
  return due;
}

std::optional<Timestamp> SqliteDeliveries::NextDue() {
  std::optional<Timestamp> next;
  Query query(connection_,
              "SELECT (SELECT due_ms FROM deliveries WHERE endpoint_id = endpoints.id AND due_ms "
              "IS NOT NULL ORDER BY due_ms LIMIT 1) FROM endpoints WHERE state = 1");
  while (query.Step()) {
    const std::optional<Timestamp> due = OptionalTime(query, 0);
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

int64_t SqliteDeliveries::CountPending(const RawId& endpoint, int64_t most) {
  Query query(connection_,
              "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE endpoint_id = ? AND state = 1 "
              "LIMIT ?)");
  query.Bind(endpoint).Bind(most).Step();
  return query.Int(0);
}

void SqliteDeliveries::ListOne(const RawId& endpoint, const DeliveryQuery& asked,
                               std::vector<Delivery>& found) {
  // Without the sign the planner may take the index of states where that of cases is better.
  std::string rest = "WHERE endpoint_id = ? ";
  if (asked.case_id) rest += "AND case_id = ? ";
  if (asked.state) rest += asked.case_id ? "AND +state = ? " : "AND state = ? ";
  if (asked.before) rest += "AND sequence < ? ";
  rest += "ORDER BY sequence DESC LIMIT ?";
  Query query(connection_, SelectFrom(kDeliveryColumns, rest));
  query.Bind(endpoint);
  if (asked.case_id) query.Bind(*asked.case_id);
  if (asked.state) query.Bind(static_cast<int64_t>(*asked.state));
  if (asked.before) {
    // Of the same event, those of lower endpoints follow.
    query.Bind(asked.before->first + (endpoint < asked.before->second ? 1 : 0));
  }
  query.Bind(int64_t{asked.limit});
  while (query.Step()) found.push_back(DeliveryAt(query));
}

std::vector<Delivery> SqliteDeliveries::List(const DeliveryQuery& query) {
  std::vector<Delivery> found;
  if (query.endpoint) {
    ListOne(*query.endpoint, query, found);
    return found;
  }
  // A page of each, for each is one walk of an index; there are few endpoints.
  std::vector<RawId> endpoints = query.endpoints;
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  for (const RawId& endpoint : endpoints) ListOne(endpoint, query, found);
  std::sort(found.begin(), found.end(), [](const Delivery& a, const Delivery& b) {
    return std::tie(a.sequence, a.endpoint) > std::tie(b.sequence, b.endpoint);
  });
  if (found.size() > static_cast<size_t>(query.limit)) {
    found.erase(found.begin() + query.limit, found.end());
  }
  return found;
}

DeliveryCounts SqliteDeliveries::Counts() {
  DeliveryCounts counts;
  Query query(connection_, "SELECT state, COUNT(*) FROM deliveries GROUP BY state");
  while (query.Step()) {
    switch (static_cast<DeliveryState>(query.Int(0))) {
      case DeliveryState::kPending: counts.pending = query.Int(1); break;
      case DeliveryState::kDelivered: counts.delivered = query.Int(1); break;
      case DeliveryState::kDead: counts.dead = query.Int(1); break;
      case DeliveryState::kDropped: counts.dropped = query.Int(1); break;
    }
  }
  Query oldest(connection_,
               "SELECT next_try_ms FROM deliveries WHERE state = 1 AND ended_ms IS NULL "
               "ORDER BY next_try_ms LIMIT 1");
  if (oldest.Step()) counts.oldest_pending = OptionalTime(oldest, 0);
  return counts;
}

void SqliteDeliveries::Scan(const std::function<void(const Delivery&)>& visit) {
  Query query(connection_, SelectFrom(kDeliveryColumns, ""));
  while (query.Step()) visit(DeliveryAt(query));
}

int32_t SqliteDeliveries::Prune(Timestamp done_before, Timestamp dead_before, int32_t limit) {
  int64_t gone = 0;
  for (const auto& [state, before] : {std::pair(DeliveryState::kDelivered, done_before),
                                      std::pair(DeliveryState::kDropped, done_before),
                                      std::pair(DeliveryState::kDead, dead_before)}) {
    gone += Query(connection_,
                  "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state = ? "
                  "AND ended_ms < ? ORDER BY ended_ms LIMIT ?)")
                .Bind(static_cast<int64_t>(state))
                .Bind(before)
                .Bind(std::max<int64_t>(limit - gone, 0))
                .Run();
  }
  return static_cast<int32_t>(gone);
}

std::optional<RequestRecord> SqliteDeliveries::FindRequest(const Hash128& key) {
  return SqliteAccess(connection_).FindAccessRequest(key);
}

void SqliteDeliveries::Put(const RequestRecord& request) {
  if (FindRequest(request.key)) throw StoreFailure("the request is there already");
  SqliteAccess(connection_).Put(request);
}

void SqliteDeliveries::Audit(AuditEntry entry) {
  AuditHead head = SqliteReads<Reader>(connection_).GetAuditHead();
  Chain(entry, head);
  InsertAudit(connection_, entry);
  UpdateAuditHead(connection_, head);
}

}  // namespace rebound
