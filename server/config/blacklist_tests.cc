#include "server/config/blacklist_tests.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/blacklist_rules.h"
#include "workflows/field_catalogue.h"
#include "workflows/remedy_ledger.h"
#include "workflows/scale.h"

namespace rebound {
namespace {

constexpr size_t kMaxPastCases = 300;
constexpr std::string_view kNothing = "none";
// Any instant would do: everything is told by how long ago it was.
constexpr Timestamp kNow = FromMillis(1'767'225'600'000);

PastCase ReadPastCase(ConfigReader& reader, const YamlNode& node) {
  PastCase past;
  reader.Get(node, "ago", Need::kRequired);
  reader.ReadDuration(node, "ago", kShortest, &past.ago);
  if (const Entry given = Find(node, "given")) {
    if (given.value->kind == YamlNode::Kind::kMap) {
      ReadGiven(reader, *given.value, &past.opening);
      if (past.opening.given.contains(FieldId::kAnonymous)) {
        reader.Fault(At(*Find(*given.value, "anonymous").key), messages::kFieldOfNoCustomer,
                     {"anonymous"}, Fill(messages::kLeaveOut));
      }
    } else {
      reader.Expected(given, messages::kTypeOfKey, Fill(messages::kAMapping));
    }
  }
  std::string id;
  reader.ReadId(node, "remedy", Need::kOptional, &id);
  if (!id.empty()) past.remedy = Find(node, "remedy").value;
  ReadCurrency(reader, node, Need::kOptional, &past.amount.currency);
  const Entry amount = Find(node, "amount");
  const bool priced = Find(node, "currency") && Find(node, "remedy");
  if (static_cast<bool>(amount) != static_cast<bool>(Find(node, "currency")) ||
      (amount && !priced)) {
    reader.Fault(At(node), messages::kAmountOfNothing, {}, Fill(messages::kAddCurrency));
  } else if (amount && !past.amount.currency.empty()) {
    past.amount.amount_minor = ReadMinor(reader, node, past.amount.currency).value_or(0);
  }
  const auto result = reader.ReadWord(node, "result", Need::kOptional, keys::kPastResults);
  if (result) past.result = static_cast<HandlingResult>(*result + 1);
  reader.ReadInt(node, "refused", Need::kOptional, 1, 1'000, &past.refused);
  reader.ReadBool(node, "answered_low", &past.answered_low);
  return past;
}

BlacklistTest ReadBlacklistTest(ConfigReader& reader, const YamlNode& node) {
  BlacklistTest test{.line = node.line + 1};
  reader.ReadText(node, "name", Need::kRequired, &test.name);
  const YamlNode* list = reader.GetList(node, "history", Need::kRequired, kMaxPastCases);
  if (list != nullptr) {
    for (const YamlNode& each : list->children) {
      if (!reader.CheckMap(each, messages::kAPastCase, keys::kPastCaseKeys)) continue;
      test.history.push_back(ReadPastCase(reader, each));
    }
  }
  const Entry expect = reader.Get(node, "expect", Need::kRequired);
  if (!expect ||
      !reader.CheckMap(*expect.value, messages::kExpectOfTest, keys::kBlacklistExpectKeys)) {
    return test;
  }
  const size_t errors_before = reader.error_count();
  reader.GetScalars(*expect.value, "proposals", Need::kRequired);
  if (reader.error_count() == errors_before)
    test.proposals = Find(*expect.value, "proposals").value;
  return test;
}

// ---- A customer as the test tells ---------------------------------------------------------------

// The n-th word of a field is the n-th value of its enumeration.
template <typename Enum>
Enum AsEnum(FieldId field, const std::string& word) {
  const auto words = Describe(field).enum_values;
  const auto found = std::find(words.begin(), words.end(), word);
  return found == words.end() ? Enum{} : static_cast<Enum>(found - words.begin() + 1);
}

struct Told {
  Customer customer{};
  std::vector<Case> cases{};
  std::vector<Response> responses{};
};

void Put(FieldId field, const Value& value, const Revision& revision, Case& c, Response& answer,
         Customer& customer) {
  const auto* text = std::get_if<std::string>(&value);
  const auto* number = std::get_if<int64_t>(&value);
  const auto* truth = std::get_if<bool>(&value);
  CaseDetails& details = c.details;
  if (text != nullptr) {
    if (field == FieldId::kProgram) c.program_id = *text;
    if (field == FieldId::kTouchpoint) details.touchpoint = *text;
    if (field == FieldId::kOrgUnit) details.org_unit_id = *text;
    if (field == FieldId::kCategory) c.category = AsEnum<Category>(field, *text);
    if (field == FieldId::kOrigin) c.origin = AsEnum<CaseOrigin>(field, *text);
    if (field == FieldId::kEmotion) details.emotion = AsEnum<Emotion>(field, *text);
    if (field == FieldId::kChannel) answer.survey_channel = *text;
    if (field == FieldId::kLanguage) details.language = *text;
    if (field == FieldId::kRespondentRole) details.respondent_role = *text;
    if (field == FieldId::kAccount) details.account_id = *text;
    if (field == FieldId::kExternalAuthority) details.external_authority.authority = *text;
    if (field == FieldId::kPriority) c.priority = *text;
    if (field == FieldId::kReason) answer.reason.value = *text;
    if (field == FieldId::kSegment) customer.profile.segment = *text;
  } else if (number != nullptr) {
    if (field == FieldId::kScore) c.score = *number;
    if (field == FieldId::kSeverity) c.severity = static_cast<int32_t>(*number);
    if (field == FieldId::kReopenCount) c.reopen_count = static_cast<int32_t>(*number);
    if (field == FieldId::kValueAtRisk) {
      const Program* program = revision.FindProgram(c.program_id);
      details.value_at_risk = {*number,
                               program == nullptr ? Program{}.currency : program->currency};
    }
  } else if (truth != nullptr) {
    if (field == FieldId::kHistory) c.history = *truth;
    if (field == FieldId::kDoNotContact) customer.do_not_contact = *truth;
    if (field == FieldId::kContactRequested) answer.contact_requested = *truth;
  }
}

template <typename Id>
Id IdOf(size_t number) {
  Id id;
  id.bytes[14] = static_cast<uint8_t>(number >> 8U);
  id.bytes[15] = static_cast<uint8_t>(number & 0xFFU);
  return id;
}

void AddRemedy(const PastCase& past, const RemedyType& type, Timestamp at, Case& c) {
  Remedy& remedy = c.remedies.emplace_back();
  remedy.type_id = type.id;
  remedy.kind = type.kind;
  remedy.statutory = type.statutory;
  remedy.amount = past.amount;
  remedy.state = RemedyState::kAccepted;
  remedy.occurred_at = remedy.updated_at = at;
}

void AddCase(const PastCase& past, const RemedyType* type, const Revision& revision, Told& told) {
  const Timestamp at = kNow - past.ago;
  Case& c = told.cases.emplace_back();
  c.id = IdOf<CaseId>(told.cases.size());
  c.customer_id = told.customer.id;
  c.origin = CaseOrigin::kResponse;
  c.opened_at = at;
  c.details.topics = past.opening.topics;
  Response answer;
  answer.id = IdOf<ResponseId>(2 * told.cases.size());
  answer.customer_id = told.customer.id;
  answer.occurred_at = at;
  // In the order of the catalogue: the program before what counts in its currency and scale.
  for (const auto& [field, value] : past.opening.given) {
    Put(field, value, revision, c, answer, told.customer);
  }
  const Program* program = revision.FindProgram(c.program_id);
  const bool on_scale = c.score && program != nullptr && Contains(program->scale, *c.score);
  if (on_scale && c.category == Category::kUnset) c.category = Categorize(program->scale, *c.score);
  c.opening_response_id = answer.id;
  answer.program_id = c.program_id;
  answer.score = c.score.value_or(0);
  answer.category = c.category;
  told.responses.push_back(answer);
  if (type != nullptr) AddRemedy(past, *type, at, c);
  if (past.result != HandlingResult::kUnset) {
    c.handling_result = past.result;
    c.closed_at = at;
  }
  for (int i = 0; i < past.refused; ++i) {
    Attempt& attempt = c.attempts.emplace_back();
    attempt.direction = Direction::kOutbound;
    attempt.outcome = AttemptOutcome::kRefused;
    attempt.occurred_at = at;
  }
  if (!past.answered_low) return;
  answer.id = IdOf<ResponseId>(2 * told.cases.size() + 1);
  answer.occurred_at = at + std::chrono::days{1};
  answer.category = Category::kDetractor;
  told.responses.push_back(std::move(answer));
}

// nullopt: it names a remedy that is not there, which is noted.
std::optional<Told> Tell(ConfigReader& reader, const BlacklistTest& test,
                         const Revision& revision) {
  Told told;
  told.customer.id = IdOf<CustomerId>(1);
  for (const PastCase& past : test.history) {
    const RemedyType* type =
        past.remedy == nullptr ? nullptr : FindRemedyType(revision, past.remedy->text);
    if (past.remedy != nullptr && type == nullptr) {
      std::vector<std::string_view> ids;
      for (const RemedyType& each : revision.remedies) ids.push_back(each.id);
      reader.Fault(At(*past.remedy), messages::kUnknownRemedy, {Describe(*past.remedy)},
                   ids.empty() ? Fill(messages::kThereAreNone)
                               : Fill(messages::kThereAre, {JoinWords(ids)}));
      return std::nullopt;
    }
    AddCase(past, type, revision, told);
  }
  return told;
}

std::set<std::string_view> IdSet(const YamlNode& node) {
  std::set<std::string_view> ids;
  if (node.kind == YamlNode::Kind::kScalar) ids.insert(node.text);
  for (const YamlNode& item : node.children) ids.insert(item.text);
  return ids;
}

Bilingual Shown(const std::set<std::string_view>& ids) {
  const std::vector<std::string_view> words(ids.begin(), ids.end());
  return words.empty() ? Bilingual(kNothing) : JoinWords(words);
}

}  // namespace

std::vector<BlacklistTest> ReadBlacklistTests(ConfigReader& reader) {
  std::vector<BlacklistTest> tests;
  const YamlNode* list = reader.GetList(reader.root(), "tests", Need::kOptional, kMaxRuleTests);
  if (list == nullptr) return tests;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kATest, keys::kBlacklistTestKeys)) continue;
    tests.push_back(ReadBlacklistTest(reader, node));
  }
  return tests;
}

std::vector<RuleTestResult> RunBlacklistTests(ConfigReader& reader,
                                              const std::vector<BlacklistTest>& tests,
                                              const Revision& revision) {
  std::vector<RuleTestResult> results;
  std::vector<std::string_view> known;
  for (const BlacklistRule& rule : revision.blacklist.rules) known.push_back(rule.id);
  for (const BlacklistTest& test : tests) {
    RuleTestResult& result =
        results.emplace_back(RuleTestResult{test.name, reader.source().name(), test.line, {}});
    const std::optional<Told> told = Tell(reader, test, revision);
    if (!told || test.proposals == nullptr) continue;
    const CustomerHistory history = HistoryOf(&told->customer, told->cases, told->responses);
    std::set<std::string_view> found;
    for (const BlacklistRule& rule : revision.blacklist.rules) {
      if (EvaluateRule(rule, history, kNow)) found.insert(rule.id);
    }
    const std::set<std::string_view> expected = IdSet(*test.proposals);
    if (expected == found) continue;
    const auto stranger = std::find_if(expected.begin(), expected.end(), [&](std::string_view id) {
      return std::find(known.begin(), known.end(), id) == known.end();
    });
    result.mismatches.push_back({"proposals", Shown(expected).en, Shown(found).en});
    if (stranger == expected.end()) {
      reader.Fault(At(*test.proposals), messages::kTestFails,
                   {Fill(messages::kTestProposals), Shown(expected), test.name, Shown(found)},
                   Fill(messages::kCheckTest));
      continue;
    }
    const std::string_view nearest = Nearest(*stranger, known);
    reader.Fault(
        At(*test.proposals), messages::kWordOfKey,
        {Fill(messages::kIdOf, {Fill(messages::kABlacklistRule)}), "proposals", Quoted(*stranger)},
        nearest.empty() ? Fill(messages::kAddTo, {"blacklist.yaml"}) : DidYouMean(nearest));
  }
  return results;
}

}  // namespace rebound
