#include "server/config/icalendar.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "server/config/messages.h"
#include "server/config/text.h"

namespace rebound {
namespace {

using std::chrono::days;

constexpr size_t kMaxErrors = 100;

struct Parameter {
  std::string name{};  // upper case
  std::string value{};
};

// One content line, unfolded.
struct Line {
  int number = 0;
  std::string name{};  // upper case
  std::vector<Parameter> parameters{};
  std::string value{};
};

struct Recurrence {
  int interval = 1;
  int count = std::numeric_limits<int>::max();
  LocalDay until = LocalDay::max();
};

struct ICalendarEvent {
  int line = 0;
  std::optional<Line> start{};
  std::optional<Line> end{};
  std::optional<Line> summary{};
  std::optional<Line> special_day{};
  std::optional<Line> rule{};
  std::vector<Line> excluded{};
  bool is_workday_category = false;
  bool is_cancelled = false;
};

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::vector<std::string> Split(std::string_view text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    utf8proc_int32_t code_point = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                         static_cast<utf8proc_ssize_t>(text.size()), &code_point);
    if (length <= 0 || code_point == 0) return false;
    text.remove_prefix(static_cast<size_t>(length));
  }
  return true;
}

// For messages: without control characters, and not endless.
std::string Quote(std::string_view text) {
  constexpr size_t kMost = 60;
  size_t end = std::min(text.size(), kMost);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  std::string shown(text.substr(0, end));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  return '"' + shown + (end < text.size() ? "…\"" : "\"");
}

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool AreDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "20250128".
std::optional<LocalDay> ParseDate(std::string_view text) {
  if (text.size() != 8 || !AreDigits(text)) return std::nullopt;
  const std::chrono::year_month_day date =
      std::chrono::year{*Number(text.substr(0, 4))} /
      std::chrono::month{static_cast<unsigned>(*Number(text.substr(4, 2)))} /
      std::chrono::day{static_cast<unsigned>(*Number(text.substr(6, 2)))};
  if (!date.ok()) return std::nullopt;
  return LocalDay{date};
}

// The date of "20250126T090000"; not of UTC times, whose date depends on the place.
std::optional<LocalDay> DateOfLocalTime(std::string_view text) {
  if (text.size() != 15 || text[8] != 'T' || !AreDigits(text.substr(9))) return std::nullopt;
  return ParseDate(text.substr(0, 8));
}

std::string Show(LocalDay day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

// RFC 5545, 3.3.11; a line break becomes a space, since names are one line.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      c = text[++i];
      if (c == 'n' || c == 'N') c = ' ';
    }
    plain += c;
  }
  const size_t begin = plain.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return plain.substr(begin, plain.find_last_not_of(kBlanks) - begin + 1);
}

class Import {
 public:
  Import(int first_year, int last_year, std::vector<ICalendarError>* errors)
      : first_year_(first_year), last_year_(last_year), errors_(errors) {}

  std::optional<std::vector<ImportedDay>> Read(std::string_view text) {
    ReadText(text);
    if (failures_.empty()) {
      std::vector<ImportedDay> result;
      for (const auto& [date, day] : days_) result.push_back(day);
      return result;
    }
    std::stable_sort(failures_.begin(), failures_.end(),
                     [](const auto& a, const auto& b) { return a.line < b.line; });
    if (failures_.size() > kMaxErrors) failures_.resize(kMaxErrors);
    errors_->insert(errors_->end(), failures_.begin(), failures_.end());
    return std::nullopt;
  }

 private:
  struct Component {
    std::string name{};
    int line = 0;
    bool is_read = false;  // else what is in it has no bearing on days, or is misplaced
  };

  void Fail(int line, std::string_view code, const Phrase& phrase,
            std::initializer_list<Bilingual> arguments = {}, Bilingual help = {}) {
    if (failures_.size() >= 10 * kMaxErrors) return;
    failures_.push_back({line, std::string(code), Fill(phrase, arguments), std::move(help)});
  }

  void ReadText(std::string_view text) {
    if (text.size() > kMaxICalendarBytes) {
      Fail(1, "I001", messages::kIcsTooLarge,
           {std::to_string(kMaxICalendarBytes), std::to_string(text.size())},
           Fill(messages::kIcsFewerYears));
      return;
    }
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const std::vector<std::pair<int, std::string>> lines = Unfold(text);
    for (const auto& [number, line] : lines) {
      if (!IsUtf8(line)) {
        Fail(number, "I001", messages::kIcsNotUtf8, {}, Fill(messages::kSaveAsUtf8));
        return;
      }
    }
    for (const auto& [number, line] : lines) {
      if (!line.empty()) ReadLine(number, line);
    }
    if (!open_.empty()) {
      Fail(lines.back().first, "I002", messages::kIcsNoEnd,
           {open_.back().name, std::to_string(open_.back().line)}, Fill(messages::kIcsCutOff));
    } else if (!has_calendar_) {
      Fail(1, "I002", messages::kIcsNoCalendar, {}, Fill(messages::kIcsIsItOne));
    }
    for (const ICalendarEvent& event : events_) AddEvent(event);
  }

  // Physical lines end with CRLF or LF; one that begins with a space or tab goes on with the last.
  // Code points may be split: bytes are joined first and looked at after.
  static std::vector<std::pair<int, std::string>> Unfold(std::string_view text) {
    std::vector<std::pair<int, std::string>> lines;
    for (int number = 1; !text.empty(); ++number) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!lines.empty() && (line.starts_with(' ') || line.starts_with('\t'))) {
        lines.back().second += line.substr(1);
      } else {
        lines.emplace_back(number, line);
      }
    }
    return lines;
  }

  // name *(";" parameter "=" value) ":" value; a parameter's value may be quoted.
  std::optional<Line> ParseLine(int number, std::string_view text) {
    Line line{.number = number};
    size_t at = std::min(text.find_first_of(";:"), text.size());
    line.name = Upper(text.substr(0, at));
    while (at < text.size() && text[at] == ';') {
      const size_t equals = text.find_first_of("=;:", at + 1);
      if (equals == std::string_view::npos || text[equals] != '=') break;
      Parameter parameter{Upper(text.substr(at + 1, equals - at - 1)), ""};
      bool quoted = false;
      for (at = equals + 1; at < text.size(); ++at) {
        if (text[at] == '"') {
          quoted = !quoted;
        } else if (!quoted && (text[at] == ';' || text[at] == ':')) {
          break;
        } else {
          parameter.value += text[at];
        }
      }
      line.parameters.push_back(std::move(parameter));
    }
    if (line.name.empty() || at >= text.size() || text[at] != ':') {
      Fail(number, "I002", messages::kIcsLine, {Quote(text)}, Fill(messages::kIcsFold));
      return std::nullopt;
    }
    line.value = text.substr(at + 1);
    return line;
  }

  void ReadLine(int number, std::string_view text) {
    std::optional<Line> line = ParseLine(number, text);
    if (!line) return;
    if (line->name == "BEGIN") {
      Begin(*line);
    } else if (line->name == "END") {
      End(*line);
    } else if (open_.empty()) {
      Fail(number, "I002", messages::kIcsExpected, {"BEGIN:VCALENDAR", Quote(text)});
    } else if (open_.back().is_read && open_.back().name == "VCALENDAR") {
      ReadCalendarProperty(*line);
    } else if (open_.back().is_read) {
      ReadEventProperty(std::move(*line));
    }
  }

  void Begin(const Line& line) {
    const std::string component = Upper(line.value);
    const std::string parent = open_.empty() ? "" : open_.back().name;
    open_.push_back({component, line.number});
    if (parent.empty() && component == "VCALENDAR") {
      open_.back().is_read = true;
      has_calendar_ = true;
    } else if (parent == "VCALENDAR" && component == "VEVENT") {
      open_.back().is_read = true;
      events_.push_back({.line = line.number});
    } else if (parent.empty() || component == "VCALENDAR" || component == "VEVENT") {
      Fail(line.number, "I002", messages::kIcsExpected,
           {parent.empty() ? "BEGIN:VCALENDAR" : "END:" + parent, "BEGIN:" + component});
    } else if (parent == "VCALENDAR" && component != "VTIMEZONE") {
      Fail(line.number, "I003", messages::kIcsEventsOnly, {component},
           Fill(messages::kIcsRemoveComponent));
    } else if (parent == "VEVENT" && component != "VALARM") {
      Fail(line.number, "I003", messages::kIcsPropertiesOnly, {component});
    }
  }

  void End(const Line& line) {
    const std::string component = Upper(line.value);
    if (open_.empty() || open_.back().name != component) {
      Fail(line.number, "I002", messages::kIcsExpected,
           {open_.empty() ? "BEGIN:VCALENDAR" : "END:" + open_.back().name, "END:" + component});
      return;
    }
    open_.pop_back();
  }

  void ReadCalendarProperty(const Line& line) {
    const std::string value = Upper(line.value);
    if (line.name == "CALSCALE" && value != "GREGORIAN") {
      Fail(line.number, "I003", messages::kIcsExpected, {"CALSCALE:GREGORIAN", Quote(line.value)});
    } else if (line.name == "VERSION" && value != "2.0") {
      Fail(line.number, "I003", messages::kIcsExpected, {"VERSION:2.0", Quote(line.value)},
           Fill(messages::kIcsExportAgain));
    } else if (line.name == "METHOD" && value == "CANCEL") {
      Fail(line.number, "I003", messages::kIcsCancelled, {}, Fill(messages::kIcsRemoveDays));
    }
  }

  void ReadEventProperty(Line line) {
    static const std::set<std::string_view> kUnsupported{"RDATE", "EXRULE", "RECURRENCE-ID",
                                                         "DURATION"};
    ICalendarEvent& event = events_.back();
    const std::array<std::pair<std::string_view, std::optional<Line>*>, 5> once{
        {{"DTSTART", &event.start},
         {"DTEND", &event.end},
         {"SUMMARY", &event.summary},
         {"X-APPLE-SPECIAL-DAY", &event.special_day},
         {"RRULE", &event.rule}}};
    for (const auto& [name, place] : once) {
      if (line.name != name) continue;
      if (place->has_value()) {
        Fail(line.number, "I005", messages::kIcsTwice, {name, std::to_string((*place)->number)});
        return;
      }
      has_special_days_ = has_special_days_ || place == &event.special_day;
      *place = std::move(line);
      return;
    }
    if (line.name == "EXDATE") {
      event.excluded.push_back(std::move(line));
    } else if (line.name == "STATUS") {
      event.is_cancelled = Upper(line.value) == "CANCELLED";
    } else if (line.name == "CATEGORIES") {
      const std::vector<std::string> categories = Split(Upper(line.value), ',');
      event.is_workday_category =
          event.is_workday_category ||
          std::find(categories.begin(), categories.end(), "WORKDAY") != categories.end();
    } else if (kUnsupported.contains(line.name)) {
      Fail(line.number, "I003", messages::kIcsUnsupported, {line.name},
           Fill(messages::kIcsEachDay));
    }
  }

  bool IsWorkday(const ICalendarEvent& event, std::string_view name) {
    if (event.special_day) {
      const std::string value = Upper(event.special_day->value);
      if (value == "ALTERNATE-WORKDAY") return true;
      if (value != "WORK-HOLIDAY") {
        Fail(event.special_day->number, "I004", messages::kIcsSpecialDay,
             {Quote(event.special_day->value)});
      }
      return false;
    }
    return event.is_workday_category || Contains(name, "补班") || Contains(name, "上班") ||
           Contains(name, "(班)") || Contains(name, "（班）") || name.ends_with("班");
  }

  // The day of DTSTART or DTEND; of a workday also one with local hours.
  std::optional<LocalDay> ReadDay(const Line& line, bool is_workday) {
    if (const std::optional<LocalDay> day = ParseDate(line.value)) return day;
    if (is_workday) {
      if (const std::optional<LocalDay> day = DateOfLocalTime(line.value)) return day;
    }
    if (Contains(line.value, "T")) {
      Fail(line.number, "I003", messages::kIcsWholeDays, {line.name, Quote(line.value)},
           Fill(messages::kIcsByHand));
    } else {
      Fail(line.number, "I004", messages::kIcsDate, {line.name, Quote(line.value)});
    }
    return std::nullopt;
  }

  // How many days the event lasts.
  std::optional<days> ReadLength(const ICalendarEvent& event, LocalDay start, bool is_workday) {
    if (!event.end) return days{1};
    const std::optional<LocalDay> end = ReadDay(*event.end, is_workday);
    if (!end) return std::nullopt;
    const bool has_hours = !ParseDate(event.end->value);
    const days length = *end - start;
    if (length < days{0}) {
      Fail(event.end->number, "I006", messages::kIcsEndBefore, {Show(start), Show(*end)});
    } else if (length > days{kMaxEventDays}) {
      Fail(event.end->number, "I006", messages::kIcsTooLong,
           {std::to_string(kMaxEventDays), std::to_string(length.count())});
    } else if (has_hours && length > days{0}) {
      Fail(event.end->number, "I003", messages::kIcsHoursEnd,
           {Show(start), Quote(event.end->value)}, Fill(messages::kIcsAsWholeDays));
    } else {
      return std::max(length, days{1});
    }
    return std::nullopt;
  }

  std::optional<Recurrence> ReadRule(const Line& line) {
    Recurrence rule;
    bool is_good = true;
    bool is_yearly = false;
    int ends = 0;
    for (const std::string& part : Split(line.value, ';')) {
      const size_t equals = std::min(part.find('='), part.size());
      const std::string name = Upper(part.substr(0, equals));
      const std::string value = part.substr(std::min(equals + 1, part.size()));
      const std::optional<int> number = Number(value);
      Bilingual expected;
      if (name == "FREQ") {
        is_yearly = Upper(value) == "YEARLY";
        if (!is_yearly) expected = "FREQ=YEARLY";
      } else if (name == "INTERVAL") {
        if (!number || *number < 1 || *number > 9999) expected = Fill(messages::kIcsInterval);
        rule.interval = number.value_or(1);
      } else if (name == "COUNT") {
        if (!number || *number < 1) expected = Fill(messages::kIcsCount);
        rule.count = number.value_or(1);
        ends += 1;
      } else if (name == "UNTIL") {
        const std::optional<LocalDay> until = ParseDate(value);
        if (!until) expected = Fill(messages::kIcsUntil);
        rule.until = until.value_or(LocalDay::max());
        ends += 1;
      } else if (name != "WKST") {  // Means nothing to whole years.
        expected = Fill(messages::kIcsRuleParts);
      }
      if (expected.empty()) continue;
      is_good = false;
      Fail(line.number, "I003", messages::kIcsExpected, {expected, Quote(part)},
           Fill(messages::kIcsEachDay));
    }
    if (is_good && !is_yearly) {
      Fail(line.number, "I004", messages::kIcsExpected, {"FREQ=YEARLY", Quote(line.value)});
    } else if (is_good && ends > 1) {
      Fail(line.number, "I006", messages::kIcsTwoEnds, {Quote(line.value)});
    } else if (is_good) {
      return rule;
    }
    return std::nullopt;
  }

  std::set<LocalDay> ReadExcluded(const ICalendarEvent& event) {
    std::set<LocalDay> excluded;
    for (const Line& line : event.excluded) {
      for (const std::string& value : Split(line.value, ',')) {
        if (const std::optional<LocalDay> day = ParseDate(value)) {
          excluded.insert(*day);
        } else {
          Fail(line.number, "I004", messages::kIcsExcluded, {Quote(value)});
        }
      }
    }
    return excluded;
  }

  void AddEvent(const ICalendarEvent& event) {
    if (!event.start) {
      Fail(event.line, "I005", messages::kIcsNoStart);
      return;
    }
    const std::string name = event.summary ? Unescape(event.summary->value) : "";
    if (name.empty()) {
      Fail(event.line, "I005", messages::kIcsNoSummary);
    }
    const bool is_workday = IsWorkday(event, name);
    const std::optional<LocalDay> start = ReadDay(*event.start, is_workday);
    if (!start) return;
    const std::optional<days> length = ReadLength(event, *start, is_workday);
    std::optional<Recurrence> rule = Recurrence{};
    if (event.rule) {
      rule = ReadRule(*event.rule);
    } else {
      rule->count = 1;
    }
    const std::set<LocalDay> excluded = ReadExcluded(event);
    const bool is_festival = has_special_days_ && !event.special_day;
    if (!length || !rule || event.is_cancelled || is_festival) return;
    for (const LocalDay first : Occurrences(*start, *rule)) {
      if (excluded.contains(first)) continue;
      for (LocalDay day = first; day < first + *length; day += days{1}) {
        AddDay({day, is_workday, name, event.line});
      }
    }
  }

  // 29 February recurs in leap years, and only those count.
  std::vector<LocalDay> Occurrences(LocalDay start, const Recurrence& rule) const {
    const std::chrono::year_month_day first(start);
    std::vector<LocalDay> found;
    int count = 0;
    for (int year = static_cast<int>(first.year()); year <= last_year_; year += rule.interval) {
      if (count == rule.count) break;
      const std::chrono::year_month_day date =
          std::chrono::year{year} / first.month() / first.day();
      if (!date.ok()) continue;
      const LocalDay day{date};
      if (day > rule.until) break;
      ++count;
      // What begins in an earlier year may reach into the first.
      if (year >= first_year_ - 1) found.push_back(day);
    }
    return found;
  }

  void AddDay(const ImportedDay& day) {
    const int year = static_cast<int>(std::chrono::year_month_day(day.date).year());
    if (year < first_year_ || year > last_year_) return;
    if (++added_ > kMaxImportedDays) {
      if (added_ == kMaxImportedDays + 1) {
        Fail(day.line, "I001", messages::kIcsTooManyDays, {std::to_string(kMaxImportedDays)},
             Fill(messages::kIcsFewerYears));
      }
      return;
    }
    const auto [known, is_new] = days_.try_emplace(day.date, day);
    if (is_new) return;
    ImportedDay& before = known->second;
    if (before.is_workday != day.is_workday) {
      const auto kind = [](const ImportedDay& d) {
        return Fill(d.is_workday ? messages::kIcsWorkday : messages::kIcsHoliday);
      };
      Fail(day.line, "I006", messages::kIcsBoth,
           {Show(day.date), Quote(day.name), kind(day), std::to_string(before.line),
            Quote(before.name), kind(before)},
           Fill(messages::kIcsRemoveEvent));
    } else if (!Contains(" / " + before.name + " / ", " / " + day.name + " / ")) {
      before.name += " / " + day.name;
    }
  }

  const int first_year_;
  const int last_year_;
  std::vector<ICalendarError>* const errors_;
  std::vector<ICalendarError> failures_{};
  std::vector<Component> open_{};  // outermost first
  bool has_calendar_ = false;
  bool has_special_days_ = false;
  std::vector<ICalendarEvent> events_{};
  std::map<LocalDay, ImportedDay> days_{};
  int added_ = 0;
};

}  // namespace

std::optional<std::vector<ImportedDay>> ParseICalendar(std::string_view text, int first_year,
                                                       int last_year,
                                                       std::vector<ICalendarError>* errors) {
  return Import(first_year, last_year, errors).Read(text);
}

}  // namespace rebound
