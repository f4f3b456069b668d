// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ballast::log {
namespace {

class LogTest : public testing::Test {
protected:
    LogTest() {
        std::string name = testing::TempDir() + "ballast-log-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
    }
    ~LogTest() override {
        stop();
        std::filesystem::remove_all(folder);
    }
    LogTest(const LogTest&) = delete;
    LogTest& operator=(const LogTest&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return folder / name; }
    [[nodiscard]] std::string content(const std::string& name) const {
        std::ifstream file(path(name));
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
    [[nodiscard]] std::vector<std::string> lines(const std::string& name) const {
        std::istringstream text(content(name));
        std::vector<std::string> all;
        for (std::string line; std::getline(text, line);) all.push_back(line);
        return all;
    }
    void begin(Level level, bool json) {
        ASSERT_TRUE(start({.level = level, .json = json, .file = path("log")}));
    }

    std::filesystem::path folder;
};

TEST(JsonString, escapes_what_json_demands_and_what_is_no_utf8) {
    const std::pair<std::string, std::string> table[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {"a\"b\\c", R"("a\"b\\c")"},
        {"tab\tline\r\n", R"("tab\u0009line\u000d\u000a")"},
        {std::string("nul\0!", 5), R"("nul\u0000!")"},
        {"\x7f", R"("\u007f")"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
         "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"caf\xe9", R"("caf\u00e9")"},
        {"\xc3", R"("\u00c3")"},
        {"\xc0\xaf", R"("\u00c0\u00af")"},            // overlong
        {"\xed\xa0\x80", R"("\u00ed\u00a0\u0080")"},  // a surrogate
        {"\xf4\x90\x80\x80", R"("\u00f4\u0090\u0080\u0080")"},
        {"\xe2\x82", R"("\u00e2\u0082")"},
        {"\xff\xfe", R"("\u00ff\u00fe")"},
    };
    for (const auto& [bytes, json] : table) EXPECT_EQ(json_string(bytes), json);
}

TEST(JsonObject, writes_each_kind_of_field) {
    EXPECT_EQ(json_object({}), "{}");
    EXPECT_EQ(json_object({{"text", "a \"b\""},
                           {"below", std::int64_t{-5}},
                           {"above", std::uint64_t{18446744073709551615U}},
                           {"part", 2.5}}),
              R"({"text":"a \"b\"","below":-5,"above":18446744073709551615,"part":2.5})");
}

TEST_F(LogTest, writes_json_lines) {
    begin(Level::info, true);
    info("session began", {{"session", "s1"}, {"bytes", std::uint64_t{5}}});
    stop();
    const auto all = lines("log");
    ASSERT_EQ(all.size(), 1);
    EXPECT_TRUE(all[0].starts_with("{\"time\":\"2")) << all[0];
    EXPECT_TRUE(all[0].ends_with(R"(Z","level":"info","message":"session began",)"
                                 R"("session":"s1","bytes":5})"))
        << all[0];
}

TEST_F(LogTest, writes_readable_lines_and_quotes_only_what_needs_it) {
    begin(Level::info, false);
    warning("backend down", {{"backend", "alf1"},
                             {"reason", "no answer"},
                             {"empty", ""},
                             {"odd", "a=b"},
                             {"line", "a\nb"},
                             {"count", std::uint64_t{3}}});
    stop();
    const auto all = lines("log");
    ASSERT_EQ(all.size(), 1);
    EXPECT_TRUE(all[0].ends_with(
        R"(Z warning backend down backend=alf1 reason="no answer" empty="" odd="a=b" line="a\u000ab" count=3)"))
        << all[0];
}

TEST_F(LogTest, leaves_out_what_is_below_its_level) {
    begin(Level::warning, false);
    EXPECT_TRUE(enabled(Level::error));
    EXPECT_TRUE(enabled(Level::warning));
    EXPECT_FALSE(enabled(Level::info));
    EXPECT_FALSE(enabled(Level::debug));
    error("one");
    warning("two");
    info("three");
    debug("four");
    stop();
    EXPECT_EQ(lines("log").size(), 2);
    EXPECT_FALSE(enabled(Level::error));
}

TEST_F(LogTest, says_nothing_when_it_was_never_started) {
    EXPECT_FALSE(enabled(Level::error));
    error("nobody hears it");
    write_line("xferlog", "nor this");
    reopen();
    EXPECT_FALSE(has_file("xferlog"));
}

TEST_F(LogTest, does_not_start_with_a_file_that_cannot_be_opened) {
    EXPECT_FALSE(start({.level = Level::info, .json = false, .file = path("missing/log")}));
    EXPECT_FALSE(enabled(Level::error));
}

TEST_F(LogTest, writes_further_files_as_they_are) {
    begin(Level::info, true);
    EXPECT_FALSE(open_file("xferlog", path("missing/xferlog")));
    EXPECT_FALSE(has_file("xferlog"));
    ASSERT_TRUE(open_file("xferlog", path("xferlog")));
    EXPECT_TRUE(has_file("xferlog"));
    write_line("xferlog", "caf\xe9 {} %s");
    write_line("unknown", "lost");
    stop();
    EXPECT_EQ(content("xferlog"), "caf\xe9 {} %s\n");
    EXPECT_EQ(content("log"), "");
}

TEST_F(LogTest, appends_to_what_is_there) {
    begin(Level::info, false);
    info("one");
    stop();
    begin(Level::info, false);
    info("two");
    stop();
    EXPECT_EQ(lines("log").size(), 2);
}

TEST_F(LogTest, goes_on_in_a_new_file_after_a_rotation) {
    begin(Level::info, false);
    ASSERT_TRUE(open_file("xferlog", path("xferlog")));
    info("before");
    write_line("xferlog", "first");
    // What is waiting may be written to either file, so wait for it before rotating.
    while (content("log").empty() || content("xferlog").empty()) std::this_thread::yield();
    std::filesystem::rename(path("log"), path("log.1"));
    std::filesystem::rename(path("xferlog"), path("xferlog.1"));
    reopen();
    info("after");
    write_line("xferlog", "second");
    stop();
    EXPECT_EQ(lines("log.1").size(), 1);
    EXPECT_EQ(lines("log").size(), 1);
    EXPECT_EQ(content("xferlog.1"), "first\n");
    EXPECT_EQ(content("xferlog"), "second\n");
}

TEST_F(LogTest, keeps_the_old_file_when_the_new_one_cannot_be_opened) {
    std::filesystem::create_directory(folder / "inner");
    ASSERT_TRUE(start({.level = Level::info, .json = false, .file = path("inner/log")}));
    info("before");
    while (content("inner/log").empty()) std::this_thread::yield();
    std::filesystem::rename(folder / "inner", folder / "moved");
    reopen();
    info("after");
    stop();
    EXPECT_EQ(lines("moved/log").size(), 3);  // the complaint is the one between
}

TEST_F(LogTest, takes_lines_from_many_threads_whole) {
    begin(Level::info, false);
    ASSERT_TRUE(open_file("xferlog", path("xferlog")));
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([i] {
            for (int k = 0; k < 200; ++k)
                write_line("xferlog", std::string(100, static_cast<char>('a' + i)));
        });
    for (auto& thread : threads) thread.join();
    stop();
    const auto all = lines("xferlog");
    EXPECT_EQ(all.size(), 800);
    for (const auto& line : all) EXPECT_EQ(line, std::string(100, line.at(0)));
}

}  // namespace
}  // namespace ballast::log
