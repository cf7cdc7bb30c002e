#include "server/services/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <mutex>
#include <set>
#include <utility>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace rebound {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// The two versions have the same messages under other names.
struct V1 {
  using Service = grpc::reflection::v1::ServerReflection::CallbackService;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Service = grpc::reflection::v1alpha::ServerReflection::CallbackService;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

// A file before what it imports, each once: the order of gRPC's plug-in.
template <typename Files>
void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>* seen, Files* files) {
  if (!seen->insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  files->add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, files);
}

template <typename Response>
void NotFound(const char* what, Response* response) {
  response->mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
  response->mutable_error_response()->set_error_message(std::string(what) + " not found");
}

template <typename Response>
void AddFileOrNotFound(const FileDescriptor* file, const char* what, Response* response) {
  if (file == nullptr) return NotFound(what, response);
  std::set<const FileDescriptor*> seen;
  AddFile(*file, &seen, response->mutable_file_descriptor_response());
}

template <typename Api>
void Answer(const typename Api::Request& request, const std::vector<std::string>& service_names,
            typename Api::Response* response) {
  const DescriptorPool* pool = DescriptorPool::generated_pool();
  response->Clear();
  response->set_valid_host(request.host());
  *response->mutable_original_request() = request;

  if (request.has_list_services()) {
    auto* list = response->mutable_list_services_response();
    for (const std::string& name : service_names) list->add_service()->set_name(name);
  } else if (request.has_file_by_filename()) {
    AddFileOrNotFound(pool->FindFileByName(request.file_by_filename()), "file", response);
  } else if (request.has_file_containing_symbol()) {
    AddFileOrNotFound(pool->FindFileContainingSymbol(request.file_containing_symbol()), "symbol",
                      response);
  } else if (request.has_file_containing_extension()) {
    const auto& wanted = request.file_containing_extension();
    const Descriptor* extended = pool->FindMessageTypeByName(wanted.containing_type());
    const FieldDescriptor* extension =
        extended == nullptr ? nullptr
                            : pool->FindExtensionByNumber(extended, wanted.extension_number());
    AddFileOrNotFound(extension == nullptr ? nullptr : extension->file(), "extension", response);
  } else if (request.has_all_extension_numbers_of_type()) {
    const std::string& name = request.all_extension_numbers_of_type();
    const Descriptor* extended = pool->FindMessageTypeByName(name);
    if (extended == nullptr) return NotFound("type", response);
    auto* numbers = response->mutable_all_extension_numbers_response();
    numbers->set_base_type_name(name);
    std::vector<const FieldDescriptor*> extensions;
    pool->FindAllExtensions(extended, &extensions);
    for (const FieldDescriptor* extension : extensions) {
      numbers->add_extension_number(extension->number());
    }
  } else {
    response->mutable_error_response()->set_error_code(grpc::StatusCode::INVALID_ARGUMENT);
    response->mutable_error_response()->set_error_message("expected a message_request");
  }
}

}  // namespace

struct Reflection::Version {
  virtual ~Version() = default;
  virtual grpc::Service* service() = 0;
  virtual void Shutdown() = 0;
};

template <typename Api>
class Reflection::Served final : public Reflection::Version, public Api::Service {
 public:
  Served(std::vector<std::string> service_names, Authorize authorize)
      : service_names_(std::move(service_names)), authorize_(std::move(authorize)) {}

  grpc::Service* service() override { return this; }

  void Shutdown() override {
    std::lock_guard lock(mutex_);
    shut_down_ = true;
    for (grpc::CallbackServerContext* context : open_) context->TryCancel();
  }

  grpc::ServerBidiReactor<typename Api::Request, typename Api::Response>* ServerReflectionInfo(
      grpc::CallbackServerContext* context) override {
    return new Call(this, context);
  }

 private:
  // One stream: a request is read once its predecessor is answered. Deletes itself in OnDone.
  class Call final : public grpc::ServerBidiReactor<typename Api::Request, typename Api::Response> {
   public:
    Call(Served* served, grpc::CallbackServerContext* context)
        : served_(served), context_(context) {
      grpc::Status status = served_->authorize_(context_);
      if (status.ok() && !served_->Open(context_)) {
        status = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server is stopping");
      }
      if (status.ok()) {
        this->StartRead(&request_);
      } else {
        this->Finish(std::move(status));
      }
    }

    void OnReadDone(bool ok) override {
      if (!ok) return this->Finish(grpc::Status::OK);
      if (std::exchange(answered_, true)) {
        grpc::Status status = served_->authorize_(context_);
        if (!status.ok()) return this->Finish(std::move(status));
      }
      Answer<Api>(request_, served_->service_names_, &response_);
      this->StartWrite(&response_);
    }

    void OnWriteDone(bool ok) override {
      if (!ok) return this->Finish(grpc::Status::CANCELLED);
      this->StartRead(&request_);
    }

    void OnDone() override {
      served_->Close(context_);
      delete this;
    }

   private:
    Served* const served_;
    grpc::CallbackServerContext* const context_;
    typename Api::Request request_;
    typename Api::Response response_;
    bool answered_ = false;
  };

  bool Open(grpc::CallbackServerContext* context) {
    std::lock_guard lock(mutex_);
    if (!shut_down_) open_.insert(context);
    return !shut_down_;
  }

  // The context lives until OnDone has returned.
  void Close(grpc::CallbackServerContext* context) {
    std::lock_guard lock(mutex_);
    open_.erase(context);
  }

  const std::vector<std::string> service_names_;
  const Authorize authorize_;
  std::mutex mutex_;
  std::set<grpc::CallbackServerContext*> open_;
  bool shut_down_ = false;
};

Reflection::Reflection(std::vector<std::string> service_names, Authorize authorize) {
  versions_.push_back(std::make_unique<Served<V1Alpha>>(service_names, authorize));
  versions_.push_back(std::make_unique<Served<V1>>(std::move(service_names), std::move(authorize)));
}

Reflection::~Reflection() = default;

std::vector<grpc::Service*> Reflection::services() const {
  std::vector<grpc::Service*> all;
  for (const auto& version : versions_) all.push_back(version->service());
  return all;
}

void Reflection::Shutdown() {
  for (const auto& version : versions_) version->Shutdown();
}

}  // namespace rebound
