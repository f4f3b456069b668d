// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <gtest/gtest.h>
#include <unordered_set>

namespace ballast::base {
namespace {

TEST(IpTest, text_is_read_and_written_in_the_shortest_form) {
    const struct {
        const char* text;
        const char* written;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"0:0:0:0:0:0:0:1", "::1"},
    };
    for (const auto& row : rows) {
        const auto ip = Ip::parse(row.text);
        ASSERT_TRUE(ip) << row.text;
        EXPECT_EQ(to_string(*ip), row.written);
    }
}

TEST(IpTest, text_that_is_not_an_address_is_refused) {
    using namespace std::string_view_literals;
    for (const auto text : {""sv,
                            "localhost"sv,
                            "192.0.2"sv,
                            "192.0.2.256"sv,
                            "192.0.2.1 "sv,
                            " 192.0.2.1"sv,
                            "192.0.2.01"sv,
                            "0xC0.0.2.1"sv,
                            "3221225985"sv,
                            "192.0.2.1%1"sv,
                            "192.0.2.1%0"sv,
                            "[::1]"sv,
                            "::1%"sv,
                            "::1%no-such-link"sv,
                            "fe80::1%1%2"sv,
                            "1::2::3"sv,
                            ":::"sv,
                            "::g"sv,
                            "192.0.2.1\0"sv,
                            "::1%1\0"sv}) {
        EXPECT_FALSE(Ip::parse(text)) << text;
    }
    EXPECT_FALSE(Ip::parse(std::string(1000, '1')));
}

TEST(IpTest, a_mapped_address_is_the_ipv4_host_that_it_names) {
    const auto mapped = Ip::parse("::ffff:192.0.2.1");
    ASSERT_TRUE(mapped);
    EXPECT_TRUE(mapped->is_v4());
    EXPECT_EQ(mapped, Ip::parse("192.0.2.1"));
    EXPECT_EQ(mapped, Ip::parse("::ffff:c000:201"));
    EXPECT_FALSE(Ip::parse("::192.0.2.1")->is_v4());
}

TEST(IpTest, a_scope_is_kept_and_tells_addresses_apart) {
    const auto scoped = Ip::parse("fe80::1%1");
    ASSERT_TRUE(scoped);
    EXPECT_EQ(scoped->scope(), 1U);
    EXPECT_EQ(to_string(*scoped), "fe80::1%1");
    EXPECT_NE(scoped, Ip::parse("fe80::1"));
    EXPECT_EQ(Ip::parse("fe80::1%lo")->scope(), 1U);
}

TEST(IpTest, addresses_tell_where_they_are_reachable) {
    const struct {
        const char* text;
        bool loopback;
        bool is_private;
    } rows[] = {
        {"127.0.0.1", true, true},
        {"127.255.0.9", true, true},
        {"::1", true, true},
        {"10.0.0.1", false, true},
        {"172.15.0.1", false, false},
        {"172.16.0.1", false, true},
        {"172.31.255.255", false, true},
        {"172.32.0.0", false, false},
        {"192.168.9.9", false, true},
        {"192.169.0.1", false, false},
        {"169.254.1.1", false, true},
        {"100.63.255.255", false, false},
        {"100.64.0.1", false, true},
        {"100.127.255.255", false, true},
        {"100.128.0.0", false, false},
        {"203.0.113.1", false, false},
        {"fc00::1", false, true},
        {"fdff::1", false, true},
        {"fe00::1", false, false},
        {"fe80::1", false, true},
        {"febf::1", false, true},
        {"fec0::1", false, false},
        {"2001:db8::1", false, false},
        {"::2", false, false},
        {"1::1", false, false},
        {"::ffff:10.1.2.3", false, true},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(Ip::parse(row.text)->is_loopback(), row.loopback) << row.text;
        EXPECT_EQ(Ip::parse(row.text)->is_private(), row.is_private) << row.text;
    }
}

TEST(IpTest, recognizes_the_wildcard_of_a_family) {
    EXPECT_TRUE(Ip::any(Family::ipv4).is_any());
    EXPECT_TRUE(Ip::any(Family::ipv6).is_any());
    EXPECT_TRUE(Ip::any(Family::ipv4).is_v4());
    EXPECT_EQ(Ip::any(Family::ipv6).family(), Family::ipv6);
    EXPECT_NE(Ip::any(Family::ipv4), Ip::any(Family::ipv6));
    EXPECT_EQ(Ip{}, Ip::any(Family::ipv4));
    EXPECT_FALSE(Ip::parse("::1")->is_any());
}

TEST(AddressTest, text_survives_reading_and_writing) {
    for (const auto* text :
         {"192.0.2.1:21", "0.0.0.0:0", "[2001:db8::1]:65535", "[::]:21", "[fe80::1%1]:2121"}) {
        const auto address = Address::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(to_string(*address), text);
    }
    EXPECT_EQ(to_string(*Address::parse("[::ffff:192.0.2.1]:21")), "192.0.2.1:21");
}

TEST(AddressTest, text_that_is_not_an_address_and_port_is_refused) {
    for (const auto* text : {"",
                             ":",
                             ":21",
                             "192.0.2.1",
                             "192.0.2.1:",
                             "192.0.2.1:65536",
                             "192.0.2.1:+21",
                             "192.0.2.1:-1",
                             "192.0.2.1: 21",
                             "192.0.2.1:21 ",
                             "192.0.2.1:2x",
                             "::1:21",
                             "[::1]",
                             "[::1]21",
                             "[192.0.2.1]:21",
                             "[::1:21",
                             "::1]:21",
                             "[]:21",
                             "host:21",
                             "[[::1]]:21"}) {
        EXPECT_FALSE(Address::parse(text)) << text;
    }
}

TEST(AddressTest, equal_addresses_hash_alike_and_others_do_not) {
    std::unordered_set<Address> seen;
    seen.insert(*Address::parse("192.0.2.1:21"));
    EXPECT_TRUE(seen.contains(*Address::parse("[::ffff:192.0.2.1]:21")));
    EXPECT_FALSE(seen.contains(*Address::parse("192.0.2.1:22")));
    EXPECT_FALSE(seen.contains(*Address::parse("192.0.2.2:21")));
    EXPECT_FALSE(std::unordered_set<Ip>{Ip::any(Family::ipv4)}.contains(Ip::any(Family::ipv6)));
}

}  // namespace
}  // namespace ballast::base
