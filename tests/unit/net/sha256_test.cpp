// SPDX-License-Identifier: Apache-2.0
#include "net/sha256.h"

#include "net/proxy_header.h"

#include <gtest/gtest.h>

namespace ballast::net {
namespace {

TEST(Sha256, digests_what_was_added) {
    EXPECT_EQ(Sha256().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Sha256 pieces;
    pieces.add("a");
    pieces.add("bc");
    EXPECT_EQ(pieces.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ProxyHeader, says_that_a_connection_is_the_balancers_own) {
    EXPECT_EQ(own_proxy_header_v1(), "PROXY UNKNOWN\r\n");
    const auto v2 = own_proxy_header_v2();
    EXPECT_EQ(v2,
              std::string("\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x20\x00\x00\x00", 16));
}

}  // namespace
}  // namespace ballast::net
