#include "server/services/stream.h"

#include <grpcpp/alarm.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "server/clock.h"

namespace rebound {
namespace {

constexpr size_t kMostWaiting = 1 << 20;  // bytes
constexpr Duration kLongestStream = std::chrono::hours{1};

// One thread of the pool makes messages (Put, End), gRPC's threads send them. gRPC is called
// without the lock: whoever sets `writing_` has the right to start a write, and the call is
// finished by whoever finds it ended with nothing being written and nobody cancelling it.
class Stream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                     public std::enable_shared_from_this<Stream> {
 public:
  Stream(ApiService& service, grpc::CallbackServerContext* context, Lasts lasts)
      : context_(context), lasts_(lasts), call_{service.backend()} {}

  Result<void> Enter(const std::string& method) {
    return rebound::Enter(call_.backend, context_, method, &call_,
                          lasts_ == Lasts::kLong ? kLongestStream : kLongestCall);
  }

  // Until OnDone.
  void Keep(std::shared_ptr<Stream> self) { self_ = std::move(self); }

  Result<void> Run(const grpc::ByteBuffer& request, const StreamWork& work) {
    try {
      Result<void> result =
          work(call_, request, [this](google::protobuf::Message& message) { return Put(message); });
      if (refused_) return *std::move(refused_);
      return result;
    } catch (const std::exception& e) {
      return ApiService::Broken(call_, e);
    }
  }

  // The caller holds the stream.
  void End(Result<void> result) {
    bool stuck = false, left = false;
    int64_t written = 0;
    {
      std::lock_guard lock(mutex_);
      stuck = gone_ && writing_;
    }
    // Not once `ended_` is set: the context is gone when the call is finished.
    if (stuck) context_->TryCancel();
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      result_ = gone_ ? Result<void>(Error{Reason::kDeadlineExceeded}) : std::move(result);
      left = writing_;
      written = written_;
    }
    if (!left) return Close();
    WatchRest(written);
  }

  void OnWriteDone(bool ok) override {
    bool next = false, close = false;
    {
      std::lock_guard lock(mutex_);
      if (!ok) gone_ = true;
      ++written_;
      waiting_bytes_ -= waiting_.front().size;
      waiting_.pop_front();
      if (gone_) {
        waiting_.clear();
        waiting_bytes_ = 0;
      }
      next = writing_ = !waiting_.empty();
      close = !writing_ && ended_ && !cancelling_;
      sent_.notify_all();
    }
    if (next) return StartWrite(&waiting_.front().bytes);
    if (close) Close();
  }

  void OnCancel() override {
    std::lock_guard lock(mutex_);
    gone_ = true;
    sent_.notify_all();
  }

  void OnDone() override { const auto last = std::move(self_); }

 private:
  struct Waiting {
    grpc::ByteBuffer bytes;
    size_t size = 0;
  };

  // When the caller has to have read of what waits.
  Timestamp Until() const { return std::min(call_.deadline, SystemClock().Now() + kLongestCall); }

  // Once it has ended: nobody else waits for the caller then. The alarm does not hold the stream
  // and goes with it.
  void WatchRest(int64_t written) {
    alarm_.emplace().Set(std::chrono::system_clock::time_point(Until()),
                         [stream = weak_from_this(), written](bool due) {
                           const auto self = due ? stream.lock() : nullptr;
                           if (self) self->LookAtRest(written);
                         });
  }

  void LookAtRest(int64_t written) {
    bool reads = false;
    {
      std::lock_guard lock(mutex_);
      if (!writing_) return;
      reads = written_ > written && SystemClock().Now() < call_.deadline;
      written = written_;
      if (!reads) {
        gone_ = cancelling_ = true;
        result_ = Error{Reason::kDeadlineExceeded};
      }
    }
    if (reads) return WatchRest(written);
    context_->TryCancel();
    bool close = false;
    {
      std::lock_guard lock(mutex_);
      cancelling_ = false;
      close = !writing_;
    }
    if (close) Close();
  }

  // Of the thread that makes messages, as call_ is until the end.
  bool StillMay() {
    if (lasts_ == Lasts::kShort) return true;
    {
      std::lock_guard lock(mutex_);
      if (gone_) return false;
    }
    auto may = Recheck(call_.backend, context_, &call_);
    if (may) return true;
    refused_ = std::move(may).error();
    return false;
  }

  bool Put(google::protobuf::Message& message) {
    if (!StillMay()) return false;
    Waiting item;
    if (!ToAnswer(call_, message, &item.bytes)) throw std::runtime_error("not serialised");
    item.size = item.bytes.Length();
    const Timestamp until = Until();
    {
      std::unique_lock lock(mutex_);
      while (!gone_) {
        const Duration left = until - SystemClock().Now();
        if (left <= Duration{0}) gone_ = true;
        if (gone_ || waiting_bytes_ < kMostWaiting) break;
        sent_.wait_for(lock, left);
      }
      if (gone_) return false;
      waiting_bytes_ += item.size;
      waiting_.push_back(std::move(item));
      if (writing_) return true;
      writing_ = true;
    }
    // Nobody else takes from the front while nothing is being written.
    StartWrite(&waiting_.front().bytes);
    return true;
  }

  void Close() { Finish(Leave(context_, call_, result_)); }

  grpc::CallbackServerContext* const context_;
  const Lasts lasts_;
  Call call_;
  std::optional<Error> refused_;  // since it began
  std::shared_ptr<Stream> self_;
  std::mutex mutex_;
  std::condition_variable sent_;
  std::deque<Waiting> waiting_;  // the first one is being written while `writing_`
  size_t waiting_bytes_ = 0;
  bool writing_ = false;
  bool gone_ = false;   // the caller, or the time
  bool ended_ = false;  // no message follows
  bool cancelling_ = false;
  Result<void> result_;
  int64_t written_ = 0;               // messages
  std::optional<grpc::Alarm> alarm_;  // of WatchRest
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* StartStream(ApiService& service,
                                                        const std::string& method, ReadPool& pool,
                                                        grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer& request,
                                                        Lasts lasts, StreamWork work) {
  auto stream = std::make_shared<Stream>(service, context, lasts);
  stream->Keep(stream);
  if (auto entered = stream->Enter(method); !entered) {
    stream->End(std::move(entered));
    return stream.get();
  }
  const bool taken = pool.Run(
      [stream, request, work = std::move(work)] { stream->End(stream->Run(request, work)); });
  if (!taken) stream->End(Error{Reason::kQueueFull, {{"capacity", "streams"}}});
  return stream.get();
}

}  // namespace rebound
