// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::net {
namespace {

using base::Address;

Address at(const char* text) { return Address::parse(text).value(); }

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

TEST(ProxyHeader, version_1_is_a_line) {
    EXPECT_EQ(proxy_header_v1(at("198.51.100.7:50000"), at("192.0.2.1:21")),
              "PROXY TCP4 198.51.100.7 192.0.2.1 50000 21\r\n");
    EXPECT_EQ(proxy_header_v1(at("[2001:db8::7]:50000"), at("[2001:db8::1]:990")),
              "PROXY TCP6 2001:db8::7 2001:db8::1 50000 990\r\n");
    // What a link is called here means nothing there.
    Address linked = at("[fe80::7]:50000");
    linked.ip = base::Ip::from_v6(linked.ip.bytes(), 3);
    EXPECT_EQ(proxy_header_v1(linked, at("[fe80::1]:21")),
              "PROXY TCP6 fe80::7 fe80::1 50000 21\r\n");
    EXPECT_EQ(own_proxy_header_v1(), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeader, version_2_is_bytes) {
    EXPECT_EQ(proxy_header_v2(at("198.51.100.7:50000"), at("192.0.2.1:21")),
              signature + std::string("\x21\x11\0\x0c"
                                      "\xc6\x33\x64\x07\xc0\0\x02\x01\xc3\x50\0\x15",
                                      16));
    const auto v6 = proxy_header_v2(at("[2001:db8::7]:50000"), at("[2001:db8::1]:21"));
    EXPECT_EQ(v6.size(), 12U + 4 + 36);
    EXPECT_EQ(v6.substr(0, 16), signature + std::string("\x21\x21\0\x24", 4));
    EXPECT_EQ(v6.substr(16, 4), "\x20\x01\x0d\xb8");
    EXPECT_EQ(v6[31], '\x07');
    EXPECT_EQ(v6[47], '\x01');
    EXPECT_EQ(v6.substr(48), std::string("\xc3\x50\0\x15", 4));
    EXPECT_EQ(own_proxy_header_v2(), signature + std::string("\x20\0\0\0", 4));
}

}  // namespace
}  // namespace ballast::net
