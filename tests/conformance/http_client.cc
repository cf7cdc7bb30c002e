#include "tests/conformance/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <stdexcept>

namespace rebound::conformance {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::chrono::seconds kPatience{30};

[[noreturn]] void Fail(const std::string& what) { throw std::runtime_error(what); }

// The line in front of the next CR LF; nothing when that has not come.
std::optional<std::string_view> TakeLine(std::string_view* bytes) {
  const size_t end = bytes->find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = bytes->substr(0, end);
  bytes->remove_prefix(end + 2);
  return line;
}

// Fields up to the empty line.
std::optional<Fields> TakeFields(std::string_view* bytes) {
  Fields fields;
  for (;;) {
    const auto line = TakeLine(bytes);
    if (!line) return std::nullopt;
    if (line->empty()) return fields;
    const size_t colon = line->find(": ");
    if (colon == std::string_view::npos || colon == 0 ||
        line->substr(0, colon).find_first_of(" \t") != std::string_view::npos) {
      Fail("not a field: '" + std::string(*line) + "'");
    }
    std::string name(line->substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    fields.emplace_back(std::move(name), line->substr(colon + 2));
  }
}

size_t Number(std::string_view text, int base) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    Fail("not a number: '" + std::string(text) + "'");
  }
  return number;
}

// False: its end has not come.
bool TakeChunks(std::string_view* bytes, HttpAnswer* answer) {
  for (;;) {
    const auto line = TakeLine(bytes);
    if (!line) return false;
    const size_t size = Number(*line, 16);
    if (size == 0) break;
    if (bytes->size() < size + 2) return false;
    answer->body += bytes->substr(0, size);
    if (bytes->substr(size, 2) != "\r\n") Fail("a chunk is longer than it says");
    bytes->remove_prefix(size + 2);
  }
  auto trailers = TakeFields(bytes);
  if (!trailers) return false;
  answer->trailers = *std::move(trailers);
  return true;
}

}  // namespace

const std::string* HttpAnswer::Find(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

std::optional<HttpAnswer> TakeAnswer(std::string* bytes) {
  std::string_view rest = *bytes;
  HttpAnswer answer;
  const auto line = TakeLine(&rest);
  if (!line) return std::nullopt;
  if (!line->starts_with("HTTP/1.1 ") || line->size() < 13 || (*line)[12] != ' ') {
    Fail("not a status line: '" + std::string(*line) + "'");
  }
  answer.status = static_cast<int>(Number(line->substr(9, 3), 10));
  auto headers = TakeFields(&rest);
  if (!headers) return std::nullopt;
  answer.headers = *std::move(headers);
  const std::string* length = answer.Find("content-length");
  const std::string* coding = answer.Find("transfer-encoding");
  if ((length == nullptr) == (coding == nullptr)) {
    Fail("a body is framed by Content-Length or by Transfer-Encoding, by one of them");
  }
  if (coding != nullptr) {
    if (*coding != "chunked") Fail("transfer-encoding is " + *coding);
    if (!TakeChunks(&rest, &answer)) return std::nullopt;
  } else {
    const size_t size = Number(*length, 10);
    if (rest.size() < size) return std::nullopt;
    answer.body = rest.substr(0, size);
    rest.remove_prefix(size);
  }
  bytes->erase(0, bytes->size() - rest.size());
  return answer;
}

void HttpClient::Connect() {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Fail(std::string("cannot connect: ") + strerror(errno));
  }
  fcntl(socket_, F_SETFL, O_NONBLOCK);
}

void HttpClient::Close() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

HttpAnswer HttpClient::Exchange(std::string_view request) {
  if (socket_ < 0) Connect();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  std::string received;
  std::optional<HttpAnswer> answer;
  bool refused = false;
  try {
    while (!answer) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      pollfd ready{socket_, static_cast<short>(POLLIN | (request.empty() ? 0 : POLLOUT)), 0};
      if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) == 0) {
        Fail("no answer in time, but '" + received.substr(0, 500) + "'");
      }
      if ((ready.revents & POLLOUT) != 0) {
        const ssize_t sent = send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
          request.remove_prefix(static_cast<size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
          refused = true;  // before it has read all; the answer is what counts
          request = {};
        }
      }
      if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      char buffer[64 << 10];
      const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) Fail("the server closed after '" + received.substr(0, 500) + "'");
      received.append(buffer, static_cast<size_t>(got));
      answer = TakeAnswer(&received);
    }
    if (!received.empty()) Fail("more than one answer: '" + received.substr(0, 500) + "'");
  } catch (...) {
    Close();
    throw;
  }
  const std::string* connection = answer->Find("connection");
  if (refused || !request.empty() || (connection != nullptr && *connection == "close")) Close();
  return *std::move(answer);
}

}  // namespace rebound::conformance
