#include "clients/cli/backtest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "clients/cli/commands.h"
#include "clients/cli/config.h"
#include "clients/cli/options.h"
#include "clients/cli/progress.h"
#include "clients/cli/words.h"
#include "rebound/v1/config_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::ConfigService;

constexpr int kShareWidth = 20;
constexpr size_t kMostDays = 31;

struct Unit {
  std::string_view name;
  v1::ClockCount count;
  int64_t seconds;  // 0: days
};
constexpr Unit kUnits[] = {
    {"hours", v1::CLOCK_COUNT_WALL, 3'600},
    {"minutes", v1::CLOCK_COUNT_WALL, 60},
    {"business_hours", v1::CLOCK_COUNT_BUSINESS_TIME, 3'600},
    {"business_minutes", v1::CLOCK_COUNT_BUSINESS_TIME, 60},
    {"calendar_days", v1::CLOCK_COUNT_CALENDAR_DAYS, 0},
    {"working_days", v1::CLOCK_COUNT_WORKING_DAYS, 0},
};

std::string Share(int64_t part, int64_t whole) {
  if (whole == 0) return "";
  return Decimal(100.0 * static_cast<double>(part) / static_cast<double>(whole), 1) + " %";
}

std::string Or(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

std::string ChangesTable(const v1::BacktestConfigResponse& reply, const Word& word, int width) {
  static const std::map<std::string, const char*> kWhat = {{"playbook", "补救方案"},
                                                           {"queue", "工单池"},
                                                           {"priority", "优先级"},
                                                           {"severity", "严重程度"}};
  std::vector<std::vector<std::string>> rows;
  for (const v1::BacktestChange& change : reply.changes()) {
    const auto what = kWhat.find(change.what());
    rows.push_back({what == kWhat.end() ? change.what() : word(what->first.c_str(), what->second),
                    Or(change.from(), "-"), Or(change.to(), "-"), GroupDigits(change.case_count()),
                    Share(change.case_count(), reply.case_count())});
  }
  if (rows.empty()) {
    return word("Every case would have had the same playbook, queue, priority and severity.\n",
                "所有工单的补救方案、工单池、优先级与严重程度均不变。\n");
  }
  return RenderTable({{word("what", "项目")},
                      {word("was", "原为")},
                      {word("would be", "将为")},
                      {word("cases", "工单数"), Align::kRight},
                      {word("share", "占比"), Align::kRight}},
                     rows, width);
}

std::string DeadlinesTable(const v1::BacktestConfigResponse& reply, const Word& word, int width) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const v1::BacktestPunctuality& counts) {
    const double late = counts.case_count() == 0 ? 0.0
                                                 : static_cast<double>(counts.late_count()) /
                                                       static_cast<double>(counts.case_count());
    rows.push_back({name, GroupDigits(counts.case_count()), GroupDigits(counts.in_time_count()),
                    GroupDigits(counts.late_count()), GroupDigits(counts.open_count()),
                    Share(counts.late_count(), counts.case_count()), Bar(late, kShareWidth)});
  };
  for (const v1::BacktestDeadline& deadline : reply.deadlines()) {
    add(deadline.name(), deadline.total());
    for (const v1::BacktestPunctuality& group : deadline.groups()) {
      add("  " + Or(group.key(), word("(not set)", "（未设置）")), group);
    }
  }
  if (rows.empty()) return "";
  return RenderTable({{word("deadline", "时限")},
                      {word("cases", "工单数"), Align::kRight},
                      {word("in time", "按时"), Align::kRight},
                      {word("late", "超时"), Align::kRight},
                      {word("open", "未到期"), Align::kRight},
                      {word("late %", "超时率"), Align::kRight},
                      {""}},
                     rows, width);
}

std::string WorkloadTable(const v1::BacktestConfigResponse& reply, const Word& word, int width) {
  std::map<std::string, int> days;
  for (const v1::BacktestWorkload& each : reply.workload()) ++days[each.day()];
  const bool by_month = days.size() > kMostDays;
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, int64_t>> sums;
  int64_t most = 1;
  for (const v1::BacktestWorkload& each : reply.workload()) {
    auto& sum = sums[{by_month ? each.day().substr(0, 7) : each.day(), each.queue_id()}];
    sum.first += each.case_count_before();
    sum.second += each.case_count_after();
    most = std::max({most, sum.first, sum.second});
  }
  std::vector<std::vector<std::string>> rows;
  std::string last;
  for (const auto& [key, counts] : sums) {
    rows.push_back(
        {key.first == last ? "" : key.first, Or(key.second, "-"), GroupDigits(counts.first),
         GroupDigits(counts.second),
         Bar(static_cast<double>(counts.second) / static_cast<double>(most), kShareWidth)});
    last = key.first;
  }
  if (rows.empty()) return "";
  return RenderTable({{by_month ? word("month", "月份") : word("day", "日期")},
                      {word("queue", "工单池")},
                      {word("was", "原为"), Align::kRight},
                      {word("would be", "将为"), Align::kRight},
                      {""}},
                     rows, width);
}

std::string RemediesTable(const v1::BacktestConfigResponse& reply, const Word& word, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::BacktestRemedies& each : reply.remedies()) {
    v1::Money money;
    money.set_amount_minor(each.granted_minor());
    money.set_currency_code(each.currency_code());
    rows.push_back({Or(each.from(), "-"), Or(each.to(), "-"), FormatMoney(money)});
  }
  if (rows.empty()) return "";
  return RenderTable({{word("had playbook", "原方案")},
                      {word("would have", "将用方案")},
                      {word("remedies granted", "已承诺补救金额"), Align::kRight}},
                     rows, width);
}

std::string CasesTable(const v1::BacktestConfigResponse& reply, const Word& word, int width) {
  std::vector<std::vector<std::string>> rows;
  const auto change = [](const std::string& from, const std::string& to) {
    return from == to ? Or(to, "-") : Or(from, "-") + " -> " + Or(to, "-");
  };
  for (const v1::BacktestCase& each : reply.cases()) {
    std::string late, moved;
    for (const std::string& name : each.late()) (late += late.empty() ? "" : "; ") += name;
    for (const std::string& text : each.deadline_changes()) {
      (moved += moved.empty() ? "" : "; ") += text;
    }
    rows.push_back({each.case_number(),
                    each.opens() ? change(each.playbook_before(), each.playbook_after())
                                 : word("would not open", "不会建单"),
                    each.opens() ? change(each.queue_before(), each.queue_after()) : "", late,
                    moved});
  }
  if (rows.empty()) return "";
  std::string text = RenderTable({{word("case", "工单")},
                                  {word("playbook", "补救方案")},
                                  {word("queue", "工单池")},
                                  {word("late", "超时")},
                                  {word("deadlines", "时限变化")}},
                                 rows, width);
  if (reply.changed_case_count() > reply.cases_size()) {
    text +=
        fmt::format(fmt::runtime(word("{} of {} cases are named; ask for more with --examples.\n",
                                      "列出 {} / {} 个工单；如需更多，请用 --examples。\n")),
                    reply.cases_size(), reply.changed_case_count());
  }
  return text;
}

struct BacktestOptions {
  v1::BacktestConfigRequest request;
  std::string folder;
};

int Run(Session& session, BacktestOptions& options) {
  v1::BacktestConfigRequest request = options.request;
  if (!options.folder.empty()) {
    const int code = ReadFolder(session, options.folder, request.mutable_files());
    if (code != kExitOk) return code;
  }
  v1::BacktestConfigResponse reply;
  session.localized = true;
  const int code = session.Call(&ConfigService::Stub::BacktestConfig, request, &reply);
  if (code != kExitOk) return code;
  const int result = reply.faults().empty() ? kExitOk : kExitUsage;
  if (session.format == Format::kJson) {
    session.out << MessageJson(reply) << "\n";
  } else if (result != kExitOk) {
    session.err << RenderFaults(reply.faults());
  } else {
    session.out << RenderBacktest(reply, session.chinese, session.style, session.out_width);
  }
  return result;
}

}  // namespace

std::optional<v1::Promise> ReadPromise(std::string_view text, std::string* fault) {
  std::vector<std::string> units;
  for (const Unit& unit : kUnits) units.emplace_back(unit.name);
  const auto fail = [&](const std::string& what) -> std::optional<v1::Promise> {
    *fault = fmt::format(
        "expected FACT=AMOUNT UNIT[@CALENDAR], such as \"dispatched=15 calendar_days\", got "
        "\"{}\": "
        "{}",
        text, what);
    return std::nullopt;
  };
  v1::Promise promise;
  const size_t equals = text.find('=');
  const auto* facts = google::protobuf::GetEnumDescriptor<v1::CaseFact>();
  const auto fact = EnumValue(facts, std::string(text.substr(0, equals)));
  if (equals == std::string_view::npos || !fact) {
    return fail("FACT is one of " + JoinNames(EnumNames(facts)));
  }
  promise.set_fact(static_cast<v1::CaseFact>(*fact));
  std::string_view rest = text.substr(equals + 1);
  int64_t amount = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), amount);
  if (error != std::errc() || amount <= 0) return fail("AMOUNT is a whole number above 0");
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    promise.set_calendar_id(std::string(rest.substr(at + 1)));
    rest = rest.substr(0, at);
  }
  const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                  [&](const Unit& each) { return each.name == rest; });
  if (unit == std::end(kUnits)) return fail("UNIT is one of " + JoinNames(units));
  promise.set_count(unit->count);
  if (unit->seconds == 0) {
    promise.mutable_limit()->set_days(amount);
  } else if (amount > 3650 * 86'400 / unit->seconds) {
    return fail("AMOUNT is at most ten years");
  } else {
    promise.mutable_limit()->mutable_time()->set_seconds(amount * unit->seconds);
  }
  return promise;
}

std::string RenderBacktest(const v1::BacktestConfigResponse& reply, bool chinese,
                           const Style& style, int width) {
  const Word word{chinese};
  std::string text = style.Bold(
      fmt::format(fmt::runtime(word("{} cases tried, as of {}", "试算 {} 个工单，截至 {}")),
                  GroupDigits(reply.case_count()), FormatTimeSeconds(reply.as_of())));
  text += "\n";
  if (reply.unopened_count() > 0) {
    text += fmt::format(
        fmt::runtime(word("{} would not have been opened.\n", "其中 {} 个不会建单。\n")),
        GroupDigits(reply.unopened_count()));
  }
  if (reply.case_count() == 0) return text;
  const auto part = [&](const char* en, const char* zh, const std::string& body) {
    if (!body.empty()) text += "\n" + style.Bold(word(en, zh)) + "\n" + body;
  };
  part("What would have been another one", "发生变化的项目", ChangesTable(reply, word, width));
  part("Deadlines", "时限", DeadlinesTable(reply, word, width));
  part("Cases by queue", "各工单池的工单数", WorkloadTable(reply, word, width));
  part("Remedies", "补救金额", RemediesTable(reply, word, width));
  part("Cases that change or would have been late", "有变化或会超时的工单",
       CasesTable(reply, word, width));
  return text;
}

void AddBacktest(CLI::App& config, Session& session) {
  auto options = std::make_shared<BacktestOptions>();
  v1::BacktestConfigRequest& request = options->request;
  CLI::App* verb = config.add_subcommand(
      "backtest", "Try a configuration on the cases of the past; nothing is stored");
  verb->footer(
      "Examples:\n"
      "  rebound config backtest draft --since 2026-01-01\n"
      "  rebound config backtest --since all --promise 'dispatched=15 calendar_days' --by topic");
  verb->add_option("folder", options->folder,
                   "The draft's folder; else --revision, or what is in force")
      ->type_name("FOLDER");
  verb->add_option_function<std::string>(
          "--since",
          [options](const std::string& text) {
            if (text == "all") return;
            std::string fault;
            const auto time = ReadTime(text, &fault);
            if (!time) throw CLI::ValidationError("--since", fault + ", or \"all\"");
            *options->request.mutable_since_time() = *time;
          },
          "Cases opened at or after this time, or all")
      ->required()
      ->type_name("TIME");
  AddTime(
      verb, "--until", [options] { return options->request.mutable_until_time(); },
      "Cases opened before this time");
  AddInteger(
      verb, "--revision", [options](int64_t number) { options->request.set_revision(number); },
      "A revision to try instead of a folder")
      ->type_name("REVISION");
  verb->add_option("--filter", *request.mutable_filter(), "Only these; as for cases list")
      ->type_name("EXPR");
  verb->add_option_function<std::vector<std::string>>(
          "--promise",
          [options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              std::string fault;
              const auto promise = ReadPromise(text, &fault);
              if (!promise) throw CLI::ValidationError("--promise", fault);
              *options->request.add_promises() = *promise;
            }
          },
          "A deadline to try beside the draft's clocks: FACT=AMOUNT UNIT[@CALENDAR]")
      ->type_name("PROMISE");
  verb->add_option("--by", *request.mutable_group_by(),
                   "A field of rules by whose value deadlines are counted, such as topic")
      ->type_name("FIELD");
  AddInteger(
      verb, "--examples",
      [options](int64_t limit) {
        options->request.set_example_limit(
            static_cast<int32_t>(std::clamp<int64_t>(limit, 0, 1'000'000)));
      },
      "How many cases are named; 0: 100");
  verb->callback([options, &session] {
    session.command = [options, &session]() -> int { return Run(session, *options); };
  });
}

}  // namespace rebound::cli
