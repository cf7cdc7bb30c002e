#include "server/execute/lookup.h"

#include <utility>

namespace rebound {

namespace {

std::optional<Case> Find(Reader& reader, const CaseRef& ref) {
  return ref.id.empty() ? reader.GetCaseByNumber(ref.number) : reader.GetCase(ref.id);
}

}  // namespace

std::optional<Case> FindVisible(Reader& reader, const Scope& scope, const CaseRef& ref) {
  auto c = Find(reader, ref);
  if (c && !Sees(scope, *c)) c.reset();
  return c;
}

std::optional<Case> FindVisibleOrLent(Reader& reader, const Scope& scope, const CaseRef& ref) {
  auto c = Find(reader, ref);
  if (c && !Sees(scope, *c) && !CoversStep(scope, *c)) c.reset();
  return c;
}

// Cycles are refused when linking.
std::optional<Customer> Standing(Reader& reader, std::optional<Customer> customer) {
  for (int hops = 0; customer && !customer->alias_of.empty() && hops < 16; ++hops) {
    customer = reader.GetCustomer(customer->alias_of);
  }
  return customer;
}

std::vector<CustomerId> Everyone(Reader& reader, const CustomerId& id) {
  std::vector<CustomerId> everyone = {id};
  for (size_t i = 0; i < everyone.size() && i < 64; ++i) {
    for (const CustomerId& alias : reader.AliasesOf(everyone[i])) everyone.push_back(alias);
  }
  return everyone;
}

}  // namespace rebound
