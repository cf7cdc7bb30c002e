// Answers that are too many for one message, sent while they are made.
//
// Either one read of one snapshot, because rows have no versions: read in pages they would be of
// different times, which a highest sequence cannot mend. Such a read stays open until the last
// message is made; it is bounded by the deadline of the call. Or as many short reads as the work
// makes, which may go on for longer and hold nothing open while the caller reads. Neither holds
// more than a megabyte that is not sent yet. Once the last message is made, a caller who reads
// nothing more for kLongestCall, or until the deadline, loses what is left.
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

enum class Lasts {
  kShort,  // kLongestCall
  // An hour. Before each message the identity is looked at again, so that a changed scope holds
  // from then on; a caller who does not read for kLongestCall loses the stream.
  kLong,
};

using StreamWork =
    std::function<Result<void>(const Call&, const grpc::ByteBuffer& request, const Emit&)>;

// The reactor of one call; `work` runs on the pool, or the call is refused with kQueueFull. Owns
// itself. The service must outlive the pool's work.
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartStream(ApiService& service,
                                                        const std::string& method, ReadPool& pool,
                                                        grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer& request,
                                                        Lasts lasts, StreamWork work);

// A method that answers with many messages. It has a pool of its own, for a caller that reads
// slowly holds a thread.
template <typename Request>
void AddStream(ApiService* service, const char* name, std::shared_ptr<ReadPool> pool, Lasts lasts,
               std::function<Result<void>(const Call&, const Request&, const Emit&)> work) {
  StreamWork parsed = [work = std::move(work)](const Call& call, const grpc::ByteBuffer& bytes,
                                               const Emit& emit) -> Result<void> {
    Request request;
    if (auto result = ParseRequest(bytes, &request); !result) return result;
    call.about = SubjectOf(request);
    return work(call, request, emit);
  };
  service->AddWriter(name, [service, method = service->FullName(name), pool = std::move(pool),
                            lasts, parsed = std::move(parsed)](grpc::CallbackServerContext* context,
                                                               const grpc::ByteBuffer* request) {
    return StartStream(*service, method, *pool, context, *request, lasts, parsed);
  });
}

// The same from one snapshot.
template <typename Request>
void AddStreamQuery(
    ApiService* service, const char* name, std::shared_ptr<ReadPool> pool,
    std::function<Result<void>(const Call&, Reader&, const Request&, const Emit&)> read) {
  AddStream<Request>(
      service, name, std::move(pool), Lasts::kShort,
      [read = std::move(read)](const Call& call, const Request& request, const Emit& emit) {
        Result<void> result;
        call.backend.store.Read(
            [&](Reader& reader) { result = read(call, reader, request, emit); });
        return result;
      });
}

}  // namespace rebound
