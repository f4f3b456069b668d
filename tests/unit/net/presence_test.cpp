// SPDX-License-Identifier: Apache-2.0
#include "net/presence.h"

#include "net/acceptor.h"
#include "net/listeners.h"
#include "net/socket.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace ballast::net {
namespace {

base::Address at(const char* text) { return base::Address::parse(text).value(); }

TEST(PresenceName, is_read_as_it_was_written) {
    for (const auto* const text :
         {"127.0.0.1:21", "[::]:990", "[2001:db8::1]:65535", "0.0.0.0:1"}) {
        const Presence presence{{4242, 0xfedcba9876543210}, at(text)};
        const auto read = parse_presence(presence_name(presence));
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(read->instance, presence.instance);
        EXPECT_EQ(read->address, presence.address);
    }
}

TEST(PresenceName, of_the_longest_address_fits_into_a_name_of_the_system) {
    const Presence longest{{4294967295, 18446744073709551615U},
                           at("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")};
    EXPECT_LE(presence_name(longest).size(), 107U);
}

TEST(PresenceName, of_other_programs_is_not_one) {
    for (const auto* const text :
         {"", "ballast", "ballast-listens/", "ballast-listens/1", "ballast-listens/1/2",
          "ballast-listens/1/2/", "ballast-listens/x/2/127.0.0.1:21",
          "ballast-listens/1/-2/127.0.0.1:21", "ballast-listens/1/2/127.0.0.1",
          "ballast-listens/1/2/3/127.0.0.1:21", "ballast-listens/99999999999/2/127.0.0.1:21",
          "x-ballast-listens/1/2/127.0.0.1:21"})
        EXPECT_FALSE(parse_presence(text)) << text;
}

TEST(FileMark, belongs_to_the_file_and_not_to_its_name) {
    const std::string file = ::testing::TempDir() + "file_mark_test";
    const std::string link = file + ".link";
    std::ofstream(file) << "x";
    std::remove(link.c_str());
    ASSERT_EQ(::symlink(file.c_str(), link.c_str()), 0);
    EXPECT_EQ(file_mark(file), file_mark(link));
    EXPECT_NE(file_mark(file), file_mark(file + ".missing"));
    std::remove(link.c_str());
    std::remove(file.c_str());
}

/// What the system says about this address, if somebody listens there.
std::optional<Listening> listening_at(const base::Address& address) {
    const auto all = listening_sockets();
    EXPECT_TRUE(all) << base::to_string(all.error());
    const auto found = std::ranges::find(*all, address, &Listening::address);
    return found == all->end() ? std::nullopt : std::optional(*found);
}

TEST(ListeningSockets, have_their_address_and_user) {
    for (const auto* const text : {"127.0.0.1:0", "[::1]:0", "[::]:0", "0.0.0.0:0"}) {
        auto opened = listen_on(at(text), 1);
        ASSERT_TRUE(opened) << text;
        const auto address = local_address(opened->get()).value();
        const auto found = listening_at(address);
        ASSERT_TRUE(found) << text;
        EXPECT_EQ(found->user, ::geteuid());
        EXPECT_FALSE(found->takes_v4);
        EXPECT_FALSE(found->instance);
        opened = base::OwnedFd();
        EXPECT_FALSE(listening_at(address)) << text;
    }
}

TEST(ListeningSockets, belong_to_an_instance_while_it_publishes_them) {
    const Instance self{static_cast<std::uint32_t>(::getpid()), 7};
    const auto opened = listen_on(at("127.0.0.1:0"), 1);
    const auto address = local_address(opened->get()).value();
    EXPECT_FALSE(announce(address)) << "before there is an instance nothing is announced";
    announce_as(self);
    {
        const auto announced = announce(address);
        ASSERT_TRUE(announced);
        EXPECT_EQ(listening_at(address)->instance, self);
    }
    EXPECT_FALSE(listening_at(address)->instance);
}

TEST(ListeningSockets, conflict_with_addresses_that_cannot_be_bound_beside_them) {
    const auto is_in_way = [](const char* held, const char* wanted, bool takes_v4 = false) {
        return is_in_the_way({.address = at(held), .takes_v4 = takes_v4, .instance = {}},
                             at(wanted));
    };
    EXPECT_TRUE(is_in_way("127.0.0.1:21", "127.0.0.1:21"));
    EXPECT_TRUE(is_in_way("0.0.0.0:21", "127.0.0.1:21"));
    EXPECT_TRUE(is_in_way("127.0.0.1:21", "0.0.0.0:21"));
    EXPECT_TRUE(is_in_way("[::]:21", "[::1]:21"));
    EXPECT_TRUE(is_in_way("[::]:21", "127.0.0.1:21", true));
    EXPECT_FALSE(is_in_way("[::]:21", "127.0.0.1:21"));
    EXPECT_FALSE(is_in_way("[::1]:21", "127.0.0.1:21", true));
    EXPECT_FALSE(is_in_way("0.0.0.0:21", "[::]:21"));
    EXPECT_FALSE(is_in_way("127.0.0.1:21", "127.0.0.1:22"));
    EXPECT_FALSE(is_in_way("127.0.0.1:21", "127.0.0.2:21"));
}

}  // namespace
}  // namespace ballast::net
