#include "workflows/clocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <utility>

#include "server/config/conditions.h"
#include "server/config/messages.h"
#include "server/config/sections.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

constexpr std::string_view kDue = "due";
constexpr size_t kDays = 2;  // of kUnitLengths: days and weeks follow
constexpr int64_t kDayMs = Duration{std::chrono::days{1}}.count();

std::string_view Word(Count count) { return keys::kCounts[static_cast<size_t>(count) - 1]; }

// The due time of these kinds is given with the promise or the case.
bool IsGiven(ClockKind kind) {
  return kind == ClockKind::kCommitment || kind == ClockKind::kExternalDeadline;
}

// In milliseconds, or days for day counts; nullopt with the mistake noted when the unit does not
// fit the count.
std::optional<int64_t> InCount(ConfigReader& reader, const Entry& entry, const Amount& amount,
                               Count count, bool of_tier) {
  const bool days = amount.unit >= kDays;
  if (InDays(count) && !days) {
    reader.Fault(At(entry), of_tier ? messages::kPercentOfDays : messages::kLimitInDays,
                 {Word(count), Describe(*entry.value)}, Fill(messages::kDaysOnly));
    return std::nullopt;
  }
  if (count == Count::kBusinessTime && days) {
    reader.Fault(At(entry), messages::kLimitInHours, {Describe(*entry.value)},
                 Fill(messages::kHoursOnly));
    return std::nullopt;
  }
  return InDays(count) ? amount.length().count() / kDayMs : amount.length().count();
}

// Where a tier stands on a line of one measure; tiers of different measures compare by the side of
// the due time only.
struct Position {
  enum class Measure { kWall, kOwn, kPercent };
  Measure measure = Measure::kWall;
  int64_t value = 0;  // 0: due
};

Position PositionOf(const TierAt& at, const ClockDefinition& clock) {
  switch (at.kind) {
    case TierAt::Kind::kPercent: {
      if (IsGiven(clock.kind) || clock.limit.amount == 0) {
        return {Position::Measure::kPercent, at.amount - 100};
      }
      const auto measure =
          clock.limit.count == Count::kWall ? Position::Measure::kWall : Position::Measure::kOwn;
      return {measure, clock.limit.amount / 100 * (at.amount - 100)};
    }
    case TierAt::Kind::kWall: return {Position::Measure::kWall, at.amount};
    case TierAt::Kind::kOwnCount:
      return {
          clock.limit.count == Count::kWall ? Position::Measure::kWall : Position::Measure::kOwn,
          at.amount};
  }
  return {};
}

// A business day has no fixed length, so that hours stay hours.
std::string InHours(int64_t ms) {
  const Duration amount{ms};
  return amount % kUnitLengths[1] == Duration{0}
             ? fmt::format("{} hours", amount / kUnitLengths[1])
             : fmt::format("{} minutes", amount / kUnitLengths[0]);
}

std::string LimitText(const Limit& limit) {
  if (InDays(limit.count)) return fmt::format("{} days", limit.amount);
  return limit.count == Count::kBusinessTime ? InHours(limit.amount)
                                             : DurationText(Duration{limit.amount});
}

Duration SearchOf(Count count) {
  return count == Count::kBusinessTime || count == Count::kWorkingDays ? kCalendarSearch
                                                                       : kWallSearch;
}

// What a clock that starts on the first of any month of 2026 and 2027 gets to before Advance gives
// up. As that is monotone, whatever is less has a due time, too.
int64_t ReachOf(const Calendar& calendar, Count count) {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const int year : {2026, 2027}) {
    for (unsigned month = 1; month <= 12; ++month) {
      const Timestamp from{
          std::chrono::sys_days{std::chrono::year{year} / std::chrono::month{month} / 1}};
      least = std::min(least, Elapsed({count, &calendar, from}, from, from + SearchOf(count)));
    }
  }
  return least;
}

int Side(int64_t value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

class ClockReader {
 public:
  ClockReader(ConfigReader& reader, const Referenced& referenced,
              const std::vector<Calendar>* calendars, const std::vector<RoleDef>* roles)
      : reader_(reader), referenced_(referenced), calendars_(calendars), roles_(roles) {}

  // False when the condition has a mistake.
  bool Read(const YamlNode& node, ClockDefinition* out) {
    ClockDefinition& c = *out;
    reader_.ReadId(node, "id", Need::kRequired, &c.id);
    reader_.ReadName(node, &c.name_en, &c.name_zh);
    const auto kind = reader_.ReadWord(node, "kind", Need::kRequired, kinds_);
    if (kind) c.kind = static_cast<ClockKind>(*kind + 1);
    const bool condition_is_good = ReadCondition(reader_, node, referenced_, &c.when);
    if (const auto count = reader_.ReadWord(node, "count", Need::kOptional, keys::kCounts)) {
      c.limit.count = static_cast<Count>(*count + 1);
    }
    ReadCalendar(node, &c);
    if (kind) ReadLimit(node, &c);
    if (const auto met_by = reader_.ReadWord(node, "met_by", Need::kOptional, keys::kMetBy)) {
      c.met_by = static_cast<MetBy>(*met_by + 1);
      if (kind && c.kind != ClockKind::kFirstContact) {
        reader_.Fault(At(*Find(node, "met_by").key), messages::kMetByMisplaced, {Name(c.kind)},
                      Fill(messages::kLeaveOut));
      }
    }
    if (const YamlNode* list = reader_.GetList(node, "tiers", Need::kOptional, kMaxTiers)) {
      std::map<std::string, int> lines;
      const YamlNode* before = nullptr;
      for (const YamlNode& item : list->children) {
        if (!reader_.CheckMap(item, messages::kATier, keys::kTierKeys)) continue;
        Tier tier;
        const bool timed = ReadTier(item, c, &tier);
        reader_.CheckUnique(item, "id", tier.id, &lines);
        if (timed && before != nullptr) CheckOrder(*before, item, c, tier);
        c.tiers.push_back(std::move(tier));
        before = timed ? &item : nullptr;
      }
    }
    return condition_is_good;
  }

 private:
  void ReadCalendar(const YamlNode& node, ClockDefinition* c) {
    const bool wall = c->limit.count == Count::kWall;
    reader_.ReadId(node, "calendar", Need::kOptional, &c->calendar_id);
    const Entry entry = Find(node, "calendar");
    if (!entry) {
      if (!wall) {
        reader_.Fault(At(*Find(node, "count").value), messages::kCountNeedsCalendar,
                      {Word(c->limit.count)}, Fill(messages::kAddCalendar));
      }
      return;
    }
    if (c->calendar_id.empty()) return;
    if (wall) {
      reader_.Fault(At(*entry.value), messages::kWallTakesNoCalendar, {Describe(*entry.value)},
                    Fill(messages::kLeaveOut));
      return;
    }
    if (calendars_ != nullptr && FindCalendar(c->calendar_id) == nullptr) {
      std::vector<std::string_view> ids;
      for (const Calendar& calendar : *calendars_) ids.push_back(calendar.id);
      const std::string_view nearest = Nearest(c->calendar_id, ids);
      reader_.Expected(
          entry, messages::kWordOfKey, Fill(messages::kIdOf, {Fill(messages::kACalendar)}),
          nearest.empty() ? Fill(messages::kAddTo, {"calendars.yaml"}) : DidYouMean(nearest));
    }
  }

  void ReadLimit(const YamlNode& node, ClockDefinition* c) {
    if (IsGiven(c->kind)) {
      for (const char* key : {"limit", "count", "calendar"}) {
        if (const Entry entry = Find(node, key)) {
          reader_.Fault(At(*entry.key), messages::kClockTakesNoLimit, {key, Name(c->kind)},
                        Fill(messages::kLeaveOut));
        }
      }
      return;
    }
    const Bilingual what = Fill(messages::kADuration);
    const Entry entry = reader_.GetScalar(node, "limit", Need::kOptional, what);
    if (!Find(node, "limit")) {
      reader_.Fault(At(node), messages::kClockNeedsLimit, {Name(c->kind)},
                    Fill(messages::kAddLimit));
    }
    if (!entry) return;
    const auto amount = reader_.ParseAmount(entry, entry.value->text, what, kShortest);
    if (!amount) return;
    const auto limit = InCount(reader_, entry, *amount, c->limit.count, false);
    if (limit && IsReached(entry, *c, *limit, messages::kLimitNotReached)) c->limit.amount = *limit;
  }

  const Calendar* FindCalendar(const std::string& id) const {
    if (calendars_ == nullptr) return nullptr;
    const auto found = std::find_if(calendars_->begin(), calendars_->end(),
                                    [&](const Calendar& calendar) { return calendar.id == id; });
    return found == calendars_->end() ? nullptr : &*found;
  }

  // Does the clock's calendar get to `amount`, counted from its start?
  bool IsReached(const Entry& entry, const ClockDefinition& clock, int64_t amount,
                 const Phrase& phrase) {
    const Calendar* calendar = FindCalendar(clock.calendar_id);
    const Count count = clock.limit.count;
    if (calendar == nullptr || count == Count::kWall) return true;
    const auto [reach, is_new] = reach_.emplace(std::pair(calendar, count), 0);
    if (is_new) reach->second = ReachOf(*calendar, count);
    if (amount <= reach->second) return true;
    const auto years = SearchOf(count) / std::chrono::days{365};
    reader_.Fault(At(entry), phrase,
                  {LimitText({count, reach->second}), calendar->id, std::to_string(years),
                   Describe(*entry.value)},
                  Fill(messages::kSmallerAmount));
    return false;
  }

  // True when its time is known.
  bool ReadTier(const YamlNode& node, const ClockDefinition& clock, Tier* tier) {
    reader_.ReadId(node, "id", Need::kRequired, &tier->id);
    const bool timed = ReadAt(node, clock, &tier->at);
    reader_.Get(node, "do", Need::kRequired);
    for (const size_t action : reader_.ReadWords(node, "do", keys::kActions)) {
      tier->actions.push_back(static_cast<TierAction>(action + 1));
    }
    ReadReceivers(node, tier);
    reader_.ReadId(node, "queue", Need::kOptional, &tier->queue_id);
    CheckActions(node, *tier);
    return timed;
  }

  bool ReadAt(const YamlNode& node, const ClockDefinition& clock, TierAt* at) {
    bool own = false;
    if (const auto count = reader_.ReadWord(node, "count", Need::kOptional, keys::kTierCounts)) {
      own = *count == 1;
    }
    const Bilingual what = Fill(messages::kTierTime);
    const Entry entry = reader_.GetScalar(node, "at", Need::kRequired, what);
    if (!entry) return false;
    std::string_view text = entry.value->text;
    if (text == kDue) return true;
    if (text.ends_with('%')) return ReadPercent(entry, clock, what, at);
    const bool before = text.starts_with('-');
    if (before) text.remove_prefix(1);
    const auto amount = reader_.ParseAmount(entry, text, what, kShortest);
    if (!amount) return false;
    const auto value =
        InCount(reader_, entry, *amount, own ? clock.limit.count : Count::kWall, true);
    if (!value) return false;
    *at = {own ? TierAt::Kind::kOwnCount : TierAt::Kind::kWall, before ? -*value : *value};
    const Position position = PositionOf(*at, clock);
    const bool comparable =
        clock.limit.amount > 0 &&
        (position.measure == Position::Measure::kOwn || clock.limit.count == Count::kWall);
    if (before && comparable && *value > clock.limit.amount) {
      reader_.Fault(At(entry), messages::kTierBeforeStart,
                    {LimitText(clock.limit), Describe(*entry.value)}, Fill(messages::kCloserToDue));
      return false;
    }
    return !own || clock.limit.amount == 0 ||
           IsReached(entry, clock, clock.limit.amount + at->amount, messages::kTierNotReached);
  }

  bool ReadPercent(const Entry& entry, const ClockDefinition& clock, const Bilingual& what,
                   TierAt* at) {
    std::string_view digits = entry.value->text;
    digits.remove_suffix(1);
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    const auto [end, code] =
        std::from_chars(digits.data(), digits.data() + digits.size(), at->amount);
    if (digits.empty() || end != digits.data() + digits.size()) {
      reader_.Expected(entry, messages::kValueOfKey, what);
      return false;
    }
    if (code != std::errc{} || at->amount < 1 || at->amount > 1000) {
      reader_.Expected(entry, messages::kBoundsOfKey, Fill(messages::kTierPercentWithin));
      return false;
    }
    if (InDays(clock.limit.count)) {
      reader_.Fault(At(entry), messages::kPercentOfDays,
                    {Word(clock.limit.count), Describe(*entry.value)}, Fill(messages::kDaysOnly));
      return false;
    }
    at->kind = TierAt::Kind::kPercent;
    const int64_t amount = clock.limit.amount / 100 * at->amount;  // limits are whole minutes
    return IsReached(entry, clock, amount, messages::kTierNotReached);
  }

  void ReadReceivers(const YamlNode& node, Tier* tier) {
    std::vector<std::string_view> known(std::begin(keys::kReceivers), std::end(keys::kReceivers));
    if (roles_ != nullptr) {
      for (const RoleDef& role : *roles_) known.push_back(role.id);
    }
    for (const YamlNode* item : reader_.GetScalars(node, "notify", Need::kOptional)) {
      const bool listed = std::find(known.begin(), known.end(), item->text) != known.end();
      if (!listed && (roles_ != nullptr || !IsKey(item->text))) {
        reader_.Fault(At(*item), messages::kReceivers, {Describe(*item)},
                      DidYouMean(Nearest(item->text, known)));
      } else if (std::find(tier->notify.begin(), tier->notify.end(), item->text) !=
                 tier->notify.end()) {
        reader_.Fault(At(*item), messages::kWordTwice, {Describe(*item)},
                      Fill(messages::kKeepOneOfThem));
      } else {
        tier->notify.push_back(item->text);
      }
    }
  }

  void CheckActions(const YamlNode& node, const Tier& tier) {
    const Entry list = Find(node, "do");
    if (!list) return;
    const auto does = [&](TierAction action) {
      return std::find(tier.actions.begin(), tier.actions.end(), action) != tier.actions.end();
    };
    std::vector<std::string_view> words;
    for (const TierAction action : tier.actions) {
      words.push_back(keys::kActions[static_cast<size_t>(action) - 1]);
    }
    const Bilingual found = words.empty() ? Fill(messages::kNothing) : JoinWords(words);
    const Entry notify = Find(node, "notify");
    const Entry queue = Find(node, "queue");
    if (words.empty() && list.value->children.empty() &&
        list.value->kind == YamlNode::Kind::kList) {
      reader_.Fault(At(list), messages::kListTooShort, {"do"}, Fill(messages::kAddOne));
    }
    if (does(TierAction::kNotify) && !notify) {
      reader_.Fault(At(list), messages::kNotifyMissing, {}, Fill(messages::kWriteNotify));
    } else if (does(TierAction::kNotify) && notify.value->kind == YamlNode::Kind::kList &&
               notify.value->children.empty()) {
      reader_.Fault(At(notify), messages::kListTooShort, {"notify"}, Fill(messages::kWriteNotify));
    } else if (!does(TierAction::kNotify) && notify) {
      reader_.Fault(At(*notify.key), messages::kNotifyUnused, {found}, Fill(messages::kLeaveOut));
    }
    if (does(TierAction::kReassign) && !queue) {
      reader_.Fault(At(list), messages::kQueueMissing, {}, Fill(messages::kWriteQueue));
    } else if (!does(TierAction::kReassign) && queue) {
      reader_.Fault(At(*queue.key), messages::kQueueUnused, {found}, Fill(messages::kLeaveOut));
    }
  }

  void CheckOrder(const YamlNode& before, const YamlNode& node, const ClockDefinition& clock,
                  const Tier& tier) {
    const Position earlier = PositionOf(clock.tiers.back().at, clock);
    const Position later = PositionOf(tier.at, clock);
    const Entry at = Find(node, "at");
    const Bilingual first = Describe(*Find(before, "at").value);
    const bool same_side = Side(earlier.value) == Side(later.value);
    const bool comparable = earlier.measure == later.measure || !same_side;
    if (!comparable && later.value != 0) return;
    const int64_t by = same_side ? later.value - earlier.value
                                 : int64_t{Side(later.value)} - int64_t{Side(earlier.value)};
    if (by < 0) {
      reader_.Fault(At(at), messages::kTiersDisordered, {Describe(*at.value), first},
                    Fill(messages::kSortTiers));
    } else if (by == 0) {
      reader_.Fault(At(at), messages::kTiersTogether, {Describe(*at.value)},
                    Fill(messages::kSamePlace));
    }
  }

  ConfigReader& reader_;
  const Referenced& referenced_;
  const std::vector<Calendar>* calendars_;
  const std::vector<RoleDef>* roles_;
  const std::vector<std::string_view> kinds_ = ClockKindWords();
  std::map<std::pair<const Calendar*, Count>, int64_t> reach_{};
};

std::string AtText(const TierAt& at, Count count) {
  if (at.kind == TierAt::Kind::kPercent) return fmt::format("{} %", at.amount);
  if (at.amount == 0) return std::string(kDue);
  const int64_t size = at.amount < 0 ? -at.amount : at.amount;
  const bool days = at.kind == TierAt::Kind::kOwnCount && InDays(count);
  return (at.amount < 0 ? "-" : "") +
         (days ? fmt::format("{} days", size) : DurationText(Duration{size}));
}

std::string TierText(const Tier& tier, Count count) {
  std::string at = AtText(tier.at, count);
  if (tier.at.kind == TierAt::Kind::kOwnCount && count == Count::kBusinessTime) {
    at = tier.at.amount < 0 ? '-' + InHours(-tier.at.amount) : InHours(tier.at.amount);
  }
  std::string text = fmt::format("      - {{id: {}, at: {}", YamlQuoted(tier.id), YamlQuoted(at));
  if (tier.at.kind == TierAt::Kind::kOwnCount) text += ", count: own";
  std::vector<std::string> words;
  for (const TierAction action : tier.actions) {
    words.emplace_back(keys::kActions[static_cast<size_t>(action) - 1]);
  }
  text += ", do: " + CanonicalList(words);
  words.clear();
  for (const std::string& receiver : tier.notify) words.push_back(YamlQuoted(receiver));
  if (!words.empty()) text += ", notify: " + CanonicalList(words);
  if (!tier.queue_id.empty()) text += ", queue: " + YamlQuoted(tier.queue_id);
  return text + "}\n";
}

}  // namespace

void ReadClocks(ConfigReader& reader, const Referenced& referenced,
                const std::vector<Calendar>* calendars, const std::vector<RoleDef>* roles,
                std::vector<ClockDefinition>* clocks) {
  const YamlNode* list = reader.GetList(reader.root(), "clocks", Need::kRequired, kMaxClocks);
  if (list == nullptr) return;
  ClockReader clock_reader(reader, referenced, calendars, roles);
  CoverageBudget budget;
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAClock, keys::kClockKeys)) continue;
    ClockDefinition clock;
    const bool condition_is_good = clock_reader.Read(node, &clock);
    reader.CheckUnique(node, "id", clock.id, &lines);
    if (!condition_is_good) continue;
    std::vector<const Predicate*> earlier;
    for (const ClockDefinition& other : *clocks) {
      if (other.kind == clock.kind) earlier.push_back(&other.when);
    }
    if (CheckCanHold(reader, node, clock.when, &budget) &&
        IsCovered(clock.when, earlier, &budget)) {
      const Entry id = Find(node, "id");
      reader.Fault(id ? At(*id.value) : At(node), messages::kClockNeverMatched, {clock.id},
                   Fill(messages::kMoveUp));
    }
    clocks->push_back(std::move(clock));
  }
}

void WriteClocks(const std::vector<ClockDefinition>& clocks, std::vector<CanonicalItem>* items) {
  if (clocks.empty()) return;
  items->push_back({"clocks", "", "clocks:\n"});
  for (const ClockDefinition& c : clocks) {
    std::string text = fmt::format("  - id: {}\n    {}\n    kind: {}\n", YamlQuoted(c.id),
                                   CanonicalName(c.name_en, c.name_zh), Name(c.kind));
    if (const std::string when = Canonical(c.when); !when.empty()) {
      text += fmt::format("    when: {}\n", YamlQuoted(when));
    }
    if (!IsGiven(c.kind)) {
      text +=
          fmt::format("    limit: {}\n    count: {}\n", LimitText(c.limit), Word(c.limit.count));
    }
    if (!c.calendar_id.empty()) {
      text += fmt::format("    calendar: {}\n", YamlQuoted(c.calendar_id));
    }
    if (c.kind == ClockKind::kFirstContact) {
      text += fmt::format("    met_by: {}\n", keys::kMetBy[static_cast<size_t>(c.met_by) - 1]);
    }
    if (!c.tiers.empty()) text += "    tiers:\n";
    for (const Tier& tier : c.tiers) text += TierText(tier, c.limit.count);
    items->push_back({"clocks", c.id, std::move(text)});
  }
}

}  // namespace rebound
