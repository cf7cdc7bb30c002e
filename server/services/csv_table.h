// Messages of the API as a table in CSV (RFC 4180) that is safe to open in a spreadsheet. What the
// cells look like is in export_service.proto. Thread-safe once made.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rebound {

// A text as one cell. One that a spreadsheet would take for a formula gets ' before it.
std::string CsvText(std::string_view text);

// A column for each field of one type of message. Messages within it have columns of their own, by
// two levels; what is repeated or lies deeper is one cell of JSON.
class CsvTable {
 public:
  // Without the fields of these names.
  explicit CsvTable(const google::protobuf::Descriptor* type,
                    const std::set<std::string>& without = {});

  std::string Header() const;  // with its CRLF, as each row
  // REQUIRES: a message of the type.
  std::string Row(const google::protobuf::Message& message) const;

 private:
  struct Column {
    std::string name{};                                              // "external_key.external_id"
    std::vector<const google::protobuf::FieldDescriptor*> within{};  // from the outermost
    const google::protobuf::FieldDescriptor* field = nullptr;
  };

  void Add(const google::protobuf::Descriptor* type, const Column& at,
           const std::set<std::string>& without);

  std::vector<Column> columns_;
};

}  // namespace rebound
