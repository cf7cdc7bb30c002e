#include "clients/cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "rebound/v1/report_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::ReportService;

constexpr int kBarWidth = 24;
// More steps of a curve than fit a screen are thinned out.
constexpr int kCurveRows = 20;

std::string GroupName(const std::string& group) { return group.empty() ? "(none)" : group; }

std::string AsOf(const google::protobuf::Timestamp& time, bool present) {
  return present ? "as of " + FormatTimeSeconds(time) : "";
}

// "233 / 4,152"
std::string Ratio(const v1::Proportion& share) {
  return GroupDigits(share.count()) + " / " + GroupDigits(share.total());
}

std::string ShareText(const v1::Proportion& share) {
  return share.has_value() ? Percent(share.value()) : "-";
}

std::string PercentRange(const v1::Interval& interval) {
  return Decimal(interval.low() * 100, 2) + " to " + Percent(interval.high());
}

std::string IntervalText(const v1::Proportion& share) {
  return share.has_interval() ? PercentRange(share.interval()) : "";
}

std::string ExclusionsText(const google::protobuf::RepeatedPtrField<v1::Exclusion>& exclusions) {
  std::string text;
  for (const v1::Exclusion& exclusion : exclusions) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", GroupDigits(exclusion.count()),
                        exclusion.reason());
  }
  return text.empty() ? "none" : text;
}

// "low to high" of the NPS, which is no share.
std::string NpsRange(const v1::NpsFigure& figure) {
  if (!figure.has_interval()) return "";
  return Decimal(figure.interval().low(), 2) + " to " + Decimal(figure.interval().high(), 2);
}

std::vector<std::string> NpsRow(const v1::NpsFigure& figure, const std::string& name) {
  return {
      name,
      GroupDigits(figure.response_count()),
      GroupDigits(figure.promoter_count()),
      GroupDigits(figure.passive_count()),
      GroupDigits(figure.detractor_count()),
      figure.has_nps() ? Decimal(figure.nps(), 2) : "-",
      NpsRange(figure),
      NpsBar(figure.detractor_count(), figure.passive_count(), figure.promoter_count(), kBarWidth)};
}

std::string Count(int64_t number) { return std::to_string(number); }

// Numbers in CSV keep enough digits to be worked with.
std::string Exact(double value) { return fmt::format("{:.6g}", value); }

Facts OpenedFacts(int64_t opened,
                  const google::protobuf::RepeatedPtrField<v1::Exclusion>& exclusions) {
  return {{"cases opened", GroupDigits(opened)}, {"left out", ExclusionsText(exclusions)}};
}

std::string RateTable(const v1::RecoveryRates& rates, int width) {
  struct Rate {
    const char* name;
    const v1::Proportion& share;
  };
  const Rate shown[] = {
      {"recovered, first answer", rates.recovered_first_answer()},
      {"recovered, ever in the window", rates.recovered_ever()},
      {"recovered, of those who answered", rates.recovered_among_answerers()},
      {"converted, first answer", rates.converted_first_answer()},
      {"converted, ever in the window", rates.converted_ever()},
      {"converted, of those who answered", rates.converted_among_answerers()},
  };
  std::vector<std::vector<std::string>> rows;
  for (const Rate& rate : shown) {
    rows.push_back({rate.name, Ratio(rate.share), ShareText(rate.share), IntervalText(rate.share)});
  }
  std::string text = RenderTable({{"rate"},
                                  {"k / n", Align::kRight},
                                  {"share", Align::kRight},
                                  {"95 % interval", Align::kRight}},
                                 rows, width);
  Facts bounds;
  if (rates.has_recovered_bounds()) {
    bounds.emplace_back("recovered if all the unanswered did not, or did",
                        PercentRange(rates.recovered_bounds()));
  }
  if (rates.has_converted_bounds()) {
    bounds.emplace_back("converted if all the unanswered did not, or did",
                        PercentRange(rates.converted_bounds()));
  }
  return text + RenderFacts(bounds);
}

std::string RenderRates(std::string_view title, const v1::RecoveryRates& rates, const Style& style,
                        int width) {
  return fmt::format("\n{}: {} eligible, {} answered\n", style.Bold(title),
                     GroupDigits(rates.eligible_count()), GroupDigits(rates.answered_count())) +
         RateTable(rates, width);
}

std::string RenderCurve(const v1::RecoveryFigure& figure, const Style& style, int width) {
  const int steps = figure.conversion_curve_size();
  if (steps == 0) return "\nNo conversion, so no curve.\n";
  std::vector<std::vector<std::string>> rows;
  const int shown = std::min(steps, kCurveRows);
  for (int i = 0; i < shown; ++i) {
    // Evenly spread over the steps, the last one included.
    const int index = shown == 1 ? 0 : static_cast<int>(int64_t{i} * (steps - 1) / (shown - 1));
    const v1::SurvivalStep& step = figure.conversion_curve(index);
    rows.push_back({Decimal(step.days(), 1), GroupDigits(step.at_risk_count()),
                    GroupDigits(step.event_count()), Percent(step.survival()),
                    step.has_interval() ? PercentRange(step.interval()) : "",
                    Bar(step.survival(), kBarWidth)});
  }
  std::string text = "\n" + style.Bold("Not yet converted, by days since opening") + "\n" +
                     RenderTable({{"days", Align::kRight},
                                  {"at risk", Align::kRight},
                                  {"converted", Align::kRight},
                                  {"not yet", Align::kRight},
                                  {"95 % interval", Align::kRight},
                                  {""}},
                                 rows, width);
  if (shown < steps) {
    text += fmt::format("{} of {} steps; all of them: -o json\n", shown, steps);
  }
  return text;
}

std::string RenderCustomers(const v1::CustomerRecoveryFigure& figure, int width) {
  struct Rate {
    const char* name;
    const v1::Proportion& share;
  };
  const Rate shown[] = {{"recovered, ever", figure.recovered_ever()},
                        {"recovered, at the last answer", figure.recovered_last()},
                        {"converted, ever", figure.converted_ever()},
                        {"converted, at the last answer", figure.converted_last()}};
  std::vector<std::vector<std::string>> rows;
  for (const Rate& rate : shown) {
    rows.push_back({rate.name, Ratio(rate.share), ShareText(rate.share), IntervalText(rate.share)});
  }
  return RenderFacts({{"began as detractors and answered again",
                       GroupDigits(figure.customer_count()) + " customers"},
                      {"began as detractors, never again",
                       GroupDigits(figure.never_again_count()) + " (not counted below)"}}) +
         "\n" +
         RenderTable({{"rate"},
                      {"k / n", Align::kRight},
                      {"share", Align::kRight},
                      {"95 % interval", Align::kRight}},
                     rows, width);
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
        session.out << RenderNps(reply, session.style, session.out_width);
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
        session.out << RenderFunnel(reply, session.style, session.out_width);
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
        session.out << RenderRecovery(reply, options->curve, session.style, session.out_width);
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

std::string RenderNps(const v1::GetNpsReportResponse& report, const Style& style, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::NpsFigure& figure : report.groups()) {
    rows.push_back(NpsRow(figure, GroupName(figure.group())));
  }
  rows.push_back(NpsRow(report.total(), "all"));
  std::string text = style.Bold("Net Promoter Score") + ", " +
                     AsOf(report.as_of(), report.has_as_of()) + "\n\n" +
                     RenderTable({{"group"},
                                  {"answers", Align::kRight},
                                  {"promoters", Align::kRight},
                                  {"passives", Align::kRight},
                                  {"detractors", Align::kRight},
                                  {"NPS", Align::kRight},
                                  {"95 % interval", Align::kRight},
                                  {""}},
                                 rows, width);
  text += "\n░ detractors  ▒ passives  █ promoters\n";
  if (report.anonymous_count() > 0) {
    text +=
        fmt::format("{} of the answers are anonymous.\n", GroupDigits(report.anonymous_count()));
  }
  return text;
}

void WriteNpsCsv(const v1::GetNpsReportResponse& report, std::ostream& out) {
  CsvWriter csv(out);
  csv.Write(
      {"row", "group", "responses", "promoters", "passives", "detractors", "nps", "low", "high"});
  const auto write = [&csv](const char* row, const v1::NpsFigure& figure) {
    csv.Write({row, figure.group(), Count(figure.response_count()), Count(figure.promoter_count()),
               Count(figure.passive_count()), Count(figure.detractor_count()),
               figure.has_nps() ? Exact(figure.nps()) : "",
               figure.has_interval() ? Exact(figure.interval().low()) : "",
               figure.has_interval() ? Exact(figure.interval().high()) : ""});
  };
  for (const v1::NpsFigure& figure : report.groups()) write("group", figure);
  write("total", report.total());
}

std::string RenderFunnel(const v1::GetFunnelReportResponse& report, const Style& style, int width) {
  const v1::Funnel& total = report.total();
  Facts facts = OpenedFacts(total.opened_count(), total.exclusions());
  facts.emplace_back("still open", GroupDigits(total.open_count()));
  std::string text = style.Bold("Funnel") + ", " + AsOf(report.as_of(), report.has_as_of()) +
                     "\n\n" + RenderFacts(facts) + "\n";
  std::vector<std::vector<std::string>> rows;
  for (const v1::FunnelStage& stage : total.stages()) {
    rows.push_back({stage.stage(), GroupDigits(stage.count()),
                    stage.has_share() ? Percent(stage.share()) : "-",
                    Bar(stage.share(), kBarWidth)});
  }
  text += RenderTable({{"stage"}, {"cases", Align::kRight}, {"share", Align::kRight}, {""}}, rows,
                      width);
  if (report.groups().empty()) return text;
  std::vector<TableColumn> columns = {{"group"}, {"opened", Align::kRight}};
  for (const v1::FunnelStage& stage : total.stages()) {
    columns.push_back({stage.stage(), Align::kRight});
  }
  std::vector<std::vector<std::string>> groups;
  for (const v1::Funnel& funnel : report.groups()) {
    std::vector<std::string>& row = groups.emplace_back();
    row = {GroupName(funnel.group()), GroupDigits(funnel.opened_count())};
    for (const v1::FunnelStage& stage : funnel.stages()) row.push_back(GroupDigits(stage.count()));
  }
  return text + "\n" + RenderTable(columns, groups, width);
}

void WriteFunnelCsv(const v1::GetFunnelReportResponse& report, std::ostream& out) {
  CsvWriter csv(out);
  csv.Write({"row", "group", "stage", "cases", "share"});
  const auto write = [&csv](const char* row, const v1::Funnel& funnel) {
    csv.Write({row, funnel.group(), "opened", Count(funnel.opened_count()), ""});
    for (const v1::FunnelStage& stage : funnel.stages()) {
      csv.Write({row, funnel.group(), stage.stage(), Count(stage.count()),
                 stage.has_share() ? Exact(stage.share()) : ""});
    }
  };
  for (const v1::Funnel& funnel : report.groups()) write("group", funnel);
  write("total", report.total());
}

std::string RenderRecovery(const v1::GetRecoveryReportResponse& report, bool curve,
                           const Style& style, int width) {
  std::string text = style.Bold("Recovery and conversion") + ", " +
                     AsOf(report.as_of(), report.has_as_of()) + "\n\n";
  if (report.has_customers()) return text + RenderCustomers(report.customers(), width);
  const v1::RecoveryFigure& total = report.total();
  Facts facts = OpenedFacts(total.opened_count(), total.exclusions());
  if (total.anonymous_detractor_count() > 0) {
    facts.emplace_back("anonymous detractors", GroupDigits(total.anonymous_detractor_count()) +
                                                   ", who can never be asked again");
  }
  text += RenderFacts(facts);
  text += RenderRates("All eligible cases", total.all(), style, width);
  const int64_t matured = total.matured().eligible_count();
  const int64_t running = total.not_matured().eligible_count();
  if (running == 0) {
    text += "\nThe window of every eligible case has passed.\n";
  } else if (matured == 0) {
    text += "\nThe window of every eligible case still runs.\n";
  } else {
    text += RenderRates("Window has passed", total.matured(), style, width) +
            RenderRates("Window still runs", total.not_matured(), style, width);
  }
  if (!report.groups().empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const v1::RecoveryFigure& figure : report.groups()) {
      const v1::RecoveryRates& rates = figure.all();
      rows.push_back(
          {GroupName(figure.group()), GroupDigits(rates.eligible_count()),
           GroupDigits(rates.answered_count()), GroupDigits(rates.recovered_first_answer().count()),
           ShareText(rates.recovered_first_answer()), IntervalText(rates.recovered_first_answer()),
           GroupDigits(rates.converted_first_answer().count()),
           ShareText(rates.converted_first_answer()),
           IntervalText(rates.converted_first_answer())});
    }
    text += "\n" + style.Bold("By group, first answer") + "\n" +
            RenderTable({{"group"},
                         {"eligible", Align::kRight},
                         {"answered", Align::kRight},
                         {"recovered", Align::kRight},
                         {"share", Align::kRight},
                         {"95 % interval", Align::kRight},
                         {"converted", Align::kRight},
                         {"share", Align::kRight},
                         {"95 % interval", Align::kRight}},
                        rows, width);
  }
  if (curve) text += RenderCurve(total, style, width);
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
    const v1::CustomerRecoveryFigure& figure = report.customers();
    write("total", "", "customers", "recovered_ever", figure.recovered_ever());
    write("total", "", "customers", "recovered_last", figure.recovered_last());
    write("total", "", "customers", "converted_ever", figure.converted_ever());
    write("total", "", "customers", "converted_last", figure.converted_last());
    return;
  }
  for (const v1::RecoveryFigure& figure : report.groups()) {
    write_rates("group", figure.group(), "all", figure.all());
  }
  write_rates("total", "", "all", report.total().all());
  write_rates("total", "", "matured", report.total().matured());
  write_rates("total", "", "not_matured", report.total().not_matured());
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
