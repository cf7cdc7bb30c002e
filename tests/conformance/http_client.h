// A client of HTTP/1.1 that does nothing of its own accord: the test writes the bytes of a request,
// and the answer is taken apart strictly, so that what is judged is what was on the wire.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rebound::conformance {

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};  // names in lower case
  std::string body{};                                          // without chunks
  std::vector<std::pair<std::string, std::string>> trailers{};

  // The first value; null: there is no such header.
  const std::string* Find(std::string_view name) const;
};

// Takes one answer from the front of `bytes`; nothing, and nothing taken, when its end has not come
// yet. Throws std::runtime_error when it cannot become an answer.
std::optional<HttpAnswer> TakeAnswer(std::string* bytes);

// One connection at a time to a loopback port, kept as long as the server keeps it.
class HttpClient {
 public:
  explicit HttpClient(int port) : port_(port) {}
  ~HttpClient() { Close(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends the bytes and reads the answer, for half a minute at most. Throws std::runtime_error when
  // none comes, or more than one.
  HttpAnswer Exchange(std::string_view request);

 private:
  void Connect();
  void Close();

  const int port_;
  int socket_ = -1;
};

}  // namespace rebound::conformance
