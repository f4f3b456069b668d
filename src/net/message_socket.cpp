// SPDX-License-Identifier: Apache-2.0
#include "net/message_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

namespace ballast::net {

namespace {

struct Rights {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

/// False with errno if it cannot be sent now.
bool send_one(int native, const std::string& message, int descriptor) {
    iovec part{.iov_base = const_cast<char*>(message.data()), .iov_len = message.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    Rights rights;
    if (descriptor >= 0) {
        header.msg_control = rights.bytes.data();
        header.msg_controllen = rights.bytes.size();
        cmsghdr* const control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof descriptor);
        std::memcpy(CMSG_DATA(control), &descriptor, sizeof descriptor);
    }
    return ::sendmsg(native, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/// The length; 0 at the end, -1 with errno if there is none now.
ssize_t receive_one(int native, std::span<char> message, base::OwnedFd& descriptor) {
    iovec part{.iov_base = message.data(), .iov_len = message.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    Rights rights;
    header.msg_control = rights.bytes.data();
    header.msg_controllen = rights.bytes.size();
    const auto length = ::recvmsg(native, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0) return length;
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr;
         each = CMSG_NXTHDR(&header, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        int received = -1;
        std::memcpy(&received, CMSG_DATA(each), sizeof received);
        descriptor = base::OwnedFd(received);
    }
    return length;
}

bool is_for_later() { return errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS; }

}  // namespace

base::Result<std::pair<base::OwnedFd, base::OwnedFd>> MessageSocket::pair() {
    std::array<int, 2> both{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()) != 0)
        return std::unexpected(base::last_error(base::Fault::internal, "making a Unix socket"));
    return std::pair(base::OwnedFd(both[0]), base::OwnedFd(both[1]));
}

base::Result<MessageSocket::Message> MessageSocket::receive(const base::OwnedFd& end,
                                                            std::chrono::milliseconds timeout) {
    constexpr auto doing = "hearing the other process";
    pollfd event{.fd = end.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&event, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return std::unexpected(base::last_error(base::Fault::internal, doing));
    std::array<char, message_bytes_max> buffer{};
    Message message;
    const auto length = ready == 0 ? 0 : receive_one(end.get(), buffer, message.descriptor);
    if (length < 0) return std::unexpected(base::last_error(base::Fault::internal, doing));
    if (length == 0)
        return std::unexpected(base::Error{
            base::Fault::internal,
            std::make_error_code(ready == 0 ? std::errc::timed_out : std::errc::connection_reset),
            doing});
    message.text.assign(buffer.data(), static_cast<std::size_t>(length));
    return message;
}

void MessageSocket::send_now(const base::OwnedFd& end, const std::string& message) {
    (void)send_one(end.get(), message.substr(0, message_bytes_max), -1);
}

MessageSocket::MessageSocket(loop::WorkerLoop& loop, loop::Descriptor descriptor, Take take,
                             Lost lost)
    : signal_(loop),
      descriptor_(std::move(descriptor)),
      take_(std::move(take)),
      lost_(std::move(lost)) {
    descriptor_.attach(&signal_);
    signal_.raise();
    job_ = loop::Job::start(run());
}

void MessageSocket::send(std::string message, base::OwnedFd descriptor) {
    if (is_lost_) return;
    queue_.push_back({std::move(message), std::move(descriptor)});
    signal_.raise();
}

/// False: the peer has gone.
bool MessageSocket::write_queued() {
    if (queue_.size() > queued_max) return false;
    while (!queue_.empty()) {
        const auto& next = queue_.front();
        if (!send_one(descriptor_.native(), next.text, next.descriptor.get())) {
            if (!is_for_later()) return false;
            descriptor_.watch_writable();
            return true;
        }
        queue_.pop_front();
    }
    return true;
}

/// False: the peer has gone.
bool MessageSocket::read_all() {
    for (;;) {
        std::array<char, message_bytes_max> buffer{};
        base::OwnedFd descriptor;
        const auto length = receive_one(descriptor_.native(), buffer, descriptor);
        if (length < 0 && !is_for_later()) return false;
        if (length == 0) return false;
        if (length < 0) break;
        take_({buffer.data(), static_cast<std::size_t>(length)}, std::move(descriptor));
    }
    descriptor_.watch_readable();
    return true;
}

loop::Task<> MessageSocket::run() {
    while (true) {
        (void)co_await signal_.wait(loop::never);
        if (!read_all() || !write_queued()) break;
    }
    is_lost_ = true;
    queue_.clear();
    lost_();
}

}  // namespace ballast::net
