#include "tests/bench/http_load.h"

#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace rebound::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;

struct Lane {
  asio::io_context context{1};
  std::vector<uint32_t> micros{};
  int64_t calls = 0;
  std::string error{};
};

struct Times {
  Clock::time_point measured_from{};
  Clock::time_point until{};
};

class Connection {
 public:
  Connection(Lane& lane, const HttpCall& call, const Times& times,
             const asio::ip::tcp::endpoint& server, const std::string& authorization)
      : lane_(lane), call_(call), times_(times), stream_(lane.context) {
    stream_.connect(server);
    stream_.socket().set_option(asio::ip::tcp::no_delay(true));
    request_.method(http::verb::post);
    request_.target(call.path);
    request_.set(http::field::host, "localhost");
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::authorization, authorization);
    request_.set("connect-protocol-version", "1");
    Send();
  }

 private:
  void Send() {
    request_.body() = call_.next();
    request_.prepare_payload();
    response_ = {};
    start_ = Clock::now();
    stream_.expires_after(std::chrono::seconds(30));
    http::async_write(stream_, request_, [this](beast::error_code error, size_t) {
      if (error) return Fail(error.message());
      http::async_read(stream_, buffer_, response_, [this](beast::error_code failed, size_t) {
        if (failed) return Fail(failed.message());
        Answered();
      });
    });
  }

  void Answered() {
    const auto now = Clock::now();
    ++lane_.calls;
    if (response_.result() != http::status::ok) return Fail(response_.body());
    if (now >= times_.measured_from && now < times_.until) {
      lane_.micros.push_back(static_cast<uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(now - start_).count()));
    }
    if (now < times_.until && lane_.error.empty()) Send();
  }

  void Fail(const std::string& why) {
    if (lane_.error.empty()) lane_.error = call_.path + ": " + why;
  }

  Lane& lane_;
  const HttpCall& call_;
  const Times& times_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{};
  http::request<http::string_body> request_{};
  http::response<http::string_body> response_{};
  Clock::time_point start_{};
};

}  // namespace

Measured DriveHttp(pid_t server, const std::string& address, const std::string& authorization,
                   const HttpCall& call, int in_flight, double seconds) {
  const auto begin = Clock::now();
  const auto since = [&](double share) {
    return begin + std::chrono::duration_cast<Clock::duration>(
                       std::chrono::duration<double>(seconds * share));
  };
  const Times times{since(0.1), since(1.1)};
  const size_t colon = address.rfind(':');
  const asio::ip::tcp::endpoint endpoint(
      asio::ip::make_address(address.substr(0, colon)),
      static_cast<unsigned short>(std::stoi(address.substr(colon + 1))));
  const int threads = in_flight < 8 ? 1 : 2;
  std::vector<Lane> lanes(static_cast<size_t>(threads));
  const double processor_before = ProcessorTime(server);
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < in_flight; ++i) {
    connections.push_back(std::make_unique<Connection>(lanes[static_cast<size_t>(i % threads)],
                                                       call, times, endpoint, authorization));
  }
  std::vector<std::thread> others;
  for (size_t i = 1; i < lanes.size(); ++i) {
    others.emplace_back([&lane = lanes[i]] { lane.context.run(); });
  }
  lanes.front().context.run();
  for (std::thread& thread : others) thread.join();
  std::vector<uint32_t> micros;
  int64_t calls = 0;
  for (const Lane& lane : lanes) {
    if (!lane.error.empty()) throw std::runtime_error(lane.error);
    micros.insert(micros.end(), lane.micros.begin(), lane.micros.end());
    calls += lane.calls;
  }
  Measured measured = Summarise(&micros, seconds);
  measured.server_us = (ProcessorTime(server) - processor_before) / static_cast<double>(calls);
  return measured;
}

}  // namespace rebound::bench
