#include "server/storage/delivery_records.h"

namespace rebound {

std::string OrderKeyOf(const Event& event) {
  if (!event.case_id.empty()) return ToString(event.case_id);
  if (!event.entry_id.empty()) return ToString(event.entry_id);
  if (!event.customer_id.empty()) return ToString(event.customer_id);
  return "-";
}

}  // namespace rebound
