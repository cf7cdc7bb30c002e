#include "tests/bench/load.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace rebound::bench {
namespace {

constexpr int kChannels = 4;

double MedianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

Target Connect(pid_t server, const std::string& address, const std::string& token) {
  Target target;
  target.server = server;
  target.authorization = "Bearer " + token;
  for (int i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    auto channel =
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      throw std::runtime_error("nobody answers at " + address);
    }
    target.channels.push_back(std::move(channel));
  }
  return target;
}

double ProcessorTime(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  std::string field;
  for (int i = 3; i < 14; ++i) fields >> field;  // utime is the 14th, stime the 15th
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Measured Summarise(std::vector<uint32_t>* micros, double seconds) {
  if (micros->empty()) throw std::runtime_error("no call ended within the measured time");
  std::sort(micros->begin(), micros->end());
  const auto at = [&](double share) {
    return static_cast<double>((*micros)[std::min(
        micros->size() - 1, static_cast<size_t>(static_cast<double>(micros->size()) * share))]);
  };
  return {static_cast<double>(micros->size()) / seconds, at(0.5), at(0.99),
          static_cast<int64_t>(micros->size()), 0};
}

Measured Median(std::vector<Measured> rounds) {
  const auto of = [&](double Measured::*field) {
    std::vector<double> values;
    for (const Measured& round : rounds) values.push_back(round.*field);
    return MedianOf(std::move(values));
  };
  Measured median{of(&Measured::per_second), of(&Measured::p50_us), of(&Measured::p99_us), 0,
                  of(&Measured::server_us)};
  for (const Measured& round : rounds) median.calls += round.calls;
  return median;
}

}  // namespace rebound::bench
