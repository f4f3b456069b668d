// SPDX-License-Identifier: Apache-2.0
#include "support/splice_relay.h"

#include "support/ftp_server.h"
#include "support/trouble.h"

#include <array>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ballast::bench {

namespace {

constexpr int pipe_bytes = 1 << 20;
/// A shorter read has emptied the socket: another read would be useless.
constexpr ssize_t short_read_bytes = 16 << 10;

/// One direction of a connection.
class Way {
public:
    Way(const Socket& source, const Socket& sink) : source_(source), sink_(sink) {
        std::array<int, 2> ends{};
        check(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), "pipe2");
        // These are pipes, but they are closed like sockets.
        out_ = Socket(ends[0]);
        in_ = Socket(ends[1]);
        check(::fcntl(in_.get(), F_SETPIPE_SZ, pipe_bytes), "F_SETPIPE_SZ");
    }

    [[nodiscard]] bool is_over() const { return is_over_; }
    /// The sink takes nothing more, although the source may go on.
    [[nodiscard]] bool is_broken() const { return is_broken_; }
    [[nodiscard]] bool is_waiting_for_sink() const { return held_ > 0; }

    /// Moves the available bytes. After the peer's end it reads until it sees that end: an edge
    /// trigger does not report it again.
    void pump(bool source_has_ended) {
        while (!is_over_) {
            if (held_ == 0) {
                const auto got = move(source_.get(), in_.get(), pipe_bytes);
                if (got < 0) return;
                if (got == 0) {
                    is_over_ = true;
                    ::shutdown(sink_.get(), SHUT_WR);
                    return;
                }
                held_ = got;
                drained_ = got < short_read_bytes && !source_has_ended;
            }
            while (held_ > 0) {
                const auto put = move(out_.get(), sink_.get(), static_cast<std::size_t>(held_));
                if (put == 0) is_broken_ = true;
                if (put <= 0) return;
                held_ -= put;
            }
            if (std::exchange(drained_, false) && !source_has_ended) return;
        }
    }

private:
    /// Negative if it would block. A broken connection counts as an end.
    static ssize_t move(int from, int to, std::size_t bytes) {
        const auto moved =
            ::splice(from, nullptr, to, nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        return moved < 0 && errno != EAGAIN ? 0 : moved;
    }

    const Socket& source_;
    const Socket& sink_;
    Socket out_;
    Socket in_;
    ssize_t held_ = 0;
    bool drained_ = false;
    bool is_over_ = false;
    bool is_broken_ = false;
};

struct Connection;

/// epoll's data: a connection, and one of its sockets.
struct Side {
    Connection* connection;
    bool is_client;
    bool has_ended = false;
};

/// Two sockets and the two directions between them.
struct Connection {
    Connection(Socket a, Socket b) : client(std::move(a)), server(std::move(b)) {}

    /// A client that leaves an endless download must not leave its data in the kernel: that is
    /// short of memory then, and drops packets of all others.
    [[nodiscard]] bool is_over() const {
        return (up.is_over() && down.is_over()) || up.is_broken() || down.is_broken();
    }

    Socket client;
    Socket server;
    Way up{client, server};
    Way down{server, client};
    Side client_side{.connection = this, .is_client = true};
    Side server_side{.connection = this, .is_client = false};
};

/// Moves only the direction of the event.
void take_event(Side& side, unsigned events) {
    Connection& connection = *side.connection;
    const Side& other = side.is_client ? connection.server_side : connection.client_side;
    Way& from_here = side.is_client ? connection.up : connection.down;
    Way& to_here = side.is_client ? connection.down : connection.up;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) side.has_ended = true;
    if ((events & EPOLLIN) != 0 || side.has_ended) from_here.pump(side.has_ended);
    if ((events & EPOLLOUT) != 0 && to_here.is_waiting_for_sink()) to_here.pump(other.has_ended);
}

void run(int epoll) {
    std::array<epoll_event, 64> events{};
    // Close after the turn: a later event of the same turn may point at either side.
    std::vector<std::unique_ptr<Connection>> over;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events.at(static_cast<std::size_t>(i));
            Side& side = *static_cast<Side*>(event.data.ptr);
            if (side.connection->is_over()) continue;
            take_event(side, event.events);
            if (side.connection->is_over()) over.emplace_back(side.connection);
        }
        over.clear();
    }
}

void watch(int epoll, const Socket& socket, unsigned events, void* data) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = data;
    check(::epoll_ctl(epoll, EPOLL_CTL_ADD, socket.get(), &event), "epoll_ctl");
}

void watch_side(int epoll, const Socket& socket, Side& side) {
    check(::fcntl(socket.get(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
    watch(epoll, socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &side);
}

int new_epoll() { return check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"); }

/// A listener that is watched, and the port it listens on.
struct Entrance {
    const Socket& listener;
    std::uint16_t port;
};

void join(const Entrance& entrance, int epoll) {
    Socket client = entrance.listener.accepted();
    // Its thread deletes it.
    auto* const connection = new Connection(std::move(client), Socket::connected(entrance.port));
    watch_side(epoll, connection->client, connection->client_side);
    watch_side(epoll, connection->server, connection->server_side);
}

}  // namespace

std::vector<Socket> relay_listeners(std::uint16_t control_port, Host host) {
    std::vector<Socket> listeners;
    const auto add = [&](std::uint16_t port) {
        auto socket = Socket::listening_if_free(port, host);
        if (!socket) throw std::runtime_error(fmt::format("{}:{} is in use", host.text(), port));
        listeners.push_back(std::move(*socket));
    };
    add(control_port);
    for (std::uint16_t port = data_ports_first; port <= data_ports_last; ++port) add(port);
    return listeners;
}

void relay_by_splice(const std::vector<Socket>& listeners, unsigned threads) {
    std::vector<int> epolls;
    for (unsigned i = 0; i < threads; ++i) {
        epolls.push_back(new_epoll());
        std::thread(run, epolls.back()).detach();
    }
    const int arrivals = new_epoll();
    std::deque<Entrance> entrances;
    for (const auto& listener : listeners) {
        entrances.push_back({.listener = listener, .port = listener.port()});
        watch(arrivals, listener, EPOLLIN, &entrances.back());
    }
    for (std::size_t turn = 0;; ++turn) {
        epoll_event event{};
        if (::epoll_wait(arrivals, &event, 1, -1) == 1)
            join(*static_cast<const Entrance*>(event.data.ptr), epolls[turn % epolls.size()]);
    }
}

}  // namespace ballast::bench
