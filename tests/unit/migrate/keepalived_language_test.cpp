// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_blocks.h"
#include "migrate/keepalived_lines.h"
#include "migrate/keepalived_parameters.h"
#include "migrate/keepalived_words.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace ballast::migrate {
namespace {

using namespace std::string_literals;

std::string words_in(std::string_view text) {
    const auto words = split_words(text);
    if (!words) return "open "s + words.error();
    std::string result;
    for (const auto& word : *words) result += '<' + word.text + '>';
    return result;
}

TEST(KeepalivedWordsTest, AreSeparatedByBlanksAndKeptTogetherByQuotes) {
    const std::pair<const char*, const char*> table[] = {
        {"", ""},
        {" a \t b\r", "<a><b>"},
        {R"(abcd" efg h jkl "mnop)", "<abcd efg h jkl mnop>"},
        {R"(abcd "efg h jkl" mnop)", "<abcd><efg h jkl><mnop>"},
        {R"("a 'b' c")", "<a 'b' c>"},
        {R"('a "b" c')", R"(<a "b" c>)"},
        {R"("")", "<>"},
        {"router_id O'Brien", "<router_id><O'Brien>"},
        {R"("a\tb\\c\"d\101\x41\cAz")", "<a\tb\\c\"dAA\x01z>"},
        {R"("\E\q\xg")", "<\x1bqxg>"},
        {R"(a\tb)", R"(<a\tb>)"},
        {R"("open)", "open \""},
        {R"('a b" c)", "open \""},
        {R"("end\)", "open \""},
    };
    for (const auto& [text, words] : table) EXPECT_EQ(words_in(text), words) << text;
}

TEST(KeepalivedWordsTest, CommentsBeginOutsideOfQuotes) {
    const std::tuple<const char*, const char*, const char*> table[] = {
        {"weight 3 # heavy", "weight 3", " heavy"},
        {"  weight 3! heavy  ", "weight 3", " heavy"},
        {"# alone", "", " alone"},
        {R"(script "a # b ! c" # d)", R"(script "a # b ! c")", " d"},
        {R"(script "a \" # b" ! d)", R"(script "a \" # b")", " d"},
        {"router_id O'Brien # it's", "router_id O'Brien", " it's"},
        {"plain", "plain", ""},
    };
    for (const auto& [line, text, comment] : table) {
        EXPECT_EQ(split_comment(line).text, text) << line;
        EXPECT_EQ(split_comment(line).comment, comment) << line;
    }
}

TEST(KeepalivedWordsTest, AQuotedWordIsReadAsItWas) {
    for (const auto* const text : {"", "a b", "\"", "\\", "a\\\"b", "#!"})
        EXPECT_EQ(words_in(quoted_word(text)), fmt::format("<{}>", text));
}

/// A machine with these files.
Machine machine_with(const std::map<std::string, std::string>& files) {
    auto machine = empty_machine();
    machine.read_file = [files](const std::string& path) -> base::Result<std::string> {
        if (const auto found = files.find(path); found != files.end()) return found->second;
        return std::unexpected(base::Error{base::Fault::internal, {}, "no " + path});
    };
    machine.files_like = [files](const std::string& pattern) {
        std::vector<std::string> result;
        const auto begin = pattern.substr(0, pattern.find('*'));
        for (const auto& [path, text] : files)
            if (path.starts_with(begin) && path.rfind('/') < begin.size()) result.push_back(path);
        return result;
    };
    machine.variable = [](const std::string& name) -> std::optional<std::string> {
        if (name == "NET") return "10.1.1";
        return std::nullopt;
    };
    machine.host_name = "main.example.com";
    return machine;
}

std::string read(const std::string& text, const std::map<std::string, std::string>& files = {},
                 const std::string& id = {}) {
    const auto lines =
        read_lines({.file = "/etc/k.conf", .text = text, .machine = machine_with(files), .id = id});
    std::string result;
    if (!lines) {
        for (const auto& error : lines.error()) result += to_string(error) + '\n';
        return result;
    }
    for (const auto& line : lines->all)
        if (!line.text.empty()) result += line.text + '\n';
    return result;
}

TEST(KeepalivedLinesTest, ParametersAreReplacedWhenTheyAreUsed) {
    EXPECT_EQ(read("$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100/32\n$SUB=10\n${BASE}.100/32\n"),
              "10.2.0.100/32\n10.2.10.100/32\n");
    EXPECT_EQ(read("$P=240\npriority $P\npriority $P.\npriority x$P\n"),
              "priority 240\npriority $P.\npriority x240\n");
    EXPECT_EQ(read("script ${NONE} $NONE\n"), "script ${NONE} $NONE\n");
    EXPECT_EQ(read("$EMPTY=\nalpha ${EMPTY}x\n"), "alpha x\n");
    EXPECT_EQ(read("$A=1\n$A=2 # later\na $A\n"), "a 2\n");
    EXPECT_EQ(read("$1A=1\n$ A=1\n"), "$1A=1\n$ A=1\n");
}

TEST(KeepalivedLinesTest, ParametersMayHaveSeveralLines) {
    EXPECT_EQ(read("$RS= \\\nreal_server 10.0.${V}.${R} 21 { \\\n    weight 1 \\\n}\n"
                   "$VS= \\\nvirtual_server 10.0.${V}.4 21 { \\\n$R=1 \\\n$RS \\\n$R=2 \\\n$RS \\\n"
                   "}\n$V=0\n$VS\n"),
              "virtual_server 10.0.0.4 21 {\nreal_server 10.0.0.1 21 {\nweight 1\n}\n"
              "real_server 10.0.0.2 21 {\nweight 1\n}\n}\n");
}

TEST(KeepalivedLinesTest, ConditionsKeepLinesForOneMachine) {
    const auto text =
        "@main a\n@other b\n@^main c\n@^other d\n$IF=@main\n$IF e\n@main $X=1\nf $X\n";
    EXPECT_EQ(read(text), "a\nd\ne\nf 1\n");
    EXPECT_EQ(read(text, {}, "other"), "b\nc\nf $X\n");
}

TEST(KeepalivedLinesTest, SequencesRepeatALine) {
    EXPECT_EQ(read("~SEQ(N, 0, 3) 10.0.${N}.1\n"), "10.0.0.1\n10.0.1.1\n10.0.2.1\n10.0.3.1\n");
    EXPECT_EQ(read("~SEQ(N, 2) $N\n~SEQ(N, 5, -2, 1) $N\n~SEQ(N, 3, 2) $N\n~SEQ(N, -2) $N\n"),
              "1\n2\n5\n3\n1\n3\n2\n-1\n-2\n");
    EXPECT_EQ(read("~SEQx(N, 0x90, 0x10, 0xb0) fe80::${N}\n"), "fe80::90\nfe80::a0\nfe80::b0\n");
    EXPECT_EQ(read("~LST({A, B}, {10,1},{20,4}) 192.168.${A}.${B}\n"),
              "192.168.10.1\n192.168.20.4\n");
    EXPECT_EQ(read("~LST(A, x, y) ~SEQ(B,1,2) ${A}${B}\n"), "x1\nx2\ny1\ny2\n");
}

TEST(KeepalivedLinesTest, BuiltInParametersAreKnown) {
    EXPECT_EQ(read("${_PWD}/a ${_INSTANCE} ${_ENV NET}.1 ${_ENV NONE} ${_HASH}${_BANG}\n"),
              "/etc/a main 10.1.1.1 ${_ENV NONE} #!\n");
    EXPECT_EQ(read("id ${_RANDOM 5 9} ${_RANDOM}\n"), "id 5 0\n");
}

TEST(KeepalivedLinesTest, FilesAreIncludedFromWhereTheyAre) {
    const std::map<std::string, std::string> files = {
        {"/etc/d/a.conf", "a ${_PWD}\ninclude sub/c\n"},
        {"/etc/d/b.conf", "b\n"},
        {"/etc/d/sub/c", "c ${_PWD}\n"},
        {"/opt/x", "x\n"},
    };
    EXPECT_EQ(read("include d/*.conf\nend ${_PWD}\n", files),
              "a /etc/d\nc /etc/d/sub\nb\nend /etc\n");
    EXPECT_EQ(read("include \"/opt/x\"\n", files), "x\n");
    EXPECT_EQ(read("include /opt/none\ninclude /opt/none*\nend\n", files), "end\n");
}

TEST(KeepalivedLinesTest, MissingFilesFailWhereTheFileSaysSo) {
    const std::pair<const char*, const char*> table[] = {
        {"includer none", "/etc/k.conf:1: no /etc/none ("},
        {"includem none*", "/etc/k.conf:1: no file matches /etc/none* ("},
        {"includew none*", "/etc/k.conf:1: no file matches /etc/none* ("},
        {"includeb {none,nil}", "/etc/k.conf:1: no file matches /etc/{none,nil} ("},
        {"includea none", "/etc/k.conf:1: no /etc/none ("},
        {"include_check readable\ninclude none", "/etc/k.conf:2: no /etc/none ("},
        {"include_check\ninclude none", "/etc/k.conf:2: no /etc/none ("},
        {"include a b", "/etc/k.conf:1: include needs one file ("},
    };
    for (const auto& [text, error] : table) EXPECT_TRUE(read(text).contains(error)) << read(text);
    EXPECT_EQ(read("include_check +match -match\ninclude none\nend"),
              "include_check +match -match\nend\n");
}

TEST(KeepalivedLinesTest, WhatNeverEndsIsRefused) {
    EXPECT_TRUE(read("include k.conf", {{"/etc/k.conf", "include k.conf"}})
                    .contains("files include each other too deeply"));
    const std::string bombs[] = {
        "$A=${A}\na ${A}",
        "$A=${A}${A}\na ${A}",
        "$A= \\\n$A \\\n$A\n$A",
        "$A= \\\n~SEQ(N, 9999) ~SEQ(M, 9999) x\n$A",
        "$A=${B}${B}${B}${B}\n$B=${C}${C}${C}${C}\n$C=${D}${D}${D}${D}\n$D=${E}${E}${E}${E}\n"
        "$E=${F}${F}${F}${F}\n$F=${G}${G}${G}${G}\n$G=${H}${H}${H}${H}\n$H=${I}${I}${I}${I}\n"
        "$I=xxxxxxxxxxxxxxxxxxxxxx\n${A}",
        std::string(70000, 'x'),
        "~SEQ(N, 2000) " + std::string(60000, 'x'),
        "$A=" + std::string(10000, 'x') + "\n~SEQ(N, 2000) $A $A $A $A $A",
    };
    for (const auto& bomb : bombs)
        EXPECT_TRUE(read(bomb).contains("import smaller parts of the file")) << bomb.substr(0, 99);
}

TEST(KeepalivedLinesTest, WrongSequencesAreSyntaxErrors) {
    const std::pair<const char*, const char*> table[] = {
        {"~SEQ(N, 1", "its ) is missing"},
        {"~SEQ(N, x) a", "'x' is not a number"},
        {"~SEQ(N) a", "it has one to three"},
        {"~SEQ(N, 1, 0, 5) a", "a step of 0 never ends"},
        {"~SEQ(1N, 1, 5) a", "'1N' is not a"},
        {"~LST(N) a", "it has no values"},
        {"~LST({A,B}, {1}) a", "has not one value for each name"},
    };
    for (const auto& [text, error] : table)
        EXPECT_TRUE(read(text).contains(error)) << text << '\n' << read(text);
}

/// "a[b[c] d]"
std::string shape(const std::vector<Directive>& directives) {
    std::string result;
    for (const auto& each : directives) {
        result += (result.empty() ? "" : " ") + each.said();
        if (each.has_block) result += '[' + shape(each.block) + ']';
    }
    return result;
}

std::string blocks_in(const std::string& text) {
    const auto lines =
        read_lines({.file = "f", .text = text, .machine = machine_with({}), .id = {}});
    const auto top = read_blocks(lines.value().all);
    if (top) return shape(*top);
    std::string result;
    for (const auto& error : top.error()) result += to_string(error) + '\n';
    return result;
}

TEST(KeepalivedBlocksTest, MayBeginOnTheNextLineAndEndOnTheSame) {
    const std::pair<const char*, const char*> table[] = {
        {"a {\nb\n}\nc", "a[b] c"},         {"a\n{\nb\n}", "a[b]"},
        {"a x { b y }", "a x[b y]"},        {"a{\nb {\n}\n}", "a[b[]]"},
        {"a { b { c } d }", "a[b[c] d]"},   {"a \"{\" x", "a \"{\" x"},
        {"a ${X} {x,y}z", "a ${X} {x,y}z"},
    };
    for (const auto& [text, blocks] : table) EXPECT_EQ(blocks_in(text), blocks) << text;
}

TEST(KeepalivedBlocksTest, EveryMistakeIsFound) {
    const std::pair<const char*, const char*> table[] = {
        {"a {\nb {\n",
         "f:2: the block of b is not closed (add } where it ends)\n"
         "f:1: the block of a is not closed (add } where it ends)\n"},
        {"a\n}\n}",
         "f:2: } closes no block (remove it, or open a block before it)\n"
         "f:3: } closes no block (remove it, or open a block before it)\n"},
        {"{\n", "f:1: { has no keyword (write the keyword of the block before it)\n"},
        {"a { } { }",
         "f:1: { has no keyword (write the keyword of the block before it)\n"
         "f:1: } closes no block (remove it, or open a block before it)\n"},
        {"a \"b\nc", "f:1: a quote \" is not closed (close it on the same line)\n"},
    };
    for (const auto& [text, errors] : table) EXPECT_EQ(blocks_in(text), errors) << text;
    std::string deep;
    for (int i = 0; i < 20; ++i) deep += "a {\n";
    EXPECT_TRUE(blocks_in(deep).contains("blocks are nested too deeply"));
}

}  // namespace
}  // namespace ballast::migrate
