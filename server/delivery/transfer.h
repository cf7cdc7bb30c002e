// What leaves the server: HTTP posts and mails, by libcurl. One thread drives all posts that run at
// once, another one all mails: at the end of a mail libcurl 7.88 waits for the mail server's answer
// and does nothing else meanwhile. A slow mail server holds up other mails, but no post.
//
// Where a connection leads is decided after the name was resolved, before it is opened: if one
// address of the answer is forbidden (target.h), the whole answer is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/delivery/target.h"
#include "workflows/time.h"

namespace rebound {

// A POST of `body` to an http or https address.
struct HttpPost {
  std::string url{};
  std::vector<std::pair<std::string, std::string>> headers{};  // checked by CheckHeaders
  std::string body{};
};

// A mail: `message` is whole, headers and all, lines end with CR LF (mail.h). The server is the
// operator's choice, often a relay beside us: TargetRules are not asked. The mail is sent to those
// recipients whom the server takes; it fails if that is nobody.
struct Mail {
  std::string
      server{};  // smtp://host:port (STARTTLS if `require_tls`, else plain), smtps://host:port
  std::string user{}, password{};  // empty: no sign-in
  bool require_tls = true;
  std::string sender{};                   // address of the envelope
  std::vector<std::string> recipients{};  // addresses
  std::string message{};
};

struct TransferResult {
  enum class End {
    kAnswered,         // there is a status
    kTargetForbidden,  // TargetRules do not let it go there; nothing was connected
    kNameUnknown,      // not resolved, or not in time
    kNotConnected,
    kTls,
    kTimedOut,
    kBroken,    // reset, or no valid answer
    kTooLong,   // more than 64 KiB of answer; cut
    kStopped,   // the server is going down; it may have arrived
    kNotBegun,  // too many names wait for an answer already; it says nothing of this receiver
  };
  End end = End::kBroken;
  int status = 0;                         // HTTP's or SMTP's last; 0: none
  std::optional<Duration> retry_after{};  // at most an hour
  // Its first 4 KiB; of a mail: how many of its recipients were refused, if some were.
  std::string answer{};
  std::string detail{};  // libcurl's words, without secrets
  Duration took{0};
};

struct TransferOptions {
  TargetRules targets{};
  std::string ca_file{};  // empty: the system's
  Duration name_timeout = std::chrono::seconds{3};
  Duration timeout = std::chrono::seconds{15};  // of the whole
  // Posts, and as many mails; more wait for their turn, in the order in which they came.
  int32_t at_once = 64;
  // Addresses of a name, as text; nullopt: unknown. May block; called on threads of its own, even
  // after Stop. Empty: the system's resolver.
  std::function<std::optional<std::vector<std::string>>(const std::string& name)> resolve{};
};

// Thread-safe. Redirects are not followed, proxies of the environment not used; a connection is
// used again only if its address is among those that the name has now.
class Transfers {
 public:
  explicit Transfers(TransferOptions options);
  ~Transfers();  // Stop
  // `done` is called once, on a thread of the transfers; it must not block for long, throw or
  // destroy this, and may start others. After Stop it is called at once, on the caller's thread.
  void Post(HttpPost post, std::function<void(TransferResult)> done);
  void Send(Mail mail, std::function<void(TransferResult)> done);
  // Ends those that run with kStopped, and begins none.
  void Stop();

 private:
  class Driver;
  std::unique_ptr<Driver> posts_;
  std::unique_ptr<Driver> mails_;
};

}  // namespace rebound
