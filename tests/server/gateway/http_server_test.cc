#include "server/gateway/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/fixtures/certificates.h"
#include "tests/fixtures/raw_http.h"

namespace rebound {
namespace {

using fixtures::Authority;
using fixtures::CertificateText;
using fixtures::HttpAnswer;
using fixtures::PemPair;
using fixtures::RawClient;
using fixtures::WriteCertificate;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::chrono::seconds kSocketPatience{30};

// Says what it got: "METHOD path?query|body".
void Echo(const std::shared_ptr<HttpExchange>& exchange) {
  const HttpRequest& request = exchange->request();
  HttpResponse response;
  response.headers = {{"content-type", "text/plain"}};
  response.body = request.body_too_large ? "too large"
                                         : request.method + " " + request.path + "?" +
                                               request.query + "|" + request.body;
  exchange->Reply(std::move(response));
}

// A server on a port of its own that stops at the end.
class HttpServerTest : public testing::Test {
 protected:
  HttpServer& Start(HttpServer::Options options = {}, HttpServer::Handler handler = Echo) {
    server_ = std::make_unique<HttpServer>(std::move(options), std::move(handler));
    return *server_;
  }
  int port() const { return server_->port(); }
  std::string Head(const std::string& lines) { return lines + "\r\nhost: t\r\n\r\n"; }
  // Sends the bytes on a connection of their own and expects one answer, then the end.
  HttpAnswer Only(const std::string& bytes) {
    RawClient client(port());
    client.Send(bytes);
    const HttpAnswer answer = client.Read();
    EXPECT_EQ(answer.Header("connection"), "close");
    EXPECT_EQ(client.ReadToEnd(), "") << "two answers to one request";
    return answer;
  }
  // The next good call is served.
  void ExpectServing() { EXPECT_EQ(RawClient(port()).Do("GET", "/next").status, 200); }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, RequestsOfOneConnectionAreAnsweredInOrder) {
  Start();
  RawClient client(port());
  EXPECT_EQ(client.Do("GET", "/a?b=c").body, "GET /a?b=c|");
  EXPECT_EQ(client.Do("POST", "/p", {}, "body").body, "POST /p?|body");
  const HttpAnswer head = client.Do("HEAD", "/h");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Header("content-length"), "9");
  // Pipelined, in one piece and then byte by byte.
  std::string many;
  for (int i = 0; i < 2'000; ++i) many += Head("GET /" + std::to_string(i) + " HTTP/1.1");
  std::thread sender([&] { client.Send(many); });
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_EQ(client.Read().body, "GET /" + std::to_string(i) + "?|");
  }
  sender.join();
  for (const char c : "\r\n" + Head("GET /slow HTTP/1.1")) client.Send(std::string(1, c));
  EXPECT_EQ(client.Read().body, "GET /slow?|");
}

TEST_F(HttpServerTest, BodiesComeWithALengthOrInChunks) {
  Start();
  RawClient client(port());
  client.Send(
      "POST /c HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nauthorization: forged\r\n\r\n");
  EXPECT_EQ(client.Read().body, "POST /c?|abcde");
  client.Send("POST /e HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.ReadSome(), HasSubstr("100 Continue"));
  client.Send("abc");
  EXPECT_EQ(client.Read().body, "POST /e?|abc");
}

// A last chunk alone, in two pieces, is what Beast asserts against.
TEST_F(HttpServerTest, ChunksMayComeByteByByte) {
  Start();
  RawClient client(port());
  const std::string head = "POST /c HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n";
  const std::pair<std::string, std::string> bodies[] = {
      {"0\r\n\r\n", ""},
      {"00\r\n\r\n", ""},
      {"0;ext\r\n\r\n", ""},
      {"0\r\nx: y\r\n\r\n", ""},
      {"3\r\nabc\r\n0\r\n\r\n", "abc"},
      {"03;a=\"b\"\r\nabc\r\n0\r\n\r\n", "abc"},
  };
  for (const auto& [bytes, body] : bodies) {
    client.Send(head);
    for (const char c : bytes) client.Send(std::string(1, c));
    EXPECT_EQ(client.Read().body, "POST /c?|" + body) << bytes;
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      client.Send(head + bytes.substr(0, cut));
      client.Send(bytes.substr(cut));
      EXPECT_EQ(client.Read().body, "POST /c?|" + body) << bytes << cut;
    }
  }
}

TEST_F(HttpServerTest, Http10IsAnsweredAndClosed) {
  Start();
  EXPECT_EQ(Only("GET /old HTTP/1.0\r\n\r\n").body, "GET /old?|");
}

TEST_F(HttpServerTest, SmugglingFormsGetOneAnswerAndTheEnd) {
  Start();
  const std::string host = "host: t\r\n";
  const std::string hidden = "GET /hidden HTTP/1.1\r\nhost: t\r\n\r\n";
  const std::pair<std::string, int> requests[] = {
      {"POST / HTTP/1.1\r\n" + host +
           "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host + "content-length: 0\r\ncontent-length: 5\r\n\r\n" + hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, 400},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding : chunked\r\n\r\n0\r\n\r\n" + hidden, 400},
      {"POST / HTTP/1.1\r\n" + host + "x: y\r\n transfer-encoding: chunked\r\n\r\n" + hidden, 400},
      {"GET / HTTP/1.1\nhost: t\n\n" + hidden, 400},
      {"GET / HTTP/1.1\r\n" + host + "x: a\nb: c\r\n\r\n" + hidden, 400},
      {"GET http://t/ HTTP/1.1\r\n" + host + "\r\n" + hidden, 400},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc" +
           hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: chunked\r\n\r\n-1\r\nabc\r\n" + hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: chunked\r\n\r\n3\nabc\n0\n\n" + hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host + "transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" +
           hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host +
           "transfer-encoding: chunked\r\n\r\n1;a=\"\n\"\r\nx\r\n0\r\n\r\n" + hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host +
           "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0;a=\"\n\"\r\n\r\n" + hidden,
       400},
      {"POST / HTTP/1.1\r\n" + host +
           "transfer-encoding: chunked\r\n\r\n1;a=\"\x7F\"\r\nx\r\n0\r\n\r\n" + hidden,
       400},
      {"GET /" + std::string(64 << 10, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET / HTTP/1.1\r\n" + host + "x: " + std::string(64 << 10, 'a') + "\r\n\r\n", 431},
      {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\r\n\r\n", 15), 400},
  };
  for (const auto& [bytes, status] : requests) {
    EXPECT_EQ(Only(bytes).status, status) << bytes.substr(0, 200);
  }
  ExpectServing();
}

TEST_F(HttpServerTest, AnUpgradeIsNotTaken) {
  Start();
  RawClient client(port());
  EXPECT_EQ(client
                .Do("GET", "/u",
                    {{"connection", "upgrade, http2-settings"},
                     {"upgrade", "h2c"},
                     {"http2-settings", "AAMAAABkAAQAAP__"}})
                .body,
            "GET /u?|");
}

TEST_F(HttpServerTest, ABodyBeyondTheLimitIsNotRead) {
  HttpServer::Options options;
  options.limits.body_bytes = 1000;
  Start(std::move(options));
  EXPECT_EQ(Only("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1001\r\n\r\n").body, "too large");
  EXPECT_EQ(Only("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 100000000000\r\n\r\nabc").body,
            "too large");
  EXPECT_EQ(Only("POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" +
                 std::string(1001, 'a') + "\r\n0\r\n\r\n")
                .body,
            "too large");
  const std::string chunk = "258\r\n" + std::string(600, 'a') + "\r\n";
  EXPECT_EQ(Only("POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n" + chunk +
                 chunk + "0\r\n\r\n")
                .body,
            "too large");
  RawClient client(port());
  EXPECT_EQ(client.Do("POST", "/", {}, std::string(1000, 'a')).status, 200);
}

TEST_F(HttpServerTest, HowLongABodyMayBeGoesByTheHead) {
  HttpServer::Options options;
  options.limits.body_bytes = 1000;
  options.longest_body = [](const HttpRequest& head) {
    EXPECT_EQ(head.method + head.path, "POST/");
    EXPECT_EQ(head.body, "");
    return FindHeader(head.headers, "x-known") == nullptr ? 10 : SIZE_MAX;
  };
  Start(std::move(options));
  const auto body = [](size_t size) { return std::string(size, 'a'); };
  RawClient client(port());
  EXPECT_EQ(client.Do("POST", "/", {}, body(10)).body, "POST /?|" + body(10));
  EXPECT_EQ(client.Do("POST", "/", {{"x-known", "1"}}, body(1000)).body, "POST /?|" + body(1000));
  // Of each request anew, before any of the body is there.
  client.Send("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 11\r\n\r\n");
  EXPECT_EQ(client.Read().body, "too large");
  EXPECT_EQ(Only("POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nb\r\n").body,
            "too large");
  EXPECT_EQ(Only("POST / HTTP/1.1\r\nhost: t\r\nx-known: 1\r\ncontent-length: 1001\r\n\r\n").body,
            "too large");
  EXPECT_EQ(RawClient(port()).Do("POST", "/", {}, "").status, 200);
}

TEST_F(HttpServerTest, EndlessChunkLinesAndTrailersEnd) {
  Start();
  const std::string head = "POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n";
  EXPECT_EQ(Only(head + "1;" + std::string(100'000, 'x')).status, 400);
  EXPECT_EQ(Only(head + "0\r\nx: " + std::string(100'000, 'x')).status, 400);
}

TEST_F(HttpServerTest, WhoIsSlowIsNotWaitedFor) {
  HttpServer::Options options;
  // The header's time runs from the connection on.
  options.limits.header = options.limits.idle = std::chrono::seconds(2);
  options.limits.body = milliseconds(50);
  Start(std::move(options));
  EXPECT_EQ(Only("GET / HTTP/1.1\r\nho").status, 408);
  EXPECT_EQ(Only("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\nab").status, 408);
  RawClient idle(port());
  EXPECT_EQ(idle.ReadToEnd(), "");
  RawClient kept(port());
  EXPECT_EQ(kept.Do("GET", "/").status, 200);
  EXPECT_EQ(kept.ReadToEnd(), "");
  ExpectServing();
}

TEST_F(HttpServerTest, WhoNeverAsksIsNotWaitedForAsLongAsWhoMayAskAgain) {
  HttpServer::Options options;
  options.limits.header = std::chrono::seconds(2);
  options.limits.idle = std::chrono::hours(1);
  Start(std::move(options));
  RawClient kept(port());
  EXPECT_EQ(kept.Do("GET", "/").status, 200);
  RawClient silent(port());
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_EQ(kept.Do("GET", "/").status, 200);
}

// Streams pieces until the client takes no more.
class Flood {
 public:
  void Handle(const std::shared_ptr<HttpExchange>& exchange) {
    exchange->StartStream({});
    Next(exchange);
  }
  bool Ended() {
    return ended_.get_future().wait_for(kSocketPatience) == std::future_status::ready;
  }

 private:
  void Next(const std::shared_ptr<HttpExchange>& exchange) {
    exchange->Write(std::string(1 << 20, 'x'),
                    [this, exchange](bool ok) { ok ? Next(exchange) : ended_.set_value(); });
  }
  std::promise<void> ended_;
};

TEST_F(HttpServerTest, WhoDoesNotReadIsCutOff) {
  HttpServer::Options options;
  options.limits.write = milliseconds(200);
  Flood flood;
  Start(std::move(options), [&](const auto& exchange) { flood.Handle(exchange); });
  RawClient client(port());
  client.Send(Head("GET / HTTP/1.1"));
  EXPECT_TRUE(flood.Ended());
  server_.reset();
}

// Takes little before it is full, and nothing is read from it.
class DeafClient {
 public:
  explicit DeafClient(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int small = 1;
    const int segment = 536;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(socket_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &small, sizeof small);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~DeafClient() { close(socket_); }
  DeafClient(const DeafClient&) = delete;
  DeafClient& operator=(const DeafClient&) = delete;

  // A server that has closed is no fault.
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

 private:
  const int socket_;
};

// Wherever the socket is full: at an answer or at a 100 Continue, which is sent as soon as the head
// is there. Which of them it is is chance, so there are several.
TEST_F(HttpServerTest, WhoDoesNotReadA100ContinueIsCutOffToo) {
  std::mutex mutex;
  std::condition_variable changed;
  int heads = 0, requests = 0;
  std::atomic<bool> ended = false;
  const auto note = [&](const std::function<void()>& change) {
    std::lock_guard lock(mutex);
    change();
    changed.notify_all();
  };
  const auto wait = [&](const std::function<bool()>& reached) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kSocketPatience, [&] { return ended || reached(); });
  };
  HttpServer::Options options;
  options.limits.write = milliseconds(50);
  options.longest_body = [&](const HttpRequest&) {
    note([&] { ++heads; });
    return SIZE_MAX;
  };
  Start(std::move(options), [&](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->OnGone([&] { note([&] { ended = true; }); });
    HttpResponse response;
    response.status = 204;
    exchange->Reply(std::move(response));
    note([&] { ++requests; });
  });
  bool timed = true;
  for (int i = 0; i < 12 && timed; ++i) {
    note([&] {
      heads = requests = 0;
      ended = false;
    });
    DeafClient client(port());
    for (int sent = 1; timed && !ended; ++sent) {
      client.Send("POST /" + std::string(static_cast<size_t>(i), 'x') +
                  " HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n");
      timed = wait([&] { return heads == sent; });
      client.Send("x");
      timed = timed && wait([&] { return requests == sent; });
    }
  }
  EXPECT_TRUE(timed) << "a connection without a timer";
  server_.reset();
}

TEST_F(HttpServerTest, AStreamIsChunkedAndTheConnectionGoesOn) {
  Start({}, [](const std::shared_ptr<HttpExchange>& exchange) {
    HttpResponse head;
    head.headers = {{"content-type", "x/y"}};
    exchange->StartStream(std::move(head));
    exchange->Write("one", [exchange](bool) {
      exchange->Write("two", [exchange](bool) { exchange->Finish(); });
    });
  });
  RawClient client(port());
  for (int i = 0; i < 3; ++i) {
    const HttpAnswer answer = client.Do("GET", "/");
    EXPECT_EQ(answer.Header("transfer-encoding"), "chunked");
    EXPECT_EQ(answer.body, "onetwo");
  }
  EXPECT_EQ(Only("GET / HTTP/1.0\r\n\r\n").body, "onetwo");
}

TEST_F(HttpServerTest, AnswersMayShareABody) {
  std::string text(200'000, '-');
  for (size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('a' + i % 26);
  const auto shared = std::make_shared<const std::string>(std::move(text));
  const auto empty = std::make_shared<const std::string>();
  Start({}, [&](const std::shared_ptr<HttpExchange>& exchange) {
    HttpResponse response;
    response.shared_body = exchange->request().path == "/empty" ? empty : shared;
    exchange->Reply(std::move(response));
  });
  RawClient client(port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client.Do("GET", "/").body == *shared);
    const HttpAnswer head = client.Do("HEAD", "/");
    EXPECT_EQ(head.Header("content-length"), std::to_string(shared->size()));
    EXPECT_EQ(client.Do("GET", "/empty").body, "");
  }
  // Nobody holds it longer than its answer.
  server_.reset();
  EXPECT_EQ(shared.use_count(), 1);
}

// Numbers, so that a part at the wrong place shows.
TEST_F(HttpServerTest, LongAnswersComeWholeAndInOrder) {
  std::string numbers;
  for (int i = 0; numbers.size() < (8 << 20); ++i) numbers += std::to_string(i) + " ";
  Start({}, [&](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/whole") {
      HttpResponse response;
      response.body = numbers;
      return exchange->Reply(std::move(response));
    }
    // In pieces of many sizes that do not wait for each other.
    exchange->StartStream({});
    for (size_t at = 0, size = 1; at < numbers.size(); at += size, size = size * 3 + 1) {
      exchange->Write(numbers.substr(at, size), {});
    }
    exchange->Finish();
  });
  RawClient client(port());
  for (const char* path : {"/whole", "/stream", "/whole"}) {
    EXPECT_TRUE(client.Do("GET", path).body == numbers) << path;
  }
}

TEST_F(HttpServerTest, TheHandlerLearnsThatTheClientIsGone) {
  std::promise<void> arrived, gone;
  Start({}, [&](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->OnGone([&gone, exchange] { gone.set_value(); });
    arrived.set_value();
  });
  {
    RawClient client(port());
    client.Send(Head("GET / HTTP/1.1"));
    ASSERT_EQ(arrived.get_future().wait_for(kSocketPatience), std::future_status::ready);
  }
  EXPECT_EQ(gone.get_future().wait_for(kSocketPatience), std::future_status::ready);
}

TEST_F(HttpServerTest, AnExchangeThatIsDroppedClosesTheConnection) {
  Start({}, [](const std::shared_ptr<HttpExchange>&) {});
  RawClient client(port());
  EXPECT_EQ(client.Do("GET", "/").status, 0);
}

TEST_F(HttpServerTest, BeyondTheLimitConnectionsAreTurnedAway) {
  HttpServer::Options options;
  options.limits.connections = 2;
  Start(std::move(options));
  RawClient a(port());
  auto b = std::make_unique<RawClient>(port());
  EXPECT_EQ(a.Do("GET", "/").status, 200);
  EXPECT_EQ(b->Do("GET", "/").status, 200);
  RawClient c(port());
  EXPECT_THAT(c.ReadToEnd(), HasSubstr("503"));
  b->Do("GET", "/", {{"connection", "close"}});
  b.reset();
  EXPECT_EQ(a.Do("GET", "/").status, 200);
}

TEST_F(HttpServerTest, BeyondItsShareAnAddressIsClosedAtOnce) {
  std::atomic<bool> elsewhere = false;
  std::atomic<int> turned_away = 0;
  HttpServer::Options options;
  options.limits.connections_per_address = 2;
  options.counted_by = [&](const std::string& peer) {
    EXPECT_EQ(peer, "127.0.0.1");
    return std::string(elsewhere ? "" : "network");
  };
  options.turned_away = [&] { ++turned_away; };
  Start(std::move(options));
  RawClient a(port());
  auto b = std::make_unique<RawClient>(port());
  EXPECT_EQ(a.Do("GET", "/").status, 200);
  EXPECT_EQ(b->Do("GET", "/").status, 200);
  EXPECT_EQ(RawClient(port()).ReadToEnd(), "");
  EXPECT_EQ(turned_away, 1);
  elsewhere = true;
  std::vector<RawClient> others;
  for (int i = 0; i < 5; ++i) others.emplace_back(port());
  for (RawClient& other : others) EXPECT_EQ(other.Do("GET", "/").status, 200);
  elsewhere = false;
  // The place is free once the server has seen the end.
  b.reset();
  const auto deadline = std::chrono::steady_clock::now() + kSocketPatience;
  while (RawClient(port()).Do("GET", "/").status != 200) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  EXPECT_EQ(a.Do("GET", "/").status, 200);
}

TEST_F(HttpServerTest, EveryAnswerHasTheServersFields) {
  HttpServer::Options options;
  options.headers = {{"x-content-type-options", "nosniff"}};
  Start(std::move(options));
  EXPECT_EQ(RawClient(port()).Do("GET", "/").Header("x-content-type-options"), "nosniff");
  EXPECT_EQ(Only("nonsense\r\n\r\n").Header("x-content-type-options"), "nosniff");
}

TEST_F(HttpServerTest, AFieldCannotHoldALineEnd) {
  Start({}, [](const std::shared_ptr<HttpExchange>& exchange) {
    HttpResponse response;
    response.headers = {{"x", "a\r\nset-cookie: b"}};
    exchange->Reply(std::move(response));
  });
  const HttpAnswer answer = RawClient(port()).Do("GET", "/");
  EXPECT_EQ(answer.headers.count("set-cookie"), 0u);
}

TEST_F(HttpServerTest, StoppingFinishesWhatIsBeingAnswered) {
  std::promise<std::shared_ptr<HttpExchange>> arrived;
  Start({},
        [&](std::shared_ptr<HttpExchange> exchange) { arrived.set_value(std::move(exchange)); });
  RawClient busy(port());
  RawClient idle(port());
  busy.Send(Head("GET / HTTP/1.1"));
  auto future = arrived.get_future();
  ASSERT_EQ(future.wait_for(kSocketPatience), std::future_status::ready);
  std::shared_ptr<HttpExchange> exchange = future.get();
  std::thread stopper([&] { server_->Stop(kSocketPatience); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  HttpResponse response;
  response.body = "done";
  exchange->Reply(std::move(response));
  exchange.reset();
  const HttpAnswer answer = busy.Read();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.Header("connection"), "close");
  EXPECT_EQ(busy.ReadToEnd(), "");
  stopper.join();
}

TEST_F(HttpServerTest, AnAddressOfNoUseIsAnErrorForTheOperator) {
  for (const char* listen : {"", "8080", "host.example:80", "127.0.0.1:99999", "127.0.0.1:x"}) {
    HttpServer::Options options;
    options.listen = listen;
    EXPECT_THROW(HttpServer(options, Echo), std::runtime_error) << listen;
  }
  Start();
  HttpServer::Options taken;
  taken.listen = "127.0.0.1:" + std::to_string(port());
  EXPECT_THROW(HttpServer(taken, Echo), std::runtime_error);
}

class HttpTlsTest : public HttpServerTest {
 protected:
  HttpTlsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "rebound-tls-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    WriteCertificate("first", folder_ / "cert.pem", folder_ / "key.pem");
    HttpServer::Options options;
    options.certificate = folder_ / "cert.pem";
    options.key = folder_ / "key.pem";
    Start(std::move(options));
  }
  ~HttpTlsTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(HttpTlsTest, CallsAreServedUnderTls) {
  RawClient client(port(), RawClient::Kind::kTls);
  EXPECT_EQ(client.CommonName(), "first");
  EXPECT_EQ(client.Do("GET", "/a").body, "GET /a?|");
  EXPECT_EQ(client.Do("POST", "/b", {}, std::string(1 << 20, 'x')).body.size(), (1u << 20) + 9);
  client.Send(Head("GET /last HTTP/1.1\r\nconnection: close"));
  EXPECT_EQ(client.Read().body, "GET /last?|");
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(HttpTlsTest, ANewPairIsTakenUpAndABrokenOneIsNot) {
  RawClient before(port(), RawClient::Kind::kTls);
  EXPECT_EQ(before.Do("GET", "/").status, 200);
  WriteCertificate("second", folder_ / "cert.pem", folder_ / "key.pem");
  EXPECT_TRUE(server_->ReloadCertificate());
  EXPECT_EQ(RawClient(port(), RawClient::Kind::kTls).CommonName(), "second");
  EXPECT_EQ(before.Do("GET", "/").status, 200) << "a connection outlives its pair";

  std::ofstream(folder_ / "cert.pem") << "no certificate";
  EXPECT_FALSE(server_->ReloadCertificate());
  EXPECT_EQ(RawClient(port(), RawClient::Kind::kTls).CommonName(), "second");

  // A certificate and the key of another one.
  WriteCertificate("third", folder_ / "cert.pem", folder_ / "other.pem");
  EXPECT_FALSE(server_->ReloadCertificate());
  std::filesystem::remove(folder_ / "key.pem");
  EXPECT_FALSE(server_->ReloadCertificate());
  EXPECT_EQ(RawClient(port(), RawClient::Kind::kTls).CommonName(), "second");
}

TEST_F(HttpTlsTest, PlainBytesAreNoHandshake) {
  RawClient client(port());
  client.Send(Head("GET / HTTP/1.1"));
  client.ReadToEnd();
  EXPECT_EQ(RawClient(port(), RawClient::Kind::kTls).Do("GET", "/").status, 200);
}

// Says whom the client's certificate names.
void Whom(const std::shared_ptr<HttpExchange>& exchange) {
  const auto& certificate = exchange->request().certificate;
  HttpResponse response;
  response.body = certificate ? certificate->uri : "nobody";
  exchange->Reply(std::move(response));
}

class HttpClientCertificateTest : public HttpTlsTest {
 protected:
  HttpClientCertificateTest() {
    server_.reset();
    HttpServer::Options options;
    options.certificate = folder_ / "cert.pem";
    options.key = folder_ / "key.pem";
    options.client_ca = ours_.certificate();
    Start(std::move(options), Whom);
  }

  static CertificateText Li() { return {.name = "li", .alternative_names = "URI:rebound:user:li"}; }
  // Whom the server sees; "" when it refuses the handshake.
  std::string Seen(const PemPair& pair) {
    RawClient client(port(), pair);
    return client.Do("GET", "/").body;
  }
  void ExpectNoHandshake(const PemPair& pair) {
    RawClient client(port(), pair);
    EXPECT_EQ(client.ReadToEnd(), "");
  }

  Authority ours_{folder_, "ours"};
};

TEST_F(HttpClientCertificateTest, AClientMayShowOneOrNone) {
  RawClient li(port(), ours_.Sign("li", Li()));
  EXPECT_EQ(li.Do("GET", "/").body, "rebound:user:li");
  EXPECT_EQ(li.Do("GET", "/").body, "rebound:user:li") << "for as long as the connection lasts";
  EXPECT_EQ(RawClient(port(), RawClient::Kind::kTls).Do("GET", "/").body, "nobody");
  EXPECT_EQ(Seen(ours_.Sign("plain", {.name = "li"})), "nobody");
}

TEST_F(HttpClientCertificateTest, OneThatDoesNotVerifyEndsTheHandshake) {
  const Authority theirs(folder_, "theirs");
  ExpectNoHandshake(theirs.Sign("stranger", Li()));
  CertificateText ended = Li();
  ended.until = std::chrono::seconds(-60);
  ExpectNoHandshake(ours_.Sign("ended", ended));
  CertificateText early = Li();
  early.from = std::chrono::seconds(3600);
  ExpectNoHandshake(ours_.Sign("early", early));
  WriteCertificate("li", folder_ / "self.pem", folder_ / "self.key");
  ExpectNoHandshake({folder_ / "self.pem", folder_ / "self.key"});
  EXPECT_EQ(Seen(ours_.Sign("li", Li())), "rebound:user:li");
}

TEST_F(HttpClientCertificateTest, WhoSignsThemIsReadAgainToo) {
  const Authority next(folder_, "next");
  const PemPair before = ours_.Sign("before", Li()), after = next.Sign("after", Li());
  ExpectNoHandshake(after);
  std::filesystem::copy_file(next.certificate(), ours_.certificate(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(server_->ReloadCertificate());
  EXPECT_EQ(Seen(after), "rebound:user:li");
  ExpectNoHandshake(before);
  std::ofstream(ours_.certificate()) << "no certificate";
  EXPECT_FALSE(server_->ReloadCertificate());
  EXPECT_EQ(Seen(after), "rebound:user:li");
}

TEST_F(HttpClientCertificateTest, ItNeedsTlsAndAFileThatHoldsOne) {
  HttpServer::Options options;
  options.client_ca = ours_.certificate();
  EXPECT_THROW(HttpServer(options, Whom), std::runtime_error);
  options.certificate = folder_ / "cert.pem";
  options.key = folder_ / "key.pem";
  options.client_ca = folder_ / "none.pem";
  EXPECT_THROW(HttpServer(options, Whom), std::runtime_error);
}

}  // namespace
}  // namespace rebound
