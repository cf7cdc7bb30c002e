#include "server/delivery/dispatcher.h"

#include <pthread.h>
#include <sodium.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "server/access/policy.h"
#include "server/config/zones.h"
#include "server/delivery/mail.h"
#include "server/delivery/notice_text.h"
#include "server/delivery/ping.h"
#include "server/delivery/robot.h"
#include "server/delivery/webhook.h"
#include "server/log.h"
#include "server/services/call.h"
#include "server/services/convert.h"
#include "server/services/masking.h"
#include "server/services/status.h"

namespace rebound {
namespace {

constexpr const char* kSubscribe = "rebound.v1.EventService/Subscribe";
constexpr int32_t kLookAtInWalk = 1000;     // events, in one walk
constexpr size_t kWritesInMemory = 20;      // so many transactions' deliveries
constexpr int64_t kUnwrittenMost = 1000;    // so far a position in memory runs ahead of the stored
constexpr size_t kLongestKeptAnswer = 200;  // code points that are kept
constexpr Duration kLongestWait = std::chrono::seconds{1};
constexpr Duration kShortWait = std::chrono::milliseconds{100};
constexpr Duration kFailedWait = std::chrono::seconds{5};  // after a failure of the store
constexpr int32_t kLookAtDue = 100;                        // of one endpoint, for those to drop
constexpr Duration kPruneEvery = std::chrono::hours{1};
constexpr int32_t kPruneAtOnce = 1000;
constexpr Duration kPause = std::chrono::seconds{5};  // of who asks for less and names no time

RawId RandomId() {
  RawId id;
  randombytes_buf(id.bytes.data(), id.bytes.size());
  return id;
}

uint64_t Random() {
  uint64_t random = 0;
  randombytes_buf(&random, sizeof random);
  return random;
}

RobotKind RobotOf(EndpointKind kind) {
  switch (kind) {
    case EndpointKind::kWecom: return RobotKind::kWeCom;
    case EndpointKind::kDingtalk: return RobotKind::kDingTalk;
    case EndpointKind::kFeishu: return RobotKind::kFeishu;
    case EndpointKind::kWebhook:
    case EndpointKind::kEmail: break;
  }
  throw std::logic_error("no robot");
}

bool IsRobot(EndpointKind kind) {
  return kind != EndpointKind::kWebhook && kind != EndpointKind::kEmail;
}

// What a person reads of an answer, or of why there was none.
std::string WordsOf(const TransferResult& result) {
  const bool answered =
      result.end == TransferResult::End::kAnswered || result.end == TransferResult::End::kTooLong;
  return Shown(answered ? result.answer : result.detail, kLongestKeptAnswer);
}

// The case was named when the filter was saved; who may see what is judged event by event.
EventFilter FilterOf(Reader& reader, const Endpoint& endpoint) {
  api::EventFilter filter;
  if (!filter.ParseFromString(endpoint.filter)) throw StoreFailure("a filter is damaged");
  auto made = ToEventFilter(filter, Scope{}, reader);
  if (made) return *std::move(made);
  // A case that is gone, or a kind of event that this version does not know: nothing else matches.
  Log(Level::kWarning, "an endpoint's filter cannot be read; it is sent nothing",
      {{"endpoint", ToString(endpoint.id)}, {"reason", Name(made.error().reason)}});
  EventFilter nothing;
  nothing.types.insert("-");
  return nothing;
}

}  // namespace

Dispatcher::Dispatcher(Store& store, Clock& clock, Executor& executor, Authenticator& authenticator,
                       Transfers& transfers,
                       std::function<std::shared_ptr<const Revision>()> revision,
                       DeliveryOptions options)
    : store_(store),
      clock_(clock),
      executor_(executor),
      authenticator_(authenticator),
      transfers_(transfers),
      revision_(std::move(revision)),
      options_(std::move(options)) {}

Dispatcher::~Dispatcher() { Stop(); }

void Dispatcher::Start() {
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), "deliveries");
}

void Dispatcher::Committed() {
  if (!any_) return;
  {
    std::lock_guard lock(mutex_);
    committed_ = true;
  }
  wake_.notify_one();
}

void Dispatcher::Changed() {
  {
    std::lock_guard lock(mutex_);
    changed_ = true;
  }
  wake_.notify_one();
}

void Dispatcher::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  transfers_.Stop();
  {
    std::lock_guard lock(mutex_);
    std::move(answers_.begin(), answers_.end(), std::back_inserter(unwritten_));
    answers_.clear();
  }
  try {
    WriteAnswers();
    StorePlaces();
  } catch (const std::exception& e) {
    Log(Level::kError, "deliveries that were answered are sent again", {{"what", e.what()}});
  }
}

// By real time, as the hub of events: a test moves its clock and says Changed.
void Dispatcher::Loop() {
  Duration wait = kShortWait;
  bool walk = false, clearing = false, failed = false;
  for (;;) {
    bool changed = false;
    {
      std::unique_lock lock(mutex_);
      if (failed) {
        wake_.wait_for(lock, kFailedWait, [&] { return changed_ || stopping_; });
      } else if (!walk && !clearing) {
        wake_.wait_for(lock, wait,
                       [&] { return committed_ || changed_ || stopping_ || !answers_.empty(); });
      }
      if (stopping_) return;
      // After a failure what is known may no longer be so.
      changed = std::exchange(changed_, false) || failed;
      walk |= std::exchange(committed_, false) || changed;
      std::move(answers_.begin(), answers_.end(), std::back_inserter(unwritten_));
      answers_.clear();
    }
    // A grant that begins at its time is no change that anybody tells of.
    walk |= passed_over_ && clock_.Steady() - *passed_over_ >= kLongestWait;
    wait = kLongestWait;
    failed = false;
    try {
      if (changed) LoadEndpoints();
      walk |= WriteAnswers();
      clearing = ClearRemoved();
      if (walk) walk = Walk();
      const bool flying = Send();
      if (known_.empty()) {
        wait = kPruneEvery;
        continue;
      }
      const Timestamp now = executor_.Now();
      std::optional<Timestamp> next;
      store_.ReadDeliveries([&](DeliveryRecords& records) { next = records.NextDue(); });
      if (next && *next > now) {
        wait = std::clamp<Duration>(*next - now, std::chrono::milliseconds{1}, kLongestWait);
      } else if (next && flying) {
        wait = kShortWait;  // what is due is under way, and hides what is due next
      }
      Prune(now);
    } catch (const std::exception& e) {
      failed = true;
      Log(Level::kError, "deliveries stand still for a moment", {{"what", e.what()}});
    }
  }
}

bool Dispatcher::IsStopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

std::vector<Endpoint> Dispatcher::ListEndpoints() {
  std::vector<Endpoint> endpoints;
  store_.ReadDeliveries([&](DeliveryRecords& records) { endpoints = records.ListEndpoints(); });
  return endpoints;
}

void Dispatcher::StorePlaces() {
  store_.WriteDeliveries([&](DeliveryRecords& records) {
    bool any = false;
    for (const auto& [id, known] : known_) {
      if (known.at == known.endpoint.position) continue;
      auto endpoint = records.GetEndpoint(id);
      if (!endpoint || endpoint->position != known.endpoint.position) continue;
      endpoint->position = known.at;
      records.Put(*endpoint);
      any = true;
    }
    return any;
  });
}

void Dispatcher::LoadEndpoints() {
  std::vector<Endpoint> endpoints = ListEndpoints();
  any_ = !endpoints.empty();
  // What was walked with another filter is not walked again with this one after a restart.
  const bool filtered = std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& each) {
    const auto found = known_.find(each.id);
    return found != known_.end() && found->second.endpoint.filter != each.filter;
  });
  if (filtered) {
    StorePlaces();
    endpoints = ListEndpoints();
  }
  std::map<RawId, Known> next;
  store_.Read([&](Reader& reader) {
    for (Endpoint& endpoint : endpoints) {
      Known known;
      const auto found = known_.find(endpoint.id);
      const bool was = found != known_.end();
      if (was) known = found->second;
      if (!was || known.endpoint.filter != endpoint.filter) {
        known.filter = FilterOf(reader, endpoint);
      }
      if (!was || known.endpoint.position != endpoint.position) known.at = endpoint.position;
      known.full = false;
      known.endpoint = std::move(endpoint);
      next.emplace(known.endpoint.id, std::move(known));
    }
  });
  known_.swap(next);
}

std::optional<Dispatcher::Eyes> Dispatcher::EyesOf(const Endpoint& endpoint) {
  const auto identity = authenticator_.InTheNameOf(endpoint.owner, endpoint.role, endpoint.scope);
  if (!identity && identity.error().reason == Reason::kStoreUnavailable) {
    throw StoreFailure("the owner of an endpoint cannot be looked up");
  }
  const std::vector<RoleDef>& roles = revision_()->roles;
  if (!identity || !MayCall(*identity, roles, kSubscribe)) return std::nullopt;
  return Eyes{.identity = *identity,
              .sees_entries = SeesEntries(identity->role, roles),
              .sees_contact = SeesContact(identity->role, roles, kSubscribe)};
}

// ------------------------------------------------------------------------------------- the log

bool Dispatcher::Walk() {
  passed_over_.reset();
  std::map<int64_t, std::vector<Known*>> groups;
  for (auto& [id, known] : known_) {
    if (known.endpoint.state != EndpointState::kActive || known.full) continue;
    groups[known.at.sequence].push_back(&known);
  }
  bool more = false;
  for (const auto& [after, group] : groups) {
    const std::optional<bool> further = WalkTogether(after, group);
    if (!further) return true;
    more |= *further;
  }
  return more;
}

std::optional<bool> Dispatcher::WalkTogether(int64_t after, const std::vector<Known*>& group) {
  std::vector<Step> steps;
  for (Known* known : group) {
    if (auto eyes = EyesOf(known->endpoint)) {
      steps.push_back({.known = known, .eyes = *std::move(eyes)});
    } else {
      passed_over_ = clock_.Steady();  // it stays where it is until its owner may follow again
    }
  }
  if (steps.empty()) return false;
  const Timestamp now = executor_.Now();
  size_t rows = 0;
  const auto look = [&](const LoggedEvent& logged) {
    for (Step& step : steps) {
      if (!step.known->filter.Matches(logged) ||
          !SeesEvent(step.eyes.identity.scope, step.eyes.sees_entries, logged)) {
        continue;
      }
      const Event& event = logged.event;
      Delivery delivery{.id = RandomId(),
                        .endpoint = step.known->endpoint.id,
                        .sequence = event.sequence,
                        .event_type = logged.type,
                        .case_id = std::nullopt,
                        .order_key = OrderKeyOf(event),
                        .org_unit_id = event.org_unit_id,
                        .queue_id = event.queue_id,
                        .next_try_at = now};
      if (!event.case_id.empty()) delivery.case_id = event.case_id;
      step.deliveries.push_back(std::move(delivery));
      ++rows;
    }
    // None is needed, they are read when they are sent: one that is given ends the page.
    return rows >= kWritesInMemory * options_.write_at_once;
  };
  LogPage page;
  store_.Read([&](Reader& reader) {
    page = reader.ReadLog({.after = after, .wants = look, .most = 1, .look_at = kLookAtInWalk});
  });
  if (page.last.sequence == after) return false;
  {
    // Whoever changed a filter may have caused what was just read.
    std::lock_guard lock(mutex_);
    if (changed_ || stopping_) return std::nullopt;
  }
  std::vector<Step*> written;
  for (Step& step : steps) {
    const int64_t unwritten = page.last.sequence - step.known->endpoint.position.sequence;
    if (step.deliveries.empty() && unwritten < kUnwrittenMost) {
      step.known->at = page.last;
    } else {
      written.push_back(&step);
    }
  }
  // In parts, for other writers wait meanwhile. Each step has a row and a place of its own.
  for (auto from = written.begin(); from != written.end();) {
    auto to = from;
    for (size_t in_part = 0; to != written.end(); ++to) {
      in_part += (*to)->deliveries.size() + 1;
      if (to != from && in_part > options_.write_at_once) break;
    }
    if (!WriteSteps({from, to}, page.last)) {
      LoadEndpoints();
      return std::nullopt;
    }
    from = to;
  }
  return !page.end;
}

bool Dispatcher::WriteSteps(std::span<Step* const> steps, const LogPosition& to) {
  bool stale = false;
  std::vector<Step*> stored, full;
  store_.WriteDeliveries([&](DeliveryRecords& records) {
    for (Step* step : steps) {
      auto endpoint = records.GetEndpoint(step->known->endpoint.id);
      if (!endpoint || endpoint->state != EndpointState::kActive ||
          endpoint->position != step->known->endpoint.position) {
        stale = true;
        continue;
      }
      if (!step->deliveries.empty() &&
          records.CountPending(endpoint->id, options_.most_pending) >= options_.most_pending) {
        full.push_back(step);
        continue;
      }
      for (const Delivery& delivery : step->deliveries) {
        if (!records.FindDelivery(delivery.endpoint, delivery.sequence)) records.Put(delivery);
      }
      endpoint->position = to;
      records.Put(*endpoint);
      stored.push_back(step);
    }
    return true;
  });
  // Their places alone: what else is new in their rows is seen by LoadEndpoints.
  for (const Step* step : stored) step->known->at = step->known->endpoint.position = to;
  for (const Step* step : full) step->known->full = true;
  return !stale;
}

// ------------------------------------------------------------------------------------- sending

bool Dispatcher::Send() {
  const Timestamp now = executor_.Now();
  std::map<std::string, size_t> of_owner;  // under way
  std::vector<Known*> turns;
  for (auto& [id, known] : known_) {
    of_owner[known.endpoint.owner] += known.flying.size();
    turns.push_back(&known);
  }
  // Whoever waited longest comes first: an owner's endpoints that hang would else take each place
  // again that they give back.
  std::stable_sort(turns.begin(), turns.end(),
                   [](const Known* a, const Known* b) { return a->served < b->served; });
  bool flying = false;
  for (Known* known : turns) {
    size_t& of = of_owner[known->endpoint.owner];
    const size_t before = known->flying.size();
    if (known->endpoint.state == EndpointState::kActive && known->not_before <= now) {
      while (of < kAtOnceOfOwner && SendTo(*known, now, kAtOnceOfOwner - of)) {
        if (IsStopping()) return true;
      }
    }
    of += known->flying.size() - before;
    flying |= !known->flying.empty();
  }
  return flying;
}

bool Dispatcher::SendTo(Known& known, Timestamp now, size_t most) {
  const bool robot = IsRobot(known.endpoint.kind);
  const size_t at_once = known.careful || robot ? 1 : kAtOnce;
  if (known.flying.size() >= at_once || known.not_before > now) return false;
  const size_t room = std::min(at_once - known.flying.size(), most);
  std::vector<Delivery> due;
  store_.ReadDeliveries([&](DeliveryRecords& records) {
    // Those under way are still the first of their keys.
    due =
        records.Due(known.endpoint.id, now, kLookAtDue + static_cast<int32_t>(known.flying.size()));
  });
  std::erase_if(due, [&](const Delivery& each) {
    return std::any_of(known.flying.begin(), known.flying.end(),
                       [&](const auto& flies) { return flies.second == each.order_key; });
  });
  if (due.empty()) return false;
  const auto eyes = EyesOf(known.endpoint);
  if (!eyes) return false;
  struct Ready {
    const Delivery* delivery = nullptr;
    CustomerId customer{};
    api::Event event{};
  };
  std::vector<Ready> ready;
  std::vector<RawId> dropped;
  store_.Read([&](Reader& reader) {
    for (const Delivery& delivery : due) {
      if (ready.size() == room) break;
      LogPage page =
          reader.ReadLog({.after = delivery.sequence - 1,
                          .wants =
                              [&](const LoggedEvent& logged) {
                                return logged.event.sequence == delivery.sequence &&
                                       SeesEvent(eyes->identity.scope, eyes->sees_entries, logged);
                              },
                          .most = 1,
                          .look_at = 1});
      if (page.events.empty()) {
        dropped.push_back(delivery.id);
      } else {
        const CustomerId customer = page.events.front().event.customer_id;
        ready.push_back({&delivery, customer, ToShown(reader, page.events.front())});
      }
    }
  });
  if (!dropped.empty()) {
    store_.WriteDeliveries([&](DeliveryRecords& records) {
      for (const RawId& id : dropped) {
        auto delivery = records.GetDelivery(id);
        if (!delivery || delivery->state != DeliveryState::kPending) continue;
        delivery->state = DeliveryState::kDropped;
        delivery->next_try_at.reset();
        delivery->ended_at = now;
        records.Put(*delivery);
      }
      return true;
    });
    if (std::exchange(known.full, false)) Committed();  // there is room
  }
  if (!ready.empty()) known.served = ++served_;
  for (auto& [delivery, customer, event] : ready) {
    if (!eyes->sees_contact) MaskContact(event);
    known.flying.emplace(delivery->id, delivery->order_key);
    if (robot) {
      known.not_before = now + Duration{std::chrono::minutes{1}} /
                                   RobotMessagesPerMinute(RobotOf(known.endpoint.kind));
    }
    Transfer(known.endpoint, delivery->id, event,
             [this, id = delivery->id, endpoint = known.endpoint.id,
              customer = customer](TransferResult result) {
               {
                 std::lock_guard lock(mutex_);
                 answers_.push_back({id, endpoint, customer, std::move(result)});
               }
               wake_.notify_one();
             });
  }
  return !dropped.empty();
}

void Dispatcher::Transfer(const Endpoint& endpoint, const RawId& delivery, const api::Event& event,
                          std::function<void(TransferResult)> done) {
  const Timestamp now = clock_.Now();
  if (endpoint.kind == EndpointKind::kWebhook) {
    const WebhookTarget target{endpoint.url, endpoint.headers, SigningKeysAt(endpoint, now)};
    return transfers_.Post(WebhookPost(target, ToString(delivery), now, event, options_.source),
                           std::move(done));
  }
  std::shared_ptr<const Zone> zone;
  const auto revision = revision_();
  if (const Program* program = revision->FindProgram(event.program_id())) {
    zone = FindZone(program->time_zone);
  }
  const Notice notice = NoticeOf(event, endpoint.language, zone.get());
  if (endpoint.kind != EndpointKind::kEmail) {
    const std::string secret = endpoint.secrets.empty() ? "" : endpoint.secrets.front();
    return transfers_.Post(RobotPost(RobotOf(endpoint.kind), endpoint.url, secret,
                                     notice.subject + "\n" + notice.text, now),
                           std::move(done));
  }
  if (!options_.smtp) {
    return done({.end = TransferResult::End::kNotConnected, .detail = "no mail server is set"});
  }
  const SmtpOptions& smtp = *options_.smtp;
  const std::string host = smtp.from.substr(smtp.from.find('@'));
  MailText mail{.from_name = smtp.from_name,
                .from = smtp.from,
                .to = endpoint.recipients,
                .subject = notice.subject,
                .text = notice.text,
                .message_id = ToString(delivery) + host,
                .date = now};
  if (!event.case_id().empty()) mail.thread_id = event.case_id() + host;
  transfers_.Send({.server = smtp.server,
                   .user = smtp.user,
                   .password = smtp.password,
                   .require_tls = smtp.require_tls,
                   .sender = smtp.from,
                   .recipients = endpoint.recipients,
                   .message = MailMessage(mail)},
                  std::move(done));
}

// ------------------------------------------------------------------------------------- answers

DeliveryVerdict Dispatcher::VerdictOf(const Endpoint& endpoint,
                                      const TransferResult& result) const {
  if (IsRobot(endpoint.kind)) return JudgeRobot(RobotOf(endpoint.kind), result);
  return endpoint.kind == EndpointKind::kEmail ? JudgeMail(result) : Judge(result);
}

bool Dispatcher::WriteAnswers() {
  if (unwritten_.empty()) return false;
  std::vector<const Answer*> answers;
  for (const Answer& answer : unwritten_) {
    if (answer.result.end != TransferResult::End::kStopped) answers.push_back(&answer);
  }
  const Timestamp now = executor_.Now();
  std::map<RawId, Endpoint> stored;
  const auto write = [&](DeliveryRecords& records) {
    for (const Answer* answer : answers) {
      if (stored.contains(answer->endpoint)) continue;
      if (auto endpoint = records.GetEndpoint(answer->endpoint)) {
        stored.emplace(answer->endpoint, *std::move(endpoint));
      }
    }
    for (const Answer* answer : answers) {
      const auto found = stored.find(answer->endpoint);
      auto delivery = records.GetDelivery(answer->delivery);
      if (found == stored.end() || !delivery || delivery->state != DeliveryState::kPending) {
        continue;
      }
      const auto known = known_.find(answer->endpoint);
      Known gone;
      Note(answer->result, now, &found->second, &*delivery,
           known == known_.end() ? &gone : &known->second);
      // Asked within the transaction, so that no erasure comes in between.
      if (!delivery->last_answer.empty() && IsErased(answer->customer, delivery->case_id)) {
        delivery->last_answer.clear();
      }
      records.Put(*delivery);
    }
    for (auto& [id, endpoint] : stored) {
      const auto before = records.GetEndpoint(id);
      if (*before == endpoint) continue;
      records.Put(endpoint);
      if (before->state == endpoint.state) continue;
      records.Audit(
          {.at = now,
           .kind = AuditKind::kMutation,
           .method = "delivery/disable_endpoint",
           .outcome = "OK",
           .subject_type = "endpoint",
           .subject = id.bytes,
           .detail = endpoint.cause == EndpointDisabledCause::kGone ? "gone" : "failing"});
      Log(Level::kWarning, "an endpoint is disabled",
          {{"endpoint", ToString(id)},
           {"cause", endpoint.cause == EndpointDisabledCause::kGone ? "gone" : "failing"}});
    }
    return true;
  };
  if (!answers.empty()) store_.WriteDeliveries(write);
  bool room = false;
  for (const Answer& answer : unwritten_) {
    const auto found = known_.find(answer.endpoint);
    if (found == known_.end()) continue;
    found->second.flying.erase(answer.delivery);
    room |= std::exchange(found->second.full, false);
  }
  unwritten_.clear();
  // What else is new in their rows is seen by LoadEndpoints.
  for (const auto& [id, endpoint] : stored) {
    const auto found = known_.find(id);
    if (found == known_.end()) continue;
    found->second.endpoint.state = endpoint.state;
    found->second.endpoint.cause = endpoint.cause;
    found->second.endpoint.failing_since = endpoint.failing_since;
  }
  return room;
}

bool Dispatcher::IsErased(CustomerId customer, const std::optional<CaseId>& case_id) {
  bool erased = false;
  store_.Read([&](Reader& reader) {
    const auto of = case_id ? reader.GetCase(*case_id) : std::nullopt;
    if (of && !of->customer_id.empty()) customer = of->customer_id;
    if (customer.empty()) return;
    const auto found = reader.GetCustomer(customer);
    erased = found && found->erased_at;
  });
  return erased;
}

void Dispatcher::Note(const TransferResult& result, Timestamp now, Endpoint* endpoint,
                      Delivery* delivery, Known* known) {
  if (result.end == TransferResult::End::kNotBegun) {
    delivery->next_try_at = now + kPause;  // it was no try
    return;
  }
  const DeliveryVerdict verdict = VerdictOf(*endpoint, result);
  ++delivery->tries;
  delivery->tried_at = now;
  delivery->last_status = result.status;
  // What a receiver says of a person has no place here; of a failure it is needed.
  delivery->last_answer = verdict == DeliveryVerdict::kDelivered ? "" : WordsOf(result);
  known->careful = result.end != TransferResult::End::kAnswered;
  const auto end = [&](DeliveryState state) {
    delivery->state = state;
    delivery->next_try_at.reset();
    delivery->ended_at = now;
  };
  if (verdict == DeliveryVerdict::kDelivered) {
    endpoint->failing_since.reset();
    return end(DeliveryState::kDelivered);
  }
  if (!endpoint->failing_since) endpoint->failing_since = now;
  const auto disable = [&](EndpointDisabledCause cause) {
    if (endpoint->state != EndpointState::kActive) return;
    endpoint->state = EndpointState::kDisabled;
    endpoint->cause = cause;
  };
  switch (verdict) {
    case DeliveryVerdict::kDelivered: break;
    case DeliveryVerdict::kRefused: end(DeliveryState::kDead); break;
    case DeliveryVerdict::kGone:
      // It was not taken; whoever enables the endpoint again wants it.
      delivery->next_try_at = now;
      disable(EndpointDisabledCause::kGone);
      return;
    case DeliveryVerdict::kSlowDown:
      known->careful = true;
      known->not_before =
          std::max(known->not_before,
                   now + std::min(result.retry_after.value_or(kPause), kLongestRetryAfter));
      [[fallthrough]];
    case DeliveryVerdict::kRetry: {
      const auto wait = NextTry(options_.retry, delivery->tries, Random(), result.retry_after);
      if (wait) {
        delivery->next_try_at = now + *wait;
      } else {
        end(DeliveryState::kDead);
      }
    }
  }
  // One failure after quiet days is none of several days.
  const bool tried_long = delivery->tries * 2 >= std::ssize(options_.retry);
  if (tried_long && now - *endpoint->failing_since >= kFailingFor) {
    disable(EndpointDisabledCause::kFailing);
  }
}

void Dispatcher::Prune(Timestamp now) {
  const Duration steady = clock_.Steady();
  if (pruned_ && steady - *pruned_ < kPruneEvery) return;
  int32_t gone = 0;
  store_.WriteDeliveries([&](DeliveryRecords& records) {
    gone = records.Prune(now - options_.keep_done, now - options_.keep_dead, kPruneAtOnce);
    return gone > 0;
  });
  if (gone < kPruneAtOnce) pruned_ = steady;  // else the others in the next turn
}

bool Dispatcher::ClearRemoved() {
  const auto is_removed = [](const auto& row) {
    return row.second.endpoint.state == EndpointState::kRemoved;
  };
  const auto removed = std::find_if(known_.begin(), known_.end(), is_removed);
  if (removed == known_.end()) return false;
  bool more = false;
  store_.WriteDeliveries([&](DeliveryRecords& records) {
    more = records.RemoveDeliveries(removed->first, kPruneAtOnce) == kPruneAtOnce;
    if (!more) records.RemoveEndpoint(removed->first);
    return true;
  });
  if (!more) known_.erase(removed);
  return more || std::any_of(known_.begin(), known_.end(), is_removed);
}

}  // namespace rebound
