// Signing in, users, keys and sessions on the command line: what is typed, printed and exited with,
// as a golden file; and the file that keeps the session.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cctype>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clients/cli/access.h"
#include "clients/cli/cli.h"
#include "tests/clients/cli_golden.h"
#include "tests/fixtures/test_server.h"

namespace rebound::cli {
namespace {

TEST(CliGrantTest, OrgUnitsAreReadWithTheirTimes) {
  struct Row {
    const char* text;
    const char* shown;  // null: refused
  };
  for (const Row& row : std::vector<Row>{
           {"east", "east"},
           {"east/苏州", "east/苏州"},
           {"east@2026-01-31..2026-02-28 08:00", "east@2026-01-31T00:00:00Z..2026-02-28T08:00:00Z"},
           {"east@..2026-02-28", "east@..2026-02-28T00:00:00Z"},
           {"east@2026-01-31..", "east@2026-01-31T00:00:00Z.."},
           {"east@..", "east"},
           {"east@2026-01-31", nullptr},
           {"east@soon..", nullptr}}) {
    std::string reason;
    const auto grant = ReadGrant(row.text, &reason);
    EXPECT_EQ(grant.has_value(), row.shown != nullptr) << row.text;
    EXPECT_EQ(reason.empty(), row.shown != nullptr) << row.text;
    if (grant && row.shown != nullptr) {
      EXPECT_EQ(FormatGrant(*grant), row.shown);
    }
  }
}

class CliAccessTest : public testing::Test {
 protected:
  CliAccessTest() {
    std::string name = (std::filesystem::temp_directory_path() / "rebound-access-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    surroundings_.variables["REBOUND_SERVER"] = "127.0.0.1:" + std::to_string(server_.port());
    surroundings_.variables["XDG_CONFIG_HOME"] = folder_;
    surroundings_.is_typed = true;
    surroundings_.ask_secret = [this](const std::string& prompt) -> std::optional<std::string> {
      asked_ += "[" + prompt + "]\n";
      if (typed_.empty()) return std::nullopt;
      std::string next = typed_.front();
      typed_.pop_front();
      return next;
    };
  }
  ~CliAccessTest() override { std::filesystem::remove_all(folder_); }

  // Runs the words with this token ("": none), typing `secrets` when asked.
  int Say(const std::string& token, const std::vector<std::string>& words,
          std::deque<std::string> secrets = {}) {
    typed_ = std::move(secrets);
    surroundings_.variables["REBOUND_TOKEN"] = token;
    std::vector<const char*> argv = {"rebound"};
    transcript_ += "$ rebound";
    for (const std::string& word : words) {
      argv.push_back(word.c_str());
      transcript_ += " " + (word.find(' ') == std::string::npos ? word : "'" + word + "'");
    }
    std::ostringstream out, err;
    asked_.clear();
    const int code = RunCli(static_cast<int>(argv.size()), argv.data(), out, err, surroundings_);
    out_ = out.str();
    transcript_ += "\n" + asked_ + out.str() + err.str();
    if (code != 0) transcript_ += "exit " + std::to_string(code) + "\n";
    transcript_ += "\n";
    EXPECT_TRUE(typed_.empty()) << "not asked for";
    return code;
  }
  // The secret that stands alone on the first line.
  std::string Secret() const { return out_.substr(0, out_.find('\n')); }

  // Ids and secrets differ from run to run, their width does not.
  std::string Transcript() const {
    std::string text, word;
    for (const char c : transcript_ + "\n") {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-') {
        word += c;
        continue;
      }
      if (word.starts_with("rb") && word.size() >= 12 && word[3] == '_') {
        word = word.substr(0, 4) + std::string(word.size() - 4, '.');
      } else if (word.size() == 26 && word.find('-') == std::string::npos) {
        word = "<---------- id ---------->";
      }
      text += word;
      text += c;
      word.clear();
    }
    text.pop_back();
    const std::string address = surroundings_.variables.at("REBOUND_SERVER");
    for (size_t at; (at = text.find(address)) != std::string::npos;) {
      text.replace(at, address.size(), "SERVER");
    }
    return text;
  }

  fixtures::TestServer server_{fixtures::TestServerOptions{.loopback = true}};
  Surroundings surroundings_;
  std::deque<std::string> typed_;
  std::string folder_, transcript_, asked_, out_;
};

constexpr const char* kPassword = "correct horse battery";
constexpr const char* kOther = "staple of the harbour";

TEST_F(CliAccessTest, AUserIsMadeSignsInAndGetsAKey) {
  const std::string admin = server_.TokenOf("admin");
  EXPECT_EQ(Say(admin, {"whoami"}), 0);
  EXPECT_EQ(Say(admin, {"users", "add", "li", "--role", "supervisor", "--org-unit", "east",
                        "--org-unit", "west@2026-01-01..2026-12-31", "--queue", "vip"}),
            0);
  const std::string link = Secret();
  EXPECT_TRUE(link.starts_with("rbo_"));
  EXPECT_EQ(Say("", {"login", "li"}, {kPassword}), 4);
  EXPECT_EQ(Say("", {"redeem", "--token", link}, {kPassword, kOther}), 2) << "the two differ";
  EXPECT_EQ(Say("", {"redeem", "--token", link}, {"short", "short"}), 2);
  EXPECT_EQ(Say("", {"redeem", "--token", link}, {kPassword, kPassword}), 0);
  EXPECT_EQ(Say("", {"redeem", "--token", link, "--lang", "zh"}, {kPassword, kPassword}), 4);
  EXPECT_EQ(Say("", {"whoami"}), 4);
  EXPECT_EQ(Say("", {"login", "li"}, {kPassword}), 0);
  EXPECT_EQ(Say("", {"whoami"}), 0);
  EXPECT_EQ(Say("", {"sessions", "list"}), 0);
  EXPECT_EQ(Say("", {"users", "list"}), 4);
  EXPECT_EQ(Say("", {"keys", "create", "--for", "night shift", "--until", "2026-06-01", "--role",
                     "agent", "--method", "rebound.v1.CaseService/ListCases"}),
            0);
  const std::string key = Secret();
  EXPECT_EQ(Say(key, {"cases", "list"}), 0);
  EXPECT_EQ(Say(key, {"users", "list"}), 4);
  EXPECT_EQ(Say(key, {"customers", "list"}), 4);
  EXPECT_EQ(Say("", {"keys", "list"}), 0);
  EXPECT_EQ(Say("", {"keys", "create", "--for", "x", "--until", "2026-06-01", "--role", "admin"}),
            4);
  EXPECT_EQ(Say("", {"password"}, {kPassword, kOther, kOther}), 0);
  EXPECT_EQ(Say("", {"whoami"}), 4);
  EXPECT_EQ(Say("", {"login", "li"}, {kOther}), 0);
  EXPECT_EQ(Say("", {"logout"}), 0);
  EXPECT_EQ(Say("", {"logout"}), 2);
  EXPECT_EQ(Say(admin, {"users", "show", "li"}), 0);
  EXPECT_EQ(Say(admin, {"users", "set", "li"}), 2);
  EXPECT_EQ(Say(admin, {"users", "set", "li", "--role", "agent", "--all-org-units"}), 0);
  EXPECT_EQ(Say(admin, {"users", "disable", "li"}), 0);
  EXPECT_EQ(Say(admin, {"users", "list"}), 0);
  EXPECT_EQ(Say(admin, {"users", "enable", "li"}), 0);
  EXPECT_EQ(Say(admin, {"users", "reset", "li"}), 0);
  EXPECT_EQ(Say(admin, {"users", "show", "nobody"}), 3);
  EXPECT_EQ(Say("", {"setup", "--token", "rbo_none", "--name", "root"}, {kPassword, kPassword}), 4);
  ExpectGolden("access.txt", Transcript());
}

TEST_F(CliAccessTest, ASessionIsKeptForItsOwnerAndShownToItsServerAlone) {
  const std::string file = folder_ + "/session";
  // Whatever lay there and whoever could read it.
  std::ofstream(file) << "old";
  std::filesystem::permissions(file, std::filesystem::perms::all);
  ASSERT_TRUE(SaveToken(folder_, "a:1", "rbs_x"));
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(SavedToken(folder_, "a:1"), "rbs_x");
  EXPECT_EQ(SavedToken(folder_, "b:1"), "");
  EXPECT_EQ(SavedToken("", "a:1"), "");
  ForgetToken(folder_);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(SavedToken(folder_, "a:1"), "");
  EXPECT_FALSE(SaveToken("", "a:1", "rbs_x"));
  EXPECT_TRUE(SaveToken(folder_ + "/deep/er", "a:1", "rbs_y")) << "folders are made";
}

}  // namespace
}  // namespace rebound::cli
