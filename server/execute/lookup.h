// Finding what somebody names, the same for commands and for queries. Functions on a reader;
// thread-safe as it is.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/store.h"
#include "workflows/command.h"
#include "workflows/result.h"

namespace rebound {

// kNotFound: there is no such "case", "customer", ..., or it is out of sight.
inline Error NotFound(std::string resource) {
  return Error{Reason::kNotFound, {{"resource", std::move(resource)}}};
}

// The one with that id; nullopt where there is none.
template <typename T, typename IdType>
std::optional<T> Among(const std::vector<T>& known, const IdType& id) {
  for (const T& value : known) {
    if (value.id == id) return value;
  }
  return std::nullopt;
}

// May an identity of that scope see the case?
inline bool Sees(const Scope& scope, const Case& c) {
  return scope.Covers(c.details.org_unit_id, c.details.queue_id);
}

// The case; nullopt where there is none, or outside the scope, which must look the same.
std::optional<Case> FindVisible(Reader& reader, const Scope& scope, const CaseRef& ref);

// The same, or a case whose active step is the caller's: a task lends sight (CoversStep).
std::optional<Case> FindVisibleOrLent(Reader& reader, const Scope& scope, const CaseRef& ref);

// The blacklist entry; nullopt where there is none, or where its org unit or its customer is
// outside the scope, which must look the same.
std::optional<BlacklistEntry> FindVisible(Reader& reader, const Scope& scope, const EntryRef& ref);

// Every entry of the person: of `id` and every alias, whatever became of them, by number. Those
// that are open alone: what Restrict needs. Each names in customer_id the record it was stored
// with.
std::vector<BlacklistEntry> EntriesOfAll(Reader& reader, const CustomerId& id);
std::vector<BlacklistEntry> OpenEntriesOfAll(Reader& reader, const CustomerId& id);

// The customer that stands for this one: aliases followed. nullopt stays so.
std::optional<Customer> Standing(Reader& reader, std::optional<Customer> customer);

// The customer and every alias of it: one person as far as cases, answers and limits are concerned.
// `id` first. Aliases beyond 64 records are not looked for.
std::vector<CustomerId> Everyone(Reader& reader, const CustomerId& id);

}  // namespace rebound
