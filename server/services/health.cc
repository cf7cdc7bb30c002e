#include "server/services/health.h"

#include <utility>

#include "workflows/check.h"

namespace rebound {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// One watching client; deletes itself in OnDone. Its state is guarded by the service's mutex. gRPC
// never calls a reaction from within StartWrite or Finish, so these may be called under the mutex.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  Watcher(HealthService* health, std::string service)
      : health_(health), service_(std::move(service)) {
    std::lock_guard lock(health_->mutex_);
    health_->watchers_.insert(this);
    SendLocked();
  }

  // Sends the status unless the client has it; while a message is on its way, the next waits.
  void SendLocked() {
    if (ending_ || writing_) return;
    if (health_->shut_down_) return FinishLocked();
    const Serving status = health_->StatusLocked(service_);
    if (sent_ && response_.status() == status) return;
    response_.set_status(status);
    sent_ = true;
    writing_ = true;
    StartWrite(&response_);
  }

  // With a message on its way the end waits for it: in-process, gRPC 1.51 loses a message that the
  // end overtakes, and the call, and the server's shutdown, would wait for it for ever.
  void FinishLocked() {
    ending_ = true;
    if (finished_ || writing_) return;
    finished_ = true;
    Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server is stopping"));
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(health_->mutex_);
    writing_ = false;
    if (ok && !ending_) {
      SendLocked();
    } else {
      FinishLocked();
    }
  }

  void OnCancel() override {
    std::lock_guard lock(health_->mutex_);
    FinishLocked();
  }

  void OnDone() override {
    {
      std::lock_guard lock(health_->mutex_);
      health_->watchers_.erase(this);
    }
    delete this;
  }

 private:
  HealthService* const health_;
  const std::string service_;
  HealthCheckResponse response_;
  bool sent_ = false;
  bool writing_ = false;
  bool ending_ = false;
  bool finished_ = false;
};

// A watch that ends before it begins; deletes itself in OnDone.
class HealthService::Refused final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  explicit Refused(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

HealthService::HealthService(const std::vector<std::string>& service_names, Admit admit)
    : admit_(std::move(admit)) {
  statuses_.emplace("", HealthCheckResponse::NOT_SERVING);
  for (const std::string& name : service_names) {
    statuses_.emplace(name, HealthCheckResponse::NOT_SERVING);
  }
}

HealthService::~HealthService() { CHECK(watchers_.empty()); }

HealthService::Serving HealthService::StatusLocked(const std::string& service) const {
  const auto found = statuses_.find(service);
  return found == statuses_.end() ? HealthCheckResponse::SERVICE_UNKNOWN : found->second;
}

void HealthService::SetLocked(Serving* status, bool serving) {
  *status =
      serving && !shut_down_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

void HealthService::TellLocked() {
  for (Watcher* watcher : watchers_) watcher->SendLocked();
}

void HealthService::SetServing(bool serving) {
  std::lock_guard lock(mutex_);
  for (auto& [name, status] : statuses_) SetLocked(&status, serving);
  TellLocked();
}

void HealthService::SetServing(std::string_view service, bool serving) {
  std::lock_guard lock(mutex_);
  const auto found = statuses_.find(service);
  CHECK(found != statuses_.end());
  SetLocked(&found->second, serving);
  TellLocked();
}

void HealthService::Shutdown() {
  std::lock_guard lock(mutex_);
  shut_down_ = true;
  for (auto& [name, status] : statuses_) SetLocked(&status, false);
  for (Watcher* watcher : watchers_) watcher->FinishLocked();
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (grpc::Status admitted = admit_(context); !admitted.ok()) {
    reactor->Finish(std::move(admitted));
    return reactor;
  }
  Serving status = HealthCheckResponse::SERVICE_UNKNOWN;
  {
    std::lock_guard lock(mutex_);
    status = StatusLocked(request->service());
  }
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND,
                                 "expected the full name of a service of this server, or none; "
                                 "reflection lists the names"));
    return reactor;
  }
  response->set_status(status);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext* context, const HealthCheckRequest* request) {
  if (const grpc::Status admitted = admit_(context); !admitted.ok()) return new Refused(admitted);
  {
    std::lock_guard lock(mutex_);
    if (watchers_.size() >= kMostWatchers) {
      return new Refused(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                      "too many watch this server's health; ask with Check"));
    }
  }
  return new Watcher(this, request->service());
}

}  // namespace rebound
