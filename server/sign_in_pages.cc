#include "server/sign_in_pages.h"

#include <utility>

#include "server/gateway/connect.h"
#include "server/gateway/session_cookie.h"
#include "server/log.h"
#include "server/services/audit.h"
#include "server/services/services.h"
#include "server/services/status.h"

namespace rebound {
namespace {

constexpr std::string_view kBegin = "/sign-in/oidc";
constexpr std::string_view kCallback = "/sign-in/oidc/callback";
constexpr char kMethod[] = "sign-in oidc";
constexpr size_t kThreads = 2;
constexpr size_t kQueue = 64;

HttpResponse Page(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"content-type", "text/html; charset=utf-8"}, {"cache-control", "no-store"}};
  response.body = std::move(body);
  return response;
}

HttpResponse Redirect(std::string location) {
  HttpResponse response = Page(303, "");
  response.headers.emplace_back("location", std::move(location));
  return response;
}

// The texts are ours, without values, so nothing in them needs escaping.
HttpResponse RefusalPage(Reason reason) {
  const ReasonText& text = TextOf(reason);
  std::string body = "<!doctype html>\n<title>Rebound</title>\n<p>";
  body.append(Render(Error{reason}, "en")).append("\n<p lang=\"zh\">");
  body.append(Render(Error{reason}, "zh")).append("\n<p><code>").append(Name(reason));
  body.append("</code> <a href=\"/\">Rebound</a>\n");
  return Page(HttpStatusOf(text.code), std::move(body));
}

std::string AddressOf(const Backend& backend, const HttpRequest& request) {
  if (!backend.trusted_proxies.Contains(request.peer)) return request.peer;
  std::string forwarded;
  for (const auto& [name, value] : request.headers) {
    if (name != "x-forwarded-for") continue;
    if (!forwarded.empty()) forwarded += ',';
    forwarded += value;
  }
  return ForwardedAddress(backend.trusted_proxies, request.peer, forwarded);
}

// Who floods these pages floods the provider.
bool IsWithinLimit(const Backend& backend, const std::string& address) {
  if (backend.limits == nullptr) return true;
  const std::string limited = LimitedAddressOf(address);
  if (limited.empty() || (!backend.limits->limit_loopback && IsLoopback(limited))) return true;
  return !backend.limits->address.Take(limited, kFailedTokenCost);
}

void AuditRefusal(const Call& call, const Error& error) {
  const auto fault = error.metadata.find("fault");
  const ReasonText& text = TextOf(error.reason);
  AuditEntry entry{.kind = AuditKind::kSignIn};
  entry.method = call.method;
  entry.outcome = Name(text.code);
  entry.reason = Name(error.reason);
  entry.address = call.address;
  if (fault != error.metadata.end()) entry.detail = fault->second;
  call.backend.audit.Note(std::move(entry));
}

}  // namespace

SignInPages::SignInPages(Backend& backend, OidcSettings settings)
    : backend_(backend),
      client_(std::move(settings), backend.clock),
      pool_(std::make_unique<ReadPool>(kThreads, kQueue)) {}

SignInPages::~SignInPages() { Stop(); }

void SignInPages::Stop() {
  client_.Stop();
  std::unique_ptr<ReadPool> pool;
  const std::lock_guard lock(mutex_);
  pool = std::move(pool_);
}

void SignInPages::Handle(const HttpRequest& request, Reply reply) {
  const bool begins = request.path == kBegin;
  if (!begins && request.path != kCallback) return reply(Page(404, "not found\n"));
  if (request.method != "GET") {
    HttpResponse response = Page(405, "only GET\n");
    response.headers.emplace_back("allow", "GET");
    return reply(std::move(response));
  }
  auto call = std::make_shared<Call>(Call{backend_});
  call->method = kMethod;
  call->address = AddressOf(backend_, request);
  if (!IsWithinLimit(backend_, call->address)) return reply(RefusalPage(Reason::kRateLimited));
  const auto work = [this, begins, request, call, reply] {
    HttpResponse response;
    try {
      response = begins ? Begin(request) : Finish(request, *call);
    } catch (const std::exception& e) {
      Log(Level::kError, "a sign-in failed", {{"what", e.what()}});
      response = RefusalPage(Reason::kStoreUnavailable);
    }
    reply(std::move(response));
  };
  Reason refusal = Reason::kShuttingDown;
  {
    const std::lock_guard lock(mutex_);
    if (pool_ != nullptr && pool_->Run(work)) return;
    if (pool_ != nullptr) refusal = Reason::kProviderUnavailable;  // so it looks to whoever waits
  }
  reply(RefusalPage(refusal));
}

HttpResponse SignInPages::Begin(const HttpRequest& request) {
  auto begun = client_.Begin();
  if (!begun) return RefusalPage(begun.error().reason);
  HttpResponse response = Redirect(std::move(begun->location));
  constexpr auto kSeconds = std::chrono::floor<std::chrono::seconds>(OidcSeal::kLifetime).count();
  response.headers.emplace_back("set-cookie", SetSignInCookie(request, begun->sealed, kSeconds));
  return response;
}

HttpResponse SignInPages::Finish(const HttpRequest& request, const Call& call) {
  const auto parameters = ParseQuery(request.query);
  const auto signed_in = [&]() -> Result<std::string> {
    if (!parameters) return Error{Reason::kProviderSignInEnded, {{"fault", "query"}}};
    const auto name = client_.Finish(*parameters, SignInCookie(request));
    if (!name) return name.error();
    return SignInByProvider(call, *name);
  }();
  HttpResponse response;
  if (signed_in) {
    response = Redirect("/");
    response.headers.emplace_back("set-cookie", SetSessionCookie(request, *signed_in));
  } else {
    const Error& error = signed_in.error();
    Log(Level::kInfo, "sign-in refused",
        {{"method", call.method},
         {"reason", Name(error.reason)},
         {"fault", error.metadata.count("fault") == 0 ? "" : error.metadata.at("fault")}});
    if (error.reason != Reason::kProviderUnavailable) AuditRefusal(call, error);
    response = RefusalPage(error.reason);
    // What another page led here with must not end a sign-in that is still under way.
    if (error.reason == Reason::kProviderSignInEnded) return response;
  }
  // It is worth nothing any more: a code can be used once.
  response.headers.emplace_back("set-cookie", SetSignInCookie(request, "", 0));
  return response;
}

}  // namespace rebound
