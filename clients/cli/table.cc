#include "clients/cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

namespace rebound::cli {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr size_t kColumnGap = 3;

// What a terminal draws as one character: a code point with the marks that follow it.
struct Cluster {
  std::string_view text{};
  int width = 0;
};

struct CodePoint {
  utf8proc_int32_t value = -1;  // -1: a broken byte
  size_t length = 1;
};

CodePoint FirstCodePoint(std::string_view text) {
  CodePoint first;
  const utf8proc_ssize_t length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &first.value);
  if (length > 0) first.length = static_cast<size_t>(length);
  return first;
}

// REQUIRES: `text` is not empty.
Cluster FirstCluster(std::string_view text) {
  Cluster cluster;
  size_t end = 0;
  utf8proc_int32_t before = -1;
  utf8proc_int32_t state = 0;
  while (end < text.size()) {
    const CodePoint next = FirstCodePoint(text.substr(end));
    if (end > 0 && (before < 0 || next.value < 0 ||
                    utf8proc_grapheme_break_stateful(before, next.value, &state) != 0)) {
      break;
    }
    cluster.width += next.value < 0 ? 1 : utf8proc_charwidth(next.value);
    end += next.length;
    before = next.value;
  }
  // Joined emoji and Hangul syllables are several wide code points drawn as one.
  cluster.width = std::min(cluster.width, 2);
  cluster.text = text.substr(0, end);
  return cluster;
}

bool TurnsDirection(utf8proc_int32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

bool IsControl(utf8proc_int32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

std::string UpperAscii(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

void AppendCell(std::string_view cell, Align align, int width, bool last, std::string* line) {
  const int missing = std::max(0, width - DisplayWidth(cell));
  const std::string pad(static_cast<size_t>(missing), ' ');
  if (align == Align::kRight) *line += pad;
  *line += cell;
  if (align == Align::kLeft && !last) *line += pad;
  if (!last) line->append(kColumnGap, ' ');
}

void Shrink(const std::vector<TableColumn>& columns, int width, std::vector<int>* widths) {
  const int gaps = static_cast<int>(kColumnGap * (columns.size() - 1));
  for (int excess = std::accumulate(widths->begin(), widths->end(), gaps) - width; excess > 0;
       --excess) {
    std::optional<size_t> widest;
    for (size_t i = 0; i < columns.size(); ++i) {
      const int least = std::max(1, DisplayWidth(columns[i].title));
      if (columns[i].align == Align::kRight || (*widths)[i] <= least) continue;
      if (!widest || (*widths)[i] > (*widths)[*widest]) widest = i;
    }
    if (!widest) return;
    --(*widths)[*widest];
  }
}

}  // namespace

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Cluster cluster = FirstCluster(text);
    width += cluster.width;
    text.remove_prefix(cluster.text.size());
  }
  return width;
}

std::string Truncate(std::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width <= 0) return "";
  std::string cut;
  int left = width - 1;
  while (!text.empty()) {
    const Cluster cluster = FirstCluster(text);
    if (cluster.width > left) break;
    left -= cluster.width;
    cut += cluster.text;
    text.remove_prefix(cluster.text.size());
  }
  return cut + "…";
}

std::string OneLine(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const CodePoint first = FirstCodePoint(text);
    if (text.starts_with("\r\n")) {
      line += ' ';
      text.remove_prefix(2);
      continue;
    }
    if (first.value == '\n' || first.value == '\r' || first.value == '\t' ||
        first.value == 0x2028 || first.value == 0x2029) {
      line += ' ';
    } else if (IsControl(first.value) || TurnsDirection(first.value)) {
      line += kReplacement;
    } else {
      line += text.substr(0, first.length);
    }
    text.remove_prefix(first.length);
  }
  return line;
}

int TerminalWidth(int fd) {
  winsize size{};
  if (isatty(fd) == 0) return 0;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string RenderTable(const std::vector<TableColumn>& columns,
                        const std::vector<std::vector<std::string>>& rows, int width) {
  if (columns.empty()) return "";
  std::vector<int> widths;
  std::vector<std::vector<std::string>> lines(1);
  for (const TableColumn& column : columns) {
    lines[0].push_back(UpperAscii(OneLine(column.title)));
    widths.push_back(DisplayWidth(lines[0].back()));
  }
  for (const std::vector<std::string>& row : rows) {
    std::vector<std::string>& line = lines.emplace_back(columns.size());
    for (size_t i = 0; i < columns.size() && i < row.size(); ++i) {
      line[i] = OneLine(row[i]);
      widths[i] = std::max(widths[i], DisplayWidth(line[i]));
    }
  }
  if (width > 0) Shrink(columns, width, &widths);

  std::string table;
  for (const std::vector<std::string>& cells : lines) {
    std::string line;
    for (size_t i = 0; i < columns.size(); ++i) {
      AppendCell(Truncate(cells[i], widths[i]), columns[i].align, widths[i],
                 i + 1 == columns.size(), &line);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    table += line + "\n";
  }
  return table;
}

std::string Bar(double fraction, int width) {
  constexpr std::array<std::string_view, 9> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  // Written so that NaN, the share of nothing, is an empty bar.
  const double clamped = fraction > 0 ? std::min(fraction, 1.0) : 0.0;
  int eighths = static_cast<int>(std::lround(clamped * width * 8));
  if (clamped > 0 && eighths == 0 && width > 0) eighths = 1;
  std::string bar;
  int used = 0;
  for (; eighths > 0; eighths -= 8, ++used) {
    bar += kEighths[static_cast<size_t>(std::min(eighths, 8))];
  }
  if (used < width) bar.append(static_cast<size_t>(width - used), ' ');
  return bar;
}

std::string NpsBar(int64_t detractors, int64_t passives, int64_t promoters, int width) {
  constexpr std::array<std::string_view, 3> kShades = {"░", "▒", "█"};
  const std::array<int64_t, 3> counts = {detractors, passives, promoters};
  const int64_t total = detractors + passives + promoters;
  if (width <= 0) return "";
  if (total == 0) return std::string(static_cast<size_t>(width), ' ');
  std::array<int, 3> cells{};
  std::array<std::pair<double, size_t>, 3> remainders{};
  int left = width;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double share = static_cast<double>(counts[i]) / static_cast<double>(total) * width;
    cells[i] = static_cast<int>(share);
    remainders[i] = {cells[i] - share, i};
    left -= cells[i];
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; left > 0; --left, ++i) ++cells[remainders[i % 3].second];
  std::string bar;
  for (size_t i = 0; i < cells.size(); ++i) {
    for (int n = 0; n < cells[i]; ++n) bar += kShades[i];
  }
  return bar;
}

}  // namespace rebound::cli
