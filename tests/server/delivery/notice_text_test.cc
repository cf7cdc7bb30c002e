#include "server/delivery/notice_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "workflows/event.h"

namespace rebound {
namespace {

using testing::HasSubstr;
using testing::Not;

template <size_t... index>
std::vector<std::string> NamesOfAll(std::index_sequence<index...>) {
  return {std::string(TypeName(EventBody(std::variant_alternative_t<index, EventVariant>{})))...};
}

TEST(NoticeTextTest, EveryEventHasASentenceInBothLanguages) {
  const auto names = NamesOfAll(std::make_index_sequence<std::variant_size_v<EventVariant>>{});
  EXPECT_GT(names.size(), 70U);
  for (const std::string& name : names) {
    EXPECT_TRUE(HasNotice(name)) << name;
    api::Event event;
    event.set_type(name);
    for (const char* language : {"en", "zh-CN"}) {
      EXPECT_THAT(NoticeOf(event, language, nullptr).subject, Not(HasSubstr(name)));
    }
  }
  EXPECT_FALSE(HasNotice("Nothing"));
}

TEST(NoticeTextTest, SaysWhatIsDueAndNothingOfTheCustomer) {
  api::Event event;
  event.set_type("TierCrossed");
  event.set_case_number("C-1042");
  event.set_status("in_progress");
  event.set_customer_id("customer-id");
  event.set_note("words of the customer");
  event.mutable_occur_time()->set_seconds(1'614'265'330);
  auto& details = *event.mutable_details();
  details["due"] = "2021-02-25T16:30:00.000Z";
  details["clock"] = "first_contact";
  details["email"] = "li@example.com";
  const Zone shanghai{.name = "Asia/Shanghai", .first_offset = std::chrono::hours{8}};

  const Notice english = NoticeOf(event, "en", nullptr);
  EXPECT_EQ(english.subject, "[C-1042] a deadline comes near or has passed");
  EXPECT_EQ(english.text,
            "Case: C-1042\n"
            "What happened: a deadline comes near or has passed\n"
            "Status: in_progress\n"
            "Due: 2021-02-25 16:30 (UTC+00:00)\n"
            "Deadline: first_contact\n"
            "When: 2021-02-25 15:02 (UTC+00:00)\n");
  const Notice chinese = NoticeOf(event, "zh-CN", &shanghai);
  EXPECT_EQ(chinese.subject, "[C-1042] 时限临近或已超时");
  EXPECT_EQ(chinese.text,
            "工单：C-1042\n"
            "事项：时限临近或已超时\n"
            "状态：in_progress\n"
            "应完成于：2021-02-26 00:30 (UTC+08:00)\n"
            "时限：first_contact\n"
            "发生于：2021-02-25 23:02 (UTC+08:00)\n");
}

}  // namespace
}  // namespace rebound
