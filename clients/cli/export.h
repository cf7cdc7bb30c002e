// Everything that is held on one person, as JSON lines or as text.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

#include "clients/cli/call.h"
#include "rebound/v1/customer_service.pb.h"

namespace rebound::cli {

// Writes the items of an export as they come: as JSON, one item a line, or as text, each under a
// heading. What the server had to send in parts comes out as one item. Does not own the stream.
class ExportPrinter {
 public:
  ExportPrinter(std::ostream& out, bool text) : out_(out), text_(text) {}

  void Add(v1::ExportCustomerResponse item);
  // Writes what waits for further parts.
  void Finish();

  // Of the export; nullopt: it has not come, so that something is missing.
  const std::optional<v1::ExportSummary>& summary() const { return summary_; }
  int64_t count() const { return count_; }  // items

 private:
  std::ostream& out_;
  const bool text_;
  std::optional<v1::ExportCustomerResponse> last_;
  std::optional<v1::ExportSummary> summary_;
  int64_t count_ = 0;
};

// What there was, in a sentence or two.
std::string RenderExportSummary(const v1::ExportSummary& summary, bool chinese);

// Writes a file that appears once everything is in it, for nobody else to read. `write` returns the
// exit code; with another than kExitOk there is no file.
int WriteFile(Session& session, const std::string& file,
              const std::function<int(std::ostream&)>& write);

// Adds "customers export".
void AddExport(CLI::App& customers, Session& session);

}  // namespace rebound::cli
