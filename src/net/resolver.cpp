// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.h"

#include "base/shortage.h"
#include "net/socket.h"

#include <algorithm>
#include <ares.h>
#include <array>
#include <cstring>
#include <memory>
#include <poll.h>

namespace ballast::net {

namespace {

constexpr int internet_class = 1;  // RFC 1035 3.2.4
constexpr int srv_type = 33;       // RFC 2782

/// The outcome of any lookup.
struct Answer {
    bool done = false;
    int status = ARES_ENODATA;
    std::vector<base::Ip> addresses;
    std::vector<Service> services;
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

void collect_services(void* argument, int status, int /*timeouts*/, unsigned char* bytes,
                      int length) {
    auto& answer = *static_cast<Answer*>(argument);
    answer.done = true;
    answer.status = status;
    if (status != ARES_SUCCESS) return;
    ares_srv_reply* found = nullptr;
    answer.status = ares_parse_srv_reply(bytes, length, &found);
    for (const auto* each = found; each != nullptr; each = each->next)
        answer.services.push_back({each->host, each->port, each->priority, each->weight});
    if (found != nullptr) ares_free_data(found);
}

bool library_is_ready() {
    static const bool ready = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    return ready;
}

/// Waits once for the lookup's sockets and continues it.
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
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // handles timeouts
}

/// Runs one lookup to its end.
template <typename Ask>
base::Result<Answer> look_up(const std::string& name, std::chrono::milliseconds timeout,
                             const std::stop_token& stop, Ask ask) {
    const auto failed = [&](std::errc code) {
        const auto error = std::make_error_code(code);
        return std::unexpected(
            base::Error{base::fault_of(error, base::Fault::backend), error, "looking up " + name});
    };
    ares_channel channel = nullptr;
    // By default the first server may use up all the time, and the second is never asked.
    ares_options options{};
    options.timeout = static_cast<int>(timeout.count() / 4);
    options.tries = 2;
    if (!library_is_ready() ||
        ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS)
        return failed(std::errc::not_enough_memory);
    Answer answer;  // outlives the channel, whose destructor reports cancelled lookups
    const std::unique_ptr<ares_channeldata, decltype(&ares_destroy)> owner(channel, ares_destroy);
    ask(channel, answer);
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!answer.done) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0 || stop.stop_requested()) return failed(std::errc::timed_out);
        step(channel, std::min(left, std::chrono::milliseconds(100)));
    }
    if (answer.status == ARES_ENOMEM) return failed(std::errc::not_enough_memory);
    if (answer.status != ARES_SUCCESS)
        return std::unexpected(base::Error{
            base::Fault::backend, {}, "looking up " + name + ": " + ares_strerror(answer.status)});
    return answer;
}

}  // namespace

base::Result<std::vector<base::Ip>> resolve(const std::string& name,
                                            std::chrono::milliseconds timeout,
                                            const std::stop_token& stop) {
    if (const auto ip = base::Ip::parse(name)) return std::vector{*ip};
    auto answer = look_up(name, timeout, stop, [&](ares_channel channel, Answer& into) {
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        ares_getaddrinfo(channel, name.c_str(), nullptr, &hints, collect, &into);
    });
    if (!answer) return std::unexpected(answer.error());
    auto& addresses = answer->addresses;
    std::ranges::sort(addresses);
    const auto repeated = std::ranges::unique(addresses);
    addresses.erase(repeated.begin(), repeated.end());
    return std::move(addresses);
}

base::Result<std::vector<Service>> resolve_services(const std::string& name,
                                                    std::chrono::milliseconds timeout,
                                                    const std::stop_token& stop) {
    auto answer = look_up(name, timeout, stop, [&](ares_channel channel, Answer& into) {
        ares_query(channel, name.c_str(), internet_class, srv_type, collect_services, &into);
    });
    if (!answer) return std::unexpected(answer.error());
    // RFC 2782: a target of "." means that the service is not available.
    std::erase_if(answer->services,
                  [](const Service& each) { return each.host.empty() || each.host == "."; });
    return std::move(answer->services);
}

}  // namespace ballast::net
