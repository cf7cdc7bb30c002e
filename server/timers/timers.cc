#include "server/timers/timers.h"

#include <utility>  // Boost 1.74's asio needs std::exchange under C++20
// clang-format off
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
// clang-format on
#include <algorithm>
#include <future>

#include "server/log.h"

namespace rebound {
namespace {

constexpr int32_t kCasesPerBatch = 256;
constexpr Duration kLongestSleep = std::chrono::seconds{1};
constexpr Duration kShortestSleep = std::chrono::milliseconds{20};

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

size_t Timers::FireDue() {
  size_t fired = 0;
  for (;;) {
    std::vector<CaseId> due;
    store_.Read([&](Reader& reader) { due = reader.CasesDue(executor_.Now(), kCasesPerBatch); });
    if (due.empty()) return fired;
    Work work;
    work.caller.principal = "system";
    work.caller.method = "timers";
    for (const CaseId& id : due) {
      work.commands.push_back(WorkCase{{id, 0}, FireTimers{}, std::nullopt});
    }
    std::promise<std::vector<Result<Outcome>>> done;
    auto results = done.get_future();
    work.done = [&done](std::vector<Result<Outcome>> r) { done.set_value(std::move(r)); };
    executor_.Submit(std::move(work), /*bulk=*/true);
    size_t moved = 0;
    for (const Result<Outcome>& result : results.get()) {
      if (result) {
        ++moved;
      } else if (result.error().reason != Reason::kShuttingDown) {
        Log(Level::kError, "timer not fired", {{"reason", Name(result.error().reason)}});
      }
    }
    fired += moved;
    if (moved == 0 || due.size() < static_cast<size_t>(kCasesPerBatch)) return fired;
  }
}

}  // namespace rebound
