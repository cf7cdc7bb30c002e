// What is personal is said in the API itself, for every field that can hold a word; and the export
// of one person holds all of it, is of one instant, and is for nobody else.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/event.pb.h"
#include "rebound/v1/options.pb.h"
#include "server/services/split.h"
#include "tests/fixtures/marked_person.h"
#include "workflows/limits.h"

namespace rebound::fixtures {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

bool HoldsWords(const FieldDescriptor& field) {
  return field.is_map() || field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

bool IsPersonal(const FieldDescriptor& field) {
  return field.options().GetExtension(api::personal);
}

// "Case.contact_person".
std::string NameOf(const FieldDescriptor& field) {
  return field.containing_type()->name() + "." + field.name();
}

// Every message of the API that is reached from `type`, itself included.
void Reach(const Descriptor* type, std::set<const Descriptor*>* reached) {
  if (type->file()->package() != "rebound.v1" || !reached->insert(type).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (!field->is_map() && field->message_type() != nullptr) Reach(field->message_type(), reached);
  }
}

// The names of those fields of the stored resources, and of what an export is made of, that hold
// words and are personal or not.
std::set<std::string> FieldsThatAre(bool personal) {
  std::set<const Descriptor*> reached;
  for (const Descriptor* root :
       {api::Customer::descriptor(), api::Response::descriptor(), api::Case::descriptor(),
        api::BlacklistEntry::descriptor(), api::PersonEvent::descriptor(),
        api::ExportSummary::descriptor()}) {
    Reach(root, &reached);
  }
  // Followed, not exported: its note is a case event's.
  if (!personal) Reach(api::Event::descriptor(), &reached);
  std::set<std::string> names;
  for (const Descriptor* type : reached) {
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor& field = *type->field(i);
      if (HoldsWords(field) && IsPersonal(field) == personal) names.insert(NameOf(field));
    }
  }
  return names;
}

// A new field fails this test until somebody has said which it is.
TEST(PersonalFieldsTest, EveryFieldThatHoldsWordsIsPersonalOrKnownNotToBe) {
  std::string text;
  for (const std::string& name : FieldsThatAre(false)) text += name + "\n";
  const std::string path = REBOUND_SOURCE_DIR "/tests/golden/api/not_personal_fields.txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in.is_open()) << path << " is missing; UPDATE_GOLDEN=1 writes it";
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str())
      << "Mark a new field with [(personal) = true] in its .proto and fill it in\n"
         "tests/fixtures/marked_person.cc, or name it in "
      << path;
}

// The option is for words: elsewhere neither the export's test nor the erasure's would see it.
TEST(PersonalFieldsTest, OnlyFieldsThatHoldWordsAreMarked) {
  std::set<const google::protobuf::FileDescriptor*> files;
  const std::function<void(const google::protobuf::FileDescriptor*)> add = [&](const auto* file) {
    if (file->package() != "rebound.v1" || !files.insert(file).second) return;
    for (int i = 0; i < file->dependency_count(); ++i) add(file->dependency(i));
  };
  for (const auto* method : AllMethods()) add(method->file());
  int marked = 0;
  for (const auto* file : files) {
    for (int m = 0; m < file->message_type_count(); ++m) {
      for (int i = 0; i < file->message_type(m)->field_count(); ++i) {
        const FieldDescriptor& field = *file->message_type(m)->field(i);
        if (!IsPersonal(field)) continue;
        ++marked;
        EXPECT_TRUE(HoldsWords(field)) << NameOf(field);
      }
    }
  }
  EXPECT_GT(marked, 40);
}

// Visits each string below the message with the field that says whether it is personal: of a map
// that one which is the map.
void VisitWords(const Message& message,
                const std::function<void(const FieldDescriptor&, const std::string&)>& visit,
                const FieldDescriptor* map = nullptr) {
  const Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        VisitWords(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                        : reflection->GetMessage(message, field),
                   visit, field->is_map() ? field : nullptr);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        visit(map != nullptr ? *map : *field, field->is_repeated()
                                                  ? reflection->GetRepeatedString(message, field, i)
                                                  : reflection->GetString(message, field));
      }
    }
  }
}

class ExportTest : public testing::Test {
 protected:
  static std::string JsonOf(const Exported& exported) {
    std::string all;
    for (const api::ExportCustomerResponse& item : exported.items) {
      std::string json;
      EXPECT_TRUE(google::protobuf::util::MessageToJsonString(item, &json).ok());
      all += json + "\n";
    }
    return all;
  }
  static api::ExportSummary SummaryOf(const Exported& exported) {
    EXPECT_TRUE(exported.status.ok()) << ToRefusal(exported.status);
    EXPECT_FALSE(exported.items.empty());
    if (exported.items.empty()) return {};
    EXPECT_TRUE(exported.items.back().has_summary());
    return exported.items.back().summary();
  }
  // How many words of the person are nowhere in it.
  static size_t Missing(const MarkedPerson& person, const std::string& json) {
    size_t missing = 0;
    for (const Marker& marker : person.markers) {
      if (json.find(marker.word) == std::string::npos) ++missing;
    }
    return missing;
  }

  TestServer server_{TestServerOptions{.revision = MarkedPersonRevision()}};
};

TEST_F(ExportTest, EveryPersonalFieldOfAPersonIsInIt) {
  const MarkedPerson person = MakeMarkedPerson(server_, 1);
  const MarkedPerson other = MakeMarkedPerson(server_, 2);
  std::set<std::string> filled, words;
  for (const Marker& marker : person.markers) {
    filled.insert(marker.field);
    EXPECT_TRUE(words.insert(marker.word).second) << marker.field;
    EXPECT_THAT(marker.word, SizeIs(14));
  }
  EXPECT_EQ(filled, FieldsThatAre(true))
      << "fill each personal field in tests/fixtures/marked_person.cc";

  for (const std::string& record : {person.customer_id, person.alias_id}) {
    const Exported exported = ExportOf(server_, "manager", record);
    const std::string json = JsonOf(exported);
    for (const Marker& marker : person.markers) {
      EXPECT_NE(json.find(marker.word), std::string::npos)
          << marker.field << " = " << marker.word << " is missing";
    }
    EXPECT_EQ(Missing(other, json), other.markers.size()) << "another person's words are in it";
    // What is in it stands where it is said to be personal, and nowhere else.
    std::set<std::string> found;
    for (const api::ExportCustomerResponse& item : exported.items) {
      VisitWords(item, [&](const FieldDescriptor& field, const std::string& value) {
        for (const Marker& marker : person.markers) {
          if (value.find(marker.word) == std::string::npos) continue;
          EXPECT_TRUE(IsPersonal(field))
              << NameOf(field) << " holds what was put into " << marker.field;
          found.insert(NameOf(field));
        }
      });
    }
    EXPECT_EQ(found, filled);
  }
}

TEST_F(ExportTest, ItComesInOrderAndTheSummaryCountsIt) {
  const MarkedPerson person = MakeMarkedPerson(server_, 1);
  const Exported exported = ExportOf(server_, "admin", person.alias_id);
  std::vector<std::string> customers, responses, cases, entries;
  std::vector<int64_t> sequences;
  std::vector<int> kinds;
  for (const api::ExportCustomerResponse& item : exported.items) {
    const int kind = static_cast<int>(item.item_case());
    if (kinds.empty() || kinds.back() != kind) kinds.push_back(kind);
    if (item.has_customer()) customers.push_back(item.customer().id());
    if (item.has_response()) responses.push_back(item.response().id());
    if (item.has_case_()) cases.push_back(item.case_().id());
    if (item.has_blacklist_entry()) entries.push_back(item.blacklist_entry().id());
    if (item.has_event()) sequences.push_back(item.event().sequence());
  }
  EXPECT_THAT(kinds, ElementsAre(1, 7, 2, 3, 4, 5, 6));
  EXPECT_THAT(customers, ElementsAre(person.customer_id, person.alias_id));
  EXPECT_THAT(responses, SizeIs(2));
  EXPECT_THAT(cases, ElementsAre(person.worked_case, person.told_case));
  EXPECT_THAT(entries, ElementsAre(person.active_entry, person.warned_entry));
  EXPECT_TRUE(std::is_sorted(sequences.begin(), sequences.end()));
  EXPECT_EQ(std::set<int64_t>(sequences.begin(), sequences.end()).size(), sequences.size());
  const api::ExportSummary summary = SummaryOf(exported);
  EXPECT_EQ(summary.customer_count(), 2);
  EXPECT_EQ(summary.behaviour_count(), 1);
  EXPECT_EQ(summary.response_count(), 2);
  EXPECT_EQ(summary.case_count(), 2);
  EXPECT_EQ(summary.blacklist_entry_count(), 2);
  EXPECT_EQ(summary.event_count(), static_cast<int64_t>(sequences.size()));
  EXPECT_EQ(summary.last_sequence(), server_.LastSequence());
  EXPECT_TRUE(summary.whole());
  EXPECT_GT(sequences.size(), 40u);
}

TEST_F(ExportTest, WhatALimitedIdentityDoesNotSeeIsNotInIt) {
  const MarkedPerson person = MakeMarkedPerson(server_, 1);
  server_.AddIdentity("gd", "manager", {.org_units = {"gd"}, .queues = {}});
  server_.AddIdentity("east", "manager", {.org_units = {"east"}, .queues = {}});
  const auto elsewhere = server_.Do<api::OpenCaseResponse>(
      "admin", "case { program_id: \"touchpoint\" org_unit_id: \"east\" customer_id: \"" +
                   person.customer_id + "\" customer_request: \"seen in the east alone\" }");
  EXPECT_TRUE(SummaryOf(ExportOf(server_, "admin", person.customer_id)).whole());

  const Exported part = ExportOf(server_, "gd", person.customer_id);
  EXPECT_FALSE(SummaryOf(part).whole()) << "nobody is told that this is everything";
  EXPECT_EQ(SummaryOf(part).case_count(), 2);
  const std::string json = JsonOf(part);
  EXPECT_EQ(json.find("seen in the east alone"), std::string::npos);
  EXPECT_EQ(json.find(elsewhere.case_().id()), std::string::npos);
  EXPECT_EQ(Missing(person, json), 0u);

  // The customer is of another unit: there is none.
  const Exported hidden = ExportOf(server_, "east", person.customer_id);
  const Exported nobody = ExportOf(server_, "east", "00000000000000000000000001");
  EXPECT_EQ(hidden.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(hidden.items, IsEmpty());
  EXPECT_EQ(ToRefusal(hidden.status).bytes, ToRefusal(nobody.status).bytes);
}

TEST_F(ExportTest, ARequestThatCannotSucceedSaysWhy) {
  const auto refuse = [&](const std::string& text) {
    return server_.Refuse("manager", "CustomerService/ExportCustomer", text);
  };
  const Refusal empty = refuse("");
  EXPECT_TRUE(empty.HasField("customer_id")) << empty;
  EXPECT_TRUE(empty.HasField("reason")) << empty;
  const std::string somebody = "customer_id: \"00000000000000000000000001\" reason: ";
  for (const std::string& reason : {std::string("asked by Ms Li"), std::string("王"),
                                    std::string(65, 'a'), std::string("a\\nb")}) {
    EXPECT_TRUE(refuse(somebody + "\"" + reason + "\"").HasField("reason")) << reason;
  }
  EXPECT_EQ(refuse(somebody + "\"access_request\"").reason, "NOT_FOUND");
  for (const char* who : {"agent", "integration", "viewer"}) {
    EXPECT_EQ(ExportOf(server_, who, "00000000000000000000000001").status.error_code(),
              grpc::StatusCode::PERMISSION_DENIED)
        << who;
  }
}

// ---- Sizes

// A case whose notes are more than one message may carry, and more events than are read at once.
class LargeExportTest : public ExportTest {
 protected:
  static constexpr int kNotes = 40;
  static constexpr int kAnswers = 300;
  static constexpr size_t kLargest = size_t{4} << 20;

  LargeExportTest() {
    const std::string key = "customer_key { source_system: \"crm\" external_id: \"mei\" } ";
    const auto opened = server_.Do<api::SubmitResponseResponse>(
        "admin", "response { program_id: \"touchpoint\" score: 2 " + key + "}");
    customer_ = opened.response().customer_id();
    case_ = opened.response().paired_case_id();
    std::string answers;
    for (int i = 0; i < kAnswers; ++i) {
      answers += "responses { program_id: \"relationship\" score: 10 " + key + "} ";
    }
    server_.Do<api::BatchSubmitResponsesResponse>("admin", answers);
    for (int i = 0; i < kNotes; ++i) {
      api::LogAttemptRequest request;
      request.set_request_id("note-" + std::to_string(i));
      request.set_case_id(case_);
      request.mutable_attempt()->set_channel(api::CHANNEL_PHONE);
      request.mutable_attempt()->set_outcome(api::ATTEMPT_OUTCOME_NO_ANSWER);
      request.mutable_attempt()->set_note(NoteOf(i));
      api::LogAttemptResponse reply;
      const grpc::Status status = server_.Call("admin", request, &reply);
      EXPECT_TRUE(status.ok()) << ToRefusal(status);
    }
  }

  // The longest note there is, in code points of four bytes.
  static std::string NoteOf(int number) {
    std::string note = std::to_string(number) + ":";
    const size_t left = limits::kTextCodePoints - note.size();
    for (size_t i = 0; i < left; ++i) note += "\xF0\x9F\x98\x80";
    return note;
  }

  std::string customer_, case_;
};

TEST_F(LargeExportTest, NoMessageIsTooLargeAndThePartsMakeTheWhole) {
  const Exported exported = ExportOf(server_, "manager", customer_);
  const api::ExportSummary summary = SummaryOf(exported);
  EXPECT_EQ(summary.response_count(), kAnswers + 1);
  EXPECT_EQ(summary.case_count(), 1) << "in however many parts";
  api::Case whole;
  int parts = 0;
  std::set<int64_t> sequences;
  std::set<std::string> words;
  for (const api::ExportCustomerResponse& item : exported.items) {
    EXPECT_LT(item.ByteSizeLong(), kLargest);
    if (item.has_case_()) {
      ++parts;
      EXPECT_EQ(item.case_().id(), case_);
      whole.MergeFrom(item.case_());
    }
    if (item.has_event()) sequences.insert(item.event().sequence());
    words.insert(item.event().words().begin(), item.event().words().end());
  }
  EXPECT_GT(parts, 4);
  const auto expected =
      server_.Do<api::GetCaseResponse>("admin", "case_id: \"" + case_ + "\"").case_();
  ASSERT_EQ(whole.attempts_size(), kNotes);
  for (int i = 0; i < kNotes; ++i) {
    EXPECT_TRUE(whole.attempts(i).note() == NoteOf(i)) << i;
    EXPECT_TRUE(words.contains(NoteOf(i))) << i;
  }
  EXPECT_EQ(whole.etag(), expected.etag());
  EXPECT_EQ(whole.timers_size(), expected.timers_size());
  EXPECT_EQ(summary.event_count(), static_cast<int64_t>(sequences.size()));
  EXPECT_GT(summary.event_count(), kAnswers + kNotes);
}

// One thread makes all exports: it is free again once a caller has gone in the midst of one.
TEST_F(LargeExportTest, ACallerWhoGoesAwayHoldsUpNobody) {
  for (int i = 0; i < 3; ++i) {
    const Exported left = ExportOf(server_, "manager", customer_, 1);
    EXPECT_EQ(left.status.error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(SummaryOf(ExportOf(server_, "manager", customer_)).whole());
}

TEST(SplitToFitTest, WhatIsNestedIsSplitWhereItStands) {
  auto entry = std::make_unique<api::BlacklistEntry>();
  entry->set_id("b");
  entry->set_internal_reason("why");
  entry->mutable_appeal()->set_words("not me");
  for (int i = 0; i < 8; ++i) {
    entry->mutable_appeal()->add_evidence()->set_summary(std::string(400 + i, 'x'));
    entry->add_allowed_commands("command " + std::to_string(i));
  }
  const api::BlacklistEntry before = *entry;
  constexpr size_t kLimit = 1'000;
  const auto parts = SplitToFit(std::move(entry), kLimit, "id");
  EXPECT_GT(parts.size(), 4u);
  api::BlacklistEntry after;
  for (const auto& part : parts) {
    EXPECT_LE(part->ByteSizeLong(), kLimit);
    EXPECT_EQ(static_cast<const api::BlacklistEntry&>(*part).id(), "b");
    after.MergeFrom(static_cast<const api::BlacklistEntry&>(*part));
  }
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
}

TEST(SplitToFitTest, WhatFitsStaysWhole) {
  auto event = std::make_unique<api::PersonEvent>();
  event->set_sequence(7);
  event->add_words("short");
  const auto parts = SplitToFit(std::move(event), 1'000, "sequence");
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_EQ(static_cast<const api::PersonEvent&>(*parts[0]).words(0), "short");
}

}  // namespace
}  // namespace rebound::fixtures
