// SPDX-License-Identifier: Apache-2.0
#include "loop/worker_loop.h"

#include "base/owned_fd.h"
#include "loop/job.h"

#include <array>
#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
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
        while (std::chrono::steady_clock::now() < until) continue;
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

/// Two ends of a TCP connection.
SocketPair connected() {
    SocketPair pair;
    for (const int end : pair.ends) ::close(end);
    const base::OwnedFd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof where;
    auto* const address = reinterpret_cast<sockaddr*>(&where);
    EXPECT_EQ(::bind(listening.get(), address, length), 0);
    EXPECT_EQ(::listen(listening.get(), 1), 0);
    EXPECT_EQ(::getsockname(listening.get(), address, &length), 0);
    pair.ends[1] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(pair.ends[1], address, length), 0);
    pair.ends[0] = ::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int on = 1;
    ::setsockopt(pair.ends[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    return pair;
}

/// Reads as a stream does: a read that was shorter than it could have been has emptied it.
Task<> read_to_the_end(WorkerLoop& loop, int native, std::string& text) {
    Signal signal(loop);
    Descriptor descriptor = *Descriptor::open(loop, native);
    descriptor.attach(&signal);
    for (;;) {
        std::array<char, 100> bytes{};
        const auto got = ::recv(native, bytes.data(), bytes.size(), 0);
        if (got == 0) break;
        if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
        if (got < static_cast<ssize_t>(bytes.size())) descriptor.note_drained();
        descriptor.watch_readable();
        if (!co_await signal.wait(loop.after(10s))) break;
    }
    loop.stop();
}

TEST(Descriptor, tells_of_an_end_that_came_with_the_last_bytes) {
    WorkerLoop loop;
    const auto pair = connected();
    EXPECT_EQ(::send(pair.ends[1], "bye", 3, 0), 3);
    ::close(pair.ends[1]);
    std::string text;
    const auto job = Job::start(read_to_the_end(loop, pair.ends[0], text));
    const auto began = loop.now();
    loop.run();
    EXPECT_EQ(text, "bye");
    EXPECT_LT(loop.now() - began, 5s);
}

TEST(Descriptor, tells_of_bytes_behind_urgent_ones) {
    WorkerLoop loop;
    const auto pair = connected();
    EXPECT_EQ(::send(pair.ends[1], "a", 1, 0), 1);
    EXPECT_EQ(::send(pair.ends[1], "b", 1, MSG_OOB), 1);
    EXPECT_EQ(::send(pair.ends[1], "c", 1, 0), 1);
    std::string text;
    const auto job = Job::start(read_to_the_end(loop, pair.ends[0], text));
    const auto began = loop.now();
    loop.post([&] {
        EXPECT_EQ(::send(pair.ends[1], "d", 1, MSG_OOB), 1);
        EXPECT_EQ(::send(pair.ends[1], "e", 1, 0), 1);
        ::shutdown(pair.ends[1], SHUT_WR);
    });
    loop.run();
    EXPECT_EQ(text, "abcde");
    EXPECT_LT(loop.now() - began, 5s);
    ::close(pair.ends[1]);
}

TEST(Descriptor, tells_at_once_of_bytes_that_were_left_unread) {
    WorkerLoop loop;
    const SocketPair pair;
    EXPECT_EQ(::write(pair.ends[1], "two", 3), 3);
    Descriptor descriptor = *Descriptor::open(loop, pair.ends[0]);
    Signal signal(loop);
    descriptor.attach(&signal);
    descriptor.watch_readable();
    EXPECT_TRUE(descriptor.is_watching_readable());
    struct Waits {
        static Task<> reads_one_at_a_time(WorkerLoop& on, Descriptor& from, Signal& raised,
                                          std::string& text) {
            while (text.size() < 3 && co_await raised.wait(on.after(10s))) {
                EXPECT_FALSE(from.is_watching_readable());
                char byte = 0;
                EXPECT_EQ(::read(from.native(), &byte, 1), 1);
                text += byte;
                from.watch_readable();
            }
            // Nothing is left, which only the system can tell.
            EXPECT_TRUE(from.is_watching_readable());
            on.stop();
        }
    };
    std::string text;
    const auto job = Job::start(Waits::reads_one_at_a_time(loop, descriptor, signal, text));
    loop.run();
    EXPECT_EQ(text, "two");
    ::close(pair.ends[1]);
}

/// As when a child process has a copy for a moment.
TEST(Descriptor, an_event_of_a_former_one_goes_to_nobody) {
    WorkerLoop loop;
    const SocketPair former;
    const SocketPair present;
    const int copy = ::fcntl(former.ends[0], F_DUPFD_CLOEXEC, 0);
    {
        const Descriptor closed =
            *Descriptor::open(loop, former.ends[0], Descriptor::Origin::accepted);
    }
    Descriptor descriptor = *Descriptor::open(loop, present.ends[0]);
    Signal signal(loop);
    descriptor.attach(&signal);
    descriptor.watch_readable();
    EXPECT_EQ(::write(former.ends[1], "x", 1), 1);
    loop.post([&] { loop.post([&] { loop.stop(); }); });
    loop.run();
    EXPECT_TRUE(descriptor.is_watching_readable());
    for (const int end : {former.ends[1], present.ends[1], copy}) ::close(end);
}

/// As when a listening socket goes from one listener to another.
TEST(Descriptor, the_number_of_a_former_one_may_be_that_of_another_copy) {
    WorkerLoop loop;
    const SocketPair pair;
    const int copy = ::fcntl(pair.ends[0], F_DUPFD_CLOEXEC, 0);
    {
        const Descriptor closed = *Descriptor::open(loop, pair.ends[0]);
    }
    ASSERT_EQ(::dup2(copy, pair.ends[0]), pair.ends[0]);
    const auto again = Descriptor::open(loop, pair.ends[0]);
    EXPECT_TRUE(again);
    for (const int end : {pair.ends[1], copy}) ::close(end);
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
