#include <fmt/format.h>

#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"

namespace rebound {
namespace {

struct LabelList {
  std::string_view key;
  std::vector<Label> Labels::*labels;
};
constexpr LabelList kLists[] = {
    {"pause_reasons", &Labels::pause_reasons},
    {"return_reasons", &Labels::return_reasons},
    {"extension_reasons", &Labels::extension_reasons},
    {"root_causes", &Labels::root_causes},
    {"topics", &Labels::topics},
};

}  // namespace

void ReadLabels(ConfigReader& reader, Labels* labels) {
  const Entry section = reader.Get(reader.root(), "labels", Need::kRequired);
  if (!section || !reader.CheckMap(*section.value, messages::kLabelsSection, keys::kLabelListKeys))
    return;
  for (const auto& [key, member] : kLists) {
    const YamlNode* list = reader.GetList(*section.value, key, Need::kOptional);
    if (list == nullptr) continue;
    std::map<std::string, int> lines;
    for (const YamlNode& node : list->children) {
      if (!reader.CheckMap(node, messages::kALabel, keys::kLabelKeys)) continue;
      Label label;
      reader.ReadId(node, "id", Need::kRequired, &label.id);
      reader.ReadName(node, &label.name_en, &label.name_zh);
      reader.CheckUnique(node, "id", label.id, &lines);
      (labels->*member).push_back(std::move(label));
    }
  }
}

void WriteLabels(const Labels& labels, std::vector<CanonicalItem>* items) {
  if (labels == Labels{}) return;
  items->push_back({"labels", "", "labels:\n"});
  for (const auto& [key, member] : kLists) {
    if ((labels.*member).empty()) continue;
    const std::string section = fmt::format("labels.{}", key);
    items->push_back({section, "", fmt::format("  {}:\n", key)});
    for (const Label& label : labels.*member) {
      items->push_back({section, label.id,
                        fmt::format("    - {{id: {}, {}}}\n", YamlQuoted(label.id),
                                    CanonicalName(label.name_en, label.name_zh))});
    }
  }
}

}  // namespace rebound
