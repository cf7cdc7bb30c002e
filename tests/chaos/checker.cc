#include "tests/chaos/checker.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "rebound/v1/case_service.grpc.pb.h"
#include "rebound/v1/customer_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"
#include "tests/chaos/server_process.h"

namespace rebound::chaos {
namespace {

namespace api = rebound::v1;

constexpr int kReaders = 4;
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

int64_t Millis(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

std::string Detail(const api::CaseEvent& event, const char* name) {
  const auto found = event.details().find(name);
  return found == event.details().end() ? "" : found->second;
}

// ------------------------------------------------------------------------ the transition table

bool IsHandling(std::string_view status) {
  return status == "open" || status == "accepted" || status == "contacting" ||
         status == "contacted" || status == "remedy_proposed" || status == "remedied" ||
         status == "reopened";
}

bool IsHandled(std::string_view status) {
  return status == "resolved" || status == "resurvey_due" || status == "resurveyed";
}

// The status after `event` on a case in status `before`, as ARCHITECTURE tells it; empty: the event
// may not happen there.
std::string StatusAfter(const std::string& before, const api::CaseEvent& event) {
  const std::string& type = event.type();
  const bool alive = IsHandling(before) || IsHandled(before);
  if (before.empty()) return type == "CaseOpened" ? "open" : "";
  if (type == "TimerSet" || type == "TimerEnded" || type == "LaterAnswerCounted") return before;
  // Clocks, and what their tiers do, move no case.
  if (type.starts_with("Clock") || type == "TierCrossed" || type == "PriorityChanged" ||
      type == "CaseEscalated") {
    return before;
  }
  if (type == "CaseAssigned" && event.status() == "accepted") {  // claimed
    return before == "open" || before == "reopened" || before == "accepted" ? "accepted" : "";
  }
  if (type == "CaseAssigned" || type == "ResponseAttached") return alive ? before : "";
  if (type == "CommitmentMade") return alive ? before : "";
  if (type == "AttemptLogged") {
    if (!alive) return "";
    if (IsHandled(before) || before == "contacted" || before == "remedy_proposed" ||
        before == "remedied") {
      return before;
    }
    const bool reached =
        Detail(event, "direction") == "inbound" || Detail(event, "outcome") == "reached";
    return reached ? "contacted" : "contacting";
  }
  if (type == "RemedyRecorded") {
    if (!alive || IsHandled(before)) return alive ? before : "";
    const std::string state = Detail(event, "state");
    if (state == "accepted" || state == "delivered") return "remedied";
    return before == "remedied" ? before : "remedy_proposed";
  }
  if (type == "CaseResolved") return IsHandling(before) ? "resolved" : "";
  if (type == "CaseClosed") return IsHandled(before) ? "closed" : "";
  if (type == "ResurveyAsked") return before == "resolved" ? "resurvey_due" : "";
  if (type == "ResurveyAnswered") {
    // The case waits no longer; only past the limit of reopenings does the answer itself move it.
    return before != "resurvey_due" ? "" : event.status() == "resurveyed" ? "resurveyed" : before;
  }
  if (type == "CaseReopened") {
    const std::string cause = Detail(event, "cause");
    const bool fits = cause == "by_hand"        ? IsHandled(before) || before == "closed"
                      : cause == "bad_resurvey" ? before == "resurvey_due"
                                                : cause == "new_detractor" && before == "closed";
    return fits ? "reopened" : "";
  }
  return "";
}

// What one command writes together: after this event comes that one (or what ends a timer or clock
// before it).
bool MayFollow(const std::string& type, const std::string& status, const std::string& next,
               bool known_customer) {
  if (type == "CaseResolved" && known_customer) return next == "ClockStarted";
  if (type == "CommitmentMade") return next == "ClockStarted";
  if (type == "ResurveyAsked") return next == "TimerSet";
  if (type == "ResurveyAnswered" && status == "resurvey_due") {
    return next == "CaseClosed" || next == "CaseReopened" || next == "TimerEnded" ||
           next == "ClockEnded";
  }
  return true;
}

bool IsAccompaniment(const std::string& type) {
  return type == "TimerSet" || type == "TimerEnded" || type.starts_with("Clock");
}

// The verb that writes this event when a person asks for it; nullopt for the others.
std::optional<Verb> VerbOf(const std::string& type) {
  if (type == "CaseAssigned") return Verb::kAssign;
  if (type == "AttemptLogged") return Verb::kAttempt;
  if (type == "CommitmentMade") return Verb::kCommit;
  if (type == "RemedyRecorded") return Verb::kRemedy;
  if (type == "CaseResolved") return Verb::kResolve;
  if (type == "CaseClosed") return Verb::kClose;
  if (type == "CaseReopened") return Verb::kReopen;
  return std::nullopt;
}

// ------------------------------------------------------------------------------ what was read

struct StoredResponse {
  std::string id{};
  std::string paired{};
  std::string customer{};
  std::string program{};
  int64_t score = 0;
  int64_t at_ms = 0;  // occurred, in history; recorded, otherwise
  api::ResponseEffect effect{};
};

// From when to when the case was its customer's open one, by sequence; and when it waited for the
// re-survey's answer, by time.
struct Span {
  int64_t from = 0;
  int64_t to = kForever;
};

struct ReadCase {
  std::string id{};
  std::string number{};
  std::string customer{};
  std::string program{};
  std::string opening{};
  std::string status{};
  bool history = false;
  std::vector<Span> open{};
  std::vector<Span> waiting_ms{};
  std::vector<std::pair<std::string, std::string>> answers{};  // response id, event type
  std::vector<int64_t> sequences{};
  std::vector<uint64_t> markers{};
  std::map<int, int64_t> claims{};  // by client
};

class Check {
 public:
  Check(World& world, const std::string& address, const std::string& token)
      : world_(world), address_(address), token_(token) {}

  CheckedState Run() {
    ReadResponses();
    ReadCases();
    CheckVerbs();
    CheckSubmits();
    CheckConsents();
    CheckPairing();
    CheckOpenCases();
    CheckHistory();
    return {static_cast<int64_t>(responses_.size()), static_cast<int64_t>(cases_.size()), events_};
  }

 private:
  using Responses = api::ResponseService::Stub;
  using Cases = api::CaseService::Stub;

  template <class Stub, class Request, class Reply>
  Reply Ask(const std::shared_ptr<grpc::Channel>& channel,
            grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
            const Request& request, bool* found = nullptr) {
    Stub stub(channel);
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token_);
    Reply reply;
    const grpc::Status status = (stub.*method)(&context, request, &reply);
    if (found != nullptr) *found = status.ok();
    if (!status.ok() && !(found && status.error_code() == grpc::StatusCode::NOT_FOUND)) {
      throw std::runtime_error("the state cannot be read: " + status.error_message());
    }
    return reply;
  }

  const Ack* FindAck(const Marker& marker) const {
    const auto client = static_cast<size_t>(marker.client);
    if (client >= world_.acks.size()) return nullptr;
    const auto found = world_.acks[client].find(marker.Key());
    return found == world_.acks[client].end() ? nullptr : &found->second;
  }

  bool IsPending(const Marker& marker) const {
    const auto client = static_cast<size_t>(marker.client);
    return client < world_.pending.size() && world_.pending[client].contains(marker.Key());
  }

  // The timeline as the server has it, and what was acknowledged about the case.
  std::string History(const std::string& case_id) {
    if (!world_.prints()) return "";
    std::string text = fmt::format("  case {}:\n", case_id);
    api::ListCaseEventsRequest request;
    request.set_case_id(case_id);
    request.set_page_size(1'000);
    bool found = false;
    const auto page = Ask(OpenChannel(address_), &Cases::ListCaseEvents, request, &found);
    if (!found) text += "    (the server has no such case)\n";
    const int skipped = std::max(0, page.events_size() - 40);
    if (skipped > 0) text += fmt::format("    ({} earlier events)\n", skipped);
    for (int i = skipped; i < page.events_size(); ++i) {
      const api::CaseEvent& event = page.events(i);
      text += fmt::format("    {:>4} seq {} {} -> {} by {}", i + 1, event.sequence(), event.type(),
                          event.status(), event.actor());
      for (const auto& [name, value] : event.details()) text += fmt::format(" {}={}", name, value);
      text += event.note().empty() ? "\n" : fmt::format(" \"{}\"\n", event.note());
    }
    std::vector<std::string> acked;
    for (size_t client = 0; client < world_.acks.size(); ++client) {
      for (const auto& [key, ack] : world_.acks[client]) {
        if (ack.resource != case_id) continue;
        acked.push_back(fmt::format("    acknowledged version {:>4}: {} {} etag sent {}{}\n",
                                    ack.version, MarkerText(key), Name(ack.verb), ack.sent,
                                    ack.replayed ? " (asked again)" : ""));
      }
    }
    std::ranges::sort(acked);
    for (size_t i = acked.size() > 40 ? acked.size() - 40 : 0; i < acked.size(); ++i) {
      text += acked[i];
    }
    return text;
  }

  static std::string MarkerText(uint64_t key) {
    return Marker{static_cast<int>(key >> 56), static_cast<int>(key >> 32 & 0xFFFFFF),
                  static_cast<int>(key & 0xFFFFFFFF)}
        .Text();
  }

  // --------------------------------------------------------------------------------- reading

  void ReadResponses() {
    const auto channel = OpenChannel(address_);
    std::unordered_set<std::string> external_ids;
    api::ListResponsesRequest request;
    request.set_page_size(1'000);
    do {
      const auto page = Ask(channel, &Responses::ListResponses, request);
      for (const api::Response& r : page.responses()) {
        const bool history = r.program_id() == kHistory;
        const StoredResponse stored{
            r.id(),         r.paired_case_id(), r.customer_id(),
            r.program_id(), r.score(),          Millis(history ? r.occur_time() : r.record_time()),
            r.effect()};
        if (!responses_.emplace(r.id(), stored).second) {
          world_.Violate("I-1", "response " + r.id() + " is listed twice");
        }
        if (r.has_external_key() && !external_ids.insert(r.external_key().external_id()).second) {
          world_.Violate("I-1", "external key " + r.external_key().external_id() + " twice");
        }
        const auto marker = ParseMarker(r.order_reference());
        const Ack* ack = marker ? FindAck(*marker) : nullptr;
        const bool by_answer = ack && (ack->verb == Verb::kSubmit || ack->verb == Verb::kImport);
        if (!by_answer && !(marker && IsPending(*marker))) {
          world_.Violate("I-1", fmt::format("response {} \"{}\" was never acknowledged", r.id(),
                                            r.order_reference()));
          continue;
        }
        if (!stored_markers_.insert(marker->Key()).second) {
          world_.Violate("I-1", fmt::format("{} is stored twice, also as response {}",
                                            marker->Text(), r.id()));
        }
        if (!ack) continue;
        const uint64_t content =
            ContentHash(r.program_id(), r.score(), r.external_key().external_id(),
                        history ? Millis(r.occur_time()) : 0);
        if (content != ack->content || (!ack->resource.empty() && ack->resource != r.id())) {
          world_.Violate("I-1", fmt::format("{} was acknowledged as response {}, but {} holds it{}",
                                            marker->Text(), ack->resource, r.id(),
                                            content != ack->content ? ", changed" : ""));
        }
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
  }

  void ReadCases() {
    const auto channel = OpenChannel(address_);
    std::vector<std::string> ids;
    api::ListCasesRequest request;
    request.set_page_size(1'000);
    request.set_order_by("open_time");
    do {
      const auto page = Ask(channel, &Cases::ListCases, request);
      for (const api::Case& c : page.cases()) ids.push_back(c.id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    std::ranges::sort(ids);
    if (std::ranges::adjacent_find(ids) != ids.end()) {
      world_.Violate("I-9", "the list of cases holds one twice");
    }
    cases_.resize(ids.size());
    std::atomic<size_t> next{0};
    std::vector<std::thread> readers;
    std::exception_ptr failure;
    std::mutex failure_mutex;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([&] {
        try {
          const auto own = OpenChannel(address_);
          for (size_t n = next++; n < ids.size(); n = next++) cases_[n] = ReadOne(own, ids[n]);
        } catch (...) {
          std::lock_guard lock(failure_mutex);
          failure = std::current_exception();
        }
      });
    }
    for (std::thread& reader : readers) reader.join();
    if (failure) std::rethrow_exception(failure);
    std::vector<int64_t> sequences;
    for (const ReadCase& c : cases_) {
      sequences.insert(sequences.end(), c.sequences.begin(), c.sequences.end());
    }
    events_ = static_cast<int64_t>(sequences.size());
    std::ranges::sort(sequences);
    if (const auto twice = std::ranges::adjacent_find(sequences); twice != sequences.end()) {
      world_.Violate("I-10", fmt::format("two events have the sequence {}", *twice));
    }
  }

  // A timer may fire in between: then the case is read again.
  ReadCase ReadOne(const std::shared_ptr<grpc::Channel>& channel, const std::string& id) {
    for (int attempt = 0;; ++attempt) {
      api::GetCaseRequest get;
      get.set_case_id(id);
      const api::Case c = Ask(channel, &Cases::GetCase, get).case_();
      std::vector<api::CaseEvent> events;
      api::ListCaseEventsRequest list;
      list.set_case_id(id);
      list.set_page_size(1'000);
      do {
        const auto page = Ask(channel, &Cases::ListCaseEvents, list);
        events.insert(events.end(), page.events().begin(), page.events().end());
        list.set_page_token(page.next_page_token());
      } while (!list.page_token().empty());
      // History mode may void a case and open it anew, under the same id.
      const auto voided = std::ranges::find(events.rbegin(), events.rend(), "CaseVoided",
                                            [](const api::CaseEvent& e) { return e.type(); });
      const bool counted = c.etag() == fmt::format("\"{}\"", voided - events.rbegin());
      if (!counted && attempt < 5) continue;
      if (!counted) {
        world_.Violate(
            "I-10",
            fmt::format("case {} has etag {} and {} events", c.number(), c.etag(), events.size()),
            History(id));
      }
      return Judge(c, events);
    }
  }

  // ---------------------------------------------------------------------------------- judging

  ReadCase Judge(const api::Case& c, const std::vector<api::CaseEvent>& events) {
    ReadCase read{.id = c.id(),
                  .number = c.number(),
                  .customer = c.customer_id(),
                  .program = c.program_id(),
                  .opening = c.opening_response_id(),
                  .status = c.status(),
                  .history = c.history()};
    std::string status;
    for (size_t i = 0; i < events.size(); ++i) {
      const api::CaseEvent& event = events[i];
      // History mode derives a case anew instead of moving it.
      const bool voided = event.type() == "CaseVoided" && c.history();
      const bool derived = event.type() == "CaseHistoryDerived" && c.history() &&
                           (event.status() == "open" || event.status() == "closed");
      const std::string after = voided || derived ? event.status() : StatusAfter(status, event);
      const bool rises =
          i == 0 || (event.sequence() > events[i - 1].sequence() &&
                     Millis(event.record_time()) >= Millis(events[i - 1].record_time()));
      const std::string next = i + 1 < events.size() ? events[i + 1].type() : "";
      const bool complete = MayFollow(event.type(), event.status(), next, !c.customer_id().empty());
      if (after.empty() || after != event.status() || !rises || !complete) {
        world_.Violate("I-10",
                       fmt::format("case {}: event {} ({}, {} -> {}) {}", c.number(), i + 1,
                                   event.type(), status, event.status(),
                                   !rises      ? "does not come after the one before"
                                   : !complete ? "lacks what belongs to it"
                                               : "is not in the transition table"),
                       History(c.id()));
      }
      Note(event, status, read);
      CheckMarker(c, events, i, read);
      status = voided ? "" : event.status();
      read.sequences.push_back(event.sequence());
    }
    if (status != c.status()) {
      world_.Violate(
          "I-10",
          fmt::format("case {} is {}, its last event says {}", c.number(), c.status(), status),
          History(c.id()));
    }
    return read;
  }

  static void Note(const api::CaseEvent& event, const std::string& before, ReadCase& read) {
    const int64_t at = Millis(event.record_time());
    if (event.type() == "CaseOpened" || event.type() == "CaseReopened") {
      read.open.push_back({event.sequence(), kForever});
    }
    if (event.type() == "CaseReopened" && read.open.size() > 1 && before != "closed") {
      read.open.pop_back();  // it never ceased to be the open one
    }
    if (event.type() == "CaseClosed" && !read.open.empty()) read.open.back().to = event.sequence();
    if (event.type() == "ResurveyAsked") read.waiting_ms.push_back({at, kForever});
    if (before == "resurvey_due" && event.status() != before) read.waiting_ms.back().to = at;
    if (const std::string response = Detail(event, "response"); !response.empty()) {
      read.answers.emplace_back(response, event.type());
    }
  }

  // The event's marker leads to an acknowledgement that fits, or to an outcome not known.
  void CheckMarker(const api::Case& c, const std::vector<api::CaseEvent>& events, size_t i,
                   ReadCase& read) {
    const api::CaseEvent& event = events[i];
    const bool assigned = event.type() == "CaseAssigned";
    const std::string text = assigned ? Detail(event, "owner") : event.note();
    const auto verb = VerbOf(event.type());
    if (!verb || text.empty()) return;
    if (assigned && text.starts_with("chaos-")) {
      ++read.claims[std::atoi(text.c_str() + 6)];
      return;
    }
    const auto marker = ParseMarker(text);
    const Ack* ack = marker ? FindAck(*marker) : nullptr;
    if (!marker || (!ack && !IsPending(*marker)) ||
        (ack && (ack->verb != *verb || ack->resource != c.id()))) {
      world_.Violate("I-1",
                     fmt::format("case {}: event {} ({} \"{}\") was never acknowledged", c.number(),
                                 i + 1, event.type(), text),
                     History(c.id()));
      return;
    }
    read.markers.push_back(marker->Key());
    if (!ack) return;
    // Between the version that the caller saw and the event, and between the event and the version
    // of the answer, lies only what the same command wrote.
    const size_t from = ack->sent > 0 ? static_cast<size_t>(ack->sent) : i;
    const size_t to = ack->replayed ? i + 1 : static_cast<size_t>(ack->version);
    bool own = from <= i && to >= i + 1 && to <= events.size();
    for (size_t k = from; own && k < to; ++k) {
      own = k == i || IsAccompaniment(events[k].type());
    }
    if (!own) {
      world_.Violate("I-11",
                     fmt::format("case {}: {} insisted on version {} and was acknowledged with "
                                 "version {}, but is event {}",
                                 c.number(), text, ack->sent, ack->version, i + 1),
                     History(c.id()));
    }
  }

  void CheckVerbs() {
    std::unordered_set<uint64_t> seen;
    std::map<std::pair<std::string, int>, int64_t> claims;
    for (const ReadCase& c : cases_) {
      for (uint64_t key : c.markers) {
        if (!seen.insert(key).second) {
          world_.Violate("I-1", MarkerText(key) + " took effect twice", History(c.id));
        }
      }
      for (const auto& [client, count] : c.claims) claims[{c.id, client}] = count;
    }
    for (size_t client = 0; client < world_.acks.size(); ++client) {
      for (const auto& [key, ack] : world_.acks[client]) {
        if (ack.verb == Verb::kClaim) --claims[{ack.resource, static_cast<int>(client)}];
        const bool marked = ack.verb >= Verb::kAssign && ack.verb <= Verb::kReopen;
        if (marked && !seen.contains(key)) {
          world_.Violate("I-1",
                         fmt::format("{} ({}) was acknowledged, but the case does not show it",
                                     MarkerText(key), Name(ack.verb)),
                         History(ack.resource));
        }
      }
    }
    for (const auto& [key, difference] : claims) {
      const auto& pending = world_.pending[static_cast<size_t>(key.second)];
      const int64_t unknown = std::ranges::count_if(
          pending, [](const auto& entry) { return entry.second == Verb::kClaim; });
      if (difference < 0 || difference > unknown) {
        world_.Violate("I-1",
                       fmt::format("case {} was claimed by client {} {:+} times compared with the "
                                   "acknowledgements",
                                   key.first, key.second, difference),
                       History(key.first));
      }
    }
  }

  void CheckSubmits() {
    for (const auto& acks : world_.acks) {
      for (const auto& [key, ack] : acks) {
        const bool answer = ack.verb == Verb::kSubmit || ack.verb == Verb::kImport;
        if (answer && !stored_markers_.contains(key)) {
          world_.Violate("I-1", fmt::format("{} ({} {}) was acknowledged, but is not there",
                                            MarkerText(key), Name(ack.verb), ack.resource));
        }
      }
    }
  }

  // Only consents change customers here, so the version counts them.
  void CheckConsents() {
    std::map<std::string, int64_t> expected;
    int64_t unknown = 0;
    for (const auto& acks : world_.acks) {
      for (const auto& [key, ack] : acks) {
        if (ack.verb == Verb::kConsent) ++expected[ack.resource];
      }
    }
    for (const auto& pending : world_.pending) {
      unknown += std::ranges::count_if(
          pending, [](const auto& entry) { return entry.second == Verb::kConsent; });
    }
    const auto channel = OpenChannel(address_);
    for (const auto& [id, count] : expected) {
      api::GetCustomerRequest request;
      request.set_customer_id(id);
      bool found = false;
      const auto reply = Ask(channel, &api::CustomerService::Stub::GetCustomer, request, &found);
      const int64_t version = found ? std::atoll(reply.customer().etag().c_str() + 1) : 0;
      if (version < count + 1 || version > count + 1 + unknown) {
        world_.Violate("I-1", fmt::format("customer {}: {} consents were acknowledged, but its "
                                          "version is {}",
                                          id, count, version));
      }
    }
  }

  // Each answer did what its score calls for, once, to a case of its own customer and program.
  void CheckPairing() {
    std::unordered_map<std::string, const ReadCase*> by_id;
    std::unordered_map<std::string, std::string> effects;  // response id: what cases show of it
    for (const ReadCase& c : cases_) {
      by_id[c.id] = &c;
      if (c.history) continue;
      std::vector<std::pair<std::string, std::string>> shown = c.answers;
      shown.emplace_back(c.opening, "CaseOpened");
      for (const auto& [response, type] : shown) {
        const auto stored = responses_.find(response);
        if (stored == responses_.end() || stored->second.customer != c.customer ||
            stored->second.program != c.program) {
          world_.Violate(
              "I-9",
              fmt::format("case {}: {} names response {}, which is {}", c.number, type, response,
                          stored == responses_.end() ? "not there" : "another's"),
              History(c.id));
          continue;
        }
        if (type == "LaterAnswerCounted") continue;
        const bool reopens_after_answer =
            type == "CaseReopened" && stored->second.effect == api::RESPONSE_EFFECT_RESURVEY_ANSWER;
        if (reopens_after_answer) continue;
        effects[response] += type + "@" + c.id + " ";
      }
    }
    for (const auto& [id, r] : responses_) {
      if (r.program == kHistory) continue;
      const bool detractor = r.score <= 6;
      static constexpr const char* kEvents[] = {
          "", "", "CaseOpened", "ResurveyAnswered", "ResponseAttached", "CaseReopened"};
      const std::string type = kEvents[std::clamp<int>(r.effect, 0, 5)];
      const std::string expected = type.empty() ? "" : type + "@" + r.paired + " ";
      const bool due = detractor == (r.effect != api::RESPONSE_EFFECT_NONE) ||
                       r.effect == api::RESPONSE_EFFECT_RESURVEY_ANSWER;
      const bool allowed = !(r.effect == api::RESPONSE_EFFECT_REOPENED && r.program == kPlain);
      const auto found = effects.find(id);
      const std::string shown = found == effects.end() ? "" : found->second;
      if (shown != expected || !due || !allowed || r.paired.empty() != type.empty()) {
        world_.Violate(
            "I-9",
            fmt::format("response {} (score {}, {}) says {} {}, the cases show \"{}\"", id, r.score,
                        r.program, api::ResponseEffect_Name(r.effect), r.paired, shown),
            r.paired.empty() ? "" : History(r.paired));
      }
    }
  }

  // By customer and program: never two open cases at once, a new one only when no old one could be
  // reopened, and no answer passed by a case that waited for it.
  void CheckOpenCases() {
    std::map<std::pair<std::string, std::string>, std::vector<const ReadCase*>> groups;
    for (const ReadCase& c : cases_) {
      if (!c.history && !c.customer.empty()) groups[{c.customer, c.program}].push_back(&c);
    }
    for (const auto& [key, group] : groups) {
      std::vector<std::pair<Span, const ReadCase*>> spans;
      for (const ReadCase* c : group) {
        for (const Span& span : c->open) spans.emplace_back(span, c);
      }
      std::ranges::sort(spans, {}, [](const auto& entry) { return entry.first.from; });
      for (size_t i = 1; i < spans.size(); ++i) {
        if (spans[i].first.from > spans[i - 1].first.to) continue;
        world_.Violate(
            "I-9",
            fmt::format("customer {} has two open cases in {}: {} and {}", key.first, key.second,
                        spans[i - 1].second->number, spans[i].second->number),
            History(spans[i - 1].second->id) + History(spans[i].second->id));
      }
      if (key.second == kReopening && group.size() > 1) {
        world_.Violate("I-9",
                       fmt::format("customer {} got case {}, though {} could be reopened",
                                   key.first, group[1]->number, group[0]->number),
                       History(group[0]->id) + History(group[1]->id));
      }
    }
    for (const auto& [id, r] : responses_) {
      if (r.effect == api::RESPONSE_EFFECT_RESURVEY_ANSWER || r.program == kHistory) continue;
      const auto group = groups.find({r.customer, r.program});
      if (group == groups.end()) continue;
      for (const ReadCase* c : group->second) {
        for (const Span& span : c->waiting_ms) {
          if (r.at_ms <= span.from || r.at_ms >= span.to) continue;
          world_.Violate("I-9",
                         fmt::format("response {} came while {} waited for it", id, c->number),
                         History(c->id));
        }
      }
    }
  }

  // History mode: the cases follow from the answers alone, by the time they were given. The first
  // detractor's opens, the next passive's or promoter's closes, and so on.
  void CheckHistory() {
    std::map<std::string, std::vector<const StoredResponse*>> answers;
    for (const auto& [id, r] : responses_) {
      if (r.program == kHistory) answers[r.customer].push_back(&r);
    }
    std::map<std::string, std::string> expected;  // opening response: status
    for (auto& [customer, list] : answers) {
      std::ranges::sort(list, {}, [](const StoredResponse* r) { return r->at_ms; });
      std::string open;
      for (const StoredResponse* r : list) {
        if (open.empty() && r->score <= 6) {
          open = r->id;
          expected[open] = "open";
        } else if (!open.empty() && r->score > 6) {
          expected[open] = "closed";
          open.clear();
        }
      }
    }
    for (const ReadCase& c : cases_) {
      if (c.program != kHistory) continue;
      const auto found = expected.find(c.opening);
      if (found == expected.end() || found->second != c.status) {
        world_.Violate(
            "I-9",
            fmt::format("history case {} of customer {} is {}, not {}", c.number, c.customer,
                        c.status, found == expected.end() ? "absent" : found->second),
            History(c.id));
      }
      if (found != expected.end()) expected.erase(found);
    }
    for (const auto& [opening, status] : expected) {
      world_.Violate(
          "I-9", fmt::format("no history case for response {}; it should be {}", opening, status));
    }
  }

  World& world_;
  const std::string address_;
  const std::string token_;
  std::unordered_map<std::string, StoredResponse> responses_;
  std::unordered_set<uint64_t> stored_markers_;
  std::vector<ReadCase> cases_;
  int64_t events_ = 0;
};

}  // namespace

CheckedState CheckEverything(World& world, const std::string& address, const std::string& token) {
  return Check(world, address, token).Run();
}

}  // namespace rebound::chaos
