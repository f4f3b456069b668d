// SPDX-License-Identifier: Apache-2.0
// One transfer over several sources, over real sockets, where the kernel moves the bytes.
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "metrics/counters.h"
#include "net/socket_stream.h"
#include "relay/noise.h"
#include "relay/relay.h"
#include "relay/sockets.h"
#include "support/between.h"
#include "support/data_peer.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace ballast::relay {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;

constexpr std::uint64_t first = Trail::first_bytes;
constexpr std::uint64_t size = Trail::sample_bytes;
constexpr std::uint64_t every = 256 << 10;

/// Everything runs on one loop: the receiver, one sender after the other, and the relay.
class SpliceChain {
public:
    SpliceChain() : sink_(connect(receiver)) {
        // Like the daemon: splice(2) has no MSG_NOSIGNAL.
        std::signal(SIGPIPE, SIG_IGN);
        continuation.trail = Trail::of_samples(every);
    }
    /// Runs a story that is told by a coroutine.
    void run(loop::Task<> story) {
        const auto job = loop::Job::start(stop_after(std::move(story)));
        loop_.run();
    }

    /// The next source.
    loop::Task<> begin(bool is_tls = false) {
        job_.cancel();
        source_.reset();
        sender = std::make_unique<DataPeer>(loop_);
        if (is_tls)
            sender->begin_tls([this](auto plain) {
                return roles_.wrap_server(std::move(plain), net::TlsStream::Use::data);
            });
        auto plain = connect(*sender);
        if (is_tls) {
            auto secured = roles_.wrap_client(std::move(plain), net::TlsStream::Use::data);
            const net::Attached attached(*secured, signal_);
            const auto done =
                co_await secured->handshake(signal_, base::Fault::backend, loop_.after(10s));
            EXPECT_TRUE(done);
            source_ = std::move(secured);
        } else {
            source_ = std::move(plain);
        }
        continuation.begin = continuation.trail.begin(report.bytes_taken, true);
        job_ = loop::Job::start(
            relay_one_way(loop_, *source_, *sink_, Pace(60s), report, &continuation));
    }
    void send_up_to(std::string_view file, std::size_t end) const {
        const auto from = std::min<std::size_t>(continuation.begin, end);
        sender->send(file.substr(from, end - from));
    }
    /// A killed backend: its data connection ends as if the file were over.
    loop::Task<> lose(std::string_view file, std::size_t end) {
        send_up_to(file, end);
        sender->finish();
        co_await until([this] { return job_.is_done(); });
    }
    /// Waits in the loop's turns until the condition holds.
    loop::Task<> until(std::function<bool()> condition) {
        const auto limit = loop_.after(30s);
        while (!condition()) {
            if (loop_.now() > limit) {
                ADD_FAILURE() << "waited too long";
                co_return;
            }
            signal_.raise();
            (void)co_await signal_.wait(limit);
        }
    }
    loop::Task<> receive(std::size_t bytes) {
        co_await until([this, bytes] { return receiver.received().size() >= bytes; });
    }
    void cancel() { job_.cancel(); }
    /// A byte out of band, which is none of the file's.
    void send_urgent() const { EXPECT_EQ(::send(sender_socket_, "!", 1, MSG_OOB), 1); }

private:
    loop::Task<> stop_after(loop::Task<> story) {
        co_await std::move(story);
        loop_.stop();
    }
    std::unique_ptr<net::Stream> connect(DataPeer& peer) {
        Connection connection(64 << 10);
        sender_socket_ = connection.far.get();
        EXPECT_EQ(::fcntl(sender_socket_, F_SETFL, O_NONBLOCK), 0);
        auto near = std::make_unique<net::SocketStream>(loop_, std::move(connection.near),
                                                        base::Address(), base::Address());
        peer.take(std::make_unique<net::SocketStream>(loop_, std::move(connection.far),
                                                      base::Address(), base::Address()));
        return near;
    }

    loop::WorkerLoop loop_;
    loop::Signal signal_{loop_};
    support::TlsRoles roles_{base::TlsVersion::tls_1_3};
    int sender_socket_ = -1;

public:
    DataPeer receiver{loop_};
    std::unique_ptr<DataPeer> sender;
    Continuation continuation;
    Report report;

private:
    std::unique_ptr<net::Stream> source_;
    std::unique_ptr<net::Stream> sink_;
    loop::Job job_;
};

void expect_whole(const SpliceChain& chain, const std::string& file) {
    EXPECT_EQ(chain.report.end, End::source_ended);
    EXPECT_TRUE(chain.receiver.received() == file);
    EXPECT_EQ(chain.report.bytes_taken, file.size());
    EXPECT_EQ(chain.report.bytes_delivered, file.size());
}

loop::Task<> one_source(SpliceChain& chain, const std::string& file) {
    co_await chain.begin();
    co_await chain.lose(file, file.size());
    co_await chain.receive(file.size());
}

TEST(SplicedContinuation, only_the_samples_pass_through_memory) {
    const auto file = noise(5 * every + 100);
    const auto spliced_before = metrics::total(metrics::Counter::bytes_spliced);
    const auto copied_before = metrics::total(metrics::Counter::bytes_copied);
    SpliceChain chain;
    chain.run(one_source(chain, file));
    expect_whole(chain, file);
    const auto spliced = metrics::total(metrics::Counter::bytes_spliced) - spliced_before;
    const auto copied = metrics::total(metrics::Counter::bytes_copied) - copied_before;
    EXPECT_EQ(spliced + copied, file.size());
    EXPECT_GE(copied, first + 4 * size + 100);
    EXPECT_GT(spliced, file.size() / 2);
    const auto& samples = chain.continuation.trail.samples();
    ASSERT_EQ(samples.size(), 4U);
    EXPECT_TRUE(samples[0].bytes == file.substr(0, first));
    EXPECT_EQ(samples[1].offset, 3 * every);
    EXPECT_TRUE(samples[1].bytes == file.substr(3 * every, size));
    EXPECT_TRUE(samples[3].bytes == file.substr(5 * every));
}

loop::Task<> three_sources(SpliceChain& chain, const std::string& file, std::size_t one,
                           std::size_t two) {
    co_await chain.begin();
    co_await chain.lose(file, one);
    co_await chain.begin();
    co_await chain.lose(file, two);
    EXPECT_EQ(chain.report.end, two < one ? End::differs : End::source_ended);
    co_await chain.begin();
    co_await chain.lose(file, file.size());
    co_await chain.receive(file.size());
}

TEST(SplicedContinuation, delivers_each_byte_once_wherever_two_sources_are_lost) {
    const auto file = noise(2 * every + 1000);
    const std::vector<std::size_t> cuts{0,
                                        1,
                                        first - 1,
                                        first,
                                        first + 1,
                                        every - 1,
                                        every,
                                        every + 1,
                                        every + size - 1,
                                        every + size,
                                        every + size + 1,
                                        2 * every,
                                        2 * every + 500,
                                        file.size() - 1,
                                        file.size()};
    for (const auto one : cuts)
        for (const auto two : cuts) {
            SCOPED_TRACE(fmt::format("lost at {} and at {}", one, two));
            SpliceChain chain;
            chain.run(three_sources(chain, file, one, two));
            expect_whole(chain, file);
            if (testing::Test::HasFailure()) return;
        }
}

/// The receiver does not read, so a pipe is full of bytes when the first source is given up.
loop::Task<> full_pipe(SpliceChain& chain, const std::string& file, bool second_is_tls) {
    co_await chain.begin();
    chain.receiver.stop_reading();
    chain.send_up_to(file, file.size());
    co_await chain.until([&] { return chain.report.sink_is_slow; });
    chain.cancel();
    const auto& undelivered = chain.continuation.undelivered;
    EXPECT_TRUE(undelivered.pipe);
    EXPECT_GT(undelivered.in_pipe, 0U);
    EXPECT_EQ(undelivered.in_pipe, chain.report.bytes_taken - chain.report.bytes_delivered);
    co_await chain.begin(second_is_tls);
    EXPECT_FALSE(undelivered.pipe);
    chain.send_up_to(file, file.size());
    chain.sender->finish();
    co_await chain.until([&] { return !chain.report.is_checking; });
    chain.receiver.resume_reading();
    co_await chain.receive(file.size());
    co_await chain.until([&] { return chain.report.end != End::running; });
}

TEST(SplicedContinuation, delivers_what_a_pipe_has_kept) {
    const auto file = noise(16 << 20);
    for (const bool second_is_tls : {false, true}) {
        SpliceChain chain;
        chain.run(full_pipe(chain, file, second_is_tls));
        expect_whole(chain, file);
        EXPECT_FALSE(chain.continuation.undelivered.pipe);
    }
}

/// A pipe with bytes of one transfer must not serve another.
loop::Task<> abandoned_pipe(SpliceChain& chain, const std::string& file) {
    co_await chain.begin();
    chain.receiver.stop_reading();
    chain.send_up_to(file, file.size());
    co_await chain.until([&] { return chain.report.sink_is_slow; });
    chain.cancel();
    chain.continuation.undelivered = {};
}

TEST(SplicedContinuation, a_pipe_that_keeps_bytes_goes_to_no_other_transfer) {
    const auto file = noise(4 << 20);
    SpliceChain abandoned;
    abandoned.run(abandoned_pipe(abandoned, file));
    for (int i = 0; i < 20; ++i) {
        SpliceChain chain;
        chain.run(one_source(chain, file));
        expect_whole(chain, file);
    }
}

loop::Task<> urgent_bytes(SpliceChain& chain, const std::string& file) {
    co_await chain.begin();
    chain.sender->send(std::string_view(file).substr(0, every / 2));
    co_await chain.until([&] { return chain.report.bytes_taken == every / 2; });
    chain.send_urgent();
    chain.sender->send(std::string_view(file).substr(every / 2, every));
    co_await chain.until([&] { return chain.report.bytes_taken == every / 2 + every; });
    co_await chain.begin();
    chain.sender->send(std::string_view(file).substr(every, 100));
    co_await chain.until([&] { return chain.report.bytes_checked == 100; });
    chain.send_urgent();
    chain.sender->send(std::string_view(file).substr(every + 100));
    chain.sender->finish();
    co_await chain.receive(file.size());
    co_await chain.until([&] { return chain.report.end != End::running; });
}

TEST(SplicedContinuation, urgent_data_are_no_part_of_the_file) {
    const auto file = noise(3 * every);
    SpliceChain chain;
    chain.run(urgent_bytes(chain, file));
    expect_whole(chain, file);
}

/// Plain and TLS sources in turn, with a slow receiver in between.
loop::Task<> mixed_sources(SpliceChain& chain, const std::string& file) {
    for (std::size_t i = 1; i <= 6; ++i) {
        co_await chain.begin(i % 2 == 0);
        if (i % 3 == 0) chain.receiver.stop_reading();
        chain.send_up_to(file, i * file.size() / 7);
        co_await chain.until([&] {
            return chain.report.sink_is_slow || chain.report.bytes_taken == i * file.size() / 7;
        });
        chain.cancel();
        chain.receiver.resume_reading();
    }
    co_await chain.begin(true);
    chain.send_up_to(file, file.size());
    chain.sender->finish();
    co_await chain.receive(file.size());
    co_await chain.until([&] { return chain.report.end != End::running; });
}

TEST(SplicedContinuation, plain_and_tls_sources_follow_each_other) {
    const auto file = noise(7 << 20);
    SpliceChain chain;
    chain.run(mixed_sources(chain, file));
    expect_whole(chain, file);
}

}  // namespace
}  // namespace ballast::relay
