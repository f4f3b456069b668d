// SPDX-License-Identifier: Apache-2.0
#include "base/shortage.h"

#include <cerrno>
#include <gtest/gtest.h>

namespace ballast::base {
namespace {

TEST(Shortage, is_a_resource_that_the_system_refuses_us) {
    for (const int code : {EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC, EADDRNOTAVAIL, EAGAIN}) {
        EXPECT_TRUE(is_shortage({code, std::system_category()})) << code;
        EXPECT_TRUE(is_shortage({code, std::generic_category()})) << code;
        errno = code;
        EXPECT_EQ(last_error(Fault::backend, "connecting").fault, Fault::internal) << code;
    }
}

TEST(Shortage, is_not_a_failure_of_a_peer_or_the_network) {
    for (const int code : {ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EPIPE}) {
        EXPECT_FALSE(is_shortage({code, std::system_category()})) << code;
        EXPECT_EQ(fault_of({code, std::system_category()}, Fault::client), Fault::client) << code;
    }
    EXPECT_EQ(fault_of({}, Fault::backend), Fault::backend);
}

}  // namespace
}  // namespace ballast::base
