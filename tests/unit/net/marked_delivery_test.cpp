// SPDX-License-Identifier: Apache-2.0
#include "net/marked_delivery.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace ballast::net {
namespace {

using Answer = MarkedDelivery::Answer;
using base::Family;
using Bytes = std::vector<std::byte>;

// Of Linux 6.18, after
//   ip rule add fwmark 0x1/0xff lookup 100
//   ip rule add not fwmark 0x7 lookup 300
//   ip rule add fwmark 0x9 prohibit
//   ip route add local 0.0.0.0/0 dev lo table 100
//   ip -6 rule add fwmark 0x2 lookup 200
//   ip -6 route add local ::/0 dev lo table 200
constexpr std::string_view rules_v4 =
    "340000002000020000000000ca3e000002000000ff0000010000000008000f00ff00000008000e00"
    "ffffffff05001500020000004c0000002000020000000000ca3e0000020000000000000800000000"
    "08000f000000000008000e00ffffffff050015000000000008000600fb7f000008000a0009000000"
    "08001000ffffffff4c0000002000020000000000ca3e000002000000fc0000010200000008000f00"
    "2c01000008000e00ffffffff050015000000000008000600fc7f000008000a000700000008001000"
    "ffffffff4c0000002000020000000000ca3e000002000000640000010000000008000f0064000000"
    "08000e00ffffffff050015000000000008000600fd7f000008000a000100000008001000ff000000"
    "3c0000002000020000000000ca3e000002000000fe0000010000000008000f00fe00000008000e00"
    "ffffffff050015000200000008000600fe7f00003c0000002000020000000000ca3e000002000000"
    "fd0000010000000008000f00fd00000008000e00ffffffff050015000200000008000600ff7f0000"
    "140000000300020000000000ca3e000000000000";
constexpr std::string_view routes_v4 =
    "2c0000001800020000000000ca3e0000020000006403fe020000000008000f006400000008000400"
    "010000003c0000001800020000000000ca3e000002080000ff02fe020000000008000f00ff000000"
    "080001007f000000080007007f00000108000400010000003c0000001800020000000000ca3e0000"
    "02200000ff02fe020000000008000f00ff000000080001007f000001080007007f00000108000400"
    "010000003c0000001800020000000000ca3e000002200000ff02fd030000000008000f00ff000000"
    "080001007fffffff080007007f0000010800040001000000";
constexpr std::string_view rules_v6 =
    "340000002000020000000000ca3e00000a000000ff0000010000000008000f00ff00000008000e00"
    "ffffffff05001500020000004c0000002000020000000000ca3e00000a000000c800000100000000"
    "08000f00c800000008000e00ffffffff050015000000000008000600fd7f000008000a0002000000"
    "08001000ffffffff3c0000002000020000000000ca3e00000a000000fe0000010000000008000f00"
    "fe00000008000e00ffffffff050015000200000008000600fe7f0000140000000300020000000000"
    "ca3e000000000000";
constexpr std::string_view routes_v6 =
    "600000001800020000000000ca3e00000a000000c80300020000000008000f00c800000008000600"
    "00040000080004000100000024000c00000000000000000000000000000000000000000000000000"
    "00000000000000000500140000000000740000001800020000000000ca3e00000a800000ff020002"
    "0000000008000f00ff00000014000100000000000000000000000000000000010800060000000000"
    "080004000100000024000c0000000000000000000000000000000000000000000000000000000000"
    "000000000500140000000000";
constexpr std::string_view done = "1400000003000200000000007114000000000000";

Bytes bytes_of(std::string_view hex) {
    Bytes bytes;
    for (std::size_t i = 0; i + 2 <= hex.size(); i += 2)
        bytes.push_back(std::byte(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return bytes;
}

template <typename Fixed>
void append(Bytes& bytes, const Fixed& value) {
    const auto* const from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
}

struct Attribute {
    std::uint16_t type;
    std::uint32_t value;
};

template <typename Fixed>
Bytes message(std::uint16_t type, const Fixed& fixed, const std::vector<Attribute>& attributes) {
    Bytes body;
    append(body, fixed);
    for (const auto& [of, value] : attributes) {
        append(body, rtattr{RTA_LENGTH(sizeof value), of});
        append(body, value);
    }
    Bytes bytes;
    append(bytes, nlmsghdr{.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + body.size()),
                           .nlmsg_type = type,
                           .nlmsg_flags = NLM_F_MULTI,
                           .nlmsg_seq = 0,
                           .nlmsg_pid = 0});
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
}

/// `fwmark MARK lookup 100`
Bytes rule(const std::vector<Attribute>& attributes, std::uint32_t flags = 0,
           std::uint8_t action = FR_ACT_TO_TBL, std::uint8_t family = AF_INET) {
    fib_rule_hdr head{};
    head.family = family;
    head.action = action;
    head.flags = flags;
    return message(RTM_NEWRULE, head, attributes);
}

/// `local default table TABLE`
Bytes route(std::uint32_t table, std::uint8_t type = RTN_LOCAL, std::uint8_t bits = 0,
            std::uint8_t family = AF_INET) {
    rtmsg head{};
    head.rtm_family = family;
    head.rtm_type = type;
    head.rtm_dst_len = bits;
    return message(RTM_NEWROUTE, head, {{RTA_TABLE, table}});
}

/// Whether packets with mark 3 are delivered by this rule and this route.
bool delivers(const Bytes& rules, const Bytes& routes) {
    MarkedDelivery delivery(Family::ipv4, 3);
    EXPECT_EQ(delivery.read_rules(rules), Answer::goes_on);
    EXPECT_EQ(delivery.read_routes(routes), Answer::goes_on);
    return delivery.is_delivered();
}

bool delivers_in_transcript(Family family, std::uint32_t mark) {
    MarkedDelivery delivery(family, mark);
    const bool is_v4 = family == Family::ipv4;
    EXPECT_EQ(delivery.read_rules(bytes_of(is_v4 ? rules_v4 : rules_v6)), Answer::done);
    EXPECT_EQ(delivery.read_routes(bytes_of(is_v4 ? routes_v4 : routes_v6)), Answer::goes_on);
    EXPECT_EQ(delivery.read_routes(bytes_of(done)), Answer::done);
    return delivery.is_delivered();
}

TEST(MarkedDelivery, reads_what_a_kernel_says) {
    EXPECT_TRUE(delivers_in_transcript(Family::ipv4, 0x1));
    EXPECT_TRUE(delivers_in_transcript(Family::ipv4, 0xa01));  // the rule's mask is 0xff
    EXPECT_FALSE(delivers_in_transcript(Family::ipv4, 0x3));
    EXPECT_FALSE(delivers_in_transcript(Family::ipv4, 0x9));
    EXPECT_FALSE(delivers_in_transcript(Family::ipv4, 0));
    EXPECT_TRUE(delivers_in_transcript(Family::ipv6, 0x2));
    EXPECT_FALSE(delivers_in_transcript(Family::ipv6, 0x102));  // the whole mark counts
    EXPECT_FALSE(delivers_in_transcript(Family::ipv6, 0x1));
    EXPECT_FALSE(delivers_in_transcript(Family::ipv6, 0x3));
}

TEST(MarkedDelivery, needs_a_rule_for_the_mark) {
    const auto local = route(100);
    EXPECT_TRUE(delivers(rule({{FRA_FWMARK, 3}, {FRA_TABLE, 100}}), local));
    EXPECT_TRUE(delivers(rule({{FRA_TABLE, 100}, {FRA_FWMASK, ~0U}, {FRA_FWMARK, 3}}), local));
    EXPECT_TRUE(delivers(rule({{FRA_FWMARK, 1}, {FRA_FWMASK, 1}, {FRA_TABLE, 100}}), local));
    EXPECT_FALSE(delivers(rule({{FRA_FWMARK, 1}, {FRA_FWMASK, 3}, {FRA_TABLE, 100}}), local));
    EXPECT_FALSE(delivers(rule({{FRA_FWMARK, 1}, {FRA_TABLE, 100}}), local));
    EXPECT_FALSE(delivers(rule({{FRA_FWMARK, 7}, {FRA_TABLE, 100}}), local));
    EXPECT_FALSE(delivers(rule({{FRA_TABLE, 100}}), local));
    EXPECT_FALSE(delivers(rule({{FRA_FWMARK, 3}}), local));
    EXPECT_FALSE(delivers({}, local));
}

TEST(MarkedDelivery, heeds_what_the_rule_does) {
    const std::vector<Attribute> marked = {{FRA_FWMARK, 3}, {FRA_TABLE, 100}};
    EXPECT_FALSE(delivers(rule(marked, FIB_RULE_INVERT), route(100)));
    EXPECT_TRUE(delivers(rule({{FRA_FWMARK, 4}, {FRA_TABLE, 100}}, FIB_RULE_INVERT), route(100)));
    EXPECT_FALSE(delivers(rule(marked, 0, FR_ACT_PROHIBIT), route(100)));
    EXPECT_FALSE(delivers(rule(marked, 0, FR_ACT_GOTO), route(100)));
}

TEST(MarkedDelivery, needs_a_local_default_route_in_the_rules_table) {
    const auto marked = rule({{FRA_FWMARK, 3}, {FRA_TABLE, 1000}});
    EXPECT_TRUE(delivers(marked, route(1000)));
    EXPECT_FALSE(delivers(marked, route(100)));
    EXPECT_FALSE(delivers(marked, route(1000, RTN_UNICAST)));
    EXPECT_FALSE(delivers(marked, route(1000, RTN_LOCAL, 8)));
    EXPECT_FALSE(delivers(marked, {}));
}

TEST(MarkedDelivery, ignores_the_other_family) {
    // Without IPv6, the kernel answers with all that it has.
    const std::vector<Attribute> marked = {{FRA_FWMARK, 3}, {FRA_TABLE, 100}};
    EXPECT_FALSE(delivers(rule(marked, 0, FR_ACT_TO_TBL, AF_INET6), route(100)));
    EXPECT_FALSE(delivers(rule(marked), route(100, RTN_LOCAL, 0, AF_INET6)));
}

TEST(MarkedDelivery, reads_many_messages_and_datagrams) {
    auto rules = rule({{FRA_FWMARK, 9}, {FRA_TABLE, 9}});
    const auto second = rule({{FRA_FWMARK, 3}, {FRA_TABLE, 100}});
    rules.insert(rules.end(), second.begin(), second.end());
    MarkedDelivery delivery(Family::ipv4, 3);
    EXPECT_EQ(delivery.read_rules({}), Answer::goes_on);
    EXPECT_EQ(delivery.read_rules(rules), Answer::goes_on);
    EXPECT_EQ(delivery.read_rules(bytes_of(done)), Answer::done);
    EXPECT_EQ(delivery.read_routes(route(9, RTN_UNICAST)), Answer::goes_on);
    EXPECT_FALSE(delivery.is_delivered());
    EXPECT_EQ(delivery.read_routes(route(100)), Answer::goes_on);
    EXPECT_EQ(delivery.read_routes(route(9, RTN_UNICAST)), Answer::goes_on);
    EXPECT_TRUE(delivery.is_delivered());
}

TEST(MarkedDelivery, skips_messages_of_another_kind) {
    auto other = rule({{FRA_FWMARK, 3}, {FRA_TABLE, 100}});
    const std::uint16_t noop = NLMSG_NOOP;
    std::memcpy(other.data() + offsetof(nlmsghdr, nlmsg_type), &noop, sizeof noop);
    EXPECT_FALSE(delivers(other, route(100)));
    EXPECT_FALSE(delivers(route(100), route(100)));
}

TEST(MarkedDelivery, says_that_the_kernel_refuses) {
    MarkedDelivery delivery(Family::ipv4, 3);
    const auto refusal = message(NLMSG_ERROR, nlmsgerr{}, {});
    EXPECT_EQ(delivery.read_rules(refusal), Answer::failed);
    EXPECT_EQ(delivery.read_routes(refusal), Answer::failed);
}

TEST(MarkedDelivery, reads_nothing_behind_the_end) {
    const auto rules = bytes_of(rules_v4);
    const auto routes = bytes_of(routes_v4);
    bool is_delivered = false;
    // Each has its own memory, so that a sanitizer sees a byte too many.
    for (std::size_t size = 0; size < rules.size(); ++size) {
        MarkedDelivery delivery(Family::ipv4, 1);
        const Bytes cut(rules.begin(), rules.begin() + static_cast<std::ptrdiff_t>(size));
        // NLMSG_DONE is known by its type, in the last header.
        const bool has_end = size >= rules.size() - sizeof(int);
        EXPECT_EQ(delivery.read_rules(cut) == Answer::done, has_end) << size;
        (void)delivery.read_routes(routes);
        if (is_delivered) EXPECT_TRUE(delivery.is_delivered()) << size;
        is_delivered = delivery.is_delivered();
    }
    EXPECT_TRUE(is_delivered);
}

TEST(MarkedDelivery, survives_wrong_lengths) {
    const auto rules = bytes_of(rules_v4);
    const auto routes = bytes_of(routes_v4);
    for (const auto value : {0, 1, 3, 4, 15, 16, 17, 0x7f, 0x80, 0xff})
        for (std::size_t i = 0; i < rules.size(); ++i) {
            MarkedDelivery delivery(Family::ipv4, 1);
            auto changed = rules;
            changed[i] = std::byte(value);
            (void)delivery.read_rules(changed);
            changed = routes;
            changed[i % changed.size()] = std::byte(value);
            (void)delivery.read_routes(changed);
        }
    // A length below its own header must not be read for ever.
    for (const std::uint32_t length : {0U, 15U, 0xffff'ffffU}) {
        auto wrong = rule({{FRA_FWMARK, 3}, {FRA_TABLE, 100}});
        std::memcpy(wrong.data(), &length, sizeof length);
        MarkedDelivery delivery(Family::ipv4, 3);
        EXPECT_EQ(delivery.read_rules(wrong), Answer::failed);
    }
    for (const auto length : std::to_array<std::uint16_t>({0, 3, 7, 9, 0xffff})) {
        auto wrong = rule({{FRA_FWMARK, 3}, {FRA_TABLE, 100}});
        std::memcpy(wrong.data() + sizeof(nlmsghdr) + sizeof(fib_rule_hdr), &length, sizeof length);
        EXPECT_FALSE(delivers(wrong, route(100))) << length;
    }
}

}  // namespace
}  // namespace ballast::net
