// grpc.health.v1.Health, written here because gRPC's own has no descriptor that reflection could
// show.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"

namespace rebound {

// The serving status of the server ("") and of each named service. Needs no identity, but whoever
// asks too often is refused by `admit`. Outlives the
// gRPC server it is registered with. Thread-safe.
class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // They need no identity and last: no more than these may hold connections.
  static constexpr size_t kMostWatchers = 256;
  // Runs first in every call; anything but OK ends it.
  using Admit = std::function<grpc::Status(grpc::CallbackServerContext*)>;

  // Everything begins as NOT_SERVING.
  HealthService(const std::vector<std::string>& service_names, Admit admit);
  ~HealthService() override;

  // Sets all services and tells the watchers.
  void SetServing(bool serving);
  // Sets one; must be one of the names, or "".
  void SetServing(std::string_view service, bool serving);

  // Sets all to NOT_SERVING for good and ends every watch, new ones too, with UNAVAILABLE, so that
  // grpc::Server::Shutdown need not wait for them.
  void Shutdown();

  // NOT_FOUND for a service that is not known.
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  // Sends the status now and whenever it changes; SERVICE_UNKNOWN for one that is not known.
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  class Watcher;
  class Refused;
  using Serving = grpc::health::v1::HealthCheckResponse::ServingStatus;

  Serving StatusLocked(const std::string& service) const;
  void SetLocked(Serving* status, bool serving);
  void TellLocked();

  const Admit admit_;
  std::mutex mutex_;
  std::map<std::string, Serving, std::less<>> statuses_;
  std::set<Watcher*> watchers_;
  bool shut_down_ = false;
};

}  // namespace rebound
