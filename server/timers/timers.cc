#include "server/timers/timers.h"

#include <utility>  // Boost 1.74's asio needs std::exchange under C++20
// clang-format off
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
// clang-format on
#include <algorithm>

#include "server/log.h"

namespace rebound {
namespace {

constexpr int32_t kCasesPerBatch = 256;
constexpr int32_t kCasesAmongCalls = 64;
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

}  // namespace

struct Timers::Bell {
  boost::asio::io_context io{1};
  boost::asio::steady_timer timer{io};
};

Timers::Timers(Store& store, Executor& executor) : store_(store), executor_(executor) {}

Timers::~Timers() { Stop(); }

void Timers::Start() {
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
    store_.Read([&](Reader& reader) {
      if (const auto due = reader.EarliestDue()) sleep = *due - executor_.Now();
    });
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
    const int32_t most = executor_.queued() == 0 ? kCasesPerBatch : kCasesAmongCalls;
    size_t in_trouble = 0;
    {
      std::lock_guard lock(mutex_);
      in_trouble = troubles_.size();
    }
    std::vector<CaseId> due;
    bool held = false;
    store_.Read([&](Reader& reader) {
      held = reader.GetServerState().held_since.has_value();
      if (!held) due = reader.CasesDue(now, most + static_cast<int32_t>(in_trouble));
    });
    if (held) return fired;
    {
      std::lock_guard lock(mutex_);
      std::erase_if(due, [&](const CaseId& id) {
        const auto known = troubles_.find(id);
        return known != troubles_.end() &&
               (known->second.tries >= kMostTries || known->second.next_try > now);
      });
    }
    const bool more = due.size() >= static_cast<size_t>(most);
    if (more) due.resize(static_cast<size_t>(most));
    if (due.empty()) return fired;
    const size_t moved = FireBatch(due, now);
    fired += moved;
    if (moved == 0 || !more) return fired;
  }
}

size_t Timers::FireBatch(const std::vector<CaseId>& due, Timestamp now) {
  Work work = SystemWork("timers");
  for (const CaseId& id : due) {
    work.commands.emplace_back(WorkCase{{id, 0}, FireTimers{}, std::nullopt});
  }
  const auto results = executor_.Call(std::move(work), /*bulk=*/true);
  size_t moved = 0;
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i]) {
      ++moved;
      troubles_.erase(due[i]);
      if (results[i]->subject) Note(*results[i]->subject);
      continue;
    }
    const Reason reason = results[i].error().reason;
    if (reason == Reason::kShuttingDown || reason == Reason::kStoreUnavailable) continue;
    Trouble& trouble = troubles_[due[i]];
    trouble.tries += 1;
    trouble.next_try =
        now + std::min(kFirstRetry * (1 << std::min(trouble.tries, 16)), kLongestRetry);
    Log(Level::kError,
        trouble.tries < kMostTries ? "timer not fired" : "timer not fired and parked",
        {{"case", ToString(due[i])}, {"reason", Name(reason)}, {"tries", trouble.tries}});
  }
  return moved;
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
