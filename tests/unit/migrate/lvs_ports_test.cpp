// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_ports.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::migrate {
namespace {

/// A virtual server at each of these ports. Those above 30000 lead to other servers' data ports.
std::vector<LvsService> services_at(const std::vector<std::uint16_t>& ports) {
    std::vector<LvsService> services;
    for (const auto port : ports) {
        const auto ip = *base::Ip::parse("192.0.2.1");
        LvsServer server{.said = {}, .ip = *base::Ip::parse("10.0.0.1"), .port = port};
        if (port < 30000) server.port = 21;
        services.push_back({.said = {}, .addresses = {{ip, port}}, .servers = {server}});
    }
    return services;
}

std::string passive(const std::vector<std::uint16_t>& ports) {
    const auto services = services_at(ports);
    return base::to_string(LvsPorts(parts_of(services)).passive());
}

TEST(LvsPortsTest, ClientsGetTheOldPortsOrUsualOnesWithoutControlPorts) {
    EXPECT_EQ(passive({21}), "20000-20099");
    EXPECT_EQ(passive({21, 40000, 40009}), "40000-40009");
    EXPECT_EQ(passive({21, 40000}), "20000-20099");
    EXPECT_EQ(passive({20000}), "20100-20199");
    EXPECT_EQ(passive({20050, 20150}), "20200-20299");
    // Too wide to be one range.
    EXPECT_EQ(passive({21, 30001, 60000}), "20000-20099");
}

TEST(LvsPortsTest, EachServerHasPortsOfItsOwn) {
    const auto services = services_at({21, 21030});
    LvsPorts ports(parts_of(services));
    const auto slice = [&](const char* ip) {
        return base::to_string(ports.slice_of(*base::Ip::parse(ip)));
    };
    EXPECT_EQ(slice("10.0.0.1"), "21000-21019");
    EXPECT_EQ(slice("10.0.0.2"), "21040-21059");
    EXPECT_EQ(slice("2001:db8::1"), "21060-21079");
    EXPECT_EQ(slice("10.0.0.1"), "21000-21019");
}

}  // namespace
}  // namespace ballast::migrate
