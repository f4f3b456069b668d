// SPDX-License-Identifier: Apache-2.0
#include "ftp/command.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::ftp {
namespace {

using namespace std::string_view_literals;
using Outcome = std::expected<Command, CommandError>;

/// Feeds the pieces one after the other, as reads from a socket would bring them.
std::vector<Outcome> outcomes_of(const std::vector<std::string_view>& pieces,
                                 std::size_t line_bytes_max = 8192) {
    CommandParser parser(line_bytes_max);
    std::vector<Outcome> outcomes;
    std::string buffer;
    for (const auto piece : pieces) {
        buffer += piece;
        for (;;) {
            auto step = parser.next(buffer);
            EXPECT_LE(step.consumed, buffer.size());
            buffer.erase(0, step.consumed);
            if (!step.command) break;
            outcomes.push_back(std::move(*step.command));
        }
    }
    return outcomes;
}

Outcome outcome_of(std::string_view received) {
    const auto outcomes = outcomes_of({received});
    EXPECT_EQ(outcomes.size(), 1U) << escaped(received);
    return outcomes.empty() ? Outcome(std::unexpected(CommandError::too_long)) : outcomes.front();
}

TEST(CommandParserTest, a_line_becomes_verb_argument_and_line) {
    const struct {
        std::string_view received;
        std::string_view verb;
        std::string_view argument;
        std::string_view line;
    } rows[] = {
        {"NOOP\r\n", "NOOP", "", "NOOP"},
        {"noop\r\n", "NOOP", "", "noop"},
        {"NOOP\n", "NOOP", "", "NOOP"},
        {"NOOP\r\r\n", "NOOP", "", "NOOP"},
        {"RETR a\r\r\r\n", "RETR", "a", "RETR a"},
        {"RETR a\r\n", "RETR", "a", "RETR a"},
        {"Retr  two  spaces \r\n", "RETR", " two  spaces ", "Retr  two  spaces "},
        {"PASV \r\n", "PASV", "", "PASV "},
        {"PASS secret %41 \xff\xff \\\r\n", "PASS", "secret %41 \xff\xff \\",
         "PASS secret %41 \xff\xff \\"},
        {"CWD f\xc3\xbcr\r\n", "CWD", "f\xc3\xbcr", "CWD f\xc3\xbcr"},
        {"RETR a\tb\x01\r\n", "RETR", "a\tb\x01", "RETR a\tb\x01"},
        {"XSHA256 f\r\n", "XSHA256", "f", "XSHA256 f"},
        {"X-Y_Z 1\r\n", "X-Y_Z", "1", "X-Y_Z 1"},
        {"NLST -CF\r\n", "NLST", "-CF", "NLST -CF"},  // ncftpls, Net::FTP
    };
    for (const auto& row : rows) {
        const auto command = outcome_of(row.received);
        ASSERT_TRUE(command) << escaped(row.received);
        EXPECT_EQ(command->verb, row.verb);
        EXPECT_EQ(command->argument, row.argument);
        EXPECT_EQ(command->line, row.line);
    }
}

TEST(CommandParserTest, telnet_commands_are_removed_only_in_front_of_the_verb) {
    const struct {
        std::string_view received;
        std::string_view line;
    } rows[] = {
        {"\xff\xf4\xff\xf2"
         "ABOR\r\n",
         "ABOR"},  // RFC 959 4.1.3: IP, Synch
        {"\xff\xf4\xf2"
         "ABOR\r\n",
         "ABOR"},  // the IAC of the Synch was lost
        {"\xf4\xf2"
         "ABOR\r\n",
         "ABOR"},  // torn by urgent data
        {"\xf4\xff"
         "ABOR\r\n",
         "ABOR"},
        {"\xff"
         "ABOR\r\n",
         "ABOR"},
        {"\xf2"
         "ABOR\r\n",
         "ABOR"},
        {"\xff\xf4\xff\xff\xf2"
         "ABOR\r\n",
         "ABOR"},
        {"\xff\xfb\x01\xff\xfd\x03"
         "NOOP\r\n",
         "NOOP"},                            // WILL ECHO, DO SGA
        {"\xff\xfb\x00NOOP\r\n"sv, "NOOP"},  // WILL BINARY: its NUL goes with it
        {"\xff\xfa\x18\x00xterm\xff\xf0"
         "NOOP\r\n"sv,
         "NOOP"},
        {"\xff\xfaNOOP\r\n", "NOOP"},  // a subnegotiation without an end
        // In an argument 0xFF is a letter, of cp1251 and KOI8 names for instance.
        {"DELE \xff\xf2"
         "1.doc\r\n",
         "DELE \xff\xf2"
         "1.doc"},
        {"STOR \xff\xf0\xff\xf4\xff\xff\xfe\r\n", "STOR \xff\xf0\xff\xf4\xff\xff\xfe"},
        {"PASS \xff\xfb\xff\xfd\xff\xf9\r\n", "PASS \xff\xfb\xff\xfd\xff\xf9"},
        {"RETR a\xff\xfa\x18xterm\xff\xf0"
         "b\r\n",
         "RETR a\xff\xfa\x18xterm\xff\xf0"
         "b"},
        {"RETR a\xff\xff\xf4"
         "b\r\n",
         "RETR a\xff\xff\xf4"
         "b"},  // lftp doubles 0xFF
        {"RETR a\xff"
         "b\r\n",
         "RETR a\xff"
         "b"},
        {"RETR a\xff\r\n", "RETR a\xff"},
        {"RETR \xf4\xf2\r\n", "RETR \xf4\xf2"},
        {"RETR a\xff\xfb\r\n", "RETR a\xff\xfb"},
        {"\xff\xf4\xff\xf2STAT \xff\xf4\xff\xf2\r\n", "STAT \xff\xf4\xff\xf2"},
    };
    for (const auto& row : rows) {
        const auto command = outcome_of(row.received);
        ASSERT_TRUE(command) << escaped(row.received);
        EXPECT_EQ(command->line, row.line) << escaped(row.received);
    }
}

TEST(CommandParserTest, bytes_that_could_smuggle_a_command_are_refused) {
    const struct {
        std::string_view received;
        CommandError error;
    } rows[] = {
        {"\r\n", CommandError::not_a_command},
        {"\n", CommandError::not_a_command},
        {"\r\r\n", CommandError::not_a_command},
        {" \r\n", CommandError::not_a_command},
        {"\xff\xf4\xff\xf2\r\n", CommandError::not_a_command},
        {" PORT 127,0,0,1,4,5\r\n", CommandError::not_a_command},
        {"\tPORT 127,0,0,1,4,5\r\n", CommandError::not_a_command},
        {"PORT\t127,0,0,1,4,5\r\n", CommandError::not_a_command},
        {"PO\xff\xf1RT 127,0,0,1,4,5\r\n", CommandError::not_a_command},
        {"PO\xff\xfb\x01RT 127,0,0,1,4,5\r\n", CommandError::not_a_command},
        {"PO\xffRT 127,0,0,1,4,5\r\n", CommandError::not_a_command},
        {"PORT\xff 127,0,0,1,4,5\r\n", CommandError::not_a_command},
        {"ABOR\xff\xf4\xff\xf2\r\n", CommandError::not_a_command},
        {"STAT\xff\xf1 a\r\n", CommandError::not_a_command},
        {"P\xc3\xb6RT 1\r\n", CommandError::not_a_command},
        {"NOOP\rPORT 127,0,0,1,4,5\r\n", CommandError::forbidden_byte},
        {"RETR a\rb\r\n", CommandError::forbidden_byte},
        {"RETR a\rb\r\r\n", CommandError::forbidden_byte},
        {"RETR a\r \r\n", CommandError::forbidden_byte},
        {"RETR a\0b\r\n"sv, CommandError::forbidden_byte},
        {"\0NOOP\r\n"sv, CommandError::forbidden_byte},
        {"NO\0OP\r\n"sv, CommandError::forbidden_byte},
        {"RETR a\r\0\r\n"sv, CommandError::forbidden_byte},  // RFC 854: a bare CR as CR NUL
    };
    for (const auto& row : rows) {
        const auto command = outcome_of(row.received);
        ASSERT_FALSE(command) << escaped(row.received);
        EXPECT_EQ(command.error(), row.error) << escaped(row.received);
    }
}

TEST(CommandParserTest, pipelined_commands_come_out_one_by_one) {
    const auto outcomes = outcomes_of({"USER a\r\nPASS b\r\n\r\nPASV\nRETR c\r\nQU"});
    ASSERT_EQ(outcomes.size(), 5U);
    EXPECT_EQ(outcomes[0]->verb, "USER");
    EXPECT_EQ(outcomes[1]->argument, "b");
    EXPECT_EQ(outcomes[2].error(), CommandError::not_a_command);
    EXPECT_EQ(outcomes[3]->verb, "PASV");
    EXPECT_EQ(outcomes[4]->line, "RETR c");
}

TEST(CommandParserTest, a_tls_handshake_is_not_a_command_and_neither_is_anything_behind_it) {
    constexpr std::string_view received = "NOOP\r\n\x16\x03\x01\x00\nUSER a\r\nNOOP\r\n"sv;
    for (std::size_t i = 0; i <= received.size(); ++i) {
        const auto outcomes = outcomes_of({received.substr(0, i), received.substr(i)});
        ASSERT_EQ(outcomes.size(), 2U) << i;
        EXPECT_EQ(outcomes[0]->verb, "NOOP");
        EXPECT_EQ(outcomes[1].error(), CommandError::begins_tls);
    }
    EXPECT_EQ(outcome_of("\x16 NOOP\r\n").error(), CommandError::not_a_command);
}

TEST(CommandParserTest, an_incomplete_line_consumes_nothing) {
    CommandParser parser;
    const auto step = parser.next("NOOP\r");
    EXPECT_EQ(step.consumed, 0U);
    EXPECT_FALSE(step.command);
    const auto next = parser.next("NOOP\r\nPASV\r\n");
    EXPECT_EQ(next.consumed, 6U);
    EXPECT_EQ(next.command.value()->verb, "NOOP");
}

constexpr std::string_view session =
    "AUTH TLS\r\nUSER anonymous\r\nPASS lftp@\r\nPWD\r\nFEAT\r\nTYPE I\r\nEPSV\r\nREST 5\r\n"
    "RETR \xff\xf2\xe9 \xff\xff.txt\r\n\xff\xf4\xff\xf2"
    "ABOR\r\nSITE CHMOD 644 a b\nRNFR a\r\n"
    "RNTO b\rc\r\n\r\nPO\xff\xf1RT 1\r\nNOOP xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nQUIT\r\n"sv;

TEST(CommandParserTest, a_split_at_any_byte_changes_nothing) {
    const auto whole = outcomes_of({session}, 40);
    ASSERT_EQ(whole.size(), 17U);
    EXPECT_EQ(whole[15].error(), CommandError::too_long);
    for (std::size_t i = 0; i <= session.size(); ++i)
        EXPECT_EQ(outcomes_of({session.substr(0, i), session.substr(i)}, 40), whole) << i;

    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < session.size(); ++i) bytes.push_back(session.substr(i, 1));
    EXPECT_EQ(outcomes_of(bytes, 40), whole);
}

TEST(CommandParserTest, a_line_may_have_exactly_the_maximum_size) {
    // The end of the line counts.
    EXPECT_TRUE(outcomes_of({"CWD 12\r\n"}, 8).front());
    EXPECT_EQ(outcomes_of({"CWD 123\r\n"}, 8).front().error(), CommandError::too_long);
    EXPECT_TRUE(outcomes_of({"CWD 123\n"}, 8).front());
    const auto longest = "CWD " + std::string(8186, 'a') + "\r\n";
    EXPECT_TRUE(outcomes_of({longest}).front());
    EXPECT_EQ(outcomes_of({"x" + longest}).front().error(), CommandError::too_long);
}

TEST(CommandParserTest, a_line_that_is_too_long_is_dropped_and_the_next_one_is_read) {
    const auto outcomes = outcomes_of({"STOR ", "aaaaaaaa", "aaaaaaaa", "a\r\nNOOP\r\n"}, 8);
    ASSERT_EQ(outcomes.size(), 2U);
    EXPECT_EQ(outcomes[0].error(), CommandError::too_long);
    EXPECT_EQ(outcomes[1]->verb, "NOOP");
}

TEST(CommandParserTest, a_line_without_an_end_never_fills_the_buffer) {
    CommandParser parser(64);
    std::string buffer;
    for (int i = 0; i < 1000; ++i) {
        buffer += "aaaaaaaaaaaaaaaa";
        const auto step = parser.next(buffer);
        EXPECT_FALSE(step.command);
        buffer.erase(0, step.consumed);
        ASSERT_LT(buffer.size(), 64U);
    }
}

TEST(LoggableTest, a_password_is_never_shown) {
    const struct {
        std::string_view received;
        std::string_view logged;
    } rows[] = {
        {"PASS secret\r\n", "PASS ***"},
        {"pass secret\r\n", "pass ***"},
        {"PaSs  secret with spaces\r\n", "PaSs ***"},
        {"PASS\r\n", "PASS ***"},
        {"ACCT secret\r\n", "ACCT ***"},
        {"acct secret\r\n", "acct ***"},
        {"ADAT c2VjcmV0\r\n", "ADAT ***"},
        {"\xff\xf4\xff\xf2PASS secret\r\n", "PASS ***"},
        {"\xf4\xffPASS secret\r\n", "PASS ***"},
        {"PASS \xff\xf1 secret\r\n", "PASS ***"},
        {"SITE PS\xff\xf1WD secret secret\r\n", "SITE ***"},
        {"SITE \xff\xfb PSWD secret secret\r\n", "SITE ***"},
        {"SITE PSWD secret secret\r\n", "SITE PSWD ***"},
        {"site  passwd secret\r\n", "site  passwd ***"},
        {"PASV\r\n", "PASV"},
        {"USER joe\r\n", "USER joe"},
        {"RETR PASS word\r\n", "RETR PASS word"},
        {"SITE CHMOD 644 PASS\r\n", "SITE CHMOD 644 PASS"},
        {"SITE\r\n", "SITE"},
        {"RETR f\xc3\xbcr\x1b[2J\r\n", "RETR f\\xc3\\xbcr\\x1b[2J"},
    };
    for (const auto& row : rows) {
        const auto command = outcome_of(row.received);
        ASSERT_TRUE(command);
        EXPECT_EQ(loggable(command->line), row.logged);
    }
}

TEST(LoggableTest, stray_bytes_in_front_of_the_verb_do_not_reveal_a_password) {
    // The parser removes them, but a line may come from elsewhere.
    for (const auto line : {"\xff\xf4PASS secret"sv, "\xf2\xffpass secret"sv, " PASS secret"sv,
                            "\xff\xff\xf4 ADAT secret"sv}) {
        const auto logged = loggable(line);
        EXPECT_EQ(logged.find("secret"), std::string::npos) << logged;
    }
}

TEST(EscapedTest, only_printable_ascii_is_not_escaped) {
    EXPECT_EQ(escaped(" a~"), " a~");
    EXPECT_EQ(escaped("\0\t\r\n\x7f\x80\xff"sv), "\\x00\\x09\\x0d\\x0a\\x7f\\x80\\xff");
    EXPECT_EQ(escaped(""), "");
}

}  // namespace
}  // namespace ballast::ftp
