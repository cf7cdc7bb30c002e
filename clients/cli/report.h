// How figures look: as text for people, in English or Chinese, and as CSV for spreadsheets. Where
// customers were listed NPS, funnel and recovery say their figures without them, too: in text those
// of the total, in CSV also those of groups, as rows "total_without_listed" and
// "group_without_listed".
#pragma once

#include <ostream>
#include <string>

#include "clients/cli/output.h"
#include "rebound/v1/report_service.pb.h"

namespace rebound::cli {

// Groups, then the total, each with its counts, interval and a bar.
std::string RenderNps(const v1::GetNpsReportResponse& report, bool chinese, const Style& style,
                      int width);
void WriteNpsCsv(const v1::GetNpsReportResponse& report, std::ostream& out);

// The total as bars, groups as one line each.
std::string RenderFunnel(const v1::GetFunnelReportResponse& report, bool chinese,
                         const Style& style, int width);
void WriteFunnelCsv(const v1::GetFunnelReportResponse& report, std::ostream& out);

// The total by sets of cases (all, matured, not matured), groups as one line each; with `curve` the
// Kaplan-Meier curve of the total.
std::string RenderRecovery(const v1::GetRecoveryReportResponse& report, bool curve, bool chinese,
                           const Style& style, int width);
void WriteRecoveryCsv(const v1::GetRecoveryReportResponse& report, std::ostream& out);

// Groups, then the totals, one for each currency.
std::string RenderRemedies(const v1::GetRemedyReportResponse& report, const Style& style,
                           int width);
void WriteRemediesCsv(const v1::GetRemedyReportResponse& report, std::ostream& out);

// Owners, then the total.
std::string RenderPauses(const v1::GetPauseReportResponse& report, const Style& style, int width);
void WritePausesCsv(const v1::GetPauseReportResponse& report, std::ostream& out);

}  // namespace rebound::cli
