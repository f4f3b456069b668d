// SPDX-License-Identifier: Apache-2.0
#include "loop/loop.h"

#include "loop/job.h"
#include "loop/task.h"
#include "loop/worker_loop.h"
#include "micro/micro.h"
#include "support/trouble.h"

#include <array>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdint>
#include <deque>
#include <fmt/format.h>
#include <functional>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ballast::bench {

namespace {

using namespace std::chrono_literals;

/// Waits for no descriptors: only signals and deadlines.
class Timers final : public loop::Loop {
public:
    [[nodiscard]] loop::Time now() const override { return now_; }
    void post(std::move_only_function<void()> /*work*/) override {}
    void turn() {
        now_ += 1us;
        resume_raised();
        expire(now_);
    }

private:
    loop::Time now_{1h};
};

loop::Task<> wait_again_and_again(loop::Signal& signal, loop::Time::duration time) {
    for (;;) (void)co_await signal.wait(signal.loop().after(time));
}

/// One of many waits ends early and begins again, with another deadline.
void move_deadline(benchmark::State& state, std::size_t count) {
    Timers loop;
    std::deque<loop::Signal> signals;
    std::deque<loop::Job> jobs;
    for (std::size_t i = 0; i < count; ++i)
        jobs.push_back(
            loop::Job::start(wait_again_and_again(signals.emplace_back(loop), 1h + i % 100 * 1s)));
    std::size_t next = 0;
    for (auto _ : state) {
        signals[next].raise();
        loop.turn();
        next = (next + 7919) % count;
    }
}

loop::Task<> raise_and_wait(benchmark::State& state, loop::WorkerLoop& loop) {
    loop::Signal signal(loop);
    for (auto _ : state) {
        signal.raise();
        (void)co_await signal.wait(loop::never);
    }
    loop.stop();
}

void turn(benchmark::State& state) {
    loop::WorkerLoop loop;
    const auto job = loop::Job::start(raise_and_wait(state, loop));
    loop.run();
}

/// A byte comes, is noticed and read.
loop::Task<> read_bytes(benchmark::State& state, loop::WorkerLoop& loop, int sender,
                        loop::Descriptor receiver) {
    loop::Signal signal(loop);
    receiver.attach(&signal);
    for (auto _ : state) {
        char byte = 'x';
        receiver.watch_readable();
        check(::write(sender, &byte, 1), "write");
        (void)co_await signal.wait(loop.after(60s));
        check(::read(receiver.native(), &byte, 1), "read");
        receiver.note_drained();
    }
    receiver.attach(nullptr);
    loop.stop();
}

void notice_byte(benchmark::State& state) {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
          "socketpair");
    {
        loop::WorkerLoop loop;
        const auto job = loop::Job::start(
            read_bytes(state, loop, ends[0], loop::Descriptor::open(loop, ends[1]).value()));
        loop.run();
    }
    ::close(ends[0]);
}

/// Asks a loop of another thread, and waits for its answer.
loop::Task<> ask(benchmark::State& state, loop::WorkerLoop& here, loop::WorkerLoop& there) {
    loop::Signal signal(here);
    for (auto _ : state) {
        there.post([&] { here.post([&] { signal.raise(); }); });
        (void)co_await signal.wait(loop::never);
    }
    here.stop();
}

void ask_another_thread(benchmark::State& state) {
    loop::WorkerLoop there;
    std::thread thread([&] { there.run(); });
    {
        loop::WorkerLoop here;
        const auto job = loop::Job::start(ask(state, here, there));
        here.run();
    }
    there.stop();
    thread.join();
}

}  // namespace

void register_loop() {
    using benchmark::RegisterBenchmark;
    for (const std::size_t count : {10U, 10'000U})
        RegisterBenchmark(fmt::format("each/loop: a deadline is moved, of {}", count).c_str(),
                          [count](benchmark::State& state) { move_deadline(state, count); });
    RegisterBenchmark("each/loop: a turn with nothing but a signal", turn);
    RegisterBenchmark("each/loop: a byte is sent, noticed and read", notice_byte);
    RegisterBenchmark("each/loop: another thread is asked and answers", ask_another_thread);
}

}  // namespace ballast::bench
