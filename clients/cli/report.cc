#include "clients/cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "clients/cli/words.h"
#include "rebound/v1/report_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::ReportService;

constexpr int kBarWidth = 24;
// More steps of a curve than fit a screen are thinned out.
constexpr int kCurveRows = 20;

std::string GroupName(const std::string& group, const Word& word) {
  return group.empty() ? word("(none)", "（无）") : group;
}

std::string AsOf(const google::protobuf::Timestamp& time, bool present) {
  return present ? "as of " + FormatTimeSeconds(time) : "";
}

// The first line of a report.
std::string Title(const char* en, const char* zh, const google::protobuf::Timestamp& time,
                  bool present, const Word& word, const Style& style) {
  const std::string as_of =
      present ? word("as of ", "截至 ") + FormatTimeSeconds(time) : std::string();
  return style.Bold(word(en, zh)) + word(", ", "，") + as_of + "\n\n";
}

// A sentence around a number.
std::string Around(const char* sentence, int64_t number) {
  return fmt::format(fmt::runtime(sentence), GroupDigits(number));
}

// "233 / 4,152"
std::string Ratio(const v1::Proportion& share) {
  return GroupDigits(share.count()) + " / " + GroupDigits(share.total());
}

std::string ShareText(const v1::Proportion& share) {
  return share.has_value() ? Percent(share.value()) : "-";
}

std::string PercentRange(const v1::Interval& interval, const Word& word) {
  return Decimal(interval.low() * 100, 2) + word(" to ", " 至 ") + Percent(interval.high());
}

std::string IntervalText(const v1::Proportion& share, const Word& word) {
  return share.has_interval() ? PercentRange(share.interval(), word) : "";
}

struct Translation {
  std::string_view key;
  const char* zh;
};
constexpr Translation kReasons[] = {{"no_known_customer", "客户不明"},
                                    {"not_from_response", "非答卷建单"},
                                    {"merged", "已合并"},
                                    {"invalid", "认定无效"},
                                    {"mis_scored", "误评分"}};
constexpr Translation kStages[] = {
    {"eligible", "纳入统计"}, {"contacted", "已联系"}, {"remedied", "已补救"}, {"asked", "已复测"},
    {"answered", "已答复"},   {"recovered", "修复"},   {"converted", "转化"}};

// The key itself in English, and where this client does not know it.
template <size_t kCount>
std::string Translated(const std::string& key, const Translation (&known)[kCount],
                       const Word& word) {
  const auto found =
      std::find_if(std::begin(known), std::end(known), [&](const auto& t) { return t.key == key; });
  return found == std::end(known) ? key : word(key.c_str(), found->zh);
}

std::string ExclusionsText(const google::protobuf::RepeatedPtrField<v1::Exclusion>& exclusions,
                           const Word& word) {
  std::string text;
  for (const v1::Exclusion& exclusion : exclusions) {
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : word(", ", "，"), GroupDigits(exclusion.count()),
                    Translated(exclusion.reason(), kReasons, word));
  }
  return text.empty() ? word("none", "无") : text;
}

// "low to high" of the NPS, which is no share.
std::string NpsRange(const v1::NpsFigure& figure, const Word& word) {
  if (!figure.has_interval()) return "";
  return Decimal(figure.interval().low(), 2) + word(" to ", " 至 ") +
         Decimal(figure.interval().high(), 2);
}

std::vector<std::string> NpsRow(const v1::NpsFigure& figure, const std::string& name,
                                const Word& word) {
  return {
      name,
      GroupDigits(figure.response_count()),
      GroupDigits(figure.promoter_count()),
      GroupDigits(figure.passive_count()),
      GroupDigits(figure.detractor_count()),
      figure.has_nps() ? Decimal(figure.nps(), 2) : "-",
      NpsRange(figure, word),
      NpsBar(figure.detractor_count(), figure.passive_count(), figure.promoter_count(), kBarWidth)};
}

std::string Count(int64_t number) { return std::to_string(number); }

// Numbers in CSV keep enough digits to be worked with.
std::string Exact(double value) { return fmt::format("{:.6g}", value); }

// A heading.
const char* WithoutListed(const Word& word) {
  return word("Without listed customers", "不含黑名单客户");
}
// A row or a column.
const char* RestLabel(const Word& word) { return word("without listed", "不含黑名单客户"); }

// `listed`: of the eligible; absent where no case is a listed customer's.
Facts OpenedFacts(int64_t opened,
                  const google::protobuf::RepeatedPtrField<v1::Exclusion>& exclusions,
                  std::optional<int64_t> listed, const Word& word) {
  Facts facts = {{word("cases opened", "建单数"), GroupDigits(opened)},
                 {word("left out", "未纳入"), ExclusionsText(exclusions, word)}};
  if (listed) {
    facts.emplace_back(word("of listed customers", "黑名单客户"),
                       Around(word("{} of the eligible", "纳入统计的 {} 个"), *listed));
  }
  return facts;
}

struct Rate {
  const char* name;
  const v1::Proportion& share;
};

template <size_t kCount>
std::string RatesTable(const Rate (&shown)[kCount], const Word& word, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const Rate& rate : shown) {
    rows.push_back(
        {rate.name, Ratio(rate.share), ShareText(rate.share), IntervalText(rate.share, word)});
  }
  return RenderTable({{word("rate", "指标")},
                      {"k / n", Align::kRight},
                      {word("share", "占比"), Align::kRight},
                      {word("95 % interval", "95 % 区间"), Align::kRight}},
                     rows, width);
}

std::string RateTable(const v1::RecoveryRates& rates, const Word& word, int width) {
  const Rate shown[] = {
      {word("recovered, first answer", "修复（首次答复）"), rates.recovered_first_answer()},
      {word("recovered, ever in the window", "修复（窗口内任一次）"), rates.recovered_ever()},
      {word("recovered, of those who answered", "修复（仅计答复者）"),
       rates.recovered_among_answerers()},
      {word("converted, first answer", "转化（首次答复）"), rates.converted_first_answer()},
      {word("converted, ever in the window", "转化（窗口内任一次）"), rates.converted_ever()},
      {word("converted, of those who answered", "转化（仅计答复者）"),
       rates.converted_among_answerers()},
  };
  Facts bounds;
  if (rates.has_recovered_bounds()) {
    bounds.emplace_back(word("recovered if all the unanswered did not, or did",
                             "修复：未答复者全未修复，或全部修复"),
                        PercentRange(rates.recovered_bounds(), word));
  }
  if (rates.has_converted_bounds()) {
    bounds.emplace_back(word("converted if all the unanswered did not, or did",
                             "转化：未答复者全未转化，或全部转化"),
                        PercentRange(rates.converted_bounds(), word));
  }
  return RatesTable(shown, word, width) + RenderFacts(bounds);
}

std::string RenderRates(std::string_view title, const v1::RecoveryRates& rates, const Word& word,
                        const Style& style, int width) {
  return fmt::format(fmt::runtime(word("\n{}: {} eligible, {} answered\n",
                                       "\n{}：纳入统计 {} 个，已答复 {} 个\n")),
                     style.Bold(title), GroupDigits(rates.eligible_count()),
                     GroupDigits(rates.answered_count())) +
         RateTable(rates, word, width);
}

std::string RenderCurve(const v1::RecoveryFigure& figure, const Word& word, const Style& style,
                        int width) {
  const int steps = figure.conversion_curve_size();
  if (steps == 0) {
    return word("\nNo conversion, so no curve.\n", "\n没有转化，因此没有曲线。\n");
  }
  std::vector<std::vector<std::string>> rows;
  const int shown = std::min(steps, kCurveRows);
  for (int i = 0; i < shown; ++i) {
    // Evenly spread over the steps, the last one included.
    const int index = shown == 1 ? 0 : static_cast<int>(int64_t{i} * (steps - 1) / (shown - 1));
    const v1::SurvivalStep& step = figure.conversion_curve(index);
    rows.push_back({Decimal(step.days(), 1), GroupDigits(step.at_risk_count()),
                    GroupDigits(step.event_count()), Percent(step.survival()),
                    step.has_interval() ? PercentRange(step.interval(), word) : "",
                    Bar(step.survival(), kBarWidth)});
  }
  std::string text =
      "\n" +
      style.Bold(word("Not yet converted, by days since opening", "尚未转化，按建单后天数")) +
      "\n" +
      RenderTable({{word("days", "天"), Align::kRight},
                   {word("at risk", "观察中"), Align::kRight},
                   {word("converted", "转化"), Align::kRight},
                   {word("not yet", "尚未"), Align::kRight},
                   {word("95 % interval", "95 % 区间"), Align::kRight},
                   {""}},
                  rows, width);
  if (shown < steps) {
    text += fmt::format(fmt::runtime(word("{} of {} steps; all of them: -o json\n",
                                          "显示 {} 步，共 {} 步；全部：-o json\n")),
                        shown, steps);
  }
  return text;
}

std::string CustomersTable(const v1::CustomerRecoveryFigure& figure, const Word& word, int width) {
  const Rate shown[] = {
      {word("recovered, ever", "修复（任一次）"), figure.recovered_ever()},
      {word("recovered, at the last answer", "修复（最后一次）"), figure.recovered_last()},
      {word("converted, ever", "转化（任一次）"), figure.converted_ever()},
      {word("converted, at the last answer", "转化（最后一次）"), figure.converted_last()}};
  return RatesTable(shown, word, width);
}

std::string RenderCustomers(const v1::CustomerRecoveryFigure& figure, const Word& word,
                            const Style& style, int width) {
  Facts facts = {
      {word("began as detractors and answered again", "首次为贬损者且再次作答"),
       Around(word("{} customers", "{} 位客户"), figure.customer_count())},
      {word("began as detractors, never again", "首次为贬损者，未再作答"),
       Around(word("{} (not counted below)", "{} 位（不计入下表）"), figure.never_again_count())}};
  if (figure.has_without_listed()) {
    facts.emplace_back(word("listed at the first answer", "首次作答时在黑名单"),
                       GroupDigits(figure.listed_count()));
  }
  std::string text = RenderFacts(facts) + "\n" + CustomersTable(figure, word, width);
  if (figure.has_without_listed()) {
    text += "\n" + style.Bold(WithoutListed(word)) + "\n" +
            CustomersTable(figure.without_listed(), word, width);
  }
  return text;
}

// ---- Commands

CLI::App* AddReport(CLI::App& reports, const std::string& name, const std::string& help,
                    v1::ReportScope* scope, bool program_required, const std::string& example) {
  CLI::App* report = reports.add_subcommand(name, help);
  report->add_option("--program", *scope->mutable_program_id(), "The survey program")
      ->required(program_required)
      ->type_name("PROGRAM");
  AddTime(
      report, "--as-of", [scope] { return scope->mutable_as_of(); },
      "What was known then; else now, or for history its last answer");
  AddTime(
      report, "--from", [scope] { return scope->mutable_start_time(); },
      "Answers given, cases opened, or pauses begun, from then on");
  AddTime(
      report, "--to", [scope] { return scope->mutable_end_time(); }, "and before then");
  report->footer("Example:\n  rebound report " + example);
  return report;
}

void AddBy(CLI::App* report, v1::ReportScope* scope) {
  report
      ->add_option("--by", *scope->mutable_group_by(),
                   "Split by touchpoint, org_unit, channel, language, respondent_role or "
                   "attributes.KEY")
      ->type_name("FIELD");
}

void AddNps(CLI::App& reports, Session& session) {
  auto request = std::make_shared<v1::GetNpsReportRequest>();
  CLI::App* nps =
      AddReport(reports, "nps", "Net Promoter Score with its interval", request->mutable_scope(),
                false, "nps --program hotline --by touchpoint");
  AddBy(nps, request->mutable_scope());
  nps->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::GetNpsReportResponse reply;
      const int code = session.Call(&ReportService::Stub::GetNpsReport, *request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else if (session.format == Format::kCsv) {
        WriteNpsCsv(reply, session.out);
      } else {
        session.out << RenderNps(reply, session.chinese, session.style, session.out_width);
      }
      return kExitOk;
    };
  });
}

void AddFunnel(CLI::App& reports, Session& session) {
  auto request = std::make_shared<v1::GetFunnelReportRequest>();
  CLI::App* funnel =
      AddReport(reports, "funnel", "From eligible case to converted customer",
                request->mutable_scope(), false, "funnel --program hotline --from 2026-01-01");
  AddBy(funnel, request->mutable_scope());
  funnel->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::GetFunnelReportResponse reply;
      const int code = session.Call(&ReportService::Stub::GetFunnelReport, *request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else if (session.format == Format::kCsv) {
        WriteFunnelCsv(reply, session.out);
      } else {
        session.out << RenderFunnel(reply, session.chinese, session.style, session.out_width);
      }
      return kExitOk;
    };
  });
}

void AddRecovery(CLI::App& reports, Session& session) {
  struct Options {
    v1::GetRecoveryReportRequest request;
    v1::RecoveryUnit unit = v1::RECOVERY_UNIT_CASE;
    std::string cohort;
    bool curve = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* recovery =
      AddReport(reports, "recovery", "How many detractors recovered and converted",
                options->request.mutable_scope(), true,
                "recovery --program hotline\n"
                "  rebound report recovery --program panel --unit customer --cohort first-answer");
  AddBy(recovery, options->request.mutable_scope());
  AddEnum(recovery, "--unit", &options->unit, "What is counted");
  recovery
      ->add_option("--cohort", options->cohort,
                   "With --unit customer: those whose first answer was a detractor's: first-answer")
      ->check(CLI::IsMember({"first-answer"}))
      ->type_name("NAME");
  recovery->add_flag("--curve", options->curve, "With the share not yet converted by time");
  recovery->callback([options, &session] {
    session.command = [options, &session]() -> int {
      if (!options->cohort.empty() && options->unit != v1::RECOVERY_UNIT_CUSTOMER) {
        return session.Fail(kExitUsage,
                            "expected --cohort only with --unit customer; cases always "
                            "go by when they were opened");
      }
      options->request.set_unit(options->unit);
      v1::GetRecoveryReportResponse reply;
      const int code =
          session.Call(&ReportService::Stub::GetRecoveryReport, options->request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else if (session.format == Format::kCsv) {
        WriteRecoveryCsv(reply, session.out);
      } else {
        session.out << RenderRecovery(reply, options->curve, session.chinese, session.style,
                                      session.out_width);
      }
      return kExitOk;
    };
  });
}

void AddPauses(CLI::App& reports, Session& session) {
  auto request = std::make_shared<v1::GetPauseReportRequest>();
  CLI::App* pauses = AddReport(reports, "pauses", "How long cases stood still, by owner",
                               request->mutable_scope(), false, "pauses --from 2026-01-01");
  pauses->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::GetPauseReportResponse reply;
      const int code = session.Call(&ReportService::Stub::GetPauseReport, *request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else if (session.format == Format::kCsv) {
        WritePausesCsv(reply, session.out);
      } else {
        session.out << RenderPauses(reply, session.style, session.out_width);
      }
      return kExitOk;
    };
  });
}

void AddRemedies(CLI::App& reports, Session& session) {
  struct Options {
    v1::GetRemedyReportRequest request;
    v1::RemedyGroup group = v1::REMEDY_GROUP_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  CLI::App* remedies =
      AddReport(reports, "remedies", "What was given, in all and by whom or to whom",
                options->request.mutable_scope(), false, "remedies --by type --from 2026-01-01");
  AddEnum(remedies, "--by", &options->group, "How to group")->required();
  remedies->callback([options, &session] {
    session.command = [options, &session]() -> int {
      options->request.set_group(options->group);
      v1::GetRemedyReportResponse reply;
      const int code =
          session.Call(&ReportService::Stub::GetRemedyReport, options->request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else if (session.format == Format::kCsv) {
        WriteRemediesCsv(reply, session.out);
      } else {
        session.out << RenderRemedies(reply, session.style, session.out_width);
      }
      return kExitOk;
    };
  });
}

std::vector<std::string> RemedyRow(const v1::RemedyFigure& figure, const std::string& name) {
  const auto money = [&figure](int64_t minor) {
    if (figure.currency_code().empty()) return std::string();
    v1::Money amount;
    amount.set_amount_minor(minor);
    amount.set_currency_code(figure.currency_code());
    return FormatMoney(amount);
  };
  return {name,
          GroupDigits(figure.case_count()),
          GroupDigits(figure.remedy_count()),
          money(figure.granted_minor()),
          money(figure.given_minor()),
          money(figure.statutory_minor()),
          GroupDigits(figure.declined_count()),
          GroupDigits(figure.reversed_count())};
}

std::vector<std::string> PauseRow(const v1::PauseFigure& figure, const std::string& name) {
  const auto words = [](const google::protobuf::Duration& span) {
    return SpanWords(span.seconds(), true, false);
  };
  return {name,
          GroupDigits(figure.case_count()),
          GroupDigits(figure.pause_count()),
          GroupDigits(figure.lasting_count()),
          words(figure.paused()),
          words(figure.longest())};
}

}  // namespace

std::string RenderRemedies(const v1::GetRemedyReportResponse& report, const Style& style,
                           int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::RemedyFigure& figure : report.groups()) {
    rows.push_back(RemedyRow(figure, figure.key().empty() ? "(none)" : figure.key()));
  }
  for (const v1::RemedyFigure& figure : report.totals()) rows.push_back(RemedyRow(figure, "all"));
  return style.Bold("Remedies") + ", " + AsOf(report.as_of(), report.has_as_of()) + "\n\n" +
         RenderTable({{"group"},
                      {"cases", Align::kRight},
                      {"remedies", Align::kRight},
                      {"granted", Align::kRight},
                      {"given", Align::kRight},
                      {"by law", Align::kRight},
                      {"declined", Align::kRight},
                      {"reversed", Align::kRight}},
                     rows, width);
}

void WriteRemediesCsv(const v1::GetRemedyReportResponse& report, std::ostream& out) {
  CsvWriter csv(out);
  csv.Write({"row", "key", "currency", "cases", "remedies", "granted_minor", "given_minor",
             "statutory_minor", "declined", "reversed"});
  const auto write = [&csv](const std::string& row, const v1::RemedyFigure& figure) {
    csv.Write({row, figure.key(), figure.currency_code(), Count(figure.case_count()),
               Count(figure.remedy_count()), Count(figure.granted_minor()),
               Count(figure.given_minor()), Count(figure.statutory_minor()),
               Count(figure.declined_count()), Count(figure.reversed_count())});
  };
  for (const v1::RemedyFigure& figure : report.groups()) write("group", figure);
  for (const v1::RemedyFigure& figure : report.totals()) write("total", figure);
}

std::string RenderPauses(const v1::GetPauseReportResponse& report, const Style& style, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::PauseFigure& figure : report.owners()) {
    rows.push_back(PauseRow(figure, figure.owner().empty() ? "(nobody)" : figure.owner()));
  }
  rows.push_back(PauseRow(report.total(), "all"));
  return style.Bold("Pauses of clocks") + ", " + AsOf(report.as_of(), report.has_as_of()) + "\n\n" +
         RenderTable({{"owner"},
                      {"cases", Align::kRight},
                      {"pauses", Align::kRight},
                      {"lasting", Align::kRight},
                      {"stood still", Align::kRight},
                      {"longest", Align::kRight}},
                     rows, width);
}

void WritePausesCsv(const v1::GetPauseReportResponse& report, std::ostream& out) {
  CsvWriter csv(out);
  csv.Write({"row", "owner", "cases", "pauses", "lasting", "paused_seconds", "longest_seconds"});
  const auto write = [&csv](const std::string& row, const v1::PauseFigure& figure) {
    csv.Write({row, figure.owner(), Count(figure.case_count()), Count(figure.pause_count()),
               Count(figure.lasting_count()), Count(figure.paused().seconds()),
               Count(figure.longest().seconds())});
  };
  for (const v1::PauseFigure& figure : report.owners()) write("owner", figure);
  write("total", report.total());
}

std::string RenderNps(const v1::GetNpsReportResponse& report, bool chinese, const Style& style,
                      int width) {
  const Word word{chinese};
  const v1::NpsFigure& total = report.total();
  std::vector<std::vector<std::string>> rows;
  for (const v1::NpsFigure& figure : report.groups()) {
    rows.push_back(NpsRow(figure, GroupName(figure.group(), word), word));
  }
  rows.push_back(NpsRow(total, word("all", "全部"), word));
  if (total.has_without_listed()) {
    rows.push_back(NpsRow(total.without_listed(), RestLabel(word), word));
  }
  std::string text =
      Title("Net Promoter Score", "净推荐值", report.as_of(), report.has_as_of(), word, style) +
      RenderTable({{word("group", "分组")},
                   {word("answers", "答卷"), Align::kRight},
                   {word("promoters", "推荐者"), Align::kRight},
                   {word("passives", "被动者"), Align::kRight},
                   {word("detractors", "贬损者"), Align::kRight},
                   {"NPS", Align::kRight},
                   {word("95 % interval", "95 % 区间"), Align::kRight},
                   {""}},
                  rows, width);
  text += word("\n░ detractors  ▒ passives  █ promoters\n", "\n░ 贬损者  ▒ 被动者  █ 推荐者\n");
  if (report.anonymous_count() > 0) {
    text += Around(word("{} of the answers are anonymous.\n", "其中 {} 份答卷为匿名。\n"),
                   report.anonymous_count());
  }
  if (total.has_without_listed()) {
    text += Around(word("{} of the answers are of customers who were listed then.\n",
                        "其中 {} 份答卷的客户当时在黑名单。\n"),
                   total.listed_count());
  }
  return text;
}

void WriteNpsCsv(const v1::GetNpsReportResponse& report, std::ostream& out) {
  CsvWriter csv(out);
  csv.Write(
      {"row", "group", "responses", "promoters", "passives", "detractors", "nps", "low", "high"});
  const auto write = [&csv](const std::string& row, const std::string& group,
                            const v1::NpsFigure& figure) {
    csv.Write({row, group, Count(figure.response_count()), Count(figure.promoter_count()),
               Count(figure.passive_count()), Count(figure.detractor_count()),
               figure.has_nps() ? Exact(figure.nps()) : "",
               figure.has_interval() ? Exact(figure.interval().low()) : "",
               figure.has_interval() ? Exact(figure.interval().high()) : ""});
  };
  const auto write_both = [&write](const std::string& row, const v1::NpsFigure& figure) {
    write(row, figure.group(), figure);
    if (figure.has_without_listed()) {
      write(row + "_without_listed", figure.group(), figure.without_listed());
    }
  };
  for (const v1::NpsFigure& figure : report.groups()) write_both("group", figure);
  write_both("total", report.total());
}

std::string RenderFunnel(const v1::GetFunnelReportResponse& report, bool chinese,
                         const Style& style, int width) {
  const Word word{chinese};
  const v1::Funnel& total = report.total();
  const bool split = total.has_without_listed();
  Facts facts = OpenedFacts(total.opened_count(), total.exclusions(),
                            split ? std::optional(total.listed_count()) : std::nullopt, word);
  facts.emplace_back(word("still open", "仍未办结"), GroupDigits(total.open_count()));
  std::string text = Title("Funnel", "漏斗", report.as_of(), report.has_as_of(), word, style) +
                     RenderFacts(facts) + "\n";
  const auto share = [](const v1::FunnelStage& stage) {
    return stage.has_share() ? Percent(stage.share()) : "-";
  };
  std::vector<TableColumn> of_stages = {{word("stage", "阶段")},
                                        {word("cases", "工单"), Align::kRight},
                                        {word("share", "占比"), Align::kRight}};
  if (split) {
    of_stages.push_back({RestLabel(word), Align::kRight});
    of_stages.push_back({word("share", "占比"), Align::kRight});
  }
  of_stages.push_back({""});
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < total.stages_size(); ++i) {
    const v1::FunnelStage& stage = total.stages(i);
    std::vector<std::string>& row = rows.emplace_back();
    row = {Translated(stage.stage(), kStages, word), GroupDigits(stage.count()), share(stage)};
    if (split) {
      const bool there = i < total.without_listed().stages_size();
      const v1::FunnelStage rest = there ? total.without_listed().stages(i) : v1::FunnelStage();
      row.push_back(GroupDigits(rest.count()));
      row.push_back(share(rest));
    }
    row.push_back(Bar(stage.share(), kBarWidth));
  }
  text += RenderTable(of_stages, rows, width);
  if (report.groups().empty()) return text;
  std::vector<TableColumn> columns = {{word("group", "分组")},
                                      {word("opened", "建单"), Align::kRight}};
  for (const v1::FunnelStage& stage : total.stages()) {
    columns.push_back({Translated(stage.stage(), kStages, word), Align::kRight});
  }
  std::vector<std::vector<std::string>> groups;
  for (const v1::Funnel& funnel : report.groups()) {
    std::vector<std::string>& row = groups.emplace_back();
    row = {GroupName(funnel.group(), word), GroupDigits(funnel.opened_count())};
    for (const v1::FunnelStage& stage : funnel.stages()) row.push_back(GroupDigits(stage.count()));
  }
  return text + "\n" + RenderTable(columns, groups, width);
}

void WriteFunnelCsv(const v1::GetFunnelReportResponse& report, std::ostream& out) {
  CsvWriter csv(out);
  csv.Write({"row", "group", "stage", "cases", "share"});
  const auto write = [&csv](const std::string& row, const std::string& group,
                            const v1::Funnel& funnel) {
    csv.Write({row, group, "opened", Count(funnel.opened_count()), ""});
    for (const v1::FunnelStage& stage : funnel.stages()) {
      csv.Write({row, group, stage.stage(), Count(stage.count()),
                 stage.has_share() ? Exact(stage.share()) : ""});
    }
  };
  const auto write_both = [&write](const std::string& row, const v1::Funnel& funnel) {
    write(row, funnel.group(), funnel);
    if (funnel.has_without_listed()) {
      write(row + "_without_listed", funnel.group(), funnel.without_listed());
    }
  };
  for (const v1::Funnel& funnel : report.groups()) write_both("group", funnel);
  write_both("total", report.total());
}

std::string RenderRecovery(const v1::GetRecoveryReportResponse& report, bool curve, bool chinese,
                           const Style& style, int width) {
  const Word word{chinese};
  std::string text = Title("Recovery and conversion", "修复与转化", report.as_of(),
                           report.has_as_of(), word, style);
  if (report.has_customers()) {
    return text + RenderCustomers(report.customers(), word, style, width);
  }
  const v1::RecoveryFigure& total = report.total();
  const bool split = total.has_without_listed();
  Facts facts = OpenedFacts(total.opened_count(), total.exclusions(),
                            split ? std::optional(total.listed_count()) : std::nullopt, word);
  if (total.anonymous_detractor_count() > 0) {
    facts.emplace_back(word("anonymous detractors", "匿名贬损者"),
                       Around(word("{}, who can never be asked again", "{} 位，无法复测"),
                              total.anonymous_detractor_count()));
  }
  text += RenderFacts(facts);
  text += RenderRates(word("All eligible cases", "全部纳入统计的工单"), total.all(), word, style,
                      width);
  if (split) {
    text += RenderRates(WithoutListed(word), total.without_listed().all(), word, style, width);
  }
  const int64_t matured = total.matured().eligible_count();
  const int64_t running = total.not_matured().eligible_count();
  if (running == 0) {
    text += word("\nThe window of every eligible case has passed.\n",
                 "\n全部纳入统计的工单已过窗口期。\n");
  } else if (matured == 0) {
    text += word("\nThe window of every eligible case still runs.\n",
                 "\n全部纳入统计的工单仍在窗口期内。\n");
  } else {
    text +=
        RenderRates(word("Window has passed", "已过窗口期"), total.matured(), word, style, width) +
        RenderRates(word("Window still runs", "仍在窗口期内"), total.not_matured(), word, style,
                    width);
  }
  if (!report.groups().empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const v1::RecoveryFigure& figure : report.groups()) {
      const v1::RecoveryRates& rates = figure.all();
      rows.push_back({GroupName(figure.group(), word), GroupDigits(rates.eligible_count()),
                      GroupDigits(rates.answered_count()),
                      GroupDigits(rates.recovered_first_answer().count()),
                      ShareText(rates.recovered_first_answer()),
                      IntervalText(rates.recovered_first_answer(), word),
                      GroupDigits(rates.converted_first_answer().count()),
                      ShareText(rates.converted_first_answer()),
                      IntervalText(rates.converted_first_answer(), word)});
    }
    const char* share = word("share", "占比");
    const char* interval = word("95 % interval", "95 % 区间");
    text += "\n" + style.Bold(word("By group, first answer", "分组，首次答复")) + "\n" +
            RenderTable({{word("group", "分组")},
                         {word("eligible", "纳入统计"), Align::kRight},
                         {word("answered", "已答复"), Align::kRight},
                         {word("recovered", "修复"), Align::kRight},
                         {share, Align::kRight},
                         {interval, Align::kRight},
                         {word("converted", "转化"), Align::kRight},
                         {share, Align::kRight},
                         {interval, Align::kRight}},
                        rows, width);
  }
  if (curve) text += RenderCurve(total, word, style, width);
  return text;
}

void WriteRecoveryCsv(const v1::GetRecoveryReportResponse& report, std::ostream& out) {
  CsvWriter csv(out);
  csv.Write({"row", "group", "cases", "rate", "count", "total", "share", "low", "high"});
  const auto write = [&csv](const std::string& row, const std::string& group,
                            const std::string& cases, const std::string& rate,
                            const v1::Proportion& share) {
    csv.Write({row, group, cases, rate, Count(share.count()), Count(share.total()),
               share.has_value() ? Exact(share.value()) : "",
               share.has_interval() ? Exact(share.interval().low()) : "",
               share.has_interval() ? Exact(share.interval().high()) : ""});
  };
  const auto write_rates = [&](const std::string& row, const std::string& group,
                               const std::string& cases, const v1::RecoveryRates& rates) {
    write(row, group, cases, "recovered_first_answer", rates.recovered_first_answer());
    write(row, group, cases, "recovered_ever", rates.recovered_ever());
    write(row, group, cases, "recovered_among_answerers", rates.recovered_among_answerers());
    write(row, group, cases, "converted_first_answer", rates.converted_first_answer());
    write(row, group, cases, "converted_ever", rates.converted_ever());
    write(row, group, cases, "converted_among_answerers", rates.converted_among_answerers());
  };
  if (report.has_customers()) {
    const auto write_customers = [&write](const std::string& row,
                                          const v1::CustomerRecoveryFigure& figure) {
      write(row, "", "customers", "recovered_ever", figure.recovered_ever());
      write(row, "", "customers", "recovered_last", figure.recovered_last());
      write(row, "", "customers", "converted_ever", figure.converted_ever());
      write(row, "", "customers", "converted_last", figure.converted_last());
    };
    write_customers("total", report.customers());
    if (report.customers().has_without_listed()) {
      write_customers("total_without_listed", report.customers().without_listed());
    }
    return;
  }
  for (const v1::RecoveryFigure& figure : report.groups()) {
    write_rates("group", figure.group(), "all", figure.all());
    if (!figure.has_without_listed()) continue;
    write_rates("group_without_listed", figure.group(), "all", figure.without_listed().all());
  }
  const auto write_total = [&write_rates](const std::string& row,
                                          const v1::RecoveryFigure& figure) {
    write_rates(row, "", "all", figure.all());
    write_rates(row, "", "matured", figure.matured());
    write_rates(row, "", "not_matured", figure.not_matured());
  };
  write_total("total", report.total());
  if (report.total().has_without_listed()) {
    write_total("total_without_listed", report.total().without_listed());
  }
}

void AddReportCommands(CLI::App& app, Session& session) {
  CLI::App* reports = app.add_subcommand("report", "Figures with their intervals");
  reports->require_subcommand(1);
  AddNps(*reports, session);
  AddFunnel(*reports, session);
  AddRecovery(*reports, session);
  AddPauses(*reports, session);
  AddRemedies(*reports, session);
}

}  // namespace rebound::cli
