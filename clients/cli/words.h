// Words for readers of English and of Chinese. Pure functions; thread-safe.
#pragma once

#include <google/protobuf/generated_enum_reflection.h>

#include <map>
#include <string>
#include <string_view>

namespace rebound::cli {

// A word in the reader's language.
struct Word {
  bool chinese = false;
  const char* operator()(const char* en, const char* zh) const { return chinese ? zh : en; }
};

// What the reader of a case reads: in Chinese also the labels of its lifecycle, by status. A key
// stands beside each label and name that can be typed.
struct Language {
  bool chinese = false;
  std::map<std::string, std::string> statuses{};

  // "等待客户 waiting_for_customer"; the key alone without a label.
  std::string Status(const std::string& key) const;
};

// The Chinese name of an enum's value: "电话". The API's name ("phone") in English, and for a value
// that this client does not know.
std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value, bool chinese);
template <class Enum>
std::string EnumWord(Enum value, bool chinese) {
  return EnumWord(google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value), chinese);
}

// "挂起 pause"; "移至 move:verifying" with its target. Of blacklist entries, too.
std::string CommandWord(const std::string& command, bool chinese);

// "CaseOpened" as "建单".
std::string EventWord(const std::string& type, bool chinese);

// A detail of an event, "channel=phone", as "渠道=电话".
std::string DetailWord(const std::string& event, const std::string& key, const std::string& value,
                       bool chinese);

// How two cases are linked: "重复"; in English, and of a newer server's kinds, as it came.
std::string LinkWord(const std::string& kind, bool chinese);

// What a step of a plan came to: "unreachable" as "联系不上"; a word that nobody knows as it is.
std::string StepResultWord(const std::string& result, bool chinese);

// What a blacklist rule counted: "remedies_granted" as "给予补偿".
std::string MeasureWord(const std::string& measure, bool chinese);

// What a transition requires: "根因 root_cause".
std::string RequirementWord(const std::string& requirement, bool chinese);

}  // namespace rebound::cli
