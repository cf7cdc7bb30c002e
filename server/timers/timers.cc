#include "server/timers/timers.h"

#include <utility>  // Boost 1.74's asio needs std::exchange under C++20
// clang-format off
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
// clang-format on
#include <algorithm>
#include <iterator>
#include <set>

#include "server/log.h"
#include "workflows/blacklist_rules.h"
#include "workflows/revision.h"

namespace rebound {
namespace {

constexpr int32_t kCasesPerBatch = 256;
constexpr int32_t kCasesAmongCalls = 64;
constexpr int32_t kEventsPerLook = 2048;
constexpr size_t kTriedPerBatch = 64;
constexpr Duration kLongestSleep = std::chrono::seconds{1};
constexpr Duration kShortestSleep = std::chrono::milliseconds{20};
constexpr Duration kFirstRetry = std::chrono::seconds{1};
constexpr Duration kLongestRetry = std::chrono::minutes{10};
constexpr Duration kReportEvery = std::chrono::minutes{10};

Work SystemWork(const char* method) {
  Work work;
  work.caller.principal = "system";
  work.caller.method = method;
  return work;
}

// Of the server itself, not of what was asked for.
bool WillPass(Reason reason) {
  return reason == Reason::kShuttingDown || reason == Reason::kStoreUnavailable;
}

}  // namespace

struct Timers::Due {
  RawId id{};
  Command command{};
  const char* kind = "";  // for the log
};

struct Timers::Bell {
  boost::asio::io_context io{1};
  boost::asio::steady_timer timer{io};
};

Timers::Timers(Store& store, Executor& executor, Erasures& erasures)
    : store_(store), executor_(executor), erasures_(erasures) {}

Timers::~Timers() { Stop(); }

void Timers::Start(std::function<void()> also) {
  also_ = std::move(also);
  bell_ = std::make_unique<Bell>();
  bell_->timer.expires_after(kShortestSleep);
  bell_->timer.async_wait([this](const boost::system::error_code& stopped) {
    if (!stopped) Ring();
  });
  thread_ = std::thread([this] { bell_->io.run(); });
}

void Timers::Stop() {
  if (!bell_) return;
  bell_->io.stop();
  thread_.join();
  bell_.reset();
}

void Timers::Ring() {
  Duration sleep = kLongestSleep;
  try {
    Watch();
    FireDue();
    const bool more = TryRules();
    erasures_.Finish();
    if (also_) also_();
    store_.Read([&](Reader& reader) {
      if (const auto due = reader.EarliestDue()) sleep = *due - executor_.Now();
    });
    if (more) sleep = kShortestSleep;
  } catch (const std::exception& e) {
    Log(Level::kError, "timers could not be read", {{"what", e.what()}});
  }
  bell_->timer.expires_after(std::clamp(sleep, kShortestSleep, kLongestSleep));
  bell_->timer.async_wait([this](const boost::system::error_code& stopped) {
    if (!stopped) Ring();
  });
}

void Timers::Watch() {
  auto jump = executor_.time().TakeJump();
  const Timestamp now = executor_.Now();
  const bool frozen = executor_.time().frozen();
  ServerState state;
  store_.Read([&](Reader& reader) { state = reader.GetServerState(); });
  bool report = false;
  bool healed = false;  // the wall clock came back to where it belongs
  {
    std::lock_guard lock(mutex_);
    const bool first = !last_report_;
    if (first && !state.held_since && state.clock_seen_at > Timestamp{} &&
        now - state.clock_seen_at > kHeldJump) {
      jump = TimeKeeper::Jump{state.clock_seen_at, now, true};
    }
    healed = frozen_ && !frozen && !jump && state.held_since;
    if (first) last_report_ = state.clock_seen_at;
    report = jump || now - *last_report_ >= kReportEvery;
    if (report) last_report_ = now;
    frozen_ = frozen;
  }
  if (healed) Report(ConfirmClock{});
  if (!report) return;
  ReportClock seen;
  if (jump) {
    seen = {jump->expected, jump->found, jump->holds};
    Log(jump->holds ? Level::kError : Level::kWarning,
        jump->holds ? "the clock jumped: timers are held until `rebound clock confirm`"
                    : "the clock jumped",
        {{"by_s",
          std::chrono::duration_cast<std::chrono::seconds>(jump->found - jump->expected).count()}});
  }
  Report(seen);
}

void Timers::Report(Command command) {
  Work work = SystemWork("clock");
  work.commands.push_back(std::move(command));
  executor_.Call(std::move(work), /*bulk=*/true);
}

size_t Timers::FireDue() {
  size_t fired = 0;
  for (;;) {
    const Timestamp now = executor_.Now();
    const bool alone = executor_.queued() == 0;
    const int32_t most_cases = alone ? kCasesPerBatch : kCasesAmongCalls;
    const int32_t most_entries = most_cases / 4;
    int32_t in_trouble = 0;
    {
      std::lock_guard lock(mutex_);
      in_trouble = static_cast<int32_t>(troubles_.size());
    }
    std::vector<Due> cases;
    std::vector<Due> entries;
    bool held = false;
    store_.Read([&](Reader& reader) {
      held = reader.GetServerState().held_since.has_value();
      if (held) return;
      for (const CaseId& id : reader.CasesDue(now, most_cases + in_trouble)) {
        cases.push_back({IdCast<RawId>(id), WorkCase{{id, 0}, FireTimers{}, {}, {}}, "case"});
      }
      for (const BlacklistEntryId& id : reader.EntriesDue(now, most_entries + in_trouble)) {
        entries.push_back({IdCast<RawId>(id), WorkEntry{{id, 0}, EntryTimers{}, {}}, "entry"});
      }
    });
    if (held) return fired;
    bool more = false;
    std::vector<Due> due;
    const auto take = [&](std::vector<Due>& from, int32_t most) {
      std::erase_if(from, [&](const Due& each) {
        const auto known = troubles_.find(each.id);
        return known != troubles_.end() &&
               (known->second.tries >= kMostTries || known->second.next_try > now);
      });
      more |= std::ssize(from) >= most;
      if (std::ssize(from) > most) from.resize(static_cast<size_t>(most));
      std::move(from.begin(), from.end(), std::back_inserter(due));
    };
    {
      std::lock_guard lock(mutex_);
      take(cases, most_cases);
      take(entries, most_entries);
    }
    if (due.empty()) return fired;
    const size_t moved = FireBatch(due, now);
    fired += moved;
    if (moved == 0 || !more) return fired;
  }
}

size_t Timers::FireBatch(const std::vector<Due>& due, Timestamp now) {
  Work work = SystemWork("timers");
  for (const Due& each : due) work.commands.push_back(each.command);
  const auto results = executor_.Call(std::move(work), /*bulk=*/true);
  size_t moved = 0;
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i]) {
      ++moved;
      troubles_.erase(due[i].id);
      if (results[i]->subject) Note(*results[i]->subject);
      continue;
    }
    const Reason reason = results[i].error().reason;
    if (WillPass(reason)) continue;
    Trouble& trouble = troubles_[due[i].id];
    trouble.tries += 1;
    trouble.next_try =
        now + std::min(kFirstRetry * (1 << std::min(trouble.tries, 16)), kLongestRetry);
    Log(Level::kError,
        trouble.tries < kMostTries ? "timer not fired" : "timer not fired and parked",
        {{due[i].kind, ToString(due[i].id)}, {"reason", Name(reason)}, {"tries", trouble.tries}});
  }
  return moved;
}

bool Timers::TryRules() {
  const auto revision = executor_.InForce();
  if (revision == nullptr || revision->blacklist.rules.empty()) return false;
  int64_t seen = 0;
  {
    std::lock_guard lock(mutex_);
    seen = rules_seen_;
  }
  ServerState state;
  std::vector<Event> events;
  store_.Read([&](Reader& reader) {
    state = reader.GetServerState();
    if (state.held_since) return;
    seen = std::max(seen, state.rules_tried);
    events = reader.EventsAfter(seen, kEventsPerLook);
  });
  if (events.empty()) return false;
  bool more = std::ssize(events) == kEventsPerLook;
  std::set<CustomerId> concerned;
  for (const Event& event : events) {
    if (MayTouchRules(event) && !concerned.contains(event.customer_id)) {
      more |= concerned.size() == kTriedPerBatch;
      if (concerned.size() == kTriedPerBatch) break;
      concerned.insert(event.customer_id);
    }
    seen = event.sequence;
  }
  if (!concerned.empty()) {
    Work work = SystemWork("rules");
    for (const CustomerId& id : concerned) work.commands.emplace_back(ProposeByRules{id});
    for (const auto& result : executor_.Call(std::move(work), /*bulk=*/true)) {
      if (result) continue;
      if (WillPass(result.error().reason)) return false;
      Log(Level::kError, "rules not tried", {{"reason", Name(result.error().reason)}});
    }
  }
  // Where nobody was concerned there is nothing to be lost but a look: not worth a write each time.
  if (!concerned.empty() || seen - state.rules_tried >= kEventsPerLook) {
    Report(ReportRulesTried{seen});
  }
  std::lock_guard lock(mutex_);
  rules_seen_ = std::max(rules_seen_, seen);
  return more;
}

void Timers::Note(const Case& c) {
  for (const Timer& timer : c.timers) {
    if (timer.state != TimerState::kFired || timer.ended_at != c.updated_at) continue;
    lateness_.push_back(*timer.ended_at - timer.due_at);
    if (lateness_.size() > kLatenessSamples) lateness_.pop_front();
  }
}

void Timers::CheckZoneData(const std::string& version) {
  ServerState state;
  std::vector<CaseId> counting;
  store_.Read([&](Reader& reader) {
    state = reader.GetServerState();
    if (state.zone_data == version || state.zone_data.empty()) return;
    reader.ScanCases("", {}, [&](const Case& c) {
      const bool counts = std::any_of(c.clocks.begin(), c.clocks.end(), [](const auto& clock) {
        return clock.state == ClockState::kRunning && !clock.calendar_id.empty();
      });
      if (counts) counting.push_back(c.id);
    });
  });
  if (state.zone_data == version) return;
  for (size_t begin = 0; begin < counting.size(); begin += kCasesPerBatch) {
    Work work = SystemWork("zone data");
    const size_t end = std::min(begin + kCasesPerBatch, counting.size());
    for (size_t i = begin; i < end; ++i) {
      work.commands.emplace_back(WorkCase{{counting[i], 0}, RecomputeClocks{}, std::nullopt});
    }
    for (const auto& result : executor_.Call(std::move(work), /*bulk=*/true)) {
      if (!result) return;  // shutting down: the version is not noted, the next start goes on
    }
  }
  Report(ReportZones{version});
  if (!state.zone_data.empty()) {
    Log(Level::kWarning, "time zone data changed; running clocks were computed anew",
        {{"before", state.zone_data}, {"after", version}, {"cases", counting.size()}});
  }
}

TimerStatus Timers::Status() {
  TimerStatus status;
  store_.Read([&](Reader& reader) {
    const Timestamp now = executor_.Now();
    status.due = reader.CountDue(now);
    const auto earliest = reader.EarliestDue();
    if (earliest && *earliest <= now) status.oldest_due = earliest;
    status.held_since = reader.GetServerState().held_since;
  });
  std::lock_guard lock(mutex_);
  for (const auto& [id, trouble] : troubles_) status.parked += trouble.tries >= kMostTries;
  if (!lateness_.empty()) {
    std::vector<Duration> sorted(lateness_.begin(), lateness_.end());
    const auto p99 = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) * 99 / 100);
    std::nth_element(sorted.begin(), p99, sorted.end());
    status.lateness_p99 = *p99;
  }
  return status;
}

}  // namespace rebound
