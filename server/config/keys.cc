#include "server/config/keys.h"

#include "workflows/clocks.h"
#include "workflows/lifecycle.h"

namespace rebound {

std::vector<std::string_view> NamesOf(std::span<const Key> keys) {
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  return names;
}

std::vector<std::string_view> ClockKindWords() {
  std::vector<std::string_view> words;
  for (int i = 1; i < kClockKindCount; ++i) words.push_back(Name(static_cast<ClockKind>(i)));
  return words;
}

std::vector<std::string_view> CommandWords() {
  std::vector<std::string_view> words;
  for (int i = 0; i < kCaseCommandCount; ++i) words.push_back(Name(static_cast<CaseCommand>(i)));
  return words;
}

std::vector<std::string_view> RequiredFieldWords() {
  std::vector<std::string_view> words;
  for (int i = 1; i < kRequiredFieldCount; ++i) {
    words.push_back(Name(static_cast<RequiredField>(i)));
  }
  return words;
}

}  // namespace rebound
