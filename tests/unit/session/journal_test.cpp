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
    note(journal, "HOST a.example", 220);
    note(journal, "CLNT tester");
    note(journal, "OPTS UTF8 ON");
    note(journal, "USER anna", 331);
    note(journal, "TYPE I");
    note(journal, "STRU F");
    note(journal, "MODE S");
    note(journal, "LANG de");
    note(journal, "ALLO 500");
    note(journal, "CWD /in", 250);
    note(journal, "CWD sub", 250);
    note(journal, "CDUP", 250);
    EXPECT_EQ(journal.host(), "a.example");
    EXPECT_EQ(journal.user(), "anna");
    EXPECT_TRUE(journal.is_binary());
    EXPECT_EQ(journal.lines(), (Lines{"CLNT tester", "OPTS UTF8 ON", "LANG de", "TYPE I", "MODE S",
                                      "STRU F", "ALLO 500", "CWD /in", "CWD sub", "CDUP"}));
    EXPECT_EQ(journal.client_lines(), (Lines{"CLNT tester", "OPTS UTF8 ON"}));
}

TEST(Journal, does_not_keep_what_was_refused) {
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
    EXPECT_EQ(journal.client_lines(), (Lines{"OPTS MLST type;size;", "OPTS utf8 off"}));
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

TEST(Journal, ends_a_rename_at_any_other_command) {
    Journal journal;
    note(journal, "RNFR a", 350);
    EXPECT_TRUE(journal.is_rename_begun());
    note(journal, "NOOP");
    EXPECT_FALSE(journal.is_rename_begun());
    note(journal, "RNFR a", 550);
    EXPECT_FALSE(journal.is_rename_begun());
}

TEST(Journal, gives_the_restart_once) {
    Journal journal;
    EXPECT_EQ(journal.take_restart(), std::nullopt);
    journal.set_restart(5);
    EXPECT_EQ(journal.restart(), 5);
    EXPECT_EQ(journal.take_restart(), 5);
    EXPECT_EQ(journal.take_restart(), std::nullopt);
}

TEST(Journal, is_empty_after_rein) {
    Journal journal;
    note(journal, "USER anna", 331);
    note(journal, "TYPE I");
    journal.set_restart(5);
    note(journal, "REIN", 220);
    EXPECT_EQ(journal.user(), "");
    EXPECT_EQ(journal.lines(), Lines{});
    EXPECT_EQ(journal.restart(), std::nullopt);
}

TEST(Journal, knows_a_files_path_as_far_as_it_was_told) {
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

TEST(Journal, tells_ascii_from_binary) {
    Journal journal;
    EXPECT_FALSE(journal.is_binary());
    note(journal, "TYPE I");
    EXPECT_TRUE(journal.is_binary());
    note(journal, "TYPE a n");
    EXPECT_FALSE(journal.is_binary());
    note(journal, "TYPE L 8");
    EXPECT_TRUE(journal.is_binary());
}

TEST(PathOf257, takes_doubled_quotes_for_one) {
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
