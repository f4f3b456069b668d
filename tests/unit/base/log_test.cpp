// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "support/temporary_directory.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace ballast::log {
namespace {

class LogTest : public testing::Test {
protected:
    LogTest() = default;
    ~LogTest() override { stop(); }
    LogTest(const LogTest&) = delete;
    LogTest& operator=(const LogTest&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return directory.file(name); }
    [[nodiscard]] std::string content(const std::string& name) const {
        return directory.read(name);
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

    const support::TemporaryDirectory directory;
};

TEST_F(LogTest, lines_for_the_journal_begin_with_their_priority) {
    for (const bool json : {false, true}) {
        const auto name = json ? "json" : "text";
        ASSERT_TRUE(start(
            {.level = Level::debug, .json = json, .file = path(name), .has_priorities = true}));
        error("a");
        warning("b");
        info("c");
        debug("d");
        stop();
        const auto said = lines(name);
        ASSERT_EQ(said.size(), 4U);
        const std::string begin = json ? "{" : "2";
        EXPECT_TRUE(said[0].starts_with("<3>" + begin)) << said[0];
        EXPECT_TRUE(said[1].starts_with("<4>" + begin)) << said[1];
        EXPECT_TRUE(said[2].starts_with("<6>" + begin)) << said[2];
        EXPECT_TRUE(said[3].starts_with("<7>" + begin)) << said[3];
    }
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

TEST_F(LogTest, leaves_out_lines_below_its_level) {
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

TEST_F(LogTest, appends_to_an_existing_file) {
    begin(Level::info, false);
    info("one");
    stop();
    begin(Level::info, false);
    info("two");
    stop();
    EXPECT_EQ(lines("log").size(), 2);
}

TEST_F(LogTest, continues_in_a_new_file_after_a_rotation) {
    begin(Level::info, false);
    ASSERT_TRUE(open_file("xferlog", path("xferlog")));
    info("before");
    write_line("xferlog", "first");
    // Pending lines may go to either file, so wait for them before rotating.
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
    std::filesystem::create_directory(path("inner"));
    ASSERT_TRUE(start({.level = Level::info, .json = false, .file = path("inner/log")}));
    info("before");
    while (content("inner/log").empty()) std::this_thread::yield();
    std::filesystem::rename(path("inner"), path("moved"));
    reopen();
    info("after");
    stop();
    EXPECT_EQ(lines("moved/log").size(), 3);  // the one between reports the failure
}

TEST_F(LogTest, follows_new_options_while_it_runs) {
    begin(Level::info, false);
    ASSERT_TRUE(open_file("xferlog", path("xferlog")));
    debug("not wanted");
    info("before");
    write_line("xferlog", "first");
    while (content("log").empty() || content("xferlog").empty()) std::this_thread::yield();
    change({.level = Level::debug, .json = true, .file = path("other")});
    ASSERT_TRUE(open_file("xferlog", path("moved")));
    debug("wanted");
    write_line("xferlog", "second");
    close_file("json");
    stop();
    EXPECT_EQ(lines("log").size(), 1);
    ASSERT_EQ(lines("other").size(), 1);
    EXPECT_TRUE(content("other").contains("\"message\":\"wanted\""));
    EXPECT_EQ(content("xferlog"), "first\n");
    EXPECT_EQ(content("moved"), "second\n");
}

TEST_F(LogTest, a_file_that_is_closed_takes_no_more_lines) {
    begin(Level::info, false);
    ASSERT_TRUE(open_file("xferlog", path("xferlog")));
    write_line("xferlog", "first");
    close_file("xferlog");
    EXPECT_FALSE(has_file("xferlog"));
    write_line("xferlog", "lost");
    EXPECT_EQ(content("xferlog"), "first\n");
    stop();
}

TEST_F(LogTest, leaves_out_lines_that_repeat_and_says_how_many) {
    begin(Level::info, false);
    for (int i = 0; i < 500; ++i) info("knock", {{"number", std::int64_t{i}}});
    for (int i = 0; i < 500; ++i) write_seldom(Level::warning, "refused", "list", {});
    for (int i = 0; i < 500; ++i) write_each(Level::info, "state");
    stop();
    std::size_t knocks = 0;
    std::size_t refusals = 0;
    std::size_t states = 0;
    std::size_t told = 0;
    for (const auto& line : lines("log")) {
        const bool tells = line.find("lines were left out") != std::string::npos;
        told += tells ? 1U : 0U;
        knocks += !tells && line.find("knock") != std::string::npos ? 1U : 0U;
        refusals += !tells && line.find("refused") != std::string::npos ? 1U : 0U;
        states += line.find("state") != std::string::npos ? 1U : 0U;
    }
    // A slow machine may need some seconds.
    EXPECT_GE(knocks, 50U);
    EXPECT_LT(knocks, 500U);
    EXPECT_GE(refusals, 1U);
    EXPECT_LT(refusals, 20U);
    EXPECT_EQ(states, 500U);
    EXPECT_EQ(told, 2U);
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

TEST(JsonObject, cuts_long_texts_and_stays_json) {
    const std::string name(1 << 20, 'x');
    EXPECT_EQ(json_object({{"file", name}, {"bytes", std::uint64_t{5}}}),
              R"({"file":")" + name.substr(0, 8192) + R"(...","bytes":5})");
    // Neither a character nor an escape is cut in two.
    const std::string odd = std::string(8191, 'x') + "\xc3\xa9" + "more";
    EXPECT_EQ(json_object({{"file", odd}}), R"({"file":")" + odd.substr(0, 8191) + R"(..."})");
    const std::string quotes(8192, '"');
    EXPECT_EQ(json_object({{"file", quotes}}).size(),
              8192 + std::string(R"({"file":"..."})").size());
}

TEST(JsonObject, has_a_bound_however_many_long_texts_it_has) {
    const std::string name(1 << 20, 'x');
    const auto line = json_object({{"a", name},
                                   {"b", name},
                                   {"c", name},
                                   {"d", name},
                                   {"e", name},
                                   {"f", name},
                                   {"g", name},
                                   {"h", name},
                                   {"i", std::int64_t{1}}});
    EXPECT_LT(line.size(), 33'000);
    EXPECT_TRUE(line.ends_with(R"("h":"...","i":1})")) << line.substr(line.size() - 100);
}

/// Pipes that nobody reads until a test does.
class StuckLogTest : public LogTest {
protected:
    void make_fifo(const std::string& name) const {
        ASSERT_EQ(::mkfifo(path(name).c_str(), 0600), 0);
    }
    void begin_on(const std::string& name) {
        ASSERT_TRUE(start({.level = Level::info,
                           .json = false,
                           .file = path(name),
                           .count_lost = [this](std::uint64_t lines) { lost += lines; },
                           .queued_bytes_max = 1'000'000,
                           .repeats_per_second = 0}));
    }
    /// Writes more than the pipe and the queue hold together.
    void write_too_much() {
        const std::string text(8000, 'x');
        for (int i = 0; i < 300; ++i) info("long", {{"number", std::int64_t{i}}, {"text", text}});
    }
    /// All lines up to one that contains this text.
    [[nodiscard]] std::vector<std::string> read_until(const std::string& name,
                                                      std::string_view part) const {
        std::ifstream file(path(name));
        std::vector<std::string> all;
        for (std::string line; std::getline(file, line);) {
            all.push_back(line);
            if (line.find(part) != std::string::npos) break;
        }
        return all;
    }

    /// The sum of the losses that these lines report. Several report one if lines were lost before
    /// the log's thread first ran.
    [[nodiscard]] static std::uint64_t told_lost(const std::vector<std::string>& all,
                                                 std::string_view field) {
        const auto text = fmt::format("the reader or the disk is too slow {}", field);
        std::uint64_t sum = 0;
        for (const auto& line : all) {
            const auto at = line.find(text);
            if (at != std::string::npos) sum += std::stoull(line.substr(at + text.size()));
        }
        return sum;
    }

    std::atomic<std::uint64_t> lost = 0;
};

TEST_F(StuckLogTest, a_pipe_that_nobody_reads_blocks_nobody_and_lost_lines_are_counted) {
    make_fifo("pipe");
    begin_on("pipe");
    write_too_much();
    const auto dropped = lost.load();
    // 2.4 MB in lines of 8 KB, of which the queue and the pipe keep little more than one.
    EXPECT_GT(dropped, 160);
    EXPECT_LT(dropped, 180);
    info("the last");
    const auto all = read_until("pipe", "the last");
    const auto tells = std::ranges::count_if(
        all, [](const auto& line) { return line.find("lines were lost") != std::string::npos; });
    EXPECT_EQ(all.size() + lost, static_cast<std::uint64_t>(300 + 1 + tells));
    EXPECT_GE(tells, 1);
    EXPECT_EQ(told_lost(all, "lines="), lost);
    EXPECT_NE(all.at(all.size() - 2).find("number=299"), std::string::npos) << "the newest stay";
}

TEST_F(StuckLogTest, stuck_standard_error_blocks_nobody_and_stays_a_blocking_descriptor) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int kept = ::dup(STDERR_FILENO);
    ASSERT_GE(::dup2(ends[1], STDERR_FILENO), 0);
    const bool started = start({.level = Level::info,
                                .json = false,
                                .file = {},
                                .count_lost = [this](std::uint64_t lines) { lost += lines; },
                                .queued_bytes_max = 1'000'000,
                                .repeats_per_second = 0});
    write_too_much();
    const auto begun = std::chrono::steady_clock::now();
    stop();
    const auto took = std::chrono::steady_clock::now() - begun;
    const int flags = ::fcntl(STDERR_FILENO, F_GETFL);
    ::dup2(kept, STDERR_FILENO);
    for (const int each : {kept, ends[0], ends[1]}) ::close(each);
    EXPECT_TRUE(started);
    EXPECT_LT(took, std::chrono::seconds(5)) << "the end waits for no reader";
    EXPECT_EQ(flags & O_NONBLOCK, 0) << "others share it";
    EXPECT_GT(lost, 290) << "what was left at the end is counted too";
}

TEST_F(StuckLogTest, a_stuck_transfer_log_delays_no_other_log) {
    begin_on("log");
    make_fifo("pipe");
    ASSERT_TRUE(open_file("xferlog", path("pipe")));
    for (int i = 0; i < 300; ++i) write_line("xferlog", std::string(8000, 'x'));
    EXPECT_GT(lost, 160);
    info("still here");
    while (content("log").find("still here") == std::string::npos) std::this_thread::yield();
    write_line("xferlog", "the last");
    const auto all = read_until("pipe", "the last");
    EXPECT_EQ(all.size() + lost, 301);
    // The report goes to the main log, because this file's lines have their own format.
    while (told_lost(lines("log"), "log=xferlog lines=") != lost) std::this_thread::yield();
}

TEST_F(StuckLogTest, a_rotation_leaves_a_stuck_pipe_behind) {
    make_fifo("pipe");
    begin_on("pipe");
    const std::string text(8000, 'x');
    for (int i = 0; i < 20; ++i) info("long", {{"text", text}});
    std::filesystem::rename(path("pipe"), path("pipe.1"));
    reopen();
    info("the last");
    while (content("pipe").find("the last") == std::string::npos) std::this_thread::yield();
    EXPECT_EQ(lost, 0);
}

TEST_F(StuckLogTest, lines_lost_to_a_full_disk_are_counted) {
    ASSERT_TRUE(start({.level = Level::info,
                       .json = false,
                       .file = "/dev/full",
                       .count_lost = [this](std::uint64_t lines) { lost += lines; }}));
    info("one");
    info("two");
    stop();
    EXPECT_EQ(lost, 2);
}

TEST_F(StuckLogTest, a_reader_that_leaves_and_the_next_one_both_find_whole_lines) {
    make_fifo("pipe");
    begin_on("pipe");
    info("one");
    EXPECT_EQ(read_until("pipe", "one").size(), 1);
    info("two");
    EXPECT_EQ(read_until("pipe", "two").size(), 1);
    EXPECT_EQ(lost, 0);
}

TEST_F(LogTest, a_level_holds_until_the_next_change) {
    begin(Level::info, false);
    set_level(Level::debug);
    EXPECT_EQ(level(), Level::debug);
    debug("shown");
    change({.level = Level::info, .file = path("log")});
    debug("hidden");
    stop();
    EXPECT_EQ(lines("log").size(), 1);
}

TEST_F(LogTest, without_a_journal_the_file_gets_the_lines) {
    ASSERT_TRUE(start({.level = Level::info, .file = path("log"), .journal = path("nobody")}));
    info("a line");
    stop();
    EXPECT_THAT(content("log"), testing::HasSubstr("a line"));
}

}  // namespace
}  // namespace ballast::log
