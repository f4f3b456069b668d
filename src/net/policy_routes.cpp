// SPDX-License-Identifier: Apache-2.0
#include "net/policy_routes.h"

#include "base/owned_fd.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <optional>
#include <span>
#include <sys/socket.h>
#include <vector>

namespace ballast::net {

namespace {

/// The whole of an attribute's value. Empty: it has another size.
std::optional<std::uint32_t> number_of(std::span<const std::byte> value) {
    std::uint32_t number = 0;
    if (value.size() != sizeof number) return std::nullopt;
    std::memcpy(&number, value.data(), sizeof number);
    return number;
}

/// A message behind its header: a fixed part, then attributes.
class Message {
public:
    explicit Message(std::span<const std::byte> body) : body_(body) {}

    template <typename Fixed>
    [[nodiscard]] std::optional<Fixed> fixed() const {
        Fixed value;
        if (body_.size() < sizeof value) return std::nullopt;
        std::memcpy(&value, body_.data(), sizeof value);
        return value;
    }
    template <typename Fixed>
    [[nodiscard]] std::optional<std::uint32_t> number(std::uint16_t type) const {
        auto rest = body_.subspan(std::min(body_.size(), NLMSG_ALIGN(sizeof(Fixed))));
        rtattr head{};
        while (rest.size() >= sizeof head) {
            std::memcpy(&head, rest.data(), sizeof head);
            if (head.rta_len < sizeof head || head.rta_len > rest.size()) return std::nullopt;
            if (head.rta_type == type)
                return number_of(rest.subspan(sizeof head, head.rta_len - sizeof head));
            rest = rest.subspan(std::min(rest.size(), std::size_t{RTA_ALIGN(head.rta_len)}));
        }
        return std::nullopt;
    }

private:
    std::span<const std::byte> body_;
};

enum class Answer : std::uint8_t { goes_on, done, failed };

/// Calls `take` with the messages in these bytes.
Answer read_messages(std::span<const std::byte> bytes,
                     const std::function<void(const Message&)>& take) {
    nlmsghdr head{};
    while (bytes.size() >= sizeof head) {
        std::memcpy(&head, bytes.data(), sizeof head);
        if (head.nlmsg_type == NLMSG_DONE) return Answer::done;
        if (head.nlmsg_type == NLMSG_ERROR) return Answer::failed;
        if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes.size()) return Answer::failed;
        take(Message(bytes.subspan(sizeof head, head.nlmsg_len - sizeof head)));
        bytes = bytes.subspan(std::min(bytes.size(), std::size_t{NLMSG_ALIGN(head.nlmsg_len)}));
    }
    return Answer::goes_on;
}

/// Asks for all of a kind: RTM_GETRULE or RTM_GETROUTE. False: the kernel does not answer.
bool ask(base::Family family, std::uint16_t kind, const std::function<void(const Message&)>& take) {
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
        const auto answer =
            read_messages(std::span(buffer).first(static_cast<std::size_t>(got)), take);
        if (answer != Answer::goes_on) return answer == Answer::done;
    }
}

}  // namespace

std::optional<bool> delivers_marked(base::Family family, std::uint32_t mark) {
    std::vector<std::uint32_t> tables;
    const bool has_rules = ask(family, RTM_GETRULE, [&](const Message& rule) {
        const auto said = rule.number<fib_rule_hdr>(FRA_FWMARK);
        const auto mask = rule.number<fib_rule_hdr>(FRA_FWMASK).value_or(~0U);
        const auto table = rule.number<fib_rule_hdr>(FRA_TABLE);
        if (said && table && (mark & mask) == *said) tables.push_back(*table);
    });
    bool is_delivered = false;
    const bool has_routes = ask(family, RTM_GETROUTE, [&](const Message& route) {
        const auto head = route.fixed<rtmsg>();
        const auto table = route.number<rtmsg>(RTA_TABLE);
        if (head && table && head->rtm_type == RTN_LOCAL && head->rtm_dst_len == 0 &&
            std::ranges::find(tables, *table) != tables.end())
            is_delivered = true;
    });
    if (!has_rules || !has_routes) return std::nullopt;
    return is_delivered;
}

}  // namespace ballast::net
