// SPDX-License-Identifier: Apache-2.0
#include "net/policy_routes.h"

#include "base/owned_fd.h"
#include "net/marked_delivery.h"

#include <cstddef>
#include <functional>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <span>
#include <sys/socket.h>
#include <vector>

namespace ballast::net {

namespace {

using Answer = MarkedDelivery::Answer;

/// Asks for all of a kind: RTM_GETRULE or RTM_GETROUTE. False: the kernel does not answer.
bool ask(base::Family family, std::uint16_t kind,
         const std::function<Answer(std::span<const std::byte>)>& read) {
    const base::OwnedFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket) return false;
    struct {
        nlmsghdr head;
        rtmsg body;
    } request{};
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = kind;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.rtm_family = family == base::Family::ipv4 ? AF_INET : AF_INET6;
    if (::send(socket.get(), &request, sizeof request, 0) < 0) return false;
    std::vector<std::byte> buffer(32768);
    for (;;) {
        const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got <= 0) return false;
        const auto answer = read(std::span(buffer).first(static_cast<std::size_t>(got)));
        if (answer != Answer::goes_on) return answer == Answer::done;
    }
}

}  // namespace

std::optional<bool> delivers_marked(base::Family family, std::uint32_t mark) {
    MarkedDelivery delivery(family, mark);
    const bool has_rules =
        ask(family, RTM_GETRULE, [&](auto datagram) { return delivery.read_rules(datagram); });
    const bool has_routes =
        ask(family, RTM_GETROUTE, [&](auto datagram) { return delivery.read_routes(datagram); });
    if (!has_rules || !has_routes) return std::nullopt;
    return delivery.is_delivered();
}

}  // namespace ballast::net
