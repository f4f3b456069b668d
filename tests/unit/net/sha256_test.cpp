// SPDX-License-Identifier: Apache-2.0
#include "net/sha256.h"

#include <gtest/gtest.h>

namespace ballast::net {
namespace {

TEST(Sha256, digests_what_was_added) {
    EXPECT_EQ(Sha256().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Sha256 pieces;
    pieces.add("a");
    EXPECT_EQ(pieces.hex(), "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
    pieces.add("bc");
    EXPECT_EQ(pieces.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace ballast::net
