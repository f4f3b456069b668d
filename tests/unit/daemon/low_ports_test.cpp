// SPDX-License-Identifier: Apache-2.0
#include "daemon/low_ports.h"

#include "base/address.h"

#include <gtest/gtest.h>

namespace ballast::daemon {
namespace {

base::Address at(const char* text) { return base::Address::parse(text).value(); }

TEST(LowPorts, are_listed_once_and_in_order) {
    config::Config config;
    auto& listener = config.listeners.emplace_back();
    listener.bind = {at("192.0.2.1:21"), at("[2001:db8::1]:21"), at("192.0.2.1:2121")};
    listener.active_source_port.kind = config::ActiveSource::Kind::below_control;
    listener.passive_ports = {600, 609};
    listener.tls.emplace().implicit_bind = {at("192.0.2.1:990")};
    auto& pool = config.pools.emplace_back();
    pool.data_ports = base::PortRange{1020, 1030};
    // 2120 is the port below 2121.
    EXPECT_EQ(ports_below(1024, config), "20-21, 600-609, 989-990 and 1020-1023");
    EXPECT_EQ(ports_below(21, config), "20");
    EXPECT_EQ(ports_below(20, config), "");
}

TEST(LowPorts, of_passed_through_backends_count) {
    config::Config config;
    auto& listener = config.listeners.emplace_back();
    listener.mode = config::ListenerMode::passthrough;
    listener.implicit_bind = {at("192.0.2.1:990")};
    listener.passive_ports = {700, 709};  // never announced to clients
    listener.active_source_port = {config::ActiveSource::Kind::fixed, 20};
    config.pools.emplace_back().backends.emplace_back().passive_ports = base::PortRange{800, 801};
    EXPECT_EQ(ports_below(1024, config), "20, 800-801 and 990");
}

TEST(LowPorts, do_not_include_ports_that_the_system_chooses) {
    config::Config config;
    auto& listener = config.listeners.emplace_back();
    listener.bind = {at("127.0.0.1:0")};
    listener.passive_ports = {20000, 20099};
    EXPECT_EQ(ports_below(1024, config), "");
}

}  // namespace
}  // namespace ballast::daemon
