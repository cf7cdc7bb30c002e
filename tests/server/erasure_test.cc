// Erasing a person: what goes, what stays, and that it goes on after any crash.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/report_service.pb.h"
#include "rebound/v1/response_service.pb.h"
#include "server/storage/verify.h"
#include "tests/fixtures/marked_person.h"
#include "tests/fixtures/marker_scan.h"
#include "tests/fixtures/test_server.h"

namespace rebound {
namespace {

using namespace fixtures;  // NOLINT: the test is about them
using testing::IsEmpty;
using testing::Not;

std::string Named(const std::string& customer_id) {
  return "customer_id: \"" + customer_id + "\" ";
}

std::string EraseText(TestServer& server, const std::string& customer_id) {
  const std::string etag =
      server.Do<api::GetCustomerResponse>("admin", Named(customer_id)).customer().etag();
  return Named(customer_id) + "ground: ERASURE_GROUND_OBJECTION etag: \"\\\"" +
         etag.substr(1, etag.size() - 2) + "\\\"\" ";
}

api::Customer Erase(TestServer& server, const std::string& customer_id) {
  return server
      .Do<api::EraseCustomerResponse>(
          "manager", "request_id: \"erase-" + customer_id + "\" " + EraseText(server, customer_id))
      .customer();
}

// Everything that the reports say, as text. `as_of` in seconds.
std::vector<std::string> Reports(TestServer& server, int64_t as_of) {
  const std::string at = "as_of { seconds: " + std::to_string(as_of) + " } } ";
  std::vector<std::string> told;
  for (const char* program : {"touchpoint", "relationship"}) {
    const std::string text = "scope { program_id: \"" + std::string(program) + "\" " + at;
    for (const char* method : {"ReportService/GetNpsReport", "ReportService/GetFunnelReport",
                               "ReportService/GetRecoveryReport", "ReportService/GetPauseReport"}) {
      told.push_back(server.DoMethod("manager", method, text)->DebugString());
    }
  }
  return told;
}

MarkerScan ScanFor(const std::vector<Marker>& markers) {
  MarkerScan scan;
  for (const Marker& marker : markers) scan.Add(marker.word, marker.field);
  return scan;
}

class ErasureTest : public testing::Test {
 protected:
  TestServer server_{TestServerOptions{.revision = MarkedPersonRevision()}};
};

TEST(MarkerScanTest, FindsAWordInEveryForm) {
  const std::string word = "qjabcdefghijkl";
  MarkerScan scan;
  scan.Add(word, "w");
  const std::pair<const char*, std::string> rows[] = {
      {"it is", "x" + word + "x"},
      {"upper case", "QJABCDEFGHIJKL"},
      {"UTF-16", std::string("\0q\0j\0a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l", 28)},
      {"UTF-16", std::string("q\0j\0a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0", 28)},
      {"base64+0", "cWphYmNkZWZnaGlqa2w="},
      {"base64+1", "eHFqYWJjZGVmZ2hpamtseQ=="},
      {"base64+2", "eHhxamFiY2RlZmdoaWprbHl5"},
      {"hex", "716a6162636465666768696a6b6c"},
      {"HEX", "716A6162636465666768696A6B6C"},
      {"\\u",
       R"(\u0071\u006a\u0061\u0062\u0063\u0064\u0065\u0066\u0067\u0068\u0069\u006a\u006b\u006c)"},
      {"percent", "%71%6a%61%62%63%64%65%66%67%68%69%6a%6b%6c"}};
  for (const auto& [form, bytes] : rows) {
    const auto found = scan.Find("before " + bytes + " after");
    ASSERT_THAT(found, Not(IsEmpty())) << form;
    EXPECT_THAT(found.front(), testing::StartsWith(std::string("w as ") + form));
  }
  EXPECT_THAT(scan.Find("qjabcdefghijkx and qjabcdefghijk"), IsEmpty());
}

TEST_F(ErasureTest, WhoWasErasedIsGoneAndWhatWasCountedStays) {
  const MarkedPerson other = MakeMarkedPerson(server_, 1);
  const MarkedPerson person = MakeMarkedPerson(server_, 2);
  server_.clock().Advance(std::chrono::hours(1));
  const int64_t before_it = ToMillis(server_.clock().Now()) / 1000;
  const std::vector<std::string> before = Reports(server_, before_it);
  server_.clock().Advance(std::chrono::hours(1));

  const api::Customer erased = Erase(server_, person.customer_id);
  EXPECT_TRUE(erased.has_erase_time());
  EXPECT_FALSE(erased.has_scrub_time());
  EXPECT_EQ(erased.external_keys_size() + erased.contact_points_size() + erased.consents_size(), 0);
  EXPECT_EQ(erased.display_name() + erased.account_id() + erased.language(), "");
  EXPECT_EQ(erased.org_unit_id(), "gd/shenzhen") << "who may see their cases goes by it";
  EXPECT_TRUE(server_.Do<api::GetCustomerResponse>("admin", Named(person.alias_id))
                  .customer()
                  .has_erase_time());

  EXPECT_EQ(Reports(server_, before_it), before);
  const api::Case c =
      server_.Do<api::GetCaseResponse>("admin", "case_id: \"" + person.worked_case + "\"").case_();
  EXPECT_EQ(c.phase(), api::PHASE_CLOSED);
  EXPECT_EQ(c.handling_result(), api::HANDLING_RESULT_ERASED);
  EXPECT_EQ(c.not_asked_reason(), api::NOT_ASKED_REASON_ERASED);
  EXPECT_GT(c.remedies_size(), 0) << "what was given stays, with its amount";
  const api::Case told =
      server_.Do<api::GetCaseResponse>("admin", "case_id: \"" + person.told_case + "\"").case_();
  EXPECT_EQ(told.handling_result(), api::HANDLING_RESULT_WITHDRAWN) << "it had ended before";
  EXPECT_EQ(told.order_reference() + told.crm_reference() + told.account_id(), "");
  EXPECT_FALSE(told.has_external_key());
  EXPECT_EQ(told.attachments_size(), 0);
  EXPECT_EQ(told.external_authority().authority(), "ombudsman");
  for (const std::string& id : {person.active_entry, person.warned_entry}) {
    const auto entry =
        server_.Do<api::GetEntryResponse>("admin", "entry_id: \"" + id + "\"").entry();
    EXPECT_EQ(entry.state(), api::BLACKLIST_STATE_LAPSED);
    EXPECT_EQ(entry.internal_reason() + entry.customer_reason(), "");
  }
  std::string exported;
  for (const auto& item : ExportOf(server_, "admin", person.customer_id).items) {
    exported += item.DebugString();
  }
  EXPECT_THAT(exported, Not(IsEmpty()));
  EXPECT_THAT(ScanFor(person.markers).Find(exported), IsEmpty());

  EXPECT_EQ(server_.FinishErasures(), 2u) << "the customer and the alias";
  EXPECT_EQ(server_.FinishErasures(), 0u);
  EXPECT_TRUE(server_.Do<api::GetCustomerResponse>("admin", Named(person.customer_id))
                  .customer()
                  .has_scrub_time());
  EXPECT_THAT(ScanFor(person.markers).FindBelow(server_.folder()), IsEmpty());
  EXPECT_THAT(ScanFor(other.markers).FindBelow(server_.folder()), Not(IsEmpty()));
  // Others have lost nothing.
  std::string of_other;
  for (const auto& item : ExportOf(server_, "admin", other.customer_id).items) {
    of_other += item.DebugString();
  }
  std::set<std::string> missing;
  for (const Marker& marker : other.markers) {
    if (of_other.find(marker.word) == std::string::npos) missing.insert(marker.field);
  }
  EXPECT_THAT(missing, IsEmpty());
}

TEST_F(ErasureTest, NothingIsAddedToWhatIsLeft) {
  const MarkedPerson person = MakeMarkedPerson(server_, 3);
  const std::string stale = EraseText(server_, person.customer_id);
  server_.Do<api::SetCustomerConsentResponse>("admin",
                                              Named(person.customer_id) + "do_not_contact: false");
  EXPECT_EQ(
      server_.Refuse("manager", "CustomerService/EraseCustomer", "request_id: \"e1\" " + stale)
          .reason,
      "ETAG_MISMATCH");
  EXPECT_EQ(server_.Refuse("agent", "CustomerService/EraseCustomer", "request_id: \"e2\" " + stale)
                .reason,
            "ROLE_NOT_ALLOWED");
  EXPECT_TRUE(server_
                  .Refuse("manager", "CustomerService/EraseCustomer",
                          "request_id: \"e3\" " + Named(person.customer_id))
                  .HasField("ground"));
  // By the alias: the person goes as a whole.
  const std::string text = EraseText(server_, person.customer_id);
  const std::string by_alias = Named(person.alias_id) + text.substr(text.find("ground"));
  const auto reply = server_.Do<api::EraseCustomerResponse>("manager", by_alias);
  EXPECT_EQ(reply.customer().id(), person.customer_id);
  const int64_t last = server_.LastSequence();
  EXPECT_TRUE(Erase(server_, person.customer_id).has_erase_time());
  EXPECT_EQ(server_.LastSequence(), last) << "there was nothing left to erase";

  const std::string c = "case_id: \"" + person.worked_case + "\" ";
  const std::pair<const char*, std::string> rows[] = {
      {"CaseService/ReopenCase", c + "note: \"x\""},
      {"CaseService/SuperviseCase", c + "note: \"x\""},
      {"CaseService/OpenCase",
       "case { program_id: \"touchpoint\" " + Named(person.customer_id) + "}"},
      {"ResponseService/SubmitResponse",
       "response { program_id: \"touchpoint\" score: 1 " + Named(person.customer_id) + "}"},
      {"ResponseService/SubmitResponse",
       "response { program_id: \"touchpoint\" score: 1 " + Named(person.alias_id) + "}"},
      {"CustomerService/SetCustomerConsent", Named(person.customer_id) + "do_not_contact: false"},
      {"CustomerService/RecordBehaviour",
       Named(person.alias_id) + "behaviour { kind: BEHAVIOUR_KIND_CHURN external_key { "
                                "source_system: \"shop\" external_id: \"again\" } }"},
      {"CustomerService/AddCustomerAlias",
       Named(person.customer_id) +
           "external_key { source_system: \"crm\" external_id: \"again\" }"},
      {"BlacklistService/ProposeEntry",
       "entry { " + Named(person.customer_id) +
           "kind: BLACKLIST_KIND_DO_NOT_CONTACT reason_code: \"customer_wish\" internal_reason: "
           "\"x\" evidence { summary: \"x\" occur_time { seconds: 1772400000 } } "
           "expire_time { seconds: 1780000000 } }"}};
  for (int i = 0; const auto& [method, request] : rows) {
    SCOPED_TRACE(method);
    const Refusal refusal =
        server_.Refuse("admin", method, "request_id: \"r" + std::to_string(i++) + "\" " + request);
    EXPECT_EQ(refusal.reason, "CUSTOMER_ERASED");
    EXPECT_EQ(refusal.metadata.at("customer"), person.customer_id);
  }
}

TEST_F(ErasureTest, NobodyIsLeftWhomANoticeCouldReach) {
  const MarkedPerson person = MakeMarkedPerson(server_, 5);
  Erase(server_, person.customer_id);
  const Refusal refusal =
      server_.Refuse("admin", "BlacklistService/PreviewEntryNotice",
                     "entry_id: \"" + person.active_entry + "\" notice: BLACKLIST_NOTICE_LAPSED");
  EXPECT_EQ(refusal.reason, "CUSTOMER_ERASED") << refusal;
  EXPECT_EQ(refusal.metadata.at("customer"), person.customer_id);
}

TEST_F(ErasureTest, AnObjectionIsKnownAgainAndNothingElseIs) {
  const auto upsert = [&](const std::string& key, const std::string& phone) {
    return server_
        .Do<api::UpsertCustomerResponse>(
            "integration",
            "external_key { source_system: \"crm\" external_id: \"" + key +
                "\" } customer { contact_points { channel: CHANNEL_PHONE address: \"" + phone +
                "\" } display_name: \"Mei\" } update_mask { paths: "
                "\"contact_points\" paths: \"display_name\" }")
        .customer();
  };
  const auto entries = [&](const std::string& id) {
    return server_.Do<api::ListEntriesResponse>("admin", Named(id)).entries();
  };
  const api::Customer objector = upsert("mei", "138 0013 8000");
  const api::Customer silent = upsert("an", "+86 139 0013 9000");
  server_.Do<api::SetCustomerConsentResponse>("admin",
                                              Named(objector.id()) + "do_not_contact: true");
  Erase(server_, objector.id());
  Erase(server_, silent.id());

  // The same telephone in another spelling, under another key.
  const api::Customer back = upsert("mei-2", "０１３８-００１３-８０００");
  EXPECT_NE(back.id(), objector.id());
  ASSERT_EQ(entries(back.id()).size(), 1);
  const api::BlacklistEntry entry = entries(back.id())[0];
  EXPECT_EQ(entry.kind(), api::BLACKLIST_KIND_DO_NOT_CONTACT);
  EXPECT_EQ(entry.state(), api::BLACKLIST_STATE_ACTIVE);
  EXPECT_EQ(entry.proposer(), "system");
  EXPECT_EQ(entry.legal_basis(), "objection");
  EXPECT_EQ(entries(upsert("mei", "+1 202 555 0100").id()).size(), 1) << "the same key";
  EXPECT_EQ(entries(upsert("an", "+86 139 0013 9000").id()).size(), 0) << "who never objected";
  EXPECT_EQ(entries(upsert("bo", "+86 137 0013 7000").id()).size(), 0);
  upsert("mei-2", "138 0013 8000");
  EXPECT_EQ(entries(back.id()).size(), 1) << "no second one of the same";

  // An answer alone makes the customer, too, and its case is decided under it.
  const auto answer = server_.Do<api::SubmitResponseResponse>(
      "integration",
      "response { program_id: \"touchpoint\" score: 1 "
      "customer_key { source_system: \"crm\" external_id: \"MEI\" } }");
  const std::string c = "case_id: \"" + answer.response().paired_case_id() + "\" ";
  EXPECT_EQ(server_.Do<api::GetCaseResponse>("admin", c).case_().restrictions_size(), 1);
  EXPECT_EQ(server_
                .Refuse("agent", "CaseService/LogAttempt",
                        "request_id: \"call\" " + c +
                            "attempt { channel: CHANNEL_PHONE outcome: ATTEMPT_OUTCOME_REACHED }")
                .reason,
            "BLACKLIST_BLOCKS");

  // It ends by itself: three years after the erasure.
  server_.clock().Advance(kObjectionKept);
  EXPECT_EQ(entries(upsert("mei-3", "138 0013 8000").id()).size(), 0);
}

TEST_F(ErasureTest, AHistoryThatIsImportedAgainDoesNotBringAnybodyBack) {
  const api::Response row = FromText<api::Response>(
      R"(program_id: "touchpoint" score: 2 reason: "cold" occur_time { seconds: 1700000000 }
         external_key { source_system: "file" external_id: "17" }
         customer_key { source_system: "file" external_id: "mei" })");
  const auto import = [&] {
    api::ImportHeader header;
    header.set_request_id("i" + std::to_string(server_.LastSequence()));
    header.set_history(true);
    return server_.Import("admin", header, {row});
  };
  EXPECT_EQ(import().accepted, 1);
  const auto mei = server_.Do<api::GetCustomerResponse>(
      "admin", R"(external_key { source_system: "file" external_id: "mei" })");
  Erase(server_, mei.customer().id());
  const ImportTotals again = import();
  EXPECT_EQ(again.accepted, 0);
  ASSERT_EQ(again.rejects.size(), 1u);
  EXPECT_EQ(again.rejects[0].reason(), "CUSTOMER_ERASED");
}

TEST_F(ErasureTest, AnOlderCopyOfTheDatabaseBringsNobodyBack) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("rebound-copy-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  MarkedPerson person;
  {
    TestServer server({.revision = MarkedPersonRevision(), .folder = folder});
    person = MakeMarkedPerson(server, 4);
  }
  std::filesystem::copy_file(folder / "rebound.db", folder / "older.db");
  {
    TestServer server({.revision = MarkedPersonRevision(), .folder = folder});
    Erase(server, person.customer_id);
    EXPECT_EQ(server.FinishErasures(), 2u);
  }
  std::filesystem::rename(folder / "older.db", folder / "rebound.db");
  EXPECT_THAT(ScanFor(person.markers).FindBelow(folder), Not(IsEmpty()));
  {
    TestServer server({.revision = MarkedPersonRevision(), .folder = folder});
    EXPECT_TRUE(server.Do<api::GetCustomerResponse>("admin", Named(person.customer_id))
                    .customer()
                    .has_erase_time())
        << "before anybody was served";
    EXPECT_EQ(server.FinishErasures(), 2u);
  }
  EXPECT_THAT(ScanFor(person.markers).FindBelow(folder), IsEmpty());
  std::filesystem::remove_all(folder);
}

TEST(KeyFolderTest, AKeyThatIsMissedIsNotMadeAnew) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("rebound-keys-" + std::to_string(getpid()));
  const SuppressionSecret secret = KeyFolder(folder, /*needs_secret=*/false).secret();
  EXPECT_EQ(KeyFolder(folder, true).secret(), secret);
  EXPECT_EQ(std::filesystem::status(folder / "suppression.key").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  KeyFolder keys(folder, true);
  CustomerId mei;
  mei.bytes[3] = 7;
  keys.Add({mei});
  keys.Add({mei});
  EXPECT_EQ(keys.Listed(), std::vector<Hash256>{keys.HashOf(mei)});
  {  // a line that a crash cut off
    std::ofstream out(folder / "erased.list", std::ios::app);
    out << "00ff";
  }
  CustomerId an;
  an.bytes[3] = 8;
  keys.Add({an});
  EXPECT_EQ(keys.Listed(), (std::vector<Hash256>{keys.HashOf(mei), keys.HashOf(an)}));
  std::filesystem::resize_file(folder / "suppression.key", 31);
  EXPECT_THROW(KeyFolder(folder, true), std::runtime_error);
  std::filesystem::remove(folder / "suppression.key");
  EXPECT_THROW(KeyFolder(folder, true), std::runtime_error);
  std::filesystem::remove_all(folder);
}

// ---- Killed at every step. The child is this program again, so that it dies as a server does.

constexpr const char* kFolder = "REBOUND_TEST_ERASURE_FOLDER";
constexpr const char* kCustomer = "REBOUND_TEST_ERASURE_CUSTOMER";
constexpr const char* kStep = "REBOUND_TEST_ERASURE_STEP";

// What the child does instead of the test.
void EraseAndDie() {
  const std::string step = std::getenv(kStep);
  const std::string customer = std::getenv(kCustomer);
  bool armed = customer.empty();
  const auto die_at = [&](const char* name) {
    if (armed && step == name) raise(SIGKILL);
  };
  TestServer server({.revision = MarkedPersonRevision(),
                     .folder = std::getenv(kFolder),
                     .erasure_step = die_at,
                     .log_level = Level::kDebug});
  server.clock().Advance(std::chrono::hours(1));  // what was reported before stays as it was
  server.FinishErasures();                        // what the child before left
  if (customer.empty()) return;
  armed = true;
  Erase(server, customer);
  die_at("erased");
  server.FinishErasures();
}

// How the child ended: the signal, or 0.
int RunChild(const std::filesystem::path& folder, const std::string& customer,
             const std::string& step) {
  setenv(kFolder, folder.c_str(), 1);
  setenv(kCustomer, customer.c_str(), 1);
  setenv(kStep, step.c_str(), 1);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::string filter = "--gtest_filter=ErasureCrashTest.*";
  std::string name = self;
  char* arguments[] = {name.data(), filter.data(), nullptr};
  const std::string log = folder / "server.log";
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t child = 0;
  const int failed = posix_spawn(&child, self.c_str(), &files, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  for (const char* name_of : {kFolder, kCustomer, kStep}) unsetenv(name_of);
  EXPECT_EQ(failed, 0);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see " << log;
  return 0;
}

TEST(ErasureCrashTest, TwoHundredPeopleAreErasedHoweverOftenItIsKilled) {
  if (std::getenv(kFolder) != nullptr) return EraseAndDie();
    // The number is for the release flavour; sanitizers look at each step a few times.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr uint64_t kPeople = 10;
#else
  constexpr uint64_t kPeople = 200;
#endif
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("rebound-erasure-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::vector<MarkedPerson> people;
  std::vector<Marker> markers;
  std::vector<std::string> before;
  int64_t as_of = 0;
  {
    TestServer server({.revision = MarkedPersonRevision(), .folder = folder});
    for (uint64_t seed = 0; seed < kPeople; ++seed) {
      people.push_back(MakeMarkedPerson(server, 1000 + seed));
      markers.insert(markers.end(), people.back().markers.begin(), people.back().markers.end());
    }
    as_of = ToMillis(server.clock().Now()) / 1000;
    before = Reports(server, as_of);
  }
  const MarkerScan scan = ScanFor(markers);
  ASSERT_THAT(scan.FindBelow(folder), Not(IsEmpty())) << "it would find nothing, whatever is there";
  const std::string steps[] = {"erased", "list", "scrub", "finish", "finished"};
  for (size_t i = 0; i < people.size(); ++i) {
    const std::string& step = steps[i % std::size(steps)];
    ASSERT_EQ(RunChild(folder, people[i].customer_id, step), SIGKILL);
    // The job that goes on after the first kill is killed, too: once at each step.
    if (i % 7 == 0 && step != "finished") {
      ASSERT_EQ(RunChild(folder, "", steps[1 + i / 7 % 4]), SIGKILL);
    }
  }
  ASSERT_EQ(RunChild(folder, "", ""), 0);
  EXPECT_THAT(scan.FindBelow(folder), IsEmpty());
  {
    TestServer server({.revision = MarkedPersonRevision(), .folder = folder});
    EXPECT_EQ(Reports(server, as_of), before);
    for (const MarkedPerson& person : people) {
      EXPECT_TRUE(server.Do<api::GetCustomerResponse>("admin", Named(person.customer_id))
                      .customer()
                      .has_scrub_time());
    }
  }
  EXPECT_THAT(scan.FindBelow(folder), IsEmpty());
  if (!testing::Test::HasFailure()) std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rebound
