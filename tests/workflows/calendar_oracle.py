#!/usr/bin/env python3
"""Reference cases for workflows/calendar.h, computed minute by minute.

Prints the file tests/data/calendar_oracle/cases.tsv; run_calendar_oracle.sh compares the two. Shares
nothing with the C++ arithmetic: it lets a clock tick through every minute, asks for each whether
somebody works in it and whether the clock is paused, and adds up. Local times become UTC through
Python's zoneinfo with fold=0, which is RFC 5545's rule: a skipped time has the offset before the
gap, a repeated one is the first. Standard library only.

Offsets of zones are printed only for years that are over, so that a later tzdata prints the same.
"""

import sys
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = 60_000
HOUR = 60 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

# Zone -> first and last year of its table; zones without changes may be asked for any year.
ZONES = {
    "America/New_York": (2024, 2025),
    "Europe/Berlin": (2024, 2025),
    "Australia/Lord_Howe": (2024, 2025),
    "Asia/Shanghai": (2024, 2028),
    "Asia/Kolkata": (2024, 2028),
    "Asia/Kathmandu": (2024, 2028),
}

# (name, first day off, last day off, make-up workdays). 2025: State Council, 国办发明电〔2024〕12号;
# 2026: 国办发明电〔2025〕7号. 2027 is ASSUMED: statutory days of the law of 2024, arranged as in
# the years before, because no notice for it was known when this was written.
CHINESE_HOLIDAYS = [
    ("元旦", "2025-01-01", "2025-01-01", []),
    ("春节", "2025-01-28", "2025-02-04", ["2025-01-26", "2025-02-08"]),
    ("清明节", "2025-04-04", "2025-04-06", []),
    ("劳动节", "2025-05-01", "2025-05-05", ["2025-04-27"]),
    ("端午节", "2025-05-31", "2025-06-02", []),
    ("国庆节、中秋节", "2025-10-01", "2025-10-08", ["2025-09-28", "2025-10-11"]),
    ("元旦", "2026-01-01", "2026-01-03", ["2026-01-04"]),
    ("春节", "2026-02-15", "2026-02-23", ["2026-02-14", "2026-02-28"]),
    ("清明节", "2026-04-04", "2026-04-06", []),
    ("劳动节", "2026-05-01", "2026-05-05", ["2026-05-09"]),
    ("端午节", "2026-06-19", "2026-06-21", []),
    ("中秋节", "2026-09-25", "2026-09-27", []),
    ("国庆节", "2026-10-01", "2026-10-07", ["2026-09-20", "2026-10-10"]),
    ("元旦 (assumed)", "2027-01-01", "2027-01-03", []),
    ("春节 (assumed)", "2027-02-05", "2027-02-12", ["2027-01-31", "2027-02-14"]),
    ("清明节 (assumed)", "2027-04-03", "2027-04-05", []),
    ("劳动节 (assumed)", "2027-05-01", "2027-05-05", ["2027-05-08"]),
    ("端午节 (assumed)", "2027-06-09", "2027-06-09", []),
    ("中秋节 (assumed)", "2027-09-15", "2027-09-15", []),
    ("国庆节 (assumed)", "2027-10-01", "2027-10-07", ["2027-09-26", "2027-10-09"]),
]


def minutes_of(text):
    """"22:00-30:00" -> (1320, 1800); "-" is no interval at all."""
    if text == "-":
        return []
    result = []
    for part in text.split():
        begin, end = part.split("-")
        result.append(tuple(int(t[:-3]) * 60 + int(t[-2:]) for t in (begin, end)))
    return result


def dates(first, last):
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        yield day
        day += timedelta(days=1)


class Calendar:
    def __init__(self, name, zone, week, days=()):
        self.name = name
        self.zone_name = zone
        self.zone = ZoneInfo(zone)
        self.week = week  # seven texts, or one for Monday to Friday
        if len(self.week) == 1:
            self.week = list(self.week) * 5 + ["-", "-"]
        self.days = {day: (title, text) for day, title, text in days}
        self.utc_days = {}

    def text_on(self, day):
        return self.days[day][1] if day in self.days else self.week[day.weekday()]

    @lru_cache(maxsize=None)
    def intervals_on(self, day):
        """The day's intervals as UTC minutes."""
        return [tuple(self.utc_minute(day, m) for m in interval)
                for interval in minutes_of(self.text_on(day))]

    def utc_minute(self, day, minute):
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
        moment = wall.replace(tzinfo=self.zone, fold=0).astimezone(timezone.utc)
        return (moment - EPOCH) // timedelta(minutes=1)

    def utc_day(self, number):
        """The 1,440 minutes of a UTC day, each looked at: local dates, work, ends of working days."""
        if number not in self.utc_days:
            local_dates, working, ends = [], [], []
            for minute in range(number * 1440, (number + 1) * 1440):
                today = (EPOCH + timedelta(minutes=minute)).astimezone(self.zone).date()
                near = [(day, self.intervals_on(day)) for day in neighbours(today)]
                local_dates.append(today)
                working.append(any(begin <= minute < end
                                   for _, intervals in near for begin, end in intervals))
                ends.append([day for day, intervals in near
                             if intervals and intervals[-1][1] == minute])
            self.utc_days[number] = (local_dates, working, ends)
        return self.utc_days[number]

    def local_date(self, minute):
        return self.utc_day(minute // 1440)[0][minute % 1440]


@lru_cache(maxsize=None)
def neighbours(day):
    return [day + timedelta(days=n) for n in (-2, -1, 0, 1)]


def chinese_days(workday):
    for name, first, last, makeup in CHINESE_HOLIDAYS:
        for day in dates(first, last):
            yield day, name, "-"
        for text in makeup:
            yield date.fromisoformat(text), name + "补班", workday


OFFICE = "09:00-12:00 13:30-18:00"
CALENDARS = {c.name: c for c in [
    Calendar("cn-office", "Asia/Shanghai", [OFFICE], chinese_days(OFFICE)),
    # A night belongs to the date it begins on; holidays remove whole nights.
    Calendar("cn-night", "Asia/Shanghai", ["22:00-30:00"] * 7,
             [d for d in chinese_days("22:00-30:00") if d[2] == "-"]),
    # Shorter hours instead of none on holidays.
    Calendar("cn-hotline", "Asia/Shanghai", ["08:00-24:00"] * 7,
             [(d, name, "10:00-16:00") for d, name, text in chinese_days("") if text == "-"]),
    Calendar("cn-once", "Asia/Shanghai", ["-"] * 7,
             [(date(2025, 1, 6), "the only day", "09:00-17:00")]),
    Calendar("ny-office", "America/New_York", ["09:00-17:00"],
             [(date(2025, 7, 4), "Independence Day", "-"), (date(2025, 11, 27), "Thanksgiving", "-"),
              (date(2025, 11, 28), "short day", "09:00-13:00"),
              (date(2025, 12, 25), "Christmas Day", "-")]),
    Calendar("ny-always", "America/New_York", ["00:00-24:00"] * 7),
    Calendar("ny-night", "America/New_York", ["22:00-30:00"] * 7),
    # Bounds inside the hour that is skipped in March and repeated in November.
    Calendar("ny-early", "America/New_York", ["01:00-01:30 01:30-02:30 02:45-04:00"] * 7),
    Calendar("berlin-touching", "Europe/Berlin", ["08:00-12:00 12:00-16:30"]),
    Calendar("berlin-always", "Europe/Berlin", ["00:00-24:00"] * 7),
    Calendar("berlin-weekend-night", "Europe/Berlin",
             ["-", "-", "-", "-", "20:00-28:00", "20:00-28:00", "20:00-24:00"]),
    Calendar("berlin-early", "Europe/Berlin", ["00:30-02:15 02:30-05:00"] * 7),
    Calendar("howe-office", "Australia/Lord_Howe", ["08:30-12:15 13:00-17:00"]),
    Calendar("howe-always", "Australia/Lord_Howe", ["00:00-24:00"] * 7),
    Calendar("howe-night", "Australia/Lord_Howe", ["21:30-29:30"] * 7),
    Calendar("howe-early", "Australia/Lord_Howe", ["01:15-01:45 01:45-02:10 02:15-03:00"] * 7),
    Calendar("kolkata-office", "Asia/Kolkata", ["09:30-18:30"] * 6 + ["-"],
             [(date(2025, 8, 15), "Independence Day", "-"), (date(2026, 1, 26), "Republic Day", "-")]),
    Calendar("kathmandu-office", "Asia/Kathmandu", ["10:00-17:00"] * 5 + ["-", "10:00-17:00"]),
]}


def instant(calendar, text):
    """A local time of the calendar ("2025-01-27 16:30") or UTC ("...Z") as milliseconds."""
    if text.endswith("Z"):
        moment = datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
    else:
        moment = datetime.fromisoformat(text).replace(tzinfo=calendar.zone, fold=0)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def run(calendar, count, start, amount, pauses, probes, give_up):
    """Lets the clock tick until it is due and all probes are seen, or until `give_up`.

    Returns the due time (None: not until then) and what has elapsed at each probe.
    """
    stops = sorted({t for pause in pauses for t in pause} | set(probes)) + [sys.maxsize]
    started_on = calendar.local_date(start // MINUTE)
    newest = started_on  # the latest local date seen
    elapsed, due, seen = 0, None, {}
    running = False  # in what was looked at last
    utc_day, now = None, start
    while True:
        minute = now // MINUTE
        if minute // 1440 != utc_day:
            utc_day = minute // 1440
            local_dates, working, working_day_ends = calendar.utc_day(utc_day)
        today = local_dates[minute % 1440]
        ended = []
        if count == "calendar_days" and newest < today:
            ended = [newest + timedelta(days=n) for n in range((today - newest).days)]
        elif count == "working_days" and now % MINUTE == 0:
            ended = working_day_ends[minute % 1440]
        if running and ended:
            elapsed += sum(1 for day in ended if day > started_on)
            if due is None and elapsed >= amount:
                due = now
        if newest < today:
            newest = today
        if now == stops[0]:
            seen[now] = elapsed
            stops.pop(0)
        if (due is not None and len(stops) == 1) or now > give_up:
            return due, [seen[t] for t in probes]
        until = min((minute + 1) * MINUTE, stops[0])
        running = not any(begin <= now < end for begin, end in pauses) if pauses else True
        if running and (count == "wall" or count == "business_time" and working[minute % 1440]):
            if due is None and elapsed + (until - now) >= amount:
                due = now + (amount - elapsed)
            elapsed += until - now
        now = until


def utc(ms):
    if ms is None:
        return "never"
    moment = EPOCH + timedelta(milliseconds=ms)
    fraction = f".{ms % 1000:03d}" if ms % 1000 else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


class Cases:
    def __init__(self):
        self.lines = []
        self.titles = set()

    def add(self, title, name, count, start, amount, pauses=(), probes=()):
        """`amount`: hours for business_time and wall, days for day counts."""
        calendar = CALENDARS[name]
        assert title not in self.titles, title
        self.titles.add(title)
        begin = instant(calendar, start)
        stretches = [(instant(calendar, a), instant(calendar, b)) for a, b in pauses]
        assert all(a < b for a, b in stretches) and stretches == sorted(stretches), title
        if not count.endswith("days"):
            amount = round(amount * HOUR)
        # Arithmetic ends two years after the clock last went on.
        two_years = max([begin] + [end for _, end in stretches]) + 731 * 24 * HOUR
        due, _ = run(calendar, count, begin, amount, stretches, [], two_years)
        wanted = {begin, begin + 97 * MINUTE + 30_250, begin + 26 * HOUR}
        wanted |= {instant(calendar, p) for p in probes}
        wanted |= {t for stretch in stretches for t in stretch}
        if due is not None:
            wanted |= {due - 1_000, due, due + 5 * HOUR + 1}
        moments = sorted(t for t in wanted if t >= begin)
        again, elapsed = run(calendar, count, begin, amount, stretches, moments, moments[-1])
        assert again == due
        first, last = ZONES[calendar.zone_name]
        for moment in moments + [begin]:
            assert first <= (EPOCH + timedelta(milliseconds=moment)).year <= last, title
        self.lines.append("\t".join([
            "case", title, name, count, utc(begin), str(amount),
            " ".join(f"{utc(a)}/{utc(b)}" for a, b in stretches) or "-", utc(due),
            " ".join(f"{utc(t)}={e}" for t, e in zip(moments, elapsed))]))


def chinese_cases(cases):
    office = CALENDARS["cn-office"]
    for name, first, last, makeup in CHINESE_HOLIDAYS:
        tag = f"{name} {first[:4]}"
        eve = date.fromisoformat(first) - timedelta(days=1)
        while office.text_on(eve) == "-":
            eve -= timedelta(days=1)
        cases.add(f"{tag}: five hours from the afternoon before", "cn-office", "business_time",
                  f"{eve} 16:30", 5)
        cases.add(f"{tag}: two working days from the day before", "cn-office", "working_days",
                  f"{eve} 10:00", 2)
        cases.add(f"{tag}: three calendar days from the day before", "cn-office", "calendar_days",
                  f"{eve} 23:59", 3)
        cases.add(f"{tag}: one night off, ten hours", "cn-night", "business_time",
                  f"{eve} 23:15", 10)
        cases.add(f"{tag}: paused over the holidays", "cn-office", "business_time",
                  f"{eve} 11:00", 9, [(f"{eve} 14:00", f"{last} 20:00")])
        for day in makeup:
            cases.add(f"{tag}: from inside the make-up day {day}", "cn-office", "business_time",
                      f"{day} 11:20", 7.5)
            cases.add(f"{tag}: working days from before the make-up day {day}", "cn-office",
                      "working_days", f"{date.fromisoformat(day) - timedelta(days=2)} 12:30", 3)
    cases.add("short hours on holidays: hotline over 国庆节 2025", "cn-hotline", "business_time",
              "2025-09-30 23:00", 40)
    cases.add("short hours on holidays: hotline working days", "cn-hotline", "working_days",
              "2025-09-30 23:00", 4)
    cases.add("paused every night of a week", "cn-hotline", "business_time", "2025-03-03 09:00", 60,
              [(f"2025-03-0{d} 20:00", f"2025-03-0{d + 1} 08:00") for d in range(3, 8)])


def change_cases(cases):
    """Around both changes of offset of three zones."""
    for zone, before, after, names in [
        ("New York spring", "2025-03-08", "2025-03-10",
         ["ny-office", "ny-always", "ny-night", "ny-early"]),
        ("New York autumn", "2025-11-01", "2025-11-03",
         ["ny-office", "ny-always", "ny-night", "ny-early"]),
        ("Berlin spring", "2025-03-29", "2025-03-31",
         ["berlin-touching", "berlin-always", "berlin-weekend-night", "berlin-early"]),
        ("Berlin autumn", "2025-10-25", "2025-10-27",
         ["berlin-touching", "berlin-always", "berlin-weekend-night", "berlin-early"]),
        ("Lord Howe autumn", "2025-04-05", "2025-04-07",
         ["howe-office", "howe-always", "howe-night", "howe-early"]),
        ("Lord Howe spring", "2025-10-04", "2025-10-06",
         ["howe-office", "howe-always", "howe-night", "howe-early"]),
    ]:
        sunday = date.fromisoformat(before) + timedelta(days=1)
        for name in names:
            tag = f"{zone}, {name}"
            cases.add(f"{tag}: 30 hours from Saturday noon", name, "business_time",
                      f"{before} 12:00", 30)
            cases.add(f"{tag}: 90 minutes from 01:10 of the change", name, "business_time",
                      f"{sunday} 01:10", 1.5)
            cases.add(f"{tag}: three working days", name, "working_days", f"{before} 23:30", 3)
            cases.add(f"{tag}: two calendar days", name, "calendar_days", f"{before} 00:00", 2)
            cases.add(f"{tag}: paused across the change", name, "business_time",
                      f"{before} 20:45", 8, [(f"{sunday} 00:40", f"{sunday} 03:20")])
            cases.add(f"{tag}: paused from the skipped or repeated hour on", name, "calendar_days",
                      f"{before} 09:00", 3, [(f"{sunday} 02:10", f"{after} 02:10")])
        cases.add(f"{zone}: wall time has no zone", names[1], "wall", f"{before} 18:00", 24)


def other_cases(cases):
    for leap in (2024, 2028):
        cases.add(f"leap day {leap}: calendar days", "cn-office", "calendar_days",
                  f"{leap}-02-27 15:00", 3)
        cases.add(f"leap day {leap}: working days", "cn-office", "working_days",
                  f"{leap}-02-28 15:00", 2)
        cases.add(f"leap day {leap}: business time", "cn-office", "business_time",
                  f"{leap}-02-28 17:00", 12)
        cases.add(f"leap day {leap}: the night of the 28th", "cn-night", "business_time",
                  f"{leap}-02-28 12:00", 17)
        cases.add(f"leap day {leap}: Kolkata", "kolkata-office", "working_days",
                  f"{leap}-02-28 19:00", 2)
        cases.add(f"leap day {leap}: paused on it", "kathmandu-office", "business_time",
                  f"{leap}-02-28 16:00", 9, [(f"{leap}-02-29 00:00", f"{leap}-02-29 12:00")])
    for name, half in (("kolkata-office", "Kolkata"), ("kathmandu-office", "Kathmandu")):
        cases.add(f"{half}: from a UTC midnight", name, "business_time", "2025-08-13T00:00:00Z", 20)
        cases.add(f"{half}: from just before local midnight", name, "calendar_days",
                  "2025-08-13 23:59:59", 1)
        cases.add(f"{half}: from local midnight", name, "calendar_days", "2025-08-14 00:00", 1)
        cases.add(f"{half}: over the weekend", name, "working_days", "2025-08-14 11:00", 4)
        cases.add(f"{half}: paused over two nights", name, "business_time", "2026-01-22 15:00", 18,
                  [("2026-01-22 17:30", "2026-01-24 11:00"), ("2026-01-25 03:00", "2026-01-26 13:00")])
    # Edges of intervals.
    for start in ("08:59:59.999", "09:00", "12:00", "12:00:00.001", "13:30", "17:59:59.999", "18:00"):
        cases.add(f"edges: half an hour from {start}", "cn-office", "business_time",
                  f"2025-03-12 {start}", 0.5)
        cases.add(f"edges: one working day from {start}", "cn-office", "working_days",
                  f"2025-03-12 {start}", 1)
    cases.add("touching intervals: exactly to the seam", "berlin-touching", "business_time",
              "2025-06-10 08:00", 4)
    cases.add("touching intervals: across the seam", "berlin-touching", "business_time",
              "2025-06-10 11:59:59.500", 5)
    cases.add("24:00: the day's last minute counts", "cn-hotline", "business_time",
              "2025-06-10 23:59", 1 / 60)
    cases.add("24:00: on to the next morning", "cn-hotline", "business_time", "2025-06-10 23:59", 1)
    cases.add("24:00: a working day ends at midnight", "cn-hotline", "working_days",
              "2025-06-10 08:00", 2)
    cases.add("overnight: from noon to the second night", "cn-night", "business_time",
              "2025-06-10 12:00", 12)
    cases.add("overnight: from inside the night", "cn-night", "business_time", "2025-06-11 02:00", 8)
    cases.add("overnight: a working day ends on the next date", "cn-night", "working_days",
              "2025-06-11 02:00", 2)
    cases.add("overnight: working days from before the shift", "cn-night", "working_days",
              "2025-06-10 21:00", 1)
    cases.add("overnight: pause ends when the day's count does", "cn-night", "working_days",
              "2025-06-10 12:00", 2, [("2025-06-12 01:00", "2025-06-12 06:00")])
    cases.add("overnight: pause begins when the day's count does", "cn-night", "working_days",
              "2025-06-10 12:00", 2, [("2025-06-12 06:00", "2025-06-14 06:00")])
    cases.add("midnight: pause ends with the day", "cn-office", "calendar_days", "2025-06-10 12:00",
              2, [("2025-06-11 22:00", "2025-06-12 00:00")])
    cases.add("midnight: pause begins with the next day", "cn-office", "calendar_days",
              "2025-06-10 12:00", 2, [("2025-06-12 00:00", "2025-06-13 12:00")])
    cases.add("pause outside working time costs nothing", "cn-office", "business_time",
              "2025-03-12 16:00", 6, [("2025-03-12 18:00", "2025-03-13 09:00")])
    cases.add("pause inside working time", "cn-office", "business_time", "2025-03-12 10:00", 6,
              [("2025-03-12 10:17:20", "2025-03-12 11:41:05.250")])
    cases.add("many pauses over nights, noon and weekend", "cn-office", "business_time",
              "2025-03-12 10:00", 20,
              [("2025-03-12 11:30", "2025-03-12 14:00"), ("2025-03-12 17:00", "2025-03-13 09:30"),
               ("2025-03-14 12:30", "2025-03-14 13:00"), ("2025-03-14 17:59", "2025-03-17 09:01")])
    cases.add("paused from the first moment", "cn-office", "working_days", "2025-03-12 10:00", 1,
              [("2025-03-12 10:00", "2025-03-13 10:00")])
    cases.add("due before the pause begins", "cn-office", "business_time", "2025-03-12 10:00", 1,
              [("2025-03-12 15:00", "2025-03-13 15:00")])
    cases.add("Thanksgiving and a short day", "ny-office", "business_time", "2025-11-26 15:00", 8)
    cases.add("Thanksgiving in working days", "ny-office", "working_days", "2025-11-25 15:00", 3)
    cases.add("Thanksgiving in calendar days", "ny-office", "calendar_days", "2025-11-25 15:00", 3)
    cases.add("a month of working days", "cn-office", "working_days", "2025-09-15 09:00", 20)
    cases.add("three months of business time", "cn-office", "business_time", "2025-01-02 09:00", 450)
    cases.add("ninety calendar days", "cn-office", "calendar_days", "2025-09-15 09:00", 90)
    cases.add("the only working day there is", "cn-once", "business_time", "2025-01-01 00:00", 8)
    cases.add("more than there is: business time", "cn-once", "business_time", "2025-01-01 00:00", 9)
    cases.add("more than there is: working days", "cn-once", "working_days", "2025-01-01 00:00", 2)


def print_zones():
    for name, (first, last) in ZONES.items():
        zone = ZoneInfo(name)

        def offset(minute):
            return int((EPOCH + timedelta(minutes=minute)).astimezone(zone).utcoffset()
                       .total_seconds())

        begin = (datetime(first, 1, 1, tzinfo=timezone.utc) - EPOCH) // timedelta(minutes=1)
        end = (datetime(last + 1, 1, 1, tzinfo=timezone.utc) - EPOCH) // timedelta(minutes=1)
        print("zone", name, offset(begin), sep="\t")
        for hour in range(begin, end, 60):
            if offset(hour) == offset(hour + 60):
                continue
            for minute in range(hour + 1, hour + 61):
                if offset(minute) != offset(minute - 1):
                    print("change", name, utc(minute * MINUTE), offset(minute), sep="\t")


def print_local_times():
    for name, days in [("ny-office", ["2025-03-09", "2025-11-02"]),
                       ("berlin-always", ["2025-03-30", "2025-10-26"]),
                       ("howe-office", ["2025-04-06", "2025-10-05"])]:
        calendar = CALENDARS[name]
        for day in days:
            for minute in range(0, 300, 15):
                moment = calendar.utc_minute(date.fromisoformat(day), minute) * MINUTE
                print("local", calendar.zone_name, f"{day}T{minute // 60:02d}:{minute % 60:02d}",
                      utc(moment), sep="\t")


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    print("# Written by tests/workflows/calendar_oracle.py; SOURCE.md says what the columns are.")
    print_zones()
    for calendar in CALENDARS.values():
        print("calendar", calendar.name, calendar.zone_name, sep="\t")
        for weekday, text in zip(WEEKDAYS, calendar.week):
            print("week", calendar.name, weekday, text, sep="\t")
        for day, (title, text) in sorted(calendar.days.items()):
            print("day", calendar.name, day.isoformat(), title, text, sep="\t")
    print_local_times()
    cases = Cases()
    chinese_cases(cases)
    change_cases(cases)
    other_cases(cases)
    print("\n".join(cases.lines))


main()
