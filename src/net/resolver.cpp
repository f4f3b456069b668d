// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.h"

#include "net/socket.h"

#include <algorithm>
#include <ares.h>
#include <array>
#include <cstring>
#include <memory>
#include <poll.h>

namespace ballast::net {

namespace {

struct Answer {
    bool done = false;
    int status = ARES_ENODATA;
    std::vector<base::Ip> addresses;
};

void collect(void* argument, int status, int /*timeouts*/, ares_addrinfo* found) {
    auto& answer = *static_cast<Answer*>(argument);
    answer.done = true;
    answer.status = status;
    if (found == nullptr) return;
    for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
        SystemAddress system;
        std::memcpy(&system.storage, node->ai_addr, node->ai_addrlen);
        answer.addresses.push_back(system.address().ip);
    }
    ares_freeaddrinfo(found);
}

bool library_is_ready() {
    static const bool ready = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    return ready;
}

/// Waits for the look-up's sockets once, and lets it go on.
void step(ares_channel channel, std::chrono::milliseconds limit) {
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    const auto mask =
        static_cast<unsigned>(ares_getsock(channel, sockets.data(), ARES_GETSOCK_MAXNUM));
    std::vector<pollfd> waits;
    for (unsigned i = 0; i < sockets.size(); ++i) {
        short events = 0;
        if (ARES_GETSOCK_READABLE(mask, i)) events |= POLLIN;
        if (ARES_GETSOCK_WRITABLE(mask, i)) events |= POLLOUT;
        if (events != 0) waits.push_back({sockets[i], events, 0});
    }
    ::poll(waits.data(), waits.size(), static_cast<int>(limit.count()));
    for (const auto& wait : waits) {
        const bool readable = (wait.revents & ~POLLOUT) != 0;
        const bool writable = (wait.revents & POLLOUT) != 0;
        ares_process_fd(channel, readable ? wait.fd : ARES_SOCKET_BAD,
                        writable ? wait.fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // its own time-outs
}

}  // namespace

base::Result<std::vector<base::Ip>> resolve(const std::string& name,
                                            std::chrono::milliseconds timeout) {
    if (const auto ip = base::Ip::parse(name)) return std::vector{*ip};
    const auto failed = [&](std::errc code, const std::string& why) {
        return std::unexpected(base::Error{base::Fault::backend, std::make_error_code(code),
                                           "looking up " + name + why});
    };
    ares_channel channel = nullptr;
    if (!library_is_ready() || ares_init(&channel) != ARES_SUCCESS)
        return failed(std::errc::not_enough_memory, "");
    Answer answer;  // outlives the channel, which reports a look-up given up when it is destroyed
    const std::unique_ptr<ares_channeldata, decltype(&ares_destroy)> owner(channel, ares_destroy);

    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel, name.c_str(), nullptr, &hints, collect, &answer);
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!answer.done) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return failed(std::errc::timed_out, "");
        step(channel, std::min(left, std::chrono::milliseconds(100)));
    }
    if (answer.status != ARES_SUCCESS)
        return failed(std::errc::host_unreachable,
                      std::string(" (") + ares_strerror(answer.status) + ')');
    std::ranges::sort(answer.addresses);
    const auto repeated = std::ranges::unique(answer.addresses);
    answer.addresses.erase(repeated.begin(), repeated.end());
    return std::move(answer.addresses);
}

}  // namespace ballast::net
