// Many records as one file: read page by page, written as they are read.
#include "rebound/v1/export_service.pb.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "server/log.h"
#include "server/services/audit.h"
#include "server/services/convert.h"
#include "server/services/csv_table.h"
#include "server/services/event_hub.h"
#include "server/services/masking.h"
#include "server/services/services.h"
#include "server/services/stream.h"
#include "server/storage/codec.h"
#include "workflows/filter.h"

namespace rebound {
namespace {

constexpr int32_t kPageRows = 200;
constexpr int32_t kLookAtForPage = 10'000;    // events, for one page
constexpr size_t kExportPageBytes = 1 << 20;  // and it ends with the row that reaches this
constexpr size_t kChunkBytes = 1 << 18;       // of a message; JSON may write six bytes for one
constexpr size_t kExportThreads = 2;
constexpr size_t kExportQueue = 16;
constexpr size_t kReasonCharacters = 64;

// What no export fills in: each belongs to a call.
const std::set<std::string> kNoColumns = {"cursor", "reachability"};

// The length of the longest beginning of `text` of at most `most` bytes that ends between two
// characters. REQUIRES: UTF-8.
size_t WholeCharacters(const std::string& text, size_t most) {
  if (text.size() <= most) return text.size();
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return most;
}

// Writes records into messages. Each step is false once nobody listens any more.
class RecordWriter {
 public:
  RecordWriter(const Call& call, const api::ExportRecordsRequest& request,
               const google::protobuf::Descriptor* type, const Emit& emit)
      : call_(call),
        emit_(emit),
        csv_(request.format() == api::EXPORT_FORMAT_CSV),
        table_(type, kNoColumns) {
    if (!csv_) return;
    if (request.byte_order_mark()) waiting_ = "\xEF\xBB\xBF";
    waiting_ += table_.Header();
  }

  // `row` is left masked.
  bool Add(google::protobuf::Message& row) {
    if (!call_.sees_contact) MaskContact(row);
    if (csv_) {
      waiting_ += table_.Row(row);
    } else {
      std::string json;
      if (!google::protobuf::util::MessageToJsonString(row, &json).ok()) {
        throw std::runtime_error("a record has no JSON");
      }
      waiting_ += json + '\n';
    }
    ++rows_;
    while (waiting_.size() > kChunkBytes) {
      if (!Send(false)) return false;
    }
    return true;
  }

  bool Finish() { return Send(true); }
  int64_t rows() const { return rows_; }

 private:
  bool Send(bool complete) {
    const size_t size = WholeCharacters(waiting_, kChunkBytes);
    api::ExportRecordsResponse message;
    message.set_data(waiting_.substr(0, size));
    waiting_.erase(0, size);
    // Only the last record may be cut.
    message.set_row_count(waiting_.empty() ? rows_ : rows_ - 1);
    message.set_complete(complete);
    return emit_(message);
  }

  const Call& call_;
  const Emit& emit_;
  const bool csv_;
  const CsvTable table_;
  std::string waiting_;
  int64_t rows_ = 0;
};

// All pages of one kind. `read` reads the next one into the list, and says whether another follows.
template <typename Value>
Result<void> WritePages(const Call& call, RecordWriter& writer,
                        const std::function<bool(Reader&, std::vector<Value>*)>& read) {
  for (bool more = true; more;) {
    std::vector<Value> page;
    call.backend.store.Read([&](Reader& reader) { more = read(reader, &page); });
    for (Value& row : page) {
      if (!writer.Add(row)) return {};
    }
  }
  writer.Finish();
  return {};
}

// Fills the page with what was listed, until it is large enough; `passed` is told each row that is
// in it. Returns whether another page follows.
template <typename Row, typename Value>
bool FillPage(Reader& reader, std::vector<Row>& rows, std::vector<Value>* page,
              const std::function<void(const Row&, Value*)>& fill,
              const std::function<void(const Row&)>& passed) {
  size_t bytes = 0;
  for (Row& row : rows) {
    Hydrate(reader, row);
    fill(row, &page->emplace_back());
    passed(row);
    bytes += page->back().ByteSizeLong();
    if (bytes >= kExportPageBytes) return true;
  }
  return static_cast<int32_t>(rows.size()) == kPageRows;
}

Result<void> ExportCases(const Call& call, RecordWriter& writer, Predicate filter) {
  // By what never changes of a case, so that none moves past the page that is read.
  CaseQuery query{std::move(filter), {}, CaseOrder::kOpened, std::nullopt, kPageRows};
  return WritePages<api::Case>(call, writer, [&](Reader& reader, std::vector<api::Case>* page) {
    query.scope = call.identity.scope;
    std::vector<Case> cases = reader.ListCases(query);
    return FillPage<Case, api::Case>(
        reader, cases, page,
        [&](const Case& c, api::Case* out) {
          Fill(c, View::kFull, *call.RevisionOf(c.revision), call.backend.executor.Now(), out);
        },
        [&](const Case& c) {
          query.after = {ToMillis(c.opened_at), c.number};
        });
  });
}

Result<void> ExportResponses(const Call& call, RecordWriter& writer, Predicate filter) {
  ListQuery query{std::move(filter), {}, std::nullopt, kPageRows};
  return WritePages<api::Response>(
      call, writer, [&](Reader& reader, std::vector<api::Response>* page) {
        query.scope = call.identity.scope;
        std::vector<Response> responses = reader.ListResponses(query);
        return FillPage<Response, api::Response>(
            reader, responses, page,
            [](const Response& r, api::Response* out) { Fill(r, View::kFull, out); },
            [&](const Response& r) { query.before = IdCast<RawId>(r.id); });
      });
}

Result<void> ExportCustomers(const Call& call, RecordWriter& writer, Predicate filter) {
  ListQuery query{std::move(filter), {}, std::nullopt, kPageRows};
  return WritePages<api::Customer>(
      call, writer, [&](Reader& reader, std::vector<api::Customer>* page) {
        query.scope = call.identity.scope;
        std::vector<Customer> customers = reader.ListCustomers(query);
        return FillPage<Customer, api::Customer>(
            reader, customers, page,
            [](const Customer& c, api::Customer* out) { Fill(c, View::kFull, out); },
            [&](const Customer& c) { query.before = IdCast<RawId>(c.id); });
      });
}

Result<void> ExportEvents(const Call& call, RecordWriter& writer, const EventFilter& filter,
                          int64_t after, int64_t last) {
  return WritePages<api::Event>(call, writer, [&](Reader& reader, std::vector<api::Event>* page) {
    const bool sees_entries = SeesEntries(call.identity.role, call.revision->roles);
    LogQuery query{.after = after,
                   .wants =
                       [&](const LoggedEvent& logged) {
                         return logged.event.sequence <= last && filter.Matches(logged) &&
                                SeesEvent(call.identity.scope, sees_entries, logged);
                       },
                   .most = kPageRows,
                   .look_at = kLookAtForPage};
    if (filter.case_ids.size() == 1) query.case_id = *filter.case_ids.begin();
    LogPage read = reader.ReadLog(query);
    size_t bytes = 0;
    for (LoggedEvent& logged : read.events) {
      Hydrate(reader, logged.event);
      Fill(logged, &page->emplace_back());
      after = logged.event.sequence;
      bytes += page->back().ByteSizeLong();
      if (bytes >= kExportPageBytes) return true;
    }
    after = std::max(after, read.last.sequence);
    return !read.end && after < last;
  });
}

Result<void> CheckRequest(const api::ExportRecordsRequest& request) {
  Checks checks;
  checks.Enum<api::RecordKind>("kind", request.kind(), /*required=*/true);
  checks.Enum<api::ExportFormat>("format", request.format(), /*required=*/true);
  const bool events = request.kind() == api::RECORD_KIND_EVENTS;
  if (events && !request.filter().empty()) {
    checks.Add("filter", Reason::kIdInvalid,
               {{"value", request.filter().substr(0, 80)},
                {"expected", "nothing: events have their own"}});
  }
  if (!events && request.has_event_filter()) {
    checks.Add("event_filter", Reason::kIdInvalid,
               {{"value", "a filter"}, {"expected", "nothing: it is for events"}});
  }
  // A word, not a sentence: it goes to the audit, where no personal text may go.
  const std::string& reason = request.reason();
  if (reason.size() > kReasonCharacters || !IsPlain(reason, "._-")) {
    checks.Add(
        "reason", Reason::kIdInvalid,
        {{"value", reason.substr(0, 80)}, {"expected", "1-64 characters of [A-Za-z0-9._-]"}});
  }
  if (!checks.ok()) return std::move(checks).ToError();
  return {};
}

// What it is called in the audit and in the log.
std::string_view WordOf(api::RecordKind kind) {
  if (kind == api::RECORD_KIND_CASES) return "cases";
  if (kind == api::RECORD_KIND_RESPONSES) return "responses";
  return kind == api::RECORD_KIND_CUSTOMERS ? "customers" : "events";
}

Result<void> AuditExport(const Call& call, const api::ExportRecordsRequest& request) {
  std::string detail(WordOf(request.kind()));
  if (!request.reason().empty()) detail += " " + request.reason();
  return AuditRead(call, {}, std::move(detail));
}

Result<void> ExportLog(const Call& call, const api::ExportRecordsRequest& request,
                       const Emit& emit) {
  Result<EventFilter> filter = EventFilter{};
  int64_t first = 0, last = 0;
  const Retention retention = call.backend.events->RetentionAt(call.backend.executor.Now());
  call.backend.store.Read([&](Reader& reader) {
    filter = ToEventFilter(request.event_filter(), call.identity.scope, reader, "event_filter");
    first = reader.PositionBefore(*retention.given_out_since).sequence;
    last = reader.LastSequence();
  });
  if (!filter) return std::move(filter).error();
  if (auto audited = AuditExport(call, request); !audited) return audited;
  RecordWriter writer(call, request, api::Event::descriptor(), emit);
  return ExportEvents(call, writer, *filter, first, last);
}

Result<void> ExportRecords(const Call& call, const api::ExportRecordsRequest& request,
                           const Emit& emit) {
  if (auto good = CheckRequest(request); !good) return good;
  if (request.kind() == api::RECORD_KIND_EVENTS) return ExportLog(call, request, emit);
  const bool cases = request.kind() == api::RECORD_KIND_CASES;
  const bool responses = request.kind() == api::RECORD_KIND_RESPONSES;
  auto filter = ParseFilter(request.filter(), cases       ? Use::kCaseFilter
                                              : responses ? Use::kResponseFilter
                                                          : Use::kCustomerFilter);
  if (!filter) return std::move(filter).error();
  if (auto shown = CheckUnmasked(call.sees_contact, "filter", *filter); !shown) return shown;
  if (auto audited = AuditExport(call, request); !audited) return audited;
  RecordWriter writer(call, request,
                      cases       ? api::Case::descriptor()
                      : responses ? api::Response::descriptor()
                                  : api::Customer::descriptor(),
                      emit);
  if (cases) return ExportCases(call, writer, *std::move(filter));
  if (responses) return ExportResponses(call, writer, *std::move(filter));
  return ExportCustomers(call, writer, *std::move(filter));
}

}  // namespace

std::unique_ptr<ApiService> NewExportService(Backend& backend) {
  auto service = std::make_unique<ApiService>(
      backend, api::ExportRecordsRequest::descriptor()->file()->FindServiceByName("ExportService"));
  AddStream<api::ExportRecordsRequest>(service.get(), "ExportRecords",
                                       std::make_shared<ReadPool>(kExportThreads, kExportQueue),
                                       Lasts::kLong, ExportRecords);
  service->CheckComplete();
  return service;
}

}  // namespace rebound
