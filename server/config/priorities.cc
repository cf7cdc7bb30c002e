#include <fmt/format.h>

#include <utility>

#include "server/config/conditions.h"
#include "server/config/messages.h"
#include "server/config/sections.h"

namespace rebound {
void ReadPriorities(ConfigReader& reader, const std::vector<Program>* programs,
                    std::vector<Priority>* priorities) {
  const Entry section = reader.Get(reader.root(), "priorities", Need::kRequired);
  const YamlNode* list =
      reader.GetList(reader.root(), "priorities", Need::kOptional, kMaxPriorities);
  if (list == nullptr) return;
  if (list->children.empty()) {
    reader.Fault(At(section), messages::kListTooShort, {"priorities"}, Fill(messages::kAddOne));
  }
  std::map<std::string, int> lines;
  CoverageBudget budget;
  std::vector<const Predicate*> earlier;
  priorities->reserve(list->children.size());  // earlier ones are pointed at
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAPriority, keys::kPriorityKeys)) continue;
    Priority priority;
    reader.ReadId(node, "id", Need::kRequired, &priority.id);
    reader.ReadName(node, &priority.name_en, &priority.name_zh);
    const bool condition_is_good = ReadCondition(
        reader, node, {.programs = programs, .before_priority = true}, &priority.when);
    reader.CheckUnique(node, "id", priority.id, &lines);
    if (!condition_is_good) continue;
    // The last one takes what is left, whatever its condition.
    if (CheckCanHold(reader, node, priority.when, &budget) &&
        IsCovered(priority.when, earlier, &budget)) {
      const Entry id = Find(node, "id");
      reader.Fault(id ? At(*id.value) : At(node), messages::kPriorityNeverMatched, {priority.id},
                   Fill(messages::kMoveUp));
    }
    priorities->push_back(std::move(priority));
    earlier.push_back(&priorities->back().when);
  }
}

void WritePriorities(const std::vector<Priority>& priorities, std::vector<CanonicalItem>* items) {
  if (priorities.empty()) return;
  items->push_back({"priorities", "", "priorities:\n"});
  for (const Priority& p : priorities) {
    std::string text =
        fmt::format("  - id: {}\n    {}\n", YamlQuoted(p.id), CanonicalName(p.name_en, p.name_zh));
    if (const std::string when = Canonical(p.when); !when.empty()) {
      text += fmt::format("    when: {}\n", YamlQuoted(when));
    }
    items->push_back({"priorities", p.id, std::move(text)});
  }
}

}  // namespace rebound
