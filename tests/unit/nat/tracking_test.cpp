// SPDX-License-Identifier: Apache-2.0
// What connection tracking says: its messages, and those of a real kernel.
#include "nat/tracking.h"

#include "own_networks.h"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <poll.h>
#include <set>
#include <sys/socket.h>
#include <vector>

// After sys/socket.h, which they need.
#include "nat/rules.h"

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

namespace ballast::nat {
namespace {

base::Address address(const char* text) { return *base::Address::parse(text); }

/// A message of connection tracking about a translated TCP connection.
class Message {
public:
    Message(std::uint8_t type, std::uint16_t flags, bool is_v4,
            std::uint8_t protocol = IPPROTO_TCP) {
        header_ = mnl_nlmsg_put_header(bytes_.data());
        header_->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8U) | type);
        header_->nlmsg_flags = flags;
        auto* const general =
            static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header_, sizeof(nfgenmsg)));
        general->nfgen_family = is_v4 ? AF_INET : AF_INET6;
        const auto put = [&](std::uint16_t tuple, const char* from, const char* to) {
            auto* const nest = mnl_attr_nest_start(header_, tuple);
            auto* const addresses = mnl_attr_nest_start(header_, CTA_TUPLE_IP);
            const auto put_ip = [&](std::uint16_t v4, std::uint16_t v6, const base::Ip& ip) {
                mnl_attr_put(header_, is_v4 ? v4 : v6, is_v4 ? 4 : 16, ip.bytes().data());
            };
            put_ip(CTA_IP_V4_SRC, CTA_IP_V6_SRC, address(from).ip);
            put_ip(CTA_IP_V4_DST, CTA_IP_V6_DST, address(to).ip);
            mnl_attr_nest_end(header_, addresses);
            auto* const ports = mnl_attr_nest_start(header_, CTA_TUPLE_PROTO);
            mnl_attr_put_u8(header_, CTA_PROTO_NUM, protocol);
            mnl_attr_put_u16(header_, CTA_PROTO_SRC_PORT, htons(address(from).port));
            mnl_attr_put_u16(header_, CTA_PROTO_DST_PORT, htons(address(to).port));
            mnl_attr_nest_end(header_, ports);
            mnl_attr_nest_end(header_, nest);
        };
        if (is_v4) {
            put(CTA_TUPLE_ORIG, "192.0.2.2:50000", "192.0.2.1:20000");
            put(CTA_TUPLE_REPLY, "198.51.100.11:40000", "198.51.100.1:50000");
        } else {
            put(CTA_TUPLE_ORIG, "[2001:db8:1::2]:50000", "[2001:db8:1::1]:20000");
            put(CTA_TUPLE_REPLY, "[2001:db8:2::11]:40000", "[2001:db8:2::1]:50000");
        }
    }
    Message& state(std::uint8_t state) {
        auto* const nest = mnl_attr_nest_start(header_, CTA_PROTOINFO);
        auto* const tcp = mnl_attr_nest_start(header_, CTA_PROTOINFO_TCP);
        mnl_attr_put_u8(header_, CTA_PROTOINFO_TCP_STATE, state);
        mnl_attr_nest_end(header_, tcp);
        mnl_attr_nest_end(header_, nest);
        return *this;
    }
    Message& count(std::uint16_t way, std::uint64_t packets, std::uint64_t bytes) {
        auto* const nest = mnl_attr_nest_start(header_, way);
        mnl_attr_put_u64(header_, CTA_COUNTERS_PACKETS, htobe64(packets));
        mnl_attr_put_u64(header_, CTA_COUNTERS_BYTES, htobe64(bytes));
        mnl_attr_nest_end(header_, nest);
        return *this;
    }
    [[nodiscard]] std::optional<Tracked> read() const { return tracked(header_); }
    nlmsghdr& header() { return *header_; }

private:
    alignas(8) std::array<char, 2048> bytes_{};
    nlmsghdr* header_;
};

TEST(Tracked, a_new_connection_names_its_ends_and_where_it_leads) {
    for (const bool is_v4 : {true, false}) {
        const auto found = Message(IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, is_v4)
                               .state(TCP_CONNTRACK_SYN_SENT)
                               .read();
        ASSERT_TRUE(found);
        EXPECT_TRUE(found->is_new);
        EXPECT_FALSE(found->is_gone || found->is_closed || found->is_half_closed);
        EXPECT_FALSE(found->is_counted);
        EXPECT_EQ(found->ends.from, address(is_v4 ? "192.0.2.2:50000" : "[2001:db8:1::2]:50000"));
        EXPECT_EQ(found->ends.at, address(is_v4 ? "192.0.2.1:20000" : "[2001:db8:1::1]:20000"));
        EXPECT_EQ(found->reaches,
                  address(is_v4 ? "198.51.100.11:40000" : "[2001:db8:2::11]:40000"));
    }
}

TEST(Tracked, states_of_tcp_are_ends_or_not) {
    struct Row {
        std::uint8_t state;
        bool is_established;
        bool is_half_closed;
        bool is_closed;
    };
    for (const auto& row : {Row{TCP_CONNTRACK_SYN_SENT, false, false, false},
                            Row{TCP_CONNTRACK_SYN_RECV, false, false, false},
                            Row{TCP_CONNTRACK_ESTABLISHED, true, false, false},
                            Row{TCP_CONNTRACK_FIN_WAIT, true, false, false},
                            Row{TCP_CONNTRACK_CLOSE_WAIT, true, true, false},
                            Row{TCP_CONNTRACK_LAST_ACK, true, true, false},
                            Row{TCP_CONNTRACK_TIME_WAIT, true, false, true},
                            Row{TCP_CONNTRACK_CLOSE, false, false, true}}) {
        const auto found = Message(IPCTNL_MSG_CT_NEW, 0, true).state(row.state).read();
        ASSERT_TRUE(found);
        EXPECT_FALSE(found->is_new);
        EXPECT_EQ(found->is_established, row.is_established) << int{row.state};
        EXPECT_EQ(found->is_half_closed, row.is_half_closed) << int{row.state};
        EXPECT_EQ(found->is_closed, row.is_closed) << int{row.state};
    }
}

TEST(Tracked, bytes_are_those_of_the_packets_less_their_headers) {
    for (const bool is_v4 : {true, false}) {
        const std::uint64_t header = (is_v4 ? 20 : 40) + 32;
        // The client sends SYN, ACKs and FIN, the server its SYN, 1000 bytes and its FIN.
        const auto found = Message(IPCTNL_MSG_CT_DELETE, 0, is_v4)
                               .count(CTA_COUNTERS_ORIG, 4, 4 * header + 8)
                               .count(CTA_COUNTERS_REPLY, 5, 5 * header + 8 + 1000)
                               .read();
        ASSERT_TRUE(found);
        EXPECT_TRUE(found->is_gone);
        EXPECT_FALSE(found->is_new);
        EXPECT_TRUE(found->is_counted);
        EXPECT_EQ(found->sent, 0);
        EXPECT_EQ(found->received, 1000);
    }
}

TEST(Tracked, shorter_headers_than_usual_are_no_negative_bytes) {
    const auto found = Message(IPCTNL_MSG_CT_DELETE, 0, true)
                           .count(CTA_COUNTERS_ORIG, 4, 4 * 40)
                           .count(CTA_COUNTERS_REPLY, 0, 0)
                           .read();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->sent, 0);
    EXPECT_EQ(found->received, 0);
}

TEST(Tracked, a_gone_connection_is_not_new_whatever_its_flags) {
    const auto found = Message(IPCTNL_MSG_CT_DELETE, NLM_F_CREATE, true).read();
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->is_gone);
    EXPECT_FALSE(found->is_new);
}

TEST(Tracked, messages_about_other_things_are_nothing) {
    EXPECT_FALSE(Message(IPCTNL_MSG_CT_NEW, 0, true, IPPROTO_UDP).read());
    Message other(IPCTNL_MSG_CT_NEW, 0, true);
    constexpr std::uint16_t nftables = 10;
    other.header().nlmsg_type = (nftables << 8U) | IPCTNL_MSG_CT_NEW;
    EXPECT_FALSE(other.read());
}

// A real kernel

class TrackingInKernel : public testing::Test {
protected:
    void open(int news_bytes) {
        auto opened_rules = Rules::open();
        ASSERT_TRUE(opened_rules) << base::to_string(opened_rules.error());
        rules = std::move(*opened_rules);
        auto opened = Tracking::open(news_bytes);
        ASSERT_TRUE(opened) << base::to_string(opened.error());
        tracking = std::move(*opened);
    }
    /// Waits for news. False: none came for long.
    [[nodiscard]] bool has_news() const {
        constexpr int patience_ms = 10'000;
        pollfd awaited{.fd = tracking->descriptor(), .events = POLLIN, .revents = 0};
        return ::poll(&awaited, 1, patience_ms) == 1;
    }
    /// Opens connections to this machine, and leaves them open.
    void connect(int count) {
        for (int i = 0; i < count; ++i) {
            sockets.push_back(networks.connect(ends.client, {ends.to_client, 20000}));
            ASSERT_TRUE(sockets.back());
            begun.insert(local_address(sockets.back()));
        }
    }

    OwnNetworks networks;
    const OwnNetworks::Ends& ends = OwnNetworks::ends(base::Family::ipv4);
    std::unique_ptr<Rules> rules;  // makes the kernel track connections
    std::unique_ptr<Tracking> tracking;
    base::OwnedFd listening = listen_at({ends.to_client, 20000});
    std::vector<base::OwnedFd> sockets;
    std::set<base::Address> begun;
};

TEST_F(TrackingInKernel, beginnings_and_ends_are_told) {
    open(Tracking::news_bytes_max);
    connect(3);
    std::set<base::Address> heard;
    EXPECT_TRUE(tracking->read_news([&](const Tracked& tracked) {
        if (tracked.is_new) heard.insert(tracked.ends.from);
    }));
    EXPECT_EQ(heard, begun);
    std::vector<Accepted> accepted;
    for (int i = 0; i < 3; ++i) accepted.push_back(*accept(listening));
    sockets.clear();
    for (const auto& each : accepted) EXPECT_EQ(read_all(each.socket), 0);
    accepted.clear();
    // The last packets may still be on their way.
    std::set<base::Address> ended;
    while (ended != begun && has_news())
        EXPECT_TRUE(tracking->read_news([&](const Tracked& tracked) {
            if (tracked.is_closed) ended.insert(tracked.ends.from);
        }));
    EXPECT_EQ(ended, begun);
}

TEST_F(TrackingInKernel, news_that_were_lost_are_told_of_and_found_by_asking) {
    open(1);
    connect(100);
    std::set<base::Address> heard;
    const auto take = [&](const Tracked& tracked) { heard.insert(tracked.ends.from); };
    EXPECT_FALSE(tracking->read_news(take));
    EXPECT_LT(heard.size(), begun.size());
    // Nothing is lost any more.
    EXPECT_TRUE(tracking->read_news(take));
    EXPECT_TRUE(tracking->ask_all(take));
    EXPECT_EQ(heard, begun);
}

TEST_F(TrackingInKernel, a_connection_is_known_until_it_is_forgotten) {
    open(Tracking::news_bytes_max);
    connect(1);
    const Ends one{*begun.begin(), {ends.to_client, 20000}};
    auto known = tracking->ask(one);
    ASSERT_TRUE(known);
    ASSERT_TRUE(*known);
    EXPECT_EQ((*known)->ends, one);
    tracking->forget(one);
    known = tracking->ask(one);
    ASSERT_TRUE(known);
    EXPECT_FALSE(*known);
    tracking->forget(one);
}

}  // namespace
}  // namespace ballast::nat
