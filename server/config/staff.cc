#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

// A date is the midnight it begins with, in the zone.
std::optional<Timestamp> ReadMoment(ConfigReader& reader, const YamlNode& node,
                                    std::string_view key, const Zone& zone) {
  constexpr size_t kDateSize = 10;  // YYYY-MM-DD
  const Entry entry = reader.GetScalar(node, key, Need::kRequired, Fill(messages::kAMoment));
  if (!entry) return std::nullopt;
  const std::string& text = entry.value->text;
  if (text.size() <= kDateSize) {
    const auto date = reader.ReadDate(node, key, Need::kRequired);
    if (!date) return std::nullopt;
    return ToUtc(zone, LocalTime{date->time_since_epoch()});
  }
  const auto time = ParseLiteral(Describe(FieldId::kOpenTime), text, false);
  if (time) return std::get<Timestamp>(*time);
  reader.Expected(entry, messages::kValueOfKey, Fill(messages::kAMoment));
  return std::nullopt;
}

void ReadAbsences(ConfigReader& reader, const YamlNode& node, const Zone& zone,
                  std::vector<Absence>* absences) {
  const YamlNode* list = reader.GetList(node, "absences", Need::kOptional, kMaxAbsences);
  if (list == nullptr) return;
  for (const YamlNode& item : list->children) {
    if (!reader.CheckMap(item, messages::kAnAbsence, keys::kAbsenceKeys)) continue;
    Absence absence;
    const auto from = ReadMoment(reader, item, "from", zone);
    const auto until = ReadMoment(reader, item, "until", zone);
    ReadPrincipal(reader, item, "deputy", Need::kOptional, &absence.deputy);
    if (!from || !until) continue;
    absence.from = *from;
    absence.until = *until;
    if (*until <= *from) {
      reader.Fault(At(*Find(item, "until").value), messages::kUntilBeforeFrom,
                   {Find(item, "from").value->text, Find(item, "until").value->text},
                   Fill(messages::kSwapRange));
    }
    absences->push_back(std::move(absence));
  }
}

void CheckDeputies(ConfigReader& reader, const YamlNode& node, const StaffMember& member) {
  const Entry list = Find(node, "absences");
  if (!list || list.value->kind != YamlNode::Kind::kList) return;
  for (const YamlNode& item : list.value->children) {
    if (item.kind != YamlNode::Kind::kMap) continue;
    const Entry deputy = Find(item, "deputy");
    if (!deputy || member.id.empty() || deputy.value->text != member.id) continue;
    reader.Fault(At(deputy), messages::kOwnDeputy, {Describe(*deputy.value)},
                 Fill(messages::kNameAnother));
  }
}

}  // namespace

void ReadStaff(ConfigReader& reader, const std::vector<QueueDef>* queues,
               const std::vector<Calendar>* calendars, std::vector<StaffMember>* staff) {
  const YamlNode* list = reader.GetList(reader.root(), "staff", Need::kRequired, kMaxStaff);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAStaffMember, keys::kStaffKeys)) continue;
    StaffMember member;
    ReadPrincipal(reader, node, "id", Need::kRequired, &member.id);
    const Entry of = reader.Get(node, "queues", Need::kRequired);
    ReadIds(reader, node, "queues", &member.queues);
    if (of && of.value->kind == YamlNode::Kind::kList && of.value->children.empty()) {
      reader.Fault(At(of), messages::kListTooShort, {"queues"}, Fill(messages::kAddOne));
    }
    if (queues != nullptr) CheckQueueOf(reader, node, "queues", *queues);
    ReadIds(reader, node, "skills", &member.skills);
    int32_t capacity = 0;
    if (reader.ReadInt(node, "capacity", Need::kOptional, 1, 100'000, &capacity)) {
      member.capacity = capacity;
    }
    reader.ReadId(node, "shifts", Need::kOptional, &member.shifts);
    Zone zone;  // UTC
    if (!member.shifts.empty() && calendars != nullptr) {
      const auto calendar = std::find_if(calendars->begin(), calendars->end(),
                                         [&](const Calendar& c) { return c.id == member.shifts; });
      if (calendar != calendars->end()) {
        zone = calendar->zone;
      } else {
        std::vector<std::string_view> ids;
        for (const Calendar& each : *calendars) ids.push_back(each.id);
        const std::string_view nearest = Nearest(member.shifts, ids);
        reader.Expected(
            Find(node, "shifts"), messages::kWordOfKey,
            Fill(messages::kIdOf, {Fill(messages::kACalendar)}),
            nearest.empty() ? Fill(messages::kAddTo, {"calendars.yaml"}) : DidYouMean(nearest));
      }
    }
    ReadAbsences(reader, node, zone, &member.absences);
    CheckDeputies(reader, node, member);
    reader.CheckUnique(node, "id", member.id, &lines);
    staff->push_back(std::move(member));
  }
}

void WriteStaff(const std::vector<StaffMember>& staff, std::vector<CanonicalItem>* items) {
  if (staff.empty()) return;
  items->push_back({"staff", "", "staff:\n"});
  for (const StaffMember& member : staff) {
    std::string text = fmt::format("  - id: {}\n    queues: {}\n", YamlQuoted(member.id),
                                   QuotedList(member.queues));
    if (!member.skills.empty()) text += fmt::format("    skills: {}\n", QuotedList(member.skills));
    if (member.capacity) text += fmt::format("    capacity: {}\n", *member.capacity);
    if (!member.shifts.empty()) text += fmt::format("    shifts: {}\n", YamlQuoted(member.shifts));
    if (!member.absences.empty()) text += "    absences:\n";
    for (const Absence& absence : member.absences) {
      text += fmt::format("      - {{from: {}, until: {}", YamlQuoted(FormatTime(absence.from)),
                          YamlQuoted(FormatTime(absence.until)));
      if (!absence.deputy.empty()) text += ", deputy: " + YamlQuoted(absence.deputy);
      text += "}\n";
    }
    items->push_back({"staff", member.id, std::move(text)});
  }
}

}  // namespace rebound
