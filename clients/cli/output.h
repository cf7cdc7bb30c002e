// How results are shown: tables for people, the API's JSON for programs, CSV for spreadsheets.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clients/cli/csv.h"
#include "clients/cli/table.h"

namespace rebound::cli {

enum class Format { kTable, kJson, kCsv };

// Colours of a terminal; without `color` every text stays as it is. Only for text of our own or
// text that went through OneLine.
struct Style {
  bool color = false;

  std::string Bold(std::string_view text) const { return Paint("1", text); }
  std::string Green(std::string_view text) const { return Paint("32", text); }
  std::string Red(std::string_view text) const { return Paint("1;31", text); }
  std::string Dim(std::string_view text) const { return Paint("2", text); }

 private:
  std::string Paint(std::string_view code, std::string_view text) const;
};

// One API message in protobuf's JSON mapping, over several lines, without a line feed at the end.
std::string MessageJson(const google::protobuf::Message& message);

// `text` as a JSON string, quotes included.
std::string JsonString(std::string_view text);

// "label   value" lines with aligned values; facts without a value are left out. Further lines of a
// value stand below its first one; other control characters do not pass.
using Facts = std::vector<std::pair<std::string, std::string>>;
std::string RenderFacts(const Facts& facts, std::string_view indent = "");

// The lines of a text of several lines, each made safe by OneLine and indented.
std::string IndentLines(std::string_view text, std::string_view indent);

// A heading with an empty line above it.
std::string Heading(const Style& style, std::string_view title);

// A heading and, indented, a text; nothing without text.
std::string Paragraph(const Style& style, std::string_view title, std::string_view text);

// A heading and, indented, a table; nothing without rows.
std::string TablePart(const Style& style, std::string_view title,
                      const std::vector<TableColumn>& columns,
                      const std::vector<std::vector<std::string>>& rows, int width);

// A column of a list of records.
template <class Record>
struct Column {
  std::string name{};   // in CSV; empty: the column is in tables only
  std::string title{};  // in tables; empty: the column is in CSV only
  Align align = Align::kLeft;
  std::function<std::string(const Record&)> cell{};
};

// Shows records one after another. JSON and CSV go out at once; a table when the list is finished,
// because its columns need every row. Does not own the stream.
template <class Record>
class ListPrinter {
 public:
  ListPrinter(std::ostream& out, Format format, int width, std::vector<Column<Record>> columns)
      : out_(out), format_(format), width_(width), columns_(std::move(columns)), csv_(out) {
    if (format_ == Format::kCsv) {
      std::vector<std::string> names;
      for (const Column<Record>& column : columns_) {
        if (!column.name.empty()) names.push_back(column.name);
      }
      csv_.Write(names);
    }
  }

  void Add(const Record& record) {
    ++count_;
    if (format_ == Format::kJson) {
      out_ << (count_ == 1 ? "[\n" : ",\n") << MessageJson(record);
      return;
    }
    std::vector<std::string> cells;
    for (const Column<Record>& column : columns_) {
      const std::string& heading = format_ == Format::kCsv ? column.name : column.title;
      if (!heading.empty()) cells.push_back(column.cell(record));
    }
    if (format_ == Format::kCsv) {
      csv_.Write(cells);
    } else {
      rows_.push_back(std::move(cells));
    }
  }

  // Ends the list. `empty` is what a table without rows says.
  void Finish(std::string_view empty) {
    if (format_ == Format::kJson) out_ << (count_ == 0 ? "[]\n" : "\n]\n");
    if (format_ != Format::kTable) return;
    if (rows_.empty()) {
      out_ << empty << "\n";
      return;
    }
    std::vector<TableColumn> columns;
    for (const Column<Record>& column : columns_) {
      if (!column.title.empty()) columns.push_back({column.title, column.align});
    }
    out_ << RenderTable(columns, rows_, width_);
  }

  int64_t count() const { return count_; }

 private:
  std::ostream& out_;
  Format format_;
  int width_;
  std::vector<Column<Record>> columns_;
  CsvWriter csv_;
  std::vector<std::vector<std::string>> rows_;
  int64_t count_ = 0;
};

}  // namespace rebound::cli
