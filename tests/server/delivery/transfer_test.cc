// Against a receiver of the test's own, over loopback sockets.
#include "server/delivery/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/fixtures/certificates.h"
#include "tests/fixtures/mail_server.h"
#include "tests/fixtures/raw_http.h"
#include "tests/fixtures/receiver.h"
#include "workflows/check.h"

namespace rebound {
namespace {

using testing::HasSubstr;
using testing::Not;
using End = TransferResult::End;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Accepts one connection after the other; `serve` gets each, with what was read up to the end of
// the request's head. Counts the connections.
class Receiver {
 public:
  using Serve = std::function<void(int socket, const std::string& head)>;
  explicit Receiver(Serve serve, bool reads_first = true)
      : serve_(std::move(serve)), reads_first_(reads_first) {
    const fixtures::Listening listening = fixtures::ListenOnLoopback();
    listener_ = listening.socket;
    port_ = listening.port;
    thread_ = std::thread([this] { Run(); });
  }
  ~Receiver() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string Url(const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(port_) + "/hook";
  }
  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  bool stopping() const { return stopping_; }

 private:
  void Run() {
    while (!stopping_) {
      const int socket = accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      ++connections_;
      timeval limit{.tv_sec = 5, .tv_usec = 0};
      setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      std::string head;
      char byte = 0;
      while (reads_first_ && !head.ends_with("\r\n\r\n") && recv(socket, &byte, 1, 0) == 1) {
        head += byte;
      }
      serve_(socket, head);
      close(socket);
    }
  }

  Serve serve_;
  bool reads_first_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

bool Write(int socket, const std::string& bytes) {
  return send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

std::string ReadLine(int socket) {
  std::string line;
  char byte = 0;
  while (!line.ends_with("\r\n") && recv(socket, &byte, 1, 0) == 1) line += byte;
  return line;
}

// Until the other side has closed.
void Drain(int socket) {
  char bytes[256];
  while (recv(socket, bytes, sizeof bytes, 0) > 0) {
  }
}

TransferOptions Options() {
  TransferOptions options;
  options.targets = {.allowed = {"127.0.0.0/8"}, .allow_http = true};
  options.timeout = seconds{20};
  return options;
}

TransferResult Await(std::future<TransferResult> result) {
  CHECK(result.wait_for(seconds{30}) == std::future_status::ready);
  return result.get();
}

std::future<TransferResult> Begin(Transfers& transfers, HttpPost post) {
  auto promise = std::make_shared<std::promise<TransferResult>>();
  transfers.Post(std::move(post),
                 [promise](TransferResult r) { promise->set_value(std::move(r)); });
  return promise->get_future();
}

TransferResult Post(const TransferOptions& options, HttpPost post) {
  Transfers transfers(options);
  return Await(Begin(transfers, std::move(post)));
}

TransferResult Send(const TransferOptions& options, Mail mail) {
  Transfers transfers(options);
  std::promise<TransferResult> promise;
  transfers.Send(std::move(mail), [&](TransferResult r) { promise.set_value(std::move(r)); });
  return Await(promise.get_future());
}

TEST(TransferTest, PostsAndTellsTheAnswer) {
  std::string got;
  const Receiver receiver([&](int socket, const std::string& head) {
    got = head;
    char body[4];
    CHECK(recv(socket, body, 4, MSG_WAITALL) == 4);
    got.append(body, 4);
    Write(socket, "HTTP/1.1 429 Slow\r\nRetry-After: 1000000000\r\nContent-Length: 3\r\n\r\nyes");
    Drain(socket);
  });
  const TransferResult result =
      Post(Options(), {.url = receiver.Url(), .headers = {{"X-Key", "7"}}, .body = "body"});
  EXPECT_EQ(result.end, End::kAnswered);
  EXPECT_EQ(result.status, 429);
  EXPECT_EQ(result.retry_after, std::chrono::hours{1});
  EXPECT_EQ(result.answer, "yes");
  EXPECT_THAT(got, HasSubstr("POST /hook HTTP/1.1\r\n"));
  EXPECT_THAT(got, HasSubstr("\r\nX-Key: 7\r\n"));
  EXPECT_THAT(got, Not(HasSubstr("Accept-Encoding")));
  EXPECT_THAT(got, Not(HasSubstr("Expect")));
  EXPECT_TRUE(got.ends_with("\r\n\r\nbody"));
}

TEST(TransferTest, ABadReceiverIsCutOff) {
  struct Row {
    const char* name;
    Receiver::Serve serve;
    End end;
    int status;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::vector<Row> rows = {
      {"hangs", [](int socket, const std::string&) { Drain(socket); }, End::kTimedOut, 0},
      {"endless body",
       [&](int socket, const std::string&) {
         Write(socket, ok + "\r\n");
         while (Write(socket, std::string(1'000, 'a'))) {
         }
       },
       End::kTooLong, 200},
      {"endless head",
       [&](int socket, const std::string&) {
         Write(socket, ok);
         while (Write(socket, "X: " + std::string(1'000, 'a') + "\r\n")) {
         }
       },
       End::kTooLong, 200},
      {"half a body",
       [&](int socket, const std::string&) {
         Write(socket, ok + "Content-Length: 9\r\n\r\na");
         Drain(socket);
       },
       End::kTimedOut, 200},
      {"reset",
       [](int socket, const std::string&) {
         const linger now{.l_onoff = 1, .l_linger = 0};
         setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
       },
       End::kBroken, 0},
      {"no HTTP", [](int socket, const std::string&) { Write(socket, "SSH-2.0-a\r\n"); },
       End::kBroken, 0},
      {"closes", [](int, const std::string&) {}, End::kBroken, 0},
  };
  for (const Row& row : rows) {
    const Receiver receiver(row.serve);
    TransferOptions options = Options();
    // Where a status is expected its head has to come in that time.
    if (row.end == End::kTimedOut) options.timeout = milliseconds{row.status == 0 ? 300 : 3'000};
    const TransferResult result = Post(options, {.url = receiver.Url(), .body = "b"});
    EXPECT_EQ(result.end, row.end) << row.name << ": " << result.detail;
    EXPECT_EQ(result.status, row.status) << row.name;
    EXPECT_LE(result.answer.size(), 4'096U);
  }
}

TEST(TransferTest, RedirectsAreNotFollowed) {
  const Receiver other([](int, const std::string&) {});
  const Receiver receiver([&](int socket, const std::string&) {
    Write(socket,
          "HTTP/1.1 302 Found\r\nLocation: " + other.Url() + "\r\nContent-Length: 0\r\n\r\n");
    Drain(socket);
  });
  const TransferResult result = Post(Options(), {.url = receiver.Url(), .body = "b"});
  EXPECT_EQ(result.end, End::kAnswered);
  EXPECT_EQ(result.status, 302);
  EXPECT_EQ(other.connections(), 0);
}

TEST(TransferTest, NothingConnectsToAForbiddenAddress) {
  const Receiver receiver([](int, const std::string&) {});
  TransferOptions options = Options();
  options.targets.allowed.clear();
  for (const char* host :
       {"127.0.0.1", "2130706433", "0177.1", "localhost", "[::ffff:127.0.0.1]"}) {
    const TransferResult result = Post(options, {.url = receiver.Url(host), .body = "b"});
    EXPECT_EQ(result.end, End::kTargetForbidden) << host;
  }
  // One forbidden address among public ones is enough.
  options.resolve = [](const std::string&) {
    return std::vector<std::string>{"93.184.216.34", "127.0.0.1"};
  };
  const TransferResult mixed = Post(options, {.url = receiver.Url("a.example"), .body = "b"});
  EXPECT_EQ(mixed.end, End::kTargetForbidden);
  EXPECT_EQ(receiver.connections(), 0);
}

TEST(TransferTest, NamesAreResolvedForEachTry) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const Receiver receiver([&](int socket, const std::string&) {
    Write(socket, answer);
    Drain(socket);  // the body, and as long as the connection is kept
  });
  auto asked = std::make_shared<std::atomic<int>>(0);
  TransferOptions options = Options();
  options.resolve = [asked](const std::string& name) -> std::optional<std::vector<std::string>> {
    if (name == "unknown.example") return std::nullopt;
    const std::vector<std::string> addresses = {"127.0.0.1", "127.0.0.2", "10.0.0.1"};
    return std::vector<std::string>{addresses.at(static_cast<size_t>((*asked)++))};
  };
  Transfers transfers(options);
  const std::string url = receiver.Url("a.example");
  EXPECT_EQ(Await(Begin(transfers, {.url = url, .body = "b"})).end, End::kAnswered);
  // The name leads elsewhere now, where nobody listens; the connection that was kept is not used.
  EXPECT_EQ(Await(Begin(transfers, {.url = url, .body = "b"})).end, End::kNotConnected);
  EXPECT_EQ(Await(Begin(transfers, {.url = url, .body = "b"})).end, End::kTargetForbidden);
  EXPECT_EQ(receiver.connections(), 1);
  EXPECT_EQ(Await(Begin(transfers, {.url = "http://unknown.example/", .body = "b"})).end,
            End::kNameUnknown);
}

TEST(TransferTest, ANameThatHangsIsGivenUp) {
  auto release = std::make_shared<std::promise<void>>();
  TransferOptions options = Options();
  options.name_timeout = milliseconds{100};
  options.resolve = [until = release->get_future().share()](const std::string&) {
    until.wait_for(seconds{30});
    return std::optional<std::vector<std::string>>();
  };
  EXPECT_EQ(Post(options, {.url = "http://a.example/", .body = "b"}).end, End::kNameUnknown);
  release->set_value();
}

// Names that hang keep their threads. What finds none says nothing of its receiver.
TEST(TransferTest, BehindTooManyNamesThatHangNothingIsBegun) {
  auto release = std::make_shared<std::promise<void>>();
  TransferOptions options = Options();
  options.name_timeout = milliseconds{100};
  options.at_once = 1;
  options.resolve = [until = release->get_future().share()](const std::string&) {
    until.wait_for(seconds{30});
    return std::optional<std::vector<std::string>>();
  };
  Transfers transfers(options);
  for (const End expected : {End::kNameUnknown, End::kNameUnknown, End::kNotBegun}) {
    const auto result = Await(Begin(transfers, {.url = "http://a.example/", .body = "b"}));
    EXPECT_EQ(result.end, expected) << result.detail;
    EXPECT_FALSE(result.detail.empty());
  }
  release->set_value();
}

TEST(TransferTest, MoreThanMayRunWaitForTheirTurn) {
  const Receiver receiver([](int socket, const std::string&) {
    Write(socket, "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n");
    shutdown(socket, SHUT_WR);
    Drain(socket);
  });
  TransferOptions options = Options();
  options.at_once = 2;
  Transfers transfers(options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 50; ++i) {
    results.push_back(Begin(transfers, {.url = receiver.Url(), .body = "b"}));
  }
  for (auto& result : results) EXPECT_EQ(Await(std::move(result)).status, 204);
}

TEST(TransferTest, StopEndsWhatRuns) {
  std::promise<void> arrived;
  const Receiver receiver([&](int socket, const std::string&) {
    arrived.set_value();
    Drain(socket);
  });
  Transfers transfers(Options());
  auto running = Begin(transfers, {.url = receiver.Url(), .body = "b"});
  ASSERT_EQ(arrived.get_future().wait_for(seconds{20}), std::future_status::ready);
  transfers.Stop();
  EXPECT_EQ(Await(std::move(running)).end, End::kStopped);
  EXPECT_EQ(Await(Begin(transfers, {.url = receiver.Url(), .body = "b"})).end, End::kStopped);
}

// Answers 204 to requests under TLS, as "hooks.example".
class TlsTransferTest : public testing::Test {
 protected:
  TlsTransferTest() {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that the client has closed
    std::string name = (std::filesystem::temp_directory_path() / "rebound-tls-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    fixtures::WriteCertificate("hooks.example", Certificate(), folder_ / "key.pem");
    fixtures::WriteCertificate("hooks.example", folder_ / "other.pem", folder_ / "other_key.pem");
    context_.reset(SSL_CTX_new(TLS_server_method()));
    CHECK(SSL_CTX_use_certificate_file(context_.get(), Certificate().c_str(), SSL_FILETYPE_PEM) ==
          1);
    CHECK(SSL_CTX_use_PrivateKey_file(context_.get(), (folder_ / "key.pem").c_str(),
                                      SSL_FILETYPE_PEM) == 1);
    options_ = Options();
    options_.targets.allow_http = false;
    options_.ca_file = Certificate();
    options_.resolve = [](const std::string&) { return std::vector<std::string>{"127.0.0.1"}; };
  }
  ~TlsTransferTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path Certificate() const { return folder_ / "cert.pem"; }
  std::string Url(const std::string& host) const {
    return "https://" + host + ":" + std::to_string(receiver_.port()) + "/hook";
  }
  void Serve(int socket) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(tls.get(), socket);
    if (SSL_accept(tls.get()) != 1) return;
    std::string got;
    char byte = 0;
    while (!got.ends_with("\r\n\r\nbody") && SSL_read(tls.get(), &byte, 1) == 1) got += byte;
    bytes_ += got.size();
    const std::string answer = "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n";
    SSL_write(tls.get(), answer.data(), static_cast<int>(answer.size()));
    SSL_shutdown(tls.get());
  }

  std::filesystem::path folder_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  TransferOptions options_;
  std::atomic<size_t> bytes_{0};  // that came under TLS
  Receiver receiver_{[this](int socket, const std::string&) { Serve(socket); }, false};
};

TEST_F(TlsTransferTest, ACertificateThatIsTrustedAndOfThatHostIsTaken) {
  const TransferResult result = Post(options_, {.url = Url("hooks.example"), .body = "body"});
  EXPECT_EQ(result.end, End::kAnswered) << result.detail;
  EXPECT_EQ(result.status, 204);
  EXPECT_GT(bytes_, 0U);
}

TEST_F(TlsTransferTest, NothingIsSentToWhoCannotShowThatTheyAreMeant) {
  struct Row {
    const char* name;
    std::string url;
    std::string ca_file;
  };
  for (const Row& row : {
           Row{"another host's", Url("other.example"), Certificate()},
           Row{"an address instead of the name", Url("127.0.0.1"), Certificate()},
           Row{"self-signed, nobody vouches for it", Url("hooks.example"), ""},
           Row{"of the same name, from another one", Url("hooks.example"), folder_ / "other.pem"},
           Row{"a list of authorities that is not there", Url("hooks.example"), folder_ / "none"},
       }) {
    options_.ca_file = row.ca_file;
    const TransferResult result = Post(options_, {.url = row.url, .body = "body"});
    EXPECT_EQ(result.end, End::kTls) << row.name << ": " << result.detail;
    EXPECT_EQ(result.status, 0) << row.name;
  }
  // The mail server's too: no password goes to somebody else.
  Mail mail{.server = "smtps://127.0.0.1:" + std::to_string(receiver_.port()),
            .user = "rebound",
            .password = "secret",
            .sender = "rebound@example.com",
            .recipients = {"li@example.com"},
            .message = "Subject: a\r\n\r\nbody\r\n"};
  options_.ca_file = Certificate();
  EXPECT_EQ(Send(options_, mail).end, End::kTls);
  EXPECT_EQ(bytes_, 0U);
}

// A mail server that knows just enough; answers `to_recipient` to RCPT, but 250 to Wang's.
Receiver::Serve MailServer(std::string to_recipient, std::string* got) {
  return [=](int socket, const std::string&) {
    Write(socket, "220 mail.example.com\r\n");
    while (true) {
      const std::string line = ReadLine(socket);
      if (line.empty()) return;
      *got += line;
      if (line.starts_with("RCPT")) {
        Write(socket,
              (line.find("wang@") == std::string::npos ? to_recipient : "250 known") + "\r\n");
      } else if (line.starts_with("DATA")) {
        Write(socket, "354 go on\r\n");
        for (std::string text = ReadLine(socket); text != ".\r\n" && !text.empty();
             text = ReadLine(socket)) {
          *got += text;
        }
        Write(socket, "250 taken\r\n");
      } else {
        Write(socket, "250 mail.example.com\r\n");
      }
    }
  };
}

Mail ToLi(const Receiver& receiver) {
  return {.server = "smtp://127.0.0.1:" + std::to_string(receiver.port()),
          .require_tls = false,
          .sender = "rebound@example.com",
          .recipients = {"li@example.com"},
          .message = "Subject: a\r\n\r\n.text\r\n"};
}

TEST(TransferTest, SendsMail) {
  std::string got;
  TransferResult result;
  {
    const Receiver receiver(MailServer("250 known", &got), false);
    result = Send({}, ToLi(receiver));  // the operator's relay: no rules apply
  }
  EXPECT_EQ(result.end, End::kAnswered) << result.detail;
  EXPECT_EQ(result.status, 250);
  EXPECT_EQ(result.answer, "");
  EXPECT_THAT(got, HasSubstr("MAIL FROM:<rebound@example.com>"));
  EXPECT_THAT(got, HasSubstr("RCPT TO:<li@example.com>"));
  EXPECT_THAT(got, HasSubstr("Subject: a\r\n\r\n..text\r\n"));
}

TEST(TransferTest, TellsWhatAMailServerRefuses) {
  std::string got;
  const Receiver receiver(MailServer("550 <li@example.com> unknown", &got), false);
  const TransferResult result = Send({}, ToLi(receiver));
  EXPECT_EQ(result.end, End::kAnswered) << result.detail;
  EXPECT_EQ(result.status, 550);
  EXPECT_THAT(result.answer + result.detail, Not(HasSubstr("li@example.com")));
}

// One of an endpoint's 50 mailboxes closes sooner or later; the others go on reading.
TEST(TransferTest, AMailGoesToThoseWhomTheServerTakes) {
  std::string got;
  TransferResult result;
  {
    const Receiver receiver(MailServer("550 <li@example.com> unknown", &got), false);
    Mail mail = ToLi(receiver);
    mail.recipients = {"li@example.com", "wang@example.com", "zhao@example.com"};
    result = Send({}, mail);
    EXPECT_EQ(result.end, End::kAnswered) << result.detail;
    EXPECT_EQ(result.status, 250);
    EXPECT_EQ(result.answer, "2 of 3 recipients were refused");
    mail.recipients = {"li@example.com", "zhao@example.com"};
    const TransferResult nobody = Send({}, mail);
    EXPECT_EQ(nobody.end, End::kAnswered) << nobody.detail;
    EXPECT_EQ(nobody.status, 550);
    EXPECT_THAT(nobody.answer + nobody.detail, Not(HasSubstr("@example.com")));
  }
  EXPECT_THAT(got, HasSubstr("RCPT TO:<zhao@example.com>"));
  EXPECT_THAT(got, HasSubstr("Subject: a\r\n\r\n..text\r\n"));
}

TEST(TransferTest, NoMailGoesInTheClearOrToTwoLines) {
  std::string got;
  const Receiver receiver(MailServer("250 known", &got), false);
  Mail mail = ToLi(receiver);
  mail.require_tls = true;  // the server does not offer it
  EXPECT_EQ(Send({}, mail).end, End::kTls);
  mail = ToLi(receiver);
  mail.recipients = {"li@example.com>\r\nRCPT TO:<x@example.com"};
  EXPECT_EQ(Send({}, mail).end, End::kNotConnected);
  EXPECT_EQ(receiver.connections(), 1);
}

// libcurl waits for the answer to a mail's end and lets its handle do nothing else meanwhile: a
// mail server that took its time stopped every webhook. Found by run_outbox.py.
TEST(TransferTest, AMailServerThatTakesItsTimeHoldsUpNoPost) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  const fixtures::MailServer mails([released](const fixtures::ReceivedMail&) {
    released.wait_for(seconds{30});
    return std::string("250 taken");
  });
  const Receiver receiver([](int socket, const std::string&) {
    Write(socket, "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n");
    shutdown(socket, SHUT_WR);
    Drain(socket);
  });
  TransferOptions options = Options();
  options.timeout = std::chrono::minutes{2};
  Transfers transfers(options);
  auto sent = std::make_shared<std::promise<TransferResult>>();
  transfers.Send({.server = mails.Url(),
                  .require_tls = false,
                  .sender = "rebound@example.com",
                  .recipients = {"li@example.com"},
                  .message = "Subject: a\r\n\r\ntext\r\n"},
                 [sent](TransferResult r) { sent->set_value(std::move(r)); });
  EXPECT_EQ(mails.Await(1).size(), 1U);
  EXPECT_EQ(Await(Begin(transfers, {.url = receiver.Url(), .body = "b"})).status, 204);
  auto result = sent->get_future();
  EXPECT_EQ(result.wait_for(seconds{0}), std::future_status::timeout) << "it still waits";
  transfers.Stop();
  EXPECT_EQ(Await(std::move(result)).end, End::kStopped);
  release.set_value();
}

}  // namespace
}  // namespace rebound
