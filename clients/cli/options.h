// Options that read the API's values. A value that cannot be read ends parsing with what was
// expected. The targets must outlive the parsing; a command keeps them in what its callback holds.
#pragma once

#include <google/protobuf/generated_enum_reflection.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clients/cli/call.h"
#include "clients/cli/mapping.h"
#include "clients/cli/values.h"

namespace rebound::cli {

// A subcommand; its example goes on after "rebound ".
CLI::App* AddVerb(CLI::App& noun, const std::string& name, const std::string& help,
                  const std::string& example);

// "a, b, c".
template <class Names>
std::string JoinNames(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The value of that name; ends parsing where there is none.
template <class Enum>
Enum ReadEnum(const std::string& option, const std::string& text) {
  const auto* type = google::protobuf::GetEnumDescriptor<Enum>();
  const std::vector<std::string> names = EnumNames(type);
  const std::optional<int> value = EnumValue(type, text);
  if (!value) {
    const std::string meant = DidYouMean(text, names);
    throw CLI::ValidationError(option, "expected one of " + JoinNames(names) + ", got \"" + text +
                                           "\"" +
                                           (meant.empty() ? "" : "; did you mean " + meant + "?"));
  }
  return static_cast<Enum>(*value);
}

// Reads the name of an enum's value into `*target`.
template <class Enum>
CLI::Option* AddEnum(CLI::App* app, const std::string& name, Enum* target,
                     const std::string& help) {
  return app
      ->add_option_function<std::string>(
          name, [=](const std::string& text) { *target = ReadEnum<Enum>(name, text); },
          help + ": " + JoinNames(EnumNames(google::protobuf::GetEnumDescriptor<Enum>())))
      ->type_name("NAME");
}

// Reads several; the option may be repeated.
template <class Enum>
CLI::Option* AddEnums(CLI::App* app, const std::string& name, std::function<void(Enum)> add,
                      const std::string& help) {
  return app
      ->add_option_function<std::vector<std::string>>(
          name,
          [name, add = std::move(add)](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) add(ReadEnum<Enum>(name, text));
          },
          help + ", may be repeated: " +
              JoinNames(EnumNames(google::protobuf::GetEnumDescriptor<Enum>())))
      ->type_name("NAME");
}

// Reads a time as ReadTime does; `target` gives the field to fill.
CLI::Option* AddTime(CLI::App* app, const std::string& name,
                     std::function<google::protobuf::Timestamp*()> target, const std::string& help);

// Reads a span of time as ReadSpan does.
CLI::Option* AddSpan(CLI::App* app, const std::string& name,
                     std::function<google::protobuf::Duration*()> target, const std::string& help);

CLI::Option* AddMoney(CLI::App* app, const std::string& name, std::function<v1::Money*()> target,
                      const std::string& help);

// Reads a whole number; whether it is in range is the server's to judge.
CLI::Option* AddInteger(CLI::App* app, const std::string& name, std::function<void(int64_t)> take,
                        const std::string& help);

// Reads SOURCE:KEY.
CLI::Option* AddKey(CLI::App* app, const std::string& name,
                    std::function<v1::ExternalKey*()> target, const std::string& help);

// Reads NAME=VALUE pairs, in order; the option may be repeated.
using Pairs = std::vector<std::pair<std::string, std::string>>;
CLI::Option* AddPairs(CLI::App* app, const std::string& name, Pairs* target,
                      const std::string& help);

// --request-id: repeats an earlier change safely. Call FillRequestId before sending.
void AddRequestId(CLI::App* app, std::string* request_id);
void FillRequestId(std::string* request_id);

// --limit and --all of a list.
struct Paging {
  int64_t limit = 50;
  bool all = false;
};
void AddPaging(CLI::App* app, Paging* paging);

// Fetches pages until `paging` is satisfied and shows every record. `records` takes the repeated
// field out of a reply.
template <class Record, class Stub, class Request, class Reply, class Records>
int PrintPages(Session& session, const Paging& paging,
               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
               Request request, std::vector<Column<Record>> columns, Records records,
               std::string_view empty) {
  constexpr int64_t kMaxPage = 1000;
  ListPrinter<Record> printer(session.out, session.format, session.out_width, std::move(columns));
  bool more = true;
  while (more && (paging.all || printer.count() < paging.limit)) {
    const int64_t left = paging.all ? kMaxPage : paging.limit - printer.count();
    request.set_page_size(static_cast<int32_t>(std::min(left, kMaxPage)));
    Reply reply;
    if (const int code = session.Call(method, request, &reply); code != kExitOk) return code;
    for (const Record& record : records(reply)) {
      // A server may give more than was asked for, a limit is a limit.
      if (paging.all || printer.count() < paging.limit) printer.Add(record);
    }
    request.set_page_token(reply.next_page_token());
    more = !reply.next_page_token().empty();
  }
  printer.Finish(empty);
  if (more && session.format == Format::kTable) {
    session.err << "There are more; ask for them with --limit N or --all.\n";
  }
  return kExitOk;
}

// Shows one record: a view of it for people, the API's reply, or a CSV file of one row.
template <class Record>
void PrintRecord(Session& session, const google::protobuf::Message& reply, const Record& record,
                 std::vector<Column<Record>> columns, const std::string& view) {
  if (session.format == Format::kJson) {
    session.out << MessageJson(reply) << "\n";
  } else if (session.format == Format::kCsv) {
    ListPrinter<Record> printer(session.out, Format::kCsv, 0, std::move(columns));
    printer.Add(record);
    printer.Finish("");
  } else {
    session.out << view;
  }
}

}  // namespace rebound::cli
