// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_reply.h"

#include "cluster/redis_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {
namespace {

using Refusal = RedisReplyReader::Refusal;

/// As a line that shows each kind.
std::string shown(const RedisReply& reply) {
    switch (reply.kind) {
        case RedisReply::Kind::nothing: return "nothing";
        case RedisReply::Kind::text: return fmt::format("'{}'", reply.text);
        case RedisReply::Kind::error: return fmt::format("error '{}'", reply.text);
        case RedisReply::Kind::number: return std::to_string(reply.number);
        case RedisReply::Kind::list: break;
    }
    std::vector<std::string> parts;
    for (const auto& each : reply.list) parts.push_back(shown(each));
    return fmt::format("[{}]", fmt::join(parts, " "));
}

/// All replies of these bytes, which come in pieces of this size.
std::vector<std::string> read(std::string_view bytes, std::size_t piece) {
    RedisReplyReader reader;
    std::vector<std::string> replies;
    while (!bytes.empty()) {
        reader.feed(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        for (;;) {
            auto reply = reader.next();
            if (!reply) {
                replies.emplace_back(reply.error() == Refusal::malformed ? "malformed"
                                                                         : "too long");
                return replies;
            }
            if (!*reply) break;
            replies.push_back(shown(**reply));
        }
    }
    if (!reader.is_empty()) replies.emplace_back("more");
    return replies;
}

struct Row {
    std::string_view bytes;
    std::vector<std::string> replies;
};

// As Redis 7.0 answers TIME, XREAD, SCAN, GET of no key, and an unknown command.
const std::vector<Row> rows = {
    {"+OK\r\n", {"'OK'"}},
    {"-OOM command not allowed\r\n", {"error 'OOM command not allowed'"}},
    {":-12\r\n", {"-12"}},
    {"$-1\r\n", {"nothing"}},
    {"*-1\r\n", {"nothing"}},
    {"$0\r\n\r\n", {"''"}},
    {"$4\r\na\r\nb\r\n", {"'a\r\nb'"}},
    {"*0\r\n", {"[]"}},
    {"*2\r\n$10\r\n1764512345\r\n$6\r\n678901\r\n", {"['1764512345' '678901']"}},
    {"*1\r\n*2\r\n$3\r\nlog\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n",
     {"[['log' [['1-0' ['f' 'v']]]]]"}},
    {"*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$-1\r\n:5\r\n", {"['0' ['a' nothing 5]]"}},
    {"*2\r\n-ERR inside\r\n+OK\r\n", {"[error 'ERR inside' 'OK']"}},
    {"+OK\r\n:1\r\n$-1\r\n", {"'OK'", "1", "nothing"}},
    {"+O", {"more"}},
    {"$5\r\nabc", {"more"}},
    {"*2\r\n:1\r\n", {"more"}},
};

TEST(RedisReplyReader, reads_replies_however_they_are_cut) {
    for (const auto& row : rows)
        for (std::size_t piece = 1; piece <= row.bytes.size(); ++piece)
            EXPECT_EQ(read(row.bytes, piece), row.replies)
                << row.bytes << " in pieces of " << piece;
}

TEST(RedisReplyReader, refuses_what_is_no_reply) {
    const std::string deep = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n";
    for (const std::string_view bytes :
         {std::string_view("HTTP/1.1 400 Bad Request\r\n"),
          std::string_view("\x15\x03\x01\x00\x02"), std::string_view("220 Welcome\r\n"),
          std::string_view(":12x\r\n"), std::string_view("$x\r\n"), std::string_view("$-2\r\n"),
          std::string_view("*-2\r\n"), std::string_view("*99999999999999999999\r\n"),
          std::string_view("*4294967297\r\n"), std::string_view(deep)})
        EXPECT_EQ(read(bytes, bytes.size()), std::vector<std::string>{"malformed"}) << bytes;
}

TEST(RedisReplyReader, refuses_lists_that_are_too_long_before_they_come) {
    EXPECT_EQ(read("*2147483647\r\n", 100), std::vector<std::string>{"too long"});
    EXPECT_EQ(read("*100001\r\n", 100), std::vector<std::string>{"too long"});
    // Each of the inner ones would do alone.
    EXPECT_EQ(read("*2\r\n*60000\r\n", 100), std::vector<std::string>{"more"});
    std::string wide = "*2\r\n*60000\r\n";
    for (int i = 0; i < 60'000; ++i) wide += ":1\r\n";
    EXPECT_EQ(read(wide + "*60000\r\n", 1 << 20), std::vector<std::string>{"too long"});
}

TEST(RedisReplyReader, counts_the_elements_of_each_reply_anew) {
    std::string list = "*60000\r\n";
    for (int i = 0; i < 60'000; ++i) list += ":1\r\n";
    EXPECT_EQ(read(list + list + list, list.size()).size(), 3U);
}

TEST(RedisReplyReader, refuses_more_bytes_than_a_reply_may_have) {
    RedisReplyReader reader;
    reader.feed("$9000000000\r\n");
    EXPECT_FALSE(reader.next().value());
    const std::string much(1 << 20, 'x');
    std::size_t fed = 0;
    while (reader.next()) {
        reader.feed(much);
        fed += much.size();
        ASSERT_LE(fed, RedisReplyReader::bytes_max + much.size());
    }
    EXPECT_GT(fed + much.size(), RedisReplyReader::bytes_max);
    EXPECT_EQ(reader.next().error(), Refusal::too_long);
    reader.feed("+OK\r\n");
    EXPECT_EQ(reader.next().error(), Refusal::too_long);
}

TEST(RedisCommand, reads_back_as_it_was_written) {
    const RedisCommand command = {"SET", "", std::string("a\0\r\n", 4), std::string(100'000, 'x')};
    RedisReplyReader reader;
    reader.feed(encode(command));
    const auto reply = reader.next();
    ASSERT_TRUE(reply && *reply);
    RedisCommand words;
    for (const auto& word : (*reply)->list) words.push_back(word.text);
    EXPECT_EQ(words, command);
    EXPECT_EQ(encode({"GET", "key"}), "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
}

TEST(RedisCommand, does_not_move_while_it_is_written) {
    // A string that grows leaves copies of a password behind.
    const RedisCommand command = {"AUTH", std::string(500, 'p')};
    const auto encoded = encode(command);
    EXPECT_GE(encoded.capacity(), encoded.size());
    EXPECT_LT(encoded.capacity(), 2 * encoded.size());
}

TEST(RedisCommand, matches_prefixes_literally) {
    EXPECT_EQ(begins_with("{ballast:a}:v1:states:"), "{ballast:a}:v1:states:*");
    EXPECT_EQ(begins_with("a*?[b]\\^"), R"(a\*\?\[b\]\\\^*)");
}

}  // namespace
}  // namespace ballast::cluster
