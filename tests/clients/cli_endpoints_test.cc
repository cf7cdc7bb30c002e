// Endpoints and deliveries on the command line: what is typed, printed and exited with, as a golden
// file.
#include <gmock/gmock.h>

#include <cctype>
#include <chrono>
#include <sstream>

#include "clients/cli/cli.h"
#include "clients/cli/endpoints.h"
#include "server/storage/delivery_records.h"
#include "tests/clients/cli_golden.h"
#include "tests/fixtures/test_server.h"

namespace rebound::cli {
namespace {

class CliEndpointsTest : public testing::Test {
 protected:
  CliEndpointsTest() {
    surroundings_.variables["REBOUND_SERVER"] = "127.0.0.1:" + std::to_string(server_.port());
    surroundings_.variables["REBOUND_TOKEN"] = server_.TokenOf("admin");
    surroundings_.ask_secret = [](const std::string&) { return "hidden"; };
  }

  int Say(const std::vector<std::string>& words) {
    // Ids of one millisecond have no order.
    server_.clock().Advance(std::chrono::milliseconds(1));
    std::vector<const char*> argv = {"rebound"};
    transcript_ += "$ rebound";
    for (const std::string& word : words) {
      argv.push_back(word.c_str());
      transcript_ += " " + (word.find(' ') == std::string::npos ? word : "'" + word + "'");
    }
    std::ostringstream out, err;
    const int code = RunCli(static_cast<int>(argv.size()), argv.data(), out, err, surroundings_);
    out_ = out.str();
    transcript_ += "\n" + out.str() + err.str();
    if (code != 0) transcript_ += "exit " + std::to_string(code) + "\n";
    transcript_ += "\n";
    return code;
  }
  // The id of the only endpoint whose row holds `part`.
  std::string IdOf(const std::string& part) {
    std::ostringstream out, err;
    const char* argv[] = {"rebound", "endpoints", "list", "-o", "csv"};
    EXPECT_EQ(RunCli(5, argv, out, err, surroundings_), 0);
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) {
      if (line.find(part) != std::string::npos) return line.substr(0, 26);
    }
    ADD_FAILURE() << "no endpoint with " << part;
    return "";
  }

  // Ids and secrets differ from run to run, their width does not.
  std::string Transcript() const {
    std::string text, word;
    for (const char c : transcript_ + "\n") {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '+' ||
          (c == '/' && word.starts_with("wh"))) {
        word += c;
        continue;
      }
      if (word.starts_with("whsec_") || word.starts_with("whpk_")) {
        const size_t begin = word.find('_') + 1;
        word = word.substr(0, begin) + std::string(word.size() - begin, '.');
      } else if (word.size() == 26) {
        word = "<---------- id ---------->";
      }
      text += word;
      text += c;
      word.clear();
    }
    text.pop_back();
    return text;
  }

  // No name leads anywhere.
  fixtures::TestServer server_{fixtures::TestServerOptions{
      .loopback = true,
      .delivery = {.transfers = {.resolve = [](const std::string&) { return std::nullopt; }}}}};
  Surroundings surroundings_;
  std::string transcript_, out_;
};

TEST_F(CliEndpointsTest, AnEndpointIsMadeChangedAndTakenAway) {
  EXPECT_EQ(Say({"endpoints", "list"}), 0);
  EXPECT_EQ(Say({"endpoints", "create", "webhook", "--url", "https://crm.example.com/hooks",
                 "--type", "CaseOpened", "--type", "CaseClosed", "--queue", "vip", "--header",
                 "Authorization: Bearer hidden"}),
            0);
  EXPECT_TRUE(out_.starts_with("whsec_"));
  const std::string id = IdOf("crm.example.com");
  EXPECT_EQ(Say({"endpoints", "create", "webhook", "--url", "https://erp.example.com/", "--signing",
                 "ed25519"}),
            0);
  EXPECT_EQ(Say({"endpoints", "create", "feishu", "--url",
                 "https://open.feishu.cn/open-apis/bot/v2/hook/hidden", "--robot-secret",
                 "--language", "zh"}),
            0);
  EXPECT_EQ(Say({"endpoints", "create", "pigeon"}), 2);
  EXPECT_EQ(Say({"endpoints", "create", "webhook", "--url", "https://10.0.0.1/"}), 2);
  EXPECT_EQ(Say({"endpoints", "create", "webhook", "--url", "https://a.example.com/", "--header",
                 "Host"}),
            2);
  EXPECT_EQ(Say({"endpoints", "create", "email", "--to", "lead@example.com"}), 5);
  EXPECT_EQ(Say({"endpoints", "list"}), 0);
  EXPECT_EQ(Say({"endpoints", "show", id}), 0);
  EXPECT_EQ(Say({"endpoints", "update", id}), 2);
  EXPECT_EQ(Say({"endpoints", "update", id, "--all-events", "--no-headers"}), 0);
  EXPECT_EQ(Say({"endpoints", "rotate", id, "--grace", "2h"}), 0);
  EXPECT_EQ(Say({"endpoints", "show", id}), 0);
  EXPECT_EQ(Say({"endpoints", "test", id}), 1);
  EXPECT_EQ(Say({"endpoints", "disable", id}), 0);
  EXPECT_EQ(Say({"endpoints", "enable", id, "--from-now"}), 0);
  EXPECT_EQ(Say({"deliveries", "list"}), 0);
  EXPECT_EQ(Say({"endpoints", "disable", id}), 0);  // so that what is replayed stays pending

  Delivery dead{.id = {{9}},
                .endpoint = *ParseId<RawId>(id),
                .sequence = 7,
                .event_type = "CaseOpened",
                .order_key = "k",
                .state = DeliveryState::kDead,
                .tries = 10,
                .last_status = 503,
                .last_answer = "busy",
                .ended_at = fixtures::kServerStart};
  server_.store().WriteDeliveries([&](DeliveryRecords& records) {
    records.Put(dead);
    return true;
  });
  EXPECT_EQ(Say({"deliveries", "list", "--endpoint", id, "--state", "dead"}), 0);
  EXPECT_EQ(Say({"deliveries", "replay", id}), 2);
  EXPECT_EQ(Say({"deliveries", "replay", id, "--dead"}), 0);
  EXPECT_EQ(Say({"deliveries", "list"}), 0);
  EXPECT_EQ(Say({"endpoints", "delete", id}), 0);
  EXPECT_EQ(Say({"endpoints", "show", id}), 3);
  // Only where it was typed.
  EXPECT_EQ(transcript_.find("Bearer hidden"), transcript_.rfind("Bearer hidden"));
  ExpectGolden("endpoints.txt", Transcript());
}

}  // namespace
}  // namespace rebound::cli
