// The shipped notices as customers read them: each kind, each notice, both languages, as one golden
// file. UPDATE_GOLDEN=1 rewrites it; it is meant to be read.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "server/config/config.h"
#include "tests/server/config/config_fixtures.h"
#include "workflows/blacklist_notice.h"

namespace rebound {
namespace {

using std::chrono::days;
using Kind = BlacklistKind;
using Notice = BlacklistNotice;

// 2026-03-02T09:00:00Z, in the evening of the customers' day.
constexpr Timestamp kNoticeNow = FromMillis(1'772'442'000'000);

struct Listed {
  Kind kind = Kind::kUnset;
  const char* reason = "";
  BlacklistEffects effects{};
  BlacklistExtent extent{};
  const char* own_en = "";  // what the customer is told; both empty: the name of the reason
  const char* own_zh = "";
  const char* customer = "";  // their name; empty: not known
  bool is_upheld = false;     // the appeal
};

std::vector<Listed> OneOfEachKind() {
  using Extent = BlacklistExtent::Kind;
  std::vector<Listed> listed(5);
  listed[0] = {.kind = Kind::kDoNotContact, .reason = "refused_contact", .customer = "Wang Mei"};
  listed[1] = {.kind = Kind::kChannelLimit, .reason = "abusive_contact", .is_upheld = true};
  listed[1].effects.channels = {Channel::kPhone, Channel::kSms};
  listed[2] = {.kind = Kind::kNoGoodwill, .reason = "suspected_claimant", .customer = "王梅"};
  listed[2].effects.queue_id = "legal";
  listed[3] = {.kind = Kind::kRepeatCompensation,
               .reason = "frequent_compensation",
               .own_en = "Six vouchers in three months.",
               .own_zh = "三个月内六次领取优惠券。",
               .customer = "Wang Mei"};
  listed[3].effects.remedy_types = {"voucher", "points"};
  listed[3].extent = {Extent::kProgram, "touchpoint"};
  listed[4] = {.kind = Kind::kStaffSafety, .reason = "threat", .customer = "Wang Mei"};
  listed[4].effects.queue_id = "staff-safety";
  listed[4].extent = {Extent::kOrgUnit, "gd/shenzhen"};
  return listed;
}

// The entry when that notice of it goes out.
BlacklistEntry EntryAt(Notice notice, const Listed& listed) {
  const auto decide = [](BlacklistEntry& entry, BlacklistDecisionKind kind, Timestamp at) {
    entry.decisions.push_back({kind, "chen", at, {}});
  };
  BlacklistEntry entry;
  entry.number = 17;
  entry.kind = listed.kind;
  entry.effects = listed.effects;
  entry.extent = listed.extent;
  entry.reason_code = listed.reason;
  entry.customer_reason_en.value = listed.own_en;
  entry.customer_reason_zh.value = listed.own_zh;
  entry.starts_at = kNoticeNow - days{10};
  entry.expires_at = kNoticeNow + days{90};
  decide(entry, BlacklistDecisionKind::kWarned, kNoticeNow - days{8});
  entry.warned_at = kNoticeNow - days{8};
  entry.state = BlacklistState::kWarned;
  if (notice == Notice::kWarning) return entry;
  decide(entry, BlacklistDecisionKind::kActivated, kNoticeNow);
  entry.state = BlacklistState::kActive;
  entry.appeal_until = kNoticeNow + days{30};
  if (notice == Notice::kExtended) {
    decide(entry, BlacklistDecisionKind::kExtensionGranted, kNoticeNow + days{80});
    entry.expires_at = kNoticeNow + days{170};
    entry.appeal_until = kNoticeNow + days{110};
  }
  if (notice == Notice::kAppealDecided) {
    entry.appeal.state = listed.is_upheld ? AppealState::kUpheld : AppealState::kRejected;
  }
  if (notice == Notice::kLifted || (notice == Notice::kAppealDecided && listed.is_upheld)) {
    entry.state = BlacklistState::kLifted;
    entry.ended_at = kNoticeNow + days{20};
  }
  if (notice == Notice::kLapsed) {
    entry.state = BlacklistState::kLapsed;
    entry.ended_at = entry.expires_at;
  }
  return entry;
}

TEST(BlacklistNoticeGoldenTest, EveryKindIsToldInBothLanguages) {
  std::vector<ConfigError> errors;
  const auto loaded = LoadConfig(kRoot / "config", &errors);
  ASSERT_TRUE(loaded) << Render(errors);
  const Revision& revision = loaded->revision;
  std::string text;
  int count = 0;
  for (const Listed& listed : OneOfEachKind()) {
    Customer customer;
    customer.profile.display_name.value = listed.customer;
    for (int i = 1; IsForCustomer(static_cast<Notice>(i)); ++i) {
      const auto notice = static_cast<Notice>(i);
      const BlacklistEntry entry = EntryAt(notice, listed);
      for (const char* language : {"en", "zh"}) {
        const std::string name =
            std::string(Name(listed.kind)) + ", " + std::string(Name(notice)) + ", " + language;
        const auto rendered = RenderNotice(
            notice, {entry, customer, revision.contact.zone, language, kNoticeNow}, revision);
        ASSERT_TRUE(rendered) << name << ": " << Name(rendered.error().reason);
        EXPECT_EQ(rendered->text.find_first_of("{}"), std::string::npos) << rendered->text;
        for (const char* hole : {"  ", "..", "。。", ": .", "：。", "，，"}) {
          EXPECT_EQ(rendered->text.find(hole), std::string::npos) << rendered->text;
        }
        text += "== " + name + "\n" + rendered->subject + "\n\n" + rendered->text + "\n\n";
        ++count;
      }
    }
  }
  EXPECT_EQ(count, 60);
  const auto golden = kRoot / "tests/golden/blacklist_notices.txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) WriteText(golden, text);
  EXPECT_EQ(ReadText(golden), text) << "if this is meant: UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace rebound
