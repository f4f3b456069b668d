// SPDX-License-Identifier: Apache-2.0
#include "net/socket_stream.h"

#include "base/owned_fd.h"

#include <algorithm>
#include <cerrno>
#include <linux/sockios.h>
#include <linux/tcp.h>  // its tcp_info has the least round trip
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <utility>

namespace ballast::net {

namespace {

Io outcome(ssize_t bytes, bool reading) {
    if (bytes > 0) return {Io::State::moved, static_cast<std::size_t>(bytes), {}};
    if (bytes == 0 && reading) return {Io::State::ended, 0, {}};
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return {Io::State::would_block, 0, {}};
    return {Io::State::failed, 0, std::error_code(errno, std::system_category())};
}

void set_option(int native, int level, int option, int value) {
    ::setsockopt(native, level, option, &value, sizeof value);
}

struct KeepAlive {
    int idle_seconds;      // before the first probe, and after one that was answered
    int interval_seconds;  // between those that are not
};

void keep_alive(int native, const KeepAlive& times) {
    constexpr int probes = 4;
    set_option(native, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(native, IPPROTO_TCP, TCP_KEEPIDLE, times.idle_seconds);
    set_option(native, IPPROTO_TCP, TCP_KEEPINTVL, times.interval_seconds);
    set_option(native, IPPROTO_TCP, TCP_KEEPCNT, probes);
}

}  // namespace

SocketStream::SocketStream(loop::WorkerLoop& loop, base::OwnedFd socket, base::Address local,
                           base::Address peer)
    : SocketStream(loop::Descriptor(), local, peer) {
    auto opened = loop::Descriptor::open(loop, socket.get(), loop::Descriptor::Origin::accepted);
    if (!opened) {
        lost_ = opened.error().code;
        return;
    }
    (void)socket.release();
    descriptor_ = std::move(*opened);
}

SocketStream::SocketStream(loop::Descriptor descriptor, base::Address local, base::Address peer,
                           OwnConnection own)
    : descriptor_(std::move(descriptor)),
      lost_(std::make_error_code(std::errc::connection_reset)),
      local_(local),
      peer_(peer),
      own_(std::move(own)) {}

Io SocketStream::read(std::span<char> into) {
    if (descriptor_.native() < 0) return {Io::State::failed, 0, lost_};
    const auto io = outcome(::recv(descriptor_.native(), into.data(), into.size(), 0), true);
    const bool is_drained =
        io.state == Io::State::moved ? io.bytes < into.size() : io.state == Io::State::would_block;
    if (is_drained && errno != EINTR) descriptor_.note_drained();
    return io;
}

Io SocketStream::write(std::span<const char> from) {
    if (descriptor_.native() < 0) return {Io::State::failed, 0, lost_};
    const int flags = MSG_NOSIGNAL | (is_corked_ ? MSG_MORE : 0);
    const auto io = outcome(::send(descriptor_.native(), from.data(), from.size(), flags), false);
    if (io.state == Io::State::would_block && errno != EINTR) descriptor_.note_full();
    return io;
}

void SocketStream::uncork() {
    // Clearing it sends what waits, even if it was never set.
    if (std::exchange(is_corked_, false))
        set_option(descriptor_.native(), IPPROTO_TCP, TCP_CORK, 0);
}

Io::State SocketStream::finish() {
    if (descriptor_.native() < 0) return Io::State::failed;
    // Do this first: closing with the reset armed would drop bytes that the kernel has not sent
    // yet.
    end_on_close(descriptor_.native());
    return ::shutdown(descriptor_.native(), SHUT_WR) == 0 ? Io::State::moved : Io::State::failed;
}

void SocketStream::reset() {
    if (descriptor_.native() < 0) return;
    reset_on_close(descriptor_.native());
    // Closing resets nothing while another thread still has a copy: connect(2), AF_UNSPEC.
    const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    // NOLINTNEXTLINE(bugprone-unused-return-value): the connection may be gone already.
    (void)::connect(descriptor_.native(), &nobody, sizeof nobody);
    descriptor_ = loop::Descriptor();
}

void SocketStream::attach(loop::Signal* signal) { descriptor_.attach(signal); }
void SocketStream::watch_readable() {
    if (descriptor_.native() >= 0) descriptor_.watch_readable();
}
void SocketStream::watch_writable() {
    if (descriptor_.native() >= 0) descriptor_.watch_writable();
}

bool SocketStream::has_peer_left() const {
    pollfd asked{descriptor_.native(), POLLRDHUP, 0};
    return asked.fd < 0 || (::poll(&asked, 1, 0) == 1 && asked.revents != 0);
}

bool SocketStream::has_failed() const {
    pollfd asked{descriptor_.native(), 0, 0};  // POLLERR and POLLHUP are always asked for
    return asked.fd < 0 || (::poll(&asked, 1, 0) == 1 && asked.revents != 0);
}

bool SocketStream::has_taken_all() const {
    int unacknowledged = 0;
    return has_peer_left() && !has_failed() &&
           ::ioctl(descriptor_.native(), SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

std::chrono::microseconds SocketStream::round_trip() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor_.native(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
    // An acknowledgement that waits 40 ms for a reply to go with is no distance. Where the least
    // round trip is far below that, as in one data centre, the mean measures little else.
    constexpr std::uint64_t of_least_max = 4;
    const std::uint64_t smoothed = info.tcpi_rtt + std::uint64_t{4} * info.tcpi_rttvar;
    return std::chrono::microseconds(std::min(smoothed, of_least_max * info.tcpi_min_rtt));
}

void prepare_control(int native) {
    set_option(native, IPPROTO_TCP, TCP_NODELAY, 1);
    keep_alive(native, {.idle_seconds = 60, .interval_seconds = 30});
    // The last, because `prepare_accepted_control` takes it for all.
    set_option(native, SOL_SOCKET, SO_OOBINLINE, 1);
}

void prepare_accepted_control(int native) {
    int is_inline = 0;
    socklen_t length = sizeof is_inline;
    const bool has_inherited =
        ::getsockopt(native, SOL_SOCKET, SO_OOBINLINE, &is_inline, &length) == 0 && is_inline != 0;
    if (!has_inherited) prepare_control(native);
}

void prepare_data(int native) {
    reset_on_close(native);
    keep_alive(native, {.idle_seconds = 45, .interval_seconds = 15});
}

}  // namespace ballast::net
