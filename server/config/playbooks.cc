#include "workflows/playbook.h"

#include <fmt/format.h>

#include <utility>

#include "server/config/conditions.h"
#include "server/config/messages.h"
#include "server/config/sections.h"

namespace rebound {
namespace {

bool IsAlways(const Predicate& when) {
  return when.kind == Predicate::Kind::kAll && when.children.empty();
}

// Can the playbook apply, given those above it?
void CheckReachable(ConfigReader& reader, const YamlNode& node, const Playbook& playbook,
                    const std::vector<Playbook>& earlier,
                    const std::vector<const YamlNode*>& earlier_nodes, CoverageBudget* of_pairs,
                    CoverageBudget* of_all) {
  if (!CheckCanHold(reader, node, playbook.when, of_pairs)) return;
  const Entry id = Find(node, "id");
  const Place place = id ? At(*id.value) : At(node);
  std::vector<const Predicate*> conditions;
  for (size_t i = 0; i < earlier.size(); ++i) {
    conditions.push_back(&earlier[i].when);
    if (!IsCovered(playbook.when, {&earlier[i].when}, of_pairs)) continue;
    reader.Fault(place, messages::kShadowedPlaybook,
                 {earlier[i].id, std::to_string(earlier_nodes[i]->line + 1),
                  Fill(IsAlways(earlier[i].when) ? messages::kEveryCase : messages::kAllItsCases)},
                 Fill(messages::kMovePlaybook));
    return;
  }
  if (IsCovered(playbook.when, conditions, of_all)) {
    reader.Fault(place, messages::kNeverReached, {playbook.id}, Fill(messages::kMoveUp));
  }
}

}  // namespace

void ReadPlaybooks(ConfigReader& reader, const Referenced& referenced,
                   const std::vector<Priority>* priorities, const StepsReferenced& steps,
                   std::vector<Playbook>* playbooks) {
  const YamlNode* list = reader.GetList(reader.root(), "playbooks", Need::kRequired, kMaxPlaybooks);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  std::vector<const YamlNode*> nodes;
  Referenced of_steps = referenced;
  of_steps.priorities = priorities;
  of_steps.before_priority = false;
  of_steps.use = Use::kStepRule;
  // Two, so that no warning costs an error.
  CoverageBudget of_pairs;
  CoverageBudget of_all;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAPlaybook, keys::kPlaybookKeys)) continue;
    Playbook p;
    reader.ReadId(node, "id", Need::kRequired, &p.id);
    reader.ReadInt(node, "version", Need::kOptional, 1, 1'000'000, &p.version);
    reader.ReadName(node, &p.display_name, &p.display_name_zh);
    reader.ReadInt(node, "severity", Need::kOptional, 1, 5, &p.severity);
    reader.ReadId(node, "queue", Need::kOptional, &p.queue_id);
    const bool condition_is_good = ReadCondition(reader, node, referenced, &p.when);
    if (const auto type = reader.ReadWord(node, "for", Need::kOptional, keys::kDetractorTypes)) {
      p.detractor_type = keys::kDetractorTypes[*type];
    }
    ReadSteps(reader, node, of_steps, steps, &p.steps);
    reader.CheckUnique(node, "id", p.id, &lines);
    // One with a broken condition would seem to match everything.
    if (!condition_is_good) continue;
    CheckReachable(reader, node, p, *playbooks, nodes, &of_pairs, &of_all);
    playbooks->push_back(std::move(p));
    nodes.push_back(&node);
  }
}

void WritePlaybooks(const std::vector<Playbook>& playbooks, std::vector<CanonicalItem>* items) {
  items->push_back({"playbooks", "", playbooks.empty() ? "playbooks: []\n" : "playbooks:\n"});
  for (const Playbook& p : playbooks) {
    std::string text = fmt::format("  - id: {}\n    version: {}\n    {}\n", YamlQuoted(p.id),
                                   p.version, CanonicalName(p.display_name, p.display_name_zh));
    if (const std::string when = Canonical(p.when); !when.empty()) {
      text += fmt::format("    when: {}\n", YamlQuoted(when));
    }
    if (p.severity != 0) text += fmt::format("    severity: {}\n", p.severity);
    if (!p.queue_id.empty()) text += fmt::format("    queue: {}\n", YamlQuoted(p.queue_id));
    if (!p.detractor_type.empty()) text += fmt::format("    for: {}\n", p.detractor_type);
    text += WriteSteps(p.steps);
    items->push_back({"playbooks", p.id, std::move(text)});
  }
}

}  // namespace rebound
