// What blacklist.yaml is read into. Its mistakes are in broken_configs.cc.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/config/config.h"
#include "tests/server/config/config_fixtures.h"
#include "workflows/blacklist_rules.h"
#include "workflows/template.h"

namespace rebound {
namespace {

using std::chrono::days;
using Kind = BlacklistKind;

constexpr const char* kSmall = R"(version: 1
blacklist:
  appeal_window: 20 days
  kinds:
    - {kind: channel_limit, max_duration: 180 days, effects: {channels: [sms, phone]},
       warn_first: true, legal_basis: interest, propose_roles: agent, decide_roles: [manager]}
    - {kind: repeat_compensation, max_duration: 365 days, review_interval: 90 days,
       legal_basis: interest}
  reasons:
    - id: too_often
      name: {en: Too often, zh: 过于频繁}
      kinds: repeat_compensation
      checklist: [{en: Each compensation, zh: 每一次补偿}]
  rules:
    - id: often
      name: {en: Often}
      kind: repeat_compensation
      alternatives:
        - when: 'touchpoint : billing'
          counts: [{measure: remedies_granted, within: 1 weeks, at_least: 3}]
        - counts: [{measure: remedy_sum, within: 36 hours, currency: JPY, amount: 5000}]
      proposal: {duration: 30 days, reason: too_often, extent: {program: hotline}}
)";

TEST(BlacklistConfigTest, EveryFieldIsRead) {
  const BlacklistPolicy policy = ParseWith("blacklist.yaml", kSmall).revision.blacklist;
  EXPECT_EQ(policy.appeal_window, Duration{days{20}});
  EXPECT_EQ(policy.appeal_decision, Duration{days{14}});
  ASSERT_EQ(policy.kinds.size(), 2U);
  BlacklistKindPolicy limit;
  limit.kind = Kind::kChannelLimit;
  limit.max_duration = days{180};
  limit.effects.channels = {Channel::kSms, Channel::kPhone};
  limit.legal_basis = "interest";
  limit.warn_first = true;
  limit.warning_wait = days{7};
  limit.propose_roles = {"agent"};
  limit.decide_roles = {"manager"};
  EXPECT_EQ(policy.kinds[0], limit);
  EXPECT_EQ(policy.kinds[1].review_interval, Duration{days{90}});
  ASSERT_EQ(policy.reasons.size(), 1U);
  EXPECT_EQ(policy.reasons[0], (BlacklistReason{"too_often",
                                                "Too often",
                                                "过于频繁",
                                                {Kind::kRepeatCompensation},
                                                {{"Each compensation", "每一次补偿"}}}));
  ASSERT_EQ(policy.rules.size(), 1U);
  const BlacklistRule& rule = policy.rules[0];
  EXPECT_EQ(rule.name_zh, "Often");
  EXPECT_EQ(rule.cool_down, Duration{days{90}});
  ASSERT_EQ(rule.alternatives.size(), 2U);
  EXPECT_EQ(Canonical(rule.alternatives[0].when), "touchpoint:\"billing\"");
  EXPECT_EQ(rule.alternatives[0].counts,
            (std::vector<BlacklistCount>{{BlacklistMeasure::kRemediesGranted, days{7}, 3, ""}}));
  EXPECT_EQ(rule.alternatives[1].counts,
            (std::vector<BlacklistCount>{
                {BlacklistMeasure::kRemedySum, std::chrono::hours{36}, 5000, "JPY"}}));
  EXPECT_EQ(rule.proposal.extent, (BlacklistExtent{BlacklistExtent::Kind::kProgram, "hotline"}));
}

TEST(BlacklistConfigTest, TheCanonicalTextReadsBackAsItWas) {
  const LoadedConfig loaded = ParseWith("blacklist.yaml", kSmall);
  const auto read = ParseCanonical(loaded.canonical_text);
  ASSERT_TRUE(read) << read.error().metadata.at("detail");
  EXPECT_EQ(read->blacklist, loaded.revision.blacklist);
  EXPECT_EQ(read->hash, loaded.hash);
}

TEST(BlacklistConfigTest, WithoutTheFileEveryKindMayBeProposedAndNothingIsByItself) {
  const BlacklistPolicy policy = ParseGood(kPrograms, kPlaybooks).revision.blacklist;
  EXPECT_EQ(policy, DefaultBlacklistPolicy());
  EXPECT_EQ(static_cast<int>(policy.kinds.size()), kBlacklistKindCount - 1);
  EXPECT_TRUE(policy.rules.empty());
}

TEST(BlacklistConfigTest, NoKindsMeansThatNobodyCanBeListed) {
  const LoadedConfig loaded =
      ParseWith("blacklist.yaml", "version: 1\nblacklist: {kinds: [], reasons: []}\n");
  EXPECT_TRUE(loaded.revision.blacklist.kinds.empty());
  const auto read = ParseCanonical(loaded.canonical_text);
  ASSERT_TRUE(read) << read.error().metadata.at("detail");
  EXPECT_TRUE(read->blacklist.kinds.empty());
}

TEST(BlacklistConfigTest, ADifferenceIsToldByRuleAndKind) {
  std::string changed = kSmall;
  changed.replace(changed.find("at_least: 3"), 11, "at_least: 4");
  changed.replace(changed.find("max_duration: 180 days"), 22, "max_duration: 100 days");
  const Revision before = ParseWith("blacklist.yaml", kSmall).revision;
  const Revision after = ParseWith("blacklist.yaml", changed).revision;
  EXPECT_EQ(DiffRevisions(before, after), R"(blacklist.kinds channel_limit: changed
-       max_duration: 180 days
+       max_duration: 100 days

blacklist.rules often: changed
-             - {measure: remedies_granted, within: 7 days, at_least: 3}
+             - {measure: remedies_granted, within: 7 days, at_least: 4}
)");
}

TEST(BlacklistConfigTest, ADraftIsHeldAgainstTheRestOfTheRevision) {
  const Revision revision = ParseGood(kPrograms, kPlaybooks).revision;
  std::vector<ConfigError> errors;
  const auto policy = ReadBlacklistDraft({"blacklist.yaml", kSmall}, revision, &errors);
  ASSERT_TRUE(policy) << Render(errors);
  EXPECT_EQ(policy->rules.size(), 1U);
  std::string elsewhere = kSmall;
  elsewhere.replace(elsewhere.find("program: hotline"), 16, "program: hotlime");
  EXPECT_FALSE(ReadBlacklistDraft({"blacklist.yaml", elsewhere}, revision, &errors));
  ASSERT_EQ(errors.size(), 1U) << Render(errors);
  EXPECT_EQ(errors[0].code, "C008");
}

TEST(BlacklistConfigTest, TheShippedRulesMayBeInForceAndItsTextsSayNothingBad) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  EXPECT_TRUE(loaded->warnings.empty()) << Render(loaded->warnings);
  const BlacklistPolicy& policy = loaded->revision.blacklist;
  for (const BlacklistRule& rule : policy.rules) {
    EXPECT_TRUE(CheckRule(rule, policy).empty()) << rule.id;
  }
  EXPECT_NE(loaded->canonical_text.find("疑似牟利性索赔"), std::string::npos);
  for (const char* word : {"恶意", "职业打假", "malicious", "vexatious", "fraudster"}) {
    EXPECT_EQ(loaded->canonical_text.find(word), std::string::npos) << word;
  }
  for (const BlacklistReason& reason : policy.reasons) {
    EXPECT_EQ(reason.checklist.size() >= 5, reason.id == "suspected_claimant") << reason.id;
  }
}

TEST(BlacklistConfigTest, SuspectedClaimsAreProposedForTheEyesOfLegal) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  const BlacklistRule* rule = loaded->revision.blacklist.FindRule("suspected-claimant");
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->proposal.reason_code, "suspected_claimant");
  BlacklistEffects legal;
  legal.queue_id = "legal";
  EXPECT_EQ(rule->proposal.effects, legal);
  const QueueDef* queue = loaded->revision.FindQueue("legal");
  ASSERT_NE(queue, nullptr);
  EXPECT_EQ(queue->name_zh, "法务");
  EXPECT_EQ(ParseCanonical(loaded->canonical_text)->blacklist, loaded->revision.blacklist);
}

TEST(BlacklistConfigTest, TheShippedNoticesRenderInBothLanguages) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  const std::vector<Template>& notices = loaded->revision.blacklist.notices;
  ASSERT_EQ(notices.size(), 6U);
  for (int i = 1; IsForCustomer(static_cast<BlacklistNotice>(i)); ++i) {
    const auto notice = static_cast<BlacklistNotice>(i);
    const Template& texts = notices[static_cast<size_t>(i - 1)];
    EXPECT_EQ(texts.id, Name(notice));
    std::map<std::string, std::string> values;
    for (const std::string_view name : VariablesOf(notice)) values[std::string(name)] = "值 1";
    for (const char* language : {"en", "zh-CN"}) {
      const auto rendered = rebound::Render(texts, language, values);
      ASSERT_TRUE(rendered) << texts.id << ' ' << language;
      EXPECT_FALSE(rendered->subject.empty());
      EXPECT_EQ(rendered->text.find('{'), std::string::npos) << rendered->text;
    }
  }
}

TEST(BlacklistConfigTest, TestsTellWhatWasProposedInstead) {
  std::vector<ConfigError> errors;
  std::vector<RuleTestResult> results;
  const std::string tests = R"(tests:
  - name: three in a week
    history:
      - {ago: 1 days, given: {touchpoint: billing/bill}, remedy: gift}
      - {ago: 2 days, given: {touchpoint: billing}, remedy: gift}
      - {ago: 7 days, given: {touchpoint: billing}, remedy: gift}
    expect: {proposals: often}
  - name: elsewhere
    history:
      - {ago: 1 days, given: {touchpoint: billing}, remedy: gift}
      - {ago: 2 days, given: {touchpoint: billing}, remedy: gift}
      - {ago: 3 days, given: {touchpoint: network}, remedy: gift}
    expect: {proposals: often}
)";
  EXPECT_FALSE(ParseConfig({{"programs.yaml", kPrograms},
                            {"playbooks.yaml", kPlaybooks},
                            {"remedies.yaml",
                             "version: 1\nremedies: {catalogue: [{id: gift, name: {en: G}, kind: "
                             "voucher}]}\n"},
                            {"blacklist.yaml", kSmall + tests}},
                           &errors, &results));
  ASSERT_EQ(errors.size(), 1U) << Render(errors);
  EXPECT_EQ(errors[0].code, "C016");
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results[0].passed());
  EXPECT_EQ(results[1].mismatches,
            (std::vector<RuleTestResult::Mismatch>{{"proposals", "often", "none"}}));
}

}  // namespace
}  // namespace rebound
