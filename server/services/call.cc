#include "server/services/call.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "server/access/policy.h"
#include "server/log.h"
#include "server/services/audit.h"
#include "server/services/masking.h"
#include "server/services/status.h"
#include "workflows/check.h"

namespace rebound {
namespace {

// Any key may ask what it may.
constexpr std::string_view kWhoAmI = "rebound.v1.AccessService/WhoAmI";

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80       ? 1
                          : byte >> 5 == 6  ? 2
                          : byte >> 4 == 14 ? 3
                          : byte >> 3 == 30 ? 4
                                            : 0;
    if (length == 0 || i + length > text.size()) return false;
    uint32_t code = length == 1 ? byte : byte & (0x7FU >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3FU);
    }
    constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length > 1 && code < kSmallest[length]) return false;
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

// The path of the first string field that is no UTF-8; empty when that is not what is wrong.
std::string FindBadUtf8(std::string_view bytes, const google::protobuf::Descriptor* type,
                        int depth) {
  using google::protobuf::FieldDescriptor;
  using google::protobuf::internal::WireFormatLite;
  if (depth > 32) return {};
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  std::map<int, int> seen;
  while (const uint32_t tag = in.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    const FieldDescriptor* field = type->FindFieldByNumber(number);
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED ||
        field == nullptr) {
      if (!WireFormatLite::SkipField(&in, tag)) return {};
      continue;
    }
    std::string value;
    uint32_t size = 0;
    if (!in.ReadVarint32(&size) || !in.ReadString(&value, static_cast<int>(size))) return {};
    std::string path = field->name();
    if (field->is_repeated()) path += "[" + std::to_string(seen[number]++) + "]";
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsValidUtf8(value)) return path;
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      const std::string inner = FindBadUtf8(value, field->message_type(), depth + 1);
      if (!inner.empty()) return path + "." + inner;
    }
  }
  return {};
}

// Counts what a message would be made of, by its bytes alone. What is damaged counts for nothing:
// the parser will say so.
class EntryCount {
 public:
  // The path of the field, its entries and the limit, where there are too many.
  struct Excess {
    std::string path{};
    int64_t count = 0, limit = 0;
  };

  std::optional<Excess> Check(const grpc::ByteBuffer& bytes,
                              const google::protobuf::Descriptor* type) {
    if (static_cast<int64_t>(bytes.Length()) <= 2 * kMostEntries) return {};
    grpc::ByteBuffer copy(bytes);  // shares the slices
    grpc::ProtoBufferReader reader(&copy);
    if (!reader.status().ok()) return {};
    google::protobuf::io::CodedInputStream in(&reader);
    Count(in, type, 0);
    return std::move(excess_);
  }

 private:
  using Wire = google::protobuf::internal::WireFormatLite;
  static constexpr int kDeepest = 100;  // as protobuf

  // False: enough is known.
  bool Count(google::protobuf::io::CodedInputStream& in, const google::protobuf::Descriptor* type,
             int depth) {
    using google::protobuf::FieldDescriptor;
    std::map<int, int64_t> seen;
    int64_t entries = 0;
    int groups = 0;  // open ones, which are no fields of ours, nor is what is in them
    while (const uint32_t tag = in.ReadTag()) {
      const int number = Wire::GetTagFieldNumber(tag);
      const auto wire = Wire::GetTagWireType(tag);
      const FieldDescriptor* field = groups == 0 ? type->FindFieldByNumber(number) : nullptr;
      if (wire == Wire::WIRETYPE_END_GROUP) {
        if (--groups < 0) return false;
        continue;
      }
      const bool is_message = field != nullptr && wire == Wire::WIRETYPE_LENGTH_DELIMITED &&
                              field->type() == FieldDescriptor::TYPE_MESSAGE;
      if (field == nullptr || field->is_repeated()) {
        ++entries;
        ++seen[number];
      }
      if (field == nullptr || field->is_repeated() || is_message) ++in_all_;
      if (entries > kMostEntries || in_all_ > kMostEntriesInAll) {
        const bool here = entries > kMostEntries;
        excess_ = Excess{field == nullptr ? std::to_string(number) : field->name(),
                         here ? entries : in_all_, here ? kMostEntries : kMostEntriesInAll};
        return false;
      }
      if (wire == Wire::WIRETYPE_START_GROUP) {
        ++groups;
      } else if (!is_message) {
        if (!Wire::SkipField(&in, tag)) return false;
      } else if (!Enter(in, field, seen[number] - 1, depth)) {
        return false;
      }
    }
    return true;
  }

  bool Enter(google::protobuf::io::CodedInputStream& in,
             const google::protobuf::FieldDescriptor* field, int64_t index, int depth) {
    uint32_t size = 0;
    if (depth >= kDeepest || !in.ReadVarint32(&size) || size > kLargest) return false;
    const auto limit = in.PushLimit(static_cast<int>(size));
    const bool goes_on = Count(in, field->message_type(), depth + 1);
    in.PopLimit(limit);
    if (goes_on || !excess_) return goes_on;
    const std::string at = field->is_repeated() ? "[" + std::to_string(index) + "]" : "";
    excess_->path = field->name() + at + "." + excess_->path;
    return false;
  }
  static constexpr uint32_t kLargest = 1U << 30;

  int64_t in_all_ = 0;
  std::optional<Excess> excess_;
};

std::string Flatten(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string flat;
  if (!bytes.Dump(&slices).ok()) return flat;
  for (const grpc::Slice& slice : slices) {
    flat.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return flat;
}

// Without the port; what a trusted proxy says, where one forwards the call.
std::string CallerAddress(const Backend& backend, const grpc::CallbackServerContext& context) {
  std::string address = PeerAddress(context);
  if (!backend.trusted_proxies.Contains(address)) return address;
  std::string forwarded;
  const auto [first, last] = context.client_metadata().equal_range("x-forwarded-for");
  for (auto it = first; it != last; ++it) {
    if (it != first) forwarded += ',';
    forwarded.append(it->second.data(), it->second.size());
  }
  return ForwardedAddress(backend.trusted_proxies, address, forwarded);
}

// Of a call that the gateway admitted; empty: of no such call.
std::string_view StampOf(const grpc::CallbackServerContext& context) {
  const auto stamp = context.client_metadata().find(kStamp);
  if (stamp == context.client_metadata().end() || !IsWithinProcess(context)) return {};
  return {stamp->second.data(), stamp->second.size()};
}

// By what the limit of addresses knows a caller; empty: it does not hold for them.
std::string LimitedBy(const Backend& backend, std::string_view address) {
  return backend.limits == nullptr ? std::string() : backend.limits->CountedBy(address);
}

// For a token that is nobody's; a store that cannot say is not the caller's fault.
void ChargeStranger(const Backend& backend, const std::string& limited, const Error& error) {
  if (limited.empty() || error.reason != Reason::kUnauthenticated) return;
  backend.limits->address.Charge(limited, kFailedTokenCost);
}

void AddPushback(grpc::CallbackServerContext* context, const Error& error) {
  if (error.reason != Reason::kRateLimited) return;
  context->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(RetryDelay(error).count()));
}

Result<void> CheckLimit(RateLimiter& limiter, const char* limit, std::string_view key,
                        int64_t cost) {
  const auto wait = limiter.Take(key, cost);
  if (!wait) return {};
  return Error{Reason::kRateLimited,
               {{"limit", limit}, {"retry_ms", std::to_string(wait->count())}}};
}

// Of a call under TLS, which has verified it; of one through the gateway, what the gateway says.
std::optional<PeerCertificate> CertificateOf(const grpc::CallbackServerContext& context) {
  if (IsWithinProcess(context)) {
    const auto said = context.client_metadata().find(kPeerCertificate);
    if (said == context.client_metadata().end()) return std::nullopt;
    return FromMetadata({said->second.data(), said->second.size()});
  }
  const auto shown = context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (shown.size() != 1) return std::nullopt;
  return ReadCertificate(std::string_view(shown.front().data(), shown.front().size()));
}

// Whoever sends a credential is who that says, or nobody: a certificate then counts for nothing.
Result<Identity> WhoCalls(Backend& backend, const grpc::CallbackServerContext& context) {
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  std::string_view header;
  size_t count = 0;
  for (auto it = first; it != last; ++it, ++count) {
    header = {it->second.data(), it->second.size()};
  }
  if (count == 0) {
    if (const auto certificate = CertificateOf(context)) {
      return backend.authenticator.AuthenticateCertificate(*certificate);
    }
  }
  return backend.authenticator.Authenticate(header, count);
}

Result<Identity> WhoCalls(Backend& backend, const CallEntries& entries) {
  std::string_view header;
  size_t count = 0;
  std::optional<PeerCertificate> certificate;
  for (const auto& [name, value] : entries) {
    if (name == kPeerCertificate) certificate = FromMetadata(value);
    if (name != "authorization") continue;
    header = value;
    ++count;
  }
  if (count == 0 && certificate) {
    return backend.authenticator.AuthenticateCertificate(*certificate);
  }
  return backend.authenticator.Authenticate(header, count);
}

// The limits of what is no method of the API's, and who calls. Fills the identity.
Result<void> PassDoor(Backend& backend, const std::string& address, Door door, int64_t cost,
                      const std::function<Result<Identity>()>& who, Call* call) {
  const std::string limited = LimitedBy(backend, address);
  if (!limited.empty()) {
    if (auto free = CheckLimit(backend.limits->address, "address", limited, 1); !free) return free;
  }
  if (door == Door::kStrangers) return {};
  auto identity = who();
  if (!identity) {
    ChargeStranger(backend, limited, identity.error());
    return std::move(identity).error();
  }
  call->identity = *std::move(identity);
  if (backend.limits == nullptr) return {};
  return CheckLimit(backend.limits->identity, "identity", call->identity.name, cost);
}

std::string NewCallId(Timestamp now) {
  static std::atomic<uint64_t> counter{0};
  return ToString(RawId{IdSource(now, 0, counter.fetch_add(1)).Next<RawId>().bytes});
}

}  // namespace

ReadPool::ReadPool(size_t threads, size_t capacity) : capacity_(capacity) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

ReadPool::~ReadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool ReadPool::Run(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (tasks_.size() >= capacity_ || stopping_) return false;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

void ReadPool::Loop() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return !tasks_.empty() || stopping_; });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

Caller Call::ToCaller(std::string request_id, std::string_view body) const {
  return {identity.name,         identity.role,  identity.scope, method,
          std::move(request_id), BodyHash(body), deadline,       address};
}

std::shared_ptr<const Revision> Call::RevisionOf(int64_t number) const {
  if (number == revision->number) return revision;
  auto found = backend.book.Get(number);
  return found ? found : revision;
}

Result<void> MayCall(const Identity& identity, std::span<const RoleDef> roles,
                     std::string_view method) {
  const std::string_view base = BaseOf(identity.role, roles);
  const bool is_key = identity.kind == CredentialKind::kApiKey;
  if (is_key && !Includes(BaseOf(identity.user_role, roles), base)) {
    return Error{Reason::kUnauthenticated};
  }
  if (!Allowed(base, method)) {
    return Error{Reason::kRoleNotAllowed,
                 {{"role", identity.role}, {"method", std::string(method)}}};
  }
  const std::vector<std::string>& only = identity.methods;
  if (is_key &&
      (!OpenToKeys(method) || (!only.empty() && method != kWhoAmI &&
                               std::find(only.begin(), only.end(), method) == only.end()))) {
    return Error{Reason::kMethodNotGranted,
                 {{"key", identity.key_prefix}, {"method", std::string(method)}}};
  }
  return {};
}

Timestamp DeadlineOf(const gpr_timespec& asked, Timestamp started_at, Duration longest) {
  const gpr_timespec real = gpr_convert_clock_type(asked, GPR_CLOCK_REALTIME);
  const Timestamp latest = started_at + longest;
  const std::chrono::seconds last{real.tv_sec};
  if (last > std::chrono::ceil<std::chrono::seconds>(latest.time_since_epoch())) return latest;
  return std::min(
      latest,
      Timestamp{last + std::chrono::floor<Duration>(std::chrono::nanoseconds{real.tv_nsec})});
}

Result<void> Enter(Backend& backend, grpc::CallbackServerContext* context, std::string_view method,
                   Call* call, Duration longest) {
  SystemClock clock;
  call->method = method;
  call->started_at = clock.Now();
  call->call_id = NewCallId(call->started_at);
  call->language = kDefaultLanguage;
  const auto& metadata = context->client_metadata();
  call->address = CallerAddress(backend, *context);
  const auto language = metadata.find("accept-language");
  if (language != metadata.end()) {
    call->language.assign(language->second.data(), language->second.size());
  }
  if (backend.draining) return Error{Reason::kShuttingDown};
  // Not deadline(): its nanoseconds overflow after 292 years, and clients may ask for 11,000.
  call->deadline = DeadlineOf(context->raw_deadline(), call->started_at, longest);
  if (call->deadline <= call->started_at) return Error{Reason::kDeadlineExceeded};

  const std::string_view stamp = StampOf(*context);
  // Whatever stood against it when its message was not read may be over by now.
  const bool unread = !stamp.empty() && stamp != kStampReads;
  const auto too_early = [&](const char* limit) {
    return Error{Reason::kRateLimited, {{"limit", limit}, {"retry_ms", "1"}}};
  };
  const std::string limited = LimitedBy(backend, call->address);
  if (!limited.empty() && (stamp.empty() || stamp == kStampNone)) {
    if (auto free = CheckLimit(backend.limits->address, "address", limited, 1); !free) return free;
  }
  if (OpenToStrangers(method)) {
    call->revision = backend.book.current();
    if (unread) return too_early("address");
    return {};
  }
  auto known = Recheck(backend, context, call);
  if (call->identity.name.empty()) {
    ChargeStranger(backend, limited, known.error());
    return known;
  }
  if (backend.limits != nullptr && stamp != kStampLimits && stamp != kStampReads) {
    auto free =
        CheckLimit(backend.limits->identity, "identity", call->identity.name, CostOf(method));
    if (!free) return free;
  }
  if (known && unread) return too_early("identity");
  if (language == metadata.end() && !call->identity.language.empty()) {
    call->language = call->identity.language;
  }
  return known;
}

std::string CallerAddress(const Backend& backend, const CallEntries& entries) {
  std::string peer, forwarded;
  for (const auto& [name, value] : entries) {
    if (name == "rebound-peer-address") peer = AddressOrNone(value);
    if (name == "x-forwarded-for") (forwarded += forwarded.empty() ? "" : ",") += value;
  }
  if (!backend.trusted_proxies.Contains(peer)) return peer;
  return ForwardedAddress(backend.trusted_proxies, peer, forwarded);
}

bool IsIdentity(Backend& backend, const CallEntries& entries) {
  return WhoCalls(backend, entries).has_value();
}

std::string_view Knock(Backend& backend, const CallEntries& entries, std::string_view method) {
  // Not counted as refused: Enter does that.
  const std::string limited = LimitedBy(backend, CallerAddress(backend, entries));
  if (!limited.empty() && !backend.limits->address.TryTake(limited, 1)) return kStampNone;
  if (OpenToStrangers(method)) return kStampReads;
  const auto identity = WhoCalls(backend, entries);
  if (!identity) return kStampAddress;
  if (backend.limits != nullptr &&
      !backend.limits->identity.TryTake(identity->name, CostOf(method))) {
    return kStampAddress;
  }
  const auto may = MayCall(*identity, backend.book.current()->roles, method);
  return may ? kStampReads : kStampLimits;
}

grpc::Status Admit(Backend& backend, grpc::CallbackServerContext* context, Door door) {
  // Of its method only the costs matter, and they are 1.
  Call call{backend};
  const Result<void> result = PassDoor(
      backend, CallerAddress(backend, *context), door, 1,
      [&] { return WhoCalls(backend, *context); }, &call);
  if (result) return grpc::Status::OK;
  AddPushback(context, result.error());
  return ToStatus(result.error());
}

Result<void> AdmitPage(Backend& backend, const CallEntries& entries, Door door, Call* call) {
  call->address = CallerAddress(backend, entries);
  auto passed = PassDoor(
      backend, call->address, door, CostOf(call->method),
      [&] { return WhoCalls(backend, entries); }, call);
  if (passed && door == Door::kIdentities) {
    passed = MayCall(call->identity, backend.book.current()->roles, call->method);
  }
  AuditEnd(*call, passed);
  return passed;
}

Result<void> Recheck(Backend& backend, grpc::CallbackServerContext* context, Call* call) {
  auto identity = WhoCalls(backend, *context);
  if (!identity) return std::move(identity).error();
  call->identity = *std::move(identity);
  call->revision = backend.book.current();
  call->sees_contact = SeesContact(call->identity.role, call->revision->roles, call->method);
  return MayCall(call->identity, call->revision->roles, call->method);
}

grpc::Status Leave(grpc::CallbackServerContext* context, const Call& call,
                   const Result<void>& result) {
  grpc::Status status;
  AuditEnd(call, result);
  if (!result) {
    Error error = result.error();
    if (error.reason == Reason::kInternal) error.metadata["call_id"] = call.call_id;
    status = ToStatus(error, call.language);
    context->AddTrailingMetadata("rebound-call-id", call.call_id);
    AddPushback(context, error);
  }
  const Duration elapsed = SystemClock().Now() - call.started_at;
  call.backend.metrics.Count(call.method, status.error_code(), elapsed);
  Log(status.ok() ? Level::kDebug : Level::kInfo, "call",
      {{"rpc", call.method},
       {"code", Name(status.error_code())},
       {"reason", result ? std::string_view() : Name(result.error().reason)},
       {"ms", elapsed.count()},
       {"actor", call.identity.name},
       {"call_id", call.call_id}});
  return status;
}

Result<void> CheckRequestId(const std::string& request_id) {
  const bool well_formed = !request_id.empty() && request_id.size() <= 64 &&
                           std::all_of(request_id.begin(), request_id.end(), [](char c) {
                             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                    (c >= '0' && c <= '9') || c == '_' || c == '-';
                           });
  if (well_formed) return {};
  return FieldError("request_id", Reason::kRequestIdInvalid, {{"value", request_id.substr(0, 80)}});
}

Result<void> ParseRequest(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) {
  if (const auto excess = EntryCount().Check(bytes, message->GetDescriptor())) {
    return FieldError(
        excess->path, Reason::kTooManyItems,
        {{"value", std::to_string(excess->count)}, {"expected", std::to_string(excess->limit)}});
  }
  grpc::ByteBuffer copy(bytes);  // shares the slices
  grpc::ProtoBufferReader reader(&copy);
  if (reader.status().ok() && message->ParseFromZeroCopyStream(&reader)) return {};
  const std::string path = FindBadUtf8(Flatten(bytes), message->GetDescriptor(), 0);
  if (!path.empty()) return FieldError(path, Reason::kInvalidUtf8);
  return Error{Reason::kInternal};
}

std::string DeterministicBytes(const google::protobuf::Message& message) {
  std::string bytes;
  bytes.reserve(message.ByteSizeLong());
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

Result<std::optional<PageCursor>> OpenPage(const Call& call, const std::string& token,
                                           std::string_view identity) {
  if (token.empty()) return std::optional<PageCursor>();
  auto cursor = call.backend.page_tokens.Open(token, identity, call.started_at);
  if (!cursor) return std::move(cursor).error();
  return std::optional<PageCursor>(*cursor);
}

bool ToAnswer(const Call& call, google::protobuf::Message& message, grpc::ByteBuffer* bytes) {
  if (!call.sees_contact) MaskContact(message);
  bool own = false;
  return grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(message, bytes,
                                                                                    &own)
      .ok();
}

ApiService::ApiService(Backend& backend, const google::protobuf::ServiceDescriptor* descriptor)
    : backend_(backend), descriptor_(descriptor) {}

std::string ApiService::FullName(const char* method) const {
  return descriptor_->full_name() + "/" + method;
}

int ApiService::AddMethodNamed(const char* name, grpc::internal::RpcMethod::RpcType type) {
  CHECK(descriptor_->FindMethodByName(name) != nullptr);
  names_.push_back("/" + FullName(name));
  AddMethod(new grpc::internal::RpcServiceMethod(names_.back().c_str(), type, nullptr));
  return static_cast<int>(names_.size()) - 1;
}

void ApiService::CheckComplete() const {
  CHECK(static_cast<int>(names_.size()) == descriptor_->method_count());
}

void ApiService::Add(const char* name, std::function<void(std::shared_ptr<UnaryState>)> handle) {
  const int index = AddMethodNamed(name, grpc::internal::RpcMethod::NORMAL_RPC);
  auto respond = [this, method = FullName(name), handle = std::move(handle)](
                     grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                     grpc::ByteBuffer* response) -> grpc::ServerUnaryReactor* {
    auto state = std::make_shared<UnaryState>(
        UnaryState{Call{backend_}, context, context->DefaultReactor(), request, response});
    grpc::ServerUnaryReactor* reactor = state->reactor;
    if (auto entered = Enter(backend_, context, method, &state->call); !entered) {
      Finish(state, entered);
      return reactor;
    }
    try {
      handle(state);
    } catch (const std::exception& e) {
      Finish(state, Broken(state->call, e));
    }
    return reactor;
  };
  MarkMethodRawCallback(
      index, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                 std::move(respond)));
}

void ApiService::AddBidi(const char* name, BidiFactory factory) {
  const int index = AddMethodNamed(name, grpc::internal::RpcMethod::BIDI_STREAMING);
  MarkMethodRawCallback(index,
                        new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                            std::move(factory)));
}

void ApiService::AddWriter(const char* name, WriterFactory factory) {
  const int index = AddMethodNamed(name, grpc::internal::RpcMethod::SERVER_STREAMING);
  MarkMethodRawCallback(
      index, new grpc::internal::CallbackServerStreamingHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                 std::move(factory)));
}

void ApiService::Finish(const std::shared_ptr<UnaryState>& state, const Result<void>& result) {
  const grpc::Status status = Leave(state->context, state->call, result);
  state->reactor->Finish(status);
}

void ApiService::Reply(const std::shared_ptr<UnaryState>& state,
                       google::protobuf::Message& response) {
  const bool serialized = ToAnswer(state->call, response, state->response);
  Finish(state, serialized ? Result<void>() : Result<void>(Error{Reason::kInternal}));
}

Error ApiService::Broken(const Call& call, const std::exception& e) {
  Log(Level::kError, "call failed",
      {{"rpc", call.method}, {"call_id", call.call_id}, {"what", e.what()}});
  const bool store = dynamic_cast<const StoreFailure*>(&e) != nullptr;
  return Error{store ? Reason::kStoreUnavailable : Reason::kInternal};
}

}  // namespace rebound
