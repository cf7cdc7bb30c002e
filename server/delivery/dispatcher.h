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
#include <span>
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

// Thread-safe. Borrows all five, and uses the executor for the time alone.
class Dispatcher {
 public:
  static constexpr int kAtOnce = 4;          // transfers to one endpoint
  static constexpr int kAtOnceOfOwner = 16;  // to all endpoints of one owner
  // An endpoint that took nothing for so long, while it was tried, is disabled.
  static constexpr Duration kFailingFor = std::chrono::days{5};

  Dispatcher(Store& store, Clock& clock, Executor& executor, Authenticator& authenticator,
             Transfers& transfers, std::function<std::shared_ptr<const Revision>()> revision,
             DeliveryOptions options);
  ~Dispatcher();  // Stop

  void Start();
  // Something was committed. Cheap.
  void Committed();
  // Endpoints or deliveries were changed by others; or the clock was moved. Cheap.
  void Changed();
  // Stops the transfers, too. What is under way ends unsent, and is sent again after the next
  // start. What was answered is written down.
  void Stop();

 private:
  // What is known of an endpoint between two looks.
  struct Known {
    Endpoint endpoint{};
    EventFilter filter{};
    LogPosition at{};        // how far the log was looked at: not before endpoint.position
    bool careful = false;    // its last answer was none: one transfer at a time
    bool full = false;       // most_pending wait: the log is not walked for it
    Timestamp not_before{};  // it, or its kind, asked for a pause
    uint64_t served = 0;     // when something was last begun for it; 0: never
    // Deliveries that are under way, or whose answer is not on disk; and their order keys.
    std::map<RawId, std::string> flying{};
  };
  struct Answer {
    RawId delivery{};
    RawId endpoint{};
    CustomerId customer{};  // of the event; empty: there is none
    TransferResult result{};
  };
  // In whose name, for one look.
  struct Eyes {
    Identity identity{};
    bool sees_entries = false;
    bool sees_contact = false;
  };
  // What one page of the log is to an endpoint.
  struct Step {
    Known* known = nullptr;
    Eyes eyes{};
    std::vector<Delivery> deliveries{};
  };

  void Loop();
  std::vector<Endpoint> ListEndpoints();
  void LoadEndpoints();
  // Writes down how far the log was looked at, where it is not yet.
  void StorePlaces();
  // Those of `unwritten_`, which is then empty. Whether there is room where there was none.
  bool WriteAnswers();
  // Whether there is more.
  bool Walk();
  // Of those that are equally far. Whether there is more; nullopt: what is known of endpoints is no
  // longer so.
  std::optional<bool> WalkTogether(int64_t after, const std::vector<Known*>& group);
  // In one transaction: of each its deliveries and `to`, its new place. False: as WalkTogether's
  // nullopt, of some.
  bool WriteSteps(std::span<Step* const> steps, const LogPosition& to);
  // Whether anything is under way.
  bool Send();
  // At most so many transfers. Whether it has to be called again: some were dropped, whose keys may
  // have a next one.
  bool SendTo(Known& known, Timestamp now, size_t most);
  bool IsStopping();
  void Note(const TransferResult& result, Timestamp now, Endpoint* endpoint, Delivery* delivery,
            Known* known);
  void Prune(Timestamp now);
  // Some deliveries of an endpoint that was removed, and the endpoint once it has none. Whether
  // there are more.
  bool ClearRemoved();
  // nullopt: the owner may not follow now.
  std::optional<Eyes> EyesOf(const Endpoint& endpoint);
  // Of the event of a delivery.
  bool IsErased(CustomerId customer, const std::optional<CaseId>& case_id);
  void Transfer(const Endpoint& endpoint, const RawId& delivery, const api::Event& event,
                std::function<void(TransferResult)> done);
  DeliveryVerdict VerdictOf(const Endpoint& endpoint, const TransferResult& result) const;

  Store& store_;
  Clock& clock_;
  Executor& executor_;
  Authenticator& authenticator_;
  Transfers& transfers_;
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
  std::vector<Answer> unwritten_;     // kept until they are on disk
  uint64_t served_ = 0;               // times that something was begun for an endpoint
  std::optional<Duration> pruned_{};  // when, by Clock::Steady
  // When the log was last walked without an endpoint whose owner may not follow now.
  std::optional<Duration> passed_over_{};

  std::thread thread_;
};

}  // namespace rebound
