// SPDX-License-Identifier: Apache-2.0
#include "loop/worker_loop.h"

#include "loop/job.h"

#include <array>
#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <new>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace ballast::loop {
namespace {

using namespace std::chrono_literals;

struct SocketPair {
    std::array<int, 2> ends{};
    SocketPair() {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
                  0);
    }
};

Task<> read_line(WorkerLoop& loop, int native, std::string& line) {
    Signal signal(loop);
    Descriptor descriptor = *Descriptor::open(loop, native);
    descriptor.attach(&signal);
    while (!line.ends_with('\n')) {
        char byte = 0;
        const auto got = ::read(descriptor.native(), &byte, 1);
        if (got == 1) {
            line += byte;
        } else if (got < 0 && errno == EAGAIN) {
            descriptor.watch_readable();
            (void)co_await signal.wait(loop.after(10s));
        } else {
            break;
        }
    }
    loop.stop();
}

TEST(WorkerLoop, reports_turns_that_take_too_long) {
    WorkerLoop loop;
    int told = 0;
    Time::duration seen{};
    loop.watch_turns(5ms, [&](Time::duration took) {
        ++told;
        EXPECT_GE(took, 5ms);
    });
    EXPECT_EQ(loop.in_turn_for(), 0ms);
    loop.post([&] {
        const auto until = loop.now() + 5ms;
        while (loop.now() < until) continue;
        seen = loop.in_turn_for();
    });
    loop.post([&] { loop.stop(); });
    loop.run();
    EXPECT_GE(told, 1);
    EXPECT_GE(seen, 5ms);
    EXPECT_EQ(loop.in_turn_for(), 0ms);
}

TEST(WorkerLoop, wakes_a_task_that_waits_for_a_descriptor) {
    WorkerLoop loop;
    const SocketPair pair;
    std::string line;
    const auto job = Job::start(read_line(loop, pair.ends[0], line));
    std::thread writer([&] {
        for (const char c : std::string("hello\n")) EXPECT_EQ(::write(pair.ends[1], &c, 1), 1);
    });
    loop.run();
    writer.join();
    EXPECT_EQ(line, "hello\n");
    ::close(pair.ends[1]);
}

TEST(WorkerLoop, tells_when_a_full_descriptor_can_be_written_again) {
    WorkerLoop loop;
    const SocketPair pair;
    struct Fills {
        static Task<> then_waits(WorkerLoop& on, int native, int other, bool& woken) {
            Signal signal(on);
            Descriptor descriptor = *Descriptor::open(on, native);
            descriptor.attach(&signal);
            const std::array<char, 4096> bytes{};
            while (::write(native, bytes.data(), bytes.size()) > 0) {
            }
            descriptor.watch_writable();
            on.post([other] {
                std::array<char, 65536> drain{};
                while (::read(other, drain.data(), drain.size()) > 0) {
                }
            });
            woken = co_await signal.wait(on.after(10s));
            on.stop();
        }
    };
    bool woken = false;
    const auto job = Job::start(Fills::then_waits(loop, pair.ends[0], pair.ends[1], woken));
    loop.run();
    EXPECT_TRUE(woken);
    ::close(pair.ends[1]);
}

TEST(WorkerLoop, says_when_it_cannot_watch_a_descriptor) {
    WorkerLoop loop;
    const SocketPair pair;
    ::close(pair.ends[0]);
    ::close(pair.ends[1]);
    const auto opened = Descriptor::open(loop, pair.ends[0]);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault, base::Fault::internal);
    EXPECT_EQ(opened.error().code, std::errc::bad_file_descriptor);
}

TEST(WorkerLoop, goes_on_after_work_without_memory) {
    WorkerLoop loop;
    loop.post([] { throw std::bad_alloc(); });
    loop.post([&] { loop.stop(); });
    loop.run();
}

TEST(WorkerLoop, ends_waits_at_their_deadlines_in_order) {
    WorkerLoop loop;
    std::vector<int> log;
    struct Waits {
        static Task<> then_notes(WorkerLoop& on, std::chrono::milliseconds delay,
                                 std::vector<int>& to, int id) {
            Signal signal(on);
            EXPECT_FALSE(co_await signal.wait(on.after(delay)));
            to.push_back(id);
            if (to.size() == 3) on.stop();
        }
    };
    const auto started = loop.now();
    const auto a = Job::start(Waits::then_notes(loop, 30ms, log, 1));
    const auto b = Job::start(Waits::then_notes(loop, 10ms, log, 2));
    const auto c = Job::start(Waits::then_notes(loop, 20ms, log, 3));
    loop.run();
    EXPECT_EQ(log, (std::vector<int>{2, 3, 1}));
    EXPECT_GE(loop.now() - started, 30ms);
}

TEST(WorkerLoop, runs_what_other_threads_post) {
    WorkerLoop loop;
    std::atomic<int> sum = 0;
    std::vector<std::thread> posters;
    for (int i = 0; i < 4; ++i)
        posters.emplace_back([&] {
            for (int k = 0; k < 250; ++k)
                loop.post([&] {
                    if (++sum == 1000) loop.stop();
                });
        });
    loop.run();
    for (auto& poster : posters) poster.join();
    EXPECT_EQ(sum, 1000);
}

TEST(WorkerLoop, drops_posted_work_that_never_ran) {
    auto witness = std::make_shared<int>(1);
    {
        WorkerLoop loop;
        loop.post([witness] { FAIL(); });
    }
    EXPECT_EQ(witness.use_count(), 1);
}

TEST(Descriptor, may_be_destroyed_while_it_is_watched) {
    WorkerLoop loop;
    const SocketPair pair;
    Signal signal(loop);
    {
        Descriptor descriptor = *Descriptor::open(loop, pair.ends[0]);
        descriptor.attach(&signal);
        descriptor.watch_readable();
        descriptor.watch_writable();
        EXPECT_TRUE(descriptor.is_watching_readable());
    }
    loop.post([&] { loop.stop(); });
    loop.run();
    EXPECT_EQ(::fcntl(pair.ends[0], F_GETFD), -1);
    ::close(pair.ends[1]);
}

TEST(Descriptor, hands_its_socket_over_open) {
    WorkerLoop loop;
    const SocketPair pair;
    Descriptor descriptor = *Descriptor::open(loop, pair.ends[0]);
    EXPECT_EQ(descriptor.release(), pair.ends[0]);
    EXPECT_EQ(descriptor.native(), -1);
    EXPECT_NE(::fcntl(pair.ends[0], F_GETFD), -1);
    ::close(pair.ends[0]);
    ::close(pair.ends[1]);
}

}  // namespace
}  // namespace ballast::loop
