// Holidays and make-up workdays (调休补班) out of iCalendar files (RFC 5545), as governments and
// others publish them. Values and functions; safe to call from any thread.
//
// Every event of a file is taken to be days off, except where it says otherwise; so import
// calendars of days off, not of festivals. The first of these that applies tells a workday from a
// holiday:
//   X-APPLE-SPECIAL-DAY   ALTERNATE-WORKDAY or WORK-HOLIDAY. In a file that has it anywhere, events
//                         without it are festivals on which people work, and change nothing
//   CATEGORIES            WORKDAY among them (in any case)
//   SUMMARY               contains 补班 or 上班, contains (班) or （班）, or ends in 班
//
// Read are: all-day events (DTSTART;VALUE=DATE), DTEND (the first day after; equal to DTSTART, as
// some publish it, is one day), RRULE with FREQ=YEARLY, INTERVAL and COUNT or UNTIL, EXDATE of
// whole days, STATUS (a cancelled event does not take place). A workday may have local hours, which
// only say its date: the calendar knows the hours of a working day. Properties that cannot move a
// day (UID, DESCRIPTION, VTIMEZONE, VALARM ...) are passed over; all else is an error: nothing that
// could change a due time is left out in silence.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/diagnostics.h"
#include "workflows/calendar.h"

namespace rebound {

inline constexpr size_t kMaxICalendarBytes = size_t{1} << 20;
inline constexpr int kMaxEventDays = 366;
inline constexpr int kMaxImportedDays = 10'000;  // events times their days

struct ImportedDay {
  LocalDay date{};
  bool is_workday = false;  // a make-up workday; else a holiday
  std::string name{};       // SUMMARY; those of several events with " / " between
  int line = 0;             // where its (first) event begins

  friend bool operator==(const ImportedDay&, const ImportedDay&) = default;
};

// One mistake. Codes are stable:
//   I001 the file: too large, not UTF-8 ...    I002 components and lines that do not fit together
//   I003 not supported                         I004 malformed value
//   I005 property missing or given twice       I006 settings that contradict each other
struct ICalendarError {
  int line = 0;  // from 1, where the (unfolded) line begins
  std::string code{};
  Bilingual message{};  // what was expected, then what is there
  Bilingual help{};     // the way out; may be empty

  friend bool operator==(const ICalendarError&, const ICalendarError&) = default;
};

// The days of the years first_year to last_year (1 to 9999), in rising order, each once. On any
// mistake gives nothing and appends up to a hundred to `errors`, in order of lines.
std::optional<std::vector<ImportedDay>> ParseICalendar(std::string_view text, int first_year,
                                                       int last_year,
                                                       std::vector<ICalendarError>* errors);

}  // namespace rebound
