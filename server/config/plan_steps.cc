#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

bool Takes(StepKind kind, std::string_view key) {
  for (const KindKey& each : StepKindKeys()) {
    if (each.key == key) return (each.kinds & StepKindBit(kind)) != 0;
  }
  return true;
}

Bilingual KindsWith(std::string_view key) {
  std::vector<std::string_view> kinds;
  for (int i = 1; i < kStepKindCount; ++i) {
    const auto kind = static_cast<StepKind>(i);
    if (Takes(kind, key)) kinds.push_back(Name(kind));
  }
  return JoinOr(kinds);
}

// Keys of other kinds, and those that this one lacks.
void CheckKeys(ConfigReader& reader, const YamlNode& node, StepKind kind) {
  for (const KindKey& each : StepKindKeys()) {
    const Entry entry = Find(node, each.key);
    if (entry && (each.kinds & StepKindBit(kind)) == 0) {
      reader.Fault(At(*entry.key), messages::kKeyOfOtherKind,
                   {each.key, KindsWith(each.key), Name(kind)}, Fill(messages::kLeaveOut));
    } else if (!entry && (each.needed & StepKindBit(kind)) != 0) {
      reader.Fault(At(node), messages::kStepLacks, {each.key, Name(kind)},
                   Fill(messages::kAddKey, {each.key}));
    }
  }
  if (kind == StepKind::kTask && !Find(node, "owner") && !Find(node, "queue")) {
    reader.Fault(At(node), messages::kTaskOfNobody, {}, Fill(messages::kSayWhoseTask));
  }
  if (kind == StepKind::kDecision && !Find(node, "then") && !Find(node, "otherwise")) {
    reader.Fault(At(node), messages::kDecisionOfNothing, {}, Fill(messages::kSayWhereTo));
  }
}

Duration ReadLength(ConfigReader& reader, const YamlNode& node, std::string_view key,
                    Duration lowest) {
  Duration length{0};
  if (Find(node, key)) reader.ReadDuration(node, key, lowest, &length);
  return length;
}

void ReadReference(ConfigReader& reader, const YamlNode& node, std::string_view key,
                   const Phrase& unknown, const std::vector<std::string_view>* ids,
                   std::string* out) {
  reader.ReadId(node, key, Need::kOptional, out);
  if (out->empty() || ids == nullptr) return;
  if (std::find(ids->begin(), ids->end(), *out) != ids->end()) return;
  const std::string_view nearest = Nearest(*out, *ids);
  reader.Fault(At(*Find(node, key).value), unknown, {Quoted(*out)},
               !nearest.empty() ? DidYouMean(nearest)
               : ids->empty()   ? Fill(messages::kThereAreNone)
                                : Fill(messages::kThereAre, {JoinWords(*ids)}));
}

template <typename T>
std::optional<std::vector<std::string_view>> IdsOf(const std::vector<T>* known) {
  if (known == nullptr) return std::nullopt;
  std::vector<std::string_view> ids;
  for (const T& each : *known) ids.emplace_back(each.id);
  return ids;
}

// Where a decision leads to, and where a verification that failed starts again.
void CheckTarget(ConfigReader& reader, const YamlNode& node, std::string_view key,
                 const std::string& target, const std::vector<PlanStep>& steps, size_t index,
                 bool later) {
  if (target.empty() || (later && target == kPlanEnds)) return;
  const Place place = At(*Find(node, key).value);
  std::vector<std::string_view> ids;
  std::vector<std::string_view> allowed;
  for (size_t i = 0; i < steps.size(); ++i) {
    ids.push_back(steps[i].id);
    if (later ? i > index : i < index) allowed.push_back(steps[i].id);
  }
  if (std::find(allowed.begin(), allowed.end(), target) != allowed.end()) return;
  if (later) allowed.push_back(kPlanEnds);
  const Bilingual way_out =
      allowed.empty() ? Fill(messages::kLeaveOut) : Fill(messages::kMayBe, {JoinOr(allowed)});
  if (std::find(ids.begin(), ids.end(), target) != ids.end()) {
    reader.Fault(place, later ? messages::kStepNotLater : messages::kStepNotEarlier,
                 {key, Quoted(target)}, way_out);
    return;
  }
  const std::string_view nearest = Nearest(target, allowed);
  reader.Fault(place, messages::kUnknownStep, {key, Quoted(target)},
               nearest.empty() ? way_out : DidYouMean(nearest));
}

PlanStep ReadStep(ConfigReader& reader, const YamlNode& node, const Referenced& referenced,
                  const StepsReferenced& named) {
  PlanStep step;
  reader.ReadId(node, "id", Need::kRequired, &step.id);
  if (step.id == kPlanEnds) {
    reader.Fault(At(*Find(node, "id").value), messages::kStepCalledEnd, {},
                 Fill(messages::kAnotherId));
  }
  reader.ReadName(node, &step.name_en, &step.name_zh);
  const std::vector<std::string_view> kinds = StepKindWords();
  if (const auto kind = reader.ReadWord(node, "kind", Need::kRequired, kinds)) {
    step.kind = static_cast<StepKind>(*kind + 1);
    CheckKeys(reader, node, step.kind);
  }
  ReadCondition(reader, node, referenced, &step.when);
  if (Find(node, "within")) step.within = ReadLength(reader, node, "within", kShortest);
  reader.ReadText(node, "owner", Need::kOptional, &step.owner);
  if (CodePoints(step.owner) > limits::kKeyCharacters) {
    reader.Expected(Find(node, "owner"), messages::kBoundsOfKey,
                    Fill(messages::kAtMostCharacters, {std::to_string(limits::kKeyCharacters)}),
                    Fill(messages::kShorten));
  }
  reader.ReadId(node, "queue", Need::kOptional, &step.queue_id);
  if (const auto channel = reader.ReadWord(node, "channel", Need::kOptional, keys::kChannels)) {
    step.channel = static_cast<Channel>(*channel + 1);
  }
  const auto remedies = IdsOf(named.remedies);
  ReadReference(reader, node, "remedy", messages::kUnknownRemedy, remedies ? &*remedies : nullptr,
                &step.remedy_id);
  const auto templates = IdsOf(named.templates);
  ReadReference(reader, node, "template", messages::kUnknownTemplate,
                templates ? &*templates : nullptr, &step.template_id);
  step.wait = ReadLength(reader, node, "for", kShortest);
  reader.ReadId(node, "then", Need::kOptional, &step.then);
  reader.ReadId(node, "otherwise", Need::kOptional, &step.otherwise);
  reader.ReadInt(node, "sample", Need::kOptional, 1, 100, &step.sample);
  reader.ReadId(node, "rework", Need::kOptional, &step.rework);
  step.after = ReadLength(reader, node, "after", Duration{0});
  return step;
}

// A message goes by a channel of its template.
void CheckChannel(ConfigReader& reader, const YamlNode& node, const PlanStep& step,
                  const std::vector<Template>* templates) {
  if (templates == nullptr || step.template_id.empty() || step.channel == Channel::kUnset) return;
  for (const Template& each : *templates) {
    const std::vector<Channel>& channels = each.channels;
    if (each.id != step.template_id || channels.empty() ||
        std::find(channels.begin(), channels.end(), step.channel) != channels.end()) {
      continue;
    }
    std::vector<std::string_view> words;
    for (const Channel channel : channels) {
      words.push_back(keys::kChannels[static_cast<size_t>(channel) - 1]);
    }
    reader.Fault(
        At(*Find(node, "channel").value), messages::kChannelOfTemplate,
        {JoinOr(words), Quoted(each.id), keys::kChannels[static_cast<size_t>(step.channel) - 1]},
        Fill(messages::kRevise));
  }
}

}  // namespace

void ReadSteps(ConfigReader& reader, const YamlNode& node, const Referenced& referenced,
               const StepsReferenced& named, std::vector<PlanStep>* steps) {
  const YamlNode* list = reader.GetList(node, "steps", Need::kOptional, kMaxSteps);
  if (list == nullptr) return;
  const size_t errors_before = reader.error_count();
  std::map<std::string, int> lines;
  std::vector<const YamlNode*> nodes;
  for (const YamlNode& item : list->children) {
    if (!reader.CheckMap(item, messages::kAStep, keys::kStepKeys)) continue;
    steps->push_back(ReadStep(reader, item, referenced, named));
    reader.CheckUnique(item, "id", steps->back().id, &lines);
    CheckChannel(reader, item, steps->back(), named.templates);
    nodes.push_back(&item);
  }
  for (size_t i = 0; i < steps->size(); ++i) {
    const PlanStep& step = (*steps)[i];
    CheckTarget(reader, *nodes[i], "then", step.then, *steps, i, /*later=*/true);
    CheckTarget(reader, *nodes[i], "otherwise", step.otherwise, *steps, i, /*later=*/true);
    CheckTarget(reader, *nodes[i], "rework", step.rework, *steps, i, /*later=*/false);
  }
  if (reader.error_count() > errors_before) return;  // what leads where is not certain
  for (const size_t index : UnreachableSteps(*steps)) {
    reader.Fault(At(*Find(*nodes[index], "id").value), messages::kStepUnreachable,
                 {(*steps)[index].id}, Fill(messages::kLeadThere));
  }
}

std::string WriteSteps(const std::vector<PlanStep>& steps) {
  if (steps.empty()) return "";
  std::string text = "    steps:\n";
  for (const PlanStep& step : steps) {
    const auto put = [&](std::string_view key, std::string_view value) {
      if (!value.empty()) text += fmt::format("        {}: {}\n", key, value);
    };
    const auto quoted = [](const std::string& value) {
      return value.empty() ? std::string() : YamlQuoted(value);
    };
    text += fmt::format("      - id: {}\n        {}\n        kind: {}\n", YamlQuoted(step.id),
                        CanonicalName(step.name_en, step.name_zh), Name(step.kind));
    put("when", quoted(Canonical(step.when)));
    if (step.within) put("within", DurationText(*step.within));
    put("owner", quoted(step.owner));
    put("queue", quoted(step.queue_id));
    if (step.channel != Channel::kUnset) {
      put("channel", keys::kChannels[static_cast<size_t>(step.channel) - 1]);
    }
    put("remedy", quoted(step.remedy_id));
    put("template", quoted(step.template_id));
    if (step.kind == StepKind::kWait) put("for", DurationText(step.wait));
    put("then", quoted(step.then));
    put("otherwise", quoted(step.otherwise));
    if (Takes(step.kind, "sample")) put("sample", std::to_string(step.sample));
    put("rework", quoted(step.rework));
    if (step.kind == StepKind::kAftercare) put("after", DurationText(step.after));
  }
  return text;
}

}  // namespace rebound
