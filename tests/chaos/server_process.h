// The server under test as a child process: started, asked whether it serves, killed, reaped.
#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rebound::chaos {

// What a finished child left: its exit code (128 + the signal's number when one ended it) and what
// it wrote on stdout and stderr.
struct Finished {
  int code = 0;
  std::string out{};
};

// Runs a command to its end. Throws std::runtime_error when it cannot be started.
Finished RunCommand(const std::vector<std::string>& command);

// A channel of its own connection; nothing is shared with other channels of this process.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address);

struct ServerOptions {
  std::string executable{};
  std::string folder{};                    // configuration below "config", sockets, server.log
  std::string db{};                        // the SQLite file
  std::vector<std::string> environment{};  // "NAME=value", added to ours
  std::string inject{};  // strace's "-e inject=" over the file syncs; empty: not traced
};

// One run of reboundd on a Unix socket. The child dies with this process, and with this object. Not
// thread-safe; make it on the main thread.
class ServerProcess {
 public:
  explicit ServerProcess(const ServerOptions& options);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }
  // False: it ended, or does not serve in time.
  bool WaitUntilServing(std::chrono::milliseconds longest);
  // To the server itself, also when it is traced.
  void Signal(int signal) const;
  // As Finished::code; nullopt: still running after that time.
  std::optional<int> WaitForExit(std::chrono::milliseconds longest);
  std::string Log() const;  // stdout and stderr of this run

 private:
  ServerOptions options_;
  std::string socket_;
  std::string log_;
  std::string address_;
  pid_t child_ = -1;  // the server, or the strace around it
  std::optional<int> exit_{};
};

}  // namespace rebound::chaos
