#include "workflows/playbook.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "workflows/filter.h"

namespace rebound {
namespace {

bool Holds(std::string_view rule, const OpeningFacts& facts) {
  auto when = ParseFilter(rule, Use::kOpeningRule);
  CHECK(when);
  return Evaluate(*when, facts);
}

TEST(OpeningFactsTest, RulesSeeTheCaseItsAnswerAndItsCustomer) {
  Response response;
  response.reason.value = "The AirCon 空调 never worked";
  response.survey_channel = "kiosk";
  response.contact_requested = true;
  Customer customer;
  customer.profile.segment = "vip";
  customer.do_not_contact = true;
  Case c;
  c.score = 3;
  c.program_id = "hotel";
  c.details.touchpoint = "room/heating";
  const OpeningFacts facts(c, &response, &customer);
  for (std::string_view rule :
       {"score <= 3 AND program = hotel AND touchpoint:room", "reason:aircon", "reason:空调",
        "reason:AIRCON AND NOT reason:heater", "contact_requested = true", "channel = kiosk",
        "segment = vip AND do_not_contact = true", "NOT topic:* AND NOT emotion:*", "reason:*"}) {
    EXPECT_TRUE(Holds(rule, facts)) << rule;
  }
}

TEST(OpeningFactsTest, WithoutAnAnswerTheRequestIsWhatTheCustomerSaid) {
  Case c;
  c.origin = CaseOrigin::kComplaint;
  c.details.customer_request.value = "Refund my ticket";
  c.details.topics = {"price", "staff"};
  c.details.external_authority.authority = "12315";
  c.details.emotion = Emotion::kAngry;
  c.details.preferred_channel = Channel::kPhone;
  const OpeningFacts facts(c, nullptr, nullptr);
  for (std::string_view rule :
       {"reason:refund", "topic:staff AND NOT topic:staf", "external_authority = 12315",
        "emotion = angry", "channel = phone", "contact_requested = false", "NOT segment:*",
        "NOT do_not_contact = false", "external_authority:*"}) {
    EXPECT_TRUE(Holds(rule, facts)) << rule;
  }
  c.origin = CaseOrigin::kContactRequest;
  EXPECT_TRUE(Holds("contact_requested = true", OpeningFacts(c, nullptr, nullptr)));
}

TEST(OpeningFactsTest, TheChannelThatTheCustomerPrefersComesFirst) {
  Response response;
  response.survey_channel = "kiosk";
  Case c;
  c.details.preferred_channel = Channel::kPhone;
  EXPECT_TRUE(Holds("channel = phone", OpeningFacts(c, &response, nullptr)));
}

TEST(ChoosePlaybookTest, TheFirstThatHoldsIsTaken) {
  std::vector<Playbook> playbooks(3);
  playbooks[0].id = "cold";
  playbooks[0].when = Compare(FieldId::kReason, Op::kHas, std::string("cold"));
  playbooks[1].id = "low";
  playbooks[1].when = Compare(FieldId::kScore, Op::kLess, int64_t{3});
  playbooks[2].id = "last";
  Case c;
  c.score = 1;
  Response response;
  response.reason.value = "Too cold";
  EXPECT_EQ(ChoosePlaybook(playbooks, c, nullptr, &response)->id, "cold");
  EXPECT_EQ(ChoosePlaybook(playbooks, c, nullptr)->id, "low");
  c.score = 5;
  EXPECT_EQ(ChoosePlaybook(playbooks, c, nullptr)->id, "last");
  playbooks.pop_back();
  EXPECT_EQ(ChoosePlaybook(playbooks, c, nullptr), nullptr);
}

}  // namespace
}  // namespace rebound
