// SPDX-License-Identifier: Apache-2.0
#include "net/secret.h"

#include "support/temporary_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace ballast::net {
namespace {

using testing::HasSubstr;

// 48 times the byte 0.
const std::string zeros(64, 'A');

std::shared_ptr<const Secret> secret_of(std::string_view text, std::string_view cluster = "ftp") {
    auto secret = Secret::parse(text, cluster, "cluster.secret");
    EXPECT_TRUE(secret) << to_string(secret.error());
    return *secret;
}

std::string refusal_of(std::string_view text) {
    const auto secret = Secret::parse(text, "ftp", "cluster.secret");
    return secret ? "none" : to_string(secret.error());
}

TEST(Secret, opens_what_another_node_with_the_same_file_has_sealed) {
    const auto one = secret_of(zeros);
    const auto other = secret_of(zeros + "\n");
    const std::string clear("alice\0bob\n", 10);
    EXPECT_EQ(other->open(one->seal(clear, "stick alice"), "stick alice"), clear);
    EXPECT_EQ(other->open(one->seal("", "stick alice"), "stick alice"), "");
    EXPECT_EQ(other->open(one->seal(clear, ""), ""), clear);
}

TEST(Secret, shows_nothing_of_the_clear_text) {
    const auto secret = secret_of(zeros);
    EXPECT_THAT(secret->seal("alice alice alice alice", "place"), testing::Not(HasSubstr("alice")));
}

TEST(Secret, seals_the_same_text_in_another_way_each_time) {
    const auto secret = secret_of(zeros);
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(secret->seal("alice", "place")).second);
}

TEST(Secret, does_not_open_at_another_place) {
    const auto secret = secret_of(zeros);
    EXPECT_EQ(secret->open(secret->seal("drain", "states a"), "states b"),
              std::unexpected(Secret::Refusal::forged));
}

TEST(Secret, does_not_open_if_any_byte_was_changed) {
    const auto secret = secret_of(zeros);
    const auto sealed = secret->seal("drain", "states a");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto changed = sealed;
        changed.at(i) = static_cast<char>(changed.at(i) ^ 0x40);
        const auto expected = i == 0  ? Secret::Refusal::unknown_format
                              : i < 5 ? Secret::Refusal::another_secret
                                      : Secret::Refusal::forged;
        EXPECT_EQ(secret->open(changed, "states a"), std::unexpected(expected)) << i;
    }
}

TEST(Secret, does_not_open_if_it_was_cut_off_or_has_grown) {
    const auto secret = secret_of(zeros);
    const auto sealed = secret->seal("drain", "states a");
    for (std::size_t size = 0; size < sealed.size(); ++size)
        EXPECT_EQ(secret->open(sealed.substr(0, size), "states a"),
                  std::unexpected(Secret::Refusal::forged))
            << size;
    EXPECT_EQ(secret->open(sealed + 'x', "states a"), std::unexpected(Secret::Refusal::forged));
}

TEST(Secret, tells_another_secret_and_another_cluster_from_forgery) {
    const auto sealed = secret_of(zeros)->seal("drain", "states a");
    EXPECT_EQ(secret_of(std::string(64, 'B'))->open(sealed, "states a"),
              std::unexpected(Secret::Refusal::another_secret));
    EXPECT_EQ(secret_of(zeros, "other")->open(sealed, "states a"),
              std::unexpected(Secret::Refusal::another_secret));
}

TEST(Secret, has_digests_that_only_its_holders_can_compute) {
    const auto secret = secret_of(zeros);
    EXPECT_EQ(secret->digest("alice"), secret_of(zeros)->digest("alice"));
    EXPECT_NE(secret->digest("alice"), secret->digest("alicf"));
    EXPECT_NE(secret->digest("alice"), secret_of(std::string(64, 'B'))->digest("alice"));
    EXPECT_NE(secret->digest("alice"), secret_of(zeros, "other")->digest("alice"));
    EXPECT_EQ(fmt::format("{:016x}", secret->short_digest("alice")),
              secret->digest("alice").substr(0, 16));
    EXPECT_EQ(secret->digest("alice").size(), 32U);
}

// Computed with Python's hmac: HKDF (RFC 5869) of 48 zeros with the salt "ftp" and the purpose
// "ballast hashing", then HMAC of "alice". Digests in a store must not change with the version.
TEST(Secret, has_the_digests_of_rfc_5869_and_rfc_2104) {
    EXPECT_EQ(secret_of(zeros)->digest("alice"), "d081486141f9340757b8c259cbd5c2e3");
}

TEST(Secret, may_have_several_lines) {
    const auto lines = zeros.substr(0, 40) + "\r\n" + zeros.substr(40) + "\n\n";
    EXPECT_EQ(secret_of(lines)->digest("alice"), secret_of(zeros)->digest("alice"));
}

TEST(Secret, needs_32_bytes) {
    // 32 bytes are 43 letters and one '='.
    EXPECT_EQ(refusal_of(std::string(43, 'A') + "="), "none");
    EXPECT_THAT(refusal_of(std::string(42, 'A') + "=="),
                HasSubstr("cluster.secret holds 31 bytes, and a secret has at least 32"));
}

TEST(Secret, is_base64) {
    for (const auto* const text : {"", "\n", "AAA", "********************************************"})
        EXPECT_THAT(refusal_of(text), HasSubstr("cluster.secret is not base64")) << text;
}

TEST(Secret, is_read_from_a_file) {
    const support::TemporaryDirectory directory;
    EXPECT_THAT(to_string(Secret::load(directory.file("secret"), "ftp").error()),
                HasSubstr("No such file"));
    const auto secret = Secret::load(directory.write("secret", zeros + "\n"), "ftp");
    ASSERT_TRUE(secret) << to_string(secret.error());
    EXPECT_EQ((*secret)->digest("alice"), secret_of(zeros)->digest("alice"));
}

}  // namespace
}  // namespace ballast::net
