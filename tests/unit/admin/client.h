// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/owned_fd.h"
#include "net/socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace ballast::admin {

/// A client that waits for everything it asks for, but not for ever.
class Client {
public:
    explicit Client(const base::Address& to) : socket_(open(AF_INET)) {
        const net::SystemAddress address(to);
        EXPECT_EQ(::connect(socket_.get(), address.get(), address.length), 0);
    }
    explicit Client(const std::string& path) : socket_(open(AF_UNIX)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),  // NOLINT
                            sizeof address),
                  0);
    }
    /// False if the server has closed the connection.
    bool send(std::string_view text) {
        return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(text.size());
    }
    void end() { ::shutdown(socket_.get(), SHUT_WR); }
    /// Reads until this text has come `count` times. Returns everything read.
    std::string read_until(std::string_view text, int count = 1) {
        std::string all;
        std::size_t at = 0;
        while (count > 0) {
            if (const auto found = all.find(text, at); found != std::string::npos) {
                at = found + text.size();
                --count;
            } else if (!read_some(all)) {
                ADD_FAILURE() << "the connection ended without " << text << ": " << all;
                break;
            }
        }
        return all;
    }
    /// Everything until the server closes the connection.
    std::string read_all() {
        std::string all;
        while (read_some(all)) continue;
        return all;
    }

private:
    static base::OwnedFd open(int family) {
        base::OwnedFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        constexpr timeval patience{.tv_sec = 60, .tv_usec = 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        return socket;
    }
    bool read_some(std::string& into) {
        std::array<char, 65536> part;
        const auto count = ::recv(socket_.get(), part.data(), part.size(), 0);
        EXPECT_FALSE(count < 0 && errno == EAGAIN) << "the server neither answers nor closes";
        if (count > 0) into.append(part.data(), static_cast<std::size_t>(count));
        return count > 0;
    }
    base::OwnedFd socket_;
};

}  // namespace ballast::admin
