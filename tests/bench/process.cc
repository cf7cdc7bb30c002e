#include "tests/bench/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "grpc/health/v1/health.grpc.pb.h"

namespace rebound::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

uint16_t FreePort() {
  const int socket_file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(socket_file, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(socket_file, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port on loopback");
  }
  close(socket_file);
  return ntohs(address.sin_port);
}

bool Accepts(uint16_t port) {
  const int socket_file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(port);
  const bool accepted =
      connect(socket_file, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(socket_file);
  return accepted;
}

bool IsServing(const std::string& address) {
  auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  grpc::health::v1::HealthCheckResponse health;
  return grpc::health::v1::Health::NewStub(channel)->Check(&context, {}, &health).ok() &&
         health.status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

}  // namespace

Process::Process(const std::vector<std::string>& argv, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const int log_file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(pipe_ends[1], STDOUT_FILENO);
    if (log_file >= 0) dup2(log_file, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  if (log_file >= 0) close(log_file);
  if (pid_ < 0) throw std::runtime_error("cannot start " + argv[0]);
  output_ = pipe_ends[0];
}

Process::~Process() { Stop(); }

std::string Process::ReadLine() {
  std::string line;
  char c = 0;
  while (read(output_, &c, 1) == 1 && c != '\n') line.push_back(c);
  return line;
}

void Process::Stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  const auto deadline = steady_clock::now() + std::chrono::seconds(20);
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady_clock::now() > deadline) kill(pid_, SIGKILL);
    std::this_thread::sleep_for(milliseconds(2));
  }
  pid_ = -1;
  close(output_);
}

RunningServer::RunningServer(const std::string& binary, const std::string& database,
                             const std::string& config, const std::vector<std::string>& more) {
  const std::string log = database + ".log";
  {
    Process add(
        {binary, "principal", "add", "--db", database, "--name", "bench", "--role", "admin"}, log);
    token_ = add.ReadLine();
  }
  if (token_.empty()) throw std::runtime_error("no token; see " + log);
  const uint16_t port = FreePort();
  address_ = "127.0.0.1:" + std::to_string(port);
  http_address_ = "127.0.0.1:" + std::to_string(FreePort());
  const auto begin = steady_clock::now();
  std::vector<std::string> argv{binary,     "--db",   database, "--config",    config,
                                "--listen", address_, "--http", http_address_, "--rate-identity",
                                "0"};
  argv.insert(argv.end(), more.begin(), more.end());
  process_ = std::make_unique<Process>(argv, log);
  const auto deadline = begin + std::chrono::seconds(30);
  while (!Accepts(port) || !IsServing(address_)) {
    if (steady_clock::now() > deadline) throw std::runtime_error("not serving; see " + log);
    std::this_thread::sleep_for(milliseconds(1));
  }
  start_time_ = steady_clock::now() - begin;
}

double RunningServer::Memory() const {
  std::ifstream file("/proc/" + std::to_string(pid()) + "/smaps_rollup");
  for (std::string word; file >> word;) {
    if (word != "Pss:") continue;
    double kilobytes = 0;
    file >> kilobytes;
    return kilobytes / 1024;
  }
  throw std::runtime_error("no smaps_rollup");
}

}  // namespace rebound::bench
