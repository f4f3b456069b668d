// SPDX-License-Identifier: Apache-2.0
#include "base/log_file.h"

#include "base/log.h"
#include "support/temporary_directory.h"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <new>
#include <string>
#include <thread>

namespace ballast::log {
namespace {

class LogFileTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const { return directory.file(name); }
    [[nodiscard]] std::string content(const std::string& name) const {
        return directory.read(name);
    }

    const support::TemporaryDirectory directory;
};

TEST_F(LogFileTest, others_may_log_while_the_last_lines_are_written) {
    ASSERT_TRUE(start({.level = Level::info, .file = path("log"), .repeats_per_second = 0}));
    std::atomic<std::uint64_t> said = 0;
    std::jthread other([&](const std::stop_token& ended) {
        for (; !ended.stop_requested(); ++said) info("other");
    });
    info("mine");
    write_last();
    // It still logs, to the file that is still open.
    for (const auto before = said.load(); said < before + 1000;) std::this_thread::yield();
    EXPECT_NE(content("log").find("mine"), std::string::npos);
    other = {};
    stop();
}

TEST_F(LogFileTest, goes_on_without_memory_to_report_that_it_cannot_be_opened_again) {
    std::filesystem::create_directory(path("inner"));
    auto file = LogFile::open({.path = path("inner/log"),
                               .queued_bytes_max = 1000,
                               .count_lost = nullptr,
                               .tell_lost = [](std::uint64_t) { return std::string("lost"); },
                               .reopen_failed = [] { throw std::bad_alloc(); }});
    ASSERT_TRUE(file);
    std::filesystem::rename(path("inner"), path("moved"));
    file->reopen();
    file->write("after");
    file.reset();
    EXPECT_THAT(content("moved/log"), testing::AnyOf("lost\nafter\n", "after\nlost\n"));
}

TEST_F(LogFileTest, reports_later_what_it_has_no_memory_to_report) {
    int asked = 0;
    auto file = LogFile::open({.path = path("log"),
                               .queued_bytes_max = 10,
                               .count_lost = nullptr,
                               .tell_lost =
                                   [&](std::uint64_t lines) {
                                       if (asked++ == 0) throw std::bad_alloc();
                                       return fmt::format("lost {}", lines);
                                   },
                               .reopen_failed = nullptr});
    ASSERT_TRUE(file);
    file->write("longer than the queue");
    file->write("short");
    while (content("log").find("lost 1") == std::string::npos) std::this_thread::yield();
    file.reset();
    EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace ballast::log
