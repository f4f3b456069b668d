// SPDX-License-Identifier: Apache-2.0
#include "session/data_path.h"

#include "session/passive_way.h"

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace ballast::session {
namespace {

TEST(DataPath, the_kernel_carries_what_needs_nothing_of_ballast) { EXPECT_EQ(why_relayed({}), ""); }

TEST(DataPath, each_need_of_ballast_has_its_own_reason) {
    const PathFacts each[] = {
        {.is_forwarding = false}, {.client_is_protected = true}, {.backend_is_protected = true},
        {.follows_client = true}, {.may_be_resumed = true},      {.is_limited = true},
        {.is_proxied = true},     {.has_open_peer = true},       {.is_third_party = true},
        {.is_transparent = true}, {.sends_proxy = true},         {.has_two_families = true},
        {.is_near = true},        {.lacks_port = true},
    };
    std::set<std::string> reasons;
    for (const auto& facts : each) {
        const std::string reason(why_relayed(facts));
        EXPECT_NE(reason, "");
        EXPECT_TRUE(reasons.insert(reason).second) << reason;
    }
}

base::Ip ip(const char* text) { return *base::Ip::parse(text); }

std::optional<nat::Way> way_to(const char* named, const char* client = "192.0.2.2") {
    const bool is_v4 = ip(client).is_v4();
    return passive_way({.client = ip(client),
                        .told = {ip(is_v4 ? "192.0.2.1" : "2001:db8:1::1"), 20000},
                        .named = {ip(named), 40000},
                        .source = ip(is_v4 ? "198.51.100.1" : "2001:db8:2::1")});
}

TEST(PassiveWay, leads_from_the_client_to_the_backend_with_our_address) {
    const nat::Way way{.from = ip("192.0.2.2"),
                       .at = {ip("192.0.2.1"), 20000},
                       .to = {ip("198.51.100.11"), 40000},
                       .source = {ip("198.51.100.1"), 0}};
    EXPECT_EQ(way_to("198.51.100.11"), way);
    EXPECT_TRUE(way_to("2001:db8:2::11", "2001:db8:1::2"));
}

TEST(PassiveWay, leads_to_no_other_family) {
    EXPECT_FALSE(way_to("2001:db8:2::11"));
    EXPECT_FALSE(way_to("198.51.100.11", "2001:db8:1::2"));
}

TEST(PassiveWay, leads_neither_here_nor_to_many) {
    for (const char* const named : {"192.0.2.1", "198.51.100.1", "127.0.0.1", "0.0.0.0",
                                    "224.0.0.1", "255.255.255.255", "240.0.0.1"})
        EXPECT_FALSE(way_to(named)) << named;
    for (const char* const named : {"::", "::1", "ff02::1", "2001:db8:1::1", "2001:db8:2::1"})
        EXPECT_FALSE(way_to(named, "2001:db8:1::2")) << named;
}

}  // namespace
}  // namespace ballast::session
