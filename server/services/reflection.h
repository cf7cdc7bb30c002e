// Server reflection, v1alpha and v1, over the generated descriptors. gRPC 1.51's own plug-in serves
// v1alpha only and knows no identity.
#pragma once

#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rebound {

// Both services, ready to be registered. Lives as long as the gRPC server. Thread-safe.
class Reflection {
 public:
  // Runs first in every call, and again before each answer but the first; anything but OK ends it.
  using Authorize = std::function<grpc::Status(grpc::CallbackServerContext*)>;

  // `service_names` is what list_services shows, full names.
  Reflection(std::vector<std::string> service_names, Authorize authorize);
  ~Reflection();

  // For ServerBuilder::RegisterService. Owned by this object.
  std::vector<grpc::Service*> services() const;

  // Cancels the calls that are open, new ones too: a client may hold one for as long as it lives.
  void Shutdown();

 private:
  struct Version;
  template <typename Api>
  class Served;

  std::vector<std::unique_ptr<Version>> versions_;
};

}  // namespace rebound
