#include "clients/cli/progress.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "clients/cli/table.h"

namespace rebound::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTerminalInterval{100};
constexpr milliseconds kPlainInterval{10'000};
constexpr milliseconds kRateAfter{1'000};
constexpr int kProgressWidth = 20;

std::string Clock(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  const auto two = [](int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  if (whole < 3600) return std::to_string(whole / 60) + ":" + two(whole % 60);
  return std::to_string(whole / 3600) + ":" + two(whole / 60 % 60) + ":" + two(whole % 60);
}

}  // namespace

std::string GroupDigits(int64_t number) {
  std::string digits = std::to_string(number);
  const int first = number < 0 ? 1 : 0;
  for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

std::string ProgressLine(const ImportCount& count, uint64_t total_bytes, milliseconds elapsed,
                         int width) {
  const int64_t rows = count.accepted + count.rejected;
  const bool sized = total_bytes > 0;
  const bool timed = elapsed >= kRateAfter;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  // A file that grows while it is read would pass its size.
  const double share =
      sized ? std::min(1.0, static_cast<double>(count.bytes) / static_cast<double>(total_bytes))
            : 0.0;
  std::vector<std::string> parts;
  if (sized) {
    const std::string percent = std::to_string(static_cast<int>(share * 100));
    parts.push_back("[" + Bar(share, kProgressWidth) + "] " + std::string(3 - percent.size(), ' ') +
                    percent + " %");
  }
  parts.push_back(GroupDigits(rows) + " " + std::string(count.unit));
  if (timed) {
    parts.push_back(GroupDigits(std::llround(static_cast<double>(rows) / seconds)) + "/s");
  }
  if (timed && share > 0) parts.push_back(Clock(seconds / share - seconds) + " left");
  if (count.rejected > 0) parts.push_back(GroupDigits(count.rejected) + " rejected");

  std::string line;
  for (const std::string& part : parts) {
    const std::string longer = line.empty() ? part : line + "   " + part;
    if (DisplayWidth(longer) > width) break;
    line = longer;
  }
  return line;
}

Progress::Progress(std::ostream& out, uint64_t total_bytes, int terminal_width, TimePoint start)
    : out_(out), total_bytes_(total_bytes), terminal_width_(terminal_width), start_(start) {}

void Progress::Update(const ImportCount& count, TimePoint now) {
  const bool terminal = terminal_width_ > 0;
  if (now - drawn_.value_or(start_) < (terminal ? kTerminalInterval : kPlainInterval)) return;
  drawn_ = now;
  if (terminal) {
    const auto elapsed = std::chrono::duration_cast<milliseconds>(now - start_);
    // The last column stays free: some terminals wrap as soon as it is written.
    out_ << "\r\x1b[K" << ProgressLine(count, total_bytes_, elapsed, terminal_width_ - 1);
    line_open_ = true;
  } else {
    out_ << GroupDigits(count.accepted + count.rejected) << " " << count.unit;
    if (count.rejected > 0) out_ << ", " << GroupDigits(count.rejected) << " rejected";
    out_ << "\n";
  }
  out_.flush();
}

void Progress::Finish() {
  if (line_open_) out_ << "\r\x1b[K" << std::flush;
  line_open_ = false;
}

}  // namespace rebound::cli
