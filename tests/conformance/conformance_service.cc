#include "tests/conformance/conformance_service.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <map>
#include <string>

#include "google/rpc/status.pb.h"

namespace rebound::conformance {
namespace {

using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;
using std::chrono::system_clock;

// gRPC gives the time point of its infinite future for a call without deadline.
bool HasDeadline(const grpc::ServerContext& context) {
  return gpr_time_cmp(context.raw_deadline(), gpr_inf_future(context.raw_deadline().clock_type)) !=
         0;
}

wire::ConformancePayload::RequestInfo Seen(const grpc::ServerContext& context,
                                           const Message& request) {
  wire::ConformancePayload::RequestInfo seen;
  std::map<std::string, wire::Header*> headers;
  for (const auto& [name, value] : context.client_metadata()) {
    wire::Header*& header = headers[std::string(name.data(), name.size())];
    if (header == nullptr) {
      header = seen.add_request_headers();
      header->set_name(name.data(), name.size());
    }
    header->add_value(value.data(), value.size());
  }
  if (HasDeadline(context)) {
    seen.set_timeout_ms(std::chrono::duration_cast<std::chrono::milliseconds>(context.deadline() -
                                                                              system_clock::now())
                            .count());
  }
  seen.add_requests()->PackFrom(request);
  return seen;
}

// The deadline is the caller's side to keep: an answer at that very moment could still reach it.
void Delay(uint32_t milliseconds) {
  if (milliseconds == 0) return;
  grpc::CompletionQueue queue;
  grpc::Alarm alarm;
  alarm.Set(&queue, system_clock::now() + std::chrono::milliseconds(milliseconds), nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) continue;
}

void AddMetadata(grpc::ServerContext* context, const RepeatedPtrField<wire::Header>& headers,
                 const RepeatedPtrField<wire::Header>& trailers) {
  for (const wire::Header& header : headers) {
    for (const std::string& value : header.value()) {
      context->AddInitialMetadata(header.name(), value);
    }
  }
  for (const wire::Header& trailer : trailers) {
    for (const std::string& value : trailer.value()) {
      context->AddTrailingMetadata(trailer.name(), value);
    }
  }
}

// With `seen` as the last detail, unless it is null.
grpc::Status ToStatus(const wire::Error& error, const wire::ConformancePayload::RequestInfo* seen) {
  google::rpc::Status status;
  status.set_code(error.code());
  status.set_message(error.message());
  *status.mutable_details() = error.details();
  if (seen != nullptr) status.add_details()->PackFrom(*seen);
  return grpc::Status(static_cast<grpc::StatusCode>(error.code()), error.message(),
                      status.SerializeAsString());
}

template <typename Request, typename Response>
grpc::Status Answer(grpc::ServerContext* context, const Request& request, Response* response) {
  const auto seen = Seen(*context, request);
  const wire::UnaryResponseDefinition& definition = request.response_definition();
  AddMetadata(context, definition.response_headers(), definition.response_trailers());
  Delay(definition.response_delay_ms());
  if (definition.has_error()) return ToStatus(definition.error(), &seen);
  response->mutable_payload()->set_data(definition.response_data());
  *response->mutable_payload()->mutable_request_info() = seen;
  return grpc::Status::OK;
}

}  // namespace

grpc::Status ConformanceService::Unary(grpc::ServerContext* context,
                                       const wire::UnaryRequest* request,
                                       wire::UnaryResponse* response) {
  return Answer(context, *request, response);
}

grpc::Status ConformanceService::IdempotentUnary(grpc::ServerContext* context,
                                                 const wire::IdempotentUnaryRequest* request,
                                                 wire::IdempotentUnaryResponse* response) {
  return Answer(context, *request, response);
}

grpc::Status ConformanceService::ServerStream(
    grpc::ServerContext* context, const wire::ServerStreamRequest* request,
    grpc::ServerWriter<wire::ServerStreamResponse>* writer) {
  const auto seen = Seen(*context, *request);
  const wire::StreamResponseDefinition& definition = request->response_definition();
  AddMetadata(context, definition.response_headers(), definition.response_trailers());
  for (int i = 0; i < definition.response_data_size(); ++i) {
    Delay(definition.response_delay_ms());
    wire::ServerStreamResponse response;
    response.mutable_payload()->set_data(definition.response_data(i));
    if (i == 0) *response.mutable_payload()->mutable_request_info() = seen;
    if (!writer->Write(response)) return grpc::Status::CANCELLED;
  }
  if (!definition.has_error()) return grpc::Status::OK;
  return ToStatus(definition.error(), definition.response_data_size() == 0 ? &seen : nullptr);
}

}  // namespace rebound::conformance
