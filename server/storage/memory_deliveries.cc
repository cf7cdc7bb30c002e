#include "server/storage/memory_deliveries.h"

#include <algorithm>
#include <limits>

namespace rebound {

void MemoryDeliveries::CheckWritable() const {
  if (!writable_) throw StoreFailure("deliveries are being read, not written");
}

void MemoryDeliveries::Undo() {
  for (auto row = deliveries_before_.rbegin(); row != deliveries_before_.rend(); ++row) {
    SetDelivery(row->first, std::move(row->second));
  }
  for (auto row = endpoints_before_.rbegin(); row != endpoints_before_.rend(); ++row) {
    SetEndpoint(row->first, std::move(row->second));
  }
  for (const Hash128& key : requests_added_) requests_.erase(key);
  deliveries_before_.clear();
  endpoints_before_.clear();
  requests_added_.clear();
}

std::optional<Endpoint> MemoryDeliveries::SetEndpoint(const RawId& id,
                                                      std::optional<Endpoint> after) {
  std::optional<Endpoint> before = GetEndpoint(id);
  tables_.endpoints.erase(id);
  if (after) tables_.endpoints.emplace(id, std::move(*after));
  return before;
}

std::optional<Delivery> MemoryDeliveries::SetDelivery(const RawId& id,
                                                      std::optional<Delivery> after) {
  std::optional<Delivery> before = GetDelivery(id);
  if (before) {
    tables_.by_event.erase({before->endpoint, before->sequence});
    tables_.pending.erase({before->endpoint, before->order_key, before->sequence});
    tables_.deliveries.erase(id);
  }
  if (after) {
    tables_.by_event.emplace(std::pair(after->endpoint, after->sequence), id);
    if (after->state == DeliveryState::kPending) {
      tables_.pending.emplace(std::tuple(after->endpoint, after->order_key, after->sequence), id);
    }
    tables_.deliveries.emplace(id, std::move(*after));
  }
  return before;
}

std::optional<Endpoint> MemoryDeliveries::GetEndpoint(const RawId& id) {
  const auto found = tables_.endpoints.find(id);
  if (found == tables_.endpoints.end()) return std::nullopt;
  return found->second;
}

std::vector<Endpoint> MemoryDeliveries::ListEndpoints() {
  std::vector<Endpoint> endpoints;
  for (const auto& [id, endpoint] : tables_.endpoints) endpoints.push_back(endpoint);
  return endpoints;
}

void MemoryDeliveries::Put(const Endpoint& endpoint) {
  CheckWritable();
  endpoints_before_.emplace_back(endpoint.id, SetEndpoint(endpoint.id, endpoint));
}

void MemoryDeliveries::RemoveEndpoint(const RawId& id) {
  RemoveDeliveries(id, std::numeric_limits<int32_t>::max());
  endpoints_before_.emplace_back(id, SetEndpoint(id, std::nullopt));
}

int32_t MemoryDeliveries::RemoveDeliveries(const RawId& endpoint, int32_t limit) {
  CheckWritable();
  std::vector<RawId> gone;
  for (auto row = tables_.by_event.lower_bound({endpoint, std::numeric_limits<int64_t>::min()});
       row != tables_.by_event.end() && row->first.first == endpoint && std::ssize(gone) < limit;
       ++row) {
    gone.push_back(row->second);
  }
  for (const RawId& id : gone) deliveries_before_.emplace_back(id, SetDelivery(id, std::nullopt));
  return static_cast<int32_t>(gone.size());
}

std::optional<Delivery> MemoryDeliveries::GetDelivery(const RawId& id) {
  const auto found = tables_.deliveries.find(id);
  if (found == tables_.deliveries.end()) return std::nullopt;
  return found->second;
}

std::optional<Delivery> MemoryDeliveries::FindDelivery(const RawId& endpoint, int64_t sequence) {
  const auto found = tables_.by_event.find({endpoint, sequence});
  if (found == tables_.by_event.end()) return std::nullopt;
  return GetDelivery(found->second);
}

void MemoryDeliveries::Put(const Delivery& delivery) {
  CheckWritable();
  if (!tables_.endpoints.contains(delivery.endpoint)) return;
  const auto same = tables_.by_event.find({delivery.endpoint, delivery.sequence});
  if (same != tables_.by_event.end() && same->second != delivery.id) {
    throw StoreFailure("the event has a delivery to the endpoint already");
  }
  const bool is_pending = delivery.state == DeliveryState::kPending;
  if (is_pending != delivery.next_try_at.has_value() ||
      is_pending == delivery.ended_at.has_value()) {
    throw StoreFailure("the times of the delivery do not fit its state");
  }
  deliveries_before_.emplace_back(delivery.id, SetDelivery(delivery.id, delivery));
}

std::vector<Delivery> MemoryDeliveries::Heads(const RawId& endpoint) const {
  std::vector<Delivery> heads;
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  for (auto row = tables_.pending.lower_bound({endpoint, std::string(), kFirst});
       row != tables_.pending.end() && std::get<0>(row->first) == endpoint; ++row) {
    const Delivery& delivery = tables_.deliveries.at(row->second);
    if (heads.empty() || heads.back().order_key != delivery.order_key) heads.push_back(delivery);
  }
  return heads;
}

std::vector<Delivery> MemoryDeliveries::Due(const RawId& endpoint, Timestamp now, int32_t limit) {
  std::vector<Delivery> due = Heads(endpoint);
  std::erase_if(due, [&](const Delivery& delivery) { return *delivery.next_try_at > now; });
  std::sort(due.begin(), due.end(), [](const Delivery& a, const Delivery& b) {
    return std::tie(*a.next_try_at, a.sequence) < std::tie(*b.next_try_at, b.sequence);
  });
  if (due.size() > static_cast<size_t>(limit)) due.erase(due.begin() + limit, due.end());
  return due;
}

std::optional<Timestamp> MemoryDeliveries::NextDue() {
  std::optional<Timestamp> next;
  for (const auto& [id, endpoint] : tables_.endpoints) {
    if (endpoint.state != EndpointState::kActive) continue;
    for (const Delivery& head : Heads(id)) {
      if (!next || *head.next_try_at < *next) next = head.next_try_at;
    }
  }
  return next;
}

int64_t MemoryDeliveries::CountPending(const RawId& endpoint, int64_t most) {
  int64_t count = 0;
  for (auto row = tables_.pending.lower_bound({endpoint, "", 0});
       count < most && row != tables_.pending.end() && std::get<0>(row->first) == endpoint; ++row) {
    ++count;
  }
  return count;
}

std::vector<Delivery> MemoryDeliveries::List(const DeliveryQuery& query) {
  std::vector<Delivery> found;
  for (const auto& [id, delivery] : tables_.deliveries) {
    const auto& of = query.endpoints;
    if (query.endpoint ? delivery.endpoint != *query.endpoint
                       : std::find(of.begin(), of.end(), delivery.endpoint) == of.end()) {
      continue;
    }
    if (query.state && delivery.state != *query.state) continue;
    if (query.case_id && delivery.case_id != query.case_id) continue;
    if (query.before && std::pair(delivery.sequence, delivery.endpoint) >= *query.before) continue;
    found.push_back(delivery);
  }
  std::sort(found.begin(), found.end(), [](const Delivery& a, const Delivery& b) {
    return std::tie(a.sequence, a.endpoint) > std::tie(b.sequence, b.endpoint);
  });
  if (found.size() > static_cast<size_t>(query.limit)) {
    found.erase(found.begin() + query.limit, found.end());
  }
  return found;
}

DeliveryCounts MemoryDeliveries::Counts() {
  DeliveryCounts counts;
  for (const auto& [id, delivery] : tables_.deliveries) {
    switch (delivery.state) {
      case DeliveryState::kPending:
        ++counts.pending;
        if (!counts.oldest_pending || *delivery.next_try_at < *counts.oldest_pending) {
          counts.oldest_pending = delivery.next_try_at;
        }
        break;
      case DeliveryState::kDelivered: ++counts.delivered; break;
      case DeliveryState::kDead: ++counts.dead; break;
      case DeliveryState::kDropped: ++counts.dropped; break;
    }
  }
  return counts;
}

void MemoryDeliveries::Scan(const std::function<void(const Delivery&)>& visit) {
  for (const auto& [id, delivery] : tables_.deliveries) visit(delivery);
}

int32_t MemoryDeliveries::Prune(Timestamp done_before, Timestamp dead_before, int32_t limit) {
  CheckWritable();
  std::vector<RawId> gone;
  for (const auto& [id, delivery] : tables_.deliveries) {
    if (gone.size() >= static_cast<size_t>(limit)) break;
    const bool is_dead = delivery.state == DeliveryState::kDead;
    if (delivery.ended_at && *delivery.ended_at < (is_dead ? dead_before : done_before)) {
      gone.push_back(id);
    }
  }
  for (const RawId& id : gone) deliveries_before_.emplace_back(id, SetDelivery(id, std::nullopt));
  return static_cast<int32_t>(gone.size());
}

std::optional<RequestRecord> MemoryDeliveries::FindRequest(const Hash128& key) {
  const auto found = requests_.find(key);
  if (found == requests_.end()) return std::nullopt;
  return found->second;
}

void MemoryDeliveries::Put(const RequestRecord& request) {
  CheckWritable();
  if (!requests_.emplace(request.key, request).second) {
    throw StoreFailure("the request is there already");
  }
  requests_added_.push_back(request.key);
}

void MemoryDeliveries::Audit(AuditEntry entry) {
  CheckWritable();
  audit.push_back(std::move(entry));
}

}  // namespace rebound
