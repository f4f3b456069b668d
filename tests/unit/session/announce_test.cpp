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

base::Ip announced(std::span<const config::AnnounceRule> rules, const char* client) {
    return announced_address(rules, ip(client), ip("10.0.0.1"), PublicNames()).value();
}

TEST(Announce, without_rules_uses_the_address_that_the_client_connected_to) {
    EXPECT_EQ(announced({}, "203.0.113.9"), ip("10.0.0.1"));
}

TEST(Announce, uses_the_first_rule_that_contains_the_client) {
    const std::vector<config::AnnounceRule> rules = {rule("10.0.0.0/8", nullptr),
                                                     rule("192.168.0.0/16", "192.168.1.1"),
                                                     rule(nullptr, "203.0.113.21")};
    EXPECT_EQ(announced(rules, "10.1.2.3"), ip("10.0.0.1"));
    EXPECT_EQ(announced(rules, "192.168.7.7"), ip("192.168.1.1"));
    EXPECT_EQ(announced(rules, "198.51.100.7"), ip("203.0.113.21"));
}

TEST(Announce, uses_the_local_address_if_no_rule_contains_the_client) {
    const std::vector<config::AnnounceRule> rules = {rule("10.0.0.0/8", "203.0.113.21")};
    EXPECT_EQ(announced(rules, "198.51.100.7"), ip("10.0.0.1"));
}

TEST(Announce, follows_a_name_whose_address_changes) {
    std::vector<config::AnnounceRule> rules = {rule("10.0.0.0/8", nullptr), rule(nullptr, nullptr)};
    rules[1].name = "ftp.example.org";
    PublicNames names;
    const auto told = [&](const char* client) {
        return announced_address(rules, ip(client), ip("10.0.0.1"), names);
    };
    names.set("other.example.org", ip("203.0.113.9"));
    EXPECT_EQ(told("198.51.100.7"), std::nullopt);
    EXPECT_EQ(told("10.1.2.3"), ip("10.0.0.1"));
    names.set("ftp.example.org", ip("203.0.113.21"));
    EXPECT_EQ(told("198.51.100.7"), ip("203.0.113.21"));
    names.set("ftp.example.org", ip("203.0.113.22"));
    EXPECT_EQ(told("198.51.100.7"), ip("203.0.113.22"));
}

}  // namespace
}  // namespace ballast::session
