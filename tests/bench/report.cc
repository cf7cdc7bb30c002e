#include "tests/bench/report.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "clients/cli/progress.h"
#include "clients/cli/table.h"

namespace rebound::bench {
namespace {

constexpr std::string_view kBegin = "<!-- measured: written by ./dev bench --write -->\n";
constexpr std::string_view kEnd = "<!-- measured: end -->\n";

std::string FirstLine(const std::string& path, const std::string& prefix) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(prefix)) continue;
    const size_t colon = line.find(':');
    const size_t text =
        colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    return text == std::string::npos ? "" : line.substr(text);
  }
  return "";
}

}  // namespace

std::string Markdown(const Table& table) {
  std::vector<int> widths(table.front().size(), 3);
  for (const auto& row : table) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], cli::DisplayWidth(row[i]));
    }
  }
  std::string text;
  for (size_t r = 0; r < table.size(); ++r) {
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string& cell = i < table[r].size() ? table[r][i] : std::string();
      const std::string blanks(static_cast<size_t>(widths[i] - cli::DisplayWidth(cell)), ' ');
      text += i == 0 ? "| " + cell + blanks + " |" : " " + blanks + cell + " |";
    }
    text += "\n";
    if (r != 0) continue;
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string dashes(static_cast<size_t>(widths[i]), '-');
      text += i == 0 ? "| " + dashes + " |" : " " + dashes.substr(1) + ": |";
    }
    text += "\n";
  }
  return text;
}

std::string Whole(double number) { return cli::GroupDigits(std::llround(number)); }
std::string Ratio(double ratio) { return fmt::format("{:.2f}", ratio); }
std::string Rates(const Measured& measured) {
  return Whole(measured.per_second) + "/s (" + Whole(measured.p50_us) + " / " +
         Whole(measured.p99_us) + ")";
}

Table GoalTable(const std::vector<Goal>& goals) {
  Table table{{"figure", "measured", "beside", "value", "goal", "result"}};
  for (const Goal& goal : goals) {
    const bool met = goal.at_most ? goal.value <= goal.goal : goal.value >= goal.goal;
    const auto number = [&](double value) {
      const double size = std::fabs(value);
      return (size >= 100  ? Whole(value)
              : size >= 10 ? fmt::format("{:.1f}", value)
                           : Ratio(value)) +
             goal.unit;
    };
    const double off = std::fabs(goal.value - goal.goal) / goal.goal * 100;
    table.push_back({goal.what, goal.measured, goal.beside, number(goal.value),
                     (goal.at_most ? "<= " : ">= ") + number(goal.goal),
                     met ? "met" : fmt::format("missed by {:.0f} %", off)});
  }
  return table;
}

void ShowProgress(int64_t done, int64_t all, double seconds, std::string_view what) {
  if (isatty(STDERR_FILENO) == 0) return;
  const double share = static_cast<double>(done) / static_cast<double>(all);
  std::cerr << fmt::format("\r[{}] {:3.0f} %  {} {}  {:.0f}/s ", cli::Bar(share, 30), 100 * share,
                           done, what, static_cast<double>(done) / seconds)
            << std::flush;
  if (done == all) std::cerr << "\r\x1b[K";
}

std::string Machine() {
  utsname kernel{};
  uname(&kernel);
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  return fmt::format(
      "{}; {} cores of {}; {}; {} {}", date, std::thread::hardware_concurrency(),
      FirstLine("/proc/cpuinfo", "model name"),
      fmt::format("{:.0f} GiB",
                  std::strtod(FirstLine("/proc/meminfo", "MemTotal").c_str(), nullptr) / (1 << 20)),
      kernel.sysname, kernel.release);
}

void WriteResults(const std::string& path, const std::string& text) {
  std::string file{std::istreambuf_iterator<char>(std::ifstream(path).rdbuf()), {}};
  size_t begin = file.find(kBegin);
  const size_t end = file.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos) {
    file += "# Benchmark results\n\n" + std::string(kBegin) + text + std::string(kEnd);
  } else {
    begin += kBegin.size();
    file.replace(begin, end - begin, text);
  }
  std::ofstream(path) << file;
}

}  // namespace rebound::bench
