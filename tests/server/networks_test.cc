#include "server/access/networks.h"

#include <gtest/gtest.h>

namespace rebound {
namespace {

Networks NetworksOf(const std::vector<std::string>& texts) {
  std::string wrong;
  auto networks = Networks::Parse(texts, &wrong);
  EXPECT_TRUE(networks) << wrong;
  return networks.value_or(Networks());
}

TEST(NetworksTest, ContainWhatSharesThePrefix) {
  const Networks networks = NetworksOf({"10.1.0.0/16", "192.0.2.7", "fd00::/8", "::1"});
  for (const char* inside :
       {"10.1.0.0", "10.1.255.255", "192.0.2.7", "::ffff:10.1.2.3", "fd12::9", "::1"}) {
    EXPECT_TRUE(networks.Contains(inside)) << inside;
  }
  for (const char* outside :
       {"10.2.0.0", "192.0.2.8", "fe80::1", "::2", "unix", "", "10.1.0.0/16", "ten"}) {
    EXPECT_FALSE(networks.Contains(outside)) << outside;
  }
  EXPECT_TRUE(NetworksOf({"0.0.0.0/0"}).Contains("203.0.113.9"));
  EXPECT_FALSE(NetworksOf({"0.0.0.0/0"}).Contains("2001:db8::1"));
  EXPECT_TRUE(NetworksOf({"unix"}).Contains("unix"));
  EXPECT_TRUE(Networks().empty());
}

TEST(NetworksTest, WhatIsNoneIsNamed) {
  for (const char* bad : {"", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/", "10.1.0.0/8x",
                          "10.1.0.1/16", "::1/64", "fd00::/129", "proxy.example", "10.1", "*"}) {
    std::string wrong;
    EXPECT_FALSE(Networks::Parse({"127.0.0.1", bad}, &wrong)) << bad;
    EXPECT_EQ(wrong, bad);
  }
}

TEST(NetworksTest, OnlyAProxySpeaksForAnother) {
  const Networks proxies = NetworksOf({"127.0.0.1", "10.0.0.0/8"});
  EXPECT_EQ(ForwardedAddress(proxies, "198.51.100.1", "203.0.113.9"), "198.51.100.1");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", ""), "127.0.0.1");
  EXPECT_EQ(ForwardedAddress({}, "127.0.0.1", "203.0.113.9"), "127.0.0.1");
}

TEST(NetworksTest, WhatStrangersWroteInFrontIsNotBelieved) {
  const Networks proxies = NetworksOf({"127.0.0.1", "10.0.0.0/8"});
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "1.1.1.1, 203.0.113.9,10.3.2.1"), "203.0.113.9");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "10.1.1.1, 10.3.2.1"), "10.1.1.1");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "203.0.113.9, nonsense"), "127.0.0.1");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "nonsense, 10.3.2.1"), "10.3.2.1");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", ",,"), "127.0.0.1");
  // As the gateway hands on a byte of no ASCII.
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "?, 203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(ForwardedAddress(proxies, "127.0.0.1", "203.0.113.9, ?"), "127.0.0.1");
}

}  // namespace
}  // namespace rebound
