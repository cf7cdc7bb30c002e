#include "server/delivery/mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "server/delivery/signing.h"

namespace rebound {
namespace {

using testing::HasSubstr;
using testing::Not;

MailText ExampleMail() {
  return {.from_name = "客服",
          .from = "rebound@example.com",
          .to = {"li@example.com", "zhang@example.com"},
          .subject = "[C-1042] the case was opened",
          .text = "Case: C-1042\n工单\n",
          .message_id = "01.endpoint@example.com",
          .thread_id = "case-1042@example.com",
          .date = FromMillis(1'614'265'330'123)};
}

TEST(MailTest, IsAMessageOfItsKind) {
  EXPECT_EQ(MailMessage(ExampleMail()),
            "Date: Thu, 25 Feb 2021 15:02:10 +0000\r\n"
            "From: =?UTF-8?B?5a6i5pyN?=\r\n"
            " <rebound@example.com>\r\n"
            "To: <li@example.com>,\r\n"
            " <zhang@example.com>\r\n"
            "Message-ID: <01.endpoint@example.com>\r\n"
            "In-Reply-To: <case-1042@example.com>\r\n"
            "References: <case-1042@example.com>\r\n"
            "Subject: [C-1042] the case was opened\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "\r\n"
            "Q2FzZTogQy0xMDQyDQrlt6XljZUNCg==\r\n");
}

TEST(MailTest, NoValueBeginsAnotherHeader) {
  MailText mail = ExampleMail();
  mail.subject = "a\r\nBcc: x@example.com\r\n\r\nbody";
  mail.from_name = "b\nBcc: x@example.com";
  mail.message_id = "c>\r\nBcc: <x@example.com";
  mail.thread_id = "d\nBcc: x@example.com";
  const std::string message = MailMessage(mail);
  const std::string head = message.substr(0, message.find("\r\n\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("\nBcc")));
  EXPECT_THAT(head, HasSubstr("Content-Transfer-Encoding: base64"));
  for (size_t at = head.find('\n'); at != std::string::npos; at = head.find('\n', at + 1)) {
    EXPECT_EQ(head[at - 1], '\r');
  }
}

TEST(MailTest, LongSubjectsAreWholeCodePointsInShortLines) {
  MailText mail = ExampleMail();
  mail.subject.clear();
  for (int i = 0; i < 200; ++i) mail.subject += "工单a";
  for (int i = 0; i < 200; ++i) mail.text += "a long line without an end ";
  std::istringstream lines(MailMessage(mail));
  std::string decoded;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 78U) << line;
    const size_t begin = line.find("=?UTF-8?B?");
    if (begin == std::string::npos || line.find("5a6i") != std::string::npos) continue;
    const size_t end = line.find("?=", begin + 10);
    const std::string word = FromPaddedBase64(line.substr(begin + 10, end - begin - 10)).value();
    EXPECT_EQ(CutAtCodePoint(word + "a", word.size()), word);
    decoded += word;
  }
  EXPECT_EQ(decoded, mail.subject);
}

TEST(MailTest, AddressesAreChecked) {
  for (const char* address : {"a@b", "li.na+x@mail.example.com", "o'neil@example.com"}) {
    EXPECT_TRUE(IsMailAddress(address)) << address;
  }
  for (const char* address : {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nRCPT TO:<c@d>",
                              "<a@b>", "a@b>", "\"a\"@b", "a..b@c", "a@.b", "a@-b", "李@b"}) {
    EXPECT_FALSE(IsMailAddress(address)) << address;
  }
  EXPECT_FALSE(IsMailAddress(std::string("a\0@b", 4)));
  EXPECT_FALSE(IsMailAddress(std::string(65, 'a').append("@b")));
  EXPECT_FALSE(IsMailAddress(std::string("a@").append(255, 'b')));
}

TEST(MailTest, AnswersAreJudged) {
  using End = TransferResult::End;
  EXPECT_EQ(JudgeMail({.end = End::kAnswered, .status = 250}), DeliveryVerdict::kDelivered);
  EXPECT_EQ(JudgeMail({.end = End::kAnswered, .status = 451}), DeliveryVerdict::kRetry);
  EXPECT_EQ(JudgeMail({.end = End::kAnswered, .status = 550}), DeliveryVerdict::kRefused);
  for (const int32_t sign_in : {530, 534, 535, 538}) {
    EXPECT_EQ(JudgeMail({.end = End::kAnswered, .status = sign_in}), DeliveryVerdict::kRetry);
  }
  EXPECT_EQ(JudgeMail({.end = End::kTls, .status = 220}), DeliveryVerdict::kRetry);
}

}  // namespace
}  // namespace rebound
