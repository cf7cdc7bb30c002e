// Answers that are too many for one message: one read of one snapshot, sent while it is made.
//
// A snapshot, because rows have no versions: read in pages they would be of different times, which
// a highest sequence cannot mend. So the read stays open until the last message is made; it is
// bounded by the deadline of the call, and holds no more than a megabyte that is not sent yet.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/services/call.h"

namespace rebound {

// Sends one message, and waits for the caller to read if too much waits already. False: the caller
// has gone or the deadline has passed, and whoever makes messages has to stop. Contact data is
// masked in the message, where the caller does not see it.
using Emit = std::function<bool(google::protobuf::Message&)>;

using StreamRead =
    std::function<Result<void>(const Call&, Reader&, const grpc::ByteBuffer& request, const Emit&)>;

// The reactor of one call; `read` runs on the pool, or the call is refused with kQueueFull. Owns
// itself. The service must outlive the pool's work.
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartStream(ApiService& service,
                                                        const std::string& method, ReadPool& pool,
                                                        grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer& request,
                                                        StreamRead read);

// A query with many messages. It has a pool of its own, for a caller that reads slowly holds a
// thread.
template <typename Request>
void AddStreamQuery(
    ApiService* service, const char* name, std::shared_ptr<ReadPool> pool,
    std::function<Result<void>(const Call&, Reader&, const Request&, const Emit&)> read) {
  StreamRead parsed = [read = std::move(read)](const Call& call, Reader& reader,
                                               const grpc::ByteBuffer& bytes,
                                               const Emit& emit) -> Result<void> {
    Request request;
    if (auto result = ParseRequest(bytes, &request); !result) return result;
    call.about = SubjectOf(request);
    return read(call, reader, request, emit);
  };
  service->AddWriter(name, [service, method = service->FullName(name), pool = std::move(pool),
                            parsed = std::move(parsed)](grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) {
    return StartStream(*service, method, *pool, context, *request, parsed);
  });
}

}  // namespace rebound
