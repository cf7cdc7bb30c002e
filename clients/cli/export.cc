#include "clients/cli/export.h"

#include <fmt/format.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "clients/cli/customers.h"
#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "clients/cli/words.h"
#include "rebound/v1/customer_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using v1::CustomerService;
using Item = v1::ExportCustomerResponse;

// The field of the item that is set; null: one that this program does not know.
const FieldDescriptor* Which(const Item& item) {
  return item.GetReflection()->GetOneofFieldDescriptor(item,
                                                       Item::descriptor()->FindOneofByName("item"));
}

// What parts of one item have in common: "case 01h...".
std::string Identity(const Item& item) {
  const FieldDescriptor* which = Which(item);
  if (which == nullptr) return "";
  if (item.has_event()) return "event " + std::to_string(item.event().sequence());
  const Message& value = item.GetReflection()->GetMessage(item, which);
  const FieldDescriptor* id = value.GetDescriptor()->FindFieldByName("id");
  if (id == nullptr) return "";
  return which->name() + " " + value.GetReflection()->GetString(value, id);
}

std::string JsonLine(const Item& item) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(item, &json);
  if (!status.ok()) return "{\"unprintable\": " + JsonString(status.ToString()) + "}\n";
  return json + "\n";
}

std::string Text(const Item& item) {
  const FieldDescriptor* which = Which(item);
  if (which == nullptr) return "";
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(item.GetReflection()->GetMessage(item, which), &text);
  return "# " + which->name() + "\n" + text + "\n";
}

struct CustomerExport {
  v1::ExportCustomerRequest request;
  std::string name, output = "json", file;
};

// Reads the whole stream into `out`. Returns the exit code.
int ReceiveCustomer(Session& session, const CustomerExport& options, std::ostream& out) {
  CustomerService::Stub stub(session.Channel());
  grpc::ClientContext context;
  session.Authorize(&context);
  context.set_deadline(
      std::chrono::system_clock::now() +
      std::chrono::milliseconds(static_cast<int64_t>(session.timeout_seconds * 1000)));
  const auto stream = stub.ExportCustomer(&context, options.request);
  ExportPrinter printer(out, options.output == "text");
  // On a terminal that shows the items a line of progress would stand between them.
  const bool shown = !options.file.empty() || session.out_width == 0;
  Progress progress(session.err, 0, session.err_width, std::chrono::steady_clock::now());
  for (Item item; stream->Read(&item);) {
    printer.Add(std::move(item));
    const ImportCount count{.accepted = printer.count(), .unit = "items"};
    if (shown) progress.Update(count, std::chrono::steady_clock::now());
  }
  progress.Finish();
  printer.Finish();
  out.flush();
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return session.Fail(status);
  if (!printer.summary()) return session.Fail(kExitFailed, "the server ended the export too early");
  if (!out) return session.Fail(kExitFailed, "cannot write what was exported");
  session.err << RenderExportSummary(*printer.summary(), session.chinese);
  return kExitOk;
}

}  // namespace

int WriteFile(Session& session, const std::string& file,
              const std::function<int(std::ostream&)>& write) {
  namespace fs = std::filesystem;
  const fs::path part = file + ".part";
  std::error_code failed;
  fs::remove(part, failed);
  std::ofstream out(part, std::ios::binary);
  if (!out) return session.Fail(kExitUsage, "cannot write " + part.string());
  fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write, failed);
  int code = failed ? session.Fail(kExitFailed, "cannot keep " + part.string() + " from others")
                    : write(out);
  out.close();
  if (code == kExitOk && !out) code = session.Fail(kExitFailed, "cannot write " + part.string());
  if (code == kExitOk) {
    fs::rename(part, file, failed);
    if (failed) code = session.Fail(kExitFailed, "cannot write " + file);
  }
  if (code != kExitOk) fs::remove(part, failed);
  return code;
}

void ExportPrinter::Add(v1::ExportCustomerResponse item) {
  if (item.has_summary()) summary_ = item.summary();
  const std::string identity = Identity(item);
  if (last_ && !identity.empty() && identity == Identity(*last_)) return last_->MergeFrom(item);
  Finish();
  ++count_;
  last_ = std::move(item);
}

void ExportPrinter::Finish() {
  if (last_) out_ << (text_ ? Text(*last_) : JsonLine(*last_));
  last_.reset();
}

std::string RenderExportSummary(const v1::ExportSummary& summary, bool chinese) {
  const Word word{chinese};
  std::string text = fmt::format(
      fmt::runtime(word(
          "{} records, {} behaviours, {} answers, {} cases, {} blacklist entries, {} events.\n",
          "{} 份档案，{} 条行为，{} 份答卷，{} 个工单，{} 个黑名单条目，{} 个事件。\n")),
      summary.customer_count(), summary.behaviour_count(), summary.response_count(),
      summary.case_count(), summary.blacklist_entry_count(), summary.event_count());
  if (!summary.whole()) {
    text += word("Only what lies in your access scope: there may be more.\n",
                 "仅限您的访问范围：可能还有其他内容。\n");
  }
  return text;
}

void AddExport(CLI::App& customers, Session& session) {
  auto options = std::make_shared<CustomerExport>();
  options->request.set_reason("access_request");
  CLI::App* command = customers.add_subcommand(
      "export", "Everything that is held on one person, whichever record is named");
  command->footer("Example:\n  rebound customers export crm:88 --file mei.jsonl");
  command
      ->add_option("customer", options->name, "The customer's id, or a key of theirs like crm:88")
      ->required()
      ->type_name("ID|SOURCE:KEY");
  command
      ->add_option("-o,--output", options->output,
                   "How to write it: json, one item a line, or text")
      ->check(CLI::IsMember({"json", "text"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  command->add_option("--file", options->file, "Write to this file, for nobody else to read")
      ->type_name("PATH");
  command
      ->add_option("--reason", *options->request.mutable_reason(),
                   "Why, in a word, for the server's log")
      ->type_name("WORD")
      ->capture_default_str();
  command->callback([options, &session] {
    session.command = [options, &session]() -> int {
      const int code = FindCustomer(session, options->name, options->request.mutable_customer_id());
      if (code != kExitOk) return code;
      const auto receive = [&](std::ostream& out) {
        return ReceiveCustomer(session, *options, out);
      };
      return options->file.empty() ? receive(session.out)
                                   : WriteFile(session, options->file, receive);
    };
  });
}

}  // namespace rebound::cli
