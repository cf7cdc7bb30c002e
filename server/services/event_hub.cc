#include "server/services/event_hub.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "server/access/policy.h"
#include "server/log.h"
#include "server/services/audit.h"
#include "server/services/convert.h"
#include "server/storage/codec.h"

namespace rebound {
namespace {

constexpr int32_t kEventsAtOnce = 1024;   // of the hub
constexpr size_t kRecentBytes = 8 << 20;  // what is at hand for all
constexpr int32_t kMostEvents = 100;      // of a message
constexpr size_t kMostBytes = 256 << 10;  // and it ends with the event that reaches this
constexpr int32_t kLookAtInTurn = 4096;   // events, in one turn of one who is behind
constexpr int64_t kMostCredits = 100'000;
constexpr size_t kPoolThreads = 2;
constexpr size_t kPoolQueue = 100'000;  // each stream has one place at most
constexpr Duration kTendEvery = std::chrono::seconds{1};

}  // namespace

Result<LogPosition> ToPosition(const Call& call, const EventHub& hub, Reader& reader,
                               const api::EventStart& start) {
  const std::string& principal = call.identity.name;
  const Retention retention = hub.RetentionAt(call.backend.executor.Now());
  std::string field = "start.cursor";
  LogPosition position;
  switch (start.position_case()) {
    case api::EventStart::kPreset: {
      Checks checks;
      checks.Enum<api::EventPreset>("start.preset", start.preset(), true);
      if (!checks.ok()) return std::move(checks).ToError();
      if (start.preset() == api::EVENT_PRESET_EARLIEST) {
        return reader.PositionBefore(*retention.given_out_since);
      }
      return reader.PositionAt(reader.LastSequence()).value_or(LogPosition{});
    }
    case api::EventStart::kCursor: {
      auto opened = hub.cursors().Open(field, start.cursor(), principal);
      if (!opened) return opened;
      position = *opened;
      break;
    }
    case api::EventStart::kSubscriptionId: {
      field = "start.subscription_id";
      bool found = false;
      for (const Subscription& s : reader.SubscriptionsOf(principal)) {
        if (s.name != start.subscription_id()) continue;
        position = s.position;
        found = true;
      }
      if (!found) return Error{Reason::kNotFound, {{"resource", "subscription"}}};
      break;
    }
    case api::EventStart::POSITION_NOT_SET:
      return FieldError("start", Reason::kRequiredFieldMissing);
  }
  auto checked = CheckPosition(reader, hub.cursors(), field, position, principal, retention);
  if (!checked) return std::move(checked).error();
  return position;
}

// ----------------------------------------------------------------------------------------- hub

EventHub::EventHub(Store& store, Clock& clock, EventOptions options)
    : store_(store),
      clock_(clock),
      options_(options),
      cursors_(store.Secret("event_cursors")),
      pool_(kPoolThreads, kPoolQueue),
      thread_([this] { Loop(); }) {}

EventHub::~EventHub() { Stop(); }

void EventHub::Committed() {
  if (stream_count_ == 0) return;
  {
    std::lock_guard lock(mutex_);
    committed_ = true;
  }
  wake_.notify_one();
}

void EventHub::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (const auto& stream : Streams()) stream->End(Error{Reason::kShuttingDown});
}

Retention EventHub::RetentionAt(Timestamp now) const {
  return {now - options_.retention,
          std::chrono::duration_cast<std::chrono::days>(options_.retention).count()};
}

Result<void> EventHub::Join(std::shared_ptr<EventStream> stream, const std::string& principal) {
  std::lock_guard lock(mutex_);
  if (stopping_) return Error{Reason::kShuttingDown};
  if (std::cmp_greater_equal(principals_.count(principal), options_.streams_per_principal)) {
    return Error{Reason::kStreamLimitReached,
                 {{"limit", std::to_string(options_.streams_per_principal)}}};
  }
  principals_.insert(principal);
  streams_.push_back(std::move(stream));
  stream_count_ = streams_.size();
  return {};
}

void EventHub::Leave(EventStream* stream) {
  std::shared_ptr<EventStream> last;  // goes without the lock
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [&](const auto& each) { return each.get() == stream; });
  if (found == streams_.end()) return;
  last = std::move(*found);
  *found = std::move(streams_.back());
  streams_.pop_back();
  principals_.erase(principals_.find(last->principal()));
  stream_count_ = streams_.size();
}

void EventHub::TakeOver(int64_t number, const std::string& owner, const std::string& name) {
  for (const auto& stream : Streams()) {
    if (stream->IsOlder(number, owner, name)) {
      stream->End(Error{Reason::kSubscriptionTakenOver, {{"subscription", name}}});
    }
  }
}

std::vector<std::shared_ptr<EventStream>> EventHub::Streams() {
  std::lock_guard lock(mutex_);
  return streams_;
}

void EventHub::SawEnd(int64_t sequence) {
  int64_t known = head_;
  while (known < sequence && !head_.compare_exchange_weak(known, sequence)) {
  }
}

std::shared_ptr<const EventHub::Stretch> EventHub::Recent(int64_t after, int64_t as_of) {
  std::lock_guard lock(mutex_);
  if (recent_.empty() || after < recent_.front()->after || after >= *recent_end_) return nullptr;
  // There may be an erasure between.
  if (*recent_end_ < as_of) return nullptr;
  const auto next = std::upper_bound(
      recent_.begin(), recent_.end(), after,
      [](int64_t value, const auto& stretch) { return value < stretch->last.sequence; });
  return *next;
}

// By real time, whatever clock the server lives by: a test's does not go on by itself.
void EventHub::Loop() {
  SystemClock real;
  Duration tended = real.Steady();
  bool missed = false;  // what was committed could not be read
  for (;;) {
    bool look = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, tended + kTendEvery - real.Steady(),
                     [&] { return committed_ || stopping_; });
      if (stopping_) return;
      look = std::exchange(committed_, false);
    }
    const Duration now = real.Steady();
    const bool tend = now - tended >= kTendEvery;
    if (look || (missed && tend)) {
      missed = true;
      try {
        Look();
        missed = false;
      } catch (const std::exception& e) {
        Log(Level::kError, "events could not be read", {{"what", e.what()}});
      }
    }
    if (tend) {
      tended = now;
      Tend();
    }
  }
}

void EventHub::Tend() {
  const Duration steady = clock_.Steady();
  if (stream_count_ == 0) {
    std::lock_guard lock(mutex_);
    if (!streams_.empty()) return;
    recent_.clear();
    recent_end_.reset();
    recent_bytes_ = 0;
    return;
  }
  for (const auto& stream : Streams()) stream->Tend(steady);
}

void EventHub::Look() {
  for (bool more = true; more;) {
    auto stretch = std::make_shared<Stretch>();
    bool erases = false;
    std::optional<int64_t> from;
    {
      std::lock_guard lock(mutex_);
      from = recent_end_;
    }
    store_.Read([&](Reader& reader) {
      if (!from) {
        // The first to follow after a while: each gets to the end by their own way.
        stretch->after = stretch->last.sequence = reader.LastSequence();
        more = false;
        return;
      }
      LogPage page =
          reader.ReadLog({.after = *from, .most = kEventsAtOnce, .look_at = kEventsAtOnce});
      stretch->after = *from;
      stretch->last = page.last;
      stretch->events = std::move(page.events);
      for (LoggedEvent& logged : stretch->events) {
        stretch->shown.push_back(ToShown(reader, logged));
        if (std::holds_alternative<CustomerErased>(logged.event.body)) erases = true;
        logged.event.body = {};
        stretch->bytes += sizeof(LoggedEvent) + stretch->shown.back().SpaceUsedLong();
      }
      more = !page.end;
    });
    {
      std::lock_guard lock(mutex_);
      recent_end_ = stretch->last.sequence;
      if (erases) {
        // What was read before has words that are gone from the store since. This stretch was not.
        recent_.clear();
        recent_bytes_ = 0;
      }
      if (!stretch->events.empty()) {
        recent_bytes_ += stretch->bytes;
        recent_.push_back(stretch);
      }
      while (recent_bytes_ > kRecentBytes && recent_.size() > 1) {
        recent_bytes_ -= recent_.front()->bytes;
        recent_.pop_front();
      }
    }
    SawEnd(stretch->last.sequence);
    for (const auto& stream : Streams()) stream->Pump();
  }
}

// -------------------------------------------------------------------------------- subscriptions

void EventHub::Change(SubscriptionChange change) {
  bool refused = false, start = false;
  {
    std::lock_guard lock(mutex_);
    refused = stopping_;
    if (!refused) {
      changes_.push_back(std::move(change));
      start = !std::exchange(changing_, true);
    }
  }
  if (refused) return change.done(Error{Reason::kShuttingDown});
  if (start) pool_.Run([this] { ApplyChanges(); });
}

void EventHub::ApplyChanges() {
  using Kind = SubscriptionChange::Kind;
  using Key = std::pair<std::string, std::string>;
  for (;;) {
    std::vector<SubscriptionChange> changes;
    {
      std::lock_guard lock(mutex_);
      changes.swap(changes_);
      changing_ = !changes.empty();
    }
    if (changes.empty()) return;
    std::vector<Result<SubscriptionChange::Done>> results;
    try {
      std::map<std::string, std::map<std::string, Subscription>> owned;
      std::map<Key, RowChange<Subscription>> rows;
      std::vector<AuditEntry> entries;
      const auto put = [&](const Key& key, std::optional<Subscription> after) {
        auto& own = owned[key.first];
        RowChange<Subscription>& row = rows[key];
        if (const auto found = own.find(key.second); found != own.end() && !row.before) {
          row.before = found->second;
        }
        own.erase(key.second);
        if (after) own.emplace(key.second, *after);
        row.after = std::move(after);
      };
      const auto apply = [&](Reader& reader,
                             const SubscriptionChange& c) -> Result<SubscriptionChange::Done> {
        if (!owned.contains(c.owner)) {
          for (Subscription& s : reader.SubscriptionsOf(c.owner)) owned[c.owner][s.name] = s;
        }
        auto& own = owned[c.owner];
        const auto found = own.find(c.name);
        switch (c.kind) {
          case Kind::kCreate: {
            for (const auto& [name, s] : own) {
              if (s.request != c.request) continue;
              if (s.request_body == c.body) return SubscriptionChange::Done{s, true};
              return Error{Reason::kRequestIdReused, {{"request_id", c.request_id}}};
            }
            if (found != own.end()) {
              return Error{Reason::kSubscriptionExists, {{"subscription", c.name}}};
            }
            if (std::ssize(own) >= kSubscriptionsPerPrincipal) {
              return Error{Reason::kSubscriptionLimitReached,
                           {{"limit", std::to_string(kSubscriptionsPerPrincipal)}}};
            }
            const Subscription made{.owner = c.owner,
                                    .name = c.name,
                                    .position = c.position,
                                    .created_at = c.now,
                                    .request = c.request,
                                    .request_body = c.body};
            put({c.owner, c.name}, made);
            return SubscriptionChange::Done{made, false};
          }
          case Kind::kCommit: {
            if (found == own.end()) return Error{Reason::kNotFound, {{"resource", "subscription"}}};
            if (auto checked = CheckPosition(reader, cursors_, c.field, c.position, c.owner, {});
                !checked) {
              return std::move(checked).error();
            }
            Subscription moved = found->second;
            const int64_t to = c.position.sequence, at = moved.position.sequence;
            if (to == at || (to < at && !c.rewind)) return SubscriptionChange::Done{moved, true};
            moved.position = c.position;
            moved.committed_at = c.now;
            put({c.owner, c.name}, moved);
            return SubscriptionChange::Done{moved, false};
          }
          case Kind::kDelete: {
            if (found == own.end()) return SubscriptionChange::Done{{}, true};
            const Subscription was = found->second;
            put({c.owner, c.name}, std::nullopt);
            return SubscriptionChange::Done{was, false};
          }
        }
        return Error{Reason::kInternal};
      };
      store_.Read([&](Reader& reader) {
        for (const SubscriptionChange& change : changes) {
          results.push_back(apply(reader, change));
          if (change.audit && results.back() && !results.back()->replayed) {
            entries.push_back(*change.audit);
          }
        }
      });
      std::vector<RowChange<Subscription>> written;
      for (auto& [key, row] : rows) {
        if (row.before || row.after) written.push_back(std::move(row));
      }
      if (!written.empty() || !entries.empty())
        store_.PutSubscriptions(written, std::move(entries));
    } catch (const std::exception& e) {
      Log(Level::kError, "subscriptions could not be stored", {{"what", e.what()}});
      results.assign(changes.size(), Error{Reason::kStoreUnavailable});
    }
    for (size_t i = 0; i < changes.size(); ++i) changes[i].done(std::move(results[i]));
  }
}

// -------------------------------------------------------------------------------------- streams

EventStream::EventStream(ApiService& service, grpc::CallbackServerContext* context)
    : service_(service),
      hub_(*service.backend().events),
      context_(context),
      call_{service.backend()} {}

bool EventStream::Enter(const std::string& method) {
  auto entered = rebound::Enter(service_.backend(), context_, method, &call_);
  principal_ = call_.identity.name;
  commit_entry_ = CommitEntryOf(call_);
  last_sent_ = hub_.clock_.Steady();
  if (entered) entered = hub_.Join(shared_from_this(), principal_);
  if (entered) return true;
  End(std::move(entered));
  return false;
}

bool EventStream::IsOlder(int64_t number, const std::string& owner,
                          const std::string& subscription) const {
  std::lock_guard lock(mutex_);
  return number_ < number && principal_ == owner && subscription_ == subscription && !end_;
}

void EventStream::End(Result<void> why) {
  {
    std::lock_guard lock(mutex_);
    if (!end_) end_ = std::move(why);
  }
  Pump();
}

void EventStream::Pinned(const std::function<void()>& act) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    ++pins_;
  }
  act();
  {
    std::lock_guard lock(mutex_);
    --pins_;
  }
  Pump();
}

void EventStream::Written(bool ok) {
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok && !end_) end_ = Result<void>();
  }
  Pump();
}

void EventStream::Grant(int64_t credits) {
  {
    std::lock_guard lock(mutex_);
    credits_ = std::min(credits_ + credits, kMostCredits);
  }
  Pump();
}

void EventStream::NoMore() {
  {
    std::lock_guard lock(mutex_);
    no_more_ = true;
    if (!begun_ && !busy_ && !end_) end_ = FieldError("start", Reason::kRequiredFieldMissing);
  }
  Pump();
}

void EventStream::Tend(Duration steady) {
  bool stuck = false, unbegun = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    unbegun = !begun_ && !busy_ && steady - last_sent_ >= EventHub::kUnbegun;
    if (!begun_ && !unbegun) return;
    look_again_ = true;
    stuck = writing_ && steady - last_sent_ >= EventHub::kStuck;
    if (!writing_ && steady - last_sent_ >= hub_.options_.keepalive) due_ = true;
  }
  if (unbegun) return End(Error{Reason::kDeadlineExceeded});
  if (!stuck) return Pump();
  Log(Level::kWarning, "a stream of events is not read; it ends",
      {{"rpc", call_.method}, {"actor", principal_}, {"call_id", call_.call_id}});
  Pinned([this] { context_->TryCancel(); });
}

bool EventStream::HasWork() const {
  return due_ || look_again_ || committed_ || (credits_ > 0 && position_.sequence < hub_.head());
}

bool EventStream::MustEnd() const {
  return end_ || (begun_ && no_more_ && credits_ == 0 && !committing_ && !committed_ && !due_);
}

void EventStream::Pump() {
  do {
    bool close = false;
    {
      std::lock_guard lock(mutex_);
      if (closed_ || busy_ || writing_) return;
      if (MustEnd()) {
        if (pins_ > 0) return;  // whoever pins it looks again
        close = closed_ = true;
      } else if (begun_ && HasWork()) {
        busy_ = true;
      } else {
        return;
      }
    }
    if (close) return Finish();
  } while (Step());
}

void EventStream::Finish() {
  Result<void> why;
  LogPosition position;
  bool begun = false;
  {
    std::lock_guard lock(mutex_);
    if (end_) why = *end_;
    position = position_;
    begun = begun_;
  }
  if (begun) {
    context_->AddTrailingMetadata("rebound-cursor", hub_.cursors_.Seal(position, principal_));
  }
  Close(Leave(context_, call_, why));
}

// ------------------------------------------------------------------------- what is done busily

bool EventStream::GiveUp(Result<void> why) {
  std::lock_guard lock(mutex_);
  busy_ = false;
  if (!end_) end_ = std::move(why);
  return true;
}

bool EventStream::OnPool(std::function<bool()> work) {
  const bool taken = hub_.pool_.Run([self = shared_from_this(), work = std::move(work)] {
    if (work()) self->Pump();
  });
  return taken ? false : GiveUp(Error{Reason::kQueueFull, {{"capacity", "streams"}}});
}

void EventStream::Begin(const api::EventStart& start, const api::EventFilter& filter,
                        int64_t credits) {
  {
    std::lock_guard lock(mutex_);
    if (end_) return;
    busy_ = true;
    credits_ = credits;
    if (start.has_subscription_id()) {
      // Both under this lock: whoever has a higher number then finds the name here.
      number_ = hub_.NextNumber();
      subscription_ = start.subscription_id();
    }
  }
  if (OnPool([this, start, filter] { return Open(start, filter); })) Pump();
}

bool EventStream::Open(const api::EventStart& start, const api::EventFilter& filter) {
  Result<void> opened;
  try {
    hub_.store_.Read([&](Reader& reader) {
      auto wanted = ToEventFilter(filter, call_.identity.scope, reader);
      if (!wanted) {
        opened = std::move(wanted).error();
        return;
      }
      filter_ = *std::move(wanted);
      auto position = ToPosition(call_, hub_, reader, start);
      if (!position) {
        opened = std::move(position).error();
        return;
      }
      at_ = *position;
      begun_at_ = reader.LastSequence();
      hub_.SawEnd(begun_at_);
    });
  } catch (const std::exception& e) {
    opened = ApiService::Broken(call_, e);
  }
  if (!opened) return GiveUp(std::move(opened));
  int64_t number = 0;
  bool ended = false;
  {
    std::lock_guard lock(mutex_);
    number = number_;
    ended = end_.has_value();
  }
  // It came and went, or a newer one has come: it ends nobody else's.
  if (ended) return GiveUp({});
  if (start.has_subscription_id()) hub_.TakeOver(number, principal_, start.subscription_id());
  {
    std::lock_guard lock(mutex_);
    begun_ = true;
    due_ = true;
  }
  return SendMessage();
}

bool EventStream::Wants(const LoggedEvent& logged) const {
  return filter_.Matches(logged) && SeesEvent(call_.identity.scope, sees_entries_, logged);
}

int32_t EventStream::Most() const {
  std::lock_guard lock(mutex_);
  return static_cast<int32_t>(std::min<int64_t>(credits_, kMostEvents));
}

bool EventStream::Step() {
  if (auto known = Recheck(service_.backend(), context_, &call_); !known) {
    return GiveUp(std::move(known));
  }
  sees_entries_ = SeesEntries(call_.identity.role, call_.revision->roles);
  {
    std::lock_guard lock(mutex_);
    look_again_ = false;
  }
  const int32_t most = Most();
  if (most > 0 && at_.sequence < hub_.head()) {
    const auto stretch = hub_.Recent(at_.sequence, begun_at_);
    if (!stretch) return OnPool([this] { return ReadStore(); });
    Take(*stretch, most);
  }
  return SendMessage();
}

void EventStream::Take(const EventHub::Stretch& stretch, int32_t most) {
  const auto first = std::partition_point(
      stretch.events.begin(), stretch.events.end(),
      [this](const LoggedEvent& logged) { return logged.event.sequence <= at_.sequence; });
  for (auto logged = first; logged != stretch.events.end(); ++logged) {
    at_ = {logged->event.sequence, logged->mark};
    if (!Wants(*logged)) continue;
    Add(stretch.shown[static_cast<size_t>(logged - stretch.events.begin())], at_);
    if (batch_.events_size() == most || batch_bytes_ >= kMostBytes) return;
  }
  at_ = stretch.last;
}

void EventStream::Add(const api::Event& event, const LogPosition& position) {
  api::Event* added = batch_.add_events();
  *added = event;
  added->set_cursor(hub_.cursors_.Seal(position, principal_));
  batch_bytes_ += added->ByteSizeLong();
}

bool EventStream::ReadStore() {
  try {
    const int32_t most = Most();
    hub_.store_.Read([&](Reader& reader) {
      LogQuery query{.after = at_.sequence,
                     .wants = [this](const LoggedEvent& logged) { return Wants(logged); },
                     .most = most,
                     .look_at = kLookAtInTurn};
      if (filter_.case_ids.size() == 1) query.case_id = *filter_.case_ids.begin();
      LogPage page = reader.ReadLog(query);
      bool whole = true;
      for (LoggedEvent& logged : page.events) {
        const LogPosition position{logged.event.sequence, logged.mark};
        Add(ToShown(reader, logged), position);
        if (batch_bytes_ < kMostBytes) continue;
        at_ = position;
        whole = false;
        break;
      }
      if (whole && page.last.sequence > at_.sequence) at_ = page.last;
      hub_.SawEnd(reader.LastSequence());
    });
  } catch (const std::exception& e) {
    return GiveUp(ApiService::Broken(call_, e));
  }
  return SendMessage();
}

bool EventStream::SendMessage() {
  int64_t credits = 0;
  std::optional<LogPosition> committed;
  {
    std::lock_guard lock(mutex_);
    position_ = at_;
    if (batch_.events().empty() && !due_ && !committed_) {
      busy_ = false;
      return true;
    }
    credits = credits_ -= batch_.events_size();
    committed = std::exchange(committed_, std::nullopt);
    due_ = false;
  }
  batch_.set_latest_cursor(hub_.cursors_.Seal(at_, principal_));
  const auto message = Wrap(std::exchange(batch_, {}), credits,
                            committed ? hub_.cursors_.Seal(*committed, principal_) : std::string());
  batch_bytes_ = 0;
  outgoing_.Clear();
  if (!ToAnswer(call_, *message, &outgoing_)) return GiveUp(Error{Reason::kInternal});
  {
    std::lock_guard lock(mutex_);
    writing_ = true;
    busy_ = false;
    last_sent_ = hub_.clock_.Steady();
  }
  Send(&outgoing_);
  return false;
}

// -------------------------------------------------------------------------------------- commits

void EventStream::Commit(const std::string& field, const std::string& cursor) {
  auto position = hub_.cursors_.Open(field, cursor, principal_);
  std::string subscription;
  {
    std::lock_guard lock(mutex_);
    subscription = subscription_;
    if (position && !subscription.empty()) {
      if (committing_) {
        commit_next_ = {field, *position};
        return;
      }
      committing_ = true;
    }
  }
  if (subscription.empty()) return End(FieldError(field, Reason::kStreamOutOfOrder));
  if (!position) return End(std::move(position).error());
  SendCommit(field, *position);
}

void EventStream::SendCommit(const std::string& field, const LogPosition& position) {
  hub_.Change({.kind = SubscriptionChange::Kind::kCommit,
               .owner = principal_,
               .name = subscription_,
               .position = position,
               .field = field,
               .now = service_.backend().executor.Now(),
               .done = [this, self = shared_from_this()](Result<SubscriptionChange::Done> done) {
                 std::optional<std::pair<std::string, LogPosition>> next;
                 {
                   std::lock_guard lock(mutex_);
                   if (done) {
                     if (!done->replayed) service_.backend().audit.Note(commit_entry_);
                     committed_ = done->subscription.position;
                     if (!closed_) next = std::exchange(commit_next_, std::nullopt);
                   } else if (!end_) {
                     end_ = Result<void>(std::move(done).error());
                   }
                   committing_ = next.has_value();
                 }
                 if (next) SendCommit(next->first, next->second);
                 Pump();
               }});
}

}  // namespace rebound
