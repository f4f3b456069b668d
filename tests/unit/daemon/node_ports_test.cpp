// SPDX-License-Identifier: Apache-2.0
#include "daemon/node_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ballast::daemon {
namespace {

using base::PortRange;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(NodePorts, are_those_of_all_listeners_joined_and_in_order) {
    config::Config config;
    auto& one = config.listeners.emplace_back();
    one.passive_ports = {21000, 21098};
    one.active_source_port = {config::ActiveSource::Kind::fixed, 21099};
    auto& other = config.listeners.emplace_back();
    other.passive_ports = {20000, 20099};
    other.active_source_port = {config::ActiveSource::Kind::fixed, 20050};
    // A range that two listeners share.
    config.listeners.emplace_back().passive_ports = {20000, 20099};
    EXPECT_THAT(node_ports(config), ElementsAre(PortRange{20000, 20099}, PortRange{21000, 21099}));
}

TEST(NodePorts, reach_to_the_last_port) {
    config::Config config;
    config.listeners.emplace_back().passive_ports = {65000, 65535};
    config.listeners.emplace_back().passive_ports = {65535, 65535};
    EXPECT_THAT(node_ports(config), ElementsAre(PortRange{65000, 65535}));
}

TEST(NodePorts, do_not_include_those_that_nobody_lends_or_the_system_chooses) {
    config::Config config;
    auto& listener = config.listeners.emplace_back();
    listener.mode = config::ListenerMode::passthrough;
    listener.passive_ports = {20000, 20099};
    listener.active_source_port.kind = config::ActiveSource::Kind::below_control;
    EXPECT_THAT(node_ports(config), IsEmpty());
}

}  // namespace
}  // namespace ballast::daemon
