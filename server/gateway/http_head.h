// The head of an HTTP/1.1 request, byte by byte: what two servers could read differently is refused
// before a parser that forgives sees it. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/gateway/http_server.h"

namespace rebound {

// Where the head that begins `bytes` ends.
struct HeadEnd {
  size_t size = 0;  // with its empty line; 0: more bytes are needed
  // A line feed without a carriage return or the like: 400, whatever follows.
  bool broken = false;
};
// `from` is where the last look ended: bytes before it are not looked at again.
HeadEnd FindHeadEnd(std::string_view bytes, size_t from);

struct HeadCheck {
  int status = 0;          // of the refusal; 0: none
  std::string_view why{};  // for the log and the answer: of our words only
  uint64_t content_length = 0;
  bool chunked = false;
  bool expects_continue = false;
  bool keep_alive = false;  // what the client wishes
  bool http_1_0 = false;
};
// `head` as FindHeadEnd found it.
//
// 400: not METHOD SP /TARGET SP HTTP/1.x, "*" but for OPTIONS, bytes that may not stand there, a
//      folded field, space in front of a colon, Content-Length twice or no number,
//      Transfer-Encoding twice, beside Content-Length, under HTTP/1.0 or other than "chunked", not
//      exactly one Host
// 414, 431: longer or more than the limits   417: Expect other than 100-continue
// 505: another version
HeadCheck CheckHead(std::string_view head, const HttpLimits& limits);

}  // namespace rebound
