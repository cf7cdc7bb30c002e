#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/limits.h"

namespace rebound {

void ReadPrincipal(ConfigReader& reader, const YamlNode& node, std::string_view key, Need need,
                   std::string* out) {
  const Bilingual what = Fill(messages::kAStaffPrincipal);
  const Entry entry = reader.GetScalar(node, key, need, what);
  if (!entry) return;
  const std::string& text = entry.value->text;
  if (text.empty() || CodePoints(text) > limits::kKeyCharacters || HasControl(text)) {
    reader.Expected(entry, messages::kValueOfKey, what);
  } else {
    *out = text;
  }
}

void ReadIds(ConfigReader& reader, const YamlNode& node, std::string_view key,
             std::vector<std::string>* out) {
  for (const YamlNode* item : reader.GetScalars(node, key, Need::kOptional)) {
    if (!IsKey(item->text)) {
      reader.Fault(At(*item), messages::kValueOfKey,
                   {Fill(messages::kKeyCharacters), key, Describe(*item)});
    } else if (std::find(out->begin(), out->end(), item->text) != out->end()) {
      reader.Fault(At(*item), messages::kWordTwice, {Describe(*item)},
                   Fill(messages::kKeepOneOfThem));
    } else {
      out->push_back(item->text);
    }
  }
}

void ReadQueues(ConfigReader& reader, std::vector<QueueDef>* queues) {
  const YamlNode* list = reader.GetList(reader.root(), "queues", Need::kRequired, kMaxQueues);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAQueue, keys::kQueueKeys)) continue;
    QueueDef queue;
    reader.ReadId(node, "id", Need::kRequired, &queue.id);
    reader.ReadName(node, &queue.name_en, &queue.name_zh);
    ReadIds(reader, node, "skills", &queue.skills);
    if (const auto word = reader.ReadWord(node, "routing", Need::kOptional, keys::kRoutings)) {
      queue.routing = static_cast<Routing>(*word);
    }
    reader.ReadBool(node, "sticky", &queue.sticky);
    if (Find(node, "lease")) reader.ReadDuration(node, "lease", kShortest, false, &queue.lease);
    const Entry wait = Find(node, "return_after");
    if (wait) reader.ReadDuration(node, "return_after", kShortest, false, &queue.return_after);
    ReadPrincipal(reader, node, "fallback", Need::kOptional, &queue.fallback);
    const Entry fallback = Find(node, "fallback");
    if (wait && !fallback) {
      reader.Fault(At(*wait.key), messages::kReturnNeedsFallback, {}, Fill(messages::kAddFallback));
    } else if (!wait && fallback) {
      reader.Fault(At(*fallback.key), messages::kFallbackUnused, {}, Fill(messages::kLeaveOut));
    }
    reader.CheckUnique(node, "id", queue.id, &lines);
    queues->push_back(std::move(queue));
  }
}

void CheckQueueOf(ConfigReader& reader, const YamlNode& node, std::string_view key,
                  const std::vector<QueueDef>& queues) {
  std::vector<std::string_view> ids;
  for (const QueueDef& queue : queues) ids.push_back(queue.id);
  for (const YamlNode* item : reader.GetScalars(node, key, Need::kOptional)) {
    const std::string& id = item->text;
    if (!IsKey(id) || std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
    const std::string_view nearest = Nearest(id, ids);
    reader.Fault(At(*item), messages::kWordOfKey,
                 {Fill(messages::kIdOf, {Fill(messages::kAQueue)}), key, Describe(*item)},
                 nearest.empty() ? Fill(messages::kAddTo, {"queues.yaml"}) : DidYouMean(nearest));
  }
}

void WriteQueues(const std::vector<QueueDef>& queues, std::vector<CanonicalItem>* items) {
  if (queues.empty()) return;
  items->push_back({"queues", "", "queues:\n"});
  for (const QueueDef& queue : queues) {
    std::string text = fmt::format("  - id: {}\n    {}\n", YamlQuoted(queue.id),
                                   CanonicalName(queue.name_en, queue.name_zh));
    if (!queue.skills.empty()) text += fmt::format("    skills: {}\n", QuotedList(queue.skills));
    text += fmt::format("    routing: {}\n    sticky: {}\n",
                        keys::kRoutings[static_cast<size_t>(queue.routing)], queue.sticky);
    if (queue.lease) text += fmt::format("    lease: {}\n", DurationText(*queue.lease));
    if (queue.return_after) {
      text += fmt::format("    return_after: {}\n    fallback: {}\n",
                          DurationText(*queue.return_after), YamlQuoted(queue.fallback));
    }
    items->push_back({"queues", queue.id, std::move(text)});
  }
}

std::string QuotedList(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  std::transform(words.begin(), words.end(), std::back_inserter(quoted),
                 [](const std::string& word) { return YamlQuoted(word); });
  return CanonicalList(quoted);
}

}  // namespace rebound
