// `rebound` calls a server under TLS: who signed its certificate, and a certificate in place of a
// token.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "clients/cli/cli.h"
#include "server/storage/access_records.h"
#include "tests/fixtures/certificates.h"
#include "tests/fixtures/test_server.h"

namespace rebound::cli {
namespace {

using fixtures::PemPair;

class CliTlsTest : public testing::Test {
 protected:
  CliTlsTest() {
    other_.store().WriteAccess([](AccessRecords& records) {
      records.Put(User{.name = "root", .role = "admin"});
      return true;
    });
    Server::Options options;
    options.listen = {"127.0.0.1:0"};
    options.run_timers = false;
    options.tls = {own_.certificate, own_.key, authority_.certificate()};
    server_ =
        std::make_unique<Server>(other_.store(), clock_, fixtures::PlainRevision(), options, [] {});
    address_ = "127.0.0.1:" + std::to_string(server_->ports().front());
  }
  ~CliTlsTest() override { server_->Stop(std::chrono::seconds(5)); }

  // Runs the words against the server; what was printed is in out_ and err_.
  int Say(const std::vector<std::string>& words,
          std::map<std::string, std::string> variables = {}) {
    Surroundings surroundings{.variables = std::move(variables)};
    surroundings.variables["REBOUND_SERVER"] = address_;
    std::vector<const char*> argv = {"rebound"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    std::ostringstream out, err;
    const int code = RunCli(static_cast<int>(argv.size()), argv.data(), out, err, surroundings);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  fixtures::TestServer other_;  // for its folder, store and tokens
  ManualClock clock_{fixtures::kServerStart};
  const fixtures::Authority authority_{other_.folder(), "authority"};
  const PemPair own_ = authority_.Sign("own", {.name = "x", .alternative_names = "IP:127.0.0.1"});
  std::unique_ptr<Server> server_;
  std::string address_;
  std::string out_, err_;
};

TEST_F(CliTlsTest, AServerUnderTlsIsCalledByATokenOrACertificate) {
  const std::string ca = authority_.certificate().string();
  EXPECT_EQ(Say({"--tls-ca", ca, "--token", other_.TokenOf("admin"), "whoami"}), 0) << err_;
  EXPECT_NE(out_.find("admin"), std::string::npos) << out_;

  const PemPair pair = authority_.Sign("root", {.name = "x",  // which says nothing
                                                .alternative_names = "URI:rebound:user:root"});
  EXPECT_EQ(Say({"--tls-ca", ca, "--tls-certificate", pair.certificate.string(), "--tls-key",
                 pair.key.string(), "whoami"}),
            0)
      << err_;
  EXPECT_NE(out_.find("root"), std::string::npos) << out_;

  EXPECT_EQ(Say({"whoami"}, {{"REBOUND_TLS_CA", ca},
                             {"REBOUND_TLS_CERTIFICATE", pair.certificate.string()},
                             {"REBOUND_TLS_KEY", pair.key.string()}}),
            0)
      << err_;
  EXPECT_NE(out_.find("root"), std::string::npos) << out_;
}

TEST_F(CliTlsTest, WhoeverCannotBeTrustedIsNotCalled) {
  EXPECT_EQ(Say({"--tls", "--timeout", "5", "whoami"}), kExitUnavailable)
      << "a certificate that this machine does not know";
  const fixtures::Authority another(other_.folder(), "another");
  EXPECT_EQ(Say({"--tls-ca", another.certificate().string(), "--timeout", "5", "whoami"}),
            kExitUnavailable)
      << "signed by another";
  EXPECT_EQ(Say({"--timeout", "5", "whoami"}), kExitUnavailable) << "without TLS";
  EXPECT_NE(err_.find("--tls-ca"), std::string::npos) << "it does not say what to do: " << err_;
}

TEST_F(CliTlsTest, FilesThatCannotServeAreRefusedBeforeAnyCall) {
  const std::string ca = authority_.certificate().string();
  const std::string text = (other_.folder() / "text").string();
  std::ofstream(text) << "no certificate";
  struct Row {
    std::vector<std::string> words;
    std::string says;
  };
  for (const Row& row : std::vector<Row>{
           {{"--tls-ca", "/no/such/file"}, "/no/such/file"},
           {{"--tls-ca", text}, "in PEM"},
           {{"--tls-ca", ca, "--tls-certificate", ca}, "go together"},
           {{"--tls-ca", ca, "--tls-certificate", ca, "--tls-key", text}, "the key in PEM"},
           {{"--tls-certificate", ca, "--tls-key", own_.key.string()}, "under TLS only"},
       }) {
    std::vector<std::string> words = row.words;
    words.push_back("whoami");
    EXPECT_EQ(Say(words), kExitUsage) << row.says;
    EXPECT_NE(err_.find(row.says), std::string::npos) << err_;
  }
}

}  // namespace
}  // namespace rebound::cli
