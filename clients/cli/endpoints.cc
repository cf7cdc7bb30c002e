#include "clients/cli/endpoints.h"

#include <map>
#include <memory>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "clients/cli/values.h"
#include "rebound/v1/delivery_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using Deliveries = v1::DeliveryService::Stub;

std::string Where(const v1::Endpoint& endpoint) {
  return endpoint.url().empty() ? JoinNames(endpoint.recipients()) : endpoint.url();
}

std::string StateOf(const v1::Endpoint& endpoint) {
  const std::string cause = EnumName(endpoint.disabled_cause());
  return EnumName(endpoint.state()) + (cause.empty() ? "" : " (" + cause + ")");
}

std::string FilterOf(const v1::EventFilter& filter) {
  std::string text;
  const auto add = [&](const char* name, const auto& values) {
    if (values.empty()) return;
    text += (text.empty() ? "" : "; ") + std::string(name) + " " + JoinNames(values);
  };
  add("types", filter.types());
  add("programs", filter.program_ids());
  add("org units", filter.org_unit_ids());
  add("queues", filter.queue_ids());
  add("cases", filter.case_ids());
  add("customers", filter.customer_ids());
  return text.empty() ? "all" : text;
}

std::string HeaderNames(const v1::Endpoint& endpoint) {
  const std::map<std::string, std::string> sorted(endpoint.headers().begin(),
                                                  endpoint.headers().end());
  std::string text;
  for (const auto& [name, value] : sorted) text += (text.empty() ? "" : ", ") + name;
  return text;
}

template <class Add>
void AddRepeated(CLI::App* verb, const std::string& name, const std::string& type, Add add,
                 const std::string& help) {
  verb->add_option_function<std::vector<std::string>>(
          name,
          [add = std::move(add)](const std::vector<std::string>& values) {
            for (const std::string& value : values) add(value);
          },
          help + "; may be repeated")
      ->type_name(type);
}

// Where and what an endpoint is sent. `changes` is told the field of each option that is given.
void AddWhere(CLI::App* verb, v1::Endpoint* endpoint,
              const std::function<void(const char*)>& changes) {
  verb->add_option_function<std::string>(
          "--url",
          [=](const std::string& url) {
            endpoint->set_url(url);
            changes("url");
          },
          "Where a webhook or robot is sent to, https")
      ->type_name("URL");
  AddRepeated(
      verb, "--to", "ADDRESS",
      [=](const std::string& address) {
        endpoint->add_recipients(address);
        changes("recipients");
      },
      "Who is told by e-mail");
  AddRepeated(
      verb, "--type", "NAME",
      [=](const std::string& type) {
        endpoint->mutable_filter()->add_types(type);
        changes("filter");
      },
      "Only events of this name, like CaseOpened");
  AddRepeated(
      verb, "--program", "KEY",
      [=](const std::string& program) {
        endpoint->mutable_filter()->add_program_ids(program);
        changes("filter");
      },
      "Only events of this program");
  AddRepeated(
      verb, "--org-unit", "PATH",
      [=](const std::string& unit) {
        endpoint->mutable_filter()->add_org_unit_ids(unit);
        changes("filter");
      },
      "Only events of this org unit and those below it");
  AddRepeated(
      verb, "--queue", "KEY",
      [=](const std::string& queue) {
        endpoint->mutable_filter()->add_queue_ids(queue);
        changes("filter");
      },
      "Only events of this queue");
  AddRepeated(
      verb, "--case", "ID|C-1042",
      [=](const std::string& name) {
        endpoint->mutable_filter()->add_case_ids(name);
        changes("filter");
      },
      "Only events of this case");
  AddRepeated(
      verb, "--customer", "ID",
      [=](const std::string& customer) {
        endpoint->mutable_filter()->add_customer_ids(customer);
        changes("filter");
      },
      "Only events about this customer");
  verb->add_option_function<std::string>(
          "--language",
          [=](const std::string& language) {
            endpoint->set_language(language);
            changes("language");
          },
          "The language of e-mails and robots: en or zh")
      ->type_name("LANG");
  verb->add_option_function<std::vector<std::string>>(
          "--header",
          [=](const std::vector<std::string>& headers) {
            for (const std::string& header : headers) {
              const size_t colon = header.find(':');
              const size_t value = header.find_first_not_of(' ', colon + 1);
              if (colon == std::string::npos || colon == 0) {
                throw CLI::ValidationError("--header",
                                           "expected NAME: VALUE, without a colon in the name");
              }
              (*endpoint->mutable_headers())[header.substr(0, colon)] =
                  value == std::string::npos ? "" : header.substr(value);
            }
            changes("headers");
          },
          "A further header of a webhook; may be repeated")
      ->type_name("NAME:VALUE");
}

void PrintEndpoint(Session& session, const google::protobuf::Message& reply,
                   const v1::Endpoint& endpoint, const std::string& public_key = "") {
  PrintRecord(session, reply, endpoint, EndpointColumns(), RenderEndpoint(endpoint, public_key));
}

// Of a reply with what signs. A secret stands alone on stdout, so that a script can keep it.
template <class Reply>
void PrintSecret(Session& session, const Reply& reply) {
  if (session.format == Format::kTable && !reply.secret().empty()) {
    session.out << reply.secret() << "\n";
    session.err << "The secret of endpoint " << reply.endpoint().id()
                << " stands above; it is not shown again.\n";
    return;
  }
  PrintEndpoint(session, reply, reply.endpoint(), reply.public_key());
  if (reply.replayed() && session.format == Format::kTable) {
    session.err << "This request had been done before; a secret is not shown again.\n";
  }
}

// Not a word on the command line: other users of the machine see those.
std::string AskRobotSecret(Session& session) {
  std::string secret;
  if (session.ask_secret) secret = session.ask_secret("The robot's secret: ").value_or("");
  if (secret.empty()) {
    throw CLI::ValidationError("--robot-secret",
                               "expected the secret, from the terminal or on standard input");
  }
  return secret;
}

void AddCreate(CLI::App& endpoints, Session& session) {
  auto request = std::make_shared<v1::CreateEndpointRequest>();
  v1::Endpoint* endpoint = request->mutable_endpoint();
  CLI::App* create =
      AddVerb(endpoints, "create", "Create an endpoint; a webhook's secret is shown this once",
              "endpoints create webhook --url https://crm.example.com/hooks --type CaseOpened\n"
              "  rebound endpoints create email --to lead@example.com --language en");
  const auto* kinds = google::protobuf::GetEnumDescriptor<v1::EndpointKind>();
  create
      ->add_option_function<std::string>(
          "kind",
          [=](const std::string& text) {
            endpoint->set_kind(ReadEnum<v1::EndpointKind>("kind", text));
          },
          "How it is reached: " + JoinNames(EnumNames(kinds)))
      ->required();
  AddWhere(create, endpoint, [](const char*) {});
  create
      ->add_option_function<std::string>(
          "--signing",
          [request](const std::string& text) {
            request->set_signing_scheme(ReadEnum<v1::SigningScheme>("--signing", text));
          },
          "How a webhook is signed: hmac or ed25519; else hmac")
      ->type_name("NAME");
  create->add_flag_callback(
      "--robot-secret", [request, &session] { request->set_robot_secret(AskRobotSecret(session)); },
      "Asks for the secret that a robot's vendor shows for signing");
  AddRequestId(create, request->mutable_request_id());
  create->callback([request, &session] {
    session.command = [request, &session] {
      FillRequestId(request->mutable_request_id());
      v1::CreateEndpointResponse reply;
      const int code = session.Call(&Deliveries::CreateEndpoint, *request, &reply);
      if (code == kExitOk) PrintSecret(session, reply);
      return code;
    };
  });
}

void AddUpdate(CLI::App& endpoints, Session& session) {
  auto request = std::make_shared<v1::UpdateEndpointRequest>();
  v1::Endpoint* endpoint = request->mutable_endpoint();
  CLI::App* update = AddVerb(endpoints, "update", "Change where and what an endpoint is sent",
                             "endpoints update ID --type CaseOpened --type CaseClosed");
  update->add_option("id", *endpoint->mutable_id(), "The endpoint's id")->required();
  const auto changes = [request](const char* path) {
    for (const std::string& known : request->update_mask().paths()) {
      if (known == path) return;
    }
    request->mutable_update_mask()->add_paths(path);
  };
  AddWhere(update, endpoint, changes);
  update->add_flag_callback(
      "--all-events", [changes] { changes("filter"); }, "Every event: no filter");
  update->add_flag_callback(
      "--no-headers", [changes] { changes("headers"); }, "No further headers");
  AddRequestId(update, request->mutable_request_id());
  update->callback([request, &session] {
    session.command = [request, &session] {
      if (request->update_mask().paths().empty()) {
        return session.Fail(kExitUsage, "expected something to change, such as --url");
      }
      FillRequestId(request->mutable_request_id());
      v1::UpdateEndpointResponse reply;
      const int code = session.Call(&Deliveries::UpdateEndpoint, *request, &reply);
      if (code == kExitOk) PrintEndpoint(session, reply, reply.endpoint());
      return code;
    };
  });
}

// A verb that needs an id alone.
template <class Request, class Reply>
std::shared_ptr<Request> AddIdVerb(CLI::App& endpoints, Session& session, const std::string& name,
                                   const std::string& help,
                                   grpc::Status (Deliveries::*method)(grpc::ClientContext*,
                                                                      const Request&, Reply*),
                                   std::function<int(const Reply&)> print, CLI::App** added) {
  auto request = std::make_shared<Request>();
  CLI::App* verb = AddVerb(endpoints, name, help, "endpoints " + name + " ID");
  verb->add_option("id", *request->mutable_endpoint_id(), "The endpoint's id")->required();
  if constexpr (requires { request->mutable_request_id(); }) {
    AddRequestId(verb, request->mutable_request_id());
  }
  verb->callback([=, &session] {
    session.command = [=, &session] {
      if constexpr (requires { request->mutable_request_id(); }) {
        FillRequestId(request->mutable_request_id());
      }
      Reply reply;
      const int code = session.Call(method, *request, &reply);
      return code == kExitOk ? print(reply) : code;
    };
  });
  if (added != nullptr) *added = verb;
  return request;
}

int PrintPing(Session& session, const v1::TestEndpointResponse& reply) {
  if (session.format == Format::kJson) {
    session.out << MessageJson(reply) << "\n";
  } else {
    session.out << RenderFacts(
        {{"delivered", reply.delivered() ? "yes" : "no"},
         {"status", reply.status() == 0 ? "none" : std::to_string(reply.status())},
         {"answer", reply.answer()}});
  }
  return reply.delivered() ? kExitOk : kExitFailed;
}

void AddVerbs(CLI::App& endpoints, Session& session) {
  const auto print = [&session](const auto& reply) {
    PrintEndpoint(session, reply, reply.endpoint());
    return int{kExitOk};
  };
  AddIdVerb<v1::GetEndpointRequest, v1::GetEndpointResponse>(
      endpoints, session, "show", "Show one endpoint", &Deliveries::GetEndpoint,
      [&session](const v1::GetEndpointResponse& reply) {
        PrintEndpoint(session, reply, reply.endpoint(), reply.public_key());
        return int{kExitOk};
      },
      nullptr);
  AddUpdate(endpoints, session);
  AddIdVerb<v1::DeleteEndpointRequest, v1::DeleteEndpointResponse>(
      endpoints, session, "delete", "Delete an endpoint and its deliveries",
      &Deliveries::DeleteEndpoint,
      [&session](const v1::DeleteEndpointResponse& reply) {
        session.out << (session.format == Format::kJson ? MessageJson(reply)
                                                        : "The endpoint is gone.")
                    << "\n";
        return int{kExitOk};
      },
      nullptr);
  CLI::App* verb = nullptr;
  const auto rotate = AddIdVerb<v1::RotateEndpointSecretRequest, v1::RotateEndpointSecretResponse>(
      endpoints, session, "rotate", "Give an endpoint a new secret; the old one signs along",
      &Deliveries::RotateEndpointSecret,
      [&session](const v1::RotateEndpointSecretResponse& reply) {
        PrintSecret(session, reply);
        return int{kExitOk};
      },
      &verb);
  AddSpan(
      verb, "--grace", [rotate] { return rotate->mutable_grace(); },
      "How long the old one signs along; else 24 hours");
  verb->add_flag_callback(
      "--robot-secret", [rotate, &session] { rotate->set_robot_secret(AskRobotSecret(session)); },
      "Asks for the new secret that a robot's vendor shows");
  AddIdVerb<v1::TestEndpointRequest, v1::TestEndpointResponse>(
      endpoints, session, "test", "Send a ping now and show what came of it",
      &Deliveries::TestEndpoint,
      [&session](const v1::TestEndpointResponse& reply) { return PrintPing(session, reply); },
      nullptr);
  const auto enable = AddIdVerb<v1::EnableEndpointRequest, v1::EnableEndpointResponse>(
      endpoints, session, "enable", "Send to an endpoint again", &Deliveries::EnableEndpoint, print,
      &verb);
  verb->add_flag_callback(
      "--from-now", [enable] { enable->set_from_now(true); },
      "Without what happened while it was disabled");
  AddIdVerb<v1::DisableEndpointRequest, v1::DisableEndpointResponse>(
      endpoints, session, "disable", "Send nothing to an endpoint", &Deliveries::DisableEndpoint,
      print, nullptr);
}

void AddDeliveryList(CLI::App& deliveries, Session& session) {
  struct Listing {
    Paging paging{};
    v1::ListDeliveriesRequest request{};
  };
  auto listing = std::make_shared<Listing>();
  CLI::App* list = AddVerb(deliveries, "list", "List deliveries, newest first",
                           "deliveries list --endpoint ID --state dead");
  list->add_option("--endpoint", *listing->request.mutable_endpoint_id(), "To this endpoint")
      ->type_name("ID");
  const auto* states = google::protobuf::GetEnumDescriptor<v1::DeliveryState>();
  list->add_option_function<std::string>(
          "--state",
          [listing](const std::string& text) {
            listing->request.set_state(ReadEnum<v1::DeliveryState>("--state", text));
          },
          "How far they are: " + JoinNames(EnumNames(states)))
      ->type_name("NAME");
  list->add_option("--case", *listing->request.mutable_case_id(), "Of this case")
      ->type_name("ID|C-1042");
  AddPaging(list, &listing->paging);
  list->callback([listing, &session] {
    session.command = [listing, &session] {
      return PrintPages<v1::Delivery>(
          session, listing->paging, &Deliveries::ListDeliveries, listing->request,
          DeliveryColumns(),
          [](const v1::ListDeliveriesResponse& reply) -> const auto& { return reply.deliveries(); },
          "No deliveries.");
    };
  });
}

void AddReplay(CLI::App& deliveries, Session& session) {
  auto request = std::make_shared<v1::ReplayDeliveriesRequest>();
  CLI::App* replay = AddVerb(deliveries, "replay", "Deliver again what was delivered or is dead",
                             "deliveries replay ENDPOINT --dead");
  replay->add_option("endpoint", *request->mutable_endpoint_id(), "The endpoint's id")->required();
  CLI::Option* one =
      replay
          ->add_option_function<std::string>(
              "--delivery", [request](const std::string& id) { request->set_delivery_id(id); },
              "This delivery")
          ->type_name("ID");
  CLI::Option* dead = replay->add_flag_callback(
      "--dead", [request] { request->set_all_dead(true); }, "All that are dead");
  dead->excludes(one);
  AddTime(
      replay, "--since", [request] { return request->mutable_start_time(); },
      "All that ended at or after this time")
      ->excludes(one)
      ->excludes(dead);
  AddRequestId(replay, request->mutable_request_id());
  replay->callback([request, &session] {
    session.command = [request, &session]() -> int {
      if (request->what_case() == v1::ReplayDeliveriesRequest::WHAT_NOT_SET) {
        return session.Fail(kExitUsage, "expected --delivery ID, --dead or --since TIME");
      }
      FillRequestId(request->mutable_request_id());
      v1::ReplayDeliveriesResponse reply;
      const int code = session.Call(&Deliveries::ReplayDeliveries, *request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else if (reply.replayed()) {
        session.out << "This request had been done before.\n";
      } else {
        session.out << reply.num_replayed() << " to be delivered again.\n";
        if (reply.more()) session.err << "There are more; run the same command again.\n";
      }
      return kExitOk;
    };
  });
}

}  // namespace

std::vector<Column<v1::Endpoint>> EndpointColumns() {
  return {{"id", "ID", Align::kLeft, [](const v1::Endpoint& e) { return e.id(); }},
          {"kind", "KIND", Align::kLeft, [](const v1::Endpoint& e) { return EnumName(e.kind()); }},
          {"where", "WHERE", Align::kLeft, Where},
          {"events", "EVENTS", Align::kLeft,
           [](const v1::Endpoint& e) { return FilterOf(e.filter()); }},
          {"state", "STATE", Align::kLeft, StateOf},
          {"owner", "OWNER", Align::kLeft, [](const v1::Endpoint& e) { return e.owner(); }},
          {"create_time", "", Align::kLeft,
           [](const v1::Endpoint& e) { return FormatTime(e.create_time()); }}};
}

std::vector<Column<v1::Delivery>> DeliveryColumns() {
  return {
      {"id", "ID", Align::kLeft, [](const v1::Delivery& d) { return d.id(); }},
      {"endpoint_id", "", Align::kLeft, [](const v1::Delivery& d) { return d.endpoint_id(); }},
      {"event_sequence", "EVENT", Align::kRight,
       [](const v1::Delivery& d) { return std::to_string(d.event_sequence()); }},
      {"event_type", "TYPE", Align::kLeft, [](const v1::Delivery& d) { return d.event_type(); }},
      {"case_id", "", Align::kLeft, [](const v1::Delivery& d) { return d.case_id(); }},
      {"state", "STATE", Align::kLeft, [](const v1::Delivery& d) { return EnumName(d.state()); }},
      {"tries", "TRIES", Align::kRight,
       [](const v1::Delivery& d) { return std::to_string(d.num_tries()); }},
      {"next_try_time", "NEXT TRY", Align::kLeft,
       [](const v1::Delivery& d) {
         return d.has_next_try_time() ? FormatTimeSeconds(d.next_try_time()) : std::string();
       }},
      {"last_status", "STATUS", Align::kRight,
       [](const v1::Delivery& d) {
         return d.last_status() == 0 ? std::string() : std::to_string(d.last_status());
       }},
      {"last_answer", "ANSWER", Align::kLeft,
       [](const v1::Delivery& d) { return d.last_answer(); }}};
}

std::string RenderEndpoint(const v1::Endpoint& endpoint, const std::string& public_key) {
  return RenderFacts(
      {{"id", endpoint.id()},
       {"kind", EnumName(endpoint.kind())},
       {"where", Where(endpoint)},
       {"events", FilterOf(endpoint.filter())},
       {"headers", HeaderNames(endpoint)},
       {"language", endpoint.language()},
       {"state", StateOf(endpoint)},
       {"public key", public_key},
       {"old secret", endpoint.has_previous_secret_end_time()
                          ? "signs until " + FormatTimeSeconds(endpoint.previous_secret_end_time())
                          : ""},
       {"created", FormatTimeSeconds(endpoint.create_time()) + " by " + endpoint.owner()}});
}

void AddEndpointCommands(CLI::App& app, Session& session) {
  CLI::App* endpoints = app.add_subcommand("endpoints", "Where events are delivered to");
  endpoints->require_subcommand(1);
  AddCreate(*endpoints, session);
  auto paging = std::make_shared<Paging>();
  CLI::App* list = AddVerb(*endpoints, "list", "List the endpoints", "endpoints list -o csv");
  AddPaging(list, paging.get());
  list->callback([paging, &session] {
    session.command = [paging, &session] {
      return PrintPages<v1::Endpoint>(
          session, *paging, &Deliveries::ListEndpoints, v1::ListEndpointsRequest(),
          EndpointColumns(),
          [](const v1::ListEndpointsResponse& reply) -> const auto& { return reply.endpoints(); },
          "No endpoints.");
    };
  });
  AddVerbs(*endpoints, session);
  CLI::App* deliveries = app.add_subcommand("deliveries", "What is delivered to endpoints");
  deliveries->require_subcommand(1);
  AddDeliveryList(*deliveries, session);
  AddReplay(*deliveries, session);
}

}  // namespace rebound::cli
