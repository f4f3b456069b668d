// SPDX-License-Identifier: Apache-2.0
// One transfer over several sources.
#include "loop/job.h"
#include "relay/noise.h"
#include "relay/relay.h"
#include "support/data_peer.h"
#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ballast::relay {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;
using support::MemoryStream;
using support::Shape;

constexpr std::uint64_t first = Trail::first_bytes;
constexpr std::uint64_t size = Trail::sample_bytes;
constexpr std::uint64_t every = 64 << 10;

/// One receiver, and one sender after the other.
class Chain {
public:
    explicit Chain(Trail trail, Shape shape = {}) : shape_(shape) {
        continuation.trail = std::move(trail);
        auto [near, far] = MemoryStream::connect(loop, {}, {}, shape);
        sink_ = std::move(near);
        receiver.take(std::move(far));
        report.moved = moved;
    }
    /// A new sender, which continues where the trail asks it to, or at the beginning.
    void begin(bool can_restart = true) {
        job.cancel();
        sender.reset();
        source_.reset();
        auto [near, far] = MemoryStream::connect(loop, {}, {}, shape_);
        source_ = std::move(near);
        sender = std::make_unique<DataPeer>(loop, std::move(far));
        continuation.begin = continuation.trail.begin(report.bytes_taken, can_restart);
        job = loop::Job::start(relay_one_way(loop, *source_, *sink_, Pace(30s, stall_bytes, most),
                                             report, &continuation));
    }
    /// The sender of this file is lost when it has sent so much of it.
    void send_up_to(std::string_view file, std::size_t end) const {
        const auto from = std::min<std::size_t>(continuation.begin, end);
        sender->send(file.substr(from, end - from));
    }
    void lose(std::string_view file, std::size_t end) {
        send_up_to(file, end);
        loop.settle();
        sender->reset();
        loop.settle();
    }
    void finish(std::string_view file) {
        send_up_to(file, file.size());
        sender->finish();
        loop.settle();
    }

    support::TestLoop loop;
    DataPeer receiver{loop};
    std::unique_ptr<DataPeer> sender;
    std::uint64_t stall_bytes = 1;
    guard::Throttle most;
    Continuation continuation;
    Report report;
    std::shared_ptr<std::atomic<std::uint64_t>> moved =
        std::make_shared<std::atomic<std::uint64_t>>(0);
    loop::Job job;

private:
    Shape shape_;
    std::unique_ptr<MemoryStream> source_;
    std::unique_ptr<MemoryStream> sink_;
};

/// Where something may go wrong.
std::vector<std::size_t> cuts(std::size_t end) {
    std::vector<std::size_t> all{0, 1, first - 1, first, first + 1};
    for (const auto sample : {every, 2 * every})
        for (const auto at :
             {sample - 1, sample, sample + 1, sample + size - 1, sample + size, sample + size + 1})
            all.push_back(at);
    for (const auto at : {end - 1, end}) all.push_back(at);
    return all;
}

TEST(Continuation, a_single_source_is_not_checked) {
    const auto file = noise(3 * every);
    Chain chain(Trail::of_samples(every));
    chain.begin();
    chain.finish(file);
    EXPECT_EQ(chain.report.end, End::source_ended);
    EXPECT_EQ(chain.receiver.received(), file);
    EXPECT_EQ(chain.report.bytes_checked, 0U);
    EXPECT_EQ(chain.continuation.trail.samples().size(), 3U);
}

TEST(Continuation, delivers_each_byte_once_wherever_two_sources_are_lost) {
    const auto file = noise(2 * every + every / 2);
    for (const bool can_restart : {true, false})
        for (const auto one : cuts(file.size()))
            for (const auto two : cuts(file.size())) {
                SCOPED_TRACE(fmt::format("lost at {} and at {}, {}", one, two, can_restart));
                Chain chain(Trail::of_samples(every));
                chain.begin();
                chain.lose(file, one);
                ASSERT_EQ(chain.report.end, End::source_failed);
                ASSERT_EQ(chain.report.bytes_taken, one);
                chain.begin(can_restart);
                chain.lose(file, two);
                ASSERT_EQ(chain.report.end, End::source_failed);
                ASSERT_EQ(chain.report.bytes_taken, std::max(one, two));
                // Lost exactly at the end of the check: the next byte would have been for the sink.
                ASSERT_EQ(chain.report.is_checking, two < one);
                chain.begin(can_restart);
                chain.finish(file);
                ASSERT_EQ(chain.report.end, End::source_ended);
                ASSERT_FALSE(chain.report.is_checking);
                ASSERT_EQ(chain.receiver.received(), file);
                ASSERT_EQ(chain.report.bytes_taken, file.size());
                ASSERT_EQ(chain.report.bytes_delivered, file.size());
                ASSERT_EQ(*chain.moved, file.size());
            }
}

}  // namespace
}  // namespace ballast::relay
