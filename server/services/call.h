// The one path that every call takes, in this order: call id, metrics, drain, deadline, limit of
// the address, identity, limit of the identity, permission, parse, run (scope is a predicate of
// every load), map errors, count, log.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/service_type.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/access/authenticator.h"
#include "server/access/networks.h"
#include "server/access/rate_limiter.h"
#include "server/access/settings.h"
#include "server/access/throttle.h"
#include "server/delivery/delivery_options.h"
#include "server/execute/execute.h"
#include "server/execute/revisions.h"
#include "server/metrics.h"
#include "server/services/page.h"
#include "server/storage/store.h"
#include "server/timers/timers.h"
#include "workflows/revision.h"

namespace rebound {

class AuditLog;
class EventHub;
class Timers;

// A few threads for reads that may take long (pages, reports), so that they hold no event thread.
// Bounded. Thread-safe.
class ReadPool {
 public:
  ReadPool(size_t threads, size_t capacity);
  ~ReadPool();  // finishes what is queued

  bool Run(std::function<void()> task);  // false: full
  size_t capacity() const { return capacity_; }

 private:
  void Loop();

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// What the services work with. Borrowed; outlives them.
struct Backend {
  Store& store;
  Clock& clock;
  Executor& executor;
  Authenticator& authenticator;
  CallMetrics& metrics;
  PageTokens& page_tokens;
  ReadPool& pool;
  RevisionBook& book;
  Timers& timers;
  AuditLog& audit;
  ReadPool& hashing;  // of passwords: each takes much memory, so few at once
  SignInThrottle& throttle;
  AccessSettings access{};
  std::function<std::shared_ptr<const Revision>()> revision;
  std::string version{};
  std::string zone_data{};  // version of the time zone data in use
  Timestamp started_at{};
  std::atomic<bool> draining{false};
  CallLimits* limits = nullptr;  // null: none
  EventHub* events = nullptr;    // set before anybody calls
  Networks trusted_proxies{};    // whose x-forwarded-for is believed
  DeliveryOptions delivery{};
  Transfers* transfers = nullptr;  // for pings; set before anybody calls
  // Endpoints or deliveries were changed by a call. Cheap; thread-safe.
  std::function<void()> deliveries_changed = [] {};
};

// What a call is about, for the audit.
struct AuditSubject {
  std::string type{};    // "case", "customer", "user", ...; empty: nothing, or many
  RawId id{};            // empty: not known
  std::string number{};  // "C-1042", where that is what is known of it; a user's name, also of
                         // whom a session or API key is
};

// One call that passed the door.
struct Call {
  Backend& backend;
  Identity identity{};
  std::string method{};    // "rebound.v1.CaseService/GetCase"
  std::string call_id{};   // in the trailing metadata "rebound-call-id" and in the log
  std::string language{};  // of LocalizedMessage
  Timestamp started_at{};
  Timestamp deadline{};
  std::shared_ptr<const Revision> revision{};
  std::string address{};         // PeerAddress
  mutable AuditSubject about{};  // of a change or an export, once its request is read
  bool sees_contact = false;     // contact data stands in clear in the answer (masking.h)

  // The revision with this number, or the one in force when there is none.
  std::shared_ptr<const Revision> RevisionOf(int64_t number) const;
  Caller ToCaller(std::string request_id, std::string_view body) const;
};

// Where a query runs: point reads inline, everything that may be long on the pool.
enum class Where { kInline, kPool };

// Whether the identity may call the method: its role, and of an API key what it was given.
// kUnauthenticated: the role of a key's user no longer includes the key's.
Result<void> MayCall(const Identity& identity, std::span<const RoleDef> roles,
                     std::string_view method);

// How long a call may take, whatever its caller says. Work that has not begun by then is not done;
// what runs looks at the deadline itself, where it may be long.
inline constexpr Duration kLongestCall = std::chrono::seconds{30};
// Until when a call may take that came at `started_at` and asked for `asked`.
Timestamp DeadlineOf(const gpr_timespec& asked, Timestamp started_at, Duration longest);
// Steps before the work: fills `call`, or says why not.
Result<void> Enter(Backend& backend, grpc::CallbackServerContext* context, std::string_view method,
                   Call* call, Duration longest = kLongestCall);
// Of a call that goes on: who it is now, and whether they still may. Fills `call` anew.
Result<void> Recheck(Backend& backend, grpc::CallbackServerContext* context, Call* call);
// Metadata that the gateway gives a call, "rebound-peer-address" and kPeerCertificate among them.
using CallEntries = std::vector<std::pair<std::string, std::string>>;
// Who sent it: what a trusted proxy says, where one forwards the call. Without the port.
std::string CallerAddress(const Backend& backend, const CallEntries& entries);

// Whether they hold a good credential. For what has to be known before there is a call: no limit
// counts it. Looks up a token, so it is quick.
bool IsIdentity(Backend& backend, const CallEntries& entries);

// What the door says to a call that comes through the gateway of this process, before its message
// is looked at: how far the checks of Enter went well, in its order. As the metadata kStamp it
// tells Enter which of them are done; in a call from outside it says nothing. Only kStampReads lets
// a message be read: Enter refuses the others, with kRateLimited if nothing else stands against
// them any more.
inline constexpr char kStamp[] = "rebound-admitted";
inline constexpr std::string_view kStampNone = "none";        // the address calls too often
inline constexpr std::string_view kStampAddress = "address";  // nobody, or one who calls too often
inline constexpr std::string_view kStampLimits = "limits";    // may not call this method
inline constexpr std::string_view kStampReads = "reads";
// Looks up a token, so it is quick. `method` is one of rebound.v1.
std::string_view Knock(Backend& backend, const CallEntries& entries, std::string_view method);

// For whom a service is that is not ours: health and reflection have no roles.
enum class Door { kStrangers, kIdentities };
// What such a call goes through: the limit of its address and, for identities, its token and their
// limit. OK, or how it ends; adds the trailing metadata of a refusal by a limit.
grpc::Status Admit(Backend& backend, grpc::CallbackServerContext* context, Door door);
// Of a page of the gateway's that shows what call->method shows: the same, and the permission to
// call that method. Fills address and identity of `call`; notes in the audit who was refused.
Result<void> AdmitPage(Backend& backend, const CallEntries& entries, Door door, Call* call);
// Steps after it: counts and logs, adds the call id.
grpc::Status Leave(grpc::CallbackServerContext* context, const Call& call,
                   const Result<void>& result);

// "1-64 characters of [A-Za-z0-9_-]".
Result<void> CheckRequestId(const std::string& request_id);

// The record that a request names, as far as it can be read: by case_id, entry_id, response_id or
// customer_id, whichever comes first.
AuditSubject SubjectOf(const google::protobuf::Message& request);

// How many entries all repeated fields of one message may have together, and how many messages and
// such entries a request may have in all. A request of 4 MiB could else ask for 1 GB of memory: two
// bytes are an empty message. Far above what any method takes.
inline constexpr int64_t kMostEntries = 20'000;
inline constexpr int64_t kMostEntriesInAll = 200'000;

// Parses without copying; kTooManyItems with the field's path, before anything is parsed;
// kInvalidUtf8 with it; kInternal for other damage.
Result<void> ParseRequest(const grpc::ByteBuffer& bytes, google::protobuf::Message* message);
// Canonical bytes for hashing.
std::string DeterministicBytes(const google::protobuf::Message& message);

// Where a page of a list begins: nullopt for the first page.
Result<std::optional<PageCursor>> OpenPage(const Call& call, const std::string& token,
                                           std::string_view identity);

// The bytes of an answer, in which contact data is masked for who does not see it. The only way an
// answer leaves: unary, streamed and of bidi calls. `message` is left masked. False: it cannot be
// serialised.
bool ToAnswer(const Call& call, google::protobuf::Message& message, grpc::ByteBuffer* bytes);

// One service of the API as a table of handlers; method names are checked against the descriptor.
class ApiService : public grpc::Service {
 public:
  ApiService(Backend& backend, const google::protobuf::ServiceDescriptor* descriptor);

  // Every method of the descriptor has a handler. CHECKed at start.
  void CheckComplete() const;

  // A mutation: `decide` validates and makes the command, `fill` writes the reply.
  template <typename Request, typename Response>
  void Mutation(const char* name,
                std::function<Result<Command>(const Call&, const Request&)> decide,
                std::function<void(const Call&, Outcome, Response*)> fill) {
    Add(name, [this, decide = std::move(decide),
               fill = std::move(fill)](std::shared_ptr<UnaryState> state) {
      auto request = std::make_shared<Request>();
      if (auto parsed = ParseRequest(*state->request, request.get()); !parsed) {
        return Finish(state, std::move(parsed));
      }
      state->call.about = SubjectOf(*request);
      if (auto id = CheckRequestId(request->request_id()); !id) return Finish(state, std::move(id));
      auto command = decide(state->call, *request);
      if (!command) return Finish(state, std::move(command).error());
      Work work;
      work.caller = state->call.ToCaller(request->request_id(), DeterministicBytes(*request));
      work.commands.push_back(*std::move(command));
      if constexpr (requires { request->validate_only(); }) work.dry_run = request->validate_only();
      work.done = [this, state, fill](std::vector<Result<Outcome>> results) {
        Result<Outcome>& result = results.front();
        if (!result) return Finish(state, std::move(result).error());
        Response response;
        fill(state->call, *std::move(result), &response);
        Reply(state, response);
      };
      backend_.executor.Submit(std::move(work));
    });
  }

  // A query: reads one snapshot.
  template <typename Request, typename Response>
  void Query(const char* name, Where where,
             std::function<Result<void>(const Call&, Reader&, const Request&, Response*)> read) {
    Add(name, [this, where, read = std::move(read)](std::shared_ptr<UnaryState> state) {
      auto run = [this, state, read] {
        Request request;
        if (auto parsed = ParseRequest(*state->request, &request); !parsed) {
          return Finish(state, std::move(parsed));
        }
        // It may have waited for the pool.
        if (state->call.deadline <= SystemClock().Now()) {
          return Finish(state, Error{Reason::kDeadlineExceeded});
        }
        Response response;
        Result<void> result;
        try {
          backend_.store.Read(
              [&](Reader& reader) { result = read(state->call, reader, request, &response); });
        } catch (const std::exception& e) {
          return Finish(state, Broken(state->call, e));
        }
        if (!result) return Finish(state, std::move(result));
        Reply(state, response);
      };
      if (where == Where::kInline) return run();
      if (!backend_.pool.Run(run)) {
        Finish(state, Error{Reason::kQueueFull, {{"capacity", "256"}}});
      }
    });
  }

  struct UnaryState {
    Call call;
    grpc::CallbackServerContext* context = nullptr;
    grpc::ServerUnaryReactor* reactor = nullptr;
    const grpc::ByteBuffer* request = nullptr;
    grpc::ByteBuffer* response = nullptr;
  };
  // The raw form, for methods that are neither.
  void Add(const char* name, std::function<void(std::shared_ptr<UnaryState>)> handle);
  using BidiFactory = std::function<grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*(
      grpc::CallbackServerContext*)>;
  void AddBidi(const char* name, BidiFactory factory);
  // Many messages for one request; see stream.h.
  using WriterFactory = std::function<grpc::ServerWriteReactor<grpc::ByteBuffer>*(
      grpc::CallbackServerContext*, const grpc::ByteBuffer*)>;
  void AddWriter(const char* name, WriterFactory factory);

  void Finish(const std::shared_ptr<UnaryState>& state, const Result<void>& result);
  void Reply(const std::shared_ptr<UnaryState>& state, google::protobuf::Message& response);

  // Logs what broke, and says what the caller is told of it.
  static Error Broken(const Call& call, const std::exception& e);

  Backend& backend() { return backend_; }
  std::string FullName(const char* method) const;

 private:
  int AddMethodNamed(const char* name, grpc::internal::RpcMethod::RpcType type);

  Backend& backend_;
  const google::protobuf::ServiceDescriptor* descriptor_;
  std::deque<std::string> names_;  // gRPC keeps pointers into it
};

}  // namespace rebound
