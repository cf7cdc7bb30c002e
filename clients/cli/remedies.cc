#include "clients/cli/remedies.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "clients/cli/output.h"
#include "clients/cli/table.h"
#include "clients/cli/values.h"
#include "clients/cli/verbs.h"
#include "clients/cli/words.h"
#include "rebound/v1/case_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::CaseService;

std::string Left(const v1::RemedyAllowance& allowance) {
  if (!allowance.has_amount()) {
    return std::to_string(std::max(0, allowance.count() - allowance.used_count()));
  }
  v1::Money left = allowance.amount();
  left.set_amount_minor(
      std::max<int64_t>(0, left.amount_minor() - allowance.used().amount_minor()));
  return FormatMoney(left);
}

std::string JoinKeys(const google::protobuf::RepeatedPtrField<std::string>& keys) {
  std::string joined;
  for (const std::string& key : keys) joined += (joined.empty() ? "" : ", ") + key;
  return joined;
}

}  // namespace

std::string RenderRemedyOptions(const v1::ListRemedyOptionsResponse& options, bool chinese,
                                const Style& style, int width) {
  const Word word{chinese};
  if (options.options().empty()) {
    return word("There is no catalogue: any kind may be given.\n",
                "没有补救目录：可给予任何类别。\n");
  }
  std::vector<std::vector<std::string>> rows;
  for (const v1::RemedyOption& option : options.options()) {
    const std::string bounds =
        option.statutory() ? word("none: owed by law", "无：法定") : JoinKeys(option.limit_ids());
    rows.push_back({option.type_id(), chinese ? option.display_name_zh() : option.display_name(),
                    EnumWord(option.kind(), chinese),
                    option.needs_amount() ? word("needed", "必填") : "", bounds});
  }
  std::string text = style.Bold(word("Remedies", "补救措施")) + "\n" +
                     RenderTable({{word("type", "标识")},
                                  {word("name", "名称")},
                                  {word("kind", "类别")},
                                  {word("amount", "金额")},
                                  {word("limits", "限额")}},
                                 rows, width);
  if (options.allowances().empty()) return text;
  rows.clear();
  for (const v1::RemedyAllowance& allowance : options.allowances()) {
    const std::string most = allowance.has_amount() ? FormatMoney(allowance.amount())
                                                    : std::to_string(allowance.count());
    const std::string used = allowance.has_amount() ? FormatMoney(allowance.used())
                                                    : std::to_string(allowance.used_count());
    const char* per = allowance.per() == "case"       ? word("case", "工单")
                      : allowance.per() == "customer" ? word("customer", "客户")
                                                      : word("remedy", "每项");
    rows.push_back({allowance.limit_id(), per, most, used, Left(allowance),
                    allowance.second_person() ? word("a second person approves", "须第二人批准")
                                              : word("nobody may", "不得给予")});
  }
  return text + "\n" + style.Bold(word("Limits", "限额")) + "\n" +
         RenderTable({{word("limit", "限额")},
                      {word("per", "按")},
                      {word("most", "上限"), Align::kRight},
                      {word("used", "已用"), Align::kRight},
                      {word("left", "剩余"), Align::kRight},
                      {word("beyond it", "超出时")}},
                     rows, width);
}

void AddRemedyOptions(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::ListRemedyOptionsRequest>();
  CLI::App* verb = AddVerb(cases, "remedies", "What may be given on a case, and how much of it",
                           request->mutable_case_id(), "remedies C-1042");
  verb->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::ListRemedyOptionsResponse reply;
      const int code = session.Call(&CaseService::Stub::ListRemedyOptions, *request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else {
        session.out << RenderRemedyOptions(reply, session.chinese, session.style,
                                           session.out_width);
      }
      return kExitOk;
    };
  });
}

}  // namespace rebound::cli
