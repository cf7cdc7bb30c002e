#include "tests/bench/watches.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "rebound/v1/event_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"

namespace rebound::bench {
namespace {

namespace v1 = ::rebound::v1;
using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{60};

}  // namespace

struct Watches::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  size_t begun = 0;          // guarded by mutex, as all below
  size_t got = 0;            // of the answer in hand
  Clock::time_point sent{};  // of it
  std::vector<uint32_t> micros{};
  std::string failure{};

  void Wait(size_t Shared::*count, size_t all) {
    std::unique_lock lock(mutex);
    const bool there =
        changed.wait_for(lock, kPatience, [&] { return this->*count >= all || !failure.empty(); });
    if (!failure.empty()) throw std::runtime_error("watch: " + failure);
    if (!there) throw std::runtime_error("watch: an event did not come to everybody");
  }
};

class Watches::Stream final : public grpc::ClientReadReactor<v1::WatchResponse> {
 public:
  Stream(Shared& shared, const Target& target, size_t channel)
      : shared_(shared), stub_(v1::EventService::NewStub(target.channels[channel])) {
    context_.AddMetadata("authorization", target.authorization);
    v1::WatchRequest& request = request_;
    request.mutable_start()->set_preset(v1::EVENT_PRESET_LATEST);
    request.mutable_filter()->add_types("CaseOpened");
    stub_->async()->Watch(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    const auto now = Clock::now();
    {
      std::lock_guard lock(shared_.mutex);
      if (!std::exchange(begun_, true)) ++shared_.begun;
      for (int i = 0; i < response_.batch().events_size(); ++i) {
        ++shared_.got;
        shared_.micros.push_back(static_cast<uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(now - shared_.sent).count()));
      }
      shared_.changed.notify_all();
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard lock(shared_.mutex);
    if (status.error_code() != grpc::StatusCode::CANCELLED) {
      shared_.failure = status.error_message();
    }
    done_ = true;
    shared_.changed.notify_all();
  }

  void Cancel() { context_.TryCancel(); }
  bool done() const { return done_; }

 private:
  Shared& shared_;
  const std::unique_ptr<v1::EventService::Stub> stub_;
  grpc::ClientContext context_;
  v1::WatchRequest request_;
  v1::WatchResponse response_;
  bool begun_ = false;
  bool done_ = false;  // guarded by shared_.mutex
};

Watches::Watches(const Target& target, int count) : shared_(std::make_unique<Shared>()) {
  for (int i = 0; i < count; ++i) {
    streams_.push_back(std::make_unique<Stream>(*shared_, target,
                                                static_cast<size_t>(i) % target.channels.size()));
  }
  shared_->Wait(&Shared::begun, streams_.size());
}

Watches::~Watches() {
  for (const auto& stream : streams_) stream->Cancel();
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [&] {
    return std::all_of(streams_.begin(), streams_.end(),
                       [](const auto& stream) { return stream->done(); });
  });
}

FanOut Watches::Measure(const Target& target, int answers) {
  const auto stub = v1::ResponseService::NewStub(target.channels.front());
  std::vector<double> stored;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->micros.clear();
  }
  for (int i = 0; i < answers; ++i) {
    const std::string name =
        fmt::format("watched-{}-{}", Clock::now().time_since_epoch().count(), i);
    v1::SubmitResponseRequest request;
    request.set_request_id(name);
    request.mutable_response()->set_program_id("touchpoint");
    request.mutable_response()->set_score(2);
    request.mutable_response()->mutable_customer_key()->set_source_system("bench");
    request.mutable_response()->mutable_customer_key()->set_external_id(name);
    grpc::ClientContext context;
    context.AddMetadata("authorization", target.authorization);
    {
      std::lock_guard lock(shared_->mutex);
      shared_->got = 0;
      shared_->sent = Clock::now();
    }
    const auto begin = Clock::now();
    v1::SubmitResponseResponse response;
    const grpc::Status status = stub->SubmitResponse(&context, request, &response);
    if (!status.ok()) throw std::runtime_error("SubmitResponse: " + status.error_message());
    stored.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    shared_->Wait(&Shared::got, streams_.size());
  }
  std::lock_guard lock(shared_->mutex);
  const Measured all = Summarise(&shared_->micros, 1);
  std::sort(stored.begin(), stored.end());
  return {all.p50_us, all.p99_us, stored[stored.size() / 2],
          static_cast<int64_t>(shared_->micros.size())};
}

}  // namespace rebound::bench
