#include "workflows/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

// Line breaks and tabs are the only control characters of a message.
bool HasOtherControl(std::string_view text) {
  while (!text.empty()) {
    const auto [code, size] = FrontCodePoint(text);
    if (code != '\n' && code != '\t' && HasControl(text.substr(0, size))) return true;
    text.remove_prefix(size);
  }
  return false;
}

// What a text may be.
struct TextForm {
  size_t longest;
  std::span<const std::string_view> variables;
};

void ReadLines(ConfigReader& reader, const YamlNode& map, std::string_view key,
               const TextForm& form, std::string* out) {
  const Entry entry = reader.GetScalar(map, key, Need::kRequired, Fill(messages::kAText));
  if (!entry) return;
  const std::string& text = entry.value->text;
  if (text.find_first_not_of(kBlanks) == std::string::npos) {
    reader.Expected(entry, messages::kBoundsOfKey, Fill(messages::kTextNotEmpty));
    return;
  }
  if (CodePoints(text) > form.longest) {
    reader.Expected(entry, messages::kBoundsOfKey,
                    Fill(messages::kAtMostCharacters, {std::to_string(form.longest)}),
                    Fill(messages::kShorten));
    return;
  }
  if (HasOtherControl(text)) {
    reader.Expected(entry, messages::kValueOfKey, Fill(messages::kNoControls));
    return;
  }
  const std::vector<TemplateFault> faults = CheckTemplate(text, form.variables);
  for (const TemplateFault& fault : faults) {
    const size_t before = CodePoints(std::string_view(text).substr(0, fault.offset));
    Place place = reader.source().PlaceIn(*entry.value, before);
    if (fault.name.empty()) {
      const std::string brace = text.substr(fault.offset, 1);
      place.width = 1;
      reader.Fault(place, messages::kStrayBrace, {brace},
                   Fill(messages::kDoubleBrace, {brace + brace}));
      continue;
    }
    place.width = static_cast<int>(CodePoints(fault.name));
    const std::string_view nearest = Nearest(fault.name, form.variables);
    reader.Fault(place, messages::kUnknownVariable, {Quoted(fault.name)},
                 nearest.empty() ? Fill(messages::kThereAre, {JoinWords(form.variables)})
                                 : DidYouMean(nearest));
  }
  if (faults.empty()) *out = text;
}

void ReadBoth(ConfigReader& reader, const YamlNode& node, std::string_view key, Need need,
              std::span<const Key> keys, const TextForm& form, std::string* en, std::string* zh) {
  const Entry entry = reader.Get(node, key, need);
  if (!entry) return;
  if (entry.value->kind != YamlNode::Kind::kMap) {
    reader.Expected(entry, messages::kTypeOfKey, Fill(messages::kTwoLanguages));
    return;
  }
  reader.CheckMap(*entry.value, messages::kAName, keys);
  ReadLines(reader, *entry.value, "en", form, en);
  ReadLines(reader, *entry.value, "zh", form, zh);
}

}  // namespace

void ReadTemplateTexts(ConfigReader& reader, const YamlNode& node,
                       std::span<const std::string_view> variables, Template* out) {
  ReadBoth(reader, node, "subject", Need::kOptional, keys::kSubjectKeys,
           {limits::kShortCodePoints, variables}, &out->subject_en, &out->subject_zh);
  ReadBoth(reader, node, "text", Need::kRequired, keys::kTextKeys,
           {keys::kMostTemplateText, variables}, &out->text_en, &out->text_zh);
}

std::string WriteTemplateTexts(const Template& texts, std::string_view indent) {
  std::string written;
  const auto both = [&](std::string_view key, const std::string& en, const std::string& zh) {
    written += fmt::format("{0}{1}:\n{0}  en: {2}\n{0}  zh: {3}\n", indent, key, YamlQuoted(en),
                           YamlQuoted(zh));
  };
  if (!texts.subject_en.empty()) both("subject", texts.subject_en, texts.subject_zh);
  both("text", texts.text_en, texts.text_zh);
  return written;
}

void ReadTemplates(ConfigReader& reader, std::vector<Template>* templates) {
  const YamlNode* list = reader.GetList(reader.root(), "templates", Need::kRequired, kMaxTemplates);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kATemplate, keys::kTemplateKeys)) continue;
    Template read;
    reader.ReadId(node, "id", Need::kRequired, &read.id);
    const Entry channels = Find(node, "channels");
    if (channels && channels.value->kind == YamlNode::Kind::kList &&
        channels.value->children.empty()) {
      reader.Fault(At(channels), messages::kListTooShort, {"channels"}, Fill(messages::kLeaveOut));
    }
    for (const size_t index : reader.ReadWords(node, "channels", keys::kChannels)) {
      read.channels.push_back(static_cast<Channel>(index + 1));
    }
    ReadTemplateTexts(reader, node, kTemplateVariables, &read);
    reader.CheckUnique(node, "id", read.id, &lines);
    templates->push_back(std::move(read));
  }
}

void WriteTemplates(const std::vector<Template>& templates, std::vector<CanonicalItem>* items) {
  if (templates.empty()) return;
  items->push_back({"templates", "", "templates:\n"});
  for (const Template& each : templates) {
    std::string text = fmt::format("  - id: {}\n", YamlQuoted(each.id));
    std::vector<std::string> channels;
    for (const Channel channel : each.channels) {
      channels.emplace_back(keys::kChannels[static_cast<size_t>(channel) - 1]);
    }
    if (!channels.empty()) text += fmt::format("    channels: {}\n", CanonicalList(channels));
    text += WriteTemplateTexts(each, "    ");
    items->push_back({"templates", each.id, std::move(text)});
  }
}

}  // namespace rebound
