#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/currency.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

// "200", "200.5", "200.50"; nullopt: anything else, or too much.
std::optional<int64_t> ParseMinor(std::string_view text, size_t decimals) {
  const size_t dot = text.find('.');
  const std::string_view part = dot == text.npos ? std::string_view() : text.substr(dot + 1);
  if (dot == 0 || part.size() > decimals || (dot != text.npos && part.empty())) return std::nullopt;
  std::string digits(text.substr(0, dot));
  if (digits.empty() || digits.size() > 15) return std::nullopt;
  digits += part;
  digits.append(decimals - part.size(), '0');
  int64_t minor = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    if (minor > limits::kMoneyMinor) return std::nullopt;
    minor = minor * 10 + (c - '0');
  }
  return minor > limits::kMoneyMinor ? std::nullopt : std::optional(minor);
}

RemedyType ReadType(ConfigReader& reader, const YamlNode& node) {
  RemedyType type;
  reader.ReadId(node, "id", Need::kRequired, &type.id);
  reader.ReadName(node, &type.name_en, &type.name_zh);
  if (const auto kind = reader.ReadWord(node, "kind", Need::kRequired, keys::kRemedyKinds)) {
    type.kind = static_cast<RemedyKind>(*kind + 1);
  }
  reader.ReadBool(node, "statutory", &type.statutory);
  reader.ReadBool(node, "needs_amount", &type.needs_amount);
  return type;
}

void ReadAmount(ConfigReader& reader, const YamlNode& node, RemedyLimit* limit) {
  const bool has_currency = static_cast<bool>(Find(node, "currency"));
  const bool has_amount = static_cast<bool>(Find(node, "amount"));
  const size_t errors_before = reader.error_count();
  ReadCurrency(reader, node, Need::kOptional, &limit->currency);
  if (has_currency != has_amount) {
    reader.Fault(At(*Find(node, has_amount ? "amount" : "currency").key),
                 messages::kAmountWithoutCurrency, {}, Fill(messages::kAddCurrency));
    return;
  }
  if (!has_amount || reader.error_count() > errors_before) return;
  limit->amount = ReadMinor(reader, node, limit->currency);
}

void ReadTypes(ConfigReader& reader, const YamlNode& node, const std::vector<RemedyType>& catalogue,
               RemedyLimit* limit) {
  std::vector<std::string_view> ids;
  for (const RemedyType& type : catalogue) ids.push_back(type.id);
  for (const size_t index : reader.ReadWords(node, "types", ids)) {
    limit->types.emplace_back(ids[index]);
    if (!catalogue[index].statutory) continue;
    reader.Fault(At(*Find(node, "types").value), messages::kLimitOfStatutory, {Quoted(ids[index])},
                 Fill(messages::kOwedByLaw));
  }
}

RemedyLimit ReadLimit(ConfigReader& reader, const YamlNode& node, const std::vector<RoleDef>* roles,
                      const std::vector<RemedyType>* catalogue) {
  RemedyLimit limit;
  reader.ReadId(node, "id", Need::kRequired, &limit.id);
  reader.ReadName(node, &limit.name_en, &limit.name_zh);
  const auto per = reader.ReadWord(node, "per", Need::kRequired, keys::kLimitPer);
  if (per) limit.per = static_cast<RemedyLimit::Per>(*per + 1);
  if (const auto beyond = reader.ReadWord(node, "beyond", Need::kRequired, keys::kLimitBeyond)) {
    limit.beyond = static_cast<RemedyLimit::Beyond>(*beyond + 1);
  }
  ReadAmount(reader, node, &limit);
  int32_t count = 0;
  if (reader.ReadInt(node, "count", Need::kOptional, 1, 1'000'000, &count)) limit.count = count;
  if (!Find(node, "amount") && !Find(node, "count") && !Find(node, "currency")) {
    reader.Fault(At(node), messages::kLimitOfNothing, {}, Fill(messages::kSayHowMuch));
  }
  reader.ReadDuration(node, "window", kShortest, &limit.window);
  if (const Entry window = Find(node, "window");
      window && per && limit.per != RemedyLimit::Per::kCustomer) {
    reader.Fault(At(*window.key), messages::kWindowOfCustomer, {keys::kLimitPer[*per]},
                 Fill(messages::kLeaveOut));
  }
  if (catalogue != nullptr) ReadTypes(reader, node, *catalogue, &limit);
  ReadRoleIds(reader, node, "roles", roles, &limit.roles);
  return limit;
}

}  // namespace

std::string MinorText(int64_t minor, std::string_view currency) {
  const auto decimals = static_cast<size_t>(CurrencyDecimals(currency));
  std::string digits = std::to_string(minor);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - decimals, 1, '.');
  return digits;
}

std::optional<int64_t> ReadMinor(ConfigReader& reader, const YamlNode& node,
                                 std::string_view currency) {
  const auto decimals = static_cast<size_t>(CurrencyDecimals(currency));
  const Bilingual what = Fill(messages::kAnAmount, {std::to_string(decimals)});
  const Entry entry = reader.GetScalar(node, "amount", Need::kRequired, what);
  if (!entry) return std::nullopt;
  const std::optional<int64_t> minor = ParseMinor(entry.value->text, decimals);
  if (!minor) {
    reader.Expected(entry, messages::kBoundsOfKey, what,
                    Fill(messages::kExampleAmount, {MinorText(20'000, currency)}));
  }
  return minor;
}

void ReadRemedies(ConfigReader& reader, const std::vector<RoleDef>* roles,
                  std::vector<RemedyType>* catalogue, std::vector<RemedyLimit>* limits) {
  const Entry section = reader.Get(reader.root(), "remedies", Need::kRequired);
  if (!section || !reader.CheckMap(*section.value, messages::kTheRemedies, keys::kRemediesKeys)) {
    return;
  }
  const size_t errors_before = reader.error_count();
  std::map<std::string, int> lines;
  if (const YamlNode* list =
          reader.GetList(*section.value, "catalogue", Need::kRequired, kMaxRemedies)) {
    if (list->children.empty()) {
      reader.Fault(At(*list), messages::kListTooShort, {"catalogue"}, Fill(messages::kAddOne));
    }
    for (const YamlNode& node : list->children) {
      if (!reader.CheckMap(node, messages::kARemedyType, keys::kRemedyTypeKeys)) continue;
      RemedyType type = ReadType(reader, node);
      reader.CheckUnique(node, "id", type.id, &lines);
      catalogue->push_back(std::move(type));
    }
  }
  // Otherwise what refers to it is not checked.
  const auto* known = reader.error_count() == errors_before ? catalogue : nullptr;
  lines.clear();
  const YamlNode* list =
      reader.GetList(*section.value, "limits", Need::kOptional, kMaxRemedyLimits);
  if (list == nullptr) return;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kARemedyLimit, keys::kRemedyLimitKeys)) continue;
    RemedyLimit limit = ReadLimit(reader, node, roles, known);
    reader.CheckUnique(node, "id", limit.id, &lines);
    limits->push_back(std::move(limit));
  }
}

void WriteRemedies(const std::vector<RemedyType>& catalogue, const std::vector<RemedyLimit>& limits,
                   std::vector<CanonicalItem>* items) {
  if (catalogue.empty()) return;
  items->push_back({"remedies", "", "remedies:\n"});
  items->push_back({"remedies.catalogue", "", "  catalogue:\n"});
  for (const RemedyType& type : catalogue) {
    items->push_back({"remedies.catalogue", type.id,
                      fmt::format("    - {{id: {}, {}, kind: {}, statutory: {}, needs_amount: "
                                  "{}}}\n",
                                  YamlQuoted(type.id), CanonicalName(type.name_en, type.name_zh),
                                  keys::kRemedyKinds[static_cast<size_t>(type.kind) - 1],
                                  type.statutory, type.needs_amount)});
  }
  if (limits.empty()) return;
  items->push_back({"remedies.limits", "", "  limits:\n"});
  for (const RemedyLimit& limit : limits) {
    std::string text =
        fmt::format("    - id: {}\n      {}\n      per: {}\n      beyond: {}\n",
                    YamlQuoted(limit.id), CanonicalName(limit.name_en, limit.name_zh),
                    keys::kLimitPer[static_cast<size_t>(limit.per) - 1],
                    keys::kLimitBeyond[static_cast<size_t>(limit.beyond) - 1]);
    if (limit.amount) {
      text += fmt::format("      currency: {}\n      amount: \"{}\"\n", YamlQuoted(limit.currency),
                          MinorText(*limit.amount, limit.currency));
    }
    if (limit.count) text += fmt::format("      count: {}\n", *limit.count);
    if (limit.window > Duration{0}) {
      text += fmt::format("      window: {}\n", DurationText(limit.window));
    }
    if (!limit.types.empty()) text += fmt::format("      types: {}\n", CanonicalList(limit.types));
    if (!limit.roles.empty()) text += fmt::format("      roles: {}\n", CanonicalList(limit.roles));
    items->push_back({"remedies.limits", limit.id, std::move(text)});
  }
}

}  // namespace rebound
