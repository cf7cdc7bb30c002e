#include "workflows/template.h"

#include <algorithm>
#include <utility>

#include "workflows/check.h"

namespace rebound {
namespace {

// Gives the text piece by piece: `literal(text)`, `variable(name, offset)`, `stray(offset)`.
template <typename Literal, typename Variable, typename Stray>
void Walk(std::string_view text, const Literal& literal, const Variable& variable,
          const Stray& stray) {
  size_t from = 0;
  while (from < text.size()) {
    const size_t brace = std::min(text.find_first_of("{}", from), text.size());
    literal(text.substr(from, brace - from));
    if (brace == text.size()) return;
    if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
      literal(text.substr(brace, 1));
      from = brace + 2;
      continue;
    }
    const size_t end = text.find_first_of("{}\n", brace + 1);
    if (text[brace] == '}' || end == std::string_view::npos || text[end] != '}') {
      stray(brace);
      from = brace + 1;
      continue;
    }
    from = end + 1;
    if (end == brace + 1) {
      stray(brace);
    } else {
      variable(text.substr(brace + 1, end - brace - 1), brace + 1);
    }
  }
}

std::string Fill(std::string_view text, const std::map<std::string, std::string>& values,
                 std::vector<FieldViolation>* missing) {
  std::string filled;
  Walk(
      text, [&](std::string_view literal) { filled += literal; },
      [&](std::string_view name, size_t) {
        const auto value = values.find(std::string(name));
        if (value != values.end() && !value->second.empty()) {
          filled += value->second;
          return;
        }
        std::string field = "values." + std::string(name);
        const bool known = std::any_of(missing->begin(), missing->end(),
                                       [&](const FieldViolation& v) { return v.field == field; });
        if (!known) missing->push_back({std::move(field), Reason::kRequiredFieldMissing, {}});
      },
      [](size_t) { CHECK(false); });
  return filled;
}

}  // namespace

std::vector<TemplateFault> CheckTemplate(std::string_view text,
                                         std::span<const std::string_view> variables) {
  std::vector<TemplateFault> faults;
  Walk(
      text, [](std::string_view) {},
      [&](std::string_view name, size_t offset) {
        if (std::find(variables.begin(), variables.end(), name) == variables.end()) {
          faults.push_back({offset, std::string(name)});
        }
      },
      [&](size_t offset) {
        faults.push_back({offset, ""});
      });
  return faults;
}

std::vector<std::string> VariablesOf(std::string_view text) {
  std::vector<std::string> names;
  Walk(
      text, [](std::string_view) {},
      [&](std::string_view name, size_t) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
      },
      [](size_t) {});
  return names;
}

std::string_view TemplateLanguage(std::string_view tag) {
  const auto is = [&](size_t i, char lower) {
    return i < tag.size() && (tag[i] == lower || tag[i] == lower - 'a' + 'A');
  };
  // Zhuang is "zha".
  const bool ends = tag.size() == 2 || (tag.size() > 2 && (tag[2] == '-' || tag[2] == '_'));
  return is(0, 'z') && is(1, 'h') && ends ? "zh" : "en";
}

Result<Rendered> Render(const Template& with, std::string_view language,
                        const std::map<std::string, std::string>& values) {
  const bool chinese = TemplateLanguage(language) == "zh";
  std::vector<FieldViolation> missing;
  Rendered rendered;
  rendered.subject = Fill(chinese ? with.subject_zh : with.subject_en, values, &missing);
  rendered.text = Fill(chinese ? with.text_zh : with.text_en, values, &missing);
  if (missing.size() == 1) {
    return FieldError(std::move(missing.front().field), Reason::kRequiredFieldMissing);
  }
  if (!missing.empty()) {
    Error error{Reason::kFieldViolations};
    error.violations = std::move(missing);
    return error;
  }
  return rendered;
}

}  // namespace rebound
