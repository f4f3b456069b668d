// SPDX-License-Identifier: Apache-2.0
#include "nat/tracking.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

// After sys/socket.h, which they need.
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

namespace ballast::nat {

namespace {

/// How many messages one call of `read_news` takes, so that others get their turn. More than the
/// buffer holds, so nothing is left that was there before.
constexpr int messages_at_once = 16384;
constexpr timeval patience{.tv_sec = 2, .tv_usec = 0};

constexpr std::uint64_t header_bytes_ipv4 = 20;
constexpr std::uint64_t header_bytes_ipv6 = 40;
/// TCP's header with time stamps, which all systems of today send.
constexpr std::uint64_t header_bytes_tcp = 32;
/// How much longer the header of a SYN is: largest segment, window scale, SACK.
constexpr std::uint64_t syn_bytes_more = 8;

struct Forget {
    void operator()(nf_conntrack* entry) const { nfct_destroy(entry); }
};
using Entry = std::unique_ptr<nf_conntrack, Forget>;

base::Ip ip_of(const nf_conntrack* entry, bool is_v4, nf_conntrack_attr v4, nf_conntrack_attr v6) {
    if (is_v4) {
        std::array<std::uint8_t, 4> bytes{};
        const auto value = nfct_get_attr_u32(entry, v4);
        std::memcpy(bytes.data(), &value, bytes.size());
        return base::Ip::from_v4(bytes);
    }
    std::array<std::uint8_t, 16> bytes{};
    if (const auto* const value = nfct_get_attr(entry, v6))
        std::memcpy(bytes.data(), value, bytes.size());
    return base::Ip::from_v6(bytes);
}

std::uint16_t host_order(std::uint16_t network) {
    return static_cast<std::uint16_t>((network >> 8U) | (network << 8U));
}

/// The kernel counts whole packets. What it counts as one packet has one header, even if the card
/// or the driver made one of many.
std::uint64_t data_bytes(const nf_conntrack* entry, bool is_v4, nf_conntrack_attr packets,
                         nf_conntrack_attr bytes) {
    const auto all = nfct_get_attr_u64(entry, bytes);
    const auto header = (is_v4 ? header_bytes_ipv4 : header_bytes_ipv6) + header_bytes_tcp;
    const auto headers = nfct_get_attr_u64(entry, packets) * header + syn_bytes_more;
    return all > headers ? all - headers : 0;
}

bool is_established(std::uint8_t state) {
    return state >= TCP_CONNTRACK_ESTABLISHED && state <= TCP_CONNTRACK_TIME_WAIT;
}

bool is_half_closed(std::uint8_t state) {
    return state == TCP_CONNTRACK_CLOSE_WAIT || state == TCP_CONNTRACK_LAST_ACK;
}

bool is_closed(std::uint8_t state) {
    return state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE;
}

std::optional<Tracked> known_of(const nf_conntrack* entry) {
    const auto family = nfct_get_attr_u8(entry, ATTR_ORIG_L3PROTO);
    const bool is_v4 = family == AF_INET;
    if (!is_v4 && family != AF_INET6) return std::nullopt;
    if (nfct_get_attr_u8(entry, ATTR_ORIG_L4PROTO) != IPPROTO_TCP) return std::nullopt;
    Tracked found;
    found.ends.from.ip = ip_of(entry, is_v4, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
    found.ends.from.port = host_order(nfct_get_attr_u16(entry, ATTR_ORIG_PORT_SRC));
    found.ends.at.ip = ip_of(entry, is_v4, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST);
    found.ends.at.port = host_order(nfct_get_attr_u16(entry, ATTR_ORIG_PORT_DST));
    found.reaches.ip = ip_of(entry, is_v4, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC);
    found.reaches.port = host_order(nfct_get_attr_u16(entry, ATTR_REPL_PORT_SRC));
    // A dump does not tell the state of a connection in a flow table.
    found.is_established = (nfct_get_attr_u32(entry, ATTR_STATUS) & IPS_ASSURED) != 0;
    if (nfct_attr_is_set(entry, ATTR_TCP_STATE) > 0) {
        const auto state = nfct_get_attr_u8(entry, ATTR_TCP_STATE);
        found.is_established |= is_established(state);
        found.is_half_closed = is_half_closed(state);
        found.is_closed = is_closed(state);
    }
    found.is_counted = nfct_attr_is_set(entry, ATTR_ORIG_COUNTER_BYTES) > 0;
    if (found.is_counted) {
        found.sent = data_bytes(entry, is_v4, ATTR_ORIG_COUNTER_PACKETS, ATTR_ORIG_COUNTER_BYTES);
        found.received =
            data_bytes(entry, is_v4, ATTR_REPL_COUNTER_PACKETS, ATTR_REPL_COUNTER_BYTES);
    }
    return found;
}

void set_ip(nf_conntrack* entry, const base::Ip& ip, nf_conntrack_attr v4, nf_conntrack_attr v6) {
    if (!ip.is_v4()) return nfct_set_attr(entry, v6, ip.bytes().data());
    std::uint32_t value = 0;
    std::memcpy(&value, ip.bytes().data(), sizeof value);
    nfct_set_attr_u32(entry, v4, value);
}

std::uint8_t family_of(const Ends& ends) { return ends.at.ip.is_v4() ? AF_INET : AF_INET6; }

Entry entry_of(const Ends& ends) {
    Entry entry(nfct_new());
    if (!entry) return entry;
    nfct_set_attr_u8(entry.get(), ATTR_ORIG_L3PROTO, family_of(ends));
    nfct_set_attr_u8(entry.get(), ATTR_ORIG_L4PROTO, IPPROTO_TCP);
    set_ip(entry.get(), ends.from.ip, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
    set_ip(entry.get(), ends.at.ip, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST);
    nfct_set_attr_u16(entry.get(), ATTR_ORIG_PORT_SRC, host_order(ends.from.port));
    nfct_set_attr_u16(entry.get(), ATTR_ORIG_PORT_DST, host_order(ends.at.port));
    return entry;
}

void give(const nlmsghdr* message, const Tracking::Take& take) {
    if (const auto found = tracked(message)) take(*found);
}

/// The kernel drops all other news. A connection begins in the first of these states, may end in
/// the second, is established in the third, and is of interest again when it ends.
bool ask_for_beginnings_and_ends(int socket) {
    const std::unique_ptr<nfct_filter, void (*)(nfct_filter*)> filter(nfct_filter_create(),
                                                                      &nfct_filter_destroy);
    if (!filter) return false;
    nfct_filter_add_attr_u32(filter.get(), NFCT_FILTER_L4PROTO, IPPROTO_TCP);
    for (const std::uint16_t state :
         {TCP_CONNTRACK_SYN_SENT, TCP_CONNTRACK_SYN_RECV, TCP_CONNTRACK_ESTABLISHED,
          TCP_CONNTRACK_CLOSE_WAIT, TCP_CONNTRACK_LAST_ACK, TCP_CONNTRACK_TIME_WAIT,
          TCP_CONNTRACK_CLOSE}) {
        const nfct_filter_proto wanted{.proto = IPPROTO_TCP, .state = state};
        nfct_filter_add_attr(filter.get(), NFCT_FILTER_L4PROTO_STATE, &wanted);
    }
    return nfct_filter_attach(socket, filter.get()) == 0;
}

using Buffer = std::array<char, 32768>;

}  // namespace

std::optional<Tracked> tracked(const nlmsghdr* message) {
    if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_CTNETLINK) return std::nullopt;
    const Entry entry(nfct_new());
    if (!entry || nfct_nlmsg_parse(message, entry.get()) < 0) return std::nullopt;
    auto found = known_of(entry.get());
    if (!found) return std::nullopt;
    found->is_gone = NFNL_MSG_TYPE(message->nlmsg_type) == IPCTNL_MSG_CT_DELETE;
    found->is_new = !found->is_gone && (message->nlmsg_flags & NLM_F_CREATE) != 0;
    return found;
}

void Tracking::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Tracking::~Tracking() = default;

base::Result<std::unique_ptr<Tracking>> Tracking::open(int news_bytes) {
    const auto failed = [] {
        return std::unexpected(
            base::last_error(base::Fault::internal, "opening a socket to connection tracking"));
    };
    Socket news(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
    Socket questions(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
    if (!news || !questions) return failed();
    constexpr unsigned int groups =
        NF_NETLINK_CONNTRACK_NEW | NF_NETLINK_CONNTRACK_UPDATE | NF_NETLINK_CONNTRACK_DESTROY;
    if (mnl_socket_bind(news.get(), groups, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_bind(questions.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return failed();
    if (!ask_for_beginnings_and_ends(mnl_socket_get_fd(news.get()))) return failed();
    ::setsockopt(mnl_socket_get_fd(news.get()), SOL_SOCKET, SO_RCVBUFFORCE, &news_bytes,
                 sizeof news_bytes);
    ::setsockopt(mnl_socket_get_fd(questions.get()), SOL_SOCKET, SO_RCVTIMEO, &patience,
                 sizeof patience);
    auto tracking = std::unique_ptr<Tracking>(new Tracking(std::move(news), std::move(questions)));
    // A kernel without connection tracking in netlink refuses every question.
    const auto answer = tracking->ask({});
    if (!answer && (answer.error() == std::errc::invalid_argument ||
                    answer.error() == std::errc::operation_not_permitted ||
                    answer.error() == std::errc::operation_not_supported))
        return std::unexpected(base::Error{base::Fault::internal, answer.error(),
                                           "asking connection tracking (nf_conntrack_netlink)"});
    return tracking;
}

int Tracking::descriptor() const { return mnl_socket_get_fd(news_.get()); }

bool Tracking::read_news(const Take& take) {
    Buffer buffer;  // NOLINT: filled by recvfrom
    bool is_complete = true;
    for (int messages = 0; messages < messages_at_once; ++messages) {
        const auto received = mnl_socket_recvfrom(news_.get(), buffer.data(), buffer.size());
        if (received < 0 && errno == ENOBUFS) {
            is_complete = false;
            continue;
        }
        if (received < 0) break;
        auto left = static_cast<int>(received);
        const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());  // NOLINT
        for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
            give(header, take);
    }
    return is_complete;
}

/// False: the kernel refused it, see errno, or its answer is not whole.
bool Tracking::question(std::uint16_t type, std::uint16_t flags, const nf_conntrack* about,
                        std::uint8_t family, const Take& take) {
    Buffer buffer;  // NOLINT: filled below
    auto* const header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8U) | type);
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header->nlmsg_seq = ++sequence_;
    auto* const general =
        static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    general->nfgen_family = family;
    general->version = NFNETLINK_V0;
    if (about != nullptr) nfct_nlmsg_build(header, about);
    const auto number = sequence_;
    if (mnl_socket_sendto(questions_.get(), header, header->nlmsg_len) < 0) return false;
    bool is_whole = true;
    for (;;) {
        const auto received = mnl_socket_recvfrom(questions_.get(), buffer.data(), buffer.size());
        if (received < 0) return false;
        auto left = static_cast<int>(received);
        const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.data());  // NOLINT
        for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
            if (answer->nlmsg_seq != number) continue;  // a late one
            // The table was changed while it was read.
            if ((answer->nlmsg_flags & NLM_F_DUMP_INTR) != 0) is_whole = false;
            if (answer->nlmsg_type == NLMSG_DONE) return is_whole;
            if (answer->nlmsg_type == NLMSG_ERROR) {
                errno = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
                return errno == 0;
            }
            give(answer, take);
        }
    }
}

std::expected<std::optional<Tracked>, std::error_code> Tracking::ask(const Ends& ends) {
    std::optional<Tracked> found;
    const auto entry = entry_of(ends);
    if (!entry) return std::unexpected(std::make_error_code(std::errc::not_enough_memory));
    const bool is_known = question(IPCTNL_MSG_CT_GET, NLM_F_ACK, entry.get(), family_of(ends),
                                   [&](const Tracked& tracked) { found = tracked; });
    if (!is_known && errno != ENOENT)
        return std::unexpected(std::error_code(errno, std::system_category()));
    return found;
}

bool Tracking::ask_all(const Take& take) {
    bool is_complete = true;
    for (const int family : {AF_INET, AF_INET6})
        if (!question(IPCTNL_MSG_CT_GET, NLM_F_DUMP, nullptr, static_cast<std::uint8_t>(family),
                      take))
            is_complete = false;
    return is_complete;
}

bool Tracking::forget(const Ends& ends) {
    const auto entry = entry_of(ends);
    if (!entry) return true;
    return question(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, entry.get(), family_of(ends),
                    [](const Tracked&) {}) ||
           errno != EBUSY;
}

}  // namespace ballast::nat
