// The parts of the rig: each drives real servers on files of its own and reports to a World what
// did not hold.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/chaos/checker.h"
#include "tests/chaos/client_load.h"
#include "tests/chaos/server_process.h"
#include "tests/chaos/world.h"

namespace rebound::chaos {

struct Options {
  std::string server{};  // the reboundd under test
  int kills = 50;
  int stops = 10;  // of the drain part
  int syncs = 0;   // values of n in the part of the failing syncs; 0: all
  int canary = 0;  // every so many acknowledged writes are dropped; then violations must appear
  int clients = 16;
  uint64_t seed = 1;
  bool keep = false;  // leave the working folder behind
};

// A database with its clients, their ledger and a working folder, over many runs of the server.
// Everything is made below `folder`.
class Bench {
 public:
  Bench(const Options& options, const std::string& folder, int clients);

  World& world() { return world_; }
  ServerOptions server_options() const { return server_; }
  void set_server_options(ServerOptions options) { server_ = std::move(options); }
  Client& client(int i) { return *clients_[static_cast<size_t>(i)]; }
  int client_count() const { return static_cast<int>(clients_.size()); }
  const std::string& token() const { return tokens_.front(); }

  // Starts the server; throws std::runtime_error with its log when it does not serve.
  std::unique_ptr<ServerProcess> Start();
  // Runs all clients at once until each has ended its round.
  void RunClients(const std::string& address, int round, int limit);
  // Restarts the server cleanly, asks again about all unknown outcomes, judges the whole state.
  void CheckState(int round);
  const CheckedState& state() const { return state_; }  // what the last check found
  // I-14: `reboundd verify` on the file as it lies there.
  void VerifyFile();

 private:
  World world_;
  ServerOptions server_;
  CheckedState state_;
  std::vector<std::string> tokens_;
  std::vector<std::unique_ptr<Client>> clients_;
};

// SIGKILL under load, again and again. I-1, I-4, I-9, I-10, I-11, I-14.
void RunKills(const Options& options, Bench& bench);
// SIGTERM under load: it ends with 0 within 30 s and loses nothing. And a second server on the same
// file is refused. I-49.
void RunStops(const Options& options, Bench& bench);
// Each file sync of a short run fails once, or from then on. I-3. Makes its benches below `folder`;
// adds their counts and violations to `total`.
void RunSyncFailures(const Options& options, const std::string& folder, World& total);

}  // namespace rebound::chaos
