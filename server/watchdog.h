// Watches the process's own listeners from outside, through new connections.
//
// After the file descriptors ran out once, gRPC 1.51 may never accept a connection again, although
// the process lives and calls on old connections go on (CVE-2023-4785). Only a new connection shows
// that, and only a restart helps.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace rebound {

class Watchdog {
 public:
  struct Options {
    std::vector<std::string> addresses{};        // HOST:PORT, [IPV6]:PORT or unix:PATH; no port 0
    bool tls = false;                            // the listeners speak TLS
    std::chrono::milliseconds interval{10'000};  // between looks; also how long an answer may take
    int failures = 3;                            // in a row, of one address, until it is hung
  };

  // Connects to each address every `interval` and waits for the first byte of an answer, of the
  // SETTINGS frame or the TLS handshake, or for the end of the connection. `on_hung` is called
  // once, on the watchdog's thread, which then ends.
  Watchdog(Options options, std::function<void()> on_hung);
  ~Watchdog();  // at once, also in the middle of a look
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void Run();
  bool Answers(const std::string& address) const;

  const Options options_;
  const std::function<void()> on_hung_;
  const std::string hello_;
  int stop_ = -1;  // an eventfd, readable once it is to end
  std::thread thread_;
};

}  // namespace rebound
