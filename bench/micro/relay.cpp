// SPDX-License-Identifier: Apache-2.0
#include "base/owned_fd.h"
#include "loop/worker_loop.h"
#include "micro/micro.h"
#include "net/socket.h"
#include "net/socket_stream.h"
#include "relay/pump.h"
#include "support/socket.h"
#include "support/trouble.h"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace ballast::bench {

namespace {

/// Its near side is the pump's.
struct Connection {
    explicit Connection(loop::WorkerLoop& loop)
        : listener(Socket::listening()),
          far(Socket::connected(listener.port())),
          near(loop, non_blocking(listener.accepted()), base::Address(), base::Address()) {
        // Otherwise closed connections would keep their ports for a minute.
        net::reset_on_close(far.get());
    }
    static base::OwnedFd non_blocking(const Socket& socket) {
        base::OwnedFd owned(check(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0), "F_DUPFD_CLOEXEC"));
        check(::fcntl(owned.get(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
        return owned;
    }

    Socket listener;
    Socket far;
    net::SocketStream near;
};

void receive_all(const Socket& from, std::size_t bytes) {
    std::string space(bytes, '\0');
    check(::recv(from.get(), space.data(), bytes, MSG_WAITALL | MSG_TRUNC), "recv");
}

/// Bytes through one connection: what a relay's two neighbours cost alone.
void send_without_pump(benchmark::State& state, std::size_t bytes) {
    loop::WorkerLoop loop;
    const Connection one(loop);
    const std::string block(bytes, 'x');
    const Socket receiver(check(::fcntl(one.near.splice_source(), F_DUPFD_CLOEXEC, 0), "dup"));
    check(::fcntl(receiver.get(), F_SETFL, 0), "blocking");
    for (auto _ : state) {
        one.far.send_all(block);
        receive_all(receiver, bytes);
    }
}

/// The same bytes through two connections, and a pump between them.
void send_through_pump(benchmark::State& state, std::size_t bytes) {
    loop::WorkerLoop loop;
    Connection source(loop);
    Connection sink(loop);
    relay::Pump pump(source.near, sink.near);
    const std::string block(bytes, 'x');
    for (auto _ : state) {
        source.far.send_all(block);
        for (const auto wanted = pump.delivered() + bytes; pump.delivered() < wanted;) {
            pump.run();
            if (pump.is_over()) return state.SkipWithError("the pump has failed");
        }
        receive_all(sink.far, bytes);
    }
}

}  // namespace

void register_relay() {
    using benchmark::RegisterBenchmark;
    for (const std::size_t kibibytes : {4U, 64U}) {
        const std::size_t bytes = kibibytes << 10;
        RegisterBenchmark(
            fmt::format("each/{} KiB are sent and received, without a relay", kibibytes).c_str(),
            [bytes](benchmark::State& state) { send_without_pump(state, bytes); });
        RegisterBenchmark(
            fmt::format("each/{} KiB are sent, relayed and received", kibibytes).c_str(),
            [bytes](benchmark::State& state) { send_through_pump(state, bytes); });
    }
}

}  // namespace ballast::bench
