#include "server/watchdog.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "server/clock.h"
#include "server/log.h"

namespace rebound {
namespace {

// The client's preface of HTTP/2 and an empty SETTINGS frame.
constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

// What a TLS client says first. The answer to it shows that the listener accepts and works; whose
// certificate it has is not asked, for it is our own.
std::string ClientHello() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  if (ssl == nullptr) throw std::runtime_error("cannot make a TLS handshake for the watchdog");
  constexpr unsigned char kProtocols[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl.get(), kProtocols, sizeof kProtocols);
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());  // has nobody to talk to yet
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

struct WatchTarget {
  sockaddr_storage address{};
  socklen_t size = 0;
};

bool Locate(const std::string& text, WatchTarget* target) {
  if (text.starts_with("unix:")) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    const std::string path = text.substr(5);
    if (path.size() >= sizeof local.sun_path) return false;
    std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
    std::memcpy(&target->address, &local, sizeof local);
    target->size = sizeof local;
    return true;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), text.c_str() + colon + 1, &hints, &found) != 0) return false;
  std::memcpy(&target->address, found->ai_addr, found->ai_addrlen);
  target->size = found->ai_addrlen;
  freeaddrinfo(found);
  return true;
}

class Socket {
 public:
  explicit Socket(int family)
      : fd_(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

Watchdog::Watchdog(Options options, std::function<void()> on_hung)
    : options_(std::move(options)),
      on_hung_(std::move(on_hung)),
      hello_(options_.tls ? ClientHello() : std::string(kPreface, sizeof kPreface - 1)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  if (stop_ < 0) throw std::runtime_error("cannot start the watchdog: no file descriptor is free");
  thread_ = std::thread([this] { Run(); });
}

Watchdog::~Watchdog() {
  eventfd_write(stop_, 1);
  thread_.join();
  close(stop_);
}

void Watchdog::Run() {
  std::vector<int> failures(options_.addresses.size(), 0);
  for (;;) {
    pollfd stop{stop_, POLLIN, 0};
    if (poll(&stop, 1, static_cast<int>(options_.interval.count())) > 0) return;
    for (size_t i = 0; i < failures.size(); ++i) {
      if (Answers(options_.addresses[i])) {
        failures[i] = 0;
        continue;
      }
      ++failures[i];
      Log(Level::kWarning, "the listener did not answer a new connection",
          {{"address", options_.addresses[i]}, {"times", failures[i]}});
      if (failures[i] >= options_.failures) return on_hung_();
    }
  }
}

// That no socket can be had is a failure too: then nobody can connect.
bool Watchdog::Answers(const std::string& address) const {
  WatchTarget target;
  if (!Locate(address, &target)) return false;
  const auto* to = reinterpret_cast<const sockaddr*>(&target.address);
  const Socket socket(to->sa_family);
  if (socket.fd() < 0) return false;
  SystemClock clock;
  const Duration end = clock.Steady() + options_.interval;
  // True once the socket is ready, or when it no longer matters.
  const auto await = [&](int16_t events) {
    pollfd fds[] = {{socket.fd(), events, 0}, {stop_, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock.Steady());
    return poll(fds, 2, std::max(0, static_cast<int>(left.count()))) > 0;
  };
  if (connect(socket.fd(), to, target.size) != 0 && errno != EINPROGRESS) return false;
  if (!await(POLLOUT)) return false;
  // As small as it is, a fresh socket takes it whole. A refused connection shows here.
  if (send(socket.fd(), hello_.data(), hello_.size(), MSG_NOSIGNAL) < 0 && errno != ECONNRESET &&
      errno != EPIPE) {
    pollfd stop{stop_, POLLIN, 0};
    return poll(&stop, 1, 0) > 0;
  }
  // An end is an answer as well: somebody accepted. gRPC closes all connections while a file of
  // certificates is of no use, which no restart would mend.
  return await(POLLIN);
}

}  // namespace rebound
