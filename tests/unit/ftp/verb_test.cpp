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

TEST(VerbTest, the_table_is_sorted_and_has_no_verb_twice) {
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

TEST(VerbTest, the_table_has_each_verb_of_each_rfc) {
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

TEST(VerbTest, the_verbs_that_are_transfers_are_those_that_move_data) {
    for (const auto& verb : verbs())
        EXPECT_EQ(verb.handling == Handling::transfer, verb.data != Data::none) << verb.name;
    const auto moves = [](Data data) {
        return names_where([=](const Verb& verb) { return verb.data == data; });
    };
    EXPECT_EQ(moves(Data::listing), (Names{"LIST", "NLST", "MLSD"}));
    EXPECT_EQ(moves(Data::thumbnail), (Names{"THMB"}));
    EXPECT_EQ(moves(Data::download), (Names{"RETR"}));
    EXPECT_EQ(moves(Data::upload), (Names{"STOR", "STOU", "APPE"}));
    EXPECT_EQ(names_where([](const Verb& v) { return direction_of(v.data) == Direction::upload; }),
              (Names{"STOR", "STOU", "APPE"}));
    EXPECT_EQ(
        names_where([](const Verb& v) { return direction_of(v.data) == Direction::download; }),
        (Names{"RETR", "LIST", "NLST", "MLSD", "THMB"}));
}

TEST(VerbTest, rest_applies_to_files_but_not_to_listings) {
    for (const auto* line : {"RETR a", "STOR a", "APPE a", "STOU", "retr a"})
        EXPECT_TRUE(transfers_file(line)) << line;
    for (const auto* line : {"LIST", "NLST", "MLSD", "THMB x", "NOOP", "XYZZY a", ""})
        EXPECT_FALSE(transfers_file(line)) << line;
}

TEST(VerbTest, each_kind_of_handling_has_exactly_its_verbs) {
    const auto handled = [](Handling handling) {
        return names_where([=](const Verb& verb) { return verb.handling == handling; });
    };
    EXPECT_EQ(handled(Handling::login), (Names{"USER", "PASS", "ACCT"}));
    EXPECT_EQ(handled(Handling::data_setup), (Names{"PASV", "EPSV", "PORT", "EPRT"}));
    EXPECT_EQ(handled(Handling::refused),
              (Names{"LPRT", "LPSV", "SPSV", "CPSV", "SSCN", "ADAT", "MIC", "CONF", "ENC"}));
    EXPECT_EQ(handled(Handling::control), (Names{"FEAT", "QUIT", "REIN", "ABOR", "AUTH", "PBSZ",
                                                 "PROT", "CCC", "HOST", "REST", "MODE", "STAT"}));
}

TEST(VerbTest, only_verbs_without_files_are_allowed_before_login) {
    const auto before_login = [](BeforeLogin answer) {
        return names_where([=](const Verb& verb) { return verb.before_login == answer; });
    };
    EXPECT_EQ(before_login(BeforeLogin::allowed),
              (Names{"USER", "PASS", "ACCT", "QUIT", "REIN", "ABOR", "AUTH", "PBSZ", "PROT", "CCC",
                     "HOST", "FEAT", "SYST", "NOOP", "HELP"}));
    EXPECT_EQ(before_login(BeforeLogin::noted), (Names{"OPTS", "CLNT"}));
}

TEST(VerbTest, every_verb_says_what_it_affects) {
    const auto affecting = [](Affects affected) {
        return names_where([=](const Verb& verb) { return verb.affects == affected; });
    };
    EXPECT_EQ(affecting(Affects::session),
              (Names{"ABOR", "ACCT", "AUTH", "CCC",  "CLNT", "EPRT", "EPSV", "FEAT", "HELP",
                     "HOST", "MODE", "NOOP", "OPTS", "PASS", "PASV", "PBSZ", "PORT", "PROT",
                     "QUIT", "REIN", "REST", "STAT", "STRU", "SYST", "TYPE", "USER"}));
    EXPECT_EQ(affecting(Affects::nothing),
              (Names{"ALLO", "AVBL", "CDUP", "CSID",  "CWD",     "DSIZ",   "HASH", "LANG",
                     "LIST", "MD5",  "MDTM", "MLSD",  "MLST",    "MMD5",   "NLST", "PRET",
                     "PWD",  "RANG", "RETR", "SIZE",  "THMB",    "XCRC",   "XCUP", "XCWD",
                     "XMD5", "XPWD", "XSHA", "XSHA1", "XSHA256", "XSHA512"}));
}

TEST(VerbTest, verbs_with_secret_arguments_are_marked) {
    EXPECT_EQ(names_where([](const Verb& verb) { return verb.is_secret; }),
              (Names{"PASS", "ACCT", "ADAT"}));
}

TEST(VerbTest, old_names_mean_the_same_as_the_usual_ones) {
    const auto old_names = names_where([](const Verb& verb) { return !verb.usual_name.empty(); });
    EXPECT_EQ(old_names, (Names{"XCUP", "XCWD", "XMKD", "XPWD", "XRMD"}));
    for (const auto name : old_names) {
        const auto& old = *find_verb(name);
        const auto* const usual = find_verb(old.usual_name);
        ASSERT_NE(usual, nullptr) << name;
        EXPECT_EQ(old.affects, usual->affects) << name;
        EXPECT_EQ(old.sets, usual->sets) << name;
        EXPECT_EQ(old.takes_long, usual->takes_long) << name;
    }
}

TEST(VerbTest, verbs_that_change_files_may_not_be_repeated) {
    for (const auto* line : {"PWD", "cwd /a", "SIZE a", "MDTM a", "NOOP", "TYPE I", "OPTS UTF8 ON",
                             "STAT a", "RETR a", "LIST", "REST 5", "MLST a", "XMD5 a"})
        EXPECT_TRUE(ballast::ftp::may_repeat(line)) << line;
    for (const auto* line :
         {"DELE a", "RNFR a", "RNTO b", "MKD a", "xmkd a", "RMD a", "APPE a", "STOR a", "STOU",
          "SITE CHMOD 600 a", "MFMT 20260101000000 a", "COMB a b", "UNKNOWN a"})
        EXPECT_FALSE(ballast::ftp::may_repeat(line)) << line;
}

TEST(VerbTest, verbs_that_read_whole_files_or_directories_may_take_long) {
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

TEST(VerbTest, each_state_of_the_session_has_the_verbs_that_set_it) {
    const struct {
        State state;
        Names names;
    } rows[] = {
        {State::client_name, {"CLNT"}},
        {State::client_version, {"CSID"}},
        {State::option, {"OPTS"}},
        {State::language, {"LANG"}},
        {State::site, {"SITE"}},
        {State::type, {"TYPE"}},
        {State::mode, {"MODE"}},
        {State::structure, {"STRU"}},
        {State::allocate, {"ALLO"}},
        {State::directory, {"CWD", "XCWD", "CDUP", "XCUP"}},
        {State::prepare, {"PRET"}},
        {State::range, {"RANG"}},
        {State::restart, {"REST"}},
        {State::rename_from, {"RNFR"}},
        {State::told_directory, {"PWD", "XPWD"}},
        {State::unseen, {"ACCT", "SMNT", "ESTA", "ESTP"}},
        {State::everything, {"REIN", "AUTH"}},
    };
    for (const auto& row : rows)
        EXPECT_EQ(names_where([&](const Verb& verb) { return verb.sets == row.state; }), row.names);
}

}  // namespace
}  // namespace ballast::ftp
