#include "server/config/zones.h"

#include <date/tz.h>
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <exception>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <system_error>
#include <vector>

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::year;
using Second = std::chrono::sys_seconds;

constexpr Second kBegin = std::chrono::sys_days{year{1970} / 1 / 1};
constexpr Second kEnd = std::chrono::sys_days{year{2061} / 1 / 1};

// The last line of a zone's file is a POSIX TZ string, which holds after its last listed change:
// "EST5EDT,M3.2.0,M11.1.0". date-tz does not read it, and files list changes up to 2037 at most.
// Of the three forms of dates tzdata uses one: "M3.2.0/2" is 02:00 of March's second Sunday.
struct YearlyDate {
  unsigned month = 1;
  unsigned week = 1;  // 5: the last
  unsigned weekday = 0;
  seconds time{0};  // may lie on another day
};

struct YearlyRule {
  seconds standard{0};  // local = UTC + standard
  bool has_summer = false;
  seconds summer{0};
  YearlyDate begin{};
  YearlyDate end{};
};

class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  std::optional<YearlyRule> Read() {
    YearlyRule rule;
    rule.standard = NameAndOffset(seconds{0});
    if (!text_.empty()) {
      rule.has_summer = true;
      rule.summer = NameAndOffset(rule.standard + std::chrono::hours{1});
      rule.begin = Date();
      rule.end = Date();
    }
    if (failed_ || !text_.empty()) return std::nullopt;
    return rule;
  }

 private:
  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Expect(char c) { failed_ = !Take(c) || failed_; }

  unsigned Number() {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
    failed_ = failed_ || error != std::errc{};
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return number;
  }

  seconds Time() {
    const bool negative = Take('-');
    if (!negative) Take('+');
    seconds time = std::chrono::hours{Number()};
    if (Take(':')) time += std::chrono::minutes{Number()};
    if (Take(':')) time += seconds{Number()};
    return negative ? -time : time;
  }

  // "EST5", "<+0330>-3:30": written as UTC minus local. `otherwise`: "EDT" alone.
  seconds NameAndOffset(seconds otherwise) {
    const bool quoted = Take('<');
    const auto end = std::find_if(text_.begin(), text_.end(), [&](char c) {
      return quoted ? c == '>' : std::isalpha(static_cast<unsigned char>(c)) == 0;
    });
    failed_ = failed_ || end == text_.begin();
    text_.remove_prefix(static_cast<size_t>(end - text_.begin()));
    if (quoted) Expect('>');
    if (text_.empty() || text_.front() == ',') return otherwise;
    return -Time();
  }

  YearlyDate Date() {
    YearlyDate date;
    Expect(',');
    Expect('M');
    date.month = Number();
    Expect('.');
    date.week = Number();
    Expect('.');
    date.weekday = Number();
    date.time = Take('/') ? Time() : std::chrono::hours{2};
    failed_ = failed_ || date.month < 1 || date.month > 12 || date.week < 1 || date.week > 5 ||
              date.weekday > 6;
    return date;
  }

  std::string_view text_;
  bool failed_ = false;
};

// The date's local time in that year, as if it were UTC.
Second InYear(const YearlyDate& date, year in) {
  const std::chrono::year_month month = in / static_cast<int>(date.month);
  const std::chrono::weekday weekday(date.weekday);
  if (date.week == 5) return std::chrono::sys_days{month / weekday[std::chrono::last]} + date.time;
  return std::chrono::sys_days{month / weekday[date.week]} + date.time;
}

// Throws when it cannot be read: a zone that is right until 2037 only is not right.
YearlyRule ReadRule(const std::string& zone) {
  std::ifstream file("/usr/share/zoneinfo/" + zone, std::ios::binary);
  std::string last;
  for (std::string line; std::getline(file, line);) last = line;
  return RuleReader(last).Read().value();
}

// Appends unless nothing changes.
void Append(Zone::Change change, Zone* zone) {
  const Duration before = zone->changes.empty() ? zone->first_offset : zone->changes.back().offset;
  if (change.offset != before) zone->changes.push_back(change);
}

void AppendRule(const YearlyRule& rule, Second after, Zone* zone) {
  if (!rule.has_summer) return;
  std::vector<Zone::Change> changes;
  const auto first = std::chrono::year_month_day(std::chrono::floor<days>(after)).year();
  for (year y = first - std::chrono::years{1}; y < year{2062}; ++y) {
    changes.push_back({InYear(rule.begin, y) - rule.standard, rule.summer});
    changes.push_back({InYear(rule.end, y) - rule.summer, rule.standard});
  }
  std::sort(changes.begin(), changes.end(),
            [](const Zone::Change& a, const Zone::Change& b) { return a.at < b.at; });
  for (const Zone::Change& change : changes) {
    if (change.at > after && change.at < kEnd) Append(change, zone);
  }
}

Zone ReadZone(std::string_view name) {
  const date::time_zone* found = date::locate_zone(std::string(name));
  Zone zone{.name = std::string(name)};
  date::sys_info stretch = found->get_info(kBegin);
  zone.first_offset = stretch.offset;
  Second listed = kBegin;
  while (stretch.end < kEnd) {
    listed = stretch.end;
    stretch = found->get_info(listed);
    Append({listed, stretch.offset}, &zone);
  }
  AppendRule(ReadRule(found->name()), listed, &zone);
  return zone;
}

std::string HashOfOffsets() {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  const auto add = [&](std::string_view text) {
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()),
                              text.size());
  };
  for (const date::time_zone& entry : date::get_tzdb().zones) {
    const Zone zone = ReadZone(entry.name());
    add(fmt::format("{} {}\n", zone.name, zone.first_offset.count()));
    for (const Zone::Change& change : zone.changes) {
      add(fmt::format("{} {}\n", ToMillis(change.at), change.offset.count()));
    }
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256_final(&state, digest.data());
  std::string text = "sha256:";
  for (size_t i = 0; i < 8; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace

std::optional<Zone> LoadZone(std::string_view name) {
  try {
    return ReadZone(name);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::shared_ptr<const Zone> FindZone(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Zone>, std::less<>> known;
  if (name.empty()) return nullptr;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second;
  auto zone = LoadZone(name);
  if (!zone) return nullptr;  // not kept: anybody may make up names
  return known.emplace(name, std::make_shared<const Zone>(*std::move(zone))).first->second;
}

std::string ZoneDataVersion(const std::filesystem::path& release_file) {
  constexpr std::string_view kPrefix = "# version ";
  std::ifstream file(release_file);
  std::string line;
  if (std::getline(file, line) && line.size() > kPrefix.size() && line.starts_with(kPrefix)) {
    return line.substr(kPrefix.size());
  }
  try {
    return HashOfOffsets();
  } catch (const std::exception&) {
    return "none";
  }
}

}  // namespace rebound
