#include "server/delivery/webhook.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/delivery/signing.h"

namespace rebound {
namespace {

using testing::ElementsAre;

// The example of the Standard Webhooks libraries.
constexpr char kSecret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr char kId[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr char kBody[] = "{\"test\": 2432232314}";
const Timestamp kAt = FromMillis(1'614'265'330'000);

api::Event Example() {
  api::Event event;
  event.set_id("00000000000000000000000042");
  event.set_cursor("secret-cursor");
  event.set_type("CaseOpened");
  event.mutable_occur_time()->set_seconds(1'614'265'330);
  event.set_case_id("00000000000000000000000043");
  event.set_case_number("C-1042");
  (*event.mutable_details())["severity"] = "2";
  event.set_note("宽带 \"断了\"");
  return event;
}

std::string Header(const HttpPost& post, std::string_view name) {
  std::string value;
  for (const auto& [key, text] : post.headers) {
    if (key == name) value += text;
  }
  return value;
}

TEST(WebhookTest, SignsAsTheStandardDoes) {
  EXPECT_EQ(SignatureOf({kSecret}, kId, kAt, kBody),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookTest, SignsWithEachKeyWhileTheyAreRotated) {
  const std::string ed25519 = NewEd25519Secret();
  const std::string both = SignatureOf({ed25519, kSecret}, kId, kAt, kBody);
  const size_t blank = both.find(' ');
  ASSERT_NE(blank, std::string::npos);
  EXPECT_EQ(both.substr(blank + 1), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

  ASSERT_TRUE(both.starts_with("v1a,"));
  const auto signature = FromPaddedBase64(std::string_view(both).substr(4, blank - 4));
  const std::string shown = PublicKeyOf(ed25519);
  ASSERT_TRUE(shown.starts_with("whpk_"));
  const auto public_key = FromPaddedBase64(std::string_view(shown).substr(5));
  ASSERT_TRUE(signature && public_key);
  ASSERT_EQ(public_key->size(), crypto_sign_ed25519_PUBLICKEYBYTES);
  const std::string content = std::string(kId) + ".1614265330." + kBody;
  EXPECT_EQ(crypto_sign_ed25519_verify_detached(
                reinterpret_cast<const unsigned char*>(signature->data()),
                reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                reinterpret_cast<const unsigned char*>(public_key->data())),
            0);
}

TEST(WebhookTest, KnowsItsKeys) {
  EXPECT_TRUE(IsSigningKey(kSecret));
  EXPECT_TRUE(IsSigningKey(NewHmacSecret()));
  EXPECT_NE(NewHmacSecret(), NewHmacSecret());
  EXPECT_TRUE(IsSigningKey(NewEd25519Secret()));
  std::string mixed = FromPaddedBase64(NewEd25519Secret().substr(5)).value();
  mixed.back() = static_cast<char>(mixed.back() ^ 1);
  for (const std::string& key :
       {std::string(), std::string("whsec_"), std::string("whsec_AAAA"), std::string("whsec_%%"),
        std::string(kSecret).substr(6), PublicKeyOf(NewEd25519Secret()),
        "whsk_" + PaddedBase64(mixed), "whsec_" + PaddedBase64(std::string(65, 'a'))}) {
    EXPECT_FALSE(IsSigningKey(key)) << key;
  }
}

TEST(WebhookTest, SendsACloudEvent) {
  const HttpPost post = WebhookPost(
      {.url = "https://crm.example.com/hook", .headers = {{"X-Key", "7"}}, .keys = {kSecret}}, kId,
      kAt, Example(), "/rebound");
  EXPECT_EQ(post.url, "https://crm.example.com/hook");
  EXPECT_EQ(Header(post, "X-Key"), "7");
  EXPECT_EQ(Header(post, "Content-Type"), "application/cloudevents+json; charset=utf-8");
  EXPECT_EQ(Header(post, "webhook-id"), kId);
  EXPECT_EQ(Header(post, "webhook-timestamp"), "1614265330");
  EXPECT_EQ(Header(post, "webhook-signature"), SignatureOf({kSecret}, kId, kAt, post.body));

  const auto body = nlohmann::json::parse(post.body);
  EXPECT_EQ(body["specversion"], "1.0");
  EXPECT_EQ(body["id"], "00000000000000000000000042");
  EXPECT_EQ(body["source"], "/rebound");
  EXPECT_EQ(body["type"], "io.rebound.case_opened.v1");
  EXPECT_EQ(body["subject"], "C-1042");
  EXPECT_EQ(body["time"], "2021-02-25T15:02:10Z");
  EXPECT_EQ(body["datacontenttype"], "application/json");
  EXPECT_FALSE(body.contains("truncated"));
  EXPECT_EQ(body["data"]["caseNumber"], "C-1042");
  EXPECT_EQ(body["data"]["details"]["severity"], "2");
  EXPECT_EQ(body["data"]["note"], "宽带 \"断了\"");
  EXPECT_EQ(post.body.find("secret-cursor"), std::string::npos);
}

TEST(WebhookTest, CutsWhatIsTooLong) {
  api::Event event = Example();
  std::string note;
  for (int i = 0; i < 20'000; ++i) note += "断\"";
  event.set_note(note);
  const std::string body = WebhookBody(event, "/rebound");
  EXPECT_LE(body.size(), kMostWebhookBytes);
  const auto parsed = nlohmann::json::parse(body);  // throws on half a code point
  EXPECT_EQ(parsed["truncated"], true);
  EXPECT_GT(body.size(), kMostWebhookBytes - 10);
  EXPECT_TRUE(note.starts_with(parsed["data"]["note"].get<std::string>()));
  EXPECT_EQ(parsed["data"]["details"]["severity"], "2");

  (*event.mutable_details())["to"] = std::string(30'000, 'a');
  const std::string without = WebhookBody(event, "/rebound");
  EXPECT_LE(without.size(), kMostWebhookBytes);
  EXPECT_EQ(nlohmann::json::parse(without)["data"]["details"].size(), 1U);
}

TEST(WebhookTest, HeadersOfTheServerAndTheConnectionAreNotTheEndpoints) {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_TRUE(CheckHeaders("h", {{"Authorization", "Bearer a.b"}, {"X-Key", ""}}).has_value());
  struct Row {
    std::pair<std::string, std::string> header;
    std::string field;
  };
  const std::vector<Row> rows = {
      {{"X", "a\r\nHost: b"}, "h[0].value"},
      {{"X", "a\nb"}, "h[0].value"},
      {{"X", "中"}, "h[0].value"},
      {{"X", std::string("a\0b", 3)}, "h[0].value"},
      {{"X", " a"}, "h[0].value"},
      {{"", "a"}, "h[0].name"},
      {{"X:", "a"}, "h[0].name"},
      {{"X\r\nY", "a"}, "h[0].name"},
      {{"X Y", "a"}, "h[0].name"},
      {{std::string("X\0", 2), "a"}, "h[0].name"},
      {{"Host", "a"}, "h[0].name"},
      {{"WEBHOOK-Signature", "a"}, "h[0].name"},
      {{"webhook-id", "a"}, "h[0].name"},
      {{"Content-Length", "a"}, "h[0].name"},
      {{"content-type", "a"}, "h[0].name"},
      {{"Transfer-Encoding", "a"}, "h[0].name"},
      {{"Connection", "a"}, "h[0].name"},
      {{"Expect", "a"}, "h[0].name"},
      {{"Accept-Encoding", "gzip"}, "h[0].name"},
  };
  for (const Row& row : rows) {
    const auto checked = CheckHeaders("h", {row.header});
    ASSERT_FALSE(checked.has_value()) << row.header.first;
    EXPECT_EQ(checked.error(), FieldError(row.field, Reason::kHeaderNotAllowed));
  }
  const auto twice = CheckHeaders("h", {{"X-A", "1"}, {"x-a", "2"}});
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error(), FieldError("h[1].name", Reason::kHeaderNotAllowed));
  const auto all = CheckHeaders("h", {{"Host", "a\n"}, {"X", std::string(2'000, 'a')}});
  ASSERT_FALSE(all.has_value());
  std::vector<std::string> fields;
  for (const FieldViolation& violation : all.error().violations) fields.push_back(violation.field);
  EXPECT_THAT(fields, ElementsAre("h[0].name", "h[0].value", "h[1].value"));
  const auto many = CheckHeaders("h", Headers(1'000, {"X", "a"}));
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().reason, Reason::kTooManyItems);
}

}  // namespace
}  // namespace rebound
