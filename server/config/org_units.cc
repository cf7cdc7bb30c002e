#include <fmt/format.h>

#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/limits.h"
#include "workflows/predicate.h"

namespace rebound {
namespace {

bool IsPath(std::string_view text) {
  if (text.empty() || CodePoints(text) > limits::kKeyCharacters || HasControl(text)) return false;
  if (text.find_first_of(" \t") != std::string_view::npos) return false;
  return text.front() != '/' && text.back() != '/' && text.find("//") == std::string_view::npos;
}

std::string DateText(Timestamp at) { return FormatTime(at).substr(0, 10); }

}  // namespace

void ReadPath(ConfigReader& reader, const YamlNode& node, std::string_view key, Need need,
              std::string* out) {
  const Bilingual path = Fill(messages::kAPath);
  const Entry entry = reader.GetScalar(node, key, need, path);
  if (!entry) return;
  if (IsPath(entry.value->text)) {
    *out = entry.value->text;
  } else {
    reader.Expected(entry, messages::kValueOfKey, path, Fill(messages::kPathParts));
  }
}

void ReadOrgUnits(ConfigReader& reader, std::vector<OrgUnit>* units) {
  const YamlNode* list = reader.GetList(reader.root(), "org_units", Need::kRequired);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  std::vector<std::pair<std::string, const YamlNode*>> places;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAnOrgUnit, keys::kUnitKeys)) continue;
    OrgUnit unit;
    ReadPath(reader, node, "id", Need::kRequired, &unit.id);
    if (!unit.id.empty()) places.emplace_back(unit.id, Find(node, "id").value);
    reader.ReadName(node, &unit.name_en, &unit.name_zh);
    const Bilingual principal = Fill(messages::kAPrincipal);
    if (const Entry manager = reader.GetScalar(node, "manager", Need::kOptional, principal)) {
      const std::string& text = manager.value->text;
      if (text.empty() || CodePoints(text) > limits::kKeyCharacters || HasControl(text)) {
        reader.Expected(manager, messages::kValueOfKey, principal,
                        Fill(messages::kLeaveManagerOut));
      } else {
        unit.manager = text;
      }
    }
    const auto from = reader.ReadDate(node, "from", Need::kOptional);
    const auto until = reader.ReadDate(node, "until", Need::kOptional);
    if (from) unit.from = Timestamp{from->time_since_epoch()};
    if (until) unit.until = Timestamp{until->time_since_epoch()};
    if (from && until && *until <= *from) {
      reader.Fault(At(*Find(node, "until").value), messages::kUntilBeforeFrom,
                   {DateText(*unit.from), DateText(*unit.until)}, Fill(messages::kSwapRange));
    }
    reader.CheckUnique(node, "id", unit.id, &lines);
    units->push_back(std::move(unit));
  }
  for (const auto& [id, node] : places) {
    const size_t slash = id.rfind('/');
    if (slash == std::string::npos || lines.contains(id.substr(0, slash))) continue;
    reader.Fault(At(*node), messages::kNoParent, {id, id.substr(0, slash)},
                 Fill(messages::kListParent));
  }
}

void WriteOrgUnits(const std::vector<OrgUnit>& units, std::vector<CanonicalItem>* items) {
  if (units.empty()) return;
  items->push_back({"org_units", "", "org_units:\n"});
  for (const OrgUnit& unit : units) {
    std::string text = fmt::format("  - {{id: {}, {}", YamlQuoted(unit.id),
                                   CanonicalName(unit.name_en, unit.name_zh));
    if (!unit.manager.empty()) text += fmt::format(", manager: {}", YamlQuoted(unit.manager));
    if (unit.from) text += ", from: " + DateText(*unit.from);
    if (unit.until) text += ", until: " + DateText(*unit.until);
    items->push_back({"org_units", unit.id, text + "}\n"});
  }
}

}  // namespace rebound
