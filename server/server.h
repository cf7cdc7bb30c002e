// The server: builds everything in order, starts it, and takes it down in reverse. Tests run the
// same one.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/clock.h"
#include "server/execute/erasures.h"
#include "server/execute/execute.h"
#include "server/execute/revisions.h"
#include "server/services/event_options.h"
#include "server/storage/store.h"
#include "workflows/revision.h"

namespace rebound {

inline constexpr const char* kVersion = "0.1.0";

class Server {
 public:
  struct Options {
    // "127.0.0.1:0" picks a port; "unix:/path" works too. Anything but loopback and Unix sockets
    // needs trusted_network: gRPC 1.51 must not face strangers.
    std::vector<std::string> listen = {"127.0.0.1:50061"};
    bool trusted_network = false;
    Executor::Options executor{};  // but for `committed`
    EventOptions events{};
    bool run_timers = true;         // tests ring the bell themselves
    KeyFolder* keys = nullptr;      // of erasures; null: nobody is listed apart from the store
    Erasures::Step erasure_step{};  // for tests
    std::string zone_data{};        // version of the time zone data in use; empty: not looked at
    RevisionBook::Reload config_read{};  // how the folder fared when `revision` was read
  };

  // Borrows store and clock; both outlive the server. `on_failure` is called once if the store
  // fails. Throws std::runtime_error with a sentence for the operator when it cannot start.
  Server(Store& store, Clock& clock, std::shared_ptr<const Revision> revision, Options options,
         std::function<void()> on_failure);
  ~Server();  // Stop

  // The ports in the order of Options::listen; 0 for a Unix socket.
  const std::vector<int>& ports() const;

  // Stops in reverse order of start: not serving, no new calls, timers, running calls for at most
  // `grace`, queued writes. Idempotent.
  void Stop(Duration grace);

  size_t FireDueTimers();
  size_t FinishErasures();
  // Keepalives of those who follow events, and whether they still may, as is done each second.
  void TendStreams();
  // Looks at wall and steady clock once, as the bell does each second.
  void WatchClock();
  // SIGHUP: the folder again; see ReloadFolder.
  AppliedConfig Reload(const std::filesystem::path& folder);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rebound
