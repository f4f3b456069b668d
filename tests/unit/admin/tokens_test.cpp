// SPDX-License-Identifier: Apache-2.0
#include "admin/tokens.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::admin {
namespace {

const std::string one = "0123456789abcdef";
const std::string other = "ABCDEFGHIJKLMNOPQRSTUVWXYZ+/==";

TEST(Tokens, are_the_lines_of_a_file) {
    const auto tokens = Tokens::parse("# for Prometheus\n\n  " + one + "\t\r\n#\n" + other);
    ASSERT_TRUE(tokens);
    EXPECT_TRUE(tokens->hold(one));
    EXPECT_TRUE(tokens->hold(other));
    for (const auto& wrong : {std::string(), one + ' ', one.substr(1), one + one, other + "\n",
                              std::string("# for Prometheus"), std::string("0123456789abcdeF")})
        EXPECT_FALSE(tokens->hold(wrong)) << wrong;
}

TEST(Tokens, a_file_is_refused_with_its_line_and_without_its_secret) {
    struct Case {
        std::string text;
        std::string why;
    };
    for (const auto& [text, why] : std::vector<Case>{
             {"", "there is no token"},
             {"\n # none\n", "there is no token"},
             {one + "\nsecret\n", "line 2 has a token of 6 bytes, not 16 to 512"},
             {std::string(513, 'x'), "line 1 has a token of 513 bytes, not 16 to 512"},
             {"\nsecret secret secret\n",
              "line 2 has a token with a blank or another character that HTTP cannot carry"},
             {"secret\xc3\xa4secretsecret\n",
              "line 1 has a token with a blank or another character that HTTP cannot carry"}}) {
        const auto tokens = Tokens::parse(text);
        ASSERT_FALSE(tokens) << text;
        EXPECT_EQ(tokens.error().what, why);
        EXPECT_EQ(tokens.error().fix, "make one with: openssl rand -base64 32");
    }
}

TEST(Tokens, nobody_is_held_by_none) {
    EXPECT_TRUE(Tokens().is_empty());
    EXPECT_FALSE(Tokens().hold(""));
    EXPECT_FALSE(Tokens().hold(one));
}

TEST(Tokens, have_the_fingerprint_that_sha256sum_prints) {
    EXPECT_EQ(fingerprint_of(one), "9f9f5111f7b2");
}

}  // namespace
}  // namespace ballast::admin
