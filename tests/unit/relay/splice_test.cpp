// SPDX-License-Identifier: Apache-2.0
// The relay over real sockets, where the kernel moves the bytes.
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "metrics/counters.h"
#include "net/socket.h"
#include "net/socket_stream.h"
#include "relay/noise.h"
#include "relay/pump.h"
#include "relay/relay.h"
#include "relay/sockets.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace ballast::relay {
namespace {

using namespace std::chrono_literals;

void send_all(const base::OwnedFd& to, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string receive(const base::OwnedFd& from, std::size_t bytes) {
    std::string all;
    std::array<char, 65536> buffer{};
    while (all.size() < bytes) {
        const auto got = ::recv(from.get(), buffer.data(), buffer.size(), 0);
        if (got <= 0) break;
        all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return all;
}

loop::Task<> relay_then_stop(loop::WorkerLoop& loop, net::Stream& source, net::Stream& sink,
                             Report& report) {
    co_await relay_one_way(loop, source, sink, Pace(10s), report);
    loop.stop();
}

class SpliceTest : public testing::Test {
protected:
    SpliceTest()
        : source(loop, std::move(left.near), {}, {}), sink(loop, std::move(right.near), {}, {}) {
        // Like the daemon: splice(2) has no MSG_NOSIGNAL.
        std::signal(SIGPIPE, SIG_IGN);
    }
    void run() {
        const auto job = loop::Job::start(relay_then_stop(loop, source, sink, report));
        loop.run();
    }

    loop::WorkerLoop loop;
    Connection left;
    Connection right;
    net::SocketStream source;
    net::SocketStream sink;
    Report report;
};

TEST_F(SpliceTest, delivers_every_byte_inside_the_kernel) {
    const auto bytes = noise(8 << 20);
    const auto spliced_before = metrics::total(metrics::Counter::bytes_spliced);
    const auto copied_before = metrics::total(metrics::Counter::bytes_copied);
    std::string received;
    std::thread sender([&] {
        send_all(left.far, bytes);
        ::shutdown(left.far.get(), SHUT_WR);
    });
    std::thread receiver([&] { received = receive(right.far, bytes.size()); });
    run();
    sender.join();
    receiver.join();
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(report.bytes_delivered, bytes.size());
    EXPECT_EQ(received, bytes);
    const auto spliced = metrics::total(metrics::Counter::bytes_spliced) - spliced_before;
    const auto copied = metrics::total(metrics::Counter::bytes_copied) - copied_before;
    EXPECT_EQ(spliced + copied, bytes.size());
    // Bytes that arrive between two checks of the socket are copied.
    EXPECT_LT(copied, bytes.size() / 4);
    // Nothing was closed: the other direction still works.
    std::array<char, 2> back{};
    EXPECT_EQ(::send(right.far.get(), "ok", 2, 0), 2);
    EXPECT_EQ(::recv(sink.splice_sink(), back.data(), back.size(), MSG_WAITALL), 2);
}

TEST_F(SpliceTest, waits_for_a_receiver_that_begins_only_when_all_buffers_are_full) {
    const auto bytes = noise(32 << 20);
    std::atomic<bool> is_full = false;
    std::string received;
    std::thread sender([&] {
        std::string_view rest = bytes;
        while (!rest.empty()) {
            pollfd room{left.far.get(), POLLOUT, 0};
            if (::poll(&room, 1, is_full ? -1 : 100) == 0) {
                is_full = true;
                is_full.notify_all();
                continue;
            }
            const auto sent = ::send(left.far.get(), rest.data(), rest.size(), MSG_DONTWAIT);
            if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
        }
        ::shutdown(left.far.get(), SHUT_WR);
    });
    std::thread receiver([&] {
        is_full.wait(false);
        received = receive(right.far, bytes.size());
    });
    run();
    sender.join();
    receiver.join();
    EXPECT_EQ(report.end, End::source_ended);
    EXPECT_EQ(received, bytes);
}

TEST_F(SpliceTest, a_reset_does_not_wait_for_a_copy_of_the_descriptor) {
    const base::OwnedFd copy(::dup(sink.splice_sink()));
    sink.reset();
    std::array<char, 1> none{};
    EXPECT_EQ(::recv(right.far.get(), none.data(), none.size(), 0), -1);
    EXPECT_EQ(errno, ECONNRESET);
}

void fill(const base::OwnedFd& end) {
    const std::string filler(1 << 16, 'f');
    pollfd room{end.get(), POLLOUT, 0};
    while (::poll(&room, 1, 100) == 1)
        (void)::send(end.get(), filler.data(), filler.size(), MSG_DONTWAIT);
}

/// After a short read a sink was full. The bytes that have come meanwhile are not forgotten.
loop::Task<> pump_into_a_full_sink(loop::WorkerLoop& loop, const Connection& left,
                                   const Connection& right, net::Stream& source,
                                   net::Stream& sink) {
    loop::Signal signal(loop);
    const net::Attached source_attached(source, signal);
    const net::Attached sink_attached(sink, signal);
    while (sink.write(std::string(1 << 16, 'f')).state == net::Io::State::moved) continue;
    send_all(left.far, std::string(8192, 'x'));
    source.watch_readable();
    while (source.is_watching_readable()) (void)co_await signal.wait(loop.after(10s));
    Pump pump(source, sink);
    EXPECT_EQ(pump.run(), Pump::State::wants_write);
    EXPECT_EQ(pump.taken(), 8192U);
    fill(left.far);
    // The loop hears of these bytes while only the sink is watched.
    (void)co_await signal.wait(loop.after(10ms));
    sink.watch_writable();
    std::array<char, 65536> dropped{};
    while (::recv(right.far.get(), dropped.data(), dropped.size(), MSG_DONTWAIT) > 0) continue;
    (void)co_await signal.wait(loop.after(10s));
    while (pump.run() == Pump::State::wants_turn) continue;
    if (pump.state() == Pump::State::wants_read) {
        source.watch_readable();
        EXPECT_FALSE(source.is_watching_readable());
    }
    loop.stop();
}

TEST_F(SpliceTest, a_pump_goes_on_with_bytes_that_came_while_its_sink_was_full) {
    const auto job = loop::Job::start(pump_into_a_full_sink(loop, left, right, source, sink));
    loop.run();
}

TEST_F(SpliceTest, reports_a_reset_of_the_source) {
    net::reset_on_close(left.far.get());
    left.far = base::OwnedFd();
    run();
    EXPECT_EQ(report.end, End::source_failed);
    EXPECT_EQ(report.error, std::errc::connection_reset);
}

TEST_F(SpliceTest, reports_a_reset_of_the_sink_while_the_source_is_silent) {
    std::thread killer([&] {
        net::reset_on_close(right.far.get());
        right.far = base::OwnedFd();
    });
    run();
    killer.join();
    EXPECT_EQ(report.end, End::sink_failed);
}

TEST_F(SpliceTest, reports_a_sink_that_breaks_under_load) {
    // Made before the relay's time starts to run.
    const std::string bytes(64 << 20, 'x');
    std::thread sender([&] { send_all(left.far, bytes); });
    std::thread killer([&] {
        (void)receive(right.far, 1 << 20);
        right.far = base::OwnedFd();  // with bytes unread: the kernel resets
    });
    run();
    EXPECT_EQ(report.end, End::sink_failed);
    // Whatever the outcome, nobody waits for ever.
    source.reset();
    sink.reset();
    sender.join();
    killer.join();
}

}  // namespace
}  // namespace ballast::relay
