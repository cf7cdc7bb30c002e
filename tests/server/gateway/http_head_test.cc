#include "server/gateway/http_head.h"

#include <gtest/gtest.h>

#include <string>

namespace rebound {
namespace {

using std::string_literals::operator""s;

TEST(HttpHeadTest, TheEndIsTheEmptyLine) {
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\r\nhost: a\r\n\r\nrest", 0).size, 27u);
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\r\nhost: a\r\n\r", 0).size, 0u);
  EXPECT_FALSE(FindHeadEnd("GET / HTTP/1.1\r\nhost: a\r\n\r", 0).broken);
  // However the bytes come, in one piece or one by one.
  const std::string head = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  for (size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(FindHeadEnd(head.substr(0, size), 0).size, 0u);
    EXPECT_EQ(FindHeadEnd(head, size).size, head.size()) << size;
  }
  EXPECT_TRUE(FindHeadEnd("GET / HTTP/1.1\nhost: a\n\n", 0).broken);
  EXPECT_TRUE(FindHeadEnd("\n", 0).broken);
}

struct HeadCase {
  const char* name;
  std::string head;  // without the empty line
  int status;
};

TEST(HttpHeadTest, WhatCouldBeReadInTwoWaysIsRefused) {
  const std::string host = "host: a\r\n";
  const std::string get = "GET / HTTP/1.1\r\n";
  const HeadCase cases[] = {
      {"plain", get + host, 0},
      {"a query", "GET /a?b=c%20d HTTP/1.1\r\n" + host, 0},
      {"a body", "POST / HTTP/1.1\r\ncontent-length: 5\r\n" + host, 0},
      {"chunked", "POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n" + host, 0},
      {"1.0 without host", "GET / HTTP/1.0\r\n", 0},
      {"options", "OPTIONS * HTTP/1.1\r\n" + host, 0},
      {"expect", "POST / HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 1\r\n" + host, 0},
      {"a tab in a value", get + host + "x: a\tb\r\n", 0},
      {"an empty value", get + host + "x:\r\n", 0},

      {"no host", get, 400},
      {"two hosts", get + host + host, 400},
      {"1.0 with two hosts", "GET / HTTP/1.0\r\n" + host + host, 400},
      {"two spaces", "GET  / HTTP/1.1\r\n" + host, 400},
      {"a space in the target", "GET /a b HTTP/1.1\r\n" + host, 400},
      {"no version", "GET /\r\n" + host, 400},
      {"a word for a version", "GET / HTTPS/1.1\r\n" + host, 400},
      {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n", 505},
      {"1.2", "GET / HTTP/1.2\r\n" + host, 505},
      {"an absolute target", "GET http://a/ HTTP/1.1\r\n" + host, 400},
      {"an authority", "CONNECT a:443 HTTP/1.1\r\n" + host, 400},
      {"* for GET", "GET * HTTP/1.1\r\n" + host, 400},
      {"a fragment", "GET /#a HTTP/1.1\r\n" + host, 400},
      {"a backslash", "GET /\\a HTTP/1.1\r\n" + host, 400},
      {"bytes beyond ASCII", "GET /\xC3\xA9 HTTP/1.1\r\n" + host, 400},
      {"no method", " / HTTP/1.1\r\n" + host, 400},
      {"a strange method", "G{T / HTTP/1.1\r\n" + host, 400},
      {"space before the colon", get + host + "x : y\r\n", 400},
      {"a folded field", get + host + "x: y\r\n z\r\n", 400},
      {"a field folded at once", get + " x: y\r\n" + host, 400},
      {"no colon", get + host + "x\r\n", 400},
      {"no name", get + host + ": y\r\n", 400},
      {"NUL in a value", get + host + "x: a\0b\r\n"s, 400},
      {"a bare CR in a value", get + host + "x: a\rb\r\n", 400},
      {"two lengths", get + host + "content-length: 5\r\ncontent-length: 5\r\n", 400},
      {"a list of lengths", get + host + "content-length: 5, 5\r\n", 400},
      {"a signed length", get + host + "content-length: +5\r\n", 400},
      {"a negative length", get + host + "content-length: -5\r\n", 400},
      {"a hexadecimal length", get + host + "content-length: 0x5\r\n", 400},
      {"an endless length", get + host + "content-length: 9999999999999999999\r\n", 400},
      {"length and chunked", get + host + "content-length: 5\r\ntransfer-encoding: chunked\r\n",
       400},
      {"chunked and length", get + host + "transfer-encoding: chunked\r\nContent-Length: 5\r\n",
       400},
      {"chunked twice", get + host + "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
       400},
      {"xchunked", get + host + "transfer-encoding: xchunked\r\n", 400},
      {"gzip, chunked", get + host + "transfer-encoding: gzip, chunked\r\n", 400},
      {"chunked, identity", get + host + "transfer-encoding: chunked, identity\r\n", 400},
      {"chunked under 1.0", "POST / HTTP/1.0\r\n" + host + "transfer-encoding: chunked\r\n", 400},
      {"another expectation", get + host + "expect: magic\r\n", 417},
      {"a long target", "GET /" + std::string(8192, 'a') + " HTTP/1.1\r\n" + host, 414},
      {"a long field", get + host + "x: " + std::string(16384, 'a') + "\r\n", 431},
  };
  for (const HeadCase& c : cases) {
    const HeadCheck check = CheckHead(c.head + "\r\n", HttpLimits{});
    EXPECT_EQ(check.status, c.status) << c.name << ": " << check.why;
    EXPECT_EQ(check.why.empty(), c.status == 0) << c.name;
  }
  std::string many = get + host;
  for (int i = 0; i < 100; ++i) many += "x: y\r\n";
  EXPECT_EQ(CheckHead(many + "\r\n", HttpLimits{}).status, 431);
}

TEST(HttpHeadTest, WhatTheClientWishesIsRead) {
  const auto check = [](const std::string& head) { return CheckHead(head + "\r\n", HttpLimits{}); };
  EXPECT_TRUE(check("GET / HTTP/1.1\r\nhost: a\r\n").keep_alive);
  EXPECT_FALSE(check("GET / HTTP/1.1\r\nhost: a\r\nconnection: TE, Close\r\n").keep_alive);
  EXPECT_FALSE(check("GET / HTTP/1.0\r\nconnection: keep-alive\r\n").keep_alive);
  EXPECT_EQ(check("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 007\r\n").content_length, 7u);
  EXPECT_TRUE(check("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n").expects_continue);
}

}  // namespace
}  // namespace rebound
