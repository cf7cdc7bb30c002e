#include "clients/cli/cli.h"

#include <CLI/CLI.hpp>
#include <fstream>

#include "clients/cli/access.h"
#include "clients/cli/commands.h"
#include "clients/cli/files.h"
#include "clients/cli/mapping.h"

namespace rebound::cli {
namespace {

// The server's own default.
constexpr const char* kDefaultServer = "127.0.0.1:50061";

constexpr const char* kExitCodeHelp = R"(Exit codes
  0    done; an import that ran to its end, whatever it rejected (but see --strict)
  1    failed: a fault of the server or of this machine; rejected rows with --strict
  2    wrong usage, or the server refused an argument
  3    not found
  4    no valid token, or not allowed
  5    conflict: changed meanwhile, exists already, or not possible in the present state
  6    the server is away, too slow or overloaded; the same command again may work
  130  interrupted
)";

constexpr const char* kEnvironmentHelp = R"(Environment
  REBOUND_SERVER           HOST:PORT or unix:PATH of the server, like --server
  REBOUND_TOKEN            the bearer token, like --token
  REBOUND_TLS_CA           call under TLS, like --tls-ca; the word "system" is --tls
  REBOUND_TLS_CERTIFICATE,
  REBOUND_TLS_KEY          like --tls-certificate and --tls-key
  LC_ALL, LC_MESSAGES,
  LANG                     the language of messages: Chinese if it begins with zh, like --lang
  NO_COLOR                 no colours if it is set, like --no-color
  XDG_CONFIG_HOME, HOME    where "rebound login" keeps its session: rebound/session in the former,
                           or .config/rebound/session in the latter; used without a token
)";

constexpr const char* kOutputHelp = R"(Output
  -o table   for people: aligned columns; on a terminal cut to its width, in a pipe never
  -o json    the API's JSON: one array of records from a list, else the reply as it is;
             an empty list is []; errors are JSON too, on stderr
  -o csv     one row a record; cells that a spreadsheet would run as a formula start with '

Times are shown in UTC. They are read as 2026-01-31T08:00:00Z, 2026-01-31 08:00 and 2026-01-31
(UTC), or from now on as +30m, +2h and +3d.
)";

constexpr const char* kMappingHelp = R"(Mapping files say which column becomes which field:

  version: 1
  source_system: crm              # whose ids external_id and customer ids are
  zone: Asia/Shanghai             # of times without an offset
  fields:
    score: NETPRO                 # the column; short for {from: NETPRO}
    program: {const: hotline}
    external_id: {template: "crm-{ID}", required: true}
    customer.external_id: {from: CUST, required: true}
    occur_time: {template: "2017-05-{DAY:02}"}
    language: {from: LANG, map: {1: en, 2: zh, 9: }, default: en}
    attributes: rest              # every other column

Fields: program, source_system, external_id, customer.external_id, customer.source_system, score,
occur_time, touchpoint, org_unit, channel, language, reason, suggestion, verbatim,
respondent_role, account, order_reference, segment, items.KEY, attributes.KEY.
`verbatim` becomes a follow-up answer, `segment` the attribute "segment". `trim: false` keeps the
blanks around a cell.

Of complaints: program, source_system, external_id, customer.external_id, customer.source_system,
touchpoint, org_unit, account, respondent_role, order_reference, language, queue, request, topic,
crm_reference, contact_person, authority, authority_reference, responsible_unit, handling_result,
root_cause, open_time (required), dispatch_time, resolve_time, close_time.

Of behaviours: source_system and external_id (of what was done), customer.external_id (required),
customer.source_system, kind (required: repurchase, churn, renewal, downgrade, referral),
occur_time, amount ("CNY 2000").
)";

struct Topic {
  std::string_view name;
  const char* text;
};

constexpr Topic kTopics[] = {{"exit-codes", kExitCodeHelp},
                             {"environment", kEnvironmentHelp},
                             {"output", kOutputHelp},
                             {"mapping", kMappingHelp}};

struct GlobalOptions {
  std::string server;
  std::string token;
  std::string token_file;
  bool tls = false;
  std::string tls_ca;
  std::string tls_certificate;
  std::string tls_key;
  std::string format = "table";
  std::string language;
  bool no_color = false;
  double timeout = 30;
};

std::string Variable(const Surroundings& surroundings, const std::string& name) {
  const auto it = surroundings.variables.find(name);
  return it == surroundings.variables.end() ? "" : it->second;
}

bool SpeaksChinese(const GlobalOptions& options, const Surroundings& surroundings) {
  if (!options.language.empty()) return options.language == "zh";
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const std::string value = Variable(surroundings, name);
    if (!value.empty()) return value.starts_with("zh");
  }
  return false;
}

void AddGlobalOptions(CLI::App& app, GlobalOptions* options) {
  app.add_option("--server", options->server,
                 std::string("The server's HOST:PORT or unix:PATH; else REBOUND_SERVER, else ") +
                     kDefaultServer)
      ->type_name("ADDRESS");
  CLI::Option* token =
      app.add_option("--token", options->token, "The bearer token; else REBOUND_TOKEN");
  app.add_option("--token-file", options->token_file, "A file that holds the bearer token")
      ->type_name("FILE")
      ->excludes(token);
  app.add_flag("--tls", options->tls,
               "Call the server under TLS, its certificate signed by one whom this machine trusts");
  app.add_option("--tls-ca", options->tls_ca,
                 "The same, its certificate signed by one of this PEM file; else REBOUND_TLS_CA")
      ->type_name("FILE");
  app.add_option(
         "--tls-certificate", options->tls_certificate,
         "PEM file that names the caller, in place of a token; else REBOUND_TLS_CERTIFICATE")
      ->type_name("FILE");
  app.add_option("--tls-key", options->tls_key, "PEM file: its key; else REBOUND_TLS_KEY")
      ->type_name("FILE");
  app.add_option("-o,--output", options->format, "How to show results: table, json, csv")
      ->check(CLI::IsMember({"table", "json", "csv"}))
      ->type_name("FORMAT");
  app.add_option("--lang", options->language, "The language of messages: en, zh; else LANG")
      ->check(CLI::IsMember({"en", "zh"}))
      ->type_name("LANG");
  app.add_flag("--no-color", options->no_color, "No colours");
  app.add_option("--timeout", options->timeout, "Seconds to wait for one call")
      ->check(CLI::Range(0.001, 86'400.0))
      ->type_name("SECONDS")
      ->capture_default_str();
}

void AddHelpCommand(CLI::App& app, Session& session) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* help = app.add_subcommand("help", "Explain a command or a topic");
  help->add_option("topic", *words, "exit-codes, environment, output, mapping, or a command");
  help->callback([&app, &session, words] {
    session.command = [&app, &session, words]() -> int {
      CLI::App* place = &app;
      std::string path = "rebound";
      for (const std::string& word : *words) {
        for (const Topic& topic : kTopics) {
          if (words->size() == 1 && topic.name == word) {
            session.out << topic.text;
            return kExitOk;
          }
        }
        const std::vector<CLI::App*> subs =
            place->get_subcommands([&](CLI::App* sub) { return sub->get_name() == word; });
        if (subs.empty()) {
          return session.Fail(kExitUsage,
                              "expected a command, exit-codes, environment, output or "
                              "mapping, got \"" +
                                  word + "\"");
        }
        path += " " + word;
        place = subs.front();
      }
      session.out << app.get_formatter()->make_help(place, path, CLI::AppFormatMode::Normal);
      return kExitOk;
    };
  });
}

std::string OptionOr(const std::string& option, const Surroundings& surroundings,
                     const std::string& variable) {
  return option.empty() ? Variable(surroundings, variable) : option;
}

// Reads a file of PEM into `*text`. Returns what is wrong, or "".
std::string ReadPem(const std::string& path, const char* what, std::string* text) {
  auto read = ReadFile(path);
  if (!read) return std::string("cannot read ") + what + " " + path;
  *text = *std::move(read);
  // gRPC would take any text, and say only that it cannot connect.
  if (text->find("-----BEGIN ") == std::string::npos) {
    return std::string("expected ") + what + " in PEM, found none in " + path;
  }
  return "";
}

// Sets how the server is called. Returns what is wrong, or "".
std::string PrepareTls(const GlobalOptions& options, const Surroundings& surroundings,
                       Session* session) {
  std::string ca = OptionOr(options.tls_ca, surroundings, "REBOUND_TLS_CA");
  const bool is_system = options.tls ? options.tls_ca.empty() : ca == "system";
  if (is_system) ca.clear();
  const std::string certificate =
      OptionOr(options.tls_certificate, surroundings, "REBOUND_TLS_CERTIFICATE");
  const std::string key = OptionOr(options.tls_key, surroundings, "REBOUND_TLS_KEY");
  if (certificate.empty() != key.empty()) {
    return "expected a certificate and its key: --tls-certificate and --tls-key go together";
  }
  if (ca.empty() && !is_system) {
    if (certificate.empty()) return "";
    return "a certificate is shown under TLS only: give --tls-ca or --tls, too";
  }
  grpc::SslCredentialsOptions tls;
  std::string fault;
  if (!ca.empty()) fault = ReadPem(ca, "the signers' certificates", &tls.pem_root_certs);
  if (fault.empty() && !certificate.empty()) {
    fault = ReadPem(certificate, "the certificate", &tls.pem_cert_chain);
    if (fault.empty()) fault = ReadPem(key, "the key", &tls.pem_private_key);
  }
  if (fault.empty()) session->credentials = grpc::SslCredentials(tls);
  return fault;
}

// Fills the session from the options and the environment. Returns what is wrong, or "".
std::string Prepare(const GlobalOptions& options, const Surroundings& surroundings,
                    Session* session) {
  session->server = OptionOr(options.server, surroundings, "REBOUND_SERVER");
  if (session->server.empty()) session->server = kDefaultServer;
  if (std::string fault = PrepareTls(options, surroundings, session); !fault.empty()) return fault;
  session->token = options.token;
  if (!options.token_file.empty()) {
    std::ifstream file(options.token_file);
    if (!file) return "cannot read the token file " + options.token_file;
    std::getline(file, session->token);
  } else if (session->token.empty()) {
    session->token = Variable(surroundings, "REBOUND_TOKEN");
  }
  const std::string config = Variable(surroundings, "XDG_CONFIG_HOME");
  const std::string home = Variable(surroundings, "HOME");
  if (!config.empty() || !home.empty()) {
    session->config_folder = (config.empty() ? home + "/.config" : config) + "/rebound";
  }
  if (session->token.empty() && options.token_file.empty()) {
    session->token = SavedToken(session->config_folder, session->server);
  }
  session->is_typed = surroundings.is_typed;
  while (!session->token.empty() &&
         (session->token.back() == '\r' || session->token.back() == ' ')) {
    session->token.pop_back();
  }
  for (const char c : session->token) {
    if (c <= ' ' || c > '~') return "expected a token of printable ASCII without blanks";
  }
  session->timeout_seconds = options.timeout;
  session->out_width = surroundings.out_width;
  session->err_width = surroundings.err_width;
  return "";
}

// How output looks is settled before the arguments are checked, so that even their faults are shown
// that way.
void PrepareLook(const GlobalOptions& options, const Surroundings& surroundings, Session* session) {
  session->format = options.format == "json"  ? Format::kJson
                    : options.format == "csv" ? Format::kCsv
                                              : Format::kTable;
  session->chinese = SpeaksChinese(options, surroundings);
  session->language = options.language;
  const bool color = !options.no_color && Variable(surroundings, "NO_COLOR").empty();
  session->style.color = color && surroundings.out_width > 0;
  session->err_style.color = color && surroundings.err_width > 0;
}

// The deepest command that the arguments name, for "rebound cases list --help".
std::string NamedCommand(const CLI::App& app) {
  std::string path = app.get_name();
  const CLI::App* place = &app;
  while (!place->get_subcommands().empty()) {
    place = place->get_subcommands().front();
    path += " " + place->get_name();
  }
  return path;
}

// "unknown command ..." if that is the fault, else "".
std::string UnknownCommand(const CLI::App& app) {
  const CLI::App* place = &app;
  while (!place->get_subcommands().empty()) place = place->get_subcommands().front();
  const std::vector<std::string> rest = app.remaining(true);
  std::vector<std::string> names;
  for (const CLI::App* sub : place->get_subcommands({})) names.push_back(sub->get_name());
  // Option groups have no name; they are no commands.
  std::erase(names, "");
  if (rest.empty() || rest.front().starts_with('-') || names.empty()) return "";
  const std::string meant = DidYouMean(rest.front(), names);
  return "unknown command \"" + rest.front() + "\"" +
         (meant.empty() ? "" : "; did you mean " + meant + "?");
}

int ReportParseError(const CLI::App& app, const CLI::ParseError& error, Session* session) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    return app.exit(error, session->out, session->err);
  }
  const std::string unknown = UnknownCommand(app);
  session->Fail(kExitUsage, unknown.empty() ? error.what() : unknown);
  if (session->format != Format::kJson) session->err << "Run " << NamedCommand(app) << " --help.\n";
  return kExitUsage;
}

}  // namespace

int RunCli(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
           const Surroundings& surroundings) {
  Session session(out, err);
  session.ask_secret = surroundings.ask_secret;
  GlobalOptions options;
  CLI::App app("Rebound: every low score becomes a case, every case is worked and asked again.",
               "rebound");
  app.set_version_flag("--version", "rebound " + std::string(kVersion));
  app.fallthrough();
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(
      "Examples:\n"
      "  rebound import responses answers.csv --program hotline --map answers.yaml\n"
      "  rebound cases next\n"
      "  rebound report nps --program hotline --by touchpoint\n"
      "\nMore: rebound help exit-codes | environment | output | mapping | COMMAND");
  AddGlobalOptions(app, &options);
  AddImportCommands(app, session);
  AddExportCommands(app, session);
  AddEndpointCommands(app, session);
  AddCaseCommands(app, session);
  AddCustomerCommands(app, session);
  AddResponseCommands(app, session);
  AddProgramCommands(app, session);
  AddBlacklistCommands(app, session);
  AddReportCommands(app, session);
  AddConfigCommands(app, session);
  AddEventCommands(app, session);
  AddStatusCommand(app, session);
  AddMetricsCommand(app, session);
  AddClockCommands(app, session);
  AddAuditCommands(app, session);
  AddAccessCommands(app, session);
  AddHelpCommand(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // A fault may be met before these were taken over.
    const auto given = [&app](const std::string& name, std::string* value) {
      const std::vector<std::string> results = app.get_option(name)->results();
      if (!results.empty()) *value = results.back();
    };
    given("--output", &options.format);
    given("--lang", &options.language);
    PrepareLook(options, surroundings, &session);
    return ReportParseError(app, error, &session);
  }
  PrepareLook(options, surroundings, &session);
  if (const std::string fault = Prepare(options, surroundings, &session); !fault.empty()) {
    return session.Fail(kExitUsage, fault);
  }
  return session.command();
}

}  // namespace rebound::cli
