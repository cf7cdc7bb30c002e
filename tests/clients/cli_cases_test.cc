// The verbs that need two cases, two people, many cases or the past, each on a whole server in this
// process: what is typed, printed and exited with, in both languages, as golden files.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clients/cli/cli.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "tests/clients/cli_golden.h"
#include "tests/fixtures/test_server.h"

namespace rebound::cli {
namespace {

// The first red line of the shipped ones, a remedy with a limit and one without, a program that
// holds every case back, and a blacklist with a rule and the shipped notices.
std::shared_ptr<const Revision> SmallRevision() {
  Revision revision = *fixtures::PlainRevision();
  revision.alerts = {fixtures::ShippedRevision()->alerts.front()};
  revision.remedies = {
      {"voucher", RemedyKind::kVoucher, "Voucher", "优惠券", false, true},
      {"refund", RemedyKind::kRefund, "Refund owed by law", "法定退款", true, true}};
  RemedyLimit limit{"agent-case", "Agents", "处理人自主额度"};
  limit.per = RemedyLimit::Per::kCase;
  limit.beyond = RemedyLimit::Beyond::kSecondPerson;
  limit.currency = "CNY";
  limit.amount = 20'000;
  revision.remedy_limits = {limit};
  revision.blacklist = DefaultBlacklistPolicy();
  revision.blacklist.notices = fixtures::ShippedRevision()->blacklist.notices;
  BlacklistRule rule;
  rule.id = "two-vouchers";
  rule.kind = BlacklistKind::kRepeatCompensation;
  rule.alternatives = {{{}, {{BlacklistMeasure::kRemediesGranted, std::chrono::days{365}, 2, {}}}}};
  rule.proposal.duration = std::chrono::days{180};
  rule.proposal.reason_code = "frequent_compensation";
  revision.blacklist.rules = {rule};
  for (Program& program : revision.programs) {
    if (program.id != "relationship") continue;
    program.hold_out = {"spring", 1'000'000, false, std::chrono::days{7}, std::chrono::days{7}};
  }
  return std::make_shared<const Revision>(std::move(revision));
}

class CliCasesTest : public testing::Test {
 protected:
  CliCasesTest() {
    surroundings_.variables["REBOUND_SERVER"] = "127.0.0.1:" + std::to_string(server_.port());
    std::string name = (std::filesystem::temp_directory_path() / "rebound-cases-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~CliCasesTest() override { std::filesystem::remove_all(folder_); }

  // An answer of the customer 梅.
  void Answer(const std::string& program, const std::string& more = "") {
    server_.Do<v1::SubmitResponseResponse>(
        "integration",
        "response { program_id: \"" + program +
            R"(" score: 2 customer_key { source_system: "crm" external_id: "梅" } )" + more + " }");
  }
  // A case by hand that is nobody's.
  void Open() { server_.Do<v1::OpenCaseResponse>("admin", R"(case { program_id: "touchpoint" })"); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(folder_ + "/" + name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  // Runs `line`, whose words have no blanks but in single quotes, as `who`, and appends it with all
  // that it says to the transcript. Returns the exit code.
  int Say(const std::string& who, const std::string& line) {
    std::vector<std::string> words = {"rebound"};
    bool quoted = false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (i == 0 || (line[i] == ' ' && !quoted)) words.emplace_back();
      if (line[i] == '\'') {
        quoted = !quoted;
      } else if (line[i] != ' ' || quoted) {
        words.back() += line[i];
      }
    }
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    surroundings_.variables["REBOUND_TOKEN"] = server_.TokenOf(who);
    std::ostringstream out, err;
    const int code = RunCli(static_cast<int>(argv.size()), argv.data(), out, err, surroundings_);
    transcript_ += who + " $ rebound " + line + "\n" + out.str() + err.str();
    if (code != 0) transcript_ += "exit " + std::to_string(code) + "\n";
    transcript_ += "\n";
    return code;
  }

  // Ids differ from run to run, their width does not.
  void ExpectTranscript(const std::string& name) const {
    std::string text;
    std::string word;
    for (const char c : transcript_ + '\n') {
      if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) {
        word += c;
        continue;
      }
      text += word.size() == 26 ? "<---------- id ---------->" : word;
      text += c;
      word.clear();
    }
    text.pop_back();
    for (size_t at; (at = text.find(folder_ + "/")) != std::string::npos;) {
      text.erase(at, folder_.size() + 1);
    }
    ExpectGolden(name, text);
  }

  fixtures::TestServer server_{
      fixtures::TestServerOptions{.revision = SmallRevision(), .loopback = true}};
  Surroundings surroundings_;
  std::string folder_, transcript_;
};

TEST_F(CliCasesTest, CasesAreMergedTakenOutAgainAndLinked) {
  Answer("touchpoint");
  Open();
  Open();
  EXPECT_EQ(Say("agent", "cases merge C-2 --into C-1 --note 'told twice'"), 0);
  EXPECT_EQ(Say("agent", "cases merge C-3 --into C-2 --lang zh"), 5);
  EXPECT_EQ(Say("agent", "cases verdict propose C-2 --kind invalid --evidence x"), 5);
  EXPECT_EQ(Say("agent", "cases show C-2 --lang zh"), 0);
  EXPECT_EQ(Say("agent", "cases show C-1 --events"), 0);
  EXPECT_EQ(Say("agent", "cases unmerge C-2"), 2);
  EXPECT_EQ(Say("agent", "cases unmerge C-2 --note 'two shops' --lang zh"), 0);
  EXPECT_EQ(Say("agent", "cases unmerge C-2 --note again"), 5);
  EXPECT_EQ(Say("agent", "cases link C-1 C-3 --kind twin"), 2);
  EXPECT_EQ(Say("agent", "cases link C-1 C-1 --kind related --lang zh"), 2);
  EXPECT_EQ(Say("agent", "cases link C-1 C-9 --kind related"), 3);
  EXPECT_EQ(Say("agent", "cases link C-1 C-3 --kind follow_up"), 0);
  EXPECT_EQ(Say("agent", "cases show C-3"), 0);
  EXPECT_EQ(Say("agent", "cases show C-3 --events --lang zh"), 0);
  EXPECT_EQ(Say("agent", "cases unlink C-1 C-3 --kind follow_up --lang zh"), 0);
  ExpectTranscript("merging.txt");
}

// Goal: people read numbers, programs ids; a case that is not the caller's to see has no number for
// them; and however many there are, `show` asks for a few.
TEST_F(CliCasesTest, OtherCasesAreShownByNumberWhereTheyMayBeSeen) {
  constexpr int kOthers = 23;
  for (int i = 0; i < kOthers; ++i) Open();
  server_.Do<v1::OpenCaseResponse>("admin",
                                   R"(case { program_id: "touchpoint" org_unit_id: "east" })");
  server_.Do<v1::OpenCaseResponse>("admin",
                                   R"(case { program_id: "touchpoint" org_unit_id: "west" })");
  const std::string here = "C-" + std::to_string(kOthers + 1);
  const std::string west = "C-" + std::to_string(kOthers + 2);
  EXPECT_EQ(Say("admin", "cases link " + here + " " + west + " --kind related"), 0);
  for (int i = 1; i <= kOthers; ++i) {
    server_.Do<v1::LinkCaseResponse>("admin", "kind: 'related' case_id: '" + here +
                                                  "' other_case_id: 'C-" + std::to_string(i) + "'");
  }
  const v1::Case record =
      server_.Do<v1::GetCaseResponse>("admin", "case_id: '" + here + "'").case_();
  ASSERT_EQ(record.links_size(), kOthers + 1);
  const auto shown = [&](const std::string& who, const std::string& more = "") {
    transcript_.clear();
    EXPECT_EQ(Say(who, "cases show " + here + more), 0);
    return transcript_;
  };
  const auto count = [&](const std::string& text) {
    return std::count_if(record.links().begin(), record.links().end(), [&](const auto& link) {
      return text.find(link.case_id()) != std::string::npos;
    });
  };
  const std::string to_admin = shown("admin");
  EXPECT_NE(to_admin.find(west + " (related), C-1 (related), C-2 (related)"), std::string::npos)
      << to_admin;
  EXPECT_EQ(count(to_admin), kOthers + 1 - 20);
  server_.AddIdentity("east", "agent", {.org_units = {"east"}});
  const std::string to_east = shown("east");
  EXPECT_EQ(to_east.find(west), std::string::npos) << to_east;
  EXPECT_NE(to_east.find(record.links(0).case_id()), std::string::npos);
  EXPECT_EQ(count(shown("admin", " -o json")), kOthers + 1) << "ids are for programs";
}

TEST_F(CliCasesTest, OneVerbIsGivenToManyCasesAndRefusalsAreCounted) {
  for (int i = 0; i < 3; ++i) Open();
  EXPECT_EQ(Say("manager", "cases bulk supervise --note 'daily report'"), 2);
  EXPECT_EQ(Say("manager",
                "cases bulk supervise --note x --filter 'program = touchpoint' "
                "--dry-run"),
            0);
  EXPECT_EQ(Say("manager", "cases bulk assign --owner li --cases C-1,C-2"), 0);
  EXPECT_EQ(Say("manager", "cases bulk pause --reason away --lang zh --filter 'status = open'"), 1);
  EXPECT_EQ(Say("manager", "cases bulk pause --reason away --cases C-1,C-2,C-9"), 1);
  EXPECT_EQ(Say("manager", "cases bulk resume --cases C-1,C-1"), 2);
  EXPECT_EQ(Say("viewer", "cases bulk resume --cases C-1"), 4);
  EXPECT_EQ(Say("manager", "cases bulk escalate --note x --filter 'owner = nobody' --lang zh"), 0);
  ExpectTranscript("bulk.txt");
}

TEST_F(CliCasesTest, ARulingTakesTwoPeopleAndTheOneThatWaitsNeedNotBeNamed) {
  Answer("touchpoint");
  EXPECT_EQ(Say("manager", "cases verdict decide C-1 --grant"), 2);
  EXPECT_EQ(Say("manager", "cases verdict propose C-1 --kind mis_scored --evidence x"), 2);
  EXPECT_EQ(Say("manager",
                "cases verdict propose C-1 --kind mis_scored --corrected-score 9 "
                "--evidence https://crm.example/7 --evidence '说反了' --lang zh"),
            0);
  EXPECT_EQ(Say("manager", "cases verdict decide C-1 --grant --lang zh"), 5);
  EXPECT_EQ(Say("admin", "cases verdict decide C-1 --grant --note '已听录音'"), 0);
  EXPECT_EQ(Say("admin", "cases show C-1"), 0);
  EXPECT_EQ(Say("admin", "cases show C-1 --lang zh"), 0);
  ExpectTranscript("verdict.txt");
}

TEST_F(CliCasesTest, LiabilityIsFoundAppealedAndDecidedByThreePeople) {
  Answer("touchpoint");
  EXPECT_EQ(Say("agent", "cases liability appeal C-1 --evidence x --note y"), 5);
  EXPECT_EQ(Say("manager", "cases liability find C-1 --liability compnay"), 2);
  EXPECT_EQ(Say("manager",
                "cases liability find C-1 --liability company --unit gd/shenzhen "
                "--person wu"),
            0);
  EXPECT_EQ(Say("agent", "cases liability appeal C-1 --evidence 'log of 3 May' --note '不是我们'"),
            0);
  EXPECT_EQ(Say("manager", "cases liability decide C-1 --uphold --note yes --lang zh"), 5);
  EXPECT_EQ(Say("admin", "cases liability decide C-1 --uphold --note yes"), 0);
  EXPECT_EQ(Say("admin", "cases show C-1"), 0);
  EXPECT_EQ(Say("admin", "cases show C-1 --lang zh"), 0);
  ExpectTranscript("liability.txt");
}

TEST_F(CliCasesTest, AnAlertIsAcknowledgedAndAHeldCaseBegins) {
  Answer("touchpoint", R"(reason: "The shelf fell on me and I am injured")");
  Answer("relationship");
  EXPECT_EQ(Say("agent", "cases show C-1 --lang zh"), 0);
  EXPECT_EQ(Say("agent", "cases acknowledge C-1 --note '马上去'"), 0);
  EXPECT_EQ(Say("agent", "cases acknowledge C-1 --lang zh"), 5);
  EXPECT_EQ(Say("agent", "cases show C-1"), 0);
  EXPECT_EQ(Say("agent", "cases attempt C-2 --channel phone --outcome reached --lang zh"), 5);
  EXPECT_EQ(Say("agent", "cases begin C-2 --note urgent"), 4);
  EXPECT_EQ(Say("manager", "cases begin C-2 --note urgent"), 0);
  EXPECT_EQ(Say("manager", "cases begin C-1 --note urgent --lang zh"), 5);
  ExpectTranscript("alerts.txt");
}

TEST_F(CliCasesTest, WhatMayBeGivenIsShownWithWhatIsLeftOfIt) {
  Answer("touchpoint");
  EXPECT_EQ(Say("agent", "cases remedies C-1"), 0);
  EXPECT_EQ(Say("agent", "cases remedy C-1 --type voucher --state proposed --amount 'CNY 150.00'"),
            0);
  EXPECT_EQ(Say("agent", "cases remedy C-1 --type voucher --state offered --amount 'CNY 50.01'"),
            5);
  const std::string proposed =
      server_.Do<v1::GetCaseResponse>("admin", R"(case_id: "C-1")").case_().remedies(0).id();
  EXPECT_EQ(Say("agent", "cases remedy C-1 --id " + proposed + " --state approved"), 5);
  EXPECT_EQ(Say("manager",
                "cases remedy C-1 --id " + proposed + " --state approved --note '特批' --lang zh"),
            0);
  EXPECT_EQ(Say("agent", "cases remedies C-1 --lang zh"), 0);
  EXPECT_EQ(Say("agent", "cases show C-1"), 0);
  EXPECT_EQ(Say("agent", "cases show C-1 --lang zh"), 0);
  EXPECT_EQ(Say("agent", "cases remedies C-9"), 3);
  ExpectTranscript("remedies.txt");
}

TEST_F(CliCasesTest, ComplaintsAreImportedOnceAndWhatIsAmissIsListed) {
  Write("map.yaml", R"(version: 1
source_system: hotline
zone: Asia/Shanghai
fields:
  program: {const: touchpoint}
  external_id: {from: ID, required: true}
  open_time: OPENED
  request: WHAT
  org_unit: UNIT
  customer.external_id: CUST
)");
  Write("new.csv",
        "ID,OPENED,WHAT,UNIT,CUST\n1,2026-01-05,\"漏水, again\",south,\n"
        "2,2026-13-05,x,south,\n3,2026-01-06,y,south,nobody\n4,2026-01-07,=1+1,north,\n"
        ",2026-01-08,z,north,\n");
  const std::string call =
      "import complaints " + folder_ + "/new.csv --map " + folder_ + "/map.yaml --history";
  EXPECT_EQ(Say("integration", call + " --dry-run"), 0);
  const std::string foreseen = Read("new.csv.rejects.csv");
  EXPECT_EQ(Say("admin", "cases list"), 0);
  EXPECT_EQ(Say("integration", call), 0);
  EXPECT_EQ(Read("new.csv.rejects.csv"), foreseen) << "what the dry run said";
  transcript_ += foreseen + "\n";
  EXPECT_EQ(Say("integration", call + " --dry-run -o json"), 0);
  EXPECT_EQ(Say("integration", call + " --strict --lang zh"), 1);
  transcript_ += Read("new.csv.rejects.csv") + "\n";
  EXPECT_EQ(Say("admin", "cases list --lang zh"), 0);
  EXPECT_EQ(Say("viewer", call), 4);
  ExpectTranscript("import_complaints.txt");
}

TEST_F(CliCasesTest, ARestrictionIsProposedDecidedAppealedAndSeen) {
  Answer("touchpoint");
  server_.AddIdentity("zhao", "manager");
  const std::string proposal =
      "blacklist propose crm:梅 --kind repeat_compensation --reason frequent_compensation "
      "--until 2026-06-01 --note '每周索要补偿' ";
  EXPECT_EQ(Say("agent", proposal + "--evidence soon=x"), 2);
  EXPECT_EQ(Say("agent", proposal + "--evidence 2026-02-20@C-9=x"), 3);
  EXPECT_EQ(Say("manager",
                "blacklist propose crm:梅 --kind repeat_compensation --reason ugly "
                "--until 2028-01-01 --note x --evidence 2026-02-20=x --lang zh"),
            2);
  EXPECT_EQ(Say("agent", proposal + "--evidence '2026-02-20@C-1=Asked for a second voucher' "
                                    "--evidence '2026-02-27 10:00=https://crm.example/7' "
                                    "--tell-zh '补偿需另行审批'"),
            0);
  EXPECT_EQ(Say("agent", "blacklist decide B-1 --activate --note x"), 4);
  EXPECT_EQ(Say("manager", "blacklist decide B-1 --note x"), 2);
  EXPECT_EQ(Say("manager", "blacklist decide B-1 --activate --note '已听录音' --lang zh"), 0);
  EXPECT_EQ(Say("agent", "blacklist check crm:梅 --program touchpoint"), 0);
  EXPECT_EQ(Say("agent", "blacklist check crm:梅 --lang zh"), 0);
  EXPECT_EQ(Say("agent", "blacklist extend B-1 --until 2026-07-01 --reason 'Asked again'"), 0);
  EXPECT_EQ(Say("manager", "blacklist decide-extension B-1 --refuse --note 'Long enough'"), 0);
  EXPECT_EQ(Say("agent", "blacklist appeal B-1 --words '不是我' --evidence 2026-02-27=出差"), 0);
  EXPECT_EQ(Say("manager", "blacklist decide-appeal B-1 --dismiss --note x --lang zh"), 5);
  EXPECT_EQ(Say("zhao", "blacklist decide-appeal B-1 --dismiss --note 'It was'"), 0);
  EXPECT_EQ(Say("agent", "blacklist show B-1"), 0);
  EXPECT_EQ(Say("agent", "blacklist show B-1 --lang zh"), 0);
  EXPECT_EQ(Say("agent",
                "blacklist propose crm:梅 --kind staff_safety --reason threat --queue safe "
                "--until 2026-06-01 --at-once-until 2026-03-04 --note x "
                "--evidence '2026-03-01=举起椅子' --lang zh"),
            0);
  EXPECT_EQ(Say("agent", "blacklist check crm:梅"), 0);
  EXPECT_EQ(Say("manager", "blacklist warn B-2 --note 'Told at the counter'"), 0);
  EXPECT_EQ(Say("manager", "blacklist lift B-1 --note 'Settled' --lang zh"), 0);
  EXPECT_EQ(Say("manager", "blacklist lift B-1 --note 'Settled'"), 5);
  EXPECT_EQ(Say("agent", "blacklist list"), 0);
  EXPECT_EQ(Say("agent", "blacklist list --customer crm:梅 --state lifted --lang zh"), 0);
  EXPECT_EQ(Say("agent", "blacklist list --kind no_goodwill"), 0);
  EXPECT_EQ(Say("agent", "blacklist list --kind nogoodwill"), 2);
  EXPECT_EQ(Say("agent", "blacklist show B-9"), 3);
  EXPECT_EQ(Say("agent", "blacklist show C-1"), 2);
  EXPECT_EQ(Say("agent", "blacklist export crm:梅"), 4);
  EXPECT_EQ(Say("manager", "blacklist export crm:梅 --lang zh"), 0);
  EXPECT_EQ(Say("manager", "blacklist stats"), 0);
  EXPECT_EQ(Say("manager", "blacklist stats --until 2026-03-01 --lang zh"), 0);
  ExpectTranscript("blacklist.txt");
}

TEST_F(CliCasesTest, WhatTheCustomerReadsOfARestrictionIsShown) {
  server_.Do<v1::UpsertCustomerResponse>("integration",
                                         R"(external_key { source_system: "crm" external_id: "梅" }
          customer { display_name: "王梅" language: "zh-CN" time_zone: "Asia/Shanghai" }
          update_mask { paths: "display_name" paths: "language" paths: "time_zone" })");
  EXPECT_EQ(Say("agent",
                "blacklist propose crm:梅 --kind repeat_compensation --reason "
                "frequent_compensation --until 2026-06-01 --note x --evidence 2026-02-20=x"),
            0);
  EXPECT_EQ(Say("agent", "blacklist notice B-1 --notice decision"), 0);
  EXPECT_EQ(Say("agent", "blacklist notice B-1 --notice decision --lang en"), 0);
  EXPECT_EQ(Say("agent", "blacklist notice B-1 --notice warning --lang zh"), 0);
  EXPECT_EQ(Say("agent", "blacklist notice B-1 --notice warning --lang zh -o json"), 0);
  EXPECT_EQ(Say("agent", "blacklist notice B-1 --notice lapsed"), 5);
  EXPECT_EQ(Say("agent", "blacklist notice B-1 --notice lapsed --lang zh"), 5);
  EXPECT_EQ(Say("agent", "blacklist notice B-9 --notice decision"), 3);
  EXPECT_EQ(Say("agent", "blacklist notice B-1 --notice goodbye"), 2);
  ExpectTranscript("blacklist_notice.txt");
}

TEST_F(CliCasesTest, ContactDataIsMaskedAndShownForAReason) {
  server_.Do<v1::UpsertCustomerResponse>("integration",
                                         R"(external_key { source_system: "crm" external_id: "梅" }
          customer { display_name: "王梅"
                     contact_points { channel: CHANNEL_PHONE address: "13800001234" } }
          update_mask { paths: "display_name" paths: "contact_points" })");
  Answer("touchpoint");
  const auto says = [&](const char* words) { return transcript_.find(words) != std::string::npos; };
  EXPECT_EQ(Say("agent", "customers show crm:梅"), 0);
  EXPECT_TRUE(says("王*") && says("138****1234")) << transcript_;
  EXPECT_NE(Say("agent", "customers unmask crm:梅"), 0);
  EXPECT_NE(Say("agent", "customers unmask crm:梅 --reason other"), 0);
  EXPECT_NE(Say("integration", "customers unmask crm:梅 --reason contact"), 0);
  EXPECT_FALSE(says("王梅") || says("13800001234")) << transcript_;
  EXPECT_EQ(Say("agent", "cases unmask C-1 --reason contact"), 0);
  EXPECT_TRUE(says("王梅") && says("13800001234")) << transcript_;
  EXPECT_EQ(Say("agent", "cases show C-1 --events --lang zh"), 0);
  EXPECT_TRUE(says("查看联系方式") && says("联系客户")) << transcript_;
  transcript_.clear();
  EXPECT_EQ(Say("manager", "customers unmask crm:梅 --reason other --note 'by letter' -o json"), 0);
  EXPECT_TRUE(says("王梅")) << transcript_;
  EXPECT_NE(Say("manager", "customers upsert crm:梅 --set phone=138****1234"), 0);
  EXPECT_TRUE(says("VALUE_MASKED")) << transcript_;
}

TEST_F(CliCasesTest, WhatCustomersDidIsImportedOnceAndShownWithTheirHistory) {
  Answer("touchpoint");
  Write("map.yaml", R"(version: 1
source_system: shop
zone: Asia/Shanghai
fields:
  external_id: ORDER
  customer.external_id: CUST
  customer.source_system: {const: crm}
  kind: {from: WHAT, map: {buy: repurchase, quit: churn}, default: unknown}
  occur_time: DAY
  amount: WORTH
)");
  Write("deeds.csv",
        "ORDER,CUST,WHAT,DAY,WORTH\no1,梅,buy,2026-01-05,CNY 20\no2,nobody,buy,2026-01-06,\n"
        "o3,梅,fly,2026-01-07,\no4,梅,quit,2026-01-08,twenty\no5,梅,quit,2099-01-09,\n"
        "o6,梅,quit,2026-01-09,\n,梅,quit,2026-01-09,\n");
  const std::string call =
      "import behaviours " + folder_ + "/deeds.csv --map " + folder_ + "/map.yaml";
  EXPECT_EQ(Say("integration", call), 0);
  transcript_ += Read("deeds.csv.rejects.csv") + "\n";
  EXPECT_EQ(Say("integration", call + " --strict --lang zh"), 1);
  EXPECT_EQ(Say("agent", call), 4);
  const std::string record = "customers behaviour crm:梅 referral --key crm:r1 --time ";
  EXPECT_EQ(Say("agent", record + "2026-02-01"), 0);
  EXPECT_EQ(Say("agent", record + "2026-02-01"), 0);
  EXPECT_EQ(Say("agent", record + "2026-02-02"), 5);
  EXPECT_EQ(Say("agent", "customers behaviour crm:nobody churn --key crm:r2 --lang zh"), 3);
  EXPECT_EQ(Say("agent", "customers behaviour crm:梅 chrun --key crm:r2"), 2);
  ExpectTranscript("behaviours.txt");
  transcript_.clear();
  EXPECT_EQ(Say("agent", "customers show crm:梅 --history"), 0);
  const size_t deeds = transcript_.find("Behaviours");
  ASSERT_NE(deeds, std::string::npos) << transcript_;
  const std::string rest = transcript_.substr(deeds);
  const size_t bought = rest.find("repurchase"), left = rest.find("churn"),
               brought = rest.find("referral");
  EXPECT_TRUE(bought < left && left < brought && brought != std::string::npos) << rest;
  EXPECT_NE(rest.find("shop:o1"), std::string::npos) << rest;
  EXPECT_EQ(rest.find("shop:o5"), std::string::npos) << rest;
}

TEST_F(CliCasesTest, RulesOfTheBlacklistAreTriedOnThePast) {
  Answer("touchpoint");
  EXPECT_EQ(Say("manager", "blacklist dry-run"), 0);
  for (int i = 0; i < 2; ++i) {
    server_.clock().Advance(std::chrono::days{1});
    server_.Do<v1::RemedyCaseResponse>("admin", R"(case_id: "C-1" remedy { type_id: "voucher"
        state: REMEDY_STATE_DELIVERED amount { amount_minor: 100 currency_code: "CNY" } })");
  }
  EXPECT_EQ(Say("manager", "blacklist dry-run"), 0);
  EXPECT_EQ(Say("manager", "blacklist dry-run --customer crm:梅 --rule two-vouchers --lang zh"), 0);
  EXPECT_EQ(Say("manager", "blacklist dry-run --rule none"), 3);
  EXPECT_EQ(Say("manager", "blacklist dry-run " + folder_ + "/none.yaml"), 2);
  EXPECT_EQ(Say("agent", "blacklist dry-run"), 4);
  ExpectTranscript("blacklist_dry_run.txt");
}

TEST_F(CliCasesTest, AConfigurationIsTriedOnThePast) {
  Answer("touchpoint");
  server_.clock().Advance(std::chrono::days{2});
  Open();
  EXPECT_EQ(Say("admin", "config backtest"), 2);
  EXPECT_EQ(Say("admin", "config backtest --since all --promise soon"), 2);
  EXPECT_EQ(Say("admin",
                "config backtest --since all --promise 'contacted=1 hours' "
                "--promise 'resolved=30 calendar_days' --by touchpoint"),
            0);
  EXPECT_EQ(Say("admin",
                "config backtest --since 2026-03-01 --promise 'contacted=1 hours' "
                "--lang zh"),
            0);
  EXPECT_EQ(Say("admin", "config backtest --since 2026-04-01 --lang zh"), 0);
  EXPECT_EQ(Say("agent", "config backtest --since all"), 4);
  ExpectTranscript("backtest.txt");
}

}  // namespace
}  // namespace rebound::cli
