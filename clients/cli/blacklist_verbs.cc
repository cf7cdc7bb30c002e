#include <fmt/format.h>

#include "clients/cli/blacklist.h"
#include "clients/cli/commands.h"
#include "clients/cli/config.h"
#include "clients/cli/customers.h"
#include "clients/cli/files.h"
#include "clients/cli/verbs.h"
#include "rebound/v1/blacklist_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::BlacklistService;
using Evidence = google::protobuf::RepeatedPtrField<v1::BlacklistEvidence>;

// As AboutCase, of an entry.
struct AboutEntry {
  static constexpr const char* kNoun = "entry";

  template <class Request>
  static int ReadEtag(Session& session, const Request& request, std::string* etag) {
    v1::GetEntryRequest get;
    get.set_entry_id(request.entry_id());
    v1::GetEntryResponse reply;
    const int code = session.Call(&BlacklistService::Stub::GetEntry, get, &reply);
    *etag = reply.entry().etag();
    return code;
  }
  template <class Reply>
  static void Print(Session& session, const Reply& reply) {
    PrintRecord(session, reply, reply.entry(), EntryColumns(session.chinese),
                RenderEntryChange(reply.entry(), reply.replayed(), session.chinese, session.style));
  }
};

template <class Options, class Request, class Reply, class Prepare = decltype(kNothingElse)>
void SendEntry(CLI::App* verb, Session& session, std::shared_ptr<Options> options,
               grpc::Status (BlacklistService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                              Reply*),
               EtagNeed need, Prepare prepare = kNothingElse) {
  SendVerb<AboutEntry>(verb, session, std::move(options), method, need, std::move(prepare));
}

CLI::App* AddCommand(CLI::App& blacklist, const std::string& name, const std::string& help,
                     const std::string& example) {
  CLI::App* command = blacklist.add_subcommand(name, help);
  command->footer("Example:\n  rebound blacklist " + example);
  return command;
}

CLI::App* AddEntryVerb(CLI::App& blacklist, const std::string& name, const std::string& help,
                       std::string* entry_id, const std::string& example) {
  CLI::App* verb = AddCommand(blacklist, name, help, example);
  verb->add_option("entry", *entry_id, "The entry's number or id, for example B-17")
      ->required()
      ->type_name("ENTRY");
  return verb;
}

CLI::Option* AddCustomer(CLI::App* command, const std::string& name, std::string* customer) {
  return command->add_option(name, *customer, "The customer's id, or a key of theirs like crm:88")
      ->type_name("ID|SOURCE:KEY");
}

void AddWhy(CLI::App* verb, const char* name, std::string* text, const std::string& help) {
  verb->add_option(name, *text, help)->required()->type_name("TEXT");
}

void AddTexts(CLI::App* verb, const char* name, std::function<void(const std::string&)> add,
              const std::string& help) {
  verb->add_option_function<std::vector<std::string>>(
          name,
          [add = std::move(add)](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) add(text);
          },
          help + "; may be repeated")
      ->type_name("KEY");
}

// One of two flags, which say yes and no.
struct Choice {
  bool yes = false;
  bool no = false;
};
void AddChoice(CLI::App* verb, Choice* choice, const char* yes, const std::string& yes_help,
               const char* no, const std::string& no_help) {
  CLI::App* which = verb->add_option_group("decision", "One of");
  which->add_flag(yes, choice->yes, yes_help);
  which->add_flag(no, choice->no, no_help);
  which->require_option(1);
}

CLI::Option* AddEvidence(CLI::App* verb, Evidence* evidence) {
  return verb
      ->add_option_function<std::vector<std::string>>(
          "--evidence",
          [evidence](const std::vector<std::string>& items) {
            for (const std::string& item : items) {
              std::string fault;
              const auto read = ReadEntryEvidence(item, &fault);
              if (!read) throw CLI::ValidationError("--evidence", fault);
              *evidence->Add() = *read;
            }
          },
          "When, on which case, and what happened or a link to it; may be repeated")
      ->type_name("TIME[@CASE]=WHAT");
}

// Cases are typed by number, and sent by id.
int FindCases(Session& session, Evidence* evidence) {
  for (v1::BlacklistEvidence& each : *evidence) {
    if (each.case_id().empty()) continue;
    v1::Case seen;
    if (const int code = ReadCase(session, each.case_id(), &seen); code != kExitOk) return code;
    each.set_case_id(seen.id());
  }
  return kExitOk;
}

void NameCases(Session& session, v1::BlacklistEntry* entry) {
  CaseNames names(session);
  for (v1::BlacklistEvidence& each : *entry->mutable_evidence()) {
    names.Name(each.mutable_case_id());
  }
  if (!entry->has_appeal()) return;
  for (v1::BlacklistEvidence& each : *entry->mutable_appeal()->mutable_evidence()) {
    names.Name(each.mutable_case_id());
  }
}

struct ProposeOptions {
  v1::ProposeEntryRequest request;
  std::string customer, unit, program;
  v1::BlacklistKind kind = v1::BLACKLIST_KIND_UNSPECIFIED;
};

// What exactly it restricts, and where.
void AddEffects(CLI::App* verb, const std::shared_ptr<ProposeOptions>& options) {
  v1::BlacklistEntry* entry = options->request.mutable_entry();
  const auto effects = [entry] { return entry->mutable_effects(); };
  AddEnums<v1::Channel>(
      verb, "--channel", [effects](v1::Channel channel) { effects()->add_channels(channel); },
      "Of channel_limit: a channel that is blocked");
  AddTexts(
      verb, "--remedy", [effects](const std::string& type) { effects()->add_remedy_types(type); },
      "Of no_goodwill and repeat_compensation: a remedy of the catalogue; else all that the law "
      "does not demand");
  AddTexts(
      verb, "--survey",
      [effects](const std::string& program) { effects()->add_program_ids(program); },
      "Of do_not_contact: a program whose surveys are not sent; else all");
  verb->add_option_function<std::string>(
          "--queue", [effects](const std::string& queue) { effects()->set_queue_id(queue); },
          "Where the customer's cases go: of staff_safety always, of no_goodwill and "
          "repeat_compensation if named")
      ->type_name("QUEUE");
  CLI::Option* unit =
      verb->add_option("--within-unit", options->unit, "Only in this org unit and below it")
          ->type_name("UNIT");
  verb->add_option("--within-program", options->program, "Only in this program")
      ->type_name("PROGRAM")
      ->excludes(unit);
}

void AddTimes(CLI::App* verb, v1::BlacklistEntry* entry) {
  AddTime(
      verb, "--until", [entry] { return entry->mutable_expire_time(); }, "When it ends")
      ->required();
  AddTime(
      verb, "--from", [entry] { return entry->mutable_start_time(); },
      "When it begins; else at once");
  AddTime(
      verb, "--review", [entry] { return entry->mutable_review_time(); },
      "When somebody has to look at it again");
  AddTime(
      verb, "--at-once-until", [entry] { return entry->mutable_immediate_until(); },
      "Of staff_safety: it holds at once, up to this time within 72 hours, undecided as it is");
}

int PreparePropose(Session& session, ProposeOptions& options) {
  v1::BlacklistEntry* entry = options.request.mutable_entry();
  entry->set_kind(options.kind);
  if (!options.unit.empty()) {
    entry->mutable_extent()->set_kind(v1::BLACKLIST_EXTENT_KIND_ORG_UNIT);
    entry->mutable_extent()->set_id(options.unit);
  } else if (!options.program.empty()) {
    entry->mutable_extent()->set_kind(v1::BLACKLIST_EXTENT_KIND_PROGRAM);
    entry->mutable_extent()->set_id(options.program);
  }
  if (const int code = FindCases(session, entry->mutable_evidence()); code != kExitOk) return code;
  return FindCustomer(session, options.customer, entry->mutable_customer_id());
}

void AddEntryPropose(CLI::App& blacklist, Session& session) {
  auto options = std::make_shared<ProposeOptions>();
  v1::BlacklistEntry* entry = options->request.mutable_entry();
  CLI::App* verb = AddCommand(
      blacklist, "propose", "Propose a restriction on a customer, for somebody else to decide",
      "propose crm:88 --kind no_goodwill --reason dishonest_claims --until +180d \\\n"
      "    --note \"Three claims for one parcel\" --evidence \"2026-01-31@C-17=Says it never "
      "came\"");
  AddCustomer(verb, "customer", &options->customer)->required();
  AddEnum(verb, "--kind", &options->kind, "What is restricted")->required();
  verb->add_option("--reason", *entry->mutable_reason_code(),
                   "Why, in a word: a key of the configuration's reasons")
      ->required()
      ->type_name("KEY");
  AddWhy(verb, "--note", entry->mutable_internal_reason(), "Why, for those who decide");
  AddEvidence(verb, entry->mutable_evidence())->required();
  AddTimes(verb, entry);
  AddEffects(verb, options);
  verb->add_option("--tell", *entry->mutable_customer_reason(),
                   "What the customer is told, in English; else the name of the reason")
      ->type_name("TEXT");
  verb->add_option("--tell-zh", *entry->mutable_customer_reason_zh(), "The same in Chinese")
      ->type_name("TEXT");
  verb->add_option("--legal-basis", *entry->mutable_legal_basis(),
                   "On which it is kept; else that of the kind")
      ->type_name("KEY");
  SendEntry(verb, session, options, &BlacklistService::Stub::ProposeEntry, EtagNeed::kOptional,
            [options, &session] { return PreparePropose(session, *options); });
}

void AddWarn(CLI::App& blacklist, Session& session) {
  auto request = std::make_shared<v1::WarnEntryRequest>();
  CLI::App* verb = AddEntryVerb(blacklist, "warn", "Warn the customer of what is proposed",
                                request->mutable_entry_id(), "warn B-17 --note \"First time\"");
  AddWhy(verb, "--note", request->mutable_note(), "Why");
  SendEntry(verb, session, request, &BlacklistService::Stub::WarnEntry, EtagNeed::kOptional);
}

template <class Request>
struct Chosen {
  Request request;
  Choice choice;
};

void AddEntryDecide(CLI::App& blacklist, Session& session) {
  auto options = std::make_shared<Chosen<v1::DecideEntryRequest>>();
  CLI::App* verb = AddEntryVerb(
      blacklist, "decide", "Decide on an entry that somebody else proposed",
      options->request.mutable_entry_id(), "decide B-17 --activate --note \"Calls heard\"");
  AddChoice(verb, &options->choice, "--activate", "It holds", "--reject", "It does not");
  AddWhy(verb, "--note", options->request.mutable_note(), "Why");
  SendEntry(verb, session, options, &BlacklistService::Stub::DecideEntry, EtagNeed::kAlways,
            [options] { options->request.set_activate(options->choice.yes); });
}

void AddEntryExtend(CLI::App& blacklist, Session& session) {
  auto request = std::make_shared<v1::RequestEntryExtensionRequest>();
  CLI::App* verb = AddEntryVerb(blacklist, "extend", "Ask for a later end of an active entry",
                                request->mutable_entry_id(),
                                "extend B-17 --until +90d --reason \"Another threat\"");
  AddTime(
      verb, "--until", [request] { return request->mutable_until(); }, "The end that is wanted")
      ->required();
  AddWhy(verb, "--reason", request->mutable_reason(), "Why");
  SendEntry(verb, session, request, &BlacklistService::Stub::RequestEntryExtension,
            EtagNeed::kOptional);
}

void AddEntryDecideExtension(CLI::App& blacklist, Session& session) {
  auto options = std::make_shared<Chosen<v1::DecideEntryExtensionRequest>>();
  CLI::App* verb = AddEntryVerb(
      blacklist, "decide-extension", "Grant or refuse a later end that somebody else asked for",
      options->request.mutable_entry_id(), "decide-extension B-17 --refuse --note \"Long enough\"");
  AddChoice(verb, &options->choice, "--grant", "It holds for longer", "--refuse",
            "It ends when it was to end");
  AddWhy(verb, "--note", options->request.mutable_note(), "Why");
  SendEntry(verb, session, options, &BlacklistService::Stub::DecideEntryExtension,
            EtagNeed::kAlways, [options] { options->request.set_grant(options->choice.yes); });
}

void AddEntryAppeal(CLI::App& blacklist, Session& session) {
  auto request = std::make_shared<v1::AppealEntryRequest>();
  CLI::App* verb =
      AddEntryVerb(blacklist, "appeal", "Record that the customer objects",
                   request->mutable_entry_id(), "appeal B-17 --words \"It was not me who called\"");
  AddWhy(verb, "--words", request->mutable_words(), "What the customer says");
  AddEvidence(verb, request->mutable_evidence());
  SendEntry(verb, session, request, &BlacklistService::Stub::AppealEntry, EtagNeed::kOptional,
            [request, &session] { return FindCases(session, request->mutable_evidence()); });
}

void AddEntryDecideAppeal(CLI::App& blacklist, Session& session) {
  auto options = std::make_shared<Chosen<v1::DecideEntryAppealRequest>>();
  CLI::App* verb = AddEntryVerb(blacklist, "decide-appeal", "Decide an appeal, as a third person",
                                options->request.mutable_entry_id(),
                                "decide-appeal B-17 --uphold --note \"Another caller\"");
  AddChoice(verb, &options->choice, "--uphold", "The customer is right: the entry is lifted",
            "--dismiss", "The entry goes on");
  AddWhy(verb, "--note", options->request.mutable_note(), "Why");
  SendEntry(verb, session, options, &BlacklistService::Stub::DecideEntryAppeal, EtagNeed::kAlways,
            [options] { options->request.set_uphold(options->choice.yes); });
}

void AddLift(CLI::App& blacklist, Session& session) {
  auto request = std::make_shared<v1::LiftEntryRequest>();
  CLI::App* verb = AddEntryVerb(blacklist, "lift", "End an active entry before its time",
                                request->mutable_entry_id(), "lift B-17 --note \"Settled\"");
  AddWhy(verb, "--note", request->mutable_note(), "Why");
  SendEntry(verb, session, request, &BlacklistService::Stub::LiftEntry, EtagNeed::kAlways);
}

// ---- Queries

void AddEntryList(CLI::App& blacklist, Session& session) {
  struct Options {
    v1::ListEntriesRequest request;
    std::string customer;
    Paging paging;
  };
  auto options = std::make_shared<Options>();
  v1::ListEntriesRequest* request = &options->request;
  CLI::App* list = AddCommand(blacklist, "list", "List entries, the newest first",
                              "list --state proposed --state warned");
  AddCustomer(list, "--customer", &options->customer);
  AddEnums<v1::BlacklistState>(
      list, "--state", [request](v1::BlacklistState state) { request->add_states(state); },
      "Only those in this state");
  AddEnums<v1::BlacklistKind>(
      list, "--kind", [request](v1::BlacklistKind kind) { request->add_kinds(kind); },
      "Only those of this kind");
  AddPaging(list, &options->paging);
  list->callback([options, &session] {
    session.command = [options, &session]() -> int {
      std::string* id = options->request.mutable_customer_id();
      const int code = FindCustomer(session, options->customer, id);
      if (code != kExitOk) return code;
      return PrintPages<v1::BlacklistEntry>(
          session, options->paging, &BlacklistService::Stub::ListEntries, options->request,
          EntryColumns(session.chinese),
          [](const v1::ListEntriesResponse& reply) -> const auto& { return reply.entries(); },
          session.chinese ? "没有条目。" : "No entries.");
    };
  });
}

void AddEntryShow(CLI::App& blacklist, Session& session) {
  auto request = std::make_shared<v1::GetEntryRequest>();
  CLI::App* show =
      AddEntryVerb(blacklist, "show", "Show one entry", request->mutable_entry_id(), "show B-17");
  show->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::GetEntryResponse reply;
      const int code = session.Call(&BlacklistService::Stub::GetEntry, *request, &reply);
      if (code != kExitOk) return code;
      v1::BlacklistEntry shown = reply.entry();
      NameCases(session, &shown);
      PrintRecord(session, reply, reply.entry(), EntryColumns(session.chinese),
                  RenderEntry(shown, session.chinese, session.style, session.out_width));
      return kExitOk;
    };
  });
}

// Sends a query whose reply has no records, and prints it.
template <class Request, class Reply, class View>
int Ask(Session& session,
        grpc::Status (BlacklistService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                       Reply*),
        const Request& request, View view) {
  Reply reply;
  if (const int code = session.Call(method, request, &reply); code != kExitOk) return code;
  if (session.format == Format::kJson) {
    session.out << MessageJson(reply) << "\n";
  } else {
    session.out << view(reply, session.chinese, session.style, session.out_width);
  }
  return kExitOk;
}

void AddNotice(CLI::App& blacklist, Session& session) {
  auto request = std::make_shared<v1::PreviewEntryNoticeRequest>();
  auto notice = std::make_shared<v1::BlacklistNotice>(v1::BLACKLIST_NOTICE_UNSPECIFIED);
  CLI::App* command = AddEntryVerb(
      blacklist, "notice",
      "What the customer reads of an entry, in their language or that of --lang; nothing is sent",
      request->mutable_entry_id(), "notice B-17 --notice decision --lang zh");
  AddEnum(command, "--notice", notice.get(), "Which one")->required();
  command->callback([request, notice, &session] {
    session.command = [request, notice, &session]() -> int {
      request->set_notice(*notice);
      request->set_language(session.language);
      return Ask(session, &BlacklistService::Stub::PreviewEntryNotice, *request, RenderNotice);
    };
  });
}

void AddCheck(CLI::App& blacklist, Session& session) {
  struct Options {
    v1::CheckCustomerRequest request;
    std::string customer;
  };
  auto options = std::make_shared<Options>();
  CLI::App* check =
      AddCommand(blacklist, "check", "What may be done with or for a customer now, and why not",
                 "check crm:88 --program touchpoint");
  AddCustomer(check, "customer", &options->customer)->required();
  check->add_option("--program", *options->request.mutable_program_id(), "In this program")
      ->type_name("PROGRAM");
  check->add_option("--org-unit", *options->request.mutable_org_unit_id(), "In this org unit")
      ->type_name("UNIT");
  check->callback([options, &session] {
    session.command = [options, &session]() -> int {
      if (const auto key = ReadKey(options->customer)) {
        *options->request.mutable_external_key() = *key;
      } else {
        options->request.set_customer_id(options->customer);
      }
      return Ask(session, &BlacklistService::Stub::CheckCustomer, options->request, RenderPermits);
    };
  });
}

struct DryRunOptions {
  v1::DryRunRulesRequest request;
  std::string file, customer;
};

int RunDry(Session& session, DryRunOptions& options) {
  v1::DryRunRulesRequest request = options.request;
  if (!options.file.empty()) {
    auto text = ReadFile(options.file);
    if (!text) return session.Fail(kExitUsage, "cannot read " + options.file);
    request.mutable_draft()->set_name(options.file);
    request.mutable_draft()->set_text(*std::move(text));
  }
  int code = FindCustomer(session, options.customer, request.mutable_customer_id());
  if (code != kExitOk) return code;
  v1::DryRunRulesResponse reply;
  session.localized = true;
  code = session.Call(&BlacklistService::Stub::DryRunRules, request, &reply);
  if (code != kExitOk) return code;
  const int result = reply.faults().empty() ? kExitOk : kExitUsage;
  if (session.format == Format::kJson) {
    session.out << MessageJson(reply) << "\n";
  } else if (result != kExitOk) {
    session.err << RenderFaults(reply.faults());
  } else {
    session.out << RenderDryRun(reply, session.chinese, session.style, session.out_width);
  }
  return result;
}

void AddDryRun(CLI::App& blacklist, Session& session) {
  auto options = std::make_shared<DryRunOptions>();
  v1::DryRunRulesRequest* request = &options->request;
  CLI::App* run =
      AddCommand(blacklist, "dry-run",
                 "Try rules on the past: whom they would have proposed; nothing is stored",
                 "dry-run draft/blacklist.yaml --since 2026-01-01");
  run->add_option("file", options->file, "A draft's blacklist.yaml; else the rules in force")
      ->type_name("FILE");
  AddTexts(
      run, "--rule", [request](const std::string& rule) { request->add_rule_ids(rule); },
      "Only this rule");
  AddCustomer(run, "--customer", &options->customer);
  AddTime(
      run, "--since", [request] { return request->mutable_since_time(); },
      "Proposals at or after this time");
  AddTime(
      run, "--until", [request] { return request->mutable_until_time(); },
      "Proposals before this time");
  AddInteger(
      run, "--examples",
      [request](int64_t limit) {
        request->set_example_limit(static_cast<int32_t>(std::clamp<int64_t>(limit, 0, 1'000'000)));
      },
      "How many proposals are named; 0: 100");
  run->callback([options, &session] {
    session.command = [options, &session]() -> int { return RunDry(session, *options); };
  });
}

int Export(Session& session, const std::string& customer) {
  v1::ExportCustomerEntriesRequest request;
  int code = FindCustomer(session, customer, request.mutable_customer_id());
  if (code != kExitOk) return code;
  v1::ExportCustomerEntriesResponse reply;
  code = session.Call(&BlacklistService::Stub::ExportCustomerEntries, request, &reply);
  if (code != kExitOk) return code;
  if (session.format == Format::kJson) {
    session.out << MessageJson(reply) << "\n";
    return kExitOk;
  }
  if (session.format == Format::kCsv) {
    ListPrinter<v1::BlacklistEntry> printer(session.out, Format::kCsv, 0, EntryColumns(false));
    for (const v1::BlacklistEntry& entry : reply.entries()) printer.Add(entry);
    printer.Finish("");
    return kExitOk;
  }
  const Word word{session.chinese};
  session.out << fmt::format(
      fmt::runtime(word("{} entries of {} records, as of {}\n", "{} 个条目，{} 份档案，截至 {}\n")),
      reply.entries_size(), reply.customer_ids_size(), FormatTimeSeconds(reply.export_time()));
  for (v1::BlacklistEntry& entry : *reply.mutable_entries()) {
    NameCases(session, &entry);
    session.out << "\n" << RenderEntry(entry, session.chinese, session.style, session.out_width);
  }
  return kExitOk;
}

void AddEntryExport(CLI::App& blacklist, Session& session) {
  auto customer = std::make_shared<std::string>();
  CLI::App* command = AddCommand(
      blacklist, "export", "Everything that is held on one person here, whatever became of it",
      "export crm:88 -o json");
  AddCustomer(command, "customer", customer.get())->required();
  command->callback([customer, &session] {
    session.command = [customer, &session]() -> int { return Export(session, *customer); };
  });
}

void AddStats(CLI::App& blacklist, Session& session) {
  auto request = std::make_shared<v1::GetBlacklistStatisticsRequest>();
  CLI::App* stats =
      AddCommand(blacklist, "stats", "What became of entries, by kind, rule and decider",
                 "stats --since 2026-01-01 --until 2026-04-01");
  AddTime(
      stats, "--since", [request] { return request->mutable_since_time(); },
      "Proposed at or after this time");
  AddTime(
      stats, "--until", [request] { return request->mutable_until_time(); },
      "Proposed before this time");
  stats->callback([request, &session] {
    session.command = [request, &session]() -> int {
      return Ask(session, &BlacklistService::Stub::GetBlacklistStatistics, *request,
                 RenderBlacklistStatistics);
    };
  });
}

}  // namespace

void AddBlacklistCommands(CLI::App& app, Session& session) {
  CLI::App* blacklist =
      app.add_subcommand("blacklist", "Restrictions on customers, with grounds, an end and appeal");
  blacklist->require_subcommand(1);
  AddEntryPropose(*blacklist, session);
  AddWarn(*blacklist, session);
  AddEntryDecide(*blacklist, session);
  AddEntryExtend(*blacklist, session);
  AddEntryDecideExtension(*blacklist, session);
  AddEntryAppeal(*blacklist, session);
  AddEntryDecideAppeal(*blacklist, session);
  AddLift(*blacklist, session);
  AddEntryList(*blacklist, session);
  AddEntryShow(*blacklist, session);
  AddNotice(*blacklist, session);
  AddCheck(*blacklist, session);
  AddDryRun(*blacklist, session);
  AddEntryExport(*blacklist, session);
  AddStats(*blacklist, session);
}

}  // namespace rebound::cli
