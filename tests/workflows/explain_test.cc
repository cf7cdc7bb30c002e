#include "workflows/explain.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "workflows/filter.h"

namespace rebound {
namespace {

Predicate Condition(const std::string& filter) {
  auto parsed = ParseFilter(filter, Use::kOpeningRule);
  EXPECT_TRUE(parsed) << filter;
  return parsed ? *parsed : Predicate{};
}

FieldValue Read(FieldId field) {
  if (field == FieldId::kScore) return int64_t{3};
  if (field == FieldId::kSeverity) return int64_t{2};
  if (field == FieldId::kChannel) return std::string_view("sms");
  if (field == FieldId::kHistory) return false;
  return {};
}

TEST(ExplainTest, TheFirstPartThatDecidedAgainstIsNamedWithTheValueSeen) {
  const struct {
    const char* filter;
    const char* unmet;
    bool negated;
    FieldId field;
    const char* seen;
  } rows[] = {
      {"score <= 2", "score <= 2", false, FieldId::kScore, "3"},
      {"channel = sms AND score <= 2 AND history = true", "score <= 2", false, FieldId::kScore,
       "3"},
      {"channel = sms AND segment = vip", "segment = \"vip\"", false, FieldId::kSegment, ""},
      {"score = 1 OR channel = email", "score = 1 OR channel = \"email\"", false, FieldId::kScore,
       "3"},
      {"score = 3 AND NOT channel = sms", "channel = \"sms\"", true, FieldId::kChannel, "sms"},
      {"history = true", "history = true", false, FieldId::kHistory, "false"},
  };
  for (const auto& row : rows) {
    const auto unmet = FirstUnmet(Condition(row.filter), Read);
    ASSERT_TRUE(unmet) << row.filter;
    EXPECT_EQ(Canonical(unmet->condition), row.unmet);
    EXPECT_EQ(unmet->negated, row.negated) << row.filter;
    EXPECT_EQ(unmet->field, row.field) << row.filter;
    EXPECT_EQ(unmet->seen, row.seen) << row.filter;
  }
  EXPECT_EQ(FirstUnmet(Condition("score = 3 AND (channel = sms OR score = 1)"), Read),
            std::nullopt);
}

TEST(ExplainTest, RulesAreTriedInTheOrderInWhichACaseMeetsThem) {
  Revision revision;
  const auto playbook = [&](const char* id, const char* when, int32_t severity) {
    Playbook p;
    p.id = id;
    p.when = Condition(when);
    p.severity = severity;
    revision.playbooks.push_back(p);
  };
  playbook("never", "score = 0", 5);
  playbook("sms", "channel = sms", 4);
  playbook("any", "", 0);
  revision.priorities = {{"urgent", "", "", Condition("severity >= 5")},
                         {"high", "", "", Condition("severity >= 4")},
                         {"low", "", "", Condition("severity >= 9")}};
  const auto clock = [&](const char* id, ClockKind kind, const char* when) {
    ClockDefinition c;
    c.id = id;
    c.kind = kind;
    c.when = Condition(when);
    revision.clocks.push_back(c);
  };
  clock("contact-high", ClockKind::kFirstContact, "priority = high");
  clock("contact", ClockKind::kFirstContact, "");
  clock("remedy", ClockKind::kRemedy, "");

  std::vector<std::string> applying;
  std::map<std::string, RuleTrace> by_id;
  for (const RuleTrace& trace : Explain(revision, Read)) {
    if (trace.applies) applying.push_back(trace.id);
    by_id[trace.id] = trace;
  }
  EXPECT_EQ(applying, (std::vector<std::string>{"sms", "high", "contact-high", "remedy"}));
  EXPECT_TRUE(by_id["any"].matches);
  EXPECT_FALSE(by_id["any"].applies);
  EXPECT_EQ(by_id["urgent"].unmet->seen, "4");

  // With nothing else the last priority applies, though its condition does not hold.
  revision.playbooks.clear();
  applying.clear();
  for (const RuleTrace& trace : Explain(revision, Read)) {
    if (trace.applies) applying.push_back(trace.id);
  }
  EXPECT_EQ(applying, (std::vector<std::string>{"low", "contact", "remedy"}));
}

}  // namespace
}  // namespace rebound
