#include "tests/chaos/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "grpc/health/v1/health.grpc.pb.h"

namespace rebound::chaos {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// setpriv has the kernel kill the child when we die, however we die.
pid_t Spawn(std::vector<std::string> command, const std::vector<std::string>& environment,
            const std::string& output) {
  command.insert(command.begin(), {"setpriv", "--pdeathsig", "KILL", "--"});
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (char** entry = environ; *entry != nullptr; ++entry) envp.push_back(*entry);
  std::vector<std::string> added = environment;
  for (std::string& entry : added) envp.push_back(entry.data());
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = -1;
  const int error = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::runtime_error("cannot start " + command[0] + ": " + std::strerror(error));
  }
  return child;
}

int ExitCode(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string UniqueName(const std::string& folder, const char* ending) {
  static std::atomic<int> counter{0};
  return folder + "/" + std::to_string(counter.fetch_add(1)) + ending;
}

bool Accepts(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0) return false;
  const bool accepted =
      connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(file);
  return accepted;
}

}  // namespace

Finished RunCommand(const std::vector<std::string>& command) {
  const std::string output = UniqueName(std::filesystem::temp_directory_path(),
                                        ("-" + std::to_string(getpid()) + ".out").c_str());
  const pid_t child = Spawn(command, {}, output);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Finished finished{ExitCode(status), ReadFile(output)};
  std::filesystem::remove(output);
  return finished;
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

ServerProcess::ServerProcess(const ServerOptions& options) : options_(options) {
  socket_ = UniqueName(options.folder, ".sock");
  log_ = options.folder + "/server.log";
  address_ = "unix:" + socket_;
  std::vector<std::string> command;
  if (!options.inject.empty()) {
    command = {"strace",
               "-f",
               "--seccomp-bpf",
               "-o",
               "/dev/null",
               "-e",
               "trace=fdatasync,fsync",
               "-e",
               "inject=fdatasync,fsync:" + options.inject};
  }
  for (const std::string& word :
       {options.executable, std::string("--db"), options.db, std::string("--config"),
        options.folder + "/config", std::string("--listen"), address_, std::string("--log-level"),
        std::string("warn")}) {
    command.push_back(word);
  }
  child_ = Spawn(command, options.environment, log_);
}

ServerProcess::~ServerProcess() {
  if (!exit_) {
    Signal(SIGKILL);
    if (!WaitForExit(milliseconds(2000))) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
  }
  unlink(socket_.c_str());
}

bool ServerProcess::WaitUntilServing(milliseconds longest) {
  const auto end = Clock::now() + longest;
  // Asking gRPC before anybody listens would wait for its back-off, which is longer than a start.
  while (!Accepts(socket_)) {
    if (Clock::now() > end || WaitForExit(milliseconds(2))) return false;
  }
  grpc::health::v1::Health::Stub stub(OpenChannel(address_));
  do {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + milliseconds(2000));
    grpc::health::v1::HealthCheckResponse reply;
    if (stub.Check(&context, {}, &reply).ok() &&
        reply.status() == grpc::health::v1::HealthCheckResponse::SERVING) {
      return true;
    }
  } while (Clock::now() < end && !WaitForExit(milliseconds(5)));
  return false;
}

void ServerProcess::Signal(int signal) const {
  if (exit_) return;
  pid_t target = child_;
  if (!options_.inject.empty()) {
    // The lock file names the process that holds the database.
    target = std::atoi(ReadFile(options_.db + ".lock").c_str());
    if (target <= 1) target = child_;
  }
  kill(target, signal);
}

std::optional<int> ServerProcess::WaitForExit(milliseconds longest) {
  const auto end = Clock::now() + longest;
  while (!exit_) {
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) == child_) {
      exit_ = ExitCode(status);
    } else if (Clock::now() >= end) {
      break;
    } else {
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  return exit_;
}

std::string ServerProcess::Log() const { return ReadFile(log_); }

}  // namespace rebound::chaos
