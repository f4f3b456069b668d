// SPDX-License-Identifier: Apache-2.0
#include "base/log_line.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::log {
namespace {

using testing::HasSubstr;
using testing::Not;

// 2026-11-29T12:00:00.000005Z
constexpr auto noon = std::chrono::system_clock::time_point(std::chrono::seconds(1795953600) +
                                                            std::chrono::microseconds(5));

std::string syslog_of(std::string_view message, std::vector<Field> fields,
                      Level level = Level::warning) {
    return syslog_line({level, message, fields, noon},
                       {.facility = 3, .host = "lb1", .process = "42"});
}

std::string journal_of(std::string_view message, std::vector<Field> fields) {
    return journal_entry({Level::warning, message, fields, noon}, 3);
}

TEST(SyslogLine, has_the_header_of_rfc_5424_the_fields_and_the_text) {
    EXPECT_EQ(
        syslog_of("backend down",
                  {{"backend", "f1"}, {"reason", "no answer"}, {"seconds", std::int64_t{-5}}}),
        "<28>1 2026-11-29T12:00:00.000005Z lb1 ballast 42 - "
        R"([ballast@32473 backend="f1" reason="no answer" seconds="-5"] )"
        R"(backend down backend=f1 reason="no answer" seconds=-5)");
    EXPECT_EQ(syslog_of("ended", {}, Level::info),
              "<30>1 2026-11-29T12:00:00.000005Z lb1 ballast 42 - - ended");
}

TEST(SyslogLine, names_facility_and_severity_in_one_number) {
    const auto begin = [](Level level, std::uint8_t facility) {
        const auto line = syslog_line({level, "x", {}, noon}, {facility, "lb1", "42"});
        return line.substr(0, line.find('1', line.find('>')));
    };
    EXPECT_EQ(begin(Level::error, 3), "<27>");
    EXPECT_EQ(begin(Level::debug, 11), "<95>");
    EXPECT_EQ(begin(Level::info, 23), "<190>");
}

TEST(SyslogLine, escapes_what_would_end_a_parameter) {
    EXPECT_THAT(syslog_of("x", {{"file", R"(a"b]c\d=e f)"}}),
                HasSubstr(R"([ballast@32473 file="a\"b\]c\\d=e f"] x)"));
}

TEST(SyslogLine, never_has_a_control_character_or_bytes_that_are_not_utf_8) {
    const auto line = syslog_of("x", {{"file", "a\r\nb\x1b[31m\xff\x7f"}});
    EXPECT_THAT(line, HasSubstr(R"(file="a\\u000d\\u000ab\\u001b[31m\\u00ff\\u007f"])"));
    EXPECT_THAT(line, HasSubstr(R"(x file="a\u000d\u000ab\u001b[31m\u00ff\u007f")"));
    for (const char c : line) EXPECT_TRUE(0x20 <= c && c < 0x7f) << int{c};
}

TEST(SyslogLine, begins_text_that_is_not_ascii_with_a_byte_order_mark) {
    EXPECT_THAT(syslog_of("x", {{"user", "j\xc3\xbcrgen"}}),
                HasSubstr("user=\"j\xc3\xbcrgen\"] \xef\xbb\xbfx user=j\xc3\xbcrgen"));
    EXPECT_THAT(syslog_of("x", {{"user", "jo"}}), Not(HasSubstr("\xef\xbb\xbf")));
}

TEST(SyslogLine, has_a_bound_and_cuts_no_character_in_two) {
    std::string umlauts;
    for (int i = 0; i < 30000; ++i) umlauts += "\xc3\xbc";
    std::vector<Field> fields;
    fields.reserve(20);
    for (int i = 0; i < 20; ++i) fields.push_back({"file", umlauts});
    for (const std::size_t shift : {0U, 1U}) {
        const auto line = syslog_of(std::string(1 + shift, 'x'), fields);
        EXPECT_LE(line.size(), syslog_bytes_max);
        EXPECT_GT(line.size(), syslog_bytes_max - 8);
        EXPECT_TRUE(line.ends_with("\xc3\xbc...")) << line.substr(line.size() - 10);
        EXPECT_THAT(line, HasSubstr("\"] \xef\xbb\xbfx"));
    }
}

TEST(SyslogLine, leaves_a_name_that_is_too_long_to_the_text) {
    const std::string name(33, 'n');
    const auto line = syslog_of("x", {{name, "value"}, {"next", "y"}});
    EXPECT_THAT(line, HasSubstr("[ballast@32473 next=\"y\"] x " + name + "=value next=y"));
}

TEST(SyslogLine, says_nothing_of_a_host_whose_name_is_unusable) {
    for (const auto& host : {std::string(), std::string("two words"), std::string(256, 'h')}) {
        const auto line = syslog_line({Level::info, "x", {}, noon}, {3, host, "42"});
        EXPECT_THAT(line, HasSubstr("Z - ballast 42")) << host;
    }
}

TEST(JournalEntry, has_text_for_people_and_each_field_as_it_is) {
    EXPECT_EQ(
        journal_of("backend down",
                   {{"pool", "files"}, {"reason", "no answer"}, {"days_left", std::int64_t{3}}}),
        "MESSAGE=backend down pool=files reason=\"no answer\" days_left=3\n"
        "PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=ballast\n"
        "BALLAST_MESSAGE=backend down\nBALLAST_POOL=files\nBALLAST_REASON=no answer\n"
        "BALLAST_DAYS_LEFT=3\n");
}

TEST(JournalEntry, a_line_end_in_a_value_cannot_begin_a_field) {
    const auto entry = journal_of("x", {{"file", "a\nPRIORITY=0"}});
    const std::string length("\x0c\0\0\0\0\0\0\0", 8);
    EXPECT_THAT(entry, HasSubstr("MESSAGE=x file=\"a\\u000aPRIORITY=0\"\n"));
    EXPECT_TRUE(entry.ends_with("BALLAST_FILE\n" + length + "a\nPRIORITY=0\n"));
}

TEST(JournalEntry, cuts_long_texts) {
    const std::string name(100'000, 'n');
    EXPECT_LT(journal_of("x", {{"file", name}}).size(), 20'000);
}

}  // namespace
}  // namespace ballast::log
