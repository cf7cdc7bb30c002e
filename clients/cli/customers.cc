#include "clients/cli/customers.h"

#include <fmt/format.h>

#include <algorithm>

#include "clients/cli/cases.h"
#include "clients/cli/commands.h"
#include "clients/cli/export.h"
#include "clients/cli/options.h"
#include "clients/cli/responses.h"
#include "clients/cli/unmask.h"
#include "rebound/v1/customer_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::CustomerService;

std::string Keys(const v1::Customer& customer) {
  std::string text;
  for (const v1::ExternalKey& key : customer.external_keys()) {
    text += (text.empty() ? "" : " ") + FormatKey(key);
  }
  return text;
}

std::string Value(const v1::Customer& customer) {
  return customer.has_value() ? FormatMoney(customer.value()) : "";
}

std::string Consents(const v1::Customer& customer) {
  std::string text;
  for (const v1::Consent& consent : customer.consents()) {
    const std::string channel = EnumName(consent.channel());
    text += fmt::format("{}{} {} on {}", text.empty() ? "" : "\n",
                        consent.granted() ? "granted" : "denied", EnumName(consent.purpose()),
                        channel.empty() ? "every channel" : channel);
    if (consent.has_occur_time()) text += ", " + FormatTimeSeconds(consent.occur_time());
    if (!consent.source().empty()) text += ", " + consent.source();
  }
  return text;
}

// The settings that are plain texts, by the name of their field.
struct TextSetting {
  std::string_view name;
  const char* field;
  std::string* (v1::Customer::*target)();
};

constexpr TextSetting kTextSettings[] = {
    {"name", "display_name", &v1::Customer::mutable_display_name},
    {"language", "language", &v1::Customer::mutable_language},
    {"time_zone", "time_zone", &v1::Customer::mutable_time_zone},
    {"segment", "segment", &v1::Customer::mutable_segment},
    {"account", "account_id", &v1::Customer::mutable_account_id},
    {"org_unit", "org_unit_id", &v1::Customer::mutable_org_unit_id},
};

constexpr const char* kSettingHelp =
    "Set a field: name, language, time_zone, segment, account, org_unit, value (\"CNY 2000\"), or "
    "a contact point by its channel (phone, email, ...), which replaces all contact points";

CLI::App* AddCustomerVerb(CLI::App& customers, const std::string& name, const std::string& help,
                          const std::string& example) {
  CLI::App* verb = customers.add_subcommand(name, help);
  verb->footer("Example:\n  rebound customers " + example);
  return verb;
}

void AddCustomerArgument(CLI::App* verb, std::string* name) {
  verb->add_option("customer", *name, "The customer's id, or a key of theirs like crm:88")
      ->required()
      ->type_name("ID|SOURCE:KEY");
}

template <class Reply>
void PrintCustomer(Session& session, const Reply& reply, std::string_view first) {
  PrintRecord(session, reply, reply.customer(), CustomerColumns(),
              std::string(first) + RenderCustomer(reply.customer(), session.style));
}

template <class Reply>
std::string_view ReplayNote(const Reply& reply) {
  return reply.replayed() ? "This request had been done before; nothing changed.\n\n" : "";
}

int Show(Session& session, const std::string& name, bool with_history) {
  v1::GetCustomerRequest request;
  if (const std::optional<v1::ExternalKey> key = ReadKey(name)) {
    *request.mutable_external_key() = *key;
  } else {
    request.set_customer_id(name);
  }
  v1::GetCustomerResponse reply;
  int code = session.Call(&CustomerService::Stub::GetCustomer, request, &reply);
  if (code != kExitOk) return code;
  if (!with_history) {
    PrintCustomer(session, reply, "");
    return kExitOk;
  }
  v1::GetCustomerHistoryRequest history_request;
  history_request.set_customer_id(reply.customer().id());
  v1::GetCustomerHistoryResponse history;
  code = session.Call(&CustomerService::Stub::GetCustomerHistory, history_request, &history);
  if (code != kExitOk) return code;
  if (session.format == Format::kJson) {
    session.out << "{\"customer\": " << MessageJson(reply.customer())
                << ",\n\"history\": " << MessageJson(history) << "}\n";
  } else if (session.format == Format::kCsv) {
    ListPrinter<v1::Response> printer(session.out, Format::kCsv, 0, ResponseColumns());
    for (const v1::Response& response : history.responses()) printer.Add(response);
    printer.Finish("");
  } else {
    session.out << RenderCustomer(reply.customer(), session.style)
                << RenderHistory(history, session.style, session.out_width);
  }
  return kExitOk;
}

void AddCustomerShow(CLI::App& customers, Session& session) {
  struct Options {
    std::string name;
    bool history = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* show = AddCustomerVerb(customers, "show", "Show one customer", "show crm:88 --history");
  AddCustomerArgument(show, &options->name);
  show->add_flag("--history", options->history,
                 "With answers, cases and behaviours (CSV: the answers)");
  show->callback([options, &session] {
    session.command = [options, &session] {
      return Show(session, options->name, options->history);
    };
  });
}

void AddCustomerList(CLI::App& customers, Session& session) {
  struct Options {
    v1::ListCustomersRequest request;
    Paging paging;
  };
  auto options = std::make_shared<Options>();
  CLI::App* list = AddCustomerVerb(customers, "list", "List customers, the newest first",
                                   "list --filter 'segment = \"gold\" AND do_not_contact = false'");
  list->add_option("--filter", *options->request.mutable_filter(), "Only those that match")
      ->type_name("FILTER");
  AddPaging(list, &options->paging);
  list->callback([options, &session] {
    session.command = [options, &session] {
      return PrintPages<v1::Customer>(
          session, options->paging, &CustomerService::Stub::ListCustomers, options->request,
          CustomerColumns(),
          [](const v1::ListCustomersResponse& reply) -> const auto& { return reply.customers(); },
          "No customers.");
    };
  });
}

void AddUpsert(CLI::App& customers, Session& session) {
  struct Options {
    v1::UpsertCustomerRequest request;
    Pairs settings;
  };
  auto options = std::make_shared<Options>();
  v1::UpsertCustomerRequest& request = options->request;
  CLI::App* upsert = AddCustomerVerb(
      customers, "upsert", "Create the customer of a key, or change fields",
      "upsert crm:88 --set name=王芳 --set segment=gold --set phone=+8613800000000");
  AddKey(
      upsert, "key", [&request] { return request.mutable_external_key(); },
      "The key that finds the customer")
      ->required();
  AddPairs(upsert, "--set", &options->settings, kSettingHelp)->required();
  upsert->add_option("--etag", *request.mutable_etag(), "Refuse if the customer changed since")
      ->type_name("ETAG");
  AddRequestId(upsert, request.mutable_request_id());
  upsert->callback([options, &session] {
    session.command = [options, &session]() -> int {
      const std::string fault = ReadSettings(options->settings, &options->request);
      if (!fault.empty()) return session.Fail(kExitUsage, fault);
      FillRequestId(options->request.mutable_request_id());
      v1::UpsertCustomerResponse reply;
      const int code =
          session.Call(&CustomerService::Stub::UpsertCustomer, options->request, &reply);
      if (code != kExitOk) return code;
      PrintCustomer(session, reply, reply.created() ? "New customer.\n\n" : ReplayNote(reply));
      return kExitOk;
    };
  });
}

void AddAlias(CLI::App& customers, Session& session) {
  struct Options {
    v1::AddCustomerAliasRequest request;
    std::string name;
  };
  auto options = std::make_shared<Options>();
  CLI::App* alias = AddCustomerVerb(customers, "alias", "Give a customer one more key",
                                    "alias crm:88 hotline:13800000000");
  AddCustomerArgument(alias, &options->name);
  AddKey(
      alias, "key", [options = options.get()] { return options->request.mutable_external_key(); },
      "The further key; of another customer, it links that customer to this one")
      ->required();
  AddRequestId(alias, options->request.mutable_request_id());
  alias->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::AddCustomerAliasRequest& request = options->request;
      int code = FindCustomer(session, options->name, request.mutable_customer_id());
      if (code != kExitOk) return code;
      FillRequestId(request.mutable_request_id());
      v1::AddCustomerAliasResponse reply;
      code = session.Call(&CustomerService::Stub::AddCustomerAlias, request, &reply);
      if (code != kExitOk) return code;
      PrintCustomer(session, reply, ReplayNote(reply));
      return kExitOk;
    };
  });
}

std::vector<Column<v1::Behaviour>> BehaviourColumns() {
  using Record = const v1::Behaviour&;
  return {
      {"time", "time", Align::kLeft, [](Record r) { return FormatTimeSeconds(r.occur_time()); }},
      {"kind", "what", Align::kLeft, [](Record r) { return EnumName(r.kind()); }},
      {"amount", "amount", Align::kRight,
       [](Record r) { return r.has_amount() ? FormatMoney(r.amount()) : std::string(); }},
      {"key", "key", Align::kLeft, [](Record r) { return FormatKey(r.external_key()); }},
      {"customer", "", Align::kLeft, [](Record r) { return r.customer_id(); }},
  };
}

void AddBehaviour(CLI::App& customers, Session& session) {
  struct Options {
    v1::RecordBehaviourRequest request;
    std::string name;
    v1::BehaviourKind kind = v1::BEHAVIOUR_KIND_UNSPECIFIED;
  };
  auto options = std::make_shared<Options>();
  v1::Behaviour* behaviour = options->request.mutable_behaviour();
  CLI::App* verb =
      AddCustomerVerb(customers, "behaviour", "Record what a customer did, once for its key",
                      "behaviour crm:88 repurchase --key shop:order-4711 --amount \"CNY 2000\"");
  AddCustomerArgument(verb, &options->name);
  AddEnum(verb, "kind", &options->kind, "What they did")->required();
  AddKey(
      verb, "--key", [behaviour] { return behaviour->mutable_external_key(); },
      "The other system's key of it, an order's say")
      ->required();
  AddMoney(
      verb, "--amount", [behaviour] { return behaviour->mutable_amount(); }, "What it was worth");
  AddTime(
      verb, "--time", [behaviour] { return behaviour->mutable_occur_time(); },
      "When it was; else now");
  AddRequestId(verb, options->request.mutable_request_id());
  verb->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::RecordBehaviourRequest& request = options->request;
      request.mutable_behaviour()->set_kind(options->kind);
      if (const std::optional<v1::ExternalKey> key = ReadKey(options->name)) {
        *request.mutable_customer_key() = *key;
      } else {
        request.set_customer_id(options->name);
      }
      FillRequestId(request.mutable_request_id());
      v1::RecordBehaviourResponse reply;
      const int code = session.Call(&CustomerService::Stub::RecordBehaviour, request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
        return kExitOk;
      }
      ListPrinter<v1::Behaviour> printer(session.out, session.format, session.out_width,
                                         BehaviourColumns());
      printer.Add(reply.behaviour());
      printer.Finish("");
      if (reply.replayed() && session.format == Format::kTable) {
        session.out << "It was recorded before; nothing changed.\n";
      }
      return kExitOk;
    };
  });
}

struct ConsentOptions {
  v1::SetCustomerConsentRequest request;
  std::string name;
  std::string do_not_contact;
  v1::ConsentPurpose granted = v1::CONSENT_PURPOSE_UNSPECIFIED;
  v1::ConsentPurpose denied = v1::CONSENT_PURPOSE_UNSPECIFIED;
  v1::Channel channel = v1::CHANNEL_UNSPECIFIED;
  std::string source;
};

void AddPurpose(ConsentOptions* options, v1::ConsentPurpose purpose, bool granted) {
  if (purpose == v1::CONSENT_PURPOSE_UNSPECIFIED) return;
  v1::Consent* consent = options->request.add_consents();
  consent->set_channel(options->channel);
  consent->set_purpose(purpose);
  consent->set_granted(granted);
  consent->set_source(options->source);
}

int SetConsent(Session& session, ConsentOptions* options) {
  v1::SetCustomerConsentRequest& request = options->request;
  AddPurpose(options, options->granted, true);
  AddPurpose(options, options->denied, false);
  if (!options->do_not_contact.empty()) {
    request.set_do_not_contact(options->do_not_contact == "true");
  }
  int code = FindCustomer(session, options->name, request.mutable_customer_id());
  if (code != kExitOk) return code;
  FillRequestId(request.mutable_request_id());
  v1::SetCustomerConsentResponse reply;
  code = session.Call(&CustomerService::Stub::SetCustomerConsent, request, &reply);
  if (code != kExitOk) return code;
  PrintCustomer(session, reply, ReplayNote(reply));
  return kExitOk;
}

void AddConsent(CLI::App& customers, Session& session) {
  auto options = std::make_shared<ConsentOptions>();
  CLI::App* consent =
      AddCustomerVerb(customers, "consent", "Record consent, its refusal, or do-not-contact",
                      "consent crm:88 --deny survey --channel sms --source \"hotline call\"");
  AddCustomerArgument(consent, &options->name);
  CLI::App* what = consent->add_option_group("what", "At least one of");
  what->add_option("--do-not-contact", options->do_not_contact,
                   "Whether the customer must not be approached at all: true, false")
      ->check(CLI::IsMember({"true", "false"}))
      ->type_name("TRUE|FALSE");
  AddEnum(what, "--grant", &options->granted, "The customer agrees to");
  AddEnum(what, "--deny", &options->denied, "The customer refuses");
  what->require_option(1, 0);
  AddEnum(consent, "--channel", &options->channel, "On this channel; else on every one");
  consent->add_option("--source", options->source, "Where this comes from, for example web form")
      ->type_name("TEXT");
  consent
      ->add_option("--etag", *options->request.mutable_etag(),
                   "Refuse if the customer changed since")
      ->type_name("ETAG");
  AddRequestId(consent, options->request.mutable_request_id());
  consent->callback([options, &session] {
    session.command = [options, &session] { return SetConsent(session, options.get()); };
  });
}

std::string SharedBy(const v1::CustomerMatch& match) {
  std::string text;
  for (const v1::MatchedIdentity& each : match.identities()) {
    text += (text.empty() ? "" : ", ") + each.kind() + " " +
            (each.source_system().empty() ? "" : each.source_system() + ":") + each.shown();
  }
  return text;
}

std::vector<Column<v1::CustomerMatch>> MatchColumns() {
  using Record = const v1::CustomerMatch&;
  return {
      {"customer", "customer", Align::kLeft, [](Record r) { return r.customer_id(); }},
      {"in_common", "in common", Align::kLeft, [](Record r) { return SharedBy(r); }},
      {"linked", "linked", Align::kLeft,
       [](Record r) { return std::string(r.linked() ? "yes" : "no"); }},
  };
}

void AddMatches(CLI::App& customers, Session& session) {
  struct Options {
    std::string name;
  };
  auto options = std::make_shared<Options>();
  CLI::App* matches = AddCustomerVerb(customers, "matches",
                                      "Who may be the same person, and by what", "matches crm:88");
  AddCustomerArgument(matches, &options->name);
  matches->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::FindCustomerMatchesRequest request;
      int code = FindCustomer(session, options->name, request.mutable_customer_id());
      if (code != kExitOk) return code;
      v1::FindCustomerMatchesResponse reply;
      code = session.Call(&CustomerService::Stub::FindCustomerMatches, request, &reply);
      if (code != kExitOk) return code;
      ListPrinter<v1::CustomerMatch> printer(session.out, session.format, session.out_width,
                                             MatchColumns());
      for (const v1::CustomerMatch& match : reply.matches()) printer.Add(match);
      printer.Finish("Nobody else is known by the same number, address or key.");
      return kExitOk;
    };
  });
}

void AddErase(CLI::App& customers, Session& session) {
  struct Options {
    v1::EraseCustomerRequest request;
    v1::ErasureGround ground = v1::ERASURE_GROUND_UNSPECIFIED;
    std::string name;
    bool yes = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* erase = AddCustomerVerb(customers, "erase", "Erase a person; this cannot be undone",
                                    "erase crm:88 --ground objection --yes");
  AddCustomerArgument(erase, &options->name);
  AddEnum(erase, "--ground", &options->ground, "On which ground")->required();
  erase->add_flag("--yes", options->yes, "Yes, erase them: names, contacts, words, keys")
      ->required();
  AddRequestId(erase, options->request.mutable_request_id());
  erase->callback([options, &session] {
    session.command = [options, &session]() -> int {
      v1::EraseCustomerRequest& request = options->request;
      request.set_ground(options->ground);
      v1::GetCustomerRequest get;
      int code = FindCustomer(session, options->name, get.mutable_customer_id());
      if (code != kExitOk) return code;
      // The person goes as a whole: the etag is that of the customer who stands for them.
      v1::GetCustomerResponse standing;
      do {
        code = session.Call(&CustomerService::Stub::GetCustomer, get, &standing);
        if (code != kExitOk) return code;
        get.set_customer_id(standing.customer().alias_of());
      } while (!standing.customer().alias_of().empty());
      request.set_customer_id(standing.customer().id());
      request.set_etag(standing.customer().etag());
      FillRequestId(request.mutable_request_id());
      v1::EraseCustomerResponse reply;
      code = session.Call(&CustomerService::Stub::EraseCustomer, request, &reply);
      if (code != kExitOk) return code;
      PrintCustomer(session, reply, ReplayNote(reply));
      return kExitOk;
    };
  });
}

}  // namespace

int FindCustomer(Session& session, const std::string& name, std::string* customer_id) {
  const std::optional<v1::ExternalKey> key = ReadKey(name);
  *customer_id = name;
  if (!key) return kExitOk;
  v1::GetCustomerRequest request;
  *request.mutable_external_key() = *key;
  v1::GetCustomerResponse reply;
  const int code = session.Call(&CustomerService::Stub::GetCustomer, request, &reply);
  *customer_id = reply.customer().id();
  return code;
}

std::string ReadSettings(const Pairs& settings, v1::UpsertCustomerRequest* request) {
  v1::Customer* customer = request->mutable_customer();
  std::vector<std::string> known = EnumNames(v1::Channel_descriptor());
  known.emplace_back("value");
  for (const TextSetting& setting : kTextSettings) known.emplace_back(setting.name);
  std::vector<std::string> mask;
  for (const auto& [name, value] : settings) {
    std::string field;
    for (const TextSetting& setting : kTextSettings) {
      if (name != setting.name && name != setting.field) continue;
      *(customer->*setting.target)() = value;
      field = setting.field;
    }
    if (name == "value") {
      std::string reason;
      const std::optional<v1::Money> money = ReadMoney(value, &reason);
      if (!money) return "value: " + reason;
      *customer->mutable_value() = *money;
      field = "value";
    } else if (const std::optional<int> channel = EnumValue(v1::Channel_descriptor(), name)) {
      v1::ContactPoint* point = customer->add_contact_points();
      point->set_channel(static_cast<v1::Channel>(*channel));
      point->set_address(value);
      field = "contact_points";
    }
    if (field.empty()) {
      const std::string meant = DidYouMean(name, known);
      return fmt::format("expected --set with one of {}, got \"{}\"{}", JoinNames(known), name,
                         meant.empty() ? "" : "; did you mean " + meant + "?");
    }
    if (std::find(mask.begin(), mask.end(), field) == mask.end()) mask.push_back(field);
  }
  for (const std::string& field : mask) request->mutable_update_mask()->add_paths(field);
  return "";
}

std::vector<Column<v1::Customer>> CustomerColumns() {
  using Record = const v1::Customer&;
  return {
      {"id", "id", Align::kLeft, [](Record r) { return r.id(); }},
      {"keys", "keys", Align::kLeft, [](Record r) { return Keys(r); }},
      {"name", "", Align::kLeft, [](Record r) { return r.display_name(); }},
      {"segment", "segment", Align::kLeft, [](Record r) { return r.segment(); }},
      {"account", "account", Align::kLeft, [](Record r) { return r.account_id(); }},
      {"org_unit", "org unit", Align::kLeft, [](Record r) { return r.org_unit_id(); }},
      {"language", "language", Align::kLeft, [](Record r) { return r.language(); }},
      {"value", "value", Align::kRight, [](Record r) { return Value(r); }},
      {"do_not_contact", "do not contact", Align::kLeft,
       [](Record r) { return std::string(r.do_not_contact() ? "yes" : ""); }},
      {"alias_of", "", Align::kLeft, [](Record r) { return r.alias_of(); }},
      {"etag", "", Align::kLeft, [](Record r) { return r.etag(); }},
  };
}

std::string RenderCustomer(const v1::Customer& customer, const Style& style) {
  std::string points;
  for (const v1::ContactPoint& point : customer.contact_points()) {
    points += fmt::format("{}{} {}", points.empty() ? "" : "\n", EnumName(point.channel()),
                          point.address());
  }
  std::string text =
      style.Bold(OneLine(customer.display_name().empty() ? "Customer" : customer.display_name()));
  text += "  " + style.Dim(OneLine(customer.id())) + "\n\n";
  return text + RenderFacts(
                    {
                        {"keys", Keys(customer)},
                        {"alias of", customer.alias_of()},
                        {"do not contact", customer.do_not_contact() ? "YES" : ""},
                        {"consent", Consents(customer)},
                        {"reached by", points},
                        {"language", customer.language()},
                        {"time zone", customer.time_zone()},
                        {"segment", customer.segment()},
                        {"account", customer.account_id()},
                        {"org unit", customer.org_unit_id()},
                        {"value", Value(customer)},
                        {"erased",
                         customer.has_erase_time() ? FormatTimeSeconds(customer.erase_time()) : ""},
                        {"scrubbed",
                         customer.has_scrub_time() ? FormatTimeSeconds(customer.scrub_time()) : ""},
                        {"etag", customer.etag()},
                    },
                    "  ");
}

std::string RenderHistory(const v1::GetCustomerHistoryResponse& history, const Style& style,
                          int width) {
  std::string text;
  const auto part = [&](std::string_view title, const auto& records, auto columns) {
    if (records.empty()) return;
    using Record = typename std::decay_t<decltype(records)>::value_type;
    std::ostringstream out;
    ListPrinter<Record> printer(out, Format::kTable, width, std::move(columns));
    for (const Record& record : records) printer.Add(record);
    printer.Finish("");
    text += "\n" + style.Bold(title) + "\n" + out.str();
  };
  part("Answers", history.responses(), ResponseColumns());
  part("Cases", history.cases(), CaseColumns());
  part("Behaviours", history.behaviours(), BehaviourColumns());
  return text;
}

void AddCustomerCommands(CLI::App& app, Session& session) {
  CLI::App* customers = app.add_subcommand("customers", "Look at customers and keep them");
  customers->require_subcommand(1);
  AddCustomerShow(*customers, session);
  AddCustomerList(*customers, session);
  AddUpsert(*customers, session);
  AddAlias(*customers, session);
  AddConsent(*customers, session);
  AddBehaviour(*customers, session);
  AddMatches(*customers, session);
  AddErase(*customers, session);
  AddExport(*customers, session);
  AddCustomerUnmask(*customers, session);
}

}  // namespace rebound::cli
