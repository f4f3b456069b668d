// SPDX-License-Identifier: Apache-2.0
#include "ftp/verb.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace ballast::ftp {
namespace {

using Names = std::set<std::string_view>;

template <typename Condition>
Names names_where(Condition condition) {
    Names names;
    for (const auto& verb : verbs())
        if (condition(verb)) names.insert(verb.name);
    return names;
}

TEST(VerbTest, the_table_is_sorted_and_no_verb_stands_in_it_twice) {
    EXPECT_TRUE(std::ranges::is_sorted(verbs(), {}, &Verb::name));
    EXPECT_EQ(names_where([](const Verb&) { return true; }).size(), verbs().size());
}

TEST(VerbTest, names_are_upper_case_words_and_have_a_source) {
    for (const auto& verb : verbs()) {
        EXPECT_FALSE(verb.name.empty());
        EXPECT_TRUE(std::ranges::all_of(verb.name, [](char c) {
            return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        })) << verb.name;
        EXPECT_FALSE(verb.source.empty()) << verb.name;
    }
}

TEST(VerbTest, each_verb_is_found_by_its_name_and_nothing_else_is) {
    for (const auto& verb : verbs()) EXPECT_EQ(find_verb(verb.name), &verb);
    for (const auto* name : {"", "A", "ZZZZ", "retr", "RETR ", "RET", "RETRX", "XYZZY"})
        EXPECT_EQ(find_verb(name), nullptr) << name;
}

TEST(VerbTest, each_verb_of_each_rfc_is_there) {
    const struct {
        const char* rfc;
        std::vector<const char*> names;
    } rows[] = {
        {"RFC 959",
         {"USER", "PASS", "ACCT", "CWD",  "CDUP", "SMNT", "QUIT", "REIN", "PORT", "PASV", "TYPE",
          "STRU", "MODE", "RETR", "STOR", "STOU", "APPE", "ALLO", "REST", "RNFR", "RNTO", "ABOR",
          "DELE", "RMD",  "MKD",  "PWD",  "LIST", "NLST", "SITE", "SYST", "STAT", "HELP", "NOOP"}},
        {"RFC 775", {"XMKD", "XRMD", "XPWD", "XCUP", "XCWD"}},  // kept alive by RFC 1123 4.1.3.1
        {"RFC 737", {"XSEN", "XSEM", "XMAS"}},
        {"RFC 1639", {"LPRT", "LPSV"}},
        {"RFC 2228", {"AUTH", "ADAT", "PROT", "PBSZ", "CCC", "MIC", "CONF", "ENC"}},
        {"RFC 2389", {"FEAT", "OPTS"}},
        {"RFC 2428", {"EPRT", "EPSV"}},
        {"RFC 2640", {"LANG"}},
        {"RFC 3659", {"MDTM", "SIZE", "MLST", "MLSD"}},
        {"RFC 7151", {"HOST"}},
        {"draft-bryan", {"HASH", "RANG"}},
        {"draft-somers", {"MFMT", "MFCT", "MFF"}},
        {"draft-peterson", {"AVBL", "CSID", "DSIZ", "RMDA", "THMB"}},
        {"",
         {"XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512", "MD5", "COMB", "CLNT", "PRET",
          "SPSV", "ESTA", "ESTP"}},
    };
    for (const auto& row : rows)
        for (const auto* name : row.names) {
            const auto* verb = find_verb(name);
            ASSERT_NE(verb, nullptr) << name;
            EXPECT_TRUE(verb->source.starts_with(row.rfc)) << name << " is of " << verb->source;
        }
}

TEST(VerbTest, the_verbs_that_move_data_are_those_with_a_direction) {
    for (const auto& verb : verbs())
        EXPECT_EQ(verb.handling == Handling::transfer, verb.direction != Direction::none)
            << verb.name;
    EXPECT_EQ(names_where([](const Verb& v) { return v.direction == Direction::upload; }),
              (Names{"STOR", "STOU", "APPE"}));
    EXPECT_EQ(names_where([](const Verb& v) { return v.direction == Direction::download; }),
              (Names{"RETR", "LIST", "NLST", "MLSD", "THMB"}));
}

TEST(VerbTest, each_way_of_handling_has_just_its_verbs) {
    const auto handled = [](Handling handling) {
        return names_where([=](const Verb& verb) { return verb.handling == handling; });
    };
    EXPECT_EQ(handled(Handling::local), (Names{"FEAT"}));
    EXPECT_EQ(handled(Handling::login), (Names{"USER", "PASS", "ACCT"}));
    EXPECT_EQ(handled(Handling::data_setup), (Names{"PASV", "EPSV", "PORT", "EPRT"}));
    EXPECT_EQ(handled(Handling::refused),
              (Names{"LPRT", "LPSV", "SPSV", "CPSV", "SSCN", "ADAT", "MIC", "CONF", "ENC"}));
    EXPECT_EQ(handled(Handling::control), (Names{"QUIT", "REIN", "ABOR", "AUTH", "PBSZ", "PROT",
                                                 "CCC", "HOST", "REST", "MODE", "STAT"}));
}

TEST(VerbTest, only_what_needs_no_files_is_allowed_before_login) {
    EXPECT_EQ(names_where([](const Verb& verb) { return verb.before_login; }),
              (Names{"USER", "PASS", "ACCT", "QUIT", "REIN", "ABOR", "AUTH", "PBSZ", "PROT", "CCC",
                     "HOST", "FEAT", "OPTS", "CLNT", "SYST", "NOOP", "HELP"}));
}

TEST(VerbTest, only_abor_and_stat_pass_a_running_transfer) {
    EXPECT_EQ(names_where([](const Verb& verb) { return verb.during_transfer; }),
              (Names{"ABOR", "STAT"}));
}

TEST(VerbTest, what_reads_whole_files_or_directories_may_take_long) {
    for (const auto* line :
         {"RETR a", "STOR a", "LIST",   "MLSD",    "STAT dir", "SIZE a",    "DELE a",
          "RMD a",  "XRMD a", "RNTO a", "SITE x",  "XSHA1 a",  "XSHA256 a", "XMD5 a",
          "XCRC a", "HASH a", "MD5 a",  "xsha1 a", "XSHA3 a",  "NEVERHEARD"})
        EXPECT_TRUE(may_take_long(line)) << line;
    for (const auto* line :
         {"USER a",           "PASS",   "ACCT a", "AUTH TLS", "PROT P", "EPSV",  "PASV",
          "PORT 1,1,1,1,1,1", "NOOP",   "PWD",    "CWD a",    "TYPE I", "FEAT",  "SYST",
          "OPTS UTF8 ON",     "REST 5", "ABOR",   "QUIT",     "RNFR a", "user a"})
        EXPECT_FALSE(may_take_long(line)) << line;
}

TEST(VerbTest, what_changes_files_or_a_relative_directory_is_not_repeated) {
    for (const auto* name : {"STOR", "STOU", "APPE", "DELE", "RNTO", "MKD", "RMD", "XMKD", "XRMD",
                             "RMDA", "CWD", "XCWD", "CDUP", "XCUP", "SITE", "PASS", "ACCT", "COMB"})
        EXPECT_EQ(find_verb(name)->repeatable, Repeatable::no) << name;
    for (const auto* name : {"RETR", "LIST", "NLST", "MLSD", "MLST", "SIZE", "MDTM", "PWD", "STAT",
                             "NOOP", "TYPE", "REST", "RNFR", "XCRC", "HASH", "MFMT"})
        EXPECT_EQ(find_verb(name)->repeatable, Repeatable::yes) << name;
}

TEST(VerbTest, each_state_of_the_session_has_the_verbs_that_set_it) {
    const struct {
        Journal journal;
        Names names;
    } rows[] = {
        {Journal::user, {"USER"}},
        {Journal::password, {"PASS"}},
        {Journal::account, {"ACCT"}},
        {Journal::host, {"HOST"}},
        {Journal::client_name, {"CLNT"}},
        {Journal::language, {"LANG"}},
        {Journal::option, {"OPTS"}},
        {Journal::type, {"TYPE"}},
        {Journal::mode, {"MODE"}},
        {Journal::structure, {"STRU"}},
        {Journal::directory, {"CWD", "XCWD", "CDUP", "XCUP", "SMNT"}},
        {Journal::restart, {"REST"}},
        {Journal::rename_from, {"RNFR"}},
        {Journal::allocate, {"ALLO"}},
        {Journal::protection, {"PBSZ", "PROT"}},
        {Journal::everything, {"REIN", "AUTH"}},
    };
    for (const auto& row : rows)
        EXPECT_EQ(names_where([&](const Verb& verb) { return verb.journal == row.journal; }),
                  row.names);
}

}  // namespace
}  // namespace ballast::ftp
