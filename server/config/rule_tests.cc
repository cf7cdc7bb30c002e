#include "server/config/rule_tests.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "server/config/conditions.h"
#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/scale.h"

namespace rebound {
namespace {

constexpr std::string_view kNobody = "none";

// A value of `field`; false with the mistake noted.
bool ReadLiteral(ConfigReader& reader, const Field& field, const YamlNode& node, Value* out) {
  if (node.kind != YamlNode::Kind::kScalar) {
    reader.Fault(At(node), messages::kInCondition,
                 {Fill(messages::kAValueOf, {field.name}), Describe(node)});
    return false;
  }
  auto value = ParseLiteral(field, node.text, node.quoted);
  if (!value) {
    NotePredicateError(reader, At(node), value.error(), Quoted(node.text));
    return false;
  }
  *out = *std::move(value);
  return true;
}

const YamlNode* ReadExpected(ConfigReader& reader, const YamlNode& map, std::string_view key) {
  const Entry entry = reader.GetScalar(map, key, Need::kOptional, Fill(messages::kKeyCharacters));
  return entry.value;
}

// One id, or a list of them.
const YamlNode* IdsAt(ConfigReader& reader, const YamlNode& map, std::string_view key) {
  const Entry entry = Find(map, key);
  if (!entry) return nullptr;
  reader.GetScalars(map, key, Need::kOptional);
  const bool readable =
      entry.value->kind == YamlNode::Kind::kList || entry.value->kind == YamlNode::Kind::kScalar;
  return readable ? entry.value : nullptr;
}

std::optional<RuleTest> ReadTest(ConfigReader& reader, const YamlNode& node) {
  RuleTest test{.line = node.line + 1};
  reader.ReadText(node, "name", Need::kRequired, &test.name);
  const Entry given = reader.Get(node, "given", Need::kRequired);
  if (given && given.value->kind != YamlNode::Kind::kMap) {
    reader.Expected(given, messages::kTypeOfKey, Fill(messages::kAMapping));
  } else if (given) {
    ReadGiven(reader, *given.value, &test);
  }
  const Entry expect = reader.Get(node, "expect", Need::kRequired);
  if (!expect || !reader.CheckMap(*expect.value, messages::kExpectOfTest, keys::kExpectKeys)) {
    return std::nullopt;
  }
  test.playbook = ReadExpected(reader, *expect.value, "playbook");
  test.priority = ReadExpected(reader, *expect.value, "priority");
  test.clocks = IdsAt(reader, *expect.value, "clocks");
  test.alerts = IdsAt(reader, *expect.value, "alerts");
  if (expect.value->children.empty()) {
    reader.Fault(At(*expect.key), messages::kExpectNothing, {}, Fill(messages::kAddOne));
  }
  return test;
}

std::vector<std::string_view> IdsOf(const std::vector<RuleTrace>& traces, RuleTrace::Kind kind) {
  std::vector<std::string_view> ids;
  for (const RuleTrace& trace : traces) {
    if (trace.kind == kind) ids.push_back(trace.id);
  }
  return ids;
}

std::vector<std::string_view> Applying(const std::vector<RuleTrace>& traces, RuleTrace::Kind kind) {
  std::vector<std::string_view> ids;
  for (const RuleTrace& trace : traces) {
    if (trace.kind == kind && trace.applies) ids.push_back(trace.id);
  }
  return ids;
}

// Why the rule that was expected does not apply.
Bilingual Because(const std::vector<RuleTrace>& traces, RuleTrace::Kind kind,
                  const std::string& expected) {
  const auto found = std::find_if(traces.begin(), traces.end(), [&](const RuleTrace& trace) {
    return trace.kind == kind && trace.id == expected;
  });
  if (found == traces.end()) return Fill(messages::kCheckTest);
  if (found->matches) {
    const auto taker = std::find_if(traces.begin(), traces.end(), [&](const RuleTrace& trace) {
      return trace.kind == kind && trace.matches;
    });
    return Fill(messages::kBecauseEarlier, {expected, taker->id});
  }
  const Unmet& unmet = *found->unmet;
  return Fill(unmet.negated ? messages::kBecauseNone : messages::kBecauseRule,
              {expected, Canonical(unmet.condition), Describe(unmet.field).name,
               unmet.seen.empty() ? Fill(messages::kNotSet) : Quoted(unmet.seen)});
}

using Mismatch = std::optional<RuleTestResult::Mismatch>;

// One expectation of one id, "none" for nothing.
Mismatch CheckOne(ConfigReader& reader, const RuleTest& test, const std::vector<RuleTrace>& traces,
                  RuleTrace::Kind kind, const Phrase& what, const Phrase& a_what,
                  std::string_view key, const YamlNode* expected) {
  if (expected == nullptr) return std::nullopt;
  const std::vector<std::string_view> ids = IdsOf(traces, kind);
  const std::string& id = expected->text;
  const bool none = id == kNobody && kind == RuleTrace::Kind::kPlaybook;
  const std::vector<std::string_view> applying = Applying(traces, kind);
  const std::string_view found = applying.empty() ? kNobody : applying.front();
  Mismatch mismatch = {{std::string(key), id, std::string(found)}};
  if (!none && std::find(ids.begin(), ids.end(), id) == ids.end()) {
    const std::string_view nearest = Nearest(id, ids);
    reader.Fault(
        At(*expected), messages::kWordOfKey,
        {Fill(messages::kIdOf, {Fill(a_what)}), "expect", Describe(*expected)},
        nearest.empty() ? Fill(messages::kThereAre, {JoinWords(ids)}) : DidYouMean(nearest));
    return mismatch;
  }
  if (found == id) return std::nullopt;
  reader.Fault(At(*expected), messages::kTestFails,
               {Fill(what), Quoted(id), test.name, Quoted(found)},
               none ? Fill(messages::kCheckTest) : Because(traces, kind, id));
  return mismatch;
}

std::vector<std::string_view> IdsIn(const YamlNode& node) {
  std::vector<std::string_view> ids;
  if (node.kind == YamlNode::Kind::kScalar) ids.push_back(node.text);
  for (const YamlNode& item : node.children) ids.push_back(item.text);
  return ids;
}

// One expectation of several ids, in any order.
Mismatch CheckAll(ConfigReader& reader, const RuleTest& test, const std::vector<RuleTrace>& traces,
                  RuleTrace::Kind kind, const Phrase& what, const Phrase& a_what,
                  std::string_view key, const YamlNode* node) {
  if (node == nullptr) return std::nullopt;
  const std::vector<std::string_view> ids = IdsOf(traces, kind);
  const std::vector<std::string_view> expected = IdsIn(*node);
  const std::vector<std::string_view> found = Applying(traces, kind);
  const auto shown = [](const std::vector<std::string_view>& words) {
    return words.empty() ? Bilingual(kNobody) : JoinWords(words);
  };
  Mismatch mismatch = {{std::string(key), shown(expected).en, shown(found).en}};
  for (const std::string_view id : expected) {
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
    const std::string_view nearest = Nearest(id, ids);
    reader.Fault(At(*node), messages::kWordOfKey,
                 {Fill(messages::kIdOf, {Fill(a_what)}), key, Quoted(id)},
                 nearest.empty() ? Fill(messages::kAddTo, {std::string(key) + ".yaml"})
                                 : DidYouMean(nearest));
    return mismatch;
  }
  const std::set<std::string_view> missing(expected.begin(), expected.end());
  if (missing == std::set<std::string_view>(found.begin(), found.end())) return std::nullopt;
  const auto absent = std::find_if(expected.begin(), expected.end(), [&](std::string_view id) {
    return std::find(found.begin(), found.end(), id) == found.end();
  });
  reader.Fault(At(*node), messages::kTestFails,
               {Fill(what), shown(expected), test.name, shown(found)},
               absent == expected.end() ? Fill(messages::kCheckTest)
                                        : Because(traces, kind, std::string(*absent)));
  return mismatch;
}

bool Passes(const RuleTest& test, const std::vector<RuleTrace>& traces) {
  const auto gets = [&](const YamlNode* expected, RuleTrace::Kind kind) {
    if (expected == nullptr) return true;
    const std::vector<std::string_view> applying = Applying(traces, kind);
    return expected->text == (applying.empty() ? kNobody : applying.front());
  };
  const auto gets_all = [&](const YamlNode* expected, RuleTrace::Kind kind) {
    if (expected == nullptr) return true;
    const std::vector<std::string_view> ids = IdsIn(*expected);
    const std::vector<std::string_view> found = Applying(traces, kind);
    return std::set<std::string_view>(ids.begin(), ids.end()) ==
           std::set<std::string_view>(found.begin(), found.end());
  };
  return gets_all(test.clocks, RuleTrace::Kind::kClock) &&
         gets_all(test.alerts, RuleTrace::Kind::kAlert) &&
         gets(test.playbook, RuleTrace::Kind::kPlaybook) &&
         gets(test.priority, RuleTrace::Kind::kPriority);
}

}  // namespace

void ReadGiven(ConfigReader& reader, const YamlNode& map, RuleTest* test) {
  std::map<std::string_view, int> seen;
  for (size_t i = 0; i + 1 < map.children.size(); i += 2) {
    const Entry entry{&map.children[i], &map.children[i + 1]};
    const std::string& name = entry.key->text;
    if (const auto [first, is_new] = seen.emplace(name, entry.key->line + 1); !is_new) {
      reader.Fault(At(*entry.key), messages::kKeyTwice, {Quoted(name)},
                   Fill(messages::kFirstKeyLine, {std::to_string(first->second)}));
      continue;
    }
    if (auto checked = CheckField(name, Use::kOpeningRule); !checked) {
      NotePredicateError(reader, At(*entry.key), checked.error(), Quoted(name));
      continue;
    }
    const Field& field = *FindField(name);
    Value value;
    if (field.type == FieldType::kTexts) {
      for (const YamlNode* item : reader.GetScalars(map, name, Need::kOptional)) {
        if (ReadLiteral(reader, field, *item, &value)) test->topics.push_back(item->text);
      }
      value = Value{std::string()};
    } else if (!ReadLiteral(reader, field, *entry.value, &value)) {
      continue;
    } else if (field.type == FieldType::kProse) {
      value = Value{Folded(entry.value->text)};
    }
    test->given.emplace(field.id, std::move(value));
  }
}

std::vector<RuleTest> ReadRuleTests(ConfigReader& reader) {
  std::vector<RuleTest> tests;
  const YamlNode* list = reader.GetList(reader.root(), "tests", Need::kOptional, kMaxRuleTests);
  if (list == nullptr) return tests;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kATest, keys::kTestKeys)) continue;
    if (auto test = ReadTest(reader, node)) tests.push_back(*std::move(test));
  }
  return tests;
}

FieldReader GivenBy(const RuleTest& test, const Revision& revision) {
  return [&test, &revision](FieldId field) -> FieldValue {
    const auto given = test.given.find(field);
    if (given != test.given.end()) {
      if (Describe(field).type == FieldType::kTexts) {
        return test.topics.empty() ? FieldValue{}
                                   : FieldValue{std::span<const std::string>(test.topics)};
      }
      if (const auto* truth = std::get_if<bool>(&given->second)) return *truth;
      if (const auto* number = std::get_if<int64_t>(&given->second)) return *number;
      if (const auto* time = std::get_if<Timestamp>(&given->second)) return *time;
      return std::string_view(std::get<std::string>(given->second));
    }
    if (field == FieldId::kHistory || field == FieldId::kAnonymous) return false;
    if (field == FieldId::kReopenCount) return int64_t{0};
    const auto score = test.given.find(FieldId::kScore);
    const auto program = test.given.find(FieldId::kProgram);
    if (field != FieldId::kCategory || score == test.given.end() || program == test.given.end()) {
      return {};
    }
    const Program* asked = revision.FindProgram(std::get<std::string>(program->second));
    const int64_t points = std::get<int64_t>(score->second);
    if (asked == nullptr || !Contains(asked->scale, points)) return {};
    switch (Categorize(asked->scale, points)) {
      case Category::kUnset: return {};
      case Category::kDetractor: return std::string_view("detractor");
      case Category::kPassive: return std::string_view("passive");
      case Category::kPromoter: return std::string_view("promoter");
    }
    return {};
  };
}

std::vector<RuleTestResult> RunRuleTests(ConfigReader& reader, const std::vector<RuleTest>& tests,
                                         const Revision& revision) {
  std::vector<RuleTestResult> results;
  for (const RuleTest& test : tests) {
    RuleTestResult& result =
        results.emplace_back(RuleTestResult{test.name, reader.source().name(), test.line, {}});
    const FieldReader given = GivenBy(test, revision);
    if (Passes(test, Explain(revision, given, false))) continue;
    const std::vector<RuleTrace> traces = Explain(revision, given);
    std::array mismatches{
        CheckOne(reader, test, traces, RuleTrace::Kind::kPlaybook, messages::kTestPlaybook,
                 messages::kAPlaybook, "playbook", test.playbook),
        CheckOne(reader, test, traces, RuleTrace::Kind::kPriority, messages::kTestPriority,
                 messages::kAPriority, "priority", test.priority),
        CheckAll(reader, test, traces, RuleTrace::Kind::kClock, messages::kTestClocks,
                 messages::kAClock, "clocks", test.clocks),
        CheckAll(reader, test, traces, RuleTrace::Kind::kAlert, messages::kTestAlerts,
                 messages::kAnAlert, "alerts", test.alerts)};
    for (Mismatch& mismatch : mismatches) {
      if (mismatch) result.mismatches.push_back(*std::move(mismatch));
    }
  }
  return results;
}

}  // namespace rebound
