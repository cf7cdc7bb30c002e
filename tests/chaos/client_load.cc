#include "tests/chaos/client_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "clients/cli/call.h"

namespace rebound::chaos {
namespace {

constexpr size_t kMostRecent = 64;
constexpr int64_t kYear2010 = 1262304000;
constexpr int64_t kTenYears = 315360000;

// The number in an etag; what is no number is no version of ours.
int32_t VersionOf(const std::string& etag) {
  return etag.size() < 3 ? 0 : std::atoi(etag.c_str() + 1);
}

std::string EtagOf(int32_t version) { return fmt::format("\"{}\"", version); }

Answer Returned(const grpc::Status& status) {
  Answer answer;
  answer.code = status.error_code();
  if (status.ok()) {
    answer.fate = Fate::kAcked;
    return answer;
  }
  cli::CallError error = cli::ReadError(status);
  answer.reason = std::move(error.reason);
  answer.message = std::move(error.message);
  // Without a reason it is gRPC that speaks: the connection broke, and anything may have happened.
  const bool told = !answer.reason.empty() && answer.reason != "STORE_UNAVAILABLE";
  answer.fate = told ? Fate::kRefused : Fate::kUnknown;
  return answer;
}

// Sends a body by the method of its type.
struct Sender {
  const std::shared_ptr<grpc::Channel>& channel;
  const std::string& token;

  void Prepare(grpc::ClientContext* context) const {
    context->AddMetadata("authorization", "Bearer " + token);
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  }

  template <class Stub, class Request, class Reply>
  Answer Unary(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
               const Request& request) const {
    Stub stub(channel);
    grpc::ClientContext context;
    Prepare(&context);
    Reply reply;
    Answer answer = Returned((stub.*method)(&context, request, &reply));
    if (answer.fate != Fate::kAcked) return answer;
    if constexpr (requires { reply.replayed(); }) answer.replayed = reply.replayed();
    if constexpr (requires { reply.case_(); }) {
      answer.resource = answer.case_id = reply.case_().id();
      answer.version = VersionOf(reply.case_().etag());
      answer.status = reply.case_().status();
    } else if constexpr (requires { reply.response(); }) {
      answer.resource = reply.response().id();
      answer.case_id = reply.response().paired_case_id();
      answer.customer_id = reply.response().customer_id();
    } else if constexpr (requires { reply.customer(); }) {
      answer.resource = reply.customer().id();
    }
    return answer;
  }

  using Responses = api::ResponseService::Stub;
  using Cases = api::CaseService::Stub;
  Answer operator()(const api::SubmitResponseRequest& r) const {
    return Unary(&Responses::SubmitResponse, r);
  }
  Answer operator()(const api::ClaimNextCaseRequest& r) const {
    return Unary(&Cases::ClaimNextCase, r);
  }
  Answer operator()(const api::AssignCaseRequest& r) const { return Unary(&Cases::AssignCase, r); }
  Answer operator()(const api::LogAttemptRequest& r) const { return Unary(&Cases::LogAttempt, r); }
  Answer operator()(const api::MakeCommitmentRequest& r) const {
    return Unary(&Cases::MakeCommitment, r);
  }
  Answer operator()(const api::RemedyCaseRequest& r) const { return Unary(&Cases::RemedyCase, r); }
  Answer operator()(const api::ResolveCaseRequest& r) const {
    return Unary(&Cases::ResolveCase, r);
  }
  Answer operator()(const api::CloseCaseRequest& r) const { return Unary(&Cases::CloseCase, r); }
  Answer operator()(const api::ReopenCaseRequest& r) const { return Unary(&Cases::ReopenCase, r); }
  Answer operator()(const api::SetCustomerConsentRequest& r) const {
    return Unary(&api::CustomerService::Stub::SetCustomerConsent, r);
  }
  Answer operator()(const Import& import) const {
    Responses stub(channel);
    grpc::ClientContext context;
    Prepare(&context);
    auto stream = stub.ImportResponses(&context);
    api::ImportResponsesRequest message;
    *message.mutable_header() = import.header;
    bool sent = stream->Write(message);
    *message.mutable_rows() = import.rows;
    sent = sent && stream->Write(message);
    api::ImportResponsesResponse reply;
    const bool answered = sent && stream->Read(&reply);
    stream->WritesDone();
    const grpc::Status status = stream->Finish();
    // The batch is acknowledged once it is answered, however the stream ends.
    Answer answer = Returned(answered ? grpc::Status::OK : status);
    if (!answered && status.ok()) answer.fate = Fate::kUnknown;
    answer.accepted = reply.accepted_count();
    answer.repeated = reply.replayed_count();
    for (const api::RowError& reject : reply.rejects()) {
      answer.rejected_rows.push_back(reject.row());
      answer.message += reject.reason() + " ";
    }
    return answer;
  }
};

// Another request under the same id: valid, but it says something else.
struct SaySomethingElse {
  void operator()(api::SubmitResponseRequest& r) const {
    r.mutable_response()->set_score((r.response().score() + 1) % 11);
  }
  void operator()(Import& r) const { r.rows.mutable_rows(0)->set_row(1'000); }
  void operator()(api::ClaimNextCaseRequest& r) const { r.set_queue_id(r.queue_id() + "x"); }
  void operator()(api::AssignCaseRequest& r) const { r.set_owner(r.owner() + "x"); }
  void operator()(api::LogAttemptRequest& r) const { r.mutable_attempt()->set_note("other"); }
  void operator()(api::MakeCommitmentRequest& r) const {
    r.mutable_commitment()->set_promise("other");
  }
  void operator()(api::RemedyCaseRequest& r) const { r.mutable_remedy()->set_note("other"); }
  void operator()(api::ResolveCaseRequest& r) const { r.set_root_cause("other"); }
  void operator()(api::CloseCaseRequest& r) const { r.set_note("other"); }
  void operator()(api::ReopenCaseRequest& r) const { r.set_note("other"); }
  void operator()(api::SetCustomerConsentRequest& r) const {
    if (r.consents_size() > 0) {
      r.mutable_consents(0)->set_source("other");
    } else {
      r.set_do_not_contact(!r.do_not_contact());
    }
  }
};

Verb VerbOf(const Body& body) { return static_cast<Verb>(body.index()); }

uint64_t Digest(const Body& body) {
  return std::visit(
      [](const auto& request) {
        if constexpr (requires { request.rows; }) {
          return std::hash<std::string>{}(request.rows.SerializeAsString());
        } else {
          return std::hash<std::string>{}(request.SerializeAsString());
        }
      },
      body);
}

std::string RequestIdOf(const Body& body) {
  return std::visit(
      [](const auto& request) {
        if constexpr (requires { request.rows; }) {
          return request.header.request_id();
        } else {
          return request.request_id();
        }
      },
      body);
}

// The case a verb names; empty for the others.
std::string CaseOf(const Body& body) {
  return std::visit(
      [](const auto& request) -> std::string {
        if constexpr (requires { request.case_id(); }) return request.case_id();
        return {};
      },
      body);
}

int32_t VersionSent(const Body& body) {
  return std::visit(
      [](const auto& request) -> int32_t {
        if constexpr (requires { request.etag(); }) return VersionOf(request.etag());
        return 0;
      },
      body);
}

uint64_t ContentOf(const api::Response& r) {
  const int64_t occurred =
      r.has_occur_time() ? r.occur_time().seconds() * 1000 + r.occur_time().nanos() / 1'000'000 : 0;
  return ContentHash(r.program_id(), r.score(), r.external_key().external_id(), occurred);
}

// Refusals that the load provokes; every other one is a fault.
bool IsExpected(std::string_view reason, Verb verb) {
  static constexpr std::string_view kAlways[] = {"SHUTTING_DOWN", "QUEUE_FULL"};
  static constexpr std::string_view kOfVerbs[] = {"TRANSITION_NOT_ALLOWED", "ETAG_MISMATCH",
                                                  "DEDUPE_SLOT_TAKEN",      "DO_NOT_CONTACT",
                                                  "CONSENT_DENIED",         "CUSTOMER_UNKNOWN"};
  if (std::ranges::find(kAlways, reason) != std::end(kAlways)) return true;
  if (verb == Verb::kClaim) return reason == "NOTHING_TO_CLAIM";
  if (verb == Verb::kSubmit || verb == Verb::kImport || verb == Verb::kConsent) return false;
  return std::ranges::find(kOfVerbs, reason) != std::end(kOfVerbs);
}

}  // namespace

Answer Send(const std::shared_ptr<grpc::Channel>& channel, const std::string& token,
            const Body& body) {
  return std::visit(Sender{channel, token}, body);
}

Client::Client(World& world, int index, std::string token)
    : world_(world),
      index_(index),
      token_(std::move(token)),
      random_(world.seed * 1'000 + static_cast<uint64_t>(index)) {}

void Client::Connect(const std::string& address, int round) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  channel_ = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  if (round != round_) number_ = 0;
  round_ = round;
}

void Client::Run(const std::string& address, int round, int limit) {
  Connect(address, round);
  bool on = Resend();
  for (int i = 0; on && i < limit && !world_.stop; ++i) {
    const int kind = Below(100);
    if (kind < 8) {
      on = Repeat();
    } else if (kind < 18) {
      on = Read();
    } else {
      on = Change(NewOp());
    }
  }
  channel_.reset();
  world_.AppendLog(round, log_);
  log_.clear();
}

bool Client::Probe(const std::string& address, int round) {
  Connect(address, round);
  if (!pending_) {
    Change(NewSubmit());
  } else {
    Resend();
  }
  return !pending_.has_value();
}

// ---------------------------------------------------------------------------------------- calls

Answer Client::Call(const Op& op, const char* what) {
  const auto start = SteadyClock::now();
  const auto stamp = [&](SteadyClock::time_point at) {
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  };
  const std::string marker = op.marker.Text();
  log_ += fmt::format("{} {} call {} {} id={} digest={:016x} case={} version={}\n", stamp(start),
                      marker, what, Name(VerbOf(op.body)), RequestIdOf(op.body), Digest(op.body),
                      CaseOf(op.body), VersionSent(op.body));
  ++world_.counts.calls;
  Answer answer = Send(channel_, token_, op.body);
  log_ += fmt::format("{} {} return {} {} resource={} version={}{}\n", stamp(SteadyClock::now()),
                      marker, cli::CodeName(answer.code),
                      answer.reason.empty() ? answer.message : answer.reason, answer.resource,
                      answer.version, answer.replayed ? " replayed" : "");
  if (answer.fate == Fate::kUnknown) {
    ++world_.counts.unknown;
    world_.CountUnanswered(answer.reason.empty() ? cli::CodeName(answer.code) : answer.reason);
  }
  if (answer.fate == Fate::kRefused) world_.CountRefusal(answer.reason);
  if (answer.reason == "STORE_UNAVAILABLE") world_.NoteStoreFailure();
  if (const auto failed = world_.store_failure();
      failed && answer.fate == Fate::kAcked && start > *failed) {
    world_.Violate("I-3", marker + " was called after the store had failed, and acknowledged");
  }
  return answer;
}

bool Client::GoesOn(const Answer& answer) const {
  return answer.fate != Fate::kUnknown && answer.reason != "SHUTTING_DOWN";
}

bool Client::Change(Op op) {
  auto& pending = world_.pending[static_cast<size_t>(index_)];
  if (const auto* import = std::get_if<Import>(&op.body)) {
    for (const api::ImportRow& row : import->rows.rows()) {
      if (row.row() == import->bad_row) continue;
      pending[ParseMarker(row.response().order_reference())->Key()] = Verb::kImport;
    }
  } else {
    pending[op.marker.Key()] = VerbOf(op.body);
  }
  pending_ = std::move(op);
  const bool twin = VerbOf(pending_->body) == Verb::kSubmit && Chance(2);
  const Answer answer = twin ? Twin(*pending_) : Call(*pending_, "new");
  if (answer.fate == Fate::kUnknown) return false;
  const Op done = *std::move(pending_);
  pending_.reset();
  pending.clear();
  answer.fate == Fate::kAcked ? Acknowledge(done, answer) : JudgeRefusal(done, answer);
  return GoesOn(answer);
}

bool Client::Resend() {
  if (!pending_) return true;
  ++world_.counts.resent;
  const Answer answer = Call(*pending_, "again");
  if (answer.fate == Fate::kUnknown) return false;
  if (answer.replayed || answer.repeated > 0) ++world_.counts.found_done;
  const Op done = *std::move(pending_);
  pending_.reset();
  world_.pending[static_cast<size_t>(index_)].clear();
  answer.fate == Fate::kAcked ? Acknowledge(done, answer) : JudgeRefusal(done, answer);
  return GoesOn(answer);
}

// The same request twice at once: one acts, the other one gets the same answer or is told to wait.
Answer Client::Twin(const Op& op) {
  Answer second;
  std::thread other([&] { second = Send(channel_, token_, op.body); });
  Answer first = Call(op, "twin");
  other.join();
  const auto waits = [](const Answer& a) { return a.reason == "REQUEST_IN_PROGRESS"; };
  if (first.fate == Fate::kAcked && second.fate == Fate::kAcked) {
    if (first.resource != second.resource || (!first.replayed && !second.replayed)) {
      world_.Violate("I-4", fmt::format("{}: two calls at once with one request id acted twice: "
                                        "{} and {}",
                                        op.marker.Text(), first.resource, second.resource));
    }
  } else if (waits(first)) {
    return waits(second) ? Answer{.message = "both twins were told to wait"} : second;
  }
  return first;
}

void Client::Acknowledge(const Op& op, const Answer& answer) {
  auto& acks = world_.acks[static_cast<size_t>(index_)];
  const Verb verb = VerbOf(op.body);
  ++world_.counts.acks;
  if (const auto* import = std::get_if<Import>(&op.body)) {
    const std::vector<int64_t> expected =
        import->bad_row == 0 ? std::vector<int64_t>{} : std::vector{import->bad_row};
    const int64_t good = import->rows.rows_size() - static_cast<int64_t>(expected.size());
    if (answer.rejected_rows != expected || answer.accepted + answer.repeated != good) {
      world_.Violate("I-1", fmt::format("{}: import of {} good rows answered {} accepted, {} "
                                        "replayed, {} rejected: {}",
                                        op.marker.Text(), good, answer.accepted, answer.repeated,
                                        answer.rejected_rows.size(), answer.message));
      return;
    }
    for (const api::ImportRow& row : import->rows.rows()) {
      if (row.row() == import->bad_row) continue;
      ++world_.counts.rows;
      const uint64_t key = ParseMarker(row.response().order_reference())->Key();
      acks[key] = {verb, false, 0, 0, ContentOf(row.response()), {}};
    }
  } else {
    Ack ack{verb, answer.replayed, VersionSent(op.body), answer.version, 0, answer.resource};
    if (const auto* submit = std::get_if<api::SubmitResponseRequest>(&op.body)) {
      ack.content = ContentOf(submit->response());
    }
    acks[op.marker.Key()] = std::move(ack);
  }

  // What the reply tells about the cases that everybody fights over.
  for (auto& hot : world_.hot) {
    std::lock_guard lock(hot->mutex);
    const auto* submit = std::get_if<api::SubmitResponseRequest>(&op.body);
    if (submit != nullptr && submit->response().program_id() == hot->program &&
        submit->response().customer_key().external_id() == hot->customer_key) {
      hot->customer_id = answer.customer_id;
      if (!answer.case_id.empty() && hot->case_id != answer.case_id) {
        hot->case_id = answer.case_id;
        hot->version = 0;
        hot->status = "open";
      }
    } else if (!answer.case_id.empty() && hot->case_id == answer.case_id &&
               answer.version > hot->version) {
      hot->version = answer.version;
      hot->status = answer.status;
    }
  }
  Op known = op;
  known.resource = answer.resource;
  recent_.push_back(std::move(known));
  if (recent_.size() > kMostRecent) recent_.pop_front();
}

void Client::JudgeRefusal(const Op& op, const Answer& answer) {
  if (IsExpected(answer.reason, VerbOf(op.body))) return;
  const char* invariant = answer.reason == "NOT_FOUND"           ? "I-1"
                          : answer.reason == "REQUEST_ID_REUSED" ? "I-4"
                                                                 : "refusal";
  world_.Violate(invariant, fmt::format("{} ({} {}) was refused with {}: {}", op.marker.Text(),
                                        Name(VerbOf(op.body)), CaseOf(op.body), answer.reason,
                                        answer.message));
}

// Something acknowledged is sent again: alike, with another body, or under another request id.
bool Client::Repeat() {
  if (recent_.empty()) return true;
  const Op& known = recent_[static_cast<size_t>(Below(static_cast<int>(recent_.size())))];
  Op op = known;
  const std::string name = op.marker.Text();
  auto* import = std::get_if<Import>(&op.body);
  auto* submit = std::get_if<api::SubmitResponseRequest>(&op.body);
  const bool other_body = import == nullptr && Chance(40);
  const bool by_key = submit != nullptr && submit->response().has_external_key() && Chance(50);
  if (by_key) {
    NextMarker();
    submit->set_request_id(RequestId());
  }
  if (other_body) std::visit(SaySomethingElse{}, op.body);
  const Answer answer = Call(op, other_body ? "other-body" : by_key ? "same-key" : "repeat");
  if (!GoesOn(answer)) return false;
  if (answer.reason == "QUEUE_FULL") return true;
  ++world_.counts.replays;
  if (other_body) {
    const char* expected = by_key ? "RESPONSE_EXTERNAL_ID_REUSED" : "REQUEST_ID_REUSED";
    if (answer.reason != expected || answer.code != grpc::StatusCode::ALREADY_EXISTS) {
      world_.Violate("I-4", fmt::format("{} with another body answered {} {}, not {}", name,
                                        cli::CodeName(answer.code), answer.reason, expected));
    }
  } else if (import != nullptr) {
    if (answer.fate != Fate::kAcked || answer.accepted != 0) {
      world_.Violate("I-4",
                     fmt::format("{}: import again answered {} {} with {} new rows", name,
                                 cli::CodeName(answer.code), answer.reason, answer.accepted));
    }
  } else if (answer.fate != Fate::kAcked || !answer.replayed || answer.resource != known.resource) {
    world_.Violate(
        "I-4", fmt::format("{} ({}) repeated answered {} {} {}{}, not {} replayed", name,
                           Name(VerbOf(op.body)), cli::CodeName(answer.code), answer.reason,
                           answer.resource, answer.replayed ? " replayed" : "", known.resource));
  }
  return true;
}

// A read after an OK sees it.
bool Client::Read() {
  const Sender sender{channel_, token_};
  Answer answer;
  std::string what;
  ++world_.counts.reads;
  if (Chance(50) && !recent_.empty() &&
      std::holds_alternative<api::SubmitResponseRequest>(recent_.back().body)) {
    api::GetResponseRequest request;
    request.set_response_id(recent_.back().resource);
    what = "response " + request.response_id();
    answer = sender.Unary(&api::ResponseService::Stub::GetResponse, request);
    if (answer.fate == Fate::kAcked && answer.resource != recent_.back().resource) {
      world_.Violate("I-1", what + ": another one came back: " + answer.resource);
    }
  } else if (Chance(80)) {
    HotCase& hot = *world_.hot[static_cast<size_t>(Below(static_cast<int>(world_.hot.size())))];
    api::GetCaseRequest request;
    int32_t known = 0;
    {
      std::lock_guard lock(hot.mutex);
      request.set_case_id(hot.case_id);
      known = hot.version;
    }
    if (request.case_id().empty()) return true;
    what = "case " + request.case_id();
    answer = sender.Unary(&api::CaseService::Stub::GetCase, request);
    if (answer.fate == Fate::kAcked && answer.version < known) {
      world_.Violate("I-1", fmt::format("{} is at version {}, but {} was acknowledged", what,
                                        answer.version, known));
    }
  } else {
    api::ListCasesRequest request;
    request.set_filter(fmt::format("program = \"{}\"", kPlain));
    request.set_page_size(20);
    what = "a page of cases";
    answer = sender.Unary(&api::CaseService::Stub::ListCases, request);
  }
  ++world_.counts.calls;
  if (answer.fate == Fate::kRefused && answer.reason != "SHUTTING_DOWN" &&
      answer.reason != "QUEUE_FULL") {
    world_.Violate("I-1",
                   fmt::format("reading {} answered {}: {}", what, answer.reason, answer.message));
  }
  return GoesOn(answer);
}

// ------------------------------------------------------------------------------------- new ones

std::string Client::RequestId() const { return fmt::format("r{}-{}", round_, number_); }

Client::Op Client::NewOp() {
  const int kind = Below(100);
  std::optional<Op> op;
  if (kind < 3) return NewImport();
  if (kind < 38) op = NewCaseVerb();
  if (kind >= 38 && kind < 41) op = NewConsent();
  return op ? *std::move(op) : NewSubmit();
}

void Client::FillAnswer(api::Response* response, const Marker& marker) {
  const int kind = Below(100);
  const int score = kind < 40 ? Below(7) : kind < 65 ? 7 + Below(2) : 9 + Below(2);
  response->set_score(score);
  response->set_order_reference(marker.Text());
  response->set_reason("chaos");
}

Client::Op Client::NewSubmit() {
  Op op{NextMarker(), api::SubmitResponseRequest{}, {}};
  auto& request = std::get<api::SubmitResponseRequest>(op.body);
  request.set_request_id(RequestId());
  api::Response* response = request.mutable_response();
  FillAnswer(response, op.marker);
  response->set_program_id(Chance(55) ? kPlain : kReopening);
  const int who = Below(100);
  std::string customer;
  if (who < 20) {
    const HotCase& hot =
        *world_.hot[static_cast<size_t>(Below(static_cast<int>(world_.hot.size())))];
    response->set_program_id(hot.program);
    customer = hot.customer_key;
  } else if (who < 65) {
    customer = fmt::format("returning-{}", Below(world_.customers));
  } else if (who < 95 || response->program_id() != kPlain) {
    customer = "new-" + op.marker.Text();
  }
  if (!customer.empty()) {
    response->mutable_customer_key()->set_source_system("crm");
    response->mutable_customer_key()->set_external_id(customer);
  }
  if (Chance(60)) {
    response->mutable_external_key()->set_source_system("rig");
    response->mutable_external_key()->set_external_id(op.marker.Text());
  }
  return op;
}

Client::Op Client::NewImport() {
  Op op{NextMarker(), Import{}, {}};
  auto& import = std::get<Import>(op.body);
  const bool history = Chance(50);
  import.header.set_request_id(RequestId());
  import.header.set_program_id(history ? kHistory : kPlain);
  import.header.set_history(history);
  const int rows = 3 + Below(15);
  for (int i = 1; i <= rows; ++i) {
    api::ImportRow* row = import.rows.add_rows();
    row->set_row(i);
    api::Response* response = row->mutable_response();
    const Marker marker = NextMarker();
    FillAnswer(response, marker);
    response->set_program_id(import.header.program_id());
    response->mutable_external_key()->set_source_system("rig");
    response->mutable_external_key()->set_external_id(marker.Text());
    response->mutable_customer_key()->set_source_system("crm");
    response->mutable_customer_key()->set_external_id(
        history ? fmt::format("past-{}", Below(world_.customers))
                : fmt::format("returning-{}", Below(world_.customers)));
    if (history) {
      response->mutable_occur_time()->set_seconds(
          kYear2010 + static_cast<int64_t>(random_() % static_cast<uint64_t>(kTenYears)));
      response->mutable_occur_time()->set_nanos(Below(1000) * 1'000'000);
    }
  }
  if (Chance(20)) {
    import.bad_row = 1 + Below(rows);
    import.rows.mutable_rows(static_cast<int>(import.bad_row) - 1)
        ->mutable_response()
        ->set_score(11);
  }
  return op;
}

std::optional<Client::Op> Client::NewCaseVerb() {
  HotCase& hot = *world_.hot[static_cast<size_t>(Below(static_cast<int>(world_.hot.size())))];
  std::string case_id, status, etag;
  {
    std::lock_guard lock(hot.mutex);
    case_id = hot.case_id;
    status = hot.status;
    if (hot.version > 0) etag = EtagOf(hot.version);
  }
  if (case_id.empty()) return std::nullopt;
  Op op{NextMarker(), api::ClaimNextCaseRequest{}, {}};
  const std::string note = op.marker.Text();
  const auto begin = [&](auto request) {
    request.set_request_id(RequestId());
    request.set_case_id(case_id);
    if (Chance(40)) request.set_etag(etag);
    return request;
  };
  // Mostly what the last known status accepts, sometimes anything.
  int kind = Below(100);
  if (!Chance(15)) {
    const bool done = status == "resolved" || status == "resurvey_due" || status == "resurveyed";
    if (done) kind = Chance(40) ? 8 + Below(54) : 70 + Below(30);
    if (status == "closed") kind = 90 + Below(10);
  }
  if (kind < 8) {
    api::ClaimNextCaseRequest request;
    request.set_request_id(RequestId());
    request.set_queue_id(Chance(50) ? kPlain : kReopening);
    op.body = std::move(request);
  } else if (kind < 25) {
    auto request = begin(api::LogAttemptRequest{});
    request.mutable_attempt()->set_channel(api::CHANNEL_PHONE);
    request.mutable_attempt()->set_direction(Chance(30) ? api::DIRECTION_INBOUND
                                                        : api::DIRECTION_OUTBOUND);
    request.mutable_attempt()->set_outcome(Chance(50) ? api::ATTEMPT_OUTCOME_REACHED
                                                      : api::ATTEMPT_OUTCOME_NO_ANSWER);
    request.mutable_attempt()->set_note(note);
    op.body = std::move(request);
  } else if (kind < 35) {
    auto request = begin(api::MakeCommitmentRequest{});
    request.mutable_commitment()->set_promise(note);
    request.mutable_commitment()->mutable_due_time()->set_seconds(
        std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::system_clock::now().time_since_epoch())
            .count() +
        86'400);
    op.body = std::move(request);
  } else if (kind < 48) {
    static constexpr api::RemedyState kStates[] = {
        api::REMEDY_STATE_PROPOSED, api::REMEDY_STATE_OFFERED, api::REMEDY_STATE_ACCEPTED,
        api::REMEDY_STATE_DELIVERED};
    auto request = begin(api::RemedyCaseRequest{});
    request.mutable_remedy()->set_type_id("statutory-refund");  // no limit stands in the way
    request.mutable_remedy()->mutable_amount()->set_amount_minor(1'000 + Below(9'000));
    request.mutable_remedy()->mutable_amount()->set_currency_code("CNY");
    request.mutable_remedy()->set_state(kStates[Below(4)]);
    request.mutable_remedy()->set_note(note);
    op.body = std::move(request);
  } else if (kind < 62 || (kind >= 70 && kind < 76)) {
    auto request = begin(api::AssignCaseRequest{});
    request.set_owner(note);
    op.body = std::move(request);
  } else if (kind < 70) {
    auto request = begin(api::ResolveCaseRequest{});
    request.set_handling_result(api::HANDLING_RESULT_RESOLVED);
    request.set_root_cause("billing");
    request.set_action_taken(note);
    op.body = std::move(request);
  } else if (kind < 90 && !etag.empty()) {
    auto request = begin(api::CloseCaseRequest{});
    request.set_etag(etag);
    request.set_note(note);
    op.body = std::move(request);
  } else {
    auto request = begin(api::ReopenCaseRequest{});
    request.set_note(note);
    op.body = std::move(request);
  }
  return op;
}

std::optional<Client::Op> Client::NewConsent() {
  HotCase& hot = *world_.hot[static_cast<size_t>(Below(static_cast<int>(world_.hot.size())))];
  api::SetCustomerConsentRequest request;
  {
    std::lock_guard lock(hot.mutex);
    request.set_customer_id(hot.customer_id);
  }
  if (request.customer_id().empty()) return std::nullopt;
  Op op{NextMarker(), api::SetCustomerConsentRequest{}, {}};
  request.set_request_id(RequestId());
  if (Chance(30)) {
    request.set_do_not_contact(Chance(20));
  } else {
    api::Consent* consent = request.add_consents();
    consent->set_channel(api::CHANNEL_PHONE);
    consent->set_purpose(Chance(50) ? api::CONSENT_PURPOSE_RECOVERY : api::CONSENT_PURPOSE_SURVEY);
    consent->set_granted(Chance(75));
    consent->set_source(op.marker.Text());
  }
  op.body = std::move(request);
  return op;
}

}  // namespace rebound::chaos
