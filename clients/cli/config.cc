#include "clients/cli/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "rebound/v1/config_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::ConfigService;
using Files = google::protobuf::RepeatedPtrField<v1::ConfigFile>;

// The files that the server wants of a configuration folder, in order of their names: *.yaml, and
// the calendars (*.ics) that they may import, also of its folder calendars/.
int ReadFolder(Session& session, const std::string& folder, Files* files) {
  std::error_code fault, none;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, fault)) {
    const std::string ending = entry.path().extension().string();
    if (entry.is_regular_file() && (ending == ".yaml" || ending == ".ics")) {
      paths.push_back(entry.path());
    }
  }
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(folder) / "calendars", none)) {
    if (entry.is_regular_file() && entry.path().extension() == ".ics") {
      paths.push_back(entry.path());
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
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return session.Fail(kExitUsage, "cannot read " + path.string());
    v1::ConfigFile* file = files->Add();
    file->set_name(path.string());
    file->set_text(text.str());
  }
  return kExitOk;
}

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
      session.out << "No faults. "
                  << (reply.diff().empty() ? "Nothing differs from the revision in force.\n"
                                           : "Against the revision in force:\n\n")
                  << RenderDiff(reply.diff(), session.style);
      return result;
    };
  });
}

std::string InForce(const v1::ConfigRevision& revision, bool changed, bool replayed,
                    const Style& style) {
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
      session.out << RenderDiff(reply.diff(), session.style) << (reply.diff().empty() ? "" : "\n");
      if (options->dry_run) {
        session.out << fmt::format("Tried only; revision {} stays in force.\n",
                                   reply.revision().number());
      } else {
        session.out << InForce(reply.revision(), reply.changed(), reply.replayed(), session.style);
      }
      return kExitOk;
    };
  });
}

void AddList(CLI::App& config, Session& session) {
  auto paging = std::make_shared<Paging>();
  CLI::App* verb = Verb(config, "list", "List the revisions, newest first", "list");
  AddPaging(verb, paging.get());
  verb->callback([paging, &session] {
    session.command = [paging, &session] {
      return PrintPages<v1::ConfigRevision>(
          session, *paging, &ConfigService::Stub::ListRevisions, v1::ListRevisionsRequest(),
          RevisionColumns(),
          [](const v1::ListRevisionsResponse& reply) -> const auto& { return reply.revisions(); },
          "No revisions.");
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
      session.out << (reply.diff().empty() ? "Nothing differs.\n"
                                           : RenderDiff(reply.diff(), session.style));
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
      session.out << InForce(reply.revision(), reply.changed(), reply.replayed(), session.style);
      return kExitOk;
    };
  });
}

void AddShow(CLI::App& config, Session& session) {
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
      session.out << fmt::format(
          "# revision {}{}, {}, from {}, by {}, {}\n", revision.number(),
          revision.current() ? " (in force)" : "", OneLine(revision.hash()).substr(0, 12),
          OneLine(revision.source()), OneLine(revision.actor()),
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
        session.out << LifecycleText(lifecycle, session.style);
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
        session.out << RenderTests(reply);
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
      session.out << RenderExplanation(reply, session.style, session.out_width);
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

std::vector<Column<v1::ConfigRevision>> RevisionColumns() {
  using Record = const v1::ConfigRevision&;
  return {
      {"number", "revision", Align::kRight, [](Record r) { return std::to_string(r.number()); }},
      {"", "state", Align::kLeft,
       [](Record r) { return std::string(r.current() ? "in force" : ""); }},
      {"current", "", Align::kLeft,
       [](Record r) { return std::string(r.current() ? "yes" : "no"); }},
      {"apply_time", "applied", Align::kLeft,
       [](Record r) { return r.has_apply_time() ? FormatTimeSeconds(r.apply_time()) : ""; }},
      {"actor", "by", Align::kLeft, [](Record r) { return r.actor(); }},
      {"source", "from", Align::kLeft, [](Record r) { return r.source(); }},
      {"hash", "", Align::kLeft, [](Record r) { return r.hash(); }},
      {"", "hash", Align::kLeft, [](Record r) { return r.hash().substr(0, 12); }},
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

std::string RenderDiff(const std::string& diff, const Style& style) {
  std::string text;
  std::istringstream lines(diff);
  for (std::string line; std::getline(lines, line);) {
    const std::string safe = OneLine(line);
    const size_t mark = line.find_first_not_of(' ');
    text += mark == std::string::npos ? safe
            : line[mark] == '+'       ? style.Green(safe)
            : line[mark] == '-'       ? style.Red(safe)
                                      : safe;
    text += "\n";
  }
  return text;
}

std::string RenderExplanation(const v1::ExplainCaseResponse& reply, const Style& style, int width) {
  std::string text = fmt::format("{} follows revision {}; its rules, tried as it opened:\n",
                                 style.Bold(OneLine(reply.case_number())), reply.revision());
  std::vector<std::vector<std::string>> rows;
  for (const v1::RuleExplanation& rule : reply.rules()) {
    const std::string found = rule.found_value().empty() ? "not set" : rule.found_value();
    rows.push_back({rule.kind(), rule.rule_id(),
                    rule.applies()   ? "APPLIES"
                    : rule.matched() ? "holds, but an earlier one applies"
                                     : "no",
                    rule.matched() ? "" : rule.failed_condition(), rule.matched() ? "" : found,
                    rule.condition().empty() ? "(always)" : rule.condition()});
  }
  return text + RenderTable({{"kind"}, {"rule"}, {"holds"}, {"fails at"}, {"found"}, {"condition"}},
                            rows, width);
}

std::string RenderTests(const v1::TestRulesResponse& reply) {
  if (reply.failures().empty()) return fmt::format("Tests passed: {}.\n", reply.test_count());
  return RenderFaults(reply.failures()) +
         fmt::format("\nExpectations not met: {}.\n", reply.failures_size());
}

void AddConfigCommands(CLI::App& app, Session& session) {
  CLI::App* config = app.add_subcommand("config", "Check, apply and look at the configuration");
  config->require_subcommand(1);
  AddValidate(*config, session);
  AddApply(*config, session);
  AddList(*config, session);
  AddShow(*config, session);
  AddDiff(*config, session);
  AddRollBack(*config, session);
  AddLifecycle(*config, session);
  CLI::App* rules = app.add_subcommand("rules", "Try the rules");
  rules->require_subcommand(1);
  AddTest(*rules, session);
  AddExplain(*rules, session);
  AddFormat(*rules, session);
}

}  // namespace rebound::cli
