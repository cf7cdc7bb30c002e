// The suite's service as a gRPC service: it answers as its requests say and tells what it saw of
// them.
#pragma once

#include <google/protobuf/any.pb.h>
#include <grpcpp/grpcpp.h>

#include "conformance.grpc.pb.h"

namespace rebound::conformance {

namespace wire = ::connectrpc::conformance::v1;

// Thread-safe. ClientStream, BidiStream and Unimplemented are not implemented.
class ConformanceService final : public wire::ConformanceService::Service {
 public:
  grpc::Status Unary(grpc::ServerContext* context, const wire::UnaryRequest* request,
                     wire::UnaryResponse* response) override;
  grpc::Status IdempotentUnary(grpc::ServerContext* context,
                               const wire::IdempotentUnaryRequest* request,
                               wire::IdempotentUnaryResponse* response) override;
  grpc::Status ServerStream(grpc::ServerContext* context, const wire::ServerStreamRequest* request,
                            grpc::ServerWriter<wire::ServerStreamResponse>* writer) override;
};

}  // namespace rebound::conformance
