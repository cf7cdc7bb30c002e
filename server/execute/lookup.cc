#include "server/execute/lookup.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rebound {

namespace {

std::optional<Case> Find(Reader& reader, const CaseRef& ref) {
  return ref.id.empty() ? reader.GetCaseByNumber(ref.number) : reader.GetCase(ref.id);
}

// Records of one person whose aliases are looked for.
constexpr size_t kMostRecords = 64;

void Append(std::vector<BlacklistEntry>& entries, std::vector<BlacklistEntry> more) {
  std::move(more.begin(), more.end(), std::back_inserter(entries));
}

void SortByNumber(std::vector<BlacklistEntry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const BlacklistEntry& a, const BlacklistEntry& b) { return a.number < b.number; });
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

std::optional<BlacklistEntry> FindVisible(Reader& reader, const Scope& scope, const EntryRef& ref) {
  auto entry = ref.id.empty() ? reader.GetEntryByNumber(ref.number) : reader.GetEntry(ref.id);
  if (!entry || !scope.CoversOrgUnit(entry->org_unit_id)) return std::nullopt;
  const auto customer = reader.GetCustomer(entry->customer_id);
  if (!customer || !scope.CoversOrgUnit(customer->profile.org_unit_id)) return std::nullopt;
  return entry;
}

std::vector<BlacklistEntry> EntriesOfAll(Reader& reader, const CustomerId& id) {
  std::vector<BlacklistEntry> entries;
  for (const CustomerId& each : Everyone(reader, id)) Append(entries, reader.EntriesOf(each));
  SortByNumber(entries);
  return entries;
}

std::vector<BlacklistEntry> OpenEntriesOfAll(Reader& reader, const CustomerId& id) {
  std::vector<BlacklistEntry> entries;
  // As Everyone goes, but each record's aliases come with its entries.
  std::vector<CustomerId> everyone = {id};
  for (size_t i = 0; i < everyone.size(); ++i) {
    OpenEntries open = reader.OpenEntriesOf(everyone[i]);
    Append(entries, std::move(open.entries));
    if (i >= kMostRecords) continue;
    everyone.insert(everyone.end(), open.aliases.begin(), open.aliases.end());
  }
  SortByNumber(entries);
  return entries;
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
  for (size_t i = 0; i < everyone.size() && i < kMostRecords; ++i) {
    for (const CustomerId& alias : reader.AliasesOf(everyone[i])) everyone.push_back(alias);
  }
  return everyone;
}

}  // namespace rebound
