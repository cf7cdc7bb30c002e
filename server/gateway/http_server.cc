#include "server/gateway/http_server.h"

// clang-format off
#include <utility>  // Boost 1.74's asio needs std::exchange under C++20
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
// clang-format on

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include "server/clock.h"
#include "server/gateway/http_head.h"
#include "server/log.h"

namespace rebound {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;
using tcp = asio::ip::tcp;

namespace {

constexpr size_t kSlice = 64 << 10;         // of an answer, for one time-out
constexpr size_t kReadSize = 16 << 10;      // at once
constexpr size_t kReadAhead = 64 << 10;     // of requests that wait behind the one being answered
constexpr milliseconds kLingerTime{2'000};  // for the client to take the last answer and close
constexpr size_t kLingerBytes = 64 << 20;   // of what it still sends meanwhile

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string HttpDate() {
  const std::time_t now = ToMillis(SystemClock().Now()) / 1000;
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

// Beast 1.74 takes a line feed within a quoted value for a part of it; others may take it for the
// end of the line.
void CheckChunkExtensions(uint64_t, boost::beast::string_view extensions, error_code& error) {
  const bool plain = std::all_of(extensions.begin(), extensions.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
  if (!plain) error = http::error::bad_chunk_extension;
}

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

// HOST:PORT or [IPV6]:PORT.
tcp::endpoint ParseEndpoint(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  if (colon != std::string::npos) {
    std::string host = listen.substr(0, colon);
    const std::string port = listen.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    }
    if (host == "localhost") host = "127.0.0.1";
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    const bool digits =
        !port.empty() && port.size() <= 5 &&
        std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!error && digits && std::stoi(port) <= 65'535) {
      return {address, static_cast<uint16_t>(std::stoi(port))};
    }
  }
  throw std::runtime_error("expected HOST:PORT to serve HTTP on, but got " + listen);
}

int SelectHttp11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned int in_size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11 - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// Throws boost::system::system_error when one of the files is of no use.
std::shared_ptr<asio::ssl::context> ReadPair(const HttpServer::Options& options) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), SelectHttp11, nullptr);
  context->use_certificate_chain_file(options.certificate.string());
  context->use_private_key_file(options.key.string(), asio::ssl::context::pem);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    throw boost::system::system_error(make_error_code(boost::system::errc::invalid_argument),
                                      "key and certificate differ");
  }
  if (options.client_ca.empty()) return context;
  context->load_verify_file(options.client_ca.string());
  SSL_CTX_set_client_CA_list(context->native_handle(),
                             SSL_load_client_CA_file(options.client_ca.c_str()));
  context->set_verify_mode(asio::ssl::verify_peer);
  // A resumed session would bring a certificate along that nobody verifies again.
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context->native_handle(), 0);
  return context;
}

// Of a finished handshake.
std::optional<PeerCertificate> CertificateOf(SSL* tls) {
  const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(tls),
                                                          &X509_free);
  if (!shown || SSL_get_verify_result(tls) != X509_V_OK) return std::nullopt;
  return ReadCertificate(shown.get());
}

}  // namespace

HttpResponse PlainText(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-store"}};
  response.body = std::move(text);
  return response;
}

const std::string* FindHeader(const HttpHeaders& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [name](const auto& header) { return header.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

namespace {
class Connection;
}

struct HttpServer::Listener {
  Listener(Options given, Handler to);

  void Accept();
  void TurnAway(tcp::socket socket);
  // Whether there is a place for one more of that kind; takes it. REQUIRES: mutex.
  bool TakePlace(const std::string& counted_by);
  void Closed(const std::shared_ptr<Connection>& connection);
  void ExchangeDropped();

  const Options options;
  const Handler handler;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::strand<asio::io_context::executor_type> strand{asio::make_strand(io)};
  tcp::acceptor acceptor{strand};
  asio::steady_timer retry{strand};
  int port = 0;
  std::vector<std::thread> threads;

  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<asio::ssl::context> context;  // guarded; null: plain
  std::set<std::shared_ptr<Connection>> open;   // guarded
  std::map<std::string, size_t> open_of;        // guarded; by what they are counted by
  size_t exchanges = 0;                         // guarded
  std::atomic<bool> stopping{false};
};

namespace {

// One connection: reads a request, has it answered, reads the next. Everything runs on the strand
// of its socket. It lives until its last operation and its last exchange end.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Listener = HttpServer::Listener;

  Connection(HttpServer::Listener& listener, tcp::socket socket,
             std::shared_ptr<asio::ssl::context> context, const tcp::endpoint& peer,
             std::string counted_by)
      : listener_(listener),
        limits_(listener.options.limits),
        socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        context_(std::move(context)),
        peer_(peer.address().to_string()),
        peer_is_loopback_(IsLoopback(peer.address())),
        counted_by_(std::move(counted_by)) {
    if (context_) tls_.emplace(socket_, *context_);
  }

  void Start() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      if (!self->tls_) return self->BeginRequest();
      self->SetTimer(self->limits_.header);
      self->tls_->async_handshake(asio::ssl::stream_base::server, [self](error_code error) {
        if (error) return self->Close();
        self->certificate_ = CertificateOf(self->tls_->native_handle());
        self->BeginRequest();
      });
    });
  }

  // Of the server: no further request.
  void Drain() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      self->last_ = true;
      if (self->state_ == State::kHead && self->input_.empty()) self->Close();
    });
  }

  void Cut() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Close(); });
  }

  // What an exchange asks for; `number` tells whether it is still the one being answered.
  template <typename Action>
  void Post(Action action) {
    asio::post(socket_.get_executor(), std::move(action));
  }
  bool IsClosed() const { return state_ == State::kClosed; }
  const std::string& counted_by() const { return counted_by_; }
  bool IsCurrent(uint64_t number) const { return state_ == State::kAnswer && number == number_; }

  void Reply(HttpResponse response) {
    if (streaming_ || ended_) return;
    const bool close = response.close;
    if (close) last_ = true;
    const std::string& body = response.shared_body ? *response.shared_body : response.body;
    std::string text = Head(response, body.size());
    if (!head_only_ && HasBody(response.status) && !body.empty()) {
      if (response.shared_body) {
        shared_ = std::move(response.shared_body);
        shared_sent_ = 0;
      } else {
        text += body;
      }
    }
    ended_ = true;
    Send(std::move(text), {});
  }

  void StartStream(const HttpResponse& response) {
    if (streaming_ || ended_) return;
    if (response.close || http_1_0_) last_ = true;
    streaming_ = true;
    Send(Head(response, std::nullopt), {});
  }

  void Write(std::string piece, std::function<void(bool)> done) {
    if (!streaming_ || ended_) {
      if (done) done(false);
      return;
    }
    if (!http_1_0_ && !piece.empty()) {
      char size[24];
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      piece.insert(0, size);
      piece += "\r\n";
    }
    if (head_only_) piece.clear();
    Send(std::move(piece), std::move(done));
  }

  void Finish() {
    if (!streaming_ || ended_) return;
    ended_ = true;
    Send(http_1_0_ || head_only_ ? "" : "0\r\n\r\n", {});
  }

  void SetGone(std::function<void()> gone) { gone_ = std::move(gone); }
  void Abandon() {
    if (!ended_) Close();
  }

 private:
  enum class State { kHead, kBody, kAnswer, kLinger, kClosed };

  static bool IsLoopback(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
      return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
    }
    return address.is_loopback();
  }

  // ------------------------------------------------------------------------------- reading

  void BeginRequest() {
    if (state_ == State::kClosed) return;
    state_ = State::kHead;
    parser_.reset();
    looked_at_ = 0;
    head_started_ = false;
    answered_continue_ = false;
    // Whoever has never asked for anything is no browser that keeps a connection.
    SetTimer(number_ == 0 ? std::min(limits_.header, limits_.idle) : limits_.idle);
    Advance();
  }

  void Read() {
    if (reading_ || state_ == State::kClosed) return;
    reading_ = true;
    auto done = [self = shared_from_this()](error_code error, size_t size) {
      self->reading_ = false;
      self->OnRead(error, size);
    };
    const auto buffer = asio::buffer(chunk_);
    if (tls_) {
      tls_->async_read_some(buffer, std::move(done));
    } else {
      socket_.async_read_some(buffer, std::move(done));
    }
  }

  void OnRead(error_code error, size_t size) {
    if (state_ == State::kClosed || state_ == State::kLinger) return;
    if (error) return Close();
    input_.append(chunk_.data(), size);
    if (state_ == State::kBody) {
      // A second for every 64 KiB: whoever trickles runs out of time, whoever sends does not.
      SetTimerAt(timer_.expiry() + milliseconds(static_cast<int64_t>(size * 1000 / (64 << 10))));
    }
    Advance();
  }

  void Advance() {
    if (state_ == State::kHead) AdvanceHead();
    if (state_ == State::kBody) AdvanceBody();
    // While a request is answered, reading tells whether the client is still there.
    if (state_ == State::kAnswer && input_.size() < kReadAhead) Read();
  }

  void AdvanceHead() {
    // One empty line in front of a request is forgiven, RFC 9112, 2.2.
    if (!head_started_ && input_.starts_with("\r\n")) input_.erase(0, 2);
    if (input_.empty() || (!head_started_ && input_ == "\r")) return Read();
    if (last_) return Close();
    if (!head_started_) {
      head_started_ = true;
      SetTimer(limits_.header);
    }
    const HeadEnd end = FindHeadEnd(input_, looked_at_);
    if (end.broken) return Refuse(400, "bare line feed");
    if (end.size == 0) {
      if (input_.size() > limits_.header_bytes) {
        const bool in_target = input_.find('\n') == std::string::npos;
        return Refuse(in_target ? 414 : 431, "header too long");
      }
      looked_at_ = input_.size();
      return Read();
    }
    head_ = CheckHead(std::string_view(input_).substr(0, end.size), limits_);
    if (head_.status != 0) return Refuse(head_.status, head_.why);
    http_1_0_ = head_.http_1_0;
    if (!head_.keep_alive) last_ = true;

    parser_.emplace();
    parser_->eager(false);
    parser_->header_limit(static_cast<uint32_t>(limits_.header_bytes + 1));
    // Or the parser would refuse the head; what is announced is judged below.
    parser_->body_limit(std::max<uint64_t>(head_.content_length, limits_.body_bytes));
    error_code error;
    const size_t used = parser_->put(asio::buffer(input_.data(), end.size), error);
    if (error || !parser_->is_header_done() || used != end.size) {
      return Refuse(400, error ? error.message() : "head");
    }
    input_.erase(0, end.size);
    TakeHead();
    size_t longest = limits_.body_bytes;
    if (listener_.options.longest_body && (head_.chunked || head_.content_length > 0)) {
      longest = std::min(longest, listener_.options.longest_body(request_));
    }
    if (head_.content_length > longest) {
      request_.body_too_large = true;
      return Answer();
    }
    parser_->body_limit(longest);
    parser_->on_chunk_header(CheckChunkExtensions);
    parser_->eager(true);
    body_begun_ = false;
    state_ = State::kBody;
    SetTimer(limits_.body);
  }

  void TakeHead() {
    const auto& message = parser_->get();
    request_ = {};
    request_.method.assign(message.method_string().data(), message.method_string().size());
    const std::string_view target(message.target().data(), message.target().size());
    const size_t question = std::min(target.find('?'), target.size());
    request_.path = target.substr(0, question);
    if (question < target.size()) request_.query = target.substr(question + 1);
    // Taken before the body, so that what follows a chunked one cannot pass for a field.
    for (const auto& field : message) {
      request_.headers.emplace_back(Lower({field.name_string().data(), field.name_string().size()}),
                                    std::string(field.value().data(), field.value().size()));
    }
    request_.peer = peer_;
    request_.peer_is_loopback = peer_is_loopback_;
    request_.tls = tls_.has_value();
    request_.certificate = certificate_;
    head_only_ = request_.method == "HEAD";
  }

  void AdvanceBody() {
    error_code error;
    while (!parser_->is_done() && !input_.empty()) {
      // "0\r\n" and then "\r" without its "\n": Beast 1.74 asserts that a last chunk with no other
      // in front of it has 5 bytes when it looks at it again.
      if (head_.chunked && !body_begun_ && input_.front() == '0' && input_.size() < 5) break;
      const size_t used = parser_->put(asio::buffer(input_), error);
      if (used > 0) body_begun_ = true;
      input_.erase(0, used);
      if (error == http::error::need_more) {
        // The line of a chunk, or what follows the last one, must fit into what a head may have.
        if (input_.size() > limits_.header_bytes) return Refuse(400, "chunk");
        error = {};
        break;
      }
      if (error == http::error::body_limit) {
        request_.body_too_large = true;
        return Answer();
      }
      if (error) return Refuse(400, error.message());
      if (used == 0) break;
    }
    if (parser_->is_done()) {
      request_.body = std::move(parser_->get().body());
      return Answer();
    }
    if (head_.expects_continue && !answered_continue_) {
      answered_continue_ = true;
      SendRaw("HTTP/1.1 100 Continue\r\n\r\n");
    }
    Read();
  }

  // ------------------------------------------------------------------------------ answering

  void Answer();

  // An answer of the server's own, to what is no request.
  void Refuse(int status, std::string_view why) {
    Log(Level::kInfo, "http request refused", {{"status", status}, {"why", why}});
    state_ = State::kAnswer;
    last_ = true;
    streaming_ = false;
    ended_ = false;
    head_only_ = false;
    ++number_;
    HttpResponse response;
    response.status = status;
    response.headers = {{"content-type", "text/plain; charset=utf-8"},
                        {"cache-control", "no-store"}};
    response.body = std::string(Phrase(status)) + ": " + std::string(why) + "\n";
    Reply(std::move(response));
  }

  static std::string_view Phrase(int status) {
    if (status == 499) return "Client Closed Request";
    const auto phrase = http::obsolete_reason(static_cast<http::status>(status));
    return {phrase.data(), phrase.size()};
  }

  std::string Head(const HttpResponse& response, std::optional<size_t> size) {
    if (listener_.stopping || closes_) last_ = true;
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
    text += Phrase(response.status);
    text += "\r\ndate: " + HttpDate() + "\r\n";
    const auto add = [&text](const std::string& name, const std::string& value) {
      // A line end in a value would begin a field, or an answer, of somebody else's choice.
      text += name + ": ";
      for (const char c : value) text += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
      text += "\r\n";
    };
    for (const auto& [name, value] : response.headers) add(name, value);
    for (const auto& [name, value] : listener_.options.headers) {
      if (FindHeader(response.headers, name) == nullptr) add(name, value);
    }
    if (size && HasBody(response.status)) {
      add("content-length", std::to_string(*size));
    } else if (!size && !http_1_0_) {
      add("transfer-encoding", "chunked");
    }
    if (last_) add("connection", "close");
    return text + "\r\n";
  }

  void Send(std::string text, std::function<void(bool)> done) {
    if (output_.empty()) {
      output_ = std::move(text);
    } else {
      output_ += text;
    }
    if (done) done_.push_back(std::move(done));
    if (!writing_) Pump();
  }

  // Beside an answer: nobody waits for it.
  void SendRaw(std::string_view text) {
    output_ += text;
    if (!writing_) Pump();
  }

  void Pump() {
    if (state_ == State::kClosed) return;
    if (sent_ == output_.size()) {
      // With its memory, which an idle connection would keep.
      std::string().swap(output_);
      sent_ = 0;
      if (!shared_) return Flushed();
      slice_.assign(*shared_, shared_sent_, kSlice);
      shared_sent_ += slice_.size();
      if (shared_sent_ == shared_->size()) shared_.reset();
    } else {
      slice_.assign(output_, sent_, kSlice);
      sent_ += slice_.size();
      // What is left of a stream that goes on moves once in a while, not with every slice.
      if (sent_ > kSlice && sent_ > output_.size() / 2) {
        output_.erase(0, sent_);
        sent_ = 0;
      }
    }
    writing_ = true;
    if (state_ != State::kBody) SetTimer(limits_.write);
    auto done = [self = shared_from_this()](error_code error, size_t) {
      self->writing_ = false;
      if (error) return self->Close();
      self->Pump();
    };
    if (tls_) {
      asio::async_write(*tls_, asio::buffer(slice_), std::move(done));
    } else {
      asio::async_write(socket_, asio::buffer(slice_), std::move(done));
    }
  }

  void Flushed() {
    if (state_ != State::kAnswer) return;
    StopTimer();
    for (auto& done : std::exchange(done_, {})) done(true);
    if (!ended_ || state_ != State::kAnswer || writing_) return;
    ended_ = false;
    streaming_ = false;
    gone_ = {};
    if (last_) return Linger();
    BeginRequest();
  }

  // Closing at once, with bytes unread, would reset the connection and take the answer with it.
  void Linger() {
    state_ = State::kLinger;
    SetTimer(kLingerTime);
    if (!tls_) return AwaitEnd();
    // Whether the client answers the close does not matter: the timer ends the wait.
    tls_->async_shutdown([self = shared_from_this()](error_code) { self->AwaitEnd(); });
  }

  void AwaitEnd() {
    if (state_ == State::kClosed) return;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    slice_.resize(4096);
    Discard();
  }

  void Discard() {
    socket_.async_read_some(asio::buffer(slice_),
                            [self = shared_from_this()](error_code error, size_t size) {
                              self->lingered_ += size;
                              if (error || self->lingered_ > kLingerBytes) return self->Close();
                              if (self->state_ != State::kClosed) self->Discard();
                            });
  }

  void Close() {
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    StopTimer();
    error_code ignored;
    socket_.close(ignored);
    output_.clear();
    sent_ = 0;
    shared_.reset();
    for (auto& done : std::exchange(done_, {})) done(false);
    if (auto gone = std::exchange(gone_, {})) gone();
    listener_.Closed(shared_from_this());
  }

  // -------------------------------------------------------------------------------- timing

  void SetTimer(milliseconds time) {
    timer_.expires_after(time);
    Await();
  }
  void SetTimerAt(asio::steady_timer::time_point time) {
    timer_.expires_at(time);
    Await();
  }
  void StopTimer() {
    ++timer_number_;
    timer_.cancel();
  }
  void Await() {
    const uint64_t number = ++timer_number_;
    timer_.async_wait([self = shared_from_this(), number](error_code error) {
      if (!error && number == self->timer_number_) self->OnTimeout();
    });
  }

  void OnTimeout() {
    if ((state_ == State::kHead && head_started_) || (state_ == State::kBody && !writing_)) {
      return Refuse(408, state_ == State::kHead ? "header" : "body");
    }
    if (state_ == State::kAnswer) {
      Log(Level::kInfo, "http answer was not read");
    }
    Close();
  }

  HttpServer::Listener& listener_;
  const HttpLimits& limits_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  const std::shared_ptr<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  const std::string peer_;
  const bool peer_is_loopback_;
  std::optional<PeerCertificate> certificate_;
  const std::string counted_by_;

  State state_ = State::kHead;
  bool last_ = false;  // the connection closes after the answer
  std::array<char, kReadSize> chunk_;
  bool reading_ = false;
  std::string input_;  // not parsed yet
  size_t looked_at_ = 0;
  bool head_started_ = false;
  HeadCheck head_;
  bool http_1_0_ = false;
  bool answered_continue_ = false;
  bool body_begun_ = false;  // the parser took some of it
  std::optional<http::request_parser<http::string_body>> parser_;

  HttpRequest request_;  // until it is handed on
  bool closes_ = false;  // the rest of its body was not read
  uint64_t number_ = 0;  // of the request being answered
  bool head_only_ = false;
  bool streaming_ = false;
  bool ended_ = false;
  std::string output_, slice_;
  size_t sent_ = 0;                            // of output_
  std::shared_ptr<const std::string> shared_;  // what follows output_ ends the answer; or null
  size_t shared_sent_ = 0;
  bool writing_ = false;
  std::vector<std::function<void(bool)>> done_;
  std::function<void()> gone_;
  size_t lingered_ = 0;
  uint64_t timer_number_ = 0;
};

class Exchange final : public HttpExchange {
 public:
  Exchange(HttpServer::Listener& listener, std::shared_ptr<Connection> connection, uint64_t number,
           HttpRequest request)
      : listener_(listener),
        connection_(std::move(connection)),
        number_(number),
        request_(std::move(request)) {}

  ~Exchange() override {
    Run([](Connection& connection) { connection.Abandon(); });
    connection_.reset();
    listener_.ExchangeDropped();
  }

  const HttpRequest& request() const override { return request_; }

  void Reply(HttpResponse response) override {
    Run([response = std::move(response)](Connection& connection) mutable {
      connection.Reply(std::move(response));
    });
  }
  void StartStream(HttpResponse head) override {
    Run([head = std::move(head)](Connection& connection) { connection.StartStream(head); });
  }
  void Write(std::string piece, std::function<void(bool)> done) override {
    connection_->Post([connection = connection_, number = number_, piece = std::move(piece),
                       done = std::move(done)]() mutable {
      if (connection->IsCurrent(number)) {
        connection->Write(std::move(piece), std::move(done));
      } else if (done) {
        done(false);
      }
    });
  }
  void Finish() override {
    Run([](Connection& connection) { connection.Finish(); });
  }
  void OnGone(std::function<void()> gone) override {
    connection_->Post([connection = connection_, number = number_, gone = std::move(gone)] {
      if (connection->IsCurrent(number)) {
        connection->SetGone(gone);
      } else if (connection->IsClosed()) {
        gone();
      }
    });
  }

 private:
  template <typename Action>
  void Run(Action action) {
    connection_->Post(
        [connection = connection_, number = number_, action = std::move(action)]() mutable {
          if (connection->IsCurrent(number)) action(*connection);
        });
  }

  HttpServer::Listener& listener_;
  std::shared_ptr<Connection> connection_;
  const uint64_t number_;
  const HttpRequest request_;
};

void Connection::Answer() {
  state_ = State::kAnswer;
  ++number_;
  ended_ = streaming_ = false;
  // A client that does not even take the 100 Continue would have no timer for the rest of its life.
  writing_ ? SetTimer(limits_.write) : StopTimer();
  closes_ = request_.body_too_large;
  {
    std::lock_guard lock(listener_.mutex);
    ++listener_.exchanges;
  }
  try {
    // Moved, with the parser's buffers: an idle connection keeps nothing of what it once carried.
    listener_.handler(std::make_shared<Exchange>(listener_, shared_from_this(), number_,
                                                 std::exchange(request_, {})));
  } catch (const std::exception& e) {
    Log(Level::kError, "http request failed", {{"what", e.what()}});  // dropped: it closes
  }
}

}  // namespace

HttpServer::Listener::Listener(Options given, Handler to)
    : options(std::move(given)), handler(std::move(to)) {
  if (options.certificate.empty() != options.key.empty()) {
    throw std::runtime_error("expected certificate and key to serve TLS, but got one of them");
  }
  if (!options.client_ca.empty() && options.certificate.empty()) {
    throw std::runtime_error(
        "expected a certificate to serve TLS, without which none of clients "
        "can be asked for");
  }
  const tcp::endpoint endpoint = ParseEndpoint(options.listen);
  try {
    if (!options.certificate.empty()) context = ReadPair(options);
  } catch (const boost::system::system_error& e) {
    const std::string clients =
        options.client_ca.empty() ? "" : ", clients of " + options.client_ca.string();
    throw std::runtime_error("cannot serve TLS with " + options.certificate.string() + " and " +
                             options.key.string() + clients + ": " + e.what());
  }
  try {
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen();
    port = acceptor.local_endpoint().port();
  } catch (const boost::system::system_error& e) {
    throw std::runtime_error("cannot listen on " + options.listen + ": " + e.what());
  }
}

void HttpServer::Listener::Accept() {
  acceptor.async_accept(asio::make_strand(io), [this](error_code error, tcp::socket socket) {
    if (stopping) return;
    if (error) {
      // Without file descriptors it would fail again at once, and again.
      Log(Level::kWarning, "cannot accept a connection", {{"what", error.message()}});
      retry.expires_after(milliseconds(100));
      retry.async_wait([this](error_code ended) {
        if (!ended && !stopping) Accept();
      });
      return;
    }
    error_code ignored;
    const tcp::endpoint peer = socket.remote_endpoint(ignored);
    socket.set_option(tcp::no_delay(true), ignored);
    const std::string counted_by =
        options.counted_by ? options.counted_by(peer.address().to_string()) : std::string();
    std::shared_ptr<Connection> connection;
    bool full = false;
    {
      std::lock_guard lock(mutex);
      if (stopping) return;
      full = open.size() >= options.limits.connections;
      if (!full && TakePlace(counted_by)) {
        connection =
            std::make_shared<Connection>(*this, std::move(socket), context, peer, counted_by);
        open.insert(connection);
      }
    }
    if (connection) {
      connection->Start();
    } else {
      // Whoever has their share is told nothing: the socket closes here.
      if (full) TurnAway(std::move(socket));
      if (options.turned_away) options.turned_away();
    }
    Accept();
  });
}

bool HttpServer::Listener::TakePlace(const std::string& counted_by) {
  if (counted_by.empty()) return true;
  size_t& count = open_of[counted_by];
  if (count >= options.limits.connections_per_address) return false;
  ++count;
  return true;
}

// Without a thread or a timer for it: what the socket does not take at once is lost.
void HttpServer::Listener::TurnAway(tcp::socket socket) {
  Log(Level::kInfo, "http connection turned away", {{"limit", options.limits.connections}});
  error_code ignored;
  if (options.certificate.empty()) {
    constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n"
        "connection: close\r\n\r\n";
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kBusy), ignored);
  }
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void HttpServer::Listener::Closed(const std::shared_ptr<Connection>& connection) {
  std::lock_guard lock(mutex);
  open.erase(connection);
  const auto of = open_of.find(connection->counted_by());
  if (of != open_of.end() && --of->second == 0) open_of.erase(of);
  changed.notify_all();
}

void HttpServer::Listener::ExchangeDropped() {
  std::lock_guard lock(mutex);
  --exchanges;
  changed.notify_all();
}

HttpServer::HttpServer(Options options, Handler handler)
    : listener_(std::make_unique<Listener>(std::move(options), std::move(handler))) {
  Listener& listener = *listener_;
  asio::post(listener.strand, [&listener] { listener.Accept(); });
  for (size_t i = 0; i < std::max<size_t>(1, listener.options.threads); ++i) {
    listener.threads.emplace_back([&listener] { listener.io.run(); });
  }
}

HttpServer::~HttpServer() { Stop(milliseconds(0)); }

int HttpServer::port() const { return listener_->port; }

size_t HttpServer::connections() const {
  std::lock_guard lock(listener_->mutex);
  return listener_->open.size();
}

bool HttpServer::ReloadCertificate() {
  const Options& options = listener_->options;
  if (options.certificate.empty()) return true;
  try {
    auto context = ReadPair(options);
    std::lock_guard lock(listener_->mutex);
    listener_->context = std::move(context);
  } catch (const boost::system::system_error& e) {
    Log(Level::kError, "certificate is of no use; the last good one stays",
        {{"certificate", options.certificate.string()}, {"what", e.what()}});
    return false;
  }
  Log(Level::kInfo, "certificate reloaded", {{"certificate", options.certificate.string()}});
  return true;
}

void HttpServer::Stop(milliseconds grace) {
  Listener& listener = *listener_;
  std::set<std::shared_ptr<Connection>> open;
  {
    std::lock_guard lock(listener.mutex);
    if (listener.stopping) return;
    listener.stopping = true;
    open = listener.open;
  }
  asio::post(listener.strand, [&listener] {
    error_code ignored;
    listener.acceptor.close(ignored);
    listener.retry.cancel();
  });
  for (const auto& connection : open) connection->Drain();
  open.clear();
  std::unique_lock lock(listener.mutex);
  listener.changed.wait_for(lock, grace, [&] { return listener.open.empty(); });
  open = listener.open;
  for (const auto& connection : open) connection->Cut();
  open.clear();
  listener.changed.wait(lock, [&] { return listener.open.empty() && listener.exchanges == 0; });
  lock.unlock();
  listener.work.reset();
  for (std::thread& thread : listener.threads) thread.join();
}

}  // namespace rebound
