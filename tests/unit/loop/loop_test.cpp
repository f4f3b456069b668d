// SPDX-License-Identifier: Apache-2.0
#include "loop/loop.h"

#include "loop/job.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <random>
#include <vector>

namespace ballast::loop {
namespace {

using namespace std::chrono_literals;
using support::TestLoop;

Task<> wait_once(Signal& signal, Deadline deadline, std::vector<int>& log, int id) {
    log.push_back(co_await signal.wait(deadline) ? id : -id);
}

TEST(Signal, ends_waits_in_the_order_of_their_deadlines) {
    TestLoop loop;
    std::vector<int> log;
    Signal a(loop);
    Signal b(loop);
    Signal c(loop);
    const auto first = Job::start(wait_once(a, loop.after(3s), log, 1));
    const auto second = Job::start(wait_once(b, loop.after(1s), log, 2));
    const auto third = Job::start(wait_once(c, loop.after(2s), log, 3));
    loop.run_for(10s);
    EXPECT_EQ(log, (std::vector<int>{-2, -3, -1}));
}

TEST(Signal, raised_before_the_wait_is_remembered_once) {
    TestLoop loop;
    std::vector<int> log;
    Signal signal(loop);
    signal.raise();
    signal.raise();
    auto job = Job::start(wait_once(signal, loop.after(1s), log, 1));
    loop.settle();
    EXPECT_EQ(log, std::vector<int>{1});
    job = Job::start(wait_once(signal, loop.after(1s), log, 2));
    loop.run_for(2s);
    EXPECT_EQ(log, (std::vector<int>{1, -2}));
}

TEST(Signal, never_resumes_from_within_raise) {
    TestLoop loop;
    std::vector<int> log;
    Signal signal(loop);
    const auto job = Job::start(wait_once(signal, never, log, 1));
    signal.raise();
    EXPECT_TRUE(log.empty());
    loop.settle();
    EXPECT_EQ(log, std::vector<int>{1});
}

TEST(Signal, raised_in_the_turn_of_its_deadline_counts_as_raised) {
    TestLoop loop;
    std::vector<int> log;
    Signal early(loop);
    Signal late(loop);
    struct Raises {
        static Task<> later(Signal& own, Deadline deadline, Signal& other) {
            (void)co_await own.wait(deadline);
            other.raise();
        }
    };
    const auto at = loop.after(1s);
    const auto raising = Job::start(Raises::later(early, at, late));
    const auto waiting = Job::start(wait_once(late, at, log, 1));
    loop.run_for(2s);
    ASSERT_EQ(log.size(), 1);
    EXPECT_EQ(log[0], 1);
}

TEST(Signal, with_a_deadline_in_the_past_ends_at_once) {
    TestLoop loop;
    std::vector<int> log;
    Signal signal(loop);
    const auto job = Job::start(wait_once(signal, loop.now() - 1s, log, 1));
    loop.settle();
    EXPECT_EQ(log, std::vector<int>{-1});
}

TEST(Signal, holds_no_deadline_after_it_was_raised) {
    TestLoop loop;
    std::vector<int> log;
    Signal signal(loop);
    const auto job = Job::start(wait_once(signal, loop.after(1s), log, 1));
    EXPECT_NE(loop.next(), never);
    signal.raise();
    loop.settle();
    EXPECT_EQ(loop.next(), never);
}

TEST(Job, runs_to_its_first_wait_at_once_and_raises_its_owner_when_done) {
    TestLoop loop;
    std::vector<int> log;
    Signal signal(loop);
    Signal done(loop);
    const auto job = Job::start(wait_once(signal, never, log, 1), &done);
    EXPECT_TRUE(job.is_started());
    EXPECT_FALSE(job.is_done());
    auto watching = Job::start(wait_once(done, never, log, 2));
    signal.raise();
    loop.settle();
    EXPECT_TRUE(job.is_done());
    EXPECT_EQ(log, (std::vector<int>{1, 2}));
}

TEST(Job, destroyed_while_it_waits_is_cancelled_and_unregistered) {
    TestLoop loop;
    std::vector<int> log;
    struct Guard {
        std::vector<int>& log;
        ~Guard() { log.push_back(99); }
    };
    struct Guarded {
        static Task<> wait(Signal& signal, Deadline deadline, std::vector<int>& to) {
            const Guard guard{to};
            (void)co_await signal.wait(deadline);
            to.push_back(1);
        }
    };
    Signal signal(loop);
    {
        const auto job = Job::start(Guarded::wait(signal, loop.after(1s), log));
        EXPECT_NE(loop.next(), never);
    }
    EXPECT_EQ(log, std::vector<int>{99});
    EXPECT_EQ(loop.next(), never);
    signal.raise();
    loop.run_for(2s);
    EXPECT_EQ(log, std::vector<int>{99});
}

TEST(Job, cancelled_after_its_signal_was_raised_does_not_run) {
    TestLoop loop;
    std::vector<int> log;
    Signal signal(loop);
    auto job = Job::start(wait_once(signal, never, log, 1));
    signal.raise();
    job.cancel();
    loop.settle();
    EXPECT_TRUE(log.empty());
}

TEST(Job, may_be_cancelled_by_another_that_is_resumed_in_the_same_turn) {
    TestLoop loop;
    std::vector<int> log;
    Signal first(loop);
    auto second = std::make_unique<Signal>(loop);
    auto victim = Job::start(wait_once(*second, never, log, 2));
    struct Kills {
        static Task<> other(Signal& own, Job& job, std::unique_ptr<Signal>& signal) {
            (void)co_await own.wait(never);
            job.cancel();
            signal.reset();
        }
    };
    const auto killer = Job::start(Kills::other(first, victim, second));
    first.raise();
    second->raise();
    loop.settle();
    EXPECT_TRUE(log.empty());
}

TEST(Task, gives_its_value_to_the_task_that_awaits_it) {
    TestLoop loop;
    struct Adds {
        static Task<int> later(Signal& signal, int a, int b) {
            (void)co_await signal.wait(signal.loop().after(1s));
            co_return a + b;
        }
        static Task<> into(Signal& signal, int& sum) {
            sum = co_await later(signal, 1, 2) + co_await later(signal, 3, 4);
        }
    };
    int sum = 0;
    Signal signal(loop);
    const auto job = Job::start(Adds::into(signal, sum));
    loop.run_for(1s);
    EXPECT_EQ(sum, 0);
    loop.run_for(1s);
    EXPECT_EQ(sum, 10);
}

TEST(Task, that_is_never_awaited_never_runs) {
    std::vector<int> log;
    TestLoop loop;
    Signal signal(loop);
    {
        const auto task = wait_once(signal, never, log, 1);
    }
    EXPECT_TRUE(log.empty());
}

TEST(Loop, keeps_thousands_of_deadlines_in_order_whatever_is_raised_or_cancelled) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        TestLoop loop;
        struct Waiting {
            explicit Waiting(Loop& owner) : signal(owner) {}
            Signal signal;
            Deadline deadline = never;
            bool ended = false;
            bool by_raise = false;
            Job job;
            static Task<> wait(Waiting& self, Deadline& latest, bool& in_order) {
                self.by_raise = co_await self.signal.wait(self.deadline);
                self.ended = true;
                if (self.by_raise) co_return;
                in_order = in_order && self.deadline >= latest &&
                           self.deadline <= self.signal.loop().now();
                latest = self.deadline;
            }
        };
        Deadline latest{};
        bool in_order = true;
        std::vector<std::unique_ptr<Waiting>> all;
        for (int i = 0; i < 3000; ++i) {
            auto& waiting = *all.emplace_back(std::make_unique<Waiting>(loop));
            waiting.deadline = loop.after(std::chrono::milliseconds(random() % 10'000));
            waiting.job = Job::start(Waiting::wait(waiting, latest, in_order));
        }
        std::size_t cancelled = 0;
        std::size_t raised = 0;
        while (loop.next() != never) {
            loop.run_for(std::chrono::milliseconds(random() % 50));
            auto& one = *all.at(random() % all.size());
            if (one.ended || !one.job.is_started()) continue;
            if (random() % 2 == 0) {
                one.job.cancel();
                ++cancelled;
            } else {
                one.signal.raise();
                ++raised;
            }
        }
        loop.settle();
        EXPECT_TRUE(in_order);
        std::size_t ended = 0;
        std::size_t by_raise = 0;
        for (const auto& waiting : all) {
            ended += waiting->ended ? 1 : 0;
            by_raise += waiting->by_raise ? 1 : 0;
        }
        EXPECT_EQ(ended, all.size() - cancelled);
        EXPECT_EQ(by_raise, raised);
        EXPECT_GT(raised, 0);
        EXPECT_GT(cancelled, 0);
    }
}

Task<int> throw_after(Signal& signal) {
    (void)co_await signal.wait(never);
    throw std::bad_alloc();
}

Task<> pass_on(Signal& signal, int& steps) {
    ++steps;
    steps += co_await throw_after(signal);
}

TEST(Job, gives_an_exception_to_the_owner_who_looks) {
    TestLoop loop;
    Signal signal(loop);
    Signal done(loop);
    int steps = 0;
    const auto job = Job::start(pass_on(signal, steps), &done);
    EXPECT_FALSE(job.is_done());
    signal.raise();
    loop.settle();
    EXPECT_TRUE(job.has_ended());
    EXPECT_THROW((void)job.is_done(), std::bad_alloc);
    EXPECT_EQ(steps, 1);
}

}  // namespace
}  // namespace ballast::loop
