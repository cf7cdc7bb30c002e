#include "workflows/contact_rules.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/zones.h"

namespace rebound {
namespace {

constexpr int32_t kMinutesPerDay = 1440;

std::string TimeText(int32_t minute) {
  return fmt::format("\"{:02}:{:02}\"", minute / 60, minute % 60);
}

// Minutes of "HH:MM", up to 24:00.
std::optional<int32_t> ReadTime(ConfigReader& reader, const YamlNode& map, std::string_view key,
                                int32_t latest) {
  const Bilingual what = Fill(messages::kATimeOfDay);
  const Entry entry = reader.GetScalar(map, key, Need::kRequired, what);
  if (!entry) return std::nullopt;
  const std::string& text = entry.value->text;
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() == 5 && text[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4)) {
    const int32_t hours = (text[0] - '0') * 10 + (text[1] - '0');
    const int32_t minutes = (text[3] - '0') * 10 + (text[4] - '0');
    const int32_t minute = hours * 60 + minutes;
    if (minutes < 60 && minute <= latest) return minute;
  }
  reader.Expected(entry, messages::kValueOfKey, what, Fill(messages::kExampleTime));
  return std::nullopt;
}

std::optional<DaySpan> ReadSpan(ConfigReader& reader, const YamlNode& map) {
  const auto from = ReadTime(reader, map, "from", kMinutesPerDay - 1);
  const auto until = ReadTime(reader, map, "until", kMinutesPerDay);
  if (!from || !until) return std::nullopt;
  // 00:00 to 24:00 would be for ever as well, and so would 08:00 to 08:00.
  if (*from == *until || *until - *from == kMinutesPerDay) {
    reader.Fault(At(*Find(map, "until").value), messages::kSpanOfNothing, {},
                 Fill(messages::kRevise));
    return std::nullopt;
  }
  return DaySpan{*from, *until};
}

void ReadBands(ConfigReader& reader, const YamlNode& contact, ContactRules* rules) {
  const YamlNode* list = reader.GetList(contact, "time_bands", Need::kOptional, kMaxTimeBands);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kATimeBand, keys::kBandKeys)) continue;
    TimeBand band;
    reader.ReadId(node, "id", Need::kRequired, &band.id);
    const auto span = ReadSpan(reader, node);
    reader.CheckUnique(node, "id", band.id, &lines);
    if (!span) continue;
    band.span = *span;
    rules->time_bands.push_back(std::move(band));
  }
}

void ReadUnreachable(ConfigReader& reader, const YamlNode& contact, ContactRules* rules) {
  const Entry entry = Find(contact, "unreachable");
  if (!entry ||
      !reader.CheckMap(*entry.value, messages::kAnUnreachableRule, keys::kUnreachableKeys)) {
    return;
  }
  const size_t errors_before = reader.error_count();
  UnreachableRule rule;
  const YamlNode& node = *entry.value;
  reader.ReadInt(node, "attempts", Need::kRequired, 1, 100, &rule.attempts);
  const bool bands = reader.ReadInt(node, "time_bands", Need::kOptional, 0, 24, &rule.time_bands);
  reader.ReadInt(node, "days", Need::kOptional, 1, 100, &rule.days);
  reader.ReadInt(node, "messages", Need::kOptional, 0, 100, &rule.messages);
  const auto most = static_cast<int32_t>(rules->time_bands.size());
  if (bands && rule.time_bands > most) {
    reader.Fault(At(*Find(node, "time_bands").value), messages::kTooFewBands,
                 {std::to_string(rule.time_bands), std::to_string(most)}, Fill(messages::kRevise));
  }
  for (const std::string_view key : {"time_bands", "days"}) {
    const int32_t asked = key == "days" ? rule.days : rule.time_bands;
    if (asked > rule.attempts && reader.error_count() == errors_before) {
      reader.Fault(At(*Find(node, key).value), messages::kTooFewAttempts,
                   {key, std::to_string(rule.attempts), std::to_string(asked)},
                   Fill(messages::kRevise));
    }
  }
  if (reader.error_count() == errors_before) rules->unreachable = rule;
}

}  // namespace

void ReadContact(ConfigReader& reader, ContactRules* rules) {
  const Entry section = reader.Get(reader.root(), "contact", Need::kRequired);
  if (!section ||
      !reader.CheckMap(*section.value, messages::kTheContactRules, keys::kContactKeys)) {
    return;
  }
  const YamlNode& node = *section.value;
  std::string zone;
  reader.ReadZone(node, "zone", Need::kRequired, &zone);
  if (auto loaded = zone.empty() ? std::nullopt : LoadZone(zone)) rules->zone = *std::move(loaded);
  if (const Entry quiet = Find(node, "quiet_hours");
      quiet && reader.CheckMap(*quiet.value, messages::kTheQuietHours, keys::kSpanKeys)) {
    rules->quiet_hours = ReadSpan(reader, *quiet.value);
  }
  ReadBands(reader, node, rules);
  ReadUnreachable(reader, node, rules);
}

void WriteContact(const ContactRules& rules, std::vector<CanonicalItem>* items) {
  if (rules == ContactRules{}) return;
  items->push_back({"contact", "", "contact:\n"});
  items->push_back({"contact", "zone", fmt::format("  zone: {}\n", YamlQuoted(rules.zone.name))});
  const auto span = [](const DaySpan& of) {
    return fmt::format("from: {}, until: {}", TimeText(of.from), TimeText(of.until));
  };
  if (rules.quiet_hours) {
    items->push_back({"contact", "quiet_hours",
                      fmt::format("  quiet_hours: {{{}}}\n", span(*rules.quiet_hours))});
  }
  if (!rules.time_bands.empty()) {
    items->push_back({"contact.time_bands", "", "  time_bands:\n"});
    for (const TimeBand& band : rules.time_bands) {
      items->push_back(
          {"contact.time_bands", band.id,
           fmt::format("    - {{id: {}, {}}}\n", YamlQuoted(band.id), span(band.span))});
    }
  }
  if (const auto& rule = rules.unreachable) {
    items->push_back({"contact.unreachable", "unreachable",
                      fmt::format("  unreachable: {{attempts: {}, time_bands: {}, days: {}, "
                                  "messages: {}}}\n",
                                  rule->attempts, rule->time_bands, rule->days, rule->messages)});
  }
}

}  // namespace rebound
