// `rebound export`: many records as one file.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "clients/cli/commands.h"
#include "clients/cli/export.h"
#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "clients/cli/words.h"
#include "rebound/v1/export_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::ExportService;

// An hour, as the server allows, unless the caller asks for more patience than that.
constexpr double kSeconds = 3600;

struct RecordExport {
  v1::ExportRecordsRequest request{};
  std::string format = "csv", file{};
};

// Reads the whole stream into `out`. Returns the exit code.
int ReceiveRecords(Session& session, const RecordExport& options, std::ostream& out) {
  ExportService::Stub stub(session.Channel());
  grpc::ClientContext context;
  session.Authorize(&context);
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(static_cast<int64_t>(
                           std::max(session.timeout_seconds, kSeconds) * 1000)));
  const auto stream = stub.ExportRecords(&context, options.request);
  // On a terminal that shows the records a line of progress would stand between them.
  const bool shown = !options.file.empty() || session.out_width == 0;
  Progress progress(session.err, 0, session.err_width, std::chrono::steady_clock::now());
  int64_t rows = 0;
  bool complete = false;
  for (v1::ExportRecordsResponse part; out && stream->Read(&part);) {
    out << part.data();
    rows = part.row_count();
    complete = part.complete();
    if (shown) progress.Update({.accepted = rows}, std::chrono::steady_clock::now());
  }
  progress.Finish();
  out.flush();
  if (!out) context.TryCancel();
  const grpc::Status status = stream->Finish();
  if (!out) return session.Fail(kExitFailed, "cannot write what was exported");
  if (!status.ok()) return session.Fail(status);
  if (!complete) return session.Fail(kExitFailed, "the server ended the export too early");
  const Word word{session.chinese};
  session.err << fmt::format(fmt::runtime(word("{} records.\n", "{} 条记录。\n")),
                             GroupDigits(rows));
  return kExitOk;
}

void AddFilter(CLI::App* command, v1::RecordKind kind, RecordExport* options) {
  if (kind != v1::RECORD_KIND_EVENTS) {
    command
        ->add_option("--filter", *options->request.mutable_filter(),
                     "Which ones, as in the lists; all without it")
        ->type_name("FILTER");
    return;
  }
  const auto add = [&](const char* name, auto field, const char* help, const char* type) {
    command
        ->add_option_function<std::vector<std::string>>(
            name,
            [options, field](const std::vector<std::string>& values) {
              for (const std::string& value : values) {
                (options->request.mutable_event_filter()->*field)(value);
              }
            },
            std::string(help) + "; may be repeated")
        ->type_name(type);
  };
  using Filter = v1::EventFilter;
  using Adder = void (Filter::*)(const std::string&);
  add("--type", static_cast<Adder>(&Filter::add_types), "Of this name, like CaseOpened", "NAME");
  add("--program", static_cast<Adder>(&Filter::add_program_ids), "Of this program", "KEY");
  add("--case", static_cast<Adder>(&Filter::add_case_ids), "Of this case", "ID|C-1042");
  add("--customer", static_cast<Adder>(&Filter::add_customer_ids), "About this customer", "ID");
}

void AddKind(CLI::App* noun, Session& session, const char* name, const char* help,
             v1::RecordKind kind, const char* footer) {
  auto options = std::make_shared<RecordExport>();
  options->request.set_kind(kind);
  CLI::App* command = noun->add_subcommand(name, help);
  command->footer(footer);
  AddFilter(command, kind, options.get());
  command->add_option("--format", options->format, "How they are written: csv or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  command->add_option("--out", options->file, "Write to this file, for nobody else to read")
      ->type_name("PATH");
  command->add_flag_callback(
      "--bom", [options] { options->request.set_byte_order_mark(true); },
      "Begin a CSV with a byte order mark, for Excel");
  command
      ->add_option("--reason", *options->request.mutable_reason(),
                   "Why, in a word, for the server's audit")
      ->type_name("WORD");
  command->callback([options, &session] {
    session.command = [options, &session] {
      options->request.set_format(options->format == "csv" ? v1::EXPORT_FORMAT_CSV
                                                           : v1::EXPORT_FORMAT_JSON_LINES);
      const auto receive = [&](std::ostream& out) {
        return ReceiveRecords(session, *options, out);
      };
      return options->file.empty() ? receive(session.out)
                                   : WriteFile(session, options->file, receive);
    };
  });
}

}  // namespace

void AddExportCommands(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("export", "Take many records out as one file");
  noun->require_subcommand(1);
  AddKind(noun, session, "cases", "Cases with their texts", v1::RECORD_KIND_CASES,
          "Example:\n  rebound export cases --filter 'severity >= 3' --bom --out cases.csv");
  AddKind(noun, session, "responses", "Answers with their texts", v1::RECORD_KIND_RESPONSES,
          "Example:\n  rebound export responses --filter 'program = hotline' --out answers.csv");
  AddKind(noun, session, "customers", "Customers", v1::RECORD_KIND_CUSTOMERS,
          "Example:\n  rebound export customers --format jsonl --out customers.jsonl");
  AddKind(noun, session, "events", "Events, as far back as they are given out",
          v1::RECORD_KIND_EVENTS,
          "Example:\n  rebound export events --type CaseClosed --out closed.csv");
}

}  // namespace rebound::cli
