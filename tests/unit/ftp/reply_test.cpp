// SPDX-License-Identifier: Apache-2.0
#include "ftp/reply.h"

#include "transcripts.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::ftp {
namespace {

using Outcome = std::expected<Reply, ReplyError>;

/// Feeds the pieces one after the other; ends at the first error, as a session would.
std::vector<Outcome> outcomes_of(const std::vector<std::string_view>& pieces,
                                 ReplyParser parser = ReplyParser()) {
    std::vector<Outcome> outcomes;
    std::string buffer;
    for (const auto piece : pieces) {
        buffer += piece;
        for (;;) {
            auto step = parser.next(buffer);
            EXPECT_LE(step.consumed, buffer.size());
            buffer.erase(0, step.consumed);
            if (!step.reply) break;
            outcomes.push_back(std::move(*step.reply));
            if (!outcomes.back()) return outcomes;
        }
    }
    return outcomes;
}

std::vector<std::string_view> single_bytes(std::string_view text) {
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
    return bytes;
}

TEST(ReplyParserTest, every_form_that_servers_use_is_a_reply) {
    const struct {
        const char* received;
        std::uint16_t code;
        const char* text;
        const char* message;
    } rows[] = {
        {"220 Hello\r\n", 220, "220 Hello\r\n", "Hello"},
        {"220 \r\n", 220, "220 \r\n", ""},
        {"220 Hello\n", 220, "220 Hello\r\n", "Hello"},  // a bare LF
        {"220 Hello\r\r\n", 220, "220 Hello\r\n", "Hello"},
        {"227\r\n", 227, "227 \r\n", ""},  // LightFTP: an empty 227
        {"220Hello\r\n", 220, "220 Hello\r\n", "Hello"},
        {"220\tHello\r\n", 220, "220 \tHello\r\n", "\tHello"},
        {"200  two spaces\r\n", 200, "200  two spaces\r\n", " two spaces"},
        {"\r\n\n220 Hello\r\n", 220, "220 Hello\r\n", "Hello"},
        {"100 lowest\r\n", 100, "100 lowest\r\n", "lowest"},
        {"599 highest\r\n", 599, "599 highest\r\n", "highest"},
        {"220-a\r\n220 b\r\n", 220, "220-a\r\n220 b\r\n", "b"},
        {"220-a\nb\n220 c\n", 220, "220-a\r\nb\r\n220 c\r\n", "c"},
        {"220-a\r\n220-b\r\n220 c\r\n", 220, "220-a\r\n220-b\r\n220 c\r\n", "c"},
        {"220-\r\n\r\n220 \r\n", 220, "220-\r\n\r\n220 \r\n", ""},
        // RFC 2389 2: any reply may have several lines, RFC 959 4.2: with anything in between.
        {"150-a\r\n 150 b\r\n150 c\r\n", 150, "150-a\r\n 150 b\r\n150 c\r\n", "c"},
        {"123-a\r\n234 b\r\n421 c\r\n227 (1,2,3,4,5,6)\r\n123 d\r\n", 123,
         "123-a\r\n234 b\r\n421 c\r\n227 (1,2,3,4,5,6)\r\n123 d\r\n", "d"},
        {"220-a\r\n221\r\n2200 b\r\n220b\r\n220\tb\r\n220 c\r\n", 220,
         "220-a\r\n221\r\n2200 b\r\n220b\r\n220\tb\r\n220 c\r\n", "c"},
        // Seen by mod_proxy: a last line of only three digits.
        {"234-AUTH TLS\r\n234\r\n", 234, "234-AUTH TLS\r\n234 \r\n", ""},
        // Answers of ProFTPD 1.3.8 and inetutils-ftpd 2.4 to names with IAC WILL and IAC DO.
        {"\xff\xfe\x31"
         "250 Done\r\n",
         250, "250 Done\r\n", "Done"},
        {"\xff\xfc\r250 Done\r\n", 250, "250 Done\r\n", "Done"},  // the option was the CR
        {"\xff\xfe\n250 Done\r\n", 250, "250 Done\r\n", "Done"},
        {"\xff\xfe\xe9\xff\xfc\xe9\xff\xf1"
         "213-a\r\n\xff\xfe\xe9 b\r\n213 c\r\n",
         213, "213-a\r\n\xff\xfe\xe9 b\r\n213 c\r\n", "c"},
        {"200 \xff\xfe caf\xe9\r\n", 200, "200 \xff\xfe caf\xe9\r\n", "\xff\xfe caf\xe9"},
    };
    for (const auto& row : rows) {
        const auto outcomes = outcomes_of({row.received});
        ASSERT_EQ(outcomes.size(), 1U) << row.received;
        ASSERT_TRUE(outcomes[0]) << row.received;
        EXPECT_EQ(outcomes[0]->code, row.code);
        EXPECT_EQ(outcomes[0]->text, row.text);
        EXPECT_EQ(outcomes[0]->message(), row.message);
    }
}

TEST(ReplyParserTest, text_without_a_code_in_front_is_not_a_reply) {
    for (const auto* received :
         {"SSH-2.0-OpenSSH_9.2\r\n", "+OK POP3\r\n", "22\r\n", "22 ok\r\n", " 220 ok\r\n",
          "2200 ok\r\n", "099 ok\r\n", "600 ok\r\n", "631 ok\r\n", "000 ok\r\n", "-220 ok\r\n",
          "2 0 ok\r\n", "HTTP/1.1 400 Bad Request\r\n", "\x16\x03\x01\n",
          "\xff"
          "220 ok\r\n",
          "\xf2"
          "220 ok\r\n",
          "\xff\xfe x 220 ok\r\n"}) {
        const auto outcomes = outcomes_of({received});
        ASSERT_EQ(outcomes.size(), 1U) << received;
        ASSERT_FALSE(outcomes[0]) << received;
        EXPECT_EQ(outcomes[0].error(), ReplyError::bad_code);
    }
}

TEST(ReplyParserTest, several_replies_in_one_read_come_out_one_by_one) {
    const auto outcomes = outcomes_of({"426 aborted\r\n226-a\r\n226 b\r\n200 zzz\r\n22"});
    ASSERT_EQ(outcomes.size(), 3U);
    EXPECT_EQ(outcomes[0]->code, 426);
    EXPECT_EQ(outcomes[1]->text, "226-a\r\n226 b\r\n");
    EXPECT_EQ(outcomes[2]->code, 200);
}

TEST(ReplyParserTest, an_incomplete_reply_consumes_nothing) {
    ReplyParser parser;
    const auto step = parser.next("220-a\r\n220 b\r");
    EXPECT_EQ(step.consumed, 0U);
    EXPECT_FALSE(step.reply);
    const auto next = parser.next("220-a\r\n220 b\r\n331 c\r\n");
    EXPECT_EQ(next.consumed, 14U);
    EXPECT_EQ(next.reply.value()->code, 220);
}

TEST(ReplyParserTest, transcripts_of_real_servers_are_understood) {
    const struct {
        std::string_view transcript;
        std::vector<int> codes;
    } rows[] = {
        {transcripts::vsftpd, {220, 530, 530, 211}},
        {transcripts::proftpd, {220, 200, 215, 211, 331, 230, 257, 211, 214, 211, 212,
                                227, 229, 229, 250, 500, 501, 522, 550, 226, 221}},
        {transcripts::pyftpdlib, {220, 200, 215, 211, 331, 230, 257, 211, 214, 211, 213,
                                  227, 229, 229, 250, 500, 501, 501, 550, 225, 221}},
        {transcripts::pure_ftpd, {220, 200, 215, 211, 421}},
        {transcripts::inetutils, {220, 200, 215, 530, 214, 211, 350, 530, 530, 530, 500, 221}},
        {transcripts::jfileserver, {220, 211, 227, 227, 426}},
    };
    for (const auto& row : rows) {
        std::vector<int> codes;
        std::string text;
        for (const auto& outcome : outcomes_of({row.transcript})) {
            ASSERT_TRUE(outcome);
            codes.push_back(outcome->code);
            text += outcome->text;
        }
        EXPECT_EQ(codes, row.codes);
        EXPECT_EQ(text, row.transcript);
    }
}

TEST(ReplyParserTest, a_split_at_any_byte_changes_nothing) {
    const std::string_view odd =
        "\r\n220-a\n230 b\r\r\n220 c\r\n227\r\n234-AUTH\r\n234\r\n220Hello\n200-\n\n200 \nSSH\r\n";
    for (const auto text : {odd, transcripts::proftpd, transcripts::pyftpdlib,
                            transcripts::pure_ftpd, transcripts::inetutils}) {
        const auto whole = outcomes_of({text});
        ASSERT_GE(whole.size(), 5U);
        for (std::size_t i = 0; i <= text.size(); ++i)
            ASSERT_EQ(outcomes_of({text.substr(0, i), text.substr(i)}), whole) << i;
        EXPECT_EQ(outcomes_of(single_bytes(text)), whole);
    }
}

TEST(ReplyParserTest, a_line_may_have_exactly_the_maximum_size) {
    const ReplyParser parser(10, 100);  // the end of the line counts
    EXPECT_TRUE(outcomes_of({"220 1234\r\n"}, parser).at(0));
    EXPECT_TRUE(outcomes_of({"220 12345\n"}, parser).at(0));
    for (const auto* received :
         {"220 12345\r\n", "220 123456", "220-a\r\n123456789\r\n220 b\r\n"}) {
        const auto outcomes = outcomes_of({received}, parser);
        ASSERT_EQ(outcomes.size(), 1U) << received;
        ASSERT_FALSE(outcomes[0]) << received;
        EXPECT_EQ(outcomes[0].error(), ReplyError::line_too_long);
        EXPECT_EQ(outcomes_of(single_bytes(received), parser), outcomes);
    }
}

TEST(ReplyParserTest, the_limit_of_a_line_is_not_the_limit_of_a_reply) {
    std::string many_lines = "220-a\r\n";
    for (int i = 0; i < 1000; ++i) many_lines += "a line of the day's long message\r\n";
    many_lines += "220 b\r\n";
    ASSERT_GT(many_lines.size(), 8192U);
    const auto outcomes = outcomes_of({many_lines});
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes[0]->text, many_lines);
}

TEST(ReplyParserTest, a_reply_may_have_exactly_the_maximum_size) {
    const ReplyParser parser(10, 21);
    EXPECT_TRUE(outcomes_of({"220-a\r\n123456\r\n220 \r\n"}, parser).at(0));
    for (const auto* received :
         {"220-a\r\n1234567\r\n220 \r\n", "220-a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\n"}) {
        const auto outcomes = outcomes_of({received}, parser);
        ASSERT_EQ(outcomes.size(), 1U) << received;
        ASSERT_FALSE(outcomes[0]) << received;
        EXPECT_EQ(outcomes[0].error(), ReplyError::reply_too_long);
        EXPECT_EQ(outcomes_of(single_bytes(received), parser), outcomes);
    }
}

TEST(ReplyParserTest, the_limit_applies_to_each_reply_separately) {
    const auto outcomes =
        outcomes_of({"220 123\r\n220 123\r\n220 123\r\n220 123\r\n"}, ReplyParser(10, 12));
    EXPECT_EQ(outcomes.size(), 4U);
    for (const auto& outcome : outcomes) EXPECT_TRUE(outcome);
}

TEST(ReplyParserTest, a_reply_that_ends_with_another_code_can_be_settled) {
    const struct {
        const char* received;
        std::uint16_t code;
        const char* text;
    } rows[] = {
        {"220-a\r\n230 b\r\n", 230, "230-a\r\n230 b\r\n"},
        {"220-a\n b\n230\n", 230, "230-a\r\n b\r\n230 \r\n"},
        // A strict reader would take this inner line for the end, so it is indented.
        {"220-a\r\n230 b\r\n230\r\n220-c\r\n230 d\r\n", 230,
         "230-a\r\n 230 b\r\n 230\r\n220-c\r\n230 d\r\n"},
        {"\r\n220-a\r\n530 b\r\n", 530, "530-a\r\n530 b\r\n"},
    };
    for (const auto& row : rows) {
        ReplyParser parser;
        EXPECT_FALSE(parser.may_settle(row.received)) << "before anything was looked at";
        ASSERT_FALSE(parser.next(row.received).reply);
        ASSERT_TRUE(parser.may_settle(row.received)) << row.received;
        const auto step = parser.settle(row.received);
        EXPECT_EQ(step.consumed, std::string_view(row.received).size());
        ASSERT_TRUE(step.reply && *step.reply);
        EXPECT_EQ((*step.reply)->code, row.code);
        EXPECT_EQ((*step.reply)->text, row.text);
        EXPECT_EQ(outcomes_of({(*step.reply)->text}), std::vector<Outcome>{**step.reply});
        // The parser is ready for the next reply.
        EXPECT_FALSE(parser.may_settle(""));
        EXPECT_EQ(parser.next("200 ok\r\n").reply.value()->code, 200);
    }
}

TEST(ReplyParserTest, a_reply_that_continues_is_not_settled) {
    for (const auto* received :
         {"", "2", "220 a", "220-a", "220-a\r\n", "220-a\r\n230 b", "220-a\r\n230-b\r\n",
          "220-a\r\nb\r\n", "220-a\r\n 230 b\r\n", "220-a\r\n2300 b\r\n", "220-a\r\n230 b\r\nc\r\n",
          "220-a\r\n\r\n", "220-a\r\n600 b\r\n"}) {
        ReplyParser parser;
        ASSERT_FALSE(parser.next(received).reply) << received;
        EXPECT_FALSE(parser.may_settle(received)) << received;
        const auto step = parser.settle(received);
        EXPECT_EQ(step.consumed, 0U);
        EXPECT_FALSE(step.reply) << received;
    }
}

TEST(ReplyParserTest, a_reply_may_continue_before_it_is_settled) {
    ReplyParser parser;
    ASSERT_FALSE(parser.next("211-a\r\n212 b\r\n").reply);
    EXPECT_TRUE(parser.may_settle("211-a\r\n212 b\r\n"));
    const auto step = parser.next("211-a\r\n212 b\r\n211 c\r\n");
    EXPECT_EQ(step.reply.value()->code, 211);
}

/// The text that is passed on if whole lines are taken as soon as they are there, and the final
/// code.
struct PassedOn {
    std::string text;
    std::uint16_t code = 0;
};
PassedOn passed_on(const std::vector<std::string_view>& pieces, ReplyParser parser) {
    PassedOn passed;
    std::string buffer;
    for (const auto piece : pieces) {
        buffer += piece;
        auto step = parser.next(buffer);
        buffer.erase(0, step.consumed);
        if (!step.reply) {
            const auto lines = parser.take_lines(buffer);
            buffer.erase(0, lines.consumed);
            passed.text += lines.text;
            continue;
        }
        EXPECT_TRUE(*step.reply);
        passed.text += (*step.reply)->text;
        passed.code = (*step.reply)->code;
    }
    if (!buffer.empty()) {
        const auto step = parser.settle(buffer);
        EXPECT_TRUE(step.reply && *step.reply);
        passed.text += (*step.reply)->text;
        passed.code = (*step.reply)->code;
    }
    EXPECT_FALSE(parser.is_partly_taken());
    return passed;
}

TEST(ReplyParserTest, a_reply_that_is_taken_in_lines_is_the_same_reply) {
    for (const std::string_view reply :
         {"213-Status\n one\r\n226 two\r\n\r\n213three\r\n213-four\r\n213 End\r\n",
          "\r\n\xff\xfe\x01"
          "211-a\r\n \xff\xfe b\r\n211 c\r\n",
          "220 Hello\r\n", "150-a\r\n150\r\n",
          "250-Begin\r\n100 files\r\n200 files\r\n250 End\r\n"}) {
        ReplyParser parser;
        const auto whole = **parser.next(reply).reply;
        for (std::size_t size = 1; size <= reply.size(); ++size) {
            std::vector<std::string_view> pieces;
            for (std::size_t at = 0; at < reply.size(); at += size)
                pieces.push_back(reply.substr(at, size));
            const auto passed = passed_on(pieces, ReplyParser());
            EXPECT_EQ(passed.text, whole.text);
            EXPECT_EQ(passed.code, whole.code);
        }
    }
}

TEST(ReplyParserTest, the_limit_of_a_reply_does_not_count_lines_already_taken) {
    std::vector<std::string_view> pieces = {"213-Status\r\n"};
    pieces.insert(pieces.end(), 1000, " a file\r\n");
    pieces.emplace_back("213 End\r\n");
    const auto passed = passed_on(pieces, ReplyParser(24, 64));
    EXPECT_EQ(passed.text.size(), 12 + 9 * 1000 + 9);
    EXPECT_EQ(passed.code, 213);
}

TEST(ReplyParserTest, a_reply_keeps_the_code_of_its_first_lines) {
    const auto passed = passed_on({"211-Begin\r\n", " inside\r\n", "214 End\r\n"}, ReplyParser());
    EXPECT_EQ(passed.text, "211-Begin\r\n inside\r\n211 End\r\n");
    EXPECT_EQ(passed.code, 211);
    const auto held = passed_on({"211-Begin\r\n inside\r\n214 End\r\n"}, ReplyParser());
    EXPECT_EQ(held.text, "214-Begin\r\n inside\r\n214 End\r\n");
    EXPECT_EQ(held.code, 214);
}

TEST(ReplyParserTest, takes_nothing_without_a_whole_line) {
    ReplyParser parser;
    EXPECT_FALSE(parser.next("213-Sta").reply);
    EXPECT_EQ(parser.begun_code(), 0);
    EXPECT_EQ(parser.take_lines("213-Sta").consumed, 0);
    EXPECT_FALSE(parser.next("213-Status\r\n on").reply);
    EXPECT_EQ(parser.begun_code(), 213);
    EXPECT_EQ(parser.take_lines("213-Status\r\n on").text, "213-Status\r\n");
    EXPECT_FALSE(parser.next(" on").reply);
    EXPECT_EQ(parser.take_lines(" on").consumed, 0);
    EXPECT_TRUE(parser.is_partly_taken());
}

TEST(ReplyTest, the_first_digit_says_what_kind_it_is) {
    EXPECT_TRUE(make_reply(150, "").is_preliminary());
    EXPECT_TRUE(make_reply(226, "").is_positive());
    EXPECT_FALSE(make_reply(331, "").is_positive() || make_reply(331, "").is_negative());
    EXPECT_TRUE(make_reply(421, "").is_negative());
    EXPECT_TRUE(make_reply(550, "").is_negative());
    EXPECT_EQ(make_reply(350, "").kind(), 3);
}

TEST(ReplyTest, the_message_of_an_empty_reply_is_empty) {
    EXPECT_EQ(Reply{}.message(), "");
    EXPECT_EQ((Reply{200, "200"}.message()), "");
    EXPECT_EQ((Reply{200, "2"}.message()), "");
}

TEST(ReplyTest, a_made_reply_is_one_line_for_any_text) {
    EXPECT_EQ(make_reply(220, "Hello").text, "220 Hello\r\n");
    EXPECT_EQ(make_reply(550, "a\r\n226 b\nc").text, "550 a  226 b c\r\n");
    EXPECT_EQ(make_reply(200, "").text, "200 \r\n");
}

TEST(ReplyTest, a_made_reply_of_several_lines_ends_only_at_its_end) {
    EXPECT_EQ(make_reply(211, "Features:", " EPSV\r\n SIZE\r\n", "End").text,
              "211-Features:\r\n EPSV\r\n SIZE\r\n211 End\r\n");
    EXPECT_EQ(make_reply(211, "a", "", "b").text, "211-a\r\n211 b\r\n");
    EXPECT_EQ(make_reply(211, "a\r\nx", "b\n211 c\n211\nd", "e\nf").text,
              "211-a  x\r\nb\r\n 211 c\r\n 211\r\nd\r\n211 e f\r\n");
    EXPECT_EQ(make_reply(211, "a", " b\r\n", "c").message(), "c");
}

}  // namespace
}  // namespace ballast::ftp
