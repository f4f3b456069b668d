// SPDX-License-Identifier: Apache-2.0
#include "session/announce.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::session {
namespace {

base::Ip ip(const char* text) { return base::Ip::parse(text).value(); }
config::AnnounceRule rule(const char* network, const char* address) {
    config::AnnounceRule made;
    if (network != nullptr) made.network = base::Subnet::parse(network);
    if (address != nullptr) made.address = ip(address);
    return made;
}

TEST(Announce, tells_where_the_client_connected_to_without_rules) {
    EXPECT_EQ(announced_address({}, ip("203.0.113.9"), ip("10.0.0.1")), ip("10.0.0.1"));
}

TEST(Announce, follows_the_first_rule_that_holds_the_client) {
    const std::vector<config::AnnounceRule> rules = {rule("10.0.0.0/8", nullptr),
                                                     rule("192.168.0.0/16", "192.168.1.1"),
                                                     rule(nullptr, "203.0.113.21")};
    EXPECT_EQ(announced_address(rules, ip("10.1.2.3"), ip("10.0.0.1")), ip("10.0.0.1"));
    EXPECT_EQ(announced_address(rules, ip("192.168.7.7"), ip("10.0.0.1")), ip("192.168.1.1"));
    EXPECT_EQ(announced_address(rules, ip("198.51.100.7"), ip("10.0.0.1")), ip("203.0.113.21"));
}

TEST(Announce, falls_back_to_the_local_address_when_no_rule_holds_the_client) {
    const std::vector<config::AnnounceRule> rules = {rule("10.0.0.0/8", "203.0.113.21")};
    EXPECT_EQ(announced_address(rules, ip("198.51.100.7"), ip("10.0.0.1")), ip("10.0.0.1"));
}

}  // namespace
}  // namespace ballast::session
