#include "workflows/customer.h"

#include <gtest/gtest.h>

namespace rebound {
namespace {

// Over every channel: the entry of the very channel decides, else that for all channels, else yes.
TEST(CustomerTest, TheNearestEntryDecides) {
  enum Said { kNothing, kGranted, kDenied };
  for (const Said own : {kNothing, kGranted, kDenied}) {
    for (const Said all : {kNothing, kGranted, kDenied}) {
      for (const bool own_first : {false, true}) {
        for (const bool do_not_contact : {false, true}) {
          Customer customer;
          customer.do_not_contact = do_not_contact;
          const auto add = [&](Channel channel, Said said) {
            if (said == kNothing) return;
            customer.consents.push_back(
                {channel, ConsentPurpose::kSurvey, said == kGranted, Timestamp{}, ""});
          };
          if (own_first) add(Channel::kSms, own);
          add(Channel::kUnset, all);
          if (!own_first) add(Channel::kSms, own);
          // Another channel's and another purpose's entries never matter.
          customer.consents.push_back(
              {Channel::kEmail, ConsentPurpose::kSurvey, false, Timestamp{}, ""});
          customer.consents.push_back(
              {Channel::kSms, ConsentPurpose::kRecovery, false, Timestamp{}, ""});
          const bool denied = own == kDenied || (own == kNothing && all == kDenied);
          const auto may = MayApproach(customer, Channel::kSms, ConsentPurpose::kSurvey);
          ASSERT_EQ(static_cast<bool>(may), !denied && !do_not_contact);
          if (!may) {
            EXPECT_EQ(may.error().reason,
                      do_not_contact ? Reason::kDoNotContact : Reason::kConsentDenied);
            EXPECT_EQ(may.error().metadata.at("customer"), ToString(customer.id));
          }
        }
      }
    }
  }
}

TEST(CustomerTest, ARefusalNamesChannelAndPurpose) {
  Customer customer;
  customer.consents.push_back({Channel::kUnset, ConsentPurpose::kRecovery, false, Timestamp{}, ""});
  const auto may = MayApproach(customer, Channel::kInPerson, ConsentPurpose::kRecovery);
  ASSERT_FALSE(may);
  EXPECT_EQ(may.error().metadata.at("channel"), "in_person");
  EXPECT_EQ(may.error().metadata.at("purpose"), "recovery");
}

}  // namespace
}  // namespace rebound
