#include "clients/cli/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>

#include "clients/cli/backtest.h"
#include "clients/cli/commands.h"
#include "clients/cli/files.h"
#include "clients/cli/options.h"
#include "clients/cli/words.h"
#include "rebound/v1/config_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::ConfigService;
void AddFolder(CLI::App* verb, std::string* folder) {
  verb->add_option("folder", *folder, "The folder with the *.yaml files")
      ->type_name("FOLDER")
      ->capture_default_str();
}

void AddNumber(CLI::App* verb, const std::string& name, std::function<void(int64_t)> take,
               const std::string& help, bool required = false) {
  AddInteger(verb, name, std::move(take), help)->required(required)->type_name("REVISION");
}

CLI::App* Verb(CLI::App& noun, const std::string& name, const std::string& help,
               const std::string& example) {
  CLI::App* verb = noun.add_subcommand(name, help);
  verb->footer("Example:\n  rebound " + noun.get_name() + " " + example);
  return verb;
}

template <class Reply>
bool PrintedJson(Session& session, const Reply& reply) {
  if (session.format != Format::kJson) return false;
  session.out << MessageJson(reply) << "\n";
  return true;
}

void PrintWarnings(Session& session, const google::protobuf::RepeatedPtrField<v1::ConfigFault>& w) {
  if (!w.empty()) session.err << RenderFaults(w) << "\n";
}

void AddValidate(CLI::App& config, Session& session) {
  auto folder = std::make_shared<std::string>("config");
  CLI::App* verb =
      Verb(config, "validate", "Check a configuration, change nothing", "validate config");
  AddFolder(verb, folder.get());
  verb->callback([folder, &session] {
    session.command = [folder, &session]() -> int {
      v1::ValidateConfigRequest request;
      int code = ReadFolder(session, *folder, request.mutable_files());
      if (code != kExitOk) return code;
      v1::ValidateConfigResponse reply;
      session.localized = true;
      code = session.Call(&ConfigService::Stub::ValidateConfig, request, &reply);
      if (code != kExitOk) return code;
      const int result = reply.faults().empty() ? kExitOk : kExitUsage;
      if (PrintedJson(session, reply)) return result;
      PrintWarnings(session, reply.warnings());
      if (result != kExitOk) {
        session.err << RenderFaults(reply.faults());
        return result;
      }
      const Word word{session.chinese};
      session.out << word("No faults. ", "没有错误。")
                  << (reply.diff().empty()
                          ? word("Nothing differs from the revision in force.\n",
                                 "与生效中的修订没有差异。\n")
                          : word("Against the revision in force:\n\n", "与生效中的修订相比：\n\n"))
                  << RenderDiff(reply.diff(), session.chinese, session.style);
      return result;
    };
  });
}

// "playbook", "priority", "clock", "clocks", "alert" or "alerts".
std::string RuleKind(const std::string& kind, bool chinese) {
  if (!chinese) return kind;
  return kind == "playbook"          ? "补救方案"
         : kind == "priority"        ? "优先级"
         : kind.starts_with("clock") ? "时限"
         : kind.starts_with("alert") ? "告警"
                                     : kind;
}

std::string InForce(const v1::ConfigRevision& revision, bool changed, bool replayed, bool chinese,
                    const Style& style) {
  if (chinese) {
    const std::string text =
        changed ? fmt::format("{} 已生效，{}。\n",
                              style.Bold(fmt::format("修订 {}", revision.number())),
                              OneLine(revision.hash()).substr(0, 12))
                : fmt::format("与修订 {} 没有差异，它继续生效。\n", revision.number());
    return replayed ? text + "此请求以前已执行，没有改动。\n" : text;
  }
  std::string text = changed
                         ? fmt::format("{} is in force, {}.\n",
                                       style.Bold(fmt::format("Revision {}", revision.number())),
                                       OneLine(revision.hash()).substr(0, 12))
                         : fmt::format("Nothing differs from revision {}, which stays in force.\n",
                                       revision.number());
  if (replayed) text += "This request had been done before; nothing changed.\n";
  return text;
}

void AddApply(CLI::App& config, Session& session) {
  struct Options {
    std::string folder = "config";
    v1::ApplyConfigRequest request;
    bool dry_run = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = Verb(config, "apply", "Put a configuration in force as a new revision",
                        "apply config --expect 7");
  AddFolder(verb, &options->folder);
  AddNumber(
      verb, "--expect",
      [options = options.get()](int64_t n) { options->request.set_expected_revision(n); },
      "Refuse unless this revision is in force");
  verb->add_flag("--dry-run", options->dry_run, "Do everything but putting it in force");
  AddRequestId(verb, options->request.mutable_request_id());
  verb->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::ApplyConfigRequest& request = options->request;
      int code = ReadFolder(session, options->folder, request.mutable_files());
      if (code != kExitOk) return code;
      session.localized = true;
      // Faults are told in full by validating; a refusal has room for some of them only.
      v1::ValidateConfigRequest validate;
      *validate.mutable_files() = request.files();
      v1::ValidateConfigResponse checked;
      code = session.Call(&ConfigService::Stub::ValidateConfig, validate, &checked);
      if (code != kExitOk) return code;
      if (!checked.faults().empty()) {
        if (!PrintedJson(session, checked)) session.err << RenderFaults(checked.faults());
        return kExitUsage;
      }
      FillRequestId(request.mutable_request_id());
      request.set_validate_only(options->dry_run);
      v1::ApplyConfigResponse reply;
      code = session.Call(&ConfigService::Stub::ApplyConfig, request, &reply);
      if (code != kExitOk || PrintedJson(session, reply)) return code;
      PrintWarnings(session, checked.warnings());
      session.out << RenderDiff(reply.diff(), session.chinese, session.style)
                  << (reply.diff().empty() ? "" : "\n");
      if (options->dry_run) {
        session.out << fmt::format(
            fmt::runtime(Word{session.chinese}("Tried only; revision {} stays in force.\n",
                                               "仅试运行；修订 {} 继续生效。\n")),
            reply.revision().number());
      } else {
        session.out << InForce(reply.revision(), reply.changed(), reply.replayed(), session.chinese,
                               session.style);
      }
      return kExitOk;
    };
  });
}

void AddRevisionList(CLI::App& config, Session& session) {
  auto paging = std::make_shared<Paging>();
  CLI::App* verb = Verb(config, "list", "List the revisions, newest first", "list");
  AddPaging(verb, paging.get());
  verb->callback([paging, &session] {
    session.command = [paging, &session] {
      return PrintPages<v1::ConfigRevision>(
          session, *paging, &ConfigService::Stub::ListRevisions, v1::ListRevisionsRequest(),
          RevisionColumns(session.chinese),
          [](const v1::ListRevisionsResponse& reply) -> const auto& { return reply.revisions(); },
          Word{session.chinese}("No revisions.", "没有修订。"));
    };
  });
}

void AddDiff(CLI::App& config, Session& session) {
  auto request = std::make_shared<v1::DiffRevisionsRequest>();
  CLI::App* verb = Verb(config, "diff", "What differs between two revisions", "diff 7 8");
  AddNumber(
      verb, "from", [r = request.get()](int64_t n) { r->set_from_number(n); }, "The one before",
      true);
  AddNumber(
      verb, "to", [r = request.get()](int64_t n) { r->set_to_number(n); },
      "The one after; else the one in force");
  verb->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::DiffRevisionsResponse reply;
      const int code = session.Call(&ConfigService::Stub::DiffRevisions, *request, &reply);
      if (code != kExitOk || PrintedJson(session, reply)) return code;
      session.out << (reply.diff().empty()
                          ? Word{session.chinese}("Nothing differs.\n", "没有差异。\n")
                          : RenderDiff(reply.diff(), session.chinese, session.style));
      return kExitOk;
    };
  });
}

void AddRollBack(CLI::App& config, Session& session) {
  auto request = std::make_shared<v1::RollBackConfigRequest>();
  CLI::App* verb =
      Verb(config, "rollback", "Put an earlier configuration in force again, as a new revision",
           "rollback 7");
  AddNumber(
      verb, "revision", [r = request.get()](int64_t n) { r->set_number(n); },
      "The one whose configuration is wanted", true);
  AddNumber(
      verb, "--expect", [r = request.get()](int64_t n) { r->set_expected_revision(n); },
      "Refuse unless this revision is in force");
  AddRequestId(verb, request->mutable_request_id());
  verb->callback([request, &session] {
    session.command = [request, &session]() -> int {
      FillRequestId(request->mutable_request_id());
      v1::RollBackConfigResponse reply;
      session.localized = true;
      const int code = session.Call(&ConfigService::Stub::RollBackConfig, *request, &reply);
      if (code != kExitOk || PrintedJson(session, reply)) return code;
      session.out << InForce(reply.revision(), reply.changed(), reply.replayed(), session.chinese,
                             session.style);
      return kExitOk;
    };
  });
}

void AddRevisionShow(CLI::App& config, Session& session) {
  auto request = std::make_shared<v1::GetRevisionRequest>();
  CLI::App* verb = Verb(config, "show", "The text of a revision", "show 7");
  AddNumber(
      verb, "revision", [r = request.get()](int64_t n) { r->set_number(n); },
      "Which; else the one in force");
  verb->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::GetRevisionResponse reply;
      const int code = session.Call(&ConfigService::Stub::GetRevision, *request, &reply);
      if (code != kExitOk || PrintedJson(session, reply)) return code;
      const v1::ConfigRevision& revision = reply.revision();
      const Word word{session.chinese};
      session.out << fmt::format(
          fmt::runtime(word("# revision {}{}, {}, from {}, by {}, {}\n",
                            "# 修订 {}{}，{}，来自 {}，操作人 {}，{}\n")),
          revision.number(), revision.current() ? word(" (in force)", "（生效中）") : "",
          OneLine(revision.hash()).substr(0, 12), OneLine(revision.source()),
          OneLine(revision.actor()),
          revision.has_apply_time() ? FormatTimeSeconds(revision.apply_time()) : "");
      session.out << IndentLines(reply.text(), "");
      return kExitOk;
    };
  });
}

void AddLifecycle(CLI::App& config, Session& session) {
  struct Options {
    v1::GetLifecycleRequest request;
    std::string form;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = Verb(config, "lifecycle", "Statuses and what leads from one to the next",
                        "lifecycle -o svg > lifecycle.svg");
  AddNumber(
      verb, "revision", [options = options.get()](int64_t n) { options->request.set_revision(n); },
      "Of which revision; else the one in force");
  verb->add_option("-o,--output", options->form,
                   "text (default), dot (Graphviz), svg (a drawing) or json")
      ->check(CLI::IsMember({"text", "dot", "svg", "json"}))
      ->type_name("FORMAT");
  verb->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::GetLifecycleResponse reply;
      const int code = session.Call(&ConfigService::Stub::GetLifecycle, options->request, &reply);
      if (code != kExitOk) return code;
      const v1::Lifecycle& lifecycle = reply.lifecycle();
      if (options->form == "dot") {
        session.out << LifecycleDot(lifecycle);
      } else if (options->form == "svg") {
        session.out << LifecycleSvg(lifecycle);
      } else if (options->form == "json" ||
                 (options->form.empty() && session.format == Format::kJson)) {
        session.out << MessageJson(reply) << "\n";
      } else {
        session.out << LifecycleText(lifecycle, session.chinese, session.style);
      }
      return kExitOk;
    };
  });
}

void AddTest(CLI::App& rules, Session& session) {
  auto folder = std::make_shared<std::string>("config");
  CLI::App* verb = Verb(rules, "test", "Run the tests that stand beside the rules", "test config");
  AddFolder(verb, folder.get());
  verb->callback([folder, &session] {
    session.command = [folder, &session]() -> int {
      v1::TestRulesRequest request;
      int code = ReadFolder(session, *folder, request.mutable_files());
      if (code != kExitOk) return code;
      v1::TestRulesResponse reply;
      session.localized = true;
      code = session.Call(&ConfigService::Stub::TestRules, request, &reply);
      if (code != kExitOk) return code;
      const int result = !reply.faults().empty()     ? kExitUsage
                         : !reply.failures().empty() ? kExitFailed
                                                     : kExitOk;
      if (PrintedJson(session, reply)) return result;
      if (!reply.faults().empty()) {
        session.err << RenderFaults(reply.faults());
      } else {
        session.out << RenderTests(reply, session.chinese, session.style, session.out_width);
      }
      return result;
    };
  });
}

void AddExplain(CLI::App& rules, Session& session) {
  auto request = std::make_shared<v1::ExplainCaseRequest>();
  CLI::App* verb = Verb(rules, "explain", "Which rules hold for a case as it opened, and why not",
                        "explain C-1042");
  verb->add_option("case", *request->mutable_case_id(), "The case's number or id")
      ->required()
      ->type_name("CASE");
  verb->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::ExplainCaseResponse reply;
      const int code = session.Call(&ConfigService::Stub::ExplainCase, *request, &reply);
      if (code != kExitOk || PrintedJson(session, reply)) return code;
      session.out << RenderExplanation(reply, session.chinese, session.style, session.out_width);
      return kExitOk;
    };
  });
}

void AddFormat(CLI::App& rules, Session& session) {
  struct Options {
    std::string condition;
    v1::ConditionForm from = v1::CONDITION_FORM_UNSPECIFIED;
    v1::ConditionForm to = v1::CONDITION_FORM_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = Verb(rules, "fmt", "Write a condition in another form",
                        "fmt 'score <= 3 AND touchpoint:billing' --as yaml");
  verb->add_option("condition", options->condition, "The condition; - reads standard input")
      ->required()
      ->type_name("TEXT");
  AddEnum(verb, "--as", &options->to, "The form it shall have")->required();
  AddEnum(verb, "--from", &options->from, "The form it has; else filter");
  verb->callback([options, &session] {
    session.command = [options, &session]() -> int {
      if (options->condition == "-") {
        std::ostringstream text;
        text << std::cin.rdbuf();
        options->condition = text.str();
      }
      v1::FormatConditionRequest request;
      request.set_condition(options->condition);
      request.set_from_form(options->from);
      request.set_to_form(options->to);
      v1::FormatConditionResponse reply;
      session.localized = true;
      const int code = session.Call(&ConfigService::Stub::FormatCondition, request, &reply);
      if (code != kExitOk) return code;
      const int result = reply.faults().empty() ? kExitOk : kExitUsage;
      if (PrintedJson(session, reply)) return result;
      if (result != kExitOk) {
        session.err << RenderFaults(reply.faults());
      } else {
        session.out << reply.condition() << (reply.condition().ends_with('\n') ? "" : "\n");
      }
      return result;
    };
  });
}

}  // namespace

std::vector<Column<v1::ConfigRevision>> RevisionColumns(bool chinese) {
  const Word word{chinese};
  using Record = const v1::ConfigRevision&;
  return {
      {"number", word("revision", "修订"), Align::kRight,
       [](Record r) { return std::to_string(r.number()); }},
      {"", word("state", "状态"), Align::kLeft,
       [word](Record r) { return std::string(r.current() ? word("in force", "生效中") : ""); }},
      {"current", "", Align::kLeft,
       [](Record r) { return std::string(r.current() ? "yes" : "no"); }},
      {"apply_time", word("applied", "生效时间"), Align::kLeft,
       [](Record r) { return r.has_apply_time() ? FormatTimeSeconds(r.apply_time()) : ""; }},
      {"actor", word("by", "操作人"), Align::kLeft, [](Record r) { return r.actor(); }},
      {"source", word("from", "来源"), Align::kLeft, [](Record r) { return r.source(); }},
      {"hash", "", Align::kLeft, [](Record r) { return r.hash(); }},
      {"", word("hash", "哈希"), Align::kLeft, [](Record r) { return r.hash().substr(0, 12); }},
  };
}

std::string RenderFaults(const google::protobuf::RepeatedPtrField<v1::ConfigFault>& faults) {
  std::string text;
  for (const v1::ConfigFault& fault : faults) {
    std::string_view rendered = fault.rendered();
    while (rendered.ends_with('\n')) rendered.remove_suffix(1);
    text += (text.empty() ? "" : "\n") + IndentLines(rendered, "");
  }
  return text;
}

std::string RenderDiff(const std::string& diff, bool chinese, const Style& style) {
  // The server ends the first line of each block so.
  constexpr std::pair<std::string_view, std::string_view> kEndings[] = {{": added", "：新增"},
                                                                        {": removed", "：删除"},
                                                                        {": changed", "：修改"},
                                                                        {": moved", "：移位"}};
  std::string text;
  std::istringstream lines(diff);
  for (std::string line; std::getline(lines, line);) {
    std::string safe = OneLine(line);
    const size_t mark = line.find_first_not_of(' ');
    const bool is_value = mark != std::string::npos && (line[mark] == '+' || line[mark] == '-');
    for (const auto& [ending, zh] : kEndings) {
      if (!chinese || is_value || !safe.ends_with(ending)) continue;
      safe.replace(safe.size() - ending.size(), ending.size(), zh);
      break;
    }
    text += mark == std::string::npos ? safe
            : line[mark] == '+'       ? style.Green(safe)
            : line[mark] == '-'       ? style.Red(safe)
                                      : safe;
    text += "\n";
  }
  return text;
}

std::string RenderExplanation(const v1::ExplainCaseResponse& reply, bool chinese,
                              const Style& style, int width) {
  const Word word{chinese};
  std::string text =
      fmt::format(fmt::runtime(word("{} follows revision {}; its rules, tried as it opened:\n",
                                    "{} 遵循修订 {}；建单时各规则的判定：\n")),
                  style.Bold(OneLine(reply.case_number())), reply.revision());
  std::vector<std::vector<std::string>> rows;
  for (const v1::RuleExplanation& rule : reply.rules()) {
    const std::string found =
        rule.found_value().empty() ? word("not set", "未设置") : rule.found_value();
    rows.push_back({RuleKind(rule.kind(), chinese), rule.rule_id(),
                    rule.applies() ? word("APPLIES", "生效")
                    : rule.matched()
                        ? word("holds, but an earlier one applies", "成立，但已有更早的生效")
                        : word("no", "不成立"),
                    rule.matched() ? "" : rule.failed_condition(), rule.matched() ? "" : found,
                    rule.condition().empty() ? word("(always)", "（总是）") : rule.condition()});
  }
  return text + RenderTable({{word("kind", "类型")},
                             {word("rule", "规则")},
                             {word("holds", "判定")},
                             {word("fails at", "不成立处")},
                             {word("found", "实为")},
                             {word("condition", "条件")}},
                            rows, width);
}

std::string RenderTests(const v1::TestRulesResponse& reply, bool chinese, const Style& style,
                        int width) {
  const Word word{chinese};
  std::vector<std::vector<std::string>> rows;
  int failed = 0;
  for (const v1::RuleTestResult& test : reply.tests()) {
    rows.push_back({test.name(), fmt::format("{}:{}", test.file(), test.line()),
                    test.passed() ? word("passed", "通过") : word("FAILED", "未通过")});
    if (test.passed()) continue;
    ++failed;
    for (int i = 0; i < test.mismatches_size(); ++i) {
      const v1::RuleTestMismatch& mismatch = test.mismatches(i);
      if (i > 0) rows.push_back({"", "", ""});
      rows.back().insert(rows.back().end(), {RuleKind(mismatch.kind(), chinese),
                                             mismatch.expected(), mismatch.found()});
    }
  }
  std::vector<TableColumn> columns = {
      {word("test", "测试")}, {word("at", "位置")}, {word("result", "结果")}};
  if (failed > 0) {
    columns.insert(columns.end(),
                   {{word("what", "项目")}, {word("expected", "应为")}, {word("got", "实为")}});
  }
  std::string text = rows.empty() ? "" : RenderTable(columns, rows, width) + "\n";
  const int count = reply.tests().empty() ? reply.test_count() : reply.tests_size();
  if (reply.failures().empty()) {
    return text + fmt::format(fmt::runtime(word("Tests passed: {}.\n", "测试通过：{}。\n")), count);
  }
  text += RenderFaults(reply.failures()) + "\n";
  return text +
         style.Red(
             fmt::format(fmt::runtime(word("Tests failed: {} of {}.", "测试未通过：{} / {}。")),
                         failed, count)) +
         "\n";
}

int ReadFolder(Session& session, const std::string& folder,
               google::protobuf::RepeatedPtrField<v1::ConfigFile>* files) {
  namespace fs = std::filesystem;
  std::error_code fault, none;
  std::vector<fs::path> paths;
  std::set<std::string> names;
  // A pack of playbooks/ is completed by the folder that playbooks/ lies in.
  std::vector<fs::path> folders = {folder};
  fs::path whole = fs::absolute(folder, none).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // it ended in a slash
  if (whole.parent_path().filename() == "playbooks") {
    folders.push_back((fs::path(folder) / ".." / "..").lexically_normal());
  }
  for (const fs::path& from : folders) {
    for (const auto& entry : fs::directory_iterator(from, from == folder ? fault : none)) {
      const std::string ending = entry.path().extension().string();
      const bool wanted = entry.is_regular_file() && (ending == ".yaml" || ending == ".ics");
      if (wanted && names.insert(entry.path().filename().string()).second) {
        paths.push_back(entry.path());
      }
    }
    for (const auto& entry : fs::directory_iterator(from / "calendars", none)) {
      const bool wanted = entry.is_regular_file() && entry.path().extension() == ".ics";
      if (wanted && names.insert("calendars/" + entry.path().filename().string()).second) {
        paths.push_back(entry.path());
      }
    }
  }
  if (fault) {
    return session.Fail(kExitUsage, fmt::format("expected a folder with a configuration, but {}: "
                                                "{}",
                                                folder, fault.message()));
  }
  if (paths.empty()) {
    return session.Fail(kExitUsage,
                        fmt::format("expected *.yaml files in {}, but there are none", folder));
  }
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    auto text = ReadFile(path.string());
    if (!text) return session.Fail(kExitUsage, "cannot read " + path.string());
    v1::ConfigFile* file = files->Add();
    file->set_name(path.string());
    file->set_text(*std::move(text));
  }
  return kExitOk;
}

void AddConfigCommands(CLI::App& app, Session& session) {
  CLI::App* config = app.add_subcommand("config", "Check, apply and look at the configuration");
  config->require_subcommand(1);
  AddValidate(*config, session);
  AddApply(*config, session);
  AddRevisionList(*config, session);
  AddRevisionShow(*config, session);
  AddDiff(*config, session);
  AddRollBack(*config, session);
  AddLifecycle(*config, session);
  AddBacktest(*config, session);
  CLI::App* rules = app.add_subcommand("rules", "Try the rules");
  rules->require_subcommand(1);
  AddTest(*rules, session);
  AddExplain(*rules, session);
  AddFormat(*rules, session);
}

}  // namespace rebound::cli
