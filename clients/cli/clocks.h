// Deadlines in words: how a case's clocks, and what moves or stops them, look.
#pragma once

#include <string>

#include "clients/cli/output.h"
#include "rebound/v1/case.pb.h"

namespace rebound::cli {

// "2 h 10 min", "3 working days"; in Chinese "2 小时 10 分", "3 个工作日". Without a sign.
std::string AmountWords(const v1::ClockAmount& amount, v1::ClockCount count, bool chinese);

// "2 h 10 min left", "3 h over"; of a clock that was met, "2 h early" or "3 h late". In Chinese
// "剩余 2 小时 10 分", "超时 3 小时", "提前 2 小时", "迟了 3 小时". Empty for one that was
// cancelled.
std::string SlackWords(const v1::CaseClock& clock, bool chinese);

// The clocks as a table; of a case that has none, its timers.
std::string RenderClocks(const v1::Case& record, bool chinese, const Style& style, int width);

// Pauses, extensions, requests for help, chases, supervisions and verifications.
std::string RenderDispatching(const v1::Case& record, bool chinese, const Style& style, int width);

}  // namespace rebound::cli
