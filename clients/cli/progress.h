// The progress of long work, on stderr: on a terminal one line that is rewritten, elsewhere a plain
// line now and then, so that logs stay short.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace rebound::cli {

// How far it is. Rows are those answered: accepted + rejected.
struct ImportCount {
  uint64_t bytes = 0;  // of the file, read so far; or whatever the total is counted in
  int64_t accepted = 0;
  int64_t rejected = 0;
  std::string_view unit = "rows";
};

// Draws at most ten times a second on a terminal, one line each ten seconds elsewhere. The time is
// the caller's (steady, never back). Not thread-safe; does not own the stream.
class Progress {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `total_bytes` 0: the size is not known (a pipe), so there is no bar and no time left.
  // `terminal_width` in columns; 0 is no terminal.
  Progress(std::ostream& out, uint64_t total_bytes, int terminal_width, TimePoint start);

  void Update(const ImportCount& count, TimePoint now);

  // Clears the line of a terminal, so that the summary that follows stands alone. Elsewhere
  // nothing.
  void Finish();

 private:
  std::ostream& out_;
  uint64_t total_bytes_;
  int terminal_width_;
  TimePoint start_;
  std::optional<TimePoint> drawn_;
  bool line_open_ = false;
};

// The line for a terminal, at most `width` columns:
// "[████▌     ]  45 %   12,345 rows   1,234/s   0:35 left   85 rejected". Bar, percent and time
// left only if `total_bytes` is known; the rejected only if there are any; the rate and the time
// left after the first second. Parts that do not fit are left out from the right.
std::string ProgressLine(const ImportCount& count, uint64_t total_bytes,
                         std::chrono::milliseconds elapsed, int width);

// 1234567 as "1,234,567".
std::string GroupDigits(int64_t number);

}  // namespace rebound::cli
