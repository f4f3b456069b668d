// SPDX-License-Identifier: Apache-2.0
#include "admin/page.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::admin {
namespace {

constexpr PageFile files[] = {
    {.path = "/", .type = "text/html; charset=utf-8", .etag = "\"17\"", .bytes = "the page"},
    {.path = "/page.js", .type = "text/javascript", .etag = "\"18\"", .bytes = "the script"},
};

Request get(std::string target, std::string if_none_match = {}) {
    Request request{.method = "GET", .target = std::move(target)};
    request.if_none_match = std::move(if_none_match);
    return request;
}

std::string_view field(const Answer& answer, std::string_view name) {
    const auto found =
        std::ranges::find(answer.fields, name, [](const auto& each) { return each.first; });
    return found == answer.fields.end() ? std::string_view() : found->second;
}

TEST(Page, sends_its_files_compressed_and_allows_nothing_from_elsewhere) {
    const auto answer = file_answer(files, get("/?x"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
    EXPECT_EQ(answer->body, "the page");
    EXPECT_EQ(answer->type, "text/html; charset=utf-8");
    EXPECT_EQ(field(*answer, "Content-Encoding"), "gzip");
    EXPECT_EQ(field(*answer, "ETag"), "\"17\"");
    const auto policy = field(*answer, "Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none';")) << policy;
    EXPECT_TRUE(policy.contains("frame-ancestors 'none'")) << policy;
    EXPECT_FALSE(policy.contains("unsafe")) << policy;
    EXPECT_FALSE(policy.contains("http")) << policy;
}

TEST(Page, does_not_send_what_the_browser_has) {
    for (const auto* const known : {"\"18\"", "W/\"18\"", "\"1\", \"18\"", "*"}) {
        const auto answer = file_answer(files, get("/page.js", known));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 304U) << known;
        EXPECT_EQ(answer->body, "");
        EXPECT_EQ(field(*answer, "ETag"), "\"18\"");
        EXPECT_EQ(field(*answer, "Content-Encoding"), "");
        EXPECT_FALSE(header_of(*answer, BodyEnd::by_length, true).contains("Content-Length"));
    }
    for (const auto* const other : {"\"17\"", "18", "\"18", ","})
        EXPECT_EQ(file_answer(files, get("/page.js", other))->status, 200U) << other;
}

TEST(Page, is_only_looked_at) {
    auto request = get("/");
    request.method = "POST";
    const auto answer = file_answer(files, request);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 405U);
    EXPECT_EQ(answer->allow, "GET");
}

TEST(Page, has_no_other_files) {
    for (const auto* const path : {"", "/page", "//", "/page.js/", "/v1/state", "/icon.svg"})
        EXPECT_FALSE(file_answer(files, get(path))) << path;
}

TEST(Page, may_be_kept_but_must_be_asked_for_again) {
    const auto answer = file_answer(files, get("/"));
    const auto header = header_of(*answer, BodyEnd::by_length, true);
    EXPECT_TRUE(header.contains("Cache-Control: no-cache\r\n")) << header;
    EXPECT_FALSE(header.contains("no-store")) << header;
    EXPECT_TRUE(header.contains("X-Content-Type-Options: nosniff\r\n")) << header;
}

}  // namespace
}  // namespace ballast::admin
