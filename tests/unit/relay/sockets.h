// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "net/acceptor.h"
#include "net/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace ballast::relay {

/// A TCP connection over loopback: one side, which does not block, for the relay, the other, which
/// does, for the test. All buffers are of this size, about: by default the kernel lets them grow up
/// to the machine's limit, and none would ever be full.
struct Connection {
    explicit Connection(int buffer_bytes = 1 << 20) {
        const auto here = base::Ip::parse("127.0.0.1").value();
        const auto listening = net::listen_on({here, 0}, 1);
        far = base::OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const net::SystemAddress to(*net::local_address(listening->get()));
        EXPECT_EQ(::connect(far.get(), to.get(), to.length), 0);
        near = base::OwnedFd(::accept4(listening->get(), nullptr, nullptr, SOCK_CLOEXEC));
        EXPECT_EQ(::fcntl(near.get(), F_SETFL, O_NONBLOCK), 0);
        for (const auto* end : {&near, &far})
            for (const int which : {SO_SNDBUF, SO_RCVBUF})
                EXPECT_EQ(
                    ::setsockopt(end->get(), SOL_SOCKET, which, &buffer_bytes, sizeof buffer_bytes),
                    0);
    }

    base::OwnedFd near;
    base::OwnedFd far;
};

}  // namespace ballast::relay
