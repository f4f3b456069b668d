// SPDX-License-Identifier: Apache-2.0
#include "daemon/ephemeral_ports.h"

#include <gtest/gtest.h>

namespace ballast::daemon {
namespace {

TEST(EphemeralPorts, are_found_in_ranges_that_contain_one) {
    const auto ports = EphemeralPorts::parse("32768\t60999\n", "\n");
    ASSERT_TRUE(ports);
    EXPECT_EQ(ports->range(), (base::PortRange{32768, 60999}));
    EXPECT_FALSE(ports->meet({20000, 20099}));
    EXPECT_FALSE(ports->meet({32000, 32767}));
    EXPECT_TRUE(ports->meet({32000, 32768}));
    EXPECT_TRUE(ports->meet({40000, 40099}));
    EXPECT_TRUE(ports->meet({60999, 65535}));
    EXPECT_FALSE(ports->meet({61000, 65535}));
}

TEST(EphemeralPorts, do_not_include_reserved_ports) {
    const auto ports = EphemeralPorts::parse("32768\t60999\n", "8080,40000-40099,50000\n");
    ASSERT_TRUE(ports);
    EXPECT_FALSE(ports->meet({40000, 40099}));
    EXPECT_TRUE(ports->meet({40000, 40100}));
    EXPECT_FALSE(ports->meet({50000, 50000}));
}

TEST(EphemeralPorts, are_unknown_if_the_system_does_not_tell) {
    EXPECT_FALSE(EphemeralPorts::parse("", ""));
    EXPECT_FALSE(EphemeralPorts::parse("60999\t32768\n", ""));
    EXPECT_TRUE(EphemeralPorts::of_this_machine());
}

}  // namespace
}  // namespace ballast::daemon
