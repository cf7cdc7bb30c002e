// Sends what endpoints asked for. One thread walks the log of events and writes down, for each
// endpoint, what is to be delivered; sends what is due, in order of each case; and writes down what
// became of it. What an endpoint is sent is what Subscribe would show its owner at that time.
//
// At least once: a delivery is pending until its answer is on disk, so what was under way when the
// process ended is sent again, with the same id. A delivery that is dead or dropped frees the next
// one of its case.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "rebound/v1/event.pb.h"
#include "server/access/authenticator.h"
#include "server/clock.h"
#include "server/delivery/delivery_options.h"
#include "server/delivery/retry.h"
#include "server/delivery/transfer.h"
#include "server/execute/execute.h"
#include "server/services/event_log.h"
#include "server/storage/delivery_records.h"
#include "server/storage/store.h"

namespace rebound {

// Thread-safe. Borrows all four, and uses the executor for the time alone.
class Dispatcher {
 public:
  static constexpr int kAtOnce = 4;  // transfers to one endpoint
  // An endpoint that took nothing for so long, while it was tried, is disabled.
  static constexpr Duration kFailingFor = std::chrono::days{5};

  Dispatcher(Store& store, Clock& clock, Executor& executor, Authenticator& authenticator,
             std::function<std::shared_ptr<const Revision>()> revision, DeliveryOptions options);
  ~Dispatcher();  // Stop

  void Start();
  // Something was committed. Cheap.
  void Committed();
  // Endpoints or deliveries were changed by others; or the clock was moved. Cheap.
  void Changed();
  // What is under way ends unsent, and is sent again after the next start. What was answered is
  // written down.
  void Stop();

  // One message to the endpoint, whatever its state, that no event asked for: a webhook gets an
  // event of the type "Ping". `done` as Transfers says.
  struct Tested {
    TransferResult result{};
    DeliveryVerdict verdict = DeliveryVerdict::kRetry;
  };
  void Test(const Endpoint& endpoint, std::function<void(Tested)> done);

  const DeliveryOptions& options() const { return options_; }

 private:
  // What is known of an endpoint between two looks.
  struct Known {
    Endpoint endpoint{};
    EventFilter filter{};
    LogPosition at{};          // how far the log was looked at: not before endpoint.position
    bool careful = false;      // its last answer was none: one transfer at a time
    Timestamp not_before{};    // it, or its kind, asked for a pause
    std::set<RawId> flying{};  // deliveries that are under way
  };
  struct Answer {
    RawId delivery{};
    RawId endpoint{};
    TransferResult result{};
  };
  // In whose name, for one look.
  struct Eyes {
    Identity identity{};
    bool sees_entries = false;
    bool sees_contact = false;
  };

  void Loop();
  void LoadEndpoints();
  void WriteAnswers(std::vector<Answer> answers);
  // Whether there is more.
  bool Walk();
  // Whether anything is under way.
  bool Send();
  void SendTo(Known& known, Timestamp now);
  void Note(const TransferResult& result, Timestamp now, Endpoint* endpoint, Delivery* delivery,
            Known* known);
  void Prune(Timestamp now);
  std::optional<Eyes> EyesOf(const Endpoint& endpoint);
  void Transfer(const Endpoint& endpoint, const RawId& delivery, const api::Event& event,
                std::function<void(TransferResult)> done);
  DeliveryVerdict VerdictOf(const Endpoint& endpoint, const TransferResult& result) const;

  Store& store_;
  Clock& clock_;
  Executor& executor_;
  Authenticator& authenticator_;
  const std::function<std::shared_ptr<const Revision>()> revision_;
  const DeliveryOptions options_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool committed_ = true;         // guarded by mutex_, as all below
  bool changed_ = true;           //
  bool stopping_ = false;         //
  std::vector<Answer> answers_;   //
  std::atomic<bool> any_ = true;  // endpoints

  // Of the thread alone.
  std::map<RawId, Known> known_;
  std::optional<Duration> pruned_{};  // when, by Clock::Steady

  std::thread thread_;
  std::unique_ptr<Transfers> transfers_;  // goes first: its calls come here
};

}  // namespace rebound
