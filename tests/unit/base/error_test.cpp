// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <gtest/gtest.h>
#include <system_error>

namespace ballast::base {
namespace {

Blame blame(Fault fault, std::errc code = {}) {
    return blame_of({fault, std::make_error_code(code), "connecting"});
}

TEST(Blame, follows_the_fault) {
    EXPECT_EQ(blame(Fault::client, std::errc::connection_reset), Blame::client);
    EXPECT_EQ(blame(Fault::backend, std::errc::connection_refused), Blame::backend);
    EXPECT_EQ(blame(Fault::backend_full), Blame::backend);
    EXPECT_EQ(blame(Fault::backend_refused), Blame::backend);
    EXPECT_EQ(blame(Fault::internal, std::errc::not_enough_memory), Blame::ballast);
}

TEST(Blame, is_the_networks_if_there_is_no_way_to_the_peer) {
    for (const auto code :
         {std::errc::host_unreachable, std::errc::network_unreachable, std::errc::network_down}) {
        EXPECT_EQ(blame(Fault::client, code), Blame::network);
        EXPECT_EQ(blame(Fault::backend, code), Blame::network);
        EXPECT_EQ(blame(Fault::internal, code), Blame::ballast);
    }
}

}  // namespace
}  // namespace ballast::base
