#include "workflows/alert.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config/conditions.h"
#include "server/config/messages.h"
#include "server/config/sections.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

void ReadNotify(ConfigReader& reader, const YamlNode& node, const std::vector<RoleDef>* roles,
                std::vector<std::string>* notify) {
  std::vector<std::string_view> known(std::begin(keys::kReceivers), std::end(keys::kReceivers));
  if (roles != nullptr) {
    for (const RoleDef& role : *roles) known.push_back(role.id);
  }
  const Entry entry = Find(node, "notify");
  if (entry && entry.value->kind == YamlNode::Kind::kList && entry.value->children.empty()) {
    reader.Fault(At(entry), messages::kListTooShort, {"notify"}, Fill(messages::kWriteNotify));
  }
  for (const YamlNode* item : reader.GetScalars(node, "notify", Need::kRequired)) {
    const bool listed = std::find(known.begin(), known.end(), item->text) != known.end();
    if (!listed && (roles != nullptr || !IsKey(item->text))) {
      reader.Fault(At(*item), messages::kReceivers, {Describe(*item)},
                   DidYouMean(Nearest(item->text, known)));
    } else if (std::find(notify->begin(), notify->end(), item->text) != notify->end()) {
      reader.Fault(At(*item), messages::kWordTwice, {Describe(*item)},
                   Fill(messages::kKeepOneOfThem));
    } else {
      notify->push_back(item->text);
    }
  }
}

}  // namespace

void ReadAlerts(ConfigReader& reader, const Referenced& referenced,
                const std::vector<RoleDef>* roles, std::vector<AlertRule>* alerts) {
  const YamlNode* list = reader.GetList(reader.root(), "alerts", Need::kRequired, kMaxAlerts);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  CoverageBudget budget;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAnAlert, keys::kAlertKeys)) continue;
    AlertRule rule;
    reader.ReadId(node, "id", Need::kRequired, &rule.id);
    reader.ReadName(node, &rule.name_en, &rule.name_zh);
    reader.ReadBool(node, "red_line", &rule.red_line);
    Referenced known = referenced;
    known.before_priority = rule.red_line;  // it decides on the priority
    const bool condition_is_good = ReadCondition(reader, node, known, &rule.when);
    ReadNotify(reader, node, roles, &rule.notify);
    std::optional<Duration> within;
    if (Find(node, "acknowledge_within")) {
      reader.ReadDuration(node, "acknowledge_within", kShortest, false, &within);
    }
    rule.acknowledge_within = within;
    reader.CheckUnique(node, "id", rule.id, &lines);
    if (!condition_is_good) continue;
    const bool always = rule.when.kind == Predicate::Kind::kAll && rule.when.children.empty();
    if (rule.red_line && always) {
      reader.Fault(At(node), messages::kRedLineAlways, {rule.id}, Fill(messages::kWriteWhen));
    }
    CheckCanHold(reader, node, rule.when, &budget);
    alerts->push_back(std::move(rule));
  }
}

void WriteAlerts(const std::vector<AlertRule>& alerts, std::vector<CanonicalItem>* items) {
  if (alerts.empty()) return;
  items->push_back({"alerts", "", "alerts:\n"});
  for (const AlertRule& rule : alerts) {
    std::string text = fmt::format("  - id: {}\n    {}\n", YamlQuoted(rule.id),
                                   CanonicalName(rule.name_en, rule.name_zh));
    if (const std::string when = Canonical(rule.when); !when.empty()) {
      text += fmt::format("    when: {}\n", YamlQuoted(when));
    }
    text += fmt::format("    red_line: {}\n", rule.red_line);
    std::vector<std::string> words;
    for (const std::string& word : rule.notify) words.push_back(YamlQuoted(word));
    text += fmt::format("    notify: {}\n", CanonicalList(words));
    if (rule.acknowledge_within) {
      text += fmt::format("    acknowledge_within: {}\n", DurationText(*rule.acknowledge_within));
    }
    items->push_back({"alerts", rule.id, std::move(text)});
  }
}

}  // namespace rebound
