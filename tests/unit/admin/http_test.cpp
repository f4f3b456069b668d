// SPDX-License-Identifier: Apache-2.0
#include "admin/http.h"

#include <gtest/gtest.h>
#include <string_view>
#include <vector>

namespace ballast::admin {
namespace {

constexpr std::string_view put =
    "PUT /v1/state HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{\"state\":\"drain\"}";

TEST(RequestReader, finds_a_request_wherever_its_bytes_are_split) {
    for (std::size_t split = 0; split <= put.size(); ++split) {
        RequestReader reader;
        std::string received(put.substr(0, split));
        auto request = reader.next(received);
        ASSERT_TRUE(request) << split;
        ASSERT_EQ(request->has_value(), split == put.size());
        if (!*request) {
            received += put.substr(split);
            request = reader.next(received);
        }
        ASSERT_TRUE(request && *request) << split;
        EXPECT_EQ((*request)->method, "PUT");
        EXPECT_EQ((*request)->target, "/v1/state");
        EXPECT_EQ((*request)->body, R"({"state":"drain"})");
        EXPECT_TRUE((*request)->keep_alive);
        EXPECT_EQ(received, "");
    }
}

TEST(RequestReader, reads_byte_by_byte) {
    RequestReader reader;
    std::string received;
    for (const char byte : put.substr(0, put.size() - 1)) {
        received += byte;
        const auto request = reader.next(received);
        ASSERT_TRUE(request && !*request);
    }
    received += put.back();
    const auto request = reader.next(received);
    ASSERT_TRUE(request && *request);
    EXPECT_EQ((*request)->body, R"({"state":"drain"})");
}

TEST(RequestReader, leaves_the_bytes_of_the_next_request) {
    RequestReader reader;
    std::string received = "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.0\r\n\r\n";
    const auto first = reader.next(received);
    const auto second = reader.next(received);
    ASSERT_TRUE(first && *first && second && *second);
    EXPECT_EQ((*first)->target, "/a");
    EXPECT_EQ((*second)->target, "/b");
    EXPECT_FALSE((*second)->keep_alive);
}

unsigned refused_with(std::string received) {
    RequestReader reader;
    const auto request = reader.next(received);
    if (request) return 0;
    EXPECT_TRUE(request.error().body.contains(R"("detail":")")) << request.error().body;
    return request.error().status;
}

TEST(RequestReader, refuses_what_is_no_request) {
    using namespace std::string_literals;
    for (const auto& text :
         {"USER anonymous\r\n"s, "\r\n"s, "GET\r\n"s, "\x16\x03\x01\x02\x00\x01\xfc\x03"s,
          "\0\0\0\0"s, "GET / HTTP/2.0\r\n\r\n"s, "GET / HTTP/1.1\r\nno colon\r\n\r\n"s,
          "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"s,
          "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"s})
        EXPECT_EQ(refused_with(text), 400) << text;
}

TEST(RequestReader, takes_no_body_in_chunks_however_its_bytes_come) {
    const std::string all = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    EXPECT_EQ(refused_with(all), 411);
    RequestReader reader;
    std::string received;
    for (const char byte : all) {
        received += byte;
        const auto request = reader.next(received);
        if (request) continue;
        EXPECT_EQ(request.error().status, 411);
        return;
    }
    ADD_FAILURE() << "it was not refused";
}

TEST(RequestReader, refuses_what_is_too_long) {
    EXPECT_EQ(refused_with("GET /" + std::string(header_bytes_max, 'a')), 431);
    EXPECT_EQ(refused_with("GET / HTTP/1.1\r\nA: " + std::string(header_bytes_max, 'a')), 431);
    EXPECT_EQ(refused_with("PUT / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"), 413);
    EXPECT_EQ(refused_with("PUT / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n" +
                           std::string(body_bytes_max, 'a')),
              0);
}

TEST(RequestReader, finds_what_tells_who_asks) {
    RequestReader reader;
    std::string received =
        "GET /a HTTP/1.1\r\nhost: x:1\r\nORIGIN:  http://y\r\nAuthorization: Bearer z\r\n\r\n"
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    const auto first = reader.next(received);
    const auto second = reader.next(received);
    ASSERT_TRUE(first && *first && second && *second);
    EXPECT_EQ((*first)->host, "x:1");
    EXPECT_EQ((*first)->origin, "http://y");
    EXPECT_EQ((*first)->authorization, "Bearer z");
    EXPECT_TRUE((*first)->takes_chunks);
    EXPECT_EQ((*second)->host, "");
    EXPECT_FALSE((*second)->takes_chunks || (*second)->keep_alive);
    EXPECT_EQ(refused_with("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), 400);
}

TEST(Answer, has_an_http_header) {
    const Answer answer{.status = 405, .body = "{}", .allow = "GET, PUT"};
    const auto text = header_of(answer, BodyEnd::by_length, false);
    EXPECT_TRUE(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\n")) << text;
    EXPECT_TRUE(text.contains("Content-Type: application/json\r\n")) << text;
    EXPECT_TRUE(text.contains("Allow: GET, PUT\r\n")) << text;
    EXPECT_TRUE(text.contains("Connection: close\r\n")) << text;
    EXPECT_TRUE(text.contains("Content-Length: 2\r\n")) << text;
    EXPECT_TRUE(text.ends_with("\r\n\r\n")) << text;
    const auto other = header_of({.body = "{}", .type = "text/x"}, BodyEnd::by_length, true);
    for (const auto* const absent : {"Allow", "Connection", "WWW-Authenticate"})
        EXPECT_FALSE(other.contains(absent)) << other;
    EXPECT_TRUE(other.contains("Content-Type: text/x\r\n")) << other;
    EXPECT_TRUE(header_of({.status = 401, .challenge = "Bearer"}, BodyEnd::by_length, true)
                    .contains("WWW-Authenticate: Bearer\r\n"));
}

TEST(Answer, says_where_its_body_ends) {
    const auto chunked = header_of({}, BodyEnd::by_chunks, true);
    EXPECT_TRUE(chunked.contains("Transfer-Encoding: chunked\r\n")) << chunked;
    EXPECT_FALSE(chunked.contains("Content-Length")) << chunked;
    const auto closed = header_of({}, BodyEnd::by_close, false);
    EXPECT_FALSE(closed.contains("Transfer-Encoding") || closed.contains("Content-Length"));
    EXPECT_EQ(chunk("0123456789abcdef\r\n"), "12\r\n0123456789abcdef\r\n\r\n");
}

TEST(Answer, escapes_what_was_sent) {
    EXPECT_EQ(refusal(400, "a\"b\n\xff", R"("more":1)").body,
              R"({"type":"about:blank","title":"Bad Request","status":400,)"
              R"("detail":"a\"b\u000a\u00ff","more":1})");
}

}  // namespace
}  // namespace ballast::admin
