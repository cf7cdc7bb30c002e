#include "clients/cli/access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "clients/cli/values.h"
#include "rebound/v1/access_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using Access = v1::AccessService::Stub;

template <class Strings>
std::string Listed(const Strings& values, const char* none) {
  return values.empty() ? none : JoinNames(values);
}

std::string Grants(const v1::User& user) {
  std::string text;
  for (const v1::OrgUnitGrant& grant : user.org_units()) {
    text += (text.empty() ? "" : ", ") + FormatGrant(grant);
  }
  return text.empty() ? "all" : text;
}

template <class Record>
std::string TimeOrNothing(const Record& record, bool (Record::*has)() const,
                          const google::protobuf::Timestamp& (Record::*time)() const) {
  return (record.*has)() ? FormatTimeSeconds((record.*time)()) : std::string();
}

std::string KeyState(const v1::ApiKey& key) {
  if (key.has_revoke_time()) return "revoked " + FormatTimeShort(key.revoke_time());
  return "until " + FormatTimeShort(key.end_time());
}

std::filesystem::path SessionFile(const std::string& folder) {
  return std::filesystem::path(folder) / "session";
}

// Shown once: alone on stdout, so that a script can keep it; what to do with it on stderr.
void PrintSecret(Session& session, const std::string& secret, const std::string& what) {
  if (secret.empty()) {
    session.err << "This request had been done before; its secret is not shown again.\n";
    return;
  }
  session.out << secret << "\n";
  session.err << what << "\n";
}

// The password, asked for once, or twice where somebody types it. Empty: no.
std::string AskNewPassword(Session& session) {
  if (!session.ask_secret) return "";
  const std::string first = session.ask_secret("New password: ").value_or("");
  if (!session.is_typed) return first;
  if (session.ask_secret("The same again: ").value_or("") == first) return first;
  session.err << "The two differ.\n";
  return "";
}

int NoPassword(Session& session) {
  return session.Fail(kExitUsage, "expected a password, from the terminal or on standard input");
}

void AddGrants(CLI::App* verb, std::function<v1::OrgUnitGrant*()> add) {
  verb->add_option_function<std::vector<std::string>>(
          "--org-unit",
          [add = std::move(add)](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              std::string reason;
              const auto grant = ReadGrant(text, &reason);
              if (!grant) throw CLI::ValidationError("--org-unit", reason);
              *add() = *grant;
            }
          },
          "An org unit and those below it, may be repeated; none: every one")
      ->type_name("UNIT[@FROM..UNTIL]");
}

template <class Add>
void AddStrings(CLI::App* verb, const std::string& name, const std::string& type, Add add,
                const std::string& help) {
  verb->add_option_function<std::vector<std::string>>(
          name,
          [add = std::move(add)](const std::vector<std::string>& values) {
            for (const std::string& value : values) add(value);
          },
          help)
      ->type_name(type);
}

template <class Reply>
void PrintUser(Session& session, const Reply& reply) {
  PrintRecord(session, reply, reply.user(), UserColumns(), RenderUser(reply.user()));
}

// A verb that changes the user whom it names.
template <class Request, class Reply>
void AddUserVerb(CLI::App& users, Session& session, const std::string& name,
                 const std::string& help,
                 grpc::Status (Access::*method)(grpc::ClientContext*, const Request&, Reply*)) {
  auto request = std::make_shared<Request>();
  CLI::App* verb = AddVerb(users, name, help, "users " + name + " li");
  verb->add_option("name", *request->mutable_user_name(), "The user")->required();
  if constexpr (requires { request->mutable_etag(); }) {
    verb->add_option("--etag", *request->mutable_etag(),
                     "Refuse if the user changed since this etag was seen")
        ->type_name("ETAG");
  }
  AddRequestId(verb, request->mutable_request_id());
  verb->callback([=, &session] {
    session.command = [=, &session] {
      FillRequestId(request->mutable_request_id());
      Reply reply;
      if (const int code = session.Call(method, *request, &reply); code != kExitOk) return code;
      PrintUser(session, reply);
      return int{kExitOk};
    };
  });
}

// Of a reply with a link for its user.
template <typename Reply>
void PrintLink(Session& session, const Reply& reply) {
  PrintSecret(
      session, reply.link_token(),
      "Give it to " + reply.user().name() +
          ", who sets a password with: rebound redeem --token TOKEN\nIt works once, until " +
          FormatTimeSeconds(reply.link_end_time()) + ".");
}

void AddUserAdd(CLI::App& users, Session& session) {
  auto request = std::make_shared<v1::CreateUserRequest>();
  v1::User* user = request->mutable_user();
  request->set_with_link(true);
  CLI::App* add = AddVerb(users, "add", "Create a user and a link for setting the password",
                          "users add li --role agent --org-unit east --queue vip");
  add->add_option("name", *user->mutable_name(), "The name to sign in with")->required();
  add->add_option("--role", *user->mutable_role(), "The role")->required();
  AddGrants(add, [user] { return user->add_org_units(); });
  AddStrings(
      add, "--queue", "QUEUE", [user](const std::string& queue) { user->add_queue_ids(queue); },
      "A queue, may be repeated; none: every one");
  add->add_option("--language", *user->mutable_language(), "The language of answers");
  add->add_flag_callback(
      "--no-link", [request] { request->set_with_link(false); },
      "Without a link: the user has API keys alone");
  AddRequestId(add, request->mutable_request_id());
  add->callback([request, &session] {
    session.command = [request, &session] {
      FillRequestId(request->mutable_request_id());
      v1::CreateUserResponse reply;
      if (const int code = session.Call(&Access::CreateUser, *request, &reply); code != kExitOk) {
        return code;
      }
      if (!request->with_link() || session.format == Format::kJson) {
        PrintUser(session, reply);
      } else {
        PrintLink(session, reply);
      }
      return int{kExitOk};
    };
  });
}

void AddUserSet(CLI::App& users, Session& session) {
  auto request = std::make_shared<v1::UpdateUserRequest>();
  v1::User* user = request->mutable_user();
  CLI::App* set = AddVerb(users, "set", "Change a user's role, org units, queues or language",
                          "users set li --role supervisor --org-unit east@..2026-12-31");
  const auto changes = [request](const char* path) {
    request->mutable_update_mask()->add_paths(path);
  };
  set->add_option("name", *user->mutable_name(), "The user")->required();
  set->add_option_function<std::string>(
      "--role",
      [=](const std::string& role) {
        user->set_role(role);
        changes("role");
      },
      "The role");
  AddGrants(set, [user] { return user->add_org_units(); });
  set->add_flag_callback(
         "--all-org-units", [] {}, "Every org unit")
      ->excludes("--org-unit");
  AddStrings(
      set, "--queue", "QUEUE", [user](const std::string& queue) { user->add_queue_ids(queue); },
      "A queue, may be repeated");
  set->add_flag_callback(
         "--all-queues", [] {}, "Every queue")
      ->excludes("--queue");
  set->add_option_function<std::string>(
      "--language",
      [=](const std::string& language) {
        user->set_language(language);
        changes("language");
      },
      "The language of answers");
  set->add_option("--etag", *request->mutable_etag(),
                  "Refuse if the user changed since this etag was seen")
      ->type_name("ETAG");
  AddRequestId(set, request->mutable_request_id());
  set->callback([=, &session] {
    const auto given = [set](const char* option) { return set->count(option) > 0; };
    if (given("--org-unit") || given("--all-org-units")) changes("org_units");
    if (given("--queue") || given("--all-queues")) changes("queue_ids");
    session.command = [request, &session] {
      if (request->update_mask().paths().empty()) {
        return session.Fail(kExitUsage, "expected something to change, such as --role");
      }
      FillRequestId(request->mutable_request_id());
      v1::UpdateUserResponse reply;
      if (const int code = session.Call(&Access::UpdateUser, *request, &reply); code != kExitOk) {
        return code;
      }
      PrintUser(session, reply);
      return int{kExitOk};
    };
  });
}

void AddUserReset(CLI::App& users, Session& session) {
  auto request = std::make_shared<v1::ResetPasswordRequest>();
  CLI::App* reset = AddVerb(users, "reset", "Take a password away and get a link to set a new one",
                            "users reset li");
  reset->add_option("name", *request->mutable_user_name(), "The user")->required();
  AddRequestId(reset, request->mutable_request_id());
  reset->callback([request, &session] {
    session.command = [request, &session] {
      FillRequestId(request->mutable_request_id());
      v1::ResetPasswordResponse reply;
      if (const int code = session.Call(&Access::ResetPassword, *request, &reply);
          code != kExitOk) {
        return code;
      }
      if (session.format == Format::kJson) {
        PrintUser(session, reply);
      } else {
        PrintLink(session, reply);
      }
      return int{kExitOk};
    };
  });
}

void AddUsers(CLI::App& app, Session& session) {
  CLI::App* users = app.add_subcommand("users", "Let people in, and keep them out");
  users->require_subcommand(1);
  AddUserAdd(*users, session);
  auto paging = std::make_shared<Paging>();
  CLI::App* list = AddVerb(*users, "list", "List the users", "users list --all -o csv");
  AddPaging(list, paging.get());
  list->callback([paging, &session] {
    session.command = [paging, &session] {
      return PrintPages<v1::User>(
          session, *paging, &Access::ListUsers, v1::ListUsersRequest(), UserColumns(),
          [](const v1::ListUsersResponse& reply) -> const auto& { return reply.users(); },
          "No users.");
    };
  });
  auto request = std::make_shared<v1::GetUserRequest>();
  CLI::App* show = AddVerb(*users, "show", "Show one user", "users show li");
  show->add_option("name", *request->mutable_user_name(), "The user")->required();
  show->callback([request, &session] {
    session.command = [request, &session] {
      v1::GetUserResponse reply;
      if (const int code = session.Call(&Access::GetUser, *request, &reply); code != kExitOk) {
        return code;
      }
      PrintUser(session, reply);
      return int{kExitOk};
    };
  });
  AddUserSet(*users, session);
  AddUserVerb(*users, session, "disable", "Keep a user out, and end the sessions",
              &Access::DisableUser);
  AddUserVerb(*users, session, "enable", "Let a user in again", &Access::EnableUser);
  AddUserReset(*users, session);
}

// ---- API keys and sessions ---------------------------------------------------------------------

template <class Reply>
int PrintKey(Session& session, const Reply& reply) {
  if (session.format == Format::kJson) {
    PrintRecord(session, reply, reply.api_key(), ApiKeyColumns(), "");
  } else {
    PrintSecret(session, reply.secret(),
                "The API key of " + reply.api_key().user_name() +
                    " stands above; it is not shown again. It works until " +
                    FormatTimeSeconds(reply.api_key().end_time()) + ".");
  }
  return kExitOk;
}

void AddKeyCreate(CLI::App& keys, Session& session) {
  auto request = std::make_shared<v1::CreateApiKeyRequest>();
  v1::CreateApiKeyRequest* to = request.get();
  CLI::App* create =
      AddVerb(keys, "create", "Create an API key",
              "keys create --user crm --role integration --until +90d --for \"CRM sync\"");
  create->add_option("--user", *to->mutable_user_name(), "Whose; else your own");
  create->add_option("--role", *to->mutable_role(), "The role; else the user's");
  AddStrings(
      create, "--org-unit", "UNIT", [to](const std::string& unit) { to->add_org_unit_ids(unit); },
      "An org unit and those below it, may be repeated; none: all the user's");
  AddStrings(
      create, "--queue", "QUEUE", [to](const std::string& queue) { to->add_queue_ids(queue); },
      "A queue, may be repeated; none: all the user's");
  AddStrings(
      create, "--method", "METHOD", [to](const std::string& method) { to->add_methods(method); },
      "A method it may call, like rebound.v1.CaseService/GetCase, may be repeated; none: all of "
      "the role");
  create->add_option("--for", *to->mutable_description(), "What it is for")->required();
  AddTime(
      create, "--until", [to] { return to->mutable_end_time(); }, "When it ends")
      ->required();
  AddRequestId(create, to->mutable_request_id());
  create->callback([request, &session] {
    session.command = [request, &session] {
      FillRequestId(request->mutable_request_id());
      v1::CreateApiKeyResponse reply;
      const int code = session.Call(&Access::CreateApiKey, *request, &reply);
      return code == kExitOk ? PrintKey(session, reply) : code;
    };
  });
}

void AddKeyChanges(CLI::App& keys, Session& session) {
  auto rotate_request = std::make_shared<v1::RotateApiKeyRequest>();
  CLI::App* rotate = AddVerb(keys, "rotate", "Replace an API key; the old one works on for a while",
                             "keys rotate ID --until +90d --grace 2h");
  rotate->add_option("id", *rotate_request->mutable_api_key_id(), "The key's id")->required();
  AddTime(
      rotate, "--until", [rotate_request] { return rotate_request->mutable_end_time(); },
      "When the new key ends")
      ->required();
  AddSpan(
      rotate, "--grace", [rotate_request] { return rotate_request->mutable_grace(); },
      "How long the old key works on; else 24 hours");
  AddRequestId(rotate, rotate_request->mutable_request_id());
  rotate->callback([rotate_request, &session] {
    session.command = [rotate_request, &session] {
      FillRequestId(rotate_request->mutable_request_id());
      v1::RotateApiKeyResponse reply;
      const int code = session.Call(&Access::RotateApiKey, *rotate_request, &reply);
      return code == kExitOk ? PrintKey(session, reply) : code;
    };
  });
  auto request = std::make_shared<v1::RevokeApiKeyRequest>();
  CLI::App* revoke =
      AddVerb(keys, "revoke", "End an API key at once and for good", "keys revoke ID");
  revoke->add_option("id", *request->mutable_api_key_id(), "The key's id")->required();
  AddRequestId(revoke, request->mutable_request_id());
  revoke->callback([request, &session] {
    session.command = [request, &session] {
      FillRequestId(request->mutable_request_id());
      v1::RevokeApiKeyResponse reply;
      if (const int code = session.Call(&Access::RevokeApiKey, *request, &reply); code != kExitOk) {
        return code;
      }
      PrintRecord(session, reply, reply.api_key(), ApiKeyColumns(), RenderApiKey(reply.api_key()));
      return int{kExitOk};
    };
  });
}

// The list of what belongs to one user.
template <class Record, class Request, class Reply, class Records>
void AddOwnedList(CLI::App& noun, Session& session, const std::string& path,
                  grpc::Status (Access::*method)(grpc::ClientContext*, const Request&, Reply*),
                  std::vector<Column<Record>> (*columns)(), Records records, const char* empty) {
  struct Options {
    Request request;
    Paging paging;
  };
  auto options = std::make_shared<Options>();
  CLI::App* list = AddVerb(noun, "list", "List them, oldest first", path);
  list->add_option("--user", *options->request.mutable_user_name(), "Whose; else your own");
  AddPaging(list, &options->paging);
  list->callback([=, &session] {
    session.command = [=, &session] {
      return PrintPages<Record>(session, options->paging, method, options->request, columns(),
                                records, empty);
    };
  });
}

void AddKeysAndSessions(CLI::App& app, Session& session) {
  CLI::App* keys = app.add_subcommand("keys", "API keys for programs");
  keys->require_subcommand(1);
  AddKeyCreate(*keys, session);
  AddOwnedList<v1::ApiKey>(
      *keys, session, "keys list --user crm", &Access::ListApiKeys, ApiKeyColumns,
      [](const v1::ListApiKeysResponse& reply) -> const auto& { return reply.api_keys(); },
      "No API keys.");
  AddKeyChanges(*keys, session);
  CLI::App* sessions = app.add_subcommand("sessions", "Where somebody is signed in");
  sessions->require_subcommand(1);
  AddOwnedList<v1::Session>(
      *sessions, session, "sessions list", &Access::ListSessions, SessionColumns,
      [](const v1::ListSessionsResponse& reply) -> const auto& { return reply.sessions(); },
      "No sessions.");
  auto request = std::make_shared<v1::RevokeSessionRequest>();
  CLI::App* revoke = AddVerb(*sessions, "revoke", "End a session", "sessions revoke ID");
  revoke->add_option("id", *request->mutable_session_id(), "The session's id")->required();
  AddRequestId(revoke, request->mutable_request_id());
  revoke->callback([request, &session] {
    session.command = [request, &session] {
      FillRequestId(request->mutable_request_id());
      v1::RevokeSessionResponse reply;
      if (const int code = session.Call(&Access::RevokeSession, *request, &reply);
          code != kExitOk) {
        return code;
      }
      if (session.format == Format::kJson) session.out << MessageJson(reply) << "\n";
      return int{kExitOk};
    };
  });
}

// ---- Signing in and out ------------------------------------------------------------------------

int Login(Session& session, const std::string& name) {
  v1::SignInRequest request;
  request.set_user_name(name);
  if (session.ask_secret) request.set_password(session.ask_secret("Password: ").value_or(""));
  if (request.password().empty()) return NoPassword(session);
  v1::SignInResponse reply;
  if (const int code = session.Call(&Access::SignIn, request, &reply); code != kExitOk) return code;
  if (!SaveToken(session.config_folder, session.server, reply.session_token())) {
    return session.Fail(kExitFailed, "cannot save the session in " + session.config_folder);
  }
  session.err << "Signed in as " << reply.identity().name() << " until "
              << FormatTimeSeconds(reply.session().end_time()) << ".\n";
  return kExitOk;
}

int Logout(Session& session) {
  const std::string saved = SavedToken(session.config_folder, session.server);
  if (saved.empty()) return session.Fail(kExitUsage, "expected to be signed in; see rebound login");
  session.token = saved;
  v1::SignOutRequest request;
  FillRequestId(request.mutable_request_id());
  v1::SignOutResponse reply;
  const grpc::Status status = session.Try(&Access::SignOut, request, &reply);
  // One that the server no longer knows is over, too.
  if (status.ok() || status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    ForgetToken(session.config_folder);
    return kExitOk;
  }
  return session.Fail(status, request.request_id());
}

int WhoAmI(Session& session) {
  v1::WhoAmIResponse reply;
  const int code = session.Call(&Access::WhoAmI, v1::WhoAmIRequest(), &reply);
  if (code != kExitOk) return code;
  if (session.format == Format::kTable) {
    session.out << RenderIdentity(reply.identity());
  } else {
    session.out << MessageJson(reply) << "\n";
  }
  return kExitOk;
}

int ChangePassword(Session& session) {
  v1::SetPasswordRequest request;
  if (session.ask_secret) {
    request.set_old_password(session.ask_secret("Password until now: ").value_or(""));
  }
  request.set_new_password(AskNewPassword(session));
  if (request.new_password().empty()) return NoPassword(session);
  FillRequestId(request.mutable_request_id());
  v1::SetPasswordResponse reply;
  const int code = session.Call(&Access::SetPassword, request, &reply);
  if (code != kExitOk) return code;
  ForgetToken(session.config_folder);
  session.err << "The password is changed, and every session has ended; sign in again.\n";
  return kExitOk;
}

void AddSigningIn(CLI::App& app, Session& session) {
  auto setup_request = std::make_shared<v1::SetUpAdminRequest>();
  CLI::App* setup =
      AddVerb(app, "setup", "Make the first administrator", "setup --token TOKEN --name an");
  setup
      ->add_option("--token", *setup_request->mutable_token(),
                   "The token that the server printed when it started")
      ->required();
  setup->add_option("--name", *setup_request->mutable_user_name(), "The name to sign in with")
      ->required();
  setup->add_option("--language", *setup_request->mutable_language(), "The language of answers");
  setup->callback([setup_request, &session] {
    session.command = [setup_request, &session] {
      setup_request->set_password(AskNewPassword(session));
      if (setup_request->password().empty()) return NoPassword(session);
      v1::SetUpAdminResponse reply;
      const int code = session.Call(&Access::SetUpAdmin, *setup_request, &reply);
      if (code == kExitOk) PrintUser(session, reply);
      return code;
    };
  });
  auto redeem_request = std::make_shared<v1::RedeemLinkRequest>();
  CLI::App* redeem = AddVerb(app, "redeem", "Set your password by a link", "redeem --token TOKEN");
  redeem->add_option("--token", *redeem_request->mutable_token(), "The token of the link")
      ->required();
  redeem->callback([redeem_request, &session] {
    session.command = [redeem_request, &session] {
      redeem_request->set_password(AskNewPassword(session));
      if (redeem_request->password().empty()) return NoPassword(session);
      v1::RedeemLinkResponse reply;
      const int code = session.Call(&Access::RedeemLink, *redeem_request, &reply);
      if (code == kExitOk) PrintUser(session, reply);
      return code;
    };
  });
  auto name = std::make_shared<std::string>();
  CLI::App* login = AddVerb(app, "login", "Sign in; later commands use the session", "login li");
  login->add_option("name", *name, "Your name")->required();
  login->callback(
      [name, &session] { session.command = [name, &session] { return Login(session, *name); }; });
  AddVerb(app, "logout", "Sign out", "logout")->callback([&session] {
    session.command = [&session] { return Logout(session); };
  });
  AddVerb(app, "whoami", "Show who you are to the server", "whoami")->callback([&session] {
    session.command = [&session] { return WhoAmI(session); };
  });
  AddVerb(app, "password", "Change your password", "password")->callback([&session] {
    session.command = [&session] { return ChangePassword(session); };
  });
}

}  // namespace

std::vector<Column<v1::User>> UserColumns() {
  using Record = const v1::User&;
  return {
      {"name", "name", Align::kLeft, [](Record r) { return r.name(); }},
      {"role", "role", Align::kLeft, [](Record r) { return r.role(); }},
      {"org_units", "org units", Align::kLeft, Grants},
      {"queues", "queues", Align::kLeft, [](Record r) { return Listed(r.queue_ids(), "all"); }},
      {"state", "state", Align::kLeft,
       [](Record r) {
         return std::string(r.disabled() ? "disabled" : r.has_password() ? "" : "no password");
       }},
      {"sign_in_time", "signed in", Align::kLeft,
       [](Record r) {
         return TimeOrNothing(r, &v1::User::has_sign_in_time, &v1::User::sign_in_time);
       }},
  };
}

std::vector<Column<v1::ApiKey>> ApiKeyColumns() {
  using Record = const v1::ApiKey&;
  return {
      {"id", "id", Align::kLeft, [](Record r) { return r.id(); }},
      {"prefix", "begins", Align::kLeft, [](Record r) { return r.prefix(); }},
      {"user", "user", Align::kLeft, [](Record r) { return r.user_name(); }},
      {"role", "role", Align::kLeft, [](Record r) { return r.role(); }},
      {"for", "for", Align::kLeft, [](Record r) { return r.description(); }},
      {"state", "works", Align::kLeft, KeyState},
      {"use_time", "last used", Align::kLeft,
       [](Record r) {
         return r.has_use_time() ? FormatTimeShort(r.use_time()) : std::string("never");
       }},
  };
}

std::vector<Column<v1::Session>> SessionColumns() {
  using Record = const v1::Session&;
  return {
      {"id", "id", Align::kLeft, [](Record r) { return r.id(); }},
      {"address", "from", Align::kLeft, [](Record r) { return r.address(); }},
      {"create_time", "signed in", Align::kLeft,
       [](Record r) { return FormatTimeShort(r.create_time()); }},
      {"use_time", "last used", Align::kLeft,
       [](Record r) { return FormatTimeShort(r.use_time()); }},
      {"end_time", "ends", Align::kLeft, [](Record r) { return FormatTimeShort(r.end_time()); }},
      {"current", "this one", Align::kLeft,
       [](Record r) { return std::string(r.current() ? "yes" : ""); }},
  };
}

std::string RenderUser(const v1::User& user) {
  return RenderFacts(
      {{"name", user.name()},
       {"role", user.role()},
       {"org units", Grants(user)},
       {"queues", Listed(user.queue_ids(), "all")},
       {"language", user.language()},
       {"state", user.disabled() ? "disabled" : "enabled"},
       {"password", user.has_password() ? "set " + FormatTimeSeconds(user.password_set_time())
                                        : std::string("none")},
       {"signed in", TimeOrNothing(user, &v1::User::has_sign_in_time, &v1::User::sign_in_time)},
       {"created", TimeOrNothing(user, &v1::User::has_create_time, &v1::User::create_time) +
                       " by " + user.creator()},
       {"etag", user.etag()}});
}

std::string RenderApiKey(const v1::ApiKey& key) {
  return RenderFacts(
      {{"id", key.id()},
       {"begins", key.prefix()},
       {"user", key.user_name()},
       {"for", key.description()},
       {"role", key.role()},
       {"org units", Listed(key.org_unit_ids(), "all the user's")},
       {"queues", Listed(key.queue_ids(), "all the user's")},
       {"methods", Listed(key.methods(), "all of the role")},
       {"works", KeyState(key)},
       {"last used", TimeOrNothing(key, &v1::ApiKey::has_use_time, &v1::ApiKey::use_time)},
       {"created", TimeOrNothing(key, &v1::ApiKey::has_create_time, &v1::ApiKey::create_time) +
                       " by " + key.creator()}});
}

std::string RenderIdentity(const v1::CallerIdentity& identity) {
  return RenderFacts(
      {{"name", identity.name()},
       {"role", identity.role() == identity.base_role()
                    ? identity.role()
                    : identity.role() + " (as " + identity.base_role() + ")"},
       {"org units", Listed(identity.org_unit_ids(), "all")},
       {"queues", Listed(identity.queue_ids(), "all")},
       {"shown", EnumName(identity.credential_kind())},
       {"until", TimeOrNothing(identity, &v1::CallerIdentity::has_credential_end_time,
                               &v1::CallerIdentity::credential_end_time)},
       {"methods", std::to_string(identity.methods_size())}});
}

std::optional<v1::OrgUnitGrant> ReadGrant(const std::string& text, std::string* reason) {
  v1::OrgUnitGrant grant;
  const size_t at = text.find('@');
  grant.set_org_unit_id(text.substr(0, at));
  if (at == std::string::npos) return grant;
  const std::string times = text.substr(at + 1);
  const size_t dots = times.find("..");
  if (dots == std::string::npos) {
    *reason = "expected UNIT or UNIT@FROM..UNTIL, got \"" + text + "\"";
    return std::nullopt;
  }
  for (const auto& [part, is_start] :
       {std::pair(times.substr(0, dots), true), std::pair(times.substr(dots + 2), false)}) {
    if (part.empty()) continue;
    const auto time = ReadTime(part, reason);
    if (!time) return std::nullopt;
    *(is_start ? grant.mutable_start_time() : grant.mutable_end_time()) = *time;
  }
  return grant;
}

std::string FormatGrant(const v1::OrgUnitGrant& grant) {
  if (!grant.has_start_time() && !grant.has_end_time()) return grant.org_unit_id();
  return grant.org_unit_id() + "@" +
         (grant.has_start_time() ? FormatTimeSeconds(grant.start_time()) : "") + ".." +
         (grant.has_end_time() ? FormatTimeSeconds(grant.end_time()) : "");
}

std::string SavedToken(const std::string& folder, const std::string& server) {
  if (folder.empty()) return "";
  std::ifstream in(SessionFile(folder));
  std::string of, token;
  if (!std::getline(in, of) || !std::getline(in, token) || of != server) return "";
  return token;
}

bool SaveToken(const std::string& folder, const std::string& server, const std::string& token) {
  if (folder.empty()) return false;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return false;
  const std::string path = SessionFile(folder).string(), fresh = path + ".new";
  // What lies there may be a link to somewhere else, or readable by others.
  unlink(fresh.c_str());
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const std::string text = server + "\n" + token + "\n";
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return close(file) == 0 && written && rename(fresh.c_str(), path.c_str()) == 0;
}

void ForgetToken(const std::string& folder) {
  if (!folder.empty()) unlink(SessionFile(folder).c_str());
}

void AddAccessCommands(CLI::App& app, Session& session) {
  AddSigningIn(app, session);
  AddUsers(app, session);
  AddKeysAndSessions(app, session);
}

}  // namespace rebound::cli
