// Following the log of events. One thread reads what was committed, once for all who follow, and
// wakes them; whoever is behind reads from the store by a place of their own. So a slow caller
// holds one message and nothing else, and none is left out: a place moves only over events that
// were looked at.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rebound/v1/event.pb.h"
#include "server/clock.h"
#include "server/services/call.h"
#include "server/services/event_log.h"
#include "server/services/event_options.h"
#include "server/storage/store.h"

namespace rebound {

class EventStream;

// What is to become of a subscription. `done` is called once, on a thread of the hub's, when that
// is on disk or refused.
struct SubscriptionChange {
  enum class Kind { kCreate, kCommit, kDelete };
  struct Done {
    Subscription subscription{};  // as it is then; of kDelete: as it was
    bool replayed = false;        // nothing had to be done
  };

  Kind kind = Kind::kCreate;
  std::string owner{};
  std::string name{};
  LogPosition position{};
  bool rewind = false;        // kCommit: also back
  std::string field{};        // kCommit: of the cursor, for errors
  std::string request_id{};   // kCreate, as the next two
  Hash128 request{}, body{};  // see Subscription
  Timestamp now{};
  std::optional<AuditEntry> audit{};  // kept with it, unless nothing had to be done
  std::function<void(Result<Done>)> done{};
};

// Thread-safe. Borrows store and clock. Every stream ends before it goes.
class EventHub {
 public:
  static constexpr int32_t kSubscriptionsPerPrincipal = 100;
  // Somebody who does not read for so long loses the stream.
  static constexpr Duration kStuck = std::chrono::minutes{5};
  // So does somebody who does not say within this where to begin.
  static constexpr Duration kUnbegun = std::chrono::seconds{30};

  EventHub(Store& store, Clock& clock, EventOptions options);
  ~EventHub();  // Stop

  // Something was committed. Cheap.
  void Committed();
  // Keepalives, and whether everybody still is who they were. The hub's thread does it each second.
  void Tend();
  // Ends every stream with kShuttingDown and begins none.
  void Stop();

  // Of callers who make requests at `now`.
  Retention RetentionAt(Timestamp now) const;
  const EventCursors& cursors() const { return cursors_; }
  size_t streams() const { return stream_count_; }
  // Applied in order, those that have gathered in one write.
  void Change(SubscriptionChange change);

 private:
  friend class EventStream;

  // A part of the log, ready to be sent.
  struct Stretch {
    int64_t after = 0;
    LogPosition last{};
    std::vector<LoggedEvent> events{};  // without their bodies
    std::vector<api::Event> shown{};
    size_t bytes = 0;
  };

  // kStreamLimitReached, kShuttingDown.
  Result<void> Join(std::shared_ptr<EventStream> stream, const std::string& principal);
  void Leave(EventStream* stream);
  // Of a stream that begins: the newest has the highest.
  int64_t NextNumber() { return ++last_number_; }
  // Streams of that subscription with lower numbers end.
  void TakeOver(int64_t number, const std::string& owner, const std::string& name);
  // The last sequence that is known to be committed.
  int64_t head() const { return head_; }
  void SawEnd(int64_t sequence);
  // What comes after the sequence; null: too old to be at hand, or not known to be as the log had
  // it at `as_of`.
  std::shared_ptr<const Stretch> Recent(int64_t after, int64_t as_of);

  void Loop();
  void Look();
  std::vector<std::shared_ptr<EventStream>> Streams();
  void ApplyChanges();

  Store& store_;
  Clock& clock_;
  const EventOptions options_;
  const EventCursors cursors_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool committed_ = false;  // guarded by mutex_, as all below
  bool stopping_ = false;
  std::vector<std::shared_ptr<EventStream>> streams_;
  std::multiset<std::string> principals_;              // one for each stream
  std::deque<std::shared_ptr<const Stretch>> recent_;  // each begins where the one before ended
  std::optional<int64_t> recent_end_;                  // nullopt: nobody followed
  size_t recent_bytes_ = 0;
  std::vector<SubscriptionChange> changes_;
  bool changing_ = false;

  std::atomic<int64_t> head_ = 0;
  std::atomic<int64_t> last_number_ = 0;
  std::atomic<size_t> stream_count_ = 0;
  ReadPool pool_;
  std::thread thread_;
};

// One caller who follows, over whatever transport. gRPC is called without the lock: whoever has set
// `busy_` makes a message and may send it, and the call is finished by whoever finds it ended with
// nobody busy, nothing being written and nothing else about to call gRPC (`pins_`).
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(ApiService& service, grpc::CallbackServerContext* context);
  virtual ~EventStream() = default;

  // There may be more to send.
  void Pump();
  // Once a second or so.
  void Tend(Duration steady);
  // Ends the call as soon as it can be; the first reason counts.
  void End(Result<void> why);
  // Whether it goes on, is of that subscription and older than the number.
  bool IsOlder(int64_t number, const std::string& owner, const std::string& subscription) const;
  // Constant once it has a place among the streams.
  const std::string& principal() const { return principal_; }

 protected:
  virtual void Send(const grpc::ByteBuffer* bytes) = 0;
  virtual void Close(const grpc::Status& status) = 0;
  // The message of this transport.
  virtual std::unique_ptr<google::protobuf::Message> Wrap(api::EventBatch batch, int64_t credits,
                                                          std::string committed_cursor) = 0;

  // The steps of every call, and a place among the streams. False: it has ended.
  bool Enter(const std::string& method);
  // Goes to where it is to begin, and goes on from there.
  void Begin(const api::EventStart& start, const api::EventFilter& filter, int64_t credits);
  void Grant(int64_t credits);
  // The caller has said everything: the stream ends with its last credit.
  void NoMore();
  void Commit(const std::string& field, const std::string& cursor);
  // Calls gRPC unless the call has been finished.
  void Pinned(const std::function<void()>& act);
  void Written(bool ok);
  void Gone() { End({}); }
  void Done() { hub_.Leave(this); }

  ApiService& service_;

 private:
  bool HasWork() const;  // REQUIRES: mutex_
  bool MustEnd() const;  // REQUIRES: mutex_
  bool Wants(const LoggedEvent& logged) const;
  // Each has `busy_`, and is false where somebody else has it now or a message is being written;
  // else it gave it up, and there may be more to do.
  bool Step();
  bool Open(const api::EventStart& start, const api::EventFilter& filter);
  bool ReadStore();
  bool SendMessage();
  bool GiveUp(Result<void> why);
  bool OnPool(std::function<bool()> work);
  void Take(const EventHub::Stretch& stretch, int32_t most);
  void Add(const api::Event& event, const LogPosition& position);
  void SendCommit(const std::string& field, const LogPosition& position);
  void Finish();
  int32_t Most() const;

  EventHub& hub_;
  grpc::CallbackServerContext* const context_;
  std::string principal_{};
  AuditEntry commit_entry_{};  // set by Enter, as principal_: call_ changes
  Call call_;                  // identity and revision: of whoever is busy
  EventFilter filter_{};       // constant once begun
  int64_t begun_at_ = 0;       // the end of the log then; of whoever is busy, as the next four
  bool sees_entries_ = false;
  LogPosition at_{};         // how far has been looked
  api::EventBatch batch_{};  // what is to be sent
  size_t batch_bytes_ = 0;
  grpc::ByteBuffer outgoing_{};  // being written

  mutable std::mutex mutex_;
  std::string subscription_{};  // guarded by mutex_, as all below
  int64_t number_ = 0;          // with a subscription
  bool begun_ = false;
  bool busy_ = false;
  bool writing_ = false;
  bool closed_ = false;
  int pins_ = 0;
  std::optional<Result<void>> end_{};
  LogPosition position_{};  // what was sent goes up to here
  int64_t credits_ = 0;
  bool no_more_ = false;
  bool due_ = false;         // the first message, or a keepalive
  bool look_again_ = false;  // at the identity
  Duration last_sent_{0};    // by Clock::Steady; at first, when it came
  bool committing_ = false;
  std::optional<std::pair<std::string, LogPosition>> commit_next_{};
  std::optional<LogPosition> committed_{};  // to be told
};

// Where a start leads: kRequiredFieldMissing, kCursorInvalid, kNotFound for a subscription that the
// caller has not, and what CheckPosition says.
Result<LogPosition> ToPosition(const Call& call, const EventHub& hub, Reader& reader,
                               const api::EventStart& start);

}  // namespace rebound
