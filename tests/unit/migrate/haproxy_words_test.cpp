// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_words.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::migrate::haproxy {
namespace {

std::optional<std::string> variable(const std::string& name) {
    if (name == "PORT") return "21";
    if (name == "NETS") return "10.0.0.0/8  192.0.2.0/24";
    if (name == "EMPTY") return "";
    return std::nullopt;
}

/// The words in brackets, or why there are none.
std::string split(std::string_view line) {
    const auto found = split_words(line, variable);
    if (!found) return std::string(advice(found.error()).what);
    std::string text;
    for (const auto& word : found->words) text += '[' + word + ']';
    for (const auto& name : found->unset_variables) text += " unset " + name;
    return text;
}

struct Case {
    std::string_view line;
    std::string_view words;
};

TEST(HaproxyWords, AreSplitAsHaproxyDoes) {
    const std::vector<Case> cases{
        {"", ""},
        {"   \t ", ""},
        {"# all of it", ""},
        {"bind :21 # rest", "[bind][:21]"},
        {"bind :21#22", "[bind][:21]"},
        {"  a\tb  c ", "[a][b][c]"},
        {R"(a\ b c\#d \\ \'x \"y)", R"([a b][c#d][\]['x]["y])"},
        {R"(\n\t\r\x41 \1)", "[\n\t\rA][\\1]"},
        {R"("a b"c 'd e'f)", "[a bc][d ef]"},
        {R"("" '' x)", "[][][x]"},
        {R"("it's" 'say "hi"')", R"([it's][say "hi"])"},
        {R"('a\nb$PORT' "a\nb")", "[a\\nb$PORT][a\nb]"},
        {R"(:$PORT ":$PORT" ":${PORT}0" "\$PORT")", "[:$PORT][:21][:210][$PORT]"},
        {R"("${NOPE-5s}" "${PORT-5}" "${EMPTY-x}")", "[5s][21][]"},
        {R"("${NETS[*]}" "$NETS")", "[10.0.0.0/8][192.0.2.0/24][10.0.0.0/8  192.0.2.0/24]"},
        {R"(a "$NOPE" b)", "[a][b] unset NOPE"},
        {R"(a "x$NOPE" b)", "[a][xb] unset NOPE"},
        {R"(a \)", R"([a][\])"},
    };
    for (const auto& [line, words] : cases) EXPECT_EQ(split(line), words) << line;
}

TEST(HaproxyWords, AreRefusedWithAReason) {
    const std::vector<Case> cases{
        {"a 'b", "a single quote is not closed"},
        {"a \"b", "a double quote is not closed"},
        {R"(\x4)", "\\x needs two hexadecimal digits"},
        {R"(\xzz)", "\\x needs two hexadecimal digits"},
        {R"(\x+1)", "\\x needs two hexadecimal digits"},
        {R"("$1")", "the name of a variable must begin with a letter or '_'"},
        {R"("${")", "the name of a variable must begin with a letter or '_'"},
        {R"("${PORT")", "a ${ is not closed"},
        {R"("${PORT?}")", "a ${ is not closed"},
        {R"("${PORT[1]}")", "only [*] may follow the name of a variable"},
    };
    for (const auto& [line, reason] : cases) EXPECT_EQ(split(line), reason) << line;
}

TEST(HaproxyWords, HaveLimits) {
    std::string many;
    for (std::size_t i = 0; i <= words_max; ++i) many += "x ";
    EXPECT_EQ(split(many), "the line has too many words");
    EXPECT_EQ(split(std::string(expanded_bytes_max + 1, 'x')),
              "the line is too long once its variables are expanded");
}

}  // namespace
}  // namespace ballast::migrate::haproxy
