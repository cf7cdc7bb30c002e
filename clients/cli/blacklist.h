// How blacklist entries and what is asked of them look; in Chinese where `chinese`. `width` as in
// RenderTable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/cli/output.h"
#include "rebound/v1/blacklist.pb.h"
#include "rebound/v1/blacklist_service.pb.h"

namespace rebound::cli {

std::vector<Column<v1::BlacklistEntry>> EntryColumns(bool chinese);

// The whole entry as a page of text: what it restricts, on what grounds, who decided what, the
// appeal, and what may be done now.
std::string RenderEntry(const v1::BlacklistEntry& entry, bool chinese, const Style& style,
                        int width);

// What a verb leaves.
std::string RenderEntryChange(const v1::BlacklistEntry& entry, bool replayed, bool chinese,
                              const Style& style);

// The subject, then the text, and in which language and zone it is.
std::string RenderNotice(const v1::PreviewEntryNoticeResponse& reply, bool chinese,
                         const Style& style, int width);

// What is restricted and by which entries; what is not listed is allowed.
std::string RenderPermits(const v1::CheckCustomerResponse& reply, bool chinese, const Style& style,
                          int width);

// Rules, then the proposals that they would have made.
std::string RenderDryRun(const v1::DryRunRulesResponse& reply, bool chinese, const Style& style,
                         int width);

// All of them, by kind, by rule and by decider.
std::string RenderBlacklistStatistics(const v1::GetBlacklistStatisticsResponse& reply, bool chinese,
                                      const Style& style, int width);

// "2026-01-31=Threw a chair", "2026-01-31@C-17=https://...": when, on which case, what happened or
// where it is kept. `case_id` is what was typed. Otherwise nothing, and `*fault` says what was
// expected.
std::optional<v1::BlacklistEvidence> ReadEntryEvidence(std::string_view text, std::string* fault);

}  // namespace rebound::cli
