// Which calls leave an audit entry, beside all changes: one table. Pure; thread-safe.
#pragma once

#include <string_view>

namespace rebound {

enum class AuditedRead {
  kNo,
  kEach,    // data leave: an entry for each, on disk before the first byte goes (AuditRead)
  kFolded,  // figures and texts that are looked at again and again: calls of a minute share one
};

// Of a full name such as "rebound.v1.CustomerService/ExportCustomer".
AuditedRead AuditedReadOf(std::string_view method);

// Does the method change something? Every request that may has a request_id, and no other has.
// False for an unknown method.
bool IsMutation(std::string_view method);

}  // namespace rebound
