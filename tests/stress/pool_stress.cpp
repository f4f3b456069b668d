// SPDX-License-Identifier: Apache-2.0
// Many clients on several threads compete for the few seats of one pool, with or without the queue.
// Meanwhile the results of probes and name servers change.
#include "loop/job.h"
#include "loop/task.h"
#include "loop/worker_loop.h"
#include "pool/pool.h"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

constexpr int threads = 4;
constexpr int clients_per_thread = 12;
constexpr int rounds = 60;
constexpr std::size_t backends = 3;
constexpr std::array<std::uint32_t, backends> max_sessions = {1, 2, 3};

struct Count {
    std::array<std::atomic<std::uint32_t>, backends> sessions{};
    std::atomic<std::uint32_t> exceeded = 0;
    std::atomic<std::uint32_t> had_seat = 0;
    std::atomic<std::uint32_t> waited = 0;
    std::atomic<std::uint32_t> left_queue = 0;
};

config::Pool settings() {
    config::Pool made;
    made.name = "files";
    made.balance = balance::find_policy("least-sessions");
    made.probe.fall = 1;
    made.probe.rise = 1;
    made.queue.length = 30;
    made.stick.by = config::StickBy::user;
    made.stick.entries_max = 10;
    for (std::size_t i = 0; i < backends; ++i) {
        config::Backend backend;
        backend.name = std::to_string(i);
        backend.host = "10.0.0." + std::to_string(i + 1);
        backend.max_sessions = max_sessions.at(i);
        made.backends.push_back(backend);
    }
    return made;
}

/// Holds one session on the seat. The test's own count must never exceed the limit.
loop::Task<> use(Seat seat, Count& count, loop::Signal& signal, bool transfers) {
    const auto index = static_cast<std::size_t>(std::stoi(seat.backend().name));
    if (++count.sessions.at(index) > max_sessions.at(index)) ++count.exceeded;
    ++count.had_seat;
    if (transfers) {
        const auto transfer = seat.begin_transfer();
        *transfer.bytes() += 1000;
        (void)co_await signal.wait(signal.loop().after(100us));
    }
    seat.logged_in(5us);
    --count.sessions.at(index);
}

loop::Task<> client(std::shared_ptr<Pool> pool, loop::WorkerLoop& loop, Count& count,
                    std::uint32_t seed, int& running) {
    std::mt19937 random(seed);
    loop::Signal signal(loop);
    for (int i = 0; i < rounds; ++i) {
        const auto user = "user" + std::to_string(random() % 20);
        const Client who{base::Ip::parse("192.0.2.1").value(), user};
        if (auto seat = pool->choose(who, {})) {
            co_await use(std::move(*seat), count, signal, random() % 2 == 0);
            continue;
        }
        auto place = pool->join_queue(who, {}, signal);
        if (!place) {
            (void)co_await signal.wait(loop.after(50us));
            continue;
        }
        // Some clients leave the queue early.
        const auto deadline = random() % 4 == 0 ? loop.after(20us) : loop.after(10s);
        auto seat = place->take();
        if (!seat) ++count.waited;
        while (!seat && co_await signal.wait(deadline)) seat = place->take();
        if (!seat) {
            ++count.left_queue;
            continue;
        }
        co_await use(std::move(*seat), count, signal, true);
    }
    if (--running == 0) loop.stop();
}

void work(const std::shared_ptr<Pool>& pool, Count& count, int thread) {
    loop::WorkerLoop loop;
    int running = clients_per_thread;
    std::vector<loop::Job> jobs;
    for (int i = 0; i < clients_per_thread; ++i)
        jobs.push_back(loop::Job::start(
            client(pool, loop, count, static_cast<std::uint32_t>(thread * 100 + i), running)));
    if (running > 0) loop.run();
}

/// The work of the control thread and the name lookups.
void meddle(const std::shared_ptr<Pool>& pool, const std::atomic<bool>& over) {
    const auto first = pool->backends().front();
    const Target target{.address = {base::Ip::parse("10.0.0.1").value(), 21}};
    const auto id = pool->status().front().backend.id;
    while (!over) {
        pool->probe_failed(id, "meddled");
        pool->tick();
        (void)pool->probe_passed(id);
        pool->set_targets(first, {});
        pool->observe_failure(id, "meddled");
        pool->set_targets(first, {{target}});
        pool->observe_success(id);
        (void)pool->status();
        std::this_thread::yield();
    }
}

TEST(PoolStress, exceeds_no_limit_and_loses_nobody) {
    const auto pool = std::make_shared<Pool>(settings());
    Count count;
    std::atomic<bool> over = false;
    std::thread meddler([&] { meddle(pool, over); });
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i) workers.emplace_back([&, i] { work(pool, count, i); });
    for (auto& worker : workers) worker.join();
    over = true;
    meddler.join();
    EXPECT_EQ(count.exceeded, 0U);
    EXPECT_GT(count.had_seat, 100U);
    EXPECT_GT(count.waited, 100U);
    EXPECT_GT(count.left_queue, 0U);
    EXPECT_EQ(pool->waiting(), 0U);
    for (const auto& status : pool->status()) {
        EXPECT_EQ(status.sessions, 0U);
        EXPECT_EQ(status.transfers, 0U);
    }
}

}  // namespace
}  // namespace ballast::pool
