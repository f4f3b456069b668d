// SPDX-License-Identifier: Apache-2.0
#include "guard/command_policy.h"

#include "guard/access_list.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::guard {
namespace {

int code_of(const config::Listener& listener, const char* verb, const char* argument = "") {
    const auto refusal = refusal_of(listener, verb, argument);
    return refusal ? refusal->code : 0;
}

TEST(CommandPolicy, allows_everything_by_default) {
    for (const auto* const verb : {"USER", "STOR", "SITE", "XYZZY", "DELE"})
        EXPECT_EQ(code_of({}, verb, "anonymous"), 0) << verb;
}

TEST(CommandPolicy, checks_denied_commands_before_allowed_ones) {
    config::Listener listener;
    listener.deny_commands = {"site", "RETR"};
    listener.allow_commands = {"RETR", "list"};
    EXPECT_EQ(code_of(listener, "SITE"), 502);
    EXPECT_EQ(code_of(listener, "RETR"), 502);
    EXPECT_EQ(code_of(listener, "LIST"), 0);
    EXPECT_EQ(code_of(listener, "NLST"), 502);
    EXPECT_EQ(code_of(listener, "XYZZY"), 502);
    for (const auto* const verb : {"USER", "PASS", "QUIT", "AUTH", "PASV", "EPRT", "TYPE", "ABOR"})
        EXPECT_EQ(code_of(listener, verb), 0) << verb;
    listener.deny_commands = {"PORT"};
    EXPECT_EQ(code_of(listener, "PORT"), 502);
}

TEST(CommandPolicy, allows_no_changes_if_read_only) {
    config::Listener listener;
    listener.read_only = true;
    for (const auto* const verb :
         {"STOR", "STOU", "APPE", "DELE", "RMD", "XRMD", "MKD", "XMKD", "RNFR", "RNTO", "SITE",
          "MFMT", "MFCT", "MFF", "COMB", "SMNT", "XYZZY"})
        EXPECT_EQ(code_of(listener, verb), 550) << verb;
    for (const auto* const verb : {"RETR", "LIST", "MLSD", "CWD", "SIZE", "REST", "PASV", "QUIT"})
        EXPECT_EQ(code_of(listener, verb), 0) << verb;
}

TEST(CommandPolicy, refuses_an_mdtm_that_a_server_may_take_for_a_change) {
    config::Listener listener;
    listener.read_only = true;
    for (const auto* const argument :
         {"20260101000000 file", "20200101 f", "20200101000000.5 f", "20200101000000+180 f",
          "20200101000000-0300 f", "20200101abcdef f", "202001010000 f", "20200101000000\tf",
          " 20200101 f", "\t20200101  two words", "20200101000000Z f"})
        EXPECT_EQ(code_of(listener, "MDTM", argument), 550) << argument;
    for (const auto* const argument : {"file", "20260101000000", "20260101", "2026 report.pdf",
                                       "my 20200101 f", "2020-01-01 f", "2026010x f"})
        EXPECT_EQ(code_of(listener, "MDTM", argument), 0) << argument;
    listener.read_only = false;
    EXPECT_EQ(code_of(listener, "MDTM", "20200101 f"), 0);
}

TEST(CommandPolicy, refuses_every_change_of_files_that_looks_like_a_question) {
    config::Listener listener;
    listener.read_only = true;
    // Commands of one kind of server only count as changes, whatever their arguments.
    for (const auto* const verb : {"SITE", "MFMT", "MFCT", "MFF", "MFHR", "MDFM", "MDAC", "UTIME",
                                   "CHMOD", "XSEN", "XMAS", "RMDA", "ESTA", "ESTP", "APPE"})
        for (const auto* const argument :
             {"", "20200101000000 f", "UTIME f", "CHMOD 600 f", "HELP"})
            EXPECT_EQ(code_of(listener, verb, argument), 550) << verb << ' ' << argument;
    // These set options of the session, not of files.
    for (const auto* const argument : {"UTF8 ON", "MLST type;size;", "HASH SHA-256"})
        EXPECT_EQ(code_of(listener, "OPTS", argument), 0) << argument;
}

TEST(CommandPolicy, matches_arguments_against_their_patterns) {
    config::Listener listener;
    listener.allow_arguments = {"SITE CHMOD *", "site UMASK", "RETR *.pdf"};
    EXPECT_EQ(code_of(listener, "SITE", "chmod 644 file"), 0);
    EXPECT_EQ(code_of(listener, "SITE", "UMASK"), 0);
    EXPECT_EQ(code_of(listener, "SITE", "UMASK 022"), 550);
    EXPECT_EQ(code_of(listener, "SITE", "EXEC rm"), 550);
    EXPECT_EQ(code_of(listener, "RETR", "a/b.PDF"), 0);
    EXPECT_EQ(code_of(listener, "RETR", "a/b.pdf.exe"), 550);
    EXPECT_EQ(code_of(listener, "STOR", "anything"), 0);
    listener.deny_arguments = {"STOR *.exe", "RETR secret*"};
    EXPECT_EQ(code_of(listener, "STOR", "virus.EXE"), 550);
    EXPECT_EQ(code_of(listener, "STOR", "letter.txt"), 0);
    EXPECT_EQ(code_of(listener, "RETR", "secret.pdf"), 550);
}

TEST(CommandPolicy, no_spelling_and_no_old_name_gets_around_it) {
    config::Listener listener;
    listener.deny_arguments = {"SITE CHMOD *", "MKD secret*"};
    for (const auto* const argument : {" CHMOD 777 f", "CHMOD\t777 f", "\tchmod  777 f", "CHMOD 7"})
        EXPECT_EQ(code_of(listener, "SITE", argument), 550) << argument;
    EXPECT_EQ(code_of(listener, "SITE", "UMASK"), 0);
    EXPECT_EQ(code_of(listener, "XMKD", "secret"), 550);
    EXPECT_EQ(code_of(listener, "XMKD", "other"), 0);
    listener.deny_commands = {"MKD", "XPWD"};
    EXPECT_EQ(code_of(listener, "XMKD", "other"), 502);
    EXPECT_EQ(code_of(listener, "XPWD"), 502);
    EXPECT_EQ(code_of(listener, "PWD"), 0);
    listener.deny_commands.clear();
    listener.allow_commands = {"CWD"};
    EXPECT_EQ(code_of(listener, "XCWD"), 0);
    EXPECT_EQ(code_of(listener, "PWD"), 502);
}

TEST(CommandPolicy, telnet_commands_within_an_argument_hide_nothing) {
    config::Listener listener;
    listener.deny_arguments = {"SITE CHMOD *", "RETR *.key"};
    for (const auto* const argument :
         {"CH\xff\xf1MOD 777 f", "\xff\xfb CHMOD 777 f", "CH\xff_MOD 777 f", "CHMOD\xff\xf1 777 f"})
        EXPECT_EQ(code_of(listener, "SITE", argument), 550) << argument;
    EXPECT_EQ(code_of(listener, "RETR",
                      "a.k\xff\xf4"
                      "ey"),
              550);
    EXPECT_EQ(code_of(listener, "RETR",
                      "\xff\xf2"
                      "1.doc"),
              0);
    listener.deny_arguments.clear();
    listener.allow_arguments = {"RETR pub/*"};
    EXPECT_EQ(code_of(listener, "RETR",
                      "pub/\xff\xf2"
                      "1.doc"),
              0);
    EXPECT_EQ(code_of(listener, "RETR", "pub\xff/secret"), 550);
    listener.read_only = true;
    EXPECT_EQ(code_of(listener, "MDTM",
                      "2020\xff\xf1"
                      "0101 f"),
              550);
    EXPECT_EQ(code_of(listener, "MDTM",
                      "\xff\xf2"
                      "1.doc"),
              0);
    listener.anonymous = false;
    EXPECT_EQ(code_of(listener, "USER", "anony\xff\xf1mous"), 530);
}

TEST(CommandPolicy, refuses_anonymous_if_so_configured) {
    config::Listener listener;
    listener.anonymous = false;
    EXPECT_EQ(code_of(listener, "USER", "anonymous"), 530);
    EXPECT_EQ(code_of(listener, "USER", "FTP"), 530);
    EXPECT_EQ(code_of(listener, "USER", "ftpadmin"), 0);
    EXPECT_EQ(code_of(listener, "PASS", "ftp"), 0);
}

TEST(Access, checks_denied_networks_before_allowed_ones) {
    const auto ip = [](const char* text) { return base::Ip::parse(text).value(); };
    const auto network = [](const char* text) { return base::Subnet::parse(text).value(); };
    config::Listener listener;
    EXPECT_TRUE(admits(listener, ip("198.51.100.7")));
    listener.deny_from = {network("198.51.100.0/24"), network("2001:db8::/32")};
    EXPECT_FALSE(admits(listener, ip("198.51.100.7")));
    EXPECT_FALSE(admits(listener, ip("2001:db8::7")));
    EXPECT_TRUE(admits(listener, ip("192.0.2.7")));
    listener.allow_from = {network("198.51.0.0/16")};
    EXPECT_FALSE(admits(listener, ip("198.51.100.7")));
    EXPECT_TRUE(admits(listener, ip("198.51.101.7")));
    EXPECT_FALSE(admits(listener, ip("192.0.2.7")));
    // The mapped form is the same host.
    EXPECT_TRUE(admits(listener, ip("::ffff:198.51.101.7")));
}

}  // namespace
}  // namespace ballast::guard
