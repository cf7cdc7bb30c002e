#pragma once

#include <string>
#include <string_view>
#include <vector>

// The house rules that a program can check, as pure functions over the text of the tree. Every
// fault reads "path:line: what is wrong; what to use instead". Thread-compatible, no state.
namespace rebound::tidy {

struct File {
  std::string path;  // Relative to the root, with slashes.
  std::string text;
};

using Faults = std::vector<std::string>;

// The text with comments, and the contents of string and character literals, blanked out. Line
// breaks stay, so that line numbers hold.
std::string CodeOnly(std::string_view text);

// Which folder may include what, and in which files a library or a call may appear at all.
Faults CheckIncludes(const File& file);

// Calls and names that the code may not use (in the code, not in comments).
Faults CheckCode(const File& file);

// Words that may not stand anywhere in a text file: unfinished work, paths of one machine.
Faults CheckWords(const File& file);

// Columns (code points), tabs, spaces at the line's end, the newline at the file's end, and that a
// header has #pragma once.
Faults CheckLayout(const File& file);

// Over the whole tree: every include of ours exists; only the agreed entries stand at the root;
// migrations are numbered 0001, 0002, ... in each folder.
Faults CheckTree(const std::vector<File>& files);

// All checks of single files, and CheckTree.
Faults CheckAll(const std::vector<File>& files);

}  // namespace rebound::tidy
