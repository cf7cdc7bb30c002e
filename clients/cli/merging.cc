#include "clients/cli/merging.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "clients/cli/progress.h"
#include "clients/cli/table.h"
#include "clients/cli/values.h"
#include "clients/cli/verbs.h"
#include "clients/cli/words.h"

namespace rebound::cli {
namespace {

using v1::CaseService;

constexpr int kBatch = 200;  // cases of one call

void AddMerge(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::MergeCaseRequest>();
  CLI::App* verb =
      AddVerb(cases, "merge", "Merge a case into another of the same customer, and close it",
              request->mutable_case_id(), "merge C-1042 --into C-1017");
  verb->add_option("--into", *request->mutable_into_case_id(), "The case that goes on")
      ->required()
      ->type_name("CASE");
  AddNote(verb, request->mutable_note());
  SendSeen(verb, session, request, &CaseService::Stub::MergeCase);
}

void AddUnmerge(CLI::App& cases, Session& session) {
  auto request = std::make_shared<v1::UnmergeCaseRequest>();
  CLI::App* verb =
      AddVerb(cases, "unmerge", "Take a case out of the one it was merged into, and open it again",
              request->mutable_case_id(), "unmerge C-1042 --note \"Two different shops\"");
  verb->add_option("--note", *request->mutable_note(), "Why")->required()->type_name("TEXT");
  SendSeen(verb, session, request, &CaseService::Stub::UnmergeCase);
}

void AddLink(CLI::App& cases, Session& session, bool remove) {
  auto request = std::make_shared<v1::LinkCaseRequest>();
  request->set_remove(remove);
  CLI::App* verb = remove
                       ? AddVerb(cases, "unlink", "Take a link between two cases away",
                                 request->mutable_case_id(), "unlink C-1042 C-1017 --kind related")
                       : AddVerb(cases, "link", "Link two cases; both name each other",
                                 request->mutable_case_id(), "link C-1042 C-1017 --kind follow_up");
  verb->add_option("other", *request->mutable_other_case_id(), "The other case")
      ->required()
      ->type_name("CASE");
  verb->add_option("--kind", *request->mutable_kind(), "related, duplicate or follow_up")
      ->required()
      ->type_name("KIND");
  Send(verb, session, request, &CaseService::Stub::LinkCase);
}

// ------------------------------------------------------------------------------------- bulk

struct BulkOptions {
  v1::BulkCasesRequest request;  // the verb; the cases are filled in batch by batch
  std::string filter;
  std::vector<std::string> cases;
  bool dry_run = false;
};

// All that match, read before the first of them is changed: what is changed may match no longer.
int FindCases(Session& session, const BulkOptions& options, std::vector<std::string>* found) {
  if (options.filter.empty()) {
    *found = options.cases;
    return kExitOk;
  }
  v1::ListCasesRequest request;
  request.set_filter(options.filter);
  request.set_order_by("open_time");
  request.set_page_size(1000);
  while (true) {
    v1::ListCasesResponse page;
    const int code = session.Call(&CaseService::Stub::ListCases, request, &page);
    if (code != kExitOk) return code;
    for (const v1::Case& record : page.cases()) found->push_back(record.number());
    if (page.next_page_token().empty()) return kExitOk;
    request.set_page_token(page.next_page_token());
  }
}

struct Refusals {
  int64_t count = 0;
  std::string first;    // case
  std::string message;  // of the first
};

int RunBulk(Session& session, BulkOptions& options) {
  std::vector<std::string> cases;
  if (const int code = FindCases(session, options, &cases); code != kExitOk) return code;
  const bool chinese = session.chinese;
  if (options.dry_run) {
    for (const std::string& number : cases) session.out << number << "\n";
    session.err << (chinese ? fmt::format("将处理 {} 个工单；未作改动\n", cases.size())
                            : fmt::format("{} cases would be touched; nothing was changed\n",
                                          cases.size()));
    return kExitOk;
  }
  int64_t done = 0;
  int64_t failed = 0;
  std::map<std::string, Refusals> refused;
  Progress progress(session.err, cases.size(), session.err_width, std::chrono::steady_clock::now());
  for (size_t from = 0; from < cases.size(); from += kBatch) {
    progress.Update({from, done, failed, "cases"}, std::chrono::steady_clock::now());
    const size_t to = std::min(from + kBatch, cases.size());
    options.request.clear_case_ids();
    options.request.clear_request_id();
    for (size_t i = from; i < to; ++i) options.request.add_case_ids(cases[i]);
    FillRequestId(options.request.mutable_request_id());
    v1::BulkCasesResponse reply;
    const int code = session.Call(&CaseService::Stub::BulkCases, options.request, &reply);
    if (code != kExitOk) {
      progress.Finish();
      return code;
    }
    for (const v1::BulkResult& result : reply.results()) {
      if (session.format == Format::kJson) session.out << MessageJson(result) << "\n";
      if (!result.has_error()) {
        ++done;
        continue;
      }
      ++failed;
      Refusals& same = refused[result.error().reason()];
      if (++same.count == 1) {
        same.first = result.case_id();
        same.message = chinese ? result.error().message_zh() : result.error().message();
      }
    }
  }
  progress.Finish();
  std::vector<std::vector<std::string>> rows;
  for (const auto& [reason, same] : refused) {
    rows.push_back({reason, std::to_string(same.count), same.first, OneLine(same.message)});
  }
  if (session.format != Format::kJson) {
    session.out << (chinese ? fmt::format("已完成 {} 个，被拒 {} 个\n", done, failed)
                            : fmt::format("{} done, {} refused\n", done, failed));
    if (!rows.empty()) {
      const auto word = [&](const char* english, const char* other) {
        return std::string(chinese ? other : english);
      };
      session.out << RenderTable({{word("REASON", "原因"), Align::kLeft},
                                  {word("CASES", "工单数"), Align::kRight},
                                  {word("FIRST", "首个"), Align::kLeft},
                                  {word("WHY", "说明"), Align::kLeft}},
                                 rows, session.out_width);
    }
  }
  return failed == 0 ? kExitOk : kExitFailed;
}

void AddBulkVerb(CLI::App* bulk, Session& session, const char* name, const char* help,
                 const std::function<void(CLI::App*, v1::BulkCasesRequest&)>& fill) {
  auto options = std::make_shared<BulkOptions>();
  CLI::App* verb = bulk->add_subcommand(name, help);
  fill(verb, options->request);
  CLI::App* which = verb->add_option_group("which", "One of");
  which->add_option("--filter", options->filter, "Every case that matches, as in `cases list`")
      ->type_name("FILTER");
  which->add_option("--cases", options->cases, "These: numbers or ids, with commas")
      ->delimiter(',')
      ->type_name("CASES");
  which->require_option(1);
  verb->add_flag("--dry-run", options->dry_run, "Only list what would be touched");
  verb->callback([options, &session] {
    session.command = [options, &session] { return RunBulk(session, *options); };
  });
}

void AddBulk(CLI::App& cases, Session& session) {
  CLI::App* bulk = AddVerb(cases, "bulk", "Give one verb to many cases", nullptr,
                           "bulk assign --owner li --filter 'queue = \"vip\"' --dry-run");
  bulk->require_subcommand(1);
  const auto text = [](CLI::App* verb, const char* name, std::string* to, const char* help,
                       bool required = false) {
    verb->add_option(name, *to, help)->required(required)->type_name("TEXT");
  };
  using Request = v1::BulkCasesRequest;
  AddBulkVerb(bulk, session, "assign", "Give them to somebody", [&](CLI::App* verb, Request& r) {
    text(verb, "--owner", r.mutable_assign()->mutable_owner(), "Who is to handle them");
    text(verb, "--queue", r.mutable_assign()->mutable_queue_id(), "Move them to this queue");
  });
  AddBulkVerb(bulk, session, "dispatch", "Send them where they belong",
              [&](CLI::App* verb, Request& r) {
                v1::DispatchCaseRequest* to = r.mutable_dispatch();
                text(verb, "--owner", to->mutable_owner(), "Who is to handle them");
                text(verb, "--queue", to->mutable_queue_id(), "Move them to this queue");
                text(verb, "--org-unit", to->mutable_org_unit_id(), "Who is responsible");
                AddNote(verb, to->mutable_note());
              });
  AddBulkVerb(bulk, session, "return", "Send them back", [&](CLI::App* verb, Request& r) {
    text(verb, "--reason", r.mutable_send_back()->mutable_reason(), "Why", true);
    AddNote(verb, r.mutable_send_back()->mutable_note());
  });
  AddBulkVerb(bulk, session, "escalate", "Bring them one level up",
              [&](CLI::App* verb, Request& r) {
                text(verb, "--note", r.mutable_escalate()->mutable_note(), "Why", true);
              });
  AddBulkVerb(bulk, session, "supervise", "Watch them from above", [&](CLI::App* verb, Request& r) {
    text(verb, "--note", r.mutable_supervise()->mutable_note(), "What is ordered", true);
  });
  AddBulkVerb(bulk, session, "pause", "Let their clocks stand still",
              [&](CLI::App* verb, Request& r) {
                text(verb, "--reason", r.mutable_pause()->mutable_reason(), "Why", true);
                AddNote(verb, r.mutable_pause()->mutable_note());
              });
  AddBulkVerb(bulk, session, "resume", "Let their clocks go on",
              [](CLI::App*, Request& r) { r.mutable_resume(); });
  AddBulkVerb(bulk, session, "move", "Move them to another status",
              [&](CLI::App* verb, Request& r) {
                text(verb, "--to", r.mutable_move()->mutable_status(), "Key of the status", true);
                text(verb, "--reason", r.mutable_move()->mutable_reason(), "Why");
                AddNote(verb, r.mutable_move()->mutable_note());
              });
  AddBulkVerb(bulk, session, "migrate", "Let them follow another configuration revision",
              [](CLI::App* verb, Request& r) {
                v1::MigrateCaseRequest* to = r.mutable_migrate();
                AddInteger(
                    verb, "--revision", [to](int64_t n) { to->set_revision(n); },
                    "The revision; else the one in force");
                verb->add_option("--status", *to->mutable_status(),
                                 "The status they take there, where theirs does not exist")
                    ->type_name("STATUS");
              });
}

}  // namespace

void AddMergingVerbs(CLI::App& cases, Session& session) {
  AddMerge(cases, session);
  AddUnmerge(cases, session);
  AddLink(cases, session, false);
  AddLink(cases, session, true);
  AddBulk(cases, session);
}

}  // namespace rebound::cli
