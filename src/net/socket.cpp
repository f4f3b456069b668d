// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include "base/owned_fd.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <netinet/in.h>
#include <unistd.h>

namespace ballast::net {

SystemAddress::SystemAddress(const base::Address& address) {
    if (address.ip.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, address.ip.bytes().data(), sizeof v4.sin_addr);
        std::memcpy(&storage, &v4, sizeof v4);
        length = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        v6.sin6_scope_id = address.ip.scope();
        std::memcpy(&v6.sin6_addr, address.ip.bytes().data(), sizeof v6.sin6_addr);
        std::memcpy(&storage, &v6, sizeof v6);
        length = sizeof v6;
    }
}

// The socket API is specified in terms of this cast.
const sockaddr* SystemAddress::get() const {
    return reinterpret_cast<const sockaddr*>(&storage);  // NOLINT
}
sockaddr* SystemAddress::get() { return reinterpret_cast<sockaddr*>(&storage); }  // NOLINT

base::Address SystemAddress::address() const {
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof v4);
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        return {base::Ip::from_v4(bytes), ntohs(v4.sin_port)};
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return {base::Ip::from_v6(bytes, v6.sin6_scope_id), ntohs(v6.sin6_port)};
}

namespace {

std::atomic<int>& first_of_reserve() {
    static std::atomic<int> first = std::numeric_limits<int>::max();
    return first;
}

}  // namespace

void reserve_descriptors(int first) { first_of_reserve() = first; }
bool is_of_reserve(int native) { return native >= first_of_reserve(); }

base::Result<base::OwnedFd> open_socket(base::Family family, Descriptors use) {
    const int domain = family == base::Family::ipv4 ? AF_INET : AF_INET6;
    base::OwnedFd opened(::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!opened)
        return std::unexpected(base::last_error(base::Fault::internal, "opening a socket"));
    if (use == Descriptors::without_reserve && is_of_reserve(opened.get()))
        return std::unexpected(base::Error{
            base::Fault::internal, {EMFILE, std::system_category()}, "opening a socket"});
    return opened;
}

namespace {

std::unexpected<base::Error> failed(const char* doing, const base::Address& address) {
    return std::unexpected(base::last_error(base::Fault::internal,
                                            std::string(doing) + ' ' + base::to_string(address)));
}

}  // namespace

bool make_transparent(int native, base::Family family) {
    const bool is_v4 = family == base::Family::ipv4;
    const int on = 1;
    return ::setsockopt(native, is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
                        is_v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &on, sizeof on) == 0;
}

bool is_transparent(int native, base::Family family) {
    const bool is_v4 = family == base::Family::ipv4;
    int value = 0;
    socklen_t length = sizeof value;
    return ::getsockopt(native, is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
                        is_v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &value, &length) == 0 &&
           value != 0;
}

base::Result<base::OwnedFd> bind_to(const base::Address& address, Binding binding,
                                    Descriptors use) {
    auto opened = open_socket(address.ip.family(), use);
    if (!opened) return opened;
    const auto switch_on = [&](int level, int option) {
        const int on = 1;
        return ::setsockopt(opened->get(), level, option, &on, sizeof on) == 0;
    };
    const bool is_v4 = address.ip.is_v4();
    const bool is_prepared =
        switch_on(SOL_SOCKET, SO_REUSEADDR) && (is_v4 || switch_on(IPPROTO_IPV6, IPV6_V6ONLY)) &&
        (binding != Binding::free ||
         (is_v4 ? switch_on(IPPROTO_IP, IP_FREEBIND) : switch_on(IPPROTO_IPV6, IPV6_FREEBIND))) &&
        (binding != Binding::transparent || make_transparent(opened->get(), address.ip.family()));
    if (!is_prepared) return failed("preparing to listen on", address);
    const SystemAddress system(address);
    if (::bind(opened->get(), system.get(), system.length) != 0) return failed("binding", address);
    return opened;
}

base::Result<base::OwnedFd> listen_on(const base::Address& address, int backlog, Binding binding,
                                      Descriptors use, void (*prepare)(int native)) {
    auto bound = bind_to(address, binding, use);
    if (bound && prepare != nullptr) prepare(bound->get());
    if (bound && ::listen(bound->get(), backlog) != 0) return failed("listening on", address);
    return bound;
}

bool has_way_to(const base::Address& to) {
    const int domain = to.ip.is_v4() ? AF_INET : AF_INET6;
    // Use UDP: TCP may be out of source ports, and connecting a UDP socket sends nothing.
    const base::OwnedFd udp(::socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const SystemAddress system(to);
    return !udp || ::connect(udp.get(), system.get(), system.length) == 0 || errno != EADDRNOTAVAIL;
}

void refuse(base::OwnedFd connection, std::string_view words) {
    if (!words.empty())
        (void)::send(connection.get(), words.data(), words.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    // Closing with unread bytes sends a reset, which may overtake the words.
    std::array<char, 4096> unread;  // NOLINT: nobody looks at it
    (void)::recv(connection.get(), unread.data(), unread.size(), MSG_DONTWAIT);
}

void reset_on_close(int native) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(native, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void end_on_close(int native) {
    const linger never{.l_onoff = 0, .l_linger = 0};
    ::setsockopt(native, SOL_SOCKET, SO_LINGER, &never, sizeof never);
}

}  // namespace ballast::net
