// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include "support/log_lines.h"

#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <thread>

namespace ballast::pool {
namespace {

config::Pool settings(std::size_t count) {
    config::Pool made;
    made.name = "files";
    made.balance = balance::find_policy("round-robin");
    for (std::size_t i = 0; i < count; ++i) {
        config::Backend backend;
        backend.name = "alf" + std::to_string(i + 1);
        backend.host = "10.0.0." + std::to_string(11 + i);
        made.backends.push_back(backend);
    }
    return made;
}

base::Ip ip(const char* text) { return base::Ip::parse(text).value(); }

std::string name_of(const std::expected<Seat, Refusal>& seat) {
    return seat ? seat->backend().name : std::string(to_string(seat.error()));
}

void lead_to(Pool& pool, const std::vector<base::Ip>& addresses) {
    std::vector<Target> targets;
    for (const auto& address : addresses) targets.push_back({.address = {address, 21}});
    pool.set_targets(pool.backends().front(), targets);
}

BackendId id(const Pool& pool, std::size_t index) { return pool.status().at(index).backend.id; }

TEST(Pool, uses_backends_in_turn_by_weight) {
    auto config = settings(2);
    config.backends[0].weight = 3;
    const auto pool = std::make_shared<Pool>(config);
    std::map<std::string, int> counts;
    for (int i = 0; i < 100; ++i) ++counts[name_of(pool->choose({}, {}))];
    EXPECT_EQ(counts["alf1"], 75);
    EXPECT_EQ(counts["alf2"], 25);
}

TEST(Pool, counts_seats_until_they_are_given_back) {
    const auto pool = std::make_shared<Pool>(settings(1));
    {
        auto first = pool->choose({}, {});
        auto second = pool->choose({}, {});
        EXPECT_EQ(pool->status()[0].sessions, 2);
        Seat moved = std::move(*first);
        EXPECT_FALSE(*first);  // NOLINT(bugprone-use-after-move): the seat has moved on
        EXPECT_EQ(pool->status()[0].sessions, 2);
        moved = Seat();
        EXPECT_EQ(pool->status()[0].sessions, 1);
    }
    EXPECT_EQ(pool->status()[0].sessions, 0);
}

TEST(Pool, gives_no_more_seats_than_max_sessions) {
    auto config = settings(1);
    config.backends[0].max_sessions = 2;
    const auto pool = std::make_shared<Pool>(config);
    const auto first = pool->choose({}, {});
    auto second = pool->choose({}, {});
    EXPECT_EQ(name_of(pool->choose({}, {})), to_string(Refusal::all_full));
    *second = Seat();
    EXPECT_TRUE(pool->choose({}, {}));
}

TEST(Pool, keeps_max_sessions_with_many_threads) {
    auto config = settings(2);
    config.backends[0].max_sessions = 5;
    config.backends[1].max_sessions = 3;
    const auto pool = std::make_shared<Pool>(config);
    std::atomic<int> held = 0;
    std::atomic<int> most = 0;
    std::atomic<bool> go = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            while (!go) std::this_thread::yield();
            for (int k = 0; k < 500; ++k) {
                const auto first = pool->choose({}, {});
                const auto second = pool->choose({}, {});
                const int mine = (first ? 1 : 0) + (second ? 1 : 0);
                const int now = held += mine;
                for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
                }
                held -= mine;
            }
        });
    go = true;
    for (auto& thread : threads) thread.join();
    EXPECT_LE(most, 8);
    EXPECT_GT(most, 0);
    for (const auto& status : pool->status()) EXPECT_EQ(status.sessions, 0);
}

TEST(Pool, leaves_out_tried_backends_and_says_so) {
    const auto pool = std::make_shared<Pool>(settings(2));
    std::vector<BackendId> tried = {id(*pool, 0)};
    for (int i = 0; i < 5; ++i) EXPECT_EQ(name_of(pool->choose({}, tried)), "alf2");
    tried.push_back(id(*pool, 1));
    EXPECT_EQ(name_of(pool->choose({}, tried)), to_string(Refusal::all_tried));
}

TEST(Pool, leaves_out_a_backend_that_is_down_until_it_comes_up) {
    auto config = settings(2);
    config.probe.rise = 2;
    config.probe.fall = 2;
    support::LogLines log(log::Level::info);
    const auto pool = std::make_shared<Pool>(config);
    EXPECT_EQ(pool->status()[0].health, Health::unknown);
    pool->probe_passed(id(*pool, 0));
    pool->probe_failed(id(*pool, 0), "no");
    EXPECT_EQ(pool->status()[0].health, Health::up);
    pool->probe_failed(id(*pool, 0), "no");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(name_of(pool->choose({}, {})), "alf2");
    pool->probe_failed(id(*pool, 1), "no");
    EXPECT_EQ(name_of(pool->choose({}, {})), to_string(Refusal::all_down));
    pool->probe_passed(id(*pool, 0));
    pool->probe_passed(id(*pool, 0));
    EXPECT_EQ(name_of(pool->choose({}, {})), "alf1");
    // Each change once: alf1 up, down and up again, alf2 down.
    EXPECT_EQ(log.count("backend up"), 2U);
    EXPECT_EQ(log.count("backend down"), 2U);
}

TEST(Pool, uses_backups_only_if_no_other_backend_can_serve) {
    auto config = settings(3);
    config.backends[2].backup = true;
    config.backends[0].max_sessions = 1;
    const auto pool = std::make_shared<Pool>(config);
    EXPECT_TRUE(pool->status()[2].backup);
    for (int i = 0; i < 10; ++i) EXPECT_NE(name_of(pool->choose({}, {})), "alf3");
    pool->probe_failed(id(*pool, 1), "no");
    const auto only = pool->choose({}, {});
    EXPECT_EQ(name_of(only), "alf1");
    const auto backup = pool->choose({}, {});
    EXPECT_EQ(name_of(backup), "alf3");
}

TEST(Pool, ignores_reports_on_backends_it_does_not_know) {
    const auto pool = std::make_shared<Pool>(settings(1));
    pool->probe_failed(12345, "no");
    EXPECT_EQ(pool->status()[0].health, Health::unknown);
}

TEST(Pool, makes_every_address_of_a_name_a_backend) {
    auto config = settings(1);
    config.backends[0].host = "ftp.example.org";
    const auto pool = std::make_shared<Pool>(config);
    EXPECT_EQ(name_of(pool->choose({}, {})), to_string(Refusal::none_resolved));
    lead_to(*pool, {ip("10.0.0.1"), ip("2001:db8::1")});
    ASSERT_EQ(pool->status().size(), 2);
    EXPECT_EQ(pool->status()[0].backend.name, "alf1/10.0.0.1");
    EXPECT_EQ(pool->status()[1].backend.name, "alf1/2001:db8::1");
    EXPECT_EQ(pool->status()[1].backend.address.port, 21);
}

TEST(Pool, keeps_seats_and_health_when_a_names_addresses_change) {
    auto config = settings(1);
    config.backends[0].host = "ftp.example.org";
    const auto pool = std::make_shared<Pool>(config);
    lead_to(*pool, {ip("10.0.0.1"), ip("10.0.0.2")});
    const auto kept = id(*pool, 1);
    pool->probe_passed(kept);
    auto first = pool->choose({}, {});
    auto second = pool->choose({}, {});
    Seat& on_first = first->backend().address.ip == ip("10.0.0.1") ? *first : *second;
    auto transfer = on_first.begin_transfer();

    lead_to(*pool, {ip("10.0.0.2"), ip("10.0.0.3")});
    ASSERT_EQ(pool->status().size(), 2);
    EXPECT_EQ(pool->status()[0].backend.id, kept);
    EXPECT_EQ(pool->status()[0].health, Health::up);
    EXPECT_EQ(pool->status()[0].sessions, 1);
    for (int i = 0; i < 6; ++i)
        EXPECT_NE(pool->choose({}, {})->backend().address.ip, ip("10.0.0.1"));
    // The session on the address that is gone goes on, and may even see it come back.
    transfer = TransferScope();
    lead_to(*pool, {ip("10.0.0.1")});
    EXPECT_EQ(pool->status().at(0).sessions, 1);
    on_first = Seat();
    EXPECT_EQ(pool->status().at(0).sessions, 0);
}

TEST(Pool, outlives_its_owner_while_a_seat_is_held) {
    std::optional<Seat> seat;
    {
        const auto pool = std::make_shared<Pool>(settings(1));
        seat.emplace(*pool->choose({}, {}));
    }
    const auto transfer = seat->begin_transfer();
    seat.reset();
}

TEST(Pool, prefers_the_backend_with_fewest_transfers) {
    auto config = settings(2);
    config.balance = balance::find_policy("least-transfers");
    const auto pool = std::make_shared<Pool>(config);
    auto busy = pool->choose({}, {});
    auto transfer = busy->begin_transfer();
    const auto other = pool->choose({}, {});
    EXPECT_NE(name_of(other), name_of(busy));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(name_of(pool->choose({}, {})), name_of(other));
    EXPECT_EQ(pool->status()[0].transfers + pool->status()[1].transfers, 1);
    transfer = TransferScope();
    EXPECT_EQ(pool->status()[0].transfers + pool->status()[1].transfers, 0);
}

TEST(Pool, gives_a_backend_the_same_id_in_every_process) {
    const auto one = std::make_shared<Pool>(settings(2));
    const auto other = std::make_shared<Pool>(settings(2));
    EXPECT_EQ(id(*one, 0), id(*other, 0));
    EXPECT_NE(id(*one, 0), id(*one, 1));
}

}  // namespace
}  // namespace ballast::pool
