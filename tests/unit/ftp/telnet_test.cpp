// SPDX-License-Identifier: Apache-2.0
#include "ftp/telnet.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace ballast::ftp {
namespace {

bool may_be_read_as(std::string_view argument, std::string_view expected) {
    const auto readings = telnet_readings(argument);
    return std::ranges::any_of(readings, [&](std::string_view each) { return each == expected; });
}

TEST(Telnet, a_command_has_two_bytes_an_option_three_and_a_subnegotiation_its_end) {
    const struct {
        std::string_view text;
        std::size_t length;
    } rows[] = {
        {"", 0},          {"a", 0},          {"\xff", 0},       {"\xff\xff", 0},
        {"\xff\xef", 0},  {"\xff\xf0", 2},   {"\xff\xf2z", 2},  {"\xff\xfb", 2},
        {"\xff\xfbz", 3}, {"\xff\xfezz", 3}, {"\xff\xfazz", 2}, {"\xff\xfazz\xff\xf0z", 6},
    };
    for (const auto& row : rows) EXPECT_EQ(telnet_length(row.text), row.length) << row.text;
}

TEST(Telnet, an_argument_without_0xff_reads_as_it_is) {
    EXPECT_EQ(telnet_readings("\xf4\xf2 a").size(), 1U);
    EXPECT_EQ(telnet_readings("").front(), "");
}

TEST(Telnet, a_name_has_the_readings_of_each_kind_of_server) {
    const struct {
        std::string_view argument;
        std::string_view reading;
    } rows[] = {
        {"a\xff\xf1z", "a\xff\xf1z"},          // vsftpd, pyftpdlib: bytes
        {"a\xff\xf1z", "az"},                  // inetutils-ftpd
        {"a\xff_z", "az"},                     // the same
        {"a\xff\xfb_z", "az"},                 // and ProFTPD
        {"a\xff\xf4z\xff\xf1", "az\xff\xf1"},  // ProFTPD knows few commands
        {"a\xff\xffz", "a\xffz"},
        {"a\xff\xfaxyz\xff\xf0z", "az"},
        {"a\xff\xfaxyz\xff\xf0z", "axyzz"},
    };
    for (const auto& row : rows) EXPECT_TRUE(may_be_read_as(row.argument, row.reading));
    EXPECT_EQ(without_telnet("\xff\xff\xf4 a\xff\xf1z"), "\xff\xf4 az");
}

}  // namespace
}  // namespace ballast::ftp
