// The pages of a sign-in by an OpenID provider: GET /sign-in/oidc sends the browser to it, GET
// /sign-in/oidc/callback takes it back, starts a session and leads to "/".
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "server/access/oidc.h"
#include "server/gateway/http_server.h"
#include "server/services/call.h"

namespace rebound {

// The provider is asked on threads of its own. A refusal is a page in English and Chinese with its
// reason; it and every sign-in are audited as "sign-in oidc". Borrows the backend. Thread-safe.
class SignInPages {
 public:
  using Reply = std::function<void(HttpResponse)>;

  // Throws std::runtime_error when the settings are of no use.
  SignInPages(Backend& backend, OidcSettings settings);
  ~SignInPages();  // Stop

  // Does not block; `reply` is called once, from any thread. Of a path that is none of these: 404.
  void Handle(const HttpRequest& request, Reply reply);

  // Ends those that run with a refusal, waits for their end, and begins none.
  void Stop();

 private:
  HttpResponse Begin(const HttpRequest& request);
  HttpResponse Finish(const HttpRequest& request, const Call& call);

  Backend& backend_;
  OidcClient client_;
  std::mutex mutex_;
  std::unique_ptr<ReadPool> pool_;  // guarded; null after Stop
};

}  // namespace rebound
