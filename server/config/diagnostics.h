// What is wrong with a configuration, in English and Chinese: one form for every mistake.
//
// A message is a code with parameters and two texts. All texts stand in messages.h; a Phrase does
// not compile without both languages, with other parameters in one of them, or with a code that
// kCodes does not list. Values and functions; safe to call from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rebound {

enum class Language { kEnglish, kChinese };

struct Bilingual {
  std::string en{};
  std::string zh{};

  Bilingual() = default;
  // The same in both languages: names, numbers, what the file says.
  Bilingual(std::string both) : en(both), zh(std::move(both)) {}      // NOLINT
  Bilingual(std::string_view both) : Bilingual(std::string(both)) {}  // NOLINT
  Bilingual(const char* both) : Bilingual(std::string(both)) {}       // NOLINT
  Bilingual(std::string english, std::string chinese)
      : en(std::move(english)), zh(std::move(chinese)) {}

  const std::string& In(Language language) const {
    return language == Language::kChinese ? zh : en;
  }
  bool empty() const { return en.empty(); }

  friend bool operator==(const Bilingual&, const Bilingual&) = default;
};

// Codes are stable. Those with C are errors: the configuration is not applied. Those with W are
// warnings: it is, but somebody should look.
struct CodeMeaning {
  std::string_view code{};
  std::string_view en{};
  std::string_view zh{};
};
inline constexpr std::array kCodes = {
    CodeMeaning{"C001", "the file: missing, unknown, unreadable, too large, not UTF-8",
                "文件本身：缺失、不认识、无法读取、过大、不是 UTF-8"},
    CodeMeaning{"C002", "not YAML", "不是合法的 YAML"},
    CodeMeaning{"C003", "YAML that is not accepted here: anchors, aliases, tags, depth",
                "此处不接受的 YAML：锚点、别名、标签、层数过深"},
    CodeMeaning{"C004", "wrong type", "类型不对"},
    CodeMeaning{"C005", "unknown key", "不认识的键"},
    CodeMeaning{"C006", "key given twice", "键重复"},
    CodeMeaning{"C007", "key missing", "缺少键"},
    CodeMeaning{"C008", "unknown word, or the name of something that is not there",
                "不认识的词，或引用了不存在的对象"},
    CodeMeaning{"C009", "malformed value", "值的格式不对"},
    CodeMeaning{"C010", "number, length or count out of bounds", "数值、长度或数量超出范围"},
    CodeMeaning{"C011", "id given twice", "标识重复"},
    CodeMeaning{"C012", "settings that contradict each other", "设置互相矛盾"},
    CodeMeaning{"C013", "condition that cannot be read", "条件无法读懂"},
    CodeMeaning{"C014", "playbook that can never apply, because one above takes all its cases",
                "补救方案永远用不上：前面的方案已接走它的全部工单"},
    CodeMeaning{"C015", "unsupported version of the file", "不支持的文件版本"},
    CodeMeaning{"C016", "a test beside the rules fails", "规则旁的测试未通过"},
    CodeMeaning{"C017", "lifecycle that cannot be lived by", "生命周期走不通"},
    CodeMeaning{"C018", "calendar that cannot be counted by", "日历无法用来计时"},
    CodeMeaning{"C019", "clock whose limit, calendar or tiers do not fit each other",
                "时限、日历与分级互不相容"},
    CodeMeaning{"C020", "blacklist rule that may not be one: it would propose people unfairly",
                "不允许的黑名单规则：会有失公平"},
    CodeMeaning{"W001", "condition that can never hold", "条件永远不成立"},
    CodeMeaning{"W002", "playbook that no case reaches: those above take them all together",
                "没有工单会用到的补救方案：前面各方案合起来已全部接走"},
    CodeMeaning{"W003", "clock definition or priority that no case gets",
                "没有工单会得到的时限定义或优先级"},
    CodeMeaning{"W004", "calendar that no clock uses", "没有时限使用的日历"},
    CodeMeaning{"W005", "labels that are never asked for", "永远不会被选用的标签"},
    CodeMeaning{"W006", "org unit whose upper unit is not listed", "组织单元的上级没有列出"},
    CodeMeaning{"W007", "file whose name is almost one that is read",
                "文件名与某个配置文件只差一点"},
};

// One text with {0}, {1} ... for parameters, and {{ }} for braces. `code`: of the mistake; empty
// for a part of a message.
struct Phrase {
  std::string_view code{};
  std::string_view en{};
  std::string_view zh{};

  consteval Phrase(std::string_view of_code, std::string_view english, std::string_view chinese)
      : code(of_code), en(english), zh(chinese) {
    if (english.empty() || chinese.empty()) throw "a language is missing";
    if (Parameters(english) != Parameters(chinese)) throw "the parameters differ";
    bool listed = code.empty();
    for (const CodeMeaning& known : kCodes) listed = listed || known.code == code;
    if (!listed) throw "the code is not listed";
  }
  consteval Phrase(std::string_view english, std::string_view chinese)
      : Phrase("", english, chinese) {}

 private:
  static consteval unsigned Parameters(std::string_view text) {
    unsigned found = 0;
    for (size_t i = 0; i + 2 < text.size(); ++i) {
      if (text[i] != '{') continue;
      if (text[i + 1] == '{') {
        ++i;
        continue;
      }
      if (text[i + 1] < '0' || text[i + 1] > '9' || text[i + 2] != '}') throw "not a parameter";
      found |= 1U << static_cast<unsigned>(text[i + 1] - '0');
    }
    return found;
  }
};

// In Chinese a parameter gets a blank on either side where Latin and Chinese would touch.
// REQUIRES: as many arguments as the phrase has parameters.
Bilingual Fill(const Phrase& phrase, std::initializer_list<Bilingual> arguments = {});

// "a, b or c", "a、b 或 c".
Bilingual JoinOr(std::span<const std::string_view> words);
// "a, b, c", "a、b、c".
Bilingual JoinWords(std::span<const std::string_view> words);

// One mistake.
struct ConfigError {
  std::string file{};  // as it was opened
  int line = 0;        // from 1; 0: the file as a whole
  int column = 0;      // in code points, from 1
  int width = 1;       // how many code points are at fault
  std::string code{};
  Bilingual message{};        // what was expected, then what is there
  Bilingual help{};           // the way out; may be empty
  std::string source_line{};  // without its line break; a long one only around the fault
  int source_offset = 0;      // code points of the line before source_line

  bool is_warning() const { return code.starts_with('W'); }

  friend bool operator==(const ConfigError&, const ConfigError&) = default;
};

// As compilers print it, with a line break at the end; carets stand right under wide characters:
//   config/programs.yaml:7:5: error[C005]: expected a key of a program, found "quue"
//     7 |     quue: default
//       |     ^^^^
//       = help: did you mean "queue"?
// In Chinese "错误[C005]：", "警告[W001]：" and "帮助：". Control characters of the source are
// shown as U+FFFD, long lines are cut around the fault.
std::string Render(const ConfigError& error, Language language = Language::kEnglish);
// One after the other, an empty line between two.
std::string Render(const std::vector<ConfigError>& errors, Language language = Language::kEnglish);

}  // namespace rebound
