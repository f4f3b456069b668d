// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker.h"

#include "net/socket.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>
#include <numeric>
#include <semaphore>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// Allocations of this thread that succeed before one fails. Below 0: none fails.
thread_local int allocations_left = -1;

void* allocate(std::size_t bytes) {
    if (allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
    if (void* const got = std::malloc(bytes)) return got;
    throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
    return std::malloc(bytes);
}
void operator delete(void* given) noexcept { std::free(given); }
void operator delete[](void* given) noexcept { std::free(given); }
void operator delete(void* given, std::size_t) noexcept { std::free(given); }
void operator delete[](void* given, std::size_t) noexcept { std::free(given); }

namespace ballast::daemon {
namespace {

using namespace std::chrono_literals;

/// Both ends of a connection.
struct Connection {
    Connection() {
        const base::Ip loopback = base::Ip::parse("127.0.0.1").value();
        const auto listening = net::listen_on({loopback, 0}, 1).value();
        net::SystemAddress where;
        EXPECT_EQ(::getsockname(listening.get(), where.get(), &where.length), 0);
        client = base::OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(client.get(), where.get(), where.length), 0);
        server = base::OwnedFd(
            ::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        EXPECT_TRUE(server);
        EXPECT_EQ(::getsockname(client.get(), where.get(), &where.length), 0);
        peer = where.address();
    }
    /// The first bytes that the client gets; empty if the connection ends.
    [[nodiscard]] std::string first_words() const {
        std::array<char, 512> buffer{};
        const auto bytes = ::recv(client.get(), buffer.data(), buffer.size(), 0);
        return {buffer.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0};
    }

    base::OwnedFd client;
    base::OwnedFd server;
    base::Address peer;
};

TEST(Worker, a_session_that_runs_out_of_memory_leaves_nothing_behind) {
    const auto listener = std::make_shared<const config::Listener>();
    const auto pools = std::make_shared<const session::Pools>();
    const session::PublicNames names;
    session::Notices notices;
    guard::Ledger ledger(std::make_shared<const config::Limits>(), 1000,
                         std::chrono::steady_clock::now());
    net::PassivePorts ports(1);
    Worker worker(ports, 0);
    auto& loop = worker.network().loop();
    worker.start();
    int failed = 0;
    for (bool is_greeted = false; !is_greeted;) {
        Connection connection;
        loop.post([failed] { allocations_left = failed; });
        worker.adopt(std::move(connection.server), connection.peer,
                     {listener, pools, &ledger, &names, &notices, nullptr, false}, "id",
                     std::move(*ledger.accept()));
        is_greeted = connection.first_words().starts_with("220");
        failed += is_greeted ? 0 : 1;
        loop.post([] { allocations_left = -1; });
        connection.client = base::OwnedFd();
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (worker.load() != 0)
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "after " << failed;
    }
    EXPECT_GT(failed, 5) << "each allocation up to the greeting was refused once";
    worker.end();
}

TEST(Worker, measures_how_long_work_waits_for_its_turn) {
    net::PassivePorts ports(1);
    Worker worker(ports, 0);
    const auto measured = [&] {
        const auto counts = worker.lag().read().counts;
        return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    };
    std::binary_semaphore is_busy(0);
    std::binary_semaphore may_end(0);
    std::binary_semaphore is_done(0);
    worker.start();
    worker.network().loop().post([&] {
        is_busy.release();
        may_end.acquire();
    });
    is_busy.acquire();
    EXPECT_GT(worker.in_turn_for(), 0s);
    worker.look_at_turn();
    worker.look_at_turn();  // the first measurement is still on its way
    EXPECT_EQ(measured(), 0U);
    worker.network().loop().post([&] { is_done.release(); });
    may_end.release();
    is_done.acquire();
    EXPECT_EQ(measured(), 1U);
    EXPECT_GT(worker.lag().read().sum, 0);
    worker.end();
    EXPECT_EQ(worker.in_turn_for(), 0s);
}

}  // namespace
}  // namespace ballast::daemon
