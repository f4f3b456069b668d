// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include "support/temporary_directory.h"

#include <cerrno>
#include <filesystem>
#include <future>
#include <gtest/gtest.h>
#include <new>
#include <string>
#include <sys/stat.h>

namespace ballast::base {
namespace {

class FileTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const { return directory.file(name); }
    [[nodiscard]] std::string write(const std::string& name, const std::string& bytes) const {
        return directory.write(name, bytes);
    }
    static void expect_refused(const std::string& file, const std::string& why) {
        const auto read = read_file(file);
        ASSERT_FALSE(read) << file;
        EXPECT_EQ(to_string(read.error()), why);
    }

    const support::TemporaryDirectory directory;
};

TEST_F(FileTest, reads_a_whole_regular_file) {
    std::string bytes;
    for (int i = 0; i < 300'000; ++i) bytes += static_cast<char>(i * 7);
    EXPECT_EQ(read_file(write("large", bytes)), WipedString(bytes));
    EXPECT_EQ(read_file(write("empty", "")), WipedString());
    std::filesystem::create_symlink(path("large"), path("link"));
    EXPECT_EQ(read_file(path("link")), WipedString(bytes));
}

TEST_F(FileTest, refuses_anything_but_a_regular_file_at_once) {
    const auto pipe = path("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    expect_refused(pipe, pipe + " is a FIFO, and must be a regular file");
    expect_refused(path("."), path(".") + " is a folder, and must be a regular file");
    expect_refused("/dev/zero", "/dev/zero is a device, and must be a regular file");
    expect_refused(path("none"), "cannot read " + path("none") + ": No such file or directory");
}

TEST_F(FileTest, refuses_a_file_that_is_too_large) {
    const auto file = write("file", "12345");
    EXPECT_TRUE(read_file(file, 5));
    const auto read = read_file(file, 4);
    ASSERT_FALSE(read);
    EXPECT_EQ(to_string(read.error()), file + " is larger than 4 bytes");
}

TEST_F(FileTest, is_replaced_as_a_whole_for_its_owner_alone) {
    const auto file = path("file");
    ASSERT_TRUE(replace_file(file, "first"));
    struct stat status{};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode, S_IFREG | 0600U);
    (void)write("file.new", "left behind by a crash");
    ASSERT_TRUE(replace_file(file, std::string(300'000, 'x')));
    EXPECT_EQ(directory.read("file"), std::string(300'000, 'x'));
    EXPECT_FALSE(std::filesystem::exists(path("file.new")));
}

TEST_F(FileTest, that_cannot_be_replaced_stays_as_it_was) {
    (void)write("file", "old");
    std::filesystem::create_directory(path("file.new"));
    const auto done = replace_file(path("file"), "new");
    ASSERT_FALSE(done);
    EXPECT_EQ(to_string(done.error()), "cannot write " + path("file") + ": File exists");
    EXPECT_EQ(directory.read("file"), "old");
}

TEST_F(FileTest, a_hung_file_blocks_for_seconds_once_and_then_fails_at_once_until_it_answers) {
    const auto stuck = path("stuck");
    const auto other = write("other", "fine");
    auto answer = std::make_shared<std::promise<void>>();
    auto ended = std::make_shared<std::promise<void>>();
    const auto first = in_time(stuck, "reading it", [answer, ended] {
        answer->get_future().wait();
        ended->set_value();
        return 0;
    });
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code.value(), ETIMEDOUT);
    bool asked = false;
    EXPECT_FALSE(in_time(stuck, "reading it", [&asked] {
        asked = true;
        return 0;
    }));
    EXPECT_FALSE(asked) << "each further look would be a further thread that hangs";
    EXPECT_EQ(read_file(other), WipedString(std::string("fine")));

    answer->set_value();
    ended->get_future().wait();
    while (!in_time(stuck, "reading it", [] { return 0; })) std::this_thread::yield();
}

TEST_F(FileTest, work_without_memory_fails_without_affecting_other_work) {
    const auto done = in_time(path("any"), "reading it", []() -> int { throw std::bad_alloc(); });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code.value(), ENOMEM);
    EXPECT_TRUE(in_time(path("any"), "reading it", [] { return 0; }));
}

}  // namespace
}  // namespace ballast::base
