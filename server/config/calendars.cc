#include "workflows/calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "server/config/icalendar.h"
#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "server/config/zones.h"
#include "workflows/limits.h"

namespace rebound {
namespace {

constexpr int kMinutesOfDay = 1440;
constexpr int kLongestHoliday = 62;  // days
constexpr int kFirstImportedYear = 2000;
constexpr int kLastImportedYear = 2060;  // zones end there

std::string ClockText(int32_t minute) {
  return fmt::format("{:02}:{:02}", minute / 60, minute % 60);
}
std::string IntervalText(const WorkInterval& interval) {
  return ClockText(interval.from) + '-' + ClockText(interval.to);
}
std::string DateText(LocalDay day) {
  const std::chrono::year_month_day date{day};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

// Minutes of "HH:MM", hours up to 48.
std::optional<int32_t> ParseClock(std::string_view text) {
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  if (!digit(0) || !digit(1) || !digit(3) || !digit(4)) return std::nullopt;
  const int32_t hours = (text[0] - '0') * 10 + (text[1] - '0');
  const int32_t minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (minutes >= 60 || hours * 60 + minutes > 2 * kMinutesOfDay) return std::nullopt;
  return hours * 60 + minutes;
}

// Intervals under `key`, in order; those that overlap are noted.
std::vector<WorkInterval> ReadIntervals(ConfigReader& reader, const YamlNode& map,
                                        std::string_view key) {
  std::vector<WorkInterval> intervals;
  for (const YamlNode* item : reader.GetScalars(map, key, Need::kOptional)) {
    const std::string_view text = item->text;
    const size_t dash = std::min(text.find('-'), text.size());
    const auto from = ParseClock(text.substr(0, dash));
    const auto to = dash < text.size() ? ParseClock(text.substr(dash + 1)) : std::nullopt;
    if (!from || !to) {
      reader.Fault(At(*item), messages::kValueOfKey,
                   {Fill(messages::kAnInterval), key, Describe(*item)},
                   Fill(messages::kWriteInterval));
      continue;
    }
    const WorkInterval interval{*from, *to};
    if (*from >= kMinutesOfDay || *to <= *from || *to > *from + kMinutesOfDay) {
      reader.Fault(At(*item), messages::kIntervalEmpty, {Describe(*item)},
                   Fill(messages::kWriteInterval));
      continue;
    }
    if (!intervals.empty() && interval.from < intervals.back().to) {
      const bool before = interval.to <= intervals.back().from;
      reader.Fault(At(*item), before ? messages::kIntervalsDisordered : messages::kIntervalsOverlap,
                   {IntervalText(intervals.back()), IntervalText(interval)},
                   Fill(before ? messages::kSwapIntervals : messages::kMergeIntervals));
      continue;
    }
    intervals.push_back(interval);
  }
  return intervals;
}

void ReadWeek(ConfigReader& reader, const YamlNode& node, Calendar* calendar) {
  const Entry week = reader.Get(node, "week", Need::kRequired);
  if (!week || !reader.CheckMap(*week.value, messages::kAWeek, keys::kWeekKeys)) return;
  const size_t errors_before = reader.error_count();
  for (size_t day = 0; day < calendar->week.size(); ++day) {
    calendar->week[day] = ReadIntervals(reader, *week.value, keys::kWeekKeys[day].name);
  }
  const bool works = std::any_of(calendar->week.begin(), calendar->week.end(),
                                 [](const auto& day) { return !day.empty(); });
  if (!works && reader.error_count() == errors_before) {
    reader.Fault(At(week), messages::kNoWorkingTime, {}, Fill(messages::kGiveWorkingTime));
  }
  for (size_t day = 0; day < calendar->week.size(); ++day) {
    const auto& today = calendar->week[day];
    const size_t next_day = (day + 1) % calendar->week.size();
    const auto& next = calendar->week[next_day];
    if (today.empty() || next.empty() || today.back().to - kMinutesOfDay <= next.front().from) {
      continue;
    }
    reader.Fault(
        At(*Find(*week.value, keys::kWeekKeys[day].name).key), messages::kNightOverlaps,
        {IntervalText(today.back()), keys::kWeekKeys[day].name, IntervalText(next.front())},
        Fill(messages::kMergeIntervals));
  }
}

// Adds the day unless its date is taken.
void AddDay(ConfigReader& reader, const Place& place, CalendarDay day, Calendar* calendar) {
  const auto at =
      std::lower_bound(calendar->days.begin(), calendar->days.end(), day.date,
                       [](const CalendarDay& known, LocalDay date) { return known.date < date; });
  if (at != calendar->days.end() && at->date == day.date) {
    reader.Fault(place, messages::kDateTwice, {DateText(day.date)}, Fill(messages::kRemoveDate));
    return;
  }
  calendar->days.insert(at, std::move(day));
}

void ReadHoliday(ConfigReader& reader, const YamlNode& node, Calendar* calendar) {
  if (!reader.CheckMap(node, messages::kAHoliday, keys::kHolidayKeys)) return;
  std::string name;
  reader.ReadText(node, "name", Need::kOptional, &name);
  const bool has_date = static_cast<bool>(Find(node, "date"));
  const bool has_range = Find(node, "from") || Find(node, "to");
  if (has_date == has_range) {
    reader.Fault(At(node), messages::kDateOrRange,
                 {Fill(has_date ? messages::kBothForms : messages::kNothingForBoth)},
                 Fill(messages::kOneForm));
    return;
  }
  auto from = reader.ReadDate(node, has_date ? "date" : "from", Need::kRequired);
  auto to = has_date ? from : reader.ReadDate(node, "to", Need::kRequired);
  if (!from || !to) return;
  const Place place = At(*Find(node, has_date ? "date" : "to").value);
  if (*to < *from) {
    reader.Fault(place, messages::kRangeReversed, {DateText(*from), DateText(*to)},
                 Fill(messages::kSwapRange));
    return;
  }
  const auto days = (*to - *from).count() + 1;
  if (days > kLongestHoliday) {
    reader.Fault(place, messages::kRangeTooLong,
                 {std::to_string(kLongestHoliday), std::to_string(days)},
                 Fill(messages::kSplitRange));
    return;
  }
  for (LocalDay day = *from; day <= *to; day += std::chrono::days{1}) {
    AddDay(reader, place, {day, {}, name}, calendar);
  }
}

void ReadWorkday(ConfigReader& reader, const YamlNode& node, Calendar* calendar) {
  if (!reader.CheckMap(node, messages::kAWorkday, keys::kWorkdayKeys)) return;
  CalendarDay day;
  reader.ReadText(node, "name", Need::kOptional, &day.name);
  const size_t errors_before = reader.error_count();
  day.intervals = Find(node, "hours") ? ReadIntervals(reader, node, "hours") : calendar->week[0];
  const auto date = reader.ReadDate(node, "date", Need::kRequired);
  if (!date) return;
  const Place place = At(*Find(node, "date").value);
  if (day.intervals.empty() && reader.error_count() == errors_before) {
    reader.Fault(place, messages::kNoHours, {}, Fill(messages::kWriteHours));
    return;
  }
  day.date = *date;
  AddDay(reader, place, std::move(day), calendar);
}

// What a file says, read once: several calendars may import it.
struct ParsedFile {
  std::optional<std::vector<ImportedDay>> days{};
  std::vector<ICalendarError> errors{};
};
using ParsedFiles = std::map<std::string, ParsedFile>;

// Where an imported day comes from.
struct Origin {
  std::string file{};
  ImportedDay day{};
};

// Days that the file has besides those written out, which come first, and those that other files
// gave alike.
void ImportDays(ConfigReader& reader, const YamlNode& item, const OpenFile& open,
                ParsedFiles* parsed, const std::set<LocalDay>& written,
                std::map<LocalDay, Origin>* imported, Calendar* calendar) {
  const auto [at, is_first] = parsed->try_emplace(item.text);
  auto& [days, errors] = at->second;
  if (is_first) {
    const auto text = open(item.text);
    if (!text) {
      parsed->erase(at);
      reader.Fault(At(item), messages::kImportMissing, {Describe(item)},
                   Fill(messages::kPutIcsThere));
      return;
    }
    days = ParseICalendar(*text, kFirstImportedYear, kLastImportedYear, &errors);
  }
  for (const ICalendarError& error : errors) {
    reader.Fault(At(item), messages::kImportFailed,
                 {item.text, std::to_string(error.line), error.message},
                 error.help.empty() ? Fill(messages::kRevise) : error.help);
  }
  if (!days) return;
  const auto kind = [](const ImportedDay& day) {
    return Fill(day.is_workday ? messages::kAWorkday : messages::kAHoliday);
  };
  for (const ImportedDay& day : *days) {
    if (written.contains(day.date)) continue;
    const auto [first, is_new] = imported->emplace(day.date, Origin{item.text, day});
    if (!is_new) {
      const auto& [file, known] = first->second;
      if (known.is_workday == day.is_workday) continue;
      reader.Fault(At(item), messages::kImportsDisagree,
                   {DateText(day.date), kind(day), item.text, std::to_string(day.line), kind(known),
                    file, std::to_string(known.line)},
                   Fill(messages::kWriteDayOut));
      continue;
    }
    if (day.is_workday && calendar->week[0].empty()) {
      reader.Fault(At(item), messages::kNoHoursToImport, {DateText(day.date)},
                   Fill(messages::kWriteWorkday));
      return;
    }
    CalendarDay added{day.date, {}, Printable(Slice(day.name, 0, limits::kShortCodePoints))};
    if (day.is_workday) added.intervals = calendar->week[0];
    AddDay(reader, At(item), std::move(added), calendar);
  }
}

// A shift over the midnight before or after a day that the week does not know.
void CheckNights(ConfigReader& reader, const Place& place, const Calendar& calendar) {
  std::set<LocalDay> evenings;
  for (const CalendarDay& day : calendar.days) {
    evenings.insert(day.date - std::chrono::days{1});
    evenings.insert(day.date);
  }
  for (const LocalDay evening : evenings) {
    const auto& today = IntervalsOn(calendar, evening);
    const auto& next = IntervalsOn(calendar, evening + std::chrono::days{1});
    if (today.empty() || next.empty() || today.back().to - kMinutesOfDay <= next.front().from) {
      continue;
    }
    reader.Fault(place, messages::kNightOverlaps,
                 {IntervalText(today.back()), DateText(evening), IntervalText(next.front())},
                 Fill(messages::kMergeIntervals));
  }
}

Bilingual Describe(const CalendarFault& fault) {
  switch (fault.kind) {
    case CalendarFault::Kind::kId: return Fill(messages::kCalendarId, {Quoted(fault.found)});
    case CalendarFault::Kind::kVersion: return Fill(messages::kCalendarVersion, {fault.found});
    case CalendarFault::Kind::kZoneOffset: return Fill(messages::kCalendarOffset, {fault.where});
    case CalendarFault::Kind::kZoneOrder: return Fill(messages::kCalendarZone, {fault.where});
    case CalendarFault::Kind::kIntervalBegin:
      return Fill(messages::kCalendarBegin, {fault.where, fault.found});
    case CalendarFault::Kind::kIntervalEnd:
      return Fill(messages::kCalendarEnd, {fault.where, fault.found});
    case CalendarFault::Kind::kIntervalOrder:
      return Fill(messages::kCalendarOrder, {fault.where, fault.found, fault.before});
    case CalendarFault::Kind::kNight:
      return Fill(messages::kCalendarNight, {fault.where, fault.found, fault.before, fault.night});
    case CalendarFault::Kind::kDateOrder:
      return Fill(messages::kCalendarDates, {fault.found, fault.before});
    case CalendarFault::Kind::kNoWork: return Fill(messages::kCalendarNoWork);
  }
  return {};
}

Calendar ReadCalendar(ConfigReader& reader, const YamlNode& node, const OpenFile& open,
                      ParsedFiles* parsed) {
  Calendar calendar;
  const size_t errors_before = reader.error_count();
  reader.ReadId(node, "id", Need::kRequired, &calendar.id);
  reader.ReadInt(node, "version", Need::kOptional, 1, 1'000'000, &calendar.version);
  reader.ReadName(node, &calendar.name_en, &calendar.name_zh);
  std::string zone;
  reader.ReadZone(node, "time_zone", Need::kRequired, &zone);
  if (auto loaded = LoadZone(zone)) {
    calendar.zone = *std::move(loaded);
  } else if (!zone.empty()) {
    reader.Expected(Find(node, "time_zone"), messages::kValueOfKey, Fill(messages::kAZone),
                    Fill(messages::kExampleZones));
  }
  ReadWeek(reader, node, &calendar);
  if (const YamlNode* list = reader.GetList(node, "holidays", Need::kOptional)) {
    for (const YamlNode& item : list->children) ReadHoliday(reader, item, &calendar);
  }
  if (const YamlNode* list = reader.GetList(node, "workdays", Need::kOptional)) {
    for (const YamlNode& item : list->children) ReadWorkday(reader, item, &calendar);
  }
  std::set<LocalDay> written;
  for (const CalendarDay& day : calendar.days) written.insert(day.date);
  std::map<LocalDay, Origin> imported;
  for (const YamlNode* item : reader.GetScalars(node, "import", Need::kOptional)) {
    ImportDays(reader, *item, open, parsed, written, &imported, &calendar);
  }
  if (reader.error_count() == errors_before) {
    CheckNights(reader, At(*Find(node, "id").value), calendar);
  }
  if (reader.error_count() == errors_before) {
    for (const CalendarFault& fault : CheckCalendar(calendar)) {
      reader.Fault(At(*Find(node, "id").value), messages::kCalendarFault, {Describe(fault)},
                   Fill(messages::kRevise));
    }
  }
  return calendar;
}

std::string Intervals(const std::vector<WorkInterval>& intervals) {
  std::vector<std::string> texts;
  for (const WorkInterval& interval : intervals)
    texts.push_back(YamlQuoted(IntervalText(interval)));
  return CanonicalList(texts);
}

std::string DayText(const CalendarDay& day) {
  std::string text = "      - {date: " + DateText(day.date);
  if (!day.name.empty()) text += ", name: " + YamlQuoted(day.name);
  if (!day.intervals.empty()) text += ", hours: " + Intervals(day.intervals);
  return text + "}\n";
}

}  // namespace

void ReadCalendars(ConfigReader& reader, const OpenFile& open, std::vector<Calendar>* calendars) {
  const YamlNode* list = reader.GetList(reader.root(), "calendars", Need::kRequired, kMaxCalendars);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  ParsedFiles parsed;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kACalendar, keys::kCalendarKeys)) continue;
    Calendar calendar = ReadCalendar(reader, node, open, &parsed);
    reader.CheckUnique(node, "id", calendar.id, &lines);
    calendars->push_back(std::move(calendar));
  }
}

void WriteCalendars(const std::vector<Calendar>& calendars, std::vector<CanonicalItem>* items) {
  if (calendars.empty()) return;
  items->push_back({"calendars", "", "calendars:\n"});
  for (const Calendar& c : calendars) {
    std::string text =
        fmt::format("  - id: {}\n    version: {}\n    {}\n    time_zone: {}\n", YamlQuoted(c.id),
                    c.version, CanonicalName(c.name_en, c.name_zh), YamlQuoted(c.zone.name));
    text += "    week:\n";
    for (size_t day = 0; day < c.week.size(); ++day) {
      text += fmt::format("      {}: {}\n", keys::kWeekKeys[day].name, Intervals(c.week[day]));
    }
    for (const bool works : {false, true}) {
      std::string days;
      for (const CalendarDay& day : c.days) {
        if (day.intervals.empty() != works) days += DayText(day);
      }
      if (!days.empty()) text += (works ? "    workdays:\n" : "    holidays:\n") + days;
    }
    items->push_back({"calendars", c.id, std::move(text)});
  }
}

}  // namespace rebound
