// `rebound export` on a whole server in this process: its help, what it writes, and that a file
// appears once it is whole.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "clients/cli/call.h"
#include "clients/cli/cli.h"
#include "rebound/v1/response_service.pb.h"
#include "tests/clients/cli_golden.h"
#include "tests/fixtures/test_server.h"

namespace rebound::cli {
namespace {

struct ExportOutcome {
  int code = 0;
  std::string out{}, err{};
};

class CliExportRecordsTest : public testing::Test {
 protected:
  ExportOutcome Run(const std::string& who, std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "rebound");
    Surroundings surroundings;
    surroundings.variables["REBOUND_SERVER"] = "127.0.0.1:" + std::to_string(server_.port());
    if (!who.empty()) surroundings.variables["REBOUND_TOKEN"] = server_.TokenOf(who);
    std::ostringstream out, err;
    ExportOutcome outcome;
    outcome.code =
        RunCli(static_cast<int>(arguments.size()), arguments.data(), out, err, surroundings);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
  }

  fixtures::TestServer server_{fixtures::TestServerOptions{.loopback = true}};
};

TEST_F(CliExportRecordsTest, TheHelpSaysWhatThereIs) {
  std::string text;
  for (const std::vector<const char*>& line : {std::vector<const char*>{"export", "--help"},
                                               {"export", "cases", "--help"},
                                               {"export", "events", "--help"}}) {
    const ExportOutcome help = Run("", line);
    EXPECT_EQ(help.code, kExitOk);
    text += help.out + "\n";
  }
  ExpectGolden("export.txt", text);
}

TEST_F(CliExportRecordsTest, AFileAppearsOnceItIsWholeAndForNobodyElse) {
  server_.Do<v1::SubmitResponseResponse>(
      "admin", R"(response { program_id: "touchpoint" score: 2 reason: "等了, 很久"
                  customer_key { source_system: "crm" external_id: "1" } })");
  const ExportOutcome shown = Run("manager", {"export", "responses", "--filter", "score = 2"});
  EXPECT_EQ(shown.code, kExitOk) << shown.err;
  EXPECT_EQ(shown.out.substr(0, 8), "id,etag,");
  EXPECT_NE(shown.out.find(",\"等了, 很久\","), std::string::npos) << shown.out;
  EXPECT_NE(shown.err.find("1 records."), std::string::npos) << shown.err;

  const std::filesystem::path path = server_.folder() / "out.csv";
  const std::string name = path.string();
  EXPECT_EQ(Run("agent", {"export", "responses", "--out", name.c_str()}).code, kExitDenied);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(name + ".part"));

  const ExportOutcome kept = Run("manager", {"export", "responses", "--bom", "--reason", "monthly",
                                             "--out", name.c_str(), "--lang", "zh"});
  EXPECT_EQ(kept.code, kExitOk) << kept.err;
  EXPECT_EQ(kept.out, "");
  EXPECT_NE(kept.err.find("1 条记录"), std::string::npos) << kept.err;
  EXPECT_EQ(server_.LastAudit().detail, "responses monthly");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), "\xEF\xBB\xBF" + shown.out);
  using Perms = std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path).permissions(), Perms::owner_read | Perms::owner_write);

  const ExportOutcome events =
      Run("manager", {"export", "events", "--type", "CaseOpened", "--format", "jsonl"});
  EXPECT_EQ(events.code, kExitOk) << events.err;
  EXPECT_NE(events.out.find("\"type\":\"CaseOpened\""), std::string::npos) << events.out;
  EXPECT_EQ(Run("manager", {"export", "cases", "--filter", "colour = red"}).code, kExitUsage);
  EXPECT_EQ(Run("manager", {"export", "cases", "--format", "xlsx"}).code, kExitUsage);
}

}  // namespace
}  // namespace rebound::cli
