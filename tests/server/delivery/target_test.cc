#include "server/delivery/target.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rebound {
namespace {

// The part that is refused; "": none.
std::string Refused(const TargetRules& rules, const std::string& url) {
  const auto checked = CheckTarget(rules, "endpoint.url", url);
  if (checked) return "";
  EXPECT_EQ(checked.error().reason, Reason::kTargetForbidden);
  EXPECT_EQ(checked.error().metadata.at("field"), "endpoint.url");
  return checked.error().metadata.at("part");
}

TEST(TargetTest, AnAddressIsJudgedInEverySpelling) {
  struct Row {
    std::string url;
    std::string refused;
  };
  const std::vector<Row> rows = {
      {"https://crm.example.com/hook", ""},
      {"https://crm.example.com:8443/hook?key=1", ""},
      {"https://93.184.216.34/", ""},
      {"https://[2606:2800:220:1:248:1893:25c8:1946]/", ""},
      {"https://例子.example/", "host"},
      {"https://xn--fsqu00a.example/", ""},
      {"https://127.0.0.1/", "host"},
      {"https://0.0.0.0/", "host"},
      {"https://169.254.169.254/latest/meta-data", "host"},
      {"https://10.1.2.3/", "host"},
      {"https://172.16.0.1/", "host"},
      {"https://172.31.255.255/", "host"},
      {"https://172.32.0.1/", ""},
      {"https://192.168.1.1/", "host"},
      {"https://100.64.0.1/", "host"},
      {"https://100.100.100.200/", "host"},
      {"https://192.0.0.170/", "host"},
      {"https://198.18.0.1/", "host"},
      {"https://198.19.255.255/", "host"},
      {"https://224.0.0.1/", "host"},
      {"https://239.255.255.255/", "host"},
      {"https://240.0.0.1/", "host"},
      {"https://255.255.255.255/", "host"},
      {"https://168.63.129.16/", "host"},
      {"https://[::1]/", "host"},
      {"https://[::]/", "host"},
      {"https://[fc00::1]/", "host"},
      {"https://[fdff::1]/", "host"},
      {"https://[fe80::1]/", "host"},
      {"https://[fe80::1%25eth0]/", "host"},
      {"https://[fec0::1]/", "host"},
      {"https://[ff02::1]/", "host"},
      {"https://[::ffff:127.0.0.1]/", "host"},
      {"https://[::ffff:7f00:1]/", "host"},
      {"https://[::127.0.0.1]/", "host"},
      {"https://[64:ff9b::7f00:1]/", "host"},
      {"https://[64:ff9b:1::7f00:1]/", "host"},
      {"https://[64:ff9b::5db8:d822]/", ""},  // NAT64 of a public one
      {"https://[2002:7f00:1::]/", "host"},
      {"https://[2001:0:7f00:1::]/", "host"},
      {"https://[2001:db8::1]/", "host"},
      {"https://2130706433/", "host"},
      {"https://0177.1/", "host"},
      {"https://0x7f.1/", "host"},
      {"https://0x7f000001/", "host"},
      {"https://127.1/", "host"},
      {"https://127。0。0。1/", "host"},
      {"https://１２７.0.0.1/", "host"},
      {"https://127.0.0.1./", "host"},
      {"https://localhost/", "host"},
      {"https://LOCALHOST./", "host"},
      {"https://a.localhost/", "host"},
      {"https://user@example.com/", "user"},
      {"https://user:word@example.com/", "user"},
      {"https://@example.com/", "user"},
      {"https://example.com@127.0.0.1/", "user"},
      {"https://example.com#@127.0.0.1/", "url"},
      {"https://example.com\\@127.0.0.1/", "url"},
      {"https://example.com/\r\nHost: a", "url"},
      {"https://exa mple.com/", "url"},
      {"", "url"},
      {"https://", "url"},
      {"https://example.com:22/", "port"},
      {"https://example.com:25/", "port"},
      {"https://example.com:6379/", "port"},
      {"https://example.com:5432/", "port"},
      {"https://example.com:80/", ""},
      {"https://example.com:99999/", "url"},
      {"http://example.com/", "scheme"},
      {"file:///etc/passwd", "scheme"},
      {"gopher://example.com/", "scheme"},
      {"ftp://example.com/", "scheme"},
      {"smtp://example.com/", "scheme"},
      {"javascript:alert(1)", "url"},
      {"example.com", "url"},
      {"https://example.com/" + std::string(2'100, 'a'), "url"},
  };
  for (const Row& row : rows) EXPECT_EQ(Refused({}, row.url), row.refused) << row.url;
}

TEST(TargetTest, WhatIsJudgedIsWhatIsConnectedTo) {
  struct Row {
    std::string url;
    std::string written;
    std::string host;
    uint16_t port;
    bool literal;
  };
  const TargetRules rules{.allowed = {"127.0.0.0/8", "::1"}, .allow_http = true};
  const std::vector<Row> rows = {
      {"https://CRM.Example.COM./a?b=1", "https://crm.example.com/a?b=1", "crm.example.com", 443,
       false},
      {"http://2130706433:8080/a", "http://127.0.0.1:8080/a", "127.0.0.1", 8080, true},
      {"http://[0:0::1]:8080/", "http://[::1]:8080/", "::1", 8080, true},
  };
  for (const Row& row : rows) {
    const auto target = ReadTarget(rules, "url", row.url);
    ASSERT_TRUE(target.has_value()) << row.url;
    EXPECT_EQ(target.value().url, row.written);
    EXPECT_EQ(target.value().host, row.host);
    EXPECT_EQ(target.value().port, row.port);
    EXPECT_EQ(target.value().literal, row.literal);
  }
}

TEST(TargetTest, AnOperatorAllowsNetworks) {
  const TargetRules rules{.allowed = {"10.1.0.0/16", "fd00:1::/32"}, .allow_http = true};
  EXPECT_EQ(Refused(rules, "http://10.1.2.3/"), "");
  EXPECT_EQ(Refused(rules, "http://10.2.2.3/"), "host");
  EXPECT_EQ(Refused(rules, "http://[::ffff:10.1.2.3]/"), "");
  EXPECT_EQ(Refused(rules, "http://[fd00:1::5]/"), "");
  EXPECT_EQ(Refused(rules, "http://[fd00:2::5]/"), "host");
  EXPECT_EQ(Refused(rules, "http://10.1.2.3:6379/"), "port");
}

TEST(TargetTest, NetworksAreRead) {
  for (const char* text : {"10.0.0.0/8", "::1/128", "127.0.0.1", "0.0.0.0/0", "fd00::/8"}) {
    EXPECT_TRUE(IsNetwork(text)) << text;
  }
  for (const char* text :
       {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "a/8", "::1/129", "10/8"}) {
    EXPECT_FALSE(IsNetwork(text)) << text;
  }
}

}  // namespace
}  // namespace rebound
