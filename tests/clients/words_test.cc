// What a reader of Chinese is told: nothing of ours may stay English.
#include "clients/cli/words.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "rebound/v1/blacklist.pb.h"
#include "rebound/v1/case.pb.h"
#include "server/services/convert.h"
#include "workflows/blacklist_rules.h"
#include "workflows/event.h"
#include "workflows/lifecycle.h"

namespace rebound::cli {
namespace {

bool HasChinese(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0xE0; });
}

// The enums that a message has in its fields, at any depth.
void CollectEnums(const google::protobuf::Descriptor* type,
                  std::set<const google::protobuf::Descriptor*>* seen,
                  std::set<const google::protobuf::EnumDescriptor*>* enums) {
  if (!seen->insert(type).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->enum_type() != nullptr) enums->insert(type->field(i)->enum_type());
    if (type->field(i)->message_type() != nullptr) {
      CollectEnums(type->field(i)->message_type(), seen, enums);
    }
  }
}

TEST(WordsTest, EveryEnumOfACaseAndOfTheBlacklistHasChineseNamesThatDiffer) {
  std::set<const google::protobuf::Descriptor*> seen;
  std::set<const google::protobuf::EnumDescriptor*> enums;
  CollectEnums(v1::Case::descriptor(), &seen, &enums);
  CollectEnums(v1::BlacklistEntry::descriptor(), &seen, &enums);
  CollectEnums(v1::Permit::descriptor(), &seen, &enums);
  EXPECT_GT(enums.size(), 15U);
  for (const auto* type : enums) {
    std::set<std::string> names;
    for (int i = 0; i < type->value_count(); ++i) {
      const int value = type->value(i)->number();
      if (value == 0) {
        EXPECT_EQ(EnumWord(type, value, true), "");
        continue;
      }
      const std::string name = EnumWord(type, value, true);
      EXPECT_TRUE(HasChinese(name)) << type->value(i)->name();
      EXPECT_TRUE(names.insert(name).second) << name << " twice in " << type->name();
      EXPECT_FALSE(HasChinese(EnumWord(type, value, false))) << type->value(i)->name();
    }
  }
  EXPECT_EQ(EnumWord(v1::Channel_descriptor(), 77, true), "77") << "of a newer server";
}

TEST(WordsTest, EveryCommandAndRequirementHasAChineseNameBesideWhatIsTyped) {
  for (int i = 0; i < kCaseCommandCount; ++i) {
    const std::string command(Name(static_cast<CaseCommand>(i)));
    EXPECT_TRUE(HasChinese(CommandWord(command, true))) << command;
    EXPECT_TRUE(CommandWord(command, true).ends_with(' ' + command)) << command;
    EXPECT_EQ(CommandWord(command, false), command);
  }
  for (int i = 0; i < kEntryCommandCount; ++i) {
    const std::string command(Name(static_cast<EntryCommand>(i)));
    EXPECT_TRUE(HasChinese(CommandWord(command, true))) << command;
  }
  for (int i = 1; i < kBlacklistMeasureCount; ++i) {
    const std::string measure(Name(static_cast<BlacklistMeasure>(i)));
    EXPECT_TRUE(HasChinese(MeasureWord(measure, true))) << measure;
    EXPECT_EQ(MeasureWord(measure, false), measure);
  }
  EXPECT_EQ(CommandWord("move:verifying", true), "移至 move:verifying");
  EXPECT_EQ(CommandWord("of_a_newer_server", true), "of_a_newer_server");
  for (int i = 1; i < kRequiredFieldCount; ++i) {
    const std::string field(Name(static_cast<RequiredField>(i)));
    EXPECT_TRUE(HasChinese(RequirementWord(field, true))) << field;
  }
}

template <size_t... kIndex>
std::vector<EventBody> EveryBody(std::index_sequence<kIndex...>) {
  return {EventBody(std::in_place_index<kIndex>)...};
}

TEST(WordsTest, EveryEventOfACaseHasAChineseNameAndItsDetailsToo) {
  const std::set<std::string> others = {
      "CustomerCreated", "CustomerProfileChanged", "CustomerKeyAdded",
      "CustomerLinked",  "CustomerConsentChanged", "RevisionApplied",
      "ClockJumped",     "ClockConfirmed",         "ZoneDataChanged"};
  for (EventBody& body : EveryBody(std::make_index_sequence<std::variant_size_v<EventVariant>>())) {
    Event event;
    event.body = std::move(body);
    v1::CaseEvent shown;
    Fill(event, &shown);
    if (others.contains(shown.type()) || shown.type().starts_with("Entry")) continue;
    EXPECT_TRUE(HasChinese(EventWord(shown.type(), true))) << shown.type();
    EXPECT_EQ(EventWord(shown.type(), false), shown.type());
    for (const auto& [key, value] : shown.details()) {
      const std::string word = DetailWord(shown.type(), key, value, true);
      EXPECT_TRUE(HasChinese(word.substr(0, word.find('=')))) << shown.type() << ' ' << word;
    }
  }
}

TEST(WordsTest, DetailsOfEventsAreSaidInChineseButNotWhatPeopleWrote) {
  struct Row {
    const char* event;
    const char* key;
    const char* value;
    const char* zh;
  };
  for (const Row& row : {
           Row{"AttemptLogged", "channel", "phone", "渠道=电话"},
           Row{"AttemptLogged", "outcome", "no_answer", "结果=无人接听"},
           Row{"TierCrossed", "clock", "first_contact", "时限=首次联系"},
           Row{"TierCrossed", "breach", "yes", "超时=是"},
           Row{"CommitmentSettled", "state", "kept", "状态=已兑现"},
           Row{"RemedyRecorded", "state", "approved", "状态=已批准"},
           Row{"CaseReopened", "cause", "bad_resurvey", "缘由=复测不佳"},
           Row{"CaseAssigned", "owner", "no", "处理人=no"},
           Row{"AttemptLogged", "channel", "hologram", "渠道=hologram"},
           Row{"NewEvent", "novelty", "yes", "novelty=yes"},
       }) {
    EXPECT_EQ(DetailWord(row.event, row.key, row.value, true), row.zh);
    EXPECT_EQ(DetailWord(row.event, row.key, row.value, false),
              std::string(row.key) + "=" + row.value);
  }
}

}  // namespace
}  // namespace rebound::cli
