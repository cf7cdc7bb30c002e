// Servers under measurement run in processes of their own, so that memory and start are theirs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/load.h"

namespace rebound::bench {

// A child process; it dies with this one. Not thread-safe.
class Process {
 public:
  // Runs argv[0]; its error output is appended to the file `log`.
  Process(const std::vector<std::string>& argv, const std::string& log);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();  // Stop

  pid_t pid() const { return pid_; }
  // The next line of its output, without the line feed; empty at the end.
  std::string ReadLine();
  // Asks it to stop and waits; after 20 seconds it is killed.
  void Stop();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

// A reboundd that serves.
class RunningServer {
 public:
  // Adds a principal to the database first. Returns once its health is SERVING.
  RunningServer(const std::string& binary, const std::string& database, const std::string& config,
                const std::vector<std::string>& more = {});

  const std::string& address() const { return address_; }
  // Of the gateway.
  const std::string& http_address() const { return http_address_; }
  const std::string& token() const { return token_; }
  pid_t pid() const { return process_->pid(); }
  // From starting the process to the first SERVING.
  std::chrono::duration<double, std::milli> start_time() const { return start_time_; }
  Target Connect() const { return bench::Connect(pid(), address_, token_); }
  // Proportional set size, in MiB.
  double Memory() const;

 private:
  std::string address_;
  std::string http_address_;
  std::string token_;
  std::chrono::duration<double, std::milli> start_time_{};
  std::unique_ptr<Process> process_;
};

}  // namespace rebound::bench
