// SPDX-License-Identifier: Apache-2.0
#include "loop/worker_loop.h"
#include "pool/pool.h"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace ballast::pool {
namespace {

config::Backend backend(const std::string& name, const std::string& host) {
    config::Backend made;
    made.name = name;
    made.host = host;
    return made;
}

config::Pool settings(std::vector<config::Backend> backends) {
    config::Pool made;
    made.name = "files";
    made.balance = balance::find_policy("round-robin");
    made.backends = std::move(backends);
    return made;
}

auto shared(config::Pool pool) { return std::make_shared<const config::Pool>(std::move(pool)); }

base::Ip ip(const char* text) { return base::Ip::parse(text).value(); }

std::vector<std::string> names(const Pool& pool) {
    std::vector<std::string> result;
    for (const auto& each : pool.status()) result.push_back(each.backend.name);
    return result;
}

using Names = std::vector<std::string>;

TEST(PoolConfigure, keeps_sessions_and_health_of_a_backend_that_stays) {
    const auto pool =
        std::make_shared<Pool>(settings({backend("one", "10.0.0.1"), backend("two", "10.0.0.2")}));
    pool->probe_failed(pool->status()[1].backend.id, "refused");
    const auto seat = pool->choose({}, {});
    auto changed = settings({backend("two", "10.0.0.2"), backend("one", "10.0.0.1")});
    changed.backends[1].weight = 7;
    pool->configure(shared(changed));
    const auto status = pool->status();
    ASSERT_EQ(names(*pool), (Names{"two", "one"}));
    EXPECT_EQ(status[0].health, Health::down);
    EXPECT_EQ(status[1].sessions, 1);
    EXPECT_EQ(status[1].backend.settings->weight, 7);
}

TEST(PoolConfigure, gives_no_seat_on_a_backend_that_is_gone_and_keeps_its_sessions) {
    const auto pool =
        std::make_shared<Pool>(settings({backend("one", "10.0.0.1"), backend("two", "10.0.0.2")}));
    auto on_one = pool->choose({}, {});
    ASSERT_EQ(on_one->backend().name, "one");
    pool->configure(shared(settings({backend("two", "10.0.0.2")})));
    EXPECT_EQ(names(*pool), Names{"two"});
    for (int i = 0; i < 4; ++i) EXPECT_EQ(pool->choose({}, {})->backend().name, "two");
    // It comes back while its session still runs: the session counts.
    pool->configure(shared(settings({backend("one", "10.0.0.1")})));
    EXPECT_EQ(pool->status().at(0).sessions, 1);
    *on_one = Seat();
    EXPECT_EQ(pool->status().at(0).sessions, 0);
}

TEST(PoolConfigure, a_name_at_another_address_is_another_backend) {
    const auto pool = std::make_shared<Pool>(settings({backend("one", "10.0.0.1")}));
    pool->probe_failed(pool->status()[0].backend.id, "refused");
    pool->configure(shared(settings({backend("one", "10.0.0.9")})));
    ASSERT_EQ(names(*pool), Names{"one"});
    EXPECT_EQ(pool->status()[0].health, Health::unknown);
    EXPECT_EQ(pool->status()[0].backend.address.ip, ip("10.0.0.9"));
}

TEST(PoolConfigure, addresses_of_a_host_name_stay_until_it_is_looked_up_again) {
    const auto pool = std::make_shared<Pool>(settings({backend("one", "ftp.example.org")}));
    pool->set_targets(pool->backends()[0], {{Target{{ip("10.0.0.5"), 21}}}});
    auto changed = settings({backend("new", "10.0.0.1"), backend("one", "ftp.example.org")});
    pool->configure(shared(changed));
    EXPECT_EQ(names(*pool), (Names{"new", "one/10.0.0.5"}));
    pool->set_targets(pool->backends()[1], {{Target{{ip("10.0.0.6"), 21}}}});
    EXPECT_EQ(names(*pool), (Names{"new", "one/10.0.0.6"}));
}

TEST(PoolConfigure, backends_of_the_file_stay_behind_the_configured_ones) {
    auto first = settings({backend("one", "10.0.0.1")});
    first.backends_file = "/etc/ballast/more.toml";
    const auto pool = std::make_shared<Pool>(first);
    pool->set_file_backends(
        {std::make_shared<const config::Backend>(backend("filed", "10.0.0.8"))});
    const auto seats = std::pair(pool->choose({}, {}), pool->choose({}, {}));
    auto second = settings(
        {backend("one", "10.0.0.1"), backend("two", "10.0.0.2"), backend("three", "10.0.0.3")});
    second.backends_file = first.backends_file;
    pool->configure(shared(second));
    ASSERT_EQ(names(*pool), (Names{"one", "two", "three", "filed"}));
    EXPECT_EQ(pool->status()[3].sessions, 1);
    // The file is written again.
    pool->set_file_backends(
        {std::make_shared<const config::Backend>(backend("other", "10.0.0.9")),
         std::make_shared<const config::Backend>(backend("filed", "10.0.0.8"))});
    EXPECT_EQ(names(*pool), (Names{"one", "two", "three", "other", "filed"}));
    EXPECT_EQ(pool->status()[4].sessions, 1);
    // There is no file any more.
    pool->configure(shared(settings({backend("one", "10.0.0.1")})));
    EXPECT_EQ(names(*pool), Names{"one"});
}

TEST(PoolConfigure, a_client_goes_on_sticking_to_its_backend) {
    auto first = settings({backend("one", "10.0.0.1"), backend("two", "10.0.0.2")});
    first.stick.by = config::StickBy::network;
    const auto pool = std::make_shared<Pool>(first);
    const Client client{ip("192.0.2.7"), {}};
    {
        auto seat = pool->choose(client, {});
        ASSERT_EQ(seat->backend().name, "one");
        seat->logged_in(std::chrono::microseconds(1));
    }
    auto second = first;
    second.balance = balance::find_policy("least-sessions");
    second.backends.insert(second.backends.begin(), backend("new", "10.0.0.3"));
    pool->configure(shared(second));
    EXPECT_EQ(pool->choose(client, {})->backend().name, "one");
    // Without stickiness the policy decides again.
    second.stick.by = config::StickBy::none;
    pool->configure(shared(second));
    const auto other = pool->choose({ip("192.0.2.8"), {}}, {});
    EXPECT_EQ(pool->choose(client, {})->backend().name,
              other->backend().name == "new" ? "one" : "new");
}

TEST(PoolConfigure, clients_that_wait_get_what_a_new_limit_allows) {
    auto first = settings({backend("one", "10.0.0.1")});
    first.backends[0].max_sessions = 1;
    first.queue.length = 5;
    const auto pool = std::make_shared<Pool>(first);
    loop::WorkerLoop loop;
    loop::Signal signal(loop);
    const auto seat = pool->choose({}, {});
    auto place = pool->join_queue({}, {}, signal);
    ASSERT_FALSE(place->take());
    auto second = first;
    second.backends[0].max_sessions = 2;
    pool->configure(shared(second));
    EXPECT_TRUE(place->take());
}

TEST(PoolConfigure, new_thresholds_hold_from_the_next_answer) {
    auto first = settings({backend("one", "10.0.0.1")});
    first.probe.fall = 3;
    const auto pool = std::make_shared<Pool>(first);
    const auto id = pool->status()[0].backend.id;
    ASSERT_FALSE(pool->probe_passed(id));
    pool->probe_failed(id, "refused");
    auto second = first;
    second.probe.fall = 2;
    pool->configure(shared(second));
    EXPECT_EQ(pool->status()[0].health, Health::up);
    pool->probe_failed(id, "refused");
    EXPECT_EQ(pool->status()[0].health, Health::down);
}

}  // namespace
}  // namespace ballast::pool
