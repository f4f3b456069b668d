// SPDX-License-Identifier: Apache-2.0
// What goes beyond the policies: stickiness, the queue, slow start, outliers, SRV records and
// watched files, on a clock of the test's own.
#include "loop/job.h"
#include "loop/recall.h"
#include "loop/task.h"
#include "pool/pool.h"
#include "support/test_loop.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }

class ChoosingTest : public testing::Test {
protected:
    ChoosingTest() {
        config.name = "files";
        config.balance = balance::find_policy("round-robin");
        config.probe.rise = 1;
        config.probe.fall = 1;
        add_backends(2);
    }
    void add_backends(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            config::Backend backend;
            backend.name = "alf" + std::to_string(config.backends.size() + 1);
            backend.host = "10.0.0." + std::to_string(11 + config.backends.size());
            config.backends.push_back(backend);
        }
    }
    Pool& pool() {
        if (!made_) made_ = std::make_shared<Pool>(config, [this] { return loop.now(); });
        return *made_;
    }
    std::expected<Seat, Refusal> choose(const std::string& address = "192.0.2.7",
                                        std::string_view user = "anna") {
        return pool().choose({ip(address), user}, {});
    }
    static std::string name_of(const std::expected<Seat, Refusal>& seat) {
        return seat ? seat->backend().name : std::string(to_string(seat.error()));
    }
    /// A session that logs in and ends.
    std::string visit(const std::string& address = "192.0.2.7", std::string_view user = "anna") {
        auto seat = choose(address, user);
        if (seat) seat->logged_in(1ms);
        return name_of(seat);
    }
    BackendId id(std::size_t index) { return pool().status().at(index).backend.id; }

    support::TestLoop loop;
    config::Pool config;

private:
    std::shared_ptr<Pool> made_;
};

// Stickiness

TEST_F(ChoosingTest, brings_a_network_back_to_its_backend) {
    config.stick.by = config::StickBy::network;
    config.stick.ipv4_prefix = 24;
    const auto had = visit("192.0.2.7");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(visit("192.0.2." + std::to_string(i)), had);
    EXPECT_NE(visit("192.0.3.7"), had);
    const auto had6 = visit("2001:db8::1");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(visit("2001:db8::2:1"), had6);
}

TEST_F(ChoosingTest, lists_those_who_return_in_slices) {
    config.stick.by = config::StickBy::network;
    config.stick.ipv4_prefix = 32;
    constexpr int clients = 10;
    for (int i = 0; i < clients; ++i) (void)visit("192.0.2." + std::to_string(i));
    const auto there = choose("192.0.2.3");
    std::map<std::string, std::uint32_t> sessions;
    std::uint64_t after = 0;
    int slices = 0;
    do {
        const auto slice = pool().remembered(after, 4);
        EXPECT_LE(slice.entries.size(), 4U);
        for (const auto& entry : slice.entries) {
            EXPECT_FALSE(entry.backend.empty());
            EXPECT_TRUE(sessions.emplace(entry.network, entry.sessions).second);
        }
        after = slice.next;
        ++slices;
    } while (after != 0);
    EXPECT_EQ(slices, 3);
    EXPECT_EQ(sessions.size(), std::size_t{clients});
    EXPECT_EQ(sessions["192.0.2.3/32"], 1U);
    EXPECT_EQ(sessions["192.0.2.4/32"], 0U);
    ASSERT_TRUE(pool().remembered({ip("192.0.2.3"), {}}));
    EXPECT_EQ(pool().remembered({ip("192.0.2.3"), {}})->backend, name_of(there));
    EXPECT_FALSE(pool().remembered({ip("192.0.3.3"), {}}));
}

TEST_F(ChoosingTest, lists_the_users_who_return_until_they_are_forgotten) {
    config.stick.by = config::StickBy::user;
    config.stick.timeout = 1h;
    const auto had = visit("192.0.2.7", "anna");
    const auto slice = pool().remembered(0, 100);
    ASSERT_EQ(slice.entries.size(), 1U);
    EXPECT_EQ(slice.entries[0].user, "anna");
    EXPECT_EQ(slice.entries[0].network, "");
    EXPECT_EQ(slice.entries[0].backend, had);
    EXPECT_EQ(slice.next, 0U);
    loop.run_for(1h);
    EXPECT_TRUE(pool().remembered(0, 100).entries.empty());
}

TEST_F(ChoosingTest, foresees_the_backend_of_a_network_while_it_can_serve) {
    config.stick.by = config::StickBy::network;
    EXPECT_EQ(pool().foresee(ip("192.0.2.7")), std::nullopt);
    const auto had = choose();
    EXPECT_EQ(pool().foresee(ip("192.0.2.7")), had->backend().id);
    EXPECT_EQ(pool().foresee(ip("192.0.3.7")), std::nullopt);
    pool().probe_failed(had->backend().id, "test");
    EXPECT_EQ(pool().foresee(ip("192.0.2.7")), std::nullopt);
}

TEST_F(ChoosingTest, foresees_the_backend_that_an_address_hashes_to) {
    config.balance = balance::find_policy("source-hash");
    for (int i = 0; i < 20; ++i) {
        const auto address = "192.0.2." + std::to_string(i);
        const auto foreseen = pool().foresee(ip(address));
        ASSERT_NE(foreseen, std::nullopt);
        EXPECT_EQ(choose(address, "anna")->backend().id, foreseen);
    }
}

TEST_F(ChoosingTest, foresees_nothing_if_the_user_decides) {
    config.stick.by = config::StickBy::user;
    config.balance = balance::find_policy("source-hash");
    (void)visit();
    EXPECT_EQ(pool().foresee(ip("192.0.2.7")), std::nullopt);
}

TEST_F(ChoosingTest, brings_a_user_back_from_anywhere) {
    config.stick.by = config::StickBy::user;
    const auto anna = visit("192.0.2.7", "anna");
    const auto bert = visit("192.0.2.7", "bert");
    EXPECT_NE(anna, bert);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(visit("198.51.100.1", "anna"), anna);
}

TEST_F(ChoosingTest, forgets_a_client_after_the_timeout_but_not_while_it_has_a_session) {
    config.stick.by = config::StickBy::user;
    config.stick.timeout = 10min;
    auto seat = choose();
    seat->logged_in(1ms);
    const auto had = name_of(seat);
    loop.run_for(1h);
    EXPECT_EQ(visit(), had);
    *seat = Seat();
    loop.run_for(9min);
    EXPECT_EQ(visit(), had);
    loop.run_for(10min);
    // By now it is another backend's turn in round robin.
    const auto next = visit("192.0.2.7", "bert");
    EXPECT_NE(visit(), next);
    loop.run_for(10min);
    std::map<std::string, int> seen;
    for (int i = 0; i < 4; ++i) {
        ++seen[visit()];
        loop.run_for(10min);
    }
    EXPECT_EQ(seen.size(), 2U);
}

TEST_F(ChoosingTest, moves_a_client_whose_backend_is_down_and_keeps_it_there) {
    config.stick.by = config::StickBy::user;
    const auto had = visit();
    const std::size_t down = had == "alf1" ? 0 : 1;
    pool().probe_failed(id(down), "no");
    const auto moved = visit();
    EXPECT_NE(moved, had);
    pool().probe_passed(id(down));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(visit(), moved);
}

TEST_F(ChoosingTest, refuses_a_client_whose_backend_is_down_if_so_configured) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    const auto had = visit();
    const std::size_t down = had == "alf1" ? 0 : 1;
    pool().probe_failed(id(down), "no");
    EXPECT_EQ(visit(), to_string(Refusal::sticky_down));
    EXPECT_NE(visit("192.0.2.7", "bert"), had);
    pool().probe_passed(id(down));
    EXPECT_EQ(visit(), had);
}

// Weight 0

TEST_F(ChoosingTest, gives_no_new_session_to_a_backend_of_weight_0) {
    config.backends[0].weight = 0;
    for (int i = 0; i < 4; ++i) EXPECT_EQ(visit(), "alf2");
    pool().probe_failed(id(1), "no");
    EXPECT_EQ(visit(), to_string(Refusal::down_or_withdrawn));
    EXPECT_FALSE(pool().has_other(id(1)));
    pool().probe_passed(id(1));
    ASSERT_TRUE(pool().tune("alf1", {.weight = 1, .max_sessions = {}}));
    EXPECT_TRUE(pool().has_other(id(1)));
    std::map<std::string, int> seen;
    for (int i = 0; i < 4; ++i) ++seen[visit()];
    EXPECT_EQ(seen.size(), 2U);
}

TEST_F(ChoosingTest, refuses_everybody_if_all_backends_have_weight_0) {
    for (auto& backend : config.backends) backend.weight = 0;
    EXPECT_EQ(visit(), to_string(Refusal::all_withdrawn));
}

TEST_F(ChoosingTest, a_client_that_sticks_returns_to_a_backend_of_weight_0) {
    config.stick.by = config::StickBy::user;
    const auto had = visit();
    ASSERT_TRUE(pool().tune(had, {.weight = 0, .max_sessions = {}}));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(visit(), had);
    EXPECT_NE(visit("192.0.2.7", "bert"), had);
}

TEST_F(ChoosingTest, a_client_that_sticks_gets_the_freed_seat_of_a_backend_of_weight_0) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    config.queue.length = 1;
    for (auto& backend : config.backends) backend.max_sessions = 1;
    const auto had = visit();
    ASSERT_TRUE(pool().tune(had, {.weight = 0, .max_sessions = {}}));
    auto seat = choose();
    ASSERT_EQ(name_of(seat), had);
    loop::Signal signal(loop);
    auto place = pool().join_queue({ip("192.0.2.7"), "anna"}, {}, signal);
    ASSERT_TRUE(place);
    EXPECT_FALSE(place->take());
    seat = std::unexpected(Refusal::all_full);
    const auto freed = place->take();
    ASSERT_TRUE(freed);
    EXPECT_EQ(freed->backend().name, had);
}

TEST_F(ChoosingTest, says_that_a_backend_has_weight_0) {
    config.backends[0].weight = 0;
    Choice choice;
    ASSERT_TRUE(pool().choose({ip("192.0.2.7"), "anna"}, {}, &choice));
    ASSERT_EQ(choice.options.size(), 2U);
    EXPECT_EQ(choice.options[1].name, "alf1");
    EXPECT_EQ(choice.options[1].unfit, Unfit::without_weight);
}

TEST_F(ChoosingTest, does_not_bind_a_client_to_a_backend_that_refused_its_login) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    auto seat = choose();
    const auto failed = name_of(seat);
    const std::vector tried = {seat->backend().id};
    *seat = Seat();
    auto next = pool().choose({ip("192.0.2.7"), "anna"}, tried);
    ASSERT_TRUE(next) << to_string(next.error());
    next->logged_in(1ms);
    EXPECT_NE(name_of(next), failed);
    *next = Seat();
    for (int i = 0; i < 4; ++i) EXPECT_NE(visit(), failed);
}

TEST_F(ChoosingTest, keeps_sessions_of_a_new_client_together_unless_that_fails) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    const auto first = choose();
    const auto second = choose();
    EXPECT_EQ(name_of(second), name_of(first));
    // The first may still be trying when the second has failed.
    const auto again = pool().choose({ip("192.0.2.7"), "anna"}, {{first->backend().id}});
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_NE(name_of(again), name_of(first));
}

TEST_F(ChoosingTest, brings_a_client_back_to_its_backend_after_an_attempt_elsewhere_failed) {
    config.stick.by = config::StickBy::user;
    for (auto& backend : config.backends) backend.max_sessions = 1;
    auto seat = choose();
    seat->logged_in(1ms);
    const auto had = name_of(seat);
    EXPECT_NE(name_of(choose()), had);  // that one is full, and the other's login fails
    *seat = Seat();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(visit(), had);
}

TEST_F(ChoosingTest, lets_a_client_wait_only_for_its_own_backend) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    config.queue.length = 5;
    for (auto& backend : config.backends) backend.max_sessions = 1;
    auto seat = choose();
    seat->logged_in(1ms);
    const auto had = name_of(seat);
    EXPECT_EQ(name_of(choose()), to_string(Refusal::all_full));
    loop::Signal signal(loop);
    auto place = pool().join_queue({ip("192.0.2.7"), "anna"}, {}, signal);
    ASSERT_TRUE(place);
    EXPECT_FALSE(place->take());
    // The other backend has room, but for other clients.
    EXPECT_TRUE(choose("192.0.2.7", "bert"));
    EXPECT_FALSE(place->take());
    *seat = Seat();
    const auto got = place->take();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->backend().name, had);
}

TEST_F(ChoosingTest, takes_no_seat_on_loan_for_a_client_that_waits_for_another_backend) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    config.queue.length = 5;
    for (auto& backend : config.backends) backend.max_sessions = 1;
    auto own = choose();
    own->logged_in(1ms);
    auto others = choose("192.0.2.7", "bert");
    ASSERT_NE(name_of(own), name_of(others));
    loop::Signal signal(loop);
    const auto recall = std::make_shared<loop::Recall>(signal);
    others->lend(recall, ip("192.0.2.8"));
    const auto place = pool().join_queue({ip("192.0.2.7"), "anna"}, {}, signal);
    ASSERT_TRUE(place);
    for (int i = 0; i < 5; ++i) {
        loop.run_for(1s);
        pool().tick();
    }
    EXPECT_FALSE(recall->is_called());
    // A client that may have any backend gets it.
    const auto any = pool().join_queue({ip("192.0.2.7"), "carl"}, {}, signal);
    loop.run_for(1s);
    pool().tick();
    EXPECT_TRUE(recall->is_called());
    recall->leave();
}

TEST_F(ChoosingTest, remembers_no_more_clients_than_allowed) {
    config.stick.by = config::StickBy::user;
    config.stick.entries_max = 10;
    add_backends(98);
    std::map<std::string, std::string> had;
    for (int i = 0; i < 100; ++i) {
        const auto user = "user" + std::to_string(i);
        had[user] = visit("192.0.2.7", user);
    }
    for (int i = 90; i < 100; ++i) {
        const auto user = "user" + std::to_string(i);
        EXPECT_EQ(visit("192.0.2.7", user), had[user]);
    }
    (void)visit("192.0.2.7", "one more");  // or the turns would be the same again
    int same = 0;
    for (int i = 0; i < 50; ++i) {
        const auto user = "user" + std::to_string(i);
        same += visit("192.0.2.7", user) == had[user] ? 1 : 0;
    }
    EXPECT_LT(same, 50);
}

// The queue

class QueueTest : public ChoosingTest {
protected:
    QueueTest() {
        config.backends.resize(1);
        config.backends[0].max_sessions = 1;
        config.queue.length = 2;
    }
    std::expected<Place, Refusal> join(std::vector<BackendId> tried = {}) {
        return pool().join_queue({ip("192.0.2.7"), "anna"}, std::move(tried), signal);
    }
    loop::Signal signal{loop};
};

TEST_F(QueueTest, serves_clients_in_the_order_of_arrival) {
    auto seat = choose();
    auto first = join();
    auto second = join();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(join().error(), Refusal::queue_full);
    EXPECT_EQ(pool().waiting(), 2U);
    *seat = Seat();
    // A client that comes now is behind those that wait.
    EXPECT_EQ(name_of(choose()), to_string(Refusal::all_full));
    EXPECT_FALSE(second->take());
    auto got = first->take();
    ASSERT_TRUE(got);
    EXPECT_FALSE(second->take());
    *got = Seat();
    EXPECT_TRUE(second->take());
    EXPECT_EQ(pool().waiting(), 0U);
}

TEST_F(QueueTest, forgets_clients_that_left_and_passes_an_untaken_seat_on) {
    auto seat = choose();
    auto first = join();
    auto second = join();
    *first = Place();
    EXPECT_EQ(pool().waiting(), 1U);
    *seat = Seat();
    *second = Place();  // its seat had come
    EXPECT_EQ(pool().status()[0].sessions, 0U);
    EXPECT_TRUE(choose());
}

TEST_F(QueueTest, wakes_the_client_whose_turn_it_is) {
    auto seat = choose();
    loop::Signal other(loop);
    bool woken = false;
    const auto wait = [](loop::Signal& on, bool& done) -> loop::Task<> {
        done = co_await on.wait(loop::never);
    };
    const auto job = loop::Job::start(wait(signal, woken));
    auto first = join();
    loop.settle();
    EXPECT_FALSE(woken);
    *seat = Seat();
    loop.settle();
    EXPECT_TRUE(woken);
}

TEST_F(QueueTest, skips_a_client_that_has_already_tried_the_free_backend) {
    auto seat = choose();
    loop.run_for(1s);
    // A client that has tried the only backend does not wait for it.
    EXPECT_EQ(join({id(0)}).error(), Refusal::all_tried);
}

TEST_F(QueueTest, is_served_when_a_backend_comes_up_or_is_added) {
    add_backends(1);
    pool().probe_failed(id(1), "no");
    const auto seat = choose();
    auto first = join();
    auto second = join();
    EXPECT_FALSE(first->take());
    pool().probe_passed(id(1));
    const auto got = first->take();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->backend().name, "alf2");
    EXPECT_TRUE(second->take());  // alf2 has no limit
}

// Slow start

TEST_F(ChoosingTest, gives_a_backend_that_came_up_its_share_gradually) {
    config.slow_start = 100s;
    const auto share = [&] {
        int on_first = 0;
        for (int i = 0; i < 200; ++i) on_first += name_of(choose()) == "alf1" ? 1 : 0;
        return on_first;
    };
    EXPECT_EQ(share(), 100);  // not after a start
    pool().probe_failed(id(0), "no");
    EXPECT_EQ(share(), 0);
    pool().probe_passed(id(0));
    EXPECT_LE(share(), 2);
    loop.run_for(25s);
    EXPECT_NEAR(share(), 40, 3);  // a quarter against one
    loop.run_for(25s);
    EXPECT_NEAR(share(), 67, 3);
    loop.run_for(50s);
    EXPECT_NEAR(share(), 100, 3);
}

TEST_F(ChoosingTest, raises_the_limit_of_a_backend_that_came_up_gradually) {
    config.slow_start = 100s;
    config.backends.resize(1);
    config.backends[0].max_sessions = 10;
    pool().probe_failed(id(0), "no");
    pool().probe_passed(id(0));
    std::vector<Seat> seats;
    const auto fill = [&] {
        for (auto seat = choose(); seat; seat = choose()) seats.push_back(std::move(*seat));
        return seats.size();
    };
    EXPECT_EQ(fill(), 1U);
    loop.run_for(35s);
    EXPECT_EQ(fill(), 4U);
    loop.run_for(65s);
    EXPECT_EQ(fill(), 10U);
    loop.run_for(1h);
    EXPECT_EQ(fill(), 10U);
}

// Outliers

TEST_F(ChoosingTest, ejects_a_backend_after_a_number_of_failures_in_a_row) {
    config.observe = {.failures = 3, .ejection_time = 30s, .panic_threshold = 50};
    const auto fail = [&](int times) {
        for (int i = 0; i < times; ++i) pool().observe_failure(id(0), "no greeting");
    };
    fail(2);
    pool().observe_success(id(0));
    fail(2);
    EXPECT_FALSE(pool().status()[0].is_ejected);
    fail(1);
    EXPECT_TRUE(pool().status()[0].is_ejected);
    pool().probe_passed(id(0));  // the probe sees nothing wrong
    for (int i = 0; i < 5; ++i) EXPECT_EQ(name_of(choose()), "alf2");
    loop.run_for(30s);
    EXPECT_FALSE(pool().status()[0].is_ejected);
    fail(1);  // once more, and for longer
    loop.run_for(59s);
    EXPECT_TRUE(pool().status()[0].is_ejected);
    loop.run_for(1s);
    pool().observe_success(id(0));
    fail(2);
    EXPECT_FALSE(pool().status()[0].is_ejected);
}

TEST_F(ChoosingTest, ejects_no_backend_below_the_panic_threshold) {
    add_backends(2);
    const auto fail = [&](std::size_t index) {
        for (int i = 0; i < 9; ++i) pool().observe_failure(id(index), "no greeting");
        return pool().status()[index].is_ejected;
    };
    EXPECT_TRUE(fail(0));
    EXPECT_TRUE(fail(1));
    EXPECT_FALSE(fail(2));
    EXPECT_FALSE(fail(3));
}

TEST_F(ChoosingTest, does_not_eject_the_last_backend_even_without_a_threshold) {
    config.observe.panic_threshold = 0;
    pool().probe_failed(id(1), "no");
    for (int i = 0; i < 9; ++i) pool().observe_failure(id(0), "no greeting");
    EXPECT_FALSE(pool().status()[0].is_ejected);
    EXPECT_EQ(name_of(choose()), "alf1");
}

TEST_F(ChoosingTest, uses_ejected_backends_once_all_others_are_down) {
    for (int i = 0; i < 3; ++i) pool().observe_failure(id(0), "no greeting");
    ASSERT_TRUE(pool().status()[0].is_ejected);
    pool().probe_failed(id(1), "no");
    EXPECT_EQ(name_of(choose()), "alf1");
}

TEST_F(ChoosingTest, waits_for_a_full_backend_instead_of_using_an_ejected_one) {
    config.queue.length = 5;
    config.backends[1].max_sessions = 1;
    const auto id1 = id(0);
    auto seat = pool().choose({ip("192.0.2.7"), "anna"}, {{id1}});
    for (int i = 0; i < 3; ++i) pool().observe_failure(id1, "no greeting");
    EXPECT_EQ(name_of(choose()), to_string(Refusal::all_full));
    loop::Signal signal(loop);
    auto first = pool().join_queue({ip("192.0.2.7"), "anna"}, {}, signal);
    auto second = pool().join_queue({ip("192.0.2.7"), "anna"}, {}, signal);
    EXPECT_FALSE(first->take());
    // A client that has tried the full one already gains nothing by waiting.
    EXPECT_EQ(name_of(pool().choose({ip("192.0.2.7"), "anna"}, {{id(1)}})), "alf1");
    *seat = Seat();
    const auto good = first->take();
    ASSERT_TRUE(good);
    EXPECT_EQ(good->backend().name, "alf2");
    EXPECT_FALSE(second->take());
    pool().probe_failed(id(1), "no");
    const auto last_resort = second->take();
    ASSERT_TRUE(last_resort);
    EXPECT_EQ(last_resort->backend().name, "alf1");
}

TEST_F(ChoosingTest, uses_ejected_backends_if_there_is_no_queue) {
    config.backends[1].max_sessions = 1;
    for (int i = 0; i < 3; ++i) pool().observe_failure(id(0), "no greeting");
    const auto seat = choose();
    EXPECT_EQ(name_of(seat), "alf2");
    EXPECT_EQ(name_of(choose()), "alf1");
}

// Measured loads and times

TEST_F(ChoosingTest, avoids_a_backend_while_it_moves_bytes) {
    config.balance = balance::find_policy("least-bandwidth");
    auto busy = choose();
    const auto transfer = busy->begin_transfer();
    pool().tick();
    *transfer.bytes(metrics::Direction::download) += 1'000'000;
    loop.run_for(1s);
    pool().tick();
    std::vector<std::expected<Seat, Refusal>> seats;
    for (int i = 0; i < 5; ++i) {
        seats.push_back(choose());
        EXPECT_NE(name_of(seats.back()), name_of(busy));
    }
    // Nothing moves any more, and the running transfer decides.
    for (int i = 0; i < 120; ++i) {
        loop.run_for(1s);
        pool().tick();
    }
    EXPECT_EQ(pool().status().at(0).transfers + pool().status().at(1).transfers, 1);
    EXPECT_NE(name_of(choose()), name_of(busy));
}

TEST_F(ChoosingTest, does_not_consider_a_backend_fast_that_refuses_everybody) {
    config.balance = balance::find_policy("fastest");
    config.observe.failures = 0;
    // The first login of each: alf1 is slower.
    for (const auto taken : {90ms, 30ms}) choose()->logged_in(taken);
    int on_slow = 0;
    for (int i = 0; i < 600; ++i) {
        loop.run_for(1s);
        auto seat = choose();
        const bool is_slow = name_of(seat) == "alf1";
        on_slow += is_slow ? 1 : 0;
        if (!is_slow) seat->logged_in(30ms);
    }
    // It is tried now and then because its time has faded, but not twice in a row.
    EXPECT_LT(on_slow, 10);
}

// Names and files

TEST_F(ChoosingTest, honours_weight_and_priority_of_srv_records) {
    config.backends.resize(1);
    config.backends[0].host.clear();
    config.backends[0].srv = "_ftp._tcp.example.org";
    const auto srv = pool().backends().front();
    const std::vector<Target> targets = {
        {.address = {ip("10.0.0.1"), 21}, .weight = 3, .priority = 10},
        {.address = {ip("10.0.0.2"), 2121}, .weight = 1, .priority = 10},
        {.address = {ip("10.0.0.3"), 21}, .weight = 9, .priority = 20}};
    pool().set_targets(srv, targets);
    std::map<std::string, int> counts;
    for (int i = 0; i < 100; ++i) ++counts[name_of(choose())];
    EXPECT_EQ(counts["alf1/10.0.0.1:21"], 75);
    EXPECT_EQ(counts["alf1/10.0.0.2:2121"], 25);
    pool().probe_failed(id(0), "no");
    pool().probe_failed(id(1), "no");
    EXPECT_EQ(name_of(choose()), "alf1/10.0.0.3:21");
}

TEST_F(ChoosingTest, takes_backends_from_a_file_and_keeps_those_that_stay) {
    const auto table = [](const char* name, const char* host, std::uint32_t weight) {
        config::Backend backend;
        backend.name = name;
        backend.host = host;
        backend.weight = weight;
        return std::make_shared<const config::Backend>(backend);
    };
    pool().set_file_backends({table("b1", "10.0.1.1", 1), table("b2", "10.0.1.2", 1)});
    ASSERT_EQ(pool().status().size(), 4U);
    const auto kept = id(3);
    pool().probe_passed(kept);
    std::vector<Seat> seats;
    for (int i = 0; i < 4; ++i) seats.push_back(std::move(*choose()));

    pool().set_file_backends({table("b2", "10.0.1.2", 5), table("b3", "10.0.1.3", 1)});
    ASSERT_EQ(pool().status().size(), 4U);
    EXPECT_EQ(id(2), kept);
    EXPECT_EQ(pool().status()[2].health, Health::up);
    EXPECT_EQ(pool().status()[2].sessions, 1U);
    std::map<std::string, int> counts;
    for (int i = 0; i < 80; ++i) ++counts[name_of(choose())];
    EXPECT_EQ(counts["b1"], 0);
    EXPECT_NEAR(counts["b2"], 50, 3);
    EXPECT_NEAR(counts["b3"], 10, 2);
    seats.clear();
    pool().set_file_backends({});
    EXPECT_EQ(pool().status().size(), 2U);
    EXPECT_EQ(name_of(choose()).substr(0, 3), "alf");
}

TEST_F(ChoosingTest, ignores_a_name_that_was_looked_up_too_late) {
    const auto late = std::make_shared<const config::Backend>();
    pool().set_targets(late, {{Target{{ip("10.0.9.9"), 21}}}});
    EXPECT_EQ(pool().status().size(), 2U);
}

}  // namespace
}  // namespace ballast::pool
