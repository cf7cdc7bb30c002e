#include "server/watchdog.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "tests/fixtures/receiver.h"

namespace rebound {
namespace {

constexpr std::chrono::seconds kDeadline{60};
constexpr std::chrono::milliseconds kInterval{20};

// Takes connections into its queue and never answers.
class DeafListener {
 public:
  DeafListener() = default;
  ~DeafListener() { close(listening_.socket); }
  DeafListener(const DeafListener&) = delete;
  DeafListener& operator=(const DeafListener&) = delete;
  const std::string& address() const { return address_; }
  int fd() const { return listening_.socket; }

 private:
  const fixtures::Listening listening_ = fixtures::ListenOnLoopback();
  const std::string address_ = "127.0.0.1:" + std::to_string(listening_.port);
};

TEST(WatchdogTest, AListenerThatAcceptsNobodyIsHung) {
  for (const bool tls : {false, true}) {
    DeafListener listener;
    std::promise<void> hung;
    Watchdog watchdog({{listener.address()}, tls, kInterval, 3}, [&] { hung.set_value(); });
    EXPECT_EQ(hung.get_future().wait_for(kDeadline), std::future_status::ready) << tls;
  }
}

TEST(WatchdogTest, AListenerThatIsGoneIsHung) {
  std::string address;
  {
    DeafListener listener;
    address = listener.address();
  }
  std::promise<void> hung;
  Watchdog watchdog({{address}, false, kInterval, 3}, [&] { hung.set_value(); });
  EXPECT_EQ(hung.get_future().wait_for(kDeadline), std::future_status::ready);
}

TEST(WatchdogTest, SendsTheFirstBytesOfHttp2) {
  DeafListener listener;
  Watchdog watchdog({{listener.address()}, false, kInterval, 1'000'000}, [] {});
  const int fd = accept(listener.fd(), nullptr, nullptr);
  ASSERT_GE(fd, 0);
  const timeval patience{20, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string got(33, '\0');
  EXPECT_EQ(recv(fd, got.data(), got.size(), MSG_WAITALL), 33);
  EXPECT_EQ(got.substr(0, 24), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  close(fd);
}

// The deaf listener is told; the other one answered all the while.
TEST(WatchdogTest, AServerThatAnswersIsNot) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  grpc::CallbackGenericService none;
  builder.RegisterCallbackGenericService(&none);
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  DeafListener deaf;
  std::promise<void> told;
  bool server_hung = false;
  {
    Watchdog of_server({{"127.0.0.1:" + std::to_string(port)}, false, std::chrono::seconds{2}, 2},
                       [&] { server_hung = true; });
    Watchdog of_deaf({{deaf.address()}, false, std::chrono::seconds{2}, 3},
                     [&] { told.set_value(); });
    EXPECT_EQ(told.get_future().wait_for(kDeadline), std::future_status::ready);
  }
  EXPECT_FALSE(server_hung);
  server->Shutdown();
}

// As gRPC does whose certificates are of no use. The deaf listener is told.
TEST(WatchdogTest, AListenerThatClosesEveryConnectionIsNot) {
  DeafListener closing, deaf;
  std::thread closer([&] {
    for (int fd = 0; (fd = accept(closing.fd(), nullptr, nullptr)) >= 0;) close(fd);
  });
  std::promise<void> told;
  bool closing_hung = false;
  {
    Watchdog of_closing({{closing.address()}, true, std::chrono::seconds{2}, 2},
                        [&] { closing_hung = true; });
    Watchdog of_deaf({{deaf.address()}, true, std::chrono::seconds{2}, 3},
                     [&] { told.set_value(); });
    EXPECT_EQ(told.get_future().wait_for(kDeadline), std::future_status::ready);
  }
  EXPECT_FALSE(closing_hung);
  shutdown(closing.fd(), SHUT_RDWR);
  closer.join();
}

TEST(WatchdogTest, EndsInTheMiddleOfALook) {
  DeafListener listener;
  bool hung = false;
  {
    Watchdog watchdog({{listener.address()}, false, std::chrono::hours{1}, 1},
                      [&] { hung = true; });
  }
  EXPECT_FALSE(hung);
}

}  // namespace
}  // namespace rebound
