// SPDX-License-Identifier: Apache-2.0
#include "base/subnet.h"

#include <gtest/gtest.h>

namespace ballast::base {
namespace {

TEST(SubnetTest, text_is_read_and_written_back) {
    const struct {
        const char* text;
        const char* written;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"192.0.2.1", "192.0.2.1/32"},
        {"192.0.2.128/25", "192.0.2.128/25"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"2001:db8::1", "2001:db8::1/128"},
        {"::/0", "::/0"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {"::ffff:192.0.2.1", "192.0.2.1/32"},
        {"::ffff:0.0.0.0/96", "0.0.0.0/0"},
    };
    for (const auto& row : rows) {
        const auto subnet = Subnet::parse(row.text);
        ASSERT_TRUE(subnet) << row.text;
        EXPECT_EQ(to_string(*subnet), row.written);
        EXPECT_EQ(Subnet::parse(row.written), subnet);
    }
}

TEST(SubnetTest, text_that_is_not_a_block_is_refused) {
    for (const auto* text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "0.0.0.0/-0", "10.0.0.0/+8",
          "10.0.0.0/8 ", "10.0.0.0 /8", "10.0.0.0/8/8", "10/8", "::/129", "10.0.0.0/255.0.0.0",
          "10.0.0.0/99999999999", "all", "fe80::%1/64", "fe80::1%1"}) {
        EXPECT_FALSE(Subnet::parse(text)) << text;
    }
}

TEST(SubnetTest, bits_behind_the_prefix_are_refused) {
    for (const auto* text : {"10.0.0.1/8", "10.0.0.0/6", "0.0.0.1/0", "192.0.2.129/25",
                             "2001:db8::1/64", "2001:db8::/28", "::ffff:10.0.0.1/104"}) {
        EXPECT_FALSE(Subnet::parse(text)) << text;
    }
}

TEST(SubnetTest, the_prefix_of_a_mapped_block_counts_the_bits_of_the_mapping) {
    // ::ffff:10.0.0.0/8 would be nearly the whole of IPv6, not 10.0.0.0/8.
    EXPECT_FALSE(Subnet::parse("::ffff:10.0.0.0/8"));
    EXPECT_FALSE(Subnet::parse("::ffff:0.0.0.0/32"));
}

TEST(SubnetTest, a_block_holds_its_first_and_last_address_but_no_neighbour) {
    const struct {
        const char* subnet;
        const char* ip;
        bool inside;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.255", true},
        {"192.0.2.4/31", "192.0.2.5", true},
        {"192.0.2.4/31", "192.0.2.6", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::/0", "2001:db8::1", true},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"fe80::/10", "fe80::1%1", true},
    };
    for (const auto& row : rows)
        EXPECT_EQ(Subnet::parse(row.subnet)->contains(*Ip::parse(row.ip)), row.inside)
            << row.subnet << ' ' << row.ip;
}

TEST(SubnetTest, a_block_holds_no_addresses_of_the_other_family) {
    EXPECT_FALSE(Subnet::parse("0.0.0.0/0")->contains(*Ip::parse("::")));
    EXPECT_FALSE(Subnet::parse("::/0")->contains(*Ip::parse("0.0.0.0")));
}

}  // namespace
}  // namespace ballast::base
