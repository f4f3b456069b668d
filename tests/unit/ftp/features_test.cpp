// SPDX-License-Identifier: Apache-2.0
#include "ftp/features.h"

#include "ftp/reply.h"
#include "transcripts.h"

#include <gtest/gtest.h>

namespace ballast::ftp {
namespace {

Features features_of(std::string_view inner_lines) {
    return Features::parse("211-Features:\r\n" + std::string(inner_lines) + "211 End\r\n");
}

/// The first 211 of a server's transcript.
Features features_said_by(std::string_view transcript) {
    ReplyParser parser;
    for (;;) {
        const auto step = parser.next(transcript);
        if (!step.reply) return {};
        transcript.remove_prefix(step.consumed);
        if ((*step.reply)->code == 211) return Features::parse((*step.reply)->text);
    }
}

TEST(FeaturesTest, labels_and_parameters_are_read_in_any_spelling) {
    const auto features = features_of(
        " MDTM\r\nSIZE\r\n211-EPSV\r\n  \t tvfs \r\n rest  stream \r\n MLST type*;size*;\r\n\r\n "
        "\r\n");
    EXPECT_EQ(features.to_lines(),
              " EPSV\r\n MDTM\r\n MLST type*;size*;\r\n REST stream\r\n SIZE\r\n TVFS\r\n");
    EXPECT_TRUE(features.has("mdtm"));
    EXPECT_TRUE(features.has("TVFS"));
    EXPECT_FALSE(features.has("UTF8"));
    EXPECT_FALSE(features.has("FEATURES:"));
    EXPECT_FALSE(features.has("END"));
    EXPECT_EQ(features.parameters("mlst"), "type*;size*;");
    EXPECT_EQ(features.parameters("SIZE"), "");
    EXPECT_EQ(features.parameters("UTF8"), "");
}

TEST(FeaturesTest, bare_line_feeds_end_lines_too) {
    EXPECT_EQ(Features::parse("211-a\n SIZE\n REST STREAM\n211 b\n").to_lines(),
              " REST STREAM\r\n SIZE\r\n");
}

TEST(FeaturesTest, a_reply_without_inner_lines_has_no_features) {
    for (const auto* text :
         {"", "211 no-features\r\n", "211-Features:\r\n211 End\r\n", "502 FEAT not implemented\r\n",
          "500-a\r\n SIZE\r\n500 b\r\n", "214-Help\r\n SIZE\r\n214 b\r\n", "211", "211-"})
        EXPECT_TRUE(Features::parse(text).empty()) << text;
}

TEST(FeaturesTest, a_label_of_several_lines_keeps_them_all) {
    const auto* lines = " AUTH SSL\r\n AUTH TLS\r\n SITE MKDIR\r\n SITE UTIME\r\n";
    const auto features = features_of(lines);
    EXPECT_EQ(features.to_lines(), lines);
    EXPECT_EQ(features.parameters("AUTH"), "SSL\nTLS");
    EXPECT_EQ(features_of(" SIZE\r\n SIZE\r\n").to_lines(), " SIZE\r\n");
    EXPECT_EQ(features_of(" A x\r\n A\r\n A y\r\n A x\r\n").to_lines(), " A x\r\n A y\r\n");
}

TEST(FeaturesTest, an_added_label_replaces_an_existing_one) {
    Features features;
    EXPECT_TRUE(features.empty());
    features.add("auth", "TLS");
    features.add("AUTH", "TLS;TLS-C;");
    features.add("Utf8");
    EXPECT_EQ(features.to_lines(), " AUTH TLS;TLS-C;\r\n UTF8\r\n");
    features.remove("utf8");
    features.remove("never there");
    EXPECT_EQ(features.to_lines(), " AUTH TLS;TLS-C;\r\n");
    features.remove("AUTH");
    EXPECT_TRUE(features.empty());
}

TEST(FeaturesTest, no_added_text_can_end_the_line) {
    Features features;
    features.add("A\r\n", "b\r\n211 End\r\n");
    EXPECT_EQ(features.to_lines(), " A b  211 End\r\n");
}

TEST(FeaturesTest, rest_stream_is_known_in_any_case_and_with_words_behind_it) {
    for (const auto* line :
         {" REST STREAM\r\n", " rest stream\r\n", "REST Stream\r\n", " REST STREAM;BLOCK\r\n",
          " REST STREAM SIZE\r\n", " REST STREAM;\r\n"})
        EXPECT_TRUE(features_of(line).has_rest_stream()) << line;
    for (const auto* line : {" REST\r\n", " REST BLOCK\r\n", " RESTSTREAM\r\n", " REST STREAMS\r\n",
                             " RANG STREAM\r\n", " SIZE\r\n"})
        EXPECT_FALSE(features_of(line).has_rest_stream()) << line;
}

TEST(FeaturesTest, an_intersection_keeps_what_both_sets_have) {
    const struct {
        const char* ours;
        const char* theirs;
        const char* both;
    } rows[] = {
        {" SIZE\r\n MDTM\r\n", " MDTM\r\n TVFS\r\n", " MDTM\r\n"},
        {" SIZE\r\n", "", ""},
        {"", " SIZE\r\n", ""},
        {" MLST type*;size*;modify;\r\n", " MLST Modify*;Size*;perm*;\r\n",
         " MLST size*;modify;\r\n"},
        {" MLST type*;size*;\r\n", " MLST size;type*;\r\n", " MLST type*;size;\r\n"},
        {" MLST type;\r\n", " MLST type*;\r\n", " MLST type;\r\n"},
        {" MLST type*;\r\n", " MLST size*;\r\n", " MLST\r\n"},
        {" MLST type*;\r\n", " MLST\r\n", " MLST\r\n"},
        {" LANG EN*;FR;DE\r\n", " LANG de*;en\r\n", " LANG EN;DE\r\n"},
        {" LANG EN*\r\n", " LANG EN*;FR\r\n", " LANG EN*\r\n"},
        {" REST STREAM\r\n", " REST STREAM;BLOCK\r\n", " REST STREAM\r\n"},
        {" REST STREAM\r\n", " REST\r\n", " REST\r\n"},
        {" HASH SHA-256;SHA-1*;MD5\r\n", " HASH MD5;SHA-1\r\n", " HASH SHA-1;MD5\r\n"},
        {" AUTH SSL\r\n AUTH TLS\r\n", " AUTH TLS\r\n", " AUTH TLS\r\n"},
        {" AUTH TLS\r\n", " AUTH SSL;TLS;TLS-C\r\n", " AUTH TLS\r\n"},
        {" SITE MKDIR\r\n SITE RMDIR\r\n", " SITE RMDIR\r\n SITE COPY\r\n", " SITE RMDIR\r\n"},
        {" XYZ a b\r\n XYZ a c\r\n", " XYZ a\r\n", " XYZ a\r\n"},
        {" XYZ a b c\r\n", " XYZ c a\r\n", " XYZ a c\r\n"},
        {" XYZ a b\r\n", " XYZ c d\r\n", " XYZ\r\n"},
    };
    for (const auto& row : rows) {
        const auto both = features_of(row.ours).intersect(features_of(row.theirs));
        EXPECT_EQ(both.to_lines(), row.both) << row.ours << row.theirs;
        // The result has no more than either set.
        EXPECT_EQ(both.intersect(features_of(row.ours)), both);
        EXPECT_EQ(both.intersect(features_of(row.theirs)), both);
    }
}

TEST(FeaturesTest, the_intersection_of_a_set_with_itself_is_that_set) {
    for (const auto transcript : {transcripts::vsftpd, transcripts::proftpd, transcripts::pyftpdlib,
                                  transcripts::pure_ftpd, transcripts::jfileserver}) {
        const auto features = features_said_by(transcript);
        EXPECT_EQ(features.intersect(features), features);
    }
}

TEST(FeaturesTest, real_servers_are_understood) {
    const auto vsftpd = features_said_by(transcripts::vsftpd);
    const auto proftpd = features_said_by(transcripts::proftpd);
    const auto pure_ftpd = features_said_by(transcripts::pure_ftpd);
    const auto pyftpdlib = features_said_by(transcripts::pyftpdlib);
    const auto jfileserver = features_said_by(transcripts::jfileserver);
    EXPECT_TRUE(vsftpd.has_rest_stream() && proftpd.has_rest_stream());
    EXPECT_TRUE(pure_ftpd.has_rest_stream() && pyftpdlib.has_rest_stream());
    EXPECT_FALSE(jfileserver.has_rest_stream());
    EXPECT_TRUE(vsftpd.has("EPSV"));
    EXPECT_FALSE(jfileserver.has("EPSV"));
    EXPECT_FALSE(vsftpd.has("MLST"));
    EXPECT_EQ(proftpd.parameters("MFF"), "modify;UNIX.group;UNIX.mode;");
    EXPECT_EQ(pure_ftpd.intersect(pyftpdlib).parameters("MLST"),
              "type*;size*;modify*;UNIX.mode;UNIX.uid;UNIX.gid;unique*;");
    EXPECT_EQ(vsftpd.intersect(proftpd).intersect(pure_ftpd).intersect(pyftpdlib).to_lines(),
              " EPRT\r\n EPSV\r\n MDTM\r\n REST STREAM\r\n SIZE\r\n TVFS\r\n");
}

TEST(FeaturesTest, marks_what_a_session_has_chosen) {
    const auto marked = [](const char* lines, const char* label, const char* chosen,
                           Features::Mark how) {
        auto features = Features::parse(make_reply(211, "Features:", lines, "End").text);
        features.mark(label, chosen, how);
        return features.to_lines();
    };
    using enum Features::Mark;
    // RFC 3659 7.9: only facts that are listed and known apply.
    EXPECT_EQ(marked(" MLST Type*;Size*;Modify;\r\n", "mlst", "modify;TYPE;nonsense;", listed),
              " MLST Type*;Size;Modify*;\r\n");
    EXPECT_EQ(marked(" MLST Type*;Size*;Modify;\r\n", "MLST", "", listed),
              " MLST Type;Size;Modify;\r\n");
    EXPECT_EQ(marked(" SIZE\r\n", "MLST", "size;", listed), " SIZE\r\n");
    EXPECT_EQ(marked(" LANG EN*;FR;de-CH\r\n", "LANG", "DE-ch", one), " LANG EN;FR;de-CH*\r\n");
    EXPECT_EQ(marked(" LANG EN*;FR\r\n", "LANG", "it", one), " LANG EN*;FR\r\n");
    EXPECT_EQ(marked(" HASH SHA-1*;SHA-256\r\n", "HASH", "SHA-256", one),
              " HASH SHA-1;SHA-256*\r\n");
}

TEST(FeaturesTest, marks_are_not_part_of_a_name) {
    const auto rest = [](const char* parameters) {
        Features features;
        features.add("REST", parameters);
        return features;
    };
    for (const auto* const ours : {"STREAM", "STREAM*", "STREAM**", "stream*;"})
        for (const auto* const theirs : {"STREAM", "STREAm*;", "STREAM**"}) {
            const auto both = rest(ours).intersect(rest(theirs));
            EXPECT_TRUE(rest(ours).has_rest_stream() && both.has_rest_stream()) << ours << theirs;
            EXPECT_EQ(both.intersect(rest(theirs)), both);
            EXPECT_EQ(both.intersect(rest(ours)), both);
        }
    EXPECT_FALSE(rest("*").has_rest_stream());
    EXPECT_EQ(rest("* STREAM**").intersect(rest("STREAM* *")).parameters("REST"), "* STREAM*");
}

TEST(FeaturesTest, written_text_is_read_back_the_same) {
    const auto features = features_said_by(transcripts::proftpd);
    EXPECT_FALSE(features.empty());
    EXPECT_EQ(Features::parse(make_reply(211, "Features:", features.to_lines(), "End").text),
              features);
}

}  // namespace
}  // namespace ballast::ftp
