// SPDX-License-Identifier: Apache-2.0
#include "admin/socket_file.h"

#include "support/temporary_directory.h"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ballast::admin {
namespace {

/// Whether a client can connect.
bool is_reachable(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const base::OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),  // NOLINT
                     sizeof address) == 0;
}

class SocketFileTest : public testing::Test {
protected:
    [[nodiscard]] std::string why_not(const std::string& group = {}) const {
        const auto opened = SocketFile::open(path_, group);
        return opened ? "it opens" : opened.error().what + " (" + opened.error().fix + ')';
    }
    [[nodiscard]] bool exists() const { return ::access(path_.c_str(), F_OK) == 0; }

    support::TemporaryDirectory directory_;
    const std::string path_ = directory_.file("sock");
};

TEST_F(SocketFileTest, is_there_for_user_and_group_until_its_end) {
    {
        const auto file = SocketFile::open(path_, "");
        ASSERT_TRUE(file) << file.error().what;
        struct stat status{};
        ASSERT_EQ(::stat(path_.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode, S_IFSOCK | 0660U);
        EXPECT_TRUE(is_reachable(path_));
        EXPECT_NE(::access((path_ + ".new").c_str(), F_OK), 0);
    }
    EXPECT_FALSE(exists());
}

TEST_F(SocketFileTest, moves_with_its_object) {
    auto opened = SocketFile::open(path_, "");
    ASSERT_TRUE(opened);
    {
        const SocketFile moved = std::move(*opened);
        EXPECT_TRUE(exists());
    }
    EXPECT_FALSE(exists());
}

TEST_F(SocketFileTest, replaces_that_of_a_process_that_has_ended) {
    {
        const base::OwnedFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address),  // NOLINT
                         sizeof address),
                  0);
    }
    ASSERT_TRUE(exists());
    directory_.write("sock.new", "left behind by a crash");
    const auto file = SocketFile::open(path_, "");
    ASSERT_TRUE(file) << file.error().what;
    EXPECT_TRUE(is_reachable(path_));
}

TEST_F(SocketFileTest, does_not_replace_that_of_a_living_process) {
    const auto first = SocketFile::open(path_, "");
    ASSERT_TRUE(first);
    EXPECT_EQ(why_not(),
              "another Ballast runs with the socket " + path_ + " (stop it, or name another path)");
    EXPECT_TRUE(is_reachable(path_));
}

TEST_F(SocketFileTest, does_not_replace_other_files) {
    directory_.write("sock", "precious");
    EXPECT_EQ(why_not(), path_ + " exists and is not a socket (name another path, or remove it)");
    EXPECT_EQ(directory_.read("sock"), "precious");
}

TEST_F(SocketFileTest, does_not_remove_that_of_its_successor) {
    auto first = SocketFile::open(path_, "");
    ASSERT_TRUE(first);
    {
        const auto not_listening = first->take();
    }
    auto second = SocketFile::open(path_, "");
    ASSERT_TRUE(second) << second.error().what;
    {
        const SocketFile ends = std::move(*first);
    }
    EXPECT_TRUE(is_reachable(path_));
}

TEST_F(SocketFileTest, says_what_to_do_about_folders_and_groups) {
    const auto missing = SocketFile::open(directory_.file("none/sock"), "");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().what,
              "cannot listen on " + directory_.file("none/sock") + ": No such file or directory");
    EXPECT_EQ(missing.error().fix, "make its folder");
    EXPECT_EQ(why_not("no-such-group"), "there is no group no-such-group (name one, or create it)");
    EXPECT_FALSE(exists());
    const auto too_long = SocketFile::open("/" + std::string(107, 'x'), "");
    ASSERT_FALSE(too_long);
    EXPECT_TRUE(too_long.error().what.contains("is too long"));
}

}  // namespace
}  // namespace ballast::admin
