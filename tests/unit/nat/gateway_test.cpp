// SPDX-License-Identifier: Apache-2.0
// Ways through a real kernel, in networks of the test's own.
#include "nat/gateway.h"

#include "own_networks.h"

#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace ballast::nat {
namespace {

using namespace std::chrono_literals;
using State = Carried::State;

constexpr auto patience = 20s;

/// A session's loop, which only reads its mail.
class MailLoop final : public loop::Loop {
public:
    [[nodiscard]] loop::Time now() const override { return std::chrono::steady_clock::now(); }
    void post(std::move_only_function<void()> work) override {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(work));
        has_mail_.notify_one();
    }
    /// False: it did not become true.
    [[nodiscard]] bool run_until(const std::function<bool()>& is_done) {
        const auto due = now() + patience;
        while (!is_done()) {
            std::vector<std::move_only_function<void()>> work;
            {
                std::unique_lock lock(mutex_);
                if (!has_mail_.wait_until(lock, due, [&] { return !posted_.empty(); }))
                    return false;
                work.swap(posted_);
            }
            for (auto& each : work) each();
        }
        return true;
    }

private:
    std::mutex mutex_;
    std::condition_variable has_mail_;
    std::vector<std::move_only_function<void()>> posted_;
};

class GatewayInKernel : public testing::Test {
protected:
    void start(const Room& room = {}) {
        auto opened = Gateway::open(room);
        ASSERT_TRUE(opened) << base::to_string(opened.error());
        gateway = std::move(*opened);
    }
    [[nodiscard]] Way way_of(int number = 0, base::Family family = base::Family::ipv4) const {
        const auto& all = OwnNetworks::ends(family);
        return {.from = all.client,
                .at = {all.to_client, static_cast<std::uint16_t>(20000 + number)},
                .to = {all.server, 40000},
                .source = {all.to_server, 0}};
    }
    [[nodiscard]] std::unique_ptr<Passage> open(const Way& way) {
        auto passage = gateway->open(way, signal);
        EXPECT_TRUE(loop.run_until([&] { return passage->carried().state != State::opening; }));
        return passage;
    }
    [[nodiscard]] bool becomes(const Passage& passage, State state) {
        return loop.run_until([&] { return passage.carried().state == state; });
    }
    [[nodiscard]] base::OwnedFd connect(const Way& way) {
        return networks.connect(way.from, way.at);
    }

    OwnNetworks networks;
    const OwnNetworks::Ends& ends = OwnNetworks::ends(base::Family::ipv4);
    base::OwnedFd server = networks.listen_out_there({ends.server, 40000});
    MailLoop loop;
    loop::Signal signal{loop};
    std::unique_ptr<Gateway> gateway;
};

TEST_F(GatewayInKernel, a_way_leads_to_the_server_and_its_bytes_and_end_are_told) {
    start();
    constexpr std::size_t up = 1000;
    constexpr std::size_t down = 100'000;
    // The headers of the first and last packets differ from the others.
    constexpr std::size_t tolerance = 1000;
    for (const auto family : {base::Family::ipv4, base::Family::ipv6}) {
        ASSERT_TRUE(gateway->forwards(family));
        const auto& all = OwnNetworks::ends(family);
        const auto listening = family == base::Family::ipv4
                                   ? base::OwnedFd()
                                   : networks.listen_out_there({all.server, 40000});
        const auto way = way_of(0, family);
        const auto passage = open(way);
        ASSERT_EQ(passage->carried().state, State::open) << passage->carried().problem;
        const auto client = connect(way);
        ASSERT_TRUE(client);
        auto accepted = accept(listening ? listening : server);
        ASSERT_TRUE(accepted);
        EXPECT_EQ(accepted->from.ip, all.to_server);
        EXPECT_TRUE(becomes(*passage, State::connected));
        send_all(client, up);
        ::shutdown(client.get(), SHUT_WR);
        EXPECT_EQ(read_all(accepted->socket), up);
        send_all(accepted->socket, down);
        accepted.reset();
        EXPECT_EQ(read_all(client), down);
        EXPECT_TRUE(becomes(*passage, State::closed));
        EXPECT_GE(passage->carried().sent, up);
        EXPECT_LE(passage->carried().sent, up + tolerance);
        EXPECT_GE(passage->carried().received, down);
        EXPECT_LE(passage->carried().received, down + tolerance);
    }
}

TEST_F(GatewayInKernel, a_way_is_for_one_connection) {
    start();
    const auto way = way_of();
    const auto passage = open(way);
    const auto first = connect(way);
    ASSERT_TRUE(first);
    ASSERT_TRUE(becomes(*passage, State::connected));
    EXPECT_FALSE(connect(way));
}

// The server's kernel may refuse a connection that it takes for the former one, between the same
// ports. The client's kernel tries again then.
TEST_F(GatewayInKernel, a_connection_that_was_refused_may_try_again) {
    start();
    server = {};
    const auto way = way_of();
    const auto passage = open(way);
    for (std::uint32_t i = 1; i <= 100; ++i) {
        EXPECT_FALSE(connect(way));
        // Answered behind the news of the refusal.
        passage->look();
        ASSERT_TRUE(loop.run_until([&] { return passage->carried().looks == i; }));
        ASSERT_EQ(passage->carried().state, State::open);
    }
    server = networks.listen_out_there({ends.server, 40000});
    const auto client = connect(way);
    ASSERT_TRUE(client);
    EXPECT_TRUE(becomes(*passage, State::connected));
    EXPECT_FALSE(connect(way));
}

TEST_F(GatewayInKernel, a_refused_connection_does_not_open_a_withdrawn_way) {
    start();
    const auto to_nobody = base::Address{ends.server, 40009};
    for (int i = 0; i < 100; ++i) {
        auto way = way_of(i);
        way.to = to_nobody;
        const auto passage = open(way);
        EXPECT_FALSE(connect(way));
        passage->withdraw();
        ASSERT_TRUE(becomes(*passage, State::withdrawn));
        const auto there_again = networks.listen_out_there(to_nobody);
        EXPECT_FALSE(connect(way));
    }
}

TEST_F(GatewayInKernel, a_stranger_is_not_led) {
    start();
    const auto way = way_of();
    const auto passage = open(way);
    EXPECT_FALSE(networks.connect(ends.stranger, way.at));
    EXPECT_EQ(passage->carried().state, State::open);
    EXPECT_TRUE(connect(way));
}

TEST_F(GatewayInKernel, a_way_that_was_taken_back_leads_nobody) {
    start();
    const auto way = way_of();
    const auto passage = open(way);
    passage->withdraw();
    ASSERT_TRUE(becomes(*passage, State::withdrawn));
    EXPECT_FALSE(connect(way));
    // A second time changes nothing, and the port can be used again.
    passage->withdraw();
    const auto next = open(way);
    ASSERT_EQ(next->carried().state, State::open) << next->carried().problem;
    EXPECT_EQ(passage->carried().state, State::withdrawn);
    EXPECT_TRUE(connect(way));
}

TEST_F(GatewayInKernel, a_port_that_is_lent_again_belongs_to_its_new_owner) {
    start();
    const auto way = way_of();
    auto former = open(way);
    const auto next = open(way);
    ASSERT_EQ(next->carried().state, State::open) << next->carried().problem;
    former.reset();
    // Answered behind the former one's end.
    next->look();
    ASSERT_TRUE(loop.run_until([&] { return next->carried().looks == 1; }));
    const auto client = connect(way);
    ASSERT_TRUE(client);
    EXPECT_TRUE(becomes(*next, State::connected));
}

TEST_F(GatewayInKernel, a_connection_that_was_quicker_than_the_withdrawal_is_told) {
    start();
    const auto way = way_of();
    const auto passage = open(way);
    const auto client = connect(way);
    ASSERT_TRUE(client);
    passage->withdraw();
    EXPECT_TRUE(loop.run_until([&] { return passage->carried().state != State::open; }));
    EXPECT_EQ(passage->carried().state, State::connected);
}

TEST_F(GatewayInKernel, a_cut_connection_is_reset_at_its_next_packet) {
    start();
    const auto way = way_of();
    const auto passage = open(way);
    const auto client = connect(way);
    ASSERT_TRUE(client);
    ASSERT_TRUE(becomes(*passage, State::connected));
    passage->cut();
    EXPECT_TRUE(becomes(*passage, State::closed));
    send_all(client, 1);
    EXPECT_EQ(read_all(client), 0);
    EXPECT_FALSE(connect(way));
}

TEST_F(GatewayInKernel, a_passage_that_is_destroyed_leaves_its_port_free) {
    start();
    const auto way = way_of();
    for (int i = 0; i < 100; ++i) {
        auto passage = gateway->open(way, signal);
        passage.reset();
        // What comes later is done later.
        const auto next = open(way);
        ASSERT_EQ(next->carried().state, State::open) << next->carried().problem;
    }
}

TEST_F(GatewayInKernel, a_full_map_is_a_refusal_with_its_reason) {
    start({.ways = 2});
    auto first = open(way_of(0));
    auto to_elsewhere = way_of(1);
    to_elsewhere.to.port = 40001;
    const auto second = open(to_elsewhere);
    auto to_another = way_of(2);
    to_another.to.port = 40002;
    const auto third = open(to_another);
    EXPECT_EQ(third->carried().state, State::refused);
    EXPECT_EQ(third->carried().problem,
              "the kernel refuses the rule: Too many open files in system");
    first.reset();
    EXPECT_EQ(open(to_another)->carried().state, State::open);
}

TEST_F(GatewayInKernel, the_table_goes_with_the_gateway_and_passages_outlive_it) {
    start();
    const auto passage = open(way_of());
    EXPECT_EQ(tables().size(), 1);
    gateway.reset();
    EXPECT_TRUE(tables().empty());
    passage->look();
    passage->withdraw();
    passage->cut();
    EXPECT_FALSE(connect(way_of()));
}

TEST_F(GatewayInKernel, what_began_and_ended_while_news_were_lost_is_found) {
    // Room for a message or two.
    start({.news_bytes = 1});
    constexpr int count = 64;
    std::vector<std::unique_ptr<Passage>> passages;
    std::vector<Way> ways;
    for (int i = 0; i < count; ++i) {
        auto way = way_of(i);
        way.to.port = static_cast<std::uint16_t>(41000 + i);
        ways.push_back(way);
        passages.push_back(gateway->open(way, signal));
    }
    std::vector<base::OwnedFd> servers;
    for (const auto& way : ways) servers.push_back(networks.listen_out_there(way.to));
    for (const auto& each : passages) ASSERT_TRUE(becomes(*each, State::open));
    std::vector<base::OwnedFd> clients;
    for (const auto& way : ways) clients.push_back(connect(way));
    for (std::size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(clients[i]);
        const auto accepted = accept(servers[i]);
        ASSERT_TRUE(accepted);
        send_all(accepted->socket, 5000);
    }
    for (auto& each : clients) EXPECT_EQ(read_all(each), 5000);
    clients.clear();
    for (const auto& each : passages) {
        EXPECT_TRUE(becomes(*each, State::closed));
        EXPECT_GE(each->carried().received, 5000);
    }
}

TEST_F(GatewayInKernel, forwarding_that_is_switched_off_is_noticed) {
    start();
    EXPECT_TRUE(gateway->forwards(base::Family::ipv4));
    EXPECT_TRUE(run("echo 0 >/proc/sys/net/ipv4/ip_forward"));
    EXPECT_FALSE(machine_forwards(base::Family::ipv4));
    EXPECT_TRUE(machine_forwards(base::Family::ipv6));
    const auto due = loop.now() + patience;
    while (gateway->forwards(base::Family::ipv4) && loop.now() < due) std::this_thread::yield();
    EXPECT_FALSE(gateway->forwards(base::Family::ipv4));
    EXPECT_TRUE(gateway->forwards(base::Family::ipv6));
}

}  // namespace
}  // namespace ballast::nat
