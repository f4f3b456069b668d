// SPDX-License-Identifier: Apache-2.0
#include "net/marked_delivery.h"

#include <algorithm>
#include <cstring>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <optional>
#include <sys/socket.h>

namespace ballast::net {

namespace {

using Answer = MarkedDelivery::Answer;

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

/// Calls `take` with the messages of this kind in a datagram.
Answer read_messages(std::span<const std::byte> bytes, std::uint16_t kind, const auto& take) {
    nlmsghdr head{};
    while (bytes.size() >= sizeof head) {
        std::memcpy(&head, bytes.data(), sizeof head);
        if (head.nlmsg_type == NLMSG_DONE) return Answer::done;
        if (head.nlmsg_type == NLMSG_ERROR) return Answer::failed;
        if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes.size()) return Answer::failed;
        if (head.nlmsg_type == kind)
            take(Message(bytes.subspan(sizeof head, head.nlmsg_len - sizeof head)));
        bytes = bytes.subspan(std::min(bytes.size(), std::size_t{NLMSG_ALIGN(head.nlmsg_len)}));
    }
    return Answer::goes_on;
}

}  // namespace

MarkedDelivery::MarkedDelivery(base::Family family, std::uint32_t mark)
    : family_(family == base::Family::ipv4 ? AF_INET : AF_INET6), mark_(mark) {}

Answer MarkedDelivery::read_rules(std::span<const std::byte> datagram) {
    return read_messages(datagram, RTM_NEWRULE, [this](const Message& rule) {
        const auto head = rule.fixed<fib_rule_hdr>();
        // Without IPv6, the kernel answers with the rules of IPv4.
        if (!head || head->family != family_ || head->action != FR_ACT_TO_TBL) return;
        const auto said = rule.number<fib_rule_hdr>(FRA_FWMARK);
        const auto mask = rule.number<fib_rule_hdr>(FRA_FWMASK).value_or(~0U);
        const auto table = rule.number<fib_rule_hdr>(FRA_TABLE);
        if (!said || !table) return;
        const bool is_inverted = (head->flags & FIB_RULE_INVERT) != 0;
        if (((mark_ & mask) == *said) != is_inverted) tables_.push_back(*table);
    });
}

Answer MarkedDelivery::read_routes(std::span<const std::byte> datagram) {
    return read_messages(datagram, RTM_NEWROUTE, [this](const Message& route) {
        const auto head = route.fixed<rtmsg>();
        const auto table = route.number<rtmsg>(RTA_TABLE);
        if (head && table && head->rtm_family == family_ && head->rtm_type == RTN_LOCAL &&
            head->rtm_dst_len == 0 && std::ranges::find(tables_, *table) != tables_.end())
            is_delivered_ = true;
    });
}

}  // namespace ballast::net
