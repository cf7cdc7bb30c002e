#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"

namespace rebound {
namespace {

bool IsFixed(std::string_view word) {
  return std::find(std::begin(keys::kFixedRoles), std::end(keys::kFixedRoles), word) !=
         std::end(keys::kFixedRoles);
}

}  // namespace

void ReadRoles(ConfigReader& reader, std::vector<RoleDef>* roles) {
  const YamlNode* list = reader.GetList(reader.root(), "roles", Need::kRequired, kMaxRoles);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kARole, keys::kRoleKeys)) continue;
    RoleDef role;
    reader.ReadId(node, "id", Need::kRequired, &role.id);
    reader.ReadName(node, &role.name_en, &role.name_zh);
    if (const auto base = reader.ReadWord(node, "base", Need::kRequired, keys::kBases)) {
      role.base = keys::kBases[*base];
      if (IsFixed(role.id) && role.id != role.base) {
        reader.Fault(At(*Find(node, "base").value), messages::kBuiltInBase, {role.id, role.base},
                     Fill(messages::kSetBase, {role.id}));
      }
    }
    if (Find(node, "sees_contact").value != nullptr) {
      reader.ReadBool(node, "sees_contact", &role.sees_contact.emplace(false));
    }
    reader.CheckUnique(node, "id", role.id, &lines);
    roles->push_back(std::move(role));
  }
  for (const std::string_view base : keys::kFixedRoles) {
    if (lines.contains(std::string(base))) continue;
    reader.Fault(At(*Find(reader.root(), "roles").key), messages::kBuiltInMissing, {base},
                 Fill(messages::kAddBuiltIn, {base}));
  }
}

void ReadRoleIds(ConfigReader& reader, const YamlNode& node, std::string_view key,
                 const std::vector<RoleDef>* known, std::vector<std::string>* out) {
  if (known == nullptr) return;
  std::vector<std::string_view> ids;
  for (const RoleDef& role : *known) ids.push_back(role.id);
  for (const size_t index : reader.ReadWords(node, key, ids)) out->emplace_back(ids[index]);
}

void WriteRoles(const std::vector<RoleDef>& roles, std::vector<CanonicalItem>* items) {
  if (roles.empty()) return;
  items->push_back({"roles", "", "roles:\n"});
  for (const RoleDef& role : roles) {
    items->push_back({"roles", role.id,
                      fmt::format("  - {{id: {}, {}, base: {}{}}}\n", YamlQuoted(role.id),
                                  CanonicalName(role.name_en, role.name_zh), role.base,
                                  !role.sees_contact   ? ""
                                  : *role.sees_contact ? ", sees_contact: true"
                                                       : ", sees_contact: false")});
  }
}

}  // namespace rebound
