// Reflection and health, over a channel to a server in this process.
#include "server/services/reflection.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "server/services/health.h"

namespace rebound {
namespace {

using google::protobuf::FileDescriptorProto;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using testing::Contains;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

const std::vector<std::string> kServices{"rebound.v1.CaseService", "grpc.health.v1.Health"};
constexpr char kToken[] = "let me in";

// Refuses calls without "token: let me in".
grpc::Status NeedsToken(grpc::CallbackServerContext* context) {
  const auto found = context->client_metadata().find("token");
  if (found != context->client_metadata().end() && found->second == kToken) {
    return grpc::Status::OK;
  }
  return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "no");
}

class ServiceTest : public testing::Test {
 protected:
  ServiceTest()
      : health_(kServices, [](auto*) { return grpc::Status::OK; }),
        reflection_(kServices, NeedsToken) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&health_);
    for (grpc::Service* service : reflection_.services()) builder.RegisterService(service);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
  }
  ~ServiceTest() override {
    StopStreams();
    server_->Shutdown();  // waits for every open call
  }

  void StopStreams() {
    health_.Shutdown();
    reflection_.Shutdown();
  }

  HealthService health_;
  rebound::Reflection reflection_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

struct V1 {
  using Stub = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Stub = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

template <typename Api>
class ReflectionTest : public ServiceTest {
 protected:
  ReflectionTest() : stub_(Api::Stub::NewStub(channel_)) {}

  // One stream; each request must be answered in turn.
  std::vector<typename Api::Response> Ask(const std::vector<typename Api::Request>& requests) {
    grpc::ClientContext context;
    context.AddMetadata("token", kToken);
    const auto stream = stub_->ServerReflectionInfo(&context);
    std::vector<typename Api::Response> responses;
    for (const auto& request : requests) {
      EXPECT_TRUE(stream->Write(request));
      EXPECT_TRUE(stream->Read(&responses.emplace_back()));
      EXPECT_EQ(responses.back().original_request().SerializeAsString(),
                request.SerializeAsString());
    }
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
    return responses;
  }

  std::unique_ptr<typename Api::Stub::Stub> stub_;
};

using Apis = testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(ReflectionTest, Apis);

TYPED_TEST(ReflectionTest, ServicesAreListedAsGiven) {
  typename TypeParam::Request request;
  request.set_host("here");
  request.set_list_services("");
  const auto responses = this->Ask({request});
  EXPECT_EQ(responses[0].valid_host(), "here");
  std::vector<std::string> names;
  for (const auto& service : responses[0].list_services_response().service()) {
    names.push_back(service.name());
  }
  EXPECT_EQ(names, kServices);
}

// What a client does: find the file of a service, then build every type from the files it got.
TYPED_TEST(ReflectionTest, AFileComesWithEverythingItImports) {
  // The descriptor must be linked in; a server registers the service.
  ASSERT_NE(v1::GetCaseRequest::descriptor(), nullptr);
  typename TypeParam::Request by_symbol;
  by_symbol.set_file_containing_symbol("rebound.v1.CaseService.CloseCase");
  typename TypeParam::Request by_name;
  by_name.set_file_by_filename("rebound/v1/case_service.proto");
  const auto responses = this->Ask({by_symbol, by_name});
  EXPECT_EQ(responses[0].file_descriptor_response().SerializeAsString(),
            responses[1].file_descriptor_response().SerializeAsString());

  google::protobuf::SimpleDescriptorDatabase files;
  std::vector<std::string> names;
  for (const std::string& bytes : responses[0].file_descriptor_response().file_descriptor_proto()) {
    FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    names.push_back(file.name());
    ASSERT_TRUE(files.Add(file)) << file.name() << " twice";
  }
  EXPECT_EQ(names.at(0), "rebound/v1/case_service.proto");
  EXPECT_THAT(names, Contains("google/protobuf/timestamp.proto"));
  google::protobuf::DescriptorPool pool(&files);
  EXPECT_NE(pool.FindServiceByName("rebound.v1.CaseService"), nullptr);
}

TYPED_TEST(ReflectionTest, HealthAndReflectionDescribeThemselves) {
  for (const char* name : {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                           "grpc.reflection.v1alpha.ServerReflection"}) {
    typename TypeParam::Request request;
    request.set_file_containing_symbol(name);
    EXPECT_EQ(this->Ask({request})[0].file_descriptor_response().file_descriptor_proto_size(), 1)
        << name;
  }
}

TYPED_TEST(ReflectionTest, WhatIsNotThereIsAnErrorAnswerAndTheStreamGoesOn) {
  std::vector<typename TypeParam::Request> requests(4);
  requests[0].set_file_by_filename("nothing.proto");
  requests[1].set_file_containing_symbol("no.Symbol");
  requests[2].mutable_file_containing_extension()->set_containing_type("rebound.v1.Case");
  requests[3].set_all_extension_numbers_of_type("no.Type");
  for (const auto& response : this->Ask(requests)) {
    EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  }
  const auto empty = this->Ask({typename TypeParam::Request()});
  EXPECT_EQ(empty[0].error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TYPED_TEST(ReflectionTest, ExtensionsAreFound) {
  typename TypeParam::Request request;
  request.set_all_extension_numbers_of_type("google.protobuf.MethodOptions");
  const auto responses = this->Ask({request});
  EXPECT_EQ(responses[0].all_extension_numbers_response().base_type_name(),
            "google.protobuf.MethodOptions");
}

TYPED_TEST(ReflectionTest, ACallerWithoutIdentityIsRefused) {
  grpc::ClientContext context;
  const auto stream = this->stub_->ServerReflectionInfo(&context);
  typename TypeParam::Response response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TYPED_TEST(ReflectionTest, ShutdownEndsOpenAndNewStreams) {
  grpc::ClientContext open;
  open.AddMetadata("token", kToken);
  const auto stream = this->stub_->ServerReflectionInfo(&open);
  typename TypeParam::Request request;
  request.set_list_services("");
  typename TypeParam::Response response;
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  this->StopStreams();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);

  grpc::ClientContext late;
  late.AddMetadata("token", kToken);
  EXPECT_EQ(this->stub_->ServerReflectionInfo(&late)->Finish().error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

class HealthTest : public ServiceTest {
 protected:
  HealthTest() : stub_(grpc::health::v1::Health::NewStub(channel_)) {}

  grpc::Status Check(const std::string& service, HealthCheckResponse* response) {
    grpc::ClientContext context;
    HealthCheckRequest request;
    request.set_service(service);
    return stub_->Check(&context, request, response);
  }

  auto Watch(grpc::ClientContext* context, const std::string& service) {
    HealthCheckRequest request;
    request.set_service(service);
    return stub_->Watch(context, request);
  }

  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
};

TEST_F(HealthTest, AServerBeginsAsNotServing) {
  HealthCheckResponse response;
  ASSERT_TRUE(Check("", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  health_.SetServing(true);
  ASSERT_TRUE(Check("", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  ASSERT_TRUE(Check("rebound.v1.CaseService", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
}

TEST_F(HealthTest, OneServiceCanFailAlone) {
  health_.SetServing(true);
  health_.SetServing("rebound.v1.CaseService", false);
  HealthCheckResponse response;
  ASSERT_TRUE(Check("rebound.v1.CaseService", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  ASSERT_TRUE(Check("grpc.health.v1.Health", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
}

TEST_F(HealthTest, AnUnknownServiceIsNotFoundButMayBeWatched) {
  HealthCheckResponse response;
  EXPECT_EQ(Check("no.Service", &response).error_code(), grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext context;
  const auto watch = Watch(&context, "no.Service");
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(HealthTest, AWatchSeesEachChange) {
  grpc::ClientContext context;
  const auto watch = Watch(&context, "");
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  for (int i = 0; i < 20; ++i) {
    const bool serving = i % 2 == 0;
    health_.SetServing(serving);
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(),
              serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  }
}

TEST_F(HealthTest, StrangersHoldSoManyConnectionsAndNoMore) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<decltype(Watch(nullptr, ""))> watches;
  HealthCheckResponse first;
  for (size_t i = 0; i < HealthService::kMostWatchers; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    watches.push_back(Watch(contexts.back().get(), ""));
    ASSERT_TRUE(watches.back()->Read(&first));
  }
  grpc::ClientContext more;
  EXPECT_EQ(Watch(&more, "")->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (const auto& context : contexts) context->TryCancel();
  for (const auto& watch : watches) watch->Finish();
}

TEST_F(HealthTest, ShutdownEndsOpenAndNewWatches) {
  health_.SetServing(true);
  grpc::ClientContext open;
  const auto watch = Watch(&open, "");
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  health_.Shutdown();
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext late;
  EXPECT_EQ(Watch(&late, "")->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  health_.SetServing(true);
  ASSERT_TRUE(Check("", &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace rebound
