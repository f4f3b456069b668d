// SPDX-License-Identifier: Apache-2.0
#include "admin/asked.h"

#include <gtest/gtest.h>

namespace ballast::admin {
namespace {

TEST(Asked, is_read_as_it_was_said) {
    const Asked asked{"PUT", "/v1/log?a=b%20c", "{\"level\":\n\"debug\"}\n", "user 0"};
    EXPECT_EQ(to_text(asked), "PUT /v1/log?a=b%20c\nuser 0\n{\"level\":\n\"debug\"}\n");
    EXPECT_EQ(asked_from(to_text(asked)), asked);
    const Asked bare{.method = "GET", .target = "/"};
    EXPECT_EQ(asked_from(to_text(bare)), bare);
}

TEST(Asked, is_refused_unless_it_is_whole) {
    for (const auto* text : {"", "GET", "GET /", "GET /\n", "GET /\nuser 0", "GET\n/\n\n"})
        EXPECT_FALSE(asked_from(text)) << text;
}

TEST(Asked, has_an_answer_with_the_type_of_its_route) {
    const auto said = to_text(Answer{.body = "{\n}", .type = "text/plain"});
    EXPECT_EQ(said, "200\n{\n}");
    const auto heard = answer_from(said, "text/plain");
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->status, 200U);
    EXPECT_EQ(heard->body, "{\n}");
    EXPECT_EQ(heard->type, "text/plain");
    const auto refused = answer_from(to_text(refusal(404, "there is none")), "text/plain");
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 404U);
    EXPECT_EQ(refused->type, problem_type);
    EXPECT_EQ(refused->body, refusal(404, "there is none").body);
}

TEST(Asked, knows_what_is_no_answer) {
    for (const auto* text : {"", "200", "\n{}", "x\n{}", "99\n{}", "100\n{}", "600\n{}", "-1\n{}"})
        EXPECT_FALSE(answer_from(text, json_type)) << text;
}

}  // namespace
}  // namespace ballast::admin
