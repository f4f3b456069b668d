// SPDX-License-Identifier: Apache-2.0
#include "cli/hand_over.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

base::Ip ip(std::string_view text) { return base::Ip::parse(text).value(); }

NodePorts node(std::string name, const std::vector<std::string_view>& addresses,
               std::vector<base::PortRange> ports) {
    NodePorts result{.node = std::move(name), .addresses = {}, .ports = std::move(ports)};
    for (const auto text : addresses) result.addresses.push_back(ip(text));
    return result;
}

const NodePorts n1 = node("n1", {"192.0.2.11", "2001:db8:2::11"}, {{20000, 20099}});
const NodePorts n2 = node("n2", {"192.0.2.12", "2001:db8:2::12"}, {{20100, 20199}, {30002, 30002}});
const NodePorts n3 = node("n3", {"192.0.2.13"}, {{20200, 20299}});

TEST(HandOver, names_the_other_nodes_ports_and_where_they_go) {
    const auto rules = hand_over_rules(std::vector{ip("203.0.113.10")}, n1, std::vector{n2, n3});
    ASSERT_TRUE(rules) << rules.error();
    EXPECT_EQ(
        *rules,
        R"(# Data connections that reach this machine although they are another node's go on to it.
# These rules are for n1. Make them again when a node is added or changes its ports or address.
nft -f - <<'END'
table ip ballast_nodes
delete table ip ballast_nodes
table ip ballast_nodes {
    chain node_1 {
        # n2
        ip ttl > 1 dup to 192.0.2.12
        drop
    }
    chain node_2 {
        # n3
        ip ttl > 1 dup to 192.0.2.13
        drop
    }
    chain hand_over {
        type filter hook prerouting priority raw; policy accept;
        ip daddr { 203.0.113.10 } tcp dport vmap { 20100-20199 : goto node_1, 30002 : goto node_1, 20200-20299 : goto node_2 }
    }
}
END
)");
}

TEST(HandOver, has_a_table_for_each_family_of_the_service_and_says_whom_it_leaves_out) {
    const auto rules = hand_over_rules(std::vector{ip("203.0.113.10"), ip("2001:db8:113::10")}, n1,
                                       std::vector{n2, n3});
    ASSERT_TRUE(rules) << rules.error();
    EXPECT_THAT(*rules, HasSubstr("ip6 hoplimit > 1 dup to 2001:db8:2::12\n"));
    EXPECT_THAT(*rules, HasSubstr("ip6 daddr { 2001:db8:113::10 } tcp dport vmap "
                                  "{ 20100-20199 : goto node_1, 30002 : goto node_1 }\n"));
    EXPECT_THAT(*rules, HasSubstr("# n3 has no IPv6 address, so its connections over IPv6 are left "
                                  "as they are.\n"));
    EXPECT_THAT(*rules, Not(HasSubstr("IPv4")));
}

TEST(HandOver, of_any_address_means_those_of_the_machine_but_the_nodes_own) {
    const auto rules = hand_over_rules(std::vector{ip("0.0.0.0")}, n1, std::vector{n2});
    ASSERT_TRUE(rules) << rules.error();
    EXPECT_THAT(*rules, HasSubstr("        ip daddr != 192.0.2.11 fib daddr type local tcp dport "
                                  "vmap { 20100-20199 : goto node_1, 30002 : goto node_1 }\n"));
    EXPECT_THAT(*rules, Not(HasSubstr("ip6")));
}

TEST(HandOver, a_name_cannot_add_a_rule) {
    auto other = n2;
    other.node = "n2\nflush ruleset";
    const auto rules = hand_over_rules(std::vector{ip("203.0.113.10")}, n1, std::vector{other});
    ASSERT_TRUE(rules) << rules.error();
    EXPECT_THAT(*rules, HasSubstr("        # n2\\x0aflush ruleset\n"));
}

TEST(HandOver, without_others_takes_former_rules_away) {
    const auto rules = hand_over_rules(std::vector{ip("203.0.113.10")}, n1, {});
    ASSERT_TRUE(rules) << rules.error();
    EXPECT_THAT(*rules, HasSubstr("delete table ip ballast_nodes\nEND\n"));
}

TEST(HandOver, is_as_the_page_shows_it) {
    const auto first = node("n1", {"192.0.2.11", "2001:db8:2::11"}, {{20000, 20099}});
    const std::vector others = {node("n2", {"192.0.2.12", "2001:db8:2::12"}, {{20100, 20199}}),
                                node("n3", {"192.0.2.13", "2001:db8:2::13"}, {{20200, 20299}})};
    const std::vector service = {ip("203.0.113.10"), ip("2001:db8:113::10")};
    const auto rules = hand_over_rules(service, first, others);
    ASSERT_TRUE(rules) << rules.error();
    std::ifstream file(SOURCE_ROOT "/docs/scaling.md");
    const std::string page(std::istreambuf_iterator<char>(file), {});
    EXPECT_THAT(page, HasSubstr("```sh\n" + *rules + "```\n"));
}

TEST(HandOver, refuses_nodes_that_share_a_port) {
    const auto near = hand_over_rules({}, n1, std::vector{node("n4", {}, {{20099, 20150}})});
    ASSERT_FALSE(near);
    EXPECT_EQ(near.error(),
              "n1 has the ports 20000-20099 and n4 has 20099-20150: give each node passive_ports "
              "and active_source_port of its own");
    const auto among_others =
        hand_over_rules({}, n1, std::vector{n2, n3, node("n4", {}, {{30000, 30010}})});
    ASSERT_FALSE(among_others);
    EXPECT_THAT(among_others.error(), HasSubstr("n2 has the ports 30002 and n4 has 30000-30010"));
}

}  // namespace
}  // namespace ballast::cli
