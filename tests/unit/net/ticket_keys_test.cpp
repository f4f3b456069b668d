// SPDX-License-Identifier: Apache-2.0
#include "net/ticket_keys.h"

#include "support/certificates.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <span>
#include <string>
#include <vector>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;

const loop::Time start{std::chrono::hours(1000)};

/// A line like that of `openssl rand -base64 80`: 80 bytes of this letter.
std::string key_line(char letter, std::size_t bytes = 80) {
    const std::string key(bytes, letter);
    std::string base64(200, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                     reinterpret_cast<const unsigned char*>(key.data()),
                                     static_cast<int>(key.size()));
    return base64.substr(0, static_cast<std::size_t>(size));
}

TEST(TicketKeys, stay_for_their_lifetime) {
    TicketKeys keys(12h);
    const auto first = keys.current(start);
    EXPECT_EQ(keys.current(start + 1h).name, first.name);
    EXPECT_EQ(keys.current(start + 12h - 1ns).name, first.name);
    EXPECT_NE(keys.current(start + 12h).name, first.name);
}

TEST(TicketKeys, differ_in_every_part) {
    TicketKeys keys(12h);
    const auto first = keys.current(start);
    const auto second = keys.current(start + 12h);
    EXPECT_NE(first.name, second.name);
    EXPECT_NE(first.hmac, second.hmac);
    EXPECT_NE(first.aes, second.aes);
    EXPECT_NE(first.hmac, first.aes);
    EXPECT_NE(TicketKeys(12h).current(start).name, first.name);
}

TEST(TicketKeys, are_found_for_one_lifetime_after_theirs) {
    TicketKeys keys(12h);
    const auto first = keys.current(start);
    ASSERT_TRUE(keys.find(first.name.data()));
    EXPECT_FALSE(keys.find(first.name.data())->is_old);

    const auto second = keys.current(start + 12h);
    ASSERT_TRUE(keys.find(first.name.data()));
    EXPECT_TRUE(keys.find(first.name.data())->is_old);
    EXPECT_EQ(keys.find(first.name.data())->key.aes, first.aes);
    EXPECT_EQ(keys.find(first.name.data())->key.hmac, first.hmac);
    EXPECT_FALSE(keys.find(second.name.data())->is_old);

    (void)keys.current(start + 24h);
    EXPECT_FALSE(keys.find(first.name.data()));
    EXPECT_TRUE(keys.find(second.name.data()));
}

TEST(TicketKeys, are_forgotten_if_nobody_asks_for_long) {
    TicketKeys keys(12h);
    const auto first = keys.current(start);
    (void)keys.current(start + 100h);
    EXPECT_FALSE(keys.find(first.name.data()));
}

TEST(TicketKeys, with_unknown_names_are_not_found) {
    TicketKeys keys(12h);
    const std::array<unsigned char, 16> name{};
    EXPECT_FALSE(keys.find(name.data()));
    (void)keys.current(start);
    EXPECT_FALSE(keys.find(name.data()));
}

TEST(TicketKeys, that_balancers_share_are_used_by_each) {
    TicketKeys here(12h);
    TicketKeys there(12h);
    const std::vector<TicketKey> shared = {TicketKey::random(), TicketKey::random()};
    here.use(shared, start);
    there.use(shared, start + 1h);
    const auto current = here.current(start + 2h);
    EXPECT_EQ(current.name, shared[0].name);
    EXPECT_EQ(there.current(start + 2h).name, current.name);
    ASSERT_TRUE(there.find(current.name.data()));
    EXPECT_EQ(there.find(current.name.data())->key.aes, current.aes);
    EXPECT_FALSE(there.find(current.name.data())->is_old);
    ASSERT_TRUE(there.find(shared[1].name.data()));
    EXPECT_TRUE(there.find(shared[1].name.data())->is_old);
}

TEST(TicketKeys, that_were_used_before_the_shared_ones_decrypt_for_one_more_lifetime) {
    TicketKeys keys(12h);
    const auto own = keys.current(start);
    keys.use({TicketKey::random()}, start + 1h);
    (void)keys.current(start + 13h - 1ns);
    ASSERT_TRUE(keys.find(own.name.data()));
    EXPECT_TRUE(keys.find(own.name.data())->is_old);
    EXPECT_EQ(keys.find(own.name.data())->key.aes, own.aes);
    (void)keys.current(start + 13h);
    EXPECT_FALSE(keys.find(own.name.data()));
}

TEST(TicketKeys, that_the_cluster_has_dropped_are_few) {
    TicketKeys keys(12h);
    std::vector<TicketKey> used;
    for (int i = 0; i < 4; ++i) {
        used.push_back(TicketKey::random());
        keys.use({used.back()}, start);
    }
    EXPECT_FALSE(keys.find(used[0].name.data()));
    for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(keys.find(used.at(i).name.data())) << i;
}

TEST(TicketKeys, that_are_shared_stay_as_long_as_somebody_says_so) {
    TicketKeys keys(12h);
    const std::vector<TicketKey> shared = {TicketKey::random()};
    for (int i = 0; i < 10; ++i) {
        keys.use(shared, start + i * 12h);
        EXPECT_EQ(keys.current(start + (i + 1) * 12h).name, shared[0].name);
    }
}

TEST(TicketKeys, are_generated_again_if_nobody_shares_any_for_two_lifetimes) {
    TicketKeys keys(12h);
    const std::vector<TicketKey> shared = {TicketKey::random(), TicketKey::random(),
                                           TicketKey::random()};
    keys.use(shared, start);
    EXPECT_EQ(keys.current(start + 24h - 1ns).name, shared[0].name);
    const auto own = keys.current(start + 24h);
    EXPECT_NE(own.name, shared[0].name);
    EXPECT_TRUE(keys.find(shared[0].name.data()));
    EXPECT_FALSE(keys.find(shared[1].name.data()));
    EXPECT_NE(keys.current(start + 36h).name, own.name);
    EXPECT_FALSE(keys.find(shared[0].name.data()));
    // The cluster has a say again.
    keys.use(shared, start + 37h);
    EXPECT_EQ(keys.current(start + 37h).name, shared[0].name);
}

TEST(TicketKeys, do_not_become_none) {
    TicketKeys keys(12h);
    const auto own = keys.current(start);
    keys.use({}, start);
    EXPECT_EQ(keys.current(start).name, own.name);
}

TEST(TicketKeys, are_the_same_after_a_trip_as_bytes) {
    const auto key = TicketKey::random();
    const auto bytes = key.bytes();
    const auto copy = TicketKey::of(bytes);
    EXPECT_EQ(copy.name, key.name);
    EXPECT_EQ(copy.hmac, key.hmac);
    EXPECT_EQ(copy.aes, key.aes);
    // In the order of a file.
    EXPECT_TRUE(std::ranges::equal(key.name, std::span(bytes).first<16>()));
    EXPECT_TRUE(std::ranges::equal(key.aes, std::span(bytes).last<32>()));
}

class TicketKeyFiles : public testing::Test {
protected:
    [[nodiscard]] std::string written(std::string_view text) const {
        return directory.write("keys", text);
    }
    support::TemporaryDirectory directory;
};

TEST_F(TicketKeyFiles, encrypt_with_the_first_and_decrypt_with_all) {
    const auto keys =
        TicketKeys::load(written(key_line('a') + "\n\n" + key_line('b') + "\n" + key_line('c')));
    ASSERT_TRUE(keys) << base::to_string(keys.error());
    const auto current = (*keys)->current(start);
    EXPECT_EQ(current.name[0], 'a');
    EXPECT_EQ(current.hmac[31], 'a');
    EXPECT_EQ(current.aes[31], 'a');
    for (const char letter : {'a', 'b', 'c'}) {
        const std::string name(16, letter);
        const auto found = (*keys)->find(reinterpret_cast<const unsigned char*>(name.data()));
        ASSERT_TRUE(found) << letter;
        EXPECT_EQ(found->is_old, letter != 'a');
        EXPECT_EQ(found->key.aes[0], letter);
    }
}

TEST_F(TicketKeyFiles, never_rotate_by_themselves) {
    const auto keys = TicketKeys::load(written(key_line('a') + "\n"));
    ASSERT_TRUE(keys);
    EXPECT_EQ((*keys)->current(start).name[0], 'a');
    EXPECT_EQ((*keys)->current(start + 10'000h).name[0], 'a');
    // Nor do they change because of what a cluster shares.
    EXPECT_FALSE((*keys)->lifetime());
    (*keys)->use({TicketKey::random()}, start);
    EXPECT_EQ((*keys)->current(start).name[0], 'a');
}

TEST_F(TicketKeyFiles, are_refused_with_file_and_line) {
    struct Row {
        std::string text;
        const char* place;
    };
    auto not_base64 = key_line('a');
    not_base64[10] = '*';
    const Row rows[] = {
        {key_line('a', 79), ":1: "},
        {key_line('a', 81), ":1: "},
        {key_line('a', 48), ":1: "},
        {key_line('a') + "\nx\n", ":2: "},
        {not_base64 + "\n", ":1: "},
        {key_line('a') + "\n" + key_line('b') + " \n", ":2: "},
        {key_line('a') + key_line('b') + "\n", ":1: "},
        {"", " holds no ticket key"},
        {"\n\n", " holds no ticket key"},
    };
    for (const auto& row : rows) {
        const auto file = written(row.text);
        const auto keys = TicketKeys::load(file);
        ASSERT_FALSE(keys) << row.text;
        EXPECT_NE(keys.error().doing.find(file + row.place), std::string::npos)
            << keys.error().doing;
        // Not even a wrong key is shown.
        EXPECT_EQ(keys.error().doing.find("YWFh"), std::string::npos);
    }
}

TEST_F(TicketKeyFiles, are_refused_if_there_are_too_many) {
    std::string text;
    for (int i = 0; i < 65; ++i) text += key_line('a') + "\n";
    EXPECT_FALSE(TicketKeys::load(written(text)));
    EXPECT_TRUE(TicketKeys::load(written(text.substr(0, text.size() / 65 * 64))));
}

TEST_F(TicketKeyFiles, that_are_missing_are_named) {
    const auto keys = TicketKeys::load(directory.file("missing"));
    ASSERT_FALSE(keys);
    EXPECT_NE(base::to_string(keys.error()).find(directory.file("missing")), std::string::npos);
    EXPECT_EQ(keys.error().code, std::errc::no_such_file_or_directory);
}

TEST_F(TicketKeyFiles, are_loaded_again_or_kept_if_that_fails) {
    const auto keys = TicketKeys::load(written(key_line('a')));
    ASSERT_TRUE(keys);
    EXPECT_FALSE((*keys)->reload(written("nonsense\n")));
    EXPECT_EQ((*keys)->current(start).name[0], 'a');
    EXPECT_FALSE((*keys)->reload(directory.file("missing")));
    EXPECT_EQ((*keys)->current(start).name[0], 'a');
    EXPECT_TRUE((*keys)->reload(written(key_line('b') + "\n" + key_line('a'))));
    EXPECT_EQ((*keys)->current(start).name[0], 'b');
    const std::string old_name(16, 'a');
    EXPECT_TRUE((*keys)->find(reinterpret_cast<const unsigned char*>(old_name.data())));
}

}  // namespace
}  // namespace ballast::net
