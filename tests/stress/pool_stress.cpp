// SPDX-License-Identifier: Apache-2.0
// Many clients on several threads compete for the few seats of one pool, with or without the queue.
// Meanwhile the results of probes and name servers change, and an administrator disables a backend.
#include "loop/job.h"
#include "loop/recall.h"
#include "loop/task.h"
#include "loop/worker_loop.h"
#include "pool/pool.h"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <list>
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
    std::atomic<std::uint32_t> told_to_leave = 0;
    std::atomic<std::uint32_t> stayed = 0;   // although they had to leave
    std::atomic<std::uint32_t> arrived = 0;  // at a disabled backend
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

/// The backend that the administrator disables again and again.
constexpr std::size_t disabled = 2;

/// Stays until the administrator ends it.
loop::Task<> stay(const Seat& seat, Count& count, loop::Signal& signal) {
    const auto deadline = signal.loop().after(10s);
    while (seat.admin() != AdminState::disabled && co_await signal.wait(deadline)) {
    }
    if (seat.admin() == AdminState::disabled) ++count.told_to_leave;
}

/// Holds one session on the seat. The test's own count must never exceed the limit.
loop::Task<> use(Seat seat, Count& count, loop::Signal& signal, bool transfers) {
    const loop::Recallable recallable(signal);
    seat.watch(recallable.recall());
    const auto index = static_cast<std::size_t>(std::stoi(seat.backend().name));
    if (++count.sessions.at(index) > max_sessions.at(index)) ++count.exceeded;
    ++count.had_seat;
    if (transfers) {
        const auto transfer = seat.begin_transfer();
        *transfer.bytes(metrics::Direction::download) += 1000;
        (void)co_await signal.wait(signal.loop().after(100us));
    }
    seat.logged_in(5us);
    if (transfers && index == disabled) co_await stay(seat, count, signal);
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
        while (!seat && !place->refusal() && co_await signal.wait(deadline)) seat = place->take();
        if (!seat) {
            ++count.left_queue;
            continue;
        }
        co_await use(std::move(*seat), count, signal, true);
    }
    if (--running == 0) loop.stop();
}

void work(const std::shared_ptr<Pool>& pool, loop::WorkerLoop& loop, Count& count, int thread) {
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

/// Every session must leave a disabled backend, and no other may come.
void administer(const std::shared_ptr<Pool>& pool, Count& count, const std::atomic<bool>& over) {
    const auto name = std::to_string(disabled);
    const auto sessions = [&] {
        std::uint32_t sum = 0;
        for (const auto& status : pool->status())
            if (status.backend.name == name) sum += status.sessions;
        return sum;
    };
    while (!over) {
        pool->administer(name, AdminState::disabled);
        const auto latest = std::chrono::steady_clock::now() + 5s;
        while (sessions() > 0 && std::chrono::steady_clock::now() < latest)
            std::this_thread::yield();
        if (sessions() > 0) ++count.stayed;
        for (int i = 0; i < 10; ++i)
            if (sessions() > 0) ++count.arrived;
        pool->administer(name, AdminState::ready);
        std::this_thread::yield();
    }
}

TEST(PoolStress, exceeds_no_limit_and_loses_nobody) {
    const auto pool = std::make_shared<Pool>(settings());
    Count count;
    std::atomic<bool> over = false;
    // The pool may wake a session whose thread has just ended.
    std::list<loop::WorkerLoop> loops(threads);
    std::thread meddler([&] { meddle(pool, over); });
    std::thread administrator([&] { administer(pool, count, over); });
    std::vector<std::thread> workers;
    for (int i = 0; auto& loop : loops)
        workers.emplace_back([&, i = i++] { work(pool, loop, count, i); });
    for (auto& worker : workers) worker.join();
    over = true;
    meddler.join();
    administrator.join();
    EXPECT_EQ(count.exceeded, 0U);
    EXPECT_GT(count.had_seat, 100U);
    EXPECT_GT(count.waited, 100U);
    EXPECT_GT(count.left_queue, 0U);
    EXPECT_GT(count.told_to_leave, 0U);
    EXPECT_EQ(count.stayed, 0U);
    EXPECT_EQ(count.arrived, 0U);
    EXPECT_EQ(pool->waiting(), 0U);
    for (const auto& status : pool->status()) {
        EXPECT_EQ(status.sessions, 0U);
        EXPECT_EQ(status.transfers, 0U);
    }
}

}  // namespace
}  // namespace ballast::pool
