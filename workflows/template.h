// Templates: the texts of messages to customers, in two languages, with variables. Values of a
// configuration revision; pure.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/response.h"
#include "workflows/result.h"

namespace rebound {

struct Template {
  std::string id{};                 // stable key
  std::vector<Channel> channels{};  // by which it may go; empty: by any
  std::string subject_en{};         // both empty: none
  std::string subject_zh{};
  std::string text_en{};
  std::string text_zh{};

  friend bool operator==(const Template&, const Template&) = default;
};

// {NAME} stands for its value, {{ and }} for braces. Messages of plans have no other variables.
inline constexpr std::string_view kTemplateVariables[] = {
    "customer_name", "case_number", "program", "owner",    "promise",
    "promise_due",   "remedy",      "amount",  "org_unit", "survey_link"};

// What is wrong with a text, in reading order: a name that is none of `variables`, or a brace that
// is neither of a variable nor doubled, which has no name.
struct TemplateFault {
  size_t offset = 0;   // in bytes: of the name, or of the brace
  std::string name{};  // as it stands there

  friend bool operator==(const TemplateFault&, const TemplateFault&) = default;
};
std::vector<TemplateFault> CheckTemplate(
    std::string_view text, std::span<const std::string_view> variables = kTemplateVariables);

// The variables that the text names, each once, in order of their first place.
std::vector<std::string> VariablesOf(std::string_view text);

// "zh" for the tags of Chinese ("zh", "zh-CN", "ZH-Hant"), else "en".
std::string_view TemplateLanguage(std::string_view tag);

struct Rendered {
  std::string subject{};
  std::string text{};
};
// Of the language that `language`, a BCP 47 tag, asks for. A variable of subject or text without a
// value (absent or empty) is kRequiredFieldMissing of the field "values.NAME": a message has no
// holes. REQUIRES: CheckTemplate finds nothing.
Result<Rendered> Render(const Template& with, std::string_view language,
                        const std::map<std::string, std::string>& values);

}  // namespace rebound
