// Text tables and bars for people: columns that line up with Chinese text, combining marks and
// emoji. Everything here is a pure function of its arguments but for TerminalWidth; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rebound::cli {

// The columns `text` takes on a terminal: two for East Asian wide characters and emoji, none for
// combining marks, one for ambiguous ones.
int DisplayWidth(std::string_view text);

// `text` cut to at most `width` columns, ending in "…" if something was cut. Never cuts inside a
// character or between a character and its marks, so the result may be a column narrower.
std::string Truncate(std::string_view text, int width);

// `text` as one safe line: line breaks and tabs become spaces; other control characters and the
// marks that turn the direction of text become U+FFFD, so that no text of a customer can steer the
// terminal; broken UTF-8 becomes U+FFFD too.
std::string OneLine(std::string_view text);

// The width of the terminal behind `fd`, or 0 if it is none.
int TerminalWidth(int fd);

enum class Align { kLeft, kRight };

struct TableColumn {
  std::string title{};
  Align align = Align::kLeft;  // kRight for numbers, which are never cut
};

// Rows under upper-case titles, three spaces apart, as kubectl prints them; no trailing blanks,
// each line ended by a line feed. Cells go through OneLine. Missing cells are empty, surplus ones
// are left out.
//
// `width` 0 is no terminal: nothing is cut. Else the widest left-aligned columns give way, down to
// the width of their title, until a line fits; if that is not enough, lines are longer.
std::string RenderTable(const std::vector<TableColumn>& columns,
                        const std::vector<std::vector<std::string>>& rows, int width);

// A horizontal bar of `width` columns, filled to `fraction` (0 to 1, clamped) in eighths of a
// column, padded with spaces. More than nothing shows at least an eighth.
std::string Bar(double fraction, int width);

// The shares of an NPS as one bar of exactly `width` columns: detractors ░, passives ▒, promoters
// █, by largest remainder. Without answers it is blank. REQUIRES: counts >= 0.
std::string NpsBar(int64_t detractors, int64_t passives, int64_t promoters, int width);

}  // namespace rebound::cli
