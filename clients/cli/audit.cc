#include "clients/cli/audit.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "clients/cli/values.h"
#include "clients/cli/words.h"
#include "rebound/v1/audit_service.grpc.pb.h"

namespace rebound::cli {
namespace {

std::string KindWord(v1::AuditKind kind, bool chinese) {
  constexpr std::pair<v1::AuditKind, const char*> kWords[] = {
      {v1::AUDIT_KIND_MUTATION, "变更"},   {v1::AUDIT_KIND_SIGN_IN, "登录"},
      {v1::AUDIT_KIND_EXPORT, "导出"},     {v1::AUDIT_KIND_REFUSED, "拒绝"},
      {v1::AUDIT_KIND_UNMASK, "查看明文"}, {v1::AUDIT_KIND_OPERATOR, "运维"}};
  for (const auto& [each, word] : kWords) {
    if (chinese && each == kind) return word;
  }
  return EnumName(kind);
}

// Every method is of one package.
std::string ShortMethod(const std::string& method) {
  constexpr std::string_view kPackage = "rebound.v1.";
  return method.starts_with(kPackage) ? method.substr(kPackage.size()) : method;
}

std::string Subject(const v1::AuditEntry& entry) {
  if (entry.subject_id().empty()) return entry.subject_type();
  return entry.subject_type() + " " + entry.subject_id();
}

void AddAuditList(CLI::App& audit, Session& session) {
  struct Options {
    v1::ListAuditEntriesRequest request{};
    Paging paging{};
  };
  auto options = std::make_shared<Options>();
  v1::ListAuditEntriesRequest* request = &options->request;
  CLI::App* list = audit.add_subcommand("list", "List audit entries, newest first");
  list->footer(
      "Examples:\n"
      "  rebound audit list --kind refused --since 2026-11-01\n"
      "  rebound audit list --principal wang --method CaseService/CloseCase");
  list->add_option("--principal", *request->mutable_principal(), "Only of this identity")
      ->type_name("NAME");
  list->add_option_function<std::string>(
          "--method",
          [request](const std::string& method) {
            const bool full =
                method.find('/') == std::string::npos || method.starts_with("rebound.v1.");
            request->set_method(full ? method : "rebound.v1." + method);
          },
          "Only of this method, such as CaseService/CloseCase")
      ->type_name("SERVICE/METHOD");
  list->add_option_function<std::string>(
          "--kind",
          [request](const std::string& name) {
            request->set_kind(ReadEnum<v1::AuditKind>("--kind", name));
          },
          "Only of this kind: " + JoinNames(EnumNames(v1::AuditKind_descriptor())))
      ->type_name("NAME");
  list->add_option("--subject", *request->mutable_subject_id(),
                   "Only about the record with this id")
      ->type_name("ID");
  AddTime(
      list, "--since", [request] { return request->mutable_start_time(); },
      "Only at or after this time");
  AddTime(
      list, "--until", [request] { return request->mutable_end_time(); }, "Only before this time");
  AddPaging(list, &options->paging);
  list->callback([options, &session] {
    session.command = [options, &session] {
      return PrintPages<v1::AuditEntry>(
          session, options->paging, &v1::AuditService::Stub::ListAuditEntries, options->request,
          AuditColumns(session.chinese),
          [](const v1::ListAuditEntriesResponse& reply) -> const auto& { return reply.entries(); },
          Word{session.chinese}("No audit entries.", "没有审计记录。"));
    };
  });
}

void AddAuditVerify(CLI::App& app, Session& session) {
  auto from = std::make_shared<std::string>();
  CLI::App* verify =
      app.add_subcommand("verify", "Prove that no audit entry was changed, taken out or put in");
  verify->footer(
      "Examples:\n"
      "  rebound verify\n"
      "  rebound verify --from 1042:9f86d0...\n"
      "The end of the chain is printed; note it where the server's operator cannot write, and give "
      "it with\n--from later: then the chain up to it is still the one that was there. For the "
      "whole database:\n  reboundd verify --db FILE");
  verify->add_option("--from", *from, "Begin after this entry, which must still have this hash")
      ->type_name("SEQUENCE:HASH")
      ->check([](const std::string& text) {
        const size_t colon = text.find(':');
        const bool fits = colon != std::string::npos && colon > 0 && colon < 19 &&
                          text.find_first_not_of("0123456789") == colon && colon + 1 < text.size();
        return fits ? std::string()
                    : "expected SEQUENCE:HASH as verify prints it, got \"" + text + "\"";
      });
  verify->callback([from, &session] {
    session.command = [from, &session]() -> int {
      v1::VerifyAuditRequest request;
      if (const size_t colon = from->find(':'); colon != std::string::npos) {
        request.set_start_sequence(std::stoll(from->substr(0, colon)));
        request.set_start_hash(from->substr(colon + 1));
      }
      v1::VerifyAuditResponse walk;
      do {
        v1::VerifyAuditResponse part;
        const int code = session.Call(&v1::AuditService::Stub::VerifyAudit, request, &part);
        if (code != kExitOk) return code;
        const bool stuck = !part.complete() && part.end_sequence() <= request.start_sequence();
        part.set_walked_count(part.walked_count() + walk.walked_count());
        part.mutable_problems()->MergeFrom(walk.problems());
        walk = std::move(part);
        if (stuck) return session.Fail(kExitFailed, "the server does not get on with the walk");
        request.set_start_sequence(walk.end_sequence());
        request.set_start_hash(walk.end_hash());
      } while (!walk.complete());
      if (session.format == Format::kJson) {
        session.out << MessageJson(walk) << "\n";
      } else {
        session.out << RenderWalk(walk, session.chinese, session.style);
      }
      return walk.problems().empty() ? kExitOk : kExitFailed;
    };
  });
}

}  // namespace

std::vector<Column<v1::AuditEntry>> AuditColumns(bool chinese) {
  using Entry = v1::AuditEntry;
  const Word word{chinese};
  return {
      {"sequence", word("#", "序号"), Align::kRight,
       [](const Entry& e) { return std::to_string(e.sequence()); }},
      {"record_time", "", Align::kLeft, [](const Entry& e) { return FormatTime(e.record_time()); }},
      {"", word("time", "时间"), Align::kLeft,
       [](const Entry& e) { return FormatTimeSeconds(e.record_time()); }},
      {"kind", "", Align::kLeft, [](const Entry& e) { return EnumName(e.kind()); }},
      {"", word("kind", "类别"), Align::kLeft,
       [chinese](const Entry& e) { return KindWord(e.kind(), chinese); }},
      {"principal", word("who", "身份"), Align::kLeft,
       [](const Entry& e) { return e.principal(); }},
      {"role", "", Align::kLeft, [](const Entry& e) { return e.role(); }},
      {"address", word("from", "来源"), Align::kLeft, [](const Entry& e) { return e.address(); }},
      {"method", "", Align::kLeft, [](const Entry& e) { return e.method(); }},
      {"", word("method", "方法"), Align::kLeft,
       [](const Entry& e) { return ShortMethod(e.method()); }},
      {"outcome", "", Align::kLeft, [](const Entry& e) { return e.outcome(); }},
      {"reason", "", Align::kLeft, [](const Entry& e) { return e.reason(); }},
      {"", word("outcome", "结果"), Align::kLeft,
       [](const Entry& e) { return e.reason().empty() ? e.outcome() : e.reason(); }},
      {"subject_type", "", Align::kLeft, [](const Entry& e) { return e.subject_type(); }},
      {"subject_id", "", Align::kLeft, [](const Entry& e) { return e.subject_id(); }},
      {"", word("about", "对象"), Align::kLeft, Subject},
      {"count", word("count", "次数"), Align::kRight,
       [](const Entry& e) { return std::to_string(e.count()); }},
      {"detail", word("detail", "说明"), Align::kLeft, [](const Entry& e) { return e.detail(); }},
      {"request_key", "", Align::kLeft, [](const Entry& e) { return e.request_key(); }},
      {"previous_hash", "", Align::kLeft, [](const Entry& e) { return e.previous_hash(); }},
      {"hash", "", Align::kLeft, [](const Entry& e) { return e.hash(); }},
  };
}

std::string RenderWalk(const v1::VerifyAuditResponse& walk, bool chinese, const Style& style) {
  const Word word{chinese};
  std::string text =
      fmt::format(fmt::runtime(word("{} entries walked; the chain ends at\n  {}:{}\n",
                                    "已核对 {} 条记录；链尾为\n  {}:{}\n")),
                  walk.walked_count(), walk.head_sequence(), OneLine(walk.head_hash()));
  for (const std::string& problem : walk.problems()) {
    text += style.Red(word("PROBLEM", "问题")) + " " + OneLine(problem) + "\n";
  }
  text += walk.problems().empty()
              ? style.Green(word("ok", "正常")) +
                    word(": each entry is the one that was chained\n", "：每条记录均与链一致\n")
              : style.Red(word("NOT ok", "不一致")) +
                    word(": the audit was tampered with\n", "：审计记录被改动过\n");
  return text;
}

void AddAuditCommands(CLI::App& app, Session& session) {
  CLI::App* audit =
      app.add_subcommand("audit", "Who did what, took what out, and was refused what");
  audit->require_subcommand(1);
  AddAuditList(*audit, session);
  AddAuditVerify(app, session);
}

}  // namespace rebound::cli
