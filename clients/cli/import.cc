#include "clients/cli/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "clients/cli/commands.h"
#include "clients/cli/import_complaints.h"
#include "clients/cli/import_customers.h"
#include "clients/cli/import_file.h"
#include "clients/cli/options.h"
#include "rebound/v1/response_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using Stream = grpc::ClientReaderWriter<v1::ImportResponsesRequest, v1::ImportResponsesResponse>;

constexpr std::chrono::milliseconds kInterruptCheck{100};

// Rows on their way to the server, and those of the same stretch of the file that are not sent.
struct Batch {
  v1::ImportResponsesRequest request{};
  size_t bytes = 0;  // of the message, or of the rows as they wait in memory if that is more
  std::vector<Reject> rejects{};
  int64_t rejected = 0;  // rows; one may have several rejects
  int64_t last_row = 0;

  int size() const { return request.rows().rows_size() + static_cast<int>(rejected); }
};

// The answers as a thread of its own reads them, handed to the importing thread.
class Answers {
 public:
  void Add(v1::ImportResponsesResponse answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
    changed_.notify_one();
  }

  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }

  // The next answer, waiting at most so long; nothing if there was none.
  std::optional<v1::ImportResponsesResponse> Take(std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return !answers_.empty() || ended_; });
    if (answers_.empty()) return std::nullopt;
    v1::ImportResponsesResponse answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

  // No answer is left and none will come.
  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_ && answers_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::ImportResponsesResponse> answers_;
  bool ended_ = false;
};

class Import {
 public:
  Import(Session& session, const ImportOptions& options)
      : session_(session), options_(options), file_(session, options, MappingOf::kResponses) {}

  int Run();

 private:
  void SendHeader();
  void SendRows();
  void AddRow(const CsvRow& row);
  void Flush();
  void AwaitRoom();
  void TakeAnswer(std::chrono::milliseconds wait);
  void Settle(const v1::ImportResponsesResponse* answer);
  bool Stopped() const { return broken_ || file_.stopped(); }

  Session& session_;
  const ImportOptions& options_;
  ImportFile file_;
  std::unique_ptr<v1::ResponseService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
  Answers answers_;
  Batch batch_;                  // being filled
  std::deque<Batch> in_flight_;  // oldest first
  size_t unanswered_ = 0;        // of in_flight_, those that were sent
  bool broken_ = false;          // the stream takes no more
};

void Import::SendHeader() {
  stub_ = v1::ResponseService::NewStub(session_.Channel());
  session_.Authorize(&context_);
  stream_ = stub_->ImportResponses(&context_);
  v1::ImportResponsesRequest request;
  v1::ImportHeader* header = request.mutable_header();
  header->set_request_id(options_.request_id.empty() ? NewRequestId() : options_.request_id);
  header->set_program_id(options_.program);
  header->set_history(options_.history);
  header->set_dry_run(options_.dry_run);
  broken_ = !stream_->Write(request);
}

void Import::AddRow(const CsvRow& row) {
  const MappedRow mapped = file_.mapping().Map(row);
  if (!mapped.ok()) {
    ++batch_.rejected;
    batch_.bytes += SizeInMemory(row);
    batch_.last_row = row.row;
    for (const RowError& error : mapped.errors) batch_.rejects.push_back(ToReject(error));
    return;
  }
  v1::ImportRow sent;
  sent.set_row(mapped.row);
  FillResponse(mapped, sent.mutable_response());
  const size_t bytes = sent.ByteSizeLong();
  if (bytes > kMaxRowBytes) {
    ++batch_.rejected;
    batch_.bytes += SizeInMemory(row);
    batch_.last_row = row.row;
    batch_.rejects.push_back(
        {mapped.row, "",
         fmt::format("expected a row of at most {} bytes, got {}", kMaxRowBytes, bytes)});
    return;
  }
  if (batch_.bytes > 0 && batch_.bytes + bytes > kBatchBytes) Flush();
  batch_.bytes += std::max(bytes, SizeInMemory(row));
  batch_.last_row = row.row;
  *batch_.request.mutable_rows()->add_rows() = std::move(sent);
}

void Import::SendRows() {
  CsvRow row;
  while (!Stopped() && file_.Next(&row)) {
    AddRow(row);
    if (batch_.size() >= kBatchRows || batch_.bytes >= kBatchBytes) Flush();
  }
  if (!Stopped()) Flush();
}

// Sends the batch. One without rows waits in line all the same, so that rejects stay in the order
// of the file, and takes a place of the window: what waits in memory has an end.
void Import::Flush() {
  if (batch_.size() == 0) return;
  AwaitRoom();
  if (Stopped()) return;
  in_flight_.push_back(std::exchange(batch_, {}));
  if (in_flight_.back().request.has_rows()) {
    ++unanswered_;
    broken_ = !stream_->Write(in_flight_.back().request);
  }
  if (unanswered_ == 0) Settle(nullptr);
  file_.Draw();
}

void Import::AwaitRoom() {
  while (!Stopped() && in_flight_.size() >= kWindowBatches) TakeAnswer(kInterruptCheck);
  while (!Stopped() && unanswered_ > 0) {
    const size_t before = unanswered_;
    TakeAnswer(std::chrono::milliseconds(0));
    if (unanswered_ == before) return;
  }
}

void Import::TakeAnswer(std::chrono::milliseconds wait) {
  if (const auto answer = answers_.Take(wait)) {
    Settle(&*answer);
    file_.Draw();
  } else if (answers_.ended()) {
    broken_ = true;
  }
}

// Counts the oldest batch by its answer, and those behind it that need none.
void Import::Settle(const v1::ImportResponsesResponse* answer) {
  ImportSummary& summary = file_.summary();
  while (!in_flight_.empty()) {
    Batch& batch = in_flight_.front();
    if (batch.request.has_rows()) {
      if (answer == nullptr) return;
      summary.accepted += answer->accepted_count();
      summary.replayed += answer->replayed_count();
      summary.opened_cases += answer->opened_case_count();
      std::set<int64_t> refused;
      for (const v1::RowError& error : answer->rejects()) {
        refused.insert(error.row());
        const auto& rows = batch.request.rows().rows();
        const auto row = std::find_if(rows.begin(), rows.end(), [&](const v1::ImportRow& r) {
          return r.row() == error.row();
        });
        batch.rejects.push_back(
            {error.row(),
             row == rows.end() ? ""
                               : ColumnAtFault(file_.mapping(), row->response(), error.field()),
             MessageOf(error, session_.chinese)});
      }
      batch.rejected += static_cast<int64_t>(refused.size());
      --unanswered_;
      answer = nullptr;
    }
    summary.rejected += batch.rejected;
    file_.Settle(batch.last_row, std::move(batch.rejects));
    in_flight_.pop_front();
  }
}

int Import::Run() {
  if (const int code = file_.Open(); code != kExitOk) return code;
  const InterruptNote note;
  file_.Begin();
  SendHeader();
  std::thread answering([this] {
    v1::ImportResponsesResponse answer;
    while (stream_->Read(&answer)) answers_.Add(std::move(answer));
    answers_.End();
  });
  SendRows();
  if (Stopped() && !broken_) {
    context_.TryCancel();
  } else if (!broken_) {
    stream_->WritesDone();
  }
  while (!answers_.ended()) {
    TakeAnswer(kInterruptCheck);
    if (file_.stopped()) context_.TryCancel();
  }
  answering.join();
  const grpc::Status status = stream_->Finish();
  int code = kExitOk;
  if (!file_.stopped() && !status.ok()) code = session_.Fail(status);
  return file_.Conclude(code, in_flight_.empty());
}

struct TargetOfField {
  std::string_view field;  // of Response, the longest first where one begins another
  std::string_view target;
};

constexpr TargetOfField kTargets[] = {
    {"external_key.source_system", "source_system"},
    {"external_key", "external_id"},
    {"customer_key.source_system", "customer.source_system"},
    {"customer_key", "customer.external_id"},
    {"customer_id", "customer.external_id"},
    {"program_id", "program"},
    {"score", "score"},
    {"occur_time", "occur_time"},
    {"touchpoint", "touchpoint"},
    {"org_unit_id", "org_unit"},
    {"survey_channel", "channel"},
    {"language", "language"},
    {"reason", "reason"},
    {"suggestion", "suggestion"},
    {"follow_ups", "verbatim"},
    {"respondent_role", "respondent_role"},
    {"account_id", "account"},
    {"order_reference", "order_reference"},
};

// The key in "items[0].score", "items[overall]", "items.overall" or the like.
std::string KeyInPath(std::string_view path) {
  std::string key;
  for (const char c : path) {
    if (c == '[' || c == ']' || c == '"' || c == '\'') continue;
    key += c;
  }
  if (key.starts_with('.')) key.erase(0, 1);
  return key;
}

std::string ItemColumn(const Mapping& mapping, const v1::Response& sent, std::string_view path) {
  const std::string place = KeyInPath(path.substr(0, path.find(']')));
  std::string unused;
  const std::optional<int64_t> index = ParseInteger(place, &unused);
  if (index && *index >= 0 && *index < sent.items_size()) {
    return JoinColumns(mapping.ColumnsOf("items." + sent.items(static_cast<int>(*index)).key()));
  }
  return JoinColumns(mapping.ColumnsOf("items." + place));
}

std::string AttributeColumn(const Mapping& mapping, std::string_view path) {
  const std::string key = KeyInPath(path);
  const std::string column = JoinColumns(mapping.ColumnsOf("attributes." + key));
  return column.empty() && key == "segment" ? JoinColumns(mapping.ColumnsOf("segment")) : column;
}

}  // namespace

std::string ColumnAtFault(const Mapping& mapping, const v1::Response& sent,
                          std::string_view field) {
  constexpr std::string_view kResponse = "response.";
  if (field.find(kResponse) != std::string_view::npos) {
    field.remove_prefix(field.find(kResponse) + kResponse.size());
  }
  if (field.starts_with("items")) return ItemColumn(mapping, sent, field.substr(5));
  if (field.starts_with("attributes")) return AttributeColumn(mapping, field.substr(10));
  for (const TargetOfField& known : kTargets) {
    if (!field.starts_with(known.field)) continue;
    if (field.size() > known.field.size() && field[known.field.size()] != '.' &&
        field[known.field.size()] != '[') {
      continue;
    }
    return JoinColumns(mapping.ColumnsOf(known.target));
  }
  return "";
}

void FillResponse(const MappedRow& row, v1::Response* response) {
  const auto set = [](const std::optional<std::string>& value, std::string* target) {
    if (value) *target = *value;
  };
  set(row.program, response->mutable_program_id());
  set(row.source_system, response->mutable_external_key()->mutable_source_system());
  set(row.external_id, response->mutable_external_key()->mutable_external_id());
  if (row.customer_external_id) {
    v1::ExternalKey* key = response->mutable_customer_key();
    key->set_external_id(*row.customer_external_id);
    set(row.customer_source_system, key->mutable_source_system());
  }
  if (row.score) response->set_score(*row.score);
  if (row.occur_time_ms) *response->mutable_occur_time() = TimeOfMillis(*row.occur_time_ms);
  set(row.touchpoint, response->mutable_touchpoint());
  set(row.org_unit, response->mutable_org_unit_id());
  set(row.channel, response->mutable_survey_channel());
  set(row.language, response->mutable_language());
  set(row.reason, response->mutable_reason());
  set(row.suggestion, response->mutable_suggestion());
  set(row.respondent_role, response->mutable_respondent_role());
  set(row.account, response->mutable_account_id());
  set(row.order_reference, response->mutable_order_reference());
  if (row.verbatim) {
    v1::FollowUp* follow_up = response->add_follow_ups();
    follow_up->set_question("verbatim");
    follow_up->set_answer(*row.verbatim);
  }
  for (const auto& [key, score] : row.items) {
    v1::ScoredItem* item = response->add_items();
    item->set_key(key);
    item->set_score(score);
  }
  for (const auto& [key, value] : row.attributes) (*response->mutable_attributes())[key] = value;
  if (row.segment) response->mutable_attributes()->insert({"segment", *row.segment});
}

std::string RenderImportSummary(const ImportSummary& summary, const Style& style) {
  std::vector<std::vector<std::string>> rows = {
      {"rows read", GroupDigits(summary.read)},
      {summary.dry_run ? "would be accepted" : "accepted", GroupDigits(summary.accepted)},
      {"already there", GroupDigits(summary.replayed)},
      {"rejected", GroupDigits(summary.rejected)},
      {summary.dry_run ? "cases it would open" : "cases opened", GroupDigits(summary.opened_cases)},
  };
  std::string text = summary.dry_run ? "Dry run: nothing was stored.\n" : "";
  text += RenderTable({{"import"}, {"rows", Align::kRight}}, rows, 0);
  if (summary.rejected > 0) {
    text += style.Red(fmt::format("{} rows were rejected", GroupDigits(summary.rejected))) +
            "; which, and why: " + summary.rejects_file + "\n";
  }
  return text;
}

std::string ImportSummaryJson(const ImportSummary& summary) {
  return fmt::format(
      "{{\"rows\": {}, \"accepted\": {}, \"replayed\": {}, \"rejected\": {}, \"openedCases\": {}, "
      "\"dryRun\": {}, \"rejectsFile\": {}}}",
      summary.read, summary.accepted, summary.replayed, summary.rejected, summary.opened_cases,
      summary.dry_run, JsonString(summary.rejects_file));
}

int ImportResponses(Session& session, const ImportOptions& options) {
  return Import(session, options).Run();
}

namespace {

struct ImportCommand {
  ImportOptions import{};
  std::string encoding = "auto";
  std::string delimiter = "auto";
};

void AddFileOptions(CLI::App* verb, ImportCommand* command) {
  ImportOptions& target = command->import;
  verb->add_option("file", target.file, "The CSV file, with a header line")
      ->required()
      ->type_name("FILE");
  verb->add_option("--map,--mapping", target.map,
                   "Which column is which field: rebound help mapping")
      ->required()
      ->type_name("FILE");
  verb->add_option("--program", target.program, "The program of rows that name none")
      ->type_name("PROGRAM");
  verb->add_flag("--history", target.history,
                 "The past: cases carry the data's times, nothing is sent, no clock fires");
  verb->add_flag("--dry-run", target.dry_run, "Check every row and store nothing");
  verb->add_option("--rejects", target.rejects,
                   "Where rejected rows are listed; else FILE.rejects.csv")
      ->type_name("FILE");
  verb->add_option("--results", target.results,
                   "A directory for successful.csv, failed.csv (why, and the row to mend),\n"
                   "unprocessed.csv and job.json; instead of --rejects")
      ->type_name("DIR");
  verb->add_flag("--resume", target.resume, "Go on where the import of --results stopped");
  verb->add_flag("--strict", target.strict, "Exit with 1 if any row was rejected");
  verb->add_option("--encoding", command->encoding, "auto, utf-8, gb18030, utf-16le or utf-16be")
      ->type_name("NAME");
  verb->add_option("--delimiter", command->delimiter, "auto, comma, semicolon or tab")
      ->type_name("NAME");
}

void RunBy(CLI::App* verb, Session& session, std::shared_ptr<ImportCommand> command,
           int (*run)(Session&, const ImportOptions&)) {
  verb->callback([=, &session] {
    session.command = [=, &session]() -> int {
      if (command->import.resume && command->import.results.empty()) {
        return session.Fail(kExitUsage, "expected --results DIR with --resume");
      }
      if (!command->import.rejects.empty() && !command->import.results.empty()) {
        return session.Fail(kExitUsage, "expected one of --rejects and --results");
      }
      const std::optional<CsvEncoding> encoding = ParseCsvEncoding(command->encoding);
      if (!encoding) {
        return session.Fail(kExitUsage,
                            "expected --encoding auto, utf-8, gb18030, utf-16le or utf-16be, got "
                            "\"" +
                                command->encoding + "\"");
      }
      const std::optional<char> delimiter = ParseCsvDelimiter(command->delimiter);
      if (!delimiter) {
        return session.Fail(kExitUsage,
                            "expected --delimiter auto, comma, semicolon or tab, got \"" +
                                command->delimiter + "\"");
      }
      command->import.csv.encoding = *encoding;
      command->import.csv.delimiter = *delimiter;
      return run(session, command->import);
    };
  });
}

}  // namespace

void AddImportCommands(CLI::App& app, Session& session) {
  CLI::App* import = app.add_subcommand("import", "Bring in what exists already");
  import->require_subcommand(1);
  auto answers = std::make_shared<ImportCommand>();
  CLI::App* responses = import->add_subcommand("responses", "Import answers from a CSV file");
  AddFileOptions(responses, answers.get());
  AddRequestId(responses, &answers->import.request_id);
  responses->footer(
      "Rows are recognised by external_id: importing a file twice, or the rest of a broken "
      "import\n"
      "again, stores nothing twice. A bad row never stops an import; it is listed with its row "
      "(the\n"
      "header is row 1), column and reason, and the exit code stays 0 unless --strict is given.\n"
      "\nExample:\n"
      "  rebound import responses answers.csv --program hotline --map answers.yaml --dry-run");
  RunBy(responses, session, answers, ImportResponses);
  auto cases = std::make_shared<ImportCommand>();
  CLI::App* complaints =
      import->add_subcommand("complaints", "Import complaints without a score from a CSV file");
  AddFileOptions(complaints, cases.get());
  complaints->footer(
      "Each row becomes a case, recognised by external_id: importing a file twice, or the rest of "
      "a\n"
      "broken import again, stores nothing twice. A bad row never stops an import.\n"
      "\nExample:\n"
      "  rebound import complaints complaints.csv --program hotline --map complaints.yaml "
      "--history");
  RunBy(complaints, session, cases, ImportComplaints);
  auto people = std::make_shared<ImportCommand>();
  CLI::App* customers = import->add_subcommand("customers", "Import customers from a CSV file");
  AddFileOptions(customers, people.get());
  customers->remove_option(customers->get_option("--program"));
  customers->remove_option(customers->get_option("--history"));
  customers->footer(
      "Each row makes a customer or changes the one of its key; blank cells change nothing. A bad "
      "row\n"
      "never stops an import. A dry run asks the server of each row as if it came alone.\n"
      "\nExample:\n"
      "  rebound import customers people.csv --map people.yaml --results people.job");
  RunBy(customers, session, people, ImportCustomers);
  auto deeds = std::make_shared<ImportCommand>();
  CLI::App* behaviours = import->add_subcommand(
      "behaviours", "Import what customers did (repurchase, churn, ...) from a CSV file");
  AddFileOptions(behaviours, deeds.get());
  behaviours->remove_option(behaviours->get_option("--program"));
  behaviours->remove_option(behaviours->get_option("--history"));
  behaviours->footer(
      "Each row is recorded for a customer who is known already, and recognised by external_id:\n"
      "importing a file twice stores nothing twice. A bad row never stops an import. A dry run "
      "asks\n"
      "the server of each row as if it came alone: its customer has to be there by then.\n"
      "\nExample:\n"
      "  rebound import behaviours orders.csv --map orders.yaml --results orders.job");
  RunBy(behaviours, session, deeds, ImportBehaviours);
}

}  // namespace rebound::cli
