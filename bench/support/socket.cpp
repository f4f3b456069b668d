// SPDX-License-Identifier: Apache-2.0
#include "support/socket.h"

#include "support/trouble.h"

#include <arpa/inet.h>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ballast::bench {

namespace {

sockaddr_in address_of(std::uint16_t port, Host host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(host.bits());
    return address;
}

/// The socket interface takes the base type of addresses.
sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

void set_option(int native, int level, int name, int value) {
    check(::setsockopt(native, level, name, &value, sizeof(value)), "setsockopt");
}

}  // namespace

std::string Host::text() const {
    return fmt::format("{}.{}.{}.{}", bits_ >> 24, (bits_ >> 16) & 255, (bits_ >> 8) & 255,
                       bits_ & 255);
}

Socket::~Socket() {
    if (native_ >= 0) ::close(native_);
}

Socket Socket::listening(Host host) {
    Socket socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in address = address_of(0, host);
    check(::bind(socket.get(), generic(address), sizeof(address)), "bind");
    check(::listen(socket.get(), 4096), "listen");
    return socket;
}

std::optional<Socket> Socket::listening_if_free(std::uint16_t port, Host host) {
    Socket socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    sockaddr_in address = address_of(port, host);
    if (::bind(socket.get(), generic(address), sizeof(address)) != 0 ||
        ::listen(socket.get(), 64) != 0)
        return std::nullopt;
    return socket;
}

void Socket::wait_at_most(std::chrono::seconds time) const {
    const timeval patience{.tv_sec = time.count(), .tv_usec = 0};
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
        check(::setsockopt(native_, SOL_SOCKET, direction, &patience, sizeof(patience)),
              "setsockopt");
}

Socket Socket::connected(std::uint16_t port, Host host) {
    Socket socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    socket.wait_at_most(std::chrono::seconds(20));
    set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    sockaddr_in address = address_of(port, host);
    check(::connect(socket.get(), generic(address), sizeof(address)), "connect");
    return socket;
}

Socket Socket::accepted() const {
    Socket socket(check(::accept4(native_, nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return socket;
}

std::uint16_t Socket::port() const {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    check(::getsockname(native_, generic(address), &length), "getsockname");
    return ntohs(address.sin_port);
}

void Socket::send_all(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto sent = check(::send(native_, bytes.data(), bytes.size(), MSG_NOSIGNAL), "send");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::uint16_t free_port() { return Socket::listening().port(); }

Host free_host() {
    static std::uint8_t last = 1;
    return {++last};
}

Elsewhere::Elsewhere() {
    const sched_param priority{};
    check(::sched_setscheduler(0, SCHED_IDLE, &priority), "SCHED_IDLE");
}

Elsewhere::~Elsewhere() {
    const sched_param priority{};
    ::sched_setscheduler(0, SCHED_OTHER, &priority);
}

void raise_descriptor_limit() {
    rlimit limit{};
    check(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    check(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

bool enter_private_network() {
    if (::unshare(CLONE_NEWNET) != 0) return false;
    const Socket socket(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
    check(::ioctl(socket.get(), SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    check(::ioctl(socket.get(), SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
    std::ofstream("/proc/sys/net/ipv4/tcp_congestion_control") << "reno\n";
    return true;
}

}  // namespace ballast::bench
