// Text in code points, as a reader and a terminal see it. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rebound {

inline constexpr std::string_view kBlanks = " \t\r\n";

// The code point at the front and its length in bytes; -1 and 1 for a malformed byte.
// REQUIRES: `text` is not empty.
std::pair<int32_t, size_t> FrontCodePoint(std::string_view text);

size_t CodePoints(std::string_view text);

// The part of `text` that begins at code point `from` and has at most `count` of them.
std::string_view Slice(std::string_view text, size_t from, size_t count);

// Controls, C1 controls and Unicode's line separators.
bool HasControl(std::string_view text);

// Safe for one line of a terminal: controls as U+FFFD; a tab is a space, so that carets stay below
// their text.
std::string Printable(std::string_view text);

// Printable in double quotes, cut to 60 code points.
std::string Quoted(std::string_view text);

// Columns of a terminal that `text` takes: two for wide characters, none for combining ones.
size_t TerminalColumns(std::string_view text);

// Is this a character of Chinese text, punctuation left out?
bool IsHan(int32_t code);

}  // namespace rebound
