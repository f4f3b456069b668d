// SPDX-License-Identifier: Apache-2.0
#include "session/journal.h"

#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using Lines = std::vector<std::string>;

ftp::Command command(const std::string& line) {
    const auto space = line.find(' ');
    return {line.substr(0, space),
            space == std::string::npos ? std::string() : line.substr(space + 1), line};
}

void note(Journal& journal, const std::string& line, std::uint16_t code = 200,
          const std::string& text = "Done.") {
    journal.note(command(line), ftp::make_reply(code, text));
}

TEST(Journal, keeps_what_brings_a_session_to_the_same_state) {
    Journal journal;
    note(journal, "CLNT tester");
    note(journal, "OPTS UTF8 ON");
    journal.note_login();
    note(journal, "TYPE I");
    note(journal, "STRU F");
    note(journal, "MODE S");
    note(journal, "LANG de");
    note(journal, "ALLO 500");
    note(journal, "CWD /in", 250);
    note(journal, "CWD sub", 250);
    note(journal, "CDUP", 250);
    EXPECT_TRUE(journal.is_binary());
    EXPECT_EQ(journal.lines(), (Lines{"CLNT tester", "OPTS UTF8 ON", "LANG de", "TYPE I", "MODE S",
                                      "STRU F", "ALLO 500", "CWD /in", "CWD sub", "CDUP"}));
    EXPECT_TRUE(journal.is_complete());
    EXPECT_EQ(journal.take_owed(), (Lines{"CLNT tester", "OPTS UTF8 ON"}));
}

TEST(Journal, does_not_keep_refused_commands) {
    Journal journal;
    note(journal, "TYPE I", 504);
    note(journal, "CWD /in", 550);
    note(journal, "OPTS UTF8 ON", 501);
    EXPECT_EQ(journal.lines(), Lines{});
}

TEST(Journal, keeps_no_password) {
    Journal journal;
    note(journal, "PASS secret", 230);
    note(journal, "ACCT secret", 230);
    EXPECT_EQ(journal.lines(), Lines{});
}

TEST(Journal, keeps_the_last_setting_of_each_option) {
    Journal journal;
    note(journal, "OPTS UTF8 ON");
    note(journal, "OPTS MLST type;size;");
    note(journal, "OPTS utf8 off");
    EXPECT_EQ(journal.take_owed(), (Lines{"OPTS MLST type;size;", "OPTS utf8 off"}));
}

TEST(Journal, forgets_relative_steps_at_an_absolute_path_and_at_a_257) {
    Journal journal;
    note(journal, "CWD a", 250);
    note(journal, "CWD /b", 250);
    EXPECT_EQ(journal.lines(), Lines{"CWD /b"});
    note(journal, "CWD c", 250);
    note(journal, "PWD", 257, "\"/b/c\" is current.");
    EXPECT_EQ(journal.lines(), Lines{"CWD /b/c"});
    note(journal, "PWD", 257, "nowhere");
    EXPECT_EQ(journal.lines(), Lines{"CWD /b/c"});
}

TEST(Journal, does_not_grow_without_bound) {
    Journal journal;
    for (int i = 0; i < 10'000; ++i) note(journal, "CWD a", 250);
    EXPECT_LE(journal.lines().size(), 300);
}

/// The size of all lines in bytes.
std::size_t bytes_of(const Journal& journal) {
    std::size_t bytes = 0;
    for (const auto& line : journal.lines()) bytes += line.size();
    return bytes;
}

TEST(Journal, is_bounded_before_login_and_incomplete_above_that) {
    Journal journal;
    int options = 0;
    for (; journal.is_complete(); ++options)
        note(journal, "OPTS X" + std::to_string(options) + std::string(1000, 'x'));
    EXPECT_EQ(options, 4);
    EXPECT_EQ(journal.gap(), "the client has set more than 4096 bytes");
    for (int i = 0; i < 1000; ++i) note(journal, "OPTS Y" + std::to_string(i));
    EXPECT_LE(bytes_of(journal), Journal::bytes_before_login_max);
}

TEST(Journal, is_also_bounded_after_login_with_more_room) {
    Journal journal;
    journal.note_login();
    for (int i = 0; i < 15; ++i)
        note(journal, "OPTS X" + std::to_string(i) + std::string(1000, 'x'));
    EXPECT_TRUE(journal.is_complete());
    for (int i = 0; i < 10'000; ++i) note(journal, "OPTS Y" + std::to_string(i));
    EXPECT_EQ(journal.gap(), "the client has set more than 16384 bytes");
    EXPECT_LE(bytes_of(journal), Journal::bytes_max);
    // A single-valued setting was replaced, not added.
    Journal small;
    for (int i = 0; i < 10'000; ++i) note(small, "CLNT " + std::string(1000, 'x'));
    EXPECT_TRUE(small.is_complete());
}

TEST(Journal, after_too_many_steps_is_complete_again_once_the_directory_is_known) {
    Journal journal;
    journal.note_login();
    for (int i = 0; i < 1000; ++i) note(journal, "CDUP", 250);
    EXPECT_EQ(journal.gap(),
              "the directory is not known: the client has set more than 16384 bytes");
    EXPECT_EQ(journal.lines(), Lines{});
    EXPECT_EQ(journal.path_of("a"), "a");
    note(journal, "CWD b", 250);
    EXPECT_FALSE(journal.is_complete());
    EXPECT_EQ(journal.lines(), Lines{});
    note(journal, "PWD", 257, "\"/b\" is current.");
    EXPECT_TRUE(journal.is_complete());
    EXPECT_EQ(journal.lines(), Lines{"CWD /b"});
    EXPECT_EQ(journal.told_directory(), "/b");
    note(journal, "CWD /c", 250);
    EXPECT_EQ(journal.told_directory(), std::nullopt);
}

TEST(Journal, does_not_turn_one_257_into_two_commands) {
    Journal journal;
    note(journal, "CWD a", 250);
    const ftp::Reply smuggles{257, "257 \"/x\rDELE y\" is current.\r\n"};
    journal.note(command("PWD"), smuggles);
    const ftp::Reply ends_there{257, std::string("257 \"/x\0\" is current.\r\n", 24)};
    journal.note(command("PWD"), ends_there);
    note(journal, "PWD", 257, "\"\"");
    note(journal, "PWD", 250, "\"/x\"");
    note(journal, "CWD b", 250, "\"/x\" is current.");
    note(journal, "MKD c", 257, "\"/x\" created.");
    EXPECT_EQ(journal.lines(), (Lines{"CWD a", "CWD b"}));
    EXPECT_EQ(journal.told_directory(), std::nullopt);
}

TEST(Journal, keeps_all_parts_of_an_option_with_several) {
    Journal journal;
    note(journal, "OPTS MODE Z LEVEL 5");
    note(journal, "OPTS MODE Z BLOCK 64");
    note(journal, "OPTS MODE Z LEVEL 5");
    EXPECT_EQ(journal.lines(), (Lines{"OPTS MODE Z BLOCK 64", "OPTS MODE Z LEVEL 5"}));
}

TEST(Journal, knows_which_site_commands_change_the_session) {
    const struct {
        const char* line;
        int code;
        bool is_kept;
        const char* gap;
    } rows[] = {
        {"SITE UMASK 077", 200, true, ""},
        {"SITE umask 077", 200, true, ""},
        {"SITE IDLE 60", 200, true, ""},
        {"SITE UMASK", 200, false, ""},
        {"SITE UMASK 077", 550, false, ""},
        {"SITE CHMOD 644 a", 200, false, ""},
        {"SITE chmod 644 a", 250, false, ""},
        {"SITE HELP", 214, false, ""},
        {"SITE WHATEVER", 211, false, ""},
        {"SITE WHATEVER", 202, false, ""},
        {"SITE WHATEVER", 500, false, ""},
        {"SITE WHATEVER", 200, false, "SITE WHATEVER may have changed the session"},
        {"SITE CPFR a", 350, false, "SITE CPFR may have changed the session"},
        {"SITE PSWD old new", 200, false, "SITE PSWD may have changed the session"},
        {"SITE", 200, false, "SITE may have changed the session"},
        {"SITE \xff\xf1X", 200, false, "SITE \\xff\\xf1X may have changed the session"},
        {"SITE UMASK\t077", 200, false, "SITE UMASK\\x09077 may have changed the session"},
        {"XYZZY a", 200, false, "XYZZY may have changed the session"},
        {"XYZZY a", 214, false, ""},
        {"XYZZY a", 502, false, ""},
        {"PRET RETR a", 200, true, ""},
        {"RANG 1 5", 200, true, ""},
        {"CSID Name=x;", 200, true, ""},
        {"ESTA", 200, false, "ESTA may have changed the session"},
        {"SMNT /m", 250, false, "SMNT may have changed the session"},
        {"ACCT secret", 230, false, "ACCT may have changed the session"},
        {"ACCT secret", 202, false, ""},
        {"PASS secret", 230, false, ""},
        {"DELE a", 250, false, ""},
    };
    for (const auto& row : rows) {
        Journal journal;
        note(journal, row.line, static_cast<std::uint16_t>(row.code));
        EXPECT_EQ(journal.lines(), row.is_kept ? Lines{row.line} : Lines{}) << row.line;
        EXPECT_EQ(journal.gap(), row.gap) << row.line << ' ' << row.code;
        EXPECT_EQ(journal.is_complete(), *row.gap == '\0');
    }
}

TEST(Journal, keeps_the_last_umask_and_the_last_idle_time) {
    Journal journal;
    note(journal, "SITE UMASK 077");
    note(journal, "SITE IDLE 60");
    note(journal, "SITE umask 022");
    EXPECT_EQ(journal.lines(), (Lines{"SITE IDLE 60", "SITE umask 022"}));
}

TEST(Journal, loses_the_directory_if_its_name_gets_other_bytes) {
    Journal journal;
    note(journal, "CWD caf\xe9", 250);
    EXPECT_TRUE(journal.is_complete());
    note(journal, "OPTS UTF8 ON");
    EXPECT_EQ(journal.gap(), "the directory is not known: the encoding of names changed");
    note(journal, "CWD /caf\xc3\xa9", 250);
    EXPECT_TRUE(journal.is_complete());
    note(journal, "OPTS MLST type;");
    EXPECT_TRUE(journal.is_complete());
}

TEST(Journal, drops_what_a_transfer_has_used_up) {
    const auto prepared = [] {
        Journal journal;
        for (const auto* line : {"ALLO 5", "PRET LIST", "RANG 1 5"}) note(journal, line);
        note(journal, "RNFR a", 350);
        return journal;
    };
    const struct {
        const char* line;
        Lines left;
    } rows[] = {
        {"LIST", {"ALLO 5", "RANG 1 5"}},
        {"RETR a", {"ALLO 5"}},
        {"STOR a", {}},
        {"APPE a", {}},
    };
    for (const auto& row : rows)
        for (const bool is_refused : {false, true}) {
            auto journal = prepared();
            EXPECT_EQ(journal.lines(), (Lines{"ALLO 5", "PRET LIST", "RANG 1 5", "RNFR a"}));
            journal.note_transfer(command(row.line), is_refused);
            EXPECT_EQ(journal.lines(), row.left) << row.line;
            EXPECT_TRUE(journal.is_complete());
        }
}

TEST(Journal, is_incomplete_after_a_transfer_of_an_unknown_verb) {
    Journal journal;
    journal.note_transfer(command("XYZZY a"), true);
    EXPECT_TRUE(journal.is_complete());
    journal.note_transfer(command("XYZZY a"), false);
    EXPECT_EQ(journal.gap(), "XYZZY may have changed the session");
}

TEST(Journal, repeats_rest_only_if_nothing_followed_it) {
    Journal journal;
    note(journal, "REST 5", 350);
    EXPECT_EQ(journal.lines(), Lines{"REST 5"});
    EXPECT_TRUE(journal.is_complete());
    note(journal, "NOOP");
    EXPECT_EQ(journal.gap(), "the backend may have forgotten REST");
    note(journal, "REST 6", 350);
    EXPECT_EQ(journal.lines(), Lines{"REST 6"});
    EXPECT_TRUE(journal.is_complete());
    note(journal, "REST x", 501);
    EXPECT_FALSE(journal.is_complete());
    journal.note_transfer(command("LIST"), false);
    EXPECT_FALSE(journal.is_complete());
    journal.note_transfer(command("RETR a"), true);
    EXPECT_EQ(journal.lines(), Lines{});
    EXPECT_TRUE(journal.is_complete());
}

TEST(Journal, drops_rnfr_at_any_other_command) {
    Journal journal;
    note(journal, "RNFR a", 350);
    EXPECT_EQ(journal.lines(), Lines{"RNFR a"});
    note(journal, "NOOP");
    EXPECT_EQ(journal.lines(), Lines{});
    note(journal, "RNFR a", 550);
    EXPECT_EQ(journal.lines(), Lines{});
}

TEST(Journal, is_empty_after_rein) {
    Journal journal;
    journal.note_login();
    journal.note_login();
    note(journal, "TYPE I");
    EXPECT_EQ(journal.gap(), "the user logged in again");
    note(journal, "REIN", 220);
    EXPECT_EQ(journal.lines(), Lines{});
    EXPECT_TRUE(journal.is_complete());
}

TEST(Journal, knows_the_path_of_a_file_as_far_as_the_directory_is_known) {
    Journal journal;
    EXPECT_EQ(journal.path_of("a"), "a");
    EXPECT_EQ(journal.path_of("/x/a"), "/x/a");
    note(journal, "CWD sub", 250);
    EXPECT_EQ(journal.path_of("a"), "sub/a");
    note(journal, "CWD /in", 250);
    EXPECT_EQ(journal.path_of("a"), "/in/a");
    note(journal, "CWD deeper", 250);
    EXPECT_EQ(journal.path_of("a"), "/in/deeper/a");
    note(journal, "CDUP", 250);
    EXPECT_EQ(journal.path_of("a"), "/in/deeper/../a");
}

TEST(Journal, distinguishes_ascii_from_binary) {
    Journal journal;
    EXPECT_FALSE(journal.is_binary());
    note(journal, "TYPE I");
    EXPECT_TRUE(journal.is_binary());
    note(journal, "TYPE a n");
    EXPECT_FALSE(journal.is_binary());
    note(journal, "TYPE L 8");
    EXPECT_TRUE(journal.is_binary());
}

TEST(PathOf257, reads_doubled_quotes_as_one) {
    EXPECT_EQ(path_of_257("\"/a\" is current"), "/a");
    EXPECT_EQ(path_of_257("\"/say \"\"hi\"\"\" is current"), "/say \"hi\"");
    EXPECT_EQ(path_of_257("\"\""), "");
    EXPECT_EQ(path_of_257("Now in \"/a b\""), "/a b");
    EXPECT_EQ(path_of_257("/a is current"), std::nullopt);
    EXPECT_EQ(path_of_257("\"/a"), std::nullopt);
    EXPECT_EQ(path_of_257(""), std::nullopt);
}

}  // namespace
}  // namespace ballast::session
