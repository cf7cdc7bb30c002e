#include "clients/cli/output.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

namespace rebound::cli {

std::string Style::Paint(std::string_view code, std::string_view text) const {
  if (!color) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string MessageJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  // Only a time out of its range or an unknown Any can fail, and neither may hide the rest.
  if (!status.ok()) return "{\"unprintable\": " + JsonString(status.ToString()) + "}";
  while (json.ends_with('\n')) json.pop_back();
  return json;
}

std::string JsonString(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': json += "\\\""; break;
      case '\\': json += "\\\\"; break;
      case '\n': json += "\\n"; break;
      case '\r': json += "\\r"; break;
      case '\t': json += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          json += c;
        }
    }
  }
  return json + "\"";
}

std::string IndentLines(std::string_view text, std::string_view indent) {
  std::string lines;
  while (true) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines += std::string(indent) + OneLine(line);
    lines += "\n";
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string RenderFacts(const Facts& facts, std::string_view indent) {
  int widest = 0;
  for (const auto& [label, value] : facts) {
    if (!value.empty()) widest = std::max(widest, DisplayWidth(label));
  }
  const std::string margin =
      std::string(indent) + std::string(static_cast<size_t>(widest) + 3, ' ');
  std::string text;
  for (const auto& [label, value] : facts) {
    if (value.empty()) continue;
    const std::string lines = IndentLines(value, margin);
    const auto pad = static_cast<size_t>(widest - DisplayWidth(label) + 3);
    const size_t blank = std::min(margin.size(), lines.size());
    text += std::string(indent) + label + std::string(pad, ' ') + lines.substr(blank);
  }
  return text;
}

std::string Heading(const Style& style, std::string_view title) {
  return "\n" + style.Bold(title) + "\n";
}

std::string Paragraph(const Style& style, std::string_view title, std::string_view text) {
  return text.empty() ? "" : Heading(style, title) + IndentLines(text, "  ");
}

std::string TablePart(const Style& style, std::string_view title,
                      const std::vector<TableColumn>& columns,
                      const std::vector<std::vector<std::string>>& rows, int width) {
  if (rows.empty()) return "";
  std::string text = Heading(style, title);
  const std::string lines = RenderTable(columns, rows, width > 2 ? width - 2 : 0);
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at);
    text += "  " + lines.substr(at, end - at + 1);
    at = end + 1;
  }
  return text;
}

}  // namespace rebound::cli
