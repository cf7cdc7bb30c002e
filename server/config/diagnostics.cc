#include "server/config/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/config/text.h"
#include "workflows/check.h"

namespace rebound {
namespace {

bool IsLatin(int32_t code) {
  return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') ||
         (code >= 'A' && code <= 'Z') || code == '"' || code == '-' || code == '<' || code == '%';
}

int32_t BackCodePoint(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return FrontCodePoint(text.substr(at)).first;
}

// As Chinese is set beside Latin words and numbers.
void AppendSpaced(std::string* text, std::string_view more) {
  if (!text->empty() && !more.empty()) {
    const int32_t before = BackCodePoint(*text);
    const int32_t after = FrontCodePoint(more).first;
    if ((IsHan(before) && IsLatin(after)) || (IsLatin(before) && IsHan(after))) *text += ' ';
  }
  *text += more;
}

std::string Fill(std::string_view pattern, std::initializer_list<Bilingual> arguments,
                 Language language) {
  std::string text;
  std::string literal;
  const auto append = [&](std::string_view part) {
    if (language == Language::kChinese) {
      AppendSpaced(&text, part);
    } else {
      text += part;
    }
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '{' && pattern[i + 1] != '{') {
      append(literal);
      literal.clear();
      const auto index = static_cast<size_t>(pattern[i + 1] - '0');
      CHECK(index < arguments.size());
      append((arguments.begin() + index)->In(language));
      i += 2;
      continue;
    }
    literal += c;
    if (c == '{' || c == '}') ++i;
  }
  append(literal);
  return text;
}

std::string Join(std::span<const std::string_view> words, std::string_view comma,
                 std::string_view last) {
  std::string joined;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) joined += i + 1 == words.size() ? last : comma;
    joined += words[i];
  }
  return joined;
}

}  // namespace

Bilingual Fill(const Phrase& phrase, std::initializer_list<Bilingual> arguments) {
  return {Fill(phrase.en, arguments, Language::kEnglish),
          Fill(phrase.zh, arguments, Language::kChinese)};
}

Bilingual JoinOr(std::span<const std::string_view> words) {
  return {Join(words, ", ", " or "), Join(words, "、", " 或 ")};
}

Bilingual JoinWords(std::span<const std::string_view> words) {
  return {Join(words, ", ", ", "), Join(words, "、", "、")};
}

std::string Render(const ConfigError& error, Language language) {
  const bool chinese = language == Language::kChinese;
  const std::string_view word =
      error.is_warning() ? (chinese ? "警告" : "warning") : (chinese ? "错误" : "error");
  const std::string title = fmt::format("{}[{}]{}{}", word, error.code, chinese ? "：" : ": ",
                                        error.message.In(language));
  const std::string help =
      error.help.empty()
          ? ""
          : fmt::format(" = {}{}\n", chinese ? "帮助：" : "help: ", error.help.In(language));
  if (error.line == 0) {
    return fmt::format("{}: {}\n{}", error.file, title, help.empty() ? "" : " " + help);
  }
  const std::string number = std::to_string(error.line);
  const std::string gutter(std::max<size_t>(number.size(), 3), ' ');
  const std::string cut = error.source_offset > 0 ? "..." : "";
  const auto before = static_cast<size_t>(error.column - 1 - error.source_offset);
  const size_t carets = std::max<size_t>(
      1, TerminalColumns(
             Printable(Slice(error.source_line, before, static_cast<size_t>(error.width)))));
  std::string text = fmt::format("{}:{}:{}: {}\n", error.file, error.line, error.column, title);
  const std::string source =
      fmt::format("{:>{}} | {}{}", number, gutter.size(), cut, Printable(error.source_line));
  text += source.substr(0, source.find_last_not_of(' ') + 1) + '\n';
  text += fmt::format(
      "{} | {}{}\n", gutter,
      std::string(cut.size() + TerminalColumns(Printable(Slice(error.source_line, 0, before))),
                  ' '),
      std::string(carets, '^'));
  if (!help.empty()) text += gutter + help;
  return text;
}

std::string Render(const std::vector<ConfigError>& errors, Language language) {
  std::string text;
  for (const ConfigError& error : errors)
    text += (text.empty() ? "" : "\n") + Render(error, language);
  return text;
}

}  // namespace rebound
