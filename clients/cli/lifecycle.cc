// The lifecycle as a picture: what leads from one status to the next is grouped the same way in all
// three forms.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "clients/cli/config.h"
#include "clients/cli/values.h"
#include "clients/cli/words.h"

namespace rebound::cli {
namespace {

// Commands of one status that lead to the same place on the same conditions.
struct Way {
  std::vector<std::string> commands;
  std::string to;         // key; empty: stays
  std::string otherwise;  // key; empty: stays
  std::string exhausted;
  std::string roles;
  std::vector<std::string> needs;
};

std::string Join(const auto& words, std::string_view between = ", ") {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += between;
    text += word;
  }
  return text;
}

std::vector<Way> WaysFrom(const v1::Lifecycle& lifecycle, const std::string& from) {
  std::vector<Way> ways;
  for (const v1::LifecycleTransition& transition : lifecycle.transitions()) {
    if (transition.from_status() != from) continue;
    const auto unless_here = [&](const std::string& key) { return key == from ? "" : key; };
    Way way{{},
            unless_here(transition.to_status()),
            unless_here(transition.otherwise_status()),
            unless_here(transition.exhausted_status()),
            Join(transition.roles()),
            {transition.required_fields().begin(), transition.required_fields().end()}};
    const auto same = std::find_if(ways.begin(), ways.end(), [&](const Way& known) {
      return known.to == way.to && known.otherwise == way.otherwise &&
             known.exhausted == way.exhausted && known.roles == way.roles &&
             known.needs == way.needs;
    });
    Way& kept = same == ways.end() ? ways.emplace_back(std::move(way)) : *same;
    if (std::find(kept.commands.begin(), kept.commands.end(), transition.command()) ==
        kept.commands.end()) {
      kept.commands.push_back(transition.command());
    }
  }
  // In the order of the statuses they lead to; what stays says least.
  const auto rank = [&](const Way& way) {
    for (int i = 0; i < lifecycle.statuses_size(); ++i) {
      const std::string& key = lifecycle.statuses(i).key();
      if (key == way.to || (way.to.empty() && key == way.otherwise)) return i;
    }
    return lifecycle.statuses_size();
  };
  std::stable_sort(ways.begin(), ways.end(),
                   [&](const Way& a, const Way& b) { return rank(a) < rank(b); });
  return ways;
}

const v1::LifecycleStatus* Find(const v1::Lifecycle& lifecycle, const std::string& key) {
  for (const v1::LifecycleStatus& status : lifecycle.statuses()) {
    if (status.key() == key) return &status;
  }
  return nullptr;
}

// "resolved 办结"; the English label where it says more than the key.
std::string Named(const v1::Lifecycle& lifecycle, const std::string& key) {
  const v1::LifecycleStatus* status = Find(lifecycle, key);
  return status == nullptr || status->label_zh().empty() ? key : key + " " + status->label_zh();
}

std::vector<v1::Phase> Phases(const v1::Lifecycle& lifecycle) {
  std::vector<v1::Phase> phases;
  for (const v1::LifecycleStatus& status : lifecycle.statuses()) {
    if (std::find(phases.begin(), phases.end(), status.phase()) == phases.end()) {
      phases.push_back(status.phase());
    }
  }
  std::sort(phases.begin(), phases.end());
  return phases;
}

std::string Padded(std::string text, int width) {
  const int missing = width - DisplayWidth(text);
  if (missing > 0) text.append(static_cast<size_t>(missing), ' ');
  return text;
}

bool Stays(const Way& way) {
  return way.to.empty() && way.otherwise.empty() && way.exhausted.empty();
}

std::string Target(const v1::Lifecycle& lifecycle, const Way& way, bool chinese) {
  const Word word{chinese};
  const auto named = [&](const std::string& key) {
    return key.empty() ? std::string(word("stays", "不变")) : Named(lifecycle, key);
  };
  std::string text = Stays(way) ? "" : "→ " + named(way.to);
  if (way.otherwise != way.to && !way.otherwise.empty())
    text += word(", else ", "，否则 ") + named(way.otherwise);
  if (!way.exhausted.empty())
    text += word(", no more reopening: ", "，不能再打开时 ") + named(way.exhausted);
  std::vector<std::string> needs;
  for (const std::string& field : way.needs) needs.push_back(RequirementWord(field, chinese));
  if (!needs.empty()) text += word("  needs ", "  需要 ") + Join(needs, word(", ", "、"));
  if (!way.roles.empty()) text += word("  only ", "  仅限 ") + way.roles;
  return text;
}

std::string StoppedClocks(const v1::LifecycleStatus& status, bool chinese) {
  std::vector<std::string> names;
  for (const int kind : status.stopped_clocks()) {
    names.push_back(EnumWord(static_cast<v1::ClockKind>(kind), chinese));
  }
  return Join(names);
}

// ---- SVG

std::string Xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      escaped += c;
    }
  }
  return escaped;
}

constexpr int kRow = 15;      // height of a line of commands
constexpr int kHead = 38;     // of a box's head
constexpr int kBoxGap = 18;   // between boxes
constexpr int kGutter = 130;  // between columns, for arrows
constexpr int kMargin = 24;
constexpr int kTop = 64;      // above the boxes
constexpr int kColumnOf = 6;  // pixels of a terminal column at the size of commands
constexpr size_t kWrap = 34;  // characters of commands on a line

struct Line {
  std::string text;
  std::string to;      // the arrow that starts here; empty: none
  std::string target;  // what is written for it
};

struct Box {
  const v1::LifecycleStatus* status = nullptr;
  std::vector<Line> lines;
  int column = 0;
  int x = 0, y = 0, width = 0, height = 0;
};

// The lines of a box: the commands of each target, wrapped; an arrow starts at the last of them.
std::vector<Line> LinesOf(const v1::Lifecycle& lifecycle, const std::string& from) {
  std::vector<std::pair<std::string, std::vector<std::string>>> by_target;
  const auto add = [&](const std::string& to, const std::string& command) {
    if (to.empty()) return;
    auto found = std::find_if(by_target.begin(), by_target.end(),
                              [&](const auto& entry) { return entry.first == to; });
    if (found == by_target.end()) found = by_target.insert(found, {to, {}});
    found->second.push_back(command);
  };
  for (const Way& way : WaysFrom(lifecycle, from)) {
    for (const std::string& command : way.commands) {
      add(way.to, command);
      if (way.otherwise != way.to) add(way.otherwise, command + " (else)");
      if (way.exhausted != way.to && way.exhausted != way.otherwise) {
        add(way.exhausted, command + " (no more)");
      }
    }
  }
  std::vector<Line> lines;
  for (const auto& [to, commands] : by_target) {
    std::string line;
    for (const std::string& command : commands) {
      if (!line.empty() && line.size() + command.size() + 2 > kWrap) {
        lines.push_back({line + ",", "", ""});
        line.clear();
      }
      line += (line.empty() ? "" : ", ") + command;
    }
    const v1::LifecycleStatus* status = Find(lifecycle, to);
    lines.push_back(
        {line, to, status == nullptr || status->label_zh().empty() ? to : status->label_zh()});
  }
  return lines;
}

struct Colour {
  const char* fill;
  const char* stroke;
};

Colour ColourOf(v1::Phase phase) {
  constexpr Colour kColours[] = {{"#f2f2f2", "#666666"}, {"#fdecea", "#c0392b"},
                                 {"#fff4e0", "#c77700"}, {"#e8f1fb", "#2467a8"},
                                 {"#efe9f9", "#6a3fb0"}, {"#e6f5ea", "#2b8a4b"}};
  const auto index = static_cast<size_t>(phase);
  return kColours[index < std::size(kColours) ? index : 0];
}

int WidthOf(const Box& box) {
  int width = DisplayWidth(box.status->key()) * 7 + 24;
  width = std::max(
      width,
      (DisplayWidth(box.status->label()) + 3 + DisplayWidth(box.status->label_zh())) * 8 + 24);
  for (const Line& line : box.lines) {
    width = std::max(width, (DisplayWidth(line.text) + DisplayWidth(line.target)) * kColumnOf + 52);
  }
  return width;
}

// An arrow from the line of a box to the head of another. Forward arrows leave to the right and
// arrive at the left; those back, and those within a column, bend around.
std::string Arrow(const Box& from, int y, const Box& to, int lane) {
  const int end_y = to.y + kHead / 2 + (lane % 5 - 2) * 4;
  const char* colour = ColourOf(to.status->phase()).stroke;
  std::string path;
  if (to.column > from.column) {
    const int x1 = from.x + from.width;
    const int bend = kGutter / 2 + lane % 7 * 6;
    path = fmt::format("M{} {} C{} {} {} {} {} {}", x1, y, x1 + bend, y, to.x - bend, end_y, to.x,
                       end_y);
  } else if (to.column == from.column) {
    const int x1 = from.x + from.width;
    const int x2 = to.x + to.width;
    const int bend = std::max(x1, x2) + 18 + lane % 7 * 8;
    path = fmt::format("M{} {} C{} {} {} {} {} {}", x1, y, bend, y, bend, end_y, x2, end_y);
  } else {
    const int x1 = from.x;
    const int x2 = to.x + to.width;
    const int bend = kGutter / 2 + lane % 7 * 6;
    path =
        fmt::format("M{} {} C{} {} {} {} {} {}", x1, y, x1 - bend, y, x2 + bend, end_y, x2, end_y);
  }
  return fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.2\" opacity=\"0.6\" "
      "marker-end=\"url(#to-{})\"/>\n",
      path, colour, static_cast<int>(to.status->phase()));
}

}  // namespace

std::string LifecycleText(const v1::Lifecycle& lifecycle, bool chinese, const Style& style) {
  const Word word{chinese};
  const auto commands_of = [&](const Way& way) {
    std::vector<std::string> names;
    for (const std::string& command : way.commands) names.push_back(CommandWord(command, chinese));
    return Join(names, word(", ", "、"));
  };
  std::string text = fmt::format(
      fmt::runtime(word("revision {}: {} statuses; a case may be returned {} times, a "
                        "clock extended {} times\n",
                        "修订 {}：{} 个状态；一个工单最多退单 {} 次，一个时限最多延期 {} 次\n")),
      lifecycle.revision(), lifecycle.statuses_size(), lifecycle.max_returns(),
      lifecycle.max_extensions());
  int widest = 0;
  for (const v1::LifecycleStatus& status : lifecycle.statuses()) {
    for (const Way& way : WaysFrom(lifecycle, status.key())) {
      if (Stays(way)) continue;
      widest = std::max(widest, DisplayWidth(commands_of(way)));
    }
  }
  widest = std::min(widest, 44);
  for (const v1::Phase phase : Phases(lifecycle)) {
    std::string name = EnumWord(phase, chinese);
    for (char& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    text += "\n" + style.Bold(name) + "\n";
    for (const v1::LifecycleStatus& status : lifecycle.statuses()) {
      if (status.phase() != phase) continue;
      std::string line = fmt::format("  {} {}", OneLine(status.key()), OneLine(status.label_zh()));
      if (status.label() != status.key()) line += "  " + OneLine(status.label());
      if (status.key() == lifecycle.initial_status())
        line += word("  (a case opens here)", "  （建单于此）");
      if (status.handling_done()) line += word("  (handling done)", "  （处理完毕）");
      if (status.stopped_clocks_size() > 0)
        line += word("  (stops ", "  （停计：") + StoppedClocks(status, chinese) + word(")", "）");
      text += line + "\n";
      const std::vector<Way> ways = WaysFrom(lifecycle, status.key());
      for (size_t i = 0; i < ways.size(); ++i) {
        const Way& way = ways[i];
        const char* branch = i + 1 == ways.size() ? "└─" : "├─";
        const std::string commands = OneLine(commands_of(way));
        const std::string target = OneLine(Target(lifecycle, way, chinese));
        text += fmt::format(
            "    {} {}{}\n", branch,
            Stays(way) ? word("stays: ", "不变：") + commands : Padded(commands, widest),
            target.empty() || Stays(way) ? target : " " + target);
      }
    }
  }
  return text;
}

std::string LifecycleDot(const v1::Lifecycle& lifecycle) {
  const auto quoted = [](std::string_view text) {
    std::string safe = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') safe += '\\';
      c == '\n' ? safe += "\\n" : safe += c;
    }
    return safe + "\"";
  };
  std::string text =
      "digraph lifecycle {\n"
      "  rankdir=LR;\n"
      "  graph [fontname=\"Noto Sans CJK SC,sans-serif\"];\n"
      "  node [shape=box, style=\"rounded,filled\", fontname=\"Noto Sans CJK SC,sans-serif\"];\n"
      "  edge [fontname=\"sans-serif\", fontsize=9];\n";
  for (const v1::Phase phase : Phases(lifecycle)) {
    const Colour colour = ColourOf(phase);
    text += fmt::format("  subgraph cluster_{0} {{\n    label={0};\n    color=\"{1}\";\n",
                        EnumName(phase), colour.stroke);
    for (const v1::LifecycleStatus& status : lifecycle.statuses()) {
      if (status.phase() != phase) continue;
      text += fmt::format("    {} [label={}, fillcolor=\"{}\", peripheries={}];\n",
                          quoted(status.key()), quoted(status.label_zh() + "\n" + status.label()),
                          colour.fill, status.key() == lifecycle.initial_status() ? 2 : 1);
    }
    text += "  }\n";
  }
  for (const v1::LifecycleStatus& status : lifecycle.statuses()) {
    std::map<std::string, std::vector<std::string>> edges;
    for (const Way& way : WaysFrom(lifecycle, status.key())) {
      for (const std::string& command : way.commands) {
        if (!way.to.empty()) edges[way.to].push_back(command);
        if (!way.otherwise.empty() && way.otherwise != way.to) {
          edges[way.otherwise].push_back(command + " (else)");
        }
        if (!way.exhausted.empty() && way.exhausted != way.to && way.exhausted != way.otherwise) {
          edges[way.exhausted].push_back(command + " (no more)");
        }
      }
    }
    for (const auto& [to, commands] : edges) {
      text += fmt::format("  {} -> {} [label={}];\n", quoted(status.key()), quoted(to),
                          quoted(Join(commands, "\n")));
    }
  }
  return text + "}\n";
}

std::string LifecycleSvg(const v1::Lifecycle& lifecycle) {
  const std::vector<v1::Phase> phases = Phases(lifecycle);
  std::vector<Box> boxes;
  int x = kMargin;
  int bottom = 0;
  std::vector<int> column_x;
  for (size_t column = 0; column < phases.size(); ++column) {
    int width = 0;
    int y = kTop;
    const size_t first = boxes.size();
    for (const v1::LifecycleStatus& status : lifecycle.statuses()) {
      if (status.phase() != phases[column]) continue;
      Box box{&status, LinesOf(lifecycle, status.key()), static_cast<int>(column), x, y, 0, 0};
      box.height = kHead + static_cast<int>(box.lines.size()) * kRow + (box.lines.empty() ? 0 : 8);
      width = std::max(width, WidthOf(box));
      y += box.height + kBoxGap;
      boxes.push_back(std::move(box));
    }
    for (size_t i = first; i < boxes.size(); ++i) boxes[i].width = width;
    column_x.push_back(x);
    x += width + kGutter;
    bottom = std::max(bottom, y);
  }
  const int right = x - kGutter + kMargin + 60;  // arrows within the last column bend out
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"Noto Sans CJK SC, Noto Sans SC, WenQuanYi Zen Hei, sans-serif\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n<defs>\n",
      right, bottom + kMargin);
  for (const v1::Phase phase : phases) {
    svg += fmt::format(
        "<marker id=\"to-{}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" "
        "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{}\"/></marker>\n",
        static_cast<int>(phase), ColourOf(phase).stroke);
  }
  svg += "</defs>\n";
  for (size_t column = 0; column < phases.size(); ++column) {
    svg += fmt::format(
        "<text x=\"{}\" y=\"{}\" font-size=\"15\" font-weight=\"bold\" fill=\"{}\">{}</text>\n",
        column_x[column], kTop - 24, ColourOf(phases[column]).stroke,
        Xml(EnumName(phases[column])));
  }
  // Boxes hide nothing: arrows run between them, so they may be drawn first.
  std::string drawn;
  int lane = 0;
  for (const Box& box : boxes) {
    const Colour colour = ColourOf(box.status->phase());
    const bool initial = box.status->key() == lifecycle.initial_status();
    drawn += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"{}\" stroke=\"{}\" "
        "stroke-width=\"{}\"{}/>\n",
        box.x, box.y, box.width, box.height, colour.fill, colour.stroke, initial ? 2.5 : 1.2,
        box.status->stopped_clocks_size() > 0 ? " stroke-dasharray=\"5 3\"" : "");
    drawn += fmt::format(
        "<text x=\"{0}\" y=\"{1}\" font-size=\"14\" font-weight=\"bold\" "
        "fill=\"#222222\">{2}<tspan font-weight=\"normal\" dx=\"8\">{3}</tspan></text>\n"
        "<text x=\"{0}\" y=\"{4}\" font-size=\"10\" fill=\"#666666\">{5}</text>\n",
        box.x + 10, box.y + 17, Xml(box.status->label_zh()), Xml(box.status->label()), box.y + 31,
        Xml(box.status->key()));
    for (size_t i = 0; i < box.lines.size(); ++i) {
      const int y = box.y + kHead + static_cast<int>(i) * kRow + 11;
      drawn += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"11\" fill=\"#222222\">{}</text>\n",
                           box.x + 14, y, Xml(box.lines[i].text));
      const auto to = std::find_if(boxes.begin(), boxes.end(), [&](const Box& each) {
        return each.status->key() == box.lines[i].to;
      });
      if (to == boxes.end()) continue;
      drawn += fmt::format(
          "<text x=\"{}\" y=\"{}\" font-size=\"11\" text-anchor=\"end\" fill=\"{}\">{}</text>\n",
          box.x + box.width - 10, y, ColourOf(to->status->phase()).stroke,
          Xml(box.lines[i].target));
      svg += Arrow(box, y - 4, *to, lane++);
    }
  }
  return svg + drawn + "</svg>\n";
}

}  // namespace rebound::cli
