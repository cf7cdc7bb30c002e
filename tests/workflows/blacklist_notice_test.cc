// What customers read of blacklist entries: each variable of a notice by what the entry says, and
// which notices there are at all. The shipped words are in tests/golden/blacklist_notices.txt.
#include "workflows/blacklist_notice.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/fixtures/domain_fixtures.h"

namespace rebound {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using Kind = BlacklistKind;
using Notice = BlacklistNotice;
using State = BlacklistState;

// 2026-03-02T09:00:00Z.
using fixtures::kStart;
constexpr int kNotices = 6;  // to customers

// A day later in half of the world by evening.
Zone ShanghaiZone() {
  Zone zone;
  zone.name = "Asia/Shanghai";
  zone.first_offset = hours{8};
  return zone;
}

// Notices whose texts are their variables and nothing else.
Revision BareRevision() {
  Revision revision;
  revision.blacklist = DefaultBlacklistPolicy();
  for (int i = 1; i <= kNotices; ++i) {
    Template notice;
    notice.id = std::string(Name(static_cast<Notice>(i)));
    for (const std::string_view name : VariablesOf(static_cast<Notice>(i))) {
      const std::string line = std::string(name) + "={" + std::string(name) + "}\n";
      notice.text_en += line;
      notice.text_zh += line;
    }
    notice.subject_en = "on {entry_number}";
    notice.subject_zh = "关于 {entry_number}";
    revision.blacklist.notices.push_back(std::move(notice));
  }
  Program program;
  program.id = "hotline";
  program.display_name = "After a call";
  program.display_name_zh = "热线回访";
  revision.programs = {program};
  revision.remedies = {{"voucher", RemedyKind::kVoucher, "Voucher", "优惠券", false, true},
                       {"points", RemedyKind::kPoints, "Points", "积分", false, false},
                       {"nameless", RemedyKind::kPoints, "", "", false, false}};
  revision.org_units = {{"gd", "Guangdong", "广东", "", {}, {}}};
  return revision;
}

BlacklistEntry Proposed(Kind kind = Kind::kNoGoodwill) {
  BlacklistEntry entry;
  entry.number = 17;
  entry.kind = kind;
  entry.state = State::kProposed;
  entry.reason_code = "dishonest_claims";
  entry.proposer = "li";
  entry.starts_at = kStart - days{1};
  entry.expires_at = kStart + days{90};
  entry.created_at = kStart - days{1};
  return entry;
}

BlacklistEntry WithDecision(BlacklistEntry entry, BlacklistDecisionKind kind, Timestamp at) {
  entry.decisions.push_back({kind, "chen", at, {}});
  return entry;
}

BlacklistEntry Active(BlacklistEntry entry = Proposed(), Timestamp at = kStart - hours{2}) {
  entry = WithDecision(std::move(entry), BlacklistDecisionKind::kActivated, at);
  entry.state = State::kActive;
  entry.notified_at = at;
  entry.appeal_until = at + days{30};
  return entry;
}

BlacklistEntry Warned(BlacklistEntry entry = Proposed()) {
  entry = WithDecision(std::move(entry), BlacklistDecisionKind::kWarned, kStart - hours{3});
  entry.state = State::kWarned;
  entry.warned_at = kStart - hours{3};
  return entry;
}

BlacklistEntry Ended(BlacklistEntry entry, State state, Timestamp at = kStart - minutes{30}) {
  entry.state = state;
  entry.ended_at = at;
  return entry;
}

BlacklistEntry Appealed(BlacklistEntry entry, AppealState state) {
  entry.appeal.state = state;
  if (state == AppealState::kUpheld) entry = Ended(std::move(entry), State::kLifted);
  return entry;
}

BlacklistEntry AskedFor(BlacklistEntry entry, Timestamp until) {
  entry.extension = BlacklistExtension{"li", kStart, until, {}};
  return entry;
}

BlacklistEntry Suppressed() {
  BlacklistEntry entry = Proposed(Kind::kDoNotContact);
  entry.state = State::kActive;
  entry.is_suppression = true;
  return entry;
}

Customer Named(std::string name) {
  Customer customer;
  customer.profile.display_name.value = std::move(name);
  return customer;
}

class BlacklistNoticeTest : public testing::Test {
 protected:
  Result<Rendered> Read(Notice notice, const BlacklistEntry& entry, std::string_view language) {
    return RenderNotice(notice, {entry, customer_, zone_, language, kStart}, revision_);
  }

  // What stands for the variable; "" and a failure where there is no notice.
  std::string ValueOf(std::string_view variable, Notice notice, const BlacklistEntry& entry,
                      std::string_view language = "en") {
    const auto rendered = Read(notice, entry, language);
    if (!rendered) {
      ADD_FAILURE() << Name(notice) << ": " << Name(rendered.error().reason);
      return "";
    }
    const std::string key = std::string(variable) + "=";
    const size_t at = rendered->text.find(key);
    if (at == std::string::npos) {
      ADD_FAILURE() << variable << " is not in\n" << rendered->text;
      return "";
    }
    const size_t from = at + key.size();
    return rendered->text.substr(from, rendered->text.find('\n', from) - from);
  }

  Revision revision_ = BareRevision();
  Customer customer_ = Named("Wang Mei");
  Zone zone_ = ShanghaiZone();
};

TEST_F(BlacklistNoticeTest, ThereIsANoticeOfWhatHasComeAndOfWhatMayComeNext) {
  struct Row {
    const char* name;
    BlacklistEntry entry;
    std::set<Notice> told;
  };
  BlacklistEntry over = Proposed();
  over.expires_at = kStart;
  const Row rows[] = {
      {"proposed", Proposed(), {Notice::kWarning, Notice::kDecision}},
      {"proposed, and its end has come", over, {}},
      {"warned", Warned(), {Notice::kWarning, Notice::kDecision, Notice::kLifted, Notice::kLapsed}},
      {"rejected at once", Ended(Proposed(), State::kRejected), {}},
      {"rejected after a warning",
       Ended(Warned(), State::kRejected),
       {Notice::kWarning, Notice::kLifted}},
      {"lapsed undecided", Ended(Proposed(), State::kLapsed), {}},
      {"lapsed after a warning",
       Ended(Warned(), State::kLapsed),
       {Notice::kWarning, Notice::kLapsed}},
      {"active", Active(), {Notice::kDecision, Notice::kLifted, Notice::kLapsed}},
      {"an extension is asked for",
       AskedFor(Active(), kStart + days{120}),
       {Notice::kDecision, Notice::kExtended, Notice::kLifted, Notice::kLapsed}},
      {"an extension was granted",
       WithDecision(Active(), BlacklistDecisionKind::kExtensionGranted, kStart),
       {Notice::kDecision, Notice::kExtended, Notice::kLifted, Notice::kLapsed}},
      {"an extension was refused",
       WithDecision(Active(), BlacklistDecisionKind::kExtensionRefused, kStart),
       {Notice::kDecision, Notice::kLifted, Notice::kLapsed}},
      {"an appeal waits",
       Appealed(Active(), AppealState::kMade),
       {Notice::kDecision, Notice::kLifted, Notice::kLapsed}},
      {"an appeal was dismissed",
       Appealed(Active(), AppealState::kRejected),
       {Notice::kDecision, Notice::kAppealDecided, Notice::kLifted, Notice::kLapsed}},
      {"an appeal was upheld",
       Appealed(Active(), AppealState::kUpheld),
       {Notice::kDecision, Notice::kAppealDecided, Notice::kLifted}},
      {"lifted", Ended(Active(), State::kLifted), {Notice::kDecision, Notice::kLifted}},
      {"lapsed", Ended(Active(), State::kLapsed), {Notice::kDecision, Notice::kLapsed}},
      {"known again after an erasure", Suppressed(), {Notice::kLifted, Notice::kLapsed}},
  };
  for (const Row& row : rows) {
    for (int i = 0; i <= static_cast<int>(Notice::kReviewDue); ++i) {
      const auto notice = static_cast<Notice>(i);
      const bool told = row.told.contains(notice);
      EXPECT_EQ(MayTell(notice, row.entry, kStart), told) << row.name << ": " << Name(notice);
      const auto rendered = Read(notice, row.entry, "en");
      EXPECT_EQ(rendered.has_value(), told) << row.name << ": " << Name(notice);
      if (rendered || !IsForCustomer(notice)) continue;
      EXPECT_EQ(rendered.error().reason, Reason::kBlacklistNoticeNotDue) << row.name;
      EXPECT_EQ(rendered.error().metadata.at("entry"), "B-17");
      EXPECT_EQ(rendered.error().metadata.at("notice"), Name(notice));
      EXPECT_EQ(rendered.error().metadata.at("state"), Name(row.entry.state));
    }
  }
}

TEST_F(BlacklistNoticeTest, AConfigurationWithoutNoticesSaysSo) {
  revision_.blacklist.notices.clear();
  const auto rendered = Read(Notice::kDecision, Active(), "en");
  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().reason, Reason::kBlacklistNoticesNotConfigured);
  EXPECT_EQ(rendered.error().metadata, (Metadata{{"entry", "B-17"}, {"notice", "decision"}}));
}

TEST_F(BlacklistNoticeTest, TheLanguageIsThatOfTheTag) {
  for (const auto& [tag, subject] : std::vector<std::pair<const char*, const char*>>{
           {"", "on B-17"}, {"de", "on B-17"}, {"zh-CN", "关于 B-17"}, {"ZH", "关于 B-17"}}) {
    const auto rendered = Read(Notice::kDecision, Active(), tag);
    ASSERT_TRUE(rendered) << tag;
    EXPECT_EQ(rendered->subject, subject) << tag;
  }
}

TEST_F(BlacklistNoticeTest, NobodyIsAddressedByAHole) {
  for (const char* name : {"", "  ", "\n"}) {
    customer_ = Named(name);
    EXPECT_EQ(ValueOf("customer_name", Notice::kDecision, Active(), "en"), "customer");
    EXPECT_EQ(ValueOf("customer_name", Notice::kDecision, Active(), "zh"), "尊敬的客户");
  }
  customer_ = Named("王{梅}");
  EXPECT_EQ(ValueOf("customer_name", Notice::kDecision, Active(), "en"), "王{梅}");
}

TEST_F(BlacklistNoticeTest, TheReasonIsTheEntrysOwnElseItsName) {
  struct Row {
    const char* code;
    const char* own_en;
    const char* own_zh;
    const char* en;
    const char* zh;
  };
  const Row rows[] = {
      {"dishonest_claims", "", "", "Claims that were found to be untrue", "经核实存在不实诉求"},
      {"dishonest_claims", "Three claims", "三次申领", "Three claims", "三次申领"},
      {"dishonest_claims", "Three claims", "", "Three claims", "Three claims"},
      {"dishonest_claims", "", "三次申领", "三次申领", "三次申领"},
      {"dishonest_claims", " ", "\n", "Claims that were found to be untrue", "经核实存在不实诉求"},
      {"dishonest_claims", "Three claims. ", "三次申领。", "Three claims", "三次申领"},
      {"dishonest_claims", "Why three?", ".", "Why three?", "."},
      {"of_last_year", "", "", "of_last_year", "of_last_year"},
  };
  for (const Row& row : rows) {
    BlacklistEntry entry = Active();
    entry.reason_code = row.code;
    entry.customer_reason_en.value = row.own_en;
    entry.customer_reason_zh.value = row.own_zh;
    EXPECT_EQ(ValueOf("reason", Notice::kDecision, entry, "en"), row.en);
    EXPECT_EQ(ValueOf("reason", Notice::kDecision, entry, "zh"), row.zh);
  }
}

TEST_F(BlacklistNoticeTest, TheRestrictionIsToldByKindEffectsAndExtent) {
  struct Row {
    Kind kind;
    BlacklistEffects effects;
    BlacklistExtent extent;
    const char* en;
    const char* zh;
  };
  using Extent = BlacklistExtent::Kind;
  const BlacklistExtent anywhere;
  const Row rows[] = {
      {Kind::kDoNotContact,
       {},
       anywhere,
       "contact by us and all surveys",
       "我方主动与您联系及全部调研"},
      {Kind::kDoNotContact,
       {.program_ids = {"hotline", "gone"}},
       anywhere,
       "contact by us and these surveys: \"After a call\" and \"gone\"",
       "我方主动与您联系及以下调研：“热线回访”、“gone”"},
      {Kind::kChannelLimit,
       {.channels = {Channel::kPhone}},
       anywhere,
       "contact and surveys by phone",
       "以下方式的联系和调研：电话"},
      {Kind::kChannelLimit,
       {.channels = {Channel::kPhone, Channel::kSms, Channel::kEmail, Channel::kMessenger,
                     Channel::kApp, Channel::kLetter, Channel::kInPerson}},
       anywhere,
       "contact and surveys by phone, by text message, by e-mail, by messenger, in the app, by "
       "letter and in person",
       "以下方式的联系和调研：电话、短信、邮件、即时消息、应用、信函、当面"},
      {Kind::kNoGoodwill,
       {},
       anywhere,
       "compensation beyond what the law asks for",
       "法定赔付之外的补偿"},
      {Kind::kNoGoodwill,
       {.remedy_types = {"voucher", "points", "nameless"}, .queue_id = "legal"},
       {Extent::kOrgUnit, "gd"},
       "compensation of these kinds: Voucher, Points and nameless; a team of its own handles your "
       "complaints; only in Guangdong",
       "以下补偿：优惠券、积分、nameless；您的投诉由专门团队办理；仅限于广东"},
      {Kind::kRepeatCompensation,
       {},
       {Extent::kProgram, "hotline"},
       "compensation beyond what the law asks for; each takes the approval of a second person; "
       "only in matters of \"After a call\"",
       "法定赔付之外的补偿；每次须经另一名人员批准；仅限于涉及“热线回访”的事项"},
      {Kind::kStaffSafety,
       {.queue_id = "safe"},
       {Extent::kOrgUnit, "gd/gone"},
       "meetings in person, which take an approval; a team of its own handles your complaints; "
       "only in gd/gone",
       "当面会见，须事先批准；您的投诉由专门团队办理；仅限于gd/gone"},
  };
  for (const Row& row : rows) {
    BlacklistEntry entry = Active(Proposed(row.kind));
    entry.effects = row.effects;
    entry.extent = row.extent;
    EXPECT_EQ(ValueOf("restriction", Notice::kDecision, entry, "en"), row.en);
    EXPECT_EQ(ValueOf("restriction", Notice::kDecision, entry, "zh"), row.zh);
  }
}

TEST_F(BlacklistNoticeTest, TimesAreTheCustomersAndToTheMinute) {
  BlacklistEntry entry = Active();
  entry.expires_at = kStart + hours{7} + minutes{5} + std::chrono::milliseconds{59'999};
  EXPECT_EQ(ValueOf("end", Notice::kDecision, entry, "en"), "3 March 2026, 00:05");
  EXPECT_EQ(ValueOf("end", Notice::kDecision, entry, "zh"), "2026年3月3日 00:05");
  // An hour further, until the clocks change.
  zone_.first_offset = hours{-5};
  zone_.changes = {{kStart + hours{7}, hours{-4}}};
  EXPECT_EQ(ValueOf("end", Notice::kDecision, entry, "en"), "2 March 2026, 12:05");
  EXPECT_EQ(ValueOf("start", Notice::kDecision, entry, "en"), "2 March 2026, 02:00");
  zone_ = Zone{.name = "UTC"};
  entry.expires_at = FromMillis(1'798'761'600'000);  // 2027-01-01T00:00:00Z
  EXPECT_EQ(ValueOf("end", Notice::kDecision, entry, "en"), "1 January 2027, 00:00");
}

TEST_F(BlacklistNoticeTest, ItStartsWhenItHoldsWithoutAGap) {
  zone_ = Zone{.name = "UTC"};
  BlacklistEntry ahead = Active();
  ahead.starts_at = kStart + days{1};
  BlacklistEntry at_once = Proposed(Kind::kStaffSafety);
  at_once.immediate_until = at_once.starts_at + hours{72};
  BlacklistEntry too_late = Proposed(Kind::kStaffSafety);
  too_late.immediate_until = too_late.starts_at + hours{1};
  BlacklistEntry just_late = Proposed(Kind::kStaffSafety);
  just_late.immediate_until = kStart;
  struct Row {
    const char* name;
    BlacklistEntry entry;
    const char* start;
  };
  const Row rows[] = {
      {"decided after its start", Active(), "2 March 2026, 07:00"},
      {"decided before its start", ahead, "3 March 2026, 09:00"},
      {"not decided", Warned(), "2 March 2026, 09:00"},
      {"at once, and decided in time", Active(at_once), "1 March 2026, 09:00"},
      {"at once, but decided late", Active(too_late), "2 March 2026, 07:00"},
      {"at once, decided as it ended", Active(just_late, kStart), "2 March 2026, 09:00"},
      {"at once, and not decided", at_once, "1 March 2026, 09:00"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ValueOf("start", Notice::kDecision, row.entry), row.start) << row.name;
  }
}

TEST_F(BlacklistNoticeTest, ItEndsAsItIsDecidedAndNotAsItIsAskedFor) {
  zone_ = Zone{.name = "UTC"};
  constexpr const char* kEnd = "31 May 2026, 09:00";
  constexpr const char* kAsked = "30 June 2026, 09:00";
  constexpr const char* kEnded = "2 March 2026, 08:30";
  const BlacklistEntry asked = AskedFor(Active(), kStart + days{120});
  const BlacklistEntry granted =
      WithDecision(Active(), BlacklistDecisionKind::kExtensionGranted, kStart - hours{1});
  struct Row {
    const char* name;
    Notice notice;
    BlacklistEntry entry;
    const char* end;
  };
  const Row rows[] = {
      {"decided", Notice::kDecision, Active(), kEnd},
      {"decided, lifted since", Notice::kDecision, Ended(Active(), State::kLifted), kEnd},
      {"more is asked for", Notice::kDecision, asked, kEnd},
      {"the extension that is asked for", Notice::kExtended, asked, kAsked},
      {"granted, and still more asked for", Notice::kExtended,
       AskedFor(granted, kStart + days{120}), kEnd},
      {"upheld", Notice::kAppealDecided, Appealed(Active(), AppealState::kUpheld), kEnded},
      {"dismissed", Notice::kAppealDecided, Appealed(Active(), AppealState::kRejected), kEnd},
      {"dismissed, lifted since", Notice::kAppealDecided,
       Ended(Appealed(Active(), AppealState::kRejected), State::kLifted), kEnd},
      {"lapsed", Notice::kLapsed, Ended(Active(), State::kLapsed), kEnded},
      {"will lapse", Notice::kLapsed, Active(), kEnd},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ValueOf("end", row.notice, row.entry), row.end) << row.name;
  }
}

TEST_F(BlacklistNoticeTest, TheTimesToChangeAndToAppealAreThoseOfThePolicy) {
  zone_ = Zone{.name = "UTC"};
  revision_.blacklist.appeal_window = days{10};
  for (BlacklistKindPolicy& kind : revision_.blacklist.kinds) {
    if (kind.kind == Kind::kNoGoodwill) kind.warning_wait = days{3};
  }
  const BlacklistEntry granted =
      WithDecision(Active(), BlacklistDecisionKind::kExtensionGranted, kStart - hours{1});
  struct Row {
    const char* name;
    const char* variable;
    Notice notice;
    BlacklistEntry entry;
    const char* value;
  };
  constexpr const char* kAsTold = "1 April 2026, 07:00";
  constexpr const char* kFromNow = "12 March 2026, 09:00";
  const Row rows[] = {
      {"warned", "change_by", Notice::kWarning, Warned(), "5 March 2026, 06:00"},
      {"to be warned", "change_by", Notice::kWarning, Proposed(), "5 March 2026, 09:00"},
      {"of a kind without a wait", "change_by", Notice::kWarning,
       Warned(Proposed(Kind::kStaffSafety)), "9 March 2026, 06:00"},
      {"decided", "appeal_until", Notice::kDecision, Active(), kAsTold},
      {"to be decided", "appeal_until", Notice::kDecision, Proposed(), kFromNow},
      {"extended", "appeal_until", Notice::kExtended, granted, kAsTold},
      {"to be extended", "appeal_until", Notice::kExtended, AskedFor(Active(), kStart + days{120}),
       kFromNow},
      {"to be extended after an appeal", "appeal_until", Notice::kExtended,
       AskedFor(Appealed(Active(), AppealState::kRejected), kStart + days{120}), kAsTold},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ValueOf(row.variable, row.notice, row.entry), row.value) << row.name;
  }
  revision_.blacklist.kinds.clear();  // nobody can be listed any more; who was warned was
  EXPECT_EQ(ValueOf("change_by", Notice::kWarning, Warned()), "9 March 2026, 06:00");
}

TEST_F(BlacklistNoticeTest, TheOutcomeIsThatOfTheAppeal) {
  const BlacklistEntry upheld = Appealed(Active(), AppealState::kUpheld);
  const BlacklistEntry dismissed = Appealed(Active(), AppealState::kRejected);
  EXPECT_EQ(ValueOf("outcome", Notice::kAppealDecided, upheld, "en"),
            "you were right, and the restriction has ended");
  EXPECT_EQ(ValueOf("outcome", Notice::kAppealDecided, upheld, "zh"), "申诉成立，限制措施已经解除");
  EXPECT_EQ(ValueOf("outcome", Notice::kAppealDecided, dismissed, "en"),
            "the restriction stays as it is");
  EXPECT_EQ(ValueOf("outcome", Notice::kAppealDecided, dismissed, "zh"),
            "申诉不成立，限制措施维持不变");
}

}  // namespace
}  // namespace rebound
