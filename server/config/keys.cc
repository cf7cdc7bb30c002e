#include "server/config/keys.h"

#include "workflows/blacklist_rules.h"
#include "workflows/clocks.h"
#include "workflows/lifecycle.h"

namespace rebound {
namespace {

using enum StepKind;

template <typename... Kinds>
constexpr unsigned Bits(Kinds... kinds) {
  return (StepKindBit(kinds) | ... | 0U);
}

constexpr unsigned kOfPeople = Bits(kContact, kRemedy, kTask, kVerify, kAftercare);
constexpr KindKey kKindKeys[] = {
    {"when", ~0U, Bits(kDecision)},
    {"within", kOfPeople, Bits(kTask)},
    {"owner", kOfPeople, 0},
    {"queue", Bits(kTask, kAftercare), 0},
    {"channel", Bits(kContact, kMessage), Bits(kMessage)},
    {"remedy", Bits(kRemedy), Bits(kRemedy)},
    {"template", Bits(kMessage), Bits(kMessage)},
    {"for", Bits(kWait), Bits(kWait)},
    {"then", Bits(kDecision), 0},
    {"otherwise", Bits(kDecision), 0},
    {"sample", Bits(kVerify, kAftercare), 0},
    {"rework", Bits(kVerify), 0},
    {"after", Bits(kAftercare), Bits(kAftercare)},
};

}  // namespace

std::span<const KindKey> StepKindKeys() { return kKindKeys; }

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

std::vector<std::string_view> StepKindWords() {
  std::vector<std::string_view> words;
  for (int i = 1; i < kStepKindCount; ++i) words.push_back(Name(static_cast<StepKind>(i)));
  return words;
}

std::vector<std::string_view> BlacklistKindWords() {
  std::vector<std::string_view> words;
  for (int i = 1; i < kBlacklistKindCount; ++i)
    words.push_back(Name(static_cast<BlacklistKind>(i)));
  return words;
}

std::vector<std::string_view> BlacklistMeasureWords() {
  std::vector<std::string_view> words;
  for (int i = 1; i < kBlacklistMeasureCount; ++i) {
    words.push_back(Name(static_cast<BlacklistMeasure>(i)));
  }
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
